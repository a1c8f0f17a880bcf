/* SPDX-License-Identifier: MPL-2.0 */
/* Pictures of results: whole, and without end none. */

#include "common/plot.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define POINTS 3

static const double x[POINTS] = {1, 10, 100};

/* What is drawn; to be freed. */
static char *drawn(const struct plot *plot)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    alarm(30); /* a loop without end is a failure, too */
    assert_int_equal(plot_write(plot, out), 0);
    alarm(0);
    assert_int_equal(fclose(out), 0);
    return text;
}

static unsigned times(const char *text, const char *what)
{
    unsigned count = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        count++;
    return count;
}

/* Where the nth name of a line stands. */
static double height_of(const char *text, const char *name)
{
    char line[32];
    snprintf(line, sizeof(line), "'>%s</text>", name);
    const char *at = strstr(text, line);
    assert_non_null(at);
    while (strncmp(at, " y='", 4) != 0)
        at--;
    return strtod(at + 4, NULL);
}

static struct plot plot_of(const struct plot_panel *panel)
{
    return (struct plot){.title = "t",
                         .x_title = "x",
                         .x = x,
                         .count = POINTS,
                         .panels = panel,
                         .panel_count = 1,
                         .columns = 1};
}

static void names_of_lines_that_end_together_stand_apart(void **state)
{
    (void)state;
    static const char *const names[PLOT_SERIES_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    double y[PLOT_SERIES_MAX][POINTS];
    for (unsigned seed = 1; seed <= 2000; seed++) {
        struct plot_panel panel = {.title = "t", .log_y = true, .series_count = PLOT_SERIES_MAX};
        struct plot plot = plot_of(&panel);
        for (size_t i = 0; i < PLOT_SERIES_MAX; i++) {
            for (size_t j = 0; j < POINTS; j++)
                y[i][j] = 1 + (double)((seed * 7919 + i * 104729 + j) % 1000) / 50;
            panel.series[i] = (struct plot_series){names[i], y[i]};
        }
        char *text = drawn(&plot);
        for (size_t i = 0; i < PLOT_SERIES_MAX; i++) {
            for (size_t j = 0; j < i; j++) {
                double apart = height_of(text, names[i]) - height_of(text, names[j]);
                assert_true(apart > 13 || apart < -13);
            }
        }
        free(text);
    }
}

static void what_has_no_value_has_no_point(void **state)
{
    (void)state;
    const double y[POINTS] = {-1, 5, 6};
    struct plot_panel panel = {.title = "t", .series = {{"a", y}}, .series_count = 1};
    struct plot plot = plot_of(&panel);
    char *text = drawn(&plot);
    assert_int_equal(times(text, "<circle"), 2);
    assert_non_null(strstr(text, "</svg>\n"));
    free(text);
}

static void each_bar_has_its_name_and_its_number(void **state)
{
    (void)state;
    const struct plot_bar list[] = {{"raw", 2345678, 2000000, 2500000}, {"godwit", 0, 0, 0}};
    const struct plot_bars bars = {"messages/s", list, 2};
    struct plot plot = {.title = "t", .bars = &bars};
    char *text = drawn(&plot);
    assert_int_equal(times(text, "<rect fill"), 2);
    assert_non_null(strstr(text, ">raw<"));
    assert_non_null(strstr(text, ">2.346M<"));
    assert_non_null(strstr(text, ">godwit<"));
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    free(text);
}

static void a_stream_that_fails_is_told(void **state)
{
    (void)state;
    const struct plot_bar one = {"raw", 1, 1, 1};
    const struct plot_bars bars = {"messages/s", &one, 1};
    struct plot plot = {.title = "t", .bars = &bars};
    FILE *out = fopen("/dev/full", "w");
    assert_non_null(out);
    assert_true(plot_write(&plot, out) < 0);
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_lines_that_end_together_stand_apart),
        cmocka_unit_test(what_has_no_value_has_no_point),
        cmocka_unit_test(each_bar_has_its_name_and_its_number),
        cmocka_unit_test(a_stream_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
