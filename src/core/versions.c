/* SPDX-License-Identifier: MPL-2.0 */

/* The book of key versions: two open-addressing tables that change guard. Entries are never removed
 * one by one, so linear probing needs no tombstones. */

#include "core/versions.h"

#include "base/random.h"

#include <stdlib.h>
#include <string.h>

void gw_versions_init(struct gw_versions *versions, size_t keys)
{
    *versions = (struct gw_versions){.half = 1};
    while (versions->half * 4 <= keys)
        versions->half *= 2;
}

void gw_versions_clear(struct gw_versions *versions)
{
    free(versions->young.items);
    free(versions->old.items);
    versions->young = versions->old = (struct gw_version_table){0};
}

/* Where the key is, or the free place where it belongs. */
static struct gw_version *find(const struct gw_version_table *table, size_t half, uint64_t hash)
{
    size_t mask = half * 2 - 1;
    size_t at = (size_t)hash & mask;

    while (table->items[at].hash != 0 && table->items[at].hash != hash)
        at = (at + 1) & mask;
    return &table->items[at];
}

static void raise_floor(struct gw_versions *versions, uint64_t stamp)
{
    if (stamp > versions->floor)
        versions->floor = stamp;
}

/* Young becomes old; what was old is forgotten. */
static void change_guard(struct gw_versions *versions)
{
    struct gw_version_table spare = versions->old;

    raise_floor(versions, spare.newest);
    if (spare.items)
        memset(spare.items, 0, versions->half * 2 * sizeof *spare.items);
    spare.count = 0;
    spare.newest = 0;
    versions->old = versions->young;
    versions->young = spare;
}

void gw_versions_wrote(struct gw_versions *versions, uint64_t hash, uint64_t stamp)
{
    struct gw_version_table *young = &versions->young;

    hash += hash == 0;
    if (young->count == versions->half)
        change_guard(versions);
    if (!young->items)
        young->items = calloc(versions->half * 2, sizeof *young->items);
    if (!young->items) {
        raise_floor(versions, stamp);
        return;
    }
    struct gw_version *version = find(young, versions->half, hash);
    young->count += version->hash == 0;
    version->hash = hash;
    version->stamp = stamp;
    if (stamp > young->newest)
        young->newest = stamp;
}

static uint64_t last_write(const struct gw_versions *versions, uint64_t hash)
{
    const struct gw_version_table *tables[] = {&versions->young, &versions->old};

    for (size_t i = 0; i < 2; i++) {
        if (!tables[i]->items)
            continue;
        const struct gw_version *version = find(tables[i], versions->half, hash);
        if (version->hash != 0)
            return version->stamp > versions->floor ? version->stamp : versions->floor;
    }
    return versions->floor;
}

bool gw_versions_changed(const struct gw_versions *versions, uint64_t hash, uint64_t stamp)
{
    return last_write(versions, hash + (hash == 0)) > stamp;
}

/* FNV-1a over space, NUL, key; mixed at the end, since its low bits choose the place. */
uint64_t gw_versions_hash(const char *space, const void *key, size_t key_size)
{
    const uint8_t *bytes = key;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *space; space++)
        hash = (hash ^ (uint8_t)*space) * UINT64_C(0x100000001b3);
    hash *= UINT64_C(0x100000001b3);
    for (size_t i = 0; i < key_size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return gw_mix64(hash);
}
