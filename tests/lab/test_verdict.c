/* SPDX-License-Identifier: MPL-2.0 */

/* Lost, stuck, repeated, each both ways: what breaks a promise, and what looks like it and does
 * not. */

#include "ledger_book.h"

/* --- nothing wrong --- */

static void a_clean_run_passes(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+9 fsync");
    say(WORKER, "began 1.1+9 1");
    say(WORKER, "processed 1.1+9");
    say(SENDER, "settled 1.1+9 processed");
    ends_done(SENDER);
    say(WORKER, "effect 1.1+9 1");
    say(WORKER, "audited");
    expect(0, 0, 0, 0, 0);
    expect_excused(0);
}

static void silence_is_no_success(void **state)
{
    (void)state;
    say(WORKER, "level os");
    expect(0, 0, 0, 0, 1);
    assert_non_null(strstr(verdict.first[4], "no process wrote"));
}

/* --- lost, stuck --- */

static void accepted_and_never_seen_is_lost_once_its_sender_is_done(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "began 1.1");
    say(WORKER, "processed 1.1");
    ends_done(SENDER);
    expect(1, 0, 0, 0, 0);
    assert_non_null(strstr(verdict.first[0], "00000000000000010000000000000002 was accepted "
                                             "(fsync) by sender at 0.001 s and never begun"));
}

static void begun_is_not_processed(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "began 1.1 1");
    ends_done(SENDER);
    expect(1, 0, 0, 0, 0);
    assert_non_null(strstr(verdict.first[0], "begun and never processed"));
}

static void what_no_level_covers_is_excused(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 memory");
    say(SENDER, "accepted 1.2 os");
    loses_power(SENDER);
    ends_done(SENDER); /* started again, and it had nothing to do */
    expect(0, 0, 0, 0, 0);
    expect_excused(2);
}

static void a_kill_excuses_only_memory(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 memory");
    say(SENDER, "accepted 1.2 os");
    is_killed(SENDER);
    ends_done(SENDER);
    expect(1, 0, 0, 0, 0);
    expect_excused(1);
}

static void a_power_cut_does_not_excuse_fsync(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    loses_power(SENDER);
    ends_done(SENDER);
    expect(1, 0, 0, 0, 0);
}

static void a_lost_disk_excuses_what_was_there_and_not_what_came_after(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    loses_disk(SENDER);
    say(SENDER, "accepted 2.1 fsync");
    ends_done(SENDER);
    expect(1, 0, 0, 0, 0);
    expect_excused(1);
    assert_non_null(strstr(verdict.first[0], "0000000000000002"));
}

static void anothers_end_excuses_nothing(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 os");
    say(OTHER, "accepted 2.1 os");
    loses_disk(OTHER);
    ends_done(SENDER);
    ends_done(OTHER);
    expect(1, 0, 0, 0, 0);
    expect_excused(1);
    assert_non_null(strstr(verdict.first[0], "accepted (os) by sender"));
}

static void undecided_when_time_is_over_is_stuck(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "processed 1.1");
    is_killed(SENDER); /* time was over */
    expect(0, 0, 0, 1, 0);
    assert_non_null(strstr(verdict.first[3], "never begun until time was over"));
}

static void an_audit_tells_lost_from_stuck(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+2 fsync");
    say(WORKER, "processed 1.1");
    is_killed(SENDER);
    say(SENDER, "held 1.2");
    say(SENDER, "audited");
    expect(1, 0, 0, 1, 0);
    assert_non_null(strstr(verdict.first[0], "0003 was accepted"));
    assert_non_null(strstr(verdict.first[0], "holds it no more"));
    assert_non_null(strstr(verdict.first[3], "0002 was accepted"));
}

static void dead_and_withdrawn_are_ends_too(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+1 fsync");
    say(SENDER, "settled 1.1 dead");
    say(SENDER, "settled 1.2 withdrawn");
    ends_done(SENDER);
    expect(0, 0, 0, 0, 0);
}

static void a_request_has_ended_only_with_its_answer(void **state)
{
    (void)state;
    say(CLIENT, "accepted 1.1+1 fsync answer");
    say(WORKER, "began 1.1+1");
    say(WORKER, "processed 1.1+1");
    say(WORKER, "effect 1.1+1 1");
    assert_false(lab_ledger_quiet(book));
    assert_int_equal(lab_ledger_so_far(book)->processed, 2);
    say(CLIENT, "settled 1.1 processed");
    assert_int_equal(lab_ledger_so_far(book)->processed, 2);
    ends_done(CLIENT);
    expect(1, 0, 0, 0, 0);
    assert_non_null(strstr(verdict.first[0], "0002 was accepted (fsync) by client at 0.001 s and "
                                             "processed, and its answer never came"));
    say(CLIENT, "settled 1.2 processed");
    expect(0, 0, 0, 0, 0);
    assert_true(lab_ledger_quiet(book));
}

static void a_line_that_a_killed_worker_did_not_come_to_write_is_no_loss(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "began 1.1+1 1");
    is_killed(WORKER);
    say(SENDER, "settled 1.1 processed"); /* so its sender knows */
    say(WORKER, "effect 1.2 1");          /* so its store says */
    ends_done(SENDER);
    expect(0, 0, 0, 0, 0);
}

static void processed_without_its_effect_is_lost(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+2 fsync");
    say(WORKER, "began 1.1+2");
    say(WORKER, "processed 1.1+1");
    say(SENDER, "settled 1.1+2 processed"); /* of 1.3 only its sender says so */
    say(WORKER, "effect 1.1 1");
    expect(0, 0, 0, 0, 0); /* the audit is not complete */
    say(WORKER, "audited");
    expect(2, 0, 0, 0, 0);
    assert_non_null(strstr(verdict.first[0], "0002 was processed by worker, and its effect"));
    say(WORKER, "effect 1.2 1");
    expect(1, 0, 0, 0, 0);
    assert_non_null(strstr(verdict.first[0], "0003 is settled as processed, was begun by worker, "
                                             "and its effect is not in the store of worker"));
}

static void an_effect_that_went_with_its_disk_is_excused(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "began 1.1+1");
    say(WORKER, "processed 1.1+1");
    say(SENDER, "settled 1.1+1 processed");
    loses_disk(WORKER);
    say(WORKER, "effect 1.2 1");
    say(WORKER, "audited");
    expect(0, 0, 0, 0, 0);
    expect_excused(1);
}

static void an_effect_below_a_power_cut_depends_on_the_level(void **state)
{
    (void)state;
    say(WORKER, "level os");
    say(OTHER, "level fsync");
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "processed 1.1");
    say(OTHER, "processed 1.2");
    loses_power(WORKER);
    loses_power(OTHER);
    say(WORKER, "audited");
    say(OTHER, "audited");
    expect(1, 0, 0, 0, 0);
    expect_excused(1);
    assert_non_null(strstr(verdict.first[0], "processed by other"));
}

/* --- repeated --- */

static void processed_twice_is_repeated(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "processed 1.1+1");
    say(WORKER, "processed 1.2");
    say(WORKER, "processed 1.2"); /* one message all the same */
    expect(0, 1, 0, 0, 0);
    assert_string_equal(verdict.first[1], "00000000000000010000000000000002 was processed by "
                                          "worker and processed again by worker at 0.003 s");
}

static void processed_by_two_is_repeated(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "processed 1.1");
    say(OTHER, "began 1.1");
    expect(0, 0, 0, 0, 0); /* lines of two processes come in any order */
    say(OTHER, "processed 1.1");
    expect(0, 1, 0, 0, 0);
}

static void begun_by_who_had_processed_it_is_repeated(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "began 1.1 1");
    say(WORKER, "processed 1.1");
    is_killed(WORKER);
    say(WORKER, "began 1.1 2");
    expect(0, 1, 0, 0, 0);
}

static void begun_again_before_it_was_processed_is_a_retry(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "began 1.1 1");
    is_killed(WORKER);
    say(WORKER, "began 1.1 2");
    say(WORKER, "processed 1.1");
    expect(0, 0, 0, 0, 0);
    assert_int_equal(verdict.redelivered, 1);
}

static void an_effect_that_counts_twice_is_repeated(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "processed 1.1+1");
    say(WORKER, "effect 1.1 1");
    say(WORKER, "effect 1.2 2");
    expect(0, 1, 0, 0, 0);
    assert_non_null(strstr(verdict.first[1], "0002 has its effect 2 times"));
    assert_int_equal(verdict.effects, 3);
}

static void effects_in_two_stores_add_up(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "processed 1.1");
    say(WORKER, "effect 1.1 1");
    say(WORKER, "effect 1.1 1"); /* the same audit once more adds nothing */
    expect(0, 0, 0, 0, 0);
    say(OTHER, "effect 1.1 1");
    expect(0, 1, 0, 0, 0);
}

static void a_second_effect_after_a_lost_disk_is_excused(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "began 1.1");
    loses_disk(WORKER); /* which is put back with the effect, as it turns out */
    say(WORKER, "effect 1.1 1");
    say(OTHER, "effect 1.1 1");
    expect(0, 0, 0, 0, 0);
    expect_excused(1);
}

static void a_message_is_repeated_once_whatever_shows_it(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "processed 1.1");
    say(WORKER, "processed 1.1");
    say(WORKER, "effect 1.1 2");
    expect(0, 1, 0, 0, 0);
}

static void a_repeat_after_a_lost_disk_is_excused_once(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "processed 1.1");
    loses_disk(WORKER);
    say(WORKER, "began 1.1 2");
    say(WORKER, "processed 1.1");
    expect(0, 0, 0, 0, 0);
    expect_excused(1);
    say(WORKER, "processed 1.1"); /* this time it had no reason to forget */
    expect(0, 1, 0, 0, 0);
}

static void anothers_lost_disk_excuses_no_repeat(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "processed 1.1");
    loses_disk(OTHER);
    say(WORKER, "processed 1.1");
    expect(0, 1, 0, 0, 0);
}

static void a_repeat_after_a_power_cut_depends_on_the_level(void **state)
{
    (void)state;
    say(WORKER, "level os");
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "processed 1.1");
    say(OTHER, "processed 1.2");
    loses_power(WORKER);
    loses_power(OTHER);
    say(WORKER, "processed 1.1");
    say(OTHER, "processed 1.2"); /* fsync, since it says nothing else */
    expect(0, 1, 0, 0, 0);
    expect_excused(1);
    assert_non_null(strstr(verdict.first[1], "by other"));
}

static void a_memory_worker_forgets_at_every_end(void **state)
{
    (void)state;
    say(WORKER, "level memory");
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "processed 1.1");
    ends_done(WORKER);
    say(WORKER, "processed 1.1");
    expect(0, 0, 0, 0, 0);
    expect_excused(1);
}

static void failover_excuses_another_member_if_it_is_flagged(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+3 fsync");
    say(WORKER, "began 1.1+3 1");
    say(OTHER, "began 1.1+1 1 maybe-duplicate");
    say(OTHER, "processed 1.1+1");
    say(WORKER, "processed 1.1"); /* whoever is first */
    say(WORKER, "processed 1.3+1");
    expect(0, 0, 0, 0, 0);
    expect_excused(1);
    say(OTHER, "effect 1.1 1"); /* and both effects stay */
    say(WORKER, "effect 1.1 1");
    expect(0, 0, 0, 0, 0);
    say(OTHER, "processed 1.2"); /* flagged, but by itself */
    expect(0, 1, 0, 0, 0);
    say(OTHER, "processed 1.3"); /* by another, but not flagged */
    expect(0, 2, 0, 0, 0);
}

static void a_scenario_can_excuse_repeats(void **state)
{
    (void)state;
    book_scenario.repeats_excused = true;
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "processed 1.1+1");
    say(WORKER, "processed 1.1");
    say(WORKER, "effect 1.2 2");
    expect(0, 0, 0, 0, 0);
    expect_excused(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        book_test(a_clean_run_passes),
        book_test(silence_is_no_success),
        book_test(accepted_and_never_seen_is_lost_once_its_sender_is_done),
        book_test(begun_is_not_processed),
        book_test(what_no_level_covers_is_excused),
        book_test(a_kill_excuses_only_memory),
        book_test(a_power_cut_does_not_excuse_fsync),
        book_test(a_lost_disk_excuses_what_was_there_and_not_what_came_after),
        book_test(anothers_end_excuses_nothing),
        book_test(undecided_when_time_is_over_is_stuck),
        book_test(an_audit_tells_lost_from_stuck),
        book_test(dead_and_withdrawn_are_ends_too),
        book_test(a_request_has_ended_only_with_its_answer),
        book_test(a_line_that_a_killed_worker_did_not_come_to_write_is_no_loss),
        book_test(processed_without_its_effect_is_lost),
        book_test(an_effect_that_went_with_its_disk_is_excused),
        book_test(an_effect_below_a_power_cut_depends_on_the_level),
        book_test(processed_twice_is_repeated),
        book_test(processed_by_two_is_repeated),
        book_test(begun_by_who_had_processed_it_is_repeated),
        book_test(begun_again_before_it_was_processed_is_a_retry),
        book_test(an_effect_that_counts_twice_is_repeated),
        book_test(effects_in_two_stores_add_up),
        book_test(a_second_effect_after_a_lost_disk_is_excused),
        book_test(a_message_is_repeated_once_whatever_shows_it),
        book_test(a_repeat_after_a_lost_disk_is_excused_once),
        book_test(anothers_lost_disk_excuses_no_repeat),
        book_test(a_repeat_after_a_power_cut_depends_on_the_level),
        book_test(a_memory_worker_forgets_at_every_end),
        book_test(failover_excuses_another_member_if_it_is_flagged),
        book_test(a_scenario_can_excuse_repeats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
