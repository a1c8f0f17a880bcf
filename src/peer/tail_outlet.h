/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_TAIL_OUTLET_H
#define GW_PEER_TAIL_OUTLET_H

/* The destinations of this open: each has an epoch while there is one under which it may number, a
 * queue of batches not yet taken, of which the last may be open, and its share of the outbox. One
 * that has none of these is forgotten, so that short-lived ones leave no state. Part of tail.c. */

#include "base/map.h"
#include "core/frame.h"
#include "peer/tail_epoch.h"
#include "peer/tail_piece.h"

struct gw_outlet {
    struct gw_destination destination;
    struct gw_outlet *next_alike; /* of the same hash */
    struct gw_outlet *next_waiting;
    struct gw_epoch *epoch;        /* NULL: the next append draws one */
    struct gw_piece *first, *last; /* oldest first */
    bool open;                     /* messages may still join `last` */
    size_t room;                   /* first guess for the next body: what the last one needed */
    uint64_t messages;             /* of its, in the outbox */
    uint64_t bytes;
    uint64_t max_messages; /* how many may be there; 0: no limit of its own */
    uint64_t max_bytes;
};

struct gw_outlets {
    struct gw_map map; /* by hash of the destination */
    struct gw_outlet *recent;
};

void gw_outlets_init(struct gw_outlets *outlets, uint64_t seed);
void gw_outlets_clear(struct gw_outlets *outlets); /* with all that waits in them */

/* NULL if there is none. */
struct gw_outlet *gw_outlets_find(struct gw_outlets *outlets,
                                  const struct gw_destination *destination);
/* The same, made if need be; NULL: no memory. */
struct gw_outlet *gw_outlets_get(struct gw_outlets *outlets,
                                 const struct gw_destination *destination);
/* Forgets it if nothing is left to remember. */
void gw_outlets_tidy(struct gw_outlets *outlets, struct gw_outlet *outlet);
/* A list of all by next_waiting, which it overwrites: for changing what is there. */
struct gw_outlet *gw_outlets_all(struct gw_outlets *outlets);

void gw_outlet_drop_pieces(struct gw_outlet *outlet);

#endif
