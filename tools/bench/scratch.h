/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_SCRATCH_H
#define GODWIT_BENCH_SCRATCH_H

/* The directory of the runs: below TMPDIR, removed by a process of its own (the janitor) when the
 * bench ends in whatever way, kill -9 included. */

#include "bench.h"

#define SCRATCH_PATH 4096

/* Checks that the disk has room, makes the directory and starts its janitor. `bytes`: how much the
 * largest run may hold at once; 0 if nothing goes to disk. BENCH_OK, or after a sentence
 * BENCH_USAGE (there is no such place, or too little room) or BENCH_FAILED. */
int scratch_open(uint64_t bytes, bool sync);
/* Waits until the directory is gone. */
void scratch_close(void);

/* Makes the directory of one run; scratch_clear removes what was made. */
bool scratch_make(char path[SCRATCH_PATH], const char *name);
void scratch_clear(const char *path);

/* The janitor's part: waits for the end of standard input, then removes `path`. */
int scratch_janitor(const char *path);

#endif
