/* SPDX-License-Identifier: MPL-2.0 */
/* sync_story DIRECTORY LEVEL: two peers in one process, for sync_judge.c to look at below strace.
 * Message N holds "message-N." twice. Its decision writes the key "done-N." in the same
 * transaction; a plain acknowledgement, which writes no bytes of ours, comes alone and is announced
 * on /dev/null.
 *
 *     1 ..          LONE messages, each settled before the next is pushed: plain
 *     after these   BULK small messages in one go, so that many are in a commit and in a frame
 *     and LARGE messages of LARGE_BYTES
 *     last          ANSWERS, decided and answered by "answer-N." without waiting */

#include "live.h"
#include "sync_story.h"

#include <fcntl.h>
#include <pthread.h>

#define GROUP 16 /* deliveries decided by one transaction */

struct crew {
    godwit_peer_t *sender, *receiver;
    godwit_stage_t *stage, *back;
    int announce;
};

static void push(struct crew *crew, unsigned number, size_t size)
{
    static char text[SYNC_LARGE_BYTES];
    memset(text, 'x', size);
    int length = snprintf(text, size, "message-%08u.", number);
    text[length] = 'x';
    memcpy(text + size - (size_t)length, text, (size_t)length);
    ok(godwit_push_data(crew->sender, "s", text, size, NULL));
}

static void ack_alone(struct crew *crew, unsigned number)
{
    char text[32];
    godwit_delivery_t *delivery = live_next(crew->stage);
    int length = snprintf(text, sizeof(text), "plain-%08u.", number);
    assert_int_equal(length, write(crew->announce, text, (size_t)length));
    ok(godwit_ack(&delivery));
    ok(godwit_peer_drain(crew->sender, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
}

/* The number that a message holds. */
static unsigned number_of(const godwit_delivery_t *delivery)
{
    unsigned number = 0;
    assert_int_equal(1, sscanf(godwit_delivery_data(delivery), "message-%8u.", &number));
    return number;
}

/* Decides `count` deliveries by transactions, from a thread of its own. */
static void *decide(void *argument)
{
    struct crew *crew = argument;
    for (size_t left = SYNC_BULK + SYNC_LARGE; left > 0;) {
        godwit_delivery_t *many[GROUP];
        size_t count;
        godwit_txn_t *txn;
        ok(godwit_stage_next_many(crew->stage, LIVE_TIMEOUT_MS, many, GROUP, &count));
        ok(godwit_txn_begin(crew->receiver, &txn));
        for (size_t i = 0; i < count; i++) {
            char key[32];
            int length = snprintf(key, sizeof(key), "done-%08u.", number_of(many[i]));
            ok(godwit_txn_put(txn, "sync", key, (size_t)length, key, (size_t)length));
            ok(godwit_txn_ack(txn, many[i]));
        }
        ok(godwit_txn_commit(&txn));
        left -= count;
    }
    return NULL;
}

/* The answers come to a stage of the sender's. */
static void answer(struct crew *crew, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char text[64];
        godwit_txn_t *txn;
        godwit_delivery_t *delivery = live_next(crew->stage);
        unsigned number = number_of(delivery);
        int length = snprintf(text, sizeof(text), "answer-%08u.answer-%08u.", number, number);
        ok(godwit_txn_begin(crew->receiver, &txn));
        ok(godwit_txn_ack(txn, delivery));
        ok(godwit_txn_push_data(txn, "back", text, (size_t)length));
        ok(godwit_txn_commit_async(&txn));
    }
}

static void take_answers(struct crew *crew, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        godwit_delivery_t *delivery = live_next(crew->back);
        ok(godwit_ack(&delivery));
    }
}

static godwit_peer_t *open_peer(const char *name, const char *directory, const char *level)
{
    char path[256];
    godwit_peer_t *peer;
    godwit_peer_options_t options = live_options(name);
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    options.directory = path;
    options.durability =
        strcmp(level, "fsync") == 0 ? GODWIT_DURABILITY_FSYNC : GODWIT_DURABILITY_OS;
    ok(godwit_peer_open(&options, &peer));
    return peer;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    struct crew crew;
    unsigned number = 1;
    if (argc != 3)
        return 2;
    crew.announce = open("/dev/null", O_WRONLY | O_CLOEXEC);
    crew.sender = open_peer("sender", argv[1], argv[2]);
    crew.receiver = open_peer("receiver", argv[1], argv[2]);
    crew.stage = live_stage(crew.receiver, "s");
    live_join(crew.sender, crew.receiver);
    for (; number <= SYNC_LONE; number++) {
        push(&crew, number, SYNC_SMALL_BYTES);
        ack_alone(&crew, number);
    }
    assert_int_equal(0, pthread_create(&thread, NULL, decide, &crew));
    for (; number <= SYNC_LONE + SYNC_BULK; number++)
        push(&crew, number, SYNC_SMALL_BYTES);
    for (; number <= SYNC_ANSWERED; number++)
        push(&crew, number, SYNC_LARGE_BYTES);
    ok(godwit_peer_drain(crew.sender, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(0, pthread_join(thread, NULL));
    crew.back = live_stage(crew.sender, "back");
    for (; number <= SYNC_MESSAGES; number++)
        push(&crew, number, SYNC_SMALL_BYTES);
    answer(&crew, SYNC_ANSWERS);
    take_answers(&crew, SYNC_ANSWERS);
    ok(godwit_peer_drain(crew.sender, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_drain(crew.receiver, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&crew.back);
    godwit_stage_close(&crew.stage);
    ok(godwit_peer_close(&crew.sender));
    ok(godwit_peer_close(&crew.receiver));
    return 0;
}
