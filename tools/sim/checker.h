/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_CHECKER_H
#define GW_SIM_CHECKER_H

/* The invariants (numbers: docs/internals/simulator.md), each held at the place where it could be
 * broken first: a frame as it leaves, a write as it becomes durable, a delivery as it arrives, and
 * the whole after every event. A broken one is told with sim_fail. */

#include "ledger.h"

#include "core/core.h"
#include "peer/inbound.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_world;
struct sim_row;
struct sim_peer;
struct sim_item;
struct sim_epoch;
struct sim_message;

bool sim_is_stale(const struct sim_peer *peer, uint64_t epoch, const struct sim_message *message);
bool sim_holder_gone(const struct sim_peer *peer, const struct sim_message *message);
/* The present peer of that name, no newcomer; NULL: none. */
struct sim_peer *sim_peer_named(struct sim_world *world, const char *name);

struct sim_link_book { /* a link, as both ends learned of it */
    uint64_t link;
    struct sim_peer *ends[2];  /* dialler, acceptor */
    uint64_t lives[2];         /* of their turns */
    uint64_t conns[2];         /* the connection, as each numbers it */
    bool moved_on[2];          /* this end has used a newer link on that connection */
};

struct sim_print { /* of a turn's state: equal before and after a frame that must change nothing */
    uint64_t hash;
    uint64_t refusals; /* sends refused so far: one more ends a link for a reason of its own */
    bool fenced; /* the frame about to be taken is of another link */
};

void sim_check_send(struct sim_peer *peer, uint64_t conn, const struct gw_frame *frame,
                    struct gw_slice body);
void sim_check_arrival(struct sim_peer *peer, uint64_t conn, struct gw_slice header,
                       struct sim_print *before);
void sim_check_arrived(struct sim_peer *peer, const struct sim_print *before);
void sim_check_delivery(struct sim_peer *peer, const struct gw_inbound *inbound);
void sim_check_written(struct sim_peer *peer, const struct gw_write *write);
/* check_return.c: what goes back, what is asked back, what is begun. */
void sim_check_begun(struct sim_peer *peer, const struct sim_item *item);
void sim_check_ack_returns(struct sim_peer *peer, struct sim_epoch *book,
                           const struct gw_ack_epoch *ack);
void sim_check_skip(struct sim_peer *peer, const struct sim_peer *other,
                    const struct gw_frame *frame);
/* The process or its turn ends while handlers are at work: they die of what they have begun
 * with, or not. */
void sim_check_handlers_end(struct sim_peer *peer, bool killed);
/* check_end.c: how messages end at their sender. */
void sim_check_settled_row(struct sim_peer *peer, struct sim_epoch *book, uint64_t first,
                           uint64_t last);
void sim_check_dead_row(struct sim_peer *peer, struct sim_epoch *book, const struct gw_row *row);
void sim_check_story_row(struct sim_peer *peer, struct sim_epoch *book, const struct gw_row *row);
void sim_check_outcome_row(struct sim_peer *peer, struct sim_epoch *book,
                           const struct gw_row *row);
/* After a write: what it settled has its outcome, and transactions are whole. */
void sim_check_all_or_none(struct sim_peer *peer);
void sim_check_note(struct sim_peer *peer, uint8_t note, const char *name, uint64_t a);
/* check_link.c: a frame of the link between them; another process that says the other's name; a
 * link that ends because nothing is heard on it. */
void sim_check_heard(struct sim_peer *peer, const struct sim_peer *other);
void sim_check_doubted(struct sim_peer *peer, const struct sim_peer *other);
void sim_check_silent(struct sim_peer *peer, const struct sim_peer *other);
void sim_check_stored(struct sim_peer *peer, uint64_t epoch, uint64_t upto);
void sim_check_settled(struct sim_peer *peer, uint64_t epoch, uint64_t first, uint64_t last,
                       enum gw_outcome how);
/* After a crash, a clean end or a failed commit: what is on the disk now is all there is. */
void sim_check_crashed(struct sim_peer *peer);
/* After a failed commit: tells the tail what the disk holds, as the engine must find out. */
void sim_check_in_doubt(struct sim_peer *peer);
/* Then: the rest must be answered NOT_STORED, and is never to be seen. */
void sim_check_given_up(struct sim_peer *peer);
/* Memory peers that said BYE: they take with them what they had not yet acknowledged, and what
 * they decide late is with others by then. */
sim_set sim_memories_that_leave(const struct sim_world *world);
void sim_check_disk_lost(struct sim_peer *peer);
void sim_check_body_lost(struct sim_peer *peer, const struct sim_row *row); /* of a batch */
void sim_check_rolls_back(struct sim_peer *peer); /* before, and after */
void sim_check_rolled_back(struct sim_peer *peer);
void sim_check_quota(struct sim_peer *peer); /* after a commit: the tail counts what is there */
void sim_check_opened(struct sim_peer *peer, uint64_t messages, uint64_t bytes);
void sim_check_step(struct sim_peer *peer);
/* Adds the turn's counters to the sights before it is dropped. */
void sim_check_farewell(struct sim_peer *peer);
/* True if all is settled and both sides agree; else `why` says what is not. */
bool sim_check_quiet(struct sim_world *world, char *why, size_t why_size);
/* A frame as bytes, decoded by the checker's decoder; false: it is none. */
bool sim_decode(struct sim_world *world, struct gw_slice header, struct gw_frame *frame);

#endif
