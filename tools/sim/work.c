/* SPDX-License-Identifier: MPL-2.0 */

/* Working at random: a handler begins with something in hand, and after a while ends it. */

#include "app.h"

#include "world.h"

#include <stdlib.h>
#include <string.h>

#define RANGE_MAX   12 /* messages that one handler takes at once */
#define SLOW_FACTOR 30
#define SLOW_US     4000000
#define NACK_MS     2000
#define RETRY_US    20000

static const struct gw_destination done = {GW_KIND_STAGE, "done"};

static void end_job(struct sim_world *world, void *subject, uint64_t life, uint64_t job);

/* --- choosing --- */

/* How many items from `at` on are one range that nobody has begun. */
static size_t range_at(const struct sim_app *app, size_t at, size_t most)
{
    size_t count = 1;

    while (count < most && at + count < app->count && !app->items[at + count].job &&
           !app->items[at + count].held &&
           app->items[at + count].epoch == app->items[at].epoch &&
           app->items[at + count].sequence == app->items[at].sequence + count)
        count++;
    return count;
}

static bool of_one_stream(const struct sim_peer *peer, const struct sim_item *a,
                          const struct sim_item *b)
{
    const struct sim_epoch *one = sim_ledger_find(&peer->world->ledger, a->epoch);
    const struct sim_epoch *two = sim_ledger_find(&peer->world->ledger, b->epoch);

    return a->sender == b->sender && gw_destination_equal(&one->destination, &two->destination);
}

/* Ordered messages are begun in the order in which they came, one handler at a time. */
static bool in_its_turn(const struct sim_peer *peer, const struct sim_item *item)
{
    const struct sim_app *app = &peer->app;

    if (!item->ordered)
        return true;
    for (size_t i = 0; i < app->count; i++) {
        const struct sim_item *other = &app->items[i];
        bool before = other->epoch == item->epoch ? other->sequence < item->sequence
                                                  : other->arrival < item->arrival;
        if (before && of_one_stream(peer, item, other))
            return false;
    }
    return true;
}

static bool can_begin(const struct sim_peer *peer, size_t at)
{
    const struct sim_item *item = &peer->app.items[at];

    return !item->job && !item->held && in_its_turn(peer, item);
}

/* Any one that can be begun, from a random place on; count: there is none. */
static size_t choose(struct sim_peer *peer)
{
    size_t count = peer->app.count;
    size_t from = sim_between(sim_lot(peer, SIM_LOT_WORK), 0, count ? count - 1 : 0);

    for (size_t i = 0; i < count; i++) {
        size_t at = (from + i) % count;
        if (can_begin(peer, at))
            return at;
    }
    return count;
}

/* --- beginning --- */

static uint64_t work_time(struct sim_peer *peer, uint64_t job)
{
    struct sim_world *world = peer->world;
    struct sim_lot lot = sim_lot_at(peer, SIM_LOT_JOB, job);
    uint64_t most = world->options.work_us;

    if (sim_inject(world, sim_occasion_of(SIM_FAULT_handler_slow, peer, job), NULL))
        return most * SLOW_FACTOR < SLOW_US ? most * SLOW_FACTOR : SLOW_US;
    return sim_between(&lot, 0, most);
}

static void begin_something(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    struct sim_lot *lot = sim_lot(peer, SIM_LOT_WORK);
    size_t at = choose(peer);
    bool alone = sim_chance(lot, 500000);
    size_t most = sim_between(lot, 1, RANGE_MAX);

    if (at == peer->app.count)
        return;
    sim_app_begin(peer, at, range_at(&peer->app, at, alone ? 1 : most));
    sim_world_after(world, work_time(peer, peer->app.next_job), end_job, peer, peer->life,
                    peer->app.next_job);
}

/* The comb: all in hand, then every second message, which leaves more ranges than an ACK can hold,
 * then the rest. */
static void decide_comb(struct sim_peer *peer)
{
    struct sim_app *app = &peer->app;
    bool first = app->count == app->delivered;

    if (app->delivered < peer->world->options.messages)
        return;
    for (size_t i = app->count; i-- > 0 && !peer->world->failed;) {
        if (!first || app->items[i].sequence % 2 == 0)
            sim_app_decide(peer, i, 1);
    }
}

static void look_for_work(struct sim_world *world, void *subject, uint64_t life, uint64_t unused)
{
    struct sim_peer *peer = subject;
    bool comb = world->options.flavour == SIM_COMB;

    (void)unused;
    if (!peer->turn || peer->life != life)
        return;
    peer->app.working = false;
    if (peer->leaving || !peer->app.count)
        return;
    if (peer->paused_until_us <= world->now_us) {
        if (comb)
            decide_comb(peer);
        else if (peer->app.jobs < world->options.handlers)
            begin_something(peer);
    }
    if (peer->app.count && (comb || peer->app.jobs < world->options.handlers))
        sim_app_work_later(peer);
}

void sim_app_work_later(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;

    if (peer->app.working || !peer->turn)
        return;
    peer->app.working = true;
    uint64_t pause_us = sim_between(sim_lot(peer, SIM_LOT_WORK), 0, world->options.work_us);
    sim_world_after(world, pause_us, look_for_work, peer, peer->life, 0);
}

/* --- ending --- */

static uint32_t nack_delay(struct sim_lot *lot)
{
    switch (sim_between(lot, 0, 2)) {
    case 0:
        return 0;
    case 1:
        return UINT32_MAX;
    default:
        return (uint32_t)sim_between(lot, 1, NACK_MS);
    }
}

static bool dies(struct sim_peer *peer, size_t at, size_t count, struct sim_lot *lot)
{
    struct sim_world *world = peer->world;

    for (size_t i = at; i < at + count; i++) {
        const struct sim_item *item = &peer->app.items[i];
        const struct sim_epoch *book = sim_ledger_find(&world->ledger, item->epoch);
        const struct sim_message *message = sim_epoch_message(book, item->sequence);
        if (book->destination.kind != GW_KIND_REPLY && /* twenty attempts take too long */
            sim_peer_policy(peer, &book->destination).max_attempts > 0 &&
            sim_inject(world, sim_occasion_deed(SIM_FAULT_poison, message->id), lot))
            return true;
    }
    return false;
}

/* Where what is processed is sent on to; kind 0: nowhere. */
static struct gw_destination onward_of(struct sim_peer *peer, size_t at, struct sim_lot *lot)
{
    struct sim_world *world = peer->world;
    const struct sim_epoch *book = sim_ledger_find(&world->ledger, peer->app.items[at].epoch);
    struct gw_destination onward = {0};

    if (book->destination.kind == GW_KIND_SERVICE) {
        onward.kind = GW_KIND_REPLY;
        memcpy(onward.name, book->sender_name, sizeof onward.name);
    } else if (world->options.sinks && sim_chance(lot, 800000) &&
               gw_destination_equal(&book->destination, &world->work.destination)) {
        onward = done;
    }
    return onward;
}

/* False: the outbox is full, so the handler waits; it may do something else then. */
static bool process(struct sim_peer *peer, size_t at, size_t count)
{
    struct sim_lot *lot = sim_lot(peer, SIM_LOT_WORK);
    struct gw_destination onward = onward_of(peer, at, lot);
    bool transacts = sim_chance(lot, peer->world->options.transaction_chance);

    if (onward.kind == GW_KIND_REPLY || transacts)
        return sim_app_transact(peer, at, count, onward.kind ? &onward : NULL);
    sim_app_decide(peer, at, count);
    return true;
}

/* A handler's end. False: it is not at its end yet. */
static bool finish(struct sim_peer *peer, size_t at, size_t count, uint64_t job)
{
    struct sim_world *world = peer->world;
    struct sim_lot lot;

    if (dies(peer, at, count, &lot)) {
        sim_peer_crash(peer, SIM_KILLED);
        sim_peer_start_later(peer, sim_between(&lot, 0, 500000));
    } else if (sim_inject(world, sim_occasion_of(SIM_FAULT_handler_nacked, peer, job), &lot)) {
        sim_sight(world, SIM_SIGHT_nack, count);
        sim_app_return(peer, at, count, GW_RETURN_NACK, nack_delay(&lot));
    } else if (count == 1 &&
               sim_inject(world, sim_occasion_of(SIM_FAULT_handler_rejected, peer, job), &lot)) {
        sim_sight(world, SIM_SIGHT_reject, 1);
        sim_app_reject(peer, at, (uint32_t)sim_between(&lot, 0, 99));
    } else {
        return process(peer, at, count);
    }
    return true;
}

static void end_job(struct sim_world *world, void *subject, uint64_t life, uint64_t job)
{
    struct sim_peer *peer = subject;
    struct sim_app *app = &peer->app;
    size_t at = 0, count = 0;

    if (!peer->turn || peer->life != life || peer->leaving)
        return;
    if (peer->paused_until_us > world->now_us) {
        sim_world_at(world, peer->paused_until_us, end_job, peer, life, job);
        return;
    }
    while (at < app->count && app->items[at].job != job)
        at++;
    while (at + count < app->count && app->items[at + count].job == job)
        count++;
    if (!count)
        return;
    if (!finish(peer, at, count, job)) {
        uint64_t pause_us = sim_between(sim_lot(peer, SIM_LOT_WORK), 1, RETRY_US);
        if (!world->failed)
            sim_world_after(world, pause_us, end_job, peer, life, job);
        return;
    }
    if (!peer->turn || peer->life != life || world->failed)
        return;
    app->jobs--;
    if (app->count)
        sim_app_work_later(peer);
}
