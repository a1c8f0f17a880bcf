/* SPDX-License-Identifier: MPL-2.0 */
/* Messages that end as dead letters: too many attempts, rejections, and what holds a burial up. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void too_many_attempts_make_a_dead_letter(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_policy(&d, &(struct gw_policy){.max_attempts = 2, .retry_cap_us = 1});
    remote_return(&d, 1, link, GW_RETURN_NACK, 2, 2, driver_number(&d, 2), 0);
    assert_int_equal(driver_next_data(&d, 1), 2);
    remote_return(&d, 1, link, GW_RETURN_NACK, 2, 2, driver_number(&d, 2), 0);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 1);
    assert_int_equal(driver_row(&d, GW_ROW_DEAD, 0)->attempts, 2);
    assert_int_equal(driver_row(&d, GW_ROW_DEAD, 0)->how, GW_DEATH_ATTEMPTS);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_DEAD);
    assert_int_equal(driver_count(&d, GW_EFFECT_BURIED), 1);
    assert_int_equal(driver_rows(&d, GW_ROW_STORY), 0);
    remote_ack(&d, 1, link, EPOCH, 1, 3); /* the rest flows, and the floor rises over the hole */
    driver_store(&d);
    struct gw_stream_view view;
    assert_true(driver_stream(&d, EPOCH, &view));
    assert_int_equal(view.floor, 4);
    driver_close(&d);
}

static void a_rejection_is_a_dead_letter_in_one_write(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 2, 7);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 0);
    driver_store(&d);
    const struct gw_row *dead = driver_row(&d, GW_ROW_DEAD, 0);
    assert_int_equal(dead->first, 2);
    assert_int_equal(dead->how, GW_DEATH_REJECTED);
    assert_int_equal(dead->code, 7);
    assert_string_equal(dead->peer, "b");
    assert_int_equal(driver_rows(&d, GW_ROW_SETTLED), 1);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 2, 7); /* repeated until the floor passes */
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_dead_letters), 1);
    driver_close(&d);
}

static void what_waits_to_be_buried_is_not_sent_on_a_new_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_send(&d, EPOCH, 4, 1, 10);
    driver_seal(&d); /* a slow write: the burial has to wait for it */
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 2, 7);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_member(&d, 2, "b", 100);
    assert_int_equal(driver_data(&d, 0).last, 1);
    assert_int_equal(driver_data(&d, 1).first, 3);
    driver_close(&d);
}

/* Beside a crashed message what is not in hand comes back; what was rejected there does not: with
 * nobody after a crash, it would be offered again while its member has decided. */
static void a_rejected_message_stays_with_its_member_until_it_is_buried(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 3);
    uint64_t number = driver_number(&d, 1);
    driver_restart(&d); /* no bytes are in memory */
    uint64_t link = driver_come_back(&d, 2);
    remote_return(&d, 2, link, GW_RETURN_CRASHED, 1, 1, number, 0);
    remote_except(&d, 2, link, GW_EXCEPTION_REJECTED, 2, 7);
    remote_complete(&d, 2, link);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 0);
    assert_string_equal(driver_holder(&d, 1), "");
    assert_string_equal(driver_holder(&d, 2), "b");
    assert_string_equal(driver_holder(&d, 3), "");
    driver_restart(&d); /* the rejection is told again, and still about b's */
    link = driver_link(&d, 3, "b");
    remote_except(&d, 3, link, GW_EXCEPTION_REJECTED, 2, 7);
    driver_loaded(&d, EPOCH, 1, 3);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 1);
    assert_false(driver_row(&d, GW_ROW_DEAD, 0)->maybe_duplicate);
    driver_close(&d);
}

/* Whose it was rejects it while it is on its way to another: nothing can end it before that is
 * durable, and a dead letter alone would let it be offered again. */
static void a_message_that_is_being_moved_is_buried_when_it_has_moved(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_member(&d, 2, "c", 100);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_send(&d, EPOCH, 4, 1, 10);
    driver_seal(&d); /* a slow write */
    driver_forfeit(&d, "b");
    link = driver_come_back(&d, 3);
    remote_except(&d, 3, link, GW_EXCEPTION_REJECTED, 2, 7);
    driver_committed(&d);
    driver_store(&d);
    assert_string_equal(driver_holder(&d, 2), "c");
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 0);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 1);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_DEAD);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_many_attempts_make_a_dead_letter),
        cmocka_unit_test(a_rejection_is_a_dead_letter_in_one_write),
        cmocka_unit_test(what_waits_to_be_buried_is_not_sent_on_a_new_link),
        cmocka_unit_test(a_rejected_message_stays_with_its_member_until_it_is_buried),
        cmocka_unit_test(a_message_that_is_being_moved_is_buried_when_it_has_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
