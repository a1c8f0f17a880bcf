/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_DELIVERY_H
#define GODWIT_DELIVERY_H

/* Receiving. An inbox serves one destination of this peer: opening it announces the peer as a
 * member, and messages arrive as deliveries that are *in hand* until they are decided: by
 * godwit_ack or by a transaction. Patterns (pipeline.h) are built on inboxes; a program normally
 * uses those. */

#include "godwit/error.h"
#include "godwit/message.h"
#include "godwit/peer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct godwit_inbox godwit_inbox_t;
typedef struct godwit_delivery godwit_delivery_t;

typedef struct godwit_inbox_options {
    size_t size;              /* sizeof(godwit_inbox_options_t): set by the initialiser */
    uint32_t credit_messages; /* most in hand per sender; 1 to 1,048,576; default 16,384 */
    size_t credit_bytes;      /* the same in bytes; max_message or more; default 8 MiB, or
                               * twice a max_message above 4 MiB */
} godwit_inbox_options_t;

#define GODWIT_INBOX_OPTIONS_INIT GODWIT_SIZED(godwit_inbox_options_t)

/* Serves `destination` ("stage:NAME", "service:NAME" or "peer:NAME"). `options` may be NULL. One
 * inbox per destination and peer.
 * GODWIT_EINVAL (destination, options, too many served), GODWIT_EBUSY (already served here),
 * GODWIT_EIO (no descriptor for its eventfd), GODWIT_ENOMEM, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_inbox_open(godwit_peer_t *peer, const char *destination,
                                             const godwit_inbox_options_t *options,
                                             godwit_inbox_t **inbox);

/* Stops serving. Deliveries in hand can still be decided; what was not handed over goes back to its
 * sender, who offers it to another member, or here once the inbox is open again. Close inboxes
 * before their peer. Nulls *inbox; NULL is accepted. */
GODWIT_EXPORT void godwit_inbox_close(godwit_inbox_t **inbox);

/* Hands over the next message. The delivery is the caller's until decided or dropped; deciding
 * frees it.
 * GODWIT_ETIMEDOUT, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_inbox_next(godwit_inbox_t *inbox, int timeout_ms,
                                             godwit_delivery_t **delivery);

/* The same for up to `capacity` messages: waits for the first one only. Each is a delivery of its
 * own. *count is how many there are, 0 on an error. A message of several counts as begun when
 * godwit_delivery_data is first called for it. */
GODWIT_EXPORT godwit_err_t godwit_inbox_next_many(godwit_inbox_t *inbox, int timeout_ms,
                                                  godwit_delivery_t **deliveries, size_t capacity,
                                                  size_t *count);

/* True if a message waits, so that godwit_inbox_next would not block as far as other threads leave
 * it one. It costs a lock and no system call. False for NULL, and once inbox or peer are closed. */
GODWIT_EXPORT bool godwit_inbox_ready(godwit_inbox_t *inbox);

/* An eventfd, readable while godwit_inbox_next would not block. Only poll it: never read, write or
 * close it; it ends with the peer. -1 for NULL. */
GODWIT_EXPORT int godwit_inbox_fd(godwit_inbox_t *inbox);

/* The message's bytes: valid until the delivery is decided or dropped, aligned to 1. Size 0 gives a
 * non-NULL pointer. */
GODWIT_EXPORT const void *godwit_delivery_data(const godwit_delivery_t *delivery);
GODWIT_EXPORT size_t godwit_delivery_size(const godwit_delivery_t *delivery);
GODWIT_EXPORT godwit_id_t godwit_delivery_id(const godwit_delivery_t *delivery);
/* True if the message was offered before (to this process or an earlier one): its handler may have
 * run. */
GODWIT_EXPORT bool godwit_delivery_redelivered(const godwit_delivery_t *delivery);
/* True if another member may process it too, or has: it was moved here by failover without that
 * member's word. */
GODWIT_EXPORT bool godwit_delivery_maybe_duplicate(const godwit_delivery_t *delivery);
/* Which attempt this is: 1 the first time, one more for each handler that began and failed (by
 * godwit_nack, or because its process ended). */
GODWIT_EXPORT uint32_t godwit_delivery_attempt(const godwit_delivery_t *delivery);
/* A header's value, valid as the data is.
 * GODWIT_EINVAL, GODWIT_ENOTFOUND. */
GODWIT_EXPORT godwit_err_t godwit_delivery_header(const godwit_delivery_t *delivery,
                                                  const char *key, const void **value,
                                                  size_t *size);
/* The header at `index` (from 0). *key is NUL-terminated.
 * GODWIT_EINVAL, GODWIT_ENOTFOUND past the last, GODWIT_ENOMEM. */
GODWIT_EXPORT godwit_err_t godwit_delivery_header_at(const godwit_delivery_t *delivery,
                                                     size_t index, const char **key,
                                                     const void **value, size_t *size);
/* The sending peer's name; valid as the data is. */
GODWIT_EXPORT const char *godwit_delivery_sender(const godwit_delivery_t *delivery);

/* Processed: the decision is recorded with the next commit, and only then acknowledged to the
 * sender; a crash before that brings the message again. Frees the delivery and nulls *delivery, on
 * GODWIT_ESTALE and GODWIT_ECLOSED too (there is nothing left to do with it then).
 * GODWIT_EINVAL (already decided, or part of a transaction), GODWIT_ESTALE (the store was reopened
 * meanwhile: it comes again), GODWIT_ENOMEM (still the caller's), GODWIT_ECLOSED (it comes again at
 * the next open). */
GODWIT_EXPORT godwit_err_t godwit_ack(godwit_delivery_t **delivery);

/* The same for many, in one go. Each delivery is freed and nulled as by godwit_ack, whatever its
 * result; the first error is returned. On GODWIT_ENOMEM those not nulled are still the caller's. */
GODWIT_EXPORT godwit_err_t godwit_ack_many(godwit_delivery_t **deliveries, size_t count);

/* Not now: the sender offers it again, to any member, after `delay_ms` (0: at once; -1: as its
 * retry policy says), as the next attempt. `why` (may be NULL; its first 255 bytes; what is not
 * printable ASCII becomes '?') is kept with the message and ends in its dead letter. Frees the
 * delivery and nulls *delivery as godwit_ack does, with the same errors. */
GODWIT_EXPORT godwit_err_t godwit_nack(godwit_delivery_t **delivery, int delay_ms,
                                       const char *why);

/* Never: recorded like godwit_ack, and at the sender it becomes a dead letter with code and text.
 * Otherwise as godwit_nack. */
GODWIT_EXPORT godwit_err_t godwit_reject(godwit_delivery_t **delivery, uint32_t code,
                                         const char *why);

/* Gives the memory of an undecided delivery back without a decision: the message stays in hand,
 * undecided, and is delivered again only by the next open of the peer. For error paths. Nulls
 * *delivery; NULL is accepted. A delivery that is part of a transaction is left alone. */
GODWIT_EXPORT void godwit_delivery_drop(godwit_delivery_t **delivery);

#ifdef __cplusplus
}
#endif
#endif
