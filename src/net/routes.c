/* SPDX-License-Identifier: MPL-2.0 */

/* Two maps over the same routes. Ids come from strangers, so the hash is seeded, and one bucket's
 * chain is all that a collision can lengthen. */

#include "net/routes.h"

#include "base/random.h"

#include <stdlib.h>
#include <string.h>

void gw_routes_init(struct gw_routes *routes, size_t most, uint64_t seed)
{
    gw_map_init(&routes->by_conn, seed);
    gw_map_init(&routes->by_id, gw_mix64(seed));
    routes->most = most;
}

void gw_routes_clear(struct gw_routes *routes)
{
    struct gw_route *route;

    for (size_t at = 0; (route = gw_map_next(&routes->by_conn, &at, NULL)) != NULL;)
        free(route);
    gw_map_clear(&routes->by_conn);
    gw_map_clear(&routes->by_id);
}

/* Mixes after each 8 bytes: without the seed nobody can aim at one value. */
static uint64_t hash_of(const struct gw_routes *routes, const void *id, size_t size)
{
    const uint8_t *at = id;
    uint64_t hash = routes->by_id.seed ^ size;

    while (size > 0) {
        uint64_t word = 0;
        size_t step = size < sizeof word ? size : sizeof word;
        memcpy(&word, at, step);
        hash = gw_mix64(hash ^ word);
        at += step;
        size -= step;
    }
    return hash;
}

struct gw_route *gw_routes_find(const struct gw_routes *routes, const void *id, size_t size)
{
    struct gw_route *route = gw_map_get(&routes->by_id, hash_of(routes, id, size));

    while (route && (route->size != size || memcmp(route->id, id, size) != 0))
        route = route->next_alike;
    return route;
}

struct gw_route *gw_routes_of(const struct gw_routes *routes, uint64_t conn)
{
    return gw_map_get(&routes->by_conn, conn);
}

struct gw_route *gw_routes_add(struct gw_routes *routes, uint64_t conn, const void *id, size_t size)
{
    uint64_t hash = hash_of(routes, id, size);

    if (routes->by_conn.count >= routes->most)
        return NULL;
    struct gw_route *route = malloc(sizeof *route + size);
    if (!route)
        return NULL;
    route->conn = conn;
    route->size = size;
    memcpy(route->id, id, size);
    route->next_alike = gw_map_get(&routes->by_id, hash);
    if (gw_map_put(&routes->by_conn, conn, route) != 0) {
        free(route);
        return NULL;
    }
    if (gw_map_put(&routes->by_id, hash, route) != 0) {
        gw_map_remove(&routes->by_conn, conn);
        free(route);
        return NULL;
    }
    return route;
}

void gw_routes_forget(struct gw_routes *routes, uint64_t conn)
{
    struct gw_route *route = gw_map_remove(&routes->by_conn, conn);

    if (!route)
        return;
    uint64_t hash = hash_of(routes, route->id, route->size);
    struct gw_route *alike = gw_map_get(&routes->by_id, hash);
    if (alike == route && !route->next_alike) {
        gw_map_remove(&routes->by_id, hash);
    } else if (alike == route) {
        gw_map_put(&routes->by_id, hash, route->next_alike); /* replacing cannot fail */
    } else {
        while (alike->next_alike != route)
            alike = alike->next_alike;
        alike->next_alike = route->next_alike;
    }
    free(route);
}
