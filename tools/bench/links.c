/* SPDX-License-Identifier: MPL-2.0 */
/* Many links of one peer. The hub is one process with one peer that pushes to a stage; the far side
 * is one process that holds a peer for each link, all of them workers. The far peers are in memory:
 * what they would write says nothing about links. One thread takes for all of them. */

#include "child.h"
#include "role_peer.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define STAGE     "links"
#define EVENTS    64
#define TAKE_MANY 64 /* of one peer, before the others have their turn */

static bool push(godwit_peer_t *peer, const struct role *role, const struct payload *payload)
{
    if (!peer_listen(peer) ||
        !peer_check(godwit_peer_wait_members(peer, "stage:" STAGE, role->many, PEER_MEET_MS),
                    "meet") ||
        !role_ready())
        return false;
    role_say_begin();
    for (uint64_t i = 0; i < role->count; i++) {
        const void *data = payload_at(payload, i);
        if (!peer_check(godwit_push_data(peer, STAGE, data, role->size, NULL), "push"))
            return false;
    }
    if (!peer_check(godwit_peer_drain(peer, GODWIT_SETTLED, -1), "drain"))
        return false;
    role_say_end();
    role_say("done");
    role_wait_end();
    return true;
}

int role_links_push(const struct role *role)
{
    godwit_peer_t *peer;
    struct payload payload;
    if (!payload_init(&payload, role->size))
        return BENCH_FAILED;
    bool good = peer_open(role, "hub", &peer);
    if (good) {
        good = push(peer, role, &payload);
        good = peer_check(godwit_peer_close(&peer), "close") && good;
    }
    payload_clear(&payload);
    return good ? BENCH_OK : BENCH_FAILED;
}

struct far {
    godwit_peer_t *peer;
    godwit_stage_t *stage;
};

struct fars {
    int poll;
    uint64_t taken;
    struct far far[];
};

static bool far_open(struct fars *fars, const struct role *role, unsigned index)
{
    struct role own = *role;
    struct far *far = &fars->far[index];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    own.number = index;
    own.level = "memory";
    if (!peer_open(&own, "far", &far->peer) ||
        !peer_check(godwit_stage_open(far->peer, STAGE, NULL, &far->stage), "stage") ||
        !peer_check(godwit_peer_connect(far->peer, role->endpoints), "connect"))
        return false;
    if (epoll_ctl(fars->poll, EPOLL_CTL_ADD, godwit_stage_fd(far->stage), &event) == 0)
        return true;
    bench_complain("epoll: %s", strerror(errno));
    return false;
}

static bool far_take(struct fars *fars, unsigned index)
{
    godwit_delivery_t *deliveries[TAKE_MANY];
    size_t count;
    godwit_err_t error = godwit_stage_next_many(fars->far[index].stage, 0, deliveries, TAKE_MANY,
                                                &count);
    if (error == GODWIT_ETIMEDOUT)
        return true;
    fars->taken += count;
    return peer_check(error, "next") && peer_check(godwit_ack_many(deliveries, count), "ack");
}

static bool far_take_all(struct fars *fars)
{
    struct epoll_event events[EVENTS];
    uint64_t said = 0;
    for (;;) {
        int ready = epoll_wait(fars->poll, events, EVENTS, PEER_IDLE_MS);
        for (int i = 0; i < ready; i++) {
            if (!far_take(fars, events[i].data.u32))
                return false;
        }
        if (ready > 0)
            continue;
        if (said != fars->taken)
            role_say_took(fars->taken, bench_now());
        said = fars->taken;
        if (role_ended())
            return true;
    }
}

int role_links_take(const struct role *role)
{
    struct fars *fars = calloc(1, sizeof(*fars) + role->many * sizeof(fars->far[0]));
    bool good = fars && (fars->poll = epoll_create1(EPOLL_CLOEXEC)) >= 0;
    for (unsigned i = 0; good && i < role->many; i++)
        good = far_open(fars, role, i);
    good = good && far_take_all(fars);
    /* All of it ends with the process: a farewell from each would only take time. */
    _exit(good ? BENCH_OK : BENCH_FAILED);
}
