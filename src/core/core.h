/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_CORE_H
#define GW_CORE_CORE_H

/* The core: a peer as a function. Events go in, effects come out; nothing else happens. It opens
 * nothing, reads no clock, starts no thread and has no global. It keeps ids and ranges; bytes stay
 * in batches and the store.
 *
 *     struct gw_core *core = gw_core_new(&options);
 *     for each stored row:      gw_core_step(core, &recover, &effects);
 *     gw_core_step(core, &start, &effects);
 *     for ever:                 gw_core_step(core, &event, &effects); carry out effects;
 *                               if no write is in flight and gw_core_commit_due_us(core) <= now:
 *                                   step SEAL
 *
 * Out of memory: a step returns -ENOMEM and the core must be destroyed and started afresh from the
 * store, as after a failed commit (decision 0003): the store is the truth, so nothing accepted is
 * lost. */

#include "core/counters.h"
#include "core/effect.h"
#include "core/event.h"

#define GW_NEVER UINT64_MAX

struct gw_core_options {
    char name[GW_NAME_MAX + 1];
    uint8_t store[16];      /* the store's uuid */
    uint64_t open;          /* how often it was opened, this time included */
    uint64_t process;       /* random nonce of this open */
    bool memory;            /* the store ends with the process */
    uint64_t max_message;   /* bytes; see gw_message_limit */
    uint64_t window;        /* W */
    uint64_t heartbeat_us;
    uint64_t settle_delay_us; /* how long settlements may wait for company; default 5,000 */
    uint64_t cache_bytes;   /* of stored batches kept in memory for resends; default 16 MiB */
    uint64_t memory_ttl_us;   /* a memory peer without a link for so long is taken for gone;
                               * default 24 h */
    bool outcomes;            /* keep outcome rows for a reader */
    uint64_t seed;          /* for jitter and hash order */
    bool no_jitter;         /* traces read better without */
};

struct gw_core;

struct gw_core *gw_core_new(const struct gw_core_options *options); /* NULL: out of memory */
void gw_core_destroy(struct gw_core **core);

/* 0, or -ENOMEM (see above). Effects are appended. */
int gw_core_step(struct gw_core *core, const struct gw_event *event, struct gw_effects *effects);

/* When the core wants a TICK; GW_NEVER if not at all. */
uint64_t gw_core_wake_us(const struct gw_core *core);
/* When the core wants a SEAL: 0 at once, GW_NEVER if there is nothing to store. */
uint64_t gw_core_commit_due_us(const struct gw_core *core);

/* Links, members and the like that were looked at, by timers and to choose who gets what: must grow
 * with what happens, not with how many there are (docs/scale.md). */
uint64_t gw_core_looks(const struct gw_core *core);

const uint64_t *gw_core_counters(const struct gw_core *core); /* GW_COUNTER_COUNT of them */

/* After CLOSE: true while some peer has not answered its BYE. The shell waits for that, but not
 * long, before it closes its sockets. */
bool gw_core_is_leaving(const struct gw_core *core);

/* False if one of the decisions is about a message that is not in hand any more, or that its
 * sender has settled without it (rule 14). */
bool gw_core_may_decide(const struct gw_core *core, const struct gw_decision *decisions,
                        size_t count);

/* Where a message is, as far as the core knows. */
enum gw_place {
    GW_PLACE_UNKNOWN,  /* not of an epoch that the core has: settled long ago, or never sent here */
    GW_PLACE_QUEUED,   /* with nobody: not yet offered, or waiting for another try */
    GW_PLACE_ASSIGNED, /* to be offered to `peer`, or offered there and not known to have begun */
    GW_PLACE_IN_HAND,  /* a handler of `peer` has begun, as far as is known here */
    GW_PLACE_SETTLED
};
struct gw_whereabouts {
    enum gw_place place;
    struct gw_destination destination;
    char peer[GW_NAME_MAX + 1]; /* "": none */
    uint64_t attempts;          /* begun, the present one included */
    uint64_t due_us;            /* QUEUED: not offered before; 0: any time */
    bool linked;                /* ASSIGNED, IN_HAND: peer has a link */
    uint8_t how;                /* SETTLED, and the store may not say it yet: enum gw_outcome */
};
void gw_core_find(const struct gw_core *core, uint64_t epoch, uint64_t sequence,
                  struct gw_whereabouts *found);

/* What the core knows of another peer. */
enum gw_acquaintance { GW_PEER_UNKNOWN, GW_PEER_AWAY, GW_PEER_LINKED };
enum gw_acquaintance gw_core_knows(const struct gw_core *core, const char *name);

/* For checkers and tests: pure looks at the state. */
struct gw_stream_view {
    uint64_t epoch;
    uint64_t floor;           /* as published: durable */
    uint64_t last;            /* assigned */
    uint64_t stored;          /* durable */
    uint64_t unsettled;       /* messages */
    bool old;                 /* of an earlier open */
};
struct gw_window_view {
    uint64_t epoch;
    uint64_t floor;
    uint64_t decided_above;   /* durable decisions above the floor */
    uint64_t in_hand;
    bool closed;
    const char *owner;
};
/* False when index is past the last. The order is arbitrary but repeatable. */
bool gw_core_stream_at(const struct gw_core *core, size_t index, struct gw_stream_view *view);
bool gw_core_window_at(const struct gw_core *core, size_t index, struct gw_window_view *view);
/* Checks every book's invariants; NULL, or static text that names the broken one. */
const char *gw_core_check(const struct gw_core *core);

#endif
