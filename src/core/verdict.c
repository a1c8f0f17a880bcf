/* SPDX-License-Identifier: MPL-2.0 */
/* Decisions other than processed: rejected by a handler, or skipped. The message is among the
 * window's decided ones like every other; its verdict beside it says how, durably (rows 'j', in the
 * decision's own write), until the floor has passed it. report.c never calls a message processed
 * that has a verdict here. */

#include "core/state.h"
#include <stdlib.h>
#include <string.h>

static struct gw_verdict *verdict_at(const struct gw_window *window, size_t at)
{
    return at < window->verdicts.count ? gw_index_at(&window->verdicts, at) : NULL;
}

/* Position of the first at or after `sequence`; the count if there is none. */
static size_t position_from(const struct gw_window *window, uint64_t sequence)
{
    size_t at = gw_index_find(&window->verdicts, sequence);
    const struct gw_verdict *verdict = verdict_at(window, at);
    if (!verdict)
        return 0; /* all are above, or there is none */
    return verdict->sequence == sequence ? at : at + 1;
}

const struct gw_verdict *gw_verdict_from(const struct gw_window *window, uint64_t sequence)
{
    return verdict_at(window, position_from(window, sequence));
}

uint64_t gw_verdicts_reach(const struct gw_window *window, uint64_t sequence, size_t count)
{
    const struct gw_verdict *verdict =
        verdict_at(window, position_from(window, sequence) + count - 1);
    return verdict ? verdict->sequence : UINT64_MAX;
}

void gw_verdict_add(struct gw_core *core, struct gw_window *window, uint64_t sequence,
                    uint8_t kind, uint32_t code, struct gw_slice text)
{
    struct gw_verdict *verdict = gw_allocate(core, sizeof *verdict + text.size);
    if (!verdict)
        return;
    verdict->sequence = sequence;
    verdict->kind = kind;
    verdict->code = code;
    verdict->text_size = text.size;
    if (text.size)
        memcpy(verdict->text, text.data, text.size);
    if (gw_index_add(&window->verdicts, sequence, verdict)) {
        free(verdict);
        gw_fail(core);
    }
}

static struct gw_op *row_op(struct gw_core *core, const struct gw_window *window,
                            enum gw_op_type type, uint64_t sequence)
{
    struct gw_op *op = gw_seal_op(core, type);
    if (!op)
        return NULL;
    op->row.kind = GW_ROW_EXCEPTION;
    op->row.epoch = window->epoch;
    op->row.first = op->row.last = sequence;
    return op;
}

void gw_verdicts_seal(struct gw_core *core, struct gw_window *window, uint64_t first,
                      uint64_t last)
{
    const struct gw_verdict *verdict;
    for (size_t at = position_from(window, first);
         (verdict = verdict_at(window, at)) && verdict->sequence <= last && !core->failed; at++) {
        struct gw_op *op = row_op(core, window, GW_OP_PUT, verdict->sequence);
        if (!op)
            return;
        op->row.how = verdict->kind;
        op->row.code = verdict->code;
        op->row.text = (struct gw_slice){(const uint8_t *)verdict->text, verdict->text_size};
    }
}

/* The rows go with the write that stores the floor. The verdicts stay until it is durable: up to
 * then an ACK may still name those messages. */
void gw_verdicts_seal_floor(struct gw_core *core, struct gw_window *window)
{
    const struct gw_verdict *verdict;
    for (size_t at = 0; (verdict = verdict_at(window, at)) && verdict->sequence < window->floor &&
                        !core->failed;
         at++)
        row_op(core, window, GW_OP_DELETE, verdict->sequence);
}

void gw_verdicts_forget(struct gw_window *window)
{
    struct gw_verdict *verdict;
    while ((verdict = verdict_at(window, 0)) && verdict->sequence < window->floor_durable) {
        gw_index_remove_at(&window->verdicts, 0);
        free(verdict);
    }
}

void gw_verdicts_count(struct gw_core *core, const struct gw_window *window)
{
    const struct gw_verdict *verdict;
    for (size_t i = 0; window->verdicts.count && i < window->committing.count; i++) {
        struct gw_range range = window->committing.items[i];
        for (size_t at = position_from(window, range.first);
             (verdict = verdict_at(window, at)) && verdict->sequence <= range.last; at++)
            gw_count(core,
                     verdict->kind == GW_EXCEPTION_REJECTED ? GW_COUNTER_rejected
                                                            : GW_COUNTER_skipped,
                     1);
    }
}
