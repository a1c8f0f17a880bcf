/* SPDX-License-Identifier: MPL-2.0 */

/* Messages through a stage, between peers of one process. */

#include "live.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#define MANY 10000

#define PATIENT_MS 5000 /* no slow machine loses this link: what comes on a new one is flagged */

static void ten_thousand_messages_are_acked_once_each(void **state)
{
    static unsigned char seen[MANY];
    godwit_peer_t *walker = live_peer_beating("walker", PATIENT_MS);
    godwit_peer_t *worker = live_peer_beating("worker", PATIENT_MS);
    godwit_stage_t *stage = live_stage(worker, "hash");

    (void)state;
    live_join(worker, walker);
    for (uint32_t i = 0; i < MANY; i++)
        ok(godwit_push_data(walker, "hash", &i, sizeof i, NULL));
    for (int i = 0; i < MANY; i++) {
        godwit_delivery_t *delivery = live_next(stage);
        uint32_t number;

        assert_int_equal(godwit_delivery_size(delivery), sizeof number);
        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        assert_string_equal(godwit_delivery_sender(delivery), "walker");
        assert_false(godwit_delivery_redelivered(delivery));
        assert_true(number < MANY && seen[number] == 0);
        seen[number] = 1;
        ok(godwit_ack(&delivery));
        assert_null(delivery);
    }
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(walker, "sent"), MANY);
    assert_int_equal(live_counter(walker, "outbox_messages_now"), 0);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

static void an_empty_message_and_the_largest_arrive_as_they_were(void **state)
{
    godwit_peer_t *walker = live_peer("walker"), *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    size_t size = 1024 * 1024;
    unsigned char *bytes = malloc(size);
    godwit_delivery_t *delivery;

    (void)state;
    live_join(walker, worker);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 31 + i / 7);
    ok(godwit_push_data(walker, "s", NULL, 0, NULL));
    ok(godwit_push_data(walker, "s", bytes, size, NULL));
    delivery = live_next(stage);
    assert_int_equal(godwit_delivery_size(delivery), 0);
    assert_non_null(godwit_delivery_data(delivery));
    ok(godwit_ack(&delivery));
    delivery = live_next(stage);
    assert_int_equal(godwit_delivery_size(delivery), size);
    assert_memory_equal(godwit_delivery_data(delivery), bytes, size);
    ok(godwit_ack(&delivery));
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    free(bytes);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

static void a_message_can_be_waited_for(void **state)
{
    godwit_peer_t *walker = live_peer("walker"), *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    godwit_message_t *message;
    godwit_delivery_t *delivery;
    godwit_id_t id, parsed, other = {1, 1};
    char text[GODWIT_ID_TEXT_SIZE];

    (void)state;
    live_join(walker, worker);
    ok(godwit_message_new("hello", 5, &message));
    ok(godwit_push(walker, "s", &message, &id));
    assert_null(message);
    ok(godwit_wait(walker, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ETIMEDOUT, godwit_wait(walker, id, GODWIT_SETTLED, 50));
    delivery = live_next(stage);
    assert_memory_equal(godwit_delivery_data(delivery), "hello", 5);
    parsed = godwit_delivery_id(delivery);
    assert_true(parsed.epoch == id.epoch && parsed.sequence == id.sequence);
    godwit_id_format(id, text);
    ok(godwit_id_parse(text, &parsed));
    assert_true(parsed.epoch == id.epoch && parsed.sequence == id.sequence);
    ok(godwit_ack(&delivery));
    ok(godwit_wait(walker, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ENOTFOUND, godwit_wait(walker, other, GODWIT_STORED, 0));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

static void peers_that_dial_each_other_share_one_link(void **state)
{
    godwit_peer_t *a = live_peer("a"), *b = live_peer("b");
    godwit_stage_t *at_a = live_stage(a, "s"), *at_b = live_stage(b, "t");
    godwit_delivery_t *delivery;

    (void)state;
    live_join(a, b);
    live_join(b, a);
    ok(godwit_peer_wait_members(a, "stage:t", 1, LIVE_TIMEOUT_MS));
    ok(godwit_peer_wait_members(b, "stage:s", 1, LIVE_TIMEOUT_MS));
    for (int i = 0; i < 100; i++) {
        ok(godwit_push_data(a, "t", "to b", 4, NULL));
        ok(godwit_push_data(b, "s", "to a", 4, NULL));
        delivery = live_next(at_a);
        ok(godwit_ack(&delivery));
        delivery = live_next(at_b);
        ok(godwit_ack(&delivery));
    }
    ok(godwit_peer_drain(a, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_drain(b, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(a, "links_now"), 1);
    assert_int_equal(live_counter(b, "links_now"), 1);
    godwit_stage_close(&at_a);
    godwit_stage_close(&at_b);
    ok(godwit_peer_close(&a));
    ok(godwit_peer_close(&b));
}

static bool readable(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};

    return poll(&poller, 1, 0) == 1;
}

static void the_fd_is_readable_while_next_would_not_block(void **state)
{
    godwit_peer_t *walker = live_peer("walker"), *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    struct pollfd poller = {.fd = godwit_stage_fd(stage), .events = POLLIN};
    godwit_delivery_t *first, *second;

    (void)state;
    assert_false(readable(poller.fd));
    live_join(walker, worker);
    ok(godwit_push_data(walker, "s", "1", 1, NULL));
    ok(godwit_push_data(walker, "s", "2", 1, NULL));
    assert_int_equal(poll(&poller, 1, LIVE_TIMEOUT_MS), 1);
    first = live_next(stage);
    second = live_next(stage);
    assert_false(readable(poller.fd));
    fails(GODWIT_ETIMEDOUT, godwit_stage_next(stage, 0, &first));
    ok(godwit_ack(&second));
    ok(godwit_ack(&first)); /* in any order */
    ok(godwit_peer_close(&worker));
    assert_true(readable(poller.fd));
    fails(GODWIT_ECLOSED, godwit_stage_next(stage, -1, &first));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&walker));
}

static void a_slow_consumer_bounds_what_is_under_way(void **state)
{
    godwit_peer_t *walker = live_peer("walker"), *worker = live_peer("worker");
    godwit_stage_options_t options = GODWIT_STAGE_OPTIONS_INIT;
    godwit_stage_t *stage;
    godwit_delivery_t *delivery;

    (void)state;
    options.credit_messages = 8;
    ok(godwit_stage_open(worker, "s", &options, &stage));
    live_join(worker, walker);
    for (int i = 0; i < 500; i++)
        ok(godwit_push_data(walker, "s", &i, sizeof i, NULL));
    for (int i = 0; i < 500; i++) {
        delivery = live_next(stage);
        assert_true(live_counter(worker, "delivered") <= (uint64_t)i + 8);
        ok(godwit_ack(&delivery));
    }
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

static void what_was_not_handed_over_waits_for_the_next_open(void **state)
{
    godwit_peer_t *walker = live_peer("walker"), *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    godwit_delivery_t *delivery;

    (void)state;
    live_join(worker, walker);
    for (int i = 0; i < 10; i++)
        ok(godwit_push_data(walker, "s", &i, sizeof i, NULL));
    delivery = live_next(stage);
    fails(GODWIT_EBUSY, godwit_stage_open(worker, "s", NULL, &stage));
    godwit_stage_close(&stage);
    ok(godwit_ack(&delivery)); /* in hand: can still be decided */
    stage = live_stage(worker, "s");
    for (int i = 1; i < 10; i++) {
        delivery = live_next(stage);
        ok(godwit_ack(&delivery));
    }
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

/* --- many threads --- */

#define SENDERS 3
#define WORKERS 3
#define EACH 4000

static godwit_peer_t *crowd_peer;
static godwit_stage_t *crowd_stage;
static atomic_int crowd_count[SENDERS * EACH];
static atomic_int crowd_done;

static void *push_many(void *context)
{
    int from = (int)(intptr_t)context * EACH;

    for (int i = from; i < from + EACH; i++)
        if (godwit_push_data(crowd_peer, "crowd", &i, sizeof i, NULL) != GODWIT_OK)
            return &crowd_done; /* any pointer: it failed */
    return NULL;
}

static void *work_many(void *context)
{
    godwit_delivery_t *delivery;
    int number;

    (void)context;
    while (atomic_load(&crowd_done) < SENDERS * EACH) {
        if (godwit_stage_next(crowd_stage, 20, &delivery) != GODWIT_OK)
            continue;
        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        atomic_fetch_add(&crowd_count[number], 1);
        if (godwit_ack(&delivery) != GODWIT_OK)
            return &crowd_done;
        atomic_fetch_add(&crowd_done, 1);
    }
    return NULL;
}

static void threads_may_send_and_receive_at_once(void **state)
{
    godwit_peer_t *worker = live_peer("worker");
    pthread_t threads[SENDERS + WORKERS];
    void *problem;

    (void)state;
    crowd_peer = live_peer("walker");
    crowd_stage = live_stage(worker, "crowd");
    live_join(crowd_peer, worker);
    for (int i = 0; i < SENDERS + WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < SENDERS ? push_many : work_many,
                                        (void *)(intptr_t)i),
                         0);
    for (int i = 0; i < SENDERS + WORKERS; i++) {
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
    ok(godwit_peer_drain(crowd_peer, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    for (int i = 0; i < SENDERS * EACH; i++)
        assert_int_equal(atomic_load(&crowd_count[i]), 1);
    godwit_stage_close(&crowd_stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&crowd_peer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_messages_are_acked_once_each),
        cmocka_unit_test(an_empty_message_and_the_largest_arrive_as_they_were),
        cmocka_unit_test(a_message_can_be_waited_for),
        cmocka_unit_test(peers_that_dial_each_other_share_one_link),
        cmocka_unit_test(the_fd_is_readable_while_next_would_not_block),
        cmocka_unit_test(a_slow_consumer_bounds_what_is_under_way),
        cmocka_unit_test(what_was_not_handed_over_waits_for_the_next_open),
        cmocka_unit_test(threads_may_send_and_receive_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
