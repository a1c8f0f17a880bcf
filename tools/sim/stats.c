/* SPDX-License-Identifier: MPL-2.0 */

/* Counting and printing what happened. */

#include "stats.h"

#include <inttypes.h>

static const char *const sight_names[] = {
#define X(name, text) text,
    SIM_SIGHTS(X)
#undef X
};

uint64_t sim_stats_faults(const struct sim_stats *stats)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < SIM_FAULT_COUNT; i++)
        sum += stats->faults[i];
    return sum;
}

void sim_stats_add(struct sim_stats *sum, const struct sim_stats *one)
{
    sum->seeds += one->seeds;
    sum->events += one->events;
    sum->virtual_us += one->virtual_us;
    sum->messages += one->messages;
    for (size_t i = 0; i < SIM_FAULT_COUNT; i++)
        sum->faults[i] += one->faults[i];
    for (size_t i = 0; i < SIM_SIGHT_COUNT; i++)
        sum->sights[i] += one->sights[i];
}

void sim_stats_print(const struct sim_stats *sum, FILE *out)
{
    fprintf(out, "faults injected:\n");
    for (size_t i = 0; i < SIM_FAULT_COUNT; i++)
        fprintf(out, "  %9" PRIu64 "  %s\n", sum->faults[i], sim_fault_text((enum sim_fault)i));
    fprintf(out, "seen:\n");
    for (size_t i = 0; i < SIM_SIGHT_COUNT; i++)
        fprintf(out, "  %9" PRIu64 "  %s\n", sum->sights[i], sight_names[i]);
}

static bool missing(const char *what, const char *name, uint64_t count, FILE *out)
{
    if (!count && out)
        fprintf(out, "never %s: %s\n", what, name);
    return !count;
}

const char *sim_sight_name(enum sim_sight sight)
{
    static const char *const names[] = {
#define X(name, text) #name,
        SIM_SIGHTS(X)
#undef X
    };

    return names[sight];
}

size_t sim_stats_missing(const struct sim_stats *sum, FILE *out)
{
    size_t found = 0;

    for (size_t i = 0; i < SIM_FAULT_COUNT; i++) {
        if (i == SIM_FAULT_handler_killed)
            continue; /* only with --handler */
        found += missing("injected", sim_fault_text((enum sim_fault)i), sum->faults[i], out);
    }
    for (size_t i = 0; i < SIM_SIGHT_COUNT; i++)
        found += missing("seen", sight_names[i], sum->sights[i], out);
    return found;
}
