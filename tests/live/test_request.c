/* SPDX-License-Identifier: MPL-2.0 */

/* Request-reply: each accepted request is answered exactly once. */

#include "asking.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

/* --- handlers --- */

static atomic_int runs;

static uint32_t echo(void *context, godwit_call_t *call)
{
    (void)context;
    atomic_fetch_add(&runs, 1);
    ok(godwit_call_reply(call, godwit_call_data(call), godwit_call_size(call)));
    return 0;
}

static uint32_t refuse(void *context, godwit_call_t *call)
{
    (void)context;
    ok(godwit_txn_put(godwit_call_txn(call), "effects", "k", 1, "v", 1));
    ok(godwit_call_reply(call, "not seen", 8));
    godwit_call_fail(call, "out of paper");
    return 42;
}

static uint32_t third_time(void *context, godwit_call_t *call)
{
    uint32_t attempt = godwit_call_attempt(call);

    (void)context;
    if (attempt < 3)
        return GODWIT_CALL_RETRY;
    ok(godwit_call_reply(call, &attempt, sizeof attempt));
    return 0;
}

/* --- helpers --- */

static godwit_message_t *message(const char *text)
{
    godwit_message_t *made;

    ok(godwit_message_new(text, strlen(text), &made));
    return made;
}

static godwit_err_t ask(godwit_peer_t *client, const char *text, int timeout_ms,
                        godwit_reply_t **reply, godwit_id_t *id)
{
    godwit_message_t *request = message(text);
    godwit_err_t error = godwit_request(client, "s", &request, timeout_ms, reply, id);

    godwit_message_destroy(&request);
    return error;
}

static bool readable(int fd, int timeout_ms)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};

    return poll(&item, 1, timeout_ms) == 1;
}

/* --- tests --- */

static void a_request_is_answered(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_service_t *service = serve(server, echo, 0);
    godwit_reply_t *reply;
    godwit_id_t id;

    (void)state;
    live_join(client, server);
    ok(ask(client, "hello", LIVE_TIMEOUT_MS, &reply, &id));
    assert_string_equal(godwit_reply_server(reply), "server");
    assert_int_equal(godwit_reply_code(reply), 0);
    assert_string_equal(godwit_reply_text(reply), "");
    assert_int_equal(godwit_reply_request(reply).sequence, id.sequence);
    expect_reply(&reply, "hello");
    ok(ask(client, "", LIVE_TIMEOUT_MS, &reply, NULL));
    expect_reply(&reply, "");
    fails(GODWIT_ENOTFOUND, godwit_reply_wait(client, id, 0, &reply)); /* collected */
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

static uint32_t with_headers(void *context, godwit_call_t *call)
{
    const void *value;
    size_t size;

    (void)context;
    ok(godwit_call_header(call, "colour", &value, &size));
    fails(GODWIT_ENOTFOUND, godwit_call_header(call, "shape", &value, &size));
    ok(godwit_call_header(call, "colour", &value, &size));
    ok(godwit_call_set_header(call, "seen", value, size));
    fails(GODWIT_EINVAL, godwit_call_set_header(call, "godwit.re", "x", 1));
    fails(GODWIT_EINVAL, godwit_call_set_header(call, "No", "x", 1));
    assert_string_equal(godwit_call_client(call), "client");
    assert_false(godwit_call_redelivered(call));
    ok(godwit_call_reply(call, "first", 5));
    ok(godwit_call_reply(call, "last", 4)); /* counts */
    return 0;
}

static void headers_go_both_ways(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_service_t *service = serve(server, with_headers, 0);
    godwit_message_t *request = message("x");
    godwit_reply_t *reply;
    const void *value;
    size_t size;

    (void)state;
    live_join(client, server);
    ok(godwit_message_set_header(request, "colour", "red", 3));
    ok(godwit_request(client, "s", &request, LIVE_TIMEOUT_MS, &reply, NULL));
    assert_null(request);
    ok(godwit_reply_header(reply, "seen", &value, &size));
    assert_int_equal(size, 3);
    assert_memory_equal(value, "red", 3);
    fails(GODWIT_ENOTFOUND, godwit_reply_header(reply, "colour", &value, &size));
    fails(GODWIT_EINVAL, godwit_reply_header(reply, NULL, &value, &size));
    expect_reply(&reply, "last");
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

static void an_error_is_an_answer_without_effects(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_service_t *service = serve(server, refuse, 0);
    godwit_reply_t *reply;
    void *value;
    size_t size;

    (void)state;
    live_join(client, server);
    fails(GODWIT_EREMOTE, ask(client, "x", LIVE_TIMEOUT_MS, &reply, NULL));
    says("\"server\" answered with error 42: out of paper");
    assert_int_equal(godwit_reply_code(reply), 42);
    assert_string_equal(godwit_reply_text(reply), "out of paper");
    expect_reply(&reply, "");
    ok(godwit_peer_drain(client, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    fails(GODWIT_ENOTFOUND, godwit_get(server, "effects", "k", 1, &value, &size));
    send_text(client, "y");
    ok(godwit_reply_next(client, LIVE_TIMEOUT_MS, &reply)); /* an error is no error of next */
    assert_int_equal(godwit_reply_code(reply), 42);
    godwit_reply_done(&reply);
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

static void a_handler_may_ask_for_another_try(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_service_t *service = serve(server, third_time, 0);
    godwit_reply_t *reply;
    uint32_t attempt;

    (void)state;
    live_join(client, server);
    ok(ask(client, "x", LIVE_TIMEOUT_MS, &reply, NULL));
    memcpy(&attempt, godwit_reply_data(reply), sizeof attempt);
    assert_int_equal(attempt, 3);
    godwit_reply_done(&reply);
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

static void nobody_serves_the_name(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_stage_t *stage = live_stage(server, "s"); /* of another kind */
    godwit_service_t *service;
    godwit_reply_t *reply;
    godwit_id_t id;

    (void)state;
    live_join(client, server);
    ok(godwit_peer_wait_members(client, "stage:s", 1, LIVE_TIMEOUT_MS));
    fails(GODWIT_ENOSERVICE, ask(client, "late", 50, &reply, &id));
    says("no peer was met that serves \"service:s\"");
    service = serve(server, echo, 0);
    ok(godwit_reply_wait(client, id, LIVE_TIMEOUT_MS, &reply)); /* it lives on */
    expect_reply(&reply, "late");
    godwit_stage_close(&stage);
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

static void after_its_time_a_reply_can_be_collected(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_service_t *service = serve(server, gated_echo, 0);
    godwit_reply_t *reply;
    godwit_id_t id, second;

    (void)state;
    live_join(client, server);
    ok(godwit_peer_wait_members(client, "service:s", 1, LIVE_TIMEOUT_MS));
    gate_set(false);
    fails(GODWIT_ETIMEDOUT, ask(client, "one", 20, &reply, &id));
    fails(GODWIT_ETIMEDOUT, ask(client, "two", 0, &reply, &second));
    fails(GODWIT_ETIMEDOUT, godwit_reply_next(client, 0, &reply));
    gate_set(true);
    ok(godwit_reply_wait(client, id, LIVE_TIMEOUT_MS, &reply));
    expect_reply(&reply, "one");
    ok(godwit_reply_next(client, LIVE_TIMEOUT_MS, &reply));
    assert_int_equal(godwit_reply_request(reply).sequence, second.sequence);
    fails(GODWIT_ENOTFOUND, godwit_reply_wait(client, second, 0, &reply)); /* somebody has it */
    fails(GODWIT_ETIMEDOUT, godwit_reply_next(client, 0, &(godwit_reply_t *){NULL}));
    godwit_reply_done(&reply);
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

static void the_fd_is_readable_while_a_reply_is_there(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_service_t *service = serve(server, echo, 0);
    godwit_reply_t *reply;
    int fd = godwit_reply_fd(client);

    (void)state;
    assert_true(fd >= 0);
    live_join(client, server);
    while (readable(fd, 0)) /* until the store was looked through */
        fails(GODWIT_ETIMEDOUT, godwit_reply_next(client, 1, &reply));
    send_text(client, "a");
    send_text(client, "b");
    for (int got = 0; got < 2;) {
        assert_true(readable(fd, LIVE_TIMEOUT_MS));
        if (godwit_reply_next(client, 0, &reply) == GODWIT_OK) {
            godwit_reply_done(&reply);
            got++;
        }
    }
    assert_false(readable(fd, 0));
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

/* --- many threads --- */

#define ASKERS 8
#define EACH 400

static godwit_peer_t *crowd_client;

static const char *ask_numbers(int number)
{
    godwit_reply_t *reply;
    godwit_message_t *request;
    int answer;

    for (int i = 0; i < EACH; i++, number++) {
        if (godwit_message_new(&number, sizeof number, &request) ||
            godwit_request(crowd_client, "s", &request, LIVE_TIMEOUT_MS, &reply, NULL))
            return "request failed";
        memcpy(&answer, godwit_reply_data(reply), sizeof answer);
        godwit_reply_done(&reply);
        if (answer != number)
            return "the answer of another";
    }
    return NULL;
}

static const char *send_numbers(int number)
{
    godwit_message_t *request;

    for (int i = 0; i < EACH; i++, number++)
        if (godwit_message_new(&number, sizeof number, &request) ||
            godwit_request_send(crowd_client, "s", &request, NULL))
            return "send failed";
    return NULL;
}

/* Those with an odd number do not wait. */
static void *ask_many(void *context)
{
    int index = (int)(intptr_t)context;

    return (void *)(index % 2 ? send_numbers(index * EACH) : ask_numbers(index * EACH));
}

static void many_threads_ask_at_once(void **state)
{
    static unsigned char seen[ASKERS * EACH];
    godwit_peer_t *server = live_peer("server");
    godwit_service_t *service = serve(server, echo, 3);
    pthread_t threads[ASKERS];
    godwit_reply_t *reply;
    void *problem;
    int answer;

    (void)state;
    crowd_client = live_peer("client");
    atomic_store(&runs, 0);
    live_join(crowd_client, server);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, (void *)(intptr_t)i), 0);
    for (int i = 0; i < ASKERS / 2 * EACH; i++) { /* only of those that nobody waits for */
        ok(godwit_reply_next(crowd_client, LIVE_TIMEOUT_MS, &reply));
        memcpy(&answer, godwit_reply_data(reply), sizeof answer);
        assert_int_equal(answer / EACH % 2, 1);
        assert_int_equal(seen[answer]++, 0);
        godwit_reply_done(&reply);
    }
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
    fails(GODWIT_ETIMEDOUT, godwit_reply_next(crowd_client, 0, &reply));
    assert_int_equal(atomic_load(&runs), ASKERS * EACH);
    assert_int_equal(live_counter(crowd_client, "replies_unmatched"), 0);
    ok(godwit_peer_drain(server, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&crowd_client));
    ok(godwit_peer_close(&server));
}

/* --- keys of the handler --- */

static uint32_t count_up(void *context, godwit_call_t *call)
{
    godwit_txn_t *txn = godwit_call_txn(call);
    uint64_t count = 0;
    void *value;
    size_t size;

    (void)context;
    atomic_fetch_add(&runs, 1);
    if (godwit_txn_get(txn, "effects", "count", 5, &value, &size) == GODWIT_OK) {
        memcpy(&count, value, sizeof count);
        godwit_free(value);
    }
    count++;
    ok(godwit_txn_put(txn, "effects", "count", 5, &count, sizeof count));
    ok(godwit_call_reply(call, &count, sizeof count));
    return 0;
}

static void handlers_that_meet_at_a_key_run_again(void **state)
{
    enum { REQUESTS = 300 };
    static unsigned char seen[REQUESTS + 1];
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_service_t *service = serve(server, count_up, 4);
    godwit_reply_t *reply;
    uint64_t count;

    (void)state;
    live_join(client, server);
    for (int i = 0; i < REQUESTS; i++)
        send_text(client, "x");
    for (int i = 0; i < REQUESTS; i++) { /* each number once: none of them was lost or doubled */
        ok(godwit_reply_next(client, LIVE_TIMEOUT_MS, &reply));
        memcpy(&count, godwit_reply_data(reply), sizeof count);
        assert_in_range(count, 1, REQUESTS);
        assert_int_equal(seen[count]++, 0);
        godwit_reply_done(&reply);
    }
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

static uint32_t answer_too_much(void *context, godwit_call_t *call)
{
    static char large[(1 << 20) + 1];

    (void)context;
    ok(godwit_call_reply(call, large, sizeof large));
    return 0;
}

static void a_reply_that_fits_nowhere_is_an_error(void **state)
{
    godwit_peer_t *client = live_peer("client"), *server = live_peer("server");
    godwit_service_t *service = serve(server, answer_too_much, 0);
    godwit_reply_t *reply;

    (void)state;
    live_join(client, server);
    fails(GODWIT_EREMOTE, ask(client, "x", LIVE_TIMEOUT_MS, &reply, NULL));
    assert_int_equal(godwit_reply_code(reply), GODWIT_CALL_UNANSWERABLE);
    assert_true(strstr(godwit_reply_text(reply), "bytes") != NULL);
    godwit_reply_done(&reply);
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered),
        cmocka_unit_test(headers_go_both_ways),
        cmocka_unit_test(an_error_is_an_answer_without_effects),
        cmocka_unit_test(a_handler_may_ask_for_another_try),
        cmocka_unit_test(nobody_serves_the_name),
        cmocka_unit_test(after_its_time_a_reply_can_be_collected),
        cmocka_unit_test(the_fd_is_readable_while_a_reply_is_there),
        cmocka_unit_test(many_threads_ask_at_once),
        cmocka_unit_test(handlers_that_meet_at_a_key_run_again),
        cmocka_unit_test(a_reply_that_fits_nowhere_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
