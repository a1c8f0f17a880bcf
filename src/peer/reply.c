/* SPDX-License-Identifier: MPL-2.0 */

/* The collector of replies: how it begins and ends, what the engine tells it, and how its inbox is
 * emptied. */

#include "peer/reply.h"

#include "peer/reply_book.h"
#include "peer/thread.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CREDIT_MESSAGES 16384
#define GIVE_BACK_MS 100
#define DRAIN_MAX 64 /* then a look at whether one's own reply is there */

/* --- life --- */

static uint64_t credit_bytes(const struct godwit_peer *peer)
{
    return gw_credit_bytes_usual(peer->settings.max_message);
}

static struct gw_replies *make(struct godwit_peer *peer)
{
    struct gw_replies *replies = calloc(1, sizeof *replies);

    if (!replies)
        return NULL;
    replies->peer = peer;
    replies->fd = -1;
    replies->quarter = CREDIT_MESSAGES / 4;
    replies->quarter_bytes = credit_bytes(peer) / 4;
    pthread_mutex_init(&replies->lock, NULL);
    gw_cond_init(&replies->work);
    pthread_mutex_lock(&peer->lock);
    gw_map_init(&replies->here, gw_entropy_next(&peer->entropy));
    gw_map_init(&replies->collected, gw_entropy_next(&peer->entropy));
    pthread_mutex_unlock(&peer->lock);
    return replies;
}

/* What an earlier attempt reached is kept. */
static godwit_err_t start(struct godwit_peer *peer, struct gw_replies *replies)
{
    const struct gw_inbox_settings credit = {CREDIT_MESSAGES, credit_bytes(peer)};
    godwit_err_t error = GODWIT_OK;

    if (!replies->inbox)
        error = gw_inbox_open_replies(peer, replies, &credit, &replies->inbox);
    if (error || replies->kept)
        return error;
    int code = gw_thread_start(&replies->keeper, "godwit-replies", gw_replies_keep, replies);
    if (code != 0)
        return gw_error(GODWIT_EIO, "the thread that keeps replies cannot be started: %s",
                        strerror(-code));
    replies->kept = true;
    return GODWIT_OK;
}

godwit_err_t gw_replies_open(struct godwit_peer *peer, struct gw_replies **result)
{
    struct gw_replies *replies = atomic_load(&peer->replies);
    godwit_err_t error = GODWIT_OK;

    if (!replies || !atomic_load(&peer->replies_ready)) {
        pthread_mutex_lock(&peer->replies_opening);
        replies = atomic_load(&peer->replies);
        if (!replies && (replies = make(peer)) != NULL)
            atomic_store(&peer->replies, replies);
        error = replies ? start(peer, replies) : gw_error_memory();
        if (!error)
            atomic_store(&peer->replies_ready, true);
        pthread_mutex_unlock(&peer->replies_opening);
    }
    *result = replies;
    return error;
}

void gw_replies_end(struct godwit_peer *peer)
{
    struct gw_replies *replies = atomic_load(&peer->replies);

    if (!replies)
        return;
    gw_replies_shut(replies);
    if (replies->kept)
        pthread_join(replies->keeper, NULL);
    replies->kept = false;
    gw_replies_flush(peer); /* each holds the peer */
}

void gw_replies_destroy(struct gw_replies **pointer)
{
    struct gw_replies *replies = *pointer;
    struct gw_collected *epoch;

    if (!replies)
        return;
    for (size_t at = 0; (epoch = gw_map_next(&replies->collected, &at, NULL)) != NULL;) {
        gw_ranges_clear(&epoch->sequences);
        free(epoch);
    }
    gw_map_clear(&replies->collected);
    gw_map_clear(&replies->here);
    if (replies->fd >= 0)
        close(replies->fd);
    pthread_cond_destroy(&replies->work);
    pthread_mutex_destroy(&replies->lock);
    free(replies);
    *pointer = NULL;
}

/* --- what it is told --- */

bool gw_replies_pile_up(const struct gw_replies *replies)
{
    return replies->arrived && !replies->draining && !replies->first &&
           ((int64_t)replies->filed + replies->unread > (int64_t)replies->quarter ||
            (int64_t)replies->filed_bytes + replies->unread_bytes >
                (int64_t)replies->quarter_bytes);
}

/* With the lock: somebody has to drain. */
static void call_somebody(struct gw_replies *replies)
{
    if (!replies->arrived || replies->draining)
        return;
    if (replies->driver && gw_seat_is_own(&replies->driver->seat))
        return;
    if (replies->first)
        gw_waiter_signal(replies->first);
    else if (gw_replies_pile_up(replies))
        pthread_cond_signal(&replies->work);
}

void gw_replies_arrived(struct gw_replies *replies, size_t count, uint64_t bytes)
{
    pthread_mutex_lock(&replies->lock);
    replies->arrived = true;
    replies->unread += (int64_t)count;
    replies->unread_bytes += (int64_t)bytes;
    call_somebody(replies);
    gw_book_show(replies);
    pthread_mutex_unlock(&replies->lock);
}

void gw_replies_shut(struct gw_replies *replies)
{
    pthread_mutex_lock(&replies->lock);
    replies->shut = true;
    for (struct gw_waiter *at = replies->first; at; at = at->after)
        gw_waiter_signal(at);
    pthread_cond_signal(&replies->work);
    gw_book_show(replies);
    pthread_mutex_unlock(&replies->lock);
}

void gw_replies_flush(struct godwit_peer *peer)
{
    struct gw_replies *replies = atomic_load(&peer->replies);

    if (!replies)
        return;
    pthread_mutex_lock(&replies->lock);
    replies->unread = 0; /* the inbox is empty as well */
    replies->unread_bytes = 0;
    while (replies->oldest) {
        struct godwit_reply *reply = replies->oldest;

        gw_book_forget(replies, reply);
        gw_reply_free(reply);
    }
    pthread_mutex_unlock(&replies->lock);
}

void gw_replies_look(struct godwit_peer *peer)
{
    struct gw_replies *replies = atomic_load(&peer->replies);

    if (!replies)
        return;
    pthread_mutex_lock(&replies->lock);
    for (struct gw_waiter *at = replies->first; at; at = at->after)
        gw_waiter_wake(at);
    pthread_mutex_unlock(&replies->lock);
}

void gw_replies_ended(struct godwit_peer *peer, uint64_t epoch, uint64_t first, uint64_t last)
{
    struct gw_replies *replies = atomic_load(&peer->replies);

    if (!replies)
        return;
    pthread_mutex_lock(&replies->lock);
    for (struct gw_waiter *at = replies->first; at; at = at->after)
        if (!at->any && at->id.epoch == epoch && at->id.sequence >= first &&
            at->id.sequence <= last)
            gw_waiter_wake(at);
    pthread_mutex_unlock(&replies->lock);
}

void gw_replies_member(struct godwit_peer *peer, const struct gw_destination *destination,
                       size_t count)
{
    struct gw_replies *replies = atomic_load(&peer->replies);

    if (!replies || count == 0)
        return;
    pthread_mutex_lock(&replies->lock);
    for (struct gw_waiter *at = replies->first; at; at = at->after)
        if (at->service && gw_destination_equal(at->service, destination))
            at->met = true;
    pthread_mutex_unlock(&replies->lock);
}

void gw_replies_named(struct gw_waiter *waiter, godwit_id_t id)
{
    pthread_mutex_lock(&waiter->replies->lock);
    waiter->id = id;
    waiter->met = waiter->service &&
                  gw_peer_members(waiter->replies->peer, waiter->service) > 0;
    gw_waiter_enlist(waiter);
    pthread_mutex_unlock(&waiter->replies->lock);
}

/* --- draining --- */

struct drained {
    size_t taken;
    int64_t bytes;
    struct godwit_reply *replies[DRAIN_MAX];
    size_t reply_count;
    godwit_delivery_t *dropped[DRAIN_MAX]; /* nobody wants them: to be decided */
    size_t dropped_count;
};

/* Without memory for it: it is offered again, a little later. */
static void give_back(godwit_delivery_t *delivery)
{
    godwit_nack(&delivery, GIVE_BACK_MS, "out of memory");
    godwit_delivery_drop(&delivery);
}

/* Nothing is marked as begun: collecting a reply is no attempt that could crash. */
static void take(struct gw_replies *replies, struct drained *drained)
{
    godwit_delivery_t *deliveries[DRAIN_MAX];

    godwit_inbox_next_many(replies->inbox, 0, deliveries, DRAIN_MAX, &drained->taken);
    for (size_t i = 0; i < drained->taken; i++) {
        bool malformed;
        struct godwit_reply *reply = gw_reply_of(replies, deliveries[i], &malformed);

        drained->bytes += gw_delivery_end(deliveries[i]) - gw_delivery_start(deliveries[i]);
        if (reply)
            drained->replies[drained->reply_count++] = reply;
        else if (malformed)
            drained->dropped[drained->dropped_count++] = deliveries[i];
        else
            give_back(deliveries[i]);
    }
}

/* With the lock. Replies that are not filed become deliveries to drop. */
static void file_all(struct gw_replies *replies, struct drained *drained)
{
    for (size_t i = 0; i < drained->reply_count; i++) {
        struct godwit_reply *reply = drained->replies[i];
        enum gw_filing filing = gw_book_file(replies, reply);

        if (filing == GW_FILED)
            continue;
        if (filing == GW_FILE_UNMATCHED)
            drained->dropped[drained->dropped_count++] = reply->delivery;
        else
            give_back(reply->delivery);
        reply->delivery = NULL;
        gw_reply_free(reply);
    }
}

static void drop_all(struct gw_replies *replies, struct drained *drained)
{
    atomic_fetch_add(&replies->peer->replies_unmatched, drained->dropped_count);
    godwit_ack_many(drained->dropped, drained->dropped_count);
    for (size_t i = 0; i < drained->dropped_count; i++)
        godwit_delivery_drop(&drained->dropped[i]);
}

void gw_replies_drain(struct gw_replies *replies)
{
    struct drained drained = {0};

    replies->draining = true;
    replies->arrived = false;
    pthread_mutex_unlock(&replies->lock);
    take(replies, &drained);
    pthread_mutex_lock(&replies->lock);
    file_all(replies, &drained);
    replies->unread -= (int64_t)drained.taken;
    replies->unread_bytes -= drained.bytes;
    replies->draining = false;
    replies->arrived |= drained.taken == DRAIN_MAX;
    call_somebody(replies);
    if (replies->filed > replies->quarter || replies->filed_bytes > replies->quarter_bytes)
        pthread_cond_signal(&replies->work);
    gw_book_show(replies);
    if (drained.dropped_count == 0)
        return;
    pthread_mutex_unlock(&replies->lock);
    drop_all(replies, &drained);
    pthread_mutex_lock(&replies->lock);
}
