/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_DEMO_PLAN_H
#define TREEHASH_DEMO_PLAN_H

/* What is done to the pipeline, and when: kills and cuts at random moments of the job, drawn from a
 * seed before it starts. A moment is a fraction of the job and not a time, so that each one hits a
 * running job on fast machines too. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_EVENTS 256
#define PLAN_CUT (-1)

struct plan_event {
    double at;  /* of the job: 0 to 1 */
    int target; /* the process to kill, or PLAN_CUT */
    bool done;
};

struct plan {
    struct plan_event events[PLAN_EVENTS]; /* those not done: by `at` */
    size_t count;
    size_t done;
    uint64_t random; /* what is left of the seed, for restart pauses */
};

/* `kills` for each of `processes` (numbered from 0) and `cuts`, mixed and spread over the job. */
void plan_make(struct plan *plan, uint64_t seed, unsigned processes, unsigned kills, unsigned cuts);

/* Draws new moments for what has not happened yet, for another round of the job. */
void plan_spread(struct plan *plan);

/* How long a killed process stays away, in milliseconds. */
uint64_t plan_pause_ms(struct plan *plan);

/* How many of one target's events were planned; and how many of those happened. */
unsigned plan_planned(const struct plan *plan, int target);
unsigned plan_happened(const struct plan *plan, int target);

#endif
