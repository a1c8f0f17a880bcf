/* SPDX-License-Identifier: MPL-2.0 */

/* The command line of arguments.h: a table of options, each with what takes its value. */

#include "arguments.h"

#include "common/suggest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEDS_MAX     100000000
#define QUICK_SEEDS   200
#define USUAL_SEEDS   2000
#define EXCEPT_MAX    1000
#define SHRINK_RUNS   1000
#define SHRINK_TIME   30
#define WHY_SIZE      400

static const char help[] =
    "usage: godwit sim [--seeds A-B | --seed N] [OPTION]...\n"
    "\n"
    "Simulated clusters with random faults, checked after every event. A violation is shrunk to\n"
    "the smallest world that still shows it.\n"
    "\n"
    "  --seeds A-B            many worlds, one for each seed (1-2000)\n"
    "  --quick                seeds 1-200\n"
    "  --seed N               one world; --trace prints every event\n"
    "  --jobs N               processes (as many as there are processors)\n"
    "  --json                 one JSON object instead of text\n"
    "\n"
    "what the worlds are like, over what their seeds draw:\n"
    "  --peers 2-8            how many peers; a number, or a range to draw from\n"
    "  --messages N           how many messages\n"
    "  --pattern WHAT         pipeline, request or both\n"
    "  --durability LEVEL     fsync or os\n"
    "  --faults LIST          these kinds or groups of faults alone: loss,crash,power; none; all\n"
    "  --set NAME=VALUE       any knob; --list-knobs names them, with the faults and their groups\n"
    "  --plain                all knobs at their simplest, and no fault but those that are named\n"
    "  --only-faults LIST     single faults by name, and no others: process_killed.17,...\n"
    "  --without-faults LIST  all but these\n"
    "\n"
    "what happens on a violation:\n"
    "  --no-shrink            show it as it is\n"
    "  --shrink-any           another invariant will do as well\n"
    "  --shrink-runs N        worlds to try at most (1000)\n"
    "  --shrink-seconds N     time to try at most (30)\n"
    "  --keep-going           list every seed that fails; shrink the lowest\n"
    "\n"
    "  --require-all          it is an error if a kind of fault or a rare event never happened,\n"
    "                         or if the median seed has fewer than 300 events or 5 faults\n"
    "  --except A,B,..        leave these seeds out: known and not yet understood\n"
    "  --handler FILE         a shared object with handlers of your own (godwit_simulate(3))\n"
    "  --plant NAME           with a known bug (godwit-sim-planted); `--plant list` names them\n"
    "\n"
    "`godwit sim scale --help`: thousands of peers in one run.\n"
    "\n"
    "Exit status: 0 no violation; 1 a violation, with the command that replays it; 2 wrong use.\n";

void sim_arguments_help(void)
{
    fputs(help, stdout);
}

/* --- values --- */

struct parser {
    struct sim_arguments *arguments;
    const char *option; /* that is read now */
    char why[WHY_SIZE]; /* what is wrong with it, and the mend */
    bool seeds; /* --seeds or --quick was given */
    bool jobs;
};

static bool number(const char *text, char end, uint64_t *value, const char **rest)
{
    char *after;

    errno = 0;
    *value = strtoull(text, &after, 10);
    if (errno || *text < '0' || *text > '9' || *after != end)
        return false;
    if (rest)
        *rest = after + 1;
    return true;
}

__attribute__((format(printf, 2, 3))) static bool wrong(struct parser *parser, const char *format,
                                                        ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(parser->why, sizeof parser->why, format, arguments);
    va_end(arguments);
    return false;
}

static bool take_seeds(struct parser *parser, const char *text)
{
    struct sim_hunt *hunt = &parser->arguments->hunt;
    const char *rest;

    parser->seeds = true;
    if (number(text, '\0', &hunt->last, NULL)) {
        hunt->first = hunt->last;
        return true;
    }
    if (number(text, '-', &hunt->first, &rest) && number(rest, '\0', &hunt->last, NULL) &&
        hunt->first <= hunt->last && hunt->last - hunt->first < SEEDS_MAX)
        return true;
    return wrong(parser, "'%.40s' is no range of seeds; give FIRST-LAST, at most %d of them", text,
                 SEEDS_MAX);
}

static bool take_seed(struct parser *parser, const char *text)
{
    struct sim_hunt *hunt = &parser->arguments->hunt;

    parser->arguments->one = true;
    if (!number(text, '\0', &hunt->first, NULL))
        return wrong(parser, "'%.40s' is no seed; give a number", text);
    hunt->last = hunt->first;
    return true;
}

static bool take_jobs(struct parser *parser, const char *text)
{
    uint64_t count;

    if (!number(text, '\0', &count, NULL) || count < 1 || count > SIM_JOBS_MAX)
        return wrong(parser, "'%.40s' processes cannot be; give 1 to %d", text, SIM_JOBS_MAX);
    parser->arguments->hunt.jobs = (unsigned)count;
    parser->jobs = true;
    return true;
}

static bool take_except(struct parser *parser, const char *text)
{
    struct sim_arguments *arguments = parser->arguments;
    size_t count = 0;

    free(arguments->except);
    arguments->except = calloc(EXCEPT_MAX, sizeof *arguments->except);
    for (const char *at = text, *end; arguments->except && *at; at = end) {
        bool last = !strchr(at, ',');
        uint64_t *place = &arguments->except[count];
        if (count++ == EXCEPT_MAX || !number(at, last ? '\0' : ',', place, &end))
            return wrong(parser, "'%.40s' is no list of seeds; give A,B,.., at most %d", text,
                         EXCEPT_MAX);
        end = last ? "" : end;
    }
    arguments->hunt.except = arguments->except;
    arguments->hunt.except_count = count;
    return count > 0 || wrong(parser, "an empty list of seeds; give A,B,..");
}

static bool take_limit(struct parser *parser, const char *text, unsigned *limit)
{
    uint64_t value;

    if (!number(text, '\0', &value, NULL) || value < 1 || value > 1000000)
        return wrong(parser, "'%.40s' is no limit; give 1 to 1000000, or --no-shrink", text);
    *limit = (unsigned)value;
    return true;
}

static bool take_runs(struct parser *parser, const char *text)
{
    return take_limit(parser, text, &parser->arguments->limits.runs);
}

static bool take_seconds(struct parser *parser, const char *text)
{
    return take_limit(parser, text, &parser->arguments->limits.seconds);
}

static bool take_knob(struct parser *parser, const char *text)
{
    return sim_wishes_knob(&parser->arguments->wishes, parser->option + 2, text, parser->why,
                           sizeof parser->why);
}

static bool take_set(struct parser *parser, const char *text)
{
    return sim_wishes_set(&parser->arguments->wishes, text, parser->why, sizeof parser->why);
}

static bool take_faults(struct parser *parser, const char *text)
{
    return sim_wishes_faults(&parser->arguments->wishes, text, parser->why, sizeof parser->why);
}

static bool take_only(struct parser *parser, const char *text)
{
    return sim_wishes_choose(&parser->arguments->wishes, true, text, parser->why,
                             sizeof parser->why);
}

static bool take_without(struct parser *parser, const char *text)
{
    return sim_wishes_choose(&parser->arguments->wishes, false, text, parser->why,
                             sizeof parser->why);
}

static bool take_handler(struct parser *parser, const char *text)
{
    parser->arguments->handler = text;
    return true;
}

static bool take_plant(struct parser *parser, const char *text)
{
    parser->arguments->plant = text;
    return true;
}

/* --- options --- */

static bool quick(struct parser *parser, const char *unused)
{
    (void)unused;
    parser->seeds = true;
    parser->arguments->hunt.first = 1;
    parser->arguments->hunt.last = QUICK_SEEDS;
    return true;
}

struct option {
    const char *name;
    bool (*take)(struct parser *parser, const char *value);
    bool has_value;
    size_t flag; /* of the arguments, if there is nothing to take */
    bool to;
};

#define VALUE(name, take) {name, take, true, 0, false}
#define FLAG(name, member, to) {name, NULL, false, offsetof(struct sim_arguments, member), to}

static const struct option options[] = {
    VALUE("--seeds", take_seeds),
    VALUE("--seed", take_seed),
    VALUE("--jobs", take_jobs),
    VALUE("--except", take_except),
    VALUE("--peers", take_knob),
    VALUE("--messages", take_knob),
    VALUE("--pattern", take_knob),
    VALUE("--durability", take_knob),
    VALUE("--faults", take_faults),
    VALUE("--set", take_set),
    VALUE("--only-faults", take_only),
    VALUE("--without-faults", take_without),
    VALUE("--shrink-runs", take_runs),
    VALUE("--shrink-seconds", take_seconds),
    VALUE("--plant", take_plant),
    VALUE("--handler", take_handler),
    {"--quick", quick, false, 0, false},
    FLAG("--trace", trace, true),
    FLAG("--json", json, true),
    FLAG("--require-all", require_all, true),
    FLAG("--keep-going", hunt.keep_going, true),
    FLAG("--plain", wishes.plain, true),
    FLAG("--no-shrink", shrink, false),
    FLAG("--shrink-any", limits.any, true),
    FLAG("--list-knobs", list_knobs, true),
    FLAG("--help", help, true),
    FLAG("-h", help, true),
};

#define OPTIONS (sizeof options / sizeof options[0])

static const struct option *find(struct parser *parser, const char *name)
{
    const char *names[OPTIONS];

    for (size_t i = 0; i < OPTIONS; i++) {
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
        names[i] = options[i].name;
    }
    const char *near = suggest(name, names, OPTIONS);
    if (near)
        wrong(parser, "no such option; did you mean '%s'?", near);
    else
        wrong(parser, "no such option; --help lists them");
    return NULL;
}

/* Reads the option at argv[i]. Returns how many words it took; 0: a mistake. */
static int take_option(struct parser *parser, int argc, char **argv, int i)
{
    parser->option = argv[i];
    const struct option *option = find(parser, argv[i]);
    if (!option)
        return 0;
    if (option->has_value && i + 1 == argc) {
        wrong(parser, "its value is missing; --help says which");
        return 0;
    }
    if (option->take)
        return option->take(parser, option->has_value ? argv[i + 1] : NULL)
                   ? 1 + option->has_value
                   : 0;
    memcpy((char *)parser->arguments + option->flag, &option->to, sizeof option->to);
    return 1;
}

/* What does not go together. */
static bool agree(struct parser *parser)
{
    const struct sim_arguments *arguments = parser->arguments;

    parser->option = "--seed";
    if (arguments->one && parser->seeds)
        return wrong(parser, "one seed and many contradict each other; leave --seeds or --quick "
                             "out");
    parser->option = "--trace";
    if (arguments->trace && !arguments->one)
        return wrong(parser, "a trace is of one world; give --seed N");
    if (arguments->trace && arguments->json)
        return wrong(parser, "both go to the standard output; leave --json out");
    parser->option = "--require-all";
    if (arguments->require_all && arguments->one)
        return wrong(parser, "one world cannot have it all; give --seeds A-B");
    return true;
}

static unsigned processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    if (count < 1)
        return 1;
    return count < SIM_JOBS_MAX ? (unsigned)count : SIM_JOBS_MAX;
}

bool sim_arguments_parse(struct sim_arguments *arguments, int argc, char **argv)
{
    struct parser parser = {.arguments = arguments};
    bool good = true;

    *arguments = (struct sim_arguments){
        .hunt = {.first = 1, .last = USUAL_SEEDS, .wishes = &arguments->wishes},
        .limits = {.runs = SHRINK_RUNS, .seconds = SHRINK_TIME},
        .shrink = true,
    };
    for (int i = 1; i < argc && good;) {
        int took = take_option(&parser, argc, argv, i);
        good = took > 0;
        i += took;
    }
    if (good && !agree(&parser))
        good = false;
    if (!parser.jobs)
        arguments->hunt.jobs = processors();
    if (!good)
        fprintf(stderr, "godwit-sim: %s: %s\n", parser.option, parser.why);
    return good;
}

void sim_arguments_clear(struct sim_arguments *arguments)
{
    sim_wishes_clear(&arguments->wishes);
    free(arguments->except);
    arguments->except = NULL;
}

/* --- the list of knobs --- */

static void list_knob(const struct sim_knob *knob)
{
    char range[80], simplest[SIM_KNOB_TEXT];

    sim_knob_range(knob, range, sizeof range);
    sim_knob_print(knob, knob->simplest, simplest, sizeof simplest);
    printf("  %-16s %-30s %-9s %s\n", knob->name, range, simplest, knob->meaning);
}

static void list_fault(enum sim_fault fault)
{
    static const char *const hows[] = {"per million", "per million, always", "weight", ""};

    printf("  %-20s %-10s %-20s %s\n", sim_fault_name(fault), sim_fault_group(fault),
           hows[sim_fault_how(fault)], sim_fault_text(fault));
}

void sim_arguments_list_knobs(void)
{
    printf("  %-16s %-30s %-9s %s\n", "knob", "values", "simplest", "meaning");
    for (size_t i = 0; i < sim_knob_count(); i++) {
        size_t size = strlen(sim_knob_at(i)->name);
        if (sim_fault_by_name(sim_knob_at(i)->name, size) < 0)
            list_knob(sim_knob_at(i));
    }
    printf("\nfaults are knobs too: how often, 0-1000000. --faults takes their names and groups\n\n"
           "  %-20s %-10s %-20s %s\n", "fault", "group", "how often", "meaning");
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
        if (sim_fault_how((enum sim_fault)i) != SIM_FOLLOWS)
            list_fault((enum sim_fault)i);
    }
}
