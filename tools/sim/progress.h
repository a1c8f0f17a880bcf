/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_PROGRESS_H
#define GW_SIM_PROGRESS_H

/* A line on stderr while seeds run, if it is a terminal:
 *
 *     [==========>         ] 2590/5000 seeds, no violation, 59/s, 41 s left
 */

#include <stdbool.h>
#include <stdint.h>

struct sim_progress {
    bool on;
    uint64_t seeds; /* in all */
    uint64_t began_ms, shown_ms;
};

void sim_progress_begin(struct sim_progress *progress, uint64_t seeds);
/* At most ten times a second. */
void sim_progress_show(struct sim_progress *progress, uint64_t done, uint64_t violations);
void sim_progress_clear(struct sim_progress *progress); /* makes room for a line of text */
double sim_progress_seconds(const struct sim_progress *progress); /* since it began */

#endif
