/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_NET_H
#define GW_SIM_NET_H

/* The wires, with the habits of ROUTER and DEALER:
 *
 *   dial ── connection 1 (cut) ── connection 2 (cut) ── connection 3 (now)
 *
 * The dialler has one number for all connections of a dial: a reconnect is invisible to it. The
 * acceptor gets a new number with the first frame of each connection. A connection is a queue in
 * each direction, in order. When it is cut, some first frames of each queue still arrive, as
 * frames that were on the way; of the rest most vanish, and some come through the next connection.
 * */

#include "frames.h"
#include "ledger.h"
#include "lot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_world;
struct sim_peer;
struct sim_dial;

#define SIM_FRAME_TYPES 16

enum { SIM_DIALLER, SIM_ACCEPTOR }; /* ends; queues[end] flows towards that end */

struct sim_connection {
    struct sim_connection *next;
    struct sim_dial *dial;
    struct sim_peer *ends[2];
    uint64_t processes[2]; /* of the ends, when it was made */
    uint64_t conns[2];     /* numbers; the acceptor's is 0 before its first frame */
    bool cut;
    bool flushed;  /* it ends in good order: what was sent arrives */
    bool vanished; /* the machine is off: nobody tells the other side that it is gone */
    bool loses; /* may lose frames; otherwise it may duplicate them. Never both: a duplicate would
                 * hide a loss from the count of frames, and no real connection does that. */
    uint64_t noticed_us;  /* from when on the acceptor's sends fail, once it is cut */
    uint64_t clogged_until_us[2]; /* what flows towards that end waits */
    bool swallows[2];   /* what flows towards that end vanishes, until the connection is cut */
    bool speaks[2];     /* frames towards that end say another wire version: */
    uint8_t version[2];
    bool held[2]; /* scripts: what flows towards that end waits */
    struct sim_queue queues[2];
    struct sim_queue late[2]; /* copies that depart later */
    size_t events; /* that point here */
};

struct sim_dial {
    struct sim_dial *next;
    struct sim_peer *from, *to;
    uint64_t process; /* of `from` */
    uint64_t conn;
    bool closed;
    struct sim_connection *now;     /* NULL: not connected */
    struct sim_queue survivors[2];  /* wait for the next connection */
    struct sim_frame *past[2];      /* a frame that went through an earlier connection */
    bool connected_once;
};

/* What a script does to single frames. Answers how often the frame goes through: 0 it is lost,
 * 2 it is duplicated. */
typedef unsigned (*sim_net_fate)(void *context, struct sim_peer *from, struct sim_peer *to,
                                 struct gw_slice header);

struct sim_sent { /* what a turn sends; bytes of its own */
    struct gw_slice header, body;
    bool has_body;
    uint8_t type; /* of the frame */
};

struct sim_way { /* from one peer to another, over all of their connections */
    struct sim_lot delays;
    struct sim_lot past;  /* which frames may come again */
    struct sim_lot dials; /* how soon the next connection is tried */
    uint64_t sent[SIM_FRAME_TYPES]; /* frames on live connections, by type */
    uint64_t made; /* connections dialled this way */
    uint64_t cuts; /* of what flowed this way */
    uint64_t blocked_until_us; /* nothing gets through, and nothing is lost; nor can one connect */
    uint64_t slow_until_us;    /* each frame takes so much longer: */
    uint64_t slow_least_us;
    uint64_t slow_most_us;
};

struct sim_net {
    struct sim_way ways[SIM_PLACES][SIM_PLACES]; /* [from][to] */
    struct sim_dial *dials;
    struct sim_connection *connections;
    sim_net_fate fate; /* NULL: chance decides */
    void *fate_context;
};

uint64_t sim_net_dial(struct sim_world *world, struct sim_peer *from, struct sim_peer *to);
void sim_net_hangup(struct sim_world *world, struct sim_peer *peer, uint64_t conn);
int sim_net_send(struct sim_world *world, struct sim_peer *peer, uint64_t conn,
                 const struct sim_sent *sent);
void sim_net_cut(struct sim_world *world, struct sim_connection *connection);
void sim_net_clog(struct sim_world *world, struct sim_connection *connection, uint64_t until_us);
void sim_net_hold(struct sim_world *world, struct sim_peer *from, struct sim_peer *to, bool hold);
/* Nothing gets from one place to the other, whoever is there; what is sent waits. */
void sim_net_block(struct sim_world *world, size_t from, size_t to, uint64_t until_us);
/* What flows towards that end vanishes; then the connection is cut. */
void sim_net_swallow(struct sim_world *world, struct sim_connection *connection, unsigned end,
                     uint64_t until_us);
/* The faults are over: nothing vanishes any more, nothing is blocked or slow. */
void sim_net_heal(struct sim_world *world);
enum sim_end { SIM_END_CUT, SIM_END_FLUSHED, SIM_END_VANISHED };
/* The peer's process is gone, and with it all of its connections. */
void sim_net_process_gone(struct sim_world *world, struct sim_peer *peer, enum sim_end end);
/* Who is at the other end; NULL: unknown. */
struct sim_peer *sim_net_other_end(const struct sim_world *world, const struct sim_peer *peer,
                                   uint64_t conn);
/* The connection that a peer's number stands for, now; NULL: none. */
struct sim_connection *sim_net_connection(const struct sim_world *world,
                                          const struct sim_peer *peer, uint64_t conn);
bool sim_net_quiet(const struct sim_world *world); /* no frame is under way */
void sim_net_clear(struct sim_world *world);

#endif
