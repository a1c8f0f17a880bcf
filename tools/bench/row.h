/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_ROW_H
#define GODWIT_BENCH_ROW_H

/* What the rounds of one step come to: numbers by name, each the median of all rounds with the
 * least and the most. Table, JSON, pictures and curves are made of these. */

#include "run.h"

struct spread {
    double median, least, most;
};

struct number {
    char name[RESULT_NAME]; /* "rate", "ratio_raw", "p99_us", ... */
    struct spread spread;
    int digits; /* behind the point */
    enum number_kind {
        NUMBER_PLAIN,
        NUMBER_PEAK,  /* only the most has a meaning */
        NUMBER_RATIO, /* to another system, of the same round */
        NUMBER_OWN,   /* of this work alone */
    } kind;
};

#define ROW_NUMBERS 48

struct row {
    const struct step *step;
    unsigned rounds;
    struct number number[ROW_NUMBERS];
    size_t count;
};

/* A number that a round does not have is not in the row. */
void row_make(const struct bench_results *results, size_t step, struct row *row);

/* NULL if the row has none of this name. */
const struct spread *row_find(const struct row *row, const char *name);

/* "raw", "godwit", "godwit 8-to-1": which system, and which shape of the work if there are several.
 * `level`: its durability as well. */
#define ROW_NAME 64
void row_name(const struct step *step, bool level, char name[ROW_NAME]);

#endif
