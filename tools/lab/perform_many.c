/* SPDX-License-Identifier: MPL-2.0 */
/* Many ready scenarios: each of them once, or one after the other until time is over. */

#include "perform.h"

#include "guard.h"
#include "library.h"
#include "random.h"
#include "scratch.h"
#include "terminal.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct tally {
    uint64_t runs, ends[LAB_INTERRUPTED + 1];
    uint64_t faults, accepted, processed, redelivered, lost, repeated, reordered, stuck,
        unexplained;
    uint64_t slowest_us; /* recovery */
};

struct many {
    const struct lab_request *request;
    struct lab_library *library;
    const char *directory; /* one for all runs, each in a new one below it */
    struct tally tally;
};

static void add(struct tally *tally, const struct lab_result *result)
{
    const struct lab_verdict *verdict = &result->verdict;
    uint64_t slowest_us = lab_recovery_most_us(result);

    tally->runs++;
    tally->ends[result->end]++;
    tally->faults += result->faults;
    tally->accepted += verdict->accepted;
    tally->processed += verdict->processed;
    tally->redelivered += verdict->redelivered;
    tally->lost += verdict->lost;
    tally->repeated += verdict->repeated;
    tally->reordered += verdict->reordered;
    tally->stuck += verdict->stuck;
    tally->unexplained += verdict->unexplained;
    if (slowest_us > tally->slowest_us)
        tally->slowest_us = slowest_us;
}

/* The most that any of its processes used. */
static void print_use(const struct lab_scenario *scenario, const struct lab_result *result)
{
    uint64_t memory = 0, files = 0, disk = 0;

    for (size_t i = 0; result->uses && i < scenario->process_count; i++) {
        const struct lab_use *use = &result->uses[i];
        memory = use->memory[2] > memory ? use->memory[2] : memory;
        files = use->files[2] > files ? use->files[2] : files;
        disk = use->disk[2] > disk ? use->disk[2] : disk;
    }
    if (memory > 0)
        printf("; at most %.1f MiB, %llu files, %.1f MiB on disk", (double)memory / (1 << 20),
               (unsigned long long)files, (double)disk / (1 << 20));
}

static void print_line(const struct lab_terminal *terminal, const char *name,
                       const struct lab_result *result)
{
    char took[LAB_TIME_SIZE], slowest[LAB_TIME_SIZE];

    printf("%-20s %-8s", name, lab_terminal_end(terminal, result->end));
    if (result->end == LAB_SKIPPED) {
        printf(" %s\n", result->why);
    } else {
        printf(" seed %llu, %s: %llu faults, %llu accepted",
               (unsigned long long)result->seed, lab_time_text(took, result->took_us),
               (unsigned long long)result->faults, (unsigned long long)result->verdict.accepted);
        if (result->recovery_count > 0)
            printf(", recovered in %s", lab_time_text(slowest, lab_recovery_most_us(result)));
        print_use(terminal->scenario, result);
        fputc('\n', stdout);
    }
    fflush(stdout);
}

/* What it said is only shown if it went wrong. */
static enum lab_end play_one(struct many *many, const char *name, uint64_t seed)
{
    char path[PATH_MAX], directory[PATH_MAX], again[PATH_MAX];
    struct lab_run_options options = {.seed = seed, .directory = directory};
    struct lab_terminal terminal;
    struct lab_mistake mistake;
    struct lab_result result;

    lab_library_path(many->library, name, path);
    struct lab_scenario *scenario = lab_scenario_read(path, &mistake);
    if (!scenario) {
        lab_perform_complain(path, &mistake);
        many->tally.runs++;
        many->tally.ends[LAB_FAILED]++;
        return LAB_FAILED;
    }
    snprintf(directory, sizeof directory, "%s/%s", many->directory, name);
    snprintf(again, sizeof again, "godwit lab run %s", name);
    lab_terminal_begin(&terminal, scenario, stdout);
    lab_run(scenario, &options, &result);
    print_line(&terminal, name, &result);
    if (result.end == LAB_BROKEN || result.end == LAB_FAILED)
        lab_terminal_verdict(&terminal, &result, again);
    add(&many->tally, &result);
    enum lab_end end = result.end;
    lab_result_clear(&result);
    lab_scenario_free(&scenario);
    return end;
}

static void print_tally(const struct tally *tally)
{
    char slowest[LAB_TIME_SIZE];

    printf("\n%llu runs: %llu passed, %llu broken, %llu failed, %llu skipped\n",
           (unsigned long long)tally->runs, (unsigned long long)tally->ends[LAB_PASSED],
           (unsigned long long)tally->ends[LAB_BROKEN], (unsigned long long)tally->ends[LAB_FAILED],
           (unsigned long long)tally->ends[LAB_SKIPPED]);
    printf("%llu faults, %llu accepted, %llu processed, %llu redelivered; lost %llu, repeated "
           "%llu, reordered %llu, stuck %llu, unexplained %llu; slowest recovery %s\n",
           (unsigned long long)tally->faults, (unsigned long long)tally->accepted,
           (unsigned long long)tally->processed, (unsigned long long)tally->redelivered,
           (unsigned long long)tally->lost, (unsigned long long)tally->repeated,
           (unsigned long long)tally->reordered, (unsigned long long)tally->stuck,
           (unsigned long long)tally->unexplained, lab_time_text(slowest, tally->slowest_us));
}

/* The worst that happened. All skipped is not passed. */
static int status_of(const struct tally *tally)
{
    static const enum lab_end worst[] = {LAB_INTERRUPTED, LAB_FAILED, LAB_BROKEN, LAB_PASSED};

    for (size_t i = 0; i < sizeof worst / sizeof *worst; i++) {
        if (tally->ends[worst[i]] > 0)
            return lab_end_status(worst[i]);
    }
    return lab_end_status(LAB_SKIPPED);
}

/* Whether `all` takes it: not everything is for a smoke test. */
static bool is_wanted(const struct many *many, const char *name)
{
    struct lab_mistake mistake;
    char path[PATH_MAX];

    if (!many->request->smoke)
        return true;
    lab_library_path(many->library, name, path);
    struct lab_scenario *scenario = lab_scenario_read(path, &mistake);
    bool wanted = !scenario || scenario->smoke; /* what cannot be read is told when it is run */
    lab_scenario_free(&scenario);
    return wanted;
}

static int play_all(void *context)
{
    struct many *many = context;

    for (size_t i = 0; i < many->library->count; i++) {
        if (is_wanted(many, many->library->names[i]) &&
            play_one(many, many->library->names[i], many->request->seed) == LAB_INTERRUPTED)
            break;
    }
    print_tally(&many->tally);
    return status_of(&many->tally);
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Most resident memory of the lab itself until now. */
static double own_mib(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_maxrss / 1024;
}

static int play_soak(void *context)
{
    struct many *many = context;
    const struct lab_request *request = many->request;
    struct lab_random_state random = {request->seed ? request->seed : lab_seed(NULL)};
    double end_s = now_s() + 60.0 * (double)request->minutes, first_mib = 0;
    enum lab_end end = LAB_PASSED;

    while (now_s() < end_s && (end == LAB_PASSED || end == LAB_SKIPPED)) {
        size_t which = lab_random_below(&random, request->name_count ? request->name_count
                                                                     : many->library->count);
        const char *name =
            request->name_count ? request->names[which] : many->library->names[which];
        uint64_t seed = 1 + (lab_random_next(&random) >> 32);
        end = play_one(many, name, seed);
        if (first_mib == 0)
            first_mib = own_mib();
        if (many->tally.ends[LAB_SKIPPED] == many->tally.runs && many->tally.runs >= LAB_READY_MAX)
            break; /* none of them can run here */
    }
    print_tally(&many->tally);
    printf("the lab itself: at most %.1f MiB after the first run, %.1f MiB after the last\n",
           first_mib, own_mib());
    return status_of(&many->tally);
}

static int play_many(const struct lab_request *request, int (*work)(void *))
{
    struct lab_library library;
    struct many many = {.request = request, .library = &library};
    char scratch[PATH_MAX];
    int status = LAB_USAGE;

    if (!lab_library_open(&library))
        return LAB_USAGE;
    if (library.count == 0) {
        fprintf(stderr, "godwit lab: there are no ready scenarios in %s\n", library.folder);
    } else if (scratch_make(scratch)) {
        many.directory = scratch;
        status = guard_run(work, &many, scratch);
    }
    lab_library_close(&library);
    return status;
}

int lab_perform_all(const struct lab_request *request)
{
    return play_many(request, play_all);
}

int lab_perform_soak(const struct lab_request *request)
{
    for (size_t i = 0; i < request->name_count; i++) {
        char path[PATH_MAX];
        if (!lab_library_find(request->names[i], path))
            return LAB_USAGE;
        if (lab_is_file(request->names[i])) {
            fprintf(stderr, "godwit lab: `%s` is a file\nmend: soak takes the names of ready "
                            "scenarios\n", request->names[i]);
            return LAB_USAGE;
        }
    }
    return play_many(request, play_soak);
}
