/* SPDX-License-Identifier: MPL-2.0 */

/* The collector's thread. It does what no caller should wait for: it puts aside what nobody
 * collects, forgets what is too old, and empties the inbox when nobody else does. */

#include "peer/reply_book.h"

#include <sys/time.h>

#define GROUP 256
#define SWEEP_MS_MAX 3600000u
#define RETRY_MS 100 /* after a failure to store: the store is being reopened */

static bool too_many(const struct gw_replies *replies)
{
    return replies->filed > replies->quarter || replies->filed_bytes > replies->quarter_bytes;
}

/* --- putting aside --- */

/* The oldest, until half of what may be filed is left. */
static size_t choose(struct gw_replies *replies, struct godwit_reply **items)
{
    size_t count = 0;

    while (count < GROUP && replies->oldest &&
           (replies->filed > replies->quarter / 2 ||
            replies->filed_bytes > replies->quarter_bytes / 2)) {
        items[count] = replies->oldest;
        gw_book_unline(replies, items[count++]);
    }
    return count;
}

static void wake_those_who_look(struct gw_replies *replies, godwit_id_t id)
{
    for (struct gw_waiter *at = replies->first; at; at = at->after)
        if (at->any || (at->id.epoch == id.epoch && at->id.sequence == id.sequence))
            gw_waiter_wake(at);
}

/* What is to be filed anew: the delivery that came while an older one was being put aside. */
static void file_again(struct gw_replies *replies, struct godwit_delivery *delivery)
{
    bool malformed;
    struct godwit_reply *reply = gw_reply_of(replies, delivery, &malformed);

    if (!reply)
        gw_delivery_free(delivery);
    else if (gw_book_file(replies, reply) != GW_FILED)
        gw_reply_free(reply);
}

/* With the lock: after the attempt to store it. */
static void conclude(struct gw_replies *replies, struct godwit_reply *reply, bool stored)
{
    struct godwit_delivery *again = reply->again;

    if (!stored && reply->delivery && !again) { /* no more fitted, or it is to be tried again */
        gw_book_reline(replies, reply);
        wake_those_who_look(replies, reply->request); /* they were told to wait for the store */
        return;
    }
    reply->again = NULL;
    gw_book_forget(replies, reply);
    if (stored)
        replies->aside++;
    wake_those_who_look(replies, reply->request);
    gw_reply_free(reply);
    if (again)
        file_again(replies, again);
}

/* With the lock. False: it did not work, and is to be tried later. */
static bool put_aside(struct gw_replies *replies)
{
    struct godwit_reply *items[GROUP];
    size_t count = choose(replies, items), stored = count;

    if (count == 0)
        return true;
    pthread_mutex_unlock(&replies->lock);
    godwit_err_t error = gw_aside_put(replies, items, &stored);
    pthread_mutex_lock(&replies->lock);
    for (size_t i = count; i-- > 0;)
        conclude(replies, items[i], !error && i < stored);
    if (!error)
        atomic_fetch_add(&replies->peer->replies_spilled, stored);
    gw_book_show(replies);
    return !error;
}

/* --- forgetting --- */

static uint64_t wall_ms(void)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

/* With the lock, which is free in between. */
static void expire_filed(struct gw_replies *replies)
{
    uint64_t ttl_us = replies->peer->settings.reply_ttl_s * 1000000;

    while (replies->oldest && !replies->shut && gw_clock_us() - replies->oldest->come_us > ttl_us) {
        struct godwit_reply *reply = replies->oldest;
        struct godwit_delivery *delivery = reply->delivery;

        gw_book_forget(replies, reply);
        reply->delivery = NULL;
        gw_reply_free(reply);
        pthread_mutex_unlock(&replies->lock);
        atomic_fetch_add(&replies->peer->replies_expired, 1);
        if (godwit_ack(&delivery) != GODWIT_OK)
            godwit_delivery_drop(&delivery);
        pthread_mutex_lock(&replies->lock);
    }
}

/* Of these, what nobody has. With the lock. */
static size_t keep_free_ones(struct gw_replies *replies, godwit_id_t *ids, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (!gw_book_find(replies, ids[i]))
            ids[kept++] = ids[i];
    return kept;
}

/* With the lock, which is free in between. Counts what is aside on the way. */
static void expire_aside(struct gw_replies *replies)
{
    uint64_t ttl_ms = replies->peer->settings.reply_ttl_s * 1000, now = wall_ms(), seen = 0;
    godwit_id_t ids[GROUP];
    struct gw_aside_scan scan = {.ids = ids, .capacity = GROUP,
                                 .before_ms = now > ttl_ms ? now - ttl_ms : 0};
    godwit_err_t error = GODWIT_OK;

    do {
        pthread_mutex_unlock(&replies->lock);
        error = gw_aside_scan(replies, &scan);
        pthread_mutex_lock(&replies->lock);
        size_t old = keep_free_ones(replies, ids, scan.count);
        seen += scan.seen - old;
        pthread_mutex_unlock(&replies->lock);
        if (!error && old > 0 && (error = gw_aside_delete(replies, ids, old)) == GODWIT_OK)
            atomic_fetch_add(&replies->peer->replies_expired, old);
        pthread_mutex_lock(&replies->lock);
        if (!error && replies->aside_known)
            replies->aside -= old < replies->aside ? old : replies->aside;
    } while (!error && scan.count == GROUP && !replies->shut);
    if (!error && !replies->aside_known) {
        replies->aside_known = true;
        replies->aside += seen;
    }
    gw_book_show(replies);
}

/* --- the thread --- */

static unsigned sweep_ms(const struct gw_replies *replies)
{
    uint64_t ms = replies->peer->settings.reply_ttl_s * 1000 / 8;

    return ms > SWEEP_MS_MAX ? SWEEP_MS_MAX : (unsigned)ms;
}

/* With the lock. */
static void sweep(struct gw_replies *replies)
{
    if (replies->arrived && !replies->draining && !replies->first)
        gw_replies_drain(replies);
    expire_filed(replies);
    expire_aside(replies);
}

void *gw_replies_keep(void *context)
{
    struct gw_replies *replies = context;
    struct gw_deadline next = gw_deadline_in(0);
    bool worked = true;

    pthread_mutex_lock(&replies->lock);
    while (!replies->shut) {
        if (gw_replies_pile_up(replies)) {
            gw_replies_drain(replies);
        } else if (worked && too_many(replies)) {
            worked = put_aside(replies);
        } else {
            struct gw_deadline soon = gw_deadline_in(RETRY_MS);

            if (!gw_cond_wait(&replies->work, &replies->lock, worked ? &next : &soon) && worked) {
                sweep(replies);
                next = gw_deadline_in((int)sweep_ms(replies));
            }
            worked = true;
        }
    }
    pthread_mutex_unlock(&replies->lock);
    return NULL;
}
