/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_PIPELINE_H
#define GODWIT_PIPELINE_H

/* The pipeline pattern: pushers, a stage, any number of workers that join and leave while it runs.
 * Each message goes to one worker, the least loaded within its credit; it stays that worker's until
 * it acks it, also over a crash of the worker (strict): a restarted worker gets its own messages
 * again, flagged redelivered. To feed a next stage exactly once, decide and send in one transaction
 * (transaction.h). */

#include "godwit/delivery.h"
#include "godwit/error.h"
#include "godwit/peer.h"
#include "godwit/transaction.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Pushes a message to the stage `stage` (a bare name, 1-64 of [a-z0-9._-]). As godwit_send to
 * "stage:NAME". */
GODWIT_EXPORT godwit_err_t godwit_push(godwit_peer_t *peer, const char *stage,
                                       godwit_message_t **message, godwit_id_t *id);
GODWIT_EXPORT godwit_err_t godwit_push_data(godwit_peer_t *peer, const char *stage,
                                            const void *data, size_t size, godwit_id_t *id);
/* The same inside a transaction. */
GODWIT_EXPORT godwit_err_t godwit_txn_push_data(godwit_txn_t *txn, const char *stage,
                                                const void *data, size_t size);

typedef struct godwit_stage godwit_stage_t;

typedef struct godwit_stage_options {
    size_t size;              /* sizeof(godwit_stage_options_t): set by the initialiser */
    uint32_t credit_messages; /* most in hand per sender; default 16,384. Less shares work better */
    size_t credit_bytes;      /* the same in bytes; default as in delivery.h */
} godwit_stage_options_t;

#define GODWIT_STAGE_OPTIONS_INIT GODWIT_SIZED(godwit_stage_options_t)

/* Becomes a worker of the stage. `options` may be NULL. Errors as godwit_inbox_open. */
GODWIT_EXPORT godwit_err_t godwit_stage_open(godwit_peer_t *peer, const char *stage,
                                             const godwit_stage_options_t *options,
                                             godwit_stage_t **result);
/* The next message for this worker; end it with godwit_ack or in a transaction.
 * GODWIT_ETIMEDOUT, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_stage_next(godwit_stage_t *stage, int timeout_ms,
                                             godwit_delivery_t **delivery);
/* Several at once: as godwit_inbox_next_many. */
GODWIT_EXPORT godwit_err_t godwit_stage_next_many(godwit_stage_t *stage, int timeout_ms,
                                                  godwit_delivery_t **deliveries, size_t capacity,
                                                  size_t *count);
/* An eventfd, readable while godwit_stage_next would not block; only poll it. */
GODWIT_EXPORT int godwit_stage_fd(godwit_stage_t *stage);
/* Stops working; as godwit_inbox_close. Nulls *stage; NULL is accepted. */
GODWIT_EXPORT void godwit_stage_close(godwit_stage_t **stage);

#ifdef __cplusplus
}
#endif
#endif
