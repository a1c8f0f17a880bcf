/* SPDX-License-Identifier: MPL-2.0 */
/* A memory peer that has ended never comes back to its epochs, so that nothing of them need be
 * known: their windows are forgotten, tombstones too. What a handler is still at stays until it is
 * decided: that decision's transaction is worth as much as any other. */

#include "core/state.h"

static bool is_idle(const struct gw_window *window)
{
    return !window->in_hand.count && !window->deciding.count && !window->committing.count;
}

void gw_window_forget_if_idle(struct gw_core *core, struct gw_window *window)
{
    if (!window->gone || !is_idle(window))
        return;
    gw_window_dirty(core, window);
    gw_commit_lazily(core);
}

/* All stay in their owner's list until they are freed, tombstones as well, but are not counted. */
static void mark_gone(struct gw_window *window)
{
    bool listed = !window->closed || window->closing;
    if (listed) {
        window->owner->window_count--;
    } else {
        window->next = window->owner->windows;
        window->owner->windows = window;
    }
    window->gone = true;
    gw_ranges_clear(&window->unreported);
    gw_ranges_clear(&window->hints);
}

void gw_window_owner_gone(struct gw_core *core, struct gw_remote *remote)
{
    for (struct gw_window *window = remote->owned; window; window = window->next_owned) {
        if (window->gone)
            continue;
        mark_gone(window);
        gw_window_forget_if_idle(core, window);
    }
}

static void take_off_list(struct gw_window *window)
{
    struct gw_window **link = &window->owner->windows;
    while (*link != window)
        link = &(*link)->next;
    *link = window->next;
}

bool gw_window_revive(struct gw_window *window)
{
    if (window->forgetting)
        return false;
    window->gone = false;
    if (!window->closed || window->closing)
        window->owner->window_count++;
    else
        take_off_list(window);
    return true;
}

static void delete_row(struct gw_core *core, const struct gw_window *window,
                       enum gw_row_kind kind, uint64_t first)
{
    struct gw_op *op = gw_seal_op(core, GW_OP_DELETE);
    if (!op)
        return;
    op->row.kind = (uint8_t)kind;
    op->row.epoch = window->epoch;
    op->row.first = first;
}

static void delete_rows(struct gw_core *core, struct gw_window *window)
{
    for (size_t i = 0; i < window->decided.count; i++)
        delete_row(core, window, GW_ROW_DECIDED, window->decided.items[i].first);
    for (size_t i = 0; i < window->verdicts.count; i++) {
        const struct gw_verdict *verdict = gw_index_at(&window->verdicts, i);
        delete_row(core, window, GW_ROW_EXCEPTION, verdict->sequence);
    }
    gw_giveback_seal(core, window);
    for (size_t i = 0; i < window->returns.count; i++) {
        const struct gw_giveback *giveback = gw_index_at(&window->returns, i);
        if (giveback->kind == GW_RETURN_CRASHED)
            delete_row(core, window, GW_ROW_CRASHED, giveback->span.first);
    }
    if (window->row_stored)
        delete_row(core, window, GW_ROW_WINDOW, 0);
}

bool gw_window_seal_gone(struct gw_core *core, struct gw_window *window)
{
    if (!window->gone || !is_idle(window))
        return false;
    delete_rows(core, window);
    window->forgetting = true;
    return true;
}

bool gw_window_durable_gone(struct gw_core *core, struct gw_window *window)
{
    if (!window->gone)
        return false;
    gw_ranges_clear(&window->unreported);
    if (!window->forgetting || window->dirty) {
        gw_window_forget_if_idle(core, window);
        return true;
    }
    take_off_list(window);
    gw_map_remove(&core->windows, window->epoch);
    gw_window_free(window);
    return true;
}
