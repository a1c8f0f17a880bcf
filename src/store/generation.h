/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_GENERATION_H
#define GW_STORE_GENERATION_H

/* The generation file: what is known of a store without asking it. LevelDB opens happily without
 * its newest log (hazard DB05), and a database folder can be put back from an old copy; then what
 * the store says of itself is out of date, and this file beside it shows that. The reasons for what
 * is written when: docs/decisions/0009-generation-file.md.
 *
 *     <directory>/generation   one line of text: the store's uuid, how often it was opened, the
 *                              nonce of the last open, the number of the newest log that was seen,
 *                              crc32c of the line before it
 *
 * The file is as new as the meta row or one open behind it, at every instant:
 *
 *     check  ── file one behind? brought up to the store ──▶ claim ──▶ note
 *     file k, row k                                   file k, row k+1    file k+1, row k+1 */

#include "store/store.h"

#include <stdint.h>

struct gw_generation {
    uint8_t store[16]; /* the store's uuid; all zero while it was never opened */
    uint64_t opens;    /* 0: never claimed */
    uint64_t process;  /* nonce of the last open */
    uint64_t log;      /* of the file: LevelDB had a log of this number; 0: not known */
};

#define GW_GENERATION_LINE 160 /* more than the longest line and its NUL */
void gw_generation_print(const struct gw_generation *generation, char line[GW_GENERATION_LINE]);
/* False: not such a line, or damaged. */
bool gw_generation_parse(const char *line, struct gw_generation *generation);

enum gw_generation_verdict {
    GW_GENERATION_SAME,
    GW_GENERATION_BEHIND,    /* the file is one open behind: an open was cut off; to be written */
    GW_GENERATION_OLD_FILE,  /* the store went on without this file */
    GW_GENERATION_OLD_STORE, /* the file has seen opens that the store does not know */
    GW_GENERATION_FOREIGN,   /* of another store */
    GW_GENERATION_FORKED     /* of a copy of this store that was opened as often */
};

enum gw_generation_verdict gw_generation_judge(const struct gw_generation *file,
                                               const struct gw_generation *store);

/* The file of the directory that `fd` is open on. Read: NOT_FOUND, CORRUPT, IO with errno set.
 * Write: atomic and durable when it returns OK; IO with errno set. */
enum gw_store_error gw_generation_read(int fd, struct gw_generation *generation);
enum gw_store_error gw_generation_write(int fd, const struct gw_generation *generation);

#endif
