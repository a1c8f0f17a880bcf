/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_CHILD_H
#define GODWIT_BENCH_CHILD_H

/* A process that the bench started: this program again, in a role. It reads our pipe as standard
 * input, whose end asks it to end, and answers in lines on its standard output.
 *
 *     child_start -> child_line ... -> child_end        child_kill at any time, also twice */

#include "bench.h"
#include <sys/types.h>

#define CHILD_LINE 1024

/* A child that was not started, or has ended: CHILD_NONE. */
struct child {
    pid_t pid; /* 0: none */
    const char *name;
    int in, out; /* -1: closed */
    char text[CHILD_LINE]; /* what it said and nobody has taken yet */
    size_t fill, used;
    double cpu_seconds; /* set when it has ended */
    long peak_kib;
};

#define CHILD_NONE {.in = -1, .out = -1}

/* Starts this program with the arguments role NAME ARGUMENTS...; `arguments` ends with NULL.
 * `apart`: in a session of its own, so that Ctrl-C does not reach it. */
bool child_start(struct child *child, const char *name, const char *const *arguments, bool apart);

/* Waits for its next line, without the newline; valid until the next call. NULL after a sentence:
 * it ended, the time is up, or the bench was told to stop. */
const char *child_line(struct child *child, double deadline_s);

/* The same, but waits for `ms` only: *line is NULL then. False after a sentence. */
bool child_hear(struct child *child, double deadline_s, int ms, const char **line);

/* Writes a line to its standard input. False after a sentence. */
bool child_tell(struct child *child, const char *line);

/* While it waits, whoever waits calls this every 20 ms (NULL: nothing). */
void child_meanwhile(void (*call)(void *context), void *context);

/* Asks it to end and waits for it. What it still says is not heard. False after a sentence if it
 * did not end well in time. */
bool child_end(struct child *child, double deadline_s);

/* Ends it, whatever it does. */
void child_kill(struct child *child);

/* From now on SIGINT, SIGTERM and SIGHUP end the waiting above. */
void child_catch_stop(void);

double bench_now(void); /* seconds, monotonic */

#endif
