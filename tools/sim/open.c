/* SPDX-License-Identifier: MPL-2.0 */

/* How a peer's turn begins and ends: its store is opened, looked through and, after a failure,
 * opened again. */

#include "checker.h"
#include "core/state.h"
#include "port.h"
#include "store/row.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

#define BIT_SPAN 4096

#define RETRY_LEAST_US 25000 /* between two tries to open a store, as the engine pauses */
#define RETRY_MOST_US  2000000
#define OFFERS_LEFT    20 /* until the offers of an open are used up, at most */

void sim_turn_drop(struct sim_peer *peer)
{
    if (peer->turn)
        sim_check_farewell(peer);
    gw_turn_destroy(&peer->turn);
    if (peer->store)
        gw_store_close(&peer->store);
    peer->writing = NULL;
    memset(peer->loads, 0, sizeof peer->loads);
    peer->run_at_us = GW_NEVER;
    peer->run_ticket++;
}

static struct gw_turn_options turn_options(struct sim_peer *peer)
{
    const struct sim_options *options = &peer->world->options;
    struct gw_turn_options turn = {
        .core = {.max_message = sim_peer_max_message(peer),
                 .window = options->window,
                 .heartbeat_us = options->heartbeat_us,
                 .settle_delay_us = options->settle_delay_us,
                 .memory = sim_peer_is_memory(peer),
                 .no_jitter = !options->jitter,
                 .cache_bytes = options->cache_bytes,
                 .memory_ttl_us = options->memory_ttl_us,
                 .outcomes = options->outcomes},
        .sync = options->sync,
    };

    memcpy(turn.core.name, peer->name, sizeof turn.core.name);
    turn.core.process = peer->nonce;
    turn.core.seed = sim_draw(sim_lot(peer, SIM_LOT_SECRETS));
    return turn;
}

/* Opens the store for the turn; false: refused, which only a damaged row excuses. */
static enum gw_store_error open_turn(struct sim_peer *peer, struct gw_recovered *recovered)
{
    struct gw_turn_options options = turn_options(peer);
    uint8_t uuid[16];
    char why[256] = "";

    for (size_t i = 0; i < sizeof uuid; i++)
        uuid[i] = (uint8_t)sim_draw(sim_lot(peer, SIM_LOT_SECRETS));
    peer->disk.refuses = sim_peer_disk_fails(peer);
    peer->store = sim_disk_open(&peer->disk, options.sync);
    enum gw_store_error error = gw_turn_claim(peer->store, &options, uuid, why, sizeof why);
    if (error == GW_STORE_OK) {
        peer->opens = options.core.open;
        peer->turn = gw_turn_new(&options, &sim_port, peer);
        if (!peer->turn)
            abort();
        error = gw_turn_recover(peer->turn, peer->store, sim_peer_clock(peer), recovered, why,
                                sizeof why);
    }
    if (error != GW_STORE_OK) {
        memset(peer->loads, 0, sizeof peer->loads);
        gw_turn_destroy(&peer->turn);
        gw_store_close(&peer->store);
    }
    return error;
}

/* A bit is flipped, or another row's value stands there. Doing it again mends it. */
static void damage(struct sim_disk *disk, size_t row, struct sim_lot lot)
{
    size_t bit = sim_between(&lot, 0, BIT_SPAN);
    size_t other = sim_between(&lot, 0, disk->count - 1);

    if (other != row && sim_chance(&lot, 500000))
        sim_disk_swap(disk, row, other);
    else
        sim_disk_damage(disk, row, bit);
}

/* Damages a row, which must be refused, and mends it. */
static void try_damaged(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    struct gw_recovered recovered = {0};
    struct sim_disk *disk = &peer->disk;
    sim_occasion occasion = sim_occasion_of(SIM_FAULT_row_damaged, peer, peer->life);
    struct sim_lot lot = sim_lot_at(peer, SIM_LOT_FAULT, peer->life);

    if (!disk->count)
        return;
    size_t row = sim_between(&lot, 0, disk->count - 1);
    uint8_t kind = disk->rows[row].key->data[0];
    if (kind == GW_ROW_KEY || kind == GW_ROW_BATCH || kind == GW_ROW_OUTCOME ||
        !disk->rows[row].live)
        return; /* these are read, and checked, when they are wanted */
    if (!sim_inject(world, occasion, NULL))
        return;
    damage(disk, row, lot);
    enum gw_store_error error = open_turn(peer, &recovered);
    if (error == GW_STORE_OK) {
        sim_fail(world, "%s took a damaged row (kind %c, key of %zu bytes) for good", peer->name,
                 kind, disk->rows[row].key->size);
        return;
    }
    sim_sight(world, SIM_SIGHT_damage_refused, 1);
    damage(disk, row, lot);
}

/* As the shell does before a recovery: what the marks say becomes rows, in one synced write, and
 * then they are cleared. A crash between the two writes the same rows again. */
static void write_marks(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    struct gw_write write = {0};

    if (!peer->mark_count)
        return;
    for (size_t i = 0; i < peer->mark_count; i++) {
        struct gw_row row = {.kind = GW_ROW_CRASHED,
                             .epoch = peer->marks[i].epoch,
                             .first = peer->marks[i].sequence,
                             .last = peer->marks[i].sequence,
                             .number = peer->marks[i].number};
        gw_row_put(&write, &row);
    }
    if (gw_write_failed(&write))
        abort();
    sim_trace_effect(world->trace, "%zu marks become rows", peer->mark_count);
    sim_disk_write(&peer->disk, &write, true);
    sim_check_written(peer, &write);
    if (sim_inject(world, sim_occasion_of(SIM_FAULT_marks_again, peer, peer->life), NULL))
        sim_disk_write(&peer->disk, &write, true);
    gw_write_clear(&write);
    peer->mark_count = 0;
}

static void say_policies(struct sim_peer *peer)
{
    const struct sim_world *world = peer->world;

    for (size_t i = 0; i < world->policy_count && !world->failed; i++)
        sim_port_after(peer, gw_turn_policy(peer->turn, sim_peer_clock(peer),
                                            &world->policies[i].destination,
                                            &world->policies[i].policy));
}

static void say_serves_and_dials(struct sim_peer *peer)
{
    say_policies(peer);
    for (size_t i = 0; i < peer->serve_count; i++) {
        if (!peer->serves[i].off)
            sim_peer_serve(peer, i);
    }
    for (size_t i = 0; i < peer->dial_count; i++) {
        struct sim_wanted_dial *dial = &peer->dials[i];
        if (dial->off || peer->world->failed)
            continue;
        if (!dial->conn)
            dial->conn = sim_net_dial(peer->world, peer, dial->to);
        sim_port_after(peer, gw_turn_dial(peer->turn, sim_peer_clock(peer), dial->conn));
    }
}

/* The offers of an open are numbered with 32 bits: near their end the core ends too, and the next
 * open goes on. No world lives long enough, so that it begins there. */
static void use_up_offers(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    struct sim_lot lot;

    if (!sim_inject(world, sim_occasion_of(SIM_FAULT_offers_used_up, peer, peer->life), &lot))
        return;
    struct gw_core *core = (struct gw_core *)(uintptr_t)gw_turn_core(peer->turn);
    core->runs_made = UINT32_MAX - sim_between(&lot, 0, OFFERS_LEFT);
}

void sim_turn_begin(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    struct gw_recovered recovered = {0};

    write_marks(peer);
    try_damaged(peer);
    if (world->failed)
        return;
    peer->life++;
    peer->committed = 0;
    peer->broken = false;
    peer->several_epochs = false;
    enum gw_store_error error = open_turn(peer, &recovered);
    if (error == GW_STORE_OK &&
        sim_inject(world, sim_occasion_of(SIM_FAULT_crash_in_recovery, peer, peer->life), NULL)) {
        sim_turn_drop(peer);
        error = open_turn(peer, &recovered);
    }
    if (error != GW_STORE_OK) {
        sim_fail(world, "%s could not open its intact store: %s", peer->name,
                 gw_store_error_name(error));
        return;
    }
    use_up_offers(peer);
    peer->down_known = UINT16_MAX;
    for (size_t i = 0; i < SIM_PLACES; i++)
        peer->down_us[i] = sim_peer_clock(peer);
    gw_tail_recovered(peer->tail, recovered.messages, recovered.bytes);
    sim_check_opened(peer, recovered.messages, recovered.bytes);
    say_serves_and_dials(peer);
    sim_peer_run_soon(peer);
}

/* A store in memory is kept when only its core ended; then the peer is the same to others. If it
 * failed itself, all that it knew is gone. */
static void renew_store(struct sim_peer *peer, bool failed)
{
    if (!sim_peer_is_memory(peer) || failed)
        peer->nonce = sim_draw(sim_lot(peer, SIM_LOT_SECRETS));
    if (!sim_peer_is_memory(peer) || !failed)
        return;
    sim_fault(peer->world, SIM_FAULT_memory_lost);
    sim_peer_lose_disk(peer);
}

/* --- again --- */

bool sim_peer_disk_fails(const struct sim_peer *peer)
{
    return peer->world->now_us < peer->disk_fails_until_us && !sim_peer_is_memory(peer);
}

/* A process that lives does not die of a write under way: it waits for its end. */
static void finish_write(struct sim_peer *peer)
{
    if (!peer->writing)
        return;
    sim_disk_write(&peer->disk, peer->writing, true);
    sim_check_written(peer, peer->writing);
    peer->writing = NULL;
}

static void try_to_open(struct sim_world *world, void *subject, uint64_t ticket, uint64_t unused)
{
    struct sim_peer *peer = subject;

    (void)unused;
    if (!peer->up || peer->turn || peer->reopenings != ticket)
        return;
    if (sim_peer_disk_fails(peer) || peer->paused_until_us > world->now_us) {
        sim_sight(world, SIM_SIGHT_open_failed, 1);
        uint64_t pause_us = sim_between(sim_lot(peer, SIM_LOT_STARTS), RETRY_LEAST_US,
                                        RETRY_MOST_US);
        sim_world_after(world, pause_us, try_to_open, peer, ticket, 0);
        return;
    }
    sim_check_in_doubt(peer);
    if (world->hooks)
        world->hooks->reopening(peer);
    gw_tail_failed(peer->tail);
    if (!sim_peer_is_memory(peer))
        sim_check_given_up(peer); /* of a store in memory nothing was promised */
    if (!world->failed)
        sim_turn_begin(peer);
    if (world->hooks && !world->failed)
        world->hooks->turn_begun(peer);
    if (peer->leaving) { /* it was about to go: it goes */
        peer->leaving = false;
        sim_peer_leave(peer);
    }
}

/* What it dialled is dialled anew: nothing that the old turn said may pass for the new one's. */
static void hang_up(struct sim_peer *peer)
{
    for (size_t i = 0; i < peer->dial_count; i++) {
        if (peer->dials[i].conn)
            sim_net_hangup(peer->world, peer, peer->dials[i].conn);
        peer->dials[i].conn = 0;
    }
}

/* As the engine does after a failed commit: the process and those who dialled it stay, the turn
 * goes. */
void sim_peer_reopen(struct sim_peer *peer, bool failed)
{
    sim_trace_effect(peer->world->trace, "reopen");
    finish_write(peer);
    sim_check_handlers_end(peer, false);
    peer->mark_count = 0; /* the handlers live; what they do now is refused as stale */
    sim_turn_drop(peer);
    hang_up(peer);
    sim_check_crashed(peer);
    sim_app_restart(peer);
    renew_store(peer, failed);
    if (peer->world->hooks)
        peer->world->hooks->turn_over(peer);
    try_to_open(peer->world, peer, ++peer->reopenings, 0);
}

static void mend(struct sim_world *world, void *subject, uint64_t life, uint64_t unused)
{
    struct sim_peer *peer = subject;

    (void)unused;
    if (!peer->turn || !peer->broken || peer->life != life)
        return;
    sim_trace_begin(world->trace, world->now_us, peer->label, "its core ended");
    sim_sight(world, SIM_SIGHT_core_ended, 1);
    sim_peer_reopen(peer, false);
}

void sim_peer_break(struct sim_peer *peer)
{
    if (peer->broken)
        return;
    peer->broken = true;
    sim_world_after(peer->world, 0, mend, peer, peer->life, 0);
}
