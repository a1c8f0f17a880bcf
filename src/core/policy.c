/* SPDX-License-Identifier: MPL-2.0 */
/* What an application wants for a destination, and the timers that follow from it. */

#include "core/state.h"
#include <string.h>

static const struct gw_policy default_policy = {
    .failover_us = 30000000,
    .retry_base_us = 100000,
    .retry_cap_us = 60000000,
    .retry_jitter = 20,
    .max_attempts = 20,
};

const struct gw_policy *gw_policy_of(const struct gw_target *target)
{
    return target->has_policy ? &target->policy : &default_policy;
}

void gw_policy_set(struct gw_core *core, const struct gw_event *event)
{
    struct gw_target *target = gw_target_get(core, &event->u.policy.destination);
    if (!target)
        return; /* the shell counts destinations: there is room */
    target->policy = event->u.policy.policy;
    target->has_policy = true;
    gw_policy_wake(core, target, core->now_us);
    gw_dispatch_later(core, target);
}

/* Offered for longer than the deadline and not begun: asked back, if anybody else could take it. */
static uint64_t deadlines(struct gw_core *core, struct gw_target *target)
{
    const struct gw_policy *policy = gw_policy_of(target);
    uint64_t due = GW_NEVER;
    if (!policy->deadline_us)
        return due;
    for (struct gw_stream *stream = target->streams; stream; stream = stream->next) {
        struct gw_remote *asked = NULL;
        for (size_t i = 0; i < stream->runs.count; i++) {
            struct gw_run *run = gw_index_at(&stream->runs, i);
            if (!run->offered_us || !run->left || run->recalling)
                continue;
            uint64_t at = run->offered_us + policy->deadline_us;
            if (at > core->now_us) {
                due = at < due ? at : due;
                continue;
            }
            if (target->live < 2) {
                uint64_t later = core->now_us + core->options.heartbeat_us;
                due = later < due ? later : due;
                continue;
            }
            run->recalling = true;
            stream->recalls = true;
            asked = run->member->remote;
            gw_count(core, GW_COUNTER_overdue, run->left);
        }
        if (asked)
            for (struct gw_member *member = target->members; member;
                 member = member->next_in_target)
                gw_skip_ask_back(core, stream, member->remote);
    }
    return due;
}

/* When the target is to be looked at again; what is due is done. */
static uint64_t next_look_us(struct gw_core *core, struct gw_target *target)
{
    uint64_t due = gw_at_most(gw_failover_due_us(core, target), deadlines(core, target));
    return target->abandoned ? gw_at_most(due, core->now_us + core->options.heartbeat_us) : due;
}

void gw_policy_due(struct gw_core *core, struct gw_target *target)
{
    if (target->abandoned && gw_target_forget_idle(core, target))
        return;
    gw_policy_wake(core, target, next_look_us(core, target));
    gw_dispatch_later(core, target); /* a pause may be over; it says when the next one is */
}

void gw_policy_wake(struct gw_core *core, struct gw_target *target, uint64_t due_us)
{
    if (due_us < gw_heap_key(&core->timers[GW_TIMER_TARGET], &target->timer))
        gw_timer_set(core, GW_TIMER_TARGET, &target->timer, due_us);
}

void gw_target_abandon(struct gw_core *core, struct gw_target *target)
{
    target->abandoned = true;
    gw_policy_wake(core, target, core->now_us + core->options.heartbeat_us);
}
