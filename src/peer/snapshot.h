/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_SNAPSHOT_H
#define GW_PEER_SNAPSHOT_H

/* What only the engine's thread may look at, copied for others: the core's books, the endpoints
 * that are dialled, and where one message is. */

#include "core/survey.h"
#include "peer/engine.h"

#define GW_SNAPSHOT_ENDPOINT 128 /* longer ones are cut */

struct gw_snapshot {
    bool find; /* asked: fill `received` instead of the rest */
    godwit_id_t id;

    struct gw_survey survey;
    char dials[GW_SURVEY_MAX][GW_SNAPSHOT_ENDPOINT];
    size_t dial_count; /* may be above GW_SURVEY_MAX */

    struct gw_received received;
};

/* Engine: carries GW_COMMAND_LOOK out. GODWIT_EIO while there is no store. */
godwit_err_t gw_snapshot_take(struct gw_engine *engine, struct gw_command *command);
/* Any thread, inside gw_peer_enter. */
godwit_err_t gw_snapshot_ask(struct godwit_peer *peer, struct gw_snapshot *snapshot);

#endif
