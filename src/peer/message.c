/* SPDX-License-Identifier: MPL-2.0 */

/* Messages before they are sent, and ids as text. */

#include "peer/message.h"

#include "peer/error.h"

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
    made->size = size;
    if (size > 0)
        memcpy(made->data, data, size);
    *message = made;
    return GODWIT_OK;
}

void godwit_message_destroy(godwit_message_t **message)
{
    if (!message)
        return;
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
