/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_DIRECTORY_H
#define GW_STORE_DIRECTORY_H

/* A store's directory: whose it is, that nobody else has it, and that its names are on the disk.
 *
 *     <directory>/            locked (flock) while open: by a peer alone, by those who look
 *                             shared; listed by (device, inode) in this process
 *         godwit              the marker: "godwit store format 3\n", the last thing to be made
 *         godwit.new          the marker before that: the store is being made and holds nothing yet
 *         generation          what is known of the store without asking it (generation.h)
 *         db/                 LevelDB's own
 *         bodies/             large bodies of batches (bodies.h)
 *
 *     claim -> (LevelDB opens db/) -> settle -> ... present, present, ... -> release
 *
 * The lock is on the directory itself, not on a file in it: no clean-up can delete it alone, and a
 * directory that turns out not to be ours has not been written to. */

#include "store/generation.h"
#include "store/store.h"

#include <sys/types.h>

#define GW_DIRECTORY_FORMAT 3 /* of what lies where; the rows have their own (GW_STORE_FORMAT) */

struct gw_directory {
    char *path;     /* absolute, so that the host may chdir */
    char *database; /* path/db */
    int fd;
    dev_t device;
    ino_t inode;
    ino_t current; /* of db/CURRENT as LevelDB left it at its open: it is not touched again */
    int folder;    /* db/; -1: not settled */
    char log[32];  /* the newest log in it */
    bool listed; /* in the registry */
    bool fresh;  /* the marker is not there yet: db/ may be created */
    struct gw_generation noted; /* what the file says since this open's claim; opens 0: nothing */
    struct gw_directory *next;
};

/* Makes the directory if it is missing, checks and locks it. `inspect`: makes and writes nothing,
 * and refuses what is no store yet. On failure `why` has the sentence. */
enum gw_store_error gw_directory_claim(const char *path, bool inspect,
                                       struct gw_directory **directory, char *why,
                                       size_t why_size);
/* After LevelDB's open, BEFORE anything is stored: makes the new names durable (hazard DB06) and,
 * in a fresh directory, puts a generation file of no opens and then the marker in their places. */
enum gw_store_error gw_directory_settle(struct gw_directory *directory, char *why, size_t why_size);
/* BEFORE and AFTER a synced write: LevelDB goes on to a new log when one is full, and does not sync
 * its name (DB06); the log that has not grown is not the one that the write went to. Then the new
 * one's name is made durable, and after that noted in the generation file: what is noted may lag,
 * and never leads. -1: errno; what was written may be lost. */
off_t gw_directory_log_size(const struct gw_directory *directory);
int gw_directory_follow_log(struct gw_directory *directory, off_t before);
/* The number of LevelDB's newest log: 0, or -1 with errno set. */
int gw_directory_newest_log(const struct gw_directory *directory, uint64_t *newest);
/* True while db/ is the one that was settled (fault D19: removed, emptied, replaced or made
 * unreachable while running). */
bool gw_directory_present(const struct gw_directory *directory);
void gw_directory_release(struct gw_directory **directory);

/* True if there is a marker, good or bad. */
bool gw_directory_has_marker(const char *path);

/* The name of a file system that is refused, by statfs's f_type; NULL if it is allowed. */
const char *gw_directory_refused(long file_system);
/* One that may lose what was synced to it, by its name: allowed, but a person should know. NULL:
 * not known to be one. */
const char *gw_directory_forgetful(long file_system);

/* The sentence for a system call's error: a full disk has its own. */
void gw_directory_explain(const char *path, const char *doing, int error, char *why,
                          size_t why_size);

#endif
