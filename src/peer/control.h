/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_CONTROL_H
#define GW_PEER_CONTROL_H

/* The control socket of a peer: a UNIX stream socket `control` in its directory, for its owner and
 * root. One connection is one request and one answer:
 *
 *     command `godwit`                 accepting thread         a thread per client, 8 at most
 *     connect ─────────────────────▶ who is it? a place? ────▶ read the line (and a send's body)
 *                                                               ask the engine, the store
 *     records, a line each ◀──────────────────────────────────── answer, close
 *
 * None of these threads is the engine's: whatever a client does, or does not do, holds up nobody
 * but itself, for CLIENT_MS at most. Four places are kept from requests that wait for the disk, so
 * that `status` always gets through; none waits for room in the outbox. */

#include "peer/answer.h"

#define GW_CONTROL_SOCKET  "control"
#define GW_CONTROL_CLIENTS 8
#define GW_CONTROL_WRITERS 4 /* of these, such as may wait */
#define GW_CONTROL_MS      10000 /* for a request to come, and for its answer to leave */

struct gw_control;

/* Makes the socket and its thread. A peer without one works as well: what fails is logged. */
void gw_control_open(struct godwit_peer *peer);
/* After `closing` is set and before the engine ends: waits for the threads, removes the socket. */
void gw_control_close(struct godwit_peer *peer);

/* Carries a request out, inside the peer; records go to `out`. (control_request.c) */
godwit_err_t gw_control_answer(struct godwit_peer *peer, const struct gw_ask *ask,
                               struct gw_buffer *out);
/* True for requests that change something, and so may wait. */
bool gw_control_writes(const struct gw_ask *ask);

/* Sockets by directory, whatever the length of its path: as bind and connect, negative errno.
 * `directory` is an open descriptor. (control_path.c) */
int gw_control_bind(int directory, int fd);
int gw_control_connect(int directory, int fd);

#endif
