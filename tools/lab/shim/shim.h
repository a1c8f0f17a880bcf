/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_SHIM_H
#define LAB_SHIM_H

/* A shared object that is preloaded into a process of a scenario. Its definitions of write, fsync,
 * rename and so on come before the C library's; each asks the page of orders what to do, writes
 * down what is about to change, and hands on to the next one. It acts on files below one directory
 * only, allocates nothing, and leaves errno as the call does.
 *
 *     shim.c     orders, whose file it is, the journal         names.c  open, rename, unlink, ...
 *     content.c  write, truncate, sync, map                    clock.c  the wall clock
 *
 * Not seen, and so taken for durable: writes by stdio into what was there before (what stdio adds
 * at the end is found by the file's size), by io_uring, copy_file_range or sendfile into the middle
 * of a file, through a mapping after it was synced; rmdir; renames of folders, or that exchange. */

#include "change.h"
#include "orders.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden) /* only what hides something else is seen */

/* Declares `next`, the definition that this one hides. */
#define NEXT(name) \
    static __typeof__(name) *next; \
    if (!next) \
        *(void **)&next = dlsym(RTLD_NEXT, #name)

/* NULL until the shim has its orders: then every call is handed on as it is. */
struct lab_orders *shim_orders(void);

/* True for a file or folder below the directory, or the directory; `status` is set then. */
bool shim_is_ours(int fd, struct stat *status);

/* The place of a name: an open folder below the directory, and the last part of the path. */
struct shim_place {
    int parent; /* -1: none of ours */
    uint64_t folder;
    const char *name;
    size_t name_size;
    char last[256];
};
bool shim_find(int fd, const char *path, struct shim_place *place);
void shim_leave(struct shim_place *place);
/* False: there is no such name. */
bool shim_look(const struct shim_place *place, struct stat *status);

/* The journal. None of them changes errno. */
uint64_t shim_position(void); /* its size: what is written down before a sync is below it */
void shim_write_down(enum lab_change_kind kind, struct lab_change change, const char *name,
                     const char *to);
/* With `size` bytes of the open file from `offset` on. */
void shim_write_down_bytes(enum lab_change_kind kind, struct lab_change change, int fd,
                           uint64_t offset, uint64_t size);
/* One more name for the file, below `keep`: after it was written down that its own goes, and before
 * that goes. The other way round a sync of another thread between the two would let go what is
 * still to be undone, and its inode would be another file's. */
void shim_keep(const struct shim_place *place, uint64_t file);
/* The names in that folder are durable: what was kept of it before `position` is not needed. */
void shim_let_go(uint64_t folder, uint64_t position);

/* Faults: true if the call has to fail; errno is set. */
bool shim_fails(_Atomic int32_t *error, enum lab_hit hit);

/* A file, `status` as it was, is about to get that size. */
void shim_resized(int fd, const struct stat *status, uint64_t size);

#pragma GCC visibility pop

#endif
