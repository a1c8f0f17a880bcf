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
        cmocka_unit_test(an_overdue_message_is_asked_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
