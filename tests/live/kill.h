/* SPDX-License-Identifier: MPL-2.0 */
#ifndef KILL_H
#define KILL_H

/* What the patterns of kill_rounds.c share: their processes, their files, their verdicts. */

#include <godwit.h>

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KILL_ROLES_MAX 3
#define KILL_ENDPOINT_SIZE 64
#define KILL_RESERVE 4096 /* numbers reserved at a time */
#define KILL_GROUP_MAX 64 /* messages between two looks at STORED */
#define KILL_DRAIN_MS 30000

struct kill_verdict {
    uint64_t accepted;
    uint64_t processed;
    uint64_t lost;     /* accepted, and without effect or without answer */
    uint64_t repeated; /* effects that happened again, and answers that differ from the first */
    uint64_t dead;     /* dead letters: nothing here is ever refused */
};

struct kill_pattern {
    const char *name;
    const char *roles[KILL_ROLES_MAX]; /* peers' names; ended in this order; NULL: no more */
    /* A process of that role, until `kill_stopping`. Its own endpoint is endpoints[role]. */
    void (*run)(size_t role, const char *directory, char *const *endpoints);
    void (*judge)(const char *directory, struct kill_verdict *verdict);
};

extern const struct kill_pattern kill_pipeline, kill_request, kill_outcomes;
extern volatile sig_atomic_t kill_stopping;
extern godwit_durability_t kill_durability; /* of all peers; `os` if nobody says otherwise */
extern size_t kill_padding;                 /* bytes after the number in a message of `pipeline` */
#define KILL_PADDING_MAX ((16 << 20) - sizeof(uint64_t))
#define KILL_PADDING_LARGE 65536 /* from here on there are few messages */

void kill_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void kill_must(godwit_err_t error, const char *what);
void kill_pause_ms(uint64_t ms);

godwit_peer_t *kill_peer(const char *name, const char *directory);
/* Each binds and dials, so that whoever was killed finds the others at once. */
void kill_meet(godwit_peer_t *peer, const char *own, const char *other);

/* The ledgers: files of numbers, only ever appended to, outside the code under test. */
int kill_file(const char *directory, const char *name);
void kill_append(int fd, const uint64_t *numbers, size_t count);
uint64_t kill_last(int fd); /* the last number of a file; 0: none */

/* Numbers that were never used before, by any process: reserved in a file first. */
struct kill_numbers {
    int reserved;
    uint64_t next;
    uint64_t end;
};
void kill_numbers_begin(struct kill_numbers *numbers, const char *directory);
void kill_numbers_group(struct kill_numbers *numbers, uint64_t *group, size_t count);

/* The effect, in the transaction of the decision: a count per number, and what else is told. */
struct kill_effect {
    uint64_t count;
    uint64_t mark;
};
struct kill_effect kill_raise(godwit_txn_t *txn, uint64_t number, uint64_t mark);
/* Adds up the effects of one peer into effects[number]. */
void kill_effects(const char *directory, const char *name, struct kill_effect *effects,
                  uint64_t limit, struct kill_verdict *verdict);
/* Counts the sender's dead letters. */
void kill_count_dead(const char *directory, const char *name, struct kill_verdict *verdict);

#endif
