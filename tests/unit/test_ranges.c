/* SPDX-License-Identifier: MPL-2.0 */

/* The interval set: each rule by hand, then random operations against a bitmap, at both ends of the
 * 64-bit line. */

#include "failing_memory.h"

#include "base/ranges.c"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define END UINT64_MAX

/* "1-3 7-9" */
static void assert_set(const struct gw_ranges *set, const char *expected)
{
    char text[512] = "";
    size_t used = 0;

    assert_true(gw_ranges_valid(set));
    for (size_t i = 0; i < set->count && used < sizeof text; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%llu-%llu", i > 0 ? " " : "",
                                 (unsigned long long)set->items[i].first,
                                 (unsigned long long)set->items[i].last);
    }
    assert_string_equal(text, expected);
}

static struct gw_ranges set_of(const uint64_t (*pairs)[2], size_t count)
{
    struct gw_ranges set = GW_RANGES_EMPTY;

    for (size_t i = 0; i < count; i++)
        assert_int_equal(gw_ranges_add(&set, pairs[i][0], pairs[i][1]), 0);
    return set;
}

#define SET(...) set_of((const uint64_t[][2]){__VA_ARGS__}, \
                        sizeof (uint64_t[][2]){__VA_ARGS__} / sizeof (uint64_t[2]))

static void an_empty_set_holds_nothing(void **state)
{
    (void)state;
    struct gw_ranges set = GW_RANGES_EMPTY;
    struct gw_range piece;
    uint64_t at = 0;

    assert_set(&set, "");
    assert_false(gw_ranges_contains(&set, 0));
    assert_false(gw_ranges_overlaps(&set, 0, END));
    assert_int_equal(gw_ranges_total(&set), 0);
    assert_int_equal(gw_ranges_first_gap(&set, 5), 5);
    assert_int_equal(gw_ranges_find(&set, 0), 0);
    assert_false(gw_ranges_next(&set, true, &at, END, &piece));
    assert_int_equal(gw_ranges_remove(&set, 0, END), 0);
    gw_ranges_trim_below(&set, 9);
    gw_ranges_clear(&set);
    assert_set(&set, "");
}

static void ranges_are_kept_in_order_whatever_the_order_of_adding(void **state)
{
    (void)state;
    struct gw_ranges set = SET({20, 25}, {1, 3}, {40, 40}, {10, 12});

    assert_set(&set, "1-3 10-12 20-25 40-40");
    gw_ranges_clear(&set);
}

static void adjacent_ranges_become_one(void **state)
{
    (void)state;
    struct gw_ranges after = SET({1, 3}, {4, 6});
    struct gw_ranges before = SET({4, 6}, {1, 3});
    struct gw_ranges between = SET({1, 3}, {5, 6}, {9, 9}, {4, 4});
    struct gw_ranges zero = SET({1, 3}, {0, 0});
    struct gw_ranges apart = SET({1, 3}, {5, 6});

    assert_set(&after, "1-6");
    assert_set(&before, "1-6");
    assert_set(&between, "1-6 9-9");
    assert_set(&zero, "0-3");
    assert_set(&apart, "1-3 5-6");
    gw_ranges_clear(&after);
    gw_ranges_clear(&before);
    gw_ranges_clear(&between);
    gw_ranges_clear(&zero);
    gw_ranges_clear(&apart);
}

static void a_range_that_overlaps_many_swallows_them(void **state)
{
    (void)state;
    struct gw_ranges set = SET({1, 2}, {5, 6}, {9, 10}, {13, 20}, {30, 31});

    assert_int_equal(gw_ranges_add(&set, 6, 15), 0);
    assert_set(&set, "1-2 5-20 30-31");
    assert_int_equal(gw_ranges_add(&set, 7, 8), 0);
    assert_set(&set, "1-2 5-20 30-31");
    assert_int_equal(gw_ranges_add(&set, 0, 100), 0);
    assert_set(&set, "0-100");
    gw_ranges_clear(&set);
}

static void removing_the_middle_of_a_range_splits_it(void **state)
{
    (void)state;
    struct gw_ranges set = SET({1, 9}, {20, 21});

    assert_int_equal(gw_ranges_remove(&set, 4, 5), 0);
    assert_set(&set, "1-3 6-9 20-21");
    gw_ranges_clear(&set);
}

static void removing_across_ranges_cuts_the_outer_two(void **state)
{
    (void)state;
    struct gw_ranges set = SET({1, 5}, {8, 9}, {12, 13}, {16, 20});

    assert_int_equal(gw_ranges_remove(&set, 4, 17), 0);
    assert_set(&set, "1-3 18-20");
    assert_int_equal(gw_ranges_remove(&set, 1, 3), 0);
    assert_set(&set, "18-20");
    assert_int_equal(gw_ranges_remove(&set, 18, 18), 0);
    assert_set(&set, "19-20");
    assert_int_equal(gw_ranges_remove(&set, 20, 20), 0);
    assert_set(&set, "19-19");
    gw_ranges_clear(&set);
}

static void removing_what_is_not_there_changes_nothing(void **state)
{
    (void)state;
    struct gw_ranges set = SET({3, 5}, {8, 9});

    assert_int_equal(gw_ranges_remove(&set, 0, 2), 0);
    assert_int_equal(gw_ranges_remove(&set, 6, 7), 0);
    assert_int_equal(gw_ranges_remove(&set, 10, END), 0);
    assert_set(&set, "3-5 8-9");
    gw_ranges_clear(&set);
}

static void trimming_forgets_what_is_below_and_keeps_the_floor(void **state)
{
    (void)state;
    struct gw_ranges set = SET({1, 3}, {5, 9}, {12, 14});

    gw_ranges_trim_below(&set, 1);
    assert_set(&set, "1-3 5-9 12-14");
    gw_ranges_trim_below(&set, 7);
    assert_set(&set, "7-9 12-14");
    gw_ranges_trim_below(&set, 10);
    assert_set(&set, "12-14");
    gw_ranges_trim_below(&set, END);
    assert_set(&set, "");
    gw_ranges_clear(&set);
}

static void the_highest_number_is_never_a_member(void **state)
{
    (void)state;
    struct gw_ranges set = SET({END - 3, END});

    assert_set(&set, "18446744073709551612-18446744073709551614");
    assert_int_equal(gw_ranges_add(&set, END, END), 0);
    assert_int_equal(gw_ranges_total(&set), 3);
    assert_false(gw_ranges_contains(&set, END));
    assert_int_equal(gw_ranges_first_gap(&set, END - 2), END);
    assert_int_equal(gw_ranges_remove(&set, END, END), 0);
    assert_int_equal(gw_ranges_total(&set), 3);
    assert_int_equal(gw_ranges_remove(&set, END - 2, END), 0);
    assert_int_equal(gw_ranges_total(&set), 1);
    gw_ranges_clear(&set);
}

static void the_whole_line_fits_in_one_set(void **state)
{
    (void)state;
    struct gw_ranges set = SET({0, END});

    assert_int_equal(gw_ranges_total(&set), END);
    assert_int_equal(gw_ranges_first_gap(&set, 0), END);
    assert_true(gw_ranges_covers(&set, 0, END - 1));
    gw_ranges_clear(&set);
}

static void covers_needs_all_and_overlaps_needs_one(void **state)
{
    (void)state;
    struct gw_ranges set = SET({3, 5}, {7, 9});

    assert_true(gw_ranges_covers(&set, 3, 5));
    assert_true(gw_ranges_covers(&set, 8, 8));
    assert_false(gw_ranges_covers(&set, 2, 5));
    assert_false(gw_ranges_covers(&set, 3, 6));
    assert_false(gw_ranges_covers(&set, 3, 9));
    assert_true(gw_ranges_overlaps(&set, 0, 3));
    assert_true(gw_ranges_overlaps(&set, 6, 7));
    assert_false(gw_ranges_overlaps(&set, 6, 6));
    assert_false(gw_ranges_overlaps(&set, 0, 2));
    assert_false(gw_ranges_overlaps(&set, 10, END));
    gw_ranges_clear(&set);
}

static void find_gives_the_range_that_holds_or_follows(void **state)
{
    (void)state;
    struct gw_ranges set = SET({3, 5}, {7, 9}, {20, 20});

    assert_int_equal(gw_ranges_find(&set, 0), 0);
    assert_int_equal(gw_ranges_find(&set, 5), 0);
    assert_int_equal(gw_ranges_find(&set, 6), 1);
    assert_int_equal(gw_ranges_find(&set, 9), 1);
    assert_int_equal(gw_ranges_find(&set, 10), 2);
    assert_int_equal(gw_ranges_find(&set, 20), 2);
    assert_int_equal(gw_ranges_find(&set, 21), 3);
    gw_ranges_clear(&set);
}

static void first_gap_skips_the_range_it_stands_in(void **state)
{
    (void)state;
    struct gw_ranges set = SET({1, 3}, {5, 9});

    assert_int_equal(gw_ranges_first_gap(&set, 0), 0);
    assert_int_equal(gw_ranges_first_gap(&set, 1), 4);
    assert_int_equal(gw_ranges_first_gap(&set, 4), 4);
    assert_int_equal(gw_ranges_first_gap(&set, 6), 10);
    assert_int_equal(gw_ranges_first_gap(&set, 11), 11);
    gw_ranges_clear(&set);
}

static struct gw_ranges walk(const struct gw_ranges *set, bool inside, uint64_t first,
                             uint64_t last)
{
    struct gw_ranges pieces = GW_RANGES_EMPTY;
    struct gw_range piece;
    uint64_t at = first;

    while (gw_ranges_next(set, inside, &at, last, &piece)) {
        assert_int_equal(at, piece.last + 1);
        assert_false(gw_ranges_overlaps(&pieces, piece.first, piece.last));
        assert_int_equal(gw_ranges_add(&pieces, piece.first, piece.last), 0);
    }
    return pieces;
}

static void a_walk_gives_the_pieces_inside_or_outside_cut_to_its_ends(void **state)
{
    (void)state;
    struct gw_ranges set = SET({1, 3}, {5, 9}, {12, 14});
    struct gw_ranges inside = walk(&set, true, 2, 12);
    struct gw_ranges outside = walk(&set, false, 2, 20);
    struct gw_ranges nothing = walk(&set, false, 5, 9);

    assert_set(&inside, "2-3 5-9 12-12");
    assert_set(&outside, "4-4 10-11 15-20");
    assert_set(&nothing, "");
    gw_ranges_clear(&set);
    gw_ranges_clear(&inside);
    gw_ranges_clear(&outside);
}

static void a_walk_to_the_end_of_the_line_ends(void **state)
{
    (void)state;
    struct gw_ranges set = SET({5, END});
    struct gw_ranges inside = walk(&set, true, 0, END);
    struct gw_ranges outside = walk(&set, false, 0, END);

    assert_set(&inside, "5-18446744073709551614");
    assert_set(&outside, "0-4");
    gw_ranges_clear(&set);
    gw_ranges_clear(&inside);
    gw_ranges_clear(&outside);
}

static void a_copy_replaces_and_is_independent(void **state)
{
    (void)state;
    struct gw_ranges from = SET({1, 3}, {5, 9});
    struct gw_ranges to = SET({2, 2}, {4, 4}, {6, 6}, {8, 8}, {10, 10});
    struct gw_ranges none = GW_RANGES_EMPTY;

    assert_int_equal(gw_ranges_copy(&to, &from), 0);
    assert_int_equal(gw_ranges_add(&from, 4, 4), 0);
    assert_set(&to, "1-3 5-9");
    assert_int_equal(gw_ranges_copy(&to, &to), 0);
    assert_set(&to, "1-3 5-9");
    assert_int_equal(gw_ranges_copy(&none, &to), 0);
    assert_set(&none, "1-3 5-9");
    gw_ranges_clear(&from);
    assert_int_equal(gw_ranges_copy(&to, &from), 0);
    assert_set(&to, "");
    gw_ranges_clear(&to);
    gw_ranges_clear(&none);
}

static void adding_a_set_is_the_union(void **state)
{
    (void)state;
    struct gw_ranges set = SET({1, 3}, {10, 12});
    struct gw_ranges other = SET({0, 0}, {4, 5}, {11, 20}, {30, 30});

    assert_int_equal(gw_ranges_add_all(&set, &other), 0);
    assert_set(&set, "0-5 10-20 30-30");
    assert_int_equal(gw_ranges_add_all(&set, &set), 0);
    assert_set(&set, "0-5 10-20 30-30");
    assert_set(&other, "0-0 4-5 11-20 30-30");
    gw_ranges_clear(&set);
    gw_ranges_clear(&other);
}

static void appending_after_the_last_range_needs_no_memory(void **state)
{
    (void)state;
    struct gw_ranges set = SET({1, 3}, {5, 9});

    memory_left = 0;
    for (uint64_t first = 10; first < 1000; first += 10)
        assert_int_equal(gw_ranges_add(&set, first, first + 9), 0);
    memory_left = SIZE_MAX;
    assert_set(&set, "1-3 5-999");
    gw_ranges_clear(&set);
}

static void a_long_run_of_new_ranges_allocates_seldom(void **state)
{
    (void)state;
    struct gw_ranges set = GW_RANGES_EMPTY;
    size_t before = memory_taken;

    for (uint64_t i = 0; i < 100000; i++)
        assert_int_equal(gw_ranges_add(&set, 3 * i, 3 * i + 1), 0);
    assert_int_equal(set.count, 100000);
    assert_true(memory_taken - before < 20);
    gw_ranges_clear(&set);
}

static void calls_that_were_reserved_for_cannot_fail(void **state)
{
    (void)state;
    struct gw_ranges set = SET({10, 99});

    assert_int_equal(gw_ranges_reserve(&set, 20), 0);
    memory_left = 0;
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(gw_ranges_add(&set, 200 + 2 * i, 200 + 2 * i), 0);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(gw_ranges_remove(&set, 20 + 2 * i, 20 + 2 * i), 0);
    memory_left = SIZE_MAX;
    assert_int_equal(set.count, 21);
    assert_true(gw_ranges_valid(&set));
    gw_ranges_clear(&set);
}

static void a_set_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    struct gw_ranges set = SET({1, 3}, {10, 19}, {30, 31}, {40, 41});
    struct gw_ranges other = SET({0, 0}, {20, 20}, {50, 50}, {60, 60}, {70, 70});

    assert_int_equal(set.count, set.capacity); /* or the failures below would not happen */
    memory_left = 0;
    assert_int_equal(gw_ranges_add(&set, 5, 5), -ENOMEM);
    assert_int_equal(gw_ranges_remove(&set, 14, 15), -ENOMEM);
    assert_int_equal(gw_ranges_add_all(&set, &other), -ENOMEM);
    assert_int_equal(gw_ranges_copy(&set, &other), -ENOMEM);
    assert_int_equal(gw_ranges_reserve(&set, 1), -ENOMEM);
    memory_left = SIZE_MAX;
    assert_set(&set, "1-3 10-19 30-31 40-41");
    gw_ranges_clear(&set);
    gw_ranges_clear(&other);
}

static void a_reserve_beyond_the_address_space_is_refused(void **state)
{
    (void)state;
    struct gw_ranges set = SET({1, 3});
    size_t before = memory_taken;

    assert_int_equal(gw_ranges_reserve(&set, SIZE_MAX), -ENOMEM);
    assert_int_equal(gw_ranges_reserve(&set, SIZE_MAX / sizeof(struct gw_range)), -ENOMEM);
    assert_int_equal(memory_taken, before);
    assert_set(&set, "1-3");
    gw_ranges_clear(&set);
}

static void valid_sees_every_kind_of_damage(void **state)
{
    (void)state;
    struct gw_range items[2] = {{1, 3}, {5, 9}};
    struct gw_ranges set = {.items = items, .count = 2, .capacity = 2};

    assert_true(gw_ranges_valid(&set));
    items[1].first = 4; /* adjacent */
    assert_false(gw_ranges_valid(&set));
    items[1] = (struct gw_range){0, 0}; /* out of order */
    assert_false(gw_ranges_valid(&set));
    items[1] = (struct gw_range){9, 8}; /* backwards */
    assert_false(gw_ranges_valid(&set));
    items[1] = (struct gw_range){5, END}; /* past the highest member */
    assert_false(gw_ranges_valid(&set));
    items[1] = (struct gw_range){5, 9};
    set.capacity = 1;
    assert_false(gw_ranges_valid(&set));
}

/* The model: one flag for each of 512 sequences from `base` on. */

#define MODEL_SIZE 512

struct model {
    uint64_t base;
    bool in[MODEL_SIZE];
};

static void model_set(struct model *model, size_t first, size_t last, bool value)
{
    for (size_t i = first; i <= last; i++)
        model->in[i] = value && model->base + i != END;
}

static size_t model_count(const struct model *model, size_t first, size_t last)
{
    size_t count = 0;

    for (size_t i = first; i <= last; i++)
        count += model->in[i];
    return count;
}

static void compare_members(const struct model *model, const struct gw_ranges *set)
{
    assert_true(gw_ranges_valid(set));
    assert_int_equal(gw_ranges_total(set), model_count(model, 0, MODEL_SIZE - 1));
    for (size_t i = 0; i < MODEL_SIZE; i++)
        assert_int_equal(gw_ranges_contains(set, model->base + i), model->in[i]);
}

static void compare_walk(const struct model *model, const struct gw_ranges *set, bool inside,
                         size_t first, size_t last)
{
    struct gw_ranges pieces = walk(set, inside, model->base + first, model->base + last);
    uint64_t expected = 0;

    for (size_t i = first; i <= last; i++) {
        bool wanted = model->in[i] == inside && model->base + i != END;
        assert_int_equal(gw_ranges_contains(&pieces, model->base + i), wanted);
        expected += wanted;
    }
    assert_int_equal(gw_ranges_total(&pieces), expected);
    gw_ranges_clear(&pieces);
}

static void compare_answers(const struct model *model, const struct gw_ranges *set, size_t first,
                            size_t last)
{
    uint64_t from = model->base + first, to = model->base + last;
    size_t members = model_count(model, first, last);
    size_t gap = first, next = first;

    assert_int_equal(gw_ranges_covers(set, from, to), members == last - first + 1);
    assert_int_equal(gw_ranges_overlaps(set, from, to), members > 0);
    while (gap < MODEL_SIZE && model->in[gap])
        gap++;
    assert_int_equal(gw_ranges_first_gap(set, from), model->base + gap);

    while (next < MODEL_SIZE && !model->in[next])
        next++;
    size_t found = gw_ranges_find(set, from);
    assert_int_equal(found < set->count, next < MODEL_SIZE);
    if (found < set->count) {
        assert_true(set->items[found].first <= model->base + next);
        assert_true(set->items[found].last >= model->base + next);
    }
    compare_walk(model, set, true, first, last);
    compare_walk(model, set, false, first, last);
}

/* One random change to both. Trimming is rare and low, or the sets would always be nearly empty. */
static void change_both(struct gw_random *random, struct model *model, struct gw_ranges *set)
{
    size_t first = gw_random_below(random, MODEL_SIZE);
    size_t last = first + gw_random_below(random, 24);
    if (last >= MODEL_SIZE)
        last = MODEL_SIZE - 1;
    uint64_t kind = gw_random_below(random, 100);

    if (kind < 49) {
        assert_int_equal(gw_ranges_add(set, model->base + first, model->base + last), 0);
        model_set(model, first, last, true);
    } else if (kind < 98) {
        assert_int_equal(gw_ranges_remove(set, model->base + first, model->base + last), 0);
        model_set(model, first, last, false);
    } else if (first > 0) {
        gw_ranges_trim_below(set, model->base + first / 4);
        if (first / 4 > 0)
            model_set(model, 0, first / 4 - 1, false);
    }
}

static void compare_with_bitmap(uint64_t base, uint64_t seed)
{
    struct gw_ranges set = GW_RANGES_EMPTY;
    struct model model = {.base = base};
    struct gw_random random;

    print_message("base %llu seed %llu\n", (unsigned long long)base, (unsigned long long)seed);
    gw_random_seed(&random, seed);
    for (int step = 0; step < 2000; step++) {
        change_both(&random, &model, &set);
        compare_members(&model, &set);
        size_t first = gw_random_below(&random, MODEL_SIZE);
        size_t last = first + gw_random_below(&random, MODEL_SIZE - first);
        compare_answers(&model, &set, first, last);
    }
    gw_ranges_clear(&set);
}

static void random_operations_agree_with_a_bitmap(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        compare_with_bitmap(0, seed);
        compare_with_bitmap(1000, seed);
        compare_with_bitmap(END - MODEL_SIZE + 1, seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_holds_nothing),
        cmocka_unit_test(ranges_are_kept_in_order_whatever_the_order_of_adding),
        cmocka_unit_test(adjacent_ranges_become_one),
        cmocka_unit_test(a_range_that_overlaps_many_swallows_them),
        cmocka_unit_test(removing_the_middle_of_a_range_splits_it),
        cmocka_unit_test(removing_across_ranges_cuts_the_outer_two),
        cmocka_unit_test(removing_what_is_not_there_changes_nothing),
        cmocka_unit_test(trimming_forgets_what_is_below_and_keeps_the_floor),
        cmocka_unit_test(the_highest_number_is_never_a_member),
        cmocka_unit_test(the_whole_line_fits_in_one_set),
        cmocka_unit_test(covers_needs_all_and_overlaps_needs_one),
        cmocka_unit_test(find_gives_the_range_that_holds_or_follows),
        cmocka_unit_test(first_gap_skips_the_range_it_stands_in),
        cmocka_unit_test(a_walk_gives_the_pieces_inside_or_outside_cut_to_its_ends),
        cmocka_unit_test(a_walk_to_the_end_of_the_line_ends),
        cmocka_unit_test(a_copy_replaces_and_is_independent),
        cmocka_unit_test(adding_a_set_is_the_union),
        cmocka_unit_test(appending_after_the_last_range_needs_no_memory),
        cmocka_unit_test(a_long_run_of_new_ranges_allocates_seldom),
        cmocka_unit_test(calls_that_were_reserved_for_cannot_fail),
        cmocka_unit_test(a_set_without_memory_stays_as_it_was),
        cmocka_unit_test(a_reserve_beyond_the_address_space_is_refused),
        cmocka_unit_test(valid_sees_every_kind_of_damage),
        cmocka_unit_test(random_operations_agree_with_a_bitmap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
