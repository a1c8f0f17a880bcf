/* SPDX-License-Identifier: MPL-2.0 */

/* Bugs in the library itself, switched on: what real processes say of their kills must show them.
 * A kill has to hit the moment, so each has several tries, and one is enough. */

#include "peer_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRIES 8
#define KILLS 12

enum { SENDER, WORKER };

#define PUSH "push --dir @/p0 --connect ipc://@/w --messages 100000 --rate 6000 --durability os"
#define WORK "work --dir @/p1 --bind ipc://@/w --batch 16 --durability os"

/* Kills both in turns, and judges what is left: what is held then is not broken. */
static void run_and_kill(const char *work)
{
    scene_start(WORKER, work);
    scene_start(SENDER, PUSH);
    for (uint64_t i = 1; i <= KILLS; i++) {
        size_t victim = i % 4 == 0 ? SENDER : WORKER;

        scene_hear_for(200);
        scene_kill(victim);
        scene_start(victim, victim == WORKER ? work : PUSH);
    }
    scene_hear_for(500);
    scene_kill(SENDER);
    scene_kill(WORKER);
    scene_audit(SENDER);
    scene_audit(WORKER);
    lab_ledger_judge(scene.ledger, &scene.verdict);
}

static bool is_broken(void)
{
    return scene.verdict.lost + scene.verdict.repeated + scene.verdict.unexplained > 0;
}

/* True if one of the tries shows it. `plant` NULL: none is there to be found. */
static bool is_found(const char *plant, const char *work)
{
    bool found = false;

    if (plant)
        setenv("GODWIT_PLANT", plant, 1);
    else
        unsetenv("GODWIT_PLANT");
    for (int i = 0; i < TRIES && !found; i++) {
        assert_int_equal(scene_begin(NULL), 0);
        run_and_kill(work);
        found = is_broken();
        for (size_t what = 0; found && what < 5; what++)
            if (what != 3 && scene.verdict.first[what][0]) /* some are held, at the end */
                print_message("%s: %s\n", plant ? plant : "nothing planted",
                              scene.verdict.first[what]);
        assert_int_equal(scene_end(NULL), 0);
        if (!plant)
            break;
    }
    return found;
}

static void without_a_bug_nothing_is_found(void **state)
{
    (void)state;
    assert_false(is_found(NULL, WORK));
}

static void decisions_acknowledged_before_the_commit_are_found(void **state)
{
    (void)state;
    assert_true(is_found("ack_before_commit", WORK));
}

static void an_outbox_that_lets_go_too_early_is_found(void **state)
{
    (void)state;
    assert_true(is_found("outbox_early", WORK " --slow 150 --heartbeat 20"));
}

static void a_transaction_in_two_writes_is_found(void **state)
{
    (void)state;
    assert_true(is_found("txn_split", WORK));
}

/* A test that fails in the middle of a try leaves nothing either. */
#define test(name) cmocka_unit_test_teardown(name, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(without_a_bug_nothing_is_found),
        test(decisions_acknowledged_before_the_commit_are_found),
        test(an_outbox_that_lets_go_too_early_is_found),
        test(a_transaction_in_two_writes_is_found),
    };

    scene_program = GODWIT_BIN_DIR "/godwit-lab-peer-planted";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
