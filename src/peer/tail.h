/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_TAIL_H
#define GW_PEER_TAIL_H

/* The sending side's book: ids, the batch being filled, and quotas. Pure; the shell guards it with the peer's lock.
 *
 *   append -> [open batch per destination] -> take -> (turn: stored) -> stored -> settled -> released
 */

#include "base/ranges.h"
#include "core/batch.h"
#include "core/frame.h"
#include <stdbool.h>

#define GW_BATCH_BYTES_MAX (256 * 1024) /* a batch is closed before it grows beyond; a larger message is one alone */
#define GW_BATCH_COUNT_MAX 65536

struct gw_tail_options {
    uint64_t outbox_max_bytes;
    uint64_t outbox_max_messages;
    uint64_t unsubmitted_max_bytes; /* bytes appended and not yet taken by the turn; default 8 MiB */
    uint64_t max_message;
    uint64_t seed;
};

struct gw_tail;

struct gw_tail *gw_tail_new(const struct gw_tail_options *options);
void gw_tail_destroy(struct gw_tail **tail);

/* What an earlier open left in the outbox counts against the quota. */
void gw_tail_recovered(struct gw_tail *tail, uint64_t messages, uint64_t bytes);

enum gw_tail_result {
    GW_TAIL_OK = 0,
    GW_TAIL_FULL,      /* quota, or too much unsubmitted: wait and try again */
    GW_TAIL_TOO_LARGE,
    GW_TAIL_NOMEM
};

/* Appends one message; `epoch_entropy` is used if the destination has no epoch yet in this open (non-zero, from
 * the CSPRNG). On GW_TAIL_OK the id is set; nothing changed otherwise. */
enum gw_tail_result gw_tail_append(struct gw_tail *tail, const struct gw_destination *destination, const void *data,
                                   size_t size, uint64_t epoch_entropy, uint64_t *epoch, uint64_t *sequence);

/* True if the destination has no epoch yet: the caller then brings entropy. */
bool gw_tail_needs_epoch(struct gw_tail *tail, const struct gw_destination *destination);

/* Closes and hands over the next filled batch, oldest destination first; NULL if nothing waits. One reference passes. */
struct gw_batch *gw_tail_take(struct gw_tail *tail, struct gw_destination *destination);

/* A transaction's outputs: all or none get ids, as batches of their own, in order behind what was appended before
 * (which is closed first, and handed over by take first). sizes[i] bytes at datas[i], grouped by the caller per
 * destination. Returns one batch per group. */
struct gw_tail_group {
    struct gw_destination destination;
    const void *const *datas;
    const size_t *sizes;
    size_t count;
    uint64_t epoch_entropy;
    struct gw_batch *batch; /* result */
};
enum gw_tail_result gw_tail_transaction(struct gw_tail *tail, struct gw_tail_group *groups, size_t group_count);

void gw_tail_stored(struct gw_tail *tail, uint64_t epoch, uint64_t upto);
int gw_tail_settled(struct gw_tail *tail, uint64_t epoch, uint64_t first, uint64_t last);
void gw_tail_released(struct gw_tail *tail, uint64_t messages, uint64_t bytes);
/* The store failed: batches that were not stored are given up (their ids answer NOT_STORED), every epoch ends and the
 * next append draws a new one. `is_stored` was found out by the caller for each batch in doubt: see gw_tail_pending. */
void gw_tail_failed(struct gw_tail *tail);

enum gw_tail_state { GW_TAIL_UNKNOWN, GW_TAIL_WAITING, GW_TAIL_STORED, GW_TAIL_SETTLED, GW_TAIL_NOT_STORED };
enum gw_tail_state gw_tail_state(const struct gw_tail *tail, uint64_t epoch, uint64_t sequence);

uint64_t gw_tail_outbox_messages(const struct gw_tail *tail); /* sent and not released */
uint64_t gw_tail_outbox_bytes(const struct gw_tail *tail);
uint64_t gw_tail_unstored(const struct gw_tail *tail);        /* messages sent and not stored */

#endif
