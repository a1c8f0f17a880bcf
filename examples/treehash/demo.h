/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_DEMO_H
#define TREEHASH_DEMO_H

/* The demo: its options, what it does, and what it has seen. */

#include "demo_check.h"
#include "demo_pipeline.h"
#include "demo_plan.h"
#include "demo_poison.h"
#include "demo_scratch.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct demo {
    /* options */
    const char *root;
    uint64_t seed;
    unsigned workers;
    unsigned kills; /* of each process */
    unsigned cuts;
    unsigned stall_seconds; /* no progress for so long: give up */
    unsigned limit_seconds; /* the same for everything */
    bool failover;          /* lost workers' files go to others */
    bool keep;              /* leave the temporary directory */
    /* what it does */
    char programs[PATH_MAX]; /* the directory of the programs */
    char paths[SCRATCH_PATH]; /* the file that lists `before` */
    struct check_paths before;
    uint64_t bytes; /* of the tree, roughly */
    struct plan plan;
    struct poison poison;
    struct pipeline pipeline;
    unsigned rounds;
    uint64_t started_ms;
    uint64_t motion;
    uint64_t moved_ms;
    /* what it has seen, over all rounds */
    char problem[256]; /* why it was given up, or "" */
    struct check check;
    uint64_t messages;
    uint64_t connections_cut;
    uint64_t resent;
    uint64_t duplicates_dropped;
    uint64_t rerun;
    uint64_t maybe_again;     /* deliveries that were flagged so */
    uint64_t collected_again; /* replies, by a client killed before it had given them up */
    const char *durability; /* the weakest of any process */
};

/* demo_job.c: runs the pipeline once over the tree, with what the plan has left. False if it was
 * given up; then `problem` says why. */
bool demo_run(struct demo *demo);

/* demo_verdict.c: checks the round and adds its numbers up. */
void demo_account(struct demo *demo);
/* demo_verdict.c: prints the table, what failed, and the verdict. Returns the exit status. */
int demo_verdict(struct demo *demo);

#endif
