/* SPDX-License-Identifier: MPL-2.0 */
/* Messages given back undecided: out of the hand and its credit, told once on a link and again on
 * each new one, forgotten when they are old. */

#include "core/state.h"
#include "support/core_receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* ---- out of the hand ---- */

static void a_nack_tells_its_offer_pause_and_text_at_once(void **state)
{
    (void)state;
    struct driver d;
    driver_hold(&d, 3);
    driver_nack(&d, EPOCH, 2, 250, "later");
    assert_returned(&d, 0, 2, 2, 10, GW_RETURN_NACK);
    const struct gw_return *back = driver_returned(&d, EPOCH, 0);
    assert_int_equal(back->delay_ms, 250);
    assert_int_equal(back->text.size, 5);
    assert_memory_equal(back->text.data, "later", 5);
    assert_null(driver_returned(&d, EPOCH, 1));
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_returned), 1);
    driver_seal(&d);
    assert_false(d.in_flight); /* not a decision: nothing is stored */
    driver_close(&d);
}

static void what_is_returned_leaves_the_hand_and_its_credit_at_once(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 8);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_credit(&d), 100);
    driver_return(&d, EPOCH, 3, 5, GW_RETURN_RELEASE);
    assert_int_equal(driver_credit(&d), 103);
    struct gw_window_view view;
    driver_window(&d, EPOCH, &view);
    assert_int_equal(view.in_hand, 5);
    assert_int_equal(driver_counter(&d, GW_COUNTER_in_hand_now), 5);
    driver_close(&d);
}

static void what_is_not_in_hand_cannot_be_returned_or_decided_after_a_return(void **state)
{
    (void)state;
    struct driver d;
    driver_hold(&d, 4);
    driver_return(&d, EPOCH, 4, 5, GW_RETURN_RELEASE);
    driver_return(&d, EPOCH + 1, 1, 1, GW_RETURN_RELEASE);
    assert_int_equal(driver_counter(&d, GW_COUNTER_returned), 0);
    driver_return(&d, EPOCH, 4, 4, GW_RETURN_RELEASE);
    driver_return(&d, EPOCH, 4, 4, GW_RETURN_RELEASE);
    assert_int_equal(driver_counter(&d, GW_COUNTER_returned), 1);
    driver_decide(&d, EPOCH, 4, 4);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DECIDED), 0);
    driver_close(&d);
}

static void a_return_over_two_offers_names_each(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 3);
    remote_offer(&d, 1, link, EPOCH, 4, 3, 11);
    driver_return(&d, EPOCH, 2, 5, GW_RETURN_RELEASE);
    assert_returned(&d, 0, 2, 3, 10, GW_RETURN_RELEASE);
    assert_returned(&d, 1, 4, 5, 11, GW_RETURN_RELEASE);
    driver_close(&d);
}

static void returns_one_by_one_are_told_as_one(void **state)
{
    (void)state;
    struct driver d;
    driver_hold(&d, 50);
    for (uint64_t s = 1; s <= 50; s++)
        driver_return(&d, EPOCH, s, s, GW_RETURN_RELEASE);
    driver_link(&d, 1, "s");
    assert_returned(&d, 0, 1, 50, 10, GW_RETURN_RELEASE);
    assert_null(driver_returned(&d, EPOCH, 1));
    driver_close(&d);
}

/* ---- told ---- */

static void a_return_is_told_once_on_a_link_and_again_on_each_new_one(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 3);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    remote_ping(&d, 1, link, 0);
    assert_null(driver_returned(&d, EPOCH, 0));
    for (int i = 0; i < 2; i++) {
        driver_link(&d, 1, "s");
        assert_returned(&d, 0, 2, 2, 10, GW_RETURN_NACK);
        assert_null(driver_returned(&d, EPOCH, 1));
        assert_range(driver_told_in_hand(&d, EPOCH, 0), 1, 1);
        assert_range(driver_told_in_hand(&d, EPOCH, 1), 3, 3);
        size_t acks = driver_sent_count(&d, GW_FRAME_ACK);
        assert_true(driver_sent(&d, GW_FRAME_ACK, acks - 1)->u.ack.complete);
    }
    driver_close(&d);
}

static void a_return_without_a_link_is_told_on_the_next(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    assert_null(driver_returned(&d, EPOCH, 0));
    driver_link(&d, 1, "s");
    assert_returned(&d, 0, 2, 2, 10, GW_RETURN_NACK);
    driver_close(&d);
}

static void many_returns_fill_several_acks_and_the_oldest_are_forgotten(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_wide(&d, 10000);
    remote_offer(&d, 1, link, EPOCH, 1, 3000, 10);
    for (uint64_t s = 1; s < 3000; s += 2)
        driver_nack(&d, EPOCH, s, 0, NULL);
    driver_from_here();
    link = driver_sender(&d, 1, "s", EPOCH);
    driver_link(&d, 1, "s");
    for (size_t n = 0; n < 1024; n++)
        assert_returned(&d, n, 953 + 2 * n, 953 + 2 * n, 10, GW_RETURN_NACK);
    assert_null(driver_returned(&d, EPOCH, 1024));
    const struct gw_frame *ack;
    for (size_t n = 0; (ack = driver_sent(&d, GW_FRAME_ACK, n)); n++)
        for (size_t j = 0; j < ack->u.ack.epoch_count; j++)
            assert_true(ack->u.ack.epochs[j].return_count <= GW_ACK_RETURNS_MAX / 4);
    link = driver_sender(&d, 1, "s", EPOCH);
    /* One forgotten is merely offered again, under its old number. */
    remote_offer_again(&d, 1, link, EPOCH, 1, 1, 10);
    assert_range(driver_delivered(&d, 0), 1, 1);
    driver_close(&d);
}

/* The bound is not kept at the price of a return that nobody has been told of. */
static void many_returns_in_one_step_are_all_told(void **state)
{
    (void)state;
    enum { count = 1500 };
    static struct gw_range pieces[count];
    static uint64_t bytes[count];
    struct driver d;
    uint64_t link = driver_open_wide(&d, 10000);
    remote_offer(&d, 1, link, EPOCH, 1, 2 * count, 10);
    struct gw_event event = {.type = GW_EVENT_RECALLED};
    for (uint64_t i = 0; i < count; i++) {
        pieces[i] = (struct gw_range){2 * i + 1, 2 * i + 1};
        bytes[i] = REMOTE_MESSAGE;
    }
    event.u.recalled.epoch = EPOCH;
    event.u.recalled.number = 10;
    event.u.recalled.purpose = GW_SKIP_RELEASE;
    event.u.recalled.pieces = pieces;
    event.u.recalled.bytes = bytes;
    event.u.recalled.count = count;
    driver_from_here();
    driver_step(&d, &event);
    for (size_t n = 0; n < count; n++)
        assert_returned(&d, n, 2 * n + 1, 2 * n + 1, 10, GW_RETURN_RELEASE);
    assert_null(driver_returned(&d, EPOCH, count));
    driver_close(&d);
}

/* ---- and old ---- */

static void data_of_a_new_offer_makes_a_return_old(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 3);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    remote_offer_again(&d, 1, link, EPOCH, 2, 1, 11);
    assert_range(driver_delivered(&d, 0), 2, 2);
    driver_link(&d, 1, "s");
    assert_null(driver_returned(&d, EPOCH, 0));
    assert_range(driver_told_in_hand(&d, EPOCH, 0), 1, 3);
    driver_return(&d, EPOCH, 1, 3, GW_RETURN_RELEASE); /* of each offer what is of it */
    assert_returned(&d, 0, 1, 1, 10, GW_RETURN_RELEASE);
    assert_returned(&d, 1, 2, 2, 11, GW_RETURN_RELEASE);
    assert_returned(&d, 2, 3, 3, 10, GW_RETURN_RELEASE);
    driver_close(&d);
}

/* The sender has not heard of the return: its DATA is of an offer that is over. */
static void data_of_an_offer_that_was_returned_crossed_with_it(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 5);
    driver_nack(&d, EPOCH, 3, 0, NULL);
    driver_return(&d, EPOCH, 5, 5, GW_RETURN_RELEASE);
    driver_return(&d, EPOCH, 1, 1, GW_RETURN_RELEASE);
    remote_offer_again(&d, 1, link, EPOCH, 1, 7, 10);
    assert_range(driver_delivered(&d, 0), 6, 7);
    assert_range(driver_delivered(&d, 1), 0, 0);
    assert_returned(&d, 0, 1, 1, 10, GW_RETURN_RELEASE);
    assert_returned(&d, 1, 3, 3, 10, GW_RETURN_NACK);
    assert_returned(&d, 2, 5, 5, 10, GW_RETURN_RELEASE);
    assert_int_equal(driver_credit(&d), 12 + 100 - 4);
    driver_close(&d);
}

/* Forfeited and offered to the same member again while it was there: its return is of the offer
 * that the sender knows it by. */
static void a_duplicate_of_what_is_in_hand_renames_its_offer(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 5);
    remote_offer_again(&d, 1, link, EPOCH, 2, 2, 12);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    driver_return(&d, EPOCH, 1, 5, GW_RETURN_RELEASE);
    assert_returned(&d, 0, 1, 1, 10, GW_RETURN_RELEASE);
    assert_returned(&d, 1, 2, 3, 12, GW_RETURN_RELEASE);
    assert_returned(&d, 2, 4, 5, 10, GW_RETURN_RELEASE);
    driver_close(&d);
}

static void the_floor_makes_returns_old(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 9);
    driver_return(&d, EPOCH, 2, 6, GW_RETURN_RELEASE);
    remote_ping_floor(&d, 1, link, EPOCH, 5, 9);
    driver_return(&d, EPOCH, 1, 1, GW_RETURN_RELEASE); /* settled elsewhere meanwhile */
    assert_null(driver_returned(&d, EPOCH, 0));
    driver_link(&d, 1, "s");
    assert_returned(&d, 0, 5, 6, 10, GW_RETURN_RELEASE);
    assert_null(driver_returned(&d, EPOCH, 1));
    driver_close(&d);
}

/* ---- ordered ---- */

static void an_ordered_nack_asks_for_all_above_it(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 4);
    assert_true(driver_effect(&d, GW_EFFECT_DELIVER, 0)->u.deliver.ordered);
    remote_offer(&d, 1, link, EPOCH, 5, 3, 11);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 1); /* at once, or some would overtake */
    const struct gw_effect *recall = driver_effect(&d, GW_EFFECT_RECALL, 0);
    assert_int_equal(recall->u.recall.purpose, GW_SKIP_RELEASE);
    assert_int_equal(recall->u.recall.number, GW_OFFER_ANY);
    assert_int_equal(recall->u.recall.count, 1);
    assert_range(driver_recall(&d, 0), 3, 7);
    driver_recalled(&d, 0, 5, 7);
    assert_returned(&d, 0, 5, 7, 11, GW_RETURN_RELEASE);
    assert_int_equal(driver_counter(&d, GW_COUNTER_recalled), 3);
    driver_close(&d);
}

/* What the application is asked for may come back: what is above it must not be there before. */
static void nothing_is_delivered_above_what_an_ordered_window_has_asked_for(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 4);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    const struct gw_range asked = driver_recall(&d, 0);
    assert_range(asked, 3, 4);
    struct gw_event answer = {.type = GW_EVENT_RECALLED};
    answer.u.recalled.epoch = EPOCH;
    answer.u.recalled.number = GW_OFFER_ANY;
    answer.u.recalled.purpose = GW_SKIP_RELEASE;
    remote_ping_floor(&d, 1, link, EPOCH, 3, 9); /* 2 ended as a dead letter */
    remote_offer(&d, 1, link, EPOCH, 5, 2, 11);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_returned(&d, 0, 5, 6, 11, GW_RETURN_RELEASE);
    driver_step(&d, &answer); /* both have begun */
    remote_offer(&d, 1, link, EPOCH, 5, 2, 12);
    assert_range(driver_delivered(&d, 0), 5, 6);
    driver_close(&d);
}

static void damaged_frame(struct driver *d, uint64_t link)
{
    struct gw_event damaged = {.type = GW_EVENT_CORRUPT};
    damaged.u.conn.conn = 1;
    damaged.u.conn.link = link;
    driver_step(d, &damaged);
}

/* What follows it on that link would go before it. */
static void a_damaged_frame_ends_a_link_with_an_ordered_window_at_once(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_ordered(&d, 100);
    damaged_frame(&d, link); /* 1 and 2 */
    assert_int_equal(driver_sent(&d, GW_FRAME_RESET, 0)->link, link);
    assert_true(driver_noted(&d, GW_NOTE_LINK_DOWN, GW_DOWN_GAP));
    remote_offer(&d, 1, link, EPOCH, 3, 2, 11);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    driver_close(&d);
}

static void a_damaged_frame_leaves_a_link_without_order_alone(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    damaged_frame(&d, link);
    remote_offer(&d, 1, link, EPOCH, 3, 2, 11);
    assert_range(driver_delivered(&d, 0), 3, 4);
    driver_close(&d);
}

/* It waited since an earlier connection. */
static void a_damaged_frame_of_an_older_link_ends_none(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_ordered(&d, 100);
    damaged_frame(&d, link + 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_bad_checksum), 1);
    assert_false(driver_noted(&d, GW_NOTE_LINK_DOWN, GW_DOWN_GAP));
    remote_offer(&d, 1, link, EPOCH, 1, 2, 11);
    assert_range(driver_delivered(&d, 0), 1, 2);
    driver_close(&d);
}

static void an_unordered_nack_asks_for_nothing(void **state)
{
    (void)state;
    struct driver d;
    driver_hold(&d, 4);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 0);
    driver_close(&d);
}

/* It was on its way when its sender did not know yet that a lower one had come back. */
static void nothing_overtakes_an_ordered_return(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 4);
    driver_decide(&d, EPOCH, 1, 1);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    driver_recalled(&d, 0, 3, 4);
    remote_offer(&d, 1, link, EPOCH, 5, 3, 11);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_returned(&d, 0, 5, 7, 11, GW_RETURN_RELEASE);
    remote_offer_again(&d, 1, link, EPOCH, 2, 1, 12);
    assert_range(driver_delivered(&d, 0), 2, 2);
    remote_offer_again(&d, 1, link, EPOCH, 3, 6, 13);
    assert_range(driver_delivered(&d, 0), 3, 8);
    driver_close(&d);
}

/* The sender ended the lower one itself while a still lower one is being processed here, so that
 * its floor cannot tell: once it answers what was given back after that, it is believed. */
static void an_ordered_sender_that_knows_of_a_return_is_not_sent_round_in_circles(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 2);
    driver_return(&d, EPOCH, 2, 2, GW_RETURN_RELEASE);
    remote_offer(&d, 1, link, EPOCH, 3, 1, 11);
    assert_returned(&d, 0, 3, 3, 11, GW_RETURN_RELEASE);
    remote_offer(&d, 1, link, EPOCH, 3, 1, 12);
    assert_range(driver_delivered(&d, 0), 3, 3);
    remote_offer(&d, 1, link, EPOCH, 4, 1, 13); /* and so on this link */
    assert_range(driver_delivered(&d, 0), 4, 4);
    driver_return(&d, EPOCH, 3, 4, GW_RETURN_RELEASE);
    link = driver_link(&d, 1, "s"); /* which begins with all returns */
    remote_open_ordered(&d, 1, link, EPOCH);
    remote_offer(&d, 1, link, EPOCH, 5, 1, 14);
    assert_range(driver_delivered(&d, 0), 5, 5);
    driver_close(&d);
}

/* What it knows of an older return says nothing of a newer one. */
static void an_answer_to_an_older_return_lets_nothing_overtake_a_newer_one(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 4);
    driver_return(&d, EPOCH, 4, 4, GW_RETURN_RELEASE);
    driver_return(&d, EPOCH, 2, 2, GW_RETURN_RELEASE);
    remote_offer(&d, 1, link, EPOCH, 4, 1, 11);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_returned(&d, 0, 4, 4, 11, GW_RETURN_RELEASE);
    driver_return(&d, EPOCH, 3, 3, GW_RETURN_RELEASE); /* joins the first: newer, too */
    remote_offer(&d, 1, link, EPOCH, 4, 1, 12);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    driver_close(&d);
}

static void a_return_beside_one_that_is_known_is_not_known_for_that(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 4);
    driver_return(&d, EPOCH, 3, 3, GW_RETURN_RELEASE);
    link = driver_link(&d, 1, "s");
    remote_open_ordered(&d, 1, link, EPOCH);
    driver_return(&d, EPOCH, 4, 4, GW_RETURN_RELEASE);
    remote_offer(&d, 1, link, EPOCH, 5, 1, 11);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    driver_close(&d);
}

static void an_ordered_return_that_is_settled_elsewhere_holds_nothing_up(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 2);
    driver_return(&d, EPOCH, 1, 2, GW_RETURN_RELEASE);
    remote_ping_floor(&d, 1, link, EPOCH, 3, 5);
    remote_offer(&d, 1, link, EPOCH, 3, 1, 11);
    assert_range(driver_delivered(&d, 0), 3, 3);
    driver_close(&d);
}

/* ---- transactions whose input moved on (rule 14) ---- */

static void a_transaction_on_what_was_settled_elsewhere_does_nothing(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_serve(&d, "work", 100, 100000);
    uint64_t link = driver_sender(&d, 1, "s", 77);
    remote_data(&d, 1, link, 77, 1, 3);
    remote_ping_floor(&d, 1, link, 77, 2, 3); /* another member decided 1 */
    struct gw_decision decisions[] = {{.epoch = 77, .first = 1, .last = 3, .bytes = 30}};
    struct gw_destination next = {GW_KIND_STAGE, "work"};
    struct gw_batch *batch = driver_batch(EPOCH, 1, 2, 0);
    struct gw_event event = {.type = GW_EVENT_TRANSACTION};
    event.u.transaction.token = 9;
    event.u.transaction.decisions = decisions;
    event.u.transaction.decision_count = 1;
    event.u.transaction.destinations = &next;
    event.u.transaction.batches = &batch;
    event.u.transaction.batch_count = 1;
    driver_step(&d, &event);
    assert_int_equal(driver_effect(&d, GW_EFFECT_STALE, 0)->u.token, 9);
    const struct gw_frame *ack = driver_sent(&d, GW_FRAME_ACK, 0);
    assert_int_equal(ack->u.ack.epochs[0].returns[0].first, 2); /* 2 and 3 come again */
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_TRANSACTION), 0);
    assert_int_equal(driver_rows(&d, GW_ROW_DECIDED), 0);
    assert_int_equal(d.batch_count, 0);
    driver_send(&d, EPOCH, 3, 1, 10); /* the epoch is dense all the same */
    driver_commit(&d);
    struct gw_stream_view view;
    assert_true(driver_stream(&d, EPOCH, &view));
    assert_int_equal(view.unsettled, 1);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nack_tells_its_offer_pause_and_text_at_once),
        cmocka_unit_test(what_is_returned_leaves_the_hand_and_its_credit_at_once),
        cmocka_unit_test(what_is_not_in_hand_cannot_be_returned_or_decided_after_a_return),
        cmocka_unit_test(a_return_over_two_offers_names_each),
        cmocka_unit_test(returns_one_by_one_are_told_as_one),
        cmocka_unit_test(a_return_is_told_once_on_a_link_and_again_on_each_new_one),
        cmocka_unit_test(a_return_without_a_link_is_told_on_the_next),
        cmocka_unit_test(many_returns_fill_several_acks_and_the_oldest_are_forgotten),
        cmocka_unit_test(many_returns_in_one_step_are_all_told),
        cmocka_unit_test(data_of_a_new_offer_makes_a_return_old),
        cmocka_unit_test(data_of_an_offer_that_was_returned_crossed_with_it),
        cmocka_unit_test(a_duplicate_of_what_is_in_hand_renames_its_offer),
        cmocka_unit_test(the_floor_makes_returns_old),
        cmocka_unit_test(an_ordered_nack_asks_for_all_above_it),
        cmocka_unit_test(nothing_is_delivered_above_what_an_ordered_window_has_asked_for),
        cmocka_unit_test(a_damaged_frame_ends_a_link_with_an_ordered_window_at_once),
        cmocka_unit_test(a_damaged_frame_leaves_a_link_without_order_alone),
        cmocka_unit_test(a_damaged_frame_of_an_older_link_ends_none),
        cmocka_unit_test(an_unordered_nack_asks_for_nothing),
        cmocka_unit_test(nothing_overtakes_an_ordered_return),
        cmocka_unit_test(an_ordered_sender_that_knows_of_a_return_is_not_sent_round_in_circles),
        cmocka_unit_test(an_answer_to_an_older_return_lets_nothing_overtake_a_newer_one),
        cmocka_unit_test(a_return_beside_one_that_is_known_is_not_known_for_that),
        cmocka_unit_test(an_ordered_return_that_is_settled_elsewhere_holds_nothing_up),
        cmocka_unit_test(a_transaction_on_what_was_settled_elsewhere_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
