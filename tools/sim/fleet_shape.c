/* SPDX-License-Identifier: MPL-2.0 */

/* Who dials whom, who serves what and who sends where. */

#include "base/map.h"
#include "fleet_world.h"

#include <stdlib.h>
#include <string.h>

#define PIPELINE_PARTS 10 /* one of producers, one of sinks, the rest works */
#define PIPELINE_LINKS 2  /* of a worker, to producers and to sinks each */

static struct gw_destination destination(enum gw_kind kind, const char *name)
{
    struct gw_destination result = {.kind = (uint8_t)kind};

    snprintf(result.name, sizeof result.name, "%s", name);
    return result;
}

static struct gw_destination of_peer(enum gw_kind kind, uint32_t index)
{
    char name[GW_NAME_MAX + 1];

    fleet_peer_name(index, name);
    return destination(kind, name);
}

static void wire(struct fleet *fleet, uint32_t dialler, uint32_t acceptor)
{
    if (fleet->wire_count == fleet->wire_capacity) {
        fleet->wire_capacity = fleet->wire_capacity ? fleet->wire_capacity * 2 : 64;
        fleet->wires = fleet_must(
            realloc(fleet->wires, fleet->wire_capacity * sizeof *fleet->wires));
    }
    fleet->wires[fleet->wire_count++] = (struct fleet_wire){.ends = {dialler, acceptor}};
}

/* --- the shapes --- */

static void star(struct fleet *fleet)
{
    fleet->peers[0].role = (struct fleet_role){.serves = true,
                                               .served = destination(GW_KIND_SERVICE, "ask"),
                                               .passes_on = true,
                                               .replies = true};
    for (uint32_t i = 1; i < fleet->options.peers; i++) {
        fleet->peers[i].role = (struct fleet_role){.share = 1,
                                                   .to = destination(GW_KIND_SERVICE, "ask"),
                                                   .serves = true,
                                                   .served = of_peer(GW_KIND_REPLY, i),
                                                   .hop = 1};
        wire(fleet, i, 0);
    }
}

static void farm(struct fleet *fleet)
{
    fleet->peers[0].role = (struct fleet_role){.share = fleet->options.peers - 1,
                                               .to = destination(GW_KIND_STAGE, "work")};
    for (uint32_t i = 1; i < fleet->options.peers; i++) {
        fleet->peers[i].role = (struct fleet_role){.serves = true,
                                                   .served = destination(GW_KIND_STAGE, "work")};
        wire(fleet, i, 0);
    }
}

static void pairs(struct fleet *fleet)
{
    for (uint32_t i = 0; i + 1 < fleet->options.peers; i += 2) {
        for (uint32_t j = i; j < i + 2; j++)
            fleet->peers[j].role = (struct fleet_role){.share = 1,
                                                       .to = of_peer(GW_KIND_PEER, j ^ 1),
                                                       .serves = true,
                                                       .served = of_peer(GW_KIND_PEER, j)};
        wire(fleet, i + 1, i);
    }
}

/* True if the two had no wire before. */
static bool pair_is_new(struct gw_map *known, uint32_t a, uint32_t b)
{
    uint64_t key = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;

    if (gw_map_get(known, key))
        return false;
    if (gw_map_put(known, key, known))
        abort();
    return true;
}

/* Each dials the next one, so that nobody stays alone, and others at random. */
static void mesh(struct fleet *fleet)
{
    uint32_t peers = fleet->options.peers, most = (peers - 1) / 2;
    uint32_t degree = fleet->options.degree < most ? fleet->options.degree : most;
    struct gw_map known;

    gw_map_init(&known, fleet->options.seed);
    for (uint32_t i = 0; i < peers; i++) {
        fleet->peers[i].role = (struct fleet_role){.share = 1,
                                                   .to = destination(GW_KIND_STAGE, "mesh"),
                                                   .serves = true,
                                                   .served = destination(GW_KIND_STAGE, "mesh")};
        if (pair_is_new(&known, i, (i + 1) % peers))
            wire(fleet, i, (i + 1) % peers);
    }
    for (uint32_t i = 0; i < peers; i++)
        for (uint32_t more = 1; more < degree; more++) {
            uint32_t other = (uint32_t)gw_random_below(&fleet->random, peers);
            if (other != i && pair_is_new(&known, i, other))
                wire(fleet, i, other);
        }
    gw_map_clear(&known);
}

/* The first is dealt in turn, so that nobody stays without; the others are drawn. */
static void dial_some(struct fleet *fleet, uint32_t worker, uint32_t turn, uint32_t first,
                      uint32_t count)
{
    uint32_t chosen = turn % count;

    wire(fleet, worker, first + chosen);
    for (uint32_t more = 1; more < PIPELINE_LINKS && more < count; more++) {
        chosen = (chosen + 1 + (uint32_t)gw_random_below(&fleet->random, count - more)) % count;
        wire(fleet, worker, first + chosen);
    }
}

static void pipeline(struct fleet *fleet)
{
    uint32_t peers = fleet->options.peers;
    uint32_t ends = peers / PIPELINE_PARTS ? peers / PIPELINE_PARTS : 1;

    for (uint32_t i = 0; i < ends; i++) {
        fleet->peers[i].role = (struct fleet_role){.share = PIPELINE_PARTS - 2,
                                                   .to = destination(GW_KIND_STAGE, "work")};
        fleet->peers[ends + i].role =
            (struct fleet_role){.serves = true,
                                .served = destination(GW_KIND_STAGE, "done"),
                                .hop = 1};
    }
    for (uint32_t i = 2 * ends; i < peers; i++) {
        fleet->peers[i].role = (struct fleet_role){.to = destination(GW_KIND_STAGE, "done"),
                                                   .serves = true,
                                                   .served = destination(GW_KIND_STAGE, "work"),
                                                   .passes_on = true};
        dial_some(fleet, i, i, 0, ends);
        dial_some(fleet, i, i, ends, ends);
    }
}

/* --- wires by peer --- */

static void index_wires(struct fleet *fleet)
{
    uint32_t peers = fleet->options.peers;
    size_t *from = fleet_must(calloc((size_t)peers + 2, sizeof *from));

    fleet->wires_of = fleet_must(calloc(2 * fleet->wire_count + 1, sizeof *fleet->wires_of));
    fleet->wires_from = from;
    /* from[i + 2] counts; then from[i + 1] is where those of peer i begin, and moves to the end */
    for (size_t i = 0; i < 2 * fleet->wire_count; i++)
        from[fleet->wires[i / 2].ends[i % 2] + 2]++;
    for (uint32_t i = 0; i < peers; i++)
        from[i + 2] += from[i + 1];
    for (size_t i = 0; i < 2 * fleet->wire_count; i++)
        fleet->wires_of[from[fleet->wires[i / 2].ends[i % 2] + 1]++] = (uint32_t)(i / 2);
}

void fleet_shape_make(struct fleet *fleet)
{
    switch (fleet->options.shape) {
    case FLEET_STAR: star(fleet); break;
    case FLEET_FARM: farm(fleet); break;
    case FLEET_PAIRS: pairs(fleet); break;
    case FLEET_MESH: mesh(fleet); break;
    case FLEET_PIPELINE: pipeline(fleet); break;
    }
    index_wires(fleet);
}
