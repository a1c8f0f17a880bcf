/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_DISK_H
#define LAB_DISK_H

/* A process's directory and what can happen to it. Two mechanisms: a tmpfs of a given size (for
 * root, or who may have namespaces; `fill` takes what is left of it), and a shim that is preloaded
 * (shim/): it fails, shortens and slows calls as a page of shared memory says, and writes down
 * every change before it is made, so that a legal state after a power cut can be built from what
 * was synced. */

#include "verb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lab_disk;

/* NULL: both can be had here; otherwise a sentence that says what is missing, in `why`. */
const char *lab_disk_lacks(bool tmpfs, bool shim, char *why, size_t why_size);

/* Beside the directory there will be DIRECTORY.disk, for what the lab itself needs. With a size the
 * directory is a link to a folder of the tmpfs, which is mounted in a mount namespace of this
 * process: the first such disk is made BEFORE other threads and processes are started, and no mount
 * outlives them, whatever happens. An ordinary user gets a user namespace for it where he may.
 *
 * `directory` is made, and must not exist. `size`: of a tmpfs, 0: none. `shim`: the process will be
 * started with it. NULL: `why` says what. */
struct lab_disk *lab_disk_new(const char *directory, uint64_t size, bool shim, char *why,
                              size_t why_size);
/* Unmounts, and removes all that it made; without `remove` the directory stays, as an ordinary
 * one with the files of the tmpfs. */
void lab_disk_free(struct lab_disk **disk, bool remove);
/* What the process's environment needs for the shim: "NAME=value", NULL at the end. */
char *const *lab_disk_environment(const struct lab_disk *disk);
/* Before each start but the first, with the process dead: cuts the shim's journal down. 0, or -1:
 * errno. */
int lab_disk_ready(struct lab_disk *disk);
/* fill, fail_*, slow_syncs, hang_syncs, lie_syncs, short_writes, clock: from now on, until
 * heal. */
int lab_disk_act(struct lab_disk *disk, const struct lab_order *order);
void lab_disk_heal(struct lab_disk *disk, enum lab_verb verb);
/* Whether a power cut goes by the letter of POSIX: a name is durable only when its folder was
 * synced, and not with the file (journal.h). BEFORE the first start; otherwise it does not. */
void lab_disk_be_strict(struct lab_disk *disk);
/* The process kills itself at that place, the first one being 1: before it makes a change to the
 * directory, and before and after it syncs, there are two each. 0: it does not. */
void lab_disk_end_at(struct lab_disk *disk, uint64_t place);
/* How often a process's calls were failed, shortened, slowed or lied to. */
uint64_t lab_disk_hits(const struct lab_disk *disk);
/* With the process dead. What was synced, and of the rest a legal part by the seed (powercut.h).
 * `lost`: bytes and files that were written and are gone. -1: errno; EFBIG: since the last start
 * more was changed than the journal holds. */
int lab_disk_power_cut(struct lab_disk *disk, uint64_t seed, uint64_t *lost_bytes,
                       uint64_t *lost_files);
int lab_disk_save(struct lab_disk *disk);    /* the process may run: a hot copy */
int lab_disk_restore(struct lab_disk *disk); /* with the process dead; -1 with ENOENT: none saved */
int lab_disk_empty(struct lab_disk *disk);   /* with the process dead */

#endif
