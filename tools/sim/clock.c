/* SPDX-License-Identifier: MPL-2.0 */

/* A peer's clocks. The monotonic one runs on from where it was, faster or slower than the world's
 * time, jumps, stands still, and begins anew when the machine does. The wall clock is for people
 * and may say anything. */

#include "world.h"

#define PARTS        1000000 /* of which a clock gains or loses some: parts per million */
#define SPAN_US      (UINT64_C(1) << 40)
#define BOOT_US      100000000 /* that a clock may show when a process starts after a power cut */
#define NEAR_US      20000000  /* how near to a limit a clock may begin */
#define WALL_MS      UINT64_C(1700000000000)

static uint64_t gained(uint64_t elapsed_us, int32_t drift)
{
    int64_t gain = (int64_t)(elapsed_us / PARTS) * drift +
                   (int64_t)(elapsed_us % PARTS) * drift / PARTS;

    return elapsed_us + (uint64_t)gain;
}

uint64_t sim_peer_clock(const struct sim_peer *peer)
{
    const struct sim_clock *clock = &peer->clock;
    uint64_t now_us = peer->world->now_us;

    if (now_us <= clock->since_us)
        return clock->at_us;
    return clock->at_us + gained(now_us - clock->since_us, clock->drift);
}

/* From now on it counts from what it shows. */
static void rebase(struct sim_peer *peer)
{
    peer->clock.at_us = sim_peer_clock(peer);
    if (peer->clock.since_us < peer->world->now_us)
        peer->clock.since_us = peer->world->now_us;
}

void sim_clock_init(struct sim_peer *peer)
{
    static const uint64_t limits_us[] = {
        UINT64_C(1) << 31, UINT64_C(1) << 32, /* and the same in milliseconds: */
        (UINT64_C(1) << 31) * 1000, (UINT64_C(1) << 32) * 1000,
        UINT64_C(1) << 53, UINT64_C(1) << 62, UINT64_C(1) << 63,
    };
    struct sim_lot lot;

    if (!peer->world->options.jitter)
        return;
    peer->clock.at_us = sim_between(sim_lot(peer, SIM_LOT_STARTS), 0, SPAN_US);
    peer->wall_ms = WALL_MS;
    if (sim_inject(peer->world, sim_occasion_of(SIM_FAULT_clock_near_limit, peer, 0), &lot))
        peer->clock.at_us =
            limits_us[sim_between(&lot, 0, sizeof limits_us / sizeof limits_us[0] - 1)] -
            sim_between(&lot, 0, NEAR_US);
    if (sim_inject(peer->world, sim_occasion_of(SIM_FAULT_clock_drift, peer, 0), &lot))
        peer->clock.drift = (int32_t)sim_between(&lot, 0, PARTS / 5) - PARTS / 10;
}

void sim_clock_jump(struct sim_peer *peer, uint64_t by_us)
{
    rebase(peer);
    peer->clock.at_us += by_us;
    sim_peer_run_soon(peer);
}

void sim_clock_stall(struct sim_peer *peer, uint64_t for_us)
{
    rebase(peer);
    peer->clock.since_us = peer->world->now_us + for_us;
}

void sim_clock_anew(struct sim_peer *peer)
{
    if (!peer->world->options.jitter)
        return;
    sim_fault(peer->world, SIM_FAULT_clock_anew);
    peer->clock.at_us = sim_between(sim_lot(peer, SIM_LOT_STARTS), 0, BOOT_US);
    peer->clock.since_us = peer->world->now_us;
}

void sim_clock_heal(struct sim_peer *peer)
{
    rebase(peer);
    peer->clock.drift = 0;
    peer->wall_creeps_until_us = 0;
}

uint64_t sim_clock_when(const struct sim_peer *peer, uint64_t wake_us)
{
    const struct sim_clock *clock = &peer->clock;
    uint64_t clock_us = sim_peer_clock(peer), now_us = peer->world->now_us;
    uint64_t from_us = now_us < clock->since_us ? clock->since_us : now_us;
    uint64_t rate = (uint64_t)(PARTS + clock->drift);

    if (wake_us <= clock_us)
        return now_us;
    uint64_t wait_us = wake_us - clock_us;
    return from_us + wait_us / rate * PARTS + (wait_us % rate * PARTS + rate - 1) / rate;
}

uint64_t sim_clock_wall_ms(struct sim_peer *peer)
{
    if (peer->world->now_us < peer->wall_creeps_until_us)
        peer->wall_ms--;
    return peer->wall_ms + peer->world->now_us / 1000;
}
