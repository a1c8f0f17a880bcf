/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_INSPECT_H
#define GW_PEER_INSPECT_H

/* The store of a stopped peer, read through a turn that is recovered from it and never runs. */

#include "peer/answer.h"

struct gw_still;

/* `why` is set on failure. */
godwit_err_t gw_still_open(const char *directory, struct gw_still **still);
void gw_still_close(struct gw_still **still);
const char *gw_still_name(const struct gw_still *still);
godwit_err_t gw_still_answer(struct gw_still *still, const struct gw_ask *ask,
                             struct gw_buffer *out);

#endif
