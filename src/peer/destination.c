/* SPDX-License-Identifier: MPL-2.0 */

/* How messages to a destination are treated: its share of the outbox is the tail's affair, the rest
 * the core's. The peer remembers what was said for the turn that follows a failed store. */

#include "peer/handle.h"

#include <errno.h>
#include <stdlib.h>

/* With the lock. The entry, made if need be; NULL: `error` says why. */
static struct gw_destination_entry *entry_of(struct godwit_peer *peer,
                                             const struct gw_destination *destination,
                                             godwit_err_t *error)
{
    for (size_t i = 0; i < peer->destination_count; i++)
        if (gw_destination_equal(&peer->destinations[i].destination, destination))
            return &peer->destinations[i];
    if (peer->destination_count == GW_TAIL_DESTINATIONS_MAX) {
        *error = gw_error(GODWIT_EINVAL, "%d destinations were set already: no more",
                          GW_TAIL_DESTINATIONS_MAX);
        return NULL;
    }
    struct gw_destination_entry *more =
        realloc(peer->destinations, (peer->destination_count + 1) * sizeof *more);
    if (!more) {
        *error = gw_error_memory();
        return NULL;
    }
    peer->destinations = more;
    more[peer->destination_count] = (struct gw_destination_entry){.destination = *destination};
    return &more[peer->destination_count];
}

/* With the lock. */
static godwit_err_t note(struct godwit_peer *peer, const struct gw_destination *destination,
                         const struct gw_destination_settings *settings)
{
    godwit_err_t error = GODWIT_OK;
    struct gw_destination_entry *entry = entry_of(peer, destination, &error);

    if (!entry)
        return error;
    if (settings->policy.ordered != entry->policy.ordered &&
        gw_tail_has_epoch(peer->tail, destination))
        return gw_error(GODWIT_EINVAL,
                        "ordering cannot change after messages were sent to \"%s\" in this open",
                        destination->name);
    if (gw_tail_limit(peer->tail, destination, settings->max_messages, settings->max_bytes) != 0)
        return gw_error_memory();
    entry->policy = settings->policy;
    if (entry == &peer->destinations[peer->destination_count])
        peer->destination_count++;
    if (peer->space_waiters > 0)
        pthread_cond_broadcast(&peer->space); /* the share may have grown */
    return GODWIT_OK;
}

/* Inside gw_peer_enter. The core hears of it before any message that is sent from now on. */
static godwit_err_t set(struct godwit_peer *peer, const struct gw_destination *destination,
                        const struct gw_destination_settings *settings)
{
    struct gw_command command = {.type = GW_COMMAND_POLICY,
                                 .destination = *destination,
                                 .policy = settings->policy};

    pthread_mutex_lock(&peer->lock);
    godwit_err_t error = note(peer, destination, settings);
    pthread_mutex_unlock(&peer->lock);
    return error ? error : gw_peer_command(peer, &command);
}

godwit_err_t godwit_destination_set(godwit_peer_t *peer, const char *text,
                                    const godwit_destination_options_t *options)
{
    struct gw_destination_settings settings;
    struct gw_destination destination;
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!(error = gw_check_destination(text, &destination)) &&
        !(error = gw_destination_settings_read(options, &settings)))
        error = set(peer, &destination, &settings);
    gw_peer_leave(peer);
    return error;
}
