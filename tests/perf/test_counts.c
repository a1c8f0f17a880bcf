/* SPDX-License-Identifier: MPL-2.0 */

/* The cost of bulk work, in what can be counted: times would fail on a busy machine, counts do not.
 * How large batches grow depends on the machine, so the limits stand far above what was seen on two
 * cores and on one, idle and with ten times more to do than they could. They are far below what the
 * same messages cost one by one, which is a test here too: a limit that such traffic kept would
 * guard nothing. */

#include "../live/live.h"
#include "count.h"

#include <pthread.h>
#include <sys/resource.h>

#define MESSAGES 100000
#define ALONE    500 /* one by one */
#define SIZE     100

struct cost { /* of all messages, of both peers */
    struct count calls;
    uint64_t commits;
    uint64_t switches; /* for information: depends on the machine */
};

struct traffic {
    godwit_peer_t *producer;
    godwit_peer_t *worker;
    godwit_stage_t *stage;
    char paths[2][128];
    uint64_t count;
};

static godwit_peer_t *open_peer(const char *name, char path[128], godwit_durability_t durability)
{
    godwit_peer_options_t options = live_options(name);
    godwit_peer_t *peer = NULL;

    options.directory = live_directory(path);
    options.durability = durability;
    options.heartbeat_ms = 1000;
    ok(godwit_peer_open(&options, &peer));
    return peer;
}

static void *work(void *context)
{
    struct traffic *traffic = context;

    for (uint64_t i = 0; i < traffic->count; i++) {
        godwit_delivery_t *delivery;

        if (godwit_stage_next(traffic->stage, LIVE_TIMEOUT_MS, &delivery) ||
            godwit_delivery_size(delivery) != SIZE || godwit_ack(&delivery))
            return traffic; /* it did not come, or was not the one sent */
    }
    return NULL;
}

static void set_up(struct traffic *traffic, godwit_durability_t durability, uint64_t count)
{
    traffic->count = count;
    traffic->producer = open_peer("producer", traffic->paths[0], durability);
    traffic->worker = open_peer("worker", traffic->paths[1], durability);
    traffic->stage = live_stage(traffic->worker, "count");
    live_join(traffic->producer, traffic->worker);
    ok(godwit_peer_wait_members(traffic->producer, "stage:count", 1, LIVE_TIMEOUT_MS));
}

static void tear_down(struct traffic *traffic)
{
    godwit_stage_close(&traffic->stage);
    ok(godwit_peer_close(&traffic->producer));
    ok(godwit_peer_close(&traffic->worker));
    live_remove(traffic->paths[0]);
    live_remove(traffic->paths[1]);
}

static uint64_t switches(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_nvcsw;
}

static uint64_t commits(const struct traffic *traffic)
{
    return live_counter(traffic->producer, "commits") + live_counter(traffic->worker, "commits");
}

/* All messages from the first push to the last settlement. */
static struct cost measure(godwit_durability_t durability, uint64_t count, bool one_by_one)
{
    static const char message[SIZE] = "a message";
    struct traffic traffic;
    pthread_t thread;
    void *failure;

    set_up(&traffic, durability, count);
    struct cost cost = {.commits = commits(&traffic), .switches = switches()};
    struct count before = count_now();
    assert_int_equal(pthread_create(&thread, NULL, work, &traffic), 0);
    for (uint64_t i = 0; i < count; i++) {
        ok(godwit_push_data(traffic.producer, "count", message, SIZE, NULL));
        if (one_by_one)
            ok(godwit_peer_drain(traffic.producer, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    }
    ok(godwit_peer_drain(traffic.producer, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    cost.calls = count_since(&before);
    cost.commits = commits(&traffic) - cost.commits;
    cost.switches = switches() - cost.switches;
    assert_int_equal(pthread_join(thread, &failure), 0);
    assert_null(failure);
    tear_down(&traffic);
    return cost;
}

static void show(const char *what, const struct cost *cost)
{
    printf("%s: %llu allocations, %llu bytes copied, %llu reads, %llu writes, %llu waits, "
           "%llu syncs, %llu commits; %llu context switches\n",
           what, (unsigned long long)cost->calls.allocations,
           (unsigned long long)cost->calls.copied, (unsigned long long)cost->calls.reads,
           (unsigned long long)cost->calls.writes, (unsigned long long)cost->calls.waits,
           (unsigned long long)cost->calls.syncs, (unsigned long long)cost->commits,
           (unsigned long long)cost->switches);
}

/* Of 100,000 messages, 10 MB, in both peers together. */
static const struct cost limits = {
    .calls =
        {
            .allocations = 20000, /* seen: 1,100 to 1,800 */
            .copied = 180000000,  /* 62 to 73 million, LevelDB's and libzmq's own copies included */
            .reads = 20000,       /* 300 to 530 */
            .writes = 20000,      /* 700 to 940 */
            .waits = 20000,       /* 700 to 1,200 */
            .syncs = 2000,        /* 44 to 52 at fsync */
        },
    .commits = 2000, /* 38 to 80 */
};

static void assert_within_limits(const struct cost *cost)
{
    assert_in_range(cost->calls.allocations, 0, limits.calls.allocations);
    assert_in_range(cost->calls.copied, 0, limits.calls.copied);
    assert_in_range(cost->calls.reads, 0, limits.calls.reads);
    assert_in_range(cost->calls.writes, 0, limits.calls.writes);
    assert_in_range(cost->calls.waits, 0, limits.calls.waits);
    assert_in_range(cost->commits, 0, limits.commits);
}

static void bulk_at_os_stays_under_its_limits(void **state)
{
    struct cost cost = measure(GODWIT_DURABILITY_OS, MESSAGES, false);

    (void)state;
    show("os", &cost);
    assert_within_limits(&cost);
    assert_in_range(cost.calls.syncs, 0, 100); /* what LevelDB does for its own files */
}

static void bulk_at_fsync_stays_under_its_limits(void **state)
{
    struct cost cost = measure(GODWIT_DURABILITY_FSYNC, MESSAGES, false);

    (void)state;
    show("fsync", &cost);
    assert_within_limits(&cost);
    assert_in_range(cost.calls.syncs, 2, limits.calls.syncs); /* there are some */
}

static void one_by_one_is_over_the_limits(void **state)
{
    struct cost cost = measure(GODWIT_DURABILITY_OS, ALONE, true);
    const uint64_t scale = MESSAGES / ALONE;

    (void)state;
    show("one by one", &cost);
    assert_true(cost.calls.allocations * scale > limits.calls.allocations);
    assert_true(cost.calls.copied * scale > limits.calls.copied);
    assert_true(cost.calls.reads * scale > limits.calls.reads);
    assert_true(cost.calls.writes * scale > limits.calls.writes);
    assert_true(cost.calls.waits * scale > limits.calls.waits);
    assert_true(cost.commits * scale > limits.commits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bulk_at_os_stays_under_its_limits),
        cmocka_unit_test(bulk_at_fsync_stays_under_its_limits),
        cmocka_unit_test(one_by_one_is_over_the_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
