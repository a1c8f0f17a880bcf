/* SPDX-License-Identifier: MPL-2.0 */

/* The queue of events, and what every part of the world leans on. */

#include "world.h"

#include "wire.h"

#include "wire/wire.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct sim_world *sim_world_new(const struct sim_options *options, struct sim_trace *trace)
{
    struct sim_world *world = calloc(1, sizeof *world);

    if (!world)
        abort();
    world->options = *options;
    world->hooks = options->hooks;
    world->trace = trace;
    world->stats.seeds = 1;
    world->deadline_us = GW_NEVER;
    world->lot = sim_lot_of(options->seed, SIM_LOT_WORLD, 0, 0);
    for (unsigned i = 0; i < SIM_PEERS_MAX; i++) {
        for (unsigned use = 0; use < SIM_LOT_STREAMS; use++)
            world->lots[i][use] = sim_lot_of(options->seed, (enum sim_lot_use)use, i, 0);
    }
    sim_ways_init(world);
    sim_ledger_init(&world->ledger);
    world->decoder = gw_decoder_new();
    if (!world->decoder)
        abort();
    return world;
}

void sim_world_destroy(struct sim_world **world)
{
    struct sim_world *self = *world;

    if (!self)
        return;
    if (self->hooks)
        self->hooks->end(self);
    for (size_t i = 0; i < SIM_PEERS_MAX; i++)
        sim_peer_clear(&self->peers[i]);
    sim_net_clear(self);
    sim_ledger_clear(&self->ledger);
    gw_decoder_destroy(&self->decoder);
    free(self->links);
    free(self->heap);
    free(self);
    *world = NULL;
}

/* --- the queue: a binary heap --- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void sim_world_at(struct sim_world *world, uint64_t at_us, sim_action action, void *subject,
                  uint64_t a, uint64_t b)
{
    if (world->heap_count == world->heap_capacity) {
        world->heap_capacity = world->heap_capacity ? world->heap_capacity * 2 : 256;
        world->heap = realloc(world->heap, world->heap_capacity * sizeof *world->heap);
        if (!world->heap)
            abort();
    }
    struct sim_event event = {at_us < world->now_us ? world->now_us : at_us, world->order++,
                              action, subject, a, b};
    size_t at = world->heap_count++;
    while (at > 0 && before(&event, &world->heap[(at - 1) / 2])) {
        world->heap[at] = world->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->heap[at] = event;
}

void sim_world_after(struct sim_world *world, uint64_t pause_us, sim_action action, void *subject,
                     uint64_t a, uint64_t b)
{
    sim_world_at(world, world->now_us + pause_us, action, subject, a, b);
}

static struct sim_event pop(struct sim_world *world)
{
    struct sim_event top = world->heap[0];
    struct sim_event last = world->heap[--world->heap_count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->heap_count)
            break;
        if (child + 1 < world->heap_count && before(&world->heap[child + 1], &world->heap[child]))
            child++;
        if (!before(&world->heap[child], &last))
            break;
        world->heap[at] = world->heap[child];
        at = child;
    }
    world->heap[at] = last;
    return top;
}

bool sim_world_step(struct sim_world *world)
{
    if (world->failed || world->over || !world->heap_count)
        return false;
    struct sim_event event = pop(world);

    world->now_us = event.at_us;
    world->steps++;
    event.action(world, event.subject, event.a, event.b);
    sim_trace_end(world->trace);
    return !world->failed && !world->over;
}

void sim_world_run_until(struct sim_world *world, uint64_t until_us)
{
    while (!world->failed && !world->over && world->heap_count &&
           world->heap[0].at_us <= until_us)
        sim_world_step(world);
    if (!world->failed && world->now_us < until_us)
        world->now_us = until_us;
}

/* --- odds and ends --- */

void sim_fail(struct sim_world *world, const char *format, ...)
{
    va_list arguments;

    if (world->failed)
        return;
    world->failed = true;
    snprintf(world->invariant, sizeof world->invariant, "%s", format);
    va_start(arguments, format);
    vsnprintf(world->failure, sizeof world->failure, format, arguments);
    va_end(arguments);
}

struct sim_lot *sim_lot(const struct sim_peer *peer, enum sim_lot_use use)
{
    return &peer->world->lots[peer->index][use];
}

struct sim_lot sim_lot_at(const struct sim_peer *peer, enum sim_lot_use use, uint64_t number)
{
    return sim_lot_of(peer->world->options.seed, use, peer->index, number);
}

void sim_fault(struct sim_world *world, enum sim_fault fault)
{
    world->stats.faults[fault]++;
}

void sim_sight(struct sim_world *world, enum sim_sight sight, uint64_t count)
{
    world->stats.sights[sight] += count;
}
