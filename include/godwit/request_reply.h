/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_REQUEST_REPLY_H
#define GODWIT_REQUEST_REPLY_H

/* Reliable request-reply. A request is a message to "service:NAME": accepted, it is answered
 * exactly once, whoever is killed meanwhile. The service's reply, its effects and the decision on
 * the request are one transaction; a request that comes again is answered by the stored reply.
 *
 *     godwit_message_new("/etc/motd", 9, &message);
 *     if (godwit_request(peer, "digest", &message, 5000, &reply, &id) == GODWIT_OK)
 *         printf("%.*s\n", (int)godwit_reply_size(reply), (char *)godwit_reply_data(reply));
 *     godwit_reply_done(&reply);
 *
 * and on the other side
 *
 *     uint32_t digest(void *context, godwit_call_t *call)
 *     {
 *         ... godwit_call_data(call), godwit_txn_put(godwit_call_txn(call), ...) ...
 *         return godwit_call_reply(call, hex, 64) ? 1 : 0;
 *     }
 *     godwit_service_open(peer, "digest", digest, NULL, NULL, &service); */

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

/* ---- asking ----
 *
 * Any thread may ask, wait and collect, any number at once. The first of these calls (also
 * godwit_reply_wait, _next and _fd) makes the peer reachable for replies, which costs one thread
 * and one destination served; a client that was restarted makes one of them to get what it had
 * asked for. Replies that nobody collects wait: a few in memory, the others in the peer's store (a
 * memory peer's ends with it), for reply_ttl_s. */

typedef struct godwit_reply godwit_reply_t;

/* Sends the request and waits for its reply, for `timeout_ms` (-1: without limit), which bounds the
 * call alone: the request lives on, and its reply can be collected by godwit_reply_wait(id) or
 * godwit_reply_next. Takes the message once it is sent, also if the time is over then. `id` (may be
 * NULL) is set with it.
 * GODWIT_EREMOTE (*reply is there all the same, with code and text), GODWIT_ETIMEDOUT,
 * GODWIT_ENOSERVICE (the time is over, and since the call began nobody was met who serves the
 * name), GODWIT_EDEAD, GODWIT_EWITHDRAWN, GODWIT_ENOTSTORED (the store failed: it is not sent),
 * GODWIT_EINVAL, GODWIT_ENOMEM, GODWIT_EIO (no thread), GODWIT_ECLOSED, and at a full outbox
 * GODWIT_EFULL or GODWIT_ETIMEDOUT, or GODWIT_EBUSY while a failed store is being reopened, with
 * the message still the caller's. */
GODWIT_EXPORT godwit_err_t godwit_request(godwit_peer_t *peer, const char *service,
                                          godwit_message_t **message, int timeout_ms,
                                          godwit_reply_t **reply, godwit_id_t *id);
/* Sends only: many can be under way at once. Errors as godwit_send. To send one in a transaction,
 * send to "service:NAME" there, having made the peer reachable as said above. */
GODWIT_EXPORT godwit_err_t godwit_request_send(godwit_peer_t *peer, const char *service,
                                               godwit_message_t **message, godwit_id_t *id);

/* Waits for the reply of one request, of an earlier open too. Whoever waits for an id gets its
 * reply, before any godwit_reply_next.
 * GODWIT_EREMOTE, GODWIT_ETIMEDOUT, GODWIT_EDEAD, GODWIT_EWITHDRAWN, GODWIT_ENOTSTORED as
 * godwit_request; GODWIT_ENOTFOUND (no id, or somebody has the reply or had it, in this open),
 * GODWIT_ECORRUPT, GODWIT_EINVAL, GODWIT_ENOMEM, GODWIT_EIO, GODWIT_ECLOSED. What was collected in
 * an earlier open is forgotten: such an id, like one that never was, is waited for in vain. */
GODWIT_EXPORT godwit_err_t godwit_reply_wait(godwit_peer_t *peer, godwit_id_t request,
                                             int timeout_ms, godwit_reply_t **reply);
/* Waits for the next reply, in no order, to any request that nobody waits for by its id. GODWIT_OK
 * also for remote errors: see godwit_reply_code.
 * GODWIT_ETIMEDOUT, GODWIT_EINVAL, GODWIT_ENOMEM, GODWIT_EIO, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_reply_next(godwit_peer_t *peer, int timeout_ms,
                                             godwit_reply_t **reply);
/* An eventfd, readable while godwit_reply_next would not block; only poll it, and ask with a
 * timeout of 0: what came may be for somebody who waits for it by its id. It ends with the peer. -1
 * with a sentence on errors. */
GODWIT_EXPORT int godwit_reply_fd(godwit_peer_t *peer);

/* Withdraws the request if no handler has begun with it (who waits gets GODWIT_EWITHDRAWN); else
 * its reply comes as usual. Returns when the wish is noted.
 * GODWIT_ENOTFOUND (not known, or decided already), GODWIT_EINVAL, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_request_cancel(godwit_peer_t *peer, godwit_id_t request);

/* A reply is its holder's, one thread at a time, until godwit_reply_done; its parts are valid until
 * then, also when the peer is closed. NULL gives nothing: zeros and empty texts. */
GODWIT_EXPORT godwit_id_t godwit_reply_request(const godwit_reply_t *reply); /* which request */
GODWIT_EXPORT const void *godwit_reply_data(const godwit_reply_t *reply);    /* never NULL */
GODWIT_EXPORT size_t godwit_reply_size(const godwit_reply_t *reply);
GODWIT_EXPORT uint32_t godwit_reply_code(const godwit_reply_t *reply); /* 0: no error */
GODWIT_EXPORT const char *godwit_reply_text(const godwit_reply_t *reply); /* of an error; "" */
GODWIT_EXPORT const char *godwit_reply_server(const godwit_reply_t *reply); /* who answered */
/* A header of the reply, valid as the reply is. GODWIT_EINVAL, GODWIT_ENOTFOUND. */
GODWIT_EXPORT godwit_err_t godwit_reply_header(const godwit_reply_t *reply, const char *key,
                                               const void **value, size_t *size);
/* Collected: the reply is forgotten everywhere, with the next commit. What is not done when the
 * process ends, or within moments before it is killed, comes again at the next open. Nulls *reply;
 * NULL is accepted. */
GODWIT_EXPORT void godwit_reply_done(godwit_reply_t **reply);

/* ---- answering ---- */

typedef struct godwit_service godwit_service_t;
typedef struct godwit_call godwit_call_t; /* one request while its handler runs */

/* Runs on a thread of the service. It answers by godwit_call_reply and returns 0: reply, decision
 * and all that it put and sent through godwit_call_txn commit together, or not at all. Or it
 * returns an error code of its own (1 up), which the client gets with the text of godwit_call_fail:
 * an answer too, but then nothing of what it put and sent is kept. Or GODWIT_CALL_RETRY: nothing
 * happened, and the request comes again as the client's retry policy says, here or at another
 * server.
 * It may run again for the same request: after a crash, or at once when a key that it read was
 * changed before its commit. While more requests wait, its thread takes the next one as soon as the
 * answer has its place among the commits, unless its transaction touched keys: then once that is
 * stored (godwit_txn_commit_async). So a crash may take several answers back, none of which has
 * left. */
typedef uint32_t (*godwit_handler_fn)(void *context, godwit_call_t *call);
#define GODWIT_CALL_RETRY UINT32_MAX
/* The code that a client gets when reply and effects did not fit into one transaction, or into a
 * message: the text says which. */
#define GODWIT_CALL_UNANSWERABLE (UINT32_MAX - 1)

typedef struct godwit_service_options {
    size_t size;              /* sizeof(godwit_service_options_t): set by the initialiser */
    uint32_t threads;         /* 1 to 256; default 1 */
    uint32_t credit_messages; /* most in hand per client; default 1,024 */
    size_t credit_bytes;      /* the same in bytes; default as in delivery.h */
} godwit_service_options_t;

#define GODWIT_SERVICE_OPTIONS_INIT GODWIT_SIZED(godwit_service_options_t)

/* Serves "service:NAME". Any number of peers may serve one name: each request goes to one of them.
 * `options` may be NULL. Errors as godwit_inbox_open; GODWIT_EIO if a thread cannot be made. */
GODWIT_EXPORT godwit_err_t godwit_service_open(godwit_peer_t *peer, const char *service,
                                               godwit_handler_fn handler, void *context,
                                               const godwit_service_options_t *options,
                                               godwit_service_t **result);
/* Stops taking requests, waits for the handlers that run, and ends the threads. What was not begun
 * goes back to its clients. Close services before or after their peer; handlers that run when it
 * closes get GODWIT_ECLOSED from their transaction, and their requests come again.
 * GODWIT_EBUSY from one of its own handlers, GODWIT_EFORK. Nulls *service; NULL is accepted. */
GODWIT_EXPORT godwit_err_t godwit_service_close(godwit_service_t **service);

/* A call is its handler's until that returns. */
GODWIT_EXPORT const void *godwit_call_data(const godwit_call_t *call); /* never NULL */
GODWIT_EXPORT size_t godwit_call_size(const godwit_call_t *call);
GODWIT_EXPORT godwit_id_t godwit_call_id(const godwit_call_t *call);
GODWIT_EXPORT const char *godwit_call_client(const godwit_call_t *call); /* the peer that asks */
/* These three as of a delivery. */
GODWIT_EXPORT uint32_t godwit_call_attempt(const godwit_call_t *call);
GODWIT_EXPORT bool godwit_call_redelivered(const godwit_call_t *call);
GODWIT_EXPORT godwit_err_t godwit_call_header(const godwit_call_t *call, const char *key,
                                              const void **value, size_t *size);
/* The transaction that the reply will be part of: get, put, delete, send; not ack or commit. Its
 * limits count the reply too. */
GODWIT_EXPORT godwit_txn_t *godwit_call_txn(godwit_call_t *call);
/* The reply's bytes, copied; the last call counts. Without one the reply is empty.
 * GODWIT_EINVAL, GODWIT_ENOMEM. */
GODWIT_EXPORT godwit_err_t godwit_call_reply(godwit_call_t *call, const void *data, size_t size);
/* The header at `index`, as godwit_delivery_header_at. */
GODWIT_EXPORT godwit_err_t godwit_call_header_at(const godwit_call_t *call, size_t index,
                                                 const char **key, const void **value,
                                                 size_t *size);
/* A header of the reply, as godwit_message_set_header; keys that begin with "godwit." are
 * refused. */
GODWIT_EXPORT godwit_err_t godwit_call_set_header(godwit_call_t *call, const char *key,
                                                  const void *value, size_t size);
/* The text that goes with an error code, or with a retry: its first 255 bytes, copied; printable
 * ASCII arrives. */
GODWIT_EXPORT void godwit_call_fail(godwit_call_t *call, const char *text);

#ifdef __cplusplus
}
#endif
#endif
