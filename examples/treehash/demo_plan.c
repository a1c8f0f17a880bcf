/* SPDX-License-Identifier: MPL-2.0 */
/* One event for each equal slice of the job, at a random moment in its slice. */

#include "demo_plan.h"
#include "demo_scratch.h"

/* Some of the job is left alone at both ends: there a process may have nothing to do yet, or any
 * longer. */
#define FIRST 0.02
#define LAST 0.85

#define PAUSE_MIN_MS 20
#define PAUSE_MAX_MS 200

static double fraction(uint64_t *random)
{
    return (double)(scratch_random(random) >> 11) / 9007199254740992.0; /* 2^53 */
}

static void add(struct plan *plan, int target, unsigned times)
{
    while (times-- && plan->count < PLAN_EVENTS)
        plan->events[plan->count++].target = target;
}

/* Fisher and Yates. */
static void mix(struct plan *plan)
{
    for (size_t i = plan->count; i > 1; i--) {
        size_t other = scratch_random(&plan->random) % i;
        struct plan_event kept = plan->events[i - 1];
        plan->events[i - 1] = plan->events[other];
        plan->events[other] = kept;
    }
}

void plan_make(struct plan *plan, uint64_t seed, unsigned processes, unsigned kills, unsigned cuts)
{
    *plan = (struct plan){.random = seed};
    for (unsigned i = 0; i < processes; i++)
        add(plan, (int)i, kills);
    add(plan, PLAN_CUT, cuts);
    mix(plan);
    plan_spread(plan);
}

void plan_spread(struct plan *plan)
{
    double slices = (double)(plan->count - plan->done), slice = 0;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->events[i].done)
            continue;
        double moment = (slice + fraction(&plan->random)) / slices;
        plan->events[i].at = FIRST + (LAST - FIRST) * moment;
        slice++;
    }
}

uint64_t plan_pause_ms(struct plan *plan)
{
    return PAUSE_MIN_MS + scratch_random(&plan->random) % (PAUSE_MAX_MS - PAUSE_MIN_MS + 1);
}

unsigned plan_planned(const struct plan *plan, int target)
{
    unsigned count = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += plan->events[i].target == target;
    return count;
}

unsigned plan_happened(const struct plan *plan, int target)
{
    unsigned count = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += plan->events[i].target == target && plan->events[i].done;
    return count;
}
