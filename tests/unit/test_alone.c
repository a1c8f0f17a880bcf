/* SPDX-License-Identifier: MPL-2.0 */
/* Who may take what came back: messages that are offered alone, the pauses before an attempt,
 * order, and words of members that are late or not true. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void crash(struct driver *d, uint64_t conn, uint64_t link, uint64_t sequence)
{
    remote_return(d, conn, link, GW_RETURN_CRASHED, sequence, sequence,
                  driver_number(d, sequence), 0);
}

static uint64_t due_in(const struct driver *d, uint64_t sequence)
{
    return driver_where(d, sequence).due_us - d->now_us;
}

/* ---- pauses ---- */

static void pauses_double_up_to_the_cap(void **state)
{
    (void)state;
    static const uint64_t pauses[] = {SECOND, 2 * SECOND, 4 * SECOND, 5 * SECOND, 5 * SECOND};
    struct driver d;
    uint64_t link = driver_begin(&d, 1);
    driver_policy(&d, &(struct gw_policy){.retry_base_us = SECOND, .retry_cap_us = 5 * SECOND});
    for (size_t i = 0; i < 40; i++) { /* as often as it likes: max_attempts is 0 */
        remote_return(&d, 1, link, GW_RETURN_NACK, 1, 1, driver_number(&d, 1), UINT32_MAX);
        assert_int_equal(due_in(&d, 1), pauses[i < 5 ? i : 4]);
        for (int s = 0; s < 5; s++) {
            driver_tick(&d, SECOND);
            remote_ping(&d, 1, link, 0);
        }
        driver_next_data(&d, 0);
        assert_string_equal(driver_holder(&d, 1), "b");
    }
    driver_close(&d);
}

static void pauses_spread_by_the_jitter(void **state)
{
    (void)state;
    struct driver d;
    struct gw_core_options options;
    uint64_t shortest = UINT64_MAX, longest = 0;
    driver_options(&options, "a");
    options.no_jitter = false;
    driver_open_with(&d, &options);
    driver_policy(&d, &(struct gw_policy){
                          .retry_base_us = SECOND, .retry_cap_us = SECOND, .retry_jitter = 50});
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 60, 10);
    driver_commit(&d);
    for (uint64_t s = 1; s <= 60; s++) {
        remote_return(&d, 1, link, GW_RETURN_NACK, s, s, driver_number(&d, 60), UINT32_MAX);
        shortest = due_in(&d, s) < shortest ? due_in(&d, s) : shortest;
        longest = due_in(&d, s) > longest ? due_in(&d, s) : longest;
    }
    assert_in_range(shortest, SECOND / 2, SECOND * 7 / 10);
    assert_in_range(longest, SECOND * 13 / 10, SECOND * 3 / 2);
    driver_policy(&d, &(struct gw_policy){.retry_base_us = 0, .retry_jitter = 50});
    driver_close(&d);
}

/* ---- alone ---- */

/* Each for itself: no member has more than one of them. */
static void two_messages_to_be_alone_take_two_members(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 2);
    crash(&d, 1, link, 1);
    crash(&d, 1, link, 2);
    driver_member(&d, 2, "c", 100);
    driver_next_data(&d, SECOND);
    driver_commit(&d);
    assert_string_not_equal(driver_holder(&d, 1), "");
    assert_string_not_equal(driver_holder(&d, 2), "");
    assert_string_not_equal(driver_holder(&d, 1), driver_holder(&d, 2));
    driver_send(&d, EPOCH, 3, 1, 10); /* both are alone with theirs */
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 3), "");
    driver_close(&d);
}

/* The one with less to do is kept free; what another stream waits for stays its own. */
static void the_member_with_the_least_to_do_is_kept_free(void **state)
{
    (void)state;
    struct driver d;
    uint64_t b = driver_begin(&d, 1), c = driver_member(&d, 2, "c", 100);
    driver_send(&d, EPOCH + 1, 1, 4, 10); /* two streams of one destination */
    driver_send(&d, EPOCH + 1, 5, 1, 10);
    driver_commit(&d);
    crash(&d, 1, b, 1);
    driver_tick(&d, SECOND / 2);
    driver_commit(&d);
    const struct gw_remote *remotes[] = {gw_remote_find(d.core, "b"), gw_remote_find(d.core, "c")};
    uint64_t busy[] = {remotes[0]->members->outstanding, remotes[1]->members->outstanding};
    assert_true(busy[0] && busy[1]);
    size_t least = busy[0] <= busy[1] ? 0 : 1;
    assert_non_null(remotes[least]->members->reserved);
    assert_null(remotes[1 - least]->members->reserved);
    remote_ack(&d, 1, b, EPOCH + 1, 1, 5);
    remote_ack(&d, 2, c, EPOCH + 1, 1, 5);
    driver_next_data(&d, 10000);
    driver_commit(&d);
    assert_string_not_equal(driver_holder(&d, 1), "");
    driver_close(&d);
}

static void who_cannot_take_it_is_not_kept_free_for_it(void **state)
{
    (void)state;
    struct driver d;
    uint64_t b = driver_begin(&d, 1);
    crash(&d, 1, b, 1);
    remote_refuse(&d, 1, b, GW_REFUSE_EPOCH, EPOCH); /* b takes none of it on this link */
    driver_next_data(&d, SECOND);
    assert_null(gw_remote_find(d.core, "b")->members->reserved);
    driver_send(&d, EPOCH + 1, 1, 1, 10);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 1); /* and can do other work */
    driver_close(&d);
}

/* A member that is idle and gives too little credit is kept free until it gives more. */
static void credit_counts_for_what_is_alone_too(void **state)
{
    (void)state;
    for (int bytes = 0; bytes < 2; bytes++) {
        struct driver d;
        driver_open(&d, "a");
        uint64_t b = driver_link(&d, 1, "b");
        remote_serve(&d, 1, b, bytes ? 100 : 1, bytes ? 10 : 1000);
        remote_complete(&d, 1, b);
        driver_send(&d, EPOCH, 1, 1, 10);
        driver_commit(&d);
        crash(&d, 1, b, 1);
        assert_int_equal(driver_next_data(&d, SECOND), 0);
        assert_non_null(gw_remote_find(d.core, "b")->members->reserved);
        remote_credit(&d, 1, b, 100, 1000);
        driver_commit(&d);
        assert_int_equal(driver_data(&d, 0).first, 1);
        driver_close(&d);
    }
}

/* ---- in order ---- */

/* Its leader is busy with older messages: nothing passes it, and no other member takes it. */
static void what_is_alone_in_an_ordered_stream_waits_for_its_leader(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_policy(&d, &(struct gw_policy){.ordered = true, .retry_base_us = 1, .retry_cap_us = 1});
    uint64_t b = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_commit(&d);
    driver_member(&d, 2, "c", 100);
    uint64_t number = driver_number(&d, 2);
    remote_return(&d, 1, b, GW_RETURN_CRASHED, 2, 2, number, 0);
    remote_return(&d, 1, b, GW_RETURN_RELEASE, 3, 3, number, 0);
    driver_tick(&d, 1000);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 2), ""); /* 1 is still with b */
    assert_string_equal(driver_holder(&d, 3), "");
    remote_ack(&d, 1, b, EPOCH, 1, 1);
    driver_next_data(&d, 10000);
    assert_string_not_equal(driver_holder(&d, 2), "");
    assert_string_equal(driver_holder(&d, 3), "");
    driver_close(&d);
}

/* What a newer open sends begins when the older messages are settled. */
static void the_epochs_of_an_ordered_destination_follow_each_other(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_policy(&d, &(struct gw_policy){.ordered = true});
    driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 2, 10);
    driver_commit(&d);
    driver_restart(&d);
    driver_policy(&d, &(struct gw_policy){.ordered = true});
    driver_send(&d, EPOCH + 1, 1, 2, 10);
    uint64_t b = driver_member(&d, 1, "b", 100);
    driver_loaded(&d, EPOCH, 1, 2);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 1);
    remote_ack(&d, 1, b, EPOCH, 1, 2);
    driver_store(&d);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 1);
    assert_int_equal(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.batch->epoch, EPOCH + 1);
    driver_close(&d);
}

/* ---- at W ---- */

static void a_stall_behind_what_is_with_nobody_names_nobody(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, DRIVER_WINDOW);
    remote_return(&d, 1, link, GW_RETURN_NACK, 1, 1, driver_number(&d, 1), 60000);
    driver_send(&d, EPOCH, DRIVER_WINDOW + 1, 1, 10);
    assert_true(driver_noted(&d, GW_NOTE_STALLED, EPOCH));
    for (size_t n = 0; n < d.effects.count; n++)
        if (d.effects.items[n].type == GW_EFFECT_NOTE)
            assert_string_equal(d.effects.items[n].u.note.peer, "");
    driver_close(&d);
}

/* ---- words that are late or not true ---- */

static void a_number_that_is_not_durable_yet_can_be_guessed_in_vain(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    uint64_t number = driver_number(&d, 1) + 1;
    driver_send(&d, EPOCH, 4, 3, 10);
    driver_seal(&d);
    remote_return(&d, 1, link, GW_RETURN_NACK, 4, 6, number, 0);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 5, 1);
    assert_int_equal(driver_where(&d, 4).place, GW_PLACE_ASSIGNED);
    driver_committed(&d);
    assert_range(driver_data(&d, 0), 4, 6);
    assert_int_equal(driver_number(&d, 4), number);
    assert_int_equal(driver_counter(&d, GW_COUNTER_nacked), 0);
    driver_close(&d);
}

static void anothers_number_frees_nothing(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 3);
    uint64_t c = driver_member(&d, 2, "c", 100);
    driver_send(&d, EPOCH, 4, 1, 10);
    driver_commit(&d); /* c has 4 */
    assert_string_equal(driver_holder(&d, 4), "c");
    remote_return(&d, 2, c, GW_RETURN_NACK, 1, 4, driver_number(&d, 1), 0);
    assert_string_equal(driver_where(&d, 1).peer, "b");
    assert_string_equal(driver_where(&d, 4).peer, "c");
    driver_close(&d);
}

/* Rejected, and given back: the rejection came first. */
static void what_was_rejected_and_is_wanted_and_comes_back_is_buried(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 6);
    driver_withdraw(&d, 2);
    driver_withdraw(&d, 5);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 2, 7);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 2, 8); /* said once more */
    remote_return(&d, 1, link, GW_RETURN_NACK, 3, 3, driver_number(&d, 1), 60000);
    remote_return(&d, 1, link, GW_RETURN_RELEASE, 1, 6, driver_number(&d, 1), 0);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_DEAD);
    assert_int_equal(driver_row(&d, GW_ROW_DEAD, 0)->code, 7);
    assert_int_equal(driver_outcome(&d, 5), GW_OUTCOME_WITHDRAWN);
    assert_int_equal(driver_outcome(&d, 1), 0);
    driver_close(&d);
}

/* b lost 1 to 3 without its word, and tells late what became of them. */
static void a_late_return_charges_what_is_open_and_no_more(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    uint64_t number = driver_number(&d, 1);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    uint64_t c = driver_member(&d, 2, "c", 100);
    driver_commit(&d);
    remote_ack(&d, 2, c, EPOCH, 2, 2);
    link = driver_come_back(&d, 3);
    remote_return(&d, 3, link, GW_RETURN_NACK, 1, 3, number, 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_nacked), 2);
    assert_int_equal(driver_where(&d, 1).attempts, 2);
    assert_string_equal(driver_where(&d, 1).peer, "c"); /* it frees nothing */
    driver_store(&d);
    driver_restart(&d); /* c holds 1 in a run with others, though it has a story */
    assert_int_equal(driver_where(&d, 1).attempts, 2);
    assert_string_equal(driver_where(&d, 1).peer, "c");
    driver_close(&d);
}

/* ---- burial ---- */

static void what_is_rejected_when_its_bytes_are_gone_is_read_and_buried(void **state)
{
    (void)state;
    struct driver d;
    struct gw_core_options options;
    driver_options(&options, "a");
    options.cache_bytes = 1;
    driver_open_with(&d, &options);
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 3, 10);
    driver_commit(&d);
    driver_tick(&d, 1);
    remote_except(&d, 1, link, GW_EXCEPTION_REJECTED, 2, 7);
    remote_return(&d, 1, link, GW_RETURN_NACK, 1, 1, driver_number(&d, 1), 60000);
    driver_seal(&d);
    assert_int_equal(driver_effect(&d, GW_EFFECT_LOAD, 0)->u.load.from, 2);
    driver_committed(&d);
    driver_loaded(&d, EPOCH, 1, 3);
    driver_tick(&d, 1); /* its bytes stay until it is buried */
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 2), GW_OUTCOME_DEAD);
    driver_tick(&d, 1);
    driver_close(&d);
}

static void what_failed_too_often_and_can_go_to_nobody_is_buried_once(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    driver_policy(&d, &(struct gw_policy){.max_attempts = 1});
    uint64_t number = driver_number(&d, 1);
    remote_return(&d, 1, link, GW_RETURN_NACK, 1, 1, number, 0);
    remote_return(&d, 1, link, GW_RETURN_NACK, 3, 3, number, 0);
    driver_tick(&d, 1000);
    driver_tick(&d, 1000); /* looked at again before it is buried */
    driver_send(&d, EPOCH, 4, 1, 10);
    driver_store(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_dead_letters), 2);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 2);
    assert_int_equal(driver_rows(&d, GW_ROW_STORY), 0);
    driver_close(&d);
}

static void what_became_of_a_story_is_known_until_it_is_durable(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 2);
    remote_return(&d, 1, link, GW_RETURN_NACK, 1, 1, driver_number(&d, 1), 0);
    driver_next_data(&d, 1000);
    remote_ack(&d, 1, link, EPOCH, 1, 1);
    driver_tick(&d, 10000);
    driver_seal(&d);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_SETTLED);
    remote_return(&d, 1, link, GW_RETURN_NACK, 1, 2, driver_number(&d, 2), 0);
    driver_committed(&d);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_SETTLED);
    assert_int_equal(driver_where(&d, 2).attempts, 2);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_double_up_to_the_cap),
        cmocka_unit_test(pauses_spread_by_the_jitter),
        cmocka_unit_test(two_messages_to_be_alone_take_two_members),
        cmocka_unit_test(the_member_with_the_least_to_do_is_kept_free),
        cmocka_unit_test(who_cannot_take_it_is_not_kept_free_for_it),
        cmocka_unit_test(credit_counts_for_what_is_alone_too),
        cmocka_unit_test(what_is_alone_in_an_ordered_stream_waits_for_its_leader),
        cmocka_unit_test(the_epochs_of_an_ordered_destination_follow_each_other),
        cmocka_unit_test(a_stall_behind_what_is_with_nobody_names_nobody),
        cmocka_unit_test(a_number_that_is_not_durable_yet_can_be_guessed_in_vain),
        cmocka_unit_test(anothers_number_frees_nothing),
        cmocka_unit_test(what_was_rejected_and_is_wanted_and_comes_back_is_buried),
        cmocka_unit_test(a_late_return_charges_what_is_open_and_no_more),
        cmocka_unit_test(what_is_rejected_when_its_bytes_are_gone_is_read_and_buried),
        cmocka_unit_test(what_failed_too_often_and_can_go_to_nobody_is_buried_once),
        cmocka_unit_test(what_became_of_a_story_is_known_until_it_is_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
