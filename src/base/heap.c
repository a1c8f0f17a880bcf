/* SPDX-License-Identifier: MPL-2.0 */

/* The heap of heap.h. The entry at i stands before those at 2i + 1 and 2i + 2; keys stand in the
 * table itself, so that a comparison reads nothing else. */

#include "base/heap.h"

#include "base/grow.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define FIRST_CAPACITY 4

void gw_heap_clear(struct gw_heap *heap)
{
    free(heap->entries);
    *heap = (struct gw_heap){0};
}

static bool is_before(const struct gw_heap_entry *a, const struct gw_heap_entry *b)
{
    return a->key < b->key || (a->key == b->key && a->tie < b->tie);
}

static void stand(struct gw_heap *heap, struct gw_heap_entry entry, size_t at)
{
    heap->entries[at] = entry;
    entry.place->at = at + 1;
}

/* The entry goes to `hole` or up from there; what it passes comes down. */
static void rise(struct gw_heap *heap, struct gw_heap_entry entry, size_t hole)
{
    while (hole > 0 && is_before(&entry, &heap->entries[(hole - 1) / 2])) {
        stand(heap, heap->entries[(hole - 1) / 2], hole);
        hole = (hole - 1) / 2;
    }
    stand(heap, entry, hole);
}

/* The entry goes to `hole` or down from there; what it passes comes up. */
static void sink(struct gw_heap *heap, struct gw_heap_entry entry, size_t hole)
{
    for (size_t below; (below = 2 * hole + 1) < heap->count; hole = below) {
        if (below + 1 < heap->count && is_before(&heap->entries[below + 1], &heap->entries[below]))
            below++;
        if (!is_before(&heap->entries[below], &entry))
            break;
        stand(heap, heap->entries[below], hole);
    }
    stand(heap, entry, hole);
}

static void settle(struct gw_heap *heap, struct gw_heap_entry entry, size_t hole)
{
    if (hole > 0 && is_before(&entry, &heap->entries[(hole - 1) / 2]))
        rise(heap, entry, hole);
    else
        sink(heap, entry, hole);
}

static int make_room(struct gw_heap *heap)
{
    if (heap->count < heap->capacity)
        return 0;
    size_t capacity = gw_grown(heap->capacity, FIRST_CAPACITY);
    struct gw_heap_entry *entries = realloc(heap->entries, capacity * sizeof *entries);
    if (!entries)
        return -ENOMEM;
    heap->entries = entries;
    heap->capacity = capacity;
    return 0;
}

int gw_heap_set(struct gw_heap *heap, struct gw_heap_place *place, uint64_t key, uint64_t tie)
{
    struct gw_heap_entry entry = {key, tie, place};
    if (place->at) {
        settle(heap, entry, place->at - 1);
        return 0;
    }
    int error = make_room(heap);
    if (error)
        return error;
    rise(heap, entry, heap->count++);
    return 0;
}

void gw_heap_remove(struct gw_heap *heap, struct gw_heap_place *place)
{
    if (!place->at)
        return;
    size_t hole = place->at - 1;
    struct gw_heap_entry last = heap->entries[--heap->count];
    if (last.place != place)
        settle(heap, last, hole);
    place->at = 0;
}
