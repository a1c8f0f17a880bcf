/* SPDX-License-Identifier: MPL-2.0 */

/* The life of a peer: start, crash, reopen, leave; and its clock. */

#include "checker.h"
#include "port.h"
#include "store/row.h"
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SPINS_MAX  2000
#define CLOCK_SPAN (UINT64_C(1) << 40)
#define BIT_SPAN   4096

void sim_peer_init(struct sim_peer *peer, struct sim_world *world, unsigned index,
                   const char *name)
{
    memset(peer, 0, sizeof *peer);
    peer->world = world;
    peer->index = index;
    peer->present = true;
    snprintf(peer->name, sizeof peer->name, "%s", name);
    snprintf(peer->label, sizeof peer->label, "%s", name);
    sim_disk_init(&peer->disk);
    peer->run_at_us = GW_NEVER;
    if (world->options.jitter)
        peer->clock.offset_us = sim_between(sim_lot(peer, SIM_LOT_STARTS), 0, CLOCK_SPAN);
}

void sim_peer_renew(struct sim_peer *peer, struct sim_world *world, unsigned index,
                    const char *name)
{
    struct sim_peer old = *peer;

    sim_peer_clear(peer);
    sim_peer_init(peer, world, index, name);
    peer->process = old.process;
    peer->life = old.life;
    peer->next_conn = old.next_conn;
    peer->run_ticket = old.run_ticket;
    peer->load_ticket = old.load_ticket;
    peer->commits = old.commits;
    peer->app.next_job = old.app.next_job;
    peer->app.next_ticket = old.app.next_ticket;
}

void sim_peer_guest(struct sim_peer *guest, const struct sim_peer *whose)
{
    sim_peer_renew(guest, whose->world, SIM_PEERS_MAX - 1, whose->name);
    snprintf(guest->label, sizeof guest->label, "%s'", whose->name);
    guest->guest = true;
}

bool sim_peer_is_memory(const struct sim_peer *peer)
{
    return peer->world->options.memory >> peer->index & 1;
}

struct gw_policy sim_peer_policy(const struct sim_peer *peer,
                                 const struct gw_destination *destination)
{
    const struct sim_world *world = peer->world;
    struct gw_policy otherwise = {.max_attempts = 20}; /* of the core */

    for (size_t i = 0; i < world->policy_count; i++) {
        if (gw_destination_equal(&world->policies[i].destination, destination))
            return world->policies[i].policy;
    }
    return otherwise;
}

static void drop_turn(struct sim_peer *peer)
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

void sim_peer_clear(struct sim_peer *peer)
{
    if (!peer->present)
        return;
    drop_turn(peer);
    gw_tail_destroy(&peer->tail);
    sim_app_clear(peer);
    sim_disk_clear(&peer->disk);
    free(peer->marks);
    peer->marks = NULL;
    peer->mark_count = peer->mark_capacity = 0;
}

/* --- time --- */

uint64_t sim_peer_clock(const struct sim_peer *peer)
{
    uint64_t now_us = peer->world->now_us;

    if (now_us < peer->clock.stalled_until_us)
        return peer->clock.stalled_at_us;
    return now_us + peer->clock.offset_us;
}

void sim_peer_jump(struct sim_peer *peer, uint64_t by_us)
{
    if (peer->world->now_us < peer->clock.stalled_until_us)
        peer->clock.stalled_at_us += by_us;
    peer->clock.offset_us += by_us;
    sim_peer_run_soon(peer);
}

/* The offset is set at once to what makes the clock go on from where it stood. It may wrap, and so
 * does the sum. */
void sim_peer_stall(struct sim_peer *peer, uint64_t for_us)
{
    uint64_t clock_us = sim_peer_clock(peer);

    peer->clock.stalled_at_us = clock_us;
    peer->clock.stalled_until_us = peer->world->now_us + for_us;
    peer->clock.offset_us = clock_us - peer->clock.stalled_until_us;
}

void sim_peer_pause(struct sim_peer *peer, uint64_t for_us)
{
    uint64_t until_us = peer->world->now_us + for_us;

    if (until_us > peer->paused_until_us)
        peer->paused_until_us = until_us;
}

/* --- the turn runs --- */

static void run(struct sim_world *world, void *subject, uint64_t ticket, uint64_t unused);

static void run_at(struct sim_peer *peer, uint64_t at_us)
{
    if (!peer->turn || peer->run_at_us <= at_us)
        return;
    peer->run_at_us = at_us;
    sim_world_at(peer->world, at_us, run, peer, ++peer->run_ticket, 0);
}

void sim_peer_run_soon(struct sim_peer *peer)
{
    const struct sim_world *world = peer->world;

    run_at(peer, world->now_us +
                     sim_between(sim_lot(peer, SIM_LOT_TURN), 0, world->options.gather_us));
}

/* When, in virtual time, the peer's clock will show the wake. */
static uint64_t virtual_time(const struct sim_peer *peer, uint64_t wake_us)
{
    uint64_t clock_us = sim_peer_clock(peer), now_us = peer->world->now_us;
    uint64_t from_us = now_us < peer->clock.stalled_until_us ? peer->clock.stalled_until_us
                                                             : now_us;

    return wake_us > clock_us ? from_us + (wake_us - clock_us) : now_us;
}

static void run_again(struct sim_peer *peer, uint64_t wake_us)
{
    if (wake_us == GW_NEVER)
        return;
    uint64_t at_us = virtual_time(peer, wake_us);
    peer->spins = at_us > peer->world->now_us ? 0 : peer->spins + 1;
    if (peer->spins > SPINS_MAX)
        sim_fail(peer->world, "the turn of %s wants to run at once, for ever", peer->name);
    run_at(peer, at_us);
}

static void end_leave(struct sim_peer *peer);

static void run(struct sim_world *world, void *subject, uint64_t ticket, uint64_t unused)
{
    struct sim_peer *peer = subject;
    int error = 0;

    (void)unused;
    if (!peer->turn || ticket != peer->run_ticket)
        return;
    if (peer->paused_until_us > world->now_us) {
        sim_world_at(world, peer->paused_until_us, run, peer, ticket, 0);
        return;
    }
    peer->run_at_us = GW_NEVER;
    sim_peer_submit(peer);
    sim_trace_begin(world->trace, world->now_us, peer->label, "run");
    sim_trace_if_any(world->trace);
    uint64_t wake_us = gw_turn_run(peer->turn, sim_peer_clock(peer), &error);
    if (error)
        sim_fail(world, "the turn of %s ended with error %d", peer->name, error);
    if (world->failed)
        return;
    sim_check_step(peer);
    if (peer->leaving && !gw_turn_busy(peer->turn))
        end_leave(peer);
    else
        run_again(peer, wake_us);
}

void sim_peer_submit(struct sim_peer *peer)
{
    struct gw_destination destination;
    struct gw_batch *batch;

    while ((batch = gw_tail_take(peer->tail, &destination))) {
        sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label,
                        "submit %s e%" PRIu64 " %" PRIu64 "..%" PRIu64, destination.name,
                        sim_trace_epoch(peer->world->trace, batch->epoch), batch->first,
                        gw_batch_last(batch));
        sim_peer_submitted(peer, batch);
        sim_port_after(peer, gw_turn_batch(peer->turn, sim_peer_clock(peer), &destination, batch));
    }
}

void sim_peer_submitted(struct sim_peer *peer, const struct gw_batch *batch)
{
    struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, batch->epoch);

    if (book && book->submitted < gw_batch_last(batch))
        book->submitted = gw_batch_last(batch);
}

/* --- start --- */

static struct gw_turn_options turn_options(struct sim_peer *peer)
{
    const struct sim_options *options = &peer->world->options;
    struct gw_turn_options turn = {
        .core = {.max_message = options->max_message,
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
    if (kind == GW_ROW_KEY || kind == GW_ROW_BATCH || kind == GW_ROW_OUTCOME)
        return; /* these are read, and checked, when they are wanted */
    size_t key_size = disk->rows[row].key->size;
    size_t bit = sim_between(&lot, 0, BIT_SPAN);
    if (!sim_inject(world, occasion, NULL))
        return;
    sim_disk_damage(disk, row, bit);
    enum gw_store_error error = open_turn(peer, &recovered);
    if (error == GW_STORE_OK) {
        sim_fail(world, "%s took a damaged row (kind %c, key of %zu bytes) for good", peer->name,
                 disk->rows[row].key->data[0], key_size);
        return;
    }
    sim_sight(world, SIM_SIGHT_damage_refused, 1);
    sim_disk_damage(disk, row, bit);
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

static void begin_turn(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    struct gw_recovered recovered = {0};

    write_marks(peer);
    try_damaged(peer);
    if (world->failed)
        return;
    peer->life++;
    peer->committed = 0;
    peer->several_epochs = false;
    enum gw_store_error error = open_turn(peer, &recovered);
    if (error == GW_STORE_OK &&
        sim_inject(world, sim_occasion_of(SIM_FAULT_crash_in_recovery, peer, peer->life), NULL)) {
        drop_turn(peer);
        error = open_turn(peer, &recovered);
    }
    if (error != GW_STORE_OK) {
        sim_fail(world, "%s could not open its intact store: %s", peer->name,
                 gw_store_error_name(error));
        return;
    }
    peer->down_known = UINT16_MAX;
    for (size_t i = 0; i < SIM_PLACES; i++)
        peer->down_us[i] = sim_peer_clock(peer);
    gw_tail_recovered(peer->tail, recovered.messages, recovered.bytes);
    sim_check_opened(peer, recovered.messages, recovered.bytes);
    say_serves_and_dials(peer);
    sim_peer_run_soon(peer);
}

static void start(struct sim_world *world, void *subject, uint64_t process, uint64_t unused)
{
    struct sim_peer *peer = subject;

    (void)world;
    (void)unused;
    if (!peer->up && peer->process == process)
        sim_peer_start(peer);
}

void sim_peer_start_later(struct sim_peer *peer, uint64_t pause_us)
{
    sim_world_after(peer->world, pause_us, start, peer, peer->process, 0);
}

void sim_peer_start(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    struct gw_tail_options options = {
        .outbox_max_messages = world->options.outbox_messages,
        .max_message = world->options.max_message,
        .seed = sim_draw(sim_lot(peer, SIM_LOT_SECRETS)),
    };

    if (peer->up)
        return;
    peer->process++;
    peer->nonce = sim_draw(sim_lot(peer, SIM_LOT_SECRETS));
    peer->up = true;
    peer->leaving = false;
    peer->paused_until_us = 0;
    peer->tail = gw_tail_new(&options);
    if (!peer->tail)
        abort();
    sim_trace_begin(world->trace, world->now_us, peer->label, "start");
    sim_app_restart(peer);
    begin_turn(peer);
    if (!world->failed)
        sim_app_start(peer);
}

/* --- end --- */

/* What becomes of the write in flight when the process dies. */
static void end_write(struct sim_peer *peer, enum sim_death death)
{
    struct sim_world *world = peer->world;
    struct sim_lot write = sim_lot_at(peer, SIM_LOT_WRITE, peer->commits);
    uint64_t lot = sim_between(&write, 0, death == SIM_POWER_LOST ? 2 : 1);

    if (!peer->writing)
        return;
    sim_sight(world, SIM_SIGHT_crash_in_commit, 1);
    if (lot == 0) {
        sim_fault(world, SIM_FAULT_write_kept);
        sim_trace_effect(world->trace, "the write in flight is kept");
        sim_disk_write(&peer->disk, peer->writing, true);
        sim_check_written(peer, peer->writing);
    } else {
        /* A torn record is found by its checksum and dropped: to the store's reader it is lost. */
        sim_fault(world, lot == 1 ? SIM_FAULT_write_lost : SIM_FAULT_write_torn);
        sim_trace_effect(world->trace, "the write in flight is lost");
    }
}

static void end_process(struct sim_peer *peer, enum sim_end end)
{
    struct sim_world *world = peer->world;

    sim_check_handlers_end(peer, end != SIM_END_FLUSHED);
    if (end == SIM_END_FLUSHED || sim_peer_is_memory(peer))
        peer->mark_count = 0; /* a clean end kills no handler */
    drop_turn(peer);
    gw_tail_destroy(&peer->tail);
    sim_net_process_gone(world, peer, end);
    for (size_t i = 0; i < peer->dial_count; i++)
        peer->dials[i].conn = 0;
    peer->up = false;
    sim_check_crashed(peer);
    sim_app_restart(peer);
    if (sim_peer_is_memory(peer)) {
        sim_fault(world, SIM_FAULT_memory_lost);
        sim_peer_lose_disk(peer);
    }
}

/* A mapped file survives its process; of what was not written back, a power cut leaves some. */
static void lose_marks(struct sim_peer *peer)
{
    struct sim_lot lot = sim_lot_at(peer, SIM_LOT_WRITE, peer->commits);

    for (size_t i = peer->mark_count; i-- > 0;) {
        if (sim_chance(&lot, 500000))
            peer->marks[i] = peer->marks[--peer->mark_count];
    }
}

void sim_peer_crash(struct sim_peer *peer, enum sim_death death)
{
    struct sim_world *world = peer->world;

    if (!peer->up)
        return;
    sim_trace_begin(world->trace, world->now_us, peer->label, "%s",
                    death == SIM_POWER_LOST ? "power lost" : "killed");
    end_write(peer, death);
    if (death == SIM_POWER_LOST) {
        sim_disk_power_lost(&peer->disk, 0);
        lose_marks(peer);
    }
    end_process(peer, death == SIM_POWER_LOST ? SIM_END_VANISHED : SIM_END_CUT);
}

void sim_peer_leave(struct sim_peer *peer)
{
    if (!peer->up || peer->leaving)
        return;
    peer->leaving = true;
    sim_peer_submit(peer);
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label, "close");
    sim_port_after(peer, gw_turn_close(peer->turn, sim_peer_clock(peer)));
}

static void end_leave(struct sim_peer *peer)
{
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label, "closed");
    end_process(peer, SIM_END_FLUSHED);
    if (!peer->guest && !peer->visitor && !peer->world->options.scripted)
        sim_peer_start_later(peer, sim_between(sim_lot(peer, SIM_LOT_STARTS), 0, 2000000));
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

/* As the engine does after a failed commit: the process and its connections stay, the turn goes. */
void sim_peer_reopen(struct sim_peer *peer, bool failed)
{
    sim_trace_effect(peer->world->trace, "reopen");
    sim_check_handlers_end(peer, false);
    peer->mark_count = 0; /* the handlers live; what they do now is refused as stale */
    drop_turn(peer);
    sim_check_crashed(peer);
    sim_app_restart(peer);
    renew_store(peer, failed);
    sim_check_in_doubt(peer);
    gw_tail_failed(peer->tail);
    if (!sim_peer_is_memory(peer))
        sim_check_given_up(peer); /* of a store in memory nothing was promised */
    if (!peer->world->failed)
        begin_turn(peer);
    if (peer->leaving) { /* it was about to go: it goes */
        peer->leaving = false;
        sim_peer_leave(peer);
    }
}

void sim_peer_lose_disk(struct sim_peer *peer)
{
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label, "disk lost");
    sim_disk_clear(&peer->disk);
    peer->mark_count = 0;
    sim_check_disk_lost(peer);
}
