/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_ROW_BYTES_H
#define GW_STORE_ROW_BYTES_H

/* What row.c (facts) and row_batch.c (messages) share: how a row is built in place in a write, and
 * how one is checked before anything of it is believed. */

#include "store/row.h"

/* Begin, append the key, begin the value, append, end: the checksum gets its place before the
 * value and is put there when the rest is known. */
struct gw_row_building {
    struct gw_write *write;
    size_t key;
    size_t value;
};

struct gw_buffer *gw_row_begin(struct gw_row_building *building, struct gw_write *write);
struct gw_buffer *gw_row_begin_value(struct gw_row_building *building);
void gw_row_end(const struct gw_row_building *building);
/* The value is followed by `outside`, which is not copied and has a checksum of its own, the last
 * four bytes of the value before it: so the row can be checked where `outside` is not at hand. */
void gw_row_end_outside(const struct gw_row_building *building, struct gw_slice outside,
                        uint32_t outside_crc);
/* Key and facts of a row; of a dead letter the message is missing. */
void gw_row_put_key_of(struct gw_buffer *out, const struct gw_row *row);
void gw_row_put_facts_of(struct gw_buffer *out, const struct gw_row *row);

/* Sets `rest` to what the checksum covers of the value; false: it is wrong. */
bool gw_row_check(struct gw_slice key, struct gw_slice value, struct gw_slice *rest);
/* As gw_row_read, but what follows the facts is left in `rest`. */
enum gw_store_error gw_row_read_facts(struct gw_slice key, struct gw_slice value,
                                      struct gw_row *row, struct gw_reader *rest);

#endif
