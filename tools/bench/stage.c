/* SPDX-License-Identifier: MPL-2.0 */
/* One producer and one worker of a stage, each with its own directory and every option at its
 * default but the durability: what a user gets who changes nothing. */

#include "child.h"
#include "role.h"
#include <godwit.h>
#include <stdio.h>
#include <string.h>

#define STAGE   "bench"
#define MEET_MS 30000

static bool check(godwit_err_t error, const char *what)
{
    if (error)
        bench_complain("%s: %s: %s", what, godwit_error_name(error), godwit_last_error());
    return !error;
}

static godwit_durability_t level_of(const char *name)
{
    if (strcmp(name, "os") == 0)
        return GODWIT_DURABILITY_OS;
    return strcmp(name, "fsync") == 0 ? GODWIT_DURABILITY_FSYNC : GODWIT_DURABILITY_MEMORY;
}

static bool open_peer(const struct role *role, const char *name, godwit_peer_t **peer)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    options.name = name;
    options.durability = level_of(role->level);
    if (options.durability != GODWIT_DURABILITY_MEMORY)
        options.directory = role->directory;
    return check(godwit_peer_open(&options, peer), "open");
}

/* The worker's whole job: take the next, acknowledge it. */
static bool work(godwit_stage_t *stage, const struct role *role)
{
    for (uint64_t i = 0; i < role->count; i++) {
        godwit_delivery_t *delivery;
        if (!check(godwit_stage_next(stage, -1, &delivery), "next"))
            return false;
        if (godwit_delivery_size(delivery) != role->size) {
            bench_complain("a message of %zu bytes came instead of %zu",
                           godwit_delivery_size(delivery), role->size);
            godwit_delivery_drop(&delivery);
            return false;
        }
        if (!check(godwit_ack(&delivery), "ack"))
            return false;
    }
    return true;
}

static bool serve(godwit_peer_t *peer, const struct role *role)
{
    char endpoint[256];
    godwit_stage_t *stage;
    if (!check(godwit_stage_open(peer, STAGE, NULL, &stage), "stage"))
        return false;
    bool good = check(godwit_peer_bind(peer, "tcp://127.0.0.1:*"), "bind") &&
                check(godwit_peer_endpoint(peer, endpoint, sizeof(endpoint)), "endpoint");
    if (good) {
        role_say("endpoint %s", endpoint);
        good = work(stage, role);
        role_wait_end(); /* the last acknowledgements are still on their way */
    }
    godwit_stage_close(&stage);
    return good;
}

int role_stage_work(const struct role *role)
{
    godwit_peer_t *peer;
    if (!open_peer(role, "worker", &peer))
        return BENCH_FAILED;
    bool good = serve(peer, role);
    good = check(godwit_peer_close(&peer), "close") && good;
    return good ? BENCH_OK : BENCH_FAILED;
}

static bool push(godwit_peer_t *peer, const struct role *role, const struct payload *payload)
{
    if (!check(godwit_peer_connect(peer, role->endpoint), "connect") ||
        !check(godwit_peer_wait_members(peer, "stage:" STAGE, 1, MEET_MS), "wait for the worker"))
        return false;
    double begin = bench_now();
    for (uint64_t i = 0; i < role->count; i++) {
        if (!check(godwit_push_data(peer, STAGE, payload_at(payload, i), role->size, NULL), "push"))
            return false;
    }
    if (!check(godwit_peer_drain(peer, GODWIT_SETTLED, -1), "drain"))
        return false;
    role_say("seconds %.9f", bench_now() - begin);
    return true;
}

int role_stage_push(const struct role *role)
{
    godwit_peer_t *peer;
    struct payload payload;
    if (!payload_init(&payload, role->size))
        return BENCH_FAILED;
    bool good = open_peer(role, "producer", &peer);
    if (good) {
        good = push(peer, role, &payload);
        good = check(godwit_peer_close(&peer), "close") && good;
    }
    payload_clear(&payload);
    return good ? BENCH_OK : BENCH_FAILED;
}
