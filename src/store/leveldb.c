/* SPDX-License-Identifier: MPL-2.0 */

/* The store on LevelDB. Every call that can fail goes through `judge` (hazard DB12), and the first
 * failed write is the last one (DB01, DB02). No snapshots (DB08). Why each option has its value:
 * docs/internals/store.md. */

#include "store/leveldb.h"

#include "store/directory.h"
#include "store/log.h"
#include "store/shadow.h"
#include "store/why.h"

#include <errno.h>
#include <leveldb/c.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define WRITE_BUFFER_SIZE ((size_t)8 << 20)
#define TABLE_SIZE WRITE_BUFFER_SIZE
#define CACHE_SIZE ((size_t)8 << 20)
#define OPEN_FILES_MAX 1000
#define KEEP_SIZE ((size_t)8 << 20)   /* of the write batch: a larger one is given back */
#define VALUE_SIZE_MAX ((size_t)1 << 30) /* LevelDB's lengths are 32 bits */

struct leveldb {
    struct gw_store store;
    struct gw_directory *directory;
    leveldb_t *db;
    leveldb_cache_t *cache;
    leveldb_options_t *options;
    leveldb_readoptions_t *read;  /* one value */
    leveldb_readoptions_t *walk;  /* many: they must not push everything else out of the cache */
    leveldb_writeoptions_t *plain;
    leveldb_writeoptions_t *synced;
    leveldb_writebatch_t *batch;  /* the writer's, like the rest below */
    struct gw_buffer value;       /* a value in two pieces is put together here */
    bool poisoned;
    struct gw_shadow *shadow;     /* set: opened to be looked at only */
    struct gw_why why;
};

static struct leveldb *leveldb_of(struct gw_store *store)
{
    return (struct leveldb *)store;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

enum gw_store_error gw_leveldb_classify(const char *text)
{
    if (!text)
        return GW_STORE_OK;
    if (starts_with(text, "IO error: lock "))
        return GW_STORE_BUSY;
    if (starts_with(text, "Corruption: "))
        return GW_STORE_CORRUPT;
    /* A file that LevelDB lists is gone, or CURRENT is. */
    if (starts_with(text, "NotFound: ") || starts_with(text, "Invalid argument: "))
        return GW_STORE_CORRUPT;
    return GW_STORE_IO;
}

static bool mentions(const char *text, int error)
{
    char buffer[128];

    return strstr(text, strerror_r(error, buffer, sizeof buffer)) != NULL;
}

/* Takes LevelDB's error text over and turns it into a code and a sentence. */
static enum gw_store_error judge(const char *path, char *text, char *why, size_t size)
{
    enum gw_store_error error = gw_leveldb_classify(text);

    switch (error) {
    case GW_STORE_OK:
        break;
    case GW_STORE_BUSY:
        snprintf(why, size, "%.200s is open in another process: close it, or give this peer "
                 "another directory (%s)", path, text);
        break;
    case GW_STORE_CORRUPT:
        snprintf(why, size, "%.200s is damaged: keep a copy, then restore it from a backup, or "
                 "give this peer another directory (%s)", path, text);
        break;
    default:
        if (mentions(text, ENOSPC) || mentions(text, EDQUOT))
            snprintf(why, size, "%.200s: the disk is full: free some space, then open it again "
                     "(%s)", path, text);
        else
            snprintf(why, size, "%.200s: the disk refused: see that it is there, writable and "
                     "sound, then open it again (%s)", path, text);
    }
    leveldb_free(text);
    return error;
}

static enum gw_store_error fail(struct leveldb *leveldb, char *text)
{
    char why[GW_WHY_SIZE];
    enum gw_store_error error = judge(leveldb->directory->path, text, why, sizeof why);

    if (error != GW_STORE_OK)
        gw_why_say(&leveldb->why, "%s", why);
    return error;
}

/* Writing. */

/* Copies the value's two pieces together: a write batch takes only one. */
static bool join(struct gw_buffer *value, const struct gw_write *write,
                 const struct gw_write_op *op)
{
    gw_buffer_reset(value);
    if (gw_buffer_reserve(value, op->value_size + op->outside_size) != 0)
        return false;
    gw_buffer_append(value, write->bytes.data + op->value, op->value_size);
    gw_buffer_append(value, op->outside, op->outside_size);
    return true;
}

static bool fill(struct leveldb *leveldb, const struct gw_write *write, size_t *size)
{
    leveldb_writebatch_clear(leveldb->batch);
    for (size_t i = 0; i < write->count; i++) {
        const struct gw_write_op *op = &write->ops[i];
        const char *key = (const char *)write->bytes.data + op->key;
        const char *value = (const char *)write->bytes.data + op->value;

        if (op->value_size > VALUE_SIZE_MAX || op->outside_size > VALUE_SIZE_MAX)
            return false;
        *size += op->key_size + op->value_size + op->outside_size;
        if (!op->put) {
            leveldb_writebatch_delete(leveldb->batch, key, op->key_size);
        } else if (!op->outside) {
            leveldb_writebatch_put(leveldb->batch, key, op->key_size, value, op->value_size);
        } else {
            if (!join(&leveldb->value, write, op))
                return false;
            leveldb_writebatch_put(leveldb->batch, key, op->key_size,
                                   (const char *)leveldb->value.data, leveldb->value.size);
        }
    }
    return true;
}

static void give_back(struct leveldb *leveldb, size_t size)
{
    if (size <= KEEP_SIZE)
        return;
    leveldb_writebatch_destroy(leveldb->batch);
    leveldb->batch = leveldb_writebatch_create();
    gw_buffer_clear(&leveldb->value);
}

/* What is synced in a log whose name is not, is not durable. */
static enum gw_store_error follow_log(struct leveldb *leveldb, off_t before)
{
    char why[GW_WHY_SIZE];

    if (gw_directory_follow_log(leveldb->directory, before) == 0)
        return GW_STORE_OK;
    gw_directory_explain(leveldb->directory->path, "syncing the name of a log", errno, why,
                         sizeof why);
    gw_why_say(&leveldb->why, "%s", why);
    return GW_STORE_IO;
}

static enum gw_store_error try_write(struct leveldb *leveldb, const struct gw_write *write,
                                     bool sync)
{
    size_t size = 0;
    char *text = NULL;

    if (gw_write_failed(write) || !fill(leveldb, write, &size)) {
        gw_why_say(&leveldb->why, "out of memory: the write was not made");
        return GW_STORE_NOMEM;
    }
    /* LevelDB would go on in a deleted file and call it durable. */
    if (!gw_directory_present(leveldb->directory)) {
        gw_why_say(&leveldb->why, "%s was moved, removed or made unreachable while open: put it "
                   "back, then open it again", leveldb->directory->path);
        return GW_STORE_IO;
    }
    off_t before = sync ? gw_directory_log_size(leveldb->directory) : 0;
    leveldb_write(leveldb->db, sync ? leveldb->synced : leveldb->plain, leveldb->batch, &text);
    give_back(leveldb, size);
    enum gw_store_error error = fail(leveldb, text);
    return sync && error == GW_STORE_OK ? follow_log(leveldb, before) : error;
}

static enum gw_store_error leveldb_store_write(struct gw_store *store, const struct gw_write *write,
                                               bool sync)
{
    struct leveldb *leveldb = leveldb_of(store);

    if (leveldb->shadow && !leveldb->poisoned)
        gw_why_say(&leveldb->why, "the store was opened to be looked at: nothing can be written");
    if (leveldb->poisoned || leveldb->shadow)
        return GW_STORE_POISONED;
    enum gw_store_error error = try_write(leveldb, write, sync);
    leveldb->poisoned = error != GW_STORE_OK;
    return error;
}

/* Reading. */

static const char *chars(struct gw_slice slice)
{
    return slice.data ? (const char *)slice.data : "";
}

static bool before(struct gw_slice a, struct gw_slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order < 0 || (order == 0 && a.size < b.size);
}

/* An iterator that meets an error skips what it cannot read, and older values of it may come to
 * light: so the error is asked for before each visit, not at the end. */
static enum gw_store_error iterator_error(struct leveldb *leveldb, const leveldb_iterator_t *at)
{
    char *text = NULL;

    leveldb_iter_get_error(at, &text);
    return fail(leveldb, text);
}

static enum gw_store_error leveldb_store_scan(struct gw_store *store, struct gw_slice from,
                                              struct gw_slice to, gw_store_visit visit,
                                              void *context)
{
    struct leveldb *leveldb = leveldb_of(store);
    leveldb_iterator_t *at = leveldb_create_iterator(leveldb->db, leveldb->walk);
    enum gw_store_error error;

    leveldb_iter_seek(at, chars(from), from.size);
    for (;;) {
        struct gw_slice key, value;

        error = iterator_error(leveldb, at);
        if (error != GW_STORE_OK || !leveldb_iter_valid(at))
            break;
        key.data = (const uint8_t *)leveldb_iter_key(at, &key.size);
        if (to.size > 0 && !before(key, to))
            break;
        value.data = (const uint8_t *)leveldb_iter_value(at, &value.size);
        if (!visit(context, key, value))
            break;
        leveldb_iter_next(at);
    }
    leveldb_iter_destroy(at);
    return error;
}

struct wanted {
    struct gw_slice key;
    struct gw_buffer *value;
    bool found;
};

static bool take_wanted(void *context, struct gw_slice key, struct gw_slice value)
{
    struct wanted *wanted = context;

    wanted->found = key.size == wanted->key.size &&
                    (key.size == 0 || memcmp(key.data, wanted->key.data, key.size) == 0);
    if (wanted->found)
        gw_buffer_append(wanted->value, value.data, value.size);
    return false;
}

static enum gw_store_error leveldb_store_get(struct gw_store *store, struct gw_slice key,
                                             struct gw_buffer *value)
{
    struct leveldb *leveldb = leveldb_of(store);
    struct wanted wanted = {.key = key, .value = value};
    char *text = NULL;
    size_t size = 0;
    char *found = leveldb_get(leveldb->db, leveldb->read, chars(key), key.size, &size, &text);
    enum gw_store_error error = fail(leveldb, text);

    if (found) {
        gw_buffer_append(value, found, size);
        leveldb_free(found);
    } else if (error == GW_STORE_OK) {
        /* Absent, or in a table whose file is gone: leveldb_get says NotFound for both, an
         * iterator tells them apart. */
        error = leveldb_store_scan(store, key, (struct gw_slice){0}, take_wanted, &wanted);
        if (error == GW_STORE_OK && !wanted.found)
            return GW_STORE_NOT_FOUND;
    }
    return error == GW_STORE_OK && gw_buffer_failed(value) ? GW_STORE_NOMEM : error;
}

static const char *leveldb_store_why(struct gw_store *store)
{
    return gw_why_last(&leveldb_of(store)->why);
}

/* Opening and closing. */

static int open_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 4 > OPEN_FILES_MAX)
        return OPEN_FILES_MAX;
    return (int)(limit.rlim_cur / 4); /* LevelDB raises what is below 74 */
}

static void set_options(struct leveldb *leveldb)
{
    leveldb->cache = leveldb_cache_create_lru(CACHE_SIZE);
    leveldb->options = leveldb_options_create();
    leveldb_options_set_create_if_missing(leveldb->options, leveldb->directory->fresh);
    leveldb_options_set_paranoid_checks(leveldb->options, 1);
    leveldb_options_set_write_buffer_size(leveldb->options, WRITE_BUFFER_SIZE);
    leveldb_options_set_max_file_size(leveldb->options, TABLE_SIZE);
    leveldb_options_set_cache(leveldb->options, leveldb->cache);
    leveldb_options_set_max_open_files(leveldb->options, open_files());
    /* Bodies are opaque, often compressed already, and on the hot path. */
    leveldb_options_set_compression(leveldb->options, leveldb_no_compression);

    leveldb->read = leveldb_readoptions_create();
    leveldb_readoptions_set_verify_checksums(leveldb->read, 1);
    leveldb->walk = leveldb_readoptions_create();
    leveldb_readoptions_set_verify_checksums(leveldb->walk, 1);
    leveldb_readoptions_set_fill_cache(leveldb->walk, 0);
    leveldb->plain = leveldb_writeoptions_create();
    leveldb->synced = leveldb_writeoptions_create();
    leveldb_writeoptions_set_sync(leveldb->synced, 1);
    leveldb->batch = leveldb_writebatch_create();
}

/* In this order: the options and the cache must outlive the database (hazard DB13). */
static void leveldb_store_close(struct gw_store **store)
{
    struct leveldb *leveldb = leveldb_of(*store);

    if (leveldb->db)
        leveldb_close(leveldb->db);
    if (leveldb->options) {
        leveldb_writebatch_destroy(leveldb->batch);
        leveldb_writeoptions_destroy(leveldb->synced);
        leveldb_writeoptions_destroy(leveldb->plain);
        leveldb_readoptions_destroy(leveldb->walk);
        leveldb_readoptions_destroy(leveldb->read);
        leveldb_options_destroy(leveldb->options);
        leveldb_cache_destroy(leveldb->cache);
    }
    gw_shadow_remove(&leveldb->shadow);
    gw_directory_release(&leveldb->directory);
    gw_buffer_clear(&leveldb->value);
    free(leveldb);
    *store = NULL;
}

static const struct gw_store_port leveldb_port = {
    .write = leveldb_store_write,
    .get = leveldb_store_get,
    .scan = leveldb_store_scan,
    .why = leveldb_store_why,
    .close = leveldb_store_close,
};

/* `directory` is claimed by the caller's kind of claim; where LevelDB opens depends on it. */
static enum gw_store_error open_database(struct leveldb *leveldb, const char *database, char *why,
                                         size_t size)
{
    char *text = NULL;

    set_options(leveldb);
    if (gw_log_mend(database) != 0) {
        gw_directory_explain(leveldb->directory->path, "mending its logs", errno, why, size);
        return GW_STORE_IO;
    }
    leveldb->db = leveldb_open(leveldb->options, database, &text);
    return judge(leveldb->directory->path, text, why, size);
}

static struct leveldb *new_store(char *why, size_t size)
{
    struct leveldb *leveldb = calloc(1, sizeof *leveldb);

    if (leveldb)
        leveldb->store.port = &leveldb_port;
    else
        snprintf(why, size, "out of memory");
    return leveldb;
}

static enum gw_store_error end_open(struct leveldb *leveldb, enum gw_store_error error,
                                    struct gw_store **store)
{
    struct gw_store *opened = &leveldb->store;

    if (error != GW_STORE_OK)
        gw_store_close(&opened);
    else
        *store = opened;
    return error;
}

enum gw_store_error gw_leveldb_open(const char *directory, struct gw_store **store, char *why,
                                    size_t why_size)
{
    struct leveldb *leveldb = new_store(why, why_size);

    if (!leveldb)
        return GW_STORE_NOMEM;
    enum gw_store_error error =
        gw_directory_claim(directory, false, &leveldb->directory, why, why_size);
    if (error == GW_STORE_OK)
        error = open_database(leveldb, leveldb->directory->database, why, why_size);
    if (error == GW_STORE_OK)
        error = gw_directory_settle(leveldb->directory, why, why_size);
    return end_open(leveldb, error, store);
}

enum gw_store_error gw_leveldb_inspect(const char *directory, struct gw_store **store, char *why,
                                       size_t why_size)
{
    struct leveldb *leveldb = new_store(why, why_size);

    if (!leveldb)
        return GW_STORE_NOMEM;
    enum gw_store_error error =
        gw_directory_claim(directory, true, &leveldb->directory, why, why_size);
    if (error == GW_STORE_OK)
        error = gw_shadow_make(leveldb->directory, &leveldb->shadow, why, why_size);
    if (error == GW_STORE_OK)
        error = open_database(leveldb, gw_shadow_path(leveldb->shadow), why, why_size);
    if (error == GW_STORE_OK)
        error = gw_store_check_generation(&leveldb->store, NULL, why, why_size);
    return end_open(leveldb, error, store);
}

bool gw_leveldb_exists(const char *directory)
{
    return gw_directory_has_marker(directory);
}

struct gw_directory *gw_leveldb_directory(struct gw_store *store)
{
    return store->port == &leveldb_port ? leveldb_of(store)->directory : NULL;
}

const char *gw_leveldb_path(struct gw_store *store)
{
    return store->port == &leveldb_port ? leveldb_of(store)->directory->path : NULL;
}

bool gw_leveldb_is_inspected(struct gw_store *store)
{
    return store->port == &leveldb_port && leveldb_of(store)->shadow != NULL;
}
