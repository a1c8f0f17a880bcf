/* SPDX-License-Identifier: MPL-2.0 */

/* The interval set of ranges.h as one sorted array. Books of sequences grow at the end and
 * shrink at the front, so nearly every call touches the last range or the first: find tries the
 * tail before it searches. Nothing here may do I/O or change a set when it fails. */

#include "base/ranges.h"

#include "base/grow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HIGHEST (UINT64_MAX - 1) /* the highest member, so that last + 1 never wraps */
#define SMALLEST_CAPACITY 4

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void gw_ranges_clear(struct gw_ranges *set)
{
    free(set->items);
    *set = GW_RANGES_EMPTY;
}

int gw_ranges_reserve(struct gw_ranges *set, size_t extra)
{
    const size_t most = PTRDIFF_MAX / sizeof set->items[0];
    size_t capacity = set->capacity;

    if (extra <= capacity - set->count)
        return 0;
    if (extra > most - set->count)
        return -ENOMEM;
    /* Doubling keeps a long run of single appends linear in all. */
    capacity = capacity > most / 2 ? most : gw_grown(capacity, SMALLEST_CAPACITY);
    if (capacity < set->count + extra)
        capacity = set->count + extra;

    struct gw_range *items = realloc(set->items, capacity * sizeof items[0]);
    if (items == NULL)
        return -ENOMEM;
    set->items = items;
    set->capacity = capacity;
    return 0;
}

int gw_ranges_copy(struct gw_ranges *to, const struct gw_ranges *from)
{
    if (to == from)
        return 0;
    if (from->count > to->count) {
        int error = gw_ranges_reserve(to, from->count - to->count);
        if (error)
            return error;
    }
    if (from->count > 0)
        memcpy(to->items, from->items, from->count * sizeof to->items[0]);
    to->count = from->count;
    return 0;
}

size_t gw_ranges_find(const struct gw_ranges *set, uint64_t sequence)
{
    size_t low = 0, high = set->count;

    if (high == 0 || set->items[high - 1].last < sequence)
        return high;
    if (set->items[high - 1].first <= sequence)
        return high - 1;
    /* Items below low end before the sequence; the item at high, once moved, does not. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->items[middle].last < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int insert_at(struct gw_ranges *set, size_t at, uint64_t first, uint64_t last)
{
    int error = gw_ranges_reserve(set, 1);
    if (error)
        return error;
    struct gw_range *item = &set->items[at];
    memmove(item + 1, item, (set->count - at) * sizeof *item);
    *item = (struct gw_range){.first = first, .last = last};
    set->count++;
    return 0;
}

static void erase(struct gw_ranges *set, size_t from, size_t to)
{
    if (from == to)
        return;
    memmove(&set->items[from], &set->items[to], (set->count - to) * sizeof set->items[0]);
    set->count -= to - from;
}

int gw_ranges_add(struct gw_ranges *set, uint64_t first, uint64_t last)
{
    assert(first <= last);
    last = lower(last, HIGHEST);
    if (first > last)
        return 0;

    /* Items from..to - 1 overlap or touch the new range, and become one with it. */
    size_t from = gw_ranges_find(set, first > 0 ? first - 1 : 0);
    size_t to = from;
    while (to < set->count && set->items[to].first <= last + 1)
        to++;
    if (from == to)
        return insert_at(set, from, first, last);

    struct gw_range *item = &set->items[from];
    item->first = lower(item->first, first);
    item->last = higher(set->items[to - 1].last, last);
    erase(set, from + 1, to);
    return 0;
}

static int split(struct gw_ranges *set, size_t at, uint64_t first, uint64_t last)
{
    int error = insert_at(set, at + 1, last + 1, set->items[at].last);
    if (error)
        return error;
    set->items[at].last = first - 1;
    return 0;
}

int gw_ranges_remove(struct gw_ranges *set, uint64_t first, uint64_t last)
{
    assert(first <= last);
    last = lower(last, HIGHEST);
    size_t from = gw_ranges_find(set, first);
    if (from == set->count || set->items[from].first > last)
        return 0;

    if (set->items[from].first < first) {
        if (set->items[from].last > last)
            return split(set, from, first, last);
        set->items[from].last = first - 1;
        from++;
    }
    size_t to = from;
    while (to < set->count && set->items[to].last <= last)
        to++;
    if (to < set->count && set->items[to].first <= last)
        set->items[to].first = last + 1;
    erase(set, from, to);
    return 0;
}

int gw_ranges_add_all(struct gw_ranges *set, const struct gw_ranges *other)
{
    if (set == other)
        return 0;
    /* All the memory first, so that failure leaves the set untouched. */
    int error = gw_ranges_reserve(set, other->count);
    if (error)
        return error;
    for (size_t i = 0; i < other->count; i++) {
        error = gw_ranges_add(set, other->items[i].first, other->items[i].last);
        assert(error == 0);
    }
    return error;
}

void gw_ranges_trim_below(struct gw_ranges *set, uint64_t floor)
{
    size_t kept = gw_ranges_find(set, floor);

    if (kept < set->count)
        set->items[kept].first = higher(set->items[kept].first, floor);
    erase(set, 0, kept);
}

bool gw_ranges_contains(const struct gw_ranges *set, uint64_t sequence)
{
    return gw_ranges_covers(set, sequence, sequence);
}

bool gw_ranges_covers(const struct gw_ranges *set, uint64_t first, uint64_t last)
{
    assert(first <= last);
    /* Ranges are never adjacent, so [first, last] is covered by one of them or not at all. */
    size_t at = gw_ranges_find(set, first);
    return at < set->count && set->items[at].first <= first && last <= set->items[at].last;
}

bool gw_ranges_overlaps(const struct gw_ranges *set, uint64_t first, uint64_t last)
{
    assert(first <= last);
    size_t at = gw_ranges_find(set, first);
    return at < set->count && set->items[at].first <= last;
}

uint64_t gw_ranges_total(const struct gw_ranges *set)
{
    uint64_t total = 0;

    for (size_t i = 0; i < set->count; i++)
        total += set->items[i].last - set->items[i].first + 1;
    return total;
}

uint64_t gw_ranges_first_gap(const struct gw_ranges *set, uint64_t from)
{
    size_t at = gw_ranges_find(set, from);

    if (at == set->count || set->items[at].first > from)
        return from;
    return set->items[at].last + 1;
}

static bool next_inside(const struct gw_ranges *set, uint64_t at, uint64_t last,
                        struct gw_range *piece)
{
    size_t i = gw_ranges_find(set, at);

    if (i == set->count || set->items[i].first > last)
        return false;
    piece->first = higher(set->items[i].first, at);
    piece->last = lower(set->items[i].last, last);
    return true;
}

static bool next_outside(const struct gw_ranges *set, uint64_t at, uint64_t last,
                         struct gw_range *piece)
{
    uint64_t gap = gw_ranges_first_gap(set, at);
    size_t i = gw_ranges_find(set, gap);

    if (gap > last)
        return false;
    piece->first = gap;
    piece->last = i < set->count ? lower(set->items[i].first - 1, last) : last;
    return true;
}

bool gw_ranges_next(const struct gw_ranges *set, bool inside, uint64_t *at, uint64_t last,
                    struct gw_range *piece)
{
    struct gw_range found;

    last = lower(last, HIGHEST);
    if (*at > last)
        return false;
    if (!(inside ? next_inside : next_outside)(set, *at, last, &found))
        return false;
    *at = found.last + 1;
    *piece = found;
    return true;
}

bool gw_ranges_valid(const struct gw_ranges *set)
{
    if (set->count > set->capacity)
        return false;
    for (size_t i = 0; i < set->count; i++) {
        const struct gw_range *item = &set->items[i];
        if (item->first > item->last || item->last > HIGHEST)
            return false;
        if (i > 0 && item[-1].last + 1 >= item->first)
            return false;
    }
    return true;
}
