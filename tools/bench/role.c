/* SPDX-License-Identifier: MPL-2.0 */
/* What the roles have in common: their arguments, their lines, their payloads. */

#include "role.h"
#include "scratch.h"
#include <errno.h>
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

void role_wait_end(void)
{
    char byte;
    ssize_t got;
    do {
        got = read(STDIN_FILENO, &byte, 1);
    } while (got > 0 || (got < 0 && errno == EINTR));
}

static const struct {
    const char *name;
    int (*run)(const struct role *role);
    bool dials;
} roles[] = {
    {"raw-receive", role_raw_receive, false},
    {"raw-send", role_raw_send, true},
    {"stage-work", role_stage_work, false},
    {"stage-push", role_stage_push, true},
    {"backlog-fill", role_backlog_fill, false},
    {"backlog-take", role_backlog_take, true},
};

int role_main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[2], "janitor") == 0)
        return scratch_janitor(argv[3]);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* the bench may be killed, and then nobody reads us */
    for (size_t i = 0; argc > 2 && i < sizeof(roles) / sizeof(*roles); i++) {
        if (strcmp(argv[2], roles[i].name) != 0 || argc != (roles[i].dials ? 8 : 7))
            continue;
        struct role role = {
            .directory = argv[3],
            .level = argv[4],
            .size = strtoull(argv[5], NULL, 10),
            .count = strtoull(argv[6], NULL, 10),
            .endpoint = roles[i].dials ? argv[7] : NULL,
        };
        return roles[i].run(&role);
    }
    bench_complain("`role` is for the bench's own processes");
    return BENCH_USAGE;
}
