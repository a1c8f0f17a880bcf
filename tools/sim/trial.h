/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_TRIAL_H
#define GW_SIM_TRIAL_H

/* One world in a process of its own: if the code under test dies, or never ends, the report says
 * so, and the faults until then are known all the same. */

#include "run.h"

struct sim_trial { /* in memory that both processes see */
    struct sim_report report;
    struct sim_log log;
};

struct sim_trial *sim_trial_new(void); /* NULL: no memory */
void sim_trial_destroy(struct sim_trial **trial);

/* Runs for at most so many events, and seconds (in case the code under test never ends an event);
 * what takes longer counts as no failure. False: no process could be made. */
bool sim_trial_run(struct sim_trial *trial, const struct sim_options *options, uint64_t events,
                   unsigned seconds);

#endif
