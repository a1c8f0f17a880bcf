/* SPDX-License-Identifier: MPL-2.0 */
/* Which message goes to which member. Runs are cut so that no member holds more than its credit
 * while another is idle; what came back goes before what was never offered. When the bytes leave is
 * in unsent.c. */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>

/* An ordered stream has one member at a time: whoever holds any of it (rule 20). */
static struct gw_member *leader(const struct gw_stream *stream)
{
    for (size_t i = 0; i < stream->runs.count; i++) {
        const struct gw_run *run = gw_index_at(&stream->runs, i);
        if (run->left)
            return run->member;
    }
    return NULL;
}

static bool any_late(const struct gw_pile *pile, const struct gw_stream *stream)
{
    for (size_t i = 0; i < pile->run_count; i++) {
        const struct gw_run *run = pile->runs[i];
        if (run->stream == stream && run->charged_link != run->member->remote->link.id)
            return true;
    }
    return false;
}

/* A run of an ordered stream that waits for its commit and was paid for on an earlier link may have
 * to wait for credit; what is assigned now would pass it. */
static bool has_late_run(const struct gw_core *core, const struct gw_stream *stream)
{
    return stream->ordered && (any_late(&core->filling, stream) || any_late(&core->flying, stream));
}

static bool takes(const struct gw_member *member, uint64_t size)
{
    return size <= gw_message_limit(member->remote->identity.max_message);
}

static bool can_take(const struct gw_stream *stream, const struct gw_member *member,
                     uint64_t sequence, uint64_t size)
{
    if (sequence >= stream->floor_published + member->remote->identity.window)
        return false; /* its W is smaller than ours */
    if (!takes(member, size))
        return false;
    const struct gw_offer *offer = gw_offer_find(stream, member->remote);
    return (!offer || offer->refused_link != member->remote->link.id) &&
           !gw_offers_keep_suspect(member);
}

/* The first of those that are ready that can take it; those before it are passed over, until the
 * next choice. *starved: one of them has too few bytes of credit. */
static struct gw_member *first_able(struct gw_core *core, const struct gw_stream *stream,
                                    uint64_t sequence, uint64_t size, bool *starved)
{
    struct gw_member *member;
    while ((member = gw_ready_first(stream->target))) {
        core->looks++;
        bool can = can_take(stream, member, sequence, size);
        if (can && gw_credit_bytes(member) >= size)
            return member;
        *starved |= can;
        gw_ready_pass(member);
    }
    return NULL;
}

/* The one that has the rest of an ordered stream, if it can take more. */
static struct gw_member *again(const struct gw_stream *stream, struct gw_member *lead,
                               uint64_t sequence, uint64_t size, bool *starved)
{
    bool can = gw_member_is_free(lead) && can_take(stream, lead, sequence, size);
    if (can && gw_credit_messages(lead) && gw_credit_bytes(lead) >= size)
        return lead;
    *starved = can;
    return NULL;
}

void gw_dispatch_too_large(struct gw_core *core, struct gw_stream *stream, uint64_t sequence,
                           const struct gw_remote *remote)
{
    if (sequence <= stream->too_large)
        return;
    stream->too_large = sequence;
    gw_count(core, GW_COUNTER_too_large, 1);
    gw_note(core, GW_NOTE_TOO_LARGE, remote->name, stream->epoch, sequence);
}

/* If all who serve the destination now take less: the message waits for one that takes it, and its
 * stream with it. */
static void tell_too_large(struct gw_core *core, struct gw_stream *stream, uint64_t sequence,
                           uint64_t size)
{
    const struct gw_member *member = stream->target->members;
    const struct gw_remote *someone = NULL;
    for (; member; member = member->next_in_target) {
        if (!member->serving || !member->remote->link.complete)
            continue;
        if (takes(member, size))
            return;
        someone = member->remote;
    }
    if (someone)
        gw_dispatch_too_large(core, stream, sequence, someone);
}

/* The least loaded member with credit for a message of `size` bytes; ties go to who waited longest.
 * *able becomes how many there are to share with: those that are ready, but for those that were
 * passed over. */
static struct gw_member *choose(struct gw_core *core, struct gw_stream *stream, uint64_t sequence,
                                uint64_t size, size_t *able)
{
    struct gw_target *target = stream->target;
    struct gw_member *lead = stream->ordered ? leader(stream) : NULL;
    bool starved = false;
    *able = 0;
    if (has_late_run(core, stream))
        return NULL;
    gw_ready_refresh(core, target);
    struct gw_member *best = lead ? again(stream, lead, sequence, size, &starved)
                                  : first_able(core, stream, sequence, size, &starved);
    *able = stream->ordered ? 1 : target->ready.count; /* all of an ordered one goes to one */
    if (!lead)
        starved |= target->starved > 0;
    if (!best && starved)
        gw_count(core, GW_COUNTER_credit_zero, 1);
    if (!best && size > GW_MESSAGE_COMMON)
        tell_too_large(core, stream, sequence, size);
    return best;
}

/* An idle member for a message that crashed its handler; or else the one with the least to do is
 * kept free for it from now on. What it came back with counts, though it was forfeited there: were
 * it begun beside that message, the next crash would be charged to both. */
static struct gw_member *choose_alone(struct gw_stream *stream, uint64_t sequence, uint64_t size)
{
    const struct gw_member *lead = stream->ordered ? leader(stream) : NULL;
    struct gw_member *best = NULL;
    uint64_t least = UINT64_MAX;
    for (struct gw_member *member = stream->target->members; member;
         member = member->next_in_target) {
        if ((lead && member != lead) || !gw_member_is_free(member) ||
            !can_take(stream, member, sequence, size))
            continue;
        uint64_t load = member->outstanding + gw_offers_kept(member);
        if (!load && gw_credit_messages(member) && gw_credit_bytes(member) >= size)
            return member;
        if (load < least) {
            best = member;
            least = load;
        }
    }
    if (best)
        gw_member_reserve(best, stream);
    return NULL;
}

static uint64_t window_end(const struct gw_core *core, const struct gw_stream *stream)
{
    return stream->floor_published + core->options.window; /* the first sequence beyond */
}

/* ---- assigning ---- */

static struct gw_run *assign(struct gw_core *core, struct gw_stream *stream,
                             struct gw_member *member, const struct gw_batch *batch,
                             uint64_t first, uint64_t count)
{
    struct gw_run *run = gw_run_new(core, stream, member, first, first + count - 1);
    if (run)
        gw_run_pay(run, batch, first, count);
    return run;
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

/* The first piece that was never offered; withdrawn messages are passed over. */
static bool next_unoffered(struct gw_stream *stream, struct gw_range *piece)
{
    uint64_t at = stream->next_unassigned;
    bool any = gw_open_next(stream, &at, stream->last, piece);
    gw_stream_skip(stream, any ? piece->first : stream->last + 1);
    return any;
}

/* How many messages from `first` on can be assigned now, in this batch and those behind it: they
 * are to be shared among all. */
static uint64_t at_hand(const struct gw_core *core, const struct gw_stream *stream, uint64_t first,
                        uint64_t last)
{
    uint64_t here = last - first + 1, end = gw_at_most(stream->last + 1, window_end(core, stream));
    if (first < stream->next_unassigned || end <= last)
        return here; /* what came back is shared for itself */
    return end - first;
}

/* What the least loaded of `able` members gets so that all of them come to hold the same. When it
 * has work nobody is idle: it may get half as much again, since each piece costs a row, a frame and
 * its acknowledgement. */
static uint64_t level(const struct gw_member *member, uint64_t messages, size_t able)
{
    uint64_t each = (member->target->ready_load + messages + able - 1) / able;
    return gw_at_least(each - member->outstanding, member->outstanding / 2);
}

/* How many messages from `first` on, up to `last`, this one of `able` members gets. */
static uint64_t portion(const struct gw_core *core, const struct gw_stream *stream,
                        const struct gw_member *member, const struct gw_batch *batch,
                        uint64_t first, uint64_t last, size_t able)
{
    uint64_t here = last - first + 1;
    uint64_t ends = stream->floor_published + member->remote->identity.window;
    if (first < window_end(core, stream)) /* else it was offered when our own was larger */
        ends = gw_at_most(ends, window_end(core, stream));
    uint64_t most = gw_at_most(gw_at_most(here, gw_credit_messages(member)), ends - first);
    if (able > 1)
        most = gw_at_most(most, level(member, at_hand(core, stream, first, last), able));
    most = gw_batch_before_larger(batch, first, most,
                                  gw_message_limit(member->remote->identity.max_message));
    uint64_t bytes = gw_at_most(gw_credit_bytes(member), GW_BODY_MAX);
    /* It can take the first, which may be larger than several may be together. */
    return gw_at_least(gw_batch_fitting(batch, first, most, bytes), 1);
}

/* Offers the next unassigned messages of the stream. False: it cannot go on for now. */
static bool offer_next(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_range piece;
    if (!next_unoffered(stream, &piece))
        return false;
    uint64_t next = piece.first;
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
    struct gw_member *member = choose(core, stream, next, gw_batch_size(batch, next), &able);
    if (!member)
        return false;
    uint64_t last = gw_at_most(piece.last, gw_batch_last(batch));
    uint64_t count = portion(core, stream, member, batch, next, last, able);
    struct gw_run *run = assign(core, stream, member, batch, next, count);
    if (!run)
        return false;
    gw_stream_skip(stream, next + count);
    if (GW_PLANT(REPLY_BEFORE_COMMIT))
        gw_unsent_durable(core, run);
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
        bool free = (*story)->due_us <= core->now_us && !gw_retry_is_over(core, stream, *story);
        if (free)
            return true;
        if (!(*story)->death)
            *due = gw_at_most(*due, (*story)->due_us);
        if (stream->ordered && !GW_PLANT(NACK_OVERTAKEN))
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
    bool alone = story && story->alone && !GW_PLANT(CRASH_NOT_ALONE);
    size_t able;
    uint64_t size = gw_batch_size(batch, piece.first);
    struct gw_member *member = alone ? choose_alone(stream, piece.first, size)
                                     : choose(core, stream, piece.first, size, &able);
    if (!member)
        return false;
    uint64_t last = gw_at_most(piece.last, gw_batch_last(batch));
    bool doubtful = gw_ranges_contains(&stream->doubtful, piece.first);
    struct gw_range same = piece;
    uint64_t at = piece.first;
    gw_ranges_next(&stream->doubtful, doubtful, &at, last, &same);
    last = same.last;
    uint64_t count = alone ? 1
                           : portion(core, stream, member, batch, piece.first, last,
                                     stream->ordered ? 1 : able);
    struct gw_run *run = assign(core, stream, member, batch, piece.first, count);
    if (!run)
        return false;
    gw_check(core, gw_ranges_remove(&stream->waiting, run->first, run->last));
    gw_check(core, gw_ranges_remove(&stream->doubtful, run->first, run->last));
    run->sent = true; /* offered before, if not there */
    run->maybe_duplicate = doubtful;
    run->attempt = story ? story->attempts : 1;
    if (alone) {
        member->alone = run;
        gw_member_reserve(member, NULL);
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
        else if (!story || !story->alone || stream->ordered)
            break; /* no room, or its batch is being read; or nothing may pass it */
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
    struct gw_target *target = stream->target;
    for (struct gw_member *member = target->members; member && target->reserved;
         member = member->next_in_target)
        if (member->reserved == stream)
            gw_member_reserve(member, NULL);
}

void gw_dispatch(struct gw_core *core, struct gw_target *target)
{
    if (target->send_due)
        gw_unsent_send_all(core, target);
    target->send_due = false;
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
