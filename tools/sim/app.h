/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_APP_H
#define GW_SIM_APP_H

/* The scripted application of a peer: it sends in bursts, takes what is delivered in hand, and
 * after random times decides in random order: alone, as ranges, or by transactions that write a key
 * per message and, at the workers, send each message on to the next stage. */

#include "peer/inbound.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_peer;

struct sim_item { /* in hand */
    uint64_t epoch;
    uint64_t sequence;
    uint32_t size;
    unsigned sender;
};

struct sim_transaction { /* given to the turn, not yet committed */
    struct sim_transaction *next;
    uint64_t token;
    struct sim_item *items;
    size_t count;
    uint64_t output_epoch; /* 0: none */
    uint64_t output_first;
};

struct sim_app {
    struct sim_item *items; /* sorted by epoch number, then sequence */
    size_t count, capacity;
    struct sim_transaction *transactions;
    uint64_t next_token;
    uint64_t delivered; /* in this life of the turn */
    uint64_t settled;
    uint64_t stored;
    bool working; /* a decision is scheduled */
    bool sending;
    bool manual;  /* a script decides */
};

#define SIM_SPACE "effect" /* of the keys: epoch, sequence -> how often it was processed */

void sim_app_start(struct sim_peer *peer);   /* a process begins */
void sim_app_restart(struct sim_peer *peer); /* a new turn in the same process, or the end */
void sim_app_clear(struct sim_peer *peer);
void sim_app_deliver(struct sim_peer *peer, const struct gw_inbound *inbound);
void sim_app_transaction(struct sim_peer *peer, uint64_t token);
/* Sends up to count messages; returns how many were taken. */
size_t sim_app_send(struct sim_peer *peer, const struct gw_destination *destination, size_t count);
/* Decides items [at, at + count) of the hand, which must be one range; `onward` NULL: sends none
 * on. */
bool sim_app_decide(struct sim_peer *peer, size_t at, size_t count);
bool sim_app_transact(struct sim_peer *peer, size_t at, size_t count,
                      const struct gw_destination *onward);
/* Index of the first item at or after (epoch number, sequence). */
size_t sim_app_find(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence);

#endif
