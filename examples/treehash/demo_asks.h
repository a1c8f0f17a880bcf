/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_DEMO_ASKS_H
#define TREEHASH_DEMO_ASKS_H

/* Whether every request was processed once and answered once, with the truth. */

#include "demo_check.h"

/* Compares what the client was answered (the file of check->answers) with what the collector says
 * that it answered, and with the manifest. `counts` are the collector's records, `counted` the
 * paths in them: the digest and a space lie before each. Adds to the numbers of `check`, and prints
 * what is not as it must be. */
void check_asks(struct check *check, const char *counts, size_t size,
                const struct check_paths *counted);

#endif
