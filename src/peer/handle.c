/* SPDX-License-Identifier: MPL-2.0 */

/* What the public functions share: coming in, leaving, waiting, handing over to the engine. */

#include "peer/handle.h"

#include "peer/engine.h"
#include "peer/helm.h"
#include "peer/inbox.h"
#include "peer/outcome.h"
#include "peer/reply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Readers that overlap without end would keep the engine waiting at a default lock: it could then
 * neither reopen a failed store nor answer a heartbeat. */
static int init_store_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    int error = pthread_rwlockattr_init(&attributes);

    if (error)
        return error;
    error = pthread_rwlockattr_setkind_np(&attributes,
                                          PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    if (!error)
        error = pthread_rwlock_init(lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    return error;
}

static int init_locks(struct godwit_peer *peer)
{
    int error = pthread_mutex_init(&peer->lock, NULL);

    if (!error)
        error = pthread_mutex_init(&peer->replies_opening, NULL);
    if (!error)
        error = init_store_lock(&peer->store_lock);
    if (!error)
        error = gw_cond_init(&peer->changed);
    if (!error)
        error = gw_cond_init(&peer->space);
    return -error; /* on Linux none of these fails, nor holds anything to free */
}

struct godwit_peer *gw_peer_new(const struct gw_settings *settings)
{
    struct godwit_peer *peer = calloc(1, sizeof *peer);
    struct gw_tail_options tail = {
        .outbox_max_bytes = settings->outbox_max_bytes,
        .outbox_max_messages = settings->outbox_max_messages,
        .max_message = settings->max_message,
    };

    if (!peer)
        return NULL;
    peer->settings = *settings;
    peer->settings.directory = NULL; /* the caller's memory */
    peer->outcomes.fd = -1;
    atomic_init(&peer->references, 1);
    gw_versions_init(&peer->versions, GW_VERSIONS_KEYS);
    peer->spare_epoch = gw_entropy_next(&peer->entropy);
    tail.seed = gw_entropy_next(&peer->entropy);
    if (settings->directory)
        peer->directory = strdup(settings->directory);
    peer->tail = gw_tail_new(&tail);
    if (init_locks(peer) == 0 && gw_fork_mark_init(&peer->fork_mark) == 0 && peer->tail &&
        (peer->directory || !settings->directory))
        return peer;
    gw_peer_drop(peer);
    return NULL;
}

godwit_err_t gw_peer_enter(struct godwit_peer *peer)
{
    if (!peer)
        return gw_error(GODWIT_EINVAL, "peer is NULL");
    if (gw_forked(&peer->fork_mark))
        return gw_error_fork();
    atomic_fetch_add(&peer->callers, 1);
    if (!atomic_load(&peer->closing))
        return GODWIT_OK;
    gw_peer_leave(peer);
    return gw_error_closed();
}

void gw_peer_leave(struct godwit_peer *peer)
{
    atomic_fetch_sub(&peer->callers, 1); /* the last touch: close may go on now */
}

void gw_peer_hold(struct godwit_peer *peer)
{
    atomic_fetch_add_explicit(&peer->references, 1, memory_order_relaxed);
}

void gw_peer_drop(struct godwit_peer *peer)
{
    if (atomic_fetch_sub_explicit(&peer->references, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < peer->inbox_count; i++)
        gw_inbox_destroy(peer->inboxes[i]);
    free(peer->inboxes);
    struct gw_replies *replies = atomic_load(&peer->replies);
    gw_replies_destroy(&replies);
    free(peer->members);
    free(peer->destinations);
    gw_outcomes_close(peer);
    gw_mailbox_clear(&peer->mailbox);
    gw_versions_clear(&peer->versions);
    gw_tail_destroy(&peer->tail);
    gw_fork_mark_clear(&peer->fork_mark);
    pthread_rwlock_destroy(&peer->store_lock);
    pthread_mutex_destroy(&peer->replies_opening);
    pthread_cond_destroy(&peer->space);
    pthread_cond_destroy(&peer->changed);
    pthread_mutex_destroy(&peer->lock);
    free(peer->directory);
    free(peer);
}

void gw_peer_notify(struct godwit_peer *peer)
{
    /* While the engine is awake, or looks again after its commit, senders pay no system call. */
    if (!atomic_load(&peer->notified) && !atomic_exchange(&peer->notified, true))
        gw_engine_wake(peer->engine);
}

void gw_peer_wake(struct godwit_peer *peer)
{
    gw_engine_wake(peer->engine);
    gw_peer_leave(peer);
}

void gw_peer_remind(struct godwit_peer *peer)
{
    gw_helm_remind(peer->engine);
    gw_peer_leave(peer);
}

bool gw_peer_wait_change(struct godwit_peer *peer, const struct gw_deadline *deadline)
{
    peer->changed_waiters++;
    bool in_time = gw_cond_wait(&peer->changed, &peer->lock, deadline);
    peer->changed_waiters--;
    return in_time;
}

void gw_peer_expect(struct godwit_peer *peer)
{
    if (!atomic_load_explicit(&peer->expected, memory_order_relaxed) &&
        !atomic_exchange(&peer->expected, true))
        gw_helm_expect(peer->engine);
}

int gw_peer_gather(struct godwit_peer *peer, uint64_t enough_bytes)
{
    struct gw_submission next = {0};
    uint64_t bytes = 0;

    while (bytes < enough_bytes) {
        if (gw_mailbox_reserve(&peer->mailbox) != 0)
            return -ENOMEM;
        next.batch = gw_tail_take(peer->tail, &next.destination);
        if (!next.batch)
            return 0;
        bytes += next.batch->bytes + next.batch->count; /* empty messages are work too */
        gw_mailbox_submit(&peer->mailbox, &next);
    }
    return 1;
}

godwit_err_t gw_peer_command(struct godwit_peer *peer, struct gw_command *command)
{
    const struct gw_deadline never = {.never = true};

    pthread_mutex_lock(&peer->lock);
    if (atomic_load(&peer->closing)) {
        pthread_mutex_unlock(&peer->lock);
        return gw_error_closed();
    }
    gw_mailbox_command(&peer->mailbox, command);
    pthread_mutex_unlock(&peer->lock);
    gw_engine_wake(peer->engine); /* also while it waits for a commit */

    pthread_mutex_lock(&peer->lock);
    while (!command->done)
        gw_peer_wait_change(peer, &never);
    pthread_mutex_unlock(&peer->lock);
    return command->result ? gw_error(command->result, "%s", command->why) : GODWIT_OK;
}

static _Thread_local bool never_waits;

void gw_peer_never_wait(void)
{
    never_waits = true;
}

bool gw_peer_may_wait(void)
{
    return !never_waits;
}

godwit_err_t gw_peer_wait_space(struct godwit_peer *peer, struct gw_patience *patience)
{
    const char *why = gw_outcomes_full(peer)
                          ? "too many outcomes wait to be read: see godwit_outcome_done"
                      : patience->share
                          ? "the destination's share of the outbox is full: its messages are not "
                            "settled yet"
                          : "the outbox is full: its messages are not settled yet";

    if (never_waits || peer->settings.full_timeout_ms == -1) {
        atomic_fetch_add_explicit(&peer->sends_refused, 1, memory_order_relaxed);
        return peer->down ? gw_error_reopening() : gw_error(GODWIT_EFULL, "%s", why);
    }
    if (!patience->begun) {
        int timeout_ms = peer->settings.full_timeout_ms;

        patience->begun = true;
        patience->deadline = gw_deadline_in(timeout_ms == 0 ? -1 : timeout_ms);
        if (patience->sooner)
            patience->deadline = gw_deadline_earlier(&patience->deadline, patience->sooner);
        atomic_fetch_add_explicit(&peer->sends_blocked, 1, memory_order_relaxed);
    }
    peer->space_waiters++;
    bool in_time = gw_cond_wait(&peer->space, &peer->lock, &patience->deadline);
    peer->space_waiters--;
    if (atomic_load(&peer->closing))
        return gw_error_closed();
    if (!in_time && peer->down)
        return gw_error_reopening();
    if (!in_time)
        return gw_error(GODWIT_ETIMEDOUT, "%s, also after the time given", why);
    return GODWIT_OK;
}

void gw_peer_epoch_drawn(struct godwit_peer *peer, uint64_t epoch)
{
    if (epoch == peer->spare_epoch)
        peer->spare_epoch = gw_entropy_next(&peer->entropy);
}

void gw_log(const struct gw_settings *settings, godwit_log_level_t level, const char *format, ...)
{
    char text[GW_SENTENCE_SIZE];
    va_list arguments;

    if (!settings->log || level > settings->log_level)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    settings->log(settings->log_context, level, text);
}
