/* SPDX-License-Identifier: MPL-2.0 */

/* Requests that end without a reply or with two, peers that leave, arguments that are wrong. */

#include "asking.h"

#include <pthread.h>

/* --- a handler --- */

static uint32_t never(void *context, godwit_call_t *call)
{
    (void)context;
    godwit_call_fail(call, "not today");
    return GODWIT_CALL_RETRY;
}

/* --- requests that end without a reply --- */

struct waiting {
    godwit_peer_t *client;
    godwit_id_t id;
    godwit_err_t error;
};

static void *wait_for_reply(void *context)
{
    struct waiting *waiting = context;
    godwit_reply_t *reply;

    waiting->error = godwit_reply_wait(waiting->client, waiting->id, LIVE_TIMEOUT_MS, &reply);
    return NULL;
}

static void a_cancelled_request_ends_and_wakes_who_waits(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    struct waiting waiting = {.client = client};
    godwit_service_t *service;
    godwit_reply_t *reply;
    pthread_t thread;
    godwit_id_t begun;

    (void)state;
    gate_set(false);
    service = serve(server, gated_echo, 1);
    live_join(client, server);
    begun = send_text(client, "begun");
    gate_wait_for_one();
    waiting.id = send_text(client, "waits behind it");
    assert_int_equal(pthread_create(&thread, NULL, wait_for_reply, &waiting), 0);
    ok(godwit_request_cancel(client, waiting.id));
    pthread_join(thread, NULL);
    assert_int_equal(waiting.error, GODWIT_EWITHDRAWN);
    ok(godwit_request_cancel(client, begun)); /* too late: the reply comes as usual */
    gate_set(true);
    ok(godwit_reply_wait(client, begun, LIVE_TIMEOUT_MS, &reply));
    expect_reply(&reply, "begun");
    fails(GODWIT_ETIMEDOUT, godwit_reply_next(client, 0, &reply));
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

static void a_request_that_fails_too_often_is_dead(void **state)
{
    godwit_destination_options_t options = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_service_t *service = serve(server, never, 1);
    godwit_message_t *request;
    godwit_reply_t *reply = NULL;
    godwit_dead_t *dead;
    godwit_id_t id;

    (void)state;
    options.max_attempts = 3;
    options.retry_base_ms = 1;
    ok(godwit_destination_set(client, "service:s", &options));
    live_join(client, server);
    ok(godwit_message_new("x", 1, &request));
    fails(GODWIT_EDEAD, godwit_request(client, "s", &request, LIVE_TIMEOUT_MS, &reply, &id));
    assert_null(request);
    assert_null(reply);
    ok(godwit_dead_get(client, id, &dead));
    assert_string_equal(dead->text, "not today");
    assert_int_equal(dead->attempts, 3);
    godwit_dead_free(&dead);
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

static void a_dead_request_of_an_earlier_open_is_dead(void **state)
{
    godwit_destination_options_t options = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_peer_t *client, *server = live_peer("server");
    godwit_service_t *service = serve(server, never, 1);
    char directory[128], endpoint[256];
    struct waiting waiting;
    godwit_reply_t *reply;
    pthread_t thread;

    (void)state;
    options.max_attempts = 2;
    options.retry_base_ms = 1;
    client = live_disk_peer("client", live_directory(directory));
    waiting.id = send_text(client, "x");
    ok(godwit_peer_close(&client));
    client = live_disk_peer("client", directory);
    waiting.client = client;
    ok(godwit_destination_set(client, "service:s", &options));
    assert_int_equal(pthread_create(&thread, NULL, wait_for_reply, &waiting), 0);
    live_bind(server, endpoint);
    ok(godwit_peer_connect(client, endpoint));
    pthread_join(thread, NULL);
    assert_int_equal(waiting.error, GODWIT_EDEAD);
    ok(godwit_peer_close(&client));
    client = live_disk_peer("client", directory);
    fails(GODWIT_EDEAD, godwit_reply_wait(client, waiting.id, LIVE_TIMEOUT_MS, &reply));
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
    live_remove(directory);
}

/* --- two servers --- */

static uint32_t say_name(void *context, godwit_call_t *call)
{
    ok(godwit_call_reply(call, context, strlen(context)));
    return 0;
}

static void after_failover_the_first_answer_counts(void **state)
{
    godwit_destination_options_t options = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_peer_t *client = live_peer("client"), *slow = live_peer("slow"),
                  *quick = live_peer("quick");
    godwit_service_t *slow_service, *quick_service;
    char endpoint[256], name[] = "quick";
    godwit_reply_t *reply;
    godwit_id_t id;

    (void)state;
    gate_set(false);
    options.member_lost = GODWIT_LOST_FAILOVER;
    options.failover_ms = 100;
    ok(godwit_destination_set(client, "service:s", &options));
    slow_service = serve(slow, gated_echo, 1);
    live_bind(client, endpoint);
    ok(godwit_peer_connect(slow, endpoint));
    id = send_text(client, "who");
    gate_wait_for_one();
    ok(godwit_peer_disconnect(slow, endpoint));
    ok(godwit_service_open(quick, "s", say_name, name, NULL, &quick_service));
    ok(godwit_peer_connect(quick, endpoint));
    ok(godwit_reply_wait(client, id, LIVE_TIMEOUT_MS, &reply));
    assert_string_equal(godwit_reply_server(reply), "quick");
    expect_reply(&reply, "quick");
    gate_set(true); /* the other one answers as well, and comes back */
    ok(godwit_peer_connect(slow, endpoint));
    for (int i = 0; i < LIVE_TIMEOUT_MS && live_counter(client, "replies_unmatched") < 1; i++)
        fails(GODWIT_ETIMEDOUT, godwit_reply_next(client, 1, &reply));
    ok(godwit_peer_drain(slow, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_service_close(&slow_service));
    ok(godwit_service_close(&quick_service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&slow));
    ok(godwit_peer_close(&quick));
}

/* --- who goes --- */

static void a_memory_client_that_left_gets_no_reply_and_leaves_nothing(void **state)
{
    godwit_peer_t *client, *server = live_peer("server");
    godwit_service_t *service;
    char endpoint[256];

    (void)state;
    gate_set(false);
    service = serve(server, gated_echo, 1);
    live_bind(server, endpoint);
    client = live_peer("client");
    ok(godwit_peer_connect(client, endpoint));
    send_text(client, "x");
    gate_wait_for_one();
    ok(godwit_peer_close(&client));
    wait_counter(server, "memory_peers_gone", 1);
    gate_set(true);
    ok(godwit_service_close(&service)); /* the handler ends, and answers nobody */
    ok(godwit_peer_drain(server, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(server, "outbox_messages_now"), 0);
    ok(godwit_peer_close(&server));
}

/* As a command would: one request each. In the end the server keeps nothing for any of them. */
static void many_short_lived_clients_leave_nothing(void **state)
{
    enum { CLIENTS = 60 };
    godwit_peer_t *client, *server = live_peer("server");
    godwit_service_t *service = serve(server, gated_echo, 1);
    char endpoint[256], name[32];
    godwit_message_t *request;
    godwit_reply_t *reply;

    (void)state;
    live_bind(server, endpoint);
    for (int i = 0; i < CLIENTS; i++) {
        godwit_peer_options_t options = live_options("short");

        snprintf(name, sizeof name, "short-%d", i % 40); /* some come back */
        options.name = name;
        ok(godwit_peer_open(&options, &client));
        ok(godwit_peer_connect(client, endpoint));
        ok(godwit_message_new(name, strlen(name), &request));
        ok(godwit_request(client, "s", &request, LIVE_TIMEOUT_MS, &reply, NULL));
        expect_reply(&reply, name);
        ok(godwit_peer_close(&client));
    }
    wait_counter(server, "memory_peers_gone", CLIENTS);
    ok(godwit_service_close(&service));
    ok(godwit_peer_drain(server, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(server, "outbox_messages_now"), 0);
    ok(godwit_peer_close(&server));
}

static void *ask_and_wait(void *context)
{
    struct waiting *waiting = context;
    godwit_message_t *request;
    godwit_reply_t *reply;

    ok(godwit_message_new("x", 1, &request));
    waiting->error =
        godwit_request(waiting->client, "s", &request, LIVE_TIMEOUT_MS, &reply, &waiting->id);
    return NULL;
}

static void closing_ends_requests_under_way(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    struct waiting waiting = {.client = client};
    godwit_service_t *service;
    pthread_t thread;

    (void)state;
    gate_set(false);
    service = serve(server, gated_echo, 1);
    live_join(client, server);
    assert_int_equal(pthread_create(&thread, NULL, ask_and_wait, &waiting), 0);
    gate_wait_for_one(); /* so that the thread is in its call, and must wait there */
    ok(godwit_peer_close(&client));
    pthread_join(thread, NULL);
    assert_int_equal(waiting.error, GODWIT_ECLOSED);
    ok(godwit_peer_close(&server)); /* before its service, whose handler runs */
    gate_set(true);
    ok(godwit_service_close(&service));
}

static void a_reply_outlives_its_peer(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_service_t *service = serve(server, gated_echo, 1);
    godwit_reply_t *reply;
    godwit_id_t id;

    (void)state;
    live_join(client, server);
    id = send_text(client, "kept");
    ok(godwit_reply_wait(client, id, LIVE_TIMEOUT_MS, &reply));
    ok(godwit_peer_close(&client));
    expect_reply(&reply, "kept");
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&server));
}

/* --- bad input --- */

static void bad_arguments_are_refused(void **state)
{
    godwit_service_options_t options = GODWIT_SERVICE_OPTIONS_INIT;
    godwit_peer_t *peer = live_peer("a");
    godwit_service_t *service = NULL, *second = NULL;
    godwit_message_t *message, *none = NULL;
    godwit_inbox_t *inbox;
    godwit_reply_t *reply = NULL;
    godwit_id_t zero = {0, 0};
    godwit_txn_t *txn;

    (void)state;
    ok(godwit_message_new("x", 1, &message));
    fails(GODWIT_EINVAL, godwit_request(NULL, "s", &message, 0, &reply, NULL));
    fails(GODWIT_EINVAL, godwit_request(peer, NULL, &message, 0, &reply, NULL));
    fails(GODWIT_EINVAL, godwit_request(peer, "service:s", &message, 0, &reply, NULL));
    fails(GODWIT_EINVAL, godwit_request(peer, "s", &none, 0, &reply, NULL));
    fails(GODWIT_EINVAL, godwit_request(peer, "s", NULL, 0, &reply, NULL));
    fails(GODWIT_EINVAL, godwit_request(peer, "s", &message, -2, &reply, NULL));
    fails(GODWIT_EINVAL, godwit_request(peer, "s", &message, 0, NULL, NULL));
    fails(GODWIT_EINVAL, godwit_request_send(peer, "", &message, NULL));
    fails(GODWIT_EINVAL, godwit_request_send(peer, "s", &none, NULL));
    assert_non_null(message); /* still the caller's */
    godwit_message_destroy(&message);
    fails(GODWIT_ENOTFOUND, godwit_reply_wait(peer, zero, 0, &reply));
    fails(GODWIT_EINVAL, godwit_reply_wait(peer, (godwit_id_t){1, 1}, 0, NULL));
    fails(GODWIT_ETIMEDOUT, godwit_reply_wait(peer, (godwit_id_t){1, 1}, 0, &reply));
    fails(GODWIT_EINVAL, godwit_reply_next(peer, 0, NULL));
    fails(GODWIT_ENOTFOUND, godwit_request_cancel(peer, (godwit_id_t){1, 1}));
    assert_int_equal(godwit_reply_fd(NULL), -1);
    assert_int_equal(godwit_reply_size(NULL), 0);
    assert_string_equal(godwit_reply_text(NULL), "");
    godwit_reply_done(NULL);
    godwit_reply_done(&reply);

    fails(GODWIT_EINVAL, godwit_inbox_open(peer, "reply:a", NULL, &inbox));
    says("godwit_reply_next");
    fails(GODWIT_EINVAL, godwit_service_open(peer, "s", NULL, NULL, NULL, &service));
    fails(GODWIT_EINVAL, godwit_service_open(NULL, "s", gated_echo, NULL, NULL, &service));
    fails(GODWIT_EINVAL, godwit_service_open(peer, NULL, gated_echo, NULL, NULL, &service));
    fails(GODWIT_EINVAL, godwit_service_open(peer, "S", gated_echo, NULL, NULL, &service));
    fails(GODWIT_EINVAL, godwit_service_open(peer, "s", gated_echo, NULL, NULL, NULL));
    options.threads = 257;
    fails(GODWIT_EINVAL, godwit_service_open(peer, "s", gated_echo, NULL, &options, &service));
    options.threads = 1;
    options.size = 1000;
    fails(GODWIT_EINVAL, godwit_service_open(peer, "s", gated_echo, NULL, &options, &service));
    assert_null(service);
    service = serve(peer, gated_echo, 1);
    fails(GODWIT_EBUSY, godwit_service_open(peer, "s", gated_echo, NULL, NULL, &second));
    ok(godwit_service_close(&service));
    ok(godwit_service_close(&service));
    ok(godwit_service_close(NULL));
    service = serve(peer, gated_echo, 1); /* again */
    ok(godwit_service_close(&service));

    ok(godwit_txn_begin(peer, &txn)); /* the library's own keys */
    fails(GODWIT_EINVAL, godwit_txn_put(txn, "godwit.replies", "k", 1, "v", 1));
    says("the library's own");
    godwit_txn_abort(&txn);
    ok(godwit_peer_close(&peer));
}

static void what_is_no_reply_is_dropped(void **state)
{
    godwit_peer_t *client = live_peer("client"), *other = live_peer("other");
    godwit_message_t *forged;
    godwit_reply_t *reply;

    (void)state;
    assert_true(godwit_reply_fd(client) >= 0); /* reachable from here on */
    live_join(other, client);
    ok(godwit_peer_wait_members(other, "reply:client", 1, LIVE_TIMEOUT_MS));
    ok(godwit_send_data(other, "reply:client", "no headers", 10, NULL));
    ok(godwit_message_new("short id", 8, &forged));
    ok(godwit_message_set_header(forged, "godwit.re", "short", 5));
    ok(godwit_send(other, "reply:client", &forged, NULL));
    for (int i = 0; i < LIVE_TIMEOUT_MS && live_counter(client, "replies_unmatched") < 2; i++)
        fails(GODWIT_ETIMEDOUT, godwit_reply_next(client, 1, &reply));
    assert_int_equal(live_counter(client, "replies_unmatched"), 2);
    ok(godwit_peer_drain(other, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&other));
}

static godwit_service_t *own_service;

static uint32_t close_itself(void *context, godwit_call_t *call)
{
    godwit_service_t *mine = own_service;

    (void)context;
    fails(GODWIT_EBUSY, godwit_service_close(&mine));
    ok(godwit_call_reply(call, "no", 2));
    return 0;
}

static void a_handler_cannot_close_its_service(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_service_t *service = serve(server, close_itself, 1);
    godwit_reply_t *reply;
    godwit_id_t id;

    (void)state;
    own_service = service;
    live_join(client, server);
    id = send_text(client, "x");
    ok(godwit_reply_wait(client, id, LIVE_TIMEOUT_MS, &reply));
    expect_reply(&reply, "no");
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cancelled_request_ends_and_wakes_who_waits),
        cmocka_unit_test(a_request_that_fails_too_often_is_dead),
        cmocka_unit_test(a_dead_request_of_an_earlier_open_is_dead),
        cmocka_unit_test(after_failover_the_first_answer_counts),
        cmocka_unit_test(a_memory_client_that_left_gets_no_reply_and_leaves_nothing),
        cmocka_unit_test(many_short_lived_clients_leave_nothing),
        cmocka_unit_test(closing_ends_requests_under_way),
        cmocka_unit_test(a_reply_outlives_its_peer),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(what_is_no_reply_is_dropped),
        cmocka_unit_test(a_handler_cannot_close_its_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
