/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_LOT_H
#define GW_SIM_LOT_H

/* Chance, in many small generators instead of one: what is drawn for one purpose does not move what
 * is drawn for another. So a fault that is left out changes what follows from it, and little else,
 * and the rest of a failing world can be searched for what does not matter. */

#include "base/random.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_lot { /* splitmix64 */
    uint64_t state;
};

/* What a generator is for. The first ones are streams, one for each peer. */
enum sim_lot_use {
    SIM_LOT_SENDS,   /* when, how many, how long */
    SIM_LOT_WORK,    /* when handlers look for work, and what they take */
    SIM_LOT_DISK,    /* how long writes and reads take */
    SIM_LOT_TURN,    /* how long events gather */
    SIM_LOT_SECRETS, /* what the shell draws from the system: nonces, uuids, entropy */
    SIM_LOT_STARTS,  /* when it starts again; visits */
    SIM_LOT_STREAMS,
    /* one for each of a kind */
    SIM_LOT_WORLD = SIM_LOT_STREAMS, /* the roles */
    SIM_LOT_OPTIONS, /* what the world is like */
    SIM_LOT_WIRE,    /* delays from one peer to another */
    SIM_LOT_PAST,    /* which frames may come again later */
    SIM_LOT_DIAL,    /* one connection: its habits, and when the next one is tried */
    SIM_LOT_CUT,     /* what becomes of the frames under way */
    SIM_LOT_WRITE,   /* what becomes of a write in flight at a crash */
    SIM_LOT_JOB,     /* what one handler does */
    SIM_LOT_DEED,    /* one deed of the chaos monkey */
    SIM_LOT_FAULT,   /* one occasion of one fault (inject.h) */
};

/* The generator for the `number`th thing of its kind at `place`. */
struct sim_lot sim_lot_of(uint64_t seed, enum sim_lot_use use, uint64_t place, uint64_t number);

uint64_t sim_draw(struct sim_lot *lot);
/* Each call draws once, whatever its bounds: a simpler world draws the same. */
uint64_t sim_between(struct sim_lot *lot, uint64_t low, uint64_t high); /* both included */
bool sim_chance(struct sim_lot *lot, uint32_t per_million);

#endif
