/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_PROXY_H
#define LAB_PROXY_H

/* The lab's TCP proxy: each link of a scenario is a port on loopback that leads to another, through
 * a thread (one for all) that can lose, hold, slow and damage what passes. Buffers are bounded: a
 * connection holds at most LAB_PROXY_BUFFER bytes each way and then stops to read, so that who
 * sends meets a full window. Ends of connections travel as bytes do: they are held and delayed too.
 *
 * `cut` closes as close() does: with a FIN, and with a reset where the other side's bytes were so
 * many that some were still on their way.
 *
 * What it cannot do: lose a SYN. Its ports answer at once, and only then it dials; a server that is
 * not there shows as a reset right after the connect. */

#include "verb.h"

#include <stdint.h>

#define LAB_PROXY_BUFFER      (4u << 20)
#define LAB_PROXY_CONNECTIONS 256        /* a link; beyond it they are reset at once */
#define LAB_PROXY_RECORD      (1u << 20) /* bytes of a connection kept for `replay` */
#define LAB_PROXY_REPLAY_US   2000000    /* how long a replayed connection waits for its server */

struct lab_proxy;

/* `seed` draws delays and the bits to flip. NULL: errno says why. */
struct lab_proxy *lab_proxy_new(uint64_t seed);
void lab_proxy_free(struct lab_proxy **proxy); /* closes everything */
/* A link: listens on a port that the system chooses and leads to `port` of 127.0.0.1, which need
 * not listen yet. The number of the link (0, 1, ...), -1: errno. At most LAB_LINKS_MAX. */
int lab_proxy_link(struct lab_proxy *proxy, uint16_t port);
uint16_t lab_proxy_port(const struct lab_proxy *proxy, int link);
/* Carries out an order on one link; it is in force when this returns. `order` holds fixed values:
 * its spans' low ends count, but for `delay`, of which each piece draws its own. What lasts ends
 * after `lasts`; with 0 at lab_proxy_heal. Given again, it replaces what the same verb said.
 *
 * `cut_at` and `flip` count the bytes that pass from then on, both ways together, over all
 * connections of the link; then all of these are cut, or the next byte has one bit flipped.
 * `throttle` counts each way for itself. Orders that are none for links are ignored. */
void lab_proxy_act(struct lab_proxy *proxy, int link, const struct lab_order *order);
/* All as new. Connections stay, but for those that `drop` took bytes from, which are reset. */
void lab_proxy_heal(struct lab_proxy *proxy, int link);

struct lab_proxy_counts {
    uint64_t connections; /* let in */
    uint64_t refused;     /* reset at once: too many, or while `cut` lasts */
    uint64_t cut;         /* ended by an order */
    uint64_t bytes_forward, bytes_back; /* passed on */
    uint64_t dropped;     /* bytes thrown away by `drop` */
};
void lab_proxy_counts(const struct lab_proxy *proxy, int link, struct lab_proxy_counts *counts);

#endif
