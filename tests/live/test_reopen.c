/* SPDX-License-Identifier: MPL-2.0 */

/* A store that fails under a living peer: everyone who waits gets an answer that is true, and the
 * peer goes on. */

#include "live.h"

#include "bad_disk.h"

#include <pthread.h>

/* --- the tests --- */

struct scene {
    char directory[128];
    godwit_peer_t *failing; /* its store fails */
    godwit_peer_t *other;
};

static struct scene set_up(const char *failing, const char *other)
{
    struct scene scene;

    faulty_at = NULL;
    scene.other = live_peer(other);
    live_directory(scene.directory);
    faulty_at = strcpy(malloc(sizeof scene.directory), scene.directory);
    scene.failing = live_disk_peer(failing, scene.directory);
    live_join(scene.failing, scene.other);
    return scene;
}

static void tear_down(struct scene *scene)
{
    ok(godwit_peer_close(&scene->other));
    ok(godwit_peer_close(&scene->failing));
    live_remove(scene->directory);
    free((void *)faulty_at);
    faulty_at = NULL;
}

static void a_send_whose_write_failed_is_not_stored(void **state)
{
    struct scene scene = set_up("walker", "worker");
    godwit_id_t id;

    (void)state;
    atomic_store(&fault, FAIL_BEFORE_WRITE);
    atomic_store(&bad_opens, 2);
    ok(godwit_push_data(scene.failing, "s", "lost", 4, &id));
    fails(GODWIT_ENOTSTORED, godwit_wait(scene.failing, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
    says("send it again");
    fails(GODWIT_ENOTSTORED, godwit_peer_drain(scene.failing, GODWIT_STORED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_drain(scene.failing, GODWIT_STORED, LIVE_TIMEOUT_MS)); /* said once */
    ok(godwit_push_data(scene.failing, "s", "again", 5, &id));
    ok(godwit_wait(scene.failing, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(scene.failing, "commit_failures"), 1);
    assert_int_equal(live_counter(scene.failing, "not_stored"), 1);
    tear_down(&scene);
}

static void a_send_whose_write_failed_late_is_stored(void **state)
{
    struct scene scene = set_up("walker", "worker");
    godwit_stage_t *stage = live_stage(scene.other, "s");
    godwit_delivery_t *delivery;
    godwit_id_t id;

    (void)state;
    atomic_store(&fault, FAIL_AFTER_WRITE);
    ok(godwit_push_data(scene.failing, "s", "kept", 4, &id));
    ok(godwit_wait(scene.failing, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
    delivery = live_next(stage); /* the endpoint was dialled again */
    assert_memory_equal(godwit_delivery_data(delivery), "kept", 4);
    ok(godwit_ack(&delivery));
    ok(godwit_wait(scene.failing, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_drain(scene.failing, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(scene.failing, "not_stored"), 0);
    assert_int_equal(live_counter(scene.failing, "stored"), 1); /* by the write that failed */
    godwit_stage_close(&stage);
    tear_down(&scene);
}

static void deliveries_are_stale_and_come_again(void **state)
{
    struct scene scene = set_up("worker", "walker");
    godwit_stage_t *stage = live_stage(scene.failing, "s");
    godwit_delivery_t *delivery, *second;
    godwit_id_t id;
    godwit_txn_t *txn;
    godwit_err_t error;

    (void)state;
    ok(godwit_push_data(scene.other, "s", "one", 3, NULL));
    ok(godwit_push_data(scene.other, "s", "two", 3, NULL));
    delivery = live_next(stage);
    second = live_next(stage);
    atomic_store(&fault, FAIL_BEFORE_WRITE);
    ok(godwit_push_data(scene.failing, "nobody", "x", 1, &id)); /* any write */
    fails(GODWIT_ENOTSTORED, godwit_wait(scene.failing, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ESTALE, godwit_ack(&delivery));
    assert_null(delivery);
    ok(godwit_txn_begin(scene.failing, &txn));
    ok(godwit_txn_ack(txn, second));
    error = godwit_txn_commit(&txn);
    assert_int_equal(error, GODWIT_ESTALE);
    assert_null(txn);
    for (int i = 0; i < 2; i++) {
        delivery = live_next(stage);
        assert_true(godwit_delivery_redelivered(delivery));
        ok(godwit_ack(&delivery));
    }
    ok(godwit_peer_drain(scene.other, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    tear_down(&scene);
}

static godwit_err_t count_one(godwit_peer_t *peer, godwit_delivery_t *delivery, int output)
{
    godwit_txn_t *txn;

    ok(godwit_txn_begin(peer, &txn));
    if (delivery)
        ok(godwit_txn_ack(txn, delivery));
    if (output)
        ok(godwit_txn_push_data(txn, "next", "out", 3));
    if (output || !delivery)
        ok(godwit_txn_put(txn, "space", "k", 1, "v", 1));
    return godwit_txn_commit(&txn);
}

/* A transaction that does nothing but reject is known again too. */
static void a_rejection_in_doubt_is_looked_up(void **state)
{
    struct scene scene = set_up("worker", "walker");
    godwit_stage_t *stage = live_stage(scene.failing, "s");
    godwit_id_t id;

    (void)state;
    for (int late = 0; late < 2; late++) {
        godwit_txn_t *txn;

        ok(godwit_push_data(scene.other, "s", "keep", 4, NULL)); /* holds the floor below */
        ok(godwit_push_data(scene.other, "s", "bad", 3, &id));
        godwit_delivery_t *keep = live_next(stage), *bad = live_next(stage);
        ok(godwit_txn_begin(scene.failing, &txn));
        ok(godwit_txn_reject(txn, bad, 7, "bad"));
        atomic_store(&fault, late ? FAIL_AFTER_WRITE : FAIL_BEFORE_WRITE);
        godwit_err_t error = godwit_txn_commit(&txn);
        if (late)
            ok(error);
        else
            fails(GODWIT_ENOTSTORED, error);
        fails(GODWIT_ESTALE, godwit_ack(&keep));
        keep = live_next(stage);
        /* Begun in a process that lives: the failed store is not the handler's fault. */
        assert_int_equal(godwit_delivery_attempt(keep), 1);
        ok(godwit_ack(&keep));
        if (!late) {
            bad = live_next(stage);
            assert_int_equal(godwit_delivery_attempt(bad), 1);
            ok(godwit_reject(&bad, 7, "bad"));
        }
        fails(GODWIT_EDEAD, godwit_wait(scene.other, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
        ok(godwit_peer_drain(scene.other, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    }
    godwit_stage_close(&stage);
    tear_down(&scene);
}

/* Known again by its batch, by its decision, by its keys. */
static void a_transaction_in_doubt_is_looked_up(void **state)
{
    struct scene scene = set_up("worker", "walker");
    godwit_stage_t *stage = live_stage(scene.failing, "s");

    (void)state;
    for (int how = 0; how < 3; how++) {
        for (int late = 0; late < 2; late++) {
            godwit_delivery_t *delivery = NULL;

            if (how < 2) {
                ok(godwit_push_data(scene.other, "s", "in", 2, NULL));
                delivery = live_next(stage);
            }
            if (how == 2 && !late) { /* so that its absence shows */
                godwit_txn_t *txn;
                ok(godwit_txn_begin(scene.failing, &txn));
                ok(godwit_txn_delete(txn, "space", "k", 1));
                ok(godwit_txn_commit(&txn));
            }
            atomic_store(&fault, late ? FAIL_AFTER_WRITE : FAIL_BEFORE_WRITE);
            godwit_err_t error = count_one(scene.failing, delivery, how == 0);
            if (late)
                ok(error);
            else
                fails(GODWIT_ENOTSTORED, error);
            if (how < 2 && !late) { /* it comes again */
                delivery = live_next(stage);
                ok(count_one(scene.failing, delivery, 0));
            }
            ok(godwit_peer_drain(scene.other, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
        }
    }
    assert_int_equal(live_counter(scene.failing, "transactions"), 6); /* that are stored */
    godwit_stage_close(&stage);
    tear_down(&scene);
}

static void closing_while_the_store_is_away_ends(void **state)
{
    struct scene scene = set_up("walker", "worker");
    godwit_id_t id;

    (void)state;
    atomic_store(&fault, FAIL_BEFORE_WRITE);
    atomic_store(&bad_opens, 1000000);
    ok(godwit_push_data(scene.failing, "s", "x", 1, &id));
    fails(GODWIT_ETIMEDOUT, godwit_wait(scene.failing, id, GODWIT_STORED, 200));
    tear_down(&scene);
    atomic_store(&bad_opens, 0);
}

static void wait_until_away(godwit_peer_t *peer)
{
    for (int i = 0; live_counter(peer, "commit_failures") == 0; i++) {
        assert_true(i < LIVE_TIMEOUT_MS);
        usleep(1000);
    }
}

/* Whatever is asked of the store: until it is open again one error says so. */
static void ask_everything(godwit_peer_t *peer, const char *directory)
{
    godwit_cursor_t *cursor;
    godwit_inspect_t *inspect;
    godwit_txn_t *txn;
    godwit_dead_t *dead;
    godwit_outcome_t outcome;
    const void *key, *value;
    size_t key_size, value_size;
    void *copy;
    char *answer;

    fails(GODWIT_EBUSY, godwit_push_data(peer, "s", "x", 1, NULL));
    says("is being reopened");
    ok(godwit_txn_begin(peer, &txn));
    ok(godwit_txn_put(txn, "space", "k", 1, "v", 1));
    fails(GODWIT_EBUSY, godwit_txn_get(txn, "space", "other", 5, &copy, &value_size));
    fails(GODWIT_EBUSY, godwit_txn_commit(&txn));
    says("is being reopened");
    assert_non_null(txn);
    godwit_txn_abort(&txn);
    fails(GODWIT_EBUSY, godwit_get(peer, "space", "k", 1, &copy, &value_size));
    ok(godwit_scan(peer, "space", NULL, 0, &cursor));
    fails(GODWIT_EBUSY, godwit_cursor_next(cursor, &key, &key_size, &value, &value_size));
    godwit_cursor_close(&cursor);
    fails(GODWIT_EBUSY, godwit_dead_next(peer, (godwit_id_t){0, 0}, &dead));
    fails(GODWIT_EBUSY, godwit_outcome_next(peer, 0, 0, &outcome));
    ok(godwit_inspect_open(directory, &inspect));
    fails(GODWIT_EBUSY,
          godwit_inspect_ask(inspect, "dead list", NULL, 0, LIVE_TIMEOUT_MS, &answer));
    says("is being reopened");
    fails(GODWIT_EBUSY, godwit_inspect_ask(inspect, "find 0000000000000001000000000000000a", NULL,
                                           0, LIVE_TIMEOUT_MS, &answer));
    ok(godwit_inspect_ask(inspect, "status", NULL, 0, LIVE_TIMEOUT_MS, &answer)); /* of the peer */
    godwit_free(answer);
    godwit_inspect_close(&inspect);
}

static void a_store_that_is_away_has_one_error(void **state)
{
    static const int patience_ms[] = {-1, 20};

    (void)state;
    for (int i = 0; i < 2; i++) {
        godwit_peer_options_t options = live_options("walker");
        char directory[128];
        godwit_peer_t *peer;
        godwit_id_t id;

        faulty_at = options.directory = live_directory(directory);
        options.durability = GODWIT_DURABILITY_OS;
        options.full_timeout_ms = patience_ms[i];
        options.outcomes = true;
        ok(godwit_peer_open(&options, &peer));
        ok(godwit_push_data(peer, "s", "x", 1, &id));
        ok(godwit_withdraw(peer, id)); /* so that there is an outcome */
        fails(GODWIT_EWITHDRAWN, godwit_wait(peer, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
        atomic_store(&bad_opens, 1000000);
        atomic_store(&fault, FAIL_BEFORE_WRITE);
        ok(godwit_push_data(peer, "s", "x", 1, &id));
        wait_until_away(peer);
        ask_everything(peer, directory);
        atomic_store(&bad_opens, 0);
        fails(GODWIT_ENOTSTORED, godwit_wait(peer, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
        ok(godwit_push_data(peer, "s", "x", 1, &id)); /* and after it none */
        ok(godwit_wait(peer, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
        ok(godwit_peer_close(&peer));
        faulty_at = NULL;
        live_remove(directory);
    }
}

/* --- under load --- */

#define LOAD 20000

static atomic_int received[LOAD];
static atomic_bool finished;

static void *receive(void *context)
{
    godwit_delivery_t *delivery;
    int number;

    while (!atomic_load(&finished)) {
        if (godwit_stage_next(context, 20, &delivery) != GODWIT_OK)
            continue;
        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        atomic_fetch_add(&received[number], 1);
        godwit_ack(&delivery);
    }
    return NULL;
}

static void every_message_has_a_true_answer_under_load(void **state)
{
    static godwit_id_t ids[LOAD];
    struct scene scene = set_up("walker", "worker");
    godwit_stage_t *stage = live_stage(scene.other, "s");
    pthread_t thread;
    int stored = 0;

    (void)state;
    pthread_create(&thread, NULL, receive, stage);
    for (int i = 0; i < LOAD; i++) {
        if (i % 4000 == 2000)
            atomic_store(&fault, i % 8000 == 2000 ? FAIL_BEFORE_WRITE : FAIL_AFTER_WRITE);
        if (i % 100 == 0)
            usleep(1000); /* so that it takes many writes */
        ok(godwit_push_data(scene.failing, "s", &i, sizeof i, &ids[i]));
    }
    godwit_err_t error = godwit_peer_drain(scene.failing, GODWIT_SETTLED, LIVE_TIMEOUT_MS);
    assert_true(error == GODWIT_OK || error == GODWIT_ENOTSTORED);
    atomic_store(&finished, true);
    pthread_join(thread, NULL);
    for (int i = 0; i < LOAD; i++) { /* no id is left without an answer */
        error = godwit_wait(scene.failing, ids[i], GODWIT_SETTLED, 0);
        if (error != GODWIT_ENOTSTORED)
            ok(error);
        stored += error == GODWIT_OK;
        assert_int_equal(atomic_load(&received[i]), error == GODWIT_OK);
    }
    assert_true(stored > 0);
    assert_true(live_counter(scene.failing, "commit_failures") > 1);
    godwit_stage_close(&stage);
    tear_down(&scene);
}

static void expect_keys(godwit_cursor_t *cursor, int count)
{
    const void *key, *value;
    size_t key_size, value_size;
    char text[16];

    for (int i = 0; i < count; i++) {
        ok(godwit_cursor_next(cursor, &key, &key_size, &value, &value_size));
        snprintf(text, sizeof text, "%04d", i);
        assert_int_equal(key_size, 4);
        assert_memory_equal(key, text, 4);
    }
    fails(GODWIT_ENOTFOUND, godwit_cursor_next(cursor, &key, &key_size, &value, &value_size));
}

static void put_keys(godwit_peer_t *peer, const char *space, int count)
{
    godwit_txn_t *txn;
    char text[16];

    ok(godwit_txn_begin(peer, &txn));
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%04d", i);
        ok(godwit_txn_put(txn, space, text, 4, "x", 1));
    }
    ok(godwit_txn_commit(&txn));
}

static void a_scan_that_failed_goes_on_where_it_was(void **state)
{
    static const int counts[] = {10, 600}; /* within one read, and more than one */
    static const char *const spaces[] = {"few", "many"};
    struct scene scene = set_up("walker", "worker");
    const void *key, *value;
    size_t key_size, value_size;
    godwit_cursor_t *cursor;

    (void)state;
    for (int i = 0; i < 2; i++) {
        put_keys(scene.failing, spaces[i], counts[i]);
        ok(godwit_scan(scene.failing, spaces[i], NULL, 0, &cursor));
        atomic_store(&bad_scans, 1);
        fails(GODWIT_EIO, godwit_cursor_next(cursor, &key, &key_size, &value, &value_size));
        expect_keys(cursor, counts[i]);
        godwit_cursor_close(&cursor);
    }
    tear_down(&scene);
}

#define READERS 8

static void *read_on(void *context)
{
    void *value;
    size_t size;

    while (!atomic_load(&finished)) {
        if (godwit_get(context, "space", "key", 3, &value, &size) == GODWIT_OK)
            godwit_free(value);
    }
    return NULL;
}

static void readers_do_not_keep_a_failed_store_open(void **state)
{
    struct scene scene = set_up("walker", "worker");
    pthread_t threads[READERS];
    godwit_id_t id;

    (void)state;
    atomic_store(&finished, false);
    for (int i = 0; i < READERS; i++)
        pthread_create(&threads[i], NULL, read_on, scene.failing);
    for (int i = 0; i < 3; i++) {
        atomic_store(&fault, FAIL_BEFORE_WRITE);
        ok(godwit_push_data(scene.failing, "s", "lost", 4, &id));
        fails(GODWIT_ENOTSTORED, godwit_wait(scene.failing, id, GODWIT_STORED, 10000));
    }
    atomic_store(&finished, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    tear_down(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_send_whose_write_failed_is_not_stored),
        cmocka_unit_test(a_send_whose_write_failed_late_is_stored),
        cmocka_unit_test(deliveries_are_stale_and_come_again),
        cmocka_unit_test(a_transaction_in_doubt_is_looked_up),
        cmocka_unit_test(a_rejection_in_doubt_is_looked_up),
        cmocka_unit_test(closing_while_the_store_is_away_ends),
        cmocka_unit_test(a_store_that_is_away_has_one_error),
        cmocka_unit_test(every_message_has_a_true_answer_under_load),
        cmocka_unit_test(a_scan_that_failed_goes_on_where_it_was),
        cmocka_unit_test(readers_do_not_keep_a_failed_store_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
