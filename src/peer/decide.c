/* SPDX-License-Identifier: MPL-2.0 */

/* How a delivery ends: processed, refused, given back, or dropped. The engine is told through the
 * inbox or the mailbox; the mark goes at once, since the handler is done (decision 0008). */

#include "peer/helm.h"
#include "peer/inbox.h"

#include <stdlib.h>

enum verdict_type { NACK, REJECT };

struct verdict {
    enum verdict_type type;
    int delay_ms;  /* NACK */
    uint32_t code; /* REJECT */
    const char *why;
};

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

    if (verdict->type == NACK)
        return nack(&peer->mailbox, delivery, verdict);
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

static godwit_err_t check(godwit_delivery_t *const *pointer)
{
    if (!pointer || !*pointer)
        return gw_error(GODWIT_EINVAL, "delivery is NULL: it was decided or dropped already");
    if ((*pointer)->in_txn)
        return gw_error(GODWIT_EINVAL,
                        "the delivery is part of a transaction: commit or abort that");
    return GODWIT_OK;
}

static godwit_err_t end(godwit_delivery_t **pointer, const struct verdict *verdict)
{
    godwit_err_t error = check(pointer);

    if (error)
        return error;
    struct godwit_delivery *delivery = *pointer;
    struct godwit_peer *peer = delivery->run->peer;
    error = gw_peer_enter(peer);
    if (error == GODWIT_EFORK)
        return error;
    if (!error) {
        error = decide(peer, delivery, verdict);
        if (!error && verdict->type == NACK && delivery->run->inbound->ordered)
            give_back_above(peer, delivery);
        if (error != GODWIT_ENOMEM)
            gw_delivery_finish(delivery);
        if (!error && delivery->run->inbox->replies)
            gw_helm_work(peer->engine, false); /* it waits for company: nobody need wake up */
        else if (!error)
            gw_peer_notify(peer);
        gw_peer_leave(peer);
    }
    if (error == GODWIT_ENOMEM)
        return explain(error); /* still the caller's: it can be tried again */
    *pointer = NULL;
    gw_delivery_free(delivery);
    return explain(error);
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

/* --- processed --- */

/* How many from the first on can be acknowledged together: neighbours in one run. */
static size_t neighbours(godwit_delivery_t *const *deliveries, size_t count)
{
    size_t n = 1;

    while (n < count && deliveries[n] && !deliveries[n]->in_txn &&
           deliveries[n]->run == deliveries[0]->run &&
           deliveries[n]->index == deliveries[0]->index + n)
        n++;
    return n;
}

static godwit_err_t ack(godwit_delivery_t **deliveries, size_t count)
{
    return gw_forked(&deliveries[0]->run->peer->fork_mark) ? GODWIT_EFORK
                                                           : gw_inbox_ack(deliveries, count);
}

static godwit_err_t explain_ack(godwit_err_t error)
{
    if (error == GODWIT_ECLOSED)
        return gw_error_closed();
    return error == GODWIT_EFORK ? gw_error_fork() : explain(error);
}

godwit_err_t godwit_ack(godwit_delivery_t **delivery)
{
    godwit_err_t error = check(delivery);

    if (!error && (error = ack(delivery, 1)) != GODWIT_OK)
        error = explain_ack(error);
    return error;
}

godwit_err_t godwit_ack_many(godwit_delivery_t **deliveries, size_t count)
{
    godwit_err_t result = GODWIT_OK, error;
    size_t n;

    if (!deliveries && count > 0)
        return gw_error(GODWIT_EINVAL, "deliveries is NULL");
    for (size_t at = 0; at < count; at += n) {
        bool good = deliveries[at] && !deliveries[at]->in_txn;

        n = good ? neighbours(deliveries + at, count - at) : 1;
        error = good ? ack(deliveries + at, n) : GODWIT_EINVAL;
        result = result ? result : error;
    }
    if (result == GODWIT_EINVAL)
        return gw_error(result, "one of the deliveries is NULL or part of a transaction");
    return result ? explain_ack(result) : GODWIT_OK;
}
