/* SPDX-License-Identifier: MPL-2.0 */
/* What an earlier open left of the receiving side: windows, their decisions, the verdicts among
 * these, and what handlers were at when their process died. Rows come in this order. */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>

#define ORPHANS_MAX 1024 /* the rest stays in the store: more crashes than windows are likely */

static void recover_window(struct gw_core *core, const struct gw_row *row)
{
    struct gw_remote *owner = gw_remote_get(core, row->peer);
    struct gw_window *window =
        owner ? gw_window_add(core, row->epoch, owner, &row->destination) : NULL;
    if (!window) {
        gw_fail(core);
        return;
    }
    owner->identity.memory = row->memory;
    window->floor = window->floor_stored = row->floor;
    window->floor_durable = window->floor;
    window->last = row->last;
    window->closed = row->flag;
    window->row_stored = true;
    if (window->closed)
        gw_window_unlink(window);
}

static void recover_decided(struct gw_core *core, struct gw_window *window,
                            const struct gw_row *row)
{
    if (row->last > window->last)
        window->last = row->last;
    gw_check(core, gw_ranges_add(&window->decided, row->first, row->last));
}

/* ---- crashes ---- */

static void crashed(struct gw_core *core, struct gw_window *window, uint64_t first,
                    uint64_t last, uint64_t number)
{
    struct gw_return back = {
        .first = first, .last = last, .number = number, .kind = GW_RETURN_CRASHED};
    gw_count(core, GW_COUNTER_crash_marks, last - first + 1);
    gw_giveback_remember(core, window, &back);
    if (last > window->last)
        window->last = last;
    /* What was begun and then decided after all is no crash. */
    gw_giveback_forget(core, window, 0, window->floor - 1);
    struct gw_range piece;
    while (!core->failed && gw_ranges_next(&window->decided, true, &first, last, &piece))
        gw_giveback_forget(core, window, piece.first, piece.last);
}

static void add_orphan(struct gw_core *core, const struct gw_row *row)
{
    size_t count = 0;
    for (const struct gw_orphan *orphan = core->orphans; orphan; orphan = orphan->next)
        count++;
    struct gw_orphan *orphan = count < ORPHANS_MAX ? gw_allocate(core, sizeof *orphan) : NULL;
    if (!orphan)
        return;
    *orphan = (struct gw_orphan){.next = core->orphans, .epoch = row->epoch, .first = row->first};
    orphan->last = row->last;
    orphan->number = row->number;
    core->orphans = orphan;
}

/* The first message of an epoch crashed its handler before anything of it was stored. */
void gw_orphans_adopt(struct gw_core *core, struct gw_window *window)
{
    struct gw_orphan **link = &core->orphans;
    while (*link) {
        struct gw_orphan *orphan = *link;
        if (orphan->epoch != window->epoch || orphan->over) {
            link = &orphan->next;
            continue;
        }
        *link = orphan->next;
        crashed(core, window, orphan->first, orphan->last, orphan->number);
        free(orphan);
    }
}

static void forget_durable(struct gw_core *core)
{
    struct gw_orphan **link = &core->orphans;
    while (*link) {
        struct gw_orphan *orphan = *link;
        if (!orphan->sealed || orphan->sealed > core->committed) {
            link = &orphan->next;
            continue;
        }
        *link = orphan->next;
        free(orphan);
    }
}

bool gw_orphans_end(struct gw_core *core, uint64_t epoch, uint64_t floor)
{
    bool some = false;
    forget_durable(core);
    for (struct gw_orphan *orphan = core->orphans; orphan; orphan = orphan->next) {
        if (orphan->epoch != epoch || orphan->last >= floor)
            continue;
        orphan->over = some = true;
        if (!orphan->sealed)
            gw_commit_lazily(core);
    }
    return some;
}

void gw_orphans_seal(struct gw_core *core)
{
    forget_durable(core);
    for (struct gw_orphan *orphan = core->orphans; orphan; orphan = orphan->next) {
        if (!orphan->over)
            continue;
        struct gw_op *op = gw_seal_op(core, GW_OP_DELETE);
        if (!op)
            return;
        op->row.kind = GW_ROW_CRASHED;
        op->row.epoch = orphan->epoch;
        op->row.first = orphan->first;
        orphan->sealed = core->turn;
    }
}

void gw_orphans_free(struct gw_core *core)
{
    struct gw_orphan *orphan;
    while ((orphan = core->orphans)) {
        core->orphans = orphan->next;
        free(orphan);
    }
}

/* ---- rows ---- */

static void recover_in(struct gw_core *core, struct gw_window *window, const struct gw_row *row)
{
    if (row->kind == GW_ROW_DECIDED)
        recover_decided(core, window, row);
    else if (row->kind == GW_ROW_EXCEPTION)
        gw_verdict_add(core, window, row->first, row->how, row->code, row->text);
    else
        crashed(core, window, row->first, row->last, row->number);
}

void gw_window_recover(struct gw_core *core, const struct gw_row *row)
{
    struct gw_window *window = gw_map_get(&core->windows, row->epoch);
    if (row->kind == GW_ROW_WINDOW && !GW_PLANT(WINDOW_FORGOTTEN))
        recover_window(core, row);
    else if (window)
        recover_in(core, window, row);
    else if (row->kind == GW_ROW_CRASHED)
        add_orphan(core, row);
}
