/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_TREE_H
#define TREEHASH_TREE_H

/* A walk over the regular files of a directory tree, in a fixed order: the names of each directory
 * sorted by their bytes, a directory's content at the directory's place. Since the order is fixed,
 * a walk can go on after any path, in another process and another year. Symbolic links are not
 * followed, as `find -type f` does not.
 *
 *     struct th_tree *tree = th_tree_open(root);
 *     th_tree_pass(tree, last_path_done);          to resume; before the first th_tree_next
 *     while (th_tree_next(tree, &path) != TH_TREE_END) ...
 */

struct th_tree;

enum th_tree_entry {
    TH_TREE_END,    /* nothing is left */
    TH_TREE_FILE,   /* `path` is a regular file */
    TH_TREE_UNREAD, /* `path` is a directory that could not be read: errno says why */
};

struct th_tree *th_tree_open(const char *root); /* NULL: errno says why */
void th_tree_close(struct th_tree **tree);

/* Passes over everything up to and including `path`. */
void th_tree_pass(struct th_tree *tree, const char *path);

/* `path` is relative to the root and valid until the next call. */
enum th_tree_entry th_tree_next(struct th_tree *tree, const char **path);

/* The root as a descriptor, for openat. */
int th_tree_root(const struct th_tree *tree);

#endif
