/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_PROXY_H
#define LAB_PROXY_H

/* The lab's TCP proxy: each link of a scenario is a port on loopback that leads to another, through
 * a thread (one for all) that can lose, hold, slow and damage what passes. Buffers are bounded: a
 * connection holds at most LAB_PROXY_BUFFER bytes each way and then stops to read. */

#include "verb.h"

#include <stdint.h>

#define LAB_PROXY_BUFFER      (4u << 20)
#define LAB_PROXY_CONNECTIONS 256 /* a link; beyond it they are refused */
#define LAB_PROXY_RECORD      (1u << 20) /* bytes of a connection kept for `replay` */

struct lab_proxy;

/* `seed` draws delays. NULL: errno says why. */
struct lab_proxy *lab_proxy_new(uint64_t seed);
void lab_proxy_free(struct lab_proxy **proxy); /* closes everything */
/* A link: listens on a port that the system chooses and leads to `port` of 127.0.0.1, which need
 * not listen yet. The number of the link (0, 1, ...), -1: errno. Before the first action. */
int lab_proxy_link(struct lab_proxy *proxy, uint16_t port);
uint16_t lab_proxy_port(const struct lab_proxy *proxy, int link);
/* Carries out an order on one link, at once. `order` holds fixed values: its spans' low ends count,
 * but for `delay`, of which each piece draws its own. `lasts` of 0: until lab_proxy_heal. */
void lab_proxy_act(struct lab_proxy *proxy, int link, const struct lab_order *order);
void lab_proxy_heal(struct lab_proxy *proxy, int link); /* all as new; connections stay */

struct lab_proxy_counts {
    uint64_t connections, refused, cut, bytes_forward, bytes_back, dropped;
};
void lab_proxy_counts(const struct lab_proxy *proxy, int link, struct lab_proxy_counts *counts);

#endif
