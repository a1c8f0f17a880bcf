/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_PICTURE_H
#define GODWIT_BENCH_PICTURE_H

/* Results as an SVG file. It is opened before anything is measured, so that a path that cannot be
 * written is told at once; what was in it stays until there is a picture. */

#include "common/plot.h"
#include "row.h"
#include <stdio.h>

/* NULL after a sentence. */
FILE *picture_open(const char *path);

/* Writes what was opened, and closes it. False after a sentence. */
bool picture_write(FILE *file, const struct plot *plot);

/* Bars of the rates, and how latencies are distributed if there are any. Closes the file. */
bool picture_results(FILE *file, const struct bench_options *options,
                     const struct bench_results *results);

#endif
