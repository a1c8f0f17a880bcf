/* SPDX-License-Identifier: MPL-2.0 */
/* What was given back undecided. A return is no decision: the message is not here any more, and its
 * sender offers it again under a new number. It is told once on a link, and again on each new one,
 * until DATA of a newer offer, a decision or the floor makes it old. Those of crashed handlers come
 * from the store (rows 'h') and leave it then; the others live in memory, a bounded number of them:
 * one forgotten too early is offered again without a word.
 *
 * DATA of an offer whose return is remembered crossed with it: that offer is over, so the return is
 * told again and the message not taken. */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

#define RETURNS_MAX 1024 /* remembered in one window */

static struct gw_giveback *giveback_at(const struct gw_window *window, size_t at)
{
    return at < window->returns.count ? gw_index_at(&window->returns, at) : NULL;
}

static bool is_over(const struct gw_giveback *giveback, uint64_t last)
{
    return !giveback || giveback->span.first > last;
}

/* ---- remembered ---- */

static void touch_crash_row(struct gw_core *core, struct gw_window *window, uint64_t key)
{
    gw_check(core, gw_ranges_add(&window->crash_rows, key, key));
    gw_window_dirty(core, window);
    gw_commit_lazily(core);
}

void gw_giveback_forget(struct gw_core *core, struct gw_window *window, uint64_t first,
                        uint64_t last)
{
    const struct gw_giveback *giveback;
    if (!window->returns.count)
        return;
    for (size_t at = gw_spans_find(&window->returns, first);
         !is_over(giveback = giveback_at(window, at), last); at++) {
        if (giveback->kind != GW_RETURN_CRASHED)
            continue;
        touch_crash_row(core, window, giveback->span.first);
        if (giveback->span.last > last)
            touch_crash_row(core, window, last + 1);
    }
    gw_check(core, gw_spans_cut(&window->returns, first, last));
}

/* The oldest goes, but not one that its sender is about to be told of. */
static void forget_oldest(struct gw_core *core, struct gw_window *window)
{
    const struct gw_giveback *oldest = NULL;
    bool linked = window->owner->link.id;
    if (window->returns.count < RETURNS_MAX) /* crashes are few: let them count here */
        return;
    for (size_t i = 0; i < window->returns.count; i++) {
        const struct gw_giveback *giveback = giveback_at(window, i);
        if (giveback->kind != GW_RETURN_CRASHED && !(linked && giveback->unsaid) &&
            (!oldest || giveback->age < oldest->age))
            oldest = giveback;
    }
    if (oldest)
        gw_giveback_forget(core, window, oldest->span.first, oldest->span.last);
}

/* Many are returned one by one, of one offer and without a word. */
static bool joins(struct gw_core *core, struct gw_window *window, const struct gw_return *back)
{
    size_t at = gw_index_find(&window->returns, back->first);
    struct gw_giveback *giveback = giveback_at(window, at);
    if (!giveback || giveback->span.last + 1 != back->first || giveback->number != back->number ||
        giveback->kind != back->kind || giveback->delay_ms != back->delay_ms ||
        giveback->text_size || back->text.size || back->kind == GW_RETURN_CRASHED ||
        giveback->known)
        return false;
    giveback->span.last = back->last;
    giveback->age = core->givebacks++;
    giveback->unsaid = true;
    return true;
}

void gw_giveback_remember(struct gw_core *core, struct gw_window *window,
                          const struct gw_return *back)
{
    gw_giveback_forget(core, window, back->first, back->last);
    window->returns_unsaid = true;
    if (joins(core, window, back))
        return;
    if (back->kind != GW_RETURN_CRASHED)
        forget_oldest(core, window);
    struct gw_giveback *giveback = gw_allocate(core, sizeof *giveback + back->text.size);
    if (!giveback)
        return;
    giveback->span =
        (struct gw_span){back->first, back->last, sizeof *giveback + back->text.size};
    giveback->number = back->number;
    giveback->since = giveback->age = core->givebacks++;
    giveback->kind = back->kind;
    giveback->unsaid = true;
    giveback->delay_ms = back->delay_ms;
    giveback->text_size = back->text.size;
    if (back->text.size)
        memcpy(giveback->text, back->text.data, back->text.size);
    if (gw_index_add(&window->returns, back->first, giveback)) {
        free(giveback);
        gw_fail(core);
    }
}

const struct gw_giveback *gw_giveback_find(const struct gw_window *window, uint64_t first,
                                           uint64_t last)
{
    const struct gw_giveback *giveback =
        giveback_at(window, gw_spans_find(&window->returns, first));
    return is_over(giveback, last) ? NULL : giveback;
}

/* Numbers grow: DATA of an older offer than the one that came back is a late copy. */
const struct gw_giveback *gw_giveback_crossed(const struct gw_window *window, uint64_t first,
                                              uint64_t last, uint64_t number)
{
    const struct gw_giveback *giveback;
    for (size_t at = gw_spans_find(&window->returns, first);
         !is_over(giveback = giveback_at(window, at), last); at++)
        if (giveback->number >= number && giveback->number != GW_OFFER_ANY)
            return giveback;
    return NULL;
}

void gw_giveback_say_again(struct gw_core *core, struct gw_window *window, uint64_t first,
                           uint64_t last, uint64_t number)
{
    struct gw_giveback *giveback;
    for (size_t at = gw_spans_find(&window->returns, first);
         !is_over(giveback = giveback_at(window, at), last); at++) {
        if (giveback->number != number && number != GW_OFFER_ANY)
            continue;
        giveback->unsaid = window->returns_unsaid = true;
        gw_ack_later(core, window->owner);
    }
}

/* They are told before the sender may send anything on this link. */
void gw_giveback_say_all(struct gw_window *window)
{
    for (size_t i = 0; i < window->returns.count; i++)
        giveback_at(window, i)->unsaid = giveback_at(window, i)->known = true;
    window->returns_unsaid = window->returns.count > 0;
}

/* ---- order ---- */

/* Offered under a new number since it was given back: its sender has heard of that, and of every
 * return that was told before. */
void gw_giveback_answered(struct gw_window *window, uint64_t first, uint64_t last)
{
    const struct gw_giveback *giveback;
    uint64_t heard = 0;
    if (!window->ordered || !window->returns.count)
        return;
    for (size_t at = gw_spans_find(&window->returns, first);
         !is_over(giveback = giveback_at(window, at), last); at++) {
        /* UNREACHED: what came back is said by the end of that step, or when a link starts. */
        if (giveback->unsaid)
            continue;
        if (giveback->since > heard)
            heard = giveback->since;
    }
    for (size_t i = 0; i < window->returns.count; i++)
        if (giveback_at(window, i)->age < heard)
            giveback_at(window, i)->known = true;
}

/* A sender that knows of a return offers nothing above it before that message is settled, or here
 * again: what it offers all the same is in order. One that does not know has sent what would
 * overtake it. */
bool gw_giveback_blocks(const struct gw_window *window, uint64_t sequence)
{
    const struct gw_giveback *giveback;
    if (!window->ordered)
        return false;
    if (window->recalls && sequence > window->recalled_from)
        return true;
    for (size_t i = 0; !is_over(giveback = giveback_at(window, i), sequence); i++)
        if (!giveback->known)
            return true;
    return false;
}

/* ---- rows of crashes ---- */

static void seal_crash_row(struct gw_core *core, const struct gw_window *window, uint64_t key)
{
    const struct gw_giveback *giveback =
        giveback_at(window, gw_index_find(&window->returns, key));
    bool stays =
        giveback && giveback->span.first == key && giveback->kind == GW_RETURN_CRASHED;
    struct gw_op *op = gw_seal_op(core, stays ? GW_OP_PUT : GW_OP_DELETE);
    if (!op)
        return;
    op->row.kind = GW_ROW_CRASHED;
    op->row.epoch = window->epoch;
    op->row.first = key;
    op->row.last = stays ? giveback->span.last : key;
    op->row.number = stays ? giveback->number : 0;
}

void gw_giveback_seal(struct gw_core *core, struct gw_window *window)
{
    for (size_t i = 0; i < window->crash_rows.count; i++) {
        struct gw_range keys = window->crash_rows.items[i];
        for (uint64_t key = keys.first; key <= keys.last && !core->failed; key++)
            seal_crash_row(core, window, key);
    }
    gw_ranges_clear(&window->crash_rows);
}

/* ---- given back ---- */

/* Each part under the offer that it is held by. */
static void remember_from_hand(struct gw_core *core, struct gw_window *window,
                               const struct gw_return *back)
{
    for (size_t at = gw_spans_find(&window->held, back->first);
         at < window->held.count && !core->failed; at++) {
        const struct gw_held *held = gw_index_at(&window->held, at);
        struct gw_return part = *back;
        if (held->span.first > back->last)
            return;
        if (held->span.first > part.first)
            part.first = held->span.first;
        if (held->span.last < part.last)
            part.last = held->span.last;
        if (part.first < window->floor)
            part.first = window->floor; /* settled: nobody waits for it */
        part.number = held->number;
        if (part.first <= part.last)
            gw_giveback_remember(core, window, &part);
    }
}

void gw_giveback_from_hand(struct gw_core *core, struct gw_window *window,
                           const struct gw_return *back, uint64_t bytes)
{
    uint64_t messages = back->last - back->first + 1;
    gw_count(core, GW_COUNTER_returned, messages);
    remember_from_hand(core, window, back);
    gw_hand_leave(core, window, back->first, back->last);
    if (!GW_PLANT(RETURN_KEEPS_CREDIT))
        gw_hand_free_credit(window, messages, bytes);
    gw_ack_later(core, window->owner);
    gw_window_forget_if_idle(core, window);
}

/* In an ordered window nothing above what comes again may go first. */
static void recall_above(struct gw_core *core, struct gw_window *window, uint64_t sequence)
{
    if (window->ordered)
        gw_hand_recall(core, window, (struct gw_range){sequence + 1, UINT64_MAX - 1},
                       GW_OFFER_ANY, GW_SKIP_RELEASE, 0);
}

void gw_window_return(struct gw_core *core, const struct gw_event *event)
{
    const char *text = event->u.give_back.text;
    struct gw_window *window = gw_map_get(&core->windows, event->u.give_back.epoch);
    struct gw_return back = {.first = event->u.give_back.first,
                             .last = event->u.give_back.last,
                             .kind = event->u.give_back.kind,
                             .delay_ms = event->u.give_back.delay_ms};
    if (!window || !gw_ranges_covers(&window->in_hand, back.first, back.last))
        return; /* stale, like a decision */
    if (text)
        back.text = (struct gw_slice){(const uint8_t *)text, strnlen(text, GW_TEXT_MAX)};
    gw_giveback_from_hand(core, window, &back, event->u.give_back.bytes);
    if (back.kind == GW_RETURN_NACK)
        recall_above(core, window, back.last);
}

/* A decision that does not happen: the message goes back, to come again. */
void gw_window_let_go(struct gw_core *core, const struct gw_decision *decision)
{
    struct gw_window *window = gw_map_get(&core->windows, decision->epoch);
    struct gw_return back = {
        .first = decision->first, .last = decision->last, .kind = GW_RETURN_RELEASE};
    if (!window || !gw_ranges_covers(&window->in_hand, back.first, back.last))
        return;
    gw_giveback_from_hand(core, window, &back, decision->bytes);
    if (back.last >= window->floor) /* else all of it is settled, and none of it comes again */
        recall_above(core, window, back.last);
}
