/* SPDX-License-Identifier: MPL-2.0 */
/* What this peer serves, and how much of it each other peer may send: SERVE frames and credit. */

#include "base/plant.h"
#include "core/state.h"

static struct gw_local *local_find(const struct gw_core *core,
                                   const struct gw_destination *destination)
{
    struct gw_local *local = core->locals;
    while (local && !gw_destination_equal(&local->destination, destination))
        local = local->next;
    return local;
}

struct gw_intake *gw_intake_get(struct gw_core *core, struct gw_remote *remote,
                                const struct gw_destination *destination)
{
    struct gw_local *local = local_find(core, destination);
    if (!local)
        return NULL;
    for (struct gw_intake *intake = remote->intakes; intake; intake = intake->next)
        if (intake->local == local)
            return intake;
    struct gw_intake *intake = gw_allocate(core, sizeof *intake);
    if (!intake)
        return NULL;
    intake->local = local;
    intake->next = remote->intakes;
    remote->intakes = intake;
    return intake;
}

/* Credit is absolute: what was taken on this link, plus the room that is left. It never falls. */
void gw_intake_give_credit(struct gw_intake *intake)
{
    const struct gw_local *local = intake->local;
    uint64_t in_hand =
        GW_PLANT(CREDIT_TWICE) && !intake->told_messages ? 0 : intake->in_hand_messages;
    uint64_t room = local->credit_messages > in_hand ? local->credit_messages - in_hand : 0;
    uint64_t room_bytes = local->credit_bytes > intake->in_hand_bytes
                              ? local->credit_bytes - intake->in_hand_bytes
                              : 0;
    if (intake->accepted_messages + room > intake->told_messages)
        intake->told_messages = intake->accepted_messages + room;
    if (intake->accepted_bytes + room_bytes > intake->told_bytes)
        intake->told_bytes = intake->accepted_bytes + room_bytes;
}

static size_t count_active(const struct gw_core *core)
{
    size_t count = 0;
    for (const struct gw_local *local = core->locals; local; local = local->next)
        count += local->active;
    return count;
}

void gw_intake_send_serves(struct gw_core *core, struct gw_remote *remote)
{
    size_t count = count_active(core), at = 0;
    struct gw_serve *items = count ? gw_effects_allocate(core->out, count * sizeof *items) : NULL;
    struct gw_frame *frame =
        gw_send_frame(core, remote->link.conn, GW_FRAME_SERVE, remote->link.id);
    for (struct gw_local *local = core->locals; items && local; local = local->next) {
        struct gw_intake *intake =
            local->active ? gw_intake_get(core, remote, &local->destination) : NULL;
        if (!intake)
            continue;
        gw_intake_give_credit(intake);
        items[at].destination = local->destination;
        items[at].weight = 1;
        items[at].credit_messages = intake->told_messages;
        items[at].credit_bytes = intake->told_bytes;
        at++;
    }
    frame->u.serve.items = items;
    frame->u.serve.count = at;
}

static void serve_changed(struct gw_core *core)
{
    for (struct gw_remote *remote = core->remote_list; remote; remote = remote->next)
        if (remote->link.id)
            gw_intake_send_serves(core, remote);
}

void gw_intake_serve(struct gw_core *core, const struct gw_event *event, bool active)
{
    const struct gw_destination *destination = &event->u.serve.destination;
    struct gw_local *local = local_find(core, destination);
    if (!local && (!active || count_active(core) >= GW_SERVES_MAX))
        return;
    if (!local) {
        local = gw_allocate(core, sizeof *local);
        if (!local)
            return;
        local->destination = *destination;
        local->next = core->locals;
        core->locals = local;
    }
    local->active = active;
    if (active) {
        local->credit_messages = event->u.serve.credit_messages;
        local->credit_bytes = event->u.serve.credit_bytes;
        /* any one message must fit */
        local->credit_bytes = gw_at_least(local->credit_bytes,
                                          gw_message_limit(core->options.max_message));
    }
    serve_changed(core);
}
