/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_RANDOM_H
#define LAB_RANDOM_H

/* Numbers drawn from a seed: splitmix64. The same seed, the same numbers, on every machine. */

#include <stdint.h>

struct lab_random_state {
    uint64_t at;
};

static inline uint64_t lab_random_next(struct lab_random_state *random)
{
    uint64_t mixed = random->at += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* 0 to `bound` - 1; of 0 or 1 always 0. */
static inline uint64_t lab_random_below(struct lab_random_state *random, uint64_t bound)
{
    return bound > 1 ? lab_random_next(random) % bound : 0;
}

/* `low` to `high`, both included; `low` if `high` is not above it. */
static inline uint64_t lab_random_between(struct lab_random_state *random, uint64_t low,
                                          uint64_t high)
{
    return high > low ? low + lab_random_below(random, high - low + 1) : low;
}

#endif
