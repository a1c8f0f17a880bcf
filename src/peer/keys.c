/* SPDX-License-Identifier: MPL-2.0 */

/* Committed keys: get, and a cursor that reads a stretch at a time. The read lock keeps a reopen
 * and a close waiting for the length of one read; the engine is not asked. */

#include "peer/keys.h"

#include "store/row.h"

#include <stdlib.h>
#include <string.h>

#define STRETCH_PAIRS 256
#define STRETCH_BYTES (256 * 1024)

static godwit_err_t read_failed(struct gw_store *store, enum gw_store_error error)
{
    if (error == GW_STORE_CORRUPT)
        return gw_error(GODWIT_ECORRUPT, "a key's value is damaged: %s", gw_store_why(store));
    return gw_error(gw_error_of_store(error), "the key cannot be read: %s", gw_store_why(store));
}

/* The store's own key of an application's key. */
static godwit_err_t row_key(const char *space, struct gw_slice key, struct gw_buffer *row)
{
    gw_row_seek_key(row, space, key);
    return gw_buffer_failed(row) ? gw_error_memory() : GODWIT_OK;
}

static godwit_err_t read_row(struct gw_store *store, struct gw_slice row, struct gw_buffer *value)
{
    struct gw_buffer stored = {0};
    struct gw_slice user;
    godwit_err_t result = GODWIT_OK;

    enum gw_store_error error = gw_store_get(store, row, &stored);
    if (!error)
        error = gw_row_read_key(row, (struct gw_slice){stored.data, stored.size}, &user);
    if (error == GW_STORE_NOT_FOUND) {
        result = gw_error(GODWIT_ENOTFOUND, "no such key");
    } else if (error) {
        result = read_failed(store, error);
    } else {
        gw_buffer_append(value, user.data, user.size);
        if (gw_buffer_failed(value))
            result = gw_error_memory();
    }
    gw_buffer_clear(&stored);
    return result;
}

godwit_err_t gw_key_read(struct godwit_peer *peer, const char *space, struct gw_slice key,
                         struct gw_buffer *value)
{
    struct gw_buffer row = {0};
    godwit_err_t error = row_key(space, key, &row);

    if (!error) {
        pthread_rwlock_rdlock(&peer->store_lock);
        error = peer->store
                    ? read_row(peer->store, (struct gw_slice){row.data, row.size}, value)
                    : gw_error_reopening();
        pthread_rwlock_unlock(&peer->store_lock);
    }
    gw_buffer_clear(&row);
    return error;
}

godwit_err_t gw_key_copy(struct gw_slice bytes, void **value, size_t *value_size)
{
    void *copy = malloc(bytes.size ? bytes.size : 1);

    if (!copy)
        return gw_error_memory();
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    *value = copy;
    *value_size = bytes.size;
    return GODWIT_OK;
}

godwit_err_t godwit_get(godwit_peer_t *peer, const char *space, const void *key, size_t key_size,
                        void **value, size_t *value_size)
{
    struct gw_buffer buffer = {0};
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!value || !value_size)
        error = gw_error(GODWIT_EINVAL, "%s is NULL", value ? "value_size" : "value");
    if (error || (error = gw_check_space(space)) || (error = gw_check_key(key, key_size)))
        goto out;
    error = gw_key_read(peer, space, (struct gw_slice){key, key_size}, &buffer);
    if (!error)
        error = gw_key_copy((struct gw_slice){buffer.data, buffer.size}, value, value_size);
out:
    gw_buffer_clear(&buffer);
    gw_peer_leave(peer);
    return error;
}

void godwit_free(void *memory)
{
    free(memory);
}

/* --- cursors --- */

struct pair { /* offsets into the cursor's bytes */
    size_t key;
    size_t key_size;
    size_t value;
    size_t value_size;
};

struct godwit_cursor {
    struct godwit_peer *peer; /* one reference */
    struct gw_buffer from;    /* where the next stretch begins */
    struct gw_buffer after;   /* where the one after it begins; empty if there is none */
    struct gw_buffer to;      /* the first row key beyond */
    size_t name_size;         /* bytes of a row key before the application's */
    struct gw_buffer bytes;   /* the stretch */
    struct pair pairs[STRETCH_PAIRS];
    size_t count;
    size_t given;
    bool ended;
    enum gw_store_error damage; /* met behind the pairs */
};

/* The first key after all that begin with these bytes; empty if there is none. */
static void after_prefix(struct gw_buffer *key)
{
    while (key->size > 0 && key->data[key->size - 1] == 0xff)
        key->size--;
    if (key->size > 0)
        key->data[key->size - 1]++;
}

static bool collect(void *context, struct gw_slice key, struct gw_slice value)
{
    struct godwit_cursor *cursor = context;
    struct pair *pair = &cursor->pairs[cursor->count];
    struct gw_slice user;

    if (cursor->count == STRETCH_PAIRS || cursor->bytes.size >= STRETCH_BYTES) {
        gw_buffer_append(&cursor->after, key.data, key.size);
        return false;
    }
    cursor->damage = gw_row_read_key(key, value, &user);
    if (cursor->damage)
        return false;
    *pair = (struct pair){.key = cursor->bytes.size, .key_size = key.size - cursor->name_size};
    gw_buffer_append(&cursor->bytes, key.data + cursor->name_size, pair->key_size);
    pair->value = cursor->bytes.size;
    pair->value_size = user.size;
    gw_buffer_append(&cursor->bytes, user.data, user.size);
    cursor->count++;
    return true;
}

/* After an error the same stretch may be tried again. */
static godwit_err_t fill(struct godwit_cursor *cursor)
{
    struct godwit_peer *peer = cursor->peer;
    struct gw_buffer *after = &cursor->after;
    enum gw_store_error error = GW_STORE_OK;
    godwit_err_t result = GODWIT_OK;

    gw_buffer_reset(&cursor->bytes);
    gw_buffer_reset(after);
    cursor->count = cursor->given = 0;
    pthread_rwlock_rdlock(&peer->store_lock);
    if (peer->store)
        error = gw_store_scan(peer->store, (struct gw_slice){cursor->from.data, cursor->from.size},
                              (struct gw_slice){cursor->to.data, cursor->to.size}, collect,
                              cursor);
    else
        result = gw_error_reopening();
    if (error)
        result = read_failed(peer->store, error);
    pthread_rwlock_unlock(&peer->store_lock);
    if (!result && (gw_buffer_failed(&cursor->bytes) || gw_buffer_failed(after)))
        result = gw_error_memory();
    if (result) {
        cursor->count = 0;
        cursor->damage = GW_STORE_OK;
        return result;
    }
    struct gw_buffer used = cursor->from;
    cursor->from = *after;
    *after = used;
    cursor->ended = cursor->from.size == 0;
    return GODWIT_OK;
}

static godwit_err_t new_cursor(struct godwit_peer *peer, const char *space, struct gw_slice prefix,
                               godwit_cursor_t **result)
{
    struct godwit_cursor *cursor = calloc(1, sizeof *cursor);

    if (!cursor)
        return gw_error_memory();
    gw_row_seek_key(&cursor->from, space, prefix);
    gw_row_seek_key(&cursor->to, space, prefix);
    if (gw_buffer_failed(&cursor->from) || gw_buffer_failed(&cursor->to)) {
        gw_buffer_clear(&cursor->from);
        gw_buffer_clear(&cursor->to);
        free(cursor);
        return gw_error_memory();
    }
    cursor->name_size = cursor->from.size - prefix.size;
    after_prefix(&cursor->to);
    gw_peer_hold(peer);
    cursor->peer = peer;
    *result = cursor;
    return GODWIT_OK;
}

godwit_err_t godwit_scan(godwit_peer_t *peer, const char *space, const void *prefix,
                         size_t prefix_size, godwit_cursor_t **cursor)
{
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!cursor)
        error = gw_error(GODWIT_EINVAL, "cursor is NULL: there is nowhere to put the result");
    else if (!prefix && prefix_size > 0)
        error = gw_error(GODWIT_EINVAL, "prefix is NULL");
    else if (prefix_size > 0)
        error = gw_check_key(prefix, prefix_size);
    if (!error)
        error = gw_check_space(space);
    if (!error)
        error = new_cursor(peer, space, (struct gw_slice){prefix, prefix_size}, cursor);
    gw_peer_leave(peer);
    return error;
}

static godwit_err_t advance(struct godwit_cursor *cursor)
{
    if (cursor->given < cursor->count)
        return GODWIT_OK;
    if (cursor->damage)
        return gw_error(gw_error_of_store(cursor->damage), "a key's value is damaged");
    if (!cursor->ended) {
        godwit_err_t error = fill(cursor);
        if (error)
            return error;
        return advance(cursor);
    }
    return gw_error(GODWIT_ENOTFOUND, "no more keys");
}

godwit_err_t godwit_cursor_next(godwit_cursor_t *cursor, const void **key, size_t *key_size,
                                const void **value, size_t *value_size)
{
    if (!cursor || !key || !key_size || !value || !value_size)
        return gw_error(GODWIT_EINVAL, "an argument of godwit_cursor_next is NULL");
    godwit_err_t error = gw_peer_enter(cursor->peer);
    if (error)
        return error;
    error = advance(cursor);
    if (!error) {
        const struct pair *pair = &cursor->pairs[cursor->given++];

        *key = cursor->bytes.data + pair->key;
        *key_size = pair->key_size;
        *value = cursor->bytes.data + pair->value;
        *value_size = pair->value_size;
    }
    gw_peer_leave(cursor->peer);
    return error;
}

void godwit_cursor_close(godwit_cursor_t **pointer)
{
    if (!pointer || !*pointer)
        return;
    struct godwit_cursor *cursor = *pointer;
    *pointer = NULL;
    if (gw_forked(&cursor->peer->fork_mark))
        return;
    gw_buffer_clear(&cursor->from);
    gw_buffer_clear(&cursor->after);
    gw_buffer_clear(&cursor->to);
    gw_buffer_clear(&cursor->bytes);
    gw_peer_drop(cursor->peer);
    free(cursor);
}
