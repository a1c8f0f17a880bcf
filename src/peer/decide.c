/* SPDX-License-Identifier: MPL-2.0 */

/* How a delivery ends: processed, refused, given back, or dropped. The engine is told through the
 * mailbox; the mark goes at once, since the handler is done (decision 0008). */

#include "peer/inbox.h"

#include <stdlib.h>

enum verdict_type { ACK, NACK, REJECT };

struct verdict {
    enum verdict_type type;
    int delay_ms;  /* NACK */
    uint32_t code; /* REJECT */
    const char *why;
};

struct gw_decision gw_delivery_decision(const struct godwit_delivery *delivery)
{
    uint64_t sequence = gw_delivery_sequence(delivery);

    return (struct gw_decision){.epoch = gw_delivery_epoch(delivery),
                                .first = sequence,
                                .last = sequence,
                                .bytes = gw_delivery_end(delivery) - gw_delivery_start(delivery)};
}

static int nack(struct gw_mailbox *mailbox, const struct godwit_delivery *delivery,
                const struct verdict *verdict)
{
    struct gw_decision one = gw_delivery_decision(delivery);
    struct gw_turn_return back = {
        .epoch = one.epoch,
        .first = one.first,
        .last = one.last,
        .bytes = one.bytes,
        .number = delivery->run->inbound->number,
        .kind = GW_RETURN_NACK,
        .delay_ms = verdict->delay_ms < 0 ? UINT32_MAX : (uint32_t)verdict->delay_ms,
    };

    return gw_mailbox_return(mailbox, &back, verdict->why);
}

/* With the peer's lock. */
static int post(struct godwit_peer *peer, const struct godwit_delivery *delivery,
                const struct verdict *verdict)
{
    struct gw_decision one = gw_delivery_decision(delivery);

    switch (verdict->type) {
    case ACK:
        return gw_mailbox_decide(&peer->mailbox, one.epoch,
                                 (struct gw_range){one.first, one.last}, one.bytes);
    case NACK: return nack(&peer->mailbox, delivery, verdict);
    case REJECT: break;
    }
    one.code = verdict->code;
    return gw_mailbox_reject(&peer->mailbox, &one, verdict->why);
}

static godwit_err_t decide(struct godwit_peer *peer, const struct godwit_delivery *delivery,
                           const struct verdict *verdict)
{
    godwit_err_t error = GODWIT_OK;

    pthread_mutex_lock(&peer->lock);
    if (atomic_load(&peer->closing)) /* the engine may have looked for the last time */
        error = gw_error_closed();
    else if (delivery->run->generation != peer->generation)
        error = GODWIT_ESTALE;
    else if (post(peer, delivery, verdict) != 0)
        error = GODWIT_ENOMEM;
    pthread_mutex_unlock(&peer->lock);
    return error;
}

/* Messages of an ordered stream must not be handed over before a lower one that will come again:
 * those in the queue go back too. What the engine hands in later it looks at itself. */
static void give_back_above(struct godwit_peer *peer, const struct godwit_delivery *delivery)
{
    struct gw_range above = {gw_delivery_sequence(delivery) + 1, UINT64_MAX};
    struct gw_taken_list taken = {0};
    int error = gw_inbox_take_back(delivery->run->inbox, gw_delivery_epoch(delivery), &above, 1,
                                   &taken);

    pthread_mutex_lock(&peer->lock);
    for (size_t i = 0; i < taken.count && !error; i++) {
        struct gw_turn_return back = gw_release_of(&taken.items[i]);

        error = gw_mailbox_return(&peer->mailbox, &back, NULL);
    }
    if (error) /* they would be in nobody's hands: the turn must start afresh */
        peer->mailbox.failed = true;
    pthread_mutex_unlock(&peer->lock);
    gw_taken_clear(&taken);
}

/* Tells of a delivery's end what the caller must know. */
static godwit_err_t explain(godwit_err_t error)
{
    if (error == GODWIT_ENOMEM)
        return gw_error_memory();
    if (error == GODWIT_ESTALE)
        return gw_error(error, "the store was reopened meanwhile: the message comes again");
    return error;
}

static godwit_err_t end(godwit_delivery_t **pointer, const struct verdict *verdict)
{
    if (!pointer || !*pointer)
        return gw_error(GODWIT_EINVAL, "delivery is NULL: it was decided or dropped already");
    struct godwit_delivery *delivery = *pointer;
    struct godwit_peer *peer = delivery->run->peer;
    if (delivery->in_txn)
        return gw_error(GODWIT_EINVAL,
                        "the delivery is part of a transaction: commit or abort that");

    godwit_err_t error = gw_peer_enter(peer);
    if (error == GODWIT_EFORK)
        return error;
    if (!error) {
        error = decide(peer, delivery, verdict);
        if (!error && verdict->type == NACK && delivery->run->inbound->ordered)
            give_back_above(peer, delivery);
        if (error != GODWIT_ENOMEM)
            gw_delivery_finish(delivery);
        if (!error)
            gw_peer_notify(peer);
        gw_peer_leave(peer);
    }
    if (error == GODWIT_ENOMEM)
        return explain(error); /* still the caller's: it can be tried again */
    *pointer = NULL;
    gw_delivery_free(delivery);
    return explain(error);
}

godwit_err_t godwit_ack(godwit_delivery_t **delivery)
{
    static const struct verdict verdict = {.type = ACK};

    return end(delivery, &verdict);
}

godwit_err_t godwit_nack(godwit_delivery_t **delivery, int delay_ms, const char *why)
{
    if (delay_ms < -1)
        return gw_error(GODWIT_EINVAL, "delay_ms is %d, but must be 0 or more, or -1", delay_ms);
    return end(delivery, &(struct verdict){.type = NACK, .delay_ms = delay_ms, .why = why});
}

godwit_err_t godwit_reject(godwit_delivery_t **delivery, uint32_t code, const char *why)
{
    return end(delivery, &(struct verdict){.type = REJECT, .code = code, .why = why});
}

void godwit_delivery_drop(godwit_delivery_t **pointer)
{
    if (!pointer || !*pointer || gw_forked(&(*pointer)->run->peer->fork_mark) ||
        (*pointer)->in_txn)
        return;
    struct godwit_delivery *delivery = *pointer;
    struct godwit_peer *peer = delivery->run->peer;

    if (delivery->mark != GW_MARK_NONE && gw_peer_enter(peer) == GODWIT_OK) {
        gw_delivery_finish(delivery);
        gw_peer_leave(peer);
    }
    *pointer = NULL;
    gw_delivery_free(delivery);
}

/* --- many --- */

/* How many from the first on can be posted together: neighbours in one run. */
static size_t neighbours(godwit_delivery_t *const *deliveries, size_t count)
{
    size_t n = 1;

    while (n < count && deliveries[n]->run == deliveries[0]->run &&
           deliveries[n]->index == deliveries[0]->index + n)
        n++;
    return n;
}

/* With the peer's lock. *posted: how many are done with, acked or stale. */
static godwit_err_t post_many(struct godwit_peer *peer, godwit_delivery_t *const *deliveries,
                              size_t count, size_t *posted)
{
    godwit_err_t error = GODWIT_OK;
    size_t n;

    for (*posted = 0; *posted < count; *posted += n) {
        const struct godwit_delivery *first = deliveries[*posted];
        n = neighbours(deliveries + *posted, count - *posted);
        struct gw_range range = {gw_delivery_sequence(first), gw_delivery_sequence(first) + n - 1};

        if (first->run->generation != peer->generation)
            error = error ? error : GODWIT_ESTALE;
        else if (gw_mailbox_decide(&peer->mailbox, gw_delivery_epoch(first), range,
                                   gw_delivery_end(deliveries[*posted + n - 1]) -
                                       gw_delivery_start(first)) != 0)
            return GODWIT_ENOMEM;
    }
    return error;
}

static void free_many(godwit_delivery_t **deliveries, size_t count)
{
    for (size_t at = 0, n; at < count; at += n) {
        struct gw_run *run = deliveries[at]->run;

        n = neighbours(deliveries + at, count - at);
        for (size_t i = at; i < at + n; i++) {
            free(deliveries[i]->headers);
            deliveries[i] = NULL;
        }
        gw_run_shrink(run, n);
    }
}

/* Deliveries of one peer, none of them NULL or in a transaction. */
static godwit_err_t ack_group(godwit_delivery_t **deliveries, size_t count)
{
    struct godwit_peer *peer = deliveries[0]->run->peer;
    size_t posted = count;
    godwit_err_t error = gw_peer_enter(peer);

    if (error == GODWIT_EFORK)
        return error;
    if (!error) {
        pthread_mutex_lock(&peer->lock);
        error = atomic_load(&peer->closing) ? gw_error_closed()
                                            : post_many(peer, deliveries, count, &posted);
        pthread_mutex_unlock(&peer->lock);
        for (size_t i = 0; i < posted; i++)
            gw_delivery_finish(deliveries[i]);
        gw_peer_notify(peer);
        gw_peer_leave(peer);
    }
    free_many(deliveries, posted);
    return error;
}

godwit_err_t godwit_ack_many(godwit_delivery_t **deliveries, size_t count)
{
    godwit_err_t result = GODWIT_OK, error;
    size_t n;

    if (!deliveries && count > 0)
        return gw_error(GODWIT_EINVAL, "deliveries is NULL");
    for (size_t at = 0; at < count; at += n) {
        n = 0;
        while (at + n < count && deliveries[at + n] && !deliveries[at + n]->in_txn &&
               deliveries[at + n]->run->peer == deliveries[at]->run->peer)
            n++;
        error = n > 0 ? ack_group(deliveries + at, n) : GODWIT_EINVAL;
        n = n > 0 ? n : 1;
        result = result ? result : error;
    }
    if (result == GODWIT_EINVAL)
        return gw_error(result, "one of the deliveries is NULL or part of a transaction");
    if (result == GODWIT_ECLOSED)
        return gw_error_closed();
    return result == GODWIT_EFORK ? gw_error_fork() : explain(result);
}
