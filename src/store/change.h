/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_CHANGE_H
#define GW_STORE_CHANGE_H

/* What one write does to the references of keys: each key once, however often the write has it, and
 * found in a time that does not grow with their number. Pure. */

#include "store/bodies.h"

struct gw_change {
    struct gw_slice key; /* lies in the write; empty: nobody looks for it */
    uint32_t hash;
    uint32_t next;       /* the one with the same head: its place and 1; 0: none */
    bool had, has;       /* a reference: before the write; after it */
    struct gw_body was, now;
};

struct gw_changes { /* all zero: none */
    struct gw_change *items;
    uint32_t *heads; /* `capacity` of them, by the lowest bits of hashes */
    size_t count;
    size_t capacity; /* a power of two */
    uint64_t looks;  /* items that were compared with a key since the beginning: for tests */
};

void gw_changes_reset(struct gw_changes *changes); /* empties, and keeps the memory */
void gw_changes_clear(struct gw_changes *changes); /* frees */
/* NULL: there is none. What is returned is valid until the next add. */
struct gw_change *gw_changes_find(struct gw_changes *changes, struct gw_slice key);
/* One for a key that has none. NULL: out of memory. */
struct gw_change *gw_changes_add(struct gw_changes *changes, struct gw_slice key);

#endif
