/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_WHY_H
#define GW_STORE_WHY_H

/* Error sentences of an open store: any thread may add one while any other reads the last. A
 * sentence never changes once it is there, so that the pointer given out stays good; the first few
 * are kept and the rest dropped, since after one of these errors a store is to be closed. */

#include <stdatomic.h>

#define GW_WHY_SENTENCES 4
#define GW_WHY_SIZE 512

struct gw_why {
    char sentences[GW_WHY_SENTENCES][GW_WHY_SIZE];
    atomic_uint claimed;
    _Atomic(const char *) last; /* NULL: none yet */
};

void gw_why_say(struct gw_why *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *gw_why_last(struct gw_why *why); /* "" if there is none */

#endif
