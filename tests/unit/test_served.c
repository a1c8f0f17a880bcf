/* SPDX-License-Identifier: MPL-2.0 */
/* What others say that they serve: names come and go, and fill no more than half of the table. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define PORTIONS (GW_TARGETS_MAX / 2 / GW_SERVES_MAX) /* SERVEs that fill half of the table */

/* Serves PREFIX-0, PREFIX-1 and so on, and what it served before no more. */
static void serve_many(struct driver *d, uint64_t conn, uint64_t link, const char *prefix,
                       size_t count)
{
    static struct gw_serve items[GW_SERVES_MAX];
    struct gw_frame frame = {.type = GW_FRAME_SERVE, .link = link};
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct gw_serve){{.kind = GW_KIND_STAGE}, 1, 100, 1 << 20};
        snprintf(items[i].destination.name, GW_NAME_MAX, "%s-%zu", prefix, i);
    }
    frame.u.serve.items = items;
    frame.u.serve.count = count;
    driver_frame(d, conn, &frame);
}

static bool is_known(const struct driver *d, const char *stage)
{
    struct gw_destination destination = {.kind = GW_KIND_STAGE};
    strcpy(destination.name, stage);
    return gw_target_find(d->core, &destination) != NULL;
}

/* A stream to it that has come and gone: its credit on the link stays spent. */
static void send_and_end(struct driver *d, uint64_t link, const char *stage, uint64_t epoch)
{
    driver_send_to(d, stage, epoch, 1, 1, 10);
    driver_commit(d);
    remote_ack(d, 1, link, epoch, 1, 1);
    driver_store(d);
    struct gw_event retire = {.type = GW_EVENT_RETIRE};
    retire.u.retire = epoch;
    driver_step(d, &retire);
    remote_closed(d, 1, link, epoch);
    driver_store(d);
    struct gw_stream_view view;
    assert_false(driver_stream(d, epoch, &view));
}

static void policy_of(struct driver *d, const char *stage)
{
    struct gw_event event = {.type = GW_EVENT_POLICY};
    event.u.policy.destination.kind = GW_KIND_STAGE;
    strcpy(event.u.policy.destination.name, stage);
    driver_step(d, &event);
}

/* When the room is used up, names that nobody serves any more go. What is sent to, has a policy,
 * has spent credit or is served stays. */
static void only_names_that_mean_nothing_any_more_make_room(void **state)
{
    (void)state;
    char prefix[16];
    struct driver d;
    driver_open(&d, "a");
    uint64_t c = driver_link(&d, 2, "c");
    serve_many(&d, 2, c, "x0", 1); /* another one knows the first of them, too */
    serve_many(&d, 2, c, "none", 0);
    uint64_t link = driver_link(&d, 1, "b");
    for (int i = 0; i < PORTIONS; i++) {
        snprintf(prefix, sizeof prefix, "x%d", i);
        serve_many(&d, 1, link, prefix, GW_SERVES_MAX);
        if (i)
            continue;
        remote_complete(&d, 1, link);
        driver_send_to(&d, "x0-1", 7, 1, 1, 10);
        policy_of(&d, "x0-2");
        send_and_end(&d, link, "x0-3", 8);
    }
    assert_int_equal(d.core->target_count, GW_TARGETS_MAX / 2);
    driver_from_here();
    serve_many(&d, 2, c, "new", 2);
    assert_false(is_known(&d, "x0-0"));
    assert_true(is_known(&d, "x0-1"));
    assert_true(is_known(&d, "x0-2"));
    assert_true(is_known(&d, "x0-3"));
    assert_false(is_known(&d, "x1-0"));
    snprintf(prefix, sizeof prefix, "x%d-0", PORTIONS - 1);
    assert_true(is_known(&d, prefix));
    assert_true(is_known(&d, "new-1"));
    assert_int_equal(d.core->target_count, 3 + GW_SERVES_MAX + 2);
    driver_close(&d);
}

/* A name in the very step that brings it work is not forgotten under it. */
static void a_name_that_waits_to_be_looked_at_stays(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    d.core->target_count = GW_TARGETS_MAX / 2 - 1;
    serve_many(&d, 1, link, "x", 3); /* room for one */
    assert_true(is_known(&d, "x-0"));
    assert_false(is_known(&d, "x-1"));
    serve_many(&d, 1, link, "x", 3); /* one that is known needs none */
    assert_true(is_known(&d, "x-0"));
    driver_close(&d);
}

/* Three names of one hash: each is itself, in whatever order they are forgotten. */
static void names_of_one_hash_are_different_destinations(void **state)
{
    (void)state;
    static const char *const names[] = {"v3hz4c200jyaipmgezv1lj5rwi", "v3hz4c200jyaitur3ddwxjuswe",
                                        "erovu4bmwvgrmpmgezv1lj5rwi"};
    static const size_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}};
    struct gw_destination destinations[3] = {{0}};
    for (size_t i = 0; i < 3; i++) {
        destinations[i].kind = GW_KIND_STAGE;
        strcpy(destinations[i].name, names[i]);
        assert_int_equal(gw_destination_hash(&destinations[i]),
                         gw_destination_hash(&destinations[0]));
    }
    for (size_t order = 0; order < 3; order++) {
        struct driver d;
        struct gw_serve items[4];
        struct gw_frame serve = {.type = GW_FRAME_SERVE};
        driver_open(&d, "a");
        serve.link = driver_link(&d, 1, "b");
        serve.u.serve.items = items;
        for (size_t gone = 0; gone <= 3; gone++) { /* each time one less is served */
            size_t count = 0;
            for (size_t i = gone; i < 3; i++) /* at first in one order, always */
                items[count++] =
                    (struct gw_serve){destinations[gone ? orders[order][i] : i], 1, 1, 1};
            if (gone) { /* and a new name makes that one be forgotten */
                items[count] = (struct gw_serve){{GW_KIND_STAGE, "new-"}, 1, 1, 1};
                items[count++].destination.name[4] = (char)('0' + gone);
                d.core->target_count = GW_TARGETS_MAX / 2;
            }
            serve.u.serve.count = count;
            driver_frame(&d, 1, &serve);
            for (size_t i = 0; i < 3; i++)
                assert_int_equal(is_known(&d, names[orders[order][i]]), i >= gone);
        }
        driver_close(&d);
    }
}

/* Credit of a name for which there was no room, or of a SERVE that was replaced. */
static void credit_for_what_is_not_known_here_is_passed_over(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    uint64_t link = driver_link(&d, 1, "b");
    d.core->target_count = GW_TARGETS_MAX / 2;
    serve_many(&d, 1, link, "x", 1);
    remote_complete(&d, 1, link);
    remote_credit(&d, 1, link, 100, 100000); /* of the first one */
    serve_many(&d, 1, link, "none", 0);
    remote_credit(&d, 1, link, 100, 100000);
    assert_int_equal(d.effects.count, 0);
    assert_int_equal(driver_counter(&d, GW_COUNTER_violations), 0);
    driver_close(&d);
}

static void credit_that_comes_before_the_report_is_over_counts_after_it(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_send(&d, EPOCH, 1, 5, 10);
    uint64_t link = driver_link(&d, 1, "b");
    remote_serve(&d, 1, link, 1, 100000);
    remote_credit(&d, 1, link, 3, 100000);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 1), "");
    remote_complete(&d, 1, link);
    driver_commit(&d);
    assert_string_equal(driver_holder(&d, 3), "b");
    assert_string_equal(driver_holder(&d, 4), "");
    driver_close(&d);
}

/* What we send is bounded, too: the shell counts destinations, and the core stops rather than lose
 * what it cannot keep. */
static void a_send_for_which_there_is_no_room_stops_the_core(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    d.core->target_count = GW_TARGETS_MAX;
    policy_of(&d, "work");
    assert_false(is_known(&d, "work"));
    d.lenient = true;
    driver_send(&d, EPOCH, 1, 1, 10);
    assert_int_not_equal(d.result, 0);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_names_that_mean_nothing_any_more_make_room),
        cmocka_unit_test(a_name_that_waits_to_be_looked_at_stays),
        cmocka_unit_test(names_of_one_hash_are_different_destinations),
        cmocka_unit_test(credit_for_what_is_not_known_here_is_passed_over),
        cmocka_unit_test(credit_that_comes_before_the_report_is_over_counts_after_it),
        cmocka_unit_test(a_send_for_which_there_is_no_room_stops_the_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
