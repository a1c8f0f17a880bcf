/* SPDX-License-Identifier: MPL-2.0 */

/* Destinations do not starve each other: a worker that does nothing, and a producer without end,
 * cost the others neither their place in the outbox nor much memory. */

#include "live.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HELD 5000 /* memory is the sanitizer's, and time too */
#define BOUND_KIB UINT64_MAX
#else
#define HELD 500000
#define BOUND_KIB (96 * 1024) /* half of what is held */
#endif
#define SIZE 400
#define FAST 3000
#define ROOM 10000 /* messages in the whole outbox */
#define SHARE 4000 /* of the flooded destination */

static uint64_t memory_kib(void)
{
    char line[128];
    uint64_t kib, sum = 0;
    FILE *file = fopen("/proc/self/status", "r");

    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %" SCNu64, &kib) == 1 ||
            sscanf(line, "RssShmem: %" SCNu64, &kib) == 1)
            sum += kib;
    fclose(file);
    return sum;
}

static void push(godwit_peer_t *peer, const char *stage, unsigned count)
{
    unsigned char bytes[SIZE];

    memset(bytes, 'x', sizeof bytes);
    for (unsigned i = 0; i < count; i++)
        ok(godwit_push_data(peer, stage, bytes, sizeof bytes, NULL));
}

/* One message after the other there and back again. */
static void ping(godwit_peer_t *sender, godwit_stage_t *stage, const char *name, unsigned count)
{
    godwit_id_t id;

    for (unsigned i = 0; i < count; i++) {
        ok(godwit_push_data(sender, name, "ping", 4, &id));
        godwit_delivery_t *delivery = live_next(stage);
        assert_int_equal(godwit_delivery_size(delivery), 4);
        ok(godwit_ack(&delivery));
        ok(godwit_wait(sender, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    }
}

/* Takes and acknowledges `count`. */
static void take(godwit_stage_t *stage, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        godwit_delivery_t *delivery = live_next(stage);
        ok(godwit_ack(&delivery));
    }
}

/* `slow` and `fast` are workers, one peer or two. */
static void idle_worker(godwit_peer_t *slow, godwit_peer_t *fast)
{
    char path[128], sub[160];
    godwit_peer_t *sender;
    godwit_stage_t *slow_stage = live_stage(slow, "slow"), *fast_stage = live_stage(fast, "fast");
    uint64_t most;

    snprintf(sub, sizeof sub, "%s/sender", live_directory(path));
    sender = live_disk_peer("sender", sub);
    live_join(slow, sender);
    if (fast != slow)
        live_join(fast, sender);
    ok(godwit_peer_wait_members(sender, "stage:slow", 1, LIVE_TIMEOUT_MS));
    push(sender, "slow", HELD); /* nobody takes one of them */
    ping(sender, fast_stage, "fast", 10);
    push(sender, "fast", FAST);
    take(fast_stage, FAST);
    most = memory_kib();
    assert_true(live_counter(sender, "outbox_messages_now") >= HELD);
    take(slow_stage, HELD); /* they are all there */
    ok(godwit_peer_drain(sender, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    print_message("%" PRIu64 " KiB held, %" PRIu64 " KiB after\n", most, memory_kib());
    assert_true(most < BOUND_KIB && memory_kib() < BOUND_KIB);
    godwit_stage_close(&slow_stage);
    godwit_stage_close(&fast_stage);
    ok(godwit_peer_close(&sender));
    live_remove(path);
}

static void an_idle_worker_slows_no_other_worker(void **state)
{
    godwit_peer_t *slow = live_peer("slow"), *fast = live_peer("fast");

    (void)state;
    idle_worker(slow, fast);
    ok(godwit_peer_close(&slow));
    ok(godwit_peer_close(&fast));
}

static void an_idle_stage_slows_no_other_stage_of_its_peer(void **state)
{
    godwit_peer_t *worker = live_peer("worker");

    (void)state;
    idle_worker(worker, worker);
    ok(godwit_peer_close(&worker));
}

struct flood {
    godwit_peer_t *peer;
    atomic_bool stop;
    atomic_uint pushed, refused;
};

/* A producer without end. */
static void *pour(void *argument)
{
    struct flood *flood = argument;
    unsigned char bytes[SIZE];

    memset(bytes, 'y', sizeof bytes);
    while (!atomic_load(&flood->stop)) {
        godwit_err_t error = godwit_push_data(flood->peer, "flood", bytes, sizeof bytes, NULL);
        if (error == GODWIT_OK) {
            atomic_fetch_add(&flood->pushed, 1);
            continue;
        }
        assert_int_equal(error, GODWIT_EFULL);
        atomic_fetch_add(&flood->refused, 1);
        usleep(100);
    }
    return NULL;
}

/* A drain for the flood, as fast as it can. */
static void *drink(void *argument)
{
    godwit_stage_t *stage = argument;
    godwit_delivery_t *delivery;

    while (godwit_stage_next(stage, -1, &delivery) == GODWIT_OK)
        godwit_ack(&delivery);
    return NULL;
}

static void wait_above(atomic_uint *value, unsigned least)
{
    for (unsigned i = 0; atomic_load(value) <= least; i++) {
        assert_true(i < LIVE_TIMEOUT_MS);
        usleep(1000);
    }
}

/* A peer whose outbox refuses when it is full, and where "flood" has but a share. */
static godwit_peer_t *open_sender(void)
{
    godwit_peer_options_t options = live_options("sender");
    godwit_destination_options_t policy = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_peer_t *peer;

    options.outbox_max_messages = ROOM;
    options.full_timeout_ms = -1;
    policy.max_messages = SHARE;
    ok(godwit_peer_open(&options, &peer));
    ok(godwit_destination_set(peer, "stage:flood", &policy));
    return peer;
}

/* `drunk`: somebody takes what is poured. */
static void flood_beside_pings(bool drunk)
{
    pthread_t pourer, drinker;
    struct flood flood = {.peer = open_sender()};
    godwit_peer_t *worker = live_peer("worker"), *drain = live_peer("drain");
    godwit_stage_t *stage = live_stage(worker, "fast"), *sink = NULL;
    unsigned before;

    live_join(worker, flood.peer);
    live_join(drain, flood.peer);
    if (drunk) {
        sink = live_stage(drain, "flood");
        assert_int_equal(pthread_create(&drinker, NULL, drink, sink), 0);
    }
    assert_int_equal(pthread_create(&pourer, NULL, pour, &flood), 0);
    wait_above(drunk ? &flood.pushed : &flood.refused, 0);
    before = atomic_load(drunk ? &flood.pushed : &flood.refused);
    ping(flood.peer, stage, "fast", 200);
    push(flood.peer, "fast", FAST); /* there is room for all of them */
    take(stage, FAST);
    wait_above(drunk ? &flood.pushed : &flood.refused, before); /* it poured all the time */
    if (!drunk)
        assert_int_equal(atomic_load(&flood.pushed), SHARE);
    atomic_store(&flood.stop, true);
    assert_int_equal(pthread_join(pourer, NULL), 0);
    print_message("%u poured, %u refused\n", flood.pushed, flood.refused);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&drain)); /* ends the drinker's waiting */
    if (drunk)
        assert_int_equal(pthread_join(drinker, NULL), 0);
    godwit_stage_close(&sink);
    ok(godwit_peer_close(&flood.peer));
}

static void a_producer_without_end_takes_its_share_and_no_more(void **state)
{
    (void)state;
    flood_beside_pings(false);
}

static void a_stream_without_end_lets_others_through(void **state)
{
    (void)state;
    flood_beside_pings(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_worker_slows_no_other_worker),
        cmocka_unit_test(an_idle_stage_slows_no_other_stage_of_its_peer),
        cmocka_unit_test(a_producer_without_end_takes_its_share_and_no_more),
        cmocka_unit_test(a_stream_without_end_lets_others_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
