/* SPDX-License-Identifier: MPL-2.0 */

/* The frames of wire.h. */

#include "wire.h"

#include "world.h"

#include <errno.h>

#define VERSION_AT 1     /* in each frame's header: an array, then the version as one byte */
#define LATE_US  2000000 /* until a late copy of a frame comes, at most */
#define REMEMBER 200000  /* chance that a copy of a frame may come again much later */

static uint64_t latest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* --- ways --- */

void sim_ways_init(struct sim_world *world)
{
    for (uint64_t from = 0; from < SIM_PLACES; from++) {
        for (uint64_t to = 0; to < SIM_PLACES; to++) {
            struct sim_way *way = &world->net.ways[from][to];
            way->delays = sim_lot_of(world->options.seed, SIM_LOT_WIRE, from, to);
            way->past = sim_lot_of(world->options.seed, SIM_LOT_PAST, from, to);
            way->dials = sim_lot_of(world->options.seed, SIM_LOT_DIAL, from, to);
        }
    }
}

struct sim_way *sim_way_between(const struct sim_peer *from, const struct sim_peer *to)
{
    return &from->world->net.ways[from->index][to->index];
}

struct sim_way *sim_way_of(const struct sim_connection *connection, unsigned end)
{
    return sim_way_between(connection->ends[!end], connection->ends[end]);
}

struct sim_lot sim_way_lot(const struct sim_peer *from, const struct sim_peer *to,
                           enum sim_lot_use use, uint64_t number)
{
    return sim_lot_of(from->world->options.seed, use,
                      (SIM_PLACES + from->index) * SIM_PLACES + to->index, number);
}

/* --- arrival --- */

static void arrive(struct sim_world *world, void *subject, uint64_t end, uint64_t unused);

void sim_wire_expect(struct sim_world *world, struct sim_connection *connection, unsigned end,
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

    if (!sim_chance(&sim_way_of(connection, end)->past, REMEMBER) || world->calm ||
        world->options.scripted)
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
        wait_us = latest(wait_us, connection->clogged_until_us[end]);
    if (wait_us > world->now_us) {
        sim_wire_expect(world, connection, (unsigned)end, wait_us);
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

/* A frame that is sent on a live connection, as faults see it. */
struct passage {
    struct sim_connection *connection;
    unsigned end; /* towards which it goes */
    const struct sim_sent *sent;
    uint64_t number; /* of those of its type */
    uint64_t delay_us;
};

static bool befalls(struct sim_world *world, const struct passage *passage, enum sim_fault kind,
                    struct sim_lot *lot)
{
    struct sim_peer *const *ends = passage->connection->ends;

    return sim_inject(world,
                      sim_occasion_frame(kind, ends[!passage->end], ends[passage->end],
                                         passage->sent->type, passage->number),
                      lot);
}

static void damage(struct sim_world *world, const struct passage *passage, struct sim_frame *frame)
{
    struct sim_lot lot;

    if (!passage->connection->loses)
        return; /* a damaged frame is a lost one */
    if (befalls(world, passage, SIM_FAULT_frame_truncated, &lot)) {
        frame->header_size = sim_between(&lot, 0, frame->header_size - 1);
    } else if (befalls(world, passage, SIM_FAULT_frame_garbage, &lot)) {
        for (size_t i = 0; i < frame->header_size; i++)
            frame->header[i] = (uint8_t)sim_draw(&lot);
    } else if (frame->body && frame->body->size &&
               befalls(world, passage, SIM_FAULT_body_flipped, &lot)) {
        uint8_t *bytes = (uint8_t *)(uintptr_t)frame->body->data;
        bytes[sim_between(&lot, 0, frame->body->size - 1)] ^= 1;
    }
}

static uint64_t delay(const struct sim_world *world, struct sim_way *way)
{
    uint64_t usual_us =
        sim_between(&way->delays, world->options.delay_min_us, world->options.delay_max_us);

    if (world->now_us >= way->slow_until_us)
        return usual_us;
    struct sim_lot lot = way->delays; /* what comes after the slow time is drawn as without it */
    return usual_us + sim_between(&lot, way->slow_least_us, way->slow_most_us);
}

static void depart(struct sim_world *world, struct sim_connection *connection, unsigned end,
                   struct sim_frame *frame, uint64_t delay_us)
{
    struct sim_queue *queue = &connection->queues[end];

    frame->due_us = latest(world->now_us + delay_us, queue->last_due_us);
    frame->due_us = latest(frame->due_us, connection->clogged_until_us[end]);
    queue->last_due_us = frame->due_us;
    sim_queue_push(queue, frame);
    sim_wire_expect(world, connection, end, frame->due_us);
}

void sim_wire_depart(struct sim_world *world, struct sim_connection *connection, unsigned end,
                     struct sim_frame *frame)
{
    depart(world, connection, end, frame, delay(world, sim_way_of(connection, end)));
}

/* The copy of a frame may come much later, on the same connection. */
static void depart_late(struct sim_world *world, void *subject, uint64_t end, uint64_t unused)
{
    struct sim_connection *connection = subject;
    struct sim_frame *copy = sim_queue_pop(&connection->late[end]);

    (void)unused;
    connection->events--;
    if (copy && (connection->cut || connection->swallows[end]))
        sim_frame_destroy(copy);
    else if (copy)
        depart(world, connection, (unsigned)end, copy, 0);
}

void sim_wire_depart_later(struct sim_world *world, struct sim_connection *connection, unsigned end,
                           struct sim_frame *frame, uint64_t pause_us)
{
    connection->events++;
    sim_queue_push(&connection->late[end], frame);
    sim_world_after(world, pause_us, depart_late, connection, end, 0);
}

/* SERVE replaces what the one before it said; no real connection lets an old one pass a new one.
 * All others say facts that only add, so that late copies must do no harm. */
static bool may_come_late(const struct sim_world *world, const struct passage *passage)
{
    return !world->options.scripted && passage->sent->type != GW_FRAME_SERVE;
}

/* Frames that no count misses, so that any connection may lose them. */
static bool is_handshake(uint8_t type)
{
    return type == GW_FRAME_HELLO || type == GW_FRAME_WELCOME || type == GW_FRAME_READY;
}

/* How often the frame goes through. */
static unsigned fate_of(struct sim_world *world, const struct passage *passage,
                        struct sim_lot *lot)
{
    const struct sim_connection *connection = passage->connection;

    if (world->net.fate)
        return world->net.fate(world->net.fate_context, connection->ends[!passage->end],
                               connection->ends[passage->end], passage->sent->header);
    if (is_handshake(passage->sent->type) &&
        befalls(world, passage, SIM_FAULT_handshake_lost, NULL)) {
        sim_trace_effect(world->trace, "(lost)");
        return 0;
    }
    if (connection->loses && befalls(world, passage, SIM_FAULT_frame_lost, NULL)) {
        sim_trace_effect(world->trace, "(lost)");
        return 0;
    }
    if (!connection->loses && befalls(world, passage, SIM_FAULT_frame_duplicated, lot)) {
        sim_trace_effect(world->trace, "(duplicated)");
        return 2;
    }
    return 1;
}

static int refuse(struct sim_world *world, int error)
{
    sim_trace_effect(world->trace, "(refused)");
    return error;
}

/* As real sockets do; nobody injected it. */
int sim_wire_cannot(struct sim_world *world, int error)
{
    sim_fault(world, SIM_FAULT_send_refused);
    return refuse(world, error);
}

/* Type and version stand at the same place in all versions. */
static struct sim_frame *frame_of(const struct passage *passage)
{
    const struct sim_connection *connection = passage->connection;
    const struct sim_sent *sent = passage->sent;
    struct sim_frame *frame = sim_frame_new(sent->header, sent->body, sent->has_body);

    if (connection->speaks[passage->end])
        frame->header[VERSION_AT] = connection->version[passage->end];
    return frame;
}

static void send_copy(struct sim_world *world, const struct passage *passage, struct sim_lot *lot)
{
    struct sim_frame *copy = frame_of(passage);
    bool late = sim_chance(lot, 500000);

    if (late && may_come_late(world, passage))
        sim_wire_depart_later(world, passage->connection, passage->end, copy,
                              sim_between(lot, 0, LATE_US));
    else
        depart(world, passage->connection, passage->end, copy, passage->delay_us);
}

int sim_wire_send(struct sim_world *world, struct sim_connection *connection, unsigned end,
                  const struct sim_sent *sent)
{
    struct sim_way *way = sim_way_of(connection, end);
    struct passage passage = {connection, end, sent, ++way->sent[sent->type % SIM_FRAME_TYPES],
                              delay(world, way)};
    struct sim_lot lot = {0};

    if (befalls(world, &passage, SIM_FAULT_send_refused, NULL))
        return refuse(world, -EAGAIN);
    if (connection->swallows[end]) {
        sim_trace_effect(world->trace, "(swallowed)");
        return 0;
    }
    unsigned times = fate_of(world, &passage, &lot);
    if (times > 0) {
        struct sim_frame *frame = frame_of(&passage);
        damage(world, &passage, frame);
        depart(world, connection, end, frame, passage.delay_us);
    }
    if (times > 1)
        send_copy(world, &passage, &lot);
    return 0;
}
