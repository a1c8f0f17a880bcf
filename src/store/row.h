/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_ROW_H
#define GW_STORE_ROW_H

/* The rows of a peer's store: keys that sort, values that check themselves. Pure.
 *
 *   key               value                                             written with
 *   'M'               meta: format, name, uuid, opens, process nonce    each open
 *   'e' epoch         stream: open number, destination, floor, last   first batch; floor moves;
 *                     offered, ordered                                  something comes back
 *   'b' epoch last    batch: numbers, lengths, heads, body              submission
 *   's' epoch first   settled: last                                     settlement above the floor
 *   'a' epoch first   assignment: last, number, member, whether it may  before its DATA (rule 7)
 *                     be a duplicate
 *   'o' epoch member  offered: known                                    member's first assignment
 *   'w' epoch         window: owner, destination, floor, closed, last,  first decision; floor moves
 *                     whether the owner is a memory peer
 *   'd' epoch first   decided: last                                     decision above the floor
 *   't' epoch seq     story: attempts, times, code, text                a failed attempt
 *   'j' epoch seq     exception: rejected or skipped, code, text        that decision
 *   'h' epoch first   crashed: last, number of the offer                the open after the crash
 *   'D' epoch seq     dead letter: why, where, attempts, the message    with its settlement
 *   'O' number        outcome: epoch, first, last, how                  with the settlement
 *   'O' 0             how far outcomes were read: as `first` and `last` when they are forgotten
 *   'x' space 00 key  an application's own key                          transactions
 *
 * Integers in keys are big-endian u64; a batch's key has its *last* sequence, so that a seek to
 * (epoch, s) finds the batch that holds s. Every value starts with crc32c(key, rest of value) as
 * u32, so that a misdirected or stale write is found (fault D25); but a batch's body has a checksum
 * of its own, so that the rest can be checked without it. The bytes, as a grammar, are in
 * docs/internals/store.md. */

#include "base/bytes.h"
#include "core/batch.h"
#include "core/frame.h"
#include "core/record.h"
#include "store/store.h"

/* Adds a put or a delete of the row (for a delete only the key fields count). Out of memory:
 * gw_write_failed. Puts of batches, dead letters and application keys have calls of their own, and
 * so have deletes of application keys; a batch is deleted by kind, epoch and last. A text beyond
 * GW_TEXT_MAX is cut off. */
void gw_row_put(struct gw_write *write, const struct gw_row *row);
void gw_row_delete(struct gw_write *write, const struct gw_row *row);
/* The batch must stay held until the write is done: its body is not copied. */
void gw_row_put_batch(struct gw_write *write, const struct gw_batch *batch);
void gw_row_put_key(struct gw_write *write, const char *space, struct gw_slice key,
                    struct gw_slice value);
void gw_row_delete_key(struct gw_write *write, const char *space, struct gw_slice key);

/* A dead letter: the row, with epoch and first as the message's id, and its destination; headers
 * and bytes are copied from the batch, whose body is in memory. */
void gw_row_put_dead(struct gw_write *write, const struct gw_row *row,
                     const struct gw_batch *batch);

/* Reads any row but batches and application keys; of dead letters all but the message. Texts point
 * into the value. GW_STORE_OK, GW_STORE_CORRUPT, GW_STORE_VERSION (meta only). The row is set only
 * on success. */
enum gw_store_error gw_row_read(struct gw_slice key, struct gw_slice value, struct gw_row *row);
/* Makes a batch (one reference), with its body (copied) if `with_body`. GW_STORE_OK,
 * GW_STORE_CORRUPT, GW_STORE_NOMEM; GW_STORE_LOST: the body was wanted, and a scan gave the row
 * without it (store.h). */
enum gw_store_error gw_row_read_batch(struct gw_slice key, struct gw_slice value, bool with_body,
                                      struct gw_batch **batch);
/* A dead letter's row and its message, which points into the value; its first `head` bytes are
 * headers. */
enum gw_store_error gw_row_read_message(struct gw_slice key, struct gw_slice value,
                                        struct gw_row *row, uint32_t *head,
                                        struct gw_slice *message);
/* Checks an application key's value and gives the slice without its checksum. */
enum gw_store_error gw_row_read_key(struct gw_slice key, struct gw_slice value,
                                    struct gw_slice *user_value);

/* Key bytes, for seeks, in place of what `key` held: the first possible key of a kind, at or after
 * the epoch and the sequence as far as the kind has them; an outcome's number stands for the
 * epoch. */
void gw_row_seek(struct gw_buffer *key, enum gw_row_kind kind, uint64_t epoch, uint64_t sequence);
/* The first key after all those of a kind and epoch: where a scan of them ends. */
void gw_row_seek_end(struct gw_buffer *key, enum gw_row_kind kind, uint64_t epoch);
void gw_row_seek_key(struct gw_buffer *key, const char *space, struct gw_slice prefix);

#endif
