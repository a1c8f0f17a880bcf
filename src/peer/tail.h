/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_TAIL_H
#define GW_PEER_TAIL_H

/* The sending side's book: ids, the batch being filled, and quotas. Pure; the shell guards it with
 * the peer's lock.
 *
 *   append -> [open batch per destination] -> take -> (turn) -> stored -> settled -> released
 */

#include "base/bytes.h"
#include "base/ranges.h"
#include "core/batch.h"
#include "core/frame.h"
#include "core/record.h"

#include <stdbool.h>

#define GW_BATCH_BYTES_MAX       (256 * 1024) /* a batch is closed before it grows beyond; */
#define GW_BATCH_COUNT_MAX       65536        /* a larger message is one alone */
/* Of what one transaction sends to one destination, which is one batch. */
#define GW_GROUP_BYTES_MAX       GW_MESSAGE_MAX
#define GW_TAIL_DESTINATIONS_MAX 16384        /* that one open may send to */

struct gw_tail_options {
    uint64_t outbox_max_bytes;      /* 0: no limit */
    uint64_t outbox_max_messages;   /* 0: no limit */
    uint64_t unsubmitted_max_bytes; /* appended and not yet taken by the turn, with 4 bytes more
                                     * per message; 0: 8 MiB. One message may always wait. */
    uint64_t max_message;           /* 0, or more than GW_MESSAGE_MAX: GW_MESSAGE_MAX */
    uint64_t seed;                  /* for hash order */
};

struct gw_tail;

struct gw_tail *gw_tail_new(const struct gw_tail_options *options); /* NULL: out of memory */
void gw_tail_destroy(struct gw_tail **tail);

/* What the store's outbox holds after recovery counts against the quota: what an earlier open left
 * there, or, after gw_tail_failed, this one. Of a destination's part, its share is told besides: 0
 * or -ENOMEM. */
void gw_tail_recovered(struct gw_tail *tail, uint64_t messages, uint64_t bytes);
int gw_tail_recovered_of(struct gw_tail *tail, const struct gw_destination *destination,
                         uint64_t messages, uint64_t bytes);

/* A destination's share of the outbox; 0: no limit of its own. When it is full, only its senders
 * wait. 0 or -ENOMEM. */
int gw_tail_limit(struct gw_tail *tail, const struct gw_destination *destination,
                  uint64_t max_messages, uint64_t max_bytes);

/* Dead letters take room of the outbox, but are no part of what is drained. Negative: these are
 * gone. The two may be told in either order. */
void gw_tail_dead(struct gw_tail *tail, int64_t messages, int64_t bytes);

enum gw_tail_result {
    GW_TAIL_OK = 0,
    GW_TAIL_FULL,         /* quota, or too much unsubmitted: wait and try again */
    GW_TAIL_SHARE_FULL,   /* the destination's share of it: the same */
    GW_TAIL_TOO_LARGE,    /* a message above max_message, or that the outbox could never hold */
    GW_TAIL_NOMEM,
    GW_TAIL_DESTINATIONS  /* GW_TAIL_DESTINATIONS_MAX are in use: waiting does not help */
};

/* Appends one message; `epoch_entropy` is used if the destination has no epoch yet in this open
 * (non-zero, from the CSPRNG). On GW_TAIL_OK the id is set; nothing changed otherwise. */
enum gw_tail_result gw_tail_append(struct gw_tail *tail, const struct gw_destination *destination,
                                   const void *data, size_t size, uint64_t epoch_entropy,
                                   uint64_t *epoch, uint64_t *sequence);

/* The same for a message that begins with a block of headers, at most GW_HEADS_MAX bytes. */
enum gw_tail_result gw_tail_append_headed(struct gw_tail *tail,
                                          const struct gw_destination *destination,
                                          struct gw_slice head, struct gw_slice data,
                                          uint64_t epoch_entropy, uint64_t *epoch,
                                          uint64_t *sequence);

/* Closes and hands over the next filled batch, the destinations in turn, the one that waits longest
 * first; NULL if nothing waits. One reference passes. The batches of one destination come in the
 * order of their sequences. */
struct gw_batch *gw_tail_take(struct gw_tail *tail, struct gw_destination *destination);

/* A transaction's outputs: all or none get ids, as batches of their own, in order behind what was
 * appended before (which is closed first, and handed over by take: the caller takes all of that,
 * under the same lock, before it passes the transaction on). sizes[i] bytes at datas[i], grouped by
 * the caller per destination. Returns one batch per group; NULL for a group of no messages. A group
 * of more than GW_GROUP_BYTES_MAX bytes or GW_BATCH_COUNT_MAX messages is GW_TAIL_TOO_LARGE. */
struct gw_tail_group {
    struct gw_destination destination;
    const void *const *datas;
    const size_t *sizes;
    const uint32_t *heads; /* so many bytes of each are its headers; NULL: none has any */
    size_t count;
    uint64_t epoch_entropy;
    struct gw_batch *batch; /* result, one reference */
};
enum gw_tail_result gw_tail_transaction(struct gw_tail *tail, struct gw_tail_group *groups,
                                        size_t group_count);

/* Messages of transactions that commit together. Each joins the batch of the one before it to the
 * same destination, so that many replies to one peer travel as one run. The caller owns the bundle;
 * while it grows nothing else is appended, or it has to be finished and a new one begun. */
struct gw_bundle_part;
struct gw_bundle {
    struct gw_destination *destinations; /* one per batch */
    struct gw_batch **batches;           /* in order; complete once it is finished */
    struct gw_bundle_part *parts;
    size_t count;
    size_t capacity;
    uint64_t round; /* which transaction joins */
};
/* What joins from here on belongs together: it stays, or gw_tail_unjoin takes it out again. */
void gw_bundle_begin(struct gw_bundle *bundle);
/* As gw_tail_append_headed; GW_TAIL_FULL also while something appended waits to be taken. */
enum gw_tail_result gw_tail_join(struct gw_tail *tail, struct gw_bundle *bundle,
                                 const struct gw_destination *destination, struct gw_slice head,
                                 struct gw_slice data, uint64_t epoch_entropy, uint64_t *epoch);
void gw_tail_unjoin(struct gw_tail *tail, struct gw_bundle *bundle);
/* Closes the batches: the references are the caller's. Nothing joins it any more. */
void gw_bundle_finish(struct gw_bundle *bundle);
void gw_bundle_clear(struct gw_bundle *bundle); /* frees; batches it was not finished with too */

/* What the turn's port reports. Epochs that this open did not draw are ignored. */
void gw_tail_stored(struct gw_tail *tail, uint64_t epoch, uint64_t upto);
int gw_tail_settled(struct gw_tail *tail, uint64_t epoch, uint64_t first, uint64_t last,
                    enum gw_outcome how); /* 0 or -ENOMEM */
void gw_tail_released(struct gw_tail *tail, const struct gw_destination *destination,
                      uint64_t messages, uint64_t bytes);

/* Ends an epoch of which all that was numbered is settled: the next append draws a new one, and
 * what nothing is left of is forgotten. False: it goes on (or is not one of this open's). */
bool gw_tail_retire(struct gw_tail *tail, uint64_t epoch);

/* The store failed. For each batch in doubt that the reopened store does hold, the caller first
 * says gw_tail_stored. Then all others are given up (their ids answer NOT_STORED), every epoch ends
 * and the next append draws a new one. The outbox counts 0 until the caller says with
 * gw_tail_recovered what the store holds: releases may be in doubt as well. */
void gw_tail_failed(struct gw_tail *tail);

/* UNKNOWN: not an id of this open, or of an epoch that ended GW_TAIL_DESTINATIONS_MAX ends ago. */
enum gw_tail_state {
    GW_TAIL_UNKNOWN,
    GW_TAIL_WAITING,
    GW_TAIL_STORED,
    GW_TAIL_SETTLED, /* processed, as far as is remembered */
    GW_TAIL_DEAD,
    GW_TAIL_WITHDRAWN,
    GW_TAIL_NOT_STORED
};
enum gw_tail_state gw_tail_state(const struct gw_tail *tail, uint64_t epoch, uint64_t sequence);

/* Where an id of this open was sent; NULL: not known. Valid until the tail is changed. */
const struct gw_destination *gw_tail_destination(const struct gw_tail *tail, uint64_t epoch);
/* True if messages to it got ids in this open, and its epoch goes on. */
bool gw_tail_has_epoch(struct gw_tail *tail, const struct gw_destination *destination);

uint64_t gw_tail_dead_messages(const struct gw_tail *tail);
uint64_t gw_tail_outbox_messages(const struct gw_tail *tail); /* sent and not released */
uint64_t gw_tail_outbox_bytes(const struct gw_tail *tail);
uint64_t gw_tail_unstored(const struct gw_tail *tail); /* messages sent and not stored */
uint64_t gw_tail_unsubmitted(const struct gw_tail *tail); /* bytes appended and not taken */

#endif
