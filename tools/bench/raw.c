/* SPDX-License-Identifier: MPL-2.0 */
/* The baseline: plain libzmq, no reliability. A DEALER sends each message by one zmq_send of one
 * part, round robin if it has several connections; a ROUTER counts them. Nothing is acknowledged.
 *
 * The settings are the fastest found for 100-byte messages on 2 cores (4 runs each, best medians):
 *  - SNDHWM 1000 (the default): unlimited or 100,000 cost 10 to 20 %, since the sender then runs
 *    ahead of the wire into memory that no cache holds.
 *  - RCVHWM 100,000: 10 % above 1000, as the receiver then wakes up less often. For larger messages
 *    both are lower, to bound the memory (64 MiB each, or some messages).
 *  - receiving into one zmq_msg_t used again and again: 10 % above zmq_recv, a copy less.
 *  - one I/O thread: a second adds nothing to one connection, it only takes a core away.
 *  - SNDBUF and RCVBUF of the system: 1 and 4 MiB were no faster.
 *  - batch sizes of the I/O thread (8 KiB) cannot be changed in builds without the draft API.
 *
 * Held against libzmq's own throughput test (the calls of its perf/local_thr and remote_thr: PUSH
 * to PULL, zmq_msg_send of a new message each, timed by the receiver from its first message on): 15
 * rounds in turns of 1,000,000 messages of 100 bytes on a busy machine of 2 cores gave 0.97 M/s
 * (0.44 to 3.73 M/s) for that one and 1.68 M/s (0.46 to 3.28 M/s) for this one. So it is no slower
 * in the middle, and within 15 % of its best round. */

#include "raw.h"
#include "child.h"
#include <errno.h>
#include <string.h>
#include <zmq.h>

#define SEND_HWM        1000
#define RECEIVE_HWM     100000
#define QUEUE_BYTES     (64 * 1024 * 1024)
#define QUEUE_MIN       4
#define MEET_MS         30000

bool raw_check(int result, const char *what)
{
    if (result < 0)
        bench_complain("%s: %s", what, zmq_strerror(zmq_errno()));
    return result >= 0;
}

void raw_close(struct raw *raw)
{
    if (raw->socket)
        zmq_close(raw->socket);
    if (raw->context)
        zmq_ctx_term(raw->context);
    *raw = (struct raw){0};
}

static void set(struct raw *raw, int option, int value)
{
    zmq_setsockopt(raw->socket, option, &value, sizeof(value));
}

/* Messages of this size that may wait, at most `most`. */
static int queue(size_t size, int most)
{
    size_t count = QUEUE_BYTES / size;
    if (count < QUEUE_MIN)
        return QUEUE_MIN;
    return count < (size_t)most ? (int)count : most;
}

bool raw_open(struct raw *raw, int type, size_t size)
{
    raw->context = zmq_ctx_new();
    raw->socket = raw->context ? zmq_socket(raw->context, type) : NULL;
    if (!raw_check(raw->socket ? 0 : -1, "socket"))
        return false;
    set(raw, ZMQ_SNDHWM, queue(size, SEND_HWM));
    set(raw, ZMQ_RCVHWM, queue(size, RECEIVE_HWM));
    set(raw, ZMQ_LINGER, 0);
    set(raw, ZMQ_RCVTIMEO, RAW_IDLE_MS);
    return true;
}

bool raw_listen(struct raw *raw)
{
    char endpoint[256];
    size_t length = sizeof(endpoint);
    if (!raw_check(zmq_bind(raw->socket, "tcp://127.0.0.1:*"), "bind") ||
        !raw_check(zmq_getsockopt(raw->socket, ZMQ_LAST_ENDPOINT, endpoint, &length), "endpoint"))
        return false;
    role_say("endpoint %s", endpoint);
    return true;
}

bool raw_meet(struct raw *raw, const struct role *role)
{
    const char *list = role->endpoints;
    char endpoint[256];
    unsigned connections = 0;
    for (; role_endpoint(&list, endpoint, sizeof(endpoint)); connections++) {
        if (!raw_check(zmq_connect(raw->socket, endpoint), "connect"))
            return false;
    }
    for (unsigned i = 0; i < connections; i++) {
        if (!raw_check(zmq_send(raw->socket, "", 0, 0), "send"))
            return false;
    }
    set(raw, ZMQ_RCVTIMEO, MEET_MS);
    for (unsigned i = 0; i < connections; i++) {
        char byte;
        if (!raw_check(zmq_recv(raw->socket, &byte, 1, 0), "meet"))
            return false;
    }
    set(raw, ZMQ_RCVTIMEO, RAW_IDLE_MS);
    return true;
}

struct receiver {
    struct raw raw;
    zmq_msg_t id, message;
    uint64_t taken, said;
    double last_s;
};

/* The second part of what the id announced. An empty one asks whether we are there. */
static bool take(struct receiver *receiver, size_t size)
{
    if (!raw_check(zmq_msg_recv(&receiver->message, receiver->raw.socket, 0), "receive"))
        return false;
    size_t got = zmq_msg_size(&receiver->message);
    if (got == size) {
        receiver->taken++;
        return true;
    }
    if (got == 0)
        return raw_check(zmq_msg_send(&receiver->id, receiver->raw.socket, ZMQ_SNDMORE), "send") &&
               raw_check(zmq_send(receiver->raw.socket, "!", 1, 0), "send");
    bench_complain("a message of %zu bytes came instead of %zu", got, size);
    return false;
}

/* Takes all that comes, until the bench wants no more. Only when nothing is there it looks at the
 * clock, so that this costs nothing while messages flow, and says how many there were. */
static bool receive(struct receiver *receiver, size_t size)
{
    for (;;) {
        int got = zmq_msg_recv(&receiver->id, receiver->raw.socket, ZMQ_DONTWAIT);
        if (got < 0 && zmq_errno() == EAGAIN) {
            receiver->last_s = bench_now();
            got = zmq_msg_recv(&receiver->id, receiver->raw.socket, 0);
        }
        if (got >= 0) {
            if (!take(receiver, size))
                return false;
            continue;
        }
        if (zmq_errno() != EAGAIN)
            return raw_check(got, "receive");
        if (receiver->said != receiver->taken)
            role_say_took(receiver->taken, receiver->last_s);
        receiver->said = receiver->taken;
        if (role_ended())
            return true;
    }
}

static bool dial_often(struct raw *raw, const struct role *role)
{
    for (unsigned i = 0; i < role->many; i++) {
        if (!raw_check(zmq_connect(raw->socket, role->endpoints), "connect"))
            return false;
    }
    return true;
}

int role_raw_receive(const struct role *role)
{
    struct receiver receiver = {0};
    zmq_msg_init(&receiver.id);
    zmq_msg_init(&receiver.message);
    bool good = raw_open(&receiver.raw, ZMQ_ROUTER, role->size) &&
                (role->endpoints ? dial_often(&receiver.raw, role) : raw_listen(&receiver.raw)) &&
                receive(&receiver, role->size);
    zmq_msg_close(&receiver.id);
    zmq_msg_close(&receiver.message);
    raw_close(&receiver.raw);
    return good ? BENCH_OK : BENCH_FAILED;
}

bool raw_send_all(struct raw *raw, const struct role *role, const struct payload *payload)
{
    if (!role_ready())
        return false;
    role_say_begin();
    for (uint64_t i = 0; i < role->count; i++) {
        if (!raw_check(zmq_send(raw->socket, payload_at(payload, i), role->size, 0), "send"))
            return false;
    }
    role_say("done");
    role_wait_end();
    return true;
}

int role_raw_send(const struct role *role)
{
    struct raw raw = {0};
    struct payload payload;
    if (!payload_init(&payload, role->size))
        return BENCH_FAILED;
    bool good = raw_open(&raw, ZMQ_DEALER, role->size) && raw_meet(&raw, role) &&
                raw_send_all(&raw, role, &payload);
    raw_close(&raw);
    payload_clear(&payload);
    return good ? BENCH_OK : BENCH_FAILED;
}

static bool answer_each(struct raw *raw, struct raw_answerer *answerer, zmq_msg_t *id,
                        zmq_msg_t *message)
{
    for (;;) {
        int got = zmq_msg_recv(id, raw->socket, 0);
        if (got < 0 && zmq_errno() == EAGAIN) {
            if (answerer->idle)
                answerer->idle(answerer);
            if (role_ended())
                return true;
            continue;
        }
        if (!raw_check(got, "receive") ||
            !raw_check(zmq_msg_recv(message, raw->socket, 0), "receive") ||
            !answerer->answer(answerer, raw->socket, id, message))
            return false;
    }
}

int raw_answer_all(const struct role *role, struct raw_answerer *answerer)
{
    struct raw raw = {0};
    zmq_msg_t id, message;
    zmq_msg_init(&id);
    zmq_msg_init(&message);
    bool good = raw_open(&raw, ZMQ_ROUTER, role->size);
    if (good) {
        set(&raw, ZMQ_SNDHWM, 0); /* else a ROUTER drops; its askers bound what is under way */
        good = raw_listen(&raw) && answer_each(&raw, answerer, &id, &message);
    }
    zmq_msg_close(&id);
    zmq_msg_close(&message);
    raw_close(&raw);
    return good ? BENCH_OK : BENCH_FAILED;
}
