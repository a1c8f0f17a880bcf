/* SPDX-License-Identifier: MPL-2.0 */
/* The command line. Everything that cannot be measured is refused here, before a process or a
 * directory exists. */

#include "options.h"
#include "curve.h"
#include "work.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_LIMIT    (16 << 20) /* the library's largest max_message */
#define COUNT_LIMIT   1000000000ull
#define TIMEOUT_LIMIT 86400
#define MEMBERS_LIMIT 32
#define LINKS_LIMIT   1000
#define FLIGHT_LIMIT  10000
#define WINDOW_LIMIT  1048576 /* the library's largest window */
#define CURVE_RUNS    3       /* rounds of each point by default */
#define CURVE_LIMIT_S 600

static const char *const known_levels[] = {"memory", "os", "fsync"};

static const char help_head[] =
    "usage: godwit bench [WORK] [options]\n"
    "       godwit bench curve WHAT [options]\n"
    "\n"
    "Measures one work with real processes over tcp on loopback, in turns with other systems that\n"
    "do the same: raw (plain libzmq, DEALER to ROUTER, nothing acknowledged), handmade (a\n"
    "LevelDB put, a send, an acknowledgement and a delete for each message), leveldb (batches put\n"
    "and deleted, no network). Time runs from the first send to the last message settled.\n"
    "Payloads are random. CPU time, memory, bytes written and bytes on the wire are measured.\n"
    "\n";
static const char help_tail[] =
    "\n"
    "  --size BYTES         of one message, 1 to 16777216\n"
    "  --count MESSAGES     of one run, 1 to 1000000000\n"
    "  --durability LEVELS  of memory, os and fsync, with commas (os,fsync)\n"
    "  --against SYSTEMS    of raw, handmade, leveldb and disk (fdatasync), with commas; or none\n"
    "  --runs N             rounds, 1 to 1000; medians are printed\n"
    "  --members N          workers of fanout, producers of fanin, 1 to 32 (8)\n"
    "  --links N            of links, 2 to 1000 (1000)\n"
    "  --inflight N         requests under way at once, 2 to 10000 (64)\n"
    "  --window N           unsettled messages that a peer allows, 1 to 1048576 (the library's)\n"
    "  --timeout SECONDS    longest time one run may take\n"
    "  --json               print one JSON object and no table\n"
    "  --plot FILE          draw the results, as SVG\n"
    "  --points LIST        of a curve: up to 12 ascending numbers, with commas\n"
    "  --limit SECONDS      of a curve: begin no point that would end later (600)\n"
    "  --help               print this\n"
    "\n"
    "Directories are made below TMPDIR (/tmp) and removed at the end.\n";

static const struct option known[] = {
    {"size", required_argument, NULL, 's'},
    {"count", required_argument, NULL, 'c'},
    {"durability", required_argument, NULL, 'd'},
    {"against", required_argument, NULL, 'a'},
    {"runs", required_argument, NULL, 'r'},
    {"members", required_argument, NULL, 'm'},
    {"links", required_argument, NULL, 'l'},
    {"inflight", required_argument, NULL, 'i'},
    {"window", required_argument, NULL, 'w'},
    {"timeout", required_argument, NULL, 't'},
    {"json", no_argument, NULL, 'j'},
    {"plot", required_argument, NULL, 'p'},
    {"points", required_argument, NULL, 'P'},
    {"limit", required_argument, NULL, 'L'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Reads a whole number of these bounds; false after a sentence that says what it should be. */
static bool number(const char *name, const char *text, uint64_t least, uint64_t limit,
                   uint64_t *value)
{
    char *end;
    errno = 0;
    unsigned long long read = strtoull(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end || read < least || read > limit) {
        bench_complain("--%s must be a whole number from %llu to %llu, not '%s'", name,
                       (unsigned long long)least, (unsigned long long)limit, text);
        return false;
    }
    *value = read;
    return true;
}

/* The same for what fits into an unsigned. */
static bool small(const char *name, const char *text, uint64_t least, uint64_t limit,
                  unsigned *value)
{
    uint64_t read;
    if (!number(name, text, least, limit, &read))
        return false;
    *value = (unsigned)read;
    return true;
}

static const char *level_named(const char *text, size_t size)
{
    for (size_t i = 0; i < BENCH_LEVELS; i++) {
        if (strlen(known_levels[i]) == size && memcmp(known_levels[i], text, size) == 0)
            return known_levels[i];
    }
    return NULL;
}

static bool levels(const char *text, struct bench_options *options)
{
    options->level_count = 0;
    for (const char *at = text; at; at = strchr(at, ',')) {
        at += *at == ',';
        size_t size = strcspn(at, ",");
        const char *level = level_named(at, size);
        if (!level) {
            bench_complain("--durability knows memory, os and fsync, not '%.*s'", (int)size, at);
            return false;
        }
        for (size_t i = 0; i < options->level_count; i++) {
            if (options->levels[i] == level) {
                bench_complain("--durability has '%s' twice", level);
                return false;
            }
        }
        options->levels[options->level_count++] = level;
    }
    return true;
}

static bool against(const char *text, struct bench_options *options)
{
    static const char *const others[] = {"raw", "handmade", "leveldb", "disk"};
    options->against = text;
    if (strcmp(text, "none") == 0)
        return true;
    for (const char *at = text; at; at = strchr(at, ',')) {
        at += *at == ',';
        size_t size = strcspn(at, ",");
        bool found = false;
        for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
            found = found || (strlen(others[i]) == size && memcmp(others[i], at, size) == 0);
        if (!found) {
            bench_complain("--against knows raw, handmade, leveldb, disk and none, not '%.*s'",
                           (int)size, at);
            return false;
        }
    }
    return true;
}

/* What can only be judged when the whole line is known. */
struct later {
    const char *points;
    bool given[128]; /* by the option's letter */
};

static bool take(int letter, struct bench_options *options, struct later *later)
{
    uint64_t value = 0;
    bool good = true;
    switch (letter) {
    case 's':
        good = number("size", optarg, 1, SIZE_LIMIT, &value);
        options->size = value;
        break;
    case 'c': good = number("count", optarg, 1, COUNT_LIMIT, &options->count); break;
    case 'd': good = levels(optarg, options); break;
    case 'a': good = against(optarg, options); break;
    case 'r': good = small("runs", optarg, 1, BENCH_RUNS, &options->runs); break;
    case 'm': good = small("members", optarg, 1, MEMBERS_LIMIT, &options->members); break;
    case 'l': good = small("links", optarg, 2, LINKS_LIMIT, &options->links); break;
    case 'i': good = small("inflight", optarg, 2, FLIGHT_LIMIT, &options->inflight); break;
    case 'w': good = small("window", optarg, 1, WINDOW_LIMIT, &options->window); break;
    case 't': good = small("timeout", optarg, 1, TIMEOUT_LIMIT, &options->timeout_s); break;
    case 'j': options->json = true; break;
    case 'p': options->plot = optarg; break;
    case 'P': later->points = optarg; break;
    case 'L': good = small("limit", optarg, 1, TIMEOUT_LIMIT, &options->limit_s); break;
    default: good = false; /* getopt said why */
    }
    if (good)
        later->given[letter] = true;
    return good;
}

static void complete(struct bench_options *options)
{
    const struct work *work = options->work;
    if (options->count == 0)
        options->count = work->count;
    if (options->runs == 0)
        options->runs = work->runs;
    if (options->timeout_s == 0)
        options->timeout_s = work->timeout_s;
    if (!options->against)
        options->against = work->against;
}

static void print_help(void)
{
    const struct work *work;
    fputs(help_head, stdout);
    for (size_t i = 0; (work = work_at(i)); i++)
        printf("  %-8s %s\n", work->name, work->about);
    fputs("\nA curve is a work at growing sizes, with the same systems and numbers:\n", stdout);
    const struct curve *curve;
    for (size_t i = 0; (curve = curve_at(i)); i++)
        printf("  %-8s %s\n", curve->name, curve->about);
    fputs(help_tail, stdout);
}

/* The work of this name, and what it has by default. False after a sentence. */
static bool choose(const char *name, struct bench_options *options)
{
    const struct work *work;
    options->work = work_named(name);
    if (options->work && !options->work->missing) {
        complete(options);
        return true;
    }
    if (options->work) {
        bench_complain("'%s' cannot be measured yet: %s", name, options->work->missing);
        return false;
    }
    char names[256] = "";
    for (size_t i = 0; (work = work_at(i)); i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", work->name);
    }
    bench_complain("'%s' is no work that can be measured; there are: %s", name, names);
    return false;
}

static const char *option_of(char letter)
{
    size_t i = 0;
    while (known[i].val != letter)
        i++;
    return known[i].name;
}

static bool choose_curve(const char *name, struct bench_options *options, const struct later *later)
{
    const struct curve *curve = options->curve = name ? curve_named(name) : NULL;
    if (!curve) {
        char names[256] = "";
        for (size_t i = 0; (curve = curve_at(i)); i++) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", curve->name);
        }
        bench_complain("'%s' is no curve; there are: %s", name ? name : "", names);
        return false;
    }
    if (later->given[(unsigned char)curve->option]) {
        bench_complain("--%s is what curve %s goes through: see --points", option_of(curve->option),
                       curve->name);
        return false;
    }
    memcpy(options->points, curve->points, sizeof(options->points));
    if (later->points && !curve_points(curve, later->points, options->points))
        return false;
    uint64_t count = options->count; /* each point has its own unless it was said */
    unsigned runs = options->runs ? options->runs : CURVE_RUNS;
    for (size_t i = 0; i < CURVE_WORKS && curve->works[i]; i++) {
        if (!choose(curve->works[i], options))
            return false;
    }
    options->count = count;
    options->runs = runs;
    return true;
}

static bool choose_work(const char *name, struct bench_options *options, const struct later *later)
{
    if (later->points || later->given['L']) {
        bench_complain("--%s is for curves", later->points ? "points" : "limit");
        return false;
    }
    if (!choose(name, options))
        return false;
    const char *lacks = work_lacks(options->work, options->against);
    if (lacks)
        bench_complain("'%s' is not measured against %.*s", name, (int)strcspn(lacks, ","), lacks);
    return !lacks;
}

enum options_verdict options_read(int argc, char **argv, struct bench_options *options)
{
    *options = (struct bench_options){
        .levels = {"os", "fsync"},
        .level_count = 2,
        .members = 8,
        .links = LINKS_LIMIT,
        .inflight = 64,
        .limit_s = CURVE_LIMIT_S,
    };
    struct later later = {0};
    static char name[] = "godwit-bench"; /* in getopt's own sentences */
    argv[0] = name;
    int letter;
    while ((letter = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (letter == 'h') {
            print_help();
            return OPTIONS_HELP;
        }
        if (!take(letter, options, &later))
            return OPTIONS_WRONG;
    }
    int words = argc - optind, most = 1;
    const char *first = words > 0 ? argv[optind] : "stage";
    if (strcmp(first, "curve") == 0) {
        most = 2;
        if (!choose_curve(words > 1 ? argv[optind + 1] : NULL, options, &later))
            return OPTIONS_WRONG;
    } else if (!choose_work(first, options, &later)) {
        return OPTIONS_WRONG;
    }
    if (words > most) {
        bench_complain("one work at a time: '%s' is too much", argv[optind + most]);
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}
