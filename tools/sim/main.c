/* SPDX-License-Identifier: MPL-2.0 */

/* godwit-sim: runs whole clusters of peers in virtual time, one for each seed, breaks everything
 * that can break, and checks the promises after every event. */

#include "base/plant.h"
#include "fleet.h"
#include "handler.h"
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TAIL_LINES    60
#define QUICK_SEEDS   200
#define MEDIAN_EVENTS 300
#define MEDIAN_FAULTS 5

static const char help[] =
    "godwit sim: simulated clusters with random faults, checked after every event\n"
    "\n"
    "  godwit-sim [--seeds A-B] [--jobs N]   many seeds (default 1-2000); a summary at the end\n"
    "  godwit-sim --quick                    seeds 1-200\n"
    "  godwit-sim --seed N [--trace]         one seed, with every event if asked\n"
    "  godwit-sim scale ...                  thousands of peers: what they cost (scale --help)\n"
    "\n"
    "  --require-all   it is an error if a kind of fault or a rare event never happened,\n"
    "                  or if the median seed has fewer than 300 events or 5 faults\n"
    "  --keep-going    list every seed that fails, do not stop at the first\n"
    "  --except A,B,.. leave these seeds out: violations that are known and not yet understood\n"
    "  --handler FILE  a shared object with handlers of your own (godwit_simulate(3))\n"
    "  --plant NAME    with a bug planted (godwit-sim-planted only); `--plant list` names them\n"
    "\n"
    "Exit status: 0 no violation; 1 a violation, printed with the command that replays it;\n"
    "2 wrong use.\n";

struct arguments {
    struct sim_hunt hunt;
    bool one, trace, require_all;
    const char *plant;
    const char *handler;
};

#ifdef GODWIT_PLANTS
enum gw_plant gw_plant;

static const char *const plants[GW_PLANT_COUNT] = {
    [GW_PLANT_NONE] = "none",
#define X(plant, name, text) [GW_PLANT_##plant] = name,
    GW_PLANTS(X)
#undef X
};

static void list_plants(void)
{
    for (unsigned i = 1; i < GW_PLANT_COUNT; i++)
        puts(plants[i]);
}

static bool plant(const char *name)
{
    for (unsigned i = 0; i < GW_PLANT_COUNT; i++) {
        if (strcmp(plants[i], name) == 0) {
            gw_plant = (enum gw_plant)i;
            return true;
        }
    }
    fprintf(stderr, "godwit-sim: no bug is called %s; --plant list names them\n", name);
    return false;
}
#else
static void list_plants(void)
{
    puts("this build holds no planted bugs: use godwit-sim-planted");
}

static bool plant(const char *name)
{
    fprintf(stderr, "godwit-sim: cannot plant %s: use godwit-sim-planted\n", name);
    return false;
}
#endif

/* --- arguments --- */

static bool number(const char *text, char end, uint64_t *value, const char **rest)
{
    char *after;

    errno = 0;
    *value = strtoull(text, &after, 10);
    if (errno || after == text || *text == '-' || *after != end)
        return false;
    if (rest)
        *rest = after + 1;
    return true;
}

static bool seeds(const char *text, struct sim_hunt *hunt)
{
    const char *rest;

    if (number(text, '\0', &hunt->last, NULL)) {
        hunt->first = hunt->last;
        return true;
    }
    return number(text, '-', &hunt->first, &rest) && number(rest, '\0', &hunt->last, NULL) &&
           hunt->first <= hunt->last && hunt->last - hunt->first < 100000000;
}

/* 1: the option took its value, 0: it has none, -1: wrong. */
static int with_value(const char *option, const char *value, struct arguments *arguments)
{
    uint64_t count;

    if (strcmp(option, "--seeds") == 0)
        return value && seeds(value, &arguments->hunt) ? 1 : -1;
    if (strcmp(option, "--seed") == 0) {
        arguments->one = true;
        return value && number(value, '\0', &arguments->hunt.first, NULL) ? 1 : -1;
    }
    if (strcmp(option, "--jobs") == 0) {
        if (!value || !number(value, '\0', &count, NULL) || count < 1 || count > 64)
            return -1;
        arguments->hunt.jobs = (unsigned)count;
        return 1;
    }
    if (strcmp(option, "--except") == 0) {
        arguments->hunt.except = value;
        return value ? 1 : -1;
    }
    if (strcmp(option, "--handler") == 0) {
        arguments->handler = value;
        return value ? 1 : -1;
    }
    if (strcmp(option, "--plant") == 0) {
        arguments->plant = value;
        return value ? 1 : -1;
    }
    return 0;
}

static bool flag(const char *option, struct arguments *arguments)
{
    if (strcmp(option, "--quick") == 0)
        arguments->hunt.last = arguments->hunt.first + QUICK_SEEDS - 1;
    else if (strcmp(option, "--trace") == 0)
        arguments->trace = true;
    else if (strcmp(option, "--require-all") == 0)
        arguments->require_all = true;
    else if (strcmp(option, "--keep-going") == 0)
        arguments->hunt.keep_going = true;
    else
        return false;
    return true;
}

static bool parse(int argc, char **argv, struct arguments *arguments)
{
    for (int i = 1; i < argc; i++) {
        int used = with_value(argv[i], i + 1 < argc ? argv[i + 1] : NULL, arguments);
        if (used > 0) {
            i++;
            continue;
        }
        if (used == 0 && flag(argv[i], arguments))
            continue;
        fprintf(stderr, "godwit-sim: %s %s (see --help)\n",
                used < 0 ? "wrong or missing value of" : "unknown option", argv[i]);
        return false;
    }
    return true;
}

/* --- reports --- */

static void print_failure(const struct sim_report *report)
{
    printf("seed %" PRIu64 ", step %" PRIu64 ", at %.1f ms: %s\n", report->seed, report->steps,
           (double)report->now_us / 1000, report->failure);
    fflush(stdout);
}

static void replay_command(const struct arguments *arguments, uint64_t seed)
{
    const char *name = arguments->plant ? "godwit-sim-planted" : "godwit-sim";

    printf("replay: %s --seed %" PRIu64 " --trace%s%s%s%s\n", name, seed,
           arguments->plant ? " --plant " : "", arguments->plant ? arguments->plant : "",
           arguments->handler ? " --handler " : "", arguments->handler ? arguments->handler : "");
}

/* The failed seed once more, this time with its last lines. */
static void show_failure(const struct arguments *arguments, uint64_t seed)
{
    static struct sim_trace trace;
    struct sim_report report;

    sim_trace_init(&trace, NULL, TAIL_LINES);
    sim_run_seed(seed, &trace, &report);
    printf("\nthe last events of seed %" PRIu64 ":\n", seed);
    sim_trace_print_ring(&trace, stdout);
    sim_trace_clear(&trace);
    printf("\nviolated: %s\n", report.failure);
    printf("at: seed %" PRIu64 ", step %" PRIu64 "\n", seed, report.steps);
    replay_command(arguments, seed);
}

static int run_one(const struct arguments *arguments)
{
    static struct sim_trace trace;
    struct sim_report report;

    sim_trace_init(&trace, arguments->trace ? stdout : NULL, arguments->trace ? 0 : TAIL_LINES);
    sim_run_seed(arguments->hunt.first, &trace, &report);
    if (report.failed && !arguments->trace)
        sim_trace_print_ring(&trace, stdout);
    sim_trace_clear(&trace);
    printf("seed %" PRIu64 ": %" PRIu64 " events, %" PRIu64 " faults, %" PRIu64
           " messages, %.1f s of virtual time: %s\n",
           report.seed, report.steps, sim_stats_faults(&report.stats), report.stats.messages,
           (double)report.now_us / 1e6, report.failed ? "violated:" : "no violation");
    if (!report.failed)
        return 0;
    printf("%s\n", report.failure);
    replay_command(arguments, report.seed);
    return 1;
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void summary(const struct sim_findings *findings, double took)
{
    const struct sim_stats *sum = &findings->sum;

    printf("%" PRIu64 " seeds, %" PRIu64 " events, %" PRIu64 " messages, %.0f s of virtual time"
           " in %.1f s\n",
           sum->seeds, sum->events, sum->messages, (double)sum->virtual_us / 1e6, took);
    printf("median per seed: %" PRIu64 " events, %" PRIu64 " faults\n", findings->median_events,
           findings->median_faults);
    sim_stats_print(sum, stdout);
}

static bool enough_happened(const struct sim_findings *findings)
{
    bool enough = sim_stats_missing(&findings->sum, stdout) == 0;

    if (findings->median_events <= MEDIAN_EVENTS || findings->median_faults < MEDIAN_FAULTS) {
        printf("the median seed has too little in it\n");
        enough = false;
    }
    return enough;
}

static int run_many(const struct arguments *arguments)
{
    struct sim_findings findings;
    double began = seconds();

    if (sim_run_hunt(&arguments->hunt, &findings, print_failure)) {
        fprintf(stderr, "godwit-sim: cannot start processes: %s\n", strerror(errno));
        return 2;
    }
    if (!findings.failures || arguments->hunt.keep_going)
        summary(&findings, seconds() - began);
    if (findings.failures) {
        printf("%" PRIu64 " violations\n", findings.failures);
        fflush(stdout);
        if (!arguments->hunt.keep_going)
            show_failure(arguments, findings.worst.seed);
        return 1;
    }
    printf("no violation\n");
    return !arguments->require_all || enough_happened(&findings) ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.hunt = {.first = 1, .last = 2000, .jobs = 1}};

    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "scale") == 0)
        return sim_scale_main(argc - 1, argv + 1);
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (!parse(argc, argv, &arguments))
        return 2;
    if (arguments.plant && strcmp(arguments.plant, "list") == 0) {
        list_plants();
        return 0;
    }
    if (arguments.plant && !plant(arguments.plant))
        return 2;
    if (arguments.handler) {
        char why[8192];
        if (!sim_handler_load(arguments.handler, why, sizeof why)) {
            fprintf(stderr, "godwit-sim: %s\n", why);
            return 2;
        }
        sim_run_use(sim_handler_hooks());
    }
    return arguments.one ? run_one(&arguments) : run_many(&arguments);
}
