/* SPDX-License-Identifier: MPL-2.0 */

/* The two peers of traffic.h. */

#include "traffic.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#define MOST 60000   /* messages of one side */
#define BURST 8      /* sent before the sender asks how they ended */
#define BATCH 16     /* deliveries in one transaction */
#define MESSAGE 1000 /* bytes: the number, and what does not compress */
#define ROOM (4 << 20)
#define PATIENCE_MS 60000

struct party {
    enum side side;
    godwit_stage_t *stage;
    pthread_t sending, working;
    godwit_id_t ids[MOST];
    atomic_uint sent;
    atomic_uint stored;     /* and asked for */
    atomic_uint not_stored;
    atomic_uchar processed[MOST]; /* by the other side */
    atomic_uint processed_count;
};

godwit_peer_t *traffic_peer[SIDES];
char traffic_directory[SIDES][160];

static const char *const names[SIDES] = {"left", "right"};
static struct party parties[SIDES];
static char own_base[128];
static atomic_bool stop_sending, stop_working;
static atomic_uint failed;

void pause_ms(unsigned ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&pause, NULL);
}

static void wrong(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, godwit_last_error());
    atomic_fetch_add(&failed, 1);
}

/* --- sending --- */

/* A definite answer, however long the disk is away. */
static void learn(struct party *self, unsigned number)
{
    godwit_err_t error;

    do
        error = godwit_wait(traffic_peer[self->side], self->ids[number], GODWIT_STORED, 1000);
    while (error == GODWIT_ETIMEDOUT);
    if (error == GODWIT_OK)
        atomic_fetch_add(&self->stored, 1);
    else if (error == GODWIT_ENOTSTORED)
        atomic_fetch_add(&self->not_stored, 1);
    else
        wrong("wait");
}

static void *send_all(void *context)
{
    struct party *self = context;
    unsigned char bytes[MESSAGE];
    unsigned seed = (unsigned)self->side + 1, next = 0;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(rand_r(&seed) >> 7);
    while (!atomic_load(&stop_sending) && next + BURST <= MOST && !atomic_load(&failed)) {
        unsigned first = next;
        for (unsigned i = 0; i < BURST; i++) {
            memcpy(bytes, &next, sizeof next);
            godwit_err_t error = godwit_push_data(traffic_peer[self->side],
                                                  names[!self->side], bytes, sizeof bytes,
                                                  &self->ids[next]);
            if (error)
                return wrong("push"), NULL;
            atomic_store(&self->sent, ++next);
        }
        while (first < next)
            learn(self, first++);
        pause_ms(1);
    }
    return NULL;
}

/* --- working --- */

static unsigned number_of(const godwit_delivery_t *delivery)
{
    unsigned number;

    memcpy(&number, godwit_delivery_data(delivery), sizeof number);
    return number;
}

/* The other side's messages in the deliveries are processed, once the commit says so. */
static void process(struct party *self, godwit_delivery_t **deliveries, unsigned count)
{
    struct party *other = &parties[!self->side];
    unsigned numbers[BATCH];
    godwit_txn_t *txn;

    if (godwit_txn_begin(traffic_peer[self->side], &txn))
        return wrong("begin");
    for (unsigned i = 0; i < count; i++) {
        numbers[i] = number_of(deliveries[i]);
        if (numbers[i] >= MOST)
            return wrong("a message of nobody's");
        if (godwit_txn_ack(txn, deliveries[i]) ||
            godwit_txn_put(txn, "seen", &numbers[i], sizeof numbers[i], "1", 1))
            return wrong("transaction");
    }
    godwit_err_t error = godwit_txn_commit(&txn);
    if (error == GODWIT_ENOTSTORED || error == GODWIT_ESTALE)
        return; /* they come again */
    if (error)
        return wrong("commit");
    for (unsigned i = 0; i < count; i++)
        if (atomic_fetch_add(&other->processed[numbers[i]], 1) == 0)
            atomic_fetch_add(&other->processed_count, 1);
}

static void *work_all(void *context)
{
    struct party *self = context;

    while (!atomic_load(&stop_working)) {
        godwit_delivery_t *deliveries[BATCH];
        unsigned count = 0;

        while (count < BATCH && godwit_stage_next(self->stage, count ? 0 : 20,
                                                  &deliveries[count]) == GODWIT_OK)
            count++;
        if (count > 0)
            process(self, deliveries, count);
    }
    return NULL;
}

/* --- begin, end --- */

static godwit_peer_t *open_peer(enum side side)
{
    godwit_peer_options_t options = live_options(names[side]);
    godwit_peer_t *peer;

    options.directory = traffic_directory[side];
    options.heartbeat_ms = TRAFFIC_HEARTBEAT_MS;
    options.outbox_max_bytes = ROOM;
    ok(godwit_peer_open(&options, &peer));
    return peer;
}

void traffic_begin(const char *base)
{
    own_base[0] = '\0';
    if (!base)
        base = live_directory(own_base);
    atomic_store(&stop_sending, false);
    atomic_store(&stop_working, false);
    for (unsigned i = 0; i < SIDES; i++) {
        memset(&parties[i], 0, sizeof parties[i]);
        parties[i].side = (enum side)i;
        snprintf(traffic_directory[i], sizeof traffic_directory[i], "%s/%s", base, names[i]);
        traffic_peer[i] = open_peer((enum side)i);
        parties[i].stage = live_stage(traffic_peer[i], names[i]);
    }
    live_join(traffic_peer[LEFT], traffic_peer[RIGHT]);
    for (unsigned i = 0; i < SIDES; i++) {
        assert_int_equal(pthread_create(&parties[i].working, NULL, work_all, &parties[i]), 0);
        assert_int_equal(pthread_create(&parties[i].sending, NULL, send_all, &parties[i]), 0);
    }
}

unsigned traffic_stored(enum side side)
{
    return atomic_load(&parties[side].stored);
}

void traffic_gets_on(unsigned more)
{
    unsigned stored[SIDES], processed[SIDES];

    for (unsigned i = 0; i < SIDES; i++) {
        stored[i] = atomic_load(&parties[i].stored);
        processed[i] = atomic_load(&parties[i].processed_count);
    }
    for (unsigned i = 0; i < SIDES; i++)
        for (unsigned ms = 0; atomic_load(&parties[i].stored) < stored[i] + more ||
                              atomic_load(&parties[i].processed_count) < processed[i] + more;
             ms++) {
            if (ms > PATIENCE_MS || atomic_load(&failed))
                fail_msg("%s does not get on: %u stored, %u processed", names[i],
                         atomic_load(&parties[i].stored),
                         atomic_load(&parties[i].processed_count));
            pause_ms(1);
        }
}

static void check_books(const struct party *party)
{
    unsigned sent = atomic_load(&party->sent), accepted = 0;

    for (unsigned i = 0; i < sent; i++) {
        godwit_err_t error =
            godwit_wait(traffic_peer[party->side], party->ids[i], GODWIT_SETTLED, 0);
        unsigned times = atomic_load(&party->processed[i]);
        if (error != GODWIT_OK && error != GODWIT_ENOTSTORED)
            fail_msg("%s %u: %s", names[party->side], i, godwit_error_name(error));
        if (times != (error == GODWIT_OK))
            fail_msg("%s %u: %s, and processed %u times", names[party->side], i,
                     error ? "not stored" : "accepted", times);
        accepted += error == GODWIT_OK;
    }
    assert_int_equal(accepted, atomic_load(&party->stored));
    print_message("%s: %u accepted and processed once, %u not stored\n", names[party->side],
                  accepted, sent - accepted);
}

void traffic_end(void)
{
    atomic_store(&stop_sending, true);
    for (unsigned i = 0; i < SIDES; i++)
        pthread_join(parties[i].sending, NULL);
    for (unsigned i = 0; i < SIDES; i++) {
        godwit_err_t error =
            godwit_peer_drain(traffic_peer[i], GODWIT_SETTLED, LIVE_TIMEOUT_MS);
        if (error != GODWIT_ENOTSTORED)
            ok(error);
        else
            ok(godwit_peer_drain(traffic_peer[i], GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    }
    atomic_store(&stop_working, true);
    for (unsigned i = 0; i < SIDES; i++)
        pthread_join(parties[i].working, NULL);
    assert_int_equal(atomic_load(&failed), 0);
    for (unsigned i = 0; i < SIDES; i++)
        check_books(&parties[i]);
    for (unsigned i = 0; i < SIDES; i++) {
        godwit_stage_close(&parties[i].stage);
        ok(godwit_peer_close(&traffic_peer[i]));
    }
    if (own_base[0])
        live_remove(own_base);
}
