/* SPDX-License-Identifier: MPL-2.0 */

/* Seeded random numbers: the published first outputs, and that bounds bias nothing. */

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void xoshiro_gives_its_published_numbers(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600,
        16172922978634559625u, 8476171486693032832, 10595114339597558777u, 2904607092377533576,
    };
    struct gw_random random = {{1, 2, 3, 4}};

    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(gw_random_next(&random), expected[i]);
}

static void a_seed_becomes_the_published_splitmix_numbers(void **state)
{
    (void)state;
    struct gw_random random;

    gw_random_seed(&random, 1234567);
    assert_int_equal(random.state[0], 6457827717110365317);
    assert_int_equal(random.state[1], 3203168211198807973);
    assert_int_equal(random.state[2], 9817491932198370423u);
    assert_int_equal(random.state[3], 4593380528125082431);
}

static void mix64_is_the_finaliser_alone(void **state)
{
    (void)state;
    assert_int_equal(gw_mix64(0), 0);
    assert_int_equal(gw_mix64(0x9e3779b97f4a7c15), 0xe220a8397b1dcdaf); /* splitmix64(0), first */
}

static void the_same_seed_repeats_and_a_similar_one_does_not(void **state)
{
    (void)state;
    struct gw_random one, same, similar;
    int equal = 0;

    gw_random_seed(&one, 0);
    gw_random_seed(&same, 0);
    gw_random_seed(&similar, 1);
    for (int i = 0; i < 100; i++) {
        uint64_t value = gw_random_next(&one);
        assert_int_equal(gw_random_next(&same), value);
        equal += gw_random_next(&similar) == value;
    }
    assert_int_equal(equal, 0);
}

static void below_stays_below_and_meets_every_value_about_equally(void **state)
{
    (void)state;
    struct gw_random random;
    int counts[7] = {0};

    gw_random_seed(&random, 1);
    for (int i = 0; i < 70000; i++) {
        uint64_t value = gw_random_below(&random, 7);
        assert_true(value < 7);
        counts[value]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 9500, 10500); /* more than five deviations */
    assert_int_equal(gw_random_below(&random, 1), 0);
}

static void below_a_huge_bound_favours_no_part_of_it(void **state)
{
    (void)state;
    const uint64_t third = (uint64_t)1 << 62;
    struct gw_random random;
    int low = 0;

    gw_random_seed(&random, 2);
    for (int i = 0; i < 30000; i++)
        low += gw_random_below(&random, 3 * third) < third;
    assert_in_range(low, 9500, 10500); /* a bare remainder would give 15000 */
}

static void chance_is_in_millionths(void **state)
{
    (void)state;
    struct gw_random random;
    int often = 0;

    gw_random_seed(&random, 3);
    for (int i = 0; i < 100000; i++)
        often += gw_random_chance(&random, 50000);
    assert_in_range(often, 4600, 5400);
}

static void no_chance_is_never_and_a_full_chance_always(void **state)
{
    (void)state;
    struct gw_random random;

    gw_random_seed(&random, 4);
    for (int i = 0; i < 5000000; i++) { /* enough to meet each of the million cases */
        if (gw_random_chance(&random, 0))
            fail_msg("a chance of 0 came true in try %d", i);
        if (!gw_random_chance(&random, 1000000))
            fail_msg("a chance of 1 failed in try %d", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xoshiro_gives_its_published_numbers),
        cmocka_unit_test(a_seed_becomes_the_published_splitmix_numbers),
        cmocka_unit_test(mix64_is_the_finaliser_alone),
        cmocka_unit_test(the_same_seed_repeats_and_a_similar_one_does_not),
        cmocka_unit_test(below_stays_below_and_meets_every_value_about_equally),
        cmocka_unit_test(below_a_huge_bound_favours_no_part_of_it),
        cmocka_unit_test(chance_is_in_millionths),
        cmocka_unit_test(no_chance_is_never_and_a_full_chance_always),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
