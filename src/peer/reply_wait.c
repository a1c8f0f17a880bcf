/* SPDX-License-Identifier: MPL-2.0 */

/* Asking, and waiting for the answer. */

#include "peer/reply.h"
#include "godwit/status.h"
#include "peer/reply_book.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#define SCAN_MAX 16
#define MUCH_LARGER 4 /* times, of two bursts */

/* --- a look at what no message tells --- */

/* The end of a request of an earlier open, of which the tail knows nothing. */
static godwit_err_t earlier_fate(const struct gw_waiter *waiter)
{
    godwit_status_t status = GODWIT_STATUS_INIT;

    if (godwit_status(waiter->replies->peer, waiter->id, &status) != GODWIT_OK)
        return GODWIT_OK;
    if (status.place == GODWIT_PLACE_DEAD)
        return gw_error(GODWIT_EDEAD, "the request was given up: it is a dead letter");
    if (status.place == GODWIT_PLACE_WITHDRAWN)
        return gw_error(GODWIT_EWITHDRAWN, "the request was taken back before a handler had it");
    return GODWIT_OK;
}

/* The request ended without a reply? GODWIT_OK: no, or not yet, as far as it can be known. */
static godwit_err_t fate(struct gw_waiter *waiter)
{
    godwit_err_t error = godwit_wait(waiter->replies->peer, waiter->id, GODWIT_SETTLED, 0);

    if (error == GODWIT_ENOTFOUND)
        error = earlier_fate(waiter);
    if (error != GODWIT_EDEAD && error != GODWIT_EWITHDRAWN && error != GODWIT_ENOTSTORED)
        return GODWIT_OK;
    pthread_mutex_lock(&waiter->replies->lock);
    gw_book_collect(waiter->replies, waiter->id); /* another member's late reply is not wanted */
    pthread_mutex_unlock(&waiter->replies->lock);
    return error;
}

static bool may_be_aside(struct gw_replies *replies)
{
    pthread_mutex_lock(&replies->lock);
    bool result = replies->aside > 0 || !replies->aside_known;
    pthread_mutex_unlock(&replies->lock);
    return result;
}

/* Gives the waiter a reply read from the store, unless it has one or somebody else has this. */
static bool lend(struct gw_waiter *waiter, struct godwit_reply *reply)
{
    struct gw_replies *replies = waiter->replies;

    pthread_mutex_lock(&replies->lock);
    bool lent = !waiter->reply && gw_book_lend(replies, reply);
    if (lent)
        waiter->reply = reply;
    pthread_mutex_unlock(&replies->lock);
    if (!lent)
        gw_reply_free(reply);
    return lent;
}

/* What is not there, or cannot be read just now, may come: so these are no errors. */
static godwit_err_t look_for_one(struct gw_waiter *waiter)
{
    struct gw_replies *replies = waiter->replies;
    struct godwit_reply *reply;

    pthread_mutex_lock(&replies->lock);
    reply = gw_book_find(replies, waiter->id);
    bool gone = !waiter->reply && ((reply && reply->state == GW_REPLY_OUT) ||
                                   gw_book_collected(replies, waiter->id));
    bool here = waiter->reply || (reply && reply->state != GW_REPLY_OUT);
    if (reply && reply->state == GW_REPLY_FILED && !waiter->reply) {
        gw_book_take(replies, reply);
        waiter->reply = reply;
    }
    pthread_mutex_unlock(&replies->lock);
    if (gone)
        return gw_error(GODWIT_ENOTFOUND, "the reply to this request was collected already");
    if (here)
        return GODWIT_OK;
    if (may_be_aside(replies)) {
        godwit_err_t error = gw_aside_read(replies, waiter->id, &reply);

        if (error == GODWIT_ECORRUPT)
            return error;
        if (!error && lend(waiter, reply))
            return GODWIT_OK;
    }
    return fate(waiter);
}

/* Any of those put aside that nobody has. False: the end of them was reached. */
static bool look_on(struct gw_waiter *waiter, struct gw_aside_scan *scan)
{
    struct gw_replies *replies = waiter->replies;
    struct godwit_reply *reply;

    if (gw_aside_scan(replies, scan) != GODWIT_OK)
        return false;
    for (size_t i = 0; i < scan->count; i++) {
        pthread_mutex_lock(&replies->lock);
        bool free_one = !gw_book_find(replies, scan->ids[i]) &&
                        !gw_book_collected(replies, scan->ids[i]);
        pthread_mutex_unlock(&replies->lock);
        if (free_one && gw_aside_read(replies, scan->ids[i], &reply) == GODWIT_OK &&
            lend(waiter, reply)) {
            scan->after = scan->ids[i];
            return false;
        }
    }
    return scan->count == scan->capacity;
}

static void look_for_any(struct gw_waiter *waiter)
{
    struct gw_replies *replies = waiter->replies;
    godwit_id_t ids[SCAN_MAX];
    struct gw_aside_scan scan = {.ids = ids, .capacity = SCAN_MAX, .before_ms = UINT64_MAX};

    if (!may_be_aside(replies))
        return;
    pthread_mutex_lock(&replies->lock);
    scan.after = replies->scanned;
    pthread_mutex_unlock(&replies->lock);
    bool whole = scan.after.epoch == 0;
    while (look_on(waiter, &scan))
        continue;
    if (!waiter->reply && !whole) { /* from the start: newer ones may have lower ids */
        scan.after = (godwit_id_t){0};
        while (look_on(waiter, &scan))
            continue;
    }
    pthread_mutex_lock(&replies->lock);
    replies->scanned = waiter->reply ? scan.after : (godwit_id_t){0};
    pthread_mutex_unlock(&replies->lock);
}

/* --- waiting --- */

/* With the lock, which is free meanwhile. One of the waiters may wait at the helm. */
static bool wait_once(struct gw_waiter *waiter, const struct gw_deadline *deadline)
{
    struct gw_replies *replies = waiter->replies;

    if (replies->driver)
        return gw_cond_wait(&waiter->woken, &replies->lock, deadline);
    replies->driver = waiter;
    bool in_time = gw_seat_wait(&waiter->seat, replies->peer->engine, &waiter->woken,
                                &replies->lock, deadline);
    replies->driver = NULL;
    return in_time;
}

/* With the lock, which is free in between. The waiter stands in line. It drains for the others too,
 * but not beyond its own time, save once. */
static godwit_err_t await(struct gw_waiter *waiter, const struct gw_deadline *deadline)
{
    struct gw_replies *replies = waiter->replies;
    bool late = false, drained = false;
    godwit_err_t error = GODWIT_OK;

    while (!waiter->reply && !error) {
        if (replies->shut) {
            error = GODWIT_ECLOSED;
        } else if (waiter->look) {
            waiter->look = false;
            pthread_mutex_unlock(&replies->lock);
            if (waiter->any)
                look_for_any(waiter);
            else
                error = look_for_one(waiter);
            pthread_mutex_lock(&replies->lock);
        } else if (replies->arrived && !replies->draining && !(late && drained)) {
            gw_replies_drain(replies);
            drained = true;
            late = gw_deadline_passed(deadline);
        } else if (late) {
            error = GODWIT_ETIMEDOUT;
        } else {
            late = !wait_once(waiter, deadline);
        }
    }
    gw_waiter_leave(waiter);
    return waiter->reply ? GODWIT_OK : error;
}

static godwit_err_t explain(const struct gw_waiter *waiter, godwit_err_t error, int timeout_ms)
{
    if (error == GODWIT_ECLOSED)
        return gw_error_closed();
    if (error != GODWIT_ETIMEDOUT)
        return error;
    if (!waiter->service || waiter->met)
        return gw_error(GODWIT_ETIMEDOUT, "no reply within %d ms", timeout_ms);
    return gw_error(GODWIT_ENOSERVICE,
                    "no reply within %d ms, and no peer was met that serves \"service:%s\"",
                    timeout_ms, waiter->service->name);
}

/* The result of a call that waits for one request. */
static godwit_err_t give(struct godwit_reply *reply, godwit_reply_t **result)
{
    *result = reply;
    if (reply->code == 0)
        return GODWIT_OK;
    return gw_error(GODWIT_EREMOTE, "\"%s\" answered with error %u%s%s", reply->server,
                    (unsigned)reply->code, reply->text[0] ? ": " : "", reply->text);
}

/* --- the calls --- */

/* Whose replies this thread took one of, with others to come; until it sends. As a rule it takes
 * them next, and sends a request for each: those then go together. */
static _Thread_local const struct gw_replies *more_to_take;

/* With the lock. Neither `arrived` nor the count is exact: the one is true after a full drain, the
 * other counts what its sender took back. */
static bool some_are_here(const struct gw_replies *replies)
{
    return replies->oldest || (replies->arrived && replies->unread > 0);
}

/* With the lock. */
static void count_taken(struct gw_replies *replies, bool waited)
{
    if (waited) {
        replies->burst_before = replies->burst;
        replies->burst = 0;
    }
    replies->burst++;
}

/* With the lock. Where a sync costs more than the moment that it waits for company, a few replies
 * that come apart from many others wait for those: else each of the two pays for its own sync, here
 * and at the server, and on every round they miss each other again. */
static bool more_will_come(const struct gw_replies *replies)
{
    return some_are_here(replies) ||
           (replies->peer->settings.durability == GODWIT_DURABILITY_FSYNC &&
            replies->burst <= replies->burst_before / MUCH_LARGER);
}

static godwit_err_t check_service(const char *service, struct gw_destination *destination)
{
    if (!service)
        return gw_error(GODWIT_EINVAL, "service is NULL");
    if (!gw_name_valid(service))
        return gw_error(GODWIT_EINVAL, "service is \"%.80s\", but must be 1 to 64 of [a-z0-9._-]",
                        service);
    *destination = (struct gw_destination){.kind = GW_KIND_SERVICE};
    snprintf(destination->name, sizeof destination->name, "%s", service);
    return GODWIT_OK;
}

/* Inside gw_peer_enter. */
static godwit_err_t ask(struct godwit_peer *peer, const struct gw_destination *destination,
                        godwit_message_t **message, int timeout_ms, godwit_reply_t **reply,
                        godwit_id_t *id)
{
    struct gw_deadline deadline = gw_deadline_in(timeout_ms);
    struct gw_waiter waiter;
    const struct gw_send_watch watch = {&waiter, &deadline};
    struct gw_replies *replies;
    godwit_err_t error = gw_replies_open(peer, &replies);

    if (error)
        return error;
    gw_waiter_init(&waiter, replies);
    waiter.service = destination;
    error = gw_send_watched(peer, destination, message, &watch, id);
    if (!error) {
        pthread_mutex_lock(&replies->lock);
        error = await(&waiter, &deadline);
        pthread_mutex_unlock(&replies->lock);
        gw_seat_leave(&waiter.seat, peer->engine);
        error = explain(&waiter, error, timeout_ms);
    }
    gw_waiter_clear(&waiter);
    return error ? error : give(waiter.reply, reply);
}

godwit_err_t godwit_request(godwit_peer_t *peer, const char *service, godwit_message_t **message,
                            int timeout_ms, godwit_reply_t **reply, godwit_id_t *id)
{
    struct gw_destination destination;
    godwit_id_t own;
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!message || !*message || !reply)
        error = gw_error(GODWIT_EINVAL, "%s is NULL", reply ? "message" : "reply");
    else if (!(error = check_service(service, &destination)) &&
             !(error = gw_check_timeout(timeout_ms)))
        error = ask(peer, &destination, message, timeout_ms, reply, id ? id : &own);
    gw_peer_leave(peer);
    return error;
}

godwit_err_t godwit_request_send(godwit_peer_t *peer, const char *service,
                                 godwit_message_t **message, godwit_id_t *id)
{
    struct gw_destination destination;
    struct gw_replies *replies;
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!(error = check_service(service, &destination)) &&
        !(error = gw_replies_open(peer, &replies))) {
        error = gw_send_request(peer, &destination, message, more_to_take == replies, id);
        more_to_take = NULL;
    }
    gw_peer_leave(peer);
    return error;
}

/* Inside gw_peer_enter. */
static godwit_err_t wait_for(struct godwit_peer *peer, bool any, godwit_id_t id, int timeout_ms,
                             struct godwit_reply **reply)
{
    struct gw_deadline deadline = gw_deadline_in(timeout_ms);
    struct gw_replies *replies;
    struct gw_waiter waiter;
    godwit_err_t error = gw_replies_open(peer, &replies);

    if (error)
        return error;
    gw_waiter_init(&waiter, replies);
    waiter.any = any;
    waiter.id = id;
    waiter.look = true;
    pthread_mutex_lock(&replies->lock);
    bool waited = !some_are_here(replies);
    if (any && replies->oldest) {
        waiter.reply = replies->oldest;
        gw_book_take(replies, waiter.reply);
    } else {
        gw_waiter_enlist(&waiter);
        error = await(&waiter, &deadline);
    }
    if (any && waiter.reply)
        count_taken(replies, waited);
    more_to_take = any && waiter.reply && more_will_come(replies) ? replies : NULL;
    pthread_mutex_unlock(&replies->lock);
    gw_seat_leave(&waiter.seat, peer->engine);
    gw_waiter_clear(&waiter);
    *reply = waiter.reply;
    return explain(&waiter, error, timeout_ms);
}

godwit_err_t godwit_reply_wait(godwit_peer_t *peer, godwit_id_t request, int timeout_ms,
                               godwit_reply_t **reply)
{
    struct godwit_reply *found = NULL;
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!reply)
        error = gw_error(GODWIT_EINVAL, "reply is NULL");
    else if (request.epoch == 0 || request.sequence == 0)
        error = gw_error(GODWIT_ENOTFOUND, "that is no id");
    else if (!(error = gw_check_timeout(timeout_ms)))
        error = wait_for(peer, false, request, timeout_ms, &found);
    if (!error)
        error = give(found, reply);
    gw_peer_leave(peer);
    return error;
}

godwit_err_t godwit_reply_next(godwit_peer_t *peer, int timeout_ms, godwit_reply_t **reply)
{
    struct godwit_reply *found = NULL;
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!reply)
        error = gw_error(GODWIT_EINVAL, "reply is NULL");
    else if (!(error = gw_check_timeout(timeout_ms)))
        error = wait_for(peer, true, (godwit_id_t){0}, timeout_ms, &found);
    if (!error)
        *reply = found;
    gw_peer_leave(peer);
    return error;
}

int godwit_reply_fd(godwit_peer_t *peer)
{
    struct gw_replies *replies;
    int fd = -1;

    if (gw_peer_enter(peer) != GODWIT_OK)
        return -1;
    if (gw_replies_open(peer, &replies) == GODWIT_OK) {
        pthread_mutex_lock(&replies->lock);
        if (replies->fd < 0) {
            replies->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
            replies->readable = true;
        }
        gw_book_show(replies);
        fd = replies->fd;
        if (fd < 0)
            gw_error(GODWIT_EIO, "no eventfd for the replies: %s", strerror(errno));
        pthread_mutex_unlock(&replies->lock);
    }
    gw_peer_leave(peer);
    return fd;
}

godwit_err_t godwit_request_cancel(godwit_peer_t *peer, godwit_id_t request)
{
    return godwit_withdraw(peer, request);
}
