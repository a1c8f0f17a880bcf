/* SPDX-License-Identifier: MPL-2.0 */

/* Reordered and unexplained, each both ways: what breaks a promise, and what looks like it and does
 * not. */

#include "ledger_book.h"

/* --- reordered --- */

static void a_younger_message_first_is_reordered(void **state)
{
    (void)state;
    book_scenario.ordered = true;
    say(SENDER, "accepted 1.1+4 fsync");
    say(WORKER, "processed 1.1+1");
    say(WORKER, "processed 1.4");
    say(WORKER, "processed 1.3");
    say(WORKER, "processed 1.5");
    expect(0, 0, 1, 0, 0);
    assert_non_null(strstr(verdict.first[2], "0003 was processed by worker after "
                                             "...0000000000000004 of the same stream"));
}

static void order_counts_only_where_it_is_promised(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "processed 1.2");
    say(WORKER, "processed 1.1");
    expect(0, 0, 0, 0, 0);
}

static void lines_of_two_workers_say_nothing_of_order(void **state)
{
    (void)state;
    book_scenario.ordered = true;
    say(SENDER, "accepted 1.1+3 fsync");
    say(OTHER, "processed 1.3+1");
    say(WORKER, "processed 1.1+1"); /* written before, read later */
    expect(0, 0, 0, 0, 0);
}

static void two_streams_have_no_order(void **state)
{
    (void)state;
    book_scenario.ordered = true;
    say(SENDER, "accepted 1.1+1 fsync");
    say(CLIENT, "accepted 2.1+1 fsync");
    say(WORKER, "processed 2.1");
    say(WORKER, "processed 1.1");
    say(WORKER, "processed 2.2");
    say(WORKER, "processed 1.2");
    expect(0, 0, 0, 0, 0);
}

static void a_repeat_is_not_reordered_too(void **state)
{
    (void)state;
    book_scenario.ordered = true;
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "processed 1.1+1");
    say(WORKER, "processed 1.1");
    expect(0, 1, 0, 0, 0);
}

static void order_begins_anew_with_a_new_disk(void **state)
{
    (void)state;
    book_scenario.ordered = true;
    say(SENDER, "accepted 1.1+2 fsync");
    say(WORKER, "processed 1.1");
    say(WORKER, "processed 1.3"); /* the line of 1.2 was lost with the process */
    loses_disk(WORKER);
    say(WORKER, "processed 1.2");
    say(WORKER, "processed 1.3");
    expect(0, 0, 0, 0, 0);
}

static void what_was_sent_before_a_restart_comes_first(void **state)
{
    (void)state;
    book_scenario.ordered = true;
    say(SENDER, "accepted 7.1+1 fsync");
    say(WORKER, "processed 7.1");
    is_killed(SENDER);
    say(SENDER, "accepted 3.1+1 fsync");
    say(WORKER, "processed 7.2");
    say(WORKER, "processed 3.1+1");
    expect(0, 0, 0, 0, 0);
    is_killed(SENDER);
    say(SENDER, "accepted 5.1+1 fsync");
    say(WORKER, "processed 5.1");
    say(SENDER, "accepted 3.3 fsync"); /* said late */
    say(WORKER, "processed 3.3");
    say(WORKER, "processed 5.2");
    expect(0, 0, 1, 0, 0);
    assert_non_null(strstr(verdict.first[2], "epoch 0000000000000003 were processed by worker "
                                             "after some of epoch 0000000000000005"));
}

static void two_streams_of_one_life_are_not_compared_with_the_next(void **state)
{
    (void)state;
    book_scenario.ordered = true;
    say(SENDER, "accepted 1.1+1 fsync");
    say(SENDER, "accepted 2.1+1 fsync");
    is_killed(SENDER);
    say(SENDER, "accepted 3.1+1 fsync");
    say(WORKER, "processed 1.1+1");
    say(WORKER, "processed 3.1+1");
    say(WORKER, "processed 2.1+1"); /* of another stream, for all that is known */
    expect(0, 0, 0, 0, 0);
}

/* --- unexplained --- */

static void everybody_speaks(void)
{
    for (size_t i = 0; i < BOOK_PROCESSES; i++)
        say(i, "level fsync");
}

static void settled_as_processed_and_nobody_began_is_unexplained(void **state)
{
    (void)state;
    everybody_speaks();
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "began 1.1");
    say(WORKER, "processed 1.1");
    is_killed(WORKER); /* that explains no missing `began`, which is written first */
    say(SENDER, "settled 1.1+1 processed");
    expect(0, 0, 0, 0, 1);
    assert_non_null(strstr(verdict.first[4], "0002 is settled as processed, and nobody began it"));
}

static void an_answer_that_no_server_began_is_unexplained(void **state)
{
    (void)state;
    everybody_speaks();
    say(SENDER, "accepted 1.1+1 fsync answer");
    say(SENDER, "settled 1.1+1 processed");
    expect(0, 0, 0, 0, 0); /* no receiver keeps the ledger */
    say(WORKER, "began 1.1");
    expect(0, 0, 0, 0, 1);
}

static void a_worker_that_does_not_say_began_may_be_killed_before_processed(void **state)
{
    (void)state;
    everybody_speaks();
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "processed 1.1");
    say(SENDER, "settled 1.1+1 processed");
    expect(0, 0, 0, 0, 1);
    is_killed(WORKER);
    expect(0, 0, 0, 0, 0);
}

static void a_silent_process_may_have_processed_it(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+1 fsync");
    say(WORKER, "began 1.1");
    say(WORKER, "processed 1.1");
    say(SENDER, "settled 1.1+1 processed");
    expect(0, 0, 0, 0, 0);
}

static void processed_and_told_dead_is_unexplained(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+2 fsync");
    say(WORKER, "processed 1.1+2");
    say(SENDER, "settled 1.1 dead");
    say(SENDER, "settled 1.2 withdrawn");
    say(SENDER, "settled 1.3 dead maybe-processed"); /* failover took it away */
    expect(0, 0, 0, 0, 2);
    assert_non_null(strstr(verdict.first[4], "0001 was processed, and its sender was told that it "
                                             "is a dead letter (sender sender, receiver worker)"));
}

static void processed_and_told_dead_may_be_for_a_lost_disk(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+1 fsync");
    say(CLIENT, "accepted 2.1+1 fsync");
    say(WORKER, "processed 1.1+1");
    say(OTHER, "processed 2.1");
    loses_disk(OTHER); /* it forgot, and then refused it */
    loses_disk(SENDER); /* it forgot what it was told, and then withdrew it */
    say(CLIENT, "settled 2.1 dead");
    say(SENDER, "settled 1.1 withdrawn");
    expect(0, 0, 0, 1, 0); /* 2.2 */
    say(WORKER, "processed 2.2");
    say(CLIENT, "settled 2.2 dead");
    expect(0, 0, 0, 0, 1);
}

static void begun_and_then_dead_is_how_it_goes(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "began 1.1 1");
    say(WORKER, "began 1.1 2");
    say(SENDER, "settled 1.1 dead");
    expect(0, 0, 0, 0, 0);
}

static void two_ends_are_unexplained_unless_the_sender_forgot_one(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(SENDER, "settled 1.1 dead");
    say(SENDER, "settled 1.1 withdrawn");
    expect(0, 0, 0, 0, 1);
    loses_disk(SENDER);
    expect(0, 0, 0, 0, 0);
}

static void refused_and_seen_is_unexplained(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "processed 1.1");
    say(SENDER, "refused 1.2+1");
    expect(0, 0, 0, 0, 0);
    say(WORKER, "began 1.3");
    expect(0, 0, 0, 0, 1);
}

static void a_hole_in_what_was_accepted_is_unexplained(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(SENDER, "accepted 1.3 fsync");
    say(WORKER, "began 1.1+4");
    say(WORKER, "processed 1.1+4"); /* 1.4 and 1.5 may have been stored and not yet told */
    expect(0, 0, 0, 0, 1);
    assert_non_null(strstr(verdict.first[4], "0002 had a handler, and its sender never said"));
    is_killed(SENDER);
    expect(0, 0, 0, 0, 0);
}

static void a_stream_that_nobody_knows_is_unexplained_if_nobody_was_killed(void **state)
{
    (void)state;
    everybody_speaks();
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "processed 1.1");
    say(WORKER, "began 9.1");
    say(WORKER, "processed 9.1");
    expect(0, 0, 0, 0, 1);
    assert_non_null(strstr(verdict.first[4], "no process said that it sent it"));
    is_killed(SENDER); /* between the storing and the line */
    expect(0, 0, 0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        book_test(a_younger_message_first_is_reordered),
        book_test(order_counts_only_where_it_is_promised),
        book_test(lines_of_two_workers_say_nothing_of_order),
        book_test(two_streams_have_no_order),
        book_test(a_repeat_is_not_reordered_too),
        book_test(order_begins_anew_with_a_new_disk),
        book_test(what_was_sent_before_a_restart_comes_first),
        book_test(two_streams_of_one_life_are_not_compared_with_the_next),
        book_test(settled_as_processed_and_nobody_began_is_unexplained),
        book_test(an_answer_that_no_server_began_is_unexplained),
        book_test(a_worker_that_does_not_say_began_may_be_killed_before_processed),
        book_test(a_silent_process_may_have_processed_it),
        book_test(processed_and_told_dead_is_unexplained),
        book_test(processed_and_told_dead_may_be_for_a_lost_disk),
        book_test(begun_and_then_dead_is_how_it_goes),
        book_test(two_ends_are_unexplained_unless_the_sender_forgot_one),
        book_test(refused_and_seen_is_unexplained),
        book_test(a_hole_in_what_was_accepted_is_unexplained),
        book_test(a_stream_that_nobody_knows_is_unexplained_if_nobody_was_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
