/* SPDX-License-Identifier: MPL-2.0 */

/* What a link takes. Peers differ in how many they have, so that a line through all of them, by
 * least squares, splits what each holds into what a peer takes and what one end of a link does. */

#include "fleet_world.h"

uint64_t fleet_memory_all(const struct fleet *fleet)
{
    int64_t bytes = 0;

    for (uint32_t i = 0; i < fleet->options.peers; i++)
        bytes += fleet->peers[i].heap;
    return (uint64_t)bytes;
}

void fleet_memory_measure(const struct fleet *fleet, struct fleet_memory *memory)
{
    double count = fleet->options.peers, above = 0, below = 0;
    uint64_t ends = 0;

    memory->all = fleet_memory_all(fleet);
    memory->hub = (uint64_t)fleet->peers[0].heap;
    for (uint32_t i = 0; i < fleet->options.peers; i++)
        ends += fleet->peers[i].links;
    double links = (double)ends / count, bytes = (double)memory->all / count;
    for (uint32_t i = 0; i < fleet->options.peers; i++) {
        double off = (double)fleet->peers[i].links - links;
        above += off * ((double)fleet->peers[i].heap - bytes);
        below += off * off;
    }
    memory->fits = below > 1e-6;
    if (!memory->fits) { /* all have as many: what they took for them is all that can be told */
        memory->per_peer = (double)memory->opened;
        memory->per_end = links > 0 ? (bytes - memory->per_peer) / links : 0;
        return;
    }
    memory->per_end = above / below;
    memory->per_peer = bytes - memory->per_end * links;
}
