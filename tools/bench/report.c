/* SPDX-License-Identifier: MPL-2.0 */
/* Numbers for people and for programs. */

#include "report.h"
#include <stdio.h>
#include <stdlib.h>

#define MILLION 1e6

struct spread {
    double median, least, most;
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

/* What the rounds of one system come to. */
struct summary {
    struct spread rate, ratio, cpu; /* ratio: to raw, of the same round */
    long sender_kib, receiver_kib;  /* the highest */
};

static struct summary summarise(const struct bench_options *options, const struct bench_result *of,
                                const struct bench_result *raw)
{
    struct summary summary = {0};
    double rate[BENCH_RUNS], ratio[BENCH_RUNS], cpu[BENCH_RUNS];
    double count = (double)options->count;
    for (unsigned i = 0; i < options->runs; i++) {
        rate[i] = count / of[i].seconds;
        ratio[i] = options->raw ? raw[i].seconds / of[i].seconds : 0;
        cpu[i] = of[i].cpu_seconds * MILLION / count;
        if (of[i].sender_kib > summary.sender_kib)
            summary.sender_kib = of[i].sender_kib;
        if (of[i].receiver_kib > summary.receiver_kib)
            summary.receiver_kib = of[i].receiver_kib;
    }
    summary.rate = spread_of(rate, options->runs);
    summary.ratio = spread_of(ratio, options->runs);
    summary.cpu = spread_of(cpu, options->runs);
    return summary;
}

static void table_row(const char *name, const char *level, const struct summary *summary,
                      bool ratio)
{
    char text[64] = "";
    if (ratio)
        snprintf(text, sizeof(text), "%.2f (%.2f-%.2f)", summary->ratio.median,
                 summary->ratio.least, summary->ratio.most);
    printf("%-5s %-6s %9.0f (%.0f-%.0f)", name, level, summary->rate.median, summary->rate.least,
           summary->rate.most);
    printf("  %-17s  %.2f  %.1f + %.1f\n", text, summary->cpu.median,
           (double)summary->sender_kib / 1024, (double)summary->receiver_kib / 1024);
}

void report_table(const struct bench_options *options, const struct bench_results *results)
{
    printf("%s: %llu messages of %zu bytes, random; medians of %u (least-most)\n", options->work,
           (unsigned long long)options->count, options->size, options->runs);
    printf("columns: messages/s, rate / raw's in the same round, CPU s per million messages of "
           "both\nprocesses, peak RSS MiB of sender + receiver\n\n");
    if (options->raw) {
        struct summary raw = summarise(options, results->raw, results->raw);
        table_row("raw", "", &raw, false);
    }
    for (size_t i = 0; i < options->level_count; i++) {
        struct summary level = summarise(options, results->level[i], results->raw);
        table_row(options->work, options->levels[i], &level, options->raw);
    }
}

static void json_spread(const char *name, const struct spread *spread, int digits)
{
    printf(",\"%s\":%.*f,\"%s_min\":%.*f,\"%s_max\":%.*f", name, digits, spread->median, name,
           digits, spread->least, name, digits, spread->most);
}

static void json_row(const struct bench_options *options, const char *level,
                     const struct summary *stage, const struct summary *raw)
{
    printf("{\"work\":\"%s\",\"size\":%zu,\"durability\":\"%s\",\"count\":%llu,\"runs\":%u",
           options->work, options->size, level, (unsigned long long)options->count, options->runs);
    json_spread("rate", &stage->rate, 0);
    json_spread("cpu_s_per_million", &stage->cpu, 3);
    printf(",\"sender_peak_kib\":%ld,\"receiver_peak_kib\":%ld", stage->sender_kib,
           stage->receiver_kib);
    if (options->raw) {
        json_spread("raw_rate", &raw->rate, 0);
        json_spread("ratio_raw", &stage->ratio, 4);
        json_spread("raw_cpu_s_per_million", &raw->cpu, 3);
        printf(",\"raw_sender_peak_kib\":%ld,\"raw_receiver_peak_kib\":%ld", raw->sender_kib,
               raw->receiver_kib);
    }
    printf("}");
}

void report_json(const struct bench_options *options, const struct bench_results *results)
{
    struct summary raw = {0};
    if (options->raw)
        raw = summarise(options, results->raw, results->raw);
    printf("{\"rows\":[");
    for (size_t i = 0; i < options->level_count; i++) {
        struct summary level = summarise(options, results->level[i], results->raw);
        printf("%s", i ? "," : "");
        json_row(options, options->levels[i], &level, &raw);
    }
    printf("]}\n");
}
