/* SPDX-License-Identifier: MPL-2.0 */
/* The members' side of sending: what they tell (SERVE, ACK, refusals), their coming and going, the
 * floors that they are told, and the end of an epoch, which is over when each of them has closed
 * it. */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

/* ---- frames from members ---- */

/* Hints: a handler of the member has begun with these. */
static void take_handed(struct gw_core *core, const struct gw_stream *stream,
                        struct gw_offer *offer, const struct gw_ack_epoch *entry)
{
    for (size_t i = 0; i < entry->handed_count && !core->failed; i++) {
        struct gw_range range = entry->handed[i];
        if (range.first < stream->floor)
            range.first = stream->floor;
        if (range.last > stream->last)
            range.last = stream->last;
        if (range.first <= range.last)
            gw_check(core, gw_ranges_add(&offer->handed, range.first, range.last));
    }
    if (offer->handed.count)
        gw_ranges_trim_below(&offer->handed, stream->floor);
}

static void note_known(struct gw_core *core, struct gw_offer *offer)
{
    offer->known_process = offer->remote->identity.process;
    if (offer->known)
        return;
    offer->known = true;
    gw_offer_dirty(core, offer);
    gw_commit_lazily(core);
}

static void take_epoch(struct gw_core *core, struct gw_remote *remote,
                       const struct gw_ack_epoch *entry)
{
    struct gw_stream *stream = gw_map_get(&core->streams, entry->epoch);
    if (!stream)
        return; /* closed meanwhile */
    struct gw_offer *offer = gw_offer_find(stream, remote);
    uint64_t highest = entry->floor - 1;
    for (size_t i = 0; i < entry->decided_count; i++)
        highest = gw_at_least(highest, entry->decided[i].last);
    for (size_t i = 0; i < entry->exception_count; i++)
        highest = gw_at_least(highest, entry->exceptions[i].sequence);
    bool impossible = !offer || highest > stream->last; /* never offered, or never existed */
    if (!offer && remote->ended)
        return; /* it lives on, but what it held went to others */
    if (impossible && !stream->old) {
        gw_link_violation(core, remote, GW_FRAME_ACK);
        return;
    }
    if (!offer)
        return; /* of an earlier open this store may have lost the end: a backup, a power cut */
    if (entry->decided_count || entry->exception_count || entry->floor > 1)
        note_known(core, offer);
    if (entry->floor > 1)
        gw_stream_settle(core, stream, offer, 1, entry->floor - 1);
    for (size_t i = 0; i < entry->decided_count; i++)
        gw_stream_settle(core, stream, offer, entry->decided[i].first, entry->decided[i].last);
    if (GW_PLANT(PARTIAL_ACK_WHOLE) && entry->decided_count)
        gw_stream_settle(core, stream, offer, 1, highest);
    gw_retry_exceptions(core, offer, stream, entry);
    gw_retry_returns(core, offer, stream, entry);
    take_handed(core, stream, offer, entry);
    for (size_t i = 0; GW_PLANT(OUTBOX_EARLY) && i < entry->handed_count; i++)
        gw_stream_settle(core, stream, offer, entry->handed[i].first, entry->handed[i].last);
    if (remote->link.complete)
        return;
    if (offer->in_hand_link != remote->link.id)
        gw_ranges_clear(&offer->in_hand);
    offer->in_hand_link = remote->link.id;
    for (size_t i = 0; i < entry->in_hand_count; i++)
        gw_check(core,
                 gw_ranges_add(&offer->in_hand, entry->in_hand[i].first, entry->in_hand[i].last));
}

static void take_credits(struct gw_core *core, struct gw_remote *remote,
                         const struct gw_frame *frame)
{
    for (size_t i = 0; i < frame->u.ack.credit_count; i++) {
        const struct gw_credit *credit = &frame->u.ack.credits[i];
        struct gw_member *member =
            credit->serve < remote->serve_count ? remote->by_serve[credit->serve] : NULL;
        if (!member)
            continue; /* of a SERVE that a later one replaced, or no room for its destination */
        if (credit->messages > member->granted_messages)
            member->granted_messages = credit->messages;
        if (credit->bytes > member->granted_bytes)
            member->granted_bytes = credit->bytes;
        gw_member_touch(member);
        if (!remote->link.complete)
            continue;
        gw_unsent_send(core, member);
        gw_dispatch_later(core, member->target);
    }
}

static bool finished(const struct gw_stream *stream)
{
    return stream->old && stream->floor_published == stream->last + 1 && !stream->dirty &&
           !stream->committing_any;
}

static void take_closed(struct gw_core *core, struct gw_remote *remote,
                        const struct gw_frame *frame)
{
    for (size_t i = 0; i < frame->u.ack.closed_count; i++) {
        struct gw_stream *stream = gw_map_get(&core->streams, frame->u.ack.closed[i]);
        bool over = stream && stream->old && stream->floor_published == stream->last + 1;
        struct gw_offer *offer = over ? gw_offer_find(stream, remote) : NULL;
        if (offer)
            gw_offer_remove(core, offer);
    }
}

void gw_stream_ack(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame)
{
    uint64_t link = remote->link.id;
    gw_count(core, GW_COUNTER_acks_received, 1);
    for (size_t i = 0; i < frame->u.ack.epoch_count && remote->link.id == link; i++)
        take_epoch(core, remote, &frame->u.ack.epochs[i]);
    if (remote->link.id != link)
        return;
    take_credits(core, remote, frame);
    take_closed(core, remote, frame);
    if (!frame->u.ack.complete || remote->link.complete)
        return;
    for (struct gw_member *member = remote->members; member; member = member->next_in_remote)
        gw_retry_reported(core, member);
    remote->link.complete = true;
    gw_skip_repeat(core, remote, true);
    for (struct gw_member *member = remote->members; member; member = member->next_in_remote) {
        gw_member_touch(member);
        gw_unsent_requeue(core, member);
        gw_unsent_send(core, member);
        gw_dispatch_later(core, member->target);
    }
}

void gw_stream_refused(struct gw_core *core, struct gw_remote *remote, uint64_t epoch)
{
    struct gw_stream *stream = gw_map_get(&core->streams, epoch);
    struct gw_offer *offer = stream ? gw_offer_find(stream, remote) : NULL;
    if (!offer)
        return;
    offer->refused_link = remote->link.id;
    gw_note(core, GW_NOTE_QUARANTINE, remote->name, epoch, 0);
    gw_unsent_refused(core, stream, remote);
}

/* ---- members come and go ---- */

void gw_member_changed(struct gw_core *core, struct gw_member *member)
{
    struct gw_target *target = member->target;
    bool live = member->serving; /* which needs a link */
    gw_member_touch(member);
    if (live == member->live)
        return;
    member->live = live;
    target->live += live ? 1 : (size_t)-1;
    if (gw_policy_of(target)->failover) /* it may have waited for somebody */
        gw_policy_wake(core, target, core->now_us);
    struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_MEMBERS);
    if (!effect)
        return;
    effect->u.members.destination = target->destination;
    effect->u.members.count = target->live;
}

/* Nothing is sent to it, nobody serves it, and no credit of a link still up was spent on it. */
static bool is_idle(const struct gw_target *target)
{
    bool idle = !target->streams && !target->dispatch_due && !target->has_policy;
    const struct gw_member *member = target->members;
    for (; member && idle; member = member->next_in_target)
        idle = !member->serving && !member->used_messages;
    return idle;
}

static void free_target(struct gw_core *core, struct gw_target *target)
{
    while (target->members)
        gw_member_forget(target->members);
    gw_target_forget(core, target);
}

/* Names that were served once and are not any more: all of them at once, so that it is rare. */
static void forget_idle_targets(struct gw_core *core)
{
    for (struct gw_target *target = core->targets, *next; target; target = next) {
        next = target->next;
        if (is_idle(target))
            free_target(core, target);
    }
}

bool gw_target_forget_idle(struct gw_core *core, struct gw_target *target)
{
    if (!is_idle(target))
        return false;
    free_target(core, target);
    return true;
}

/* What others say they serve fills half of the table at most: the rest is for what is sent. */
static struct gw_target *served_target(struct gw_core *core,
                                       const struct gw_destination *destination, bool *swept)
{
    struct gw_target *target = gw_target_find(core, destination);
    if (!target && core->target_count >= GW_TARGETS_MAX / 2 && !*swept) {
        forget_idle_targets(core);
        *swept = true; /* once for a frame: it looks at all */
    }
    if (target || core->target_count >= GW_TARGETS_MAX / 2)
        return target;
    return gw_target_get(core, destination);
}

/* What is meant for one peer goes to no other, whoever claims to serve it. */
static bool may_serve(const struct gw_remote *remote, const struct gw_destination *destination)
{
    bool personal = destination->kind == GW_KIND_PEER || destination->kind == GW_KIND_REPLY;
    return !personal || strcmp(destination->name, remote->name) == 0;
}

void gw_stream_served(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame)
{
    size_t count = frame->u.serve.count;
    bool swept = false;
    struct gw_member **by_serve = count ? gw_allocate(core, count * sizeof *by_serve) : NULL;
    for (struct gw_member *member = remote->members; member; member = member->next_in_remote)
        member->serving = false;
    free(remote->by_serve);
    remote->by_serve = by_serve;
    remote->serve_count = 0;
    for (size_t i = 0; i < count && by_serve; i++) {
        const struct gw_serve *serve = &frame->u.serve.items[i];
        struct gw_target *target = may_serve(remote, &serve->destination)
                                       ? served_target(core, &serve->destination, &swept)
                                       : NULL;
        struct gw_member *member = target ? gw_member_get(core, remote, target) : NULL;
        by_serve[remote->serve_count++] = member;
        if (!member)
            continue; /* another's, or no room for its destination: not known here */
        member->serving = true;
        target->abandoned = false; /* replies came too late for one of that name: others live */
        if (serve->credit_messages > member->granted_messages)
            member->granted_messages = serve->credit_messages;
        if (serve->credit_bytes > member->granted_bytes)
            member->granted_bytes = serve->credit_bytes;
        gw_dispatch_later(core, target);
    }
    for (struct gw_member *member = remote->members; member; member = member->next_in_remote) {
        gw_member_changed(core, member);
        gw_unsent_send(core, member);
    }
}

void gw_stream_link_up(struct gw_core *core, struct gw_remote *remote)
{
    gw_stream_repeat_closed(core, remote);
}

void gw_stream_link_down(struct gw_core *core, struct gw_remote *remote)
{
    for (struct gw_member *member = remote->members; member; member = member->next_in_remote) {
        member->serving = false;
        gw_member_reserve(member, NULL);
        if (gw_policy_of(member->target)->failover)
            gw_policy_wake(core, member->target, core->now_us);
        member->granted_messages = member->granted_bytes = 0;
        member->used_messages = member->used_bytes = 0;
        while (member->unsent_head)
            gw_unsent_remove(member, member->unsent_head);
    }
    remote->serve_count = 0;
}

/* ---- floors and the end of an epoch ---- */

size_t gw_stream_floors(struct gw_remote *remote, struct gw_floor *floors, size_t most)
{
    size_t count = 0, index = 0;
    uint64_t skip = remote->link.floors_cursor;
    for (const struct gw_offer *offer = remote->offers; offer && count < most;
         offer = offer->next_of_remote) {
        const struct gw_stream *stream = offer->stream;
        if (offer->removed || index++ < skip)
            continue;
        uint64_t floor = stream->floor_published;
        if (GW_PLANT(FLOOR_TOO_HIGH) && floor <= stream->last)
            floor++;
        floors[count++] = (struct gw_floor){stream->epoch, floor, stream->stored};
    }
    remote->link.floors_cursor = count == most ? skip + count : 0;
    return count;
}

static void send_closed(struct gw_core *core, const struct gw_stream *stream,
                        const struct gw_remote *remote)
{
    struct gw_frame *frame =
        gw_send_frame(core, remote->link.conn, GW_FRAME_CLOSED, remote->link.id);
    frame->u.closed.epoch = stream->epoch;
    frame->u.closed.last = stream->last;
}

/* CLOSED is repeated until its receiver says that the tombstone is durable. */
void gw_stream_repeat_closed(struct gw_core *core, struct gw_remote *remote)
{
    for (const struct gw_offer *offer = remote->offers; offer; offer = offer->next_of_remote)
        if (finished(offer->stream)) /* so that none of its offers is being removed */
            send_closed(core, offer->stream, remote);
}

void gw_stream_try_close(struct gw_core *core, struct gw_stream *stream)
{
    if (!stream->old || stream->floor_published != stream->last + 1)
        return;
    if (!stream->offers) {
        gw_stream_dirty(core, stream); /* nobody to tell: its row can go */
        gw_commit_lazily(core);
    }
    for (struct gw_offer *offer = stream->offers; offer; offer = offer->next)
        if (offer->remote->link.id && !offer->removed)
            send_closed(core, stream, offer->remote);
}
