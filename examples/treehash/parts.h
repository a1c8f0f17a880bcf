/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_PARTS_H
#define TREEHASH_PARTS_H

/* The parts of large files at the worker that digests them.
 *
 * A stage promises each message once, not their order, so a part may come before its turn. Such a
 * part stays in hand, undecided, until then; if the process dies it comes again. The digest so far
 * is a key of the worker's, written in the transaction that acks the parts it covers: a restarted
 * worker goes on with the part after.
 *
 * Why this cannot get stuck: everything the walker has not had settled fits in the credit of this
 * stage (see PARTS_CREDIT in hash.c), so the part that is missing always has room to come. */

#include "message.h"
#include <godwit.h>

struct th_part {
    godwit_delivery_t *delivery;
    struct th_message message; /* points into the delivery */
};

struct th_parts {
    struct th_part *items; /* by path, then by number */
    size_t count;
    size_t capacity;
};

/* Keeps a part in hand; takes the delivery. */
void th_parts_hold(struct th_parts *parts, godwit_delivery_t *delivery,
                   const struct th_message *message);

/* Puts every part whose turn has come into the transaction: acks it, digests it, and after the last
 * one sends the file's digest to the stage `next`. Returns how many; they are no longer held. */
size_t th_parts_take(struct th_parts *parts, godwit_txn_t *txn, const char *next);

/* Drops what is held: it comes again at the next start. */
void th_parts_clear(struct th_parts *parts);

#endif
