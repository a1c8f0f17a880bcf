/* SPDX-License-Identifier: MPL-2.0 */
/* ACK frames: bounded, continued in the next one, complete at the end of a link's start. */

#include "core/state.h"
#include "support/core_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define WIDE 10000

/* b serves with a wide window; s dials on connection 1 and opens EPOCH. */
static uint64_t open_wide(struct driver *d)
{
    struct gw_core_options options;
    driver_options(&options, "b");
    options.window = WIDE;
    driver_open_with(d, &options);
    driver_serve(d, "work", WIDE, 1 << 24);
    return driver_sender(d, 1, "s", EPOCH);
}

/* Every second message of 1 .. 2 * count is decided, in hand, or both halves. */
static void take_every_second(struct driver *d, uint64_t link, uint64_t count, bool decide)
{
    remote_data(d, 1, link, EPOCH, 1, 2 * count);
    for (uint64_t i = 0; decide && i < count; i++)
        driver_decide(d, EPOCH, 1 + 2 * i, 1 + 2 * i);
}

static size_t acks(const struct driver *d)
{
    return driver_sent_count(d, GW_FRAME_ACK);
}

/* What the ACKs of the last step call in hand: how many ranges. */
static size_t in_hand_count(const struct driver *d)
{
    const struct gw_frame *ack;
    size_t count = 0;
    for (size_t i = 0; (ack = driver_sent(d, GW_FRAME_ACK, i)); i++)
        for (size_t j = 0; j < ack->u.ack.epoch_count; j++)
            count += ack->u.ack.epochs[j].in_hand_count;
    return count;
}

static void assert_bounded(const struct driver *d)
{
    const struct gw_frame *ack;
    for (size_t i = 0; (ack = driver_sent(d, GW_FRAME_ACK, i)); i++) {
        size_t ranges = 0;
        for (size_t j = 0; j < ack->u.ack.epoch_count; j++) {
            const struct gw_ack_epoch *entry = &ack->u.ack.epochs[j];
            ranges += entry->decided_count + entry->in_hand_count;
            if (entry->decided_count)
                assert_true(entry->decided[0].first >= entry->floor);
        }
        assert_true(ranges <= GW_ACK_RANGES_MAX);
        assert_true(ack->u.ack.epoch_count <= GW_ACK_EPOCHS_MAX);
    }
}

static void assert_complete_only_at_the_end(const struct driver *d)
{
    for (size_t i = 0; i < acks(d); i++)
        assert_int_equal(driver_sent(d, GW_FRAME_ACK, i)->u.ack.complete, i + 1 == acks(d));
}

static void a_link_that_begins_without_news_is_complete_at_once(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "b");
    driver_link(&d, 1, "s");
    assert_int_equal(acks(&d), 1);
    assert_true(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.complete);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.epoch_count, 0);
    driver_close(&d);
}

static void many_new_decisions_fill_several_acks_each_said_once(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_wide(&d);
    take_every_second(&d, link, 2500, true);
    driver_seal(&d);
    d.op_count = 0; /* more rows than the driver's store has room for */
    driver_from_here();
    driver_committed(&d);
    assert_int_equal(driver_acked_count(&d, EPOCH), 2500);
    for (size_t i = 0; i < 2500; i += 499) {
        assert_int_equal(driver_acked(&d, EPOCH, i).first, 1 + 2 * i);
        assert_int_equal(driver_acked(&d, EPOCH, i).last, 1 + 2 * i);
    }
    assert_true(acks(&d) >= 2);
    assert_true(driver_counter(&d, GW_COUNTER_partial_acks) >= 1);
    assert_bounded(&d);
    remote_say(&d, 1, GW_FRAME_BYE, link);
    assert_int_equal(acks(&d), 0);
    driver_close(&d);
}

static void a_new_link_is_told_all_and_complete_comes_last(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_wide(&d);
    take_every_second(&d, link, 2500, true);
    driver_seal(&d);
    d.op_count = 0;
    driver_committed(&d);
    driver_from_here();
    driver_link(&d, 1, "s");
    assert_int_equal(driver_acked_count(&d, EPOCH), 2500);
    assert_int_equal(in_hand_count(&d), 2500);
    assert_true(acks(&d) >= 5);
    assert_bounded(&d);
    assert_complete_only_at_the_end(&d);
    driver_close(&d);
}

static void many_epochs_fill_several_acks(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_wide(&d);
    for (uint64_t epoch = 100; epoch < 300; epoch++) {
        remote_open(&d, 1, link, epoch, true);
        remote_data(&d, 1, link, epoch, 1, 1);
    }
    driver_from_here();
    driver_link(&d, 1, "s");
    assert_true(acks(&d) >= 2);
    assert_int_equal(in_hand_count(&d), 200);
    assert_bounded(&d);
    assert_complete_only_at_the_end(&d);
    driver_close(&d);
}

static void what_is_being_decided_is_in_hand_to_the_sender(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "b");
    driver_serve(&d, "work", 1000, 1 << 24);
    uint64_t link = driver_sender(&d, 1, "s", EPOCH);
    remote_data(&d, 1, link, EPOCH, 1, 30);
    driver_decide(&d, EPOCH, 1, 10);
    driver_commit(&d); /* durable */
    driver_decide(&d, EPOCH, 11, 15);
    driver_seal(&d); /* in flight */
    driver_decide(&d, EPOCH, 16, 20);
    driver_link(&d, 1, "s");
    assert_int_equal(driver_acked(&d, EPOCH, 0).last, 10);
    assert_int_equal(driver_acked_count(&d, EPOCH), 1);
    const struct gw_ack_epoch *entry = &driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.epochs[0];
    assert_int_equal(entry->in_hand_count, 1);
    assert_int_equal(entry->in_hand[0].first, 11);
    assert_int_equal(entry->in_hand[0].last, 30);
    driver_close(&d);
}

static void a_ping_brings_all_decisions_above_the_floor_again(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "b");
    driver_serve(&d, "work", 1000, 1 << 24);
    uint64_t link = driver_sender(&d, 1, "s", EPOCH);
    remote_data(&d, 1, link, EPOCH, 1, 30);
    driver_decide(&d, EPOCH, 1, 10);
    driver_decide(&d, EPOCH, 20, 22);
    driver_commit(&d);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_acked_count(&d, EPOCH), 2);
    remote_ping_floor(&d, 1, link, EPOCH, 11, 30);
    driver_commit(&d);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_acked_count(&d, EPOCH), 1);
    assert_int_equal(driver_acked(&d, EPOCH, 0).first, 20);
    driver_close(&d);
}

static void tombstones_are_not_reported_at_a_links_start(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "b");
    driver_serve(&d, "work", 1000, 1 << 24);
    uint64_t link = driver_sender(&d, 1, "s", EPOCH);
    remote_data(&d, 1, link, EPOCH, 1, 3);
    driver_decide(&d, EPOCH, 1, 3);
    driver_commit(&d);
    remote_close_epoch(&d, 1, link, EPOCH, 3);
    driver_commit(&d);
    driver_link(&d, 1, "s");
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.epoch_count, 0);
    driver_restart(&d);
    driver_link(&d, 1, "s");
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.epoch_count, 0);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_that_begins_without_news_is_complete_at_once),
        cmocka_unit_test(many_new_decisions_fill_several_acks_each_said_once),
        cmocka_unit_test(a_new_link_is_told_all_and_complete_comes_last),
        cmocka_unit_test(many_epochs_fill_several_acks),
        cmocka_unit_test(what_is_being_decided_is_in_hand_to_the_sender),
        cmocka_unit_test(a_ping_brings_all_decisions_above_the_floor_again),
        cmocka_unit_test(tombstones_are_not_reported_at_a_links_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
