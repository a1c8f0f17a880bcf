/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_PLANTS_H
#define GW_SIM_PLANTS_H

/* Known bugs, switched on by name (src/base/plant.h). Only godwit-sim-planted holds them. */

#include <stdbool.h>

extern const char sim_program[]; /* what replays: "godwit sim" or "godwit-sim-planted" */

void sim_plants_list(void);
bool sim_plant(const char *name); /* false: there is none; it was told on stderr */

#endif
