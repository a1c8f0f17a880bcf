/* SPDX-License-Identifier: MPL-2.0 */

/* Messages before they are sent, and ids as text. */

#include "peer/message.h"

#include "peer/error.h"
#include "peer/headers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void godwit_id_format(godwit_id_t id, char text[GODWIT_ID_TEXT_SIZE])
{
    snprintf(text, GODWIT_ID_TEXT_SIZE, "%016" PRIx64 "%016" PRIx64, id.epoch, id.sequence);
}

static int read_hex(const char *text, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < 16; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0)
            return -1;
        *value = *value << 4 | (uint64_t)digit;
    }
    return 0;
}

godwit_err_t godwit_id_parse(const char *text, godwit_id_t *id)
{
    godwit_id_t result;

    if (!text || !id)
        return gw_error(GODWIT_EINVAL, "%s is NULL", text ? "id" : "text");
    if (strnlen(text, GODWIT_ID_TEXT_SIZE) != GODWIT_ID_TEXT_SIZE - 1 ||
        read_hex(text, &result.epoch) != 0 || read_hex(text + 16, &result.sequence) != 0)
        return gw_error(GODWIT_EINVAL, "\"%.40s\" is not an id: 32 lower-case hex digits", text);
    *id = result;
    return GODWIT_OK;
}

godwit_err_t godwit_message_new(const void *data, size_t size, godwit_message_t **message)
{
    if (!message || (!data && size > 0))
        return gw_error(GODWIT_EINVAL, "%s is NULL", message ? "data" : "message");
    if (size > PTRDIFF_MAX - sizeof **message)
        return gw_error(GODWIT_EINVAL, "size is %zu: no message can be that large", size);
    struct godwit_message *made = malloc(sizeof *made + size);
    if (!made)
        return gw_error_memory();
    made->head = (struct gw_buffer){0};
    made->size = size;
    if (size > 0)
        memcpy(made->data, data, size);
    *message = made;
    return GODWIT_OK;
}

void godwit_message_destroy(godwit_message_t **message)
{
    if (!message || !*message)
        return;
    gw_buffer_clear(&(*message)->head);
    free(*message);
    *message = NULL;
}

void *godwit_message_data(godwit_message_t *message)
{
    return message->data;
}

size_t godwit_message_size(const godwit_message_t *message)
{
    return message->size;
}

static godwit_err_t bad_key(const char *key)
{
    if (!key)
        return gw_error(GODWIT_EINVAL, "key is NULL");
    return gw_error(GODWIT_EINVAL, "key is \"%.80s\", but must be 1 to 64 of [a-z0-9._-]", key);
}

godwit_err_t godwit_message_set_header(godwit_message_t *message, const char *key,
                                       const void *value, size_t size)
{
    if (!message || (!value && size > 0))
        return gw_error(GODWIT_EINVAL, "%s is NULL", message ? "value" : "message");
    if (!gw_header_key_valid(key))
        return bad_key(key);
    switch (gw_headers_set(&message->head, key, value, size)) {
    case 0: return GODWIT_OK;
    case -E2BIG:
        return gw_error(GODWIT_ETOOLARGE,
                        "the header \"%s\" of %zu bytes is too much: all headers of a message have "
                        "at most %d bytes, with %d more for each",
                        key, size, GW_HEADERS_BYTES_MAX, GW_HEADER_EXTRA);
    default: return gw_error_memory();
    }
}

godwit_err_t godwit_message_header(const godwit_message_t *message, const char *key,
                                   const void **value, size_t *size)
{
    struct gw_slice found;

    if (!message || !value || !size)
        return gw_error(GODWIT_EINVAL, "%s is NULL",
                        !message ? "message" : !value ? "value" : "size");
    if (!gw_header_key_valid(key))
        return bad_key(key);
    if (!gw_headers_find((struct gw_slice){message->head.data, message->head.size}, key, &found))
        return gw_error(GODWIT_ENOTFOUND, "the message has no header \"%s\"", key);
    *value = found.data;
    *size = found.size;
    return GODWIT_OK;
}
