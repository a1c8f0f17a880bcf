/* SPDX-License-Identifier: MPL-2.0 */

/* Frames as they arrive: what they tell is remembered, and those of another link change nothing. */

#include "checker.h"
#include "guest.h"
#include "core/state.h"
#include "world.h"

/* --- frames of other links (INV 16) --- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return gw_mix64(hash ^ value) + hash;
}

static uint64_t print_of(const struct sim_peer *peer)
{
    static const enum gw_counter counters[] = {
        GW_COUNTER_delivered,     GW_COUNTER_duplicates_dropped, GW_COUNTER_data_received,
        GW_COUNTER_acks_received, GW_COUNTER_links_up,           GW_COUNTER_links_lost,
        GW_COUNTER_data_sent,     GW_COUNTER_links_replaced,     GW_COUNTER_epochs_closed,
        GW_COUNTER_tombstones_answered};
    const struct gw_core *core = gw_turn_core(peer->turn);
    struct gw_stream_view stream;
    struct gw_window_view window;
    uint64_t hash = 1;

    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        hash = mix(hash, gw_turn_counters(peer->turn)[counters[i]]);
    for (size_t i = 0; gw_core_stream_at(core, i, &stream); i++)
        hash = mix(mix(mix(hash, stream.epoch), stream.floor), stream.unsettled);
    for (size_t i = 0; gw_core_window_at(core, i, &window); i++)
        hash = mix(mix(mix(mix(hash, window.epoch), window.floor), window.decided_above),
                   window.in_hand * 2 + window.closed);
    return hash;
}

static bool of_this_link(const struct sim_peer *peer, uint64_t conn, uint64_t link)
{
    const struct sim_world *world = peer->world;

    for (size_t i = 0; i < world->link_count; i++) {
        const struct sim_link_book *book = &world->links[i];
        for (unsigned end = 0; book->link == link && end < 2; end++) {
            if (book->ends[end] == peer && book->conns[end] == conn &&
                book->lives[end] == peer->life && !book->moved_on[end])
                return true;
        }
    }
    return false;
}

static bool has_link(const struct sim_peer *peer, const struct sim_peer *other, uint64_t conn,
                     uint64_t link)
{
    const struct gw_remote *remote =
        other ? gw_remote_find(gw_turn_core(peer->turn), other->name) : NULL;

    return remote && remote->link.id == link && remote->link.conn == conn;
}

/* What its member told, a sender knows from here on. */
static void note_returns(struct sim_peer *peer, const struct gw_frame *frame)
{
    for (size_t i = 0; i < frame->u.ack.epoch_count; i++) {
        const struct gw_ack_epoch *ack = &frame->u.ack.epochs[i];
        const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, ack->epoch);
        for (size_t k = 0; book && k < ack->return_count; k++) {
            for (uint64_t at = ack->returns[k].first; at <= ack->returns[k].last; at++) {
                struct sim_message *message = sim_epoch_message(book, at);
                if (!message)
                    break;
                if (peer->guest)
                    continue;
                message->taken = ack->returns[k].number;
                message->taken_life = peer->life;
            }
        }
    }
}

/* What a member has decided and told is not sent to anyone again, also if it was forfeited there
 * meanwhile; but a newer assignment that is not durable yet is not undone. */
static void note_decided(struct sim_peer *peer, const struct sim_peer *member,
                         const struct sim_epoch *book, uint64_t sequence)
{
    const struct gw_stream *stream =
        gw_map_get(&gw_turn_core(peer->turn)->streams, book->epoch);
    const struct gw_run *run = stream ? gw_run_at(stream, sequence) : NULL;
    struct sim_message *message = sim_epoch_message(book, sequence);
    bool counts = message && (message->assigned == member->index + 1 ||
                              message->forfeited_by >> member->index & 1);

    if (counts && !(run && run->turn > gw_turn_core(peer->turn)->committed))
        message->told_life = peer->life;
}

static void note_decisions(struct sim_peer *peer, const struct sim_peer *member,
                           const struct gw_frame *frame)
{
    if (sim_guest(peer->world, SIM_GUEST_ANSWERED))
        return;
    for (size_t i = 0; i < frame->u.ack.epoch_count; i++) {
        const struct gw_ack_epoch *ack = &frame->u.ack.epochs[i];
        const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, ack->epoch);
        for (size_t k = 0; book && k < ack->decided_count; k++) {
            for (uint64_t at = ack->decided[k].first; at <= ack->decided[k].last; at++)
                note_decided(peer, member, book, at);
        }
    }
}

/* A request that comes again after it was decided: its reply is in the same write. */
static void see_duplicate_request(struct sim_peer *peer, const struct gw_frame *frame)
{
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, frame->u.data.epoch);
    const struct sim_message *message =
        book ? sim_epoch_message(book, frame->u.data.first) : NULL;

    if (message && book->destination.kind == GW_KIND_SERVICE && message->outputs &&
        message->decided_by >> peer->index & 1)
        sim_sight(peer->world, SIM_SIGHT_answer_resent, 1);
}

void sim_check_arrival(struct sim_peer *peer, uint64_t conn, struct gw_slice header,
                       struct sim_print *before)
{
    struct gw_frame frame;

    before->fenced = false;
    if (!header.size || !sim_decode(peer->world, header, &frame))
        return;
    const struct sim_peer *other = sim_net_other_end(peer->world, peer, conn);
    switch (frame.type) {
    case GW_FRAME_WELCOME:
        if (other)
            sim_check_doubted(peer, other); /* it may be another process than that of the link */
        return;
    case GW_FRAME_HELLO:
    case GW_FRAME_READY:
    case GW_FRAME_REFUSE:
        return;
    default:
        break;
    }
    before->fenced = !of_this_link(peer, conn, frame.link);
    if (has_link(peer, other, conn, frame.link)) {
        sim_check_heard(peer, other);
        if (frame.type == GW_FRAME_ACK) {
            note_returns(peer, &frame);
            note_decisions(peer, other, &frame);
        }
    }
    if (frame.type == GW_FRAME_DATA && !before->fenced)
        see_duplicate_request(peer, &frame);
    before->refusals = peer->world->stats.faults[SIM_FAULT_send_refused];
    if (before->fenced)
        before->hash = print_of(peer);
}

void sim_check_arrived(struct sim_peer *peer, const struct sim_print *before)
{
    struct sim_world *world = peer->world;

    if (before->fenced && !world->failed && print_of(peer) != before->hash &&
        before->refusals == world->stats.faults[SIM_FAULT_send_refused])
        sim_fail(world, "fencing: a frame of a link that is not the current one of its "
                 "connection changed the state of %s", peer->name);
}
