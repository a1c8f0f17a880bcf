/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_NOTES_H
#define LAB_NOTES_H

/* What the ledger knows of each message: a note of 16 bytes, found by its id. Sequences of an epoch
 * are dense, so notes come in blocks of LAB_BLOCK neighbours; ids that are not dense cost a block
 * each. Blocks and epochs stand in lists too, in the order in which they were first heard of. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_BLOCK 32

enum lab_note_flag {
    LAB_LEVEL = 3, /* two bits: how it was accepted, 0 to 2: fsync, os, memory */
    LAB_ACCEPTED = 1 << 2,
    LAB_REFUSED = 1 << 3,
    LAB_SETTLED_PROCESSED = 1 << 4,
    LAB_SETTLED_DEAD = 1 << 5,
    LAB_SETTLED_WITHDRAWN = 1 << 6,
    LAB_MAYBE_PROCESSED = 1 << 7, /* settled so, with a word that says that it may be */
    LAB_HELD = 1 << 8,            /* in the outbox, an audit says */
    LAB_EXPOSED = 1 << 9,   /* its sender ended in a way that its level does not cover */
    LAB_FORGOTTEN = 1 << 10, /* who began or processed it has lost that since, on purpose */
    LAB_FORGIVEN = 1 << 11, /* so it was at some time: what is missing or repeated is excused */
    LAB_FLAGGED = 1 << 12,  /* begun as maybe-duplicate: failover */
    LAB_REPEATED = 1 << 13,
    LAB_EXCUSED = 1 << 14,  /* repeated, with an excuse */
    LAB_ANSWER = 1 << 15,   /* a request: only its sender knows that it has ended */
};

#define LAB_SETTLED (LAB_SETTLED_PROCESSED | LAB_SETTLED_DEAD | LAB_SETTLED_WITHDRAWN)

struct lab_note {
    uint32_t flags;
    uint32_t at_ms;                    /* when it was accepted, or heard of first */
    uint8_t began, processed, effects; /* how often; 255: or more */
    uint8_t began_by, processed_by, effect_by; /* process + 1, the last one; 0: none */
};

struct lab_key { /* of a block: `part` is sequence / LAB_BLOCK; of an epoch UINT64_MAX */
    uint64_t epoch;
    uint64_t part;
};

struct lab_track { /* of an epoch at one receiver */
    uint64_t highest;    /* processed there; 0 again once it forgot */
    uint64_t first, last; /* place of its processed lines among all; 0: none */
};

struct lab_epoch {
    struct lab_key key; /* first: the table knows only this */
    struct lab_epoch *next;
    int sender;         /* process; -1: not known yet */
    uint32_t life;      /* which of the sender's, counted from 0 */
    uint64_t highest;   /* sequence that was accepted */
    struct lab_track *tracks; /* one for each process; NULL: nothing was processed yet */
};

struct lab_block {
    struct lab_key key; /* first */
    struct lab_block *next;
    struct lab_epoch *epoch;
    struct lab_note notes[LAB_BLOCK];
};

struct lab_notes {
    struct lab_key **slots; /* open addressing; a power of two, at most half full */
    size_t capacity, count;
    struct lab_block *first, *last;
    struct lab_epoch *first_epoch, *last_epoch;
    uint64_t blocks;
};

void lab_notes_clear(struct lab_notes *notes);
/* The epoch, made if there is none yet; NULL: out of memory. */
struct lab_epoch *lab_notes_epoch(struct lab_notes *notes, uint64_t epoch);
/* The same of a message; NULL also beyond LAB_LEDGER_MAX messages. `block` (may be NULL) is where
 * its neighbours are. */
struct lab_note *lab_notes_at(struct lab_notes *notes, uint64_t epoch, uint64_t sequence,
                              struct lab_block **block);

#endif
