/* SPDX-License-Identifier: MPL-2.0 */
/* Two streams of orders, merged by time. */

#include "plan.h"

#include "run.h"

#include <sys/random.h>
#include <time.h>

uint64_t lab_seed(const struct lab_scenario *scenario)
{
    uint32_t seed = 0; /* short to type */

    if (scenario && scenario->random.seed)
        return scenario->random.seed;
    while (seed == 0) {
        if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
            seed = (uint32_t)time(NULL);
    }
    return seed;
}

static void fix_span(struct lab_random_state *random, struct lab_span *span)
{
    uint64_t drawn_us = lab_random_between(random, span->low_us, span->high_us);

    if (span->high_us > span->low_us && drawn_us - drawn_us % 1000 >= span->low_us)
        drawn_us -= drawn_us % 1000; /* easier to read */
    span->low_us = span->high_us = drawn_us;
}

static void fix(struct lab_random_state *random, struct lab_order *order)
{
    order->whom[0] = order->whom[lab_random_below(random, order->whom_count)];
    order->whom_count = 1;
    fix_span(random, &order->lasts);
    if (order->verb != LAB_delay)
        fix_span(random, &order->span);
}

/* From nearly at once to twice as long as on average. */
static void plan_random(struct lab_plan *plan, uint64_t from_us)
{
    const struct lab_random *random = &plan->scenario->random;

    plan->random_us = from_us + 1 + lab_random_below(&plan->random, 2 * random->every_us);
    if (plan->random_us > random->until_us)
        plan->random_us = UINT64_MAX;
}

void lab_plan_begin(struct lab_plan *plan, const struct lab_scenario *scenario, uint64_t seed)
{
    struct lab_random_state both = {seed};

    *plan = (struct lab_plan){.scenario = scenario, .random_us = UINT64_MAX};
    plan->timed.at = lab_random_next(&both);
    plan->random.at = lab_random_next(&both);
    if (scenario->random.used)
        plan_random(plan, scenario->random.from_us);
}

static uint64_t timed_us(const struct lab_plan *plan)
{
    return plan->next < plan->scenario->action_count ? plan->scenario->actions[plan->next].at_us
                                                     : UINT64_MAX;
}

uint64_t lab_plan_next_us(const struct lab_plan *plan)
{
    return timed_us(plan) <= plan->random_us ? timed_us(plan) : plan->random_us;
}

void lab_plan_take(struct lab_plan *plan, struct lab_order *order)
{
    if (timed_us(plan) <= plan->random_us) {
        *order = plan->scenario->actions[plan->next++].order;
        fix(&plan->timed, order);
        return;
    }
    const struct lab_random *random = &plan->scenario->random;
    *order = random->orders[lab_random_below(&plan->random, random->count)];
    fix(&plan->random, order);
    plan_random(plan, plan->random_us);
}
