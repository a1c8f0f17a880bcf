/* SPDX-License-Identifier: MPL-2.0 */
/* What the roles have in common: their arguments, their lines, their payloads. */

#include "child.h"
#include "role.h"
#include "scratch.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#define POOL_BYTES (1024 * 1024)

bool payload_init(struct payload *payload, size_t size)
{
    payload->size = size;
    payload->places = POOL_BYTES / size ? POOL_BYTES / size : 1;
    size_t want = payload->places * size;
    payload->pool = malloc(want);
    if (!payload->pool) {
        bench_complain("out of memory");
        return false;
    }
    for (size_t at = 0; at < want;) {
        ssize_t got = getrandom(payload->pool + at, want - at, 0);
        if (got < 0 && errno != EINTR) {
            bench_complain("getrandom: %s", strerror(errno));
            payload_clear(payload);
            return false;
        }
        at += got > 0 ? (size_t)got : 0;
    }
    return true;
}

void payload_clear(struct payload *payload)
{
    free(payload->pool);
    payload->pool = NULL;
}

const void *payload_at(const struct payload *payload, uint64_t index)
{
    return payload->pool + index % payload->places * payload->size;
}

void role_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

bool role_ready(void)
{
    char byte = 0;
    role_say("ready");
    while (byte != '\n') {
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
    }
    return true;
}

void role_say_begin(void)
{
    role_say("begin %.9f", bench_now());
}

void role_say_end(void)
{
    role_say("end %.9f", bench_now());
}

void role_say_took(uint64_t count, double at_s)
{
    role_say("took %" PRIu64 " %.9f", count, at_s);
}

void role_say_latency(const struct histogram *histogram)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (histogram->bucket[i])
            role_say("latency %" PRIu64 " %" PRIu64, histogram_floor(i), histogram->bucket[i]);
    }
    role_say("latency %" PRIu64 " 0", histogram->most); /* exactly */
}

bool role_ended(void)
{
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&wait, 1, 0) > 0;
}

void role_wait_end(void)
{
    char byte;
    ssize_t got;
    do {
        got = read(STDIN_FILENO, &byte, 1);
    } while (got > 0 || (got < 0 && errno == EINTR));
}

void role_finish(const struct histogram *latency)
{
    role_say_end();
    if (latency)
        role_say_latency(latency);
    role_say("done");
    role_wait_end();
}

bool role_endpoint(const char **list, char *text, size_t size)
{
    size_t length = *list ? strcspn(*list, ",") : 0;
    if (length == 0)
        return false;
    snprintf(text, size, "%.*s", (int)length, *list);
    *list = (*list)[length] ? *list + length + 1 : NULL;
    return true;
}

static const struct {
    const char *name;
    int (*run)(const struct role *role);
} roles[] = {
    {"raw-receive", role_raw_receive},
    {"raw-send", role_raw_send},
    {"handmade-take", role_handmade_take},
    {"handmade-send", role_handmade_send},
    {"leveldb", role_leveldb},
    {"stage-work", role_stage_work},
    {"stage-push", role_stage_push},
    {"disk", role_disk},
    {"raw-answer", role_raw_answer},
    {"raw-ask", role_raw_ask},
    {"serve", role_serve},
    {"ask", role_ask},
    {"raw-hub", role_raw_hub},
    {"hub-push", role_hub_push},
    {"hub-take", role_hub_take},
    {"mesh-push", role_mesh_push},
    {"mesh-take", role_mesh_take},
    {"backlog-fill", role_backlog_fill},
    {"backlog-take", role_backlog_take},
    {"recover-take", role_recover_take},
    {"recover-open", role_recover_open},
};

static unsigned number_of(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

int role_main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[2], "janitor") == 0)
        return scratch_janitor(argv[3]);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* the bench may be killed, and then nobody reads us */
    for (size_t i = 0; argc == 11 && i < sizeof(roles) / sizeof(*roles); i++) {
        if (strcmp(argv[2], roles[i].name) != 0)
            continue;
        struct role role = {
            .name = argv[2],
            .directory = argv[3],
            .level = argv[4],
            .size = strtoull(argv[5], NULL, 10),
            .count = strtoull(argv[6], NULL, 10),
            .number = number_of(argv[7]),
            .many = number_of(argv[8]),
            .window = number_of(argv[9]),
            .endpoints = strcmp(argv[10], "-") != 0 ? argv[10] : NULL,
        };
        return roles[i].run(&role);
    }
    bench_complain("`role` is for the bench's own processes");
    return BENCH_USAGE;
}
