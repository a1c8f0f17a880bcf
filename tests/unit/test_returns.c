/* SPDX-License-Identifier: MPL-2.0 */
/* Returns beside each other: what is told apart, what any offer means, what is forgotten. */

#include "core/state.h"
#include "support/core_receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void put_crash(struct driver *d, uint64_t first, uint64_t last, uint64_t number)
{
    struct gw_row row = {.kind = GW_ROW_CRASHED, .epoch = EPOCH, .first = first, .last = last};
    row.number = number;
    d->rows[d->row_count++] = row;
}

/* "b" has a window for EPOCH in its store, whose handlers died on what `crashes` says. */
static uint64_t open_after_crashes(struct driver *d, const struct gw_range *crashes, size_t count,
                                   uint64_t window)
{
    struct gw_core_options options;
    driver_options(&options, "b");
    options.window = window;
    driver_open_with(d, &options);
    driver_serve(d, "work", window, 1 << 24);
    uint64_t link = driver_sender(d, 1, "s", EPOCH);
    remote_offer(d, 1, link, EPOCH, 1, 1, 9);
    driver_decide(d, EPOCH, 1, 1);
    driver_commit(d);
    driver_crash(d);
    for (size_t i = 0; i < count; i++)
        put_crash(d, crashes[i].first, crashes[i].last, 10);
    driver_recover(d);
    driver_serve(d, "work", window, 1 << 24);
    return driver_again(d);
}

/* ---- told apart ---- */

static void returns_that_say_different_things_are_told_apart(void **state)
{
    (void)state;
    struct driver d;
    driver_hold(&d, 9);
    driver_return(&d, EPOCH, 1, 1, GW_RETURN_RELEASE);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    driver_nack(&d, EPOCH, 3, 5, NULL);
    driver_nack(&d, EPOCH, 4, 5, "why");
    driver_nack(&d, EPOCH, 5, 5, NULL);
    driver_nack(&d, EPOCH, 6, 5, NULL); /* the same as the one before */
    driver_link(&d, 1, "s");
    for (uint64_t n = 0; n < 4; n++)
        assert_int_equal(driver_returned(&d, EPOCH, n)->first, n + 1);
    assert_int_equal(driver_returned(&d, EPOCH, 3)->text.size, 3);
    assert_returned(&d, 4, 5, 6, 10, GW_RETURN_NACK);
    assert_null(driver_returned(&d, EPOCH, 5));
    driver_close(&d);
}

/* Each has a row of its own, and goes with that alone. */
static void crashes_beside_each_other_are_two(void **state)
{
    (void)state;
    static const struct gw_range crashes[] = {{2, 2}, {3, 3}};
    struct driver d;
    uint64_t link = open_after_crashes(&d, crashes, 2, 100);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 2);
    remote_offer_again(&d, 1, link, EPOCH, 2, 1, 11);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 1);
    assert_int_equal(driver_row(&d, GW_ROW_CRASHED, 0)->first, 3);
    driver_close(&d);
}

/* It comes again, and comes back otherwise than by a crash: no row says so any more. */
static void a_crash_that_is_followed_by_another_return_leaves_the_store(void **state)
{
    (void)state;
    static const struct gw_range crashes[] = {{2, 4}};
    struct driver d;
    uint64_t link = open_after_crashes(&d, crashes, 1, 100);
    remote_offer_again(&d, 1, link, EPOCH, 2, 1, 11);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    assert_returned(&d, 0, 2, 2, 11, GW_RETURN_NACK);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_CRASHED), 1);
    assert_range((struct gw_range){driver_row(&d, GW_ROW_CRASHED, 0)->first,
                                   driver_row(&d, GW_ROW_CRASHED, 0)->last}, 3, 4);
    driver_close(&d);
}

static void the_returns_of_several_epochs_ride_on_one_ack(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    remote_open(&d, 1, link, EPOCH + 1, true);
    remote_offer(&d, 1, link, EPOCH, 1, 3, 10);
    remote_offer(&d, 1, link, EPOCH + 1, 1, 3, 11);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    driver_nack(&d, EPOCH + 1, 3, 0, NULL);
    driver_link(&d, 1, "s");
    assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 1);
    assert_returned(&d, 0, 2, 2, 10, GW_RETURN_NACK);
    assert_int_equal(driver_returned(&d, EPOCH + 1, 0)->first, 3);
    driver_close(&d);
}

/* ---- any offer ---- */

/* It went to another member: whatever brought it here, it is not wanted any more. */
static void what_is_asked_back_of_any_offer_may_come_by_the_next(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    remote_release(&d, 1, link, EPOCH, 1, 3, GW_OFFER_ANY); /* none of it was ever here */
    assert_returned(&d, 0, 1, 3, GW_OFFER_ANY, GW_RETURN_RELEASE);
    remote_offer(&d, 1, link, EPOCH, 1, 2, 12);
    assert_range(driver_delivered(&d, 0), 1, 2);
    driver_close(&d);
}

static void what_is_asked_back_of_any_offer_and_came_back_is_told_as_it_was(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold(&d, 9);
    driver_nack(&d, EPOCH, 2, 0, NULL);
    driver_return(&d, EPOCH, 5, 6, GW_RETURN_RELEASE);
    driver_decide(&d, EPOCH, 1, 1);
    driver_decide(&d, EPOCH, 3, 4);
    driver_decide(&d, EPOCH, 7, 9);
    driver_commit(&d);
    remote_release(&d, 1, link, EPOCH, 1, 10, GW_OFFER_ANY);
    assert_returned(&d, 0, 2, 2, 10, GW_RETURN_NACK);
    assert_returned(&d, 1, 5, 6, 10, GW_RETURN_RELEASE);
    assert_returned(&d, 2, 10, 10, GW_OFFER_ANY, GW_RETURN_RELEASE);
    assert_null(driver_returned(&d, EPOCH, 3));
    driver_close(&d);
}

/* What is asked for is told of that very offer; others, older and newer, stay as they are. */
static void what_is_missing_is_told_around_what_came_back_before(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    remote_offer(&d, 1, link, EPOCH, 3, 1, 9);
    remote_offer(&d, 1, link, EPOCH, 5, 1, 10);
    remote_offer(&d, 1, link, EPOCH, 7, 1, 11);
    driver_nack(&d, EPOCH, 3, 0, NULL);
    driver_nack(&d, EPOCH, 5, 0, NULL);
    driver_nack(&d, EPOCH, 7, 0, NULL);
    remote_release(&d, 1, link, EPOCH, 1, 8, 10);
    assert_returned(&d, 0, 1, 4, 10, GW_RETURN_RELEASE); /* an older one is over */
    assert_returned(&d, 1, 5, 5, 10, GW_RETURN_NACK);
    assert_returned(&d, 2, 6, 6, 10, GW_RETURN_RELEASE);
    assert_returned(&d, 3, 8, 8, 10, GW_RETURN_RELEASE);
    assert_null(driver_returned(&d, EPOCH, 4));
    driver_close(&d);
}

/* ---- many ---- */

#define MANY 1024 /* that a window remembers */

static void nack_every_second(struct driver *d, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        driver_nack(d, EPOCH, first + 2 * i, 0, NULL);
}

/* Of the crashes there is a row each, which counts as an attempt: none is forgotten. */
static void of_many_returns_the_oldest_goes_but_no_crash(void **state)
{
    (void)state;
    static const struct gw_range crashes[] = {{2, 2}};
    struct driver d;
    uint64_t link = open_after_crashes(&d, crashes, 1, 10000);
    remote_offer(&d, 1, link, EPOCH, 4, 2 * MANY + 10, 11);
    driver_nack(&d, EPOCH, 2060, 0, NULL); /* the oldest one, and not the lowest */
    nack_every_second(&d, 5, MANY - 2);
    driver_from_here();
    driver_link(&d, 1, "s");
    assert_returned(&d, 0, 2, 2, 10, GW_RETURN_CRASHED);
    assert_returned(&d, 1, 5, 5, 11, GW_RETURN_NACK);
    driver_nack(&d, EPOCH, 4, 0, NULL);
    driver_link(&d, 1, "s");
    assert_returned(&d, 0, 2, 2, 10, GW_RETURN_CRASHED);
    assert_returned(&d, 1, 4, 4, 11, GW_RETURN_NACK);
    assert_returned(&d, 2, 5, 5, 11, GW_RETURN_NACK);
    bool found = false;
    for (size_t n = 0; n < MANY; n++)
        found |= driver_returned(&d, EPOCH, n)->first == 2060;
    assert_false(found);
    assert_null(driver_returned(&d, EPOCH, MANY));
    driver_close(&d);
}

/* Without a link nobody can be told: the oldest goes all the same. */
static void without_a_link_the_oldest_return_goes_untold(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_wide(&d, 10000);
    remote_offer(&d, 1, link, EPOCH, 1, 2 * MANY + 10, 10);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    nack_every_second(&d, 1, MANY + 1);
    driver_from_here();
    driver_link(&d, 1, "s");
    assert_returned(&d, 0, 3, 3, 10, GW_RETURN_NACK);
    assert_non_null(driver_returned(&d, EPOCH, MANY - 1));
    assert_null(driver_returned(&d, EPOCH, MANY));
    driver_close(&d);
}

/* ---- in order ---- */

/* Two questions are open: nothing from the lower one on goes to a handler. */
static void of_two_questions_the_lower_one_holds_what_comes(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 6);
    driver_handed(&d, EPOCH, 1, 1);
    remote_release(&d, 1, link, EPOCH, 5, 6, 10);
    assert_range(driver_recall(&d, 0), 5, 6);
    remote_release(&d, 1, link, EPOCH, 3, 6, 10);
    assert_range(driver_recall(&d, 0), 3, 6);
    remote_release(&d, 1, link, EPOCH, 5, 5, 10);
    remote_offer(&d, 1, link, EPOCH, 7, 1, 11);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    driver_close(&d);
}

static void what_is_below_an_open_question_is_delivered(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 2);
    remote_offer(&d, 1, link, EPOCH, 5, 2, 10); /* 3 and 4 are settled elsewhere, or come later */
    remote_release(&d, 1, link, EPOCH, 5, 6, 10);
    remote_offer(&d, 1, link, EPOCH, 3, 1, 11);
    assert_range(driver_delivered(&d, 0), 3, 3);
    driver_close(&d);
}

static void an_ordered_release_asks_only_for_what_is_in_hand(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_ordered(&d, 100);
    struct gw_range ranges[] = {{8, 9}, {2, 2}};
    struct gw_frame skip = {.type = GW_FRAME_SKIP, .link = link};
    remote_offer(&d, 1, link, EPOCH, 1, 3, 10);
    skip.u.skip.epoch = EPOCH;
    skip.u.skip.number = 10;
    skip.u.skip.purpose = GW_SKIP_RELEASE;
    skip.u.skip.ranges = ranges;
    skip.u.skip.range_count = 2;
    driver_frame(&d, 1, &skip);
    assert_range(driver_recall(&d, 0), 2, 3);
    driver_recalled(&d, 0, 2, 3);
    skip.u.skip.range_count = 1;
    driver_frame(&d, 1, &skip); /* nothing of it is here */
    assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 0);
    driver_close(&d);
}

/* What one knows of a return says nothing of one that came back at the same time, untold. */
static void an_answer_shows_what_was_told_and_no_more(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 9);
    driver_return(&d, EPOCH, 6, 9, GW_RETURN_RELEASE);
    driver_return(&d, EPOCH, 3, 5, GW_RETURN_RELEASE);
    driver_return(&d, EPOCH, 1, 2, GW_RETURN_RELEASE);
    remote_offer_again(&d, 1, link, EPOCH, 1, 4, 11); /* over two of them */
    assert_range(driver_delivered(&d, 0), 1, 4);
    remote_offer_again(&d, 1, link, EPOCH, 5, 5, 12);
    assert_range(driver_delivered(&d, 0), 5, 9);
    driver_close(&d);
}

/* ---- transactions ---- */

static void decide_all(struct driver *d, const struct gw_decision *decisions, size_t count)
{
    struct gw_event event = {.type = GW_EVENT_TRANSACTION};
    event.u.transaction.token = 9;
    event.u.transaction.decisions = decisions;
    event.u.transaction.decision_count = count;
    driver_step(d, &event);
}

static void a_stale_transaction_gives_back_what_it_had_in_hand(void **state)
{
    (void)state;
    struct driver d;
    driver_hold(&d, 5);
    const struct gw_decision unknown[] = {{.epoch = EPOCH, .first = 1, .last = 1, .bytes = 10},
                                          {.epoch = 99, .first = 1, .last = 1, .bytes = 10}};
    decide_all(&d, unknown, 2);
    assert_int_equal(driver_effect(&d, GW_EFFECT_STALE, 0)->u.token, 9);
    assert_returned(&d, 0, 1, 1, 10, GW_RETURN_RELEASE);
    const struct gw_decision away[] = {{.epoch = EPOCH, .first = 1, .last = 1, .bytes = 10},
                                       {.epoch = EPOCH, .first = 2, .last = 2, .bytes = 10},
                                       {.epoch = EPOCH, .first = 4, .last = 5, .bytes = 20}};
    decide_all(&d, away, 3);
    assert_int_equal(driver_count(&d, GW_EFFECT_STALE), 1);
    assert_returned(&d, 0, 1, 2, 10, GW_RETURN_RELEASE);
    assert_returned(&d, 1, 4, 5, 10, GW_RETURN_RELEASE);
    driver_commit(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_decided), 0);
    struct gw_window_view view;
    assert_true(driver_window(&d, EPOCH, &view));
    assert_int_equal(view.in_hand, 1);
    driver_close(&d);
}

/* 3 comes again: 4 and 5 must not be begun before it. 1 was settled elsewhere, so that it does not
 * come again, and what is above it stays. */
static void what_a_stale_transaction_gives_back_is_not_overtaken(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_hold_ordered(&d, 5);
    remote_ping_floor(&d, 1, link, EPOCH, 2, 5);
    const struct gw_decision settled[] = {{.epoch = EPOCH, .first = 1, .last = 1, .bytes = 10}};
    decide_all(&d, settled, 1);
    assert_int_equal(driver_count(&d, GW_EFFECT_STALE), 1);
    assert_int_equal(driver_count(&d, GW_EFFECT_RECALL), 0);
    driver_decide(&d, EPOCH, 2, 2);
    const struct gw_decision mixed[] = {{.epoch = EPOCH, .first = 3, .last = 3, .bytes = 10},
                                        {.epoch = 99, .first = 1, .last = 1, .bytes = 10}};
    decide_all(&d, mixed, 2);
    assert_returned(&d, 0, 3, 3, 10, GW_RETURN_RELEASE);
    assert_range(driver_recall(&d, 0), 4, 5);
    driver_recalled(&d, 0, 4, 5);
    assert_returned(&d, 0, 3, 5, 10, GW_RETURN_RELEASE);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(returns_that_say_different_things_are_told_apart),
        cmocka_unit_test(crashes_beside_each_other_are_two),
        cmocka_unit_test(a_crash_that_is_followed_by_another_return_leaves_the_store),
        cmocka_unit_test(the_returns_of_several_epochs_ride_on_one_ack),
        cmocka_unit_test(what_is_asked_back_of_any_offer_may_come_by_the_next),
        cmocka_unit_test(what_is_asked_back_of_any_offer_and_came_back_is_told_as_it_was),
        cmocka_unit_test(what_is_missing_is_told_around_what_came_back_before),
        cmocka_unit_test(of_many_returns_the_oldest_goes_but_no_crash),
        cmocka_unit_test(without_a_link_the_oldest_return_goes_untold),
        cmocka_unit_test(of_two_questions_the_lower_one_holds_what_comes),
        cmocka_unit_test(what_is_below_an_open_question_is_delivered),
        cmocka_unit_test(an_ordered_release_asks_only_for_what_is_in_hand),
        cmocka_unit_test(an_answer_shows_what_was_told_and_no_more),
        cmocka_unit_test(a_stale_transaction_gives_back_what_it_had_in_hand),
        cmocka_unit_test(what_a_stale_transaction_gives_back_is_not_overtaken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
