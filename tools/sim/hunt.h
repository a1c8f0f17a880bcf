/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_HUNT_H
#define GW_SIM_HUNT_H

/* Many seeds, shared out among processes. */

#include "run.h"
#include "wishes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_JOBS_MAX 64

struct sim_hunt {
    uint64_t first, last;
    unsigned jobs;
    bool keep_going;        /* after a violation */
    const uint64_t *except; /* seeds to leave out */
    size_t except_count;
    const struct sim_wishes *wishes;
};

struct sim_findings {
    struct sim_stats sum;
    struct sim_report worst; /* the lowest seed that failed, if any did */
    uint64_t failures;
    uint64_t median_events;
    uint64_t median_faults;
};

struct sim_watcher {
    void (*found)(void *context, const struct sim_report *report); /* each failure, as it comes */
    void (*passed)(void *context, uint64_t seeds); /* how many are done; now and then */
    void *context;
};

/* Returns 0, or -1 if a process could not be made: errno. */
int sim_hunt_run(const struct sim_hunt *hunt, const struct sim_watcher *watcher,
                 struct sim_findings *findings);

#endif
