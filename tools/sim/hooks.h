/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_HOOKS_H
#define GW_SIM_HOOKS_H

/* Where another application can stand in for the scripted one: user handlers (handler.h). A world
 * without hooks runs app.c, hand.c and work.c alone. What is in hand, begun and decided stays in
 * the books of sim_app all the same, so that the checkers see no difference. */

#include "core/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_inbound;
struct gw_recall;
struct sim_options;
struct sim_peer;
struct sim_world;

struct sim_hooks {
    /* The options as drawn from the seed, before the world is made. */
    void (*draw)(struct sim_options *options);
    /* Roles, dials and policies, in place of the drawn ones; all peers are there. */
    void (*begin)(struct sim_world *world);
    /* Whether all that was to be sent is sent. */
    bool (*all_sent)(const struct sim_world *world);
    /* All is settled: the last look. */
    void (*settled)(struct sim_world *world);
    void (*end)(struct sim_world *world);

    /* A process has begun: store open, turn running, nothing served yet. */
    void (*started)(struct sim_peer *peer);
    /* It is over: turn and tail go next. */
    void (*ended)(struct sim_peer *peer);
    /* It is about to go in order. */
    void (*leaving)(struct sim_peer *peer);
    /* The store has failed: the process lives, the turn is gone. */
    void (*turn_over)(struct sim_peer *peer);
    /* It can be opened again, and the tail knows what of it is stored. */
    void (*reopening)(struct sim_peer *peer);
    void (*turn_begun)(struct sim_peer *peer);

    /* Hands what the application left to the turn. */
    void (*submit)(struct sim_peer *peer);
    void (*deliver)(struct sim_peer *peer, struct gw_inbound *inbound); /* takes it over */
    /* Takes out of the application's reach what is asked back and nobody has begun with: writes
     * ranges of sequences, ascending, and returns how many. */
    size_t (*take_back)(struct sim_peer *peer, const struct gw_recall *recall,
                        struct gw_range *ranges, size_t capacity);
    void (*progress)(struct sim_peer *peer); /* something was stored, settled or freed */
    void (*ended_messages)(struct sim_peer *peer, uint64_t epoch, uint64_t first, uint64_t last);
    void (*transaction)(struct sim_peer *peer, uint64_t token, bool stale);
    void (*members)(struct sim_peer *peer, const struct gw_destination *destination, size_t count);
};

#endif
