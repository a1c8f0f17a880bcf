/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_ENTROPY_H
#define GW_PEER_ENTROPY_H

/* Numbers from the kernel's CSPRNG, a few hundred bytes at a time. For everything that must be
 * unique or unguessable: epochs, link ids, nonces. Not thread-safe: one per owner. All zero is
 * ready for use. */

#include <stddef.h>
#include <stdint.h>

struct gw_entropy {
    uint64_t words[32];
    size_t left;
};

int gw_entropy_fill(struct gw_entropy *entropy); /* 0 or a negative errno: to be tried at open */
uint64_t gw_entropy_next(struct gw_entropy *entropy); /* never 0 */

#endif
