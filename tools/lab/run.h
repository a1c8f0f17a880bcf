/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_RUN_H
#define LAB_RUN_H

/* Runs a scenario: starts the processes, carries out the actions, waits until all is settled, ends
 * everything, judges. Whatever happens, no process that it started, no mount and no directory of
 * its own outlives it: the processes are children of this one (a subreaper), each in a group of its
 * own, and die with it. */

#include "ledger.h"
#include "scenario.h"
#include "timeline.h"

#include <stdbool.h>
#include <stdint.h>

struct lab_run_options {
    uint64_t seed;         /* of random actions and drawn times; 0: lab_seed says which */
    const char *directory; /* for all files, made if it is not there; NULL: one below $TMPDIR */
    bool keep;             /* leave the files there; otherwise the directory is removed */
    void (*shown)(void *context, const struct lab_event *event); /* as it is added; may be NULL */
    void *context;
};

enum lab_end {
    LAB_PASSED,
    LAB_BROKEN,      /* a promise */
    LAB_SKIPPED,     /* something that it needs is not there */
    LAB_FAILED,      /* the lab itself, or a process that could not be started or died by itself */
    LAB_INTERRUPTED, /* SIGINT, SIGTERM */
};

struct lab_result {
    enum lab_end end;
    char why[300];         /* unless it passed */
    uint64_t seed;
    uint64_t took_us;
    uint64_t faults;       /* carried out */
    struct lab_verdict verdict;
    struct lab_timeline timeline; /* of the run; the caller clears it */
    struct lab_recovery {  /* from the end of a fault to the first message processed after it */
        uint64_t at_us, took_us;
        size_t event;
    } *recoveries;
    size_t recovery_count;
    struct lab_use {       /* what a process used: at the first look, the last one, at most */
        bool seen;
        uint64_t memory[3], files[3], disk[3]; /* resident bytes; descriptors; bytes it wrote */
    } *uses;               /* one for each process; NULL if nothing ran */
};

/* The scenario's, or a new one; NULL: a new one. */
uint64_t lab_seed(const struct lab_scenario *scenario);
void lab_run(const struct lab_scenario *scenario, const struct lab_run_options *options,
             struct lab_result *result);
void lab_result_clear(struct lab_result *result);
/* 0 passed, 1 broken, 77 skipped, 2 failed, 130 interrupted. */
int lab_end_status(enum lab_end end);

#endif
