/* SPDX-License-Identifier: MPL-2.0 */

/* Counting and printing what happened. */

#include "stats.h"

#include <inttypes.h>
#include <string.h>

static const char *const fault_ids[] = {
#define X(name, text) #name,
    SIM_FAULTS(X)
#undef X
};

static const char *const fault_names[] = {
#define X(name, text) text,
    SIM_FAULTS(X)
#undef X
};

static const char *const sight_names[] = {
#define X(name, text) text,
    SIM_SIGHTS(X)
#undef X
};

const char *sim_fault_name(enum sim_fault fault)
{
    return fault < SIM_FAULT_COUNT ? fault_ids[fault] : "?";
}

int sim_fault_by_name(const char *name, size_t size)
{
    for (int i = 0; i < SIM_FAULT_COUNT; i++) {
        if (strlen(fault_ids[i]) == size && memcmp(fault_ids[i], name, size) == 0)
            return i;
    }
    return -1;
}

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
        fprintf(out, "  %9" PRIu64 "  %s\n", sum->faults[i], fault_names[i]);
    fprintf(out, "seen:\n");
    for (size_t i = 0; i < SIM_SIGHT_COUNT; i++)
        fprintf(out, "  %9" PRIu64 "  %s\n", sum->sights[i], sight_names[i]);
}

static size_t missing(const char *what, const char *const *names, const uint64_t *counts,
                      size_t count, FILE *out)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (counts[i])
            continue;
        fprintf(out, "never %s: %s\n", what, names[i]);
        found++;
    }
    return found;
}

size_t sim_stats_missing(const struct sim_stats *sum, FILE *out)
{
    return missing("injected", fault_names, sum->faults, SIM_FAULT_COUNT, out) +
           missing("seen", sight_names, sum->sights, SIM_SIGHT_COUNT, out);
}
