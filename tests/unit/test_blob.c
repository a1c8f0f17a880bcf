/* SPDX-License-Identifier: MPL-2.0 */

/* Counted bytes: who frees, when, and that threads may hold and drop at once. */

#include "failing_memory.h"

#include "base/blob.c"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void count_release(struct gw_blob *blob)
{
    int *releases = blob->owner;

    ++*releases;
}

static void a_new_blob_holds_what_is_written_to_it(void **state)
{
    (void)state;
    uint8_t *data;
    struct gw_blob *blob = gw_blob_new(5, &data);

    assert_non_null(blob);
    memcpy(data, "hello", 5);
    assert_int_equal(blob->size, 5);
    assert_memory_equal(blob->data, "hello", 5);
    assert_int_equal(atomic_load(&blob->references), 1);
    gw_blob_drop(blob);
}

static void a_blob_may_be_empty(void **state)
{
    (void)state;
    uint8_t *data;
    struct gw_blob *blob = gw_blob_new(0, &data);

    assert_non_null(blob);
    assert_int_equal(blob->size, 0);
    gw_blob_drop(blob);
}

static void a_wrapped_blob_points_at_the_bytes_it_was_given(void **state)
{
    (void)state;
    int releases = 0;
    const char bytes[] = "bytes";
    struct gw_blob *blob = gw_blob_wrap(bytes, sizeof bytes, count_release, &releases);

    assert_ptr_equal(blob->data, bytes);
    assert_int_equal(blob->size, sizeof bytes);
    gw_blob_drop(blob);
    assert_int_equal(releases, 1);
}

static void only_the_last_drop_releases(void **state)
{
    (void)state;
    int releases = 0;
    struct gw_blob *blob = gw_blob_wrap("x", 1, count_release, &releases);

    assert_ptr_equal(gw_blob_hold(blob), blob);
    gw_blob_hold(blob);
    gw_blob_drop(blob);
    gw_blob_drop(blob);
    assert_int_equal(releases, 0);
    assert_memory_equal(blob->data, "x", 1);
    gw_blob_drop(blob);
    assert_int_equal(releases, 1);
}

static void bytes_that_outlive_the_blob_need_no_release(void **state)
{
    (void)state;
    gw_blob_drop(gw_blob_wrap("static", 6, NULL, NULL)); /* freeing a literal would crash */
}

static void dropping_null_is_allowed(void **state)
{
    (void)state;
    gw_blob_drop(NULL);
}

static void without_memory_there_is_no_blob_and_no_release(void **state)
{
    (void)state;
    int releases = 0;
    uint8_t *data = (uint8_t *)"untouched";
    uint8_t *before = data;

    memory_left = 0;
    assert_null(gw_blob_new(1, &data));
    assert_null(gw_blob_wrap("x", 1, count_release, &releases));
    memory_left = SIZE_MAX;
    assert_ptr_equal(data, before);
    assert_int_equal(releases, 0);
}

static void a_size_beyond_the_address_space_is_refused(void **state)
{
    (void)state;
    size_t before = memory_taken;
    uint8_t *data;

    assert_null(gw_blob_new(SIZE_MAX, &data));
    assert_null(gw_blob_new(PTRDIFF_MAX, &data));
    assert_int_equal(memory_taken, before);
}

static void *hold_and_drop(void *argument)
{
    struct gw_blob *blob = argument;

    for (int i = 0; i < 20000; i++)
        gw_blob_drop(gw_blob_hold(blob));
    gw_blob_drop(blob);
    return NULL;
}

static void threads_that_hold_and_drop_release_it_once(void **state)
{
    (void)state;
    int releases = 0;
    struct gw_blob *blob = gw_blob_wrap("x", 1, count_release, &releases);
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hold_and_drop, gw_blob_hold(blob)), 0);
    gw_blob_drop(blob);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(releases, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_blob_holds_what_is_written_to_it),
        cmocka_unit_test(a_blob_may_be_empty),
        cmocka_unit_test(a_wrapped_blob_points_at_the_bytes_it_was_given),
        cmocka_unit_test(only_the_last_drop_releases),
        cmocka_unit_test(bytes_that_outlive_the_blob_need_no_release),
        cmocka_unit_test(dropping_null_is_allowed),
        cmocka_unit_test(without_memory_there_is_no_blob_and_no_release),
        cmocka_unit_test(a_size_beyond_the_address_space_is_refused),
        cmocka_unit_test(threads_that_hold_and_drop_release_it_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
