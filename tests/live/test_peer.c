/* SPDX-License-Identifier: MPL-2.0 */

/* A peer by itself: what it refuses, and how it opens, fills, closes and forks. */

#include "live.h"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static void options_out_of_range_are_refused_with_field_and_range(void **state)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    godwit_peer_t *peer = NULL;

    (void)state;
    fails(GODWIT_EINVAL, godwit_peer_open(NULL, &peer));
    fails(GODWIT_EINVAL, godwit_peer_open(&options, &peer));
    says("name is missing");
    options.name = "No Capitals";
    fails(GODWIT_EINVAL, godwit_peer_open(&options, &peer));
    says("name is \"No Capitals\", but must be 1 to 64 of [a-z0-9._-]");
    options.name = "a";
    options.heartbeat_ms = 19;
    fails(GODWIT_EINVAL, godwit_peer_open(&options, &peer));
    says("heartbeat_ms is 19, but must be at least 20");
    options.heartbeat_ms = 60001;
    fails(GODWIT_EINVAL, godwit_peer_open(&options, &peer));
    says("heartbeat_ms is 60001, but must be at most 60000");
    options.heartbeat_ms = 0;
    options.max_message = 16 * 1024 * 1024 + 1;
    fails(GODWIT_EINVAL, godwit_peer_open(&options, &peer));
    says("max_message is 16777217, but must be at most 16777216");
    options.max_message = 0;
    options.full_timeout_ms = -2;
    fails(GODWIT_EINVAL, godwit_peer_open(&options, &peer));
    says("full_timeout_ms is -2");
    options.full_timeout_ms = 0;
    options.durability = GODWIT_DURABILITY_FSYNC;
    fails(GODWIT_EINVAL, godwit_peer_open(&options, &peer));
    says("no directory");
    options.durability = GODWIT_DURABILITY_DEFAULT;
    options.size = 4;
    fails(GODWIT_EINVAL, godwit_peer_open(&options, &peer));
    options.size = sizeof options + 8;
    fails(GODWIT_EINVAL, godwit_peer_open(&options, &peer));
    says("newer header");
    assert_null(peer);
}

static void bad_arguments_are_refused_with_a_sentence(void **state)
{
    godwit_peer_t *peer = live_peer("a");
    godwit_inbox_options_t small = GODWIT_INBOX_OPTIONS_INIT;
    godwit_inbox_t *inbox;
    godwit_stage_t *stage;
    godwit_delivery_t *none = NULL;
    godwit_id_t id = {1, 2};
    char text[256];
    uint64_t value;

    (void)state;
    fails(GODWIT_EINVAL, godwit_send_data(NULL, "stage:s", "x", 1, NULL));
    fails(GODWIT_EINVAL, godwit_send_data(peer, NULL, "x", 1, NULL));
    fails(GODWIT_EINVAL, godwit_send_data(peer, "topic:s", "x", 1, NULL));
    says("stage:, peer:, service: or reply:NAME");
    fails(GODWIT_EINVAL, godwit_send_data(peer, "stage:s", NULL, 1, NULL));
    fails(GODWIT_EINVAL, godwit_push_data(peer, NULL, "x", 1, NULL));
    fails(GODWIT_EINVAL, godwit_push_data(peer, "", "x", 1, NULL));
    memset(text, 'n', 200);
    text[200] = '\0';
    fails(GODWIT_EINVAL, godwit_push_data(peer, text, "x", 1, NULL));
    fails(GODWIT_EINVAL, godwit_wait(peer, id, (godwit_state_t)9, 0));
    fails(GODWIT_EINVAL, godwit_wait(peer, id, GODWIT_STORED, -2));
    fails(GODWIT_EINVAL, godwit_peer_bind(peer, NULL));
    fails(GODWIT_EINVAL, godwit_peer_bind(peer, "udp://127.0.0.1:1"));
    fails(GODWIT_EINVAL, godwit_peer_bind(peer, "tcp://*:*"));
    says("allow_unauthenticated");
    fails(GODWIT_EINVAL, godwit_peer_connect(peer, "tcp://10.1.2.3:7000"));
    says("allow_unauthenticated");
    fails(GODWIT_ENOTFOUND, godwit_peer_disconnect(peer, "tcp://127.0.0.1:7"));
    fails(GODWIT_ENOTFOUND, godwit_peer_endpoint(peer, text, sizeof text));
    fails(GODWIT_ENOTFOUND, godwit_peer_counter(peer, "nonsense", &value));
    small.credit_bytes = 1;
    fails(GODWIT_EINVAL, godwit_inbox_open(peer, "stage:s", &small, &inbox));
    says("credit_bytes is 1, but must be at least 1048576");
    fails(GODWIT_EINVAL, godwit_inbox_open(peer, "peer:b", NULL, &inbox));
    says("only its own name");
    fails(GODWIT_EINVAL, godwit_stage_open(peer, "s", NULL, NULL));
    fails(GODWIT_EINVAL, godwit_ack(&none));
    ok(godwit_stage_open(peer, "s", NULL, &stage));
    fails(GODWIT_EINVAL, godwit_stage_next(stage, -7, &none));
    fails(GODWIT_EINVAL, godwit_id_parse("xyz", &id));
    godwit_delivery_drop(&none);
    godwit_stage_close(&stage);
    godwit_stage_close(&stage);
    godwit_stage_close(NULL);
    ok(godwit_peer_close(&peer));
    ok(godwit_peer_close(&peer));
    ok(godwit_peer_close(NULL));
}

static void a_message_above_its_limit_is_refused(void **state)
{
    godwit_peer_options_t options = live_options("a");
    godwit_peer_t *peer;
    godwit_message_t *message;
    static char bytes[2048];

    (void)state;
    options.max_message = 1000;
    ok(godwit_peer_open(&options, &peer));
    ok(godwit_send_data(peer, "stage:s", bytes, 1000, NULL));
    ok(godwit_message_new(bytes, 1001, &message));
    fails(GODWIT_ETOOLARGE, godwit_send(peer, "stage:s", &message, NULL));
    says("1001 bytes");
    assert_non_null(message); /* still ours */
    godwit_message_destroy(&message);
    assert_null(message);
    ok(godwit_peer_close(&peer));
}

static void counters_and_errors_have_names(void **state)
{
    godwit_peer_t *peer = live_peer("a");
    size_t count = 0;

    (void)state;
    for (const char *name; (name = godwit_counter_name(count)) != NULL; count++)
        live_counter(peer, name);
    assert_true(count > 40);
    assert_string_equal(godwit_error_name(GODWIT_EFORK), "GODWIT_EFORK");
    assert_string_equal(godwit_error_name((godwit_err_t)999), "GODWIT_E?");
    assert_string_equal(godwit_peer_durability(peer), "memory");
    ok(godwit_peer_close(&peer));
}

static void a_peer_opens_and_closes_many_times(void **state)
{
    char directory[128];
    godwit_peer_t *peer;

    (void)state;
    live_directory(directory);
    for (int i = 0; i < 10; i++) {
        peer = live_disk_peer("a", directory);
        ok(godwit_push_data(peer, "s", &i, sizeof i, NULL));
        ok(godwit_peer_close(&peer));
        peer = live_peer("b");
        ok(godwit_peer_close(&peer));
    }
    peer = live_disk_peer("a", directory);
    assert_int_equal(live_counter(peer, "outbox_messages_now"), 10);
    ok(godwit_peer_close(&peer));
    live_remove(directory);
}

static void a_directory_has_one_owner(void **state)
{
    char directory[128], path[160];
    godwit_peer_options_t options = live_options("a");
    godwit_peer_t *peer, *other = NULL;
    FILE *file;

    (void)state;
    options.directory = live_directory(directory);
    ok(godwit_peer_open(&options, &peer));
    assert_string_equal(godwit_peer_durability(peer), "fsync");
    fails(GODWIT_EBUSY, godwit_peer_open(&options, &other));
    ok(godwit_peer_close(&peer));
    options.name = "b";
    fails(GODWIT_EFOREIGN, godwit_peer_open(&options, &other));
    says("\"a\"");
    live_remove(directory);

    options.directory = live_directory(directory);
    snprintf(path, sizeof path, "%s/letter.txt", directory);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    fails(GODWIT_EFOREIGN, godwit_peer_open(&options, &other));
    live_remove(directory);
    fails(GODWIT_EIO, (options.directory = "/nonexistent/a/b", godwit_peer_open(&options, &other)));
    assert_null(other);
}

static void members_can_be_waited_for(void **state)
{
    godwit_peer_t *a = live_peer("a"), *b = live_peer("b");
    godwit_stage_t *stage;
    char endpoint[256];

    (void)state;
    live_bind(a, endpoint);
    fails(GODWIT_ETIMEDOUT, godwit_peer_wait_members(a, "stage:s", 1, 30));
    ok(godwit_peer_wait_members(a, "stage:s", 0, 0));
    ok(godwit_peer_connect(b, endpoint));
    fails(GODWIT_EBUSY, godwit_peer_connect(b, endpoint));
    stage = live_stage(b, "s");
    ok(godwit_peer_wait_members(a, "stage:s", 1, LIVE_TIMEOUT_MS));
    ok(godwit_peer_disconnect(b, endpoint));
    fails(GODWIT_ENOTFOUND, godwit_peer_disconnect(b, endpoint));
    for (int i = 0; i < 1000 && !godwit_peer_wait_members(a, "stage:s", 1, 0); i++)
        usleep(10000);
    fails(GODWIT_ETIMEDOUT, godwit_peer_wait_members(a, "stage:s", 1, 0));
    ok(godwit_peer_connect(b, endpoint));
    ok(godwit_peer_wait_members(a, "stage:s", 1, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&b));
    ok(godwit_peer_close(&a));
}

/* --- a full outbox --- */

static void a_full_outbox_refuses_when_told_so(void **state)
{
    godwit_peer_options_t options = live_options("a");
    godwit_peer_t *peer;

    (void)state;
    options.outbox_max_messages = 3;
    options.full_timeout_ms = -1;
    ok(godwit_peer_open(&options, &peer));
    for (int i = 0; i < 3; i++)
        ok(godwit_push_data(peer, "s", "x", 1, NULL));
    fails(GODWIT_EFULL, godwit_push_data(peer, "s", "x", 1, NULL));
    assert_int_equal(live_counter(peer, "sends_refused"), 1);
    ok(godwit_peer_close(&peer));
}

static void a_full_outbox_waits_no_longer_than_it_may(void **state)
{
    godwit_peer_options_t options = live_options("a");
    godwit_peer_t *peer;

    (void)state;
    options.outbox_max_bytes = 1024;
    options.full_timeout_ms = 50;
    ok(godwit_peer_open(&options, &peer));
    static const char kilobyte[1024];
    ok(godwit_push_data(peer, "s", kilobyte, sizeof kilobyte, NULL));
    fails(GODWIT_ETIMEDOUT, godwit_push_data(peer, "s", "x", 1, NULL));
    assert_int_equal(live_counter(peer, "sends_blocked"), 1);
    ok(godwit_peer_close(&peer));
}

static void a_full_outbox_goes_on_when_messages_are_settled(void **state)
{
    godwit_peer_options_t options = live_options("walker");
    godwit_peer_t *walker, *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    godwit_delivery_t *delivery;

    (void)state;
    options.outbox_max_messages = 10;
    ok(godwit_peer_open(&options, &walker));
    live_join(walker, worker);
    for (int i = 0; i < 10; i++)
        ok(godwit_push_data(walker, "s", &i, sizeof i, NULL));
    for (int i = 0; i < 10; i++) {
        delivery = live_next(stage);
        ok(godwit_ack(&delivery));
    }
    for (int i = 0; i < 10; i++)
        ok(godwit_push_data(walker, "s", &i, sizeof i, NULL)); /* waits if it must */
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

/* --- close and fork --- */

static void *wait_for_ever(void *peer)
{
    godwit_id_t id;

    if (godwit_push_data(peer, "nobody", "x", 1, &id) != GODWIT_OK)
        return NULL;
    return (void *)(intptr_t)godwit_wait(peer, id, GODWIT_SETTLED, -1);
}

static void *next_for_ever(void *stage)
{
    godwit_delivery_t *delivery;

    return (void *)(intptr_t)godwit_stage_next(stage, -1, &delivery);
}

static void close_wakes_all_who_wait(void **state)
{
    godwit_peer_t *peer = live_peer("a");
    godwit_stage_t *stage = live_stage(peer, "s");
    pthread_t waiter, receiver;
    void *first, *second;

    (void)state;
    pthread_create(&waiter, NULL, wait_for_ever, peer);
    pthread_create(&receiver, NULL, next_for_ever, stage);
    usleep(50000);
    ok(godwit_peer_close(&peer));
    pthread_join(waiter, &first);
    pthread_join(receiver, &second);
    assert_int_equal((intptr_t)first, GODWIT_ECLOSED);
    assert_int_equal((intptr_t)second, GODWIT_ECLOSED);
    godwit_stage_close(&stage);
}

static void deliveries_outlive_their_peer(void **state)
{
    godwit_peer_t *walker = live_peer("walker"), *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    godwit_delivery_t *first, *second;

    (void)state;
    live_join(worker, walker);
    ok(godwit_push_data(walker, "s", "one", 3, NULL));
    ok(godwit_push_data(walker, "s", "two", 3, NULL));
    first = live_next(stage);
    second = live_next(stage);
    ok(godwit_peer_close(&worker));
    godwit_stage_close(&stage);
    assert_memory_equal(godwit_delivery_data(first), "one", 3);
    fails(GODWIT_ECLOSED, godwit_ack(&first));
    assert_null(first);
    godwit_delivery_drop(&second);
    ok(godwit_peer_close(&walker));
}

static void what_was_sent_before_close_is_in_the_store(void **state)
{
    char directory[128];
    godwit_peer_t *walker, *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    godwit_delivery_t *delivery;
    static char bytes[500];

    (void)state;
    live_directory(directory);
    walker = live_disk_peer("walker", directory);
    for (int i = 0; i < 5000; i++)
        ok(godwit_push_data(walker, "s", bytes, sizeof bytes, NULL));
    ok(godwit_peer_close(&walker));
    walker = live_disk_peer("walker", directory);
    live_join(walker, worker);
    for (int i = 0; i < 5000; i++) {
        delivery = live_next(stage);
        ok(godwit_ack(&delivery));
    }
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
    live_remove(directory);
}

static int in_the_child(godwit_peer_t *peer, godwit_stage_t *stage, godwit_delivery_t *delivery)
{
    godwit_peer_t *same = peer;
    godwit_delivery_t *other;

    if (godwit_push_data(peer, "s", "x", 1, NULL) != GODWIT_EFORK)
        return 1;
    if (godwit_stage_next(stage, 0, &other) != GODWIT_EFORK)
        return 2;
    if (godwit_ack(&delivery) != GODWIT_EFORK)
        return 3;
    if (godwit_peer_close(&same) != GODWIT_EFORK)
        return 4;
    if (!strstr(godwit_last_error(), "fork"))
        return 5;
#ifdef __SANITIZE_THREAD__
    return 0; /* ThreadSanitizer allows no threads in the child of a threaded process */
#endif
    same = NULL;
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    options.name = "child";
    if (godwit_peer_open(&options, &same) != GODWIT_OK) /* one of its own works */
        return 6;
    return godwit_peer_close(&same) == GODWIT_OK ? 0 : 7;
}

static void a_forked_child_is_told_so(void **state)
{
    godwit_peer_t *walker = live_peer("walker"), *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    godwit_delivery_t *delivery;
    int status;

    (void)state;
    live_join(worker, walker);
    ok(godwit_push_data(walker, "s", "x", 1, NULL));
    delivery = live_next(stage);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(in_the_child(worker, stage, delivery));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    ok(godwit_ack(&delivery));
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_out_of_range_are_refused_with_field_and_range),
        cmocka_unit_test(bad_arguments_are_refused_with_a_sentence),
        cmocka_unit_test(a_message_above_its_limit_is_refused),
        cmocka_unit_test(counters_and_errors_have_names),
        cmocka_unit_test(a_peer_opens_and_closes_many_times),
        cmocka_unit_test(a_directory_has_one_owner),
        cmocka_unit_test(members_can_be_waited_for),
        cmocka_unit_test(a_full_outbox_refuses_when_told_so),
        cmocka_unit_test(a_full_outbox_waits_no_longer_than_it_may),
        cmocka_unit_test(a_full_outbox_goes_on_when_messages_are_settled),
        cmocka_unit_test(close_wakes_all_who_wait),
        cmocka_unit_test(deliveries_outlive_their_peer),
        cmocka_unit_test(what_was_sent_before_close_is_in_the_store),
        cmocka_unit_test(a_forked_child_is_told_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
