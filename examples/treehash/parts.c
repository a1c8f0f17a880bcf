/* SPDX-License-Identifier: MPL-2.0 */
/* Held parts are sorted, so one pass over them takes all whose turn has come. */

#include "parts.h"
#include "program.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SPACE "parts"

/* What is kept of a file whose parts are under way. Read back by the same program on the same
 * machine only, so the plain bytes will do. */
struct progress {
    uint64_t next; /* the part whose turn it is */
    uint64_t size; /* of the parts before it */
    crypto_hash_sha256_state state;
};

static int compare(const struct th_message *a, const struct th_message *b)
{
    size_t shorter = a->path_size < b->path_size ? a->path_size : b->path_size;
    int order = memcmp(a->path, b->path, shorter);
    if (order == 0 && a->path_size != b->path_size)
        order = a->path_size < b->path_size ? -1 : 1;
    if (order == 0 && a->number != b->number)
        order = a->number < b->number ? -1 : 1;
    return order;
}

void th_parts_hold(struct th_parts *parts, godwit_delivery_t *delivery,
                   const struct th_message *message)
{
    if (parts->count == parts->capacity) {
        parts->capacity = parts->capacity ? 2 * parts->capacity : 16;
        parts->items = realloc(parts->items, parts->capacity * sizeof(*parts->items));
        if (!parts->items)
            th_die("out of memory");
    }
    size_t at = 0;
    while (at < parts->count && compare(&parts->items[at].message, message) < 0)
        at++;
    struct th_part part = {delivery, *message};
    if (at < parts->count && compare(&parts->items[at].message, message) == 0) {
        /* Only after the library reopened its store: the one held is stale, this one counts. */
        godwit_delivery_drop(&parts->items[at].delivery);
        parts->items[at] = part;
        return;
    }
    memmove(parts->items + at + 1, parts->items + at, (parts->count - at) * sizeof(part));
    parts->items[at] = part;
    parts->count++;
}

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

/* Puts the part into the transaction if its turn has come. */
static bool take(const struct th_part *part, godwit_txn_t *txn, const char *next)
{
    const struct th_message *message = &part->message;
    struct progress progress;
    uint8_t key[TH_KEY_MAX];
    size_t key_size = th_key(message->path, message->path_size, key);
    load(txn, key, key_size, &progress);
    if (message->number > progress.next)
        return false;
    if (message->number < progress.next)
        th_die("part %llu of a file came again: that is never to happen",
               (unsigned long long)message->number);

    th_check(godwit_txn_ack(txn, part->delivery), "ack");
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
    return true;
}

size_t th_parts_take(struct th_parts *parts, godwit_txn_t *txn, const char *next)
{
    size_t kept = 0;
    for (size_t i = 0; i < parts->count; i++) {
        if (!take(&parts->items[i], txn, next))
            parts->items[kept++] = parts->items[i];
    }
    size_t taken = parts->count - kept;
    parts->count = kept;
    return taken;
}

void th_parts_clear(struct th_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        godwit_delivery_drop(&parts->items[i].delivery);
    free(parts->items);
    *parts = (struct th_parts){0};
}
