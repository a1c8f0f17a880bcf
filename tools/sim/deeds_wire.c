/* SPDX-License-Identifier: MPL-2.0 */

/* Deeds of the chaos monkey to the wires. */

#include "deed.h"
#include "world.h"

static bool at_wire(struct sim_deed *deed, enum sim_fault kind,
                    const struct sim_connection *connection)
{
    return sim_deed_happens(deed, kind, connection->ends[SIM_DIALLER],
                            connection->ends[SIM_ACCEPTOR]);
}

void sim_deed_cut(struct sim_deed *deed)
{
    struct sim_connection *connection = sim_some_connection(deed);

    if (!connection || !at_wire(deed, SIM_FAULT_connection_cut, connection))
        return;
    sim_deed_say(deed->world, connection->ends[SIM_DIALLER]->name, "connection cut");
    sim_net_cut(deed->world, connection);
}

void sim_deed_cut_all(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;

    if (!sim_some_connection(deed) || !sim_deed_happens(deed, SIM_FAULT_all_cut, NULL, NULL))
        return;
    sim_deed_say(world, "*", "all connections cut");
    for (struct sim_connection *at = world->net.connections; at; at = at->next)
        sim_net_cut(world, at);
}

void sim_deed_clog_one(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_connection *connection = sim_some_connection(deed);

    if (!connection || !at_wire(deed, SIM_FAULT_connection_clogged, connection))
        return;
    sim_deed_say(world, connection->ends[SIM_DIALLER]->name, "connection clogged");
    sim_net_clog(world, connection, world->now_us + sim_between(&deed->lot, 0, 3 * SIM_S));
}

/* --- partitions: what is sent waits until they are over --- */

static void block_both(struct sim_world *world, size_t a, size_t b, uint64_t until_us)
{
    sim_net_block(world, a, b, until_us);
    sim_net_block(world, b, a, until_us);
}

void sim_deed_isolate(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *peer = sim_some_peer(deed);
    uint64_t until_us = world->now_us + sim_between(&deed->lot, 0, 4 * SIM_S);

    if (!peer || !sim_deed_happens(deed, SIM_FAULT_partition, peer, NULL))
        return;
    sim_deed_say(world, peer->name, "cut off from all others");
    for (size_t i = 0; i < SIM_PEERS_MAX; i++)
        block_both(world, peer->index, i, until_us);
}

/* Each draws its half; a half may be empty. */
void sim_deed_halve(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    uint64_t lots = sim_draw(&deed->lot);
    uint64_t until_us = world->now_us + sim_between(&deed->lot, 0, 4 * SIM_S);

    if (!sim_deed_happens(deed, SIM_FAULT_partition_halves, NULL, NULL))
        return;
    sim_deed_say(world, "*", "cut in two halves");
    for (size_t a = 0; a < world->options.peers; a++) {
        for (size_t b = 0; b < a; b++) {
            if ((sim_deed_straw(lots, a) ^ sim_deed_straw(lots, b)) & 1)
                block_both(world, a, b, until_us);
        }
    }
}

void sim_deed_partition_one_way(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *from = sim_some_place(deed), *to = sim_some_place(deed);
    uint64_t until_us = world->now_us + sim_between(&deed->lot, 0, 6 * SIM_S);

    if (from == to || !sim_deed_happens(deed, SIM_FAULT_partition_one_way, from, to))
        return;
    sim_deed_say(world, from->name, "does not get through to another, who does");
    sim_net_block(world, from->index, to->index, until_us);
}

/* --- one direction of a connection --- */

void sim_deed_swallow_one_way(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_connection *connection = sim_some_connection(deed);
    unsigned end = (unsigned)sim_between(&deed->lot, SIM_DIALLER, SIM_ACCEPTOR);
    uint64_t for_us = sim_between(&deed->lot, SIM_S / 10, 8 * SIM_S);

    if (!connection || !at_wire(deed, SIM_FAULT_one_way_lost, connection))
        return;
    sim_deed_say(world, connection->ends[!end]->name, "what it sends is swallowed");
    sim_net_swallow(world, connection, end, world->now_us + for_us);
}

void sim_deed_tell_lost(struct sim_deed *deed)
{
    struct sim_connection *connection = sim_some_connection(deed);
    unsigned end = (unsigned)sim_between(&deed->lot, 0, 1);

    if (!connection || !connection->conns[end] || !connection->ends[end]->turn ||
        connection->ends[end]->process != connection->processes[end] ||
        connection->ends[end]->paused_until_us > deed->world->now_us)
        return;
    if (sim_deed_happens(deed, SIM_FAULT_lost_told, connection->ends[end], connection->ends[!end]))
        sim_peer_lost(connection->ends[end], connection->conns[end]);
}

/* --- many connections --- */

/* Each connection is clogged at a time of its own, and flows again at a time of its own. */
static void clog_due(struct sim_world *world, void *subject, uint64_t pair, uint64_t until_us)
{
    (void)subject;
    if (world->calm)
        return;
    for (struct sim_connection *at = world->net.connections; at; at = at->next) {
        if (!at->cut && at->ends[0]->index * SIM_PEERS_MAX + at->ends[1]->index == pair)
            sim_net_clog(world, at, until_us);
    }
}

void sim_deed_swizzle(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    uint64_t lots = sim_draw(&deed->lot);

    if (!sim_deed_happens(deed, SIM_FAULT_swizzle_clogged, NULL, NULL))
        return;
    sim_deed_say(world, "*", "connections are clogged one by one");
    for (uint64_t pair = 0; pair < SIM_PEERS_MAX * SIM_PEERS_MAX; pair++) {
        uint64_t drawn = sim_deed_straw(lots, pair);
        uint64_t from_us = world->now_us + drawn % (2 * SIM_S);
        uint64_t until_us = from_us + (drawn >> 24) % (4 * SIM_S);
        if (drawn >> 63)
            sim_world_at(world, from_us, clog_due, NULL, pair, until_us);
    }
}

/* Ten times a second all connections between two are cut. */
static void flap_due(struct sim_world *world, void *subject, uint64_t other, uint64_t left)
{
    const struct sim_peer *a = subject, *b = &world->peers[other];

    if (world->calm)
        return;
    for (struct sim_connection *at = world->net.connections; at; at = at->next) {
        if ((at->ends[0] == a && at->ends[1] == b) || (at->ends[0] == b && at->ends[1] == a))
            sim_net_cut(world, at);
    }
    if (left > 0)
        sim_world_after(world, SIM_S / 10, flap_due, subject, other, left - 1);
}

void sim_deed_flap(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_connection *connection = sim_some_connection(deed);
    uint64_t times = sim_between(&deed->lot, 5, 30);

    if (!connection || !at_wire(deed, SIM_FAULT_flapping, connection))
        return;
    sim_deed_say(world, connection->ends[SIM_DIALLER]->name, "connections flap");
    flap_due(world, connection->ends[SIM_DIALLER], connection->ends[SIM_ACCEPTOR]->index, times);
}

/* --- time on the way --- */

static void slow_down(struct sim_deed *deed, enum sim_fault kind, uint64_t least_us,
                      uint64_t most_us)
{
    struct sim_world *world = deed->world;
    const struct sim_peer *from = sim_some_place(deed), *to = sim_some_place(deed);
    struct sim_way *way = &world->net.ways[from->index][to->index];
    uint64_t for_us = sim_between(&deed->lot, 0, 5 * SIM_S);

    if (from == to || !sim_deed_happens(deed, kind, from, to))
        return;
    sim_deed_say(world, from->name, "what it sends to another takes long");
    way->slow_until_us = world->now_us + for_us;
    way->slow_least_us = least_us;
    way->slow_most_us = most_us;
}

void sim_deed_step_delay(struct sim_deed *deed)
{
    uint64_t by_us = sim_between(&deed->lot, SIM_MS, 2 * SIM_S);

    slow_down(deed, SIM_FAULT_delay_step, by_us, by_us);
}

void sim_deed_vary_delay(struct sim_deed *deed)
{
    slow_down(deed, SIM_FAULT_delay_jitter, 0, sim_between(&deed->lot, SIM_MS, 5 * SIM_S));
}
