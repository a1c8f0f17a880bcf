/* SPDX-License-Identifier: MPL-2.0 */

/* The book of key versions: it may report a change too many, never one too few. */

#include "failing_memory.h"

#include "core/versions.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_write_after_the_read_is_a_change(void **state)
{
    struct gw_versions versions;

    (void)state;
    gw_versions_init(&versions, 8);
    assert_false(gw_versions_changed(&versions, 1, 0)); /* nothing was ever written */
    gw_versions_wrote(&versions, 1, 5);
    assert_true(gw_versions_changed(&versions, 1, 4));
    assert_false(gw_versions_changed(&versions, 1, 5));
    assert_false(gw_versions_changed(&versions, 2, 4));
    gw_versions_wrote(&versions, 1, 7);
    assert_true(gw_versions_changed(&versions, 1, 6));
    gw_versions_wrote(&versions, 0, 8); /* a hash of 0 is a hash like any other */
    assert_true(gw_versions_changed(&versions, 0, 7));
    assert_false(gw_versions_changed(&versions, 0, 8));
    gw_versions_wrote(&versions, 3, 6); /* one that was stamped before and told later */
    assert_true(gw_versions_changed(&versions, 3, 5));
    assert_false(gw_versions_changed(&versions, 3, 6));
    gw_versions_clear(&versions);
}

static void forgetting_reports_changes_and_hides_none(void **state)
{
    struct gw_versions versions;
    uint64_t newest[64] = {0};

    (void)state;
    gw_versions_init(&versions, 16);
    for (uint64_t stamp = 1; stamp <= 5000; stamp++) {
        uint64_t key = (stamp * 2654435761u >> 7) % 64;

        gw_versions_wrote(&versions, key * 8, stamp); /* so that places collide */
        newest[key] = stamp;
        for (uint64_t k = 0; k < 64; k++) {
            if (newest[k] > 0)
                assert_true(gw_versions_changed(&versions, k * 8, newest[k] - 1));
            /* what is read now is never called changed: work goes on */
            assert_false(gw_versions_changed(&versions, k * 8, stamp));
        }
        assert_true(versions.young.count + versions.old.count <= 16);
    }
    /* a key that is in the book is known exactly */
    gw_versions_wrote(&versions, 3, 6000);
    gw_versions_wrote(&versions, 5, 6001);
    assert_false(gw_versions_changed(&versions, 3, 6000));
    gw_versions_clear(&versions);
}

static void without_memory_everything_counts_as_changed(void **state)
{
    struct gw_versions versions;

    (void)state;
    gw_versions_init(&versions, 8);
    memory_left = 0;
    gw_versions_wrote(&versions, 1, 5);
    memory_left = SIZE_MAX;
    assert_true(gw_versions_changed(&versions, 1, 4));
    assert_true(gw_versions_changed(&versions, 2, 4));
    assert_false(gw_versions_changed(&versions, 2, 5));
    gw_versions_clear(&versions);
}

static void the_hash_tells_spaces_and_keys_apart(void **state)
{
    (void)state;
    assert_true(gw_versions_hash("a", "bc", 2) != gw_versions_hash("ab", "c", 1));
    assert_true(gw_versions_hash("a", "b", 1) != gw_versions_hash("a", "b\0", 2));
    assert_true(gw_versions_hash("a", "b", 1) == gw_versions_hash("a", "b", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_after_the_read_is_a_change),
        cmocka_unit_test(forgetting_reports_changes_and_hides_none),
        cmocka_unit_test(without_memory_everything_counts_as_changed),
        cmocka_unit_test(the_hash_tells_spaces_and_keys_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
