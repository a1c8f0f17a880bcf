/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_DISK_H
#define LAB_DISK_H

/* A process's directory and what can happen to it. Two mechanisms: a tmpfs of a given size (needs
 * root; `fill` writes a file into it), and a shim that is preloaded (shim/): it fails, shortens and
 * slows calls as a page of shared memory says, and writes down every change before it is made, so
 * that a legal state after a power cut can be built from what was synced. */

#include "verb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lab_disk;

/* `directory` is made, and must not exist. `size`: of a tmpfs, 0: none. `shim`: the process will be
 * started with it. NULL: `why` says what. */
struct lab_disk *lab_disk_new(const char *directory, uint64_t size, bool shim, char *why,
                              size_t why_size);
void lab_disk_free(struct lab_disk **disk, bool remove); /* unmounts; and removes all files */
/* What the process's environment needs for the shim: "NAME=value", NULL at the end. */
char *const *lab_disk_environment(const struct lab_disk *disk);
/* fill, fail_*, slow_syncs, lie_syncs, short_writes, clock: from now on, until heal. */
int lab_disk_act(struct lab_disk *disk, const struct lab_order *order);
void lab_disk_heal(struct lab_disk *disk, enum lab_verb verb);
/* With the process dead. What was synced, and of the rest a legal part by the seed. `lost`: bytes
 * and files that were written and are gone. */
int lab_disk_power_cut(struct lab_disk *disk, uint64_t seed, uint64_t *lost_bytes,
                       uint64_t *lost_files);
int lab_disk_save(struct lab_disk *disk);    /* the process may run: a hot copy */
int lab_disk_restore(struct lab_disk *disk); /* with the process dead; -1 with ENOENT: none saved */
int lab_disk_empty(struct lab_disk *disk);   /* with the process dead */

#endif
