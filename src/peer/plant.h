/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_PLANT_H
#define GW_PEER_PLANT_H

/* In a build with GODWIT_PLANTS: switches on the bug that the environment variable GODWIT_PLANT
 * names ("ack_before_commit"). In every other build it does nothing and reads no environment. */
void gw_plant_choose(void);

#endif
