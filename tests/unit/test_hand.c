/* SPDX-License-Identifier: MPL-2.0 */
/* What handlers have begun, as their senders hear of it; and what a process that died had begun. */

#include "core/state.h"
#include "support/core_receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static uint64_t open_with(struct driver *d, bool memory)
{
    struct gw_core_options options;
    driver_options(&options, "b");
    options.memory = memory;
    driver_open_with(d, &options);
    driver_serve(d, "work", 100, 1 << 24);
    return driver_sender(d, 1, "s", EPOCH);
}

/* ---- hints ---- */

static void hints_ride_on_the_next_ack(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_with(&d, false);
    remote_offer_again(&d, 1, link, EPOCH, 1, 9, 10);
    driver_handed(&d, EPOCH, 2, 4);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 0);
    remote_ping(&d, 1, link, 0);
    assert_range(driver_hinted(&d, EPOCH, 0), 2, 4);
    remote_ping(&d, 1, link, 0); /* once on a link */
    assert_range(driver_hinted(&d, EPOCH, 0), 0, 0);
    driver_handed(&d, EPOCH, 5, 6);
    driver_decide(&d, EPOCH, 2, 2);
    driver_commit(&d);
    assert_range(driver_hinted(&d, EPOCH, 0), 5, 6);
    driver_close(&d);
}

static void a_new_link_is_told_all_that_has_begun(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_with(&d, false);
    remote_offer(&d, 1, link, EPOCH, 1, 9, 10);
    driver_handed(&d, EPOCH, 2, 6);
    remote_ping(&d, 1, link, 0);
    driver_decide(&d, EPOCH, 3, 3);
    driver_nack(&d, EPOCH, 5, 0, NULL);
    driver_link(&d, 1, "s");
    assert_range(driver_hinted(&d, EPOCH, 0), 2, 2);
    assert_range(driver_hinted(&d, EPOCH, 1), 4, 4);
    assert_range(driver_hinted(&d, EPOCH, 2), 6, 6);
    assert_range(driver_hinted(&d, EPOCH, 3), 0, 0);
    driver_close(&d);
}

static void only_what_is_in_hand_can_have_begun(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_with(&d, false);
    remote_offer(&d, 1, link, EPOCH, 4, 3, 10);
    driver_handed(&d, EPOCH, 1, 9);
    driver_handed(&d, EPOCH + 1, 1, 9);
    remote_ping(&d, 1, link, 0);
    assert_range(driver_hinted(&d, EPOCH, 0), 4, 6);
    assert_range(driver_hinted(&d, EPOCH, 1), 0, 0);
    driver_close(&d);
}

/* It keeps no note that survives it. */
static void a_memory_peer_tells_at_once_that_it_begins_what_was_tried_before(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_with(&d, true);
    remote_offer(&d, 1, link, EPOCH, 1, 4, 10);
    remote_offer_again(&d, 1, link, EPOCH, 5, 4, 11);
    driver_handed(&d, EPOCH, 1, 2);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 0);
    driver_handed(&d, EPOCH, 5, 5);
    assert_range(driver_hinted(&d, EPOCH, 0), 1, 2);
    assert_range(driver_hinted(&d, EPOCH, 1), 5, 5);
    driver_close(&d);
}

/* ---- crashes ---- */

static void put_crash(struct driver *d, uint64_t first, uint64_t last, uint64_t number)
{
    struct gw_row row = {.kind = GW_ROW_CRASHED, .epoch = EPOCH, .first = first, .last = last};
    row.number = number;
    assert_true(d->row_count < DRIVER_ROWS);
    d->rows[d->row_count++] = row;
}

/* A handler died of those, of offer 10. */
static void restart_with_crash(struct driver *d, uint64_t first, uint64_t last)
{
    driver_crash(d);
    put_crash(d, first, last, 10);
    driver_recover(d);
    driver_serve(d, "work", 100, 1 << 24);
}

/* 1 .. 9 were in hand under offer 10, 1 decided; the process died at 2, 3 and 7. */
static void crash(struct driver *d)
{
    uint64_t link = open_with(d, false);
    remote_offer(d, 1, link, EPOCH, 1, 9, 10);
    driver_decide(d, EPOCH, 1, 1);
    driver_commit(d);
    driver_crash(d);
    put_crash(d, 2, 3, 10);
    put_crash(d, 7, 7, 10);
    driver_recover(d);
    driver_serve(d, "work", 100, 1 << 24);
}

static void what_was_begun_by_a_process_that_died_is_told_on_each_link(void **state)
{
    (void)state;
    struct driver d;
    crash(&d);
    for (int i = 0; i < 3; i++) {
        driver_link(&d, 1, "s");
        assert_returned(&d, 0, 2, 3, 10, GW_RETURN_CRASHED);
        assert_returned(&d, 1, 7, 7, 10, GW_RETURN_CRASHED);
        assert_null(driver_returned(&d, EPOCH, 2));
        if (i == 1)
            driver_restart(&d); /* the rows are there until the sender has answered */
    }
    driver_close(&d);
}

static void a_crash_is_forgotten_with_its_row_when_the_message_comes_again(void **state)
{
    (void)state;
    struct driver d;
    crash(&d);
    uint64_t link = driver_again(&d);
    remote_offer_again(&d, 1, link, EPOCH, 2, 1, 11);
    assert_range(driver_delivered(&d, 0), 2, 2);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 2);
    driver_restart(&d);
    driver_link(&d, 1, "s");
    assert_returned(&d, 0, 3, 3, 10, GW_RETURN_CRASHED);
    assert_returned(&d, 1, 7, 7, 10, GW_RETURN_CRASHED);
    assert_null(driver_returned(&d, EPOCH, 2));
    driver_close(&d);
}

static void a_crash_in_the_middle_of_a_row_leaves_both_ends(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_with(&d, false);
    remote_offer(&d, 1, link, EPOCH, 1, 9, 10);
    driver_decide(&d, EPOCH, 1, 1);
    driver_commit(&d);
    restart_with_crash(&d, 2, 9);
    link = driver_again(&d);
    remote_offer_again(&d, 1, link, EPOCH, 4, 2, 11);
    driver_commit(&d);
    driver_restart(&d);
    driver_link(&d, 1, "s");
    assert_returned(&d, 0, 2, 3, 10, GW_RETURN_CRASHED);
    assert_returned(&d, 1, 6, 9, 10, GW_RETURN_CRASHED);
    assert_null(driver_returned(&d, EPOCH, 2));
    driver_close(&d);
}

static void a_crash_is_forgotten_when_the_message_is_decided_or_the_floor_passes(void **state)
{
    (void)state;
    struct driver d;
    crash(&d);
    uint64_t link = driver_again(&d);
    remote_withdraw(&d, 1, link, EPOCH, 7, 7, GW_WITHDRAW_PURGED);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 1);
    remote_ping_floor(&d, 1, link, EPOCH, 4, 9);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 0);
    driver_link(&d, 1, "s");
    assert_null(driver_returned(&d, EPOCH, 0));
    driver_close(&d);
}

/* The mark was made, the handler decided, and the process died later of something else. */
static void what_was_begun_and_then_decided_is_no_crash(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_with(&d, false);
    remote_offer(&d, 1, link, EPOCH, 1, 9, 10);
    driver_decide(&d, EPOCH, 2, 4);
    driver_commit(&d);
    driver_crash(&d);
    put_crash(&d, 1, 5, 10);
    driver_recover(&d);
    driver_link(&d, 1, "s");
    assert_returned(&d, 0, 1, 1, 10, GW_RETURN_CRASHED);
    assert_returned(&d, 1, 5, 5, 10, GW_RETURN_CRASHED);
    assert_null(driver_returned(&d, EPOCH, 2));
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 2);
    driver_close(&d);
}

/* Nothing of the epoch was stored here when its first message killed its handler: that is told as
 * soon as the epoch is named. The sender offers it again meanwhile: that offer is over, and
 * charged. */
static void a_crash_at_the_first_message_of_an_epoch_is_charged(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_with(&d, false);
    remote_offer(&d, 1, link, EPOCH, 1, 2, 10);
    restart_with_crash(&d, 1, 1);
    link = driver_link(&d, 1, "s");
    assert_null(driver_returned(&d, EPOCH, 0));
    remote_open(&d, 1, link, EPOCH, true);
    assert_returned(&d, 0, 1, 1, 10, GW_RETURN_CRASHED);
    remote_open(&d, 1, link, EPOCH, true); /* there is nothing more to tell */
    assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 0);
    remote_offer_again(&d, 1, link, EPOCH, 1, 2, 10);
    assert_range(driver_delivered(&d, 0), 2, 2);
    assert_returned(&d, 0, 1, 1, 10, GW_RETURN_CRASHED);
    remote_offer_again(&d, 1, link, EPOCH, 1, 1, 11);
    assert_range(driver_delivered(&d, 0), 1, 1);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 0);
    driver_close(&d);
}

/* Each of them waits for its own epoch, and goes with it alone. */
static void crashes_at_the_first_messages_of_several_epochs_are_kept_apart(void **state)
{
    (void)state;
    struct driver d;
    open_with(&d, false);
    driver_crash(&d);
    put_crash(&d, 1, 1, 10);
    put_crash(&d, 5, 6, 11);
    d.rows[d.row_count] = d.rows[d.row_count - 1];
    d.rows[d.row_count++].epoch = EPOCH + 1;
    driver_recover(&d);
    driver_serve(&d, "work", 100, 1 << 24);
    uint64_t link = driver_link(&d, 1, "s");
    remote_ping_floor(&d, 1, link, EPOCH, 2, 9); /* 1 is settled */
    remote_ping_floor(&d, 1, link, EPOCH, 2, 9);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 2);
    remote_open(&d, 1, link, EPOCH + 1, true);
    remote_offer_again(&d, 1, link, EPOCH + 1, 1, 9, 11);
    assert_range(driver_delivered(&d, 0), 1, 4);
    assert_range(driver_delivered(&d, 1), 7, 9);
    remote_open(&d, 1, link, EPOCH, true);
    remote_offer_again(&d, 1, link, EPOCH, 1, 9, 11);
    assert_range(driver_delivered(&d, 1), 7, 9);
    driver_close(&d);
}

/* While the row of one is on its way out the epoch may be named after all. */
static void a_crash_that_is_being_forgotten_is_not_told(void **state)
{
    (void)state;
    struct driver d;
    open_with(&d, false);
    restart_with_crash(&d, 1, 1);
    uint64_t link = driver_link(&d, 1, "s");
    remote_ping_floor(&d, 1, link, EPOCH, 2, 9);
    driver_seal(&d);
    driver_tick(&d, 0);
    remote_open(&d, 1, link, EPOCH, true);
    remote_offer_again(&d, 1, link, EPOCH, 1, 3, 10);
    assert_null(driver_returned(&d, EPOCH, 0));
    driver_committed(&d);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 0);
    driver_close(&d);
}

/* More of them stay in the store, for the next open. */
static void a_bounded_number_of_crashes_waits_for_epochs(void **state)
{
    (void)state;
    struct driver d;
    struct gw_row row = {.kind = GW_ROW_CRASHED, .first = 1, .last = 1, .number = 9};
    struct gw_event event = {.type = GW_EVENT_RECOVER};
    event.u.recover = &row;
    driver_open(&d, "a");
    for (row.epoch = 1; row.epoch <= 1025; row.epoch++)
        driver_step(&d, &event);
    driver_serve(&d, "work", 100, 1 << 24);
    uint64_t link = driver_link(&d, 1, "s");
    for (uint64_t epoch = 1024; epoch <= 1025; epoch++) {
        remote_open(&d, 1, link, epoch, true);
        remote_offer_again(&d, 1, link, epoch, 1, 1, 9);
        assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), epoch == 1025);
    }
    driver_close(&d);
}

/* Its row is written with the floor, not with each decision. */
static void what_was_decided_above_all_that_the_row_knows_is_known(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_with(&d, false);
    remote_offer(&d, 1, link, EPOCH, 1, 1, 10);
    driver_decide(&d, EPOCH, 1, 1);
    driver_commit(&d);
    remote_offer(&d, 1, link, EPOCH, 2, 8, 10);
    driver_decide(&d, EPOCH, 9, 9);
    driver_commit(&d);
    driver_restart(&d);
    driver_serve(&d, "work", 100, 1 << 24);
    driver_sender(&d, 1, "s", EPOCH);
    assert_range(driver_acked(&d, EPOCH, 1), 0, 0); /* said with the link, not again */
    link = driver_link(&d, 2, "s");
    assert_range(driver_acked(&d, EPOCH, 0), 1, 1);
    assert_range(driver_acked(&d, EPOCH, 1), 9, 9);
    remote_open(&d, 2, link, EPOCH, false);
    remote_offer_again(&d, 2, link, EPOCH, 1, 9, 11);
    assert_range(driver_delivered(&d, 0), 2, 8);
    driver_close(&d);
}

static void a_crash_row_of_an_epoch_that_never_comes_back_harms_nobody(void **state)
{
    (void)state;
    struct driver d;
    open_with(&d, false);
    driver_crash(&d);
    put_crash(&d, 1, 1, 10);
    driver_recover(&d);
    driver_link(&d, 1, "s");
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 1);
    uint64_t link = driver_link(&d, 1, "s");
    remote_close_epoch(&d, 1, link, EPOCH, 1); /* or only to say that it is over */
    assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 0); /* not before the row is gone */
    driver_seal(&d);
    remote_close_epoch(&d, 1, link, EPOCH, 1);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 0);
    driver_committed(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 0);
    remote_close_epoch(&d, 1, link, EPOCH, 1);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.closed[0], EPOCH);
    driver_restart(&d);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hints_ride_on_the_next_ack),
        cmocka_unit_test(a_new_link_is_told_all_that_has_begun),
        cmocka_unit_test(only_what_is_in_hand_can_have_begun),
        cmocka_unit_test(a_memory_peer_tells_at_once_that_it_begins_what_was_tried_before),
        cmocka_unit_test(what_was_begun_by_a_process_that_died_is_told_on_each_link),
        cmocka_unit_test(a_crash_is_forgotten_with_its_row_when_the_message_comes_again),
        cmocka_unit_test(a_crash_in_the_middle_of_a_row_leaves_both_ends),
        cmocka_unit_test(a_crash_is_forgotten_when_the_message_is_decided_or_the_floor_passes),
        cmocka_unit_test(what_was_begun_and_then_decided_is_no_crash),
        cmocka_unit_test(a_crash_at_the_first_message_of_an_epoch_is_charged),
        cmocka_unit_test(crashes_at_the_first_messages_of_several_epochs_are_kept_apart),
        cmocka_unit_test(a_crash_that_is_being_forgotten_is_not_told),
        cmocka_unit_test(a_bounded_number_of_crashes_waits_for_epochs),
        cmocka_unit_test(what_was_decided_above_all_that_the_row_knows_is_known),
        cmocka_unit_test(a_crash_row_of_an_epoch_that_never_comes_back_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
