/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_TREE_H
#define LAB_TREE_H

/* A directory with all that is below it: as a list, to be copied, to be removed. Links are not
 * followed, and sockets are not copied. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_TREE_PATH 4096

struct lab_tree_entry {
    uint64_t folder; /* inode of the one it is in */
    uint64_t file;   /* inode */
    bool is_folder;
    char *name;
    char *path;      /* "" if it was added by lab_tree_add */
};

struct lab_tree {
    uint64_t root;
    char *path;
    struct lab_tree_entry *entries; /* a folder before what is in it; else by name */
    size_t count, capacity;
};

/* 0, or -1: errno. */
int lab_tree_read(struct lab_tree *tree, const char *path);
int lab_tree_copy(const struct lab_tree *from, struct lab_tree *to);
void lab_tree_clear(struct lab_tree *tree);

bool lab_tree_has(const struct lab_tree *tree, uint64_t folder, const char *name, uint64_t file);
/* The first name of a file, the path of a folder; NULL: it has none. */
const struct lab_tree_entry *lab_tree_file(const struct lab_tree *tree, uint64_t file);
const char *lab_tree_folder(const struct lab_tree *tree, uint64_t folder);
/* A file's name, in place of whatever has it. */
int lab_tree_add(struct lab_tree *tree, uint64_t folder, const char *name, uint64_t file);
bool lab_tree_remove(struct lab_tree *tree, uint64_t folder, const char *name, uint64_t file);
/* What is in folders that are not there any more. */
void lab_tree_drop_unreachable(struct lab_tree *tree);

/* On the disk. What disappears while it is copied is left out, and holes stay holes. */
int lab_tree_duplicate(const char *from, const char *to); /* `to` is there, and empty */
int lab_tree_empty(const char *path);
int lab_tree_delete(const char *path); /* and `path` itself; 0 if it is not there */

#endif
