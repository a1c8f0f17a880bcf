/* SPDX-License-Identifier: MPL-2.0 */
#ifndef HOSTILE_H
#define HOSTILE_H

/* Peers that lie: plain libzmq sockets that say whatever a test wants, and raw ZMTP connections for
 * those that come in thousands. Every wait has a limit; one that passes fails the test. */

#include "live.h"

#include "base/bytes.h"
#include "core/frame.h"
#include "wire/wire.h"

#include <zmq.h>

struct hostile {
    void *socket; /* DEALER, or ROUTER of a hostile server */
    bool server;
    zmq_msg_t route; /* server: whom the last frame came from, and the next one goes to */
    zmq_msg_t heard; /* the last header: what the last heard frame points into */
    char name[GW_NAME_MAX + 1];
    uint64_t process;
    uint64_t link; /* of the last handshake */
    struct gw_decoder *decoder;
    struct gw_buffer bytes; /* of the last frame said */
};

/* A DEALER that dials the endpoint; the group's one context is made with the first. */
void hostile_open(struct hostile *h, const char *endpoint, const char *name);
/* A ROUTER, bound to a port of its own. */
void hostile_listen(struct hostile *h, char endpoint[256], const char *name);
void hostile_close(struct hostile *h);
void hostile_end(void); /* ends the context */

/* ---- saying ---- */
void hostile_encode(struct hostile *h, const struct gw_frame *frame); /* into h->bytes */
void hostile_say(struct hostile *h, const struct gw_frame *frame);
void hostile_bytes(struct hostile *h, const void *header, size_t size);
void hostile_both(struct hostile *h, const void *header, size_t size, const char *body);
void hostile_short(struct hostile *h, enum gw_frame_type type, uint64_t link); /* READY, BYE ... */
void hostile_hello(struct hostile *h, const char *name, uint64_t process, uint64_t version);
void hostile_welcome(struct hostile *h, const char *name, uint64_t link, uint64_t version);
/* One message per character of the body: lengths and checksum as they should be. */
void hostile_run(struct gw_frame *frame, uint64_t link, uint64_t epoch, uint64_t first,
                 const char *body);
void hostile_data(struct hostile *h, uint64_t epoch, uint64_t first, const char *body);
void hostile_epoch(struct hostile *h, const char *stage, uint64_t epoch, bool fresh); /* OPEN */

/* ---- hearing ---- */
/* The next frame of the type; others are skipped. Valid until the next one is heard. */
struct gw_frame hostile_hear(struct hostile *h, enum gw_frame_type type);
/* The next frame of any type; false: none within the time. */
bool hostile_try(struct hostile *h, int timeout_ms, struct gw_frame *frame);
/* The next REFUSE, with a sentence; a RESET of that link. */
void hostile_refused(struct hostile *h, enum gw_refusal code);
void hostile_reset(struct hostile *h, uint64_t link);
/* All that was said before is processed: a READY of no link is answered RESET. */
void hostile_fence(struct hostile *h);

/* HELLO, WELCOME, READY, and what the other side says first. */
void hostile_link(struct hostile *h);

/* ---- crowds: connections that are no more than ZMTP, `frame` (which writes the i-th one's first
 * words, and may be NULL) and then a byte that is no frame ---- */
typedef void (*hostile_words)(size_t i, struct gw_buffer *frame);
/* A few at a time; they hang up when the peer has counted their malformed frames. */
void hostile_crowd(const char *endpoint, godwit_peer_t *peer, size_t count, hostile_words words);
/* These say nothing malformed, and stay. */
void hostile_stayers(const char *endpoint, int *fds, size_t count, hostile_words words);

#endif
