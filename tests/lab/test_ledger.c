/* SPDX-License-Identifier: MPL-2.0 */

/* What the ledger reads, counts and remembers. */

#include "ledger_book.h"

#include "ledger_inside.h"

#include <malloc.h>
#include <time.h>

#define MANY 1000000u

static bool takes(const char *line)
{
    return lab_ledger_line(book, 0, WORKER, line);
}

#define ID "0123456789abcdef0000000000000001"

static void lines_of_the_ledger_are_taken(void **state)
{
    (void)state;
    assert_true(takes("level fsync"));
    assert_true(takes("accepted " ID " fsync"));
    assert_true(takes("accepted " ID "+41 memory"));
    assert_true(takes("accepted " ID " os answer"));
    assert_true(takes("refused " ID));
    assert_true(takes("began " ID));
    assert_true(takes("began " ID " 3"));
    assert_true(takes("began " ID "+2 3 maybe-duplicate"));
    assert_true(takes("processed " ID "+0"));
    assert_true(takes("settled " ID " processed"));
    assert_true(takes("settled " ID "+9 dead maybe-processed"));
    assert_true(takes("effect " ID " 1"));
    assert_true(takes("held " ID));
    assert_true(takes("audited"));
}

static void other_lines_are_left(void **state)
{
    (void)state;
    const char *lines[] = {"",
                           "hello",
                           "accepted",
                           "accepted " ID,
                           "accepted " ID " disk",
                           "accepted " ID " fsync and more",
                           "acceptedx " ID " fsync",
                           "accepted 0123456789abcdef000000000000000 fsync",
                           "accepted 0123456789ABCDEF0000000000000001 fsync",
                           "accepted 00000000000000000000000000000001 fsync",
                           "accepted 0123456789abcdef0000000000000000 fsync",
                           "accepted " ID "+ fsync",
                           "accepted " ID "+1048576 fsync",
                           "accepted 0123456789abcdefffffffffffffffff+1 fsync",
                           "began " ID " one",
                           "began " ID " 1 again",
                           "processed " ID " twice",
                           "settled " ID " lost",
                           "effect " ID,
                           "effect " ID " -1",
                           "audited twice",
                           "level"};

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (takes(lines[i]))
            fail_msg("taken: %s", lines[i]);
    assert_false(lab_ledger_line(book, 0, BOOK_PROCESSES, "audited"));
    judge();
    assert_int_equal(verdict.accepted + verdict.began + verdict.settled + verdict.effects, 0);
}

static void messages_are_counted_and_not_lines(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+9 fsync");
    say(SENDER, "accepted 1.5+9 os"); /* 5 to 10 were accepted before */
    say(SENDER, "accepted 2.1 memory");
    say(WORKER, "began 1.1+3 1");
    say(WORKER, "began 1.1 2");
    say(WORKER, "began 1.1 3");
    say(WORKER, "processed 1.1+2");
    say(SENDER, "settled 1.1+4 processed");
    say(SENDER, "settled 1.1+4 processed"); /* outcomes come again after a restart */
    say(SENDER, "settled 1.6+1 dead");
    say(SENDER, "settled 1.8 withdrawn");
    say(WORKER, "effect 1.1+2 1");
    judge();
    assert_int_equal(verdict.accepted, 15);
    assert_int_equal(verdict.by_level[0], 10);
    assert_int_equal(verdict.by_level[1], 4);
    assert_int_equal(verdict.by_level[2], 1);
    assert_int_equal(verdict.began, 4);
    assert_int_equal(verdict.redelivered, 1);
    assert_int_equal(verdict.processed, 3);
    assert_int_equal(verdict.settled, 8);
    assert_int_equal(verdict.dead, 2);
    assert_int_equal(verdict.withdrawn, 1);
    assert_int_equal(verdict.effects, 3);
    assert_int_equal(lab_ledger_so_far(book)->processed, 3);
}

static void an_answered_request_was_processed(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+2 fsync answer");
    say(WORKER, "began 1.1+2");
    say(SENDER, "settled 1.1 processed");
    say(SENDER, "settled 1.1 processed");
    say(SENDER, "settled 1.2 dead");
    assert_int_equal(lab_ledger_so_far(book)->processed, 1);
    assert_int_equal(book_timeline.lanes[SENDER].ticks[0].counts[LAB_COUNT_PROCESSED], 1);
    say(WORKER, "processed 1.1"); /* some servers know it too */
    assert_int_equal(lab_ledger_so_far(book)->processed, 1);
    say(SENDER, "accepted 1.9 fsync"); /* no request: somebody else has to say it */
    say(SENDER, "settled 1.9 processed");
    assert_int_equal(lab_ledger_so_far(book)->processed, 1);
}

static void the_timeline_shows_what_was_done(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1+9 fsync");
    say(WORKER, "began 1.1+9 1");
    say(WORKER, "began 1.3+1 2");
    say(WORKER, "processed 1.1+4");
    say(SENDER, "settled 1.1+2 processed");
    assert_int_equal(book_timeline.lanes[SENDER].ticks[0].counts[LAB_COUNT_ACCEPTED], 10);
    assert_int_equal(book_timeline.lanes[SENDER].ticks[0].counts[LAB_COUNT_SETTLED], 3);
    assert_int_equal(book_timeline.lanes[WORKER].ticks[0].counts[LAB_COUNT_BEGAN], 12);
    assert_int_equal(book_timeline.lanes[WORKER].ticks[0].counts[LAB_COUNT_REDELIVERED], 2);
    assert_int_equal(book_timeline.lanes[WORKER].ticks[0].counts[LAB_COUNT_PROCESSED], 5);
    assert_int_equal(book_timeline.count, 0);
    say(WORKER, "processed 1.1");
    assert_int_equal(book_timeline.lanes[WORKER].ticks[0].counts[LAB_COUNT_REPEATED], 1);
    assert_int_equal(book_timeline.count, 1);
    assert_non_null(strstr(book_timeline.events[0].text, "worker"));
}

static void it_is_quiet_once_all_that_must_be_kept_has_ended(void **state)
{
    (void)state;
    assert_true(lab_ledger_quiet(book));
    say(SENDER, "accepted 1.1+3 os");
    assert_false(lab_ledger_quiet(book));
    say(WORKER, "began 1.1+3");
    say(WORKER, "processed 1.1");
    say(SENDER, "settled 1.2 dead");
    say(SENDER, "settled 1.3 withdrawn");
    assert_false(lab_ledger_quiet(book));
    say(SENDER, "settled 1.4 processed");
    assert_true(lab_ledger_quiet(book));
    say(WORKER, "processed 1.5"); /* read before its acceptance */
    say(SENDER, "accepted 1.5 os");
    assert_true(lab_ledger_quiet(book));
}

static void what_need_not_be_kept_is_not_waited_for(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 memory");
    say(SENDER, "accepted 1.2 os");
    say(SENDER, "accepted 1.3 fsync");
    is_killed(SENDER);
    say(WORKER, "processed 1.2");
    assert_false(lab_ledger_quiet(book));
    say(WORKER, "processed 1.3");
    assert_true(lab_ledger_quiet(book));
    say(SENDER, "accepted 2.1 os");
    say(SENDER, "accepted 2.2 fsync");
    loses_power(SENDER);
    assert_false(lab_ledger_quiet(book));
    loses_disk(SENDER);
    assert_true(lab_ledger_quiet(book));
    say(WORKER, "processed 2.2");
    assert_true(lab_ledger_quiet(book));
}

static size_t used_bytes(void)
{
    return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* The figures are printed; the limits are far above them, for slow machines and sanitizers. */
static void a_million_messages_cost_little(void **state)
{
    (void)state;
    struct timespec begin, end;
    size_t before = used_bytes();
    char line[80];

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (unsigned i = 1; i <= MANY; i++) {
        snprintf(line, sizeof line, "accepted 0123456789abcdef%016x fsync", i);
        assert_true(lab_ledger_line(book, i, SENDER, line));
    }
    for (unsigned i = 1; i <= MANY; i++) {
        snprintf(line, sizeof line, "processed 0123456789abcdef%016x", i);
        assert_true(lab_ledger_line(book, i, WORKER, line));
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
    size_t used = used_bytes() - before;

    print_message("1 million messages, 2 million lines: %.2f us a line, %.1f MB\n",
                  seconds / (2 * MANY) * 1e6, (double)used * 1e-6);
    assert_true(used < 40u << 20);
    assert_true(seconds < 20);
    expect(0, 0, 0, 0, 0);
    assert_int_equal(verdict.processed, MANY);
}

static void scattered_ids_cost_a_block_each(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 1000; i++) {
        char line[80];

        snprintf(line, sizeof line, "accepted %016x%016x fsync", i, i * 1000003u);
        assert_true(lab_ledger_line(book, i, SENDER, line));
        snprintf(line, sizeof line, "processed %016x%016x", i, i * 1000003u);
        assert_true(lab_ledger_line(book, i, WORKER, line));
    }
    assert_int_equal(book->notes.blocks, 1000);
    expect(0, 0, 0, 0, 0);
    assert_int_equal(verdict.processed, 1000);
}

static void beyond_its_limit_the_verdict_is_void(void **state)
{
    (void)state;
    say(SENDER, "accepted 1.1 fsync");
    say(WORKER, "processed 1.1");
    book->notes.blocks = LAB_LEDGER_MAX / LAB_BLOCK; /* as if all these were there */
    say(WORKER, "processed 1.2");
    assert_int_equal(book->so_far.unread, 0); /* there is a block for it */
    say(WORKER, "processed 9.1+2");
    judge();
    assert_int_equal(verdict.unread, 3);
    assert_false(verdict.passed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        book_test(lines_of_the_ledger_are_taken),
        book_test(other_lines_are_left),
        book_test(messages_are_counted_and_not_lines),
        book_test(an_answered_request_was_processed),
        book_test(the_timeline_shows_what_was_done),
        book_test(it_is_quiet_once_all_that_must_be_kept_has_ended),
        book_test(what_need_not_be_kept_is_not_waited_for),
        book_test(a_million_messages_cost_little),
        book_test(scattered_ids_cost_a_block_each),
        book_test(beyond_its_limit_the_verdict_is_void),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
