/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_H
#define GODWIT_H

/* godwit: reliable messaging for C services with no broker in the middle.
 *
 * Conventions, in all headers:
 *  1. Self comes first, results last. Results are set only on success.
 *  2. Functions return godwit_err_t; 0 is GODWIT_OK. godwit_last_error() says in a sentence what
 *     went wrong and what to do about it, for the calling thread.
 *  3. A call that takes over an object takes a pointer to your pointer and nulls it on success;
 *     on failure the object is still yours. Destructors do the same and accept NULL.
 *  4. Any thread may call anything, except that one delivery or transaction belongs to one
 *     thread at a time.
 *  5. Times are milliseconds, sizes are bytes. timeout_ms: 0 = do not wait, -1 = wait without
 *     limit.
 *  6. In an options struct, 0 means the documented default. Start from the GODWIT_..._INIT
 *     initialiser (C, and C++ of any age).
 *  7. After fork() the child may not use what the parent opened: every call returns
 *     GODWIT_EFORK, those that only read what the child has a copy of still do, and those that
 *     return nothing do nothing. A program that is executed inherits no descriptor; a child that
 *     lives on without that keeps the parent's endpoints in use, beyond the peer's end.
 *  8. Each call names its errors. Not named again: GODWIT_EINVAL for a NULL or a timeout below -1,
 *     and GODWIT_ECLOSED once godwit_peer_close was called.
 *
 * Where to start: peer.h (open, bind, connect), then pipeline.h. */

#include "godwit/dead.h"
#include "godwit/delivery.h"
#include "godwit/error.h"
#include "godwit/inspect.h"
#include "godwit/message.h"
#include "godwit/peer.h"
#include "godwit/pipeline.h"
#include "godwit/request_reply.h"
#include "godwit/status.h"
#include "godwit/transaction.h"
#include "godwit/version.h"

#endif
