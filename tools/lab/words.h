/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_WORDS_H
#define LAB_WORDS_H

/* What stands in a scenario's values: times, sizes, commands. */

#include "verb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each reads all of `text`, and returns false if it is something else or too large. */
bool lab_read_number(const char *text, uint64_t limit, uint64_t *value);
bool lab_read_size(const char *text, uint64_t *bytes);  /* 64, 64k, 10M, 1G: times 1024 */
/* 500ms, 1.5s, 2m, 1h, 1d, 10us; without a unit, seconds. At most LAB_SECONDS_MAX. */
bool lab_read_time(const char *text, uint64_t *us);
bool lab_read_span(const char *text, struct lab_span *span); /* 100ms..1s, or one time */
bool lab_read_shift(const char *text, int64_t *us);     /* +10y, -1ms: a sign, and also years */
bool lab_read_errno(const char *text, int *error);      /* ENOSPC */
extern const char *const lab_errno_names[];
extern const size_t lab_errno_count;

#define LAB_TIME_SIZE 32
/* "500 ms" and the like, as short as it is exact to the millisecond. Returns `text`. */
const char *lab_time_text(char text[LAB_TIME_SIZE], uint64_t us);

/* Cuts a command into words as a shell does: blanks part them, '...' keeps all, "..." all but \"
 * and \\, a backslash the next letter. No variables, no patterns, no pipes. NULL, with `why`: a
 * quote is open, nothing is there, or memory is out. The caller frees it with lab_words_free. */
char **lab_words_split(const char *text, const char **why);
void lab_words_free(char **words);

/* A substitution in a word: {name}, of letters, digits and -_.: inside. `{{` is a brace. */
struct lab_place {
    size_t at, size;   /* of all of it, in the word */
    char name[72];
};
/* The next one from `at` on; false: there is no further one. */
bool lab_place_next(const char *word, size_t at, struct lab_place *place);
/* The word with every {name} replaced by what `value` says of it, and each `{{` by a brace. NULL:
 * `value` returned NULL, or memory is out. The caller frees it. */
char *lab_places_fill(const char *word, const char *(*value)(void *context, const char *name),
                      void *context);

#endif
