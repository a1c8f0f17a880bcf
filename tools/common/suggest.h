/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TOOLS_SUGGEST_H
#define TOOLS_SUGGEST_H

#include <stddef.h>

/* Which of `count` words was perhaps meant: the one that takes the fewest insertions, deletions,
 * exchanges and swaps of neighbours to reach. NULL if none is near. */
const char *suggest(const char *word, const char *const *words, size_t count);

#endif
