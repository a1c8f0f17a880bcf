/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_REPORT_H
#define GODWIT_BENCH_REPORT_H

#include "row.h"

/* Medians with least and most, and ratios of the same round, to standard output: a line of at most
 * 100 columns for each step, and below it what only some have. */
void report_table(const struct bench_options *options, const struct bench_results *results);

/* The same as one JSON object: {"rows": [...]}, an object for each step. */
void report_json(const struct bench_results *results);

/* One such object, without a comma. `before`: members that come first, each with its comma. */
void report_json_row(const struct row *row, const char *before);

#endif
