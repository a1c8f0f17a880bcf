/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_INSPECT_H
#define GODWIT_INSPECT_H

/* Looking at a peer from outside, by its directory: a running one is asked through its control
 * socket, the store of a stopped one is read. This is what the command `godwit` stands on; a
 * monitor or an operator's tool can use it as well.
 *
 *     godwit_inspect_open("/var/lib/walker", &inspect);
 *     godwit_inspect_ask(inspect, "status", NULL, 0, 5000, &answer);
 *     for each line of answer: one JSON object, {"record":"link","peer":"worker-1", ...}
 *
 * The requests and their records are listed in docs/internals/control.md. */

#include "godwit/error.h"
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct godwit_inspect godwit_inspect_t;

/* Finds out whether the peer runs. If it does not, its store is opened: locked, so that the peer
 * cannot be started until godwit_inspect_close, and left as it is. Nothing is ever made.
 * GODWIT_EINVAL, GODWIT_ENOTFOUND (no such directory, or no store in it), GODWIT_EBUSY (open in a
 * process that gives no answer here), GODWIT_EFOREIGN, GODWIT_EVERSION, GODWIT_ECORRUPT, GODWIT_EIO
 * (another user's, unreadable), GODWIT_ENOMEM. */
GODWIT_EXPORT godwit_err_t godwit_inspect_open(const char *directory, godwit_inspect_t **inspect);

/* True if a running peer was found. */
GODWIT_EXPORT bool godwit_inspect_running(const godwit_inspect_t *inspect);

/* The peer's name if it was found stopped, "" if it runs (then `status` tells it). Valid until the
 * close. */
GODWIT_EXPORT const char *godwit_inspect_name(const godwit_inspect_t *inspect);

/* Asks. `request` is one line without its newline; `data` and `size` are what follows it for a
 * send, else NULL and 0. *answer is text to be given to godwit_free: one JSON object on each line.
 * A stopped peer answers status, find, dead list and dead show; to anything else GODWIT_ECLOSED.
 * One thread at a time may use an inspect.
 * The error that the peer answers, with its sentence; GODWIT_EINVAL, GODWIT_ETIMEDOUT,
 * GODWIT_ECLOSED (the peer has ended), GODWIT_EBUSY (too many ask, or its store is being reopened),
 * GODWIT_EIO, GODWIT_ENOMEM. */
GODWIT_EXPORT godwit_err_t godwit_inspect_ask(godwit_inspect_t *inspect, const char *request,
                                              const void *data, size_t size, int timeout_ms,
                                              char **answer);

/* Nulls *inspect; NULL is accepted. */
GODWIT_EXPORT void godwit_inspect_close(godwit_inspect_t **inspect);

#ifdef __cplusplus
}
#endif
#endif
