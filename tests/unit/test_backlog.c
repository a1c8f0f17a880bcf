/* SPDX-License-Identifier: MPL-2.0 */
/* What is sent and not in memory: read back when its turn comes, or to be deleted, and no other
 * time. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define MIB (1u << 20)

static struct gw_stream *stream_of(const struct driver *d)
{
    return gw_map_get(&d->core->streams, EPOCH);
}

/* Answers a LOAD with one batch, which this call passes on. */
static void loaded_one(struct driver *d, uint64_t epoch, struct gw_batch *batch)
{
    struct gw_event event = {.type = GW_EVENT_LOADED};
    event.u.loaded.epoch = epoch;
    event.u.loaded.batches = &batch;
    event.u.loaded.count = batch ? 1 : 0;
    driver_step(d, &event);
}

/* ---- what stays ---- */

static void no_more_than_8_mib_of_unoffered_work_stays_in_memory(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send_batches(&d, 10, 1, MIB);
    driver_commit(&d);
    driver_from_here();
    assert_int_equal(stream_of(&d)->batches.count, 8);
    driver_member(&d, 1, "b", 1000);
    assert_int_equal(driver_effect(&d, GW_EFFECT_LOAD, 0)->u.load.from, 9);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 8);
    driver_loaded(&d, EPOCH, 9, 10);
    driver_commit(&d);
    assert_int_equal(driver_data(&d, 1).first, 10);
    driver_close(&d);
}

static void what_is_not_stored_yet_is_not_asked_for(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send_batches(&d, 10, 1, MIB);
    driver_seal(&d);
    driver_from_here();
    driver_member(&d, 1, "b", 1000); /* takes all that is in memory, and could take more */
    assert_int_equal(driver_count(&d, GW_EFFECT_LOAD), 0);
    driver_committed(&d);
    assert_int_equal(driver_effect(&d, GW_EFFECT_LOAD, 0)->u.load.from, 9);
    driver_close(&d);
}

/* It has a number already, and ends in the write that would have stored it. */
static void what_a_stale_transaction_would_have_sent_behind_a_backlog_ends(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send_batches(&d, 9, 50, 10);
    const struct gw_decision decision = {.epoch = 99, .first = 1, .last = 1};
    const struct gw_destination work = {GW_KIND_STAGE, "work"};
    struct gw_batch *batch = driver_batch(EPOCH, 451, 3, 10);
    struct gw_event event = {.type = GW_EVENT_TRANSACTION};
    event.u.transaction.decisions = &decision;
    event.u.transaction.decision_count = 1;
    event.u.transaction.destinations = &work;
    event.u.transaction.batches = &batch;
    event.u.transaction.batch_count = 1;
    driver_step(&d, &event);
    driver_store(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_LOAD), 0); /* it is deleted unread */
    assert_int_equal(driver_outcome(&d, 452), GW_OUTCOME_WITHDRAWN);
    assert_int_equal(d.batch_count, 9);
    assert_int_equal(driver_where(&d, 450).place, GW_PLACE_QUEUED);
    driver_close(&d);
}

/* ---- what a power cut took ---- */

static struct gw_batch *lost(uint64_t first, uint32_t count)
{
    struct gw_batch *batch = driver_batch(EPOCH, first, count, 10);
    gw_blob_drop(batch->body);
    batch->body = NULL;
    return batch;
}

static void assert_lost(struct driver *d, uint64_t first, uint64_t last)
{
    assert_true(driver_noted(d, GW_NOTE_BODY_LOST, EPOCH));
    driver_store(d);
    for (uint64_t sequence = first; sequence <= last; sequence++)
        assert_int_equal(driver_outcome(d, sequence), GW_OUTCOME_ABANDONED);
    assert_int_equal(driver_counter(d, GW_COUNTER_lost_bodies), last - first + 1);
}

static void what_was_lost_before_it_was_assigned_ends_and_the_rest_goes_on(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send(&d, EPOCH, 1, 5, 10);
    driver_send(&d, EPOCH, 6, 5, 10);
    driver_commit(&d);
    driver_restart(&d);
    driver_member(&d, 1, "b", 1000);
    loaded_one(&d, EPOCH, lost(1, 5));
    assert_lost(&d, 1, 5);
    assert_int_equal(d.batch_count, 1); /* its row is deleted unread */
    driver_loaded(&d, EPOCH, 6, 10);
    driver_commit(&d);
    assert_int_equal(driver_data(&d, 0).first, 6);
    assert_int_equal(driver_data(&d, 0).last, 10);
    assert_int_equal(d.core->body_bytes, 50);
    driver_close(&d);
}

/* Its member may have it, and has perhaps processed it: what it tells later counts no more. */
static void what_was_lost_after_it_was_sent_ends_in_doubt(void **state)
{
    (void)state;
    struct driver d;
    driver_open_outcomes(&d);
    driver_member(&d, 1, "b", 1000);
    driver_send(&d, EPOCH, 1, 5, 10);
    driver_commit(&d);
    driver_restart(&d);
    uint64_t link = driver_member(&d, 1, "b", 1000);
    loaded_one(&d, EPOCH, lost(1, 5));
    assert_lost(&d, 1, 5);
    assert_true(driver_row(&d, GW_ROW_OUTCOME, 0)->maybe_duplicate);
    remote_ack(&d, 1, link, EPOCH, 1, 5);
    driver_store(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_violations), 0);
    assert_int_equal(driver_outcome(&d, 3), 0); /* told once */
    driver_close(&d);
}

static void what_was_lost_and_is_settled_is_deleted_without_a_word(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 5);
    gw_blob_drop(gw_stream_batch(stream_of(&d), 1)->body); /* the cache is full */
    gw_bodies_remove(d.core, gw_stream_batch(stream_of(&d), 1));
    gw_stream_batch(stream_of(&d), 1)->body = NULL;
    loaded_one(&d, EPOCH, lost(1, 5));
    assert_lost(&d, 1, 5);
    assert_int_equal(d.batch_count, 0);
    loaded_one(&d, EPOCH, lost(1, 5)); /* read again before that was durable */
    assert_int_equal(driver_counter(&d, GW_COUNTER_lost_bodies), 5);
    driver_close(&d);
}

/* ---- what a read brings ---- */

static void what_was_read_for_an_epoch_that_is_over_is_dropped(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    loaded_one(&d, 99, driver_batch(99, 1, 3, 10));
    assert_int_equal(d.effects.count, 0);
    assert_int_equal(d.core->body_bytes, 0);
    struct gw_event retire = {.type = GW_EVENT_RETIRE};
    retire.u.retire = 99; /* the shell may speak of it once more */
    driver_step(&d, &retire);
    assert_int_equal(d.effects.count, 0);
    driver_close(&d);
}

static void what_was_read_and_is_in_memory_is_dropped(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 3);
    uint64_t bytes = d.core->body_bytes;
    const struct gw_batch *batch = gw_stream_batch(stream_of(&d), 1);
    loaded_one(&d, EPOCH, driver_batch(EPOCH, 1, 3, 10));
    assert_int_equal(d.core->body_bytes, bytes);
    assert_ptr_equal(gw_stream_batch(stream_of(&d), 1), batch);
    driver_close(&d);
}

/* As if somebody else had deleted it. To ask at once again would go round for ever. */
static void what_a_read_does_not_find_is_not_asked_for_again_at_once(void **state)
{
    (void)state;
    struct driver d;
    driver_begin_without(&d, 10);
    driver_restart(&d);
    uint64_t link = driver_link(&d, 1, "b");
    remote_serve(&d, 1, link, 100, 1 << 20);
    assert_int_equal(driver_effect(&d, GW_EFFECT_LOAD, 0)->u.load.from, 1);
    loaded_one(&d, EPOCH, NULL);
    assert_int_equal(driver_count(&d, GW_EFFECT_LOAD), 0);
    driver_close(&d);
}

/* A read for a link is under way when something above it is settled. */
static void a_read_that_stops_short_of_a_deletion_is_followed_by_one_for_it(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_restarted(&d, 11);
    assert_int_equal(driver_effect(&d, GW_EFFECT_LOAD, 0)->u.load.from, 1);
    remote_ack(&d, 1, link, EPOCH, 21, 30);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_LOAD), 0); /* one at a time */
    driver_loaded(&d, EPOCH, 1, 10);
    assert_range(driver_data(&d, 0), 1, 10);
    assert_int_equal(driver_effect(&d, GW_EFFECT_LOAD, 0)->u.load.from, 21);
    driver_loaded(&d, EPOCH, 21, 30);
    driver_commit(&d);
    assert_int_equal(d.batch_count, 2);
    assert_int_equal(driver_effect(&d, GW_EFFECT_RELEASED, 0)->u.released.messages, 10);
    driver_close(&d);
}

/* ---- what is found ---- */

/* Each run has an offer: one whose row is missing is made. */
static void an_assignment_without_the_row_of_its_offer_is_taken_up(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 3);
    driver_crash(&d);
    for (size_t i = 0; i < d.row_count; i++)
        if (d.rows[i].kind == GW_ROW_OFFERED)
            d.rows[i] = d.rows[--d.row_count];
    driver_recover(&d);
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_loaded(&d, EPOCH, 1, 3);
    assert_range(driver_data(&d, 0), 1, 3);
    remote_ack(&d, 1, link, EPOCH, 1, 3);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_OFFERED), 1);
    driver_close(&d);
}

static void outcomes_are_numbered_on_after_a_restart(void **state)
{
    (void)state;
    struct driver d;
    driver_open_outcomes(&d);
    for (uint64_t open = 0; open < 2; open++) {
        uint64_t link = driver_member(&d, 1, "b", 100);
        driver_send(&d, EPOCH + open, 1, 1, 10);
        driver_commit(&d);
        remote_ack(&d, 1, link, EPOCH + open, 1, 1);
        driver_store(&d);
        assert_int_equal(driver_effect(&d, GW_EFFECT_OUTCOMES, 0)->u.outcomes, open + 1);
        driver_restart(&d);
    }
    assert_int_equal(driver_rows(&d, GW_ROW_OUTCOME), 2);
    driver_close(&d);
}

/* ---- writes ---- */

/* Keys of the application alone: they join the write, which is the turn's affair. */
static void a_transaction_of_nothing_but_keys_is_a_write(void **state)
{
    (void)state;
    struct driver d;
    struct gw_event event = {.type = GW_EVENT_TRANSACTION};
    driver_open(&d, "a");
    event.u.transaction.token = 7;
    driver_step(&d, &event);
    driver_seal(&d);
    assert_int_equal(driver_effect(&d, GW_EFFECT_COMMIT, 0)->u.commit.count, 0);
    driver_committed(&d);
    assert_int_equal(driver_effect(&d, GW_EFFECT_TRANSACTION, 0)->u.token, 7);
    driver_close(&d);
}

static void a_commit_that_nobody_asked_for_changes_nothing(void **state)
{
    (void)state;
    struct driver d;
    struct gw_event event = {.type = GW_EVENT_COMMITTED};
    driver_begin(&d, 3);
    uint64_t committed = d.core->committed;
    driver_step(&d, &event);
    assert_int_equal(d.effects.count, 0);
    assert_int_equal(d.core->committed, committed);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_8_mib_of_unoffered_work_stays_in_memory),
        cmocka_unit_test(what_is_not_stored_yet_is_not_asked_for),
        cmocka_unit_test(what_a_stale_transaction_would_have_sent_behind_a_backlog_ends),
        cmocka_unit_test(what_was_lost_before_it_was_assigned_ends_and_the_rest_goes_on),
        cmocka_unit_test(what_was_lost_after_it_was_sent_ends_in_doubt),
        cmocka_unit_test(what_was_lost_and_is_settled_is_deleted_without_a_word),
        cmocka_unit_test(what_was_read_for_an_epoch_that_is_over_is_dropped),
        cmocka_unit_test(what_was_read_and_is_in_memory_is_dropped),
        cmocka_unit_test(what_a_read_does_not_find_is_not_asked_for_again_at_once),
        cmocka_unit_test(a_read_that_stops_short_of_a_deletion_is_followed_by_one_for_it),
        cmocka_unit_test(an_assignment_without_the_row_of_its_offer_is_taken_up),
        cmocka_unit_test(outcomes_are_numbered_on_after_a_restart),
        cmocka_unit_test(a_transaction_of_nothing_but_keys_is_a_write),
        cmocka_unit_test(a_commit_that_nobody_asked_for_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
