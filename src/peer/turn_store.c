/* SPDX-License-Identifier: MPL-2.0 */
/* What the turn reads from a store: the claim at open, recovery, and batches of the backlog. Pure
 * over the store port. Nothing here walks a whole backlog: of each epoch only the first and the
 * last batch are looked up. */

#include "base/text.h"
#include "peer/turn.h"
#include "peer/turn_outbox.h"
#include "store/row.h"
#include <stdlib.h>
#include <string.h>

static struct gw_slice slice_of(const struct gw_buffer *buffer)
{
    return (struct gw_slice){buffer->data, buffer->size};
}

/* ---- the claim ---- */

static bool first_row(void *context, struct gw_slice key, struct gw_slice value)
{
    (void)value;
    *(uint8_t *)context = key.size ? key.data[0] : 0;
    return false;
}

static enum gw_store_error read_meta(struct gw_store *store, struct gw_row *meta)
{
    struct gw_buffer key = {0}, value = {0};
    gw_row_seek(&key, GW_ROW_META, 0, 0);
    enum gw_store_error error = GW_STORE_NOMEM;
    if (!gw_buffer_failed(&key))
        error = gw_store_get(store, slice_of(&key), &value);
    if (error == GW_STORE_OK)
        error = gw_row_read(slice_of(&key), slice_of(&value), meta);
    gw_buffer_clear(&key);
    gw_buffer_clear(&value);
    return error;
}

/* A store with rows but without a meta row is none of ours, or has lost its head. */
static enum gw_store_error check_empty(struct gw_store *store, char *why, size_t why_size)
{
    uint8_t kind = 0;
    enum gw_store_error error =
        gw_store_scan(store, (struct gw_slice){0}, (struct gw_slice){0}, first_row, &kind);
    if (error == GW_STORE_OK && kind) {
        gw_text_join(why, why_size, "the store has rows but no record of its owner: it is ",
                     "damaged", NULL);
        error = GW_STORE_CORRUPT;
    }
    return error;
}

/* Synced whatever the peer's durability: the file beside it must never be newer (decision 0009). */
static enum gw_store_error write_meta(struct gw_store *store, const struct gw_row *meta)
{
    struct gw_write write = {0};
    gw_row_put(&write, meta);
    enum gw_store_error error =
        gw_write_failed(&write) ? GW_STORE_NOMEM : gw_store_write(store, &write, true);
    gw_write_clear(&write);
    return error;
}

static void explain(enum gw_store_error error, struct gw_store *store, char *why, size_t why_size)
{
    if (error == GW_STORE_VERSION)
        gw_text_join(why, why_size, "the store has the format of another version of godwit: use ",
                     "the version that wrote it, or another directory", NULL);
    else if (error == GW_STORE_NOMEM)
        gw_text_join(why, why_size, "out of memory while opening the store", NULL);
    else if (!why[0])
        gw_text_join(why, why_size, gw_store_why(store), NULL);
}

enum gw_store_error gw_turn_claim(struct gw_store *store, struct gw_turn_options *options,
                                  const uint8_t uuid[16], char *why, size_t why_size)
{
    struct gw_row meta = {0};
    why[0] = 0;
    enum gw_store_error error = read_meta(store, &meta);
    if (error == GW_STORE_NOT_FOUND) {
        error = check_empty(store, why, why_size);
        meta = (struct gw_row){.kind = GW_ROW_META, .format = GW_STORE_FORMAT};
        memcpy(meta.peer, options->core.name, sizeof meta.peer);
        memcpy(meta.store, uuid, sizeof meta.store);
    } else if (error == GW_STORE_OK && strcmp(meta.peer, options->core.name) != 0) {
        gw_text_join(why, why_size, "the store belongs to the peer \"", meta.peer,
                     "\": open it under that name, or give \"", options->core.name,
                     "\" a directory of its own", NULL);
        error = GW_STORE_FOREIGN;
    }
    meta.number++;
    meta.process = options->core.process;
    if (error == GW_STORE_OK)
        error = write_meta(store, &meta);
    if (error != GW_STORE_OK) {
        explain(error, store, why, why_size);
        return error;
    }
    memcpy(options->core.store, meta.store, sizeof meta.store);
    options->core.open = meta.number;
    return GW_STORE_OK;
}

/* ---- recovery ---- */

struct recovery {
    struct gw_turn *turn;
    uint64_t now_us;
    enum gw_store_error error;
    struct found { /* the streams, each with its floor */
        uint64_t epoch;
        uint64_t floor;
        struct gw_destination destination;
    } *epochs;
    size_t epoch_count;
    size_t epoch_capacity;
};

static bool remember_epoch(struct recovery *recovery, const struct gw_row *row)
{
    if (recovery->epoch_count == recovery->epoch_capacity) {
        size_t capacity = recovery->epoch_capacity ? recovery->epoch_capacity * 2 : 16;
        struct found *epochs = realloc(recovery->epochs, capacity * sizeof *epochs);
        if (!epochs)
            return false;
        recovery->epochs = epochs;
        recovery->epoch_capacity = capacity;
    }
    recovery->epochs[recovery->epoch_count++] =
        (struct found){row->epoch, row->floor, row->destination};
    return true;
}

static bool feed(void *context, struct gw_slice key, struct gw_slice value)
{
    struct recovery *recovery = context;
    struct gw_row row;
    recovery->error = gw_row_read(key, value, &row);
    if (recovery->error != GW_STORE_OK)
        return false;
    if ((row.kind == GW_ROW_STREAM && !remember_epoch(recovery, &row)) ||
        gw_turn_recover_row(recovery->turn, recovery->now_us, &row))
        recovery->error = GW_STORE_NOMEM;
    return recovery->error == GW_STORE_OK;
}

static enum gw_store_error feed_kind(struct recovery *recovery, struct gw_store *store,
                                     enum gw_row_kind kind)
{
    struct gw_buffer from = {0}, to = {0};
    gw_row_seek(&from, kind, 0, 0);
    gw_row_seek_end(&to, kind, UINT64_MAX);
    enum gw_store_error error = GW_STORE_NOMEM;
    if (!gw_buffer_failed(&from) && !gw_buffer_failed(&to))
        error = gw_store_scan(store, slice_of(&from), slice_of(&to), feed, recovery);
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
    return error == GW_STORE_OK ? recovery->error : error;
}

struct one_batch {
    struct gw_batch *batch;
    enum gw_store_error error;
};

static bool take_one(void *context, struct gw_slice key, struct gw_slice value)
{
    struct one_batch *one = context;
    one->error = gw_row_read_batch(key, value, false, &one->batch);
    return false;
}

/* The batch that holds `sequence`, or the first one above it; NULL if there is none. */
static enum gw_store_error batch_from(struct gw_store *store, uint64_t epoch, uint64_t sequence,
                                      struct gw_batch **batch)
{
    struct gw_buffer from = {0}, to = {0};
    struct one_batch one = {NULL, GW_STORE_OK};
    gw_row_seek(&from, GW_ROW_BATCH, epoch, sequence);
    gw_row_seek_end(&to, GW_ROW_BATCH, epoch);
    enum gw_store_error error = GW_STORE_NOMEM;
    if (!gw_buffer_failed(&from) && !gw_buffer_failed(&to))
        error = gw_store_scan_facts(store, slice_of(&from), slice_of(&to), take_one, &one);
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
    *batch = one.batch;
    return error == GW_STORE_OK ? one.error : error;
}

/* The last batch of an epoch, by galloping from `last` (the first one, which is replaced): the port
 * walks forwards only, and a backlog may hold millions. */
static enum gw_store_error last_batch(struct gw_store *store, uint64_t epoch,
                                      struct gw_batch **last)
{
    uint64_t step = 1;
    while (step) {
        struct gw_batch *next;
        enum gw_store_error error = batch_from(store, epoch, gw_batch_last(*last) + step, &next);
        if (error != GW_STORE_OK)
            return error;
        if (next) {
            gw_batch_drop(*last);
            *last = next;
            step *= 2;
        } else {
            step /= 2;
        }
    }
    return GW_STORE_OK;
}

static enum gw_store_error feed_batch(struct recovery *recovery, const struct gw_batch *batch)
{
    struct gw_row row = {.kind = GW_ROW_BATCH, .epoch = batch->epoch, .first = batch->first};
    row.last = gw_batch_last(batch);
    row.number = batch->bytes_before + batch->bytes;
    return gw_turn_recover_row(recovery->turn, recovery->now_us, &row) ? GW_STORE_NOMEM
                                                                       : GW_STORE_OK;
}

struct settled_scan {
    struct gw_ranges ranges;
    enum gw_store_error error;
};

static bool take_settled(void *context, struct gw_slice key, struct gw_slice value)
{
    struct settled_scan *scan = context;
    struct gw_row row;
    scan->error = gw_row_read(key, value, &row);
    if (scan->error == GW_STORE_OK && gw_ranges_add(&scan->ranges, row.first, row.last))
        scan->error = GW_STORE_NOMEM;
    return scan->error == GW_STORE_OK;
}

static enum gw_store_error settled_of(struct gw_store *store, uint64_t epoch,
                                      struct settled_scan *scan)
{
    struct gw_buffer from = {0}, to = {0};
    gw_row_seek(&from, GW_ROW_SETTLED, epoch, 0);
    gw_row_seek_end(&to, GW_ROW_SETTLED, epoch);
    enum gw_store_error error = GW_STORE_NOMEM;
    if (!gw_buffer_failed(&from) && !gw_buffer_failed(&to))
        error = gw_store_scan(store, slice_of(&from), slice_of(&to), take_settled, scan);
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
    return error == GW_STORE_OK ? scan->error : error;
}

/* Takes the gap between the batch that holds `before` and the next one off the count. *counted
 * becomes the last sequence of that batch, *right_last that of the next one (0: there is none). */
static enum gw_store_error subtract_gap(struct gw_store *store, uint64_t epoch, uint64_t before,
                                        struct gw_recovered *recovered, uint64_t *counted,
                                        uint64_t *right_last)
{
    struct gw_batch *left, *right = NULL;
    enum gw_store_error error = batch_from(store, epoch, before, &left);
    if (error == GW_STORE_OK && left)
        error = batch_from(store, epoch, gw_batch_last(left) + 1, &right);
    if (left)
        *counted = gw_batch_last(left);
    *right_last = right ? gw_batch_last(right) : 0;
    if (error == GW_STORE_OK && right) {
        recovered->messages -= right->first - gw_batch_last(left) - 1;
        recovered->bytes -= right->bytes_before - left->bytes_before - left->bytes;
    }
    gw_batch_drop(left);
    gw_batch_drop(right);
    return error;
}

/* Below the floor stand only batches whose deletion is still owed: few, so they are walked. */
static enum gw_store_error subtract_below(struct gw_store *store, uint64_t epoch, uint64_t first,
                                          uint64_t floor, struct gw_recovered *recovered,
                                          uint64_t *counted)
{
    uint64_t at = first;
    while (at && at < floor) {
        uint64_t next;
        enum gw_store_error error = subtract_gap(store, epoch, at, recovered, counted, &next);
        if (error != GW_STORE_OK)
            return error;
        at = next;
    }
    return GW_STORE_OK;
}

/* What the quota must count: the batches that are in the store. Those that were wholly settled are
 * gone, and leave gaps. What stands just before a settled range is unsettled, so its batch is
 * there: the gap is between it and the next. */
static enum gw_store_error count_epoch(struct gw_store *store, const struct gw_batch *first,
                                       const struct gw_batch *last, uint64_t floor,
                                       struct gw_recovered *recovered)
{
    struct settled_scan scan = {.error = GW_STORE_OK};
    uint64_t epoch = first->epoch, counted = 0, next = 0;
    enum gw_store_error error = settled_of(store, epoch, &scan);
    recovered->messages += gw_batch_last(last) - first->first + 1;
    recovered->bytes += last->bytes_before + last->bytes - first->bytes_before;
    if (error == GW_STORE_OK)
        error = subtract_below(store, epoch, gw_batch_last(first), floor, recovered, &counted);
    for (size_t i = 0; i < scan.ranges.count && error == GW_STORE_OK; i++) {
        uint64_t at = scan.ranges.items[i].first - 1, end = scan.ranges.items[i].last;
        if (at < floor || at >= gw_batch_last(last))
            continue;
        if (at <= counted)
            at = next; /* the range before stands in the same batch: its gap is off already */
        for (; at && at < end && error == GW_STORE_OK; at = next) /* a deletion may be owed in it */
            error = subtract_gap(store, epoch, at, recovered, &counted, &next);
    }
    gw_ranges_clear(&scan.ranges);
    return error;
}

static enum gw_store_error feed_epoch(struct recovery *recovery, struct gw_store *store,
                                      const struct found *found, struct gw_recovered *recovered)
{
    struct gw_batch *first, *last = NULL;
    enum gw_store_error error = batch_from(store, found->epoch, 0, &first);
    if (error != GW_STORE_OK || !first)
        return error;
    last = gw_batch_hold(first);
    error = last_batch(store, found->epoch, &last);
    if (error == GW_STORE_OK)
        error = feed_batch(recovery, first);
    if (error == GW_STORE_OK && last->first != first->first)
        error = feed_batch(recovery, last);
    uint64_t messages = recovered->messages, bytes = recovered->bytes;
    if (error == GW_STORE_OK)
        error = count_epoch(store, first, last, found->floor, recovered);
    if (error == GW_STORE_OK && recovered->of)
        recovered->of(recovered->context, &found->destination, recovered->messages - messages,
                      recovered->bytes - bytes);
    gw_batch_drop(first);
    gw_batch_drop(last);
    return error;
}

/* The numbers of outcomes go on where they ended. */
static enum gw_store_error feed_outcomes(struct recovery *recovery, struct gw_store *store,
                                         struct gw_recovered *recovered)
{
    enum gw_store_error error = gw_turn_find_outcomes(store, recovered);
    struct gw_row row = {.kind = GW_ROW_OUTCOME, .number = recovered->outcome_last};
    if (error == GW_STORE_OK && row.number &&
        gw_turn_recover_row(recovery->turn, recovery->now_us, &row))
        error = GW_STORE_NOMEM;
    return error;
}

enum gw_store_error gw_turn_recover(struct gw_turn *turn, struct gw_store *store, uint64_t now_us,
                                    struct gw_recovered *recovered, char *why, size_t why_size)
{
    static const enum gw_row_kind before[] = {GW_ROW_STREAM, GW_ROW_OFFERED, GW_ROW_SETTLED};
    static const enum gw_row_kind after[] = {GW_ROW_ASSIGNMENT, GW_ROW_STORY,     GW_ROW_WINDOW,
                                             GW_ROW_DECIDED,    GW_ROW_EXCEPTION, GW_ROW_CRASHED};
    struct recovery recovery = {.turn = turn, .now_us = now_us};
    enum gw_store_error error = GW_STORE_OK;
    *recovered = (struct gw_recovered){.of = recovered->of, .context = recovered->context};
    why[0] = 0;
    for (size_t i = 0; i < sizeof before / sizeof *before && error == GW_STORE_OK; i++)
        error = feed_kind(&recovery, store, before[i]);
    for (size_t i = 0; i < recovery.epoch_count && error == GW_STORE_OK; i++)
        error = feed_epoch(&recovery, store, &recovery.epochs[i], recovered);
    for (size_t i = 0; i < sizeof after / sizeof *after && error == GW_STORE_OK; i++)
        error = feed_kind(&recovery, store, after[i]);
    if (error == GW_STORE_OK)
        error = gw_turn_count_dead(store, recovered);
    if (error == GW_STORE_OK)
        error = feed_outcomes(&recovery, store, recovered);
    if (error == GW_STORE_OK && gw_turn_start(turn, now_us))
        error = GW_STORE_NOMEM;
    free(recovery.epochs);
    if (error == GW_STORE_CORRUPT)
        gw_text_join(why, why_size, "a row of the store is damaged: restore the directory from a ",
                     "backup, or move it away to start empty", NULL);
    else if (error != GW_STORE_OK)
        explain(error, store, why, why_size);
    return error;
}

/* ---- the backlog ---- */

struct loading {
    struct gw_batch **batches;
    size_t count;
    size_t capacity;
    uint64_t messages, max_messages;
    uint64_t bytes, max_bytes;
    enum gw_store_error error;
};

static bool load_one(void *context, struct gw_slice key, struct gw_slice value)
{
    struct loading *loading = context;
    if (loading->count == loading->capacity) {
        size_t capacity = loading->capacity ? loading->capacity * 2 : 16;
        struct gw_batch **batches = realloc(loading->batches, capacity * sizeof(struct gw_batch *));
        if (!batches) {
            loading->error = GW_STORE_NOMEM;
            return false;
        }
        loading->batches = batches;
        loading->capacity = capacity;
    }
    struct gw_batch *batch;
    loading->error = gw_row_read_batch(key, value, true, &batch);
    if (loading->error == GW_STORE_LOST) /* the core is told of it by a batch without a body */
        loading->error = gw_row_read_batch(key, value, false, &batch);
    if (loading->error != GW_STORE_OK)
        return false;
    loading->batches[loading->count++] = batch;
    loading->messages += batch->count;
    loading->bytes += batch->bytes;
    return loading->messages < loading->max_messages && loading->bytes < loading->max_bytes;
}

enum gw_store_error gw_turn_load_from(struct gw_store *store, uint64_t epoch, uint64_t from,
                                      uint64_t max_messages, uint64_t max_bytes,
                                      struct gw_batch ***batches, size_t *count)
{
    struct loading loading = {.max_messages = max_messages, .max_bytes = max_bytes};
    struct gw_buffer begin = {0}, end = {0};
    gw_row_seek(&begin, GW_ROW_BATCH, epoch, from);
    gw_row_seek_end(&end, GW_ROW_BATCH, epoch);
    enum gw_store_error error = GW_STORE_NOMEM;
    if (!gw_buffer_failed(&begin) && !gw_buffer_failed(&end))
        error = gw_store_scan(store, slice_of(&begin), slice_of(&end), load_one, &loading);
    gw_buffer_clear(&begin);
    gw_buffer_clear(&end);
    if (error == GW_STORE_OK)
        error = loading.error;
    *batches = loading.batches; /* what was read before an error is good */
    *count = loading.count;
    return error;
}
