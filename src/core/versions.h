/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_VERSIONS_H
#define GW_CORE_VERSIONS_H

/* Which commit wrote an application key last: the book behind CONFLICT. Commits have ascending
 * stamps, given when they are submitted. A reader notes the stamp of the newest commit that was
 * finished before its read; the key has changed since if its last write has a higher stamp.
 *
 * Keys are known by a 64-bit hash: two keys of one hash share an entry, which may report a conflict
 * too many, never one too few. The book is bounded in the same way: it forgets the oldest half of
 * its keys at once and remembers only the highest stamp among them, the floor; a read from before
 * the floor of a key that is not in the book counts as changed.
 *
 *      young: writes since the last change of guard    old: those before    floor: the rest
 *
 * Pure, not thread-safe. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_version {
    uint64_t hash; /* 0: free */
    uint64_t stamp;
};

struct gw_version_table {
    struct gw_version *items; /* twice `half` of them, so that a search is short */
    size_t count;
    uint64_t newest;
};

struct gw_versions {
    struct gw_version_table young;
    struct gw_version_table old;
    size_t half; /* keys in a full table: a power of two */
    uint64_t floor;
};

#define GW_VERSIONS_KEYS 65536 /* the default bound */

/* `keys` is rounded down to a power of two, 2 at least. Allocates nothing yet. */
void gw_versions_init(struct gw_versions *versions, size_t keys);
void gw_versions_clear(struct gw_versions *versions);

/* Notes that the commit `stamp` writes the key. Without memory it raises the floor instead. */
void gw_versions_wrote(struct gw_versions *versions, uint64_t hash, uint64_t stamp);
/* True if the key was, or may have been, written by a commit after `stamp`. */
bool gw_versions_changed(const struct gw_versions *versions, uint64_t hash, uint64_t stamp);

/* The hash of a key in a space. */
uint64_t gw_versions_hash(const char *space, const void *key, size_t key_size);

#endif
