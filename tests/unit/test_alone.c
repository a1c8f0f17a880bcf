/* SPDX-License-Identifier: MPL-2.0 */
/* Who may take what came back: messages that are offered alone, the pauses before an attempt,
 * order, and what a new link changes. */

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
    driver_send(&d, EPOCH, 61, 1, 10);
    driver_commit(&d);
    remote_return(&d, 1, link, GW_RETURN_NACK, 61, 61, driver_number(&d, 61), UINT32_MAX);
    assert_int_equal(driver_where(&d, 61).place, GW_PLACE_ASSIGNED); /* without a pause, at once */
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

/* Whoever was there first. */
static void the_less_loaded_of_two_is_kept_free_whatever_their_order(void **state)
{
    (void)state;
    for (uint64_t busier = 0; busier < 2; busier++) {
        struct driver d;
        driver_open(&d, "a");
        uint64_t b = driver_member(&d, 1, "b", busier ? 4 : 2);
        driver_send(&d, EPOCH, 1, 1, 10);
        driver_commit(&d);
        crash(&d, 1, b, 1);
        driver_member(&d, 2, "c", busier ? 1 : 4);
        driver_send(&d, EPOCH + 1, 1, 9, 10);
        driver_commit(&d);
        driver_tick(&d, SECOND / 2);
        const struct gw_member *of_b = gw_remote_find(d.core, "b")->members;
        const struct gw_member *of_c = gw_remote_find(d.core, "c")->members;
        assert_int_equal(of_b->outstanding < of_c->outstanding, of_b->reserved != NULL);
        assert_int_equal(of_c->outstanding < of_b->outstanding, of_c->reserved != NULL);
        driver_close(&d);
    }
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
    driver_begin_ordered(&d, 2);
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

/* The pile holds runs of another destination, too. */
static void what_is_assigned_elsewhere_holds_up_no_ordered_stream(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_policy(&d, &(struct gw_policy){.ordered = true});
    uint64_t link = driver_link(&d, 1, "b");
    struct gw_serve items[] = {{{GW_KIND_STAGE, "other"}, 1, 100, 1 << 20},
                               {{GW_KIND_STAGE, "work"}, 1, 100, 1 << 20}};
    struct gw_frame serve = {.type = GW_FRAME_SERVE, .link = link};
    serve.u.serve.items = items;
    serve.u.serve.count = 2;
    driver_frame(&d, 1, &serve);
    remote_complete(&d, 1, link);
    driver_send_to(&d, "other", EPOCH + 1, 1, 1, 10);
    driver_send(&d, EPOCH, 1, 1, 10);
    driver_send(&d, EPOCH, 2, 1, 10);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 3);
    driver_send_to(&d, "other", EPOCH + 1, 2, 1, 10);
    driver_seal(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link); /* what is in flight was paid for on that link */
    serve.link = link = driver_link(&d, 2, "b");
    driver_frame(&d, 2, &serve);
    remote_complete(&d, 2, link);
    driver_send(&d, EPOCH, 3, 1, 10);
    assert_string_equal(driver_where(&d, 3).peer, "b");
    driver_close(&d);
}

/* Of those before it some are decided and not written, some are decided and written. */
static void what_is_durable_passes_what_is_decided(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_ordered(&d, 1);
    driver_send(&d, EPOCH, 2, 1, 10);
    driver_seal(&d);
    remote_ack(&d, 1, link, EPOCH, 1, 1);
    driver_committed(&d);
    assert_range(driver_data(&d, 0), 2, 2);
    driver_close(&d);
}

/* A crash in an ordered stream found in the store: it is alone when the older ones are decided. */
static void what_is_alone_waits_behind_what_is_older_after_a_restart(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_policy(&d, &(struct gw_policy){.ordered = true, .retry_base_us = 1, .retry_cap_us = 1});
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 2, 10);
    driver_commit(&d);
    uint64_t number = driver_number(&d, 1);
    remote_return(&d, 1, link, GW_RETURN_NACK, 2, 2, number, 0);
    assert_int_equal(driver_next_data(&d, 1000), 2);
    driver_restart(&d);
    driver_policy(&d, &(struct gw_policy){.ordered = true});
    link = driver_come_back(&d, 1);
    remote_ack(&d, 1, link, EPOCH, 1, 1); /* decided, which is not written yet */
    remote_complete(&d, 1, link);
    assert_non_null(gw_remote_find(d.core, "b")->members->alone);
    driver_loaded(&d, EPOCH, 1, 2);
    assert_int_equal(driver_data(&d, 0).first, 2);
    driver_close(&d);
}

/* ---- on a new link ---- */

/* 2 came back: what is above it comes with it, what is below stays. c, new, has none of it. */
static void on_a_new_link_only_what_is_above_comes_back_in_order(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_policy(&d, &(struct gw_policy){.ordered = true, .retry_base_us = 1, .retry_cap_us = 1});
    uint64_t b = driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 1, 10);
    driver_commit(&d);
    driver_send(&d, EPOCH, 2, 3, 10);
    driver_commit(&d);
    uint64_t number = driver_number(&d, 2);
    remote_say(&d, 1, GW_FRAME_RESET, b);
    b = driver_come_back(&d, 2);
    remote_return(&d, 2, b, GW_RETURN_NACK, 2, 2, number, 60000);
    uint64_t c = driver_link(&d, 3, "c");
    remote_serve_all(&d, 3, c, 100);
    remote_complete(&d, 2, b);
    assert_string_equal(driver_where(&d, 1).peer, "b");
    for (uint64_t s = 2; s <= 4; s++)
        assert_int_equal(driver_where(&d, s).place, GW_PLACE_QUEUED);
    driver_close(&d);
}

/* What crashed its handler stays under its number only where order does not forbid it, and with
 * whom serves still. */
static void what_is_alone_comes_back_of_one_that_serves_no_more(void **state)
{
    (void)state;
    for (int ordered = 0; ordered < 2; ordered++) {
        struct driver d;
        driver_open(&d, "a");
        driver_policy(&d, &(struct gw_policy){
                              .ordered = ordered, .retry_base_us = 1, .retry_cap_us = 1});
        uint64_t b = driver_member(&d, 1, "b", 100);
        driver_send(&d, EPOCH, 1, 1, 10);
        driver_commit(&d);
        crash(&d, 1, b, 1);
        assert_int_equal(driver_next_data(&d, 1000), 1);
        assert_non_null(gw_remote_find(d.core, "b")->members->alone);
        remote_say(&d, 1, GW_FRAME_RESET, b);
        b = driver_link(&d, 2, "b");
        remote_complete(&d, 2, b);
        assert_int_equal(driver_where(&d, 1).place, GW_PLACE_QUEUED);
        driver_close(&d);
    }
}

/* b died of the first message that it had of an epoch, and stored nothing of it: it tells that when
 * the epoch is named, and of the offer that it died of. 2, which is to be alone, waits for that. */
static void what_a_member_may_have_died_of_keeps_its_number_until_it_tells(void **state)
{
    (void)state;
    struct driver d;
    uint64_t b = driver_begin(&d, 2);
    crash(&d, 1, b, 2);
    driver_store(&d);
    uint64_t number = driver_number(&d, 1);
    remote_say(&d, 1, GW_FRAME_RESET, b);
    b = driver_member(&d, 2, "b", 100); /* knows nothing of the epoch yet */
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_ASSIGNED);
    driver_store(&d);
    assert_int_equal(driver_number(&d, 1), number);
    remote_return(&d, 2, b, GW_RETURN_CRASHED, 1, 1, number, 0);
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_QUEUED);
    assert_int_equal(driver_where(&d, 1).attempts, 2);
    driver_close(&d);
}

/* What is decided and not written is in nobody's way. */
static void what_is_decided_holds_nothing_back_on_a_new_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t b = driver_begin_ordered(&d, 1);
    driver_send(&d, EPOCH, 2, 1, 10);
    driver_commit(&d);
    remote_ack(&d, 1, b, EPOCH, 1, 1);
    remote_say(&d, 1, GW_FRAME_RESET, b);
    b = driver_come_back(&d, 2);
    remote_complete(&d, 2, b);
    assert_range(driver_data(&d, 0), 2, 2);
    driver_close(&d);
}

/* One that crashed is decided, and that is in the write in flight when its member comes back. */
static void what_was_alone_and_is_decided_reserves_nobody(void **state)
{
    (void)state;
    struct driver d;
    uint64_t b = driver_begin(&d, 3);
    uint64_t number = driver_number(&d, 1);
    driver_policy(&d, &(struct gw_policy){.retry_base_us = 1, .retry_cap_us = 1});
    remote_return(&d, 1, b, GW_RETURN_CRASHED, 2, 2, number, 0);
    remote_ack(&d, 1, b, EPOCH, 1, 1);
    remote_ack(&d, 1, b, EPOCH, 3, 3);
    assert_int_equal(driver_next_data(&d, 10000), 2);
    remote_ack(&d, 1, b, EPOCH, 2, 2);
    remote_say(&d, 1, GW_FRAME_RESET, b); /* decided: not sealed, then sealed, then durable */
    b = driver_member(&d, 2, "b", 100);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    driver_tick(&d, 10000);
    driver_seal(&d);
    remote_say(&d, 2, GW_FRAME_RESET, b);
    b = driver_member(&d, 3, "b", 100);
    assert_null(gw_remote_find(d.core, "b")->members->alone);
    driver_committed(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_settled), 3);
    driver_close(&d);
}

/* Two that failed before a restart: one after the other, and none that is decided. */
static void of_two_that_failed_the_decided_one_keeps_nothing_waiting(void **state)
{
    (void)state;
    struct driver d;
    uint64_t b = driver_begin(&d, 3);
    uint64_t number = driver_number(&d, 1);
    driver_policy(&d, &(struct gw_policy){.retry_base_us = 1, .retry_cap_us = 1});
    remote_return(&d, 1, b, GW_RETURN_NACK, 1, 1, number, 0);
    remote_return(&d, 1, b, GW_RETURN_NACK, 2, 2, number, 0);
    driver_next_data(&d, 1000);
    driver_restart(&d);
    b = driver_member(&d, 1, "b", 100);
    driver_loaded(&d, EPOCH, 1, 3);
    assert_range(driver_data(&d, 0), 1, 1);
    remote_ack(&d, 1, b, EPOCH, 1, 2);
    driver_tick(&d, 10000);
    driver_seal(&d);
    assert_null(gw_remote_find(d.core, "b")->members->alone);
    assert_range(driver_data(&d, 0), 3, 3);
    driver_close(&d);
}

/* c got it in a run with others before it was known that it had failed at b. */
static void what_failed_elsewhere_and_is_among_others_is_not_alone(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    uint64_t number = driver_number(&d, 1);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    uint64_t c = driver_member(&d, 2, "c", 100);
    driver_commit(&d);
    link = driver_come_back(&d, 3);
    remote_return(&d, 3, link, GW_RETURN_CRASHED, 2, 2, number, 0);
    assert_int_equal(driver_where(&d, 2).attempts, 2);
    remote_say(&d, 2, GW_FRAME_RESET, c);
    driver_member(&d, 4, "c", 100);
    assert_null(gw_remote_find(d.core, "c")->members->alone);
    assert_range(driver_data(&d, 0), 1, 3);
    driver_close(&d);
}

/* b serves no more: what it rejected stays with it until it is buried, also beside a failure. */
static void what_was_rejected_stays_beside_what_failed(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 5);
    uint64_t number = driver_number(&d, 1);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    driver_member(&d, 2, "c", 0);
    link = driver_member(&d, 3, "b", 100); /* gets them again, under another number */
    driver_commit(&d);
    remote_return(&d, 3, link, GW_RETURN_NACK, 2, 2, number, 0); /* of the first time */
    remote_return(&d, 3, link, GW_RETURN_NACK, 5, 5, number, 0);
    remote_except(&d, 3, link, GW_EXCEPTION_REJECTED, 4, 1);
    remote_say(&d, 3, GW_FRAME_RESET, link);
    link = driver_link(&d, 4, "b"); /* and serves nothing now */
    remote_complete(&d, 4, link);
    assert_string_equal(driver_where(&d, 4).peer, "b");
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_QUEUED);
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_QUEUED);
    assert_int_equal(driver_where(&d, 5).place, GW_PLACE_QUEUED);
    driver_store(&d);
    assert_int_equal(driver_outcome(&d, 4), GW_OUTCOME_DEAD);
    driver_close(&d);
}

/* What was heard of them says nothing of the new offer. */
static void what_a_member_had_begun_and_gets_again_has_not_begun(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 2);
    struct gw_range begun = {1, 2};
    struct gw_ack_epoch entry = {
        .epoch = EPOCH, .floor = 1, .handed = &begun, .handed_count = 1};
    struct gw_frame ack = {.type = GW_FRAME_ACK, .link = link};
    ack.u.ack.epochs = &entry;
    ack.u.ack.epoch_count = 1;
    driver_frame(&d, 1, &ack);
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_IN_HAND);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_forfeit(&d, "b");
    driver_member(&d, 2, "b", 100);
    driver_commit(&d);
    assert_int_equal(driver_where(&d, 2).place, GW_PLACE_ASSIGNED);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_double_up_to_the_cap),
        cmocka_unit_test(pauses_spread_by_the_jitter),
        cmocka_unit_test(two_messages_to_be_alone_take_two_members),
        cmocka_unit_test(the_member_with_the_least_to_do_is_kept_free),
        cmocka_unit_test(the_less_loaded_of_two_is_kept_free_whatever_their_order),
        cmocka_unit_test(who_cannot_take_it_is_not_kept_free_for_it),
        cmocka_unit_test(credit_counts_for_what_is_alone_too),
        cmocka_unit_test(what_is_alone_in_an_ordered_stream_waits_for_its_leader),
        cmocka_unit_test(the_epochs_of_an_ordered_destination_follow_each_other),
        cmocka_unit_test(what_is_assigned_elsewhere_holds_up_no_ordered_stream),
        cmocka_unit_test(what_is_durable_passes_what_is_decided),
        cmocka_unit_test(what_is_alone_waits_behind_what_is_older_after_a_restart),
        cmocka_unit_test(on_a_new_link_only_what_is_above_comes_back_in_order),
        cmocka_unit_test(what_is_alone_comes_back_of_one_that_serves_no_more),
        cmocka_unit_test(what_a_member_may_have_died_of_keeps_its_number_until_it_tells),
        cmocka_unit_test(what_is_decided_holds_nothing_back_on_a_new_link),
        cmocka_unit_test(what_was_alone_and_is_decided_reserves_nobody),
        cmocka_unit_test(of_two_that_failed_the_decided_one_keeps_nothing_waiting),
        cmocka_unit_test(what_failed_elsewhere_and_is_among_others_is_not_alone),
        cmocka_unit_test(what_was_rejected_stays_beside_what_failed),
        cmocka_unit_test(what_a_member_had_begun_and_gets_again_has_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
