/* SPDX-License-Identifier: MPL-2.0 */

/* Replies put aside: application keys of the library's own space.
 *
 *   key    epoch: 8, sequence: 8 (big-endian), part: 1
 *   value  a part of: version: 1 | when, ms since 1970: 8 | size of what follows: 4 |
 *          server: string | size of the headers: varint | headers | body
 *
 * A reply is there if its part 0 is: that is written last, in the transaction of the decision. */

#include "peer/headers.h"
#include "peer/keys.h"
#include "peer/reply_book.h"
#include "peer/transaction.h"
#include "store/row.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/time.h>

#define VERSION 1
#define KEY_SIZE 17
#define PREFIX_SIZE 13 /* before `server` */
#define PART_SIZE (192 * 1024)
#define PARTS_MAX (2 * GW_MESSAGE_MAX / PART_SIZE) /* more than any reply has */
#define GROUP_BYTES (GW_TXN_BYTES_MAX - PART_SIZE - 64 * 1024)
#define GROUP_PARTS (GW_TXN_OPERATIONS_MAX - PARTS_MAX)

static_assert(PARTS_MAX < 256, "a part's number is one byte of its key");

static void make_key(uint8_t key[KEY_SIZE], godwit_id_t id, uint8_t part)
{
    for (int i = 0; i < 8; i++) {
        key[i] = (uint8_t)(id.epoch >> (56 - 8 * i));
        key[8 + i] = (uint8_t)(id.sequence >> (56 - 8 * i));
    }
    key[16] = part;
}

static uint64_t wall_ms(void)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

/* --- writing --- */

static void encode(const struct godwit_reply *reply, struct gw_buffer *bytes)
{
    struct gw_buffer names = {0};

    gw_buffer_string(&names, reply->server);
    gw_buffer_varint(&names, reply->heads.size);
    size_t rest = names.size + reply->heads.size + reply->body.size;
    bytes->failed |= names.failed || gw_buffer_reserve(bytes, PREFIX_SIZE + rest) != 0;
    gw_buffer_u8(bytes, VERSION);
    gw_buffer_u64(bytes, wall_ms());
    gw_buffer_u32(bytes, (uint32_t)rest);
    gw_buffer_append(bytes, names.data, names.size);
    gw_buffer_append(bytes, reply->heads.data, reply->heads.size);
    gw_buffer_append(bytes, reply->body.data, reply->body.size);
    gw_buffer_clear(&names);
}

static godwit_err_t begin(struct gw_replies *replies, godwit_txn_t **txn)
{
    godwit_err_t error = godwit_txn_begin(replies->peer, txn);

    if (!error)
        (*txn)->own = true;
    return error;
}

static godwit_err_t put_part(godwit_txn_t *txn, godwit_id_t id, size_t part,
                             const struct gw_buffer *bytes)
{
    size_t from = part * PART_SIZE, size = bytes->size - from;
    uint8_t key[KEY_SIZE];

    make_key(key, id, (uint8_t)part);
    return godwit_txn_put(txn, GW_REPLY_SPACE, key, sizeof key, bytes->data + from,
                          size < PART_SIZE ? size : PART_SIZE);
}

/* The parts behind the first, in transactions of their own where there are many: nobody looks for
 * them before part 0 is there. */
static godwit_err_t put_tail(struct gw_replies *replies, godwit_id_t id,
                             const struct gw_buffer *bytes)
{
    size_t parts = (bytes->size + PART_SIZE - 1) / PART_SIZE;
    godwit_err_t error = GODWIT_OK;

    while (parts > 1 && !error) {
        godwit_txn_t *txn = NULL;

        error = begin(replies, &txn);
        for (int i = 0; i < 4 && parts > 1 && !error; i++)
            error = put_part(txn, id, --parts, bytes);
        if (!error)
            error = godwit_txn_commit(&txn);
        godwit_txn_abort(&txn);
    }
    return error;
}

/* GODWIT_ETOOLARGE: no more fit. */
static godwit_err_t add(struct gw_replies *replies, godwit_txn_t *txn, struct godwit_reply *reply)
{
    struct gw_buffer bytes = {0};
    godwit_err_t error = GODWIT_OK;

    encode(reply, &bytes);
    if (gw_buffer_failed(&bytes))
        error = GODWIT_ENOMEM;
    if (!error && bytes.size > PART_SIZE)
        error = put_tail(replies, reply->request, &bytes);
    if (!error)
        error = put_part(txn, reply->request, 0, &bytes);
    if (!error)
        error = godwit_txn_ack(txn, reply->delivery);
    gw_buffer_clear(&bytes);
    return error;
}

godwit_err_t gw_aside_put(struct gw_replies *replies, struct godwit_reply **items, size_t *count)
{
    godwit_txn_t *txn = NULL;
    size_t added = 0;
    godwit_err_t error = begin(replies, &txn);

    while (!error && added < *count && txn->payload <= GROUP_BYTES &&
           (error = add(replies, txn, items[added])) == GODWIT_OK)
        added++;
    if (added > 0)
        error = GODWIT_OK;
    *count = added > 0 ? added : 1;
    if (error) {
        godwit_txn_abort(&txn);
        return error;
    }
    error = godwit_txn_commit(&txn);
    for (size_t i = 0; i < added && !txn; i++)
        items[i]->delivery = NULL;
    godwit_txn_abort(&txn);
    return error;
}

/* --- reading --- */

static godwit_err_t read_part(struct gw_replies *replies, godwit_id_t id, uint8_t part,
                              struct gw_buffer *bytes)
{
    uint8_t key[KEY_SIZE];

    make_key(key, id, part);
    return gw_key_read(replies->peer, GW_REPLY_SPACE, (struct gw_slice){key, sizeof key}, bytes);
}

static bool decode(struct godwit_reply *reply)
{
    struct gw_reader reader = gw_reader_of(reply->stored.data, reply->stored.size);

    gw_read_slice(&reader, PREFIX_SIZE);
    gw_read_string(&reader, reply->server, sizeof reply->server);
    reply->heads = gw_read_slice(&reader, gw_read_varint(&reader));
    reply->body = (struct gw_slice){reader.at, gw_reader_left(&reader)};
    if (reader.failed || !gw_headers_valid(reply->heads))
        return false;
    gw_reply_read_heads(reply);
    return true;
}

/* Bytes of all parts, as the first one says; 0: it is damaged. */
static size_t whole_of(const struct gw_buffer *first)
{
    struct gw_reader reader = gw_reader_of(first->data, first->size);
    uint8_t version = gw_read_u8(&reader);

    gw_read_u64(&reader);
    size_t whole = PREFIX_SIZE + (size_t)gw_read_u32(&reader);
    bool good = !reader.failed && version == VERSION && whole <= PARTS_MAX * PART_SIZE;
    return good ? whole : 0;
}

static godwit_err_t read_all(struct gw_replies *replies, struct godwit_reply *reply)
{
    godwit_err_t error = read_part(replies, reply->request, 0, &reply->stored);
    size_t whole = 0;

    if (error)
        return error;
    if ((whole = whole_of(&reply->stored)) < reply->stored.size)
        return GODWIT_ECORRUPT;
    if (gw_buffer_reserve(&reply->stored, whole - reply->stored.size) != 0)
        return gw_error_memory();
    for (uint8_t part = 1; reply->stored.size < whole && !error; part++)
        error = read_part(replies, reply->request, part, &reply->stored);
    if (error == GODWIT_ENOTFOUND || (!error && reply->stored.size != whole))
        return GODWIT_ECORRUPT;
    return error;
}

godwit_err_t gw_aside_read(struct gw_replies *replies, godwit_id_t id,
                           struct godwit_reply **result)
{
    struct godwit_reply *reply = calloc(1, sizeof *reply);

    if (!reply)
        return gw_error_memory();
    reply->replies = replies;
    reply->request = id;
    godwit_err_t error = read_all(replies, reply);
    if (!error && !decode(reply))
        error = GODWIT_ECORRUPT;
    if (error) {
        gw_reply_free(reply);
        return error == GODWIT_ECORRUPT ? gw_error(error, "a stored reply is damaged") : error;
    }
    *result = reply;
    return GODWIT_OK;
}

/* --- forgetting --- */

/* How many parts there may be. */
static godwit_err_t count_parts(struct gw_replies *replies, godwit_id_t id, size_t *parts)
{
    struct gw_buffer first = {0};
    godwit_err_t error = read_part(replies, id, 0, &first);
    size_t whole = error ? 0 : whole_of(&first);

    gw_buffer_clear(&first);
    if (error && error != GODWIT_ENOTFOUND)
        return error;
    *parts = whole > 0 ? (whole + PART_SIZE - 1) / PART_SIZE : PARTS_MAX;
    return GODWIT_OK;
}

static godwit_err_t delete_parts(godwit_txn_t *txn, godwit_id_t id, size_t parts)
{
    godwit_err_t error = GODWIT_OK;
    uint8_t key[KEY_SIZE];

    for (size_t part = 0; part < parts && !error; part++) {
        make_key(key, id, (uint8_t)part);
        error = godwit_txn_delete(txn, GW_REPLY_SPACE, key, sizeof key);
    }
    return error;
}

/* Each reply goes in one write; those of a group may not all. */
godwit_err_t gw_aside_delete(struct gw_replies *replies, const godwit_id_t *ids, size_t count)
{
    godwit_txn_t *txn = NULL;
    godwit_err_t error = GODWIT_OK;
    size_t parts = 0;

    for (size_t i = 0; i < count && !error; i++) {
        if (!txn && (error = begin(replies, &txn)) != GODWIT_OK)
            break;
        if (!(error = count_parts(replies, ids[i], &parts)) &&
            !(error = delete_parts(txn, ids[i], parts)) && txn->operations > GROUP_PARTS)
            error = godwit_txn_commit(&txn);
    }
    if (txn && !error)
        error = godwit_txn_commit(&txn);
    godwit_txn_abort(&txn);
    return error;
}

/* --- looking through them --- */

static bool collect(void *context, struct gw_slice key, struct gw_slice value)
{
    struct gw_aside_scan *scan = context;
    struct gw_slice user;

    if (key.size < KEY_SIZE || key.data[key.size - 1] != 0 ||
        gw_row_read_key(key, value, &user) != GW_STORE_OK)
        return true; /* a later part, or damaged: whoever asks for it is told */
    struct gw_reader reader = gw_reader_of(key.data + key.size - KEY_SIZE, KEY_SIZE);
    scan->after.epoch = gw_read_u64(&reader);
    scan->after.sequence = gw_read_u64(&reader);
    reader = gw_reader_of(user.data, user.size);
    gw_read_u8(&reader);
    scan->seen++;
    if (gw_read_u64(&reader) < scan->before_ms)
        scan->ids[scan->count++] = scan->after;
    return scan->count < scan->capacity;
}

godwit_err_t gw_aside_scan(struct gw_replies *replies, struct gw_aside_scan *scan)
{
    struct godwit_peer *peer = replies->peer;
    struct gw_buffer from = {0}, to = {0};
    uint8_t key[KEY_SIZE];
    enum gw_store_error error = GW_STORE_IO; /* also while it is being reopened: tried again */

    scan->count = 0;
    scan->seen = 0;
    make_key(key, scan->after, 0xff);
    gw_row_seek_key(&from, GW_REPLY_SPACE, (struct gw_slice){key, sizeof key});
    gw_row_seek_key(&to, GW_REPLY_SPACE, (struct gw_slice){0});
    if (!gw_buffer_failed(&from) && !gw_buffer_failed(&to)) {
        to.data[to.size - 1]++; /* the NUL behind the space's name */
        pthread_rwlock_rdlock(&peer->store_lock);
        if (peer->store)
            error = gw_store_scan(peer->store, (struct gw_slice){from.data, from.size},
                                  (struct gw_slice){to.data, to.size}, collect, scan);
        pthread_rwlock_unlock(&peer->store_lock);
    }
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
    return error ? GODWIT_EIO : GODWIT_OK;
}
