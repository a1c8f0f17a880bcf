/* SPDX-License-Identifier: MPL-2.0 */

/* Work that fails and is said to: nack, reject, what a worker gives back, order after a failure;
 * and many messages at a time. */

#include "live.h"

#include <poll.h>

#define MANY 1000

struct shop {
    godwit_peer_t *walker;
    godwit_peer_t *worker;
    godwit_stage_t *stage;
};

static struct shop open_shop(const godwit_destination_options_t *policy)
{
    struct shop shop = {.walker = live_peer("walker"), .worker = live_peer("worker")};

    if (policy)
        ok(godwit_destination_set(shop.walker, "stage:s", policy));
    shop.stage = live_stage(shop.worker, "s");
    live_join(shop.worker, shop.walker);
    ok(godwit_peer_wait_members(shop.walker, "stage:s", 1, LIVE_TIMEOUT_MS));
    return shop;
}

static void close_shop(struct shop *shop)
{
    godwit_stage_close(&shop->stage);
    ok(godwit_peer_close(&shop->worker));
    ok(godwit_peer_close(&shop->walker));
}

static godwit_id_t push(godwit_peer_t *walker, int number)
{
    godwit_id_t id;

    ok(godwit_push_data(walker, "s", &number, sizeof number, &id));
    return id;
}

static int number_of(const godwit_delivery_t *delivery)
{
    int number;

    assert_int_equal(godwit_delivery_size(delivery), sizeof number);
    memcpy(&number, godwit_delivery_data(delivery), sizeof number);
    return number;
}

static void next_is(godwit_stage_t *stage, int number, uint32_t attempt)
{
    godwit_delivery_t *delivery = live_next(stage);

    assert_int_equal(number_of(delivery), number);
    assert_int_equal(godwit_delivery_attempt(delivery), attempt);
    ok(godwit_ack(&delivery));
}

/* --- nack --- */

static void a_nacked_message_comes_again_as_the_next_attempt(void **state)
{
    struct shop shop = open_shop(NULL);
    godwit_id_t id = push(shop.walker, 1), again;

    (void)state;
    for (uint32_t attempt = 1; attempt <= 4; attempt++) {
        godwit_delivery_t *delivery = live_next(shop.stage);

        assert_int_equal(godwit_delivery_attempt(delivery), attempt);
        assert_int_equal(godwit_delivery_redelivered(delivery), attempt > 1);
        assert_false(godwit_delivery_maybe_duplicate(delivery));
        again = godwit_delivery_id(delivery);
        assert_memory_equal(&again, &id, sizeof id);
        ok(godwit_nack(&delivery, attempt == 1 ? 0 : 20, "not yet"));
        assert_null(delivery);
    }
    next_is(shop.stage, 1, 5);
    ok(godwit_wait(shop.walker, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(shop.worker, "returned"), 4);
    close_shop(&shop);
}

static void a_nacked_message_may_go_to_another_worker(void **state)
{
    struct shop shop = open_shop(NULL);
    godwit_peer_t *other = live_peer("other");
    godwit_stage_t *other_stage;

    (void)state;
    push(shop.walker, 7);
    godwit_delivery_t *delivery = live_next(shop.stage);
    other_stage = live_stage(other, "s");
    live_join(other, shop.walker);
    ok(godwit_peer_wait_members(shop.walker, "stage:s", 2, LIVE_TIMEOUT_MS));
    godwit_stage_close(&shop.stage);
    ok(godwit_nack(&delivery, 0, "I leave"));
    next_is(other_stage, 7, 2);
    ok(godwit_peer_drain(shop.walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&other_stage);
    ok(godwit_peer_close(&other));
    close_shop(&shop);
}

static void after_max_attempts_it_is_a_dead_letter(void **state)
{
    godwit_destination_options_t policy = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_dead_t *dead;

    (void)state;
    policy.max_attempts = 3;
    struct shop shop = open_shop(&policy);
    godwit_id_t id = push(shop.walker, 3);
    for (uint32_t attempt = 1; attempt <= 3; attempt++) {
        godwit_delivery_t *delivery = live_next(shop.stage);

        assert_int_equal(godwit_delivery_attempt(delivery), attempt);
        ok(godwit_nack(&delivery, 0, attempt < 3 ? "" : "bro\tken"));
    }
    fails(GODWIT_EDEAD, godwit_wait(shop.walker, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_dead_get(shop.walker, id, &dead));
    assert_int_equal(dead->reason, GODWIT_DEATH_ATTEMPTS);
    assert_int_equal(dead->attempts, 3);
    assert_string_equal(dead->text, "bro?ken");
    assert_string_equal(dead->member, "worker");
    godwit_dead_free(&dead);
    close_shop(&shop);
}

/* --- reject --- */

static void a_rejected_message_is_decided_and_a_dead_letter(void **state)
{
    struct shop shop = open_shop(NULL);
    godwit_id_t first = push(shop.walker, 1), bad = push(shop.walker, 2);
    godwit_dead_t *dead;

    (void)state;
    push(shop.walker, 3);
    next_is(shop.stage, 1, 1);
    godwit_delivery_t *delivery = live_next(shop.stage);
    ok(godwit_reject(&delivery, 404, "no such thing"));
    next_is(shop.stage, 3, 1);
    fails(GODWIT_EDEAD, godwit_wait(shop.walker, bad, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_wait(shop.walker, first, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_drain(shop.walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_dead_get(shop.walker, bad, &dead));
    assert_int_equal(dead->reason, GODWIT_DEATH_REJECTED);
    assert_int_equal(dead->code, 404);
    assert_string_equal(dead->text, "no such thing");
    assert_int_equal(dead->size, sizeof(int));
    godwit_dead_free(&dead);
    close_shop(&shop);
}

/* A rejection, an ack and an output of one transaction. */
static void a_transaction_rejects_and_sends_at_once(void **state)
{
    struct shop shop = open_shop(NULL);
    godwit_stage_t *errors = live_stage(shop.walker, "errors");
    godwit_delivery_t *bad, *good, *report;
    godwit_id_t id = push(shop.walker, 1);
    godwit_dead_t *dead;
    godwit_txn_t *txn;

    (void)state;
    push(shop.walker, 2);
    bad = live_next(shop.stage);
    good = live_next(shop.stage);
    ok(godwit_txn_begin(shop.worker, &txn));
    ok(godwit_txn_reject(txn, bad, 9, "cannot be"));
    fails(GODWIT_EINVAL, godwit_txn_ack(txn, bad));
    fails(GODWIT_EINVAL, godwit_reject(&bad, 9, NULL));
    fails(GODWIT_EINVAL, godwit_nack(&bad, 0, NULL));
    ok(godwit_txn_ack(txn, good));
    ok(godwit_txn_push_data(txn, "errors", "one", 3));
    ok(godwit_txn_commit(&txn));
    report = live_next(errors);
    assert_memory_equal(godwit_delivery_data(report), "one", 3);
    ok(godwit_ack(&report));
    fails(GODWIT_EDEAD, godwit_wait(shop.walker, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_drain(shop.walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_dead_get(shop.walker, id, &dead));
    assert_int_equal(dead->code, 9);
    assert_string_equal(dead->text, "cannot be");
    godwit_dead_free(&dead);
    godwit_stage_close(&errors);
    close_shop(&shop);
}

static void an_aborted_rejection_leaves_the_delivery(void **state)
{
    struct shop shop = open_shop(NULL);
    godwit_txn_t *txn;

    (void)state;
    push(shop.walker, 1);
    godwit_delivery_t *delivery = live_next(shop.stage);
    ok(godwit_txn_begin(shop.worker, &txn));
    ok(godwit_txn_reject(txn, delivery, 1, NULL));
    godwit_txn_abort(&txn);
    ok(godwit_nack(&delivery, 0, NULL));
    next_is(shop.stage, 1, 2);
    ok(godwit_peer_drain(shop.walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    close_shop(&shop);
}

/* --- what a worker gives back --- */

static void a_closed_stage_gives_back_what_it_did_not_hand_over(void **state)
{
    struct shop shop = open_shop(NULL);
    godwit_peer_t *other = live_peer("other");

    (void)state;
    for (int i = 0; i < 10; i++)
        push(shop.walker, i);
    godwit_delivery_t *begun = live_next(shop.stage);
    godwit_stage_close(&shop.stage);
    godwit_stage_t *stage = live_stage(other, "s");
    live_join(other, shop.walker);
    for (int i = 1; i < 10; i++)
        next_is(stage, i, 1); /* charged to nobody */
    ok(godwit_ack(&begun));
    ok(godwit_peer_drain(shop.walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&other));
    close_shop(&shop);
}

/* The deadline of the destination asks back what waits behind a slow handler. */
static void what_waits_too_long_is_asked_back_and_goes_elsewhere(void **state)
{
    godwit_destination_options_t policy = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_peer_t *other = live_peer("other");

    (void)state;
    policy.deadline_ms = 100;
    struct shop shop = open_shop(&policy);
    for (int i = 0; i < 5; i++)
        push(shop.walker, i);
    godwit_delivery_t *slow = live_next(shop.stage);
    assert_int_equal(number_of(slow), 0);
    godwit_stage_t *stage = live_stage(other, "s");
    live_join(other, shop.walker);
    bool seen[5] = {true};
    for (int i = 1; i < 5; i++) {
        godwit_delivery_t *delivery = live_next(stage);
        int number = number_of(delivery);

        assert_in_range(number, 1, 4);
        assert_false(seen[number]);
        seen[number] = true;
        assert_int_equal(godwit_delivery_attempt(delivery), 1);
        ok(godwit_ack(&delivery));
    }
    struct pollfd poll_fd = {.fd = godwit_stage_fd(shop.stage), .events = POLLIN};
    assert_int_equal(poll(&poll_fd, 1, 0), 0); /* they left the queue */
    ok(godwit_ack(&slow));                     /* begun: it stayed */
    ok(godwit_peer_drain(shop.walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_true(live_counter(shop.worker, "recalled") >= 4);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&other));
    close_shop(&shop);
}

/* --- order --- */

static void an_ordered_stage_goes_on_after_a_nack_where_it_was(void **state)
{
    godwit_destination_options_t policy = GODWIT_DESTINATION_OPTIONS_INIT;

    (void)state;
    policy.ordering = GODWIT_ORDERING_ORDERED;
    struct shop shop = open_shop(&policy);
    for (int i = 0; i < 200; i++)
        push(shop.walker, i);
    for (int i = 0; i < 200; i++) {
        uint32_t attempts = i % 10 == 3 ? 3 : 1;

        for (uint32_t attempt = 1; attempt < attempts; attempt++) {
            godwit_delivery_t *delivery = live_next(shop.stage);

            assert_int_equal(number_of(delivery), i);
            ok(godwit_nack(&delivery, attempt == 1 ? 0 : 5, NULL));
        }
        next_is(shop.stage, i, attempts);
    }
    ok(godwit_peer_drain(shop.walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    close_shop(&shop);
}

/* --- many --- */

static void many_are_taken_and_acked_at_a_time(void **state)
{
    struct shop shop = open_shop(NULL);
    godwit_delivery_t *deliveries[64];
    size_t count, done = 0, calls = 0;

    (void)state;
    for (int i = 0; i < MANY; i++)
        push(shop.walker, i);
    while (done < MANY) {
        ok(godwit_stage_next_many(shop.stage, LIVE_TIMEOUT_MS, deliveries, 64, &count));
        assert_in_range(count, 1, 64);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(number_of(deliveries[i]), done + i);
        ok(godwit_ack_many(deliveries, count));
        assert_null(deliveries[0]);
        done += count;
        calls++;
    }
    assert_true(calls >= MANY / 64);
    ok(godwit_peer_drain(shop.walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ETIMEDOUT, godwit_stage_next_many(shop.stage, 0, deliveries, 64, &count));
    assert_int_equal(count, 0);
    close_shop(&shop);
}

static void a_closed_peer_answers_many(void **state)
{
    struct shop shop = open_shop(NULL);
    godwit_delivery_t *deliveries[4];
    size_t count, got = 0;

    (void)state;
    for (int i = 0; i < 4; i++)
        push(shop.walker, i);
    while (got < 4) {
        ok(godwit_stage_next_many(shop.stage, LIVE_TIMEOUT_MS, deliveries + got, 4 - got, &count));
        got += count;
    }
    ok(godwit_peer_close(&shop.worker));
    assert_int_equal(number_of(deliveries[1]), 1); /* still there to be read */
    fails(GODWIT_ECLOSED, godwit_nack(&deliveries[0], 0, NULL));
    assert_null(deliveries[0]);
    fails(GODWIT_ECLOSED, godwit_reject(&deliveries[1], 0, NULL));
    fails(GODWIT_ECLOSED, godwit_ack_many(deliveries + 2, 2));
    assert_null(deliveries[2]);
    assert_null(deliveries[3]);
    godwit_stage_close(&shop.stage);
    ok(godwit_peer_close(&shop.walker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nacked_message_comes_again_as_the_next_attempt),
        cmocka_unit_test(a_nacked_message_may_go_to_another_worker),
        cmocka_unit_test(after_max_attempts_it_is_a_dead_letter),
        cmocka_unit_test(a_rejected_message_is_decided_and_a_dead_letter),
        cmocka_unit_test(a_transaction_rejects_and_sends_at_once),
        cmocka_unit_test(an_aborted_rejection_leaves_the_delivery),
        cmocka_unit_test(a_closed_stage_gives_back_what_it_did_not_hand_over),
        cmocka_unit_test(what_waits_too_long_is_asked_back_and_goes_elsewhere),
        cmocka_unit_test(an_ordered_stage_goes_on_after_a_nack_where_it_was),
        cmocka_unit_test(many_are_taken_and_acked_at_a_time),
        cmocka_unit_test(a_closed_peer_answers_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
