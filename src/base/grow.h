/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_GROW_H
#define GW_BASE_GROW_H

/* How a table grows that is full: it doubles, from a first size on. Where memory is to run out at
 * each addition (tests/memory) GW_GROW_SPARINGLY is defined, and a table has room for one more. */

#include <stddef.h>

static inline size_t gw_grown(size_t capacity, size_t first)
{
#ifdef GW_GROW_SPARINGLY
    (void)first;
    return capacity + 1;
#else
    return capacity ? capacity * 2 : first;
#endif
}

#endif
