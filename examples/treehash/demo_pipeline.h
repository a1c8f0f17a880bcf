/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_DEMO_PIPELINE_H
#define TREEHASH_DEMO_PIPELINE_H

/* The processes of the demo and how they are joined:
 *
 *     walk (binds) <--- relay <--- w1, w2, w3 ---> relay ---> collect (binds)
 *                                                   relay <--- ask
 *
 * Workers and the client dial, always through the relay, so the relay can cut every link. */

#include "demo_plan.h"
#include "demo_process.h"

#define PIPELINE_WORKERS 8

enum { PIPELINE_WALK, PIPELINE_COLLECT, PIPELINE_ASK, PIPELINE_WORKER }; /* places in stages[] */

#define PIPELINE_ATTEMPTS 3     /* of a file, then it is a dead letter */
#define PIPELINE_FAILOVER_MS 400

struct pipeline_options {
    const char *programs; /* the directory of the programs */
    const char *root;
    const char *paths;  /* a file with the paths of the tree, each ended by a NUL */
    const char *poison; /* the path on which workers crash, or NULL */
    unsigned workers;
    bool failover; /* what a killed worker has goes to others, and it stays away for longer */
    uint64_t files; /* the size of the tree, from which the walker's limits are made */
    uint64_t bytes;
};

struct pipeline {
    struct process stages[PIPELINE_WORKER + PIPELINE_WORKERS];
    unsigned stage_count;
    unsigned workers;
    bool failover;
    struct process relay;
};

/* Describes and starts the processes. */
void pipeline_start(struct pipeline *pipeline, const struct pipeline_options *options);

/* Ends the workers in good order and starts them again without their bug. */
void pipeline_repair(struct pipeline *pipeline);
bool pipeline_repaired(const struct pipeline *pipeline);

/* Does one planned event now, if its process runs (or for a cut: if every link is up) and the job
 * is not done. True if it was done, and hit. */
bool pipeline_hit(struct pipeline *pipeline, struct plan *plan, const struct plan_event *event);

/* Reaps and restarts; false and a text if a process ended by itself and not well. */
bool pipeline_check(struct pipeline *pipeline, char *problem, size_t size);

/* Grows whenever any file moves on, at any stage. */
uint64_t pipeline_motion(struct pipeline *pipeline);

uint64_t pipeline_sum(const struct pipeline *pipeline, const char *name); /* over all stages */
void pipeline_print_state(struct pipeline *pipeline); /* and the logs' ends */
void pipeline_destroy(struct pipeline *pipeline); /* ends everything at once */

#endif
