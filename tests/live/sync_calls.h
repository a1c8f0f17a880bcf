/* SPDX-License-Identifier: MPL-2.0 */
#ifndef SYNC_CALLS_H
#define SYNC_CALLS_H

/* Reads what `strace -f -y -x` wrote. A call that others interrupted in the output is put together
 * again: it began at its first line and ended at its last. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct call {
    const char *name;     /* "write", "sendto", "fdatasync", ... */
    const char *file;     /* of its first argument, a descriptor: a path, or "socket:[123]" */
    const uint8_t *bytes; /* of its second argument, if that is a string */
    size_t size;
    long result;
    unsigned long began, ended; /* lines, from 1 */
};

struct calls; /* a reader */

struct calls *calls_new(FILE *in);
void calls_free(struct calls *calls);

/* The next call that ended, in the order of their ends; valid until the next one is read. False at
 * the end. Ends the program with a sentence if a line cannot be understood. */
bool calls_next(struct calls *calls, struct call *call);

#endif
