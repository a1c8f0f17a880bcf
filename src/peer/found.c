/* SPDX-License-Identifier: MPL-2.0 */

/* Questions to a store: was it written, and how did it end? */

#include "peer/found.h"

#include <string.h>

static struct gw_slice slice_of(const struct gw_buffer *buffer)
{
    return (struct gw_slice){buffer->data, buffer->size};
}

enum gw_store_error gw_found_row(struct gw_store *store, enum gw_row_kind kind, uint64_t epoch,
                                 uint64_t sequence, struct gw_buffer *value, struct gw_row *row)
{
    struct gw_buffer key = {0};

    gw_row_seek(&key, kind, epoch, sequence);
    enum gw_store_error error =
        gw_buffer_failed(&key) ? GW_STORE_NOMEM : gw_store_get(store, slice_of(&key), value);
    if (!error)
        error = gw_row_read(slice_of(&key), slice_of(value), row);
    gw_buffer_clear(&key);
    return error;
}

/* The one row of a kind and epoch, without its texts; NOT_FOUND if there is none. */
static enum gw_store_error read_row(struct gw_store *store, enum gw_row_kind kind, uint64_t epoch,
                                    struct gw_row *row)
{
    struct gw_buffer value = {0};
    enum gw_store_error error = gw_found_row(store, kind, epoch, 0, &value, row);

    gw_buffer_clear(&value);
    return error;
}

/* Visits the rows of a kind, of epochs (of outcomes: numbers) from `first` to `last`. */
static enum gw_store_error scan_rows(struct gw_store *store, enum gw_row_kind kind, uint64_t first,
                                     uint64_t last, gw_store_visit visit, void *context)
{
    struct gw_buffer from = {0}, to = {0};

    gw_row_seek(&from, kind, first, 0);
    gw_row_seek_end(&to, kind, last);
    enum gw_store_error error =
        gw_buffer_failed(&from) || gw_buffer_failed(&to)
            ? GW_STORE_NOMEM
            : gw_store_scan(store, slice_of(&from), slice_of(&to), visit, context);
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
    return error;
}

static enum gw_store_error absent_is_ok(enum gw_store_error error)
{
    return error == GW_STORE_NOT_FOUND ? GW_STORE_OK : error;
}

enum gw_store_error gw_found_batch(struct gw_store *store, uint64_t epoch, uint64_t last,
                                   bool *found)
{
    struct gw_buffer key = {0}, value = {0};

    gw_row_seek(&key, GW_ROW_BATCH, epoch, last); /* the key itself: it ends with the last */
    enum gw_store_error error =
        gw_buffer_failed(&key) ? GW_STORE_NOMEM : gw_store_get(store, slice_of(&key), &value);
    *found = error == GW_STORE_OK || error == GW_STORE_LOST; /* how it ends is told another time */
    gw_buffer_clear(&key);
    gw_buffer_clear(&value);
    return *found ? GW_STORE_OK : absent_is_ok(error);
}

struct search {
    uint64_t sequence;
    bool found;
    enum gw_store_error error;
};

static bool holds_sequence(void *context, struct gw_slice key, struct gw_slice value)
{
    struct search *search = context;
    struct gw_row row;

    search->error = gw_row_read(key, value, &row);
    if (search->error)
        return false;
    search->found = row.first <= search->sequence && search->sequence <= row.last;
    return !search->found && row.first <= search->sequence;
}

enum gw_store_error gw_found_decision(struct gw_store *store, uint64_t epoch, uint64_t sequence,
                                      bool *found)
{
    struct search search = {.sequence = sequence};
    struct gw_row window;
    enum gw_store_error error = read_row(store, GW_ROW_WINDOW, epoch, &window);

    *found = !error && (window.flag || sequence < window.floor);
    if (*found || (error && error != GW_STORE_NOT_FOUND))
        return error;
    error = scan_rows(store, GW_ROW_DECIDED, epoch, epoch, holds_sequence, &search);
    *found = search.found;
    return error ? error : search.error;
}

static bool has_value(const struct gw_write *keys, const struct gw_write_op *op, bool there,
                      const struct gw_buffer *value)
{
    return there == op->put &&
           (!there || (value->size == op->value_size &&
                       memcmp(value->data, keys->bytes.data + op->value, value->size) == 0));
}

/* True if a transaction submitted after this one gave the key the value that it has now: a value
 * that was written over says nothing against the earlier write. */
static bool written_over(const struct gw_commit *commit, struct gw_slice key, bool there,
                         const struct gw_buffer *value)
{
    for (const struct gw_commit *later = commit->next; later; later = later->next) {
        for (size_t i = 0; later->submitted && i < later->keys.count; i++) {
            const struct gw_write_op *op = &later->keys.ops[i];

            if (op->key_size == key.size &&
                memcmp(later->keys.bytes.data + op->key, key.data, key.size) == 0 &&
                has_value(&later->keys, op, there, value))
                return true;
        }
    }
    return false;
}

static enum gw_store_error found_keys(struct gw_store *store, const struct gw_commit *commit,
                                      bool *found)
{
    const struct gw_write *keys = &commit->keys;
    enum gw_store_error error = GW_STORE_OK;
    struct gw_buffer value = {0};

    *found = true;
    for (size_t i = 0; i < keys->count && *found && !error; i++) {
        const struct gw_write_op *op = &keys->ops[i];
        struct gw_slice key = {keys->bytes.data + op->key, op->key_size};

        gw_buffer_reset(&value);
        error = gw_store_get(store, key, &value);
        bool there = error == GW_STORE_OK;
        error = absent_is_ok(error);
        *found = has_value(keys, op, there, &value) || written_over(commit, key, there, &value);
    }
    gw_buffer_clear(&value);
    return error;
}

enum gw_store_error gw_found_commit(struct gw_store *store, const struct gw_commit *commit,
                                    bool *found)
{
    *found = false;
    if (!commit->submitted)
        return GW_STORE_OK;
    if (commit->mark_epoch)
        return gw_found_batch(store, commit->mark_epoch, commit->mark_last, found);
    if (commit->decision_count > 0)
        return gw_found_decision(store, commit->decisions[0].epoch, commit->decisions[0].first,
                                 found);
    return found_keys(store, commit, found);
}

struct settling {
    struct gw_tail *tail;
    enum gw_store_error error;
};

static bool settle(void *context, struct gw_slice key, struct gw_slice value)
{
    struct settling *settling = context;
    struct gw_row row;

    settling->error = gw_row_read(key, value, &row);
    if (!settling->error &&
        gw_tail_settled(settling->tail, row.epoch, row.first, row.last,
                        GW_OUTCOME_PROCESSED) != 0)
        settling->error = GW_STORE_NOMEM;
    return settling->error == GW_STORE_OK;
}

static bool settle_dead(void *context, struct gw_slice key, struct gw_slice value)
{
    struct settling *settling = context;
    struct gw_row row;

    settling->error = gw_row_read(key, value, &row);
    if (!settling->error && gw_tail_settled(settling->tail, row.epoch, row.first, row.first,
                                            GW_OUTCOME_DEAD) != 0)
        settling->error = GW_STORE_NOMEM;
    return settling->error == GW_STORE_OK;
}

enum gw_store_error gw_found_settled(struct gw_store *store, uint64_t epoch, uint64_t stored,
                                     struct gw_tail *tail)
{
    struct settling settling = {.tail = tail};
    struct gw_row stream;
    enum gw_store_error error = read_row(store, GW_ROW_STREAM, epoch, &stream);
    uint64_t floor = stored + 1; /* the row of an epoch that is all settled is deleted */

    if (error && error != GW_STORE_NOT_FOUND)
        return error;
    if (!error)
        floor = stream.floor;
    enum gw_store_error dead = scan_rows(store, GW_ROW_DEAD, epoch, epoch, settle_dead, &settling);
    if (dead || settling.error)
        return dead ? dead : settling.error;
    if (floor > 1 && gw_tail_settled(tail, epoch, 1, floor - 1, GW_OUTCOME_PROCESSED) != 0)
        return GW_STORE_NOMEM;
    if (error)
        return GW_STORE_OK;
    error = scan_rows(store, GW_ROW_SETTLED, epoch, epoch, settle, &settling);
    return error ? error : settling.error;
}

struct ending {
    uint64_t epoch, sequence;
    bool found;
    uint8_t how;
    enum gw_store_error error;
};

static bool ends_here(void *context, struct gw_slice key, struct gw_slice value)
{
    struct ending *ending = context;
    struct gw_row row;

    ending->error = gw_row_read(key, value, &row);
    if (ending->error)
        return false;
    ending->found = row.number > 0 && row.epoch == ending->epoch &&
                    row.first <= ending->sequence && ending->sequence <= row.last;
    ending->how = row.how;
    return !ending->found;
}

enum gw_store_error gw_found_outcome(struct gw_store *store, uint64_t epoch, uint64_t sequence,
                                     bool *found, uint8_t *how)
{
    struct ending ending = {.epoch = epoch, .sequence = sequence};
    enum gw_store_error error =
        scan_rows(store, GW_ROW_OUTCOME, 0, UINT64_MAX, ends_here, &ending);

    *found = ending.found;
    *how = ending.how;
    return error ? error : ending.error;
}
