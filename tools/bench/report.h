/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_REPORT_H
#define GODWIT_BENCH_REPORT_H

#include "run.h"

/* Medians with least and most, and ratios of the same round, to standard output. */
void report_table(const struct bench_options *options, const struct bench_results *results);
/* The same as one JSON object: {"rows": [...]}, a row for each step. */
void report_json(const struct bench_options *options, const struct bench_results *results);

#endif
