/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_MANIFEST_H
#define GW_STORE_MANIFEST_H

/* Looks into LevelDB's MANIFEST for the one thing that LevelDB does not check itself: whether the
 * log is there that holds what is not in tables yet (hazard DB05, fault D16). LevelDB makes a log
 * before a MANIFEST names it and deletes it only after a later one was named, so that at every
 * instant, whatever dies, the named log exists. A deleted one, and a MANIFEST that was cut or put
 * back from an old copy (D18), is found by that. */

#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_manifest {
    uint64_t log;  /* the oldest log that is needed; 0: its first open was cut off */
    uint64_t next; /* number of the next new file: what has it or a higher one is no part of it */
};

/* OK; CORRUPT: damaged or not understood, of which LevelDB is the judge; IO with errno set: no
 * memory. A tail that was cut off, or is torn (log.h), is ignored. */
enum gw_store_error gw_manifest_parse(const uint8_t *data, size_t size,
                                      struct gw_manifest *manifest);

/* These look into the database folder `name` below `fd`, and answer OK; CORRUPT: it is damaged or
 * not understood; or IO with errno set: it could not be read this time (no memory and no
 * descriptor among the reasons), and nothing is known. */

enum gw_store_error gw_manifest_read(int fd, const char *name, struct gw_manifest *manifest);
/* The path of the MANIFEST, which is what CURRENT holds. */
enum gw_store_error gw_manifest_path(int fd, const char *name, char path[64]);
/* The number of the newest log; 0: there is none. */
enum gw_store_error gw_manifest_newest_log(int fd, const char *name, uint64_t *newest);
/* NOT_FOUND: the log that is needed is certainly missing, and its name is in `missing`. OK also if
 * the MANIFEST is not understood. */
enum gw_store_error gw_manifest_find_log(int fd, const char *name, char missing[64]);

#endif
