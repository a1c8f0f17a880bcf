/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_RAW_H
#define GODWIT_BENCH_RAW_H

/* One plain libzmq socket, as the baselines use it. */

#include "role.h"
#include <zmq.h>

#define RAW_IDLE_MS 20 /* a receive waits so long and then returns EAGAIN */

struct raw {
    void *context, *socket;
};

/* Opens it with the settings that raw.c gives its reasons for. False after a sentence. */
bool raw_open(struct raw *raw, int type, size_t size);
void raw_close(struct raw *raw);

/* After a call of libzmq that returned `result`. False after a sentence. */
bool raw_check(int result, const char *what);

/* Binds to a free port of loopback and says "endpoint ...". */
bool raw_listen(struct raw *raw);
/* Connects to each endpoint, then sends an empty message over each connection and waits until all
 * are answered: all connections are there, and that is not in the time. */
bool raw_meet(struct raw *raw, const struct role *role);

/* Waits for the word to begin, sends all messages of the role and waits for the end. */
bool raw_send_all(struct raw *raw, const struct role *role, const struct payload *payload);

/* A ROUTER that answers: each message that comes is given to `answer` with the id of its sender,
 * which is the first part of the answer. False there, after a sentence, ends it. */
struct raw_answerer {
    bool (*answer)(struct raw_answerer *self, void *socket, zmq_msg_t *id, zmq_msg_t *message);
    void (*idle)(struct raw_answerer *self); /* nothing came for RAW_IDLE_MS; may be NULL */
};

/* Opens it, binds it and answers until the bench wants no more. Returns the process's result. */
int raw_answer_all(const struct role *role, struct raw_answerer *answerer);

#endif
