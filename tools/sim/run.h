/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_RUN_H
#define GW_SIM_RUN_H

/* One world from birth to verdict. */

#include "inject.h"
#include "options.h"
#include "stats.h"
#include "trace.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_report { /* also sent through a pipe */
    uint64_t seed;
    uint64_t steps;
    uint64_t now_us;
    bool failed;
    char failure[512];   /* the invariant in words */
    char invariant[160]; /* the same, without names and numbers: which one it is */
    struct sim_stats stats;
};

#define SIM_EVENTS_MAX 20000000 /* a world that has not ended by then never does: a violation */

/* The faults are remembered in the log, if there is one (NULL), as they happen. */
void sim_run(const struct sim_options *options, struct sim_trace *trace, struct sim_log *log,
             struct sim_report *report);
/* The same, given up after so many events, as if nothing had been violated. */
void sim_run_some(const struct sim_options *options, uint64_t events, struct sim_log *log,
                  struct sim_report *report);

/* What is to be said of a process that ended instead of reporting; `status` as of waitpid. */
void sim_report_death(struct sim_report *report, int status);

#endif
