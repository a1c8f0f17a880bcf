/* SPDX-License-Identifier: MPL-2.0 */

/* Transactions: decide, send and write keys in one commit, or nothing of it. */

#include "live.h"

#include <pthread.h>
#include <stdatomic.h>

static void put(godwit_peer_t *peer, const char *key, const char *value)
{
    godwit_txn_t *txn;

    ok(godwit_txn_begin(peer, &txn));
    ok(godwit_txn_put(txn, "space", key, strlen(key), value, strlen(value)));
    ok(godwit_txn_commit(&txn));
    assert_null(txn);
}

static void expect(godwit_peer_t *peer, const char *key, const char *value)
{
    void *found;
    size_t size;

    if (!value) {
        fails(GODWIT_ENOTFOUND, godwit_get(peer, "space", key, strlen(key), &found, &size));
        return;
    }
    ok(godwit_get(peer, "space", key, strlen(key), &found, &size));
    assert_int_equal(size, strlen(value));
    assert_memory_equal(found, value, size);
    godwit_free(found);
}

static void keys_are_there_after_the_commit_and_after_a_restart(void **state)
{
    char directory[128];
    godwit_peer_t *peer;
    godwit_txn_t *txn;

    (void)state;
    live_directory(directory);
    peer = live_disk_peer("a", directory);
    put(peer, "colour", "red");
    put(peer, "shape", "round");
    expect(peer, "colour", "red");
    ok(godwit_txn_begin(peer, &txn));
    ok(godwit_txn_put(txn, "space", "colour", 6, "blue", 4));
    ok(godwit_txn_delete(txn, "space", "shape", 5));
    ok(godwit_txn_put(txn, "space", "empty", 5, NULL, 0));
    expect(peer, "colour", "red"); /* nothing is visible before the commit */
    ok(godwit_txn_commit(&txn));
    expect(peer, "shape", NULL);
    ok(godwit_peer_close(&peer));
    peer = live_disk_peer("a", directory);
    expect(peer, "colour", "blue");
    expect(peer, "shape", NULL);
    expect(peer, "empty", "");
    ok(godwit_peer_close(&peer));
    live_remove(directory);
}

static void a_transaction_sees_its_own_writes(void **state)
{
    godwit_peer_t *peer = live_peer("a");
    godwit_txn_t *txn;
    void *value;
    size_t size;

    (void)state;
    put(peer, "k", "old");
    ok(godwit_txn_begin(peer, &txn));
    ok(godwit_txn_put(txn, "space", "k", 1, "new", 3));
    ok(godwit_txn_get(txn, "space", "k", 1, &value, &size));
    assert_memory_equal(value, "new", 3);
    godwit_free(value);
    ok(godwit_txn_delete(txn, "space", "k", 1));
    fails(GODWIT_ENOTFOUND, godwit_txn_get(txn, "space", "k", 1, &value, &size));
    ok(godwit_txn_put(txn, "other", "k", 1, "x", 1)); /* spaces are apart */
    fails(GODWIT_ENOTFOUND, godwit_txn_get(txn, "space", "k", 1, &value, &size));
    godwit_txn_abort(&txn);
    assert_null(txn);
    expect(peer, "k", "old");
    ok(godwit_peer_close(&peer));
}

static void a_key_changed_since_it_was_read_is_a_conflict(void **state)
{
    godwit_peer_t *peer = live_peer("a");
    godwit_txn_t *first, *second;
    void *value;
    size_t size;

    (void)state;
    ok(godwit_txn_begin(peer, &first));
    fails(GODWIT_ENOTFOUND, godwit_txn_get(first, "space", "k", 1, &value, &size));
    ok(godwit_txn_put(first, "space", "k", 1, "1", 1));
    ok(godwit_txn_begin(peer, &second));
    ok(godwit_txn_put(second, "space", "k", 1, "2", 1)); /* a blind write conflicts with none */
    ok(godwit_txn_commit(&second));
    fails(GODWIT_ECONFLICT, godwit_txn_commit(&first));
    assert_non_null(first);
    godwit_txn_abort(&first);
    expect(peer, "k", "2");
    assert_int_equal(live_counter(peer, "conflicts"), 1);
    ok(godwit_peer_close(&peer));
}

static void too_much_is_refused_and_changes_nothing(void **state)
{
    godwit_peer_t *peer = live_peer("a");
    godwit_txn_t *txn;
    size_t size = 256 * 1024;
    char *bytes = calloc(1, size + 1);
    char key[600] = {0};

    (void)state;
    ok(godwit_txn_begin(peer, &txn));
    fails(GODWIT_ETOOLARGE, godwit_txn_put(txn, "space", "k", 1, bytes, size + 1));
    fails(GODWIT_ETOOLARGE, godwit_txn_put(txn, "space", key, 513, "x", 1));
    fails(GODWIT_EINVAL, godwit_txn_put(txn, "space", key, 0, "x", 1));
    fails(GODWIT_EINVAL, godwit_txn_put(txn, "Space", key, 1, "x", 1));
    for (char c = 'a'; c < 'd'; c++)
        ok(godwit_txn_put(txn, "space", &c, 1, bytes, size));
    fails(GODWIT_ETOOLARGE, godwit_txn_put(txn, "space", "d", 1, bytes, size));
    says("above the limit of 1048576");
    ok(godwit_txn_commit(&txn));
    ok(godwit_txn_begin(peer, &txn));
    for (int i = 0; i < 10000; i++)
        ok(godwit_txn_put(txn, "space", &i, sizeof i, &i, sizeof i));
    fails(GODWIT_ETOOLARGE, godwit_txn_send_data(txn, "stage:s", "x", 1));
    says("10000 operations");
    ok(godwit_txn_commit(&txn));
    ok(godwit_txn_begin(peer, &txn));
    ok(godwit_txn_commit(&txn)); /* nothing at all is fine */
    free(bytes);
    ok(godwit_peer_close(&peer));
}

static void a_scan_walks_a_prefix_in_order(void **state)
{
    godwit_peer_t *peer = live_peer("a");
    godwit_txn_t *txn;
    godwit_cursor_t *cursor;
    const void *key, *value;
    size_t key_size, value_size;
    char text[16];

    (void)state;
    ok(godwit_txn_begin(peer, &txn));
    for (int i = 999; i >= 0; i--) {
        snprintf(text, sizeof text, "n%03d", i);
        ok(godwit_txn_put(txn, "space", text, 4, &i, sizeof i));
    }
    ok(godwit_txn_put(txn, "space", "m", 1, "x", 1));
    ok(godwit_txn_put(txn, "space", "o", 1, "x", 1));
    ok(godwit_txn_put(txn, "space2", "n5", 2, "x", 1));
    ok(godwit_txn_commit(&txn));
    ok(godwit_scan(peer, "space", "n", 1, &cursor));
    for (int i = 0; i < 1000; i++) {
        ok(godwit_cursor_next(cursor, &key, &key_size, &value, &value_size));
        snprintf(text, sizeof text, "n%03d", i);
        assert_int_equal(key_size, 4);
        assert_memory_equal(key, text, 4);
        assert_memory_equal(value, &i, sizeof i);
    }
    fails(GODWIT_ENOTFOUND, godwit_cursor_next(cursor, &key, &key_size, &value, &value_size));
    godwit_cursor_close(&cursor);
    ok(godwit_scan(peer, "space2", NULL, 0, &cursor));
    ok(godwit_cursor_next(cursor, &key, &key_size, &value, &value_size));
    fails(GODWIT_ENOTFOUND, godwit_cursor_next(cursor, &key, &key_size, &value, &value_size));
    ok(godwit_peer_close(&peer));
    fails(GODWIT_ECLOSED, godwit_cursor_next(cursor, &key, &key_size, &value, &value_size));
    godwit_cursor_close(&cursor);
}

static void deliveries_of_an_aborted_transaction_are_in_hand_as_before(void **state)
{
    godwit_peer_t *walker = live_peer("walker"), *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    godwit_delivery_t *delivery, *same;
    godwit_txn_t *txn;

    (void)state;
    live_join(worker, walker);
    ok(godwit_push_data(walker, "s", "x", 1, NULL));
    delivery = live_next(stage);
    ok(godwit_txn_begin(worker, &txn));
    ok(godwit_txn_ack(txn, delivery));
    fails(GODWIT_EINVAL, godwit_txn_ack(txn, delivery));
    same = delivery;
    fails(GODWIT_EINVAL, godwit_ack(&same));
    godwit_delivery_drop(&same);
    assert_non_null(same);
    godwit_txn_abort(&txn);
    ok(godwit_ack(&delivery));
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

/* --- consume, transform, produce --- */

#define NUMBERS 2000
#define WORKERS 3

static godwit_peer_t *middle;
static godwit_stage_t *middle_stage;
static atomic_bool all_came;

/* One delivery: count it, pass its square on. A conflict undoes all of it and is tried again. */
static void square(godwit_delivery_t *delivery)
{
    godwit_txn_t *txn;
    godwit_err_t error;
    uint64_t number, count;
    void *value;
    size_t size;

    memcpy(&number, godwit_delivery_data(delivery), sizeof number);
    do {
        count = 0;
        ok(godwit_txn_begin(middle, &txn));
        ok(godwit_txn_ack(txn, delivery));
        error = godwit_txn_get(txn, "space", "count", 5, &value, &size);
        if (!error) {
            memcpy(&count, value, sizeof count);
            godwit_free(value);
        }
        count++;
        ok(godwit_txn_put(txn, "space", "count", 5, &count, sizeof count));
        number *= number;
        ok(godwit_txn_push_data(txn, "out", &number, sizeof number));
        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        error = godwit_txn_commit(&txn);
        if (error == GODWIT_ECONFLICT)
            godwit_txn_abort(&txn);
    } while (error == GODWIT_ECONFLICT);
    ok(error);
}

static void *work(void *context)
{
    godwit_delivery_t *delivery;

    (void)context;
    while (!atomic_load(&all_came)) {
        godwit_err_t error = godwit_stage_next(middle_stage, 50, &delivery);
        if (error != GODWIT_ETIMEDOUT) {
            ok(error);
            square(delivery);
        }
    }
    return NULL;
}

static void consume_transform_produce_counts_each_once(void **state)
{
    static unsigned char seen[NUMBERS];
    godwit_peer_t *source = live_peer("source"), *sink = live_peer("sink");
    godwit_stage_t *out = live_stage(sink, "out");
    pthread_t threads[WORKERS];
    godwit_delivery_t *delivery;
    void *value;
    size_t size;
    uint64_t number;

    (void)state;
    middle = live_peer("middle");
    middle_stage = live_stage(middle, "in");
    live_join(source, middle);
    live_join(middle, sink);
    for (uint64_t i = 0; i < NUMBERS; i++)
        ok(godwit_push_data(source, "in", &i, sizeof i, NULL));
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (uint64_t i = 0; i < NUMBERS; i++) {
        delivery = live_next(out);
        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        uint64_t root = 0;
        while (root * root < number)
            root++;
        assert_true(root < NUMBERS && root * root == number && !seen[root]);
        seen[root] = 1;
        ok(godwit_ack(&delivery));
    }
    atomic_store(&all_came, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    ok(godwit_get(middle, "space", "count", 5, &value, &size));
    memcpy(&number, value, sizeof number);
    godwit_free(value);
    assert_int_equal(number, NUMBERS);
    ok(godwit_peer_drain(source, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_drain(middle, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&out);
    godwit_stage_close(&middle_stage);
    ok(godwit_peer_close(&source));
    ok(godwit_peer_close(&middle));
    ok(godwit_peer_close(&sink));
}

static void sends_and_transactions_keep_their_order(void **state)
{
    godwit_peer_t *walker = live_peer("walker"), *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    godwit_delivery_t *delivery;
    godwit_txn_t *txn;
    uint64_t last = 0;

    (void)state;
    live_join(worker, walker);
    for (int i = 0; i < 300; i++) {
        ok(godwit_push_data(walker, "s", "x", 1, NULL));
        ok(godwit_txn_begin(walker, &txn));
        ok(godwit_txn_push_data(txn, "s", "y", 1));
        ok(i % 3 ? godwit_txn_commit_async(&txn) : godwit_txn_commit(&txn));
        ok(godwit_txn_begin(walker, &txn));
        ok(godwit_txn_push_data(txn, "s", "z", 1)); /* joins the one before, or is the first */
        ok(godwit_txn_commit_async(&txn));
        assert_null(txn);
    }
    for (int i = 0; i < 900; i++) {
        delivery = live_next(stage);
        assert_true(godwit_delivery_id(delivery).sequence == last + 1); /* one worker: in order */
        assert_int_equal(*(const char *)godwit_delivery_data(delivery), 'x' + i % 3);
        last++;
        ok(godwit_ack(&delivery));
    }
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

/* --- commits that are not waited for --- */

static void a_key_is_there_when_its_asynchronous_commit_returns(void **state)
{
    godwit_peer_t *peer = live_peer("a");
    godwit_txn_t *txn, *late;
    void *value;
    size_t size;

    (void)state;
    ok(godwit_txn_begin(peer, &txn));
    ok(godwit_txn_put(txn, "space", "k", 1, "1", 1));
    ok(godwit_txn_commit_async(&txn));
    expect(peer, "k", "1");
    ok(godwit_txn_begin(peer, &late));
    ok(godwit_txn_get(late, "space", "k", 1, &value, &size));
    godwit_free(value);
    put(peer, "k", "2");
    fails(GODWIT_ECONFLICT, godwit_txn_commit_async(&late));
    assert_non_null(late);
    godwit_txn_abort(&late);
    ok(godwit_peer_close(&peer));
    ok(godwit_txn_begin(peer = live_peer("a"), &txn));
    ok(godwit_peer_close(&peer));
    fails(GODWIT_ECLOSED, godwit_txn_commit_async(&txn));
    assert_null(txn);
    fails(GODWIT_EINVAL, godwit_txn_commit_async(&txn));
    fails(GODWIT_EINVAL, godwit_txn_commit_async(NULL));
}

static void an_asynchronous_commit_waits_for_room_or_refuses_like_any(void **state)
{
    godwit_peer_options_t options = live_options("a");
    godwit_peer_t *peer;
    godwit_txn_t *txn;

    (void)state;
    options.outbox_max_messages = 2;
    options.full_timeout_ms = -1;
    ok(godwit_peer_open(&options, &peer));
    for (int i = 0; i < 2; i++) {
        ok(godwit_txn_begin(peer, &txn));
        ok(godwit_txn_push_data(txn, "s", "x", 1));
        ok(godwit_txn_commit_async(&txn));
    }
    ok(godwit_txn_begin(peer, &txn));
    ok(godwit_txn_push_data(txn, "s", "x", 1));
    fails(GODWIT_EFULL, godwit_txn_commit_async(&txn));
    assert_non_null(txn);
    godwit_txn_abort(&txn);
    ok(godwit_peer_drain(peer, GODWIT_STORED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(peer, "transactions"), 2);
    ok(godwit_peer_close(&peer));
}

/* Nothing calls for it but the close. */
static void a_close_stores_what_was_not_waited_for(void **state)
{
    char directory[128];
    godwit_peer_t *walker = live_peer("walker"), *worker;
    godwit_stage_t *stage, *out = live_stage(walker, "out");
    godwit_delivery_t *delivery;
    godwit_txn_t *txn;

    (void)state;
    live_directory(directory);
    worker = live_disk_peer("worker", directory);
    stage = live_stage(worker, "s");
    live_join(walker, worker);
    ok(godwit_push_data(walker, "s", "x", 1, NULL));
    delivery = live_next(stage);
    ok(godwit_txn_begin(worker, &txn));
    ok(godwit_txn_ack(txn, delivery));
    ok(godwit_txn_push_data(txn, "out", "y", 1));
    ok(godwit_txn_commit_async(&txn));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    worker = live_disk_peer("worker", directory);
    live_join(worker, walker);
    delivery = live_next(out); /* from this open or the last, but once */
    assert_memory_equal(godwit_delivery_data(delivery), "y", 1);
    ok(godwit_ack(&delivery));
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_drain(worker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(walker, "delivered"), 1);
    godwit_stage_close(&out);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
    live_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_there_after_the_commit_and_after_a_restart),
        cmocka_unit_test(a_transaction_sees_its_own_writes),
        cmocka_unit_test(a_key_changed_since_it_was_read_is_a_conflict),
        cmocka_unit_test(too_much_is_refused_and_changes_nothing),
        cmocka_unit_test(a_scan_walks_a_prefix_in_order),
        cmocka_unit_test(deliveries_of_an_aborted_transaction_are_in_hand_as_before),
        cmocka_unit_test(consume_transform_produce_counts_each_once),
        cmocka_unit_test(sends_and_transactions_keep_their_order),
        cmocka_unit_test(a_key_is_there_when_its_asynchronous_commit_returns),
        cmocka_unit_test(an_asynchronous_commit_waits_for_room_or_refuses_like_any),
        cmocka_unit_test(a_close_stores_what_was_not_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
