/* SPDX-License-Identifier: MPL-2.0 */

/* The kinds of faults.h by name. */

#include "faults.h"

#include <string.h>

static const struct kind {
    const char *name, *group, *text;
    enum sim_how how;
} kinds[] = {
#define X(name, how, group, text) {#name, #group, text, SIM_##how},
    SIM_FAULTS(X)
#undef X
};

static const struct kind nothing = {"?", "?", "?", SIM_FOLLOWS};

static const struct kind *kind_of(enum sim_fault fault)
{
    return fault < SIM_FAULT_COUNT ? &kinds[fault] : &nothing;
}

const char *sim_fault_name(enum sim_fault fault)
{
    return kind_of(fault)->name;
}

const char *sim_fault_group(enum sim_fault fault)
{
    return kind_of(fault)->group;
}

const char *sim_fault_text(enum sim_fault fault)
{
    return kind_of(fault)->text;
}

enum sim_how sim_fault_how(enum sim_fault fault)
{
    return kind_of(fault)->how;
}

int sim_fault_by_name(const char *name, size_t size)
{
    for (int i = 0; i < SIM_FAULT_COUNT; i++) {
        if (strlen(kinds[i].name) == size && memcmp(kinds[i].name, name, size) == 0)
            return i;
    }
    return -1;
}
