/* SPDX-License-Identifier: MPL-2.0 */

/* The hash map: its promises one by one, then random puts and removes against an array. */

#include "failing_memory.h"

#include "base/map.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static char values[1024]; /* their addresses are values to put */

static void an_empty_map_holds_nothing(void **state)
{
    (void)state;
    struct gw_map map;
    size_t at = 0;

    gw_map_init(&map, 1);
    assert_null(gw_map_get(&map, 0));
    assert_null(gw_map_remove(&map, 0));
    assert_null(gw_map_next(&map, &at, NULL));
    gw_map_clear(&map);
}

static void what_is_put_is_found_until_it_is_removed(void **state)
{
    (void)state;
    struct gw_map map;

    gw_map_init(&map, 1);
    assert_int_equal(gw_map_put(&map, 0, &values[0]), 0);
    assert_int_equal(gw_map_put(&map, UINT64_MAX, &values[1]), 0);
    assert_ptr_equal(gw_map_get(&map, 0), &values[0]);
    assert_ptr_equal(gw_map_get(&map, UINT64_MAX), &values[1]);
    assert_null(gw_map_get(&map, 7));
    assert_int_equal(map.count, 2);
    assert_ptr_equal(gw_map_remove(&map, 0), &values[0]);
    assert_null(gw_map_get(&map, 0));
    assert_null(gw_map_remove(&map, 0));
    assert_int_equal(map.count, 1);
    gw_map_clear(&map);
}

static void putting_a_key_again_replaces_its_value(void **state)
{
    (void)state;
    struct gw_map map;

    gw_map_init(&map, 1);
    assert_int_equal(gw_map_put(&map, 5, &values[0]), 0);
    assert_int_equal(gw_map_put(&map, 5, &values[1]), 0);
    assert_ptr_equal(gw_map_get(&map, 5), &values[1]);
    assert_int_equal(map.count, 1);
    gw_map_clear(&map);
}

static void a_growing_map_keeps_all_and_stays_at_most_three_quarters_full(void **state)
{
    (void)state;
    struct gw_map map;

    gw_map_init(&map, 2);
    for (uint64_t key = 0; key < 1000; key++) {
        assert_int_equal(gw_map_put(&map, key, &values[key]), 0);
        assert_int_equal(map.capacity & (map.capacity - 1), 0);
        assert_true(map.count * 4 <= map.capacity * 3);
    }
    for (uint64_t key = 0; key < 1000; key++)
        assert_ptr_equal(gw_map_get(&map, key), &values[key]);
    assert_null(gw_map_get(&map, 1000));
    gw_map_clear(&map);
    assert_null(gw_map_get(&map, 1));
    assert_int_equal(gw_map_put(&map, 1, &values[1]), 0);
    gw_map_clear(&map);
}

/* Four keys that all want the last slot of the smallest table, so that their run wraps around. */
static void put_colliding_keys(struct gw_map *map, uint64_t keys[4])
{
    size_t found = 0;

    assert_int_equal(gw_map_put(map, 0, &values[0]), 0); /* makes the table */
    gw_map_remove(map, 0);
    for (uint64_t key = 1; found < 4; key++) {
        if (home_of(map, key) != map->capacity - 1)
            continue;
        assert_int_equal(gw_map_put(map, key, &values[key]), 0);
        keys[found++] = key;
    }
    assert_int_equal(map->capacity, SMALLEST_CAPACITY);
}

static void removing_one_of_colliding_keys_leaves_the_others_reachable(void **state)
{
    (void)state;
    for (size_t removed = 0; removed < 4; removed++) {
        struct gw_map map;
        uint64_t keys[4];

        gw_map_init(&map, 3);
        put_colliding_keys(&map, keys);
        assert_ptr_equal(gw_map_remove(&map, keys[removed]), &values[keys[removed]]);
        for (size_t i = 0; i < 4; i++) {
            void *expected = i == removed ? NULL : &values[keys[i]];
            assert_ptr_equal(gw_map_get(&map, keys[i]), expected);
        }
        gw_map_clear(&map);
    }
}

static void an_entry_at_home_stays_there_when_one_before_it_is_removed(void **state)
{
    (void)state;
    struct gw_map map;
    uint64_t keys[4], at_home = 1;

    gw_map_init(&map, 3);
    put_colliding_keys(&map, keys);
    gw_map_remove(&map, keys[3]);
    gw_map_remove(&map, keys[2]); /* now keys[0] is last and keys[1] first in the table */
    while (home_of(&map, at_home) != 1)
        at_home++;
    assert_int_equal(gw_map_put(&map, at_home, &values[at_home]), 0);
    gw_map_remove(&map, keys[0]);
    assert_ptr_equal(gw_map_get(&map, at_home), &values[at_home]);
    assert_ptr_equal(gw_map_get(&map, keys[1]), &values[keys[1]]);
    gw_map_clear(&map);
}

static void coming_and_going_does_not_make_the_table_grow(void **state)
{
    (void)state;
    struct gw_map map;

    gw_map_init(&map, 4);
    for (uint64_t key = 0; key < 10000; key++) {
        assert_int_equal(gw_map_put(&map, key, &values[0]), 0);
        if (key >= 4)
            assert_non_null(gw_map_remove(&map, key - 4));
    }
    assert_int_equal(map.capacity, SMALLEST_CAPACITY);
    gw_map_clear(&map);
}

static size_t keys_in_order(uint64_t seed, uint64_t keys[], size_t count)
{
    struct gw_map map;
    uint64_t key;
    size_t seen = 0;
    void *value;

    gw_map_init(&map, seed);
    for (key = 0; key < count; key++)
        assert_int_equal(gw_map_put(&map, key, &values[key]), 0);
    for (size_t at = 0; (value = gw_map_next(&map, &at, &key)) != NULL;) {
        assert_true(seen < count);
        assert_ptr_equal(value, &values[key]);
        keys[seen++] = key;
    }
    gw_map_clear(&map);
    return seen;
}

static void a_walk_meets_each_entry_once(void **state)
{
    (void)state;
    uint64_t keys[100];
    bool met[100] = {false};

    assert_int_equal(keys_in_order(5, keys, 100), 100);
    for (size_t i = 0; i < 100; i++) {
        assert_false(met[keys[i]]);
        met[keys[i]] = true;
    }
}

static void the_order_of_a_walk_repeats_with_the_seed_and_changes_with_it(void **state)
{
    (void)state;
    uint64_t one[100], same[100], other[100];

    keys_in_order(5, one, 100);
    keys_in_order(5, same, 100);
    keys_in_order(6, other, 100);
    assert_memory_equal(one, same, sizeof one);
    assert_memory_not_equal(one, other, sizeof one);
}

static void a_map_without_memory_stays_as_it_was_and_can_still_replace(void **state)
{
    (void)state;
    struct gw_map map;

    gw_map_init(&map, 7);
    memory_left = 0;
    assert_int_equal(gw_map_put(&map, 1, &values[1]), -ENOMEM);
    assert_null(gw_map_get(&map, 1));
    memory_left = 1;
    for (uint64_t key = 0; key < 6; key++)
        assert_int_equal(gw_map_put(&map, key, &values[key]), 0);
    assert_int_equal(gw_map_put(&map, 6, &values[6]), -ENOMEM);
    assert_int_equal(gw_map_put(&map, 5, &values[50]), 0);
    memory_left = SIZE_MAX;
    assert_int_equal(map.count, 6);
    assert_null(gw_map_get(&map, 6));
    for (uint64_t key = 0; key < 5; key++)
        assert_ptr_equal(gw_map_get(&map, key), &values[key]);
    assert_ptr_equal(gw_map_get(&map, 5), &values[50]);
    gw_map_clear(&map);
}

#define KEYS 256

static void compare_with_array(const struct gw_map *map, void *const model[KEYS])
{
    size_t at = 0, count = 0;
    uint64_t key;

    for (size_t i = 0; i < KEYS; i++) {
        assert_ptr_equal(gw_map_get(map, i << 32), model[i]);
        count += model[i] != NULL;
    }
    assert_int_equal(map->count, count);
    for (void *value; (value = gw_map_next(map, &at, &key)) != NULL; count--)
        assert_ptr_equal(value, model[key >> 32]);
    assert_int_equal(count, 0);
}

static void random_puts_and_removes_agree_with_an_array(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        void *model[KEYS] = {NULL};
        struct gw_random random;
        struct gw_map map;

        print_message("seed %llu\n", (unsigned long long)seed);
        gw_random_seed(&random, seed);
        gw_map_init(&map, gw_random_next(&random));
        for (int step = 0; step < 4000; step++) {
            /* Few keys at first, so that small tables meet every pattern of holes too. */
            size_t i = gw_random_below(&random, step < 2000 ? 8 : KEYS);
            if (gw_random_chance(&random, 500000)) {
                model[i] = &values[gw_random_below(&random, sizeof values)];
                assert_int_equal(gw_map_put(&map, (uint64_t)i << 32, model[i]), 0);
            } else {
                assert_ptr_equal(gw_map_remove(&map, (uint64_t)i << 32), model[i]);
                model[i] = NULL;
            }
            compare_with_array(&map, model);
        }
        gw_map_clear(&map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_holds_nothing),
        cmocka_unit_test(what_is_put_is_found_until_it_is_removed),
        cmocka_unit_test(putting_a_key_again_replaces_its_value),
        cmocka_unit_test(a_growing_map_keeps_all_and_stays_at_most_three_quarters_full),
        cmocka_unit_test(removing_one_of_colliding_keys_leaves_the_others_reachable),
        cmocka_unit_test(an_entry_at_home_stays_there_when_one_before_it_is_removed),
        cmocka_unit_test(coming_and_going_does_not_make_the_table_grow),
        cmocka_unit_test(a_walk_meets_each_entry_once),
        cmocka_unit_test(the_order_of_a_walk_repeats_with_the_seed_and_changes_with_it),
        cmocka_unit_test(a_map_without_memory_stays_as_it_was_and_can_still_replace),
        cmocka_unit_test(random_puts_and_removes_agree_with_an_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
