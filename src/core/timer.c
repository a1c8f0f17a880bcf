/* SPDX-License-Identifier: MPL-2.0 */
/* Timers: what waits for its time, in the order of their times. A tick costs as much as is due,
 * however many links there are. */

#include "core/state.h"

#define MANY_CONNS          64
#define TICKS_PER_HEARTBEAT 64

/* Where there are many connections what falls due within a part of a heartbeat is looked at
 * together: else a hub with thousands of links would wake up thousands of times a second, each time
 * for one PING. */
static uint64_t between_ticks_us(const struct gw_core *core)
{
    return core->conns.count > MANY_CONNS ? core->options.heartbeat_us / TICKS_PER_HEARTBEAT : 0;
}

void gw_wake_at(struct gw_core *core, uint64_t time_us)
{
    time_us = gw_at_least(time_us, core->ticked_us + between_ticks_us(core));
    if (time_us < core->wake_us)
        core->wake_us = time_us;
}

void gw_timer_set(struct gw_core *core, enum gw_timer kind, struct gw_heap_place *timer,
                  uint64_t due_us)
{
    struct gw_heap *timers = &core->timers[kind];
    if (due_us == GW_NEVER) {
        gw_heap_remove(timers, timer);
        return;
    }
    if (due_us != gw_heap_key(timers, timer))
        gw_check(core, gw_heap_set(timers, timer, due_us, ++core->timers_set));
    gw_wake_at(core, due_us);
}

/* The first one that is due, which is not set any more; NULL: none is. What is done then may set it
 * again, to a later time. */
static struct gw_heap_place *take(struct gw_core *core, enum gw_timer kind)
{
    struct gw_heap *timers = &core->timers[kind];
    struct gw_heap_place *timer = gw_heap_first(timers);
    core->looks++;
    if (!timer || gw_heap_first_key(timers) > core->now_us)
        return NULL;
    gw_heap_remove(timers, timer);
    return timer;
}

static void due(struct gw_core *core, enum gw_timer kind, struct gw_heap_place *timer)
{
    switch (kind) {
    case GW_TIMER_HELLO:
        gw_conn_hello_due(core, GW_HEAP_ITEM(timer, struct gw_conn, timer));
        break;
    case GW_TIMER_LINK:
        gw_link_due(core, GW_HEAP_ITEM(timer, struct gw_remote, timer));
        break;
    case GW_TIMER_STRANGER:
        gw_conn_unused_due(core, GW_HEAP_ITEM(timer, struct gw_conn, timer));
        break;
    case GW_TIMER_AWAY:
        gw_remote_away_due(core, GW_HEAP_ITEM(timer, struct gw_remote, timer));
        break;
    default: /* GW_TIMER_TARGET */
        gw_policy_due(core, GW_HEAP_ITEM(timer, struct gw_target, timer));
        break;
    }
}

void gw_timer_tick(struct gw_core *core)
{
    struct gw_heap_place *timer;
    if (core->now_us < core->wake_us)
        return;
    core->wake_us = GW_NEVER;
    core->ticked_us = core->now_us;
    for (enum gw_timer kind = 0; kind < GW_TIMERS; kind++) {
        while (!core->failed && (timer = take(core, kind)))
            due(core, kind, timer);
        gw_wake_at(core, gw_heap_first_key(&core->timers[kind]));
    }
}
