/* SPDX-License-Identifier: MPL-2.0 */
/* What is wanted back while it moves, waits or ends; and what is sent around it. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

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

/* For another member, and for good: one frame each. */
static void what_is_overdue_and_wanted_is_asked_for_both(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 4);
    driver_policy(&d, &(struct gw_policy){.deadline_us = SECOND});
    driver_member(&d, 2, "c", 0);
    wish(&d, EPOCH, 2, GW_WITHDRAW_PURGED);
    driver_tick(&d, SECOND);
    remote_ping(&d, 1, link, 0);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    size_t purposes[3] = {0};
    const struct gw_frame *skip;
    for (size_t n = 0; (skip = driver_sent(&d, GW_FRAME_SKIP, n)); n++)
        purposes[skip->u.skip.purpose]++;
    assert_true(purposes[GW_SKIP_WITHDRAW] && purposes[GW_SKIP_RELEASE]);
    driver_close(&d);
}

/* What came back and is wanted ends; what is being given to another is asked for when it has it. */
static void a_wish_for_what_moves_waits_until_it_has_moved(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_policy(&d, &(struct gw_policy){.retry_base_us = 1, .retry_cap_us = 1});
    remote_return(&d, 1, link, GW_RETURN_NACK, 1, 2, driver_number(&d, 1), 0);
    driver_tick(&d, 100); /* assigned anew, and not durable */
    wish(&d, EPOCH, 1, GW_WITHDRAW_PURGED);
    driver_seal(&d);
    wish(&d, EPOCH, 2, GW_WITHDRAW_PURGED);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_ASSIGNED);
    driver_committed(&d);
    for (int i = 0; i < 4; i++)
        driver_store(&d);
    wish(&d, EPOCH, 3, GW_WITHDRAW_PURGED);
    remote_ack(&d, 1, link, EPOCH, 3, 3);
    driver_send(&d, EPOCH, 4, 1, 10); /* looked at again before the decision is written */
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 3), GW_OUTCOME_PROCESSED);
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

/* The last of a piece failed; what is wanted is in another. */
static void a_piece_that_ends_with_a_failure_is_sent_whole(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 6);
    uint64_t number = driver_number(&d, 1);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    uint64_t e = driver_member(&d, 2, "e", 100);
    driver_commit(&d); /* e has all */
    link = driver_come_back(&d, 3);
    remote_return(&d, 3, link, GW_RETURN_NACK, 3, 3, number, 0); /* failed at b, before */
    remote_ack(&d, 2, e, EPOCH, 4, 4);
    driver_withdraw(&d, 6);
    remote_say(&d, 2, GW_FRAME_RESET, e);
    driver_member(&d, 4, "e", 100);
    assert_range(driver_data(&d, 0), 1, 3);
    assert_range(driver_data(&d, 1), 5, 5);
    assert_range(driver_data(&d, 2), 0, 0);
    driver_close(&d);
}

/* b never came back after the restart: it holds them by its rows alone. */
static void what_was_never_sent_in_this_open_can_be_forfeited(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 3);
    driver_restart(&d);
    driver_forfeit(&d, "b");
    assert_true(driver_noted(&d, GW_NOTE_FORFEITED, 3));
    driver_member(&d, 2, "c", 100);
    driver_loaded(&d, EPOCH, 1, 3);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 1, 3);
    assert_true(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.maybe_duplicate);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wish_for_what_is_not_there_changes_nothing),
        cmocka_unit_test(a_wish_for_what_is_being_stored_waits_for_that),
        cmocka_unit_test(wishes_of_several_kinds_are_asked_in_several_skips),
        cmocka_unit_test(many_wishes_take_several_skips),
        cmocka_unit_test(what_is_overdue_and_wanted_is_asked_for_both),
        cmocka_unit_test(a_wish_for_what_moves_waits_until_it_has_moved),
        cmocka_unit_test(a_wish_reaches_a_member_when_it_has_told_all),
        cmocka_unit_test(all_that_is_wanted_may_end_in_one_step),
        cmocka_unit_test(a_deadline_asks_only_who_is_there),
        cmocka_unit_test(what_was_forfeited_is_asked_back_of_what_it_tells_now),
        cmocka_unit_test(what_waits_among_failures_is_sent_around_what_is_over),
        cmocka_unit_test(a_piece_that_ends_with_a_failure_is_sent_whole),
        cmocka_unit_test(what_was_never_sent_in_this_open_can_be_forfeited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
