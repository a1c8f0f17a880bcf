/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_STORE_H
#define GW_STORE_STORE_H

/* The store port: an ordered map of bytes with atomic writes. LevelDB, memory and the simulator's
 * disk stand behind it, under the same tests (tests/store). What the rows mean is in row.h; the
 * formats and the reasons are in docs/internals/store.md.
 *
 * Threads: one thread writes; any thread may get and scan at any time between open and close.
 * Errors are the codes below; `gw_store_why` has the sentence. After any failed write the store
 * answers GW_STORE_POISONED to every further write until it is closed and opened again: a failed
 * append must never be followed by another (hazards DB01, DB02). */

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gw_store_error {
    GW_STORE_OK = 0,
    GW_STORE_NOT_FOUND,
    GW_STORE_NOMEM,
    GW_STORE_IO,      /* the disk refused; until reopened a write's fate is UNKNOWN */
    GW_STORE_CORRUPT, /* damaged: never repaired behind the user's back */
    GW_STORE_BUSY,    /* open in another process, or already in this one */
    GW_STORE_FOREIGN, /* a directory that is not ours, or another name's store */
    GW_STORE_VERSION, /* of another format, older or newer */
    GW_STORE_POISONED, /* an earlier write failed: close and reopen */
    GW_STORE_LOST      /* the value's body was never synced, and a power cut took it */
};

const char *gw_store_error_name(enum gw_store_error error); /* "IO"; "?" for none */

/* One atomic write: puts and deletes in order; a later one of the same key wins.
 *
 *     bytes.data  | key . value | key . prefix | key | ...      ops point into it by offsets
 *                                      \.. + outside, which is the caller's
 */
struct gw_write_op {
    size_t key; /* offsets into bytes.data */
    size_t key_size;
    size_t value;
    size_t value_size;
    const void *outside; /* if set, the value is (value, value_size) followed by these bytes: */
    size_t outside_size; /*   they are not copied and must live until the write is done */
    uint32_t outside_crc; /* crc32c of them */
    bool put;            /* false: delete */
};

struct gw_write {
    struct gw_buffer bytes;
    struct gw_write_op *ops;
    size_t count;
    size_t capacity;
    bool failed; /* out of memory somewhere: the write must not be used */
};

void gw_write_clear(struct gw_write *write); /* frees */
void gw_write_reset(struct gw_write *write); /* empties, keeps 8 MiB, forgets failures */
/* The slices are copied (but for `outside`) and must not lie in write->bytes. No key begins with
 * the bytes ff ff: those are the stores' own. */
void gw_write_put(struct gw_write *write, struct gw_slice key, struct gw_slice value);
void gw_write_put_outside(struct gw_write *write, struct gw_slice key, struct gw_slice prefix,
                          struct gw_slice outside);
void gw_write_delete(struct gw_write *write, struct gw_slice key);
/* For those that appended key and value to write->bytes themselves: adds the put of the key that
 * lies at [key, value) and the value at [value, end), followed by `outside`, if that has bytes, of
 * which `outside_crc` is the crc32c. */
void gw_write_put_built(struct gw_write *write, size_t key, size_t value, struct gw_slice outside,
                        uint32_t outside_crc);
void gw_write_delete_built(struct gw_write *write, size_t key); /* the key lies at [key, end) */
static inline bool gw_write_failed(const struct gw_write *write)
{
    return write->failed || write->bytes.failed;
}

struct gw_store;

/* Returns false to end the walk. It may get from the store; it must not write or close it. */
typedef bool (*gw_store_visit)(void *context, struct gw_slice key, struct gw_slice value);

struct gw_store_port {
    /* Any answer but GW_STORE_OK poisons the store for further writes. */
    enum gw_store_error (*write)(struct gw_store *store, const struct gw_write *write, bool sync);
    /* Appends the value to `value`, or leaves it as it was. LOST: the key is there, and its value
     * is no more. */
    enum gw_store_error (*get)(struct gw_store *store, struct gw_slice key,
                               struct gw_buffer *value);
    /* Visits keys >= from and < to (to.size 0: no end) in order, as they were when the scan began.
     * Slices are valid during the visit only. A value of which get would say LOST comes without
     * what was `outside` when it was written. */
    enum gw_store_error (*scan)(struct gw_store *store, struct gw_slice from, struct gw_slice to,
                                gw_store_visit visit, void *context);
    /* The same, for those who can do without what was `outside`: a store that keeps that apart does
     * not read it. NULL: the store keeps nothing apart. */
    enum gw_store_error (*scan_facts)(struct gw_store *store, struct gw_slice from,
                                      struct gw_slice to, gw_store_visit visit, void *context);
    const char *(*why)(struct gw_store *store); /* the last error's sentence; lives till close */
    void (*close)(struct gw_store **store);
};

struct gw_store { /* first member of every implementation */
    const struct gw_store_port *port;
};

static inline enum gw_store_error gw_store_write(struct gw_store *store,
                                                 const struct gw_write *write, bool sync)
{
    return store->port->write(store, write, sync);
}

static inline enum gw_store_error gw_store_get(struct gw_store *store, struct gw_slice key,
                                               struct gw_buffer *value)
{
    return store->port->get(store, key, value);
}

static inline enum gw_store_error gw_store_scan(struct gw_store *store, struct gw_slice from,
                                                struct gw_slice to, gw_store_visit visit,
                                                void *context)
{
    return store->port->scan(store, from, to, visit, context);
}

static inline enum gw_store_error gw_store_scan_facts(struct gw_store *store, struct gw_slice from,
                                                      struct gw_slice to, gw_store_visit visit,
                                                      void *context)
{
    return store->port->scan_facts ? store->port->scan_facts(store, from, to, visit, context)
                                   : gw_store_scan(store, from, to, visit, context);
}

static inline const char *gw_store_why(struct gw_store *store)
{
    return store->port->why(store);
}

/* Accepts a store that is NULL already; leaves NULL. */
static inline void gw_store_close(struct gw_store **store)
{
    if (*store)
        (*store)->port->close(store);
}

/* Opens (or makes) the LevelDB store in `directory`. `why` receives a sentence that says what to
 * do. Refuses: a path that is not a directory or cannot be made or written; a directory with
 * foreign content; a store that is open elsewhere (own flock plus a (device, inode) registry in the
 * process: hazard DB11); a missing CURRENT or log (DB05); NFS, SMB and FUSE. */
enum gw_store_error gw_leveldb_open(const char *directory, struct gw_store **store, char *why,
                                    size_t why_size);

/* The absolute name of the directory of a store of gw_leveldb_open, which stays true when the host
 * changes its own; NULL for any other store. Lives until the close. */
const char *gw_leveldb_path(struct gw_store *store);
/* True if the directory holds a store, whatever its state: opening it would make none. */
bool gw_leveldb_exists(const char *directory);

/* The generation file beside the store (docs/decisions/0009-generation-file.md). Check: before the
 * store is claimed; CORRUPT or FOREIGN, with a sentence that says what to do, if what the store
 * says of itself is not what was noted of it: it is older, younger, or another one; or if its uuid
 * is not the expected one (NULL: any will do). It writes what
 * an open that was cut off could not note (not for gw_leveldb_inspect). Note: after each claim,
 * before anything is promised. Both answer OK for a store that is not of gw_leveldb_open. */
enum gw_store_error gw_store_check_generation(struct gw_store *store, const uint8_t *expected,
                                              char *why, size_t why_size);
enum gw_store_error gw_store_note_generation(struct gw_store *store, char *why, size_t why_size);

/* Opens the store of a peer that is not running, to look at it: the same locks and refusals as
 * gw_leveldb_open, generation file included, but nothing is made or written in the directory, so
 * that it works on a full or read-only disk; no new open of its lineage. Writes answer POISONED.
 * LevelDB opens a shadow below TMPDIR (or /tmp), with links to the tables and copies of the logs
 * (some 16 MiB at most). It is removed at close, or by the next that looks if the process was
 * killed. */
enum gw_store_error gw_leveldb_inspect(const char *directory, struct gw_store **store, char *why,
                                       size_t why_size);

/* A store in memory: a skip list. It ends with its close. */
enum gw_store_error gw_memory_open(struct gw_store **store);

#endif
