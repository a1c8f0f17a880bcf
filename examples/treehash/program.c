/* SPDX-License-Identifier: MPL-2.0 */
/* Options, errors, the peer and files: the same for all of them. */

#include "program.h"
#include "board.h"
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* A short interval, so that a killed neighbour is noticed within a second. */
#define HEARTBEAT_MS 250

volatile sig_atomic_t th_stop;

uint64_t th_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void th_die(const char *format, ...)
{
    int problem = errno; /* for %m */
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    errno = problem;
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void th_check(godwit_err_t error, const char *what)
{
    if (error)
        th_die("%s: %s: %s", what, godwit_error_name(error), godwit_last_error());
}

static void on_stop(int number)
{
    (void)number;
    th_stop++;
}

void th_catch_stop(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value == 0)
        th_die("'%s' is not a number above 0", text);
    return value;
}

static void add(const char **list, size_t *count, const char *value)
{
    if (*count == TH_LIST_MAX)
        th_die("at most %d values: '%s' is one too many", TH_LIST_MAX, value);
    list[(*count)++] = value;
}

static const struct option known[] = {
    {"name", required_argument, NULL, 'n'},
    {"store", required_argument, NULL, 's'},
    {"bind", required_argument, NULL, 'b'},
    {"connect", required_argument, NULL, 'c'},
    {"board", required_argument, NULL, 'o'},
    {"with-parent", no_argument, NULL, 'p'}, /* die when the parent does */
    {"root", required_argument, NULL, 'r'},
    {"worker", required_argument, NULL, 'w'},
    {"batch-files", required_argument, NULL, 'f'},
    {"batch-bytes", required_argument, NULL, 'F'},
    {"ahead-messages", required_argument, NULL, 'a'},
    {"ahead-bytes", required_argument, NULL, 'A'},
    {"max-attempts", required_argument, NULL, 'M'},
    {"failover-ms", required_argument, NULL, 'O'},
    {"dead-letters", required_argument, NULL, 'd'},
    {"poison", required_argument, NULL, 'P'},
    {"paths", required_argument, NULL, 'q'},
    {"answers", required_argument, NULL, 'Q'},
    {"manifest", required_argument, NULL, 'm'},
    {"counts", required_argument, NULL, 'C'},
    {"linger-ms", required_argument, NULL, 'l'},
    {NULL, 0, NULL, 0},
};

static void read_option(struct th_options *options, int letter)
{
    switch (letter) {
    case 'n': options->name = optarg; break;
    case 's': options->store = optarg; break;
    case 'b': options->bind = optarg; break;
    case 'c': add(options->connect, &options->connects, optarg); break;
    case 'o': options->board = optarg; break;
    case 'p': prctl(PR_SET_PDEATHSIG, SIGKILL); break;
    case 'r': options->root = optarg; break;
    case 'w': add(options->worker, &options->workers, optarg); break;
    case 'f': options->batch_files = number(optarg); break;
    case 'F': options->batch_bytes = number(optarg); break;
    case 'a': options->ahead_messages = number(optarg); break;
    case 'A': options->ahead_bytes = number(optarg); break;
    case 'M': options->max_attempts = (uint32_t)number(optarg); break;
    case 'O': options->failover_ms = (uint32_t)number(optarg); break;
    case 'd': options->dead = optarg; break;
    case 'P': options->poison = optarg; break;
    case 'q': options->paths = optarg; break;
    case 'Q': options->answers = optarg; break;
    case 'm': options->manifest = optarg; break;
    case 'C': options->counts = optarg; break;
    case 'l': options->linger_ms = (int)number(optarg); break;
    default: exit(2); /* getopt said why */
    }
}

struct th_options th_options_read(int argc, char **argv)
{
    struct th_options options = {
        .batch_files = 64,
        .batch_bytes = 256 * 1024,
        .ahead_messages = 4096,
        .ahead_bytes = 16 * 1024 * 1024,
        .max_attempts = 3,
        .linger_ms = 2000,
    };
    int letter;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1)
        read_option(&options, letter);
    if (optind != argc)
        th_die("'%s' is no option", argv[optind]);
    if (!options.name || !options.store)
        th_die("--name and --store are needed; see examples/treehash/README.md");
    return options;
}

static void log_line(void *context, godwit_log_level_t level, const char *text)
{
    static const char *const names[] = {"?", "error", "warning", "info", "debug"};
    (void)context;
    fprintf(stderr, "%8.3f %-7s %s\n", (double)th_now_ms() / 1000, names[level > 4 ? 0 : level],
            text);
}

godwit_peer_t *th_peer_open(const struct th_options *options, struct th_board *board)
{
    godwit_peer_options_t wanted = GODWIT_PEER_OPTIONS_INIT;
    wanted.name = options->name;
    wanted.directory = options->store;
    wanted.heartbeat_ms = HEARTBEAT_MS;
    if (options->root) { /* only the walker is held back: what follows it is fed by it */
        wanted.outbox_max_messages = options->ahead_messages;
        wanted.outbox_max_bytes = options->ahead_bytes;
    }
    wanted.log = log_line;

    godwit_peer_t *peer;
    th_check(godwit_peer_open(&wanted, &peer), "open");
    char durability[TH_BOARD_NAME];
    snprintf(durability, sizeof(durability), "durability.%s", godwit_peer_durability(peer));
    th_board_set(board, durability, 1);
    if (options->bind)
        th_check(godwit_peer_bind(peer, options->bind), "bind");
    for (size_t i = 0; i < options->connects; i++)
        th_check(godwit_peer_connect(peer, options->connect[i]), "connect");
    return peer;
}

FILE *th_file_begin(const char *path, char draft[TH_DRAFT_MAX])
{
    snprintf(draft, TH_DRAFT_MAX, "%s.new", path);
    FILE *file = fopen(draft, "we");
    if (!file)
        th_die("%s: %m", draft);
    return file;
}

void th_file_end(FILE *file, const char *draft, const char *path)
{
    bool good = fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (fclose(file) || !good || rename(draft, path))
        th_die("%s: %m", path);
}

bool th_commit(godwit_txn_t **txn)
{
    godwit_err_t error = godwit_txn_commit(txn);
    if (error == GODWIT_ESTALE) {
        fprintf(stderr, "commit: %s; the messages come again\n", godwit_last_error());
        return false;
    }
    th_check(error, "commit");
    return true;
}
