/* SPDX-License-Identifier: MPL-2.0 */
/* The members' side of sending: what they tell, and how an old epoch ends. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* An old epoch of ten messages at b, of which b has told the first `settled` as decided. */
static uint64_t old_epoch(struct driver *d, uint64_t settled)
{
    driver_open(d, "a");
    uint64_t link = driver_member(d, 1, "b", 1000);
    driver_send(d, EPOCH, 1, 10, 10);
    driver_commit(d);
    if (settled)
        remote_ack(d, 1, link, EPOCH, 1, settled);
    driver_commit(d);
    driver_restart(d);
    return driver_member(d, 1, "b", 1000);
}

static void load_all(struct driver *d)
{
    driver_loaded(d, EPOCH, 1, 1000);
    driver_commit(d);
}

/* ---- the end of an epoch ---- */

static void an_epoch_of_this_open_is_never_closed(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_with(&d, 1000, 10);
    remote_ack(&d, 1, link, EPOCH, 1, 10);
    driver_commit(&d);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 0);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 0);
    remote_closed(&d, 1, link, EPOCH);
    assert_int_equal(driver_rows(&d, GW_ROW_OFFERED), 1);
    driver_send(&d, EPOCH, 11, 1, 10); /* it goes on */
    driver_commit(&d);
    assert_int_equal(driver_data(&d, 0).first, 11);
    driver_close(&d);
}

static void closed_is_told_when_the_last_settlement_is_durable_and_not_before(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = old_epoch(&d, 5);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 0);
    remote_ack(&d, 1, link, EPOCH, 6, 10);
    driver_seal(&d);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 0);
    driver_committed(&d);
    assert_int_equal(driver_sent(&d, GW_FRAME_CLOSED, 0)->u.closed.last, 10);
    driver_close(&d);
}

static void closed_is_repeated_until_it_is_confirmed_and_then_all_is_deleted(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = old_epoch(&d, 10);
    assert_int_equal(d.batch_count, 0);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 1);
    driver_restart(&d);
    link = driver_member(&d, 1, "b", 1000);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 1);
    remote_closed(&d, 1, link, EPOCH);
    assert_int_equal(driver_rows(&d, GW_ROW_STREAM), 1);
    driver_commit(&d);
    assert_int_equal(d.row_count, 0);
    struct gw_stream_view view;
    assert_false(driver_stream(&d, EPOCH, &view));
    assert_int_equal(driver_counter(&d, GW_COUNTER_epochs_closed), 1);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_CLOSED), 0);
    driver_close(&d);
}

static void every_member_that_was_offered_something_must_confirm(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t b = driver_member(&d, 1, "b", 1000);
    uint64_t c = driver_member(&d, 2, "c", 1000);
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_commit(&d);
    remote_ack(&d, 1, b, EPOCH, 1, 10);
    remote_ack(&d, 2, c, EPOCH, 1, 10);
    driver_commit(&d);
    driver_restart(&d);
    b = driver_member(&d, 1, "b", 1000);
    remote_closed(&d, 1, b, EPOCH);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_STREAM), 1);
    assert_int_equal(driver_rows(&d, GW_ROW_OFFERED), 1);
    assert_string_equal(driver_row(&d, GW_ROW_OFFERED, 0)->peer, "c");
    c = driver_member(&d, 2, "c", 1000);
    remote_closed(&d, 2, c, EPOCH);
    driver_commit(&d);
    assert_int_equal(d.row_count, 0);
    driver_close(&d);
}

static void an_early_confirmation_is_not_believed(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = old_epoch(&d, 5);
    remote_closed(&d, 1, link, EPOCH);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_OFFERED), 1);
    assert_int_equal(driver_rows(&d, GW_ROW_STREAM), 1);
    driver_close(&d);
}

static void an_epoch_ends_only_after_its_last_batch_is_deleted(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = old_epoch(&d, 0); /* the batch is not in memory */
    remote_ack(&d, 1, link, EPOCH, 1, 10);
    driver_commit(&d);
    remote_closed(&d, 1, link, EPOCH);
    driver_commit(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_STREAM), 1);
    load_all(&d);
    driver_commit(&d);
    assert_int_equal(d.batch_count, 0);
    assert_int_equal(d.row_count, 0);
    driver_close(&d);
}

/* ---- facts from before a restored backup ---- */

static void what_a_restored_sender_has_forgotten_does_not_end_its_links(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = old_epoch(&d, 0);
    remote_ack(&d, 1, link, EPOCH, 1, 50); /* forty that this store does not know */
    assert_int_equal(driver_counter(&d, GW_COUNTER_violations), 0);
    driver_commit(&d);
    struct gw_stream_view view;
    assert_true(driver_stream(&d, EPOCH, &view));
    assert_int_equal(view.unsettled, 0);
    uint64_t c = driver_member(&d, 2, "c", 1000);
    remote_ack(&d, 2, c, EPOCH, 1, 10); /* offered to c by what is forgotten */
    assert_int_equal(driver_counter(&d, GW_COUNTER_violations), 0);
    driver_send(&d, EPOCH + 1, 1, 2, 10); /* and new work goes on */
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 2);
    driver_close(&d);
}

/* ---- fresh, or known ---- */

static void an_epoch_is_fresh_to_a_member_until_it_has_decided_something(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_with(&d, 1000, 10);
    assert_true(driver_sent(&d, GW_FRAME_OPEN, 0)->u.open.fresh);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_member(&d, 1, "b", 1000);
    assert_true(driver_sent(&d, GW_FRAME_OPEN, 0)->u.open.fresh);
    remote_ack(&d, 1, link, EPOCH, 2, 2);
    driver_commit(&d);
    assert_true(driver_row(&d, GW_ROW_OFFERED, 0)->flag);
    driver_restart(&d);
    driver_member(&d, 1, "b", 1000);
    assert_false(driver_sent(&d, GW_FRAME_OPEN, 0)->u.open.fresh);
    driver_close(&d);
}

/* ---- coming and going ---- */

/* While the store takes down that one of them knows, nothing is said to the other. */
static void closed_is_not_repeated_while_something_of_it_is_being_stored(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t b = driver_member(&d, 1, "b", 3), c = driver_member(&d, 2, "c", 3);
    driver_send(&d, EPOCH, 1, 6, 10);
    driver_commit(&d);
    remote_ack(&d, 1, b, EPOCH, 1, 6); /* each what it has */
    remote_ack(&d, 2, c, EPOCH, 1, 6);
    driver_store(&d);
    driver_restart(&d);
    b = driver_link(&d, 1, "b");
    c = driver_link(&d, 2, "c");
    assert_non_null(driver_sent_on(&d, 2, GW_FRAME_CLOSED));
    remote_closed(&d, 1, b, EPOCH);
    driver_seal(&d);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_null(driver_sent_on(&d, 2, GW_FRAME_CLOSED));
    driver_committed(&d);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_non_null(driver_sent_on(&d, 2, GW_FRAME_CLOSED));
    assert_null(driver_sent_on(&d, 1, GW_FRAME_CLOSED));
    remote_closed(&d, 2, c, EPOCH);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_STREAM), 0);
    driver_close(&d);
}

/* What it had begun with, and does not hold any more, says nothing of whoever has it now. */
static void what_a_memory_member_began_is_charged_only_if_it_has_it(void **state)
{
    (void)state;
    struct gw_range begun = {1, 6};
    struct gw_ack_epoch entry = {
        .epoch = EPOCH, .floor = 1, .handed = &begun, .handed_count = 1};
    struct gw_frame ack = {.type = GW_FRAME_ACK};
    struct driver d;
    driver_open(&d, "a");
    ack.link = driver_memory_link(&d, 1, "m", 77);
    remote_serve_all(&d, 1, ack.link, 2);
    driver_send(&d, EPOCH, 1, 2, 10); /* m has 1 and 2 */
    driver_commit(&d);
    driver_member(&d, 2, "c", 2);
    driver_send(&d, EPOCH, 3, 2, 10); /* c has 3 and 4 */
    driver_commit(&d);
    driver_send(&d, EPOCH, 5, 2, 10); /* nobody has 5; 6 is on its way to m */
    remote_credit(&d, 1, ack.link, 3, 1 << 20);
    driver_seal(&d);
    ack.u.ack.epochs = &entry;
    ack.u.ack.epoch_count = 1;
    driver_frame(&d, 1, &ack);
    driver_lost(&d, 1);
    driver_memory_link(&d, 3, "m", 78);
    assert_int_equal(driver_counter(&d, GW_COUNTER_crashed), 2);
    assert_string_equal(driver_where(&d, 3).peer, "c");
    assert_int_equal(driver_where(&d, 3).attempts, 1);
    driver_committed(&d);
    driver_close(&d);
}

/* ---- words about what is not there ---- */

static void words_of_an_epoch_that_is_over_or_was_never_theirs_change_nothing(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = old_epoch(&d, 10);
    uint64_t c = driver_member(&d, 2, "c", 10);
    remote_closed(&d, 2, c, EPOCH); /* c never had any of it */
    remote_refuse(&d, 2, c, GW_REFUSE_EPOCH, EPOCH);
    assert_false(driver_noted(&d, GW_NOTE_QUARANTINE, EPOCH));
    load_all(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_OFFERED), 1);
    remote_closed(&d, 1, link, EPOCH);
    driver_store(&d);
    assert_int_equal(driver_rows(&d, GW_ROW_STREAM), 0);
    remote_ack(&d, 1, link, EPOCH, 1, 10);
    remote_closed(&d, 1, link, EPOCH);
    remote_refuse(&d, 1, link, GW_REFUSE_EPOCH, EPOCH);
    assert_int_equal(driver_counter(&d, GW_COUNTER_violations), 0);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    driver_close(&d);
}

/* The rest of such an ACK is of a link that is no more. */
static void an_ack_that_breaks_the_rules_ends_there(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 3);
    struct gw_range beyond = {4, 4}, all = {1, 3};
    struct gw_ack_epoch entries[] = {
        {.epoch = EPOCH, .floor = 1, .decided = &beyond, .decided_count = 1},
        {.epoch = EPOCH, .floor = 1, .decided = &all, .decided_count = 1}};
    struct gw_frame ack = {.type = GW_FRAME_ACK, .link = link};
    ack.u.ack.epochs = entries;
    ack.u.ack.epoch_count = 2;
    driver_frame(&d, 1, &ack);
    assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_ACK));
    assert_int_equal(driver_where(&d, 1).place, GW_PLACE_ASSIGNED);
    driver_close(&d);
}

static void hint(struct driver *d, uint64_t link, const struct gw_range *ranges, size_t count)
{
    struct gw_ack_epoch entry = {
        .epoch = EPOCH, .floor = 1, .handed = ranges, .handed_count = count};
    struct gw_frame ack = {.type = GW_FRAME_ACK, .link = link};
    ack.u.ack.epochs = &entry;
    ack.u.ack.epoch_count = 1;
    driver_frame(d, 1, &ack);
}

/* They may come late, and a stranger may say anything. */
static void hints_count_for_what_is_open_and_exists(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 6);
    remote_ack(&d, 1, link, EPOCH, 1, 2);
    driver_store(&d);
    const struct gw_range ranges[] = {{1, 1}, {2, 3}, {6, 900}};
    hint(&d, link, ranges, 3);
    assert_int_equal(driver_where(&d, 3).place, GW_PLACE_IN_HAND);
    assert_int_equal(driver_where(&d, 4).place, GW_PLACE_ASSIGNED);
    assert_int_equal(driver_where(&d, 6).place, GW_PLACE_IN_HAND);
    const struct gw_stream *stream = gw_map_get(&d.core->streams, EPOCH);
    assert_int_equal(gw_ranges_total(&stream->offers->handed), 2);
    driver_close(&d);
}

static void what_waits_to_be_sent_waits_for_the_next_link(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_with(&d, 5, 5);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    link = driver_member(&d, 2, "b", 2); /* the rest waits for credit */
    assert_range(driver_data(&d, 0), 1, 2);
    remote_say(&d, 2, GW_FRAME_RESET, link);
    driver_member(&d, 3, "b", 5);
    assert_range(driver_data(&d, 0), 1, 5);
    driver_close(&d);
}

static void members_are_counted_as_they_come_and_go(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t b = driver_link(&d, 1, "b");
    remote_serve(&d, 1, b, 10, 1000);
    assert_int_equal(driver_effect(&d, GW_EFFECT_MEMBERS, 0)->u.members.count, 1);
    uint64_t c = driver_link(&d, 2, "c");
    remote_serve(&d, 2, c, 10, 1000);
    assert_int_equal(driver_effect(&d, GW_EFFECT_MEMBERS, 0)->u.members.count, 2);
    remote_serve(&d, 2, c, 20, 2000);
    assert_int_equal(driver_count(&d, GW_EFFECT_MEMBERS), 0); /* the same as before */
    remote_say(&d, 1, GW_FRAME_BYE, b);
    assert_int_equal(driver_effect(&d, GW_EFFECT_MEMBERS, 0)->u.members.count, 1);
    struct gw_frame none = {.type = GW_FRAME_SERVE, .link = c};
    driver_frame(&d, 2, &none);
    assert_int_equal(driver_effect(&d, GW_EFFECT_MEMBERS, 0)->u.members.count, 0);
    driver_close(&d);
}

static void a_stranger_that_serves_everything_leaves_room_for_our_own_sends(void **state)
{
    (void)state;
    static struct gw_serve items[GW_SERVES_MAX];
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    for (int i = 0; i < 2 * GW_TARGETS_MAX / GW_SERVES_MAX; i++) {
        struct gw_frame frame = {.type = GW_FRAME_SERVE, .link = link};
        for (int j = 0; j < GW_SERVES_MAX; j++) {
            items[j] = (struct gw_serve){{.kind = GW_KIND_STAGE}, 1, 1, 1};
            snprintf(items[j].destination.name, GW_NAME_MAX, "x%d-%d", i, j);
        }
        frame.u.serve.items = items;
        frame.u.serve.count = GW_SERVES_MAX;
        driver_frame(&d, 1, &frame);
    }
    driver_from_here();
    driver_send(&d, EPOCH, 1, 1, 10);
    assert_int_equal(d.result, 0);
    driver_member(&d, 2, "c", 10); /* who serves it is known, too */
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 1);
    driver_close(&d);
}

static void floors_of_many_streams_go_round(void **state)
{
    (void)state;
    struct driver d;
    uint64_t seen[101] = {0};
    driver_open(&d, "a");
    driver_member(&d, 1, "b", 1000);
    for (uint64_t epoch = 1; epoch <= 50; epoch++)
        driver_send(&d, epoch, 1, 1, 10);
    driver_commit(&d);
    struct gw_floor floors[20];
    struct gw_remote *remote = gw_remote_find(d.core, "b");
    for (int i = 0; i < 3; i++) {
        size_t count = gw_stream_floors(remote, floors, 20);
        assert_int_equal(count, i < 2 ? 20 : 10);
        for (size_t j = 0; j < count; j++)
            seen[floors[j].epoch]++;
    }
    for (uint64_t epoch = 1; epoch <= 50; epoch++)
        assert_int_equal(seen[epoch], 1);
    driver_close(&d);
}

/* ---- what came back ---- */

/* What the link's report said of the earlier offer says nothing of the new one. */
static void what_was_in_hand_and_came_back_is_sent_again_on_the_same_link(void **state)
{
    (void)state;
    struct driver d;
    driver_begin_with(&d, 1000, 10);
    uint64_t number = driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.number;
    driver_lost(&d, 1);
    uint64_t link = driver_link(&d, 2, "b");
    remote_serve(&d, 2, link, 1000, 1 << 24);
    remote_in_hand(&d, 2, link, EPOCH, 1, 10);
    remote_complete(&d, 2, link);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    remote_return(&d, 2, link, GW_RETURN_RELEASE, 4, 4, number, 0);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 1);
    assert_int_equal(driver_data(&d, 0).first, 4);
    assert_int_equal(driver_data(&d, 0).last, 4);
    assert_true(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.number > number);
    driver_close(&d);
}

/* ---- whose a destination is ---- */

static void serve(struct driver *d, uint64_t conn, uint64_t link, uint8_t kind, const char *name)
{
    struct gw_serve item = {{.kind = kind}, 1, 100, 10000};
    struct gw_frame frame = {.type = GW_FRAME_SERVE, .link = link};
    strcpy(item.destination.name, name);
    frame.u.serve.items = &item;
    frame.u.serve.count = 1;
    driver_frame(d, conn, &frame);
}

static size_t serving(struct driver *d, uint8_t kind, const char *name)
{
    struct gw_destination destination = {.kind = kind};
    size_t count = 0;
    strcpy(destination.name, name);
    const struct gw_target *target = gw_target_find(d->core, &destination);
    for (struct gw_member *member = target ? target->members : NULL; member;
         member = member->next_in_target)
        count += member->serving;
    return count;
}

static void what_is_meant_for_a_peer_is_served_by_no_other(void **state)
{
    (void)state;
    const uint8_t personal[] = {GW_KIND_PEER, GW_KIND_REPLY};
    struct driver d;
    driver_open(&d, "a");
    uint64_t b = driver_link(&d, 1, "b"), thief = driver_link(&d, 2, "thief");
    for (int i = 0; i < 2; i++) {
        serve(&d, 2, thief, personal[i], "b");
        assert_int_equal(serving(&d, personal[i], "b"), 0);
        serve(&d, 1, b, personal[i], "b");
        assert_int_equal(serving(&d, personal[i], "b"), 1);
        serve(&d, 2, thief, personal[i], "b");
        assert_int_equal(serving(&d, personal[i], "b"), 1);
    }
    serve(&d, 2, thief, GW_KIND_SERVICE, "b"); /* a service is anybody's */
    assert_int_equal(serving(&d, GW_KIND_SERVICE, "b"), 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_violations), 0);
    driver_close(&d);
}

/* ---- a memory member's crash ---- */

static uint64_t memory_member(struct driver *d, uint64_t conn, uint64_t process)
{
    uint64_t link = driver_memory_link(d, conn, "b", process);
    remote_serve_all(d, conn, link, 1000);
    return link;
}

/* Its next process tells nothing: what it was heard to have begun is charged, and no more. */
static void what_a_memory_member_had_begun_when_it_died_is_charged_an_attempt(void **state)
{
    (void)state;
    struct gw_range begun = {4, 4};
    struct gw_ack_epoch entry = {
        .epoch = EPOCH, .floor = 1, .handed = &begun, .handed_count = 1};
    struct gw_frame ack = {.type = GW_FRAME_ACK};
    struct driver d;
    driver_open(&d, "a");
    ack.link = memory_member(&d, 1, 77);
    driver_send(&d, EPOCH, 1, 10, 10);
    driver_commit(&d);
    ack.u.ack.epochs = &entry;
    ack.u.ack.epoch_count = 1;
    driver_frame(&d, 1, &ack);
    driver_lost(&d, 1);
    memory_member(&d, 2, 78);
    driver_commit(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_crashed), 1);
    assert_int_equal(driver_rows(&d, GW_ROW_STORY), 1);
    assert_int_equal(driver_row(&d, GW_ROW_STORY, 0)->first, 4);
    assert_int_equal(driver_row(&d, GW_ROW_STORY, 0)->attempts, 2);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_of_this_open_is_never_closed),
        cmocka_unit_test(closed_is_told_when_the_last_settlement_is_durable_and_not_before),
        cmocka_unit_test(closed_is_repeated_until_it_is_confirmed_and_then_all_is_deleted),
        cmocka_unit_test(every_member_that_was_offered_something_must_confirm),
        cmocka_unit_test(an_early_confirmation_is_not_believed),
        cmocka_unit_test(an_epoch_ends_only_after_its_last_batch_is_deleted),
        cmocka_unit_test(what_a_restored_sender_has_forgotten_does_not_end_its_links),
        cmocka_unit_test(an_epoch_is_fresh_to_a_member_until_it_has_decided_something),
        cmocka_unit_test(closed_is_not_repeated_while_something_of_it_is_being_stored),
        cmocka_unit_test(what_a_memory_member_began_is_charged_only_if_it_has_it),
        cmocka_unit_test(words_of_an_epoch_that_is_over_or_was_never_theirs_change_nothing),
        cmocka_unit_test(an_ack_that_breaks_the_rules_ends_there),
        cmocka_unit_test(hints_count_for_what_is_open_and_exists),
        cmocka_unit_test(what_waits_to_be_sent_waits_for_the_next_link),
        cmocka_unit_test(members_are_counted_as_they_come_and_go),
        cmocka_unit_test(a_stranger_that_serves_everything_leaves_room_for_our_own_sends),
        cmocka_unit_test(floors_of_many_streams_go_round),
        cmocka_unit_test(what_was_in_hand_and_came_back_is_sent_again_on_the_same_link),
        cmocka_unit_test(what_is_meant_for_a_peer_is_served_by_no_other),
        cmocka_unit_test(what_a_memory_member_had_begun_when_it_died_is_charged_an_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
