/* SPDX-License-Identifier: MPL-2.0 */
/* godwit recv: a worker of a stage that prints what it is given. */

#include "cli.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 200 /* between looks at whether it shall stop */

const char help_recv[] =
    "usage: godwit recv --stage NAME (--connect | --bind) ENDPOINT [options]\n"
    "\n"
    "Works on a stage: prints each message and a newline, and then decides it as processed. What\n"
    "is printed and not decided when it is killed comes again.\n"
    "\n"
    "  --stage NAME         what to work on\n"
    "  --connect ENDPOINT   where the sender listens, as tcp://127.0.0.1:7000\n"
    "  --bind ENDPOINT      where to listen for it\n"
    "  --dir DIRECTORY      keeps what was decided there; without it, in memory\n"
    "  --name NAME          of this peer; a new directory needs it\n"
    "  --count N            ends after so many\n"
    "  --timeout SECONDS    ends, with status 4, after so long without a message; default: never\n"
    "  --json               one JSON object a line: id, sender, headers, data in base64\n"
    "  --allow-unauthenticated  also beyond this machine\n";

struct job {
    struct peer_choice choice;
    const char *stage;
    long count; /* 0: no end */
    int timeout_ms;
    bool json;
};

static void print_base64(const unsigned char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned bits = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0) |
                        (left > 2 ? bytes[i + 2] : 0);
        putchar(digits[bits >> 18]);
        putchar(digits[bits >> 12 & 63]);
        putchar(left > 1 ? digits[bits >> 6 & 63] : '=');
        putchar(left > 2 ? digits[bits & 63] : '=');
    }
}

static void print_quoted(const unsigned char *bytes, size_t size)
{
    putchar('"');
    for (size_t i = 0; i < size; i++)
        if (bytes[i] < ' ' || bytes[i] > '~' || bytes[i] == '"' || bytes[i] == '\\')
            printf("\\u%04x", bytes[i]);
        else
            putchar(bytes[i]);
    putchar('"');
}

static void print_json(const godwit_delivery_t *delivery)
{
    char id[GODWIT_ID_TEXT_SIZE];
    const char *key;
    const void *value;
    size_t size;

    godwit_id_format(godwit_delivery_id(delivery), id);
    printf("{\"record\":\"message\",\"id\":\"%s\",\"sender\":\"%s\",\"redelivered\":%s,"
           "\"attempt\":%lu,\"headers\":{",
           id, godwit_delivery_sender(delivery),
           godwit_delivery_redelivered(delivery) ? "true" : "false",
           (unsigned long)godwit_delivery_attempt(delivery));
    for (size_t i = 0; !godwit_delivery_header_at(delivery, i, &key, &value, &size); i++) {
        printf("%s\"%s\":", i ? "," : "", key);
        print_quoted(value, size);
    }
    printf("},\"data\":\"");
    print_base64(godwit_delivery_data(delivery), godwit_delivery_size(delivery));
    printf("\"}\n");
}

/* Prints it and decides it; a message that could not be printed is not decided. */
static int take(const struct job *job, godwit_delivery_t *delivery)
{
    if (job->json) {
        print_json(delivery);
    } else {
        fwrite(godwit_delivery_data(delivery), 1, godwit_delivery_size(delivery), stdout);
        putchar('\n');
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "godwit recv: writing: %s\n", strerror(errno));
        godwit_delivery_drop(&delivery);
        return FAILED;
    }
    godwit_err_t error = godwit_ack(&delivery);
    if (!error || error == GODWIT_ESTALE)
        return OK;
    godwit_delivery_drop(&delivery);
    return failed("recv", error);
}

static int run(const struct job *job, godwit_stage_t *stage)
{
    godwit_delivery_t *delivery;
    long taken = 0, waited_ms = 0;

    while (!stop_asked && (job->count == 0 || taken < job->count)) {
        int status = OK;
        godwit_err_t error = godwit_stage_next(stage, LOOK_MS, &delivery);
        if (!error) {
            status = take(job, delivery);
            taken++;
            waited_ms = 0;
        } else if (error != GODWIT_ETIMEDOUT) {
            status = failed("recv", error);
        } else if (job->timeout_ms >= 0 && (waited_ms += LOOK_MS) >= job->timeout_ms) {
            fprintf(stderr, "godwit recv: no message for %g s\n", job->timeout_ms / 1000.0);
            status = TIMED_OUT;
        }
        if (status != OK)
            return status;
    }
    return OK;
}

static int read_options(int argc, char **argv, struct job *job)
{
    static const struct option options[] = {{"stage", required_argument, NULL, 's'},
                                            {"connect", required_argument, NULL, 'C'},
                                            {"bind", required_argument, NULL, 'b'},
                                            {"dir", required_argument, NULL, 'd'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"count", required_argument, NULL, 'c'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"allow-unauthenticated", no_argument, NULL, 'u'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option, status = OK;

    optind = 0;
    opterr = 0;
    while (status == OK && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 's': job->stage = optarg; break;
        case 'C': job->choice.connect = optarg; break;
        case 'b': job->choice.bind = optarg; break;
        case 'd': job->choice.directory = optarg; break;
        case 'n': job->choice.name = optarg; break;
        case 'c':
            status = option_number("recv", "--count", optarg, 1, 1000000000, &job->count);
            break;
        case 't': status = option_seconds("recv", "--timeout", optarg, &job->timeout_ms); break;
        case 'j': job->json = true; break;
        case 'u': job->choice.unauthenticated = true; break;
        case 'h': fputs(help_recv, stdout); return -1;
        default: return refuse("recv", "'%s' is no option, or lacks its value", argv[optind - 1]);
        }
    }
    if (status != OK)
        return status;
    if (optind != argc)
        return refuse("recv", "'%.80s' is too much", argv[optind]);
    if (!job->stage)
        return refuse("recv", "--stage is missing");
    if (!job->choice.connect && !job->choice.bind)
        return refuse("recv", "--connect or --bind is missing");
    return OK;
}

int verb_recv(int argc, char **argv)
{
    struct job job = {.timeout_ms = -1};
    godwit_peer_t *peer = NULL;
    godwit_stage_t *stage = NULL;
    int status = read_options(argc, argv, &job);

    if (status != OK)
        return status < 0 ? OK : status;
    stop_on_signals();
    if ((status = peer_begin("recv", &job.choice, &peer)) != OK)
        return status;
    godwit_err_t error = godwit_stage_open(peer, job.stage, NULL, &stage);
    status = error ? failed("recv", error) : run(&job, stage);
    godwit_stage_close(&stage);
    godwit_peer_close(&peer); /* commits what was decided */
    return status;
}
