/* SPDX-License-Identifier: MPL-2.0 */
/* See index.h. */

#include "core/index.h"

#include "base/grow.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void gw_index_clear(struct gw_index *index)
{
    free(index->items);
    memset(index, 0, sizeof *index);
}

static int make_room(struct gw_index *index)
{
    if (index->head + index->count < index->capacity)
        return 0;
    if (index->head > index->capacity / 2) {
        memmove(index->items, index->items + index->head, index->count * sizeof *index->items);
        index->head = 0;
        return 0;
    }
    size_t capacity = gw_grown(index->capacity, 16);
    struct gw_index_item *items = realloc(index->items, capacity * sizeof *items);
    if (!items)
        return -ENOMEM;
    index->items = items;
    index->capacity = capacity;
    return 0;
}

int gw_index_add(struct gw_index *index, uint64_t first, void *value)
{
    if (make_room(index))
        return -ENOMEM;
    size_t at = index->count;
    struct gw_index_item *items = index->items + index->head;
    if (at && items[at - 1].first > first) {
        size_t below = gw_index_find(index, first);
        at = below == index->count ? 0 : below + 1;
        memmove(items + at + 1, items + at, (index->count - at) * sizeof *items);
    }
    items[at] = (struct gw_index_item){first, value};
    index->count++;
    return 0;
}

void gw_index_remove_at(struct gw_index *index, size_t at)
{
    struct gw_index_item *items = index->items + index->head;
    if (at == 0)
        index->head++;
    else
        memmove(items + at, items + at + 1, (index->count - at - 1) * sizeof *items);
    if (--index->count == 0)
        index->head = 0;
}

size_t gw_index_find(const struct gw_index *index, uint64_t sequence)
{
    const struct gw_index_item *items = index->items + index->head;
    size_t low = 0, high = index->count; /* items[low..high) may be the first above `sequence` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (items[middle].first <= sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : index->count;
}

size_t gw_index_from(const struct gw_index *index, uint64_t sequence)
{
    size_t at = gw_index_find(index, sequence);
    return at == index->count ? 0 : at;
}
