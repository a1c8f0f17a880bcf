/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_FOUND_H
#define GW_PEER_FOUND_H

/* What a reopened store knows about writes whose outcome was unknown. Reads only. `found` is set on
 * GW_STORE_OK. */

#include "peer/mailbox.h"
#include "peer/tail.h"

enum gw_store_error gw_found_batch(struct gw_store *store, uint64_t epoch, uint64_t last,
                                   bool *found);
enum gw_store_error gw_found_decision(struct gw_store *store, uint64_t epoch, uint64_t sequence,
                                      bool *found);
/* True if the transaction is stored: known by its first batch, else by its first decision, else by
 * its keys having just the values that it, or a transaction behind it in the list, wrote. */
enum gw_store_error gw_found_commit(struct gw_store *store, const struct gw_commit *commit,
                                    bool *found);
/* Tells the tail which messages of an epoch, stored up to a sequence, are settled. */
enum gw_store_error gw_found_settled(struct gw_store *store, uint64_t epoch, uint64_t stored,
                                     struct gw_tail *tail);

#endif
