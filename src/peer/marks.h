/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_MARKS_H
#define GW_PEER_MARKS_H

/* Which messages a handler has begun with, noted where the death of the process cannot reach it: in
 * a small file beside the store, mapped into memory. A mark is made when a message is handed over
 * and unmade when its handler said what became of it; what is still marked at the next open was
 * begun by a process that died on it (docs/decisions/0008-begun-marks.md).
 *
 *     DIRECTORY/begun:  | header: what, version, slots, store | slot | slot | ...
 *                         slot: epoch, sequence, number of the offer, check; check 0: free
 *
 * The file outlives kill -9 and a fault in the handler. After a loss of power it may hold less or
 * more than was begun; each slot proves itself, and an old offer's number charges nothing. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_MARKS_NAME "begun"
#define GW_MARKS_MAX 16384 /* begun at once; what is above is not marked */
#define GW_MARK_NONE 0xffffffu /* 24 bits, as a delivery has for it */

struct gw_marks;

struct gw_begun { /* adjacent messages of one offer */
    uint64_t epoch;
    uint64_t first;
    uint64_t last;
    uint64_t number;
};

/* Opens or makes the file in a directory that this process has locked, for the store with that
 * uuid. Marks of another store, or that cannot be read, are none. 0, or a negative errno. */
int gw_marks_open(const char *directory, const uint8_t store[16], struct gw_marks **marks);

/* What was marked when it was opened, ascending. It belongs to the marks, until gw_marks_adopt. */
const struct gw_begun *gw_marks_found(const struct gw_marks *marks, size_t *count);
/* What was found is stored elsewhere: forgets it, and from here on marks can be made. */
void gw_marks_adopt(struct gw_marks *marks);

/* Any thread, without a lock; a few stores. GW_MARK_NONE: no slot is free. */
uint32_t gw_marks_make(struct gw_marks *marks, uint64_t epoch, uint64_t sequence, uint64_t number);
void gw_marks_unmake(struct gw_marks *marks, uint32_t mark); /* not GW_MARK_NONE */

/* The same in two steps each, for who keeps a slot for its next message: make is take and write,
 * unmake is erase and give. Only take and give touch what threads share. */
uint32_t gw_marks_take(struct gw_marks *marks);
void gw_marks_write(struct gw_marks *marks, uint32_t mark, uint64_t epoch, uint64_t sequence,
                    uint64_t number);
void gw_marks_erase(struct gw_marks *marks, uint32_t mark);
void gw_marks_give(struct gw_marks *marks, uint32_t mark); /* erased */

/* A clean end charges nothing: marks that are left are unmade, unless they were never adopted.
 * Nulls *marks; NULL is accepted. */
void gw_marks_close(struct gw_marks **marks);

#endif
