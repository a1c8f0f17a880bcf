/* SPDX-License-Identifier: MPL-2.0 */
/* What is in hand: by which DATA it came, what a handler has begun, and how it is asked back from
 * the application. */

#include "core/state.h"
#include <stdlib.h>
#include <string.h>

static void hold(struct gw_core *core, struct gw_window *window, const struct gw_held *facts,
                 struct gw_range range)
{
    struct gw_held *held = gw_allocate(core, sizeof *held);
    if (!held)
        return;
    *held = *facts;
    held->span = (struct gw_span){range.first, range.last, sizeof *held};
    if (gw_index_add(&window->held, range.first, held)) {
        free(held);
        gw_fail(core);
    }
}

void gw_hand_take(struct gw_core *core, struct gw_window *window, const struct gw_frame *data,
                  struct gw_range piece, uint64_t bytes)
{
    uint64_t messages = piece.last - piece.first + 1;
    struct gw_held facts = {.number = data->u.data.number};
    facts.again = data->u.data.redelivered || data->u.data.attempt > 1;
    gw_check(core, gw_ranges_add(&window->in_hand, piece.first, piece.last));
    hold(core, window, &facts, piece);
    window->intake->in_hand_messages += messages;
    window->intake->in_hand_bytes += bytes;
    gw_count(core, GW_COUNTER_delivered, messages);
    gw_count(core, GW_COUNTER_in_hand_now, messages);
    if (data->u.data.redelivered)
        gw_count(core, GW_COUNTER_redelivered, messages);
}

void gw_hand_leave(struct gw_core *core, struct gw_window *window, uint64_t first, uint64_t last)
{
    gw_check(core, gw_ranges_remove(&window->in_hand, first, last));
    gw_check(core, gw_spans_cut(&window->held, first, last));
    if (window->handed.count)
        gw_check(core, gw_ranges_remove(&window->handed, first, last));
    if (window->hints.count)
        gw_check(core, gw_ranges_remove(&window->hints, first, last));
    core->counters[GW_COUNTER_in_hand_now] -= last - first + 1;
}

void gw_hand_free_credit(struct gw_window *window, uint64_t messages, uint64_t bytes)
{
    if (!window->intake)
        return;
    window->intake->in_hand_messages -= messages;
    window->intake->in_hand_bytes -= bytes;
}

/* Walks the parts of [*at, last] that are held, each of one span. */
static struct gw_held *next_held(const struct gw_window *window, uint64_t *at, uint64_t last,
                                 struct gw_range *part)
{
    size_t index = gw_spans_find(&window->held, *at);
    struct gw_held *held =
        index < window->held.count ? gw_index_at(&window->held, index) : NULL;
    if (!held || held->span.first > last)
        return NULL;
    part->first = held->span.first > *at ? held->span.first : *at;
    part->last = held->span.last < last ? held->span.last : last;
    *at = part->last + 1;
    return held;
}

void gw_hand_renumber(struct gw_core *core, struct gw_window *window, uint64_t first,
                      uint64_t last, uint64_t number)
{
    struct gw_range part;
    const struct gw_held *held;
    while (!core->failed && first <= last && (held = next_held(window, &first, last, &part))) {
        struct gw_held facts = *held;
        if (facts.number >= number) /* a late copy of an older offer */
            continue;
        facts.number = number;
        gw_check(core, gw_spans_cut(&window->held, part.first, part.last));
        hold(core, window, &facts, part);
    }
}

/* ---- asked back ---- */

/* Walks what of [*at, last] came by the offer `number`, or by any, and is not known to have begun.
 */
static bool next_asked(const struct gw_window *window, uint64_t *at, uint64_t last,
                       uint64_t number, struct gw_range *piece)
{
    struct gw_range part;
    const struct gw_held *held;
    while (*at <= last) {
        uint64_t next = *at;
        held = next_held(window, &next, last, &part);
        if (!held)
            return false;
        *at = part.first;
        if ((number == GW_OFFER_ANY || held->number == number) &&
            gw_ranges_next(&window->handed, false, at, part.last, piece))
            return true;
        *at = next; /* of another offer: left alone (rule 8) */
    }
    return false;
}

uint64_t gw_hand_lowest(const struct gw_window *window, struct gw_range range, uint64_t number)
{
    struct gw_range piece;
    return next_asked(window, &range.first, range.last, number, &piece) ? piece.first : 0;
}

static size_t collect(const struct gw_window *window, struct gw_range range, uint64_t number,
                      struct gw_range *pieces)
{
    struct gw_range piece;
    size_t count = 0;
    while (next_asked(window, &range.first, range.last, number, &piece)) {
        if (pieces && count && pieces[count - 1].last + 1 == piece.first)
            pieces[count - 1].last = piece.last;
        else if (pieces)
            pieces[count++] = piece;
        else
            count++;
    }
    return count;
}

/* Until the answer comes nothing above it is handed over in an ordered window: it might come back,
 * and be overtaken. */
static void await_answer(struct gw_window *window, uint64_t from)
{
    if (!window->ordered)
        return;
    if (!window->recalls++ || from < window->recalled_from)
        window->recalled_from = from;
}

void gw_hand_recall(struct gw_core *core, struct gw_window *window, struct gw_range range,
                    uint64_t number, uint8_t purpose, uint32_t code)
{
    size_t most = collect(window, range, number, NULL);
    struct gw_range *pieces =
        most ? gw_effects_allocate(core->out, most * sizeof *pieces) : NULL;
    struct gw_effect *effect = pieces ? gw_effects_add(core->out, GW_EFFECT_RECALL) : NULL;
    if (!effect)
        return;
    effect->u.recall.epoch = window->epoch;
    effect->u.recall.number = number;
    effect->u.recall.purpose = purpose;
    effect->u.recall.code = code;
    effect->u.recall.ranges = pieces;
    effect->u.recall.count = collect(window, range, number, pieces);
    if (purpose == GW_SKIP_RELEASE)
        await_answer(window, pieces[0].first);
}

/* ---- begun ---- */

/* A memory peer keeps no note of what its handlers began: when it dies its sender has only what it
 * was told. It is told at once of what may be dangerous: what failed before. */
static bool is_urgent(const struct gw_core *core, const struct gw_window *window,
                      struct gw_range range)
{
    struct gw_range part;
    uint64_t at = range.first;
    while (core->options.memory && at <= range.last) /* all of it is held */
        if (next_held(window, &at, range.last, &part)->again)
            return true;
    return false;
}

void gw_window_handed(struct gw_core *core, const struct gw_event *event)
{
    struct gw_window *window = gw_map_get(&core->windows, event->u.handed.epoch);
    uint64_t at = event->u.handed.first;
    struct gw_range piece;
    if (!window || window->gone)
        return;
    while (!core->failed &&
           gw_ranges_next(&window->in_hand, true, &at, event->u.handed.last, &piece)) {
        gw_check(core, gw_ranges_add(&window->handed, piece.first, piece.last));
        gw_check(core, gw_ranges_add(&window->hints, piece.first, piece.last));
        if (is_urgent(core, window, piece))
            gw_ack_later(core, window->owner);
    }
}
