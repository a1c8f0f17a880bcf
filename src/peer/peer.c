/* SPDX-License-Identifier: MPL-2.0 */

/* Endpoints and members of a peer. */

#include "peer/engine.h"

#include "net/endpoint.h"

#include <stdio.h>
#include <string.h>

/* NULL and addresses beyond this machine. The net says what else can be wrong with an endpoint. */
static godwit_err_t check_endpoint(const struct godwit_peer *peer, const char *endpoint,
                                   bool to_bind)
{
    char why[256];

    if (!endpoint)
        return gw_error(GODWIT_EINVAL, "endpoint is NULL");
    if (gw_endpoint_check(endpoint, to_bind, why, sizeof why) != 0)
        return gw_error(GODWIT_EINVAL, "%s", why);
    if (peer->settings.allow_unauthenticated || gw_endpoint_is_loopback(endpoint))
        return GODWIT_OK;
    return gw_error(GODWIT_EINVAL,
                    "%.200s is beyond this machine, where anyone could claim any name: "
                    "set allow_unauthenticated if the network is trusted",
                    endpoint);
}

static godwit_err_t command_endpoint(godwit_peer_t *peer, enum gw_command_type type,
                                     const char *endpoint)
{
    struct gw_command command = {.type = type, .endpoint = endpoint};
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    error = check_endpoint(peer, endpoint, type == GW_COMMAND_BIND);
    if (!error)
        error = gw_peer_command(peer, &command);
    if (!error && type == GW_COMMAND_BIND) {
        pthread_mutex_lock(&peer->lock);
        snprintf(peer->endpoint, sizeof peer->endpoint, "%s", command.bound);
        pthread_mutex_unlock(&peer->lock);
    }
    gw_peer_leave(peer);
    return error;
}

godwit_err_t godwit_peer_bind(godwit_peer_t *peer, const char *endpoint)
{
    return command_endpoint(peer, GW_COMMAND_BIND, endpoint);
}

godwit_err_t godwit_peer_connect(godwit_peer_t *peer, const char *endpoint)
{
    return command_endpoint(peer, GW_COMMAND_DIAL, endpoint);
}

godwit_err_t godwit_peer_disconnect(godwit_peer_t *peer, const char *endpoint)
{
    return command_endpoint(peer, GW_COMMAND_UNDIAL, endpoint);
}

godwit_err_t godwit_peer_endpoint(godwit_peer_t *peer, char *text, size_t size)
{
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    pthread_mutex_lock(&peer->lock);
    size_t length = strlen(peer->endpoint);
    if (!text)
        error = gw_error(GODWIT_EINVAL, "text is NULL");
    else if (length == 0)
        error = gw_error(GODWIT_ENOTFOUND, "no endpoint is bound yet");
    else if (length >= size)
        error = gw_error(GODWIT_ETOOLARGE, "the endpoint needs %zu bytes, not %zu", length + 1,
                         size);
    else
        memcpy(text, peer->endpoint, length + 1);
    pthread_mutex_unlock(&peer->lock);
    gw_peer_leave(peer);
    return error;
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
