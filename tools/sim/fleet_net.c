/* SPDX-License-Identifier: MPL-2.0 */

/* Wires with the habits of libzmq that a fleet meets: a dialler's number outlives its connections,
 * an acceptor's is new with the first frame of each; nothing is taken while there is none; what is
 * under way when a process ends is lost; the next attempt comes after a pause that doubles. */

#include "fleet_heap.h"
#include "fleet_world.h"
#include "wire/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DELAY_MIN_US   150 /* of a frame: hosts in one building */
#define DELAY_MAX_US   350
#define PAUSE_FIRST_US 100000 /* as src/net/socket.c sets them: ZMQ_RECONNECT_IVL, .._IVL_MAX */
#define PAUSE_MAX_US   2000000
#define SHORT_FRAME    255 /* ZMTP: up to here a frame has 2 bytes more, above 9 */

struct transit { /* a message on its way */
    uint32_t wire;
    uint32_t round;
    uint8_t end; /* towards which it goes */
    bool has_body;
    uint32_t header_size;
    uint32_t body_size;
    uint8_t bytes[]; /* header, then body */
};

/* --- counting --- */

static uint64_t framing(size_t size)
{
    return size > SHORT_FRAME ? 9 : 2;
}

/* The acknowledgements that answer a PING tell of no message. */
static void count_ack(struct fleet *fleet, struct gw_slice header)
{
    struct gw_frame frame;
    const char *why;

    if (gw_decode(fleet->decoder, header.data, header.size, &frame, &why) != GW_DECODE_OK) {
        fleet_fail(fleet, "an ACK was sent that cannot be decoded: %s", why);
        return;
    }
    if (!frame.u.ack.epoch_count)
        return;
    fleet->traffic.news_frames++;
    fleet->traffic.news_bytes += header.size;
}

static void count_storm(struct fleet *fleet)
{
    struct fleet_storm *storm = &fleet->storm;

    if (fleet->now_us < storm->from_us)
        return;
    uint64_t tenth = (fleet->now_us - storm->from_us) / FLEET_TENTH_US;
    if (tenth != storm->tenth)
        storm->frames = 0;
    storm->tenth = tenth;
    if (++storm->frames > storm->peak)
        storm->peak = storm->frames;
}

/* Every header begins: array, version 1, type; each in one byte. */
static void count(struct fleet *fleet, struct gw_slice header, struct gw_slice body, bool has_body)
{
    struct fleet_traffic *traffic = &fleet->traffic;
    uint8_t type = header.size > 2 ? header.data[2] : 0;

    if (header.size < 3 || type >= FLEET_FRAME_TYPES) {
        fleet_fail(fleet, "a frame was sent that is none");
        return;
    }
    traffic->frames[type]++;
    traffic->headers[type] += header.size;
    traffic->framing += framing(header.size) + (has_body ? framing(body.size) : 0);
    traffic->bodies += body.size;
    if (type == GW_FRAME_ACK)
        count_ack(fleet, header);
    count_storm(fleet);
}

/* --- frames --- */

static void arrive(struct fleet *fleet, void *subject, uint64_t unused)
{
    struct transit *transit = subject;
    struct fleet_wire *wire = &fleet->wires[transit->wire];
    unsigned end = transit->end;

    (void)unused;
    if (!fleet->failed && wire->connected && transit->round == wire->round) {
        if (!wire->conns[end]) /* the acceptor's, at the first frame */
            wire->conns[end] = (uint64_t)++wire->accepted << 32 | (transit->wire + 1);
        fleet_peer_frame(&fleet->peers[wire->ends[end]], wire->conns[end],
                         (struct gw_slice){transit->bytes, transit->header_size},
                         (struct gw_slice){transit->bytes + transit->header_size,
                                           transit->body_size},
                         transit->has_body);
    }
    free(transit);
}

static void depart(struct fleet *fleet, uint32_t number, unsigned end, struct gw_slice header,
                   struct gw_slice body, bool has_body)
{
    struct fleet_wire *wire = &fleet->wires[number];
    struct transit *transit = fleet_must(malloc(sizeof *transit + header.size + body.size));
    uint64_t due_us = fleet->now_us + fleet_between(fleet, DELAY_MIN_US, DELAY_MAX_US);

    *transit = (struct transit){.wire = number,
                                .round = wire->round,
                                .end = (uint8_t)end,
                                .has_body = has_body,
                                .header_size = (uint32_t)header.size,
                                .body_size = (uint32_t)body.size};
    memcpy(transit->bytes, header.data, header.size);
    if (body.size)
        memcpy(transit->bytes + header.size, body.data, body.size);
    if (due_us < wire->due_us[end])
        due_us = wire->due_us[end];
    wire->due_us[end] = due_us;
    fleet_at(fleet, due_us, arrive, transit, 0);
}

int fleet_net_send(struct fleet *fleet, struct fleet_peer *peer, uint64_t conn,
                   struct gw_slice header, struct gw_slice body, bool has_body)
{
    uint32_t number = (uint32_t)conn - 1;
    struct fleet_wire *wire = &fleet->wires[number];
    unsigned from = wire->ends[FLEET_DIALLER] == peer->index ? FLEET_DIALLER : FLEET_ACCEPTOR;

    if (wire->conns[from] != conn)
        return -EHOSTUNREACH;
    if (!wire->connected)
        return from == FLEET_DIALLER ? -EAGAIN : -EHOSTUNREACH;
    count(fleet, header, body, has_body);
    depart(fleet, number, !from, header, body, has_body);
    return 0;
}

void fleet_net_hangup(struct fleet *fleet, struct fleet_peer *peer, uint64_t conn)
{
    struct fleet_wire *wire = &fleet->wires[(uint32_t)conn - 1];

    if (wire->ends[FLEET_ACCEPTOR] == peer->index && wire->conns[FLEET_ACCEPTOR] == conn)
        wire->conns[FLEET_ACCEPTOR] = 0; /* its next frame begins a new one */
}

/* --- connections --- */

static void try_to_connect(struct fleet *fleet, void *subject, uint64_t process)
{
    struct fleet_wire *wire = subject;
    const struct fleet_peer *dialler = &fleet->peers[wire->ends[FLEET_DIALLER]];

    if (fleet->failed || !wire->wanted || wire->connected || dialler->process != process)
        return;
    if (fleet->peers[wire->ends[FLEET_ACCEPTOR]].up) {
        wire->connected = true;
        wire->round++;
        wire->conns[FLEET_ACCEPTOR] = 0;
        wire->pause_us = PAUSE_FIRST_US;
        return;
    }
    uint64_t pause_us = wire->pause_us + fleet_between(fleet, 0, PAUSE_FIRST_US - 1);
    wire->pause_us = wire->pause_us * 2 < PAUSE_MAX_US ? wire->pause_us * 2 : PAUSE_MAX_US;
    fleet_at(fleet, fleet->now_us + pause_us, try_to_connect, wire, process);
}

/* A handshake of TCP and one of ZMTP. */
static void connect_soon(struct fleet *fleet, struct fleet_wire *wire)
{
    fleet_at(fleet, fleet->now_us + 4 * DELAY_MAX_US, try_to_connect, wire,
             fleet->peers[wire->ends[FLEET_DIALLER]].process);
}

void fleet_net_dial(struct fleet *fleet, struct fleet_peer *peer)
{
    for (size_t i = fleet->wires_from[peer->index]; i < fleet->wires_from[peer->index + 1]; i++) {
        uint32_t number = fleet->wires_of[i];
        struct fleet_wire *wire = &fleet->wires[number];
        if (wire->ends[FLEET_DIALLER] != peer->index)
            continue;
        wire->wanted = true;
        wire->pause_us = PAUSE_FIRST_US;
        wire->conns[FLEET_DIALLER] = peer->process << 32 | (number + 1);
        connect_soon(fleet, wire);
        fleet_enter(peer);
        int result = gw_turn_dial(peer->turn, fleet->now_us, wire->conns[FLEET_DIALLER]);
        fleet_leave(peer);
        fleet_after(peer, result);
    }
}

void fleet_net_gone(struct fleet *fleet, struct fleet_peer *peer)
{
    for (size_t i = fleet->wires_from[peer->index]; i < fleet->wires_from[peer->index + 1]; i++) {
        struct fleet_wire *wire = &fleet->wires[fleet->wires_of[i]];
        bool was_connected = wire->connected;
        wire->connected = false;
        wire->conns[FLEET_ACCEPTOR] = 0;
        if (wire->ends[FLEET_DIALLER] == peer->index)
            wire->wanted = false;
        else if (was_connected) /* the dialler sees the end at once, and tries again */
            connect_soon(fleet, wire);
    }
}
