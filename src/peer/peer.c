/* SPDX-License-Identifier: MPL-2.0 */

/* Endpoints of a peer. */

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
