/* SPDX-License-Identifier: MPL-2.0 */
/* SKIP: a sender asks back what it offered. RELEASE: to offer it elsewhere; WITHDRAW: for good.
 *
 *   decided, or on its way    said, when it is durable (rule 21)
 *   in hand                   the application is asked (RECALL). What no handler has begun it gives
 *                             up, and RECALLED brings it: given back, or decided skipped. What has
 *                             begun stays, and nothing is said: the SKIP comes again (rule 9)
 *   not here                  RELEASE: said so. WITHDRAW: decided skipped, so that DATA that comes
 *                             late meets a decision
 *
 * RELEASE means one offer: what is in hand under another number is left alone (rule 8). */

#include "base/plant.h"
#include "core/state.h"

#define SKIPPED_AT_ONCE 4096 /* by one frame, never received; the rest waits for its repetition */

static void release(struct gw_core *core, struct gw_window *window, struct gw_range range,
                    uint64_t number)
{
    struct gw_return back = {
        .first = range.first, .last = range.last, .number = number, .kind = GW_RETURN_RELEASE};
    gw_giveback_remember(core, window, &back);
    gw_ack_later(core, window->owner);
}

/* What is not here, of one range. A return of that very offer is told again instead: a crash
 * remains a crash. One of a newer offer stays: the SKIP is a late copy, and so may DATA be. */
static void release_missing(struct gw_core *core, struct gw_window *window,
                            struct gw_range range, uint64_t number)
{
    uint64_t at = range.first;
    while (at <= range.last && !core->failed) {
        const struct gw_giveback *known =
            number == GW_OFFER_ANY ? gw_giveback_find(window, at, range.last)
                                   : gw_giveback_crossed(window, at, range.last, number);
        struct gw_range missing = {at, range.last};
        if (known)
            missing.last = known->span.first > at ? known->span.first - 1 : at - 1;
        at = known && known->span.last < range.last ? known->span.last + 1 : range.last + 1;
        if (missing.first <= missing.last)
            release(core, window, missing, number);
    }
    gw_giveback_say_again(core, window, range.first, range.last, number);
}

struct skipping {
    const struct gw_frame *frame;
    uint64_t room; /* messages that may still be decided skipped */
};

static void skip_missing(struct gw_core *core, struct gw_window *window,
                         struct skipping *skipping, struct gw_range range)
{
    uint64_t messages = range.last - range.first + 1;
    if (skipping->frame->u.skip.purpose == GW_SKIP_RELEASE) {
        release_missing(core, window, range, skipping->frame->u.skip.number);
        return;
    }
    if (messages > skipping->room)
        messages = skipping->room;
    if (!messages)
        return;
    skipping->room -= messages;
    range.last = range.first + messages - 1;
    gw_giveback_forget(core, window, range.first, range.last);
    gw_window_decide_skipped(core, window, range, skipping->frame->u.skip.code, 0, 0);
}

static void take_back(struct gw_core *core, struct gw_window *window, uint8_t purpose,
                      uint32_t code, struct gw_range range, uint64_t bytes)
{
    uint64_t messages = range.last - range.first + 1;
    struct gw_return back = {
        .first = range.first, .last = range.last, .kind = GW_RETURN_RELEASE};
    if (purpose == GW_SKIP_RELEASE) {
        gw_giveback_from_hand(core, window, &back, bytes);
        return;
    }
    gw_hand_leave(core, window, range.first, range.last);
    if (range.last >= window->floor) {
        gw_window_decide_skipped(core, window, range, code, messages, bytes);
        return;
    }
    gw_hand_free_credit(window, messages, bytes);
    gw_window_forget_if_idle(core, window);
}

/* In an ordered window nothing above it may go first: all that is in hand from there on is asked
 * back with it. */
static void recall_ordered(struct gw_core *core, struct gw_window *window,
                           const struct gw_frame *frame)
{
    for (size_t i = 0; i < frame->u.skip.range_count; i++) {
        uint64_t lowest =
            gw_hand_lowest(window, frame->u.skip.ranges[i], frame->u.skip.number);
        if (!lowest)
            continue;
        gw_hand_recall(core, window, (struct gw_range){lowest, UINT64_MAX - 1},
                       GW_OFFER_ANY, GW_SKIP_RELEASE, 0);
        return;
    }
}

static void recall(struct gw_core *core, struct gw_window *window, const struct gw_frame *frame)
{
    bool withdraw = frame->u.skip.purpose == GW_SKIP_WITHDRAW;
    if (window->ordered && !withdraw) {
        recall_ordered(core, window, frame);
        return;
    }
    for (size_t i = 0; i < frame->u.skip.range_count; i++)
        gw_hand_recall(core, window, frame->u.skip.ranges[i],
                       withdraw ? GW_OFFER_ANY : frame->u.skip.number,
                       frame->u.skip.purpose, frame->u.skip.code);
}

/* UNREACHED: the planted bug, taken without asking, begun or not. */
static void grab(struct gw_core *core, struct gw_window *window, const struct gw_frame *frame)
{
    for (size_t i = 0; i < frame->u.skip.range_count; i++) {
        struct gw_range range = frame->u.skip.ranges[i], held;
        uint64_t at = range.first;
        while (!core->failed && gw_ranges_next(&window->in_hand, true, &at, range.last, &held))
            take_back(core, window, frame->u.skip.purpose, frame->u.skip.code, held, 0);
    }
}

/* Nothing is done about what lies at or above floor + W: the sender's floor may have moved without
 * a word so far, and the SKIP comes again. */
static void skip_missing_of(struct gw_core *core, struct gw_window *window,
                            struct skipping *skipping, struct gw_range range)
{
    uint64_t end = window->floor + core->options.window - 1;
    struct gw_range missing;
    uint64_t at = range.first;
    if (range.last > end)
        range.last = end;
    gw_window_report_known(core, window, range.first, range.last);
    while (!core->failed && gw_window_next_new(window, &at, range.last, &missing))
        skip_missing(core, window, skipping, missing);
}

static bool any_below_floor(const struct gw_window *window, const struct gw_frame *frame)
{
    for (size_t i = 0; i < frame->u.skip.range_count; i++)
        if (frame->u.skip.ranges[i].first < window->floor)
            return true;
    return false;
}

void gw_window_skip(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame)
{
    struct gw_window *window = gw_map_get(&core->windows, frame->u.skip.epoch);
    struct skipping skipping = {frame, SKIPPED_AT_ONCE};
    if (window && window->owner != remote) {
        gw_link_violation(core, remote, GW_FRAME_SKIP);
        return;
    }
    if (!window || window->gone)
        return; /* its OPEN was refused: decisions are forgotten, and any answer might be a lie */
    if (any_below_floor(window, frame))
        gw_window_report_floor(core, window);
    if (window->closed)
        return;
    if (GW_PLANT(SKIP_IN_HAND))
        grab(core, window, frame);
    recall(core, window, frame);
    for (size_t i = 0; i < frame->u.skip.range_count && !core->failed; i++)
        skip_missing_of(core, window, &skipping, frame->u.skip.ranges[i]);
}

void gw_window_recalled(struct gw_core *core, const struct gw_event *event)
{
    struct gw_window *window = gw_map_get(&core->windows, event->u.recalled.epoch);
    if (!window)
        return;
    if (window->recalls && event->u.recalled.purpose == GW_SKIP_RELEASE)
        window->recalls--;
    for (size_t i = 0; i < event->u.recalled.count && !core->failed; i++) {
        struct gw_range piece = event->u.recalled.pieces[i];
        if (!gw_ranges_covers(&window->in_hand, piece.first, piece.last))
            continue; /* stale, like a decision */
        gw_count(core, GW_COUNTER_recalled, piece.last - piece.first + 1);
        take_back(core, window, event->u.recalled.purpose, event->u.recalled.code, piece,
                  event->u.recalled.bytes[i]);
        if (window->ordered && event->u.recalled.purpose == GW_SKIP_RELEASE)
            gw_hand_recall(core, window, (struct gw_range){piece.last + 1, UINT64_MAX - 1},
                           GW_OFFER_ANY, GW_SKIP_RELEASE, 0); /* what came since goes after it */
    }
}
