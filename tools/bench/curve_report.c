/* SPDX-License-Identifier: MPL-2.0 */
/* Curves as a table, as JSON, as a picture. */

#include "curve_report.h"
#include "picture.h"
#include "report.h"
#include <stdlib.h>
#include <string.h>

/* Of a series: a system, a shape and a durability, and the work if the curve has several. */
static void series_name(const struct bench_options *options, const struct curve_point *point,
                        size_t step, char name[ROW_NAME])
{
    char plain[ROW_NAME];
    row_name(&point->results.steps.step[step], true, plain);
    if (options->curve->works[1])
        snprintf(name, ROW_NAME, "%.12s %.50s", point->options.work->name, plain);
    else
        snprintf(name, ROW_NAME, "%s", plain);
}

static void cell(const struct row *row, const char *name, int width, int digits, double unit)
{
    const struct spread *spread = row_find(row, name);
    if (spread)
        printf(" %*.*f", width, digits, spread->median / unit);
    else
        printf(" %*s", width, "");
}

static void table_line(const struct bench_options *options, const struct curve_point *point,
                       size_t step)
{
    struct row row;
    char name[ROW_NAME], range[48] = "";
    row_make(&point->results, step, &row);
    series_name(options, point, step, name);
    const struct spread *rate = row_find(&row, "rate");
    if (rate)
        snprintf(range, sizeof(range), "(%.0f-%.0f)", rate->least, rate->most);
    printf("%9llu  %-24s", (unsigned long long)point->point, name);
    cell(&row, "rate", 9, 0, 1);
    printf(" %-19s", range);
    cell(&row, "mb_per_s", 8, 1, 1);
    cell(&row, "cpu_s_per_million", 8, 2, 1);
    cell(&row, "ratio_raw", 6, 2, 1);
    cell(&row, "sender_anon_kib", 8, 1, 1024);
    putchar('\n');
}

void curve_table(const struct bench_options *options, const struct curve_point *points,
                 size_t count)
{
    printf("curve %s: %s\n"
           "random payload; medians of %u rounds (least-most); CPU: seconds per million, all "
           "processes;\n"
           "RAM: RssAnon + RssShmem of a sender, MiB\n\n",
           options->curve->name, options->curve->about, options->runs);
    printf("%9s  %-24s %9s %-19s %8s %8s %6s %8s\n", options->curve->name, "system", "per s", "",
           "MB/s", "CPU s", "/ raw", "RAM");
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < points[i].results.steps.count; j++)
            table_line(options, &points[i], j);
    }
}

void curve_json(const struct bench_options *options, const struct curve_point *points, size_t count)
{
    bool first = true;
    printf("{\"rows\":[");
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < points[i].results.steps.count; j++) {
            struct row row;
            char before[96];
            row_make(&points[i].results, j, &row);
            snprintf(before, sizeof(before), "\"curve\":\"%s\",\"point\":%llu,",
                     options->curve->name, (unsigned long long)points[i].point);
            printf("%s", first ? "" : ",");
            report_json_row(&row, before);
            first = false;
        }
    }
    printf("]}\n");
}

/* --- the picture --- */

static const struct {
    const char *number, *title;
    double unit;
} panels[] = {
    {"rate", "messages/s", 1},
    {"mb_per_s", "payload, MB/s", 1},
    {"cpu_s_per_million", "CPU s per million, all processes", 1},
    {"sender_anon_kib", "memory of a sender, MiB", 1024},
    {"p50_us", "p50, us", 1},
    {"open_s", "restart to first message, s", 1},
};

#define PANELS (sizeof(panels) / sizeof(*panels))

struct drawing {
    size_t points;
    double x[BENCH_POINTS];
    size_t series;
    char names[PLOT_SERIES_MAX][ROW_NAME];
    double y[PANELS][PLOT_SERIES_MAX][BENCH_POINTS]; /* -1: none */
    bool any[PANELS];
};

static size_t series_of(struct drawing *drawing, const char *name)
{
    size_t i = 0;
    while (i < drawing->series && strcmp(drawing->names[i], name) != 0)
        i++;
    if (i < PLOT_SERIES_MAX && i == drawing->series)
        snprintf(drawing->names[drawing->series++], ROW_NAME, "%s", name);
    return i;
}

static void enter(struct drawing *drawing, const struct bench_options *options,
                  const struct curve_point *point, size_t step)
{
    struct row row;
    char name[ROW_NAME];
    row_make(&point->results, step, &row);
    series_name(options, point, step, name);
    size_t series = series_of(drawing, name);
    if (series == PLOT_SERIES_MAX)
        return; /* the table has it */
    for (size_t i = 0; i < PANELS; i++) {
        const struct spread *spread = row_find(&row, panels[i].number);
        if (!spread)
            continue;
        drawing->y[i][series][drawing->points - 1] = spread->median / panels[i].unit;
        drawing->any[i] = true;
    }
}

static void gather(struct drawing *drawing, const struct bench_options *options,
                   const struct curve_point *points, size_t count)
{
    for (size_t i = 0; i < PANELS * PLOT_SERIES_MAX * BENCH_POINTS; i++)
        (&drawing->y[0][0][0])[i] = -1;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || points[i].point != points[i - 1].point)
            drawing->x[drawing->points++] = (double)points[i].point;
        for (size_t j = 0; j < points[i].results.steps.count; j++)
            enter(drawing, options, &points[i], j);
    }
}

/* Those that have such a number at some point. */
static void add_series(struct plot_panel *panel, const struct drawing *drawing, size_t number)
{
    for (size_t i = 0; i < drawing->series; i++) {
        const double *y = drawing->y[number][i];
        size_t j = 0;
        while (j < drawing->points && y[j] < 0)
            j++;
        if (j < drawing->points)
            panel->series[panel->series_count++] = (struct plot_series){drawing->names[i], y};
    }
}

bool curve_picture(FILE *file, const struct bench_options *options,
                   const struct curve_point *points, size_t count)
{
    char title[128];
    struct plot_panel list[PANELS] = {0};
    struct plot plot = {.title = title, .x_title = options->curve->about, .columns = 2};
    struct drawing *drawing = calloc(1, sizeof(*drawing));
    if (!drawing) {
        bench_complain("out of memory");
        fclose(file);
        return false;
    }
    gather(drawing, options, points, count);
    for (size_t i = 0; i < PANELS; i++) {
        if (!drawing->any[i])
            continue;
        struct plot_panel *panel = &list[plot.panel_count++];
        panel->title = panels[i].title;
        panel->log_y = true;
        add_series(panel, drawing, i);
    }
    snprintf(title, sizeof(title), "godwit bench curve %s: medians of %u rounds",
             options->curve->name, options->runs);
    plot.x = drawing->x;
    plot.count = drawing->points;
    plot.panels = list;
    bool good = picture_write(file, &plot);
    free(drawing);
    return good;
}
