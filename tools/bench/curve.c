/* SPDX-License-Identifier: MPL-2.0 */
/* The curves, and their points one after the other. */

#include "curve.h"
#include "child.h"
#include "curve_report.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_BYTES    (64u << 20) /* of payload in a run of the curve `size` */
#define RUN_LEAST    16          /* messages, however large they are */
#define RUN_MOST     500000      /* however small */
#define WINDOW_RUN   1000        /* a window's run has so many of it, within these: */
#define WINDOW_LEAST 5000
#define WINDOW_MOST  1000000

static uint64_t within(uint64_t value, uint64_t least, uint64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static void count_default(struct bench_options *options, uint64_t count)
{
    if (!options->count)
        options->count = count;
}

static void set_size(struct bench_options *options, uint64_t point)
{
    options->size = point;
    count_default(options, within(RUN_BYTES / point, RUN_LEAST, RUN_MOST));
}

static void set_links(struct bench_options *options, uint64_t point)
{
    options->links = (unsigned)point;
    count_default(options, options->work->count);
}

static void set_backlog(struct bench_options *options, uint64_t point)
{
    options->count = point;
}

static void set_members(struct bench_options *options, uint64_t point)
{
    options->members = (unsigned)point;
    count_default(options, options->work->count);
}

static void set_window(struct bench_options *options, uint64_t point)
{
    options->window = (unsigned)point;
    count_default(options, within(point * WINDOW_RUN, WINDOW_LEAST, WINDOW_MOST));
}

static const struct curve curves[] = {
    {"size",
     "bytes of one message",
     's',
     {"stage"},
     1,
     16777216,
     {10, 100, 1000, 10000, 100000, 1048576, 4194304, 16777216},
     set_size},
    {"links", "links of one peer", 'l', {"links"}, 2, 1000, {2, 10, 30, 100, 300, 1000}, set_links},
    {"backlog",
     "messages held back",
     'c',
     {"backlog"},
     1,
     100000000,
     {1, 1000, 10000, 100000, 1000000, 10000000},
     set_backlog},
    {"members",
     "workers of one producer, producers of one worker",
     'm',
     {"fanout", "fanin"},
     1,
     32,
     {1, 2, 4, 8, 16, 32},
     set_members},
    {"window",
     "unsettled messages allowed",
     'w',
     {"stage"},
     1,
     1048576,
     {1, 10, 100, 1000, 10000, 100000, 1048576},
     set_window},
};

const struct curve *curve_at(size_t index)
{
    return index < sizeof(curves) / sizeof(*curves) ? &curves[index] : NULL;
}

const struct curve *curve_named(const char *name)
{
    const struct curve *curve;
    for (size_t i = 0; (curve = curve_at(i)); i++) {
        if (strcmp(curve->name, name) == 0)
            return curve;
    }
    return NULL;
}

bool curve_points(const struct curve *curve, const char *text, uint64_t points[BENCH_POINTS])
{
    size_t count = 0;
    memset(points, 0, BENCH_POINTS * sizeof(*points));
    for (const char *at = text; at; at = strchr(at, ',')) {
        char *end;
        at += *at == ',';
        unsigned long long point = strtoull(at, &end, 10);
        bool fits = *at >= '0' && *at <= '9' && (*end == ',' || *end == '\0') &&
                    point >= curve->least && point <= curve->most;
        if (!fits || count == BENCH_POINTS || (count && point <= points[count - 1])) {
            bench_complain("--points must be up to %d ascending numbers from %llu to %llu with "
                           "commas, not '%s'",
                           BENCH_POINTS, (unsigned long long)curve->least,
                           (unsigned long long)curve->most, text);
            return false;
        }
        points[count++] = point;
    }
    return true;
}

/* How long the next point will perhaps take: as much longer than the last one as that was longer
 * than the one before it. */
static double expected(const double *took, size_t count)
{
    if (count == 0)
        return 0;
    double growth = count > 1 && took[count - 2] > 0 ? took[count - 1] / took[count - 2] : 1;
    return took[count - 1] * (growth > 1 ? growth : 1);
}

static int measure(const struct bench_options *asked, uint64_t point, struct curve_point *all,
                   size_t *count)
{
    for (size_t i = 0; i < CURVE_WORKS && asked->curve->works[i]; i++) {
        struct curve_point *at = &all[*count];
        at->point = point;
        at->options = *asked;
        at->options.work = work_named(asked->curve->works[i]);
        asked->curve->set(&at->options, point);
        int status = run_all(&at->options, &at->results);
        ++*count; /* it is cleared in any case */
        if (status != BENCH_OK)
            return status;
    }
    return BENCH_OK;
}

static void announce(const struct bench_options *options, size_t points)
{
    fprintf(stderr,
            "godwit-bench: curve %s: %zu points, %u rounds each; no point is begun that would "
            "end after %u s (--limit)\n",
            options->curve->name, points, options->runs, options->limit_s);
}

/* The points that fit into the time. */
static int measure_all(const struct bench_options *options, struct curve_point *all, size_t *count)
{
    double begin = bench_now(), took[BENCH_POINTS];
    size_t points = 0;
    while (points < BENCH_POINTS && options->points[points])
        points++;
    announce(options, points);
    for (size_t i = 0; i < points; i++) {
        double start = bench_now();
        if (start - begin + expected(took, i) > options->limit_s) {
            fprintf(stderr, "godwit-bench: left out from %llu on: --limit is %u s\n",
                    (unsigned long long)options->points[i], options->limit_s);
            break;
        }
        int status = measure(options, options->points[i], all, count);
        if (status != BENCH_OK)
            return status;
        took[i] = bench_now() - start;
    }
    return BENCH_OK;
}

int curve_run(const struct bench_options *options, FILE *plot)
{
    size_t count = 0;
    struct curve_point *all = calloc((size_t)BENCH_POINTS * CURVE_WORKS, sizeof(*all));
    int status = all ? measure_all(options, all, &count) : BENCH_FAILED;
    if (!all)
        bench_complain("out of memory");
    if (status == BENCH_OK)
        (options->json ? curve_json : curve_table)(options, all, count);
    if (plot && status != BENCH_OK)
        fclose(plot);
    else if (plot && !curve_picture(plot, options, all, count))
        status = BENCH_FAILED;
    for (size_t i = 0; i < count; i++)
        results_clear(&all[i].results);
    free(all);
    return status;
}
