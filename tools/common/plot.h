/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TOOLS_PLOT_H
#define TOOLS_PLOT_H

/* Plots as one SVG file, drawn from nothing: bars, and below them panels side by side, each with a
 * logarithmic x axis and a few lines. Readable without colours: each line ends in its name. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PLOT_SERIES_MAX 8

struct plot_series {
    const char *name;
    const double *y; /* one per x; below 0: no point there */
};

struct plot_panel {
    const char *title; /* with the unit */
    struct plot_series series[PLOT_SERIES_MAX];
    size_t series_count;
    bool log_y;
};

struct plot_bar {
    const char *name;
    double value, least, most; /* the bar, and its whisker; 0 and up */
};

struct plot_bars {
    const char *title; /* with the unit */
    const struct plot_bar *bars;
    size_t count;
};

struct plot {
    const char *title;
    const struct plot_bars *bars; /* NULL: none */
    const char *x_title;
    const double *x; /* ascending, above 0 */
    size_t count;
    void (*x_label)(FILE *out, double x); /* at a power of ten; NULL: the number */
    const struct plot_panel *panels;
    size_t panel_count; /* 0: bars alone */
    size_t columns;     /* of panels, 1 and up; with none, anything */
};

/* 0, or -EIO if the stream failed. Text must not contain < & or quotes. */
int plot_write(const struct plot *plot, FILE *out);

#endif
