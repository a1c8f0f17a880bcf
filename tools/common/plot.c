/* SPDX-License-Identifier: MPL-2.0 */

/* The plots of plot.h. All lengths are in pixels of the SVG; a panel is
 *
 *     title
 *     |            . name         LEFT leaves room for the numbers of y, RIGHT for the names
 *     |       .  '
 *     |___.______                 BOTTOM for those of x
 */

#include "plot.h"

#include <errno.h>
#include <math.h>

#define WIDTH  480
#define HEIGHT 250
#define LEFT   58
#define RIGHT  132
#define TOP    34
#define BOTTOM 34
#define HEADER 44
#define NAME   14 /* from one name to the next */
#define TICKS  4  /* lines across, at most one more */

#define BAR        22 /* from one to the next */
#define BAR_HEIGHT 14
#define BAR_LEFT   170 /* their names */
#define BAR_WIDTH  500
#define BAR_RIGHT  90 /* their numbers */

static const char *const colours[PLOT_SERIES_MAX] = {"#0072b2", "#d55e00", "#009e73", "#aa4499",
                                                     "#666666", "#56b4e9", "#e69f00", "#000000"};

struct axis {
    double low, high; /* of the values; of their logarithms, if log */
    bool log;
    double pixel_low, pixel_high;
};

static double place(const struct axis *axis, double value)
{
    double at = axis->log ? log10(value) : value;

    return axis->pixel_low +
           (at - axis->low) / (axis->high - axis->low) * (axis->pixel_high - axis->pixel_low);
}

static bool is_drawn(const struct axis *axis, double value)
{
    return axis->log ? value > 0 : value >= 0;
}

/* 1, 2 or 5 times a power of ten. */
static double round_step(double step)
{
    double power = pow(10, floor(log10(step)));
    double digit = step / power;

    return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

static void number(FILE *out, double value)
{
    if (value >= 1e6)
        fprintf(out, "%.4gM", value / 1e6);
    else if (value >= 1e4)
        fprintf(out, "%.4gk", value / 1e3);
    else
        fprintf(out, "%.4g", value);
}

/* --- axes --- */

static struct axis y_axis(const struct plot *plot, const struct plot_panel *panel)
{
    struct axis axis = {.log = panel->log_y, .low = HUGE_VAL, .high = -HUGE_VAL};

    for (size_t i = 0; i < panel->series_count; i++)
        for (size_t j = 0; j < plot->count; j++) {
            double value = panel->series[i].y[j];
            if (!is_drawn(&axis, value))
                continue;
            double at = axis.log ? log10(value) : value;
            axis.low = at < axis.low ? at : axis.low;
            axis.high = at > axis.high ? at : axis.high;
        }
    if (axis.high < axis.low)
        axis.low = axis.high = 0;
    axis.low = axis.log ? floor(axis.low) : 0;
    axis.high = axis.log ? ceil(axis.high) : axis.high * 1.1;
    if (axis.high <= axis.low)
        axis.high = axis.low + 1;
    axis.pixel_low = HEIGHT - BOTTOM;
    axis.pixel_high = TOP;
    return axis;
}

static void y_line(FILE *out, const struct axis *axis, double value)
{
    double y = place(axis, value);

    fprintf(out, "<path class='grid' d='M%d %.1fH%d'/><text class='y' x='%d' y='%.1f'>", LEFT, y,
            WIDTH - RIGHT, LEFT - 6, y + 4);
    number(out, value);
    fprintf(out, "</text>\n");
}

static void draw_y(FILE *out, const struct axis *axis)
{
    double step = axis->log ? 1 : round_step((axis->high - axis->low) / TICKS);

    for (double at = axis->low; at <= axis->high + step / 1e6; at += step)
        y_line(out, axis, axis->log ? pow(10, at) : at);
}

static void draw_x(FILE *out, const struct plot *plot, const struct axis *axis)
{
    for (double at = ceil(axis->low); at <= axis->high + 1e-6; at++) {
        double x = place(axis, pow(10, at));
        fprintf(out, "<path class='grid' d='M%.1f %dV%d'/><text class='x' x='%.1f' y='%d'>", x, TOP,
                HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 16);
        (plot->x_label ? plot->x_label : number)(out, pow(10, at));
        fprintf(out, "</text>\n");
    }
    fprintf(out, "<text class='x' x='%d' y='%d'>%s</text>\n", (LEFT + WIDTH - RIGHT) / 2,
            HEIGHT - 4, plot->x_title);
}

/* --- lines --- */

static void draw_line(FILE *out, const struct plot *plot, const struct axis *x,
                      const struct axis *y, const struct plot_series *series, const char *colour)
{
    char command = 'M';

    fprintf(out, "<path fill='none' stroke='%s' stroke-width='2' d='", colour);
    for (size_t i = 0; i < plot->count; i++) {
        if (!is_drawn(y, series->y[i]))
            continue;
        fprintf(out, "%c%.1f %.1f", command, place(x, plot->x[i]), place(y, series->y[i]));
        command = 'L';
    }
    fprintf(out, "'/>\n");
    for (size_t i = 0; i < plot->count; i++) {
        if (is_drawn(y, series->y[i]))
            fprintf(out, "<circle fill='%s' cx='%.1f' cy='%.1f' r='3'/>\n", colour,
                    place(x, plot->x[i]), place(y, series->y[i]));
    }
}

/* Where the names stand: at the ends of their lines, but not over each other. */
static void draw_names(FILE *out, const struct plot *plot, const struct plot_panel *panel,
                       const struct axis *y)
{
    double taken[PLOT_SERIES_MAX];

    for (size_t i = 0; i < panel->series_count; i++) {
        double last = panel->series[i].y[plot->count - 1];
        double at = is_drawn(y, last) ? place(y, last) + 4 : y->pixel_low;
        for (size_t j = 0; j < i; j++) {
            if (fabs(taken[j] - at) < NAME - 0.1) { /* rounding must not move it again and again */
                at = taken[j] + NAME;
                j = (size_t)-1; /* moved: look at all again */
            }
        }
        taken[i] = at;
        fprintf(out, "<text x='%d' y='%.1f' fill='%s'>%s</text>\n", WIDTH - RIGHT + 8, at,
                colours[i], panel->series[i].name);
    }
}

static void draw_panel(FILE *out, const struct plot *plot, const struct plot_panel *panel,
                       size_t index, size_t top)
{
    struct axis x = {.log = true,
                     .low = log10(plot->x[0]),
                     .high = log10(plot->x[plot->count - 1]),
                     .pixel_low = LEFT,
                     .pixel_high = WIDTH - RIGHT};
    struct axis y = y_axis(plot, panel);

    if (x.high <= x.low)
        x.high = x.low + 1;
    fprintf(out, "<g transform='translate(%zu %zu)'>\n", index % plot->columns * WIDTH,
            top + index / plot->columns * HEIGHT);
    fprintf(out, "<text class='title' x='%d' y='%d'>%s</text>\n", LEFT, TOP - 14, panel->title);
    draw_y(out, &y);
    draw_x(out, plot, &x);
    for (size_t i = 0; i < panel->series_count; i++)
        draw_line(out, plot, &x, &y, &panel->series[i], colours[i]);
    draw_names(out, plot, panel, &y);
    fprintf(out, "</g>\n");
}

/* --- bars --- */

static size_t bars_height(const struct plot_bars *bars)
{
    return bars ? TOP + bars->count * BAR + BAR : 0;
}

static double most_of(const struct plot_bars *bars)
{
    double most = 0;

    for (size_t i = 0; i < bars->count; i++)
        most = fmax(most, fmax(bars->bars[i].value, bars->bars[i].most));
    return most > 0 ? most : 1;
}

static void draw_bar(FILE *out, const struct plot_bar *bar, size_t index, double scale)
{
    size_t top = TOP + index * BAR, middle = top + BAR_HEIGHT / 2;

    fprintf(out,
            "<text class='y' x='%d' y='%zu'>%s</text>\n"
            "<rect fill='%s' x='%d' y='%zu' width='%.1f' height='%d'/>\n"
            "<path stroke='#000' d='M%.1f %zuH%.1f'/>\n"
            "<text fill='#444' x='%.1f' y='%zu'>",
            BAR_LEFT - 8, middle + 4, bar->name, colours[index % PLOT_SERIES_MAX], BAR_LEFT, top,
            bar->value * scale, BAR_HEIGHT, BAR_LEFT + bar->least * scale, middle,
            BAR_LEFT + bar->most * scale, BAR_LEFT + fmax(bar->value, bar->most) * scale + 6,
            middle + 4);
    number(out, bar->value < 100 ? bar->value : round(bar->value));
    fprintf(out, "</text>\n");
}

static void draw_bars(FILE *out, const struct plot_bars *bars)
{
    double scale = BAR_WIDTH / most_of(bars);

    fprintf(out, "<g transform='translate(0 %d)'>\n<text class='title' x='%d' y='%d'>%s</text>\n",
            HEADER, LEFT, TOP - 14, bars->title);
    for (size_t i = 0; i < bars->count; i++)
        draw_bar(out, &bars->bars[i], i, scale);
    fprintf(out, "</g>\n");
}

int plot_write(const struct plot *plot, FILE *out)
{
    size_t rows = plot->panel_count ? (plot->panel_count - 1) / plot->columns + 1 : 0;
    size_t top = HEADER + bars_height(plot->bars);
    size_t width = rows ? plot->columns * WIDTH : 0;

    if (plot->bars && width < BAR_LEFT + BAR_WIDTH + BAR_RIGHT)
        width = BAR_LEFT + BAR_WIDTH + BAR_RIGHT;

    fprintf(out,
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %zu %zu' "
            "font-family='sans-serif' font-size='12'>\n"
            "<style>.grid{stroke:#ddd}.x{text-anchor:middle;fill:#444}"
            ".y{text-anchor:end;fill:#444}.title{font-weight:bold}</style>\n"
            "<rect width='100%%' height='100%%' fill='#fff'/>\n"
            "<text x='%d' y='26' font-size='16'>%s</text>\n",
            width, top + rows * HEIGHT, LEFT, plot->title);
    if (plot->bars)
        draw_bars(out, plot->bars);
    for (size_t i = 0; i < plot->panel_count; i++)
        draw_panel(out, plot, &plot->panels[i], i, top);
    fprintf(out, "</svg>\n");
    return fflush(out) || ferror(out) ? -EIO : 0;
}
