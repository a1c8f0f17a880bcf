/* SPDX-License-Identifier: MPL-2.0 */
/* The checker of a core's books is itself checked: each book is broken in turn, and it must say
 * so, in these words, and be content again when the book is mended. */

#include "core/state.h"
#include "support/core_receiver.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void assert_told(const struct driver *d, const char *words)
{
    const char *broken = gw_core_check(d->core);
    assert_non_null(broken);
    assert_string_equal(broken, words);
}

/* Gives `field` a wrong value for as long as the checker looks. */
#define BREAK(d, field, wrong, words)                                                              \
    do {                                                                                           \
        __typeof__(field) right_ = (field);                                                        \
        (field) = (wrong);                                                                         \
        assert_told(d, words);                                                                     \
        (field) = right_;                                                                          \
        assert_null(gw_core_check((d)->core));                                                     \
    } while (0)

/* ---- the sending side ---- */

/* b has 1 to 4 and 11 to 20, of which 2 and 13 are settled; 5 to 10 wait with nobody, of these 6
 * failed. 21 to 30 were never offered. */
static struct gw_stream *sender(struct driver *d)
{
    driver_open(d, "a");
    uint64_t link = driver_member(d, 1, "b", 20);
    driver_send(d, EPOCH, 1, 10, 10);
    driver_send(d, EPOCH, 11, 20, 10);
    driver_commit(d);
    uint64_t number = driver_number(d, 1);
    remote_ack(d, 1, link, EPOCH, 2, 2);
    remote_ack(d, 1, link, EPOCH, 13, 13);
    driver_store(d);
    remote_return(d, 1, link, GW_RETURN_NACK, 6, 6, number, 60000);
    remote_return(d, 1, link, GW_RETURN_NACK, 5, 10, number, 60000);
    remote_ack(d, 1, link, EPOCH, 14, 14); /* settling */
    assert_null(gw_core_check(d->core));
    return gw_map_get(&d->core->streams, EPOCH);
}

static void marks_of_a_stream_stand_in_order(void **state)
{
    (void)state;
    struct driver d;
    struct gw_stream *stream = sender(&d);
    BREAK(&d, stream->floor_published, stream->floor + 1, "a floor is above what it may be");
    BREAK(&d, stream->floor, stream->last + 2, "a floor is above what it may be");
    BREAK(&d, stream->stored, stream->last + 1, "more is stored than was assigned");
    BREAK(&d, stream->settled.items[0].first, 3, "a stream's ranges are broken");
    BREAK(&d, stream->settling.items[0].first, 15, "a stream's ranges are broken");
    BREAK(&d, stream->settled.items[0].first, 1, "the floor is settled");
    driver_close(&d);
}

static void runs_hold_what_was_assigned_once(void **state)
{
    (void)state;
    struct driver d;
    struct gw_stream *stream = sender(&d);
    struct gw_run *first = gw_index_at(&stream->runs, 0);
    struct gw_run *second = gw_index_at(&stream->runs, 1);
    BREAK(&d, second->first, 4, "runs overlap or are out of order");
    BREAK(&d, second->last, 10, "runs overlap or are out of order");
    BREAK(&d, stream->next_unassigned, second->last, "a run reaches into what was never assigned");
    BREAK(&d, first->left, 4, "a run's count of unsettled messages is wrong");
    driver_close(&d);
}

static void offers_know_their_runs(void **state)
{
    (void)state;
    struct driver d;
    struct gw_stream *stream = sender(&d);
    struct gw_run *first = gw_index_at(&stream->runs, 0);
    struct gw_offer *offer = first->offer, other = *offer;
    BREAK(&d, first->offer, &other, "a run is not where its offer looks for it");
    struct gw_run stranger = *first;
    BREAK(&d, offer->runs.items[offer->runs.head].value, &stranger,
          "a run is not where its offer looks for it");
    BREAK(&d, offer->runs.count, offer->runs.count - 1, "a run is of no offer");
    struct gw_range item = {5, 5};
    struct gw_ranges forfeited = {&item, 1, 1};
    BREAK(&d, offer->forfeited, forfeited, "a stream does not know of its forfeited messages");
    BREAK(&d, offer->remote->gone, true, "a stream does not know that a member has ended");
    offer->remote->gone = offer->removed = true; /* that one is seen to */
    assert_null(gw_core_check(d.core));
    offer->removed = false;
    stream->gone_offers = true; /* and of that one it is known */
    assert_null(gw_core_check(d.core));
    offer->remote->gone = false;
    driver_close(&d);
}

static void every_message_is_with_somebody_or_waits(void **state)
{
    (void)state;
    struct driver d;
    struct gw_stream *stream = sender(&d);
    struct gw_range *waiting = &stream->waiting.items[0];
    assert_range(*waiting, 5, 10);
    BREAK(&d, waiting->first, 4, "a message waits that a member has");
    BREAK(&d, waiting->first, 6, "a message is with nobody and does not wait");
    /* Settled, being settled, never offered. */
    const uint64_t wrong[] = {13, 14, stream->next_unassigned};
    for (size_t i = 0; i < 3; i++) {
        struct gw_range items[] = {*waiting, {wrong[i], wrong[i]}};
        struct gw_ranges more = {items, 2, 2};
        BREAK(&d, stream->waiting, more, "a settled message, or one never offered, waits");
    }
    driver_close(&d);
}

static void wishes_and_deaths_are_counted(void **state)
{
    (void)state;
    struct driver d;
    struct gw_stream *stream = sender(&d);
    struct gw_story *story = gw_story_find(stream, 6);
    BREAK(&d, stream->wanted, 1, "stories are miscounted");
    BREAK(&d, stream->dying, 1, "stories are miscounted");
    BREAK(&d, story->death, GW_DEATH_REJECTED, "stories are miscounted");
    story->death = GW_DEATH_REJECTED;
    story->buried = true; /* in the write in flight: it does not wait any more */
    assert_null(gw_core_check(d.core));
    story->buried = false;
    story->death = 0;
    driver_close(&d);
}

static void members_are_counted_and_listed(void **state)
{
    (void)state;
    struct driver d;
    struct gw_target *target = sender(&d)->target;
    struct gw_member *member = target->members;
    struct gw_run *run = gw_index_at(&target->streams->runs, 0);
    BREAK(&d, target->live, 2, "live members are miscounted");
    BREAK(&d, target->starved, 2, "members without credit are miscounted");
    BREAK(&d, target->reserved, 1, "reserved members are miscounted");
    BREAK(&d, member->unsent_head, run,
          "a member with unsent runs is not listed, or one without is");
    member->unsent_head = run;
    member->here_with_unsent = &target->unsent;
    BREAK(&d, member->remote->link.complete, false,
          "a run waits to be sent on a link that is not complete");
    member->unsent_head = NULL;
    member->here_with_unsent = NULL;
    driver_lost(&d, 1);
    BREAK(&d, member->serving, true, "a member serves without a link");
    driver_close(&d);
}

static void members_that_can_be_given_work_are_known(void **state)
{
    (void)state;
    static const char *const words =
        "a member that can be given work is not known to, or one that cannot is";
    struct driver d;
    struct gw_target *target = sender(&d)->target;
    struct gw_member *member = target->members;
    member->granted_messages += 5;
    gw_member_touch(member);
    gw_ready_refresh(d.core, target);
    assert_null(gw_core_check(d.core));
    BREAK(&d, member->outstanding, 1, words);
    BREAK(&d, member->chosen, 0, words);
    BREAK(&d, member->ready.at, 0, words);
    BREAK(&d, member->starved, true, words);
    BREAK(&d, member->used_messages, member->granted_messages, words);
    member->used_messages = member->granted_messages;
    gw_member_touch(member); /* it will be found out */
    assert_null(gw_core_check(d.core));
    driver_close(&d);
}

/* ---- the receiving side ---- */

/* Of s: 1 to 9 came by one DATA, 11 to 19 by another. 2 and 3 are decided, 5 is on its way to the
 * store and 7 is not yet; 2 and 5 were rejected. 12 and 14 came back; 8 has begun, untold. */
static struct gw_window *receiver(struct driver *d)
{
    uint64_t link = driver_open_window(d, 100);
    remote_offer(d, 1, link, EPOCH, 1, 9, 10);
    remote_offer(d, 1, link, EPOCH, 11, 9, 11);
    driver_reject(d, EPOCH, 2, 1, "two");
    driver_decide(d, EPOCH, 3, 3);
    driver_commit(d);
    driver_reject(d, EPOCH, 5, 1, "five");
    driver_seal(d);
    driver_decide(d, EPOCH, 7, 7);
    driver_nack(d, EPOCH, 12, 0, NULL);
    driver_nack(d, EPOCH, 14, 0, NULL);
    driver_handed(d, EPOCH, 8, 8);
    assert_null(gw_core_check(d->core));
    return gw_map_get(&d->core->windows, EPOCH);
}

static void decisions_and_the_hand_are_apart(void **state)
{
    (void)state;
    struct driver d;
    struct gw_window *window = receiver(&d);
    static const char broken[] = "a window's ranges are broken";
    BREAK(&d, window->decided.items[0].first, 4, broken);
    BREAK(&d, window->deciding.items[0].first, 8, broken);
    BREAK(&d, window->in_hand.items[0].first, 2, broken);
    static const char both[] = "a message is in hand and decided";
    BREAK(&d, window->decided.items[0].first, 1, both);
    BREAK(&d, window->deciding.items[0].last, 8, both);
    BREAK(&d, window->committing.items[0].last, 6,
          "a decision is committing and not in the book");
    driver_close(&d);
}

static void the_hand_is_made_of_offers(void **state)
{
    (void)state;
    struct driver d;
    struct gw_window *window = receiver(&d);
    struct gw_held *first = gw_index_at(&window->held, 0), *next = gw_index_at(&window->held, 1);
    static const char disagree[] = "what is held and what is in hand disagree";
    BREAK(&d, next->span.first, first->span.first, disagree);
    BREAK(&d, first->span.last, first->span.last + 1, disagree);
    size_t last = window->held.count - 1;
    BREAK(&d, window->held.count, last, "a message in hand is of no known offer");
    BREAK(&d, window->handed.items[0].last, 12, "a message is begun and not in hand");
    BREAK(&d, window->hints.items[0].last, 9, "a hint is of a message that has not begun");
    driver_close(&d);
}

static void verdicts_are_of_decisions(void **state)
{
    (void)state;
    struct driver d;
    struct gw_window *window = receiver(&d);
    struct gw_verdict *first = gw_index_at(&window->verdicts, 0);
    struct gw_verdict *second = gw_index_at(&window->verdicts, 1);
    BREAK(&d, second->sequence, first->sequence, "verdicts are out of order");
    BREAK(&d, second->sequence, 9, "a verdict is of a message that is not decided");
    driver_reject(&d, EPOCH, 9, 1, "nine"); /* decided, and not sealed */
    assert_null(gw_core_check(d.core));
    driver_close(&d);
}

static void returns_are_of_what_is_not_here(void **state)
{
    (void)state;
    struct driver d;
    struct gw_window *window = receiver(&d);
    struct gw_span *first = gw_index_at(&window->returns, 0);
    struct gw_span *second = gw_index_at(&window->returns, 1);
    static const char order[] = "returns overlap or are out of order";
    BREAK(&d, second->first, first->first, order);
    BREAK(&d, second->last, 13, order);
    static const char here[] = "a message was given back and is in hand or decided";
    BREAK(&d, second->last, 15, here);
    struct gw_span right = *first;
    *first = (struct gw_span){3, 3, right.size}; /* decided */
    assert_told(&d, here);
    *first = (struct gw_span){7, 7, right.size}; /* being decided */
    assert_told(&d, here);
    *first = right;
    assert_null(gw_core_check(d.core));
    driver_close(&d);
}

/* ---- links ---- */

static void a_link_and_its_connection_agree(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_link(&d, 1, "b");
    driver_link(&d, 2, "c");
    struct gw_remote *b = gw_remote_find(d.core, "b"), *c = gw_remote_find(d.core, "c");
    struct gw_conn *conn = gw_map_get(&d.core->conns, 1);
    static const char disagree[] = "a link and its connection disagree";
    BREAK(&d, b->link.conn, 9, disagree);
    BREAK(&d, conn->link, conn->link + 1, disagree);
    BREAK(&d, conn->remote, c, disagree);
    BREAK(&d, d.core->counters[GW_COUNTER_links_now], 1, "the links that are up are miscounted");
    driver_close(&d);
}

static void what_waits_for_its_time_is_known(void **state)
{
    (void)state;
    static const char *const stranger = "a stranger is not looked at, or one that has a link is";
    struct driver d;
    driver_open(&d, "a");
    driver_dial(&d, 1);
    driver_tick(&d, 0);
    remote_welcome(&d, 1, 55, "b", 9);
    remote_hello(&d, 2, "c", 9);
    driver_link(&d, 3, "d");
    struct gw_remote *b = gw_remote_find(d.core, "b"), *c = gw_remote_find(d.core, "c");
    struct gw_conn *dialled = gw_map_get(&d.core->conns, 1);
    struct gw_conn *knocking = gw_map_get(&d.core->conns, 2);
    struct gw_conn *accepted = gw_map_get(&d.core->conns, 3);
    BREAK(&d, b->link.ping_due_us, d.now_us, "a link is not looked at when it wants to be");
    BREAK(&d, c->timer.at, 1, "nobody sees that a memory peer stays away");
    BREAK(&d, c->identity.memory, true, "nobody sees that a memory peer stays away");
    BREAK(&d, dialled->timer.at, 1, "a connection that has a link is dialled");
    BREAK(&d, knocking->timer.at, 0, stranger);
    BREAK(&d, accepted->timer.at, 1, stranger);
    driver_close(&d);
}

/* ---- looks ---- */

static void what_is_asked_for_and_does_not_exist_is_unknown(void **state)
{
    (void)state;
    struct driver d;
    struct gw_whereabouts found;
    driver_begin(&d, 3);
    gw_core_find(d.core, EPOCH + 1, 1, &found);
    assert_int_equal(found.place, GW_PLACE_UNKNOWN);
    assert_int_equal(driver_where(&d, 0).place, GW_PLACE_UNKNOWN);
    assert_int_equal(driver_where(&d, 4).place, GW_PLACE_UNKNOWN);
    assert_int_equal(driver_where(&d, 3).place, GW_PLACE_ASSIGNED);
    driver_close(&d);
}

static void a_peer_is_known_once_it_had_a_link(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    assert_int_equal(gw_core_knows(d.core, "b"), GW_PEER_UNKNOWN);
    remote_hello(&d, 1, "b", 9);
    assert_int_equal(gw_core_knows(d.core, "b"), GW_PEER_UNKNOWN); /* it only knocked */
    uint64_t link = driver_link(&d, 1, "b");
    assert_int_equal(gw_core_knows(d.core, "b"), GW_PEER_LINKED);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    assert_int_equal(gw_core_knows(d.core, "b"), GW_PEER_AWAY);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_of_a_stream_stand_in_order),
        cmocka_unit_test(runs_hold_what_was_assigned_once),
        cmocka_unit_test(offers_know_their_runs),
        cmocka_unit_test(every_message_is_with_somebody_or_waits),
        cmocka_unit_test(wishes_and_deaths_are_counted),
        cmocka_unit_test(members_are_counted_and_listed),
        cmocka_unit_test(members_that_can_be_given_work_are_known),
        cmocka_unit_test(decisions_and_the_hand_are_apart),
        cmocka_unit_test(the_hand_is_made_of_offers),
        cmocka_unit_test(verdicts_are_of_decisions),
        cmocka_unit_test(returns_are_of_what_is_not_here),
        cmocka_unit_test(a_link_and_its_connection_agree),
        cmocka_unit_test(what_waits_for_its_time_is_known),
        cmocka_unit_test(what_is_asked_for_and_does_not_exist_is_unknown),
        cmocka_unit_test(a_peer_is_known_once_it_had_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
