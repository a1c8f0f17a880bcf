/* SPDX-License-Identifier: MPL-2.0 */

/* Worlds drawn from a seed. Small limits are drawn often, so that edges are met: a window of one, a
 * credit of one message, a cache that holds nothing. */

#include "options.h"

#include "inject.h"
#include "lot.h"

#include <string.h>

#define MS 1000u

/* What is drawn together has a generator of its own: a choice more moves only those below it. */
enum section { SHAPE, LIMITS, ROLES, WORK, REQUESTS, POLICY, HANDLERS, WIRES, TIMES, RATES };

static struct sim_lot lot_for(const struct sim_options *options, enum section section,
                              uint64_t number)
{
    return sim_lot_of(options->seed, SIM_LOT_OPTIONS, section, number);
}

static uint64_t pick(struct sim_lot *lot, const uint64_t *choices, size_t count)
{
    return choices[sim_between(lot, 0, count - 1)];
}

#define PICK(lot, ...)                                                                             \
    pick(lot, (const uint64_t[]){__VA_ARGS__},                                                     \
         sizeof(const uint64_t[]){__VA_ARGS__} / sizeof(uint64_t))

/* --- the peers --- */

static void draw_limits(struct sim_options *options)
{
    struct sim_lot lot = lot_for(options, LIMITS, 0);

    options->sync = sim_chance(&lot, 700000);
    options->jitter = true;
    options->window = PICK(&lot, 1, 2, 4, 8, 16, 64, 1000, 65536);
    options->max_message = 65536;
    options->heartbeat_us = PICK(&lot, 100, 250, 500, 1000) * MS;
    options->settle_delay_us = PICK(&lot, 0, 1, 5, 50) * MS;
    options->cache_bytes = PICK(&lot, 0, 100, 2000, 1 << 20);
    options->outbox_messages = PICK(&lot, 0, 0, 0, 8, 40);
    options->body_max = PICK(&lot, 8, 40, 200);
    options->credit_messages = PICK(&lot, 1, 2, 4, 16, 100, 1000);
    options->credit_bytes = PICK(&lot, options->body_max * 8, options->body_max * 20, 1 << 20);
}

static uint32_t some(struct sim_lot *lot)
{
    return (uint32_t)sim_between(lot, 0, (1u << SIM_VISITORS) - 1);
}

/* Who sends, works and sinks; of peers that are not there, too. */
static void draw_roles(struct sim_options *options)
{
    struct sim_lot lot = lot_for(options, ROLES, 0);

    options->senders = 1 | some(&lot);
    options->workers = 2 | some(&lot);
    options->sinks = some(&lot);
    options->servers = 1 | some(&lot);
    options->clients = some(&lot);
    if (sim_chance(&lot, 500000))
        options->sinks = 0;
    options->dial_both = (uint32_t)PICK(&lot, 0, 300000, 1000000);
}

/* --- the work --- */

static void draw_work(struct sim_options *options)
{
    struct sim_lot lot = lot_for(options, WORK, 0);

    options->messages = sim_between(&lot, 10, 140);
    options->burst = PICK(&lot, 1, 4, 20);
    options->send_pause_us = PICK(&lot, 20, 100, 500) * MS;
    options->work_us = PICK(&lot, 1, 20, 200) * MS;
    options->transaction_chance = (uint32_t)PICK(&lot, 0, 500000, 1000000);
    options->handlers = PICK(&lot, 1, 1, 4, 16);
    options->recall_us = PICK(&lot, 0, 1, 100) * MS;
    options->outcomes = sim_chance(&lot, 500000);
}

/* Requests and their replies, and clients that come only to ask. */
static void draw_requests(struct sim_options *options)
{
    struct sim_lot lot = lot_for(options, REQUESTS, 0);

    options->pattern = sim_chance(&lot, 600000) ? SIM_PIPELINE : SIM_BOTH;
    options->requests = sim_between(&lot, 4, 40);
    options->visitors = (unsigned)PICK(&lot, 0, 0, 1, 2);
}

/* How destinations are treated. */
static void draw_policy(struct sim_options *options)
{
    struct sim_lot lot = lot_for(options, POLICY, 0);
    struct gw_policy *policy = &options->policy;

    options->ordered = (uint32_t)PICK(&lot, 0, 0, 500000);
    policy->failover = sim_chance(&lot, 400000);
    policy->failover_us = PICK(&lot, 50, 500, 3000) * MS;
    policy->retry_base_us = PICK(&lot, 0, 10, 200) * MS;
    policy->retry_cap_us = policy->retry_base_us * PICK(&lot, 1, 10);
    policy->retry_jitter = (uint32_t)PICK(&lot, 0, 20, 100);
    policy->max_attempts = PICK(&lot, 0, 1, 2, 3, 5);
    policy->deadline_us = PICK(&lot, 0, 0, 50, 500, 3000) * MS;
}

static void draw_wires_and_disks(struct sim_options *options)
{
    struct sim_lot lot = lot_for(options, WIRES, 0);

    options->delay_min_us = PICK(&lot, 20, 200, 2000);
    options->delay_max_us = options->delay_min_us * PICK(&lot, 1, 3, 40);
    options->reconnect_us = PICK(&lot, 10, 100, 1000) * MS;
    options->gather_us = PICK(&lot, 0, 20, 2000);
    options->commit_min_us = PICK(&lot, 20, 200, 2000);
    options->commit_max_us = options->commit_min_us * PICK(&lot, 1, 4, 20);
    options->load_us = PICK(&lot, 50, 2000, 50000);
}

/* --- the faults --- */

#define RATE(options, kind, ...)                                                                   \
    do {                                                                                           \
        struct sim_lot lot_ = lot_for(options, RATES, SIM_FAULT_##kind);                           \
        (options)->rates[SIM_FAULT_##kind] = (uint32_t)PICK(&lot_, __VA_ARGS__);                   \
    } while (0)

/* Half of the worlds know no failure of handlers at all. */
static void draw_handlers(struct sim_options *options)
{
    struct sim_lot lot = lot_for(options, HANDLERS, 0);

    if (sim_chance(&lot, 300000))
        return;
    RATE(options, handler_nacked, 0, 10000, 100000, 400000);
    RATE(options, handler_rejected, 0, 20000, 200000);
    RATE(options, poison, 0, 5000, 40000);
    RATE(options, withdrawn, 0, 0, 200000, 600000);
}

static void draw_chances(struct sim_options *options)
{
    RATE(options, frame_lost, 0, 2000, 20000);
    RATE(options, frame_duplicated, 0, 20000, 100000);
    RATE(options, frame_replayed, 100000);
    RATE(options, frame_old, SIM_SURE);
    RATE(options, frame_garbage, 0, 0, 2000);
    RATE(options, frame_truncated, 0, 0, 2000);
    RATE(options, body_flipped, 0, 0, 10000);
    RATE(options, send_refused, 0, 0, 3000);
    RATE(options, commit_failed, 0, 0, 5000, 30000);
    RATE(options, commit_slow, 0, 0, 3000);
    RATE(options, row_damaged, 20000);
    RATE(options, marks_again, 50000);
    RATE(options, crash_in_recovery, 30000);
    RATE(options, handler_slow, 20000);
    RATE(options, visitor_killed, 500000);
    RATE(options, handshake_lost, 0, 0, 30000, 200000);
    RATE(options, version_skew, 0, 0, 0, 50000);
    RATE(options, commit_hung, 0, 0, 0, 0, 0, 200);
    RATE(options, row_misread, 0, 0, 0, 10000);
    RATE(options, disk_lies, 100000);
    RATE(options, clock_drift, 0, 0, 500000, 1000000);
    RATE(options, clock_near_limit, 0, 0, 0, 300000);
    RATE(options, offers_used_up, 0, 0, 0, 50000);
}

/* Places where a shell may be slow, or give less than it has: each in some worlds only. */
static void draw_shells(struct sim_options *options)
{
    RATE(options, turn_lazy, 0, 0, 2000, 20000);
    RATE(options, run_spurious, 0, 0, 0, 50000);
    RATE(options, collect_short, 0, 0, 500000);
    RATE(options, load_short, 0, 0, 300000, 1000000);
    RATE(options, load_slow, 0, 0, 0, 20000);
    RATE(options, recall_slow, 0, 0, 200000);
}

/* Deeds that last, or strike many at once: half of the worlds and more know nothing of them. */
static bool is_rare(enum sim_fault kind)
{
    switch (kind) {
    case SIM_FAULT_swizzle_clogged:
    case SIM_FAULT_partition_halves:
    case SIM_FAULT_partition_one_way:
    case SIM_FAULT_one_way_lost:
    case SIM_FAULT_flapping:
    case SIM_FAULT_delay_step:
    case SIM_FAULT_delay_jitter:
    case SIM_FAULT_cluster_restarted:
    case SIM_FAULT_crash_loop:
    case SIM_FAULT_disk_full:
    case SIM_FAULT_disk_failing:
    case SIM_FAULT_wall_step:
    case SIM_FAULT_wall_creeps:
    case SIM_FAULT_ticks_late:
    case SIM_FAULT_bodies_lost:
        return true;
    default:
        return false;
    }
}

/* The monkey cuts and kills more often than it does anything else. */
static void draw_deeds(struct sim_options *options)
{
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
        struct sim_lot lot = lot_for(options, RATES, i);
        if (sim_fault_how((enum sim_fault)i) != SIM_DEED)
            continue;
        options->rates[i] = (uint32_t)(is_rare((enum sim_fault)i) ? PICK(&lot, 0, 0, 0, 1, 2)
                                                                  : PICK(&lot, 0, 1, 1, 3));
    }
    options->rates[SIM_FAULT_connection_cut] *= 2;
    options->rates[SIM_FAULT_process_killed] *= 2;
}

static void draw_faults(struct sim_options *options)
{
    struct sim_lot lot = lot_for(options, TIMES, 0);

    options->faults_until_us = sim_between(&lot, 3, 12) * 1000 * MS;
    options->fault_pause_us = PICK(&lot, 80, 200, 500) * MS;
    options->survives_cut = (uint32_t)PICK(&lot, 100000, 500000, 1000000);
    draw_handlers(options);
    draw_chances(options);
    draw_shells(options);
    draw_deeds(options);
}

/* --- rare worlds --- */

static void draw_comb(struct sim_options *options)
{
    options->flavour = SIM_COMB;
    options->messages = 8400;
    options->burst = 8400;
    options->body_max = 2;
    options->window = 65536;
    options->outbox_messages = 0;
    options->credit_messages = 10000;
    options->credit_bytes = 1 << 20;
    options->work_us = 5 * MS;
    options->heartbeat_us = 1000 * MS;
    options->faults_until_us = 500 * MS;
}

void sim_options_draw(struct sim_options *options, uint64_t seed)
{
    memset(options, 0, sizeof *options);
    options->seed = seed;
    struct sim_lot lot = lot_for(options, SHAPE, 0);
    options->peers = PICK(&lot, 2, 2, 3, 3, 4, 5);
    options->memory_ttl_us = (uint64_t)86400 * 1000 * MS;
    draw_limits(options);
    draw_roles(options);
    draw_work(options);
    draw_requests(options);
    draw_policy(options);
    draw_wires_and_disks(options);
    draw_faults(options);
    if (seed % 250 == 7) {
        draw_comb(options);
    } else if (seed % 40 == 13) {
        options->flavour = SIM_AMNESIA;
    } else if (seed % 10 == 4) {
        options->flavour = SIM_MEMORY;
        options->memory = 1 | some(&lot);
    }
}

/* --- what agrees --- */

/* One sends all, the other holds all; nothing but commits and life disturbs the pattern. */
static void settle_comb(struct sim_options *options)
{
    uint32_t old = options->rates[SIM_FAULT_frame_old];

    memset(options->rates, 0, sizeof options->rates);
    options->rates[SIM_FAULT_frame_old] = old;
    options->pattern = SIM_PIPELINE;
    options->peers = 2;
    options->senders = 1;
    options->workers = 2;
    options->sinks = 0;
    options->ordered = 0;
    options->policy = (struct gw_policy){0};
    options->outbox_messages = 0;
    if (options->window < options->messages)
        options->window = options->messages;
    if (options->credit_messages < options->messages)
        options->credit_messages = options->messages;
    options->credit_bytes = 1 << 20;
}

/* The disk of the first worker may forget what was synced, if all that it does is to receive. */
static void settle_rollback(struct sim_options *options)
{
    if (options->flavour != SIM_AMNESIA)
        options->rates[SIM_FAULT_disk_lies] = options->rates[SIM_FAULT_disk_rolled_back] = 0;
    if (!options->rates[SIM_FAULT_disk_rolled_back])
        return;
    options->sync = true;
    options->sinks = 0;
    options->senders &= ~2u;
    options->servers &= ~2u;
    options->clients &= ~2u;
}

static bool alone(uint32_t mask, unsigned peer)
{
    return !(mask & ~(1u << peer));
}

/* Nobody depends on itself alone: a peer has no link to itself. */
static void settle_roles(struct sim_options *options)
{
    uint32_t all = (1u << options->peers) - 1;
    bool work = options->pattern & SIM_PIPELINE, ask = options->pattern & SIM_REQUEST;

    options->senders = work ? (options->senders & all) | 1 : 0;
    options->workers = work ? (options->workers & all) | 2 : 0;
    options->sinks &= work ? all : 0;
    options->servers = ask ? (options->servers & all) | 1 : 0;
    options->clients &= ask ? all : 0;
    for (unsigned i = 0; i < options->peers; i++) {
        if (alone(options->workers, i))
            options->senders &= ~(1u << i);
        if (options->workers & 1u << i && alone(options->sinks, i))
            options->sinks = 0;
        if (alone(options->servers, i))
            options->clients &= ~(1u << i);
    }
    if (options->pattern == SIM_REQUEST && !options->clients)
        options->clients = 2;
    options->requests = options->clients ? options->requests : 0;
    options->messages = options->senders ? options->messages : 0;
    options->visitors = ask ? options->visitors : 0;
}

/* Visitors that were killed are noticed when their time is over: no clock may jump ahead of it. */
static void admit_visitors(struct sim_options *options)
{
    options->memory |= 3u << SIM_VISITORS;
    options->memory_ttl_us = 30000 * MS;
    options->quiet_clocks = true;
    if (options->heartbeat_us < 250 * MS)
        options->heartbeat_us = 250 * MS;
}

static void at_least(uint64_t *value, uint64_t least)
{
    if (*value < least)
        *value = least;
}

void sim_options_settle(struct sim_options *options)
{
    if (options->flavour == SIM_COMB)
        settle_comb(options);
    settle_rollback(options);
    settle_roles(options);
    if (options->servers) /* two that ask each other would both have no room to answer */
        options->outbox_messages = 0;
    if (options->ordered) /* which TCP does not do; a heartbeat too late it is found */
        options->rates[SIM_FAULT_frame_lost] = 0;
    if (options->sync)
        options->rates[SIM_FAULT_bodies_lost] = 0;
    if (!options->policy.max_attempts) /* it would kill for ever */
        options->rates[SIM_FAULT_poison] = 0;
    if (!options->rates[SIM_FAULT_withdrawn])
        options->rates[SIM_FAULT_purged] = 0;
    if (options->flavour != SIM_AMNESIA)
        options->rates[SIM_FAULT_disk_lost] = 0;
    at_least(&options->delay_max_us, options->delay_min_us);
    at_least(&options->commit_max_us, options->commit_min_us);
    at_least(&options->policy.retry_cap_us, options->policy.retry_base_us);
    at_least(&options->credit_bytes, options->body_max * 8);
    options->memory &= (1u << options->peers) - 1;
    if (options->visitors)
        admit_visitors(options);
}

void sim_options_script(struct sim_options *options)
{
    memset(options, 0, sizeof *options);
    options->seed = 1;
    options->scripted = true;
    options->sync = true;
    options->window = 65536;
    options->max_message = 65536;
    options->heartbeat_us = 10000 * MS;
    options->settle_delay_us = 5 * MS;
    options->cache_bytes = 1 << 20;
    options->credit_messages = 1000;
    options->credit_bytes = 1 << 20;
    options->body_max = 10;
    options->memory_ttl_us = (uint64_t)86400 * 1000 * MS;
    options->delay_min_us = options->delay_max_us = 10 * MS;
    options->reconnect_us = 50 * MS;
    options->commit_min_us = options->commit_max_us = MS;
    options->rates[SIM_FAULT_frame_old] = SIM_SURE; /* the story says which */
}
