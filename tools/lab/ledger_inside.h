/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_LEDGER_INSIDE_H
#define LAB_LEDGER_INSIDE_H

/* What ledger.c reads, ledger_say.c writes down and verdict.c judges. */

#include "ledger.h"
#include "notes.h"

enum lab_level { LAB_FSYNC, LAB_OS, LAB_MEMORY, LAB_LEVELS };

enum lab_broken { LAB_LOST, LAB_REPEATS, LAB_REORDER, LAB_STUCK, LAB_UNEXPLAINED };

struct lab_party { /* a process, as far as the ledger knows it */
    enum lab_level level;      /* of its store */
    bool accepted[LAB_LEVELS]; /* it said so of some message */
    uint32_t life;             /* how often it ended */
    bool sends;                /* an epoch of this life is known to be its own */
    bool streams;              /* several were, in some life */
    bool spoke;                /* any line at all */
    bool begins, processes;    /* it says `began`, `processed` */
    bool hurt;                 /* killed or worse, at some time */
    bool robbed;               /* its disk went back or away, at some time */
    bool done;                 /* its last end */
    bool audited;
};

struct lab_ledger {
    const struct lab_scenario *scenario;
    struct lab_timeline *timeline;
    struct lab_notes notes;
    struct lab_party parties[LAB_PROCESSES_MAX];
    struct lab_verdict so_far; /* with what is repeated and reordered, and its first examples */
    uint64_t open;             /* messages that must be kept and have not ended */
    uint64_t place;            /* processed lines until now */
    unsigned shown;            /* broken promises that became events */
};

struct lab_heard { /* one line */
    struct lab_ledger *ledger;
    uint64_t at_us;
    int process;
    struct lab_party *party;
    uint64_t epoch, sequence, count;
    uint32_t argument; /* a level, flags, or a number */
    bool word;         /* the optional word at its end was there */
    uint64_t fresh;    /* messages for which it was news */
};

/* What a line says of one message, which `note` is for. */
typedef void (*lab_say_fn)(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                           uint64_t sequence);
void lab_say_accepted(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                      uint64_t sequence);
void lab_say_refused(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                     uint64_t sequence);
void lab_say_began(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                   uint64_t sequence);
void lab_say_processed(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                       uint64_t sequence);
void lab_say_settled(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                     uint64_t sequence);
void lab_say_effect(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                    uint64_t sequence);
void lab_say_held(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                  uint64_t sequence);

static inline const char *lab_party_name(const struct lab_ledger *ledger, int process)
{
    return process >= 0 ? ledger->scenario->processes[process].name : "somebody";
}

/* How it ended is known, whatever it was. */
static inline bool lab_note_ended(const struct lab_note *note)
{
    if (note->flags & LAB_ANSWER)
        return note->flags & LAB_SETTLED;
    return note->processed || note->effects || (note->flags & LAB_SETTLED);
}

/* What breaks promise `broken`, in words, if it is the first of its kind. */
void lab_verdict_say(struct lab_verdict *verdict, enum lab_broken broken, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
