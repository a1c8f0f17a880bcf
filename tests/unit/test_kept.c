/* SPDX-License-Identifier: MPL-2.0 */
/* A member whose messages were forfeited may come back with them in its hand. It says so when its
 * link starts, and it is not idle before it has decided them or given them back: what is to be
 * alone is not begun beside them, nor is anything beside one of them that is to be alone. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct gw_member *member(const struct driver *d, const char *name)
{
    return gw_remote_find(d->core, name)->members;
}

/* b's link is gone, and what it holds is forfeited. */
static void lose_b(struct driver *d, uint64_t conn, uint64_t link)
{
    remote_say(d, conn, GW_FRAME_RESET, link);
    driver_forfeit(d, "b");
}

/* b has another link, on which it tells that it has [first, last] in hand. */
static uint64_t back_with(struct driver *d, uint64_t conn, uint64_t first, uint64_t last)
{
    uint64_t link = driver_come_back(d, conn);
    remote_in_hand(d, conn, link, EPOCH, first, last);
    remote_complete(d, conn, link);
    return link;
}

/* 1 crashed at b, and waits for `pause_us`; 2 and up were forfeited there. Their number. */
static uint64_t crash_and_lose(struct driver *d, uint32_t count, uint64_t pause_us)
{
    uint64_t link = driver_begin(d, count), number = driver_number(d, 1);
    driver_policy(d, &(struct gw_policy){.retry_base_us = pause_us, .retry_cap_us = pause_us});
    remote_return(d, 1, link, GW_RETURN_CRASHED, 1, 1, number, 0);
    lose_b(d, 1, link);
    return number;
}

static void what_is_alone_waits_until_a_member_has_nothing_else_in_hand(void **state)
{
    (void)state;
    struct driver d;
    uint64_t number = crash_and_lose(&d, 3, 1);
    driver_tick(&d, 10);
    uint64_t link = back_with(&d, 2, 2, 3);
    assert_int_equal(gw_offers_kept(member(&d, "b")), 2);
    assert_int_equal(driver_next_data(&d, 0), 0);
    remote_return(&d, 2, link, GW_RETURN_RELEASE, 2, 2, number, 0);
    assert_int_equal(gw_offers_kept(member(&d, "b")), 1);
    assert_int_equal(driver_next_data(&d, 0), 0);
    assert_non_null(member(&d, "b")->reserved); /* nor does it get what it gave back */
    remote_ack(&d, 2, link, EPOCH, 3, 3);
    driver_next_data(&d, 0);
    assert_range(driver_data(&d, 0), 1, 1);
    assert_ptr_equal(member(&d, "b")->alone->member, member(&d, "b"));
    driver_close(&d);
}

/* The last thing that it gives back makes it free, at once. */
static void who_gives_back_the_last_of_it_is_free(void **state)
{
    (void)state;
    struct driver d;
    uint64_t number = crash_and_lose(&d, 3, 1);
    driver_tick(&d, 10);
    uint64_t link = back_with(&d, 2, 2, 3);
    remote_return(&d, 2, link, GW_RETURN_RELEASE, 2, 3, number, 0);
    driver_next_data(&d, 0);
    assert_range(driver_data(&d, 0), 1, 1);
    driver_close(&d);
}

/* Of what was forfeited it has that in hand which it names, and on this link. */
static void only_what_a_member_tells_on_this_link_is_waited_for(void **state)
{
    (void)state;
    struct driver d;
    crash_and_lose(&d, 5, 1);
    driver_tick(&d, 10);
    uint64_t link = back_with(&d, 2, 3, 4);
    assert_int_equal(gw_offers_kept(member(&d, "b")), 2); /* not 2 nor 5 */
    remote_say(&d, 2, GW_FRAME_RESET, link);
    driver_member(&d, 3, "b", 100); /* its process has ended, say: it has nothing in hand */
    assert_int_equal(gw_offers_kept(member(&d, "b")), 0);
    assert_int_equal(driver_next_data(&d, 0), 1);
    driver_close(&d);
}

/* Nobody is told how b ends what c has decided meanwhile: it counts no more. */
static void what_others_have_decided_is_not_waited_for(void **state)
{
    (void)state;
    struct driver d;
    crash_and_lose(&d, 3, 10 * SECOND);
    uint64_t c = driver_member(&d, 2, "c", 100);
    driver_commit(&d);
    remote_ack(&d, 2, c, EPOCH, 2, 3);
    remote_say(&d, 2, GW_FRAME_RESET, c);
    uint64_t link = back_with(&d, 3, 2, 3);
    assert_int_equal(gw_offers_kept(member(&d, "b")), 0);
    for (int i = 0; i < 10; i++) {
        driver_tick(&d, SECOND);
        remote_ping(&d, 3, link, 0);
    }
    assert_int_equal(driver_next_data(&d, 0), 1);
    assert_string_equal(driver_holder(&d, 1), "b");
    driver_close(&d);
}

/* What it was offered again is its own, and is counted once. */
static void what_it_was_offered_again_is_counted_once(void **state)
{
    (void)state;
    struct driver d;
    crash_and_lose(&d, 3, 10 * SECOND);
    uint64_t link = driver_member(&d, 2, "b", 100);
    driver_commit(&d);
    assert_int_equal(member(&d, "b")->outstanding, 2);
    remote_say(&d, 2, GW_FRAME_RESET, link);
    back_with(&d, 3, 2, 3);
    assert_int_equal(member(&d, "b")->outstanding, 2);
    assert_int_equal(gw_offers_kept(member(&d, "b")), 0);
    driver_close(&d);
}

/* c has nothing of its own to do; b came back with a message in hand, and is the fuller one. */
static void what_it_keeps_counts_where_the_least_loaded_is_kept_free(void **state)
{
    (void)state;
    struct driver d;
    crash_and_lose(&d, 2, SECOND);
    driver_tick(&d, SECOND);
    uint64_t c = driver_link(&d, 2, "c");
    remote_serve(&d, 2, c, 100, 1); /* too little for any message */
    back_with(&d, 3, 2, 2);
    remote_complete(&d, 2, c);
    assert_non_null(member(&d, "c")->reserved);
    assert_null(member(&d, "b")->reserved);
    driver_close(&d);
}

/* 1 is with c now, alone; b still has it in hand, and may die of it: nothing is begun beside it. */
static void beside_a_suspect_that_a_member_keeps_nothing_is_begun(void **state)
{
    (void)state;
    struct driver d;
    uint64_t b = driver_begin(&d, 1);
    driver_policy(&d, &(struct gw_policy){.retry_base_us = 1, .retry_cap_us = 1});
    remote_return(&d, 1, b, GW_RETURN_CRASHED, 1, 1, driver_number(&d, 1), 0);
    assert_int_equal(driver_next_data(&d, 10), 1);
    uint64_t number = driver_number(&d, 1);
    lose_b(&d, 1, b);
    driver_member(&d, 2, "c", 100);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 1), "c");
    b = back_with(&d, 3, 1, 1);
    driver_send(&d, EPOCH, 2, 1, REMOTE_MESSAGE);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 2), "");
    remote_return(&d, 3, b, GW_RETURN_RELEASE, 1, 1, number, 0);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 2), "b");
    driver_close(&d);
}

/* A nack killed nobody: other messages are begun beside it. */
static void beside_what_merely_failed_others_are_begun(void **state)
{
    (void)state;
    struct driver d;
    uint64_t b = driver_begin(&d, 2);
    driver_policy(&d, &(struct gw_policy){.retry_base_us = 1, .retry_cap_us = 1});
    remote_return(&d, 1, b, GW_RETURN_NACK, 1, 1, driver_number(&d, 1), 0);
    assert_int_equal(driver_next_data(&d, 10), 1);
    lose_b(&d, 1, b);
    driver_member(&d, 2, "c", 2);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 1), "c");
    assert_string_equal(driver_holder(&d, 2), "c");
    back_with(&d, 3, 1, 2);
    driver_send(&d, EPOCH, 3, 1, REMOTE_MESSAGE);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 3), "b");
    driver_close(&d);
}

/* ---- what it died of ---- */

/* b has decided nothing of the epoch, so that it knows of a crash alone: the epoch is named to it,
 * and what it tells then counts, once. Else the message could kill b and c in turn without end. */
static void what_was_forfeited_is_charged_to_a_crash_that_is_told_later(void **state)
{
    (void)state;
    struct driver d;
    uint64_t b = driver_begin(&d, 1), number = driver_number(&d, 1);
    lose_b(&d, 1, b);
    driver_member(&d, 2, "c", 100);
    driver_commit(&d);
    b = driver_come_back(&d, 3);
    remote_complete(&d, 3, b);
    const struct gw_frame *open = driver_sent_on(&d, 3, GW_FRAME_OPEN);
    assert_non_null(open);
    assert_int_equal(open->u.open.epoch, EPOCH);
    remote_return(&d, 3, b, GW_RETURN_CRASHED, 1, 1, number, 0);
    assert_int_equal(driver_where(&d, 1).attempts, 2);
    remote_return(&d, 3, b, GW_RETURN_CRASHED, 1, 1, number, 0);
    assert_int_equal(driver_where(&d, 1).attempts, 2);
    driver_close(&d);
}

/* Of an epoch of which it lost nothing there is nothing to tell. */
static void an_epoch_is_named_only_to_who_lost_something_of_it(void **state)
{
    (void)state;
    struct driver d;
    uint64_t b = driver_begin(&d, 1);
    remote_ack(&d, 1, b, EPOCH, 1, 1);
    driver_store(&d);
    remote_say(&d, 1, GW_FRAME_RESET, b);
    b = driver_come_back(&d, 2);
    remote_complete(&d, 2, b);
    assert_null(driver_sent_on(&d, 2, GW_FRAME_OPEN));
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_alone_waits_until_a_member_has_nothing_else_in_hand),
        cmocka_unit_test(who_gives_back_the_last_of_it_is_free),
        cmocka_unit_test(only_what_a_member_tells_on_this_link_is_waited_for),
        cmocka_unit_test(what_others_have_decided_is_not_waited_for),
        cmocka_unit_test(what_it_was_offered_again_is_counted_once),
        cmocka_unit_test(what_it_keeps_counts_where_the_least_loaded_is_kept_free),
        cmocka_unit_test(beside_a_suspect_that_a_member_keeps_nothing_is_begun),
        cmocka_unit_test(beside_what_merely_failed_others_are_begun),
        cmocka_unit_test(what_was_forfeited_is_charged_to_a_crash_that_is_told_later),
        cmocka_unit_test(an_epoch_is_named_only_to_who_lost_something_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
