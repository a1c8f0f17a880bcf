/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_INBOUND_H
#define GW_PEER_INBOUND_H

/* A received run, on its way to the application: the frame's body, where each message ends in it,
 * and which of them are new. Belongs to whoever the turn's port gives it to. */

#include "base/blob.h"
#include "base/ranges.h"
#include "core/frame.h"

struct gw_inbound {
    uint64_t epoch;
    uint64_t first;          /* of the run as received */
    uint64_t count;
    struct gw_destination destination;
    char sender[GW_NAME_MAX + 1];
    bool redelivered;
    bool maybe_duplicate;
    bool ordered;
    uint64_t number;         /* of the offer: goes back with a return */
    uint64_t attempt;
    struct gw_blob *body;
    uint32_t *ends;          /* count of them */
    uint32_t *heads;         /* bytes of headers at the start of each; NULL: none */
    struct gw_range *pieces; /* what is in hand now, ascending, inside the run */
    size_t piece_count;
};

void gw_inbound_destroy(struct gw_inbound **inbound);

#endif
