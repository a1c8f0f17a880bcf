/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_MISTAKE_H
#define LAB_MISTAKE_H

/* Saying what is wrong with a scenario, where, and how to mend it. */

#include "scenario.h"

/* Both keep what fits and return false, so that a check can end with `return lab_mistaken(...)`;
 * the first mistake stays. */
bool lab_mistaken(struct lab_mistake *mistake, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool lab_mend(struct lab_mistake *mistake, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The mend for a word that is none of `count`: the one that was perhaps meant, and all of them. */
bool lab_mend_word(struct lab_mistake *mistake, const char *word, const char *const *words,
                   size_t count);

#endif
