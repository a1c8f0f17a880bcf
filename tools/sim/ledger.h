/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_LEDGER_H
#define GW_SIM_LEDGER_H

/* The truth, kept outside the code under test: every message that was ever numbered, what its bytes
 * are, and what has durably happened to it. It learns from three sources only: what the scripted
 * application did, what its port was told, and the rows that reached a disk. */

#include "base/map.h"
#include "core/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_message {
    uint64_t id;           /* gives the bytes; unique */
    uint64_t origin_epoch; /* of the message that this one was made from; 0: none */
    uint64_t origin_sequence;
    uint32_t size;
    uint32_t offers;    /* DATA frames that carried it */
    uint8_t claimed_by; /* bit per peer: its application has decided it */
    uint8_t decided_by; /* bit per peer: the decision is in its durable rows */
    uint8_t holder;     /* peer + 1 that has it in hand; 0: nobody */
    uint8_t assigned;   /* peer + 1 of the durable assignment; 0: none yet */
    uint8_t outputs;    /* durable messages made from it */
    bool durable;       /* it was in the sender's durable rows at some time */
    bool reported;      /* STORED was said */
    bool processed;     /* a durable decision existed at some time, also on a disk that is lost */
    bool settled;       /* SETTLED was said */
    bool given_up;      /* NOT_STORED was said */
    bool transacted;    /* decided by a transaction: an effect key exists and counts it */
    bool delivered;     /* to any application, at any time */
};

struct sim_epoch {
    struct sim_epoch *next; /* in the order of drawing */
    uint64_t epoch;
    uint64_t number; /* 1, 2, ... */
    unsigned sender;
    uint64_t life;   /* of the sender's turn */
    struct gw_destination destination;
    struct sim_message *messages; /* [sequence - 1] */
    size_t count, capacity;
    uint64_t unprocessed; /* nothing below is unprocessed */
    bool gone;            /* the sender's disk was lost: nothing is asked of it */
};

struct sim_ledger {
    struct gw_map epochs;
    struct sim_epoch *first, *last;
    uint64_t epoch_count;
    uint64_t next_id;
    uint64_t numbered;
};

void sim_ledger_init(struct sim_ledger *ledger);
void sim_ledger_clear(struct sim_ledger *ledger);
struct sim_epoch *sim_ledger_find(const struct sim_ledger *ledger, uint64_t epoch);
struct sim_epoch *sim_ledger_draw(struct sim_ledger *ledger, uint64_t epoch, unsigned sender,
                                  uint64_t life, const struct gw_destination *destination);
/* The next sequence must be epoch->count + 1. */
struct sim_message *sim_ledger_append(struct sim_ledger *ledger, struct sim_epoch *epoch,
                                      uint64_t id, uint32_t size);
struct sim_message *sim_epoch_message(const struct sim_epoch *epoch, uint64_t sequence);
struct sim_message *sim_ledger_message(const struct sim_ledger *ledger, uint64_t epoch,
                                       uint64_t sequence);
/* The lowest sequence that nobody has durably decided; count + 1 if there is none. */
uint64_t sim_epoch_unprocessed(struct sim_epoch *epoch);

void sim_body_fill(uint64_t id, uint8_t *bytes, size_t size);
bool sim_body_is(uint64_t id, const uint8_t *bytes, size_t size);

#endif
