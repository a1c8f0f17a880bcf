/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_PROCESS_H
#define LAB_PROCESS_H

/* Children of this process, and that none of them, or of theirs, is left behind: each is started in
 * a session of its own and dies with the thread that started it; what it leaves behind when it dies
 * becomes a child of this process (lab_processes_adopt), and lab_processes_end ends all children
 * until there are none. Whoever uses this has no children of another kind. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LAB_LINE_MAX 1000 /* bytes of a line that are kept */

struct lab_line {
    const char *text; /* control characters became '?' */
    bool error;       /* from standard error */
    bool whole;       /* neither cut at LAB_LINE_MAX nor by the end of the process */
};

typedef void (*lab_line_fn)(void *context, const struct lab_line *line);

struct lab_pipe {
    int fd; /* -1: closed */
    size_t used;
    bool over; /* the rest of a line that is too long is being left out */
    char text[LAB_LINE_MAX + 1];
};

struct lab_process {
    pid_t pid; /* also of its group and session; 0: it does not run */
    struct lab_pipe out, err;
};

#define LAB_PROCESS_NONE                                                                           \
    {                                                                                              \
        .out = {.fd = -1}, .err = {.fd = -1}                                                       \
    }

struct lab_start {
    const char *program; /* its file */
    char *const *argv;
    char *const *environment;
    uint64_t file_limit, memory_limit; /* RLIMIT_NOFILE, RLIMIT_AS; 0: as they are */
};

/* Orphans among this process's descendants become its children from now on. */
void lab_processes_adopt(void);

/* 0, or an errno, also one of exec's. Standard input is /dev/null; no other descriptor is passed
 * on, all signals are as they are by default. */
int lab_process_start(struct lab_process *process, const struct lab_start *start);
/* Hands over the lines that are there, without waiting, a bounded number of bytes at a time. True:
 * there may be more at once. */
bool lab_process_hear(struct lab_process *process, lab_line_fn line, void *context);
/* It has ended: kills what is left of its group, hands over all that was written before, closes the
 * pipes, also if somebody else still holds them, and reaps it: its status. */
int lab_process_finish(struct lab_process *process, lab_line_fn line, void *context);
/* To its whole group. */
void lab_process_signal(const struct lab_process *process, int number);
/* A child that has ended and was not reaped, also an adopted one; 0: none has. Either it is one of
 * the caller's, for lab_process_finish, or it is only to be reaped. */
pid_t lab_process_ended(void);
int lab_process_reap(pid_t pid); /* its status */
/* Its soft limit from now on; UINT64_MAX: as high as the hard one allows. 0 or errno. */
int lab_process_limit(const struct lab_process *process, int resource, uint64_t limit);
/* Kills every child and what they leave behind, until there are none. False: something still lives
 * after LAB_END_MS; it is another user's, or its disk does not answer. */
#define LAB_END_MS 10000
bool lab_processes_end(void);

#endif
