/* SPDX-License-Identifier: MPL-2.0 */

/* The hash map of map.h: linear probing, and removal that moves later entries back instead of
 * leaving tombstones, so that a long-lived map with much coming and going never slows down. */

#include "base/map.h"

#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define SMALLEST_CAPACITY 8

void gw_map_init(struct gw_map *map, uint64_t seed)
{
    *map = (struct gw_map){.seed = seed};
}

void gw_map_clear(struct gw_map *map)
{
    free(map->slots);
    gw_map_init(map, map->seed);
}

static size_t home_of(const struct gw_map *map, uint64_t key)
{
    return (size_t)gw_mix64(key ^ map->seed) & (map->capacity - 1);
}

static size_t after(const struct gw_map *map, size_t at)
{
    return (at + 1) & (map->capacity - 1);
}

/* The slot that holds the key, or the free one where it would go. The table is never full, so the
 * walk ends; it must exist. */
static struct gw_map_slot *probe(const struct gw_map *map, uint64_t key)
{
    size_t at = home_of(map, key);

    while (map->slots[at].value != NULL && map->slots[at].key != key)
        at = after(map, at);
    return &map->slots[at];
}

void *gw_map_get(const struct gw_map *map, uint64_t key)
{
    return map->count == 0 ? NULL : probe(map, key)->value;
}

static int grow(struct gw_map *map)
{
    struct gw_map bigger = {
        .capacity = map->capacity == 0 ? SMALLEST_CAPACITY : map->capacity * 2,
        .count = map->count,
        .seed = map->seed,
    };

    bigger.slots = calloc(bigger.capacity, sizeof bigger.slots[0]);
    if (bigger.slots == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].value != NULL)
            *probe(&bigger, map->slots[i].key) = map->slots[i];
    }
    free(map->slots);
    *map = bigger;
    return 0;
}

int gw_map_put(struct gw_map *map, uint64_t key, void *value)
{
    assert(value != NULL);
    struct gw_map_slot *slot = map->capacity == 0 ? NULL : probe(map, key);

    /* A key that is there already needs no room: replacing never fails. */
    if (slot == NULL || slot->value == NULL) {
        if (map->count >= map->capacity / 4 * 3) {
            int error = grow(map);
            if (error)
                return error;
            slot = probe(map, key);
        }
        map->count++;
    }
    *slot = (struct gw_map_slot){.key = key, .value = value};
    return 0;
}

/* Fills the hole with a later entry of the same run that may stand there, and so on with the hole
 * that this leaves: afterwards no free slot lies between an entry and its home. */
static void close_hole(struct gw_map *map, size_t hole)
{
    const size_t mask = map->capacity - 1;

    for (size_t at = after(map, hole); map->slots[at].value != NULL; at = after(map, at)) {
        size_t from_home = (at - home_of(map, map->slots[at].key)) & mask;
        size_t from_hole = (at - hole) & mask;
        if (from_home >= from_hole) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole] = (struct gw_map_slot){0};
}

void *gw_map_remove(struct gw_map *map, uint64_t key)
{
    if (map->count == 0)
        return NULL;
    struct gw_map_slot *slot = probe(map, key);
    void *value = slot->value;

    if (value != NULL) {
        close_hole(map, (size_t)(slot - map->slots));
        map->count--;
    }
    return value;
}

void *gw_map_next(const struct gw_map *map, size_t *at, uint64_t *key)
{
    while (*at < map->capacity) {
        const struct gw_map_slot *slot = &map->slots[(*at)++];
        if (slot->value == NULL)
            continue;
        if (key != NULL)
            *key = slot->key;
        return slot->value;
    }
    return NULL;
}
