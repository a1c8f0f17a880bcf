/* SPDX-License-Identifier: MPL-2.0 */

/* What people are told. */

#include "report.h"

#include "plants.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_LINES    40
#define MEDIAN_EVENTS 300
#define MEDIAN_FAULTS 5

/* --- a hunt --- */

void sim_violations_add(struct sim_violations *violations, const struct sim_report *report)
{
    if (violations->count == SIM_VIOLATIONS_MAX)
        return;
    if (violations->count == violations->capacity) {
        violations->capacity = violations->capacity ? violations->capacity * 2 : 4;
        violations->reports = realloc(violations->reports,
                                      violations->capacity * sizeof *violations->reports);
        if (!violations->reports)
            abort();
    }
    violations->reports[violations->count++] = *report;
}

void sim_violations_clear(struct sim_violations *violations)
{
    free(violations->reports);
    *violations = (struct sim_violations){0};
}

void sim_report_violation(const struct sim_report *report)
{
    printf("seed %" PRIu64 ", step %" PRIu64 ", at %.1f ms: %s\n", report->seed, report->steps,
           (double)report->now_us / 1000, report->failure);
    fflush(stdout);
}

void sim_report_world(uint64_t seed, const struct sim_stats *stats, bool failed)
{
    printf("seed %" PRIu64 ": %" PRIu64 " events, %" PRIu64 " faults, %" PRIu64
           " messages, %.1f s of virtual time: %s\n",
           seed, stats->events, sim_stats_faults(stats), stats->messages,
           (double)stats->virtual_us / 1e6, failed ? "violated:" : "no violation");
}

void sim_report_summary(const struct sim_findings *findings, double seconds)
{
    const struct sim_stats *sum = &findings->sum;
    double virtual_seconds = (double)sum->virtual_us / 1e6;

    printf("%" PRIu64 " seeds, %" PRIu64 " events, %" PRIu64 " messages, %.0f s of virtual time\n",
           sum->seeds, sum->events, sum->messages, virtual_seconds);
    printf("took %.1f s: %.0f seeds a second, %.1f virtual minutes a second\n", seconds,
           (double)sum->seeds / seconds, virtual_seconds / 60 / seconds);
    printf("median per seed: %" PRIu64 " events, %" PRIu64 " faults\n", findings->median_events,
           findings->median_faults);
    sim_stats_print(sum, stdout);
}

bool sim_report_enough(const struct sim_findings *findings, FILE *out)
{
    bool enough = sim_stats_missing(&findings->sum, out) == 0;

    if (findings->median_events > MEDIAN_EVENTS && findings->median_faults >= MEDIAN_FAULTS)
        return enough;
    if (out)
        fprintf(out, "the median seed has too little in it\n");
    return false;
}

/* --- a violation --- */

void sim_report_replay(const struct sim_arguments *arguments, const struct sim_wishes *wishes,
                       uint64_t seed, FILE *out)
{
    fprintf(out, "%s --seed %" PRIu64, sim_program, seed);
    if (arguments->plant)
        fprintf(out, " --plant %s", arguments->plant);
    if (arguments->handler)
        fprintf(out, " --handler %s", arguments->handler);
    sim_wishes_print(wishes, out);
    fputs(" --trace", out);
}

static void show_replay(const struct sim_arguments *arguments, const struct sim_wishes *wishes,
                        uint64_t seed)
{
    fputs("replay: ", stdout);
    sim_report_replay(arguments, wishes, seed, stdout);
    putchar('\n');
}

/* The world once more, for its last lines. */
static void show_last_events(const struct sim_wishes *wishes, uint64_t seed)
{
    static struct sim_trace trace;
    struct sim_options options;
    struct sim_report report;

    sim_wishes_grant(wishes, seed, &options);
    sim_trace_init(&trace, NULL, TAIL_LINES);
    sim_run(&options, &trace, NULL, &report);
    printf("\nthe last events of seed %" PRIu64 ":\n", seed);
    sim_trace_print_ring(&trace, stdout);
    sim_trace_clear(&trace);
}

static void print_whom(const struct sim_injected *fault)
{
    char whom[8] = "*";

    if (fault->other != SIM_NOBODY)
        snprintf(whom, sizeof whom, "%c-%c", 'a' + fault->who, 'a' + fault->other);
    else if (fault->who != SIM_NOBODY)
        snprintf(whom, sizeof whom, "%c", 'a' + fault->who);
    printf("%-4s", whom);
}

static void show_schedule(const struct sim_shrunk *shrunk)
{
    char name[SIM_OCCASION_TEXT];

    puts("\nthe faults that are left:");
    for (size_t i = 0; i < shrunk->after.faults; i++) {
        const struct sim_injected *fault = &shrunk->faults[i];
        sim_occasion_print(fault->occasion, name, sizeof name);
        printf("[%9.1f] ", (double)fault->at_us / 1000);
        print_whom(fault);
        printf(" %-44s %s\n", sim_fault_text(sim_occasion_kind(fault->occasion)), name);
    }
    if (!shrunk->after.faults)
        puts("            none: it needs no fault");
}

static void print_size(const struct sim_size *size)
{
    printf("%zu peers, %" PRIu64 " message%s, %zu fault%s", size->peers, size->messages,
           size->messages == 1 ? "" : "s", size->faults, size->faults == 1 ? "" : "s");
}

static void show_shrunk(const struct sim_shrunk *shrunk)
{
    fputs("\nshrunk: ", stdout);
    print_size(&shrunk->before);
    fputs(" -> ", stdout);
    print_size(&shrunk->after);
    printf(", in %u runs%s\n", shrunk->runs,
           shrunk->complete ? "" : "; a limit was reached, --shrink-runs and --shrink-seconds give "
                                   "more");
}

/* Of a world that kills the program that runs it there are no last events to be had here. */
static bool can_run(const struct sim_report *report)
{
    return report->steps > 0;
}

void sim_report_failure(const struct sim_arguments *arguments, const struct sim_report *report,
                        const struct sim_shrunk *shrunk)
{
    const struct sim_wishes *wishes = shrunk ? &shrunk->wishes : &arguments->wishes;

    if (shrunk) {
        report = &shrunk->report;
        show_shrunk(shrunk);
        show_schedule(shrunk);
    }
    if (can_run(report))
        show_last_events(wishes, report->seed);
    printf("\nviolated: %s\n", report->failure);
    printf("at: seed %" PRIu64 ", step %" PRIu64 ", %.1f ms\n", report->seed, report->steps,
           (double)report->now_us / 1000);
    show_replay(arguments, wishes, report->seed);
}
