/* SPDX-License-Identifier: MPL-2.0 */

/* Links that end because nothing is heard: only of a peer that said nothing (fault T05). */

#include "checker.h"
#include "guest.h"
#include "world.h"

/* The connection of the link that it last used with the other; NULL: it is gone. */
static struct sim_connection *connection_of(const struct sim_peer *peer,
                                            const struct sim_peer *other)
{
    const struct sim_world *world = peer->world;

    for (size_t i = 0; i < world->link_count; i++) {
        const struct sim_link_book *book = &world->links[i];
        for (unsigned end = 0; book->link == peer->last_link[other->index] && end < 2; end++) {
            if (book->ends[end] == peer && book->lives[end] == peer->life)
                return sim_net_connection(world, peer, book->conns[end]);
        }
    }
    return NULL;
}

/* A frame of that link came in time, and waits to be read for more than a heartbeat: for so long
 * the peer has not run. (One that was silent for three heartbeats before is silent, whatever comes
 * then; less is asked here, since clocks drift.) */
static bool waits_unread(const struct sim_peer *peer, const struct sim_connection *connection,
                         const struct sim_peer *other)
{
    struct sim_world *world = peer->world;
    uint64_t heartbeat_us = world->options.heartbeat_us;
    unsigned end = connection->ends[SIM_ACCEPTOR] == peer ? SIM_ACCEPTOR : SIM_DIALLER;
    const struct sim_frame *first = connection->queues[end].first;
    struct gw_frame frame;

    return first && !connection->held[end] && connection->clogged_until_us[end] <= world->now_us &&
           first->due_us + heartbeat_us < world->now_us &&
           first->due_us < peer->heard_us[other->index] + 2 * heartbeat_us &&
           sim_decode(world, (struct gw_slice){first->header, first->header_size}, &frame) &&
           frame.link == peer->last_link[other->index];
}

void sim_check_heard(struct sim_peer *peer, const struct sim_peer *other)
{
    peer->heard_us[other->index] = peer->world->now_us;
    peer->doubted &= (sim_set)~(1u << other->index);
}

void sim_check_doubted(struct sim_peer *peer, const struct sim_peer *other)
{
    peer->doubted |= (sim_set)(1u << other->index);
}

/* Who did not run for more than a heartbeat hears first what waits for him. */
void sim_check_silent(struct sim_peer *peer, const struct sim_peer *other)
{
    struct sim_world *world = peer->world;
    uint64_t heartbeat_us = world->options.heartbeat_us;
    const struct sim_connection *connection = connection_of(peer, other);

    sim_sight(world, SIM_SIGHT_silent, 1);
    if (world->now_us - peer->heard_us[other->index] < heartbeat_us &&
        !(peer->doubted >> other->index & 1) && /* then it was asked, and has less time */
        !sim_guest(world, SIM_GUEST_HEARD))
        sim_fail(world, "%s takes %s for silent, which it heard less than a heartbeat ago",
                 peer->name, other->name);
    else if (connection && waits_unread(peer, connection, other))
        sim_fail(world, "%s takes %s for silent, and has not read what came from there",
                 peer->name, other->name);
}
