/* SPDX-License-Identifier: MPL-2.0 */

/* The sending half of the scripted application of app.h, and its life. */

#include "app.h"

#include "checker.h"
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WITHDRAW_MAX 6 /* messages asked back at once */

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* --- life --- */

static void send_later(struct sim_peer *peer);

static void forget_recalls(struct sim_peer *peer)
{
    while (peer->app.recalls) {
        struct sim_recall *recall = peer->app.recalls;
        peer->app.recalls = recall->next;
        free(recall->ranges);
        free(recall);
    }
}

void sim_app_start(struct sim_peer *peer)
{
    if (peer->world->hooks)
        peer->world->hooks->started(peer);
    else if (peer->world->options.send_pause_us)
        send_later(peer);
}

void sim_app_restart(struct sim_peer *peer)
{
    struct sim_app *app = &peer->app;

    if (app->transactions)
        sim_sight(peer->world, SIM_SIGHT_transaction_in_doubt, 1);
    sim_app_forget_transactions(peer);
    forget_recalls(peer);
    app->count = 0;
    app->delivered = 0;
    app->settled = 0;
    app->jobs = 0;
    app->working = false;
}

void sim_app_clear(struct sim_peer *peer)
{
    sim_app_forget_transactions(peer);
    forget_recalls(peer);
    free(peer->app.items);
    peer->app.items = NULL;
}

/* --- sending --- */

static struct sim_epoch *book_of(struct sim_peer *peer, const struct gw_destination *destination,
                                 uint64_t epoch)
{
    struct sim_world *world = peer->world;
    struct sim_epoch *book = sim_ledger_find(&world->ledger, epoch);

    if (book)
        return book;
    book = sim_ledger_draw(&world->ledger, epoch, peer->index, peer->life, destination);
    memcpy(book->sender_name, peer->name, sizeof book->sender_name);
    book->ordered = sim_peer_policy(peer, destination).ordered;
    return book;
}

void sim_app_number(struct sim_peer *peer, const struct gw_destination *destination,
                    uint64_t epoch, uint64_t sequence, uint64_t id, size_t size,
                    const struct sim_item *origin)
{
    struct sim_world *world = peer->world;
    struct sim_epoch *book = book_of(peer, destination, epoch);

    if (book->sender != peer->index || book->life != peer->life) {
        sim_fail(world, "epoch freshness: %s continues e%" PRIu64 " of an earlier open",
                 peer->name, book->number);
        return;
    }
    if (sequence != book->count + 1) {
        sim_fail(world, "%s numbers a message %" PRIu64 " after %zu", peer->name, sequence,
                 book->count);
        return;
    }
    struct sim_message *message = sim_ledger_append(&world->ledger, book, id, (uint32_t)size);
    message->sent_process = peer->process;
    if (origin) {
        message->origin_epoch = origin->epoch;
        message->origin_sequence = origin->sequence;
    }
}

size_t sim_app_random_size(const struct sim_world *world, struct sim_lot *lot)
{
    size_t most = world->options.body_max;
    bool none = sim_chance(lot, 20000), large = sim_chance(lot, 100000);
    size_t size = sim_between(lot, 1, large ? most * 8 : most);

    return none ? 0 : size;
}

size_t sim_app_send(struct sim_peer *peer, const struct gw_destination *destination, size_t count)
{
    struct sim_world *world = peer->world;
    struct sim_lot *lot = sim_lot(peer, SIM_LOT_SENDS);
    size_t taken = 0;

    while (taken < count && !world->failed) {
        uint64_t epoch, sequence, id = world->ledger.next_id + 1;
        size_t size = sim_app_random_size(world, lot);
        uint8_t *bytes = must(malloc(size + 1));
        sim_body_fill(id, bytes, size);
        enum gw_tail_result result = gw_tail_append(
            peer->tail, destination, bytes, size, sim_draw(sim_lot(peer, SIM_LOT_SECRETS)), &epoch,
            &sequence);
        free(bytes);
        if (result != GW_TAIL_OK) {
            sim_sight(world, SIM_SIGHT_outbox_full, result == GW_TAIL_FULL);
            break;
        }
        world->ledger.next_id++;
        sim_app_number(peer, destination, epoch, sequence, id, size, NULL);
        taken++;
    }
    if (taken)
        sim_peer_run_soon(peer);
    return taken;
}

/* Each peer that has a part in it sends some of the work and some of the requests. */
static void send_burst(struct sim_world *world, void *subject, uint64_t process, uint64_t unused)
{
    struct sim_peer *peer = subject;
    struct sim_flow *flows[] = {&world->work, &world->requests};
    struct sim_lot lot;

    (void)unused;
    if (!peer->up || peer->process != process || peer->leaving)
        return;
    if (!peer->turn || peer->broken ||            /* its store is being opened again */
        peer->paused_until_us > world->now_us) { /* a process that is stopped asks nothing either */
        send_later(peer);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        uint64_t burst = sim_between(sim_lot(peer, SIM_LOT_SENDS), 1, world->options.burst);
        if (!(flows[i]->senders & 1u << peer->index) || flows[i]->left == 0)
            continue;
        flows[i]->left -= sim_app_send(peer, &flows[i]->destination,
                                       burst < flows[i]->left ? burst : flows[i]->left);
    }
    if (sim_inject(world, sim_occasion_of(SIM_FAULT_withdrawn, peer, ++peer->app.bursts), &lot))
        sim_app_withdraw_some(peer, &lot);
    send_later(peer);
}

static void send_later(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    const struct sim_flow *work = &world->work, *requests = &world->requests;

    if (!((work->left ? work->senders : 0) & 1u << peer->index) &&
        !((requests->left ? requests->senders : 0) & 1u << peer->index))
        return;
    uint64_t pause_us = sim_between(sim_lot(peer, SIM_LOT_SENDS), 0, world->options.send_pause_us);
    sim_world_after(world, pause_us, send_burst, peer, peer->process, 0);
}

/* --- asking back --- */

void sim_app_withdraw(struct sim_peer *peer, uint64_t epoch, uint64_t sequence,
                      enum gw_withdrawal code)
{
    struct sim_message *message = sim_ledger_message(&peer->world->ledger, epoch, sequence);

    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label,
                    "withdraw e%" PRIu64 " %" PRIu64,
                    sim_trace_epoch(peer->world->trace, epoch), sequence);
    message->wanted = (uint8_t)code;
    message->wanted_life = peer->life;
    sim_port_after(peer, gw_turn_withdraw(peer->turn, sim_peer_clock(peer), epoch, sequence,
                                          code));
}

/* A request is cancelled, other messages are purged; also those of earlier opens. */
void sim_app_withdraw_some(struct sim_peer *peer, struct sim_lot *lot)
{
    struct sim_world *world = peer->world;
    struct sim_epoch *chosen = NULL;
    uint64_t seen = 0;

    for (struct sim_epoch *book = world->ledger.first; book; book = book->next) {
        if (book->sender == peer->index && !book->gone && book->submitted &&
            sim_between(lot, 0, seen++) == 0)
            chosen = book;
    }
    if (!chosen)
        return;
    uint64_t left = sim_between(lot, 1, WITHDRAW_MAX);
    uint64_t low = sim_epoch_unfinished(chosen) / 2 + 1;
    uint64_t at = sim_between(lot, low < chosen->submitted ? low : chosen->submitted,
                              chosen->submitted);
    for (; left-- > 0 && at <= chosen->submitted && !world->failed; at++)
        sim_app_withdraw(peer, chosen->epoch, at,
                         chosen->destination.kind == GW_KIND_SERVICE ? GW_WITHDRAW_CANCELLED
                                                                     : GW_WITHDRAW_PURGED);
}
