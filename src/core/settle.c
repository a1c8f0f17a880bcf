/* SPDX-License-Identifier: MPL-2.0 */
/* How messages end: processed elsewhere, dead, withdrawn, abandoned. What ends is settled with the
 * next seal; then its batch, its assignment, its story and its quota go.
 *
 *   unsettled --ACK, burial, withdrawal--> settling --SEAL--> settled, committing
 *       --COMMITTED--> SETTLED, RELEASED, the floor is published */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

/* ---- endings: how, for those that were not processed ---- */

/* Somebody from whom it was taken without a word may process it all the same (rule 12). */
bool gw_is_doubtful(const struct gw_stream *stream, uint64_t sequence)
{
    const struct gw_run *run = gw_run_at(stream, sequence);
    return run ? run->maybe_duplicate : gw_ranges_contains(&stream->doubtful, sequence);
}

static int ending_add(struct gw_stream *stream, uint64_t first, uint64_t last, uint8_t how,
                      uint64_t bytes)
{
    struct gw_ending *ending = calloc(1, sizeof *ending);
    if (!ending)
        return -1;
    *ending = (struct gw_ending){.first = first, .last = last, .how = how, .bytes = bytes};
    ending->doubtful = gw_is_doubtful(stream, first);
    if (!gw_index_add(&stream->endings, first, ending))
        return 0;
    free(ending);
    return -1;
}

/* The first piece of [first, last] that ended in one way. */
static uint8_t ending_of(const struct gw_stream *stream, uint64_t first, uint64_t *last,
                         bool *doubtful)
{
    *doubtful = false;
    size_t at = gw_index_find(&stream->endings, first);
    if (at < stream->endings.count) {
        const struct gw_ending *ending = gw_index_at(&stream->endings, at);
        if (ending->last >= first) {
            *last = gw_at_most(*last, ending->last);
            *doubtful = ending->doubtful;
            return ending->how;
        }
    }
    size_t next = at < stream->endings.count ? at + 1 : 0;
    if (next < stream->endings.count) {
        const struct gw_ending *ending = gw_index_at(&stream->endings, next);
        *last = gw_at_most(*last, ending->first - 1);
    }
    return GW_OUTCOME_PROCESSED;
}

uint8_t gw_stream_ending(const struct gw_stream *stream, uint64_t sequence)
{
    bool doubtful;
    return ending_of(stream, sequence, &sequence, &doubtful);
}

static void forget_endings(struct gw_stream *stream)
{
    for (size_t i = stream->endings.count; i-- > 0;) {
        struct gw_ending *ending = gw_index_at(&stream->endings, i);
        if (!ending->sealed)
            continue;
        gw_index_remove_at(&stream->endings, i);
        free(ending);
    }
}

/* ---- ending ---- */

bool gw_is_open(const struct gw_stream *stream, uint64_t sequence)
{
    return sequence >= stream->floor && !gw_ranges_contains(&stream->settled, sequence) &&
           !gw_ranges_contains(&stream->settling, sequence);
}

bool gw_open_next(const struct gw_stream *stream, uint64_t *at, uint64_t last,
                  struct gw_range *piece)
{
    struct gw_range outer;
    if (*at < stream->floor)
        *at = stream->floor;
    for (uint64_t next = *at; gw_ranges_next(&stream->settled, false, &next, last, &outer);) {
        *at = outer.first;
        if (gw_ranges_next(&stream->settling, false, at, outer.last, piece))
            return true;
    }
    return false;
}

uint64_t gw_open_count(const struct gw_stream *stream, uint64_t first, uint64_t last)
{
    struct gw_range piece;
    uint64_t count = 0;
    while (gw_open_next(stream, &first, last, &piece))
        count += piece.last - piece.first + 1;
    return count;
}

static void settling_add(struct gw_core *core, struct gw_stream *stream, uint64_t first,
                         uint64_t last)
{
    gw_check(core, gw_ranges_add(&stream->settling, first, last));
    gw_stream_dirty(core, stream);
    if (stream->stalled)
        gw_commit_now(core); /* the floor is what everything waits for */
    else
        gw_commit_lazily(core);
}

static void settle_piece(struct gw_core *core, struct gw_stream *stream, struct gw_run *run,
                         uint64_t first, uint64_t last)
{
    settling_add(core, stream, first, last);
    run->left -= last - first + 1;
    run->member->outstanding -= last - first + 1;
    gw_member_touch(run->member);
    if (run->left)
        return;
    gw_run_pass(run, run->last + 1); /* it may not have been sent: somebody else decided it */
    gw_dispatch_later(core, stream->target); /* somebody may wait for the member to be free */
}

/* Ends the unsettled messages of [first, last], with whomever they are, in another way than being
 * processed. They are durable. */
void gw_stream_end(struct gw_core *core, struct gw_stream *stream, uint64_t first, uint64_t last,
                   enum gw_outcome how, uint64_t bytes)
{
    struct gw_range piece;
    while (!core->failed && gw_open_next(stream, &first, last, &piece)) {
        uint64_t upto = piece.last;
        struct gw_run *run = gw_run_until(stream, piece.first, &upto);
        first = upto + 1;
        if (run && run->turn > core->committed)
            continue; /* looked at again when it is durable */
        if (ending_add(stream, piece.first, upto, (uint8_t)how, bytes)) {
            gw_fail(core);
            return;
        }
        if (run) {
            settle_piece(core, stream, run, piece.first, upto);
        } else {
            settling_add(core, stream, piece.first, upto);
            gw_check(core, gw_ranges_remove(&stream->waiting, piece.first, upto));
        }
    }
}

void gw_stream_doubt(struct gw_stream *stream, uint64_t first, uint64_t last)
{
    for (size_t i = gw_index_from(&stream->endings, first); i < stream->endings.count; i++) {
        struct gw_ending *ending = gw_index_at(&stream->endings, i);
        if (ending->first > last)
            break;
        if (ending->first >= first && ending->how == GW_OUTCOME_ABANDONED && !ending->sealed)
            ending->doubtful = true;
    }
}

/* Only what was offered to this very member and is durable there counts: a peer settles nothing of
 * another's. */
static void settle_run(struct gw_core *core, struct gw_stream *stream, struct gw_run *run,
                       uint64_t first, uint64_t last)
{
    struct gw_range piece;
    uint64_t at = gw_at_least(first, run->first);
    last = gw_at_most(last, run->last);
    while (!core->failed && gw_open_next(stream, &at, last, &piece))
        settle_piece(core, stream, run, piece.first, piece.last);
}

/* What was forfeited by this member counts all the same if its decision comes first: it is with
 * another member now, or with nobody. */
static void settle_forfeited(struct gw_core *core, struct gw_stream *stream,
                             struct gw_offer *offer, uint64_t first, uint64_t last)
{
    struct gw_range piece, open;
    uint64_t at = first;
    while (!core->failed && gw_ranges_next(&offer->forfeited, true, &at, last, &piece)) {
        for (uint64_t next = piece.first; next <= piece.last && !core->failed;) {
            uint64_t from = next, end = piece.last;
            struct gw_run *run = gw_run_until(stream, next, &end);
            next = end + 1;
            if (run && run->turn <= core->committed)
                settle_run(core, stream, run, from, end);
            if (run)
                continue;
            for (uint64_t with = from; gw_ranges_next(&stream->waiting, true, &with, end, &open);)
                settling_add(core, stream, open.first, open.last);
            gw_check(core, gw_ranges_remove(&stream->waiting, from, end));
        }
    }
}

void gw_stream_settle(struct gw_core *core, struct gw_stream *stream, struct gw_offer *offer,
                      uint64_t first, uint64_t last)
{
    if (first < stream->floor)
        first = stream->floor;
    if (first > last)
        return;
    size_t at = gw_index_from(&stream->runs, first);
    for (; at < stream->runs.count && !core->failed; at++) {
        struct gw_run *run = gw_index_at(&stream->runs, at);
        if (run->first > last)
            break;
        if (run->last >= first && run->member->remote == offer->remote && run->left &&
            run->turn <= core->committed)
            settle_run(core, stream, run, first, last);
    }
    if (!offer->forfeited.count || GW_PLANT(RESEND_DECIDED))
        return;
    settle_forfeited(core, stream, offer, first, last);
    gw_dispatch_later(core, stream->target); /* it may have nothing in hand any more */
}

/* ---- the seal ---- */

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
    size_t at = gw_index_from(&stream->batches, first);
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
        if (batch->first > stream->next_unassigned)
            stream->unoffered_bytes -= batch->bytes; /* what stands before it is still to be sent */
        else
            gw_stream_forget_unoffered(stream, batch);
        gw_index_remove_at(&stream->batches, at);
        gw_stream_hand_back(core, batch);
    }
}

static void drop_runs(struct gw_core *core, struct gw_stream *stream, uint64_t first, uint64_t last)
{
    size_t at = gw_index_from(&stream->runs, first);
    while (at < stream->runs.count && !core->failed) {
        struct gw_run *run = gw_index_at(&stream->runs, at);
        if (run->first > last)
            break;
        if (run->left == 0) /* so that it is durable */
            gw_run_drop(core, run, at);
        else
            at++;
    }
}

static void trim_forfeited(struct gw_core *core, struct gw_stream *stream)
{
    stream->forfeits = false;
    for (struct gw_offer *offer = stream->offers; offer; offer = offer->next)
        if (offer->forfeited.count) {
            gw_ranges_trim_below(&offer->forfeited, stream->floor);
            gw_check(core, gw_spans_cut(&offer->lost, 0, stream->floor - 1));
            stream->forfeits |= offer->forfeited.count > 0;
        }
}

static void raise_floor(struct gw_core *core, struct gw_stream *stream)
{
    uint64_t floor = gw_ranges_first_gap(&stream->settled, stream->floor);
    if (floor > stream->floor)
        stream->floor = floor;
    gw_mirror_trim(core, GW_ROW_SETTLED, stream->epoch, &stream->settled, stream->floor);
    if (stream->forfeits)
        trim_forfeited(core, stream);
    if (stream->doubtful.count)
        gw_ranges_trim_below(&stream->doubtful, stream->floor);
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
    op->row.last = stream->next_unassigned - 1;
    op->row.ordered = stream->ordered;
    stream->came_back = false;
    stream->row_stored = true;
    stream->floor_stored = stream->floor;
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

/* One row for each piece that ended in one way, numbered on from the last. */
static void write_outcomes(struct gw_core *core, const struct gw_stream *stream, uint64_t first,
                           uint64_t last)
{
    while (core->options.outcomes && first <= last && !core->failed) {
        uint64_t end = last;
        bool doubtful;
        uint8_t how = ending_of(stream, first, &end, &doubtful);
        struct gw_op *op = gw_seal_op(core, GW_OP_PUT);
        if (!op)
            return;
        op->row.kind = GW_ROW_OUTCOME;
        op->row.number = ++core->outcomes;
        op->row.epoch = stream->epoch;
        op->row.first = first;
        op->row.last = end;
        op->row.how = how;
        op->row.maybe_duplicate = doubtful;
        first = end + 1;
    }
}

/* All that a seal writes of a stream but its new batches and assignments. */
void gw_stream_seal(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_range piece;
    uint64_t at = 1;
    if (stream->dying)
        gw_retry_bury(core, stream);
    while (!core->failed && gw_ranges_next(&stream->settling, true, &at, stream->last, &piece)) {
        gw_mirror_add(core, GW_ROW_SETTLED, stream->epoch, &stream->settled, piece.first,
                      piece.last);
        gw_check(core, gw_ranges_add(&stream->committing, piece.first, piece.last));
        write_outcomes(core, stream, piece.first, piece.last);
        sweep_missing(core, stream, piece.first, piece.last);
        release_batches(core, stream, piece.first, piece.last);
        drop_runs(core, stream, piece.first, piece.last);
        gw_retry_settled(core, stream, piece.first, piece.last);
    }
    for (size_t i = 0; i < stream->endings.count; i++) {
        struct gw_ending *ending = gw_index_at(&stream->endings, i);
        ending->sealed = true;
    }
    if (stream->swept)
        release_batches(core, stream, 1, stream->last);
    stream->swept = false;
    gw_ranges_clear(&stream->settling);
    raise_floor(core, stream);
    gw_stream_skip(stream, stream->floor);
    gw_retry_seal(core, stream);
    gw_offers_seal(core, stream);
    end_if_finished(core, stream);
    if (!stream->ending && (!stream->row_stored || stream->floor != stream->floor_stored ||
                            stream->came_back))
        write_row(core, stream);
}

/* ---- and after its commit ---- */

static void emit_settled(struct gw_core *core, struct gw_stream *stream, uint64_t first,
                         uint64_t last)
{
    while (first <= last) {
        uint64_t end = last;
        bool doubtful;
        uint8_t how = ending_of(stream, first, &end, &doubtful);
        struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_SETTLED);
        if (!effect)
            return;
        effect->u.settled.epoch = stream->epoch;
        effect->u.settled.first = first;
        effect->u.settled.last = end;
        effect->u.settled.how = how;
        if (how == GW_OUTCOME_PROCESSED)
            gw_count(core, GW_COUNTER_settled, end - first + 1);
        else if (how == GW_OUTCOME_WITHDRAWN)
            gw_count(core, GW_COUNTER_withdrawn, end - first + 1);
        else if (how == GW_OUTCOME_ABANDONED)
            gw_count(core, GW_COUNTER_abandoned, end - first + 1);
        first = end + 1;
    }
}

static void emit_buried(struct gw_core *core, struct gw_stream *stream)
{
    for (size_t i = 0; i < stream->endings.count; i++) {
        const struct gw_ending *ending = gw_index_at(&stream->endings, i);
        if (!ending->sealed || ending->how != GW_OUTCOME_DEAD)
            continue;
        struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_BURIED);
        if (!effect)
            return;
        effect->u.buried.epoch = stream->epoch;
        effect->u.buried.sequence = ending->first;
        effect->u.buried.bytes = ending->bytes;
        gw_count(core, GW_COUNTER_dead_letters, 1);
        gw_note(core, GW_NOTE_BURIED, "", stream->epoch, ending->first);
    }
}

static void emit_ends(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_range piece;
    uint64_t at = 1;
    emit_buried(core, stream);
    while (gw_ranges_next(&stream->committing, true, &at, stream->last, &piece))
        emit_settled(core, stream, piece.first, piece.last);
    gw_ranges_clear(&stream->committing);
    forget_endings(stream);
}

static void unlink_stream(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_stream **link = &stream->target->streams;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    gw_map_remove(&core->streams, stream->epoch);
    gw_dispatch_later(core, stream->target); /* an ordered one may have waited for its end */
    gw_stream_free(core, stream);
}

static void emit_released(struct gw_core *core, struct gw_stream *stream)
{
    if (!stream->released_messages)
        return;
    struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_RELEASED);
    if (!effect)
        return;
    effect->u.released.destination = stream->target->destination;
    effect->u.released.messages = stream->released_messages;
    effect->u.released.bytes = stream->released_bytes;
    stream->released_messages = stream->released_bytes = 0;
}

/* The seal that touched this stream is durable. */
void gw_stream_durable(struct gw_core *core, struct gw_stream *stream)
{
    emit_ends(core, stream);
    emit_released(core, stream);
    gw_retry_durable(stream);
    if (stream->ending) {
        unlink_stream(core, stream);
        return;
    }
    if (stream->floor_published < stream->floor_stored) {
        stream->floor_published = stream->floor_stored;
        stream->stalled = false;
        gw_unsent_send_all(core, stream->target); /* the floor may be what they wait for */
        gw_dispatch_later(core, stream->target);
    }
    gw_stream_forget_gone(stream);
    gw_stream_try_close(core, stream);
}
