/* SPDX-License-Identifier: MPL-2.0 */
/* treehash-hash: the second stage, any number of them. Digests what the walker sends.
 *
 * Each transaction acks some files *and* sends their digests to the stage "collect": there is never
 * one without the other, whatever moment the process dies at. */

#include "board.h"
#include "message.h"
#include "parts.h"
#include "program.h"
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define NEXT "collect"

/* Most deliveries in one transaction: enough to share the price of one fsync. */
#define BATCH 32

/* What this worker has in hand is not another's, so it takes little ahead and the work spreads. */
#define FILES_CREDIT_MESSAGES 32
#define FILES_CREDIT_BYTES (2 * 1024 * 1024)

struct hasher {
    struct th_options options;
    godwit_peer_t *peer;
    struct th_board board;
    godwit_stage_t *files; /* "hash", shared with the other workers */
    godwit_stage_t *large; /* "hash.NAME", its own */
};

static void open_stages(struct hasher *hasher)
{
    char own[80];
    snprintf(own, sizeof(own), "hash.%s", hasher->options.name);
    godwit_stage_options_t files = GODWIT_STAGE_OPTIONS_INIT;
    files.credit_messages = FILES_CREDIT_MESSAGES;
    files.credit_bytes = FILES_CREDIT_BYTES;
    th_check(godwit_stage_open(hasher->peer, "hash", &files, &hasher->files), "stage hash");
    th_check(godwit_stage_open(hasher->peer, own, NULL, &hasher->large), own);
}

/* Takes what is there, without waiting. */
static size_t take(godwit_stage_t *stage, godwit_delivery_t **deliveries, size_t most)
{
    size_t count;
    return godwit_stage_next_many(stage, 0, deliveries, most, &count) ? 0 : count;
}

/* The bug that the demo plants: some input on which the program crashes. */
static void maybe_crash(const struct th_options *options, const struct th_message *message)
{
    if (options->poison && strlen(options->poison) == message->path_size &&
        memcmp(options->poison, message->path, message->path_size) == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        abort();
    }
}

static void read_message(struct hasher *hasher, const godwit_delivery_t *delivery,
                         struct th_message *message)
{
    const void *data = godwit_delivery_data(delivery);
    if (!th_message_read(data, godwit_delivery_size(delivery), message))
        th_die("a message from %s is none of ours", godwit_delivery_sender(delivery));
    message->maybe_again = godwit_delivery_maybe_duplicate(delivery);
    if (godwit_delivery_redelivered(delivery))
        th_board_add(&hasher->board, "rerun", 1);
    if (message->maybe_again)
        th_board_add(&hasher->board, "maybe_again", 1);
    maybe_crash(&hasher->options, message);
}

/* A whole file becomes its digest; anything else goes on as it is. */
static void digest(const struct th_message *message, godwit_txn_t *txn)
{
    uint8_t bytes[TH_HEAD_MAX + 256];
    uint8_t hash[TH_DIGEST_SIZE];
    struct th_message result = *message;
    if (message->kind == TH_FILE) {
        crypto_hash_sha256(hash, message->data, message->data_size);
        result.kind = TH_DIGEST;
        result.data = hash;
        result.data_size = sizeof(hash);
    } else if (result.data_size > 256) {
        result.data_size = 256; /* of a reason */
    }
    size_t head = th_message_head(&result, bytes);
    memcpy(bytes + head, result.data, result.data_size);
    th_check(godwit_txn_push_data(txn, NEXT, bytes, head + result.data_size), "push");
}

static void work(struct hasher *hasher, godwit_delivery_t **deliveries, size_t count)
{
    godwit_txn_t *txn;
    th_check(godwit_txn_begin(hasher->peer, &txn), "begin");
    for (size_t i = 0; i < count; i++) {
        struct th_message message;
        read_message(hasher, deliveries[i], &message);
        if (message.kind == TH_PART || message.kind == TH_LAST || message.kind == TH_BROKEN) {
            th_part_take(&message, deliveries[i], txn, NEXT);
        } else {
            digest(&message, txn);
            th_check(godwit_txn_ack(txn, deliveries[i]), "ack");
        }
    }
    if (th_commit(&txn))
        th_board_add(&hasher->board, "messages", count);
}

int main(int argc, char **argv)
{
    static struct hasher hasher;
    hasher.options = th_options_read(argc, argv);
    if (sodium_init() < 0)
        th_die("libsodium does not start");
    th_board_open(&hasher.board, hasher.options.board);
    th_catch_stop();
    hasher.peer = th_peer_open(&hasher.options, &hasher.board);
    open_stages(&hasher);
    th_board_set(&hasher.board, "running", 1);

    struct pollfd ready[] = {
        {.fd = godwit_stage_fd(hasher.files), .events = POLLIN},
        {.fd = godwit_stage_fd(hasher.large), .events = POLLIN},
    };
    while (!th_stop) {
        godwit_delivery_t *deliveries[2 * BATCH];
        poll(ready, 2, 50);
        size_t count = take(hasher.large, deliveries, BATCH);
        count += take(hasher.files, deliveries + count, BATCH);
        if (count)
            work(&hasher, deliveries, count);
        th_board_refresh(&hasher.board, hasher.peer);
    }

    /* Asked to end: take no more, and hand over what was sent. */
    godwit_stage_close(&hasher.files);
    godwit_stage_close(&hasher.large);
    godwit_err_t error = godwit_peer_drain(hasher.peer, GODWIT_SETTLED, 20000);
    hasher.board.refreshed_ms = 0;
    th_board_refresh(&hasher.board, hasher.peer);
    th_check(error, "drain");
    godwit_peer_close(&hasher.peer);
    return 0;
}
