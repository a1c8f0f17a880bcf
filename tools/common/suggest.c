/* SPDX-License-Identifier: MPL-2.0 */
/* The distance between two words, for a kinder answer to a typing error. */

#include "suggest.h"
#include <string.h>

#define WORD_MAX 31 /* longer words are no typing error */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* steps[i][j]: from the first i letters of one word to the first j of the other. */
static size_t distance(const char *one, const char *other)
{
    size_t steps[WORD_MAX + 1][WORD_MAX + 1];
    size_t m = strlen(one), n = strlen(other);
    for (size_t i = 0; i <= m; i++) {
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                steps[i][j] = i + j;
                continue;
            }
            size_t exchange = steps[i - 1][j - 1] + (one[i - 1] != other[j - 1]);
            steps[i][j] = least(exchange, least(steps[i - 1][j], steps[i][j - 1]) + 1);
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                steps[i][j] = least(steps[i][j], steps[i - 2][j - 2] + 1);
        }
    }
    return steps[m][n];
}

const char *suggest(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t nearest = 0;
    if (strlen(word) > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t away = distance(word, words[i]), letters = strlen(words[i]);
        if (away <= (letters + 1) / 2 && (!best || away < nearest)) {
            best = words[i];
            nearest = away;
        }
    }
    return best;
}
