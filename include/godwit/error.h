/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_ERROR_H
#define GODWIT_ERROR_H

#include "godwit/version.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum godwit_err {
    GODWIT_OK = 0,
    GODWIT_EINVAL,     /* an argument is missing, malformed or out of range; nothing happened */
    GODWIT_ENOMEM,     /* out of memory; nothing happened */
    GODWIT_ETIMEDOUT,  /* the time given passed first; what was under way goes on */
    GODWIT_ECLOSED,    /* the peer, stage or delivery was closed meanwhile */
    GODWIT_EFULL,      /* the outbox quota is full and the peer was told to refuse, not to wait */
    GODWIT_ETOOLARGE,  /* a message, key or transaction is above its limit */
    GODWIT_ESTALE,     /* no longer in hand: it was decided, or the store was reopened */
    GODWIT_ECONFLICT,  /* a key that the transaction read was changed since; nothing happened */
    GODWIT_ENOTFOUND,  /* no such key, id, endpoint or counter */
    GODWIT_EBUSY,      /* the directory is open elsewhere, or the name is already served here; or
                        * a failed store is being reopened: try again */
    GODWIT_EFOREIGN,   /* the directory holds something else: another name's store, or no store */
    GODWIT_EVERSION,   /* written by a newer version than this one understands */
    GODWIT_ECORRUPT,   /* the store is damaged; it is left as it is */
    GODWIT_EIO,        /* the disk or the network refused; the sentence has the system's words */
    GODWIT_ENOTSTORED, /* the store failed and the message is certainly not in it: send it again */
    GODWIT_EFORK,      /* called in a child of the process that opened the peer */
    GODWIT_EDEAD,      /* the message was given up: it is a dead letter of its sender */
    GODWIT_EWITHDRAWN, /* the message was taken back before a handler had it */
    GODWIT_ENOSERVICE, /* until the time was over nobody was met who serves that name */
    GODWIT_EREMOTE     /* the service answered with an error: the reply has its code and text */
} godwit_err_t;

/* The name of an error, as "GODWIT_EINVAL". Static text; "GODWIT_E?" for an unknown value. */
GODWIT_EXPORT const char *godwit_error_name(godwit_err_t error);

/* What the last failed call of this thread met, as one sentence; "" if none failed yet.
 * Valid until this thread's next failing call. Never NULL. */
GODWIT_EXPORT const char *godwit_last_error(void);

/* For code built on godwit, so that its own errors explain themselves in the same way: makes
 * `sentence` (copied, the first 511 bytes) this thread's last one, and returns `error`. */
GODWIT_EXPORT godwit_err_t godwit_set_last_error(godwit_err_t error, const char *sentence);

#ifdef __cplusplus
}
#endif
#endif
