/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_MAILBOX_H
#define GW_PEER_MAILBOX_H

/* What the application's threads leave for the engine. Guarded by the peer's lock; the engine swaps
 * it for an empty one. The order of batches and transactions is kept, since the sequences of a
 * destination must reach the turn in order; decisions and commands have no order with them. */

#include "core/batch.h"
#include "core/event.h"
#include "godwit/error.h"
#include "peer/options.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

/* A transaction on its way. It lives in the committing thread, which waits until `done`; then the
 * engine has forgotten it. */
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
    bool submitted;       /* the turn has it: after a failure it may be stored */
    bool done;
    godwit_err_t result;
    struct gw_commit *next; /* in the engine's list of the unanswered */
};

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
    GW_COMMAND_CLOSE
};

struct gw_command { /* lives in the calling thread until done */
    enum gw_command_type type;
    const char *endpoint;
    char bound[256]; /* result of BIND */
    struct godwit_inbox *inbox;
    struct gw_inbox_settings credit;
    struct gw_snapshot *snapshot; /* LOOK: to be filled */
    bool done;
    godwit_err_t result;
    char why[256];
    struct gw_command *next;
};

struct gw_mailbox {
    struct gw_submission *submissions;
    size_t submission_count;
    size_t submission_capacity;
    struct gw_decision *decisions;
    size_t decision_count;
    size_t decision_capacity;
    struct gw_command *commands;
    struct gw_command **commands_end; /* NULL: empty */
};

void gw_mailbox_clear(struct gw_mailbox *mailbox); /* frees; drops batches */
void gw_mailbox_reset(struct gw_mailbox *mailbox); /* empties, keeps the memory */
int gw_mailbox_reserve(struct gw_mailbox *mailbox); /* one submission more cannot fail then */
void gw_mailbox_submit(struct gw_mailbox *mailbox, const struct gw_submission *submission);
/* Joins it to a neighbouring decision if there is one among the last few. 0 or -ENOMEM. */
int gw_mailbox_decide(struct gw_mailbox *mailbox, uint64_t epoch, uint64_t sequence,
                      uint64_t bytes);
void gw_mailbox_command(struct gw_mailbox *mailbox, struct gw_command *command);

#endif
