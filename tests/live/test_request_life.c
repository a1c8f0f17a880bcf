/* SPDX-License-Identifier: MPL-2.0 */

/* Requests that outlive their call or their client: replies collected later, put aside,
 * forgotten. */

#include "asking.h"

/* --- the client comes back --- */

static void a_restarted_client_collects_its_replies(void **state)
{
    godwit_peer_t *client, *server = live_peer("server");
    godwit_service_t *service = serve(server, gated_echo, 1);
    char directory[128], endpoint[256];
    godwit_reply_t *reply;
    godwit_id_t first, second;

    (void)state;
    client = live_disk_peer("client", live_directory(directory));
    live_bind(server, endpoint);
    ok(godwit_peer_connect(client, endpoint));
    first = send_text(client, "one");
    second = send_text(client, "two");
    ok(godwit_peer_drain(client, GODWIT_SETTLED, LIVE_TIMEOUT_MS)); /* processed, not collected */
    ok(godwit_peer_close(&client));

    client = live_disk_peer("client", directory);
    ok(godwit_peer_connect(client, endpoint));
    ok(godwit_reply_wait(client, second, LIVE_TIMEOUT_MS, &reply));
    expect_reply(&reply, "two");
    ok(godwit_reply_next(client, LIVE_TIMEOUT_MS, &reply));
    assert_int_equal(godwit_reply_request(reply).epoch, first.epoch);
    expect_reply(&reply, "one");
    ok(godwit_peer_drain(server, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_close(&client));

    client = live_disk_peer("client", directory);
    ok(godwit_peer_connect(client, endpoint));
    ok(godwit_peer_wait_members(client, "service:s", 1, LIVE_TIMEOUT_MS));
    fails(GODWIT_ETIMEDOUT, godwit_reply_next(client, 50, &reply)); /* done is done */
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
    live_remove(directory);
}

static void a_request_of_an_earlier_open_is_answered_later(void **state)
{
    godwit_peer_t *client, *server;
    char directory[128], endpoint[256];
    godwit_service_t *service;
    godwit_reply_t *reply;
    godwit_id_t id;

    (void)state;
    client = live_disk_peer("client", live_directory(directory));
    id = send_text(client, "early");
    ok(godwit_wait(client, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_close(&client));
    server = live_peer("server");
    service = serve(server, gated_echo, 1);
    live_bind(server, endpoint);
    client = live_disk_peer("client", directory);
    ok(godwit_peer_connect(client, endpoint));
    ok(godwit_reply_wait(client, id, LIVE_TIMEOUT_MS, &reply));
    expect_reply(&reply, "early");
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
    live_remove(directory);
}

/* --- replies that nobody collects --- */

#define LARGE 300000 /* more than one key's value */
#define MANY 20      /* of these are above a quarter of the credit */

static char *large_request(uint32_t number)
{
    static char bytes[LARGE];

    memset(bytes, (int)number, sizeof bytes);
    memcpy(bytes, &number, sizeof number);
    return bytes;
}

/* The number of a large reply, which is whole. */
static uint32_t number_of(const godwit_reply_t *reply)
{
    uint32_t number;

    assert_int_equal(godwit_reply_size(reply), LARGE);
    memcpy(&number, godwit_reply_data(reply), sizeof number);
    assert_memory_equal(godwit_reply_data(reply), large_request(number), LARGE);
    assert_string_equal(godwit_reply_server(reply), "server");
    return number;
}

static void what_nobody_collects_is_put_aside_and_found_again(void **state)
{
    godwit_peer_t *client, *server = live_peer("server");
    godwit_service_t *service = serve(server, gated_echo, 1);
    char directory[128], endpoint[256];
    godwit_id_t ids[MANY], last;
    bool seen[MANY] = {false};
    godwit_reply_t *reply;

    (void)state;
    client = live_disk_peer("client", live_directory(directory));
    live_bind(server, endpoint);
    ok(godwit_peer_connect(client, endpoint));
    for (uint32_t i = 0; i < MANY; i++)
        ids[i] = send_bytes(client, large_request(i), LARGE);
    wait_counter(client, "replies_spilled", 1);
    last = send_text(client, "last"); /* room was made for it */
    ok(godwit_reply_wait(client, last, LIVE_TIMEOUT_MS, &reply));
    expect_reply(&reply, "last");
    ok(godwit_peer_drain(server, GODWIT_STORED, LIVE_TIMEOUT_MS));
    ok(godwit_reply_wait(client, ids[0], LIVE_TIMEOUT_MS, &reply)); /* the oldest: aside */
    assert_int_equal(number_of(reply), 0);
    godwit_reply_done(&reply);
    seen[0] = true;
    ok(godwit_peer_close(&client));
    ok(godwit_service_close(&service));

    client = live_disk_peer("client", directory); /* alone with its store, at first */
    ok(godwit_reply_next(client, LIVE_TIMEOUT_MS, &reply));
    seen[number_of(reply)] = true;
    godwit_reply_done(&reply);
    ok(godwit_peer_connect(client, endpoint));
    for (int i = 2; i < MANY; i++) {
        ok(godwit_reply_next(client, LIVE_TIMEOUT_MS, &reply));
        assert_false(seen[number_of(reply)]);
        seen[number_of(reply)] = true;
        godwit_reply_done(&reply);
    }
    fails(GODWIT_ETIMEDOUT, godwit_reply_next(client, 0, &reply));
    ok(godwit_peer_drain(server, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
    live_remove(directory);
}

static void what_is_too_old_is_forgotten(void **state)
{
    godwit_peer_options_t options = live_options("client");
    godwit_peer_t *client, *server = live_peer("server");
    godwit_service_t *service = serve(server, gated_echo, 1);
    char directory[128];
    godwit_reply_t *reply;

    (void)state;
    options.directory = live_directory(directory);
    options.durability = GODWIT_DURABILITY_OS;
    options.reply_ttl_s = 1;
    ok(godwit_peer_open(&options, &client));
    live_join(client, server);
    for (uint32_t i = 0; i < MANY; i++)
        send_bytes(client, large_request(i), LARGE);
    wait_counter(client, "replies_expired", MANY); /* some in hand, some put aside */
    assert_true(live_counter(client, "replies_spilled") > 0);
    fails(GODWIT_ETIMEDOUT, godwit_reply_next(client, 0, &reply));
    ok(godwit_peer_drain(server, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
    live_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restarted_client_collects_its_replies),
        cmocka_unit_test(a_request_of_an_earlier_open_is_answered_later),
        cmocka_unit_test(what_nobody_collects_is_put_aside_and_found_again),
        cmocka_unit_test(what_is_too_old_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
