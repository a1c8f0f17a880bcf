/* SPDX-License-Identifier: MPL-2.0 */
/* The two processes of a backlog. */

#include "child.h"
#include "memory.h"
#include "role.h"
#include <godwit.h>
#include <stdio.h>
#include <string.h>

#define STAGE        "backlog"
#define SAMPLE_EVERY 16384 /* messages */
#define SAMPLE_MS    20    /* while waiting */

static bool check(godwit_err_t error, const char *what)
{
    if (error)
        bench_complain("%s: %s: %s", what, godwit_error_name(error), godwit_last_error());
    return !error;
}

static bool open_peer(const struct role *role, const char *name, godwit_peer_t **peer)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    options.name = name;
    options.durability = strcmp(role->level, "memory") == 0 ? GODWIT_DURABILITY_MEMORY
                         : strcmp(role->level, "os") == 0   ? GODWIT_DURABILITY_OS
                                                            : GODWIT_DURABILITY_FSYNC;
    if (options.durability != GODWIT_DURABILITY_MEMORY)
        options.directory = role->directory;
    /* Room for all of it, with what the store itself writes for each message. */
    options.outbox_max_bytes = (role->size + 100) * role->count + (1ull << 30);
    options.outbox_max_messages = role->count + 1;
    return check(godwit_peer_open(&options, peer), "open");
}

/* Waits for the state, sampling meanwhile. */
static bool drain(godwit_peer_t *peer, godwit_state_t state, long *peak)
{
    godwit_err_t error;
    do {
        error = godwit_peer_drain(peer, state, SAMPLE_MS);
        memory_sample(peak);
    } while (error == GODWIT_ETIMEDOUT);
    return check(error, "drain");
}

static bool push_all(godwit_peer_t *peer, const struct role *role, long *peak)
{
    struct payload payload;
    if (!payload_init(&payload, role->size))
        return false;
    bool good = true;
    for (uint64_t i = 0; good && i < role->count; i++) {
        good = check(godwit_push_data(peer, STAGE, payload_at(&payload, i), role->size, NULL),
                     "push");
        if (i % SAMPLE_EVERY == 0)
            memory_sample(peak);
    }
    payload_clear(&payload);
    return good && drain(peer, GODWIT_STORED, peak);
}

/* Pushes with nobody there, says so, then lets the worker come, and waits until all is settled. */
static bool fill(godwit_peer_t *peer, const struct role *role)
{
    char endpoint[256];
    long filling = 0, draining = 0;
    double begin = bench_now();
    if (!push_all(peer, role, &filling))
        return false;
    double filled = bench_now() - begin;
    if (!check(godwit_peer_bind(peer, "tcp://127.0.0.1:*"), "bind") ||
        !check(godwit_peer_endpoint(peer, endpoint, sizeof(endpoint)), "endpoint"))
        return false;
    role_say("filled %.6f %ld %ld %s", filled, filling, memory_kib(), endpoint);
    begin = bench_now();
    if (!drain(peer, GODWIT_SETTLED, &draining))
        return false;
    role_say("drained %.6f %ld", bench_now() - begin, draining);
    return true;
}

int role_backlog_fill(const struct role *role)
{
    godwit_peer_t *peer;
    if (!open_peer(role, "producer", &peer))
        return BENCH_FAILED;
    bool good = fill(peer, role);
    good = check(godwit_peer_close(&peer), "close") && good;
    return good ? BENCH_OK : BENCH_FAILED;
}

static bool take_all(godwit_stage_t *stage, const struct role *role)
{
    long peak = 0;
    for (uint64_t i = 0; i < role->count; i++) {
        godwit_delivery_t *delivery;
        if (!check(godwit_stage_next(stage, -1, &delivery), "next") ||
            !check(godwit_ack(&delivery), "ack"))
            return false;
        if (i % SAMPLE_EVERY == 0)
            memory_sample(&peak);
    }
    memory_sample(&peak);
    role_say("taken %ld", peak);
    return true;
}

int role_backlog_take(const struct role *role)
{
    godwit_peer_t *peer;
    godwit_stage_t *stage;
    if (!open_peer(role, "worker", &peer))
        return BENCH_FAILED;
    bool good = check(godwit_stage_open(peer, STAGE, NULL, &stage), "stage");
    if (good) {
        good = check(godwit_peer_connect(peer, role->endpoint), "connect") && take_all(stage, role);
        role_wait_end(); /* the last acknowledgements are still on their way */
        godwit_stage_close(&stage);
    }
    good = check(godwit_peer_close(&peer), "close") && good;
    return good ? BENCH_OK : BENCH_FAILED;
}
