/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_CHILD_H
#define GODWIT_CHILD_H

/* One run of a program: bytes in, bytes out, within a time. */

#include <stdbool.h>
#include <stddef.h>

#define CHILD_OUTPUT_MAX (16u << 20) /* what a message may have */
#define CHILD_TEXT_MAX   255

struct child_run {
    char *const *argv;
    char *const *environment;
    const void *input;
    size_t input_size;
    int timeout_ms; /* -1: no limit */
    int stop_fd;    /* readable: kill it */

    enum { CHILD_EXITED, CHILD_SIGNALLED, CHILD_LATE, CHILD_STOPPED, CHILD_TOO_MUCH,
           CHILD_NOT_STARTED } how;
    int code;     /* of the exit, the signal, or an errno */
    char *output; /* malloc'ed: give it to free */
    size_t output_size;
    char text[CHILD_TEXT_MAX + 1]; /* the first line of its standard error, printable */
};

/* Runs it in a process group of its own, which is killed when it is late, says too much, or has to
 * stop. What it writes to its standard error also goes to this process's. */
void child_execute(struct child_run *run);

#endif
