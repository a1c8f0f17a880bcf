/* SPDX-License-Identifier: MPL-2.0 */
/* Days of a core with much in them, for every_allocation.c, which runs them once for each of their
 * allocations. The unit tests of the core are run in the same way. */

#include "support/core_receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* A sender's day: two members, losses, a backlog, settlements in and out of order, a restart, an
 * old epoch that ends. */
static void send_all_day(struct driver *d)
{
    driver_dial(d, 9);
    driver_tick(d, 0);
    uint64_t b = driver_member(d, 1, "b", 100);
    uint64_t c = driver_member(d, 2, "c", 100);
    for (uint64_t i = 0; i < 20; i++)
        driver_send(d, 5, 1 + i * 10, 10, 10);
    driver_commit(d);
    for (uint64_t i = 1; i < 100; i += 4) {
        remote_ack(d, 1, b, 5, i, i + 1);
        remote_ack(d, 2, c, 5, i, i + 1);
    }
    driver_commit(d);
    remote_say(d, 1, GW_FRAME_RESET, b);
    b = driver_link(d, 1, "b");
    remote_serve(d, 1, b, 50, 1 << 20);
    remote_in_hand(d, 1, b, 5, 3, 4);
    remote_complete(d, 1, b);
    remote_refuse(d, 2, c, GW_REFUSE_EPOCH, 5);
    driver_tick(d, DRIVER_HEARTBEAT_US);
    driver_restart(d);
    b = driver_member(d, 1, "b", 1000);
    c = driver_member(d, 2, "c", 1000);
    for (int i = 0; i < 10; i++) {
        driver_loaded(d, 5, (uint64_t)i * 30, (uint64_t)i * 30 + 60);
        driver_commit(d);
        remote_ack(d, 1, b, 5, 1, 200);
        remote_ack(d, 2, c, 5, 1, 200);
    }
    driver_commit(d);
    remote_closed(d, 1, b, 5);
    remote_closed(d, 2, c, 5);
    driver_commit(d);
    driver_leave(d);
}

/* A receiver's day: what is in hand, decided, repeated, refused, closed; a restart between. */
static void receive_all_day(struct driver *d)
{
    driver_serve(d, "work", 1000, 1 << 24);
    uint64_t s = driver_sender(d, 1, "s", 5);
    for (uint64_t i = 1; i < 90; i += 3)
        remote_data(d, 1, s, 5, i, 2);
    for (uint64_t i = 1; i < 60; i += 3)
        driver_decide(d, 5, i, i);
    driver_seal(d);
    remote_data(d, 1, s, 5, 1, 90);
    driver_committed(d);
    remote_open(d, 1, s, 66, false);
    remote_ping_floor(d, 1, s, 5, 2, 90);
    driver_serve(d, "other", 10, 100);
    remote_say(d, 1, GW_FRAME_RESET, s);
    s = driver_sender(d, 3, "s", 5);
    driver_commit(d);
    driver_restart(d);
    driver_serve(d, "work", 1000, 1 << 24);
    s = driver_sender(d, 1, "s", 5);
    remote_data(d, 1, s, 5, 1, 100);
    driver_decide(d, 5, 2, 3);
    remote_close_epoch(d, 1, s, 5, 100);
    driver_commit(d);
    remote_hello(d, 4, "s", 4242);
    remote_say(d, 1, GW_FRAME_BYE, s);
    driver_tick(d, 100 * DRIVER_HEARTBEAT_US);
}

/* A receiver's bad day: rejected, returned, asked back, crashed; a peer that ends with its work. */
static void fail_all_day(struct driver *d)
{
    struct gw_row crash = {.kind = GW_ROW_CRASHED, .epoch = 5, .first = 40, .last = 50};
    struct gw_row orphan = {.kind = GW_ROW_CRASHED, .epoch = 7, .first = 1, .last = 1};
    crash.number = 10;
    driver_serve(d, "work", 1000, 1 << 24);
    uint64_t s = driver_sender(d, 1, "s", 5);
    remote_offer(d, 1, s, 5, 1, 80, 10);
    driver_handed(d, 5, 1, 30);
    for (uint64_t i = 1; i < 40; i += 4) {
        driver_reject(d, 5, i, 3, "no such thing");
        driver_nack(d, 5, i + 1, 10, "not now");
        driver_decide(d, 5, i + 2, i + 2);
    }
    remote_release(d, 1, s, 5, 60, 70, 10);
    driver_recalled(d, 0, 62, 68);
    remote_withdraw(d, 1, s, 5, 71, 90, GW_WITHDRAW_EXPIRED);
    driver_recalled(d, 0, 73, 77);
    driver_seal(d);
    remote_offer_again(d, 1, s, 5, 1, 80, 11);
    driver_committed(d);
    driver_commit(d);
    remote_release(d, 1, s, 66, 1, 5, 10);
    s = driver_sender(d, 3, "s", 5);
    driver_crash(d);
    d->rows[d->row_count++] = crash;
    d->rows[d->row_count++] = orphan;
    driver_recover(d);
    driver_serve(d, "work", 1000, 1 << 24);
    s = driver_sender(d, 1, "s", 5);
    remote_open(d, 1, s, 7, true);
    remote_offer_again(d, 1, s, 5, 45, 2, 12);
    remote_ping_floor(d, 1, s, 5, 30, 90);
    driver_commit(d);
    s = driver_memory_link(d, 2, "m", 1);
    remote_open(d, 2, s, 8, true);
    remote_offer(d, 2, s, 8, 1, 5, 1);
    driver_reject(d, 8, 2, 1, "two");
    driver_commit(d);
    driver_memory_link(d, 2, "m", 2);
    driver_decide(d, 8, 1, 1);
    driver_return(d, 8, 3, 5, GW_RETURN_RELEASE);
    driver_commit(d);
    driver_commit(d);
}

static void run(void (*story)(struct driver *))
{
    static struct driver d;
    driver_open(&d, "a");
    story(&d);
    driver_close(&d);
}

static void a_senders_day(void **state)
{
    (void)state;
    run(send_all_day);
}

static void a_receivers_day(void **state)
{
    (void)state;
    run(receive_all_day);
}

static void a_day_of_failing_work(void **state)
{
    (void)state;
    run(fail_all_day);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_senders_day),
        cmocka_unit_test(a_receivers_day),
        cmocka_unit_test(a_day_of_failing_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
