/* SPDX-License-Identifier: MPL-2.0 */

/* Taking back what was sent: one message for good, or all that a member holds. */

#include "peer/handle.h"

static godwit_err_t not_found(void)
{
    return gw_error(GODWIT_ENOTFOUND,
                    "no message of that id is in the outbox: it has ended, or never was");
}

/* The turn knows what is stored; what is on its way there is waited for. */
static godwit_err_t wait_stored(struct godwit_peer *peer, godwit_id_t id)
{
    const struct gw_deadline never = {.never = true};
    enum gw_tail_state state;

    pthread_mutex_lock(&peer->lock);
    while ((state = gw_tail_state(peer->tail, id.epoch, id.sequence)) == GW_TAIL_WAITING &&
           !atomic_load(&peer->closing))
        gw_peer_wait_change(peer, &never);
    pthread_mutex_unlock(&peer->lock);
    switch (state) {
    case GW_TAIL_WAITING: return gw_error_closed();
    case GW_TAIL_UNKNOWN: /* of an earlier open, perhaps */
    case GW_TAIL_STORED: return GODWIT_OK;
    default: return not_found();
    }
}

godwit_err_t godwit_withdraw(godwit_peer_t *peer, godwit_id_t id)
{
    struct gw_command command = {.type = GW_COMMAND_WITHDRAW,
                                 .epoch = id.epoch,
                                 .sequence = id.sequence};
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (id.epoch == 0 || id.sequence == 0)
        error = gw_error(GODWIT_EINVAL, "the id is no id: epoch or sequence is 0");
    if (!error && !(error = wait_stored(peer, id)))
        error = gw_peer_command(peer, &command);
    gw_peer_leave(peer);
    return error;
}

godwit_err_t godwit_peer_forfeit(godwit_peer_t *peer, const char *member)
{
    struct gw_command command = {.type = GW_COMMAND_FORFEIT, .member = member};
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!member)
        error = gw_error(GODWIT_EINVAL, "member is NULL");
    else if (!gw_name_valid(member))
        error = gw_error(GODWIT_EINVAL, "member is \"%.80s\", but must be 1 to 64 of [a-z0-9._-]",
                         member);
    else
        error = gw_peer_command(peer, &command);
    gw_peer_leave(peer);
    return error;
}
