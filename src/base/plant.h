/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_PLANT_H
#define GW_BASE_PLANT_H

/* Known bugs that can be planted on purpose, to show that the simulator and the demo find them.
 * Only builds with GODWIT_PLANTS contain them; in every other build GW_PLANT(x) is the constant 0
 * and the code is gone. */

enum gw_plant {
    GW_PLANT_NONE = 0,
    GW_PLANT_ACK_BEFORE_COMMIT, /* decisions are acknowledged before they are durable */
    GW_PLANT_FLOOR_TOO_HIGH,    /* the published floor is one above the lowest unsettled message */
    GW_PLANT_WINDOW_FORGOTTEN,  /* a restart forgets what was decided */
    GW_PLANT_EPOCH_KEPT,        /* a restart numbers on under the same epoch */
    GW_PLANT_OLD_LINK,          /* frames of an old link id are taken */
    GW_PLANT_SKIP_IN_HAND,      /* what is asked back is given back though a handler is at it */
    GW_PLANT_RETURN_KEEPS_CREDIT, /* what was given back still takes its room in hand */
    GW_PLANT_TXN_SPLIT,         /* a transaction's decisions wait for the write after its outputs */
    GW_PLANT_PREFETCH_CHARGED,  /* a dead member is charged with all that it held, begun or not */
    GW_PLANT_REPLY_BEFORE_COMMIT, /* a new message leaves before it is durable */
    GW_PLANT_COUNT
};

#ifdef GODWIT_PLANTS
extern enum gw_plant gw_plant; /* defined by the simulator, or by the engine of a planted build */
#define GW_PLANT(name) (gw_plant == GW_PLANT_##name)
#else
#define GW_PLANT(name) 0
#endif

#endif
