/* SPDX-License-Identifier: MPL-2.0 */

/* A list with a hash index: see change.h. */

#include "store/change.h"

#include "base/crc32c.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 16
#define CAPACITY_MAX ((size_t)1 << 31) /* places are 32 bits */

static uint32_t *head_of(const struct gw_changes *changes, uint32_t hash)
{
    return &changes->heads[hash & (changes->capacity - 1)];
}

static void link_in(struct gw_changes *changes, size_t at)
{
    struct gw_change *change = &changes->items[at];

    if (change->key.size == 0)
        return;
    uint32_t *head = head_of(changes, change->hash);
    change->next = *head;
    *head = (uint32_t)at + 1;
}

/* Only the heads in use: a write with few keys must not pay for an earlier one with many. */
void gw_changes_reset(struct gw_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        *head_of(changes, changes->items[i].hash) = 0;
    changes->count = 0;
}

void gw_changes_clear(struct gw_changes *changes)
{
    free(changes->items);
    free(changes->heads);
    *changes = (struct gw_changes){0};
}

struct gw_change *gw_changes_find(struct gw_changes *changes, struct gw_slice key)
{
    if (changes->count == 0)
        return NULL;
    uint32_t hash = gw_crc32c(0, key.data, key.size);
    for (uint32_t at = *head_of(changes, hash); at > 0; at = changes->items[at - 1].next) {
        struct gw_change *change = &changes->items[at - 1];
        changes->looks++;
        if (change->hash == hash && change->key.size == key.size &&
            memcmp(change->key.data, key.data, key.size) == 0)
            return change;
    }
    return NULL;
}

static bool grow(struct gw_changes *changes)
{
    size_t capacity = changes->capacity ? changes->capacity * 2 : CAPACITY_FIRST;
    uint32_t *heads = capacity > CAPACITY_MAX ? NULL : calloc(capacity, sizeof *heads);
    struct gw_change *items =
        heads ? realloc(changes->items, capacity * sizeof *items) : NULL;

    if (!items) {
        free(heads);
        return false;
    }
    free(changes->heads);
    changes->items = items;
    changes->heads = heads;
    changes->capacity = capacity;
    for (size_t i = 0; i < changes->count; i++)
        link_in(changes, i);
    return true;
}

struct gw_change *gw_changes_add(struct gw_changes *changes, struct gw_slice key)
{
    if (changes->count == changes->capacity && !grow(changes))
        return NULL;
    size_t at = changes->count++;
    changes->items[at] =
        (struct gw_change){.key = key, .hash = gw_crc32c(0, key.data, key.size)};
    link_in(changes, at);
    return &changes->items[at];
}
