/* SPDX-License-Identifier: MPL-2.0 */

/* Visitors: clients without a disk that come, ask some questions, wait for answers or not, and
 * leave for good or die. What others keep for them must end with them. */

#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MS       1000u
#define ASKS_MAX 6

static void come(struct sim_world *world, void *subject, uint64_t unused, uint64_t unused_too);

static void come_later(struct sim_peer *visitor)
{
    struct sim_world *world = visitor->world;

    uint64_t pause_us = sim_between(sim_lot(visitor, SIM_LOT_STARTS), 0, 3000 * MS);
    sim_world_after(world, pause_us, come, visitor, 0, 0);
}

/* Now and then a name is used again. */
static void enter(struct sim_world *world, struct sim_peer *visitor, unsigned index)
{
    char name[24];
    struct gw_destination replies = {.kind = GW_KIND_REPLY};

    snprintf(name, sizeof name, "v%u%" PRIu64, index, ++world->visits / 3);
    sim_peer_renew(visitor, world, index, name);
    visitor->visitor = true;
    snprintf(replies.name, sizeof replies.name, "%s", name);
    visitor->serves[visitor->serve_count++] =
        (struct sim_served){.destination = replies,
                            .credit_messages = world->options.credit_messages,
                            .credit_bytes = world->options.credit_bytes};
    visitor->asks = sim_between(sim_lot(visitor, SIM_LOT_SENDS), 0, ASKS_MAX);
    sim_peer_start(visitor);
}

static void ask(struct sim_world *world, void *subject, uint64_t process, uint64_t unused)
{
    struct sim_peer *visitor = subject;

    (void)unused;
    if (!visitor->up || visitor->process != process || !visitor->turn || visitor->leaving ||
        !visitor->asks)
        return;
    if (visitor->paused_until_us <= world->now_us && sim_app_send(visitor,
                                                                  &world->requests.destination, 1))
        visitor->asks--;
    uint64_t pause_us = sim_between(sim_lot(visitor, SIM_LOT_SENDS), 0, 300 * MS);
    sim_world_after(world, pause_us, ask, visitor, process, 0);
}

static void go(struct sim_world *world, void *subject, uint64_t process, uint64_t unused)
{
    struct sim_peer *visitor = subject;

    (void)unused;
    if (!visitor->up || visitor->process != process)
        return;
    struct sim_lot lot = sim_lot_at(visitor, SIM_LOT_FAULT, process);
    bool killed = sim_inject(world, sim_occasion_of(SIM_FAULT_visitor_killed, visitor, process),
                             &lot);
    if (!killed && !visitor->leaving && visitor->paused_until_us <= world->now_us) {
        sim_fault(world, SIM_FAULT_visitor_left);
        sim_peer_leave(visitor);
        sim_world_after(world, 1000 * MS, go, visitor, process, 0); /* if it cannot end itself */
        return;
    }
    sim_peer_crash(visitor, sim_chance(&lot, 500000) ? SIM_KILLED : SIM_POWER_LOST);
}

static void come(struct sim_world *world, void *subject, uint64_t unused, uint64_t unused_too)
{
    struct sim_peer *visitor = subject;
    struct sim_lot *lot = sim_lot(visitor, SIM_LOT_STARTS);
    unsigned index = visitor->index;

    (void)unused;
    (void)unused_too;
    if (world->calm)
        return;
    if (!visitor->up) {
        enter(world, visitor, index);
        for (unsigned i = 0; i < world->options.peers && !world->failed; i++) {
            if (world->options.servers & 1u << i && sim_chance(lot, 700000))
                sim_peer_want_dial(visitor, &world->peers[i], false);
        }
        ask(world, visitor, visitor->process, 0);
        sim_world_after(world, sim_between(lot, 0, 4000 * MS), go, visitor, visitor->process, 0);
    }
    come_later(visitor);
}

void sim_visits_begin(struct sim_world *world)
{
    for (unsigned i = 0; i < world->options.visitors; i++) {
        struct sim_peer *visitor = &world->peers[SIM_VISITORS + i];
        visitor->world = world;
        visitor->index = SIM_VISITORS + i;
        come_later(visitor);
    }
}

/* Nobody stays for the calm: what is left of them must vanish. */
void sim_visits_end(struct sim_world *world)
{
    for (unsigned i = 0; i < world->options.visitors; i++) {
        struct sim_peer *visitor = &world->peers[SIM_VISITORS + i];
        if (visitor->up)
            go(world, visitor, visitor->process, 0);
    }
}
