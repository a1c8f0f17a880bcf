/* SPDX-License-Identifier: MPL-2.0 */
/* The command line. Everything that cannot be measured is refused here, before a process or a
 * directory exists. */

#include "options.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_LIMIT    (1024 * 1024) /* the library's largest max_message */
#define COUNT_LIMIT   1000000000ull
#define TIMEOUT_LIMIT 86400

static const char *const known_levels[] = {"memory", "os", "fsync"};

static const char help[] =
    "usage: godwit bench [stage|backlog] [options]\n"
    "\n"
    "stage measures one producer and one worker of a stage in two processes over tcp on loopback,\n"
    "and raw libzmq (DEALER to ROUTER, one zmq_send per message, nothing acknowledged) in turns\n"
    "with it. Time runs from the first send to the last message settled. Payloads are random.\n"
    "backlog pushes everything while nobody is there, then lets one worker take it all, and\n"
    "measures the memory of both processes meanwhile.\n"
    "\n"
    "  --size BYTES         of one message, 1 to 1048576 (100)\n"
    "  --count MESSAGES     of one run, 1 to 1000000000 (stage 1000000, backlog 10000000)\n"
    "  --durability LEVELS  of memory, os and fsync, with commas (os,fsync)\n"
    "  --against WHAT       raw or none (stage: raw)\n"
    "  --runs N             rounds (stage 5, medians are printed; backlog 1, each is printed)\n"
    "  --timeout SECONDS    longest time one run may take (stage 300, backlog 3600)\n"
    "  --json               print one JSON object and no table\n"
    "  --help               print this\n"
    "\n"
    "Directories are made below TMPDIR (/tmp) and removed at the end.\n";

static const struct option known[] = {
    {"size", required_argument, NULL, 's'},
    {"count", required_argument, NULL, 'c'},
    {"durability", required_argument, NULL, 'd'},
    {"against", required_argument, NULL, 'a'},
    {"runs", required_argument, NULL, 'r'},
    {"timeout", required_argument, NULL, 't'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Reads a whole number from 1 to `limit`; false after a sentence that says what it should be. */
static bool number(const char *name, const char *text, uint64_t limit, uint64_t *value)
{
    char *end;
    errno = 0;
    unsigned long long read = strtoull(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end || read == 0 || read > limit) {
        bench_complain("--%s must be a whole number from 1 to %llu, not '%s'", name,
                       (unsigned long long)limit, text);
        return false;
    }
    *value = read;
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
    options->raw = strcmp(text, "raw") == 0;
    if (options->raw || strcmp(text, "none") == 0)
        return true;
    bench_complain("--against knows raw and none, not '%s'", text);
    return false;
}

static bool take(int letter, struct bench_options *options)
{
    uint64_t value = 0;
    bool good = true;
    switch (letter) {
    case 's':
        good = number("size", optarg, SIZE_LIMIT, &value);
        options->size = value;
        break;
    case 'c': good = number("count", optarg, COUNT_LIMIT, &options->count); break;
    case 'd': good = levels(optarg, options); break;
    case 'a': good = against(optarg, options); break;
    case 'r':
        good = number("runs", optarg, BENCH_RUNS, &value);
        options->runs = (unsigned)value;
        break;
    case 't':
        good = number("timeout", optarg, TIMEOUT_LIMIT, &value);
        options->timeout_s = (unsigned)value;
        break;
    case 'j': options->json = true; break;
    default: good = false; /* getopt said why */
    }
    return good;
}

/* What was not said, for this work. False if there is no such work. */
static bool defaults(struct bench_options *options)
{
    bool stage = strcmp(options->work, "stage") == 0;
    if (!stage && strcmp(options->work, "backlog") != 0)
        return false;
    options->raw = options->raw && stage;
    if (options->count == 0)
        options->count = stage ? 1000000 : 10000000;
    if (options->runs == 0)
        options->runs = stage ? 5 : 1;
    if (options->timeout_s == 0)
        options->timeout_s = stage ? 300 : 3600;
    return true;
}

enum options_verdict options_read(int argc, char **argv, struct bench_options *options)
{
    *options = (struct bench_options){
        .work = "stage",
        .size = 100,
        .levels = {"os", "fsync"},
        .level_count = 2,
        .raw = true,
    };
    static char name[] = "godwit-bench"; /* in getopt's own sentences */
    argv[0] = name;
    int letter;
    while ((letter = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (letter == 'h') {
            fputs(help, stdout);
            return OPTIONS_HELP;
        }
        if (!take(letter, options))
            return OPTIONS_WRONG;
    }
    if (optind < argc)
        options->work = argv[optind];
    if (!defaults(options)) {
        bench_complain("'%s' is no work that can be measured; there are: stage, backlog",
                       options->work);
        return OPTIONS_WRONG;
    }
    if (optind + 1 < argc) {
        bench_complain("one work at a time: '%s' is too much", argv[optind + 1]);
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}
