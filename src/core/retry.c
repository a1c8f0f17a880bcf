/* SPDX-License-Identifier: MPL-2.0 */
/* Messages that came back undecided, their attempts, and dead letters.
 *
 *   run --NACK, CRASHED--> waiting, one attempt more --pause--> offered again; too many: dying
 *       --RELEASE-------> waiting                   --at once-> offered again
 *       --REJECTED------> dying --its bytes are in memory, SEAL--> a dead letter, settled
 *
 * Only a failed attempt makes a story: what was merely in a killed worker's hand is innocent
 * (rule 13). */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

/* ---- stories ---- */

struct gw_story *gw_story_find(const struct gw_stream *stream, uint64_t sequence)
{
    size_t at = gw_index_find(&stream->stories, sequence);
    if (at == stream->stories.count)
        return NULL;
    struct gw_story *story = gw_index_at(&stream->stories, at);
    return story->sequence == sequence && !story->over ? story : NULL;
}

/* The first one in the range. */
struct gw_story *gw_story_from(const struct gw_stream *stream, uint64_t first, uint64_t last)
{
    for (size_t at = gw_index_from(&stream->stories, first); at < stream->stories.count; at++) {
        struct gw_story *story = gw_index_at(&stream->stories, at);
        if (story->sequence > last)
            break;
        if (story->sequence >= first && !story->over)
            return story;
    }
    return NULL;
}

struct gw_story *gw_story_get(struct gw_core *core, struct gw_stream *stream, uint64_t sequence)
{
    struct gw_story *story = gw_story_find(stream, sequence);
    if (story)
        return story;
    story = gw_allocate(core, sizeof *story);
    if (!story)
        return NULL;
    story->sequence = sequence;
    story->attempts = 1;
    if (!gw_index_add(&stream->stories, sequence, story))
        return story;
    gw_fail(core);
    free(story);
    return NULL;
}

void gw_story_free(struct gw_story *story)
{
    free(story->text);
    free(story);
}

static void keep_text(struct gw_core *core, struct gw_story *story, struct gw_slice text)
{
    size_t size = text.size < GW_TEXT_MAX ? text.size : GW_TEXT_MAX;
    char *copy = gw_allocate(core, size + 1);
    if (!copy)
        return;
    if (size)
        memcpy(copy, text.data, size);
    free(story->text);
    story->text = copy;
}

/* Of one that failed: it has a text, perhaps an empty one. */
static struct gw_slice text_of(const struct gw_story *story)
{
    return (struct gw_slice){(const uint8_t *)story->text, strlen(story->text)};
}

void gw_story_recover(struct gw_core *core, struct gw_stream *stream, const struct gw_row *row)
{
    struct gw_story *story = gw_story_get(core, stream, row->first);
    if (!story)
        return;
    story->attempts = row->attempts;
    story->first_ms = row->first_ms;
    story->last_ms = row->last_ms;
    story->code = row->code;
    story->alone = true; /* how it failed is not recorded: the careful way */
    story->stored = true;
    keep_text(core, story, row->text);
    struct gw_run *run = gw_run_at(stream, row->first);
    if (!run || run->first != run->last)
        return;
    run->attempt = story->attempts;
    gw_run_find_alone(run->member, NULL);
}

static void write_story(struct gw_core *core, struct gw_stream *stream, struct gw_story *story)
{
    struct gw_op *op = gw_seal_op(core, GW_OP_PUT);
    if (!op)
        return;
    op->row.kind = GW_ROW_STORY;
    op->row.epoch = stream->epoch;
    op->row.first = story->sequence;
    op->row.attempts = story->attempts;
    op->row.first_ms = story->first_ms;
    op->row.last_ms = story->last_ms;
    op->row.code = story->code;
    op->row.text = text_of(story);
    story->dirty = false;
    story->stored = true;
}

void gw_retry_seal(struct gw_core *core, struct gw_stream *stream)
{
    if (GW_PLANT(ATTEMPT_LATE) && core->filling.run_count)
        return;
    for (size_t i = 0; stream->stories_dirty && i < stream->stories.count && !core->failed; i++) {
        struct gw_story *story = gw_index_at(&stream->stories, i);
        if (story->dirty && !story->over)
            write_story(core, stream, story);
    }
    stream->stories_dirty = false;
}

/* The stories of settled messages end with the seal; their texts are still read when it is
 * written, so that they are freed after it. */
void gw_retry_settled(struct gw_core *core, struct gw_stream *stream, uint64_t first, uint64_t last)
{
    for (size_t at = gw_index_from(&stream->stories, first); at < stream->stories.count; at++) {
        struct gw_story *story = gw_index_at(&stream->stories, at);
        if (story->sequence > last)
            break;
        if (story->sequence < first)
            continue;
        stream->wanted -= story->withdrawal != 0;
        stream->dying -= story->death && !story->buried;
        story->over = stream->stories_over = true;
        struct gw_op *op = story->stored ? gw_seal_op(core, GW_OP_DELETE) : NULL;
        if (!op)
            continue;
        op->row.kind = GW_ROW_STORY;
        op->row.epoch = stream->epoch;
        op->row.first = story->sequence;
    }
}

void gw_retry_durable(struct gw_stream *stream)
{
    for (size_t i = stream->stories.count; stream->stories_over && i-- > 0;) {
        struct gw_story *story = gw_index_at(&stream->stories, i);
        if (!story->over)
            continue;
        gw_index_remove_at(&stream->stories, i);
        gw_story_free(story);
    }
    stream->stories_over = false;
}

/* ---- another attempt, or the end ---- */

static uint64_t pause_us(struct gw_core *core, const struct gw_policy *policy, uint64_t attempts)
{
    uint64_t doublings = gw_at_most(attempts - 2, 32);
    uint64_t pause = policy->retry_base_us;
    while (doublings-- && pause < policy->retry_cap_us)
        pause *= 2;
    pause = gw_at_most(pause, policy->retry_cap_us);
    uint64_t spread = pause / 100 * policy->retry_jitter;
    if (core->options.no_jitter || !spread)
        return pause;
    return pause - spread + gw_random_below(&core->random, 2 * spread + 1);
}

/* For people, and for a dead letter: when, where and why. */
static void note_failure(struct gw_core *core, struct gw_story *story, const struct gw_remote *by,
                         struct gw_slice text)
{
    story->last_ms = core->wall_ms;
    if (!story->first_ms)
        story->first_ms = core->wall_ms;
    memcpy(story->member, by->name, sizeof story->member);
    keep_text(core, story, text);
}

static void charge(struct gw_core *core, struct gw_stream *stream, const struct gw_remote *by,
                   uint64_t sequence, const struct gw_return *back)
{
    const struct gw_policy *policy = gw_policy_of(stream->target);
    struct gw_story *story = gw_story_get(core, stream, sequence);
    if (!story)
        return;
    story->attempts++;
    story->alone = back->kind == GW_RETURN_CRASHED;
    story->dirty = stream->stories_dirty = true;
    bool asked = back->kind == GW_RETURN_NACK && back->delay_ms != UINT32_MAX;
    uint64_t pause = asked ? (uint64_t)back->delay_ms * 1000
                           : pause_us(core, policy, story->attempts);
    story->due_us = core->now_us + pause;
    static const char crashed[] = "its handler's process ended";
    struct gw_slice text = back->text;
    if (back->kind == GW_RETURN_CRASHED)
        text = (struct gw_slice){(const uint8_t *)crashed, sizeof crashed - 1};
    note_failure(core, story, by, text);
    gw_count(core, back->kind == GW_RETURN_NACK ? GW_COUNTER_nacked : GW_COUNTER_crashed, 1);
    gw_stream_dirty(core, stream);
    gw_commit_lazily(core);
}

/* A message that failed too often, asked when it would be offered again. */
bool gw_retry_is_over(struct gw_core *core, struct gw_stream *stream, struct gw_story *story)
{
    const struct gw_policy *policy = gw_policy_of(stream->target);
    if (story->death || !policy->max_attempts || story->attempts <= policy->max_attempts)
        return story->death != 0;
    story->death = GW_DEATH_ATTEMPTS;
    stream->dying++;
    gw_stream_dirty(core, stream);
    gw_commit_lazily(core);
    return true;
}

/* ---- returns ---- */

/* What it is wanted back for has happened: no handler has it, and it will not be sent again. */
static void end_wanted(struct gw_core *core, struct gw_stream *stream, uint64_t first,
                       uint64_t last)
{
    const struct gw_story *story = stream->wanted ? gw_story_from(stream, first, last) : NULL;
    for (; story && !core->failed; story = gw_story_from(stream, first, last)) {
        first = story->sequence + 1;
        if (story->withdrawal && !story->death)
            gw_stream_end(core, stream, story->sequence, story->sequence, GW_OUTCOME_WITHDRAWN, 0);
        if (first > last)
            return;
    }
}

static void take_return(struct gw_core *core, struct gw_stream *stream, struct gw_run *run,
                        const struct gw_return *back, uint64_t first, uint64_t last)
{
    struct gw_range piece;
    uint64_t at = first;
    bool charged = back->kind != GW_RETURN_RELEASE;
    while (charged && gw_open_next(stream, &at, last, &piece))
        for (uint64_t one = piece.first; one <= piece.last && !core->failed; one++)
            charge(core, stream, run->member->remote, one, back);
    if (!charged)
        gw_count(core, GW_COUNTER_given_back, last - first + 1);
    gw_run_cut(core, run, first, last);
    end_wanted(core, stream, first, last);
}

/* A return of what was forfeited by this member frees nothing, but a failed attempt counts, once:
 * else a message could kill one worker after the other without end. */
static void take_late_return(struct gw_core *core, struct gw_stream *stream,
                             const struct gw_offer *offer, const struct gw_return *back)
{
    for (size_t i = gw_spans_find(&offer->lost, back->first); i < offer->lost.count; i++) {
        const struct gw_lost *lost = gw_index_at(&offer->lost, i);
        uint64_t first = gw_at_least(lost->span.first, back->first);
        uint64_t last = gw_at_most(lost->span.last, back->last);
        if (lost->span.first > back->last)
            return;
        for (uint64_t one = first; lost->number == back->number && one <= last; one++)
            if (gw_is_open(stream, one) && !core->failed)
                charge(core, stream, offer->remote, one, back);
    }
}

/* What the member told at this link's start to have in hand was not sent on it: so when that turns
 * out to be an older offer, the one that stands, which an open before this one stored and did not
 * send, would never leave. It is with nobody. */
static void take_unsent(struct gw_core *core, struct gw_offer *offer, struct gw_stream *stream,
                        const struct gw_return *back)
{
    struct gw_range piece;
    uint64_t at = back->first;
    if (offer->in_hand_link != offer->remote->link.id)
        return;
    while (!core->failed && at <= back->last &&
           gw_ranges_next(&offer->in_hand, true, &at, back->last, &piece))
        for (uint64_t one = piece.first; one <= piece.last && !core->failed;) {
            uint64_t end = piece.last;
            struct gw_run *run = gw_run_until(stream, one, &end);
            if (run && run->number != back->number && run->member->remote == offer->remote &&
                run->turn <= core->committed)
                gw_run_cut(core, run, one, end);
            one = end + 1;
        }
}

/* Whatever it returns it has no more, and may be free for something else. */
static void forget_forfeited(struct gw_core *core, struct gw_offer *offer,
                             const struct gw_return *back)
{
    if (offer->forfeited.count)
        gw_dispatch_later(core, offer->stream->target);
    gw_check(core, gw_ranges_remove(&offer->forfeited, back->first, back->last));
    gw_check(core, gw_spans_cut(&offer->lost, back->first, back->last));
}

/* What the member has rejected stays its own until it is buried: with nobody, it would go to
 * another after a crash. False: nothing of the piece is left; the next one begins at *next. */
static bool pass_rejected(const struct gw_stream *stream, struct gw_range *piece, uint64_t *next)
{
    const struct gw_story *story = NULL;
    for (uint64_t at = piece->first; at <= piece->last && stream->dying; at = story->sequence + 1) {
        story = gw_story_from(stream, at, piece->last);
        if (!story)
            break;
        if (!story->death)
            continue;
        *next = story->sequence + 1;
        piece->last = story->sequence - 1;
        break;
    }
    return piece->first <= piece->last;
}

/* A message that may have crashed its handler stays where it is: under another number the member
 * could not say any more that it did. So does whatever was offered of an epoch that the member has
 * not told of: what it died of before it stored anything of it, it tells when that is named. */
static bool stays(const struct gw_stream *stream, const struct gw_offer *offer,
                  const struct gw_run *run)
{
    const struct gw_story *story =
        run->first == run->last ? gw_story_find(stream, run->first) : NULL;
    bool told = offer->known || offer->in_hand_link == offer->remote->link.id;
    bool suspect = (story && story->alone) || (run->sent && !told);
    return suspect && !stream->ordered && run->member->serving;
}

/* In an ordered stream nothing may overtake what came back: whatever else above it the member does
 * not have in hand comes back with it, and is offered behind it. */
static void free_above(struct gw_core *core, struct gw_stream *stream, struct gw_member *member,
                       const struct gw_offer *offer, uint64_t sequence)
{
    const struct gw_ranges none = GW_RANGES_EMPTY;
    bool told = offer->in_hand_link == member->remote->link.id;
    const struct gw_ranges *held = told ? &offer->in_hand : &none;
    for (size_t i = offer->runs.count; i-- > 0 && !core->failed;) {
        struct gw_run *run = gw_index_at(&offer->runs, i);
        struct gw_range piece;
        if (run->last < sequence || run->turn > core->committed || stays(stream, offer, run))
            continue;
        uint64_t at = run->first, last = run->last; /* what came back is in none */
        while (at <= last && gw_ranges_next(held, false, &at, last, &piece)) {
            if (!pass_rejected(stream, &piece, &at))
                continue;
            gw_run_cut(core, run, piece.first, piece.last);
            i = offer->runs.count; /* runs changed: once more, each time with one piece less */
            break;
        }
    }
}

void gw_retry_returns(struct gw_core *core, struct gw_offer *offer, struct gw_stream *stream,
                      const struct gw_ack_epoch *entry)
{
    for (size_t i = 0; i < entry->return_count && !core->failed; i++) {
        const struct gw_return *back = &entry->returns[i];
        take_unsent(core, offer, stream, back);
        gw_check(core, gw_ranges_remove(&offer->in_hand, back->first, back->last));
        gw_check(core, gw_ranges_remove(&offer->handed, back->first, back->last));
        for (uint64_t at = back->first; at <= back->last && !core->failed;) {
            uint64_t end = back->last;
            struct gw_run *run = gw_run_until(stream, at, &end);
            if (run && run->number == back->number && run->member->remote == offer->remote &&
                run->turn <= core->committed)
                take_return(core, stream, run, back, at, end);
            at = end + 1;
        }
        if (back->kind != GW_RETURN_RELEASE)
            take_late_return(core, stream, offer, back);
        forget_forfeited(core, offer, back);
    }
}

/* The lowest message of an ordered stream that cannot go to anybody yet: it waits, or it came back
 * and its new assignment is not durable. */
static uint64_t first_behind(const struct gw_core *core, const struct gw_stream *stream)
{
    uint64_t first = stream->waiting.count ? stream->waiting.items[0].first : UINT64_MAX;
    for (size_t i = 0; i < stream->runs.count; i++) {
        const struct gw_run *run = gw_index_at(&stream->runs, i);
        if (run->first >= first)
            break;
        if (run->left && run->turn > core->committed)
            return run->first;
    }
    return first;
}

/* At the end of a link's report: an ordered stream whose member brought something back takes the
 * rest of what is not in its hand too; so does any stream with a message to be offered alone, so
 * that others can go on meanwhile. */
void gw_retry_reported(struct gw_core *core, struct gw_member *member)
{
    for (struct gw_stream *stream = member->target->streams; stream; stream = stream->next) {
        const struct gw_offer *offer = gw_offer_find(stream, member->remote);
        uint64_t lowest = member->serving ? UINT64_MAX : 0; /* not there any more: others may */
        for (size_t i = 0; i < stream->stories.count && offer; i++) {
            const struct gw_story *story = gw_index_at(&stream->stories, i);
            if (story->alone && !story->over && !stream->ordered &&
                gw_ranges_contains(&stream->waiting, story->sequence))
                lowest = 0;
        }
        if (stream->ordered)
            lowest = gw_at_most(lowest, first_behind(core, stream));
        if (lowest != UINT64_MAX && offer)
            free_above(core, stream, member, offer, lowest);
    }
}

/* A memory member's new process remembers and tells nothing: what it was heard to have begun with
 * counts as begun when it died. */
void gw_retry_renewed(struct gw_core *core, struct gw_member *member)
{
    const struct gw_return back = {.kind = GW_RETURN_CRASHED};
    struct gw_range piece;
    for (struct gw_stream *stream = member->target->streams; stream; stream = stream->next) {
        for (size_t i = stream->runs.count; GW_PLANT(PREFETCH_CHARGED) && i-- > 0;) {
            struct gw_run *run = gw_index_at(&stream->runs, i);
            if (run->member == member && run->turn <= core->committed && run->left)
                take_return(core, stream, run, &back, run->first, run->last);
        }
        struct gw_offer *offer = gw_offer_find(stream, member->remote);
        for (uint64_t at = 1; offer && !core->failed &&
                              gw_ranges_next(&offer->handed, true, &at, stream->last, &piece);)
            for (uint64_t next = piece.first; next <= piece.last && !core->failed;) {
                uint64_t end = piece.last;
                struct gw_run *run = gw_run_until(stream, next, &end);
                if (run && run->member == member && run->turn <= core->committed)
                    take_return(core, stream, run, &back, next, end);
                next = end + 1;
            }
        if (offer)
            gw_ranges_clear(&offer->handed);
    }
}

/* ---- rejected and skipped ---- */

static void reject(struct gw_core *core, struct gw_stream *stream, const struct gw_remote *by,
                   const struct gw_exception *exception)
{
    struct gw_story *story = gw_story_get(core, stream, exception->sequence);
    if (!story || story->death)
        return;
    story->death = GW_DEATH_REJECTED;
    story->code = exception->code;
    note_failure(core, story, by, exception->text);
    stream->dying++;
    gw_stream_dirty(core, stream);
    gw_commit_lazily(core);
}

/* One that is about what this member was never offered changes nothing. */
void gw_retry_exceptions(struct gw_core *core, struct gw_offer *offer, struct gw_stream *stream,
                         const struct gw_ack_epoch *entry)
{
    for (size_t i = 0; i < entry->exception_count && !core->failed; i++) {
        const struct gw_exception *exception = &entry->exceptions[i];
        uint64_t sequence = exception->sequence;
        const struct gw_run *run = gw_run_at(stream, sequence);
        bool theirs = (run && run->member->remote == offer->remote &&
                       run->turn <= core->committed) ||
                      gw_ranges_contains(&offer->forfeited, sequence);
        if (!theirs || !gw_is_open(stream, sequence))
            continue;
        if (exception->kind == GW_EXCEPTION_REJECTED)
            reject(core, stream, offer->remote, exception);
        else
            gw_stream_end(core, stream, sequence, sequence, GW_OUTCOME_WITHDRAWN, 0);
    }
}

/* ---- dead letters ---- */

static void bury(struct gw_core *core, struct gw_stream *stream, struct gw_story *story)
{
    struct gw_batch *batch = gw_stream_batch(stream, story->sequence);
    if (!batch || !batch->body) {
        gw_stream_request_load(core, stream, story->sequence); /* it comes back dirty */
        return;
    }
    struct gw_op *op = gw_seal_op(core, GW_OP_BURY);
    if (!op)
        return;
    op->batch = batch;
    gw_pile_hold(core, batch);
    op->row.kind = GW_ROW_DEAD;
    op->row.epoch = stream->epoch;
    op->row.first = story->sequence;
    op->row.destination = stream->target->destination;
    memcpy(op->row.peer, story->member, sizeof op->row.peer);
    op->row.how = story->death;
    op->row.maybe_duplicate = gw_is_doubtful(stream, story->sequence);
    op->row.code = story->code;
    op->row.attempts = story->attempts - (story->death == GW_DEATH_ATTEMPTS);
    op->row.first_ms = story->first_ms;
    op->row.last_ms = story->last_ms;
    op->row.text = text_of(story);
    if (GW_PLANT(DEAD_LETTER_APART) && core->turn % 2)
        return; /* the next write settles it */
    story->buried = true;
    stream->dying--;
    uint64_t bytes = gw_batch_offset(batch, story->sequence + 1) -
                     gw_batch_offset(batch, story->sequence);
    gw_stream_end(core, stream, story->sequence, story->sequence, GW_OUTCOME_DEAD, bytes);
}

/* Whether some of these wait to be buried, for which their bytes are needed. */
bool gw_retry_buries(const struct gw_stream *stream, uint64_t first, uint64_t last)
{
    const struct gw_story *story;
    for (uint64_t at = first; at <= last && (story = gw_story_from(stream, at, last));
         at = story->sequence + 1)
        if (story->death)
            return true;
    return false;
}

/* The outbox's deletion and the dead letter are one write. */
void gw_retry_bury(struct gw_core *core, struct gw_stream *stream)
{
    for (size_t i = 0; i < stream->stories.count && stream->dying && !core->failed; i++) {
        struct gw_story *story = gw_index_at(&stream->stories, i);
        if (!story->death || !gw_is_open(stream, story->sequence))
            continue; /* it may have ended otherwise, before it could be buried */
        const struct gw_run *run = gw_run_at(stream, story->sequence);
        if (!run || run->turn <= core->committed)
            bury(core, stream, story); /* else it can when that is durable */
    }
}
