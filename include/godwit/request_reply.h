/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_REQUEST_REPLY_H
#define GODWIT_REQUEST_REPLY_H

/* Reliable request-reply. A request is a message to "service:NAME": accepted, it is answered exactly
 * once, whoever is killed meanwhile. The service's reply, its effects and the decision on the
 * request are one transaction; a request that comes again is answered by the stored reply. */

#include "godwit/delivery.h"
#include "godwit/error.h"
#include "godwit/message.h"
#include "godwit/peer.h"
#include "godwit/transaction.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- asking ---- */

typedef struct godwit_reply godwit_reply_t;

/* Sends the request and waits for its reply. Takes the message, also when the time is over first:
 * the request lives on and its reply can be collected by godwit_reply_wait(id). `id` may be NULL.
 * GODWIT_EREMOTE (*reply is there, with code and text), GODWIT_ETIMEDOUT, GODWIT_ENOSERVICE (the
 * time is over and nobody was met who serves the name; the request lives on), GODWIT_EDEAD,
 * GODWIT_EWITHDRAWN, and the errors of godwit_send. */
GODWIT_EXPORT godwit_err_t godwit_request(godwit_peer_t *peer, const char *service,
                                          godwit_message_t **message, int timeout_ms,
                                          godwit_reply_t **reply, godwit_id_t *id);
/* Sends only: many can be under way at once. */
GODWIT_EXPORT godwit_err_t godwit_request_send(godwit_peer_t *peer, const char *service,
                                               godwit_message_t **message, godwit_id_t *id);
/* Waits for the reply of one request, of an earlier open too. Errors as godwit_request, and
 * GODWIT_ENOTFOUND for an id that is no unanswered request of this peer. */
GODWIT_EXPORT godwit_err_t godwit_reply_wait(godwit_peer_t *peer, godwit_id_t request,
                                             int timeout_ms, godwit_reply_t **reply);
/* Waits for the next reply to any request that nobody waits for by its id. GODWIT_OK also for
 * remote errors: see godwit_reply_code. */
GODWIT_EXPORT godwit_err_t godwit_reply_next(godwit_peer_t *peer, int timeout_ms,
                                             godwit_reply_t **reply);
/* An eventfd, readable while godwit_reply_next would not block; only poll it. -1 without memory. */
GODWIT_EXPORT int godwit_reply_fd(godwit_peer_t *peer);
/* Withdraws the request if no handler has begun with it; else its reply comes as usual.
 * GODWIT_ENOTFOUND, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_request_cancel(godwit_peer_t *peer, godwit_id_t request);

GODWIT_EXPORT godwit_id_t godwit_reply_request(const godwit_reply_t *reply); /* which request */
GODWIT_EXPORT const void *godwit_reply_data(const godwit_reply_t *reply);
GODWIT_EXPORT size_t godwit_reply_size(const godwit_reply_t *reply);
GODWIT_EXPORT uint32_t godwit_reply_code(const godwit_reply_t *reply); /* 0: no error */
GODWIT_EXPORT const char *godwit_reply_text(const godwit_reply_t *reply); /* of an error; "" */
GODWIT_EXPORT const char *godwit_reply_server(const godwit_reply_t *reply); /* who answered */
/* A header of the reply. GODWIT_EINVAL, GODWIT_ENOTFOUND. */
GODWIT_EXPORT godwit_err_t godwit_reply_header(const godwit_reply_t *reply, const char *key,
                                               const void **value, size_t *size);
/* Collected: the reply is forgotten everywhere. Nulls *reply; NULL is accepted. */
GODWIT_EXPORT void godwit_reply_done(godwit_reply_t **reply);

/* ---- answering ---- */

typedef struct godwit_service godwit_service_t;
typedef struct godwit_call godwit_call_t; /* one request while its handler runs */

/* Runs on a thread of the service. It answers by godwit_call_reply and returns 0; or returns an
 * error code (1 up), which the client gets as a remote error with the text of godwit_call_fail, if
 * any; or GODWIT_CALL_RETRY, and the request comes again later. Whatever it puts and sends through
 * godwit_call_txn commits with the reply, or not at all. It may run again for the same request: after a
 * crash, or when a key that it read was changed before its commit. */
typedef uint32_t (*godwit_handler_fn)(void *context, godwit_call_t *call);
#define GODWIT_CALL_RETRY UINT32_MAX

typedef struct godwit_service_options {
    size_t size;              /* sizeof(godwit_service_options_t): set by the initialiser */
    uint32_t threads;         /* 1 to 256; default 1 */
    uint32_t credit_messages; /* most in hand per client; default 1,024 */
    size_t credit_bytes;      /* the same in bytes; default 8 MiB */
} godwit_service_options_t;

#define GODWIT_SERVICE_OPTIONS_INIT {.size = sizeof(godwit_service_options_t)}

/* Serves "service:NAME". Any number of peers may serve one name. `options` may be NULL. Errors as
 * godwit_inbox_open; GODWIT_EIO if a thread cannot be made. */
GODWIT_EXPORT godwit_err_t godwit_service_open(godwit_peer_t *peer, const char *service,
                                               godwit_handler_fn handler, void *context,
                                               const godwit_service_options_t *options,
                                               godwit_service_t **result);
/* Stops taking requests, waits for the handlers that run, and ends the threads. Not from a handler:
 * GODWIT_EBUSY then. Nulls *service; NULL is accepted. */
GODWIT_EXPORT godwit_err_t godwit_service_close(godwit_service_t **service);

GODWIT_EXPORT const void *godwit_call_data(const godwit_call_t *call);
GODWIT_EXPORT size_t godwit_call_size(const godwit_call_t *call);
GODWIT_EXPORT godwit_id_t godwit_call_id(const godwit_call_t *call);
GODWIT_EXPORT const char *godwit_call_client(const godwit_call_t *call);
GODWIT_EXPORT uint32_t godwit_call_attempt(const godwit_call_t *call);
GODWIT_EXPORT bool godwit_call_redelivered(const godwit_call_t *call);
GODWIT_EXPORT godwit_err_t godwit_call_header(const godwit_call_t *call, const char *key,
                                              const void **value, size_t *size);
/* The transaction that the reply will be part of: get, put, delete, send; not ack or commit. */
GODWIT_EXPORT godwit_txn_t *godwit_call_txn(godwit_call_t *call);
/* The reply's bytes, copied; the last call counts. Without one the reply is empty. */
GODWIT_EXPORT godwit_err_t godwit_call_reply(godwit_call_t *call, const void *data, size_t size);
GODWIT_EXPORT godwit_err_t godwit_call_set_header(godwit_call_t *call, const char *key,
                                                  const void *value, size_t size);
/* The text that goes with an error code. */
GODWIT_EXPORT void godwit_call_fail(godwit_call_t *call, const char *text);

#ifdef __cplusplus
}
#endif
#endif
