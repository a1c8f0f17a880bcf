/* SPDX-License-Identifier: MPL-2.0 */

/* Rows that hold what users gave: batches, dead letters and application keys. A batch's body is not
 * copied to be written. Pure, like row.c. */

#include "store/row_bytes.h"

#include "base/blob.h"
#include "base/crc32c.h"
#include "base/plant.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTHS_FIXED = 0, LENGTHS_EACH = 1 };
enum { HEADS_NONE = 0, HEADS_EACH = 1 };

#define CRC_SIZE 4u
#define SIZE_SIZE 4u

static struct gw_slice slice_of(const void *data, size_t size)
{
    return (struct gw_slice){.data = data, .size = size};
}

static void put_lengths(struct gw_buffer *out, const struct gw_batch *batch)
{
    uint32_t begin = 0;

    if (!batch->ends) {
        gw_buffer_u8(out, LENGTHS_FIXED);
        gw_buffer_varint(out, batch->fixed);
        return;
    }
    gw_buffer_u8(out, LENGTHS_EACH);
    for (uint32_t i = 0; i < batch->count; i++) {
        gw_buffer_varint(out, batch->ends[i] - begin);
        begin = batch->ends[i];
    }
}

static void put_heads(struct gw_buffer *out, const struct gw_batch *batch)
{
    gw_buffer_u8(out, batch->heads ? HEADS_EACH : HEADS_NONE);
    for (uint32_t i = 0; batch->heads && i < batch->count; i++)
        gw_buffer_varint(out, batch->heads[i]);
}

/* Into the four bytes at `at`: how many follow them. */
static void put_size(struct gw_buffer *out, size_t at)
{
    for (unsigned i = 0; i < SIZE_SIZE && !gw_buffer_failed(out); i++)
        out->data[at + i] = (uint8_t)((out->size - at - SIZE_SIZE) >> (24 - 8 * i));
}

void gw_row_put_batch(struct gw_write *write, const struct gw_batch *batch)
{
    struct gw_row_building building;
    struct gw_buffer *out = gw_row_begin(&building, write);

    assert(batch->count > 0 && gw_batch_offset(batch, gw_batch_last(batch) + 1) == batch->bytes);
    assert(batch->bytes == 0 || (batch->body && batch->body->size >= batch->bytes));
    gw_buffer_u8(out, GW_ROW_BATCH);
    gw_buffer_u64(out, batch->epoch);
    gw_buffer_u64(out, gw_batch_last(batch));
    out = gw_row_begin_value(&building);
    size_t facts = out->size;
    gw_buffer_u32(out, 0);
    gw_buffer_varint(out, batch->first);
    gw_buffer_varint(out, batch->count);
    gw_buffer_varint(out, batch->bytes_before);
    put_lengths(out, batch);
    put_heads(out, batch);
    struct gw_slice body = slice_of(batch->body ? batch->body->data : NULL, batch->bytes);
    uint32_t body_crc = gw_crc32c(0, body.data, body.size);
    gw_buffer_u32(out, body_crc);
    put_size(out, facts);
    gw_row_end_outside(&building, body, body_crc);
}

void gw_row_put_dead(struct gw_write *write, const struct gw_row *row, const struct gw_batch *batch)
{
    struct gw_row_building building;
    uint64_t index = row->first - batch->first;

    assert(row->kind == GW_ROW_DEAD && row->first >= batch->first && index < batch->count);
    uint32_t begin = gw_batch_offset(batch, row->first);
    uint32_t size = gw_batch_offset(batch, row->first + 1) - begin;
    assert(size == 0 || (batch->body && batch->body->size >= begin + size));
    gw_row_put_key_of(gw_row_begin(&building, write), row);
    struct gw_buffer *out = gw_row_begin_value(&building);
    gw_row_put_facts_of(out, row);
    gw_buffer_varint(out, batch->heads ? batch->heads[index] : 0);
    if (size > 0)
        gw_buffer_append(out, batch->body->data + begin, size);
    gw_row_end(&building);
}

static void put_user_key(struct gw_buffer *out, const char *space, struct gw_slice key)
{
    gw_buffer_u8(out, GW_ROW_KEY);
    gw_buffer_append(out, space, strlen(space) + 1);
    gw_buffer_append(out, key.data, key.size);
}

void gw_row_put_key(struct gw_write *write, const char *space, struct gw_slice key,
                    struct gw_slice value)
{
    struct gw_row_building building;
    struct gw_buffer *out = gw_row_begin(&building, write);

    put_user_key(out, space, key);
    out = gw_row_begin_value(&building);
    gw_buffer_append(out, value.data, value.size);
    gw_row_end(&building);
}

void gw_row_delete_key(struct gw_write *write, const char *space, struct gw_slice key)
{
    size_t at = write->bytes.size;

    put_user_key(&write->bytes, space, key);
    gw_write_delete_built(write, at);
}

/* Reads. */

/* 64-bit sums, so that nothing wraps; no allocation that the value has no bytes for. */
static enum gw_store_error read_lengths(struct gw_reader *value, struct gw_batch *batch)
{
    uint8_t form = gw_read_u8(value);
    uint64_t total = 0;

    if (form == LENGTHS_FIXED) {
        uint64_t fixed = gw_read_varint(value);
        if (fixed > UINT32_MAX)
            return GW_STORE_CORRUPT;
        batch->fixed = (uint32_t)fixed;
        total = fixed * batch->count;
    } else if (form == LENGTHS_EACH) {
        if (batch->count > gw_reader_left(value)) /* a byte each at least */
            return GW_STORE_CORRUPT;
        batch->ends = malloc(batch->count * sizeof *batch->ends);
        if (!batch->ends)
            return GW_STORE_NOMEM;
        for (uint32_t i = 0; i < batch->count; i++) {
            uint64_t length = gw_read_varint(value);
            if (value->failed || length > UINT32_MAX - total)
                return GW_STORE_CORRUPT;
            total += length;
            batch->ends[i] = (uint32_t)total;
        }
    } else {
        return GW_STORE_CORRUPT;
    }
    if (value->failed || total > UINT32_MAX)
        return GW_STORE_CORRUPT;
    batch->bytes = (uint32_t)total;
    return GW_STORE_OK;
}

/* Headers are the first bytes of their message: no longer than it is. */
static enum gw_store_error read_heads(struct gw_reader *value, struct gw_batch *batch)
{
    uint8_t form = gw_read_u8(value);

    if (form == HEADS_NONE)
        return value->failed ? GW_STORE_CORRUPT : GW_STORE_OK;
    if (form != HEADS_EACH || batch->count > gw_reader_left(value))
        return GW_STORE_CORRUPT;
    batch->heads = malloc(batch->count * sizeof *batch->heads);
    if (!batch->heads)
        return GW_STORE_NOMEM;
    for (uint32_t i = 0; i < batch->count; i++) {
        uint64_t sequence = batch->first + i;
        uint64_t head = gw_read_varint(value);
        if (value->failed || head > GW_HEADS_MAX ||
            head > gw_batch_offset(batch, sequence + 1) - gw_batch_offset(batch, sequence))
            return GW_STORE_CORRUPT;
        batch->heads[i] = (uint32_t)head;
    }
    return GW_STORE_OK;
}

static enum gw_store_error read_zeros(struct gw_batch *batch)
{
    uint8_t *data;

    batch->body = gw_blob_new(batch->bytes, &data);
    if (!batch->body)
        return GW_STORE_NOMEM;
    memset(data, 0, batch->bytes);
    return GW_STORE_OK;
}

/* The body is all that is left, and all of it; or it is not at hand, which counts for those who
 * want it. */
static enum gw_store_error read_body(struct gw_slice bytes, uint32_t crc, bool with_body,
                                     struct gw_batch *batch)
{
    uint8_t *data;

    if (bytes.size == 0 && batch->bytes > 0 && GW_PLANT(BODY_AS_ZEROS) && with_body)
        return read_zeros(batch);
    if (bytes.size == 0 && batch->bytes > 0)
        return with_body ? GW_STORE_LOST : GW_STORE_OK;
    if (bytes.size != batch->bytes)
        return GW_STORE_CORRUPT;
    if (gw_crc32c(0, bytes.data, bytes.size) != crc && !GW_PLANT(ROW_UNCHECKED))
        return GW_STORE_CORRUPT;
    if (!with_body)
        return GW_STORE_OK;
    batch->body = gw_blob_new(batch->bytes, &data);
    if (!batch->body)
        return GW_STORE_NOMEM;
    if (batch->bytes > 0)
        memcpy(data, bytes.data, batch->bytes);
    return GW_STORE_OK;
}

/* Splits a value, checks its first part, and leaves facts and body to be read. */
static bool check_facts(struct gw_slice key, struct gw_slice value, struct gw_reader *facts,
                        struct gw_slice *body)
{
    struct gw_reader reader = gw_reader_of(value.data, value.size);
    struct gw_slice rest;

    gw_read_u32(&reader);
    uint32_t size = gw_read_u32(&reader);
    *facts = gw_reader_of(reader.at, gw_reader_left(&reader));
    gw_read_slice(&reader, size);
    *body = slice_of(reader.at, gw_reader_left(&reader));
    facts->end = reader.at;
    return !reader.failed &&
           gw_row_check(key, slice_of(value.data, CRC_SIZE + SIZE_SIZE + size), &rest);
}

static enum gw_store_error read_all(struct gw_reader *facts, struct gw_slice body, bool with_body,
                                    struct gw_batch *batch)
{
    enum gw_store_error error = read_lengths(facts, batch);

    if (error == GW_STORE_OK)
        error = read_heads(facts, batch);
    uint32_t crc = gw_read_u32(facts);
    if (error == GW_STORE_OK && (facts->failed || gw_reader_left(facts) > 0))
        error = GW_STORE_CORRUPT;
    return error == GW_STORE_OK ? read_body(body, crc, with_body, batch) : error;
}

enum gw_store_error gw_row_read_batch(struct gw_slice key, struct gw_slice value, bool with_body,
                                      struct gw_batch **batch)
{
    struct gw_reader facts;
    struct gw_slice body;

    if (!check_facts(key, value, &facts, &body))
        return GW_STORE_CORRUPT;
    struct gw_reader keys = gw_reader_of(key.data, key.size);
    uint8_t kind = gw_read_u8(&keys);
    uint64_t epoch = gw_read_u64(&keys);
    uint64_t last = gw_read_u64(&keys);
    uint64_t first = gw_read_varint(&facts);
    uint64_t count = gw_read_varint(&facts);
    uint64_t before = gw_read_varint(&facts);
    if (keys.failed || gw_reader_left(&keys) > 0 || kind != GW_ROW_BATCH || facts.failed)
        return GW_STORE_CORRUPT;
    if (count == 0 || count > UINT32_MAX || last < first || last - first != count - 1)
        return GW_STORE_CORRUPT;

    struct gw_batch *read = gw_batch_new(epoch, first, (uint32_t)count);
    if (!read)
        return GW_STORE_NOMEM;
    read->bytes_before = before;
    enum gw_store_error error = read_all(&facts, body, with_body, read);
    if (error != GW_STORE_OK) {
        gw_batch_drop(read);
        return error;
    }
    *batch = read;
    return GW_STORE_OK;
}

enum gw_store_error gw_row_read_message(struct gw_slice key, struct gw_slice value,
                                        struct gw_row *row, uint32_t *head,
                                        struct gw_slice *message)
{
    struct gw_row read = {0};
    struct gw_reader rest;
    enum gw_store_error error = gw_row_read_facts(key, value, &read, &rest);

    if (error != GW_STORE_OK)
        return error;
    uint64_t headers = gw_read_varint(&rest);
    size_t left = gw_reader_left(&rest);
    if (read.kind != GW_ROW_DEAD || rest.failed || headers > GW_HEADS_MAX || headers > left)
        return GW_STORE_CORRUPT;
    *row = read;
    *head = (uint32_t)headers;
    *message = gw_read_slice(&rest, left);
    return GW_STORE_OK;
}

enum gw_store_error gw_row_read_key(struct gw_slice key, struct gw_slice value,
                                    struct gw_slice *user_value)
{
    struct gw_slice rest;

    if (!gw_row_check(key, value, &rest) || key.size == 0 || key.data[0] != GW_ROW_KEY)
        return GW_STORE_CORRUPT;
    *user_value = rest;
    return GW_STORE_OK;
}

void gw_row_seek_key(struct gw_buffer *key, const char *space, struct gw_slice prefix)
{
    gw_buffer_reset(key);
    put_user_key(key, space, prefix);
}
