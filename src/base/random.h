/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_RANDOM_H
#define GW_BASE_RANDOM_H

/* Seeded random numbers for jitter, simulation and hashing: xoshiro256** seeded by splitmix64
 * (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018). Never for ids:
 * those come from the CSPRNG of the shell. The same seed gives the same numbers on every
 * machine. */

#include <stdbool.h>
#include <stdint.h>

struct gw_random {
    uint64_t state[4];
};

void gw_random_seed(struct gw_random *random, uint64_t seed);
uint64_t gw_random_next(struct gw_random *random);
/* Uniform in [0, bound), bound > 0. */
uint64_t gw_random_below(struct gw_random *random, uint64_t bound);
bool gw_random_chance(struct gw_random *random, uint32_t per_million);
uint64_t gw_mix64(uint64_t value); /* splitmix64's finaliser */

#endif
