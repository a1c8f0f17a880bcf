/* SPDX-License-Identifier: MPL-2.0 */

/* The store on LevelDB. Every call that can fail goes through `judge` (hazard DB12), and the first
 * failed write is the last one (DB01, DB02). No snapshots (DB08). Why each option has its value:
 * docs/internals/store.md. */

#include "store/leveldb.h"

#include "store/apart.h"
#include "store/leveldb_inside.h"
#include "store/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define WRITE_BUFFER_SIZE ((size_t)8 << 20)
#define TABLE_SIZE WRITE_BUFFER_SIZE
#define CACHE_SIZE ((size_t)8 << 20)
#define OPEN_FILES_MAX 1000

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

enum gw_store_error gw_leveldb_fail(struct leveldb *leveldb, char *text)
{
    char why[GW_WHY_SIZE];
    enum gw_store_error error = judge(leveldb->directory->path, text, why, sizeof why);

    if (error != GW_STORE_OK)
        gw_why_say(&leveldb->why, "%s", why);
    return error;
}

enum gw_store_error gw_leveldb_fail_body(struct leveldb *leveldb, enum gw_store_error error)
{
    char text[128];

    if (error == GW_STORE_CORRUPT)
        gw_why_say(&leveldb->why, "%.200s is damaged: keep a copy, then restore it from a backup, "
                   "or give this peer another directory (a body in " GW_BODIES " is missing or "
                   "not what was written)", leveldb->directory->path);
    else
        gw_why_say(&leveldb->why, "%.200s: the disk refused: see that it is there, readable and "
                   "sound, then open it again (reading a body: %s)", leveldb->directory->path,
                   strerror_r(errno, text, sizeof text));
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
    return gw_leveldb_fail(leveldb, text);
}

enum gw_store_error gw_leveldb_walk(struct leveldb *leveldb, struct gw_slice from,
                                    struct gw_slice to, gw_store_visit visit, void *context)
{
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

/* Appends the body; OK, or LOST, CORRUPT, IO, NOMEM and nothing appended. */
static enum gw_store_error append_body(struct leveldb *leveldb, const struct gw_body *body,
                                       struct gw_buffer *value)
{
    if (gw_buffer_reserve(value, body->size) != 0)
        return GW_STORE_NOMEM;
    enum gw_store_error error =
        gw_bodies_read(leveldb->bodies, body, value->data + value->size);
    if (error == GW_STORE_CORRUPT && !body->synced)
        return GW_STORE_LOST;
    if (error != GW_STORE_OK)
        return gw_leveldb_fail_body(leveldb, error);
    value->size += body->size;
    return GW_STORE_OK;
}

/* Appends the value that is stored so. LOST: without its body. */
static enum gw_store_error append_whole(struct leveldb *leveldb, struct gw_slice key,
                                        struct gw_slice stored, struct gw_buffer *value)
{
    enum gw_apart_form form;
    struct gw_body body;
    struct gw_slice rest;

    if (!gw_apart_read(key, stored, &form, &body, &rest))
        return gw_leveldb_fail_body(leveldb, GW_STORE_CORRUPT);
    gw_buffer_append(value, rest.data, rest.size);
    if (gw_buffer_failed(value))
        return GW_STORE_NOMEM;
    return form == GW_APART_INLINE ? GW_STORE_OK : append_body(leveldb, &body, value);
}

struct scan {
    struct leveldb *leveldb;
    gw_store_visit visit;
    void *context;
    struct gw_buffer value;
    enum gw_store_error error;
};

static bool visit_whole(void *context, struct gw_slice key, struct gw_slice stored)
{
    struct scan *scan = context;

    if (!gw_apart_may_be(key))
        return scan->visit(scan->context, key, stored);
    gw_buffer_reset(&scan->value);
    enum gw_store_error error = append_whole(scan->leveldb, key, stored, &scan->value);
    if (error != GW_STORE_OK && error != GW_STORE_LOST) {
        scan->error = error;
        return false;
    }
    return scan->visit(scan->context, key,
                       (struct gw_slice){scan->value.data, scan->value.size});
}

/* Our own rows are nobody else's. */
static struct gw_slice before_ours(struct gw_slice to)
{
    return to.size == 0 || before(gw_apart_rows, to) ? gw_apart_rows : to;
}

static enum gw_store_error leveldb_store_scan(struct gw_store *store, struct gw_slice from,
                                              struct gw_slice to, gw_store_visit visit,
                                              void *context)
{
    struct leveldb *leveldb = gw_leveldb_of(store);
    struct scan scan = {.leveldb = leveldb, .visit = visit, .context = context};

    gw_bodies_begin_reading(leveldb->bodies);
    enum gw_store_error error =
        gw_leveldb_walk(leveldb, from, before_ours(to), visit_whole, &scan);
    gw_bodies_end_reading(leveldb->bodies);
    gw_buffer_clear(&scan.value);
    return error == GW_STORE_OK ? scan.error : error;
}

static bool visit_facts(void *context, struct gw_slice key, struct gw_slice stored)
{
    struct scan *scan = context;
    struct gw_slice value = stored;
    enum gw_apart_form form;
    struct gw_body body;

    if (gw_apart_may_be(key) && !gw_apart_read(key, stored, &form, &body, &value)) {
        scan->error = gw_leveldb_fail_body(scan->leveldb, GW_STORE_CORRUPT);
        return false;
    }
    return scan->visit(scan->context, key, value);
}

static enum gw_store_error leveldb_store_scan_facts(struct gw_store *store, struct gw_slice from,
                                                    struct gw_slice to, gw_store_visit visit,
                                                    void *context)
{
    struct leveldb *leveldb = gw_leveldb_of(store);
    struct scan scan = {.leveldb = leveldb, .visit = visit, .context = context};
    enum gw_store_error error =
        gw_leveldb_walk(leveldb, from, before_ours(to), visit_facts, &scan);

    return error == GW_STORE_OK ? scan.error : error;
}

static enum gw_store_error take_found(struct leveldb *leveldb, struct gw_slice key,
                                      struct gw_slice stored, struct gw_buffer *value)
{
    size_t size = value->size;

    if (!gw_apart_may_be(key)) {
        gw_buffer_append(value, stored.data, stored.size);
        return GW_STORE_OK;
    }
    enum gw_store_error error = append_whole(leveldb, key, stored, value);
    if (error != GW_STORE_OK)
        value->size = size;
    return error;
}

struct wanted {
    struct leveldb *leveldb;
    struct gw_slice key;
    struct gw_buffer *value;
    enum gw_store_error error;
};

static bool take_wanted(void *context, struct gw_slice key, struct gw_slice stored)
{
    struct wanted *wanted = context;

    if (key.size == wanted->key.size &&
        (key.size == 0 || memcmp(key.data, wanted->key.data, key.size) == 0))
        wanted->error = take_found(wanted->leveldb, key, stored, wanted->value);
    return false;
}

static enum gw_store_error get(struct leveldb *leveldb, struct gw_slice key,
                               struct gw_buffer *value)
{
    struct wanted wanted = {leveldb, key, value, GW_STORE_NOT_FOUND};
    char *text = NULL;
    size_t size = 0;
    char *found = leveldb_get(leveldb->db, leveldb->read, chars(key), key.size, &size, &text);
    enum gw_store_error error = gw_leveldb_fail(leveldb, text);

    if (found) {
        error = take_found(leveldb, key, (struct gw_slice){(const uint8_t *)found, size}, value);
        leveldb_free(found);
    } else if (error == GW_STORE_OK) {
        /* Absent, or in a table whose file is gone: leveldb_get says NotFound for both, an
         * iterator tells them apart. */
        error = gw_leveldb_walk(leveldb, key, (struct gw_slice){0}, take_wanted, &wanted);
        if (error == GW_STORE_OK)
            error = wanted.error;
    }
    return error == GW_STORE_OK && gw_buffer_failed(value) ? GW_STORE_NOMEM : error;
}

static enum gw_store_error leveldb_store_get(struct gw_store *store, struct gw_slice key,
                                             struct gw_buffer *value)
{
    struct leveldb *leveldb = gw_leveldb_of(store);

    gw_bodies_begin_reading(leveldb->bodies);
    enum gw_store_error error = get(leveldb, key, value);
    gw_bodies_end_reading(leveldb->bodies);
    return error;
}

static const char *leveldb_store_why(struct gw_store *store)
{
    return gw_why_last(&gw_leveldb_of(store)->why);
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
    struct leveldb *leveldb = gw_leveldb_of(*store);

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
    gw_bodies_close(&leveldb->bodies);
    gw_shadow_remove(&leveldb->shadow);
    gw_directory_release(&leveldb->directory);
    gw_buffer_clear(&leveldb->value);
    gw_buffer_clear(&leveldb->row);
    gw_changes_clear(&leveldb->changes);
    free(leveldb);
    *store = NULL;
}

static const struct gw_store_port leveldb_port = {
    .write = gw_leveldb_write,
    .get = leveldb_store_get,
    .scan = leveldb_store_scan,
    .scan_facts = leveldb_store_scan_facts,
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

static enum gw_store_error open_bodies(struct leveldb *leveldb, bool look, char *why, size_t size)
{
    const char *path = leveldb->directory->path;

    if (gw_bodies_open(leveldb->directory->fd, look, &leveldb->bodies) == 0)
        return GW_STORE_OK;
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
        snprintf(why, size, "%.200s is damaged (" GW_BODIES " is missing): restore it from a "
                 "backup, or give this peer another directory", path);
        return GW_STORE_CORRUPT;
    }
    gw_directory_explain(path, "opening " GW_BODIES, errno, why, size);
    return GW_STORE_IO;
}

struct count {
    struct gw_bodies *bodies;
    uint64_t missing; /* a file; 0: none is */
    bool damaged;
};

static bool count_one(void *context, struct gw_slice row, struct gw_slice stored)
{
    struct count *count = context;
    struct gw_body body;
    struct gw_slice key;

    count->damaged = !gw_apart_read_row(row, stored, &body, &key);
    if (!count->damaged && !gw_bodies_found(count->bodies, &body))
        count->missing = body.file;
    return !count->damaged && count->missing == 0;
}

/* Which files are needed. Synced bodies that are gone with their file are noticed here; those of
 * which only bits are wrong, when they are read. */
static enum gw_store_error count_bodies(struct leveldb *leveldb, char *why, size_t size)
{
    struct count count = {.bodies = leveldb->bodies};
    enum gw_store_error error =
        gw_leveldb_walk(leveldb, gw_apart_rows, (struct gw_slice){0}, count_one, &count);

    if (error != GW_STORE_OK) {
        snprintf(why, size, "%s", gw_why_last(&leveldb->why));
    } else if (count.damaged || count.missing) {
        char file[40] = "a reference in db";
        if (!count.damaged)
            snprintf(file, sizeof file, GW_BODIES "/%08" PRIu64, count.missing);
        snprintf(why, size, "%.200s is damaged (%s is missing or too short): keep a copy, then "
                 "restore it from a backup, or give this peer another directory",
                 leveldb->directory->path, file);
        error = GW_STORE_CORRUPT;
    }
    return error;
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
        error = open_bodies(leveldb, false, why, why_size);
    if (error == GW_STORE_OK)
        error = open_database(leveldb, leveldb->directory->database, why, why_size);
    if (error == GW_STORE_OK)
        error = count_bodies(leveldb, why, why_size);
    if (error == GW_STORE_OK)
        error = gw_directory_settle(leveldb->directory, why, why_size);
    if (error == GW_STORE_OK)
        gw_bodies_tidy(leveldb->bodies); /* LevelDB's open made all that it read durable */
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
        error = open_bodies(leveldb, true, why, why_size);
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
    return store->port == &leveldb_port ? gw_leveldb_of(store)->directory : NULL;
}

const char *gw_leveldb_path(struct gw_store *store)
{
    return store->port == &leveldb_port ? gw_leveldb_of(store)->directory->path : NULL;
}

bool gw_leveldb_is_inspected(struct gw_store *store)
{
    return store->port == &leveldb_port && gw_leveldb_of(store)->shadow != NULL;
}
