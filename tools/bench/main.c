/* SPDX-License-Identifier: MPL-2.0 */
/* godwit bench: measure, print, leave nothing behind. */

#include "backlog.h"
#include "child.h"
#include "options.h"
#include "report.h"
#include "role.h"
#include "run.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void bench_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("godwit-bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static int ended(bool good)
{
    if (good && fflush(stdout)) {
        bench_complain("cannot write the results");
        good = false;
    }
    return good ? BENCH_OK : BENCH_FAILED;
}

static int measure(const struct bench_options *options)
{
    struct bench_results results;
    child_catch_stop();
    if (strcmp(options->work, "backlog") == 0)
        return ended(backlog_all(options));
    if (!results_init(&results, options))
        return BENCH_FAILED;
    bool good = run_all(options, &results);
    if (good)
        (options->json ? report_json : report_table)(options, &results);
    results_clear(&results);
    return ended(good);
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
