/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_CURVE_REPORT_H
#define GODWIT_BENCH_CURVE_REPORT_H

/* What the points of a curve come to. */

#include "curve.h"
#include "row.h"
#include <stdio.h>

struct curve_point { /* one work at one point */
    uint64_t point;
    struct bench_options options;
    struct bench_results results;
};

void curve_table(const struct bench_options *options, const struct curve_point *points,
                 size_t count);
/* {"rows": [...]}: rows as those of a work, with "curve" and "point" first. */
void curve_json(const struct bench_options *options, const struct curve_point *points,
                size_t count);
/* False after a sentence; closes the file. */
bool curve_picture(FILE *file, const struct bench_options *options,
                   const struct curve_point *points, size_t count);

#endif
