/* SPDX-License-Identifier: MPL-2.0 */

/* Transactions that nobody waits for, on a disk that hangs and on one that fails: the worker goes
 * on, nothing leaves before it is stored, and what was not stored comes again. */

#include "disk_faults.h"
#include "traffic.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define MESSAGES 3000
#define OPERATIONS 2   /* of each transaction: the decision, and what it sends */
#define BOUND 4096     /* operations under way, as transaction.h says */
#define A_MOMENT_MS 50 /* for what must not happen: only a broken library ends it sooner */

struct scene {
    char directory[128];
    godwit_peer_t *source, *worker; /* the source also takes what comes of its messages */
    godwit_stage_t *in, *out;
    atomic_uint done; /* transactions committed */
    unsigned most;
};

static void begin(struct scene *scene)
{
    godwit_peer_options_t options = live_options("worker");

    *scene = (struct scene){.most = MESSAGES};
    options.directory = live_directory(scene->directory);
    options.durability = GODWIT_DURABILITY_FSYNC;
    ok(godwit_peer_open(&options, &scene->worker));
    scene->source = live_peer("source");
    scene->in = live_stage(scene->worker, "in");
    scene->out = live_stage(scene->source, "out");
    live_join(scene->source, scene->worker);
    for (unsigned i = 0; i < MESSAGES; i++)
        ok(godwit_push_data(scene->source, "in", &i, sizeof i, NULL));
}

static void end(struct scene *scene)
{
    godwit_stage_close(&scene->in);
    godwit_stage_close(&scene->out);
    ok(godwit_peer_close(&scene->worker));
    ok(godwit_peer_close(&scene->source));
    live_remove(scene->directory);
}

/* False: the store failed, and it comes again. */
static bool pass_on(struct scene *scene, godwit_delivery_t *delivery)
{
    godwit_txn_t *txn;

    ok(godwit_txn_begin(scene->worker, &txn));
    ok(godwit_txn_ack(txn, delivery));
    ok(godwit_txn_push_data(txn, "out", godwit_delivery_data(delivery), sizeof(unsigned)));
    godwit_err_t error = godwit_txn_commit_async(&txn);
    assert_null(txn);
    if (error != GODWIT_ESTALE && error != GODWIT_ENOTSTORED)
        ok(error);
    return !error;
}

static void *pass_on_many(void *context)
{
    struct scene *scene = context;

    while (atomic_load(&scene->done) < scene->most) {
        assert_true(pass_on(scene, live_next(scene->in)));
        atomic_fetch_add(&scene->done, 1);
    }
    return NULL;
}

static void await_done(struct scene *scene, unsigned count)
{
    for (unsigned ms = 0; atomic_load(&scene->done) < count; ms++) {
        assert_true(ms < LIVE_TIMEOUT_MS);
        pause_ms(1);
    }
}

static void take_out(struct scene *scene, unsigned count)
{
    static unsigned char seen[MESSAGES];
    unsigned number;

    memset(seen, 0, sizeof seen);
    for (unsigned i = 0; i < count; i++) {
        godwit_delivery_t *delivery = live_next(scene->out);

        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        assert_true(number < MESSAGES && !seen[number]);
        seen[number] = 1;
        ok(godwit_ack(&delivery));
    }
}

static void the_worker_goes_on_and_nothing_leaves_while_the_disk_hangs(void **state)
{
    struct scene scene;
    pthread_t thread;
    godwit_delivery_t *delivery;

    (void)state;
    begin(&scene);
    struct disk_fault hang = {.below = scene.directory, .call = DISK_SYNC, .hang = true};
    disk_fault_add(&hang);
    pthread_create(&thread, NULL, pass_on_many, &scene);
    await_done(&scene, BOUND / OPERATIONS); /* as many as may be under way */
    fails(GODWIT_ETIMEDOUT, godwit_peer_drain(scene.worker, GODWIT_STORED, A_MOMENT_MS));
    fails(GODWIT_ETIMEDOUT, godwit_stage_next(scene.out, A_MOMENT_MS, &delivery));
    fails(GODWIT_ETIMEDOUT, godwit_peer_drain(scene.source, GODWIT_SETTLED, 0));
    assert_int_equal(atomic_load(&scene.done), BOUND / OPERATIONS); /* the next one waits */
    disk_faults_clear();
    take_out(&scene, MESSAGES);
    pthread_join(thread, NULL);
    ok(godwit_peer_drain(scene.source, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(scene.worker, "transactions"), MESSAGES);
    end(&scene);
}

static void what_a_failed_store_does_not_hold_comes_again(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    for (unsigned i = 0; i < MESSAGES / 4; i++)
        assert_true(pass_on(&scene, live_next(scene.in)));
    ok(godwit_peer_drain(scene.worker, GODWIT_STORED, LIVE_TIMEOUT_MS));
    struct disk_fault fail = {
        .below = scene.directory, .call = DISK_WRITE, .error = EIO, .count = 1};
    disk_fault_add(&fail);
    for (unsigned i = 0; i < MESSAGES / 4; i++)
        pass_on(&scene, live_next(scene.in));
    for (unsigned ms = 0; live_counter(scene.worker, "commit_failures") == 0; ms++) {
        assert_true(ms < LIVE_TIMEOUT_MS);
        pause_ms(1);
    }
    disk_faults_clear();
    while (godwit_peer_drain(scene.source, GODWIT_SETTLED, 0) == GODWIT_ETIMEDOUT) {
        godwit_delivery_t *delivery;

        if (godwit_stage_next(scene.in, 1, &delivery) == GODWIT_OK)
            pass_on(&scene, delivery);
    }
    take_out(&scene, MESSAGES); /* each once */
    if (live_counter(scene.worker, "not_stored") > 0)
        fails(GODWIT_ENOTSTORED,
              godwit_peer_drain(scene.worker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_drain(scene.worker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worker_goes_on_and_nothing_leaves_while_the_disk_hangs),
        cmocka_unit_test(what_a_failed_store_does_not_hold_comes_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
