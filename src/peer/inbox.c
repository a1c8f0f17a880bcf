/* SPDX-License-Identifier: MPL-2.0 */

/* Inboxes: runs come in from the engine, deliveries go out to any number of threads. */

#include "peer/inbox.h"

#include "peer/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* --- the engine's side --- */

/* Makes the eventfd tell the truth. With the lock. */
static void show(struct godwit_inbox *inbox)
{
    bool readable = inbox->first != NULL || inbox->closing || !inbox->open;
    uint64_t one = 1;
    ssize_t ignored;

    if (readable == inbox->readable)
        return;
    inbox->readable = readable;
    if (readable)
        ignored = write(inbox->fd, &one, sizeof one);
    else
        ignored = read(inbox->fd, &one, sizeof one);
    (void)ignored; /* cannot fail: the counter is 0 or 1 */
}

static struct gw_run *run_of(struct godwit_peer *peer, struct gw_inbound *inbound)
{
    size_t count = 0;

    for (size_t i = 0; i < inbound->piece_count; i++)
        count += inbound->pieces[i].last - inbound->pieces[i].first + 1;
    struct gw_run *run = malloc(sizeof *run + count * sizeof run->deliveries[0]);
    if (!run)
        return NULL;
    *run = (struct gw_run){.peer = peer, .inbound = inbound, .count = count};
    atomic_init(&run->left, count);
    run->generation = peer->generation; /* the engine alone changes it */
    struct godwit_delivery *next = run->deliveries;
    for (size_t i = 0; i < inbound->piece_count; i++)
        for (uint64_t at = inbound->pieces[i].first; at <= inbound->pieces[i].last; at++)
            *next++ = (struct godwit_delivery){.run = run,
                                               .index = (uint32_t)(at - inbound->first)};
    return run;
}

int gw_inbox_deliver(struct godwit_inbox *inbox, struct gw_inbound *inbound)
{
    if (inbound->piece_count == 0) {
        gw_inbound_destroy(&inbound);
        return 0;
    }
    struct gw_run *run = run_of(inbox->peer, inbound);
    if (!run) {
        gw_inbound_destroy(&inbound);
        return -ENOMEM;
    }
    gw_peer_hold(inbox->peer);
    pthread_mutex_lock(&inbox->lock);
    if (inbox->last)
        inbox->last->next = run;
    else
        inbox->first = run;
    inbox->last = run;
    show(inbox);
    if (run->count > 1)
        pthread_cond_broadcast(&inbox->arrived);
    else
        pthread_cond_signal(&inbox->arrived);
    pthread_mutex_unlock(&inbox->lock);
    return 0;
}

void gw_inbox_flush(struct godwit_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    struct gw_run *run = inbox->first;
    inbox->first = inbox->last = NULL;
    show(inbox);
    pthread_mutex_unlock(&inbox->lock);
    while (run) {
        struct gw_run *next = run->next;
        size_t at = run->given, count = run->count;

        for (; at < count; at++) /* the last one may free the run */
            gw_delivery_free(&run->deliveries[at]);
        run = next;
    }
}

void gw_inbox_shut(struct godwit_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->closing = true;
    show(inbox);
    pthread_cond_broadcast(&inbox->arrived);
    pthread_mutex_unlock(&inbox->lock);
}

void gw_inbox_destroy(struct godwit_inbox *inbox)
{
    if (inbox->fd >= 0)
        close(inbox->fd);
    pthread_cond_destroy(&inbox->arrived);
    pthread_mutex_destroy(&inbox->lock);
    free(inbox);
}

/* --- the application's side --- */

static godwit_err_t make(struct godwit_peer *peer, const struct gw_destination *destination,
                         struct godwit_inbox **result)
{
    struct godwit_inbox *inbox = calloc(1, sizeof *inbox);

    if (!inbox)
        return gw_error_memory();
    inbox->peer = peer;
    inbox->destination = *destination;
    pthread_mutex_init(&inbox->lock, NULL);
    gw_cond_init(&inbox->arrived);
    inbox->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    inbox->readable = true;
    if (inbox->fd < 0) {
        godwit_err_t error = gw_error(GODWIT_EIO, "no eventfd for the inbox: %s", strerror(errno));
        gw_inbox_destroy(inbox);
        return error;
    }
    *result = inbox;
    return GODWIT_OK;
}

/* The destination's inbox of this peer, made if there was none before. */
static godwit_err_t find_or_make(struct godwit_peer *peer,
                                 const struct gw_destination *destination,
                                 struct godwit_inbox **result)
{
    godwit_err_t error;

    for (size_t i = 0; i < peer->inbox_count; i++) {
        if (gw_destination_equal(&peer->inboxes[i]->destination, destination)) {
            *result = peer->inboxes[i];
            return GODWIT_OK;
        }
    }
    if (peer->inbox_count == GW_SERVES_MAX)
        return gw_error(GODWIT_EINVAL, "this peer serves %d destinations already: no more",
                        GW_SERVES_MAX);
    struct godwit_inbox **more =
        realloc(peer->inboxes, (peer->inbox_count + 1) * sizeof(struct godwit_inbox *));
    if (!more)
        return gw_error_memory();
    peer->inboxes = more;
    if ((error = make(peer, destination, result)) != GODWIT_OK)
        return error;
    peer->inboxes[peer->inbox_count++] = *result;
    return GODWIT_OK;
}

/* Takes the destination's inbox for this handle. */
static godwit_err_t claim(struct godwit_peer *peer, const struct gw_destination *destination,
                          struct godwit_inbox **result)
{
    pthread_mutex_lock(&peer->lock);
    godwit_err_t error = atomic_load(&peer->closing) ? gw_error_closed()
                                                     : find_or_make(peer, destination, result);
    pthread_mutex_unlock(&peer->lock);
    if (error)
        return error;

    pthread_mutex_lock(&(*result)->lock);
    if ((*result)->open)
        error = gw_error(GODWIT_EBUSY, "\"%s\" is served by this peer already", destination->name);
    else
        (*result)->open = true;
    show(*result);
    pthread_mutex_unlock(&(*result)->lock);
    return error;
}

static void release(struct godwit_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->open = false;
    show(inbox);
    pthread_cond_broadcast(&inbox->arrived);
    pthread_mutex_unlock(&inbox->lock);
}

static godwit_err_t open_inbox(struct godwit_peer *peer, const char *text,
                               const godwit_inbox_options_t *options, godwit_inbox_t **result)
{
    struct gw_command command = {.type = GW_COMMAND_SERVE};
    struct gw_destination destination;
    struct godwit_inbox *inbox = NULL;
    godwit_err_t error;

    if ((error = gw_check_destination(text, &destination)) ||
        (error = gw_inbox_settings_read(options, peer->settings.max_message, &command.credit)))
        return error;
    if ((destination.kind == GW_KIND_PEER || destination.kind == GW_KIND_REPLY) &&
        strcmp(destination.name, peer->settings.name) != 0)
        return gw_error(GODWIT_EINVAL, "\"%s\" cannot be served by \"%s\": only its own name can",
                        text, peer->settings.name);
    if ((error = claim(peer, &destination, &inbox)) != GODWIT_OK)
        return error;
    command.inbox = inbox;
    if ((error = gw_peer_command(peer, &command)) != GODWIT_OK) {
        release(inbox);
        return error;
    }
    gw_peer_hold(peer);
    *result = inbox;
    return GODWIT_OK;
}

godwit_err_t godwit_inbox_open(godwit_peer_t *peer, const char *destination,
                               const godwit_inbox_options_t *options, godwit_inbox_t **inbox)
{
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    error = inbox ? open_inbox(peer, destination, options, inbox)
                  : gw_error(GODWIT_EINVAL, "inbox is NULL: there is nowhere to put the result");
    gw_peer_leave(peer);
    return error;
}

void godwit_inbox_close(godwit_inbox_t **pointer)
{
    struct gw_command command = {.type = GW_COMMAND_UNSERVE};

    if (!pointer || !*pointer)
        return;
    struct godwit_inbox *inbox = *pointer;
    struct godwit_peer *peer = inbox->peer;
    *pointer = NULL;
    if (gw_forked(&peer->fork_mark))
        return;
    if (gw_peer_enter(peer) == GODWIT_OK) {
        command.inbox = inbox;
        gw_peer_command(peer, &command); /* fails only if the peer is closing: the same to us */
        gw_peer_leave(peer);
    }
    release(inbox);
    gw_peer_drop(peer);
}

int godwit_inbox_fd(godwit_inbox_t *inbox)
{
    return inbox ? inbox->fd : -1;
}

static struct godwit_delivery *take_first(struct godwit_inbox *inbox)
{
    struct gw_run *run = inbox->first;
    struct godwit_delivery *delivery = &run->deliveries[run->given++];

    if (run->given == run->count) {
        inbox->first = run->next;
        if (!inbox->first)
            inbox->last = NULL;
        show(inbox);
    }
    return delivery;
}

static godwit_err_t next(struct godwit_inbox *inbox, int timeout_ms, godwit_delivery_t **delivery)
{
    struct gw_deadline deadline;
    bool begun = false, in_time = timeout_ms != 0;
    godwit_err_t error = GODWIT_OK;

    pthread_mutex_lock(&inbox->lock);
    while (!inbox->first && inbox->open && !inbox->closing && in_time) {
        if (!begun)
            deadline = gw_deadline_in(timeout_ms);
        begun = true;
        in_time = gw_cond_wait(&inbox->arrived, &inbox->lock, &deadline);
    }
    if (inbox->closing || !inbox->open)
        error = GODWIT_ECLOSED;
    else if (!inbox->first)
        error = GODWIT_ETIMEDOUT;
    else
        *delivery = take_first(inbox);
    pthread_mutex_unlock(&inbox->lock);
    return error;
}

godwit_err_t godwit_inbox_next(godwit_inbox_t *inbox, int timeout_ms, godwit_delivery_t **delivery)
{
    godwit_err_t error;

    if (!inbox || !delivery)
        return gw_error(GODWIT_EINVAL, "%s is NULL", inbox ? "delivery" : "inbox");
    if ((error = gw_check_timeout(timeout_ms)) || (error = gw_peer_enter(inbox->peer)))
        return error;
    struct godwit_peer *peer = inbox->peer;
    error = next(inbox, timeout_ms, delivery);
    gw_peer_leave(peer);
    if (error == GODWIT_ETIMEDOUT)
        return gw_error(error, "no message within %d ms", timeout_ms);
    if (error)
        return gw_error(error, "the inbox or its peer was closed");
    return GODWIT_OK;
}
