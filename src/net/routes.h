/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_NET_ROUTES_H
#define GW_NET_ROUTES_H

/* Accepted connections: which number stands for which routing id of the ROUTER. libzmq gives 5
 * bytes, but a stranger may announce up to 255 of its own choice: opaque, hashed with a seed. */

#include "base/map.h"

#include <stddef.h>
#include <stdint.h>

struct gw_route {
    uint64_t conn;
    struct gw_route *next_alike; /* of the same hash */
    size_t size;
    uint8_t id[];
};

struct gw_routes {
    struct gw_map by_conn;
    struct gw_map by_id; /* by hash of the id */
    size_t most;
};

void gw_routes_init(struct gw_routes *routes, size_t most, uint64_t seed);
void gw_routes_clear(struct gw_routes *routes);
struct gw_route *gw_routes_find(const struct gw_routes *routes, const void *id, size_t size);
struct gw_route *gw_routes_of(const struct gw_routes *routes, uint64_t conn);
/* NULL: `most` are known, or no memory. The id must not be known. */
struct gw_route *gw_routes_add(struct gw_routes *routes, uint64_t conn, const void *id,
                               size_t size);
void gw_routes_forget(struct gw_routes *routes, uint64_t conn); /* an unknown one is fine */

#endif
