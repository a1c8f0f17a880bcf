/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_PEER_H
#define GODWIT_PEER_H

/* A peer is one named participant: its store, its endpoints, its links. Start here.
 *
 *     godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
 *     options.name = "walker";
 *     options.directory = "/var/lib/walker";
 *     godwit_peer_t *peer;
 *     if (godwit_peer_open(&options, &peer)) fail(godwit_last_error());
 *     godwit_peer_connect(peer, "tcp://127.0.0.1:7000");
 */

#include "godwit/error.h"
#include "godwit/message.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct godwit_peer godwit_peer_t;

/* What an accepted message survives. */
typedef enum godwit_durability {
    GODWIT_DURABILITY_DEFAULT = 0, /* fsync with a directory, memory without one */
    GODWIT_DURABILITY_FSYNC = 1,   /* power loss: every commit is synced to the disk */
    GODWIT_DURABILITY_OS = 2,      /* the process dying at any instruction: commits are written */
    GODWIT_DURABILITY_MEMORY = 3   /* nothing: the store lives in memory, with the process */
} godwit_durability_t;

typedef enum godwit_log_level {
    GODWIT_LOG_ERROR = 1,
    GODWIT_LOG_WARNING = 2,
    GODWIT_LOG_INFO = 3,
    GODWIT_LOG_DEBUG = 4
} godwit_log_level_t;

/* Called with one line of text (no newline), from threads of the library or from one that is in a
 * call of it. Must return quickly and must not call back into the peer. The text is valid during
 * the call only. */
typedef void (*godwit_log_fn)(void *context, godwit_log_level_t level, const char *text);

typedef struct godwit_peer_options {
    size_t size;           /* sizeof(godwit_peer_options_t): set by the initialiser */
    const char *name;      /* 1-64 of [a-z0-9._-], unique among the peers that meet; required */
    const char *directory; /* of the store; made, if its parent exists. NULL: memory only */
    godwit_durability_t durability; /* default: fsync (memory without a directory) */
    size_t outbox_max_bytes;        /* 1 KiB up; default 1 GiB. When full, sends wait or fail */
    uint64_t outbox_max_messages;   /* 1 up; default 100 million */
    int full_timeout_ms;        /* of a send or a commit at a full outbox, and while a failed store
                                 * is being reopened (then GODWIT_EBUSY); 0: no limit; -1: refuse at
                                 * once */
    size_t max_message;         /* of what is sent, headers included: 1 B to 16 MiB; default 1 MiB.
                                 * As large ones are taken from others, and 1 MiB in any case */
    uint32_t window;            /* W, the span of unsettled sequences per epoch: 1 to 1,048,576;
                                 * default 65,536 */
    uint32_t heartbeat_ms;      /* 20 to 60,000; default 1,000. A peer silent for three is dead */
    bool allow_unauthenticated; /* tcp beyond loopback without keys: default false */
    bool outcomes;              /* keep how each message ended, for godwit_outcome_next;
                                 * default false */
    bool no_control;            /* no control socket in the directory: the command `godwit` cannot
                                 * talk to this peer. Default false */
    uint32_t memory_ttl_s;      /* what is kept for a memory peer that left without a word is
                                 * forgotten after so long; 1 up; default 86,400 */
    uint32_t reply_ttl_s;       /* a reply that nobody collects is forgotten after so long; 1 up;
                                 * default 86,400 */
    godwit_log_fn log;          /* default NULL: silent */
    void *log_context;
    godwit_log_level_t log_level; /* the most talkative level wanted; default GODWIT_LOG_INFO */
} godwit_peer_options_t;

#define GODWIT_PEER_OPTIONS_INIT GODWIT_SIZED(godwit_peer_options_t)

/* Opens the store and starts the peer's threads. Nothing is sent or received before bind or
 * connect; what an earlier open accepted and did not settle goes out once its members are met.
 * GODWIT_EINVAL, GODWIT_ENOMEM, GODWIT_EBUSY (open elsewhere), GODWIT_EFOREIGN (another name's
 * store, or a directory with other things in it), GODWIT_EVERSION, GODWIT_ECORRUPT, GODWIT_EIO
 * (unwritable, disk full). */
GODWIT_EXPORT godwit_err_t godwit_peer_open(const godwit_peer_options_t *options,
                                            godwit_peer_t **peer);

/* Says BYE on every link, commits what was submitted, stops the threads and closes the store.
 * Waiting calls return GODWIT_ECLOSED. Deliveries in hand stay valid memory and answer
 * GODWIT_ECLOSED; they are delivered again at the next open. Waits at most a few heartbeats and one
 * disk call. Nulls *peer; NULL is accepted. No call may begin once it has returned, but for those
 * on inboxes, deliveries, transactions and cursors that are still there: these end as usual.
 * GODWIT_ECLOSED if another thread closes it already; *peer is left alone then. */
GODWIT_EXPORT godwit_err_t godwit_peer_close(godwit_peer_t **peer);

/* Listens. `endpoint` is tcp://ADDRESS:PORT or ipc://PATH; port * picks a free one: see
 * godwit_peer_endpoint. ADDRESS beyond loopback needs allow_unauthenticated until the peer has
 * keys. (inproc://NAME is understood, but reaches no other peer: each has a context of its own.)
 * GODWIT_EINVAL (scheme, address), GODWIT_EIO (in use, no permission), GODWIT_ENOMEM,
 * GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_peer_bind(godwit_peer_t *peer, const char *endpoint);

/* The endpoint last bound, with its real port, as text.
 * GODWIT_ENOTFOUND before a bind; GODWIT_ETOOLARGE if size is too small (256 is always enough). */
GODWIT_EXPORT godwit_err_t godwit_peer_endpoint(godwit_peer_t *peer, char *text, size_t size);

/* Keeps a link to the peer that listens there, for as long as this peer lives: dials, redials with
 * growing pauses and jitter. Returns at once: the other side need not be there yet. At most 1,024
 * endpoints.
 * GODWIT_EINVAL (endpoint, too many), GODWIT_EBUSY (already connected there), GODWIT_EIO,
 * GODWIT_ENOMEM, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_peer_connect(godwit_peer_t *peer, const char *endpoint);

/* Ends it: BYE, no redial. Messages for the peer there stay in the outbox.
 * GODWIT_EINVAL, GODWIT_ENOTFOUND if not connected there, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_peer_disconnect(godwit_peer_t *peer, const char *endpoint);

/* Waits until at least `count` members (peers with a link that serve it) of the destination are
 * there. `destination` is "stage:NAME", "service:NAME" or "peer:NAME".
 * GODWIT_EINVAL, GODWIT_ETIMEDOUT, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_peer_wait_members(godwit_peer_t *peer, const char *destination,
                                                    size_t count, int timeout_ms);

/* How messages to one destination are treated. Said at each open, before the first send there; it
 * is not stored. All but the ordering may be said anew at any time. */
typedef enum godwit_ordering {
    GODWIT_ORDERING_SHARED = 0, /* any member, any order */
    GODWIT_ORDERING_ORDERED = 1 /* one member at a time, in the order of the sends */
} godwit_ordering_t;
typedef enum godwit_member_lost {
    GODWIT_LOST_STRICT = 0,  /* its work waits for it: nothing runs twice */
    GODWIT_LOST_FAILOVER = 1 /* it goes to others after failover_ms, flagged maybe-duplicate */
} godwit_member_lost_t;

typedef struct godwit_destination_options {
    size_t size;                 /* sizeof(godwit_destination_options_t): set by the initialiser */
    godwit_ordering_t ordering;  /* of messages sent in this open; default shared */
    godwit_member_lost_t member_lost; /* default strict */
    uint32_t failover_ms;        /* without a link; 100 up; default 30,000 */
    uint32_t retry_base_ms;      /* pause before attempt 2, doubled for each more; default 100 */
    uint32_t retry_cap_ms;       /* retry_base_ms up; default 60,000 */
    int retry_jitter_percent;    /* spreads each pause by so much both ways; 1 to 100; -1: not at
                                  * all; default 20 */
    uint32_t max_attempts;       /* then it becomes a dead letter; default 20; UINT32_MAX: never */
    uint32_t deadline_ms;        /* offered for so long and not begun: asked back and offered to
                                  * another member; 0 (default): never */
    size_t max_bytes;            /* of this destination's share of the outbox; 0 (default): all */
    uint64_t max_messages;       /* the same in messages */
} godwit_destination_options_t;

#define GODWIT_DESTINATION_OPTIONS_INIT GODWIT_SIZED(godwit_destination_options_t)

/* GODWIT_EINVAL (destination, options, another ordering than what was sent there in this open,
 * more than 16,384 destinations), GODWIT_ENOMEM, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_destination_set(godwit_peer_t *peer, const char *destination,
                                                  const godwit_destination_options_t *options);

/* Lets everything that `member` holds and has not decided go to other members at once, as failover
 * does: an operator's word that it will not come back.
 * GODWIT_EINVAL, GODWIT_ENOTFOUND (no such peer is known, or it has a link), GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_peer_forfeit(godwit_peer_t *peer, const char *member);

/* Puts a message into the destination's outbox and gives it an id. It is ordered in memory at
 * return and *accepted* once STORED is reported (godwit_wait). Takes the message on success. At a
 * full outbox, and while a failed store is being reopened, it waits or refuses as the peer's
 * options say. `destination` is "stage:NAME", "service:NAME", "peer:NAME", or "reply:NAME" for
 * those who build an answering side of their own (request_reply.h); one open sends to at most
 * 16,384 at a time. `id` may be NULL.
 * GODWIT_EINVAL (destination, too many of them), GODWIT_ETOOLARGE, GODWIT_EFULL, GODWIT_ETIMEDOUT
 * (full), GODWIT_EBUSY (the store is being reopened), GODWIT_ENOMEM, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_send(godwit_peer_t *peer, const char *destination,
                                       godwit_message_t **message, godwit_id_t *id);

/* The same for bytes of the caller's, which are copied. */
GODWIT_EXPORT godwit_err_t godwit_send_data(godwit_peer_t *peer, const char *destination,
                                            const void *data, size_t size, godwit_id_t *id);

typedef enum godwit_state {
    GODWIT_STORED = 1, /* in the outbox at the peer's durability level: accepted */
    GODWIT_SETTLED = 2 /* the other side's durable decision is known here */
} godwit_state_t;

/* Waits until the message reached the state. For ids of this open of this peer.
 * How a message ended is remembered for the last 16,384 ranges of a destination's that were not
 * processed. GODWIT_EDEAD, GODWIT_EWITHDRAWN (SETTLED: that is how it ended), GODWIT_ENOTFOUND (not
 * an id of this open), GODWIT_ENOTSTORED (the store failed and the message is not in it),
 * GODWIT_ETIMEDOUT, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_wait(godwit_peer_t *peer, godwit_id_t id, godwit_state_t state,
                                       int timeout_ms);

/* Takes a message back for good, if no handler has begun with it, or the process of the one that
 * had has ended: it ends withdrawn. Waits until it is stored, and returns when the wish is noted;
 * godwit_wait(SETTLED) or godwit_status tells what came of it, which may be that it was processed.
 * Closing the peer ends a wish that has not come true.
 * GODWIT_ENOTFOUND (not known, or settled already), GODWIT_EINVAL, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_withdraw(godwit_peer_t *peer, godwit_id_t id);

/* Waits until everything sent so far, of earlier opens too, reached the state. SETTLED waits for
 * what other threads send meanwhile as well. GODWIT_ENOTSTORED: some of what was sent since the
 * last drain was lost to a failed store (godwit_wait tells which). Other errors as godwit_wait. */
GODWIT_EXPORT godwit_err_t godwit_peer_drain(godwit_peer_t *peer, godwit_state_t state,
                                             int timeout_ms);

/* Reads one named counter (what each counts: docs/counters.md). Counters only grow, from 0 at
 * open; gauges (names ending in _now) show the present. GODWIT_ENOTFOUND for an unknown name. */
GODWIT_EXPORT godwit_err_t godwit_peer_counter(godwit_peer_t *peer, const char *name,
                                               uint64_t *value);

/* The name of the counter at `index` (from 0), NULL past the last: to list them all. Static
 * text. */
GODWIT_EXPORT const char *godwit_counter_name(size_t index);

/* The durability level in force, as text for logs and verdicts: "fsync", "os" or "memory". Static
 * text. */
GODWIT_EXPORT const char *godwit_peer_durability(const godwit_peer_t *peer);

#ifdef __cplusplus
}
#endif
#endif
