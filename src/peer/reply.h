/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_REPLY_H
#define GW_PEER_REPLY_H

/* The asking side of request-reply: one collector of replies per peer, made by the first call that
 * needs it. Replies come in through an inbox on "reply:OWNNAME" that the collector reads.
 *
 *   engine ─▶ inbox ─▶ the first waiter in line drains it ─┬▶ a waiter for that id
 *                      (nobody waits: the keeper)          ├▶ a waiter for any reply
 *                                                          └▶ filed ─▶ keeper ─▶ store
 *
 *   reply.c         the collector: open, close, what it is told      reply_keeper.c  its thread
 *   reply_book.c    who waits, what is filed, what is collected      reply_store.c   put aside
 *   reply_wait.c    waiting and its public calls                     reply_handle.c  one reply
 *
 * A filed reply stays in hand, undecided, so that it needs no write before it is collected. Beyond
 * a quarter of the credit the oldest are put aside: stored under keys of the library's own, in one
 * transaction with their decision.
 *
 * Its lock is the innermost: the peer's lock may be held when it is taken, never the reverse. */

#include "godwit/request_reply.h"
#include "peer/handle.h"

struct gw_replies;
struct gw_waiter;

/* The peer's collector, made if there is none yet. Inside gw_peer_enter. */
godwit_err_t gw_replies_open(struct godwit_peer *peer, struct gw_replies **replies);
/* Closing, when no caller is left: ends the thread and lets go what is filed. */
void gw_replies_end(struct godwit_peer *peer);
void gw_replies_destroy(struct gw_replies **replies);

/* --- from the engine and the inbox; each is short --- */

void gw_replies_arrived(struct gw_replies *replies, size_t count, uint64_t bytes);
void gw_replies_shut(struct gw_replies *replies); /* the peer is closing */
/* These four accept a peer without a collector. */
void gw_replies_flush(struct godwit_peer *peer); /* the turn is over: what is in hand is stale */
void gw_replies_look(struct godwit_peer *peer);  /* any request may have ended otherwise */
/* These requests ended other than by being processed. */
void gw_replies_ended(struct godwit_peer *peer, uint64_t epoch, uint64_t first, uint64_t last);
void gw_replies_member(struct godwit_peer *peer, const struct gw_destination *destination,
                       size_t count);

/* A request got its id: its waiter stands in line before any reply to it can exist. With the
 * peer's lock. */
void gw_replies_named(struct gw_waiter *waiter, godwit_id_t id);

/* godwit_send for a waiter, which is named in it; waits for room until `deadline` at most. Inside
 * gw_peer_enter; in send.c. */
struct gw_send_watch {
    struct gw_waiter *waiter;
    const struct gw_deadline *deadline;
};
/* godwit_send. `followed`: by a thread that is about to send more (gw_peer_expect). Inside
 * gw_peer_enter; in send.c. */
godwit_err_t gw_send_request(struct godwit_peer *peer, const struct gw_destination *destination,
                             godwit_message_t **message, bool followed, godwit_id_t *id);
godwit_err_t gw_send_watched(struct godwit_peer *peer, const struct gw_destination *destination,
                             godwit_message_t **message, const struct gw_send_watch *watch,
                             godwit_id_t *id);

#endif
