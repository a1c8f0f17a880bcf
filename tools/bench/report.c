/* SPDX-License-Identifier: MPL-2.0 */
/* Numbers for people and for programs. */

#include "report.h"
#include <stdio.h>
#include <string.h>

#define COLUMNS 100
#define INDENT  26 /* below the rates */

/* A spread in the fewest digits that say it: 812.5, 0.974, 2140000. */
static void plainly(char *text, size_t size, double value)
{
    double amount = value < 0 ? -value : value;
    snprintf(text, size, "%.*f",
             amount >= 1000 ? 0
             : amount >= 10 ? 1
             : amount >= 1  ? 2
                            : 3,
             value);
}

/* Text below a row, item by item, wrapped. */
struct below {
    int column; /* 0: nothing written yet */
};

static void item(struct below *below, const char *text)
{
    int width = (int)strlen(text);
    if (below->column == 0 || below->column + 3 + width > COLUMNS) {
        printf("%s%*s%s", below->column ? "\n" : "", INDENT, "", text);
        below->column = INDENT + width;
    } else {
        printf("   %s", text);
        below->column += 3 + width;
    }
}

static void latencies(struct below *below, const struct row *row)
{
    static const char *const names[] = {"p50_us", "p99_us", "p999_us", "max_us"};
    static const char *const titles[] = {"p50", "p99", "p99.9", "max"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct spread *spread = row_find(row, names[i]);
        char text[64], number[32];
        if (!spread)
            continue;
        plainly(number, sizeof(number), spread->median);
        snprintf(text, sizeof(text), "%s %s us", titles[i], number);
        item(below, text);
    }
}

static void others(struct below *below, const struct row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        const struct number *number = &row->number[i];
        char text[128], median[32], least[32], most[32];
        if (number->kind != NUMBER_RATIO && number->kind != NUMBER_OWN)
            continue;
        plainly(median, sizeof(median), number->spread.median);
        plainly(least, sizeof(least), number->spread.least);
        plainly(most, sizeof(most), number->spread.most);
        if (row->rounds > 1)
            snprintf(text, sizeof(text), "%s %s (%s-%s)", number->name, median, least, most);
        else
            snprintf(text, sizeof(text), "%s %s", number->name, median);
        item(below, text);
    }
}

/* A column of its own: the median in this width, or nothing. */
static void column(const struct row *row, const char *name, int width, int digits)
{
    const struct spread *spread = row_find(row, name);
    if (spread)
        printf(" %*.*f", width, digits, spread->median);
    else
        printf(" %*s", width, "");
}

static void table_row(const struct row *row)
{
    struct below below = {0};
    char name[ROW_NAME], range[48] = "", memory[32];
    const struct spread *all = row_find(row, "rate");
    const struct spread *sends = row_find(row, "sender_peak_kib");
    const struct spread *takes = row_find(row, "receiver_peak_kib");
    row_name(row->step, false, name);
    if (all && row->rounds > 1)
        snprintf(range, sizeof(range), "(%.0f-%.0f)", all->least, all->most);
    snprintf(memory, sizeof(memory), "%.0f+%.0f", sends ? sends->most / 1024 : 0,
             takes ? takes->most / 1024 : 0);
    printf("%-17s %-6s %7zu", name, row->step->level, row->step->size);
    column(row, "rate", 9, 0);
    printf(" %-17s", range);
    column(row, "mb_per_s", 7, 1);
    column(row, "cpu_s_per_million", 6, 2);
    printf(" %8s", memory);
    column(row, "wire_per_byte", 5, 2);
    if (row_find(row, "disk_per_byte"))
        column(row, "disk_per_byte", 5, 2);
    putchar('\n');
    latencies(&below, row);
    others(&below, row);
    if (below.column)
        putchar('\n');
}

void report_table(const struct bench_options *options, const struct bench_results *results)
{
    printf(
        "%s: %s\n"
        "random payload; medians of %u rounds (least-most); ratios are of the same round\n"
        "CPU: seconds per million %s, all processes; RSS: highest of one sender + one receiver;\n"
        "wire, disk: bytes there per byte of payload\n\n",
        options->work->name, options->work->about, options->runs, options->work->unit);
    printf("%-17s %-6s %7s %8s/s %-17s %7s %6s %8s %5s %5s\n", "system", "level", "bytes",
           options->work->unit, "", "MB/s", "CPU s", "RSS MiB", "wire", "disk");
    for (size_t i = 0; i < results->steps.count; i++) {
        struct row row;
        row_make(results, i, &row);
        table_row(&row);
    }
}

void report_json_row(const struct row *row, const char *before)
{
    const struct step *step = row->step;
    printf("{%s\"work\":\"%s\",\"size\":%zu,\"durability\":\"%s\",\"count\":%llu,\"runs\":%u,"
           "\"system\":\"%s\",\"shape\":\"%s\"",
           before, step->options->work->name, step->size, step->level,
           (unsigned long long)step->count, row->rounds, step->system->name, step->system->shape);
    for (size_t i = 0; i < row->count; i++) {
        const struct number *number = &row->number[i];
        const struct spread *spread = &number->spread;
        if (number->kind == NUMBER_PEAK)
            printf(",\"%s\":%.*f", number->name, number->digits, spread->most);
        else
            printf(",\"%s\":%.*f,\"%s_min\":%.*f,\"%s_max\":%.*f", number->name, number->digits,
                   spread->median, number->name, number->digits, spread->least, number->name,
                   number->digits, spread->most);
    }
    putchar('}');
}

void report_json(const struct bench_results *results)
{
    printf("{\"rows\":[");
    for (size_t i = 0; i < results->steps.count; i++) {
        struct row row;
        row_make(results, i, &row);
        if (i)
            putchar(',');
        report_json_row(&row, "");
    }
    printf("]}\n");
}
