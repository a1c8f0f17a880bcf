/* SPDX-License-Identifier: MPL-2.0 */

/* Facts to bytes and back. Pure: no file, no clock. Keys and values are built in place in the
 * write, so that a row costs no allocation; a batch's body is not even copied. Reading trusts
 * nothing: first the checksum, then every length and limit. */

#include "store/row.h"

#include "base/blob.h"
#include "base/crc32c.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTHS_FIXED = 0, LENGTHS_EACH = 1 };

#define CRC_SIZE 4u

static struct gw_slice slice_of(const void *data, size_t size)
{
    return (struct gw_slice){.data = data, .size = size};
}

/* Puts: reserve four bytes, append the rest, then put the checksum where the four bytes are. */

struct building {
    struct gw_write *write;
    size_t key;
    size_t value;
};

static struct gw_buffer *build_key(struct building *building, struct gw_write *write)
{
    building->write = write;
    building->key = write->bytes.size;
    return &write->bytes;
}

static struct gw_buffer *build_value(struct building *building)
{
    building->value = building->write->bytes.size;
    gw_buffer_u32(&building->write->bytes, 0);
    return &building->write->bytes;
}

static void build_done(const struct building *building, struct gw_slice outside)
{
    struct gw_buffer *bytes = &building->write->bytes;

    if (gw_write_failed(building->write))
        return;
    uint8_t *value = bytes->data + building->value;
    size_t rest = bytes->size - building->value - CRC_SIZE;
    uint32_t crc = gw_crc32c(0, bytes->data + building->key, building->value - building->key);
    crc = gw_crc32c(crc, value + CRC_SIZE, rest);
    crc = gw_crc32c(crc, outside.data, outside.size);
    for (unsigned i = 0; i < CRC_SIZE; i++)
        value[i] = (uint8_t)(crc >> (24 - 8 * i));
    gw_write_put_built(building->write, building->key, building->value, outside);
}

static void put_destination(struct gw_buffer *out, const struct gw_destination *destination)
{
    gw_buffer_u8(out, destination->kind);
    gw_buffer_string(out, destination->name);
}

static void put_key(struct gw_buffer *out, const struct gw_row *row)
{
    gw_buffer_u8(out, row->kind);
    switch (row->kind) {
    case GW_ROW_META:
        break;
    case GW_ROW_STREAM:
    case GW_ROW_WINDOW:
        gw_buffer_u64(out, row->epoch);
        break;
    case GW_ROW_BATCH:
        gw_buffer_u64(out, row->epoch);
        gw_buffer_u64(out, row->last);
        break;
    case GW_ROW_SETTLED:
    case GW_ROW_ASSIGNMENT:
    case GW_ROW_DECIDED:
        gw_buffer_u64(out, row->epoch);
        gw_buffer_u64(out, row->first);
        break;
    case GW_ROW_OFFERED:
        gw_buffer_u64(out, row->epoch);
        gw_buffer_append(out, row->peer, strlen(row->peer));
        break;
    default:
        assert(!"a row of no kind");
    }
}

static void put_facts(struct gw_buffer *out, const struct gw_row *row)
{
    switch (row->kind) {
    case GW_ROW_META:
        gw_buffer_varint(out, row->format);
        gw_buffer_string(out, row->peer);
        gw_buffer_append(out, row->store, sizeof row->store);
        gw_buffer_varint(out, row->number);
        gw_buffer_u64(out, row->process);
        break;
    case GW_ROW_STREAM:
        gw_buffer_varint(out, row->number);
        put_destination(out, &row->destination);
        gw_buffer_varint(out, row->floor);
        break;
    case GW_ROW_SETTLED:
    case GW_ROW_DECIDED:
        gw_buffer_varint(out, row->last);
        break;
    case GW_ROW_ASSIGNMENT:
        gw_buffer_varint(out, row->last);
        gw_buffer_varint(out, row->number);
        gw_buffer_string(out, row->peer);
        break;
    case GW_ROW_OFFERED:
        gw_buffer_u8(out, row->flag ? 1 : 0);
        break;
    case GW_ROW_WINDOW:
        gw_buffer_string(out, row->peer);
        put_destination(out, &row->destination);
        gw_buffer_varint(out, row->floor);
        gw_buffer_u8(out, row->flag ? 1 : 0);
        gw_buffer_varint(out, row->last);
        break;
    default:
        assert(!"batches and application keys have calls of their own");
    }
}

void gw_row_put(struct gw_write *write, const struct gw_row *row)
{
    struct building building;

    put_key(build_key(&building, write), row);
    put_facts(build_value(&building), row);
    build_done(&building, slice_of(NULL, 0));
}

void gw_row_delete(struct gw_write *write, const struct gw_row *row)
{
    size_t key = write->bytes.size;

    put_key(&write->bytes, row);
    gw_write_delete_built(write, key);
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

void gw_row_put_batch(struct gw_write *write, const struct gw_batch *batch)
{
    struct building building;
    struct gw_buffer *out = build_key(&building, write);

    assert(batch->count > 0 && gw_batch_offset(batch, gw_batch_last(batch) + 1) == batch->bytes);
    assert(batch->bytes == 0 || (batch->body && batch->body->size >= batch->bytes));
    gw_buffer_u8(out, GW_ROW_BATCH);
    gw_buffer_u64(out, batch->epoch);
    gw_buffer_u64(out, gw_batch_last(batch));
    out = build_value(&building);
    gw_buffer_varint(out, batch->first);
    gw_buffer_varint(out, batch->count);
    gw_buffer_varint(out, batch->bytes_before);
    put_lengths(out, batch);
    build_done(&building, slice_of(batch->body ? batch->body->data : NULL, batch->bytes));
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
    struct building building;
    struct gw_buffer *out = build_key(&building, write);

    put_user_key(out, space, key);
    out = build_value(&building);
    gw_buffer_append(out, value.data, value.size);
    build_done(&building, slice_of(NULL, 0));
}

void gw_row_delete_key(struct gw_write *write, const char *space, struct gw_slice key)
{
    size_t at = write->bytes.size;

    put_user_key(&write->bytes, space, key);
    gw_write_delete_built(write, at);
}

/* Reads. */

/* Sets `rest` to what the checksum covers of the value. */
static bool check(struct gw_slice key, struct gw_slice value, struct gw_slice *rest)
{
    struct gw_reader reader = gw_reader_of(value.data, value.size);
    uint32_t crc = gw_read_u32(&reader);

    if (reader.failed)
        return false;
    *rest = slice_of(reader.at, gw_reader_left(&reader));
    return crc == gw_crc32c(gw_crc32c(0, key.data, key.size), rest->data, rest->size);
}

static bool read_flag(struct gw_reader *reader)
{
    uint8_t flag = gw_read_u8(reader);

    if (flag > 1)
        reader->failed = true;
    return flag == 1;
}

static void read_destination(struct gw_reader *reader, struct gw_destination *destination)
{
    destination->kind = gw_read_u8(reader);
    gw_read_string(reader, destination->name, sizeof destination->name);
    if (destination->kind < GW_KIND_STAGE || destination->kind > GW_KIND_SERVICE)
        reader->failed = true;
}

/* A member's name in a key: the rest of it, no length. */
static void read_member(struct gw_reader *key, char name[GW_NAME_MAX + 1])
{
    struct gw_slice rest = gw_read_slice(key, gw_reader_left(key));

    if (rest.size == 0 || rest.size > GW_NAME_MAX || memchr(rest.data, 0, rest.size)) {
        key->failed = true;
        return;
    }
    memcpy(name, rest.data, rest.size);
    name[rest.size] = '\0';
}

static void read_key(struct gw_reader *key, struct gw_row *row)
{
    row->kind = gw_read_u8(key);
    switch (row->kind) {
    case GW_ROW_META:
        break;
    case GW_ROW_STREAM:
    case GW_ROW_WINDOW:
        row->epoch = gw_read_u64(key);
        break;
    case GW_ROW_SETTLED:
    case GW_ROW_ASSIGNMENT:
    case GW_ROW_DECIDED:
        row->epoch = gw_read_u64(key);
        row->first = gw_read_u64(key);
        break;
    case GW_ROW_OFFERED:
        row->epoch = gw_read_u64(key);
        read_member(key, row->peer);
        break;
    default:
        key->failed = true;
    }
}

/* `last` of a range: never before its first. */
static uint64_t read_last(struct gw_reader *value, uint64_t first)
{
    uint64_t last = gw_read_varint(value);

    if (last < first)
        value->failed = true;
    return last;
}

static void read_meta(struct gw_reader *value, struct gw_row *row)
{
    gw_read_string(value, row->peer, sizeof row->peer);
    struct gw_slice store = gw_read_slice(value, sizeof row->store);
    if (store.data)
        memcpy(row->store, store.data, sizeof row->store);
    row->number = gw_read_varint(value);
    row->process = gw_read_u64(value);
}

static void read_facts(struct gw_reader *value, struct gw_row *row)
{
    switch (row->kind) {
    case GW_ROW_META:
        read_meta(value, row);
        break;
    case GW_ROW_STREAM:
        row->number = gw_read_varint(value);
        read_destination(value, &row->destination);
        row->floor = gw_read_varint(value);
        break;
    case GW_ROW_SETTLED:
    case GW_ROW_DECIDED:
        row->last = read_last(value, row->first);
        break;
    case GW_ROW_ASSIGNMENT:
        row->last = read_last(value, row->first);
        row->number = gw_read_varint(value);
        gw_read_string(value, row->peer, sizeof row->peer);
        break;
    case GW_ROW_OFFERED:
        row->flag = read_flag(value);
        break;
    case GW_ROW_WINDOW:
        gw_read_string(value, row->peer, sizeof row->peer);
        read_destination(value, &row->destination);
        row->floor = gw_read_varint(value);
        row->flag = read_flag(value);
        row->last = gw_read_varint(value);
        break;
    }
}

enum gw_store_error gw_row_read(struct gw_slice key, struct gw_slice value, struct gw_row *row)
{
    struct gw_slice rest;
    struct gw_row read = {0};

    if (!check(key, value, &rest))
        return GW_STORE_CORRUPT;
    struct gw_reader keys = gw_reader_of(key.data, key.size);
    struct gw_reader facts = gw_reader_of(rest.data, rest.size);
    read_key(&keys, &read);
    if (keys.failed || gw_reader_left(&keys) > 0)
        return GW_STORE_CORRUPT;
    if (read.kind == GW_ROW_META) {
        read.format = gw_read_varint(&facts);
        if (!facts.failed && read.format > GW_STORE_FORMAT)
            return GW_STORE_VERSION; /* what follows may have another shape */
    }
    read_facts(&facts, &read);
    if (facts.failed || gw_reader_left(&facts) > 0)
        return GW_STORE_CORRUPT;
    *row = read;
    return GW_STORE_OK;
}

/* The lengths must fill the rest of the value exactly: 64-bit sums, so that nothing wraps. */
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
        if (batch->count > gw_reader_left(value)) /* a byte each at least: bounds the allocation */
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
    if (value->failed || total > UINT32_MAX || total != gw_reader_left(value))
        return GW_STORE_CORRUPT;
    batch->bytes = (uint32_t)total;
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

    if (!check(key, value, &rest))
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
    if (error == GW_STORE_OK && with_body)
        error = read_body(&facts, read);
    if (error != GW_STORE_OK) {
        gw_batch_drop(read);
        return error;
    }
    *batch = read;
    return GW_STORE_OK;
}

enum gw_store_error gw_row_read_key(struct gw_slice key, struct gw_slice value,
                                    struct gw_slice *user_value)
{
    struct gw_slice rest;

    if (!check(key, value, &rest) || key.size == 0 || key.data[0] != GW_ROW_KEY)
        return GW_STORE_CORRUPT;
    *user_value = rest;
    return GW_STORE_OK;
}

void gw_row_seek(struct gw_buffer *key, enum gw_row_kind kind, uint64_t epoch, uint64_t sequence)
{
    gw_buffer_reset(key);
    gw_buffer_u8(key, (uint8_t)kind);
    if (kind == GW_ROW_META || kind == GW_ROW_KEY)
        return;
    gw_buffer_u64(key, epoch);
    if (kind == GW_ROW_BATCH || kind == GW_ROW_SETTLED || kind == GW_ROW_ASSIGNMENT ||
        kind == GW_ROW_DECIDED)
        gw_buffer_u64(key, sequence);
}

void gw_row_seek_end(struct gw_buffer *key, enum gw_row_kind kind, uint64_t epoch)
{
    gw_buffer_reset(key);
    if (kind == GW_ROW_META || kind == GW_ROW_KEY || epoch == UINT64_MAX) {
        gw_buffer_u8(key, (uint8_t)(kind + 1));
    } else {
        gw_buffer_u8(key, (uint8_t)kind);
        gw_buffer_u64(key, epoch + 1);
    }
}

void gw_row_seek_key(struct gw_buffer *key, const char *space, struct gw_slice prefix)
{
    gw_buffer_reset(key);
    put_user_key(key, space, prefix);
}

void gw_row_put_dead(struct gw_write *write, const struct gw_row *row,
                     const struct gw_batch *batch)
{
    (void)write, (void)row, (void)batch;
}

enum gw_store_error gw_row_read_message(struct gw_slice key, struct gw_slice value,
                                        struct gw_row *row, uint32_t *head,
                                        struct gw_slice *message)
{
    (void)key, (void)value, (void)row, (void)head, (void)message;
    return GW_STORE_CORRUPT;
}
