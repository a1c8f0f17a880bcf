/* SPDX-License-Identifier: MPL-2.0 */

/* Who serves what, as far as this peer has a link to them. */

#include "peer/handle.h"

#include <stdlib.h>

/* Only destinations that have members are kept: others announce their names. */
void gw_peer_set_members(struct godwit_peer *peer, const struct gw_destination *destination,
                         size_t count)
{
    size_t at = 0;

    while (at < peer->member_count &&
           !gw_destination_equal(&peer->members[at].destination, destination))
        at++;
    if (count == 0) {
        if (at < peer->member_count)
            peer->members[at] = peer->members[--peer->member_count];
        return;
    }
    if (at == peer->member_count) {
        struct gw_member_count *more =
            realloc(peer->members, (peer->member_count + 1) * sizeof *more);
        if (!more)
            return; /* a waiter may wait in vain, no more */
        peer->members = more;
        peer->members[peer->member_count++].destination = *destination;
    }
    peer->members[at].count = count;
}

size_t gw_peer_members(const struct godwit_peer *peer, const struct gw_destination *destination)
{
    for (size_t i = 0; i < peer->member_count; i++)
        if (gw_destination_equal(&peer->members[i].destination, destination))
            return peer->members[i].count;
    return 0;
}

/* Inside gw_peer_enter. */
static godwit_err_t wait_members(struct godwit_peer *peer, const struct gw_destination *destination,
                                 size_t count, int timeout_ms)
{
    struct gw_deadline deadline = gw_deadline_in(timeout_ms);
    bool in_time = timeout_ms != 0;
    godwit_err_t error = GODWIT_OK;
    size_t now;

    pthread_mutex_lock(&peer->lock);
    while ((now = gw_peer_members(peer, destination)) < count && in_time &&
           !atomic_load(&peer->closing))
        in_time = gw_peer_wait_change(peer, &deadline);
    if (now < count)
        error = atomic_load(&peer->closing)
                    ? gw_error_closed()
                    : gw_error(GODWIT_ETIMEDOUT, "\"%s\" has %zu members after %d ms, not %zu",
                               destination->name, now, timeout_ms, count);
    pthread_mutex_unlock(&peer->lock);
    return error;
}

godwit_err_t godwit_peer_wait_members(godwit_peer_t *peer, const char *text, size_t count,
                                      int timeout_ms)
{
    struct gw_destination destination;
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!(error = gw_check_destination(text, &destination)) &&
        !(error = gw_check_timeout(timeout_ms)))
        error = wait_members(peer, &destination, count, timeout_ms);
    gw_peer_leave(peer);
    return error;
}
