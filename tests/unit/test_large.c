/* SPDX-License-Identifier: MPL-2.0 */
/* Large messages: each peer tells how large a one it takes, and gets none that is larger. */

#include "support/core_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define MIB (UINT32_C(1) << 20)

static void send_large(struct driver *d, uint64_t first, const uint32_t *sizes, uint32_t count)
{
    struct gw_event event = {.type = GW_EVENT_BATCH};
    event.u.batch.destination = (struct gw_destination){GW_KIND_STAGE, "work"};
    event.u.batch.batch = driver_batch_of(EPOCH, first, sizes, count);
    driver_step(d, &event);
}

static uint64_t link_of(struct driver *d, uint64_t conn, const char *name, uint64_t max_message)
{
    struct gw_identity identity;
    remote_identity(&identity, name, (uint64_t)name[0]);
    identity.max_message = max_message;
    uint64_t link = driver_link_as(d, conn, &identity);
    remote_serve(d, conn, link, 100, 64 * MIB);
    remote_complete(d, conn, link);
    return link;
}

static void a_large_message_goes_to_one_that_takes_it(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    link_of(&d, 1, "b", MIB);
    link_of(&d, 2, "c", 2 * MIB);
    link_of(&d, 3, "d", 16 * MIB);
    send_large(&d, 1, (uint32_t[]){16 * MIB}, 1);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 1);
    assert_int_equal(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.conn, 3);
    driver_close(&d);
}

static void exactly_the_limit_is_taken_and_one_byte_more_is_not(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    link_of(&d, 1, "b", 16 * MIB);
    send_large(&d, 1, (uint32_t[]){16 * MIB}, 1);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 1, 1);
    send_large(&d, 2, (uint32_t[]){16 * MIB + 1}, 1);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 0, 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_too_large), 1);
    driver_close(&d);
}

/* An old peer tells what it sends, which may be little: it takes a mebibyte all the same. */
static void a_mebibyte_is_taken_whatever_was_told(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    link_of(&d, 1, "b", 1000);
    send_large(&d, 1, (uint32_t[]){MIB}, 1);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 1, 1);
    send_large(&d, 2, (uint32_t[]){MIB + 1}, 1);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 0, 0);
    driver_close(&d);
}

static void what_nobody_takes_waits_and_is_told_once(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = link_of(&d, 1, "b", MIB);
    send_large(&d, 1, (uint32_t[]){5 * MIB}, 1);
    assert_true(driver_noted(&d, GW_NOTE_TOO_LARGE, EPOCH));
    driver_commit(&d);
    send_large(&d, 2, (uint32_t[]){10}, 1);
    driver_commit(&d);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0); /* what is behind it waits, too */
    assert_int_equal(driver_counter(&d, GW_COUNTER_too_large), 1);
    remote_say(&d, 1, GW_FRAME_BYE, link);
    link_of(&d, 2, "b", 5 * MIB); /* opened again, with more */
    driver_commit(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_data_sent), 2);
    driver_close(&d);
}

static void a_run_ends_before_what_its_member_does_not_take(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    link_of(&d, 1, "b", MIB);
    send_large(&d, 1, (uint32_t[]){10, 10, MIB + 1, 10}, 4); /* less than a body may have */
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 1);
    assert_range(driver_data(&d, 0), 1, 2);
    link_of(&d, 2, "c", 2 * MIB);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 3, 4);
    driver_close(&d);
}

static void several_in_one_frame_are_two_mebibytes_at_most(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    link_of(&d, 1, "b", 16 * MIB);
    send_large(&d, 1, (uint32_t[]){MIB, MIB, 10, 3 * MIB, 10, 10}, 6); /* of one transaction */
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 4);
    assert_range(driver_data(&d, 0), 1, 2);
    assert_range(driver_data(&d, 1), 3, 3);
    assert_range(driver_data(&d, 2), 4, 4);
    assert_range(driver_data(&d, 3), 5, 6);
    driver_close(&d);
}

/* A peer that is opened again with a smaller limit would drop the connection for it. */
static void what_was_offered_waits_for_a_link_that_takes_it(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = link_of(&d, 1, "b", 4 * MIB);
    send_large(&d, 1, (uint32_t[]){10, 4 * MIB}, 2);
    driver_commit(&d);
    remote_say(&d, 1, GW_FRAME_BYE, link);
    link = link_of(&d, 2, "b", MIB);
    assert_int_equal(driver_counter(&d, GW_COUNTER_data_sent), 3);
    assert_int_equal(driver_counter(&d, GW_COUNTER_too_large), 1);
    remote_say(&d, 2, GW_FRAME_BYE, link);
    link_of(&d, 3, "b", 4 * MIB);
    assert_int_equal(driver_counter(&d, GW_COUNTER_data_sent), 5);
    driver_close(&d);
}

static void credit_is_enough_for_one_of_the_largest(void **state)
{
    (void)state;
    struct driver d;
    struct gw_core_options options;
    driver_options(&options, "b");
    options.max_message = 16 * MIB;
    driver_open_with(&d, &options);
    driver_serve(&d, "work", 100, 1);
    driver_link(&d, 1, "s");
    assert_int_equal(driver_sent(&d, GW_FRAME_SERVE, 0)->u.serve.items[0].credit_bytes, 16 * MIB);
    driver_close(&d);
}

/* A frame is heard at its end: 16 MiB may take as many microseconds as it has bytes more than a
 * common one. */
static void who_may_send_large_ones_may_be_silent_for_longer(void **state)
{
    (void)state;
    static const struct {
        uint64_t told, more_us;
    } cases[] = {{1000, 0}, {MIB, 0}, {16 * MIB, 15 * MIB}, {UINT32_MAX, 15 * MIB}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct driver d;
        driver_open(&d, "a");
        link_of(&d, 1, "b", cases[i].told);
        uint64_t silent_us = 3 * DRIVER_HEARTBEAT_US + cases[i].more_us, passed_us = 0;
        while (passed_us + DRIVER_HEARTBEAT_US / 2 < silent_us) {
            driver_tick(&d, DRIVER_HEARTBEAT_US / 2);
            passed_us += DRIVER_HEARTBEAT_US / 2;
        }
        driver_tick(&d, silent_us - passed_us - 1);
        assert_int_equal(driver_counter(&d, GW_COUNTER_links_lost), 0);
        driver_tick(&d, 1);
        assert_int_equal(driver_counter(&d, GW_COUNTER_links_lost), 1);
        driver_close(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_message_goes_to_one_that_takes_it),
        cmocka_unit_test(exactly_the_limit_is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(a_mebibyte_is_taken_whatever_was_told),
        cmocka_unit_test(what_nobody_takes_waits_and_is_told_once),
        cmocka_unit_test(a_run_ends_before_what_its_member_does_not_take),
        cmocka_unit_test(several_in_one_frame_are_two_mebibytes_at_most),
        cmocka_unit_test(what_was_offered_waits_for_a_link_that_takes_it),
        cmocka_unit_test(credit_is_enough_for_one_of_the_largest),
        cmocka_unit_test(who_may_send_large_ones_may_be_silent_for_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
