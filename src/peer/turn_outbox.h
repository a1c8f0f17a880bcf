/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_TURN_OUTBOX_H
#define GW_PEER_TURN_OUTBOX_H

/* What recovery counts beside the backlog: dead letters, and how far the outcomes go. Part of
 * turn_store.c. */

#include "peer/turn.h"

enum gw_store_error gw_turn_count_dead(struct gw_store *store, struct gw_recovered *recovered);
/* Sets both outcome fields. Of the rows only a few are read. */
enum gw_store_error gw_turn_find_outcomes(struct gw_store *store, struct gw_recovered *recovered);

#endif
