/* SPDX-License-Identifier: MPL-2.0 */

/* Messages of 16 MiB, the most: everywhere a message may go, and beside peers that take less. */

#include "live.h"

#include <inttypes.h>

#define LARGEST ((size_t)16 << 20)
#define KEYS 4 /* of 256 KiB: the mebibyte of a transaction */

static unsigned char bytes[LARGEST + 1], other[LARGEST];

/* Bytes that differ from place to place and from number to number. */
static void fill(unsigned char *to, size_t size, uint64_t number)
{
    for (size_t i = 0; i + sizeof number <= size; i += sizeof number) {
        uint64_t word = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) + i;
        memcpy(to + i, &word, sizeof word);
    }
}

static void expect(const void *data, size_t size, uint64_t number)
{
    assert_int_equal(size, LARGEST);
    fill(other, LARGEST, number);
    assert_true(memcmp(data, other, LARGEST) == 0);
}

static void expect_delivery(const godwit_delivery_t *delivery, uint64_t number)
{
    expect(godwit_delivery_data(delivery), godwit_delivery_size(delivery), number);
}

static char told[4096]; /* warnings of the peer that was opened with remember_warnings */

static void remember_warnings(void *context, godwit_log_level_t level, const char *text)
{
    (void)context;
    if (level == GODWIT_LOG_WARNING)
        strncat(told, text, sizeof told - strlen(told) - 1);
}

static godwit_peer_t *large_peer(const char *name, const char *directory)
{
    godwit_peer_options_t options = live_options(name);
    godwit_peer_t *peer;

    options.directory = directory;
    options.max_message = LARGEST;
    options.log = remember_warnings;
    ok(godwit_peer_open(&options, &peer));
    return peer;
}

static void wait_for(godwit_peer_t *peer, const char *counter, uint64_t least)
{
    for (unsigned ms = 0; live_counter(peer, counter) < least; ms++) {
        assert_true(ms < LIVE_TIMEOUT_MS);
        usleep(1000);
    }
}

static void sixteen_mebibytes_arrive_and_one_byte_more_is_refused(void **state)
{
    char path[128];
    godwit_peer_t *walker = large_peer("walker", live_directory(path));
    godwit_peer_t *worker = large_peer("worker", NULL);
    godwit_stage_t *stage = live_stage(worker, "work");
    godwit_delivery_t *delivery;

    (void)state;
    live_join(walker, worker);
    fails(GODWIT_ETOOLARGE, godwit_push_data(walker, "work", bytes, LARGEST + 1, NULL));
    says("16777217 bytes, headers included, above max_message (16777216)");
    for (uint64_t i = 0; i < 5; i++) {
        fill(bytes, LARGEST, i);
        ok(godwit_push_data(walker, "work", bytes, LARGEST, NULL));
        ok(godwit_push_data(walker, "work", "small", 5, NULL));
    }
    for (uint64_t i = 0, small = 0; i + small < 10;) {
        delivery = live_next(stage);
        if (godwit_delivery_size(delivery) == 5)
            small++;
        else
            expect_delivery(delivery, i++);
        ok(godwit_ack(&delivery));
    }
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(walker, "resent"), 0);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&walker));
    ok(godwit_peer_close(&worker));
    live_remove(path);
}

/* The worker's connection would be dropped for it, again and again: so it is not sent. */
static void a_peer_of_the_default_gets_none_that_is_larger(void **state)
{
    godwit_peer_t *walker = large_peer("walker", NULL), *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "work");
    godwit_delivery_t *delivery;
    char endpoint[256];

    (void)state;
    told[0] = '\0';
    fill(bytes, LARGEST, 7);
    live_bind(walker, endpoint);
    ok(godwit_peer_connect(worker, endpoint));
    ok(godwit_push_data(walker, "work", bytes, 1 << 20, NULL));
    ok(godwit_push_data(walker, "work", bytes, LARGEST, NULL));
    delivery = live_next(stage);
    assert_int_equal(godwit_delivery_size(delivery), 1 << 20);
    ok(godwit_ack(&delivery));
    wait_for(walker, "too_large", 1);
    fails(GODWIT_ETIMEDOUT, godwit_stage_next(stage, 3 * LIVE_HEARTBEAT_MS, &delivery));
    assert_int_equal(live_counter(walker, "links_lost") + live_counter(worker, "malformed"), 0);
    assert_non_null(strstr(told, "is larger than what \"worker\" takes"));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));

    worker = large_peer("worker", NULL);
    stage = live_stage(worker, "work");
    ok(godwit_peer_connect(worker, endpoint));
    delivery = live_next(stage);
    expect_delivery(delivery, 7);
    ok(godwit_ack(&delivery));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

static void a_transaction_has_a_mebibyte_of_keys_beside_its_messages(void **state)
{
    godwit_peer_t *walker = large_peer("walker", NULL), *worker = large_peer("worker", NULL);
    godwit_stage_t *stage = live_stage(worker, "work");
    godwit_delivery_t *delivery;
    godwit_txn_t *txn;

    (void)state;
    live_join(walker, worker);
    ok(godwit_txn_begin(walker, &txn));
    for (char key = 'a'; key < 'a' + KEYS; key++)
        ok(godwit_txn_put(txn, "space", &key, 1, bytes, (256 << 10) - 1));
    fails(GODWIT_ETOOLARGE, godwit_txn_put(txn, "space", "e", 1, "", 0));
    fill(bytes, LARGEST, 3);
    ok(godwit_txn_send_data(txn, "stage:work", bytes, 100));
    ok(godwit_txn_send_data(txn, "stage:work", bytes, LARGEST - 100));
    fails(GODWIT_ETOOLARGE, godwit_txn_send_data(txn, "stage:work", "x", 1));
    says("16777216 bytes of messages: 1 more are above the limit of 16777216");
    ok(godwit_txn_commit(&txn));
    delivery = live_next(stage);
    assert_int_equal(godwit_delivery_size(delivery), 100);
    ok(godwit_ack(&delivery));
    delivery = live_next(stage);
    assert_int_equal(godwit_delivery_size(delivery), LARGEST - 100);
    assert_true(memcmp(godwit_delivery_data(delivery), bytes, LARGEST - 100) == 0);
    ok(godwit_ack(&delivery));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&walker));
    ok(godwit_peer_close(&worker));
}

static void a_large_dead_letter_is_kept_over_a_restart_and_requeued(void **state)
{
    char path[128];
    godwit_peer_t *walker = large_peer("walker", live_directory(path));
    godwit_peer_t *worker = large_peer("worker", NULL);
    godwit_stage_t *stage = live_stage(worker, "work");
    godwit_delivery_t *delivery;
    godwit_dead_t *dead;
    godwit_id_t id;

    (void)state;
    live_join(walker, worker);
    fill(bytes, LARGEST, 11);
    ok(godwit_push_data(walker, "work", bytes, LARGEST, &id));
    delivery = live_next(stage);
    ok(godwit_reject(&delivery, 1, "not today"));
    fails(GODWIT_EDEAD, godwit_wait(walker, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_close(&walker));
    walker = large_peer("walker", path);
    live_join(walker, worker);
    ok(godwit_dead_get(walker, id, &dead));
    expect(dead->data, dead->size, 11);
    godwit_dead_free(&dead);
    ok(godwit_dead_requeue(walker, id, &id));
    delivery = live_next(stage);
    expect_delivery(delivery, 11);
    ok(godwit_ack(&delivery));
    ok(godwit_wait(walker, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&walker));
    ok(godwit_peer_close(&worker));
    live_remove(path);
}

/* ---- requests ---- */

/* Headers that say which request it answers count, too. */
#define ANSWER (LARGEST - 4096)

static uint32_t echo(void *context, godwit_call_t *call)
{
    (void)context;
    ok(godwit_call_reply(call, godwit_call_data(call), ANSWER));
    return 0;
}

static void expect_answer(godwit_reply_t **reply, uint64_t number)
{
    assert_int_equal(godwit_reply_code(*reply), 0);
    assert_int_equal(godwit_reply_size(*reply), ANSWER);
    fill(other, LARGEST, number);
    assert_true(memcmp(godwit_reply_data(*reply), other, ANSWER) == 0);
    godwit_reply_done(reply);
}

/* More replies than a client keeps in memory are put aside, in parts, and are there again later. */
static void large_replies_wait_in_the_store(void **state)
{
    char path[128];
    godwit_peer_t *client = large_peer("client", live_directory(path));
    godwit_peer_t *server = large_peer("server", NULL);
    godwit_service_t *service;
    godwit_reply_t *reply;
    godwit_message_t *request;
    godwit_id_t ids[4];

    (void)state;
    ok(godwit_service_open(server, "s", echo, NULL, NULL, &service));
    live_join(client, server);
    fill(bytes, LARGEST, 9);
    ok(godwit_message_new(bytes, ANSWER, &request));
    ok(godwit_request(client, "s", &request, LIVE_TIMEOUT_MS, &reply, NULL));
    expect_answer(&reply, 9);
    for (uint64_t i = 0; i < 4; i++) {
        fill(bytes, LARGEST, i);
        ok(godwit_message_new(bytes, ANSWER, &request));
        ok(godwit_request_send(client, "s", &request, &ids[i]));
    }
    wait_for(client, "replies_spilled", 4);
    ok(godwit_peer_close(&client));
    client = large_peer("client", path);
    for (uint64_t i = 0; i < 4; i++) {
        ok(godwit_reply_wait(client, ids[i], LIVE_TIMEOUT_MS, &reply));
        expect_answer(&reply, i);
    }
    fails(GODWIT_ETIMEDOUT, godwit_reply_next(client, 0, &reply));
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&client));
    ok(godwit_peer_close(&server));
    live_remove(path);
}

/* ---- memory ---- */

#define MANY 24
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BOUND_KIB UINT64_MAX
#else
/* Of 384 MiB that are sent: docs/semantics.md names what a peer holds. */
#define BOUND_KIB (192 * 1024)
#endif

static void look(uint64_t *most)
{
    uint64_t now = live_anonymous_kib();

    if (now > *most)
        *most = now;
}

/* Both peers are in this process, so that it is what both hold together. */
static void many_large_ones_wait_on_disk(void **state)
{
    char path[128];
    godwit_peer_t *walker = large_peer("walker", live_directory(path));
    godwit_peer_t *worker = large_peer("worker", NULL);
    godwit_stage_t *stage = live_stage(worker, "work");
    uint64_t before, most = 0;

    (void)state;
    fill(bytes, LARGEST, 0);
    fill(other, LARGEST, 0);
    before = live_anonymous_kib();
    for (uint64_t i = 0; i < MANY; i++) {
        fill(bytes, 64, i);
        ok(godwit_push_data(walker, "work", bytes, LARGEST, NULL));
        look(&most);
    }
    ok(godwit_peer_drain(walker, GODWIT_STORED, LIVE_TIMEOUT_MS));
    uint64_t waiting = most - before;
    live_join(walker, worker);
    for (uint64_t i = 0; i < MANY; i++) {
        godwit_delivery_t *delivery = live_next(stage);
        look(&most);
        fill(other, 64, i);
        assert_true(memcmp(godwit_delivery_data(delivery), other, 64) == 0);
        ok(godwit_ack(&delivery));
    }
    print_message("KiB: %" PRIu64 " while sending, %" PRIu64 " in all\n", waiting, most - before);
    assert_true(most - before < BOUND_KIB);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&walker));
    ok(godwit_peer_close(&worker));
    live_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_mebibytes_arrive_and_one_byte_more_is_refused),
        cmocka_unit_test(a_peer_of_the_default_gets_none_that_is_larger),
        cmocka_unit_test(a_transaction_has_a_mebibyte_of_keys_beside_its_messages),
        cmocka_unit_test(a_large_dead_letter_is_kept_over_a_restart_and_requeued),
        cmocka_unit_test(large_replies_wait_in_the_store),
        cmocka_unit_test(many_large_ones_wait_on_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
