/* SPDX-License-Identifier: MPL-2.0 */
/* What comes first of many: against a search through all of them. */

#include "base/heap.h"
#include "base/random.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define THINGS 300

struct thing {
    uint64_t key, tie;
    bool in;
    struct gw_heap_place place;
};

static void set(struct gw_heap *heap, struct thing *thing, uint64_t key, uint64_t tie)
{
    assert_int_equal(gw_heap_set(heap, &thing->place, key, tie), 0);
    thing->key = key;
    thing->tie = tie;
    thing->in = true;
}

static void leave(struct gw_heap *heap, struct thing *thing)
{
    gw_heap_remove(heap, &thing->place);
    thing->in = false;
}

static struct thing *first(const struct gw_heap *heap)
{
    struct gw_heap_place *place = gw_heap_first(heap);
    return place ? GW_HEAP_ITEM(place, struct thing, place) : NULL;
}

static const struct thing *first_by_search(const struct thing *things)
{
    const struct thing *found = NULL;
    for (size_t i = 0; i < THINGS; i++)
        if (things[i].in && (!found || things[i].key < found->key ||
                             (things[i].key == found->key && things[i].tie < found->tie)))
            found = &things[i];
    return found;
}

static void an_empty_heap_has_no_first(void **state)
{
    (void)state;
    struct gw_heap heap = {0};
    struct thing thing = {0};
    assert_null(gw_heap_first(&heap));
    assert_true(gw_heap_first_key(&heap) == UINT64_MAX);
    assert_true(gw_heap_key(&heap, &thing.place) == UINT64_MAX);
    leave(&heap, &thing); /* it is in none: nothing happens */
    set(&heap, &thing, 5, 0);
    leave(&heap, &thing);
    assert_null(gw_heap_first(&heap));
    gw_heap_clear(&heap);
}

static void equal_keys_come_by_their_tie(void **state)
{
    (void)state;
    struct gw_heap heap = {0};
    struct thing things[5] = {{0}};
    static const uint64_t ties[] = {3, 1, 4, 0, 2};
    for (size_t i = 0; i < 5; i++)
        set(&heap, &things[i], 7, ties[i]);
    for (uint64_t tie = 0; tie < 5; tie++) {
        struct thing *found = first(&heap);
        assert_int_equal(found->tie, tie);
        leave(&heap, found);
    }
    gw_heap_clear(&heap);
}

static void whatever_enters_moves_and_leaves_the_lowest_is_first(void **state)
{
    (void)state;
    struct thing *things = calloc(THINGS, sizeof *things);
    struct gw_heap heap = {0};
    struct gw_random random;
    size_t count = 0;
    gw_random_seed(&random, 5);
    for (int i = 0; i < 20000; i++) {
        struct thing *thing = &things[gw_random_below(&random, THINGS)];
        bool was_in = thing->in;
        if (gw_random_below(&random, 3))
            set(&heap, thing, gw_random_below(&random, 50), gw_random_below(&random, 50));
        else
            leave(&heap, thing);
        count += thing->in;
        count -= was_in;
        const struct thing *wanted = first_by_search(things);
        assert_int_equal(heap.count, count);
        assert_true(gw_heap_key(&heap, &thing->place) == (thing->in ? thing->key : UINT64_MAX));
        assert_true(gw_heap_first_key(&heap) == (wanted ? wanted->key : UINT64_MAX));
        if (wanted)
            assert_int_equal(first(&heap)->tie, wanted->tie);
    }
    gw_heap_clear(&heap);
    free(things);
}

/* A walk over all, or a table that is sorted anew, would take thousands of moves for each. */
static void a_large_heap_takes_few_moves(void **state)
{
    (void)state;
    enum { MANY = 16384, LEVELS = 14 };
    struct thing *things = calloc(MANY, sizeof *things);
    size_t *before = calloc(MANY, sizeof *before);
    struct gw_heap heap = {0};
    size_t moved = 0;
    for (size_t i = 0; i < MANY; i++)
        set(&heap, &things[i], i, 0);
    for (size_t i = 0; i < MANY; i++)
        before[i] = things[i].place.at;
    set(&heap, &things[0], MANY, 0); /* the first becomes the last */
    for (size_t i = 0; i < MANY; i++)
        moved += things[i].place.at != before[i];
    assert_in_range(moved, 1, LEVELS + 1);
    gw_heap_clear(&heap);
    free(before);
    free(things);
}

static void as_many_as_there_were_enter_without_memory(void **state)
{
    (void)state;
    struct gw_heap heap = {0};
    struct thing things[100] = {{0}};
    for (size_t i = 0; i < 100; i++)
        set(&heap, &things[i], i, 0);
    const struct gw_heap_entry *table = heap.entries;
    size_t capacity = heap.capacity;
    for (size_t i = 0; i < 100; i++)
        leave(&heap, &things[i]);
    for (size_t i = 0; i < 100; i++)
        set(&heap, &things[i], 100 - i, 0);
    assert_ptr_equal(heap.entries, table);
    assert_int_equal(heap.capacity, capacity);
    gw_heap_clear(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_has_no_first),
        cmocka_unit_test(equal_keys_come_by_their_tie),
        cmocka_unit_test(whatever_enters_moves_and_leaves_the_lowest_is_first),
        cmocka_unit_test(a_large_heap_takes_few_moves),
        cmocka_unit_test(as_many_as_there_were_enter_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
