/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_LINK_H
#define GW_CORE_LINK_H

/* What link.c and handshake.c share. */

#include "core/state.h"

#define UNUSED_CONN_US \
    60000000 /* an accepted connection without a link is forgotten after a minute */

struct gw_conn *gw_conn_get(struct gw_core *core, uint64_t id);
struct gw_conn *gw_conn_add(struct gw_core *core, uint64_t id,
                            bool dialled); /* NULL: limit or memory */
/* Whether a dialled one says HELLO until it has a link. */
static inline bool gw_conn_calls(const struct gw_conn *conn)
{
    return conn->timer.at != 0;
}
/* From now on the connection is that peer's, or nobody's if NULL. */
void gw_conn_claim(struct gw_core *core, struct gw_conn *conn, struct gw_remote *remote);
uint64_t gw_link_jitter(struct gw_core *core, uint64_t pause_us);
void gw_link_hello_later(struct gw_core *core, struct gw_conn *conn);
void gw_link_hello_soon(struct gw_core *core, struct gw_conn *conn);
void gw_link_hello_no_more(struct gw_core *core, struct gw_conn *conn);
void gw_link_up(struct gw_core *core, struct gw_conn *conn, uint64_t id,
                const struct gw_identity *identity);
uint64_t gw_link_rto_us(const struct gw_core *core, const struct gw_link *link);
void gw_link_hang_up(struct gw_core *core, struct gw_conn *conn); /* an accepted one, of no use */
/* A frame of another version came. */
void gw_link_gone_bad(struct gw_core *core, struct gw_conn *conn);

/* heartbeat.c */
void gw_link_ping(struct gw_core *core, struct gw_remote *remote);
void gw_link_on_ping(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame);
void gw_link_on_pong(struct gw_core *core, struct gw_remote *remote, const struct gw_frame *frame);

/* handshake.c */
void gw_handshake_on_hello(struct gw_core *core, struct gw_conn *conn,
                           const struct gw_frame *frame);
void gw_handshake_on_welcome(struct gw_core *core, struct gw_conn *conn,
                             const struct gw_frame *frame);
void gw_handshake_on_ready(struct gw_core *core, struct gw_conn *conn,
                           const struct gw_frame *frame);
void gw_handshake_alien(struct gw_core *core, struct gw_conn *conn, const struct gw_frame *frame);

#endif
