/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_NET_NET_H
#define GW_NET_NET_H

/* The wires: one ROUTER for all that dial us, one DEALER per endpoint we dial, on plain libzmq
 * sockets of a context of godwit's own. A connection is a number, given here: 1, 2, 3, ... never
 * reused. An accepted connection appears with its first frame. Everything but gw_net_wait and
 * gw_net_wake is called by one thread at a time, under one lock (hazard Z12: libzmq lets a socket
 * change threads behind a fence); a handler may call all of it but gw_net_drain, gw_net_poll and
 * gw_net_close. */

#include "base/blob.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Frames that may wait in one connection and direction; at the latest then a send answers -EAGAIN,
 * and at the earliest at half of it. It is four times the default credit in messages, so that a
 * full queue means a peer that has stopped, not a busy one; a larger credit of tiny frames may meet
 * it, and then costs a link (hazard Z03). */
#define GW_NET_HIGH_WATER 65536
/* Accepted connections known at a time. Frames of further ones are dropped and counted; whoever
 * hears of a connection that is of no use must therefore hang it up. A few more than the core
 * takes, so that newcomers reach it when it is full and it can choose who goes. */
#define GW_NET_ACCEPTED_MAX 16640

struct gw_net;

#define GW_NET_NEWS_MAX 64

struct gw_net_news { /* what ended a wait */
    size_t count;
    uint64_t conns[GW_NET_NEWS_MAX];
    bool woken;
};

struct gw_net_handler {
    /* One message arrived: the header frame, valid during the call, and, if there was a second
     * frame, its bytes (one reference passes to the callee). Messages of more than two frames are
     * dropped by the net and reported as malformed. */
    void (*frame)(void *context, uint64_t conn, struct gw_slice header, struct gw_blob *body);
    void (*malformed)(void *context, uint64_t conn);
};

/* max_frame: bytes of the largest frame taken (ZMQ_MAXMSGSIZE); a larger one costs its sender the
 * connection. -ENOTSUP (libzmq too old), -EMFILE, -ENOMEM: `why` gets a sentence on failure, here
 * and below. */
int gw_net_open(size_t max_frame, struct gw_net **net, char *why, size_t why_size);
/* Closes the sockets, with 100 ms for the last frames (BYE) to leave, and ends the context. */
void gw_net_close(struct gw_net **net);

/* tcp://, ipc:// and inproc:// only. `bound` gets the endpoint with its real port.
 * -EINVAL, -EADDRINUSE, -EACCES, ... */
int gw_net_bind(struct gw_net *net, const char *endpoint, char *bound, size_t bound_size,
                char *why, size_t why_size);
/* Makes a DEALER that connects there, and again after each loss. -EINVAL, -EMFILE, ... */
int gw_net_dial(struct gw_net *net, const char *endpoint, uint64_t *conn, char *why,
                size_t why_size);
/* Closes a dialled one; forgets an accepted one: its next frame would make it a new connection. */
void gw_net_hangup(struct gw_net *net, uint64_t conn);

/* Sends without waiting: header, then `body` bytes of `blob` (held until the socket is done with
 * them) if blob is not NULL. 0; -EAGAIN (full or not connected); -EHOSTUNREACH (gone, and
 * forgotten now); -ENOENT (no such connection). On an error no part of it reaches the other side
 * as a message of its own. 0 never means delivered. */
int gw_net_send(struct gw_net *net, uint64_t conn, struct gw_slice header, struct gw_blob *blob,
                struct gw_slice body);

/* Any thread, several at a time: waits up to timeout_us (-1: without limit; rounded up to 1 ms) for
 * news of the sockets, a wake or a signal-safe spurious return. News is told once, to one thread
 * (as a rule the one that began to wait last), so it must be taken. A wake is told to all until it
 * is taken. */
void gw_net_wait(struct gw_net *net, int64_t timeout_us, struct gw_net_news *news);
void gw_net_take(struct gw_net *net, const struct gw_net_news *news);
/* Before a wait that is to be the last one to hear of news, while another thread waits: as a rule
 * that one is then the one that began to wait last. */
void gw_net_nudge(struct gw_net *net);
/* Any thread that waited and cannot take its news: another is woken and looks everywhere. */
void gw_net_forget_news(struct gw_net *net);
/* Hands over at most `budget` messages of the sockets with news and of those that were used since
 * they were last found empty. Returns how many; each part of a refused message counts as one. */
size_t gw_net_drain(struct gw_net *net, size_t budget, const struct gw_net_handler *handler,
                    void *context);
/* Drain has not come to an end: nobody is told of what is left, so wait with a timeout of 0. */
bool gw_net_is_ready(const struct gw_net *net);

/* All of it, for a thread that has the net to itself: drains, and waits if there was nothing. */
size_t gw_net_poll(struct gw_net *net, int64_t timeout_us, size_t budget,
                   const struct gw_net_handler *handler, void *context);
void gw_net_wake(struct gw_net *net); /* from any thread: ends the present or the next wait */

/* Messages dropped because GW_NET_ACCEPTED_MAX connections were known. */
uint64_t gw_net_refused(const struct gw_net *net);

#endif
