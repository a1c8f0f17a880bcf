/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_TAIL_INSIDE_H
#define GW_PEER_TAIL_INSIDE_H

/* The tail as its own files see it: tail.c, tail_transaction.c. */

#include "peer/tail.h"
#include "peer/tail_epoch.h"
#include "peer/tail_outlet.h"

struct gw_tail {
    struct gw_tail_options options;
    struct gw_outlets outlets;
    size_t live; /* outlets with an epoch */
    struct gw_epochs epochs;
    struct gw_outlet *waiting_first, *waiting_last; /* outlets with something to take */
    uint64_t outbox_messages;
    uint64_t outbox_bytes;
    int64_t dead_messages; /* below 0 for a moment if one is gone before it was told */
    int64_t dead_bytes;
    uint64_t unsubmitted;
    uint64_t unstored;
};

/* May so much more go there? `outlet` NULL: a destination that has nothing here yet, or the sum of
 * several. */
enum gw_tail_result gw_tail_admit(const struct gw_tail *tail, const struct gw_outlet *outlet,
                                  uint64_t messages, uint64_t bytes);
/* The destination's outlet with an epoch; *outlet may be it already, or NULL. */
enum gw_tail_result gw_tail_prepare_outlet(struct gw_tail *tail,
                                           const struct gw_destination *destination,
                                           uint64_t entropy, struct gw_outlet **outlet);
void gw_tail_count_sent(struct gw_tail *tail, struct gw_outlet *outlet, uint64_t messages,
                        uint64_t bytes);

#endif
