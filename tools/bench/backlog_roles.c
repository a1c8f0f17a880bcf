/* SPDX-License-Identifier: MPL-2.0 */
/* The processes of a backlog, and of a restart with one.
 *
 * The sender pushes everything to a stage that nobody serves, then lets others come: first a worker
 * of another stage, to which it pushes beside what it holds; then the worker that takes it all. */

#include "child.h"
#include "role_peer.h"

#define HELD         "backlog"
#define BESIDE       "beside"
#define BESIDE_COUNT 3000000 /* at most; all of them if the backlog is smaller */

static bool open_sender(const struct role *role, godwit_peer_t **peer)
{
    char name[PEER_NAME];
    godwit_peer_options_t options = peer_options(role, "producer", name);
    /* Room for all of it, with what the store itself writes for each message. */
    options.outbox_max_bytes = (role->size + 100) * role->count + (1ull << 30);
    options.outbox_max_messages = role->count + BESIDE_COUNT + 1;
    return peer_check(godwit_peer_open(&options, peer), "open");
}

static bool push(godwit_peer_t *peer, const char *stage, const struct role *role, uint64_t count,
                 const struct payload *payload, godwit_id_t *last)
{
    for (uint64_t i = 0; i < count; i++) {
        const void *data = payload_at(payload, i);
        if (!peer_check(godwit_push_data(peer, stage, data, role->size, last), "push"))
            return false;
    }
    return true;
}

static bool fill(godwit_peer_t *peer, const struct role *role, const struct payload *payload)
{
    double begin = bench_now();
    if (!push(peer, HELD, role, role->count, payload, NULL) ||
        !peer_check(godwit_peer_drain(peer, GODWIT_STORED, -1), "drain"))
        return false;
    role_say("value fill_s %.6f", bench_now() - begin);
    return peer_listen(peer);
}

static bool meet(godwit_peer_t *peer, const char *destination)
{
    return peer_check(godwit_peer_wait_members(peer, destination, 1, PEER_MEET_MS), "meet");
}

static bool push_beside(godwit_peer_t *peer, const struct role *role,
                        const struct payload *payload)
{
    uint64_t count = role->count < BESIDE_COUNT ? role->count : BESIDE_COUNT;
    godwit_id_t last;
    if (!meet(peer, "stage:" BESIDE) || !role_ready())
        return false;
    double begin = bench_now();
    if (!push(peer, BESIDE, role, count, payload, &last) ||
        !peer_check(godwit_wait(peer, last, GODWIT_SETTLED, -1), "wait"))
        return false;
    role_say("value beside_rate %.3f", (double)count / (bench_now() - begin));
    role_say("beside %llu", (unsigned long long)count);
    return true;
}

/* The time runs from when the worker is there. */
static bool drain(godwit_peer_t *peer)
{
    if (!role_ready() || !meet(peer, "stage:" HELD))
        return false;
    role_say_begin();
    if (!peer_check(godwit_peer_drain(peer, GODWIT_SETTLED, -1), "drain"))
        return false;
    role_finish(NULL);
    return true;
}

int role_backlog_fill(const struct role *role)
{
    godwit_peer_t *peer;
    struct payload payload;
    if (!payload_init(&payload, role->size))
        return BENCH_FAILED;
    bool good = open_sender(role, &peer);
    if (good) {
        good = fill(peer, role, &payload) && push_beside(peer, role, &payload) && drain(peer);
        good = peer_check(godwit_peer_close(&peer), "close") && good;
    }
    payload_clear(&payload);
    return good ? BENCH_OK : BENCH_FAILED;
}

/* Number 0 takes what goes beside the backlog, number 1 the backlog. */
int role_backlog_take(const struct role *role)
{
    const char *name = role->number == 0 ? BESIDE : HELD, *list = role->endpoints;
    char endpoint[256];
    godwit_peer_t *peer;
    godwit_stage_t *stage;
    if (!peer_open(role, "worker", &peer))
        return BENCH_FAILED;
    bool good = peer_check(godwit_stage_open(peer, name, NULL, &stage), "stage");
    if (good) {
        good = role_endpoint(&list, endpoint, sizeof(endpoint)) &&
               peer_check(godwit_peer_connect(peer, endpoint), "connect") &&
               peer_take_all(stage, role);
        godwit_stage_close(&stage);
    }
    good = peer_check(godwit_peer_close(&peer), "close") && good;
    return good ? BENCH_OK : BENCH_FAILED;
}

/* A worker that waits for a sender to come back: the run ends with its first message. */
int role_recover_take(const struct role *role)
{
    godwit_peer_t *peer;
    godwit_stage_t *stage;
    godwit_delivery_t *delivery;
    if (!peer_open(role, "worker", &peer))
        return BENCH_FAILED;
    bool good = peer_check(godwit_stage_open(peer, HELD, NULL, &stage), "stage");
    if (good) {
        good = peer_listen(peer) && peer_check(godwit_stage_next(stage, -1, &delivery), "next");
        if (good) {
            role_say_end();
            role_say("done");
            godwit_delivery_drop(&delivery);
        }
        role_wait_end();
        godwit_stage_close(&stage);
    }
    good = peer_check(godwit_peer_close(&peer), "close") && good;
    return good ? BENCH_OK : BENCH_FAILED;
}

/* The sender, once more in its directory. */
int role_recover_open(const struct role *role)
{
    const char *list = role->endpoints;
    char endpoint[256];
    godwit_peer_t *peer;
    if (!role_endpoint(&list, endpoint, sizeof(endpoint)) || !role_ready())
        return BENCH_FAILED;
    double begin = bench_now();
    role_say_begin();
    if (!open_sender(role, &peer))
        return BENCH_FAILED;
    role_say("value open_s %.6f", bench_now() - begin);
    bool good = peer_check(godwit_peer_connect(peer, endpoint), "connect");
    role_say("done");
    role_wait_end();
    good = peer_check(godwit_peer_close(&peer), "close") && good;
    return good ? BENCH_OK : BENCH_FAILED;
}
