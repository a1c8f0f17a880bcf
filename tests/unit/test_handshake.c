/* SPDX-License-Identifier: MPL-2.0 */
/* How two peers get one link: HELLO, WELCOME, READY, and who wins. */

#include "core/state.h"
#include "support/core_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* Moves the frames that `from` sent on its connection over to `to`. */
static void pass(struct driver *from, uint64_t conn, struct driver *to, uint64_t to_conn)
{
    for (size_t i = 0; i < from->effects.count; i++) {
        const struct gw_effect *effect = &from->effects.items[i];
        if (effect->type == GW_EFFECT_SEND && effect->u.send.conn == conn)
            driver_frame(to, to_conn, effect->u.send.frame);
    }
}

/* ---- the handshake ---- */

static void a_dialler_says_hello_and_takes_the_link_of_the_welcome(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_dial(&d, 1);
    driver_tick(&d, 0);
    const struct gw_frame *hello = driver_sent(&d, GW_FRAME_HELLO, 0);
    assert_non_null(hello);
    assert_int_equal(hello->link, 0);
    assert_string_equal(hello->u.identity.name, "a");
    remote_welcome(&d, 1, 55, "b", 9);
    assert_int_equal(driver_sent(&d, GW_FRAME_READY, 0)->link, 55);
    assert_int_equal(driver_sent(&d, GW_FRAME_SERVE, 0)->link, 55);
    assert_true(driver_sent(&d, GW_FRAME_ACK, 0)->u.ack.complete);
    assert_true(driver_noted(&d, GW_NOTE_LINK_UP, 0));
    assert_int_equal(driver_link_to(&d, "b")->id, 55);
    driver_close(&d);
}

/* Late copies of the frames of that link would come behind it. */
static void a_late_copy_of_a_welcome_brings_no_link_back(void **state)
{
    (void)state;
    struct driver d;
    driver_dialled(&d, 55);
    remote_say(&d, 1, GW_FRAME_RESET, 55);
    driver_tick(&d, 10000000);
    assert_non_null(driver_sent(&d, GW_FRAME_HELLO, 0));
    remote_welcome(&d, 1, 55, "b", 9);
    assert_int_equal(driver_link_to(&d, "b")->id, 0);
    remote_welcome(&d, 1, 56, "b", 9);
    assert_int_equal(driver_link_to(&d, "b")->id, 56);
    driver_close(&d);
}

static void an_acceptor_has_the_link_only_at_ready(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    remote_hello(&d, 1, "b", 9);
    const struct gw_frame *welcome = driver_sent(&d, GW_FRAME_WELCOME, 0);
    uint64_t link = welcome->link;
    assert_int_equal(link, d.entropy); /* drawn by the shell, for this very frame */
    assert_int_equal(driver_link_to(&d, "b")->id, 0);
    remote_say(&d, 1, GW_FRAME_READY, link);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    assert_int_equal(driver_counter(&d, GW_COUNTER_links_now), 1);
    driver_close(&d);
}

static void ready_counts_only_for_the_last_welcome(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    remote_hello(&d, 1, "b", 9);
    uint64_t first = driver_sent(&d, GW_FRAME_WELCOME, 0)->link;
    remote_hello(&d, 2, "b", 9); /* a reconnect: another connection */
    uint64_t second = driver_sent(&d, GW_FRAME_WELCOME, 0)->link;
    remote_say(&d, 1, GW_FRAME_READY, first);
    assert_int_equal(driver_sent(&d, GW_FRAME_RESET, 0)->link, first);
    assert_int_equal(driver_link_to(&d, "b")->id, 0);
    remote_say(&d, 2, GW_FRAME_READY, second);
    assert_int_equal(driver_link_to(&d, "b")->id, second);
    driver_close(&d);
}

static void a_stray_hello_disturbs_no_link(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    remote_hello(&d, 2, "b", gw_remote_find(d.core, "b")->identity.process);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    remote_ping(&d, 1, link, 0);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_PONG), 1);
    driver_close(&d);
}

static void a_second_ready_changes_nothing(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    remote_say(&d, 1, GW_FRAME_READY, link);
    assert_int_equal(d.effects.count, 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_links_up), 1);
    driver_close(&d);
}

static void hello_is_refused_by_version_and_by_its_own_name(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    struct gw_frame hello = {.type = GW_FRAME_HELLO};
    remote_identity(&hello.u.identity, "b", 9);
    hello.u.identity.version_min = hello.u.identity.version_max = 2;
    driver_frame(&d, 1, &hello);
    assert_int_equal(driver_sent(&d, GW_FRAME_REFUSE, 0)->u.refuse.code, GW_REFUSE_VERSION);
    remote_hello(&d, 2, "a", 9);
    assert_int_equal(driver_sent(&d, GW_FRAME_REFUSE, 0)->u.refuse.code, GW_REFUSE_SELF);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_WELCOME), 0);
    driver_close(&d);
}

/* A header damaged on the way may look like one: what it was would be missing, unnoticed. */
static void a_frame_of_another_version_ends_the_link_it_comes_on(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    struct gw_frame frame = {.type = GW_FRAME_DATA, .link = link};
    struct gw_event event = {.type = GW_EVENT_FRAME};
    event.u.frame.conn = 1;
    event.u.frame.frame = &frame;
    event.u.frame.version_alien = true;
    driver_step(&d, &event);
    assert_non_null(driver_sent_on(&d, 1, GW_FRAME_RESET));
    assert_int_equal(driver_link_to(&d, "b")->id, 0);
    assert_int_equal(gw_core_counters(d.core)[GW_COUNTER_violations], 0); /* nobody is accused */
    driver_close(&d);
}

static void a_connection_speaks_for_one_name(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    remote_hello(&d, 1, "c", 9);
    assert_int_equal(driver_sent(&d, GW_FRAME_REFUSE, 0)->u.refuse.code, GW_REFUSE_IDENTITY);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    driver_close(&d);
}

static void hello_is_refused_if_all_its_versions_are_older(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    struct gw_frame hello = {.type = GW_FRAME_HELLO};
    remote_identity(&hello.u.identity, "b", 9);
    hello.u.identity.version_min = hello.u.identity.version_max = 0;
    driver_frame(&d, 1, &hello);
    assert_int_equal(driver_sent(&d, GW_FRAME_REFUSE, 0)->u.refuse.code, GW_REFUSE_VERSION);
    driver_close(&d);
}

static void hello_is_refused_when_too_many_others_are_known(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    d.core->remote_count = GW_REMOTES_MAX;
    remote_hello(&d, 1, "b", 9);
    assert_int_equal(driver_sent(&d, GW_FRAME_REFUSE, 0)->u.refuse.code, GW_REFUSE_BUSY);
    assert_null(gw_remote_find(d.core, "b"));
    driver_close(&d);
}

/* Whoever is dialled answers. */
static void a_hello_on_a_dialled_connection_is_noise(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_dial(&d, 1);
    remote_hello(&d, 1, "b", 9);
    assert_int_equal(d.effects.count, 0);
    assert_null(gw_remote_find(d.core, "b"));
    driver_close(&d);
}

static void a_ready_on_a_dialled_connection_or_before_any_hello_is_reset(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_dial(&d, 1);
    remote_say(&d, 1, GW_FRAME_READY, 55);
    assert_int_equal(driver_sent_on(&d, 1, GW_FRAME_RESET)->link, 55);
    remote_say(&d, 2, GW_FRAME_READY, 66);
    assert_int_equal(driver_sent_on(&d, 2, GW_FRAME_RESET)->link, 66);
    assert_int_equal(driver_counter(&d, GW_COUNTER_links_up), 0);
    driver_close(&d);
}

static void a_welcome_counts_only_where_it_is_waited_for(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_dial(&d, 1);
    remote_welcome(&d, 1, 55, "b", 9); /* no HELLO was said */
    remote_welcome(&d, 2, 55, "b", 9); /* nobody dialled there */
    driver_tick(&d, 0);
    remote_welcome(&d, 1, 0, "b", 9); /* no link has that id */
    assert_int_equal(driver_counter(&d, GW_COUNTER_links_up), 0);
    remote_welcome(&d, 1, 55, "b", 9);
    assert_int_equal(driver_link_to(&d, "b")->id, 55);
    remote_welcome(&d, 1, 56, "b", 9); /* it has a link */
    assert_int_equal(driver_link_to(&d, "b")->id, 55);
    driver_close(&d);
}

/* 0 means no link. */
static void no_link_has_the_id_0(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    d.entropy = UINT64_MAX; /* the shell draws 0 next */
    remote_hello(&d, 1, "b", 9);
    assert_int_equal(driver_sent(&d, GW_FRAME_WELCOME, 0)->link, 1);
    driver_close(&d);
}

/* ---- who wins ---- */

static void crossing(bool a_first, bool b_ready_late)
{
    struct driver a, b;
    driver_open(&a, "a");
    driver_open(&b, "b");
    b.options.process = 2000;
    b.core->options.process = 2000;
    b.entropy = 9000;
    driver_dial(&a, 1); /* a's connection 1 is b's 2; b's connection 1 is a's 2 */
    driver_dial(&b, 1);
    driver_tick(&a, 0);
    driver_tick(&b, 0);
    struct gw_frame hello_a = *driver_sent(&a, GW_FRAME_HELLO, 0);
    struct gw_frame hello_b = *driver_sent(&b, GW_FRAME_HELLO, 0);
    driver_frame(&a, 2, &hello_b);
    struct gw_frame welcome_a = *driver_sent(&a, GW_FRAME_WELCOME, 0);
    driver_frame(&b, 2, &hello_a);
    struct gw_frame welcome_b = *driver_sent(&b, GW_FRAME_WELCOME, 0);
    struct gw_frame ready_b = {.type = GW_FRAME_READY, .link = welcome_a.link};
    if (a_first) { /* a's dial is up before b's */
        driver_frame(&a, 1, &welcome_b);
        pass(&a, 1, &b, 2);
        driver_frame(&b, 1, &welcome_a);
        assert_int_equal(driver_sent_count(&b, GW_FRAME_READY), 0); /* b stands back */
    } else {
        driver_frame(&b, 1, &welcome_a);
        assert_int_equal(driver_sent_count(&b, GW_FRAME_READY), 1);
        if (!b_ready_late)
            driver_frame(&a, 2, &ready_b);
        driver_frame(&a, 1, &welcome_b);
        assert_int_equal(driver_sent_count(&a, GW_FRAME_READY), 1); /* a's dial wins */
        pass(&a, 1, &b, 2);
        if (b_ready_late) {
            driver_frame(&a, 2, &ready_b);
            assert_int_equal(driver_sent(&a, GW_FRAME_REFUSE, 0)->u.refuse.code,
                             GW_REFUSE_CROSSED);
            pass(&a, 2, &b, 1);
        }
    }
    assert_int_equal(driver_link_to(&a, "b")->id, welcome_b.link);
    assert_int_equal(driver_link_to(&b, "a")->id, welcome_b.link);
    assert_int_equal(driver_counter(&a, GW_COUNTER_links_now), 1);
    assert_int_equal(driver_counter(&b, GW_COUNTER_links_now), 1);
    driver_tick(&b, DRIVER_HEARTBEAT_US / 2);
    assert_int_equal(driver_sent_count(&b, GW_FRAME_HELLO), 0); /* the other dial rests */
    driver_close(&a);
    driver_close(&b);
}

static void crossing_dials_end_in_the_lower_names_link(void **state)
{
    (void)state;
    crossing(true, false);
    crossing(false, false);
    crossing(false, true);
}

static void a_dial_that_stood_back_dials_when_the_link_ends(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "b");
    driver_dial(&d, 1);
    driver_tick(&d, 0);
    remote_hello(&d, 2, "a", 9); /* a's dial: it wins */
    uint64_t link = driver_sent(&d, GW_FRAME_WELCOME, 0)->link;
    remote_say(&d, 2, GW_FRAME_READY, link);
    remote_welcome(&d, 1, 55, "a", 9);
    assert_int_equal(driver_link_to(&d, "a")->id, link);
    d.now_us += 2 * DRIVER_HEARTBEAT_US;
    remote_say(&d, 2, GW_FRAME_RESET, link);
    driver_tick(&d, 0);
    assert_non_null(driver_sent_on(&d, 1, GW_FRAME_HELLO));
    driver_close(&d);
}

static void an_endpoint_that_stood_back_dials_when_the_other_is_disconnected(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_dial(&d, 1); /* two endpoints of one peer */
    driver_dial(&d, 2);
    driver_tick(&d, 0);
    remote_welcome(&d, 1, 55, "b", 9);
    remote_welcome(&d, 2, 66, "b", 9);
    assert_int_equal(driver_link_to(&d, "b")->id, 55);
    driver_undial(&d, 1);
    assert_int_equal(driver_sent(&d, GW_FRAME_BYE, 0)->link, 55);
    assert_int_equal(driver_link_to(&d, "b")->id, 0);
    driver_tick(&d, DRIVER_HEARTBEAT_US);
    assert_non_null(driver_sent_on(&d, 2, GW_FRAME_HELLO));
    driver_close(&d);
}

static void a_live_incumbent_keeps_its_name(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    remote_hello(&d, 2, "b", 4242); /* another process of that name */
    assert_int_equal(driver_sent_on(&d, 2, GW_FRAME_REFUSE)->u.refuse.code, GW_REFUSE_IDENTITY);
    const struct gw_frame *ping = driver_sent_on(&d, 1, GW_FRAME_PING);
    assert_non_null(ping);
    remote_pong(&d, 1, link, ping->u.ping.time_us, ping->u.ping.frames);
    driver_tick(&d, 500000);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    remote_hello(&d, 2, "b", 4242);
    assert_int_equal(driver_sent_on(&d, 2, GW_FRAME_REFUSE)->u.refuse.code, GW_REFUSE_IDENTITY);
    driver_close(&d);
}

static void an_incumbent_is_asked_once_however_many_newcomers_there_are(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_link(&d, 1, "b");
    remote_hello(&d, 2, "b", 4242);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_PING), 1);
    remote_hello(&d, 3, "b", 4243);
    assert_int_equal(driver_sent_on(&d, 3, GW_FRAME_REFUSE)->u.refuse.code, GW_REFUSE_IDENTITY);
    assert_int_equal(driver_sent_count(&d, GW_FRAME_PING), 0);
    driver_close(&d);
}

/* Its own silence is the same for whoever asks: three heartbeats after it was heard last. */
static void a_silent_incumbent_is_gone_by_its_heartbeats_at_the_latest(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_link(&d, 1, "b");
    for (int i = 0; i < 29; i++)
        driver_tick(&d, DRIVER_HEARTBEAT_US / 10);
    remote_hello(&d, 2, "b", 4242); /* asked 100 ms before that, with 200 ms to answer */
    assert_true(driver_link_to(&d, "b")->id != 0);
    driver_tick(&d, DRIVER_HEARTBEAT_US / 10);
    assert_int_equal(driver_link_to(&d, "b")->id, 0);
    driver_close(&d);
}

static void a_live_incumbent_keeps_its_name_also_where_we_dial(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    driver_dial(&d, 2);
    driver_tick(&d, 0);
    remote_welcome(&d, 2, 55, "b", 4242); /* another process answers as b */
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    assert_non_null(driver_sent_on(&d, 1, GW_FRAME_PING));
    driver_tick(&d, DRIVER_HEARTBEAT_US / 10);
    assert_non_null(driver_sent_on(&d, 2, GW_FRAME_HELLO)); /* and again */
    driver_close(&d);
}

/* It was welcomed while the name was free. */
static void a_ready_comes_too_late_when_another_process_has_the_name_by_then(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    remote_hello(&d, 1, "b", 4242);
    uint64_t late = driver_sent(&d, GW_FRAME_WELCOME, 0)->link;
    driver_dial(&d, 2);
    driver_tick(&d, 0);
    remote_welcome(&d, 2, 55, "b", 9);
    remote_say(&d, 1, GW_FRAME_READY, late);
    assert_int_equal(driver_sent_on(&d, 1, GW_FRAME_REFUSE)->u.refuse.code, GW_REFUSE_IDENTITY);
    assert_int_equal(driver_link_to(&d, "b")->id, 55);
    driver_close(&d);
}

static void a_hello_crosses_with_a_dial_of_ours_that_wins(void **state)
{
    (void)state;
    struct driver d;
    driver_dialled(&d, 55);
    remote_hello(&d, 2, "b", 9);
    assert_int_equal(driver_sent(&d, GW_FRAME_REFUSE, 0)->u.refuse.code, GW_REFUSE_CROSSED);
    assert_int_equal(driver_link_to(&d, "b")->id, 55);
    driver_close(&d);
}

static void a_dead_incumbent_loses_its_name_to_the_next_try(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    remote_hello(&d, 2, "b", 4242);
    driver_tick(&d, 199999);
    assert_int_equal(driver_link_to(&d, "b")->id, link);
    driver_tick(&d, 1);
    assert_int_equal(driver_link_to(&d, "b")->id, 0);
    remote_hello(&d, 2, "b", 4242);
    assert_non_null(driver_sent_on(&d, 2, GW_FRAME_WELCOME));
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dialler_says_hello_and_takes_the_link_of_the_welcome),
        cmocka_unit_test(a_late_copy_of_a_welcome_brings_no_link_back),
        cmocka_unit_test(an_acceptor_has_the_link_only_at_ready),
        cmocka_unit_test(ready_counts_only_for_the_last_welcome),
        cmocka_unit_test(a_stray_hello_disturbs_no_link),
        cmocka_unit_test(a_second_ready_changes_nothing),
        cmocka_unit_test(hello_is_refused_by_version_and_by_its_own_name),
        cmocka_unit_test(a_frame_of_another_version_ends_the_link_it_comes_on),
        cmocka_unit_test(a_connection_speaks_for_one_name),
        cmocka_unit_test(hello_is_refused_if_all_its_versions_are_older),
        cmocka_unit_test(hello_is_refused_when_too_many_others_are_known),
        cmocka_unit_test(a_hello_on_a_dialled_connection_is_noise),
        cmocka_unit_test(a_ready_on_a_dialled_connection_or_before_any_hello_is_reset),
        cmocka_unit_test(a_welcome_counts_only_where_it_is_waited_for),
        cmocka_unit_test(no_link_has_the_id_0),
        cmocka_unit_test(crossing_dials_end_in_the_lower_names_link),
        cmocka_unit_test(a_dial_that_stood_back_dials_when_the_link_ends),
        cmocka_unit_test(an_endpoint_that_stood_back_dials_when_the_other_is_disconnected),
        cmocka_unit_test(a_live_incumbent_keeps_its_name),
        cmocka_unit_test(an_incumbent_is_asked_once_however_many_newcomers_there_are),
        cmocka_unit_test(a_silent_incumbent_is_gone_by_its_heartbeats_at_the_latest),
        cmocka_unit_test(a_live_incumbent_keeps_its_name_also_where_we_dial),
        cmocka_unit_test(a_ready_comes_too_late_when_another_process_has_the_name_by_then),
        cmocka_unit_test(a_hello_crosses_with_a_dial_of_ours_that_wins),
        cmocka_unit_test(a_dead_incumbent_loses_its_name_to_the_next_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
