/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_RUN_H
#define GW_SIM_RUN_H

/* One seed from birth to verdict, and many of them in parallel processes. */

#include "stats.h"
#include "trace.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_hooks;

struct sim_report { /* of one seed; also sent through a pipe */
    uint64_t seed;
    uint64_t steps;
    uint64_t now_us;
    bool failed;
    char failure[512];
    struct sim_stats stats;
};

/* Another application in all worlds from now on. */
void sim_run_use(const struct sim_hooks *hooks);
void sim_run_seed(uint64_t seed, struct sim_trace *trace, struct sim_report *report);

struct sim_hunt {
    uint64_t first, last;
    unsigned jobs;
    bool keep_going; /* after a violation */
    const char *except; /* seeds to leave out, "7,13"; NULL: none */
};

struct sim_findings {
    struct sim_stats sum;
    struct sim_report worst; /* the lowest seed that failed, if any did */
    uint64_t failures;
    uint64_t median_events;
    uint64_t median_faults;
};

/* Calls `found` for every failure as it comes. Returns 0, or -1 if a process could not be made. */
int sim_run_hunt(const struct sim_hunt *hunt, struct sim_findings *findings,
                 void (*found)(const struct sim_report *report));

#endif
