/* SPDX-License-Identifier: MPL-2.0 */
#ifndef SIM_GUEST_H
#define SIM_GUEST_H

/* A newcomer that has another peer's name. Once it was taken for that one, which nothing can tell
 * until peers have keys, the invariants that follow do not hold, and for the rest of the run the
 * checkers ask here before they complain. Everything else they check as ever. */

#include "world.h"

enum sim_guest_excuse {
    SIM_GUEST_ANSWERED,  /* it decided or confirmed, in its name, what the other has or never saw:
                          * a message ends unprocessed, processed twice, or otherwise than told */
    SIM_GUEST_MOVED,     /* what the other holds was offered elsewhere, or is offered to it again */
    SIM_GUEST_CHARGED,   /* the other's process counts as dead, and messages as having crashed it */
    SIM_GUEST_FORGOTTEN, /* a memory peer that lives was taken for ended, and what it was told */
    SIM_GUEST_HEARD      /* one was heard, and the other is silent */
};

static inline bool sim_guest(const struct sim_world *world, enum sim_guest_excuse what)
{
    (void)what; /* whoever reads the checkers */
    return world->guest_linked;
}

#endif
