/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_HEAP_H
#define GW_BASE_HEAP_H

/* What comes first, of many things that come and go: a binary heap of pairs (key, tie), the lowest
 * first. Entering, moving and leaving take time in the logarithm of how many there are, wherever in
 * the order they stand; finding the first takes none. Among equal pairs the order depends on what
 * was done before and on nothing else, so that a simulation repeats.
 *
 * Things carry their place, so that nothing is searched. For timers the key is when they are due,
 * and a tie that counts up lets those of one moment come in the order in which they were set:
 *
 *     struct thing { struct gw_heap_place due; };        zeroed: in no heap
 *     struct gw_heap dues = {0};
 *     gw_heap_set(&dues, &thing->due, when, ++count);
 *     thing = GW_HEAP_ITEM(gw_heap_first(&dues), struct thing, due);
 *
 * A thing stands in one heap at most with each place, and leaves it before its memory goes. */

#include <stddef.h>
#include <stdint.h>

struct gw_heap_place {
    size_t at; /* 0: in no heap; else its position, from 1 */
};

struct gw_heap_entry {
    uint64_t key;
    uint64_t tie;
    struct gw_heap_place *place;
};

struct gw_heap {
    struct gw_heap_entry *entries;
    size_t count;
    size_t capacity;
};

#define GW_HEAP_ITEM(place, type, field) ((type *)(void *)((char *)(place)-offsetof(type, field)))

void gw_heap_clear(struct gw_heap *heap); /* frees the table; the places keep what they say */
/* Enters, which returns 0, or -ENOMEM and nothing changed; or moves, which always returns 0. What
 * has left makes room: as many as there ever were enter without need of memory. */
int gw_heap_set(struct gw_heap *heap, struct gw_heap_place *place, uint64_t key, uint64_t tie);
void gw_heap_remove(struct gw_heap *heap, struct gw_heap_place *place); /* or nothing: not in it */

static inline struct gw_heap_place *gw_heap_first(const struct gw_heap *heap) /* NULL: empty */
{
    return heap->count ? heap->entries[0].place : NULL;
}

static inline uint64_t gw_heap_first_key(const struct gw_heap *heap) /* UINT64_MAX: empty */
{
    return heap->count ? heap->entries[0].key : UINT64_MAX;
}

/* UINT64_MAX: it is in none. */
static inline uint64_t gw_heap_key(const struct gw_heap *heap, const struct gw_heap_place *place)
{
    return place->at ? heap->entries[place->at - 1].key : UINT64_MAX;
}

#endif
