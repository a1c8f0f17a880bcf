/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_NET_NET_H
#define GW_NET_NET_H

/* The wires: one ROUTER for all that dial us, one DEALER per endpoint we dial, on plain libzmq sockets of a context of
 * godwit's own. A connection is a number, given here: 1, 2, 3, ... never reused. An accepted connection appears with its
 * first frame. Everything but gw_net_wake is called by the one thread that owns the sockets (hazard Z12). */

#include "base/blob.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_net;

struct gw_net_handler {
    /* One message arrived: the header frame and, if there was a second frame, its bytes (one reference passes to
     * the callee). Messages of more than two frames are dropped by the net and reported as malformed. */
    void (*frame)(void *context, uint64_t conn, struct gw_slice header, struct gw_blob *body);
    void (*malformed)(void *context, uint64_t conn);
};

/* max_frame: bytes of the largest frame taken (ZMQ_MAXMSGSIZE). `why` gets a sentence on failure. */
int gw_net_open(size_t max_frame, struct gw_net **net, char *why, size_t why_size);
void gw_net_close(struct gw_net **net); /* closes sockets (LINGER 0 after a short flush), terminates the context */

/* tcp://, ipc:// and inproc:// only. `bound` gets the endpoint with its real port. -EINVAL, -EADDRINUSE, -EACCES, ... */
int gw_net_bind(struct gw_net *net, const char *endpoint, char *bound, size_t bound_size, char *why, size_t why_size);
/* Makes a DEALER that connects there. -EINVAL, -EMFILE, ... */
int gw_net_dial(struct gw_net *net, const char *endpoint, uint64_t *conn, char *why, size_t why_size);
void gw_net_hangup(struct gw_net *net, uint64_t conn); /* closes a dialled one; forgets an accepted one */

/* Sends without waiting: header, then `body` bytes of `blob` (held until the socket is done with them) if blob
 * is not NULL. 0; -EAGAIN (full or not connected); -EHOSTUNREACH (gone); -ENOENT (no such connection). */
int gw_net_send(struct gw_net *net, uint64_t conn, struct gw_slice header, struct gw_blob *blob, struct gw_slice body);

/* Waits up to timeout_us (-1: without limit) for frames, a wake or a signal-safe spurious return, then hands over at most
 * `budget` messages. Returns how many. */
size_t gw_net_poll(struct gw_net *net, int64_t timeout_us, size_t budget, const struct gw_net_handler *handler,
                   void *context);
void gw_net_wake(struct gw_net *net); /* from any thread: ends the present or the next wait */

#endif
