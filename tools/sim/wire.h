/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_WIRE_H
#define GW_SIM_WIRE_H

/* Frames on their way: how they leave, what may befall them, and how they arrive. net.c makes the
 * connections. */

#include "net.h"

void sim_ways_init(struct sim_world *world);
struct sim_way *sim_way_between(const struct sim_peer *from, const struct sim_peer *to);
struct sim_way *sim_way_of(const struct sim_connection *connection, unsigned end);
/* The generator of the `number`th thing of its kind between the two. */
struct sim_lot sim_way_lot(const struct sim_peer *from, const struct sim_peer *to,
                           enum sim_lot_use use, uint64_t number);

/* A frame is sent on a live connection, towards that end. Returns 0, or an error if it
 * is refused. */
int sim_wire_send(struct sim_world *world, struct sim_connection *connection, unsigned end,
                  const struct sim_sent *sent);
/* A frame goes onto the connection, and nothing befalls it but a delay. */
void sim_wire_depart(struct sim_world *world, struct sim_connection *connection, unsigned end,
                     struct sim_frame *frame);
/* The same, but it sets out only after a while, if the connection still lives. */
void sim_wire_depart_later(struct sim_world *world, struct sim_connection *connection, unsigned end,
                           struct sim_frame *frame, uint64_t pause_us);
/* Looks, then, whether a frame arrives at that end. */
void sim_wire_expect(struct sim_world *world, struct sim_connection *connection, unsigned end,
                     uint64_t at_us);
/* A send that a real socket refuses as well: counted, and answered with the error. */
int sim_wire_cannot(struct sim_world *world, int error);

#endif
