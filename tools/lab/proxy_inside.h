/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_PROXY_INSIDE_H
#define LAB_PROXY_INSIDE_H

/* The proxy's own: proxy.c has the thread and its mailbox, proxy_link.c what orders mean,
 * proxy_connection.c the sockets, proxy_flow.c the bytes. All but the counts is the thread's.
 *
 *     client fd --read--> flow FORWARD: pieces in a queue --write--> server fd
 *     client fd <--write-- flow BACK:   pieces in a queue <--read--- server fd   */

#include "proxy.h"
#include "random.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define PROXY_FOREVER UINT64_MAX

enum { PROXY_FORWARD, PROXY_BACK, PROXY_WAYS };

/* What an epoll event names: each of them begins with this. */
enum proxy_kind { PROXY_IS_PROXY, PROXY_IS_LINK, PROXY_IS_CONNECTION };

/* --- the thread --- */

#define PROXY_READ (64u << 10)

struct lab_proxy_thread { /* what links and connections need of the thread */
    int epoll;
    uint64_t now_us;
    struct lab_random_state random;
    struct proxy_connection *ended; /* to be freed when no event can name them any more */
    unsigned char buffer[PROXY_READ];
};

/* --- bytes --- */

struct proxy_piece {
    struct proxy_piece *next;
    uint64_t due_us;
    size_t at, size; /* what is left of it: bytes[at .. size) */
    unsigned char bytes[];
};

enum proxy_end { PROXY_OPEN, PROXY_FIN, PROXY_RST };

struct proxy_flow {
    struct proxy_piece *first, *last;
    size_t waiting;     /* bytes in the queue */
    size_t pieces;
    uint64_t due_us;    /* of the newest piece: no later one is due before it */
    enum proxy_end end; /* how the reading side ended, behind the pieces */
    bool passed;        /* the end was passed on */
    bool deaf;          /* nobody takes it any more: it is read and thrown away */
};

struct proxy_connection {
    enum proxy_kind kind; /* first */
    struct proxy_link *link;
    struct proxy_connection *next, **before;
    int fds[PROXY_WAYS];           /* client, server; -1: none */
    uint32_t interest[PROXY_WAYS]; /* epoll events; 0: not in the epoll set */
    struct proxy_flow flows[PROXY_WAYS];
    uint64_t until_us; /* of a replayed one; PROXY_FOREVER otherwise */
    bool torn;         /* bytes of it were dropped */
    bool ended;        /* freed at the end of the round */
};

/* A connection for a client that was let in (`client` becomes its own, also on failure), or with
 * -1 a replay of what the link recorded. It ends by itself if it cannot be. */
void proxy_connection_open(struct proxy_link *link, int client);
/* Reads and writes what can be read and written. */
void proxy_connection_pump(struct proxy_connection *connection);
void proxy_connection_close(struct proxy_connection *connection); /* FIN */
void proxy_connection_reset(struct proxy_connection *connection); /* RST */
/* When it has to be pumped although nothing came; PROXY_FOREVER: never. */
uint64_t proxy_connection_due(const struct proxy_connection *connection);

/* One read, and writes of what is due and may pass. True if anything happened. */
bool proxy_flow_fill(struct proxy_connection *connection, int way);
bool proxy_flow_drain(struct proxy_connection *connection, int way);
void proxy_flow_drop(struct proxy_connection *connection, int way); /* all that waits */
/* Whether it wants to read. */
bool proxy_flow_reads(const struct proxy_connection *connection, int way);
/* Puts a copy behind what waits; false: out of memory. */
bool proxy_flow_queue(struct proxy_flow *flow, uint64_t due_us, const void *bytes, size_t size);

/* --- links --- */

struct proxy_link {
    enum proxy_kind kind; /* first */
    struct lab_proxy_thread *thread;
    int listener;
    uint16_t port, target;
    struct proxy_connection *connections;
    size_t connection_count;
    bool listens;    /* and is in the epoll set */
    uint64_t due_us; /* when it wants its next tick; PROXY_FOREVER: nothing lasts */

    /* Orders in force, each until a time; 0: not in force. */
    uint64_t shut_until, refuse_until, delay_until, throttle_until;
    uint64_t hold_until[PROXY_WAYS], drop_until[PROXY_WAYS];
    struct lab_span delay;
    uint64_t rate;                  /* bytes a second */
    uint64_t earned[PROXY_WAYS];    /* bytes that may pass, in millionths */
    uint64_t earned_at[PROXY_WAYS]; /* the time up to which that is reckoned */
    bool cuts, flips;
    uint64_t cut_left, flip_left; /* bytes until then */

    struct proxy_connection *recorded; /* whose bytes the record has; NULL: it has ended */
    unsigned char *record;
    size_t record_size, record_capacity;

    _Atomic uint64_t connected, refused, cut, bytes[PROXY_WAYS], dropped;
};

bool proxy_link_open(struct proxy_link *link);  /* false: errno */
void proxy_link_close(struct proxy_link *link); /* also one that could not be opened */
void proxy_link_accept(struct proxy_link *link);
void proxy_link_act(struct proxy_link *link, const struct lab_order *order);
void proxy_link_heal(struct proxy_link *link);
/* Ends what is over, pumps what is due, and sets `due_us`. */
void proxy_link_tick(struct proxy_link *link);
/* All its connections are cut. */
void proxy_link_cut(struct proxy_link *link);

static inline bool proxy_in_force(uint64_t until, uint64_t now)
{
    return until > now;
}

static inline bool proxy_held(const struct proxy_connection *connection, int way)
{
    return proxy_in_force(connection->link->hold_until[way], connection->link->thread->now_us);
}

static inline bool proxy_dropping(const struct proxy_connection *connection, int way)
{
    return proxy_in_force(connection->link->drop_until[way], connection->link->thread->now_us);
}

static inline bool proxy_throttled(const struct proxy_connection *connection)
{
    return proxy_in_force(connection->link->throttle_until, connection->link->thread->now_us);
}

#endif
