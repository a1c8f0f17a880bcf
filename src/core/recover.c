/* SPDX-License-Identifier: MPL-2.0 */
/* What an earlier open left. Streams found here are old: they drain under their own epochs, never
 * continue (rule 1).
 *
 * Rows come in this order: streams, offers, settled, batches (the first and last of each epoch),
 * assignments, windows, decided, exceptions, crashed. Every book of the core is built from them
 * alone, so that recovery is idempotent (invariant 30). */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

/* Oldest first, as an ordered destination has to drain (rule 19); rows come by epoch, which is
 * random. */
static void put_in_order(struct gw_stream *stream)
{
    struct gw_stream **link = &stream->target->streams;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    link = &stream->target->streams;
    while (*link && (*link)->opens <= stream->opens)
        link = &(*link)->next;
    stream->next = *link;
    *link = stream;
}

static void recover_stream(struct gw_core *core, const struct gw_row *row)
{
    struct gw_stream *stream = gw_stream_get(core, row->epoch, &row->destination);
    if (!stream)
        return;
    stream->old = true;
    stream->ordered = row->ordered;
    stream->opens = row->number;
    put_in_order(stream);
    stream->row_stored = true;
    stream->floor = stream->floor_published = stream->floor_stored = row->floor;
    stream->last = stream->stored = stream->floor - 1;
    if (row->last >= stream->next_unassigned)
        stream->next_unassigned = row->last + 1;
}

static void reaches(struct gw_stream *stream, uint64_t last)
{
    if (last > stream->last)
        stream->last = stream->stored = last;
}

static void recover_settled(struct gw_core *core, struct gw_stream *stream,
                            const struct gw_row *row)
{
    reaches(stream, row->last);
    gw_check(core, gw_ranges_add(&stream->settled, row->first, row->last));
    if (GW_PLANT(OUTCOME_TWICE))
        gw_check(core, gw_ranges_add(&stream->settling, row->first, row->last));
}

/* Only the first and the last batch of an epoch are told. One below the floor was settled while it
 * was not in memory, and its deletion is still owed. */
static void recover_batch(struct gw_core *core, struct gw_stream *stream, const struct gw_row *row)
{
    reaches(stream, row->last);
    if (row->last < stream->floor)
        gw_stream_sweep(core, stream, row->first, stream->floor - 1);
}

static void recover_assignment(struct gw_core *core, struct gw_stream *stream,
                               const struct gw_row *row)
{
    struct gw_remote *remote = gw_remote_get(core, row->peer);
    struct gw_member *member = remote ? gw_member_get(core, remote, stream->target) : NULL;
    struct gw_run *run = member ? gw_run_recover(core, stream, member, row) : NULL;
    if (!run) {
        gw_fail(core);
        return;
    }
    reaches(stream, row->last);
    gw_run_count(run);
    if (row->last >= stream->next_unassigned)
        stream->next_unassigned = row->last + 1;
}

void gw_recover_row(struct gw_core *core, const struct gw_row *row)
{
    struct gw_stream *stream = gw_map_get(&core->streams, row->epoch);
    switch (row->kind) {
    case GW_ROW_STREAM:
        recover_stream(core, row);
        return;
    case GW_ROW_WINDOW:
    case GW_ROW_DECIDED:
    case GW_ROW_EXCEPTION:
    case GW_ROW_CRASHED:
        gw_window_recover(core, row);
        return;
    case GW_ROW_OUTCOME:
        core->outcomes = gw_at_least(core->outcomes, row->number);
        core->outcomes_sealed = core->outcomes_told = core->outcomes;
        return;
    default:
        break;
    }
    if (!stream)
        return; /* a leftover of an epoch whose row is gone: it names nothing any more */
    switch (row->kind) {
    case GW_ROW_OFFERED:
        gw_offer_recover(core, stream, row);
        return;
    case GW_ROW_SETTLED:
        recover_settled(core, stream, row);
        return;
    case GW_ROW_BATCH:
        recover_batch(core, stream, row);
        return;
    case GW_ROW_ASSIGNMENT:
        if (!GW_PLANT(ASSIGNMENT_FORGOTTEN))
            recover_assignment(core, stream, row);
        return;
    default: /* GW_ROW_STORY: there are no others */
        gw_story_recover(core, stream, row);
        return;
    }
}

/* Any other member may have it too: whoever tells that it has decided it, or has it in hand, is
 * believed, as if it had been forfeited there in this open. */
static void may_be_elsewhere(struct gw_core *core, struct gw_stream *stream,
                             const struct gw_remote *but, uint64_t first, uint64_t last)
{
    for (struct gw_offer *offer = stream->offers; offer; offer = offer->next)
        if (offer->remote != but)
            gw_check(core, gw_ranges_add(&offer->forfeited, first, last));
    stream->forfeits = true;
}

static void recover_doubts(struct gw_core *core, struct gw_stream *stream)
{
    for (size_t i = 0; i < stream->runs.count && !core->failed; i++) {
        const struct gw_run *run = gw_index_at(&stream->runs, i);
        if (run->maybe_duplicate)
            may_be_elsewhere(core, stream, run->member->remote, run->first, run->last);
    }
}

/* What is below and in no run came back from somebody, who may have kept it: nothing says by which
 * way it came. */
static void recover_waiting(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_range piece;
    uint64_t at = stream->floor;
    while (!core->failed && gw_open_next(stream, &at, stream->next_unassigned - 1, &piece)) {
        uint64_t end = piece.last;
        at = piece.first;
        if (!gw_run_until(stream, at, &end)) {
            gw_check(core, gw_ranges_add(&stream->waiting, at, end));
            gw_check(core, gw_ranges_add(&stream->doubtful, at, end));
            may_be_elsewhere(core, stream, NULL, at, end);
        }
        at = end + 1;
    }
}

/* What was never assigned begins above everything that was. */
static void finish_stream(struct gw_core *core, struct gw_stream *stream)
{
    uint64_t next =
        stream->next_unassigned > stream->floor ? stream->next_unassigned : stream->floor;
    if (stream->settled.count) {
        uint64_t above = stream->settled.items[stream->settled.count - 1].last + 1;
        next = above > next ? above : next;
    }
    stream->next_unassigned = next;
    recover_waiting(core, stream);
    recover_doubts(core, stream);
    if (stream->settled.count) /* batches whose deletion waited for a read that never came back */
        gw_stream_sweep(core, stream, stream->settled.items[0].first,
                        stream->settled.items[stream->settled.count - 1].last);
    if (stream->sweep_upto)
        gw_stream_request_load(core, stream, stream->sweep);
    gw_stream_try_close(core, stream);
    gw_dispatch_later(core, stream->target);
}

void gw_recover_done(struct gw_core *core)
{
    struct gw_stream *stream;
    core->started = true;
    while ((stream = core->dirty_streams)) { /* what was just read is not to be written again */
        core->dirty_streams = stream->next_dirty;
        stream->dirty = false;
    }
    for (struct gw_remote *remote = core->remote_list; remote; remote = remote->next)
        gw_remote_away(core, remote); /* everybody has the time to come back */
    for (struct gw_target *target = core->targets; target; target = target->next)
        if (gw_is_for_nobody(core, &target->destination))
            gw_target_abandon(core, target);
    for (size_t at = 0; (stream = gw_map_next(&core->streams, &at, NULL));)
        finish_stream(core, stream);
    if (core->streams.count || core->windows.count)
        gw_wake_at(core, core->now_us);
}
