/* SPDX-License-Identifier: MPL-2.0 */
/* Pointers sorted by their first sequence: a queue that is searched. */

#include "core/index.h"

#include <errno.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static char value[64]; /* value[i] stands for an item that begins at 10 * i */

static uint64_t first_of(const void *item)
{
    return (uint64_t)((const char *)item - value) * 10;
}

static void add(struct gw_index *index, size_t i)
{
    assert_int_equal(gw_index_add(index, i * 10, &value[i]), 0);
}

static void assert_sorted(const struct gw_index *index)
{
    for (size_t at = 0; at < index->count; at++) {
        assert_int_equal(index->items[index->head + at].first, first_of(gw_index_at(index, at)));
        if (at)
            assert_true(first_of(gw_index_at(index, at - 1)) < first_of(gw_index_at(index, at)));
    }
}

static void an_empty_index_finds_nothing(void **state)
{
    (void)state;
    struct gw_index index = {0};
    assert_int_equal(gw_index_find(&index, 0), index.count);
    assert_int_equal(gw_index_find(&index, UINT64_MAX), index.count);
    gw_index_clear(&index);
}

static void finding_gives_the_last_item_that_begins_at_or_before(void **state)
{
    (void)state;
    struct gw_index index = {0};
    add(&index, 1);
    add(&index, 2);
    add(&index, 4);
    assert_int_equal(gw_index_find(&index, 9), 3); /* none */
    assert_int_equal(gw_index_find(&index, 10), 0);
    assert_int_equal(gw_index_find(&index, 19), 0);
    assert_int_equal(gw_index_find(&index, 20), 1);
    assert_int_equal(gw_index_find(&index, 39), 1);
    assert_int_equal(gw_index_find(&index, 40), 2);
    assert_int_equal(gw_index_find(&index, UINT64_MAX), 2);
    gw_index_clear(&index);
}

static void items_added_in_any_order_are_sorted(void **state)
{
    (void)state;
    static const size_t order[] = {5, 1, 9, 3, 7, 0, 8, 2, 6, 4};
    struct gw_index index = {0};
    for (size_t i = 0; i < 10; i++)
        add(&index, order[i]);
    assert_int_equal(index.count, 10);
    assert_sorted(&index);
    gw_index_clear(&index);
}

static void removing_from_head_middle_and_tail_keeps_the_others(void **state)
{
    (void)state;
    struct gw_index index = {0};
    for (size_t i = 0; i < 6; i++)
        add(&index, i);
    gw_index_remove_at(&index, 0);
    gw_index_remove_at(&index, 2); /* 30 */
    gw_index_remove_at(&index, index.count - 1);
    assert_int_equal(index.count, 3);
    assert_sorted(&index);
    assert_ptr_equal(gw_index_at(&index, 0), &value[1]);
    assert_ptr_equal(gw_index_at(&index, 1), &value[2]);
    assert_ptr_equal(gw_index_at(&index, 2), &value[4]);
    gw_index_clear(&index);
}

static void an_item_below_the_head_can_be_added_after_removals(void **state)
{
    (void)state;
    struct gw_index index = {0};
    for (size_t i = 0; i < 5; i++)
        add(&index, i);
    gw_index_remove_at(&index, 0);
    gw_index_remove_at(&index, 0);
    add(&index, 1);
    assert_ptr_equal(gw_index_at(&index, 0), &value[1]);
    assert_int_equal(gw_index_find(&index, 15), 0);
    assert_sorted(&index);
    gw_index_clear(&index);
}

static void a_queue_that_moves_on_does_not_grow(void **state)
{
    (void)state;
    struct gw_index index = {0};
    for (uint64_t i = 0; i < 10000; i++) {
        assert_int_equal(gw_index_add(&index, i, &value[i % 64]), 0);
        if (index.count > 8)
            gw_index_remove_at(&index, 0);
    }
    assert_int_equal(index.count, 8);
    assert_true(index.capacity <= 32);
    assert_int_equal(gw_index_find(&index, 9992), 0);
    gw_index_clear(&index);
}

static void a_cleared_index_can_be_used_again(void **state)
{
    (void)state;
    struct gw_index index = {0};
    add(&index, 3);
    gw_index_clear(&index);
    assert_int_equal(index.count, 0);
    add(&index, 1);
    assert_int_equal(gw_index_find(&index, 10), 0);
    gw_index_clear(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_index_finds_nothing),
        cmocka_unit_test(finding_gives_the_last_item_that_begins_at_or_before),
        cmocka_unit_test(items_added_in_any_order_are_sorted),
        cmocka_unit_test(removing_from_head_middle_and_tail_keeps_the_others),
        cmocka_unit_test(an_item_below_the_head_can_be_added_after_removals),
        cmocka_unit_test(a_queue_that_moves_on_does_not_grow),
        cmocka_unit_test(a_cleared_index_can_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
