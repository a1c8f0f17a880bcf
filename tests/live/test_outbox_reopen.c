/* SPDX-License-Identifier: MPL-2.0 */

/* The sending side of failing work while the store fails under it: what was said of destinations is
 * said again, what was asked waits, and what was in doubt is answered as it is. */

#include "live.h"

#include "bad_disk.h"

#define STAGE "stage:s"

struct scene {
    char directory[128];
    godwit_peer_t *sender; /* its store fails */
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
    options.outcomes = true;
    ok(godwit_peer_open(&options, &peer));
    destination.max_attempts = 1;
    ok(godwit_destination_set(peer, STAGE, &destination));
    return peer;
}

static void set_up(struct scene *scene)
{
    live_directory(scene->directory);
    faulty_at = scene->directory;
    scene->sender = open_sender(scene->directory);
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
    faulty_at = NULL;
}

static godwit_delivery_t *next_of(struct scene *scene)
{
    godwit_delivery_t *delivery = NULL;

    ok(godwit_inbox_next(scene->inbox, LIVE_TIMEOUT_MS, &delivery));
    return delivery;
}

static void fail_once(struct scene *scene)
{
    godwit_id_t id;

    atomic_store(&fault, FAIL_BEFORE_WRITE);
    ok(godwit_send_data(scene->sender, "stage:other", "x", 1, &id));
    fails(GODWIT_ENOTSTORED, godwit_wait(scene->sender, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
}

static godwit_id_t make_dead(struct scene *scene)
{
    godwit_delivery_t *delivery;
    godwit_id_t id;

    ok(godwit_send_data(scene->sender, STAGE, "dead", 4, &id));
    delivery = next_of(scene);
    ok(godwit_nack(&delivery, 0, "never")); /* one attempt is all it has */
    fails(GODWIT_EDEAD, godwit_wait(scene->sender, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    return id;
}

static void what_was_said_of_a_destination_is_said_again(void **state)
{
    struct scene scene;

    (void)state;
    set_up(&scene);
    fail_once(&scene);
    make_dead(&scene);
    tear_down(&scene);
}

static void a_wish_waits_for_the_store(void **state)
{
    godwit_status_t status = GODWIT_STATUS_INIT;
    godwit_id_t id, lost;
    struct scene scene;

    (void)state;
    set_up(&scene);
    ok(godwit_send_data(scene.sender, "stage:other", "x", 1, &id));
    ok(godwit_wait(scene.sender, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
    atomic_store(&bad_opens, 3);
    atomic_store(&fault, FAIL_BEFORE_WRITE);
    ok(godwit_send_data(scene.sender, "stage:other", "y", 1, &lost));
    ok(godwit_status(scene.sender, id, &status));
    assert_int_equal(status.place, GODWIT_PLACE_QUEUED);
    ok(godwit_withdraw(scene.sender, id));
    fails(GODWIT_EWITHDRAWN, godwit_wait(scene.sender, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ENOTFOUND, godwit_withdraw(scene.sender, lost));
    ok(godwit_status(scene.sender, lost, &status));
    assert_int_equal(status.place, GODWIT_PLACE_NOT_FOUND);
    tear_down(&scene);
}

static void a_burial_in_doubt_is_found(void **state)
{
    godwit_delivery_t *delivery;
    struct scene scene;
    godwit_id_t id;

    (void)state;
    set_up(&scene);
    ok(godwit_send_data(scene.sender, STAGE, "dead", 4, &id));
    delivery = next_of(&scene);
    atomic_store(&fault, FAIL_AFTER_WRITE);
    ok(godwit_reject(&delivery, 7, "never"));
    fails(GODWIT_EDEAD, godwit_wait(scene.sender, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(scene.sender, "dead_letters_now"), 1);
    assert_int_equal(live_counter(scene.sender, "commit_failures"), 1);
    tear_down(&scene);
}

static void a_purge_in_doubt_is_answered_as_it_is(void **state)
{
    struct scene scene;
    godwit_dead_t *dead;

    (void)state;
    set_up(&scene);
    godwit_id_t id = make_dead(&scene);
    atomic_store(&fault, FAIL_BEFORE_WRITE);
    fails(GODWIT_ENOTSTORED, godwit_dead_purge(scene.sender, id));
    ok(godwit_dead_get(scene.sender, id, &dead));
    godwit_dead_free(&dead);
    assert_int_equal(live_counter(scene.sender, "dead_letters_now"), 1);
    atomic_store(&fault, FAIL_AFTER_WRITE);
    ok(godwit_dead_purge(scene.sender, id));
    fails(GODWIT_ENOTFOUND, godwit_dead_get(scene.sender, id, &dead));
    assert_int_equal(live_counter(scene.sender, "dead_letters_now"), 0);
    tear_down(&scene);
}

static void a_requeue_in_doubt_happens_once(void **state)
{
    godwit_delivery_t *delivery, *none;
    struct scene scene;
    godwit_id_t again;

    (void)state;
    set_up(&scene);
    godwit_id_t id = make_dead(&scene);
    atomic_store(&fault, FAIL_BEFORE_WRITE);
    fails(GODWIT_ENOTSTORED, godwit_dead_requeue(scene.sender, id, &again));
    atomic_store(&fault, FAIL_AFTER_WRITE);
    ok(godwit_dead_requeue(scene.sender, id, &again));
    fails(GODWIT_ENOTFOUND, godwit_dead_requeue(scene.sender, id, &again));
    delivery = next_of(&scene);
    ok(godwit_ack(&delivery));
    ok(godwit_wait(scene.sender, again, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ETIMEDOUT, godwit_inbox_next(scene.inbox, 0, &none));
    assert_int_equal(live_counter(scene.sender, "dead_letters_now"), 0);
    tear_down(&scene);
}

/* What was read is forgotten by the next write, if the first one fails. */
static void outcomes_that_were_read_do_not_come_again(void **state)
{
    godwit_outcome_t outcome;
    struct scene scene;

    (void)state;
    set_up(&scene);
    for (int i = 0; i < 2; i++) {
        ok(godwit_send_data(scene.sender, STAGE, "x", 1, NULL));
        godwit_delivery_t *delivery = next_of(&scene);
        ok(godwit_ack(&delivery));
        ok(godwit_peer_drain(scene.sender, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    }
    ok(godwit_outcome_next(scene.sender, 0, LIVE_TIMEOUT_MS, &outcome));
    assert_int_equal(outcome.number, 1);
    atomic_store(&fault, FAIL_BEFORE_WRITE);
    ok(godwit_outcome_done(scene.sender, 1));
    for (int i = 0; live_counter(scene.sender, "commit_failures") == 0; i++) {
        assert_true(i < LIVE_TIMEOUT_MS / 5);
        usleep(5000);
    }
    ok(godwit_peer_drain(scene.sender, GODWIT_STORED, LIVE_TIMEOUT_MS)); /* it is open again */
    ok(godwit_peer_close(&scene.sender));
    scene.sender = open_sender(scene.directory);
    ok(godwit_outcome_next(scene.sender, 0, LIVE_TIMEOUT_MS, &outcome));
    assert_int_equal(outcome.number, 2);
    tear_down(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_said_of_a_destination_is_said_again),
        cmocka_unit_test(a_wish_waits_for_the_store),
        cmocka_unit_test(a_burial_in_doubt_is_found),
        cmocka_unit_test(a_purge_in_doubt_is_answered_as_it_is),
        cmocka_unit_test(a_requeue_in_doubt_happens_once),
        cmocka_unit_test(outcomes_that_were_read_do_not_come_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
