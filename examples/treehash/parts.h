/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_PARTS_H
#define TREEHASH_PARTS_H

/* The parts of large files at the worker that digests them.
 *
 * They come in their order, since the walker made their stage an ordered one. The digest so far is
 * a key of the worker's, written in the transaction that acks the parts it covers: a restarted
 * worker goes on with the part after. */

#include "message.h"
#include <godwit.h>

/* Puts a part into the transaction: acks it, digests it, and after the last one sends the file's
 * digest to the stage `next`. Ends the process if it is not the part whose turn it is. */
void th_part_take(const struct th_message *message, godwit_delivery_t *delivery,
                  godwit_txn_t *txn, const char *next);

#endif
