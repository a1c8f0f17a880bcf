/* SPDX-License-Identifier: MPL-2.0 */
/* Runs: who has which messages of a stream, as ranges. What is not settled and below
 * next_unassigned is in a run or waits with nobody:
 *
 *      [run, member b][ waiting ][run, member c ][settled][ waiting ] next_unassigned ...
 *
 * A piece that comes back is cut out of its run. The rows follow with the next seal: the deletions
 * first, since a new run may begin where a cut one began. */

#include "core/state.h"
#include <stdlib.h>
#include <string.h>

struct gw_run *gw_run_at(const struct gw_stream *stream, uint64_t sequence)
{
    size_t at = gw_index_find(&stream->runs, sequence);
    if (at == stream->runs.count)
        return NULL;
    struct gw_run *run = gw_index_at(&stream->runs, at);
    return sequence <= run->last ? run : NULL;
}

struct gw_run *gw_run_of_at(const struct gw_stream *stream, const struct gw_remote *remote,
                            uint64_t sequence)
{
    struct gw_run *run = gw_run_at(stream, sequence);
    return run && run->member->remote == remote ? run : NULL;
}

struct gw_run *gw_run_until(const struct gw_stream *stream, uint64_t sequence, uint64_t *last)
{
    size_t at = gw_index_from(&stream->runs, sequence);
    struct gw_run *run = at < stream->runs.count ? gw_index_at(&stream->runs, at) : NULL;
    if (run && run->last < sequence)
        run = at + 1 < stream->runs.count ? gw_index_at(&stream->runs, at + 1) : NULL;
    if (run && run->first <= sequence) {
        *last = gw_at_most(*last, run->last);
        return run;
    }
    if (run)
        *last = gw_at_most(*last, run->first - 1);
    return NULL;
}

/* Unique for ever, and growing: no other open of this store has the same upper half. One that has
 * used up the lower half ends; the next one goes on. */
static uint64_t next_number(struct gw_core *core)
{
    if (core->runs_made == UINT32_MAX)
        gw_fail(core);
    return core->options.open << 32 | ++core->runs_made;
}

/* A run stands in its stream's index and in its offer's. */
static struct gw_run *add(struct gw_core *core, struct gw_stream *stream, struct gw_member *member,
                          uint64_t first, uint64_t last)
{
    struct gw_offer *offer = gw_offer_get(core, stream, member->remote);
    struct gw_run *run = offer ? gw_allocate(core, sizeof *run) : NULL;
    if (!run)
        return NULL;
    run->first = run->cursor = first;
    run->last = last;
    run->stream = stream;
    run->offer = offer;
    run->member = member;
    run->attempt = 1;
    if (gw_index_add(&stream->runs, first, run)) {
        gw_fail(core);
        free(run);
        return NULL;
    }
    gw_check(core, gw_index_add(&offer->runs, first, run));
    return core->failed ? NULL : run;
}

static void take_out(struct gw_run *run, size_t at)
{
    struct gw_index *of_member = &run->offer->runs;
    gw_index_remove_at(&run->stream->runs, at);
    gw_index_remove_at(of_member, gw_index_find(of_member, run->first));
    free(run);
}

/* What the member told of an earlier offer of them says nothing of this one. */
static void forget_told(struct gw_core *core, const struct gw_run *run)
{
    struct gw_offer *offer = run->offer;
    if (offer->in_hand.count)
        gw_check(core, gw_ranges_remove(&offer->in_hand, run->first, run->last));
    if (offer->handed.count)
        gw_check(core, gw_ranges_remove(&offer->handed, run->first, run->last));
}

/* Assigns unsettled messages that are with nobody; durable with the next seal. */
struct gw_run *gw_run_new(struct gw_core *core, struct gw_stream *stream, struct gw_member *member,
                          uint64_t first, uint64_t last)
{
    struct gw_run *run = add(core, stream, member, first, last);
    if (!run)
        return NULL;
    forget_told(core, run);
    run->left = last - first + 1;
    run->number = next_number(core);
    run->turn = core->turn;
    run->charged_link = member->remote->link.id;
    member->outstanding += run->left;
    member->chosen = ++core->choices;
    gw_member_touch(member);
    gw_pile_run(core, run);
    gw_commit_now(core);
    return run;
}

struct gw_run *gw_run_recover(struct gw_core *core, struct gw_stream *stream,
                              struct gw_member *member, const struct gw_row *row)
{
    struct gw_run *run = add(core, stream, member, row->first, row->last);
    if (!run)
        return NULL;
    run->number = row->number;
    run->maybe_duplicate = row->maybe_duplicate;
    run->sent = true; /* it may have left: whoever holds it gets it again, flagged */
    return run;       /* its attempt comes with the story, if there is one */
}

/* ---- rows ---- */

static void forget_row(struct gw_core *core, struct gw_stream *stream, uint64_t first)
{
    gw_check(core, gw_ranges_add(&stream->cut, first, first));
    gw_stream_dirty(core, stream);
    gw_commit_lazily(core);
}

/* Before anything else of a seal. */
void gw_run_seal_cuts(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_range piece;
    for (uint64_t at = 0; gw_ranges_next(&stream->cut, true, &at, UINT64_MAX, &piece);)
        for (uint64_t first = piece.first; first <= piece.last; first++) {
            struct gw_op *op = gw_seal_op(core, GW_OP_DELETE);
            if (!op)
                return;
            op->row.kind = GW_ROW_ASSIGNMENT;
            op->row.epoch = stream->epoch;
            op->row.first = first;
        }
    gw_ranges_clear(&stream->cut);
}

void gw_run_write(struct gw_core *core, const struct gw_run *run)
{
    struct gw_op *op = gw_seal_op(core, GW_OP_PUT);
    if (!op)
        return;
    op->row.kind = GW_ROW_ASSIGNMENT;
    op->row.epoch = run->stream->epoch;
    op->row.first = run->first;
    op->row.last = run->last;
    op->row.number = run->number;
    op->row.maybe_duplicate = run->maybe_duplicate;
    memcpy(op->row.peer, run->member->remote->name, sizeof op->row.peer);
}

/* Its row is to be written anew: it was cut, and is as durable as before. */
static void write_again(struct gw_core *core, struct gw_run *run)
{
    run->changed = run->stream->runs_changed = true;
    gw_stream_dirty(core, run->stream);
    gw_commit_lazily(core);
}

void gw_run_seal_changed(struct gw_core *core, struct gw_stream *stream)
{
    for (size_t i = 0; i < stream->runs.count && !core->failed; i++) {
        struct gw_run *run = gw_index_at(&stream->runs, i);
        if (run->changed)
            gw_run_write(core, run);
        run->changed = false;
    }
    stream->runs_changed = false;
}

/* ---- ends ---- */

void gw_run_count(struct gw_run *run)
{
    run->left = gw_open_count(run->stream, run->first, run->last);
    run->member->outstanding += run->left;
    gw_member_touch(run->member);
}

static bool is_refused(const struct gw_stream *stream, const struct gw_remote *remote)
{
    const struct gw_offer *offer = gw_offer_find(stream, remote);
    return offer && remote->link.id && offer->refused_link == remote->link.id;
}

/* Older messages of an ordered stream are there too, and go first. A handler did not die of this
 * one: it would have been given to nobody before they were settled. */
static bool is_behind(const struct gw_run *run)
{
    const struct gw_stream *stream = run->stream;
    size_t here = stream->ordered ? gw_index_find(&stream->runs, run->first) : 0;
    for (size_t i = 0; i < here; i++) {
        const struct gw_run *older = gw_index_at(&stream->runs, i);
        if (older->left)
            return true;
    }
    return false;
}

/* An earlier open may have left a member with several that are to be alone: one after the other.
 * What it refuses keeps it from nothing. */
void gw_run_find_alone(struct gw_member *member, const struct gw_run *but)
{
    for (struct gw_stream *stream = member->target->streams; stream; stream = stream->next)
        for (size_t i = 0; i < stream->stories.count && !member->alone; i++) {
            if (is_refused(stream, member->remote))
                break;
            const struct gw_story *story = gw_index_at(&stream->stories, i);
            struct gw_run *run = gw_run_at(stream, story->sequence);
            if (story->alone && !story->over && run && run != but && run->member == member &&
                run->first == run->last && run->left && !is_behind(run))
                member->alone = run;
        }
    gw_member_touch(member);
}

static void release(struct gw_core *core, struct gw_run *run)
{
    struct gw_member *member = run->member;
    gw_unsent_remove(member, run);
    if (member->alone == run) {
        member->alone = NULL;
        gw_run_find_alone(member, run);
        member->target->send_due = true; /* what waits to leave may have waited for it */
        gw_dispatch_later(core, member->target);
    }
}

/* All of it is settled. The deletion of its row joins the seal that is being made. */
void gw_run_drop(struct gw_core *core, struct gw_run *run, size_t at)
{
    struct gw_op *op = gw_seal_op(core, GW_OP_DELETE);
    if (!op)
        return;
    op->row.kind = GW_ROW_ASSIGNMENT;
    op->row.epoch = run->stream->epoch;
    op->row.first = run->first;
    release(core, run);
    take_out(run, at);
}

/* Credit is taken when a run is assigned, for all of it, or for each piece that leaves on a later
 * link. */
void gw_run_pay(struct gw_run *run, const struct gw_batch *batch, uint64_t first, uint64_t count)
{
    run->member->used_messages += count;
    run->member->used_bytes +=
        gw_batch_offset(batch, first + count) - gw_batch_offset(batch, first);
    gw_member_touch(run->member);
}

/* What was paid for and will not leave on this link is given back. */
static void refund_unsent(struct gw_run *run, uint64_t first, uint64_t last)
{
    struct gw_member *member = run->member;
    if (run->charged_link != member->remote->link.id || !run->charged_link || last < run->cursor)
        return;
    first = gw_at_least(first, run->cursor);
    const struct gw_batch *batch = gw_stream_batch(run->stream, first);
    /* UNREACHED: it was in memory when it was paid for, and is until it is settled. */
    if (!batch)
        return;
    member->used_messages -= last - first + 1;
    member->used_bytes -= gw_batch_offset(batch, last + 1) - gw_batch_offset(batch, first);
    gw_member_touch(member);
}

void gw_run_pass(struct gw_run *run, uint64_t upto)
{
    if (upto <= run->cursor)
        return;
    refund_unsent(run, run->cursor, upto - 1);
    run->cursor = upto;
}

/* The part above `after` becomes a run of its own, as durable and as far sent as the whole. */
static struct gw_run *split(struct gw_core *core, struct gw_run *run, uint64_t after)
{
    struct gw_run *rest = add(core, run->stream, run->member, after + 1, run->last);
    if (!rest)
        return NULL;
    uint64_t first = rest->first, last = rest->last;
    *rest = *run;
    rest->first = first;
    rest->last = last;
    rest->cursor = run->cursor > first ? run->cursor : first;
    rest->queued = false;
    rest->next_unsent = NULL;
    rest->left = gw_open_count(run->stream, first, last);
    run->last = after;
    run->left -= rest->left;
    if (run->cursor > after + 1)
        run->cursor = after + 1;
    if (run->queued)
        gw_unsent_insert_after(run->member, rest, run);
    return rest;
}

/* Nothing of it is left: it goes, with its row if it has one. */
static void drop_if_empty(struct gw_core *core, struct gw_run *run, bool has_row)
{
    struct gw_stream *stream = run->stream;
    if (run->left) {
        write_again(core, run);
        return;
    }
    if (has_row)
        forget_row(core, stream, run->first);
    gw_run_pass(run, run->last + 1);
    release(core, run);
    take_out(run, gw_index_find(&stream->runs, run->first));
}

/* Its unsettled part waits with nobody, as doubtful as before. Returns how many. */
static uint64_t put_down(struct gw_core *core, const struct gw_run *run, uint64_t first,
                         uint64_t last)
{
    struct gw_stream *stream = run->stream;
    struct gw_range piece;
    uint64_t count = 0;
    while (!core->failed && gw_open_next(stream, &first, last, &piece)) {
        gw_check(core, gw_ranges_add(&stream->waiting, piece.first, piece.last));
        if (run->maybe_duplicate)
            gw_check(core, gw_ranges_add(&stream->doubtful, piece.first, piece.last));
        count += piece.last - piece.first + 1;
    }
    return count;
}

/* [first, last] of a durable run comes back: its unsettled part waits with nobody. The run may be
 * gone afterwards. */
void gw_run_cut(struct gw_core *core, struct gw_run *run, uint64_t first, uint64_t last)
{
    struct gw_stream *stream = run->stream;
    stream->came_back = true;
    struct gw_run *rest = last < run->last ? split(core, run, last) : NULL;
    if (core->failed)
        return;
    uint64_t count = put_down(core, run, first, last);
    refund_unsent(run, first, last);
    run->left -= count;
    run->member->outstanding -= count;
    gw_member_touch(run->member);
    if (first > run->first) {
        run->last = first - 1;
        if (run->cursor > first)
            run->cursor = first;
        drop_if_empty(core, run, true);
    } else {
        run->left = 0;
        run->cursor = run->last + 1; /* all of it that was not sent has been given back */
        drop_if_empty(core, run, true);
    }
    if (rest)
        drop_if_empty(core, rest, false);
    gw_dispatch_later(core, stream->target);
}
