/* SPDX-License-Identifier: MPL-2.0 */
/* The rounds. */

#include "run.h"
#include "child.h"
#include "scratch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUTBOX_BYTES (1ull << 30) /* a producer waits when this much is unsettled (the default) */
#define DISK_FACTOR  4            /* log and tables, at the producer */

bool results_init(struct bench_results *results, const struct bench_options *options)
{
    bool good = true;
    *results = (struct bench_results){0};
    results->raw = calloc(options->runs, sizeof(*results->raw));
    good = results->raw;
    for (size_t i = 0; i < options->level_count; i++) {
        results->level[i] = calloc(options->runs, sizeof(*results->level[i]));
        good = good && results->level[i];
    }
    if (!good) {
        bench_complain("out of memory");
        results_clear(results);
    }
    return good;
}

void results_clear(struct bench_results *results)
{
    free(results->raw);
    for (size_t i = 0; i < BENCH_LEVELS; i++)
        free(results->level[i]);
    *results = (struct bench_results){0};
}

/* One receiver and one sender. */
struct pair {
    struct child receiver, sender;
    char receives[SCRATCH_PATH], sends[SCRATCH_PATH]; /* their directories */
    char size[24], count[24];
    double deadline_s;
};

/* Starts both and waits until the sender is done and both have ended. */
static bool measure(struct pair *pair, const char *const names[2], const char *level,
                    struct bench_result *result)
{
    const char *const to_receive[] = {pair->receives, level, pair->size, pair->count, NULL};
    char endpoint[CHILD_LINE];
    if (!child_start(&pair->receiver, names[0], to_receive, false))
        return false;
    const char *line = child_line(&pair->receiver, pair->deadline_s);
    if (!line)
        return false;
    snprintf(endpoint, sizeof(endpoint), "%s", strchr(line, ' ') ? strchr(line, ' ') + 1 : "");
    const char *const to_send[] = {pair->sends, level, pair->size, pair->count, endpoint, NULL};
    if (!child_start(&pair->sender, names[1], to_send, false))
        return false;
    line = child_line(&pair->sender, pair->deadline_s);
    if (!line)
        return false;
    if (sscanf(line, "seconds %lf", &result->seconds) != 1 || result->seconds <= 0) {
        bench_complain("%s says '%s'", names[1], line);
        return false;
    }
    if (!child_end(&pair->sender, pair->deadline_s) ||
        !child_end(&pair->receiver, pair->deadline_s))
        return false;
    result->cpu_seconds = pair->sender.cpu_seconds + pair->receiver.cpu_seconds;
    result->sender_kib = pair->sender.peak_kib;
    result->receiver_kib = pair->receiver.peak_kib;
    return true;
}

/* One run of raw (level NULL) or of the stage. */
static bool run_one(const struct bench_options *options, const char *level,
                    struct bench_result *result)
{
    static const char *const raw[] = {"raw-receive", "raw-send"};
    static const char *const stage[] = {"stage-work", "stage-push"};
    struct pair pair = {
        .receiver = CHILD_NONE,
        .sender = CHILD_NONE,
        .receives = "-",
        .sends = "-",
        .deadline_s = bench_now() + options->timeout_s,
    };
    bool stored = level && strcmp(level, "memory") != 0;
    snprintf(pair.size, sizeof(pair.size), "%zu", options->size);
    snprintf(pair.count, sizeof(pair.count), "%llu", (unsigned long long)options->count);
    bool good = !stored || (scratch_make(pair.receives, "worker") &&
                            scratch_make(pair.sends, "producer"));
    good = good && measure(&pair, level ? stage : raw, level ? level : "-", result);
    child_kill(&pair.sender);
    child_kill(&pair.receiver);
    if (stored) {
        scratch_clear(pair.receives);
        scratch_clear(pair.sends);
    }
    return good;
}

static void progress(const struct bench_options *options, unsigned round, const char *what)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[Kround %u of %u: %s", round + 1, options->runs, what);
}

static void progress_end(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static bool run_rounds(const struct bench_options *options, struct bench_results *results)
{
    for (unsigned round = 0; round < options->runs; round++) {
        if (options->raw) {
            progress(options, round, "raw");
            if (!run_one(options, NULL, &results->raw[round]))
                return false;
        }
        for (size_t i = 0; i < options->level_count; i++) {
            progress(options, round, options->levels[i]);
            if (!run_one(options, options->levels[i], &results->level[i][round]))
                return false;
        }
    }
    return true;
}

bool run_all(const struct bench_options *options, struct bench_results *results)
{
    uint64_t bytes = options->size * options->count; /* at most 1 MiB times 1e9 */
    bool stored = false, sync = false;
    for (size_t i = 0; i < options->level_count; i++) {
        stored = stored || strcmp(options->levels[i], "memory") != 0;
        sync = sync || strcmp(options->levels[i], "fsync") == 0;
    }
    if (bytes > OUTBOX_BYTES)
        bytes = OUTBOX_BYTES;
    if (!scratch_open(stored ? bytes * DISK_FACTOR : 0, sync))
        return false;
    bool good = run_rounds(options, results);
    progress_end();
    scratch_close();
    return good;
}
