/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_DEMO_PROCESS_H
#define TREEHASH_DEMO_PROCESS_H

/* One program of the pipeline, over all of its starts. Each start has a board and a log of its own
 * below the temporary directory: board/NAME.K and log/NAME.K. */

#include "board.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_ARGUMENTS 48

struct process {
    char name[16];
    char *argv[PROCESS_ARGUMENTS + 4];
    int argc;
    pid_t pid;           /* 0: not running */
    unsigned starts;
    unsigned kills;      /* kill -9 that hit it, confirmed by its exit status */
    unsigned crashes;    /* by its fault */
    bool away;           /* to be started again at restart_ms */
    uint64_t restart_ms;
    char *fault;         /* an option of each start that plants a bug in it, or NULL */
    bool faulty;         /* the present start has it */
    bool renew;          /* to end well and be started again, without the fault */
    bool asked;          /* to end */
    bool ended;          /* exited, with status 0 */
    struct th_board board; /* of the present start */
};

/* `directory` holds the programs. */
void process_make(struct process *process, const char *name, const char *directory,
                  const char *program);
void process_argument(struct process *process, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void process_clear(struct process *process);

void process_start(struct process *process); /* ends the demo with a message if it cannot */
bool process_running(struct process *process); /* it said so on its board */
uint64_t process_shows(struct process *process, const char *name); /* a number of its board */

/* Gives it the option that makes it crash: then that is no problem, it is just started again. */
void process_break(struct process *process, const char *option, const char *value);
/* From its next start on it has its fault no more, and that start comes soon. */
void process_repair(struct process *process);
bool process_repaired(const struct process *process);

/* kill -9; it is started again at restart_ms by process_check. False if it had ended before. */
bool process_kill(struct process *process, uint64_t restart_ms);

/* Reaps it, and starts it again once its time has come. False, and a text for the reader, if it
 * ended by itself and not well. */
bool process_check(struct process *process, char *problem, size_t size);

/* Asks it to end (SIGTERM): once for each start, and only when it is ready to be asked. */
void process_ask(struct process *process);
void process_insist(struct process *process); /* asks again */
/* Ends it, whatever it does. */
void process_destroy(struct process *process);

/* The sum of one number over the boards of all starts. */
uint64_t process_sum(const struct process *process, const char *name);
/* Prints the last lines of its last logs. */
void process_print_log(const struct process *process);

#endif
