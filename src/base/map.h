/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_MAP_H
#define GW_BASE_MAP_H

/* Hash map from a 64-bit key to a non-NULL pointer: open addressing, power-of-two size, at most 3/4
 * full. Keys are mixed before use, since epochs and link ids come from peers; `seed` makes the
 * order unguessable. Iteration order depends on keys, seed and history only, so that a simulation
 * repeats. Not thread-safe. */

#include <stddef.h>
#include <stdint.h>

struct gw_map_slot {
    uint64_t key;
    void *value; /* NULL: free */
};

struct gw_map {
    struct gw_map_slot *slots;
    size_t capacity;
    size_t count;
    uint64_t seed;
};

void gw_map_init(struct gw_map *map, uint64_t seed);
void gw_map_clear(struct gw_map *map); /* frees the table, not the values; usable again */
void *gw_map_get(const struct gw_map *map, uint64_t key); /* NULL if there is none */
/* Adds, which returns 0, or -ENOMEM and nothing changed; or replaces, which always returns 0. */
int gw_map_put(struct gw_map *map, uint64_t key, void *value);
void *gw_map_remove(struct gw_map *map, uint64_t key); /* the value that was there, or NULL */
/* Walks the entries; `key` may be NULL. The map must not change meanwhile.
 *     for (size_t at = 0; (value = gw_map_next(map, &at, &key)) != NULL;) ... */
void *gw_map_next(const struct gw_map *map, size_t *at, uint64_t *key);

#endif
