/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_WORLD_H
#define GW_SIM_WORLD_H

/* A world: peers, wires, disks and clocks, all moved by one queue of events. Nothing in it depends
 * on anything but its options, so that a seed replays bit for bit. Chance is in lot.h, faults in
 * inject.h.
 *
 *     struct sim_world *world = sim_world_new(&options, trace);
 *     sim_life_begin(world);                      a random life (life.c); a script does it by hand
 *     while (sim_world_step(world)) ...           each step is one event, then the checks
 */

#include "hooks.h"
#include "inject.h"
#include "ledger.h"
#include "lot.h"
#include "net.h"
#include "options.h"
#include "peer.h"
#include "port.h"
#include "stats.h"
#include "trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_world;

/* `a` and `b` are the action's own: most hold a generation number, so that an event which outlived
 * its reason can tell. */
typedef void (*sim_action)(struct sim_world *world, void *subject, uint64_t a, uint64_t b);

struct sim_event {
    uint64_t at_us;
    uint64_t order; /* events of one instant happen in the order in which they were made */
    sim_action action;
    void *subject;
    uint64_t a, b;
};

struct sim_flow { /* messages that the peers send by themselves */
    struct gw_destination destination;
    uint32_t senders; /* bit per peer */
    uint64_t left;
};

struct sim_policy { /* of all senders to a destination */
    struct gw_destination destination;
    struct gw_policy policy;
};

#define SIM_POLICIES_MAX 8

struct sim_world {
    struct sim_options options;
    const struct sim_hooks *hooks; /* of the options */
    struct sim_lot lot; /* for what concerns no peer */
    struct sim_lot lots[SIM_PEERS_MAX][SIM_LOT_STREAMS];
    struct sim_log *log; /* of faults; NULL: none is kept */
    uint64_t now_us;
    struct sim_event *heap;
    size_t heap_count, heap_capacity;
    uint64_t order;
    uint64_t steps;

    struct sim_peer peers[SIM_PEERS_MAX];
    struct sim_net net;
    struct sim_ledger ledger;
    struct sim_trace *trace; /* never NULL */
    struct sim_stats stats;
    struct gw_decoder *decoder; /* the checker's own */

    struct sim_link_book *links; /* of the checker: which link was made on which connection */
    size_t link_count, link_capacity;

    struct sim_flow work;     /* to stage work */
    struct sim_flow requests; /* to service ask */
    struct sim_policy policies[SIM_POLICIES_MAX];
    size_t policy_count;
    uint64_t visits;
    uint64_t looks;         /* at the books of cores, in a comb */
    bool guest_linked;      /* a newcomer was once taken for whose name it has: guest.h */
    bool quarantined;       /* some receiver has forgotten an epoch that it decided in */
    bool calm;              /* the faults are over */
    bool over;              /* nothing more to happen: all is settled */
    uint64_t deadline_us;   /* by when all must be settled */
    uint64_t stuck_until_us; /* until then some write may be in flight */
    bool failed;
    char failure[512];
    char invariant[160]; /* the same words, before names and numbers are in them */
};

struct sim_world *sim_world_new(const struct sim_options *options, struct sim_trace *trace);
void sim_world_destroy(struct sim_world **world);

void sim_world_at(struct sim_world *world, uint64_t at_us, sim_action action, void *subject,
                  uint64_t a, uint64_t b);
void sim_world_after(struct sim_world *world, uint64_t pause_us, sim_action action, void *subject,
                     uint64_t a, uint64_t b);
/* One event. False: none is left, or the world has failed or is over. */
bool sim_world_step(struct sim_world *world);
/* All events up to a time. */
void sim_world_run_until(struct sim_world *world, uint64_t until_us);

/* The first failure counts: an invariant in words. */
void sim_fail(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct sim_lot *sim_lot(const struct sim_peer *peer, enum sim_lot_use use); /* a stream */
/* The generator of the `number`th thing of its kind at the peer. */
struct sim_lot sim_lot_at(const struct sim_peer *peer, enum sim_lot_use use, uint64_t number);
void sim_fault(struct sim_world *world, enum sim_fault fault);
void sim_sight(struct sim_world *world, enum sim_sight sight, uint64_t count);

/* life.c, chaos.c: a random life. */
void sim_life_begin(struct sim_world *world);
void sim_chaos_begin(struct sim_world *world);
void sim_chaos_end(struct sim_world *world);
void sim_visits_begin(struct sim_world *world); /* visit.c: memory clients come and go */
void sim_visits_end(struct sim_world *world);

#endif
