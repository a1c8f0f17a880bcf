/* SPDX-License-Identifier: MPL-2.0 */
/* The walk is a stack of sorted listings, one for each directory on the way to the present file.
 *
 *     path  a / b / c.h          levels[0]: the root's names, at "a"
 *                                levels[1]: a's names,        at "b"
 *                                levels[2]: b's names,        at "c.h"
 */

#include "tree.h"
#include "message.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct entry {
    char *name;
    bool directory;
};

struct level {
    struct entry *entries; /* sorted by name */
    size_t count;
    size_t at;          /* the next one to visit */
    size_t prefix_size; /* bytes of tree->path that name this directory, its slash included */
};

struct th_tree {
    int root;
    struct level *levels;
    size_t depth;
    char *pass; /* what is left of the path to pass over, or NULL */
    char *pass_text;
    char path[TH_PATH_MAX + 1];
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void level_clear(struct level *level)
{
    for (size_t i = 0; i < level->count; i++)
        free(level->entries[i].name);
    free(level->entries);
    *level = (struct level){0};
}

/* Regular files and directories take part; 0 is neither. */
static mode_t type_of(DIR *dir, const struct dirent *found)
{
    struct stat status;
    if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
        return 0;
    if (found->d_type == DT_REG)
        return S_IFREG;
    if (found->d_type == DT_DIR)
        return S_IFDIR;
    if (found->d_type != DT_UNKNOWN ||
        fstatat(dirfd(dir), found->d_name, &status, AT_SYMLINK_NOFOLLOW))
        return 0;
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) ? status.st_mode & S_IFMT : 0;
}

static bool level_add(struct level *level, const char *name, bool directory)
{
    if ((level->count & (level->count - 1)) == 0) { /* full at each power of two */
        size_t capacity = level->count ? 2 * level->count : 1;
        struct entry *grown = realloc(level->entries, capacity * sizeof(*grown));
        if (!grown)
            return false;
        level->entries = grown;
    }
    level->entries[level->count] = (struct entry){strdup(name), directory};
    return level->entries[level->count].name != NULL && ++level->count;
}

/* Lists one directory. False: errno says why, and the level is empty. */
static bool level_read(struct level *level, int root, const char *path)
{
    int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    const struct dirent *found;
    bool good = true;
    errno = 0;
    while (good && (found = readdir(dir))) {
        mode_t type = type_of(dir, found);
        if (type)
            good = level_add(level, found->d_name, type == S_IFDIR);
        if (good)
            errno = 0;
    }
    int problem = errno;
    closedir(dir);
    if (problem) {
        level_clear(level);
        errno = problem;
        return false;
    }
    if (level->count)
        qsort(level->entries, level->count, sizeof(*level->entries), by_name);
    return true;
}

/* Passes over what is before the wanted path in this directory; see th_tree_pass. */
static void level_pass(struct th_tree *tree, struct level *level)
{
    if (!tree->pass)
        return;
    char *rest = strchr(tree->pass, '/');
    if (rest)
        *rest = '\0';
    const char *name = tree->pass;
    while (level->at < level->count && strcmp(level->entries[level->at].name, name) < 0)
        level->at++;
    struct entry *entry = level->at < level->count ? &level->entries[level->at] : NULL;
    bool found = entry && strcmp(entry->name, name) == 0;
    if (found && !rest)
        level->at++; /* the path itself */
    tree->pass = found && rest && entry->directory ? rest + 1 : NULL;
}

/* Descends into the directory that the first prefix_size bytes of tree->path name ("a/b/"). */
static bool descend(struct th_tree *tree, size_t prefix_size)
{
    if (prefix_size + NAME_MAX + 1 > TH_PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    struct level *grown = realloc(tree->levels, (tree->depth + 1) * sizeof(*grown));
    if (!grown)
        return false;
    tree->levels = grown;
    struct level *level = &tree->levels[tree->depth];
    *level = (struct level){.prefix_size = prefix_size};
    if (!level_read(level, tree->root, prefix_size ? tree->path : "."))
        return false;
    level_pass(tree, level);
    tree->depth++;
    return true;
}

struct th_tree *th_tree_open(const char *root)
{
    struct th_tree *tree = calloc(1, sizeof(*tree));
    if (!tree)
        return NULL;
    tree->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tree->root < 0) {
        free(tree);
        return NULL;
    }
    return tree;
}

void th_tree_close(struct th_tree **tree)
{
    if (!*tree)
        return;
    while ((*tree)->depth)
        level_clear(&(*tree)->levels[--(*tree)->depth]);
    free((*tree)->levels);
    free((*tree)->pass_text);
    close((*tree)->root);
    free(*tree);
    *tree = NULL;
}

void th_tree_pass(struct th_tree *tree, const char *path)
{
    free(tree->pass_text);
    tree->pass = tree->pass_text = strdup(path);
}

enum th_tree_entry th_tree_next(struct th_tree *tree, const char **path)
{
    *path = tree->path;
    if (!tree->levels && !descend(tree, 0)) {
        strcpy(tree->path, ".");
        return TH_TREE_UNREAD;
    }
    while (tree->depth) {
        struct level *level = &tree->levels[tree->depth - 1];
        if (level->at == level->count) {
            level_clear(level);
            tree->depth--;
            continue;
        }
        const struct entry *entry = &level->entries[level->at++];
        strcpy(tree->path + level->prefix_size, entry->name); /* fits: see descend */
        if (!entry->directory)
            return TH_TREE_FILE;
        size_t size = strlen(tree->path);
        strcpy(tree->path + size, "/");
        if (!descend(tree, size + 1)) {
            tree->path[size] = '\0';
            return TH_TREE_UNREAD;
        }
    }
    return TH_TREE_END;
}

int th_tree_root(const struct th_tree *tree)
{
    return tree->root;
}
