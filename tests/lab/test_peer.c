/* SPDX-License-Identifier: MPL-2.0 */

/* The ready processes: what they do when nothing is wrong, when they are killed, and that each
 * promise that they break on purpose is found. */

#include "peer_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SENDER, WORKER, SECOND };

#define PUSH "push --dir @/p0 --connect ipc://@/w "
#define WORK "work --dir @/p1 --bind ipc://@/w "

static void expect_clean(uint64_t messages)
{
    scene_judge();
    assert_true(scene.verdict.passed);
    assert_int_equal(scene.verdict.processed, messages);
    assert_int_equal(scene.verdict.effects, messages);
    assert_int_equal(scene.verdict.excused, 0);
}

/* All is sent, processed, settled and looked at. */
static void run_to_the_end(const char *push, const char *work)
{
    scene_start(WORKER, work);
    scene_start(SENDER, push);
    assert_int_equal(scene_wait(SENDER), 0);
    scene_term(WORKER);
    scene_audit(WORKER);
    scene_audit(SENDER);
}

static void what_is_pushed_is_processed_once(void **state)
{
    (void)state;
    run_to_the_end(PUSH "--messages 2500", WORK);
    expect_clean(2500);
    assert_int_equal(scene.verdict.accepted, 2500);
    assert_int_equal(scene.verdict.by_level[0], 2500);
    assert_int_equal(scene.verdict.settled, 2500);
    assert_int_equal(scene.verdict.began, 2500);
    assert_int_equal(scene.verdict.redelivered, 0);
}

static void other_levels_rates_and_sizes(void **state)
{
    (void)state;
    run_to_the_end(PUSH "--messages 500 --rate 2000 --size 5000 --durability os --ordered",
                   WORK "--durability os --batch 7 --credit 20");
    scene_judge();
    assert_true(scene.verdict.passed);
    assert_int_equal(scene.verdict.by_level[1], 500);
    assert_int_equal(scene.verdict.processed, 500);
}

static void a_run_in_memory_needs_no_directory(void **state)
{
    (void)state;
    scene_start(WORKER, "work --bind ipc://@/w");
    scene_start(SENDER, "push --connect ipc://@/w --messages 300");
    assert_int_equal(scene_wait(SENDER), 0);
    scene_term(WORKER);
    scene_judge();
    assert_true(scene.verdict.passed);
    assert_int_equal(scene.verdict.by_level[2], 300);
    assert_int_equal(scene.verdict.processed, 300);
}

static void refused_and_sent_back_messages_end_too(void **state)
{
    (void)state;
    run_to_the_end(PUSH "--messages 600", WORK "--nack 10 --reject 5 --seed 4");
    scene_judge();
    assert_true(scene.verdict.passed);
    assert_int_equal(scene.verdict.processed + scene.verdict.dead, 600);
    assert_int_equal(scene.verdict.effects, scene.verdict.processed);
    assert_in_range(scene.verdict.dead, 5, 100);
    assert_in_range(scene.verdict.redelivered, 10, 200);
}

static void a_stage_that_passes_on_is_judged_by_its_last(void **state)
{
    (void)state;
    scene_start(SECOND, "work --dir @/p2 --bind ipc://@/x --stage second");
    scene_start(WORKER, WORK "--onward second --connect ipc://@/x");
    scene_start(SENDER, PUSH "--messages 1000 --passed-on");
    assert_int_equal(scene_wait(SENDER), 0);
    scene_hear(scene_processed, 1000);
    scene_term(WORKER);
    scene_term(SECOND);
    scene_audit(SECOND);
    expect_clean(1000);
    assert_int_equal(scene.verdict.accepted, 1000);
}

static void what_nobody_took_is_held(void **state)
{
    (void)state;
    scene_start(SENDER, PUSH "--messages 700");
    scene_hear(scene_accepted, 700);
    scene_term(SENDER);
    scene_audit(SENDER);
    scene_judge();
    assert_false(scene.verdict.passed);
    assert_int_equal(scene.verdict.stuck, 700);
    assert_int_equal(scene.verdict.lost, 0);
    assert_non_null(strstr(scene.verdict.first[3], "its sender still holds it"));
}

/* Whoever started them was killed, say: none of them stays. */
static void they_end_when_nobody_reads_the_ledger(void **state)
{
    const char *commands[] = {"push --connect ipc://@/x --messages 5", WORK,
                              "serve --bind ipc://@/s"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        scene_start(i, commands[i]);
        scene_hear_for(300);
        close(scene.processes[i].out);
        scene.processes[i].out = -1;
    }
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(scene_wait(i), 1);
}

/* --- kills --- */

/* Not a message more or less, whoever is killed. */
static void kills_change_nothing(void **state)
{
    const char *push = PUSH "--messages 6000 --rate 6000", *work = WORK;

    (void)state;
    scene_start(WORKER, work);
    scene_start(SENDER, push);
    for (uint64_t i = 1; i <= 8; i++) {
        size_t victim = i % 2 ? WORKER : SENDER;

        scene_hear(scene_processed, i * 500);
        scene_kill(victim);
        scene_start(victim, victim == WORKER ? work : push);
    }
    assert_int_equal(scene_wait(SENDER), 0);
    scene_term(WORKER);
    scene_audit(WORKER);
    scene_audit(SENDER);
    scene_judge();
    assert_true(scene.verdict.passed);
    assert_int_equal(scene.verdict.effects, 6000);
    scene_start(SENDER, push); /* it was done: it sends nothing more */
    assert_int_equal(scene_wait(SENDER), 0);
    assert_int_equal(lab_ledger_so_far(scene.ledger)->accepted, scene.verdict.accepted);
}

static void a_worker_that_crashes_by_itself_loses_nothing(void **state)
{
    const char *work = WORK "--crash 1 --batch 8";
    int crashes = 0;

    (void)state;
    scene_start(SENDER, PUSH "--messages 1500");
    scene_hear(scene_accepted, 1500);
    scene_start(WORKER, work);
    while (scene_hear_end(WORKER)) {
        assert_int_equal(scene_wait(WORKER), -1);
        assert_true(++crashes < 60);
        scene_start(WORKER, work);
    }
    assert_int_equal(scene_wait(SENDER), 0);
    scene_term(WORKER);
    scene_audit(WORKER);
    scene_judge();
    assert_true(scene.verdict.passed);
    assert_int_equal(scene.verdict.effects, 1500);
    assert_true(crashes > 0);
}

/* --- promises broken on purpose --- */

static void lose_is_found(void **state)
{
    (void)state;
    run_to_the_end(PUSH "--messages 200", WORK "--break lose");
    scene_judge();
    assert_int_equal(scene.verdict.lost, 20);
    assert_int_equal(scene.verdict.repeated + scene.verdict.stuck + scene.verdict.unexplained, 0);
}

static void repeat_is_found(void **state)
{
    (void)state;
    run_to_the_end(PUSH "--messages 200", WORK "--break repeat");
    scene_judge();
    assert_int_equal(scene.verdict.repeated, 20);
    assert_int_equal(scene.verdict.effects, 220);
    assert_int_equal(scene.verdict.lost + scene.verdict.stuck + scene.verdict.unexplained, 0);
}

static void reorder_is_found(void **state)
{
    (void)state;
    scene.scenario.ordered = true;
    scene_start(SENDER, PUSH "--messages 200 --ordered");
    scene_hear(scene_accepted, 200); /* so that several come together */
    scene_start(WORKER, WORK "--break reorder");
    assert_int_equal(scene_wait(SENDER), 0);
    scene_judge();
    assert_true(scene.verdict.reordered > 0);
    assert_int_equal(scene.verdict.lost + scene.verdict.repeated + scene.verdict.unexplained, 0);
}

static void silent_is_found(void **state)
{
    (void)state;
    for (size_t i = SECOND; i < SCENE_PROCESSES; i++) /* nobody else could have processed it */
        lab_ledger_line(scene.ledger, 0, i, "level fsync");
    run_to_the_end(PUSH "--messages 200", WORK "--break silent");
    scene_judge();
    assert_int_equal(scene.verdict.unexplained, 20);
    assert_int_equal(scene.verdict.lost + scene.verdict.repeated + scene.verdict.stuck, 0);
}

/* Said and then killed before the commit: the message comes again. */
static void early_is_found_once_it_is_killed(void **state)
{
    const char *work = WORK "--break early";

    (void)state;
    scene_start(WORKER, work);
    scene_start(SENDER, PUSH "--messages 4000 --rate 2000");
    for (uint64_t i = 1; lab_ledger_so_far(scene.ledger)->repeated == 0; i++) {
        scene_hear(scene_processed, i * 100);
        scene_kill(WORKER);
        scene_start(WORKER, work);
    }
    scene_judge();
    assert_true(scene.verdict.repeated > 0);
    assert_false(scene.verdict.passed);
}

#define test(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(what_is_pushed_is_processed_once),
        test(other_levels_rates_and_sizes),
        test(a_run_in_memory_needs_no_directory),
        test(refused_and_sent_back_messages_end_too),
        test(a_stage_that_passes_on_is_judged_by_its_last),
        test(what_nobody_took_is_held),
        test(they_end_when_nobody_reads_the_ledger),
        test(kills_change_nothing),
        test(a_worker_that_crashes_by_itself_loses_nothing),
        test(lose_is_found),
        test(repeat_is_found),
        test(reorder_is_found),
        test(silent_is_found),
        test(early_is_found_once_it_is_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
