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

static void handle(void *state, godwit_peer_t *peer, godwit_delivery_t *delivery)
{
    (void)state, (void)peer;
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

static size_t make(uint64_t number, uint64_t random, void *data, size_t capacity)
{
    (void)number, (void)random, (void)capacity;
    memset(data, 'x', 1);
    return 1;
}

/* An exit of a simulated process is not one of the simulator; no process counts beyond three. */
static void check(godwit_sim_view_t *view)
{
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
};

GODWIT_SIMULATION("odd", parts, NULL, check)
