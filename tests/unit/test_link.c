/* SPDX-License-Identifier: MPL-2.0 */
/* Links: the fence of link ids, liveness, connections. The handshake is in test_handshake.c. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* ---- the fence ---- */

static void a_frame_of_another_link_id_is_reset_and_changes_nothing(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 4);
    uint64_t heard = driver_link_to(&d, "b")->heard_us;
    d.now_us += 1000;
    remote_ack(&d, 1, link + 1, EPOCH, 1, 4);
    assert_int_equal(driver_sent(&d, GW_FRAME_RESET, 0)->link, link + 1);
    assert_int_equal(gw_core_commit_due_us(d.core), GW_NEVER); /* nothing was settled */
    assert_int_equal(driver_link_to(&d, "b")->heard_us, heard);
    remote_serve(&d, 1, link - 1, 0, 0);
    assert_int_equal(driver_sent(&d, GW_FRAME_RESET, 0)->link, link - 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_stale_frames), 2);
    driver_close(&d);
}

static void a_link_id_counts_only_on_its_own_connection(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t b = driver_member(&d, 1, "b", 100);
    driver_member(&d, 2, "c", 0);
    driver_send(&d, EPOCH, 1, 4, 10);
    driver_commit(&d);
    remote_ack(&d, 2, b, EPOCH, 1, 4); /* b's link id, c's connection */
    assert_int_equal(gw_core_commit_due_us(d.core), GW_NEVER);
    assert_int_equal(driver_counter(&d, GW_COUNTER_stale_frames), 1);
    driver_close(&d);
}

static void an_old_links_frames_are_fenced_after_a_new_one(void **state)
{
    (void)state;
    struct driver d;
    uint64_t old = driver_begin(&d, 4);
    uint64_t fresh = driver_member(&d, 2, "b", 100);
    assert_int_not_equal(old, fresh);
    assert_int_equal(driver_counter(&d, GW_COUNTER_links_replaced), 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_links_now), 1);
    remote_ack(&d, 1, old, EPOCH, 1, 4);
    assert_int_equal(driver_sent(&d, GW_FRAME_RESET, 0)->link, old);
    assert_int_equal(gw_core_commit_due_us(d.core), GW_NEVER);
    driver_close(&d);
}

static void reset_and_bye_end_only_the_link_that_they_name(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    remote_say(&d, 1, GW_FRAME_RESET, link + 1);
    assert_int_equal(d.effects.count, 0); /* a RESET is never answered */
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    assert_int_equal(driver_link_to(&d, "b")->id, 0);
    assert_true(driver_noted(&d, GW_NOTE_LINK_DOWN, GW_DOWN_RESET));
    link = driver_link(&d, 1, "b");
    remote_say(&d, 1, GW_FRAME_BYE, link);
    assert_true(driver_noted(&d, GW_NOTE_LINK_DOWN, GW_DOWN_BYE));
    assert_int_equal(driver_counter(&d, GW_COUNTER_links_lost), 1); /* BYE is not a loss */
    driver_close(&d);
}

/* ---- liveness ---- */

static void three_silent_heartbeats_end_a_link(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    for (int i = 0; i < 5; i++)
        driver_tick(&d, DRIVER_HEARTBEAT_US / 2);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    driver_tick(&d, DRIVER_HEARTBEAT_US / 2);
    assert_int_equal(driver_link_to(&d, "b")->id, 0);
    assert_true(driver_noted(&d, GW_NOTE_LINK_DOWN, GW_DOWN_SILENT));
    driver_close(&d);
}

static void any_frame_proves_life_and_pings_go_out_within_a_heartbeat(void **state)
{
    (void)state;
    struct driver d;
    size_t pings = 0;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    for (int i = 0; i < 20; i++) {
        driver_tick(&d, DRIVER_HEARTBEAT_US / 2);
        pings += driver_sent_count(&d, GW_FRAME_PING);
        if (i % 4 == 0)
            remote_serve(&d, 1, link, 1, 1);
    }
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    assert_true(pings >= 9);
    driver_close(&d);
}

static void a_peer_that_slept_itself_blames_nobody_for_the_silence(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    driver_tick(&d, 10 * DRIVER_HEARTBEAT_US); /* our own process stood still */
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    driver_close(&d);
}

static void overdue_answers_are_asked_for_with_growing_pauses(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 1);
    assert_int_equal(gw_core_wake_us(d.core), d.now_us + 200000); /* no sample yet */
    driver_tick(&d, 199999);
    assert_int_equal(driver_counter(&d, GW_COUNTER_probes), 0);
    driver_tick(&d, 1);
    assert_int_equal(driver_sent(&d, GW_FRAME_PING, 0)->u.ping.frames, 4); /* SERVE to DATA */
    driver_tick(&d, 399999);
    assert_int_equal(driver_counter(&d, GW_COUNTER_probes), 1);
    driver_tick(&d, 1);
    assert_int_equal(driver_counter(&d, GW_COUNTER_probes), 2);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0); /* nothing is sent on a timer */
    remote_ping(&d, 1, link, 0);                                /* life: nothing is overdue */
    driver_tick(&d, 399999);
    assert_int_equal(driver_counter(&d, GW_COUNTER_probes), 2);
    driver_close(&d);
}

static void no_probe_waits_longer_than_a_heartbeat(void **state)
{
    (void)state;
    static const uint64_t pauses[] = {200000, 400000, 800000, DRIVER_HEARTBEAT_US};
    struct driver d;
    driver_begin(&d, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(driver_link_to(&d, "b")->probe_due_us, d.now_us + pauses[i]);
        driver_tick(&d, pauses[i]);
    }
    driver_close(&d);
}

static void the_timeout_follows_the_measured_round_trip(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    const struct gw_frame *ping = driver_sent(&d, GW_FRAME_PING, 0);
    assert_non_null(ping);
    d.now_us += 40000;
    remote_pong(&d, 1, link, ping->u.ping.time_us, ping->u.ping.frames);
    assert_int_equal(driver_link_to(&d, "b")->srtt_us, 40000);
    assert_int_equal(driver_link_to(&d, "b")->rttvar_us, 20000);
    driver_send(&d, EPOCH, 1, 1, 10);
    driver_commit(&d);
    assert_int_equal(driver_link_to(&d, "b")->probe_due_us, d.now_us + 120000);
    driver_close(&d);
}

/* Asks at every heartbeat and answers after `rtt_us`. */
static void answer_after(struct driver *d, uint64_t link, uint64_t rtt_us)
{
    driver_tick(d, DRIVER_HEARTBEAT_US);
    const struct gw_frame *ping = driver_sent(d, GW_FRAME_PING, 0);
    assert_non_null(ping);
    uint64_t time_us = ping->u.ping.time_us, frames = ping->u.ping.frames;
    d->now_us += rtt_us;
    remote_pong(d, 1, link, time_us, frames);
}

static void a_shorter_round_trip_brings_the_timeout_down(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    answer_after(&d, link, 40000);
    answer_after(&d, link, 24000);
    assert_int_equal(driver_link_to(&d, "b")->srtt_us, 38000);
    assert_int_equal(driver_link_to(&d, "b")->rttvar_us, 19000);
    driver_close(&d);
}

static void no_probe_comes_sooner_than_after_10_ms(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 100);
    answer_after(&d, link, 0);
    assert_int_equal(driver_link_to(&d, "b")->srtt_us, 1);
    driver_send(&d, EPOCH, 1, 1, 10);
    driver_commit(&d);
    assert_int_equal(driver_link_to(&d, "b")->probe_due_us, d.now_us + 10000);
    driver_close(&d);
}

static void pauses_spread_so_that_many_peers_do_not_act_in_step(void **state)
{
    (void)state;
    struct driver d;
    struct gw_core_options options;
    driver_options(&options, "a");
    options.no_jitter = false;
    driver_open_with(&d, &options);
    uint64_t shortest = UINT64_MAX, longest = 0;
    for (uint64_t i = 0; i < 100; i++) {
        driver_link(&d, 1, "b");
        uint64_t pause = driver_link_to(&d, "b")->ping_due_us - d.now_us;
        shortest = pause < shortest ? pause : shortest;
        longest = pause > longest ? pause : longest;
    }
    assert_in_range(shortest, DRIVER_HEARTBEAT_US * 8 / 10, DRIVER_HEARTBEAT_US * 85 / 100);
    assert_in_range(longest, DRIVER_HEARTBEAT_US * 115 / 100, DRIVER_HEARTBEAT_US * 12 / 10);
    driver_close(&d);
}

static void a_pong_that_answers_no_ping_measures_nothing(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    remote_pong(&d, 1, link, d.now_us, 0); /* none is open */
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    uint64_t time_us = driver_sent(&d, GW_FRAME_PING, 0)->u.ping.time_us;
    remote_pong(&d, 1, link, time_us - 1, 0); /* an older one */
    remote_pong(&d, 1, link, d.now_us + 1, 0); /* one that was not said yet */
    assert_int_equal(driver_link_to(&d, "b")->srtt_us, 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_gaps), 0);
    driver_close(&d);
}

/* The rest of such a frame is of a link that is no more. */
static void a_ping_or_pong_that_breaks_the_rules_ends_there(void **state)
{
    (void)state;
    for (int pong = 0; pong < 2; pong++) {
        struct driver d;
        driver_open(&d, "b");
        driver_serve(&d, "work", 10, 1 << 20);
        uint64_t link = driver_sender(&d, 1, "s", EPOCH);
        struct gw_floor floors[] = {{EPOCH, 9, 3}, {EPOCH, 2, 3}};
        struct gw_frame frame = {.type = pong ? GW_FRAME_PONG : GW_FRAME_PING, .link = link};
        frame.u.ping.floors = floors;
        frame.u.ping.floor_count = 2;
        driver_frame(&d, 1, &frame);
        assert_true(driver_noted(&d, GW_NOTE_VIOLATION, GW_FRAME_PING));
        assert_int_equal(driver_sent_count(&d, GW_FRAME_PONG), 0);
        struct gw_window_view view;
        assert_true(driver_window(&d, EPOCH, &view));
        assert_int_equal(view.floor, 1);
        driver_close(&d);
    }
}

/* Its own absence is nobody's fault: who is asked to prove that it lives has its time after it. */
static void a_peer_that_slept_gives_an_incumbent_its_time(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    remote_hello(&d, 2, "b", 4242);
    driver_tick(&d, 10 * DRIVER_HEARTBEAT_US);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    driver_tick(&d, 200000);
    assert_int_equal(driver_link_to(&d, "b")->id, 0);
    driver_close(&d);
}

static void a_pong_that_counts_too_few_proves_a_gap(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 1);
    driver_tick(&d, 200000);
    uint64_t time_us = driver_sent(&d, GW_FRAME_PING, 0)->u.ping.time_us;
    remote_pong(&d, 1, link, time_us, 0); /* it never got the DATA */
    assert_int_equal(driver_sent(&d, GW_FRAME_RESET, 0)->link, link);
    assert_true(driver_noted(&d, GW_NOTE_LINK_DOWN, GW_DOWN_GAP));
    driver_member(&d, 1, "b", 100);
    assert_int_equal(driver_data(&d, 0).first, 1); /* exactly that again */
    assert_true(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.redelivered);
    driver_close(&d);
}

static void what_left_after_the_ping_is_no_gap(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 100);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    uint64_t time_us = driver_sent(&d, GW_FRAME_PING, 0)->u.ping.time_us;
    uint64_t frames = driver_sent(&d, GW_FRAME_PING, 0)->u.ping.frames;
    driver_send(&d, EPOCH, 1, 1, 10);
    driver_commit(&d);
    remote_pong(&d, 1, link, time_us, frames);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    assert_int_equal(driver_counter(&d, GW_COUNTER_gaps), 0);
    driver_close(&d);
}

static void a_gap_is_found_although_the_round_trip_is_longer_than_the_heartbeat(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = driver_begin(&d, 1);
    uint64_t asked[40];
    size_t count = 0, answered = 0;
    for (int i = 0; i < 40 && driver_link_to(&d, "b")->id; i++) { /* answers come 2 s late */
        driver_tick(&d, 250000);
        const struct gw_frame *ping = driver_sent(&d, GW_FRAME_PING, 0);
        if (ping)
            asked[count++] = ping->u.ping.time_us;
        if (answered < count && d.now_us >= asked[answered] + 2 * DRIVER_HEARTBEAT_US)
            remote_pong(&d, 1, link, asked[answered++], 0);
    }
    assert_int_equal(driver_counter(&d, GW_COUNTER_gaps), 1);
    driver_close(&d);
}

static void two_pings_of_one_moment_are_not_mistaken_for_a_gap(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_member(&d, 1, "b", 100);
    d.now_us += DRIVER_HEARTBEAT_US;
    remote_hello(&d, 2, "b", 4242); /* asks the incumbent */
    uint64_t time_us = driver_sent_on(&d, 1, GW_FRAME_PING)->u.ping.time_us;
    uint64_t frames = driver_sent_on(&d, 1, GW_FRAME_PING)->u.ping.frames;
    driver_send(&d, EPOCH, 1, 1, 10);
    driver_commit(&d);
    driver_tick(&d, 0); /* a heartbeat in the same microsecond */
    assert_int_equal(driver_sent_count(&d, GW_FRAME_PING), 1);
    remote_pong(&d, 1, link, time_us, frames);
    assert_int_equal(driver_counter(&d, GW_COUNTER_gaps), 0);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    driver_close(&d);
}

/* ---- connections ---- */

static void hellos_back_off_to_about_a_heartbeat(void **state)
{
    (void)state;
    static const uint64_t pauses[] = {50000, 100000, 200000, 400000, 800000, 1000000, 1000000};
    struct driver d;
    driver_open(&d, "a");
    driver_dial(&d, 1);
    driver_tick(&d, 0);
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        driver_tick(&d, pauses[i] - 1);
        assert_int_equal(driver_sent_count(&d, GW_FRAME_HELLO), 0);
        driver_tick(&d, 1);
        assert_int_equal(driver_sent_count(&d, GW_FRAME_HELLO), 1);
    }
    driver_close(&d);
}

static void two_who_cannot_agree_do_not_spin(void **state)
{
    (void)state;
    struct driver d;
    size_t hellos = 0;
    driver_open(&d, "a");
    driver_dial(&d, 1);
    for (uint64_t i = 0; i < 1000; i++) { /* 10 s; every link is ended at once */
        driver_tick(&d, 10000);
        if (!driver_sent_count(&d, GW_FRAME_HELLO))
            continue;
        hellos++;
        remote_welcome(&d, 1, 1000 + i, "b", 9);
        remote_say(&d, 1, GW_FRAME_RESET, 1000 + i);
    }
    assert_in_range(hellos, 5, 20);
    driver_close(&d);
}

static void a_lost_connection_that_was_dialled_is_dialled_again(void **state)
{
    (void)state;
    struct driver d;
    driver_dialled(&d, 55);
    driver_lost(&d, 1);
    assert_true(driver_noted(&d, GW_NOTE_LINK_DOWN, GW_DOWN_LOST));
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_HELLO), 1);
    driver_close(&d);
}

static void unused_connections_are_forgotten_even_if_nothing_else_happens(void **state)
{
    (void)state;
    struct driver d;
    size_t hangups = 0;
    driver_open(&d, "a");
    for (uint64_t conn = 1; conn < 300; conn++)
        remote_say(&d, conn, GW_FRAME_PING, 1);
    uint64_t link = driver_link(&d, 300, "b");
    remote_say(&d, 300, GW_FRAME_BYE, link);
    assert_int_equal(d.core->conns.count, 300);
    for (int i = 0; i < 10 && gw_core_wake_us(d.core) != GW_NEVER; i++) {
        uint64_t wake = gw_core_wake_us(d.core);
        driver_tick(&d, wake > d.now_us ? wake - d.now_us : 0);
        hangups += driver_count(&d, GW_EFFECT_HANGUP);
    }
    assert_int_equal(d.core->conns.count, 0);
    assert_int_equal(hangups, 300);
    driver_close(&d);
}

/* The links of a hub fall due one by one, since pauses spread: it must not wake up for each. */
static void many_links_are_looked_at_together(void **state)
{
    (void)state;
    struct driver d;
    struct gw_core_options options;
    char name[GW_NAME_MAX + 1];
    size_t ticks = 0, pings = 0;
    driver_options(&options, "a");
    options.no_jitter = false;
    driver_open_with(&d, &options);
    for (uint64_t conn = 1; conn <= 500; conn++) {
        snprintf(name, sizeof name, "b%d", (int)conn);
        driver_link(&d, conn, name);
    }
    driver_from_here();
    uint64_t end_us = d.now_us + DRIVER_HEARTBEAT_US * 5 / 4;
    while (gw_core_wake_us(d.core) <= end_us) {
        uint64_t wake = gw_core_wake_us(d.core);
        driver_tick(&d, wake > d.now_us ? wake - d.now_us : 0);
        pings += driver_sent_count(&d, GW_FRAME_PING);
        ticks++;
    }
    assert_true(pings >= 500);
    assert_in_range(ticks, 1, 64 * 5 / 4 + 1);
    driver_close(&d);
}

/* However many links there are, a tick looks at those that are due; and at each kind of timer. */
static void a_tick_costs_what_is_due_and_not_what_there_is(void **state)
{
    (void)state;
    struct driver d;
    char name[GW_NAME_MAX + 1];
    driver_open(&d, "a");
    for (uint64_t conn = 1; conn <= 500; conn++) {
        snprintf(name, sizeof name, "b%d", (int)conn);
        driver_link(&d, conn, name);
        driver_tick(&d, 1000);
    }
    driver_from_here();
    uint64_t before = gw_core_looks(d.core);
    size_t pings = 0;
    for (int i = 0; i < 100; i++) {
        driver_tick(&d, 10000); /* ten links became due, or none did */
        pings += driver_sent_count(&d, GW_FRAME_PING);
    }
    assert_in_range(pings, 490, 510);
    assert_in_range(gw_core_looks(d.core) - before, pings, pings + 100 * GW_TIMERS);
    driver_close(&d);
}

/* Those of one moment come in the order in which they were set. */
static void endpoints_are_dialled_in_the_order_in_which_they_were_given(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    for (uint64_t conn = 9; conn > 0; conn--)
        driver_dial(&d, conn);
    driver_tick(&d, 0);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_HELLO), 9);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(driver_effect(&d, GW_EFFECT_SEND, i)->u.send.conn, 9 - i);
    driver_close(&d);
}

static void leaving_says_bye_on_every_link_and_dials_no_more(void **state)
{
    (void)state;
    struct driver d;
    driver_dialled(&d, 55);
    driver_link(&d, 2, "c");
    driver_leave(&d);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_BYE), 2);
    assert_int_equal(driver_counter(&d, GW_COUNTER_links_now), 0);
    driver_tick(&d, 10 * DRIVER_HEARTBEAT_US);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_HELLO), 0);
    driver_close(&d);
}

static void a_last_bye_is_answered_and_waited_for(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    struct gw_frame bye = {.type = GW_FRAME_BYE, .link = link};
    bye.u.bye.last = true;
    driver_frame(&d, 1, &bye);
    assert_false(driver_sent(&d, GW_FRAME_BYE, 0)->u.bye.last);
    link = driver_link(&d, 2, "c");
    driver_leave(&d);
    assert_true(driver_sent(&d, GW_FRAME_BYE, 0)->u.bye.last);
    assert_true(gw_core_is_leaving(d.core));
    remote_hello(&d, 2, "c", 3);
    assert_null(driver_sent(&d, GW_FRAME_WELCOME, 0)); /* it is over */
    remote_say(&d, 2, GW_FRAME_BYE, link);
    assert_false(gw_core_is_leaving(d.core));
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_of_another_link_id_is_reset_and_changes_nothing),
        cmocka_unit_test(a_link_id_counts_only_on_its_own_connection),
        cmocka_unit_test(an_old_links_frames_are_fenced_after_a_new_one),
        cmocka_unit_test(reset_and_bye_end_only_the_link_that_they_name),
        cmocka_unit_test(three_silent_heartbeats_end_a_link),
        cmocka_unit_test(any_frame_proves_life_and_pings_go_out_within_a_heartbeat),
        cmocka_unit_test(a_peer_that_slept_itself_blames_nobody_for_the_silence),
        cmocka_unit_test(overdue_answers_are_asked_for_with_growing_pauses),
        cmocka_unit_test(no_probe_waits_longer_than_a_heartbeat),
        cmocka_unit_test(the_timeout_follows_the_measured_round_trip),
        cmocka_unit_test(a_shorter_round_trip_brings_the_timeout_down),
        cmocka_unit_test(no_probe_comes_sooner_than_after_10_ms),
        cmocka_unit_test(pauses_spread_so_that_many_peers_do_not_act_in_step),
        cmocka_unit_test(a_pong_that_answers_no_ping_measures_nothing),
        cmocka_unit_test(a_ping_or_pong_that_breaks_the_rules_ends_there),
        cmocka_unit_test(a_peer_that_slept_gives_an_incumbent_its_time),
        cmocka_unit_test(a_pong_that_counts_too_few_proves_a_gap),
        cmocka_unit_test(what_left_after_the_ping_is_no_gap),
        cmocka_unit_test(a_gap_is_found_although_the_round_trip_is_longer_than_the_heartbeat),
        cmocka_unit_test(two_pings_of_one_moment_are_not_mistaken_for_a_gap),
        cmocka_unit_test(hellos_back_off_to_about_a_heartbeat),
        cmocka_unit_test(two_who_cannot_agree_do_not_spin),
        cmocka_unit_test(a_lost_connection_that_was_dialled_is_dialled_again),
        cmocka_unit_test(unused_connections_are_forgotten_even_if_nothing_else_happens),
        cmocka_unit_test(a_last_bye_is_answered_and_waited_for),
        cmocka_unit_test(many_links_are_looked_at_together),
        cmocka_unit_test(a_tick_costs_what_is_due_and_not_what_there_is),
        cmocka_unit_test(endpoints_are_dialled_in_the_order_in_which_they_were_given),
        cmocka_unit_test(leaving_says_bye_on_every_link_and_dials_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
