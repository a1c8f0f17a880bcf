/* SPDX-License-Identifier: MPL-2.0 */

/* Building a transaction. Nothing here reaches the engine: see commit.c. */

#include "peer/transaction.h"

#include "peer/keys.h"
#include "peer/message.h"

#include <stdlib.h>
#include <string.h>

static godwit_err_t usable(const struct godwit_txn *txn)
{
    if (!txn)
        return gw_error(GODWIT_EINVAL, "txn is NULL");
    godwit_err_t error = gw_peer_enter(txn->peer);
    if (!error)
        gw_peer_leave(txn->peer);
    return error;
}

static godwit_err_t room_for_one(const struct godwit_txn *txn)
{
    if (txn->operations < GW_TXN_OPERATIONS_MAX)
        return GODWIT_OK;
    return gw_error(GODWIT_ETOOLARGE, "the transaction has %d operations: no more fit",
                    GW_TXN_OPERATIONS_MAX);
}

/* Room for one operation of so many bytes; and for one item more in its list. */
static godwit_err_t room(const struct godwit_txn *txn, size_t bytes)
{
    if (bytes > GW_TXN_BYTES_MAX - txn->payload)
        return gw_error(GODWIT_ETOOLARGE,
                        "the transaction has %zu bytes: %zu more are above the limit of %d",
                        txn->payload, bytes, GW_TXN_BYTES_MAX);
    return room_for_one(txn);
}

/* The same for a message, which is counted apart from keys. */
static godwit_err_t room_for_output(const struct godwit_txn *txn, size_t bytes)
{
    uint64_t limit = gw_message_limit(txn->peer->settings.max_message);

    if (bytes > limit - txn->output_bytes)
        return gw_error(GODWIT_ETOOLARGE,
                        "the transaction has %zu bytes of messages: %zu more are above the limit "
                        "of %llu",
                        txn->output_bytes, bytes, (unsigned long long)limit);
    return room_for_one(txn);
}

static godwit_err_t grow(void *list, size_t count, size_t *capacity, size_t item_size)
{
    void **items = list;

    if (count < *capacity)
        return GODWIT_OK;
    size_t wanted = *capacity ? *capacity * 2 : 8;
    void *more = realloc(*items, wanted * item_size);
    if (!more)
        return gw_error_memory();
    *items = more;
    *capacity = wanted;
    return GODWIT_OK;
}

static void count(struct godwit_txn *txn, size_t bytes)
{
    txn->operations++;
    txn->payload += bytes;
}

godwit_err_t godwit_txn_begin(godwit_peer_t *peer, godwit_txn_t **txn)
{
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    struct godwit_txn *made = txn ? calloc(1, sizeof *made) : NULL;
    if (!txn) {
        error = gw_error(GODWIT_EINVAL, "txn is NULL: there is nowhere to put the result");
    } else if (!made) {
        error = gw_error_memory();
    } else {
        gw_peer_hold(peer);
        made->peer = peer;
        *txn = made;
    }
    gw_peer_leave(peer);
    return error;
}

void gw_txn_destroy(struct godwit_txn *txn, bool with_deliveries)
{
    struct godwit_peer *peer = txn->peer;

    for (size_t i = 0; i < txn->input_count; i++) {
        txn->inputs[i].delivery->in_txn = 0;
        if (with_deliveries)
            gw_delivery_free(txn->inputs[i].delivery);
    }
    free(txn->inputs);
    free(txn->outputs);
    free(txn->writes);
    free(txn->reads);
    gw_map_clear(&txn->newest);
    gw_map_clear(&txn->seen);
    gw_buffer_clear(&txn->bytes);
    free(txn);
    gw_peer_drop(peer);
}

void godwit_txn_abort(godwit_txn_t **txn)
{
    if (!txn || !*txn)
        return;
    if (!gw_forked(&(*txn)->peer->fork_mark))
        gw_txn_destroy(*txn, false);
    *txn = NULL;
}

/* Takes the delivery in, with room for so many bytes beside it. */
static godwit_err_t take_in(struct godwit_txn *txn, struct godwit_delivery *delivery, size_t bytes)
{
    godwit_err_t error = usable(txn);

    if (error)
        return error;
    if (!delivery)
        return gw_error(GODWIT_EINVAL, "delivery is NULL");
    if (delivery->run->peer != txn->peer)
        return gw_error(GODWIT_EINVAL, "the delivery is another peer's");
    if (delivery->in_txn)
        return gw_error(GODWIT_EINVAL, "the delivery is part of a transaction already");
    if ((error = room(txn, bytes)) || (error = grow(&txn->inputs, txn->input_count,
                                                    &txn->input_capacity, sizeof *txn->inputs)))
        return error;
    if (gw_buffer_reserve(&txn->bytes, bytes) != 0)
        return gw_error_memory();
    txn->inputs[txn->input_count++] = (struct gw_txn_input){.delivery = delivery};
    delivery->in_txn = 1;
    count(txn, bytes);
    return GODWIT_OK;
}

godwit_err_t godwit_txn_ack(godwit_txn_t *txn, godwit_delivery_t *delivery)
{
    return take_in(txn, delivery, 0);
}

godwit_err_t godwit_txn_reject(godwit_txn_t *txn, godwit_delivery_t *delivery, uint32_t code,
                               const char *why)
{
    char text[GW_TEXT_MAX + 1];
    size_t size = gw_reason_copy(text, why) + 1;
    godwit_err_t error = take_in(txn, delivery, size);

    if (error)
        return error;
    struct gw_txn_input *input = &txn->inputs[txn->input_count - 1];
    input->rejected = true;
    input->code = code;
    input->why = txn->bytes.size;
    gw_buffer_append(&txn->bytes, text, size);
    return GODWIT_OK;
}

static godwit_err_t add_output(struct godwit_txn *txn, const char *text, struct gw_slice head,
                               struct gw_slice data)
{
    size_t size = head.size + data.size;
    struct gw_txn_output output = {.size = size, .head = (uint32_t)head.size};
    godwit_err_t error = usable(txn);

    if (error || (error = gw_check_destination(text, &output.destination)))
        return error;
    if (!data.data && data.size > 0)
        return gw_error(GODWIT_EINVAL, "data is NULL");
    if (size > txn->peer->settings.max_message)
        return gw_error(GODWIT_ETOOLARGE,
                        "the message has %zu bytes, headers included, above max_message (%llu)",
                        size, (unsigned long long)txn->peer->settings.max_message);
    if ((error = room_for_output(txn, size)) || (error = grow(&txn->outputs, txn->output_count,
                                                              &txn->output_capacity,
                                                              sizeof *txn->outputs)))
        return error;
    if (gw_buffer_reserve(&txn->bytes, size) != 0)
        return gw_error_memory();
    output.at = txn->bytes.size;
    gw_buffer_append(&txn->bytes, head.data, head.size);
    gw_buffer_append(&txn->bytes, data.data, data.size);
    txn->outputs[txn->output_count++] = output;
    txn->output_bytes += size;
    count(txn, 0);
    return GODWIT_OK;
}

godwit_err_t godwit_txn_send_data(godwit_txn_t *txn, const char *destination, const void *data,
                                  size_t size)
{
    return add_output(txn, destination, (struct gw_slice){0}, (struct gw_slice){data, size});
}

godwit_err_t godwit_txn_send(godwit_txn_t *txn, const char *destination,
                             godwit_message_t **message)
{
    if (!message || !*message)
        return gw_error(GODWIT_EINVAL, "message is NULL");
    struct gw_slice head = {(*message)->head.data, (*message)->head.size};
    struct gw_slice data = {(*message)->data, (*message)->size};
    godwit_err_t error = add_output(txn, destination, head, data);
    if (!error)
        godwit_message_destroy(message);
    return error;
}

/* --- keys --- */

static bool same_key(const struct godwit_txn *txn, const struct gw_txn_write *write,
                     const char *space, struct gw_slice key)
{
    const uint8_t *at = txn->bytes.data + write->space;

    return strcmp((const char *)at, space) == 0 && write->key_size == key.size &&
           memcmp(at + write->space_size, key.data, key.size) == 0;
}

/* The transaction's newest write of the key; NULL if there is none. */
static struct gw_txn_write *find_write(const struct godwit_txn *txn, uint64_t hash,
                                       const char *space, struct gw_slice key)
{
    size_t at = (size_t)(uintptr_t)gw_map_get(&txn->newest, hash);

    while (at > 0 && !same_key(txn, &txn->writes[at - 1], space, key))
        at = txn->writes[at - 1].alike;
    return at > 0 ? &txn->writes[at - 1] : NULL;
}

static godwit_err_t check_write(const struct godwit_txn *txn, const char *space,
                                struct gw_slice key, struct gw_slice value)
{
    godwit_err_t error;

    if ((!txn->own && (error = gw_check_space(space))) ||
        (error = gw_check_key(key.data, key.size)))
        return error;
    if (!value.data && value.size > 0)
        return gw_error(GODWIT_EINVAL, "value is NULL");
    if (value.size > GW_VALUE_MAX)
        return gw_error(GODWIT_ETOOLARGE, "value_size is %zu, but must be at most %d", value.size,
                        GW_VALUE_MAX);
    return room(txn, key.size + value.size);
}

static godwit_err_t add_write(struct godwit_txn *txn, const char *space, struct gw_slice key,
                              struct gw_slice value, bool put)
{
    struct gw_txn_write write = {.put = put, .newest = true, .space_size = strlen(space) + 1};
    godwit_err_t error = check_write(txn, space, key, value);

    if (error || (error = grow(&txn->writes, txn->write_count, &txn->write_capacity,
                               sizeof *txn->writes)))
        return error;
    if (gw_buffer_reserve(&txn->bytes, write.space_size + key.size + value.size) != 0)
        return gw_error_memory();
    write.hash = gw_versions_hash(space, key.data, key.size);
    struct gw_txn_write *before = find_write(txn, write.hash, space, key);
    write.alike = (size_t)(uintptr_t)gw_map_get(&txn->newest, write.hash);
    if (gw_map_put(&txn->newest, write.hash, (void *)(uintptr_t)(txn->write_count + 1)) != 0)
        return gw_error_memory();
    if (before)
        before->newest = false;
    write.space = txn->bytes.size;
    gw_buffer_append(&txn->bytes, space, write.space_size);
    gw_buffer_append(&txn->bytes, key.data, key.size);
    write.key_size = key.size;
    write.value = txn->bytes.size;
    write.value_size = value.size;
    gw_buffer_append(&txn->bytes, value.data, value.size);
    txn->writes[txn->write_count++] = write;
    count(txn, key.size + value.size);
    return GODWIT_OK;
}

godwit_err_t godwit_txn_put(godwit_txn_t *txn, const char *space, const void *key, size_t key_size,
                            const void *value, size_t value_size)
{
    godwit_err_t error = usable(txn);

    return error ? error
                 : add_write(txn, space, (struct gw_slice){key, key_size},
                             (struct gw_slice){value, value_size}, true);
}

godwit_err_t godwit_txn_delete(godwit_txn_t *txn, const char *space, const void *key,
                               size_t key_size)
{
    godwit_err_t error = usable(txn);

    return error ? error
                 : add_write(txn, space, (struct gw_slice){key, key_size}, (struct gw_slice){0},
                             false);
}

/* Remembers the first read of a key: the stamp is taken before the store is asked, so that a
 * commit in between shows as a conflict. */
static godwit_err_t note_read(struct godwit_txn *txn, uint64_t hash)
{
    struct godwit_peer *peer = txn->peer;
    godwit_err_t error;

    if (gw_map_get(&txn->seen, hash))
        return GODWIT_OK;
    if ((error = room(txn, 0)) ||
        (error = grow(&txn->reads, txn->read_count, &txn->read_capacity, sizeof *txn->reads)))
        return error;
    if (gw_map_put(&txn->seen, hash, (void *)(uintptr_t)(txn->read_count + 1)) != 0)
        return gw_error_memory();
    pthread_mutex_lock(&peer->lock);
    uint64_t stamp = peer->finished_token;
    pthread_mutex_unlock(&peer->lock);
    txn->reads[txn->read_count++] = (struct gw_txn_read){hash, stamp};
    count(txn, 0);
    return GODWIT_OK;
}

static godwit_err_t get(struct godwit_txn *txn, const char *space, struct gw_slice key,
                        void **value, size_t *value_size)
{
    uint64_t hash = gw_versions_hash(space, key.data, key.size);
    const struct gw_txn_write *own = find_write(txn, hash, space, key);
    struct gw_buffer buffer = {0};
    godwit_err_t error;

    if (own && !own->put)
        return gw_error(GODWIT_ENOTFOUND, "the transaction deleted the key");
    if (own)
        return gw_key_copy((struct gw_slice){txn->bytes.data + own->value, own->value_size}, value,
                           value_size);
    error = note_read(txn, hash);
    if (!error)
        error = gw_key_read(txn->peer, space, key, &buffer);
    if (!error)
        error = gw_key_copy((struct gw_slice){buffer.data, buffer.size}, value, value_size);
    gw_buffer_clear(&buffer);
    return error;
}

godwit_err_t godwit_txn_get(godwit_txn_t *txn, const char *space, const void *key, size_t key_size,
                            void **value, size_t *value_size)
{
    if (!txn)
        return gw_error(GODWIT_EINVAL, "txn is NULL");
    struct godwit_peer *peer = txn->peer;
    godwit_err_t error = gw_peer_enter(peer);
    if (error)
        return error;
    if (!value || !value_size)
        error = gw_error(GODWIT_EINVAL, "%s is NULL", value ? "value_size" : "value");
    else if (!(error = gw_check_space(space)) && !(error = gw_check_key(key, key_size)))
        error = get(txn, space, (struct gw_slice){key, key_size}, value, value_size);
    gw_peer_leave(peer);
    return error;
}
