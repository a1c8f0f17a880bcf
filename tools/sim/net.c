/* SPDX-License-Identifier: MPL-2.0 */

/* The wires of net.h. */

#include "checker.h"
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX        32      /* frames that a dial keeps while it is not connected */
#define NOTICE_US        2000000 /* until the acceptor's sends on a cut connection fail, at most */
#define VANISHED_US      3600000000u
#define LATE_US          2000000 /* until a late copy of a frame comes, at most */
#define REPLAY           100000
#define REMEMBER         200000

static uint64_t latest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* --- arrival --- */

static void arrive(struct sim_world *world, void *subject, uint64_t end, uint64_t unused);

static void expect(struct sim_world *world, struct sim_connection *connection, unsigned end,
                   uint64_t at_us)
{
    connection->events++;
    sim_world_at(world, at_us, arrive, connection, end, 0);
}

/* A copy may come again through the next connection. */
static void remember(struct sim_world *world, struct sim_connection *connection, unsigned end,
                     const struct sim_frame *frame)
{
    struct sim_frame **past = &connection->dial->past[end];

    if (world->calm || world->options.scripted || !sim_chance(world, REMEMBER))
        return;
    sim_frame_destroy(*past);
    *past = sim_frame_copy(frame);
}

static void arrive(struct sim_world *world, void *subject, uint64_t end, uint64_t unused)
{
    struct sim_connection *connection = subject;
    struct sim_queue *queue = &connection->queues[end];
    struct sim_peer *peer = connection->ends[end];

    (void)unused;
    connection->events--;
    if (!queue->first || connection->held[end])
        return;
    if (!peer->up || peer->process != connection->processes[end] ||
        (end == SIM_DIALLER && connection->dial->closed)) {
        sim_queue_empty(queue);
        return;
    }
    uint64_t wait_us = latest(queue->first->due_us, peer->paused_until_us);
    if (!connection->cut)
        wait_us = latest(wait_us, connection->clogged_until_us);
    if (wait_us > world->now_us) {
        expect(world, connection, (unsigned)end, wait_us);
        return;
    }
    struct sim_frame *frame = sim_queue_pop(queue);
    if (!connection->conns[end])
        connection->conns[end] = ++peer->next_conn;
    remember(world, connection, (unsigned)end, frame);
    struct gw_blob *body = frame->body;
    frame->body = NULL;
    sim_peer_frame(peer, connection->conns[end],
                   (struct gw_slice){frame->header, frame->header_size}, body);
    sim_frame_destroy(frame);
}

/* --- departure --- */

static void damage(struct sim_world *world, const struct sim_connection *connection,
                   struct sim_frame *frame)
{
    const struct sim_options *options = &world->options;

    if (!connection->loses)
        return; /* a damaged frame is a lost one */
    if (sim_chance(world, options->frame_truncated)) {
        sim_fault(world, SIM_FAULT_frame_truncated);
        frame->header_size = sim_between(world, 0, frame->header_size - 1);
    } else if (sim_chance(world, options->frame_garbage)) {
        sim_fault(world, SIM_FAULT_frame_garbage);
        for (size_t i = 0; i < frame->header_size; i++)
            frame->header[i] = (uint8_t)gw_random_next(&world->random);
    } else if (frame->body && frame->body->size && sim_chance(world, options->body_flipped)) {
        sim_fault(world, SIM_FAULT_body_flipped);
        uint8_t *bytes = (uint8_t *)(uintptr_t)frame->body->data;
        bytes[sim_between(world, 0, frame->body->size - 1)] ^= 1;
    }
}

static void depart(struct sim_world *world, struct sim_connection *connection, unsigned end,
                   struct sim_frame *frame)
{
    struct sim_queue *queue = &connection->queues[end];
    uint64_t delay_us = sim_between(world, world->options.delay_min_us,
                                    world->options.delay_max_us);

    damage(world, connection, frame);
    frame->due_us = latest(world->now_us + delay_us, queue->last_due_us);
    frame->due_us = latest(frame->due_us, connection->clogged_until_us);
    queue->last_due_us = frame->due_us;
    sim_queue_push(queue, frame);
    expect(world, connection, end, frame->due_us);
}

/* The copy of a frame may come much later, on the same connection. */
static void depart_late(struct sim_world *world, void *subject, uint64_t end, uint64_t unused)
{
    struct sim_connection *connection = subject;
    struct sim_frame *copy = sim_queue_pop(&connection->late[end]);

    (void)unused;
    connection->events--;
    if (copy && connection->cut)
        sim_frame_destroy(copy);
    else if (copy)
        depart(world, connection, (unsigned)end, copy);
}

static void duplicate_later(struct sim_world *world, struct sim_connection *connection,
                            unsigned end, struct sim_frame *copy)
{
    connection->events++;
    sim_queue_push(&connection->late[end], copy);
    sim_world_after(world, sim_between(world, 0, LATE_US), depart_late, connection, end, 0);
}

/* SERVE replaces what the one before it said; no real connection lets an old one pass a new one.
 * All others say facts that only add, so that late copies must do no harm. */
static bool may_come_late(struct sim_world *world, struct gw_slice header)
{
    struct gw_frame frame;

    return !world->options.scripted && sim_decode(world, header, &frame) &&
           frame.type != GW_FRAME_SERVE;
}

/* How often the frame goes through. */
static unsigned fate_of(struct sim_world *world, const struct sim_connection *connection,
                        unsigned end, struct gw_slice header)
{
    if (world->net.fate)
        return world->net.fate(world->net.fate_context, connection->ends[!end],
                               connection->ends[end], header);
    if (connection->loses && sim_chance(world, world->options.frame_lost)) {
        sim_fault(world, SIM_FAULT_frame_lost);
        sim_trace_effect(world->trace, "(lost)");
        return 0;
    }
    if (!connection->loses && sim_chance(world, world->options.frame_duplicated)) {
        sim_fault(world, SIM_FAULT_frame_duplicated);
        sim_trace_effect(world->trace, "(duplicated)");
        return 2;
    }
    return 1;
}

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

static int refuse(struct sim_world *world, int error)
{
    sim_fault(world, SIM_FAULT_send_refused);
    sim_trace_effect(world->trace, "(refused)");
    return error;
}

/* A dialler's queue outlives its connection, mostly. */
static int keep_for_later(struct sim_world *world, struct sim_dial *dial, struct gw_slice header,
                          struct gw_slice body, bool has_body)
{
    struct sim_queue *queue = &dial->survivors[SIM_ACCEPTOR];

    if (queue->count == QUEUE_MAX)
        return refuse(world, -EAGAIN);
    if (!dial->connected_once || sim_chance(world, world->options.survives_cut))
        sim_queue_push(queue, sim_frame_new(header, body, has_body));
    else
        sim_trace_effect(world->trace, "(not connected)");
    return 0;
}

int sim_net_send(struct sim_world *world, struct sim_peer *peer, uint64_t conn,
                 struct gw_slice header, struct gw_slice body, bool has_body)
{
    struct sim_dial *dial = dial_of(world, peer, conn);
    struct sim_connection *connection = dial ? dial->now : accepted(world, peer, conn);
    unsigned end = dial ? SIM_ACCEPTOR : SIM_DIALLER;

    if (dial && !connection)
        return keep_for_later(world, dial, header, body, has_body);
    if (!connection)
        return refuse(world, -EHOSTUNREACH);
    if (connection->cut) {
        if (world->now_us >= connection->noticed_us)
            return refuse(world, -EHOSTUNREACH);
        sim_trace_effect(world->trace, "(into the void)");
        return 0;
    }
    if (sim_chance(world, world->options.send_refused))
        return refuse(world, -EAGAIN);
    unsigned times = fate_of(world, connection, end, header);
    if (times > 0)
        depart(world, connection, end, sim_frame_new(header, body, has_body));
    if (times > 1 && may_come_late(world, header) && sim_chance(world, 500000))
        duplicate_later(world, connection, end, sim_frame_new(header, body, has_body));
    else if (times > 1)
        depart(world, connection, end, sim_frame_new(header, body, has_body));
    return 0;
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
    uint64_t pause_us = sim_between(world, world->options.reconnect_us / 10,
                                    world->options.reconnect_us);
    sim_world_after(world, pause_us, connect, dial, 0, 0);
}

static void hand_over_old(struct sim_world *world, struct sim_connection *connection, unsigned end)
{
    struct sim_dial *dial = connection->dial;
    struct sim_frame *frame;

    if (dial->past[end] && sim_chance(world, world->calm ? 0 : REPLAY)) {
        sim_fault(world, SIM_FAULT_frame_replayed);
        depart(world, connection, end, dial->past[end]);
        dial->past[end] = NULL;
    }
    while ((frame = sim_queue_pop(&dial->survivors[end]))) {
        if (dial->connected_once)
            sim_fault(world, SIM_FAULT_frame_old);
        depart(world, connection, end, frame);
    }
}

static bool reachable(const struct sim_world *world, const struct sim_peer *peer)
{
    return peer->up && peer->isolated_until_us <= world->now_us;
}

static void connect(struct sim_world *world, void *subject, uint64_t unused, uint64_t unused_too)
{
    struct sim_dial *dial = subject;

    (void)unused;
    (void)unused_too;
    if (dial->closed || dial->now)
        return;
    if (!reachable(world, dial->from) || !reachable(world, dial->to)) {
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
    connection->loses = gw_random_next(&world->random) & 1;
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
    size_t go_on = chance ? sim_between(world, 0, old.count) : 0;

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
                   sim_chance(world, world->options.survives_cut)) {
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
            connection->vanished ? VANISHED_US : sim_between(world, 0, NOTICE_US);
    if (dial->now == connection)
        dial->now = NULL;
    if (!dial->closed)
        connect_later(world, dial);
}

void sim_net_clog(struct sim_world *world, struct sim_connection *connection, uint64_t until_us)
{
    (void)world;
    connection->clogged_until_us = latest(connection->clogged_until_us, until_us);
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
                expect(world, at, end, frame->due_us);
        }
    }
}

void sim_net_isolate(struct sim_world *world, struct sim_peer *peer, uint64_t until_us)
{
    peer->isolated_until_us = until_us;
    for (struct sim_connection *at = world->net.connections; at; at = at->next) {
        if (!at->cut && (at->ends[0] == peer || at->ends[1] == peer))
            sim_net_clog(world, at, until_us);
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
