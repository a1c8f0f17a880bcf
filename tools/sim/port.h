/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_PORT_H
#define GW_SIM_PORT_H

/* What a turn asks of its peer: the simulator's side of gw_turn_port. The context is the peer. */

#include "peer/turn.h"

struct sim_peer;

extern const struct gw_turn_port sim_port;

/* After every call of the turn: notes a failure, and lets the turn run soon. */
void sim_port_after(struct sim_peer *peer, int result);
/* False: the turn is over, or the world has failed. */
bool sim_port_went_well(struct sim_peer *peer, int result);
/* What a commit writes, in words: "batch e1 1..3, assigned e1 1..3 b". */
void sim_describe_write(struct sim_peer *peer, const struct gw_write *write, char *text,
                        size_t size);

#endif
