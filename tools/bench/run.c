/* SPDX-License-Identifier: MPL-2.0 */
/* The rounds. */

#include "run.h"
#include "scratch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SPARE_FILES 256

void results_clear(struct bench_results *results)
{
    size_t all = results->result ? results->steps.count * results->rounds : 0;
    for (size_t i = 0; i < all; i++) {
        if (results->result[i])
            result_clear(results->result[i]);
        free(results->result[i]);
    }
    free(results->result);
    *results = (struct bench_results){0};
}

const struct result *results_at(const struct bench_results *results, size_t step, unsigned round)
{
    return results->result[step * results->rounds + round];
}

double results_ratio(const struct bench_results *results, const struct ratio *ratio, size_t step,
                     unsigned round)
{
    const struct result *of[STEPS];
    for (size_t i = 0; i < results->steps.count; i++)
        of[i] = results_at(results, i, round);
    return ratio_of(&results->steps, ratio, step, of);
}

static void progress(const struct bench_results *results, size_t step, unsigned round)
{
    const struct step *of = &results->steps.step[step];
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[Kround %u of %u: %s %s %s, %zu bytes", round + 1, results->rounds,
                of->system->name, of->system->shape, of->level, of->size);
}

static void progress_end(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static bool run_step(struct bench_results *results, size_t step, unsigned round)
{
    struct result *result = calloc(1, sizeof(*result));
    if (!result) {
        bench_complain("out of memory");
        return false;
    }
    results->result[step * results->rounds + round] = result;
    progress(results, step, round);
    return results->steps.step[step].system->run(&results->steps.step[step], result);
}

static bool run_rounds(struct bench_results *results)
{
    for (unsigned round = 0; round < results->rounds; round++) {
        for (size_t i = 0; i < results->steps.count; i++) {
            if (!run_step(results, i, round))
                return false;
        }
    }
    return true;
}

/* The most that a step may hold on disk, and whether any syncs. */
static uint64_t disk_bytes(const struct steps *steps, bool *sync)
{
    uint64_t most = 0;
    *sync = false;
    for (size_t i = 0; i < steps->count; i++) {
        uint64_t bytes = step_disk_bytes(&steps->step[i]);
        if (bytes > most)
            most = bytes;
        *sync = *sync || strcmp(steps->step[i].level, "fsync") == 0;
    }
    return most;
}

/* Lets our processes open as many files as the steps need. False after a sentence if they may
 * not. */
static bool enough_files(const struct steps *steps)
{
    struct rlimit limit;
    rlim_t most = 0;
    for (size_t i = 0; i < steps->count; i++) {
        rlim_t files = (rlim_t)steps->step[i].system->files * steps->step[i].many;
        if (files > most)
            most = files;
    }
    most += SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= most)
        return true;
    if (limit.rlim_max >= most) {
        limit.rlim_cur = most;
        return setrlimit(RLIMIT_NOFILE, &limit) == 0;
    }
    bench_complain("one process may need %llu open files, and the limit is %llu (ulimit -Hn): "
                   "raise it, or less --links",
                   (unsigned long long)most, (unsigned long long)limit.rlim_max);
    return false;
}

int run_all(const struct bench_options *options, struct bench_results *results)
{
    bool sync;
    *results = (struct bench_results){.rounds = options->runs};
    if (!steps_make(options, &results->steps) || !enough_files(&results->steps))
        return BENCH_USAGE;
    results->result = calloc(results->steps.count * results->rounds, sizeof(*results->result));
    if (!results->result) {
        bench_complain("out of memory");
        return BENCH_FAILED;
    }
    uint64_t bytes = disk_bytes(&results->steps, &sync);
    int status = scratch_open(bytes, sync);
    if (status != BENCH_OK)
        return status;
    bool good = run_rounds(results);
    progress_end();
    scratch_close();
    return good ? BENCH_OK : BENCH_FAILED;
}
