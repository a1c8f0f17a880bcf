/* SPDX-License-Identifier: MPL-2.0 */
/* godwit serve: a service whose handler is a program. */

#include "child.h"
#include "cli.h"
#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LATE_CODE 124 /* as timeout(1) says it */
#define NOT_STARTED_CODE 127
#define AGAIN_EXIT 75 /* EX_TEMPFAIL */

const char help_serve[] =
    "usage: godwit serve NAME (--bind | --connect) ENDPOINT [options] -- PROGRAM [ARGUMENT...]\n"
    "\n"
    "Serves service:NAME: runs the program for each request, which it reads from its standard\n"
    "input; what it prints is the reply. If it ends with another status than 0, the client gets\n"
    "that as an error, with the first line of its standard error. Status 75 asks for another try.\n"
    "A request may run twice if this command is killed: GODWIT_REDELIVERED tells.\n"
    "\n"
    "  --bind ENDPOINT      where to listen, as tcp://127.0.0.1:7000\n"
    "  --connect ENDPOINT   where a client listens\n"
    "  --dir DIRECTORY      keeps requests and replies there; without it, in memory\n"
    "  --name NAME          of this peer; a new directory needs it\n"
    "  --threads N          programs at once, 1 to 256; default 1\n"
    "  --timeout SECONDS    a program that runs longer is killed, and the client gets error 124;\n"
    "                       default 30; or 'never'\n"
    "  --allow-unauthenticated  also beyond this machine\n"
    "\n"
    "The program finds in its environment GODWIT_ID, GODWIT_CLIENT, GODWIT_ATTEMPT,\n"
    "GODWIT_REDELIVERED (0 or 1), and the request's header `some-key` as GODWIT_HEADER_SOME_KEY.\n";

struct job {
    struct peer_choice choice;
    const char *service;
    long threads;
    int timeout_ms;
    char **argv; /* of the program */
    int stop_fd;
};

/* ---- the program's environment ---- */

extern char **environ;

struct setting {
    char **items;
    size_t count, capacity, own; /* from `own` on they are malloc'ed */
};

static bool add(struct setting *setting, char *item)
{
    if (setting->count + 1 >= setting->capacity) {
        size_t capacity = setting->capacity ? setting->capacity * 2 : 64;
        char **more = realloc(setting->items, capacity * sizeof(*more));
        if (!more)
            return false;
        setting->items = more;
        setting->capacity = capacity;
    }
    setting->items[setting->count++] = item;
    setting->items[setting->count] = NULL;
    return true;
}

static bool add_text(struct setting *setting, const char *name, const void *value, size_t size)
{
    size_t name_size = strlen(name);
    char *item = malloc(name_size + size + 2);

    if (!item)
        return false;
    memcpy(item, name, name_size);
    item[name_size] = '=';
    memcpy(item + name_size + 1, value, size);
    item[name_size + 1 + size] = '\0';
    if (add(setting, item))
        return true;
    free(item);
    return false;
}

static bool add_headers(struct setting *setting, const godwit_call_t *call)
{
    const char *key;
    const void *value;
    size_t size;
    bool added = true;

    for (size_t i = 0; added && !godwit_call_header_at(call, i, &key, &value, &size); i++) {
        char name[120] = "GODWIT_HEADER_";
        if (strncmp(key, "godwit.", 7) == 0 || memchr(value, 0, size))
            continue;
        for (size_t at = strlen(name); *key && at + 1 < sizeof(name); at++, key++)
            name[at] = isalnum((unsigned char)*key) ? (char)toupper((unsigned char)*key) : '_';
        added = add_text(setting, name, value, size);
    }
    return added;
}

/* Ours, but for what names a request, and the call's. */
static bool make_setting(struct setting *setting, const godwit_call_t *call)
{
    char id[GODWIT_ID_TEXT_SIZE], attempt[16];
    const char *client = godwit_call_client(call);
    bool added = true;

    for (char **item = environ; *item && added; item++)
        if (strncmp(*item, "GODWIT_HEADER_", 14) != 0)
            added = add(setting, *item);
    setting->own = setting->count;
    godwit_id_format(godwit_call_id(call), id);
    snprintf(attempt, sizeof(attempt), "%" PRIu32, godwit_call_attempt(call));
    return added && add_text(setting, "GODWIT_ID", id, strlen(id)) &&
           add_text(setting, "GODWIT_CLIENT", client, strlen(client)) &&
           add_text(setting, "GODWIT_ATTEMPT", attempt, strlen(attempt)) &&
           add_text(setting, "GODWIT_REDELIVERED", godwit_call_redelivered(call) ? "1" : "0", 1) &&
           add_headers(setting, call);
}

static void clear_setting(struct setting *setting)
{
    for (size_t i = setting->own; i < setting->count; i++)
        free(setting->items[i]);
    free(setting->items);
}

/* ---- one request ---- */

static uint32_t answer(const struct job *job, godwit_call_t *call, const struct child_run *run)
{
    char text[CHILD_TEXT_MAX + 1];
    uint32_t code = GODWIT_CALL_RETRY;

    switch (run->how) {
    case CHILD_STOPPED: return GODWIT_CALL_RETRY;
    case CHILD_EXITED:
        if (run->code == 0)
            return godwit_call_reply(call, run->output, run->output_size) ? GODWIT_CALL_RETRY : 0;
        if (run->code == AGAIN_EXIT)
            return GODWIT_CALL_RETRY;
        code = (uint32_t)run->code;
        snprintf(text, sizeof(text), "%s", run->text);
        break;
    case CHILD_SIGNALLED:
        code = 128 + (uint32_t)run->code;
        snprintf(text, sizeof(text), "the program was ended by signal %d", run->code);
        break;
    case CHILD_LATE:
        code = LATE_CODE;
        snprintf(text, sizeof(text), "the program gave no answer within %g s",
                 job->timeout_ms / 1000.0);
        break;
    case CHILD_TOO_MUCH:
        code = LATE_CODE - 1;
        snprintf(text, sizeof(text), "the program's answer has more than %u bytes",
                 CHILD_OUTPUT_MAX);
        break;
    case CHILD_NOT_STARTED:
        code = NOT_STARTED_CODE;
        snprintf(text, sizeof(text), "the program cannot be started: %s", strerror(run->code));
        break;
    }
    godwit_call_fail(call, text);
    return code;
}

static uint32_t handle(void *context, godwit_call_t *call)
{
    const struct job *job = context;
    struct setting setting = {0};
    uint32_t code = GODWIT_CALL_RETRY;

    if (make_setting(&setting, call)) {
        struct child_run run = {.argv = job->argv,
                                .environment = setting.items,
                                .input = godwit_call_data(call),
                                .input_size = godwit_call_size(call),
                                .timeout_ms = job->timeout_ms,
                                .stop_fd = job->stop_fd};
        child_execute(&run);
        code = answer(job, call, &run);
        free(run.output);
    }
    clear_setting(&setting);
    return code;
}

/* ---- the service ---- */

static void say_ready(godwit_peer_t *peer, const struct job *job)
{
    char endpoint[256];

    if (job->choice.bind && !godwit_peer_endpoint(peer, endpoint, sizeof(endpoint)))
        fprintf(stderr, "godwit serve: service:%s at %s\n", job->service, endpoint);
    else
        fprintf(stderr, "godwit serve: service:%s\n", job->service);
}

static void wait_for_signal(void)
{
    sigset_t ending, before;

    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigprocmask(SIG_BLOCK, &ending, &before);
    while (!stop_asked)
        ppoll(NULL, 0, NULL, &before); /* signals come here only: none is missed */
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static int run(struct job *job)
{
    godwit_service_options_t options = GODWIT_SERVICE_OPTIONS_INIT;
    godwit_service_t *service = NULL;
    godwit_peer_t *peer = NULL;
    uint64_t one = 1;
    int status = peer_begin("serve", &job->choice, &peer);

    if (status != OK)
        return status;
    options.threads = (uint32_t)job->threads;
    godwit_err_t error = godwit_service_open(peer, job->service, handle, job, &options, &service);
    if (error) {
        status = failed("serve", error);
    } else {
        say_ready(peer, job);
        wait_for_signal();
        (void)!write(job->stop_fd, &one, sizeof(one)); /* programs that run are killed */
        godwit_service_close(&service);
    }
    godwit_peer_close(&peer);
    return status;
}

/* ---- the command line ---- */

/* A program that is not there is better said now than to each client. */
static bool can_be_found(const char *program)
{
    const char *at = getenv("PATH");
    char path[4200];

    if (strchr(program, '/'))
        return access(program, X_OK) == 0;
    for (at = at ? at : "/usr/local/bin:/usr/bin:/bin"; *at;) {
        int size = (int)strcspn(at, ":");
        snprintf(path, sizeof(path), "%.*s/%.200s", size, at, program);
        if (access(path, X_OK) == 0)
            return true;
        at += size + (at[size] == ':');
    }
    return false;
}

static int check(const struct job *job, int words)
{
    if (words < 1)
        return refuse("serve", "the service's name is missing");
    if (!job->choice.bind && !job->choice.connect)
        return refuse("serve", "--bind or --connect is missing");
    if (words < 2)
        return refuse("serve", "the program is missing: -- PROGRAM");
    if (!can_be_found(job->argv[0])) {
        fprintf(stderr, "godwit serve: there is no program '%s' that could be run\n",
                job->argv[0]);
        return FAILED;
    }
    return OK;
}

static int read_options(int argc, char **argv, struct job *job)
{
    static const struct option options[] = {{"bind", required_argument, NULL, 'b'},
                                            {"connect", required_argument, NULL, 'C'},
                                            {"dir", required_argument, NULL, 'd'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"threads", required_argument, NULL, 'T'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"allow-unauthenticated", no_argument, NULL, 'u'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option, status = OK;

    optind = 0;
    opterr = 0;
    while (status == OK && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'b': job->choice.bind = optarg; break;
        case 'C': job->choice.connect = optarg; break;
        case 'd': job->choice.directory = optarg; break;
        case 'n': job->choice.name = optarg; break;
        case 'T':
            status = option_number("serve", "--threads", optarg, 1, 256, &job->threads);
            break;
        case 't': status = option_seconds("serve", "--timeout", optarg, &job->timeout_ms); break;
        case 'u': job->choice.unauthenticated = true; break;
        case 'h': fputs(help_serve, stdout); return -1;
        default: return refuse("serve", "'%s' is no option, or lacks its value; the program's own "
                               "come after --", argv[optind - 1]);
        }
    }
    if (status != OK)
        return status;
    job->service = argv[optind];
    job->argv = argv + optind + 1;
    return check(job, argc - optind);
}

int verb_serve(int argc, char **argv)
{
    struct job job = {.threads = 1, .timeout_ms = 30000};
    int status = read_options(argc, argv, &job);

    if (status != OK)
        return status < 0 ? OK : status;
    job.stop_fd = eventfd(0, EFD_CLOEXEC);
    if (job.stop_fd < 0) {
        perror("godwit serve: eventfd");
        return FAILED;
    }
    stop_on_signals();
    signal(SIGPIPE, SIG_IGN); /* a program need not read its input */
    status = run(&job);
    close(job.stop_fd);
    return status;
}
