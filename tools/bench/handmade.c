/* SPDX-License-Identifier: MPL-2.0 */
/* What people write themselves: put a message into LevelDB (synced at fsync), send it, delete it
 * when its acknowledgement comes (never synced: what comes back after a crash is sent again). The
 * receiver has no store, so it is not exactly-once: less than godwit does, and the least that
 * survives a crash of the sender. A message is one part, its number before its bytes; at most 1,000
 * are unacknowledged. Sockets are those of raw.c. */

#include "child.h"
#include "raw.h"
#include "store_role.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define UNACKNOWLEDGED 1000

struct taker {
    struct raw_answerer answerer;
    uint64_t taken, said;
};

/* By its number. */
static bool answer(struct raw_answerer *self, void *socket, zmq_msg_t *id, zmq_msg_t *message)
{
    bool asks = zmq_msg_size(message) < STORE_KEY; /* whether we are there */
    ((struct taker *)self)->taken += !asks;
    return raw_check(zmq_msg_send(id, socket, ZMQ_SNDMORE), "send") &&
           raw_check(zmq_send(socket, zmq_msg_data(message), asks ? 0 : STORE_KEY, 0), "send");
}

static void say(struct raw_answerer *self)
{
    struct taker *taker = (struct taker *)self;
    if (taker->said != taker->taken)
        role_say_took(taker->taken, bench_now());
    taker->said = taker->taken;
}

int role_handmade_take(const struct role *role)
{
    struct taker taker = {.answerer = {answer, say}};
    return raw_answer_all(role, &taker.answerer);
}

struct sender {
    struct raw raw;
    struct store_role store;
    struct payload payload;
    char *text; /* of one message */
    uint64_t sent, acknowledged;
};

/* Deletes what is acknowledged; waits for one acknowledgement if `wait`. */
static bool settle(struct sender *sender, bool wait)
{
    char key[STORE_KEY], *error = NULL;
    for (;;) {
        int got = zmq_recv(sender->raw.socket, key, sizeof(key), wait ? 0 : ZMQ_DONTWAIT);
        if (got < 0 && zmq_errno() == EAGAIN) {
            if (!wait)
                return true;
            continue;
        }
        if (!raw_check(got, "receive"))
            return false;
        leveldb_delete(sender->store.db, sender->store.unsynced, key, sizeof(key), &error);
        if (!store_role_check(error, "delete"))
            return false;
        sender->acknowledged++;
        wait = false;
    }
}

static bool send_one(struct sender *sender, size_t size)
{
    char *error = NULL;
    const void *data = payload_at(&sender->payload, sender->sent);
    store_role_key(sender->text, sender->sent);
    memcpy(sender->text + STORE_KEY, data, size);
    leveldb_put(sender->store.db, sender->store.write, sender->text, STORE_KEY, data, size, &error);
    if (!store_role_check(error, "put") ||
        !raw_check(zmq_send(sender->raw.socket, sender->text, STORE_KEY + size, 0), "send"))
        return false;
    sender->sent++;
    return true;
}

static bool send_all(struct sender *sender, const struct role *role)
{
    if (!raw_meet(&sender->raw, role) || !role_ready())
        return false;
    role_say_begin();
    while (sender->acknowledged < role->count) {
        bool full = sender->sent == role->count ||
                    sender->sent - sender->acknowledged == UNACKNOWLEDGED;
        if (sender->sent < role->count && !full && !send_one(sender, role->size))
            return false;
        if (!settle(sender, full))
            return false;
    }
    role_finish(NULL);
    return true;
}

int role_handmade_send(const struct role *role)
{
    struct sender sender = {.text = malloc(STORE_KEY + role->size)};
    bool good = sender.text && payload_init(&sender.payload, role->size) &&
                store_role_open(&sender.store, role) &&
                raw_open(&sender.raw, ZMQ_DEALER, role->size) && send_all(&sender, role);
    raw_close(&sender.raw);
    store_role_close(&sender.store);
    payload_clear(&sender.payload);
    free(sender.text);
    return good ? BENCH_OK : BENCH_FAILED;
}
