/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_WIRE_COLUMNS_H
#define GW_WIRE_COLUMNS_H

/* The lengths column: how a batch's or run's body splits into messages.
 *
 *     lengths = %x00 varint(length)            ; every message has this length
 *             / %x01 count*varint(length)      ; one each
 *
 * The column of a run is written from the batch's ends (see core/batch.h), so that a run of any
 * batch is a slice of its body and a few bytes. */

#include "base/bytes.h"
#include "base/ranges.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ends[i] is the offset at which message i ends (ends == NULL: every message is `fixed` bytes
 * long). Writes the column for messages from..from+count-1 of the batch, count > 0. Equal lengths
 * are found and written as one. */
void gw_lengths_write(struct gw_buffer *out, const uint32_t *ends, uint32_t fixed, uint64_t from,
                      uint64_t count);

/* Checks that the column describes exactly `count` messages that fill `body_size`, none above
 * `max_message`; writes count ends into `ends` if it is not NULL. *is_fixed tells whether the
 * column gives one length for all, and *fixed that length, else 0; `ends` is filled in both cases.
 * 0 or -EINVAL; then what was written means nothing. */
int gw_lengths_read(struct gw_slice column, uint64_t count, uint64_t body_size,
                    uint64_t max_message, uint32_t *ends, bool *is_fixed, uint32_t *fixed);

/* The heads column, of the same form: how many bytes of each message are its headers, which stand
 * before its own bytes and count in its length. Nothing is written if no message has any. */
void gw_heads_write(struct gw_buffer *out, const uint32_t *heads, uint64_t from, uint64_t count);
/* `ends` as from gw_lengths_read: no message may have more bytes of headers than bytes, or than
 * GW_HEADS_MAX. Writes `count` sizes. 0 or -EINVAL. */
int gw_heads_read(struct gw_slice column, uint64_t count, const uint32_t *ends, uint32_t *heads);

/* The ranges column: which sequences, as gaps and extents from a floor up.
 *
 *     ranges = *( varint(gap) varint(extent) )
 *
 *      floor   +gap = first  +extent = last  +2 +gap = first ...
 *        |------->[==============]------------>[=====]
 *
 * Two ranges of a set are never adjacent, so at least one sequence lies between them and is not
 * counted in the gap. Unsorted, overlapping, touching or inverted ranges cannot be written down. */

/* The ranges must be such a set, from floor up: gw_ranges_column_valid. */
void gw_ranges_column_write(struct gw_buffer *out, const struct gw_range *ranges, size_t count,
                            uint64_t floor);
size_t gw_ranges_column_size(const struct gw_range *ranges, size_t count, uint64_t floor);
/* Sorted, disjoint, not adjacent, within floor..GW_SEQUENCE_MAX. */
bool gw_ranges_column_valid(const struct gw_range *ranges, size_t count, uint64_t floor);

/* Writes at most `capacity` ranges; *count is set. 0 or -EINVAL. */
int gw_ranges_column_read(struct gw_slice column, uint64_t floor, struct gw_range *ranges,
                          size_t capacity, size_t *count);

#endif
