/* SPDX-License-Identifier: MPL-2.0 */
/* godwit request: asks a service and prints its reply. */

#include "cli.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 64

const char help_request[] =
    "usage: godwit request --connect ENDPOINT [options] SERVICE <INPUT\n"
    "\n"
    "Asks a service: what it reads is the request, what it prints is the reply. The peer is in\n"
    "memory and ends with the command, unless --dir is given.\n"
    "\n"
    "  --connect ENDPOINT   where the service listens; again for more\n"
    "  --header KEY=TEXT    a header of the request; again for more\n"
    "  --timeout SECONDS    default 30; or 'never'\n"
    "  --dir DIRECTORY      keeps request and reply there: a request whose time is over lives on\n"
    "  --name NAME          of this peer; a new directory needs it\n"
    "  --allow-unauthenticated  also beyond this machine\n"
    "\n"
    "Status: 5, the service answered with an error; 6, nobody was met who serves that name; 4, no\n"
    "reply in time.\n";

struct job {
    struct peer_choice choice;
    const char *service;
    const char *endpoints[16]; /* beyond the first */
    size_t endpoint_count;
    const char *headers[HEADERS_MAX];
    size_t header_count;
    int timeout_ms;
};

static int set_headers(const struct job *job, godwit_message_t *message)
{
    for (size_t i = 0; i < job->header_count; i++) {
        const char *text = job->headers[i], *equals = strchr(text, '=');
        char key[80];
        if (!equals || (size_t)(equals - text) >= sizeof(key))
            return refuse("request", "--header must be KEY=TEXT, not '%.80s'", text);
        snprintf(key, sizeof(key), "%.*s", (int)(equals - text), text);
        godwit_err_t error =
            godwit_message_set_header(message, key, equals + 1, strlen(equals + 1));
        if (error)
            return failed("request", error);
    }
    return OK;
}

static int read_message(const struct job *job, godwit_message_t **message)
{
    char *data = malloc(PEER_MESSAGE_MAX + 1);
    if (!data) {
        fprintf(stderr, "godwit request: out of memory\n");
        return FAILED;
    }
    size_t size = fread(data, 1, PEER_MESSAGE_MAX + 1, stdin);
    int status = OK;
    godwit_err_t error;
    if (ferror(stdin)) {
        fprintf(stderr, "godwit request: reading: %s\n", strerror(errno));
        status = FAILED;
    } else if (size > PEER_MESSAGE_MAX) {
        fprintf(stderr, "godwit request: the input has more than %u bytes\n", PEER_MESSAGE_MAX);
        status = FAILED;
    } else if ((error = godwit_message_new(data, size, message))) {
        status = failed("request", error);
    } else {
        status = set_headers(job, *message);
    }
    free(data);
    return status;
}

static int print_reply(const godwit_reply_t *reply)
{
    if (fwrite(godwit_reply_data(reply), 1, godwit_reply_size(reply), stdout) ==
            godwit_reply_size(reply) &&
        fflush(stdout) == 0)
        return OK;
    fprintf(stderr, "godwit request: writing: %s\n", strerror(errno));
    return FAILED;
}

static int ask(const struct job *job, godwit_peer_t *peer, godwit_message_t **message)
{
    godwit_reply_t *reply = NULL;
    godwit_id_t id = {0};
    char text[GODWIT_ID_TEXT_SIZE];
    godwit_err_t error =
        godwit_request(peer, job->service, message, job->timeout_ms, &reply, &id);
    int status;

    if (error == GODWIT_EREMOTE) {
        fprintf(stderr, "godwit request: \"%s\" answers with error %" PRIu32 ": %s\n",
                godwit_reply_server(reply), godwit_reply_code(reply), godwit_reply_text(reply));
        status = REMOTE;
    } else if (error) {
        status = failed("request", error);
        godwit_id_format(id, text);
        if (id.epoch && job->choice.directory)
            fprintf(stderr, "godwit request: it lives on: `godwit find %s %s`\n",
                    job->choice.directory, text);
    } else {
        status = print_reply(reply);
    }
    if (status == OK || status == REMOTE)
        godwit_reply_done(&reply);
    return status;
}

static int run(const struct job *job, godwit_peer_t *peer)
{
    godwit_message_t *message = NULL;
    godwit_err_t error = GODWIT_OK;
    int status = OK;

    for (size_t i = 0; i < job->endpoint_count && !error; i++)
        error = godwit_peer_connect(peer, job->endpoints[i]);
    if (error)
        status = failed("request", error);
    if (status == OK)
        status = read_message(job, &message);
    if (status == OK)
        status = ask(job, peer, &message);
    godwit_message_destroy(&message);
    return status;
}

static int add_endpoint(struct job *job, const char *endpoint)
{
    if (!job->choice.connect)
        job->choice.connect = endpoint;
    else if (job->endpoint_count < sizeof(job->endpoints) / sizeof(*job->endpoints))
        job->endpoints[job->endpoint_count++] = endpoint;
    else
        return refuse("request", "--connect is given too often");
    return OK;
}

static int add_header(struct job *job, const char *header)
{
    if (job->header_count == HEADERS_MAX)
        return refuse("request", "--header is given more than %d times", HEADERS_MAX);
    job->headers[job->header_count++] = header;
    return OK;
}

static int read_options(int argc, char **argv, struct job *job)
{
    static const struct option options[] = {{"connect", required_argument, NULL, 'C'},
                                            {"header", required_argument, NULL, 'H'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"dir", required_argument, NULL, 'd'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"allow-unauthenticated", no_argument, NULL, 'u'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option, status = OK;

    optind = 0;
    opterr = 0;
    while (status == OK && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'C': status = add_endpoint(job, optarg); break;
        case 'H': status = add_header(job, optarg); break;
        case 't': status = option_seconds("request", "--timeout", optarg, &job->timeout_ms); break;
        case 'd': job->choice.directory = optarg; break;
        case 'n': job->choice.name = optarg; break;
        case 'u': job->choice.unauthenticated = true; break;
        case 'h': fputs(help_request, stdout); return -1;
        default:
            return refuse("request", "'%s' is no option, or lacks its value", argv[optind - 1]);
        }
    }
    if (status != OK)
        return status;
    if (argc - optind != 1)
        return refuse("request", "it is `godwit request --connect ENDPOINT SERVICE`");
    if (!job->choice.connect)
        return refuse("request", "--connect is missing");
    job->service = argv[optind];
    return OK;
}

int verb_request(int argc, char **argv)
{
    struct job job = {.timeout_ms = 30000};
    godwit_peer_t *peer = NULL;
    int status = read_options(argc, argv, &job);

    if (status != OK)
        return status < 0 ? OK : status;
    if ((status = peer_begin("request", &job.choice, &peer)) != OK)
        return status;
    status = run(&job, peer);
    godwit_peer_close(&peer);
    return status;
}
