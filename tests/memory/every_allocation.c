/* SPDX-License-Identifier: MPL-2.0 */
/* Runs every test of a program of core tests once for each allocation that the core makes in it,
 * with that one and all later ones failing. The step during which it fails must say so, and what
 * was there can be destroyed (AddressSanitizer watches). Then memory is back, and a fresh core is
 * started from the store, as the shell does: it must accept what it finds, and know all of it.
 *
 * It stands in for cmocka's runner (ld --wrap): the tests are those of tests/unit, unchanged. */

#define FAILING_HEAP_NOT_HERE

#include "core/state.h"
#include "support/core_driver.h"
#include "support/failing_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Of a test that allocates very often, the later allocations are those of a loop: some of them. One
 * with a long way to what it is about takes long each time. */
#define EACH_UP_TO           300
#define EACH_FROM_MARK_UP_TO 40
#define GROWTH               2 /* from there on n grows by half of itself */

static jmp_buf end_of_test;
static size_t given;  /* allocations that succeed in this run */
static bool from_mark; /* counted from the test's driver_from_here, not from its start */

/* ---- nothing is lost ---- */

static bool is_settled(const struct driver *d, uint64_t epoch, uint64_t sequence)
{
    const struct gw_row *row;
    for (size_t n = 0; (row = driver_row(d, GW_ROW_STREAM, n)); n++)
        if (row->epoch == epoch && sequence < row->floor)
            return true;
    for (size_t n = 0; (row = driver_row(d, GW_ROW_SETTLED, n)); n++)
        if (row->epoch == epoch && row->first <= sequence && sequence <= row->last)
            return true;
    return false;
}

/* What is in the outbox and not settled there is open: at a member, or on its way to one. (Replies
 * to nobody end with the restart.) */
static void check_outbox(const struct driver *d)
{
    struct gw_whereabouts found;
    for (size_t i = 0; i < d->batch_count; i++) {
        const struct gw_batch *batch = d->batches[i];
        for (uint64_t s = batch->first; s <= gw_batch_last(batch); s++) {
            gw_core_find(d->core, batch->epoch, s, &found);
            if (found.destination.kind == GW_KIND_REPLY)
                continue;
            bool open = found.place != GW_PLACE_UNKNOWN && found.place != GW_PLACE_SETTLED;
            if (open == is_settled(d, batch->epoch, s))
                fail_msg("message %d of epoch %d is lost, or comes again", (int)s,
                         (int)batch->epoch);
        }
    }
}

static bool has_window_row(const struct driver *d, uint64_t epoch)
{
    const struct gw_row *row;
    for (size_t n = 0; (row = driver_row(d, GW_ROW_WINDOW, n)); n++)
        if (row->epoch == epoch)
            return true;
    return false;
}

/* What was decided is never processed again. */
static void check_decisions(const struct driver *d)
{
    const struct gw_row *row;
    for (size_t n = 0; (row = driver_row(d, GW_ROW_DECIDED, n)); n++) {
        const struct gw_window *window = gw_map_get(&d->core->windows, row->epoch);
        if (!has_window_row(d, row->epoch))
            continue; /* it names nothing: there is a test of that */
        assert_non_null(window);
        for (uint64_t s = row->first; s <= row->last; s++)
            assert_true(s < window->floor || gw_ranges_contains(&window->decided, s));
    }
}

/* ---- the loop ---- */

static void ran_out(struct driver *d)
{
    heap_left = SIZE_MAX;
    d->result = 0;
    d->lenient = false;
    driver_crash(d);
    driver_recover(d); /* which checks the books after each row */
    assert_null(gw_core_check(d->core));
    check_outbox(d);
    check_decisions(d);
    driver_close_all();
    longjmp(end_of_test, 1);
}

static void begin(void)
{
    from_mark = true;
    heap_left = given;
}

/* True if it ran out of memory at the n-th allocation; false: it does not need that many. */
static bool runs_out(const struct CMUnitTest *test, size_t n)
{
    void *nothing = NULL;
    given = n;
    heap_refused = false;
    heap_left = from_mark ? SIZE_MAX : n;
    if (setjmp(end_of_test) != 0)
        return true;
    test->test_func(&nothing);
    heap_left = SIZE_MAX;
    if (heap_refused)
        fail_msg("allocation %d failed, and no step said so", (int)n);
    return false;
}

static void every_allocation(void **state)
{
    const struct CMUnitTest *test = *state;
    driver_ran_out = ran_out;
    driver_began = begin;
    from_mark = false;
    runs_out(test, SIZE_MAX); /* once as it is, to see where it begins */
    for (size_t n = 0; runs_out(test, n);)
        n += n < (from_mark ? EACH_FROM_MARK_UP_TO : EACH_UP_TO) ? 1 : n / GROWTH;
    driver_ran_out = NULL;
    driver_began = NULL;
}

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction set_up, CMFixtureFunction tear_down);
int __real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction set_up, CMFixtureFunction tear_down);

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction set_up, CMFixtureFunction tear_down)
{
    struct CMUnitTest *loops = calloc(count, sizeof *loops);
    assert_non_null(loops);
    for (size_t i = 0; i < count; i++)
        loops[i] = (struct CMUnitTest){
            tests[i].name, every_allocation, NULL, NULL, (void *)&tests[i]};
    int failed = __real__cmocka_run_group_tests(name, loops, count, set_up, tear_down);
    free(loops);
    return failed;
}
