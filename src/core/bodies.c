/* SPDX-License-Identifier: MPL-2.0 */
/* Which bodies of batches stay in memory: those not yet stored or not yet offered, and of the
 * others as many as the budget allows, newest first. A batch without its body is read back when a
 * new link wants it again. */

#include "core/state.h"

#define LOOK_AT_MOST 16 /* batches passed over in one trim: they cannot go yet */

void gw_bodies_add(struct gw_core *core, struct gw_batch *batch)
{
    batch->cached = true;
    batch->newer = NULL;
    batch->older = core->newest_body;
    if (core->newest_body)
        core->newest_body->newer = batch;
    else
        core->oldest_body = batch;
    core->newest_body = batch;
    core->body_bytes += batch->bytes;
}

void gw_bodies_remove(struct gw_core *core, struct gw_batch *batch)
{
    if (!batch->cached)
        return;
    batch->cached = false;
    if (batch->older)
        batch->older->newer = batch->newer;
    else
        core->oldest_body = batch->newer;
    if (batch->newer)
        batch->newer->older = batch->older;
    else
        core->newest_body = batch->older;
    core->body_bytes -= batch->bytes;
}

static bool can_go(const struct gw_core *core, const struct gw_batch *batch)
{
    const struct gw_stream *stream = gw_map_get(&core->streams, batch->epoch);
    return gw_batch_last(batch) <= stream->stored &&
           gw_batch_last(batch) < stream->next_unassigned &&
           !(stream->dying && gw_retry_buries(stream, batch->first, gw_batch_last(batch)));
}

void gw_bodies_trim(struct gw_core *core)
{
    struct gw_batch *batch = core->oldest_body;
    for (int looked = 0;
         batch && core->body_bytes > core->options.cache_bytes && looked < LOOK_AT_MOST; looked++) {
        struct gw_batch *newer = batch->newer;
        if (can_go(core, batch)) {
            gw_bodies_remove(core, batch);
            gw_blob_drop(batch->body);
            batch->body = NULL;
        }
        batch = newer;
    }
}
