/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_WIRE_COLUMNS_H
#define GW_WIRE_COLUMNS_H

/* The lengths column: how a batch's or run's body splits into messages.
 *
 *     lengths = %x00 varint(length)            ; every message has this length
 *             / %x01 count*varint(length)      ; one each
 *
 * The column of a run is written from the batch's ends (see core/batch.h), so that a run of any batch is
 * a slice of its body and a few bytes. */

#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

/* ends[i] is the offset at which message i ends (ends == NULL: every message is `fixed` bytes long).
 * Writes the column for messages from..from+count-1 of the batch. */
void gw_lengths_write(struct gw_buffer *out, const uint32_t *ends, uint32_t fixed, uint64_t from, uint64_t count);

/* Checks that the column describes exactly `count` messages that fill `body_size`, none above `max_message`;
 * writes count ends into `ends` if it is not NULL. *fixed is set (and *is_fixed true) for equal lengths; then
 * `ends` is filled too if given. 0 or -EINVAL. */
int gw_lengths_read(struct gw_slice column, uint64_t count, uint64_t body_size, uint64_t max_message,
                    uint32_t *ends, bool *is_fixed, uint32_t *fixed);

#endif
