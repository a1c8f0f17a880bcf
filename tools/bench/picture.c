/* SPDX-License-Identifier: MPL-2.0 */
/* From results to bars and lines. */

#include "picture.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

FILE *picture_open(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file) {
        bench_complain("cannot write the picture %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    return file;
}

bool picture_write(FILE *file, const struct plot *plot)
{
    bool good = ftruncate(fileno(file), 0) == 0 || errno == EINVAL; /* EINVAL: a device */
    good = good && plot_write(plot, file) == 0;
    good = fclose(file) == 0 && good;
    if (!good)
        bench_complain("the picture could not be written");
    return good;
}

/* Tenfold fewer are slower than each. */
static const double shares[] = {0.0, 0.5, 0.9, 0.99, 0.999, 0.9999};

#define SHARES (sizeof(shares) / sizeof(*shares))

struct latencies {
    char names[PLOT_SERIES_MAX][ROW_NAME];
    double x[SHARES], y[PLOT_SERIES_MAX][SHARES];
    struct plot_panel panel;
};

/* All rounds of a step together; false if it has none. */
static bool merge(const struct bench_results *results, size_t step, struct histogram *all)
{
    memset(all, 0, sizeof(*all));
    for (unsigned i = 0; i < results->rounds; i++) {
        const struct histogram *one = results_at(results, step, i)->latency;
        if (one)
            histogram_merge(all, one);
    }
    return all->total > 0;
}

static void gather(const struct bench_results *results, struct histogram *all,
                   struct latencies *latencies)
{
    struct plot_panel *panel = &latencies->panel;
    *panel = (struct plot_panel){.title = "us that so many took at most", .log_y = true};
    for (size_t i = 0; i < SHARES; i++)
        latencies->x[i] = 1 / (1 - shares[i]);
    for (size_t i = 0; i < results->steps.count && panel->series_count < PLOT_SERIES_MAX; i++) {
        size_t at = panel->series_count;
        if (!merge(results, i, all))
            continue;
        row_name(&results->steps.step[i], true, latencies->names[at]);
        for (size_t j = 0; j < SHARES; j++)
            latencies->y[at][j] = (double)histogram_at(all, shares[j]) / 1e3;
        panel->series[at] = (struct plot_series){latencies->names[at], latencies->y[at]};
        panel->series_count++;
    }
}

/* 1, 10, 100, 1000: all, 90 %, 99 %, 99.9 %. */
static void share_label(FILE *out, double x)
{
    if (x <= 1)
        fprintf(out, "least");
    else
        fprintf(out, "%.4g%%", 100 - 100 / x);
}

static size_t rates(const struct bench_results *results, char (*names)[ROW_NAME],
                    struct plot_bar *bars)
{
    size_t count = 0;
    for (size_t i = 0; i < results->steps.count; i++) {
        struct row row;
        row_make(results, i, &row);
        const struct spread *rate = row_find(&row, "rate");
        if (!rate)
            continue;
        row_name(row.step, true, names[count]);
        size_t used = strlen(names[count]);
        if (results->steps.step[0].size != results->steps.step[results->steps.count - 1].size)
            snprintf(names[count] + used, ROW_NAME - used, " %zu B", row.step->size);
        bars[count] = (struct plot_bar){names[count], rate->median, rate->least, rate->most};
        count++;
    }
    return count;
}

bool picture_results(FILE *file, const struct bench_options *options,
                     const struct bench_results *results)
{
    char title[160], unit[64], names[STEPS][ROW_NAME];
    struct plot_bar list[STEPS];
    struct plot_bars bars = {unit, list, rates(results, names, list)};
    struct latencies latencies = {0};
    struct histogram *all = malloc(sizeof(*all));
    if (!all) {
        bench_complain("out of memory");
        fclose(file);
        return false;
    }
    gather(results, all, &latencies);
    free(all);
    snprintf(title, sizeof(title),
             "godwit bench %s: medians of %u rounds, whiskers from least to most",
             options->work->name, options->runs);
    snprintf(unit, sizeof(unit), "%s/s", options->work->unit);
    struct plot plot = {
        .title = title,
        .bars = &bars,
        .x_title = "share",
        .x = latencies.x,
        .count = SHARES,
        .x_label = share_label,
        .panels = &latencies.panel,
        .panel_count = latencies.panel.series_count > 0,
        .columns = 1,
    };
    return picture_write(file, &plot);
}
