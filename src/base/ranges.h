/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_RANGES_H
#define GW_BASE_RANGES_H

/* An interval set over 64-bit sequences: sorted, disjoint, never adjacent ranges.
 *
 *      1   2   3   4   5   6   7   8   9
 *     [first . last]          [first . last]      items[0] = 1..3, items[1] = 7..9
 *
 * Every book of godwit that says "which sequences" (offered, decided, settled, in hand) is one of
 * these. Operations that can need memory return 0, or -ENOMEM and leave the set as it was.
 * Ranges are inclusive at both ends, first <= last, and sequence 0 is allowed here (its meaning is
 * the caller's affair). UINT64_MAX is never a member: add leaves it out, so that there is always a
 * gap, last + 1 never wraps, and a `last` of UINT64_MAX means "to the end" for remove and next.
 * Finding is O(log n), and O(1) in the last range or after it; so is appending there.
 * Not thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_range {
    uint64_t first;
    uint64_t last;
};

struct gw_ranges {
    struct gw_range *items; /* sorted by first; items[i].last + 1 < items[i + 1].first */
    size_t count;
    size_t capacity;
};

#define GW_RANGES_EMPTY ((struct gw_ranges){0})

void gw_ranges_clear(struct gw_ranges *set); /* frees; the set is empty and usable again */
int gw_ranges_copy(struct gw_ranges *to, const struct gw_ranges *from); /* replaces to's content */
int gw_ranges_add(struct gw_ranges *set, uint64_t first, uint64_t last);
/* May split a range, hence may need memory. */
int gw_ranges_remove(struct gw_ranges *set, uint64_t first, uint64_t last);
int gw_ranges_add_all(struct gw_ranges *set, const struct gw_ranges *other);
/* Makes sure that the next `extra` calls of add or remove cannot fail. */
int gw_ranges_reserve(struct gw_ranges *set, size_t extra);
void gw_ranges_trim_below(struct gw_ranges *set, uint64_t floor); /* forgets everything < floor */

bool gw_ranges_contains(const struct gw_ranges *set, uint64_t sequence);
bool gw_ranges_covers(const struct gw_ranges *set, uint64_t first, uint64_t last);
bool gw_ranges_overlaps(const struct gw_ranges *set, uint64_t first, uint64_t last);
uint64_t gw_ranges_total(const struct gw_ranges *set); /* how many sequences */
/* The lowest sequence >= from that is not in the set. */
uint64_t gw_ranges_first_gap(const struct gw_ranges *set, uint64_t from);
/* Index of the first item with last >= sequence; set->count if there is none. */
size_t gw_ranges_find(const struct gw_ranges *set, uint64_t sequence);

/* Walks the pieces of [first, last] that are in the set (`inside` true) or not in it (false):
 *     struct gw_range piece; uint64_t at = first;
 *     while (gw_ranges_next(set, inside, &at, last, &piece)) ...
 * `at` moves past each piece returned. The set must not change during the walk. */
bool gw_ranges_next(const struct gw_ranges *set, bool inside, uint64_t *at, uint64_t last,
                    struct gw_range *piece);

/* Debug: checks sortedness, disjointness and non-adjacency. */
bool gw_ranges_valid(const struct gw_ranges *set);

#endif
