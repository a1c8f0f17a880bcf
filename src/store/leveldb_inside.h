/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_LEVELDB_INSIDE_H
#define GW_STORE_LEVELDB_INSIDE_H

/* What leveldb.c (opening, reading) and leveldb_write.c share. */

#include "store/bodies.h"
#include "store/change.h"
#include "store/directory.h"
#include "store/shadow.h"
#include "store/why.h"

#include <leveldb/c.h>

struct leveldb {
    struct gw_store store;
    struct gw_directory *directory;
    struct gw_bodies *bodies;
    leveldb_t *db;
    leveldb_cache_t *cache;
    leveldb_options_t *options;
    leveldb_readoptions_t *read;  /* one value */
    leveldb_readoptions_t *walk;  /* many: they must not push everything else out of the cache */
    leveldb_writeoptions_t *plain;
    leveldb_writeoptions_t *synced;
    leveldb_writebatch_t *batch;  /* the writer's, like all below but `shadow` and `why` */
    struct gw_buffer value;       /* a value in several pieces is put together here */
    struct gw_buffer row;         /* and the key of a row of ours here */
    struct gw_changes changes;    /* of the write under way */
    bool stuck;                   /* a body could not be moved: none is until the next open */
    bool poisoned;
    struct gw_shadow *shadow;     /* set: opened to be looked at only */
    struct gw_why why;
};

static inline struct leveldb *gw_leveldb_of(struct gw_store *store)
{
    return (struct leveldb *)store;
}

/* Takes LevelDB's error text over; the store has a sentence for it, if it is one. */
enum gw_store_error gw_leveldb_fail(struct leveldb *leveldb, char *text);
/* The same for a body that could not be read or trusted; `error` is handed on. */
enum gw_store_error gw_leveldb_fail_body(struct leveldb *leveldb, enum gw_store_error error);
/* The rows as LevelDB has them, references and our own rows included. */
enum gw_store_error gw_leveldb_walk(struct leveldb *leveldb, struct gw_slice from,
                                    struct gw_slice to, gw_store_visit visit, void *context);
enum gw_store_error gw_leveldb_write(struct gw_store *store, const struct gw_write *write,
                                     bool sync);

#endif
