/* SPDX-License-Identifier: MPL-2.0 */

/* Takes back what was not synced: see powercut.h. First the names, then what is in the files that
 * are left. Inodes stay: what comes back is linked again, from `keep` or from where it went. */

#include "powercut.h"

#include "journal.h"
#include "random.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define PAGE 4096
#define STAGE "stage" /* below keep: what will get a name again */

/* --- what was not durable --- */

struct cut {
    const char *directory, *keep;
    const struct lab_power_rules *rules;
    struct lab_power_loss *loss;
    struct lab_history history;
    struct lab_tree now;    /* the directory as it is */
    struct lab_tree kept;   /* below keep */
    struct lab_tree wanted; /* the directory as it will be */
    struct lab_random_state random;
};

/* All of it often, nothing of it often, and any part: the ends are where mistakes show. */
static size_t draw_part(struct lab_random_state *random, size_t count)
{
    switch (lab_random_below(random, 4)) {
    case 0: return 0;
    case 1: return count;
    default: return (size_t)lab_random_below(random, count + 1);
    }
}

/* --- which names stay --- */

struct folder {
    uint64_t number;
    size_t changes;
    size_t stay;
    bool cut; /* what is to come is undone */
};

static struct folder *folder_of(struct folder *folders, size_t *count, uint64_t number)
{
    for (size_t i = 0; i < *count; i++)
        if (folders[i].number == number)
            return &folders[i];
    folders[*count] = (struct folder){.number = number};
    return &folders[(*count)++];
}

/* A change of two folders is undone with either of them, and so is what follows it in both. */
static void choose(struct cut *cut, struct folder *folders, bool *undone)
{
    const struct lab_history *history = &cut->history;
    size_t count = 0;

    for (size_t i = 0; i < history->name_count; i++) {
        const uint64_t both[] = {history->names[i].folder, history->names[i].to_folder};
        for (size_t k = 0; k < 2; k++)
            if (both[k] && (k == 0 || both[1] != both[0]))
                folder_of(folders, &count, both[k])->changes++;
    }
    for (size_t i = 0; i < count; i++)
        folders[i].stay = draw_part(&cut->random, folders[i].changes);
    for (size_t i = 0; i < history->name_count; i++) {
        const uint64_t both[] = {history->names[i].folder, history->names[i].to_folder};
        for (size_t k = 0; k < 2; k++) {
            struct folder *folder = both[k] ? folder_of(folders, &count, both[k]) : NULL;
            if (folder && (k == 0 || both[1] != both[0]))
                folder->cut |= folder->stay-- == 0;
            undone[i] |= folder && folder->cut;
        }
        for (size_t k = 0; k < 2 && undone[i]; k++)
            if (both[k])
                folder_of(folders, &count, both[k])->cut = true;
    }
}

static int undo_name(struct lab_tree *tree, const struct lab_name_change *change)
{
    switch (change->kind) {
    case LAB_CHANGE_CREATE:
    case LAB_CHANGE_MKDIR:
        lab_tree_remove(tree, change->folder, change->name, change->file);
        return 0;
    case LAB_CHANGE_LINK:
        lab_tree_remove(tree, change->to_folder, change->to, change->file);
        return 0;
    case LAB_CHANGE_UNLINK:
        return lab_tree_add(tree, change->folder, change->name, change->file);
    case LAB_CHANGE_RENAME:
        if (!lab_tree_remove(tree, change->to_folder, change->to, change->file))
            return 0; /* it was not carried out */
        if (lab_tree_add(tree, change->folder, change->name, change->file) != 0)
            return -1;
        return change->kept ? lab_tree_add(tree, change->to_folder, change->to, change->kept) : 0;
    default: return 0;
    }
}

static int choose_names(struct cut *cut)
{
    size_t count = cut->history.name_count;
    bool *undone = calloc(count + 1, sizeof *undone);
    struct folder *folders = calloc(2 * count + 1, sizeof *folders);
    int result = undone && folders ? lab_tree_copy(&cut->now, &cut->wanted) : -1;

    if (result == 0)
        choose(cut, folders, undone);
    for (size_t i = count; i-- > 0 && result == 0;)
        if (undone[i])
            result = undo_name(&cut->wanted, &cut->history.names[i]);
    lab_tree_drop_unreachable(&cut->wanted);
    free(folders);
    free(undone);
    return result;
}

/* --- carrying it out --- */

/* Any name of that file, now or kept. */
static const struct lab_tree_entry *find_source(const struct cut *cut, uint64_t file)
{
    const struct lab_tree_entry *entry = lab_tree_file(&cut->now, file);

    return entry ? entry : lab_tree_file(&cut->kept, file);
}

static bool is_new(const struct cut *cut, const struct lab_tree_entry *entry)
{
    return !lab_tree_has(&cut->now, entry->folder, entry->name, entry->file);
}

static void name_stage(const struct cut *cut, uint64_t file, char path[LAB_TREE_PATH])
{
    snprintf(path, LAB_TREE_PATH, "%s/" STAGE "/%" PRIu64, cut->keep, file);
}

/* All that comes back gets a safe name before any other is taken away. */
static int stage_new(const struct cut *cut)
{
    char path[LAB_TREE_PATH];

    snprintf(path, sizeof path, "%s/" STAGE, cut->keep);
    if (mkdir(path, 0700) != 0)
        return -1;
    for (size_t i = 0; i < cut->wanted.count; i++) {
        const struct lab_tree_entry *entry = &cut->wanted.entries[i];
        const struct lab_tree_entry *source = find_source(cut, entry->file);
        if (!is_new(cut, entry) || !source)
            continue;
        name_stage(cut, entry->file, path);
        if (link(source->path, path) != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

static int remove_old(const struct cut *cut)
{
    for (size_t i = 0; i < cut->now.count; i++) {
        const struct lab_tree_entry *entry = &cut->now.entries[i];
        struct stat status;
        bool stays = lab_tree_has(&cut->wanted, entry->folder, entry->name, entry->file);
        if (stays || lstat(entry->path, &status) != 0) /* gone with its folder */
            continue;
        if (!lab_tree_file(&cut->wanted, entry->file) && S_ISREG(status.st_mode)) {
            cut->loss->files++;
            cut->loss->bytes += (uint64_t)status.st_size;
        }
        if (!S_ISDIR(status.st_mode) && unlink(entry->path) != 0)
            return -1;
    }
    for (size_t i = 0; i < cut->now.count; i++) {
        const struct lab_tree_entry *entry = &cut->now.entries[i];
        if (entry->is_folder &&
            !lab_tree_has(&cut->wanted, entry->folder, entry->name, entry->file) &&
            lab_tree_delete(entry->path) != 0)
            return -1;
    }
    return 0;
}

static int put_back(const struct cut *cut)
{
    char path[LAB_TREE_PATH], stage[LAB_TREE_PATH];

    for (size_t i = 0; i < cut->wanted.count; i++) {
        const struct lab_tree_entry *entry = &cut->wanted.entries[i];
        const char *folder = lab_tree_folder(&cut->now, entry->folder);
        if (!is_new(cut, entry) || !find_source(cut, entry->file) || !folder)
            continue;
        name_stage(cut, entry->file, stage);
        snprintf(path, sizeof path, "%s/%s", folder, entry->name);
        if (link(stage, path) != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

/* --- contents --- */

struct file {
    int fd;
    uint64_t size; /* as it is just now */
    struct lab_power_loss *loss;
};

static int put_bytes(int fd, const uint8_t *bytes, uint64_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t written = pwrite(fd, bytes, size, (off_t)offset);
        if (written < 0)
            return -1;
        bytes += written;
        offset += (uint64_t)written;
        size -= (uint64_t)written;
    }
    return 0;
}

static int set_size(struct file *file, uint64_t size)
{
    if (size < file->size)
        file->loss->bytes += file->size - size;
    if (size != file->size && ftruncate(file->fd, (off_t)size) != 0)
        return -1;
    file->size = size;
    return 0;
}

/* How many bytes a change destroyed. */
static uint64_t destroyed_by(const struct lab_content_change *change)
{
    uint64_t end = change->offset + change->size;

    if (change->kind == LAB_CHANGE_RESIZE)
        return change->size < change->was ? change->was - change->size : 0;
    return change->offset >= change->was ? 0 : (end < change->was ? end : change->was) -
                                                   change->offset;
}

static int undo_content(struct file *file, const struct lab_content_change *change)
{
    uint64_t destroyed = destroyed_by(change);

    if (change->data_size < destroyed)
        return 0; /* nobody knows any more what was there */
    if (destroyed > 0 && put_bytes(file->fd, change->data, destroyed, change->offset) != 0)
        return -1;
    if (change->kind == LAB_CHANGE_WRITE)
        file->loss->bytes += destroyed;
    if (destroyed > 0 && file->size < change->offset + destroyed)
        file->size = change->offset + destroyed;
    if (change->kind == LAB_CHANGE_RESIZE || file->size > change->was)
        return set_size(file, change->was);
    return 0;
}

/* So many bytes of a write are on the disk: whole sectors, the first ones. */
static uint64_t draw_torn(struct lab_random_state *random, const struct lab_content_change *change)
{
    uint64_t first = change->offset / SECTOR;
    uint64_t last = (change->offset + change->size + SECTOR - 1) / SECTOR;
    uint64_t sectors = lab_random_below(random, 2) ? lab_random_below(random, last - first) : 0;

    return sectors > 0 ? (first + sectors) * SECTOR - change->offset : 0;
}

/* What stdio and others added without being seen is one more write, the last one. */
static struct lab_content_change find_unseen(const struct lab_file_history *history, uint64_t size)
{
    uint64_t known = history->size;

    for (size_t i = 0; i < history->changes.count; i++) {
        const struct lab_content_change *change = &history->changes.at[i];
        uint64_t end = change->offset + change->size;
        if (change->kind == LAB_CHANGE_RESIZE)
            known = change->size;
        else
            known = end > change->was ? end : change->was;
    }
    if (size <= known)
        return (struct lab_content_change){0};
    return (struct lab_content_change){.kind = LAB_CHANGE_WRITE, .offset = known,
                                       .size = size - known, .was = known};
}

/* Up to where one of the writes reached that are undone. */
static uint64_t draw_zeros(struct lab_random_state *random, const struct lab_content_change *list,
                           size_t stay, size_t count)
{
    if (stay == count || lab_random_below(random, 3) != 0)
        return 0;
    const struct lab_content_change *change = &list[stay + lab_random_below(random, count - stay)];
    return change->kind == LAB_CHANGE_WRITE ? change->offset + change->size : 0;
}

static int undo_contents(struct cut *cut, struct file *file,
                         const struct lab_content_change *list, size_t count)
{
    size_t stay = draw_part(&cut->random, count);
    bool tears = stay < count && list[stay].kind == LAB_CHANGE_WRITE;
    uint64_t torn = tears ? draw_torn(&cut->random, &list[stay]) : 0;
    uint64_t zeros = cut->rules->no_zeros ? 0 : draw_zeros(&cut->random, list, stay, count);
    uint8_t *bytes = malloc(torn + 1);
    int result = bytes ? 0 : -1;
    ssize_t got = 0;

    for (size_t i = count; i-- > stay && result == 0;) {
        if (i == stay && torn > 0)
            got = pread(file->fd, bytes, torn, (off_t)list[i].offset);
        result = got < 0 ? -1 : undo_content(file, &list[i]);
    }
    if (result == 0 && got > 0) {
        result = put_bytes(file->fd, bytes, (uint64_t)got, list[stay].offset);
        file->loss->bytes -= (uint64_t)got;
        if (file->size < list[stay].offset + (uint64_t)got)
            file->size = list[stay].offset + (uint64_t)got;
    }
    free(bytes);
    return result == 0 && zeros > file->size ? set_size(file, zeros) : result;
}

/* A sync that failed left holes. */
static int lose_doomed(struct cut *cut, struct file *file, const struct lab_content_list *doomed)
{
    static const uint8_t zeros[PAGE];

    if (doomed->count == 0 || lab_random_below(&cut->random, 2) == 0)
        return 0;
    for (size_t i = doomed->count; i-- > 0;) {
        const struct lab_content_change *change = &doomed->at[i];
        uint64_t old = destroyed_by(change), end = change->offset + change->size;
        if (change->data_size < old)
            continue;
        if (put_bytes(file->fd, change->data, old, change->offset) != 0)
            return -1;
        for (uint64_t at = change->offset + old; at < end && at < file->size; at += PAGE) {
            uint64_t limit = end < file->size ? end : file->size;
            if (put_bytes(file->fd, zeros, limit - at < PAGE ? limit - at : PAGE, at) != 0)
                return -1;
        }
        file->loss->bytes += change->size;
    }
    return 0;
}

static int turn_pages_back(struct cut *cut, struct file *file, const uint8_t *mapped, uint64_t size)
{
    uint8_t page[PAGE];

    for (uint64_t at = 0; mapped && at < size && at < file->size; at += PAGE) {
        ssize_t got = pread(file->fd, page, size - at < PAGE ? size - at : PAGE, (off_t)at);
        if (got < 0)
            return -1;
        if (memcmp(page, mapped + at, (size_t)got) == 0 || lab_random_below(&cut->random, 2) == 0)
            continue;
        if (put_bytes(file->fd, mapped + at, (uint64_t)got, at) != 0)
            return -1;
        file->loss->bytes += (uint64_t)got;
    }
    return 0;
}

static int cut_open_file(struct cut *cut, const struct lab_file_history *history, struct file *file)
{
    const struct lab_content_list *changes = &history->changes;
    struct lab_content_change unseen = find_unseen(history, file->size);
    struct lab_content_change *list = calloc(changes->count + 1, sizeof *list);
    size_t count = changes->count;

    if (!list)
        return -1;
    if (count > 0)
        memcpy(list, changes->at, count * sizeof *list);
    if (unseen.size > 0)
        list[count++] = unseen;
    int result = undo_contents(cut, file, list, count);
    if (result == 0)
        result = lose_doomed(cut, file, &history->doomed);
    if (result == 0)
        result = turn_pages_back(cut, file, history->mapped, history->mapped_size);
    free(list);
    return result;
}

static int cut_contents(struct cut *cut)
{
    for (size_t i = 0; i < cut->history.file_count; i++) {
        const struct lab_file_history *history = &cut->history.files[i];
        const struct lab_tree_entry *entry = lab_tree_file(&cut->now, history->file);
        struct stat status;
        if (!entry || entry->is_folder)
            continue;
        struct file file = {.fd = open(entry->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC),
                            .loss = cut->loss};
        if (file.fd < 0 || fstat(file.fd, &status) != 0)
            return -1;
        file.size = (uint64_t)status.st_size;
        int result = cut_open_file(cut, history, &file), error = errno;
        close(file.fd);
        errno = error;
        if (result != 0)
            return -1;
    }
    return 0;
}

/* --- all of it --- */

static int cut_names(struct cut *cut)
{
    if (lab_tree_read(&cut->now, cut->directory) != 0 ||
        lab_tree_read(&cut->kept, cut->keep) != 0 || choose_names(cut) != 0)
        return -1;
    if (stage_new(cut) != 0 || remove_old(cut) != 0 || put_back(cut) != 0)
        return -1;
    lab_tree_clear(&cut->now);
    return lab_tree_read(&cut->now, cut->directory);
}

/* The whole file; an empty one is mapped as nothing. */
static const uint8_t *map_journal(const char *path, size_t *size)
{
    static const uint8_t nothing[1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    const uint8_t *bytes = nothing;

    if (fd < 0 || fstat(fd, &status) != 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    *size = (size_t)status.st_size;
    if (*size > 0)
        bytes = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    return bytes == MAP_FAILED ? NULL : bytes;
}

static void unmap_journal(const uint8_t *bytes, size_t size)
{
    if (size > 0)
        munmap((void *)(uintptr_t)bytes, size);
}

int lab_power_cut(const char *directory, const char *journal, const char *keep,
                  const struct lab_power_rules *rules, struct lab_power_loss *loss)
{
    struct cut cut = {.directory = directory, .keep = keep, .rules = rules, .loss = loss,
                      .random = {rules->seed}};
    size_t size = 0;
    const uint8_t *bytes = map_journal(journal, &size);

    *loss = (struct lab_power_loss){0};
    if (!bytes)
        return -1;
    int result = lab_history_read(&cut.history, bytes, size, rules->strict);
    if (result == 0)
        result = cut_names(&cut);
    if (result == 0)
        result = cut_contents(&cut);
    if (result == 0)
        result = lab_tree_empty(keep);
    if (result == 0)
        result = truncate(journal, 0);
    int error = errno;
    lab_tree_clear(&cut.now);
    lab_tree_clear(&cut.kept);
    lab_tree_clear(&cut.wanted);
    lab_history_clear(&cut.history);
    unmap_journal(bytes, size);
    errno = error;
    return result;
}

static int write_again(const struct lab_history *history, const char *journal)
{
    char path[LAB_TREE_PATH];

    snprintf(path, sizeof path, "%s.new", journal);
    FILE *out = fopen(path, "we");
    if (!out)
        return -1;
    int result = lab_history_write(history, out);
    if (fclose(out) != 0)
        result = -1;
    if (result == 0)
        result = rename(path, journal);
    if (result != 0)
        unlink(path);
    return result;
}

int lab_power_compact(const char *journal, bool strict)
{
    struct lab_history history;
    size_t size = 0;
    const uint8_t *bytes = map_journal(journal, &size);

    if (!bytes)
        return -1;
    int result = lab_history_read(&history, bytes, size, strict);
    if (result == 0)
        result = write_again(&history, journal);
    lab_history_clear(&history);
    unmap_journal(bytes, size);
    return result;
}
