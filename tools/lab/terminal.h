/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_TERMINAL_H
#define LAB_TERMINAL_H

/* A run as text: its timeline while it happens, then the verdict. In colours if that is a terminal
 * and NO_COLOR is not set. */

#include "run.h"

#include <stdio.h>

struct lab_terminal {
    FILE *out;
    const struct lab_scenario *scenario;
    bool colour;
    int width; /* of the names */
};

void lab_terminal_begin(struct lab_terminal *terminal, const struct lab_scenario *scenario,
                        FILE *out);
void lab_terminal_title(const struct lab_terminal *terminal, uint64_t seed);
/* For lab_run_options.shown, with the terminal as context. If it cannot be written, SIGTERM. */
void lab_terminal_event(void *context, const struct lab_event *event);
/* A table of the promises, what was measured, and how it ended. `again`: the words of the command
 * that repeats it, without its seed. */
void lab_terminal_verdict(const struct lab_terminal *terminal, const struct lab_result *result,
                          const char *again);
/* "passed", "BROKEN" and so on, coloured. */
const char *lab_terminal_end(const struct lab_terminal *terminal, enum lab_end end);

/* Of all recoveries; 0 if there are none. Sorts them. */
uint64_t lab_recovery_median_us(struct lab_result *result);
uint64_t lab_recovery_most_us(const struct lab_result *result);

#endif
