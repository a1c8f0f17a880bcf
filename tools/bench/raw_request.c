/* SPDX-License-Identifier: MPL-2.0 */
/* Round trips over plain libzmq: a DEALER asks, a ROUTER sends back what came. With many under way
 * each answer is followed by the next question; answers come in the order of the questions. Sockets
 * are those of raw.c. */

#include "child.h"
#include "raw.h"
#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

static bool send_back(struct raw_answerer *self, void *socket, zmq_msg_t *id, zmq_msg_t *message)
{
    (void)self;
    return raw_check(zmq_msg_send(id, socket, ZMQ_SNDMORE), "send") &&
           raw_check(zmq_msg_send(message, socket, 0), "send");
}

int role_raw_answer(const struct role *role)
{
    struct raw_answerer answerer = {send_back, NULL};
    return raw_answer_all(role, &answerer);
}

struct asker {
    struct raw raw;
    struct payload payload;
    struct histogram latency;
    char *answer;
    double asked_s[]; /* of each under way, in turn */
};

static bool ask(struct asker *asker, const struct role *role, uint64_t index)
{
    asker->asked_s[index % role->many] = bench_now();
    return raw_check(zmq_send(asker->raw.socket, payload_at(&asker->payload, index), role->size, 0),
                     "send");
}

static bool hear(struct asker *asker, const struct role *role, uint64_t index)
{
    int got;
    do {
        got = zmq_recv(asker->raw.socket, asker->answer, role->size, 0);
    } while (got < 0 && zmq_errno() == EAGAIN);
    double took_s = bench_now() - asker->asked_s[index % role->many];
    histogram_add(&asker->latency, (uint64_t)(took_s * 1e9), 1);
    return raw_check(got, "receive");
}

static bool ask_all(struct asker *asker, const struct role *role)
{
    uint64_t asked = 0;
    if (!raw_meet(&asker->raw, role) || !role_ready())
        return false;
    role_say_begin();
    for (uint64_t heard = 0; heard < role->count; heard++) {
        for (; asked < role->count && asked - heard < role->many; asked++) {
            if (!ask(asker, role, asked))
                return false;
        }
        if (!hear(asker, role, heard))
            return false;
    }
    role_finish(&asker->latency);
    return true;
}

int role_raw_ask(const struct role *role)
{
    struct asker *asker = calloc(1, sizeof(*asker) + role->many * sizeof(asker->asked_s[0]));
    bool good = asker && (asker->answer = malloc(role->size)) &&
                payload_init(&asker->payload, role->size) &&
                raw_open(&asker->raw, ZMQ_DEALER, role->size) && ask_all(asker, role);
    if (asker) {
        raw_close(&asker->raw);
        payload_clear(&asker->payload);
        free(asker->answer);
    }
    free(asker);
    return good ? BENCH_OK : BENCH_FAILED;
}
