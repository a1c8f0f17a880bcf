/* SPDX-License-Identifier: MPL-2.0 */

/* Worlds drawn from a seed. Small limits are drawn often, so that edges are met: a window of one, a
 * credit of one message, a cache that holds nothing. */

#include "options.h"

#include "base/random.h"

#include <string.h>

#define MS 1000u

static uint64_t between(struct gw_random *random, uint64_t low, uint64_t high)
{
    return low + gw_random_below(random, high - low + 1);
}

static uint64_t pick(struct gw_random *random, const uint64_t *choices, size_t count)
{
    return choices[gw_random_below(random, count)];
}

#define PICK(random, ...)                                                              \
    pick(random, (const uint64_t[]){__VA_ARGS__},                                      \
         sizeof(const uint64_t[]){__VA_ARGS__} / sizeof(uint64_t))

/* --- the peers --- */

static void draw_limits(struct sim_options *options, struct gw_random *random)
{
    options->sync = gw_random_chance(random, 700000);
    options->jitter = true;
    options->window = PICK(random, 1, 2, 4, 8, 16, 64, 1000, 65536);
    options->max_message = 65536;
    options->heartbeat_us = PICK(random, 100, 250, 500, 1000) * MS;
    options->settle_delay_us = PICK(random, 0, 1, 5, 50) * MS;
    options->cache_bytes = PICK(random, 0, 100, 2000, 1 << 20);
    options->outbox_messages = PICK(random, 0, 0, 0, 8, 40);
    options->body_max = PICK(random, 8, 40, 200);
    options->credit_messages = PICK(random, 1, 2, 4, 16, 100, 1000);
    options->credit_bytes = PICK(random, options->body_max * 8, options->body_max * 20, 1 << 20);
}

static bool alone(uint32_t mask, unsigned peer)
{
    return !(mask & ~(1u << peer));
}

/* Who sends, works and sinks. Nobody depends on itself alone: a peer has no link to itself. */
static void draw_roles(struct sim_options *options, struct gw_random *random)
{
    uint32_t all = (1u << options->peers) - 1;

    options->senders = 1 | ((uint32_t)gw_random_next(random) & all);
    options->workers = 2 | ((uint32_t)gw_random_next(random) & all);
    if (gw_random_chance(random, 500000))
        options->sinks = (uint32_t)gw_random_next(random) & all;
    for (unsigned i = 0; i < options->peers; i++) {
        if (alone(options->workers, i))
            options->senders &= ~(1u << i);
        if (options->workers & 1u << i && alone(options->sinks, i))
            options->sinks = 0;
    }
    options->dial_both = (uint32_t)PICK(random, 0, 300000, 1000000);
}

/* Requests and their replies, and clients that come only to ask. */
static void draw_requests(struct sim_options *options, struct gw_random *random)
{
    uint32_t all = (1u << options->peers) - 1;

    if (gw_random_chance(random, 600000))
        return;
    options->servers = 1 | ((uint32_t)gw_random_next(random) & all);
    options->clients = (uint32_t)gw_random_next(random) & all;
    for (unsigned i = 0; i < options->peers; i++) {
        if (alone(options->servers, i))
            options->clients &= ~(1u << i);
    }
    options->requests = options->clients ? between(random, 4, 40) : 0;
    options->visitors = (unsigned)PICK(random, 0, 0, 1, 2);
    options->outbox_messages = 0; /* two that ask each other would both have no room to answer */
}

/* How destinations are treated, and how handlers behave. Half of the worlds know no failure of
 * handlers at all. */
static void draw_failures(struct sim_options *options, struct gw_random *random)
{
    struct gw_policy *policy = &options->policy;

    options->handlers = PICK(random, 1, 1, 4, 16);
    options->recall_us = PICK(random, 0, 1, 100) * MS;
    options->outcomes = gw_random_chance(random, 500000);
    options->ordered = (uint32_t)PICK(random, 0, 0, 500000);
    policy->failover = gw_random_chance(random, 400000);
    policy->failover_us = PICK(random, 50, 500, 3000) * MS;
    policy->retry_base_us = PICK(random, 0, 10, 200) * MS;
    policy->retry_cap_us = policy->retry_base_us * PICK(random, 1, 10);
    policy->retry_jitter = (uint32_t)PICK(random, 0, 20, 100);
    policy->max_attempts = PICK(random, 0, 1, 2, 3, 5);
    policy->deadline_us = PICK(random, 0, 0, 50, 500, 3000) * MS;
    if (gw_random_chance(random, 300000))
        return;
    options->nack_chance = (uint32_t)PICK(random, 0, 10000, 100000, 400000);
    options->reject_chance = (uint32_t)PICK(random, 0, 20000, 200000);
    options->poison = policy->max_attempts ? (uint32_t)PICK(random, 0, 5000, 40000) : 0;
    options->withdraw_chance = (uint32_t)PICK(random, 0, 0, 200000, 600000);
}

/* --- the work --- */

static void draw_work(struct sim_options *options, struct gw_random *random)
{
    options->messages = between(random, 10, 140);
    options->burst = PICK(random, 1, 4, 20);
    options->send_pause_us = PICK(random, 20, 100, 500) * MS;
    options->work_us = PICK(random, 1, 20, 200) * MS;
    options->transaction_chance = (uint32_t)PICK(random, 0, 500000, 1000000);
}

static void draw_wires_and_disks(struct sim_options *options, struct gw_random *random)
{
    options->delay_min_us = PICK(random, 20, 200, 2000);
    options->delay_max_us = options->delay_min_us * PICK(random, 1, 3, 40);
    options->reconnect_us = PICK(random, 10, 100, 1000) * MS;
    options->gather_us = PICK(random, 0, 20, 2000);
    options->commit_min_us = PICK(random, 20, 200, 2000);
    options->commit_max_us = options->commit_min_us * PICK(random, 1, 4, 20);
    options->load_us = PICK(random, 50, 2000, 50000);
}

static void draw_faults(struct sim_options *options, struct gw_random *random)
{
    options->faults_until_us = between(random, 3, 12) * 1000 * MS;
    options->fault_pause_us = PICK(random, 80, 200, 500) * MS;
    options->frame_lost = (uint32_t)PICK(random, 0, 2000, 20000);
    options->frame_duplicated = (uint32_t)PICK(random, 0, 20000, 100000);
    options->frame_garbage = (uint32_t)PICK(random, 0, 0, 2000);
    options->frame_truncated = (uint32_t)PICK(random, 0, 0, 2000);
    options->body_flipped = (uint32_t)PICK(random, 0, 0, 10000);
    options->send_refused = (uint32_t)PICK(random, 0, 0, 3000);
    options->commit_failed = (uint32_t)PICK(random, 0, 0, 5000, 30000);
    options->commit_slow = (uint32_t)PICK(random, 0, 0, 3000);
    options->survives_cut = (uint32_t)PICK(random, 100000, 500000, 1000000);
    for (size_t i = 0; i < SIM_DEEDS_MAX; i++)
        options->weights[i] = (uint32_t)PICK(random, 0, 1, 1, 3);
}

/* --- rare worlds --- */

static void make_comb(struct sim_options *options)
{
    memset(options->weights, 0, sizeof options->weights);
    options->peers = 2;
    options->senders = 1;
    options->workers = 2;
    options->sinks = 0;
    options->clients = options->servers = options->visitors = 0;
    options->requests = 0;
    options->nack_chance = options->reject_chance = options->poison = 0;
    options->withdraw_chance = options->ordered = 0;
    options->policy = (struct gw_policy){0};
    options->messages = 8400;
    options->burst = 8400;
    options->body_max = 2;
    options->window = 65536;
    options->outbox_messages = 0;
    options->credit_messages = 10000;
    options->credit_bytes = 1 << 20;
    options->work_us = 5 * MS;
    options->heartbeat_us = 1000 * MS;
    options->commit_failed = 0;
    options->frame_garbage = options->frame_truncated = options->body_flipped = 0;
    options->send_refused = options->frame_lost = options->frame_duplicated = 0;
    options->faults_until_us = 500 * MS;
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

void sim_options_draw(struct sim_options *options, uint64_t seed)
{
    struct gw_random random;

    memset(options, 0, sizeof *options);
    gw_random_seed(&random, seed);
    options->seed = seed;
    options->peers = PICK(&random, 2, 2, 3, 3, 4, 5);
    draw_limits(options, &random);
    draw_roles(options, &random);
    draw_work(options, &random);
    draw_requests(options, &random);
    draw_failures(options, &random);
    options->memory_ttl_us = (uint64_t)86400 * 1000 * MS;
    draw_wires_and_disks(options, &random);
    draw_faults(options, &random);
    if (seed % 250 == 7) {
        options->flavour = SIM_COMB;
        make_comb(options);
    } else if (seed % 40 == 13) {
        options->flavour = SIM_AMNESIA;
    } else if (seed % 10 == 4) {
        options->flavour = SIM_MEMORY;
        options->memory = 1 + (uint32_t)gw_random_below(&random, (1u << options->peers) - 1);
    }
    if (options->ordered)
        options->frame_lost = 0; /* which TCP does not do; a heartbeat too late it is found */
    if (options->visitors)
        admit_visitors(options);
}

void sim_options_calm(struct sim_options *options)
{
    options->fault_pause_us = 0;
    options->frame_lost = options->frame_duplicated = 0;
    options->frame_garbage = options->frame_truncated = options->body_flipped = 0;
    options->send_refused = 0;
    options->commit_failed = options->commit_slow = 0;
    options->nack_chance = options->withdraw_chance = 0;
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
}
