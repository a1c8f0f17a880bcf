/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_REPORT_H
#define GW_SIM_REPORT_H

/* What is told of worlds, for people (report.c) and for programs (report_json.c). */

#include "arguments.h"
#include "hunt.h"
#include "shrink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A list of all that failed: what a hunt found, in the order in which it came. */
struct sim_violations {
    struct sim_report *reports;
    size_t count, capacity; /* the first ones; a hunt counts the others */
};

#define SIM_VIOLATIONS_MAX 1000

void sim_violations_add(struct sim_violations *violations, const struct sim_report *report);
void sim_violations_clear(struct sim_violations *violations);

/* Whether what was run is enough to say so (--require-all); says what is missing, if `out`. */
bool sim_report_enough(const struct sim_findings *findings, FILE *out);

void sim_report_summary(const struct sim_findings *findings, double seconds);
/* A line each: a seed that failed, and the world of one seed. */
void sim_report_violation(const struct sim_report *report);
void sim_report_world(uint64_t seed, const struct sim_stats *stats, bool failed);
/* The command that runs the world again. */
void sim_report_replay(const struct sim_arguments *arguments, const struct sim_wishes *wishes,
                       uint64_t seed, FILE *out);
/* The last events of a world, the invariant and the command; all of it once more for the smallest
 * one, if there is one (NULL). */
void sim_report_failure(const struct sim_arguments *arguments, const struct sim_report *report,
                        const struct sim_shrunk *shrunk);

/* One object; `shrunk` (NULL: none) is of the lowest seed that failed. */
void sim_report_json(const struct sim_arguments *arguments, const struct sim_findings *findings,
                     const struct sim_violations *violations, const struct sim_shrunk *shrunk,
                     double seconds);

#endif
