/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_RUN_H
#define GODWIT_BENCH_RUN_H

#include "bench.h"

/* What was measured: for each round, raw and then each level, one after the other, so that a busy
 * minute of the machine meets all of them. */
struct bench_results {
    struct bench_result *raw;                 /* of each round */
    struct bench_result *level[BENCH_LEVELS]; /* of each round */
};

bool results_init(struct bench_results *results, const struct bench_options *options);
void results_clear(struct bench_results *results);

/* Measures all of it; processes and directories are then gone again. False after a sentence. */
bool run_all(const struct bench_options *options, struct bench_results *results);

#endif
