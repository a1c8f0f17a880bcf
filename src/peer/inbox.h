/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_INBOX_H
#define GW_PEER_INBOX_H

/* Received runs on their way to the application, one queue per destination. A run stays in the
 * frame that brought it; its deliveries are made in one piece and go when the last of them does.
 *
 *     inbox ─▶ run ─────────▶ run ─▶ NULL        run: inbound (frame's bytes, ends)
 *              │ given                                deliveries[count], each (run, index)
 *              └ handed over so far
 *
 * A delivery is *begun* when a handler may have started with it: with godwit_inbox_next at once,
 * with godwit_inbox_next_many when its data is first asked for. What is begun is marked (marks.h),
 * told to the engine as a hint, and never taken back. What was not handed over is taken back by the
 * engine: when its sender asks (recall), when a lower message of an ordered stream is nacked, and
 * when the inbox is closed. The inbox itself ends with the peer. */

#include "godwit/delivery.h"
#include "peer/handle.h"
#include "peer/inbound.h"
#include "peer/marks.h"

struct gw_run;
struct gw_header_list;
struct gw_replies;
struct gw_seat;

struct godwit_delivery {
    struct gw_run *run;
    struct gw_header_list *headers; /* made when they are first listed */
    uint32_t index;                 /* in the run as received */
    uint32_t mark : 24;             /* GW_MARK_NONE: none */
    uint32_t begun : 1;
    uint32_t in_txn : 1;
};

struct gw_run {
    struct gw_run *next;
    struct godwit_peer *peer; /* one reference */
    struct godwit_inbox *inbox;
    struct gw_inbound *inbound;
    uint64_t generation;
    size_t count;
    size_t given;
    bool queued;        /* in the inbox's queue, as long as given is below count */
    size_t freed;       /* deliveries freed meanwhile: taken off `left` when it leaves the queue */
    atomic_size_t left; /* deliveries not freed: the last one frees the run */
    struct godwit_delivery deliveries[];
};

/* What handlers have begun with since the engine last asked. Only a hint, so it is bounded: what
 * does not fit is not told. */
#define GW_HANDED_MAX 1024

struct gw_handed {
    uint64_t epoch;
    struct gw_range range;
};

struct gw_handed_list {
    struct gw_handed *items;
    size_t count;
    size_t capacity;
};

#define GW_SPARE_MARKS 8 /* of GW_MARKS_MAX, kept by each inbox for its next messages */

struct godwit_inbox {
    struct godwit_peer *peer;
    struct gw_destination destination;
    pthread_mutex_t lock; /* guards all below, and the runs' fields but `left` */
    pthread_cond_t arrived;
    struct gw_seat *driver; /* of one of those who wait; NULL: none drives */
    size_t sleepers;        /* the others */
    struct gw_run *first;
    struct gw_run *last;
    uint64_t generation; /* of the newest run; those of an earlier one are stale */
    struct gw_decided acked; /* until the engine takes it */
    struct gw_handed_list handed;
    uint32_t spare_marks[GW_SPARE_MARKS]; /* erased slots */
    size_t spare_count;
    int fd;        /* an eventfd, readable while next would not block, once somebody asked for it */
    bool watched;
    bool readable;
    bool open;     /* there is a handle */
    bool closing;  /* the peer is */
    struct gw_replies *replies; /* it is theirs: they are told of what arrives; or NULL */
};

struct gw_taken_list { /* what was taken out of the queue */
    struct gw_taken *items;
    size_t count;
    size_t capacity;
};

/* Engine: takes over the inbound. 0, or -ENOMEM and it is destroyed. */
int gw_inbox_deliver(struct godwit_inbox *inbox, struct gw_inbound *inbound);
/* Engine: the turn is over, what was not handed over comes again. */
void gw_inbox_flush(struct godwit_inbox *inbox);
/* Takes out what was not handed over: of one epoch and in `ranges` (ascending), or all of it with
 * epoch 0. Appends it to `taken`, in the order of the queue. 0, or -ENOMEM: the rest is still
 * in the queue. */
int gw_inbox_take_back(struct godwit_inbox *inbox, uint64_t epoch, const struct gw_range *ranges,
                       size_t count, struct gw_taken_list *taken);
void gw_taken_clear(struct gw_taken_list *taken);
/* Engine: swaps the hints, or what was acknowledged, for an empty list. */
void gw_inbox_take_handed(struct godwit_inbox *inbox, struct gw_handed_list *handed);
void gw_inbox_take_acked(struct godwit_inbox *inbox, struct gw_decided *acked);
/* Acknowledges neighbours of one run, at least one, and nulls the pointers. GODWIT_ENOMEM: they are
 * still there. No sentence is set. */
godwit_err_t gw_inbox_ack(struct godwit_delivery **deliveries, size_t count);
/* Close: next answers GODWIT_ECLOSED from now on. */
void gw_inbox_shut(struct godwit_inbox *inbox);
void gw_inbox_destroy(struct godwit_inbox *inbox);

/* Serves "reply:OWNNAME". It holds no reference of the peer and is never closed: it ends with
 * it. */
godwit_err_t gw_inbox_open_replies(struct godwit_peer *peer, struct gw_replies *replies,
                                   const struct gw_inbox_settings *credit,
                                   struct godwit_inbox **inbox);

static inline uint64_t gw_delivery_epoch(const struct godwit_delivery *delivery)
{
    return delivery->run->inbound->epoch;
}

static inline uint64_t gw_delivery_sequence(const struct godwit_delivery *delivery)
{
    return delivery->run->inbound->first + delivery->index;
}

/* Where it lies in the frame's body, headers included. */
static inline uint32_t gw_delivery_start(const struct godwit_delivery *delivery)
{
    return delivery->index ? delivery->run->inbound->ends[delivery->index - 1] : 0;
}

static inline uint32_t gw_delivery_end(const struct godwit_delivery *delivery)
{
    return delivery->run->inbound->ends[delivery->index];
}

/* A decision of it alone, not rejected. */
struct gw_decision gw_delivery_decision(const struct godwit_delivery *delivery);
/* A handler may start with it now: makes the mark, and the hint. With the inbox's lock, and the
 * inbox not closing. */
void gw_delivery_begin(struct godwit_inbox *inbox, struct godwit_delivery *delivery);
/* The same for one of several, at the first look; without the lock. */
void gw_delivery_begin_late(struct godwit_delivery *delivery);
/* True: the engine is to tell that it was begun at once. */
bool gw_delivery_is_urgent(const struct godwit_delivery *delivery);
/* Its handler is done with it, whatever came of it: inside gw_peer_enter. */
void gw_delivery_finish(struct godwit_delivery *delivery);
void gw_delivery_free(struct godwit_delivery *delivery);
/* `count` deliveries of the run are not there any more; the last one frees it. */
void gw_run_shrink(struct gw_run *run, size_t count);
/* It leaves the queue, with so many that were not taken; with the lock. */
void gw_run_leave_queue(struct gw_run *run, size_t untaken);

#endif
