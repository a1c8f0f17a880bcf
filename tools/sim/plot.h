/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_PLOT_H
#define GW_SIM_PLOT_H

/* Plots of lines as one SVG file, drawn from nothing: panels side by side, each with a logarithmic
 * x axis and up to four lines. Readable without colours: each line ends in its name. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PLOT_SERIES_MAX 4

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

struct plot {
    const char *title;
    const char *x_title;
    const double *x; /* ascending, above 0 */
    size_t count;
    const struct plot_panel *panels;
    size_t panel_count;
    size_t columns;
};

/* 0, or -EIO if the stream failed. Text must not contain < & or quotes. */
int plot_write(const struct plot *plot, FILE *out);

#endif
