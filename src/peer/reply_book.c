/* SPDX-License-Identifier: MPL-2.0 */

/* The collector's book. Nothing here waits, reads a store or takes another lock. */

#include "peer/reply_book.h"

#include <stdlib.h>
#include <unistd.h>

#define COLLECTED_EPOCHS_MAX 4096

static bool same_id(godwit_id_t a, godwit_id_t b)
{
    return a.epoch == b.epoch && a.sequence == b.sequence;
}

static uint64_t hash_of(godwit_id_t id)
{
    return id.epoch + id.sequence * UINT64_C(0x9e3779b97f4a7c15);
}

void gw_book_show(struct gw_replies *replies)
{
    bool readable = replies->filed > 0 || replies->aside > 0 || !replies->aside_known ||
                    replies->arrived || replies->shut;
    uint64_t one = 1;
    ssize_t ignored;

    if (replies->fd < 0 || readable == replies->readable)
        return;
    replies->readable = readable;
    if (readable)
        ignored = write(replies->fd, &one, sizeof one);
    else
        ignored = read(replies->fd, &one, sizeof one);
    (void)ignored; /* cannot fail: the counter is 0 or 1 */
}

/* --- waiters --- */

void gw_waiter_init(struct gw_waiter *waiter, struct gw_replies *replies)
{
    *waiter = (struct gw_waiter){.replies = replies};
    gw_cond_init(&waiter->woken);
}

void gw_waiter_clear(struct gw_waiter *waiter)
{
    pthread_cond_destroy(&waiter->woken);
}

void gw_waiter_enlist(struct gw_waiter *waiter)
{
    struct gw_replies *replies = waiter->replies;

    waiter->listed = true;
    waiter->after = NULL;
    waiter->before = replies->last;
    if (replies->last)
        replies->last->after = waiter;
    else
        replies->first = waiter;
    replies->last = waiter;
}

void gw_waiter_leave(struct gw_waiter *waiter)
{
    struct gw_replies *replies = waiter->replies;

    if (!waiter->listed)
        return;
    waiter->listed = false;
    if (waiter->before)
        waiter->before->after = waiter->after;
    else
        replies->first = waiter->after;
    if (waiter->after)
        waiter->after->before = waiter->before;
    else
        replies->last = waiter->before;
    if (replies->arrived && !replies->draining && replies->first)
        gw_waiter_signal(replies->first);
}

void gw_waiter_signal(struct gw_waiter *waiter)
{
    gw_seat_signal(&waiter->seat, waiter->replies->peer->engine, &waiter->woken);
}

void gw_waiter_wake(struct gw_waiter *waiter)
{
    waiter->look = true;
    gw_waiter_signal(waiter);
}

/* --- what is here --- */

struct godwit_reply *gw_book_find(const struct gw_replies *replies, godwit_id_t id)
{
    struct godwit_reply *reply = gw_map_get(&replies->here, hash_of(id));

    while (reply && !same_id(reply->request, id))
        reply = reply->alike;
    return reply;
}

/* 0 or -ENOMEM. */
static int enter(struct gw_replies *replies, struct godwit_reply *reply)
{
    uint64_t hash = hash_of(reply->request);

    reply->alike = gw_map_get(&replies->here, hash);
    return gw_map_put(&replies->here, hash, reply);
}

static void line_up(struct gw_replies *replies, struct godwit_reply *reply)
{
    reply->state = GW_REPLY_FILED;
    reply->newer = NULL;
    reply->older = replies->newest;
    if (replies->newest)
        replies->newest->newer = reply;
    else
        replies->oldest = reply;
    replies->newest = reply;
    replies->filed++;
    replies->filed_bytes += reply->heads.size + reply->body.size;
    gw_book_show(replies);
}

static void leave_line(struct gw_replies *replies, struct godwit_reply *reply)
{
    if (reply->older)
        reply->older->newer = reply->newer;
    else
        replies->oldest = reply->newer;
    if (reply->newer)
        reply->newer->older = reply->older;
    else
        replies->newest = reply->older;
    replies->filed--;
    replies->filed_bytes -= reply->heads.size + reply->body.size;
    gw_book_show(replies);
}

void gw_book_unline(struct gw_replies *replies, struct godwit_reply *reply)
{
    leave_line(replies, reply);
    reply->state = GW_REPLY_ASIDE;
}

void gw_book_reline(struct gw_replies *replies, struct godwit_reply *reply)
{
    line_up(replies, reply);
}

void gw_book_forget(struct gw_replies *replies, struct godwit_reply *reply)
{
    uint64_t hash = hash_of(reply->request);
    struct godwit_reply *first = gw_map_get(&replies->here, hash), *at = first;

    if (reply->state == GW_REPLY_FILED)
        leave_line(replies, reply);
    if (first == reply) {
        if (reply->alike)
            gw_map_put(&replies->here, hash, reply->alike); /* replaces: cannot fail */
        else
            gw_map_remove(&replies->here, hash);
        return;
    }
    while (at->alike != reply)
        at = at->alike;
    at->alike = reply->alike;
}

/* --- what was collected --- */

bool gw_book_collected(const struct gw_replies *replies, godwit_id_t id)
{
    const struct gw_collected *epoch = gw_map_get(&replies->collected, id.epoch);

    return epoch && gw_ranges_contains(&epoch->sequences, id.sequence);
}

/* Any will do: of an epoch that is not used any more nothing comes. */
static void forget_an_epoch(struct gw_replies *replies)
{
    uint64_t key;
    size_t at = 0;
    struct gw_collected *epoch = gw_map_next(&replies->collected, &at, &key);

    gw_map_remove(&replies->collected, key);
    gw_ranges_clear(&epoch->sequences);
    free(epoch);
}

void gw_book_collect(struct gw_replies *replies, godwit_id_t id)
{
    struct gw_collected *epoch = gw_map_get(&replies->collected, id.epoch);

    if (!epoch) {
        if (replies->collected.count >= COLLECTED_EPOCHS_MAX)
            forget_an_epoch(replies);
        epoch = calloc(1, sizeof *epoch);
        if (epoch && gw_map_put(&replies->collected, id.epoch, epoch) != 0) {
            free(epoch);
            epoch = NULL;
        }
    }
    if (epoch && gw_ranges_add(&epoch->sequences, id.sequence, id.sequence) != 0)
        return; /* as the header says */
}

/* --- filing --- */

static bool wants(const struct gw_waiter *waiter, godwit_id_t id)
{
    return !waiter->reply && !waiter->any && same_id(waiter->id, id);
}

static void hand_out(struct gw_replies *replies, struct godwit_reply *reply)
{
    reply->state = GW_REPLY_OUT;
    gw_peer_hold(replies->peer);
}

/* Who waits for it: by its id first; others that do find it out. */
static struct gw_waiter *find_waiter(struct gw_replies *replies, godwit_id_t id)
{
    struct gw_waiter *found = NULL, *any = NULL;

    for (struct gw_waiter *at = replies->first; at; at = at->after) {
        if (wants(at, id)) {
            if (found)
                gw_waiter_wake(at);
            else
                found = at;
        } else if (at->any && !at->reply && !any) {
            any = at;
        }
    }
    return found ? found : any;
}

/* It came again because the store was reopened: the newer delivery is the one to decide. */
static enum gw_filing come_again(struct godwit_reply *here, struct godwit_reply *reply)
{
    const struct godwit_delivery *newest = here->again ? here->again : here->delivery;

    if (!newest || newest->run->generation >= reply->delivery->run->generation)
        return GW_FILE_UNMATCHED;
    if (here->again)
        gw_delivery_free(here->again);
    here->again = reply->delivery;
    reply->delivery = NULL;
    gw_reply_free(reply);
    return GW_FILED;
}

static enum gw_filing file_new(struct gw_replies *replies, struct godwit_reply *reply)
{
    if (gw_book_collected(replies, reply->request))
        return GW_FILE_UNMATCHED;
    if (enter(replies, reply) != 0)
        return GW_FILE_NOMEM;
    reply->come_us = gw_clock_us();
    struct gw_waiter *waiter = find_waiter(replies, reply->request);
    if (!waiter) {
        line_up(replies, reply);
        return GW_FILED;
    }
    hand_out(replies, reply);
    waiter->reply = reply;
    gw_waiter_signal(waiter);
    return GW_FILED;
}

enum gw_filing gw_book_file(struct gw_replies *replies, struct godwit_reply *reply)
{
    struct godwit_reply *here = gw_book_find(replies, reply->request);

    if (!here)
        return file_new(replies, reply);
    if (here->state != GW_REPLY_FILED)
        return come_again(here, reply);
    if (here->delivery->run->generation >= reply->delivery->run->generation)
        return GW_FILE_UNMATCHED;
    gw_book_forget(replies, here); /* stale */
    gw_reply_free(here);
    return file_new(replies, reply);
}

bool gw_book_lend(struct gw_replies *replies, struct godwit_reply *reply)
{
    if (gw_book_find(replies, reply->request) || gw_book_collected(replies, reply->request) ||
        enter(replies, reply) != 0)
        return false;
    if (replies->aside > 0)
        replies->aside--;
    hand_out(replies, reply);
    gw_book_show(replies);
    return true;
}

void gw_book_take(struct gw_replies *replies, struct godwit_reply *reply)
{
    leave_line(replies, reply);
    hand_out(replies, reply);
}
