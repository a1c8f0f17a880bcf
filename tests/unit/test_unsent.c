/* SPDX-License-Identifier: MPL-2.0 */
/* What waits to leave: for credit, for its turn, or for nothing any more. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* b has 1 to `count`, in one run, and comes back on connection 2 with that much credit: the rest
 * waits. The link of b. */
static uint64_t begin_starved(struct driver *d, uint32_t count, uint64_t credit)
{
    uint64_t link = driver_begin(d, count);
    remote_say(d, 1, GW_FRAME_RESET, link);
    return driver_member(d, 2, "b", credit);
}

static void give(struct driver *d, uint64_t link, uint64_t messages)
{
    remote_credit(d, 2, link, messages, 1 << 24);
}

/* ---- the queue ---- */

static void a_run_that_is_cut_while_it_waits_leaves_in_order(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin_starved(&d, 9, 0);
    uint64_t number = driver_number(&d, 1);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    remote_return(&d, 2, link, GW_RETURN_NACK, 4, 5, number, 60000);
    remote_return(&d, 2, link, GW_RETURN_NACK, 2, 2, number, 60000); /* not the last in the queue */
    give(&d, link, 100);
    assert_range(driver_data(&d, 0), 1, 1);
    assert_range(driver_data(&d, 1), 3, 3);
    assert_range(driver_data(&d, 2), 6, 9);
    assert_range(driver_data(&d, 3), 0, 0);
    driver_close(&d);
}

/* The rest of it is decided: nothing is left to be cut off. */
/* What was being stored when the link went is in the queue last, behind what is left of the cut. */
static void what_becomes_durable_queues_behind_what_was_cut(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 9);
    uint64_t number = driver_number(&d, 1);
    driver_send(&d, EPOCH, 10, 3, 10);
    driver_seal(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_member(&d, 2, "b", 0);
    remote_return(&d, 2, link, GW_RETURN_NACK, 4, 5, number, 60000);
    driver_committed(&d);
    give(&d, link, 100);
    assert_range(driver_data(&d, 0), 1, 3);
    assert_range(driver_data(&d, 1), 6, 9);
    assert_range(driver_data(&d, 2), 10, 12);
    driver_close(&d);
}

static void what_is_cut_off_behind_may_be_settled_already(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 9);
    uint64_t number = driver_number(&d, 1);
    remote_ack(&d, 1, link, EPOCH, 6, 9);
    remote_return(&d, 1, link, GW_RETURN_NACK, 4, 5, number, 60000);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 1);
    assert_range((struct gw_range){driver_row(&d, GW_ROW_ASSIGNMENT, 0)->first,
                                   driver_row(&d, GW_ROW_ASSIGNMENT, 0)->last}, 1, 3);
    driver_close(&d);
}

static void a_refusal_takes_out_what_waits_and_leaves_the_rest(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    struct gw_serve items[] = {{{GW_KIND_STAGE, "other"}, 1, 100, 1 << 20},
                               {{GW_KIND_STAGE, "work"}, 1, 100, 1 << 20}};
    struct gw_frame serve = {.type = GW_FRAME_SERVE, .link = link};
    serve.u.serve.items = items;
    serve.u.serve.count = 2;
    driver_frame(&d, 1, &serve);
    remote_complete(&d, 1, link);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_send(&d, EPOCH + 1, 1, 3, 10);
    driver_commit(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    serve.link = link = driver_link(&d, 2, "b");
    items[1].credit_messages = 0;
    driver_frame(&d, 2, &serve);
    remote_complete(&d, 2, link);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    remote_refuse(&d, 2, link, GW_REFUSE_EPOCH, EPOCH);
    const struct gw_stream *other = gw_map_get(&d.core->streams, EPOCH + 1);
    const struct gw_run *waits = gw_index_at(&other->runs, 0);
    assert_ptr_equal(waits->member->unsent_head, waits);
    assert_null(waits->next_unsent);
    struct gw_credit credit = {1, 100, 1 << 20};
    struct gw_frame ack = {.type = GW_FRAME_ACK, .link = link};
    ack.u.ack.credits = &credit;
    ack.u.ack.credit_count = 1;
    driver_frame(&d, 2, &ack);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 1);
    assert_int_equal(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.batch->epoch, EPOCH + 1);
    driver_close(&d);
}

/* Of an epoch that it refuses nothing is asked for, either. */
static void nothing_is_asked_back_of_a_refused_epoch(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_refuse(&d, 1, link, GW_REFUSE_EPOCH, EPOCH);
    driver_withdraw(&d, 2);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_tick(&d, SECOND);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_close(&d);
}

/* What an earlier link had paid for waits behind what is paid for on this one. */
static void what_is_paid_for_goes_before_what_waits_for_credit(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_sealed(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_member(&d, 2, "b", 2);
    driver_send(&d, EPOCH, 4, 2, 10); /* takes the credit of this link */
    driver_committed(&d);
    assert_range(driver_data(&d, 0), 0, 0);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 4, 5);
    assert_range(driver_data(&d, 1), 0, 0);
    give(&d, link, 100);
    assert_range(driver_data(&d, 0), 1, 3);
    driver_close(&d);
}

/* 1 is too large for the bytes that b takes now. 2, which waits behind it, and 3, which is new, are
 * not, and wait all the same. */
static void what_is_small_does_not_pass_what_is_large(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 1, 100);
    driver_send(&d, EPOCH, 2, 1, 10);
    driver_commit(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_link(&d, 2, "b");
    remote_serve(&d, 2, link, 100, 50);
    remote_complete(&d, 2, link);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    driver_send(&d, EPOCH, 3, 1, 10);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 3), "");
    give(&d, link, 100);
    assert_range(driver_data(&d, 0), 1, 1);
    assert_range(driver_data(&d, 1), 2, 2);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 3), "b");
    driver_close(&d);
}

/* One after the other: what came first has the credit that comes. */
static void nothing_new_is_given_to_whom_older_runs_wait_for(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin_starved(&d, 3, 2); /* 3 waits */
    driver_send(&d, EPOCH, 4, 1, 10);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 4), "");
    give(&d, link, 3);
    assert_range(driver_data(&d, 0), 3, 3);
    give(&d, link, 4);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 4, 4);
    driver_close(&d);
}

/* Its handler died of 2, and of 4: one at a time, and nothing else, on each new link. */
static void what_is_alone_keeps_all_others_from_its_member(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 4);
    uint64_t number = driver_number(&d, 1);
    driver_policy(&d, &(struct gw_policy){.retry_base_us = 1, .retry_cap_us = 1});
    remote_return(&d, 1, link, GW_RETURN_CRASHED, 2, 2, number, 0);
    driver_tick(&d, 100);
    remote_ack(&d, 1, link, EPOCH, 1, 1);
    remote_ack(&d, 1, link, EPOCH, 3, 4);
    assert_int_equal(driver_next_data(&d, 10000), 2);
    driver_send(&d, EPOCH, 5, 1, 10);
    driver_store(&d);
    driver_restart(&d);
    link = driver_link(&d, 1, "b");
    remote_serve(&d, 1, link, 100, 1 << 20);
    remote_complete(&d, 1, link);
    driver_loaded(&d, EPOCH, 1, 5);
    assert_range(driver_data(&d, 0), 2, 2);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 0, 0); /* 5 waits for it */
    remote_ack(&d, 1, link, EPOCH, 2, 2);
    driver_next_data(&d, 10000);
    assert_range(driver_data(&d, 0), 5, 5);
    driver_close(&d);
}

/* How 2 failed is not recorded: a restarted sender takes the careful way, and lets the others of
 * its member wait. */
static void what_failed_before_a_restart_goes_alone_before_the_rest(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 4);
    driver_policy(&d, &(struct gw_policy){.retry_base_us = 1, .retry_cap_us = 1});
    remote_return(&d, 1, link, GW_RETURN_NACK, 2, 2, driver_number(&d, 2), 0);
    assert_int_equal(driver_next_data(&d, 1000), 2);
    driver_restart(&d);
    link = driver_member(&d, 1, "b", 100);
    driver_loaded(&d, EPOCH, 1, 4);
    assert_range(driver_data(&d, 0), 2, 2);
    assert_range(driver_data(&d, 1), 0, 0);
    remote_ack(&d, 1, link, EPOCH, 2, 2);
    driver_tick(&d, 10000);
    driver_seal(&d); /* its run is gone: the others wait for no word of their member's */
    assert_range(driver_data(&d, 0), 1, 1);
    assert_range(driver_data(&d, 1), 3, 4);
    driver_close(&d);
}

/* ---- settled meanwhile ---- */

static void what_is_settled_and_not_sealed_is_no_more_forgotten_than_sealed(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 6);
    remote_except(&d, 1, link, GW_EXCEPTION_SKIPPED, 1, GW_WITHDRAW_PURGED);
    remote_except(&d, 1, link, GW_EXCEPTION_SKIPPED, 4, GW_WITHDRAW_PURGED);
    driver_tick(&d, 10000);
    driver_seal(&d);
    remote_except(&d, 1, link, GW_EXCEPTION_SKIPPED, 2, GW_WITHDRAW_PURGED);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 5, 1);
    driver_committed(&d);
    assert_int_equal(driver_outcome(&d, 1), GW_OUTCOME_WITHDRAWN);
    assert_int_equal(driver_outcome(&d, 2), 0);
    remote_ack(&d, 1, link, EPOCH, 3, 3);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_WITHDRAWN);
    assert_int_equal(driver_outcome(&d, 3), GW_OUTCOME_PROCESSED);
    assert_int_equal(driver_outcome(&d, 5), GW_OUTCOME_DEAD);
    assert_int_equal(driver_where(&d, 6).place, GW_PLACE_ASSIGNED);
    driver_close(&d);
}

/* One row for each way to end, in the order of the messages. */
static void outcomes_tell_each_way_to_end_apart(void **state)
{
    (void)state;
    static const struct gw_range ranges[] = {{1, 1}, {2, 2}, {3, 4}, {5, 5}, {6, 6}};
    struct driver d;
    driver_open_outcomes(&d);
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 6, 10);
    driver_commit(&d);
    remote_ack(&d, 1, link, EPOCH, 1, 1);
    remote_except(&d, 1, link, GW_EXCEPTION_SKIPPED, 2, GW_WITHDRAW_PURGED);
    remote_ack(&d, 1, link, EPOCH, 3, 4);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 5, 1);
    remote_ack(&d, 1, link, EPOCH, 6, 6);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_OUTCOME), 5);
    for (size_t i = 0; i < 5; i++) {
        const struct gw_row *row = driver_row(&d, GW_ROW_OUTCOME, i);
        assert_range((struct gw_range){row->first, row->last}, ranges[i].first, ranges[i].last);
        assert_int_equal(row->number, i + 1);
    }
    driver_close(&d);
}

/* c has it by now, or is about to; the word of b, who had it first, comes before. */
static void who_lost_it_may_still_settle_it_while_another_gets_it(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    driver_member(&d, 2, "c", 1); /* gets 1: it is being stored */
    link = driver_come_back(&d, 3);
    remote_ack(&d, 3, link, EPOCH, 1, 3);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_ASSIGNED); /* to whom is not durable */
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_SETTLED);
    driver_commit(&d);
    remote_ack(&d, 3, link, EPOCH, 1, 3); /* it is said again with each PING */
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 1), GW_OUTCOME_PROCESSED);
    driver_close(&d);
}

static void what_is_said_twice_before_it_is_written_counts_once(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    remote_ack(&d, 1, link, EPOCH, 1, 3);
    remote_ack(&d, 1, link, EPOCH, 1, 3);
    driver_store(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_settled), 3);
    assert_int_equal(gw_remote_find(d.core, "b")->members->outstanding, 0);
    driver_close(&d);
}

/* What is wanted of it ends with the write in flight; what failed is told with it. */
static void a_write_in_flight_leaves_no_wish_behind(void **state)
{
    (void)state;
    struct driver d;
    driver_open_cache(&d, 1 << 20);
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 6, 10);
    driver_commit(&d);
    uint64_t number = driver_number(&d, 1);
    driver_withdraw(&d, 2);
    driver_withdraw(&d, 4);
    remote_except(&d, 1, link, GW_EXCEPTION_SKIPPED, 2, GW_WITHDRAW_CANCELLED);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 3, 1);
    remote_return(&d, 1, link, GW_RETURN_NACK, 6, 6, number, 60000);
    driver_tick(&d, 10000);
    driver_seal(&d); /* 2 and 3 end in it */
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 5, 1);
    d.core->options.cache_bytes = 1;
    driver_tick(&d, SECOND);
    assert_non_null(gw_stream_batch(gw_map_get(&d.core->streams, EPOCH), 1)->body);
    const struct gw_frame *skip = driver_sent(&d, GW_FRAME_SKIP, 0);
    assert_non_null(skip);
    assert_int_equal(skip->u.skip.range_count, 1);
    assert_range(skip->u.skip.ranges[0], 4, 4);
    driver_send(&d, EPOCH, 7, 1, 10); /* looks at all that is wanted again */
    link = driver_member(&d, 2, "b", 100);
    driver_committed(&d);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 5), GW_OUTCOME_DEAD);
    driver_close(&d);
}

static void an_ack_of_what_is_being_assigned_settles_nothing(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_send(&d, EPOCH, 4, 3, 10);
    driver_seal(&d);
    remote_ack(&d, 1, link, EPOCH, 1, 6);
    assert_int_equal(driver_where(&d, 3).place, GW_PLACE_SETTLED);
    assert_int_equal(driver_where(&d, 4).place, GW_PLACE_ASSIGNED);
    driver_committed(&d);
    assert_range(driver_data(&d, 0), 4, 6);
    driver_close(&d);
}

/* Two old epochs of one destination, the newer one of which ends first. */
static void an_epoch_may_end_before_an_older_one(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 2);
    driver_send(&d, EPOCH + 1, 1, 2, 10);
    driver_commit(&d);
    driver_restart(&d);
    uint64_t link = driver_member(&d, 1, "b", 100);
    remote_ack(&d, 1, link, EPOCH + 1, 1, 2);
    driver_commit(&d);
    driver_loaded(&d, EPOCH + 1, 1, 2);
    driver_store(&d);
    assert_int_equal(driver_sent(&d, GW_FRAME_CLOSED, 0)->u.closed.epoch, EPOCH + 1);
    link = driver_link(&d, 1, "b"); /* CLOSED again, of that epoch alone */
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 1);
    remote_closed(&d, 1, link, EPOCH + 1);
    driver_tick(&d, SECOND); /* confirmed, and not written: it is not repeated */
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 0);
    driver_seal(&d);
    driver_tick(&d, SECOND);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 0);
    driver_committed(&d);
    struct gw_stream_view view;
    assert_false(driver_stream(&d, EPOCH + 1, &view));
    assert_true(driver_stream(&d, EPOCH, &view));
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_is_cut_while_it_waits_leaves_in_order),
        cmocka_unit_test(what_becomes_durable_queues_behind_what_was_cut),
        cmocka_unit_test(what_is_cut_off_behind_may_be_settled_already),
        cmocka_unit_test(a_refusal_takes_out_what_waits_and_leaves_the_rest),
        cmocka_unit_test(nothing_is_asked_back_of_a_refused_epoch),
        cmocka_unit_test(what_is_paid_for_goes_before_what_waits_for_credit),
        cmocka_unit_test(what_is_small_does_not_pass_what_is_large),
        cmocka_unit_test(nothing_new_is_given_to_whom_older_runs_wait_for),
        cmocka_unit_test(what_is_alone_keeps_all_others_from_its_member),
        cmocka_unit_test(what_failed_before_a_restart_goes_alone_before_the_rest),
        cmocka_unit_test(what_is_settled_and_not_sealed_is_no_more_forgotten_than_sealed),
        cmocka_unit_test(outcomes_tell_each_way_to_end_apart),
        cmocka_unit_test(who_lost_it_may_still_settle_it_while_another_gets_it),
        cmocka_unit_test(what_is_said_twice_before_it_is_written_counts_once),
        cmocka_unit_test(a_write_in_flight_leaves_no_wish_behind),
        cmocka_unit_test(an_ack_of_what_is_being_assigned_settles_nothing),
        cmocka_unit_test(an_epoch_may_end_before_an_older_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
