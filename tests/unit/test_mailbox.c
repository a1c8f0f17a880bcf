/* SPDX-License-Identifier: MPL-2.0 */

/* What the application's threads leave for the engine. */

#include "failing_memory.h"

#include "peer/mailbox.c"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void ack(struct gw_decided *decided, uint64_t epoch, uint64_t first, uint64_t last)
{
    assert_int_equal(gw_decided_add(decided, epoch, (struct gw_range){first, last},
                                    (last - first + 1) * 10),
                     0);
}

static void is_decided(const struct gw_decision *decision, uint64_t epoch, uint64_t first,
                       uint64_t last)
{
    assert_int_equal(decision->epoch, epoch);
    assert_int_equal(decision->first, first);
    assert_int_equal(decision->last, last);
    assert_int_equal(decision->bytes, (last - first + 1) * 10);
    assert_false(decision->rejected);
}

static void neighbouring_acks_are_joined(void **state)
{
    struct gw_decided decided = {0};

    (void)state;
    ack(&decided, 1, 5, 5);
    ack(&decided, 1, 6, 6);
    ack(&decided, 2, 7, 7); /* another epoch */
    ack(&decided, 1, 7, 9); /* looking back over it */
    ack(&decided, 1, 3, 4); /* from below */
    ack(&decided, 1, 11, 11);
    assert_int_equal(decided.count, 3);
    is_decided(&decided.items[0], 1, 3, 9);
    is_decided(&decided.items[1], 2, 7, 7);
    is_decided(&decided.items[2], 1, 11, 11);
    gw_decided_clear(&decided);
    assert_int_equal(decided.count, 0);
}

static void a_rejection_stands_alone_with_a_copy_of_its_reason(void **state)
{
    struct gw_mailbox mailbox = {0};
    struct gw_decision decision = {.epoch = 1, .first = 6, .last = 6, .bytes = 10, .code = 42};
    char why[] = "no such\tthing\xff";

    (void)state;
    assert_int_equal(gw_mailbox_reject(&mailbox, &decision, why), 0);
    memset(why, 'x', sizeof why - 1);
    decision.first = decision.last = 8;
    assert_int_equal(gw_mailbox_reject(&mailbox, &decision, NULL), 0);
    assert_int_equal(mailbox.rejection_count, 2);
    assert_true(mailbox.rejections[0].decision.rejected);
    assert_int_equal(mailbox.rejections[0].decision.code, 42);
    assert_string_equal(gw_reason(mailbox.rejections[0].why), "no such?thing?");
    assert_null(gw_reason(mailbox.rejections[1].why));
    gw_mailbox_clear(&mailbox);
}

static void a_reason_is_cut_at_its_limit(void **state)
{
    char why[400], copy[GW_TEXT_MAX + 1];

    (void)state;
    memset(why, '~', sizeof why - 1);
    why[sizeof why - 1] = '\0';
    assert_int_equal(gw_reason_copy(copy, why), GW_TEXT_MAX);
    assert_int_equal(strlen(copy), GW_TEXT_MAX);
    assert_int_equal(gw_reason_copy(copy, NULL), 0);
    assert_string_equal(copy, "");
    for (int byte = 1; byte < 256; byte++) {
        char one[2] = {(char)byte, '\0'};

        gw_reason_copy(copy, one);
        assert_int_equal(copy[0], byte >= 0x20 && byte <= 0x7e ? byte : '?');
    }
}

static void returns_keep_their_order_and_reasons(void **state)
{
    struct gw_mailbox mailbox = {0};
    const struct gw_taken taken = {{4, 6}, 30, 1, 99};

    (void)state;
    for (uint64_t i = 1; i <= 20; i++) { /* through several sizes of the list */
        struct gw_turn_return back = {.epoch = 1, .first = i, .last = i, .kind = GW_RETURN_NACK,
                                      .delay_ms = UINT32_MAX, .number = i * 2};
        assert_int_equal(gw_mailbox_return(&mailbox, &back, i == 7 ? "seven" : NULL), 0);
    }
    struct gw_turn_return release = gw_release_of(&taken);
    assert_int_equal(gw_mailbox_return(&mailbox, &release, NULL), 0);
    assert_int_equal(mailbox.return_count, 21);
    assert_int_equal(mailbox.returns[6].what.number, 14);
    assert_string_equal(gw_reason(mailbox.returns[6].why), "seven");
    assert_null(gw_reason(mailbox.returns[7].why));
    const struct gw_turn_return *last = &mailbox.returns[20].what;
    assert_int_equal(last->kind, GW_RETURN_RELEASE);
    assert_int_equal(last->first, 4);
    assert_int_equal(last->last, 6);
    assert_int_equal(last->bytes, 30);
    assert_int_equal(last->number, 99);
    gw_mailbox_clear(&mailbox);
}

static void a_turn_that_is_over_leaves_nothing(void **state)
{
    struct gw_mailbox mailbox = {0};
    struct gw_decision decision = {.epoch = 1, .first = 6, .last = 6};
    struct gw_turn_return back = {.epoch = 1, .first = 7, .last = 7};

    (void)state;
    gw_mailbox_reject(&mailbox, &decision, "no");
    gw_mailbox_return(&mailbox, &back, "later");
    mailbox.failed = true;
    gw_mailbox_forget(&mailbox);
    assert_int_equal(mailbox.rejection_count + mailbox.return_count, 0);
    assert_false(mailbox.failed);
    gw_mailbox_clear(&mailbox);
}

static void without_memory_nothing_is_taken(void **state)
{
    struct gw_mailbox mailbox = {0};
    struct gw_decided decided = {0};
    struct gw_decision decision = {.epoch = 1, .first = 6, .last = 6};
    struct gw_turn_return back = {.epoch = 1, .first = 7, .last = 7};

    (void)state;
    memory_left = 0;
    assert_int_equal(gw_decided_add(&decided, 1, (struct gw_range){5, 5}, 1), -ENOMEM);
    assert_int_equal(decided.count, 0);
    assert_int_equal(gw_mailbox_reject(&mailbox, &decision, "no"), -ENOMEM);
    assert_int_equal(gw_mailbox_return(&mailbox, &back, "later"), -ENOMEM);
    memory_left = SIZE_MAX;
    assert_int_equal(mailbox.rejection_count + mailbox.return_count, 0);
    gw_mailbox_clear(&mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbouring_acks_are_joined),
        cmocka_unit_test(a_rejection_stands_alone_with_a_copy_of_its_reason),
        cmocka_unit_test(a_reason_is_cut_at_its_limit),
        cmocka_unit_test(returns_keep_their_order_and_reasons),
        cmocka_unit_test(a_turn_that_is_over_leaves_nothing),
        cmocka_unit_test(without_memory_nothing_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
