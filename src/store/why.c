/* SPDX-License-Identifier: MPL-2.0 */

/* Error sentences of an open store: see why.h. */

#include "store/why.h"

#include <stdarg.h>
#include <stdio.h>

void gw_why_say(struct gw_why *why, const char *format, ...)
{
    unsigned slot = atomic_load(&why->claimed);
    va_list arguments;

    do {
        if (slot == GW_WHY_SENTENCES)
            return;
    } while (!atomic_compare_exchange_weak(&why->claimed, &slot, slot + 1));
    va_start(arguments, format);
    vsnprintf(why->sentences[slot], GW_WHY_SIZE, format, arguments);
    va_end(arguments);
    atomic_store(&why->last, why->sentences[slot]);
}

const char *gw_why_last(struct gw_why *why)
{
    const char *last = atomic_load(&why->last);

    return last ? last : "";
}
