/* SPDX-License-Identifier: MPL-2.0 */
/* What waits to leave: for credit, for its turn, or for nothing any more; and what is wanted back
 * of it. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* b has 1 to `count`, in one run, and comes back on connection 2 with that much credit: the rest
 * waits. The link of b. */
static uint64_t begin_starved(struct driver *d, uint32_t count, uint64_t credit)
{
    uint64_t link = driver_begin(d, count);
    remote_say(d, 1, GW_FRAME_RESET, link);
    return driver_member(d, 2, "b", credit);
}

static void give(struct driver *d, uint64_t link, uint64_t messages)
{
    remote_credit(d, 2, link, messages, 1 << 24);
}

/* ---- the queue ---- */

static void a_run_that_is_cut_while_it_waits_leaves_in_order(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin_starved(&d, 9, 0);
    uint64_t number = driver_number(&d, 1);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    remote_return(&d, 2, link, GW_RETURN_NACK, 4, 5, number, 60000);
    remote_return(&d, 2, link, GW_RETURN_NACK, 2, 2, number, 60000); /* not the last in the queue */
    give(&d, link, 100);
    assert_range(driver_data(&d, 0), 1, 1);
    assert_range(driver_data(&d, 1), 3, 3);
    assert_range(driver_data(&d, 2), 6, 9);
    assert_range(driver_data(&d, 3), 0, 0);
    driver_close(&d);
}

/* The rest of it is decided: nothing is left to be cut off. */
static void what_is_cut_off_behind_may_be_settled_already(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 9);
    uint64_t number = driver_number(&d, 1);
    remote_ack(&d, 1, link, EPOCH, 6, 9);
    remote_return(&d, 1, link, GW_RETURN_NACK, 4, 5, number, 60000);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 1);
    assert_range((struct gw_range){driver_row(&d, GW_ROW_ASSIGNMENT, 0)->first,
                                   driver_row(&d, GW_ROW_ASSIGNMENT, 0)->last}, 1, 3);
    driver_close(&d);
}

static void a_refusal_takes_out_what_waits_and_leaves_the_rest(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    struct gw_serve items[] = {{{GW_KIND_STAGE, "other"}, 1, 100, 1 << 20},
                               {{GW_KIND_STAGE, "work"}, 1, 100, 1 << 20}};
    struct gw_frame serve = {.type = GW_FRAME_SERVE, .link = link};
    serve.u.serve.items = items;
    serve.u.serve.count = 2;
    driver_frame(&d, 1, &serve);
    remote_complete(&d, 1, link);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_send(&d, EPOCH + 1, 1, 3, 10);
    driver_commit(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    serve.link = link = driver_link(&d, 2, "b");
    items[1].credit_messages = 0;
    driver_frame(&d, 2, &serve);
    remote_complete(&d, 2, link);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    remote_refuse(&d, 2, link, GW_REFUSE_EPOCH, EPOCH);
    struct gw_credit credit = {1, 100, 1 << 20};
    struct gw_frame ack = {.type = GW_FRAME_ACK, .link = link};
    ack.u.ack.credits = &credit;
    ack.u.ack.credit_count = 1;
    driver_frame(&d, 2, &ack);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 1);
    assert_int_equal(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.batch->epoch, EPOCH + 1);
    driver_close(&d);
}

/* Of an epoch that it refuses nothing is asked for, either. */
static void nothing_is_asked_back_of_a_refused_epoch(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_refuse(&d, 1, link, GW_REFUSE_EPOCH, EPOCH);
    driver_withdraw(&d, 2);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_tick(&d, SECOND);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_close(&d);
}

/* What an earlier link had paid for waits behind what is paid for on this one. */
static void what_is_paid_for_goes_before_what_waits_for_credit(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_seal(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_member(&d, 2, "b", 2);
    driver_send(&d, EPOCH, 4, 2, 10); /* takes the credit of this link */
    driver_committed(&d);
    assert_range(driver_data(&d, 0), 0, 0);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 4, 5);
    assert_range(driver_data(&d, 1), 0, 0);
    give(&d, link, 100);
    assert_range(driver_data(&d, 0), 1, 3);
    driver_close(&d);
}

/* ---- settled meanwhile ---- */

static void what_is_settled_and_not_sealed_is_no_more_forgotten_than_sealed(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 6);
    remote_except(&d, 1, link, GW_EXCEPTION_SKIPPED, 1, GW_WITHDRAW_PURGED);
    remote_except(&d, 1, link, GW_EXCEPTION_SKIPPED, 4, GW_WITHDRAW_PURGED);
    driver_tick(&d, 10000);
    driver_seal(&d);
    remote_except(&d, 1, link, GW_EXCEPTION_SKIPPED, 2, GW_WITHDRAW_PURGED);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 5, 1);
    driver_committed(&d);
    assert_int_equal(driver_outcome(&d, 1), GW_OUTCOME_WITHDRAWN);
    assert_int_equal(driver_outcome(&d, 2), 0);
    remote_ack(&d, 1, link, EPOCH, 3, 3);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_WITHDRAWN);
    assert_int_equal(driver_outcome(&d, 3), GW_OUTCOME_PROCESSED);
    assert_int_equal(driver_outcome(&d, 5), GW_OUTCOME_DEAD);
    assert_int_equal(driver_where(&d, 6).place, GW_PLACE_ASSIGNED);
    driver_close(&d);
}

/* One row for each way to end, in the order of the messages. */
static void outcomes_tell_each_way_to_end_apart(void **state)
{
    (void)state;
    static const struct gw_range ranges[] = {{1, 1}, {2, 2}, {3, 4}, {5, 5}, {6, 6}};
    struct driver d;
    struct gw_core_options options;
    driver_options(&options, "a");
    options.outcomes = true;
    driver_open_with(&d, &options);
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 6, 10);
    driver_commit(&d);
    remote_ack(&d, 1, link, EPOCH, 1, 1);
    remote_except(&d, 1, link, GW_EXCEPTION_SKIPPED, 2, GW_WITHDRAW_PURGED);
    remote_ack(&d, 1, link, EPOCH, 3, 4);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 5, 1);
    remote_ack(&d, 1, link, EPOCH, 6, 6);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_OUTCOME), 5);
    for (size_t i = 0; i < 5; i++) {
        const struct gw_row *row = driver_row(&d, GW_ROW_OUTCOME, i);
        assert_range((struct gw_range){row->first, row->last}, ranges[i].first, ranges[i].last);
        assert_int_equal(row->number, i + 1);
    }
    driver_close(&d);
}

/* c has it by now, or is about to; the word of b, who had it first, comes before. */
static void who_lost_it_may_still_settle_it_while_another_gets_it(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    driver_member(&d, 2, "c", 1); /* gets 1: it is being stored */
    link = driver_come_back(&d, 3);
    remote_ack(&d, 3, link, EPOCH, 1, 3);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_ASSIGNED); /* to whom is not durable */
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_SETTLED);
    driver_commit(&d);
    remote_ack(&d, 3, link, EPOCH, 1, 3); /* it is said again with each PING */
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 1), GW_OUTCOME_PROCESSED);
    driver_close(&d);
}

static void an_ack_of_what_is_being_assigned_settles_nothing(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_send(&d, EPOCH, 4, 3, 10);
    driver_seal(&d);
    remote_ack(&d, 1, link, EPOCH, 1, 6);
    assert_int_equal(driver_where(&d, 3).place, GW_PLACE_SETTLED);
    assert_int_equal(driver_where(&d, 4).place, GW_PLACE_ASSIGNED);
    driver_committed(&d);
    assert_range(driver_data(&d, 0), 4, 6);
    driver_close(&d);
}

/* Two old epochs of one destination, the newer one of which ends first. */
static void an_epoch_may_end_before_an_older_one(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 2);
    driver_send(&d, EPOCH + 1, 1, 2, 10);
    driver_commit(&d);
    driver_restart(&d);
    uint64_t link = driver_member(&d, 1, "b", 100);
    remote_ack(&d, 1, link, EPOCH + 1, 1, 2);
    driver_commit(&d);
    driver_loaded(&d, EPOCH + 1, 1, 2);
    driver_store(&d);
    assert_int_equal(driver_sent(&d, GW_FRAME_CLOSED, 0)->u.closed.epoch, EPOCH + 1);
    link = driver_link(&d, 1, "b"); /* CLOSED again, of that epoch alone */
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 1);
    remote_closed(&d, 1, link, EPOCH + 1);
    driver_tick(&d, SECOND); /* confirmed, and not written: it is not repeated */
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 0);
    driver_seal(&d);
    driver_tick(&d, SECOND);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 0);
    driver_committed(&d);
    struct gw_stream_view view;
    assert_false(driver_stream(&d, EPOCH + 1, &view));
    assert_true(driver_stream(&d, EPOCH, &view));
    driver_close(&d);
}

/* ---- wishes ---- */

static void wish(struct driver *d, uint64_t epoch, uint64_t sequence, uint32_t code)
{
    struct gw_event event = {.type = GW_EVENT_WITHDRAW};
    event.u.withdraw.epoch = epoch;
    event.u.withdraw.sequence = sequence;
    event.u.withdraw.code = code;
    driver_step(d, &event);
}

static void a_wish_for_what_is_not_there_changes_nothing(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_ack(&d, 1, link, EPOCH, 1, 1);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 2, 1);
    wish(&d, 99, 1, GW_WITHDRAW_PURGED);    /* no such epoch */
    wish(&d, EPOCH, 4, GW_WITHDRAW_PURGED); /* no such message */
    wish(&d, EPOCH, 1, GW_WITHDRAW_PURGED); /* decided */
    wish(&d, EPOCH, 2, GW_WITHDRAW_PURGED); /* rejected */
    assert_int_equal(d.effects.count, 0);
    wish(&d, EPOCH, 3, GW_WITHDRAW_PURGED);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_SKIP), 1);
    wish(&d, EPOCH, 3, GW_WITHDRAW_PURGED); /* wanted already */
    assert_int_equal(d.effects.count, 0);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_DEAD);
    driver_close(&d);
}

/* What is not stored yet ends when it is. */
static void a_wish_for_what_is_being_stored_waits_for_that(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_withdraw(&d, 2);
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_QUEUED);
    driver_commit(&d);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_WITHDRAWN);
    driver_close(&d);
}

static void wishes_of_several_kinds_are_asked_in_several_skips(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 9);
    driver_member(&d, 2, "c", 100);
    driver_send(&d, EPOCH, 10, 1, 10);
    driver_commit(&d); /* c has 10 */
    wish(&d, EPOCH, 2, GW_WITHDRAW_PURGED);
    wish(&d, EPOCH, 3, GW_WITHDRAW_PURGED); /* beside it: one range */
    wish(&d, EPOCH, 5, GW_WITHDRAW_EXPIRED);
    wish(&d, EPOCH, 10, GW_WITHDRAW_PURGED); /* with another member */
    remote_return(&d, 1, link, GW_RETURN_NACK, 8, 8, driver_number(&d, 8), 60000);
    remote_ack(&d, 1, link, EPOCH, 5, 5); /* not wanted any more, and not sealed */
    wish(&d, EPOCH, 6, GW_WITHDRAW_EXPIRED);
    driver_tick(&d, SECOND);
    size_t count = 0;
    const struct gw_frame *skip;
    for (size_t i = 0; i < d.effects.count; i++) {
        const struct gw_effect *effect = &d.effects.items[i];
        if (effect->type != GW_EFFECT_SEND || effect->u.send.conn != 1 ||
            effect->u.send.frame->type != GW_FRAME_SKIP)
            continue;
        skip = effect->u.send.frame;
        assert_int_equal(skip->u.skip.code, count ? GW_WITHDRAW_EXPIRED : GW_WITHDRAW_PURGED);
        assert_int_equal(skip->u.skip.range_count, 1);
        assert_range(skip->u.skip.ranges[0], count ? 6 : 2, count ? 6 : 3);
        count++;
    }
    assert_int_equal(count, 2);
    driver_close(&d);
}

/* One frame takes 256 ranges. */
static void many_wishes_take_several_skips(void **state)
{
    (void)state;
    struct driver d;
    struct gw_core_options options;
    driver_options(&options, "a");
    options.window = 1000;
    driver_open_with(&d, &options);
    uint64_t link = driver_member(&d, 1, "b", 1000);
    driver_send(&d, EPOCH, 1, 600, 10);
    driver_commit(&d);
    for (uint64_t s = 1; s <= 600; s += 2)
        driver_withdraw(&d, s);
    remote_ping(&d, 1, link, 0); /* nothing is overdue: there is one PING */
    driver_from_here();
    driver_tick(&d, SECOND);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_SKIP), 2);
    assert_int_equal(driver_sent(&d, GW_FRAME_SKIP, 0)->u.skip.range_count, GW_SKIP_RANGES_MAX);
    assert_int_equal(driver_sent(&d, GW_FRAME_SKIP, 1)->u.skip.range_count, 300 - 256);
    driver_close(&d);
}

static void a_wish_reaches_a_member_when_it_has_told_all(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_come_back(&d, 2);
    driver_withdraw(&d, 2);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0)); /* it may have decided it */
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    remote_complete(&d, 2, link);
    assert_non_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_close(&d);
}

/* Wishes go with what is decided before the next seal: some are still wanted, some are not. */
static void all_that_is_wanted_may_end_in_one_step(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send(&d, EPOCH, 1, 5, 10);
    driver_withdraw(&d, 2);
    driver_withdraw(&d, 4);
    driver_seal(&d);
    driver_committed(&d); /* now both can end */
    driver_withdraw(&d, 3);
    driver_store(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_withdrawn), 3);
    driver_close(&d);
}

/* It is offered to c, whose deadline is over; b is there and has nothing of it. */
static void a_deadline_asks_only_who_is_there(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_policy(&d, &(struct gw_policy){.deadline_us = SECOND});
    driver_member(&d, 2, "c", 100);
    uint64_t e = driver_member(&d, 3, "e", 100);
    driver_send(&d, EPOCH, 4, 1, 10);
    driver_commit(&d);
    remote_ack(&d, 1, link, EPOCH, 1, 1);
    remote_say(&d, 3, GW_FRAME_RESET, e);
    driver_tick(&d, SECOND);
    const struct gw_frame *skip = driver_sent_on(&d, 1, GW_FRAME_SKIP);
    assert_non_null(skip);
    assert_int_equal(driver_counter(&d, GW_COUNTER_overdue), 3);
    driver_tick(&d, SECOND); /* with each heartbeat, as long as it is open */
    assert_non_null(driver_sent_on(&d, 1, GW_FRAME_SKIP));
    remote_ack(&d, 1, link, EPOCH, 2, 3);
    driver_tick(&d, SECOND);
    assert_null(driver_sent_on(&d, 1, GW_FRAME_SKIP));
    driver_close(&d);
}

/* What was told on another link says nothing of what it has now. */
static void what_was_forfeited_is_asked_back_of_what_it_tells_now(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    link = driver_come_back(&d, 2);
    remote_in_hand(&d, 2, link, EPOCH, 1, 2);
    remote_say(&d, 2, GW_FRAME_RESET, link);
    link = driver_come_back(&d, 3); /* this one tells of nothing */
    remote_complete(&d, 3, link);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_close(&d);
}

/* ---- among stories ---- */

/* A message that failed is sent like any other; one that is wanted or rejected is not. */
static void what_waits_among_failures_is_sent_around_what_is_over(void **state)
{
    (void)state;
    struct driver d;
    struct gw_policy policy = {.retry_base_us = 1, .retry_cap_us = 1};
    uint64_t link = driver_begin(&d, 6);
    driver_policy(&d, &policy);
    uint64_t number = driver_number(&d, 1);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    driver_member(&d, 2, "c", 0); /* has credit for none of it yet */
    uint64_t e = driver_member(&d, 4, "e", 100);
    driver_commit(&d); /* e has all */
    link = driver_come_back(&d, 3);
    remote_return(&d, 3, link, GW_RETURN_NACK, 2, 3, number, 0); /* failed at b, before */
    remote_except(&d, 4, e, GW_EXCEPTION_REJECTED, 5, 1);
    driver_withdraw(&d, 4);
    remote_say(&d, 4, GW_FRAME_RESET, e);
    driver_member(&d, 5, "e", 100);
    assert_range(driver_data(&d, 0), 1, 3);
    assert_range(driver_data(&d, 1), 6, 6);
    assert_range(driver_data(&d, 2), 0, 0);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_is_cut_while_it_waits_leaves_in_order),
        cmocka_unit_test(what_is_cut_off_behind_may_be_settled_already),
        cmocka_unit_test(a_refusal_takes_out_what_waits_and_leaves_the_rest),
        cmocka_unit_test(nothing_is_asked_back_of_a_refused_epoch),
        cmocka_unit_test(what_is_paid_for_goes_before_what_waits_for_credit),
        cmocka_unit_test(what_is_settled_and_not_sealed_is_no_more_forgotten_than_sealed),
        cmocka_unit_test(outcomes_tell_each_way_to_end_apart),
        cmocka_unit_test(who_lost_it_may_still_settle_it_while_another_gets_it),
        cmocka_unit_test(an_ack_of_what_is_being_assigned_settles_nothing),
        cmocka_unit_test(an_epoch_may_end_before_an_older_one),
        cmocka_unit_test(a_wish_for_what_is_not_there_changes_nothing),
        cmocka_unit_test(a_wish_for_what_is_being_stored_waits_for_that),
        cmocka_unit_test(wishes_of_several_kinds_are_asked_in_several_skips),
        cmocka_unit_test(many_wishes_take_several_skips),
        cmocka_unit_test(a_wish_reaches_a_member_when_it_has_told_all),
        cmocka_unit_test(all_that_is_wanted_may_end_in_one_step),
        cmocka_unit_test(a_deadline_asks_only_who_is_there),
        cmocka_unit_test(what_was_forfeited_is_asked_back_of_what_it_tells_now),
        cmocka_unit_test(what_waits_among_failures_is_sent_around_what_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
