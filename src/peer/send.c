/* SPDX-License-Identifier: MPL-2.0 */

/* Sending, and waiting for what became of it. */

#include "peer/helm.h"
#include "peer/message.h"
#include "peer/outcome.h"
#include "peer/reply.h"

static godwit_err_t too_large(const struct godwit_peer *peer, size_t size)
{
    if (size > peer->settings.max_message)
        return gw_error(GODWIT_ETOOLARGE,
                        "the message has %zu bytes, headers included, above max_message (%llu)",
                        size, (unsigned long long)peer->settings.max_message);
    return gw_error(GODWIT_ETOOLARGE,
                    "the message has %zu bytes, above what the whole outbox, or its destination's "
                    "share of it, may hold",
                    size);
}

/* With the lock, which is released while it waits: from then on `patience->inside` says that the
 * caller is counted, and has to leave. `watch` may be NULL. */
static godwit_err_t append(struct godwit_peer *peer, const struct gw_destination *destination,
                           struct gw_slice head, struct gw_slice data,
                           const struct gw_send_watch *watch, struct gw_patience *patience,
                           godwit_id_t *id)
{
    godwit_err_t error = GODWIT_OK;

    while (!error) {
        enum gw_tail_result result = GW_TAIL_FULL;

        if (atomic_load_explicit(&peer->closing, memory_order_relaxed))
            return gw_error_closed();
        if (!peer->down && !gw_outcomes_full(peer))
            result = gw_tail_append_headed(peer->tail, destination, head, data, peer->spare_epoch,
                                           &id->epoch, &id->sequence);
        switch (result) {
        case GW_TAIL_OK:
            gw_peer_epoch_drawn(peer, id->epoch);
            peer->sent++;
            if (watch)
                gw_replies_named(watch->waiter, *id);
            return GODWIT_OK;
        case GW_TAIL_SHARE_FULL:
        case GW_TAIL_FULL:
            patience->share = result == GW_TAIL_SHARE_FULL;
            if (!patience->inside)
                atomic_fetch_add(&peer->callers, 1);
            patience->inside = true;
            error = gw_peer_wait_space(peer, patience);
            break;
        case GW_TAIL_TOO_LARGE: return too_large(peer, head.size + data.size);
        case GW_TAIL_NOMEM: return gw_error_memory();
        case GW_TAIL_DESTINATIONS:
            return gw_error(GODWIT_EINVAL, "this peer sends to %d destinations already: no more",
                            GW_TAIL_DESTINATIONS_MAX);
        }
    }
    return error;
}

/* Most calls are over when they release the lock, so that gw_peer_enter would cost more than it
 * guards: those that last count themselves inside under the lock. `followed`: by more from this
 * thread, which counts as inside already. */
static godwit_err_t submit(struct godwit_peer *peer, const struct gw_destination *destination,
                           struct gw_slice head, struct gw_slice data,
                           const struct gw_send_watch *watch, bool followed, godwit_id_t *id)
{
    struct gw_patience patience = {.sooner = watch ? watch->deadline : NULL};
    godwit_id_t result;

    pthread_mutex_lock(&peer->lock);
    godwit_err_t error = append(peer, destination, head, data, watch, &patience, &result);
    bool wake = !error && !watch && !followed && gw_peer_must_wake(peer);
    pthread_mutex_unlock(&peer->lock);
    if (wake)
        gw_peer_wake(peer);
    if (!error && watch) /* it waits for the answer: with a deadline, not for the disk */
        gw_helm_work(peer->engine, watch->deadline->never);
    if (!error && followed)
        gw_peer_expect(peer);
    if (patience.inside)
        gw_peer_leave(peer);
    if (!error && id)
        *id = result;
    return error;
}

static godwit_err_t send_bytes(godwit_peer_t *peer, const char *text, struct gw_slice head,
                               struct gw_slice data, godwit_id_t *id)
{
    struct gw_destination destination;
    godwit_err_t error;

    if (!peer)
        return gw_error(GODWIT_EINVAL, "peer is NULL");
    if (gw_forked(&peer->fork_mark))
        return gw_error_fork();
    if (!data.data && data.size > 0)
        return gw_error(GODWIT_EINVAL, "data is NULL");
    if ((error = gw_check_destination(text, &destination)) != GODWIT_OK)
        return error;
    return submit(peer, &destination, head, data, NULL, false, id);
}

godwit_err_t gw_send_watched(struct godwit_peer *peer, const struct gw_destination *destination,
                             godwit_message_t **message, const struct gw_send_watch *watch,
                             godwit_id_t *id)
{
    struct gw_slice head = {(*message)->head.data, (*message)->head.size};
    struct gw_slice data = {(*message)->data, (*message)->size};
    godwit_err_t error = submit(peer, destination, head, data, watch, false, id);

    if (!error)
        godwit_message_destroy(message);
    return error;
}

godwit_err_t godwit_send_data(godwit_peer_t *peer, const char *destination, const void *data,
                              size_t size, godwit_id_t *id)
{
    return send_bytes(peer, destination, (struct gw_slice){0}, (struct gw_slice){data, size}, id);
}

godwit_err_t godwit_send(godwit_peer_t *peer, const char *destination, godwit_message_t **message,
                         godwit_id_t *id)
{
    if (!message || !*message)
        return gw_error(GODWIT_EINVAL, "message is NULL");
    struct gw_slice head = {(*message)->head.data, (*message)->head.size};
    struct gw_slice data = {(*message)->data, (*message)->size};
    godwit_err_t error = send_bytes(peer, destination, head, data, id);
    if (!error)
        godwit_message_destroy(message);
    return error;
}

godwit_err_t gw_send_request(struct godwit_peer *peer, const struct gw_destination *destination,
                             godwit_message_t **message, bool followed, godwit_id_t *id)
{
    if (!message || !*message)
        return gw_error(GODWIT_EINVAL, "message is NULL");
    struct gw_slice head = {(*message)->head.data, (*message)->head.size};
    struct gw_slice data = {(*message)->data, (*message)->size};
    godwit_err_t error = submit(peer, destination, head, data, NULL, followed, id);
    if (!error)
        godwit_message_destroy(message);
    return error;
}

/* --- wait and drain --- */

static godwit_err_t check_state(godwit_state_t state)
{
    if (state == GODWIT_STORED || state == GODWIT_SETTLED)
        return GODWIT_OK;
    return gw_error(GODWIT_EINVAL, "state is %d, but must be GODWIT_STORED or GODWIT_SETTLED",
                    (int)state);
}

static godwit_err_t timed_out(int timeout_ms, godwit_state_t state)
{
    return gw_error(GODWIT_ETIMEDOUT, "not %s within %d ms",
                    state == GODWIT_STORED ? "stored" : "settled", timeout_ms);
}

static godwit_err_t not_stored(void)
{
    return gw_error(GODWIT_ENOTSTORED,
                    "the store failed and the message is not in it: send it again");
}

static godwit_err_t dead(void)
{
    return gw_error(GODWIT_EDEAD, "the message was given up: it is a dead letter");
}

static godwit_err_t withdrawn(void)
{
    return gw_error(GODWIT_EWITHDRAWN, "the message was taken back before a handler had it");
}

/* With the lock. GODWIT_ETIMEDOUT: not yet. */
static godwit_err_t reached(const struct godwit_peer *peer, godwit_id_t id, godwit_state_t state)
{
    switch (gw_tail_state(peer->tail, id.epoch, id.sequence)) {
    case GW_TAIL_UNKNOWN:
        return gw_error(GODWIT_ENOTFOUND, "not an id that this open of the peer gave");
    case GW_TAIL_WAITING: return GODWIT_ETIMEDOUT;
    case GW_TAIL_STORED: return state == GODWIT_STORED ? GODWIT_OK : GODWIT_ETIMEDOUT;
    case GW_TAIL_SETTLED: return GODWIT_OK;
    case GW_TAIL_DEAD: return state == GODWIT_STORED ? GODWIT_OK : dead();
    case GW_TAIL_WITHDRAWN: return state == GODWIT_STORED ? GODWIT_OK : withdrawn();
    case GW_TAIL_NOT_STORED: break;
    }
    return not_stored();
}

godwit_err_t godwit_wait(godwit_peer_t *peer, godwit_id_t id, godwit_state_t state, int timeout_ms)
{
    godwit_err_t error = gw_peer_enter(peer);
    bool in_time = timeout_ms != 0;

    if (error)
        return error;
    if ((error = check_state(state)) || (error = gw_check_timeout(timeout_ms))) {
        gw_peer_leave(peer);
        return error;
    }
    struct gw_deadline deadline = gw_deadline_in(timeout_ms);
    pthread_mutex_lock(&peer->lock);
    while ((error = reached(peer, id, state)) == GODWIT_ETIMEDOUT && in_time &&
           !atomic_load(&peer->closing))
        in_time = gw_peer_wait_change(peer, &deadline);
    if (error == GODWIT_ETIMEDOUT)
        error = atomic_load(&peer->closing) ? gw_error_closed() : timed_out(timeout_ms, state);
    pthread_mutex_unlock(&peer->lock);
    gw_peer_leave(peer);
    return error;
}

/* What is in the mailbox is stored in its order, so once all that was sent is there, a count tells
 * when it is stored. Settlements have no order: there, all must be gone. */
static bool drained(const struct godwit_peer *peer, uint64_t sent, godwit_state_t state)
{
    if (peer->down)
        return false;
    if (state == GODWIT_STORED)
        return peer->stored_upto >= sent || gw_tail_unstored(peer->tail) == 0;
    return gw_tail_outbox_messages(peer->tail) == 0;
}

godwit_err_t godwit_peer_drain(godwit_peer_t *peer, godwit_state_t state, int timeout_ms)
{
    godwit_err_t error = gw_peer_enter(peer);
    bool in_time = timeout_ms != 0, done;

    if (error)
        return error;
    if ((error = check_state(state)) || (error = gw_check_timeout(timeout_ms))) {
        gw_peer_leave(peer);
        return error;
    }
    struct gw_deadline deadline = gw_deadline_in(timeout_ms);
    pthread_mutex_lock(&peer->lock);
    uint64_t sent = peer->sent;
    if (gw_peer_gather(peer, UINT64_MAX) != 0)
        sent = UINT64_MAX; /* no memory: then nothing at all may be left */
    while (!(done = drained(peer, sent, state)) && in_time && !atomic_load(&peer->closing))
        in_time = gw_peer_wait_change(peer, &deadline);
    if (done && peer->not_stored > peer->not_stored_said)
        error = not_stored();
    else if (!done)
        error = atomic_load(&peer->closing) ? gw_error_closed() : timed_out(timeout_ms, state);
    if (done)
        peer->not_stored_said = peer->not_stored;
    pthread_mutex_unlock(&peer->lock);
    gw_peer_leave(peer);
    return error;
}
