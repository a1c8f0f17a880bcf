/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_PLAN_H
#define LAB_PLAN_H

/* What is done when in one run: the scenario's actions with everything drawn that they leave open,
 * and the random orders, by time. It depends on the scenario and the seed alone, never on what
 * happens in the run. */

#include "random.h"
#include "scenario.h"

struct lab_plan {
    const struct lab_scenario *scenario;
    struct lab_random_state timed, random; /* each draws in its own order */
    size_t next;                           /* of the timed actions */
    uint64_t random_us;                    /* of the next random one; UINT64_MAX: none */
};

void lab_plan_begin(struct lab_plan *plan, const struct lab_scenario *scenario, uint64_t seed);
/* When the next one is; UINT64_MAX: there is none. */
uint64_t lab_plan_next_us(const struct lab_plan *plan);
/* The next one: of one process or link, times fixed (the low end of a span says which), but for
 * `delay`, whose span is drawn for each piece. Only if there is one. */
void lab_plan_take(struct lab_plan *plan, struct lab_order *order);

#endif
