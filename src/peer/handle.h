/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_HANDLE_H
#define GW_PEER_HANDLE_H

/* The peer as the application's threads see it: what the public functions and the engine share.
 *
 *   application threads                      engine (helm.h)             store thread
 *   send, ack, commit ... ──▶ lock: mailbox, tail ──▶ turn ──▶ commit, load ──▶ store
 *   wait, drain ...       ◀── changed, space ◀── what the turn reports ◀── done
 *   next                  ◀── inbox locks    ◀── runs
 *   get, scan             ◀── store_lock: reads go straight to the store
 *
 * Locks: `lock` and an inbox's lock are never held together, nor with a call into turn, net or
 * store. The lock of the replies (reply.h) is the innermost of all. Lifetime: one reference for the
 * handle, one for each open inbox, run, transaction and cursor, so that these outlive a close and
 * then answer GODWIT_ECLOSED. */

#include "core/counters.h"
#include "core/versions.h"
#include "peer/clock.h"
#include "peer/entropy.h"
#include "peer/error.h"
#include "peer/fork.h"
#include "peer/mailbox.h"
#include "peer/options.h"
#include "peer/tail.h"

#include <stdatomic.h>

struct gw_control;
struct gw_dead_end;
struct gw_engine;
struct gw_group;
struct gw_marks;
struct godwit_inbox;
struct gw_replies;

struct gw_member_count {
    struct gw_destination destination;
    size_t count;
};

struct gw_destination_entry { /* what the application said of a destination */
    struct gw_destination destination;
    struct gw_policy policy;
};

/* Outcome rows: 1 .. read .. last. Beyond `read` they are unread. */
struct gw_outcome_book {
    uint64_t last;      /* stored */
    uint64_t read;      /* up to here the reader is done */
    uint64_t forgotten; /* up to here their deletion is on its way, or done */
    uint64_t given;     /* the last one that godwit_outcome_next returned */
    int fd;             /* an eventfd, readable while last is above read and given */
    bool readable;
};

struct godwit_peer {
    struct gw_settings settings; /* fixed after open */
    char *directory;             /* NULL: memory */
    struct gw_engine *engine;
    struct gw_control *control; /* NULL: none */
    struct gw_marks *marks;      /* NULL: memory. Fixed while the peer is open */
    struct gw_fork_mark fork_mark;

    atomic_size_t references;
    atomic_size_t callers; /* threads inside a public function: close waits for them */
    atomic_bool closing;
    _Atomic(struct gw_replies *) replies; /* reply.h; made by the first call that needs it */
    atomic_bool replies_ready;
    pthread_mutex_t replies_opening; /* held while it is made; nothing is locked before it */
    atomic_bool notified; /* the engine will look into the mailbox: no need to wake it */
    atomic_bool reminded; /* it will look there in milliseconds */
    atomic_bool expected; /* the same, and not sooner unless it is notified */

    pthread_mutex_t lock; /* guards all from here to store_lock */
    pthread_cond_t changed; /* something that wait, drain, commit ... look at */
    pthread_cond_t space;   /* the outbox may have room */
    size_t changed_waiters;
    size_t space_waiters;
    bool down;           /* the store failed and is being reopened: sends wait */
    uint64_t generation; /* counts the turns; deliveries of an earlier one are stale */
    struct gw_tail *tail;
    struct gw_mailbox mailbox;
    struct gw_group *group;  /* the newest of the mailbox that may still be joined; or NULL */
    size_t async_operations; /* of all groups that are not stored yet */
    size_t async_bytes;
    struct gw_entropy entropy;
    uint64_t spare_epoch;    /* drawn ahead for the next destination's epoch */
    uint64_t sent;           /* messages given an id in this open */
    uint64_t stored_upto;    /* of these, stored or given up */
    uint64_t not_stored;     /* given up */
    uint64_t not_stored_said; /* of these, told to a drain */
    uint64_t last_token;      /* of transactions; also the stamp of key versions */
    uint64_t finished_token;
    struct gw_versions versions;
    struct gw_member_count *members;
    size_t member_count;
    struct godwit_inbox **inboxes; /* one per destination ever served; they end with the peer */
    size_t inbox_count;
    char endpoint[256]; /* last bound */
    struct gw_destination_entry *destinations;
    size_t destination_count;
    struct gw_outcome_book outcomes;
    struct gw_dead_end *dead_ends; /* dead.c: the requeues and purges under way */

    pthread_rwlock_t store_lock; /* read: using the store; write: replacing it */
    struct gw_store *store;      /* NULL while it is being reopened */

    atomic_uint_fast64_t counters[GW_COUNTER_COUNT];
    atomic_uint_fast64_t sends_blocked;
    atomic_uint_fast64_t sends_refused;
    atomic_uint_fast64_t conflicts;
    atomic_uint_fast64_t replies_spilled;
    atomic_uint_fast64_t replies_unmatched;
    atomic_uint_fast64_t replies_expired;
};

/* All of it but the engine and the control socket; NULL without memory. One reference, the
 * caller's. */
struct godwit_peer *gw_peer_new(const struct gw_settings *settings);

/* Every public function that touches a peer stands between these two, but for those that are over
 * when they release a lock (gw_peer_must_wake). Enter: GODWIT_EINVAL for NULL, GODWIT_EFORK,
 * GODWIT_ECLOSED; after an error there is nothing to leave. */
godwit_err_t gw_peer_enter(struct godwit_peer *peer);
void gw_peer_leave(struct godwit_peer *peer);

void gw_peer_hold(struct godwit_peer *peer);
void gw_peer_drop(struct godwit_peer *peer); /* the last one frees */

/* Tells the engine that the mailbox, the tail or an inbox has something for it. Without a lock, and
 * inside gw_peer_enter. */
void gw_peer_notify(struct godwit_peer *peer);

/* The same in two steps for calls that are too short for gw_peer_enter. The first under a lock that
 * close takes once more after `closing` is set, and with that found false: the call is over when
 * the lock is released, unless the engine is to be woken. Then the caller counts as inside, and
 * does the second step without the lock. */
static inline bool gw_peer_must_wake(struct godwit_peer *peer)
{
    if (atomic_load_explicit(&peer->notified, memory_order_relaxed) ||
        atomic_exchange(&peer->notified, true))
        return false;
    atomic_fetch_add(&peer->callers, 1);
    return true;
}
void gw_peer_wake(struct godwit_peer *peer);

/* The same two steps for what nobody waits for: the engine takes it with whatever it does next, but
 * within milliseconds, and is not woken for it as a rule. */
static inline bool gw_peer_must_remind(struct godwit_peer *peer)
{
    if (atomic_load_explicit(&peer->reminded, memory_order_relaxed) ||
        atomic_exchange(&peer->reminded, true))
        return false;
    atomic_fetch_add(&peer->callers, 1);
    return true;
}
void gw_peer_remind(struct godwit_peer *peer);
/* For what is likely to be followed by more: the engine leaves it alone until it is notified, for a
 * few milliseconds at most. Without a lock, and inside gw_peer_enter. */
void gw_peer_expect(struct godwit_peer *peer);

/* Waits for `changed` under the lock; false when the deadline passed. */
bool gw_peer_wait_change(struct godwit_peer *peer, const struct gw_deadline *deadline);

/* Hands what was sent so far over to the mailbox, oldest first, until that is `enough_bytes`. With
 * UINT64_MAX what follows comes behind it all. With the lock. 0: all; 1: some may be left; or
 * -ENOMEM. */
int gw_peer_gather(struct godwit_peer *peer, uint64_t enough_bytes);

/* Queues a command and waits until the engine has carried it out. */
godwit_err_t gw_peer_command(struct godwit_peer *peer, struct gw_command *command);

/* Waits for room in the outbox, under the lock. First call: *begun false. GODWIT_OK: try again. */
struct gw_patience {
    bool begun;
    bool inside; /* send.c: counted among the callers */
    bool share; /* it is the destination's share that is full */
    struct gw_deadline deadline;
    const struct gw_deadline *sooner; /* of the whole call; NULL: it has none */
};
godwit_err_t gw_peer_wait_space(struct godwit_peer *peer, struct gw_patience *patience);
/* From now on this thread, one of the library's own, does not wait there: GODWIT_EFULL at once. */
void gw_peer_never_wait(void);
bool gw_peer_may_wait(void);

/* The live members of a destination. With the lock. */
size_t gw_peer_members(const struct godwit_peer *peer, const struct gw_destination *destination);
void gw_peer_set_members(struct godwit_peer *peer, const struct gw_destination *destination,
                         size_t count);

/* A non-zero number for a destination's first message; tell when it was used. With the lock. */
void gw_peer_epoch_drawn(struct godwit_peer *peer, uint64_t epoch);

void gw_log(const struct gw_settings *settings, godwit_log_level_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
