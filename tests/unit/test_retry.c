/* SPDX-License-Identifier: MPL-2.0 */
/* Messages that come back undecided: offered again, as the next attempt or as the same one. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void a_nacked_message_comes_again_as_the_next_attempt(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_return(&d, 1, link, GW_RETURN_NACK, 2, 2, driver_number(&d, 2), 500);
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_QUEUED);
    assert_int_equal(driver_where(&d, 2).attempts, 2);
    driver_store(&d);
    assert_int_equal(driver_next_data(&d, 400000), 0); /* not before its time */
    assert_int_equal(driver_row(&d, GW_ROW_STORY, 0)->attempts, 2);
    assert_int_equal(driver_next_data(&d, 100000), 2);
    const struct gw_effect *data = driver_effect(&d, GW_EFFECT_SEND_DATA, 0);
    assert_int_equal(data->u.data.attempt, 2);
    assert_true(data->u.data.redelivered);
    assert_false(data->u.data.maybe_duplicate);
    remote_ack(&d, 1, link, EPOCH, 1, 3);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_STORY), 0);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 0);
    driver_close(&d);
}

static void an_old_return_frees_nothing_of_a_newer_offer(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    uint64_t number = driver_number(&d, 2);
    remote_return(&d, 1, link, GW_RETURN_NACK, 2, 2, number, 0);
    assert_int_equal(driver_next_data(&d, 1), 2);
    remote_return(&d, 1, link, GW_RETURN_NACK, 2, 2, number, 0); /* said once more */
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_ASSIGNED);
    assert_int_equal(driver_where(&d, 2).attempts, 2);
    driver_close(&d);
}

static void a_return_of_another_members_message_changes_nothing(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 3);
    uint64_t other = driver_member(&d, 2, "c", 100);
    remote_return(&d, 2, other, GW_RETURN_NACK, 2, 2, driver_number(&d, 2), 0);
    assert_string_equal(driver_where(&d, 2).peer, "b");
    driver_close(&d);
}

static void a_release_charges_nothing_and_may_go_elsewhere(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 10);
    driver_member(&d, 2, "c", 100);
    remote_return(&d, 1, link, GW_RETURN_RELEASE, 4, 10, driver_number(&d, 4), 0);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 3), "b");
    assert_string_equal(driver_holder(&d, 4), "c");
    assert_int_equal(driver_where(&d, 4).attempts, 1);
    assert_int_equal(driver_rows(&d, GW_ROW_STORY), 0);
    driver_close(&d);
}

static void what_came_back_is_known_after_a_restart(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 10);
    remote_return(&d, 1, link, GW_RETURN_NACK, 4, 4, driver_number(&d, 4), 60000);
    driver_store(&d);
    driver_restart(&d);
    assert_int_equal(driver_where(&d, 4).place, GW_PLACE_QUEUED);
    assert_int_equal(driver_where(&d, 4).attempts, 2);
    assert_string_equal(driver_where(&d, 3).peer, "b");
    assert_string_equal(driver_where(&d, 5).peer, "b");
    driver_close(&d);
}

static void a_crash_charges_what_had_begun_and_offers_it_alone(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 10);
    uint64_t number = driver_number(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_come_back(&d, 2);
    remote_return(&d, 2, link, GW_RETURN_CRASHED, 3, 3, number, 0);
    remote_complete(&d, 2, link);
    assert_int_equal(driver_where(&d, 3).attempts, 2);
    assert_int_equal(driver_where(&d, 4).attempts, 1); /* innocent: the rest goes on meanwhile */
    assert_int_equal(driver_next_data(&d, 1000), 1);
    assert_int_equal(driver_next_data(&d, 100000), 0); /* its pause is over, but b is not free */
    driver_send(&d, EPOCH, 11, 1, 10);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 11), ""); /* b is kept free */
    remote_ack(&d, 2, link, EPOCH, 1, 2);
    remote_ack(&d, 2, link, EPOCH, 4, 10);
    assert_int_equal(driver_next_data(&d, 1), 3);
    assert_int_equal(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.count, 1);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 1); /* nothing else goes there */
    assert_int_equal(driver_next_data(&d, 1000), 0);
    remote_ack(&d, 2, link, EPOCH, 3, 3);
    assert_int_equal(driver_next_data(&d, 10000), 11);
    driver_close(&d);
}

/* What crashed a process twice must be charged twice, also if another waits to be alone: an offer
 * that is made anew has another number than the one that the member tells of. */
static void a_message_that_is_alone_keeps_its_offer_on_a_new_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 10);
    uint64_t number = driver_number(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_come_back(&d, 2);
    remote_return(&d, 2, link, GW_RETURN_CRASHED, 3, 3, number, 0);
    remote_return(&d, 2, link, GW_RETURN_CRASHED, 5, 5, number, 0);
    remote_complete(&d, 2, link);
    assert_int_equal(driver_next_data(&d, 1000), 1);
    remote_ack(&d, 2, link, EPOCH, 1, 2);
    remote_ack(&d, 2, link, EPOCH, 4, 4);
    remote_ack(&d, 2, link, EPOCH, 6, 10);
    for (int i = 0; i < 10 && *driver_holder(&d, 3) == '\0'; i++)
        driver_next_data(&d, 100000);
    assert_string_equal(driver_holder(&d, 3), "b");
    assert_string_equal(driver_holder(&d, 5), "");
    number = driver_number(&d, 3);
    remote_say(&d, 2, GW_FRAME_RESET, link);
    link = driver_come_back(&d, 3); /* it died again, before it could store anything of it */
    remote_complete(&d, 3, link);
    driver_commit(&d);
    assert_int_equal(driver_number(&d, 3), number);
    remote_return(&d, 3, link, GW_RETURN_CRASHED, 3, 3, number, 0);
    assert_int_equal(driver_where(&d, 3).attempts, 3);
    driver_close(&d);
}

static void a_member_that_serves_no_more_keeps_only_what_it_holds(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 10);
    driver_member(&d, 2, "c", 100);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_link(&d, 3, "b"); /* it tells no SERVE of stage:work */
    remote_in_hand(&d, 3, link, EPOCH, 4, 5);
    remote_complete(&d, 3, link);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 3), "c");
    assert_string_equal(driver_holder(&d, 4), "b");
    assert_string_equal(driver_holder(&d, 6), "c");
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nacked_message_comes_again_as_the_next_attempt),
        cmocka_unit_test(an_old_return_frees_nothing_of_a_newer_offer),
        cmocka_unit_test(a_return_of_another_members_message_changes_nothing),
        cmocka_unit_test(a_release_charges_nothing_and_may_go_elsewhere),
        cmocka_unit_test(what_came_back_is_known_after_a_restart),
        cmocka_unit_test(a_crash_charges_what_had_begun_and_offers_it_alone),
        cmocka_unit_test(a_message_that_is_alone_keeps_its_offer_on_a_new_link),
        cmocka_unit_test(a_member_that_serves_no_more_keeps_only_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
