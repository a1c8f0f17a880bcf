/* SPDX-License-Identifier: MPL-2.0 */
/* Durations in buckets: none is off by more than they promise. */

#include "histogram.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static int make(void **state)
{
    *state = calloc(1, sizeof(struct histogram));
    return *state ? 0 : -1;
}

static int unmake(void **state)
{
    free(*state);
    return 0;
}

static void the_value_of_an_empty_one_is_0(void **state)
{
    assert_int_equal(histogram_at(*state, 0.5), 0);
    assert_int_equal(histogram_at(*state, 1), 0);
}

static void each_value_comes_back_within_one_percent(void **state)
{
    struct histogram *histogram = *state;
    for (uint64_t value = 1; value < HISTOGRAM_LIMIT / 2; value += 1 + value / 3) {
        *histogram = (struct histogram){0};
        histogram_add(histogram, value, 1);
        histogram_add(histogram, HISTOGRAM_LIMIT, 1); /* so that the most does not cut it */
        uint64_t found = histogram_at(histogram, 0.5);
        assert_true(found >= value);
        assert_true(found - value <= value / 100);
    }
}

static void small_values_are_exact(void **state)
{
    struct histogram *histogram = *state;
    for (uint64_t value = 0; value < 256; value++)
        histogram_add(histogram, value, 1);
    assert_int_equal(histogram_at(histogram, 0.5), 127);
    assert_int_equal(histogram_at(histogram, 1), 255);
    assert_int_equal(histogram_at(histogram, 0), 0);
}

static void a_share_is_not_exceeded(void **state)
{
    struct histogram *histogram = *state;
    histogram_add(histogram, 10, 990);
    histogram_add(histogram, 20, 9);
    histogram_add(histogram, 30, 1);
    assert_int_equal(histogram_at(histogram, 0.99), 10);
    assert_int_equal(histogram_at(histogram, 0.991), 20);
    assert_int_equal(histogram_at(histogram, 0.999), 20);
    assert_int_equal(histogram_at(histogram, 0.9991), 30);
}

static void the_most_is_exact_and_nothing_is_above_it(void **state)
{
    struct histogram *histogram = *state;
    histogram_add(histogram, 1000003, 1);
    assert_int_equal(histogram_at(histogram, 0.5), 1000003);
    assert_int_equal(histogram_at(histogram, 1), 1000003);
    histogram_add(histogram, UINT64_MAX, 1); /* in the last bucket */
    assert_int_equal(histogram->most, UINT64_MAX);
    assert_int_equal(histogram_at(histogram, 1), UINT64_MAX);
    assert_int_equal(histogram->bucket[HISTOGRAM_BUCKETS - 1], 1);
}

static void the_floor_of_a_bucket_is_in_it_and_what_is_below_is_not(void **state)
{
    struct histogram *histogram = *state;
    for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++) {
        *histogram = (struct histogram){0};
        histogram_add(histogram, histogram_floor(i), 1);
        histogram_add(histogram, histogram_floor(i) - 1, 1);
        assert_int_equal(histogram->bucket[i], 1);
        assert_int_equal(histogram->bucket[i - 1], 1);
    }
}

static void two_that_are_merged_are_as_one(void **state)
{
    struct histogram *histogram = *state, *other = calloc(1, sizeof(*other));
    assert_non_null(other);
    histogram_add(histogram, 5, 1);
    histogram_add(other, 7, 2);
    histogram_add(other, 99999, 1);
    histogram_merge(histogram, other);
    free(other);
    assert_int_equal(histogram->total, 4);
    assert_int_equal(histogram->most, 99999);
    assert_int_equal(histogram_at(histogram, 0.25), 5);
    assert_int_equal(histogram_at(histogram, 0.75), 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_value_of_an_empty_one_is_0),
        TEST(each_value_comes_back_within_one_percent),
        TEST(small_values_are_exact),
        TEST(a_share_is_not_exceeded),
        TEST(the_most_is_exact_and_nothing_is_above_it),
        TEST(the_floor_of_a_bucket_is_in_it_and_what_is_below_is_not),
        TEST(two_that_are_merged_are_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
