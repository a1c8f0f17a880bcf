/* SPDX-License-Identifier: MPL-2.0 */
/* Looks at a core's state for checkers and tests, and the invariants of its books. */

#include "core/state.h"
#include <string.h>

bool gw_core_stream_at(const struct gw_core *core, size_t index, struct gw_stream_view *view)
{
    const struct gw_stream *stream;
    for (size_t at = 0; (stream = gw_map_next(&core->streams, &at, NULL));) {
        if (index--)
            continue;
        view->epoch = stream->epoch;
        view->floor = stream->floor_published;
        view->last = stream->last;
        view->stored = stream->stored;
        uint64_t settled = stream->floor - 1;
        for (size_t i = gw_ranges_find(&stream->settled, stream->floor);
             i < stream->settled.count; i++) {
            struct gw_range range = stream->settled.items[i];
            settled += range.last - gw_at_least(range.first, stream->floor) + 1;
        }
        view->unsettled = stream->last - settled;
        view->old = stream->old;
        return true;
    }
    return false;
}

bool gw_core_window_at(const struct gw_core *core, size_t index, struct gw_window_view *view)
{
    const struct gw_window *window;
    for (size_t at = 0; (window = gw_map_next(&core->windows, &at, NULL));) {
        if (index--)
            continue;
        view->epoch = window->epoch;
        view->floor = window->floor;
        view->decided_above = 0;
        struct gw_range piece;
        uint64_t from = window->floor;
        while (gw_ranges_next(&window->decided, true, &from, window->last, &piece))
            view->decided_above += piece.last - piece.first + 1;
        view->in_hand = gw_ranges_total(&window->in_hand) + gw_ranges_total(&window->deciding);
        view->closed = window->closed;
        view->owner = window->owner->name;
        return true;
    }
    return false;
}

static const char *check_runs(const struct gw_stream *stream)
{
    uint64_t before = 0;
    for (size_t i = 0; i < stream->runs.count; i++) {
        const struct gw_run *run = gw_index_at(&stream->runs, i);
        if (run->first <= before || run->last < run->first)
            return "runs overlap or are out of order";
        if (run->last >= stream->next_unassigned)
            return "a run reaches into what was never assigned";
        before = run->last;
        if (gw_open_count(stream, run->first, run->last) != run->left)
            return "a run's count of unsettled messages is wrong";
    }
    return NULL;
}

/* Below next_unassigned every message is settled, in a run, or waits. */
static const char *check_waiting(const struct gw_stream *stream)
{
    struct gw_range piece;
    uint64_t at = stream->floor;
    while (gw_open_next(stream, &at, stream->next_unassigned - 1, &piece)) {
        uint64_t end = piece.last;
        const struct gw_run *run = gw_run_until(stream, piece.first, &end);
        if (run && gw_ranges_overlaps(&stream->waiting, piece.first, end))
            return "a message waits that a member has";
        if (!run && !gw_ranges_covers(&stream->waiting, piece.first, end))
            return "a message is with nobody and does not wait";
        at = end + 1;
    }
    for (size_t i = 0; i < stream->waiting.count; i++)
        if (gw_ranges_overlaps(&stream->settled, stream->waiting.items[i].first,
                               stream->waiting.items[i].last) ||
            gw_ranges_overlaps(&stream->settling, stream->waiting.items[i].first,
                               stream->waiting.items[i].last) ||
            stream->waiting.items[i].last >= stream->next_unassigned)
            return "a settled message, or one never offered, waits";
    return NULL;
}

static const char *check_stories(const struct gw_stream *stream)
{
    size_t wanted = 0, dying = 0;
    for (size_t i = 0; i < stream->stories.count; i++) {
        const struct gw_story *story = gw_index_at(&stream->stories, i);
        if (story->over)
            continue;
        wanted += story->withdrawal != 0;
        dying += story->death && !story->buried;
    }
    return wanted == stream->wanted && dying == stream->dying ? NULL : "stories are miscounted";
}

/* Every run is in the index of its offer, too, and what a seal looks for is announced. */
static const char *check_offers(const struct gw_stream *stream)
{
    size_t runs = 0;
    for (const struct gw_offer *offer = stream->offers; offer; offer = offer->next) {
        runs += offer->runs.count;
        for (size_t i = 0; i < offer->runs.count; i++) {
            const struct gw_run *run = gw_index_at(&offer->runs, i);
            if (run->offer != offer || gw_run_at(stream, run->first) != run)
                return "a run is not where its offer looks for it";
        }
        if (offer->forfeited.count && !stream->forfeits)
            return "a stream does not know of its forfeited messages";
        if (offer->remote->gone && !offer->removed && !stream->gone_offers)
            return "a stream does not know that a member has ended";
    }
    return runs == stream->runs.count ? NULL : "a run is of no offer";
}

/* What nothing was noted of is as the last choice found it. */
static bool is_where_it_belongs(const struct gw_member *member)
{
    bool free = gw_member_is_free(member), credit = gw_credit_messages(member) > 0;
    const struct gw_heap *ready = &member->target->ready;
    if (member->here_touched)
        return true;
    if (member->starved != (free && !credit) || (member->ready.at != 0) != (free && credit))
        return false;
    return !member->ready.at || (gw_heap_key(ready, &member->ready) == member->outstanding &&
                                 ready->entries[member->ready.at - 1].tie == member->chosen);
}

static uint64_t ready_load(const struct gw_target *target)
{
    uint64_t load = 0;
    for (size_t i = 0; i < target->ready.count; i++)
        load += target->ready.entries[i].key;
    return load;
}

static const char *check_target(const struct gw_target *target)
{
    size_t live = 0, reserved = 0, starved = 0;
    for (const struct gw_member *member = target->members; member;
         member = member->next_in_target) {
        live += member->serving;
        if (member->serving && !member->remote->link.id)
            return "a member serves without a link";
        reserved += member->reserved != NULL;
        starved += member->starved;
        if (!is_where_it_belongs(member))
            return "a member that can be given work is not known to, or one that cannot is";
        if ((member->unsent_head != NULL) != (member->here_with_unsent != NULL))
            return "a member with unsent runs is not listed, or one without is";
        if (member->unsent_head && !member->remote->link.complete)
            return "a run waits to be sent on a link that is not complete";
    }
    if (live != target->live)
        return "live members are miscounted";
    if (starved != target->starved)
        return "members without credit are miscounted";
    if (ready_load(target) != target->ready_load)
        return "what the members hold that can be given work is miscounted";
    return reserved == target->reserved ? NULL : "reserved members are miscounted";
}

static const char *check_stream(const struct gw_core *core, const struct gw_stream *stream)
{
    if (stream->floor_published > stream->floor || stream->floor > stream->last + 1)
        return "a floor is above what it may be";
    if (stream->stored > stream->last)
        return "more is stored than was assigned";
    if (!gw_ranges_valid(&stream->settled) || !gw_ranges_valid(&stream->settling))
        return "a stream's ranges are broken";
    if (stream->floor <= stream->last && gw_ranges_contains(&stream->settled, stream->floor))
        return "the floor is settled";
    const char *broken = check_runs(stream);
    if (!broken)
        broken = check_offers(stream);
    if (!broken && core->started) /* what waits is found when all rows are in */
        broken = check_waiting(stream);
    return broken ? broken : check_stories(stream);
}

/* Every message in hand is of one DATA that is known, and nothing else is. */
static const char *check_hand(const struct gw_window *window)
{
    uint64_t total = 0, before = 0;
    for (size_t i = 0; i < window->held.count; i++) {
        const struct gw_held *held = gw_index_at(&window->held, i);
        if (held->span.first <= before ||
            !gw_ranges_covers(&window->in_hand, held->span.first, held->span.last))
            return "what is held and what is in hand disagree";
        total += held->span.last - held->span.first + 1;
        before = held->span.last;
    }
    if (total != gw_ranges_total(&window->in_hand))
        return "a message in hand is of no known offer";
    for (size_t i = 0; i < window->handed.count; i++)
        if (!gw_ranges_covers(&window->in_hand, window->handed.items[i].first,
                              window->handed.items[i].last))
            return "a message is begun and not in hand";
    for (size_t i = 0; i < window->hints.count; i++)
        if (!gw_ranges_covers(&window->handed, window->hints.items[i].first,
                              window->hints.items[i].last))
            return "a hint is of a message that has not begun";
    return NULL;
}

static const char *check_verdicts(const struct gw_window *window)
{
    uint64_t before = 0;
    for (size_t i = 0; i < window->verdicts.count; i++) {
        const struct gw_verdict *verdict = gw_index_at(&window->verdicts, i);
        if (verdict->sequence <= before)
            return "verdicts are out of order";
        before = verdict->sequence;
        if (before >= window->floor && !gw_ranges_contains(&window->decided, before) &&
            !gw_ranges_contains(&window->deciding, before))
            return "a verdict is of a message that is not decided";
    }
    return NULL;
}

static const char *check_returns(const struct gw_window *window)
{
    uint64_t before = 0;
    for (size_t i = 0; i < window->returns.count; i++) {
        const struct gw_span *span = gw_index_at(&window->returns, i);
        if (span->first <= before || span->last < span->first)
            return "returns overlap or are out of order";
        before = span->last;
        if (gw_ranges_overlaps(&window->in_hand, span->first, span->last) ||
            gw_ranges_overlaps(&window->decided, span->first, span->last) ||
            gw_ranges_overlaps(&window->deciding, span->first, span->last))
            return "a message was given back and is in hand or decided";
    }
    return NULL;
}

static const char *check_decisions(const struct gw_window *window)
{
    if (!gw_ranges_valid(&window->decided) || !gw_ranges_valid(&window->deciding) ||
        !gw_ranges_valid(&window->in_hand))
        return "a window's ranges are broken";
    for (size_t i = 0; i < window->in_hand.count; i++) {
        struct gw_range range = window->in_hand.items[i];
        if (gw_ranges_overlaps(&window->decided, range.first, range.last) ||
            gw_ranges_overlaps(&window->deciding, range.first, range.last))
            return "a message is in hand and decided";
    }
    struct gw_range piece;
    uint64_t at = window->floor; /* below it decisions are not kept one by one */
    while (gw_ranges_next(&window->committing, true, &at, UINT64_MAX, &piece))
        if (!gw_ranges_covers(&window->decided, piece.first, piece.last))
            return "a decision is committing and not in the book";
    return NULL;
}

static const char *check_window(const struct gw_window *window)
{
    const char *broken = check_decisions(window);
    if (!broken)
        broken = check_hand(window);
    if (!broken)
        broken = check_verdicts(window);
    return broken ? broken : check_returns(window);
}

static const char *check_link(const struct gw_core *core, const struct gw_remote *remote)
{
    const struct gw_conn *conn =
        remote->link.id ? gw_map_get(&core->conns, remote->link.conn) : NULL;
    if (remote->link.id && (!conn || conn->link != remote->link.id || conn->remote != remote))
        return "a link and its connection disagree";
    if (remote->link.id && gw_heap_key(&core->timers[GW_TIMER_LINK], &remote->timer) !=
                               gw_link_due_us(core, remote))
        return "a link is not looked at when it wants to be";
    if (!remote->link.id && (remote->timer.at != 0) != (remote->identity.memory && core->started))
        return "nobody sees that a memory peer stays away";
    return NULL;
}

static const char *check_conn(const struct gw_conn *conn)
{
    if (!conn->dialled && (conn->timer.at != 0) == (conn->link != 0))
        return "a stranger is not looked at, or one that has a link is";
    if (conn->dialled && conn->link && conn->timer.at)
        return "a connection that has a link is dialled";
    return NULL;
}

const char *gw_core_check(const struct gw_core *core)
{
    const char *broken = NULL;
    const void *item;
    uint64_t links = 0;
    for (size_t at = 0; !broken && (item = gw_map_next(&core->streams, &at, NULL));)
        broken = check_stream(core, item);
    for (size_t at = 0; !broken && (item = gw_map_next(&core->windows, &at, NULL));)
        broken = check_window(item);
    for (const struct gw_remote *remote = core->remote_list; remote && !broken;
         remote = remote->next)
        broken = check_link(core, remote);
    for (size_t at = 0; !broken && (item = gw_map_next(&core->conns, &at, NULL));)
        broken = check_conn(item);
    for (const struct gw_target *target = core->targets; target && !broken; target = target->next)
        broken = check_target(target);
    for (const struct gw_remote *remote = core->remote_list; remote; remote = remote->next)
        links += remote->link.id != 0;
    if (!broken && links != core->counters[GW_COUNTER_links_now])
        broken = "the links that are up are miscounted";
    return broken;
}

static enum gw_place place_of(const struct gw_stream *stream, uint64_t sequence)
{
    const struct gw_run *run = gw_run_at(stream, sequence);
    if (!gw_is_open(stream, sequence))
        return GW_PLACE_SETTLED;
    if (!run)
        return GW_PLACE_QUEUED;
    return gw_ranges_contains(&run->offer->handed, sequence) ? GW_PLACE_IN_HAND
                                                             : GW_PLACE_ASSIGNED;
}

void gw_core_find(const struct gw_core *core, uint64_t epoch, uint64_t sequence,
                  struct gw_whereabouts *found)
{
    const struct gw_stream *stream = gw_map_get(&core->streams, epoch);
    *found = (struct gw_whereabouts){.place = GW_PLACE_UNKNOWN};
    if (!stream || !sequence || sequence > stream->last)
        return;
    found->place = place_of(stream, sequence);
    found->destination = stream->target->destination;
    const struct gw_run *run = gw_run_at(stream, sequence);
    const struct gw_story *story = gw_story_find(stream, sequence);
    if (found->place == GW_PLACE_SETTLED) {
        found->how = gw_stream_ending(stream, sequence);
        return;
    }
    if (run) {
        memcpy(found->peer, run->member->remote->name, sizeof found->peer);
        found->linked = run->member->remote->link.id != 0;
    }
    found->attempts = story ? story->attempts : run != NULL;
    found->due_us = story && !run ? story->due_us : 0;
}

enum gw_acquaintance gw_core_knows(const struct gw_core *core, const char *name)
{
    const struct gw_remote *remote = gw_remote_find(core, name);
    if (!remote || remote->passing)
        return GW_PEER_UNKNOWN;
    return remote->link.id ? GW_PEER_LINKED : GW_PEER_AWAY;
}
