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

/* Where the next batch in memory after `sequence` begins, `upto` at most. */
static uint64_t next_batch(const struct gw_stream *stream, uint64_t sequence, uint64_t upto)
{
    size_t at = gw_index_find(&stream->batches, sequence);
    size_t next = at == stream->batches.count ? 0 : at + 1;
    if (next >= stream->batches.count)
        return upto;
    const struct gw_batch *batch = gw_index_at(&stream->batches, next);
    return gw_at_most(batch->first, upto);
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
    stream->opens = GW_PLANT(CLOCK_TRUSTED) ? core->wall_ms : core->options.open;
    stream->next_unassigned = stream->floor = stream->floor_published = 1;
    stream->ordered = gw_policy_of(target)->ordered;
    struct gw_stream **link = &target->streams;
    while (*link)
        link = &(*link)->next;
    *link = stream;
    return stream;
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
    if (batch->body)
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
    stream->last = gw_at_least(stream->last, gw_batch_last(batch));
    gw_count(core, GW_COUNTER_sent, batch->count);
    bool keep = worth_keeping(core, stream, batch);
    gw_pile_batch(core, stream, batch);
    if (keep && !core->failed)
        keep_batch(core, stream, gw_batch_hold(batch));
    stream->idle_told = false;
    gw_commit_now(core);
    gw_dispatch_later(core, stream->target);
}

/* Messages that nobody is to get: they end with the write that would have stored them. */
void gw_stream_void(struct gw_core *core, const struct gw_destination *destination,
                    struct gw_batch *batch)
{
    uint64_t epoch = batch->epoch, first = batch->first, last = gw_batch_last(batch);
    struct gw_batch *kept = gw_batch_hold(batch);
    gw_stream_submit(core, destination, batch);
    if (core->failed) {
        gw_batch_drop(kept);
        return;
    }
    struct gw_stream *stream = gw_map_get(&core->streams, epoch);
    if (gw_stream_batch(stream, first))
        gw_batch_drop(kept);
    else
        keep_batch(core, stream, kept); /* in memory, so that its deletion needs no read */
    gw_stream_end(core, stream, first, last, GW_OUTCOME_WITHDRAWN, 0);
}

/* An epoch of this open that gets no more messages ends like one of an earlier open. */
void gw_stream_retire(struct gw_core *core, uint64_t epoch)
{
    struct gw_stream *stream = gw_map_get(&core->streams, epoch);
    if (!stream)
        return;
    stream->old = true;
    gw_stream_try_close(core, stream);
}

/* A batch that leaves memory, some of which was never offered. */
void gw_stream_forget_unoffered(struct gw_stream *stream, const struct gw_batch *batch)
{
    uint64_t from = batch->first > stream->next_unassigned ? batch->first : stream->next_unassigned;
    if (from <= gw_batch_last(batch))
        stream->unoffered_bytes -= batch->bytes - gw_batch_offset(batch, from);
}

/* Everything below `upto` is assigned or needs it no more. */
void gw_stream_skip(struct gw_stream *stream, uint64_t upto)
{
    while (stream->next_unassigned < upto) {
        const struct gw_batch *batch = gw_stream_batch(stream, stream->next_unassigned);
        uint64_t end = batch && gw_batch_last(batch) < upto ? gw_batch_last(batch) + 1 : upto;
        if (!batch)
            end = next_batch(stream, stream->next_unassigned, upto);
        else
            stream->unoffered_bytes -= gw_batch_offset(batch, end) -
                                       gw_batch_offset(batch, stream->next_unassigned);
        stream->next_unassigned = end;
    }
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

void gw_stream_hand_back(struct gw_core *core, struct gw_batch *batch)
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
    gw_unsent_send_all(core, target);
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
void gw_stream_forget_gone(struct gw_stream *stream)
{
    if (!stream->loading && !stream->committing_any)
        gw_ranges_clear(&stream->gone);
}

/* A power cut took the bytes, which durability `os` had not synced, and left the row: what is open
 * of the batch cannot be sent any more and ends. Whoever had it may have processed it all the same,
 * and the same power cut may have taken the assignment: so this is said of all. What is not durable
 * yet with its member is read again, and ends then. */
static void lose_batch(struct gw_core *core, struct gw_stream *stream, uint64_t first,
                       uint64_t last)
{
    uint64_t open = gw_open_count(stream, first, last);
    gw_stream_end(core, stream, first, last, GW_OUTCOME_ABANDONED, 0);
    if (core->failed)
        return;
    gw_stream_doubt(stream, first, last);
    uint64_t count = open - gw_open_count(stream, first, last);
    if (!count)
        return;
    gw_count(core, GW_COUNTER_lost_bodies, count);
    gw_note(core, GW_NOTE_BODY_LOST, "", stream->epoch, count);
}

void gw_stream_loaded(struct gw_core *core, uint64_t epoch, struct gw_batch *const *batches,
                      size_t count)
{
    struct gw_stream *stream = gw_map_get(&core->streams, epoch);
    uint64_t upto = count ? gw_batch_last(batches[count - 1]) : UINT64_MAX - 1;
    gw_count(core, GW_COUNTER_batches_loaded, count);
    for (size_t i = 0; i < count; i++) {
        struct gw_batch *known = stream ? gw_stream_batch(stream, batches[i]->first) : NULL;
        uint64_t first = batches[i]->first, last = gw_batch_last(batches[i]);
        bool lost = !batches[i]->body && !(known && known->body);
        if (stream && !known && !is_gone(stream, batches[i])) {
            keep_batch(core, stream, batches[i]);
            if (lost && !core->failed)
                lose_batch(core, stream, first, last);
            continue;
        }
        if (known && lost) {
            lose_batch(core, stream, first, last);
        } else if (known && !known->body) {
            known->body = gw_blob_hold(batches[i]->body);
            gw_bodies_add(core, known);
        }
        gw_batch_drop(batches[i]);
    }
    if (!stream || core->failed)
        return;
    stream->loading = false;
    if (stream->dying) { /* the bytes of a dead letter may have come */
        gw_stream_dirty(core, stream);
        gw_commit_lazily(core);
    }
    gw_stream_forget_gone(stream);
    sweep_on(core, stream, upto);
    if (count)
        resume_members(core, stream->target);
    else if (stream->load_from != stream->next_unassigned)
        gw_dispatch_later(core, stream->target); /* what it waits for was not asked for */
}

void gw_stream_free(struct gw_core *core, struct gw_stream *stream)
{
    (void)core;
    for (size_t i = 0; i < stream->batches.count; i++)
        gw_batch_drop(gw_index_at(&stream->batches, i));
    for (size_t i = 0; i < stream->runs.count; i++)
        free(gw_index_at(&stream->runs, i));
    for (size_t i = 0; i < stream->stories.count; i++)
        gw_story_free(gw_index_at(&stream->stories, i));
    for (size_t i = 0; i < stream->endings.count; i++)
        free(gw_index_at(&stream->endings, i));
    struct gw_offer *offer;
    while ((offer = stream->offers))
        gw_offer_free(offer);
    gw_index_clear(&stream->batches);
    gw_index_clear(&stream->runs);
    gw_index_clear(&stream->stories);
    gw_index_clear(&stream->endings);
    struct gw_ranges *sets[] = {&stream->settled, &stream->settling, &stream->committing,
                                &stream->waiting, &stream->doubtful, &stream->cut, &stream->gone};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        gw_ranges_clear(sets[i]);
    free(stream);
}
