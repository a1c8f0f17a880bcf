/* SPDX-License-Identifier: MPL-2.0 */
/* Starting, hearing, measuring and ending the processes of a run. */

#include "cast.h"
#include "measure.h"
#include "wire.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAR_MS       5 /* of one process, while others may say something too */
#define ENDPOINT_SIZE CHILD_LINE /* a list of them, of one process */

static void sample(void *context)
{
    struct cast *cast = context;
    for (size_t i = 0; i < cast->count; i++) {
        if (cast->member[i].child.pid)
            measure_memory(cast->member[i].child.pid, &cast->result->process[i], NULL);
    }
}

struct cast *cast_new(const struct step *step, struct result *result)
{
    struct cast *cast = calloc(1, sizeof(*cast));
    if (!cast) {
        bench_complain("out of memory");
        return NULL;
    }
    cast->step = step;
    cast->result = result;
    cast->deadline_s = bench_now() + step->options->timeout_s;
    child_meanwhile(sample, cast);
    return cast;
}

void cast_free(struct cast *cast)
{
    if (!cast)
        return;
    child_meanwhile(NULL, NULL);
    for (size_t i = 0; i < cast->count; i++)
        child_kill(&cast->member[i].child);
    for (size_t i = 0; i < cast->count; i++) {
        if (strcmp(cast->member[i].directory, "-") != 0)
            scratch_clear(cast->member[i].directory);
    }
    free(cast);
}

static bool stored(const char *level)
{
    return *level && strcmp(level, "memory") != 0;
}

/* The directory of a new member. */
static bool settle_in(const struct cast *cast, struct member *member, unsigned number,
                      const char *directory)
{
    snprintf(member->directory, sizeof(member->directory), "%s", directory ? directory : "-");
    if (directory || !stored(cast->step->level))
        return true;
    char name[RESULT_NAME + 12];
    snprintf(name, sizeof(name), "%s-%u", member->role, number);
    return scratch_make(member->directory, name);
}

struct member *cast_start(struct cast *cast, const char *role, bool sends, unsigned number,
                          uint64_t count, const char *endpoints, const char *directory)
{
    const struct step *step = cast->step;
    if (cast->count == RESULT_PROCESSES) {
        bench_complain("more than %d processes", RESULT_PROCESSES);
        return NULL;
    }
    struct member *member = &cast->member[cast->count];
    struct result_process *process = &cast->result->process[cast->count];
    *member = (struct member){.child = CHILD_NONE, .role = role, .sends = sends};
    snprintf(process->role, sizeof(process->role), "%s", role);
    process->sends = sends;
    if (!settle_in(cast, member, number, directory))
        return NULL;
    cast->result->process_count = ++cast->count;
    char size[24], messages[24], which[16], many[16], window[16];
    snprintf(size, sizeof(size), "%zu", step->size);
    snprintf(messages, sizeof(messages), "%" PRIu64, count);
    snprintf(which, sizeof(which), "%u", number);
    snprintf(many, sizeof(many), "%u", step->many);
    snprintf(window, sizeof(window), "%u", step->options->window);
    const char *const arguments[] = {member->directory, *step->level ? step->level : "-",
                                     size,   messages,  which,
                                     many,   window,    endpoints ? endpoints : "-",
                                     NULL};
    return child_start(&member->child, role, arguments, false) ? member : NULL;
}

static bool take_latency(struct result *result, const char *text)
{
    uint64_t value, times;
    if (sscanf(text, "%" SCNu64 " %" SCNu64, &value, &times) != 2)
        return false;
    if (!result->latency)
        result->latency = calloc(1, sizeof(*result->latency));
    if (result->latency)
        histogram_add(result->latency, value, times);
    return result->latency;
}

static bool take_took(struct cast *cast, struct member *member, const char *text)
{
    uint64_t took;
    double at;
    if (sscanf(text, "%" SCNu64 " %lf", &took, &at) != 2 || took < member->took)
        return false;
    cast->took += took - member->took;
    member->took = took;
    if (cast->step->system->counted == COUNTED_END && at > cast->end_s)
        cast->end_s = at;
    return true;
}

/* A line that means the same in every run. False after a sentence if it means nothing. */
static bool take(struct cast *cast, struct member *member, const char *line)
{
    char name[RESULT_NAME];
    double number;
    bool good = true;
    if (sscanf(line, "begin %lf", &number) == 1) {
        if (cast->begin_s == 0 || number < cast->begin_s)
            cast->begin_s = number;
    } else if (sscanf(line, "end %lf", &number) == 1) {
        if (number > cast->end_s)
            cast->end_s = number;
    } else if (sscanf(line, "value %23s %lf", name, &number) == 2) {
        good = result_set(cast->result, name, number);
    } else if (strncmp(line, "latency ", 8) == 0) {
        good = take_latency(cast->result, line + 8);
    } else if (strncmp(line, "took ", 5) == 0) {
        good = take_took(cast, member, line + 5);
    } else {
        good = false;
    }
    if (!good)
        bench_complain("%s says '%s'", member->role, line);
    return good;
}

const char *cast_until(struct cast *cast, struct member *member, const char *word)
{
    size_t size = strlen(word);
    for (;;) {
        const char *line = child_line(&member->child, cast->deadline_s);
        if (!line)
            return NULL;
        if (strncmp(line, word, size) == 0 && (line[size] == ' ' || line[size] == '\0'))
            return line + size + (line[size] == ' ');
        if (!take(cast, member, line))
            return NULL;
    }
}

bool cast_go(struct member *member)
{
    return child_tell(&member->child, "go\n");
}

bool cast_taken(struct cast *cast, uint64_t count)
{
    while (cast->took < count) {
        for (size_t i = 0; i < cast->count; i++) {
            struct member *member = &cast->member[i];
            const char *line = NULL;
            if (member->sends || member->ended)
                continue;
            if (!child_hear(&member->child, cast->deadline_s, HEAR_MS, &line) ||
                (line && !take(cast, member, line)))
                return false;
        }
    }
    if (cast->took == count)
        return true;
    bench_complain("%" PRIu64 " messages came instead of %" PRIu64, cast->took, count);
    return false;
}

void cast_idle(struct cast *cast)
{
    for (size_t i = 0; i < cast->count; i++) {
        struct result_process *process = &cast->result->process[i];
        if (!cast->member[i].ended)
            measure_memory(cast->member[i].child.pid, process, &process->idle_kib);
    }
}

/* What can only be read while it lives. */
static bool measure(struct cast *cast, struct member *member)
{
    struct result_process *process = &cast->result->process[member - cast->member];
    pid_t pid = member->child.pid;
    if (!measure_memory(pid, process, NULL) || !measure_writes(pid, process)) {
        bench_complain("cannot read what %s used below /proc", member->role);
        return false;
    }
    return true;
}

static void note_end(struct cast *cast, struct member *member)
{
    struct result_process *process = &cast->result->process[member - cast->member];
    process->cpu_seconds = member->child.cpu_seconds;
    process->rss_kib = member->child.peak_kib;
    member->ended = true;
}

bool cast_end_one(struct cast *cast, struct member *member, bool kill)
{
    bool good = measure(cast, member);
    if (kill)
        child_kill(&member->child);
    else
        good = good && child_end(&member->child, cast->deadline_s);
    note_end(cast, member);
    return good;
}

/* TCP between them: of each connection one end is counted. Only senders' ends, so that it is the
 * same whoever dialled. */
static void count_wire(struct cast *cast)
{
    struct result *result = cast->result;
    bool known = true;
    for (size_t i = 0; i < cast->count; i++) {
        if (cast->member[i].sends && !cast->member[i].ended)
            known = wire_count(cast->member[i].child.pid, &result->wire_out, &result->wire_in) &&
                    known;
    }
    result->wire_known = known && result->wire_out > 0;
}

static void sum_up(struct cast *cast)
{
    struct result *result = cast->result;
    uint64_t wrote = 0;
    result->seconds = cast->end_s - cast->begin_s;
    for (size_t i = 0; i < cast->count; i++) {
        result->cpu_seconds += result->process[i].cpu_seconds;
        result->disk_bytes += result->process[i].disk_bytes;
        wrote += result->process[i].wrote_bytes;
    }
    result->disk_is_wrote = result->disk_bytes == 0;
    if (result->disk_is_wrote)
        result->disk_bytes = stored(cast->step->level) ? wrote : 0;
    if (result->messages == 0)
        result->messages = cast->step->count;
    result->bytes = result->messages * cast->step->size;
}

bool cast_end(struct cast *cast)
{
    count_wire(cast);
    for (size_t i = 0; i < cast->count; i++) {
        if (!cast->member[i].ended && !measure(cast, &cast->member[i]))
            return false;
    }
    /* Senders first: they wait for nobody. */
    for (int senders = 1; senders >= 0; senders--) {
        for (size_t i = 0; i < cast->count; i++) {
            struct member *member = &cast->member[i];
            if (member->ended || member->sends != (bool)senders)
                continue;
            if (!child_end(&member->child, cast->deadline_s))
                return false;
            note_end(cast, member);
        }
    }
    sum_up(cast);
    if (cast->result->seconds > 0)
        return true;
    bench_complain("a run of %s took no time", cast->step->system->name);
    return false;
}

/* Starts those who listen; their endpoints, with commas, in newly allocated `endpoints`. */
static bool start_listeners(struct cast *cast, char *endpoints, size_t size)
{
    const struct step *step = cast->step;
    bool sends = step->system->listeners_send;
    *endpoints = '\0';
    for (unsigned i = 0; i < step->listeners; i++) {
        struct member *member = cast_start(cast, step->system->listens, sends, i, step->count, NULL,
                                           NULL);
        const char *endpoint = member ? cast_until(cast, member, "endpoint") : NULL;
        if (!endpoint)
            return false;
        size_t used = strlen(endpoints);
        snprintf(endpoints + used, size - used, "%s%s", used ? "," : "", endpoint);
    }
    return true;
}

static bool start_diallers(struct cast *cast, const char *endpoints)
{
    const struct step *step = cast->step;
    for (unsigned i = 0; i < step->diallers; i++) {
        uint64_t share = step->count / step->diallers + (i < step->count % step->diallers);
        struct member *member = cast_start(cast, step->system->dials,
                                           !step->system->listeners_send, i, share,
                                           *endpoints ? endpoints : NULL, NULL);
        if (!member)
            return false;
    }
    for (size_t i = 0; i < cast->count; i++) {
        if (cast->member[i].sends && !cast_until(cast, &cast->member[i], "ready"))
            return false;
    }
    return true;
}

/* Lets all senders begin, and waits until all is done. */
static bool play(struct cast *cast)
{
    cast_idle(cast);
    for (size_t i = 0; i < cast->count; i++) {
        if (cast->member[i].sends && !cast_go(&cast->member[i]))
            return false;
    }
    for (size_t i = 0; i < cast->count; i++) {
        if (cast->member[i].sends && !cast_until(cast, &cast->member[i], "done"))
            return false;
    }
    return cast->step->system->counted == COUNTED_NOT || cast_taken(cast, cast->step->count);
}

bool run_cast(const struct step *step, struct result *result)
{
    size_t size = (size_t)(step->listeners + 1) * ENDPOINT_SIZE;
    char *endpoints = malloc(size);
    struct cast *cast = cast_new(step, result);
    bool good = endpoints && cast && start_listeners(cast, endpoints, size) &&
                start_diallers(cast, endpoints) && play(cast) && cast_end(cast);
    cast_free(cast);
    free(endpoints);
    return good;
}
