/* SPDX-License-Identifier: MPL-2.0 */

/* Which of the bugs of base/plant.h is switched on in this process. */

#include "peer/plant.h"

#ifdef GODWIT_PLANTS

#include "base/plant.h"

#include <stdlib.h>
#include <string.h>

enum gw_plant gw_plant = GW_PLANT_NONE;

void gw_plant_choose(void)
{
    static const char *const names[GW_PLANT_COUNT] = {
#define X(plant, name, text) [GW_PLANT_##plant] = name,
        GW_PLANTS(X)
#undef X
    };
    const char *wanted = getenv("GODWIT_PLANT");

    for (int i = GW_PLANT_NONE + 1; wanted && i < GW_PLANT_COUNT; i++)
        if (names[i] && strcmp(names[i], wanted) == 0)
            gw_plant = (enum gw_plant)i;
}

#else

void gw_plant_choose(void)
{
}

#endif
