/* SPDX-License-Identifier: MPL-2.0 */

/* Deeds of the chaos monkey to processes, disks and clocks. */

#include "deed.h"
#include "world.h"

#define CRASHES 50
#define DAY_MS  UINT64_C(86400000)

/* --- the processes --- */

static void start_again(struct sim_deed *deed, struct sim_peer *peer)
{
    sim_peer_start_later(peer, sim_between(&deed->lot, 0, 2 * SIM_S));
}

void sim_deed_kill(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_peer(deed);

    if (!peer || !sim_deed_happens(deed, SIM_FAULT_process_killed, peer, NULL))
        return;
    sim_peer_crash(peer, SIM_KILLED);
    start_again(deed, peer);
}

void sim_deed_cut_power(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_peer(deed);

    if (!peer || !deed->world->options.sync ||
        !sim_deed_happens(deed, SIM_FAULT_power_lost, peer, NULL))
        return;
    sim_peer_crash(peer, SIM_POWER_LOST);
    start_again(deed, peer);
}

/* At durability `os` nothing is promised for a power cut; of what it may take this takes bodies,
 * which are the last to be written down. What it leaves must be told from what was whole. */
void sim_deed_lose_bodies(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_peer(deed);

    if (!peer || deed->world->options.sync || sim_peer_is_memory(peer) ||
        !sim_deed_happens(deed, SIM_FAULT_bodies_lost, peer, NULL))
        return;
    sim_peer_crash(peer, SIM_POWER_LOST);
    sim_peer_lose_bodies(peer, &deed->lot);
    start_again(deed, peer);
}

void sim_deed_pause(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *peer = sim_some_peer(deed);
    uint64_t for_us = sim_between(&deed->lot, 0, world->options.heartbeat_us * 6);

    if (!peer || !sim_deed_happens(deed, SIM_FAULT_process_paused, peer, NULL))
        return;
    sim_deed_say(world, peer->name, "paused");
    sim_sight(world, SIM_SIGHT_zombie, for_us > world->options.heartbeat_us * 3);
    sim_peer_pause(peer, for_us);
}

void sim_deed_leave(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_awake(deed);

    if (peer && sim_deed_happens(deed, SIM_FAULT_left_cleanly, peer, NULL))
        sim_peer_leave(peer);
}

/* All processes end at once, as when the power of a whole room fails. */
void sim_deed_restart_all(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    bool power = sim_chance(&deed->lot, 500000) && world->options.sync;
    uint64_t lots = sim_draw(&deed->lot);

    if (!sim_deed_happens(deed, SIM_FAULT_cluster_restarted, NULL, NULL))
        return;
    for (size_t i = 0; i < world->options.peers && !world->failed; i++) {
        struct sim_peer *peer = &world->peers[i];
        if (!peer->up)
            continue;
        sim_peer_crash(peer, power ? SIM_POWER_LOST : SIM_KILLED);
        sim_peer_start_later(peer, sim_deed_straw(lots, i) % (2 * SIM_S));
    }
}

/* One that dies soon after each start, as if something that it finds there killed it. */
void sim_deed_crash_loop(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_peer(deed);

    if (peer && !peer->loops && sim_deed_happens(deed, SIM_FAULT_crash_loop, peer, NULL))
        sim_peer_crash_loop(peer, CRASHES);
}

/* Frames, commits and the application go on, but the turn does not run: no timer fires. */
void sim_deed_run_late(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_peer(deed);
    uint64_t for_us = sim_between(&deed->lot, SIM_S, 10 * SIM_S);

    if (!peer || !sim_deed_happens(deed, SIM_FAULT_ticks_late, peer, NULL))
        return;
    sim_deed_say(deed->world, peer->name, "no timer fires");
    sim_peer_be_late(peer, for_us);
}

/* --- the disks --- */

void sim_deed_lose_disk(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_peer(deed);

    if (!peer || deed->world->options.flavour != SIM_AMNESIA || peer->index == 0 ||
        !sim_deed_happens(deed, SIM_FAULT_disk_lost, peer, NULL))
        return;
    sim_peer_crash(peer, SIM_KILLED);
    sim_peer_lose_disk(peer);
    start_again(deed, peer);
}

/* The power fails, and shows that the disk had lied about its syncs for a while. */
void sim_deed_roll_back(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_peer(deed);

    if (!peer || !peer->older.count ||
        !sim_deed_happens(deed, SIM_FAULT_disk_rolled_back, peer, NULL))
        return;
    sim_peer_crash(peer, SIM_POWER_LOST);
    sim_peer_roll_back(peer);
    start_again(deed, peer);
}

static void disk_fails(struct sim_deed *deed, enum sim_fault kind, bool forgets, const char *what)
{
    struct sim_peer *peer = sim_some_peer(deed);
    uint64_t for_us = sim_between(&deed->lot, 0, 4 * SIM_S);

    if (!peer || sim_peer_is_memory(peer) || !sim_deed_happens(deed, kind, peer, NULL))
        return;
    sim_deed_say(deed->world, peer->name, what);
    peer->disk_fails_until_us = deed->world->now_us + for_us;
    peer->disk_forgets = forgets;
}

/* Nothing can be written, an open included, until there is space again. */
void sim_deed_fill_disk(struct sim_deed *deed)
{
    disk_fails(deed, SIM_FAULT_disk_full, false, "its disk is full");
}

/* Each write fails, and may be there all the same. */
void sim_deed_fail_disk(struct sim_deed *deed)
{
    disk_fails(deed, SIM_FAULT_disk_failing, true, "its disk fails");
}

/* --- the clocks --- */

void sim_deed_jump(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *peer = sim_some_peer(deed);
    bool far = sim_chance(&deed->lot, 300000);
    uint64_t by_us = sim_between(&deed->lot, 0, far ? 100000 * SIM_S : 5 * SIM_S);

    if (!peer || world->options.quiet_clocks ||
        !sim_deed_happens(deed, SIM_FAULT_clock_jump, peer, NULL))
        return;
    sim_deed_say(world, peer->name, "clock jumps");
    if (world->options.memory)
        by_us %= 5 * SIM_S; /* a memory peer that lives is not to be taken for gone by its clock */
    sim_clock_jump(peer, by_us);
}

void sim_deed_stall(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_peer(deed);

    if (!peer || !sim_deed_happens(deed, SIM_FAULT_clock_stall, peer, NULL))
        return;
    sim_deed_say(deed->world, peer->name, "clock stands still");
    sim_clock_stall(peer, sim_between(&deed->lot, 0, 2 * SIM_S));
}

/* Somebody sets the clock on the wall, by up to ten years. */
void sim_deed_step_wall(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_place(deed);
    bool back = sim_chance(&deed->lot, 500000), far = sim_chance(&deed->lot, 500000);
    uint64_t by_ms = sim_between(&deed->lot, 1, far ? 3650 * DAY_MS : DAY_MS / 24);

    if (!peer->present || !sim_deed_happens(deed, SIM_FAULT_wall_step, peer, NULL))
        return;
    sim_deed_say(deed->world, peer->name, back ? "its wall clock is set back"
                                               : "its wall clock is set ahead");
    peer->wall_ms = back ? peer->wall_ms - by_ms : peer->wall_ms + by_ms;
}

void sim_deed_creep_back(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *peer = sim_some_peer(deed);
    uint64_t for_us = sim_between(&deed->lot, 0, 4 * SIM_S);

    if (!peer || !sim_deed_happens(deed, SIM_FAULT_wall_creeps, peer, NULL))
        return;
    sim_deed_say(world, peer->name, "its wall clock steps back, again and again");
    peer->wall_creeps_until_us = world->now_us + for_us;
}
