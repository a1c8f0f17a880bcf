/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_MAILBOX_H
#define GW_PEER_MAILBOX_H

/* What the application's threads leave for the engine. Guarded by the peer's lock; the engine swaps
 * it for an empty one. The order of batches and transactions is kept, since the sequences of a
 * destination must reach the turn in order; decisions, returns and commands have no order with
 * them. What was acknowledged is left in its inbox (inbox.h), which next has in its hand anyway. */

#include "core/batch.h"
#include "core/core.h"
#include "godwit/error.h"
#include "peer/options.h"
#include "peer/turn.h"
#include "store/store.h"

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

/* A transaction on its way. It lives in the committing thread, which waits for `done`; then the
 * engine has forgotten it. Or nobody waits for it (group.h). */
struct gw_commit {
    uint64_t token;
    struct gw_decision *decisions;
    size_t decision_count;
    struct gw_destination *destinations; /* one per batch */
    struct gw_batch **batches;           /* references pass to the turn when it is submitted */
    size_t batch_count;
    struct gw_write keys;
    uint64_t mark_epoch; /* its first batch, to find it again in a reopened store; 0: none */
    uint64_t mark_last;
    uint64_t joined;      /* transactions that joined it: so many are one (group.h) */
    void (*over)(struct gw_commit *commit); /* nobody waits: how it is freed, with the lock */
    bool submitted;       /* the turn has it: after a failure it may be stored */
    sem_t done; /* told without a lock: where many commit at a time, they would all meet at it */
    godwit_err_t result;
    struct gw_commit *next; /* in the engine's list of the unanswered */
};

/* It has its result: frees whoever waits, or itself; then it is gone. With the peer's lock. */
void gw_commit_done(struct gw_commit *commit);

struct gw_submission { /* one of the two */
    struct gw_batch *batch;
    struct gw_destination destination; /* of the batch */
    struct gw_commit *commit;
};

struct gw_snapshot;

enum gw_command_type {
    GW_COMMAND_BIND,
    GW_COMMAND_DIAL,
    GW_COMMAND_UNDIAL,
    GW_COMMAND_SERVE,
    GW_COMMAND_UNSERVE,
    GW_COMMAND_LOOK,
    GW_COMMAND_POLICY,
    GW_COMMAND_WITHDRAW, /* these three wait for a failed store to be reopened */
    GW_COMMAND_FORFEIT,
    GW_COMMAND_FIND,
    GW_COMMAND_CLOSE
};

struct gw_command { /* lives in the calling thread until done */
    enum gw_command_type type;
    const char *endpoint;
    char bound[256]; /* result of BIND */
    struct godwit_inbox *inbox;
    struct gw_inbox_settings credit;
    struct gw_snapshot *snapshot; /* LOOK: to be filled */
    struct gw_destination destination; /* POLICY */
    struct gw_policy policy;
    uint64_t epoch; /* WITHDRAW, FIND */
    uint64_t sequence;
    struct gw_whereabouts found; /* result of FIND */
    uint64_t now_us;             /* the same */
    const char *member;          /* FORFEIT */
    bool done;
    godwit_err_t result;
    char why[256];
    struct gw_command *next;
};

/* A message refused, or given back undecided, with its own copy of the reason. */
struct gw_rejection {
    struct gw_decision decision; /* .text is NULL here: see gw_reason */
    char why[GW_TEXT_MAX + 1];
};

struct gw_giving_back {
    struct gw_turn_return what; /* .text as above */
    char why[GW_TEXT_MAX + 1];
};

/* Adjacent messages of one offer that were taken out of an inbox's queue. */
struct gw_taken {
    struct gw_range range;
    uint64_t bytes;
    uint64_t epoch;
    uint64_t number;
};

/* Processed messages, neighbours joined. */
struct gw_decided {
    struct gw_decision *items;
    size_t count;
    size_t capacity;
};

struct gw_mailbox {
    struct gw_submission *submissions;
    size_t submission_count;
    size_t submission_capacity;
    struct gw_rejection *rejections;
    size_t rejection_count;
    size_t rejection_capacity;
    struct gw_giving_back *returns;
    size_t return_count;
    size_t return_capacity;
    bool failed; /* no memory for what must not be lost: the turn is to start afresh */
    struct gw_command *commands;
    struct gw_command **commands_end; /* NULL: empty */
};

void gw_mailbox_clear(struct gw_mailbox *mailbox); /* frees; drops batches */
void gw_mailbox_reset(struct gw_mailbox *mailbox); /* empties, keeps the memory */
int gw_mailbox_reserve(struct gw_mailbox *mailbox); /* one submission more cannot fail then */
void gw_mailbox_submit(struct gw_mailbox *mailbox, const struct gw_submission *submission);
/* Refused: of one message. `why` may be NULL, and is copied as gw_reason_copy does. 0 or -ENOMEM,
 * here and below. */
int gw_mailbox_reject(struct gw_mailbox *mailbox, const struct gw_decision *decision,
                      const char *why);
int gw_mailbox_return(struct gw_mailbox *mailbox, const struct gw_turn_return *what,
                      const char *why);
/* Of what was taken out of a queue, untouched. */
struct gw_turn_return gw_release_of(const struct gw_taken *taken);
/* Forgets rejections and returns: the turn that knew their messages is over. */
void gw_mailbox_forget(struct gw_mailbox *mailbox);
void gw_mailbox_command(struct gw_mailbox *mailbox, struct gw_command *command);

/* Joins it to a neighbouring decision if there is one among the last few. 0 or -ENOMEM. */
int gw_decided_add(struct gw_decided *decided, uint64_t epoch, struct gw_range range,
                   uint64_t bytes);
/* The next `more` additions cannot fail. 0 or -ENOMEM. */
int gw_decided_reserve(struct gw_decided *decided, size_t more);
void gw_decided_clear(struct gw_decided *decided); /* frees */

/* A reason as it travels: the first GW_TEXT_MAX bytes, what is not printable ASCII as '?'. NULL is
 * an empty one. Returns its length. */
size_t gw_reason_copy(char to[GW_TEXT_MAX + 1], const char *why);
/* For the core, to which no reason is NULL. */
static inline const char *gw_reason(const char *why)
{
    return why[0] ? why : NULL;
}

#endif
