/* SPDX-License-Identifier: MPL-2.0 */
/* ACK frames: what a receiver tells. Facts only add, so any of them may be lost, repeated or split
 * over frames; what was lost is said again at the next PING. */

#include "base/plant.h"
#include "core/state.h"
#include <string.h>

#define ACK_RANGES 1024 /* ranges in one ACK; more go into the next */
#define ACK_EPOCHS 64
#define ACK_EXCEPTIONS (GW_ACK_EXCEPTIONS_MAX / 4) /* with up to 255 bytes of text each */
#define ACK_RETURNS    (GW_ACK_RETURNS_MAX / 4)
#define PING_EXCEPTIONS (4 * ACK_EXCEPTIONS) /* of a window that one PING brings again */

struct report {
    struct gw_frame *frame;
    struct gw_ack_epoch *epochs;
    size_t epoch_count;
    struct gw_range *ranges;
    size_t range_count;
    struct gw_exception *exceptions; /* NULL until there is one; so are the returns */
    size_t exception_count;
    struct gw_return *returns;
    size_t return_count;
};

static void begin(struct gw_core *core, struct gw_remote *remote, struct report *report)
{
    report->frame = gw_send_frame(core, remote->link.conn, GW_FRAME_ACK, remote->link.id);
    report->epochs = gw_effects_allocate(core->out, ACK_EPOCHS * sizeof *report->epochs);
    report->ranges = gw_effects_allocate(core->out, ACK_RANGES * sizeof *report->ranges);
    report->epoch_count = report->range_count = 0;
    report->exceptions = NULL;
    report->returns = NULL;
    report->exception_count = report->return_count = 0;
    report->frame->u.ack.epochs = report->epochs;
    gw_count(core, GW_COUNTER_acks_sent, 1);
    if (!report->epochs || !report->ranges)
        gw_fail(core);
}

static bool is_full(const struct report *report)
{
    return report->epoch_count == ACK_EPOCHS || report->range_count == ACK_RANGES ||
           report->exception_count == ACK_EXCEPTIONS || report->return_count == ACK_RETURNS;
}

static void finish(struct report *report)
{
    report->frame->u.ack.epoch_count = report->epoch_count;
}

/* Moves ranges at or above the floor from the set into the report, as many as fit. */
static size_t move_ranges(struct gw_core *core, struct report *report, struct gw_ranges *set,
                          uint64_t floor)
{
    size_t moved = 0, taken = 0;
    for (; taken < set->count && report->range_count < ACK_RANGES; taken++) {
        struct gw_range range = set->items[taken];
        if (range.last < floor)
            continue;
        if (range.first < floor)
            range.first = floor;
        report->ranges[report->range_count++] = range;
        moved++;
    }
    if (taken == set->count) {
        gw_ranges_clear(set);
        return moved;
    }
    gw_count(core, GW_COUNTER_partial_acks, 1);
    gw_ranges_trim_below(set, set->items[taken].first);
    return moved;
}

static struct gw_ack_epoch *add_epoch(struct report *report, const struct gw_window *window)
{
    struct gw_ack_epoch *entry = &report->epochs[report->epoch_count++];
    entry->epoch = window->epoch;
    entry->floor = window->floor_durable;
    return entry;
}

/* The text lives until the effects are carried out, whatever becomes of what it was said of. */
static struct gw_slice copied(struct gw_core *core, const char *text, size_t size)
{
    uint8_t *copy = size ? gw_effects_allocate(core->out, size) : NULL;
    if (!copy)
        return (struct gw_slice){NULL, 0};
    memcpy(copy, text, size);
    return (struct gw_slice){copy, size};
}

/* False: no room. */
static bool tell_verdict(struct gw_core *core, struct report *report, struct gw_ack_epoch *entry,
                         const struct gw_verdict *verdict)
{
    if (!report->exceptions)
        report->exceptions =
            gw_effects_allocate(core->out, ACK_EXCEPTIONS * sizeof *report->exceptions);
    if (!report->exceptions || report->exception_count == ACK_EXCEPTIONS)
        return false;
    struct gw_exception *exception = &report->exceptions[report->exception_count++];
    if (!entry->exception_count++)
        entry->exceptions = exception;
    exception->sequence = verdict->sequence;
    exception->kind = verdict->kind;
    exception->code = verdict->code;
    exception->text = copied(core, verdict->text, verdict->text_size);
    return true;
}

/* Tells decided messages, each as what it is. What found no room is left in `piece`. */
static bool tell_piece(struct gw_core *core, struct report *report,
                       const struct gw_window *window, struct gw_ack_epoch *entry,
                       struct gw_range *piece)
{
    while (piece->first <= piece->last) {
        const struct gw_verdict *verdict = window->verdicts.count && !GW_PLANT(REJECTION_LOST)
                                               ? gw_verdict_from(window, piece->first)
                                               : NULL;
        uint64_t end = piece->last;
        if (verdict && verdict->sequence == piece->first) {
            if (!tell_verdict(core, report, entry, verdict))
                return false;
            piece->first++;
            continue;
        }
        if (verdict && verdict->sequence <= end)
            end = verdict->sequence - 1;
        if (report->range_count == ACK_RANGES)
            return false;
        report->ranges[report->range_count++] = (struct gw_range){piece->first, end};
        entry->decided_count++;
        piece->first = end + 1;
    }
    return true;
}

static void tell_decided(struct gw_core *core, struct report *report, struct gw_window *window,
                         struct gw_ack_epoch *entry)
{
    struct gw_range piece;
    uint64_t at = entry->floor;
    entry->decided = report->ranges + report->range_count;
    while (gw_ranges_next(&window->unreported, true, &at, UINT64_MAX, &piece))
        if (!tell_piece(core, report, window, entry, &piece)) {
            gw_count(core, GW_COUNTER_partial_acks, 1);
            gw_ranges_trim_below(&window->unreported, piece.first);
            return;
        }
    gw_ranges_clear(&window->unreported);
}

static void tell_return(struct gw_core *core, struct report *report, struct gw_ack_epoch *entry,
                        struct gw_giveback *giveback)
{
    struct gw_return *back = &report->returns[report->return_count++];
    if (!entry->return_count++)
        entry->returns = back;
    back->first = giveback->span.first;
    back->last = giveback->span.last;
    back->number = giveback->number;
    back->kind = giveback->kind;
    back->delay_ms = giveback->delay_ms;
    back->text = copied(core, giveback->text, giveback->text_size);
    giveback->unsaid = false;
}

static void tell_returns(struct gw_core *core, struct report *report, struct gw_window *window,
                         struct gw_ack_epoch *entry)
{
    if (!window->returns_unsaid)
        return;
    if (!report->returns)
        report->returns = gw_effects_allocate(core->out, ACK_RETURNS * sizeof *report->returns);
    if (!report->returns)
        return;
    for (size_t i = 0; i < window->returns.count; i++) {
        struct gw_giveback *giveback = gw_index_at(&window->returns, i);
        if (!giveback->unsaid)
            continue;
        if (report->return_count == ACK_RETURNS)
            return; /* the next frame goes on */
        tell_return(core, report, entry, giveback);
    }
    window->returns_unsaid = false;
}

static bool has_news(const struct gw_window *window)
{
    return window->unreported.count || window->hints.count || window->returns_unsaid;
}

/* The window's facts that wait to be said; `held`: what is in hand, at a link's start. */
static void add_news(struct gw_core *core, struct report *report, struct gw_window *window,
                     struct gw_ranges *held)
{
    struct gw_ack_epoch *entry = add_epoch(report, window);
    tell_decided(core, report, window, entry);
    if (held) {
        entry->in_hand = report->ranges + report->range_count;
        entry->in_hand_count = move_ranges(core, report, held, entry->floor);
    }
    entry->handed = report->ranges + report->range_count;
    entry->handed_count = move_ranges(core, report, &window->hints, entry->floor);
    tell_returns(core, report, window, entry);
}

static void add_credits(struct gw_core *core, struct gw_remote *remote, struct report *report)
{
    size_t count = 0;
    for (struct gw_local *local = core->locals; local; local = local->next)
        count += local->active;
    struct gw_credit *credits =
        count ? gw_effects_allocate(core->out, count * sizeof *credits) : NULL;
    if (!credits)
        return;
    size_t at = 0;
    for (struct gw_local *local = core->locals; local; local = local->next) {
        struct gw_intake *intake =
            local->active ? gw_intake_get(core, remote, &local->destination) : NULL;
        if (!intake)
            continue;
        gw_intake_give_credit(intake);
        credits[at] = (struct gw_credit){at, intake->told_messages, intake->told_bytes};
        at++;
    }
    report->frame->u.ack.credits = credits;
    report->frame->u.ack.credit_count = at;
}

static void add_closed(struct gw_core *core, struct gw_remote *remote, struct report *report)
{
    if (!remote->closed_count)
        return;
    uint64_t *closed = gw_effects_allocate(core->out, remote->closed_count * sizeof *closed);
    if (!closed)
        return;
    for (size_t i = 0; i < remote->closed_count; i++)
        closed[i] = remote->closed[i];
    report->frame->u.ack.closed = closed;
    report->frame->u.ack.closed_count = remote->closed_count;
    remote->closed_count = 0;
}

/* Says what waits to be said to the remote: decisions that became durable, credit, tombstones. */
void gw_window_flush(struct gw_core *core, struct gw_remote *remote)
{
    if (!remote->link.id)
        return;
    struct report report;
    begin(core, remote, &report);
    for (struct gw_window *window = remote->windows; window && !core->failed;
         window = window->next) {
        while (!window->gone && has_news(window) && !core->failed && !core->out->failed) {
            if (is_full(&report)) {
                finish(&report);
                begin(core, remote, &report);
            }
            if (!core->failed)
                add_news(core, &report, window, NULL);
        }
    }
    if (core->failed)
        return;
    add_credits(core, remote, &report);
    add_closed(core, remote, &report);
    finish(&report);
}

/* What is durable of [first, last] is to be said again. */
static void report_durable(struct gw_core *core, struct gw_window *window, uint64_t first,
                           uint64_t last)
{
    struct gw_range piece, durable;
    while (!core->failed && first <= last &&
           gw_ranges_next(&window->decided, true, &first, last, &piece)) {
        uint64_t inner = piece.first;
        while (!core->failed &&
               gw_ranges_next(&window->committing, false, &inner, piece.last, &durable))
            gw_check(core, gw_ranges_add(&window->unreported, durable.first, durable.last));
    }
}

void gw_window_report_known(struct gw_core *core, struct gw_window *window, uint64_t first,
                            uint64_t last)
{
    report_durable(core, window, first > window->floor ? first : window->floor, last);
    gw_ack_later(core, window->owner);
}

/* A PING may follow a lost ACK: all is said again. At rest nothing lies above a floor, so that it
 * costs little; of many exceptions above one a part, in turn. */
static void report_in_turn(struct gw_core *core, struct gw_window *window)
{
    uint64_t first = window->ping_cursor;
    uint64_t last = gw_verdicts_reach(window, first, PING_EXCEPTIONS);
    window->ping_cursor = last == UINT64_MAX ? 0 : last + 1;
    report_durable(core, window, first, last);
}

void gw_window_pinged(struct gw_core *core, struct gw_remote *remote)
{
    for (struct gw_window *window = remote->windows; window; window = window->next)
        if (!window->gone)
            report_in_turn(core, window);
    if (remote->intakes)
        gw_ack_later(core, remote);
}

/* In hand for the sender's purposes: received and not durably decided. */
static int unfinished(const struct gw_window *window, struct gw_ranges *set)
{
    int result = gw_ranges_copy(set, &window->in_hand);
    if (!result)
        result = gw_ranges_add_all(set, &window->deciding);
    return result ? result : gw_ranges_add_all(set, &window->committing);
}

static void report_state(struct gw_core *core, struct gw_remote *remote, struct gw_window *window,
                         struct report *report)
{
    struct gw_ranges held = GW_RANGES_EMPTY;
    gw_check(core, unfinished(window, &held));
    gw_ranges_clear(&window->unreported);
    report_durable(core, window, 0, UINT64_MAX);
    gw_check(core, gw_ranges_copy(&window->hints, &window->handed));
    gw_giveback_say_all(window);
    do {
        if (is_full(report)) {
            finish(report);
            begin(core, remote, report);
        }
        if (core->failed)
            break;
        add_news(core, report, window, &held);
    } while (!core->out->failed && (has_news(window) || held.count));
    gw_ranges_clear(&held);
}

void gw_window_report_all(struct gw_core *core, struct gw_remote *remote)
{
    struct report report;
    begin(core, remote, &report);
    for (struct gw_window *window = remote->windows; window && !core->failed; window = window->next)
        if (!window->gone)
            report_state(core, remote, window, &report);
    report.frame->u.ack.complete = true;
    finish(&report);
}

/* A tombstone answers "settled": its floor says so. */
void gw_window_report_floor(struct gw_core *core, struct gw_window *window)
{
    struct report report;
    begin(core, window->owner, &report);
    if (!core->failed)
        add_epoch(&report, window);
    finish(&report);
}
