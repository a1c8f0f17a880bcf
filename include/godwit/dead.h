/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_DEAD_H
#define GODWIT_DEAD_H

/* Dead letters: messages that were given up, kept by their sender with the reason until somebody
 * requeues or purges them. They count for the outbox's quota, not for a destination's share of it;
 * godwit_peer_drain does not wait for them. */

#include "godwit/error.h"
#include "godwit/message.h"
#include "godwit/peer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum godwit_death {
    GODWIT_DEATH_REJECTED = 1, /* a handler refused it: code and text are the handler's */
    GODWIT_DEATH_ATTEMPTS = 2  /* max_attempts failed: text is the last one's */
} godwit_death_t;

typedef struct godwit_dead {
    godwit_id_t id;
    const char *destination; /* "stage:resize" */
    const char *member;      /* where it failed last; "" if not known */
    godwit_death_t reason;
    uint32_t code;
    const char *text;
    uint32_t attempts;       /* begun */
    bool maybe_processed;    /* failover took it from a member that may have processed it */
    uint64_t first_ms;       /* wall clock of its first failure, ms since 1970 */
    uint64_t last_ms;
    const void *data;
    size_t size;
    godwit_message_t *message; /* the whole message, headers too */
} godwit_dead_t;

/* Reads one; give it to godwit_dead_free.
 * GODWIT_ENOTFOUND, GODWIT_EINVAL, GODWIT_ENOMEM, GODWIT_ECORRUPT, GODWIT_EIO, GODWIT_EBUSY
 * (a failed store is being reopened: try again), GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_dead_get(godwit_peer_t *peer, godwit_id_t id,
                                           godwit_dead_t **dead);
/* The first one after `after` (all zero: the first of all), in the order of ids: to walk them.
 * GODWIT_ENOTFOUND past the last; else as godwit_dead_get. */
GODWIT_EXPORT godwit_err_t godwit_dead_next(godwit_peer_t *peer, godwit_id_t after,
                                            godwit_dead_t **dead);
/* Nulls *dead; NULL is accepted. */
GODWIT_EXPORT void godwit_dead_free(godwit_dead_t **dead);

/* Sends it again, as a new message to the same destination, and forgets the dead letter, in one
 * write. It takes the room in the outbox that the dead letter had. `id` (may be NULL) becomes the
 * new message's.
 * GODWIT_ENOTFOUND, GODWIT_ETOOLARGE (above this open's max_message), GODWIT_EFULL,
 * GODWIT_ETIMEDOUT, GODWIT_EBUSY (see godwit_dead_get), GODWIT_ENOTSTORED, GODWIT_ENOMEM,
 * GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_dead_requeue(godwit_peer_t *peer, godwit_id_t dead,
                                               godwit_id_t *id);
/* Forgets it for good. Errors as above. */
GODWIT_EXPORT godwit_err_t godwit_dead_purge(godwit_peer_t *peer, godwit_id_t dead);

#ifdef __cplusplus
}
#endif
#endif
