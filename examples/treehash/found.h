/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_FOUND_H
#define TREEHASH_FOUND_H

/* The collector's keys. The stage writes FILES and SKIPPED; the service reads FILES and writes
 * ASKED. */

#include "message.h"

#define FOUND_FILES "files"
#define FOUND_SKIPPED "skipped"

/* The value of a path: how often it came, and what came first. */
struct found {
    uint64_t count; /* these must be 0 or 1 */
    uint64_t again; /* these were said to be perhaps not the only ones */
    uint64_t size;
    uint64_t path_size;
    uint64_t data_size; /* the digest, or why it was skipped */
    char bytes[TH_PATH_MAX + 256]; /* path, then data */
};

#endif
