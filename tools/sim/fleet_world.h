/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_FLEET_WORLD_H
#define GW_SIM_FLEET_WORLD_H

/* What the parts of a fleet share. */

#include "base/random.h"
#include "fleet.h"
#include "fleet_books.h"
#include "fleet_queue.h"
#include "peer/tail.h"
#include "peer/turn.h"
#include "store/store.h"

#include <stddef.h>

struct fleet;

enum { FLEET_DIALLER, FLEET_ACCEPTOR }; /* the ends of a wire */

/* A dial: at most one connection at a time. */
struct fleet_wire {
    uint32_t ends[2]; /* peers */
    bool wanted;      /* the dialler's process has dialled */
    bool connected;
    uint32_t round;     /* of the connection: what is under way in an earlier one is lost */
    uint32_t accepted;  /* numbers given to the acceptor */
    uint64_t conns[2];  /* as each end's turn knows it; 0: an acceptor before its first frame */
    uint64_t due_us[2]; /* when the last frame towards each end arrives: connections keep order */
    uint64_t pause_us;  /* before the next attempt to connect */
};

/* Messages that a process has processed, not yet known to be durable. */
struct fleet_batch {
    uint64_t *items; /* fleet_books.h: fleet_item */
    size_t count, capacity;
};

/* Messages under one epoch of this process: sequence s is number `base + s - 1`. */
struct fleet_numbering {
    uint64_t epoch; /* 0: none yet */
    uint64_t base;
    uint64_t told; /* sequences that were told to be stored */
};

struct fleet_arrived { /* not handled yet */
    struct gw_inbound **items;
    size_t count, capacity;
};

/* What a peer does with messages. */
struct fleet_role {
    uint64_t share; /* it sends so many times the messages of one sender; 0: none */
    struct gw_destination to; /* if it sends, or passes on what it got */
    bool serves;
    struct gw_destination served;
    bool passes_on; /* each message becomes one more, in one transaction with its decision */
    bool replies;   /* and that one goes back to whom it came from */
    unsigned hop;   /* of what arrives here: 0, or 1 for what was passed on */
};

struct fleet_peer {
    struct fleet *fleet;
    uint32_t index;
    bool up;
    uint64_t process; /* how many there were */
    struct gw_store *store; /* outlives the processes */
    struct gw_turn *turn;
    struct gw_tail *tail;
    int64_t heap;         /* bytes that turn and tail hold */
    uint64_t run_at_us;   /* when the turn runs next; GW_NEVER */
    uint64_t run_ticket;
    struct gw_write *writing;
    uint64_t links;       /* up, at this end */
    uint64_t looks;       /* of this process: gw_core_looks */
    struct fleet_role role;
    struct fleet_arrived arrived;
    struct fleet_batch gathering, flying;
    struct fleet_numbering numbering;
    uint64_t wanted; /* to be sent as soon as the tail takes it */
    uint64_t sent;   /* numbers drawn, by all processes */
    uint64_t outbox; /* messages in it */
    uint64_t token;
};

struct fleet {
    struct fleet_options options;
    struct fleet_queue queue;
    struct gw_random random;
    uint64_t now_us;
    uint64_t events;
    struct fleet_peer *peers;
    struct fleet_wire *wires;
    size_t wire_count, wire_capacity;
    uint32_t *wires_of; /* wire numbers by peer: from wires_from[i] to wires_from[i + 1] */
    size_t *wires_from;
    uint64_t ends_up;   /* ends of links; twice the wires when all are up */
    uint64_t outbox;    /* messages in all outboxes */
    uint64_t wanted;    /* not in one yet */
    uint64_t recovered; /* messages that opens found in outboxes */
    struct fleet_books books;
    struct fleet_traffic traffic;
    struct gw_decoder *decoder; /* to look into ACKs */
    struct fleet_storm { /* frames by tenths of a second; watched while `from_us` is not GW_NEVER */
        uint64_t from_us;
        uint64_t tenth;
        uint64_t frames;
        uint64_t peak;
    } storm;
    double hub_cpu_s;
    uint64_t looks, hub_looks;
    bool failed;
    char failure[256];
};

#define FLEET_TENTH_US       100000
#define FLEET_TRICKLE_ROUNDS 10 /* messages of each sender, one a second */
#define FLEET_RESTARTS       3  /* of all: how long one takes depends on who comes back last */

/* fleet_world.c */
struct fleet *fleet_new(const struct fleet_options *options);
void fleet_destroy(struct fleet **fleet);
void fleet_at(struct fleet *fleet, uint64_t at_us, fleet_action action, void *subject,
              uint64_t ticket);
void fleet_until(struct fleet *fleet, uint64_t until_us); /* lets everything up to then happen */
void fleet_fail(struct fleet *fleet, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
uint64_t fleet_between(struct fleet *fleet, uint64_t low, uint64_t high); /* both included */
void *fleet_must(void *memory); /* ends the process without memory */

/* fleet_shape.c: wires and roles. */
void fleet_shape_make(struct fleet *fleet);

/* fleet_net.c */
void fleet_net_dial(struct fleet *fleet, struct fleet_peer *peer);  /* all its wires */
void fleet_net_gone(struct fleet *fleet, struct fleet_peer *peer);  /* its process has ended */
int fleet_net_send(struct fleet *fleet, struct fleet_peer *peer, uint64_t conn,
                   struct gw_slice header, struct gw_slice body, bool has_body);
void fleet_net_hangup(struct fleet *fleet, struct fleet_peer *peer, uint64_t conn);

/* fleet_peer.c */
void fleet_peer_name(uint32_t index, char name[GW_NAME_MAX + 1]);
void fleet_peer_open(struct fleet_peer *peer); /* a process starts, and serves */
void fleet_peer_dial(struct fleet_peer *peer);
void fleet_peer_kill(struct fleet_peer *peer);
void fleet_peer_clear(struct fleet_peer *peer);
void fleet_peer_run_soon(struct fleet_peer *peer);
void fleet_peer_submit(struct fleet_peer *peer); /* hands what the tail has to the turn */
void fleet_peer_frame(struct fleet_peer *peer, uint64_t conn, struct gw_slice header,
                      struct gw_slice body, bool has_body);
/* Every call of a turn or a tail stands between the two: allocations are counted as the peer's, and
 * peer 0's time as the hub's. */
void fleet_enter(struct fleet_peer *peer);
void fleet_leave(struct fleet_peer *peer);
void fleet_after(struct fleet_peer *peer, int result); /* of an event: runs soon, or fails */

/* fleet_memory.c */
void fleet_memory_measure(const struct fleet *fleet, struct fleet_memory *memory);
uint64_t fleet_memory_all(const struct fleet *fleet); /* bytes that all peers hold */

/* fleet_port.c */
extern const struct gw_turn_port fleet_port;

/* fleet_app.c */
void fleet_app_send(struct fleet_peer *peer, uint64_t count);
void fleet_app_run(struct fleet_peer *peer); /* before the turn runs */
void fleet_app_arrived(struct fleet_peer *peer, struct gw_inbound *inbound);
void fleet_app_stored(struct fleet_peer *peer, uint64_t epoch, uint64_t upto);
void fleet_app_sealed(struct fleet_peer *peer);  /* what was processed is in the write */
void fleet_app_durable(struct fleet_peer *peer); /* which is done */
void fleet_app_ended(struct fleet_peer *peer);   /* with its process */

#endif
