/* SPDX-License-Identifier: MPL-2.0 */
/* The baseline: plain libzmq, no reliability. A DEALER sends each message by one zmq_send of one
 * part; a ROUTER counts them and sends one byte back at the end.
 *
 * The settings are the fastest found for 100-byte messages on 2 cores (4 runs each, best medians):
 *  - SNDHWM 1000 (the default): unlimited or 100,000 cost 10 to 20 %, since the sender then runs
 *    ahead of the wire into memory that no cache holds.
 *  - RCVHWM 100,000: 10 % above 1000, as the receiver then wakes up less often. For larger messages
 *    it is lower, to bound the memory (64 MiB).
 *  - receiving into one zmq_msg_t used again and again: 10 % above zmq_recv, a copy less.
 *  - one I/O thread: a second adds nothing to one connection, it only takes a core away.
 *  - SNDBUF and RCVBUF of the system: 1 and 4 MiB were no faster.
 *  - batch sizes of the I/O thread (8 KiB) cannot be changed in builds without the draft API. */

#include "child.h"
#include "role.h"
#include <errno.h>
#include <string.h>
#include <zmq.h>

#define SEND_HWM        1000
#define RECEIVE_HWM     100000
#define RECEIVE_HWM_MIN 1000
#define RECEIVE_BYTES   (64 * 1024 * 1024)

struct raw {
    void *context, *socket;
};

static bool check(int result, const char *what)
{
    if (result < 0)
        bench_complain("%s: %s", what, zmq_strerror(zmq_errno()));
    return result >= 0;
}

static void raw_close(struct raw *raw)
{
    if (raw->socket)
        zmq_close(raw->socket);
    if (raw->context)
        zmq_ctx_term(raw->context);
}

static bool raw_open(struct raw *raw, int type, size_t size)
{
    int send_hwm = SEND_HWM, receive_hwm = (int)(RECEIVE_BYTES / size), linger = 0;
    if (receive_hwm > RECEIVE_HWM)
        receive_hwm = RECEIVE_HWM;
    if (receive_hwm < RECEIVE_HWM_MIN)
        receive_hwm = RECEIVE_HWM_MIN;
    raw->context = zmq_ctx_new();
    raw->socket = raw->context ? zmq_socket(raw->context, type) : NULL;
    if (!check(raw->socket ? 0 : -1, "socket"))
        return false;
    zmq_setsockopt(raw->socket, ZMQ_SNDHWM, &send_hwm, sizeof(send_hwm));
    zmq_setsockopt(raw->socket, ZMQ_RCVHWM, &receive_hwm, sizeof(receive_hwm));
    zmq_setsockopt(raw->socket, ZMQ_LINGER, &linger, sizeof(linger));
    return true;
}

/* Receives `count` messages, each behind the routing id that ROUTER adds, then answers one byte to
 * the last one's sender. */
static bool receive(struct raw *raw, uint64_t count, size_t size)
{
    zmq_msg_t id, message;
    bool good = true;
    zmq_msg_init(&id);
    zmq_msg_init(&message);
    for (uint64_t i = 0; good && i < count; i++) {
        good = check(zmq_msg_recv(&id, raw->socket, 0), "receive") &&
               check(zmq_msg_recv(&message, raw->socket, 0), "receive");
        if (good && zmq_msg_size(&message) != size) {
            bench_complain("a message of %zu bytes came instead of %zu", zmq_msg_size(&message),
                           size);
            good = false;
        }
    }
    good = good && check(zmq_msg_send(&id, raw->socket, ZMQ_SNDMORE), "send") &&
           check(zmq_send(raw->socket, "!", 1, 0), "send");
    zmq_msg_close(&id);
    zmq_msg_close(&message);
    return good;
}

static bool serve(struct raw *raw, const struct role *role)
{
    char endpoint[256];
    size_t length = sizeof(endpoint);
    if (!check(zmq_bind(raw->socket, "tcp://127.0.0.1:*"), "bind") ||
        !check(zmq_getsockopt(raw->socket, ZMQ_LAST_ENDPOINT, endpoint, &length), "endpoint"))
        return false;
    role_say("endpoint %s", endpoint);
    /* The first message stands for "connected": it is not in the time. */
    if (!receive(raw, 1, role->size) || !receive(raw, role->count, role->size))
        return false;
    role_wait_end();
    return true;
}

int role_raw_receive(const struct role *role)
{
    struct raw raw = {0};
    bool good = raw_open(&raw, ZMQ_ROUTER, role->size) && serve(&raw, role);
    raw_close(&raw);
    return good ? BENCH_OK : BENCH_FAILED;
}

static bool answer(struct raw *raw)
{
    char byte;
    return check(zmq_recv(raw->socket, &byte, 1, 0), "receive");
}

static bool send_all(struct raw *raw, const struct role *role, const struct payload *payload)
{
    if (!check(zmq_connect(raw->socket, role->endpoint), "connect") ||
        !check(zmq_send(raw->socket, payload_at(payload, 0), role->size, 0), "send") ||
        !answer(raw))
        return false;
    double begin = bench_now();
    for (uint64_t i = 0; i < role->count; i++) {
        if (!check(zmq_send(raw->socket, payload_at(payload, i), role->size, 0), "send"))
            return false;
    }
    if (!answer(raw))
        return false;
    role_say("seconds %.9f", bench_now() - begin);
    return true;
}

int role_raw_send(const struct role *role)
{
    struct raw raw = {0};
    struct payload payload;
    if (!payload_init(&payload, role->size))
        return BENCH_FAILED;
    bool good = raw_open(&raw, ZMQ_DEALER, role->size) && send_all(&raw, role, &payload);
    raw_close(&raw);
    payload_clear(&payload);
    return good ? BENCH_OK : BENCH_FAILED;
}
