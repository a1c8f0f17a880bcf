/* SPDX-License-Identifier: MPL-2.0 */
/* Rejected messages: decided, durable, and never called processed. */

#include "core/state.h"
#include "support/core_receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void assert_rejected(const struct driver *d, size_t n, uint64_t sequence, uint32_t code,
                            const char *text)
{
    const struct gw_exception *exception = driver_exception(d, EPOCH, n);
    assert_non_null(exception);
    assert_int_equal(exception->sequence, sequence);
    assert_int_equal(exception->kind, GW_EXCEPTION_REJECTED);
    assert_int_equal(exception->code, code);
    assert_int_equal(exception->text.size, strlen(text));
    assert_memory_equal(exception->text.data, text, exception->text.size);
}

static void a_rejection_is_told_when_it_is_durable_with_code_and_text(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_offer(&d, 1, link, EPOCH, 1, 3, 10);
    driver_reject(&d, EPOCH, 2, 42, "no such file");
    remote_ping(&d, 1, link, 0);
    assert_null(driver_exception(&d, EPOCH, 0));
    driver_seal(&d);
    remote_ping(&d, 1, link, 0);
    assert_null(driver_exception(&d, EPOCH, 0));
    driver_committed(&d);
    assert_rejected(&d, 0, 2, 42, "no such file");
    assert_null(driver_exception(&d, EPOCH, 1));
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    assert_int_equal(driver_rows(&d, GW_ROW_EXCEPTION), 1);
    assert_int_equal(driver_rows(&d, GW_ROW_DECIDED), 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_rejected), 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_decided), 1);
    driver_close(&d);
}

/* 4 and 8 of 1 .. 10 are rejected, the others processed: whatever asks, they are never among the
 * decided. */
static void assert_told_apart(const struct driver *d)
{
    assert_int_equal(driver_acked_count(d, EPOCH), 3);
    assert_range(driver_acked(d, EPOCH, 0), 1, 3);
    assert_range(driver_acked(d, EPOCH, 1), 5, 7);
    assert_range(driver_acked(d, EPOCH, 2), 9, 10);
    assert_rejected(d, 0, 4, 1, "four");
    assert_rejected(d, 1, 8, 2, "");
    assert_null(driver_exception(d, EPOCH, 2));
}

static void what_was_rejected_is_never_among_the_decided(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_offer(&d, 1, link, EPOCH, 1, 10, 10);
    driver_decide(&d, EPOCH, 1, 3);
    driver_reject(&d, EPOCH, 4, 1, "four");
    driver_decide(&d, EPOCH, 5, 7);
    driver_decide(&d, EPOCH, 9, 10);
    driver_reject(&d, EPOCH, 8, 2, NULL);
    driver_commit(&d);
    assert_told_apart(&d);
    remote_ping(&d, 1, link, 0); /* repeated */
    assert_told_apart(&d);
    remote_offer_again(&d, 1, link, EPOCH, 1, 10, 11); /* in answer to duplicates */
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_told_apart(&d);
    remote_release(&d, 1, link, EPOCH, 1, 10, 10); /* and to a SKIP */
    assert_told_apart(&d);
    driver_link(&d, 1, "s"); /* at a link's start */
    assert_told_apart(&d);
    driver_restart(&d);
    driver_link(&d, 1, "s"); /* and from the store */
    assert_told_apart(&d);
    driver_close(&d);
}

static void a_duplicate_of_one_rejected_is_answered_as_that_alone(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_offer(&d, 1, link, EPOCH, 1, 10, 10);
    driver_reject(&d, EPOCH, 4, 1, "four");
    remote_offer_again(&d, 1, link, EPOCH, 4, 1, 11);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0); /* it is being decided */
    assert_null(driver_exception(&d, EPOCH, 0));
    driver_commit(&d);
    remote_offer_again(&d, 1, link, EPOCH, 4, 1, 11);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    assert_rejected(&d, 0, 4, 1, "four");
    driver_close(&d);
}

static void the_floor_takes_rejections_away(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_offer(&d, 1, link, EPOCH, 1, 10, 10);
    driver_reject(&d, EPOCH, 2, 1, "two");
    driver_reject(&d, EPOCH, 6, 1, "six");
    driver_commit(&d);
    remote_ping_floor(&d, 1, link, EPOCH, 3, 10);
    driver_seal(&d); /* the row goes; until that is durable the fact stays what it was */
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    driver_committed(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_EXCEPTION), 1);
    assert_int_equal(driver_row(&d, GW_ROW_EXCEPTION, 0)->first, 6);
    remote_ping(&d, 1, link, 0);
    assert_rejected(&d, 0, 6, 1, "six");
    assert_null(driver_exception(&d, EPOCH, 1));
    driver_close(&d);
}

/* Facts that could not be said lie below the floor by the time they can: the last that may be told
 * is that they are processed. */
static void what_the_floor_passed_unsaid_is_not_told_as_processed(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_offer(&d, 1, link, EPOCH, 1, 10, 10);
    driver_reject(&d, EPOCH, 2, 1, "two");
    driver_seal(&d);
    remote_ping_floor(&d, 1, link, EPOCH, 3, 10);
    driver_committed(&d);
    assert_rejected(&d, 0, 2, 1, "two");
    driver_reject(&d, EPOCH, 3, 1, "three");
    remote_ping_floor(&d, 1, link, EPOCH, 4, 10);
    driver_seal(&d); /* decision, floor and the row's end in one write */
    remote_offer_again(&d, 1, link, EPOCH, 1, 10, 11);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    driver_committed(&d);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    assert_int_equal(driver_rows(&d, GW_ROW_EXCEPTION), 0);
    driver_close(&d);
}

static void many_rejections_fill_several_acks_each_bounded(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_wide(&d, 1000);
    remote_offer(&d, 1, link, EPOCH, 1, 400, 10);
    for (uint64_t s = 2; s <= 400; s += 2)
        driver_reject(&d, EPOCH, s, (uint32_t)s, "even");
    for (uint64_t s = 1; s < 400; s += 2)
        driver_decide(&d, EPOCH, s, s);
    driver_seal(&d);
    driver_from_here();
    driver_committed(&d);
    for (int i = 0; i < 2; i++) {
        const struct gw_frame *ack;
        for (size_t n = 0; (ack = driver_sent(&d, GW_FRAME_ACK, n)); n++)
            for (size_t j = 0; j < ack->u.ack.epoch_count; j++)
                assert_true(ack->u.ack.epochs[j].exception_count <= GW_ACK_EXCEPTIONS_MAX / 4);
        for (size_t n = 0; n < 200; n++) {
            assert_rejected(&d, n, 2 * (n + 1), (uint32_t)(2 * (n + 1)), "even");
            assert_range(driver_acked(&d, EPOCH, n), 2 * n + 1, 2 * n + 1);
        }
        assert_null(driver_exception(&d, EPOCH, 200));
        assert_int_equal(driver_acked_count(&d, EPOCH), 200);
        driver_link(&d, 1, "s");
    }
    driver_close(&d);
}

/* Their number is bounded by W only, and each has a text. */
static void a_ping_brings_many_rejections_again_in_turn(void **state)
{
    (void)state;
    enum { count = 600, part = GW_ACK_EXCEPTIONS_MAX };
    struct driver d;
    uint64_t link = driver_open_wide(&d, 1000);
    remote_offer(&d, 1, link, EPOCH, 1, count + 2, 10);
    for (uint64_t s = 1; s <= count; s++)
        driver_reject(&d, EPOCH, s, 1, "no");
    driver_decide(&d, EPOCH, count + 1, count + 1);
    driver_seal(&d);
    d.op_count = 0; /* more rows than the driver's store has room for */
    driver_committed(&d);
    uint64_t next = 1;
    for (int round = 0; round < 2; round++, next = 1) {
        for (size_t left = count; left > 0; left -= left < part ? left : part) {
            remote_ping(&d, 1, link, 0);
            size_t told = 0;
            while (driver_exception(&d, EPOCH, told))
                assert_rejected(&d, told++, next++, 1, "no");
            assert_int_equal(told, left < part ? left : part);
            assert_int_equal(driver_acked_count(&d, EPOCH), left <= part);
        }
    }
    driver_close(&d);
}

static void a_rejection_leaves_the_hand_and_its_credit_when_durable(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_offer(&d, 1, link, EPOCH, 1, 8, 10);
    driver_reject(&d, EPOCH, 3, 1, "three");
    assert_int_equal(driver_counter(&d, GW_COUNTER_in_hand_now), 7);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_credit(&d), 1000);
    driver_commit(&d);
    assert_int_equal(driver_credit(&d), 1001);
    driver_close(&d);
}

static void a_tombstone_keeps_no_rejections(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_offer(&d, 1, link, EPOCH, 1, 2, 10);
    driver_reject(&d, EPOCH, 1, 1, "one");
    driver_reject(&d, EPOCH, 2, 1, "two");
    driver_commit(&d);
    remote_close_epoch(&d, 1, link, EPOCH, 2);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_EXCEPTION), 0);
    assert_int_equal(driver_rows(&d, GW_ROW_DECIDED), 0);
    driver_restart(&d);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rejection_is_told_when_it_is_durable_with_code_and_text),
        cmocka_unit_test(what_was_rejected_is_never_among_the_decided),
        cmocka_unit_test(a_duplicate_of_one_rejected_is_answered_as_that_alone),
        cmocka_unit_test(the_floor_takes_rejections_away),
        cmocka_unit_test(what_the_floor_passed_unsaid_is_not_told_as_processed),
        cmocka_unit_test(many_rejections_fill_several_acks_each_bounded),
        cmocka_unit_test(a_ping_brings_many_rejections_again_in_turn),
        cmocka_unit_test(a_rejection_leaves_the_hand_and_its_credit_when_durable),
        cmocka_unit_test(a_tombstone_keeps_no_rejections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
