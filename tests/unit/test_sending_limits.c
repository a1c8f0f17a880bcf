/* SPDX-License-Identifier: MPL-2.0 */
/* The sending side where things meet: decisions with burials, refusals with messages to be alone,
 * wishes with writes in flight, credit with messages that leave before they are sent. */

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

static void give_back(struct driver *d, uint64_t conn, uint64_t link, uint8_t kind, uint64_t first,
                      uint64_t last, uint64_t number)
{
    struct gw_return back = {first, last, number, kind, UINT32_MAX, {NULL, 0}};
    struct gw_ack_epoch entry = {
        .epoch = EPOCH, .floor = 1, .returns = &back, .return_count = 1};
    struct gw_frame ack = {.type = GW_FRAME_ACK, .link = link};
    ack.u.ack.epochs = &entry;
    ack.u.ack.epoch_count = 1;
    driver_frame(d, conn, &ack);
}

static void reject(struct driver *d, uint64_t conn, uint64_t link, uint64_t sequence)
{
    struct gw_exception exception = {sequence, GW_EXCEPTION_REJECTED, 7, {NULL, 0}};
    struct gw_ack_epoch entry = {
        .epoch = EPOCH, .floor = 1, .exceptions = &exception, .exception_count = 1};
    struct gw_frame ack = {.type = GW_FRAME_ACK, .link = link};
    ack.u.ack.epochs = &entry;
    ack.u.ack.epoch_count = 1;
    driver_frame(d, conn, &ack);
}

static const struct gw_row *assignment(const struct driver *d, uint64_t sequence)
{
    for (size_t i = 0; i < driver_rows(d, GW_ROW_ASSIGNMENT); i++) {
        const struct gw_row *row = driver_row(d, GW_ROW_ASSIGNMENT, i);
        if (row->first <= sequence && sequence <= row->last)
            return row;
    }
    return NULL;
}

static uint64_t number_of(const struct driver *d, uint64_t sequence)
{
    const struct gw_row *row = assignment(d, sequence);
    return row ? row->number : 0;
}

static const char *holder(const struct driver *d, uint64_t sequence)
{
    const struct gw_row *row = assignment(d, sequence);
    return row ? row->peer : "";
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

static void forfeit(struct driver *d, const char *name)
{
    struct gw_event event = {.type = GW_EVENT_FORFEIT};
    event.u.forfeit.peer = name;
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

/* b comes back on another connection, tells nothing yet. */
static uint64_t come_back(struct driver *d, uint64_t conn)
{
    uint64_t link = driver_link(d, conn, "b");
    remote_serve(d, conn, link, 100, 100000);
    return link;
}

/* b has 1 to 3 and loses its link; c gets them after a while. The link of c. */
static uint64_t begin_forfeited(struct driver *d)
{
    uint64_t link = begin(d, 3);
    policy(d, &(struct gw_policy){.failover = true, .failover_us = SECOND, .max_attempts = 3});
    uint64_t other = driver_member(d, 2, "c", 100);
    remote_say(d, 1, GW_FRAME_RESET, link);
    assert_int_equal(next_data(d, SECOND), 1);
    assert_string_equal(holder(d, 1), "c");
    return other;
}

/* ---- ends that meet ---- */

static void what_was_processed_is_not_buried_as_well(void **state)
{
    (void)state;
    struct driver d;
    uint64_t other = begin_forfeited(&d);
    uint64_t link = come_back(&d, 3);
    remote_ack(&d, 2, other, EPOCH, 2, 2);
    reject(&d, 3, link, 2); /* too late */
    reject(&d, 3, link, 1);
    remote_ack(&d, 2, other, EPOCH, 1, 1); /* before that is stored */
    store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 0);
    assert_int_equal(how_it_ended(&d, 1), GW_OUTCOME_PROCESSED);
    assert_int_equal(driver_count(&d, GW_EFFECT_BURIED), 0);
    assert_int_equal(driver_rows(&d, GW_ROW_STORY), 0);
    driver_close(&d);
}

static void a_dead_letter_names_who_rejected_it(void **state)
{
    (void)state;
    struct driver d;
    begin_forfeited(&d);
    uint64_t link = come_back(&d, 3);
    reject(&d, 3, link, 1);
    store(&d);
    assert_string_equal(driver_row(&d, GW_ROW_DEAD, 0)->peer, "b"); /* c has it */
    assert_true(driver_row(&d, GW_ROW_DEAD, 0)->maybe_duplicate);
    driver_close(&d);
}

static void nobody_rejects_anothers_message(void **state)
{
    (void)state;
    struct driver d;
    begin(&d, 3);
    uint64_t other = driver_member(&d, 2, "c", 100);
    driver_send(&d, EPOCH, 4, 1, 10); /* an offer of the same stream */
    driver_commit(&d);
    assert_string_equal(holder(&d, 4), "c");
    reject(&d, 2, other, 2);
    store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 0);
    assert_string_equal(where(&d, 2).peer, "b");
    driver_close(&d);
}

/* Its member serves no more, so that nobody has it while its bytes are read for the burial. */
static void what_was_rejected_is_not_withdrawn_instead(void **state)
{
    (void)state;
    struct driver d;
    begin(&d, 1);
    driver_restart(&d);
    withdraw(&d, 1);
    uint64_t link = driver_link(&d, 1, "b");
    remote_say(&d, 1, GW_FRAME_SERVE, link); /* nothing */
    reject(&d, 1, link, 1);
    remote_complete(&d, 1, link);
    store(&d);
    driver_loaded(&d, EPOCH, 1, 1);
    store(&d);
    assert_int_equal(how_it_ended(&d, 1), GW_OUTCOME_DEAD);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 1);
    driver_close(&d);
}

static void what_is_given_back_stays_doubtful(void **state)
{
    (void)state;
    struct driver d;
    uint64_t other = begin_forfeited(&d);
    give_back(&d, 2, other, GW_RETURN_RELEASE, 2, 3, number_of(&d, 2));
    assert_int_equal(next_data(&d, 1), 2);
    assert_true(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.maybe_duplicate);
    driver_close(&d);
}

/* ---- attempts ---- */

static void a_crash_counts_though_its_message_was_forfeited(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 3);
    uint64_t number = number_of(&d, 1);
    policy(&d, &(struct gw_policy){.failover = true, .failover_us = SECOND, .max_attempts = 3});
    driver_member(&d, 2, "c", 100);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    assert_int_equal(next_data(&d, SECOND), 1);
    link = come_back(&d, 3);
    give_back(&d, 3, link, GW_RETURN_CRASHED, 1, 1, number);
    assert_int_equal(where(&d, 1).attempts, 2);
    assert_string_equal(where(&d, 1).peer, "c"); /* and frees nothing of the newer offer */
    give_back(&d, 3, link, GW_RETURN_CRASHED, 1, 1, number); /* told again */
    assert_int_equal(where(&d, 1).attempts, 2);
    assert_int_equal(where(&d, 2).attempts, 1);
    driver_close(&d);
}

static void a_return_that_was_charged_is_not_charged_with_a_later_loss(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 1);
    policy(&d, &(struct gw_policy){.failover = true, .failover_us = SECOND, .max_attempts = 9});
    uint64_t number = number_of(&d, 1);
    give_back(&d, 1, link, GW_RETURN_NACK, 1, 1, number);
    assert_int_equal(next_data(&d, SECOND), 1); /* b again */
    driver_member(&d, 2, "c", 100);
    remote_say(&d, 1, GW_FRAME_RESET, link); /* lost on its way */
    assert_int_equal(next_data(&d, SECOND), 1);
    link = come_back(&d, 3);
    give_back(&d, 3, link, GW_RETURN_NACK, 1, 1, number); /* all that b knows */
    assert_int_equal(where(&d, 1).attempts, 2);
    driver_close(&d);
}

/* ---- messages to be alone ---- */

static void a_refused_epoch_does_not_keep_its_member_from_others(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 1);
    give_back(&d, 1, link, GW_RETURN_CRASHED, 1, 1, number_of(&d, 1));
    assert_int_equal(next_data(&d, SECOND), 1); /* alone */
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = come_back(&d, 2);
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
    store(&d);
    remote_say(&d, 2, GW_FRAME_RESET, link); /* the next link is asked again, and alone */
    link = come_back(&d, 3);
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
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_seal(&d);
    withdraw(&d, 2);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_committed(&d);
    store(&d);
    assert_int_equal(how_it_ended(&d, 2), GW_OUTCOME_WITHDRAWN);
    assert_string_equal(holder(&d, 1), "b");
    assert_string_equal(holder(&d, 3), "b");
    driver_close(&d);
}

static void a_wish_waits_for_the_assignment_that_is_being_stored(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_commit(&d);
    driver_member(&d, 1, "b", 100);
    withdraw(&d, 2);
    assert_int_equal(where(&d, 2).place, GW_PLACE_ASSIGNED);
    driver_commit(&d);
    assert_int_equal(driver_data(&d, 0).last, 1);
    assert_int_equal(driver_data(&d, 1).first, 3);
    driver_close(&d);
}

static void what_was_on_its_way_to_a_forfeited_member_is_forfeited_too(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_seal(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    forfeit(&d, "b");
    driver_committed(&d);
    assert_int_equal(where(&d, 1).place, GW_PLACE_QUEUED);
    driver_member(&d, 2, "c", 100);
    assert_int_equal(next_data(&d, 1), 1);
    assert_false(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.maybe_duplicate);
    driver_close(&d);
}

static void what_was_forfeited_and_offered_again_is_not_asked_back(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 1);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    forfeit(&d, "b");
    link = come_back(&d, 2);
    remote_in_hand(&d, 2, link, EPOCH, 1, 1);
    remote_complete(&d, 2, link);
    assert_non_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_commit(&d);
    assert_string_equal(holder(&d, 1), "b"); /* nobody else is there */
    assert_int_equal(driver_data(&d, 0).first, 1); /* what b told of the old offer is over */
    remote_say(&d, 2, GW_FRAME_RESET, link);
    link = come_back(&d, 3);
    remote_in_hand(&d, 3, link, EPOCH, 1, 1);
    remote_complete(&d, 3, link);
    assert_null(driver_sent(&d, GW_FRAME_SKIP, 0));
    driver_close(&d);
}

static void each_wish_is_asked_once_a_heartbeat(void **state)
{
    (void)state;
    struct driver d;
    begin(&d, 10);
    withdraw(&d, 2);
    withdraw(&d, 7);
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
    policy(d, &(struct gw_policy){.failover = true, .failover_us = SECOND});
    uint64_t link = driver_member(d, 1, "b", 100);
    driver_send(d, EPOCH, 1, 3, 10);
    driver_commit(d);
    uint64_t other = driver_member(d, 2, "c", 3);
    remote_say(d, 1, GW_FRAME_RESET, link);
    driver_tick(d, SECOND);
    driver_commit(d);
    assert_string_equal(holder(d, 1), "c");
    assert_int_equal(driver_count(d, GW_EFFECT_LOAD), 1);
    return other;
}

static void what_comes_back_before_it_is_sent_costs_no_credit(void **state)
{
    (void)state;
    struct driver d;
    uint64_t other = begin_reading(&d);
    give_back(&d, 2, other, GW_RETURN_RELEASE, 1, 3, number_of(&d, 1));
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
    store(&d);
    assert_int_equal(how_it_ended(&d, 1), GW_OUTCOME_PROCESSED);
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
    struct gw_frame hello = {.type = GW_FRAME_HELLO};
    remote_identity(&hello.u.identity, "b", 99);
    hello.u.identity.window = window;
    driver_frame(d, conn, &hello);
    uint64_t link = driver_sent_on(d, conn, GW_FRAME_WELCOME)->link;
    remote_say(d, conn, GW_FRAME_READY, link);
    remote_serve(d, conn, link, 100, 100000);
    remote_complete(d, conn, link);
    return link;
}

static void nothing_is_sent_beyond_a_window_that_became_smaller(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin(&d, 50);
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
    uint64_t link = begin(&d, 50);
    remote_say(&d, 1, GW_FRAME_SERVE, link); /* nothing any more */
    give_back(&d, 1, link, GW_RETURN_RELEASE, 31, 50, number_of(&d, 31));
    store(&d);
    driver_crash(&d);
    d.options.window = 10; /* ours, too */
    driver_recover(&d);
    small_member(&d, 2, 40);
    driver_loaded(&d, EPOCH, 1, 50);
    driver_commit(&d);
    assert_string_equal(holder(&d, 40), "b");
    assert_string_equal(holder(&d, 41), "");
    driver_close(&d);
}

/* ---- numbers ---- */

static void the_numbers_of_one_open_never_run_into_the_next(void **state)
{
    (void)state;
    struct driver d;
    struct gw_core_options options;
    driver_options(&options, "a");
    driver_open_leniently(&d, &options);
    driver_member(&d, 1, "b", 100);
    d.core->runs_made = UINT32_MAX - 1;
    driver_send(&d, EPOCH, 1, 1, 10);
    driver_commit(&d);
    assert_int_equal(number_of(&d, 1), (UINT64_C(1) << 32) + UINT32_MAX);
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
