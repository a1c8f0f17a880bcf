/* SPDX-License-Identifier: MPL-2.0 */
#include "parts.h"
#include "program.h"
#include <sodium.h>
#include <string.h>

#define SPACE "parts"

/* What is kept of a file whose parts are under way. Read back by the same program on the same
 * machine only, so the plain bytes will do. */
struct progress {
    uint64_t next; /* the part whose turn it is */
    uint64_t size; /* of the parts before it */
    crypto_hash_sha256_state state;
};

static void load(godwit_txn_t *txn, const uint8_t *key, size_t key_size, struct progress *progress)
{
    void *value;
    size_t size;
    godwit_err_t error = godwit_txn_get(txn, SPACE, key, key_size, &value, &size);
    memset(progress, 0, sizeof(*progress));
    if (error == GODWIT_ENOTFOUND) {
        crypto_hash_sha256_init(&progress->state);
        return;
    }
    th_check(error, "digest so far");
    if (size != sizeof(*progress))
        th_die("a digest in the store was written by another version");
    memcpy(progress, value, size);
    godwit_free(value);
}

/* Sends what became of the file: its digest, or why there is none. */
static void finish(const struct th_message *part, struct progress *progress, godwit_txn_t *txn,
                   const char *next)
{
    struct th_message result = *part;
    uint8_t bytes[TH_HEAD_MAX + TH_DIGEST_SIZE + 256];
    uint8_t digest[TH_DIGEST_SIZE];
    if (part->kind == TH_LAST) {
        crypto_hash_sha256_final(&progress->state, digest);
        result.kind = TH_DIGEST;
        result.number = progress->size;
        result.data = digest;
        result.data_size = sizeof(digest);
    } else {
        result.kind = TH_SKIPPED;
        result.data_size = part->data_size < 256 ? part->data_size : 256;
    }
    size_t head = th_message_head(&result, bytes);
    memcpy(bytes + head, result.data, result.data_size);
    th_check(godwit_txn_push_data(txn, next, bytes, head + result.data_size), "push");
}

void th_part_take(const struct th_message *message, godwit_delivery_t *delivery,
                  godwit_txn_t *txn, const char *next)
{
    struct progress progress;
    uint8_t key[TH_KEY_MAX];
    size_t key_size = th_key(message->path, message->path_size, key);
    load(txn, key, key_size, &progress);
    if (message->number != progress.next)
        th_die("part %llu of a file came, it was the turn of %llu: that is never to happen",
               (unsigned long long)message->number, (unsigned long long)progress.next);

    th_check(godwit_txn_ack(txn, delivery), "ack");
    if (message->kind != TH_BROKEN) {
        crypto_hash_sha256_update(&progress.state, message->data, message->data_size);
        progress.size += message->data_size;
        progress.next++;
    }
    if (message->kind == TH_PART) {
        th_check(godwit_txn_put(txn, SPACE, key, key_size, &progress, sizeof(progress)), "put");
    } else {
        th_check(godwit_txn_delete(txn, SPACE, key, key_size), "delete");
        finish(message, &progress, txn, next);
    }
}
