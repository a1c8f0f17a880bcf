/* SPDX-License-Identifier: MPL-2.0 */

/* A backlog far larger than memory may be: it waits on disk, survives a reopen, and drains within
 * bounded memory. */

#include "live.h"


#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MESSAGES 20000 /* memory is the sanitizer's, and time too */
#define BOUND_KIB UINT64_MAX
#else
#define MESSAGES 1500000
#define BOUND_KIB (96 * 1024) /* a fifth of the backlog */
#endif
#define SIZE 300

/* Acks all and returns the most memory seen on the way. */
static uint64_t take_all(godwit_stage_t *stage)
{
    static unsigned char seen[MESSAGES];
    uint64_t most = 0;

    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        godwit_delivery_t *delivery = live_next(stage);
        uint32_t number;

        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        assert_true(number < MESSAGES && !seen[number]);
        seen[number] = 1;
        ok(godwit_ack(&delivery));
        if (i % 10000 == 0 && live_anonymous_kib() > most)
            most = live_anonymous_kib();
    }
    return most;
}

static void a_backlog_waits_on_disk_and_drains_within_bounded_memory(void **state)
{
    char path[128], sub[160];
    godwit_peer_t *walker, *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "work");

    (void)state;
    snprintf(sub, sizeof sub, "%s/walker", live_directory(path));
    walker = live_disk_peer("walker", sub);
    live_push_numbered(walker, "work", MESSAGES, SIZE);
    assert_true(live_anonymous_kib() < BOUND_KIB);
    ok(godwit_peer_close(&walker));
    walker = live_disk_peer("walker", sub);
    assert_int_equal(live_counter(walker, "outbox_messages_now"), MESSAGES);
    live_join(worker, walker);
    assert_true(take_all(stage) < BOUND_KIB);
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(walker, "outbox_bytes_now"), 0);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
    live_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backlog_waits_on_disk_and_drains_within_bounded_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
