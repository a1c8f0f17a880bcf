/* SPDX-License-Identifier: MPL-2.0 */

/* Directories: see tree.h. */

#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

/* --- the list --- */

static int add(struct lab_tree *tree, const struct lab_tree_entry *entry)
{
    if (tree->count == tree->capacity) {
        size_t capacity = tree->capacity ? 2 * tree->capacity : 32;
        void *grown = realloc(tree->entries, capacity * sizeof *tree->entries);
        if (!grown)
            return -1;
        tree->entries = grown;
        tree->capacity = capacity;
    }
    struct lab_tree_entry *copy = &tree->entries[tree->count];
    *copy = *entry;
    copy->name = strdup(entry->name);
    copy->path = strdup(entry->path);
    if (!copy->name || !copy->path) {
        free(copy->name);
        free(copy->path);
        return -1;
    }
    tree->count++;
    return 0;
}

static void drop(struct lab_tree *tree, size_t index)
{
    struct lab_tree_entry *entry = &tree->entries[index];

    free(entry->name);
    free(entry->path);
    memmove(entry, entry + 1, (tree->count - index - 1) * sizeof *entry);
    tree->count--;
}

static int is_other(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* In the order of names, so that nothing depends on how a file system sorts. */
static int read_folder(struct lab_tree *tree, const char *folder, uint64_t number)
{
    struct dirent **list = NULL;
    int count = scandir(folder, &list, is_other, alphasort), result = count < 0 ? -1 : 0;

    for (int i = 0; i < count; i++) {
        char path[LAB_TREE_PATH];
        struct stat status;
        int size = snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
        if (size < 0 || (size_t)size >= sizeof path) {
            errno = ENAMETOOLONG;
            result = -1;
        } else if (result == 0 && lstat(path, &status) == 0) {
            const struct lab_tree_entry entry = {.folder = number,
                                                 .file = status.st_ino,
                                                 .is_folder = S_ISDIR(status.st_mode),
                                                 .name = list[i]->d_name,
                                                 .path = path};
            result = add(tree, &entry);
            if (result == 0 && entry.is_folder)
                result = read_folder(tree, path, status.st_ino);
        }
        free(list[i]);
    }
    free(list);
    return result;
}

int lab_tree_read(struct lab_tree *tree, const char *path)
{
    struct stat status;

    *tree = (struct lab_tree){0};
    if (stat(path, &status) != 0)
        return -1;
    tree->root = status.st_ino;
    tree->path = strdup(path);
    return tree->path ? read_folder(tree, path, status.st_ino) : -1;
}

int lab_tree_copy(const struct lab_tree *from, struct lab_tree *to)
{
    *to = (struct lab_tree){.root = from->root, .path = strdup(from->path)};
    if (!to->path)
        return -1;
    for (size_t i = 0; i < from->count; i++)
        if (add(to, &from->entries[i]) != 0)
            return -1;
    return 0;
}

void lab_tree_clear(struct lab_tree *tree)
{
    while (tree->count > 0)
        drop(tree, tree->count - 1);
    free(tree->entries);
    free(tree->path);
    *tree = (struct lab_tree){0};
}

static size_t find(const struct lab_tree *tree, uint64_t folder, const char *name)
{
    size_t i = 0;

    while (i < tree->count &&
           !(tree->entries[i].folder == folder && strcmp(tree->entries[i].name, name) == 0))
        i++;
    return i;
}

bool lab_tree_has(const struct lab_tree *tree, uint64_t folder, const char *name, uint64_t file)
{
    size_t index = find(tree, folder, name);

    return index < tree->count && tree->entries[index].file == file;
}

const struct lab_tree_entry *lab_tree_file(const struct lab_tree *tree, uint64_t file)
{
    for (size_t i = 0; i < tree->count; i++)
        if (tree->entries[i].file == file)
            return &tree->entries[i];
    return NULL;
}

const char *lab_tree_folder(const struct lab_tree *tree, uint64_t folder)
{
    const struct lab_tree_entry *entry = lab_tree_file(tree, folder);

    if (folder == tree->root)
        return tree->path;
    return entry && entry->is_folder ? entry->path : NULL;
}

int lab_tree_add(struct lab_tree *tree, uint64_t folder, const char *name, uint64_t file)
{
    char own[256], none[] = "";
    size_t index = find(tree, folder, name);

    snprintf(own, sizeof own, "%s", name);
    if (index < tree->count)
        drop(tree, index);
    return add(tree, &(struct lab_tree_entry){.folder = folder, .file = file, .name = own,
                                              .path = none});
}

bool lab_tree_remove(struct lab_tree *tree, uint64_t folder, const char *name, uint64_t file)
{
    if (!lab_tree_has(tree, folder, name, file))
        return false;
    drop(tree, find(tree, folder, name));
    return true;
}

void lab_tree_drop_unreachable(struct lab_tree *tree)
{
    for (size_t i = 0; i < tree->count;) {
        if (lab_tree_folder(tree, tree->entries[i].folder)) {
            i++;
        } else {
            drop(tree, i);
            i = 0; /* it may have been a folder itself */
        }
    }
}

/* --- on the disk --- */

static int copy_part(int from, int to, off_t at, off_t end)
{
    char bytes[CHUNK];

    while (at < end) {
        size_t wanted = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
        ssize_t got = pread(from, bytes, wanted, at);
        if (got <= 0)
            return (int)got; /* it was cut meanwhile */
        if (pwrite(to, bytes, (size_t)got, at) != got)
            return -1;
        at += got;
    }
    return 0;
}

static int copy_bytes(int from, int to)
{
    struct stat status;

    if (fstat(from, &status) != 0 || ftruncate(to, status.st_size) != 0)
        return -1;
    for (off_t at = 0; at < status.st_size;) {
        off_t data = lseek(from, at, SEEK_DATA);
        if (data < 0 || data >= status.st_size)
            return data < 0 && errno != ENXIO ? -1 : 0;
        off_t hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0 || hole > status.st_size)
            hole = status.st_size;
        if (copy_part(from, to, data, hole) != 0)
            return -1;
        at = hole;
    }
    return 0;
}

static int copy_file(const char *from, const char *to)
{
    struct stat status;
    int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (in < 0)
        return errno == ENOENT ? 0 : -1;
    int out = fstat(in, &status) == 0
                  ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, status.st_mode & 07777)
                  : -1;
    int result = out < 0 ? -1 : copy_bytes(in, out), error = errno;
    if (out >= 0 && close(out) != 0 && result == 0)
        result = -1;
    close(in);
    errno = error;
    return result;
}

static int copy_one(const char *from, const char *to)
{
    struct stat status;

    if (lstat(from, &status) != 0)
        return errno == ENOENT ? 0 : -1;
    if (S_ISREG(status.st_mode))
        return copy_file(from, to);
    if (S_ISDIR(status.st_mode))
        return mkdir(to, status.st_mode & 07777) == 0 ? lab_tree_duplicate(from, to) : -1;
    return 0;
}

int lab_tree_duplicate(const char *from, const char *to)
{
    DIR *stream = opendir(from);
    struct dirent *entry;
    int result = 0;

    if (!stream)
        return errno == ENOENT ? 0 : -1;
    while (result == 0 && (entry = readdir(stream)) != NULL) {
        char source[LAB_TREE_PATH], copy[LAB_TREE_PATH];
        if (!is_other(entry))
            continue;
        snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        snprintf(copy, sizeof copy, "%s/%s", to, entry->d_name);
        result = copy_one(source, copy);
    }
    int error = errno;
    closedir(stream);
    errno = error;
    return result;
}

static int delete_below(int fd)
{
    DIR *stream = fdopendir(fd);
    struct dirent *entry;
    int result = 0;

    if (!stream) {
        close(fd);
        return -1;
    }
    while (result == 0 && (entry = readdir(stream)) != NULL) {
        if (!is_other(entry) || unlinkat(dirfd(stream), entry->d_name, 0) == 0)
            continue;
        int folder = errno == EISDIR || errno == EPERM
                         ? openat(dirfd(stream), entry->d_name,
                                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                         : -1;
        if (folder < 0 || delete_below(folder) != 0 ||
            unlinkat(dirfd(stream), entry->d_name, AT_REMOVEDIR) != 0)
            result = -1;
    }
    int error = errno;
    closedir(stream);
    errno = error;
    return result;
}

int lab_tree_empty(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -1 : delete_below(fd);
}

int lab_tree_delete(const char *path)
{
    struct stat status;

    if (lstat(path, &status) != 0)
        return errno == ENOENT ? 0 : -1;
    if (!S_ISDIR(status.st_mode))
        return unlink(path);
    return lab_tree_empty(path) == 0 ? rmdir(path) : -1;
}
