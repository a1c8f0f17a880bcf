/* SPDX-License-Identifier: MPL-2.0 */

/* Compares what a store says of itself with what the file beside it says, and brings the file up to
 * the store: see generation.h. */

#include "store/generation.h"
#include "store/leveldb.h"
#include "store/row.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MEND "restore the whole directory, from one backup, or give this peer another directory"

/* No opens: the store was never claimed. */
static enum gw_store_error ask_store(struct gw_store *store, struct gw_generation *generation)
{
    struct gw_buffer key = {0}, value = {0};
    struct gw_row meta = {0};

    gw_row_seek(&key, GW_ROW_META, 0, 0);
    enum gw_store_error error = GW_STORE_NOMEM;
    if (!gw_buffer_failed(&key))
        error = gw_store_get(store, (struct gw_slice){key.data, key.size}, &value);
    if (error == GW_STORE_OK)
        error = gw_row_read((struct gw_slice){key.data, key.size},
                            (struct gw_slice){value.data, value.size}, &meta);
    *generation = (struct gw_generation){.opens = meta.number, .process = meta.process};
    memcpy(generation->store, meta.store, sizeof generation->store);
    gw_buffer_clear(&key);
    gw_buffer_clear(&value);
    return error == GW_STORE_NOT_FOUND ? GW_STORE_OK : error;
}

static enum gw_store_error refuse_store(enum gw_store_error error, struct gw_store *store,
                                        const char *path, char *why, size_t size)
{
    const char *reason = gw_store_why(store);

    if (error == GW_STORE_VERSION)
        snprintf(why, size, "%.200s was written by another version of godwit: use that one, or "
                 "give this peer another directory", path);
    else if (error == GW_STORE_NOMEM)
        snprintf(why, size, "out of memory while opening the store");
    else if (reason[0])
        snprintf(why, size, "%.400s", reason);
    else
        snprintf(why, size, "%.200s is damaged (the record of its owner): " MEND, path);
    return error;
}

static enum gw_store_error refuse_file(enum gw_store_error error, const char *path, char *why,
                                       size_t size)
{
    if (error == GW_STORE_IO) {
        gw_directory_explain(path, "the file generation", errno, why, size);
        return error;
    }
    snprintf(why, size, "%.200s: the file generation is %s, so that nobody can tell whether the "
             "store is all there: " MEND, path,
             error == GW_STORE_NOT_FOUND ? "missing" : "damaged");
    return GW_STORE_CORRUPT;
}

static enum gw_store_error refuse_pair(enum gw_generation_verdict verdict,
                                       const struct gw_generation *file,
                                       const struct gw_generation *store, const char *path,
                                       char *why, size_t size)
{
    unsigned long long noted = file->opens, found = store->opens;

    switch (verdict) {
    case GW_GENERATION_OLD_STORE:
        snprintf(why, size, "%.200s: the store is older than its file generation (opened %llu "
                 "times, not %llu): its newest files are missing or it is an old copy: " MEND,
                 path, found, noted);
        return GW_STORE_CORRUPT;
    case GW_GENERATION_OLD_FILE:
        snprintf(why, size, "%.200s: the file generation is older than the store (opened %llu "
                 "times, not %llu): it is of an old copy: " MEND, path, noted, found);
        return GW_STORE_CORRUPT;
    default:
        snprintf(why, size, "%.200s: the file generation is of another %s: " MEND, path,
                 verdict == GW_GENERATION_FOREIGN ? "store" : "copy of this store");
        return GW_STORE_FOREIGN;
    }
}

/* The store's own synced write of this open is in the newest log: so that is durable, too. */
static enum gw_store_error write_file(struct gw_directory *directory,
                                      struct gw_generation *generation, char *why, size_t size)
{
    enum gw_store_error error = GW_STORE_IO;

    if (gw_directory_newest_log(directory, &generation->log) == 0)
        error = gw_generation_write(directory->fd, generation);
    if (error)
        gw_directory_explain(directory->path, "writing the file generation", errno, why, size);
    else
        directory->noted = *generation;
    return error;
}

enum gw_store_error gw_store_check_generation(struct gw_store *store, const uint8_t *expected,
                                              char *why, size_t why_size)
{
    struct gw_directory *directory = gw_leveldb_directory(store);
    struct gw_generation file, found;

    if (!directory)
        return GW_STORE_OK;
    enum gw_store_error error = gw_generation_read(directory->fd, &file);
    if (error)
        return refuse_file(error, directory->path, why, why_size);
    if ((error = ask_store(store, &found)) != GW_STORE_OK)
        return refuse_store(error, store, directory->path, why, why_size);
    if (expected && memcmp(expected, found.store, sizeof found.store) != 0) {
        snprintf(why, why_size, "%.200s holds another store now: put back the one that was opened",
                 directory->path);
        return GW_STORE_FOREIGN;
    }
    enum gw_generation_verdict verdict = gw_generation_judge(&file, &found);
    if (verdict == GW_GENERATION_SAME || (verdict == GW_GENERATION_BEHIND &&
                                          gw_leveldb_is_inspected(store)))
        return GW_STORE_OK;
    if (verdict == GW_GENERATION_BEHIND)
        return write_file(directory, &found, why, why_size);
    return refuse_pair(verdict, &file, &found, directory->path, why, why_size);
}

enum gw_store_error gw_store_note_generation(struct gw_store *store, char *why, size_t why_size)
{
    struct gw_directory *directory = gw_leveldb_directory(store);
    struct gw_generation found;

    if (!directory)
        return GW_STORE_OK;
    enum gw_store_error error = ask_store(store, &found);
    if (error)
        return refuse_store(error, store, directory->path, why, why_size);
    return write_file(directory, &found, why, why_size);
}
