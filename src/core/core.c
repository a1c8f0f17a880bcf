/* SPDX-License-Identifier: MPL-2.0 */
/* The step: one switch on the event, then what every step ends with. Also the small things that all
 * parts of the core share. No I/O, no clock, no randomness but the event's. */

#include "base/plant.h"
#include "core/state.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_DELAY_US 5000
#define CACHE_BYTES     (16 * 1024 * 1024)
#define MEMORY_TTL_US   UINT64_C(86400000000)

/* ---- shared small things ---- */

void gw_fail(struct gw_core *core)
{
    core->failed = true;
}

void *gw_allocate(struct gw_core *core, size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        gw_fail(core);
    return memory;
}

void gw_commit_now(struct gw_core *core)
{
    core->urgent = true;
}

void gw_commit_lazily(struct gw_core *core)
{
    uint64_t due = core->now_us + core->options.settle_delay_us;
    if (due < core->lazy_due_us)
        core->lazy_due_us = due;
}

void gw_dispatch_later(struct gw_core *core, struct gw_target *target)
{
    if (target->dispatch_due)
        return;
    target->dispatch_due = true;
    target->next_dispatch = core->dispatch_list;
    core->dispatch_list = target;
}

void gw_ack_later(struct gw_core *core, struct gw_remote *remote)
{
    if (remote->in_ack_list)
        return;
    remote->in_ack_list = true;
    remote->next_ack = core->ack_list;
    core->ack_list = remote;
}

void gw_note(struct gw_core *core, enum gw_note note, const char *peer, uint64_t a, uint64_t b)
{
    size_t size = strlen(peer) + 1;
    char *copy = gw_effects_allocate(core->out, size);
    struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_NOTE);
    if (!copy || !effect)
        return;
    memcpy(copy, peer, size);
    effect->u.note.note = (uint8_t)note;
    effect->u.note.peer = copy;
    effect->u.note.a = a;
    effect->u.note.b = b;
}

struct gw_frame *gw_send_frame(struct gw_core *core, uint64_t conn, enum gw_frame_type type,
                               uint64_t link)
{
    struct gw_frame *frame = gw_effects_allocate(core->out, sizeof *frame);
    struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_SEND);
    if (!frame || !effect)
        return &core->nowhere;
    effect->u.send.conn = conn;
    effect->u.send.frame = frame;
    frame->type = (uint8_t)type;
    frame->link = link;
    if (link)
        gw_link_frame_sent(core, conn, frame->type);
    return frame;
}

/* ---- life ---- */

struct gw_core *gw_core_new(const struct gw_core_options *options)
{
    struct gw_core *core = calloc(1, sizeof *core);
    if (!core)
        return NULL;
    core->options = *options;
    if (!core->options.settle_delay_us)
        core->options.settle_delay_us = SETTLE_DELAY_US;
    if (!core->options.cache_bytes)
        core->options.cache_bytes = CACHE_BYTES;
    if (!core->options.memory_ttl_us)
        core->options.memory_ttl_us = MEMORY_TTL_US;
    gw_random_seed(&core->random, options->seed);
    gw_map_init(&core->conns, options->seed);
    gw_map_init(&core->remotes, options->seed + 1);
    gw_map_init(&core->streams, options->seed + 2);
    gw_map_init(&core->windows, options->seed + 3);
    gw_map_init(&core->targets_by, options->seed + 4);
    core->turn = 1;
    core->choices = GW_NEWCOMERS;
    core->lazy_due_us = GW_NEVER;
    core->wake_us = GW_NEVER;
    return core;
}

static void free_remotes(struct gw_core *core)
{
    struct gw_remote *remote;
    while ((remote = core->remote_list)) {
        core->remote_list = remote->next;
        gw_remote_free(remote);
    }
}

static void free_lists(struct gw_core *core)
{
    for (struct gw_target *target = core->targets, *next; target; target = next) {
        next = target->next;
        gw_heap_clear(&target->ready);
        free(target);
    }
    for (struct gw_local *local = core->locals, *next; local; local = next) {
        next = local->next;
        free(local);
    }
}

void gw_core_destroy(struct gw_core **self)
{
    struct gw_core *core = *self;
    if (!core)
        return;
    void *value;
    for (size_t at = 0; (value = gw_map_next(&core->conns, &at, NULL));)
        gw_conn_free(value);
    for (size_t at = 0; (value = gw_map_next(&core->windows, &at, NULL));)
        gw_window_free(value);
    for (size_t at = 0; (value = gw_map_next(&core->streams, &at, NULL));)
        gw_stream_free(core, value);
    gw_pile_clear(&core->filling);
    gw_pile_clear(&core->flying);
    gw_orphans_free(core);
    free_remotes(core);
    free_lists(core);
    gw_map_clear(&core->conns);
    gw_map_clear(&core->remotes);
    gw_map_clear(&core->streams);
    gw_map_clear(&core->windows);
    gw_map_clear(&core->targets_by);
    for (size_t i = 0; i < GW_TIMERS; i++)
        gw_heap_clear(&core->timers[i]);
    free(core->ops);
    free(core);
    *self = NULL;
}

/* ---- the step ---- */

/* When this process did not run for a while, nobody else's silence is proven: what they said may
 * still wait in our sockets (fault T05). The gap is taken off everybody's account. */
static void forgive_own_absence(struct gw_core *core, uint64_t now_us)
{
    uint64_t gap = now_us - core->now_us;
    if (gap <= core->options.heartbeat_us || GW_PLANT(ABSENCE_BLAMED))
        return;
    for (struct gw_remote *remote = core->remote_list; remote; remote = remote->next) {
        if (!remote->link.id)
            continue;
        remote->link.heard_us += gap;
        if (remote->proof_due_us)
            remote->proof_due_us += gap;
        gw_link_retime(core, remote);
    }
}

bool gw_core_may_decide(const struct gw_core *core, const struct gw_decision *decisions,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!gw_window_may_decide(core, &decisions[i]))
            return false;
    return true;
}

/* Its messages have numbers already: they end at once, so that the epoch stays dense. */
static void stale(struct gw_core *core, const struct gw_event *event)
{
    for (size_t i = 0; i < event->u.transaction.decision_count && !core->failed; i++)
        gw_window_let_go(core, &event->u.transaction.decisions[i]);
    for (size_t i = 0; i < event->u.transaction.batch_count; i++)
        gw_stream_void(core, &event->u.transaction.destinations[i],
                       event->u.transaction.batches[i]);
    struct gw_effect *effect = gw_effects_add(core->out, GW_EFFECT_STALE);
    if (effect)
        effect->u.token = event->u.transaction.token;
    gw_count(core, GW_COUNTER_stale_transactions, 1);
}

static void transaction(struct gw_core *core, const struct gw_event *event)
{
    if (!gw_core_may_decide(core, event->u.transaction.decisions,
                            event->u.transaction.decision_count)) {
        stale(core, event);
        return;
    }
    for (size_t i = 0; i < event->u.transaction.decision_count; i++)
        gw_window_decide(core, &event->u.transaction.decisions[i]);
    for (size_t i = 0; i < event->u.transaction.batch_count; i++)
        gw_stream_submit(core, &event->u.transaction.destinations[i],
                         event->u.transaction.batches[i]);
    gw_pile_token(core, event->u.transaction.token);
    gw_commit_now(core);
}

static void forfeit(struct gw_core *core, const char *name)
{
    struct gw_remote *remote = gw_remote_find(core, name);
    if (remote && !remote->link.id)
        gw_forfeit(core, remote);
}

static void handle(struct gw_core *core, const struct gw_event *event)
{
    switch ((enum gw_event_type)event->type) {
    case GW_EVENT_RECOVER:
        gw_recover_row(core, event->u.recover);
        break;
    case GW_EVENT_START:
        gw_recover_done(core);
        break;
    case GW_EVENT_TICK:
        gw_timer_tick(core);
        break;
    case GW_EVENT_DIAL:
        gw_link_dial(core, event->u.conn.conn);
        break;
    case GW_EVENT_UNDIAL:
        gw_link_undial(core, event->u.conn.conn);
        break;
    case GW_EVENT_LOST:
        gw_link_lost(core, event->u.conn.conn);
        break;
    case GW_EVENT_FRAME:
        gw_link_frame(core, event);
        break;
    case GW_EVENT_MALFORMED:
        gw_link_malformed(core, event->u.conn.conn);
        break;
    case GW_EVENT_CORRUPT:
        gw_link_corrupt(core, event->u.conn.conn, event->u.conn.link);
        break;
    case GW_EVENT_SERVE:
        gw_intake_serve(core, event, true);
        break;
    case GW_EVENT_UNSERVE:
        gw_intake_serve(core, event, false);
        break;
    case GW_EVENT_BATCH:
        gw_stream_submit(core, &event->u.batch.destination, event->u.batch.batch);
        break;
    case GW_EVENT_DECIDE:
        gw_window_decide(core, &event->u.decide);
        break;
    case GW_EVENT_TRANSACTION:
        transaction(core, event);
        break;
    case GW_EVENT_LOADED:
        gw_stream_loaded(core, event->u.loaded.epoch, event->u.loaded.batches,
                         event->u.loaded.count);
        break;
    case GW_EVENT_SEAL:
        gw_seal(core);
        break;
    case GW_EVENT_COMMITTED:
        gw_sealed_committed(core);
        break;
    case GW_EVENT_CLOSE:
        gw_link_close_all(core);
        break;
    case GW_EVENT_HANDED:
        gw_window_handed(core, event);
        break;
    case GW_EVENT_RETURN:
        gw_window_return(core, event);
        break;
    case GW_EVENT_RECALLED:
        gw_window_recalled(core, event);
        break;
    case GW_EVENT_POLICY:
        gw_policy_set(core, event);
        break;
    case GW_EVENT_WITHDRAW:
        gw_withdraw(core, event->u.withdraw.epoch, event->u.withdraw.sequence,
                    event->u.withdraw.code);
        break;
    case GW_EVENT_FORFEIT:
        forfeit(core, event->u.forfeit.peer);
        break;
    case GW_EVENT_RETIRE:
        gw_stream_retire(core, event->u.retire);
        break;
    }
}

static void dispatch_and_acknowledge(struct gw_core *core)
{
    struct gw_target *target;
    while ((target = core->dispatch_list)) {
        core->dispatch_list = target->next_dispatch;
        target->dispatch_due = false;
        gw_dispatch(core, target);
    }
    struct gw_remote *remote;
    while ((remote = core->ack_list)) {
        core->ack_list = remote->next_ack;
        remote->in_ack_list = false;
        gw_window_flush(core, remote);
    }
}

int gw_core_step(struct gw_core *core, const struct gw_event *event, struct gw_effects *effects)
{
    core->out = effects;
    if (event->now_us > core->now_us) { /* a clock that falls back stands still here */
        if (core->now_us)
            forgive_own_absence(core, event->now_us);
        core->now_us = event->now_us;
    }
    core->entropy = event->entropy;
    core->wall_ms = event->wall_ms;
    if (core->body_bytes > core->options.cache_bytes)
        gw_bodies_trim(core); /* not after the step: its effects still point into bodies */
    handle(core, event);
    if (!core->failed)
        dispatch_and_acknowledge(core);
    core->out = NULL;
    return core->failed || effects->failed ? -ENOMEM : 0;
}

uint64_t gw_core_wake_us(const struct gw_core *core)
{
    return core->wake_us;
}

uint64_t gw_core_commit_due_us(const struct gw_core *core)
{
    return core->urgent ? 0 : core->lazy_due_us;
}

uint64_t gw_core_looks(const struct gw_core *core)
{
    return core->looks;
}

const uint64_t *gw_core_counters(const struct gw_core *core)
{
    return core->counters;
}
