/* SPDX-License-Identifier: MPL-2.0 */
/* The sending side where things meet: decisions with burials, refusals with messages to be alone,
 * wishes with writes in flight, credit with messages that leave before they are sent. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* b has 1 to 3 and loses its link; c gets them after a while. The link of c. */
static uint64_t begin_forfeited(struct driver *d)
{
    uint64_t link = driver_begin(d, 3);
    driver_policy(d,
                 &(struct gw_policy){.failover = true, .failover_us = SECOND, .max_attempts = 3});
    uint64_t other = driver_member(d, 2, "c", 100);
    remote_say(d, 1, GW_FRAME_RESET, link);
    assert_int_equal(driver_next_data(d, SECOND), 1);
    assert_string_equal(driver_holder(d, 1), "c");
    return other;
}

/* ---- ends that meet ---- */

static void what_was_processed_is_not_buried_as_well(void **state)
{
    (void)state;
    struct driver d;
    uint64_t other = begin_forfeited(&d);
    uint64_t link = driver_come_back(&d, 3);
    remote_ack(&d, 2, other, EPOCH, 2, 2);
    remote_except(&d, 3, link, GW_EXCEPTION_REJECTED, 2, 7); /* too late */
    remote_except(&d, 3, link, GW_EXCEPTION_REJECTED, 1, 7);
    remote_ack(&d, 2, other, EPOCH, 1, 1); /* before that is stored */
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 0);
    assert_int_equal(driver_outcome(&d, 1), GW_OUTCOME_PROCESSED);
    assert_int_equal(driver_count(&d, GW_EFFECT_BURIED), 0);
    assert_int_equal(driver_rows(&d, GW_ROW_STORY), 0);
    driver_close(&d);
}

static void a_dead_letter_names_who_rejected_it(void **state)
{
    (void)state;
    struct driver d;
    begin_forfeited(&d);
    uint64_t link = driver_come_back(&d, 3);
    remote_except(&d, 3, link, GW_EXCEPTION_REJECTED, 1, 7);
    driver_store(&d);
    assert_string_equal(driver_row(&d, GW_ROW_DEAD, 0)->peer, "b"); /* c has it */
    assert_true(driver_row(&d, GW_ROW_DEAD, 0)->maybe_duplicate);
    driver_close(&d);
}

static void nobody_rejects_anothers_message(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 3);
    uint64_t other = driver_member(&d, 2, "c", 100);
    driver_send(&d, EPOCH, 4, 1, 10); /* an offer of the same stream */
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 4), "c");
    remote_except(&d, 2, other, GW_EXCEPTION_REJECTED, 2, 7);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 0);
    assert_string_equal(driver_where(&d, 2).peer, "b");
    driver_close(&d);
}

/* Its member serves no more, so that nobody has it while its bytes are read for the burial. */
static void what_was_rejected_is_not_withdrawn_instead(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 1);
    driver_restart(&d);
    driver_withdraw(&d, 1);
    uint64_t link = driver_link(&d, 1, "b");
    remote_say(&d, 1, GW_FRAME_SERVE, link); /* nothing */
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 1, 7);
    remote_complete(&d, 1, link);
    driver_store(&d);
    driver_loaded(&d, EPOCH, 1, 1);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 1), GW_OUTCOME_DEAD);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 1);
    driver_close(&d);
}

static void what_is_given_back_stays_doubtful(void **state)
{
    (void)state;
    struct driver d;
    uint64_t other = begin_forfeited(&d);
    remote_return(&d, 2, other, GW_RETURN_RELEASE, 2, 3, driver_number(&d, 2), UINT32_MAX);
    assert_int_equal(driver_next_data(&d, 1), 2);
    assert_true(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.maybe_duplicate);
    driver_close(&d);
}

/* ---- attempts ---- */

static void a_crash_counts_though_its_message_was_forfeited(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    uint64_t number = driver_number(&d, 1);
    driver_policy(&d,
                 &(struct gw_policy){.failover = true, .failover_us = SECOND, .max_attempts = 3});
    driver_member(&d, 2, "c", 100);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    assert_int_equal(driver_next_data(&d, SECOND), 1);
    link = driver_come_back(&d, 3);
    remote_return(&d, 3, link, GW_RETURN_CRASHED, 1, 1, number, UINT32_MAX);
    assert_int_equal(driver_where(&d, 1).attempts, 2);
    assert_string_equal(driver_where(&d, 1).peer, "c"); /* and frees nothing of the newer offer */
    remote_return(&d, 3, link, GW_RETURN_CRASHED, 1, 1, number, UINT32_MAX); /* told again */
    assert_int_equal(driver_where(&d, 1).attempts, 2);
    assert_int_equal(driver_where(&d, 2).attempts, 1);
    driver_close(&d);
}

static void a_return_that_was_charged_is_not_charged_with_a_later_loss(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 1);
    driver_policy(&d,
                 &(struct gw_policy){.failover = true, .failover_us = SECOND, .max_attempts = 9});
    uint64_t number = driver_number(&d, 1);
    remote_return(&d, 1, link, GW_RETURN_NACK, 1, 1, number, UINT32_MAX);
    assert_int_equal(driver_next_data(&d, SECOND), 1); /* b again */
    driver_member(&d, 2, "c", 100);
    remote_say(&d, 1, GW_FRAME_RESET, link); /* lost on its way */
    assert_int_equal(driver_next_data(&d, SECOND), 1);
    link = driver_come_back(&d, 3);
    remote_return(&d, 3, link, GW_RETURN_NACK, 1, 1, number, UINT32_MAX); /* all that b knows */
    assert_int_equal(driver_where(&d, 1).attempts, 2);
    driver_close(&d);
}

/* ---- messages to be alone ---- */

static void a_refused_epoch_does_not_keep_its_member_from_others(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 1);
    remote_return(&d, 1, link, GW_RETURN_CRASHED, 1, 1, driver_number(&d, 1), UINT32_MAX);
    assert_int_equal(driver_next_data(&d, SECOND), 1); /* alone */
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_come_back(&d, 2);
    remote_complete(&d, 2, link);
    assert_int_equal(driver_data(&d, 0).first, 1);
    driver_send(&d, EPOCH + 1, 1, 2, 10);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    remote_refuse(&d, 2, link, GW_REFUSE_EPOCH, EPOCH);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 1);
    assert_int_equal(driver_data(&d, 0).last, 2);
    remote_ack(&d, 2, link, EPOCH + 1, 1, 2);
    driver_store(&d);
    remote_say(&d, 2, GW_FRAME_RESET, link); /* the next link is asked again, and alone */
    link = driver_come_back(&d, 3);
    remote_complete(&d, 3, link);
    driver_send(&d, EPOCH + 1, 3, 2, 10);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    driver_close(&d);
}

/* ---- writes in flight ---- */

static void a_wish_for_what_was_never_sent_needs_nobody(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_sealed(&d, 3);
    driver_withdraw(&d, 2);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_committed(&d);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_WITHDRAWN);
    assert_string_equal(driver_holder(&d, 1), "b");
    assert_string_equal(driver_holder(&d, 3), "b");
    driver_close(&d);
}

static void a_wish_waits_for_the_assignment_that_is_being_stored(void **state)
{
    (void)state;
    struct driver d;
    driver_begin_without(&d, 3);
    driver_member(&d, 1, "b", 100);
    driver_withdraw(&d, 2);
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_ASSIGNED);
    driver_commit(&d);
    assert_int_equal(driver_data(&d, 0).last, 1);
    assert_int_equal(driver_data(&d, 1).first, 3);
    driver_close(&d);
}

static void what_was_on_its_way_to_a_forfeited_member_is_forfeited_too(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_sealed(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    driver_committed(&d);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_QUEUED);
    driver_member(&d, 2, "c", 100);
    assert_int_equal(driver_next_data(&d, 1), 1);
    assert_false(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.maybe_duplicate);
    driver_close(&d);
}

static void what_was_forfeited_and_offered_again_is_not_asked_back(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 1);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    link = driver_come_back(&d, 2);
    remote_in_hand(&d, 2, link, EPOCH, 1, 1);
    remote_complete(&d, 2, link);
    assert_non_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 1), "b"); /* nobody else is there */
    assert_int_equal(driver_data(&d, 0).first, 1); /* what b told of the old offer is over */
    remote_say(&d, 2, GW_FRAME_RESET, link);
    link = driver_come_back(&d, 3);
    remote_in_hand(&d, 3, link, EPOCH, 1, 1);
    remote_complete(&d, 3, link);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_close(&d);
}

static void each_wish_is_asked_once_a_heartbeat(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 10);
    driver_withdraw(&d, 2);
    driver_withdraw(&d, 7);
    const struct gw_frame *skip = driver_sent(&d, GW_FRAME_SKIP, 0);
    assert_int_equal(skip->u.skip.range_count, 1);
    assert_int_equal(skip->u.skip.ranges[0].first, 7);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 1));
    driver_tick(&d, SECOND);
    skip = driver_sent(&d, GW_FRAME_SKIP, 0);
    assert_int_equal(skip->u.skip.range_count, 2);
    driver_close(&d);
}

/* ---- credit ---- */

/* c has 1 to 3 after b, and their bytes are being read; that takes all credit that c gave. */
static uint64_t begin_reading(struct driver *d)
{
    struct gw_core_options options;
    driver_options(&options, "a");
    options.cache_bytes = 1; /* bodies are read back for a second offer */
    driver_open_with(d, &options);
    driver_policy(d, &(struct gw_policy){.failover = true, .failover_us = SECOND});
    uint64_t link = driver_member(d, 1, "b", 100);
    driver_send(d, EPOCH, 1, 3, 10);
    driver_commit(d);
    uint64_t other = driver_member(d, 2, "c", 3);
    remote_say(d, 1, GW_FRAME_RESET, link);
    driver_tick(d, SECOND);
    driver_commit(d);
    assert_string_equal(driver_holder(d, 1), "c");
    assert_int_equal(driver_count(d, GW_EFFECT_LOAD), 1);
    return other;
}

static void what_comes_back_before_it_is_sent_costs_no_credit(void **state)
{
    (void)state;
    struct driver d;
    uint64_t other = begin_reading(&d);
    remote_return(&d, 2, other, GW_RETURN_RELEASE, 1, 3, driver_number(&d, 1), UINT32_MAX);
    driver_commit(&d);
    driver_loaded(&d, EPOCH, 1, 3);
    assert_int_equal(driver_data(&d, 0).first, 1);
    assert_int_equal(driver_data(&d, 0).last, 3);
    driver_close(&d);
}

static void what_is_decided_before_it_is_sent_costs_no_credit(void **state)
{
    (void)state;
    struct driver d;
    begin_reading(&d);
    uint64_t link = driver_link(&d, 3, "b");
    remote_ack(&d, 3, link, EPOCH, 1, 3);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 1), GW_OUTCOME_PROCESSED);
    driver_loaded(&d, EPOCH, 1, 3);
    driver_send(&d, EPOCH, 4, 3, 10);
    driver_commit(&d);
    assert_int_equal(driver_data(&d, 0).first, 4);
    assert_int_equal(driver_data(&d, 0).last, 6);
    driver_close(&d);
}

/* ---- windows that became smaller ---- */

static uint64_t small_member(struct driver *d, uint64_t conn, uint32_t window)
{
    struct gw_identity identity;
    remote_identity(&identity, "b", 99);
    identity.window = window;
    uint64_t link = driver_link_as(d, conn, &identity);
    remote_serve_all(d, conn, link, 100);
    return link;
}

static void nothing_is_sent_beyond_a_window_that_became_smaller(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 50);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = small_member(&d, 2, 10);
    assert_int_equal(driver_data(&d, 0).first, 1);
    assert_int_equal(driver_data(&d, 0).last, 10);
    assert_int_equal(driver_data(&d, 1).first, 0);
    remote_ack(&d, 2, link, EPOCH, 1, 4);
    driver_tick(&d, 10000);
    driver_seal(&d);
    driver_committed(&d); /* the floor is 5 now */
    assert_int_equal(driver_data(&d, 0).first, 11);
    assert_int_equal(driver_data(&d, 0).last, 14);
    driver_close(&d);
}

static void what_came_back_keeps_to_a_window_that_became_smaller(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 50);
    remote_say(&d, 1, GW_FRAME_SERVE, link); /* nothing any more */
    remote_return(&d, 1, link, GW_RETURN_RELEASE, 31, 50, driver_number(&d, 31), UINT32_MAX);
    driver_store(&d);
    driver_crash(&d);
    d.options.window = 10; /* ours, too */
    driver_recover(&d);
    small_member(&d, 2, 40);
    driver_loaded(&d, EPOCH, 1, 50);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 40), "b");
    assert_string_equal(driver_holder(&d, 41), "");
    driver_close(&d);
}

/* ---- numbers ---- */

static void the_numbers_of_one_open_never_run_into_the_next(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_member(&d, 1, "b", 100);
    d.lenient = true;
    d.core->runs_made = UINT32_MAX - 1;
    driver_send(&d, EPOCH, 1, 1, 10);
    driver_commit(&d);
    assert_int_equal(driver_number(&d, 1), (UINT64_C(1) << 32) + UINT32_MAX);
    driver_send(&d, EPOCH, 2, 1, 10);
    assert_int_not_equal(d.result, 0); /* the shell starts a fresh core, with a new open */
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_processed_is_not_buried_as_well),
        cmocka_unit_test(nobody_rejects_anothers_message),
        cmocka_unit_test(what_was_rejected_is_not_withdrawn_instead),
        cmocka_unit_test(a_dead_letter_names_who_rejected_it),
        cmocka_unit_test(what_is_given_back_stays_doubtful),
        cmocka_unit_test(a_crash_counts_though_its_message_was_forfeited),
        cmocka_unit_test(a_return_that_was_charged_is_not_charged_with_a_later_loss),
        cmocka_unit_test(a_refused_epoch_does_not_keep_its_member_from_others),
        cmocka_unit_test(a_wish_for_what_was_never_sent_needs_nobody),
        cmocka_unit_test(what_was_on_its_way_to_a_forfeited_member_is_forfeited_too),
        cmocka_unit_test(a_wish_waits_for_the_assignment_that_is_being_stored),
        cmocka_unit_test(what_was_forfeited_and_offered_again_is_not_asked_back),
        cmocka_unit_test(each_wish_is_asked_once_a_heartbeat),
        cmocka_unit_test(what_comes_back_before_it_is_sent_costs_no_credit),
        cmocka_unit_test(what_is_decided_before_it_is_sent_costs_no_credit),
        cmocka_unit_test(nothing_is_sent_beyond_a_window_that_became_smaller),
        cmocka_unit_test(what_came_back_keeps_to_a_window_that_became_smaller),
        cmocka_unit_test(the_numbers_of_one_open_never_run_into_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
