/* SPDX-License-Identifier: MPL-2.0 */

/* The port of port.h: everything that leaves a turn passes here, so the checker looks here first.
 * */

#include "port.h"

#include "checker.h"
#include "core/state.h"
#include "rows.h"
#include "store/row.h"
#include "world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* How long a slow write takes: mostly seconds, sometimes up to half a minute; one that hangs, up to
 * two minutes. */
#define SLOW_US        6000000
#define VERY_SLOW_US   30000000
#define VERY_SLOW      200000
#define HANGS_LEAST_US 30000000
#define HANGS_MOST_US  120000000
#define LOAD_SLOW_US   3000000

/* --- frames --- */

static int port_send(void *context, uint64_t conn, struct gw_slice header, struct gw_blob *blob,
                     struct gw_slice body)
{
    struct sim_peer *peer = context;
    struct sim_world *world = peer->world;
    struct sim_peer *other = sim_net_other_end(world, peer, conn);
    struct gw_frame frame;

    if (!sim_decode(world, header, &frame)) {
        sim_fail(world, "%s sent a frame that cannot be decoded", peer->name);
        return 0;
    }
    if (world->trace->on) {
        char text[400];
        sim_trace_frame(world->trace, &frame, text, sizeof text);
        sim_trace_effect(world->trace, "send %s %s", other ? other->label : "nobody", text);
    }
    sim_check_send(peer, conn, &frame, body);
    return sim_net_send(world, peer, conn,
                        &(struct sim_sent){header, body, blob != NULL, frame.type});
}

static void port_hangup(void *context, uint64_t conn)
{
    struct sim_peer *peer = context;

    sim_trace_effect(peer->world->trace, "hang up");
    sim_net_hangup(peer->world, peer, conn);
}

/* --- the disk --- */

static void failed(struct sim_peer *peer, bool applied);

static bool fails(struct sim_peer *peer, bool *applied)
{
    struct sim_world *world = peer->world;
    struct sim_lot lot;

    if (sim_peer_disk_fails(peer)) {
        lot = sim_lot_at(peer, SIM_LOT_WRITE, peer->commits);
        *applied = peer->disk_forgets && sim_chance(&lot, 500000);
        return true;
    }
    if (peer->fail_next) {
        *applied = peer->fail_next == 2;
        peer->fail_next = 0;
        sim_fault(world, SIM_FAULT_commit_failed);
        return true;
    }
    if (!sim_inject(world, sim_occasion_of(SIM_FAULT_commit_failed, peer, peer->commits), &lot))
        return false;
    *applied = sim_chance(&lot, 500000);
    return true;
}

/* The moment from which on a disk that lies keeps nothing more. */
static void remember_older(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;

    if (sim_may_roll_back(peer) && !peer->older.count &&
        sim_inject(world, sim_occasion_of(SIM_FAULT_disk_lies, peer, peer->commits), NULL))
        sim_disk_copy(&peer->older, &peer->disk);
}

static void commit_done(struct sim_world *world, void *subject, uint64_t life, uint64_t unused)
{
    struct sim_peer *peer = subject;
    bool applied = true;

    (void)unused;
    if (!peer->up || peer->life != life || !peer->turn)
        return;
    if (peer->paused_until_us > world->now_us) {
        sim_world_at(world, peer->paused_until_us, commit_done, peer, life, 0);
        return;
    }
    bool failing = fails(peer, &applied);
    if (applied) {
        sim_disk_write(&peer->disk, peer->writing, true);
        sim_check_written(peer, peer->writing);
    }
    sim_trace_begin(world->trace, world->now_us, peer->label, "%s",
                    !failing  ? "committed"
                    : applied ? "commit failed, yet it is stored"
                              : "commit failed, nothing is stored");
    if (world->failed)
        return;
    if (failing) {
        failed(peer, applied);
        return;
    }
    peer->writing = NULL;
    peer->committed++;
    remember_older(peer);
    sim_port_after(peer, gw_turn_committed(peer->turn, sim_peer_clock(peer), GW_STORE_OK));
    sim_check_quota(peer);
}

static void failed(struct sim_peer *peer, bool applied)
{
    struct sim_world *world = peer->world;

    sim_sight(world, applied ? SIM_SIGHT_in_doubt_stored : SIM_SIGHT_in_doubt_not_stored, 1);
    gw_turn_committed(peer->turn, sim_peer_clock(peer), GW_STORE_IO);
    peer->writing = NULL;
    sim_peer_reopen(peer, true);
}

static void port_commit(void *context, struct gw_write *write, bool sync)
{
    struct sim_peer *peer = context;
    struct sim_world *world = peer->world;
    uint64_t pause_us = sim_between(sim_lot(peer, SIM_LOT_DISK), world->options.commit_min_us,
                                    world->options.commit_max_us);
    struct sim_lot lot;

    if (peer->writing)
        sim_fail(world, "%s began a write while another is in flight", peer->name);
    if (sync != world->options.sync)
        sim_fail(world, "%s made a write that is not synced as its durability asks", peer->name);
    if (world->trace->on) {
        char text[500];
        sim_describe_write(peer, write, text, sizeof text);
        sim_trace_effect(world->trace, "commit %s", text);
    }
    peer->commits++;
    if (sim_inject(world, sim_occasion_of(SIM_FAULT_commit_slow, peer, peer->commits), &lot))
        pause_us = sim_chance(&lot, VERY_SLOW) ? sim_between(&lot, SLOW_US, VERY_SLOW_US)
                                               : sim_between(&lot, SLOW_US / 10, SLOW_US);
    if (sim_inject(world, sim_occasion_of(SIM_FAULT_commit_hung, peer, peer->commits), &lot))
        pause_us = sim_between(&lot, HANGS_LEAST_US, HANGS_MOST_US);
    if (world->stuck_until_us < world->now_us + pause_us)
        world->stuck_until_us = world->now_us + pause_us;
    peer->writing = write;
    sim_world_after(world, pause_us, commit_done, peer, peer->life, 0);
}

/* Another row's value stands where the first batch should: it is not to be taken for that. False:
 * there is nothing to mistake it for. */
static bool misread(struct sim_peer *peer, const struct sim_load *load, uint64_t ticket)
{
    struct sim_world *world = peer->world;
    struct sim_disk *disk = &peer->disk;
    size_t at = sim_rows_seek(peer, GW_ROW_BATCH, load->epoch, load->from);
    struct gw_batch **batches = NULL;
    struct sim_lot lot;
    size_t count = 0;

    if (disk->count < 2 || sim_peer_is_memory(peer) ||
        !sim_rows_is_batch(peer, at, load->epoch) ||
        !sim_inject(world, sim_occasion_of(SIM_FAULT_row_misread, peer, ticket), &lot))
        return false;
    size_t other = sim_between(&lot, 0, disk->count - 2);
    other += other >= at;
    sim_disk_swap(disk, at, other);
    enum gw_store_error error = gw_turn_load_from(peer->store, load->epoch, load->from,
                                                  load->max_messages, load->max_bytes, &batches,
                                                  &count);
    sim_disk_swap(disk, at, other);
    for (size_t i = 0; i < count; i++)
        gw_batch_drop(batches[i]);
    free(batches);
    if (error != GW_STORE_CORRUPT)
        sim_fail(world, "%s took another row's value for a batch", peer->name);
    sim_trace_begin(world->trace, world->now_us, peer->label, "read a damaged batch");
    sim_sight(world, SIM_SIGHT_misread_refused, 1);
    return true;
}

static void load_done(struct sim_world *world, void *subject, uint64_t place, uint64_t ticket)
{
    struct sim_peer *peer = subject;
    struct sim_load load = peer->loads[place];
    struct gw_batch **batches = NULL;
    size_t count = 0;

    if (load.ticket != ticket || !peer->turn)
        return;
    if (peer->paused_until_us > world->now_us) {
        sim_world_at(world, peer->paused_until_us, load_done, peer, place, ticket);
        return;
    }
    peer->loads[place].ticket = 0;
    if (misread(peer, &load, ticket)) {
        if (!world->failed)
            sim_peer_reopen(peer, true);
        return;
    }
    if (sim_inject(world, sim_occasion_of(SIM_FAULT_load_short, peer, ticket), NULL))
        load.max_messages = 1;
    enum gw_store_error error = gw_turn_load_from(peer->store, load.epoch, load.from,
                                                  load.max_messages, load.max_bytes, &batches,
                                                  &count);
    sim_trace_begin(world->trace, world->now_us, peer->label, "loaded %zu batches", count);
    if (error != GW_STORE_OK)
        sim_fail(world, "%s could not load from an intact store: %s", peer->name,
                 gw_store_error_name(error));
    sim_port_after(peer, gw_turn_loaded(peer->turn, sim_peer_clock(peer), load.epoch, batches,
                                        count));
    free(batches);
}

static void port_load(void *context, uint64_t epoch, uint64_t from, uint64_t max_messages,
                      uint64_t max_bytes)
{
    struct sim_peer *peer = context;
    struct sim_world *world = peer->world;
    size_t place = SIM_LOADS_MAX;

    for (size_t i = SIM_LOADS_MAX; i-- > 0;) {
        if (!peer->loads[i].ticket)
            place = i;
        else if (peer->loads[i].epoch == epoch)
            sim_fail(world, "%s asks for two reads of one epoch at a time", peer->name);
    }
    if (place == SIM_LOADS_MAX) {
        sim_fail(world, "%s asks for too many reads at a time", peer->name);
        return;
    }
    peer->loads[place] =
        (struct sim_load){epoch, from, max_messages, max_bytes, ++peer->load_ticket};
    sim_trace_effect(world->trace, "load e%" PRIu64 " from %" PRIu64,
                     sim_trace_epoch(world->trace, epoch), from);
    uint64_t pause_us = sim_between(sim_lot(peer, SIM_LOT_DISK), 0, world->options.load_us);
    struct sim_lot lot;
    if (sim_inject(world, sim_occasion_of(SIM_FAULT_load_slow, peer, peer->load_ticket), &lot))
        pause_us = sim_between(&lot, 0, LOAD_SLOW_US);
    sim_world_after(world, pause_us, load_done, peer, place, peer->load_ticket);
}

/* --- the application --- */

static void say_delivery(struct sim_world *world, const struct gw_inbound *inbound,
                         const struct gw_range *piece)
{
    char attempt[32] = "";

    if (inbound->attempt > 1)
        snprintf(attempt, sizeof attempt, " attempt %" PRIu64, inbound->attempt);
    sim_trace_effect(world->trace, "deliver e%" PRIu64 " %" PRIu64 "..%" PRIu64 "%s%s%s",
                     sim_trace_epoch(world->trace, inbound->epoch), piece->first, piece->last,
                     inbound->redelivered ? " again" : "", attempt,
                     inbound->maybe_duplicate ? " maybe duplicate" : "");
}

static void port_deliver(void *context, struct gw_inbound *inbound)
{
    struct sim_peer *peer = context;

    for (size_t i = 0; peer->world->trace->on && i < inbound->piece_count; i++)
        say_delivery(peer->world, inbound, &inbound->pieces[i]);
    sim_check_delivery(peer, inbound);
    if (!peer->world->failed)
        sim_app_deliver(peer, inbound);
    if (peer->world->hooks && !peer->world->failed)
        peer->world->hooks->deliver(peer, inbound);
    else
        gw_inbound_destroy(&inbound);
}

static void tell_progress(struct sim_peer *peer)
{
    if (peer->world->hooks)
        peer->world->hooks->progress(peer);
}

static void port_stored(void *context, uint64_t epoch, uint64_t upto)
{
    struct sim_peer *peer = context;

    sim_trace_effect(peer->world->trace, "stored e%" PRIu64 " up to %" PRIu64,
                     sim_trace_epoch(peer->world->trace, epoch), upto);
    sim_check_stored(peer, epoch, upto);
    gw_tail_stored(peer->tail, epoch, upto);
    tell_progress(peer);
}

static void port_settled(void *context, uint64_t epoch, uint64_t first, uint64_t last,
                         enum gw_outcome how)
{
    static const char *const ends[] = {"", "", " dead", " withdrawn", " abandoned"};
    struct sim_peer *peer = context;

    sim_trace_effect(peer->world->trace, "settled e%" PRIu64 " %" PRIu64 "..%" PRIu64 "%s",
                     sim_trace_epoch(peer->world->trace, epoch), first, last, ends[how]);
    sim_check_settled(peer, epoch, first, last, how);
    if (gw_tail_settled(peer->tail, epoch, first, last, how))
        abort();
    tell_progress(peer);
    if (peer->world->hooks && how != GW_OUTCOME_PROCESSED)
        peer->world->hooks->ended_messages(peer, epoch, first, last);
}

static void port_buried(void *context, uint64_t epoch, uint64_t sequence, uint64_t bytes)
{
    struct sim_peer *peer = context;
    const struct sim_message *message =
        sim_ledger_message(&peer->world->ledger, epoch, sequence);
    struct gw_row row;

    sim_trace_effect(peer->world->trace, "buried e%" PRIu64 " %" PRIu64,
                     sim_trace_epoch(peer->world->trace, epoch), sequence);
    if (!message || message->size != bytes ||
        !sim_rows_one(peer, GW_ROW_DEAD, epoch, sequence, &row))
        sim_fail(peer->world, "%s reports a dead letter that is not stored", peer->name);
}

static void port_outcomes(void *context, uint64_t number)
{
    struct sim_peer *peer = context;
    struct gw_row row;
    size_t at = sim_rows_seek(peer, GW_ROW_OUTCOME, 0, 0);
    uint64_t last = 0;

    sim_trace_effect(peer->world->trace, "outcomes up to %" PRIu64, number);
    while (sim_rows_next(peer, &at, GW_ROW_OUTCOME, 0, &row))
        last = row.number;
    if (last != number)
        sim_fail(peer->world, "%s reports outcomes up to %" PRIu64 ", stored are %" PRIu64,
                 peer->name, number, last);
}

static void port_recall(void *context, const struct gw_recall *recall)
{
    struct sim_peer *peer = context;

    for (size_t i = 0; peer->world->trace->on && i < recall->count; i++)
        sim_trace_effect(peer->world->trace, "recall e%" PRIu64 " %" PRIu64 "..%" PRIu64 "%s",
                         sim_trace_epoch(peer->world->trace, recall->epoch),
                         recall->ranges[i].first, recall->ranges[i].last,
                         recall->purpose == GW_SKIP_WITHDRAW ? " for good" : "");
    sim_app_recall(peer, recall);
}

/* The answer comes in an event of its own: the port does not call back into the turn. */
static void retire(struct sim_world *world, void *subject, uint64_t life, uint64_t epoch)
{
    struct sim_peer *peer = subject;

    if (!peer->turn || peer->life != life)
        return;
    sim_trace_begin(world->trace, world->now_us, peer->label, "retire e%" PRIu64,
                    sim_trace_epoch(world->trace, epoch));
    sim_peer_retire(peer, epoch);
}

static void port_idle(void *context, uint64_t epoch)
{
    struct sim_peer *peer = context;

    sim_trace_effect(peer->world->trace, "idle e%" PRIu64,
                     sim_trace_epoch(peer->world->trace, epoch));
    sim_world_after(peer->world, 0, retire, peer, peer->life, epoch);
}

static uint64_t port_wall_ms(void *context)
{
    struct sim_peer *peer = context;

    return sim_clock_wall_ms(peer);
}

static void port_released(void *context, const struct gw_destination *destination,
                          uint64_t messages, uint64_t bytes)
{
    struct sim_peer *peer = context;

    gw_tail_released(peer->tail, destination, messages, bytes);
    tell_progress(peer);
}

static void port_transaction(void *context, uint64_t token)
{
    struct sim_peer *peer = context;

    sim_trace_effect(peer->world->trace, "transaction %" PRIu64, token);
    sim_app_transaction(peer, token);
    if (peer->world->hooks)
        peer->world->hooks->transaction(peer, token, false);
}

static void port_stale(void *context, uint64_t token)
{
    struct sim_peer *peer = context;

    sim_trace_effect(peer->world->trace, "transaction %" PRIu64 " is stale", token);
    sim_app_stale(peer, token);
    if (peer->world->hooks)
        peer->world->hooks->transaction(peer, token, true);
}

static void port_members(void *context, const struct gw_destination *destination, size_t count)
{
    struct sim_peer *peer = context;

    sim_trace_effect(peer->world->trace, "%s has %zu member%s", destination->name, count,
                     count == 1 ? "" : "s");
    if (peer->world->hooks)
        peer->world->hooks->members(peer, destination, count);
}

static void port_note(void *context, uint8_t note, const char *name, uint64_t a, uint64_t b)
{
    struct sim_peer *peer = context;
    struct sim_world *world = peer->world;

    (void)b;
    if (note == GW_NOTE_LINK_DOWN)
        sim_trace_effect(world->trace, "link to %s down: %s", name, sim_trace_down(a));
    else if (note == GW_NOTE_REFUSED || note == GW_NOTE_REFUSING)
        sim_trace_effect(world->trace, "%s %s: %s", sim_trace_note(note), name,
                         gw_refusal_name(a));
    else
        sim_trace_effect(world->trace, "%s %s", sim_trace_note(note), name);
    sim_check_note(peer, note, name, a);
    if (note == GW_NOTE_LINK_UP && peer->guest)
        world->guest_linked = true;
    if (note == GW_NOTE_QUARANTINE) {
        world->quarantined = true;
        sim_sight(world, SIM_SIGHT_quarantine, 1);
    }
    if (note == GW_NOTE_REFUSING && a == GW_REFUSE_IDENTITY)
        sim_sight(world, SIM_SIGHT_newcomer_refused, 1);
    if (note == GW_NOTE_REFUSING && a == GW_REFUSE_VERSION)
        sim_sight(world, SIM_SIGHT_version_refused, 1);
    if (note == GW_NOTE_REFUSING && a == GW_REFUSE_SELF)
        sim_sight(world, SIM_SIGHT_self_refused, 1);
}

static uint64_t port_entropy(void *context)
{
    struct sim_peer *peer = context;

    return sim_draw(sim_lot(peer, SIM_LOT_SECRETS));
}

const struct gw_turn_port sim_port = {
    .send = port_send,
    .hangup = port_hangup,
    .commit = port_commit,
    .load = port_load,
    .deliver = port_deliver,
    .stored = port_stored,
    .settled = port_settled,
    .released = port_released,
    .buried = port_buried,
    .outcomes = port_outcomes,
    .recall = port_recall,
    .idle = port_idle,
    .wall_ms = port_wall_ms,
    .transaction = port_transaction,
    .stale = port_stale,
    .members = port_members,
    .note = port_note,
    .entropy = port_entropy,
};

/* Out of memory, or out of numbers, a turn ends; nothing else may end it. */
bool sim_port_went_well(struct sim_peer *peer, int result)
{
    bool may_end = gw_turn_core(peer->turn)->runs_made >= UINT32_MAX;

    if (result < 0 && may_end)
        sim_peer_break(peer);
    else if (result < 0)
        sim_fail(peer->world, "the turn of %s ended with error %d", peer->name, result);
    return result >= 0 && !peer->world->failed;
}

void sim_port_after(struct sim_peer *peer, int result)
{
    if (!sim_port_went_well(peer, result))
        return;
    sim_check_step(peer);
    sim_peer_run_soon(peer);
}
