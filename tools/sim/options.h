/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_OPTIONS_H
#define GW_SIM_OPTIONS_H

/* All that shapes a world, as one plain struct: sim_options_draw fills it from a seed, knobs.h
 * changes it by name, sim_options_settle makes it one that can be run; a golden trace fills it by
 * hand. Chances are per million. */

#include "core/event.h"
#include "faults.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_PEERS_MAX 11  /* the last place is for a newcomer, the two before it for visitors */
#define SIM_VISITORS  8   /* the first of these two, and how many other peers there may be */

enum sim_pattern { SIM_PIPELINE = 1, SIM_REQUEST = 2, SIM_BOTH = 3 }; /* bits */

enum sim_flavour {
    SIM_PLAIN,
    SIM_COMB,    /* thousands of messages decided in a comb: more ranges than an ACK can hold */
    SIM_MEMORY,  /* some peers keep nothing beyond their process */
    SIM_AMNESIA, /* a receiver loses its disk: strict messages then wait, liveness is not asked */
};

struct sim_choice;
struct sim_hooks;

struct sim_options {
    uint64_t seed;
    enum sim_flavour flavour;
    enum sim_pattern pattern;
    bool scripted; /* a golden trace: nothing happens by itself */
    const struct sim_hooks *hooks;   /* another application than the scripted one; NULL: none */
    const struct sim_choice *choice; /* which faults may happen; NULL: all (inject.h) */

    /* the peers */
    size_t peers;
    bool sync;           /* fsync; otherwise os, and then no power is lost */
    bool jitter;
    uint64_t window;     /* W */
    uint64_t max_message;
    uint64_t heartbeat_us;
    uint64_t settle_delay_us;
    uint64_t cache_bytes;
    uint64_t outbox_messages; /* 0: no limit */
    uint64_t credit_messages;
    uint64_t credit_bytes;

    /* the work */
    uint32_t senders; /* bit per peer: sends to stage work */
    uint32_t workers; /* serves stage work */
    uint32_t sinks;   /* serves stage done: what workers send on */
    uint32_t clients; /* sends requests to service ask */
    uint32_t servers; /* serves it */
    unsigned visitors; /* memory clients that come and go, at a time */
    uint32_t memory;  /* has no disk: its store ends with the process */
    uint32_t common;  /* takes no message above 1 MiB, whatever max_message */
    uint64_t requests; /* in all, those of visitors not counted */
    uint64_t messages; /* in all */
    uint64_t burst;    /* messages at once, at most */
    uint64_t body_max;
    uint64_t send_pause_us; /* between bursts, at most */
    uint64_t work_us;       /* that a decision takes, at most */
    uint32_t transaction_chance; /* that a decision is a transaction */
    uint64_t handlers;       /* at work at a time, at most */
    uint64_t recall_us;      /* until the application answers a recall, at most */
    struct gw_policy policy; /* of all destinations but replies */
    uint32_t ordered;        /* chance that a destination is ordered */
    bool outcomes;
    uint64_t memory_ttl_us;
    bool quiet_clocks;       /* no clock jumps */

    /* the wires */
    uint64_t delay_min_us;
    uint64_t delay_max_us;
    uint64_t reconnect_us; /* at most */
    uint64_t gather_us;    /* events that come together before the turn runs, at most */
    uint32_t dial_both;    /* chance that both sides of a pair dial */

    /* the disks */
    uint64_t commit_min_us;
    uint64_t commit_max_us;
    uint64_t load_us;

    /* the faults */
    uint64_t faults_until_us;
    uint64_t fault_pause_us; /* mean time between two of the chaos monkey's deeds; 0: none */
    uint32_t survives_cut; /* that a frame cut off comes through the next connection */
    uint32_t rates[SIM_FAULT_COUNT]; /* how often each kind comes, see faults.h */
};

/* What the seed says; to be settled. */
void sim_options_draw(struct sim_options *options, uint64_t seed);
/* Makes what contradicts itself agree: roles of peers that are not there, limits below what a
 * message needs, faults that what is checked cannot bear. */
void sim_options_settle(struct sim_options *options);
void sim_options_script(struct sim_options *options); /* for golden traces: nothing random */

#endif
