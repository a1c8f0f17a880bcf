/* SPDX-License-Identifier: MPL-2.0 */
/* ACK frames: what a receiver tells. Facts only add, so any of them may be lost, repeated or split
 * over frames; what was lost is said again at the next PING. */

#include "core/state.h"

#define ACK_RANGES 1024 /* ranges in one ACK; more go into the next */
#define ACK_EPOCHS 64

struct report {
    struct gw_frame *frame;
    struct gw_ack_epoch *epochs;
    size_t epoch_count;
    struct gw_range *ranges;
    size_t range_count;
};

static void begin(struct gw_core *core, struct gw_remote *remote, struct report *report)
{
    report->frame = gw_send_frame(core, remote->link.conn, GW_FRAME_ACK, remote->link.id);
    report->epochs = gw_effects_allocate(core->out, ACK_EPOCHS * sizeof *report->epochs);
    report->ranges = gw_effects_allocate(core->out, ACK_RANGES * sizeof *report->ranges);
    report->epoch_count = report->range_count = 0;
    report->frame->u.ack.epochs = report->epochs;
    gw_count(core, GW_COUNTER_acks_sent, 1);
    if (!report->epochs || !report->ranges)
        gw_fail(core);
}

static bool is_full(const struct report *report)
{
    return report->epoch_count == ACK_EPOCHS || report->range_count == ACK_RANGES;
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

/* The window's facts that wait to be said. */
static void add_unreported(struct gw_core *core, struct report *report, struct gw_window *window)
{
    struct gw_ack_epoch *entry = add_epoch(report, window);
    entry->decided = report->ranges + report->range_count;
    entry->decided_count = move_ranges(core, report, &window->unreported, entry->floor);
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
    if (!remote->ack_due || !remote->link.id)
        return;
    remote->ack_due = false;
    struct report report;
    begin(core, remote, &report);
    for (struct gw_window *window = remote->windows; window && !core->failed;
         window = window->next) {
        while (window->unreported.count && !core->failed) {
            if (is_full(&report)) {
                finish(&report);
                begin(core, remote, &report);
            }
            add_unreported(core, &report, window);
        }
    }
    if (core->failed)
        return;
    add_credits(core, remote, &report);
    add_closed(core, remote, &report);
    finish(&report);
}

/* Everything durable of the window that lies above its floor is to be said again. */
static void report_window(struct gw_core *core, struct gw_window *window)
{
    struct gw_range piece;
    for (size_t i = 0; i < window->decided.count && !core->failed; i++) {
        uint64_t at = window->decided.items[i].first;
        while (!core->failed && gw_ranges_next(&window->committing, false, &at,
                                               window->decided.items[i].last, &piece))
            gw_check(core, gw_ranges_add(&window->unreported, piece.first, piece.last));
    }
}

/* A PING may follow a lost ACK: all is said again. At rest nothing lies above a floor, so that it
 * costs little. */
void gw_window_pinged(struct gw_core *core, struct gw_remote *remote)
{
    for (struct gw_window *window = remote->windows; window; window = window->next)
        report_window(core, window);
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
    report_window(core, window);
    do {
        if (is_full(report)) {
            finish(report);
            begin(core, remote, report);
        }
        if (core->failed)
            break;
        struct gw_ack_epoch *entry = add_epoch(report, window);
        entry->decided = report->ranges + report->range_count;
        entry->decided_count = move_ranges(core, report, &window->unreported, entry->floor);
        entry->in_hand = report->ranges + report->range_count;
        entry->in_hand_count = move_ranges(core, report, &held, entry->floor);
    } while (window->unreported.count || held.count);
    gw_ranges_clear(&held);
}

void gw_window_report_all(struct gw_core *core, struct gw_remote *remote)
{
    struct report report;
    begin(core, remote, &report);
    for (struct gw_window *window = remote->windows; window && !core->failed; window = window->next)
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
