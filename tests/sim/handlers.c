/* SPDX-License-Identifier: MPL-2.0 */

/* Handlers that misbehave, one for each KIND: what the simulator must say of each. */

#include <godwit.h>
#include <godwit/simulate.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FINE         1
#define FAULTS       2
#define LOOPS        3
#define DIGS         4
#define EXITS        5
#define OPENS_A_PEER 6
#define NOWHERE      7
#define FORGETS      8
#define BAD_PART     9
#define SHARES       10
#define HURRIES      11

#if KIND == NOWHERE
void no_such_function(void);
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int calls; /* of one process: fresh at its start */

static volatile int bottom; /* never reached */

static int dig(volatile char *above)
{
    volatile char here[4096];

    here[0] = above ? above[0] : 1;
    return bottom ? 0 : dig(here) + here[0];
}

/* Two threads, a lock that is held while time passes, and variables that a restart forgets. */
static void share(godwit_delivery_t *delivery)
{
    time_t before = time(NULL);

    pthread_mutex_lock(&lock);
    if (++calls > 3)
        exit(1);
    sleep(2);
    if (time(NULL) < before + 2)
        abort();
    pthread_mutex_unlock(&lock);
    godwit_sim_effect("call %d, lot %d", calls, rand());
    (void)delivery;
}

/* Passes it on and takes the next one, not waiting for the commit. */
static void hurry(godwit_peer_t *peer, godwit_delivery_t *delivery)
{
    godwit_txn_t *txn;

    if (godwit_txn_begin(peer, &txn))
        abort();
    godwit_txn_ack(txn, delivery);
    godwit_txn_push_data(txn, "y", godwit_delivery_data(delivery), godwit_delivery_size(delivery));
    godwit_err_t error = godwit_txn_commit_async(&txn);
    if (!txn || error == GODWIT_ECLOSED)
        return;
    godwit_txn_abort(&txn); /* no room for what it sends */
    godwit_nack(&delivery, -1, "full");
}

static uint32_t answer(void *state, godwit_call_t *call)
{
    (void)state;
    return godwit_call_reply(call, godwit_call_data(call), godwit_call_size(call)) ? 1 : 0;
}

static void handle(void *state, godwit_peer_t *peer, godwit_delivery_t *delivery)
{
    (void)state;
    if (KIND == HURRIES) {
        hurry(peer, delivery);
        return;
    }
    if (KIND == FAULTS)
        abort();
    for (volatile unsigned at = 0; KIND == LOOPS;)
        at++;
    if (KIND == DIGS)
        dig(NULL);
    if (KIND == EXITS)
        exit(7);
    if (KIND == FORGETS)
        return;
    if (KIND == SHARES)
        share(delivery);
#if KIND == OPENS_A_PEER
    godwit_peer_open(NULL, NULL);
#elif KIND == NOWHERE
    no_such_function();
#endif
    godwit_ack(&delivery);
}

/* What was passed on comes here. */
static void end(void *state, godwit_peer_t *peer, godwit_delivery_t *delivery)
{
    (void)state, (void)peer;
    godwit_ack(&delivery);
}

static size_t make(uint64_t number, uint64_t random, void *data, size_t capacity)
{
    (void)number, (void)random, (void)capacity;
    memset(data, 'x', 1);
    return 1;
}

/* Each message of x that is processed was passed on, and no other: the two are one commit. */
static void check_passed_on(godwit_sim_view_t *view)
{
    long more = 0;

    for (size_t i = 0; i < godwit_sim_message_count(view); i++) {
        const godwit_sim_message_t *message = godwit_sim_message(view, i);

        if (strcmp(message->destination, "stage:x") == 0)
            more += message->processed;
        else if (strcmp(message->destination, "stage:y") == 0)
            more -= message->accepted;
    }
    if (more != 0)
        godwit_sim_violated(view, "%ld more were processed than passed on", more);
}

/* An exit of a simulated process is not one of the simulator; no process counts beyond three. */
static void check(godwit_sim_view_t *view)
{
    if (KIND == HURRIES)
        check_passed_on(view);
    for (size_t i = 0; i < godwit_sim_effect_count(view); i++) {
        if (atoi(godwit_sim_effect_text(view, i) + 5) > 3)
            godwit_sim_violated(view, "a variable outlived its process");
    }
}

static const godwit_sim_part_t parts[] = {
    {.destination = KIND == BAD_PART ? "queue:x" : "stage:x",
     .on_delivery = handle,
     .threads = KIND == SHARES ? 2 : 0,
     .make = make},
    {.destination = "stage:y", .on_delivery = end},
    {.destination = "service:z", .on_call = answer, .threads = 2, .make = make},
};

GODWIT_SIMULATION("odd", parts, NULL, check)
