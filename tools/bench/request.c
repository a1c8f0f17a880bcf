/* SPDX-License-Identifier: MPL-2.0 */
/* A client and a service that sends back what came. One at a time by godwit_request; with many
 * under way by godwit_request_send and godwit_reply_next, the next one sent when one is answered.
 * The service has one handler thread, as raw has: while more requests wait, it does not wait for
 * the commit of their answers. */

#include "child.h"
#include "role_peer.h"
#include <stdlib.h>

#define SERVICE "echo"

static uint32_t echo(void *context, godwit_call_t *call)
{
    (void)context;
    return godwit_call_reply(call, godwit_call_data(call), godwit_call_size(call)) ? 1 : 0;
}

int role_serve(const struct role *role)
{
    godwit_peer_t *peer;
    godwit_service_t *service;
    if (!peer_open(role, "server", &peer))
        return BENCH_FAILED;
    bool good = peer_check(godwit_service_open(peer, SERVICE, echo, NULL, NULL, &service), "serve");
    if (good) {
        good = peer_listen(peer);
        role_wait_end();
        good = peer_check(godwit_service_close(&service), "close") && good;
    }
    good = peer_check(godwit_peer_close(&peer), "close") && good;
    return good ? BENCH_OK : BENCH_FAILED;
}

/* A request under way. */
struct asked {
    godwit_id_t id; /* epoch 0: none */
    double at_s;
};

struct asker {
    const struct role *role;
    godwit_peer_t *peer;
    struct payload payload;
    struct histogram latency;
    uint64_t count; /* asked so far */
    struct asked asked[];
};

static bool message_next(struct asker *asker, godwit_message_t **message)
{
    const void *data = payload_at(&asker->payload, asker->count++);
    return peer_check(godwit_message_new(data, asker->role->size, message), "message");
}

static bool heard(struct asker *asker, godwit_reply_t **reply, double asked_s)
{
    histogram_add(&asker->latency, (uint64_t)((bench_now() - asked_s) * 1e9), 1);
    size_t size = godwit_reply_size(*reply);
    godwit_reply_done(reply);
    if (size == asker->role->size)
        return true;
    bench_complain("a reply of %zu bytes came instead of %zu", size, asker->role->size);
    return false;
}

static bool ask_one(struct asker *asker)
{
    godwit_message_t *message;
    godwit_reply_t *reply;
    double begin = bench_now();
    return message_next(asker, &message) &&
           peer_check(godwit_request(asker->peer, SERVICE, &message, -1, &reply, NULL),
                      "request") &&
           heard(asker, &reply, begin);
}

static bool send_one(struct asker *asker, struct asked *asked)
{
    godwit_message_t *message;
    asked->at_s = bench_now();
    return message_next(asker, &message) &&
           peer_check(godwit_request_send(asker->peer, SERVICE, &message, &asked->id), "request");
}

/* The next reply, whichever that is, and its request; NULL after a sentence. */
static struct asked *reply_one(struct asker *asker)
{
    godwit_reply_t *reply;
    if (!peer_check(godwit_reply_next(asker->peer, -1, &reply), "reply"))
        return NULL;
    godwit_id_t id = godwit_reply_request(reply);
    for (unsigned i = 0; i < asker->role->many; i++) {
        struct asked *asked = &asker->asked[i];
        if (asked->id.epoch == id.epoch && asked->id.sequence == id.sequence)
            return heard(asker, &reply, asked->at_s) ? asked : NULL;
    }
    bench_complain("a reply came to what was not asked");
    godwit_reply_done(&reply);
    return NULL;
}

static bool ask_many(struct asker *asker)
{
    const struct role *role = asker->role;
    for (unsigned i = 0; i < role->many && asker->count < role->count; i++) {
        if (!send_one(asker, &asker->asked[i]))
            return false;
    }
    for (uint64_t i = 0; i < role->count; i++) {
        struct asked *asked = reply_one(asker);
        if (!asked || (asker->count < role->count && !send_one(asker, asked)))
            return false;
    }
    return true;
}

static bool ask_all(struct asker *asker)
{
    const struct role *role = asker->role;
    if (!peer_meet(asker->peer, role, "service:" SERVICE) || !role_ready())
        return false;
    role_say_begin();
    if (role->many > 1) {
        if (!ask_many(asker))
            return false;
    } else {
        while (asker->count < role->count) {
            if (!ask_one(asker))
                return false;
        }
    }
    role_finish(&asker->latency);
    return true;
}

int role_ask(const struct role *role)
{
    struct asker *asker = calloc(1, sizeof(*asker) + role->many * sizeof(asker->asked[0]));
    bool good = asker && payload_init(&asker->payload, role->size);
    if (good)
        asker->role = role;
    if (good && (good = peer_open(role, "client", &asker->peer))) {
        good = ask_all(asker);
        good = peer_check(godwit_peer_close(&asker->peer), "close") && good;
    }
    if (asker)
        payload_clear(&asker->payload);
    free(asker);
    return good ? BENCH_OK : BENCH_FAILED;
}
