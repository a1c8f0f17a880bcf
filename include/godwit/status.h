/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_STATUS_H
#define GODWIT_STATUS_H

/* What became of a message, answered by its sender. */

#include "godwit/error.h"
#include "godwit/message.h"
#include "godwit/peer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum godwit_place {
    GODWIT_PLACE_NOT_FOUND = 0, /* not a message of this peer, as far as it can tell */
    GODWIT_PLACE_QUEUED = 1,    /* in the outbox, with nobody */
    GODWIT_PLACE_OFFERED = 2,   /* `member` has it or will; not begun, as far as known here */
    GODWIT_PLACE_IN_HAND = 3,   /* a handler of `member` has begun */
    GODWIT_PLACE_PROCESSED = 4,
    GODWIT_PLACE_DEAD = 5,      /* a dead letter: see dead.h */
    GODWIT_PLACE_WITHDRAWN = 6
} godwit_place_t;

typedef struct godwit_status {
    size_t size;          /* sizeof(godwit_status_t): set by the initialiser */
    godwit_place_t place;
    char destination[80]; /* "stage:resize"; "" if not known any more */
    char member[72];      /* "": none */
    bool linked;          /* OFFERED, IN_HAND: there is a link to the member */
    uint32_t attempts;    /* begun, the present one included */
    uint32_t wait_ms;     /* QUEUED: not offered before; 0: any time */
} godwit_status_t;

#define GODWIT_STATUS_INIT GODWIT_SIZED(godwit_status_t)

/* PROCESSED is answered for whatever is settled and left no trace of another end; also for ids of
 * earlier opens as long as their epoch is remembered. WITHDRAWN for ids of this open, or with
 * outcomes on until they are read. Waits while a failed store is being reopened;
 * GODWIT_EBUSY if it fails just then: try again.
 * GODWIT_EINVAL, GODWIT_EIO, GODWIT_ENOMEM, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_status(godwit_peer_t *peer, godwit_id_t id,
                                         godwit_status_t *status);

/* The name of a place, as "in hand". Static text. */
GODWIT_EXPORT const char *godwit_place_name(godwit_place_t place);

/* How messages ended, in the order in which this peer learned it: for peers opened with `outcomes`.
 * Each accepted message gives exactly one; they survive a restart until godwit_outcome_done. Unread
 * outcomes take room in the store, a few bytes per range: with more than a million of them waiting,
 * sends wait as at a full outbox. */
typedef struct godwit_outcome {
    uint64_t number;   /* its place in the order */
    godwit_id_t first; /* the messages first.sequence .. last_sequence of that epoch */
    uint64_t last_sequence;
    godwit_place_t how;    /* PROCESSED, DEAD or WITHDRAWN */
    bool maybe_processed;  /* DEAD, WITHDRAWN: failover took it from a member that may have
                            * processed it */
} godwit_outcome_t;

/* The first outcome with a number above `after` (0: the first unread one).
 * GODWIT_ETIMEDOUT, GODWIT_EINVAL (opened without outcomes), GODWIT_EIO, GODWIT_EBUSY (a failed
 * store is being reopened: try again), GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_outcome_next(godwit_peer_t *peer, uint64_t after, int timeout_ms,
                                               godwit_outcome_t *outcome);
/* Outcomes up to `number` were read: they are forgotten, with the next commit. Does not wait for
 * it; until then a restart gives them once more.
 * GODWIT_EINVAL (no outcome has that number yet, opened without outcomes), GODWIT_ENOMEM,
 * GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_outcome_done(godwit_peer_t *peer, uint64_t number);
/* An eventfd, readable while an outcome above the last one returned by godwit_outcome_next is
 * there; only poll it. -1 if opened without outcomes. */
GODWIT_EXPORT int godwit_outcome_fd(godwit_peer_t *peer);

#ifdef __cplusplus
}
#endif
#endif
