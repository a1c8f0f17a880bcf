/* SPDX-License-Identifier: MPL-2.0 */
/* Members that are away or slow: strict waits, failover moves on, a deadline asks back. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void strict_waits_and_failover_moves_on(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_member(&d, 2, "c", 100);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    for (int i = 0; i < 40; i++) {
        driver_tick(&d, SECOND);
        remote_say(&d, 2, GW_FRAME_PONG, 0);
    }
    assert_string_equal(driver_where(&d, 1).peer, "b"); /* strict */
    driver_close(&d);
}

static void a_forfeited_message_may_be_decided_by_both(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_policy(&d, &(struct gw_policy){.failover = true, .failover_us = SECOND});
    driver_member(&d, 2, "c", 100);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    assert_int_equal(driver_next_data(&d, SECOND), 1);
    assert_true(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.maybe_duplicate);
    assert_string_equal(driver_holder(&d, 1), "c");
    assert_int_equal(driver_where(&d, 1).attempts, 1);
    link = driver_come_back(&d, 3);
    remote_ack(&d, 3, link, EPOCH, 1, 2); /* the first decision counts, whose ever it is */
    remote_in_hand(&d, 3, link, EPOCH, 3, 3);
    remote_complete(&d, 3, link);
    const struct gw_frame *skip = driver_sent(&d, GW_FRAME_SKIP, 0);
    assert_non_null(skip); /* what it still holds is asked back, to save a second run */
    assert_int_equal(skip->u.skip.ranges[0].first, 3);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 1), GW_OUTCOME_PROCESSED);
    assert_int_equal(driver_where(&d, 3).place, GW_PLACE_ASSIGNED);
    driver_close(&d);
}

static void an_operator_forfeits_only_what_is_away_and_not_decided(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_send(&d, EPOCH, 4, 2, 10);
    driver_commit(&d);
    driver_forfeit(&d, "nobody");
    driver_forfeit(&d, "b"); /* it is there */
    assert_int_equal(d.effects.count, 0);
    remote_ack(&d, 1, link, EPOCH, 1, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    assert_true(driver_noted(&d, GW_NOTE_FORFEITED, 2)); /* 4 and 5 */
    driver_store(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_settled), 3);
    driver_forfeit(&d, "b"); /* it has nothing any more */
    assert_false(driver_noted(&d, GW_NOTE_FORFEITED, 0));
    driver_close(&d);
}

static void without_anybody_else_failover_waits(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_policy(&d, &(struct gw_policy){.failover = true, .failover_us = SECOND});
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_tick(&d, 5 * SECOND);
    assert_string_equal(driver_where(&d, 1).peer, "b");
    driver_member(&d, 2, "c", 100);
    assert_int_equal(driver_next_data(&d, 0), 1);
    assert_string_equal(driver_holder(&d, 1), "c");
    driver_close(&d);
}

/* b, c and e are away, each since another time; f is there. */
static void each_member_that_is_away_has_its_time(void **state)
{
    (void)state;
    struct driver d;
    uint64_t links[3];
    driver_open(&d, "a");
    driver_policy(&d, &(struct gw_policy){.failover = true, .failover_us = 10 * SECOND});
    links[0] = driver_member(&d, 1, "b", 100);
    links[1] = driver_member(&d, 2, "c", 100);
    links[2] = driver_member(&d, 3, "e", 100);
    driver_send(&d, EPOCH, 1, 9, 10);
    driver_commit(&d);
    static const uint64_t order[] = {1, 0, 2};
    uint64_t start_us = d.now_us;
    for (size_t i = 0; i < 3; i++) {
        d.now_us = start_us + i * SECOND;
        remote_say(&d, 1 + order[i], GW_FRAME_RESET, links[order[i]]);
    }
    uint64_t f = driver_member(&d, 4, "f", 100);
    for (uint64_t i = 0; i < 3; i++) {
        while (d.now_us + SECOND / 4 < start_us + (10 + i) * SECOND) {
            driver_tick(&d, SECOND / 4);
            remote_ping(&d, 4, f, 0);
        }
        assert_int_equal(driver_counter(&d, GW_COUNTER_forfeited), i * 3);
        driver_tick(&d, SECOND / 4);
        assert_int_equal(driver_counter(&d, GW_COUNTER_forfeited), (i + 1) * 3);
    }
    driver_commit(&d);
    for (uint64_t s = 1; s <= 9; s++)
        assert_string_equal(driver_holder(&d, s), "f");
    driver_close(&d);
}

static void each_offer_has_its_own_deadline_and_is_asked_back_once(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_policy(&d, &(struct gw_policy){.deadline_us = SECOND});
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_commit(&d);
    driver_member(&d, 2, "c", 0); /* it could take them, if it had credit */
    driver_tick(&d, SECOND / 2);
    driver_send(&d, EPOCH, 4, 3, 10);
    driver_commit(&d);
    driver_tick(&d, SECOND / 2);
    const struct gw_frame *skip = driver_sent_on(&d, 1, GW_FRAME_SKIP);
    assert_non_null(skip);
    assert_int_equal(skip->u.skip.range_count, 1);
    assert_range(skip->u.skip.ranges[0], 1, 3);
    remote_ack(&d, 1, link, EPOCH, 1, 3);
    driver_send(&d, EPOCH, 7, 3, 10);
    driver_seal(&d); /* 7 to 9 are not offered yet */
    driver_tick(&d, SECOND / 2);
    skip = driver_sent_on(&d, 1, GW_FRAME_SKIP);
    assert_non_null(skip);
    assert_range(skip->u.skip.ranges[0], 4, 6);
    assert_int_equal(driver_counter(&d, GW_COUNTER_overdue), 6);
    driver_committed(&d);
    remote_ack(&d, 1, link, EPOCH, 7, 9);
    driver_tick(&d, SECOND); /* 4 to 6 are asked for, 7 to 9 are decided: nothing is overdue */
    assert_int_equal(driver_counter(&d, GW_COUNTER_overdue), 6);
    driver_close(&d);
}

static void a_deadline_asks_nothing_back_that_nobody_else_could_take(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_policy(&d, &(struct gw_policy){.deadline_us = SECOND});
    driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_commit(&d);
    driver_send(&d, EPOCH, 4, 3, 10);
    driver_commit(&d);
    driver_tick(&d, SECOND);
    assert_int_equal(driver_counter(&d, GW_COUNTER_overdue), 0);
    driver_member(&d, 2, "c", 100);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_non_null(driver_sent_on(&d, 1, GW_FRAME_SKIP));
    assert_int_equal(driver_counter(&d, GW_COUNTER_overdue), 6);
    driver_close(&d);
}

static void an_overdue_message_is_asked_back(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_policy(&d, &(struct gw_policy){.deadline_us = SECOND});
    driver_member(&d, 2, "c", 100);
    driver_tick(&d, SECOND);
    const struct gw_frame *skip = driver_sent_on(&d, 1, GW_FRAME_SKIP);
    assert_non_null(skip);
    assert_int_equal(skip->u.skip.purpose, GW_SKIP_RELEASE);
    remote_return(&d, 1, link, GW_RETURN_RELEASE, 2, 3, skip->u.skip.number, 0);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 2), "c");
    assert_string_equal(driver_holder(&d, 1), "b"); /* its handler had begun */
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_waits_and_failover_moves_on),
        cmocka_unit_test(a_forfeited_message_may_be_decided_by_both),
        cmocka_unit_test(an_operator_forfeits_only_what_is_away_and_not_decided),
        cmocka_unit_test(without_anybody_else_failover_waits),
        cmocka_unit_test(each_member_that_is_away_has_its_time),
        cmocka_unit_test(each_offer_has_its_own_deadline_and_is_asked_back_once),
        cmocka_unit_test(a_deadline_asks_nothing_back_that_nobody_else_could_take),
        cmocka_unit_test(an_overdue_message_is_asked_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
