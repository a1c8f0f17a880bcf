/* SPDX-License-Identifier: MPL-2.0 */

/* Inboxes: runs come in from the engine, deliveries go out to any number of threads. */

#include "peer/inbox.h"

#include "peer/helm.h"
#include "peer/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* --- the engine's side --- */

/* Makes the eventfd tell the truth, if anybody looks at it. With the lock. */
static void show(struct godwit_inbox *inbox)
{
    bool readable = inbox->first != NULL || inbox->closing || !inbox->open;
    uint64_t one = 1;
    ssize_t ignored;

    if (!inbox->watched || readable == inbox->readable)
        return;
    inbox->readable = readable;
    if (readable)
        ignored = write(inbox->fd, &one, sizeof one);
    else
        ignored = read(inbox->fd, &one, sizeof one);
    (void)ignored; /* cannot fail: the counter is 0 or 1 */
}

static struct gw_run *run_of(struct godwit_inbox *inbox, struct gw_inbound *inbound)
{
    size_t count = 0;

    for (size_t i = 0; i < inbound->piece_count; i++)
        count += inbound->pieces[i].last - inbound->pieces[i].first + 1;
    struct gw_run *run = malloc(sizeof *run + count * sizeof run->deliveries[0]);
    if (!run)
        return NULL;
    *run = (struct gw_run){.peer = inbox->peer, .inbox = inbox, .inbound = inbound,
                           .count = count, .queued = true};
    atomic_init(&run->left, count);
    run->generation = inbox->peer->generation; /* the engine alone changes it */
    struct godwit_delivery *next = run->deliveries;
    for (size_t i = 0; i < inbound->piece_count; i++)
        for (uint64_t at = inbound->pieces[i].first; at <= inbound->pieces[i].last; at++)
            *next++ = (struct godwit_delivery){.run = run,
                                               .index = (uint32_t)(at - inbound->first),
                                               .mark = GW_MARK_NONE};
    return run;
}

/* Of the messages in hand. */
static uint64_t bytes_of(const struct gw_inbound *inbound)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < inbound->piece_count; i++) {
        uint64_t first = inbound->pieces[i].first - inbound->first;

        bytes += inbound->ends[inbound->pieces[i].last - inbound->first] -
                 (first ? inbound->ends[first - 1] : 0);
    }
    return bytes;
}

/* `count` messages came. With the lock. Who drives looks by itself, if it is the one that brought
 * them here; else it is woken only if nobody sleeps: that takes longer. The result: how many of the
 * sleepers are to be woken, without the lock, at which they would only meet. */
static size_t call_takers(struct godwit_inbox *inbox, size_t count)
{
    size_t looking = inbox->driver && gw_seat_is_own(inbox->driver);
    size_t wanted = count > looking ? count - looking : 0;

    if (inbox->driver && count > inbox->sleepers)
        gw_seat_signal(inbox->driver, inbox->peer->engine, &inbox->arrived);
    return wanted < inbox->sleepers ? wanted : inbox->sleepers;
}

static void wake_all(struct godwit_inbox *inbox)
{
    pthread_cond_broadcast(&inbox->arrived);
    if (inbox->driver)
        gw_seat_signal(inbox->driver, inbox->peer->engine, &inbox->arrived);
}

int gw_inbox_deliver(struct godwit_inbox *inbox, struct gw_inbound *inbound)
{
    if (inbound->piece_count == 0) {
        gw_inbound_destroy(&inbound);
        return 0;
    }
    struct gw_run *run = run_of(inbox, inbound);
    if (!run) {
        gw_inbound_destroy(&inbound);
        return -ENOMEM;
    }
    size_t count = run->count; /* once it is in the queue, it may be gone */
    uint64_t bytes = inbox->replies ? bytes_of(inbound) : 0;
    gw_peer_hold(inbox->peer);
    pthread_mutex_lock(&inbox->lock);
    if (inbox->last)
        inbox->last->next = run;
    else
        inbox->first = run;
    inbox->last = run;
    inbox->generation = run->generation;
    show(inbox);
    size_t takers = call_takers(inbox, count);
    pthread_mutex_unlock(&inbox->lock);
    while (takers-- > 0)
        pthread_cond_signal(&inbox->arrived);
    if (inbox->replies)
        gw_replies_arrived(inbox->replies, count, bytes);
    return 0;
}

void gw_inbox_flush(struct godwit_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    struct gw_run *run = inbox->first;
    inbox->first = inbox->last = NULL;
    inbox->handed.count = 0;
    inbox->acked.count = 0;
    inbox->generation = inbox->peer->generation; /* as in run_of */
    show(inbox);
    while (run) {
        struct gw_run *next = run->next;

        gw_run_leave_queue(run, run->count - run->given);
        run = next;
    }
    pthread_mutex_unlock(&inbox->lock);
}

/* --- taking back --- */

void gw_taken_clear(struct gw_taken_list *taken)
{
    free(taken->items);
    *taken = (struct gw_taken_list){0};
}

static int add_taken(struct gw_taken_list *taken, const struct godwit_delivery *delivery)
{
    const struct gw_decision one = gw_delivery_decision(delivery);
    const uint64_t number = delivery->run->inbound->number;
    struct gw_taken *last = taken->count > 0 ? &taken->items[taken->count - 1] : NULL;

    if (last && last->epoch == one.epoch && last->number == number &&
        last->range.last + 1 == one.first) {
        last->range.last = one.last;
        last->bytes += one.bytes;
        return 0;
    }
    if (taken->count == taken->capacity) {
        size_t capacity = taken->capacity ? taken->capacity * 2 : 8;
        struct gw_taken *more = realloc(taken->items, capacity * sizeof *more);

        if (!more)
            return -ENOMEM;
        taken->items = more;
        taken->capacity = capacity;
    }
    taken->items[taken->count++] =
        (struct gw_taken){{one.first, one.last}, one.bytes, one.epoch, number};
    return 0;
}

/* Moves what stays together and returns how many went. Nothing of it was handed over, so nobody
 * knows where it is. */
static size_t take_from(struct gw_run *run, const struct gw_range *ranges, size_t count,
                        struct gw_taken_list *taken, int *error)
{
    size_t kept = run->given, at = 0;

    for (size_t i = run->given; i < run->count; i++) {
        uint64_t sequence = gw_delivery_sequence(&run->deliveries[i]);

        while (ranges && at < count && ranges[at].last < sequence)
            at++;
        bool wanted = !ranges || (at < count && ranges[at].first <= sequence);
        if (wanted && !*error)
            *error = add_taken(taken, &run->deliveries[i]);
        if (!wanted || *error)
            run->deliveries[kept++] = run->deliveries[i];
    }
    size_t gone = run->count - kept;
    run->count = kept;
    return gone;
}

int gw_inbox_take_back(struct godwit_inbox *inbox, uint64_t epoch, const struct gw_range *ranges,
                       size_t count, struct gw_taken_list *taken)
{
    struct gw_run **link = &inbox->first, *run;
    int error = 0;

    pthread_mutex_lock(&inbox->lock);
    inbox->last = NULL;
    while ((run = *link) != NULL) {
        size_t gone = epoch != 0 && run->inbound->epoch != epoch
                          ? 0
                          : take_from(run, epoch ? ranges : NULL, count, taken, &error);

        if (run->given < run->count) {
            inbox->last = run;
            link = &run->next;
            run->freed += gone;
        } else { /* may free it; the inbox's handle or its peer lives on */
            *link = run->next;
            gw_run_leave_queue(run, gone);
        }
    }
    show(inbox);
    pthread_mutex_unlock(&inbox->lock);
    return error;
}

void gw_inbox_shut(struct godwit_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->closing = true;
    struct gw_replies *replies = inbox->replies;
    show(inbox);
    wake_all(inbox);
    pthread_mutex_unlock(&inbox->lock);
    if (replies)
        gw_replies_shut(replies);
}

void gw_inbox_destroy(struct godwit_inbox *inbox)
{
    if (inbox->fd >= 0)
        close(inbox->fd);
    pthread_cond_destroy(&inbox->arrived);
    pthread_mutex_destroy(&inbox->lock);
    free(inbox->handed.items);
    gw_decided_clear(&inbox->acked);
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
    wake_all(inbox);
    pthread_mutex_unlock(&inbox->lock);
}

/* Claims the destination's inbox and serves it. */
static godwit_err_t serve(struct godwit_peer *peer, const struct gw_destination *destination,
                          const struct gw_inbox_settings *credit, struct gw_replies *replies,
                          struct godwit_inbox **result)
{
    struct gw_command command = {.type = GW_COMMAND_SERVE, .credit = *credit};
    struct godwit_inbox *inbox = NULL;
    godwit_err_t error = claim(peer, destination, &inbox);

    if (error)
        return error;
    pthread_mutex_lock(&inbox->lock);
    inbox->replies = replies; /* nothing is delivered before it is served */
    pthread_mutex_unlock(&inbox->lock);
    command.inbox = inbox;
    if ((error = gw_peer_command(peer, &command)) != GODWIT_OK) {
        release(inbox);
        return error;
    }
    *result = inbox;
    return GODWIT_OK;
}

godwit_err_t gw_inbox_open_replies(struct godwit_peer *peer, struct gw_replies *replies,
                                   const struct gw_inbox_settings *credit,
                                   struct godwit_inbox **inbox)
{
    struct gw_destination own = {.kind = GW_KIND_REPLY};

    memcpy(own.name, peer->settings.name, sizeof own.name);
    return serve(peer, &own, credit, replies, inbox);
}

static godwit_err_t open_inbox(struct godwit_peer *peer, const char *text,
                               const godwit_inbox_options_t *options, godwit_inbox_t **result)
{
    struct gw_inbox_settings credit;
    struct gw_destination destination;
    godwit_err_t error;

    if ((error = gw_check_destination(text, &destination)) ||
        (error = gw_inbox_settings_read(options, peer->settings.max_message, &credit)))
        return error;
    if (destination.kind == GW_KIND_PEER && strcmp(destination.name, peer->settings.name) != 0)
        return gw_error(GODWIT_EINVAL, "\"%s\" cannot be served by \"%s\": only its own name can",
                        text, peer->settings.name);
    if (destination.kind == GW_KIND_REPLY)
        return gw_error(GODWIT_EINVAL,
                        "\"%s\" cannot be served: replies are collected by godwit_reply_next and "
                        "godwit_reply_wait",
                        text);
    if ((error = serve(peer, &destination, &credit, NULL, result)) == GODWIT_OK)
        gw_peer_hold(peer);
    return error;
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
    if (!inbox)
        return -1;
    pthread_mutex_lock(&inbox->lock);
    inbox->watched = true;
    show(inbox);
    pthread_mutex_unlock(&inbox->lock);
    return inbox->fd;
}

static bool is_ready(const struct godwit_inbox *inbox)
{
    return inbox->first && inbox->open && !inbox->closing;
}

bool godwit_inbox_ready(godwit_inbox_t *inbox)
{
    if (!inbox || gw_forked(&inbox->peer->fork_mark))
        return false;
    pthread_mutex_lock(&inbox->lock);
    bool ready = is_ready(inbox);
    pthread_mutex_unlock(&inbox->lock);
    return ready;
}

static struct godwit_delivery *take_first(struct godwit_inbox *inbox)
{
    struct gw_run *run = inbox->first;
    struct godwit_delivery *delivery = &run->deliveries[run->given++];

    if (run->given == run->count) {
        inbox->first = run->next;
        if (!inbox->first)
            inbox->last = NULL;
        gw_run_leave_queue(run, 0); /* the one taken now keeps it */
        show(inbox);
    }
    return delivery;
}

/* With the lock, which is free meanwhile. One of those who wait may do so at the helm. */
static bool wait_once(struct godwit_inbox *inbox, struct gw_seat *seat,
                      const struct gw_deadline *deadline)
{
    bool in_time;

    if (inbox->driver) {
        inbox->sleepers++;
        in_time = gw_cond_wait(&inbox->arrived, &inbox->lock, deadline);
        inbox->sleepers--;
    } else {
        inbox->driver = seat;
        in_time = gw_seat_wait(seat, inbox->peer->engine, &inbox->arrived, &inbox->lock, deadline);
        inbox->driver = NULL;
    }
    return in_time;
}

/* With the lock: until there is a message, or there will be none. */
static godwit_err_t wait_for_one(struct godwit_inbox *inbox, struct gw_seat *seat, int timeout_ms)
{
    struct gw_deadline deadline;
    bool begun = false, in_time = timeout_ms != 0;

    while (!inbox->first && inbox->open && !inbox->closing && in_time) {
        if (!begun)
            deadline = gw_deadline_in(timeout_ms);
        begun = true;
        in_time = wait_once(inbox, seat, &deadline);
    }
    if (inbox->closing || !inbox->open)
        return GODWIT_ECLOSED;
    return inbox->first ? GODWIT_OK : GODWIT_ETIMEDOUT;
}

/* With the lock, and a message there. *wake: what gw_peer_must_wake said. */
static struct godwit_delivery *hand_over(struct godwit_inbox *inbox, bool *wake)
{
    struct godwit_delivery *delivery = take_first(inbox);

    gw_delivery_begin(inbox, delivery);
    *wake = gw_delivery_is_urgent(delivery) && gw_peer_must_wake(inbox->peer);
    return delivery;
}

/* Inside gw_peer_enter: this call may last, so close has to know of it. */
static godwit_err_t next(struct godwit_inbox *inbox, int timeout_ms, godwit_delivery_t **delivery)
{
    struct gw_seat seat = {0};
    bool wake = false;

    pthread_mutex_lock(&inbox->lock);
    godwit_err_t error = wait_for_one(inbox, &seat, timeout_ms);
    if (!error)
        *delivery = hand_over(inbox, &wake);
    pthread_mutex_unlock(&inbox->lock);
    gw_seat_leave(&seat, inbox->peer->engine);
    if (wake)
        gw_peer_wake(inbox->peer);
    return error;
}

/* The common case: a message is there. Nothing is touched but the inbox. */
static bool next_at_once(struct godwit_inbox *inbox, godwit_delivery_t **delivery)
{
    struct godwit_peer *peer = inbox->peer;
    bool wake = false;

    pthread_mutex_lock(&inbox->lock);
    bool ready = is_ready(inbox);
    if (ready)
        *delivery = hand_over(inbox, &wake);
    pthread_mutex_unlock(&inbox->lock);
    if (wake)
        gw_peer_wake(peer);
    return ready;
}

static godwit_err_t next_many(struct godwit_inbox *inbox, int timeout_ms,
                              godwit_delivery_t **deliveries, size_t capacity, size_t *count)
{
    struct gw_seat seat = {0};

    pthread_mutex_lock(&inbox->lock);
    godwit_err_t error = wait_for_one(inbox, &seat, timeout_ms);
    while (!error && inbox->first && *count < capacity)
        deliveries[(*count)++] = take_first(inbox);
    pthread_mutex_unlock(&inbox->lock);
    gw_seat_leave(&seat, inbox->peer->engine);
    return error;
}

static godwit_err_t explain(godwit_err_t error, int timeout_ms)
{
    if (error == GODWIT_ETIMEDOUT)
        return gw_error(error, "no message within %d ms", timeout_ms);
    if (error)
        return gw_error(error, "the inbox or its peer was closed");
    return GODWIT_OK;
}

godwit_err_t godwit_inbox_next(godwit_inbox_t *inbox, int timeout_ms, godwit_delivery_t **delivery)
{
    godwit_err_t error;

    if (!inbox || !delivery)
        return gw_error(GODWIT_EINVAL, "%s is NULL", inbox ? "delivery" : "inbox");
    if ((error = gw_check_timeout(timeout_ms)) != GODWIT_OK)
        return error;
    if (gw_forked(&inbox->peer->fork_mark))
        return gw_error_fork();
    if (next_at_once(inbox, delivery))
        return GODWIT_OK;
    if ((error = gw_peer_enter(inbox->peer)) != GODWIT_OK)
        return error;
    struct godwit_peer *peer = inbox->peer;
    error = next(inbox, timeout_ms, delivery);
    gw_peer_leave(peer);
    return explain(error, timeout_ms);
}

godwit_err_t godwit_inbox_next_many(godwit_inbox_t *inbox, int timeout_ms,
                                    godwit_delivery_t **deliveries, size_t capacity,
                                    size_t *count)
{
    godwit_err_t error;

    if (count)
        *count = 0;
    if (!inbox || !deliveries || !count)
        return gw_error(GODWIT_EINVAL, "%s is NULL",
                        !inbox ? "inbox" : !deliveries ? "deliveries" : "count");
    if (capacity == 0)
        return gw_error(GODWIT_EINVAL, "capacity is 0: there is nowhere to put a message");
    if ((error = gw_check_timeout(timeout_ms)) || (error = gw_peer_enter(inbox->peer)))
        return error;
    struct godwit_peer *peer = inbox->peer;
    error = next_many(inbox, timeout_ms, deliveries, capacity, count);
    gw_peer_leave(peer);
    return explain(error, timeout_ms);
}
