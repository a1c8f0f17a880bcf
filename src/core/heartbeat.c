/* SPDX-License-Identifier: MPL-2.0 */
/* Liveness: PING and PONG, what they prove, and when they are due. */

#include "base/plant.h"
#include "core/link.h"

#define SILENT_HEARTBEATS 3
#define FLOORS_PER_PING 64

/* RFC 6298, section 2.2 and 2.3. */
static void rtt_sample(struct gw_link *link, uint64_t rtt_us)
{
    if (rtt_us == 0)
        rtt_us = 1;
    if (!link->srtt_us) {
        link->srtt_us = rtt_us;
        link->rttvar_us = rtt_us / 2;
        return;
    }
    uint64_t error = link->srtt_us > rtt_us ? link->srtt_us - rtt_us : rtt_us - link->srtt_us;
    link->rttvar_us = (3 * link->rttvar_us + error) / 4;
    link->srtt_us = (7 * link->srtt_us + rtt_us) / 8;
}

static void fill_floors(struct gw_core *core, struct gw_remote *remote, struct gw_frame *frame)
{
    struct gw_floor *floors = gw_effects_allocate(core->out, FLOORS_PER_PING * sizeof *floors);
    if (!floors)
        return;
    size_t count = gw_stream_floors(remote, floors, FLOORS_PER_PING);
    frame->u.ping.floors = floors;
    frame->u.ping.floor_count = count;
}

void gw_link_ping(struct gw_core *core, struct gw_remote *remote)
{
    struct gw_link *link = &remote->link;
    struct gw_frame *frame = gw_send_frame(core, link->conn, GW_FRAME_PING, link->id);
    frame->u.ping.time_us = core->now_us;
    frame->u.ping.frames = link->frames_sent;
    fill_floors(core, remote, frame);
    if (!link->ping_time_us) { /* else an earlier one is still to be answered, see on_pong */
        link->ping_time_us = core->now_us;
        link->ping_frames = link->frames_sent;
    }
    gw_count(core, GW_COUNTER_pings_sent, 1);
    gw_stream_repeat_closed(core, remote);
    gw_skip_repeat(core, remote, false);
}

static void take_floors(struct gw_core *core, struct gw_remote *remote,
                        const struct gw_frame *frame)
{
    uint64_t link = frame->link;
    for (size_t i = 0; i < frame->u.ping.floor_count && remote->link.id == link; i++)
        gw_window_floor(core, remote, &frame->u.ping.floors[i]);
}

void gw_link_on_ping(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame)
{
    take_floors(core, remote, frame);
    struct gw_link *link = &remote->link;
    if (!link->id)
        return;
    struct gw_frame *pong = gw_send_frame(core, link->conn, GW_FRAME_PONG, link->id);
    pong->u.ping.time_us = frame->u.ping.time_us;
    pong->u.ping.frames = link->frames_received;
    gw_window_pinged(core, remote);
}

/* A PONG counts what came before its PING, connections keep order: a count that falls short proves
 * that a frame was lost on a live link. A new link says what is missing and only that is sent
 * again. The oldest unanswered PING is the one that is followed, and any later one's PONG answers
 * it too: where the round trip is longer than a heartbeat, the latest PING is never answered. */
void gw_link_on_pong(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame)
{
    take_floors(core, remote, frame);
    struct gw_link *link = &remote->link;
    uint64_t time_us = frame->u.ping.time_us;
    if (!link->id || !link->ping_time_us || time_us < link->ping_time_us ||
        time_us > core->now_us)
        return;
    rtt_sample(link, core->now_us - time_us);
    link->ping_time_us = 0;
    if (frame->u.ping.frames >= link->ping_frames || GW_PLANT(GAP_IGNORED))
        return;
    gw_count(core, GW_COUNTER_gaps, 1);
    gw_send_frame(core, link->conn, GW_FRAME_RESET, link->id);
    gw_link_down(core, remote, GW_DOWN_GAP);
}

/* A frame is heard when all of it is there, and holds up those behind it: who may send large ones
 * may be silent for as long as one takes at a byte each microsecond. */
static uint64_t large_us(const struct gw_remote *remote)
{
    uint64_t largest = gw_message_limit(remote->identity.max_message);
    return gw_at_most(largest, GW_MESSAGE_MAX) - GW_MESSAGE_COMMON;
}

static uint64_t silent_at_us(const struct gw_core *core, const struct gw_remote *remote)
{
    uint64_t silent_us = remote->link.heard_us + SILENT_HEARTBEATS * core->options.heartbeat_us +
                         large_us(remote);
    return remote->proof_due_us ? gw_at_most(silent_us, remote->proof_due_us) : silent_us;
}

uint64_t gw_link_due_us(const struct gw_core *core, const struct gw_remote *remote)
{
    const struct gw_link *link = &remote->link;
    uint64_t ask_us = gw_at_most(link->probe_due_us, link->ping_due_us);
    return gw_at_most(silent_at_us(core, remote), ask_us);
}

void gw_link_retime(struct gw_core *core, struct gw_remote *remote)
{
    gw_timer_set(core, GW_TIMER_LINK, &remote->timer, gw_link_due_us(core, remote));
}

void gw_link_due(struct gw_core *core, struct gw_remote *remote)
{
    struct gw_link *link = &remote->link;
    if (core->now_us >= silent_at_us(core, remote)) {
        gw_link_down(core, remote, GW_DOWN_SILENT);
        return;
    }
    if (core->now_us >= link->probe_due_us) {
        link->probe_backoff += link->probe_backoff < 8;
        link->probe_due_us = core->now_us + gw_link_jitter(core, gw_link_rto_us(core, link));
        gw_count(core, GW_COUNTER_probes, 1);
        gw_link_ping(core, remote);
        if (GW_PLANT(RESEND_BLIND) && remote->members && !remote->members->unsent_head) {
            gw_unsent_requeue(core, remote->members);
            gw_unsent_send(core, remote->members);
        }
    }
    if (core->now_us >= link->ping_due_us) {
        link->ping_due_us = core->now_us + gw_link_jitter(core, core->options.heartbeat_us * 4 / 5);
        gw_link_ping(core, remote);
    }
    gw_link_retime(core, remote);
}
