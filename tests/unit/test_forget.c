/* SPDX-License-Identifier: MPL-2.0 */
/* A memory peer that has ended leaves nothing behind, as soon as nothing of it is in hand. */

#include "core/state.h"
#include "support/core_receiver.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define OLD   4

static uint64_t open_memory(struct driver *d)
{
    driver_open(d, "b");
    driver_serve(d, "work", 100, 1 << 24);
    uint64_t link = driver_memory_link(d, 1, "m", 1);
    remote_open(d, 1, link, EPOCH, true);
    return link;
}

/* The same, with messages 1 to `count` in hand, of offer 10. */
static uint64_t hold_of_memory(struct driver *d, uint64_t count)
{
    uint64_t link = open_memory(d);
    remote_offer(d, 1, link, EPOCH, 1, count, 10);
    return link;
}

/* m lives after all, and names EPOCH again. */
static uint64_t come_back(struct driver *d)
{
    uint64_t link = driver_memory_link(d, 1, "m", 1);
    remote_open(d, 1, link, EPOCH, false);
    return link;
}

static size_t receiving_rows(const struct driver *d)
{
    return driver_rows(d, GW_ROW_WINDOW) + driver_rows(d, GW_ROW_DECIDED) +
           driver_rows(d, GW_ROW_EXCEPTION) + driver_rows(d, GW_ROW_CRASHED);
}

static bool known(const struct driver *d, uint64_t epoch)
{
    struct gw_window_view view;
    return driver_window(d, epoch, &view);
}

static void assert_forgotten(const struct driver *d)
{
    assert_false(known(d, EPOCH));
    assert_int_equal(receiving_rows(d), 0);
}

static void all_rows_of_an_ended_memory_peer_go(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_memory(&d);
    remote_open(&d, 1, link, OLD, true);
    remote_offer(&d, 1, link, OLD, 1, 1, 9);
    remote_offer(&d, 1, link, EPOCH, 1, 9, 10);
    driver_decide(&d, OLD, 1, 1);
    driver_decide(&d, EPOCH, 2, 3);
    driver_reject(&d, EPOCH, 5, 1, "five");
    driver_return(&d, EPOCH, 1, 1, GW_RETURN_RELEASE);
    driver_return(&d, EPOCH, 4, 4, GW_RETURN_NACK);
    driver_return(&d, EPOCH, 6, 9, GW_RETURN_RELEASE);
    remote_close_epoch(&d, 1, link, OLD, 1);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_WINDOW), 2);
    assert_true(driver_row(&d, GW_ROW_WINDOW, 0)->memory);
    assert_true(receiving_rows(&d) > 4);
    driver_memory_link(&d, 1, "m", 2);
    driver_commit(&d);
    driver_commit(&d);
    assert_forgotten(&d);
    assert_false(known(&d, OLD)); /* a tombstone, too */
    driver_close(&d);
}

/* Whoever frees the remote looks there. */
static void until_it_is_freed_a_window_is_in_its_owners_list(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = hold_of_memory(&d, 1);
    driver_decide(&d, EPOCH, 1, 1);
    remote_close_epoch(&d, 1, link, EPOCH, 1);
    driver_commit(&d);
    assert_null(gw_remote_find(d.core, "m")->windows); /* a tombstone of one who may come back */
    driver_memory_link(&d, 1, "m", 2);
    assert_non_null(gw_remote_find(d.core, "m")->windows);
    assert_int_equal(gw_remote_find(d.core, "m")->window_count, 0);
    driver_commit(&d);
    driver_commit(&d);
    assert_null(gw_remote_find(d.core, "m")->windows);
    driver_close(&d);
}

static void what_is_in_hand_keeps_its_window_until_it_is_decided(void **state)
{
    (void)state;
    struct driver d;
    hold_of_memory(&d, 3);
    driver_decide(&d, EPOCH, 1, 1);
    driver_commit(&d);
    driver_memory_link(&d, 1, "m", 2);
    driver_commit(&d);
    assert_true(known(&d, EPOCH));
    assert_true(receiving_rows(&d) > 0);
    driver_decide(&d, EPOCH, 2, 2);
    driver_commit(&d);
    driver_return(&d, EPOCH, 3, 3, GW_RETURN_NACK);
    assert_null(driver_returned(&d, EPOCH, 0)); /* nobody waits for it */
    driver_commit(&d);
    driver_commit(&d);
    assert_forgotten(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_in_hand_now), 0);
    driver_close(&d);
}

static void the_transaction_of_a_decision_for_an_ended_peer_commits(void **state)
{
    (void)state;
    struct driver d;
    hold_of_memory(&d, 1);
    driver_memory_link(&d, 1, "m", 2);
    struct gw_decision decision = {.epoch = EPOCH, .first = 1, .last = 1};
    decision.bytes = REMOTE_MESSAGE;
    struct gw_event event = {.type = GW_EVENT_TRANSACTION};
    event.u.transaction.token = 99;
    event.u.transaction.decisions = &decision;
    event.u.transaction.decision_count = 1;
    driver_step(&d, &event);
    driver_commit(&d);
    assert_int_equal(driver_effect(&d, GW_EFFECT_TRANSACTION, 0)->u.token, 99);
    driver_commit(&d);
    assert_false(known(&d, EPOCH));
    driver_close(&d);
}

static void the_next_process_of_that_name_begins_anew(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = hold_of_memory(&d, 3);
    link = driver_memory_link(&d, 1, "m", 2);
    assert_int_equal(driver_told_in_hand(&d, EPOCH, 0).first, 0); /* it does not know that epoch */
    remote_open(&d, 1, link, EPOCH + 1, true);
    remote_offer(&d, 1, link, EPOCH + 1, 1, 2, 1);
    assert_int_equal(driver_delivered(&d, 0).last, 2);
    driver_decide(&d, EPOCH, 1, 3);
    driver_decide(&d, EPOCH + 1, 1, 2);
    driver_commit(&d);
    assert_int_equal(driver_acked_count(&d, EPOCH), 0);
    assert_int_equal(driver_acked(&d, EPOCH + 1, 0).last, 2);
    driver_commit(&d);
    assert_false(known(&d, EPOCH));
    assert_true(known(&d, EPOCH + 1));
    assert_int_equal(driver_rows(&d, GW_ROW_WINDOW), 1);
    remote_ping(&d, 1, link, 0);
    driver_close(&d);
}

static void what_is_asked_of_a_window_while_it_is_forgotten_is_refused_or_ignored(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = hold_of_memory(&d, 3);
    driver_decide(&d, EPOCH, 1, 3);
    driver_commit(&d);
    link = driver_memory_link(&d, 1, "m", 2);
    driver_seal(&d); /* its rows are going */
    remote_ping_floor(&d, 1, link, EPOCH, 2, 3);
    remote_withdraw(&d, 1, link, EPOCH, 1, 9, GW_WITHDRAW_PURGED);
    remote_close_epoch(&d, 1, link, EPOCH, 3);
    remote_open(&d, 1, link, EPOCH, true);
    assert_int_equal(driver_sent(&d, GW_FRAME_REFUSE, 0)->u.refuse.epoch, EPOCH);
    driver_committed(&d);
    assert_false(known(&d, EPOCH));
    driver_commit(&d);
    assert_int_equal(receiving_rows(&d), 0);
    driver_close(&d);
}

static void windows_of_an_ended_peer_found_in_the_store_go_with_it(void **state)
{
    (void)state;
    struct driver d;
    hold_of_memory(&d, 3);
    driver_decide(&d, EPOCH, 1, 1);
    driver_reject(&d, EPOCH, 2, 1, "two");
    driver_commit(&d);
    driver_crash(&d);
    struct gw_row row = {.kind = GW_ROW_CRASHED, .epoch = EPOCH, .first = 3, .last = 3};
    d.rows[d.row_count++] = row;
    driver_recover(&d);
    gw_window_owner_gone(d.core, gw_remote_find(d.core, "m"));
    driver_commit(&d);
    driver_commit(&d);
    assert_forgotten(&d);
    driver_close(&d);
}

/* ---- one that was away for long, and lives ---- */

static void away_for_long(struct driver *d)
{
    driver_lost(d, 1);
    driver_tick(d, 0);
    driver_tick(d, UINT64_C(86400) * SECOND);
    assert_true(gw_remote_find(d->core, "m")->gone);
}

/* What is in hand kept its window, and both know where they were. */
static void who_was_taken_for_ended_and_comes_back_goes_on(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = hold_of_memory(&d, 2);
    driver_decide(&d, EPOCH, 1, 1);
    driver_commit(&d);
    away_for_long(&d);
    assert_int_equal(gw_remote_find(d.core, "m")->window_count, 0);
    link = come_back(&d);
    assert_null(driver_sent(&d, GW_FRAME_REFUSE, 0));
    assert_int_equal(gw_remote_find(d.core, "m")->window_count, 1);
    remote_offer(&d, 1, link, EPOCH, 1, 3, 11); /* 1 is decided, 2 in hand */
    assert_range(driver_delivered(&d, 0), 3, 3);
    assert_range(driver_acked(&d, EPOCH, 0), 1, 1);
    driver_decide(&d, EPOCH, 2, 3);
    driver_commit(&d);
    assert_range(driver_acked(&d, EPOCH, 0), 2, 3);
    assert_true(known(&d, EPOCH));
    driver_close(&d);
}

static void a_tombstone_of_who_comes_back_is_one_again(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = hold_of_memory(&d, 1);
    driver_decide(&d, EPOCH, 1, 1);
    remote_close_epoch(&d, 1, link, EPOCH, 1);
    driver_commit(&d);
    remote_open(&d, 1, link, OLD, true); /* another one, in the same list */
    remote_offer(&d, 1, link, OLD, 1, 1, 10);
    away_for_long(&d);
    link = come_back(&d);
    assert_int_equal(gw_remote_find(d.core, "m")->window_count, 0);
    remote_data(&d, 1, link, EPOCH, 1, 1);
    assert_int_equal(driver_count(&d, GW_EFFECT_DELIVER), 0);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.epochs[0].floor, 2);
    driver_commit(&d);
    assert_true(known(&d, EPOCH));
    driver_close(&d);
}

/* CLOSED had come, and its row was not written yet. */
static void an_epoch_that_was_being_closed_is_closed_when_its_owner_comes_back(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = hold_of_memory(&d, 1);
    driver_decide(&d, EPOCH, 1, 1);
    remote_close_epoch(&d, 1, link, EPOCH, 1);
    away_for_long(&d);
    come_back(&d);
    driver_commit(&d);
    assert_int_equal(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.closed[0], EPOCH);
    assert_true(driver_row(&d, GW_ROW_WINDOW, 0)->flag);
    assert_int_equal(gw_remote_find(d.core, "m")->window_count, 0);
    driver_close(&d);
}

/* Nobody could be told what came back while it was away: nothing is known of that. */
static void what_came_back_while_its_owner_was_away_is_told_when_it_is_back(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = open_memory(&d);
    remote_open_ordered(&d, 1, link, EPOCH);
    remote_offer(&d, 1, link, EPOCH, 1, 4, 10);
    driver_return(&d, EPOCH, 3, 3, GW_RETURN_RELEASE); /* told at once */
    away_for_long(&d);
    driver_return(&d, EPOCH, 2, 2, GW_RETURN_NACK);
    link = driver_memory_link(&d, 1, "m", 1);
    remote_open_ordered(&d, 1, link, EPOCH);
    remote_offer(&d, 1, link, EPOCH, 2, 2, 11);
    assert_range(driver_delivered(&d, 0), 2, 3);
    driver_close(&d);
}

/* ---- at every moment ---- */

static void a_decision_on_its_way_to_the_store_keeps_its_window(void **state)
{
    (void)state;
    struct driver d;
    hold_of_memory(&d, 1);
    driver_decide(&d, EPOCH, 1, 1);
    driver_seal(&d);
    driver_memory_link(&d, 1, "m", 2);
    driver_committed(&d);
    assert_true(known(&d, EPOCH));
    assert_int_equal(driver_counter(&d, GW_COUNTER_decided), 1);
    driver_commit(&d);
    assert_forgotten(&d);
    driver_close(&d);
}

static void a_tombstone_on_its_way_to_the_store_goes_too(void **state)
{
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        struct driver d;
        uint64_t link = hold_of_memory(&d, 1);
        driver_decide(&d, EPOCH, 1, 1);
        driver_commit(&d);
        remote_close_epoch(&d, 1, link, EPOCH, 1);
        if (sealed)
            driver_seal(&d);
        driver_memory_link(&d, 1, "m", 2);
        driver_committed(&d);
        driver_commit(&d);
        driver_commit(&d);
        assert_forgotten(&d);
        assert_null(gw_remote_find(d.core, "m")->windows);
        driver_close(&d);
    }
}

/* Its windows are not all over when the next process ends, too. */
static void one_process_after_the_other_may_end(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = hold_of_memory(&d, 1);
    link = driver_memory_link(&d, 1, "m", 2);
    remote_open(&d, 1, link, EPOCH + 1, true); /* nothing of it is stored */
    driver_memory_link(&d, 1, "m", 3);
    driver_commit(&d);
    driver_commit(&d);
    assert_true(known(&d, EPOCH));
    assert_false(known(&d, EPOCH + 1));
    driver_decide(&d, EPOCH, 1, 1);
    driver_commit(&d);
    driver_commit(&d);
    assert_forgotten(&d);
    driver_close(&d);
}

/* ---- replies to it ---- */

static void serve_replies(struct driver *d, uint64_t link)
{
    const struct gw_serve reply = {.destination = {GW_KIND_REPLY, "m"}};
    struct gw_frame serve = {.type = GW_FRAME_SERVE, .link = link};
    serve.u.serve.items = &reply;
    serve.u.serve.count = 1;
    driver_frame(d, 1, &serve);
}

static void reply(struct driver *d, uint64_t sequence)
{
    struct gw_event event = {.type = GW_EVENT_BATCH};
    event.u.batch.destination = (struct gw_destination){GW_KIND_REPLY, "m"};
    event.u.batch.batch = driver_batch(EPOCH, sequence, 1, 0);
    driver_step(d, &event);
    driver_commit(d);
}

/* What was for the process before is not for the next one of that name. */
static void replies_end_with_the_process_though_the_next_one_is_there(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "b");
    serve_replies(&d, driver_memory_link(&d, 1, "m", 1));
    reply(&d, 1);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_QUEUED); /* no credit for it */
    serve_replies(&d, driver_memory_link(&d, 1, "m", 2));
    driver_commit(&d);
    driver_commit(&d);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_SETTLED);
    assert_int_equal(driver_counter(&d, GW_COUNTER_abandoned), 1);
    reply(&d, 2);
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_QUEUED);
    driver_close(&d);
}

static void replies_to_who_serves_the_name_again_are_kept(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "b");
    reply(&d, 1); /* to one that is forgotten */
    driver_commit(&d);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_SETTLED);
    serve_replies(&d, driver_memory_link(&d, 1, "m", 2));
    reply(&d, 2);
    driver_commit(&d);
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_QUEUED);
    driver_close(&d);
}

/* Both died, and of the client no row was left: the reply came when it was forgotten already. */
static void replies_that_outlive_who_asked_end_at_the_restart(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "b");
    struct gw_event event = {.type = GW_EVENT_BATCH};
    event.u.batch.destination = (struct gw_destination){GW_KIND_REPLY, "m"};
    event.u.batch.batch = driver_batch(EPOCH, 1, 1, 0);
    driver_step(&d, &event);
    driver_store(&d); /* stored, and no more: it dies before it can end it */
    driver_restart(&d);
    driver_commit(&d);
    driver_commit(&d);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_SETTLED);
    assert_int_equal(driver_counter(&d, GW_COUNTER_abandoned), 1);
    driver_close(&d);
}

static void a_memory_peer_that_ends_leaves_nothing(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_memory_link(&d, 1, "m", 9);
    reply(&d, 1);
    struct gw_frame bye = {.type = GW_FRAME_BYE, .link = link};
    bye.u.bye.last = true;
    driver_frame(&d, 1, &bye);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 1), GW_OUTCOME_ABANDONED);
    assert_int_equal(driver_effect(&d, GW_EFFECT_IDLE, 0)->u.idle, EPOCH);
    struct gw_event event = {.type = GW_EVENT_RETIRE};
    event.u.retire = EPOCH;
    driver_step(&d, &event);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_STREAM), 0);
    driver_lost(&d, 1);
    driver_tick(&d, SECOND);
    assert_null(gw_remote_find(d.core, "m"));
    assert_null(d.core->targets);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rows_of_an_ended_memory_peer_go),
        cmocka_unit_test(until_it_is_freed_a_window_is_in_its_owners_list),
        cmocka_unit_test(what_is_in_hand_keeps_its_window_until_it_is_decided),
        cmocka_unit_test(the_transaction_of_a_decision_for_an_ended_peer_commits),
        cmocka_unit_test(the_next_process_of_that_name_begins_anew),
        cmocka_unit_test(what_is_asked_of_a_window_while_it_is_forgotten_is_refused_or_ignored),
        cmocka_unit_test(windows_of_an_ended_peer_found_in_the_store_go_with_it),
        cmocka_unit_test(who_was_taken_for_ended_and_comes_back_goes_on),
        cmocka_unit_test(a_tombstone_of_who_comes_back_is_one_again),
        cmocka_unit_test(an_epoch_that_was_being_closed_is_closed_when_its_owner_comes_back),
        cmocka_unit_test(what_came_back_while_its_owner_was_away_is_told_when_it_is_back),
        cmocka_unit_test(a_decision_on_its_way_to_the_store_keeps_its_window),
        cmocka_unit_test(a_tombstone_on_its_way_to_the_store_goes_too),
        cmocka_unit_test(one_process_after_the_other_may_end),
        cmocka_unit_test(replies_end_with_the_process_though_the_next_one_is_there),
        cmocka_unit_test(replies_to_who_serves_the_name_again_are_kept),
        cmocka_unit_test(replies_that_outlive_who_asked_end_at_the_restart),
        cmocka_unit_test(a_memory_peer_that_ends_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
