/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_RUN_H
#define GODWIT_BENCH_RUN_H

#include "work.h"

/* What was measured: each step of each round. */
struct bench_results {
    struct steps steps;
    unsigned rounds;
    struct result **result; /* [step * rounds + round]; NULL: not measured */
};

/* Measures all of it; processes and directories are then gone again. The exit status; a sentence
 * was said if it is not BENCH_OK. Clear the results in any case. */
int run_all(const struct bench_options *options, struct bench_results *results);
void results_clear(struct bench_results *results);

/* One of them. */
const struct result *results_at(const struct bench_results *results, size_t step, unsigned round);
/* What a ratio comes to in one round, as ratio_of. */
double results_ratio(const struct bench_results *results, const struct ratio *ratio, size_t step,
                     unsigned round);

#endif
