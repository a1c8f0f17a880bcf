/* SPDX-License-Identifier: MPL-2.0 */

/* Calls that meet a close on their way. One thread is held between its look at the peer and the
 * lock, until the engine has ended: what it then asks for can no longer be done, and it must be
 * told so.
 *
 * Linked with --wrap=pthread_mutex_lock and --wrap=pthread_join. */

#include "live.h"

#include <pthread.h>
#include <stdatomic.h>

static _Thread_local bool late; /* this thread is the one that is held */
static atomic_bool held;
static atomic_bool ended;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result);

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    while (late && !atomic_load(&ended)) {
        atomic_store(&held, true);
        usleep(100);
    }
    return __real_pthread_mutex_lock(mutex);
}

/* The first that a close joins is the engine. */
int __wrap_pthread_join(pthread_t thread, void **result)
{
    int error = __real_pthread_join(thread, result);

    atomic_store(&ended, true);
    return error;
}

static void *ack_late(void *context)
{
    godwit_delivery_t *delivery = context;

    late = true;
    godwit_err_t error = godwit_ack(&delivery);
    assert_null(delivery);
    return (void *)(intptr_t)error;
}

static void an_ack_that_a_close_overtakes_is_not_called_ok(void **state)
{
    godwit_peer_t *walker = live_peer("walker"), *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    pthread_t thread;
    void *result;

    (void)state;
    live_join(worker, walker);
    ok(godwit_push_data(walker, "s", "x", 1, NULL));
    assert_int_equal(pthread_create(&thread, NULL, ack_late, live_next(stage)), 0);
    while (!atomic_load(&held))
        usleep(100);
    ok(godwit_peer_close(&worker));
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_string_equal(godwit_error_name((godwit_err_t)(intptr_t)result), "GODWIT_ECLOSED");
    godwit_stage_close(&stage);
    assert_true(live_counter(walker, "outbox_messages_now") == 1);
    ok(godwit_peer_close(&walker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ack_that_a_close_overtakes_is_not_called_ok),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
