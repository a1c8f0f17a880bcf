/* SPDX-License-Identifier: MPL-2.0 */

/* The chaos monkey: from time to time, one deed. How often each kind comes is drawn with the
 * options, so that some worlds know nothing but cuts and others nothing but crashes. */

#include "world.h"

#include <inttypes.h>
#include <string.h>

#define S 1000000u

/* --- whom --- */

static struct sim_peer *some_peer(struct sim_world *world)
{
    struct sim_peer *peer = &world->peers[sim_between(world, 0, world->options.peers - 1)];

    return peer->up && peer->turn && !peer->leaving ? peer : NULL;
}

static struct sim_connection *some_connection(struct sim_world *world)
{
    struct sim_connection *found = NULL;
    uint64_t seen = 0;

    for (struct sim_connection *at = world->net.connections; at; at = at->next) {
        if (!at->cut && sim_between(world, 0, seen++) == 0)
            found = at;
    }
    return found;
}

static void say(struct sim_world *world, const char *who, const char *what)
{
    sim_trace_begin(world->trace, world->now_us, who, "~ %s", what);
}

/* --- the wires --- */

static void cut(struct sim_world *world)
{
    struct sim_connection *connection = some_connection(world);

    if (!connection)
        return;
    say(world, connection->ends[SIM_DIALLER]->name, "connection cut");
    sim_fault(world, SIM_FAULT_connection_cut);
    sim_net_cut(world, connection);
}

static void cut_all(struct sim_world *world)
{
    say(world, "*", "all connections cut");
    for (struct sim_connection *at = world->net.connections; at; at = at->next) {
        if (at->cut)
            continue;
        sim_fault(world, SIM_FAULT_connection_cut);
        sim_net_cut(world, at);
    }
}

static void clog_one(struct sim_world *world)
{
    struct sim_connection *connection = some_connection(world);

    if (!connection)
        return;
    say(world, connection->ends[SIM_DIALLER]->name, "connection clogged");
    sim_fault(world, SIM_FAULT_connection_clogged);
    sim_net_clog(world, connection, world->now_us + sim_between(world, 0, 3 * S));
}

static void isolate(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer)
        return;
    say(world, peer->name, "cut off from all others");
    sim_fault(world, SIM_FAULT_partition);
    sim_net_isolate(world, peer, world->now_us + sim_between(world, 0, 4 * S));
}

static void tell_lost(struct sim_world *world)
{
    struct sim_connection *connection = some_connection(world);
    unsigned end = (unsigned)sim_between(world, 0, 1);

    if (!connection || !connection->conns[end] || !connection->ends[end]->turn ||
        connection->ends[end]->process != connection->processes[end] ||
        connection->ends[end]->paused_until_us > world->now_us)
        return;
    sim_fault(world, SIM_FAULT_lost_told);
    sim_peer_lost(connection->ends[end], connection->conns[end]);
}

/* --- the processes --- */

static void kill(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer)
        return;
    sim_fault(world, SIM_FAULT_process_killed);
    sim_peer_crash(peer, SIM_KILLED);
    sim_peer_start_later(peer, sim_between(world, 0, 2 * S));
}

static void cut_power(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer || !world->options.sync)
        return;
    sim_fault(world, SIM_FAULT_power_lost);
    sim_peer_crash(peer, SIM_POWER_LOST);
    sim_peer_start_later(peer, sim_between(world, 0, 2 * S));
}

static void pause(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);
    uint64_t for_us = sim_between(world, 0, world->options.heartbeat_us * 6);

    if (!peer)
        return;
    say(world, peer->name, "paused");
    sim_fault(world, SIM_FAULT_process_paused);
    sim_sight(world, SIM_SIGHT_zombie, for_us > world->options.heartbeat_us * 3);
    sim_peer_pause(peer, for_us);
}

static void leave(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer || peer->paused_until_us > world->now_us)
        return;
    sim_fault(world, SIM_FAULT_left_cleanly);
    sim_peer_leave(peer);
}

static void lose_disk(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer || world->options.flavour != SIM_AMNESIA || peer->index == 0)
        return;
    sim_fault(world, SIM_FAULT_disk_lost);
    sim_peer_crash(peer, SIM_KILLED);
    sim_peer_lose_disk(peer);
    sim_peer_start_later(peer, sim_between(world, 0, 2 * S));
}

/* --- the clocks --- */

static void jump(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer || world->options.quiet_clocks)
        return;
    say(world, peer->name, "clock jumps");
    sim_fault(world, SIM_FAULT_clock_jump);
    uint64_t by_us = sim_between(world, 0, sim_chance(world, 300000) ? 100000ull * S : 5 * S);
    if (world->options.memory)
        by_us %= 5 * S; /* a memory peer that lives is not to be taken for gone by its clock */
    sim_peer_jump(peer, by_us);
}

static void stall(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer)
        return;
    say(world, peer->name, "clock stands still");
    sim_fault(world, SIM_FAULT_clock_stall);
    sim_peer_stall(peer, sim_between(world, 0, 2 * S));
}

/* --- what people do --- */

static void end_guest(struct sim_world *world, void *subject, uint64_t process, uint64_t unused)
{
    struct sim_peer *guest = subject;

    (void)unused;
    if (guest->process == process)
        sim_peer_crash(guest, sim_chance(world, 500000) ? SIM_KILLED : SIM_POWER_LOST);
}

/* A second process under a taken name, with a store of its own, dials those whom the first knows.
 * */
static void newcomer(struct sim_world *world)
{
    struct sim_peer *victim = some_peer(world), *guest = &world->peers[SIM_PEERS_MAX - 1];

    if (!victim || guest->up)
        return;
    sim_fault(world, SIM_FAULT_newcomer);
    sim_peer_guest(guest, victim);
    sim_peer_start(guest);
    for (unsigned i = 0; i < 2 && !world->failed; i++) {
        struct sim_peer *to = &world->peers[sim_between(world, 0, world->options.peers - 1)];
        if (to != victim)
            sim_peer_want_dial(guest, to, false);
    }
    sim_world_after(world, sim_between(world, S / 10, 3 * S), end_guest, guest, guest->process, 0);
}

static void dial_self(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer || peer->dial_count == SIM_DIALS_MAX)
        return;
    sim_fault(world, SIM_FAULT_dialled_self);
    sim_peer_want_dial(peer, peer, true);
}

static void dial_twice(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer || !peer->dial_count || peer->dial_count == SIM_DIALS_MAX)
        return;
    sim_fault(world, SIM_FAULT_dialled_twice);
    sim_peer_want_dial(peer, peer->dials[sim_between(world, 0, peer->dial_count - 1)].to, true);
}

/* Takes a dial away or brings it back. */
static void undial(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer || !peer->dial_count || peer->paused_until_us > world->now_us)
        return;
    size_t at = sim_between(world, 0, peer->dial_count - 1);
    if (peer->dials[at].off) {
        sim_peer_redial(peer, at);
        return;
    }
    sim_fault(world, SIM_FAULT_undialled);
    sim_peer_undial(peer, at, peer->dials[at].temporary);
}

static void unserve(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer || !peer->serve_count || peer->paused_until_us > world->now_us)
        return;
    size_t at = sim_between(world, 0, peer->serve_count - 1);
    peer->serves[at].off = !peer->serves[at].off;
    say(world, peer->name, peer->serves[at].off ? "unserves" : "serves again");
    if (peer->serves[at].off)
        sim_fault(world, SIM_FAULT_unserved);
    sim_peer_serve(peer, at);
    if (peer->serves[at].off && !world->failed && sim_chance(world, 700000))
        sim_app_release(peer, &peer->serves[at].destination);
}

/* An operator gives up on a member, wherever it is. */
static void forfeit(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);
    struct sim_peer *member = &world->peers[sim_between(world, 0, world->options.peers - 1)];

    if (!peer || member == peer || peer->paused_until_us > world->now_us)
        return;
    sim_fault(world, SIM_FAULT_forfeit_asked);
    sim_peer_forfeit(peer, member);
}

static void withdraw(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer || peer->paused_until_us > world->now_us || !world->options.withdraw_chance)
        return;
    sim_app_withdraw_some(peer);
}

static void change_credit(struct sim_world *world)
{
    struct sim_peer *peer = some_peer(world);

    if (!peer || !peer->serve_count || peer->paused_until_us > world->now_us)
        return;
    struct sim_served *served = &peer->serves[sim_between(world, 0, peer->serve_count - 1)];
    if (served->off)
        return;
    say(world, peer->name, "changes its credit");
    sim_fault(world, SIM_FAULT_credit_changed);
    served->credit_messages = sim_between(world, 1, 20);
    sim_peer_serve(peer, (size_t)(served - peer->serves));
}

/* --- the monkey --- */

typedef void (*deed)(struct sim_world *world);

static const deed deeds[] = {
    cut,       cut,       cut_all, clog_one, isolate, tell_lost,    kill,
    kill,      cut_power, pause,   leave,    jump,    stall,        newcomer,
    dial_self, undial,    unserve, lose_disk, dial_twice, change_credit, forfeit, withdraw,
};

#define DEEDS (sizeof deeds / sizeof deeds[0])

_Static_assert(DEEDS <= SIM_DEEDS_MAX, "options hold a weight for each deed");

static void act(struct sim_world *world, void *subject, uint64_t a, uint64_t b);

static void act_later(struct sim_world *world)
{
    sim_world_after(world, sim_between(world, 0, 2 * world->options.fault_pause_us), act, NULL, 0,
                    0);
}

static void act(struct sim_world *world, void *subject, uint64_t a, uint64_t b)
{
    uint64_t sum = 0;

    (void)subject;
    (void)a;
    (void)b;
    if (world->calm)
        return;
    for (size_t i = 0; i < DEEDS; i++)
        sum += world->options.weights[i];
    uint64_t lot = sum ? sim_between(world, 1, sum) : 0;
    for (size_t i = 0; i < DEEDS && lot > 0; i++) {
        if (lot <= world->options.weights[i]) {
            deeds[i](world);
            break;
        }
        lot -= world->options.weights[i];
    }
    act_later(world);
}

void sim_chaos_begin(struct sim_world *world)
{
    act_later(world);
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
    sim_options_calm(&world->options);
    if (world->peers[SIM_PEERS_MAX - 1].guest)
        sim_peer_crash(&world->peers[SIM_PEERS_MAX - 1], SIM_POWER_LOST);
    sim_visits_end(world);
    for (size_t i = 0; i < world->options.peers && !world->failed; i++)
        calm_peer(world, &world->peers[i]);
}
