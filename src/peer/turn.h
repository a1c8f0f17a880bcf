/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_TURN_H
#define GW_PEER_TURN_H

/* The turn: collect, step, commit, release. Pure over its ports: the engine gives it sockets, a
 * store thread and a clock, the simulator a virtual network, disks and time, and both run this same
 * code. One thread.
 *
 * A life:  gw_turn_new -> gw_turn_recover -> { gw_turn_* events; gw_turn_run } ...
 *              -> gw_turn_destroy
 *
 * Group commit: while one write is in flight, everything that follows gathers for the next. When
 * the write is done the shell calls gw_turn_committed; only then does what depended on it leave. */

#include "base/blob.h"
#include "core/core.h"
#include "peer/inbound.h"
#include "store/store.h"

struct gw_recall {
    uint64_t epoch;
    uint64_t number; /* of the offer */
    uint8_t purpose; /* enum gw_skip_purpose */
    uint32_t code;
    const struct gw_range *ranges; /* ascending; valid during the call */
    size_t count;
};

struct gw_turn_port {
    /* Hands a message to the network, not waiting; blob is NULL for a header alone. 0, or negative:
     * nothing was taken (the turn tells the core that the connection is lost). Must not call back
     * into the turn. */
    int (*send)(void *context, uint64_t conn, struct gw_slice header, struct gw_blob *blob,
                struct gw_slice body);
    void (*hangup)(void *context, uint64_t conn);
    /* Writes; the answer is a later call of gw_turn_committed. `write` stays untouched by the turn
     * until then. */
    void (*commit)(void *context, struct gw_write *write, bool sync);
    /* Reads batches of an epoch from `from` on, with bodies, up to the first batch that reaches a
     * limit; the answer is a later call of gw_turn_loaded. At most one per epoch is under way. */
    void (*load)(void *context, uint64_t epoch, uint64_t from, uint64_t max_messages,
                 uint64_t max_bytes);
    void (*deliver)(void *context, struct gw_inbound *inbound); /* takes it over */
    void (*stored)(void *context, uint64_t epoch, uint64_t upto);
    void (*settled)(void *context, uint64_t epoch, uint64_t first, uint64_t last,
                    enum gw_outcome how);
    /* Quota of a destination is free again. */
    void (*released)(void *context, const struct gw_destination *destination, uint64_t messages,
                     uint64_t bytes);
    /* A dead letter is stored; its message's `bytes` go on counting until it is purged. */
    void (*buried)(void *context, uint64_t epoch, uint64_t sequence, uint64_t bytes);
    void (*outcomes)(void *context, uint64_t number); /* outcome rows up to it are stored */
    /* Take these messages back from the application, as far as no handler has begun with them; the
     * answer is a later call of gw_turn_recalled, always. */
    void (*recall)(void *context, const struct gw_recall *recall);
    /* The epoch, of this open, is settled and its only receiver is gone: if nothing more is to be
     * sent in it, answer with gw_turn_retire. */
    void (*idle)(void *context, uint64_t epoch);
    void (*transaction)(void *context, uint64_t token);                 /* committed */
    /* Refused: an input moved on without it. Its messages' ids are used up and end withdrawn. */
    void (*stale)(void *context, uint64_t token);
    void (*members)(void *context, const struct gw_destination *destination, size_t count);
    void (*note)(void *context, uint8_t note, const char *peer, uint64_t a, uint64_t b);
    uint64_t (*entropy)(void *context); /* 64 bits from the CSPRNG */
    uint64_t (*wall_ms)(void *context); /* milliseconds since 1970 */
};

struct gw_turn_options {
    struct gw_core_options core;
    bool sync; /* durability fsync: every write is synced */
};

struct gw_turn;

struct gw_turn *gw_turn_new(const struct gw_turn_options *options, const struct gw_turn_port *port,
                            void *context);
void gw_turn_destroy(struct gw_turn **turn);

/* Reads or makes the store's meta row, counts the open and writes it back (the one write that is
 * made here, synchronously), and fills options->core.store and .open; the caller has drawn .process
 * and passes 16 random bytes for a new store's uuid. GW_STORE_FOREIGN if the store belongs to
 * another name. */
enum gw_store_error gw_turn_claim(struct gw_store *store, struct gw_turn_options *options,
                                  const uint8_t uuid[16], char *why, size_t why_size);

struct gw_recovered { /* what the outbox held, for the tail's quotas */
    uint64_t messages;
    uint64_t bytes;
    uint64_t dead_messages; /* dead letters, not part of the above */
    uint64_t dead_bytes;
    uint64_t outcome_last; /* number of the last outcome row; 0: none yet */
    uint64_t outcome_read; /* up to here their reader is done */
    /* If set, told once for each epoch (see gw_turn_recover). */
    void (*of)(void *context, const struct gw_destination *destination, uint64_t messages,
               uint64_t bytes);
    void *context;
};
/* Feeds the core what the store holds, then START. Reads only. The two steps it is made of come
 * after it. */
enum gw_store_error gw_turn_recover(struct gw_turn *turn, struct gw_store *store, uint64_t now_us,
                                    struct gw_recovered *recovered, char *why, size_t why_size);

int gw_turn_recover_row(struct gw_turn *turn, uint64_t now_us, const struct gw_row *row);
int gw_turn_start(struct gw_turn *turn, uint64_t now_us);

/* Events. Each is cheap; effects that need no commit are carried out at once. A negative return
 * means that the turn is broken (out of memory): destroy it and start afresh from the store, as
 * after a failed commit. */
int gw_turn_dial(struct gw_turn *turn, uint64_t now_us, uint64_t conn);
int gw_turn_undial(struct gw_turn *turn, uint64_t now_us, uint64_t conn);
int gw_turn_lost(struct gw_turn *turn, uint64_t now_us, uint64_t conn);
int gw_turn_frame(struct gw_turn *turn, uint64_t now_us, uint64_t conn, struct gw_slice header,
                  struct gw_blob *body); /* takes the body's reference */
int gw_turn_malformed(struct gw_turn *turn, uint64_t now_us, uint64_t conn);
int gw_turn_serve(struct gw_turn *turn, uint64_t now_us, const struct gw_destination *destination,
                  uint64_t credit_messages, uint64_t credit_bytes);
int gw_turn_unserve(struct gw_turn *turn, uint64_t now_us,
                    const struct gw_destination *destination);
int gw_turn_batch(struct gw_turn *turn, uint64_t now_us, const struct gw_destination *destination,
                  struct gw_batch *batch); /* takes the reference */
int gw_turn_decide(struct gw_turn *turn, uint64_t now_us, const struct gw_decision *decision);

struct gw_turn_transaction {
    uint64_t token;
    const struct gw_decision *decisions;
    size_t decision_count;
    const struct gw_destination *destinations; /* one per batch */
    struct gw_batch *const *batches;           /* references pass to the turn */
    size_t batch_count;
    const struct gw_write *keys; /* application keys: encoded rows; copied */
};
int gw_turn_transaction(struct gw_turn *turn, uint64_t now_us,
                        const struct gw_turn_transaction *transaction);
int gw_turn_loaded(struct gw_turn *turn, uint64_t now_us, uint64_t epoch,
                   struct gw_batch *const *batches, size_t count); /* references pass to the turn */
/* The write in flight is done. If `error` is not GW_STORE_OK the turn is over: every later event
 * does nothing and returns -EIO; destroy it, reopen the store, find out what is in it, and start
 * afresh. */
int gw_turn_committed(struct gw_turn *turn, uint64_t now_us, enum gw_store_error error);
int gw_turn_close(struct gw_turn *turn, uint64_t now_us); /* BYE everywhere */

/* Handlers have begun with messages in hand. */
int gw_turn_handed(struct gw_turn *turn, uint64_t now_us, uint64_t epoch, uint64_t first,
                   uint64_t last);
/* Messages in hand are given back undecided: `number` as in the inbound. */
struct gw_turn_return {
    uint64_t epoch;
    uint64_t first;
    uint64_t last;
    uint64_t bytes;
    uint64_t number;
    uint8_t kind;      /* enum gw_return_kind: NACK or RELEASE */
    uint32_t delay_ms; /* UINT32_MAX: as the sender's policy says */
    const char *text;  /* printable ASCII, GW_TEXT_MAX at most; NULL: none */
};
int gw_turn_return(struct gw_turn *turn, uint64_t now_us, const struct gw_turn_return *back);
/* The answer to `recall`: of those asked for, the pieces that no handler had begun with, now out of
 * the application's reach. */
int gw_turn_recalled(struct gw_turn *turn, uint64_t now_us, const struct gw_recall *recall,
                     const uint64_t *bytes);
int gw_turn_policy(struct gw_turn *turn, uint64_t now_us, const struct gw_destination *destination,
                   const struct gw_policy *policy);
int gw_turn_withdraw(struct gw_turn *turn, uint64_t now_us, uint64_t epoch, uint64_t sequence,
                     enum gw_withdrawal code);
int gw_turn_forfeit(struct gw_turn *turn, uint64_t now_us, const char *peer);
int gw_turn_retire(struct gw_turn *turn, uint64_t now_us, uint64_t epoch);

void gw_turn_find(const struct gw_turn *turn, uint64_t epoch, uint64_t sequence,
                  struct gw_whereabouts *found);

/* Lets timers fire and starts a commit if one is due and none is in flight. Call after each round
 * of events. Returns when to call again at the latest (GW_NEVER: no need), or 0 with *error set
 * negative. */
uint64_t gw_turn_run(struct gw_turn *turn, uint64_t now_us, int *error);

/* True while there is something to store or a write in flight: closing waits for false. */
bool gw_turn_busy(const struct gw_turn *turn);

const uint64_t *gw_turn_counters(const struct gw_turn *turn);
const struct gw_core *gw_turn_core(const struct gw_turn *turn);

/* The port's `load`, done on a store: for shells. Batches are appended to *batches (malloc'ed,
 * count of them). */
enum gw_store_error gw_turn_load_from(struct gw_store *store, uint64_t epoch, uint64_t from,
                                      uint64_t max_messages, uint64_t max_bytes,
                                      struct gw_batch ***batches, size_t *count);

#endif
