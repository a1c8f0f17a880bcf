/* SPDX-License-Identifier: MPL-2.0 */
/* Who gets which message, and when its bytes leave. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Messages that the last step sent on a connection. */
static uint64_t sent_on(const struct driver *d, uint64_t conn)
{
    const struct gw_effect *data;
    uint64_t count = 0;
    for (size_t n = 0; (data = driver_effect(d, GW_EFFECT_SEND_DATA, n)); n++)
        count += data->u.data.conn == conn ? data->u.data.count : 0;
    return count;
}

static const char *holder(const struct driver *d, uint64_t first)
{
    for (size_t i = 0; i < driver_rows(d, GW_ROW_ASSIGNMENT); i++)
        if (driver_row(d, GW_ROW_ASSIGNMENT, i)->first == first)
            return driver_row(d, GW_ROW_ASSIGNMENT, i)->peer;
    return "";
}

/* A peer of another W, or of a memory store, on connection `conn`. */
static uint64_t special_member(struct driver *d, uint64_t conn, const char *name, uint64_t window,
                               bool memory, uint64_t process)
{
    struct gw_identity identity;
    remote_identity(&identity, name, process);
    identity.window = window;
    identity.memory = memory;
    uint64_t link = driver_link_as(d, conn, &identity);
    remote_serve_all(d, conn, link, 1000);
    return link;
}

/* ---- assignment ---- */

static void an_assignment_is_durable_before_its_data_leaves(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 10, 10);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    driver_seal(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    driver_tick(&d, 1000);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    assert_string_equal(holder(&d, 1), "");
    driver_committed(&d);
    assert_string_equal(holder(&d, 1), "b");
    assert_range(driver_data(&d, 0), 1, 10);
    assert_int_equal(driver_sent(&d, GW_FRAME_OPEN, 0)->u.open.epoch, EPOCH);
    assert_false(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.redelivered);
    driver_close(&d);
}

static void a_stored_batch_still_waits_for_its_assignment(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_commit(&d); /* stored, nobody there */
    driver_member(&d, 1, "b", 100);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    driver_seal(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    driver_committed(&d);
    assert_range(driver_data(&d, 0), 1, 10);
    driver_close(&d);
}

static void nothing_is_assigned_before_the_member_has_told_all(void **state)
{
    (void)state;
    struct driver d;
    driver_begin_without(&d, 10);
    uint64_t link = driver_link(&d, 1, "b");
    remote_serve(&d, 1, link, 100, 1 << 20);
    assert_int_equal(gw_core_commit_due_us(d.core), GW_NEVER);
    remote_complete(&d, 1, link);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 1, 10);
    driver_close(&d);
}

static void the_least_loaded_member_is_chosen(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 8, 10); /* all to b: it is alone */
    driver_commit(&d);
    driver_member(&d, 2, "c", 100);
    for (uint64_t i = 0; i < 8; i++)
        driver_send(&d, EPOCH, 9 + i, 1, 10);
    driver_commit(&d);
    assert_int_equal(sent_on(&d, 1), 0);
    assert_int_equal(sent_on(&d, 2), 8);
    driver_send(&d, EPOCH, 17, 1, 10);
    driver_send(&d, EPOCH, 18, 1, 10);
    driver_commit(&d); /* now they are alike: one each */
    assert_int_equal(sent_on(&d, 1), 1);
    assert_int_equal(sent_on(&d, 2), 1);
    driver_close(&d);
}

/* Work goes round among many, and nobody looks at all of them for each message: at the one that is
 * chosen, and once more at the one chosen before, whose load has changed. */
static void a_choice_among_many_looks_at_few(void **state)
{
    (void)state;
    enum { MEMBERS = 60 };
    struct driver d;
    char name[GW_NAME_MAX + 1];
    driver_open(&d, "a");
    for (uint64_t conn = 1; conn <= MEMBERS; conn++) {
        snprintf(name, sizeof name, "b%d", (int)conn);
        driver_member(&d, conn, name, 10);
    }
    driver_send(&d, EPOCH, 1, 1, 10);
    driver_from_here();
    uint64_t before = gw_core_looks(d.core);
    for (uint64_t sequence = 2; sequence <= MEMBERS; sequence++)
        driver_send(&d, EPOCH, sequence, 1, 10);
    assert_in_range(gw_core_looks(d.core) - before, MEMBERS - 1, 2 * MEMBERS);
    const struct gw_stream *stream = gw_map_get(&d.core->streams, EPOCH);
    for (const struct gw_member *member = stream->target->members; member;
         member = member->next_in_target)
        assert_int_equal(member->outstanding, 1);
    driver_close(&d);
}

/* While somebody is idle each gets its share; when all are busy pieces grow with what the least
 * loaded one has, so that many members do not cost a frame for each few messages. */
static void pieces_grow_when_nobody_is_idle(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_member(&d, 1, "b", 1000);
    driver_member(&d, 2, "c", 1000);
    driver_send(&d, EPOCH, 1, 20, 10); /* 10 each */
    driver_commit(&d);
    assert_int_equal(sent_on(&d, 1), 10);
    assert_int_equal(sent_on(&d, 2), 10);
    driver_send(&d, EPOCH, 21, 5, 10); /* not 3 and 2 */
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 21, 25);
    driver_close(&d);
}

static void a_batch_is_cut_so_that_nobody_is_idle(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_member(&d, 1, "b", 100);
    driver_member(&d, 2, "c", 100);
    driver_member(&d, 3, "e", 100);
    driver_send(&d, EPOCH, 1, 60, 10);
    driver_commit(&d);
    for (uint64_t conn = 1; conn <= 3; conn++)
        assert_in_range(sent_on(&d, conn), 15, 25);
    driver_close(&d);
}

/* What waits behind W comes in many batches. Each goes to one member as a whole, since a share of
 * all that waits is larger; and still all have the same in the end. */
static void batches_that_waited_are_shared_as_one(void **state)
{
    (void)state;
    enum { BATCHES = 10, EACH = DRIVER_WINDOW / BATCHES };
    struct driver d;
    driver_open(&d, "a");
    uint64_t b = driver_member(&d, 1, "b", 1000), c = driver_member(&d, 2, "c", 1000);
    driver_send(&d, EPOCH, 1, DRIVER_WINDOW, 10);
    for (uint64_t i = 0; i < BATCHES; i++)
        driver_send(&d, EPOCH, DRIVER_WINDOW + 1 + i * EACH, EACH, 10);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 2);
    struct gw_range first = driver_data(&d, 0), second = driver_data(&d, 1);
    bool to_b = driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.conn == 1;
    remote_ack(&d, 1, b, EPOCH, to_b ? first.first : second.first, to_b ? first.last : second.last);
    remote_ack(&d, 2, c, EPOCH, to_b ? second.first : first.first, to_b ? second.last : first.last);
    driver_commit(&d); /* the floor */
    driver_commit(&d); /* the assignments */
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), BATCHES);
    assert_int_equal(sent_on(&d, 1), DRIVER_WINDOW / 2);
    assert_int_equal(sent_on(&d, 2), DRIVER_WINDOW / 2);
    driver_close(&d);
}

/* ---- cutting ---- */

static void runs_are_cut_by_credit_in_messages(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_with(&d, 4, 10);
    assert_range(driver_data(&d, 0), 1, 4);
    remote_credit(&d, 1, link, 3, 1 << 24); /* a smaller number is ignored */
    remote_credit(&d, 1, link, 4, 1 << 24);
    assert_int_equal(gw_core_commit_due_us(d.core), GW_NEVER);
    assert_true(driver_counter(&d, GW_COUNTER_credit_zero) >= 1);
    remote_credit(&d, 1, link, 7, 1 << 24); /* absolute: three more */
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 5, 7);
    driver_close(&d);
}

static void runs_are_cut_by_credit_in_bytes(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    remote_serve(&d, 1, link, 100, 35);
    remote_complete(&d, 1, link);
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 1, 3);
    remote_credit(&d, 1, link, 100, 39); /* not enough for one more */
    assert_int_equal(gw_core_commit_due_us(d.core), GW_NEVER);
    remote_credit(&d, 1, link, 100, 50);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 4, 5);
    driver_close(&d);
}

static void runs_are_cut_to_the_largest_body(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_member(&d, 1, "b", 100);
    driver_send(&d, EPOCH, 1, 5, 1000000);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 1, 2);
    assert_range(driver_data(&d, 1), 3, 4);
    assert_range(driver_data(&d, 2), 5, 5);
    driver_close(&d);
}

static void the_smaller_window_of_the_two_counts(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = special_member(&d, 1, "b", 30, false, 9);
    driver_send(&d, EPOCH, 1, 100, 10);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 1, 30);
    assert_range(driver_data(&d, 1), 0, 0);
    remote_ack(&d, 1, link, EPOCH, 1, 10);
    driver_commit(&d);
    driver_commit(&d);
    assert_range(driver_data(&d, 0), 31, 40);
    driver_close(&d);
}

/* ---- sending again ---- */

static void a_new_link_brings_only_what_is_neither_decided_nor_in_hand(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 20);
    remote_ack(&d, 1, link, EPOCH, 1, 4);
    driver_commit(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_link(&d, 1, "b");
    remote_serve(&d, 1, link, 100, 1 << 20);
    remote_in_hand(&d, 1, link, EPOCH, 7, 9);
    remote_ack(&d, 1, link, EPOCH, 12, 15);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    remote_complete(&d, 1, link);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 3);
    assert_range(driver_data(&d, 0), 5, 6);
    assert_range(driver_data(&d, 1), 10, 11);
    assert_range(driver_data(&d, 2), 16, 20);
    for (size_t n = 0; n < 3; n++)
        assert_true(driver_effect(&d, GW_EFFECT_SEND_DATA, n)->u.data.redelivered);
    assert_int_equal(driver_counter(&d, GW_COUNTER_resent), 9);
    driver_close(&d);
}

static void what_was_in_hand_on_an_older_link_is_forgotten(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 10);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_link(&d, 1, "b");
    remote_in_hand(&d, 1, link, EPOCH, 1, 10);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    driver_member(&d, 1, "b", 100); /* its process died: nothing is in hand */
    assert_range(driver_data(&d, 0), 1, 10);
    driver_close(&d);
}

static void a_resend_keeps_to_the_credit_of_the_new_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 10);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_member(&d, 1, "b", 4);
    assert_range(driver_data(&d, 0), 1, 4);
    remote_credit(&d, 1, link, 9, 1 << 24);
    assert_range(driver_data(&d, 0), 5, 9);
    driver_close(&d);
}

static void nothing_is_sent_twice_on_one_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 10);
    remote_complete(&d, 1, link);
    remote_serve(&d, 1, link, 200, 1 << 20);
    remote_credit(&d, 1, link, 300, 1 << 20);
    assert_int_equal(driver_counter(&d, GW_COUNTER_data_sent), 1);
    driver_close(&d);
}

static void an_old_message_goes_to_its_recorded_holder_flagged(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d, 10);
    driver_restart(&d);
    driver_member(&d, 2, "c", 100);
    driver_loaded(&d, EPOCH, 1, 10);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    driver_member(&d, 1, "b", 100);
    assert_int_equal(sent_on(&d, 1), 10);
    assert_true(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.redelivered);
    driver_close(&d);
}

static void an_assignment_whose_member_left_waits_for_it(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_member(&d, 2, "c", 0);
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_seal(&d);
    remote_say(&d, 1, GW_FRAME_BYE, link); /* while its assignment is written */
    driver_committed(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    driver_member(&d, 1, "b", 100);
    assert_range(driver_data(&d, 0), 1, 10);
    driver_close(&d);
}

/* ---- refused epochs ---- */

static void a_refused_epoch_sends_nothing_on_that_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 10);
    remote_refuse(&d, 1, link, GW_REFUSE_EPOCH, EPOCH);
    assert_true(driver_noted(&d, GW_NOTE_QUARANTINE, EPOCH));
    driver_send(&d, EPOCH, 11, 10, 10);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    assert_int_equal(driver_rows(&d, GW_ROW_ASSIGNMENT), 1);
    driver_member(&d, 2, "c", 100); /* others take what is not assigned */
    driver_commit(&d);
    assert_int_equal(sent_on(&d, 2), 10);
    driver_send(&d, EPOCH + 1, 1, 1, 10); /* and other epochs go on */
    driver_commit(&d);
    assert_int_equal(sent_on(&d, 1) + sent_on(&d, 2), 1);
    driver_close(&d);
}

static void credit_of_a_run_that_is_refused_before_it_leaves_is_not_lost(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 20);
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_commit(&d); /* ten are on their way */
    driver_send(&d, EPOCH, 11, 10, 10);
    driver_seal(&d); /* the other ten of the credit are assigned */
    remote_refuse(&d, 1, link, GW_REFUSE_EPOCH, EPOCH);
    driver_committed(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    driver_send(&d, EPOCH + 1, 1, 10, 10);
    driver_commit(&d);
    assert_int_equal(sent_on(&d, 1), 10);
    driver_close(&d);
}

/* It may have taken us for gone and forgotten its decisions: that can refuse, never repeat. */
static void an_epoch_is_not_fresh_to_a_memory_process_that_decided_in_it(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = special_member(&d, 1, "b", 100, true, 9);
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_commit(&d);
    remote_ack(&d, 1, link, EPOCH, 1, 5);
    driver_commit(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    special_member(&d, 1, "b", 100, true, 9);
    assert_false(driver_sent(&d, GW_FRAME_OPEN, 0)->u.open.fresh);
    driver_restart(&d); /* which process it was is not kept: it may be another one now */
    special_member(&d, 1, "b", 100, true, 9);
    assert_true(driver_sent(&d, GW_FRAME_OPEN, 0)->u.open.fresh);
    driver_close(&d);
}

static void a_memory_peer_that_came_back_is_told_that_the_epoch_is_fresh(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = special_member(&d, 1, "b", 100, true, 9);
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_commit(&d);
    remote_ack(&d, 1, link, EPOCH, 1, 5);
    driver_commit(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    special_member(&d, 1, "b", 100, true, 10); /* another process: it knows nothing any more */
    driver_seal(&d); /* and holds nothing: it is offered anew */
    driver_committed(&d);
    assert_true(driver_sent(&d, GW_FRAME_OPEN, 0)->u.open.fresh);
    assert_range(driver_data(&d, 0), 6, 10);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_assignment_is_durable_before_its_data_leaves),
        cmocka_unit_test(a_stored_batch_still_waits_for_its_assignment),
        cmocka_unit_test(nothing_is_assigned_before_the_member_has_told_all),
        cmocka_unit_test(the_least_loaded_member_is_chosen),
        cmocka_unit_test(a_choice_among_many_looks_at_few),
        cmocka_unit_test(pieces_grow_when_nobody_is_idle),
        cmocka_unit_test(a_batch_is_cut_so_that_nobody_is_idle),
        cmocka_unit_test(batches_that_waited_are_shared_as_one),
        cmocka_unit_test(runs_are_cut_by_credit_in_messages),
        cmocka_unit_test(runs_are_cut_by_credit_in_bytes),
        cmocka_unit_test(runs_are_cut_to_the_largest_body),
        cmocka_unit_test(the_smaller_window_of_the_two_counts),
        cmocka_unit_test(a_new_link_brings_only_what_is_neither_decided_nor_in_hand),
        cmocka_unit_test(what_was_in_hand_on_an_older_link_is_forgotten),
        cmocka_unit_test(a_resend_keeps_to_the_credit_of_the_new_link),
        cmocka_unit_test(nothing_is_sent_twice_on_one_link),
        cmocka_unit_test(an_old_message_goes_to_its_recorded_holder_flagged),
        cmocka_unit_test(an_assignment_whose_member_left_waits_for_it),
        cmocka_unit_test(a_refused_epoch_sends_nothing_on_that_link),
        cmocka_unit_test(credit_of_a_run_that_is_refused_before_it_leaves_is_not_lost),
        cmocka_unit_test(an_epoch_is_not_fresh_to_a_memory_process_that_decided_in_it),
        cmocka_unit_test(a_memory_peer_that_came_back_is_told_that_the_epoch_is_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
