/* SPDX-License-Identifier: MPL-2.0 */

/* The generator of random.h. A simulation is replayed from its seed alone, so what a seed yields
 * must never change: the unit test holds the first numbers. */

#include "base/random.h"

#include <assert.h>

#define GOLDEN_GAMMA 0x9e3779b97f4a7c15u /* 2^64 / golden ratio, odd: splitmix64's step */

uint64_t gw_mix64(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

void gw_random_seed(struct gw_random *random, uint64_t seed)
{
    /* Similar seeds must not give similar states, nor any seed the all-zero state, which xoshiro
     * cannot leave: mix64 is a bijection, so at most one of four different inputs yields zero. */
    for (int i = 0; i < 4; i++) {
        seed += GOLDEN_GAMMA;
        random->state[i] = gw_mix64(seed);
    }
}

static uint64_t rotate_left(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

uint64_t gw_random_next(struct gw_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t gw_random_below(struct gw_random *random, uint64_t bound)
{
    assert(bound > 0);
    /* 2^64 mod bound: without these lowest values, every remainder is equally likely. */
    uint64_t excess = -bound % bound;
    uint64_t value;

    do
        value = gw_random_next(random);
    while (value < excess);
    return value % bound;
}

bool gw_random_chance(struct gw_random *random, uint32_t per_million)
{
    return gw_random_below(random, 1000000) < per_million;
}
