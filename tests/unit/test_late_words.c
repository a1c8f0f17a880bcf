/* SPDX-License-Identifier: MPL-2.0 */
/* Words of members that are late, repeated or not true; burials, and a stall. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

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

/* All of it counts, whatever of it is in one frame. */
static void one_ack_may_bring_many_returns_and_rejections(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 6);
    uint64_t number = driver_number(&d, 1);
    struct gw_return returns[] = {{1, 2, number, GW_RETURN_NACK, 60000, {NULL, 0}},
                                  {4, 4, number, GW_RETURN_NACK, 60000, {NULL, 0}}};
    struct gw_exception exceptions[] = {{3, GW_EXCEPTION_REJECTED, 1, {NULL, 0}},
                                        {5, GW_EXCEPTION_REJECTED, 2, {NULL, 0}}};
    struct gw_ack_epoch entry = {.epoch = EPOCH, .floor = 1};
    struct gw_frame ack = {.type = GW_FRAME_ACK, .link = link};
    entry.returns = returns;
    entry.return_count = 2;
    entry.exceptions = exceptions;
    entry.exception_count = 2;
    ack.u.ack.epochs = &entry;
    ack.u.ack.epoch_count = 1;
    driver_frame(&d, 1, &ack);
    driver_store(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_nacked), 3);
    assert_int_equal(driver_rows(&d, GW_ROW_DEAD), 2);
    assert_string_equal(driver_holder(&d, 6), "b");
    driver_close(&d);
}

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
    remote_return(&d, 2, c, GW_RETURN_NACK, 1, 4, driver_number(&d, 1), 60000);
    assert_string_equal(driver_where(&d, 1).peer, "b");
    assert_string_equal(driver_where(&d, 4).peer, "c");
    assert_int_equal(driver_counter(&d, GW_COUNTER_nacked), 0);
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
    driver_open_cache(&d, 1);
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

/* The assignment was stored, and a process of ours ended before it was sent: what b has in hand is
 * the offer before. When that comes back the newer one has to leave, on this link. */
static void an_older_offer_in_hand_does_not_keep_the_newer_one_from_leaving(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 1);
    uint64_t number = driver_number(&d, 1);
    remote_return(&d, 1, link, GW_RETURN_RELEASE, 1, 1, number, 0);
    driver_store(&d);
    assert_int_not_equal(driver_number(&d, 1), number);
    driver_restart(&d);
    link = driver_come_back(&d, 1);
    remote_in_hand(&d, 1, link, EPOCH, 1, 1);
    remote_complete(&d, 1, link);
    driver_loaded(&d, EPOCH, 1, 1);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    remote_return(&d, 1, link, GW_RETURN_RELEASE, 1, 1, number, 0);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 1, 1);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stall_behind_what_is_with_nobody_names_nobody),
        cmocka_unit_test(one_ack_may_bring_many_returns_and_rejections),
        cmocka_unit_test(a_number_that_is_not_durable_yet_can_be_guessed_in_vain),
        cmocka_unit_test(anothers_number_frees_nothing),
        cmocka_unit_test(what_was_rejected_and_is_wanted_and_comes_back_is_buried),
        cmocka_unit_test(a_late_return_charges_what_is_open_and_no_more),
        cmocka_unit_test(what_is_rejected_when_its_bytes_are_gone_is_read_and_buried),
        cmocka_unit_test(what_failed_too_often_and_can_go_to_nobody_is_buried_once),
        cmocka_unit_test(what_became_of_a_story_is_known_until_it_is_durable),
        cmocka_unit_test(an_older_offer_in_hand_does_not_keep_the_newer_one_from_leaving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
