/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_INJECT_H
#define GW_SIM_INJECT_H

/* Every fault that is injected passes here. A place where one may happen is an occasion, and has a
 * name that says which one it is:
 *
 *     frame_lost.a-b.DATA.3       the third DATA from a to b
 *     commit_failed.b.12          the twelfth commit of b
 *     process_killed.17           the 17th deed of the chaos monkey
 *
 * Whether it happens, and how, is drawn from the seed and the name alone. So a fault can be left
 * out, or all but some, and what is left stays what it was:
 *
 *     if (sim_inject(world, sim_occasion_of(SIM_FAULT_commit_slow, peer, peer->commits), &lot))
 *         pause_us = sim_between(&lot, SLOW_US / 10, SLOW_US);
 *
 * What merely follows from a fault (a frame that vanishes with its connection) is no occasion; it
 * is counted by sim_fault. */

#include "lot.h"
#include "stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_peer;
struct sim_world;

#define SIM_SURE 1000000u /* a rate, per million */
#define SIM_OCCASION_TEXT 80
#define SIM_NOBODY 15

typedef uint64_t sim_occasion; /* kind, at whom, towards whom, frame type, number */

sim_occasion sim_occasion_deed(enum sim_fault kind, uint64_t number);
sim_occasion sim_occasion_of(enum sim_fault kind, const struct sim_peer *whose, uint64_t number);
sim_occasion sim_occasion_between(enum sim_fault kind, const struct sim_peer *from,
                                  const struct sim_peer *to, uint64_t number);
sim_occasion sim_occasion_frame(enum sim_fault kind, const struct sim_peer *from,
                                const struct sim_peer *to, uint8_t type, uint64_t number);
enum sim_fault sim_occasion_kind(sim_occasion occasion);
uint64_t sim_occasion_number(sim_occasion occasion);
/* Another of its kind. */
sim_occasion sim_occasion_numbered(sim_occasion occasion, uint64_t number);

void sim_occasion_print(sim_occasion occasion, char *text, size_t size);
bool sim_occasion_parse(const char *text, size_t size, sim_occasion *occasion);

/* Which faults may happen. A world without one knows no exception. */
struct sim_choice {
    bool only;           /* these, whatever their rates, and no others; otherwise all but these */
    sim_occasion *these; /* sorted */
    size_t count;
};

void sim_choice_sort(struct sim_choice *choice);
bool sim_choice_names(const struct sim_choice *choice, sim_occasion occasion);

struct sim_injected { /* a fault that happened */
    uint64_t at_us;
    sim_occasion occasion;
    uint8_t who, other; /* places of peers; SIM_NOBODY */
};

#define SIM_LOG_MAX 16384 /* faults remembered; more are counted only */

struct sim_log { /* what happened, in the order of time */
    size_t count;
    struct sim_injected faults[SIM_LOG_MAX];
};

/* Whether the fault happens now: by its rate in the options, if the choice does not say otherwise.
 * If so it is counted, and remembered if the world has a log; `lot` (NULL: not wanted) gives its
 * parameters. */
bool sim_inject(struct sim_world *world, sim_occasion occasion, struct sim_lot *lot);
/* A deed that is due, for all but the choice; `who` and `other` (NULL: nobody) are for people. */
bool sim_inject_deed(struct sim_world *world, sim_occasion occasion, const struct sim_peer *who,
                     const struct sim_peer *other);

#endif
