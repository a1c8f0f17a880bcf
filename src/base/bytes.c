/* SPDX-License-Identifier: MPL-2.0 */

/* The buffer and the reader of bytes.h. Both carry a sticky error, so that an encoder or a
 * decoder reads as the format does, and checks once at its end. The reader meets bytes from
 * strangers: every read goes through take(), the one place that compares with the end. */

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST_CAPACITY 64
#define VARINT_SIZE_MAX 10

void gw_buffer_clear(struct gw_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct gw_buffer){0};
}

void gw_buffer_reset(struct gw_buffer *buffer)
{
    buffer->size = 0;
    buffer->failed = false;
}

int gw_buffer_reserve(struct gw_buffer *buffer, size_t extra)
{
    size_t capacity = buffer->capacity;

    if (extra <= capacity - buffer->size)
        return 0;
    if (extra > PTRDIFF_MAX - buffer->size)
        return -ENOMEM;
    /* Doubling keeps a long run of small appends linear in all. */
    capacity = capacity > PTRDIFF_MAX / 2 ? PTRDIFF_MAX : capacity * 2;
    if (capacity < buffer->size + extra)
        capacity = buffer->size + extra;
    if (capacity < SMALLEST_CAPACITY)
        capacity = SMALLEST_CAPACITY;

    uint8_t *data = realloc(buffer->data, capacity);
    if (data == NULL)
        return -ENOMEM;
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

void gw_buffer_append(struct gw_buffer *buffer, const void *data, size_t size)
{
    if (buffer->failed || size == 0)
        return;
    if (gw_buffer_reserve(buffer, size) != 0) {
        buffer->failed = true;
        return;
    }
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
}

void gw_buffer_u8(struct gw_buffer *buffer, uint8_t value)
{
    gw_buffer_append(buffer, &value, 1);
}

void gw_buffer_u32(struct gw_buffer *buffer, uint32_t value)
{
    uint8_t bytes[4];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    gw_buffer_append(buffer, bytes, sizeof bytes);
}

void gw_buffer_u64(struct gw_buffer *buffer, uint64_t value)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    gw_buffer_append(buffer, bytes, sizeof bytes);
}

void gw_buffer_varint(struct gw_buffer *buffer, uint64_t value)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    size_t size = 0;

    for (; value >= 0x80; value >>= 7)
        bytes[size++] = (uint8_t)(value | 0x80);
    bytes[size++] = (uint8_t)value;
    gw_buffer_append(buffer, bytes, size);
}

void gw_buffer_string(struct gw_buffer *buffer, const char *text)
{
    size_t size = strlen(text);

    gw_buffer_varint(buffer, size);
    gw_buffer_append(buffer, text, size);
}

struct gw_reader gw_reader_of(const void *data, size_t size)
{
    /* C does not allow even NULL + 0, and an empty frame may well have no data. */
    static const uint8_t nothing[1];
    const uint8_t *at = size == 0 ? nothing : data;

    return (struct gw_reader){.at = at, .end = at + size};
}

/* A loop over what is left must end when a read fails, hence nothing is left. */
static void fail(struct gw_reader *reader)
{
    reader->failed = true;
    reader->at = reader->end;
}

/* The next `size` bytes, or NULL and a failed reader. */
static const uint8_t *take(struct gw_reader *reader, size_t size)
{
    if (reader->failed || size > gw_reader_left(reader)) {
        fail(reader);
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += size;
    return bytes;
}

static uint64_t read_big_endian(struct gw_reader *reader, size_t size)
{
    const uint8_t *bytes = take(reader, size);
    uint64_t value = 0;

    for (size_t i = 0; bytes != NULL && i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

uint8_t gw_read_u8(struct gw_reader *reader)
{
    return (uint8_t)read_big_endian(reader, 1);
}

uint32_t gw_read_u32(struct gw_reader *reader)
{
    return (uint32_t)read_big_endian(reader, 4);
}

uint64_t gw_read_u64(struct gw_reader *reader)
{
    return read_big_endian(reader, 8);
}

uint64_t gw_read_varint(struct gw_reader *reader)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 7 * VARINT_SIZE_MAX; shift += 7) {
        const uint8_t *byte = take(reader, 1);
        if (byte == NULL)
            return 0;
        if (shift == 63 && *byte > 1) /* the tenth byte has one bit of the 64 left */
            break;
        if (shift > 0 && *byte == 0) /* a zero at the end says what a shorter form says */
            break;
        value |= (uint64_t)(*byte & 0x7f) << shift;
        if (*byte < 0x80)
            return value;
    }
    fail(reader);
    return 0;
}

struct gw_slice gw_read_slice(struct gw_reader *reader, size_t size)
{
    const uint8_t *bytes = take(reader, size);

    return (struct gw_slice){.data = bytes, .size = bytes != NULL ? size : 0};
}

void gw_read_string(struct gw_reader *reader, char *text, size_t text_size)
{
    uint64_t size = gw_read_varint(reader);
    const uint8_t *bytes = NULL;

    if (size < text_size) /* one byte more for the NUL */
        bytes = take(reader, (size_t)size);
    if (bytes == NULL || memchr(bytes, 0, (size_t)size) != NULL) {
        fail(reader);
        size = 0;
    }
    if (text_size == 0)
        return;
    if (size > 0)
        memcpy(text, bytes, (size_t)size);
    text[size] = '\0';
}
