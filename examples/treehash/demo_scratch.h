/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_DEMO_SCRATCH_H
#define TREEHASH_DEMO_SCRATCH_H

/* What the demo needs of the machine: a temporary directory, ports, chance, other programs. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SCRATCH_PATH 4400 /* any path below the temporary directory */

/* Makes a temporary directory below $TMPDIR or /tmp; ends the process if it cannot. */
const char *scratch_make(void);
/* Removes it with all that is in it. */
void scratch_remove(void);
/* Begins a round: from now on paths lie in a directory of this round, with board, log and store. */
void scratch_round(unsigned round);
/* "DIRECTORY/ROUND/..." */
void scratch_path(char path[SCRATCH_PATH], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Finds free ports on 127.0.0.1. They lie below the ephemeral ones: a dialler of a port that nobody
 * listens on at the moment must not be given that very port as its own and so reach itself. */
void scratch_ports(uint16_t *ports, size_t count);

/* splitmix64: the same seed gives the same numbers everywhere. */
uint64_t scratch_random(uint64_t *state);
uint64_t scratch_seed(void); /* one nobody chose */

/* Runs a program of the system in a directory, its output to a file; its exit status, or -1. */
int scratch_run(const char *const *argv, const char *directory, const char *output);

/* The whole file and a NUL behind it; NULL if it cannot be read. */
char *scratch_read(const char *path, size_t *size);

#endif
