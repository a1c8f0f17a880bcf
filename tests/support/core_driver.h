/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_TESTS_SUPPORT_CORE_DRIVER_H
#define GW_TESTS_SUPPORT_CORE_DRIVER_H

/* A core and a hand on each of its strings: steps for every event, the effects of the last step, a
 * store in memory made from the COMMIT ops, and the words of the peers on the other side.
 *
 *     struct driver d;
 *     driver_open(&d, "b");
 *     uint64_t link = driver_link(&d, 1, "c");     a peer dialled us on connection 1
 *     ...
 *     driver_close(&d);
 *
 * After each step the core's books are checked. A crash loses the write in flight and nothing
 * else. Everything is to "stage:work" unless it says otherwise; the clock starts at 1 s, without
 * jitter, with heartbeats of 1 s. The sending and the receiving side have more words for it, in
 * core_sender.h and core_receiver.h. */

#include "core/core.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRIVER_HEARTBEAT_US 1000000
#define DRIVER_WINDOW 100
#define DRIVER_ROWS 256
#define DRIVER_BATCHES 64
#define DRIVER_TEXTS 256
#define EPOCH 5 /* where a test has one */

struct driver {
    struct gw_core *core;
    struct gw_core_options options;
    struct gw_effects effects; /* of the last step */
    uint64_t now_us;           /* of the next step */
    uint64_t entropy;          /* of the last step; each has the next number */
    bool lenient;              /* a step may fail: nothing is asserted of it */
    int result;                /* of the last step; once failed, no more steps are made */
    bool in_flight;
    struct gw_op *ops; /* of the write in flight: a copy */
    size_t op_count;
    struct gw_row rows[DRIVER_ROWS]; /* the store */
    size_t row_count;
    char texts[DRIVER_TEXTS][GW_TEXT_MAX + 1]; /* of rows */
    size_t text_count;
    struct gw_batch *batches[DRIVER_BATCHES];
    size_t batch_count;
};

/* ---- life ---- */
void driver_options(struct gw_core_options *options, const char *name);
void driver_open(struct driver *d, const char *name);
void driver_open_with(struct driver *d, const struct gw_core_options *options);
void driver_close(struct driver *d);
/* Where memory may run out (support/failing_heap.h): called when the core did, instead of any
 * assertion. It does not return: the test is over. NULL everywhere else. */
extern void (*driver_ran_out)(struct driver *d);
void driver_close_all(void); /* also those of a test that was left in the middle */
/* In a test with a long way to what it is about: memory runs out from here on only, and up to here
 * the books are not checked then. */
void driver_from_here(void);
extern void (*driver_began)(void);
void driver_crash(struct driver *d);   /* the core is gone, the store stays */
void driver_recover(struct driver *d); /* a fresh core from the store: rows, then START */
void driver_restart(struct driver *d); /* both */

/* ---- the peer's own events; each replaces the effects ---- */
int driver_step(struct driver *d, struct gw_event *event);
void driver_dial(struct driver *d, uint64_t conn);
void driver_undial(struct driver *d, uint64_t conn);
void driver_lost(struct driver *d, uint64_t conn);
void driver_leave(struct driver *d);                    /* CLOSE */
void driver_tick(struct driver *d, uint64_t later_us);  /* time passes, then TICK */
void driver_serve(struct driver *d, const char *stage, uint64_t messages, uint64_t bytes);
void driver_unserve(struct driver *d, const char *stage);
/* One batch of `count` messages of `size` bytes each; _batch: for an event of the test's own. */
struct gw_batch *driver_batch(uint64_t epoch, uint64_t first, uint32_t count, uint32_t size);
/* Of messages of these sizes: numbers for the core, the bytes are not there. */
struct gw_batch *driver_batch_of(uint64_t epoch, uint64_t first, const uint32_t *sizes,
                                 uint32_t count);
void driver_send(struct driver *d, uint64_t epoch, uint64_t first, uint32_t count, uint32_t size);
/* Messages 1 to `batches` * `count` of EPOCH. */
void driver_send_batches(struct driver *d, uint64_t batches, uint32_t count, uint32_t size);
void driver_send_to(struct driver *d, const char *stage, uint64_t epoch, uint64_t first,
                    uint32_t count, uint32_t size);
void driver_decide(struct driver *d, uint64_t epoch, uint64_t first, uint64_t last);
void driver_seal(struct driver *d);      /* the write is in flight, if there was anything */
void driver_committed(struct driver *d); /* and is in the store */
void driver_commit(struct driver *d);    /* both, until nothing is left to store */
void driver_loaded(struct driver *d, uint64_t epoch, uint64_t from, uint64_t upto);

/* ---- what others say; a message of theirs has 10 bytes ---- */
#define REMOTE_MESSAGE 10
void driver_frame(struct driver *d, uint64_t conn, const struct gw_frame *frame);
void remote_identity(struct gw_identity *identity, const char *name, uint64_t process);
void remote_hello(struct driver *d, uint64_t conn, const char *name, uint64_t process);
void remote_welcome(struct driver *d, uint64_t conn, uint64_t link, const char *name,
                    uint64_t process);
void remote_say(struct driver *d, uint64_t conn, enum gw_frame_type type, uint64_t link);
void remote_refuse(struct driver *d, uint64_t conn, uint64_t link, uint64_t code, uint64_t epoch);
void remote_serve(struct driver *d, uint64_t conn, uint64_t link, uint64_t messages,
                  uint64_t bytes);
void remote_ack(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch, uint64_t first,
                uint64_t last); /* decided: one range */
void remote_ack_floor(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                      uint64_t floor);
void remote_in_hand(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                    uint64_t first, uint64_t last);
void remote_complete(struct driver *d, uint64_t conn, uint64_t link);
void remote_credit(struct driver *d, uint64_t conn, uint64_t link, uint64_t messages,
                   uint64_t bytes);
void remote_closed(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch);
void remote_open(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch, bool fresh);
void remote_data(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch, uint64_t first,
                 uint64_t count);
void remote_data_floor(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                       uint64_t first, uint64_t count, uint64_t floor);
void remote_ping(struct driver *d, uint64_t conn, uint64_t link, uint64_t frames);
void remote_ping_floor(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                       uint64_t floor, uint64_t last);
void remote_pong(struct driver *d, uint64_t conn, uint64_t link, uint64_t time_us,
                 uint64_t frames);
void remote_close_epoch(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                        uint64_t last);

/* A peer dials and gets a link: HELLO, WELCOME, READY. Its process nonce is made of its name. */
uint64_t driver_link(struct driver *d, uint64_t conn, const char *name);
/* The same as that peer, and as the process of a memory peer. */
uint64_t driver_link_as(struct driver *d, uint64_t conn, const struct gw_identity *identity);
uint64_t driver_memory_link(struct driver *d, uint64_t conn, const char *name, uint64_t process);
/* "a" is open, has dialled b on connection 1, and b's process 9 has given it that link. */
void driver_dialled(struct driver *d, uint64_t link);
/* It serves stage:work with that credit and has told all: DATA may flow. With a new link, too. */
void remote_serve_all(struct driver *d, uint64_t conn, uint64_t link, uint64_t messages);
uint64_t driver_member(struct driver *d, uint64_t conn, const char *name, uint64_t messages);
/* A new link, and it opens an epoch to us; we serve stage:work already. */
uint64_t driver_sender(struct driver *d, uint64_t conn, const char *name, uint64_t epoch);

/* ---- looking ---- */
size_t driver_count(const struct driver *d, enum gw_effect_type type);
const struct gw_effect *driver_effect(const struct driver *d, enum gw_effect_type type, size_t n);
size_t driver_sent_count(const struct driver *d, enum gw_frame_type type);
/* The n-th frame of a type; NULL: not sent. _on: on that connection. */
const struct gw_frame *driver_sent(const struct driver *d, enum gw_frame_type type, size_t n);
const struct gw_frame *driver_sent_on(const struct driver *d, uint64_t conn,
                                      enum gw_frame_type type);
/* The link to a peer that is known. */
const struct gw_link *driver_link_to(const struct driver *d, const char *name);
bool driver_noted(const struct driver *d, enum gw_note note, uint64_t a);
uint64_t driver_counter(const struct driver *d, enum gw_counter counter);
size_t driver_rows(const struct driver *d, enum gw_row_kind kind);
const struct gw_row *driver_row(const struct driver *d, enum gw_row_kind kind, size_t n);
bool driver_stream(const struct driver *d, uint64_t epoch, struct gw_stream_view *view);
bool driver_window(const struct driver *d, uint64_t epoch, struct gw_window_view *view);
/* The n-th DATA of the last step: its messages, 0 and 0 if there is none. */
struct gw_range driver_data(const struct driver *d, size_t n);
/* The n-th range that the ACKs of the last step call decided, and how many there are. */
struct gw_range driver_acked(const struct driver *d, uint64_t epoch, size_t n);
size_t driver_acked_count(const struct driver *d, uint64_t epoch);
void assert_range(struct gw_range range, uint64_t first, uint64_t last);

#endif
