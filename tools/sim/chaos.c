/* SPDX-License-Identifier: MPL-2.0 */

/* The chaos monkey: from time to time, one deed. How often each kind comes is drawn with the
 * options, so that some worlds know nothing but cuts and others nothing but crashes. */

#include "deed.h"
#include "world.h"

#include <inttypes.h>

/* --- for all deeds --- */

bool sim_deed_happens(struct sim_deed *deed, enum sim_fault kind, const struct sim_peer *who,
                      const struct sim_peer *other)
{
    return sim_inject_deed(deed->world, sim_occasion_deed(kind, deed->number), who, other);
}

void sim_deed_say(struct sim_world *world, const char *who, const char *what)
{
    sim_trace_begin(world->trace, world->now_us, who, "~ %s", what);
}

/* Everyone draws, the lowest is taken: without one of the others it is still the same. */
uint64_t sim_deed_straw(uint64_t lots, uint64_t place)
{
    return gw_mix64(lots ^ gw_mix64(place + 1));
}

struct sim_peer *sim_some_place(struct sim_deed *deed)
{
    uint64_t lots = sim_draw(&deed->lot);
    size_t lowest = 0;

    for (size_t i = 1; i < deed->world->options.peers; i++) {
        if (sim_deed_straw(lots, i) < sim_deed_straw(lots, lowest))
            lowest = i;
    }
    return &deed->world->peers[lowest];
}

struct sim_peer *sim_some_peer(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_place(deed);

    return peer->up && peer->turn && !peer->leaving ? peer : NULL;
}

struct sim_peer *sim_some_awake(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_peer(deed);

    return peer && peer->paused_until_us <= deed->world->now_us ? peer : NULL;
}

struct sim_connection *sim_some_connection(struct sim_deed *deed)
{
    struct sim_connection *found = NULL;
    uint64_t lots = sim_draw(&deed->lot), lowest = UINT64_MAX;

    for (struct sim_connection *at = deed->world->net.connections; at; at = at->next) {
        uint64_t drawn =
            sim_deed_straw(lots, at->ends[0]->index * SIM_PEERS_MAX + at->ends[1]->index);
        if (at->cut || drawn >= lowest)
            continue;
        lowest = drawn;
        found = at;
    }
    return found;
}

/* --- the monkey --- */

static void (*const deeds[SIM_FAULT_COUNT])(struct sim_deed *deed) = {
    [SIM_FAULT_connection_cut] = sim_deed_cut,
    [SIM_FAULT_all_cut] = sim_deed_cut_all,
    [SIM_FAULT_connection_clogged] = sim_deed_clog_one,
    [SIM_FAULT_swizzle_clogged] = sim_deed_swizzle,
    [SIM_FAULT_partition] = sim_deed_isolate,
    [SIM_FAULT_partition_halves] = sim_deed_halve,
    [SIM_FAULT_partition_one_way] = sim_deed_partition_one_way,
    [SIM_FAULT_one_way_lost] = sim_deed_swallow_one_way,
    [SIM_FAULT_flapping] = sim_deed_flap,
    [SIM_FAULT_delay_step] = sim_deed_step_delay,
    [SIM_FAULT_delay_jitter] = sim_deed_vary_delay,
    [SIM_FAULT_lost_told] = sim_deed_tell_lost,
    [SIM_FAULT_process_killed] = sim_deed_kill,
    [SIM_FAULT_cluster_restarted] = sim_deed_restart_all,
    [SIM_FAULT_crash_loop] = sim_deed_crash_loop,
    [SIM_FAULT_power_lost] = sim_deed_cut_power,
    [SIM_FAULT_bodies_lost] = sim_deed_lose_bodies,
    [SIM_FAULT_disk_lost] = sim_deed_lose_disk,
    [SIM_FAULT_disk_rolled_back] = sim_deed_roll_back,
    [SIM_FAULT_disk_full] = sim_deed_fill_disk,
    [SIM_FAULT_disk_failing] = sim_deed_fail_disk,
    [SIM_FAULT_clock_jump] = sim_deed_jump,
    [SIM_FAULT_clock_stall] = sim_deed_stall,
    [SIM_FAULT_wall_step] = sim_deed_step_wall,
    [SIM_FAULT_wall_creeps] = sim_deed_creep_back,
    [SIM_FAULT_process_paused] = sim_deed_pause,
    [SIM_FAULT_ticks_late] = sim_deed_run_late,
    [SIM_FAULT_newcomer] = sim_deed_newcomer,
    [SIM_FAULT_dialled_self] = sim_deed_dial_self,
    [SIM_FAULT_dialled_twice] = sim_deed_dial_twice,
    [SIM_FAULT_undialled] = sim_deed_undial,
    [SIM_FAULT_unserved] = sim_deed_unserve,
    [SIM_FAULT_credit_changed] = sim_deed_change_credit,
    [SIM_FAULT_left_cleanly] = sim_deed_leave,
    [SIM_FAULT_forfeit_asked] = sim_deed_forfeit,
    [SIM_FAULT_purged] = sim_deed_purge,
};

static void act(struct sim_world *world, void *subject, uint64_t number, uint64_t unused);

static struct sim_deed deed_of(struct sim_world *world, uint64_t number)
{
    return (struct sim_deed){
        world, sim_lot_of(world->options.seed, SIM_LOT_DEED, 0, number), number};
}

/* When each deed comes is drawn from its number alone: the deeds are a schedule. */
static void act_later(struct sim_world *world, uint64_t number)
{
    struct sim_deed deed = deed_of(world, number);

    sim_world_after(world, sim_between(&deed.lot, 0, 2 * world->options.fault_pause_us), act, NULL,
                    number, 0);
}

/* The kind that the deed's lot falls on, by the weights; SIM_FAULT_COUNT: none has any. */
static unsigned lot_falls_on(struct sim_deed *deed)
{
    const uint32_t *weights = deed->world->options.rates;
    unsigned kind = 0;
    uint64_t sum = 0;

    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++)
        sum += deeds[i] ? weights[i] : 0;
    uint64_t lot = sim_between(&deed->lot, 1, sum);
    for (; kind < SIM_FAULT_COUNT; kind++) {
        uint64_t weight = deeds[kind] ? weights[kind] : 0;
        if (sum && lot <= weight)
            break;
        lot -= weight;
    }
    return kind;
}

/* If only some faults are to happen, those that are named of this number do. */
static unsigned kind_of(struct sim_deed *deed)
{
    const struct sim_choice *choice = deed->world->options.choice;
    unsigned kind = lot_falls_on(deed);

    if (!choice || !choice->only)
        return kind;
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
        sim_occasion occasion = sim_occasion_deed((enum sim_fault)i, deed->number);
        if (deeds[i] && sim_choice_names(choice, occasion))
            return i;
    }
    return SIM_FAULT_COUNT;
}

static void act(struct sim_world *world, void *subject, uint64_t number, uint64_t unused)
{
    struct sim_deed deed = deed_of(world, number);

    (void)subject;
    (void)unused;
    if (world->calm)
        return;
    (void)sim_draw(&deed.lot); /* when it comes: it is now */
    unsigned kind = kind_of(&deed);
    if (kind < SIM_FAULT_COUNT)
        deeds[kind](&deed);
    act_later(world, number + 1);
}

void sim_chaos_begin(struct sim_world *world)
{
    act_later(world, 1);
}

/* --- calm --- */

/* People take back what they did, as soon as the process is there to be asked. */
static void take_back(struct sim_world *world, void *subject, uint64_t unused, uint64_t unused_too)
{
    struct sim_peer *peer = subject;

    (void)unused;
    (void)unused_too;
    if (peer->paused_until_us > world->now_us) {
        sim_world_at(world, peer->paused_until_us, take_back, peer, 0, 0);
        return;
    }
    for (size_t i = peer->dial_count; i-- > 0 && !world->failed;) {
        if (peer->dials[i].temporary)
            sim_peer_undial(peer, i, true);
        else if (peer->dials[i].off)
            sim_peer_redial(peer, i);
    }
    for (size_t i = 0; i < peer->serve_count && !world->failed && !world->hooks; i++) {
        if (!peer->serves[i].off)
            continue;
        peer->serves[i].off = false;
        sim_peer_serve(peer, i);
    }
}

static void calm_peer(struct sim_world *world, struct sim_peer *peer)
{
    sim_peer_heal(peer);
    take_back(world, peer, 0, 0);
    if (!peer->up)
        sim_peer_start_later(peer, 0);
}

/* Pauses, clogs and stalls end by themselves, and so does a write that hangs. */
void sim_chaos_end(struct sim_world *world)
{
    sim_deed_say(world, "*", "the faults are over");
    world->calm = true;
    sim_net_heal(world);
    if (world->peers[SIM_PEERS_MAX - 1].guest)
        sim_peer_crash(&world->peers[SIM_PEERS_MAX - 1], SIM_POWER_LOST);
    sim_visits_end(world);
    for (size_t i = 0; i < world->options.peers && !world->failed; i++)
        calm_peer(world, &world->peers[i]);
}
