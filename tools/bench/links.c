/* SPDX-License-Identifier: MPL-2.0 */
/* Many links between two processes. The near one pushes to a stage, the far one works. As a *hub*
 * the near process has one peer, and the far one a peer for each link; as a *mesh* both have about
 * as many peers, and each is linked to all of the other side: of the same number of links less is
 * spent on peers. Far peers are in memory: what they would write says nothing about links. One
 * thread pushes for all near peers in turn, one takes for all far ones. */

#include "child.h"
#include "role_peer.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define STAGE     "links"
#define EVENTS    64
#define TAKE_MANY 64 /* of one peer, before the others have their turn */
#define NEAR_MOST 32

/* Near peers of a mesh: the root of the links, so that there are as many far ones, or one more. */
static unsigned near_of(const struct role *role, bool mesh)
{
    unsigned near = 1;
    while (mesh && (near + 1) * (near + 1) <= role->many)
        near++;
    return near;
}

static unsigned far_of(const struct role *role, unsigned near)
{
    return (role->many + near - 1) / near;
}

struct near {
    unsigned count;
    godwit_peer_t *peer[NEAR_MOST];
    struct payload payload;
};

/* Opens them, in directories of their own, and says where they all listen. */
static bool near_open(struct near *near, const struct role *role)
{
    char directory[4096], list[NEAR_MOST * 32] = "";
    for (unsigned i = 0; i < near->count; i++) {
        struct role own = *role;
        char endpoint[256];
        snprintf(directory, sizeof(directory), "%s/%u", role->directory, i);
        own.directory = directory;
        own.number = i;
        if (!peer_open(&own, "near", &near->peer[i]) || !peer_bind(near->peer[i], endpoint))
            return false;
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", i ? "," : "", endpoint);
    }
    role_say("endpoint %s", list);
    return true;
}

static bool near_meet(struct near *near, unsigned far)
{
    for (unsigned i = 0; i < near->count; i++) {
        if (!peer_check(godwit_peer_wait_members(near->peer[i], "stage:" STAGE, far, PEER_MEET_MS),
                        "meet"))
            return false;
    }
    return true;
}

static bool near_push(struct near *near, const struct role *role)
{
    role_say_begin();
    for (uint64_t i = 0; i < role->count; i++) {
        godwit_peer_t *peer = near->peer[i % near->count];
        const void *data = payload_at(&near->payload, i);
        if (!peer_check(godwit_push_data(peer, STAGE, data, role->size, NULL), "push"))
            return false;
    }
    for (unsigned i = 0; i < near->count; i++) {
        if (!peer_check(godwit_peer_drain(near->peer[i], GODWIT_SETTLED, -1), "drain"))
            return false;
    }
    role_finish(NULL);
    return true;
}

static int push(const struct role *role, bool mesh)
{
    struct near near = {.count = near_of(role, mesh)};
    if (!payload_init(&near.payload, role->size))
        return BENCH_FAILED;
    bool good = near_open(&near, role) && near_meet(&near, far_of(role, near.count)) &&
                role_ready() && near_push(&near, role);
    for (unsigned i = 0; i < near.count; i++)
        good = peer_check(godwit_peer_close(&near.peer[i]), "close") && good;
    payload_clear(&near.payload);
    return good ? BENCH_OK : BENCH_FAILED;
}

int role_hub_push(const struct role *role)
{
    return push(role, false);
}

int role_mesh_push(const struct role *role)
{
    return push(role, true);
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

static bool far_dial(struct far *far, const struct role *role)
{
    const char *list = role->endpoints;
    char endpoint[256];
    while (role_endpoint(&list, endpoint, sizeof(endpoint))) {
        if (!peer_check(godwit_peer_connect(far->peer, endpoint), "connect"))
            return false;
    }
    return true;
}

static bool far_open(struct fars *fars, const struct role *role, unsigned index)
{
    struct role own = *role;
    struct far *far = &fars->far[index];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    own.number = index;
    own.level = "memory";
    if (!peer_open(&own, "far", &far->peer) ||
        !peer_check(godwit_stage_open(far->peer, STAGE, NULL, &far->stage), "stage") ||
        !far_dial(far, role))
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

static int take(const struct role *role, bool mesh)
{
    unsigned count = far_of(role, near_of(role, mesh));
    struct fars *fars = calloc(1, sizeof(*fars) + count * sizeof(fars->far[0]));
    bool good = fars && (fars->poll = epoll_create1(EPOLL_CLOEXEC)) >= 0;
    for (unsigned i = 0; good && i < count; i++)
        good = far_open(fars, role, i);
    good = good && far_take_all(fars);
    /* All of it ends with the process: a farewell from each would only take time. */
    _exit(good ? BENCH_OK : BENCH_FAILED);
}

int role_hub_take(const struct role *role)
{
    return take(role, false);
}

int role_mesh_take(const struct role *role)
{
    return take(role, true);
}
