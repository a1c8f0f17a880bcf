/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_REPLY_BOOK_H
#define GW_PEER_REPLY_BOOK_H

/* The collector's book: who waits for which reply, which replies are here, which were collected.
 * Everything in it is guarded by the collector's lock. Part of reply.h. */

#include "base/bytes.h"
#include "base/map.h"
#include "base/ranges.h"
#include "godwit/request_reply.h"
#include "peer/clock.h"
#include "peer/helm.h"
#include "peer/inbox.h"

#define GW_REPLY_SPACE "godwit.replies"
#define GW_REPLY_RE "godwit.re"
#define GW_REPLY_CODE "godwit.code"
#define GW_REPLY_TEXT "godwit.text"

enum gw_reply_state {
    GW_REPLY_FILED,  /* in the book's line, for whoever comes */
    GW_REPLY_ASIDE,  /* the keeper is storing it */
    GW_REPLY_OUT     /* a caller has it */
};

struct godwit_reply {
    struct gw_replies *replies; /* with a reference of its peer while it is OUT */
    godwit_id_t request;
    enum gw_reply_state state;
    struct godwit_delivery *delivery; /* in hand; NULL: it was put aside, `stored` has its bytes */
    struct godwit_delivery *again;    /* not FILED, but delivered again: this one is decided */
    struct gw_buffer stored;
    struct gw_slice heads; /* its block of headers */
    struct gw_slice body;
    uint32_t code;
    char text[GW_TEXT_MAX + 1];
    char server[GW_NAME_MAX + 1];
    uint64_t come_us;            /* monotonic: when it was filed */
    struct godwit_reply *alike;  /* of the same hash */
    struct godwit_reply *older;  /* FILED: the line */
    struct godwit_reply *newer;
};

struct gw_waiter {
    struct gw_replies *replies;
    bool any;                             /* for any reply; else for `id` */
    godwit_id_t id;
    const struct gw_destination *service; /* of the request; NULL: not known */
    bool met;                             /* a member of it was there since the call began */
    bool look;                            /* the store or the request's end is to be looked at */
    bool listed;
    struct godwit_reply *reply;           /* the result */
    pthread_cond_t woken;
    struct gw_seat seat;
    struct gw_waiter *before;
    struct gw_waiter *after;
};

struct gw_replies {
    struct godwit_peer *peer;
    struct godwit_inbox *inbox;
    pthread_mutex_t lock; /* guards all below */
    bool shut;            /* the peer is closing */
    bool arrived;         /* the inbox may hold something */
    bool draining;        /* a thread empties it just now */
    int64_t unread;       /* of what arrived; the thread that drains may be ahead of the one that */
    int64_t unread_bytes; /* counts: below 0 for a moment */

    struct gw_waiter *first; /* the first one leads: it drains */
    struct gw_waiter *last;
    struct gw_waiter *driver; /* one of them; it drains what it brings here itself. Or NULL */

    struct gw_map here; /* hash of an id -> replies of that hash, in whatever state */
    struct godwit_reply *oldest;
    struct godwit_reply *newest;
    size_t filed;
    uint64_t filed_bytes;
    struct gw_map collected; /* epoch -> struct gw_collected */
    uint64_t burst;        /* taken by reply_next since it last found none, */
    uint64_t burst_before; /* and between the two times before */

    uint64_t aside;     /* in the store, for whoever comes */
    bool aside_known;   /* false: the keeper has not counted them yet */
    godwit_id_t scanned; /* where reply_next goes on in the store */

    uint64_t quarter;       /* of the credit, in messages, */
    uint64_t quarter_bytes; /* and in bytes */
    int fd;                 /* an eventfd; -1: nobody asked for it yet */
    bool readable;

    pthread_t keeper;
    bool kept; /* the keeper runs */
    pthread_cond_t work;
};

struct gw_collected {
    struct gw_ranges sequences;
};

/* --- waiters --- */

void gw_waiter_init(struct gw_waiter *waiter, struct gw_replies *replies);
void gw_waiter_clear(struct gw_waiter *waiter);
void gw_waiter_enlist(struct gw_waiter *waiter);
/* Leaves the line; if the leader goes while there is something to drain, the next one is woken. */
void gw_waiter_leave(struct gw_waiter *waiter);
void gw_waiter_signal(struct gw_waiter *waiter);
void gw_waiter_wake(struct gw_waiter *waiter); /* to look */

/* --- replies --- */

struct godwit_reply *gw_book_find(const struct gw_replies *replies, godwit_id_t id);
bool gw_book_collected(const struct gw_replies *replies, godwit_id_t id);
/* Notes that the request needs no reply any more. Without memory for it, one that comes again is
 * merely handed out again. */
void gw_book_collect(struct gw_replies *replies, godwit_id_t id);

/* A reply from the inbox: to its waiter, or filed. If not, it stays the caller's. */
enum gw_filing { GW_FILED, GW_FILE_UNMATCHED, GW_FILE_NOMEM };
enum gw_filing gw_book_file(struct gw_replies *replies, struct godwit_reply *reply);
/* A reply from the store goes out to a caller. False: somebody has it, or had it. */
bool gw_book_lend(struct gw_replies *replies, struct godwit_reply *reply);
/* Takes a filed one out to a caller. */
void gw_book_take(struct gw_replies *replies, struct godwit_reply *reply);
/* Takes a filed one from the line, to put it aside; and back. */
void gw_book_unline(struct gw_replies *replies, struct godwit_reply *reply);
void gw_book_reline(struct gw_replies *replies, struct godwit_reply *reply);
void gw_book_forget(struct gw_replies *replies, struct godwit_reply *reply); /* of any state */

void gw_book_show(struct gw_replies *replies); /* makes the eventfd tell the truth */

/* --- reply_handle.c: one reply --- */

/* NULL: no memory, or (*malformed) the delivery is no reply. */
struct godwit_reply *gw_reply_of(struct gw_replies *replies, struct godwit_delivery *delivery,
                                 bool *malformed);
/* Finds code and text in the headers. */
void gw_reply_read_heads(struct godwit_reply *reply);
/* Frees what is in memory; a delivery that is still there is dropped. */
void gw_reply_free(struct godwit_reply *reply);

/* --- draining, in reply.c --- */

/* Empties the inbox, up to a number; with the lock, which is free in between. */
void gw_replies_drain(struct gw_replies *replies);
/* There is much to drain and nobody waits: the keeper's task. */
bool gw_replies_pile_up(const struct gw_replies *replies);

/* --- reply_store.c: put aside; all without the lock --- */

/* Stores and decides replies that are ASIDE, in one transaction: the first *count of them, at least
 * one. On GODWIT_OK, and on errors that say that the delivery is no more, their `delivery` is NULL;
 * after other errors it is as before. */
godwit_err_t gw_aside_put(struct gw_replies *replies, struct godwit_reply **items, size_t *count);
/* GODWIT_ENOTFOUND; GODWIT_EIO: not now. */
godwit_err_t gw_aside_read(struct gw_replies *replies, godwit_id_t id,
                           struct godwit_reply **reply);
godwit_err_t gw_aside_delete(struct gw_replies *replies, const godwit_id_t *ids, size_t count);
/* Ids after `after`, in order, at most `capacity` of them. */
struct gw_aside_scan {
    godwit_id_t after;
    uint64_t before_ms; /* UINT64_MAX: all */
    godwit_id_t *ids;
    size_t capacity;
    size_t count;
    uint64_t seen; /* all that were passed */
};
godwit_err_t gw_aside_scan(struct gw_replies *replies, struct gw_aside_scan *scan);

/* --- reply_keeper.c --- */

void *gw_replies_keep(void *context);

#endif
