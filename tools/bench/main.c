/* SPDX-License-Identifier: MPL-2.0 */
/* godwit bench: measure, print, leave nothing behind. */

#include "child.h"
#include "curve.h"
#include "options.h"
#include "picture.h"
#include "report.h"
#include "role.h"
#include "run.h"
#include <stdio.h>
#include <string.h>

static int measure(const struct bench_options *options, FILE *plot)
{
    struct bench_results results;
    int status = run_all(options, &results);
    if (status == BENCH_OK) {
        if (options->json)
            report_json(&results);
        else
            report_table(options, &results);
        if (plot && !picture_results(plot, options, &results))
            status = BENCH_FAILED;
    } else if (plot) {
        fclose(plot);
    }
    results_clear(&results);
    return status;
}

static int run(const struct bench_options *options)
{
    FILE *plot = options->plot ? picture_open(options->plot) : NULL;
    if (options->plot && !plot)
        return BENCH_USAGE;
    child_catch_stop();
    int status = options->curve ? curve_run(options, plot) : measure(options, plot);
    if (status == BENCH_OK && fflush(stdout)) {
        bench_complain("cannot write the results");
        status = BENCH_FAILED;
    }
    return status;
}

int main(int argc, char **argv)
{
    struct bench_options options;
    if (argc > 1 && strcmp(argv[1], "role") == 0)
        return role_main(argc, argv);
    switch (options_read(argc, argv, &options)) {
    case OPTIONS_HELP: return BENCH_OK;
    case OPTIONS_WRONG: return BENCH_USAGE;
    case OPTIONS_RUN: break;
    }
    return run(&options);
}
