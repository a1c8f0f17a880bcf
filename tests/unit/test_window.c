/* SPDX-License-Identifier: MPL-2.0 */
/* Windows: what is new and what is a duplicate, credit, and what a sender may not do. */

#include "core/state.h"
#include "support/core_receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* ---- duplicates ---- */

static void data_is_delivered_once_while_it_is_in_hand(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    assert_range(driver_delivered(&d, 0), 1, 10);
    assert_string_equal(driver_effect(&d, GW_EFFECT_DELIVER, 0)->u.deliver.sender, "s");
    remote_data(&d, 1, link, EPOCH, 1, 10);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_duplicates_dropped), 10);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0); /* not decided */
    driver_close(&d);
}

static void a_duplicate_of_what_is_decided_and_not_yet_sealed_is_dropped(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    driver_decide(&d, EPOCH, 1, 10);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    driver_close(&d);
}

static void a_duplicate_of_what_is_being_committed_is_dropped_and_not_acked(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    driver_decide(&d, EPOCH, 1, 10);
    driver_seal(&d);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    driver_committed(&d);
    assert_range(driver_acked(&d, EPOCH, 0), 1, 10);
    assert_int_equal(driver_counter(&d, GW_COUNTER_decided), 10);
    driver_close(&d);
}

static void a_duplicate_of_what_is_decided_is_acked_again(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    driver_decide(&d, EPOCH, 1, 10);
    driver_commit(&d);
    remote_data(&d, 1, link, EPOCH, 4, 3);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_range(driver_acked(&d, EPOCH, 0), 4, 6);
    driver_close(&d);
}

static void what_lies_below_the_floor_is_dropped_and_counted(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_ping_floor(&d, 1, link, EPOCH, 8, 20);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    assert_range(driver_delivered(&d, 0), 8, 10);
    assert_int_equal(driver_counter(&d, GW_COUNTER_below_floor), 7);
    assert_int_equal(driver_counter(&d, GW_COUNTER_duplicates_dropped), 7);
    driver_close(&d);
}

static void what_lies_wholly_below_the_floor_is_counted_as_a_whole(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_ping_floor(&d, 1, link, EPOCH, 8, 20);
    remote_data(&d, 1, link, EPOCH, 2, 3);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_below_floor), 3);
    driver_close(&d);
}

static void only_the_new_pieces_of_a_run_are_delivered(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 3, 1); /* stays in hand */
    remote_data(&d, 1, link, EPOCH, 5, 2); /* deciding */
    remote_data(&d, 1, link, EPOCH, 9, 1); /* decided */
    driver_decide(&d, EPOCH, 9, 9);
    driver_commit(&d);
    driver_decide(&d, EPOCH, 5, 6);
    remote_data_floor(&d, 1, link, EPOCH, 1, 10, 1);
    assert_range(driver_delivered(&d, 0), 1, 2);
    assert_range(driver_delivered(&d, 1), 4, 4);
    assert_range(driver_delivered(&d, 2), 7, 8);
    assert_range(driver_delivered(&d, 3), 10, 10);
    assert_range(driver_delivered(&d, 4), 0, 0);
    driver_close(&d);
}

static void decisions_survive_a_restart_and_what_was_in_hand_comes_again(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    driver_decide(&d, EPOCH, 1, 5);
    driver_commit(&d);
    driver_decide(&d, EPOCH, 6, 7);
    driver_seal(&d); /* lost with the process */
    driver_restart(&d);
    driver_serve(&d, "work", 1000, 1 << 24);
    link = driver_again(&d);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    assert_range(driver_delivered(&d, 0), 6, 10);
    driver_close(&d);
}

/* ---- decisions ---- */

static void an_ack_says_a_decision_only_when_it_is_durable(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    driver_decide(&d, EPOCH, 1, 4);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 0);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    driver_seal(&d);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    driver_committed(&d);
    assert_range(driver_acked(&d, EPOCH, 0), 1, 4);
    assert_int_equal(driver_rows(&d, GW_ROW_DECIDED), 1);
    driver_close(&d);
}

static void an_ack_goes_out_on_the_link_that_is_current_then(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 1);
    driver_decide(&d, EPOCH, 1, 1);
    driver_seal(&d);
    uint64_t fresh = driver_link(&d, 2, "s");
    driver_committed(&d);
    assert_int_equal(driver_sent_on(&d, 2, GW_FRAME_ACK)->link, fresh);
    assert_null(driver_sent_on(&d, 1, GW_FRAME_ACK));
    driver_close(&d);
}

static void a_decision_of_what_is_not_in_hand_changes_nothing(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 4);
    driver_decide(&d, EPOCH, 3, 6);
    driver_decide(&d, EPOCH + 1, 1, 1);
    driver_decide(&d, EPOCH, 1, 2);
    driver_decide(&d, EPOCH, 1, 2); /* a second time */
    driver_commit(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_decided), 2);
    assert_int_equal(driver_counter(&d, GW_COUNTER_in_hand_now), 2);
    driver_close(&d);
}

static void a_decision_below_the_floor_is_stale(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 4);
    remote_ping_floor(&d, 1, link, EPOCH, 5, 10);
    driver_decide(&d, EPOCH, 1, 4);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DECIDED), 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_in_hand_now), 0);
    driver_close(&d);
}

static void the_floor_takes_the_rows_below_it_away(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    driver_decide(&d, EPOCH, 1, 3);
    driver_decide(&d, EPOCH, 5, 6);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DECIDED), 2);
    remote_ping_floor(&d, 1, link, EPOCH, 5, 10);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DECIDED), 1);
    assert_int_equal(driver_row(&d, GW_ROW_WINDOW, 0)->floor, 5);
    remote_ping_floor(&d, 1, link, EPOCH, 3, 10); /* a receiver never lowers one */
    driver_commit(&d);
    assert_int_equal(driver_row(&d, GW_ROW_WINDOW, 0)->floor, 5);
    driver_close(&d);
}

static void a_floor_is_acked_only_when_it_is_durable(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    driver_decide(&d, EPOCH, 1, 10);
    driver_commit(&d);
    remote_ping_floor(&d, 1, link, EPOCH, 5, 10);
    driver_seal(&d);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.epochs[0].floor, 1);
    driver_committed(&d);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.epochs[0].floor, 5);
    driver_close(&d);
}

/* ---- credit ---- */

static const struct gw_credit *credit(const struct driver *d)
{
    const struct gw_frame *ack = driver_sent(d, GW_FRAME_ACK, 0);
    return ack && ack->u.ack.credit_count ? &ack->u.ack.credits[0] : NULL;
}

static void credit_is_what_was_taken_plus_the_room_that_is_left(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 10);
    remote_data(&d, 1, link, EPOCH, 1, 8);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(credit(&d)->messages, 10);
    driver_decide(&d, EPOCH, 1, 3);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(credit(&d)->messages, 10); /* not yet durable */
    driver_commit(&d);
    assert_int_equal(credit(&d)->messages, 13);
    assert_int_equal(credit(&d)->bytes, (1 << 24) + 30);
    driver_close(&d);
}

static void credit_never_falls_on_a_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 100);
    driver_serve(&d, "work", 5, 1 << 24);
    assert_int_equal(driver_sent(&d, GW_FRAME_SERVE, 0)->u.serve.items[0].credit_messages, 100);
    remote_data(&d, 1, link, EPOCH, 1, 50); /* it was promised */
    assert_range(driver_delivered(&d, 0), 1, 50);
    driver_close(&d);
}

static void a_new_link_counts_from_the_start_less_what_is_in_hand(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 10);
    remote_data(&d, 1, link, EPOCH, 1, 4);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_link(&d, 1, "s");
    assert_int_equal(driver_sent(&d, GW_FRAME_SERVE, 0)->u.serve.items[0].credit_messages, 6);
    driver_close(&d);
}

static void duplicates_cost_credit_that_is_given_back(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 10);
    remote_data(&d, 1, link, EPOCH, 1, 5);
    driver_decide(&d, EPOCH, 1, 5);
    driver_commit(&d);
    for (int i = 0; i < 20; i++) {
        remote_data(&d, 1, link, EPOCH, 1, 5);
        assert_int_equal(credit(&d)->messages, 10 + (i + 2) * 5);
    }
    assert_int_equal(driver_counter(&d, GW_COUNTER_violations), 0);
    driver_close(&d);
}

static void data_beyond_the_credit_ends_the_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 10);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    remote_data(&d, 1, link, EPOCH, 11, 1);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_int_equal(driver_sent(&d, GW_FRAME_RESET, 0)->link, link);
    assert_int_equal(driver_counter(&d, GW_COUNTER_over_credit), 1);
    driver_close(&d);
}

/* ---- what a sender may not do ---- */

static void data_beyond_the_window_ends_the_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, DRIVER_WINDOW, 1); /* floor 1: the last allowed */
    assert_range(driver_delivered(&d, 0), DRIVER_WINDOW, DRIVER_WINDOW);
    remote_data(&d, 1, link, EPOCH, DRIVER_WINDOW + 1, 1);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_DATA));
    driver_close(&d);
}

static void the_floor_in_the_frame_moves_the_window_first(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data_floor(&d, 1, link, EPOCH, 150, 10, 100);
    assert_range(driver_delivered(&d, 0), 150, 159);
    driver_close(&d);
}

static void nobody_touches_the_epoch_of_another(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 5);
    uint64_t foreign = driver_link(&d, 2, "x");
    remote_open(&d, 2, foreign, EPOCH, true);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_OPEN));
    foreign = driver_link(&d, 2, "x");
    remote_data(&d, 2, foreign, EPOCH, 6, 1);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_DATA));
    foreign = driver_link(&d, 2, "x");
    remote_ping_floor(&d, 2, foreign, EPOCH, 6, 10);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_PING));
    foreign = driver_link(&d, 2, "x");
    remote_close_epoch(&d, 2, foreign, EPOCH, 5);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_CLOSED));
    struct gw_window_view view;
    assert_true(driver_window(&d, EPOCH, &view));
    assert_int_equal(view.floor, 1);
    assert_int_equal(view.in_hand, 5);
    assert_false(view.closed);
    remote_data(&d, 1, link, EPOCH, 6, 1); /* the owner's link lives */
    assert_range(driver_delivered(&d, 0), 6, 6);
    driver_close(&d);
}

static void data_must_be_announced_on_its_own_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_link(&d, 1, "s");
    remote_data(&d, 1, link, EPOCH, 1, 1);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_DATA));
    driver_close(&d);
}

static void an_epoch_neither_known_nor_fresh_is_refused_and_the_link_stays(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 10);
    remote_open(&d, 1, link, 66, false);
    const struct gw_frame *refusal = driver_sent(&d, GW_FRAME_REFUSE, 0);
    assert_int_equal(refusal->u.refuse.code, GW_REFUSE_EPOCH);
    assert_int_equal(refusal->u.refuse.epoch, 66);
    assert_int_equal(refusal->link, link);
    remote_data(&d, 1, link, 66, 1, 5); /* it was on its way: credit comes back */
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_int_equal(credit(&d)->messages, 15);
    remote_data(&d, 1, link, EPOCH, 1, 1);
    assert_range(driver_delivered(&d, 0), 1, 1);
    driver_close(&d);
}

/* ---- tombstones ---- */

static void closed_makes_a_tombstone_that_is_told_when_it_is_durable(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    driver_decide(&d, EPOCH, 1, 10);
    driver_commit(&d);
    remote_close_epoch(&d, 1, link, EPOCH, 10);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 0);
    driver_seal(&d);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_ACK), 0);
    driver_committed(&d);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.closed[0], EPOCH);
    assert_int_equal(driver_rows(&d, GW_ROW_DECIDED), 0);
    assert_true(driver_row(&d, GW_ROW_WINDOW, 0)->flag);
    remote_close_epoch(&d, 1, link, EPOCH, 10); /* repeated: told again at once */
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.closed[0], EPOCH);
    driver_close(&d);
}

static void a_tombstone_answers_settled_also_after_a_restart(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_open_window(&d, 1000);
    remote_data(&d, 1, link, EPOCH, 1, 10);
    driver_decide(&d, EPOCH, 1, 10);
    remote_close_epoch(&d, 1, link, EPOCH, 10);
    driver_commit(&d);
    for (int i = 0; i < 2; i++) {
        remote_open(&d, 1, link, EPOCH, true);
        remote_data(&d, 1, link, EPOCH, 1, 10);
        assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
        assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.epochs[0].floor, 11);
        assert_int_equal(driver_counter(&d, GW_COUNTER_tombstones_answered), 1);
        driver_restart(&d);
        driver_serve(&d, "work", 1000, 1 << 24);
        link = driver_link(&d, 1, "s");
    }
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_delivered_once_while_it_is_in_hand),
        cmocka_unit_test(a_duplicate_of_what_is_decided_and_not_yet_sealed_is_dropped),
        cmocka_unit_test(a_duplicate_of_what_is_being_committed_is_dropped_and_not_acked),
        cmocka_unit_test(a_duplicate_of_what_is_decided_is_acked_again),
        cmocka_unit_test(what_lies_below_the_floor_is_dropped_and_counted),
        cmocka_unit_test(what_lies_wholly_below_the_floor_is_counted_as_a_whole),
        cmocka_unit_test(only_the_new_pieces_of_a_run_are_delivered),
        cmocka_unit_test(decisions_survive_a_restart_and_what_was_in_hand_comes_again),
        cmocka_unit_test(an_ack_says_a_decision_only_when_it_is_durable),
        cmocka_unit_test(an_ack_goes_out_on_the_link_that_is_current_then),
        cmocka_unit_test(a_decision_of_what_is_not_in_hand_changes_nothing),
        cmocka_unit_test(a_decision_below_the_floor_is_stale),
        cmocka_unit_test(the_floor_takes_the_rows_below_it_away),
        cmocka_unit_test(a_floor_is_acked_only_when_it_is_durable),
        cmocka_unit_test(credit_is_what_was_taken_plus_the_room_that_is_left),
        cmocka_unit_test(credit_never_falls_on_a_link),
        cmocka_unit_test(a_new_link_counts_from_the_start_less_what_is_in_hand),
        cmocka_unit_test(duplicates_cost_credit_that_is_given_back),
        cmocka_unit_test(data_beyond_the_credit_ends_the_link),
        cmocka_unit_test(data_beyond_the_window_ends_the_link),
        cmocka_unit_test(the_floor_in_the_frame_moves_the_window_first),
        cmocka_unit_test(nobody_touches_the_epoch_of_another),
        cmocka_unit_test(data_must_be_announced_on_its_own_link),
        cmocka_unit_test(an_epoch_neither_known_nor_fresh_is_refused_and_the_link_stays),
        cmocka_unit_test(closed_makes_a_tombstone_that_is_told_when_it_is_durable),
        cmocka_unit_test(a_tombstone_answers_settled_also_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
