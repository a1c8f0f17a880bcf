/* SPDX-License-Identifier: MPL-2.0 */
/* The steps of a work, and what its ratios compare. */

#include "work.h"
#include <math.h>
#include <string.h>

#define BULK_BYTES   (256ull << 20) /* of payload in a run whose count was not said */
#define OUTBOX_BYTES (1ull << 30)   /* a producer waits when this much is unsettled (the default) */
#define DISK_FACTOR  4              /* log and tables, at both */

/* Whether the comma-separated list names it. */
static bool listed(const char *list, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0'))
            return true;
    }
    return false;
}

static uint64_t count_of(const struct bench_options *options, const struct system *system,
                         const char *level, size_t size)
{
    uint64_t count = options->count ? options->count : BULK_BYTES / size;
    uint64_t most = strcmp(level, "fsync") == 0 && system->most_fsync ? system->most_fsync
                                                                      : system->most;
    count = count ? count : 1;
    if (system->times)
        count *= system->times;
    return most && count > most ? most : count;
}

static unsigned many_of(const struct bench_options *options, unsigned many)
{
    switch (many) {
    case MANY_INFLIGHT: return options->inflight;
    case MANY_LINKS: return options->links;
    default: return many;
    }
}

static bool add(const struct bench_options *options, struct steps *steps,
                const struct system *system, const char *level, size_t size)
{
    if (steps->count == STEPS) {
        bench_complain("more than %d measurements in a round", STEPS);
        return false;
    }
    steps->step[steps->count++] = (struct step){
        .options = options,
        .system = system,
        .level = level,
        .size = size,
        .count = count_of(options, system, level, size),
        .listeners = !system->listens     ? 0
                     : system->listeners ? system->listeners
                                         : options->members,
        .diallers = !system->dials     ? 0
                    : system->diallers ? system->diallers
                                       : options->members,
        .many = many_of(options, system->many),
    };
    return true;
}

static bool add_levels(const struct bench_options *options, struct steps *steps,
                       const struct system *system, size_t size)
{
    if (system->levels == LEVELS_NONE)
        return add(options, steps, system, "", size);
    for (size_t i = 0; i < options->level_count; i++) {
        bool memory = strcmp(options->levels[i], "memory") == 0;
        bool sync = strcmp(options->levels[i], "fsync") == 0;
        if ((memory && system->levels != LEVELS_ALL) || (!sync && system->levels == LEVELS_SYNC))
            continue;
        if (!add(options, steps, system, options->levels[i], size))
            return false;
    }
    return true;
}

const char *work_lacks(const struct work *work, const char *against)
{
    for (const char *at = strcmp(against, "none") == 0 ? NULL : against; at; at = strchr(at, ',')) {
        at += *at == ',';
        bool found = false;
        for (size_t i = 0; i < WORK_SYSTEMS && work->systems[i].name; i++)
            found = found || strncmp(at, work->systems[i].name, strcspn(at, ",")) == 0;
        if (!found)
            return at;
    }
    return NULL;
}

bool steps_make(const struct bench_options *options, struct steps *steps)
{
    const struct work *work = options->work;
    steps->count = 0;
    for (size_t i = 0; i < WORK_SIZES; i++) {
        size_t size = options->size ? options->size : work->sizes[i];
        if (size == 0 || (options->size && i > 0))
            break;
        for (size_t j = 0; j < WORK_SYSTEMS && work->systems[j].name; j++) {
            const struct system *system = &work->systems[j];
            bool wanted = strcmp(system->name, "godwit") == 0 ||
                          listed(options->against, system->name);
            if (wanted && !add_levels(options, steps, system, size))
                return false;
        }
    }
    if (steps->count == 0)
        bench_complain("'%s' has nothing to measure at this durability: its messages must outlive "
                       "a process",
                       work->name);
    return steps->count > 0;
}

static const struct result *other(const struct steps *steps, const char *name, const char *shape,
                                  const struct step *of, const struct result *const *results)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->step[i];
        if (step->size == of->size && strcmp(step->system->name, name) == 0 &&
            strcmp(step->system->shape, shape) == 0 &&
            (!*step->level || strcmp(step->level, of->level) == 0))
            return results[i];
    }
    return NULL;
}

static double number(const struct result *result, enum quantity quantity)
{
    switch (quantity) {
    case QUANTITY_RATE: return (double)result->messages / result->seconds;
    case QUANTITY_BYTES: return (double)result->bytes / result->seconds;
    case QUANTITY_P50: return result->latency ? (double)histogram_at(result->latency, 0.5) : NAN;
    case QUANTITY_CPU: return result->cpu_seconds / (double)result->messages;
    case QUANTITY_BESIDE:
        return result_value(result, "beside_rate", (double)result->messages / result->seconds);
    case QUANTITY_LINK_KIB: break;
    }
    return NAN;
}

/* What the hub holds before the first message. */
static double idle_kib(const struct result *result)
{
    return (double)result->process[0].idle_kib;
}

static double link_kib(const struct steps *steps, const struct ratio *ratio, const struct step *of,
                       const struct result *const *results)
{
    const struct result *one = other(steps, ratio->against, "one", of, results);
    const struct result *many = other(steps, ratio->against, ratio->against_shape, of, results);
    return one && many ? (idle_kib(many) - idle_kib(one)) / (of->many - 1) : NAN;
}

double ratio_of(const struct steps *steps, const struct ratio *ratio, size_t step,
                const struct result *const *results)
{
    const struct step *of = &steps->step[step];
    if (strcmp(of->system->name, "godwit") != 0 || strcmp(of->system->shape, ratio->shape) != 0 ||
        (ratio->only && strcmp(ratio->only, of->level) != 0))
        return NAN;
    if (ratio->quantity == QUANTITY_LINK_KIB)
        return link_kib(steps, ratio, of, results);
    const struct result *against = other(steps, ratio->against, ratio->against_shape, of, results);
    if (!against)
        return NAN;
    double base = number(against, ratio->quantity);
    if (ratio->plus_disk) {
        const struct result *disk = other(steps, "disk", "", of, results);
        base += disk ? ratio->plus_disk * number(disk, QUANTITY_P50) : NAN;
    }
    double value = number(results[step], ratio->quantity) / base;
    return isfinite(value) ? value : NAN;
}

uint64_t step_disk_bytes(const struct step *step)
{
    if (!*step->level || strcmp(step->level, "memory") == 0)
        return 0;
    uint64_t bytes = step->size * step->count; /* at most 16 MiB times 1e9 */
    if (!step->system->holds && bytes > OUTBOX_BYTES)
        bytes = OUTBOX_BYTES;
    return bytes * DISK_FACTOR;
}
