/* SPDX-License-Identifier: MPL-2.0 */

/* The sending side of failing work, with real peers: shares of the outbox, where a message is,
 * taking one back, and headers. */

#include "live.h"

#include <pthread.h>

static godwit_inbox_t *inbox_of(godwit_peer_t *peer, const char *destination)
{
    godwit_inbox_t *inbox;

    ok(godwit_inbox_open(peer, destination, NULL, &inbox));
    return inbox;
}

static godwit_delivery_t *next_of(godwit_inbox_t *inbox)
{
    godwit_delivery_t *delivery = NULL;

    ok(godwit_inbox_next(inbox, LIVE_TIMEOUT_MS, &delivery));
    return delivery;
}

static godwit_status_t status_of(godwit_peer_t *peer, godwit_id_t id)
{
    godwit_status_t status = GODWIT_STATUS_INIT;

    ok(godwit_status(peer, id, &status));
    return status;
}

/* Waits until the message is there. */
static godwit_status_t wait_place(godwit_peer_t *peer, godwit_id_t id, godwit_place_t place)
{
    godwit_status_t status = status_of(peer, id);

    for (int i = 0; i < LIVE_TIMEOUT_MS / 5 && status.place != place; i++) {
        usleep(5000);
        status = status_of(peer, id);
    }
    if (status.place != place)
        print_error("%s, not %s\n", godwit_place_name(status.place), godwit_place_name(place));
    assert_int_equal(status.place, place);
    return status;
}

/* --- headers --- */

static void headers_of_a_message_are_set_read_and_removed(void **state)
{
    static char large[65001];
    godwit_message_t *message;
    const void *value;
    size_t size;

    (void)state;
    ok(godwit_message_new("body", 4, &message));
    fails(GODWIT_ENOTFOUND, godwit_message_header(message, "colour", &value, &size));
    ok(godwit_message_set_header(message, "colour", "red", 3));
    ok(godwit_message_set_header(message, "empty", "", 0));
    ok(godwit_message_set_header(message, "colour", "blue", 4));
    ok(godwit_message_header(message, "colour", &value, &size));
    assert_int_equal(size, 4);
    assert_memory_equal(value, "blue", 4);
    ok(godwit_message_header(message, "empty", &value, &size));
    assert_int_equal(size, 0);
    ok(godwit_message_set_header(message, "colour", NULL, 0));
    fails(GODWIT_ENOTFOUND, godwit_message_header(message, "colour", &value, &size));
    fails(GODWIT_EINVAL, godwit_message_set_header(message, "Colour", "red", 3));
    says("1 to 64 of [a-z0-9._-]");
    fails(GODWIT_EINVAL, godwit_message_set_header(message, "", "red", 3));
    fails(GODWIT_EINVAL, godwit_message_set_header(message, "colour", NULL, 3));
    fails(GODWIT_EINVAL, godwit_message_set_header(NULL, "colour", "red", 3));
    fails(GODWIT_EINVAL, godwit_message_header(message, "colour", NULL, &size));
    fails(GODWIT_ETOOLARGE, godwit_message_set_header(message, "large", large, sizeof large));
    says("65000");
    assert_int_equal(godwit_message_size(message), 4);
    godwit_message_destroy(&message);
}

static void check_header(const godwit_delivery_t *delivery, const char *expected)
{
    const void *value;
    size_t size;

    ok(godwit_delivery_header(delivery, "colour", &value, &size));
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(value, expected, size);
}

static void headers_travel_with_their_message(void **state)
{
    godwit_peer_t *sender = live_peer("sender"), *worker = live_peer("worker");
    godwit_inbox_t *inbox = inbox_of(worker, "stage:s");
    godwit_message_t *message;
    godwit_txn_t *txn;
    const void *value;
    size_t size;

    (void)state;
    ok(godwit_send_data(sender, "stage:s", "plain", 5, NULL));
    ok(godwit_message_new("body", 4, &message));
    ok(godwit_message_set_header(message, "colour", "red", 3));
    ok(godwit_send(sender, "stage:s", &message, NULL));
    assert_null(message);
    ok(godwit_txn_begin(sender, &txn));
    ok(godwit_txn_send_data(txn, "stage:s", "plain", 5));
    ok(godwit_message_new("more", 4, &message));
    ok(godwit_message_set_header(message, "colour", "blue", 4));
    ok(godwit_txn_send(txn, "stage:s", &message));
    assert_null(message);
    ok(godwit_txn_commit(&txn));
    live_join(sender, worker);

    for (int i = 0; i < 4; i++) {
        godwit_delivery_t *delivery = next_of(inbox);
        const char *body = (const char *)godwit_delivery_data(delivery);

        if (memcmp(body, "plain", 4) == 0) {
            assert_int_equal(godwit_delivery_size(delivery), 5);
            fails(GODWIT_ENOTFOUND, godwit_delivery_header(delivery, "colour", &value, &size));
        } else {
            assert_int_equal(godwit_delivery_size(delivery), 4);
            check_header(delivery, memcmp(body, "body", 4) == 0 ? "red" : "blue");
        }
        ok(godwit_ack(&delivery));
    }
    ok(godwit_peer_drain(sender, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_inbox_close(&inbox);
    ok(godwit_peer_close(&sender));
    ok(godwit_peer_close(&worker));
}

/* --- destinations --- */

static void options_of_a_destination_are_checked(void **state)
{
    godwit_peer_t *peer = live_peer("one");
    godwit_destination_options_t options = GODWIT_DESTINATION_OPTIONS_INIT;

    (void)state;
    ok(godwit_destination_set(peer, "stage:s", &options));
    ok(godwit_destination_set(peer, "service:s", &options));
    fails(GODWIT_EINVAL, godwit_destination_set(peer, "topic:s", &options));
    fails(GODWIT_EINVAL, godwit_destination_set(peer, "stage:s", NULL));
    fails(GODWIT_EINVAL, godwit_destination_set(NULL, "stage:s", &options));
    options.failover_ms = 99;
    fails(GODWIT_EINVAL, godwit_destination_set(peer, "stage:s", &options));
    says("failover_ms is 99, but must be at least 100");
    options.failover_ms = 0;
    options.retry_base_ms = 70000;
    ok(godwit_destination_set(peer, "stage:s", &options));
    options.retry_cap_ms = 69999;
    fails(GODWIT_EINVAL, godwit_destination_set(peer, "stage:s", &options));
    says("retry_cap_ms is 69999, but must be at least 70000");
    options.retry_cap_ms = 0;
    options.retry_jitter_percent = 101;
    fails(GODWIT_EINVAL, godwit_destination_set(peer, "stage:s", &options));
    says("retry_jitter_percent");
    options.retry_jitter_percent = -1;
    ok(godwit_destination_set(peer, "stage:s", &options));
    options.ordering = (godwit_ordering_t)2;
    fails(GODWIT_EINVAL, godwit_destination_set(peer, "stage:s", &options));
    options.ordering = GODWIT_ORDERING_ORDERED;
    options.member_lost = (godwit_member_lost_t)-1;
    fails(GODWIT_EINVAL, godwit_destination_set(peer, "stage:s", &options));
    options.member_lost = GODWIT_LOST_STRICT;
    options.size = 4;
    fails(GODWIT_EINVAL, godwit_destination_set(peer, "stage:s", &options));
    says("GODWIT_DESTINATION_OPTIONS_INIT");
    ok(godwit_peer_close(&peer));
}

static void ordering_is_chosen_before_the_first_send(void **state)
{
    godwit_peer_t *peer = live_peer("one");
    godwit_destination_options_t options = GODWIT_DESTINATION_OPTIONS_INIT;

    (void)state;
    options.ordering = GODWIT_ORDERING_ORDERED;
    ok(godwit_destination_set(peer, "stage:s", &options));
    ok(godwit_send_data(peer, "stage:s", "x", 1, NULL));
    options.max_attempts = 3;
    ok(godwit_destination_set(peer, "stage:s", &options));
    options.ordering = GODWIT_ORDERING_SHARED;
    fails(GODWIT_EINVAL, godwit_destination_set(peer, "stage:s", &options));
    says("ordering cannot change");
    ok(godwit_peer_close(&peer));
}

static void a_full_share_stops_its_own_senders_only(void **state)
{
    godwit_peer_options_t options = live_options("sender");
    godwit_destination_options_t share = GODWIT_DESTINATION_OPTIONS_INIT;
    char directory[128];
    godwit_peer_t *peer, *worker;

    (void)state;
    options.directory = live_directory(directory);
    options.durability = GODWIT_DURABILITY_OS;
    options.full_timeout_ms = -1;
    ok(godwit_peer_open(&options, &peer));
    share.max_messages = 2;
    ok(godwit_destination_set(peer, "stage:a", &share));
    ok(godwit_send_data(peer, "stage:a", "1", 1, NULL));
    ok(godwit_send_data(peer, "stage:a", "2", 1, NULL));
    fails(GODWIT_EFULL, godwit_send_data(peer, "stage:a", "3", 1, NULL));
    says("destination's share");
    ok(godwit_send_data(peer, "stage:b", "1", 1, NULL));
    share.max_bytes = 10;
    ok(godwit_destination_set(peer, "stage:b", &share));
    fails(GODWIT_ETOOLARGE, godwit_send_data(peer, "stage:b", "0123456789x", 11, NULL));
    says("share");
    ok(godwit_peer_close(&peer));

    ok(godwit_peer_open(&options, &peer)); /* what is left there counts */
    ok(godwit_destination_set(peer, "stage:a", &share));
    fails(GODWIT_EFULL, godwit_send_data(peer, "stage:a", "3", 1, NULL));
    worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "a");
    live_join(peer, worker);
    for (int i = 0; i < 2; i++) {
        godwit_delivery_t *delivery = live_next(stage);
        ok(godwit_ack(&delivery));
    }
    godwit_err_t error = GODWIT_EFULL;
    for (int i = 0; i < LIVE_TIMEOUT_MS / 5 && error == GODWIT_EFULL; i++) {
        usleep(5000);
        error = godwit_send_data(peer, "stage:a", "3", 1, NULL);
    }
    ok(error);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&peer));
    live_remove(directory);
}

/* --- where a message is --- */

static void status_follows_a_message(void **state)
{
    godwit_peer_t *sender = live_peer("sender"), *worker = live_peer("worker");
    godwit_id_t id, second;

    (void)state;
    ok(godwit_send_data(sender, "stage:s", "x", 1, &id));
    ok(godwit_send_data(sender, "stage:s", "y", 1, &second));
    godwit_status_t status = status_of(sender, id);
    assert_int_equal(status.place, GODWIT_PLACE_QUEUED);
    assert_string_equal(status.destination, "stage:s");
    assert_string_equal(status.member, "");
    godwit_inbox_t *inbox = inbox_of(worker, "stage:s");
    live_join(sender, worker);
    status = wait_place(sender, second, GODWIT_PLACE_OFFERED);
    assert_string_equal(status.member, "worker");
    assert_true(status.linked);
    assert_int_equal(status.attempts, 1);

    godwit_delivery_t *first = next_of(inbox);
    status = wait_place(sender, id, GODWIT_PLACE_IN_HAND);
    assert_string_equal(status.member, "worker");
    ok(godwit_ack(&first));
    ok(godwit_wait(sender, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    status = status_of(sender, id);
    assert_int_equal(status.place, GODWIT_PLACE_PROCESSED);
    assert_string_equal(status.destination, "stage:s");

    id.sequence = 77;
    assert_int_equal(status_of(sender, id).place, GODWIT_PLACE_NOT_FOUND);
    assert_int_equal(status_of(sender, (godwit_id_t){3, 4}).place, GODWIT_PLACE_NOT_FOUND);
    fails(GODWIT_EINVAL, godwit_status(sender, id, NULL));
    status.size = 3;
    fails(GODWIT_EINVAL, godwit_status(sender, id, &status));
    assert_string_equal(godwit_place_name(GODWIT_PLACE_IN_HAND), "in hand");
    godwit_inbox_close(&inbox);
    ok(godwit_peer_close(&sender));
    ok(godwit_peer_close(&worker));
}

static void a_member_that_left_is_shown_without_a_link(void **state)
{
    godwit_peer_t *sender = live_peer("sender");
    char directory[128];
    godwit_peer_t *worker = live_disk_peer("worker", live_directory(directory));
    godwit_inbox_t *inbox = inbox_of(worker, "stage:s");
    godwit_id_t id;

    (void)state;
    live_join(sender, worker);
    ok(godwit_send_data(sender, "stage:s", "x", 1, &id));
    godwit_delivery_t *delivery = next_of(inbox);
    wait_place(sender, id, GODWIT_PLACE_IN_HAND);
    fails(GODWIT_ENOTFOUND, godwit_peer_forfeit(sender, "worker"));
    says("has a link");
    fails(GODWIT_ENOTFOUND, godwit_peer_forfeit(sender, "nobody"));
    fails(GODWIT_EINVAL, godwit_peer_forfeit(sender, "No Name"));
    godwit_delivery_drop(&delivery);
    godwit_inbox_close(&inbox);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_wait_members(sender, "stage:s", 0, LIVE_TIMEOUT_MS));
    for (int i = 0; i < LIVE_TIMEOUT_MS / 5 && status_of(sender, id).linked; i++)
        usleep(5000);
    godwit_status_t status = status_of(sender, id);
    assert_string_equal(status.member, "worker");
    assert_false(status.linked);
    ok(godwit_peer_forfeit(sender, "worker"));
    status = wait_place(sender, id, GODWIT_PLACE_QUEUED);
    assert_string_equal(status.member, "");
    ok(godwit_peer_close(&sender));
    live_remove(directory);
}

/* --- taking back --- */

static void what_nobody_has_is_withdrawn_at_once(void **state)
{
    godwit_peer_t *peer = live_peer("sender");
    godwit_id_t id;

    (void)state;
    ok(godwit_send_data(peer, "stage:s", "x", 1, &id));
    ok(godwit_withdraw(peer, id));
    fails(GODWIT_EWITHDRAWN, godwit_wait(peer, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_wait(peer, id, GODWIT_STORED, 0));
    assert_int_equal(status_of(peer, id).place, GODWIT_PLACE_WITHDRAWN);
    ok(godwit_peer_drain(peer, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ENOTFOUND, godwit_withdraw(peer, id));
    fails(GODWIT_ENOTFOUND, godwit_withdraw(peer, (godwit_id_t){1, 2}));
    fails(GODWIT_EINVAL, godwit_withdraw(peer, (godwit_id_t){0, 0}));
    ok(godwit_peer_close(&peer));
}

static void what_waits_in_an_inbox_can_be_withdrawn_what_was_begun_not(void **state)
{
    godwit_peer_t *sender = live_peer("sender"), *worker = live_peer("worker");
    godwit_inbox_t *inbox = inbox_of(worker, "stage:s");
    godwit_delivery_t *none = NULL;
    godwit_id_t begun, waiting;

    (void)state;
    live_join(sender, worker);
    ok(godwit_send_data(sender, "stage:s", "begun", 5, &begun));
    godwit_delivery_t *delivery = next_of(inbox);
    wait_place(sender, begun, GODWIT_PLACE_IN_HAND);
    ok(godwit_send_data(sender, "stage:s", "waiting", 7, &waiting));
    wait_place(sender, waiting, GODWIT_PLACE_OFFERED);
    ok(godwit_withdraw(sender, waiting));
    fails(GODWIT_EWITHDRAWN, godwit_wait(sender, waiting, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ETIMEDOUT, godwit_inbox_next(inbox, 0, &none));

    ok(godwit_withdraw(sender, begun));
    ok(godwit_ack(&delivery));
    ok(godwit_wait(sender, begun, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ENOTFOUND, godwit_withdraw(sender, begun));
    godwit_inbox_close(&inbox);
    ok(godwit_peer_close(&sender));
    ok(godwit_peer_close(&worker));
}

static void a_message_of_an_earlier_open_is_withdrawn_too(void **state)
{
    char directory[128];
    godwit_peer_t *peer = live_disk_peer("sender", live_directory(directory));
    godwit_id_t id;

    (void)state;
    ok(godwit_send_data(peer, "stage:s", "x", 1, &id));
    ok(godwit_peer_close(&peer));
    peer = live_disk_peer("sender", directory);
    assert_int_equal(status_of(peer, id).place, GODWIT_PLACE_QUEUED);
    ok(godwit_withdraw(peer, id));
    ok(godwit_peer_drain(peer, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ENOTFOUND, godwit_withdraw(peer, id));
    ok(godwit_peer_close(&peer));
    live_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_of_a_message_are_set_read_and_removed),
        cmocka_unit_test(headers_travel_with_their_message),
        cmocka_unit_test(options_of_a_destination_are_checked),
        cmocka_unit_test(ordering_is_chosen_before_the_first_send),
        cmocka_unit_test(a_full_share_stops_its_own_senders_only),
        cmocka_unit_test(status_follows_a_message),
        cmocka_unit_test(a_member_that_left_is_shown_without_a_link),
        cmocka_unit_test(what_nobody_has_is_withdrawn_at_once),
        cmocka_unit_test(what_waits_in_an_inbox_can_be_withdrawn_what_was_begun_not),
        cmocka_unit_test(a_message_of_an_earlier_open_is_withdrawn_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
