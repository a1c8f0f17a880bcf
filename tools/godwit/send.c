/* SPDX-License-Identifier: MPL-2.0 */
/* godwit send: messages into a peer's outbox. */

#include "ask.h"
#include "records.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define MANY_MAX    256 /* messages, and */
#define BYTES_MAX   (1u << 20) /* bytes asked for at once, if they are many */
#define LINE_MAX_   4000

const char help_send[] =
    "usage: godwit send [options] DIRECTORY DESTINATION <INPUT\n"
    "\n"
    "Sends what it reads as one message, or a message for each line, to stage:NAME, service:NAME\n"
    "or peer:NAME, and prints the ids once they are stored. If the peer of the directory runs,\n"
    "it sends; else its store is opened for the moment, and the messages leave when it runs\n"
    "again.\n"
    "\n"
    "  --lines           each line is a message, without its newline\n"
    "  --header KEY=TEXT a header of each message; again for more\n"
    "  --count           prints how many were sent, not their ids\n"
    "  --name NAME       makes the store of a new directory, for the peer of that name\n"
    "  --connect ENDPOINT  delivers too, and waits until all is settled; not for a running peer\n"
    "  --timeout SECONDS for that wait, and for room in a full outbox; default 30; or 'never'\n"
    "  --allow-unauthenticated  also beyond this machine\n";

struct parcel { /* what the next request carries */
    unsigned char *bytes;
    size_t size;
    unsigned count;
};

struct job {
    bool lines, count_only;
    int timeout_ms;
    const char *name, *connect, *directory, *destination;
    bool unauthenticated;
    char headers[LINE_MAX_]; /* " key=value" each, in the request's form */
    godwit_inspect_t *inspect;
    godwit_peer_t *peer;
    struct parcel parcel;
    uint64_t sent;
};

/* ---- headers ---- */

static int add_header(struct job *job, const char *text)
{
    size_t used = strlen(job->headers);

    if (!strchr(text, '=') || *text == '=')
        return refuse("send", "--header must be KEY=TEXT, not '%.80s'", text);
    if (used + 3 * strlen(text) + 2 > sizeof(job->headers))
        return refuse("send", "the headers are too long for the command: about 1300 bytes in all");
    char *at = job->headers + used;
    *at++ = ' ';
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte <= ' ' || byte > '~' || byte == '%')
            at += sprintf(at, "%%%02x", byte);
        else
            *at++ = (char)byte;
    }
    *at = '\0';
    return OK;
}

/* ---- one request ---- */

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static unsigned print_sent(struct job *job, const char *answer)
{
    struct record record;
    char id[40];
    unsigned count = 0;

    while (record_next(&answer, &record)) {
        if (!record_is(&record, "sent"))
            continue;
        count++;
        if (!job->count_only)
            printf("%s\n", record_text(&record, "id", id, sizeof(id)));
    }
    job->sent += count;
    fflush(stdout);
    return count;
}

/* Forgets the first messages: they are sent. */
static void drop_first(struct parcel *parcel, unsigned count)
{
    size_t at = 0;

    for (unsigned i = 0; i < count; i++) {
        const unsigned char *head = parcel->bytes + at;
        at += 4 + ((size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3]);
    }
    memmove(parcel->bytes, parcel->bytes + at, parcel->size - at);
    parcel->size -= at;
    parcel->count -= count;
}

/* Sends the parcel; goes on trying while the outbox has no room. */
static int flush_parcel(struct job *job)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    double end = now_s() + job->timeout_ms / 1000.0;
    char request[LINE_MAX_ + 200], *answer;

    while (job->parcel.count > 0) {
        snprintf(request, sizeof(request), "send %s %u %zu%s", job->destination,
                 job->parcel.count, job->parcel.size, job->headers);
        godwit_err_t error = godwit_inspect_ask(job->inspect, request, job->parcel.bytes,
                                                job->parcel.size, job->timeout_ms, &answer);
        if (!error) {
            unsigned count = print_sent(job, answer);
            godwit_free(answer);
            drop_first(&job->parcel, count < job->parcel.count ? count : job->parcel.count);
            continue;
        }
        bool later = error == GODWIT_EFULL || error == GODWIT_EBUSY;
        if (!later || stop_asked || (job->timeout_ms >= 0 && now_s() >= end))
            return failed("send", error);
        nanosleep(&pause, NULL);
    }
    return OK;
}

static int add_message(struct job *job, const char *data, size_t size)
{
    struct parcel *parcel = &job->parcel;
    int status = OK;

    if (size > PEER_MESSAGE_MAX) {
        fprintf(stderr, "godwit send: a message has more than %u bytes\n", PEER_MESSAGE_MAX);
        return FAILED;
    }
    if (parcel->count == MANY_MAX || (parcel->count && parcel->size + size + 4 > BYTES_MAX))
        status = flush_parcel(job);
    if (status != OK)
        return status;
    for (int shift = 24; shift >= 0; shift -= 8)
        parcel->bytes[parcel->size++] = (unsigned char)(size >> shift);
    memcpy(parcel->bytes + parcel->size, data, size);
    parcel->size += size;
    parcel->count++;
    return OK;
}

/* ---- reading ---- */

static int send_lines(struct job *job)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int status = OK;

    while (status == OK && !stop_asked && (size = getline(&line, &capacity, stdin)) >= 0) {
        if (size > 0 && line[size - 1] == '\n')
            size--;
        status = add_message(job, line, (size_t)size);
    }
    free(line);
    return status;
}

static int send_all(struct job *job)
{
    char *data = malloc(PEER_MESSAGE_MAX + 1);

    if (!data) {
        fprintf(stderr, "godwit send: out of memory\n");
        return FAILED;
    }
    size_t size = fread(data, 1, PEER_MESSAGE_MAX + 1, stdin);
    int status = add_message(job, data, size);
    free(data);
    return status;
}

static int deliver(struct job *job)
{
    godwit_err_t error = godwit_peer_connect(job->peer, job->connect);

    if (!error)
        error = godwit_peer_drain(job->peer, GODWIT_SETTLED, job->timeout_ms);
    return error ? failed("send", error) : OK;
}

static int begin(struct job *job)
{
    struct peer_choice choice = {.directory = job->directory,
                                 .name = job->name,
                                 .unauthenticated = job->unauthenticated};
    godwit_inspect_t *inspect = NULL;

    if (!job->connect)
        return ask_begin("send", job->directory, job->name, &job->inspect, &job->peer);
    godwit_err_t error = godwit_inspect_open(job->directory, &inspect);
    bool running = !error && godwit_inspect_running(inspect);
    godwit_inspect_close(&inspect);
    if (error && error != GODWIT_ENOTFOUND)
        return failed("send", error);
    if (running)
        return refuse("send", "--connect is not for a running peer, which has its own links");
    int status = peer_begin("send", &choice, &job->peer);
    return status == OK ? ask_open("send", job->directory, &job->inspect) : status;
}

static int run(struct job *job)
{
    job->parcel.bytes = malloc(BYTES_MAX + PEER_MESSAGE_MAX + 8);
    if (!job->parcel.bytes) {
        fprintf(stderr, "godwit send: out of memory\n");
        return FAILED;
    }
    int status = begin(job);
    if (status == OK)
        status = job->lines ? send_lines(job) : send_all(job);
    if (status == OK && ferror(stdin)) {
        fprintf(stderr, "godwit send: reading: %s\n", strerror(errno));
        status = FAILED;
    }
    if (status == OK)
        status = flush_parcel(job);
    if (job->count_only && job->inspect)
        printf("%" PRIu64 "\n", job->sent);
    if (status == OK && job->connect)
        status = deliver(job);
    ask_end(&job->inspect, &job->peer);
    free(job->parcel.bytes);
    return status;
}

static int read_options(int argc, char **argv, struct job *job)
{
    static const struct option options[] = {
        {"lines", no_argument, NULL, 'l'},
        {"header", required_argument, NULL, 'H'},
        {"count", no_argument, NULL, 'c'},
        {"name", required_argument, NULL, 'n'},
        {"connect", required_argument, NULL, 'C'},
        {"timeout", required_argument, NULL, 't'},
        {"allow-unauthenticated", no_argument, NULL, 'u'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    int option, status = OK;

    optind = 0;
    opterr = 0;
    while (status == OK && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'l': job->lines = true; break;
        case 'H': status = add_header(job, optarg); break;
        case 'c': job->count_only = true; break;
        case 'n': job->name = optarg; break;
        case 'C': job->connect = optarg; break;
        case 't': status = option_seconds("send", "--timeout", optarg, &job->timeout_ms); break;
        case 'u': job->unauthenticated = true; break;
        case 'h': fputs(help_send, stdout); return -1;
        default: return refuse("send", "'%s' is no option, or lacks its value", argv[optind - 1]);
        }
    }
    if (status == OK && argc - optind != 2)
        status = refuse("send", "it is `godwit send [options] DIRECTORY DESTINATION`");
    if (status != OK)
        return status;
    job->directory = argv[optind];
    job->destination = argv[optind + 1];
    if (strlen(job->destination) > 100 || strpbrk(job->destination, " \n"))
        return refuse("send", "'%.80s' is no destination: stage:NAME, service:NAME or peer:NAME",
                      job->destination);
    return OK;
}

int verb_send(int argc, char **argv)
{
    struct job job = {.timeout_ms = 30000};
    int status = read_options(argc, argv, &job);

    if (status != OK)
        return status < 0 ? OK : status;
    stop_on_signals();
    return run(&job);
}
