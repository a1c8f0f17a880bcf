/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_APART_H
#define GW_STORE_APART_H

/* How LevelDB's values say where their bodies are. Pure.
 *
 *     key of a batch   00 value                the body is in the value: it is small
 *                      01 reference prefix     it is in bodies/, and follows the prefix
 *     ff ff u64(file) u64(offset)              one for each reference: who is in a file, without
 *                      reference key           looking at every batch
 *     any other key    value
 *
 *     reference = varint(file) varint(offset) varint(size) u32(crc of the body) flag(synced)
 *                 u32 crc32c(key, reference up to here)
 *
 * Prefix and body are the two parts of a value in gw_write_op; the reference's checksum covers the
 * batch's key, so that one of another row is not believed. */

#include "store/bodies.h"
#include "store/store.h"

/* Only values of batches are kept apart, and looked for there. */
bool gw_apart_may_be(struct gw_slice key);

enum gw_apart_form { GW_APART_INLINE, GW_APART_REFERENCE };

void gw_apart_put_inline(struct gw_buffer *value);
void gw_apart_put_reference(struct gw_buffer *value, struct gw_slice key,
                            const struct gw_body *body);
/* `rest`: the value, or its prefix. False: damaged. */
bool gw_apart_read(struct gw_slice key, struct gw_slice stored, enum gw_apart_form *form,
                   struct gw_body *body, struct gw_slice *rest);

/* The rows that say who is in a file lie behind all others. */
extern const struct gw_slice gw_apart_rows;
void gw_apart_seek(struct gw_buffer *row, uint64_t file, uint64_t offset);
void gw_apart_put_row(struct gw_buffer *value, struct gw_slice key, const struct gw_body *body);
/* `key`: the batch's. False: damaged. */
bool gw_apart_read_row(struct gw_slice row, struct gw_slice stored, struct gw_body *body,
                       struct gw_slice *key);

#endif
