/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_OUTCOME_H
#define GW_PEER_OUTCOME_H

/* How messages ended, for a reader that asked. The rows are written with the settlements; here is
 * how far they go and how far they were read, which the row of number 0 keeps. */

#include "godwit/status.h"
#include "peer/handle.h"

#define GW_OUTCOMES_MAX 1000000 /* unread: then sends wait */

godwit_err_t gw_outcomes_open(struct godwit_peer *peer); /* GODWIT_EIO: no eventfd */
void gw_outcomes_close(struct godwit_peer *peer);

/* All with the peer's lock. */
static inline bool gw_outcomes_full(const struct godwit_peer *peer)
{
    return peer->settings.outcomes &&
           peer->outcomes.last - peer->outcomes.read >= GW_OUTCOMES_MAX;
}
void gw_outcomes_stored(struct godwit_peer *peer, uint64_t number);
/* What an opened store holds. */
void gw_outcomes_recovered(struct godwit_peer *peer, uint64_t last, uint64_t read);
godwit_place_t gw_outcome_place(uint8_t how); /* `how`: enum gw_outcome */
/* Sends the deletion of what was read on its way. GODWIT_ENOMEM: some is left for the next time. */
godwit_err_t gw_outcomes_forget(struct godwit_peer *peer);

#endif
