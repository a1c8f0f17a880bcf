/* SPDX-License-Identifier: MPL-2.0 */

/* The timeline: events by time, counts by tick, both bounded. */

#include "timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct lab_timeline timeline;

static int begin(void **state)
{
    (void)state;
    return lab_timeline_init(&timeline, 3);
}

static int end(void **state)
{
    (void)state;
    lab_timeline_clear(&timeline);
    return 0;
}

static uint32_t counted(size_t lane, size_t tick, enum lab_count count)
{
    return timeline.lanes[lane].ticks[tick].counts[count];
}

static void an_event_keeps_what_was_said(void **state)
{
    (void)state;
    size_t event = lab_timeline_add(&timeline, 1500, LAB_EVENT_FAULT, 2, -1, "kill %s", "worker");

    assert_int_equal(event, 0);
    assert_int_equal(timeline.count, 1);
    assert_int_equal(timeline.events[0].at_us, 1500);
    assert_int_equal(timeline.events[0].kind, LAB_EVENT_FAULT);
    assert_int_equal(timeline.events[0].lane, 2);
    assert_int_equal(timeline.events[0].link, -1);
    assert_int_equal(timeline.events[0].lasts_us, 0);
    assert_string_equal(timeline.events[0].text, "kill worker");
}

static void a_late_event_is_moved_and_indices_stay(void **state)
{
    (void)state;
    size_t first = lab_timeline_add(&timeline, 2000, LAB_EVENT_NOTE, -1, -1, "first");
    size_t late = lab_timeline_add(&timeline, 1000, LAB_EVENT_NOTE, -1, -1, "late");

    assert_string_equal(timeline.events[first].text, "first");
    assert_string_equal(timeline.events[late].text, "late");
    assert_int_equal(timeline.events[late].at_us, 2000);
}

static void what_lasts_has_a_length_once_it_is_over(void **state)
{
    (void)state;
    size_t event = lab_timeline_add(&timeline, 1000, LAB_EVENT_FAULT, 0, -1, "stop");

    lab_timeline_lasts(&timeline, event);
    assert_true(timeline.events[event].lasts_us == UINT64_MAX);
    lab_timeline_over(&timeline, event, 4500);
    assert_int_equal(timeline.events[event].lasts_us, 3500);
    lab_timeline_lasts(&timeline, SIZE_MAX);
    lab_timeline_over(&timeline, SIZE_MAX, 5000);
}

static size_t shown_count;
static char shown_text[64];

static void show(void *context, const struct lab_event *event)
{
    assert_ptr_equal(context, &shown_count);
    shown_count++;
    snprintf(shown_text, sizeof shown_text, "%s", event->text);
}

static void beyond_the_limit_events_are_shown_and_not_kept(void **state)
{
    (void)state;
    shown_count = 0;
    timeline.shown = show;
    timeline.context = &shown_count;
    for (size_t i = 0; i < LAB_EVENTS_MAX; i++)
        assert_int_equal(lab_timeline_add(&timeline, i, LAB_EVENT_OUTPUT, 0, -1, "%zu", i), i);
    assert_true(lab_timeline_add(&timeline, 1u << 30, LAB_EVENT_OUTPUT, 0, -1, "one more") ==
                SIZE_MAX);
    assert_int_equal(timeline.count, LAB_EVENTS_MAX);
    assert_int_equal(timeline.dropped, 1);
    assert_int_equal(shown_count, LAB_EVENTS_MAX + 1);
    assert_string_equal(shown_text, "one more");
}

static void counts_go_to_their_lane_and_tick(void **state)
{
    (void)state;
    lab_timeline_count(&timeline, 0, 1, LAB_COUNT_ACCEPTED, 3);
    lab_timeline_count(&timeline, LAB_TICK_US - 1, 1, LAB_COUNT_ACCEPTED, 4);
    lab_timeline_count(&timeline, LAB_TICK_US, 1, LAB_COUNT_PROCESSED, 5);
    lab_timeline_count(&timeline, 70 * LAB_TICK_US, 2, LAB_COUNT_ACCEPTED, 6);
    assert_int_equal(counted(1, 0, LAB_COUNT_ACCEPTED), 7);
    assert_int_equal(counted(1, 0, LAB_COUNT_PROCESSED), 0);
    assert_int_equal(counted(1, 1, LAB_COUNT_PROCESSED), 5);
    assert_int_equal(counted(2, 0, LAB_COUNT_ACCEPTED), 0);
    assert_int_equal(counted(2, 70, LAB_COUNT_ACCEPTED), 6);
    assert_int_equal(timeline.lanes[0].count, 0);
    lab_timeline_count(&timeline, 0, -1, LAB_COUNT_ACCEPTED, 1);
    lab_timeline_count(&timeline, 0, 3, LAB_COUNT_ACCEPTED, 1);
}

static uint64_t sum(size_t lane)
{
    uint64_t all = 0;

    for (size_t i = 0; i < timeline.lanes[lane].count; i++)
        all += counted(lane, i, LAB_COUNT_BEGAN);
    return all;
}

static void a_long_run_has_longer_ticks_and_loses_no_count(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < LAB_TICKS_MAX; i++)
        lab_timeline_count(&timeline, i * LAB_TICK_US, 0, LAB_COUNT_BEGAN, 1);
    lab_timeline_count(&timeline, 2 * LAB_TICK_US, 1, LAB_COUNT_BEGAN, 9);
    assert_int_equal(timeline.tick_us, LAB_TICK_US);

    lab_timeline_count(&timeline, (uint64_t)LAB_TICKS_MAX * LAB_TICK_US, 0, LAB_COUNT_BEGAN, 1);
    assert_int_equal(timeline.tick_us, 2 * LAB_TICK_US);
    assert_int_equal(timeline.lanes[0].count, LAB_TICKS_MAX / 2 + 1);
    assert_int_equal(counted(0, 0, LAB_COUNT_BEGAN), 2);
    assert_int_equal(counted(0, LAB_TICKS_MAX / 2, LAB_COUNT_BEGAN), 1);
    assert_int_equal(counted(1, 1, LAB_COUNT_BEGAN), 9);
    assert_int_equal(sum(0), LAB_TICKS_MAX + 1);

    lab_timeline_count(&timeline, 30ull * 24 * 3600 * 1000000, 0, LAB_COUNT_BEGAN, 1);
    assert_true(timeline.lanes[0].count <= LAB_TICKS_MAX);
    assert_int_equal(sum(0), LAB_TICKS_MAX + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_keeps_what_was_said, begin, end),
        cmocka_unit_test_setup_teardown(a_late_event_is_moved_and_indices_stay, begin, end),
        cmocka_unit_test_setup_teardown(what_lasts_has_a_length_once_it_is_over, begin, end),
        cmocka_unit_test_setup_teardown(beyond_the_limit_events_are_shown_and_not_kept, begin,
                                        end),
        cmocka_unit_test_setup_teardown(counts_go_to_their_lane_and_tick, begin, end),
        cmocka_unit_test_setup_teardown(a_long_run_has_longer_ticks_and_loses_no_count, begin,
                                        end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
