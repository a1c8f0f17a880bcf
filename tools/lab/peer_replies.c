/* SPDX-License-Identifier: MPL-2.0 */
/* What ask is answered. A reply is told, then its id written down, then it is given back: one that
 * was told just before a kill comes once more, and is known. */

#include "peer_send.h"

#include <stdlib.h>
#include <string.h>

#define SPACE   "lab.replies"
#define MOST    256 /* replies between two writes */
#define WAIT_MS 100

struct replies {
    struct peer_sender *sender;
    godwit_reply_t *held[MOST]; /* new ones, told */
    size_t count;
    struct peer_say say;
};

bool peer_replies_begin(struct peer_sender *sender)
{
    godwit_cursor_t *cursor = NULL;
    const void *key, *value;
    size_t key_size, value_size;
    uint64_t count = 0;

    if (!peer_good(godwit_scan(sender->peer, SPACE, NULL, 0, &cursor), "replies of earlier lives"))
        return false;
    godwit_err_t error;
    while (!(error = godwit_cursor_next(cursor, &key, &key_size, &value, &value_size)))
        count++;
    godwit_cursor_close(&cursor);
    atomic_store(&sender->answered, count);
    return error == GODWIT_ENOTFOUND || peer_good(error, "replies of earlier lives");
}

/* The answer must be to this request, of the one time that it had its effect. */
static void tell(struct replies *replies, const godwit_reply_t *reply)
{
    unsigned char wanted[PEER_ANSWER_SIZE];
    const struct peer_range range = {.first = godwit_reply_request(reply), .count = 1};

    if (godwit_reply_code(reply) != 0) { /* the handler refused it, and nothing of it was kept */
        peer_say(&replies->say, "settled %s dead", peer_range_text(&range));
        return;
    }
    peer_effect_key(range.first, wanted);
    peer_put_number(wanted + PEER_EFFECT_KEY, 1);
    if (godwit_reply_size(reply) == sizeof wanted &&
        memcmp(godwit_reply_data(reply), wanted, sizeof wanted) == 0)
        peer_say(&replies->say, "settled %s processed", peer_range_text(&range));
    else
        peer_complain("the reply to %s is not what its one effect must give",
                      peer_range_text(&range));
}

static bool is_held(const struct replies *replies, godwit_id_t id)
{
    for (size_t i = 0; i < replies->count; i++) {
        godwit_id_t held = godwit_reply_request(replies->held[i]);

        if (held.epoch == id.epoch && held.sequence == id.sequence)
            return true;
    }
    return false;
}

/* Tells it if it is new. False after a sentence. */
static bool take(struct replies *replies, godwit_reply_t *reply)
{
    unsigned char key[PEER_EFFECT_KEY];
    void *value = NULL;
    size_t size;

    peer_effect_key(godwit_reply_request(reply), key);
    godwit_err_t error = peer_get(replies->sender->peer, SPACE, key, sizeof key, &value, &size);
    godwit_free(value);
    if (error == GODWIT_OK || is_held(replies, godwit_reply_request(reply))) {
        godwit_reply_done(&reply);
        return true;
    }
    tell(replies, reply);
    replies->held[replies->count++] = reply;
    return error == GODWIT_ENOTFOUND || peer_again(error) || peer_good(error, "replies");
}

static godwit_err_t write_down(const struct replies *replies)
{
    godwit_txn_t *txn = NULL;
    godwit_err_t error = godwit_txn_begin(replies->sender->peer, &txn);

    for (size_t i = 0; i < replies->count && !error; i++) {
        unsigned char key[PEER_EFFECT_KEY];

        peer_effect_key(godwit_reply_request(replies->held[i]), key);
        error = godwit_txn_put(txn, SPACE, key, sizeof key, "", 1);
    }
    if (!error)
        error = godwit_txn_commit(&txn);
    godwit_txn_abort(&txn);
    return error;
}

/* Writes down what was told, and gives the replies back. False after a sentence. */
static bool finish(struct replies *replies)
{
    godwit_err_t error;

    peer_say_all(&replies->say);
    if (replies->count == 0)
        return true;
    while (peer_again(error = write_down(replies)) && !peer_stopped)
        peer_pause_us(20000);
    if (!error)
        atomic_fetch_add(&replies->sender->answered, replies->count);
    for (size_t i = 0; i < replies->count; i++)
        godwit_reply_done(&replies->held[i]);
    replies->count = 0;
    return peer_again(error) || peer_good(error, "writing down what was answered");
}

/* What there is, at most MOST. *some: there was anything. False after a sentence. */
static bool collect(struct replies *replies, bool *some)
{
    godwit_err_t error = GODWIT_OK;
    godwit_reply_t *reply;

    *some = false;
    while (replies->count < MOST) {
        error = godwit_reply_next(replies->sender->peer, *some ? 0 : WAIT_MS, &reply);
        if (error)
            break;
        *some = true;
        if (!take(replies, reply))
            return false;
    }
    if (error && error != GODWIT_ETIMEDOUT && error != GODWIT_EBUSY && error != GODWIT_EIO)
        return peer_good(error, "replies");
    return finish(replies);
}

void *peer_replies_run(void *context)
{
    struct peer_sender *sender = context;
    struct replies *replies = calloc(1, sizeof *replies);
    bool good = replies != NULL, some = false;

    if (good)
        replies->sender = sender;
    while (good && !atomic_load(&sender->failed)) {
        bool last = atomic_load(&sender->over);

        good = collect(replies, &some);
        if (last && !some)
            break;
    }
    if (!good)
        atomic_store(&sender->failed, true);
    for (size_t i = 0; replies && i < replies->count; i++)
        godwit_reply_done(&replies->held[i]);
    free(replies);
    return NULL;
}
