/* SPDX-License-Identifier: MPL-2.0 */

/* One peer: a turn and a tail, driven as the engine drives them, through the lives of its
 * processes. The store stays when a process ends. */

#include "fleet_heap.h"
#include "fleet_world.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GATHER_US       20 /* events of so long come into one turn, as one round of the engine */
#define WINDOW          65536
#define CREDIT_MESSAGES 16384
#define CREDIT_BYTES    (8 << 20)

/* --- counting --- */

static double cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void fleet_enter(struct fleet_peer *peer)
{
    fleet_heap_count_in(&peer->heap);
    if (peer->index == 0)
        peer->fleet->hub_cpu_s -= cpu_s();
}

static void count_looks(struct fleet_peer *peer)
{
    uint64_t before = peer->looks;

    peer->looks = peer->turn ? gw_core_looks(gw_turn_core(peer->turn)) : 0;
    if (!peer->turn)
        return;
    peer->fleet->looks += peer->looks - before;
    if (peer->index == 0)
        peer->fleet->hub_looks += peer->looks - before;
}

void fleet_leave(struct fleet_peer *peer)
{
    uint64_t outbox = peer->tail ? gw_tail_outbox_messages(peer->tail) : 0;

    count_looks(peer);
    peer->fleet->outbox += outbox - peer->outbox;
    peer->outbox = outbox;
    if (peer->index == 0)
        peer->fleet->hub_cpu_s += cpu_s();
    fleet_heap_count_in(NULL);
}

/* --- the turn runs --- */

static void run(struct fleet *fleet, void *subject, uint64_t ticket);

static void run_at(struct fleet_peer *peer, uint64_t at_us)
{
    if (peer->run_at_us <= at_us)
        return;
    peer->run_at_us = at_us;
    fleet_at(peer->fleet, at_us, run, peer, ++peer->run_ticket);
}

void fleet_peer_run_soon(struct fleet_peer *peer)
{
    run_at(peer, peer->fleet->now_us + GATHER_US);
}

static void run(struct fleet *fleet, void *subject, uint64_t ticket)
{
    struct fleet_peer *peer = subject;
    int error = 0;

    if (fleet->failed || !peer->up || ticket != peer->run_ticket)
        return;
    peer->run_at_us = GW_NEVER;
    fleet_app_run(peer);
    fleet_peer_submit(peer);
    fleet_enter(peer);
    uint64_t wake_us = gw_turn_run(peer->turn, fleet->now_us, &error);
    fleet_leave(peer);
    if (error)
        fleet_fail(fleet, "the turn of peer %u ended with error %d", peer->index, error);
    else if (wake_us != GW_NEVER)
        run_at(peer, wake_us > fleet->now_us ? wake_us : fleet->now_us + GATHER_US);
}

void fleet_after(struct fleet_peer *peer, int result)
{
    if (result < 0)
        fleet_fail(peer->fleet, "the turn of peer %u ended with error %d", peer->index, result);
    fleet_peer_run_soon(peer);
}

void fleet_peer_submit(struct fleet_peer *peer)
{
    struct gw_destination destination;
    struct gw_batch *batch;
    int result = 0;

    fleet_enter(peer);
    while (result == 0 && (batch = gw_tail_take(peer->tail, &destination)))
        result = gw_turn_batch(peer->turn, peer->fleet->now_us, &destination, batch);
    fleet_leave(peer);
    if (result < 0)
        fleet_after(peer, result);
}

void fleet_peer_frame(struct fleet_peer *peer, uint64_t conn, struct gw_slice header,
                      struct gw_slice body, bool has_body)
{
    uint8_t *bytes;

    fleet_enter(peer);
    struct gw_blob *blob = has_body ? fleet_must(gw_blob_new(body.size, &bytes)) : NULL;
    if (body.size)
        memcpy(bytes, body.data, body.size);
    int result = gw_turn_frame(peer->turn, peer->fleet->now_us, conn, header, blob);
    fleet_leave(peer);
    fleet_after(peer, result);
}

/* --- a process --- */

void fleet_peer_name(uint32_t index, char name[GW_NAME_MAX + 1])
{
    snprintf(name, GW_NAME_MAX + 1, "p%05u", index);
}

static struct gw_turn_options turn_options(struct fleet_peer *peer)
{
    struct fleet *fleet = peer->fleet;
    struct gw_turn_options options = {.core = {.max_message = GW_MESSAGE_MAX,
                                               .window = WINDOW,
                                               .heartbeat_us = fleet->options.heartbeat_us},
                                      .sync = true};

    fleet_peer_name(peer->index, options.core.name);
    options.core.process = gw_random_next(&fleet->random) | 1;
    options.core.seed = gw_random_next(&fleet->random);
    return options;
}

static void serve(struct fleet_peer *peer)
{
    if (!peer->role.serves)
        return;
    fleet_enter(peer);
    int result = gw_turn_serve(peer->turn, peer->fleet->now_us, &peer->role.served,
                               CREDIT_MESSAGES, CREDIT_BYTES);
    fleet_leave(peer);
    fleet_after(peer, result);
}

static enum gw_store_error open_turn(struct fleet_peer *peer, char *why, size_t why_size)
{
    struct gw_tail_options tail = {.seed = gw_random_next(&peer->fleet->random)};
    struct gw_turn_options options = turn_options(peer);
    struct gw_recovered recovered = {0};
    uint64_t uuid[2] = {gw_random_next(&peer->fleet->random), peer->index};

    enum gw_store_error error =
        gw_turn_claim(peer->store, &options, (const uint8_t *)uuid, why, why_size);
    if (error != GW_STORE_OK)
        return error;
    fleet_enter(peer);
    peer->tail = fleet_must(gw_tail_new(&tail));
    peer->turn = fleet_must(gw_turn_new(&options, &fleet_port, peer));
    error = gw_turn_recover(peer->turn, peer->store, peer->fleet->now_us, &recovered, why,
                            why_size);
    gw_tail_recovered(peer->tail, recovered.messages, recovered.bytes);
    peer->fleet->recovered += recovered.messages;
    fleet_leave(peer);
    return error;
}

void fleet_peer_open(struct fleet_peer *peer)
{
    char why[200];

    if (peer->up || peer->fleet->failed)
        return;
    peer->process++;
    if (open_turn(peer, why, sizeof why) != GW_STORE_OK) {
        fleet_fail(peer->fleet, "peer %u cannot open its store: %s", peer->index, why);
        return;
    }
    peer->up = true;
    serve(peer);
    fleet_peer_run_soon(peer);
}

void fleet_peer_dial(struct fleet_peer *peer)
{
    if (peer->up && !peer->fleet->failed)
        fleet_net_dial(peer->fleet, peer);
}

static void end_process(struct fleet_peer *peer)
{
    fleet_app_ended(peer);
    fleet_enter(peer);
    gw_turn_destroy(&peer->turn);
    gw_tail_destroy(&peer->tail);
    fleet_leave(peer);
    peer->writing = NULL;
    peer->run_at_us = GW_NEVER;
    peer->run_ticket++;
    peer->up = false;
}

/* The write in flight was made or it was not. */
void fleet_peer_kill(struct fleet_peer *peer)
{
    struct fleet *fleet = peer->fleet;

    if (!peer->up)
        return;
    if (peer->writing && gw_random_below(&fleet->random, 2)) {
        gw_store_write(peer->store, peer->writing, true);
        fleet_app_durable(peer);
    }
    fleet->ends_up -= peer->links;
    peer->links = 0;
    end_process(peer);
    fleet_net_gone(fleet, peer);
}

void fleet_peer_clear(struct fleet_peer *peer)
{
    if (peer->up)
        end_process(peer);
    free(peer->arrived.items);
    free(peer->gathering.items);
    free(peer->flying.items);
    gw_store_close(&peer->store);
}
