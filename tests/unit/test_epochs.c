/* SPDX-License-Identifier: MPL-2.0 */
/* Which epochs a receiver takes, refuses and closes, and what it makes of words about others. */

#include "core/state.h"
#include "support/core_receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static uint64_t floor_of(const struct driver *d, uint64_t epoch)
{
    struct gw_window_view view;
    assert_true(driver_window(d, epoch, &view));
    return view.floor;
}

static void open_to(struct driver *d, uint64_t link, uint64_t epoch, const char *stage, bool fresh)
{
    struct gw_frame open = {.type = GW_FRAME_OPEN, .link = link};
    open.u.open.destination.kind = GW_KIND_STAGE;
    strcpy(open.u.open.destination.name, stage);
    open.u.open.epoch = epoch;
    open.u.open.floor = 1;
    open.u.open.fresh = fresh;
    driver_frame(d, 1, &open);
}

/* ---- OPEN ---- */

static void an_epoch_stays_with_its_destination(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    driver_serve(&d, "other", 100, 1 << 24);
    open_to(&d, link, EPOCH, "other", true);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_OPEN));
    driver_close(&d);
}

static void too_many_open_epochs_of_one_peer_are_refused(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    gw_remote_find(d.core, "s")->window_count = 8192;
    remote_open(&d, 1, link, EPOCH + 1, true);
    assert_int_equal(driver_sent(&d, GW_FRAME_REFUSE, 0)->u.refuse.epoch, EPOCH + 1);
    remote_open(&d, 1, link, EPOCH, false); /* one that is known needs no room */
    assert_int_equal(driver_sent_count(&d, GW_FRAME_REFUSE), 0);
    gw_remote_find(d.core, "s")->window_count = 1;
    driver_close(&d);
}

/* ---- DATA of what was refused ---- */

static void data_of_each_refused_epoch_gives_its_credit_back(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 10);
    remote_open(&d, 1, link, 66, false);
    remote_open(&d, 1, link, 67, false);
    remote_open(&d, 1, link, 66, false); /* again */
    remote_data(&d, 1, link, 66, 1, 2);
    assert_int_equal(driver_credit(&d), 12);
    remote_data(&d, 1, link, 67, 1, 3);
    assert_int_equal(driver_credit(&d), 15);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    driver_close(&d);
}

static void data_of_a_refused_epoch_beyond_the_credit_ends_the_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 10);
    remote_open(&d, 1, link, 66, false);
    remote_data(&d, 1, link, 66, 1, 11);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_DATA));
    driver_close(&d);
}

static void data_of_an_epoch_that_was_never_named_ends_the_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 10);
    remote_data(&d, 1, link, 66, 1, 1);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_DATA));
    driver_close(&d);
}

/* A stranger may name as many as it likes; who sends after that is out. */
static void a_bounded_number_of_refused_epochs_is_remembered(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    for (uint64_t epoch = 100; epoch < 200; epoch++)
        remote_open(&d, 1, link, epoch, false);
    size_t count = 0;
    const struct gw_refused *refused = gw_remote_find(d.core, "s")->refused;
    for (; refused; refused = refused->next)
        count++;
    assert_int_equal(count, 64);
    remote_data(&d, 1, link, 199, 1, 1);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_DATA));
    driver_close(&d);
}

/* No credit was given for it, so that none is to be given back. */
static void data_for_what_is_not_served_here_ends_the_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 10);
    open_to(&d, link, 66, "elsewhere", true);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_REFUSE), 0); /* it may be served soon */
    remote_data(&d, 1, link, 66, 1, 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_not_ready), 1);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_DATA));
    link = driver_again(&d);
    open_to(&d, link, 67, "elsewhere", false); /* refused, and nothing is remembered for it */
    remote_data(&d, 1, link, 67, 1, 1);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_DATA));
    driver_close(&d);
}

static void bytes_beyond_the_credit_end_the_link(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "b");
    driver_serve(&d, "work", 1000000, 1); /* any one message fits, whatever was said */
    uint64_t link = driver_sender(&d, 1, "s", EPOCH);
    struct gw_frame data = {.type = GW_FRAME_DATA, .link = link};
    const uint32_t ends[] = {GW_MESSAGE_COMMON, GW_MESSAGE_COMMON + 1};
    struct gw_event event = {.type = GW_EVENT_FRAME};
    data.u.data.floor = data.u.data.number = data.u.data.attempt = 1;
    data.u.data.epoch = EPOCH;
    data.u.data.first = data.u.data.count = 1;
    event.u.frame.conn = 1;
    event.u.frame.frame = &data;
    event.u.frame.ends = ends;
    event.u.frame.body_bytes = GW_MESSAGE_COMMON;
    driver_step(&d, &event);
    assert_range(driver_delivered(&d, 0), 1, 1);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.credits[0].bytes, GW_MESSAGE_COMMON);
    data.u.data.first = 2;
    event.u.frame.body_bytes = 1;
    driver_step(&d, &event);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_DATA));
    assert_int_equal(driver_counter(&d, GW_COUNTER_over_credit), 1);
    driver_close(&d);
}

static void duplicates_across_the_floor_are_counted_on_both_sides(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 6);
    remote_ping_floor(&d, 1, link, EPOCH, 4, 6);
    remote_offer_again(&d, 1, link, EPOCH, 2, 5, 10);
    assert_int_equal(driver_counter(&d, GW_COUNTER_duplicates_dropped), 5);
    assert_int_equal(driver_counter(&d, GW_COUNTER_below_floor), 2);
    driver_close(&d);
}

/* ---- CLOSED ---- */

/* The sender's floor was known already: the row changes all the same. */
static void a_tombstone_is_written_though_the_floor_stands_there_already(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 3);
    driver_decide(&d, EPOCH, 1, 3);
    driver_commit(&d);
    remote_ping_floor(&d, 1, link, EPOCH, 4, 3);
    driver_commit(&d);
    assert_false(driver_row(&d, GW_ROW_WINDOW, 0)->flag);
    remote_close_epoch(&d, 1, link, EPOCH, 3);
    driver_commit(&d);
    assert_true(driver_row(&d, GW_ROW_WINDOW, 0)->flag);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.closed[0], EPOCH);
    remote_ping_floor(&d, 1, link, EPOCH, 9, 9); /* it is over, whatever is said */
    assert_int_equal(floor_of(&d, EPOCH), 4);
    driver_close(&d);
}

/* Others had the rest of it. */
static void closed_may_name_more_than_ever_came_here(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 1);
    driver_decide(&d, EPOCH, 1, 1);
    remote_close_epoch(&d, 1, link, EPOCH, 50);
    driver_commit(&d);
    assert_int_equal(driver_row(&d, GW_ROW_WINDOW, 0)->floor, 51);
    assert_int_equal(driver_row(&d, GW_ROW_WINDOW, 0)->last, 50);
    driver_close(&d);
}

static void a_tombstone_made_without_a_link_is_told_when_closed_comes_again(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    remote_close_epoch(&d, 1, link, EPOCH, 1);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_commit(&d);
    link = driver_link(&d, 1, "s");
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.closed_count, 0);
    remote_close_epoch(&d, 1, link, EPOCH, 1);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.closed[0], EPOCH);
    driver_close(&d);
}

/* What finds no room in an ACK waits for CLOSED to come again. */
static void a_bounded_number_of_tombstones_is_told_at_once(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    for (uint64_t epoch = 1000; epoch < 1300; epoch++)
        remote_open(&d, 1, link, epoch, true);
    for (uint64_t epoch = 1000; epoch < 1300; epoch++)
        remote_close_epoch(&d, 1, link, epoch, 1);
    driver_seal(&d);
    d.op_count = 0; /* more rows than the driver's store has room for */
    driver_from_here();
    driver_committed(&d);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 1);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.closed_count, 256);
    driver_close(&d);
}

/* ---- what is served ---- */

static void no_more_is_served_than_one_frame_can_say(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "b");
    driver_link(&d, 1, "s");
    for (int i = 0; i < GW_SERVES_MAX + 1; i++) {
        char name[8] = {'x', (char)('a' + i / 26), (char)('a' + i % 26), 0};
        driver_serve(&d, name, 1, 1);
        if (i < GW_SERVES_MAX)
            assert_int_equal(driver_sent(&d, GW_FRAME_SERVE, 0)->u.serve.count, i + 1);
        else
            assert_int_equal(d.effects.count, 0);
    }
    driver_unserve(&d, "never");
    assert_int_equal(d.effects.count, 0);
    driver_close(&d);
}

static void what_is_served_no_more_is_not_named_and_gets_no_credit(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 10);
    driver_serve(&d, "other", 20, 1 << 24);
    driver_unserve(&d, "work");
    const struct gw_frame *serve = driver_sent(&d, GW_FRAME_SERVE, 0);
    assert_int_equal(serve->u.serve.count, 1);
    assert_string_equal(serve->u.serve.items[0].destination.name, "other");
    remote_ping(&d, 1, link, 0);
    const struct gw_frame *ack = driver_sent(&d, GW_FRAME_ACK, 0);
    assert_int_equal(ack->u.ack.credit_count, 1);
    assert_int_equal(ack->u.ack.credits[0].messages, 20);
    driver_close(&d);
}

/* ---- in hand below the floor ---- */

/* Others settled it meanwhile: its sender is told of nothing there but the floor. */
static void what_is_in_hand_below_the_floor_is_not_told(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 2);
    remote_offer(&d, 1, link, EPOCH, 4, 4, 10);
    driver_handed(&d, EPOCH, 1, 7);
    remote_ping_floor(&d, 1, link, EPOCH, 6, 7);
    driver_commit(&d);
    driver_link(&d, 1, "s");
    assert_range(driver_told_in_hand(&d, EPOCH, 0), 6, 7);
    assert_range(driver_told_in_hand(&d, EPOCH, 1), 0, 0);
    assert_range(driver_hinted(&d, EPOCH, 0), 6, 7);
    assert_range(driver_hinted(&d, EPOCH, 1), 0, 0);
    driver_close(&d);
}

/* The application was asked, and answers when it is settled. */
static void what_the_floor_passed_while_it_was_asked_back_leaves_the_hand(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 3);
    remote_withdraw(&d, 1, link, EPOCH, 1, 3, GW_WITHDRAW_PURGED);
    const struct gw_effect *recall = driver_effect(&d, GW_EFFECT_RECALL, 0);
    struct gw_event event = {.type = GW_EVENT_RECALLED};
    struct gw_range all = {1, 3};
    uint64_t bytes = 3 * REMOTE_MESSAGE;
    event.u.recalled.epoch = EPOCH;
    event.u.recalled.number = recall->u.recall.number;
    event.u.recalled.purpose = recall->u.recall.purpose;
    event.u.recalled.code = recall->u.recall.code;
    event.u.recalled.pieces = &all;
    event.u.recalled.bytes = &bytes;
    event.u.recalled.count = 1;
    remote_ping_floor(&d, 1, link, EPOCH, 4, 3);
    driver_step(&d, &event);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DECIDED), 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_in_hand_now), 0);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_credit(&d), 103);
    event.u.recalled.epoch = 99; /* or when nothing is known of it */
    driver_step(&d, &event);
    assert_int_equal(d.effects.count, 0);
    driver_close(&d);
}

/* One SKIP of several ranges decides as many as one range. */
static void one_skip_decides_a_bounded_number_over_all_its_ranges(void **state)
{
    (void)state;
    struct driver d;
    struct gw_core_options options;
    driver_options(&options, "b");
    options.window = 20000;
    driver_open_with(&d, &options);
    driver_serve(&d, "work", 10, 1 << 24);
    uint64_t link = driver_sender(&d, 1, "s", EPOCH);
    struct gw_range ranges[] = {{1, 4096}, {5000, 9000}, {9500, 9501}};
    struct gw_frame skip = {.type = GW_FRAME_SKIP, .link = link};
    skip.u.skip.epoch = EPOCH;
    skip.u.skip.number = 10;
    skip.u.skip.purpose = GW_SKIP_WITHDRAW;
    skip.u.skip.code = GW_WITHDRAW_PURGED;
    skip.u.skip.ranges = ranges;
    skip.u.skip.range_count = 3;
    driver_frame(&d, 1, &skip);
    struct gw_window_view view;
    assert_true(driver_window(&d, EPOCH, &view));
    assert_int_equal(view.in_hand, 4096); /* being decided */
    driver_close(&d);
}

/* ---- what a memory peer begins ---- */

static void a_memory_peer_tells_at_once_of_a_later_attempt_among_others(void **state)
{
    (void)state;
    struct driver d;
    struct gw_core_options options;
    driver_options(&options, "b");
    options.memory = true;
    driver_open_with(&d, &options);
    driver_serve(&d, "work", 100, 1 << 24);
    uint64_t link = driver_sender(&d, 1, "s", EPOCH);
    struct gw_frame data = {.type = GW_FRAME_DATA, .link = link};
    uint32_t end = REMOTE_MESSAGE;
    struct gw_event event = {.type = GW_EVENT_FRAME};
    remote_offer(&d, 1, link, EPOCH, 1, 1, 10);
    data.u.data.floor = 1;
    data.u.data.number = 11;
    data.u.data.attempt = 2; /* not flagged redelivered: its sender is of another make */
    data.u.data.epoch = EPOCH;
    data.u.data.first = 2;
    data.u.data.count = 1;
    event.u.frame.conn = 1;
    event.u.frame.frame = &data;
    event.u.frame.ends = &end;
    event.u.frame.body_bytes = end;
    driver_step(&d, &event);
    driver_handed(&d, EPOCH, 1, 1);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 0);
    driver_handed(&d, EPOCH, 1, 2);
    assert_range(driver_hinted(&d, EPOCH, 0), 1, 2);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_stays_with_its_destination),
        cmocka_unit_test(too_many_open_epochs_of_one_peer_are_refused),
        cmocka_unit_test(data_of_each_refused_epoch_gives_its_credit_back),
        cmocka_unit_test(data_of_a_refused_epoch_beyond_the_credit_ends_the_link),
        cmocka_unit_test(data_of_an_epoch_that_was_never_named_ends_the_link),
        cmocka_unit_test(a_bounded_number_of_refused_epochs_is_remembered),
        cmocka_unit_test(data_for_what_is_not_served_here_ends_the_link),
        cmocka_unit_test(bytes_beyond_the_credit_end_the_link),
        cmocka_unit_test(duplicates_across_the_floor_are_counted_on_both_sides),
        cmocka_unit_test(a_tombstone_is_written_though_the_floor_stands_there_already),
        cmocka_unit_test(closed_may_name_more_than_ever_came_here),
        cmocka_unit_test(a_tombstone_made_without_a_link_is_told_when_closed_comes_again),
        cmocka_unit_test(a_bounded_number_of_tombstones_is_told_at_once),
        cmocka_unit_test(no_more_is_served_than_one_frame_can_say),
        cmocka_unit_test(what_is_served_no_more_is_not_named_and_gets_no_credit),
        cmocka_unit_test(what_is_in_hand_below_the_floor_is_not_told),
        cmocka_unit_test(what_the_floor_passed_while_it_was_asked_back_leaves_the_hand),
        cmocka_unit_test(one_skip_decides_a_bounded_number_over_all_its_ranges),
        cmocka_unit_test(a_memory_peer_tells_at_once_of_a_later_attempt_among_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
