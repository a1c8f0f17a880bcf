/* SPDX-License-Identifier: MPL-2.0 */

/* The engine's books, copied for another thread. */

#include "peer/snapshot.h"

#include <stdio.h>

static void copy_dials(const struct gw_engine *engine, struct gw_snapshot *snapshot)
{
    snapshot->dial_count = 0;
    for (size_t i = 0; i < engine->dial_count; i++) {
        if (engine->dials[i].leaving)
            continue;
        size_t at = snapshot->dial_count++;
        if (at < GW_SURVEY_MAX)
            snprintf(snapshot->dials[at], sizeof snapshot->dials[at], "%.*s",
                     GW_SNAPSHOT_ENDPOINT - 1, engine->dials[i].endpoint);
    }
}

godwit_err_t gw_snapshot_take(struct gw_engine *engine, struct gw_command *command)
{
    struct gw_snapshot *snapshot = command->snapshot;

    if (!engine->turn || engine->broken) {
        snprintf(command->why, sizeof command->why,
                 "the store failed (%.150s) and is being reopened: try again", engine->why);
        return GODWIT_EBUSY; /* as gw_error_reopening says it elsewhere */
    }
    if (snapshot->find) {
        gw_core_received(gw_turn_core(engine->turn), snapshot->id.epoch, snapshot->id.sequence,
                         &snapshot->received);
        return GODWIT_OK;
    }
    gw_core_survey(gw_turn_core(engine->turn), &snapshot->survey);
    copy_dials(engine, snapshot);
    return GODWIT_OK;
}

godwit_err_t gw_snapshot_ask(struct godwit_peer *peer, struct gw_snapshot *snapshot)
{
    struct gw_command command = {.type = GW_COMMAND_LOOK, .snapshot = snapshot};

    return gw_peer_command(peer, &command);
}
