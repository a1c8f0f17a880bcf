/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_CURVE_H
#define GODWIT_BENCH_CURVE_H

/* How the cost of a work grows with one thing: the size of a message, how many links there are. A
 * curve is the same work at several points of it, smallest first, each with all systems and rounds
 * of its own; a point that would not fit into the time is left out, and said. */

#include "bench.h"
#include <stdio.h>

#define CURVE_WORKS 2

struct curve {
    const char *name;  /* "size" */
    const char *about; /* "bytes of one message" */
    char option;       /* the letter of the one that it varies: it may not be given (options.c) */
    const char *works[CURVE_WORKS];
    uint64_t least, most;          /* of a point */
    uint64_t points[BENCH_POINTS]; /* by default, up to a 0 */
    /* Sets what is varied, and how many messages a run has there if that was not said. */
    void (*set)(struct bench_options *options, uint64_t point);
};

/* NULL if there is none. */
const struct curve *curve_named(const char *name);
const struct curve *curve_at(size_t index);

/* Reads "10,100,1000" into the points of a curve: ascending, within its bounds. False after a
 * sentence. */
bool curve_points(const struct curve *curve, const char *text, uint64_t points[BENCH_POINTS]);

/* Measures and prints; draws into `plot` if it is not NULL, and closes it. The exit status. */
int curve_run(const struct bench_options *options, FILE *plot);

#endif
