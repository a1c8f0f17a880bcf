/* SPDX-License-Identifier: MPL-2.0 */
/* When the bytes of what is assigned leave.
 *
 *   run --its turn is durable--> the member's unsent list --link and credit--> SEND_DATA
 *
 * An assignment is durable before its DATA leaves (rule 7): a run enters the unsent list only at
 * its commit, and again for each new link. */

#include "base/plant.h"
#include "core/state.h"
#include <assert.h>

/* ---- the unsent list ---- */

static void enqueue(struct gw_member *member, struct gw_run *run)
{
    assert(!run->queued);
    run->queued = true;
    run->next_unsent = NULL;
    if (member->unsent_tail) {
        member->unsent_tail->next_unsent = run;
    } else {
        member->unsent_head = run;
        gw_list_push(&member->target->unsent, member, next_with_unsent, here_with_unsent);
        gw_member_touch(member);
    }
    member->unsent_tail = run;
}

void gw_unsent_remove(struct gw_member *member, struct gw_run *run)
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
    if (member->unsent_head)
        return;
    gw_list_leave(member, next_with_unsent, here_with_unsent);
    gw_member_touch(member);
}

/* `run` is the part of a queued one that was cut off behind `before`. */
void gw_unsent_insert_after(struct gw_member *member, struct gw_run *run, struct gw_run *before)
{
    run->queued = true;
    run->next_unsent = before->next_unsent;
    before->next_unsent = run;
    if (member->unsent_tail == before)
        member->unsent_tail = run;
}

/* While it was being stored an older message of the same ordered stream came back; it may have
 * been assigned anew, which is not durable yet, or is by the same write. */
static bool is_passed(const struct gw_core *core, const struct gw_run *run)
{
    const struct gw_ranges *waiting = &run->stream->waiting;
    if (!run->stream->ordered || GW_PLANT(NACK_OVERTAKEN))
        return false;
    size_t here = gw_index_find(&run->stream->runs, run->first);
    for (size_t i = 0; i < here; i++) {
        const struct gw_run *older = gw_index_at(&run->stream->runs, i);
        if (older->left && (older->turn > core->committed || older->number > run->number))
            return true;
    }
    return waiting->count && waiting->items[0].first < run->first;
}

void gw_unsent_durable(struct gw_core *core, struct gw_run *run)
{
    struct gw_member *member = run->member;
    if (GW_PLANT(REPLY_BEFORE_COMMIT) && run->queued)
        return; /* from before */
    gw_dispatch_later(core, member->target); /* what is wanted back of it can be asked for now */
    if (run->stream->dying) { /* and what has to be buried be so */
        gw_stream_dirty(core, run->stream);
        gw_commit_lazily(core);
    }
    if (member->remote->gone) {
        gw_gone_run(core, run);
        return;
    }
    if (member->forfeited) { /* it has no link since; and it never left */
        gw_run_cut(core, run, run->first, run->last);
        return;
    }
    if (is_passed(core, run)) {
        gw_run_cut(core, run, run->first, run->last);
        return;
    }
    if (!member->remote->link.complete)
        return; /* the next link's start takes it up */
    enqueue(member, run);
    gw_unsent_send(core, member);
}

static bool is_over(const struct gw_story *story)
{
    return story->withdrawal || story->death;
}

/* A message with a wanted SKIP is not sent (rule 9), nor is one that waits to be buried. False:
 * nothing of the piece is left. */
static bool pass_wanted(const struct gw_stream *stream, struct gw_range *piece, uint64_t *next)
{
    while ((stream->wanted || stream->dying) && piece->first <= piece->last) {
        const struct gw_story *story = gw_story_from(stream, piece->first, piece->last);
        while (story && !is_over(story) && story->sequence < piece->last)
            story = gw_story_from(stream, story->sequence + 1, piece->last);
        if (!story || !is_over(story))
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
    const struct gw_offer *offer = run->offer;
    const struct gw_ranges none = GW_RANGES_EMPTY;
    const struct gw_ranges *in_hand =
        offer->in_hand_link == remote->link.id ? &offer->in_hand : &none;
    uint64_t at = run->cursor;
    while (gw_open_next(stream, &at, run->last, piece)) {
        uint64_t inner = piece->first, end = piece->last;
        while (gw_ranges_next(in_hand, false, &inner, end, piece))
            if (pass_wanted(stream, piece, &inner))
                return true;
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
    count = gw_at_most(count, gw_credit_messages(member));
    count = gw_batch_fitting(batch, first, count, gw_credit_bytes(member));
    gw_run_pay(run, batch, first, count);
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
    if (!gw_credit_messages(member) || !batch)
        return gw_credit_messages(member) > 0;
    return gw_batch_size(batch, first) <= gw_credit_bytes(member);
}

/* The member refuses the stream on this link, of which it was offered something: what still waits
 * to be sent goes nowhere. */
void gw_unsent_refused(struct gw_core *core, struct gw_stream *stream, struct gw_remote *remote)
{
    const struct gw_offer *offer = gw_offer_find(stream, remote);
    for (size_t i = 0; i < offer->runs.count; i++) {
        struct gw_run *run = gw_index_at(&offer->runs, i);
        if (run->queued) {
            gw_unsent_remove(run->member, run);
            gw_run_pass(run, run->last + 1);
        }
        if (run->member->alone == run) { /* until the next link */
            run->member->alone = NULL;
            gw_member_touch(run->member);
            gw_run_find_alone(run->member, run);
        }
    }
    for (struct gw_member *member = remote->members; member; member = member->next_in_remote)
        if (member->target == stream->target) {
            gw_unsent_send(core, member);
            gw_dispatch_later(core, member->target);
        }
}

enum progress { SENT, NO_BYTES, NO_CREDIT, NO_ROOM };

/* The first sequence beyond the member's W, which may be smaller than it was when the run was
 * assigned. */
static uint64_t room_end(const struct gw_run *run)
{
    return run->stream->floor_published + run->member->remote->identity.window;
}

/* How much of the piece comes before a message that is larger than the member takes, which may be
 * less than when the run was assigned. */
static uint64_t taken(const struct gw_run *run, const struct gw_batch *batch,
                      struct gw_range piece)
{
    uint64_t count = piece.last - piece.first + 1;
    uint64_t limit = gw_message_limit(run->member->remote->identity.max_message);
    return batch ? gw_batch_before_larger(batch, piece.first, count, limit) : count;
}

/* Sends what is left of the run, unless it must wait: for its bytes, which are being read, for
 * credit, for the floor, or for a link on which the member takes as large a message. */
static enum progress send_run(struct gw_core *core, struct gw_run *run)
{
    struct gw_range piece;
    if (!gw_offer_open(core, run->stream, run->member->remote)) {
        gw_run_pass(run, run->last + 1); /* refused on this link */
        return SENT;
    }
    while (next_piece(run, &piece)) {
        struct gw_batch *batch = gw_stream_batch(run->stream, piece.first);
        gw_run_pass(run, piece.first);
        if (piece.first >= room_end(run))
            return NO_ROOM;
        if (piece.last >= room_end(run))
            piece.last = room_end(run) - 1;
        uint64_t count = taken(run, batch, piece);
        if (count == 0) {
            gw_dispatch_too_large(core, run->stream, piece.first, run->member->remote);
            return NO_ROOM;
        }
        if (!can_pay(run, batch, piece.first)) {
            gw_count(core, GW_COUNTER_credit_zero, 1);
            return NO_CREDIT;
        }
        if (!batch || !batch->body) {
            gw_stream_request_load(core, run->stream, piece.first);
            return NO_BYTES;
        }
        count = charge(run, batch, piece.first, count);
        emit_data(core, run, batch, piece.first, count);
        run->cursor = piece.first + count;
    }
    gw_run_pass(run, run->last + 1);
    return SENT;
}

/* A run that an earlier link had paid for may find the credit gone to a later one, assigned while
 * its own commit was slow. What is paid for goes first then: only its decision brings new
 * credit. */
void gw_unsent_send(struct gw_core *core, struct gw_member *member)
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
        else if (progress == SENT)
            gw_unsent_remove(member, run);
    }
}

/* All that waits for a link, for credit, for the floor or for its bytes. */
void gw_unsent_send_all(struct gw_core *core, struct gw_target *target)
{
    for (struct gw_member *member = target->unsent, *next; member; member = next) {
        next = member->next_with_unsent;
        gw_unsent_send(core, member);
    }
}

void gw_unsent_requeue(struct gw_core *core, struct gw_member *member)
{
    if (!member->alone)
        gw_run_find_alone(member, NULL);
    for (struct gw_stream *stream = member->target->streams; stream; stream = stream->next) {
        const struct gw_offer *offer = gw_offer_find(stream, member->remote);
        for (size_t i = 0; offer && i < offer->runs.count; i++) {
            struct gw_run *run = gw_index_at(&offer->runs, i);
            if (run->turn > core->committed || !run->left)
                continue;
            run->cursor = run->first;
            enqueue(member, run);
        }
    }
}
