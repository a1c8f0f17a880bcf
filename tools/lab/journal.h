/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_JOURNAL_H
#define LAB_JOURNAL_H

/* What a shim's journal (shim/change.h) says is not durable yet: names and bytes, in the order in
 * which they changed. Pure: bytes in, lists out.
 *
 * When a name is durable, disks do not agree:
 *   by default   a file's name is durable once its folder or the file itself was synced, and with
 *                it what was changed in that folder before. ext4, xfs and btrfs promise that
 *   strict       only once its folder was synced: what POSIX says
 * The names of a folder become durable in their order; those of two folders in any. */

#include "shim/change.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct lab_name_change { /* CREATE, MKDIR, LINK, RENAME, UNLINK: see enum lab_change_kind */
    enum lab_change_kind kind;
    uint64_t position;
    uint64_t file, folder, to_folder, kept;
    char *name, *to;
};

struct lab_content_change { /* WRITE, RESIZE */
    enum lab_change_kind kind;
    uint64_t position;
    uint64_t offset, size, was;
    const uint8_t *data; /* what it replaced, in the journal */
    uint64_t data_size;
    bool failed;         /* a sync of it failed: no later one makes it durable */
};

struct lab_content_list {
    struct lab_content_change *at;
    size_t count, capacity;
};

struct lab_file_history {
    uint64_t file;
    uint64_t size;                 /* in bytes, when it was durable last */
    struct lab_content_list changes; /* since then, the oldest first */
    struct lab_content_list doomed;  /* before then, their sync failed, and then one succeeded */
    const uint8_t *mapped;         /* what it held when it was mapped; NULL: it was not */
    uint64_t mapped_size;
};

struct lab_history {
    struct lab_name_change *names; /* the oldest first */
    size_t name_count, name_capacity;
    struct lab_file_history *files; /* in the order of their first change */
    size_t file_count, file_capacity;
    size_t last; /* the file that was asked for last */
};

/* `journal` must outlive the history. What is no record in it is passed over. 0, or -1: out of
 * memory. */
int lab_history_read(struct lab_history *history, const uint8_t *journal, size_t size, bool strict);
void lab_history_clear(struct lab_history *history);
/* A journal that says the same and no more. 0, or -1: errno. */
int lab_history_write(const struct lab_history *history, FILE *out);

#endif
