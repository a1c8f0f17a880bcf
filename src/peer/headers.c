/* SPDX-License-Identifier: MPL-2.0 */

/* Reading and changing a message's block of headers: see headers.h. Pure. */

#include "peer/headers.h"

#include <errno.h>
#include <string.h>

#define KEY_LENGTH 1   /* bytes of the field before a key */
#define VALUE_LENGTH 2 /* and before a value */

static bool key_bytes_valid(const uint8_t *key, size_t size)
{
    if (size == 0 || size > GW_HEADER_KEY_MAX)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!(key[i] >= 'a' && key[i] <= 'z') && !(key[i] >= '0' && key[i] <= '9') &&
            key[i] != '.' && key[i] != '_' && key[i] != '-')
            return false;
    return true;
}

bool gw_header_key_valid(const char *key)
{
    return key && key_bytes_valid((const uint8_t *)key, strnlen(key, GW_HEADER_KEY_MAX + 1));
}

bool gw_headers_next(struct gw_slice block, size_t *at, struct gw_header *header)
{
    if (*at >= block.size)
        return false;
    struct gw_reader reader = gw_reader_of(block.data + *at, block.size - *at);
    header->key = gw_read_slice(&reader, gw_read_u8(&reader));
    size_t size = (size_t)gw_read_u8(&reader) << 8;
    size |= gw_read_u8(&reader);
    header->value = gw_read_slice(&reader, size);
    if (reader.failed || !key_bytes_valid(header->key.data, header->key.size))
        return false;
    *at = block.size - gw_reader_left(&reader);
    return true;
}

bool gw_headers_valid(struct gw_slice block)
{
    struct gw_header header;
    size_t at = 0;

    while (gw_headers_next(block, &at, &header))
        ;
    return at == block.size;
}

static bool is_named(const struct gw_header *header, const char *key, size_t key_size)
{
    return header->key.size == key_size && memcmp(header->key.data, key, key_size) == 0;
}

/* Where the key's header begins and ends; false if there is none. */
static bool locate(struct gw_slice block, const char *key, size_t *begin, size_t *end,
                   struct gw_slice *value)
{
    size_t key_size = strlen(key);
    struct gw_header header;

    for (*begin = *end = 0; gw_headers_next(block, end, &header); *begin = *end) {
        if (is_named(&header, key, key_size)) {
            *value = header.value;
            return true;
        }
    }
    return false;
}

bool gw_headers_find(struct gw_slice block, const char *key, struct gw_slice *value)
{
    size_t begin, end;

    return locate(block, key, &begin, &end, value);
}

/* What the block counts against the limit. */
static size_t weight_of(struct gw_slice block)
{
    struct gw_header header;
    size_t weight = 0, at = 0;

    while (gw_headers_next(block, &at, &header))
        weight += header.key.size + header.value.size + GW_HEADER_EXTRA;
    return weight;
}

static void append(struct gw_buffer *block, const char *key, const void *value, size_t size)
{
    size_t key_size = strlen(key);

    gw_buffer_u8(block, (uint8_t)key_size);
    gw_buffer_append(block, key, key_size);
    gw_buffer_u8(block, (uint8_t)(size >> 8));
    gw_buffer_u8(block, (uint8_t)size);
    gw_buffer_append(block, value, size);
}

int gw_headers_set(struct gw_buffer *block, const char *key, const void *value, size_t size)
{
    struct gw_slice old = {block->data, block->size}, replaced = {0};
    struct gw_buffer made = {0};
    size_t begin, end, weight = 0;

    if (!gw_header_key_valid(key) || (!value && size > 0))
        return -EINVAL;
    bool found = locate(old, key, &begin, &end, &replaced);
    if (!value && !found)
        return 0;
    if (!found)
        begin = end = old.size;
    if (value) {
        if (found)
            weight = strlen(key) + replaced.size + GW_HEADER_EXTRA;
        weight = weight_of(old) - weight + strlen(key) + GW_HEADER_EXTRA;
        if (size > GW_HEADERS_BYTES_MAX || weight > GW_HEADERS_BYTES_MAX - size)
            return -E2BIG;
    }
    gw_buffer_append(&made, old.data, begin);
    if (value)
        append(&made, key, value, size);
    gw_buffer_append(&made, old.data + end, old.size - end);
    if (gw_buffer_failed(&made)) {
        gw_buffer_clear(&made);
        return -ENOMEM;
    }
    gw_buffer_clear(block);
    *block = made;
    return 0;
}
