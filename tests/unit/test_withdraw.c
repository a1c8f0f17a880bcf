/* SPDX-License-Identifier: MPL-2.0 */
/* Withdrawals at the sender: of what nobody has at once, of what a member has when it says so. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void what_nobody_has_is_withdrawn_at_once(void **state)
{
    (void)state;
    struct driver d;
    driver_begin_without(&d, 3);
    driver_withdraw(&d, 2);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_WITHDRAWN);
    driver_member(&d, 1, "b", 100);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 1), "b");
    assert_string_equal(driver_holder(&d, 2), "");
    assert_string_equal(driver_holder(&d, 3), "b");
    driver_close(&d);
}

static void what_a_member_may_have_is_asked_back_until_it_answers(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_withdraw(&d, 2);
    const struct gw_frame *skip = driver_sent(&d, GW_FRAME_SKIP, 0);
    assert_non_null(skip);
    assert_int_equal(skip->u.skip.purpose, GW_SKIP_WITHDRAW);
    assert_int_equal(skip->u.skip.ranges[0].first, 2);
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_ASSIGNED);
    driver_tick(&d, SECOND);
    assert_non_null(driver_sent(&d, GW_FRAME_SKIP, 0)); /* rule 9 */
    remote_except(&d, 1, link, GW_EXCEPTION_SKIPPED, 2, GW_WITHDRAW_CANCELLED);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_WITHDRAWN);
    driver_tick(&d, SECOND);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_close(&d);
}

static void a_decision_beats_the_wish(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_withdraw(&d, 2);
    remote_ack(&d, 1, link, EPOCH, 2, 2);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_PROCESSED);
    driver_close(&d);
}

static void a_wanted_message_is_not_sent_on_a_new_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_withdraw(&d, 2);
    link = driver_member(&d, 2, "b", 100);
    assert_int_equal(driver_data(&d, 0).first, 1);
    assert_int_equal(driver_data(&d, 0).last, 1);
    assert_int_equal(driver_data(&d, 1).first, 3);
    assert_non_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    remote_return(&d, 2, link, GW_RETURN_RELEASE, 2, 2, driver_number(&d, 2), 0); /* never had it */
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_WITHDRAWN);
    driver_close(&d);
}

static void a_rejection_beats_the_wish_although_its_member_serves_no_more(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_withdraw(&d, 2);
    link = driver_link(&d, 2, "b"); /* it serves nothing: what it does not hold is free */
    remote_except(&d, 2, link, GW_EXCEPTION_REJECTED, 2, 7);
    remote_complete(&d, 2, link);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_DEAD);
    assert_string_equal(driver_row(&d, GW_ROW_DEAD, 0)->peer, "b");
    driver_close(&d);
}

static void a_withdrawn_batch_in_a_backlog_skips_nothing_before_it(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    for (uint64_t i = 1; i <= 5; i++)
        driver_send(&d, EPOCH, i, 1, 10);
    driver_commit(&d);
    driver_withdraw(&d, 3);
    driver_store(&d);
    driver_member(&d, 1, "b", 100);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 1), "b");
    assert_string_equal(driver_holder(&d, 2), "b");
    assert_string_equal(driver_holder(&d, 5), "b");
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_has_is_withdrawn_at_once),
        cmocka_unit_test(what_a_member_may_have_is_asked_back_until_it_answers),
        cmocka_unit_test(a_decision_beats_the_wish),
        cmocka_unit_test(a_wanted_message_is_not_sent_on_a_new_link),
        cmocka_unit_test(a_rejection_beats_the_wish_although_its_member_serves_no_more),
        cmocka_unit_test(a_withdrawn_batch_in_a_backlog_skips_nothing_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
