/* SPDX-License-Identifier: MPL-2.0 */

/* Writing to LevelDB: large bodies of batches go into files of their own (bodies.h) and are durable
 * before the references to them. */

#include "store/leveldb_inside.h"

#include "store/apart.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_SIZE ((size_t)8 << 20)   /* of the write batch: a larger one is given back */
#define VALUE_SIZE_MAX ((size_t)1 << 30) /* LevelDB's lengths are 32 bits */

/* A body of this size goes into a file of its own, if ... */
#define APART_SIZE ((size_t)16 << 10)
/* ... a synced write has so many bytes of them that it pays for the second sync. */
#define APART_SYNCED_SIZE ((size_t)64 << 10)

/* More than twice the live bytes and this: then bodies move out of the emptiest file, with each
 * write as many bytes as it appends itself, or these, whichever is more. */
#define WASTE_SIZE ((uint64_t)256 << 20)
#define MOVE_SIZE ((uint64_t)1 << 20)

struct writing {
    struct leveldb *leveldb;
    const struct gw_write *write;
    bool sync;
    bool apart;        /* large bodies go apart */
    bool gone_synced;  /* a reference goes that was durable: that must be durable, too */
    size_t size;       /* of the write batch */
    uint64_t appended; /* to bodies */
};

static struct gw_slice key_of(const struct gw_write *write, const struct gw_write_op *op)
{
    return (struct gw_slice){write->bytes.data + op->key, op->key_size};
}

static const char *chars(const uint8_t *data)
{
    return data ? (const char *)data : "";
}

static enum gw_store_error out_of_memory(struct leveldb *leveldb)
{
    gw_why_say(&leveldb->why, "out of memory: the write was not made");
    return GW_STORE_NOMEM;
}

static enum gw_store_error refuse(struct leveldb *leveldb, const char *doing)
{
    char why[GW_WHY_SIZE];

    gw_directory_explain(leveldb->directory->path, doing, errno, why, sizeof why);
    gw_why_say(&leveldb->why, "%s", why);
    return GW_STORE_IO;
}

/* --- into the write batch --- */

static void batch_put(struct writing *writing, struct gw_slice key, struct gw_slice value)
{
    leveldb_writebatch_put(writing->leveldb->batch, chars(key.data), key.size, chars(value.data),
                           value.size);
    writing->size += key.size + value.size;
}

static void batch_delete(struct writing *writing, struct gw_slice key)
{
    leveldb_writebatch_delete(writing->leveldb->batch, chars(key.data), key.size);
    writing->size += key.size;
}

static struct gw_slice slice_of(const struct gw_buffer *buffer)
{
    return (struct gw_slice){buffer->data, buffer->size};
}

/* Puts what `value` holds, under `key`. */
static enum gw_store_error put_joined(struct writing *writing, struct gw_slice key)
{
    struct leveldb *leveldb = writing->leveldb;

    if (gw_buffer_failed(&leveldb->value))
        return out_of_memory(leveldb);
    batch_put(writing, key, slice_of(&leveldb->value));
    return GW_STORE_OK;
}

/* A value in one piece: a write batch takes no other. */
static enum gw_store_error put_plain(struct writing *writing, const struct gw_write_op *op)
{
    struct leveldb *leveldb = writing->leveldb;
    struct gw_slice key = key_of(writing->write, op);
    const uint8_t *value = writing->write->bytes.data + op->value;

    gw_buffer_reset(&leveldb->value);
    if (gw_apart_may_be(key)) {
        gw_apart_put_inline(&leveldb->value);
    } else if (!op->outside) {
        batch_put(writing, key, (struct gw_slice){value, op->value_size});
        return GW_STORE_OK;
    }
    gw_buffer_append(&leveldb->value, value, op->value_size);
    gw_buffer_append(&leveldb->value, op->outside, op->outside_size);
    return put_joined(writing, key);
}

/* --- references --- */

static enum gw_store_error put_reference(struct writing *writing, struct gw_slice key,
                                         struct gw_slice prefix, const struct gw_body *body)
{
    struct leveldb *leveldb = writing->leveldb;

    gw_buffer_reset(&leveldb->value);
    gw_apart_put_reference(&leveldb->value, key, body);
    gw_buffer_append(&leveldb->value, prefix.data, prefix.size);
    enum gw_store_error error = put_joined(writing, key);
    if (error != GW_STORE_OK)
        return error;
    gw_buffer_reset(&leveldb->row);
    gw_apart_seek(&leveldb->row, body->file, body->offset);
    gw_buffer_reset(&leveldb->value);
    gw_apart_put_row(&leveldb->value, key, body);
    if (gw_buffer_failed(&leveldb->row))
        return out_of_memory(leveldb);
    return put_joined(writing, slice_of(&leveldb->row));
}

/* The row that says who is there. */
static enum gw_store_error delete_row(struct writing *writing, const struct gw_body *body)
{
    struct leveldb *leveldb = writing->leveldb;

    gw_buffer_reset(&leveldb->row);
    gw_apart_seek(&leveldb->row, body->file, body->offset);
    if (gw_buffer_failed(&leveldb->row))
        return out_of_memory(leveldb);
    batch_delete(writing, slice_of(&leveldb->row));
    return GW_STORE_OK;
}

/* What LevelDB holds for the key, as it is stored: `stored` is to be freed, and NULL if there is
 * nothing; `had`: it is a reference. */
static enum gw_store_error look_up(struct leveldb *leveldb, struct gw_slice key, char **stored,
                                   bool *had, struct gw_body *body, struct gw_slice *prefix)
{
    enum gw_apart_form form;
    size_t size = 0;
    char *text = NULL;

    *had = false;
    *stored = leveldb_get(leveldb->db, leveldb->read, chars(key.data), key.size, &size, &text);
    enum gw_store_error error = gw_leveldb_fail(leveldb, text);
    if (error != GW_STORE_OK || !*stored)
        return error;
    struct gw_slice value = {(const uint8_t *)*stored, size};
    if (!gw_apart_read(key, value, &form, body, prefix))
        return gw_leveldb_fail_body(leveldb, GW_STORE_CORRUPT);
    *had = form == GW_APART_REFERENCE;
    return GW_STORE_OK;
}

/* The store forgets the reference, if the key has one. `change`: NULL if it has none, had none, and
 * gets none (`put`). */
static enum gw_store_error forget(struct writing *writing, struct gw_slice key, bool put,
                                  struct gw_change **change)
{
    struct leveldb *leveldb = writing->leveldb;
    struct gw_body was;
    struct gw_slice prefix;
    char *stored = NULL;
    bool had = false;

    *change = gw_changes_find(&leveldb->changes, key);
    if (*change) { /* an earlier word of this write */
        bool has = (*change)->has;
        (*change)->has = false;
        return has ? delete_row(writing, &(*change)->now) : GW_STORE_OK;
    }
    if (gw_bodies_references(leveldb->bodies) > 0) {
        enum gw_store_error error = look_up(leveldb, key, &stored, &had, &was, &prefix);
        leveldb_free(stored);
        if (error != GW_STORE_OK)
            return error;
    }
    if (!had && !put)
        return GW_STORE_OK;
    *change = gw_changes_add(&leveldb->changes, key);
    if (!*change)
        return out_of_memory(leveldb);
    if (!had)
        return GW_STORE_OK;
    (*change)->had = true;
    (*change)->was = was;
    writing->gone_synced |= was.synced;
    return delete_row(writing, &was);
}

static enum gw_store_error put_apart(struct writing *writing, const struct gw_write_op *op,
                                     struct gw_change *change)
{
    struct leveldb *leveldb = writing->leveldb;
    struct gw_slice prefix = {writing->write->bytes.data + op->value, op->value_size};

    change->now = (struct gw_body){
        .size = op->outside_size, .crc = op->outside_crc, .synced = writing->sync};
    if (gw_bodies_append(leveldb->bodies, op->outside, &change->now) != 0)
        return refuse(leveldb, "writing a body");
    change->has = true;
    writing->appended += op->outside_size;
    return put_reference(writing, change->key, prefix, &change->now);
}

/* --- one operation after the other --- */

static bool is_large(const struct gw_write_op *op)
{
    return op->put && op->outside_size >= APART_SIZE;
}

static bool pays_apart(const struct gw_write *write, bool sync)
{
    size_t size = 0;

    for (size_t i = 0; i < write->count && size < APART_SYNCED_SIZE; i++)
        if (is_large(&write->ops[i]))
            size += sync ? write->ops[i].outside_size : APART_SYNCED_SIZE;
    return size >= APART_SYNCED_SIZE;
}

static enum gw_store_error fill_one(struct writing *writing, const struct gw_write_op *op)
{
    struct gw_slice key = key_of(writing->write, op);

    if (op->value_size > VALUE_SIZE_MAX || op->outside_size > VALUE_SIZE_MAX)
        return out_of_memory(writing->leveldb);
    if (gw_apart_may_be(key)) {
        bool apart = writing->apart && is_large(op);
        struct gw_change *change;
        enum gw_store_error error = forget(writing, key, apart, &change);
        if (error != GW_STORE_OK)
            return error;
        if (apart)
            return put_apart(writing, op, change);
    }
    if (op->put)
        return put_plain(writing, op);
    batch_delete(writing, key);
    return GW_STORE_OK;
}

static enum gw_store_error fill(struct writing *writing)
{
    const struct gw_write *write = writing->write;

    leveldb_writebatch_clear(writing->leveldb->batch);
    gw_changes_reset(&writing->leveldb->changes);
    writing->apart = pays_apart(write, writing->sync);
    for (size_t i = 0; i < write->count; i++) {
        enum gw_store_error error = fill_one(writing, &write->ops[i]);
        if (error != GW_STORE_OK)
            return error;
    }
    return GW_STORE_OK;
}

/* --- moving what keeps files on the disk --- */

struct moving {
    struct writing *writing;
    struct gw_buffer body;
    uint64_t left; /* bytes that may still be moved */
    enum gw_store_error error;
};

/* A body that cannot be read or written again stays where it is, and the others with it: moving
 * only saves space, so that a write does not fail of it. Whoever wants a damaged one is told. */
static enum gw_store_error move_body(struct moving *moving, struct gw_slice key,
                                     struct gw_slice prefix, const struct gw_body *was)
{
    struct leveldb *leveldb = moving->writing->leveldb;
    struct gw_body now = {.size = was->size, .crc = was->crc,
                          .synced = was->synced || moving->writing->sync};

    gw_buffer_reset(&moving->body);
    leveldb->stuck = gw_buffer_reserve(&moving->body, was->size) != 0 ||
                     gw_bodies_read(leveldb->bodies, was, moving->body.data) != GW_STORE_OK ||
                     gw_bodies_append(leveldb->bodies, moving->body.data, &now) != 0;
    if (leveldb->stuck)
        return GW_STORE_OK;
    struct gw_change *change = gw_changes_add(&leveldb->changes, (struct gw_slice){0});
    if (!change)
        return out_of_memory(leveldb);
    change->had = change->has = true;
    change->was = *was;
    change->now = now;
    moving->writing->gone_synced |= was->synced;
    enum gw_store_error error = delete_row(moving->writing, was);
    return error ? error : put_reference(moving->writing, key, prefix, &now);
}

static bool is_same(const struct gw_body *a, const struct gw_body *b)
{
    return a->file == b->file && a->offset == b->offset && a->size == b->size;
}

static bool move_one(void *context, struct gw_slice row, struct gw_slice stored)
{
    struct moving *moving = context;
    struct leveldb *leveldb = moving->writing->leveldb;
    struct gw_body listed, body;
    struct gw_slice key, prefix;
    char *found = NULL;
    bool had;

    if (!gw_apart_read_row(row, stored, &listed, &key)) {
        moving->error = gw_leveldb_fail_body(leveldb, GW_STORE_CORRUPT);
        return false;
    }
    if (gw_changes_find(&leveldb->changes, key))
        return true; /* this write has the word */
    moving->error = look_up(leveldb, key, &found, &had, &body, &prefix);
    if (!moving->error && had && is_same(&body, &listed))
        moving->error = move_body(moving, key, prefix, &body);
    leveldb_free(found);
    moving->left -= listed.size < moving->left ? listed.size : moving->left;
    return !moving->error && !leveldb->stuck && moving->left > 0;
}

static bool is_wasteful(const struct gw_bodies *bodies)
{
    return gw_bodies_bytes(bodies) > 2 * gw_bodies_live(bodies) + WASTE_SIZE;
}

static enum gw_store_error move_some(struct writing *writing)
{
    struct leveldb *leveldb = writing->leveldb;
    struct moving moving = {.writing = writing, .left = writing->appended};
    struct gw_buffer from = {0}, to = {0};
    uint64_t file = gw_bodies_emptiest(leveldb->bodies);

    if (leveldb->stuck || file == 0 || !is_wasteful(leveldb->bodies))
        return GW_STORE_OK;
    if (moving.left < MOVE_SIZE)
        moving.left = MOVE_SIZE;
    gw_apart_seek(&from, file, 0);
    gw_apart_seek(&to, file + 1, 0);
    enum gw_store_error error;
    if (gw_buffer_failed(&from) || gw_buffer_failed(&to))
        error = out_of_memory(leveldb);
    else
        error = gw_leveldb_walk(leveldb, slice_of(&from), slice_of(&to), move_one, &moving);
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
    gw_buffer_clear(&moving.body);
    return error ? error : moving.error;
}

/* --- the write --- */

static void give_back(struct leveldb *leveldb, size_t size)
{
    if (size <= KEEP_SIZE)
        return;
    leveldb_writebatch_destroy(leveldb->batch);
    leveldb->batch = leveldb_writebatch_create();
    gw_buffer_clear(&leveldb->value);
}

static void apply_changes(struct leveldb *leveldb)
{
    for (size_t i = 0; i < leveldb->changes.count; i++) {
        const struct gw_change *change = &leveldb->changes.items[i];
        if (change->had)
            gw_bodies_drop(leveldb->bodies, &change->was);
        if (change->has)
            gw_bodies_keep(leveldb->bodies, &change->now);
    }
    gw_bodies_tidy(leveldb->bodies);
}

/* What is synced in a log whose name is not, is not durable. */
static enum gw_store_error follow_log(struct leveldb *leveldb, off_t before)
{
    return gw_directory_follow_log(leveldb->directory, before) == 0
               ? GW_STORE_OK
               : refuse(leveldb, "syncing the name of a log");
}

/* Bodies first: a reference must never be durable before what it leads to. */
static enum gw_store_error commit(struct writing *writing)
{
    struct leveldb *leveldb = writing->leveldb;
    bool sync = writing->sync || writing->gone_synced;
    char *text = NULL;

    if (gw_bodies_sync(leveldb->bodies) != 0)
        return refuse(leveldb, "syncing bodies");
    off_t before = sync ? gw_directory_log_size(leveldb->directory) : 0;
    leveldb_write(leveldb->db, sync ? leveldb->synced : leveldb->plain, leveldb->batch, &text);
    enum gw_store_error error = gw_leveldb_fail(leveldb, text);
    return sync && error == GW_STORE_OK ? follow_log(leveldb, before) : error;
}

static enum gw_store_error try_write(struct leveldb *leveldb, const struct gw_write *write,
                                     bool sync)
{
    struct writing writing = {.leveldb = leveldb, .write = write, .sync = sync};

    if (gw_write_failed(write))
        return out_of_memory(leveldb);
    /* LevelDB would go on in a deleted file and call it durable, and so would we. */
    if (!gw_directory_present(leveldb->directory) || !gw_bodies_present(leveldb->bodies)) {
        gw_why_say(&leveldb->why, "%s was moved, removed or made unreachable while open: put it "
                   "back, then open it again", leveldb->directory->path);
        return GW_STORE_IO;
    }
    enum gw_store_error error = fill(&writing);
    if (error == GW_STORE_OK)
        error = move_some(&writing);
    if (error == GW_STORE_OK)
        error = commit(&writing);
    if (error == GW_STORE_OK)
        apply_changes(leveldb);
    give_back(leveldb, writing.size);
    return error;
}

enum gw_store_error gw_leveldb_write(struct gw_store *store, const struct gw_write *write,
                                     bool sync)
{
    struct leveldb *leveldb = gw_leveldb_of(store);

    if (leveldb->shadow && !leveldb->poisoned)
        gw_why_say(&leveldb->why, "the store was opened to be looked at: nothing can be written");
    if (leveldb->poisoned || leveldb->shadow)
        return GW_STORE_POISONED;
    enum gw_store_error error = try_write(leveldb, write, sync);
    leveldb->poisoned = error != GW_STORE_OK;
    return error;
}
