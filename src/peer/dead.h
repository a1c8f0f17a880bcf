/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_DEAD_H
#define GW_PEER_DEAD_H

/* Dead letters, read straight from the store in the caller's thread. */

#include "godwit/dead.h"
#include "peer/handle.h"

struct gw_dead { /* what is behind a godwit_dead_t */
    godwit_dead_t shown;
    struct gw_destination destination;
    char text_of_destination[GW_DESTINATION_TEXT];
    char member[GW_NAME_MAX + 1];
    char text[GW_TEXT_MAX + 1];
};

/* The first one from an id on, or only that very one. Inside gw_peer_enter. GODWIT_ENOTFOUND,
 * GODWIT_ENOMEM, GODWIT_ECORRUPT, GODWIT_EIO. */
godwit_err_t gw_dead_read(struct godwit_peer *peer, godwit_id_t from, bool exactly,
                          struct gw_dead **dead);
void gw_dead_free(struct gw_dead *dead); /* NULL is accepted */

#endif
