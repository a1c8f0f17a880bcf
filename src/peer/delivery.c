/* SPDX-License-Identifier: MPL-2.0 */

/* Deliveries: what a handler sees of a message, and its ack. */

#include "peer/inbox.h"

#include <stdlib.h>

static uint64_t start_of(const struct godwit_delivery *delivery)
{
    return delivery->index ? delivery->run->inbound->ends[delivery->index - 1] : 0;
}

static uint64_t end_of(const struct godwit_delivery *delivery)
{
    return delivery->run->inbound->ends[delivery->index];
}

uint64_t gw_delivery_epoch(const struct godwit_delivery *delivery)
{
    return delivery->run->inbound->epoch;
}

uint64_t gw_delivery_sequence(const struct godwit_delivery *delivery)
{
    return delivery->run->inbound->first + delivery->index;
}

void gw_delivery_free(struct godwit_delivery *delivery)
{
    struct gw_run *run = delivery->run;

    if (atomic_fetch_sub_explicit(&run->left, 1, memory_order_acq_rel) > 1)
        return;
    struct godwit_peer *peer = run->peer;
    gw_inbound_destroy(&run->inbound);
    free(run);
    gw_peer_drop(peer);
}

const void *godwit_delivery_data(const godwit_delivery_t *delivery)
{
    const struct gw_blob *body = delivery->run->inbound->body;

    return body && body->data ? (const void *)(body->data + start_of(delivery)) : (const void *)"";
}

size_t godwit_delivery_size(const godwit_delivery_t *delivery)
{
    return (size_t)(end_of(delivery) - start_of(delivery));
}

godwit_id_t godwit_delivery_id(const godwit_delivery_t *delivery)
{
    return (godwit_id_t){.epoch = gw_delivery_epoch(delivery),
                         .sequence = gw_delivery_sequence(delivery)};
}

bool godwit_delivery_redelivered(const godwit_delivery_t *delivery)
{
    return delivery->run->inbound->redelivered;
}

const char *godwit_delivery_sender(const godwit_delivery_t *delivery)
{
    return delivery->run->inbound->sender;
}

static godwit_err_t decide(struct godwit_peer *peer, const struct godwit_delivery *delivery)
{
    godwit_err_t error = GODWIT_OK;

    pthread_mutex_lock(&peer->lock);
    if (atomic_load(&peer->closing)) /* the engine may have looked for the last time */
        error = gw_error_closed();
    else if (delivery->run->generation != peer->generation)
        error = GODWIT_ESTALE;
    else if (gw_mailbox_decide(&peer->mailbox, gw_delivery_epoch(delivery),
                               gw_delivery_sequence(delivery),
                               end_of(delivery) - start_of(delivery)) != 0)
        error = GODWIT_ENOMEM;
    pthread_mutex_unlock(&peer->lock);
    return error;
}

godwit_err_t godwit_ack(godwit_delivery_t **pointer)
{
    if (!pointer || !*pointer)
        return gw_error(GODWIT_EINVAL, "delivery is NULL: it was decided or dropped already");
    struct godwit_delivery *delivery = *pointer;
    struct godwit_peer *peer = delivery->run->peer;
    if (delivery->state == GW_DELIVERY_IN_TXN)
        return gw_error(GODWIT_EINVAL,
                        "the delivery is part of a transaction: commit or abort that");

    godwit_err_t error = gw_peer_enter(peer);
    if (error == GODWIT_EFORK)
        return error;
    if (!error) {
        error = decide(peer, delivery);
        if (!error)
            gw_peer_notify(peer);
        gw_peer_leave(peer);
    }
    if (error == GODWIT_ENOMEM)
        return gw_error_memory(); /* still the caller's: it can be tried again */
    *pointer = NULL;
    gw_delivery_free(delivery);
    if (error == GODWIT_ESTALE)
        return gw_error(error, "the store was reopened meanwhile: the message comes again");
    return error;
}

void godwit_delivery_drop(godwit_delivery_t **pointer)
{
    if (!pointer || !*pointer || gw_forked(&(*pointer)->run->peer->fork_mark) ||
        (*pointer)->state == GW_DELIVERY_IN_TXN)
        return;
    gw_delivery_free(*pointer);
    *pointer = NULL;
}
