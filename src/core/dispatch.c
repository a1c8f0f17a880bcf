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

/* An ordered stream has one member at a time: whoever holds any of it (rule 20). */
static const struct gw_member *leader(const struct gw_stream *stream)
{
    for (size_t i = 0; i < stream->runs.count; i++) {
        const struct gw_run *run = gw_index_at(&stream->runs, i);
        if (run->left)
            return run->member;
    }
    return NULL;
}

static bool can_take(const struct gw_stream *stream, const struct gw_member *member,
                     uint64_t sequence)
{
    const struct gw_link *link = &member->remote->link;
    if (!member->serving || !link->id || !link->complete || member->unsent_head || member->alone ||
        (member->reserved && member->reserved != stream))
        return false;
    if (sequence >= stream->floor_published + member->remote->identity.window)
        return false; /* its W is smaller than ours */
    const struct gw_offer *offer = gw_stream_offer_find(stream, member->remote);
    return !offer || offer->refused_link != link->id;
}

/* The least loaded member with credit for a message of `size` bytes; ties go to who waited longest.
 * Counts in *able how many could have taken it. */
static struct gw_member *choose(struct gw_core *core, struct gw_stream *stream, uint64_t sequence,
                                uint64_t size, size_t *able)
{
    const struct gw_member *lead = stream->ordered ? leader(stream) : NULL;
    struct gw_member *best = NULL;
    bool starved = false;
    *able = 0;
    for (struct gw_member *member = stream->target->members; member;
         member = member->next_in_target) {
        if ((lead && member != lead) || member->reserved ||
            !can_take(stream, member, sequence))
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
    if (stream->ordered && *able > 1)
        *able = 1; /* all of it goes to one */
    if (!best && starved)
        gw_count(core, GW_COUNTER_credit_zero, 1);
    return best;
}

/* An idle member for a message that crashed its handler; or else the one with the least to do is
 * kept free for it from now on. */
static struct gw_member *choose_alone(struct gw_stream *stream, uint64_t sequence, uint64_t size)
{
    const struct gw_member *lead = stream->ordered ? leader(stream) : NULL;
    struct gw_member *best = NULL;
    for (struct gw_member *member = stream->target->members; member;
         member = member->next_in_target) {
        if ((lead && member != lead) || (member->reserved && member->reserved_for != sequence) ||
            !can_take(stream, member, sequence))
            continue;
        if (!member->outstanding && free_messages(member) && free_bytes(member) >= size)
            return member;
        if (!best || member->outstanding < best->outstanding)
            best = member;
    }
    if (best) {
        best->reserved = stream;
        best->reserved_for = sequence;
    }
    return NULL;
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

/* `first` is unsettled: the last one up to `last` of which that is true without a gap. */
static uint64_t open_until(const struct gw_stream *stream, uint64_t first, uint64_t last)
{
    const struct gw_ranges *sets[] = {&stream->settled, &stream->settling};
    for (size_t i = 0; i < 2; i++) {
        size_t next = gw_ranges_find(sets[i], first);
        if (next < sets[i]->count && sets[i]->items[next].first <= last)
            last = sets[i]->items[next].first - 1;
    }
    return last;
}

static uint64_t window_end(const struct gw_core *core, const struct gw_stream *stream)
{
    return stream->floor_published + core->options.window; /* the first sequence beyond */
}

/* ---- assigning ---- */

static void assign(struct gw_core *core, struct gw_stream *stream, struct gw_member *member,
                   const struct gw_batch *batch, uint64_t count)
{
    gw_stream_offer(core, stream, member->remote);
    uint64_t first = stream->next_unassigned;
    if (core->failed || !gw_run_new(core, stream, member, first, first + count - 1))
        return;
    member->used_messages += count;
    member->used_bytes += gw_batch_offset(batch, first + count) - gw_batch_offset(batch, first);
    gw_stream_skip(stream, first + count);
}

/* At W: says whose message holds it. */
static void stalled(struct gw_core *core, struct gw_stream *stream)
{
    if (stream->stalled)
        return;
    stream->stalled = true;
    gw_count(core, GW_COUNTER_window_full, 1);
    if (stream->dirty)
        gw_commit_now(core); /* settlements that wait for company would free it */
    const struct gw_run *run = gw_run_at(stream, stream->floor);
    gw_note(core, GW_NOTE_STALLED, run ? run->member->remote->name : "", stream->epoch,
            stream->floor);
}

/* Of what was never offered, withdrawn messages are passed over. */
static uint64_t next_open(struct gw_stream *stream)
{
    uint64_t next = stream->next_unassigned, before;
    do {
        before = next;
        next = gw_ranges_first_gap(&stream->settled, next);
        next = gw_ranges_first_gap(&stream->settling, next);
    } while (next != before);
    gw_stream_skip(stream, next);
    return next;
}

/* How many messages from `first` on, up to `last`, this one of `able` members gets. */
static uint64_t portion(const struct gw_core *core, const struct gw_stream *stream,
                        const struct gw_member *member, const struct gw_batch *batch,
                        uint64_t first, uint64_t last, size_t able)
{
    uint64_t here = last - first + 1;
    uint64_t ends = at_most(window_end(core, stream),
                            stream->floor_published + member->remote->identity.window);
    uint64_t most = at_most(at_most(here, free_messages(member)), ends - first);
    if (able > 1)
        most = at_most(most, (here + able - 1) / able);
    uint64_t count = fitting(batch, first, most, at_most(free_bytes(member), GW_BODY_MAX));
    return count ? count : 1;
}

/* Offers the next unassigned messages of the stream. False: it cannot go on for now. */
static bool offer_next(struct gw_core *core, struct gw_stream *stream)
{
    uint64_t next = next_open(stream);
    if (next > stream->last)
        return false;
    if (next >= window_end(core, stream)) {
        stalled(core, stream);
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
    struct gw_member *member = choose(core, stream, next, size, &able);
    if (!member)
        return false;
    uint64_t last = gw_batch_last(batch);
    if (stream->settled.count || stream->settling.count)
        last = open_until(stream, next, last);
    assign(core, stream, member, batch,
           portion(core, stream, member, batch, next, last, able));
    return true;
}

/* ---- what came back ---- */

/* The first piece of `waiting` that can be offered from *at on as one: of one batch, one story, one
 * fate. *due: when a piece that has to wait may go. */
static bool next_waiting(struct gw_core *core, struct gw_stream *stream, uint64_t *at,
                         struct gw_range *piece, struct gw_story **story, uint64_t *due)
{
    while (gw_ranges_next(&stream->waiting, true, at, stream->last, piece)) {
        *story = gw_story_from(stream, piece->first, piece->last);
        if (!*story)
            return true;
        if ((*story)->sequence > piece->first) {
            piece->last = (*story)->sequence - 1;
            *at = piece->last + 1;
            *story = NULL;
            return true;
        }
        piece->last = piece->first;
        *at = piece->first + 1;
        bool free = !(*story)->withdrawal && (*story)->due_us <= core->now_us &&
                    !gw_retry_is_over(core, stream, *story);
        if (free)
            return true;
        if (!(*story)->withdrawal && !(*story)->death)
            *due = at_most(*due, (*story)->due_us);
        if (stream->ordered)
            return false; /* nothing may pass it */
    }
    return false;
}

static bool offer_again(struct gw_core *core, struct gw_stream *stream, struct gw_range piece,
                        const struct gw_story *story)
{
    struct gw_batch *batch = gw_stream_batch(stream, piece.first);
    if (!batch) {
        gw_stream_request_load(core, stream, piece.first);
        return false;
    }
    bool alone = story && story->alone;
    size_t able;
    uint64_t size = gw_batch_offset(batch, piece.first + 1) - gw_batch_offset(batch, piece.first);
    struct gw_member *member = alone ? choose_alone(stream, piece.first, size)
                                     : choose(core, stream, piece.first, size, &able);
    if (!member)
        return false;
    uint64_t last = at_most(piece.last, gw_batch_last(batch));
    bool doubtful = gw_ranges_contains(&stream->doubtful, piece.first);
    struct gw_range same;
    uint64_t at = piece.first;
    if (gw_ranges_next(&stream->doubtful, doubtful, &at, last, &same))
        last = same.last;
    uint64_t count = alone ? 1
                           : portion(core, stream, member, batch, piece.first, last,
                                     stream->ordered ? 1 : able);
    last = piece.first + count - 1;
    gw_stream_offer(core, stream, member->remote);
    struct gw_run *run = gw_run_new(core, stream, member, piece.first, last);
    if (!run)
        return false;
    gw_check(core, gw_ranges_remove(&stream->waiting, piece.first, last));
    gw_check(core, gw_ranges_remove(&stream->doubtful, piece.first, last));
    member->used_messages += count;
    member->used_bytes += gw_batch_offset(batch, last + 1) - gw_batch_offset(batch, piece.first);
    run->sent = true; /* offered before, if not there */
    run->maybe_duplicate = doubtful;
    run->attempt = story ? story->attempts : 1;
    if (alone) {
        member->alone = run;
        member->reserved = NULL;
        gw_count(core, GW_COUNTER_offered_alone, 1);
    }
    return true;
}

/* True if the stream may go on with what was never offered. */
static bool offer_waiting(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_range piece;
    struct gw_story *story;
    uint64_t at = stream->floor, due = GW_NEVER;
    if (!stream->target->live)
        return true;
    while (!core->failed && next_waiting(core, stream, &at, &piece, &story, &due)) {
        if (offer_again(core, stream, piece, story))
            at = piece.first; /* more of it may be left */
        else if (!story || !story->alone)
            break; /* no room, or its batch is being read */
    }
    if (due != GW_NEVER)
        gw_policy_wake(core, stream->target, due);
    return !stream->ordered || !stream->waiting.count;
}

static bool is_settled(const struct gw_stream *stream)
{
    return stream->floor_published == stream->last + 1;
}

/* Until the message for which it is kept free is looked at again. */
static void unreserve(struct gw_stream *stream)
{
    for (struct gw_member *member = stream->target->members; member;
         member = member->next_in_target)
        if (member->reserved == stream)
            member->reserved = NULL;
}

void gw_dispatch(struct gw_core *core, struct gw_target *target)
{
    if (target->abandoned) {
        gw_abandoned(core, target);
        return;
    }
    for (struct gw_stream *stream = target->streams; stream; stream = stream->next) {
        if (stream->wanted)
            gw_withdraw_waiting(core, stream);
        unreserve(stream);
        bool go_on = !stream->waiting.count || offer_waiting(core, stream);
        while (!core->failed && go_on && stream->next_unassigned <= stream->last)
            go_on = offer_next(core, stream);
        if (stream->next && stream->next->ordered && !is_settled(stream))
            return; /* rule 19 */
    }
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

/* `run` is the part of a queued one that was cut off behind `before`. */
void gw_dispatch_enqueue_after(struct gw_member *member, struct gw_run *run, struct gw_run *before)
{
    run->queued = true;
    run->next_unsent = before->next_unsent;
    before->next_unsent = run;
    if (member->unsent_tail == before)
        member->unsent_tail = run;
}

void gw_dispatch_durable(struct gw_core *core, struct gw_run *run)
{
    struct gw_member *member = run->member;
    gw_dispatch_later(core, member->target); /* what is wanted back of it can be asked for now */
    if (member->remote->gone) {
        gw_gone_run(core, run);
        return;
    }
    if (!member->remote->link.complete)
        return; /* the next link's start takes it up */
    enqueue(member, run);
    gw_dispatch_send(core, member);
}

/* Names the epoch on the member's link if that was not done. False: refused there. */
bool gw_dispatch_open(struct gw_core *core, struct gw_stream *stream, struct gw_remote *remote)
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
    frame->u.open.ordered = stream->ordered;
    return true;
}

/* A message with a wanted SKIP is not sent (rule 9). False: nothing of the piece is left. */
static bool pass_wanted(const struct gw_stream *stream, struct gw_range *piece, uint64_t *next)
{
    while (stream->wanted && piece->first <= piece->last) {
        const struct gw_story *story = gw_story_from(stream, piece->first, piece->last);
        while (story && !story->withdrawal && story->sequence < piece->last)
            story = gw_story_from(stream, story->sequence + 1, piece->last);
        if (!story || !story->withdrawal)
            return true;
        *next = story->sequence + 1;
        if (story->sequence > piece->first) {
            piece->last = story->sequence - 1;
            return true;
        }
        piece->first++;
    }
    return piece->first <= piece->last;
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
            while (gw_ranges_next(in_hand, false, &inner, end, piece))
                if (pass_wanted(stream, piece, &inner))
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
    if (!run->offered_us) {
        run->offered_us = core->now_us;
        uint64_t deadline_us = gw_policy_of(stream->target)->deadline_us;
        if (deadline_us)
            gw_policy_wake(core, stream->target, core->now_us + deadline_us);
    }
    effect->u.data.conn = remote->link.conn;
    effect->u.data.link = remote->link.id;
    effect->u.data.batch = batch;
    effect->u.data.first = first;
    effect->u.data.count = count;
    effect->u.data.floor = floor < first ? floor : first;
    effect->u.data.redelivered = offered_before(run);
    effect->u.data.maybe_duplicate = run->maybe_duplicate;
    effect->u.data.number = run->number;
    effect->u.data.attempt = run->attempt;
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

/* Moves on to `upto`: what is passed over was paid for and does not leave on this link. */
static void pass_over(struct gw_run *run, uint64_t upto)
{
    struct gw_member *member = run->member;
    uint64_t from = run->cursor;
    if (upto <= from)
        return;
    run->cursor = upto;
    const struct gw_batch *batch = gw_stream_batch(run->stream, from);
    if (run->charged_link != member->remote->link.id || !batch)
        return;
    member->used_messages -= upto - from;
    member->used_bytes -= gw_batch_offset(batch, upto) - gw_batch_offset(batch, from);
}

enum progress { SENT, NO_BYTES, NO_CREDIT };

/* Sends what is left of the run, unless it must wait: for its bytes, which are being read, or for
 * credit. */
static enum progress send_run(struct gw_core *core, struct gw_run *run)
{
    struct gw_range piece;
    if (!gw_dispatch_open(core, run->stream, run->member->remote)) {
        refund(core, run); /* refused on this link: nothing of it goes there */
        return SENT;
    }
    while (!core->failed && next_piece(run, &piece)) {
        struct gw_batch *batch = gw_stream_batch(run->stream, piece.first);
        pass_over(run, piece.first);
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
    pass_over(run, run->last + 1);
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
        if ((starved && run->charged_link != link->id) || (member->alone && member->alone != run))
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
