/* SPDX-License-Identifier: MPL-2.0 */
/* What this peer sends: streams, from a batch's submission to the last settlement and the epoch's
 * CLOSED.
 *
 *      1 ... floor ........... next_unassigned ......... stored .... last
 *        settled | offered, some settled | never offered     | not yet durable
 *
 * The floor that is published is the durable one (rule 16); W bounds the
 * distance from floor_published to next_unassigned. */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

#define LOAD_BYTES (2 * 1024 * 1024) /* one read-ahead of the outbox */
#define LOADED_AHEAD_WINDOWS 4
#define LOADED_AHEAD_BYTES \
    (8 * 1024 * 1024) /* new batches stay in memory up to this much unoffered work */

/* ---- finding ---- */

struct gw_batch *gw_stream_batch(const struct gw_stream *stream, uint64_t sequence)
{
    size_t at = gw_index_find(&stream->batches, sequence);
    if (at == stream->batches.count)
        return NULL;
    struct gw_batch *batch = gw_index_at(&stream->batches, at);
    return sequence <= gw_batch_last(batch) ? batch : NULL;
}

struct gw_stream *gw_stream_get(struct gw_core *core, uint64_t epoch,
                                const struct gw_destination *destination)
{
    struct gw_stream *stream = gw_map_get(&core->streams, epoch);
    if (stream)
        return stream;
    struct gw_target *target = gw_target_get(core, destination);
    if (!target) {
        gw_fail(core);
        return NULL;
    }
    stream = gw_allocate(core, sizeof *stream);
    if (!stream)
        return NULL;
    if (gw_map_put(&core->streams, epoch, stream)) {
        free(stream);
        gw_fail(core);
        return NULL;
    }
    stream->epoch = epoch;
    stream->target = target;
    stream->opens = core->options.open;
    stream->next_unassigned = stream->floor = stream->floor_published = 1;
    struct gw_stream **link = &target->streams;
    while (*link)
        link = &(*link)->next;
    *link = stream;
    return stream;
}

struct gw_offer *gw_stream_offer_find(const struct gw_stream *stream,
                                      const struct gw_remote *remote)
{
    struct gw_offer *offer = stream->offers;
    while (offer && (offer->remote != remote || offer->removed))
        offer = offer->next;
    return offer;
}

struct gw_offer *gw_stream_offer(struct gw_core *core, struct gw_stream *stream,
                                 struct gw_remote *remote)
{
    struct gw_offer *offer = gw_stream_offer_find(stream, remote);
    if (offer)
        return offer;
    offer = gw_allocate(core, sizeof *offer);
    if (!offer)
        return NULL;
    offer->remote = remote;
    offer->dirty = true;
    offer->next = stream->offers;
    stream->offers = offer;
    gw_stream_dirty(core, stream);
    return offer;
}

void gw_stream_dirty(struct gw_core *core, struct gw_stream *stream)
{
    if (stream->dirty)
        return;
    stream->dirty = true;
    stream->next_dirty = core->dirty_streams;
    core->dirty_streams = stream;
}

/* ---- submission ---- */

/* A new batch stays in memory if it may be offered soon: everything before it is there, and not too
 * much waits. What does not stay is read back when its turn comes, so that a backlog costs disk and
 * not memory. */
static bool worth_keeping(const struct gw_core *core, const struct gw_stream *stream,
                          const struct gw_batch *batch)
{
    if (batch->first != stream->next_unassigned && !gw_stream_batch(stream, batch->first - 1))
        return false;
    return stream->unoffered_bytes < LOADED_AHEAD_BYTES &&
           batch->first < stream->next_unassigned + LOADED_AHEAD_WINDOWS * core->options.window;
}

static void keep_batch(struct gw_core *core, struct gw_stream *stream, struct gw_batch *batch)
{
    if (gw_index_add(&stream->batches, batch->first, batch)) {
        gw_batch_drop(batch);
        gw_fail(core);
        return;
    }
    gw_bodies_add(core, batch);
    uint64_t end = gw_batch_last(batch) + 1;
    uint64_t from = batch->first > stream->next_unassigned ? batch->first : stream->next_unassigned;
    if (from < end)
        stream->unoffered_bytes += batch->bytes - gw_batch_offset(batch, from);
}

void gw_stream_submit(struct gw_core *core, const struct gw_destination *destination,
                      struct gw_batch *batch)
{
    struct gw_stream *stream = gw_stream_get(core, batch->epoch, destination);
    if (!stream) {
        gw_batch_drop(batch);
        return;
    }
    if (GW_PLANT(EPOCH_KEPT) && stream->old)
        stream->old = false;
    bool broken = stream->old || batch->first != stream->last + 1;
    if (broken && !GW_PLANT(EPOCH_KEPT)) { /* an epoch is drawn at each open, and dense */
        gw_batch_drop(batch);
        gw_fail(core);
        return;
    }
    if (gw_batch_last(batch) > stream->last)
        stream->last = gw_batch_last(batch);
    gw_count(core, GW_COUNTER_sent, batch->count);
    bool keep = worth_keeping(core, stream, batch);
    gw_pile_batch(core, stream, batch);
    if (keep && !core->failed)
        keep_batch(core, stream, gw_batch_hold(batch));
    gw_commit_now(core);
    gw_dispatch_later(core, stream->target);
}

/* ---- reading back ---- */

void gw_stream_request_load(struct gw_core *core, struct gw_stream *stream, uint64_t from)
{
    if (!core->started || stream->loading || from > stream->stored)
        return;
    struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_LOAD);
    if (!effect)
        return;
    stream->loading = true;
    stream->load_from = from;
    effect->u.load.epoch = stream->epoch;
    effect->u.load.from = from;
    effect->u.load.max_messages = core->options.window;
    effect->u.load.max_bytes = LOAD_BYTES;
}

static void hand_back(struct gw_core *core, struct gw_batch *batch)
{
    gw_bodies_remove(core, batch);
    struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_FORGET);
    if (effect)
        effect->u.forget = batch;
    else
        gw_batch_drop(batch);
}

static void resume_members(struct gw_core *core, struct gw_target *target)
{
    for (struct gw_member *member = target->members; member; member = member->next_in_target)
        gw_dispatch_send(core, member);
    gw_dispatch_later(core, target);
}

/* Reads on where the next settled message stands; what lies between is none of the sweep's. */
static void continue_sweep(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_range piece;
    uint64_t at = stream->sweep;
    if (at >= stream->floor && at <= stream->sweep_upto) {
        bool any = gw_ranges_next(&stream->settled, true, &at, stream->sweep_upto, &piece);
        stream->sweep = any ? piece.first : stream->sweep_upto + 1;
    }
    if (stream->sweep > stream->sweep_upto)
        stream->sweep_upto = 0;
    else
        gw_stream_request_load(core, stream, stream->sweep);
}

/* Batches that were settled while they were not in memory are deleted once they have been read:
 * [first, last] may hold such ones. */
void gw_stream_sweep(struct gw_core *core, struct gw_stream *stream, uint64_t first, uint64_t last)
{
    if (!stream->sweep_upto || first < stream->sweep)
        stream->sweep = first;
    if (last > stream->sweep_upto)
        stream->sweep_upto = last;
    continue_sweep(core, stream);
}

/* A read from load_from to `upto` is in: what stands there is in memory or does not exist. */
static void sweep_on(struct gw_core *core, struct gw_stream *stream, uint64_t upto)
{
    if (!stream->sweep_upto)
        return;
    if (stream->load_from <= stream->sweep && upto >= stream->sweep) {
        stream->sweep = upto + 1;
        stream->swept = true;
        gw_stream_dirty(core, stream);
        gw_commit_lazily(core);
    }
    continue_sweep(core, stream);
}

/* The read began before the deletion was written: to keep the batch would release it twice. */
static bool is_gone(const struct gw_stream *stream, const struct gw_batch *batch)
{
    return gw_ranges_covers(&stream->gone, batch->first, gw_batch_last(batch));
}

/* What is deleted durably cannot be brought back by a read that begins now. */
static void forget_gone(struct gw_stream *stream)
{
    if (!stream->loading && !stream->committing_any)
        gw_ranges_clear(&stream->gone);
}

void gw_stream_loaded(struct gw_core *core, uint64_t epoch, struct gw_batch *const *batches,
                      size_t count)
{
    struct gw_stream *stream = gw_map_get(&core->streams, epoch);
    uint64_t upto = count ? gw_batch_last(batches[count - 1]) : UINT64_MAX - 1;
    gw_count(core, GW_COUNTER_batches_loaded, count);
    for (size_t i = 0; i < count; i++) {
        struct gw_batch *known = stream ? gw_stream_batch(stream, batches[i]->first) : NULL;
        if (stream && !known && !is_gone(stream, batches[i])) {
            keep_batch(core, stream, batches[i]);
            continue;
        }
        if (known && !known->body && batches[i]->body) {
            known->body = gw_blob_hold(batches[i]->body);
            gw_bodies_add(core, known);
        }
        gw_batch_drop(batches[i]);
    }
    if (!stream || core->failed)
        return;
    stream->loading = false;
    forget_gone(stream);
    sweep_on(core, stream, upto);
    if (count)
        resume_members(core, stream->target);
    else if (stream->load_from != stream->next_unassigned)
        gw_dispatch_later(core, stream->target); /* what it waits for was not asked for */
}

/* ---- settlement ---- */

static bool wholly_settled(const struct gw_stream *stream, uint64_t first, uint64_t last)
{
    if (first < stream->floor)
        first = stream->floor;
    return first > last || gw_ranges_covers(&stream->settled, first, last);
}

/* Deletes the batches that are wholly settled, and frees their quota once that is durable. */
static void release_batches(struct gw_core *core, struct gw_stream *stream, uint64_t first,
                            uint64_t last)
{
    size_t at = gw_index_find(&stream->batches, first);
    if (at == stream->batches.count)
        at = 0;
    while (at < stream->batches.count) {
        struct gw_batch *batch = gw_index_at(&stream->batches, at);
        if (batch->first > last)
            break;
        if (!wholly_settled(stream, batch->first, gw_batch_last(batch))) {
            at++;
            continue;
        }
        struct gw_op *op = gw_seal_op(core, GW_OP_DELETE_BATCH);
        if (!op)
            return;
        op->row.kind = GW_ROW_BATCH;
        op->row.epoch = stream->epoch;
        op->row.last = gw_batch_last(batch);
        stream->released_messages += batch->count;
        stream->released_bytes += batch->bytes;
        gw_check(core, gw_ranges_add(&stream->gone, batch->first, gw_batch_last(batch)));
        gw_index_remove_at(&stream->batches, at);
        hand_back(core, batch);
    }
}

static void drop_run(struct gw_core *core, struct gw_stream *stream, size_t at)
{
    struct gw_run *run = gw_index_at(&stream->runs, at);
    struct gw_op *op = gw_seal_op(core, GW_OP_DELETE);
    if (!op)
        return;
    op->row.kind = GW_ROW_ASSIGNMENT;
    op->row.epoch = stream->epoch;
    op->row.first = run->first;
    gw_dispatch_unqueue(run->member, run);
    gw_index_remove_at(&stream->runs, at);
    free(run);
}

static void drop_runs(struct gw_core *core, struct gw_stream *stream, uint64_t first, uint64_t last)
{
    size_t at = gw_index_find(&stream->runs, first);
    if (at == stream->runs.count)
        at = 0;
    while (at < stream->runs.count && !core->failed) {
        struct gw_run *run = gw_index_at(&stream->runs, at);
        if (run->first > last)
            break;
        if (run->left == 0 && run->turn <= core->committed)
            drop_run(core, stream, at);
        else
            at++;
    }
}

static void raise_floor(struct gw_core *core, struct gw_stream *stream)
{
    uint64_t floor = gw_ranges_first_gap(&stream->settled, stream->floor);
    if (floor > stream->floor)
        stream->floor = floor;
    gw_mirror_trim(core, GW_ROW_SETTLED, stream->epoch, &stream->settled, stream->floor);
}

static void write_row(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_op *op = gw_seal_op(core, GW_OP_PUT);
    if (!op)
        return;
    op->row.kind = GW_ROW_STREAM;
    op->row.epoch = stream->epoch;
    op->row.destination = stream->target->destination;
    op->row.number = stream->opens;
    op->row.floor = stream->floor;
    stream->row_stored = true;
    stream->floor_stored = stream->floor;
}

static void free_removed(struct gw_stream *stream)
{
    struct gw_offer **link = &stream->offers;
    while (*link) {
        struct gw_offer *offer = *link;
        if (!offer->removed) {
            link = &offer->next;
            continue;
        }
        *link = offer->next;
        gw_ranges_clear(&offer->in_hand);
        free(offer);
    }
}

static void write_offers(struct gw_core *core, struct gw_stream *stream)
{
    for (struct gw_offer *offer = stream->offers; offer; offer = offer->next) {
        if (!offer->dirty)
            continue;
        struct gw_op *op = gw_seal_op(core, offer->removed ? GW_OP_DELETE : GW_OP_PUT);
        if (!op)
            return;
        op->row.kind = GW_ROW_OFFERED;
        op->row.epoch = stream->epoch;
        memcpy(op->row.peer, offer->remote->name, sizeof op->row.peer);
        op->row.flag = offer->known;
        offer->dirty = false;
    }
    free_removed(stream);
}

/* An old epoch that every member has closed leaves no trace here. */
static void end_if_finished(struct gw_core *core, struct gw_stream *stream)
{
    if (!stream->old || stream->offers || stream->floor_published != stream->last + 1 ||
        stream->sweep_upto)
        return;
    struct gw_op *op = gw_seal_op(core, GW_OP_DELETE);
    if (!op)
        return;
    op->row.kind = GW_ROW_STREAM;
    op->row.epoch = stream->epoch;
    stream->ending = true;
    gw_count(core, GW_COUNTER_epochs_closed, 1);
}

/* Settled pieces whose batches are not in memory: they are read, then deleted. */
static void sweep_missing(struct gw_core *core, struct gw_stream *stream, uint64_t first,
                          uint64_t last)
{
    for (uint64_t at = first; at <= last;) {
        struct gw_batch *batch = gw_stream_batch(stream, at);
        if (!batch) {
            gw_stream_sweep(core, stream, at, last);
            return;
        }
        at = gw_batch_last(batch) + 1;
    }
}

/* All that a seal writes of a stream but its new batches and assignments. */
void gw_stream_seal(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_range piece;
    uint64_t at = 1;
    while (!core->failed && gw_ranges_next(&stream->settling, true, &at, stream->last, &piece)) {
        gw_mirror_add(core, GW_ROW_SETTLED, stream->epoch, &stream->settled, piece.first,
                      piece.last);
        gw_check(core, gw_ranges_add(&stream->committing, piece.first, piece.last));
        sweep_missing(core, stream, piece.first, piece.last);
        release_batches(core, stream, piece.first, piece.last);
        drop_runs(core, stream, piece.first, piece.last);
    }
    if (stream->swept)
        release_batches(core, stream, 1, stream->last);
    stream->swept = false;
    gw_ranges_clear(&stream->settling);
    raise_floor(core, stream);
    write_offers(core, stream);
    end_if_finished(core, stream);
    if (!stream->ending && (!stream->row_stored || stream->floor != stream->floor_stored))
        write_row(core, stream);
}

static void emit_settled(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_range piece;
    uint64_t at = 1;
    while (gw_ranges_next(&stream->committing, true, &at, stream->last, &piece)) {
        struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_SETTLED);
        if (!effect)
            return;
        effect->u.settled.epoch = stream->epoch;
        effect->u.settled.first = piece.first;
        effect->u.settled.last = piece.last;
        gw_count(core, GW_COUNTER_settled, piece.last - piece.first + 1);
    }
    gw_ranges_clear(&stream->committing);
}

static void unlink_stream(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_stream **link = &stream->target->streams;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    gw_map_remove(&core->streams, stream->epoch);
    gw_stream_free(core, stream);
}

static void emit_released(struct gw_core *core, struct gw_stream *stream)
{
    if (!stream->released_messages)
        return;
    struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_RELEASED);
    if (!effect)
        return;
    effect->u.released.messages = stream->released_messages;
    effect->u.released.bytes = stream->released_bytes;
    stream->released_messages = stream->released_bytes = 0;
}

/* The seal that touched this stream is durable. */
void gw_stream_durable(struct gw_core *core, struct gw_stream *stream)
{
    emit_settled(core, stream);
    emit_released(core, stream);
    if (stream->ending) {
        unlink_stream(core, stream);
        return;
    }
    if (stream->floor_published < stream->floor_stored) {
        stream->floor_published = stream->floor_stored;
        stream->stalled = false;
        gw_dispatch_later(core, stream->target);
    }
    forget_gone(stream);
    gw_stream_try_close(core, stream);
}

static void settle_piece(struct gw_core *core, struct gw_stream *stream, struct gw_run *run,
                         uint64_t first, uint64_t last)
{
    gw_check(core, gw_ranges_add(&stream->settling, first, last));
    run->left -= last - first + 1;
    run->member->outstanding -= last - first + 1;
    gw_stream_dirty(core, stream);
    if (stream->stalled)
        gw_commit_now(core); /* the floor is what everything waits for */
    else
        gw_commit_lazily(core);
}

/* Only what was offered to this very member and is durable there counts: a peer settles nothing of
 * another's. */
static void settle_run(struct gw_core *core, struct gw_stream *stream, struct gw_run *run,
                       uint64_t first, uint64_t last)
{
    struct gw_range outer, inner;
    uint64_t at = first > run->first ? first : run->first;
    if (last > run->last)
        last = run->last;
    while (!core->failed && gw_ranges_next(&stream->settled, false, &at, last, &outer)) {
        uint64_t within = outer.first;
        while (!core->failed &&
               gw_ranges_next(&stream->settling, false, &within, outer.last, &inner)) {
            settle_piece(core, stream, run, inner.first, inner.last);
            within = inner.last + 1;
            if (within > outer.last)
                break;
        }
    }
}

void gw_stream_settle(struct gw_core *core, struct gw_stream *stream, struct gw_remote *remote,
                      uint64_t first, uint64_t last)
{
    if (first < stream->floor)
        first = stream->floor;
    if (first > last)
        return;
    size_t at = gw_index_find(&stream->runs, first);
    if (at == stream->runs.count)
        at = 0;
    for (; at < stream->runs.count && !core->failed; at++) {
        struct gw_run *run = gw_index_at(&stream->runs, at);
        if (run->first > last)
            break;
        if (run->last >= first && run->member->remote == remote && run->left &&
            run->turn <= core->committed)
            settle_run(core, stream, run, first, last);
    }
}

void gw_stream_free(struct gw_core *core, struct gw_stream *stream)
{
    (void)core;
    for (size_t i = 0; i < stream->batches.count; i++)
        gw_batch_drop(gw_index_at(&stream->batches, i));
    for (size_t i = 0; i < stream->runs.count; i++)
        free(gw_index_at(&stream->runs, i));
    struct gw_offer *offer;
    while ((offer = stream->offers)) {
        stream->offers = offer->next;
        gw_ranges_clear(&offer->in_hand);
        free(offer);
    }
    gw_index_clear(&stream->batches);
    gw_index_clear(&stream->runs);
    gw_ranges_clear(&stream->settled);
    gw_ranges_clear(&stream->settling);
    gw_ranges_clear(&stream->committing);
    gw_ranges_clear(&stream->gone);
    free(stream);
}
