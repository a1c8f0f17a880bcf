/* SPDX-License-Identifier: MPL-2.0 */
#ifndef KILL_PLAY_H
#define KILL_PLAY_H

/* The processes of a pattern (kill.h), started, killed and started again: what kill_rounds.c and
 * power_rounds.c share. A process is the program itself with `--child` and its part. */

#include "kill.h"

#include <sys/types.h>

struct kill_child {
    size_t role;
    pid_t pid;                /* 0: not running */
    char *const *environment; /* more of it, "NAME=value", NULL at the end; may be NULL */
};

struct kill_play {
    const struct kill_pattern *pattern;
    char directory[128];
    char endpoints[KILL_ROLES_MAX][KILL_ENDPOINT_SIZE];
    struct kill_child children[KILL_ROLES_MAX];
    size_t count;
};

/* NULL: there is none of that name. */
const struct kill_pattern *kill_find_pattern(const char *name);
/* True if this process is one of a play's: it has played its part, and is to end. */
bool kill_is_child(int count, char **arguments);

void kill_set_up(struct kill_play *play, const struct kill_pattern *pattern);
void kill_start(struct kill_play *play, struct kill_child *child);
/* SIGKILL. False if it had ended by itself, which it never should. */
bool kill_now(struct kill_child *child);
/* SIGTERM. False if it did not end well. */
bool kill_end_well(struct kill_child *child);
void kill_clean_up(struct kill_play *play);

extern uint64_t kill_random_state; /* the seed, to begin with */
uint64_t kill_random_below(uint64_t bound);

#endif
