/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_FOUND_H
#define GW_PEER_FOUND_H

/* Questions to a store: what a reopened one knows about writes whose outcome was unknown, and what
 * became of single messages. Reads only. `found` is set on GW_STORE_OK. */

#include "peer/mailbox.h"
#include "peer/tail.h"
#include "store/row.h"

/* One row by its key; its slices point into `value`, which was empty. */
enum gw_store_error gw_found_row(struct gw_store *store, enum gw_row_kind kind, uint64_t epoch,
                                 uint64_t sequence, struct gw_buffer *value, struct gw_row *row);
/* How a message ended (enum gw_outcome), as long as nobody has read its outcome. All that are not
 * read are walked: this is for people. */
enum gw_store_error gw_found_outcome(struct gw_store *store, uint64_t epoch, uint64_t sequence,
                                     bool *found, uint8_t *how);

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
