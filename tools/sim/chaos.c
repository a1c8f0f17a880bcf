/* SPDX-License-Identifier: MPL-2.0 */

/* The chaos monkey: from time to time, one deed. How often each kind comes is drawn with the
 * options, so that some worlds know nothing but cuts and others nothing but crashes. */

#include "world.h"

#include <inttypes.h>
#include <string.h>

#define S 1000000u

/* One deed. All that it draws comes from its own generator, so it is the same deed whatever else
 * happened, as long as those whom it concerns are there. */
struct deed {
    struct sim_world *world;
    struct sim_lot lot;
    uint64_t number;
};

static bool happens(struct deed *deed, enum sim_fault kind, const struct sim_peer *who,
                    const struct sim_peer *other)
{
    return sim_inject_deed(deed->world, sim_occasion_deed(kind, deed->number), who, other);
}

/* --- whom --- */

/* Everyone draws, the lowest is taken: without one of the others it is still the same. */
static uint64_t straw(uint64_t lots, uint64_t place)
{
    return gw_mix64(lots ^ gw_mix64(place + 1));
}

static struct sim_peer *some_place(struct deed *deed)
{
    uint64_t lots = sim_draw(&deed->lot);
    size_t lowest = 0;

    for (size_t i = 1; i < deed->world->options.peers; i++) {
        if (straw(lots, i) < straw(lots, lowest))
            lowest = i;
    }
    return &deed->world->peers[lowest];
}

static struct sim_peer *some_peer(struct deed *deed)
{
    struct sim_peer *peer = some_place(deed);

    return peer->up && peer->turn && !peer->leaving ? peer : NULL;
}

/* The same, but one whose process runs. */
static struct sim_peer *some_awake(struct deed *deed)
{
    struct sim_peer *peer = some_peer(deed);

    return peer && peer->paused_until_us <= deed->world->now_us ? peer : NULL;
}

static struct sim_connection *some_connection(struct deed *deed)
{
    struct sim_connection *found = NULL;
    uint64_t lots = sim_draw(&deed->lot), lowest = UINT64_MAX;

    for (struct sim_connection *at = deed->world->net.connections; at; at = at->next) {
        uint64_t drawn = straw(lots, at->ends[0]->index * SIM_PEERS_MAX + at->ends[1]->index);
        if (at->cut || drawn >= lowest)
            continue;
        lowest = drawn;
        found = at;
    }
    return found;
}

static void say(struct sim_world *world, const char *who, const char *what)
{
    sim_trace_begin(world->trace, world->now_us, who, "~ %s", what);
}

/* --- the wires --- */

static bool at_wire(struct deed *deed, enum sim_fault kind, const struct sim_connection *connection)
{
    return happens(deed, kind, connection->ends[SIM_DIALLER], connection->ends[SIM_ACCEPTOR]);
}

static void cut(struct deed *deed)
{
    struct sim_connection *connection = some_connection(deed);

    if (!connection || !at_wire(deed, SIM_FAULT_connection_cut, connection))
        return;
    say(deed->world, connection->ends[SIM_DIALLER]->name, "connection cut");
    sim_net_cut(deed->world, connection);
}

static void cut_all(struct deed *deed)
{
    struct sim_world *world = deed->world;

    if (!some_connection(deed) || !happens(deed, SIM_FAULT_all_cut, NULL, NULL))
        return;
    say(world, "*", "all connections cut");
    for (struct sim_connection *at = world->net.connections; at; at = at->next)
        sim_net_cut(world, at);
}

static void clog_one(struct deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_connection *connection = some_connection(deed);

    if (!connection || !at_wire(deed, SIM_FAULT_connection_clogged, connection))
        return;
    say(world, connection->ends[SIM_DIALLER]->name, "connection clogged");
    sim_net_clog(world, connection, world->now_us + sim_between(&deed->lot, 0, 3 * S));
}

static void isolate(struct deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *peer = some_peer(deed);

    if (!peer || !happens(deed, SIM_FAULT_partition, peer, NULL))
        return;
    say(world, peer->name, "cut off from all others");
    sim_net_isolate(world, peer, world->now_us + sim_between(&deed->lot, 0, 4 * S));
}

static void tell_lost(struct deed *deed)
{
    struct sim_connection *connection = some_connection(deed);
    unsigned end = (unsigned)sim_between(&deed->lot, 0, 1);

    if (!connection || !connection->conns[end] || !connection->ends[end]->turn ||
        connection->ends[end]->process != connection->processes[end] ||
        connection->ends[end]->paused_until_us > deed->world->now_us)
        return;
    if (happens(deed, SIM_FAULT_lost_told, connection->ends[end], connection->ends[!end]))
        sim_peer_lost(connection->ends[end], connection->conns[end]);
}

/* --- the processes --- */

static void start_again(struct deed *deed, struct sim_peer *peer)
{
    sim_peer_start_later(peer, sim_between(&deed->lot, 0, 2 * S));
}

static void kill(struct deed *deed)
{
    struct sim_peer *peer = some_peer(deed);

    if (!peer || !happens(deed, SIM_FAULT_process_killed, peer, NULL))
        return;
    sim_peer_crash(peer, SIM_KILLED);
    start_again(deed, peer);
}

static void cut_power(struct deed *deed)
{
    struct sim_peer *peer = some_peer(deed);

    if (!peer || !deed->world->options.sync || !happens(deed, SIM_FAULT_power_lost, peer, NULL))
        return;
    sim_peer_crash(peer, SIM_POWER_LOST);
    start_again(deed, peer);
}

static void pause(struct deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *peer = some_peer(deed);
    uint64_t for_us = sim_between(&deed->lot, 0, world->options.heartbeat_us * 6);

    if (!peer || !happens(deed, SIM_FAULT_process_paused, peer, NULL))
        return;
    say(world, peer->name, "paused");
    sim_sight(world, SIM_SIGHT_zombie, for_us > world->options.heartbeat_us * 3);
    sim_peer_pause(peer, for_us);
}

static void leave(struct deed *deed)
{
    struct sim_peer *peer = some_awake(deed);

    if (peer && happens(deed, SIM_FAULT_left_cleanly, peer, NULL))
        sim_peer_leave(peer);
}

static void lose_disk(struct deed *deed)
{
    struct sim_peer *peer = some_peer(deed);

    if (!peer || deed->world->options.flavour != SIM_AMNESIA || peer->index == 0 ||
        !happens(deed, SIM_FAULT_disk_lost, peer, NULL))
        return;
    sim_peer_crash(peer, SIM_KILLED);
    sim_peer_lose_disk(peer);
    start_again(deed, peer);
}

/* --- the clocks --- */

static void jump(struct deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *peer = some_peer(deed);
    bool far = sim_chance(&deed->lot, 300000);
    uint64_t by_us = sim_between(&deed->lot, 0, far ? 100000ull * S : 5 * S);

    if (!peer || world->options.quiet_clocks ||
        !happens(deed, SIM_FAULT_clock_jump, peer, NULL))
        return;
    say(world, peer->name, "clock jumps");
    if (world->options.memory)
        by_us %= 5 * S; /* a memory peer that lives is not to be taken for gone by its clock */
    sim_peer_jump(peer, by_us);
}

static void stall(struct deed *deed)
{
    struct sim_peer *peer = some_peer(deed);

    if (!peer || !happens(deed, SIM_FAULT_clock_stall, peer, NULL))
        return;
    say(deed->world, peer->name, "clock stands still");
    sim_peer_stall(peer, sim_between(&deed->lot, 0, 2 * S));
}

/* --- what people do --- */

static void end_guest(struct sim_world *world, void *subject, uint64_t process, uint64_t death)
{
    struct sim_peer *guest = subject;

    (void)world;
    if (guest->process == process)
        sim_peer_crash(guest, (enum sim_death)death);
}

/* A second process under a taken name, with a store of its own, dials those whom the first knows.
 * Not that of a memory peer: it would be taken for the end of that one, and no more is promised
 * then. */
static void newcomer(struct deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *victim = some_peer(deed), *guest = &world->peers[SIM_PEERS_MAX - 1];

    if (!victim || guest->up || sim_peer_is_memory(victim) ||
        !happens(deed, SIM_FAULT_newcomer, victim, NULL))
        return;
    sim_peer_guest(guest, victim);
    sim_peer_start(guest);
    for (unsigned i = 0; i < 2 && !world->failed; i++) {
        struct sim_peer *to = some_place(deed);
        if (to != victim)
            sim_peer_want_dial(guest, to, false);
    }
    enum sim_death death = sim_chance(&deed->lot, 500000) ? SIM_KILLED : SIM_POWER_LOST;
    sim_world_after(world, sim_between(&deed->lot, S / 10, 3 * S), end_guest, guest,
                    guest->process, death);
}

static void dial_self(struct deed *deed)
{
    struct sim_peer *peer = some_peer(deed);

    if (peer && peer->dial_count < SIM_DIALS_MAX &&
        happens(deed, SIM_FAULT_dialled_self, peer, NULL))
        sim_peer_want_dial(peer, peer, true);
}

static size_t some_dial(struct deed *deed, const struct sim_peer *peer)
{
    return sim_between(&deed->lot, 0, peer->dial_count - 1);
}

static void dial_twice(struct deed *deed)
{
    struct sim_peer *peer = some_peer(deed);

    if (!peer || !peer->dial_count || peer->dial_count == SIM_DIALS_MAX)
        return;
    struct sim_peer *to = peer->dials[some_dial(deed, peer)].to;
    if (happens(deed, SIM_FAULT_dialled_twice, peer, to))
        sim_peer_want_dial(peer, to, true);
}

/* Takes a dial away or brings it back. */
static void undial(struct deed *deed)
{
    struct sim_peer *peer = some_awake(deed);

    if (!peer || !peer->dial_count)
        return;
    size_t at = some_dial(deed, peer);
    if (peer->dials[at].off)
        sim_peer_redial(peer, at);
    else if (happens(deed, SIM_FAULT_undialled, peer, peer->dials[at].to))
        sim_peer_undial(peer, at, peer->dials[at].temporary);
}

static struct sim_served *some_serve(struct deed *deed, struct sim_peer *peer)
{
    return &peer->serves[sim_between(&deed->lot, 0, peer->serve_count - 1)];
}

/* Serves no longer what it served, or again. */
static void unserve(struct deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *peer = some_awake(deed);

    if (!peer || !peer->serve_count)
        return;
    struct sim_served *served = some_serve(deed, peer);
    if (!served->off && !happens(deed, SIM_FAULT_unserved, peer, NULL))
        return;
    served->off = !served->off;
    say(world, peer->name, served->off ? "unserves" : "serves again");
    sim_peer_serve(peer, (size_t)(served - peer->serves));
    if (served->off && !world->failed && sim_chance(&deed->lot, 700000))
        sim_app_release(peer, &served->destination);
}

/* An operator gives up on a member, wherever it is. */
static void forfeit(struct deed *deed)
{
    struct sim_peer *peer = some_awake(deed), *member = some_place(deed);

    if (peer && member != peer && happens(deed, SIM_FAULT_forfeit_asked, peer, member))
        sim_peer_forfeit(peer, member);
}

static void purge(struct deed *deed)
{
    struct sim_peer *peer = some_awake(deed);

    if (peer && happens(deed, SIM_FAULT_purged, peer, NULL))
        sim_app_withdraw_some(peer, &deed->lot);
}

static void change_credit(struct deed *deed)
{
    struct sim_peer *peer = some_awake(deed);

    if (!peer || !peer->serve_count)
        return;
    struct sim_served *served = some_serve(deed, peer);
    if (served->off || !happens(deed, SIM_FAULT_credit_changed, peer, NULL))
        return;
    say(deed->world, peer->name, "changes its credit");
    served->credit_messages = sim_between(&deed->lot, 1, 20);
    sim_peer_serve(peer, (size_t)(served - peer->serves));
}

/* --- the monkey --- */

static void (*const deeds[SIM_FAULT_COUNT])(struct deed *deed) = {
    [SIM_FAULT_connection_cut] = cut,
    [SIM_FAULT_all_cut] = cut_all,
    [SIM_FAULT_connection_clogged] = clog_one,
    [SIM_FAULT_partition] = isolate,
    [SIM_FAULT_lost_told] = tell_lost,
    [SIM_FAULT_process_killed] = kill,
    [SIM_FAULT_power_lost] = cut_power,
    [SIM_FAULT_disk_lost] = lose_disk,
    [SIM_FAULT_clock_jump] = jump,
    [SIM_FAULT_clock_stall] = stall,
    [SIM_FAULT_process_paused] = pause,
    [SIM_FAULT_newcomer] = newcomer,
    [SIM_FAULT_dialled_self] = dial_self,
    [SIM_FAULT_dialled_twice] = dial_twice,
    [SIM_FAULT_undialled] = undial,
    [SIM_FAULT_unserved] = unserve,
    [SIM_FAULT_credit_changed] = change_credit,
    [SIM_FAULT_left_cleanly] = leave,
    [SIM_FAULT_forfeit_asked] = forfeit,
    [SIM_FAULT_purged] = purge,
};

static void act(struct sim_world *world, void *subject, uint64_t number, uint64_t unused);

static struct deed deed_of(struct sim_world *world, uint64_t number)
{
    return (struct deed){world, sim_lot_of(world->options.seed, SIM_LOT_DEED, 0, number), number};
}

/* When each deed comes is drawn from its number alone: the deeds are a schedule. */
static void act_later(struct sim_world *world, uint64_t number)
{
    struct deed deed = deed_of(world, number);

    sim_world_after(world, sim_between(&deed.lot, 0, 2 * world->options.fault_pause_us), act, NULL,
                    number, 0);
}

/* The kind that the deed's lot falls on, by the weights; SIM_FAULT_COUNT: none has any. */
static unsigned lot_falls_on(struct deed *deed)
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
static unsigned kind_of(struct deed *deed)
{
    const struct sim_choice *choice = deed->world->options.choice;
    unsigned kind = lot_falls_on(deed);

    if (!choice || !choice->only)
        return kind;
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
        if (deeds[i] && sim_choice_names(choice, sim_occasion_deed((enum sim_fault)i, deed->number)))
            return i;
    }
    return SIM_FAULT_COUNT;
}

static void act(struct sim_world *world, void *subject, uint64_t number, uint64_t unused)
{
    struct deed deed = deed_of(world, number);

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

static void calm_peer(struct sim_world *world, struct sim_peer *peer)
{
    for (size_t i = peer->dial_count; i-- > 0 && !world->failed;) {
        if (peer->dials[i].temporary)
            sim_peer_undial(peer, i, true);
        else if (peer->dials[i].off)
            sim_peer_redial(peer, i);
    }
    for (size_t i = 0; i < peer->serve_count && !world->failed; i++) {
        if (!peer->serves[i].off)
            continue;
        peer->serves[i].off = false;
        sim_peer_serve(peer, i);
    }
    if (!peer->up)
        sim_peer_start_later(peer, 0);
}

/* Pauses, clogs and stalls end by themselves. */
void sim_chaos_end(struct sim_world *world)
{
    say(world, "*", "the faults are over");
    world->calm = true;
    if (world->peers[SIM_PEERS_MAX - 1].guest)
        sim_peer_crash(&world->peers[SIM_PEERS_MAX - 1], SIM_POWER_LOST);
    sim_visits_end(world);
    for (size_t i = 0; i < world->options.peers && !world->failed; i++)
        calm_peer(world, &world->peers[i]);
}
