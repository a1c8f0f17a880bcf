/* SPDX-License-Identifier: MPL-2.0 */

/* Lists whose links live in their items. */

#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct thing {
    struct thing *next, **here;
};

static struct thing things[3];
static struct thing *first;

static int three(void **state)
{
    (void)state;
    first = NULL;
    for (size_t i = 0; i < 3; i++)
        gw_list_push(&first, &things[i], next, here);
    return 0;
}

static void assert_list(const struct thing *a, const struct thing *b)
{
    const struct thing *expected[] = {a, b, NULL};
    const struct thing *at = first;

    for (size_t i = 0; expected[i]; i++, at = at->next)
        assert_ptr_equal(at, expected[i]);
    assert_null(at);
}

static void what_is_pushed_stands_before_all_others(void **state)
{
    (void)state;
    assert_ptr_equal(first, &things[2]);
    assert_ptr_equal(things[2].next, &things[1]);
    assert_ptr_equal(things[1].next, &things[0]);
    assert_null(things[0].next);
}

static void an_item_leaves_from_any_place(void **state)
{
    (void)state;
    gw_list_remove(&things[1], next, here);
    assert_list(&things[2], &things[0]);
    gw_list_remove(&things[2], next, here);
    assert_list(&things[0], NULL);
    gw_list_push(&first, &things[1], next, here);
    gw_list_remove(&things[0], next, here);
    assert_list(&things[1], NULL);
    gw_list_remove(&things[1], next, here);
    assert_list(NULL, NULL);
}

static void an_item_may_leave_and_come_back(void **state)
{
    (void)state;
    gw_list_leave(&things[0], next, here);
    assert_list(&things[2], &things[1]);
    assert_null(things[0].here);
    gw_list_leave(&things[2], next, here);
    gw_list_push(&first, &things[0], next, here);
    assert_list(&things[0], &things[1]);
}

static void an_item_that_is_in_no_list_leaves_none(void **state)
{
    (void)state;
    struct thing stranger = {NULL, NULL};

    gw_list_remove(&stranger, next, here);
    gw_list_remove(&things[1], next, here);
    gw_list_remove(&things[1], next, here);
    assert_list(&things[2], &things[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_pushed_stands_before_all_others, three),
        cmocka_unit_test_setup(an_item_leaves_from_any_place, three),
        cmocka_unit_test_setup(an_item_may_leave_and_come_back, three),
        cmocka_unit_test_setup(an_item_that_is_in_no_list_leaves_none, three),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
