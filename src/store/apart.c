/* SPDX-License-Identifier: MPL-2.0 */

/* References to bodies, to bytes and back: see apart.h. */

#include "store/apart.h"

#include "base/crc32c.h"

#include <string.h>

#define BATCH 'b' /* GW_ROW_BATCH; what else rows are is no matter of ours */

static const uint8_t rows_begin[] = {0xff, 0xff};
const struct gw_slice gw_apart_rows = {rows_begin, sizeof rows_begin};

bool gw_apart_may_be(struct gw_slice key)
{
    return key.size > 0 && key.data[0] == BATCH;
}

static uint32_t sum_of(struct gw_slice key, const uint8_t *reference, size_t size)
{
    return gw_crc32c(gw_crc32c(0, key.data, key.size), reference, size);
}

static void put_body(struct gw_buffer *value, struct gw_slice key, const struct gw_body *body)
{
    size_t at = value->size;

    gw_buffer_varint(value, body->file);
    gw_buffer_varint(value, body->offset);
    gw_buffer_varint(value, body->size);
    gw_buffer_u32(value, body->crc);
    gw_buffer_u8(value, body->synced);
    if (!gw_buffer_failed(value))
        gw_buffer_u32(value, sum_of(key, value->data + at, value->size - at));
}

/* The key is known after the reference has been read: its sum is checked by the caller. */
static bool read_body(struct gw_reader *reader, struct gw_body *body, struct gw_slice *covered,
                      uint32_t *sum)
{
    covered->data = reader->at;
    body->file = gw_read_varint(reader);
    body->offset = gw_read_varint(reader);
    body->size = gw_read_varint(reader);
    body->crc = gw_read_u32(reader);
    body->synced = gw_read_u8(reader) != 0;
    covered->size = (size_t)(reader->at - covered->data);
    *sum = gw_read_u32(reader);
    return !reader->failed && body->file > 0 && body->size > 0;
}

static struct gw_slice rest_of(const struct gw_reader *reader)
{
    return (struct gw_slice){reader->at, gw_reader_left(reader)};
}

void gw_apart_put_inline(struct gw_buffer *value)
{
    gw_buffer_u8(value, GW_APART_INLINE);
}

void gw_apart_put_reference(struct gw_buffer *value, struct gw_slice key,
                            const struct gw_body *body)
{
    gw_buffer_u8(value, GW_APART_REFERENCE);
    put_body(value, key, body);
}

bool gw_apart_read(struct gw_slice key, struct gw_slice stored, enum gw_apart_form *form,
                   struct gw_body *body, struct gw_slice *rest)
{
    struct gw_reader reader = gw_reader_of(stored.data, stored.size);
    struct gw_slice covered;
    uint8_t first = gw_read_u8(&reader);
    uint32_t sum;

    if (reader.failed || first > GW_APART_REFERENCE)
        return false;
    *form = first;
    if (first == GW_APART_REFERENCE && (!read_body(&reader, body, &covered, &sum) ||
                                        sum != sum_of(key, covered.data, covered.size)))
        return false;
    *rest = rest_of(&reader);
    return true;
}

void gw_apart_seek(struct gw_buffer *row, uint64_t file, uint64_t offset)
{
    gw_buffer_append(row, gw_apart_rows.data, gw_apart_rows.size);
    gw_buffer_u64(row, file);
    gw_buffer_u64(row, offset);
}

void gw_apart_put_row(struct gw_buffer *value, struct gw_slice key, const struct gw_body *body)
{
    put_body(value, key, body);
    gw_buffer_append(value, key.data, key.size);
}

bool gw_apart_read_row(struct gw_slice row, struct gw_slice stored, struct gw_body *body,
                       struct gw_slice *key)
{
    struct gw_reader name = gw_reader_of(row.data, row.size);
    struct gw_reader reader = gw_reader_of(stored.data, stored.size);
    struct gw_slice covered;
    uint32_t sum;

    gw_read_slice(&name, gw_apart_rows.size);
    uint64_t file = gw_read_u64(&name), offset = gw_read_u64(&name);
    if (name.failed || gw_reader_left(&name) > 0 || !read_body(&reader, body, &covered, &sum))
        return false;
    *key = rest_of(&reader);
    return body->file == file && body->offset == offset && gw_apart_may_be(*key) &&
           sum == sum_of(*key, covered.data, covered.size);
}
