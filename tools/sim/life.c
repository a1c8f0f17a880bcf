/* SPDX-License-Identifier: MPL-2.0 */

/* A random life: peers with roles that dial each other, a time of faults, a calm, and the end when
 * all is settled. */

#include "checker.h"
#include "guest.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MS           1000u
#define LOOK_US      (200 * MS)
#define PATIENCE_US  (90000 * MS)
#define HANDSHAKES   8

static const struct gw_destination work = {GW_KIND_STAGE, "work"};
static const struct gw_destination done = {GW_KIND_STAGE, "done"};
static const struct gw_destination ask = {GW_KIND_SERVICE, "ask"};

static void add_serve(struct sim_world *world, struct sim_peer *peer,
                      const struct gw_destination *destination)
{
    peer->serves[peer->serve_count++] =
        (struct sim_served){.destination = *destination,
                            .credit_messages = world->options.credit_messages,
                            .credit_bytes = world->options.credit_bytes};
}

static void add_replies(struct sim_world *world, struct sim_peer *peer)
{
    struct gw_destination replies = {.kind = GW_KIND_REPLY};

    memcpy(replies.name, peer->name, sizeof replies.name);
    add_serve(world, peer, &replies);
}

/* Whether messages flow from one to the other. */
static bool feeds(const struct sim_options *options, unsigned from, unsigned to)
{
    return (options->senders & 1u << from && options->workers & 1u << to) ||
           (options->workers & 1u << from && options->sinks & 1u << to) ||
           (options->clients & 1u << from && options->servers & 1u << to);
}

static void add_dials(struct sim_world *world, unsigned a, unsigned b)
{
    struct sim_lot lot = sim_lot_at(&world->peers[a], SIM_LOT_WORLD, b);
    bool first = sim_chance(&lot, 500000), both = sim_chance(&lot, world->options.dial_both);

    if (!feeds(&world->options, a, b) && !feeds(&world->options, b, a))
        return;
    if (first || both)
        sim_peer_want_dial(&world->peers[a], &world->peers[b], false);
    if (!first || both)
        sim_peer_want_dial(&world->peers[b], &world->peers[a], false);
}

/* --- the end --- */

static void look(struct sim_world *world, void *subject, uint64_t a, uint64_t b)
{
    char why[256] = "";

    (void)subject;
    (void)a;
    (void)b;
    bool sent = world->hooks ? world->hooks->all_sent(world)
                             : world->work.left == 0 && world->requests.left == 0;
    if (sent && sim_check_quiet(world, why, sizeof why)) {
        if (world->hooks)
            world->hooks->settled(world);
        world->over = true;
        return;
    }
    if (world->now_us < world->deadline_us) {
        sim_world_after(world, LOOK_US, look, NULL, 0, 0);
        return;
    }
    if (world->options.flavour == SIM_AMNESIA ||
        (sim_guest(world, SIM_GUEST_FORGOTTEN) && (world->options.memory || world->quarantined))) {
        world->over = true; /* strict: what a lost disk held waits for an operator, as does what a
                             * newcomer decided under a peer's name, which knows nothing of it; and
                             * it made others forget a memory peer that lives */
        return;
    }
    sim_fail(world, "liveness: the faults are over for %" PRIu64 " s, and %s",
             (world->now_us - world->options.faults_until_us) / 1000 / MS,
             sent ? why : "not all could be sent");
}

static uint64_t patience(const struct sim_options *options)
{
    uint64_t each_us = options->work_us + options->settle_delay_us + options->load_us +
                       HANDSHAKES * (options->delay_max_us + options->commit_max_us) +
                       options->gather_us;

    if (options->hooks) /* whose handlers may refuse each message, or die of it, until it is dead */
        each_us += options->policy.max_attempts *
                   (options->policy.retry_cap_us + options->heartbeat_us + 1000 * MS);
    if (options->flavour == SIM_COMB)
        return PATIENCE_US;
    if (options->flavour == SIM_AMNESIA)
        return 5000 * MS;
    return PATIENCE_US + options->memory_ttl_us % (100000 * MS) +
           (options->messages + options->requests) *
               (2 * each_us + options->send_pause_us + options->policy.deadline_us);
}

static void end_faults(struct sim_world *world, void *subject, uint64_t a, uint64_t b)
{
    (void)subject;
    (void)a;
    (void)b;
    uint64_t from_us = world->now_us > world->stuck_until_us ? world->now_us
                                                              : world->stuck_until_us;
    world->deadline_us = from_us + patience(&world->options);
    sim_chaos_end(world);
    sim_world_after(world, LOOK_US, look, NULL, 0, 0);
}

static void add_policy(struct sim_world *world, const struct gw_destination *destination)
{
    struct sim_policy *policy = &world->policies[world->policy_count++];

    policy->destination = *destination;
    policy->policy = world->options.policy;
    policy->policy.ordered = sim_chance(&world->lot, world->options.ordered);
}

static void draw_flows(struct sim_world *world)
{
    const struct sim_options *options = &world->options;

    world->work = (struct sim_flow){work, options->senders, options->messages};
    world->requests = (struct sim_flow){ask, options->clients, options->requests};
    if (!options->senders)
        world->work.left = 0;
    add_policy(world, &work);
    add_policy(world, &done);
    add_policy(world, &ask);
}

static void init_peers(struct sim_world *world)
{
    for (unsigned i = 0; i < world->options.peers; i++) {
        char name[2] = {(char)('a' + i), 0};
        sim_peer_init(&world->peers[i], world, i, name);
    }
}

static void give_roles(struct sim_world *world)
{
    const struct sim_options *options = &world->options;

    draw_flows(world);
    for (unsigned i = 0; i < options->peers; i++) {
        struct sim_peer *peer = &world->peers[i];
        if (options->workers & 1u << i)
            add_serve(world, peer, &work);
        if (options->sinks & 1u << i)
            add_serve(world, peer, &done);
        if (options->servers & 1u << i)
            add_serve(world, peer, &ask);
        if (options->clients & 1u << i)
            add_replies(world, peer);
    }
    for (unsigned a = 0; a < options->peers; a++) {
        for (unsigned b = a + 1; b < options->peers; b++)
            add_dials(world, a, b);
    }
}

void sim_life_begin(struct sim_world *world)
{
    const struct sim_options *options = &world->options;

    init_peers(world);
    if (world->hooks)
        world->hooks->begin(world);
    else
        give_roles(world);
    for (unsigned i = 0; i < options->peers; i++)
        sim_peer_start_later(&world->peers[i],
                             sim_between(sim_lot(&world->peers[i], SIM_LOT_STARTS), 0, 100 * MS));
    sim_chaos_begin(world);
    sim_visits_begin(world);
    sim_world_at(world, options->faults_until_us, end_faults, NULL, 0, 0);
}
