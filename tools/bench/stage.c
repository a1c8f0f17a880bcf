/* SPDX-License-Identifier: MPL-2.0 */
/* Producers and workers of a stage, each with its own directory. */

#include "role_peer.h"

#define STAGE "bench"

static bool serve(godwit_peer_t *peer, const struct role *role)
{
    godwit_stage_t *stage;
    if (!peer_check(godwit_stage_open(peer, STAGE, NULL, &stage), "stage"))
        return false;
    bool good = peer_listen(peer) && peer_take_all(stage, role);
    godwit_stage_close(&stage);
    return good;
}

int role_stage_work(const struct role *role)
{
    godwit_peer_t *peer;
    if (!peer_open(role, "worker", &peer))
        return BENCH_FAILED;
    bool good = serve(peer, role);
    good = peer_check(godwit_peer_close(&peer), "close") && good;
    return good ? BENCH_OK : BENCH_FAILED;
}

static bool push(godwit_peer_t *peer, const struct role *role, const struct payload *payload)
{
    if (!peer_meet(peer, role, "stage:" STAGE) || !role_ready())
        return false;
    role_say_begin();
    for (uint64_t i = 0; i < role->count; i++) {
        const void *data = payload_at(payload, i);
        if (!peer_check(godwit_push_data(peer, STAGE, data, role->size, NULL), "push"))
            return false;
    }
    if (!peer_check(godwit_peer_drain(peer, GODWIT_SETTLED, -1), "drain"))
        return false;
    role_finish(NULL);
    return true;
}

int role_stage_push(const struct role *role)
{
    godwit_peer_t *peer;
    struct payload payload;
    if (!payload_init(&payload, role->size))
        return BENCH_FAILED;
    bool good = peer_open(role, "producer", &peer);
    if (good) {
        good = push(peer, role, &payload);
        good = peer_check(godwit_peer_close(&peer), "close") && good;
    }
    payload_clear(&payload);
    return good ? BENCH_OK : BENCH_FAILED;
}
