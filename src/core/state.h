/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_STATE_H
#define GW_CORE_STATE_H

/* Length: all that the core remembers, and what its files give each other, on one page.
 *
 * The core's memory: what it knows of connections, other peers, streams it sends and windows it
 * receives.
 *
 *   remote ── link (one at a time) ── conn
 *     ├─ members: destinations it serves ─────┐
 *     ├─ intakes: what it sends us, per destination we serve
 *     └─ windows: its epochs, at our side     │
 *   target (a destination we send to) ── streams (one per epoch) ── runs, each of one member
 *
 * Who changes what: link.c links and connections; stream.c, dispatch.c, run.c, retry.c, withdraw.c,
 * failover.c and settle.c the sending side; window.h says it of the receiving side; seal.c the way
 * to the store and back. */

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/random.h"
#include "base/ranges.h"
#include "core/core.h"
#include "core/index.h"
#include "core/window.h"

/* Tables grow with what is in them, up to these. What happens there: a connection beyond takes the
 * place of the one without a link that was silent for longest, or is not heard where all have one;
 * a peer beyond is refused, BUSY; a destination beyond is not known to be served, and the shell
 * refuses to send to it before (GW_TAIL_DESTINATIONS_MAX). */
#define GW_CONNS_MAX   16384 /* connections, dialled and accepted; fewer than the net takes */
#define GW_REMOTES_MAX 32768 /* other peers ever met or remembered */
#define GW_TARGETS_MAX 32768 /* destinations sent to or announced */

/* Of newcomers gw_member.chosen is below: they wait for longest, the last one before the others. */
#define GW_NEWCOMERS (UINT64_C(1) << 62)

struct gw_link {
    uint64_t id; /* 0: down */
    uint64_t conn;
    bool dialled;  /* by us */
    bool alive;    /* the remote spoke on it: its process is no earlier one, long dead */
    bool complete; /* the remote has told all that it knew: DATA may flow */
    uint64_t up_us;
    uint64_t heard_us;
    uint64_t ping_due_us;
    uint64_t probe_due_us; /* GW_NEVER: nothing overdue */
    unsigned probe_backoff;
    uint64_t ping_time_us; /* of the oldest PING that is not answered; 0: none */
    uint64_t ping_frames;  /* frames sent before it */
    uint64_t srtt_us;      /* RFC 6298; 0: no sample yet */
    uint64_t rttvar_us;
    uint64_t frames_sent; /* on this link, those that a PING counts */
    uint64_t frames_received;
    uint64_t floors_cursor; /* where the next PING's list of floors begins */
};

struct gw_conn {
    uint64_t id;
    bool dialled;
    uint64_t link;               /* the current link id; 0: none */
    uint64_t adopted;            /* dialler: its last link id, which is adopted only once */
    uint64_t offered;            /* acceptor: link id of the last WELCOME; 0: none */
    struct gw_remote *remote;    /* who is there, once it said so */
    struct gw_conn *next_of_remote, **here_of_remote;
    struct gw_identity *identity; /* of the last HELLO; NULL: none since its last link */
    struct gw_heap_place timer;  /* HELLO, if dialled, or STRANGER: see enum gw_timer */
    unsigned hello_tries;
    bool hello_sent; /* since its last link: a WELCOME may come */
    bool leaving;    /* the last BYE was said here and not answered yet */
};

/* A remote that serves one destination. */
struct gw_member {
    struct gw_member *next_in_target, **here_in_target;
    struct gw_member *next_in_remote, **here_in_remote;
    struct gw_remote *remote;
    struct gw_target *target;
    bool serving;              /* said so on the present link */
    bool live;                 /* counted in target->live */
    uint64_t granted_messages; /* absolute on the present link */
    uint64_t granted_bytes;
    uint64_t used_messages;
    uint64_t used_bytes;
    uint64_t outstanding;       /* messages assigned and not settled, whatever the link */
    uint64_t chosen;            /* when it was last given work: ties go to who waited longest */
    struct gw_heap_place ready; /* see ready.c */
    bool starved;               /* counted in target->starved */
    struct gw_member *next_touched, **here_touched;
    struct gw_run *alone;       /* a message that crashed its handler: nothing else goes there */
    struct gw_stream *reserved; /* kept free for such a one of this stream */
    bool forfeited;             /* failover has moved on from it, until its next link */
    struct gw_run *unsent_head; /* durable runs waiting for the link or for credit, FIFO */
    struct gw_run *unsent_tail;
    struct gw_member *next_with_unsent, **here_with_unsent;
};

struct gw_remote {
    struct gw_remote *next, **here;
    struct gw_remote *next_same_hash;
    char name[GW_NAME_MAX + 1];
    struct gw_identity identity; /* of the last link */
    uint64_t process; /* the last one that spoke on a link; 0: none did */
    bool process_memory;
    bool passing; /* no more than its HELLO is known: forgotten with its last connection */
    bool gone;    /* a memory peer whose process has ended */
    bool ended;   /* one of that name has, in this open: others of that name may live on */
    uint64_t down_us; /* since when it has no link; meaningless while it has one */
    struct gw_conn *conns; /* whose `remote` it is */
    struct gw_link link;
    struct gw_heap_place timer; /* LINK, while it has one, or AWAY: see enum gw_timer */
    uint64_t offer_conn;        /* the connection of the last WELCOME (rule 3a) */
    uint64_t proof_due_us;      /* an incumbent asked to prove that it lives; 0: not */
    struct gw_member *members;
    struct gw_member **by_serve; /* index in its last SERVE -> member */
    size_t serve_count;
    struct gw_intake *intakes;
    struct gw_window *windows; /* open ones */
    struct gw_window *owned;   /* all, tombstones too */
    size_t window_count;
    struct gw_offer *offers;   /* of our streams */
    uint64_t *closed;          /* epochs whose tombstone is durable and to be told */
    size_t closed_count;
    struct gw_refused *refused;  /* epochs refused on this link: their DATA still costs credit */
    bool in_ack_list; /* an ACK is due at the end of the step */
    struct gw_remote *next_ack;
};

struct gw_target { /* a destination we send to, or one that somebody serves */
    struct gw_target *next, **here;
    struct gw_target *next_same_hash;
    struct gw_destination destination;
    struct gw_stream *streams; /* oldest first */
    struct gw_member *members;
    struct gw_member *unsent; /* those with durable runs that have not left */
    struct gw_heap ready;     /* those that can be given work, the least loaded first */
    uint64_t ready_load;      /* what they hold together */
    size_t starved;           /* those that only lack credit */
    struct gw_member *touched; /* of which both is to be found out again */
    size_t live;     /* members with a link */
    size_t reserved; /* members that are kept free for a message to be offered alone */
    struct gw_policy policy;
    bool has_policy;   /* said by the application: kept while nobody serves it, too */
    bool abandoned;    /* replies to a memory peer that has ended: all of it ends */
    struct gw_heap_place timer; /* TARGET: something of it wants to be looked at again */
    bool dispatch_due;
    bool send_due; /* and then, what is unsent may leave */
    struct gw_target *next_dispatch;
};

/* Messages of one batch assigned to one member: the unit of dispatch. */
struct gw_run {
    uint64_t first;
    uint64_t last;
    struct gw_stream *stream;
    struct gw_offer *offer;
    struct gw_member *member;
    uint64_t left;         /* unsettled messages */
    uint64_t turn;         /* the turn that stores the assignment */
    uint64_t charged_link; /* the link whose credit it took in full when it was assigned */
    uint64_t cursor;       /* the next sequence to send on the present link */
    uint64_t number;       /* of the offer: unique for ever, see gw_run_number */
    uint64_t attempt;      /* of its messages: 1 and up */
    uint64_t offered_us;   /* by this open; 0: not yet */
    bool maybe_duplicate;  /* forfeited by another member */
    bool recalling;        /* its deadline is over: SKIP asks it back */
    bool changed;          /* its row is to be written again */
    bool sent;             /* offered before, on any link or by an earlier open */
    uint64_t first_link;   /* where it was first offered by this open; 0: by an earlier one */
    bool queued;           /* in the member's unsent list */
    struct gw_run *next_unsent;
};

/* A member that was ever offered something of a stream (design section 4: CLOSED goes to each). */
struct gw_offer {
    struct gw_offer *next, **here;
    struct gw_offer *next_of_remote, **here_of_remote;
    struct gw_stream *stream;
    struct gw_remote *remote;
    bool known;            /* it has decided something here: the epoch is not fresh to it */
    uint64_t known_process; /* the last one heard to have: a memory peer's next one knows nothing */
    bool dirty;            /* its row is to be written */
    struct gw_offer *next_dirty;
    bool removed;          /* CLOSED is confirmed: its row is to be deleted */
    struct gw_index runs;  /* what the member has of the stream */
    uint64_t opened_link;  /* where OPEN was sent */
    uint64_t refused_link; /* where it refused the epoch: no DATA on that link */
    uint64_t in_hand_link; /* where in_hand was told */
    struct gw_ranges in_hand;
    struct gw_ranges handed;    /* begun by a handler there: a hint */
    struct gw_ranges forfeited; /* moved on without its word: its decision counts all the same */
    struct gw_index lost;       /* the same, each under the number of the offer that was lost */
};

struct gw_lost {
    struct gw_span span;
    uint64_t number;
};

/* What is known of one message beyond where it is: failed attempts, or that it is wanted back. */
struct gw_story {
    uint64_t sequence;
    uint64_t attempts;   /* begun, the next one included */
    uint64_t due_us;     /* not offered before; 0: any time */
    uint64_t first_ms;   /* wall clock of the first failure, for people */
    uint64_t last_ms;
    uint32_t code;       /* death: the handler's */
    uint8_t death;       /* enum gw_death: to be buried; 0: not */
    uint32_t withdrawal; /* enum gw_withdrawal: wanted back for good; 0: not */
    bool alone;          /* its last attempt ended with the process: offered alone */
    bool dirty;          /* its row is to be written */
    bool stored;         /* it has a row */
    bool buried;         /* the seal in flight makes it a dead letter */
    bool over;           /* settled: freed once that is durable */
    char *text;          /* of the last failure; NULL: none */
    char member[GW_NAME_MAX + 1]; /* where that was; "": not known */
};

struct gw_ending { /* messages that ended otherwise than by being processed */
    uint64_t first;
    uint64_t last;
    uint64_t bytes; /* DEAD: of the one message */
    uint8_t how;    /* enum gw_outcome */
    bool sealed;
    bool doubtful;  /* a former member may have processed them */
};

struct gw_stream {
    uint64_t epoch;
    struct gw_target *target;
    struct gw_stream *next;   /* newer stream of the same target */
    bool old;                 /* of an earlier open, or retired: drains, never continues */
    uint64_t opens;           /* number of the open that drew it */
    uint64_t last;            /* assigned by the tail */
    uint64_t stored;          /* durable */
    uint64_t next_unassigned; /* everything from here on has never been offered */
    struct gw_index batches;  /* descriptors in memory: not all, and never those wholly settled */
    struct gw_index runs;
    struct gw_ranges settled;    /* as the store's rows will say after the seal in flight */
    struct gw_ranges settling;   /* known, not yet sealed */
    struct gw_ranges committing; /* sealed, not yet durable */
    struct gw_ranges waiting;    /* offered or skipped over before, with nobody now, unsettled */
    struct gw_index stories;     /* of unsettled messages, by sequence */
    size_t dying;                /* stories that wait to be buried */
    size_t wanted;               /* stories that are wanted back */
    struct gw_index endings;     /* of settling and committing: those that were not processed */
    bool ordered;
    struct gw_ranges doubtful;   /* of waiting: forfeited, so that another may process it too */
    bool came_back;              /* its row is to say how far messages were offered */
    struct gw_ranges cut;        /* first sequences of assignment rows to be deleted */
    bool runs_changed;           /* some run's row is to be written again */
    bool stories_dirty;
    bool stories_over;
    bool recalls;                /* some run was asked back */
    bool idle_told;
    uint64_t floor;              /* of `settled` */
    uint64_t floor_published;    /* durable: what may be said */
    uint64_t floor_stored;       /* in the stream's row */
    uint64_t released_messages;  /* batches deleted by the seal in flight */
    uint64_t released_bytes;
    bool row_stored;
    bool dirty;
    struct gw_stream *next_dirty;
    bool committing_any; /* the seal in flight touches it */
    struct gw_stream *next_committing;
    uint64_t unoffered_bytes; /* in memory, of batches never offered */
    bool loading;
    uint64_t load_from;
    uint64_t sweep;      /* settled batches from here .. */
    uint64_t sweep_upto; /* .. to here were not in memory: read, then delete them; 0: none */
    struct gw_ranges gone; /* batches deleted, while a read under way may still bring them */
    bool swept;          /* a sweep brought batches in: the next seal deletes the settled ones */
    bool stalled;        /* at W */
    uint64_t too_large;  /* the highest message that was told to be; 0: none */
    bool ending;         /* the seal in flight deletes its row */
    struct gw_offer *offers;
    struct gw_offer *dirty_offers; /* of these, those whose rows are to be written or deleted */
    bool gone_offers; /* some may be of a memory peer that has ended */
    bool forfeits;    /* some may have forfeited messages */
};

struct gw_pending_batch {
    struct gw_stream *stream;
    struct gw_batch *batch;
};

/* Things that gather for a seal and are acted on at its commit: one list fills while the other is
 * in flight. */
struct gw_pile {
    struct gw_pending_batch *batches;
    size_t batch_count, batch_capacity;
    struct gw_batch **held; /* read by the write in flight, needed no more */
    size_t held_count, held_capacity;
    struct gw_run **runs;
    size_t run_count, run_capacity;
    uint64_t *tokens;
    size_t token_count, token_capacity;
};

/* What waits for its time. No tick looks at what is not due: a hub has thousands of links. Those
 * that are due in one tick are looked at in this order, and of each kind by their time. */
enum gw_timer {
    GW_TIMER_HELLO,    /* a dialled connection: HELLO is to be said. None: it has a link, or stands
                          back since the remote has another */
    GW_TIMER_LINK,     /* a remote that has a link: PING, a probe, or its silence ends it */
    GW_TIMER_STRANGER, /* an accepted connection without a link: nothing came of it */
    GW_TIMER_AWAY,     /* a memory peer without a link: it has ended; then: it may be forgotten */
    GW_TIMER_TARGET,   /* see policy.c */
    GW_TIMERS
};

struct gw_core {
    struct gw_core_options options;
    uint64_t now_us;
    struct gw_effects *out; /* of the present step */
    bool failed;            /* out of memory in the present step */
    bool started;           /* recovery is complete */
    bool closed;            /* BYE was said everywhere: no new links */
    struct gw_random random;
    uint64_t entropy; /* of the present event */
    uint64_t wall_ms; /* of the present event; decides nothing */
    uint64_t runs_made; /* in this open: the lower half of offer numbers, see run.c */
    uint64_t outcomes;  /* number of the last outcome row given */
    uint64_t outcomes_sealed; /* of these, in the write in flight or before */
    uint64_t outcomes_told;

    struct gw_heap timers[GW_TIMERS];
    uint64_t timers_set; /* counts, so that timers of one moment come as they were set */
    struct gw_map conns;
    size_t leaving; /* of them */
    struct gw_map remotes; /* by hash of the name */
    struct gw_remote *remote_list;
    size_t remote_count;
    struct gw_target *targets;
    struct gw_map targets_by; /* hash of the destination */
    size_t target_count;
    struct gw_local *locals;
    struct gw_map streams; /* by epoch */
    struct gw_map windows; /* by epoch; tombstones too */
    struct gw_orphan *orphans; /* crashes of epochs that have no window yet */
    uint64_t givebacks;        /* a clock for gw_giveback.age */

    uint64_t turn;      /* being filled */
    uint64_t sealed;    /* in flight; 0: none */
    uint64_t committed; /* the last durable one */
    bool urgent;        /* something waits for the next seal */
    uint64_t lazy_due_us;
    struct gw_pile filling;
    struct gw_pile flying;
    struct gw_op *ops;
    size_t op_count, op_capacity;
    struct gw_stream *dirty_streams, *committing_streams;
    struct gw_window *dirty_windows, *committing_windows;

    struct gw_batch *oldest_body, *newest_body; /* batches whose bodies are in memory */
    uint64_t body_bytes;

    struct gw_target *dispatch_list;
    struct gw_remote *ack_list;
    uint64_t choices; /* a clock for gw_member.chosen, from GW_NEWCOMERS on */
    uint64_t members_made;
    uint64_t looks; /* see gw_core_looks */
    uint64_t wake_us; /* no timer is due before */
    uint64_t ticked_us; /* when timers were last looked at */
    uint64_t counters[GW_COUNTER_COUNT];
    struct gw_frame nowhere; /* what is written when there is no memory; the step then fails */
};

/* Credit of a member that is left on its present link. */
static inline uint64_t gw_credit_messages(const struct gw_member *member)
{
    return member->granted_messages > member->used_messages
               ? member->granted_messages - member->used_messages
               : 0;
}
static inline uint64_t gw_credit_bytes(const struct gw_member *member)
{
    return member->granted_bytes > member->used_bytes ? member->granted_bytes - member->used_bytes
                                                      : 0;
}
static inline uint64_t gw_at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t gw_at_least(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* core.c: small things that every part needs. A failed allocation marks the core (gw_fail) and the
 * step ends -ENOMEM. */
void gw_fail(struct gw_core *core);
void *gw_allocate(struct gw_core *core, size_t size); /* zeroed; NULL: gw_fail was called */
static inline void gw_check(struct gw_core *core, int result)
{
    if (result)
        gw_fail(core);
}
static inline void gw_count(struct gw_core *core, enum gw_counter counter, uint64_t n)
{
    core->counters[counter] += n;
}

void gw_note(struct gw_core *core, enum gw_note note, const char *peer, uint64_t a, uint64_t b);
struct gw_frame *gw_send_frame(struct gw_core *core, uint64_t conn, enum gw_frame_type type,
                               uint64_t link);
void gw_dispatch_later(struct gw_core *core, struct gw_target *target);
void gw_ack_later(struct gw_core *core, struct gw_remote *remote);
void gw_commit_now(struct gw_core *core);
void gw_commit_lazily(struct gw_core *core);

/* timer.c: when to look again. A timer is set anew, earlier or later; GW_NEVER: it is not set. */
void gw_timer_set(struct gw_core *core, enum gw_timer kind, struct gw_heap_place *timer,
                  uint64_t due_us);
void gw_timer_tick(struct gw_core *core);
void gw_wake_at(struct gw_core *core, uint64_t time_us); /* a tick, whatever is due by then */

/* book.c: who and what is known by name. Those that get make what is not there yet; NULL: no room,
 * or no memory (then gw_fail was called). */
struct gw_remote *gw_remote_find(const struct gw_core *core, const char *name);
struct gw_remote *gw_remote_get(struct gw_core *core, const char *name);
void gw_remote_forget(struct gw_core *core, struct gw_remote *remote); /* nothing hangs on it */
void gw_remote_free(struct gw_remote *remote);                         /* memory only */
struct gw_target *gw_target_find(const struct gw_core *core,
                                 const struct gw_destination *destination);
/* Replies to a peer of which nothing is known any more: its requests ended with it. */
bool gw_is_for_nobody(const struct gw_core *core, const struct gw_destination *destination);
struct gw_target *gw_target_get(struct gw_core *core, const struct gw_destination *destination);
void gw_target_forget(struct gw_core *core, struct gw_target *target); /* it has no members */
struct gw_member *gw_member_get(struct gw_core *core, struct gw_remote *remote,
                                struct gw_target *target);
void gw_member_forget(struct gw_member *member);
/* Keeps it free for a message of the stream; NULL: no more. */
void gw_member_reserve(struct gw_member *member, struct gw_stream *stream);

/* link.c: connections, handshake, liveness. */
void gw_link_dial(struct gw_core *core, uint64_t conn);
void gw_link_undial(struct gw_core *core, uint64_t conn);
void gw_link_lost(struct gw_core *core, uint64_t conn);
void gw_link_malformed(struct gw_core *core, uint64_t conn);
void gw_link_corrupt(struct gw_core *core, uint64_t conn, uint64_t link);
void gw_link_frame(struct gw_core *core, const struct gw_event *event);
uint64_t gw_link_due_us(const struct gw_core *core, const struct gw_remote *remote); /* linked */
void gw_link_retime(struct gw_core *core, struct gw_remote *remote); /* one of its times changed */
void gw_link_due(struct gw_core *core, struct gw_remote *remote);
void gw_conn_free(struct gw_conn *conn); /* memory only */
void gw_conn_hello_due(struct gw_core *core, struct gw_conn *conn);
void gw_conn_unused_due(struct gw_core *core, struct gw_conn *conn);
void gw_link_close_all(struct gw_core *core);
void gw_link_down(struct gw_core *core, struct gw_remote *remote, enum gw_down why); /* it is up */
void gw_link_violation(struct gw_core *core, struct gw_remote *remote, uint8_t frame_type);
void gw_link_data_sent(struct gw_core *core, struct gw_remote *remote);
void gw_link_frame_sent(struct gw_core *core, uint64_t conn, uint8_t type);

/* stream.c: what we send, until it is settled. */
struct gw_stream *gw_stream_get(struct gw_core *core, uint64_t epoch,
                                const struct gw_destination *destination);
void gw_stream_submit(struct gw_core *core, const struct gw_destination *destination,
                      struct gw_batch *batch);
void gw_stream_sweep(struct gw_core *core, struct gw_stream *stream, uint64_t first, uint64_t last);
void gw_stream_ack(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame);
void gw_stream_refused(struct gw_core *core, struct gw_remote *remote, uint64_t epoch);
void gw_stream_loaded(struct gw_core *core, uint64_t epoch, struct gw_batch *const *batches,
                      size_t count);
void gw_stream_request_load(struct gw_core *core, struct gw_stream *stream, uint64_t from);
struct gw_batch *gw_stream_batch(const struct gw_stream *stream, uint64_t sequence);
void gw_stream_dirty(struct gw_core *core, struct gw_stream *stream);
void gw_stream_try_close(struct gw_core *core, struct gw_stream *stream);
void gw_stream_link_up(struct gw_core *core, struct gw_remote *remote);
void gw_stream_link_down(struct gw_core *core, struct gw_remote *remote);
void gw_stream_served(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame);
void gw_stream_void(struct gw_core *core, const struct gw_destination *destination,
                    struct gw_batch *batch);
void gw_stream_forget_unoffered(struct gw_stream *stream, const struct gw_batch *batch);
void gw_stream_skip(struct gw_stream *stream, uint64_t upto); /* nothing below is unassigned */
void gw_stream_hand_back(struct gw_core *core, struct gw_batch *batch);
void gw_stream_forget_gone(struct gw_stream *stream);
void gw_stream_retire(struct gw_core *core, uint64_t epoch);
size_t gw_stream_floors(struct gw_remote *remote, struct gw_floor *floors, size_t most);
void gw_member_changed(struct gw_core *core, struct gw_member *member); /* serving, or its link */
bool gw_target_forget_idle(struct gw_core *core, struct gw_target *target); /* true: it is gone */
void gw_stream_repeat_closed(struct gw_core *core, struct gw_remote *remote);
void gw_stream_free(struct gw_core *core, struct gw_stream *stream); /* memory only */

/* offer.c: which members were offered something of a stream. */
struct gw_offer *gw_offer_get(struct gw_core *core, struct gw_stream *stream,
                              struct gw_remote *remote); /* makes it; NULL: out of memory */
struct gw_offer *gw_offer_find(const struct gw_stream *stream, const struct gw_remote *remote);
void gw_offer_recover(struct gw_core *core, struct gw_stream *stream, const struct gw_row *row);
void gw_offer_dirty(struct gw_core *core, struct gw_offer *offer);
void gw_offer_remove(struct gw_core *core, struct gw_offer *offer); /* CLOSED is confirmed */
/* Names the epoch on the member's link, if that was not done. False: refused there. */
bool gw_offer_open(struct gw_core *core, struct gw_stream *stream, struct gw_remote *remote);
void gw_offers_gone(struct gw_core *core, struct gw_remote *remote); /* it confirms nothing more */
/* How many messages the member has in hand although they were forfeited there, as far as is known:
 * it came back with them. A suspect: one that crashed its handler, and is to be alone. */
uint64_t gw_offers_kept(const struct gw_member *member);
bool gw_offers_keep_suspect(const struct gw_member *member);
void gw_offers_seal(struct gw_core *core, struct gw_stream *stream);
void gw_offer_free(struct gw_offer *offer); /* memory only */

/* settle.c: how messages end. */
uint8_t gw_stream_ending(const struct gw_stream *stream, uint64_t sequence); /* enum gw_outcome */
void gw_stream_settle(struct gw_core *core, struct gw_stream *stream, struct gw_offer *offer,
                      uint64_t first, uint64_t last);
void gw_stream_end(struct gw_core *core, struct gw_stream *stream, uint64_t first, uint64_t last,
                   enum gw_outcome how, uint64_t bytes);
/* Of those that have just been abandoned: they may have been processed all the same. */
void gw_stream_doubt(struct gw_stream *stream, uint64_t first, uint64_t last);
bool gw_is_open(const struct gw_stream *stream, uint64_t sequence); /* unsettled, as far as known */
/* Walks the open pieces of [*at, last]. What it has passed may be settled meanwhile. */
bool gw_open_next(const struct gw_stream *stream, uint64_t *at, uint64_t last,
                  struct gw_range *piece);
uint64_t gw_open_count(const struct gw_stream *stream, uint64_t first, uint64_t last);
bool gw_is_doubtful(const struct gw_stream *stream, uint64_t sequence);
void gw_stream_seal(struct gw_core *core, struct gw_stream *stream);
void gw_stream_durable(struct gw_core *core, struct gw_stream *stream);

/* run.c: who has what. */
struct gw_run *gw_run_at(const struct gw_stream *stream, uint64_t sequence);
struct gw_run *gw_run_of_at(const struct gw_stream *stream, const struct gw_remote *remote,
                            uint64_t sequence);
/* Who has `sequence`, NULL: nobody; *last becomes the last one, not above itself, of which the
 * same is true. */
struct gw_run *gw_run_until(const struct gw_stream *stream, uint64_t sequence, uint64_t *last);
struct gw_run *gw_run_new(struct gw_core *core, struct gw_stream *stream, struct gw_member *member,
                          uint64_t first, uint64_t last);
struct gw_run *gw_run_recover(struct gw_core *core, struct gw_stream *stream,
                              struct gw_member *member, const struct gw_row *row);
/* Makes one of a member's runs, other than `but`, the one that is alone there, if it has to be. */
void gw_run_find_alone(struct gw_member *member, const struct gw_run *but);
void gw_run_count(struct gw_run *run); /* what is left of a recovered one */
void gw_run_cut(struct gw_core *core, struct gw_run *run, uint64_t first, uint64_t last);
/* Moves on to `upto`; what is passed over was paid for and will not be sent on this link: its
 * credit comes back. */
void gw_run_pass(struct gw_run *run, uint64_t upto);
void gw_run_pay(struct gw_run *run, const struct gw_batch *batch, uint64_t first, uint64_t count);
void gw_run_drop(struct gw_core *core, struct gw_run *run, size_t at);
void gw_run_write(struct gw_core *core, const struct gw_run *run);
void gw_run_seal_cuts(struct gw_core *core, struct gw_stream *stream);
void gw_run_seal_changed(struct gw_core *core, struct gw_stream *stream);

/* bodies.c: which bytes stay in memory. */
void gw_bodies_add(struct gw_core *core, struct gw_batch *batch); /* it has one, and is new here */
void gw_bodies_remove(struct gw_core *core, struct gw_batch *batch);
void gw_bodies_trim(struct gw_core *core);

/* ready.c: who can be given work. */
static inline void gw_member_touch(struct gw_member *member) /* its load, credit or state changes */
{
    if (!member->here_touched)
        gw_list_push(&member->target->touched, member, next_touched, here_touched);
}
bool gw_member_is_free(const struct gw_member *member);
void gw_ready_refresh(struct gw_core *core, struct gw_target *target);
struct gw_member *gw_ready_first(const struct gw_target *target); /* the least loaded; NULL: none */
void gw_ready_leave(struct gw_member *member); /* it is forgotten */
void gw_ready_pass(struct gw_member *member); /* it is not ready, until the next refresh */

/* dispatch.c: which message goes to which member. */
void gw_dispatch(struct gw_core *core, struct gw_target *target);
/* The message is larger than that peer takes, and waits; told once. */
void gw_dispatch_too_large(struct gw_core *core, struct gw_stream *stream, uint64_t sequence,
                           const struct gw_remote *remote);

/* unsent.c: when its bytes leave. */
void gw_unsent_durable(struct gw_core *core, struct gw_run *run); /* its assignment is */
void gw_unsent_send(struct gw_core *core, struct gw_member *member); /* as far as credit goes */
void gw_unsent_send_all(struct gw_core *core, struct gw_target *target);
/* The member refuses the stream on its link: what waits of it goes nowhere until the next. */
void gw_unsent_refused(struct gw_core *core, struct gw_stream *stream, struct gw_remote *remote);
/* A new link: everything assigned to the member, durable and not settled, is to be sent on it.
 * Nothing of the member may be in its list: the end of its last link has emptied it. */
void gw_unsent_requeue(struct gw_core *core, struct gw_member *member);
void gw_unsent_remove(struct gw_member *member, struct gw_run *run); /* if it is in the list */
/* `run` is the part of a queued one that was cut off behind `before`. */
void gw_unsent_insert_after(struct gw_member *member, struct gw_run *run, struct gw_run *before);

/* retry.c: messages that came back undecided, their attempts, and dead letters. */
struct gw_story *gw_story_find(const struct gw_stream *stream, uint64_t sequence);
struct gw_story *gw_story_from(const struct gw_stream *stream, uint64_t first, uint64_t last);
struct gw_story *gw_story_get(struct gw_core *core, struct gw_stream *stream, uint64_t sequence);
void gw_story_free(struct gw_story *story);
void gw_story_recover(struct gw_core *core, struct gw_stream *stream, const struct gw_row *row);
void gw_retry_returns(struct gw_core *core, struct gw_offer *offer, struct gw_stream *stream,
                      const struct gw_ack_epoch *entry);
void gw_retry_exceptions(struct gw_core *core, struct gw_offer *offer, struct gw_stream *stream,
                         const struct gw_ack_epoch *entry);
void gw_retry_reported(struct gw_core *core, struct gw_member *member);
void gw_retry_renewed(struct gw_core *core, struct gw_member *member);
bool gw_retry_is_over(struct gw_core *core, struct gw_stream *stream, struct gw_story *story);
void gw_retry_bury(struct gw_core *core, struct gw_stream *stream);
bool gw_retry_buries(const struct gw_stream *stream, uint64_t first, uint64_t last);
void gw_retry_settled(struct gw_core *core, struct gw_stream *stream, uint64_t first,
                      uint64_t last);
void gw_retry_seal(struct gw_core *core, struct gw_stream *stream);
void gw_retry_durable(struct gw_stream *stream);

/* withdraw.c: SKIP, for what is wanted back. */
void gw_withdraw(struct gw_core *core, uint64_t epoch, uint64_t sequence, uint32_t code);
void gw_withdraw_waiting(struct gw_core *core, struct gw_stream *stream);
void gw_skip_ask_back(struct gw_core *core, struct gw_stream *stream, struct gw_remote *remote);
void gw_skip_repeat(struct gw_core *core, struct gw_remote *remote, bool new_link);

/* failover.c: members that stay away, and memory peers that have ended. */
void gw_forfeit(struct gw_core *core, struct gw_remote *remote);
uint64_t gw_failover_due_us(struct gw_core *core, struct gw_target *target);
void gw_remote_gone(struct gw_core *core, struct gw_remote *remote);
void gw_gone_run(struct gw_core *core, struct gw_run *run);
void gw_remote_away(struct gw_core *core, struct gw_remote *remote); /* it has no link now */
void gw_remote_away_due(struct gw_core *core, struct gw_remote *remote);
void gw_abandoned(struct gw_core *core, struct gw_target *target);

/* policy.c: what an application wants for a destination, and when to look again. */
const struct gw_policy *gw_policy_of(const struct gw_target *target);
void gw_policy_set(struct gw_core *core, const struct gw_event *event);
void gw_policy_due(struct gw_core *core, struct gw_target *target);
/* Something of the target wants to be looked at then. */
void gw_policy_wake(struct gw_core *core, struct gw_target *target, uint64_t due_us);
/* Its only receiver has ended: so does all that is meant for it, and at last the target. */
void gw_target_abandon(struct gw_core *core, struct gw_target *target);

/* seal.c: the way to the store and back. */
void gw_seal(struct gw_core *core);
void gw_sealed_committed(struct gw_core *core);
struct gw_op *gw_seal_op(struct gw_core *core, enum gw_op_type type); /* NULL: failed */
void gw_pile_batch(struct gw_core *core, struct gw_stream *stream, struct gw_batch *batch);
void gw_pile_run(struct gw_core *core, struct gw_run *run);
void gw_pile_token(struct gw_core *core, uint64_t token);
void gw_pile_hold(struct gw_core *core, struct gw_batch *batch); /* until the write is done */
void gw_pile_clear(struct gw_pile *pile);
/* Adds to a range set and to the rows that mirror it: one row per range, keyed by its first
 * sequence. */
void gw_mirror_add(struct gw_core *core, enum gw_row_kind kind, uint64_t epoch,
                   struct gw_ranges *set, uint64_t first, uint64_t last);
void gw_mirror_trim(struct gw_core *core, enum gw_row_kind kind, uint64_t epoch,
                    struct gw_ranges *set, uint64_t floor);

/* recover.c: what an earlier open left. */
void gw_recover_row(struct gw_core *core, const struct gw_row *row);
void gw_recover_done(struct gw_core *core);

#endif
