/* SPDX-License-Identifier: MPL-2.0 */

/* Holds docs/counters.md against the counters that there are: the same names, in the same order,
 * saying the same. */

#include "core/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DOCUMENT GODWIT_SOURCE_DIR "/docs/counters.md"

static const char *const names[] = {
#define X(name, text) #name,
    GW_COUNTERS(X)
#undef X
};

static const char *const texts[] = {
#define X(name, text) text,
    GW_COUNTERS(X)
#undef X
};

static void the_page_lists_the_counters(void **state)
{
    FILE *file = fopen(DOCUMENT, "r");
    char line[512], expected[512];
    size_t at = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "| `", 3) != 0)
            continue;
        if (at == GW_COUNTER_COUNT)
            fail_msg("%s has a row too many: %s", DOCUMENT, line);
        snprintf(expected, sizeof expected, "| `%s` | %s |\n", names[at], texts[at]);
        if (strcmp(line, expected) != 0)
            fail_msg("%s is not what src/core/counters.h says.\n  there: %s  here:  %s", DOCUMENT,
                     line, expected);
        at++;
    }
    fclose(file);
    if (at < GW_COUNTER_COUNT)
        fail_msg("%s lacks `%s`", DOCUMENT, names[at]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_lists_the_counters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
