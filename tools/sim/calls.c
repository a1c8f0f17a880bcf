/* SPDX-License-Identifier: MPL-2.0 */

/* What happens to a peer's turn from outside: frames, what its application asks, what people do. */

#include "checker.h"
#include "port.h"
#include "world.h"

void sim_peer_serve(struct sim_peer *peer, size_t at)
{
    struct sim_served *served = &peer->serves[at];

    if (!peer->turn || peer->world->failed)
        return;
    if (served->credit_messages > served->credit_most)
        served->credit_most = served->credit_messages;
    if (served->off)
        sim_port_after(peer, gw_turn_unserve(peer->turn, sim_peer_clock(peer),
                                             &served->destination));
    else
        sim_port_after(peer, gw_turn_serve(peer->turn, sim_peer_clock(peer), &served->destination,
                                           served->credit_messages, served->credit_bytes));
}

void sim_peer_want_dial(struct sim_peer *peer, struct sim_peer *to, bool temporary)
{
    if (peer->dial_count == SIM_DIALS_MAX)
        return;
    peer->dials[peer->dial_count++] = (struct sim_wanted_dial){
        .to = to, .temporary = temporary, .off = true};
    sim_peer_redial(peer, peer->dial_count - 1);
}

void sim_peer_redial(struct sim_peer *peer, size_t at)
{
    struct sim_wanted_dial *dial = &peer->dials[at];

    dial->off = false;
    if (!peer->turn || dial->conn || peer->leaving)
        return;
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label, "dial %s",
                    dial->to->name);
    dial->conn = sim_net_dial(peer->world, peer, dial->to);
    sim_port_after(peer, gw_turn_dial(peer->turn, sim_peer_clock(peer), dial->conn));
}

void sim_peer_undial(struct sim_peer *peer, size_t at, bool for_good)
{
    struct sim_wanted_dial *dial = &peer->dials[at];
    uint64_t conn = dial->conn;

    dial->off = true;
    dial->conn = 0;
    if (conn && !peer->turn)
        sim_net_hangup(peer->world, peer, conn);
    if (conn && peer->turn) {
        sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label, "undial %s",
                        dial->to->name);
        sim_port_after(peer, gw_turn_undial(peer->turn, sim_peer_clock(peer), conn));
        sim_net_hangup(peer->world, peer, conn);
    }
    if (for_good)
        peer->dials[at] = peer->dials[--peer->dial_count];
}

void sim_peer_frame(struct sim_peer *peer, uint64_t conn, struct gw_slice header,
                    struct gw_blob *body)
{
    struct sim_world *world = peer->world;
    struct sim_print before;
    int result;

    if (!peer->turn || peer->broken) { /* as the engine does */
        gw_blob_drop(body);
        return;
    }

    if (world->trace->on) {
        struct sim_peer *other = sim_net_other_end(world, peer, conn);
        struct gw_frame frame;
        char text[400] = "something that is no frame here";
        if (sim_decode(world, header, &frame))
            sim_trace_frame(world->trace, &frame, text, sizeof text);
        sim_trace_begin(world->trace, world->now_us, peer->label, "%s: %s",
                        other ? other->label : "?", text);
    }
    sim_check_arrival(peer, conn, header, &before);
    if (header.size) {
        result = gw_turn_frame(peer->turn, sim_peer_clock(peer), conn, header, body);
    } else {
        gw_blob_drop(body);
        result = gw_turn_malformed(peer->turn, sim_peer_clock(peer), conn);
    }
    sim_check_arrived(peer, &before);
    sim_port_after(peer, result);
}

void sim_peer_lost(struct sim_peer *peer, uint64_t conn)
{
    if (!peer->turn)
        return;
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label, "lost connection");
    sim_port_after(peer, gw_turn_lost(peer->turn, sim_peer_clock(peer), conn));
}

int sim_peer_decide(struct sim_peer *peer, const struct gw_decision *decision)
{
    int result = gw_turn_decide(peer->turn, sim_peer_clock(peer), decision);

    sim_port_after(peer, result);
    return result;
}

int sim_peer_transaction(struct sim_peer *peer, const struct gw_turn_transaction *transaction)
{
    int result = gw_turn_transaction(peer->turn, sim_peer_clock(peer), transaction);

    sim_port_after(peer, result);
    return result;
}

void sim_peer_forfeit(struct sim_peer *peer, const struct sim_peer *member)
{
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label, "forfeit %s",
                    member->name);
    peer->forfeit_asked |= (sim_set)(1u << member->index);
    sim_port_after(peer, gw_turn_forfeit(peer->turn, sim_peer_clock(peer), member->name));
}

void sim_peer_retire(struct sim_peer *peer, uint64_t epoch)
{
    if (!gw_tail_retire(peer->tail, epoch))
        return; /* something was sent meanwhile */
    sim_sight(peer->world, SIM_SIGHT_retired, 1);
    sim_port_after(peer, gw_turn_retire(peer->turn, sim_peer_clock(peer), epoch));
}
