/* SPDX-License-Identifier: MPL-2.0 */
/* Which message goes to which member, and when its bytes leave.
 *
 *   unassigned --assign--> run --its turn is durable--> the member's unsent list
 *                                                           --link and credit--> SEND_DATA
 *
 * An assignment is durable before its DATA leaves (rule 7): a run enters the unsent list only at
 * its commit, and again for each new link. Runs are cut so that no member holds more than its
 * credit while another is idle. */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>

/* ---- choosing ---- */

static uint64_t free_messages(const struct gw_member *member)
{
    return member->granted_messages > member->used_messages
               ? member->granted_messages - member->used_messages
               : 0;
}

static uint64_t free_bytes(const struct gw_member *member)
{
    return member->granted_bytes > member->used_bytes ? member->granted_bytes - member->used_bytes
                                                      : 0;
}

static bool can_take(const struct gw_stream *stream, const struct gw_member *member)
{
    const struct gw_link *link = &member->remote->link;
    if (!member->serving || !link->id || !link->complete || member->unsent_head)
        return false;
    if (stream->next_unassigned >= stream->floor_published + member->remote->identity.window)
        return false; /* its W is smaller than ours */
    const struct gw_offer *offer = gw_stream_offer_find(stream, member->remote);
    return !offer || offer->refused_link != link->id;
}

/* The least loaded member with credit for a message of `size` bytes; ties go to who waited longest.
 * Counts in *able how many could have taken it. */
static struct gw_member *choose(struct gw_core *core, struct gw_stream *stream, uint64_t size,
                                size_t *able)
{
    struct gw_member *best = NULL;
    bool starved = false;
    *able = 0;
    for (struct gw_member *member = stream->target->members; member;
         member = member->next_in_target) {
        if (!can_take(stream, member))
            continue;
        if (!free_messages(member) || free_bytes(member) < size) {
            starved = true;
            continue;
        }
        ++*able;
        if (!best || member->outstanding < best->outstanding ||
            (member->outstanding == best->outstanding && member->chosen < best->chosen))
            best = member;
    }
    if (!best && starved)
        gw_count(core, GW_COUNTER_credit_zero, 1);
    return best;
}

/* How many messages from `first` on fit into `bytes`, at most `most`; at least 0. */
static uint64_t fitting(const struct gw_batch *batch, uint64_t first, uint64_t most, uint64_t bytes)
{
    uint64_t begin = gw_batch_offset(batch, first);
    if (gw_batch_offset(batch, first + most) - begin <= bytes)
        return most;
    uint64_t low = 0, high = most; /* `low` fit, `high` do not */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (gw_batch_offset(batch, first + middle) - begin <= bytes)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t window_end(const struct gw_core *core, const struct gw_stream *stream)
{
    return stream->floor_published + core->options.window; /* the first sequence beyond */
}

/* ---- assigning ---- */

static struct gw_run *run_new(struct gw_core *core, struct gw_stream *stream,
                              struct gw_member *member, uint64_t count)
{
    struct gw_run *run = gw_allocate(core, sizeof *run);
    if (!run)
        return NULL;
    run->first = stream->next_unassigned;
    run->last = run->first + count - 1;
    run->stream = stream;
    run->member = member;
    run->left = count;
    run->cursor = run->first;
    run->turn = core->turn;
    run->charged_link = member->remote->link.id;
    if (!gw_index_add(&stream->runs, run->first, run))
        return run;
    gw_fail(core);
    free(run);
    return NULL;
}

static void assign(struct gw_core *core, struct gw_stream *stream, struct gw_member *member,
                   const struct gw_batch *batch, uint64_t count)
{
    gw_stream_offer(core, stream, member->remote);
    struct gw_run *run = run_new(core, stream, member, count);
    if (!run || core->failed)
        return;
    uint64_t bytes = gw_batch_offset(batch, run->last + 1) - gw_batch_offset(batch, run->first);
    member->used_messages += count;
    member->used_bytes += bytes;
    member->outstanding += count;
    member->chosen = ++core->choices;
    stream->next_unassigned += count;
    stream->unoffered_bytes -= bytes;
    gw_pile_run(core, run);
    gw_commit_now(core);
}

/* Offers the next unassigned messages of the stream. False: it cannot go on for now. */
static bool offer_next(struct gw_core *core, struct gw_stream *stream)
{
    uint64_t next = stream->next_unassigned;
    uint64_t end = window_end(core, stream);
    if (next >= end) {
        if (!stream->stalled)
            gw_count(core, GW_COUNTER_window_full, 1);
        if (!stream->stalled && stream->dirty)
            gw_commit_now(core); /* settlements that wait for company would free it */
        stream->stalled = true;
        return false;
    }
    struct gw_batch *batch = gw_stream_batch(stream, next);
    if (!batch) {
        if (stream->target->live)
            gw_stream_request_load(core, stream, next);
        return false;
    }
    size_t able;
    uint64_t size = gw_batch_offset(batch, next + 1) - gw_batch_offset(batch, next);
    struct gw_member *member = choose(core, stream, size, &able);
    if (!member)
        return false;
    uint64_t here = gw_batch_last(batch) - next + 1;
    uint64_t theirs = stream->floor_published + member->remote->identity.window;
    uint64_t most = at_most(at_most(here, free_messages(member)), at_most(end, theirs) - next);
    if (able > 1)
        most = at_most(most, (here + able - 1) / able);
    uint64_t count = fitting(batch, next, most, at_most(free_bytes(member), GW_BODY_MAX));
    assign(core, stream, member, batch, count ? count : 1);
    return true;
}

void gw_dispatch(struct gw_core *core, struct gw_target *target)
{
    for (struct gw_stream *stream = target->streams; stream; stream = stream->next)
        while (!core->failed && stream->next_unassigned <= stream->last && offer_next(core, stream))
            ;
}

/* ---- sending ---- */

static void enqueue(struct gw_member *member, struct gw_run *run)
{
    run->queued = true;
    run->next_unsent = NULL;
    if (member->unsent_tail)
        member->unsent_tail->next_unsent = run;
    else
        member->unsent_head = run;
    member->unsent_tail = run;
}

void gw_dispatch_unqueue(struct gw_member *member, struct gw_run *run)
{
    if (!run->queued)
        return;
    struct gw_run *before = NULL;
    for (struct gw_run *at = member->unsent_head; at != run; at = at->next_unsent)
        before = at;
    if (before)
        before->next_unsent = run->next_unsent;
    else
        member->unsent_head = run->next_unsent;
    if (member->unsent_tail == run)
        member->unsent_tail = before;
    run->queued = false;
    run->next_unsent = NULL;
}

void gw_dispatch_durable(struct gw_core *core, struct gw_run *run)
{
    struct gw_member *member = run->member;
    if (!member->remote->link.complete)
        return; /* the next link's start takes it up */
    enqueue(member, run);
    gw_dispatch_send(core, member);
}

static bool opened(struct gw_core *core, struct gw_stream *stream, struct gw_remote *remote)
{
    struct gw_offer *offer = gw_stream_offer(core, stream, remote);
    struct gw_link *link = &remote->link;
    if (!offer || offer->refused_link == link->id)
        return false;
    if (offer->opened_link == link->id)
        return true;
    offer->opened_link = link->id;
    struct gw_frame *frame = gw_send_frame(core, link->conn, GW_FRAME_OPEN, link->id);
    frame->u.open.destination = stream->target->destination;
    frame->u.open.epoch = stream->epoch;
    frame->u.open.floor = stream->floor_published;
    frame->u.open.last = stream->stored;
    frame->u.open.fresh = !offer->known || remote->identity.memory; /* that one may forget */
    return true;
}

/* The next piece of the run that the member neither has in hand nor has decided. */
static bool next_piece(const struct gw_run *run, struct gw_range *piece)
{
    const struct gw_stream *stream = run->stream;
    const struct gw_remote *remote = run->member->remote;
    const struct gw_offer *offer = gw_stream_offer_find(stream, remote);
    const struct gw_ranges none = GW_RANGES_EMPTY;
    const struct gw_ranges *in_hand =
        offer && offer->in_hand_link == remote->link.id ? &offer->in_hand : &none;
    uint64_t at = run->cursor > stream->floor ? run->cursor : stream->floor;
    while (gw_ranges_next(&stream->settled, false, &at, run->last, piece)) {
        uint64_t first = piece->first, last = piece->last;
        while (gw_ranges_next(&stream->settling, false, &first, last, piece)) {
            uint64_t inner = piece->first, end = piece->last;
            if (gw_ranges_next(in_hand, false, &inner, end, piece))
                return true;
        }
    }
    return false;
}

/* Whether an earlier link, or an earlier open, may have brought it there. */
static bool offered_before(struct gw_run *run)
{
    uint64_t link = run->member->remote->link.id;
    if (!run->sent) {
        run->sent = true;
        run->first_link = link;
    }
    return run->first_link != link;
}

static void emit_data(struct gw_core *core, struct gw_run *run, struct gw_batch *batch,
                      uint64_t first, uint64_t count)
{
    struct gw_stream *stream = run->stream;
    struct gw_remote *remote = run->member->remote;
    struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_SEND_DATA);
    if (!effect)
        return;
    uint64_t floor = stream->floor_published;
    if (GW_PLANT(FLOOR_TOO_HIGH) && floor <= stream->last)
        floor++;
    effect->u.data.conn = remote->link.conn;
    effect->u.data.link = remote->link.id;
    effect->u.data.batch = batch;
    effect->u.data.first = first;
    effect->u.data.count = count;
    effect->u.data.floor = floor < first ? floor : first;
    effect->u.data.redelivered = offered_before(run);
    effect->u.data.number = run->number ? run->number : 1; /* the wire knows no 0 */
    effect->u.data.attempt = run->attempt ? run->attempt : 1;
    gw_count(core, GW_COUNTER_data_sent, 1);
    if (effect->u.data.redelivered)
        gw_count(core, GW_COUNTER_resent, count);
    gw_link_data_sent(core, remote);
}

/* Takes credit for as much of [first, last] as there is. Returns how many messages may go. */
static uint64_t charge(struct gw_run *run, const struct gw_batch *batch, uint64_t first,
                       uint64_t count)
{
    struct gw_member *member = run->member;
    if (run->charged_link == member->remote->link.id)
        return count; /* paid for in full when it was assigned */
    count = at_most(count, free_messages(member));
    if (count)
        count = fitting(batch, first, count, free_bytes(member));
    member->used_messages += count;
    member->used_bytes += gw_batch_offset(batch, first + count) - gw_batch_offset(batch, first);
    return count;
}

/* Whether there is credit for the message `first`, as far as that can be told without its batch.
 * Asked before its bytes are read: else two runs that cannot go could read each other out of memory
 * for ever. */
static bool can_pay(const struct gw_run *run, const struct gw_batch *batch, uint64_t first)
{
    const struct gw_member *member = run->member;
    if (run->charged_link == member->remote->link.id)
        return true;
    if (!free_messages(member) || !batch)
        return free_messages(member) > 0;
    uint64_t size = gw_batch_offset(batch, first + 1) - gw_batch_offset(batch, first);
    return size <= free_bytes(member);
}

/* Gives back the credit that a run took for messages that will not leave on this link. */
static void refund(struct gw_core *core, struct gw_run *run)
{
    struct gw_member *member = run->member;
    const struct gw_batch *batch = gw_stream_batch(run->stream, run->cursor);
    if (run->charged_link != member->remote->link.id || run->cursor > run->last || !batch)
        return;
    run->charged_link = 0;
    member->used_messages -= run->last - run->cursor + 1;
    member->used_bytes -=
        gw_batch_offset(batch, run->last + 1) - gw_batch_offset(batch, run->cursor);
    gw_dispatch_later(core, member->target);
}

/* The member refuses the stream on this link: what still waits to be sent goes nowhere. */
void gw_dispatch_refused(struct gw_core *core, struct gw_stream *stream, struct gw_remote *remote)
{
    for (size_t i = 0; i < stream->runs.count; i++) {
        struct gw_run *run = gw_index_at(&stream->runs, i);
        if (run->member->remote != remote || !run->queued)
            continue;
        gw_dispatch_unqueue(run->member, run);
        refund(core, run);
        gw_dispatch_send(core, run->member);
    }
}

enum progress { SENT, NO_BYTES, NO_CREDIT };

/* Sends what is left of the run, unless it must wait: for its bytes, which are being read, or for
 * credit. */
static enum progress send_run(struct gw_core *core, struct gw_run *run)
{
    struct gw_range piece;
    if (!opened(core, run->stream, run->member->remote)) {
        refund(core, run); /* refused on this link: nothing of it goes there */
        return SENT;
    }
    while (!core->failed && next_piece(run, &piece)) {
        struct gw_batch *batch = gw_stream_batch(run->stream, piece.first);
        if (!can_pay(run, batch, piece.first)) {
            gw_count(core, GW_COUNTER_credit_zero, 1);
            return NO_CREDIT;
        }
        if (!batch || !batch->body) {
            gw_stream_request_load(core, run->stream, piece.first);
            return NO_BYTES;
        }
        uint64_t count = charge(run, batch, piece.first, piece.last - piece.first + 1);
        emit_data(core, run, batch, piece.first, count);
        run->cursor = piece.first + count;
    }
    return SENT;
}

/* A run that an earlier link had paid for may find the credit gone to a later one, assigned while
 * its own commit was slow. What is paid for goes first then: only its decision brings new
 * credit. */
void gw_dispatch_send(struct gw_core *core, struct gw_member *member)
{
    const struct gw_link *link = &member->remote->link;
    bool starved = false;
    struct gw_run *next;
    if (!link->complete || !member->serving)
        return;
    for (struct gw_run *run = member->unsent_head; run && !core->failed; run = next) {
        next = run->next_unsent;
        if (starved && run->charged_link != link->id)
            continue;
        enum progress progress = send_run(core, run);
        if (progress == NO_BYTES)
            return;
        if (progress == NO_CREDIT)
            starved = true;
        else
            gw_dispatch_unqueue(member, run);
    }
}

/* A new link: everything assigned to the member, durable and not settled, is to be sent on it. */
void gw_dispatch_requeue(struct gw_core *core, struct gw_member *member)
{
    for (struct gw_stream *stream = member->target->streams; stream; stream = stream->next)
        for (size_t i = 0; i < stream->runs.count; i++) {
            struct gw_run *run = gw_index_at(&stream->runs, i);
            if (run->member != member || run->turn > core->committed || run->queued || !run->left)
                continue;
            run->cursor = run->first;
            enqueue(member, run);
        }
}
