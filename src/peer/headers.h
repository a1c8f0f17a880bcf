/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_HEADERS_H
#define GW_PEER_HEADERS_H

/* The block of headers at the start of a message: named values beside the message's own bytes.
 *
 *     | key length: 1 | key | value length: 2, big-endian | value |  repeated
 *
 * How long the block is stands beside the message, not in it. A block that came from a peer is
 * trusted in nothing: one that is not exactly such a sequence holds no headers, and the message's
 * own bytes are what follows the block all the same. */

#include "base/bytes.h"

#include <stdbool.h>

#define GW_HEADER_KEY_MAX 64
#define GW_HEADERS_BYTES_MAX 65000 /* keys and values, and GW_HEADER_EXTRA more for each */
#define GW_HEADER_EXTRA 4

struct gw_header {
    struct gw_slice key; /* not terminated */
    struct gw_slice value;
};

bool gw_header_key_valid(const char *key); /* 1-64 of [a-z0-9._-]; false for NULL */

/* The block as a whole: true also for an empty one. */
bool gw_headers_valid(struct gw_slice block);

/* Walks a block that gw_headers_valid accepts; begin with *at 0. False at its end, and at anything
 * that is no header. */
bool gw_headers_next(struct gw_slice block, size_t *at, struct gw_header *header);

/* The first header of that key. */
bool gw_headers_find(struct gw_slice block, const char *key, struct gw_slice *value);

/* In a block of our own making: replaces the value of a key, adds it, or with `value` NULL removes
 * it. The value may lie in the block. 0; -EINVAL: the key, or `value` NULL with a size; -E2BIG;
 * -ENOMEM. After an error the block is as before. */
int gw_headers_set(struct gw_buffer *block, const char *key, const void *value, size_t size);

#endif
