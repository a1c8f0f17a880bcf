/* SPDX-License-Identifier: MPL-2.0 */
/* Streams: from submission to the last settlement. How an epoch ends is in test_member.c. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct gw_stream_view view_of(const struct driver *d)
{
    struct gw_stream_view view;
    assert_true(driver_stream(d, EPOCH, &view));
    return view;
}

static uint64_t offered(const struct driver *d)
{
    uint64_t count = 0;
    for (size_t n = 0; driver_data(d, n).first; n++)
        count += driver_data(d, n).last - driver_data(d, n).first + 1;
    return count;
}

static size_t deletions(const struct driver *d)
{
    size_t count = 0;
    for (size_t i = 0; i < d->op_count; i++)
        count += d->ops[i].type == GW_OP_DELETE_BATCH;
    return count;
}

/* ---- submission ---- */

static void a_batch_is_accepted_only_when_its_write_is_done(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send(&d, EPOCH, 1, 10, 10);
    assert_int_equal(gw_core_commit_due_us(d.core), 0); /* at once */
    driver_seal(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_STORED), 0);
    assert_int_equal(view_of(&d).stored, 0);
    driver_committed(&d);
    assert_int_equal(driver_effect(&d, GW_EFFECT_STORED, 0)->u.stored.upto, 10);
    assert_int_equal(view_of(&d).stored, 10);
    assert_int_equal(d.batch_count, 1);
    assert_int_equal(driver_rows(&d, GW_ROW_STREAM), 1);
    driver_close(&d);
}

static void batches_of_one_write_are_accepted_in_one_word(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send_batches(&d, 5, 10, 10);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_STORED), 1);
    assert_int_equal(driver_effect(&d, GW_EFFECT_STORED, 0)->u.stored.upto, 50);
    driver_close(&d);
}

static void a_batch_sent_while_a_write_runs_belongs_to_the_next(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_seal(&d);
    driver_send(&d, EPOCH, 11, 10, 10);
    driver_committed(&d);
    assert_int_equal(driver_effect(&d, GW_EFFECT_STORED, 0)->u.stored.upto, 10);
    assert_int_equal(gw_core_commit_due_us(d.core), 0);
    driver_commit(&d);
    assert_int_equal(driver_effect(&d, GW_EFFECT_STORED, 0)->u.stored.upto, 20);
    driver_close(&d);
}

static void a_batch_that_leaves_a_hole_stops_the_core(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send(&d, EPOCH, 1, 10, 10);
    d.lenient = true;
    driver_send(&d, EPOCH, 12, 1, 10);
    assert_int_not_equal(d.result, 0);
    driver_close(&d);
}

/* ---- W ---- */

static void nothing_is_offered_beyond_the_window(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 1000);
    driver_send_batches(&d, 15, 10, 10);
    driver_commit(&d);
    assert_int_equal(offered(&d), DRIVER_WINDOW);
    assert_int_equal(driver_counter(&d, GW_COUNTER_window_full), 1);
    remote_ack(&d, 1, link, EPOCH, 1, 10);
    assert_int_equal(gw_core_commit_due_us(d.core), 0); /* a stalled stream does not wait */
    driver_seal(&d);
    assert_int_equal(view_of(&d).floor, 1);
    driver_committed(&d);
    assert_int_equal(view_of(&d).floor, 11);
    driver_commit(&d); /* the new assignment */
    assert_int_equal(offered(&d), 10);
    assert_int_equal(driver_data(&d, 0).first, 101);
    driver_close(&d);
}

static void the_window_is_a_distance_and_not_a_number(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_with(&d, 1000, 150);
    remote_ack(&d, 1, link, EPOCH, 2, 100); /* all but the first */
    driver_commit(&d);
    remote_credit(&d, 1, link, 2000, 1 << 24);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    assert_int_equal(view_of(&d).unsettled, 51);
    assert_int_equal(view_of(&d).floor, 1);
    driver_close(&d);
}

/* ---- settlement ---- */

static void a_part_of_a_run_can_be_settled(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_with(&d, 1000, 10);
    remote_ack(&d, 1, link, EPOCH, 3, 5);
    assert_int_equal(gw_core_commit_due_us(d.core), d.now_us + 5000); /* waits for company */
    driver_commit(&d);
    assert_int_equal(view_of(&d).unsettled, 7);
    assert_int_equal(d.batch_count, 1);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 1);
    assert_int_equal(driver_row(&d, GW_ROW_SETTLED, 0)->first, 3);
    assert_int_equal(driver_row(&d, GW_ROW_SETTLED, 0)->last, 5);
    driver_close(&d);
}

static void a_settlement_said_twice_counts_once(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_with(&d, 1000, 10);
    remote_ack(&d, 1, link, EPOCH, 1, 5);
    remote_ack(&d, 1, link, EPOCH, 3, 7);
    driver_seal(&d);
    remote_ack(&d, 1, link, EPOCH, 1, 7); /* while it is being written */
    driver_committed(&d);
    remote_ack(&d, 1, link, EPOCH, 1, 7);
    driver_commit(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_settled), 7);
    assert_int_equal(view_of(&d).unsettled, 3);
    driver_close(&d);
}

static void a_member_settles_only_what_was_assigned_to_it(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t b = driver_member(&d, 1, "b", 1000);
    driver_member(&d, 2, "c", 1000);
    driver_send(&d, EPOCH, 1, 10, 10); /* five each */
    driver_commit(&d);
    assert_int_equal(offered(&d), 10);
    remote_ack(&d, 1, b, EPOCH, 1, 10);
    driver_commit(&d);
    assert_int_equal(view_of(&d).unsettled, 5);
    driver_close(&d);
}

static void settled_is_said_and_quota_freed_only_when_durable(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_with(&d, 1000, 10);
    remote_ack(&d, 1, link, EPOCH, 1, 10);
    driver_seal(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SETTLED), 0);
    assert_int_equal(driver_count(&d, GW_EFFECT_RELEASED), 0);
    driver_committed(&d);
    assert_int_equal(driver_effect(&d, GW_EFFECT_SETTLED, 0)->u.settled.last, 10);
    assert_int_equal(driver_effect(&d, GW_EFFECT_RELEASED, 0)->u.released.messages, 10);
    assert_int_equal(driver_effect(&d, GW_EFFECT_RELEASED, 0)->u.released.bytes, 100);
    assert_int_equal(d.batch_count, 0);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 0);
    driver_close(&d);
}

static void a_batch_is_deleted_only_when_all_of_it_is_settled(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 1000);
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_send(&d, EPOCH, 11, 10, 10);
    driver_commit(&d);
    remote_ack(&d, 1, link, EPOCH, 2, 19);
    driver_commit(&d);
    assert_int_equal(d.batch_count, 2);
    remote_ack(&d, 1, link, EPOCH, 20, 20);
    driver_commit(&d);
    assert_int_equal(d.batch_count, 1);
    assert_int_equal(d.batches[0]->first, 1);
    remote_ack(&d, 1, link, EPOCH, 1, 1);
    driver_commit(&d);
    assert_int_equal(d.batch_count, 0);
    assert_int_equal(driver_rows(&d, GW_ROW_SETTLED), 0); /* all below the floor */
    assert_int_equal(driver_row(&d, GW_ROW_STREAM, 0)->floor, 21);
    driver_close(&d);
}

static void the_floor_is_told_only_when_its_write_is_done(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_with(&d, 1000, 10);
    remote_ack(&d, 1, link, EPOCH, 1, 10);
    driver_send(&d, EPOCH, 11, 10, 10);
    driver_seal(&d);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_int_equal(driver_sent(&d, GW_FRAME_PING, 0)->u.ping.floors[0].floor, 1);
    driver_committed(&d);
    const struct gw_effect *data = driver_effect(&d, GW_EFFECT_SEND_DATA, 0);
    assert_int_equal(data->u.data.floor, 11);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_int_equal(driver_sent(&d, GW_FRAME_PING, 0)->u.ping.floors[0].floor, 11);
    driver_close(&d);
}

static void an_ack_of_what_was_never_offered_ends_the_link(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t b = driver_member(&d, 1, "b", 1000);
    uint64_t c = driver_member(&d, 2, "c", 0);
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_commit(&d);
    remote_ack(&d, 2, c, EPOCH, 1, 1); /* not to c */
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_ACK));
    remote_ack(&d, 1, b, EPOCH, 10, 11); /* 11 does not exist */
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_ACK));
    assert_int_equal(view_of(&d).unsettled, 10);
    driver_close(&d);
}

/* ---- what is not in memory ---- */

static void a_backlog_beyond_the_read_ahead_is_read_back_in_its_turn(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send_batches(&d, 12, 50, 10);
    driver_commit(&d);
    const struct gw_stream *stream = gw_map_get(&d.core->streams, EPOCH);
    assert_int_equal(stream->batches.count, 8); /* four windows */
    uint64_t link = driver_member(&d, 1, "b", 10000);
    uint64_t done = 0;
    for (int i = 0; i < 100 && done < 600; i++) {
        driver_commit(&d);
        for (size_t n = 0; driver_data(&d, n).first; n++)
            done = driver_data(&d, n).last;
        const struct gw_effect *load = driver_effect(&d, GW_EFFECT_LOAD, 0);
        if (load)
            driver_loaded(&d, EPOCH, load->u.load.from, load->u.load.from + 99);
        if (done)
            remote_ack(&d, 1, link, EPOCH, 1, done);
    }
    assert_int_equal(done, 600);
    assert_true(driver_counter(&d, GW_COUNTER_batches_loaded) >= 4);
    driver_close(&d);
}

static void a_batch_settled_out_of_memory_is_read_and_then_deleted(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_restarted(&d, 1);
    remote_ack(&d, 1, link, EPOCH, 1, 10);
    driver_seal(&d);
    assert_int_equal(driver_effect(&d, GW_EFFECT_LOAD, 0)->u.load.from, 1);
    driver_committed(&d);
    assert_int_equal(d.batch_count, 3);
    driver_loaded(&d, EPOCH, 1, 10);
    driver_commit(&d);
    assert_int_equal(d.batch_count, 2);
    assert_int_equal(driver_effect(&d, GW_EFFECT_RELEASED, 0)->u.released.messages, 10);
    driver_close(&d);
}

static void a_batch_deleted_during_a_read_is_not_released_again(void **state)
{
    (void)state;
    struct driver d;
    uint64_t released = 0;
    uint64_t link = driver_begin_restarted(&d, 1);
    remote_ack(&d, 1, link, EPOCH, 11, 20);
    driver_seal(&d); /* asks for what stands there; the read may come before any later write */
    driver_committed(&d);
    driver_loaded(&d, EPOCH, 11, 30); /* 11-20 and 21-30: both in memory now */
    driver_commit(&d);
    released += driver_effect(&d, GW_EFFECT_RELEASED, 0)->u.released.messages;
    remote_ack(&d, 1, link, EPOCH, 1, 10);
    remote_ack(&d, 1, link, EPOCH, 21, 30);
    struct driver before = d; /* what the store thread reads before the write */
    driver_seal(&d);          /* deletes 21-30, asks for 1-10 */
    assert_int_equal(driver_effect(&d, GW_EFFECT_LOAD, 0)->u.load.from, 1);
    assert_int_equal(deletions(&d), 1);
    driver_loaded(&d, EPOCH, 1, 30);
    assert_int_equal(before.batch_count, 2);
    driver_committed(&d);
    released += driver_effect(&d, GW_EFFECT_RELEASED, 0)->u.released.messages;
    driver_seal(&d);
    assert_int_equal(deletions(&d), 1); /* 1-10 alone */
    driver_committed(&d);
    const struct gw_effect *effect = driver_effect(&d, GW_EFFECT_RELEASED, 0);
    released += effect ? effect->u.released.messages : 0;
    assert_int_equal(released, 30);
    assert_int_equal(d.batch_count, 0);
    driver_close(&d);
}

static void a_deletion_that_a_crash_forgot_is_made_up_above_the_floor(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_restarted(&d, 1);
    remote_ack(&d, 1, link, EPOCH, 11, 20);
    driver_commit(&d); /* settled; the read that would delete 11-20 never comes back */
    assert_int_equal(d.batch_count, 3);
    driver_restart(&d);
    const struct gw_effect *load = driver_effect(&d, GW_EFFECT_LOAD, 0);
    const struct gw_stream *stream = gw_map_get(&d.core->streams, EPOCH);
    assert_true(load || stream->loading);
    driver_loaded(&d, EPOCH, 11, 20);
    driver_commit(&d);
    assert_int_equal(d.batch_count, 2);
    driver_close(&d);
}

static void a_deletion_that_a_crash_forgot_is_made_up_below_the_floor(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_restarted(&d, 1);
    remote_ack(&d, 1, link, EPOCH, 1, 10);
    driver_commit(&d);
    assert_int_equal(view_of(&d).floor, 11);
    driver_restart(&d);
    const struct gw_stream *stream = gw_map_get(&d.core->streams, EPOCH);
    assert_true(stream->loading);
    assert_int_equal(stream->load_from, 1);
    driver_loaded(&d, EPOCH, 1, 10);
    driver_commit(&d);
    assert_int_equal(d.batch_count, 2);
    driver_close(&d);
}

static void a_read_for_deletions_that_finds_nothing_does_not_hold_up_new_work(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_restarted(&d, 1);
    remote_ack(&d, 1, link, EPOCH, 1, 30);
    driver_seal(&d);
    driver_committed(&d);
    driver_loaded(&d, EPOCH, 31, 31); /* nothing: as if somebody else had deleted them */
    driver_commit(&d);
    struct gw_stream_view view = view_of(&d);
    assert_int_equal(view.floor, 31);
    assert_int_equal(view.unsettled, 0);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_accepted_only_when_its_write_is_done),
        cmocka_unit_test(batches_of_one_write_are_accepted_in_one_word),
        cmocka_unit_test(a_batch_sent_while_a_write_runs_belongs_to_the_next),
        cmocka_unit_test(a_batch_that_leaves_a_hole_stops_the_core),
        cmocka_unit_test(nothing_is_offered_beyond_the_window),
        cmocka_unit_test(the_window_is_a_distance_and_not_a_number),
        cmocka_unit_test(a_part_of_a_run_can_be_settled),
        cmocka_unit_test(a_settlement_said_twice_counts_once),
        cmocka_unit_test(a_member_settles_only_what_was_assigned_to_it),
        cmocka_unit_test(settled_is_said_and_quota_freed_only_when_durable),
        cmocka_unit_test(a_batch_is_deleted_only_when_all_of_it_is_settled),
        cmocka_unit_test(the_floor_is_told_only_when_its_write_is_done),
        cmocka_unit_test(an_ack_of_what_was_never_offered_ends_the_link),
        cmocka_unit_test(a_backlog_beyond_the_read_ahead_is_read_back_in_its_turn),
        cmocka_unit_test(a_batch_settled_out_of_memory_is_read_and_then_deleted),
        cmocka_unit_test(a_batch_deleted_during_a_read_is_not_released_again),
        cmocka_unit_test(a_deletion_that_a_crash_forgot_is_made_up_above_the_floor),
        cmocka_unit_test(a_deletion_that_a_crash_forgot_is_made_up_below_the_floor),
        cmocka_unit_test(a_read_for_deletions_that_finds_nothing_does_not_hold_up_new_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
