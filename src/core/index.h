/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_INDEX_H
#define GW_CORE_INDEX_H

/* Pointers sorted by the first sequence that each covers; what they cover does not overlap. Made
 * for queues: growing at the end and shrinking at the head cost nothing, finding costs a binary
 * search. */

#include <stddef.h>
#include <stdint.h>

struct gw_index_item {
    uint64_t first;
    void *value;
};

struct gw_index {
    struct gw_index_item *items; /* items[head .. head + count - 1] are in use */
    size_t head;
    size_t count;
    size_t capacity;
};

void gw_index_clear(struct gw_index *index); /* frees the array, not the values */
int gw_index_add(struct gw_index *index, uint64_t first, void *value); /* 0 or -ENOMEM */
void gw_index_remove_at(struct gw_index *index, size_t at);
/* Position of the last item with first <= sequence; index->count if there is none. */
size_t gw_index_find(const struct gw_index *index, uint64_t sequence);
/* The same, or 0: where to begin when what reaches into or lies above `sequence` is wanted. */
size_t gw_index_from(const struct gw_index *index, uint64_t sequence);

static inline void *gw_index_at(const struct gw_index *index, size_t at)
{
    return index->items[index->head + at].value;
}

#endif
