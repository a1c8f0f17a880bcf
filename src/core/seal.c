/* SPDX-License-Identifier: MPL-2.0 */
/* The way to the store and back: SEAL gathers all that changed into one write; COMMITTED, and
 * nothing else, releases what depended on it. While one write is in flight (the flying pile), the
 * next one fills. */

#include "base/grow.h"
#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

/* ---- piles ---- */

static void *grown(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    size_t more = gw_grown(*capacity, 32);
    void *moved = realloc(items, more * size);
    if (moved)
        *capacity = more;
    return moved;
}

void gw_pile_batch(struct gw_core *core, struct gw_stream *stream, struct gw_batch *batch)
{
    struct gw_pile *pile = &core->filling;
    void *items =
        grown(pile->batches, pile->batch_count, &pile->batch_capacity, sizeof *pile->batches);
    if (!items) {
        gw_batch_drop(batch);
        gw_fail(core);
        return;
    }
    pile->batches = items;
    pile->batches[pile->batch_count++] = (struct gw_pending_batch){stream, batch};
}

void gw_pile_run(struct gw_core *core, struct gw_run *run)
{
    struct gw_pile *pile = &core->filling;
    void *items = grown(pile->runs, pile->run_count, &pile->run_capacity, sizeof(struct gw_run *));
    if (!items) {
        gw_fail(core);
        return;
    }
    pile->runs = items;
    pile->runs[pile->run_count++] = run;
}

void gw_pile_hold(struct gw_core *core, struct gw_batch *batch)
{
    struct gw_pile *pile = &core->filling;
    void *items = grown(pile->held, pile->held_count, &pile->held_capacity,
                        sizeof(struct gw_batch *));
    if (!items) {
        gw_fail(core);
        return;
    }
    pile->held = items;
    pile->held[pile->held_count++] = gw_batch_hold(batch);
}

void gw_pile_token(struct gw_core *core, uint64_t token)
{
    struct gw_pile *pile = &core->filling;
    void *items =
        grown(pile->tokens, pile->token_count, &pile->token_capacity, sizeof *pile->tokens);
    if (!items) {
        gw_fail(core);
        return;
    }
    pile->tokens = items;
    pile->tokens[pile->token_count++] = token;
}

void gw_pile_clear(struct gw_pile *pile)
{
    for (size_t i = 0; i < pile->batch_count; i++)
        gw_batch_drop(pile->batches[i].batch);
    for (size_t i = 0; i < pile->held_count; i++)
        gw_batch_drop(pile->held[i]);
    free(pile->batches);
    free(pile->held);
    free(pile->runs);
    free(pile->tokens);
    memset(pile, 0, sizeof *pile);
}

/* ---- operations ---- */

struct gw_op *gw_seal_op(struct gw_core *core, enum gw_op_type type)
{
    struct gw_op *items = grown(core->ops, core->op_count, &core->op_capacity, sizeof *items);
    if (!items) {
        gw_fail(core);
        return NULL;
    }
    core->ops = items;
    struct gw_op *op = &core->ops[core->op_count++];
    memset(op, 0, sizeof *op);
    op->type = (uint8_t)type;
    return op;
}

static void mirror_op(struct gw_core *core, enum gw_op_type type, enum gw_row_kind kind,
                      uint64_t epoch, uint64_t first, uint64_t last)
{
    struct gw_op *op = gw_seal_op(core, type);
    if (!op)
        return;
    op->row.kind = (uint8_t)kind;
    op->row.epoch = epoch;
    op->row.first = first;
    op->row.last = last;
}

void gw_mirror_add(struct gw_core *core, enum gw_row_kind kind, uint64_t epoch,
                   struct gw_ranges *set, uint64_t first, uint64_t last)
{
    /* The ranges that the new one touches become one: keep the first row, delete the others. */
    size_t at = gw_ranges_find(set, first - 1);
    uint64_t joined = first;
    if (at < set->count && set->items[at].first < first)
        joined = set->items[at].first;
    for (; at < set->count && set->items[at].first <= last + 1; at++)
        if (set->items[at].first != joined)
            mirror_op(core, GW_OP_DELETE, kind, epoch, set->items[at].first, 0);
    gw_check(core, gw_ranges_add(set, first, last));
    at = gw_ranges_find(set, first);
    if (!core->failed)
        mirror_op(core, GW_OP_PUT, kind, epoch, joined, set->items[at].last);
}

/* Forgets ranges that lie wholly below the floor. One that reaches above it stays as it is, so that
 * a queue settled in order rewrites one row and deletes none. */
void gw_mirror_trim(struct gw_core *core, enum gw_row_kind kind, uint64_t epoch,
                    struct gw_ranges *set, uint64_t floor)
{
    size_t gone = 0;
    while (gone < set->count && set->items[gone].last < floor)
        mirror_op(core, GW_OP_DELETE, kind, epoch, set->items[gone++].first, 0);
    if (gone && gone < set->count)
        gw_ranges_trim_below(set, set->items[gone].first);
    else if (gone)
        gw_ranges_clear(set);
}

/* ---- seal ---- */

static void seal_batches(struct gw_core *core)
{
    for (size_t i = 0; i < core->filling.batch_count && !core->failed; i++) {
        struct gw_pending_batch *pending = &core->filling.batches[i];
        struct gw_op *op = gw_seal_op(core, GW_OP_PUT_BATCH);
        if (op)
            op->batch = pending->batch;
        if (!pending->stream->row_stored)
            gw_stream_dirty(core, pending->stream);
    }
}

static void seal_runs(struct gw_core *core)
{
    for (struct gw_stream *stream = core->dirty_streams; stream; stream = stream->next_dirty) {
        if (stream->cut.count)
            gw_run_seal_cuts(core, stream);
        if (stream->runs_changed)
            gw_run_seal_changed(core, stream);
    }
    for (size_t i = 0; i < core->filling.run_count && !core->failed; i++)
        gw_run_write(core, core->filling.runs[i]);
}

static void seal_dirty(struct gw_core *core)
{
    struct gw_stream *stream;
    while ((stream = core->dirty_streams) && !core->failed) {
        core->dirty_streams = stream->next_dirty;
        gw_stream_seal(core, stream); /* what it finds to settle joins this seal */
        stream->dirty = false;
        stream->committing_any = true;
        stream->next_committing = core->committing_streams;
        core->committing_streams = stream;
    }
    struct gw_window *window;
    if (GW_PLANT(TXN_SPLIT) && core->filling.token_count)
        return;
    while ((window = core->dirty_windows) && !core->failed) {
        core->dirty_windows = window->next_dirty;
        window->dirty = false;
        gw_window_seal(core, window);
        window->committing_any = true;
        window->next_committing = core->committing_windows;
        core->committing_windows = window;
    }
}

void gw_seal(struct gw_core *core)
{
    core->op_count = 0;
    seal_batches(core);
    seal_runs(core);
    seal_dirty(core);
    gw_orphans_seal(core);
    core->urgent = false;
    core->lazy_due_us = GW_NEVER;
    if (core->failed || (core->op_count == 0 && core->filling.token_count == 0 &&
                         !core->committing_streams && !core->committing_windows))
        return;
    struct gw_pile empty = core->flying;
    core->flying = core->filling;
    core->filling = empty;
    core->sealed = core->turn++;
    core->outcomes_sealed = core->outcomes;
    struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_COMMIT);
    if (!effect)
        return;
    effect->u.commit.turn = core->sealed;
    effect->u.commit.ops = core->ops;
    effect->u.commit.count = core->op_count;
    gw_count(core, GW_COUNTER_commits, 1);
}

/* ---- committed ---- */

/* A later batch of the same stream in this write tells more: then this one need not be said. */
static bool told_by_next(const struct gw_pile *pile, size_t i)
{
    return i + 1 < pile->batch_count && pile->batches[i + 1].stream == pile->batches[i].stream;
}

static void batches_durable(struct gw_core *core)
{
    struct gw_pile *pile = &core->flying;
    for (size_t i = 0; i < pile->batch_count; i++) {
        struct gw_stream *stream = pile->batches[i].stream;
        struct gw_batch *batch = pile->batches[i].batch;
        stream->stored = gw_at_least(stream->stored, gw_batch_last(batch));
        gw_count(core, GW_COUNTER_stored, batch->count);
        struct gw_effect *effect =
            told_by_next(pile, i) ? NULL : gw_effects_add(core->out, GW_EFFECT_STORED);
        if (effect) {
            effect->u.stored.epoch = stream->epoch;
            effect->u.stored.upto = stream->stored;
        }
        gw_dispatch_later(core, stream->target);
        effect = gw_effects_add(core->out, GW_EFFECT_FORGET);
        if (effect)
            effect->u.forget = batch;
        else
            gw_batch_drop(batch);
    }
    pile->batch_count = 0;
    for (size_t i = 0; i < pile->held_count; i++) {
        struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_FORGET);
        if (effect)
            effect->u.forget = pile->held[i];
        else
            gw_batch_drop(pile->held[i]);
    }
    pile->held_count = 0;
}

static void runs_durable(struct gw_core *core)
{
    for (size_t i = 0; i < core->flying.run_count && !core->failed; i++)
        gw_unsent_durable(core, core->flying.runs[i]);
    core->flying.run_count = 0;
}

static void tokens_durable(struct gw_core *core)
{
    for (size_t i = 0; i < core->flying.token_count; i++) {
        struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_TRANSACTION);
        if (effect)
            effect->u.token = core->flying.tokens[i];
        gw_count(core, GW_COUNTER_transactions, 1);
    }
    core->flying.token_count = 0;
}

static void outcomes_durable(struct gw_core *core)
{
    struct gw_effect *effect = core->outcomes_sealed > core->outcomes_told
                                   ? gw_effects_add(core->out, GW_EFFECT_OUTCOMES)
                                   : NULL;
    if (!effect)
        return;
    effect->u.outcomes = core->outcomes_told = core->outcomes_sealed;
}

void gw_sealed_committed(struct gw_core *core)
{
    if (!core->sealed)
        return;
    core->committed = core->sealed;
    core->sealed = 0;
    batches_durable(core);
    struct gw_window *window;
    while ((window = core->committing_windows)) {
        core->committing_windows = window->next_committing;
        window->committing_any = false;
        gw_window_durable(core, window);
    }
    struct gw_stream *stream;
    while ((stream = core->committing_streams)) {
        core->committing_streams = stream->next_committing;
        stream->committing_any = false;
        gw_stream_durable(core, stream); /* may free it */
    }
    runs_durable(core);
    tokens_durable(core);
    outcomes_durable(core);
}
