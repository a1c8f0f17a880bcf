/* SPDX-License-Identifier: MPL-2.0 */

/* Dead letters, with real peers: a message that is given up is kept with its reason, is found again
 * after a restart, and is sent again or forgotten exactly once. */

#include "live.h"

#include <pthread.h>

#define STAGE "stage:s"

struct scene {
    char directory[128];
    godwit_peer_t *sender; /* on disk */
    godwit_peer_t *worker;
    godwit_inbox_t *inbox;
};

static godwit_peer_t *open_sender(const char *directory)
{
    godwit_peer_options_t options = live_options("sender");
    godwit_destination_options_t destination = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_peer_t *peer;

    options.directory = directory;
    options.durability = GODWIT_DURABILITY_OS;
    options.outbox_max_messages = 3;
    options.full_timeout_ms = -1;
    ok(godwit_peer_open(&options, &peer));
    destination.max_attempts = 2;
    destination.retry_base_ms = 1;
    ok(godwit_destination_set(peer, STAGE, &destination));
    return peer;
}

static void set_up(struct scene *scene)
{
    scene->sender = open_sender(live_directory(scene->directory));
    scene->worker = live_peer("worker");
    ok(godwit_inbox_open(scene->worker, STAGE, NULL, &scene->inbox));
    live_join(scene->sender, scene->worker);
}

static void tear_down(struct scene *scene)
{
    godwit_inbox_close(&scene->inbox);
    ok(godwit_peer_close(&scene->worker));
    ok(godwit_peer_close(&scene->sender));
    live_remove(scene->directory);
}

static godwit_delivery_t *next_of(struct scene *scene)
{
    godwit_delivery_t *delivery = NULL;

    ok(godwit_inbox_next(scene->inbox, LIVE_TIMEOUT_MS, &delivery));
    return delivery;
}

static void restart(struct scene *scene)
{
    ok(godwit_peer_close(&scene->sender));
    scene->sender = open_sender(scene->directory);
    live_join(scene->sender, scene->worker);
}

/* A message with a header that its handler refuses: a dead letter. */
static godwit_id_t make_dead(struct scene *scene, const char *text)
{
    godwit_message_t *message;
    godwit_id_t id;

    ok(godwit_message_new(text, strlen(text), &message));
    ok(godwit_message_set_header(message, "colour", "red", 3));
    ok(godwit_send(scene->sender, STAGE, &message, &id));
    godwit_delivery_t *delivery = next_of(scene);
    ok(godwit_reject(&delivery, 42, "it smells"));
    fails(GODWIT_EDEAD, godwit_wait(scene->sender, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    return id;
}

static size_t count_dead(godwit_peer_t *peer)
{
    godwit_id_t after = {0, 0};
    godwit_dead_t *dead;
    size_t count = 0;

    while (godwit_dead_next(peer, after, &dead) == GODWIT_OK) {
        after = dead->id;
        count++;
        godwit_dead_free(&dead);
    }
    return count;
}

static void check_dead(godwit_peer_t *peer, godwit_id_t id, const char *text)
{
    const void *value;
    godwit_dead_t *dead;
    size_t size;

    ok(godwit_dead_get(peer, id, &dead));
    assert_true(dead->id.epoch == id.epoch && dead->id.sequence == id.sequence);
    assert_string_equal(dead->destination, STAGE);
    assert_string_equal(dead->member, "worker");
    assert_int_equal(dead->reason, GODWIT_DEATH_REJECTED);
    assert_int_equal(dead->code, 42);
    assert_string_equal(dead->text, "it smells");
    assert_int_equal(dead->attempts, 1);
    assert_true(dead->first_ms > 1000000000000 && dead->last_ms >= dead->first_ms);
    assert_int_equal(dead->size, strlen(text));
    assert_memory_equal(dead->data, text, dead->size);
    ok(godwit_message_header(dead->message, "colour", &value, &size));
    assert_memory_equal(value, "red", 3);
    godwit_dead_free(&dead);
    assert_null(dead);
}

static void a_rejected_message_is_kept_with_its_reason_over_restarts(void **state)
{
    godwit_status_t status = GODWIT_STATUS_INIT;
    struct scene scene;

    (void)state;
    set_up(&scene);
    godwit_id_t id = make_dead(&scene, "first");
    check_dead(scene.sender, id, "first");
    ok(godwit_status(scene.sender, id, &status));
    assert_int_equal(status.place, GODWIT_PLACE_DEAD);
    assert_string_equal(status.member, "worker");
    ok(godwit_peer_drain(scene.sender, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    restart(&scene);
    check_dead(scene.sender, id, "first");
    ok(godwit_status(scene.sender, id, &status));
    assert_int_equal(status.place, GODWIT_PLACE_DEAD);
    assert_string_equal(status.destination, STAGE);
    assert_int_equal(count_dead(scene.sender), 1);

    godwit_dead_t *dead;
    fails(GODWIT_ENOTFOUND, godwit_dead_get(scene.sender, (godwit_id_t){1, 1}, &dead));
    fails(GODWIT_ENOTFOUND, godwit_dead_next(scene.sender, id, &dead));
    id.sequence = UINT64_MAX; /* past all of its epoch */
    fails(GODWIT_ENOTFOUND, godwit_dead_next(scene.sender, id, &dead));
    fails(GODWIT_EINVAL, godwit_dead_get(scene.sender, id, NULL));
    tear_down(&scene);
}

static void attempts_are_counted_and_too_many_end_it(void **state)
{
    struct scene scene;
    godwit_id_t id;

    (void)state;
    set_up(&scene);
    ok(godwit_send_data(scene.sender, STAGE, "x", 1, &id));
    for (uint32_t attempt = 1; attempt <= 2; attempt++) {
        godwit_delivery_t *delivery = next_of(&scene);
        assert_int_equal(godwit_delivery_attempt(delivery), attempt);
        ok(godwit_nack(&delivery, attempt == 1 ? 0 : -1, "not yet"));
    }
    fails(GODWIT_EDEAD, godwit_wait(scene.sender, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_dead_t *dead;
    ok(godwit_dead_get(scene.sender, id, &dead));
    assert_int_equal(dead->reason, GODWIT_DEATH_ATTEMPTS);
    assert_int_equal(dead->attempts, 2);
    assert_string_equal(dead->text, "not yet");
    godwit_dead_free(&dead);
    tear_down(&scene);
}

static void a_requeued_one_is_a_new_message_and_no_dead_letter_any_more(void **state)
{
    godwit_id_t id, again;
    struct scene scene;

    (void)state;
    set_up(&scene);
    id = make_dead(&scene, "first");
    restart(&scene);
    ok(godwit_dead_requeue(scene.sender, id, &again));
    assert_false(again.epoch == id.epoch && again.sequence == id.sequence);
    assert_int_equal(count_dead(scene.sender), 0);
    fails(GODWIT_ENOTFOUND, godwit_dead_requeue(scene.sender, id, NULL));
    fails(GODWIT_ENOTFOUND, godwit_dead_purge(scene.sender, id));
    godwit_delivery_t *delivery = next_of(&scene);
    assert_int_equal(godwit_delivery_size(delivery), 5);
    assert_memory_equal(godwit_delivery_data(delivery), "first", 5);
    assert_int_equal(godwit_delivery_id(delivery).sequence, again.sequence);
    const void *value;
    size_t size;
    ok(godwit_delivery_header(delivery, "colour", &value, &size));
    ok(godwit_ack(&delivery));
    ok(godwit_wait(scene.sender, again, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    restart(&scene);
    assert_int_equal(count_dead(scene.sender), 0);
    tear_down(&scene);
}

static void a_purged_one_is_gone_over_restarts(void **state)
{
    struct scene scene;

    (void)state;
    set_up(&scene);
    godwit_id_t first = make_dead(&scene, "first"), second = make_dead(&scene, "second");
    ok(godwit_dead_purge(scene.sender, first));
    assert_int_equal(count_dead(scene.sender), 1);
    restart(&scene);
    assert_int_equal(count_dead(scene.sender), 1);
    check_dead(scene.sender, second, "second");
    tear_down(&scene);
}

static godwit_err_t send_soon(godwit_peer_t *peer)
{
    godwit_err_t error = GODWIT_EFULL;

    for (int i = 0; i < LIVE_TIMEOUT_MS / 5 && error == GODWIT_EFULL; i++) {
        error = godwit_send_data(peer, "stage:other", "x", 1, NULL);
        if (error == GODWIT_EFULL)
            usleep(5000);
    }
    return error;
}

static void dead_letters_fill_the_outbox_until_they_are_purged_or_sent_again(void **state)
{
    struct scene scene;
    godwit_id_t ids[3];

    (void)state;
    set_up(&scene); /* its outbox holds three */
    for (size_t i = 0; i < 3; i++)
        ids[i] = make_dead(&scene, "dead");
    ok(godwit_peer_drain(scene.sender, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(scene.sender, "dead_letters_now"), 3);
    fails(GODWIT_EFULL, godwit_send_data(scene.sender, STAGE, "x", 1, NULL));
    restart(&scene);
    fails(GODWIT_EFULL, godwit_send_data(scene.sender, STAGE, "x", 1, NULL));

    ok(godwit_dead_requeue(scene.sender, ids[0], NULL)); /* takes the room that it had */
    assert_int_equal(live_counter(scene.sender, "dead_letters_now"), 2);
    godwit_delivery_t *delivery = next_of(&scene);
    ok(godwit_ack(&delivery));
    ok(send_soon(scene.sender));
    fails(GODWIT_EFULL, godwit_send_data(scene.sender, STAGE, "x", 1, NULL));
    ok(godwit_dead_purge(scene.sender, ids[1]));
    ok(godwit_send_data(scene.sender, "stage:other", "x", 1, NULL));
    fails(GODWIT_EFULL, godwit_send_data(scene.sender, STAGE, "x", 1, NULL));
    tear_down(&scene);
}

static void *send_patiently(void *peer)
{
    return (void *)(intptr_t)godwit_send_data(peer, "stage:other", "x", 1, NULL);
}

static void a_purge_lets_a_waiting_send_go_on(void **state)
{
    godwit_peer_options_t options = live_options("sender");
    struct scene scene;
    godwit_id_t ids[3];
    pthread_t thread;
    void *result;

    (void)state;
    set_up(&scene);
    for (size_t i = 0; i < 3; i++)
        ids[i] = make_dead(&scene, "dead");
    ok(godwit_peer_close(&scene.sender));
    options.directory = scene.directory;
    options.durability = GODWIT_DURABILITY_OS;
    options.outbox_max_messages = 3;
    ok(godwit_peer_open(&options, &scene.sender));
    assert_int_equal(pthread_create(&thread, NULL, send_patiently, scene.sender), 0);
    for (int i = 0; live_counter(scene.sender, "sends_blocked") == 0; i++) {
        assert_true(i < LIVE_TIMEOUT_MS / 5);
        usleep(5000);
    }
    ok(godwit_dead_purge(scene.sender, ids[1]));
    pthread_join(thread, &result);
    ok((godwit_err_t)(intptr_t)result);
    tear_down(&scene);
}

struct requeue {
    godwit_peer_t *peer;
    godwit_id_t id;
    godwit_err_t result;
};

static void *requeue(void *context)
{
    struct requeue *one = context;

    one->result = godwit_dead_requeue(one->peer, one->id, NULL);
    return NULL;
}

static void of_many_who_requeue_one_sends_it(void **state)
{
    struct requeue calls[8];
    pthread_t threads[8];
    struct scene scene;
    int sent = 0;

    (void)state;
    set_up(&scene);
    godwit_id_t id = make_dead(&scene, "once");
    for (size_t i = 0; i < 8; i++) {
        calls[i] = (struct requeue){.peer = scene.sender, .id = id};
        assert_int_equal(pthread_create(&threads[i], NULL, requeue, &calls[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_true(calls[i].result == GODWIT_OK || calls[i].result == GODWIT_ENOTFOUND);
        sent += calls[i].result == GODWIT_OK;
    }
    assert_int_equal(sent, 1);
    godwit_delivery_t *delivery = next_of(&scene);
    ok(godwit_ack(&delivery));
    ok(godwit_peer_drain(scene.sender, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ETIMEDOUT, godwit_inbox_next(scene.inbox, 0, &delivery));
    tear_down(&scene);
}

/* The share of the dead letter's destination is full, and its sender is patient. */
static void a_requeue_that_waits_holds_up_no_other(void **state)
{
    godwit_peer_options_t options = live_options("sender");
    godwit_destination_options_t share = GODWIT_DESTINATION_OPTIONS_INIT;
    struct requeue first;
    struct scene scene;
    pthread_t thread;

    (void)state;
    set_up(&scene);
    first.id = make_dead(&scene, "first");
    godwit_id_t second = make_dead(&scene, "second");
    ok(godwit_peer_close(&scene.sender));
    options.directory = scene.directory;
    options.durability = GODWIT_DURABILITY_OS;
    ok(godwit_peer_open(&options, &scene.sender));
    first.peer = scene.sender;
    share.max_messages = 1;
    ok(godwit_destination_set(scene.sender, STAGE, &share));
    ok(godwit_send_data(scene.sender, STAGE, "third", 5, NULL));
    assert_int_equal(pthread_create(&thread, NULL, requeue, &first), 0);
    for (int i = 0; live_counter(scene.sender, "sends_blocked") == 0; i++) {
        assert_true(i < LIVE_TIMEOUT_MS / 5);
        usleep(5000);
    }
    ok(godwit_dead_purge(scene.sender, second));
    live_join(scene.sender, scene.worker);
    for (int i = 0; i < 2; i++) {
        godwit_delivery_t *delivery = next_of(&scene);
        ok(godwit_ack(&delivery));
    }
    pthread_join(thread, NULL);
    ok(first.result);
    tear_down(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rejected_message_is_kept_with_its_reason_over_restarts),
        cmocka_unit_test(attempts_are_counted_and_too_many_end_it),
        cmocka_unit_test(a_requeued_one_is_a_new_message_and_no_dead_letter_any_more),
        cmocka_unit_test(a_purged_one_is_gone_over_restarts),
        cmocka_unit_test(dead_letters_fill_the_outbox_until_they_are_purged_or_sent_again),
        cmocka_unit_test(a_purge_lets_a_waiting_send_go_on),
        cmocka_unit_test(of_many_who_requeue_one_sends_it),
        cmocka_unit_test(a_requeue_that_waits_holds_up_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
