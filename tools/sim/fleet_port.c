/* SPDX-License-Identifier: MPL-2.0 */

/* What leaves a turn. What the simulator allocates here is not the turn's: each call that does
 * stands outside of its count. Nothing here calls back into the turn: what answers it is an event
 * of its own. */

#include "fleet_heap.h"
#include "fleet_world.h"

#include <stdlib.h>

#define WRITE_MIN_US 200 /* of a synced write, on a disk with a cache that survives power loss */
#define WRITE_MAX_US 600
#define LOAD_US      200

static int port_send(void *context, uint64_t conn, struct gw_slice header, struct gw_blob *blob,
                     struct gw_slice body)
{
    struct fleet_peer *peer = context;
    int64_t *book = fleet_heap_count_in(NULL);
    int result = fleet_net_send(peer->fleet, peer, conn, header, body, blob != NULL);

    fleet_heap_count_in(book);
    return result;
}

static void port_hangup(void *context, uint64_t conn)
{
    struct fleet_peer *peer = context;

    fleet_net_hangup(peer->fleet, peer, conn);
}

/* --- the store --- */

static void commit_done(struct fleet *fleet, void *subject, uint64_t process)
{
    struct fleet_peer *peer = subject;

    if (fleet->failed || !peer->up || peer->process != process)
        return;
    enum gw_store_error error = gw_store_write(peer->store, peer->writing, true);
    if (error != GW_STORE_OK) {
        fleet_fail(fleet, "the store of peer %u fails: %s", peer->index,
                   gw_store_why(peer->store));
        return;
    }
    peer->writing = NULL;
    fleet_app_durable(peer);
    fleet_enter(peer);
    int result = gw_turn_committed(peer->turn, fleet->now_us, error);
    fleet_leave(peer);
    fleet_after(peer, result);
}

static void port_commit(void *context, struct gw_write *write, bool sync)
{
    struct fleet_peer *peer = context;
    struct fleet *fleet = peer->fleet;
    int64_t *book = fleet_heap_count_in(NULL);

    if (peer->writing || !sync)
        fleet_fail(fleet, "peer %u makes a second write, or one that is not synced", peer->index);
    peer->writing = write;
    fleet_app_sealed(peer);
    fleet_at(fleet, fleet->now_us + fleet_between(fleet, WRITE_MIN_US, WRITE_MAX_US), commit_done,
             peer, peer->process);
    fleet_heap_count_in(book);
}

struct load { /* a read under way */
    struct fleet_peer *peer;
    uint64_t epoch, from, max_messages, max_bytes;
};

static void load_done(struct fleet *fleet, void *subject, uint64_t process)
{
    struct load load = *(struct load *)subject;
    struct fleet_peer *peer = load.peer;
    struct gw_batch **batches = NULL;
    size_t count = 0;
    int result = 0;

    free(subject);
    if (fleet->failed || !peer->up || peer->process != process)
        return;
    fleet_enter(peer);
    if (gw_turn_load_from(peer->store, load.epoch, load.from, load.max_messages, load.max_bytes,
                          &batches, &count) == GW_STORE_OK)
        result = gw_turn_loaded(peer->turn, fleet->now_us, load.epoch, batches, count);
    else
        fleet_fail(fleet, "peer %u cannot read back what it stored", peer->index);
    free(batches);
    fleet_leave(peer);
    fleet_after(peer, result);
}

static void port_load(void *context, uint64_t epoch, uint64_t from, uint64_t max_messages,
                      uint64_t max_bytes)
{
    struct fleet_peer *peer = context;
    int64_t *book = fleet_heap_count_in(NULL);
    struct load *load = fleet_must(malloc(sizeof *load));

    *load = (struct load){peer, epoch, from, max_messages, max_bytes};
    fleet_at(peer->fleet, peer->fleet->now_us + LOAD_US, load_done, load, peer->process);
    fleet_heap_count_in(book);
}

/* --- the application --- */

static void port_deliver(void *context, struct gw_inbound *inbound)
{
    fleet_app_arrived(context, inbound);
}

static void port_stored(void *context, uint64_t epoch, uint64_t upto)
{
    struct fleet_peer *peer = context;

    gw_tail_stored(peer->tail, epoch, upto);
    fleet_app_stored(peer, epoch, upto);
}

static void port_settled(void *context, uint64_t epoch, uint64_t first, uint64_t last,
                         enum gw_outcome how)
{
    struct fleet_peer *peer = context;

    if (how != GW_OUTCOME_PROCESSED)
        fleet_fail(peer->fleet, "a message of peer %u ends without having been processed",
                   peer->index);
    if (gw_tail_settled(peer->tail, epoch, first, last, how))
        abort();
}

static void port_released(void *context, const struct gw_destination *destination,
                          uint64_t messages, uint64_t bytes)
{
    struct fleet_peer *peer = context;

    gw_tail_released(peer->tail, destination, messages, bytes);
}

static void port_note(void *context, uint8_t note, const char *name, uint64_t a, uint64_t b)
{
    struct fleet_peer *peer = context;

    (void)a;
    (void)b;
    if (note == GW_NOTE_LINK_UP) {
        peer->links++;
        peer->fleet->ends_up++;
    } else if (note == GW_NOTE_LINK_DOWN) {
        peer->links--;
        peer->fleet->ends_up--;
    } else if (note == GW_NOTE_VIOLATION || note == GW_NOTE_QUARANTINE) {
        fleet_fail(peer->fleet, "peer %u and %s broke the protocol", peer->index, name);
    }
}

static uint64_t port_entropy(void *context)
{
    struct fleet_peer *peer = context;

    return gw_random_next(&peer->fleet->random);
}

static uint64_t port_wall_ms(void *context)
{
    struct fleet_peer *peer = context;

    return peer->fleet->now_us / 1000;
}

/* --- what no fleet asks for --- */

static void unexpected(struct fleet_peer *peer, const char *what)
{
    fleet_fail(peer->fleet, "peer %u met what a fleet never asks for: %s", peer->index, what);
}

static void port_buried(void *context, uint64_t epoch, uint64_t sequence, uint64_t bytes)
{
    (void)epoch;
    (void)sequence;
    (void)bytes;
    unexpected(context, "a dead letter");
}

static void port_outcomes(void *context, uint64_t number)
{
    (void)number;
    unexpected(context, "an outcome");
}

static void port_recall(void *context, const struct gw_recall *recall)
{
    (void)recall;
    unexpected(context, "a recall");
}

static void port_stale(void *context, uint64_t token)
{
    (void)token;
    unexpected(context, "a stale transaction");
}

static void port_idle(void *context, uint64_t epoch)
{
    (void)epoch;
    unexpected(context, "a memory peer");
}

static void port_transaction(void *context, uint64_t token)
{
    (void)context;
    (void)token; /* its write is done, which commit_done has seen */
}

static void port_members(void *context, const struct gw_destination *destination, size_t count)
{
    (void)context;
    (void)destination;
    (void)count;
}

const struct gw_turn_port fleet_port = {
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
    .transaction = port_transaction,
    .stale = port_stale,
    .members = port_members,
    .note = port_note,
    .entropy = port_entropy,
    .wall_ms = port_wall_ms,
};
