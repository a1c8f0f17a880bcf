/* SPDX-License-Identifier: MPL-2.0 */

/* Outcomes, with real peers: each message gives exactly one, in an order that goes on over
 * restarts, and what was read does not come again. */

#include "live.h"

#include <poll.h>

#define MESSAGES 200

struct scene {
    char directory[128];
    godwit_peer_t *sender; /* on disk, with outcomes */
    godwit_peer_t *worker;
    godwit_inbox_t *inbox;
    unsigned char ends[3][MESSAGES + 1]; /* of an epoch, by sequence: how often */
    uint64_t epochs[3];
    size_t epoch_count;
    uint64_t last; /* number */
};

static godwit_peer_t *open_sender(const char *directory)
{
    godwit_peer_options_t options = live_options("sender");
    godwit_peer_t *peer;

    options.directory = directory;
    options.durability = GODWIT_DURABILITY_OS;
    options.outcomes = true;
    ok(godwit_peer_open(&options, &peer));
    return peer;
}

static void set_up(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    scene->sender = open_sender(live_directory(scene->directory));
    scene->worker = live_peer("worker");
    ok(godwit_inbox_open(scene->worker, "stage:s", NULL, &scene->inbox));
    live_join(scene->sender, scene->worker);
}

static void tear_down(struct scene *scene)
{
    godwit_inbox_close(&scene->inbox);
    ok(godwit_peer_close(&scene->worker));
    ok(godwit_peer_close(&scene->sender));
    live_remove(scene->directory);
}

static void restart(struct scene *scene)
{
    ok(godwit_peer_close(&scene->sender));
    scene->sender = open_sender(scene->directory);
    live_join(scene->sender, scene->worker);
}

static size_t book_of(struct scene *scene, uint64_t epoch)
{
    size_t at = 0;

    while (at < scene->epoch_count && scene->epochs[at] != epoch)
        at++;
    assert_true(at < 3);
    scene->epochs[at] = epoch;
    if (at == scene->epoch_count)
        scene->epoch_count++;
    return at;
}

/* Reads on until so many messages ended, and counts each. */
static void read_outcomes(struct scene *scene, size_t count, bool forget)
{
    while (count > 0) {
        godwit_outcome_t outcome;

        ok(godwit_outcome_next(scene->sender, scene->last, LIVE_TIMEOUT_MS, &outcome));
        assert_int_equal(outcome.number, scene->last + 1);
        scene->last = outcome.number;
        size_t book = book_of(scene, outcome.first.epoch);
        for (uint64_t at = outcome.first.sequence; at <= outcome.last_sequence; at++) {
            assert_true(at >= 1 && at <= MESSAGES);
            assert_int_equal(scene->ends[book][at]++, 0);
            assert_int_equal(outcome.how, at % 10 == 3   ? GODWIT_PLACE_DEAD
                                          : at % 10 == 7 ? GODWIT_PLACE_WITHDRAWN
                                                         : GODWIT_PLACE_PROCESSED);
            assert_true(count > 0);
            count--;
        }
        if (forget)
            ok(godwit_outcome_done(scene->sender, outcome.number));
    }
}

/* Sends; every tenth is rejected, and another is withdrawn before anybody has it. */
static void send_all(struct scene *scene)
{
    godwit_id_t id;

    for (int i = 1; i <= MESSAGES; i++) {
        ok(godwit_send_data(scene->sender, "stage:s", "x", 1, &id));
        if (i % 10 == 7)
            ok(godwit_withdraw(scene->sender, id));
    }
}

static void handle(struct scene *scene, int count)
{
    for (int i = 0; i < count; i++) {
        godwit_delivery_t *delivery;

        ok(godwit_inbox_next(scene->inbox, LIVE_TIMEOUT_MS, &delivery));
        if (godwit_delivery_id(delivery).sequence % 10 == 3)
            ok(godwit_reject(&delivery, 1, NULL));
        else
            ok(godwit_ack(&delivery));
    }
}

static void each_message_has_one_outcome_over_a_restart(void **state)
{
    struct scene scene;
    godwit_outcome_t none;

    (void)state;
    set_up(&scene);
    godwit_inbox_close(&scene.inbox); /* nobody has them while some are withdrawn */
    send_all(&scene);
    ok(godwit_inbox_open(scene.worker, "stage:s", NULL, &scene.inbox));
    handle(&scene, 50);
    read_outcomes(&scene, 20, true);
    restart(&scene);
    handle(&scene, MESSAGES - MESSAGES / 10 - 50);
    ok(godwit_peer_drain(scene.sender, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    restart(&scene);
    size_t seen = 0;
    for (size_t at = 1; at <= MESSAGES; at++)
        seen += scene.ends[0][at];
    read_outcomes(&scene, MESSAGES - seen, false);
    fails(GODWIT_ETIMEDOUT, godwit_outcome_next(scene.sender, scene.last, 0, &none));
    for (size_t at = 1; at <= MESSAGES; at++)
        assert_int_equal(scene.ends[0][at], 1);
    assert_int_equal(scene.epoch_count, 1);
    tear_down(&scene);
}

static void numbers_go_on_when_all_was_read(void **state)
{
    struct scene scene;
    godwit_outcome_t outcome;

    (void)state;
    set_up(&scene);
    ok(godwit_send_data(scene.sender, "stage:s", "x", 1, NULL));
    handle(&scene, 1);
    read_outcomes(&scene, 1, true);
    restart(&scene);
    fails(GODWIT_ETIMEDOUT, godwit_outcome_next(scene.sender, 0, 0, &outcome));
    ok(godwit_send_data(scene.sender, "stage:s", "x", 1, NULL));
    handle(&scene, 1);
    ok(godwit_outcome_next(scene.sender, 0, LIVE_TIMEOUT_MS, &outcome));
    assert_int_equal(outcome.number, 2);
    tear_down(&scene);
}

static bool is_readable(godwit_peer_t *peer)
{
    struct pollfd fd = {.fd = godwit_outcome_fd(peer), .events = POLLIN};

    return poll(&fd, 1, 0) == 1;
}

static void the_descriptor_is_readable_while_there_is_one(void **state)
{
    struct scene scene;
    struct pollfd fd = {.events = POLLIN};

    (void)state;
    set_up(&scene);
    assert_false(is_readable(scene.sender));
    ok(godwit_send_data(scene.sender, "stage:s", "x", 1, NULL));
    handle(&scene, 1);
    fd.fd = godwit_outcome_fd(scene.sender);
    assert_int_equal(poll(&fd, 1, LIVE_TIMEOUT_MS), 1);
    restart(&scene);
    assert_true(is_readable(scene.sender));
    read_outcomes(&scene, 1, false);
    assert_false(is_readable(scene.sender));
    tear_down(&scene);
}

static void without_the_option_there_are_none(void **state)
{
    godwit_peer_t *peer = live_peer("one");
    godwit_outcome_t outcome;

    (void)state;
    fails(GODWIT_EINVAL, godwit_outcome_next(peer, 0, 0, &outcome));
    says("opened without outcomes");
    fails(GODWIT_EINVAL, godwit_outcome_done(peer, 1));
    assert_int_equal(godwit_outcome_fd(peer), -1);
    ok(godwit_peer_close(&peer));
}

static void what_cannot_be_is_refused(void **state)
{
    struct scene scene;

    (void)state;
    set_up(&scene);
    fails(GODWIT_EINVAL, godwit_outcome_next(scene.sender, 0, 0, NULL));
    fails(GODWIT_EINVAL, godwit_outcome_done(scene.sender, 1));
    says("no outcome has the number 1 yet");
    tear_down(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_has_one_outcome_over_a_restart),
        cmocka_unit_test(numbers_go_on_when_all_was_read),
        cmocka_unit_test(the_descriptor_is_readable_while_there_is_one),
        cmocka_unit_test(without_the_option_there_are_none),
        cmocka_unit_test(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
