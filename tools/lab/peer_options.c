/* SPDX-License-Identifier: MPL-2.0 */
/* The command line of lab-peer. What is wrong with it is said here, before anything is opened. */

#include "peer.h"

#include "common/suggest.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: godwit lab-peer push|work|ask|serve|audit [options]\n"
    "\n"
    "A ready process for `godwit lab`, on the public interface alone. On its standard output it\n"
    "keeps the ledger: what it accepted, began, processed, settled. SIGTERM ends it politely.\n"
    "\n"
    "push sends to a stage, and ends with status 0 when all is settled. With --dir it goes on\n"
    "where it was after a restart: --messages counts all its lives.\n"
    "work takes messages of a stage, and counts each one's effect in the transaction of its ack.\n"
    "ask and serve do the same with a service's requests and replies.\n"
    "audit tells, when the process of --dir has ended, what effects are in its store and what it\n"
    "still holds.\n"
    "\n"
    "all\n"
    "  --dir DIRECTORY      of the store; without it, in memory (audit: required)\n"
    "  --name NAME          of the peer (the store's; else the last part of DIRECTORY)\n"
    "  --bind ENDPOINT      where to listen, as tcp://127.0.0.1:7000; may be given 16 times\n"
    "  --connect ENDPOINT   whom to call; may be given 16 times\n"
    "  --stage NAME         push, work: of which stage (work)\n"
    "  --service NAME       ask, serve: of which service (work)\n"
    "  --durability LEVEL   fsync, os or memory (fsync; without --dir memory)\n"
    "  --heartbeat MS       20 to 60000; silent for three of these is dead (200)\n"
    "  --seed N             of what is left to chance (0)\n"
    "  --verbose            says on standard error what the library logs, not only errors\n"
    "\n"
    "push, ask\n"
    "  --messages N         sends so many, in all its lives together; 0: without end (1000)\n"
    "  --seconds S          sends for so long instead, from its first start on\n"
    "  --rate N             so many a second; 0: as fast as it goes (0)\n"
    "  --size BYTES         of each, 8 to 1000000 (100)\n"
    "  --ordered            asks for order\n"
    "  --failover MS        moves the work of a member that is away so long; 0: never (0)\n"
    "  --passed-on          push: the stage passes on to others (work --onward). What the last of\n"
    "                       them says counts, so that `settled` is not told\n"
    "\n"
    "work, serve\n"
    "  --batch N            work: most messages in a transaction, 1 to 256 (64)\n"
    "  --threads N          serve: handlers at a time, 1 to 64 (1)\n"
    "  --credit N           most in hand for one sender, 1 to 1000000 (the library's)\n"
    "  --slow MS            each message takes so long\n"
    "  --nack PERCENT       of attempts that end with: again later. May have a fraction: 0.5\n"
    "  --reject PERCENT     of messages that end as dead letters\n"
    "  --crash PERCENT      of attempts at which it kills itself, begun and not yet processed\n"
    "  --onward STAGE       work: passes each message on instead, in the transaction of its ack;\n"
    "                       the last stage keeps the ledger, by the id of the first\n"
    "  --break PROMISE      breaks one on purpose, to see that the lab finds it: lose, repeat,\n"
    "                       and for work early, silent and reorder\n"
    "\n"
    "  --help               print this\n"
    "\n"
    "Exit status: 0 done, or told to end; 1 failed; 2 wrong use.\n";

enum kind { IS_TEXT, IS_NUMBER, IS_PERCENT, IS_FLAG, IS_LEVEL, IS_BREAK, IS_ENDPOINT, IS_HELP };

enum who { PUSH = 1, ASK = 2, WORK = 4, SERVE = 8, AUDIT = 16, SENDS = PUSH | ASK,
           TAKES = WORK | SERVE, LIVES = SENDS | TAKES, ALL = LIVES | AUDIT };

struct knob {
    const char *name;
    enum kind kind;
    unsigned who;
    size_t at;            /* of its field */
    uint64_t least, most; /* of a number */
};

#define FIELD(name) offsetof(struct peer_options, name)

static const struct knob knobs[] = {
    {"dir", IS_TEXT, ALL, FIELD(directory), 0, 0},
    {"name", IS_TEXT, ALL, FIELD(name), 0, 0},
    {"bind", IS_ENDPOINT, LIVES, 0, 0, 0},
    {"connect", IS_ENDPOINT, LIVES, 0, 0, 0},
    {"stage", IS_TEXT, PUSH | WORK, FIELD(stage), 0, 0},
    {"service", IS_TEXT, ASK | SERVE, FIELD(service), 0, 0},
    {"durability", IS_LEVEL, LIVES, 0, 0, 0},
    {"heartbeat", IS_NUMBER, LIVES, FIELD(heartbeat_ms), 20, 60000},
    {"seed", IS_NUMBER, ALL, FIELD(seed), 0, UINT64_MAX},
    {"verbose", IS_FLAG, ALL, FIELD(verbose), 0, 0},
    {"messages", IS_NUMBER, SENDS, FIELD(messages), 0, 1000000000},
    {"seconds", IS_NUMBER, SENDS, FIELD(seconds), 1, 30 * 24 * 3600},
    {"rate", IS_NUMBER, SENDS, FIELD(rate), 0, 10000000},
    {"size", IS_NUMBER, SENDS, FIELD(size), 8, 1000000},
    {"ordered", IS_FLAG, SENDS, FIELD(ordered), 0, 0},
    {"failover", IS_NUMBER, SENDS, FIELD(failover_ms), 0, 3600000},
    {"passed-on", IS_FLAG, PUSH, FIELD(passed_on), 0, 0},
    {"batch", IS_NUMBER, WORK, FIELD(batch), 1, 256},
    {"threads", IS_NUMBER, SERVE, FIELD(threads), 1, 64},
    {"credit", IS_NUMBER, TAKES, FIELD(credit), 1, 1000000},
    {"slow", IS_NUMBER, TAKES, FIELD(slow_ms), 0, 3600000},
    {"nack", IS_PERCENT, TAKES, FIELD(nack), 0, 0},
    {"reject", IS_PERCENT, TAKES, FIELD(reject), 0, 0},
    {"crash", IS_PERCENT, TAKES, FIELD(crash), 0, 0},
    {"onward", IS_TEXT, WORK, FIELD(onward), 0, 0},
    {"break", IS_BREAK, TAKES, 0, 0, 0},
    {"help", IS_HELP, ALL, 0, 0, 0},
};

#define KNOBS (sizeof knobs / sizeof *knobs)

static const char *const roles[] = {"push", "ask", "work", "serve", "audit"};

#define ROLES (sizeof roles / sizeof *roles)

static bool wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool wrong(const char *format, ...)
{
    va_list arguments;

    fputs("godwit lab-peer: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("; see `godwit lab-peer --help`\n", stderr);
    return false;
}

/* --- values --- */

static bool take_number(const struct knob *knob, const char *text, uint64_t *value)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end || number < knob->least || number > knob->most)
        return wrong("--%s must be a whole number from %llu to %llu, not '%.80s'", knob->name,
                     (unsigned long long)knob->least, (unsigned long long)knob->most, text);
    *value = number;
    return true;
}

static bool take_percent(const struct knob *knob, const char *text, uint64_t *in_a_million)
{
    char *end;
    double percent = strtod(text, &end);

    if (end == text || (*end && strcmp(end, "%") != 0) || !(percent >= 0 && percent <= 100))
        return wrong("--%s must be a percentage from 0 to 100, not '%.80s'", knob->name, text);
    *in_a_million = (uint64_t)(percent * PEER_MILLION / 100 + 0.5);
    return true;
}

static bool take_level(const char *text, struct peer_options *options)
{
    static const char *const names[] = {"fsync", "os", "memory"};
    static const godwit_durability_t levels[] = {GODWIT_DURABILITY_FSYNC, GODWIT_DURABILITY_OS,
                                                 GODWIT_DURABILITY_MEMORY};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            options->durability = levels[i];
            return true;
        }
    }
    return wrong("--durability knows fsync, os and memory, not '%.80s'", text);
}

static bool take_break(const char *text, struct peer_options *options)
{
    static const char *const names[] = {"", "lose", "repeat", "reorder", "early", "silent"};

    for (int i = PEER_LOSES; i <= PEER_SILENT; i++) {
        if (strcmp(text, names[i]) == 0) {
            options->breaks = (enum peer_break)i;
            return true;
        }
    }
    return wrong("--break knows lose, repeat, reorder, early and silent, not '%.80s'", text);
}

static bool take_endpoint(const struct knob *knob, const char *text, struct peer_options *options)
{
    bool binds = strcmp(knob->name, "bind") == 0;
    const char **list = binds ? options->bind : options->connect;
    size_t *count = binds ? &options->binds : &options->connects;

    if (*count == PEER_ENDPOINTS_MAX)
        return wrong("--%s may be given %d times", knob->name, PEER_ENDPOINTS_MAX);
    list[(*count)++] = text;
    return true;
}

static bool take(const struct knob *knob, const char *text, struct peer_options *options)
{
    void *field = (char *)options + knob->at;

    switch (knob->kind) {
    case IS_TEXT: *(const char **)field = text; return true;
    case IS_FLAG: *(bool *)field = true; return true;
    case IS_NUMBER: return take_number(knob, text, field);
    case IS_PERCENT: return take_percent(knob, text, field);
    case IS_LEVEL: return take_level(text, options);
    case IS_BREAK: return take_break(text, options);
    case IS_ENDPOINT: return take_endpoint(knob, text, options);
    case IS_HELP: break;
    }
    return true;
}

/* --- all together --- */

static unsigned role_bit(const char *role)
{
    for (size_t i = 0; i < ROLES; i++)
        if (role && strcmp(role, roles[i]) == 0)
            return 1u << i;
    return 0;
}

static bool no_option(const char *word)
{
    const char *names[KNOBS];

    for (size_t i = 0; i < KNOBS; i++)
        names[i] = knobs[i].name;
    const char *near = strncmp(word, "--", 2) == 0 ? suggest(word + 2, names, KNOBS) : NULL;
    if (near)
        return wrong("'%.80s' is no option, or lacks its value (did you mean --%s?)", word, near);
    return wrong("'%.80s' is no option, or lacks its value", word);
}

static bool no_role(const char *word)
{
    const char *near = word ? suggest(word, roles, ROLES) : NULL;

    if (!word)
        return wrong("it must be told what to do: push, work, ask, serve or audit");
    if (near)
        return wrong("'%.80s' is nothing it can do (did you mean %s?)", word, near);
    return wrong("'%.80s' is nothing it can do: push, work, ask, serve or audit", word);
}

static bool complete(struct peer_options *options, unsigned role)
{
    if (role == AUDIT && !options->directory)
        return wrong("audit needs --dir: what is in memory ended with its process");
    if ((role & LIVES) && options->binds + options->connects == 0)
        return wrong("%s needs --bind or --connect", options->role);
    if (options->durability != GODWIT_DURABILITY_DEFAULT &&
        options->durability != GODWIT_DURABILITY_MEMORY && !options->directory)
        return wrong("--durability fsync and os need --dir");
    if (options->durability == GODWIT_DURABILITY_MEMORY)
        options->directory = NULL;
    if (role == SERVE && options->breaks > PEER_REPEATS)
        return wrong("serve can break lose and repeat only");
    return true;
}

/* The last part of the directory, if it can be a name. */
static const char *default_name(const struct peer_options *options)
{
    static char name[65];
    const char *from = options->directory ? options->directory : options->role;
    size_t size = strlen(from);

    while (size > 1 && from[size - 1] == '/')
        size--;
    size_t begin = size;
    while (begin > 0 && from[begin - 1] != '/')
        begin--;
    snprintf(name, sizeof name, "%.*s", (int)(size - begin), from + begin);
    return name;
}

static bool known_name(struct peer_options *options)
{
    static char name[80];
    godwit_inspect_t *inspect = NULL;

    if (options->name)
        return true;
    options->name = default_name(options);
    if (!options->directory || godwit_inspect_open(options->directory, &inspect))
        return true; /* what is wrong with it, open will say */
    if (!godwit_inspect_running(inspect)) {
        snprintf(name, sizeof name, "%s", godwit_inspect_name(inspect));
        options->name = name;
    }
    godwit_inspect_close(&inspect);
    return true;
}

static bool read_all(int argc, char **argv, unsigned role, struct peer_options *options,
                     bool *helped)
{
    struct option known[KNOBS + 1] = {0};
    int at, letter;

    for (size_t i = 0; i < KNOBS; i++)
        known[i] = (struct option){knobs[i].name,
                                   knobs[i].kind == IS_FLAG || knobs[i].kind == IS_HELP
                                       ? no_argument
                                       : required_argument,
                                   NULL, 1};
    opterr = 0;
    while ((letter = getopt_long(argc, argv, "", known, &at)) != -1) {
        if (letter != 1)
            return no_option(argv[optind - 1]);
        *helped = knobs[at].kind == IS_HELP;
        if (*helped)
            return true;
        if (role && !(knobs[at].who & role))
            return wrong("--%s is not for %s", knobs[at].name, options->role);
        if (!take(&knobs[at], optarg, options))
            return false;
    }
    if (optind < argc)
        return wrong("'%.80s' is too much", argv[optind]);
    return true;
}

bool peer_options_read(int argc, char **argv, struct peer_options *options, int *status)
{
    const char *role = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    unsigned bit = role_bit(role);
    bool helped = false;

    *options = (struct peer_options){
        .role = role, .stage = "work", .service = "work", .heartbeat_ms = 200, .messages = 1000,
        .size = 100, .batch = 64, .threads = 1};
    *status = PEER_USAGE;
    if (role && !bit)
        return no_role(role);
    if (!read_all(argc - (role != NULL), argv + (role != NULL), bit, options, &helped))
        return false;
    if (helped) {
        fputs(help, stdout);
        *status = PEER_OK;
        return false;
    }
    if (!role)
        return no_role(NULL);
    if (options->seconds)
        options->messages = 0;
    if (options->slow_ms)
        options->batch = 1;
    return complete(options, bit) && known_name(options);
}
