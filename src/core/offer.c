/* SPDX-License-Identifier: MPL-2.0 */
/* Offers: which members were ever offered something of a stream, and what each of them holds. A
 * stream may have thousands of members, and a member many streams: an offer stands in the lists of
 * both, and what a seal has to write of them in a third. */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

/* The shorter of the two lists decides. A removed offer counts no more: its member may be back
 * under the same name. */
struct gw_offer *gw_offer_find(const struct gw_stream *stream, const struct gw_remote *remote)
{
    struct gw_offer *here = stream->offers, *there = remote->offers;
    for (; here && there; here = here->next, there = there->next_of_remote) {
        if (here->remote == remote && !here->removed)
            return here;
        if (there->stream == stream && !there->removed)
            return there;
    }
    return NULL;
}

static struct gw_offer *offer_new(struct gw_core *core, struct gw_stream *stream,
                                  struct gw_remote *remote)
{
    struct gw_offer *offer = gw_allocate(core, sizeof *offer);
    if (!offer)
        return NULL;
    offer->stream = stream;
    offer->remote = remote;
    gw_list_push(&stream->offers, offer, next, here);
    gw_list_push(&remote->offers, offer, next_of_remote, here_of_remote);
    return offer;
}

struct gw_offer *gw_offer_get(struct gw_core *core, struct gw_stream *stream,
                              struct gw_remote *remote)
{
    struct gw_offer *offer = gw_offer_find(stream, remote);
    if (offer)
        return offer;
    offer = offer_new(core, stream, remote);
    if (offer)
        gw_offer_dirty(core, offer);
    return offer;
}

void gw_offer_recover(struct gw_core *core, struct gw_stream *stream, const struct gw_row *row)
{
    struct gw_remote *remote = gw_remote_get(core, row->peer);
    struct gw_offer *offer = remote ? offer_new(core, stream, remote) : NULL;
    if (!offer) {
        gw_fail(core);
        return;
    }
    offer->known = row->flag;
    remote->identity.memory = row->memory;
}

void gw_offer_dirty(struct gw_core *core, struct gw_offer *offer)
{
    struct gw_stream *stream = offer->stream;
    if (!offer->dirty) {
        offer->dirty = true;
        offer->next_dirty = stream->dirty_offers;
        stream->dirty_offers = offer;
    }
    gw_stream_dirty(core, stream);
}

static void mark_removed(struct gw_core *core, struct gw_offer *offer)
{
    offer->removed = true;
    gw_offer_dirty(core, offer);
}

void gw_offer_remove(struct gw_core *core, struct gw_offer *offer)
{
    mark_removed(core, offer);
    for (struct gw_offer *any = offer->stream->offers; GW_PLANT(CLOSED_BY_ONE) && any;
         any = any->next)
        mark_removed(core, any);
    gw_commit_lazily(core);
}

void gw_offers_gone(struct gw_core *core, struct gw_remote *remote)
{
    for (struct gw_offer *offer = remote->offers; offer; offer = offer->next_of_remote) {
        offer->stream->gone_offers = true;
        if (offer->removed || offer->runs.count)
            continue;
        mark_removed(core, offer);
        gw_commit_lazily(core);
    }
}

/* A member that has ended confirms nothing: its offer goes with the last of its runs. */
static void remove_gone(struct gw_core *core, struct gw_stream *stream)
{
    bool left = false;
    for (struct gw_offer *offer = stream->offers; offer && stream->gone_offers;
         offer = offer->next) {
        if (!offer->remote->gone || offer->removed)
            continue;
        if (offer->runs.count)
            left = true;
        else
            mark_removed(core, offer);
    }
    stream->gone_offers = left;
}

/* What a memory peer knew ends with its process, and with nothing else: one that decided and lives
 * must not begin anew if it took us for gone and forgot us. */
static bool is_fresh(const struct gw_offer *offer)
{
    const struct gw_identity *member = &offer->remote->identity;
    if (GW_PLANT(FRESH_AGAIN))
        return true;
    return !offer->known || (member->memory && offer->known_process != member->process);
}

/* Names the epoch on the link of a member with a run if that was not done. False: refused there. */
bool gw_offer_open(struct gw_core *core, struct gw_stream *stream, struct gw_remote *remote)
{
    struct gw_offer *offer = gw_offer_find(stream, remote);
    struct gw_link *link = &remote->link;
    if (offer->refused_link == link->id)
        return false;
    if (offer->opened_link == link->id)
        return true;
    offer->opened_link = link->id;
    struct gw_frame *frame = gw_send_frame(core, link->conn, GW_FRAME_OPEN, link->id);
    frame->u.open.destination = stream->target->destination;
    frame->u.open.epoch = stream->epoch;
    frame->u.open.floor = stream->floor_published;
    frame->u.open.last = stream->stored;
    frame->u.open.fresh = is_fresh(offer);
    frame->u.open.ordered = stream->ordered;
    return true;
}

/* ---- what a member keeps ---- */

/* The next piece from *at on that the member has in hand, as it told on its present link, although
 * it was forfeited there: unsettled, and not offered to it again. */
static bool next_kept(const struct gw_offer *offer, uint64_t *at, struct gw_range *piece)
{
    const struct gw_stream *stream = offer->stream;
    while (gw_ranges_next(&offer->forfeited, true, at, stream->last, piece)) {
        uint64_t from = piece->first;
        if (!gw_ranges_next(&offer->in_hand, true, &from, piece->last, piece))
            continue;
        *at = piece->last + 1;
        from = piece->first;
        if (!gw_open_next(stream, &from, piece->last, piece))
            continue;
        const struct gw_run *run = gw_run_until(stream, piece->first, &piece->last);
        *at = piece->last + 1;
        if (!run || run->offer != offer)
            return true;
    }
    return false;
}

/* What was forfeited by the member of this stream and may still be there. */
static const struct gw_offer *kept_of(const struct gw_stream *stream,
                                      const struct gw_member *member)
{
    const struct gw_offer *offer =
        stream->forfeits ? gw_offer_find(stream, member->remote) : NULL;
    return offer && offer->in_hand_link == member->remote->link.id ? offer : NULL;
}

uint64_t gw_offers_kept(const struct gw_member *member)
{
    uint64_t count = 0;
    for (const struct gw_stream *stream = member->target->streams; stream; stream = stream->next) {
        const struct gw_offer *offer = kept_of(stream, member);
        struct gw_range piece;
        for (uint64_t at = stream->floor; offer && next_kept(offer, &at, &piece);)
            count += piece.last - piece.first + 1;
    }
    return count;
}

bool gw_offers_keep_suspect(const struct gw_member *member)
{
    for (const struct gw_stream *stream = member->target->streams; stream; stream = stream->next) {
        const struct gw_offer *offer = stream->stories.count ? kept_of(stream, member) : NULL;
        struct gw_range piece;
        for (uint64_t at = stream->floor; offer && next_kept(offer, &at, &piece);) {
            const struct gw_story *story = gw_story_from(stream, piece.first, piece.last);
            for (; story; story = gw_story_from(stream, story->sequence + 1, piece.last))
                if (story->alone)
                    return true;
        }
    }
    return false;
}

/* ---- rows ---- */

static void write_row(struct gw_core *core, const struct gw_offer *offer)
{
    struct gw_op *op = gw_seal_op(core, offer->removed ? GW_OP_DELETE : GW_OP_PUT);
    if (!op)
        return;
    op->row.kind = GW_ROW_OFFERED;
    op->row.epoch = offer->stream->epoch;
    memcpy(op->row.peer, offer->remote->name, sizeof op->row.peer);
    op->row.flag = offer->known;
    op->row.memory = offer->remote->identity.memory;
}

/* The deletions first: a member that ended may be back under the same name. */
void gw_offers_seal(struct gw_core *core, struct gw_stream *stream)
{
    struct gw_offer *offer;
    remove_gone(core, stream);
    for (offer = stream->dirty_offers; offer; offer = offer->next_dirty)
        if (offer->removed)
            write_row(core, offer);
    for (offer = stream->dirty_offers; offer; offer = offer->next_dirty)
        if (!offer->removed)
            write_row(core, offer);
    while ((offer = stream->dirty_offers)) {
        stream->dirty_offers = offer->next_dirty;
        offer->dirty = false;
        if (offer->removed)
            gw_offer_free(offer);
    }
}

void gw_offer_free(struct gw_offer *offer)
{
    gw_list_leave(offer, next, here);
    gw_list_leave(offer, next_of_remote, here_of_remote);
    gw_index_clear(&offer->runs);
    gw_ranges_clear(&offer->in_hand);
    gw_ranges_clear(&offer->handed);
    gw_ranges_clear(&offer->forfeited);
    gw_spans_clear(&offer->lost);
    free(offer);
}
