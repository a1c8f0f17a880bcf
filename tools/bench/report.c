/* SPDX-License-Identifier: MPL-2.0 */
/* Numbers for people and for programs. */

#include "report.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spread {
    double median, least, most;
};

/* A number of one run; NAN if it has none. */
typedef double (*number_fn)(const struct result *result, const void *context);

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

/* False if a round has no such number. */
static bool over_rounds(const struct bench_results *results, size_t step, number_fn number,
                        const void *context, struct spread *spread)
{
    double values[BENCH_RUNS];
    for (unsigned i = 0; i < results->rounds; i++) {
        values[i] = number(results_at(results, step, i), context);
        if (!isfinite(values[i]))
            return false;
    }
    *spread = spread_of(values, results->rounds);
    return true;
}

static bool ratio_over_rounds(const struct bench_results *results, size_t step,
                              const struct ratio *ratio, struct spread *spread)
{
    double values[BENCH_RUNS];
    for (unsigned i = 0; i < results->rounds; i++) {
        values[i] = results_ratio(results, ratio, step, i);
        if (!isfinite(values[i]))
            return false;
    }
    *spread = spread_of(values, results->rounds);
    return true;
}

static double rate(const struct result *result, const void *context)
{
    (void)context;
    return (double)result->messages / result->seconds;
}

static double megabytes(const struct result *result, const void *context)
{
    (void)context;
    return (double)result->bytes / result->seconds / 1e6;
}

static double cpu(const struct result *result, const void *context)
{
    (void)context;
    return result->bytes ? result->cpu_seconds * 1e6 / (double)result->messages : NAN;
}

static double wire(const struct result *result, const void *context)
{
    (void)context;
    return result->wire_known && result->bytes
               ? (double)(result->wire_out + result->wire_in) / (double)result->bytes
               : NAN;
}

static double disk(const struct result *result, const void *context)
{
    (void)context;
    return result->bytes ? (double)result->disk_bytes / (double)result->bytes : NAN;
}

static double latency(const struct result *result, const void *share)
{
    return result->latency ? (double)histogram_at(result->latency, *(const double *)share) / 1e3
                           : NAN;
}

static double named(const struct result *result, const void *name)
{
    return result_value(result, name, NAN);
}

static double peak(const struct result *result, const void *of)
{
    switch (*(const char *)of) {
    case 'S': return (double)result_peak_rss(result, true);
    case 'R': return (double)result_peak_rss(result, false);
    case 's': return (double)result_peak_anon(result, true);
    case 'r': return (double)result_peak_anon(result, false);
    case 'f': return (double)result_peak_file(result, true);
    default: return NAN;
    }
}

static const double shares[] = {0.5, 0.99, 0.999, 1};

/* The table. */

static double most(const struct bench_results *results, size_t step, const char *of)
{
    struct spread spread = {0};
    over_rounds(results, step, peak, of, &spread);
    return spread.most / 1024;
}

static void table_more(const struct work *work, const struct bench_results *results, size_t step)
{
    const struct result *first = results_at(results, step, 0);
    struct spread spread;
    for (size_t i = 0; i < WORK_RATIOS && work->ratios[i].name; i++) {
        if (ratio_over_rounds(results, step, &work->ratios[i], &spread))
            printf("  %s %.2f (%.2f-%.2f)", work->ratios[i].name, spread.median, spread.least,
                   spread.most);
    }
    if (over_rounds(results, step, latency, &shares[0], &spread)) {
        printf("  us p50/p99/p99.9/max");
        for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++) {
            if (over_rounds(results, step, latency, &shares[i], &spread))
                printf("%c%.0f", i ? '/' : ' ', spread.median);
        }
    }
    for (size_t i = 0; i < first->value_count; i++) {
        if (over_rounds(results, step, named, first->value[i].name, &spread))
            printf("  %s %g", first->value[i].name, spread.median);
    }
    putchar('\n');
}

static void table_row(const struct work *work, const struct bench_results *results, size_t step)
{
    const struct step *of = &results->steps.step[step];
    struct spread all = {0}, bytes = {0}, used = {0}, ratio;
    char name[64];
    snprintf(name, sizeof(name), "%s%s%s", of->system->name, *of->system->shape ? " " : "",
             of->system->shape);
    over_rounds(results, step, rate, NULL, &all);
    over_rounds(results, step, megabytes, NULL, &bytes);
    over_rounds(results, step, cpu, NULL, &used);
    printf("%-16s %-6s %7zu %9.0f (%.0f-%.0f) %8.1f  %6.2f  %.1f + %.1f", name, of->level,
           of->size, all.median, all.least, all.most, bytes.median, used.median,
           most(results, step, "S"), most(results, step, "R"));
    if (over_rounds(results, step, wire, NULL, &ratio))
        printf("  wire %.3f", ratio.median);
    if (*of->level && over_rounds(results, step, disk, NULL, &ratio))
        printf("  disk %.2f", ratio.median);
    table_more(work, results, step);
}

void report_table(const struct bench_options *options, const struct bench_results *results)
{
    printf("%s: %s; random payload; medians of %u (least-most)\n", options->work->name,
           options->work->about, options->runs);
    printf("columns: bytes of one, %s/s, MB/s, CPU s per million in all processes, peak RSS MiB\n"
           "of senders + receivers, bytes on the wire and on disk per byte of payload\n\n",
           options->work->unit);
    for (size_t i = 0; i < results->steps.count; i++)
        table_row(options->work, results, i);
}

/* JSON. */

static void json_spread(const char *name, const struct spread *spread, int digits)
{
    printf(",\"%s\":%.*f,\"%s_min\":%.*f,\"%s_max\":%.*f", name, digits, spread->median, name,
           digits, spread->least, name, digits, spread->most);
}

static void json_number(const struct bench_results *results, size_t step, const char *name,
                        number_fn number, const void *context, int digits)
{
    struct spread spread;
    if (over_rounds(results, step, number, context, &spread))
        json_spread(name, &spread, digits);
}

static void json_peak(const struct bench_results *results, size_t step, const char *name,
                      const char *of)
{
    struct spread spread;
    if (over_rounds(results, step, peak, of, &spread))
        printf(",\"%s\":%.0f", name, spread.most);
}

static void json_row(const struct work *work, const struct bench_results *results, size_t step)
{
    static const char *const names[] = {"p50_us", "p99_us", "p999_us", "max_us"};
    const struct step *of = &results->steps.step[step];
    const struct result *first = results_at(results, step, 0);
    struct spread spread;
    printf("{\"work\":\"%s\",\"size\":%zu,\"durability\":\"%s\",\"count\":%llu,\"runs\":%u,"
           "\"system\":\"%s\",\"shape\":\"%s\"",
           work->name, of->size, of->level, (unsigned long long)of->count, results->rounds,
           of->system->name, of->system->shape);
    json_number(results, step, "rate", rate, NULL, 0);
    json_number(results, step, "mb_per_s", megabytes, NULL, 2);
    json_number(results, step, "cpu_s_per_million", cpu, NULL, 3);
    json_number(results, step, "wire_per_byte", wire, NULL, 4);
    json_number(results, step, "disk_per_byte", disk, NULL, 3);
    json_peak(results, step, "sender_peak_kib", "S");
    json_peak(results, step, "receiver_peak_kib", "R");
    json_peak(results, step, "sender_anon_kib", "s");
    json_peak(results, step, "receiver_anon_kib", "r");
    json_peak(results, step, "sender_file_kib", "f");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        json_number(results, step, names[i], latency, &shares[i], 2);
    for (size_t i = 0; i < WORK_RATIOS && work->ratios[i].name; i++) {
        if (ratio_over_rounds(results, step, &work->ratios[i], &spread))
            json_spread(work->ratios[i].name, &spread, 4);
    }
    for (size_t i = 0; i < first->value_count; i++)
        json_number(results, step, first->value[i].name, named, first->value[i].name, 6);
    printf("}");
}

void report_json(const struct bench_options *options, const struct bench_results *results)
{
    printf("{\"rows\":[");
    for (size_t i = 0; i < results->steps.count; i++) {
        printf("%s", i ? "," : "");
        json_row(options->work, results, i);
    }
    printf("]}\n");
}
