/* SPDX-License-Identifier: MPL-2.0 */

/* The destinations of tail_outlet.h, found by name; the last one found is found at once. */

#include "peer/tail_outlet.h"

#include <stdlib.h>

void gw_outlets_init(struct gw_outlets *outlets, uint64_t seed)
{
    *outlets = (struct gw_outlets){0};
    gw_map_init(&outlets->map, seed);
}

void gw_outlet_drop_pieces(struct gw_outlet *outlet)
{
    while (outlet->first) {
        struct gw_piece *piece = outlet->first;
        outlet->first = piece->next;
        gw_piece_destroy(piece);
    }
    outlet->last = NULL;
    outlet->open = false;
    outlet->next_waiting = NULL;
}

struct gw_outlet *gw_outlets_all(struct gw_outlets *outlets)
{
    struct gw_outlet *outlet, *all = NULL;

    for (size_t at = 0; (outlet = gw_map_next(&outlets->map, &at, NULL)) != NULL;) {
        for (; outlet; outlet = outlet->next_alike) {
            outlet->next_waiting = all;
            all = outlet;
        }
    }
    return all;
}

void gw_outlets_clear(struct gw_outlets *outlets)
{
    struct gw_outlet *next;

    for (struct gw_outlet *outlet = gw_outlets_all(outlets); outlet; outlet = next) {
        next = outlet->next_waiting;
        gw_outlet_drop_pieces(outlet);
        free(outlet);
    }
    gw_map_clear(&outlets->map);
    outlets->recent = NULL;
}

struct gw_outlet *gw_outlets_find(struct gw_outlets *outlets,
                                  const struct gw_destination *destination)
{
    if (outlets->recent && gw_destination_equal(&outlets->recent->destination, destination))
        return outlets->recent;

    struct gw_outlet *outlet = gw_map_get(&outlets->map, gw_destination_hash(destination));
    while (outlet && !gw_destination_equal(&outlet->destination, destination))
        outlet = outlet->next_alike;
    if (outlet)
        outlets->recent = outlet;
    return outlet;
}

struct gw_outlet *gw_outlets_get(struct gw_outlets *outlets,
                                 const struct gw_destination *destination)
{
    struct gw_outlet *outlet = gw_outlets_find(outlets, destination);
    uint64_t hash = gw_destination_hash(destination);

    if (outlet)
        return outlet;
    outlet = calloc(1, sizeof *outlet);
    if (!outlet)
        return NULL;
    outlet->destination = *destination;
    outlet->next_alike = gw_map_get(&outlets->map, hash);
    if (gw_map_put(&outlets->map, hash, outlet) != 0) {
        free(outlet);
        return NULL;
    }
    outlets->recent = outlet;
    return outlet;
}

static void unlink_outlet(struct gw_outlets *outlets, struct gw_outlet *outlet)
{
    uint64_t hash = gw_destination_hash(&outlet->destination);
    struct gw_outlet *first = gw_map_get(&outlets->map, hash);

    if (first != outlet) {
        while (first->next_alike != outlet)
            first = first->next_alike;
        first->next_alike = outlet->next_alike;
    } else if (outlet->next_alike) {
        gw_map_put(&outlets->map, hash, outlet->next_alike); /* replaces: cannot fail */
    } else {
        gw_map_remove(&outlets->map, hash);
    }
}

void gw_outlets_tidy(struct gw_outlets *outlets, struct gw_outlet *outlet)
{
    if (outlet->epoch || outlet->first || outlet->messages > 0 || outlet->bytes > 0 ||
        outlet->max_messages > 0 || outlet->max_bytes > 0)
        return;
    unlink_outlet(outlets, outlet);
    if (outlets->recent == outlet)
        outlets->recent = NULL;
    free(outlet);
}
