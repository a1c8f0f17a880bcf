/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_SHRINK_H
#define GW_SIM_SHRINK_H

/* The smallest world that still violates: fewer faults, simpler knobs, fewer peers and messages,
 * round after round, as long as anything helps. Each step runs the smaller world; it is kept if the
 * same invariant is violated. So what is found violates, and nothing that is left can be left out
 * alone. Where more than a few faults are left, the same small world is run with other seeds, and
 * what fails there is shrunk in its turn: the smallest of all may have another seed than the world
 * that was given. Limits end it all, wherever it is. */

#include "run.h"
#include "wishes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_shrink_limits {
    unsigned runs;
    unsigned seconds;
    bool any; /* another invariant will do as well */
};

struct sim_size { /* of a world that failed */
    size_t peers;
    uint64_t messages;
    size_t faults; /* that happened until it failed, by name */
};

struct sim_shrunk {
    struct sim_wishes wishes;  /* with the seed of the report: exactly that world */
    struct sim_report report;
    struct sim_injected *faults; /* all that are left, in the order of time */
    struct sim_size before, after;
    unsigned runs;
    bool complete; /* no limit was reached */
};

/* False: the world did not fail when it was run again, or there is no memory or process for it. */
bool sim_shrink(const struct sim_wishes *wishes, uint64_t seed,
                const struct sim_shrink_limits *limits, struct sim_shrunk *shrunk);
void sim_shrunk_clear(struct sim_shrunk *shrunk);

#endif
