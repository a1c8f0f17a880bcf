/* SPDX-License-Identifier: MPL-2.0 */

/* What threads that run a round of the engine leave to it, and to each other (src/peer/helm.h).
 * Nothing else may bring the engine to look, so heartbeats are so rare that the first PING goes out
 * after 38 s at the soonest, which is longer than a test waits. And where it matters a test first
 * lets the time pass at which the other side asks after a frame that is overdue to it. */

#include "asking.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define RARE_HEARTBEAT_MS 60000
#define PATIENCE_MS       20000 /* more than enough, and less than those 38 s */
#define OVERDUE_MS        1000  /* is asked after: 240 ms, and 480 ms again, at the most */

static atomic_uint yields; /* of the core, by any thread of this process */

int __wrap_sched_yield(void);
int __real_sched_yield(void);

int __wrap_sched_yield(void)
{
    atomic_fetch_add(&yields, 1);
    return __real_sched_yield();
}

/* The client takes a reply that is there already and does nothing more at all: that it has it is
 * decided with whatever the engine does next, and there is nothing but the reminder. */
static void a_decision_that_nobody_waits_for_is_made_soon(void **state)
{
    godwit_peer_t *client = live_peer_beating("client", RARE_HEARTBEAT_MS);
    godwit_peer_t *server = live_peer_beating("server", RARE_HEARTBEAT_MS);
    godwit_service_t *service = serve(server, gated_echo, 1);
    const godwit_id_t never = {1, 1};
    godwit_reply_t *reply;

    (void)state;
    live_join(client, server);
    for (uint64_t i = 1; i <= 3; i++) {
        gate_set(false);
        godwit_id_t id = send_text(client, "ask");
        fails(GODWIT_ETIMEDOUT, godwit_reply_wait(client, id, OVERDUE_MS, &reply));
        gate_set(true);
        wait_counter(client, "delivered", i);
        fails(GODWIT_ETIMEDOUT, godwit_reply_wait(client, never, OVERDUE_MS, &reply));
        ok(godwit_reply_wait(client, id, PATIENCE_MS, &reply));
        expect_reply(&reply, "ask");
        ok(godwit_peer_drain(server, GODWIT_SETTLED, PATIENCE_MS)); /* the client has decided */
    }
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

/* A thread that waits for a message drives the engine meanwhile: it hears that another message
 * comes back and may go again in a second, and stores that. Then it leaves, while the engine's
 * thread sleeps on. */
static void what_falls_due_when_a_waiter_has_left_is_done(void **state)
{
    godwit_peer_t *walker = live_peer_beating("walker", RARE_HEARTBEAT_MS);
    godwit_peer_t *worker = live_peer_beating("worker", RARE_HEARTBEAT_MS);
    godwit_stage_t *stage = live_stage(worker, "s"), *own = live_stage(walker, "own");
    godwit_delivery_t *delivery, *none;

    (void)state;
    live_join(worker, walker);
    ok(godwit_push_data(walker, "s", "x", 1, NULL));
    ok(godwit_stage_next(stage, PATIENCE_MS, &delivery));
    fails(GODWIT_ETIMEDOUT, godwit_stage_next(own, OVERDUE_MS, &none));
    ok(godwit_nack(&delivery, 1000, "later"));
    for (int i = 0; i < PATIENCE_MS / 20 && live_counter(walker, "nacked") == 0; i++)
        fails(GODWIT_ETIMEDOUT, godwit_stage_next(own, 20, &none));
    assert_int_equal(live_counter(walker, "nacked"), 1);
    fails(GODWIT_ETIMEDOUT, godwit_stage_next(own, 300, &none));
    ok(godwit_stage_next(stage, PATIENCE_MS, &delivery));
    assert_int_equal(godwit_delivery_attempt(delivery), 2);
    ok(godwit_ack(&delivery));
    godwit_stage_close(&own);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

/* --- several who wait --- */

#define TAKERS 4
#define ROUNDS 10

static struct {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int taken; /* of all rounds */
} table = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

/* True once all have one of the round. */
static bool meet(int round)
{
    struct timespec end;
    int late = 0;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&table.lock);
    table.taken++;
    pthread_cond_broadcast(&table.moved);
    while (table.taken < (round + 1) * TAKERS && late == 0)
        late = pthread_cond_timedwait(&table.moved, &table.lock, &end);
    pthread_mutex_unlock(&table.lock);
    return late == 0;
}

/* Takes one and keeps it until everybody has one: who is not woken for his own gets none. */
static void *take(void *stage)
{
    bool good = true;

    for (int round = 0; round < ROUNDS && good; round++) {
        godwit_delivery_t *delivery;

        good = godwit_stage_next(stage, 2 * PATIENCE_MS, &delivery) == GODWIT_OK && meet(round);
        good = godwit_ack(&delivery) == GODWIT_OK && good;
    }
    return good ? stage : NULL;
}

/* One of them drives the engine and the others sleep, when a run of messages comes. */
static void each_of_several_who_wait_is_woken_for_a_message(void **state)
{
    godwit_peer_t *walker = live_peer_beating("walker", RARE_HEARTBEAT_MS);
    godwit_peer_t *worker = live_peer_beating("worker", RARE_HEARTBEAT_MS);
    godwit_stage_t *stage = live_stage(worker, "s");
    pthread_t takers[TAKERS];

    (void)state;
    for (int i = 0; i < TAKERS; i++)
        assert_int_equal(pthread_create(&takers[i], NULL, take, stage), 0);
    live_join(worker, walker);
    for (int round = 0; round < ROUNDS; round++) {
        godwit_txn_t *txn;

        ok(godwit_txn_begin(walker, &txn));
        for (int i = 0; i < TAKERS; i++)
            ok(godwit_txn_push_data(txn, "s", "x", 1));
        ok(godwit_txn_commit(&txn));
        ok(godwit_peer_drain(walker, GODWIT_SETTLED, 3 * PATIENCE_MS));
    }
    for (int i = 0; i < TAKERS; i++) {
        void *good;

        pthread_join(takers[i], &good);
        assert_non_null(good);
    }
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

/* --- the core --- */

/* Sends so many, and has them processed and settled. */
static void pass(godwit_peer_t *sender, godwit_stage_t *stage, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ok(godwit_push_data(sender, "s", "x", 1, NULL));
    for (unsigned i = 0; i < count; i++) {
        godwit_delivery_t *delivery = live_next(stage);

        ok(godwit_ack(&delivery));
    }
    ok(godwit_peer_drain(sender, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
}

#define REQUESTS 64 /* under way at once */

static void ask(godwit_peer_t *client)
{
    godwit_id_t ids[REQUESTS];
    godwit_reply_t *reply;

    for (unsigned i = 0; i < REQUESTS; i++)
        ids[i] = send_text(client, "ask");
    for (unsigned i = 0; i < REQUESTS; i++) {
        ok(godwit_reply_wait(client, ids[i], LIVE_TIMEOUT_MS, &reply));
        expect_reply(&reply, "ask");
    }
}

/* Where messages come in groups the engine lets go first whoever brings the next group. A lone one
 * has nobody to wait for, and would wait for strangers; so would requests and replies, for each of
 * which somebody waits. */
static void only_a_group_lets_others_go_first(void **state)
{
    godwit_peer_t *sender = live_peer("sender"), *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    godwit_service_t *service = serve(worker, gated_echo, 4);

    (void)state;
    live_join(worker, sender);
    gate_set(true);
    atomic_store(&yields, 0);
    for (int i = 0; i < 50; i++)
        pass(sender, stage, 1);
    for (int i = 0; i < 20; i++)
        ask(sender);
    assert_int_equal(atomic_load(&yields), 0);
    for (int i = 0; i < 1000 && atomic_load(&yields) == 0; i++)
        pass(sender, stage, 100);
    assert_true(atomic_load(&yields) > 0);
    ok(godwit_service_close(&service));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&sender));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decision_that_nobody_waits_for_is_made_soon),
        cmocka_unit_test(what_falls_due_when_a_waiter_has_left_is_done),
        cmocka_unit_test(each_of_several_who_wait_is_woken_for_a_message),
        cmocka_unit_test(only_a_group_lets_others_go_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
