/* SPDX-License-Identifier: MPL-2.0 */

/* Runs of growing size. Each has a process of its own, so that none finds the heap of the one
 * before it. How a figure grows is told by the slope of its logarithm over that of the number of
 * peers: what costs each link, or each message, the same at any size has a slope of 0, a walk over
 * all links for each of them a slope of 1. */

#include "fleet_figures.h"
#include "common/plot.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZES_MAX 16
#define FIT_FROM  100 /* peers: below, what every peer takes hides what its links do */

static const uint32_t sizes[] = {10, 30, 100, 300, 1000, 3000, 10000};

struct row {
    struct fleet_report report;
    struct fleet_figures figures;
};

struct table {
    struct row rows[SIZES_MAX];
    size_t count;
};

/* --- figures by name --- */

struct column {
    const char *title;
    int digits;
    size_t offset; /* of a double in struct fleet_figures */
    double limit;  /* slopes above it are marked; 0: the figure may grow with the peers */
};

#define FIGURE(field) offsetof(struct fleet_figures, field)
/* Counts are exact. Time also grows as the fleet leaves the caches of the machine. */
#define COUNTED 0.15
#define TIMED   0.5

static const struct column memory_columns[] = {
    {"bytes a link", 0, FIGURE(bytes_per_link), COUNTED},
    {"bytes a peer", 0, FIGURE(bytes_per_peer), COUNTED},
    {"idle frames/s a link", 2, FIGURE(frames_per_link_s), COUNTED},
    {"idle bytes/s a link", 0, FIGURE(bytes_per_link_s), COUNTED},
    {"idle CPU us/s a link", 1, FIGURE(idle_cpu_per_link_us), TIMED},
    {"of peer 0 us/s a link", 1, FIGURE(hub_cpu_per_link_us), TIMED},
    {"looks of peer 0 a link and heartbeat", 2, FIGURE(hub_looks_per_heartbeat), COUNTED},
};

static const struct column message_columns[] = {
    {"trickle: ACK bytes", 1, FIGURE(trickle.ack_bytes), COUNTED},
    {"DATA header", 1, FIGURE(trickle.header_bytes), COUNTED},
    {"looks", 1, FIGURE(trickle.looks), COUNTED},
    {"CPU us", 1, FIGURE(trickle.cpu_us), TIMED},
    {"bulk: ACK bytes", 1, FIGURE(bulk.ack_bytes), COUNTED},
    {"DATA header", 1, FIGURE(bulk.header_bytes), COUNTED},
    {"looks", 2, FIGURE(bulk.looks), COUNTED},
    {"CPU us", 2, FIGURE(bulk.cpu_us), TIMED},
};

static const struct column restart_columns[] = {
    {"links back, s", 3, FIGURE(links_s), COUNTED},
    {"all settled, s", 3, FIGURE(settled_s), COUNTED},
    {"peak frames/s", 0, FIGURE(peak_frames_s), 0},
    {"a link", 1, FIGURE(peak_per_link_s), COUNTED},
    {"handshake bytes a link", 0, FIGURE(handshake_bytes_per_link), COUNTED},
    {"CPU us a link", 0, FIGURE(restart_cpu_per_link_us), TIMED},
    {"of peer 0, s", 3, FIGURE(restart_hub_cpu_s), 0},
};

static double value_of(const struct row *row, const struct column *column)
{
    double value;

    memcpy(&value, (const char *)&row->figures + column->offset, sizeof value);
    return value;
}

/* The slope by least squares over the rows from FIT_FROM peers on; NAN: too few. */
static double slope(const struct table *table, const struct column *column)
{
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;

    for (size_t i = 0; i < table->count; i++) {
        double peers = table->rows[i].report.options.peers;
        double value = value_of(&table->rows[i], column);
        if (peers < FIT_FROM || value <= 0)
            continue;
        n++;
        x += log(peers);
        y += log(value);
        xx += log(peers) * log(peers);
        xy += log(peers) * log(value);
    }
    return n < 2 ? NAN : (n * xy - x * y) / (n * xx - x * x);
}

/* --- the tables --- */

static void print_head(const struct column *columns, size_t count)
{
    printf("\n| peers | links |");
    for (size_t i = 0; i < count; i++)
        printf(" %s |", columns[i].title);
    printf("\n|---:|---:|");
    for (size_t i = 0; i < count; i++)
        printf("---:|");
    printf("\n");
}

/* The number of marks. */
static size_t print_growth(const struct table *table, const struct column *columns, size_t count)
{
    size_t marks = 0;

    printf("| growth | |");
    for (size_t i = 0; i < count; i++) {
        double found = slope(table, &columns[i]);
        bool marked = columns[i].limit > 0 && found > columns[i].limit;
        if (isnan(found))
            printf(" |");
        else
            printf(" N^%.2f%s |", found, marked ? " **!**" : "");
        marks += marked;
    }
    printf("\n");
    return marks;
}

static size_t print_table(const struct table *table, const struct column *columns, size_t count)
{
    print_head(columns, count);
    for (size_t i = 0; i < table->count; i++) {
        const struct row *row = &table->rows[i];
        printf("| %u | %llu |", row->report.options.peers, (unsigned long long)row->report.links);
        for (size_t j = 0; j < count; j++)
            printf(" %.*f |", columns[j].digits, value_of(row, &columns[j]));
        printf("\n");
    }
    return print_growth(table, columns, count);
}

static void print_all(const struct table *table, const struct fleet_curve *curve)
{
    size_t marks = 0;
    uint64_t accepted = 0, lost = 0, repeated = 0;

    printf("%s, seed %llu, heartbeat %llu ms\n", fleet_shape_name(curve->options.shape),
           (unsigned long long)curve->options.seed,
           (unsigned long long)curve->options.heartbeat_us / 1000);
    marks += print_table(table, memory_columns, sizeof memory_columns / sizeof *memory_columns);
    marks += print_table(table, message_columns, sizeof message_columns / sizeof *message_columns);
    marks += print_table(table, restart_columns, sizeof restart_columns / sizeof *restart_columns);
    for (size_t i = 0; i < table->count; i++) {
        accepted += table->rows[i].report.accepted;
        lost += table->rows[i].report.lost;
        repeated += table->rows[i].report.repeated;
    }
    printf("\naccepted %llu, lost %llu, repeated %llu\n", (unsigned long long)accepted,
           (unsigned long long)lost, (unsigned long long)repeated);
    if (marks)
        printf("%zu figures grow faster than they may (!): something walks over all links or "
               "messages\n",
               marks);
}

/* --- the picture --- */

static void fill(const struct table *table, size_t offset, double *y)
{
    const struct column column = {.offset = offset};

    for (size_t i = 0; i < table->count; i++)
        y[i] = value_of(&table->rows[i], &column);
}

static int draw(const struct table *table, const struct fleet_curve *curve)
{
    static const struct {
        const char *title;
        bool log_y;
        struct {
            const char *name;
            size_t offset;
        } series[2];
    } wanted[] = {
        {"Memory of a link, both ends (bytes)", false, {{"link", FIGURE(bytes_per_link)}}},
        {"Idle: frames a second for each link", false, {{"frames", FIGURE(frames_per_link_s)}}},
        {"Idle: CPU for a virtual second and link (us)",
         false,
         {{"fleet", FIGURE(idle_cpu_per_link_us)}, {"peer 0", FIGURE(hub_cpu_per_link_us)}}},
        {"Acknowledgements (bytes a message)",
         true,
         {{"trickle", FIGURE(trickle.ack_bytes)}, {"bulk", FIGURE(bulk.ack_bytes)}}},
        {"Restart of all: recovery (s)",
         false,
         {{"links", FIGURE(links_s)}, {"settled", FIGURE(settled_s)}}},
        {"Restart of all: most frames a second", true, {{"frames", FIGURE(peak_frames_s)}}},
    };
    enum { PANELS = sizeof wanted / sizeof *wanted };
    double x[SIZES_MAX], y[PANELS][2][SIZES_MAX];
    struct plot_panel panels[PANELS];
    char title[80];

    for (size_t i = 0; i < table->count; i++)
        x[i] = table->rows[i].report.options.peers;
    for (size_t i = 0; i < PANELS; i++) {
        panels[i] = (struct plot_panel){.title = wanted[i].title, .log_y = wanted[i].log_y};
        for (size_t j = 0; j < 2 && wanted[i].series[j].name; j++) {
            fill(table, wanted[i].series[j].offset, y[i][j]);
            panels[i].series[panels[i].series_count++] =
                (struct plot_series){wanted[i].series[j].name, y[i][j]};
        }
    }
    snprintf(title, sizeof title, "godwit sim scale: %s",
             fleet_shape_name(curve->options.shape));
    struct plot plot = {.title = title,
                        .x_title = "peers",
                        .x = x,
                        .count = table->count,
                        .panels = panels,
                        .panel_count = PANELS,
                        .columns = 2};
    FILE *out = fopen(curve->plot, "w");
    int error = out ? plot_write(&plot, out) : -errno;
    if (out && fclose(out) && !error)
        error = -errno;
    if (error)
        fprintf(stderr, "godwit-sim: cannot write %s: %s\n", curve->plot, strerror(-error));
    return error;
}

/* --- the runs --- */

static int run_child(const struct fleet_options *options, int to)
{
    struct fleet_report report;
    const char *at = (const char *)&report;
    size_t left = sizeof report;

    fleet_run(options, &report);
    while (left > 0) {
        ssize_t count = write(to, at, left);
        if (count <= 0)
            return 1;
        at += count;
        left -= (size_t)count;
    }
    return 0;
}

static bool receive(int from, struct fleet_report *report)
{
    char *at = (char *)report;
    size_t left = sizeof *report;

    while (left > 0) {
        ssize_t count = read(from, at, left);
        if (count <= 0)
            return false;
        at += count;
        left -= (size_t)count;
    }
    return true;
}

static void run_alone(const struct fleet_options *options, struct fleet_report *report)
{
    int ends[2], status;
    pid_t child = pipe(ends) ? -1 : fork();

    *report = (struct fleet_report){.options = *options, .failed = true};
    snprintf(report->failure, sizeof report->failure, "cannot start a process: %s",
             strerror(errno));
    if (child < 0)
        return;
    if (child == 0) {
        close(ends[0]);
        _exit(run_child(options, ends[1]));
    }
    close(ends[1]);
    bool told = receive(ends[0], report);
    close(ends[0]);
    waitpid(child, &status, 0);
    if (told)
        return;
    *report = (struct fleet_report){.options = *options, .failed = true};
    snprintf(report->failure, sizeof report->failure, "its process ended with status %d", status);
}

static size_t choose_sizes(uint32_t most, uint32_t *chosen)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i] < most)
            chosen[count++] = sizes[i];
    }
    chosen[count++] = most;
    return count;
}

int fleet_curve_run(const struct fleet_curve *curve)
{
    static struct table table;
    uint32_t chosen[SIZES_MAX];
    size_t count = choose_sizes(curve->options.peers, chosen);
    int status = 0;

    for (size_t i = 0; i < count; i++) {
        struct row *row = &table.rows[table.count];
        struct fleet_options options = curve->options;
        options.peers = chosen[i];
        fflush(stdout);
        run_alone(&options, &row->report);
        fleet_figures_make(&row->report, &row->figures);
        fprintf(stderr, "%u peers: %.1f s\n", chosen[i], row->report.real_s);
        if (curve->json || row->report.failed)
            (curve->json ? fleet_print_json : fleet_print)(&row->report, stdout);
        if (fleet_is_bad(&row->report))
            status = 1;
        table.count += !row->report.failed;
    }
    if (!curve->json && table.count)
        print_all(&table, curve);
    if (curve->plot && table.count && draw(&table, curve))
        status = 2;
    return status;
}
