/* SPDX-License-Identifier: MPL-2.0 */
/* Decisions, from the application's word to the durable fact.
 *
 *   in hand --decided--> deciding --SEAL--> committing --COMMITTED--> said in the next ACK
 *
 * What is on its way counts as decided for everybody but the ACK (rule 21, invariant 2). */

#include "base/plant.h"
#include "core/state.h"
#include <string.h>

static void add_deciding(struct gw_core *core, struct gw_window *window, struct gw_range range,
                         uint64_t messages, uint64_t bytes)
{
    gw_check(core, gw_ranges_add(&window->deciding, range.first, range.last));
    window->deciding_messages += messages;
    window->deciding_bytes += bytes;
    gw_window_dirty(core, window);
    /* Nobody waits for the decision on a reply but its sender's outbox (decision 0019). */
    if (window->destination.kind == GW_KIND_REPLY)
        gw_commit_lazily(core);
    else
        gw_commit_now(core);
}

static void reject(struct gw_core *core, struct gw_window *window,
                   const struct gw_decision *decision)
{
    struct gw_slice text = {(const uint8_t *)decision->text, 0};
    if (decision->text)
        text.size = strnlen(decision->text, GW_TEXT_MAX);
    for (uint64_t s = decision->first; s <= decision->last && !core->failed; s++)
        gw_verdict_add(core, window, s, GW_EXCEPTION_REJECTED, decision->code, text);
}

bool gw_window_may_decide(const struct gw_core *core, const struct gw_decision *decision)
{
    const struct gw_window *window = gw_map_get(&core->windows, decision->epoch);
    return window && decision->first >= window->floor &&
           gw_ranges_covers(&window->in_hand, decision->first, decision->last);
}

void gw_window_decide(struct gw_core *core, const struct gw_decision *decision)
{
    struct gw_window *window = gw_map_get(&core->windows, decision->epoch);
    if (!window || !gw_ranges_covers(&window->in_hand, decision->first, decision->last))
        return; /* stale: the shell has told its caller already */
    uint64_t messages = decision->last - decision->first + 1;
    gw_hand_leave(core, window, decision->first, decision->last);
    if (decision->last < window->floor) { /* moved on without us (rule 14) */
        gw_hand_free_credit(window, messages, decision->bytes);
        gw_window_forget_if_idle(core, window);
        return;
    }
    if (decision->rejected)
        reject(core, window, decision);
    add_deciding(core, window, (struct gw_range){decision->first, decision->last}, messages,
                 decision->bytes);
    if (GW_PLANT(ACK_BEFORE_COMMIT)) {
        gw_check(core, gw_ranges_add(&window->unreported, decision->first, decision->last));
        gw_ack_later(core, window->owner);
    }
}

void gw_window_decide_skipped(struct gw_core *core, struct gw_window *window,
                              struct gw_range range, uint32_t code, uint64_t messages,
                              uint64_t bytes)
{
    static const struct gw_slice no_text = {NULL, 0};
    for (uint64_t s = range.first; s <= range.last && !core->failed; s++)
        gw_verdict_add(core, window, s, GW_EXCEPTION_SKIPPED, code, no_text);
    if (range.last > window->last)
        window->last = range.last; /* it may never have come */
    add_deciding(core, window, range, messages, bytes);
}

/* ---- to the store and back ---- */

static void write_row(struct gw_core *core, struct gw_window *window)
{
    bool gone = GW_PLANT(TOMBSTONE_FORGOTTEN) && window->closing;
    struct gw_op *op = gw_seal_op(core, gone ? GW_OP_DELETE : GW_OP_PUT);
    if (!op)
        return;
    op->row.kind = GW_ROW_WINDOW;
    op->row.epoch = window->epoch;
    memcpy(op->row.peer, window->owner->name, sizeof op->row.peer);
    op->row.destination = window->destination;
    op->row.floor = window->floor;
    op->row.last = window->last;
    op->row.flag = window->closed;
    op->row.memory = window->owner->identity.memory;
    window->row_stored = true;
    window->floor_stored = window->floor;
}

void gw_window_seal(struct gw_core *core, struct gw_window *window)
{
    struct gw_range piece;
    uint64_t at = 1;
    if (gw_window_seal_gone(core, window))
        return;
    while (!core->failed && gw_ranges_next(&window->deciding, true, &at, window->last, &piece)) {
        gw_mirror_add(core, GW_ROW_DECIDED, window->epoch, &window->decided, piece.first,
                      piece.last);
        gw_verdicts_seal(core, window, piece.first, piece.last);
        gw_check(core, gw_ranges_add(&window->committing, piece.first, piece.last));
    }
    gw_ranges_clear(&window->deciding);
    window->committing_messages = window->deciding_messages;
    window->committing_bytes = window->deciding_bytes;
    window->deciding_messages = window->deciding_bytes = 0;
    gw_mirror_trim(core, GW_ROW_DECIDED, window->epoch, &window->decided, window->floor);
    gw_verdicts_seal_floor(core, window);
    gw_giveback_seal(core, window);
    if (!window->row_stored || window->floor != window->floor_stored || window->closing)
        write_row(core, window);
    window->closing_sealed = window->closing;
}

void gw_window_durable(struct gw_core *core, struct gw_window *window)
{
    gw_count(core, GW_COUNTER_decided, gw_ranges_total(&window->committing));
    gw_verdicts_count(core, window);
    gw_hand_free_credit(window, window->committing_messages, window->committing_bytes);
    if (window->committing.count) {
        gw_check(core, gw_ranges_add_all(&window->unreported, &window->committing));
        gw_ranges_clear(&window->committing);
        gw_ack_later(core, window->owner);
    }
    window->committing_messages = window->committing_bytes = 0;
    if (window->row_stored)
        window->floor_durable = window->floor_stored;
    gw_verdicts_forget(window);
    if (gw_window_durable_gone(core, window))
        return;
    if (window->closing_sealed) {
        window->closing = window->closing_sealed = false;
        gw_window_unlink(window);
        gw_window_tell_closed(core, window->owner, window->epoch);
    }
}
