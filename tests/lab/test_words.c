/* SPDX-License-Identifier: MPL-2.0 */
/* Times, sizes, commands and substitutions of a scenario. */

#include "words.h"

#include "scenario.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void times_have_units_and_decimals(void **state)
{
    static const struct {
        const char *text;
        uint64_t us;
    } good[] = {{"0", 0},
                {"2", 2000000},
                {"2.5", 2500000},
                {"0.000001", 1},
                {"10us", 10},
                {"1.5ms", 1500},
                {"500ms", 500000},
                {"1s", 1000000},
                {"2m", 120000000},
                {"1h", UINT64_C(3600000000)},
                {"30d", LAB_SECONDS_MAX * UINT64_C(1000000)}};
    static const char *const bad[] = {"",    "s",    ".5",      "1.",  "-1", "+1",   "1 s",
                                      "1sec", "1.5.", "1e3",     "0x1", "1S", "nan",  "31d",
                                      "1y",  "2..3", "99999999999999999999", "0.1234567"};
    uint64_t us;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(lab_read_time(good[i].text, &us));
        assert_int_equal(us, good[i].us);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (lab_read_time(bad[i], &us))
            fail_msg("`%s` was read as a time", bad[i]);
}

static void spans_go_up(void **state)
{
    struct lab_span span;

    (void)state;
    assert_true(lab_read_span("100ms..1s", &span));
    assert_int_equal(span.low_us, 100000);
    assert_int_equal(span.high_us, 1000000);
    assert_true(lab_read_span("3", &span));
    assert_true(span.low_us == 3000000 && span.high_us == 3000000);
    assert_false(lab_read_span("1s..100ms", &span));
    assert_false(lab_read_span("1s..", &span));
    assert_false(lab_read_span("..1s", &span));
    assert_false(lab_read_span("1s...2s", &span));
    assert_false(lab_read_span("0000000000000000000000000000000000001..2", &span));
}

static void sizes_and_shifts(void **state)
{
    uint64_t bytes;
    int64_t us;

    (void)state;
    assert_true(lab_read_size("64k", &bytes) && bytes == 65536);
    assert_true(lab_read_size("7", &bytes) && bytes == 7);
    assert_true(lab_read_size("2G", &bytes) && bytes == UINT64_C(1) << 31);
    assert_false(lab_read_size("2T", &bytes) || lab_read_size("", &bytes));
    assert_false(lab_read_size("18446744073709551616", &bytes));
    assert_true(lab_read_shift("+10y", &us) && us == INT64_C(315576000000000));
    assert_true(lab_read_shift("-1ms", &us) && us == -1000);
    assert_false(lab_read_shift("1s", &us) || lab_read_shift("+101y", &us));
    int error;
    assert_true(lab_read_errno("EIO", &error) && error == EIO);
    assert_false(lab_read_errno("EWHAT", &error));
}

static void times_are_printed_short(void **state)
{
    char text[LAB_TIME_SIZE];

    (void)state;
    assert_string_equal(lab_time_text(text, 12), "12 us");
    assert_string_equal(lab_time_text(text, 500000), "500 ms");
    assert_string_equal(lab_time_text(text, 20000000), "20 s");
    assert_string_equal(lab_time_text(text, 1234000), "1.23 s");
}

static void assert_words(const char *text, const char *const *expected)
{
    const char *why;
    char **words = lab_words_split(text, &why);

    assert_non_null(words);
    size_t i = 0;
    for (; expected[i]; i++)
        assert_string_equal(words[i], expected[i]);
    assert_null(words[i]);
    lab_words_free(words);
}

static void commands_are_cut_as_in_a_shell(void **state)
{
    const char *why;

    (void)state;
    assert_words("a", (const char *[]){"a", NULL});
    assert_words("  a\tbc   d ", (const char *[]){"a", "bc", "d", NULL});
    assert_words("sh -c 'exec \"$0\" a' x",
                 (const char *[]){"sh", "-c", "exec \"$0\" a", "x", NULL});
    assert_words("a\"b c\"d '' \"\"", (const char *[]){"ab cd", "", "", NULL});
    assert_words("a\\ b \"\\\"\\\\\\n\" '\\'", (const char *[]){"a b", "\"\\\\n", "\\", NULL});
    assert_null(lab_words_split("a 'b", &why));
    assert_string_equal(why, "a quote is not closed");
    assert_null(lab_words_split(" ", &why));
    assert_string_equal(why, "there is no command");
    assert_null(lab_words_split("'' a", &why));
}

static const char *value(void *context, const char *name)
{
    assert_ptr_equal(context, (void *)1);
    if (strcmp(name, "dir") == 0)
        return "/d";
    return strcmp(name, "direct:w-1.x") == 0 ? "tcp://1" : NULL;
}

static void assert_filled(const char *word, const char *expected)
{
    char *text = lab_places_fill(word, value, (void *)1);

    if (!expected) {
        assert_null(text);
        return;
    }
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void places_are_filled_and_braces_kept(void **state)
{
    (void)state;
    assert_filled("", "");
    assert_filled("plain", "plain");
    assert_filled("{dir}", "/d");
    assert_filled("a{dir}b{direct:w-1.x}", "a/dbtcp://1");
    assert_filled("{{dir}}", "{dir}}");
    assert_filled("{{{dir}", "{/d");
    assert_filled("{ print $1 } {} {", "{ print $1 } {} {");
    assert_filled("{dir}{nobody}", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_have_units_and_decimals),
        cmocka_unit_test(spans_go_up),
        cmocka_unit_test(sizes_and_shifts),
        cmocka_unit_test(times_are_printed_short),
        cmocka_unit_test(commands_are_cut_as_in_a_shell),
        cmocka_unit_test(places_are_filled_and_braces_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
