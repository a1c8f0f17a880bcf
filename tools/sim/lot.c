/* SPDX-License-Identifier: MPL-2.0 */

/* The generators of lot.h. */

#include "lot.h"

#define STEP 0x9e3779b97f4a7c15u /* 2^64 / golden ratio, odd: splitmix64's */

struct sim_lot sim_lot_of(uint64_t seed, enum sim_lot_use use, uint64_t place, uint64_t number)
{
    uint64_t state = gw_mix64(seed + STEP * (1 + (uint64_t)use));

    state = gw_mix64(state ^ gw_mix64(place + STEP));
    return (struct sim_lot){gw_mix64(state + STEP * number)};
}

uint64_t sim_draw(struct sim_lot *lot)
{
    return gw_mix64(lot->state += STEP);
}

uint64_t sim_between(struct sim_lot *lot, uint64_t low, uint64_t high)
{
    uint64_t drawn = sim_draw(lot);
    uint64_t span = high - low;

    if (low >= high)
        return low;
    return span == UINT64_MAX ? drawn : low + drawn % (span + 1);
}

bool sim_chance(struct sim_lot *lot, uint32_t per_million)
{
    return sim_draw(lot) % 1000000 < per_million;
}
