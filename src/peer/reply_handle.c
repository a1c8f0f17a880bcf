/* SPDX-License-Identifier: MPL-2.0 */

/* One reply: made from a delivery or from the store, looked at, and done with. */

#include "peer/headers.h"
#include "peer/reply_book.h"

#include <stdlib.h>
#include <string.h>

/* What a reply answers, from its header. False: it is no reply. */
static bool read_request(struct godwit_reply *reply)
{
    struct gw_slice value;

    if (!gw_headers_find(reply->heads, GW_REPLY_RE, &value) || value.size != 16)
        return false;
    struct gw_reader reader = gw_reader_of(value.data, value.size);
    reply->request.epoch = gw_read_u64(&reader);
    reply->request.sequence = gw_read_u64(&reader);
    return reply->request.epoch != 0 && reply->request.sequence != 0;
}

void gw_reply_read_heads(struct godwit_reply *reply)
{
    struct gw_slice value;

    if (gw_headers_find(reply->heads, GW_REPLY_CODE, &value) && value.size == 4) {
        struct gw_reader reader = gw_reader_of(value.data, value.size);
        reply->code = gw_read_u32(&reader);
    }
    if (!gw_headers_find(reply->heads, GW_REPLY_TEXT, &value))
        return;
    size_t size = value.size < GW_TEXT_MAX ? value.size : GW_TEXT_MAX;
    for (size_t i = 0; i < size; i++) { /* it came from outside and ends on terminals */
        uint8_t c = value.data[i];

        reply->text[i] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
    }
}

struct godwit_reply *gw_reply_of(struct gw_replies *replies, struct godwit_delivery *delivery,
                                 bool *malformed)
{
    const struct gw_inbound *inbound = delivery->run->inbound;
    uint32_t start = delivery->index ? inbound->ends[delivery->index - 1] : 0;
    uint32_t head = inbound->heads ? inbound->heads[delivery->index] : 0;
    const uint8_t *bytes = inbound->body ? inbound->body->data : NULL;
    struct godwit_reply *reply = calloc(1, sizeof *reply);

    *malformed = false;
    if (!reply)
        return NULL;
    reply->replies = replies;
    if (bytes) {
        reply->heads = (struct gw_slice){bytes + start, head};
        reply->body = (struct gw_slice){bytes + start + head,
                                        inbound->ends[delivery->index] - start - head};
    }
    memcpy(reply->server, inbound->sender, sizeof reply->server);
    if (!bytes || !gw_headers_valid(reply->heads) || !read_request(reply)) {
        *malformed = true;
        free(reply);
        return NULL;
    }
    gw_reply_read_heads(reply);
    reply->delivery = delivery;
    return reply;
}

void gw_reply_free(struct godwit_reply *reply)
{
    if (reply->delivery)
        gw_delivery_free(reply->delivery);
    if (reply->again)
        gw_delivery_free(reply->again);
    gw_buffer_clear(&reply->stored);
    free(reply);
}

godwit_id_t godwit_reply_request(const godwit_reply_t *reply)
{
    return reply ? reply->request : (godwit_id_t){0};
}

const void *godwit_reply_data(const godwit_reply_t *reply)
{
    return reply && reply->body.size ? (const void *)reply->body.data : (const void *)"";
}

size_t godwit_reply_size(const godwit_reply_t *reply)
{
    return reply ? reply->body.size : 0;
}

uint32_t godwit_reply_code(const godwit_reply_t *reply)
{
    return reply ? reply->code : 0;
}

const char *godwit_reply_text(const godwit_reply_t *reply)
{
    return reply ? reply->text : "";
}

const char *godwit_reply_server(const godwit_reply_t *reply)
{
    return reply ? reply->server : "";
}

godwit_err_t godwit_reply_header(const godwit_reply_t *reply, const char *key, const void **value,
                                 size_t *size)
{
    struct gw_slice found;

    if (!reply || !value || !size)
        return gw_error(GODWIT_EINVAL, "%s is NULL", !reply ? "reply" : value ? "size" : "value");
    if (!gw_header_key_valid(key))
        return gw_error(GODWIT_EINVAL, "key must be 1 to %d of [a-z0-9._-]", GW_HEADER_KEY_MAX);
    if (!gw_headers_find(reply->heads, key, &found))
        return gw_error(GODWIT_ENOTFOUND, "the reply has no header \"%s\"", key);
    *value = found.size ? (const void *)found.data : (const void *)"";
    *size = found.size;
    return GODWIT_OK;
}

/* The newest delivery of it is decided; older ones are stale. Without memory for that it stays in
 * hand, and comes again at the next open. */
static void decide(struct godwit_reply *reply)
{
    struct godwit_delivery **newest = reply->again ? &reply->again : &reply->delivery;

    if (*newest)
        godwit_ack(newest);
    else
        gw_aside_delete(reply->replies, &reply->request, 1);
}

void godwit_reply_done(godwit_reply_t **pointer)
{
    if (!pointer || !*pointer)
        return;
    struct godwit_reply *reply = *pointer;
    struct gw_replies *replies = reply->replies;
    struct godwit_peer *peer = replies->peer;
    *pointer = NULL;
    if (gw_forked(&peer->fork_mark))
        return;
    pthread_mutex_lock(&replies->lock);
    gw_book_collect(replies, reply->request);
    gw_book_forget(replies, reply); /* from here on nobody adds a delivery to it */
    pthread_mutex_unlock(&replies->lock);
    decide(reply);
    gw_reply_free(reply);
    gw_peer_drop(peer);
}
