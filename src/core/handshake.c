/* SPDX-License-Identifier: MPL-2.0 */
/* How two peers get one link: HELLO, WELCOME, READY, and the refusals.
 *
 * Crossing dials (rule 4): when both dial each other, the dial of the peer with the lower name
 * stays. Both sides compute this alike from the two names, so that one link is left whatever the
 * order of the frames.
 *
 * A name held by a live link of another process is not given away: the incumbent is asked to show
 * that it lives, the newcomer is told to come back. If the incumbent is gone, its link is down by
 * the newcomer's next try. */

#include "core/link.h"
#include <string.h>

#define INCUMBENT_US_MIN 200000 /* time that an incumbent has to answer */

static void fill_identity(const struct gw_core *core, struct gw_identity *identity)
{
    const struct gw_core_options *options = &core->options;
    identity->version_min = GW_WIRE_VERSION;
    identity->version_max = GW_WIRE_VERSION;
    memcpy(identity->name, options->name, sizeof identity->name);
    memcpy(identity->store, options->store, sizeof identity->store);
    identity->open = options->open;
    identity->process = options->process;
    identity->memory = options->memory;
    identity->max_message = options->max_message;
    identity->window = options->window;
    identity->heartbeat_ms = options->heartbeat_us / 1000;
}

static void refuse(struct gw_core *core, struct gw_conn *conn, enum gw_refusal code,
                   const char *peer, const char *text)
{
    struct gw_frame *frame = gw_send_frame(core, conn->id, GW_FRAME_REFUSE, 0);
    frame->u.refuse.code = code;
    strncpy(frame->u.refuse.text, text, GW_TEXT_MAX);
    gw_count(core, code == GW_REFUSE_CROSSED ? GW_COUNTER_crossed : GW_COUNTER_refused, 1);
    if (code != GW_REFUSE_CROSSED)
        gw_note(core, GW_NOTE_REFUSING, peer, code, 0);
}

/* True if the peer already has a link that we dialled and whose dial wins over any of theirs. */
static bool our_dial_wins(const struct gw_core *core, const struct gw_remote *remote,
                          const struct gw_conn *conn, const struct gw_identity *identity)
{
    const struct gw_link *link = &remote->link;
    return link->id && link->conn != conn->id && link->dialled &&
           remote->identity.process == identity->process &&
           strcmp(core->options.name, remote->name) < 0;
}

/* True if the name is held by a live link of another process; asks that one to prove it. */
static bool held_by_incumbent(struct gw_core *core, struct gw_remote *remote,
                              const struct gw_conn *conn, const struct gw_identity *identity)
{
    struct gw_link *link = &remote->link;
    if (!link->id || link->conn == conn->id || remote->identity.process == identity->process)
        return false;
    if (!remote->proof_due_us) {
        uint64_t patience = 2 * (link->srtt_us + 4 * link->rttvar_us);
        remote->proof_due_us =
            core->now_us + (patience > INCUMBENT_US_MIN ? patience : INCUMBENT_US_MIN);
        gw_link_retime(core, remote);
        gw_link_ping(core, remote);
    }
    return true;
}

/* Whether the two can talk at all; refuses if not. */
static struct gw_remote *acceptable(struct gw_core *core, struct gw_conn *conn,
                                    const struct gw_identity *identity)
{
    if (identity->version_min > GW_WIRE_VERSION || identity->version_max < GW_WIRE_VERSION) {
        refuse(core, conn, GW_REFUSE_VERSION, identity->name,
               "no wire version in common: this peer speaks 1");
        return NULL;
    }
    if (strcmp(identity->name, core->options.name) == 0) {
        refuse(core, conn, GW_REFUSE_SELF, identity->name, "this peer has that name itself");
        return NULL;
    }
    if (conn->remote && !conn->dialled && strcmp(identity->name, conn->remote->name) != 0) {
        /* one connection speaks for one peer, and costs the room of one */
        refuse(core, conn, GW_REFUSE_IDENTITY, identity->name,
               "this connection belongs to another name");
        return NULL;
    }
    struct gw_remote *remote = gw_remote_find(core, identity->name);
    if (remote)
        return remote;
    remote = gw_remote_get(core, identity->name);
    if (remote)
        remote->passing = true;
    else
        refuse(core, conn, GW_REFUSE_BUSY, identity->name, "this peer knows too many others");
    return remote;
}

void gw_conn_hello_due(struct gw_core *core, struct gw_conn *conn)
{
    struct gw_frame *frame = gw_send_frame(core, conn->id, GW_FRAME_HELLO, 0);
    fill_identity(core, &frame->u.identity);
    conn->hello_sent = true;
    gw_count(core, GW_COUNTER_hellos_sent, 1);
    gw_link_hello_later(core, conn);
}

void gw_handshake_on_hello(struct gw_core *core, struct gw_conn *conn, const struct gw_frame *frame)
{
    const struct gw_identity *identity = &frame->u.identity;
    if (conn->dialled || core->closed)
        return; /* whoever is dialled answers; a HELLO here is noise */
    struct gw_remote *remote = acceptable(core, conn, identity);
    if (!remote)
        return;
    if (held_by_incumbent(core, remote, conn, identity)) {
        refuse(core, conn, GW_REFUSE_IDENTITY, remote->name,
               "another process holds this name: try again later");
        return;
    }
    if (our_dial_wins(core, remote, conn, identity)) {
        refuse(core, conn, GW_REFUSE_CROSSED, remote->name, "we share a link already");
        return;
    }
    if (!conn->identity)
        conn->identity = gw_allocate(core, sizeof *conn->identity);
    if (!conn->identity)
        return;
    gw_conn_claim(core, conn, remote);
    *conn->identity = *identity;
    conn->offered = core->entropy ? core->entropy : 1; /* never the same twice, not even repeated */
    remote->offer_conn = conn->id;
    struct gw_frame *welcome = gw_send_frame(core, conn->id, GW_FRAME_WELCOME, conn->offered);
    fill_identity(core, &welcome->u.identity);
}

/* Whether to stand back because the two share a link already: on another connection, and of the
 * same process, or an incumbent would hold the name. */
static bool stand_back(struct gw_core *core, struct gw_conn *conn, struct gw_remote *remote)
{
    struct gw_link *link = &remote->link;
    if (!link->id)
        return false;
    if (!link->dialled && strcmp(core->options.name, remote->name) < 0)
        return false; /* their dial, but ours wins: take this one */
    gw_link_hello_no_more(core, conn);
    gw_count(core, GW_COUNTER_crossed, 1);
    return true;
}

void gw_handshake_on_welcome(struct gw_core *core, struct gw_conn *conn,
                             const struct gw_frame *frame)
{
    const struct gw_identity *identity = &frame->u.identity;
    if (!conn->dialled || !conn->hello_sent || !gw_conn_calls(conn) || !frame->link ||
        frame->link == conn->adopted)
        return; /* not waiting for one: a late repetition, or one that would hurry a pause */
    struct gw_remote *remote = acceptable(core, conn, identity);
    if (!remote)
        return;
    if (held_by_incumbent(core, remote, conn, identity))
        return; /* HELLO comes again */
    gw_conn_claim(core, conn, remote);
    if (stand_back(core, conn, remote))
        return;
    conn->adopted = frame->link;
    gw_link_up(core, conn, frame->link, identity);
}

void gw_handshake_on_ready(struct gw_core *core, struct gw_conn *conn, const struct gw_frame *frame)
{
    if (conn->link && conn->link == frame->link)
        return; /* said twice */
    struct gw_remote *remote = conn->remote;
    bool offered = !conn->dialled && conn->offered && conn->offered == frame->link &&
                   remote->offer_conn == conn->id;
    if (!offered) {
        gw_count(core, GW_COUNTER_stale_frames, 1);
        gw_count(core, GW_COUNTER_resets_sent, 1);
        gw_send_frame(core, conn->id, GW_FRAME_RESET, frame->link);
        return;
    }
    if (our_dial_wins(core, remote, conn, conn->identity)) {
        conn->offered = 0;
        refuse(core, conn, GW_REFUSE_CROSSED, remote->name, "we share a link already");
        return;
    }
    if (held_by_incumbent(core, remote, conn, conn->identity)) {
        conn->offered = 0;
        refuse(core, conn, GW_REFUSE_IDENTITY, remote->name,
               "another process holds this name: try again later");
        return;
    }
    gw_link_up(core, conn, frame->link, conn->identity);
}

/* A frame of a version that we do not speak. Only a HELLO gets an answer that its sender may
 * understand: type and link stand at the same place in every version. */
void gw_handshake_alien(struct gw_core *core, struct gw_conn *conn, const struct gw_frame *frame)
{
    if (frame->type == GW_FRAME_HELLO)
        refuse(core, conn, GW_REFUSE_VERSION, "", "no wire version in common: this peer speaks 1");
    else
        gw_link_gone_bad(core, conn);
}
