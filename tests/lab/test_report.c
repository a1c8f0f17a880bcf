/* SPDX-License-Identifier: MPL-2.0 */
/* The page and the JSON of a run: they say what happened, need nothing from elsewhere, and what
 * processes print cannot become a part of the page. */

#include "report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char scenario_text[] = "about = Two & <three>\n"
                                    "processes\n"
                                    "    worker = true --bind {endpoint} --dir {dir}\n"
                                    "    sender = true --connect {worker}\n";

struct run {
    struct lab_scenario *scenario;
    struct lab_result result;
    char *page;
    size_t size;
};

static void begin(struct run *run)
{
    struct lab_mistake mistake;

    *run = (struct run){0};
    run->scenario =
        lab_scenario_parse("a/run.zpl", scenario_text, strlen(scenario_text), &mistake);
    assert_non_null(run->scenario);
    assert_int_equal(lab_timeline_init(&run->result.timeline, 2), 0);
    run->result.seed = 7;
    run->result.took_us = 2000000;
    run->result.verdict.passed = true;
}

static void end(struct run *run)
{
    free(run->page);
    lab_timeline_clear(&run->result.timeline);
    lab_scenario_free(&run->scenario);
}

static const char *told(struct run *run, int (*report)(const struct lab_scenario *scenario,
                                                       const struct lab_result *result, FILE *out))
{
    free(run->page);
    FILE *out = open_memstream(&run->page, &run->size);
    assert_non_null(out);
    assert_int_equal(report(run->scenario, &run->result, out), 0);
    fclose(out);
    return run->page;
}

static size_t times(const char *text, const char *what)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

static void the_page_says_what_was_broken_and_how_to_repeat_it(void **state)
{
    struct run run;

    (void)state;
    begin(&run);
    run.result.end = LAB_BROKEN;
    run.result.verdict.lost = 3;
    run.result.verdict.accepted = 90;
    strcpy(run.result.verdict.first[0], "message 5 of sender");
    const char *page = told(&run, lab_report_html);
    assert_non_null(strstr(page, "<td>lost</td><td class=\"n bad\">3</td><td class=\"n\">90</td>"));
    assert_non_null(strstr(page, "the first: message 5 of sender"));
    assert_non_null(strstr(page, "<td>repeated</td><td class=\"n good\">0</td>"));
    assert_non_null(strstr(page, "<td>reordered</td><td class=\"n\">-</td>"));
    assert_non_null(strstr(page, "godwit lab run a/run.zpl --seed 7"));
    end(&run);
}

static void the_page_needs_nothing_from_elsewhere(void **state)
{
    struct run run;

    (void)state;
    begin(&run);
    const char *page = told(&run, lab_report_html);
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "src="));
    assert_null(strstr(page, "href="));
    assert_null(strstr(page, "url("));
    assert_null(strstr(page, "@import"));
    end(&run);
}

static void what_a_process_prints_is_shown_and_does_nothing(void **state)
{
    struct run run;

    (void)state;
    begin(&run);
    lab_timeline_add(&run.result.timeline, 10, LAB_EVENT_OUTPUT, 0, -1, "%s",
                     "<script>alert(\"1\")</script>\x1b[0m\xff");
    lab_timeline_add(&run.result.timeline, 20, LAB_EVENT_FAULT, -1, 0, "%s", "</title>\"&");
    const char *page = told(&run, lab_report_html);
    assert_null(strstr(page, "<script"));
    assert_non_null(strstr(page, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;?[0m?"));
    assert_int_equal(times(page, "&lt;/title&gt;&quot;&amp;"), 2); /* in picture and table */
    assert_non_null(strstr(page, "Two &amp; &lt;three&gt;"));
    assert_null(strstr(page, "<three>"));
    end(&run);
}

static void each_life_fault_and_recovery_is_drawn(void **state)
{
    struct run run;
    struct lab_recovery recovery = {.at_us = 900000, .took_us = 100000};

    (void)state;
    begin(&run);
    struct lab_timeline *timeline = &run.result.timeline;
    lab_timeline_add(timeline, 0, LAB_EVENT_START, 0, -1, "starts");
    recovery.event = lab_timeline_add(timeline, 500000, LAB_EVENT_FAULT, 0, -1, "kill worker");
    lab_timeline_lasts(timeline, recovery.event);
    lab_timeline_add(timeline, 500000, LAB_EVENT_END, 0, -1, "ended");
    lab_timeline_over(timeline, recovery.event, 900000);
    lab_timeline_add(timeline, 900000, LAB_EVENT_START, 0, -1, "starts again");
    lab_timeline_add(timeline, 1000000, LAB_EVENT_FAULT, -1, 0, "cut sender-worker");
    lab_timeline_count(timeline, 100000, 0, LAB_COUNT_PROCESSED, 50);
    run.result.recoveries = &recovery;
    run.result.recovery_count = 1;
    const char *page = told(&run, lab_report_html);
    assert_int_equal(times(page, "class=\"life\""), 2);
    assert_int_equal(times(page, "<rect class=\"fault\""), 1); /* it lasts */
    assert_int_equal(times(page, "<path class=\"mark\""), 1);  /* an instant */
    assert_int_equal(times(page, "class=\"recovery\""), 1);
    assert_int_equal(times(page, "class=\"processed\""), 1); /* the curve of all */
    assert_int_equal(times(page, "class=\"processed area\""), 1);
    /* 960 columns are 2 s: the first life ends at 0.5 s */
    assert_non_null(strstr(page, "<rect class=\"life\" x=\"150.0\" y=\"194\" width=\"240.0\""));
    end(&run);
}

static void a_page_of_a_long_run_stays_short(void **state)
{
    struct run run;

    (void)state;
    begin(&run);
    for (uint64_t i = 0; i < 20000; i++)
        lab_timeline_add(&run.result.timeline, i * 100, LAB_EVENT_FAULT, 0, -1, "kill worker");
    const char *page = told(&run, lab_report_html);
    assert_int_equal(times(page, "<path class=\"mark\""), 4000);
    assert_non_null(strstr(page, "15000 more are not shown"));
    assert_true(run.size < 2000000);
    end(&run);
}

static void the_numbers_are_one_json_object(void **state)
{
    struct run run;

    (void)state;
    begin(&run);
    run.result.end = LAB_BROKEN;
    strcpy(run.result.why, "a \"broken\" one\\\n");
    run.result.verdict.repeated = 2;
    strcpy(run.result.verdict.first[1], "twice");
    lab_timeline_add(&run.result.timeline, 1500, LAB_EVENT_FAULT, 1, -1, "stop sender");
    lab_timeline_add(&run.result.timeline, 1600, LAB_EVENT_OUTPUT, 1, -1, "of no interest");
    const char *json = told(&run, lab_report_json);
    assert_int_equal(json[0], '{');
    assert_string_equal(json + run.size - 2, "}\n");
    assert_non_null(strstr(json, "\"why\": \"a \\\"broken\\\" one\\\\\\u000a\""));
    assert_non_null(strstr(json, "\"repeated\": {\"first\": \"twice\", \"judged\": true, "
                                 "\"broken\": 2, \"of\": 0}"));
    assert_non_null(strstr(json, "{\"whom\": \"sender\", \"what\": \"stop sender\", "
                                 "\"fault\": true, \"at_s\": 0.002}"));
    assert_null(strstr(json, "of no interest"));
    end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_says_what_was_broken_and_how_to_repeat_it),
        cmocka_unit_test(the_page_needs_nothing_from_elsewhere),
        cmocka_unit_test(what_a_process_prints_is_shown_and_does_nothing),
        cmocka_unit_test(each_life_fault_and_recovery_is_drawn),
        cmocka_unit_test(a_page_of_a_long_run_stays_short),
        cmocka_unit_test(the_numbers_are_one_json_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
