/* SPDX-License-Identifier: MPL-2.0 */

/* What a handler sees of its request, and what it says of the reply. */

#include "call.h"

#include <stdlib.h>
#include <string.h>

#define OWN_HEADERS "godwit."
#define HEADER_RE "godwit.re"
#define HEADER_CODE "godwit.code"
#define HEADER_TEXT "godwit.text"
#define TEXT_MAX 255

const void *godwit_call_data(const godwit_call_t *call)
{
    return godwit_delivery_data(call->delivery);
}

size_t godwit_call_size(const godwit_call_t *call)
{
    return godwit_delivery_size(call->delivery);
}

godwit_id_t godwit_call_id(const godwit_call_t *call)
{
    return godwit_delivery_id(call->delivery);
}

const char *godwit_call_client(const godwit_call_t *call)
{
    return godwit_delivery_sender(call->delivery);
}

uint32_t godwit_call_attempt(const godwit_call_t *call)
{
    return godwit_delivery_attempt(call->delivery);
}

bool godwit_call_redelivered(const godwit_call_t *call)
{
    return godwit_delivery_redelivered(call->delivery);
}

godwit_err_t godwit_call_header(const godwit_call_t *call, const char *key, const void **value,
                                size_t *size)
{
    return godwit_delivery_header(call->delivery, key, value, size);
}

godwit_err_t godwit_call_header_at(const godwit_call_t *call, size_t index, const char **key,
                                   const void **value, size_t *size)
{
    return godwit_delivery_header_at(call->delivery, index, key, value, size);
}

godwit_txn_t *godwit_call_txn(godwit_call_t *call)
{
    return call->txn;
}

/* --- the reply so far --- */

static godwit_err_t no_memory(void)
{
    return godwit_set_last_error(GODWIT_ENOMEM, "out of memory");
}

godwit_err_t godwit_call_reply(godwit_call_t *call, const void *data, size_t size)
{
    if (!call || (!data && size > 0))
        return godwit_set_last_error(GODWIT_EINVAL, call ? "data is NULL" : "call is NULL");
    void *copy = malloc(size ? size : 1);
    if (!copy)
        return no_memory();
    if (size)
        memcpy(copy, data, size);
    free(call->data);
    call->data = copy;
    call->size = size;
    return GODWIT_OK;
}

/* The keys are kept beside the message, which cannot list them. */
static godwit_err_t note_key(godwit_call_t *call, const char *key)
{
    for (size_t i = 0; i < call->key_count; i++)
        if (strcmp(call->keys[i], key) == 0)
            return GODWIT_OK;
    char **more = realloc(call->keys, (call->key_count + 1) * sizeof(char *));
    if (!more)
        return no_memory();
    call->keys = more;
    call->keys[call->key_count] = strdup(key);
    if (!call->keys[call->key_count])
        return no_memory();
    call->key_count++;
    return GODWIT_OK;
}

godwit_err_t godwit_call_set_header(godwit_call_t *call, const char *key, const void *value,
                                    size_t size)
{
    godwit_err_t error = GODWIT_OK;

    if (!call)
        return godwit_set_last_error(GODWIT_EINVAL, "call is NULL");
    if (key && strncmp(key, OWN_HEADERS, sizeof OWN_HEADERS - 1) == 0)
        return godwit_set_last_error(GODWIT_EINVAL, "keys that begin with \"" OWN_HEADERS
                                                    "\" are the library's own");
    if (!call->heads)
        error = godwit_message_new(NULL, 0, &call->heads);
    if (!error)
        error = godwit_message_set_header(call->heads, key, value, size);
    return error ? error : note_key(call, key);
}

void godwit_call_fail(godwit_call_t *call, const char *text)
{
    free(call->text);
    call->text = text ? strndup(text, TEXT_MAX) : NULL; /* without memory it has no text */
}

void gw_call_reset(godwit_call_t *call)
{
    free(call->data);
    call->data = NULL;
    call->size = 0;
    godwit_message_destroy(&call->heads);
    for (size_t i = 0; i < call->key_count; i++)
        free(call->keys[i]);
    free(call->keys);
    call->keys = NULL;
    call->key_count = 0;
    free(call->text);
    call->text = NULL;
}

/* --- the reply as a message --- */

static void put_u64(unsigned char *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(value >> (56 - 8 * i));
}

static godwit_err_t set_request(godwit_message_t *message, godwit_id_t id)
{
    unsigned char bytes[16];

    put_u64(bytes, id.epoch);
    put_u64(bytes + 8, id.sequence);
    return godwit_message_set_header(message, HEADER_RE, bytes, sizeof bytes);
}

static godwit_err_t set_error(godwit_message_t *message, uint32_t code, const char *text)
{
    const unsigned char bytes[4] = {(unsigned char)(code >> 24), (unsigned char)(code >> 16),
                                    (unsigned char)(code >> 8), (unsigned char)code};
    godwit_err_t error = godwit_message_set_header(message, HEADER_CODE, bytes, sizeof bytes);

    if (!error && text)
        error = godwit_message_set_header(message, HEADER_TEXT, text, strnlen(text, TEXT_MAX));
    return error;
}

static godwit_err_t copy_headers(const godwit_call_t *call, godwit_message_t *message)
{
    godwit_err_t error = GODWIT_OK;
    const void *value;
    size_t size;

    for (size_t i = 0; i < call->key_count && !error; i++)
        if (godwit_message_header(call->heads, call->keys[i], &value, &size) == GODWIT_OK)
            error = godwit_message_set_header(message, call->keys[i], value, size);
    return error;
}

godwit_err_t gw_call_message(const godwit_call_t *call, uint32_t code, godwit_message_t **message)
{
    godwit_err_t error = godwit_message_new(code ? NULL : call->data, code ? 0 : call->size,
                                            message);

    if (error)
        return error;
    error = set_request(*message, godwit_call_id(call));
    if (!error)
        error = code ? set_error(*message, code, call->text) : copy_headers(call, *message);
    if (error)
        godwit_message_destroy(message);
    return error;
}
