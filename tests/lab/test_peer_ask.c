/* SPDX-License-Identifier: MPL-2.0 */

/* The ready processes for requests: a request has ended when its answer came, and the answer is
 * that of the one time that it had its effect. */

#include "peer_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CLIENT, SERVER, SECOND };

#define ASK   "ask --dir @/p0 --connect ipc://@/s "
#define SERVE "serve --dir @/p1 --bind ipc://@/s --threads 3 "

static void look_and_judge(void)
{
    scene_term(SERVER);
    scene_audit(SERVER);
    scene_audit(CLIENT);
    scene_judge();
}

static void what_is_asked_is_answered_once(void **state)
{
    (void)state;
    scene_start(SERVER, SERVE);
    scene_start(CLIENT, ASK "--messages 1000");
    assert_int_equal(scene_wait(CLIENT), 0);
    look_and_judge();
    assert_true(scene.verdict.passed);
    assert_int_equal(scene.verdict.accepted, 1000);
    assert_int_equal(scene.verdict.settled, 1000);
    assert_int_equal(scene.verdict.effects, 1000);
}

static void refused_and_retried_requests_end_too(void **state)
{
    (void)state;
    scene_start(SERVER, SERVE "--nack 10 --reject 10 --seed 9");
    scene_start(CLIENT, ASK "--messages 400");
    assert_int_equal(scene_wait(CLIENT), 0);
    look_and_judge();
    assert_true(scene.verdict.passed);
    assert_int_equal(scene.verdict.settled, 400);
    assert_in_range(scene.verdict.dead, 10, 120);
    assert_int_equal(scene.verdict.effects, 400 - scene.verdict.dead);
    assert_true(scene.verdict.redelivered > 0);
}

static void kills_change_nothing(void **state)
{
    const char *ask = ASK "--messages 4000 --rate 4000", *serve = SERVE;

    (void)state;
    scene_start(SERVER, serve);
    scene_start(CLIENT, ask);
    for (uint64_t i = 1; i <= 6; i++) {
        size_t victim = i % 2 ? SERVER : CLIENT;

        scene_hear(scene_settled, i * 400);
        scene_kill(victim);
        scene_start(victim, victim == SERVER ? serve : ask);
    }
    assert_int_equal(scene_wait(CLIENT), 0);
    look_and_judge();
    assert_true(scene.verdict.passed);
    assert_int_equal(scene.verdict.effects, 4000);
    assert_int_equal(scene.verdict.settled, 4000);
}

static void a_wrong_answer_is_no_answer(void **state)
{
    (void)state;
    scene_start(SERVER, SERVE "--break repeat");
    scene_start(CLIENT, ASK "--messages 100");
    assert_int_equal(scene_wait(CLIENT), 0);
    look_and_judge();
    assert_int_equal(scene.verdict.repeated, 10);
    assert_int_equal(scene.verdict.lost, 10); /* their answers */
}

static void an_answer_without_its_effect_is_found(void **state)
{
    (void)state;
    scene_start(SERVER, SERVE "--break lose");
    scene_start(CLIENT, ASK "--messages 100");
    assert_int_equal(scene_wait(CLIENT), 0);
    look_and_judge();
    assert_int_equal(scene.verdict.lost, 10);
    assert_int_equal(scene.verdict.repeated, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(what_is_asked_is_answered_once),
        test(refused_and_retried_requests_end_too),
        test(kills_change_nothing),
        test(a_wrong_answer_is_no_answer),
        test(an_answer_without_its_effect_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
