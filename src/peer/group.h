/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_GROUP_H
#define GW_PEER_GROUP_H

/* Transactions that nobody waits for (godwit_txn_commit_async). While they wait for the engine they
 * join each other: to the turn a group is one transaction, with all their decisions, and with one
 * batch for each destination. So n replies cost one row, and one frame, and nobody is woken.
 *
 *     mailbox:  batch  commit  batch  group ◀── joins, while it is the newest and
 *                                               nothing sent waits in the tail
 *
 * A group is stored whole or not at all, and if one of its inputs moved on without it, none of it
 * happens: then the inputs of all go back to their senders and come again, as each of them was
 * promised anyway. */

#include "peer/handle.h"
#include "peer/transaction.h"

/* Under way at a time: beyond, a transaction is waited for. An input, an output is an operation. */
#define GW_ASYNC_OPERATIONS_MAX 4096
#define GW_ASYNC_BYTES_MAX      (8 << 20)

/* All with the peer's lock. */

/* True if the transaction is on its way: its deliveries are decided, its messages have ids. False:
 * it is as it was, and has to go alone. */
bool gw_group_join(struct godwit_txn *txn);
/* Nothing joins any more; before the engine takes the mailbox. */
void gw_group_close(struct godwit_peer *peer);

#endif
