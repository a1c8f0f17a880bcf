/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"

static void texts_are_joined_in_order(void **state)
{
    (void)state;
    char out[32];
    gw_text_join(out, sizeof out, "a", "", "bc", NULL);
    assert_string_equal(out, "abc");
}

static void what_does_not_fit_is_cut_and_terminated(void **state)
{
    (void)state;
    char out[4] = {'x', 'x', 'x', 'x'};
    gw_text_join(out, sizeof out, "ab", "cdef", "g", NULL);
    assert_string_equal(out, "abc");
}

static void no_room_at_all_writes_nothing(void **state)
{
    (void)state;
    char out[1] = {'x'};
    gw_text_join(out, 0, "a", NULL);
    assert_int_equal(out[0], 'x');
    gw_text_join(out, 1, "a", NULL);
    assert_int_equal(out[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_joined_in_order),
        cmocka_unit_test(what_does_not_fit_is_cut_and_terminated),
        cmocka_unit_test(no_room_at_all_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
