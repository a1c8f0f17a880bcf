/* SPDX-License-Identifier: MPL-2.0 */
/* The rounds of a backlog, and what they come to. */

#include "backlog.h"
#include "child.h"
#include "scratch.h"
#include <stdio.h>
#include <string.h>

#define DISK_FACTOR 4 /* log and tables, at both */

struct backlog {
    double fill_s, drain_s;
    double cpu_s;     /* of both processes, from start to end */
    long fill_kib;    /* the sender's peak while it pushed */
    long rest_kib;    /* what it held with the whole backlog stored */
    long sender_kib;  /* its peak while the worker took */
    long receiver_kib;
};

struct both {
    struct child sender, receiver;
    char sends[SCRATCH_PATH], receives[SCRATCH_PATH]; /* their directories */
    char size[24], count[24];
    double deadline_s;
};

/* Whether the line had what was wanted of it; else a sentence. */
static bool said(const struct child *child, const char *line, int fields, int wanted)
{
    if (line && fields != wanted)
        bench_complain("%s says '%s'", child->name, line);
    return line && fields == wanted;
}

static bool take(struct both *both, const char *level, char *endpoint, struct backlog *result)
{
    const char *const arguments[] = {both->receives, level, both->size, both->count, endpoint,
                                     NULL};
    if (!child_start(&both->receiver, "backlog-take", arguments, false))
        return false;
    const char *line = child_line(&both->receiver, both->deadline_s);
    int fields = line ? sscanf(line, "taken %ld", &result->receiver_kib) : 0;
    if (!said(&both->receiver, line, fields, 1))
        return false;
    line = child_line(&both->sender, both->deadline_s);
    fields = line ? sscanf(line, "drained %lf %ld", &result->drain_s, &result->sender_kib) : 0;
    return said(&both->sender, line, fields, 2);
}

static bool measure(struct both *both, const char *level, struct backlog *result)
{
    const char *const arguments[] = {both->sends, level, both->size, both->count, NULL};
    char endpoint[256];
    if (!child_start(&both->sender, "backlog-fill", arguments, false))
        return false;
    const char *line = child_line(&both->sender, both->deadline_s);
    int fields = line ? sscanf(line, "filled %lf %ld %ld %255s", &result->fill_s,
                               &result->fill_kib, &result->rest_kib, endpoint)
                      : 0;
    if (!said(&both->sender, line, fields, 4) || !take(both, level, endpoint, result) ||
        !child_end(&both->sender, both->deadline_s) ||
        !child_end(&both->receiver, both->deadline_s))
        return false;
    result->cpu_s = both->sender.cpu_seconds + both->receiver.cpu_seconds;
    return true;
}

static bool run_one(const struct bench_options *options, const char *level, struct backlog *result)
{
    struct both both = {
        .sender = CHILD_NONE,
        .receiver = CHILD_NONE,
        .sends = "-",
        .receives = "-",
        .deadline_s = bench_now() + options->timeout_s,
    };
    bool stored = strcmp(level, "memory") != 0;
    snprintf(both.size, sizeof(both.size), "%zu", options->size);
    snprintf(both.count, sizeof(both.count), "%llu", (unsigned long long)options->count);
    bool good = !stored || (scratch_make(both.sends, "producer") &&
                            scratch_make(both.receives, "worker"));
    good = good && measure(&both, level, result);
    child_kill(&both.receiver);
    child_kill(&both.sender);
    if (stored) {
        scratch_clear(both.sends);
        scratch_clear(both.receives);
    }
    return good;
}

static void print_row(const struct bench_options *options, const char *level,
                      const struct backlog *row)
{
    printf("%-6s  %7.1f %7.1f  %7.1f %7.1f  %7.1f %7.1f  %6.2f\n", level, row->fill_s, row->drain_s,
           (double)row->fill_kib / 1024, (double)row->rest_kib / 1024,
           (double)row->sender_kib / 1024, (double)row->receiver_kib / 1024,
           row->cpu_s * 1e6 / (double)options->count);
}

static void print_json(const struct bench_options *options, const char *level,
                       const struct backlog *row, bool first)
{
    printf("%s{\"work\":\"backlog\",\"size\":%zu,\"durability\":\"%s\",\"count\":%llu",
           first ? "" : ",", options->size, level, (unsigned long long)options->count);
    printf(",\"fill_s\":%.3f,\"drain_s\":%.3f,\"cpu_s\":%.3f", row->fill_s, row->drain_s,
           row->cpu_s);
    printf(",\"fill_peak_kib\":%ld,\"filled_kib\":%ld,\"drain_sender_peak_kib\":%ld,"
           "\"drain_receiver_peak_kib\":%ld}",
           row->fill_kib, row->rest_kib, row->sender_kib, row->receiver_kib);
}

static bool rounds(const struct bench_options *options)
{
    struct backlog result = {0};
    size_t done = 0;
    for (unsigned round = 0; round < options->runs; round++) {
        for (size_t i = 0; i < options->level_count; i++) {
            if (!run_one(options, options->levels[i], &result))
                return false;
            if (options->json)
                print_json(options, options->levels[i], &result, done++ == 0);
            else
                print_row(options, options->levels[i], &result);
            fflush(stdout);
        }
    }
    return true;
}

static void print_head(const struct bench_options *options)
{
    printf("backlog: %llu messages of %zu bytes, random; pushed with nobody there, then taken by "
           "one worker\ncolumns: seconds to push all and to settle all; peak MiB (RssAnon + "
           "RssShmem) of the sender\nwhile it pushes, and what it holds then; peak MiB of sender "
           "and of receiver while it drains;\nCPU s per million messages of both\n\n",
           (unsigned long long)options->count, options->size);
}

bool backlog_all(const struct bench_options *options)
{
    bool stored = false, sync = false;
    for (size_t i = 0; i < options->level_count; i++) {
        stored = stored || strcmp(options->levels[i], "memory") != 0;
        sync = sync || strcmp(options->levels[i], "fsync") == 0;
    }
    if (!scratch_open(stored ? options->size * options->count * DISK_FACTOR : 0, sync))
        return false;
    if (options->json)
        printf("{\"rows\":[");
    else
        print_head(options);
    bool good = rounds(options);
    if (options->json && good)
        printf("]}\n");
    scratch_close();
    return good;
}
