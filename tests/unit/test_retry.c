/* SPDX-License-Identifier: MPL-2.0 */
/* Messages that come back: returns, attempts, dead letters, withdrawals, failover, memory peers. */

/* Length: one life of a message that fails, from the first return to its end. */
/* Length: one kind of story, and the same words to tell each. */

/* Length: a story for each way in which a message comes back. */

#include "core/state.h"
#include "support/core_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define EPOCH 5
#define SECOND 1000000

/* ---- words of a member, and looks ---- */

static void say_epoch(struct driver *d, uint64_t conn, uint64_t link,
                      const struct gw_ack_epoch *entry, bool complete)
{
    struct gw_frame ack = {.type = GW_FRAME_ACK, .link = link};
    ack.u.ack.epochs = entry;
    ack.u.ack.epoch_count = 1;
    ack.u.ack.complete = complete;
    driver_frame(d, conn, &ack);
}

static void give_back(struct driver *d, uint64_t conn, uint64_t link, uint8_t kind, uint64_t first,
                      uint64_t last, uint64_t number, uint32_t delay_ms)
{
    struct gw_return back = {first, last, number, kind, delay_ms, {(const uint8_t *)"no", 2}};
    struct gw_ack_epoch entry = {
        .epoch = EPOCH, .floor = 1, .returns = &back, .return_count = 1};
    say_epoch(d, conn, link, &entry, false);
}

static void except(struct driver *d, uint64_t conn, uint64_t link, uint8_t kind, uint64_t sequence,
                   uint32_t code)
{
    struct gw_exception exception = {sequence, kind, code, {(const uint8_t *)"bad", 3}};
    struct gw_ack_epoch entry = {
        .epoch = EPOCH, .floor = 1, .exceptions = &exception, .exception_count = 1};
    say_epoch(d, conn, link, &entry, false);
}

static uint64_t number_of(const struct driver *d, uint64_t sequence)
{
    for (size_t i = 0; i < driver_rows(d, GW_ROW_ASSIGNMENT); i++) {
        const struct gw_row *row = driver_row(d, GW_ROW_ASSIGNMENT, i);
        if (row->first <= sequence && sequence <= row->last)
            return row->number;
    }
    return 0;
}

static const char *holder(const struct driver *d, uint64_t sequence)
{
    for (size_t i = 0; i < driver_rows(d, GW_ROW_ASSIGNMENT); i++) {
        const struct gw_row *row = driver_row(d, GW_ROW_ASSIGNMENT, i);
        if (row->first <= sequence && sequence <= row->last)
            return row->peer;
    }
    return "";
}

static struct gw_whereabouts where(const struct driver *d, uint64_t sequence)
{
    struct gw_whereabouts found;
    gw_core_find(d->core, EPOCH, sequence, &found);
    return found;
}

static void policy(struct driver *d, const struct gw_policy *policy)
{
    struct gw_event event = {.type = GW_EVENT_POLICY};
    event.u.policy.destination = (struct gw_destination){GW_KIND_STAGE, "work"};
    event.u.policy.policy = *policy;
    driver_step(d, &event);
}

static void withdraw(struct driver *d, uint64_t sequence)
{
    struct gw_event event = {.type = GW_EVENT_WITHDRAW};
    event.u.withdraw.epoch = EPOCH;
    event.u.withdraw.sequence = sequence;
    event.u.withdraw.code = GW_WITHDRAW_CANCELLED;
    driver_step(d, &event);
}

static uint8_t how_it_ended(const struct driver *d, uint64_t sequence)
{
    const struct gw_effect *effect;
    for (size_t n = 0; (effect = driver_effect(d, GW_EFFECT_SETTLED, n)); n++)
        if (effect->u.settled.first <= sequence && sequence <= effect->u.settled.last)
            return effect->u.settled.how;
    return 0;
}

/* Stores what the last step left, once; the effects are those of its commit. */
static void store(struct driver *d)
{
    driver_tick(d, 10000); /* settlements wait for company */
    driver_seal(d);
    driver_committed(d);
}

/* Seals and commits until a DATA leaves; the number of its first message, 0: none. */
static uint64_t next_data(struct driver *d, uint64_t wait_us)
{
    driver_tick(d, wait_us);
    for (int i = 0; i < 3; i++) {
        if (driver_data(d, 0).first)
            return driver_data(d, 0).first;
        driver_seal(d);
        driver_committed(d);
    }
    return driver_data(d, 0).first;
}

/* b has messages 1 to `count`. */
static uint64_t begin(struct driver *d, uint32_t count)
{
    driver_open(d, "a");
    uint64_t link = driver_member(d, 1, "b", 100);
    driver_send(d, EPOCH, 1, count, 10);
    driver_commit(d);
    return link;
}

/* ---- returns ---- */

static void a_nacked_message_comes_again_as_the_next_attempt(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    give_back(&d, 1, link, GW_RETURN_NACK, 2, 2, number_of(&d, 2), 500);
    assert_int_equal(where(&d, 2).place, GW_PLACE_QUEUED);
    assert_int_equal(where(&d, 2).attempts, 2);
    store(&d);
    assert_int_equal(next_data(&d, 400000), 0); /* not before its time */
    assert_int_equal(driver_row(&d, GW_ROW_STORY, 0)->attempts, 2);
    assert_int_equal(next_data(&d, 100000), 2);
    const struct gw_effect *data = driver_effect(&d, GW_EFFECT_SEND_DATA, 0);
    assert_int_equal(data->u.data.attempt, 2);
    assert_true(data->u.data.redelivered);
    assert_false(data->u.data.maybe_duplicate);
    remote_ack(&d, 1, link, EPOCH, 1, 3);
    store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_STORY), 0);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 0);
    driver_close(&d);
}

static void an_old_return_frees_nothing_of_a_newer_offer(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    uint64_t number = number_of(&d, 2);
    give_back(&d, 1, link, GW_RETURN_NACK, 2, 2, number, 0);
    assert_int_equal(next_data(&d, 1), 2);
    give_back(&d, 1, link, GW_RETURN_NACK, 2, 2, number, 0); /* said once more */
    assert_int_equal(where(&d, 2).place, GW_PLACE_ASSIGNED);
    assert_int_equal(where(&d, 2).attempts, 2);
    driver_close(&d);
}

static void a_return_of_another_members_message_changes_nothing(void **state)
{
    (void)state;
    struct driver d;
    begin(&d, 3);
    uint64_t other = driver_member(&d, 2, "c", 100);
    give_back(&d, 2, other, GW_RETURN_NACK, 2, 2, number_of(&d, 2), 0);
    assert_string_equal(where(&d, 2).peer, "b");
    driver_close(&d);
}

static void a_release_charges_nothing_and_may_go_elsewhere(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 10);
    driver_member(&d, 2, "c", 100);
    give_back(&d, 1, link, GW_RETURN_RELEASE, 4, 10, number_of(&d, 4), 0);
    driver_commit(&d);
    assert_string_equal(holder(&d, 3), "b");
    assert_string_equal(holder(&d, 4), "c");
    assert_int_equal(where(&d, 4).attempts, 1);
    assert_int_equal(driver_rows(&d, GW_ROW_STORY), 0);
    driver_close(&d);
}

static void what_came_back_is_known_after_a_restart(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 10);
    give_back(&d, 1, link, GW_RETURN_NACK, 4, 4, number_of(&d, 4), 60000);
    store(&d);
    driver_restart(&d);
    assert_int_equal(where(&d, 4).place, GW_PLACE_QUEUED);
    assert_int_equal(where(&d, 4).attempts, 2);
    assert_string_equal(where(&d, 3).peer, "b");
    assert_string_equal(where(&d, 5).peer, "b");
    driver_close(&d);
}

static void a_crash_charges_what_had_begun_and_offers_it_alone(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 10);
    uint64_t number = number_of(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_link(&d, 2, "b");
    remote_serve(&d, 2, link, 100, 100000);
    give_back(&d, 2, link, GW_RETURN_CRASHED, 3, 3, number, 0);
    remote_complete(&d, 2, link);
    assert_int_equal(where(&d, 3).attempts, 2);
    assert_int_equal(where(&d, 4).attempts, 1); /* innocent: the rest goes on meanwhile */
    assert_int_equal(next_data(&d, 1000), 1);
    assert_int_equal(next_data(&d, 100000), 0); /* its pause is over, but b is not free */
    driver_send(&d, EPOCH, 11, 1, 10);
    driver_commit(&d);
    assert_string_equal(holder(&d, 11), ""); /* b is kept free */
    remote_ack(&d, 2, link, EPOCH, 1, 2);
    remote_ack(&d, 2, link, EPOCH, 4, 10);
    assert_int_equal(next_data(&d, 1), 3);
    assert_int_equal(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.count, 1);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 1); /* nothing else goes there */
    assert_int_equal(next_data(&d, 1000), 0);
    remote_ack(&d, 2, link, EPOCH, 3, 3);
    assert_int_equal(next_data(&d, 10000), 11);
    driver_close(&d);
}

static void a_member_that_serves_no_more_keeps_only_what_it_holds(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 10);
    driver_member(&d, 2, "c", 100);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_link(&d, 3, "b"); /* it tells no SERVE of stage:work */
    remote_in_hand(&d, 3, link, EPOCH, 4, 5);
    remote_complete(&d, 3, link);
    driver_commit(&d);
    assert_string_equal(holder(&d, 3), "c");
    assert_string_equal(holder(&d, 4), "b");
    assert_string_equal(holder(&d, 6), "c");
    driver_close(&d);
}

/* ---- dead letters ---- */

static void too_many_attempts_make_a_dead_letter(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    policy(&d, &(struct gw_policy){.max_attempts = 2, .retry_cap_us = 1});
    give_back(&d, 1, link, GW_RETURN_NACK, 2, 2, number_of(&d, 2), 0);
    assert_int_equal(next_data(&d, 1), 2);
    give_back(&d, 1, link, GW_RETURN_NACK, 2, 2, number_of(&d, 2), 0);
    store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 1);
    assert_int_equal(driver_row(&d, GW_ROW_DEAD, 0)->attempts, 2);
    assert_int_equal(driver_row(&d, GW_ROW_DEAD, 0)->how, GW_DEATH_ATTEMPTS);
    assert_int_equal(how_it_ended(&d, 2), GW_OUTCOME_DEAD);
    assert_int_equal(driver_count(&d, GW_EFFECT_BURIED), 1);
    assert_int_equal(driver_rows(&d, GW_ROW_STORY), 0);
    remote_ack(&d, 1, link, EPOCH, 1, 3); /* the rest flows, and the floor rises over the hole */
    store(&d);
    struct gw_stream_view view;
    assert_true(driver_stream(&d, EPOCH, &view));
    assert_int_equal(view.floor, 4);
    driver_close(&d);
}

static void a_rejection_is_a_dead_letter_in_one_write(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    except(&d, 1, link, GW_EXCEPTION_REJECTED, 2, 7);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 0);
    store(&d);
    const struct gw_row *dead = driver_row(&d, GW_ROW_DEAD, 0);
    assert_int_equal(dead->first, 2);
    assert_int_equal(dead->how, GW_DEATH_REJECTED);
    assert_int_equal(dead->code, 7);
    assert_string_equal(dead->peer, "b");
    assert_int_equal(driver_rows(&d, GW_ROW_SETTLED), 1);
    except(&d, 1, link, GW_EXCEPTION_REJECTED, 2, 7); /* repeated until the floor passes */
    store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_dead_letters), 1);
    driver_close(&d);
}

static void what_waits_to_be_buried_is_not_sent_on_a_new_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    driver_send(&d, EPOCH, 4, 1, 10);
    driver_seal(&d); /* a slow write: the burial has to wait for it */
    except(&d, 1, link, GW_EXCEPTION_REJECTED, 2, 7);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_member(&d, 2, "b", 100);
    assert_int_equal(driver_data(&d, 0).last, 1);
    assert_int_equal(driver_data(&d, 1).first, 3);
    driver_close(&d);
}

static void a_rejection_beats_the_wish_although_its_member_serves_no_more(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    withdraw(&d, 2);
    link = driver_link(&d, 2, "b"); /* it serves nothing: what it does not hold is free */
    except(&d, 2, link, GW_EXCEPTION_REJECTED, 2, 7);
    remote_complete(&d, 2, link);
    store(&d);
    assert_int_equal(how_it_ended(&d, 2), GW_OUTCOME_DEAD);
    assert_string_equal(driver_row(&d, GW_ROW_DEAD, 0)->peer, "b");
    driver_close(&d);
}

/* Beside a crashed message what is not in hand comes back; what was rejected there does not: with
 * nobody after a crash, it would be offered again while its member has decided. */
static void a_rejected_message_stays_with_its_member_until_it_is_buried(void **state)
{
    (void)state;
    struct driver d;
    begin(&d, 3);
    uint64_t number = number_of(&d, 1);
    driver_restart(&d); /* no bytes are in memory */
    uint64_t link = driver_link(&d, 2, "b");
    remote_serve(&d, 2, link, 100, 100000);
    give_back(&d, 2, link, GW_RETURN_CRASHED, 1, 1, number, 0);
    except(&d, 2, link, GW_EXCEPTION_REJECTED, 2, 7);
    remote_complete(&d, 2, link);
    store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 0);
    assert_string_equal(holder(&d, 1), "");
    assert_string_equal(holder(&d, 2), "b");
    assert_string_equal(holder(&d, 3), "");
    driver_restart(&d); /* the rejection is told again, and still about b's */
    link = driver_link(&d, 3, "b");
    except(&d, 3, link, GW_EXCEPTION_REJECTED, 2, 7);
    driver_loaded(&d, EPOCH, 1, 3);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 1);
    assert_false(driver_row(&d, GW_ROW_DEAD, 0)->maybe_duplicate);
    driver_close(&d);
}

/* ---- withdrawals ---- */

static void what_nobody_has_is_withdrawn_at_once(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_commit(&d);
    withdraw(&d, 2);
    store(&d);
    assert_int_equal(how_it_ended(&d, 2), GW_OUTCOME_WITHDRAWN);
    driver_member(&d, 1, "b", 100);
    driver_commit(&d);
    assert_string_equal(holder(&d, 1), "b");
    assert_string_equal(holder(&d, 2), "");
    assert_string_equal(holder(&d, 3), "b");
    driver_close(&d);
}

static void what_a_member_may_have_is_asked_back_until_it_answers(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    withdraw(&d, 2);
    const struct gw_frame *skip = driver_sent(&d, GW_FRAME_SKIP, 0);
    assert_non_null(skip);
    assert_int_equal(skip->u.skip.purpose, GW_SKIP_WITHDRAW);
    assert_int_equal(skip->u.skip.ranges[0].first, 2);
    assert_int_equal(where(&d, 2).place, GW_PLACE_ASSIGNED);
    driver_tick(&d, SECOND);
    assert_non_null(driver_sent(&d, GW_FRAME_SKIP, 0)); /* rule 9 */
    except(&d, 1, link, GW_EXCEPTION_SKIPPED, 2, GW_WITHDRAW_CANCELLED);
    store(&d);
    assert_int_equal(how_it_ended(&d, 2), GW_OUTCOME_WITHDRAWN);
    driver_tick(&d, SECOND);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_close(&d);
}

static void a_decision_beats_the_wish(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    withdraw(&d, 2);
    remote_ack(&d, 1, link, EPOCH, 2, 2);
    store(&d);
    assert_int_equal(how_it_ended(&d, 2), GW_OUTCOME_PROCESSED);
    driver_close(&d);
}

static void a_wanted_message_is_not_sent_on_a_new_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    withdraw(&d, 2);
    link = driver_member(&d, 2, "b", 100);
    assert_int_equal(driver_data(&d, 0).first, 1);
    assert_int_equal(driver_data(&d, 0).last, 1);
    assert_int_equal(driver_data(&d, 1).first, 3);
    assert_non_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    give_back(&d, 2, link, GW_RETURN_RELEASE, 2, 2, number_of(&d, 2), 0); /* never had it */
    store(&d);
    assert_int_equal(how_it_ended(&d, 2), GW_OUTCOME_WITHDRAWN);
    driver_close(&d);
}

/* ---- failover ---- */

static void strict_waits_and_failover_moves_on(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    driver_member(&d, 2, "c", 100);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    for (int i = 0; i < 40; i++) {
        driver_tick(&d, SECOND);
        remote_say(&d, 2, GW_FRAME_PONG, 0);
    }
    assert_string_equal(where(&d, 1).peer, "b"); /* strict */
    driver_close(&d);
}

static void a_forfeited_message_may_be_decided_by_both(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    policy(&d, &(struct gw_policy){.failover = true, .failover_us = SECOND});
    driver_member(&d, 2, "c", 100);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    assert_int_equal(next_data(&d, SECOND), 1);
    assert_true(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.maybe_duplicate);
    assert_string_equal(holder(&d, 1), "c");
    assert_int_equal(where(&d, 1).attempts, 1);
    link = driver_link(&d, 3, "b");
    remote_serve(&d, 3, link, 100, 100000);
    remote_ack(&d, 3, link, EPOCH, 1, 2); /* the first decision counts, whose ever it is */
    remote_in_hand(&d, 3, link, EPOCH, 3, 3);
    remote_complete(&d, 3, link);
    const struct gw_frame *skip = driver_sent(&d, GW_FRAME_SKIP, 0);
    assert_non_null(skip); /* what it still holds is asked back, to save a second run */
    assert_int_equal(skip->u.skip.ranges[0].first, 3);
    store(&d);
    assert_int_equal(how_it_ended(&d, 1), GW_OUTCOME_PROCESSED);
    assert_int_equal(where(&d, 3).place, GW_PLACE_ASSIGNED);
    driver_close(&d);
}

static void an_overdue_message_is_asked_back(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    policy(&d, &(struct gw_policy){.deadline_us = SECOND});
    driver_member(&d, 2, "c", 100);
    driver_tick(&d, SECOND);
    const struct gw_frame *skip = driver_sent_on(&d, 1, GW_FRAME_SKIP);
    assert_non_null(skip);
    assert_int_equal(skip->u.skip.purpose, GW_SKIP_RELEASE);
    give_back(&d, 1, link, GW_RETURN_RELEASE, 2, 3, skip->u.skip.number, 0);
    driver_commit(&d);
    assert_string_equal(holder(&d, 2), "c");
    assert_string_equal(holder(&d, 1), "b"); /* its handler had begun */
    driver_close(&d);
}

/* ---- ordered ---- */

static void an_ordered_stream_has_one_member_at_a_time(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    policy(&d, &(struct gw_policy){.ordered = true});
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_member(&d, 2, "c", 100);
    driver_send(&d, EPOCH, 1, 4, 10);
    driver_commit(&d);
    const char *lead = holder(&d, 1);
    assert_string_equal(holder(&d, 4), lead);
    driver_send(&d, EPOCH, 5, 4, 10);
    driver_commit(&d);
    assert_string_equal(holder(&d, 8), lead);
    (void)link;
    driver_close(&d);
}

static void nothing_overtakes_a_returned_message_of_an_ordered_stream(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    policy(&d, &(struct gw_policy){.ordered = true});
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 4, 10);
    driver_commit(&d);
    uint64_t number = number_of(&d, 2);
    give_back(&d, 1, link, GW_RETURN_NACK, 2, 2, number, 1000);
    give_back(&d, 1, link, GW_RETURN_RELEASE, 3, 4, number, 0);
    driver_send(&d, EPOCH, 5, 1, 10);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    assert_string_equal(holder(&d, 3), "");
    assert_string_equal(holder(&d, 5), "");
    remote_ack(&d, 1, link, EPOCH, 1, 1);
    assert_int_equal(next_data(&d, SECOND), 2);
    assert_string_equal(holder(&d, 3), "b");
    assert_string_equal(holder(&d, 5), "b");
    driver_close(&d);
}

/* How it failed is not recorded, so that a restarted sender offers it alone; but never before what
 * is older. */
static void after_a_restart_no_retry_overtakes_older_messages_of_an_ordered_stream(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    policy(&d, &(struct gw_policy){.ordered = true});
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 4, 10);
    driver_commit(&d);
    uint64_t number = number_of(&d, 2);
    give_back(&d, 1, link, GW_RETURN_NACK, 2, 2, number, 0);
    give_back(&d, 1, link, GW_RETURN_RELEASE, 3, 4, number, 0);
    assert_int_equal(next_data(&d, SECOND), 2);
    driver_restart(&d);
    driver_member(&d, 1, "b", 100); /* it was killed, too: nothing is in its hand */
    driver_loaded(&d, EPOCH, 1, 4);
    assert_int_equal(driver_data(&d, 0).first, 1);
    assert_int_equal(driver_data(&d, 1).first, 2);
    driver_close(&d);
}

static void nothing_in_a_write_overtakes_what_a_new_link_brought_back(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    policy(&d, &(struct gw_policy){.ordered = true, .retry_base_us = 1, .retry_cap_us = 1});
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_commit(&d);
    uint64_t number = number_of(&d, 1);
    driver_send(&d, EPOCH, 4, 2, 10);
    driver_seal(&d); /* 4 and 5 are assigned in it */
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_link(&d, 2, "b");
    remote_serve(&d, 2, link, 100, 100000);
    give_back(&d, 2, link, GW_RETURN_NACK, 1, 1, number, 0);
    remote_complete(&d, 2, link); /* 2 and 3 were lost: they wait behind 1 */
    driver_committed(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    assert_int_equal(next_data(&d, 1000), 1);
    driver_commit(&d);
    assert_string_equal(holder(&d, 5), "b");
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
    struct gw_batch *batch = gw_batch_new(EPOCH, 1, 2);
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

static void a_withdrawn_batch_in_a_backlog_skips_nothing_before_it(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    for (uint64_t i = 1; i <= 5; i++)
        driver_send(&d, EPOCH, i, 1, 10);
    driver_commit(&d);
    withdraw(&d, 3);
    store(&d);
    driver_member(&d, 1, "b", 100);
    driver_commit(&d);
    assert_string_equal(holder(&d, 1), "b");
    assert_string_equal(holder(&d, 2), "b");
    assert_string_equal(holder(&d, 5), "b");
    driver_close(&d);
}

/* ---- memory peers ---- */

static void a_memory_peer_that_ends_leaves_nothing(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    struct gw_frame hello = {.type = GW_FRAME_HELLO};
    remote_identity(&hello.u.identity, "m", 9);
    hello.u.identity.memory = true;
    driver_frame(&d, 1, &hello);
    uint64_t link = driver_sent(&d, GW_FRAME_WELCOME, 0)->link;
    remote_say(&d, 1, GW_FRAME_READY, link);
    struct gw_event event = {.type = GW_EVENT_BATCH};
    event.u.batch.destination = (struct gw_destination){GW_KIND_REPLY, "m"};
    event.u.batch.batch = gw_batch_new(EPOCH, 1, 1);
    driver_step(&d, &event);
    driver_commit(&d);
    struct gw_frame bye = {.type = GW_FRAME_BYE, .link = link};
    bye.u.bye.last = true;
    driver_frame(&d, 1, &bye);
    store(&d);
    assert_int_equal(how_it_ended(&d, 1), GW_OUTCOME_ABANDONED);
    assert_int_equal(driver_effect(&d, GW_EFFECT_IDLE, 0)->u.idle, EPOCH);
    event = (struct gw_event){.type = GW_EVENT_RETIRE};
    event.u.retire = EPOCH;
    driver_step(&d, &event);
    store(&d);
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
        cmocka_unit_test(a_nacked_message_comes_again_as_the_next_attempt),
        cmocka_unit_test(an_old_return_frees_nothing_of_a_newer_offer),
        cmocka_unit_test(a_return_of_another_members_message_changes_nothing),
        cmocka_unit_test(a_release_charges_nothing_and_may_go_elsewhere),
        cmocka_unit_test(what_came_back_is_known_after_a_restart),
        cmocka_unit_test(a_crash_charges_what_had_begun_and_offers_it_alone),
        cmocka_unit_test(a_member_that_serves_no_more_keeps_only_what_it_holds),
        cmocka_unit_test(too_many_attempts_make_a_dead_letter),
        cmocka_unit_test(a_rejection_is_a_dead_letter_in_one_write),
        cmocka_unit_test(a_rejected_message_stays_with_its_member_until_it_is_buried),
        cmocka_unit_test(what_waits_to_be_buried_is_not_sent_on_a_new_link),
        cmocka_unit_test(a_rejection_beats_the_wish_although_its_member_serves_no_more),
        cmocka_unit_test(what_nobody_has_is_withdrawn_at_once),
        cmocka_unit_test(what_a_member_may_have_is_asked_back_until_it_answers),
        cmocka_unit_test(a_decision_beats_the_wish),
        cmocka_unit_test(a_wanted_message_is_not_sent_on_a_new_link),
        cmocka_unit_test(strict_waits_and_failover_moves_on),
        cmocka_unit_test(a_forfeited_message_may_be_decided_by_both),
        cmocka_unit_test(an_overdue_message_is_asked_back),
        cmocka_unit_test(an_ordered_stream_has_one_member_at_a_time),
        cmocka_unit_test(nothing_overtakes_a_returned_message_of_an_ordered_stream),
        cmocka_unit_test(nothing_in_a_write_overtakes_what_a_new_link_brought_back),
        cmocka_unit_test(
            after_a_restart_no_retry_overtakes_older_messages_of_an_ordered_stream),
        cmocka_unit_test(a_transaction_on_what_was_settled_elsewhere_does_nothing),
        cmocka_unit_test(a_withdrawn_batch_in_a_backlog_skips_nothing_before_it),
        cmocka_unit_test(a_memory_peer_that_ends_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
