/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_DEMO_CHECK_H
#define TREEHASH_DEMO_CHECK_H

/* Whether the pipeline kept its word, asked of programs that are not part of it: find(1) says which
 * files there are, sha256sum(1) what is in them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Paths relative to the root, sorted by their bytes. */
struct check_paths {
    char *text; /* what they point into */
    char **items;
    size_t count;
};

/* Lists the regular files of a tree with find(1). `name` is a file below the temporary directory.
 * False if find cannot be run; what find could not read it leaves out. */
bool check_find(struct check_paths *paths, const char *root, const char *name);
void check_paths_clear(struct check_paths *paths);

struct check {
    /* in */
    const char *root;
    const char *manifest;
    const char *counts;
    const char *answers; /* the client's */
    const struct check_paths *before; /* the tree when the job started */
    int64_t started_s;                /* and when that was, in seconds since 1970 */
    /* out */
    uint64_t files;    /* different paths in the manifest */
    uint64_t bytes;    /* as digested */
    uint64_t lost;     /* files there before and after that are not in the manifest */
    uint64_t repeated; /* counts above one, added up */
    uint64_t invented; /* in the manifest, but never there */
    uint64_t wrong;    /* their digest is not the file's, and the file did not change */
    uint64_t changed;  /* changed, came or went while the job ran: listed */
    uint64_t unread;   /* could not be read: listed with the reason */
    uint64_t again;    /* results that came once more by failover: no harm, if flagged */
    uint64_t asked;        /* requests; ... */
    uint64_t ask_known;    /* answered with a digest, not with "not yet" */
    uint64_t ask_lost;     /* not answered, or not processed */
    uint64_t ask_repeated; /* answered or processed more than once, added up */
    uint64_t ask_wrong;    /* answered with anything but the truth */
    bool ran;          /* sha256sum and find could be asked */
};

/* Prints what is to be listed (see above) and every path that is not as it must be, at most 20 of
 * a kind. */
void check_run(struct check *check);

/* For those who check: prints a path and what is about it, unless `number` of that kind were
 * printed already; finds a path, NULL if it is not there. */
void check_list(uint64_t number, const char *what, const char *path, const char *more);
const char *check_find_path(const struct check_paths *paths, const char *path);

#endif
