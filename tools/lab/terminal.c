/* SPDX-License-Identifier: MPL-2.0 */
/* The timeline line by line, and the verdict as a table. */

#include "terminal.h"

#include "words.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define DIM    "\033[2m"
#define PLAIN  "\033[0m"

#define LEVELS 3

static const char *colour(const struct lab_terminal *terminal, const char *code)
{
    return terminal->colour ? code : "";
}

void lab_terminal_begin(struct lab_terminal *terminal, const struct lab_scenario *scenario,
                        FILE *out)
{
    const char *none = getenv("NO_COLOR"), *kind = getenv("TERM");

    *terminal = (struct lab_terminal){.out = out, .scenario = scenario, .width = 6};
    terminal->colour = isatty(fileno(out)) && !(none && *none) && kind && strcmp(kind, "dumb") != 0;
    for (size_t i = 0; i < scenario->process_count; i++) {
        int size = (int)strlen(scenario->processes[i].name);
        terminal->width = size > terminal->width ? size : terminal->width;
    }
    for (size_t i = 0; i < scenario->link_count; i++) {
        int size = (int)strlen(scenario->links[i].name);
        terminal->width = size > terminal->width ? size : terminal->width;
    }
}

void lab_terminal_title(const struct lab_terminal *terminal, uint64_t seed)
{
    const struct lab_scenario *scenario = terminal->scenario;
    char length[LAB_TIME_SIZE], settle[LAB_TIME_SIZE];

    fprintf(terminal->out, "%s%s%s\n", scenario->title, scenario->about ? ": " : "",
            scenario->about ? scenario->about : "");
    fprintf(terminal->out,
            "seed %llu, processes: %zu, links: %zu; at most %s, and %s to settle\n\n",
            (unsigned long long)seed, scenario->process_count, scenario->link_count,
            lab_time_text(length, scenario->length_us), lab_time_text(settle, scenario->settle_us));
    fflush(terminal->out);
}

/* --- the timeline --- */

static const struct {
    char mark;
    const char *code;
} kinds[] = {
    [LAB_EVENT_START] = {' ', ""},    [LAB_EVENT_END] = {' ', ""},
    [LAB_EVENT_FAULT] = {'!', RED},   [LAB_EVENT_HEAL] = {'+', GREEN},
    [LAB_EVENT_OUTPUT] = {'|', DIM},  [LAB_EVENT_NOTE] = {' ', YELLOW},
};

static const char *who(const struct lab_terminal *terminal, const struct lab_event *event)
{
    if (event->lane >= 0)
        return terminal->scenario->processes[event->lane].name;
    return event->link >= 0 ? terminal->scenario->links[event->link].name : "";
}

void lab_terminal_event(void *context, const struct lab_event *event)
{
    const struct lab_terminal *terminal = context;

    fprintf(terminal->out, "%8.3f  %-*s %c %s%s%s\n", (double)event->at_us / 1e6, terminal->width,
            who(terminal, event), kinds[event->kind].mark,
            colour(terminal, kinds[event->kind].code), event->text,
            *kinds[event->kind].code ? colour(terminal, PLAIN) : "");
    if (fflush(terminal->out) != 0) /* nobody reads it any more: the run ends as by Ctrl-C */
        raise(SIGTERM);
}

/* --- the verdict --- */

struct promise {
    const char *name;
    uint64_t broken, of;
    const char *what; /* `of` counts */
};

static void print_promise(const struct lab_terminal *terminal, const struct promise *promise,
                          const char *first)
{
    fprintf(terminal->out, "  %s%-11s %10llu%s of %llu %s\n",
            colour(terminal, promise->broken ? RED : GREEN), promise->name,
            (unsigned long long)promise->broken, colour(terminal, PLAIN),
            (unsigned long long)promise->of, promise->what);
    if (promise->broken > 0 && *first)
        fprintf(terminal->out, "  %-11s %s\n", "", first);
}

/* `cut_short`: nobody waited until all had settled, so that nothing can be said to be stuck. */
static void print_promises(const struct lab_terminal *terminal, const struct lab_verdict *verdict,
                           bool cut_short)
{
    const struct promise promises[] = {
        {"lost", verdict->lost, verdict->accepted, "accepted"},
        {"repeated", verdict->repeated, verdict->processed, "processed"},
        {"reordered", verdict->reordered, verdict->processed, "processed"},
        {"stuck", verdict->stuck, verdict->accepted, "accepted"},
        {"unexplained", verdict->unexplained, verdict->accepted, "accepted"},
    };

    if (cut_short)
        fputs("  until then:\n", terminal->out);
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        if (cut_short && strcmp(promises[i].name, "stuck") == 0)
            continue;
        if (strcmp(promises[i].name, "reordered") == 0 && !terminal->scenario->ordered)
            fprintf(terminal->out, "  %-11s %10s not promised here (`order = yes`)\n",
                    promises[i].name, "-");
        else
            print_promise(terminal, &promises[i], verdict->first[i]);
    }
    if (verdict->excused > 0)
        fprintf(terminal->out, "  %-11s %10llu lost or repeated for a fault that explains it\n",
                "excused", (unsigned long long)verdict->excused);
    if (verdict->unread > 0)
        fprintf(terminal->out, "  %-11s %10llu lines, for lack of memory: the verdict is void\n",
                "unread", (unsigned long long)verdict->unread);
}

static void print_durability(const struct lab_terminal *terminal,
                             const struct lab_verdict *verdict)
{
    static const char *const levels[LEVELS] = {"fsync: power loss", "os: the end of a process",
                                               "memory: nothing"};

    for (int level = 0; level < LEVELS; level++) {
        if (verdict->by_level[level] > 0)
            fprintf(terminal->out, "  durability  %10llu accepted at %s is survived\n",
                    (unsigned long long)verdict->by_level[level], levels[level]);
    }
}

static void print_counts(const struct lab_terminal *terminal, const struct lab_verdict *verdict)
{
    fprintf(terminal->out, "  processed   %10llu, %llu redelivered; %llu settled, %llu dead, %llu "
                           "withdrawn",
            (unsigned long long)verdict->processed, (unsigned long long)verdict->redelivered,
            (unsigned long long)verdict->settled, (unsigned long long)verdict->dead,
            (unsigned long long)verdict->withdrawn);
    if (verdict->effects > 0)
        fprintf(terminal->out, "; %llu effects found", (unsigned long long)verdict->effects);
    fputc('\n', terminal->out);
}

static int by_length(const void *one, const void *other)
{
    const struct lab_recovery *a = one, *b = other;

    return (a->took_us > b->took_us) - (a->took_us < b->took_us);
}

uint64_t lab_recovery_median_us(struct lab_result *result)
{
    if (result->recovery_count == 0)
        return 0;
    qsort(result->recoveries, result->recovery_count, sizeof *result->recoveries, by_length);
    return result->recoveries[result->recovery_count / 2].took_us;
}

uint64_t lab_recovery_most_us(const struct lab_result *result)
{
    uint64_t most = 0;

    for (size_t i = 0; i < result->recovery_count; i++) {
        if (result->recoveries[i].took_us > most)
            most = result->recoveries[i].took_us;
    }
    return most;
}

static void print_faults(const struct lab_terminal *terminal, const struct lab_result *result)
{
    struct lab_result sorted = *result;
    char median[LAB_TIME_SIZE], most[LAB_TIME_SIZE];

    fprintf(terminal->out, "  faults      %10llu carried out", (unsigned long long)result->faults);
    sorted.recoveries = calloc(result->recovery_count + 1, sizeof *sorted.recoveries);
    if (sorted.recoveries && result->recovery_count > 0) {
        memcpy(sorted.recoveries, result->recoveries,
               result->recovery_count * sizeof *sorted.recoveries);
        fprintf(terminal->out, "; the next message was processed %s later in the median, at most "
                               "%s",
                lab_time_text(median, lab_recovery_median_us(&sorted)),
                lab_time_text(most, lab_recovery_most_us(result)));
    }
    free(sorted.recoveries);
    fputc('\n', terminal->out);
}

static void print_use(const struct lab_terminal *terminal, const struct lab_result *result)
{
    const double mib = 1 << 20;

    for (size_t i = 0; result->uses && i < terminal->scenario->process_count; i++) {
        const struct lab_use *use = &result->uses[i];
        if (!use->seen)
            continue;
        fprintf(terminal->out,
                "  %-*s memory %.1f to %.1f MiB (most %.1f), files %llu to %llu (%llu), "
                "disk %.1f to %.1f MiB (%.1f)\n",
                terminal->width, terminal->scenario->processes[i].name,
                (double)use->memory[0] / mib, (double)use->memory[1] / mib,
                (double)use->memory[2] / mib, (unsigned long long)use->files[0],
                (unsigned long long)use->files[1], (unsigned long long)use->files[2],
                (double)use->disk[0] / mib, (double)use->disk[1] / mib,
                (double)use->disk[2] / mib);
    }
}

const char *lab_terminal_end(const struct lab_terminal *terminal, enum lab_end end)
{
    static const char *const words[][2] = {
        [LAB_PASSED] = {"passed", GREEN "passed" PLAIN},
        [LAB_BROKEN] = {"BROKEN", RED "BROKEN" PLAIN},
        [LAB_SKIPPED] = {"skipped", YELLOW "skipped" PLAIN},
        [LAB_FAILED] = {"FAILED", RED "FAILED" PLAIN},
        [LAB_INTERRUPTED] = {"interrupted", YELLOW "interrupted" PLAIN},
    };

    return words[end][terminal->colour];
}

void lab_terminal_verdict(const struct lab_terminal *terminal, const struct lab_result *result,
                          const char *again)
{
    char took[LAB_TIME_SIZE];

    fputc('\n', terminal->out);
    if (result->end == LAB_FAILED && result->verdict.accepted == 0) {
        print_use(terminal, result);
    } else if (result->end != LAB_SKIPPED) {
        print_promises(terminal, &result->verdict,
                       result->end == LAB_FAILED || result->end == LAB_INTERRUPTED);
        print_durability(terminal, &result->verdict);
        print_counts(terminal, &result->verdict);
        print_faults(terminal, result);
        print_use(terminal, result);
        fprintf(terminal->out, "  again: %s --seed %llu\n\n", again,
                (unsigned long long)result->seed);
    }
    fprintf(terminal->out, "%s: %s", terminal->scenario->title,
            lab_terminal_end(terminal, result->end));
    if (result->end != LAB_SKIPPED)
        fprintf(terminal->out, " in %s", lab_time_text(took, result->took_us));
    fprintf(terminal->out, "%s%s\n", result->why[0] ? ": " : "", result->why);
    fflush(terminal->out);
}
