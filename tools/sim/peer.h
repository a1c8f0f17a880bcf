/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_PEER_H
#define GW_SIM_PEER_H

/* One peer of the world: a turn and a tail, as the engine would drive them, over a virtual disk,
 * with a clock of its own and a scripted application. A process crash drops all but the disk; a
 * failed commit drops the turn only. */

#include "app.h"
#include "disk.h"
#include "ledger.h"
#include "peer/tail.h"
#include "peer/turn.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_world;

#define SIM_DIALS_MAX 12
#define SIM_SERVES_MAX 10
#define SIM_LOADS_MAX  128

struct sim_clock { /* it shows at_us up to since_us of the world's time, and then goes on */
    uint64_t at_us;
    uint64_t since_us;
    int32_t drift; /* parts per million that it gains */
};

struct sim_wanted_dial {
    struct sim_peer *to;
    uint64_t conn;  /* in this process; 0: not dialled */
    bool temporary; /* undone when the faults end */
    bool off;       /* undialled for now */
};

struct sim_served {
    struct gw_destination destination;
    uint64_t credit_messages;
    uint64_t credit_bytes;
    uint64_t credit_most; /* messages: the most that was ever told */
    bool off; /* unserved for now */
};

struct sim_mark { /* a handler has begun with it: survives the process, as a mapped file does */
    uint64_t epoch, sequence, number;
};

struct sim_load { /* a read under way */
    uint64_t epoch, from, max_messages, max_bytes;
    uint64_t ticket; /* 0: free */
};

struct sim_peer {
    struct sim_world *world;
    unsigned index;
    char name[GW_NAME_MAX + 1];
    char label[GW_NAME_MAX + 2]; /* for traces: a guest's has a dash */
    bool present; /* takes part */
    bool guest;   /* under another's name */
    bool visitor; /* a memory client that comes, asks and leaves (visit.c) */
    uint64_t asks; /* of a visitor: requests that it sends in all */
    struct sim_disk disk;
    struct sim_disk older; /* what a disk that lies really has; empty: it does not lie */
    struct gw_store *store;
    struct gw_turn *turn;
    struct gw_tail *tail;
    uint64_t process; /* how many there were; counts up at each start */
    uint64_t life;    /* how many turns there were; also counts up at a reopen */
    uint64_t opens;   /* as the store counts them */
    uint64_t nonce;   /* what others know the process by */
    bool several_epochs; /* seen in this life */
    bool up;
    bool leaving;
    bool broken;         /* its core ended; the store is opened again soon */
    uint64_t reopenings; /* a number for each try to open the store again */
    uint64_t paused_until_us;
    struct sim_clock clock;
    uint64_t wall_ms; /* its wall clock minus the world's time; may be below 0 */
    uint64_t wall_creeps_until_us; /* at each look the wall clock is 1 ms behind the last one */
    uint64_t disk_fails_until_us;  /* writes fail, and nothing of them is on the disk, */
    bool disk_forgets;             /* or the whole of them may be */
    uint64_t hung_until_us;        /* the write in flight takes that long */
    uint64_t late_until_us; /* its turn does not run, though all else does */
    uint64_t rounds;        /* how often the turn was to run */
    unsigned loops;         /* times that it is still to crash soon after its start */
    uint64_t run_at_us; /* when the turn runs next; GW_NEVER */
    uint64_t run_ticket;
    uint64_t spins;
    uint64_t next_conn;
    struct sim_wanted_dial dials[SIM_DIALS_MAX];
    size_t dial_count;
    struct sim_served serves[SIM_SERVES_MAX];
    size_t serve_count;

    struct gw_write *writing; /* in flight */
    struct sim_load loads[SIM_LOADS_MAX];
    uint64_t load_ticket;
    bool writing_sync;
    uint64_t committed; /* writes of this life */
    uint64_t commits;   /* writes begun, in all lives */
    int fail_next;      /* scripts: the next commit fails: 1 not applied, 2 applied */

    struct sim_mark *marks;
    size_t mark_count, mark_capacity;
    sim_set forfeits; /* bit per peer: what that one held was moved on, once */
    sim_set down_known; /* bit per peer: has no link, as this one was told */
    uint64_t down_us[SIM_PLACES]; /* since when, by this one's clock */
    uint64_t last_link[SIM_PLACES]; /* that it used with each */
    uint64_t heard_us[SIM_PLACES];  /* when it last took a frame of its link with each */
    sim_set doubted; /* bit per peer: another process says its name; not heard since */
    sim_set forfeit_asked; /* bit per peer: by an operator, once */

    struct sim_app app;
};

void sim_peer_init(struct sim_peer *peer, struct sim_world *world, unsigned index,
                   const char *name);
void sim_peer_guest(struct sim_peer *peer, const struct sim_peer *whose); /* instead of init */
/* The same place, a new peer: its numbers go on, since events of the old one may still come. */
void sim_peer_renew(struct sim_peer *peer, struct sim_world *world, unsigned index,
                    const char *name);
bool sim_peer_is_memory(const struct sim_peer *peer);
uint64_t sim_peer_max_message(const struct sim_peer *peer);
struct gw_policy sim_peer_policy(const struct sim_peer *peer,
                                 const struct gw_destination *destination);
void sim_peer_clear(struct sim_peer *peer);

/* clock.c */
uint64_t sim_peer_clock(const struct sim_peer *peer);
void sim_clock_init(struct sim_peer *peer);
void sim_clock_jump(struct sim_peer *peer, uint64_t by_us);
void sim_clock_stall(struct sim_peer *peer, uint64_t for_us);
void sim_clock_anew(struct sim_peer *peer); /* the machine starts again */
void sim_clock_heal(struct sim_peer *peer);
/* When, in the world's time, the clock will show it. */
uint64_t sim_clock_when(const struct sim_peer *peer, uint64_t clock_us);
uint64_t sim_clock_wall_ms(struct sim_peer *peer);

void sim_peer_pause(struct sim_peer *peer, uint64_t for_us);
void sim_peer_be_late(struct sim_peer *peer, uint64_t for_us);

void sim_peer_start(struct sim_peer *peer);
enum sim_death { SIM_KILLED, SIM_POWER_LOST };
void sim_peer_crash(struct sim_peer *peer, enum sim_death death);
void sim_peer_crash_loop(struct sim_peer *peer, unsigned times); /* crashes, and again, and again */
/* open.c. After a failed commit or read, or when the core ended without one: only the turn is
 * new. While the disk does not take writes it is tried again. */
void sim_peer_reopen(struct sim_peer *peer, bool failed);
void sim_peer_break(struct sim_peer *peer); /* its core ended: soon it is opened again */
void sim_turn_begin(struct sim_peer *peer);
void sim_turn_drop(struct sim_peer *peer);
bool sim_peer_disk_fails(const struct sim_peer *peer); /* now */
/* Whether its disk may forget what was synced: of a peer that sends nothing. A restored sender is
 * not yet recognised. */
/* After a power cut at durability `os`: some of the bodies that were not there at the last one. */
void sim_peer_lose_bodies(struct sim_peer *peer, struct sim_lot *lot);
bool sim_may_roll_back(const struct sim_peer *peer);
/* A disk that lied: its state of an earlier moment is all there is. */
void sim_peer_roll_back(struct sim_peer *peer);
void sim_peer_heal(struct sim_peer *peer); /* the faults are over */
void sim_peer_leave(struct sim_peer *peer); /* BYE, then an orderly end of the process */
void sim_peer_lose_disk(struct sim_peer *peer);
void sim_peer_start_later(struct sim_peer *peer, uint64_t pause_us);

void sim_peer_want_dial(struct sim_peer *peer, struct sim_peer *to, bool temporary);
void sim_peer_undial(struct sim_peer *peer, size_t at, bool for_good);
void sim_peer_redial(struct sim_peer *peer, size_t at);
void sim_peer_serve(struct sim_peer *peer, size_t at); /* says serves[at] to the turn */

void sim_peer_frame(struct sim_peer *peer, uint64_t conn, struct gw_slice header,
                    struct gw_blob *body); /* takes the blob's reference */
void sim_peer_lost(struct sim_peer *peer, uint64_t conn);
int sim_peer_decide(struct sim_peer *peer, const struct gw_decision *decision);
int sim_peer_transaction(struct sim_peer *peer, const struct gw_turn_transaction *transaction);
/* Events gather until the turn runs. */
void sim_peer_run_soon(struct sim_peer *peer);
void sim_peer_submitted(struct sim_peer *peer, const struct gw_batch *batch); /* notes it */
void sim_peer_forfeit(struct sim_peer *peer, const struct sim_peer *member); /* an operator */
void sim_peer_retire(struct sim_peer *peer, uint64_t epoch);
/* Hands what the tail has filled to the turn: all of it, or one batch that was taken out. */
void sim_peer_submit(struct sim_peer *peer);
void sim_peer_submit_batch(struct sim_peer *peer, const struct gw_destination *destination,
                           struct gw_batch *batch);

#endif
