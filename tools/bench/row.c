/* SPDX-License-Identifier: MPL-2.0 */
/* The numbers of a step, over all rounds. */

#include "row.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number of one run; NAN if it has none. */
typedef double (*read_fn)(const struct result *result);

static double rate(const struct result *result)
{
    return (double)result->messages / result->seconds;
}

static double megabytes(const struct result *result)
{
    return (double)result->bytes / result->seconds / 1e6;
}

static double cpu(const struct result *result)
{
    return result->cpu_seconds * 1e6 / (double)result->messages;
}

static double sender_cpu(const struct result *result)
{
    return result_cpu(result, true) * 1e6 / (double)result->messages;
}

static double wire(const struct result *result)
{
    if (!result->wire_known || !result->bytes)
        return NAN;
    return (double)(result->wire_out + result->wire_in) / (double)result->bytes;
}

static double disk(const struct result *result)
{
    return result->bytes ? (double)result->disk_bytes / (double)result->bytes : NAN;
}

static double latency(const struct result *result, double share)
{
    return result->latency ? (double)histogram_at(result->latency, share) / 1e3 : NAN;
}

static double p50(const struct result *result)
{
    return latency(result, 0.5);
}

static double p99(const struct result *result)
{
    return latency(result, 0.99);
}

static double p999(const struct result *result)
{
    return latency(result, 0.999);
}

static double longest(const struct result *result)
{
    return latency(result, 1);
}

static double sender_rss(const struct result *result)
{
    return (double)result_peak_rss(result, true);
}

static double receiver_rss(const struct result *result)
{
    return (double)result_peak_rss(result, false);
}

static double sender_anon(const struct result *result)
{
    return (double)result_peak_anon(result, true);
}

static double receiver_anon(const struct result *result)
{
    return (double)result_peak_anon(result, false);
}

static double sender_file(const struct result *result)
{
    return (double)result_peak_file(result, true);
}

static const struct {
    const char *name;
    read_fn read;
    int digits;
    enum number_kind kind;
    bool stored; /* has no meaning without a store */
} plain[] = {
    {"rate", rate, 0, NUMBER_PLAIN, false},
    {"mb_per_s", megabytes, 2, NUMBER_PLAIN, false},
    {"cpu_s_per_million", cpu, 3, NUMBER_PLAIN, false},
    {"sender_cpu_per_million", sender_cpu, 3, NUMBER_PLAIN, false},
    {"wire_per_byte", wire, 4, NUMBER_PLAIN, false},
    {"disk_per_byte", disk, 3, NUMBER_PLAIN, true},
    {"p50_us", p50, 2, NUMBER_PLAIN, false},
    {"p99_us", p99, 2, NUMBER_PLAIN, false},
    {"p999_us", p999, 2, NUMBER_PLAIN, false},
    {"max_us", longest, 2, NUMBER_PLAIN, false},
    {"sender_peak_kib", sender_rss, 0, NUMBER_PEAK, false},
    {"receiver_peak_kib", receiver_rss, 0, NUMBER_PEAK, false},
    {"sender_anon_kib", sender_anon, 0, NUMBER_PEAK, false},
    {"receiver_anon_kib", receiver_anon, 0, NUMBER_PEAK, false},
    {"sender_file_kib", sender_file, 0, NUMBER_PEAK, false},
};

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Sorts the values of all rounds. */
static struct spread spread_of(double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), ascending);
    return (struct spread){
        .median = (values[(count - 1) / 2] + values[count / 2]) / 2,
        .least = values[0],
        .most = values[count - 1],
    };
}

/* Adds the number whose values of all rounds are these, unless a round has none. */
static void add(struct row *row, const char *name, double *values, int digits,
                enum number_kind kind)
{
    for (unsigned i = 0; i < row->rounds; i++) {
        if (!isfinite(values[i]))
            return;
    }
    if (row->count == ROW_NUMBERS || row_find(row, name))
        return;
    struct number *number = &row->number[row->count++];
    snprintf(number->name, sizeof(number->name), "%s", name);
    number->spread = spread_of(values, row->rounds);
    number->digits = digits;
    number->kind = kind;
}

static void add_ratios(const struct bench_results *results, size_t step, struct row *row)
{
    const struct work *work = row->step->options->work;
    double values[BENCH_RUNS];
    for (size_t i = 0; i < WORK_RATIOS && work->ratios[i].name; i++) {
        for (unsigned j = 0; j < row->rounds; j++)
            values[j] = results_ratio(results, &work->ratios[i], step, j);
        add(row, work->ratios[i].name, values, 4, NUMBER_RATIO);
    }
}

static void add_own(const struct bench_results *results, size_t step, struct row *row)
{
    const struct result *first = results_at(results, step, 0);
    double values[BENCH_RUNS];
    for (size_t i = 0; i < first->value_count; i++) {
        const char *name = first->value[i].name;
        for (unsigned j = 0; j < row->rounds; j++)
            values[j] = result_value(results_at(results, step, j), name, NAN);
        add(row, name, values, 6, NUMBER_OWN);
    }
}

void row_make(const struct bench_results *results, size_t step, struct row *row)
{
    double values[BENCH_RUNS];
    *row = (struct row){.step = &results->steps.step[step], .rounds = results->rounds};
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        if (plain[i].stored && !*row->step->level)
            continue;
        for (unsigned j = 0; j < row->rounds; j++)
            values[j] = plain[i].read(results_at(results, step, j));
        add(row, plain[i].name, values, plain[i].digits, plain[i].kind);
    }
    add_ratios(results, step, row);
    add_own(results, step, row);
}

const struct spread *row_find(const struct row *row, const char *name)
{
    for (size_t i = 0; i < row->count; i++) {
        if (strcmp(row->number[i].name, name) == 0)
            return &row->number[i].spread;
    }
    return NULL;
}

void row_name(const struct step *step, bool level, char name[ROW_NAME])
{
    const struct system *system = step->system;
    snprintf(name, ROW_NAME, "%s%s%s%s%s", system->name, *system->shape ? " " : "", system->shape,
             level && *step->level ? " " : "", level ? step->level : "");
}
