/* SPDX-License-Identifier: MPL-2.0 */
/* Streams with an order: nothing is offered before what is older. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void an_ordered_stream_has_one_member_at_a_time(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_policy(&d, &(struct gw_policy){.ordered = true});
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_member(&d, 2, "c", 100);
    driver_send(&d, EPOCH, 1, 4, 10);
    driver_commit(&d);
    const char *lead = driver_holder(&d, 1);
    assert_string_equal(driver_holder(&d, 4), lead);
    driver_send(&d, EPOCH, 5, 4, 10);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 8), lead);
    (void)link;
    driver_close(&d);
}

static void nothing_overtakes_a_returned_message_of_an_ordered_stream(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_ordered(&d, 4);
    uint64_t number = driver_number(&d, 2);
    remote_return(&d, 1, link, GW_RETURN_NACK, 2, 2, number, 1000);
    remote_return(&d, 1, link, GW_RETURN_RELEASE, 3, 4, number, 0);
    driver_send(&d, EPOCH, 5, 1, 10);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    assert_string_equal(driver_holder(&d, 3), "");
    assert_string_equal(driver_holder(&d, 5), "");
    remote_ack(&d, 1, link, EPOCH, 1, 1);
    assert_int_equal(driver_next_data(&d, SECOND), 2);
    assert_string_equal(driver_holder(&d, 3), "b");
    assert_string_equal(driver_holder(&d, 5), "b");
    driver_close(&d);
}

/* Its new assignment waits behind a slow write: nothing younger may go on a new link meanwhile. */
static void nothing_overtakes_a_message_that_is_being_assigned_again(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_ordered(&d, 4);
    driver_send(&d, EPOCH, 5, 1, 10);
    driver_seal(&d);
    remote_return(&d, 1, link, GW_RETURN_NACK, 1, 1, driver_number(&d, 1), 0);
    driver_tick(&d, SECOND);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_ASSIGNED);
    driver_member(&d, 2, "b", 100); /* nothing is in its hand */
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    driver_committed(&d);
    assert_int_equal(driver_next_data(&d, SECOND), 1);
    driver_close(&d);
}

static void what_is_assigned_again_in_one_write_leaves_in_order(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_ordered(&d, 4);
    driver_send(&d, EPOCH, 5, 1, 10);
    driver_seal(&d); /* slow */
    uint64_t number = driver_number(&d, 1);
    remote_return(&d, 1, link, GW_RETURN_RELEASE, 3, 4, number, 0);
    remote_return(&d, 1, link, GW_RETURN_RELEASE, 1, 2, number, 0);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_ASSIGNED);
    assert_int_equal(driver_where(&d, 3).place, GW_PLACE_ASSIGNED);
    driver_committed(&d);
    assert_int_equal(driver_next_data(&d, SECOND), 1);
    driver_close(&d);
}

/* How it failed is not recorded, so that a restarted sender offers it alone; but never before what
 * is older. */
static void after_a_restart_no_retry_overtakes_older_messages_of_an_ordered_stream(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_ordered(&d, 4);
    uint64_t number = driver_number(&d, 2);
    remote_return(&d, 1, link, GW_RETURN_NACK, 2, 2, number, 0);
    remote_return(&d, 1, link, GW_RETURN_RELEASE, 3, 4, number, 0);
    assert_int_equal(driver_next_data(&d, SECOND), 2);
    driver_restart(&d);
    driver_member(&d, 1, "b", 100); /* it was killed, too: nothing is in its hand */
    driver_loaded(&d, EPOCH, 1, 4);
    assert_int_equal(driver_data(&d, 0).first, 1);
    assert_int_equal(driver_data(&d, 1).first, 2);
    driver_close(&d);
}

static void nothing_in_a_write_overtakes_what_a_new_link_brought_back(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_policy(&d, &(struct gw_policy){.ordered = true, .retry_base_us = 1, .retry_cap_us = 1});
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_commit(&d);
    uint64_t number = driver_number(&d, 1);
    driver_send(&d, EPOCH, 4, 2, 10);
    driver_seal(&d); /* 4 and 5 are assigned in it */
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_come_back(&d, 2);
    remote_return(&d, 2, link, GW_RETURN_NACK, 1, 1, number, 0);
    remote_complete(&d, 2, link); /* 2 and 3 were lost: they wait behind 1 */
    driver_committed(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    assert_int_equal(driver_next_data(&d, 1000), 1);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 5), "b");
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordered_stream_has_one_member_at_a_time),
        cmocka_unit_test(nothing_overtakes_a_message_that_is_being_assigned_again),
        cmocka_unit_test(what_is_assigned_again_in_one_write_leaves_in_order),
        cmocka_unit_test(nothing_overtakes_a_returned_message_of_an_ordered_stream),
        cmocka_unit_test(after_a_restart_no_retry_overtakes_older_messages_of_an_ordered_stream),
        cmocka_unit_test(nothing_in_a_write_overtakes_what_a_new_link_brought_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
