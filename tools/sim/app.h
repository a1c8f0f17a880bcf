/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_APP_H
#define GW_SIM_APP_H

/* The scripted application of a peer. It sends in bursts and asks some of it back (app.c); takes
 * what is delivered in hand (hand.c); lets handlers begin with it, which after random times
 * process it, alone, as ranges or by transactions, or nack, reject or die of it (decide.c,
 * work.c). A transaction writes a key for each message; at a worker it sends each on to the next
 * stage, at a server it answers each request. */

#include "core/record.h"
#include "lot.h"
#include "peer/inbound.h"
#include "peer/turn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_peer;
struct sim_world;

struct sim_item { /* in hand */
    uint64_t epoch;
    uint64_t sequence;
    uint64_t number;  /* of the offer */
    uint64_t arrival; /* the how manieth delivery it is */
    uint64_t job;     /* the handler that has begun with it; 0: none */
    uint64_t attempt;
    uint32_t size;
    unsigned sender;
    bool ordered;
    bool held; /* ordered, behind one that goes back: to be recalled */
};

struct sim_recall { /* to be answered */
    struct sim_recall *next;
    struct gw_recall asked;
    struct gw_range *ranges;
    uint64_t ticket;
};

struct sim_output { /* adjacent messages that a transaction sends */
    uint64_t epoch, first, last;
};

struct sim_transaction { /* given to the turn, not yet committed */
    struct sim_transaction *next;
    uint64_t token;
    struct sim_item *items;
    size_t count;
    struct sim_output *outputs;
    size_t output_count;
};

struct sim_app {
    struct sim_item *items; /* sorted by epoch number, then sequence */
    size_t count, capacity;
    struct sim_transaction *transactions;
    struct sim_recall *recalls;
    uint64_t next_token, next_ticket, next_job, arrivals;
    uint64_t delivered; /* in this life of the turn */
    uint64_t settled;
    uint64_t bursts;
    unsigned jobs; /* handlers at work */
    bool working;  /* a handler is about to look for work */
    bool manual;   /* a script decides */
};

#define SIM_SPACE "godwit.effect" /* of the keys: epoch, sequence -> how often it was processed */

void sim_app_start(struct sim_peer *peer);   /* a process begins */
void sim_app_restart(struct sim_peer *peer); /* a new turn in the same process, or the end */
void sim_app_clear(struct sim_peer *peer);
/* Sends up to count messages; returns how many were taken. */
size_t sim_app_send(struct sim_peer *peer, const struct gw_destination *destination, size_t count);
/* Numbers a message in the ledger. */
void sim_app_number(struct sim_peer *peer, const struct gw_destination *destination,
                    uint64_t epoch, uint64_t sequence, uint64_t id, size_t size,
                    const struct sim_item *origin);
size_t sim_app_random_size(const struct sim_world *world, struct sim_lot *lot);
void sim_app_withdraw(struct sim_peer *peer, uint64_t epoch, uint64_t sequence,
                      enum gw_withdrawal code);
/* Asks some of one epoch back; the lot says which. */
void sim_app_withdraw_some(struct sim_peer *peer, struct sim_lot *lot);

/* What is in hand: items by their index. A range of items is of one epoch, without gaps. */
void sim_app_deliver(struct sim_peer *peer, const struct gw_inbound *inbound);
/* Index of the first item at or after (epoch number, sequence). */
size_t sim_app_find(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence);
void sim_app_begin(struct sim_peer *peer, size_t at, size_t count); /* a handler has them */
/* The handler is done with one, and what it decided is not told yet: who dies now, dies of another
 * thing. */
void sim_app_finish(struct sim_peer *peer, size_t at);
void sim_app_put_down(struct sim_peer *peer, size_t at, size_t count);
/* What stands behind an ordered item that goes back is not begun any more: it goes back too. */
void sim_app_hold_back(struct sim_peer *peer, const struct sim_item *item);
/* Gives back, undecided. */
void sim_app_return(struct sim_peer *peer, size_t at, size_t count, enum gw_return_kind kind,
                    uint32_t delay_ms);
void sim_app_release(struct sim_peer *peer, const struct gw_destination *destination);
void sim_app_recall(struct sim_peer *peer, const struct gw_recall *recall);

/* Decides items [at, at + count) of the hand; `onward` NULL: sends none on. */
bool sim_app_decide(struct sim_peer *peer, size_t at, size_t count);
bool sim_app_reject(struct sim_peer *peer, size_t at, uint32_t code);
bool sim_app_transact(struct sim_peer *peer, size_t at, size_t count,
                      const struct gw_destination *onward);
/* Adds the message's key to what a transaction writes. */
void sim_app_count_effect(struct sim_peer *peer, const struct sim_item *item,
                          struct gw_write *keys);
void sim_app_transaction(struct sim_peer *peer, uint64_t token); /* it is committed */
void sim_app_stale(struct sim_peer *peer, uint64_t token);       /* it is refused */
void sim_app_forget_transactions(struct sim_peer *peer);

void sim_app_work_later(struct sim_peer *peer);

#endif
