/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_BODIES_H
#define GW_STORE_BODIES_H

/* Bodies of batches, in files beside LevelDB's: keys are separated from values, as in WiscKey (Lu
 * et al., FAST '16). LevelDB would write a body three times (log, table, and again with each
 * compaction) and mostly for nothing, since a batch is soon deleted.
 *
 *     <directory>/bodies/00000007     bodies, one after the other, nothing between or around them
 *
 *     append, append, sync -> (LevelDB writes the references) -> keep, drop, tidy
 *
 * A body is found by its reference, which lies in LevelDB with a checksum of the body, and counts
 * only there: bytes that no reference leads to are garbage. No file that an earlier open made is
 * appended to. When no reference leads into a file any more it is a *spare*: it gets a new number
 * and is written over, since its blocks and pages are there already; what is too many, or left at
 * the end, is removed. Why: docs/decisions/0017-bodies-apart.md and 0027-files-used-again.md.
 *
 * Threads: gw_bodies_read from any, between begin and end of reading; all else from the one that
 * writes. What fails answers -1 with errno set, unless said otherwise. */

#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_BODIES "bodies" /* the folder's name */

/* A file takes no body that would make it longer, unless it is the first one in it. */
#define GW_BODIES_FILE_SIZE ((uint64_t)16 << 20)

/* So many spare files are kept: what a quick sender frees between two files that it begins. */
#define GW_BODIES_SPARES 4

struct gw_body {
    uint64_t file;
    uint64_t offset;
    uint64_t size;
    uint32_t crc; /* crc32c */
    bool synced;  /* the body was durable before this reference was written */
};

struct gw_bodies;

/* Opens the folder below `directory`, which stays the caller's. `look`: for reading only. */
int gw_bodies_open(int directory, bool look, struct gw_bodies **bodies);
void gw_bodies_close(struct gw_bodies **bodies); /* NULL inside is accepted */

/* After the open: each reference that the store holds, in any order. False: it was synced, and its
 * file is gone or ends before it. */
bool gw_bodies_found(struct gw_bodies *bodies, const struct gw_body *body);

/* Appends. `body` holds size, crc and whether it is to be synced, and gets its place. After a
 * failure one may go on: the next body goes into a new file. */
int gw_bodies_append(struct gw_bodies *bodies, const void *data, struct gw_body *body);
/* Makes durable what was appended to be synced, names included. Does nothing if nothing was. */
int gw_bodies_sync(struct gw_bodies *bodies);

/* After LevelDB's write: references that are in the store now, and those that are no more. */
void gw_bodies_keep(struct gw_bodies *bodies, const struct gw_body *body);
void gw_bodies_drop(struct gw_bodies *bodies, const struct gw_body *body);
/* Makes files that no reference leads to spare, or removes them, unless somebody reads: then at a
 * later call. A name that cannot be removed stays until the next open. */
void gw_bodies_tidy(struct gw_bodies *bodies);

/* While one reads, no file goes away: begin, look up the reference, read, end. May be nested. */
void gw_bodies_begin_reading(struct gw_bodies *bodies);
void gw_bodies_end_reading(struct gw_bodies *bodies);
/* OK; CORRUPT: it is not there, not all of it, or not what was written; IO with errno set. */
enum gw_store_error gw_bodies_read(struct gw_bodies *bodies, const struct gw_body *body,
                                   uint8_t *data);

/* False: the folder or the file under way is not where it was (fault D19). */
bool gw_bodies_present(const struct gw_bodies *bodies);

/* What is on the disk, without spare files, and what of it references lead to. */
uint64_t gw_bodies_bytes(const struct gw_bodies *bodies);
uint64_t gw_bodies_live(const struct gw_bodies *bodies);
uint64_t gw_bodies_references(const struct gw_bodies *bodies);
/* The file of which the least is live, without the one under way; 0: there is none. */
uint64_t gw_bodies_emptiest(const struct gw_bodies *bodies);

#endif
