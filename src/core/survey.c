/* SPDX-License-Identifier: MPL-2.0 */
/* Looks at a core's state for people. Nothing here changes it. */

#include "core/survey.h"

#include "core/state.h"

#include <string.h>

/* The table's next entry, zeroed; NULL when it is full. Counts in any case. */
static void *next_of(void *table, size_t item_size, size_t *count)
{
    size_t at = (*count)++;

    if (at >= GW_SURVEY_MAX)
        return NULL;
    void *item = (char *)table + at * item_size;
    memset(item, 0, item_size);
    return item;
}
#define NEXT(survey, table, count) \
    next_of((survey)->table, sizeof *(survey)->table, &(survey)->count)

static uint64_t left(uint64_t granted, uint64_t used)
{
    return granted > used ? granted - used : 0;
}

/* ---- the sending side ---- */

static uint64_t unsettled(const struct gw_stream *stream)
{
    uint64_t settled = stream->floor - 1;

    for (size_t i = gw_ranges_find(&stream->settled, stream->floor); i < stream->settled.count;
         i++) {
        struct gw_range range = stream->settled.items[i];

        settled += range.last - (range.first > stream->floor ? range.first : stream->floor) + 1;
    }
    return stream->last - settled;
}

static void survey_stream(struct gw_survey *survey, const struct gw_stream *stream)
{
    struct gw_survey_stream *item = NEXT(survey, streams, stream_count);

    if (!item)
        return;
    const struct gw_run *holder = gw_run_at(stream, stream->floor);
    item->epoch = stream->epoch;
    item->destination = stream->target->destination;
    item->floor = stream->floor;
    item->last = stream->last;
    item->stored = stream->stored;
    item->unsettled = unsettled(stream);
    item->old = stream->old;
    item->ordered = stream->ordered;
    item->stalled = stream->stalled;
    if (holder)
        memcpy(item->holder, holder->member->remote->name, sizeof item->holder);
}

static void survey_target(struct gw_survey *survey, const struct gw_target *target)
{
    struct gw_survey_target *item = NEXT(survey, targets, target_count);

    for (const struct gw_stream *stream = target->streams; stream; stream = stream->next) {
        survey_stream(survey, stream);
        if (!item)
            continue;
        item->streams++;
        item->unsettled += unsettled(stream);
        item->unoffered += left(stream->last + 1, stream->next_unassigned);
        item->waiting += gw_ranges_total(&stream->waiting);
        item->failing += stream->stories.count;
    }
    if (!item)
        return;
    item->destination = target->destination;
    item->members = target->live;
    item->ordered = target->policy.ordered;
    item->failover = target->policy.failover;
}

static void survey_member(struct gw_survey *survey, const struct gw_member *member)
{
    struct gw_survey_member *item = NEXT(survey, members, member_count);

    if (!item)
        return;
    item->destination = member->target->destination;
    memcpy(item->peer, member->remote->name, sizeof item->peer);
    item->linked = member->remote->link.id != 0;
    item->serving = member->serving;
    item->forfeited = member->forfeited;
    item->outstanding = member->outstanding;
    if (!item->serving)
        return;
    item->credit_messages = left(member->granted_messages, member->used_messages);
    item->credit_bytes = left(member->granted_bytes, member->used_bytes);
}

/* ---- the receiving side ---- */

static uint64_t decided_above(const struct gw_window *window)
{
    struct gw_range piece;
    uint64_t total = 0, from = window->floor;

    while (gw_ranges_next(&window->decided, true, &from, window->last, &piece))
        total += piece.last - piece.first + 1;
    return total;
}

static void survey_window(struct gw_survey *survey, const struct gw_window *window)
{
    struct gw_survey_window *item = NEXT(survey, windows, window_count);

    if (!item)
        return;
    item->epoch = window->epoch;
    item->destination = window->destination;
    memcpy(item->sender, window->owner->name, sizeof item->sender);
    item->floor = window->floor;
    item->last = window->last;
    item->in_hand = gw_ranges_total(&window->in_hand) + gw_ranges_total(&window->deciding);
    item->begun = gw_ranges_total(&window->handed);
    item->decided = decided_above(window);
}

static void survey_remote(struct gw_survey *survey, const struct gw_core *core,
                          const struct gw_remote *remote)
{
    struct gw_survey_link *item = NEXT(survey, links, link_count);

    for (const struct gw_member *member = remote->members; member;
         member = member->next_in_remote) {
        survey_member(survey, member);
        if (item)
            item->holds += member->outstanding;
    }
    for (const struct gw_window *window = remote->windows; window; window = window->next)
        survey_window(survey, window);
    if (!item)
        return;
    memcpy(item->name, remote->name, sizeof item->name);
    item->up = remote->link.id != 0;
    item->memory = remote->identity.memory;
    item->gone = remote->gone;
    item->since_us = item->up ? remote->link.up_us : remote->down_us;
    for (const struct gw_intake *intake = remote->intakes; intake; intake = intake->next)
        item->in_hand += intake->in_hand_messages;
    if (!item->up)
        return;
    item->complete = remote->link.complete;
    item->dialled = remote->link.dialled;
    item->heard_us = left(core->now_us, remote->link.heard_us);
    item->rtt_us = remote->link.srtt_us;
}

void gw_core_survey(const struct gw_core *core, struct gw_survey *survey)
{
    survey->link_count = survey->target_count = survey->member_count = 0;
    survey->stream_count = survey->window_count = survey->local_count = 0;
    memcpy(survey->name, core->options.name, sizeof survey->name);
    memcpy(survey->store, core->options.store, sizeof survey->store);
    survey->open = core->options.open;
    survey->now_us = core->now_us;
    for (const struct gw_target *target = core->targets; target; target = target->next)
        survey_target(survey, target);
    for (const struct gw_remote *remote = core->remote_list; remote; remote = remote->next)
        survey_remote(survey, core, remote);
    for (const struct gw_local *local = core->locals; local; local = local->next) {
        struct gw_survey_local *item = NEXT(survey, locals, local_count);

        if (!item)
            continue;
        item->destination = local->destination;
        item->open = local->active;
        item->credit_messages = local->credit_messages;
        item->credit_bytes = local->credit_bytes;
    }
    survey->tombstones = left(core->windows.count, survey->window_count);
}

void gw_core_received(const struct gw_core *core, uint64_t epoch, uint64_t sequence,
                      struct gw_received *received)
{
    const struct gw_window *window = gw_map_get(&core->windows, epoch);

    *received = (struct gw_received){.reception = GW_RECEPTION_UNKNOWN};
    if (!window)
        return;
    received->destination = window->destination;
    memcpy(received->sender, window->owner->name, sizeof received->sender);
    received->closed = window->closed;
    if (sequence < window->floor)
        received->reception = GW_RECEPTION_BELOW;
    else if (gw_ranges_contains(&window->deciding, sequence) ||
             gw_ranges_contains(&window->committing, sequence))
        received->reception = GW_RECEPTION_DECIDING;
    else if (gw_ranges_contains(&window->decided, sequence))
        received->reception = GW_RECEPTION_DECIDED;
    else if (gw_ranges_contains(&window->handed, sequence))
        received->reception = GW_RECEPTION_BEGUN;
    else if (gw_ranges_contains(&window->in_hand, sequence))
        received->reception = GW_RECEPTION_IN_HAND;
    else
        received->reception = GW_RECEPTION_MISSING;
}
