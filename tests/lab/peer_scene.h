/* SPDX-License-Identifier: MPL-2.0 */
#ifndef PEER_SCENE_H
#define PEER_SCENE_H

/* A few lab-peers with directories of their own and a ledger that hears them: what the lab does,
 * without the lab. In commands `@` stands for the scene's folder: "--bind ipc://@/w". */

#include "ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SCENE_PROCESSES 6
#define SCENE_WAIT_MS   60000

struct scene_process {
    pid_t pid; /* 0: not running */
    int out;   /* its standard output; -1: none */
    char line[8192];
    size_t fill;
    int status; /* of the last end */
};

struct scene {
    char folder[128];
    struct lab_process_plan plans[SCENE_PROCESSES];
    struct lab_scenario scenario;
    struct lab_timeline timeline;
    struct lab_ledger *ledger;
    struct scene_process processes[SCENE_PROCESSES];
    struct lab_verdict verdict;
};

/* cmocka's setup and teardown. Processes are called p0, p1, ... */
int scene_begin(void **state);
int scene_end(void **state);
extern struct scene scene;
/* What is started: godwit-lab-peer, unless a test says otherwise. */
extern const char *scene_program;

/* `godwit-lab-peer COMMAND`, words with blanks between them. */
void scene_start(size_t process, const char *command);
/* Hears all until the process has ended, or the test fails; its exit status, -1: killed. */
int scene_wait(size_t process);
/* The same until this many were processed, settled or accepted, all together. */
void scene_hear(uint64_t (*count)(const struct lab_verdict *so_far), uint64_t wanted);
/* Whatever comes for so long. */
void scene_hear_for(uint64_t milliseconds);
/* The same until the process has ended or all that was accepted has; true: it has ended. */
bool scene_hear_end(size_t process);
void scene_kill(size_t process); /* -9, and hears the rest */
void scene_term(size_t process); /* and it must end with 0 */
/* Runs an audit of the process's directory, as a process of its own under its name. */
void scene_audit(size_t process);
/* Verdict in scene.verdict. Prints what is broken. */
void scene_judge(void);

uint64_t scene_processed(const struct lab_verdict *so_far);
uint64_t scene_settled(const struct lab_verdict *so_far);
uint64_t scene_accepted(const struct lab_verdict *so_far);
uint64_t scene_began(const struct lab_verdict *so_far);

#endif
