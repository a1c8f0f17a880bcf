/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_DEMO_PIPELINE_H
#define TREEHASH_DEMO_PIPELINE_H

/* The processes of the demo and how they are joined:
 *
 *     walk (binds) <--- relay <--- w1, w2, w3 ---> relay ---> collect (binds)
 *
 * Workers dial both neighbours, always through the relay, so the relay can cut every link. */

#include "demo_plan.h"
#include "demo_process.h"

#define PIPELINE_WORKERS 8

enum { PIPELINE_WALK, PIPELINE_COLLECT, PIPELINE_WORKER }; /* places in stages[] */

struct pipeline {
    struct process stages[PIPELINE_WORKER + PIPELINE_WORKERS];
    unsigned stage_count;
    unsigned workers;
    struct process relay;
};

/* Describes and starts the processes. `files` and `bytes` are the size of the tree, from which the
 * walker's limits are made. `programs` is the directory of the programs. */
void pipeline_start(struct pipeline *pipeline, const char *programs, const char *root,
                    unsigned workers, uint64_t files, uint64_t bytes);

/* Does one planned event now, if its process runs (or for a cut: if every link is up) and the job
 * is not done. True if it was done, and hit. */
bool pipeline_hit(struct pipeline *pipeline, struct plan *plan, const struct plan_event *event);

/* Reaps and restarts; false and a text if a process ended by itself and not well. */
bool pipeline_check(struct pipeline *pipeline, char *problem, size_t size);

/* Grows whenever anything moves on, at any stage. */
uint64_t pipeline_motion(struct pipeline *pipeline);

uint64_t pipeline_sum(const struct pipeline *pipeline, const char *name); /* over all stages */
void pipeline_print_state(struct pipeline *pipeline); /* and the logs' ends */
void pipeline_destroy(struct pipeline *pipeline); /* ends everything at once */

#endif
