/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_SIMULATE_H
#define GODWIT_SIMULATE_H

/* Your own handlers in the simulator: clusters of peers in virtual time, in which processes are
 * killed at any point of a handler, and after which your own invariants are asked. The handlers are
 * the source that runs in production; beside them stands one file that says what is to be sent and
 * what must hold:
 *
 *     static size_t make(uint64_t number, uint64_t random, void *data, size_t capacity)
 *     {
 *         return (size_t)snprintf(data, capacity, "deposit %d", (int)(random % 100));
 *     }
 *     static void check(godwit_sim_view_t *view)
 *     {
 *         if (sum_of_balances(view) != sum_of_deposits(view))
 *             godwit_sim_violated(view, "the bank holds %d, but was given %d", ...);
 *     }
 *     static const godwit_sim_part_t parts[] = {
 *         {.destination = "stage:deposit", .on_delivery = deposit, .make = make},
 *     };
 *     GODWIT_SIMULATION("bank", parts, NULL, check)
 *
 *     cc -shared -fPIC bank.c bank_sim.c -o bank.so $(pkg-config --cflags godwit)
 *     godwit sim --handler ./bank.so --seeds 1-500
 *
 * It is not linked with libgodwit: the simulator offers the calls, and says so if it has not got
 * one. docs/simulate.md begins at the beginning, and says what a handler must not do there. Not
 * included by godwit.h. */

#include "godwit/delivery.h"
#include "godwit/error.h"
#include "godwit/message.h"
#include "godwit/peer.h"
#include "godwit/pipeline.h"
#include "godwit/request_reply.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what is simulated ---- */

/* What `make` may write at most, and what a handler may send. */
#define GODWIT_SIM_INPUT_MAX 4096

/* One destination and who serves it. Without a handler the simulator takes what is sent there, and
 * processes it. */
typedef struct godwit_sim_part {
    const char *destination; /* "stage:NAME" or "service:NAME" */
    /* Stage: one message, as godwit_stage_next gave it; the function decides it (ack, nack, reject,
     * a transaction) and is called again for the next one. `state` is what start returned. */
    void (*on_delivery)(void *state, godwit_peer_t *peer, godwit_delivery_t *delivery);
    /* Stage, instead of it: a worker's whole loop, until godwit_stage_next answers GODWIT_ECLOSED.
     * For those who take many at once. */
    void (*work)(void *state, godwit_peer_t *peer, godwit_stage_t *stage);
    godwit_handler_fn on_call; /* service: its context is `state` */
    uint32_t threads;          /* of a process, as in production: 1 to 4; 0: 1 */
    /* What a client sends there: writes the `number`th input (from 1) into the `capacity` bytes at
     * `data` and returns its size. It follows from its arguments alone. NULL: only handlers send
     * there. */
    size_t (*make)(uint64_t number, uint64_t random, void *data, size_t capacity);
} godwit_sim_part_t;

typedef struct godwit_sim_view godwit_sim_view_t;

typedef struct godwit_simulation {
    size_t size;      /* these two are set by GODWIT_SIMULATION */
    size_t part_size;
    const char *name; /* in reports: 1-64 of [a-z0-9._-] */
    const godwit_sim_part_t *parts; /* 1 to 8 */
    size_t part_count;
    /* A process of a peer begins: makes what its handlers share, or does what the program does
     * before it serves. It may be killed and begin again at any time, and nothing but the store
     * remains; there is no stop. NULL: there is no state. */
    void *(*start)(godwit_peer_t *peer);
    /* What must hold: looks, and says so if it does not (godwit_sim_violated). Asked whenever a
     * process has begun again, before its handlers do anything, and when all is settled. NULL: only
     * what godwit itself promises is asked. */
    void (*check)(godwit_sim_view_t *view);
} godwit_simulation_t;

/* The one symbol that the shared object shows; see GODWIT_SIMULATION. */
extern GODWIT_EXPORT const godwit_simulation_t godwit_simulation;

/* Defines it. `parts_` is an array. */
#define GODWIT_SIMULATION(name_, parts_, start_, check_)                    \
    const godwit_simulation_t godwit_simulation = {                         \
        sizeof(godwit_simulation_t), sizeof(godwit_sim_part_t), (name_),    \
        (parts_), sizeof(parts_) / sizeof((parts_)[0]), (start_), (check_)};

/* ---- for handlers, and what they call ---- */

/* An effect outside the store has happened: a card is charged, a mail is sent. It is recorded at
 * once, whatever becomes of the process. To be called by what stands in for the outside world; at
 * most 255 bytes count. */
GODWIT_EXPORT void godwit_sim_effect(const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 1, 2)))
#endif
    ;

/* ---- for `check` alone ---- */

/* Says in a sentence what does not hold. The first one counts, and ends the run. */
GODWIT_EXPORT void godwit_sim_violated(godwit_sim_view_t *view, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* True the last time: the faults are over, and every message has ended. */
GODWIT_EXPORT bool godwit_sim_settled(const godwit_sim_view_t *view);

/* The peers, whether they are up or not: their committed keys can be read, by godwit_get and
 * godwit_scan; other calls answer GODWIT_EINVAL. */
GODWIT_EXPORT size_t godwit_sim_peer_count(const godwit_sim_view_t *view);
GODWIT_EXPORT godwit_peer_t *godwit_sim_peer(const godwit_sim_view_t *view, size_t index);

/* A message that was sent to a part, by a client or by a handler, and what became of it so far. */
typedef struct godwit_sim_message {
    godwit_id_t id;
    const char *destination;
    const char *sender; /* the peer's name */
    const void *data;
    size_t size;
    bool made;          /* by the part's `make`; otherwise a handler sent it */
    bool accepted;      /* it was stored: from then on it must not be lost */
    bool processed;     /* that decision is stored where it was made, with what belongs to it */
    bool dead;          /* it is a dead letter */
    bool answered;      /* its sender has got the reply, with the code and bytes that follow */
    uint32_t code;
    const void *answer;
    size_t answer_size;
} godwit_sim_message_t;

/* All that were sent, in the order of their sending. */
GODWIT_EXPORT size_t godwit_sim_message_count(const godwit_sim_view_t *view);
GODWIT_EXPORT const godwit_sim_message_t *godwit_sim_message(const godwit_sim_view_t *view,
                                                             size_t index);

/* All effects, in the order in which they happened. */
GODWIT_EXPORT size_t godwit_sim_effect_count(const godwit_sim_view_t *view);
GODWIT_EXPORT const char *godwit_sim_effect_text(const godwit_sim_view_t *view, size_t index);

#ifdef __cplusplus
}
#endif
#endif
