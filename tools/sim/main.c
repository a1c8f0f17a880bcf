/* SPDX-License-Identifier: MPL-2.0 */

/* godwit-sim: runs whole clusters of peers in virtual time, one for each seed, breaks everything
 * that can break, and checks the promises after every event. */

#include "arguments.h"
#include "fleet.h"
#include "handler.h"
#include "plants.h"
#include "progress.h"
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { CLEAN = 0, VIOLATED = 1, WRONG_USE = 2 }; /* the exit status */

/* --- one world --- */

static int run_one(const struct sim_arguments *arguments)
{
    static struct sim_trace trace;
    struct sim_options options;
    struct sim_report report;

    sim_wishes_grant(&arguments->wishes, arguments->hunt.first, &options);
    sim_trace_init(&trace, arguments->trace ? stdout : NULL, 0);
    sim_run(&options, &trace, NULL, &report);
    sim_report_world(report.seed, &report.stats, report.failed);
    if (report.failed)
        puts(report.failure);
    return report.failed ? VIOLATED : CLEAN;
}

/* --- many worlds --- */

struct watch {
    const struct sim_arguments *arguments;
    struct sim_violations violations;
    struct sim_progress progress;
};

static void found(void *context, const struct sim_report *report)
{
    struct watch *watch = context;

    sim_violations_add(&watch->violations, report);
    sim_progress_clear(&watch->progress);
    if (!watch->arguments->json && !watch->arguments->one)
        sim_report_violation(report);
}

static void passed(void *context, uint64_t seeds)
{
    struct watch *watch = context;

    sim_progress_show(&watch->progress, seeds, watch->violations.count);
}

static int judge(const struct sim_arguments *arguments, const struct sim_findings *findings)
{
    FILE *out = arguments->json ? NULL : stdout;

    if (findings->failures)
        return VIOLATED;
    if (out && !arguments->one)
        fputs("no violation\n", out);
    return !arguments->require_all || sim_report_enough(findings, out) ? CLEAN : VIOLATED;
}

static void tell(const struct watch *watch, const struct sim_findings *findings,
                 const struct sim_shrunk *shrunk, double seconds)
{
    const struct sim_arguments *arguments = watch->arguments;

    if (arguments->json) {
        sim_report_json(arguments, findings, &watch->violations, shrunk, seconds);
        return;
    }
    if (arguments->one)
        sim_report_world(arguments->hunt.first, &findings->sum, findings->failures > 0);
    else if (!findings->failures || arguments->hunt.keep_going)
        sim_report_summary(findings, seconds);
    if (!findings->failures)
        return;
    if (!arguments->one)
        printf("%" PRIu64 " violation%s\n", findings->failures,
               findings->failures == 1 ? "" : "s");
    sim_report_failure(arguments, &findings->worst, shrunk);
}

static int hunt(const struct sim_arguments *arguments)
{
    struct watch watch = {.arguments = arguments};
    struct sim_watcher watcher = {found, passed, &watch};
    struct sim_findings findings;
    struct sim_shrunk shrunk = {0};

    sim_progress_begin(&watch.progress, arguments->hunt.last - arguments->hunt.first + 1);
    if (sim_hunt_run(&arguments->hunt, &watcher, &findings)) {
        fprintf(stderr, "godwit-sim: cannot start processes: %s\n", strerror(errno));
        return WRONG_USE;
    }
    double seconds = sim_progress_seconds(&watch.progress);
    sim_progress_clear(&watch.progress);
    bool smaller = findings.failures && arguments->shrink &&
                   sim_shrink(&arguments->wishes, findings.worst.seed, &arguments->limits, &shrunk);
    tell(&watch, &findings, smaller ? &shrunk : NULL, seconds);
    sim_shrunk_clear(&shrunk);
    sim_violations_clear(&watch.violations);
    return judge(arguments, &findings);
}

/* --- the program --- */

/* False: it was told on stderr. */
static bool load_handler(struct sim_arguments *arguments)
{
    char why[8192];

    if (!arguments->handler)
        return true;
    if (!sim_handler_load(arguments->handler, why, sizeof why)) {
        fprintf(stderr, "godwit-sim: %s\n", why);
        return false;
    }
    arguments->wishes.hooks = sim_handler_hooks();
    return true;
}

static int simulate(int argc, char **argv)
{
    struct sim_arguments arguments;
    int status = WRONG_USE;

    if (!sim_arguments_parse(&arguments, argc, argv)) {
        sim_arguments_clear(&arguments);
        return WRONG_USE;
    }
    if (arguments.help) {
        sim_arguments_help();
        status = CLEAN;
    } else if (arguments.list_knobs) {
        sim_arguments_list_knobs();
        status = CLEAN;
    } else if (arguments.plant && strcmp(arguments.plant, "list") == 0) {
        sim_plants_list();
        status = CLEAN;
    } else if ((!arguments.plant || sim_plant(arguments.plant)) && load_handler(&arguments)) {
        status = arguments.trace ? run_one(&arguments) : hunt(&arguments);
    }
    sim_arguments_clear(&arguments);
    return status;
}

/* Jobs with a command line of their own: `godwit sim WORD ...`. */
static const struct job {
    const char *word;
    int (*run)(int argc, char **argv); /* argv[0] is the word */
} jobs[] = {
    {"scale", sim_scale_main},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    for (const struct job *job = jobs; job->word && argc > 1; job++) {
        if (strcmp(argv[1], job->word) == 0)
            return job->run(argc - 1, argv + 1);
    }
    return simulate(argc, argv);
}
