/* SPDX-License-Identifier: MPL-2.0 */

/* A system that gives no thread and no eventfd: open and the inbox say so, and nothing is left
 * behind (AddressSanitizer looks). Linked with --wrap=pthread_create and --wrap=eventfd. */

#include "live.h"

#include <errno.h>
#include <pthread.h>

static int threads_left = -1; /* how many may still be made; -1: any number */
static int eventfds_left = -1;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *context);
int __real_eventfd(unsigned int count, int flags);
int __wrap_eventfd(unsigned int count, int flags);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *context)
{
    if (threads_left == 0)
        return EAGAIN;
    threads_left -= threads_left > 0;
    return __real_pthread_create(thread, attributes, run, context);
}

int __wrap_eventfd(unsigned int count, int flags)
{
    if (eventfds_left == 0) {
        errno = EMFILE;
        return -1;
    }
    eventfds_left -= eventfds_left > 0;
    return __real_eventfd(count, flags);
}

static void open_fails_cleanly_at_each_thread_it_wants(void **state)
{
    godwit_peer_options_t options = live_options("a");
    godwit_peer_t *peer = NULL;
    char directory[128];
    int made = 0;

    (void)state;
    options.directory = live_directory(directory);
    for (;; made++) {
        threads_left = made;
        godwit_err_t error = godwit_peer_open(&options, &peer);
        threads_left = -1;
        if (error == GODWIT_OK)
            break;
        fails(GODWIT_EIO, error);
        says("Resource temporarily unavailable");
        assert_null(peer);
    }
    assert_int_equal(made, 2); /* the store's and the engine's */
    ok(godwit_peer_close(&peer));
    live_remove(directory);
}

static void open_fails_cleanly_without_an_eventfd(void **state)
{
    godwit_peer_options_t options = live_options("a");
    godwit_peer_t *peer = NULL;

    (void)state;
    eventfds_left = 0;
    godwit_err_t error = godwit_peer_open(&options, &peer);
    eventfds_left = -1;
    fails(GODWIT_EIO, error);
    assert_null(peer);
}

static void an_inbox_fails_cleanly_without_an_eventfd(void **state)
{
    godwit_peer_t *peer = live_peer("a");
    godwit_stage_t *stage = NULL;

    (void)state;
    eventfds_left = 0;
    godwit_err_t error = godwit_stage_open(peer, "s", NULL, &stage);
    eventfds_left = -1;
    fails(GODWIT_EIO, error);
    assert_null(stage);
    stage = live_stage(peer, "s"); /* and works when there is one again */
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&peer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_fails_cleanly_at_each_thread_it_wants),
        cmocka_unit_test(open_fails_cleanly_without_an_eventfd),
        cmocka_unit_test(an_inbox_fails_cleanly_without_an_eventfd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
