/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_H
#define GODWIT_BENCH_H

/* godwit bench: the rate of one piece of work beside plain libzmq, measured in the same minutes;
 * and the memory that a backlog takes.
 *
 * main.c      reads the options and ends with the right status, whatever happened
 * options.c   the command line: what cannot be measured is refused before anything starts
 * run.c       the rounds: raw, then each durability, and again; a receiver and a sender each time
 * child.c     one process that the bench started: its lines, its end, what it used
 * scratch.c   the directories, and the janitor that removes them even if the bench is killed
 * report.c    medians, ratios, the table and the JSON
 * role.h      what the processes do: raw.c (plain libzmq), stage.c (a producer and a worker),
 *             backlog_roles.c
 * backlog.c   the rounds of a backlog, and its table and JSON; memory.c what a process holds
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_LEVELS 3
#define BENCH_RUNS   1000 /* most rounds */

/* Exit statuses. */
enum { BENCH_OK = 0, BENCH_FAILED = 1, BENCH_USAGE = 2 };

struct bench_options {
    const char *work;                 /* "stage", "backlog" */
    size_t size;                      /* bytes of one message */
    uint64_t count;                   /* messages of one run */
    const char *levels[BENCH_LEVELS]; /* durabilities, in the order given */
    size_t level_count;
    bool raw;                         /* measure raw libzmq beside */
    unsigned runs;                    /* rounds */
    unsigned timeout_s;               /* a run that takes longer has failed */
    bool json;
};

/* One run of one system. */
struct bench_result {
    double seconds;     /* first send to last message settled (raw: received) */
    double cpu_seconds; /* user and system, both processes, from start to end */
    long sender_kib;    /* peak resident set */
    long receiver_kib;
};

/* Prints "godwit-bench: ..." to standard error. */
void bench_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
