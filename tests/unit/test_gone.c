/* SPDX-License-Identifier: MPL-2.0 */
/* Memory peers that have ended, at the sending side, and when they are forgotten. */

#include "core/state.h"
#include "support/core_receiver.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define HOUR (UINT64_C(3600) * SECOND)

static uint64_t memory_member(struct driver *d, uint64_t conn, const char *name)
{
    uint64_t link = driver_memory_link(d, conn, name, 1);
    remote_serve_all(d, conn, link, 100);
    return link;
}

/* "a" is open, and that m has messages 1 to `count` is being stored. The link of m. */
static uint64_t begin_sealed(struct driver *d, uint32_t count)
{
    driver_open(d, "a");
    uint64_t link = memory_member(d, 1, "m");
    driver_send(d, EPOCH, 1, count, 10);
    driver_seal(d);
    return link;
}

/* The same, and it is stored. */
static uint64_t begin(struct driver *d, uint32_t count)
{
    uint64_t link = begin_sealed(d, count);
    driver_committed(d);
    return link;
}

static void leave_for_good(struct driver *d, uint64_t conn, uint64_t link)
{
    struct gw_frame bye = {.type = GW_FRAME_BYE, .link = link};
    bye.u.bye.last = true;
    driver_frame(d, conn, &bye);
}

static bool is_known(const struct driver *d, const char *name)
{
    return gw_remote_find(d->core, name) != NULL;
}

static void open_short(struct driver *d)
{
    struct gw_core_options options;
    driver_options(&options, "a");
    options.memory_ttl_us = HOUR;
    driver_open_with(d, &options);
}

/* ---- what it had ---- */

static void what_is_being_assigned_to_one_that_ends_goes_to_others(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin_sealed(&d, 3);
    leave_for_good(&d, 1, link);
    driver_committed(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_QUEUED);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 0);
    assert_int_equal(driver_rows(&d, GW_ROW_OFFERED), 0);
    driver_member(&d, 2, "c", 100);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 1, 3);
    assert_false(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.maybe_duplicate);
    driver_close(&d);
}

/* It ends between what it decided and the write of that; others of its kind ended before. */
static void the_offer_of_one_that_ends_goes_with_the_last_of_its_runs(void **state)
{
    (void)state;
    struct driver d;
    uint64_t m = begin(&d, 2);
    uint64_t n = memory_member(&d, 2, "n");
    driver_send(&d, EPOCH, 3, 2, 10);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_OFFERED), 2);
    leave_for_good(&d, 2, n); /* what it had waits with nobody: m may get it */
    remote_ack(&d, 1, m, EPOCH, 1, 2);
    driver_send(&d, EPOCH, 5, 1, 10);
    leave_for_good(&d, 1, m);
    driver_commit(&d);
    driver_store(&d);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_OFFERED), 0);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_settled), 2);
    driver_close(&d);
}

/* All that it had was decided, and nothing of that was written when it ended. */
static void the_offer_of_one_that_decided_all_goes_with_that(void **state)
{
    (void)state;
    struct driver d;
    uint64_t m = begin(&d, 2);
    remote_ack(&d, 1, m, EPOCH, 1, 2);
    leave_for_good(&d, 1, m);
    driver_store(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_settled), 2);
    assert_int_equal(driver_rows(&d, GW_ROW_OFFERED), 0);
    driver_close(&d);
}

/* One of several epochs, of several streams: each is looked at for itself. */
static void what_one_that_ends_has_in_several_epochs_goes_to_others(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = memory_member(&d, 1, "m");
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_send(&d, EPOCH + 1, 1, 2, 10);
    driver_commit(&d);
    driver_send(&d, EPOCH + 1, 3, 2, 10);
    driver_seal(&d); /* 3 and 4 are on their way to it */
    leave_for_good(&d, 1, link);
    driver_committed(&d);
    driver_member(&d, 2, "c", 100);
    driver_commit(&d);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(driver_row(&d, GW_ROW_ASSIGNMENT, i)->peer, "c");
    driver_close(&d);
}

/* Its process lives on under that name: it may still speak of what went to others. */
static void words_of_one_that_was_taken_for_ended_end_no_link(void **state)
{
    (void)state;
    struct driver d;
    open_short(&d);
    uint64_t link = memory_member(&d, 1, "m");
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_commit(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_tick(&d, HOUR);
    driver_tick(&d, HOUR); /* the first one proved nothing: we stood still ourselves */
    assert_true(gw_remote_find(d.core, "m")->gone);
    driver_commit(&d);
    link = driver_memory_link(&d, 1, "m", 1); /* it serves nothing yet */
    remote_ack(&d, 1, link, EPOCH, 1, 3);
    assert_int_equal(driver_counter(&d, GW_COUNTER_violations), 0);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_QUEUED);
    assert_int_equal(driver_link_to(&d, "m")->id, link);
    driver_close(&d);
}

/* ---- when it has ended ---- */

static void a_memory_peer_that_stays_away_too_long_has_ended(void **state)
{
    (void)state;
    struct driver d;
    open_short(&d);
    uint64_t link = memory_member(&d, 1, "m");
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_tick(&d, 0);
    assert_true(gw_core_wake_us(d.core) <= d.now_us + HOUR);
    driver_tick(&d, HOUR - 1);
    assert_false(gw_remote_find(d.core, "m")->gone);
    driver_tick(&d, 1);
    assert_true(driver_noted(&d, GW_NOTE_GONE, 0));
    assert_int_equal(driver_counter(&d, GW_COUNTER_memory_peers_gone), 1);
    driver_tick(&d, HOUR);
    assert_int_equal(driver_counter(&d, GW_COUNTER_memory_peers_gone), 1);
    driver_close(&d);
}

static void two_memory_peers_end_at_once(void **state)
{
    (void)state;
    struct driver d;
    open_short(&d);
    uint64_t m = memory_member(&d, 1, "m"), n = memory_member(&d, 2, "n");
    driver_send(&d, EPOCH, 1, 4, 10);
    driver_commit(&d);
    remote_say(&d, 1, GW_FRAME_RESET, m);
    remote_say(&d, 2, GW_FRAME_RESET, n);
    driver_tick(&d, 0);
    driver_tick(&d, HOUR);
    assert_int_equal(driver_counter(&d, GW_COUNTER_memory_peers_gone), 2);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 0);
    driver_close(&d);
}

/* ---- when it is forgotten ---- */

static void one_that_has_ended_is_forgotten_when_nothing_leads_to_it(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_member(&d, 2, "b", 100);
    uint64_t m = memory_member(&d, 1, "m");
    driver_member(&d, 3, "c", 100); /* before and behind it in every list */
    driver_send(&d, EPOCH, 1, 9, 10);
    driver_commit(&d);
    leave_for_good(&d, 1, m);
    driver_tick(&d, SECOND);
    assert_true(is_known(&d, "m")); /* its connection is there, and rows that name it */
    driver_lost(&d, 1);
    driver_tick(&d, SECOND);
    assert_true(is_known(&d, "m")); /* the rows */
    driver_commit(&d);
    driver_tick(&d, SECOND);
    assert_false(is_known(&d, "m"));
    assert_true(is_known(&d, "b") && is_known(&d, "c"));
    driver_commit(&d);
    assert_string_not_equal(driver_holder(&d, 1), "");
    driver_close(&d);
}

static void one_that_has_ended_is_known_while_something_of_it_is_in_hand(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_serve(&d, "work", 100, 1 << 24);
    driver_link(&d, 2, "b"); /* it is looked for with the heartbeats of others */
    uint64_t m = driver_memory_link(&d, 1, "m", 1);
    remote_open(&d, 1, m, EPOCH, true);
    remote_offer(&d, 1, m, EPOCH, 1, 1, 10);
    leave_for_good(&d, 1, m);
    driver_lost(&d, 1);
    driver_tick(&d, SECOND);
    assert_true(is_known(&d, "m"));
    driver_decide(&d, EPOCH, 1, 1);
    driver_commit(&d);
    driver_commit(&d);
    driver_tick(&d, SECOND);
    assert_false(is_known(&d, "m"));
    driver_close(&d);
}

/* It comes back before it is forgotten: as another process, of which all is new. */
static void one_that_has_ended_may_be_followed_by_another(void **state)
{
    (void)state;
    struct driver d;
    uint64_t m = begin_sealed(&d, 3);
    leave_for_good(&d, 1, m);
    driver_lost(&d, 1);
    driver_tick(&d, SECOND); /* a run to it is still on its way to the store */
    assert_true(is_known(&d, "m"));
    m = driver_memory_link(&d, 1, "m", 2);
    driver_tick(&d, SECOND);
    assert_int_equal(driver_link_to(&d, "m")->id, m);
    driver_committed(&d);
    remote_serve_all(&d, 1, m, 100);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 1), "m");
    driver_close(&d);
}

/* ---- who is taken for the next process of that name ---- */

static void welcome(struct driver *d, uint64_t conn, uint64_t link, uint64_t process)
{
    struct gw_frame frame = {.type = GW_FRAME_WELCOME, .link = link};
    remote_identity(&frame.u.identity, "m", process);
    frame.u.identity.memory = true;
    driver_frame(d, conn, &frame);
}

/* The second process of m has 1 to 3 and began 2, and has no link; connection 2 says HELLO to m. */
static void begin_dialling(struct driver *d)
{
    struct gw_range begun = {2, 2};
    struct gw_ack_epoch entry = {
        .epoch = EPOCH, .floor = 1, .handed = &begun, .handed_count = 1};
    struct gw_frame ack = {.type = GW_FRAME_ACK};
    driver_open(d, "a");
    ack.link = driver_memory_link(d, 1, "m", 2);
    remote_serve_all(d, 1, ack.link, 100);
    driver_send(d, EPOCH, 1, 3, 10);
    driver_commit(d);
    ack.u.ack.epochs = &entry;
    ack.u.ack.epoch_count = 1;
    driver_frame(d, 1, &ack);
    driver_lost(d, 1);
    driver_dial(d, 2);
    driver_tick(d, 0);
}

/* The first process sent it, and waited in a queue for longer than that lived. */
static void a_late_welcome_of_an_earlier_process_ends_nothing(void **state)
{
    (void)state;
    struct driver d;
    begin_dialling(&d);
    welcome(&d, 2, 55, 1);
    assert_int_equal(driver_link_to(&d, "m")->id, 55);
    remote_say(&d, 2, GW_FRAME_RESET, 55); /* the second one knows no such link */
    driver_tick(&d, SECOND);
    assert_non_null(driver_sent_on(&d, 2, GW_FRAME_HELLO));
    welcome(&d, 2, 56, 2);
    remote_in_hand(&d, 2, 56, EPOCH, 1, 3);
    remote_serve_all(&d, 2, 56, 100);
    driver_member(&d, 3, "c", 100);
    driver_commit(&d);
    driver_commit(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_memory_peers_gone), 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_crashed), 0);
    for (uint64_t one = 1; one <= 3; one++)
        assert_string_equal(driver_holder(&d, one), "m");
    driver_close(&d);
}

static void a_process_that_was_dialled_follows_another_when_it_speaks(void **state)
{
    (void)state;
    struct driver d;
    begin_dialling(&d);
    welcome(&d, 2, 55, 3);
    assert_int_equal(driver_counter(&d, GW_COUNTER_memory_peers_gone), 0);
    remote_serve_all(&d, 2, 55, 100);
    assert_int_equal(driver_counter(&d, GW_COUNTER_memory_peers_gone), 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_crashed), 1); /* 2 was begun */
    assert_false(gw_remote_find(d.core, "m")->gone);
    assert_int_equal(driver_link_to(&d, "m")->id, 55);
    driver_commit(&d);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 1), "m");
    driver_tick(&d, DRIVER_HEARTBEAT_US); /* its link is looked at, and nothing else */
    assert_int_equal(driver_counter(&d, GW_COUNTER_memory_peers_gone), 1);
    driver_close(&d);
}

/* Two have ended: the one before, and the one that says so. */
static void a_process_may_say_no_more_than_its_last_bye(void **state)
{
    (void)state;
    struct driver d;
    begin_dialling(&d);
    welcome(&d, 2, 55, 3);
    leave_for_good(&d, 2, 55);
    assert_int_equal(driver_counter(&d, GW_COUNTER_memory_peers_gone), 2);
    assert_int_equal(driver_counter(&d, GW_COUNTER_crashed), 1);
    assert_true(gw_remote_find(d.core, "m")->gone);
    driver_close(&d);
}

/* It has a link when the one before ends: who has none is looked at as before. */
static void a_process_that_follows_another_keeps_no_third_one_alive(void **state)
{
    (void)state;
    struct driver d;
    begin_dialling(&d);
    driver_memory_link(&d, 3, "n", 1);
    driver_lost(&d, 3);
    welcome(&d, 2, 55, 3);
    remote_serve_all(&d, 2, 55, 100);
    driver_tick(&d, 24 * HOUR);
    driver_tick(&d, 24 * HOUR);
    assert_false(is_known(&d, "n")); /* it has ended, and nothing of it is left */
    driver_close(&d);
}

static void the_next_process_of_a_durable_peer_ends_nothing(void **state)
{
    (void)state;
    struct driver d;
    struct gw_identity identity;
    driver_open(&d, "a");
    remote_identity(&identity, "b", 1);
    remote_serve_all(&d, 1, driver_link_as(&d, 1, &identity), 100);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_commit(&d);
    driver_lost(&d, 1);
    identity.process = 2;
    driver_link_as(&d, 2, &identity);
    assert_int_equal(driver_counter(&d, GW_COUNTER_memory_peers_gone), 0);
    assert_string_equal(driver_holder(&d, 1), "b");
    driver_close(&d);
}

/* ---- replies to it ---- */

static void reply(struct driver *d, uint64_t epoch, uint64_t sequence)
{
    struct gw_event event = {.type = GW_EVENT_BATCH};
    event.u.batch.destination = (struct gw_destination){GW_KIND_REPLY, "m"};
    event.u.batch.batch = driver_batch(epoch, sequence, 1, 0);
    driver_step(d, &event);
}

/* It is known yet, since its connection is. */
static void a_reply_to_one_that_has_ended_ends_at_once(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t m = driver_memory_link(&d, 1, "m", 1);
    leave_for_good(&d, 1, m);
    assert_true(is_known(&d, "m"));
    reply(&d, EPOCH, 1);
    driver_commit(&d);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 1), GW_OUTCOME_ABANDONED);
    assert_int_equal(driver_effect(&d, GW_EFFECT_IDLE, 0)->u.idle, EPOCH);
    driver_close(&d);
}

/* It was on its way to who had asked: nobody asks any more. */
static void a_reply_that_is_being_assigned_when_its_client_ends_ends_too(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t m = driver_memory_link(&d, 1, "m", 1);
    struct gw_serve item = {{GW_KIND_REPLY, "m"}, 1, 100, 1 << 20};
    struct gw_frame serve = {.type = GW_FRAME_SERVE, .link = m};
    reply(&d, EPOCH, 1);
    driver_commit(&d);
    serve.u.serve.items = &item;
    serve.u.serve.count = 1;
    driver_frame(&d, 1, &serve);
    remote_complete(&d, 1, m);
    driver_seal(&d); /* to whom it goes is being stored */
    leave_for_good(&d, 1, m);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_ASSIGNED);
    driver_committed(&d);
    driver_commit(&d);
    driver_store(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_abandoned), 1);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 0);
    driver_close(&d);
}

/* The shell is told once that an epoch has nobody left, until it sends in it again. */
static void an_idle_epoch_is_told_once(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_link(&d, 1, "b"); /* with its heartbeats what is over is looked for */
    reply(&d, EPOCH, 1); /* nothing is known of m */
    driver_commit(&d);
    driver_store(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_IDLE), 1);
    reply(&d, EPOCH + 1, 1); /* another of that destination */
    driver_commit(&d);
    driver_store(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_IDLE), 1);
    assert_int_equal(driver_effect(&d, GW_EFFECT_IDLE, 0)->u.idle, EPOCH + 1);
    reply(&d, EPOCH, 2);
    driver_commit(&d);
    driver_store(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_IDLE), 1);
    assert_int_equal(driver_effect(&d, GW_EFFECT_IDLE, 0)->u.idle, EPOCH);
    driver_tick(&d, SECOND); /* what is not settled yet keeps the destination */
    reply(&d, EPOCH, 3);
    driver_tick(&d, SECOND);
    driver_commit(&d);
    driver_store(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_abandoned), 4);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_being_assigned_to_one_that_ends_goes_to_others),
        cmocka_unit_test(the_offer_of_one_that_ends_goes_with_the_last_of_its_runs),
        cmocka_unit_test(the_offer_of_one_that_decided_all_goes_with_that),
        cmocka_unit_test(what_one_that_ends_has_in_several_epochs_goes_to_others),
        cmocka_unit_test(words_of_one_that_was_taken_for_ended_end_no_link),
        cmocka_unit_test(a_memory_peer_that_stays_away_too_long_has_ended),
        cmocka_unit_test(two_memory_peers_end_at_once),
        cmocka_unit_test(one_that_has_ended_is_forgotten_when_nothing_leads_to_it),
        cmocka_unit_test(one_that_has_ended_is_known_while_something_of_it_is_in_hand),
        cmocka_unit_test(one_that_has_ended_may_be_followed_by_another),
        cmocka_unit_test(a_late_welcome_of_an_earlier_process_ends_nothing),
        cmocka_unit_test(a_process_that_was_dialled_follows_another_when_it_speaks),
        cmocka_unit_test(a_process_may_say_no_more_than_its_last_bye),
        cmocka_unit_test(a_process_that_follows_another_keeps_no_third_one_alive),
        cmocka_unit_test(the_next_process_of_a_durable_peer_ends_nothing),
        cmocka_unit_test(a_reply_to_one_that_has_ended_ends_at_once),
        cmocka_unit_test(a_reply_that_is_being_assigned_when_its_client_ends_ends_too),
        cmocka_unit_test(an_idle_epoch_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
