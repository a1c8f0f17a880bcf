/* SPDX-License-Identifier: MPL-2.0 */

/* The fleet as a whole: its beginning, its end, its time. */

#include "fleet_world.h"

#include "wire/wire.h"

#include <stdarg.h>
#include <stdlib.h>

void *fleet_must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* What each sends in all: trickle, bulk, and during the restarts. */
static void init_books(struct fleet *fleet)
{
    uint64_t *counts = fleet_must(calloc(fleet->options.peers, sizeof *counts));
    unsigned hops = 1;

    for (uint32_t i = 0; i < fleet->options.peers; i++) {
        const struct fleet_role *role = &fleet->peers[i].role;
        counts[i] = role->share * (FLEET_TRICKLE_ROUNDS +
                                   (1 + FLEET_RESTARTS) * fleet->options.messages);
        if (role->serves && role->hop + 1 > hops)
            hops = role->hop + 1;
    }
    fleet_books_init(&fleet->books, fleet->options.peers, counts, hops);
    free(counts);
}

struct fleet *fleet_new(const struct fleet_options *options)
{
    struct fleet *fleet = fleet_must(calloc(1, sizeof *fleet));

    fleet->options = *options;
    fleet->storm.from_us = GW_NEVER;
    fleet->decoder = fleet_must(gw_decoder_new());
    gw_random_seed(&fleet->random, gw_mix64(options->seed) ^ 0x66);
    fleet->peers = fleet_must(calloc(options->peers, sizeof *fleet->peers));
    for (uint32_t i = 0; i < options->peers; i++) {
        fleet->peers[i].fleet = fleet;
        fleet->peers[i].index = i;
        fleet->peers[i].run_at_us = GW_NEVER;
        if (gw_memory_open(&fleet->peers[i].store) != GW_STORE_OK)
            abort();
    }
    fleet_shape_make(fleet);
    init_books(fleet);
    return fleet;
}

void fleet_destroy(struct fleet **fleet)
{
    struct fleet *self = *fleet;
    struct fleet_event event;

    for (uint32_t i = 0; i < self->options.peers; i++)
        fleet_peer_clear(&self->peers[i]);
    self->failed = true; /* what is under way arrives nowhere: its frames are freed */
    while (fleet_queue_take(&self->queue, UINT64_MAX, &event))
        event.action(self, event.subject, event.ticket);
    fleet_queue_clear(&self->queue);
    fleet_books_clear(&self->books);
    gw_decoder_destroy(&self->decoder);
    free(self->wires);
    free(self->wires_of);
    free(self->wires_from);
    free(self->peers);
    free(self);
    *fleet = NULL;
}

void fleet_at(struct fleet *fleet, uint64_t at_us, fleet_action action, void *subject,
              uint64_t ticket)
{
    fleet_queue_add(&fleet->queue, at_us < fleet->now_us ? fleet->now_us : at_us, action, subject,
                    ticket);
}

void fleet_until(struct fleet *fleet, uint64_t until_us)
{
    struct fleet_event event;

    while (!fleet->failed && fleet_queue_take(&fleet->queue, until_us, &event)) {
        fleet->now_us = event.at_us;
        fleet->events++;
        event.action(fleet, event.subject, event.ticket);
    }
    fleet->now_us = until_us;
}

void fleet_fail(struct fleet *fleet, const char *format, ...)
{
    va_list arguments;

    if (fleet->failed)
        return;
    fleet->failed = true;
    va_start(arguments, format);
    vsnprintf(fleet->failure, sizeof fleet->failure, format, arguments);
    va_end(arguments);
}

uint64_t fleet_between(struct fleet *fleet, uint64_t low, uint64_t high)
{
    return low >= high ? low : low + gw_random_below(&fleet->random, high - low + 1);
}
