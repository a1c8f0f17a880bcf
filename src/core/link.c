/* SPDX-License-Identifier: MPL-2.0 */
/* Links: frames by connection, the fence of link ids. The handshake is in handshake.c, liveness in
 * heartbeat.c.
 *
 *   dialled conn:   HELLO ... WELCOME -> link up, READY    (GW_TIMER_HELLO: when to try again)
 *   accepted conn:  HELLO -> WELCOME ... READY -> link up
 *   any:            RESET, BYE, silence, loss, a newer link -> link down
 *
 * A link id belongs to the connection it was made on. A frame of any other id changes
 * nothing (rule 2). */

#include "base/plant.h"
#include "core/link.h"
#include <stdlib.h>
#include <string.h>

#define HELLO_FIRST_US   50000 /* first pause between HELLOs; doubles up to the heartbeat */
#define HELLO_CAP_MIN_US 200000
#define RTO_FIRST_US \
    200000 /* before the first sample; RFC 6298 section 2.1, scaled to local links */
#define RTO_MIN_US        10000

/* ---- time ---- */

/* Spreads a pause over 80 to 120 %, so that many peers do not act in step. */
uint64_t gw_link_jitter(struct gw_core *core, uint64_t pause_us)
{
    if (core->options.no_jitter)
        return pause_us;
    return pause_us * 4 / 5 + gw_random_below(&core->random, pause_us * 2 / 5 + 1);
}

/* Doubles with each probe that nothing answers, up to the heartbeat. */
uint64_t gw_link_rto_us(const struct gw_core *core, const struct gw_link *link)
{
    uint64_t rto = link->srtt_us ? link->srtt_us + 4 * link->rttvar_us : RTO_FIRST_US;
    if (rto < RTO_MIN_US)
        rto = RTO_MIN_US;
    rto <<= link->probe_backoff;
    return rto < core->options.heartbeat_us ? rto : core->options.heartbeat_us;
}

/* The next HELLO of a dialled connection: exponential back-off from HELLO_FIRST_US to about a
 * heartbeat. */
void gw_link_hello_later(struct gw_core *core, struct gw_conn *conn)
{
    uint64_t cap = core->options.heartbeat_us > HELLO_CAP_MIN_US ? core->options.heartbeat_us
                                                                 : HELLO_CAP_MIN_US;
    uint64_t pause = HELLO_FIRST_US << (conn->hello_tries < 10 ? conn->hello_tries : 10);
    conn->hello_tries++;
    gw_timer_set(core, GW_TIMER_HELLO, &conn->timer,
                 core->now_us + gw_link_jitter(core, pause < cap ? pause : cap));
}

void gw_link_hello_soon(struct gw_core *core, struct gw_conn *conn)
{
    conn->hello_tries = 0;
    gw_timer_set(core, GW_TIMER_HELLO, &conn->timer, core->now_us);
}

void gw_link_hello_no_more(struct gw_core *core, struct gw_conn *conn)
{
    gw_timer_set(core, GW_TIMER_HELLO, &conn->timer, GW_NEVER);
}

/* Frames that a link cannot do without: one that is lost is found by the count in PING and PONG,
 * which are not counted themselves, as are those that end a link. */
static bool is_counted(uint8_t type)
{
    return type == GW_FRAME_SERVE || type == GW_FRAME_OPEN || type == GW_FRAME_DATA ||
           type == GW_FRAME_ACK || type == GW_FRAME_CLOSED || type == GW_FRAME_SKIP;
}

/* A counted frame leaves on a link that is up, and on no other connection than its own. */
void gw_link_frame_sent(struct gw_core *core, uint64_t id, uint8_t type)
{
    if (is_counted(type))
        gw_conn_get(core, id)->remote->link.frames_sent++;
}

/* A run left on this link: if no frame comes back within the RTO, a PING asks. */
void gw_link_data_sent(struct gw_core *core, struct gw_remote *remote)
{
    struct gw_link *link = &remote->link;
    link->frames_sent++;
    if (link->probe_due_us != GW_NEVER)
        return;
    link->probe_due_us = core->now_us + gw_link_jitter(core, gw_link_rto_us(core, link));
    gw_link_retime(core, remote);
}

/* ---- connections ---- */

struct gw_conn *gw_conn_get(struct gw_core *core, uint64_t id)
{
    return gw_map_get(&core->conns, id);
}

/* An accepted connection without a link is forgotten, if nothing comes of it from now on. */
static void conn_touched(struct gw_core *core, struct gw_conn *conn)
{
    if (!conn->dialled && !conn->link)
        gw_timer_set(core, GW_TIMER_STRANGER, &conn->timer, core->now_us + UNUSED_CONN_US);
}

void gw_conn_claim(struct gw_core *core, struct gw_conn *conn, struct gw_remote *remote)
{
    struct gw_remote *before = conn->remote;
    if (before == remote)
        return;
    if (before)
        gw_list_leave(conn, next_of_remote, here_of_remote);
    conn->remote = remote;
    if (remote)
        gw_list_push(&remote->conns, conn, next_of_remote, here_of_remote);
    if (before && !before->conns && before->passing)
        gw_remote_forget(core, before);
}

void gw_conn_free(struct gw_conn *conn)
{
    free(conn->identity);
    free(conn);
}

static void conn_remove(struct gw_core *core, struct gw_conn *conn)
{
    if (conn->remote && conn->remote->offer_conn == conn->id)
        conn->remote->offer_conn = 0;
    gw_conn_claim(core, conn, NULL);
    gw_timer_set(core, conn->dialled ? GW_TIMER_HELLO : GW_TIMER_STRANGER, &conn->timer, GW_NEVER);
    core->leaving -= conn->leaving;
    gw_map_remove(&core->conns, conn->id);
    gw_conn_free(conn);
}

/* An accepted connection that is of no use (any more). */
void gw_link_hang_up(struct gw_core *core, struct gw_conn *conn)
{
    struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_HANGUP);
    if (effect)
        effect->u.conn = conn->id;
    conn_remove(core, conn);
}

/* A full table keeps nobody out for as long as some in it have no link: the one that was silent for
 * longest makes room. False: all have one. */
static bool make_room(struct gw_core *core)
{
    struct gw_heap_place *oldest = gw_heap_first(&core->timers[GW_TIMER_STRANGER]);
    if (oldest)
        gw_link_hang_up(core, GW_HEAP_ITEM(oldest, struct gw_conn, timer));
    return oldest != NULL;
}

void gw_conn_unused_due(struct gw_core *core, struct gw_conn *conn)
{
    gw_link_hang_up(core, conn);
}

struct gw_conn *gw_conn_add(struct gw_core *core, uint64_t id, bool dialled)
{
    if (core->conns.count >= GW_CONNS_MAX && !make_room(core))
        return NULL;
    struct gw_conn *conn = gw_allocate(core, sizeof *conn);
    if (!conn)
        return NULL;
    if (gw_map_put(&core->conns, id, conn)) {
        free(conn);
        gw_fail(core);
        return NULL;
    }
    conn->id = id;
    conn->dialled = dialled;
    conn_touched(core, conn);
    return conn;
}

/* ---- up and down ---- */

static void count_members(struct gw_core *core, struct gw_remote *remote)
{
    for (struct gw_member *member = remote->members; member; member = member->next_in_remote)
        gw_member_changed(core, member);
}

/* Redials: the link's own connection if we dialled it, and those that stood back for this link. A
 * link that did not live long is followed by a growing pause, so that two peers who cannot agree do
 * not spin. */
static void redial(struct gw_core *core, struct gw_remote *remote, uint64_t lived_us)
{
    for (struct gw_conn *conn = remote->conns; conn; conn = conn->next_of_remote) {
        if (!conn->dialled)
            continue;
        if (lived_us >= core->options.heartbeat_us)
            gw_link_hello_soon(core, conn);
        else
            gw_link_hello_later(core, conn);
    }
}

void gw_link_down(struct gw_core *core, struct gw_remote *remote, enum gw_down why)
{
    struct gw_link *link = &remote->link;
    struct gw_conn *conn = gw_conn_get(core, link->conn);
    conn->link = 0;
    conn_touched(core, conn);
    uint64_t lived_us = core->now_us - link->up_us;
    gw_timer_set(core, GW_TIMER_LINK, &remote->timer, GW_NEVER);
    memset(link, 0, sizeof *link);
    remote->proof_due_us = 0;
    core->counters[GW_COUNTER_links_now]--;
    if (why == GW_DOWN_REPLACED)
        gw_count(core, GW_COUNTER_links_replaced, 1);
    else if (why != GW_DOWN_BYE && why != GW_DOWN_CLOSED)
        gw_count(core, GW_COUNTER_links_lost, 1);
    gw_stream_link_down(core, remote);
    gw_window_link_down(remote);
    gw_remote_away(core, remote);
    count_members(core, remote);
    gw_note(core, GW_NOTE_LINK_DOWN, remote->name, why, 0);
    if (why != GW_DOWN_REPLACED && why != GW_DOWN_CLOSED)
        redial(core, remote, lived_us);
}

void gw_link_violation(struct gw_core *core, struct gw_remote *remote, uint8_t frame_type)
{
    gw_count(core, GW_COUNTER_violations, 1);
    gw_note(core, GW_NOTE_VIOLATION, remote->name, frame_type, 0);
    gw_send_frame(core, remote->link.conn, GW_FRAME_RESET, remote->link.id);
    gw_link_down(core, remote, GW_DOWN_VIOLATION);
}

/* Another process of that name: of a memory peer, the one before has ended. */
static void renew(struct gw_core *core, struct gw_remote *remote)
{
    bool renewed = remote->process && remote->process != remote->identity.process;
    struct gw_member *member =
        renewed && (remote->process_memory || GW_PLANT(PREFETCH_CHARGED)) ? remote->members : NULL;
    for (; member; member = member->next_in_remote)
        gw_retry_renewed(core, member);
    if (renewed && remote->process_memory && !remote->gone)
        gw_remote_gone(core, remote);
}

/* The process of that identity lives: it spoke on a link that it shares with us. Its READY says so.
 * A WELCOME does not: it may be late, and its process dead while a newer one lives. */
static void take_for_alive(struct gw_core *core, struct gw_remote *remote)
{
    remote->link.alive = true;
    renew(core, remote);
    remote->process = remote->identity.process;
    remote->process_memory = remote->identity.memory;
    remote->gone = false;
    for (struct gw_member *member = remote->members; member; member = member->next_in_remote) {
        member->forfeited = false;
        if (member->target->destination.kind == GW_KIND_REPLY)
            member->target->abandoned = false;
    }
}

void gw_link_up(struct gw_core *core, struct gw_conn *conn, uint64_t id,
                const struct gw_identity *identity)
{
    struct gw_remote *remote = conn->remote;
    if (remote->link.id)
        gw_link_down(core, remote, GW_DOWN_REPLACED);
    struct gw_link *link = &remote->link;
    remote->identity = *identity;
    free(conn->identity); /* which may be the one above */
    conn->identity = NULL;
    remote->passing = false;
    if (!conn->dialled)
        take_for_alive(core, remote);
    gw_timer_set(core, GW_TIMER_AWAY, &remote->timer, GW_NEVER);
    conn->link = id;
    conn->offered = 0;
    gw_timer_set(core, conn->dialled ? GW_TIMER_HELLO : GW_TIMER_STRANGER, &conn->timer, GW_NEVER);
    conn->hello_sent = false;
    link->id = id;
    link->conn = conn->id;
    link->dialled = conn->dialled;
    link->up_us = core->now_us;
    link->heard_us = core->now_us;
    link->probe_due_us = GW_NEVER;
    link->ping_due_us = core->now_us + gw_link_jitter(core, core->options.heartbeat_us);
    gw_link_retime(core, remote);
    gw_count(core, GW_COUNTER_links_up, 1);
    gw_count(core, GW_COUNTER_links_now, 1);
    gw_note(core, GW_NOTE_LINK_UP, remote->name, 0, 0);
    if (conn->dialled)
        gw_send_frame(core, conn->id, GW_FRAME_READY, id);
    gw_window_link_up(core, remote);
    gw_stream_link_up(core, remote);
}

/* ---- events that are not frames ---- */

void gw_link_dial(struct gw_core *core, uint64_t id)
{
    struct gw_conn *conn = gw_conn_add(core, id, true);
    if (conn)
        gw_link_hello_soon(core, conn);
}

void gw_link_undial(struct gw_core *core, uint64_t id)
{
    struct gw_conn *conn = gw_conn_get(core, id);
    if (!conn)
        return;
    struct gw_remote *remote = conn->link ? conn->remote : NULL;
    if (remote) {
        gw_send_frame(core, id, GW_FRAME_BYE, conn->link);
        gw_link_down(core, remote, GW_DOWN_CLOSED);
    }
    conn_remove(core, conn);
    if (remote) /* another dial of the same peer may have stood back for this one */
        redial(core, remote, core->options.heartbeat_us);
}

void gw_link_lost(struct gw_core *core, uint64_t id)
{
    struct gw_conn *conn = gw_conn_get(core, id);
    if (!conn)
        return;
    bool dialled = conn->dialled;
    if (conn->link)
        gw_link_down(core, conn->remote, GW_DOWN_LOST);
    if (!dialled)
        conn_remove(core, conn);
    else if (gw_conn_calls(conn))
        gw_link_hello_later(core, conn); /* there is nobody yet: a pause, not a loop */
}

/* A connection is known from its first frame on, whatever that is: else nobody would ever hang it
 * up, and the net has room for so many only. */
static struct gw_conn *conn_of(struct gw_core *core, uint64_t id)
{
    struct gw_conn *conn = gw_conn_get(core, id);
    return conn ? conn : gw_conn_add(core, id, false);
}

static bool has_ordered(const struct gw_remote *remote)
{
    const struct gw_window *window = remote->windows;
    while (window && !window->ordered)
        window = window->next;
    return window != NULL;
}

static void end_with_gap(struct gw_core *core, const struct gw_conn *conn)
{
    gw_count(core, GW_COUNTER_gaps, 1);
    gw_send_frame(core, conn->id, GW_FRAME_RESET, conn->link);
    gw_link_down(core, conn->remote, GW_DOWN_GAP);
}

/* The next PONG proves the gap. In an ordered stream what follows may not go before it, so that the
 * link ends at once; but not for a frame of an older one, of which nothing follows. */
void gw_link_corrupt(struct gw_core *core, uint64_t id, uint64_t link)
{
    gw_count(core, GW_COUNTER_bad_checksum, 1);
    struct gw_conn *conn = conn_of(core, id);
    if (conn && conn->link && conn->link == link && has_ordered(conn->remote))
        end_with_gap(core, conn);
}

/* A link speaks one version: a frame was damaged on the way, or another program has taken the
 * other side's place, and is not to blame. */
void gw_link_gone_bad(struct gw_core *core, struct gw_conn *conn)
{
    gw_count(core, GW_COUNTER_malformed, 1);
    if (conn->link)
        end_with_gap(core, conn);
}

void gw_link_malformed(struct gw_core *core, uint64_t id)
{
    gw_count(core, GW_COUNTER_malformed, 1);
    struct gw_conn *conn = conn_of(core, id);
    if (conn && conn->link)
        gw_link_violation(core, conn->remote, 0);
}

void gw_link_close_all(struct gw_core *core)
{
    struct gw_conn *conn;
    core->closed = true;
    for (size_t at = 0; (conn = gw_map_next(&core->conns, &at, NULL));) {
        if (conn->dialled)
            gw_link_hello_no_more(core, conn);
        if (!conn->link)
            continue;
        struct gw_frame *bye = gw_send_frame(core, conn->id, GW_FRAME_BYE, conn->link);
        core->leaving += !conn->leaving;
        bye->u.bye.last = conn->leaving = true;
        gw_link_down(core, conn->remote, GW_DOWN_CLOSED);
    }
}

/* A socket that closes early may take with it what the other side has received and not read. */
bool gw_core_is_leaving(const struct gw_core *core)
{
    return core->leaving != 0;
}

/* ---- frames ---- */

static void refused(struct gw_core *core, struct gw_conn *conn, const struct gw_frame *frame)
{
    gw_count(core, GW_COUNTER_refusals_received, 1);
    gw_note(core, GW_NOTE_REFUSED, conn->remote ? conn->remote->name : "", frame->u.refuse.code, 0);
    if (frame->u.refuse.code == GW_REFUSE_EPOCH && conn->link && frame->link == conn->link)
        gw_stream_refused(core, conn->remote, frame->u.refuse.epoch);
    else if (frame->u.refuse.code == GW_REFUSE_CROSSED && conn->remote && conn->remote->link.id)
        gw_link_hello_no_more(core, conn); /* stand back: the link that we share is another */
}

static void ended_by_them(struct gw_core *core, struct gw_conn *conn, const struct gw_frame *frame)
{
    bool reset = frame->type == GW_FRAME_RESET;
    core->leaving -= conn->leaving;
    conn->leaving = false; /* whoever we said BYE to has read all that came before it */
    if (!conn->link || frame->link != conn->link)
        return;
    if (reset)
        gw_count(core, GW_COUNTER_resets_received, 1);
    else if (frame->u.bye.last) /* it waits for that before it closes its sockets */
        gw_send_frame(core, conn->id, GW_FRAME_BYE, conn->link);
    struct gw_remote *remote = conn->remote;
    if (!reset && !remote->link.alive)
        take_for_alive(core, remote);
    gw_link_down(core, remote, reset ? GW_DOWN_RESET : GW_DOWN_BYE);
    if (!reset && frame->u.bye.last && remote->identity.memory)
        gw_remote_gone(core, remote);
}

static void on_link(struct gw_core *core, struct gw_remote *remote, const struct gw_event *event)
{
    const struct gw_frame *frame = event->u.frame.frame;
    struct gw_link *link = &remote->link;
    link->heard_us = core->now_us;
    link->probe_backoff = 0;
    link->probe_due_us = GW_NEVER;
    remote->proof_due_us = 0;
    gw_link_retime(core, remote);
    link->frames_received += is_counted(frame->type);
    switch (frame->type) {
    case GW_FRAME_PING:
        gw_link_on_ping(core, remote, frame);
        break;
    case GW_FRAME_PONG:
        gw_link_on_pong(core, remote, frame);
        break;
    case GW_FRAME_SERVE:
        gw_stream_served(core, remote, frame);
        break;
    case GW_FRAME_OPEN:
        gw_window_open(core, remote, frame);
        break;
    case GW_FRAME_DATA:
        gw_window_data(core, remote, event);
        break;
    case GW_FRAME_ACK:
        gw_stream_ack(core, remote, frame);
        break;
    case GW_FRAME_CLOSED:
        gw_window_closed(core, remote, frame);
        break;
    case GW_FRAME_SKIP:
        gw_window_skip(core, remote, frame);
        break;
    default:
        break;
    }
}

/* The fence (rule 2). READY is the one frame that may carry an id that is not yet current. */
static void fenced(struct gw_core *core, struct gw_conn *conn, const struct gw_event *event)
{
    const struct gw_frame *frame = event->u.frame.frame;
    bool current = conn->link && frame->link == conn->link;
    if (!current && GW_PLANT(OLD_LINK) && conn->remote && conn->remote->link.id) {
        on_link(core, conn->remote, event);
        return;
    }
    if (!current) {
        gw_count(core, GW_COUNTER_stale_frames, 1);
        gw_count(core, GW_COUNTER_resets_sent, 1);
        gw_send_frame(core, conn->id, GW_FRAME_RESET, frame->link);
        return;
    }
    if (!conn->remote->link.alive)
        take_for_alive(core, conn->remote);
    on_link(core, conn->remote, event);
}

void gw_link_frame(struct gw_core *core, const struct gw_event *event)
{
    const struct gw_frame *frame = event->u.frame.frame;
    struct gw_conn *conn = conn_of(core, event->u.frame.conn);
    if (!conn)
        return; /* the table is full: whoever it is tries again */
    conn_touched(core, conn);
    if (event->u.frame.version_alien) {
        gw_handshake_alien(core, conn, frame);
        return;
    }
    switch (frame->type) {
    case GW_FRAME_HELLO:
        gw_handshake_on_hello(core, conn, frame);
        break;
    case GW_FRAME_WELCOME:
        gw_handshake_on_welcome(core, conn, frame);
        break;
    case GW_FRAME_READY:
        gw_handshake_on_ready(core, conn, frame);
        break;
    case GW_FRAME_REFUSE:
        refused(core, conn, frame);
        break;
    case GW_FRAME_RESET:
    case GW_FRAME_BYE:
        ended_by_them(core, conn, frame);
        break;
    default:
        fenced(core, conn, event);
        break;
    }
}
