/* SPDX-License-Identifier: MPL-2.0 */

/* The switch of plants.h. Built into the programs, not into the world: a test has its own. */

#include "plants.h"

#include "base/plant.h"

#include <stdio.h>
#include <string.h>

#ifdef GODWIT_PLANTS
enum gw_plant gw_plant;

const char sim_program[] = "godwit-sim-planted";

static const char *const plants[GW_PLANT_COUNT] = {
    [GW_PLANT_NONE] = "none",
#define X(plant, name, text) [GW_PLANT_##plant] = name,
    GW_PLANTS(X)
#undef X
};

void sim_plants_list(void)
{
    for (unsigned i = 1; i < GW_PLANT_COUNT; i++)
        puts(plants[i]);
}

bool sim_plant(const char *name)
{
    for (unsigned i = 0; i < GW_PLANT_COUNT; i++) {
        if (strcmp(plants[i], name) == 0) {
            gw_plant = (enum gw_plant)i;
            return true;
        }
    }
    fprintf(stderr, "godwit-sim: no bug is called %s; --plant list names them\n", name);
    return false;
}
#else
const char sim_program[] = "godwit sim";

void sim_plants_list(void)
{
    puts("this build holds no planted bugs: use godwit-sim-planted");
}

bool sim_plant(const char *name)
{
    fprintf(stderr, "godwit-sim: cannot plant %s: use godwit-sim-planted\n", name);
    return false;
}
#endif
