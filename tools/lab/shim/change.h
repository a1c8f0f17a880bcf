/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_CHANGE_H
#define LAB_CHANGE_H

/* What the shim writes down of each change below its directory, before the change is made: where it
 * was, and what it destroyed. The directory itself holds the rest. A power cut is then a matter of
 * taking back: whatever was not synced may be undone, the newest first (powercut.h). So the journal
 * is small, and what the shim does not see counts as durable: it may lose less than a real power
 * cut, never more.
 *
 *     journal = *record
 *     record  = header name to data end   ; written by one append; one that was cut off is skipped
 *
 * A process that is killed while it writes down leaves half a record, and the next process goes on
 * behind it. So a record counts only if its end is there: without that its header would take what
 * the next one wrote down for its own data, syncs among it.
 *
 * Files and folders are told by their inode. An inode is not used again while its record matters:
 * before a name is removed, the file gets another one below the folder `keep`.
 *
 *     keep/FOLDER/POSITION.FILE           ; decimal: where the name was, since when it is gone */

#include <stddef.h>
#include <stdint.h>

enum lab_change_kind {
    LAB_CHANGE_BASE = 1,    /* `file` is durable, with `size` bytes (the lab writes this one) */
    LAB_CHANGE_OPEN,        /* `file`, of `size`, was opened for writing: the first time, as BASE */
    LAB_CHANGE_CREATE,      /* `name` in `folder` is a new and empty `file`. Written after it. `was`
                             * of 1: the file's own story is told before */
    LAB_CHANGE_MKDIR,       /* the same of a folder */
    LAB_CHANGE_LINK,        /* `to` in `to_folder` is one more name of `file` */
    LAB_CHANGE_RENAME,      /* `name` in `folder` became `to` in `to_folder`, in place of `kept` */
    LAB_CHANGE_UNLINK,      /* `name` in `folder` was `file` */
    LAB_CHANGE_WRITE,       /* `size` bytes at `offset`, into a file of `was` bytes */
    LAB_CHANGE_RESIZE,      /* from `was` to `size` bytes; `offset` is the smaller one */
    LAB_CHANGE_MAP,         /* mapped to be written: what comes now is not seen */
    LAB_CHANGE_SYNC,        /* the file is durable as of `offset` in this journal, with `size` */
    LAB_CHANGE_SYNC_FAILED, /* it is not, and the system may have dropped what was to be written */
    LAB_CHANGE_SYNC_FOLDER, /* the names in `folder` are durable as of `offset` in this journal */
    LAB_CHANGE_SYNC_MAPS,   /* mapped files were synced */
    LAB_CHANGE_SYNC_ALL,    /* everything is durable as of `offset` in this journal */
    LAB_CHANGE_KINDS
};

/* In the machine's own byte order. Of WRITE, RESIZE and MAP the data are the bytes that the file
 * held from `offset` on; fewer than there were: they cannot be put back, and so stay replaced. */
struct lab_change {
    uint64_t magic;
    uint64_t sum; /* of the fields below */
    uint32_t kind;
    uint16_t name_size, to_size;
    uint64_t file, folder, to_folder, kept;
    uint64_t offset, size, was;
    uint64_t data_size;
};

#define LAB_CHANGE_MAGIC UINT64_C(0x6567006e61686367) /* not text */
#define LAB_CHANGE_DATA_MAX ((uint64_t)64 << 20)      /* what was larger is not kept */
#define LAB_JOURNAL_MAX ((uint64_t)1 << 30)           /* then it is cut down, or the lab says so */

/* FNV-1a, by words. */
static inline uint64_t lab_change_sum(const struct lab_change *change)
{
    const uint64_t words[] = {(uint64_t)change->kind << 32 | (uint64_t)change->name_size << 16 |
                                  change->to_size,
                              change->file, change->folder, change->to_folder, change->kept,
                              change->offset, change->size, change->was, change->data_size};
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        sum = (sum ^ words[i]) * UINT64_C(0x100000001b3);
    return sum;
}

/* What comes behind the data. It differs from what is in any header, and what follows a half record
 * cannot end where that should have: the same record again would end later. */
static inline uint64_t lab_change_end(const struct lab_change *change)
{
    return ~change->sum;
}

#endif
