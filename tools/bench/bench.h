/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_H
#define GODWIT_BENCH_H

/* godwit bench: pieces of work beside plain libzmq and others, measured in the same minutes.
 *
 * main.c      reads the options and ends with the right status, whatever happened
 * options.c   the command line: what cannot be measured is refused before anything starts
 * works.c     the table of works: their systems, roles and ratios; work.h says what these are,
 *             work.c makes steps of them
 * run.c       the rounds: every step once, and again
 * cast.c      the processes of one run, what they say, what they used; result.h is what it yields
 * child.c     one process that the bench started: its lines, its end
 * measure.c   memory and writes of a process; wire.c its TCP payload; histogram.c latencies
 * scratch.c   the directories, and the janitor that removes them even if the bench is killed
 * backlog.c   the runs that are more than a cast: with a backlog, and a restart with one
 * row.c       what the rounds of a step come to: medians, ratios; report.c the table and the JSON
 * picture.c   the results as SVG; curve.c the same work at growing sizes, curve_report.c its report
 * role.h      what the processes do: raw*.c (plain libzmq), handmade.c, leveldb.c, disk.c, and
 *             those of godwit (role_peer.h): stage.c, request.c, links.c, backlog_roles.c
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_LEVELS 3
#define BENCH_RUNS   1000 /* most rounds */

/* Exit statuses. */
enum { BENCH_OK = 0, BENCH_FAILED = 1, BENCH_USAGE = 2 };

struct curve;
struct work;

#define BENCH_POINTS 12 /* of a curve */

/* What was asked for, with what this work has by default where nothing was said. */
struct bench_options {
    const struct work *work;
    size_t size;                      /* bytes of one message; 0: the work's own sizes */
    uint64_t count;                   /* messages of one run; 0: what makes about 256 MiB */
    const char *levels[BENCH_LEVELS]; /* durabilities, in the order given */
    size_t level_count;
    const char *against;           /* other systems, with commas; "none": none */
    unsigned runs;                 /* rounds */
    unsigned timeout_s;            /* a run that takes longer has failed */
    unsigned members;              /* of fanin and fanout */
    unsigned links;                /* of links */
    unsigned inflight;             /* requests */
    unsigned window;               /* of godwit's peers; 0: their default */
    const struct curve *curve;     /* NULL: the work alone */
    uint64_t points[BENCH_POINTS]; /* of the curve, up to a 0 */
    unsigned limit_s;              /* no point is begun that would end later */
    const char *plot;              /* where a picture goes; NULL: nowhere */
    bool json;
};

/* Prints "godwit-bench: ..." to standard error. */
void bench_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
