/* SPDX-License-Identifier: MPL-2.0 */

/* The references that a write changes: every key is found, and none at the cost of all others. */

#include "store/change.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define KEYS 20000u

static uint32_t names[KEYS];

static struct gw_slice key_of(uint32_t number)
{
    names[number] = number * 2654435761u;
    return (struct gw_slice){(const uint8_t *)&names[number], sizeof names[number]};
}

static void add_all(struct gw_changes *changes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_null(gw_changes_find(changes, key_of(i)));
        struct gw_change *change = gw_changes_add(changes, key_of(i));
        assert_non_null(change);
        assert_false(change->had || change->has);
        change->now.offset = i;
    }
}

static void each_key_is_found_with_what_was_said_of_it(void **state)
{
    struct gw_changes changes = {0};

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        add_all(&changes, 1000u >> round);
        for (uint32_t i = 0; i < 1000u; i++) {
            struct gw_change *change = gw_changes_find(&changes, key_of(i));
            if (i >= 1000u >> round)
                assert_null(change);
            else
                assert_int_equal(change->now.offset, i);
        }
        gw_changes_reset(&changes);
        assert_null(gw_changes_find(&changes, key_of(0)));
    }
    gw_changes_clear(&changes);
}

/* Twenty times as many keys are twenty times the work, not four hundred times. */
static void looking_costs_the_same_among_many(void **state)
{
    struct gw_changes changes = {0};

    (void)state;
    add_all(&changes, KEYS / 20);
    uint64_t few = changes.looks;
    gw_changes_reset(&changes);
    changes.looks = 0;
    add_all(&changes, KEYS);
    print_message("%u keys: %u looks; %u keys: %u\n", KEYS / 20, (unsigned)few, KEYS,
                  (unsigned)changes.looks);
    assert_true(changes.looks < 2 * KEYS);
    gw_changes_clear(&changes);
}

static void one_without_a_key_is_not_found(void **state)
{
    struct gw_changes changes = {0};
    struct gw_slice none = {0};

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_non_null(gw_changes_add(&changes, none));
    assert_null(gw_changes_find(&changes, none));
    assert_null(gw_changes_find(&changes, key_of(1)));
    assert_int_equal(changes.count, 100);
    assert_int_equal(changes.looks, 0);
    gw_changes_clear(&changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_is_found_with_what_was_said_of_it),
        cmocka_unit_test(looking_costs_the_same_among_many),
        cmocka_unit_test(one_without_a_key_is_not_found),
    };

    return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
