/* SPDX-License-Identifier: MPL-2.0 */
/* SKIP at its receiver: what a handler has begun stays, what it has not is given up, what is not
 * here is answered for. */

#include "core/state.h"
#include "support/core_receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void assert_skipped(const struct driver *d, size_t n, uint64_t sequence, uint32_t code)
{
    const struct gw_exception *exception = driver_exception(d, EPOCH, n);
    assert_non_null(exception);
    assert_int_equal(exception->sequence, sequence);
    assert_int_equal(exception->kind, GW_EXCEPTION_SKIPPED);
    assert_int_equal(exception->code, code);
}

static void assert_silent(const struct driver *d)
{
    assert_null(driver_returned(d, EPOCH, 0));
    assert_null(driver_exception(d, EPOCH, 0));
    assert_int_equal(driver_acked_count(d, EPOCH), 0);
}

/* ---- in hand ---- */

static void what_is_in_hand_is_asked_of_the_application_and_only_what_it_gives_up_is_granted(
    void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 9);
    remote_release(&d, 1, link, EPOCH, 3, 6, 10);
    assert_silent(&d);
    const struct gw_effect *recall = driver_effect(&d, GW_EFFECT_RECALL, 0);
    assert_int_equal(recall->u.recall.epoch, EPOCH);
    assert_int_equal(recall->u.recall.number, 10);
    assert_int_equal(recall->u.recall.purpose, GW_SKIP_RELEASE);
    assert_range(driver_recall(&d, 0), 3, 6);
    driver_recalled(&d, 0, 5, 6); /* 3 and 4 have begun */
    assert_returned(&d, 0, 5, 6, 10, GW_RETURN_RELEASE);
    assert_null(driver_returned(&d, EPOCH, 1));
    driver_decide(&d, EPOCH, 3, 4);
    driver_commit(&d);
    assert_range(driver_acked(&d, EPOCH, 0), 3, 4);
    driver_close(&d);
}

static void what_has_begun_is_asked_again_with_each_skip_and_nothing_is_said(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 1);
    for (int i = 0; i < 3; i++) {
        remote_withdraw(&d, 1, link, EPOCH, 1, 1, GW_WITHDRAW_EXPIRED);
        assert_silent(&d);
        assert_range(driver_recall(&d, 0), 1, 1);
        driver_recalled(&d, 0, 0, 0);
        assert_silent(&d);
    }
    driver_link(&d, 1, "s");
    assert_range(driver_told_in_hand(&d, EPOCH, 0), 1, 1);
    driver_close(&d);
}

static void what_is_known_to_have_begun_is_not_asked_for(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 5);
    driver_handed(&d, EPOCH, 2, 3);
    remote_release(&d, 1, link, EPOCH, 1, 5, 10);
    assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 1);
    assert_range(driver_recall(&d, 0), 1, 1);
    assert_range(driver_recall(&d, 1), 4, 5);
    driver_handed(&d, EPOCH, 1, 5);
    remote_withdraw(&d, 1, link, EPOCH, 1, 5, GW_WITHDRAW_EXPIRED);
    assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 0);
    assert_silent(&d);
    driver_close(&d);
}

static void what_came_by_another_offer_is_left_alone(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    remote_offer(&d, 1, link, EPOCH, 1, 4, 11);
    remote_offer(&d, 1, link, EPOCH, 5, 4, 10);
    remote_release(&d, 1, link, EPOCH, 1, 8, 10);
    assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 1);
    assert_range(driver_recall(&d, 0), 5, 8);
    assert_silent(&d);
    remote_release(&d, 1, link, EPOCH, 1, 8, GW_OFFER_ANY);
    assert_range(driver_recall(&d, 0), 1, 8);
    remote_withdraw(&d, 1, link, EPOCH, 1, 8, GW_WITHDRAW_PURGED); /* the message, not an offer */
    assert_range(driver_recall(&d, 0), 1, 8);
    driver_close(&d);
}

static void a_message_withdrawn_before_a_handler_had_it_is_decided_skipped(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 4);
    remote_withdraw(&d, 1, link, EPOCH, 2, 3, GW_WITHDRAW_EXPIRED);
    assert_int_equal(driver_effect(&d, GW_EFFECT_RECALL, 0)->u.recall.code, GW_WITHDRAW_EXPIRED);
    driver_recalled(&d, 0, 2, 3);
    assert_silent(&d);
    driver_seal(&d);
    remote_ping(&d, 1, link, 0);
    assert_silent(&d); /* only what is durable */
    driver_committed(&d);
    assert_skipped(&d, 0, 2, GW_WITHDRAW_EXPIRED);
    assert_skipped(&d, 1, 3, GW_WITHDRAW_EXPIRED);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    assert_int_equal(driver_credit(&d), 102);
    assert_int_equal(driver_counter(&d, GW_COUNTER_skipped), 2);
    assert_int_equal(driver_counter(&d, GW_COUNTER_in_hand_now), 2);
    driver_decide(&d, EPOCH, 2, 2); /* the application has it no more */
    driver_commit(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_decided), 2);
    driver_close(&d);
}

static void the_reason_of_a_skip_is_kept_and_returned(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 4);
    remote_withdraw(&d, 1, link, EPOCH, 2, 2, GW_WITHDRAW_CANCELLED);
    driver_recalled(&d, 0, 2, 2);
    driver_commit(&d);
    driver_restart(&d);
    link = driver_link(&d, 1, "s");
    assert_skipped(&d, 0, 2, GW_WITHDRAW_CANCELLED);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    remote_ping(&d, 1, link, 0);
    remote_withdraw(&d, 1, link, EPOCH, 2, 2, GW_WITHDRAW_EXPIRED); /* decided once */
    assert_skipped(&d, 0, 2, GW_WITHDRAW_CANCELLED);
    driver_close(&d);
}

/* Whatever happened to it between question and answer: what the application gave up is out of its
 * reach, and must not stay in hand. */
static void an_answer_counts_for_what_is_still_in_hand(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 2);
    remote_release(&d, 1, link, EPOCH, 1, 2, 10);
    struct gw_event answer = {.type = GW_EVENT_RECALLED};
    struct gw_range pieces[] = {{1, 1}, {2, 2}};
    uint64_t bytes[] = {REMOTE_MESSAGE, REMOTE_MESSAGE};
    answer.u.recalled.epoch = EPOCH;
    answer.u.recalled.number = 10;
    answer.u.recalled.purpose = GW_SKIP_RELEASE;
    answer.u.recalled.pieces = pieces;
    answer.u.recalled.bytes = bytes;
    answer.u.recalled.count = 2;
    driver_return(&d, EPOCH, 1, 1, GW_RETURN_RELEASE);
    remote_offer_again(&d, 1, link, EPOCH, 2, 1, 11); /* the same message, known otherwise now */
    driver_step(&d, &answer);
    assert_returned(&d, 0, 2, 2, 11, GW_RETURN_RELEASE);
    assert_null(driver_returned(&d, EPOCH, 1));
    assert_int_equal(driver_counter(&d, GW_COUNTER_in_hand_now), 0);
    driver_close(&d);
}

static void an_ordered_release_asks_for_all_above_it(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 4);
    remote_offer(&d, 1, link, EPOCH, 5, 4, 11);
    remote_release(&d, 1, link, EPOCH, 2, 3, 10);
    assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 1);
    assert_range(driver_recall(&d, 0), 2, 8);
    remote_withdraw(&d, 1, link, EPOCH, 2, 3, GW_WITHDRAW_EXPIRED); /* leaves no hole */
    assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 1);
    assert_range(driver_recall(&d, 0), 2, 3);
    driver_close(&d);
}

/* ---- decided ---- */

static void what_is_decided_is_said_again(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 4);
    driver_decide(&d, EPOCH, 1, 2);
    driver_commit(&d);
    remote_release(&d, 1, link, EPOCH, 2, 2, 10);
    assert_range(driver_acked(&d, EPOCH, 0), 2, 2);
    assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 0);
    remote_withdraw(&d, 1, link, EPOCH, 1, 2, GW_WITHDRAW_PURGED);
    assert_range(driver_acked(&d, EPOCH, 0), 1, 2);
    assert_null(driver_exception(&d, EPOCH, 0));
    driver_seal(&d);
    assert_false(d.in_flight);
    driver_close(&d);
}

static void what_is_being_committed_counts_as_decided(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 4);
    driver_decide(&d, EPOCH, 1, 1);
    driver_seal(&d);
    driver_decide(&d, EPOCH, 2, 2);
    for (uint64_t s = 1; s <= 2; s++) {
        remote_withdraw(&d, 1, link, EPOCH, s, s, GW_WITHDRAW_PURGED);
        assert_silent(&d);
        assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 0);
        remote_release(&d, 1, link, EPOCH, s, s, 10);
        assert_silent(&d);
    }
    driver_committed(&d);
    driver_commit(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_skipped), 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_decided), 2);
    driver_close(&d);
}

static void below_the_floor_the_floor_is_the_answer(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    remote_ping_floor(&d, 1, link, EPOCH, 5, 9);
    driver_commit(&d);
    remote_withdraw(&d, 1, link, EPOCH, 3, 3, GW_WITHDRAW_PURGED);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.epochs[0].floor, 5);
    assert_silent(&d);
    driver_close(&d);
}

static void a_tombstone_answers_with_its_floor(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 4);
    driver_decide(&d, EPOCH, 1, 4);
    remote_close_epoch(&d, 1, link, EPOCH, 4);
    driver_commit(&d);
    remote_withdraw(&d, 1, link, EPOCH, 3, 9, GW_WITHDRAW_PURGED);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.epochs[0].floor, 5);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_EXCEPTION), 0);
    driver_close(&d);
}

/* ---- not here ---- */

static void what_never_came_is_released_at_once(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    remote_offer(&d, 1, link, EPOCH, 4, 2, 10);
    driver_decide(&d, EPOCH, 5, 5);
    remote_release(&d, 1, link, EPOCH, 1, 9, 10);
    assert_returned(&d, 0, 1, 3, 10, GW_RETURN_RELEASE);
    assert_returned(&d, 1, 6, 9, 10, GW_RETURN_RELEASE);
    assert_null(driver_returned(&d, EPOCH, 2));
    assert_range(driver_recall(&d, 0), 4, 4);
    assert_int_equal(driver_counter(&d, GW_COUNTER_returned), 0); /* it had none of them */
    remote_offer_again(&d, 1, link, EPOCH, 1, 3, 12); /* offered here again: taken */
    assert_range(driver_delivered(&d, 0), 1, 3);
    driver_close(&d);
}

static void a_late_skip_does_not_make_a_newer_return_forgotten(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    remote_release(&d, 1, link, EPOCH, 3, 3, 10); /* it never came under 10 */
    remote_release(&d, 1, link, EPOCH, 3, 3, 5);  /* a late copy, of an older offer */
    assert_silent(&d);
    remote_offer(&d, 1, link, EPOCH, 3, 1, 7); /* and so is this */
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    remote_offer(&d, 1, link, EPOCH, 3, 1, 11);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 1);
    driver_close(&d);
}

static void what_came_back_as_a_failed_attempt_is_not_told_as_released(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 4);
    driver_nack(&d, EPOCH, 2, 9, "no");
    remote_release(&d, 1, link, EPOCH, 2, 2, 10);
    assert_returned(&d, 0, 2, 2, 10, GW_RETURN_NACK);
    assert_null(driver_returned(&d, EPOCH, 1));
    remote_release(&d, 1, link, EPOCH, 2, 2, 11); /* of a newer offer that never came */
    assert_returned(&d, 0, 2, 2, 11, GW_RETURN_RELEASE);
    assert_null(driver_returned(&d, EPOCH, 1));
    driver_close(&d);
}

static void what_is_withdrawn_and_never_came_is_skipped_so_that_late_data_meets_a_decision(
    void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 2);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    remote_withdraw(&d, 1, link, EPOCH, 2, 4, GW_WITHDRAW_EXPIRED);
    assert_silent(&d);
    remote_offer(&d, 1, link, EPOCH, 2, 3, 11);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0); /* before it is durable, too */
    driver_commit(&d);
    for (uint64_t s = 2; s <= 4; s++)
        assert_skipped(&d, s - 2, s, GW_WITHDRAW_EXPIRED);
    remote_offer(&d, 1, link, EPOCH, 2, 3, 12);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_skipped(&d, 0, 2, GW_WITHDRAW_EXPIRED);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    assert_int_equal(driver_credit(&d), 100 + 8 - 1); /* nothing of them was ever in hand */
    driver_link(&d, 1, "s");
    assert_null(driver_returned(&d, EPOCH, 0));
    driver_close(&d);
}

static void nothing_is_decided_at_or_beyond_the_floor_and_w(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    remote_withdraw(&d, 1, link, EPOCH, DRIVER_WINDOW, UINT64_C(1) << 62, GW_WITHDRAW_EXPIRED);
    driver_commit(&d);
    assert_skipped(&d, 0, DRIVER_WINDOW, GW_WITHDRAW_EXPIRED);
    assert_null(driver_exception(&d, EPOCH, 1));
    remote_release(&d, 1, link, EPOCH, DRIVER_WINDOW + 1, UINT64_C(1) << 62, 10);
    assert_null(driver_returned(&d, EPOCH, 0));
    assert_int_equal(driver_counter(&d, GW_COUNTER_violations), 0); /* its floor may be ahead */
    remote_ping_floor(&d, 1, link, EPOCH, 11, 200);
    remote_release(&d, 1, link, EPOCH, DRIVER_WINDOW + 1, UINT64_C(1) << 62, 10);
    assert_returned(&d, 0, DRIVER_WINDOW + 1, DRIVER_WINDOW + 10, 10, GW_RETURN_RELEASE);
    driver_close(&d);
}

static void one_skip_decides_a_bounded_number_and_its_repetition_the_rest(void **state)
{
    (void)state;
    struct driver d;
    struct gw_core_options options;
    driver_options(&options, "b");
    options.window = 10000;
    driver_open_with(&d, &options);
    driver_serve(&d, "work", 100, 1 << 24);
    uint64_t link = driver_sender(&d, 1, "s", EPOCH);
    for (uint64_t done = 4096; done <= 8192; done += 4096) {
        remote_withdraw(&d, 1, link, EPOCH, 1, 9000, GW_WITHDRAW_PURGED);
        driver_seal(&d);
        d.op_count = 0; /* more rows than the driver's store has room for */
        driver_committed(&d);
        assert_int_equal(driver_counter(&d, GW_COUNTER_skipped), done);
    }
    driver_close(&d);
}

/* Decisions were made in it and are forgotten: any answer might be a lie. What the peer serves
 * makes no difference. */
static void of_an_epoch_that_is_not_known_nothing_is_said(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    for (int i = 0; i < 2; i++) {
        remote_open(&d, 1, link, 66, false);
        assert_int_equal(driver_sent(&d, GW_FRAME_REFUSE, 0)->u.refuse.epoch, 66);
        remote_withdraw(&d, 1, link, 66, 1, 5, GW_WITHDRAW_PURGED);
        assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 0);
        remote_release(&d, 1, link, 66, 1, 5, 10);
        assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 0);
        driver_close(&d);
        driver_open(&d, "b"); /* serves nothing */
        link = driver_sender(&d, 1, "s", EPOCH);
    }
    struct gw_window_view view;
    assert_false(driver_window(&d, 66, &view));
    driver_close(&d);
}

static void nobody_skips_in_the_epoch_of_another(void **state)
{
    (void)state;
    struct driver d;
    driver_hold(&d, 4);
    uint64_t foreign = driver_link(&d, 2, "x");
    remote_withdraw(&d, 2, foreign, EPOCH, 1, 9, GW_WITHDRAW_PURGED);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_SKIP));
    assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 0);
    driver_commit(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_skipped), 0);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            what_is_in_hand_is_asked_of_the_application_and_only_what_it_gives_up_is_granted),
        cmocka_unit_test(what_has_begun_is_asked_again_with_each_skip_and_nothing_is_said),
        cmocka_unit_test(what_is_known_to_have_begun_is_not_asked_for),
        cmocka_unit_test(what_came_by_another_offer_is_left_alone),
        cmocka_unit_test(a_message_withdrawn_before_a_handler_had_it_is_decided_skipped),
        cmocka_unit_test(the_reason_of_a_skip_is_kept_and_returned),
        cmocka_unit_test(an_answer_counts_for_what_is_still_in_hand),
        cmocka_unit_test(an_ordered_release_asks_for_all_above_it),
        cmocka_unit_test(what_is_decided_is_said_again),
        cmocka_unit_test(what_is_being_committed_counts_as_decided),
        cmocka_unit_test(below_the_floor_the_floor_is_the_answer),
        cmocka_unit_test(a_tombstone_answers_with_its_floor),
        cmocka_unit_test(what_never_came_is_released_at_once),
        cmocka_unit_test(a_late_skip_does_not_make_a_newer_return_forgotten),
        cmocka_unit_test(what_came_back_as_a_failed_attempt_is_not_told_as_released),
        cmocka_unit_test(
            what_is_withdrawn_and_never_came_is_skipped_so_that_late_data_meets_a_decision),
        cmocka_unit_test(nothing_is_decided_at_or_beyond_the_floor_and_w),
        cmocka_unit_test(one_skip_decides_a_bounded_number_and_its_repetition_the_rest),
        cmocka_unit_test(of_an_epoch_that_is_not_known_nothing_is_said),
        cmocka_unit_test(nobody_skips_in_the_epoch_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
