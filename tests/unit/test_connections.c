/* SPDX-License-Identifier: MPL-2.0 */
/* Connections and those behind them: what comes before a link, without one, and too many of
 * them. */

#include "base/crc32c.h"
#include "core/state.h"
#include "support/core_receiver.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void on_conn(struct driver *d, enum gw_event_type type, uint64_t conn)
{
    struct gw_event event = {.type = (uint8_t)type};
    event.u.conn.conn = conn;
    driver_step(d, &event);
}

/* ---- without a link ---- */

static void what_is_no_frame_ends_the_link_it_comes_on(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    on_conn(&d, GW_EVENT_MALFORMED, 1);
    assert_int_equal(driver_sent(&d, GW_FRAME_RESET, 0)->link, link);
    assert_true(driver_noted(&d, GW_NOTE_LINK_DOWN, GW_DOWN_VIOLATION));
    assert_int_equal(driver_counter(&d, GW_COUNTER_malformed), 1);
    driver_close(&d);
}

static void noise_without_a_link_is_counted_and_its_connection_known(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    on_conn(&d, GW_EVENT_MALFORMED, 1);
    on_conn(&d, GW_EVENT_CORRUPT, 2);
    assert_int_equal(d.effects.count, 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_malformed), 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_bad_checksum), 1);
    driver_tick(&d, 1); /* the clock is known from now on */
    for (int i = 0; i < 70; i++)
        driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_int_equal(d.core->conns.count, 0); /* it is forgotten like any that brings nothing */
    driver_close(&d);
}

static void connections_that_are_not_known_end_without_a_word(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_lost(&d, 1);
    assert_int_equal(d.effects.count, 0);
    driver_undial(&d, 2);
    assert_int_equal(d.effects.count, 0);
    driver_close(&d);
}

static void an_endpoint_without_a_link_is_forgotten_without_a_word(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_dial(&d, 1);
    driver_undial(&d, 1);
    assert_int_equal(d.effects.count, 0);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_HELLO), 0);
    driver_close(&d);
}

/* It dials again when the link ends for which it stood back. */
static void a_connection_that_stood_back_may_be_lost_and_found(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "b");
    driver_dial(&d, 1);
    driver_tick(&d, 0);
    uint64_t link = driver_link(&d, 2, "a");
    struct gw_identity identity = gw_remote_find(d.core, "a")->identity;
    remote_welcome(&d, 1, 55, "a", identity.process);
    assert_int_equal(driver_link_to(&d, "a")->id, link);
    remote_welcome(&d, 1, 56, "a", identity.process); /* it asks for nothing any more */
    assert_int_equal(d.effects.count, 0);
    driver_lost(&d, 1);
    driver_tick(&d, DRIVER_HEARTBEAT_US / 2);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_HELLO), 0);
    remote_say(&d, 2, GW_FRAME_RESET, link);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_non_null(driver_sent_on(&d, 1, GW_FRAME_HELLO));
    driver_close(&d);
}

static void a_lost_dial_that_never_had_a_link_is_tried_again_after_a_pause(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_dial(&d, 1);
    driver_lost(&d, 1);
    driver_tick(&d, 1);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_HELLO), 0);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_HELLO), 1);
    driver_close(&d);
}

static void a_refusal_that_names_no_link_of_ours_is_noted_and_ends_nothing(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin_with(&d, 10, 1);
    remote_refuse(&d, 1, link + 1, GW_REFUSE_EPOCH, EPOCH); /* of an earlier link */
    remote_refuse(&d, 2, link, GW_REFUSE_EPOCH, EPOCH);     /* there is none on that one */
    assert_false(driver_noted(&d, GW_NOTE_QUARANTINE, EPOCH));
    remote_refuse(&d, 2, 0, GW_REFUSE_CROSSED, 0); /* nobody is known there */
    assert_true(driver_noted(&d, GW_NOTE_REFUSED, GW_REFUSE_CROSSED));
    remote_hello(&d, 3, "c", 9);
    remote_refuse(&d, 3, 0, GW_REFUSE_CROSSED, 0); /* no link is shared with that one */
    assert_int_equal(driver_counter(&d, GW_COUNTER_refusals_received), 4);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    driver_close(&d);
}

static void a_frame_of_no_known_type_is_life_and_no_more(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    driver_tick(&d, 500);
    remote_say(&d, 1, GW_FRAME_SKIP + 1, link);
    assert_int_equal(d.effects.count, 0);
    assert_int_equal(driver_link_to(&d, "b")->heard_us, d.now_us);
    driver_close(&d);
}

static void an_event_of_no_known_type_changes_nothing(void **state)
{
    (void)state;
    struct driver d;
    struct gw_event event = {.type = GW_EVENT_RETIRE + 1};
    driver_open(&d, "a");
    assert_int_equal(driver_step(&d, &event), 0);
    assert_int_equal(d.effects.count, 0);
    driver_close(&d);
}

/* It may be all that is left of a frame of ours. */
static void a_frame_of_another_version_without_a_link_is_counted(void **state)
{
    (void)state;
    struct driver d;
    struct gw_frame frame = {.type = GW_FRAME_DATA, .link = 7};
    struct gw_event event = {.type = GW_EVENT_FRAME};
    driver_open(&d, "a");
    event.u.frame.conn = 1;
    event.u.frame.frame = &frame;
    event.u.frame.version_alien = true;
    driver_step(&d, &event);
    assert_int_equal(driver_counter(&d, GW_COUNTER_malformed), 1);
    assert_int_equal(d.effects.count, 0);
    driver_close(&d);
}

static void a_peer_may_have_several_connections_and_lose_each(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    uint64_t process = gw_remote_find(d.core, "b")->identity.process;
    remote_hello(&d, 2, "b", process);
    remote_hello(&d, 3, "b", process);
    driver_lost(&d, 3);
    driver_lost(&d, 2);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    remote_hello(&d, 4, "b", process);
    driver_lost(&d, 1);
    assert_int_equal(driver_link_to(&d, "b")->id, 0);
    assert_int_equal(d.core->conns.count, 1);
    driver_close(&d);
}

/* ---- names ---- */

/* Three names of one checksum. The last one that is known stands first where they are looked up. */
static void names_of_one_hash_are_different_peers(void **state)
{
    (void)state;
    static const char *const names[] = {"gwilmytg", "5hzg3ay4", "yy0fd5wp"};
    static const int orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(gw_crc32c(0, names[i], 8), gw_crc32c(0, names[0], 8));
    for (size_t order = 0; order < 3; order++) {
        struct driver d;
        driver_open(&d, "a");
        for (uint64_t i = 0; i < 3; i++)
            remote_hello(&d, 1 + i, names[i], 9);
        for (size_t i = 0; i < 3; i++) { /* who never had a link goes with its connection */
            for (size_t j = 0; j < 3; j++) {
                const struct gw_remote *remote = gw_remote_find(d.core, names[orders[order][j]]);
                assert_int_equal(remote != NULL, j >= i);
                if (remote)
                    assert_string_equal(remote->name, names[orders[order][j]]);
            }
            driver_lost(&d, 1 + (uint64_t)orders[order][i]);
        }
        assert_int_equal(d.core->remote_count, 0);
        driver_close(&d);
    }
}

/* ---- many ---- */

static void fill(struct driver *d, enum gw_event_type type)
{
    for (uint64_t conn = 1; conn <= GW_CONNS_MAX; conn++)
        on_conn(d, type, conn);
    assert_int_equal(d->core->conns.count, GW_CONNS_MAX);
}

static void a_full_table_gives_the_place_of_who_was_silent_for_longest(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_dial(&d, 1);
    driver_tick(&d, 0);
    remote_say(&d, 2, GW_FRAME_PING, 1);
    driver_link(&d, 3, "b");
    driver_tick(&d, 1);
    remote_say(&d, 4, GW_FRAME_PING, 1);
    for (uint64_t conn = 5; conn <= GW_CONNS_MAX; conn++)
        on_conn(&d, GW_EVENT_MALFORMED, conn);
    driver_from_here();
    remote_hello(&d, 99999, "c", 9);
    assert_int_equal(driver_effect(&d, GW_EFFECT_HANGUP, 0)->u.conn, 2);
    assert_non_null(driver_sent_on(&d, 99999, GW_FRAME_WELCOME));
    driver_close(&d);
}

static void a_table_full_of_endpoints_of_ours_lets_nobody_in(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    fill(&d, GW_EVENT_DIAL);
    driver_from_here();
    remote_hello(&d, 99999, "c", 9);
    on_conn(&d, GW_EVENT_MALFORMED, 99999);
    on_conn(&d, GW_EVENT_CORRUPT, 99999);
    on_conn(&d, GW_EVENT_DIAL, 99999);
    assert_int_equal(d.effects.count, 0);
    assert_int_equal(d.core->conns.count, GW_CONNS_MAX);
    assert_null(gw_remote_find(d.core, "c"));
    driver_close(&d);
}

/* ---- a BYE for good ---- */

static void a_memory_peer_ends_once(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    struct gw_frame bye = {.type = GW_FRAME_BYE};
    bye.link = driver_memory_link(&d, 1, "m", 1);
    bye.u.bye.last = true;
    driver_frame(&d, 1, &bye);
    assert_true(gw_remote_find(d.core, "m")->gone);
    driver_memory_link(&d, 1, "m", 2); /* the next process of that name */
    assert_false(gw_remote_find(d.core, "m")->gone);
    assert_int_equal(driver_counter(&d, GW_COUNTER_memory_peers_gone), 1);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_frame_ends_the_link_it_comes_on),
        cmocka_unit_test(noise_without_a_link_is_counted_and_its_connection_known),
        cmocka_unit_test(connections_that_are_not_known_end_without_a_word),
        cmocka_unit_test(an_endpoint_without_a_link_is_forgotten_without_a_word),
        cmocka_unit_test(a_connection_that_stood_back_may_be_lost_and_found),
        cmocka_unit_test(a_lost_dial_that_never_had_a_link_is_tried_again_after_a_pause),
        cmocka_unit_test(a_refusal_that_names_no_link_of_ours_is_noted_and_ends_nothing),
        cmocka_unit_test(a_frame_of_no_known_type_is_life_and_no_more),
        cmocka_unit_test(an_event_of_no_known_type_changes_nothing),
        cmocka_unit_test(a_frame_of_another_version_without_a_link_is_counted),
        cmocka_unit_test(a_peer_may_have_several_connections_and_lose_each),
        cmocka_unit_test(names_of_one_hash_are_different_peers),
        cmocka_unit_test(a_full_table_gives_the_place_of_who_was_silent_for_longest),
        cmocka_unit_test(a_table_full_of_endpoints_of_ours_lets_nobody_in),
        cmocka_unit_test(a_memory_peer_ends_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
