/* SPDX-License-Identifier: MPL-2.0 */

/* Rows that hold what users gave: batches, dead letters and application keys. A batch's body is not
 * copied to be written. Pure, like row.c. */

#include "store/row_bytes.h"

#include "base/blob.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTHS_FIXED = 0, LENGTHS_EACH = 1 };
enum { HEADS_NONE = 0, HEADS_EACH = 1 };

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
    gw_buffer_varint(out, batch->first);
    gw_buffer_varint(out, batch->count);
    gw_buffer_varint(out, batch->bytes_before);
    put_lengths(out, batch);
    put_heads(out, batch);
    gw_row_end(&building, slice_of(batch->body ? batch->body->data : NULL, batch->bytes));
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
    gw_row_end(&building, slice_of(NULL, 0));
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
    gw_row_end(&building, slice_of(NULL, 0));
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

static enum gw_store_error read_body(struct gw_reader *value, struct gw_batch *batch)
{
    uint8_t *data;

    batch->body = gw_blob_new(batch->bytes, &data);
    if (!batch->body)
        return GW_STORE_NOMEM;
    if (batch->bytes > 0)
        memcpy(data, value->at, batch->bytes);
    return GW_STORE_OK;
}

enum gw_store_error gw_row_read_batch(struct gw_slice key, struct gw_slice value, bool with_body,
                                      struct gw_batch **batch)
{
    struct gw_slice rest;

    if (!gw_row_check(key, value, &rest))
        return GW_STORE_CORRUPT;
    struct gw_reader keys = gw_reader_of(key.data, key.size);
    struct gw_reader facts = gw_reader_of(rest.data, rest.size);
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
    enum gw_store_error error = read_lengths(&facts, read);
    if (error == GW_STORE_OK)
        error = read_heads(&facts, read);
    if (error == GW_STORE_OK && gw_reader_left(&facts) != read->bytes)
        error = GW_STORE_CORRUPT; /* the body is all that is left, and all of it */
    if (error == GW_STORE_OK && with_body)
        error = read_body(&facts, read);
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
