/* SPDX-License-Identifier: MPL-2.0 */
/* The picture of a core that people are shown: true, copied, and bounded. */

#include "core/survey.h"
#include "support/core_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct gw_survey *survey_of(const struct driver *d)
{
    static struct gw_survey survey;

    memset(&survey, 0xee, sizeof survey); /* what is not filled in shows */
    gw_core_survey(d->core, &survey);
    return &survey;
}

static enum gw_reception reception(const struct driver *d, uint64_t epoch, uint64_t sequence)
{
    struct gw_received received;

    gw_core_received(d->core, epoch, sequence, &received);
    return received.reception;
}

static void nothing_is_shown_of_nothing(void **state)
{
    struct driver d;

    (void)state;
    driver_open(&d, "a");
    const struct gw_survey *survey = survey_of(&d);
    assert_string_equal(survey->name, "a");
    assert_int_equal(survey->link_count + survey->target_count + survey->member_count, 0);
    assert_int_equal(survey->stream_count + survey->window_count + survey->local_count, 0);
    assert_int_equal(survey->tombstones, 0);
    assert_int_equal(reception(&d, EPOCH, 1), GW_RECEPTION_UNKNOWN);
    driver_close(&d);
}

static void a_sender_shows_what_waits_and_who_holds_it(void **state)
{
    struct driver d;

    (void)state;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 4);
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_commit(&d);
    const struct gw_survey *survey = survey_of(&d);
    assert_int_equal(survey->link_count, 1);
    assert_true(survey->links[0].up && survey->links[0].complete && !survey->links[0].dialled);
    assert_string_equal(survey->links[0].name, "b");
    assert_int_equal(survey->links[0].holds, 4);
    assert_int_equal(survey->target_count, 1);
    assert_int_equal(survey->targets[0].members, 1);
    assert_int_equal(survey->targets[0].unsettled, 10);
    assert_int_equal(survey->targets[0].unoffered, 6);
    assert_int_equal(survey->member_count, 1);
    assert_string_equal(survey->members[0].destination.name, "work");
    assert_true(survey->members[0].serving);
    assert_int_equal(survey->members[0].outstanding, 4);
    assert_int_equal(survey->members[0].credit_messages, 0);
    assert_int_equal(survey->stream_count, 1);
    assert_int_equal(survey->streams[0].epoch, EPOCH);
    assert_int_equal(survey->streams[0].floor, 1);
    assert_int_equal(survey->streams[0].last, 10);
    assert_string_equal(survey->streams[0].holder, "b");

    remote_ack(&d, 1, link, EPOCH, 2, 3); /* a hole: the lowest is still held */
    driver_commit(&d);
    survey = survey_of(&d);
    assert_int_equal(survey->streams[0].floor, 1);
    assert_int_equal(survey->streams[0].unsettled, 8);
    assert_int_equal(survey->members[0].outstanding, 2);
    driver_lost(&d, 1);
    survey = survey_of(&d);
    assert_false(survey->links[0].up || survey->members[0].linked || survey->members[0].serving);
    assert_int_equal(survey->links[0].holds, 2);
    assert_int_equal(survey->targets[0].members, 0);
    driver_close(&d);
}

static void a_receiver_shows_what_is_in_hand_and_decided(void **state)
{
    struct driver d;

    (void)state;
    driver_open(&d, "b");
    driver_serve(&d, "work", 50, 5000);
    uint64_t link = driver_sender(&d, 1, "a", EPOCH);
    remote_data(&d, 1, link, EPOCH, 1, 4);
    driver_decide(&d, EPOCH, 2, 3);
    assert_int_equal(reception(&d, EPOCH, 1), GW_RECEPTION_IN_HAND);
    assert_int_equal(reception(&d, EPOCH, 2), GW_RECEPTION_DECIDING);
    assert_int_equal(reception(&d, EPOCH, 5), GW_RECEPTION_MISSING);
    driver_seal(&d);
    assert_int_equal(reception(&d, EPOCH, 2), GW_RECEPTION_DECIDING); /* not durable yet */
    driver_committed(&d);
    assert_int_equal(reception(&d, EPOCH, 2), GW_RECEPTION_DECIDED);
    const struct gw_survey *survey = survey_of(&d);
    assert_int_equal(survey->window_count, 1);
    assert_string_equal(survey->windows[0].sender, "a");
    assert_int_equal(survey->windows[0].in_hand, 2);
    assert_int_equal(survey->windows[0].decided, 2);
    assert_int_equal(survey->links[0].in_hand, 2);
    assert_int_equal(survey->local_count, 1);
    assert_true(survey->locals[0].open);
    assert_int_equal(survey->locals[0].credit_messages, 50);
    remote_ping_floor(&d, 1, link, EPOCH, 4, 4);
    driver_commit(&d);
    assert_int_equal(reception(&d, EPOCH, 1), GW_RECEPTION_BELOW);
    driver_close(&d);
}

static void what_does_not_fit_is_counted(void **state)
{
    struct driver d;
    char stage[32];

    (void)state;
    driver_open(&d, "a");
    for (unsigned i = 0; i < GW_SURVEY_MAX + 7; i++) {
        snprintf(stage, sizeof stage, "s%u", i);
        driver_send_to(&d, stage, EPOCH + i, 1, 1, 1);
    }
    const struct gw_survey *survey = survey_of(&d);
    assert_int_equal(survey->target_count, GW_SURVEY_MAX + 7);
    assert_int_equal(survey->stream_count, GW_SURVEY_MAX + 7);
    assert_int_equal(survey->streams[GW_SURVEY_MAX - 1].unsettled, 1);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_shown_of_nothing),
        cmocka_unit_test(a_sender_shows_what_waits_and_who_holds_it),
        cmocka_unit_test(a_receiver_shows_what_is_in_hand_and_decided),
        cmocka_unit_test(what_does_not_fit_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
