/* SPDX-License-Identifier: MPL-2.0 */

/* The life of a peer: its turn runs; it starts, crashes, leaves. open.c opens its store. */

#include "checker.h"
#include "port.h"
#include "world.h"

#include "base/crc32c.h"
#include "base/random.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SPINS_MAX     2000
#define LAZY_US       300000 /* that a turn may run later than it should, at most */
#define LOOP_UP_US    30000  /* between a start and the next crash of a loop, at most */
#define LOOP_DOWN_US  5000
#define OPEN_LEAST_US 50000  /* until a process whose store did not open is started again */
#define OPEN_MOST_US  500000

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
    sim_clock_init(peer);
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
    peer->rounds = old.rounds;
    peer->reopenings = old.reopenings;
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

uint64_t sim_peer_max_message(const struct sim_peer *peer)
{
    const struct sim_options *options = &peer->world->options;

    return options->common >> peer->index & 1 ? GW_MESSAGE_COMMON : options->max_message;
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

void sim_peer_clear(struct sim_peer *peer)
{
    if (!peer->present)
        return;
    sim_turn_drop(peer);
    gw_tail_destroy(&peer->tail);
    sim_app_clear(peer);
    sim_disk_clear(&peer->disk);
    sim_disk_clear(&peer->older);
    free(peer->marks);
    peer->marks = NULL;
    peer->mark_count = peer->mark_capacity = 0;
}

void sim_peer_pause(struct sim_peer *peer, uint64_t for_us)
{
    uint64_t until_us = peer->world->now_us + for_us;

    if (until_us > peer->paused_until_us)
        peer->paused_until_us = until_us;
}

void sim_peer_be_late(struct sim_peer *peer, uint64_t for_us)
{
    peer->late_until_us = peer->world->now_us + for_us;
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

static void run_again(struct sim_peer *peer, uint64_t wake_us)
{
    if (wake_us == GW_NEVER)
        return;
    uint64_t at_us = sim_clock_when(peer, wake_us);
    peer->spins = at_us > peer->world->now_us ? 0 : peer->spins + 1;
    if (peer->spins > SPINS_MAX)
        sim_fail(peer->world, "the turn of %s wants to run at once, for ever", peer->name);
    run_at(peer, at_us);
}

static void end_leave(struct sim_peer *peer);
static bool submit_one(struct sim_peer *peer);

/* Until when it has to wait; 0: not at all. */
static uint64_t held_up(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    struct sim_lot lot;

    if (peer->paused_until_us > world->now_us || peer->late_until_us > world->now_us)
        return peer->paused_until_us > peer->late_until_us ? peer->paused_until_us
                                                           : peer->late_until_us;
    if (!sim_inject(world, sim_occasion_of(SIM_FAULT_turn_lazy, peer, ++peer->rounds), &lot))
        return 0;
    return world->now_us + sim_between(&lot, 1, LAZY_US);
}

/* What was sent goes to the turn: all of it, or less for once. */
static void collect(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;

    if (world->hooks) {
        world->hooks->submit(peer);
        return;
    }
    while (submit_one(peer)) {
        if (!sim_inject(world, sim_occasion_of(SIM_FAULT_collect_short, peer, peer->rounds), NULL))
            continue;
        sim_peer_run_soon(peer);
        return;
    }
}

static void run(struct sim_world *world, void *subject, uint64_t ticket, uint64_t unused)
{
    struct sim_peer *peer = subject;
    uint64_t wait_us;
    int error = 0;

    (void)unused;
    if (!peer->turn || ticket != peer->run_ticket)
        return;
    if ((wait_us = held_up(peer))) {
        sim_world_at(world, wait_us, run, peer, ticket, 0);
        return;
    }
    peer->run_at_us = GW_NEVER;
    collect(peer);
    sim_trace_begin(world->trace, world->now_us, peer->label, "run");
    sim_trace_if_any(world->trace);
    uint64_t wake_us = gw_turn_run(peer->turn, sim_peer_clock(peer), &error);
    if (!sim_port_went_well(peer, error))
        return;
    sim_check_step(peer);
    if (peer->leaving && !gw_turn_busy(peer->turn)) {
        end_leave(peer);
        return;
    }
    if (sim_inject(world, sim_occasion_of(SIM_FAULT_run_spurious, peer, peer->rounds), NULL))
        sim_peer_run_soon(peer);
    run_again(peer, wake_us);
}

static bool submit_one(struct sim_peer *peer)
{
    struct gw_destination destination;
    struct gw_batch *batch = gw_tail_take(peer->tail, &destination);

    if (batch)
        sim_peer_submit_batch(peer, &destination, batch);
    return batch != NULL;
}

void sim_peer_submit(struct sim_peer *peer)
{
    if (peer->world->hooks)
        peer->world->hooks->submit(peer);
    while (!peer->world->hooks && submit_one(peer))
        continue;
}

void sim_peer_submit_batch(struct sim_peer *peer, const struct gw_destination *destination,
                           struct gw_batch *batch)
{
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label,
                    "submit %s e%" PRIu64 " %" PRIu64 "..%" PRIu64, destination->name,
                    sim_trace_epoch(peer->world->trace, batch->epoch), batch->first,
                    gw_batch_last(batch));
    sim_peer_submitted(peer, batch);
    sim_port_after(peer, gw_turn_batch(peer->turn, sim_peer_clock(peer), destination, batch));
}

void sim_peer_submitted(struct sim_peer *peer, const struct gw_batch *batch)
{
    struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, batch->epoch);

    if (book && book->submitted < gw_batch_last(batch))
        book->submitted = gw_batch_last(batch);
}

/* --- start --- */

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

/* A process whose store does not open ends, and somebody starts it again. */
static bool cannot_open(struct sim_peer *peer)
{
    if (!sim_peer_disk_fails(peer))
        return false;
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label,
                    "cannot open its store");
    sim_sight(peer->world, SIM_SIGHT_open_failed, 1);
    sim_peer_start_later(peer, sim_between(sim_lot(peer, SIM_LOT_STARTS), OPEN_LEAST_US,
                                           OPEN_MOST_US));
    return true;
}

static void crash_again(struct sim_world *world, void *subject, uint64_t process, uint64_t unused)
{
    struct sim_peer *peer = subject;

    (void)unused;
    if (!peer->up || peer->process != process || world->calm)
        return;
    peer->loops--;
    sim_peer_crash(peer, SIM_KILLED);
    sim_peer_start_later(peer, sim_between(sim_lot(peer, SIM_LOT_STARTS), 0, LOOP_DOWN_US));
}

static void crash_soon(struct sim_peer *peer)
{
    uint64_t pause_us = sim_between(sim_lot(peer, SIM_LOT_STARTS), 0, LOOP_UP_US);

    sim_world_after(peer->world, pause_us, crash_again, peer, peer->process, 0);
}

void sim_peer_crash_loop(struct sim_peer *peer, unsigned times)
{
    peer->loops = times;
    crash_soon(peer);
}

void sim_peer_start(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    struct gw_tail_options options = {
        .outbox_max_messages = world->options.outbox_messages,
        .max_message = sim_peer_max_message(peer),
        .seed = sim_draw(sim_lot(peer, SIM_LOT_SECRETS)),
    };

    if (peer->up || cannot_open(peer))
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
    sim_turn_begin(peer);
    if (!world->failed)
        sim_app_start(peer);
    if (peer->loops)
        crash_soon(peer);
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
    if (world->hooks)
        world->hooks->ended(peer);
    if (end == SIM_END_FLUSHED || sim_peer_is_memory(peer))
        peer->mark_count = 0; /* a clean end kills no handler */
    sim_turn_drop(peer);
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
        sim_clock_anew(peer);
    }
    end_process(peer, death == SIM_POWER_LOST ? SIM_END_VANISHED : SIM_END_CUT);
}

void sim_peer_leave(struct sim_peer *peer)
{
    if (!peer->up || !peer->turn || peer->leaving)
        return;
    peer->leaving = true;
    if (peer->world->hooks)
        peer->world->hooks->leaving(peer);
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

void sim_peer_lose_disk(struct sim_peer *peer)
{
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label, "disk lost");
    sim_disk_clear(&peer->disk);
    sim_disk_clear(&peer->older);
    peer->mark_count = 0;
    sim_check_disk_lost(peer);
}

/* Each batch draws for itself. */
void sim_peer_lose_bodies(struct sim_peer *peer, struct sim_lot *lot)
{
    uint64_t lots = sim_draw(lot);
    size_t lost = 0;

    for (size_t i = 0; i < peer->disk.count; i++) {
        struct gw_slice key = sim_slice(peer->disk.rows[i].key);
        uint64_t drawn = gw_mix64(lots ^ gw_crc32c(0, key.data, key.size));
        if (!sim_disk_decide_body(&peer->disk, i, drawn & 1))
            continue;
        sim_check_body_lost(peer, &peer->disk.rows[i]);
        lost++;
    }
    sim_trace_effect(peer->world->trace, "%zu bodies lost", lost);
}

bool sim_may_roll_back(const struct sim_peer *peer)
{
    const struct sim_options *options = &peer->world->options;
    uint32_t sends = options->senders | options->clients | options->servers |
                     (options->sinks ? options->workers : 0);

    return options->flavour == SIM_AMNESIA && options->sync && !(sends >> peer->index & 1) &&
           !peer->guest && !sim_peer_is_memory(peer);
}

void sim_peer_roll_back(struct sim_peer *peer)
{
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label,
                    "the disk is what it was some time ago");
    sim_check_rolls_back(peer);
    sim_disk_clear(&peer->disk);
    peer->disk = peer->older;
    sim_disk_init(&peer->older);
    peer->mark_count = 0;
    sim_check_rolled_back(peer);
}

void sim_peer_heal(struct sim_peer *peer)
{
    sim_clock_heal(peer);
    peer->disk_fails_until_us = 0;
    peer->loops = 0;
    if (peer->late_until_us <= peer->world->now_us)
        return;
    peer->late_until_us = 0;
    peer->run_at_us = GW_NEVER;
    sim_peer_run_soon(peer);
}
