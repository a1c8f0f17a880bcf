/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_DEMO_SCREEN_H
#define TREEHASH_DEMO_SCREEN_H

/* What the demo shows while it runs: a bar on a terminal, plain lines anywhere else. */

#include <stddef.h>
#include <stdint.h>

void screen_open(void); /* time counts from here */

/* Shows progress: at most ten times a second on a terminal, else at each tenth of the job. */
void screen_progress(uint64_t done, uint64_t total, size_t events_done, size_t events);

/* A line of its own, above the bar. */
void screen_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Takes the bar away; the next progress is another round's. */
void screen_close(void);

/* A number with its digits in groups of three. `text` has room for 32 bytes; returns it. */
const char *screen_number(char text[32], uint64_t number);

#endif
