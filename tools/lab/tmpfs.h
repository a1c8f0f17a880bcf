/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_TMPFS_H
#define LAB_TMPFS_H

/* A small file system in memory, and a file in it that takes whatever space there is. */

#include <stdint.h>

struct lab_tmpfs;

/* 0, or -1 with errno: a mount would be permitted. Nothing stays of the try. */
int lab_tmpfs_probe(void);
/* Mounts `size` bytes on the folder `path`, in a mount namespace of this process, see disk.h. NULL:
 * errno. */
struct lab_tmpfs *lab_tmpfs_new(const char *path, uint64_t size);
void lab_tmpfs_free(struct lab_tmpfs **tmpfs); /* unmounts */
/* Full until lab_tmpfs_drain: what others free is taken again within milliseconds. -1: errno. */
int lab_tmpfs_fill(struct lab_tmpfs *tmpfs);
void lab_tmpfs_drain(struct lab_tmpfs *tmpfs);

#endif
