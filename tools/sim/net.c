/* SPDX-License-Identifier: MPL-2.0 */

/* The wires of net.h. */

#include "wire.h"
#include "world.h"

#include "core/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX        32      /* frames that a dial keeps while it is not connected */
#define NOTICE_US        2000000 /* until the acceptor's sends on a cut connection fail, at most */
#define VANISHED_US      3600000000u
#define REPLAY_US        2000000 /* after the new connection is there, at most */
#define SKEW_US          3000000 /* that a connection of another version lives, at most */

static uint64_t latest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* --- sending --- */

static struct sim_dial *dial_of(const struct sim_world *world, const struct sim_peer *peer,
                                uint64_t conn)
{
    for (struct sim_dial *dial = world->net.dials; dial; dial = dial->next) {
        if (dial->from == peer && dial->conn == conn && dial->process == peer->process)
            return dial->closed ? NULL : dial;
    }
    return NULL;
}

static struct sim_connection *accepted(const struct sim_world *world, const struct sim_peer *peer,
                                       uint64_t conn)
{
    struct sim_connection *at = world->net.connections;

    while (at && (at->ends[SIM_ACCEPTOR] != peer || at->conns[SIM_ACCEPTOR] != conn ||
                  at->processes[SIM_ACCEPTOR] != peer->process))
        at = at->next;
    return at;
}

/* A dialler's queue outlives its connection, mostly. */
static int keep_for_later(struct sim_world *world, struct sim_dial *dial,
                          const struct sim_sent *sent)
{
    struct sim_queue *queue = &dial->survivors[SIM_ACCEPTOR];
    bool survives = sim_chance(&sim_way_between(dial->from, dial->to)->past,
                               world->options.survives_cut);

    if (queue->count == QUEUE_MAX)
        return sim_wire_cannot(world, -EAGAIN);
    if (!dial->connected_once || survives)
        sim_queue_push(queue, sim_frame_new(sent->header, sent->body, sent->has_body));
    else
        sim_trace_effect(world->trace, "(not connected)");
    return 0;
}

int sim_net_send(struct sim_world *world, struct sim_peer *peer, uint64_t conn,
                 const struct sim_sent *sent)
{
    struct sim_dial *dial = dial_of(world, peer, conn);
    struct sim_connection *connection = dial ? dial->now : accepted(world, peer, conn);
    unsigned end = dial ? SIM_ACCEPTOR : SIM_DIALLER;

    if (dial && !connection)
        return keep_for_later(world, dial, sent);
    if (!connection)
        return sim_wire_cannot(world, -EHOSTUNREACH);
    if (connection->cut) {
        if (world->now_us >= connection->noticed_us)
            return sim_wire_cannot(world, -EHOSTUNREACH);
        sim_trace_effect(world->trace, "(into the void)");
        return 0;
    }
    return sim_wire_send(world, connection, end, sent);
}

/* --- connections --- */

static void connection_free(struct sim_connection *connection)
{
    for (unsigned end = 0; end < 2; end++) {
        sim_queue_empty(&connection->queues[end]);
        sim_queue_empty(&connection->late[end]);
    }
    free(connection);
}

static void prune(struct sim_world *world)
{
    struct sim_connection **place = &world->net.connections;

    while (*place) {
        struct sim_connection *connection = *place;
        if (!connection->cut || connection->events || world->now_us < connection->noticed_us) {
            place = &connection->next;
            continue;
        }
        *place = connection->next;
        connection_free(connection);
    }
}

static void connect(struct sim_world *world, void *subject, uint64_t unused, uint64_t unused_too);

static void connect_later(struct sim_world *world, struct sim_dial *dial)
{
    struct sim_lot *lot = &sim_way_between(dial->from, dial->to)->dials;
    uint64_t most = world->options.reconnect_us, least = world->options.scripted ? most : most / 10;
    uint64_t pause_us = sim_between(lot, least, most);
    sim_world_after(world, pause_us, connect, dial, 0, 0);
}

/* What waits since an earlier connection. */
static void hand_over_old(struct sim_world *world, struct sim_connection *connection, unsigned end)
{
    struct sim_dial *dial = connection->dial;
    struct sim_queue *waiting = &dial->survivors[end];
    const struct sim_peer *from = connection->ends[!end], *to = connection->ends[end];
    uint64_t number = sim_way_between(dial->from, dial->to)->made;
    struct sim_frame *frame;
    struct sim_lot lot;

    if (dial->past[end] &&
        sim_inject(world, sim_occasion_between(SIM_FAULT_frame_replayed, from, to, number),
                   &lot)) {
        uint64_t later_us = sim_chance(&lot, 500000) ? sim_between(&lot, 0, REPLAY_US) : 0;
        sim_wire_depart_later(world, connection, end, dial->past[end], later_us);
        dial->past[end] = NULL;
    }
    if (dial->connected_once && waiting->count &&
        !sim_inject(world, sim_occasion_between(SIM_FAULT_frame_old, from, to, number), NULL))
        sim_queue_empty(waiting);
    while ((frame = sim_queue_pop(waiting)))
        sim_wire_depart(world, connection, end, frame);
}

static bool can_connect(const struct sim_world *world, const struct sim_dial *dial)
{
    return dial->from->up && dial->to->up &&
           sim_way_between(dial->from, dial->to)->blocked_until_us <= world->now_us &&
           sim_way_between(dial->to, dial->from)->blocked_until_us <= world->now_us;
}

/* It is cut after a while, whatever came of it. */
static void cut_due(struct sim_world *world, void *subject, uint64_t unused, uint64_t unused_too)
{
    struct sim_connection *connection = subject;

    (void)unused;
    (void)unused_too;
    connection->events--;
    sim_net_cut(world, connection);
}

static void cut_later(struct sim_world *world, struct sim_connection *connection, uint64_t at_us)
{
    connection->events++;
    sim_world_at(world, at_us, cut_due, connection, 0, 0);
}

/* One of the two is of another version, older or newer, for as long as the connection lives. */
static void speak_otherwise(struct sim_world *world, struct sim_connection *connection,
                            uint64_t number)
{
    static const uint8_t versions[] = {0x00, GW_WIRE_VERSION + 1, 0x7f};
    struct sim_lot lot;

    if (!sim_inject(world,
                    sim_occasion_between(SIM_FAULT_version_skew, connection->ends[SIM_DIALLER],
                                         connection->ends[SIM_ACCEPTOR], number),
                    &lot))
        return;
    unsigned end = (unsigned)sim_between(&lot, SIM_DIALLER, SIM_ACCEPTOR);
    connection->speaks[end] = true;
    connection->version[end] = versions[sim_between(&lot, 0, sizeof versions - 1)];
    cut_later(world, connection, world->now_us + sim_between(&lot, SKEW_US / 10, SKEW_US));
}

static void connect(struct sim_world *world, void *subject, uint64_t unused, uint64_t unused_too)
{
    struct sim_dial *dial = subject;

    (void)unused;
    (void)unused_too;
    if (dial->closed || dial->now)
        return;
    if (!can_connect(world, dial)) {
        connect_later(world, dial);
        return;
    }
    prune(world);
    struct sim_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        abort();
    connection->dial = dial;
    connection->ends[SIM_DIALLER] = dial->from;
    connection->ends[SIM_ACCEPTOR] = dial->to;
    connection->processes[SIM_DIALLER] = dial->from->process;
    connection->processes[SIM_ACCEPTOR] = dial->to->process;
    connection->conns[SIM_DIALLER] = dial->conn;
    struct sim_lot lot = sim_way_lot(dial->from, dial->to, SIM_LOT_DIAL,
                                     ++sim_way_between(dial->from, dial->to)->made);
    connection->loses = sim_chance(&lot, 500000);
    speak_otherwise(world, connection, sim_way_between(dial->from, dial->to)->made);
    connection->next = world->net.connections;
    world->net.connections = connection;
    dial->now = connection;
    hand_over_old(world, connection, SIM_DIALLER);
    hand_over_old(world, connection, SIM_ACCEPTOR);
    dial->connected_once = true;
}

uint64_t sim_net_dial(struct sim_world *world, struct sim_peer *from, struct sim_peer *to)
{
    struct sim_dial *dial = calloc(1, sizeof *dial);

    if (!dial)
        abort();
    dial->from = from;
    dial->to = to;
    dial->process = from->process;
    dial->conn = ++from->next_conn;
    dial->next = world->net.dials;
    world->net.dials = dial;
    connect(world, dial, 0, 0);
    return dial->conn;
}

/* Of what is under way in one direction, some first frames go on, some come again later. */
static void cut_queue(struct sim_world *world, struct sim_connection *connection, unsigned end)
{
    struct sim_queue *queue = &connection->queues[end];
    struct sim_queue old = *queue;
    struct sim_frame *frame;
    bool chance = world->options.survives_cut && !world->options.scripted;
    struct sim_lot lot = sim_way_lot(connection->ends[!end], connection->ends[end], SIM_LOT_CUT,
                                     ++sim_way_of(connection, end)->cuts);
    size_t go_on = sim_between(&lot, 0, chance ? old.count : 0);

    /* The dialler takes what comes again for the same link's: behind a frame that vanished it would
     * break the order, as after a lost one. A ROUTER's frames do not outlive their connection. */
    bool comes_again = end == SIM_ACCEPTOR || !world->options.ordered;

    if (connection->flushed)
        go_on = old.count;
    *queue = (struct sim_queue){.last_due_us = old.last_due_us};
    while ((frame = sim_queue_pop(&old))) {
        struct sim_queue *survivors = &connection->dial->survivors[end];
        if (go_on > 0) {
            go_on--;
            sim_queue_push(queue, frame);
        } else if (comes_again && survivors->count < QUEUE_MAX && !connection->dial->closed &&
                   sim_chance(&lot, world->options.survives_cut)) {
            sim_queue_push(survivors, frame);
        } else {
            sim_frame_destroy(frame);
        }
    }
}

void sim_net_cut(struct sim_world *world, struct sim_connection *connection)
{
    struct sim_dial *dial = connection->dial;

    if (connection->cut)
        return;
    cut_queue(world, connection, SIM_DIALLER);
    cut_queue(world, connection, SIM_ACCEPTOR);
    connection->cut = true;
    connection->noticed_us = world->now_us;
    if (world->options.survives_cut && !world->options.scripted)
        connection->noticed_us +=
            connection->vanished
                ? VANISHED_US
                : sim_between(&sim_way_between(dial->from, dial->to)->dials, 0, NOTICE_US);
    if (dial->now == connection)
        dial->now = NULL;
    if (!dial->closed)
        connect_later(world, dial);
}

static void clog_end(struct sim_connection *connection, unsigned end, uint64_t until_us)
{
    connection->clogged_until_us[end] = latest(connection->clogged_until_us[end], until_us);
}

void sim_net_clog(struct sim_world *world, struct sim_connection *connection, uint64_t until_us)
{
    (void)world;
    clog_end(connection, SIM_DIALLER, until_us);
    clog_end(connection, SIM_ACCEPTOR, until_us);
}

void sim_net_hold(struct sim_world *world, struct sim_peer *from, struct sim_peer *to, bool hold)
{
    for (struct sim_connection *at = world->net.connections; at; at = at->next) {
        for (unsigned end = 0; end < 2; end++) {
            if (at->ends[end] != to || at->ends[!end] != from || at->held[end] == hold)
                continue;
            at->held[end] = hold;
            for (struct sim_frame *frame = at->queues[end].first; frame && !hold;
                 frame = frame->next)
                sim_wire_expect(world, at, end, frame->due_us);
        }
    }
}

void sim_net_block(struct sim_world *world, size_t from, size_t to, uint64_t until_us)
{
    struct sim_way *way = &world->net.ways[from][to];

    way->blocked_until_us = latest(way->blocked_until_us, until_us);
    for (struct sim_connection *at = world->net.connections; at; at = at->next) {
        for (unsigned end = 0; end < 2; end++) {
            if (!at->cut && at->ends[end]->index == to && at->ends[!end]->index == from)
                clog_end(at, end, until_us);
        }
    }
}

void sim_net_swallow(struct sim_world *world, struct sim_connection *connection, unsigned end,
                     uint64_t until_us)
{
    connection->swallows[end] = true;
    cut_later(world, connection, until_us);
}

void sim_net_heal(struct sim_world *world)
{
    for (unsigned from = 0; from < SIM_PLACES; from++) {
        for (unsigned to = 0; to < SIM_PLACES; to++) {
            world->net.ways[from][to].blocked_until_us = 0;
            world->net.ways[from][to].slow_until_us = 0;
        }
    }
    for (struct sim_connection *at = world->net.connections; at; at = at->next) {
        if (at->swallows[0] || at->swallows[1] || at->speaks[0] || at->speaks[1])
            sim_net_cut(world, at);
    }
}

static void end_connection(struct sim_world *world, struct sim_connection *connection,
                           enum sim_end end)
{
    connection->flushed = connection->flushed || end == SIM_END_FLUSHED;
    connection->vanished = connection->vanished || end == SIM_END_VANISHED;
    sim_net_cut(world, connection);
}

static void close_dial(struct sim_world *world, struct sim_dial *dial, enum sim_end how)
{
    dial->closed = true;
    if (dial->now)
        end_connection(world, dial->now, how);
    for (unsigned end = 0; end < 2; end++) {
        sim_queue_empty(&dial->survivors[end]);
        sim_frame_destroy(dial->past[end]);
        dial->past[end] = NULL;
    }
}

void sim_net_hangup(struct sim_world *world, struct sim_peer *peer, uint64_t conn)
{
    struct sim_dial *dial = dial_of(world, peer, conn);

    if (dial) {
        close_dial(world, dial, SIM_END_FLUSHED);
        return;
    }
    struct sim_connection *connection = accepted(world, peer, conn);
    if (connection)
        connection->conns[SIM_ACCEPTOR] = 0; /* the next frame begins a new one */
}

void sim_net_process_gone(struct sim_world *world, struct sim_peer *peer, enum sim_end end)
{
    for (struct sim_dial *dial = world->net.dials; dial; dial = dial->next) {
        if (dial->from == peer && dial->process == peer->process && !dial->closed)
            close_dial(world, dial, end);
    }
    for (struct sim_connection *at = world->net.connections; at; at = at->next) {
        if (at->ends[SIM_ACCEPTOR] == peer && at->processes[SIM_ACCEPTOR] == peer->process)
            end_connection(world, at, end);
    }
}

struct sim_peer *sim_net_other_end(const struct sim_world *world, const struct sim_peer *peer,
                                   uint64_t conn)
{
    struct sim_dial *dial = dial_of(world, peer, conn);

    if (dial)
        return dial->to;
    struct sim_connection *connection = accepted(world, peer, conn);
    struct sim_peer *other = connection ? connection->ends[SIM_DIALLER] : NULL;
    return other && other->process == connection->processes[SIM_DIALLER] ? other : NULL;
}

struct sim_connection *sim_net_connection(const struct sim_world *world,
                                          const struct sim_peer *peer, uint64_t conn)
{
    struct sim_dial *dial = dial_of(world, peer, conn);

    return dial ? dial->now : accepted(world, peer, conn);
}

bool sim_net_quiet(const struct sim_world *world)
{
    for (struct sim_connection *at = world->net.connections; at; at = at->next) {
        if (at->queues[0].count || at->queues[1].count)
            return false;
    }
    return true;
}

void sim_net_clear(struct sim_world *world)
{
    while (world->net.connections) {
        struct sim_connection *connection = world->net.connections;
        world->net.connections = connection->next;
        connection_free(connection);
    }
    while (world->net.dials) {
        struct sim_dial *dial = world->net.dials;
        world->net.dials = dial->next;
        for (unsigned end = 0; end < 2; end++) {
            sim_queue_empty(&dial->survivors[end]);
            sim_frame_destroy(dial->past[end]);
        }
        free(dial);
    }
}
