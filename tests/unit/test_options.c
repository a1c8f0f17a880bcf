/* SPDX-License-Identifier: MPL-2.0 */

/* What callers name: the same name read again, as the fast way, gives what it gave the first time,
 * whatever was named between. */

#include "peer/error.h"
#include "peer/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void is_named(const char *text, enum gw_kind kind, const char *name)
{
    struct gw_destination destination;

    memset(&destination, 'x', sizeof destination);
    assert_int_equal(gw_check_destination(text, &destination), GODWIT_OK);
    assert_int_equal(destination.kind, kind);
    assert_string_equal(destination.name, name);
}

static void is_refused(const char *text)
{
    struct gw_destination destination;

    assert_int_equal(gw_check_destination(text, &destination), GODWIT_EINVAL);
}

static void a_destination_is_read_the_same_again(void **state)
{
    (void)state;
    is_refused(""); /* nothing was named yet */
    for (int i = 0; i < 3; i++) {
        is_named("stage:a", GW_KIND_STAGE, "a");
        is_named("stage:a", GW_KIND_STAGE, "a");
        is_named("service:a", GW_KIND_SERVICE, "a");
        is_named("stage:ab", GW_KIND_STAGE, "ab");
    }
}

static void what_is_refused_is_not_remembered(void **state)
{
    static const char *const bad[] = {"", "stage:", "stage:A", "stage:a ", "stages:a", "stage"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        is_named("stage:a", GW_KIND_STAGE, "a");
        is_refused(bad[i]);
        is_refused(bad[i]);
        is_named("stage:a", GW_KIND_STAGE, "a");
    }
    is_refused(NULL);
}

/* The caller's bytes are looked at, not where they lie. */
static void a_buffer_may_be_used_again(void **state)
{
    char text[100] = "stage:first", longest[65];

    (void)state;
    is_named(text, GW_KIND_STAGE, "first");
    strcpy(text, "stage:other");
    is_named(text, GW_KIND_STAGE, "other");
    memset(longest, 'z', 64);
    longest[64] = '\0';
    snprintf(text, sizeof text, "service:%s", longest);
    is_named(text, GW_KIND_SERVICE, longest);
    is_named(text, GW_KIND_SERVICE, longest);
    strcat(text, "z");
    is_refused(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_destination_is_read_the_same_again),
        cmocka_unit_test(what_is_refused_is_not_remembered),
        cmocka_unit_test(a_buffer_may_be_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
