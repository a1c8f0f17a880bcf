/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LEDGER_BOOK_H
#define LEDGER_BOOK_H

/* A ledger of a scenario with four processes, told line by line: for the tests of ledger and
 * verdict. Ids are written as `EPOCH.SEQUENCE`, small numbers both: "accepted 1.5+3 fsync". */

#include "ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SENDER, WORKER, OTHER, CLIENT, BOOK_PROCESSES };

static struct lab_process_plan book_plans[BOOK_PROCESSES] = {
    {.name = "sender"}, {.name = "worker"}, {.name = "other"}, {.name = "client"}};
static struct lab_scenario book_scenario;
static struct lab_timeline book_timeline;
static struct lab_ledger *book;
static struct lab_verdict verdict;
static uint64_t book_now_us;

static inline int book_open(void **state)
{
    (void)state;
    book_scenario =
        (struct lab_scenario){.processes = book_plans, .process_count = BOOK_PROCESSES};
    book_now_us = 0;
    if (lab_timeline_init(&book_timeline, BOOK_PROCESSES))
        return -1;
    book = lab_ledger_new(&book_scenario, &book_timeline);
    return book ? 0 : -1;
}

static inline int book_close(void **state)
{
    (void)state;
    lab_ledger_free(&book);
    lab_timeline_clear(&book_timeline);
    return 0;
}

/* `line` with its id written out; false if it has none. */
static inline bool book_written_out(const char *line, char *text, size_t size)
{
    unsigned long long epoch, sequence;
    char word[32], dummy;
    int at = 0;

    if (sscanf(line, "%31s %llu.%llu%n%c", word, &epoch, &sequence, &at, &dummy) < 3)
        return false;
    snprintf(text, size, "%s %016llx%016llx%s", word, epoch, sequence, line + at);
    return true;
}

static inline void say(size_t process, const char *line)
{
    char text[128];

    book_now_us += 1000;
    if (!book_written_out(line, text, sizeof text))
        snprintf(text, sizeof text, "%s", line);
    if (!lab_ledger_line(book, book_now_us, process, text))
        fail_msg("not taken: %s", text);
}

static inline void end_with(size_t process, struct lab_ending ending)
{
    lab_ledger_ended(book, process, &ending);
}

static inline void ends_done(size_t process)
{
    end_with(process, (struct lab_ending){.done = true});
}

static inline void is_killed(size_t process)
{
    end_with(process, (struct lab_ending){.killed = true});
}

static inline void loses_power(size_t process)
{
    end_with(process, (struct lab_ending){.killed = true, .power = true});
}

static inline void loses_disk(size_t process)
{
    end_with(process, (struct lab_ending){.killed = true, .lost = true});
}

static inline void judge(void)
{
    lab_ledger_judge(book, &verdict);
}

/* Judges, and the verdict has these numbers and no others against it. */
static inline void expect(uint64_t lost, uint64_t repeated, uint64_t reordered, uint64_t stuck,
                          uint64_t unexplained)
{
    judge();
    if (verdict.lost != lost || verdict.repeated != repeated || verdict.reordered != reordered ||
        verdict.stuck != stuck || verdict.unexplained != unexplained) {
        for (size_t i = 0; i < 5; i++)
            print_message("%s\n", verdict.first[i]);
        fail_msg("lost %d repeated %d reordered %d stuck %d unexplained %d", (int)verdict.lost,
                 (int)verdict.repeated, (int)verdict.reordered, (int)verdict.stuck,
                 (int)verdict.unexplained);
    }
    assert_int_equal(verdict.passed, lost + repeated + reordered + stuck + unexplained == 0);
    assert_int_equal(verdict.first[0][0] != '\0', lost > 0);
    assert_int_equal(verdict.first[1][0] != '\0', repeated > 0);
    assert_int_equal(verdict.first[2][0] != '\0', reordered > 0);
    assert_int_equal(verdict.first[3][0] != '\0', stuck > 0);
    assert_int_equal(verdict.first[4][0] != '\0', unexplained > 0);
}

static inline void expect_excused(uint64_t excused)
{
    judge();
    assert_int_equal(verdict.excused, excused);
}

#define book_test(name) cmocka_unit_test_setup_teardown(name, book_open, book_close)

#endif
