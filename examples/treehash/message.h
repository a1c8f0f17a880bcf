/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_MESSAGE_H
#define TREEHASH_MESSAGE_H

/* What the three stages say to each other. One layout serves every kind:
 *
 *     | kind 1 | number 8 | path length 4 | path ... | data ... |      (numbers big-endian)
 *
 * The highest bit of the kind is maybe_again.
 *
 * Paths are relative to the root of the tree ("a/b.h"), any bytes but NUL, not terminated. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum th_kind {
    TH_FILE = 1,    /* walk to hash: a whole file below TH_PART_SIZE; data: its content */
    TH_PART = 2,    /* walk to hash: part `number` (from 0) of a large file; TH_PART_SIZE bytes */
    TH_LAST = 3,    /* the last part: shorter than TH_PART_SIZE, perhaps empty */
    TH_BROKEN = 4,  /* in place of part `number`: the file could not be read on; data: why */
    TH_SKIPPED = 5, /* walk to hash to collect: the path could not be read; data: why */
    TH_DIGEST = 6,  /* hash to collect: data: the SHA-256; number: the file's size */
    TH_END = 7      /* walk to hash to collect: number: how many paths were sent in all */
};

#define TH_PART_SIZE (256 * 1024)
#define TH_PATH_MAX 4096
#define TH_HEAD_MAX (13 + TH_PATH_MAX)
#define TH_DIGEST_SIZE 32

struct th_message {
    enum th_kind kind;
    uint64_t number;
    const char *path; /* not terminated */
    size_t path_size; /* 1 to TH_PATH_MAX; 0 for TH_END */
    const void *data;
    size_t data_size;
    bool maybe_again; /* hash to collect: another worker may send this too (failover) */
};

/* Writes all but the data; `head` has room for TH_HEAD_MAX bytes. Returns the size. */
size_t th_message_head(const struct th_message *message, uint8_t *head);

/* Reads what th_message_head and the data made; `message` then points into `bytes`. False if the
 * bytes are anything else. */
bool th_message_read(const void *bytes, size_t size, struct th_message *message);

/* A key of godwit's (at most 512 bytes) for a path: the path itself, or for a long one its first
 * bytes and a hash of the whole, so that keys sort as the paths do. Returns the key's size. */
#define TH_KEY_MAX 512
size_t th_key(const char *path, size_t path_size, uint8_t key[TH_KEY_MAX]);

#endif
