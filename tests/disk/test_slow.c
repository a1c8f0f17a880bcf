/* SPDX-License-Identifier: MPL-2.0 */

/* A disk that takes its time costs throughput, and no heartbeat (faults D12, D13). */

#include "disk_faults.h"
#include "traffic.h"

#include <pthread.h>
#include <stdatomic.h>

static void no_link_was_lost(void)
{
    for (unsigned i = 0; i < SIDES; i++)
        assert_int_equal(live_counter(traffic_peer[i], "links_lost"), 0);
}

/* Each sync of both takes a dozen heartbeats, four times what ends a silent link: as 10 s are to
 * heartbeats of a second. */
static void a_sync_of_many_heartbeats_costs_no_link(void **state)
{
    (void)state;
    traffic_begin(NULL);
    traffic_gets_on(100);
    for (unsigned i = 0; i < SIDES; i++) {
        struct disk_fault slow = {.below = traffic_directory[i], .call = DISK_SYNC,
                                  .delay_ms = 12 * TRAFFIC_HEARTBEAT_MS, .count = 2};
        disk_fault_add(&slow);
    }
    traffic_gets_on(20);
    while (disk_fault_hits() < 2)
        pause_ms(10);
    disk_faults_clear();
    traffic_gets_on(100);
    no_link_was_lost();
    for (unsigned i = 0; i < SIDES; i++)
        assert_int_equal(live_counter(traffic_peer[i], "commit_failures"), 0);
    traffic_end();
}

/* --- a sync that does not come back --- */

static atomic_bool told, told_over;

static void listen(void *context, godwit_log_level_t level, const char *text)
{
    (void)context;
    (void)level;
    if (strstr(text, "the disk has not answered"))
        atomic_store(&told, true);
    if (strstr(text, "the disk answered after"))
        atomic_store(&told_over, true);
}

static godwit_peer_t *open_hanging(const char *directory)
{
    godwit_peer_options_t options = live_options("hanging");
    godwit_peer_t *peer;

    options.directory = directory;
    options.outbox_max_bytes = 1 << 20;
    options.full_timeout_ms = 100;
    options.log = listen;
    options.log_level = GODWIT_LOG_WARNING;
    ok(godwit_peer_open(&options, &peer));
    return peer;
}

static void await(atomic_bool *flag)
{
    for (unsigned ms = 0; !atomic_load(flag); ms++) {
        assert_true(ms < LIVE_TIMEOUT_MS);
        pause_ms(1);
    }
}

static void a_sync_without_end_is_told_and_refuses_in_bound(void **state)
{
    static const char bytes[65536];
    char directory[128];
    godwit_peer_t *hanging = open_hanging(live_directory(directory));
    godwit_peer_t *other = live_peer("other");
    godwit_stage_t *stage = live_stage(other, "s");
    struct disk_fault hang = {.below = directory, .call = DISK_SYNC, .hang = true};
    unsigned sent = 0;
    godwit_id_t id;

    (void)state;
    live_join(hanging, other);
    ok(godwit_peer_wait_members(hanging, "stage:s", 1, LIVE_TIMEOUT_MS));
    disk_fault_add(&hang);
    while (godwit_push_data(hanging, "s", bytes, sizeof bytes, &id) == GODWIT_OK)
        sent++;
    assert_in_range(sent, 8, 16); /* what the outbox holds */
    fails(GODWIT_ETIMEDOUT, godwit_wait(hanging, id, GODWIT_STORED, 100));
    await(&told);
    assert_int_equal(live_counter(hanging, "links_lost"), 0);
    assert_int_equal(live_counter(other, "links_lost"), 0);
    assert_false(atomic_load(&told_over));
    disk_faults_clear();
    await(&told_over);
    for (unsigned i = 0; i < sent; i++) {
        godwit_delivery_t *delivery = live_next(stage);
        ok(godwit_ack(&delivery));
    }
    ok(godwit_peer_drain(hanging, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_push_data(hanging, "s", bytes, 1, &id));
    ok(godwit_wait(hanging, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(hanging, "commit_failures"), 0);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&other));
    ok(godwit_peer_close(&hanging));
    live_remove(directory);
}

/* --- a thread that does its sync itself --- */

static uint32_t answer(void *context, godwit_call_t *call)
{
    (void)context;
    return godwit_call_reply(call, godwit_call_data(call), godwit_call_size(call)) ? 1 : 0;
}

static godwit_err_t ask(godwit_peer_t *peer, int timeout_ms)
{
    godwit_message_t *message;
    godwit_reply_t *reply = NULL;

    ok(godwit_message_new("?", 1, &message));
    godwit_err_t error = godwit_request(peer, "echo", &message, timeout_ms, &reply, NULL);
    godwit_reply_done(&reply);
    return error;
}

static void *ask_without_limit(void *peer)
{
    ok(ask(peer, -1));
    return NULL;
}

/* A request without a limit is written by its own thread, one with a limit is not: the disk may
 * take longer than that. Neither keeps the engine from its heartbeats. */
static void a_request_is_never_kept_beyond_its_time_by_the_disk(void **state)
{
    char directory[128];
    godwit_peer_t *hanging = open_hanging(live_directory(directory));
    godwit_peer_t *other = live_peer("other");
    struct disk_fault hang = {.below = directory, .call = DISK_SYNC, .hang = true};
    godwit_service_t *service;
    pthread_t asking;

    (void)state;
    atomic_store(&told, false);
    ok(godwit_service_open(other, "echo", answer, NULL, NULL, &service));
    live_join(hanging, other);
    ok(ask(hanging, LIVE_TIMEOUT_MS));
    disk_fault_add(&hang);
    fails(GODWIT_ETIMEDOUT, ask(hanging, 100));
    disk_faults_clear();
    ok(ask(hanging, LIVE_TIMEOUT_MS));
    disk_fault_add(&hang);
    assert_int_equal(pthread_create(&asking, NULL, ask_without_limit, hanging), 0);
    await(&told);
    fails(GODWIT_ETIMEDOUT, ask(hanging, 100));
    assert_int_equal(live_counter(hanging, "links_lost"), 0);
    assert_int_equal(live_counter(other, "links_lost"), 0);
    disk_faults_clear();
    assert_int_equal(pthread_join(asking, NULL), 0);
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&other));
    ok(godwit_peer_close(&hanging));
    live_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sync_of_many_heartbeats_costs_no_link),
        cmocka_unit_test(a_sync_without_end_is_told_and_refuses_in_bound),
        cmocka_unit_test(a_request_is_never_kept_beyond_its_time_by_the_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
