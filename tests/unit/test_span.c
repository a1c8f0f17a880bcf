/* SPDX-License-Identifier: MPL-2.0 */
/* Ranges that carry facts: cutting keeps what lies beside the cut, and the order. */

#include "core/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct fact {
    struct gw_span span;
    int value;
};

static void add(struct gw_index *index, uint64_t first, uint64_t last, int value)
{
    struct fact *fact = malloc(sizeof *fact);
    assert_non_null(fact);
    *fact = (struct fact){{first, last, sizeof *fact}, value};
    assert_int_equal(gw_index_add(index, first, fact), 0);
}

static void assert_fact(const struct gw_index *index, size_t at, uint64_t first, uint64_t last,
                        int value)
{
    assert_true(at < index->count);
    const struct fact *fact = gw_index_at(index, at);
    assert_int_equal(fact->span.first, first);
    assert_int_equal(fact->span.last, last);
    assert_int_equal(fact->value, value);
    assert_int_equal(gw_index_find(index, first), at);
}

static void a_cut_through_the_middle_leaves_two_with_the_same_fact(void **state)
{
    (void)state;
    struct gw_index index = {0};
    add(&index, 10, 20, 1);
    add(&index, 30, 40, 2);
    assert_int_equal(gw_spans_cut(&index, 13, 15), 0);
    assert_fact(&index, 0, 10, 12, 1);
    assert_fact(&index, 1, 16, 20, 1);
    assert_fact(&index, 2, 30, 40, 2);
    gw_spans_clear(&index);
}

static void a_cut_over_several_trims_the_ends_and_takes_those_between(void **state)
{
    (void)state;
    struct gw_index index = {0};
    add(&index, 1, 5, 1);
    add(&index, 6, 8, 2);
    add(&index, 10, 12, 3);
    add(&index, 20, 29, 4);
    add(&index, 30, 31, 5);
    assert_int_equal(gw_spans_cut(&index, 4, 22), 0);
    assert_int_equal(index.count, 3);
    assert_fact(&index, 0, 1, 3, 1);
    assert_fact(&index, 1, 23, 29, 4);
    assert_fact(&index, 2, 30, 31, 5);
    gw_spans_clear(&index);
}

static void what_lies_outside_is_left_alone(void **state)
{
    (void)state;
    struct gw_index index = {0};
    assert_int_equal(gw_spans_cut(&index, 1, 100), 0);
    add(&index, 10, 20, 1);
    assert_int_equal(gw_spans_cut(&index, 1, 9), 0);
    assert_int_equal(gw_spans_cut(&index, 21, 100), 0);
    assert_fact(&index, 0, 10, 20, 1);
    assert_int_equal(gw_spans_cut(&index, 10, 20), 0);
    assert_int_equal(index.count, 0);
    gw_spans_clear(&index);
}

static void finding_gives_the_first_that_reaches_a_sequence(void **state)
{
    (void)state;
    struct gw_index index = {0};
    assert_int_equal(gw_spans_find(&index, 1), 0);
    add(&index, 10, 20, 1);
    add(&index, 30, 40, 2);
    assert_int_equal(gw_spans_find(&index, 5), 0);
    assert_int_equal(gw_spans_find(&index, 20), 0);
    assert_int_equal(gw_spans_find(&index, 21), 1);
    assert_int_equal(gw_spans_find(&index, 40), 1);
    assert_int_equal(gw_spans_find(&index, 41), 2);
    gw_spans_clear(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_through_the_middle_leaves_two_with_the_same_fact),
        cmocka_unit_test(a_cut_over_several_trims_the_ends_and_takes_those_between),
        cmocka_unit_test(what_lies_outside_is_left_alone),
        cmocka_unit_test(finding_gives_the_first_that_reaches_a_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
