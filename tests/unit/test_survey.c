/* SPDX-License-Identifier: MPL-2.0 */
/* The picture of a core that people are shown: true, copied, and bounded. */

#include "core/survey.h"
#include "support/core_sender.h"

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
    uint64_t link = driver_begin_with(&d, 4, 10);
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

static void what_has_begun_is_told_apart_from_what_waits_for_a_handler(void **state)
{
    struct driver d;
    struct gw_event handed = {.type = GW_EVENT_HANDED};

    (void)state;
    driver_open(&d, "b");
    driver_serve(&d, "work", 50, 5000);
    remote_data(&d, 1, driver_sender(&d, 1, "a", EPOCH), EPOCH, 1, 2);
    handed.u.handed.epoch = EPOCH;
    handed.u.handed.first = handed.u.handed.last = 1;
    driver_step(&d, &handed);
    assert_int_equal(reception(&d, EPOCH, 1), GW_RECEPTION_BEGUN);
    assert_int_equal(reception(&d, EPOCH, 2), GW_RECEPTION_IN_HAND);
    assert_int_equal(survey_of(&d)->windows[0].begun, 1);
    driver_close(&d);
}

static void nobody_holds_what_lies_below_an_offer(void **state)
{
    struct driver d;

    (void)state;
    uint64_t link = driver_begin(&d, 2);
    uint64_t number = driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.number;
    struct gw_return back = {1, 1, number, GW_RETURN_NACK, 60000, {NULL, 0}};
    struct gw_ack_epoch entry = {
        .epoch = EPOCH, .floor = 1, .returns = &back, .return_count = 1};
    struct gw_frame ack = {.type = GW_FRAME_ACK, .link = link};
    ack.u.ack.epochs = &entry;
    ack.u.ack.epoch_count = 1;
    driver_frame(&d, 1, &ack);
    const struct gw_survey *survey = survey_of(&d);
    assert_string_equal(survey->streams[0].holder, "");
    assert_int_equal(survey->targets[0].waiting, 1);
    assert_int_equal(survey->targets[0].failing, 1);
    driver_close(&d);
}

static void serve_many(struct driver *d, uint64_t link)
{
    static struct gw_serve items[GW_SERVES_MAX];
    struct gw_frame frame = {.type = GW_FRAME_SERVE, .link = link};

    for (unsigned i = 0; i < GW_SERVES_MAX; i++) {
        items[i] = (struct gw_serve){{.kind = GW_KIND_STAGE}, 1, 1, 1};
        snprintf(items[i].destination.name, GW_NAME_MAX, "s%u", i);
    }
    frame.u.serve.items = items;
    frame.u.serve.count = GW_SERVES_MAX;
    driver_frame(d, 1, &frame);
}

static void of_every_table_what_does_not_fit_is_counted(void **state)
{
    struct driver d;
    char name[32];

    (void)state;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    serve_many(&d, link);
    remote_serve(&d, 1, link, 1, 1); /* one more that it has served */
    for (uint64_t epoch = 1; epoch <= GW_SURVEY_MAX + 3; epoch++)
        remote_open(&d, 1, link, epoch, true);
    for (unsigned i = 0; i < GW_SERVES_MAX; i++) {
        snprintf(name, sizeof name, "t%u", i);
        driver_serve(&d, name, 1, 1);
    }
    driver_unserve(&d, "t0");
    driver_serve(&d, "u", 1, 1);
    for (uint64_t i = 0; i < GW_SURVEY_MAX + 5; i++) {
        snprintf(name, sizeof name, "p%u", (unsigned)i);
        remote_hello(&d, 2 + i, name, 9);
    }
    const struct gw_survey *survey = survey_of(&d);
    assert_int_equal(survey->member_count, GW_SURVEY_MAX + 1);
    assert_int_equal(survey->window_count, GW_SURVEY_MAX + 3);
    assert_int_equal(survey->local_count, GW_SURVEY_MAX + 1);
    assert_int_equal(survey->link_count, GW_SURVEY_MAX + 6);
    assert_string_equal(survey->links[GW_SURVEY_MAX - 1].name, "p5"); /* the newest come first */
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
        cmocka_unit_test(what_has_begun_is_told_apart_from_what_waits_for_a_handler),
        cmocka_unit_test(nobody_holds_what_lies_below_an_offer),
        cmocka_unit_test(of_every_table_what_does_not_fit_is_counted),
        cmocka_unit_test(what_does_not_fit_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
