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

#define SIM_PLACES 11 /* as many as there are peers */

typedef uint16_t sim_set; /* bit per place */

struct sim_at_peer { /* a message at one peer; offers by their numbers */
    uint64_t number;  /* brought it, while it is in hand */
    uint64_t nacked;  /* its handler nacked */
    uint64_t crashed; /* had begun when the process died */
    uint64_t marked;  /* the same, as its rows say */
    bool delivered;   /* at any time */
    bool begun;       /* at any time in this process, of a memory peer */
};

/* Bits are by peer. */
struct sim_message {
    uint64_t id;           /* gives the bytes; unique */
    uint64_t origin_epoch; /* of the message that this one was made from; 0: none */
    uint64_t origin_sequence;
    uint32_t size;
    uint32_t offers;       /* DATA frames that carried it */
    sim_set held_by;       /* in hand */
    sim_set begun_by;      /* in hand, and a handler has begun */
    sim_set claimed_by;    /* its application has processed it */
    sim_set refused_by;    /* its application has rejected it */
    sim_set decided_by;    /* processed, in its durable rows */
    sim_set rejected_by;   /* rejected, in its durable rows */
    sim_set skipped_by;    /* skipped, in its durable rows */
    sim_set forfeited_by;  /* it was moved on from there without a word from there */
    uint8_t assigned;      /* peer + 1 of the durable assignment; 0: none yet */
    uint8_t outputs;       /* durable messages made from it */
    uint8_t wanted;        /* enum gw_withdrawal: its sender's application asked it back */
    uint8_t ended;         /* enum gw_outcome: settled durably otherwise than by processing */
    uint8_t outcome;       /* enum gw_outcome, of the durable outcome row */
    uint64_t assigned_process; /* nonce of the assigned member then */
    uint64_t number;       /* of the durable assignment */
    uint64_t returned;     /* the last offer of which a return was told */
    uint64_t taken;        /* the last one of which its sender was told that */
    uint64_t taken_life;   /* of the sender then */
    uint64_t told_life;    /* of the sender, when a member that it counts on told a decision */
    uint64_t data_link;    /* that its last DATA left on */
    uint64_t data_number;  /* of the offer in it */
    uint64_t wanted_life;  /* in which the sender was asked */
    uint64_t sent_process; /* of the sender */
    uint32_t failures;     /* nacks, and deaths of a process whose handler had begun with it */
    uint32_t marked;       /* of these, deaths that are in durable rows of that peer */
    uint32_t codes[SIM_PLACES]; /* with which each rejected it */
    bool alone;     /* its last return says that it crashed its handler */
    bool durable;   /* it was in the sender's durable rows at some time */
    bool reported;  /* STORED was said */
    bool processed; /* a durable decision existed at some time, also on a disk that is lost */
    bool rejected;  /* the same */
    bool skipped;   /* the same */
    bool settled;   /* SETTLED was said */
    bool given_up;  /* NOT_STORED was said */
    bool body_lost; /* its sender's disk has not its bytes any more */
    sim_set transacted_by; /* decided by a transaction: an effect key exists and counts it */
    bool delivered; /* to any application, at any time */
    struct sim_at_peer at[SIM_PLACES];
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
    uint64_t unfinished;  /* nothing below is */
    uint64_t submitted;   /* to the turn */
    bool ordered;
    bool gone;            /* the sender's disk was lost: nothing is asked of it */
    sim_set reopened_by;  /* closed, and then the disk was as before */
    char sender_name[GW_NAME_MAX + 1];
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
/* Somebody has durably decided it, or its sender has durably settled it. */
bool sim_message_finished(const struct sim_message *message);
/* The lowest sequence that is not finished; count + 1 if there is none. */
uint64_t sim_epoch_unfinished(struct sim_epoch *epoch);

/* The bytes that belong to an id; those of a message that was not made by sim_body_fill have the
 * id that sim_body_id gives, which is a checksum. */
uint64_t sim_body_id(const uint8_t *bytes, size_t size);
void sim_body_fill(uint64_t id, uint8_t *bytes, size_t size);
bool sim_body_is(uint64_t id, const uint8_t *bytes, size_t size);

#endif
