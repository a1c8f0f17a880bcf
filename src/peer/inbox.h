/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_INBOX_H
#define GW_PEER_INBOX_H

/* Received runs on their way to the application, one queue per destination. A run stays in the
 * frame that brought it; its deliveries are made in one piece and go when the last of them does.
 *
 *     inbox ─▶ run ─────────▶ run ─▶ NULL        run: inbound (frame's bytes, ends)
 *              │ given                                deliveries[count], each (run, index)
 *              └ handed over so far
 *
 * The inbox ends with the peer, not with godwit_inbox_close: what was not handed over waits in it
 * for the next godwit_inbox_open. */

#include "godwit/delivery.h"
#include "peer/handle.h"
#include "peer/inbound.h"

struct gw_run;

enum gw_delivery_state { GW_DELIVERY_FREE, GW_DELIVERY_IN_TXN };

struct godwit_delivery {
    struct gw_run *run;
    uint32_t index; /* in the run as received */
    uint32_t state; /* enum gw_delivery_state */
};

struct gw_run {
    struct gw_run *next;
    struct godwit_peer *peer; /* one reference */
    struct gw_inbound *inbound;
    uint64_t generation;
    size_t count;
    size_t given;
    atomic_size_t left; /* deliveries not freed */
    struct godwit_delivery deliveries[];
};

struct godwit_inbox {
    struct godwit_peer *peer;
    struct gw_destination destination;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t arrived;
    struct gw_run *first;
    struct gw_run *last;
    int fd;        /* an eventfd, readable while next would not block */
    bool readable;
    bool open;     /* there is a handle */
    bool closing;  /* the peer is */
};

/* Engine: takes over the inbound. 0, or -ENOMEM and it is destroyed. */
int gw_inbox_deliver(struct godwit_inbox *inbox, struct gw_inbound *inbound);
/* Engine: the turn is over, what was not handed over comes again. */
void gw_inbox_flush(struct godwit_inbox *inbox);
/* Close: next answers GODWIT_ECLOSED from now on. */
void gw_inbox_shut(struct godwit_inbox *inbox);
void gw_inbox_destroy(struct godwit_inbox *inbox);

uint64_t gw_delivery_epoch(const struct godwit_delivery *delivery);
uint64_t gw_delivery_sequence(const struct godwit_delivery *delivery);
void gw_delivery_free(struct godwit_delivery *delivery);

#endif
