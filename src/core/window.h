/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_WINDOW_H
#define GW_CORE_WINDOW_H

/* The receiving side of the core's memory: what we serve, what each remote sends us for it, and its
 * epochs.
 *
 *          +------------------------- given back <--NACK, RELEASE--+
 *          | DATA, a new offer                                     |
 *          v                                                       |
 *   new --DATA--> in hand --ack, reject--> deciding --SEAL--> committing --COMMITTED--> decided
 *    |               |  ^                     ^
 *    |               |  +--begun: stays       |
 *    |              SKIP--not begun-----------+ skipped
 *    +--SKIP----------------------------------+ skipped
 *
 * Who changes what: window.c OPEN, DATA and CLOSED; hand.c what is in hand; decide.c and verdict.c
 * decisions; giveback.c returns; skip.c what is asked back; forget.c what memory peers leave;
 * intake.c credit; report.c acknowledgements; remember.c what the store held. */

#include "base/ranges.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/span.h"

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

/* Messages in hand that came in one DATA. */
struct gw_held {
    struct gw_span span;
    uint64_t number; /* of the newest offer of them that arrived: goes back with a return */
    bool again;      /* offered before, or not their first attempt */
};

/* A decision other than processed. */
struct gw_verdict {
    uint64_t sequence;
    uint8_t kind; /* enum gw_exception_kind */
    uint32_t code;
    size_t text_size;
    char text[];
};

/* Given back undecided. */
struct gw_giveback {
    struct gw_span span;
    uint64_t number;
    uint64_t since; /* in the order of returns: its first message's */
    uint64_t age;   /* and its last one's: the oldest is forgotten first */
    uint8_t kind;   /* enum gw_return_kind; CRASHED ones have a row */
    bool unsaid;    /* not told on the present link */
    bool known;     /* its sender has heard of it before what it sends now */
    uint32_t delay_ms;
    size_t text_size;
    char text[];
};

/* What an earlier process was at when it died, of an epoch whose window had no row yet. */
struct gw_orphan {
    struct gw_orphan *next;
    uint64_t epoch;
    uint64_t first;
    uint64_t last;
    uint64_t number;
    bool over;       /* its row goes with the next seal */
    uint64_t sealed; /* turn whose write takes the row away; 0: none yet */
};

struct gw_window {
    uint64_t epoch;
    struct gw_remote *owner;
    struct gw_window *next; /* of the owner, open ones */
    struct gw_window *next_owned, **here_owned; /* of the owner, all */
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
    bool gone;            /* its owner, a memory peer, has ended: goes when nothing is in hand */
    bool forgetting;      /* the seal in flight deletes all its rows */
    struct gw_ranges in_hand;
    struct gw_index held;        /* the same messages, by the DATA that brought them */
    struct gw_ranges handed;     /* of these, begun by a handler: a hint for the sender */
    struct gw_ranges hints;      /* of these, those not yet told on the present link */
    struct gw_ranges deciding;   /* decided, not yet sealed */
    struct gw_ranges committing; /* sealed, not yet durable */
    struct gw_ranges decided;    /* as the store's rows will say after the seal in flight */
    struct gw_ranges unreported; /* durable facts to be said in the next ACK, verdicts as such */
    struct gw_index verdicts;    /* of `deciding` and `decided`: those not processed */
    uint64_t ping_cursor;        /* what the next PING brings again begins here, if they are many */
    struct gw_index returns;     /* given back, until offered again or settled */
    bool returns_unsaid;         /* some of them are */
    size_t recalls;              /* ordered: questions not answered yet, by which messages from */
    uint64_t recalled_from;      /* here on may come back */
    struct gw_ranges crash_rows; /* keys of rows 'h' that the next seal puts right */
    uint64_t deciding_messages, deciding_bytes; /* of those that were in hand */
    uint64_t committing_messages, committing_bytes;
    bool row_stored;
    bool dirty;
    struct gw_window *next_dirty;
    bool committing_any;
    struct gw_window *next_committing;
};

/* window.c: what we receive, from OPEN to the tombstone. */
struct gw_window *gw_window_add(struct gw_core *core, uint64_t epoch, struct gw_remote *owner,
                                const struct gw_destination *destination);
void gw_window_open(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame);
void gw_window_data(struct gw_core *core, struct gw_remote *remote, const struct gw_event *event);
void gw_window_floor(struct gw_core *core, struct gw_remote *remote, const struct gw_floor *floor);
void gw_window_closed(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame);
void gw_window_tell_closed(struct gw_core *core, struct gw_remote *remote, uint64_t epoch);
/* Walks what of [*at, last] is new: not below the floor, decided, being decided or in hand. */
bool gw_window_next_new(const struct gw_window *window, uint64_t *at, uint64_t last,
                        struct gw_range *piece);
void gw_window_link_up(struct gw_core *core, struct gw_remote *remote);
void gw_window_link_down(struct gw_remote *remote);
void gw_window_forget_refused(struct gw_remote *remote);
void gw_window_dirty(struct gw_core *core, struct gw_window *window);
void gw_window_free(struct gw_window *window);
void gw_window_unlink(struct gw_window *window); /* from its owner's list: a tombstone now */

/* hand.c: what is in hand. */
void gw_hand_take(struct gw_core *core, struct gw_window *window, const struct gw_frame *data,
                  struct gw_range piece, uint64_t bytes);
void gw_hand_leave(struct gw_core *core, struct gw_window *window, uint64_t first, uint64_t last);
/* Room for more of it: the messages are neither in hand nor on their way to a decision. */
void gw_hand_free_credit(struct gw_window *window, uint64_t messages, uint64_t bytes);
/* DATA of what is in hand: from now on it is held under that offer. */
void gw_hand_renumber(struct gw_core *core, struct gw_window *window, uint64_t first,
                      uint64_t last, uint64_t number);
/* Asks the application, in one question, for what of the range is in hand, came by the offer
 * `number` (or GW_OFFER_ANY), and has not begun as far as is known. */
void gw_hand_recall(struct gw_core *core, struct gw_window *window, struct gw_range range,
                    uint64_t number, uint8_t purpose, uint32_t code);
/* The lowest such message; 0: none. */
uint64_t gw_hand_lowest(const struct gw_window *window, struct gw_range range, uint64_t number);
void gw_window_handed(struct gw_core *core, const struct gw_event *event);

/* decide.c, verdict.c: decisions, and those other than processed. */
void gw_window_decide(struct gw_core *core, const struct gw_decision *decision);
bool gw_window_may_decide(const struct gw_core *core, const struct gw_decision *decision);
/* Decides [first, last] skipped; `messages` of them, `bytes` long, leave the hand with that. */
void gw_window_decide_skipped(struct gw_core *core, struct gw_window *window,
                              struct gw_range range, uint32_t code, uint64_t messages,
                              uint64_t bytes);
void gw_window_seal(struct gw_core *core, struct gw_window *window);
void gw_window_durable(struct gw_core *core, struct gw_window *window); /* may free it */
void gw_verdict_add(struct gw_core *core, struct gw_window *window, uint64_t sequence,
                    uint8_t kind, uint32_t code, struct gw_slice text);
/* The first at or after `sequence`; NULL: none. */
const struct gw_verdict *gw_verdict_from(const struct gw_window *window, uint64_t sequence);
/* The sequence of the count-th from `sequence` on; UINT64_MAX: there are fewer. */
uint64_t gw_verdicts_reach(const struct gw_window *window, uint64_t sequence, size_t count);
void gw_verdicts_seal(struct gw_core *core, struct gw_window *window, uint64_t first,
                      uint64_t last);
void gw_verdicts_seal_floor(struct gw_core *core, struct gw_window *window);
void gw_verdicts_count(struct gw_core *core, const struct gw_window *window);
void gw_verdicts_forget(struct gw_window *window); /* below the durable floor */

/* giveback.c: what was given back. */
void gw_window_return(struct gw_core *core, const struct gw_event *event);
void gw_giveback_from_hand(struct gw_core *core, struct gw_window *window,
                           const struct gw_return *back, uint64_t bytes);
void gw_giveback_remember(struct gw_core *core, struct gw_window *window,
                          const struct gw_return *back);
void gw_giveback_forget(struct gw_core *core, struct gw_window *window, uint64_t first,
                        uint64_t last);
/* The first one of [first, last]; NULL: none. */
const struct gw_giveback *gw_giveback_find(const struct gw_window *window, uint64_t first,
                                           uint64_t last);
/* The first one of [first, last] that DATA of the offer `number` crossed with; NULL: none. */
const struct gw_giveback *gw_giveback_crossed(const struct gw_window *window, uint64_t first,
                                              uint64_t last, uint64_t number);
void gw_giveback_say_again(struct gw_core *core, struct gw_window *window, uint64_t first,
                           uint64_t last, uint64_t number);
void gw_giveback_say_all(struct gw_window *window); /* a new link knows none */
/* New DATA of [first, last] shows which returns its sender has heard of. */
void gw_giveback_answered(struct gw_window *window, uint64_t first, uint64_t last);
/* Ordered: a lower message was given back, and its sender did not know when it sent this one; or
 * one may be. */
bool gw_giveback_blocks(const struct gw_window *window, uint64_t sequence);
void gw_giveback_seal(struct gw_core *core, struct gw_window *window);

/* skip.c: what its sender wants back. */
void gw_window_skip(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame);
void gw_window_let_go(struct gw_core *core, const struct gw_decision *decision);
void gw_window_recalled(struct gw_core *core, const struct gw_event *event);

/* forget.c: a memory peer has ended: its windows go as soon as nothing of them is in hand. Until
 * the last of them is freed the remote must stay: it has none when remote->windows is NULL. */
void gw_window_owner_gone(struct gw_core *core, struct gw_remote *remote);
void gw_window_forget_if_idle(struct gw_core *core, struct gw_window *window);
bool gw_window_revive(struct gw_window *window); /* OPEN of it; false: it is being forgotten */
bool gw_window_seal_gone(struct gw_core *core, struct gw_window *window);
bool gw_window_durable_gone(struct gw_core *core, struct gw_window *window);

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
/* Facts about [first, last] that the sender evidently misses are said again. */
void gw_window_report_known(struct gw_core *core, struct gw_window *window, uint64_t first,
                            uint64_t last);
/* remember.c: what an earlier open left of the receiving side. */
void gw_window_recover(struct gw_core *core, const struct gw_row *row);
void gw_orphans_adopt(struct gw_core *core, struct gw_window *window);
/* What lies below the floor of its epoch is settled: nobody will be told. False: no row of that is
 * left. */
bool gw_orphans_end(struct gw_core *core, uint64_t epoch, uint64_t floor);
void gw_orphans_seal(struct gw_core *core);
void gw_orphans_free(struct gw_core *core);

#endif
