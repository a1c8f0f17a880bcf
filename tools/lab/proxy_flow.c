/* SPDX-License-Identifier: MPL-2.0 */
/* The bytes of one way of a connection: read, wait, written. What can pass at once does not
 * wait. */

#include "proxy_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PIECES   16384 /* most in a queue: small ones stay in the socket, and come as larger ones */
#define BURST_US 50000 /* a throttled flow that was idle may use this much time at once */

/* --- queues --- */

/* When a piece that comes now may go. */
static uint64_t due(struct proxy_connection *connection, struct proxy_flow *flow)
{
    struct proxy_link *link = connection->link;
    uint64_t now = link->thread->now_us;

    if (proxy_in_force(link->delay_until, now))
        now += lab_random_between(&link->thread->random, link->delay.low_us,
                                  link->delay.high_us);
    if (now > flow->due_us)
        flow->due_us = now;
    return flow->due_us;
}

bool proxy_flow_queue(struct proxy_flow *flow, uint64_t due_us, const void *bytes, size_t size)
{
    struct proxy_piece *piece = malloc(sizeof *piece + size);

    if (!piece)
        return false;
    *piece = (struct proxy_piece){.due_us = due_us, .size = size};
    memcpy(piece->bytes, bytes, size);
    if (flow->first)
        flow->last->next = piece;
    else
        flow->first = piece;
    flow->last = piece;
    flow->waiting += size;
    flow->pieces++;
    return true;
}

static void remove_first(struct proxy_flow *flow)
{
    struct proxy_piece *piece = flow->first;

    flow->first = piece->next;
    flow->waiting -= piece->size - piece->at;
    flow->pieces--;
    free(piece);
}

void proxy_flow_drop(struct proxy_connection *connection, int way)
{
    struct proxy_flow *flow = &connection->flows[way];

    connection->torn |= flow->first != NULL;
    atomic_fetch_add(&connection->link->dropped, flow->waiting);
    while (flow->first)
        remove_first(flow);
}

/* --- writing --- */

/* How many of `size` bytes may pass now. */
static size_t allowed(struct proxy_connection *connection, int way, size_t size)
{
    struct proxy_link *link = connection->link;
    uint64_t now = connection->link->thread->now_us;

    if (proxy_throttled(connection)) {
        uint64_t most = link->rate * BURST_US > 1000000 ? link->rate * BURST_US : 1000000;
        uint64_t gone = now - link->earned_at[way];

        link->earned[way] += (gone < 1000000 ? gone : 1000000) * link->rate;
        link->earned_at[way] = now;
        if (link->earned[way] > most)
            link->earned[way] = most;
        if (size > link->earned[way] / 1000000)
            size = (size_t)(link->earned[way] / 1000000);
    }
    if (link->cuts && size > link->cut_left)
        size = (size_t)link->cut_left;
    return size;
}

static void damage(struct proxy_link *link, unsigned char *bytes, size_t size)
{
    if (!link->flips || link->flip_left >= size)
        return;
    bytes[link->flip_left] ^= (unsigned char)(1u << lab_random_below(&link->thread->random, 8));
    link->flips = false;
}

static void record(struct proxy_connection *connection, const unsigned char *bytes, size_t size)
{
    struct proxy_link *link = connection->link;

    if (link->recorded != connection) { /* the last connection that carried something */
        link->recorded = connection;
        link->record_size = 0;
    }
    if (size > LAB_PROXY_RECORD - link->record_size)
        size = LAB_PROXY_RECORD - link->record_size;
    while (link->record_size + size > link->record_capacity) {
        size_t more = link->record_capacity ? link->record_capacity * 2 : 4096;
        unsigned char *room = realloc(link->record, more);

        if (!room)
            return;
        link->record = room;
        link->record_capacity = more;
    }
    memcpy(link->record + link->record_size, bytes, size);
    link->record_size += size;
}

static void has_passed(struct proxy_connection *connection, int way, const unsigned char *bytes,
                       size_t size)
{
    struct proxy_link *link = connection->link;

    atomic_fetch_add(&link->bytes[way], size);
    if (way == PROXY_FORWARD && connection->until_us == PROXY_FOREVER)
        record(connection, bytes, size);
    if (proxy_throttled(connection))
        link->earned[way] -= size * 1000000;
    if (link->flips)
        link->flip_left -= size;
    if (link->cuts && (link->cut_left -= size) == 0) {
        link->cuts = false;
        proxy_link_cut(link);
    }
}

/* Passes what may and can; how much of it is done with. */
static size_t pass(struct proxy_connection *connection, int way, unsigned char *bytes, size_t size)
{
    struct proxy_flow *flow = &connection->flows[way];
    size_t now = allowed(connection, way, size);

    if (flow->deaf)
        return size;
    if (now == 0)
        return 0;
    damage(connection->link, bytes, now);
    ssize_t sent =
        send(connection->fds[1 - way], bytes, now, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
        has_passed(connection, way, bytes, (size_t)sent);
        return (size_t)sent;
    }
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    flow->deaf = true; /* its reader has gone; who sends learns it from the other way's end */
    if (connection->flows[1 - way].end == PROXY_OPEN)
        connection->flows[1 - way].end = PROXY_RST;
    return size;
}

static void pass_end(struct proxy_connection *connection, int way)
{
    struct proxy_flow *flow = &connection->flows[way];

    if (flow->end == PROXY_RST) {
        proxy_connection_reset(connection);
        return;
    }
    flow->passed = true;
    if (connection->fds[1 - way] >= 0)
        shutdown(connection->fds[1 - way], SHUT_WR);
    if (connection->flows[1 - way].passed || connection->until_us != PROXY_FOREVER)
        proxy_connection_close(connection);
}

/* Writes from the queue. True if anything happened. */
bool proxy_flow_drain(struct proxy_connection *connection, int way)
{
    struct proxy_flow *flow = &connection->flows[way];
    uint64_t now = connection->link->thread->now_us;
    bool moved = false;

    if (proxy_held(connection, way) || proxy_dropping(connection, way))
        return false;
    while (!connection->ended && flow->first && flow->first->due_us <= now) {
        struct proxy_piece *piece = flow->first;
        size_t done = pass(connection, way, piece->bytes + piece->at, piece->size - piece->at);

        if (connection->ended || done == 0)
            return moved;
        moved = true;
        piece->at += done;
        flow->waiting -= done;
        if (piece->at == piece->size)
            remove_first(flow);
    }
    if (!connection->ended && !flow->first && flow->end != PROXY_OPEN && !flow->passed &&
        flow->due_us <= now)
        pass_end(connection, way);
    return moved;
}

/* --- reading --- */

static void take(struct proxy_connection *connection, int way, unsigned char *bytes, size_t size)
{
    struct proxy_flow *flow = &connection->flows[way];

    if (proxy_dropping(connection, way)) {
        connection->torn = true;
        atomic_fetch_add(&connection->link->dropped, size);
        return;
    }
    uint64_t due_us = due(connection, flow);
    size_t done = 0;
    if (!flow->first && due_us <= connection->link->thread->now_us && !proxy_held(connection, way))
        done = pass(connection, way, bytes, size);
    if (!connection->ended && done < size &&
        !proxy_flow_queue(flow, due_us, bytes + done, size - done))
        proxy_connection_reset(connection);
}

bool proxy_flow_reads(const struct proxy_connection *connection, int way)
{
    const struct proxy_flow *flow = &connection->flows[way];

    return connection->fds[way] >= 0 && flow->end == PROXY_OPEN &&
           flow->waiting < LAB_PROXY_BUFFER && flow->pieces < PIECES;
}

/* Reads once. True if anything happened. */
bool proxy_flow_fill(struct proxy_connection *connection, int way)
{
    struct proxy_flow *flow = &connection->flows[way];
    unsigned char *buffer = connection->link->thread->buffer;

    if (connection->ended || !proxy_flow_reads(connection, way))
        return false;
    size_t room = LAB_PROXY_BUFFER - flow->waiting;
    ssize_t got = recv(connection->fds[way], buffer, room < PROXY_READ ? room : PROXY_READ,
                       MSG_DONTWAIT);
    if (got > 0) {
        take(connection, way, buffer, (size_t)got);
        return true;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    flow->end = got == 0 ? PROXY_FIN : PROXY_RST;
    due(connection, flow);
    if (proxy_dropping(connection, way))
        connection->torn = true; /* that it ended gets lost too */
    return true;
}
