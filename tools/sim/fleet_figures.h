/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_FLEET_FIGURES_H
#define GW_SIM_FLEET_FIGURES_H

/* The figures of a run, each for one link, message or virtual second, so that runs of all sizes
 * compare. */

#include "fleet.h"

struct fleet_cost { /* for each message processed */
    double ack_bytes, ack_frames; /* of the ACKs that tell of messages */
    double header_bytes;          /* of DATA */
    double all_bytes;             /* heartbeats, bodies and ZMTP's framing included */
    double cpu_us;
    double looks; /* of all cores */
};

struct fleet_figures {
    double bytes_per_link; /* both ends */
    double bytes_per_peer; /* beside its links */
    double frames_per_link_s, bytes_per_link_s; /* idle */
    double frames_per_heartbeat;                /* idle, for each link */
    double idle_cpu, hub_cpu;                   /* seconds for a virtual second */
    double idle_cpu_per_link_us, hub_cpu_per_link_us;
    double looks_per_heartbeat, hub_looks_per_heartbeat; /* idle, for each link */
    struct fleet_cost trickle, bulk;
    double links_s, settled_s;
    double peak_frames_s, peak_per_link_s;
    double handshake_bytes_per_link;
    double restart_cpu_per_link_us;
    double restart_hub_cpu_s;
};

void fleet_figures_make(const struct fleet_report *report, struct fleet_figures *figures);

#endif
