/* SPDX-License-Identifier: MPL-2.0 */

/* Deliveries: what a handler sees of a message. How it begins is in in_hand.c, how it ends in
 * decide.c. */

#include "peer/inbox.h"

#include "peer/headers.h"

#include <stdlib.h>
#include <string.h>

struct gw_header_list { /* of one delivery, with terminated keys behind the items */
    size_t count;
    struct gw_header items[];
};

/* --- looking --- */

static size_t head_of(const struct godwit_delivery *delivery)
{
    const uint32_t *heads = delivery->run->inbound->heads;

    return heads ? heads[delivery->index] : 0;
}

static const uint8_t *bytes_of(const struct godwit_delivery *delivery)
{
    const struct gw_blob *body = delivery->run->inbound->body;

    return body && body->data ? body->data + gw_delivery_start(delivery) : (const uint8_t *)"";
}

const void *godwit_delivery_data(const godwit_delivery_t *delivery)
{
    if (!delivery->begun)
        gw_delivery_begin_late((godwit_delivery_t *)delivery);
    return bytes_of(delivery) + head_of(delivery);
}

size_t godwit_delivery_size(const godwit_delivery_t *delivery)
{
    return (size_t)(gw_delivery_end(delivery) - gw_delivery_start(delivery)) - head_of(delivery);
}

godwit_id_t godwit_delivery_id(const godwit_delivery_t *delivery)
{
    return (godwit_id_t){.epoch = gw_delivery_epoch(delivery),
                         .sequence = gw_delivery_sequence(delivery)};
}

bool godwit_delivery_redelivered(const godwit_delivery_t *delivery)
{
    return delivery->run->inbound->redelivered;
}

bool godwit_delivery_maybe_duplicate(const godwit_delivery_t *delivery)
{
    return delivery->run->inbound->maybe_duplicate;
}

uint32_t godwit_delivery_attempt(const godwit_delivery_t *delivery)
{
    uint64_t attempt = delivery->run->inbound->attempt;

    return attempt > UINT32_MAX ? UINT32_MAX : (uint32_t)attempt;
}

const char *godwit_delivery_sender(const godwit_delivery_t *delivery)
{
    return delivery->run->inbound->sender;
}

/* --- headers --- */

/* Empty as well if it is no block: a peer may say anything. */
static struct gw_slice block_of(const struct godwit_delivery *delivery)
{
    struct gw_slice block = {bytes_of(delivery), head_of(delivery)};

    return gw_headers_valid(block) ? block : (struct gw_slice){0};
}

godwit_err_t godwit_delivery_header(const godwit_delivery_t *delivery, const char *key,
                                    const void **value, size_t *size)
{
    struct gw_slice found;

    if (!delivery || !value || !size)
        return gw_error(GODWIT_EINVAL, "%s is NULL",
                        !delivery ? "delivery" : !value ? "value" : "size");
    if (!gw_header_key_valid(key))
        return gw_error(GODWIT_EINVAL, "key is %s, but must be 1-64 of [a-z0-9._-]",
                        key ? "something else" : "NULL");
    if (!gw_headers_find(block_of(delivery), key, &found))
        return gw_error(GODWIT_ENOTFOUND, "the message has no header \"%s\"", key);
    *value = found.data;
    *size = found.size;
    return GODWIT_OK;
}

static struct gw_header_list *list_headers(struct gw_slice block)
{
    struct gw_header header;
    size_t count = 0, at = 0;

    while (gw_headers_next(block, &at, &header))
        count++;
    /* A key with its NUL is shorter than its header with the two lengths. */
    struct gw_header_list *list = malloc(sizeof *list + count * sizeof header + block.size);
    if (!list)
        return NULL;
    uint8_t *key = (uint8_t *)(list->items + count);
    list->count = 0;
    for (at = 0; gw_headers_next(block, &at, &header); key += header.key.size + 1) {
        memcpy(key, header.key.data, header.key.size);
        key[header.key.size] = '\0';
        header.key.data = key;
        list->items[list->count++] = header;
    }
    return list;
}

godwit_err_t godwit_delivery_header_at(const godwit_delivery_t *delivery, size_t index,
                                       const char **key, const void **value, size_t *size)
{
    if (!delivery || !key || !value || !size)
        return gw_error(GODWIT_EINVAL, "%s is NULL",
                        !delivery ? "delivery"
                        : !key    ? "key"
                        : !value  ? "value"
                                  : "size");
    if (!delivery->headers && head_of(delivery) > 0) {
        struct gw_header_list *list = list_headers(block_of(delivery));
        if (!list)
            return gw_error_memory();
        ((godwit_delivery_t *)delivery)->headers = list; /* a delivery is one thread's */
    }
    const struct gw_header_list *list = delivery->headers;
    if (!list || index >= list->count)
        return gw_error(GODWIT_ENOTFOUND, "the message has no header %zu", index);
    *key = (const char *)list->items[index].key.data;
    *value = list->items[index].value.data;
    *size = list->items[index].value.size;
    return GODWIT_OK;
}
