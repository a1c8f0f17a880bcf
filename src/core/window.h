/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_WINDOW_H
#define GW_CORE_WINDOW_H

/* The receiving side of the core's memory: what we serve, what each remote sends us for it, and its
 * epochs. window.c, intake.c, report.c and remember.c change it. */

#include "base/ranges.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/index.h"

struct gw_core;
struct gw_remote;

/* What one remote sends us for one destination that we serve. */
struct gw_intake {
    struct gw_intake *next; /* of the remote */
    struct gw_local *local;
    uint64_t accepted_messages; /* on the present link, duplicates included */
    uint64_t accepted_bytes;
    uint64_t in_hand_messages; /* also from earlier links */
    uint64_t in_hand_bytes;
    uint64_t told_messages; /* credit given on the present link */
    uint64_t told_bytes;
};

struct gw_refused {
    struct gw_refused *next;
    uint64_t epoch;
    struct gw_intake *intake;
};

struct gw_local { /* a destination that we serve */
    struct gw_local *next;
    struct gw_destination destination;
    bool active;
    uint64_t credit_messages;
    uint64_t credit_bytes;
};

struct gw_window {
    uint64_t epoch;
    struct gw_remote *owner;
    struct gw_window *next; /* of the owner, open ones */
    struct gw_destination destination;
    struct gw_intake *intake; /* NULL until the destination is served here */
    uint64_t floor;
    uint64_t floor_stored;  /* in its row, once the seal in flight is done */
    uint64_t floor_durable; /* what an ACK may say */
    uint64_t last;        /* highest sequence heard of */
    uint64_t opened_link; /* the link on which OPEN was received */
    bool closed;          /* all settled: a tombstone */
    bool closing;         /* its row is to be written */
    bool closing_sealed;  /* and is in the seal in flight */
    bool ordered;         /* its sender wants them handed over in order */
    bool gone;            /* its owner, a memory peer, has ended: forgotten once nothing is in hand */
    struct gw_ranges in_hand;
    struct gw_ranges handed;     /* of these, begun by a handler: a hint for the sender */
    struct gw_ranges deciding;   /* decided, not yet sealed */
    struct gw_ranges committing; /* sealed, not yet durable */
    struct gw_ranges decided;    /* as the store's rows will say after the seal in flight */
    struct gw_ranges unreported; /* durable facts to be said in the next ACK */
    struct gw_index exceptions;  /* of `deciding` and `decided`: those not processed */
    struct gw_index returns;     /* given back, until offered again or settled */
    uint64_t deciding_messages, deciding_bytes;
    uint64_t committing_messages, committing_bytes;
    bool row_stored;
    bool dirty;
    struct gw_window *next_dirty;
    bool committing_any;
    struct gw_window *next_committing;
};

/* window.c: what we receive, until it is decided. */
struct gw_window *gw_window_get(struct gw_core *core, uint64_t epoch, struct gw_remote *owner,
                                const struct gw_destination *destination);
void gw_window_open(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame);
void gw_window_data(struct gw_core *core, struct gw_remote *remote, const struct gw_event *event);
void gw_window_floor(struct gw_core *core, struct gw_remote *remote, const struct gw_floor *floor);
void gw_window_closed(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame);
void gw_window_decide(struct gw_core *core, const struct gw_decision *decision);
void gw_window_handed(struct gw_core *core, const struct gw_event *event);
void gw_window_return(struct gw_core *core, const struct gw_event *event);
void gw_window_recalled(struct gw_core *core, const struct gw_event *event);
void gw_window_skip(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame);
/* A memory peer has ended: its windows go as soon as nothing of them is in hand. */
void gw_window_owner_gone(struct gw_core *core, struct gw_remote *remote);
void gw_window_link_up(struct gw_core *core, struct gw_remote *remote);
void gw_window_link_down(struct gw_remote *remote);
void gw_window_forget_refused(struct gw_remote *remote);
void gw_window_dirty(struct gw_core *core, struct gw_window *window);
void gw_window_seal(struct gw_core *core, struct gw_window *window);
void gw_window_durable(struct gw_core *core, struct gw_window *window);
void gw_window_free(struct gw_window *window);
void gw_window_unlink(struct gw_window *window); /* from its owner's list: a tombstone now */

/* intake.c: what is served here, and the credit given for it. */
void gw_intake_serve(struct gw_core *core, const struct gw_event *event, bool active);
struct gw_intake *gw_intake_get(struct gw_core *core, struct gw_remote *remote,
                                const struct gw_destination *destination);
void gw_intake_give_credit(struct gw_intake *intake);
void gw_intake_send_serves(struct gw_core *core, struct gw_remote *remote);

/* report.c: what is acknowledged. */
void gw_window_flush(struct gw_core *core, struct gw_remote *remote);
void gw_window_pinged(struct gw_core *core, struct gw_remote *remote);
void gw_window_report_all(struct gw_core *core, struct gw_remote *remote);
void gw_window_report_floor(struct gw_core *core, struct gw_window *window);


/* remember.c: what an earlier open left of the receiving side. */
void gw_window_recover(struct gw_core *core, const struct gw_row *row);
void gw_window_recovered(struct gw_core *core); /* all rows are in */

#endif
