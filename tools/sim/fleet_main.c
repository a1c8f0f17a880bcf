/* SPDX-License-Identifier: MPL-2.0 */

/* The command line of `godwit sim scale`. */

#include "base/plant.h"
#include "common/suggest.h"
#include "fleet.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PEERS         1000
#define CURVE_PEERS   10000
#define DEGREE        8
#define DEGREE_MAX    1000
#define MESSAGES_MAX  100000
#define SIZE_MIN      8 /* a message says who sent it */
#define SIZE_MAX_     65536
#define HEARTBEAT_MIN 20
#define HEARTBEAT_MAX 60000
#define MINUTES_MAX   1440

static const char help[] =
    "godwit sim scale: thousands of peers in virtual time: what they cost, and how that grows\n"
    "\n"
    "  godwit sim scale [--peers N] [--shape SHAPE]   one run\n"
    "  godwit sim scale --curve [--plot FILE.svg]     10, 30, 100, ... peers: tables, a picture\n"
    "\n"
    "  --peers N       peers, 2 to 16384 (default 1000); of a curve the most (default 10000)\n"
    "  --shape SHAPE   star      all send requests to one server, which replies (default)\n"
    "                  farm      one gives work to all others\n"
    "                  pairs     two and two, each sends to the other\n"
    "                  mesh [K]  each dials K others (default 8), and sends to any linked one\n"
    "                  pipeline  producers, workers and sinks, 1 : 8 : 1\n"
    "  --messages M    that each sender sends in bulk, and again at each restart (default 200)\n"
    "  --size BYTES    of each message, 8 to 65536 (default 100)\n"
    "  --minutes T     of virtual time that the idle fleet is watched (default 0.5)\n"
    "  --heartbeat MS  20 to 60000 (default 1000)\n"
    "  --seed S        the same seed is the same run (default 1)\n"
    "  --json          one line of JSON for each run\n"
    "  --plant NAME    with a bug planted (godwit-sim-planted only)\n"
    "\n"
    "A run opens all peers, links them, rests, sends one message a second, sends in bulk, and\n"
    "then kills and starts all of them within a second while they send, three times. What was\n"
    "accepted must be processed exactly once.\n"
    "\n"
    "Exit status: 0; 1 a message was lost or repeated, or the run failed; 2 wrong use.\n";

struct arguments {
    struct fleet_curve curve;
    bool is_curve;
};

static bool refuse(const char *option, const char *what)
{
    fprintf(stderr, "godwit sim scale: %s %s (see godwit sim scale --help)\n", option, what);
    return false;
}

/* --- values --- */

static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
    char *end;

    if (!text || *text < '0' || *text > '9')
        return false;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return !errno && !*end && *value >= least && *value <= most;
}

static bool bounded(const char *option, const char *text, uint64_t least, uint64_t most,
                    uint64_t *value)
{
    char what[80];

    if (number(text, least, most, value))
        return true;
    snprintf(what, sizeof what, "needs a number from %" PRIu64 " to %" PRIu64, least, most);
    return refuse(option, what);
}

static bool minutes(const char *option, const char *text, uint64_t *us)
{
    char *end;
    double value = text ? strtod(text, &end) : 0;

    if (!text || *end || end == text || !isfinite(value) || value < 0.1 || value > MINUTES_MAX)
        return refuse(option, "needs minutes from 0.1 to 1440");
    *us = (uint64_t)(value * 60e6);
    return true;
}

static bool shape(const char *text, enum fleet_shape *chosen)
{
    const char *names[FLEET_PIPELINE + 2] = {NULL};
    char what[100];

    for (int i = 0; i <= FLEET_PIPELINE; i++)
        names[i] = fleet_shape_name((enum fleet_shape)i);
    for (int i = 0; text && names[i]; i++) {
        *chosen = (enum fleet_shape)i;
        if (strcmp(text, names[i]) == 0)
            return true;
    }
    snprintf(what, sizeof what, "needs star, farm, pairs, mesh or pipeline%s%.20s%s",
             text ? ", not \"" : "", text ? text : "", text ? "\"" : "");
    return refuse("--shape", what);
}

#ifdef GODWIT_PLANTS
static bool plant(const char *name)
{
    static const char *const names[] = {
#define X(plant, word, text) word,
        GW_PLANTS(X)
#undef X
    };

    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++) {
        gw_plant = (enum gw_plant)(i + 1);
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return refuse("--plant", "needs the name of a bug: godwit-sim-planted --plant list names them");
}
#else
static bool plant(const char *name)
{
    (void)name;
    return refuse("--plant", "needs godwit-sim-planted: this build holds no bugs");
}
#endif

/* --- options --- */

static bool is(const char *option, const char *name)
{
    return strcmp(option, name) == 0;
}

static bool unknown(const char *option)
{
    static const char *const options[] = {"--peers",     "--shape", "--messages", "--size",
                                          "--minutes",   "--heartbeat", "--seed", "--json",
                                          "--curve",     "--plot",  "--plant",    "--help"};
    const char *guess = suggest(option, options, sizeof options / sizeof *options);
    char what[100] = "is no option";

    if (guess)
        snprintf(what, sizeof what, "is no option: did you mean %s?", guess);
    return refuse(option, what);
}

/* Takes an option with a value. */
static bool valued(const char *option, const char *value, struct arguments *arguments)
{
    struct fleet_options *options = &arguments->curve.options;
    uint64_t found;

    if (is(option, "--peers")) {
        if (!bounded(option, value, 2, FLEET_PEERS_MAX, &found))
            return false;
        options->peers = (uint32_t)found;
        return true;
    }
    if (is(option, "--heartbeat")) {
        if (!bounded(option, value, HEARTBEAT_MIN, HEARTBEAT_MAX, &found))
            return false;
        options->heartbeat_us = found * 1000;
        return true;
    }
    if (is(option, "--messages"))
        return bounded(option, value, 1, MESSAGES_MAX, &options->messages);
    if (is(option, "--size"))
        return bounded(option, value, SIZE_MIN, SIZE_MAX_, &options->size);
    if (is(option, "--seed"))
        return bounded(option, value, 0, UINT64_MAX, &options->seed);
    if (is(option, "--minutes"))
        return minutes(option, value, &options->idle_us);
    if (is(option, "--shape"))
        return shape(value, &options->shape);
    if (is(option, "--plant"))
        return plant(value);
    if (!is(option, "--plot"))
        return unknown(option);
    arguments->curve.plot = value;
    arguments->is_curve = true;
    return value || refuse(option, "needs the name of a file");
}

static bool parse(int argc, char **argv, struct arguments *arguments)
{
    for (int i = 1; i < argc; i++) {
        uint64_t degree;
        if (is(argv[i], "--json")) {
            arguments->curve.json = true;
        } else if (is(argv[i], "--curve")) {
            arguments->is_curve = true;
        } else {
            if (!valued(argv[i], i + 1 < argc ? argv[i + 1] : NULL, arguments))
                return false;
            i++;
        }
        if (arguments->curve.options.shape == FLEET_MESH && is(argv[i], "mesh") && i + 1 < argc &&
            argv[i + 1][0] != '-') {
            if (!bounded("mesh", argv[++i], 1, DEGREE_MAX, &degree))
                return false;
            arguments->curve.options.degree = (uint32_t)degree;
        }
    }
    if (!arguments->curve.options.peers)
        arguments->curve.options.peers = arguments->is_curve ? CURVE_PEERS : PEERS;
    return true;
}

int sim_scale_main(int argc, char **argv)
{
    static struct fleet_report report;
    struct arguments arguments = {.curve.options = {.shape = FLEET_STAR,
                                                    .degree = DEGREE,
                                                    .messages = 200,
                                                    .size = 100,
                                                    .seed = 1,
                                                    .heartbeat_us = 1000000,
                                                    .idle_us = 30000000}};

    for (int i = 1; i < argc; i++) {
        if (is(argv[i], "--help") || is(argv[i], "-h")) {
            fputs(help, stdout);
            return 0;
        }
    }
    if (!parse(argc, argv, &arguments))
        return 2;
    if (arguments.is_curve)
        return fleet_curve_run(&arguments.curve);
    fleet_run(&arguments.curve.options, &report);
    if (arguments.curve.json)
        fleet_print_json(&report, stdout);
    else
        fleet_print(&report, stdout);
    return fleet_is_bad(&report) ? 1 : 0;
}
