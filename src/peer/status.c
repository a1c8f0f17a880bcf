/* SPDX-License-Identifier: MPL-2.0 */

/* What became of a message: asked of the tail (what this open sent), of the turn (what is in the
 * outbox) and of the store (what ended), in this order. */

#include "godwit/status.h"

#include "peer/dead.h"
#include "peer/found.h"
#include "peer/outcome.h"

#include <stdio.h>
#include <string.h>

const char *godwit_place_name(godwit_place_t place)
{
    switch (place) {
    case GODWIT_PLACE_NOT_FOUND: return "not found";
    case GODWIT_PLACE_QUEUED: return "queued";
    case GODWIT_PLACE_OFFERED: return "offered";
    case GODWIT_PLACE_IN_HAND: return "in hand";
    case GODWIT_PLACE_PROCESSED: return "processed";
    case GODWIT_PLACE_DEAD: return "dead";
    case GODWIT_PLACE_WITHDRAWN: return "withdrawn";
    }
    return "?";
}

static void set_destination(godwit_status_t *status, const struct gw_destination *destination)
{
    char text[GW_DESTINATION_TEXT];

    if (!destination || !destination->name[0])
        return;
    gw_destination_format(destination, text);
    snprintf(status->destination, sizeof status->destination, "%s", text);
}

/* --- the tail --- */

/* False: the others must be asked. */
static bool ask_tail(struct godwit_peer *peer, godwit_id_t id, godwit_status_t *status)
{
    pthread_mutex_lock(&peer->lock);
    enum gw_tail_state state = gw_tail_state(peer->tail, id.epoch, id.sequence);
    if (state != GW_TAIL_UNKNOWN)
        set_destination(status, gw_tail_destination(peer->tail, id.epoch));
    pthread_mutex_unlock(&peer->lock);
    switch (state) {
    case GW_TAIL_WAITING: status->place = GODWIT_PLACE_QUEUED; return true;
    case GW_TAIL_SETTLED: status->place = GODWIT_PLACE_PROCESSED; return true;
    case GW_TAIL_WITHDRAWN: status->place = GODWIT_PLACE_WITHDRAWN; return true;
    case GW_TAIL_NOT_STORED: return true; /* NOT_FOUND: it never was */
    case GW_TAIL_DEAD: status->place = GODWIT_PLACE_DEAD; return false; /* its row tells more */
    default: return false;
    }
}

/* --- the store --- */

/* GODWIT_ENOTFOUND: no dead letter. */
static godwit_err_t ask_dead(struct godwit_peer *peer, godwit_id_t id, godwit_status_t *status)
{
    struct gw_dead *dead;
    godwit_err_t error = gw_dead_read(peer, id, true, &dead);

    if (error)
        return error;
    status->place = GODWIT_PLACE_DEAD;
    status->attempts = dead->shown.attempts;
    set_destination(status, &dead->destination);
    snprintf(status->member, sizeof status->member, "%s", dead->member);
    gw_dead_free(dead);
    return GODWIT_OK;
}

static godwit_err_t ask_outcomes(struct godwit_peer *peer, godwit_id_t id, bool *found,
                                 uint8_t *how)
{
    godwit_err_t result = GODWIT_OK;

    pthread_rwlock_rdlock(&peer->store_lock);
    if (!peer->store) {
        result = gw_error_reopening();
    } else {
        enum gw_store_error error =
            gw_found_outcome(peer->store, id.epoch, id.sequence, found, how);
        if (error)
            result = gw_error(gw_error_of_store(error), "the outcomes cannot be read: %s",
                              gw_store_why(peer->store));
    }
    pthread_rwlock_unlock(&peer->store_lock);
    return result;
}

/* It is not in the outbox: what the store still tells. */
static godwit_err_t ask_store(struct godwit_peer *peer, godwit_id_t id,
                              const struct gw_whereabouts *found, godwit_status_t *status)
{
    bool told;
    uint8_t how;
    godwit_err_t error = ask_dead(peer, id, status);

    if (error != GODWIT_ENOTFOUND)
        return error;
    if (status->place == GODWIT_PLACE_DEAD) /* requeued or purged since: that is how it ended */
        return GODWIT_OK;
    if ((error = ask_outcomes(peer, id, &told, &how)) != GODWIT_OK)
        return error;
    if (told)
        status->place = gw_outcome_place(how);
    else if (found->place == GW_PLACE_SETTLED)
        status->place = gw_outcome_place(found->how); /* it may not be stored yet */
    return GODWIT_OK;
}

/* --- the turn --- */

static uint32_t wait_ms(const struct gw_command *command)
{
    uint64_t due_us = command->found.due_us;

    if (due_us <= command->now_us)
        return 0;
    uint64_t ms = (due_us - command->now_us + 999) / 1000;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static void show(const struct gw_command *command, godwit_status_t *status)
{
    const struct gw_whereabouts *found = &command->found;

    set_destination(status, &found->destination);
    snprintf(status->member, sizeof status->member, "%s", found->peer);
    status->attempts = found->attempts < UINT32_MAX ? (uint32_t)found->attempts : UINT32_MAX;
    switch (found->place) {
    case GW_PLACE_QUEUED:
        status->place = GODWIT_PLACE_QUEUED;
        status->wait_ms = wait_ms(command);
        break;
    case GW_PLACE_ASSIGNED:
        status->place = GODWIT_PLACE_OFFERED;
        status->linked = found->linked;
        break;
    case GW_PLACE_IN_HAND:
        status->place = GODWIT_PLACE_IN_HAND;
        status->linked = found->linked;
        break;
    default: break;
    }
}

/* Inside gw_peer_enter. */
static godwit_err_t find(struct godwit_peer *peer, godwit_id_t id, godwit_status_t *status)
{
    struct gw_command command = {.type = GW_COMMAND_FIND,
                                 .epoch = id.epoch,
                                 .sequence = id.sequence};

    if (ask_tail(peer, id, status))
        return GODWIT_OK;
    godwit_err_t error = gw_peer_command(peer, &command);
    if (error)
        return error;
    if (command.found.place != GW_PLACE_UNKNOWN && command.found.place != GW_PLACE_SETTLED) {
        show(&command, status);
        return GODWIT_OK;
    }
    set_destination(status, &command.found.destination);
    if (ask_tail(peer, id, status)) /* it may have ended meanwhile, and the tail knows how */
        return GODWIT_OK;
    return ask_store(peer, id, &command.found, status);
}

godwit_err_t godwit_status(godwit_peer_t *peer, godwit_id_t id, godwit_status_t *status)
{
    godwit_status_t known = GODWIT_STATUS_INIT;
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!status)
        error = gw_error(GODWIT_EINVAL, "status is NULL: there is nowhere to put the result");
    else if (status->size < sizeof(size_t) || status->size > sizeof known)
        error = gw_error(GODWIT_EINVAL, "the status' size is %zu: start from GODWIT_STATUS_INIT",
                         status->size);
    else
        error = find(peer, id, &known);
    if (!error) {
        known.size = status->size;
        memcpy(status, &known, status->size); /* an older program knows its first part */
    }
    gw_peer_leave(peer);
    return error;
}
