/* SPDX-License-Identifier: MPL-2.0 */
/* godwit bench: measure, print, leave nothing behind. */

#include "child.h"
#include "options.h"
#include "report.h"
#include "role.h"
#include "run.h"
#include <stdio.h>
#include <string.h>

static int measure(const struct bench_options *options)
{
    struct bench_results results;
    child_catch_stop();
    int status = run_all(options, &results);
    if (status == BENCH_OK) {
        (options->json ? report_json : report_table)(options, &results);
        if (fflush(stdout)) {
            bench_complain("cannot write the results");
            status = BENCH_FAILED;
        }
    }
    results_clear(&results);
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
    return measure(&options);
}
