/* SPDX-License-Identifier: MPL-2.0 */
/* What this peer receives: windows, from OPEN to the tombstone. A duplicate is recognised at every
 * stage, what is still being committed included (rule 21). What becomes of a message in hand is in
 * hand.c, decide.c, giveback.c and skip.c; see window.h. */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

#define CLOSED_TOLD_MAX 256
#define REFUSED_MAX     64 /* epochs refused on one link and remembered */
#define WINDOWS_MAX     8192 /* open epochs of one peer: 256 destinations over 32 undrained opens */

/* ---- windows and intakes ---- */

struct gw_window *gw_window_add(struct gw_core *core, uint64_t epoch, struct gw_remote *owner,
                                const struct gw_destination *destination)
{
    struct gw_window *window = gw_allocate(core, sizeof *window);
    if (!window)
        return NULL;
    if (gw_map_put(&core->windows, epoch, window)) {
        free(window);
        gw_fail(core);
        return NULL;
    }
    window->epoch = epoch;
    window->owner = owner;
    window->floor = window->floor_durable = 1;
    window->destination = *destination;
    window->next = owner->windows;
    owner->windows = window;
    owner->window_count++;
    gw_list_push(&owner->owned, window, next_owned, here_owned);
    gw_orphans_adopt(core, window);
    return window;
}

/* A tombstone needs no place among its owner's windows. */
void gw_window_unlink(struct gw_window *window)
{
    struct gw_window **link = &window->owner->windows;
    while (*link != window)
        link = &(*link)->next;
    *link = window->next;
    window->owner->window_count--;
}

void gw_window_free(struct gw_window *window)
{
    gw_list_leave(window, next_owned, here_owned);
    gw_ranges_clear(&window->in_hand);
    gw_ranges_clear(&window->handed);
    gw_ranges_clear(&window->hints);
    gw_ranges_clear(&window->crash_rows);
    gw_spans_clear(&window->held);
    gw_spans_clear(&window->returns);
    for (size_t i = 0; i < window->verdicts.count; i++)
        free(gw_index_at(&window->verdicts, i));
    gw_index_clear(&window->verdicts);
    gw_ranges_clear(&window->deciding);
    gw_ranges_clear(&window->committing);
    gw_ranges_clear(&window->decided);
    gw_ranges_clear(&window->unreported);
    free(window);
}

void gw_window_dirty(struct gw_core *core, struct gw_window *window)
{
    if (window->dirty)
        return;
    window->dirty = true;
    window->next_dirty = core->dirty_windows;
    core->dirty_windows = window;
}

/* ---- links ---- */

void gw_window_link_up(struct gw_core *core, struct gw_remote *remote)
{
    gw_intake_send_serves(core, remote);
    gw_window_report_all(core, remote);
}

void gw_window_forget_refused(struct gw_remote *remote)
{
    struct gw_refused *refused;
    while ((refused = remote->refused)) {
        remote->refused = refused->next;
        free(refused);
    }
}

void gw_window_link_down(struct gw_remote *remote)
{
    for (struct gw_intake *intake = remote->intakes; intake; intake = intake->next) {
        intake->accepted_messages = intake->accepted_bytes = 0;
        intake->told_messages = intake->told_bytes = 0;
    }
    remote->closed_count = 0;
    gw_window_forget_refused(remote);
}

static struct gw_refused *refused_find(const struct gw_remote *remote, uint64_t epoch)
{
    struct gw_refused *refused = remote->refused;
    while (refused && refused->epoch != epoch)
        refused = refused->next;
    return refused;
}

/* DATA of a refused epoch may be on its way: its sender has spent credit on it, which is to be
 * given back. */
static void remember_refused(struct gw_core *core, struct gw_remote *remote,
                             const struct gw_frame *frame)
{
    size_t count = 0;
    for (const struct gw_refused *refused = remote->refused; refused; refused = refused->next)
        count++;
    struct gw_intake *intake = gw_intake_get(core, remote, &frame->u.open.destination);
    if (!intake || count >= REFUSED_MAX || refused_find(remote, frame->u.open.epoch))
        return;
    struct gw_refused *refused = gw_allocate(core, sizeof *refused);
    if (!refused)
        return;
    refused->epoch = frame->u.open.epoch;
    refused->intake = intake;
    refused->next = remote->refused;
    remote->refused = refused;
}

static void refuse_epoch(struct gw_core *core, struct gw_remote *remote,
                         const struct gw_frame *open, const char *why)
{
    uint64_t epoch = open->u.open.epoch;
    remember_refused(core, remote, open);
    gw_count(core, GW_COUNTER_unknown_epoch, 1);
    gw_count(core, GW_COUNTER_refused, 1);
    struct gw_frame *frame =
        gw_send_frame(core, remote->link.conn, GW_FRAME_REFUSE, remote->link.id);
    frame->u.refuse.code = GW_REFUSE_EPOCH;
    frame->u.refuse.epoch = epoch;
    memcpy(frame->u.refuse.text, why, strlen(why) + 1);
    gw_note(core, GW_NOTE_REFUSING, remote->name, GW_REFUSE_EPOCH, 0);
}

static void raise_floor(struct gw_core *core, struct gw_window *window, uint64_t floor)
{
    if (floor <= window->floor)
        return;
    window->floor = floor;
    gw_giveback_forget(core, window, 0, floor - 1);
    gw_window_dirty(core, window);
    gw_commit_lazily(core);
}

/* An epoch belongs to one peer and one destination for ever. */
static bool is_anothers(const struct gw_window *window, const struct gw_remote *remote,
                        const struct gw_frame *open)
{
    return window->owner != remote ||
           !gw_destination_equal(&window->destination, &open->u.open.destination);
}

void gw_window_open(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame)
{
    struct gw_window *window = gw_map_get(&core->windows, frame->u.open.epoch);
    if (window && is_anothers(window, remote, frame)) {
        gw_link_violation(core, remote, GW_FRAME_OPEN); /* somebody else's stream (invariant 28) */
        return;
    }
    if (!window && !frame->u.open.fresh) { /* forgetting can refuse, never repeat */
        refuse_epoch(core, remote, frame,
                     "nothing is known of this epoch here, though decisions were made in it");
        return;
    }
    if (!window && remote->window_count >= WINDOWS_MAX) {
        refuse_epoch(core, remote, frame, "too many epochs of this peer are open here");
        return;
    }
    if (window && window->gone && !gw_window_revive(window)) {
        refuse_epoch(core, remote, frame, "what was known of this epoch is being forgotten");
        return;
    }
    if (!window)
        window = gw_window_add(core, frame->u.open.epoch, remote, &frame->u.open.destination);
    if (!window)
        return;
    window->ordered = frame->u.open.ordered;
    if (frame->u.open.last > window->last)
        window->last = frame->u.open.last;
    window->opened_link = remote->link.id;
    window->intake = gw_intake_get(core, remote, &window->destination);
    if (!window->closed)
        raise_floor(core, window, frame->u.open.floor);
    if (window->returns_unsaid)
        gw_ack_later(core, remote); /* crashes that waited for their epoch */
}

void gw_window_floor(struct gw_core *core, struct gw_remote *remote, const struct gw_floor *floor)
{
    struct gw_window *window = gw_map_get(&core->windows, floor->epoch);
    if (!window && core->orphans)
        gw_orphans_end(core, floor->epoch, floor->floor);
    if (!window || window->closed || window->gone)
        return;
    if (window->owner != remote || floor->floor > floor->last + 1) { /* rule 17 */
        gw_link_violation(core, remote, GW_FRAME_PING);
        return;
    }
    if (floor->last > window->last)
        window->last = floor->last;
    raise_floor(core, window, floor->floor);
}

void gw_window_tell_closed(struct gw_core *core, struct gw_remote *remote, uint64_t epoch)
{
    if (!remote->link.id || remote->closed_count >= CLOSED_TOLD_MAX)
        return; /* CLOSED comes again */
    if (!remote->closed)
        remote->closed = gw_allocate(core, CLOSED_TOLD_MAX * sizeof *remote->closed);
    if (!remote->closed)
        return;
    remote->closed[remote->closed_count++] = epoch;
    gw_ack_later(core, remote);
}

void gw_window_closed(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame)
{
    struct gw_window *window = gw_map_get(&core->windows, frame->u.closed.epoch);
    if (window && window->owner != remote) {
        gw_link_violation(core, remote, GW_FRAME_CLOSED);
        return;
    }
    if (!window || (window->closed && !window->closing)) {
        /* Of an epoch never heard of nothing was decided here, so there is nothing to remember. */
        if (!gw_orphans_end(core, frame->u.closed.epoch, UINT64_MAX))
            gw_window_tell_closed(core, remote, frame->u.closed.epoch); /* else when asked again */
        return;
    }
    if (window->gone)
        return; /* it is repeated until nothing is known any more */
    window->closed = window->closing = true;
    if (frame->u.closed.last > window->last)
        window->last = frame->u.closed.last;
    /* Not from what was heard of: a sender may have named sequences that a crash took back. */
    if (window->floor < frame->u.closed.last + 1)
        window->floor = frame->u.closed.last + 1;
    gw_giveback_forget(core, window, 0, window->floor - 1);
    gw_window_dirty(core, window);
    gw_commit_lazily(core);
}

/* ---- DATA ---- */

bool gw_window_next_new(const struct gw_window *window, uint64_t *at, uint64_t last,
                        struct gw_range *piece)
{
    const struct gw_ranges *known[] = {&window->decided, &window->deciding, &window->in_hand};
    if (GW_PLANT(DECIDING_FORGOTTEN))
        known[1] = &window->decided;
    if (*at < window->floor)
        *at = window->floor;
    while (*at <= last) {
        uint64_t first = *at, end = last;
        for (size_t i = 0; i < 3; i++) { /* the first gap common to all three */
            uint64_t gap = gw_ranges_first_gap(known[i], first);
            if (gap != first) {
                first = gap;
                i = (size_t)-1; /* moved: ask all again */
            }
        }
        if (first > last)
            break;
        for (size_t i = 0; i < 3; i++) {
            size_t next = gw_ranges_find(known[i], first);
            if (next < known[i]->count && known[i]->items[next].first <= end)
                end = known[i]->items[next].first - 1;
        }
        *piece = (struct gw_range){first, end};
        *at = end + 1;
        return true;
    }
    *at = last + 1;
    return false;
}

static uint64_t bytes_of(const struct gw_event *event, uint64_t first, uint64_t last)
{
    uint64_t base = event->u.frame.frame->u.data.first;
    const uint32_t *ends = event->u.frame.ends;
    uint64_t begin = first == base ? 0 : ends[first - base - 1];
    return ends[last - base] - begin;
}

/* The same, without what was given back under the number that this DATA has, or a later one: they
 * crossed, or it is a late copy. */
static bool next_wanted(const struct gw_window *window, uint64_t number, uint64_t *at,
                        uint64_t last, struct gw_range *piece)
{
    while (gw_window_next_new(window, at, last, piece)) {
        const struct gw_giveback *crossed =
            window->returns.count
                ? gw_giveback_crossed(window, piece->first, piece->last, number)
                : NULL;
        if (!crossed)
            return true;
        if (crossed->span.first > piece->first) {
            piece->last = crossed->span.first - 1;
            *at = crossed->span.first;
            return true;
        }
        *at = crossed->span.last < last ? crossed->span.last + 1 : last + 1;
    }
    return false;
}

/* It would overtake what was given back. */
static void give_back_unseen(struct gw_core *core, struct gw_window *window,
                             const struct gw_frame *frame, struct gw_range piece)
{
    struct gw_return back = {.first = piece.first, .last = piece.last,
                             .number = frame->u.data.number, .kind = GW_RETURN_RELEASE};
    gw_count(core, GW_COUNTER_returned, piece.last - piece.first + 1);
    gw_giveback_remember(core, window, &back);
    gw_ack_later(core, window->owner);
}

/* How many messages of the frame are not duplicates. */
static uint64_t take_new(struct gw_core *core, struct gw_window *window,
                         const struct gw_event *event, struct gw_range *pieces, size_t *count)
{
    const struct gw_frame *frame = event->u.frame.frame;
    uint64_t at = frame->u.data.first, last = at + frame->u.data.count - 1, fresh = 0;
    size_t most = *count;
    struct gw_range piece;
    *count = 0;
    while (*count < most && !core->failed &&
           next_wanted(window, frame->u.data.number, &at, last, &piece)) {
        fresh += piece.last - piece.first + 1;
        gw_giveback_answered(window, piece.first, piece.last);
        gw_giveback_forget(core, window, piece.first, piece.last);
        if (gw_giveback_blocks(window, piece.first)) {
            give_back_unseen(core, window, frame, piece);
            continue;
        }
        gw_hand_take(core, window, frame, piece, bytes_of(event, piece.first, piece.last));
        pieces[(*count)++] = piece;
    }
    return fresh;
}

static void drop_known(struct gw_core *core, struct gw_window *window,
                       const struct gw_frame *frame, uint64_t dropped)
{
    uint64_t first = frame->u.data.first, last = first + frame->u.data.count - 1;
    uint64_t below =
        first >= window->floor ? 0 : (last < window->floor ? last + 1 : window->floor) - first;
    gw_count(core, GW_COUNTER_duplicates_dropped, dropped);
    gw_count(core, GW_COUNTER_below_floor, below);
    gw_window_report_known(core, window, first, last);
    gw_giveback_say_again(core, window, first, last, frame->u.data.number);
    gw_hand_renumber(core, window, first, last, frame->u.data.number);
}

static void deliver(struct gw_core *core, struct gw_window *window, const struct gw_event *event)
{
    const struct gw_frame *frame = event->u.frame.frame;
    size_t count = window->decided.count + window->deciding.count + window->in_hand.count +
                   window->returns.count + 1;
    if (count > frame->u.data.count)
        count = frame->u.data.count;
    struct gw_range *pieces = gw_effects_allocate(core->out, count * sizeof *pieces);
    if (!pieces)
        return;
    uint64_t fresh = take_new(core, window, event, pieces, &count);
    if (fresh < frame->u.data.count)
        drop_known(core, window, frame, frame->u.data.count - fresh);
    struct gw_effect *effect = count ? gw_effects_add(core->out, GW_EFFECT_DELIVER) : NULL;
    if (!effect)
        return;
    effect->u.deliver.epoch = window->epoch;
    effect->u.deliver.pieces = pieces;
    effect->u.deliver.count = count;
    effect->u.deliver.destination = window->destination;
    effect->u.deliver.sender = window->owner->name;
    effect->u.deliver.redelivered = frame->u.data.redelivered;
    effect->u.deliver.ordered = window->ordered;
}

/* Every DATA message counts against the credit, whatever becomes of it: its sender has spent it.
 * False: it goes beyond what was given. */
static bool charge(struct gw_core *core, struct gw_intake *intake, const struct gw_event *event)
{
    intake->accepted_messages += event->u.frame.frame->u.data.count;
    intake->accepted_bytes += event->u.frame.body_bytes;
    if (intake->accepted_messages <= intake->told_messages &&
        intake->accepted_bytes <= intake->told_bytes)
        return true;
    gw_count(core, GW_COUNTER_over_credit, 1);
    return false;
}

/* DATA of an epoch that was refused, or never named on this link. */
static void unknown_data(struct gw_core *core, struct gw_remote *remote,
                         const struct gw_event *event)
{
    struct gw_refused *refused = refused_find(remote, event->u.frame.frame->u.data.epoch);
    gw_count(core, GW_COUNTER_unknown_epoch, 1);
    if (!refused || !charge(core, refused->intake, event)) {
        gw_link_violation(core, remote, GW_FRAME_DATA);
        return;
    }
    gw_ack_later(core, remote);
}

/* The bounds that a sender knows: what it breaks ends the link. */
static bool within_bounds(struct gw_core *core, struct gw_window *window,
                          const struct gw_event *event)
{
    const struct gw_frame *frame = event->u.frame.frame;
    if (!window->intake) {
        gw_count(core, GW_COUNTER_not_ready, 1); /* never announced as served */
        return false;
    }
    uint64_t last = frame->u.data.first + frame->u.data.count - 1;
    uint64_t floor = window->floor > frame->u.data.floor ? window->floor : frame->u.data.floor;
    if (!charge(core, window->intake, event))
        return false;
    if (window->closed)
        return true;
    if (last >= floor + core->options.window) /* rule 15 */
        return false;
    raise_floor(core, window, floor);
    return true;
}

void gw_window_data(struct gw_core *core, struct gw_remote *remote, const struct gw_event *event)
{
    const struct gw_frame *frame = event->u.frame.frame;
    struct gw_window *window = gw_map_get(&core->windows, frame->u.data.epoch);
    if (!window) {
        unknown_data(core, remote, event);
        return;
    }
    bool opened = window->opened_link == remote->link.id || GW_PLANT(OLD_LINK);
    if (window->owner != remote || !opened || !within_bounds(core, window, event)) {
        gw_link_violation(core, remote, GW_FRAME_DATA);
        return;
    }
    if (window->closed) {
        gw_count(core, GW_COUNTER_tombstones_answered, 1);
        gw_window_report_floor(core, window);
        gw_ack_later(core, remote);
        return;
    }
    uint64_t last = frame->u.data.first + frame->u.data.count - 1;
    if (last > window->last)
        window->last = last;
    gw_count(core, GW_COUNTER_data_received, 1);
    deliver(core, window, event);
}
