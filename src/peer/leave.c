/* SPDX-License-Identifier: MPL-2.0 */

/* How the engine closes: store what was submitted, say BYE, store what came before it, wait a
 * moment until everybody has read it. */

#include "peer/engine.h"

#define BYE_US_MAX   250000 /* for the answers to BYE: a peer that hangs delays a close no more */
#define LEAVE_US_MAX 5000000 /* a guard only: without links there is soon nothing to store */

static bool is_busy(const struct gw_engine *engine)
{
    return engine->writing || engine->more || gw_turn_busy(engine->turn);
}

/* Goes on with closing as far as it is possible now. */
void gw_engine_leave(struct gw_engine *engine)
{
    if (!engine->turn) {
        gw_engine_reopen(engine); /* to find out what is stored: one attempt, no more time */
        engine->phase = GW_ENGINE_OVER;
        return;
    }
    bool late = engine->now_us >= engine->end_us;
    bool busy = is_busy(engine);
    if (engine->phase == GW_ENGINE_ENDING && (!busy || late)) {
        gw_engine_check(engine, gw_turn_close(engine->turn, engine->now_us));
        gw_engine_run_turn(engine);
        busy = is_busy(engine);
        late = false;
        engine->phase = GW_ENGINE_LEAVING;
        engine->end_us = engine->now_us + LEAVE_US_MAX;
        engine->bye_us = engine->now_us + BYE_US_MAX;
    }
    bool heard = engine->now_us >= engine->bye_us ||
                 !gw_core_is_leaving(gw_turn_core(engine->turn));
    if (engine->phase == GW_ENGINE_LEAVING && !engine->broken &&
        ((!busy && heard) || (late && !engine->writing)))
        engine->phase = GW_ENGINE_OVER;
}
