/* SPDX-License-Identifier: MPL-2.0 */

/* What a peer's application has in hand, and the marks of what its handlers have begun. */

#include "app.h"

#include "checker.h"
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RECALL_SLOW_US 3000000

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static struct sim_message *message_of(const struct sim_peer *peer, const struct sim_item *item)
{
    return sim_ledger_message(&peer->world->ledger, item->epoch, item->sequence);
}

/* --- items --- */

static bool item_before(const struct sim_item *item, uint64_t epoch, uint64_t sequence)
{
    return item->epoch != epoch ? item->epoch < epoch : item->sequence < sequence;
}

size_t sim_app_find(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence)
{
    const struct sim_app *app = &peer->app;
    size_t low = 0, high = app->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (item_before(&app->items[middle], epoch, sequence))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take(struct sim_peer *peer, const struct gw_inbound *inbound, uint64_t sequence)
{
    struct sim_app *app = &peer->app;
    size_t at = sim_app_find(peer, inbound->epoch, sequence);
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, inbound->epoch);
    struct sim_message *message = sim_epoch_message(book, sequence);

    if (app->count == app->capacity) {
        app->capacity = app->capacity ? app->capacity * 2 : 32;
        app->items = must(realloc(app->items, app->capacity * sizeof *app->items));
    }
    memmove(app->items + at + 1, app->items + at, (app->count - at) * sizeof *app->items);
    app->count++;
    app->items[at] = (struct sim_item){.epoch = inbound->epoch,
                                       .sequence = sequence,
                                       .number = inbound->number,
                                       .attempt = inbound->attempt,
                                       .arrival = ++app->arrivals,
                                       .size = message->size,
                                       .sender = book->sender,
                                       .ordered = inbound->ordered};
    message->held_by |= (sim_set)(1u << peer->index);
    message->at[peer->index].number = inbound->number;
}

void sim_app_deliver(struct sim_peer *peer, const struct gw_inbound *inbound)
{
    for (size_t i = 0; i < inbound->piece_count; i++) {
        for (uint64_t at = inbound->pieces[i].first; at <= inbound->pieces[i].last; at++) {
            take(peer, inbound, at);
            peer->app.delivered++;
        }
    }
    if (!peer->app.manual && !peer->world->hooks)
        sim_app_work_later(peer);
}

/* --- marks: outside the turn, beside the store; a process that dies leaves them --- */

static void mark(struct sim_peer *peer, const struct sim_item *item)
{
    if (sim_peer_is_memory(peer))
        return;
    if (peer->mark_count == peer->mark_capacity) {
        peer->mark_capacity = peer->mark_capacity ? peer->mark_capacity * 2 : 16;
        peer->marks = must(realloc(peer->marks, peer->mark_capacity * sizeof *peer->marks));
    }
    peer->marks[peer->mark_count++] =
        (struct sim_mark){item->epoch, item->sequence, item->number};
}

static void unmark(struct sim_peer *peer, const struct sim_item *item)
{
    size_t at = 0;

    while (at < peer->mark_count && (peer->marks[at].epoch != item->epoch ||
                                     peer->marks[at].sequence != item->sequence))
        at++;
    if (at < peer->mark_count)
        peer->marks[at] = peer->marks[--peer->mark_count];
}

void sim_app_begin(struct sim_peer *peer, size_t at, size_t count)
{
    struct sim_app *app = &peer->app;
    uint64_t job = ++app->next_job;
    const struct sim_item *first = &app->items[at], *last = first + count - 1;

    app->jobs++;
    for (size_t i = at; i < at + count; i++) {
        app->items[i].job = job;
        sim_check_begun(peer, &app->items[i]);
        message_of(peer, &app->items[i])->begun_by |= (sim_set)(1u << peer->index);
        message_of(peer, &app->items[i])->at[peer->index].begun = sim_peer_is_memory(peer);
        mark(peer, &app->items[i]);
    }
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label,
                    "begin e%" PRIu64 " %" PRIu64 "..%" PRIu64,
                    sim_trace_epoch(peer->world->trace, first->epoch), first->sequence,
                    last->sequence);
    sim_port_after(peer, gw_turn_handed(peer->turn, sim_peer_clock(peer), first->epoch,
                                        first->sequence, last->sequence));
}

void sim_app_finish(struct sim_peer *peer, size_t at)
{
    struct sim_item *item = &peer->app.items[at];

    unmark(peer, item);
    message_of(peer, item)->begun_by &= (uint8_t)~(1u << peer->index);
    item->job = 0;
}

void sim_app_put_down(struct sim_peer *peer, size_t at, size_t count)
{
    struct sim_app *app = &peer->app;

    for (size_t i = at; i < at + count; i++) {
        if (!app->items[i].job)
            continue;
        unmark(peer, &app->items[i]);
        message_of(peer, &app->items[i])->begun_by &= (sim_set)~(1u << peer->index);
    }
    app->count -= count;
    memmove(app->items + at, app->items + at + count, (app->count - at) * sizeof *app->items);
}

/* --- giving back --- */

static struct gw_turn_return return_of(const struct sim_item *items, size_t count,
                                       enum gw_return_kind kind, uint32_t delay_ms)
{
    struct gw_turn_return back = {.epoch = items[0].epoch,
                                  .first = items[0].sequence,
                                  .last = items[count - 1].sequence,
                                  .number = items[0].number,
                                  .kind = (uint8_t)kind,
                                  .delay_ms = delay_ms};

    for (size_t i = 0; i < count; i++)
        back.bytes += items[i].size;
    if (kind == GW_RETURN_NACK)
        back.text = "not now";
    return back;
}

static bool same_stream(const struct sim_peer *peer, const struct sim_item *a,
                        const struct sim_item *b)
{
    const struct sim_epoch *one = sim_ledger_find(&peer->world->ledger, a->epoch);
    const struct sim_epoch *two = sim_ledger_find(&peer->world->ledger, b->epoch);

    return a->sender == b->sender && gw_destination_equal(&one->destination, &two->destination);
}

void sim_app_hold_back(struct sim_peer *peer, const struct sim_item *item)
{
    struct sim_app *app = &peer->app;

    for (size_t i = 0; item->ordered && i < app->count; i++) {
        struct sim_item *other = &app->items[i];
        bool behind = other->epoch == item->epoch ? other->sequence > item->sequence
                                                  : other->arrival > item->arrival;
        if (same_stream(peer, item, other) && behind && !other->job)
            other->held = true;
    }
}

static void given_back(struct sim_peer *peer, const struct sim_item *item,
                       enum gw_return_kind kind)
{
    struct sim_message *message = message_of(peer, item);

    message->held_by &= (sim_set)~(1u << peer->index);
    message->at[peer->index].number = 0;
    if (kind != GW_RETURN_NACK)
        return;
    message->at[peer->index].nacked = item->number;
    message->failures++;
}

/* One stretch of one offer. */
static void give_back(struct sim_peer *peer, size_t at, size_t count, enum gw_return_kind kind,
                      uint32_t delay_ms)
{
    struct sim_app *app = &peer->app;
    struct gw_turn_return back = return_of(app->items + at, count, kind, delay_ms);

    for (size_t i = at; i < at + count; i++) {
        given_back(peer, &app->items[i], kind);
        sim_app_hold_back(peer, &app->items[i]);
    }
    sim_app_put_down(peer, at, count);
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label,
                    "%s e%" PRIu64 " %" PRIu64 "..%" PRIu64,
                    kind == GW_RETURN_NACK ? "nack" : "release",
                    sim_trace_epoch(peer->world->trace, back.epoch), back.first, back.last);
    sim_port_after(peer, gw_turn_return(peer->turn, sim_peer_clock(peer), &back));
}

void sim_app_return(struct sim_peer *peer, size_t at, size_t count, enum gw_return_kind kind,
                    uint32_t delay_ms)
{
    const struct sim_app *app = &peer->app;

    while (count > 0 && !peer->world->failed) { /* from the end: the places before it stay */
        size_t from = at + count - 1;
        while (from > at && app->items[from - 1].number == app->items[at + count - 1].number)
            from--;
        size_t part = at + count - from;
        give_back(peer, from, part, kind, delay_ms);
        count -= part;
    }
}

/* The destination is served no longer: what no handler has begun with goes back. */
void sim_app_release(struct sim_peer *peer, const struct gw_destination *destination)
{
    struct sim_app *app = &peer->app;

    for (size_t i = app->count; i-- > 0 && !peer->world->failed;) {
        const struct sim_epoch *book =
            sim_ledger_find(&peer->world->ledger, app->items[i].epoch);
        if (app->items[i].job || !gw_destination_equal(&book->destination, destination))
            continue;
        sim_sight(peer->world, SIM_SIGHT_release_by_unserve, 1);
        sim_app_return(peer, i, 1, GW_RETURN_RELEASE, 0);
    }
}

/* --- recalls --- */

struct pieces {
    struct gw_range *ranges;
    uint64_t *bytes;
    size_t count;
};

static void add_piece(struct pieces *pieces, const struct sim_item *item)
{
    size_t last = pieces->count - 1;

    if (pieces->count && pieces->ranges[last].last + 1 == item->sequence) {
        pieces->ranges[last].last++;
        pieces->bytes[last] += item->size;
        return;
    }
    pieces->ranges[pieces->count] = (struct gw_range){item->sequence, item->sequence};
    pieces->bytes[pieces->count++] = item->size;
}

/* An offer that is newer than the one asked back stays, unless it is wanted back for good. */
static bool goes_back(struct sim_peer *peer, const struct sim_recall *recall,
                      const struct sim_item *item)
{
    if (recall->asked.purpose == GW_SKIP_RELEASE && item->number > recall->asked.number)
        return false;
    if (!item->job)
        return true;
    sim_sight(peer->world, SIM_SIGHT_skip_in_hand, 1);
    return false;
}

static void collect(struct sim_peer *peer, const struct sim_recall *recall,
                    const struct gw_range *range, struct pieces *pieces)
{
    struct sim_app *app = &peer->app;
    size_t at = sim_app_find(peer, recall->asked.epoch, range->first);

    while (at < app->count && app->items[at].epoch == recall->asked.epoch &&
           app->items[at].sequence <= range->last) {
        if (!goes_back(peer, recall, &app->items[at])) {
            at++;
            continue;
        }
        add_piece(pieces, &app->items[at]);
        given_back(peer, &app->items[at], GW_RETURN_RELEASE);
        if (recall->asked.purpose == GW_SKIP_RELEASE)
            sim_app_hold_back(peer, &app->items[at]);
        sim_app_put_down(peer, at, 1);
    }
}

/* What another application than the scripted one gives up. */
static void take_back(struct sim_peer *peer, const struct sim_recall *recall,
                      struct pieces *pieces)
{
    struct sim_app *app = &peer->app;
    struct gw_range *ranges = must(calloc(app->count + 1, sizeof *ranges));
    size_t count = peer->world->hooks->take_back(peer, &recall->asked, ranges, app->count);

    for (size_t i = 0; i < count; i++) {
        for (uint64_t sequence = ranges[i].first; sequence <= ranges[i].last; sequence++) {
            size_t at = sim_app_find(peer, recall->asked.epoch, sequence);
            add_piece(pieces, &app->items[at]);
            given_back(peer, &app->items[at], GW_RETURN_RELEASE);
            sim_app_put_down(peer, at, 1);
        }
    }
    free(ranges);
}

static void answer(struct sim_peer *peer, const struct sim_recall *recall)
{
    struct pieces pieces = {0};
    struct gw_recall back = recall->asked;
    size_t most = peer->app.count + 1;

    pieces.ranges = must(calloc(most, sizeof *pieces.ranges));
    pieces.bytes = must(calloc(most, sizeof *pieces.bytes));
    if (peer->world->hooks)
        take_back(peer, recall, &pieces);
    for (size_t i = 0; i < recall->asked.count && !peer->world->hooks; i++)
        collect(peer, recall, &recall->ranges[i], &pieces);
    back.ranges = pieces.ranges;
    back.count = pieces.count;
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label,
                    "recalled e%" PRIu64 ": %zu pieces",
                    sim_trace_epoch(peer->world->trace, back.epoch), back.count);
    if (pieces.count && back.purpose == GW_SKIP_RELEASE)
        sim_sight(peer->world, SIM_SIGHT_recalled, 1);
    sim_port_after(peer, gw_turn_recalled(peer->turn, sim_peer_clock(peer), &back, pieces.bytes));
    free(pieces.ranges);
    free(pieces.bytes);
}

static void recall_due(struct sim_world *world, void *subject, uint64_t life, uint64_t ticket)
{
    struct sim_peer *peer = subject;
    struct sim_recall **place = &peer->app.recalls;

    if (!peer->turn || peer->life != life)
        return;
    if (peer->paused_until_us > world->now_us) {
        sim_world_at(world, peer->paused_until_us, recall_due, peer, life, ticket);
        return;
    }
    while (*place && (*place)->ticket != ticket)
        place = &(*place)->next;
    struct sim_recall *recall = *place;
    if (!recall)
        return;
    *place = recall->next;
    answer(peer, recall);
    free(recall->ranges);
    free(recall);
}

void sim_app_recall(struct sim_peer *peer, const struct gw_recall *asked)
{
    struct sim_world *world = peer->world;
    struct sim_recall *recall = must(calloc(1, sizeof *recall));

    recall->asked = *asked;
    recall->ranges = must(malloc((asked->count + 1) * sizeof *recall->ranges));
    memcpy(recall->ranges, asked->ranges, asked->count * sizeof *recall->ranges);
    recall->asked.ranges = recall->ranges;
    recall->ticket = ++peer->app.next_ticket;
    recall->next = peer->app.recalls;
    peer->app.recalls = recall;
    uint64_t pause_us = sim_between(sim_lot(peer, SIM_LOT_WORK), 0, world->options.recall_us);
    struct sim_lot lot;
    if (sim_inject(world, sim_occasion_of(SIM_FAULT_recall_slow, peer, recall->ticket), &lot))
        pause_us = sim_between(&lot, 0, RECALL_SLOW_US);
    sim_world_after(world, pause_us, recall_due, peer, peer->life, recall->ticket);
}
