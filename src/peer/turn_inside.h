/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_TURN_INSIDE_H
#define GW_PEER_TURN_INSIDE_H

/* What the files of the turn share: turn.c, turn_events.c. */

#include "peer/turn.h"

#define LOST_MAX \
    64 /* connections found lost while effects are carried out; more are found at their next send */

/* The DATA frame whose step is under way: what DELIVER refers to. */
struct arrival {
    const struct gw_frame *frame;
    struct gw_blob *body;
    uint32_t *ends;
    uint32_t *heads;
};

struct gw_turn {
    struct gw_turn_options options;
    const struct gw_turn_port *port;
    void *context;
    struct gw_core *core;
    struct gw_decoder *decoder;
    struct gw_effects effects;
    struct gw_buffer header;
    struct gw_buffer lengths;
    struct gw_buffer heads;
    struct arrival arrival;
    uint64_t lost[LOST_MAX];
    size_t lost_count;
    struct gw_write writes[2]; /* application keys gather in one while the other is in flight */
    unsigned filling;
    bool in_flight;
    bool broken;
    uint64_t now_us;
};

/* One event, then the losses that carrying out its effects brought to light. */
int gw_turn_step(struct gw_turn *turn, uint64_t now_us, struct gw_event *event);

#endif
