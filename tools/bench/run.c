/* SPDX-License-Identifier: MPL-2.0 */
/* The rounds. */

#include "run.h"
#include "scratch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

int run_all(const struct bench_options *options, struct bench_results *results)
{
    bool sync;
    *results = (struct bench_results){.rounds = options->runs};
    if (!steps_make(options, &results->steps))
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
