/* SPDX-License-Identifier: MPL-2.0 */

/* What programs are told: one JSON object on one line. Names are those of the tables. */

#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void print_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < ' ')
            printf("\\u%04x", (unsigned)*text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void print_command(const struct sim_arguments *arguments, const struct sim_wishes *wishes,
                          uint64_t seed)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    sim_report_replay(arguments, wishes, seed, out);
    fclose(out);
    print_text(text);
    free(text);
}

/* --- counts --- */

static void print_counts(const char *what, const uint64_t *counts, size_t count,
                         const char *(*name)(size_t index))
{
    printf(",\"%s\":{", what);
    for (size_t i = 0; i < count; i++)
        printf("%s\"%s\":%" PRIu64, i ? "," : "", name(i), counts[i]);
    putchar('}');
}

static const char *fault_name(size_t index)
{
    return sim_fault_name((enum sim_fault)index);
}

static const char *sight_name(size_t index)
{
    return sim_sight_name((enum sim_sight)index);
}

/* --- violations --- */

static void print_report(const struct sim_report *report)
{
    printf("\"seed\":%" PRIu64 ",\"step\":%" PRIu64 ",\"virtual_ms\":%.1f,\"violated\":",
           report->seed, report->steps, (double)report->now_us / 1000);
    print_text(report->failure);
    fputs(",\"invariant\":", stdout);
    print_text(report->invariant);
}

static void print_fault(const struct sim_injected *fault)
{
    char name[SIM_OCCASION_TEXT];

    sim_occasion_print(fault->occasion, name, sizeof name);
    printf("{\"virtual_ms\":%.1f,\"name\":\"%s\",\"kind\":\"%s\"",
           (double)fault->at_us / 1000, name, sim_fault_name(sim_occasion_kind(fault->occasion)));
    if (fault->who != SIM_NOBODY)
        printf(",\"who\":\"%c\"", 'a' + fault->who);
    if (fault->other != SIM_NOBODY)
        printf(",\"other\":\"%c\"", 'a' + fault->other);
    putchar('}');
}

static void print_size(const char *name, const struct sim_size *size)
{
    printf("\"%s\":{\"peers\":%zu,\"messages\":%" PRIu64 ",\"faults\":%zu}", name, size->peers,
           size->messages, size->faults);
}

static void print_shrunk(const struct sim_arguments *arguments, const struct sim_shrunk *shrunk)
{
    fputs(",\"shrunk\":{", stdout);
    print_report(&shrunk->report);
    putchar(',');
    print_size("before", &shrunk->before);
    putchar(',');
    print_size("after", &shrunk->after);
    printf(",\"runs\":%u,\"complete\":%s,\"schedule\":[", shrunk->runs,
           shrunk->complete ? "true" : "false");
    for (size_t i = 0; i < shrunk->after.faults; i++) {
        fputs(i ? "," : "", stdout);
        print_fault(&shrunk->faults[i]);
    }
    fputs("],\"replay\":", stdout);
    print_command(arguments, &shrunk->wishes, shrunk->report.seed);
    putchar('}');
}

static void print_violations(const struct sim_arguments *arguments,
                             const struct sim_violations *violations, uint64_t worst,
                             const struct sim_shrunk *shrunk)
{
    fputs(",\"violations\":[", stdout);
    for (size_t i = 0; i < violations->count; i++) {
        const struct sim_report *report = &violations->reports[i];
        fputs(i ? ",{" : "{", stdout);
        print_report(report);
        fputs(",\"replay\":", stdout);
        print_command(arguments, &arguments->wishes, report->seed);
        if (shrunk && worst == report->seed)
            print_shrunk(arguments, shrunk);
        putchar('}');
    }
    putchar(']');
}

void sim_report_json(const struct sim_arguments *arguments, const struct sim_findings *findings,
                     const struct sim_violations *violations, const struct sim_shrunk *shrunk,
                     double seconds)
{
    const struct sim_stats *sum = &findings->sum;
    double virtual_seconds = (double)sum->virtual_us / 1e6;

    printf("{\"first\":%" PRIu64 ",\"last\":%" PRIu64 ",\"jobs\":%u,\"seeds\":%" PRIu64
           ",\"events\":%" PRIu64 ",\"messages\":%" PRIu64,
           arguments->hunt.first, arguments->hunt.last, arguments->hunt.jobs, sum->seeds,
           sum->events, sum->messages);
    printf(",\"virtual_seconds\":%.1f,\"seconds\":%.3f,\"virtual_minutes_per_second\":%.2f",
           virtual_seconds, seconds, seconds > 0 ? virtual_seconds / 60 / seconds : 0);
    printf(",\"median_events\":%" PRIu64 ",\"median_faults\":%" PRIu64 ",\"enough\":%s",
           findings->median_events, findings->median_faults,
           sim_report_enough(findings, NULL) ? "true" : "false");
    print_counts("faults", sum->faults, SIM_FAULT_COUNT, fault_name);
    print_counts("sights", sum->sights, SIM_SIGHT_COUNT, sight_name);
    printf(",\"failures\":%" PRIu64, findings->failures);
    print_violations(arguments, violations, findings->worst.seed, shrunk);
    puts("}");
}
