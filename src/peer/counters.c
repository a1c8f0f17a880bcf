/* SPDX-License-Identifier: MPL-2.0 */

/* Named counters: the core's, as the engine published them, and the shell's own. */

#include "peer/engine.h"

#include <string.h>

static const char *const names[GW_COUNTER_COUNT] = {
#define X(name, text) #name,
    GW_COUNTERS(X)
#undef X
};

void gw_engine_publish(struct gw_engine *engine)
{
    struct godwit_peer *peer = engine->peer;
    const uint64_t *counters = engine->turn ? gw_turn_counters(engine->turn) : NULL;

    engine->before[GW_COUNTER_connections_refused] = gw_net_refused(engine->net);
    for (size_t i = 0; i < GW_COUNTER_COUNT; i++)
        atomic_store_explicit(&peer->counters[i],
                              engine->before[i] + (counters ? counters[i] : 0),
                              memory_order_relaxed);
}

const char *godwit_counter_name(size_t index)
{
    return index < GW_COUNTER_COUNT ? names[index] : NULL;
}

/* With the lock. */
static uint64_t locked_counter(const struct godwit_peer *peer, size_t index)
{
    switch (index) {
    case GW_COUNTER_sent: return peer->sent;
    case GW_COUNTER_outbox_messages_now: return gw_tail_outbox_messages(peer->tail);
    case GW_COUNTER_outbox_bytes_now: return gw_tail_outbox_bytes(peer->tail);
    default: return gw_tail_dead_messages(peer->tail);
    }
}

static uint64_t shell_counter(struct godwit_peer *peer, size_t index)
{
    uint64_t value = 0;

    switch (index) {
    case GW_COUNTER_sends_blocked: return atomic_load(&peer->sends_blocked);
    case GW_COUNTER_sends_refused: return atomic_load(&peer->sends_refused);
    case GW_COUNTER_conflicts: return atomic_load(&peer->conflicts);
    case GW_COUNTER_replies_spilled: return atomic_load(&peer->replies_spilled);
    case GW_COUNTER_replies_unmatched: return atomic_load(&peer->replies_unmatched);
    case GW_COUNTER_replies_expired: return atomic_load(&peer->replies_expired);
    case GW_COUNTER_sent:
    case GW_COUNTER_outbox_messages_now:
    case GW_COUNTER_outbox_bytes_now:
    case GW_COUNTER_dead_letters_now:
        pthread_mutex_lock(&peer->lock);
        value = locked_counter(peer, index);
        pthread_mutex_unlock(&peer->lock);
        return value;
    default: return atomic_load_explicit(&peer->counters[index], memory_order_relaxed);
    }
}

godwit_err_t godwit_peer_counter(godwit_peer_t *peer, const char *name, uint64_t *value)
{
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!name || !value) {
        error = gw_error(GODWIT_EINVAL, "%s is NULL", name ? "value" : "name");
    } else {
        size_t i = 0;

        while (i < GW_COUNTER_COUNT && strcmp(names[i], name) != 0)
            i++;
        if (i < GW_COUNTER_COUNT)
            *value = shell_counter(peer, i);
        else
            error = gw_error(GODWIT_ENOTFOUND, "no counter is called \"%.60s\"", name);
    }
    gw_peer_leave(peer);
    return error;
}
