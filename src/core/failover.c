/* SPDX-License-Identifier: MPL-2.0 */
/* Members that stay away, and memory peers that have ended.
 *
 * Strict: what a member holds waits for it. Failover: after a while without a link it goes to
 * others, flagged maybe-duplicate, and the first decision counts. A memory peer that said BYE, came
 * back as another process, or stayed away too long has ended with all that it knew: what is kept
 * for it here is forgotten. */

#include "base/plant.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

/* ---- taking back what a member holds ---- */

/* It moves on without the member's word, which may come late. */
static void lose(struct gw_core *core, struct gw_offer *offer, const struct gw_run *run)
{
    gw_check(core, gw_ranges_add(&offer->forfeited, run->first, run->last));
    gw_check(core, gw_spans_cut(&offer->lost, run->first, run->last));
    offer->stream->forfeits = true;
    struct gw_lost *lost = gw_allocate(core, sizeof *lost);
    if (!lost)
        return;
    *lost = (struct gw_lost){{run->first, run->last, sizeof *lost}, run->number};
    if (gw_index_add(&offer->lost, run->first, lost)) {
        free(lost);
        gw_fail(core);
    }
}

/* All that it holds of one stream waits with nobody. `doubtful`: it may process it all the same.
 * Returns how many messages. */
static uint64_t take_back_of(struct gw_core *core, struct gw_offer *offer, bool doubtful)
{
    uint64_t count = 0;
    for (size_t i = offer ? offer->runs.count : 0; i-- > 0 && !core->failed;) {
        struct gw_run *run = gw_index_at(&offer->runs, i);
        if (run->turn > core->committed || !run->left)
            continue;
        if (doubtful)
            lose(core, offer, run);
        if (doubtful && !GW_PLANT(FORFEIT_UNFLAGGED))
            gw_check(core, gw_ranges_add(&run->stream->doubtful, run->first, run->last));
        count += run->left;
        gw_run_cut(core, run, run->first, run->last);
    }
    return count;
}

static uint64_t take_back(struct gw_core *core, struct gw_member *member, bool doubtful)
{
    uint64_t count = 0;
    for (struct gw_stream *stream = member->target->streams; stream; stream = stream->next)
        count += take_back_of(core, gw_offer_find(stream, member->remote), doubtful);
    return count;
}

static void forfeit_member(struct gw_core *core, struct gw_member *member)
{
    uint64_t count = take_back(core, member, true);
    member->forfeited = true;
    gw_count(core, GW_COUNTER_forfeited, count);
    if (count)
        gw_note(core, GW_NOTE_FORFEITED, member->remote->name, count, 0);
}

void gw_forfeit(struct gw_core *core, struct gw_remote *remote)
{
    for (struct gw_member *member = remote->members; member; member = member->next_in_remote)
        forfeit_member(core, member);
}

/* When the members of a failover target are to be looked at again; forfeits what is due. */
uint64_t gw_failover_due_us(struct gw_core *core, struct gw_target *target)
{
    const struct gw_policy *policy = gw_policy_of(target);
    uint64_t due = GW_NEVER;
    for (struct gw_member *member = target->members; member && policy->failover;
         member = member->next_in_target) {
        if (member->remote->link.id || !member->outstanding || !target->live)
            continue; /* without anybody else nothing is won */
        uint64_t at = member->remote->down_us + policy->failover_us;
        if (at <= core->now_us)
            forfeit_member(core, member);
        if (member->outstanding) /* not durable yet: soon */
            at = at > core->now_us ? at : core->now_us + core->options.heartbeat_us;
        if (member->outstanding && at < due)
            due = at;
    }
    return due;
}

/* ---- memory peers that have ended ---- */

static void end_durable(struct gw_core *core, struct gw_stream *stream)
{
    if (stream->floor <= stream->stored)
        gw_stream_end(core, stream, stream->floor, stream->stored, GW_OUTCOME_ABANDONED, 0);
}

static void abandon(struct gw_core *core, struct gw_remote *remote)
{
    struct gw_destination destination = {.kind = GW_KIND_REPLY};
    memcpy(destination.name, remote->name, sizeof destination.name);
    struct gw_target *target = gw_target_find(core, &destination);
    if (!target)
        return;
    gw_target_abandon(core, target);
    /* Now: the next process of that name may be here before this is looked at. */
    for (struct gw_stream *stream = target->streams; stream; stream = stream->next)
        end_durable(core, stream);
    gw_dispatch_later(core, target);
}

/* Everything durable of a target whose only receiver has ended ends too, and its epochs with it. */
void gw_abandoned(struct gw_core *core, struct gw_target *target)
{
    for (struct gw_stream *stream = target->streams; stream; stream = stream->next) {
        end_durable(core, stream);
        if (stream->old || stream->idle_told || stream->floor_published != stream->last + 1)
            continue;
        struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_IDLE);
        if (!effect)
            return;
        effect->u.idle = stream->epoch;
        stream->idle_told = true;
    }
}

void gw_remote_gone(struct gw_core *core, struct gw_remote *remote)
{
    remote->gone = remote->ended = true;
    if (!remote->link.id) /* else another process of that name is here */
        gw_timer_set(core, GW_TIMER_AWAY, &remote->timer,
                     core->now_us + core->options.heartbeat_us);
    gw_note(core, GW_NOTE_GONE, remote->name, 0, 0);
    gw_count(core, GW_COUNTER_memory_peers_gone, 1);
    for (struct gw_member *member = remote->members; member; member = member->next_in_remote)
        take_back(core, member, false);
    gw_offers_gone(core, remote);
    abandon(core, remote);
    gw_window_owner_gone(core, remote);
}

/* A run that became durable after its member had ended. */
void gw_gone_run(struct gw_core *core, struct gw_run *run)
{
    struct gw_remote *remote = run->member->remote;
    gw_run_cut(core, run, run->first, run->last);
    gw_offers_gone(core, remote);
}

static bool is_forgettable(const struct gw_remote *remote)
{
    bool idle = !remote->conns && !remote->owned && !remote->offers;
    for (const struct gw_member *member = remote->members; member && idle;
         member = member->next_in_remote)
        idle = !member->outstanding;
    return idle;
}

static void free_members(struct gw_remote *remote)
{
    while (remote->members)
        gw_member_forget(remote->members);
}

void gw_remote_away(struct gw_core *core, struct gw_remote *remote)
{
    remote->down_us = core->now_us;
    if (remote->identity.memory)
        gw_timer_set(core, GW_TIMER_AWAY, &remote->timer,
                     core->now_us + core->options.memory_ttl_us);
}

/* A memory peer that stays away has ended; one of which nothing is left is forgotten, within a
 * heartbeat. */
void gw_remote_away_due(struct gw_core *core, struct gw_remote *remote)
{
    if (!remote->gone) {
        gw_remote_gone(core, remote);
    } else if (!is_forgettable(remote)) {
        gw_timer_set(core, GW_TIMER_AWAY, &remote->timer,
                     core->now_us + core->options.heartbeat_us);
    } else {
        free_members(remote);
        gw_remote_forget(core, remote);
    }
}
