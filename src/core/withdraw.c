/* SPDX-License-Identifier: MPL-2.0 */
/* What is wanted back: SKIP, and its repetition until it is answered (rule 9).
 *
 * For good (GW_SKIP_WITHDRAW): a message that nobody has ends at once; one that a member may have
 * ends when that member decided it skipped or gave it back. It is not sent as DATA meanwhile. Or to
 * be offered elsewhere (GW_SKIP_RELEASE): not a decision, the member forgets the offer.
 * What a handler has begun stays where it is: a slow handler is never a lost message. */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>

struct asking { /* one SKIP being filled: of one offer */
    struct gw_core *core;
    struct gw_remote *remote;
    struct gw_stream *stream;
    uint64_t number;
    uint8_t purpose;
    uint32_t code;
    struct gw_range *ranges;
    size_t count;
};

/* The epoch must be known on the link before anything is said about it. */
static void send(struct asking *asking)
{
    if (!asking->count)
        return;
    const struct gw_link *link = &asking->remote->link;
    size_t count = asking->count;
    asking->count = 0;
    if (!gw_offer_open(asking->core, asking->stream, asking->remote))
        return; /* refused on this link */
    struct gw_frame *frame = gw_send_frame(asking->core, link->conn, GW_FRAME_SKIP, link->id);
    frame->u.skip.epoch = asking->stream->epoch;
    frame->u.skip.number = asking->number;
    frame->u.skip.purpose = asking->purpose;
    frame->u.skip.code = asking->code;
    frame->u.skip.ranges = asking->ranges;
    frame->u.skip.range_count = count;
    gw_count(asking->core, GW_COUNTER_skips_sent, 1);
}

static void ask(struct asking *asking, uint64_t first, uint64_t last)
{
    if (asking->count == GW_SKIP_RANGES_MAX)
        send(asking);
    if (!asking->count)
        asking->ranges = gw_effects_allocate(asking->core->out,
                                             GW_SKIP_RANGES_MAX * sizeof *asking->ranges);
    if (!asking->ranges)
        return;
    struct gw_range *before = asking->count ? &asking->ranges[asking->count - 1] : NULL;
    if (before && before->last + 1 == first)
        before->last = last;
    else
        asking->ranges[asking->count++] = (struct gw_range){first, last};
}

static void ask_for(struct asking *asking, uint64_t number, uint8_t purpose, uint32_t code)
{
    if (asking->number != number || asking->purpose != purpose || asking->code != code)
        send(asking);
    asking->number = number;
    asking->purpose = purpose;
    asking->code = code;
}

static bool can_ask(const struct gw_remote *remote)
{
    return remote->link.complete;
}

/* ---- for good ---- */

/* What nobody has, or was never sent to whom it was assigned, ends at once. */
static bool end_unsent(struct gw_core *core, struct gw_stream *stream,
                       const struct gw_story *story)
{
    uint64_t sequence = story->sequence;
    struct gw_run *run = gw_run_at(stream, sequence);
    if (sequence > stream->stored || !gw_is_open(stream, sequence) ||
        (run && (run->sent || run->turn > core->committed)))
        return false; /* what is not stored yet is looked at again when it is */
    if (run)
        gw_run_cut(core, run, sequence, sequence);
    gw_stream_end(core, stream, sequence, sequence, GW_OUTCOME_WITHDRAWN, 0);
    return true;
}

static bool is_asked(const struct gw_core *core, const struct gw_story *story,
                     const struct gw_run *run)
{
    return !story->death && run->sent && run->turn <= core->committed;
}

static void ask_withdrawals(struct asking *asking)
{
    struct gw_core *core = asking->core;
    struct gw_stream *stream = asking->stream;
    for (size_t i = 0; i < stream->stories.count; i++) {
        struct gw_story *story = gw_index_at(&stream->stories, i);
        struct gw_run *run = story->withdrawal && !story->over
                                 ? gw_run_at(stream, story->sequence)
                                 : NULL;
        if (!run || run->member->remote != asking->remote ||
            !gw_is_open(stream, story->sequence) || !is_asked(core, story, run))
            continue;
        ask_for(asking, run->number, GW_SKIP_WITHDRAW, story->withdrawal);
        ask(asking, story->sequence, story->sequence);
    }
}

/* Those of the stream that are wanted back and were not sent to anybody end now. */
void gw_withdraw_waiting(struct gw_core *core, struct gw_stream *stream)
{
    for (size_t i = 0; i < stream->stories.count && !core->failed; i++) {
        const struct gw_story *story = gw_index_at(&stream->stories, i);
        if (story->withdrawal && !story->death && !story->over)
            end_unsent(core, stream, story);
    }
}

void gw_withdraw(struct gw_core *core, uint64_t epoch, uint64_t sequence, uint32_t code)
{
    struct gw_stream *stream = gw_map_get(&core->streams, epoch);
    if (!stream || sequence > stream->last || !gw_is_open(stream, sequence))
        return;
    struct gw_story *story = gw_story_get(core, stream, sequence);
    if (!story || story->withdrawal || story->death)
        return;
    story->withdrawal = code;
    stream->wanted++;
    if (end_unsent(core, stream, story)) {
        gw_dispatch_later(core, stream->target); /* others may have waited behind it */
        return;
    }
    const struct gw_run *run = gw_run_at(stream, sequence);
    if (!run || !is_asked(core, story, run) || !can_ask(run->member->remote))
        return;
    struct asking asking = {.core = core, .remote = run->member->remote, .stream = stream};
    ask_for(&asking, run->number, GW_SKIP_WITHDRAW, code);
    ask(&asking, sequence, sequence);
    send(&asking);
}

/* ---- to be offered elsewhere ---- */

static void ask_releases(struct asking *asking)
{
    struct gw_stream *stream = asking->stream;
    const struct gw_offer *offer = gw_offer_find(stream, asking->remote);
    struct gw_range piece, open;
    for (size_t i = 0; offer && i < offer->runs.count; i++) {
        struct gw_run *run = gw_index_at(&offer->runs, i);
        if (!run->recalling || !run->left)
            continue;
        ask_for(asking, run->number, GW_SKIP_RELEASE, 0);
        uint64_t at = run->first > stream->floor ? run->first : stream->floor;
        while (gw_ranges_next(&stream->settled, false, &at, run->last, &piece)) {
            uint64_t within = piece.first;
            while (gw_ranges_next(&offer->handed, false, &within, piece.last, &open))
                ask(asking, open.first, open.last);
        }
    }
}

void gw_skip_ask_back(struct gw_core *core, struct gw_stream *stream, struct gw_remote *remote)
{
    struct asking asking = {.core = core, .remote = remote, .stream = stream};
    if (!can_ask(remote))
        return;
    ask_releases(&asking);
    send(&asking);
}

/* What the member holds of messages that went to others without its word: it may still save a
 * second run. Any offer is meant. A crash it tells only of an epoch that it knows: of one in which
 * it has decided nothing, as soon as that is named. */
static void ask_forfeited(struct asking *asking)
{
    struct gw_stream *stream = asking->stream;
    struct gw_offer *offer = gw_offer_find(stream, asking->remote);
    struct gw_range piece, held;
    if (offer->in_hand_link != asking->remote->link.id) {
        if (offer->lost.count) /* it may have died of one */
            gw_offer_open(asking->core, stream, asking->remote);
        return;
    }
    if (!offer->forfeited.count)
        return;
    ask_for(asking, GW_OFFER_ANY, GW_SKIP_RELEASE, 0);
    for (uint64_t at = 1; gw_ranges_next(&offer->forfeited, true, &at, stream->last, &piece);) {
        uint64_t within = piece.first;
        while (gw_ranges_next(&offer->in_hand, true, &within, piece.last, &held))
            if (!gw_run_of_at(stream, asking->remote, held.first))
                ask(asking, held.first, held.last);
    }
    send(asking);
}

/* On each new link and with each heartbeat. */
void gw_skip_repeat(struct gw_core *core, struct gw_remote *remote, bool new_link)
{
    if (GW_PLANT(SKIP_ONCE))
        return;
    for (const struct gw_offer *offer = remote->offers; offer && !core->failed;
         offer = offer->next_of_remote) {
        struct gw_stream *stream = offer->stream;
        if ((!stream->wanted && !stream->recalls && !new_link) || offer->removed ||
            !can_ask(remote))
            continue;
        struct asking asking = {.core = core, .remote = remote, .stream = stream};
        if (stream->wanted)
            ask_withdrawals(&asking);
        if (stream->recalls)
            ask_releases(&asking);
        if (new_link)
            ask_forfeited(&asking);
        send(&asking);
    }
}
