/* SPDX-License-Identifier: MPL-2.0 */

/* Facts to bytes and back. Pure: no file, no clock. Keys and values are built in place in the
 * write, so that a row costs no allocation. Reading trusts nothing: first the checksum, then every
 * length and limit. Rows that hold messages are in row_batch.c. */

#include "store/row_bytes.h"

#include "base/crc32c.h"
#include "base/plant.h"

#include <assert.h>
#include <string.h>

#define CRC_SIZE 4u

static struct gw_slice slice_of(const void *data, size_t size)
{
    return (struct gw_slice){.data = data, .size = size};
}

/* Puts: reserve four bytes, append the rest, then put the checksum where the four bytes are. */

struct gw_buffer *gw_row_begin(struct gw_row_building *building, struct gw_write *write)
{
    building->write = write;
    building->key = write->bytes.size;
    return &write->bytes;
}

struct gw_buffer *gw_row_begin_value(struct gw_row_building *building)
{
    building->value = building->write->bytes.size;
    gw_buffer_u32(&building->write->bytes, 0);
    return &building->write->bytes;
}

void gw_row_end_outside(const struct gw_row_building *building, struct gw_slice outside,
                        uint32_t outside_crc)
{
    struct gw_buffer *bytes = &building->write->bytes;

    if (gw_write_failed(building->write))
        return;
    uint8_t *value = bytes->data + building->value;
    size_t rest = bytes->size - building->value - CRC_SIZE;
    uint32_t crc = gw_crc32c(0, bytes->data + building->key, building->value - building->key);
    crc = gw_crc32c(crc, value + CRC_SIZE, rest);
    for (unsigned i = 0; i < CRC_SIZE; i++)
        value[i] = (uint8_t)(crc >> (24 - 8 * i));
    gw_write_put_built(building->write, building->key, building->value, outside, outside_crc);
}

void gw_row_end(const struct gw_row_building *building)
{
    gw_row_end_outside(building, (struct gw_slice){0}, 0);
}

static void put_destination(struct gw_buffer *out, const struct gw_destination *destination)
{
    gw_buffer_u8(out, destination->kind);
    gw_buffer_string(out, destination->name);
}

void gw_row_put_key_of(struct gw_buffer *out, const struct gw_row *row)
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
    case GW_ROW_STORY:
    case GW_ROW_EXCEPTION:
    case GW_ROW_CRASHED:
    case GW_ROW_DEAD:
        gw_buffer_u64(out, row->epoch);
        gw_buffer_u64(out, row->first);
        break;
    case GW_ROW_OFFERED:
        gw_buffer_u64(out, row->epoch);
        gw_buffer_append(out, row->peer, strlen(row->peer));
        break;
    case GW_ROW_OUTCOME:
        gw_buffer_u64(out, row->number);
        break;
    default:
        assert(!"a row of no kind");
    }
}

/* What is beyond the limit is cut off: a row that cannot be read back would be worse. */
static void put_text(struct gw_buffer *out, struct gw_slice text)
{
    size_t size = text.size < GW_TEXT_MAX ? text.size : GW_TEXT_MAX;

    gw_buffer_varint(out, size);
    gw_buffer_append(out, text.data, size);
}

static void put_meta(struct gw_buffer *out, const struct gw_row *row)
{
    gw_buffer_varint(out, row->format);
    gw_buffer_string(out, row->peer);
    gw_buffer_append(out, row->store, sizeof row->store);
    gw_buffer_varint(out, row->number);
    gw_buffer_u64(out, row->process);
}

static void put_window(struct gw_buffer *out, const struct gw_row *row)
{
    gw_buffer_string(out, row->peer);
    put_destination(out, &row->destination);
    gw_buffer_varint(out, row->floor);
    gw_buffer_u8(out, row->flag ? 1 : 0);
    gw_buffer_varint(out, row->last);
    gw_buffer_u8(out, row->memory ? 1 : 0);
}

/* What messages that went wrong have in common. */
static void put_failure(struct gw_buffer *out, const struct gw_row *row)
{
    gw_buffer_varint(out, row->attempts);
    gw_buffer_varint(out, row->first_ms);
    gw_buffer_varint(out, row->last_ms);
    gw_buffer_varint(out, row->code);
    put_text(out, row->text);
}

static void put_outcome(struct gw_buffer *out, const struct gw_row *row)
{
    gw_buffer_u64(out, row->epoch);
    gw_buffer_varint(out, row->first);
    gw_buffer_varint(out, row->last);
    gw_buffer_u8(out, row->how);
    gw_buffer_u8(out, row->maybe_duplicate ? 1 : 0);
}

void gw_row_put_facts_of(struct gw_buffer *out, const struct gw_row *row)
{
    switch (row->kind) {
    case GW_ROW_META:
        put_meta(out, row);
        break;
    case GW_ROW_STREAM:
        gw_buffer_varint(out, row->number);
        put_destination(out, &row->destination);
        gw_buffer_varint(out, row->floor);
        gw_buffer_varint(out, row->last);
        gw_buffer_u8(out, row->ordered ? 1 : 0);
        break;
    case GW_ROW_SETTLED:
    case GW_ROW_DECIDED:
        gw_buffer_varint(out, row->last);
        break;
    case GW_ROW_ASSIGNMENT:
        gw_buffer_varint(out, row->last);
        gw_buffer_varint(out, row->number);
        gw_buffer_string(out, row->peer);
        gw_buffer_u8(out, row->maybe_duplicate ? 1 : 0);
        break;
    case GW_ROW_OFFERED:
        gw_buffer_u8(out, row->flag ? 1 : 0);
        gw_buffer_u8(out, row->memory ? 1 : 0);
        break;
    case GW_ROW_WINDOW:
        put_window(out, row);
        break;
    case GW_ROW_STORY:
        put_failure(out, row);
        break;
    case GW_ROW_EXCEPTION:
        gw_buffer_u8(out, row->how);
        gw_buffer_varint(out, row->code);
        put_text(out, row->text);
        break;
    case GW_ROW_CRASHED:
        gw_buffer_varint(out, row->last);
        gw_buffer_varint(out, row->number);
        break;
    case GW_ROW_DEAD:
        put_destination(out, &row->destination);
        gw_buffer_string(out, row->peer);
        gw_buffer_u8(out, row->how);
        gw_buffer_u8(out, row->maybe_duplicate ? 1 : 0);
        put_failure(out, row);
        break;
    case GW_ROW_OUTCOME:
        put_outcome(out, row);
        break;
    default:
        assert(!"batches and application keys have calls of their own");
    }
}

void gw_row_put(struct gw_write *write, const struct gw_row *row)
{
    struct gw_row_building building;

    assert(row->kind != GW_ROW_DEAD);
    gw_row_put_key_of(gw_row_begin(&building, write), row);
    gw_row_put_facts_of(gw_row_begin_value(&building), row);
    gw_row_end(&building);
}

void gw_row_delete(struct gw_write *write, const struct gw_row *row)
{
    size_t key = write->bytes.size;

    gw_row_put_key_of(&write->bytes, row);
    gw_write_delete_built(write, key);
}

/* Reads. */

bool gw_row_check(struct gw_slice key, struct gw_slice value, struct gw_slice *rest)
{
    struct gw_reader reader = gw_reader_of(value.data, value.size);
    uint32_t crc = gw_read_u32(&reader);

    if (reader.failed)
        return false;
    *rest = slice_of(reader.at, gw_reader_left(&reader));
    if (GW_PLANT(ROW_UNCHECKED))
        return true;
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
    if (destination->kind < GW_KIND_STAGE || destination->kind > GW_KIND_REPLY)
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
    case GW_ROW_STORY:
    case GW_ROW_EXCEPTION:
    case GW_ROW_CRASHED:
    case GW_ROW_DEAD:
        row->epoch = gw_read_u64(key);
        row->first = gw_read_u64(key);
        break;
    case GW_ROW_OFFERED:
        row->epoch = gw_read_u64(key);
        read_member(key, row->peer);
        break;
    case GW_ROW_OUTCOME:
        row->number = gw_read_u64(key);
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

static uint8_t read_how(struct gw_reader *value, uint8_t max)
{
    uint8_t how = gw_read_u8(value);

    if (how == 0 || how > max)
        value->failed = true;
    return how;
}

static uint32_t read_code(struct gw_reader *value)
{
    uint64_t code = gw_read_varint(value);

    if (code > UINT32_MAX)
        value->failed = true;
    return (uint32_t)code;
}

static struct gw_slice read_text(struct gw_reader *value)
{
    uint64_t size = gw_read_varint(value);

    if (size > GW_TEXT_MAX)
        value->failed = true;
    return value->failed ? slice_of(NULL, 0) : gw_read_slice(value, (size_t)size);
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

/* Sequences begin at 1. */
static uint64_t read_floor(struct gw_reader *value)
{
    uint64_t floor = gw_read_varint(value);
    value->failed |= floor == 0;
    return floor;
}

static void read_window(struct gw_reader *value, struct gw_row *row)
{
    gw_read_string(value, row->peer, sizeof row->peer);
    read_destination(value, &row->destination);
    row->floor = read_floor(value);
    row->flag = read_flag(value);
    row->last = gw_read_varint(value);
    row->memory = read_flag(value);
}

static void read_failure(struct gw_reader *value, struct gw_row *row)
{
    row->attempts = gw_read_varint(value);
    row->first_ms = gw_read_varint(value);
    row->last_ms = gw_read_varint(value);
    row->code = read_code(value);
    row->text = read_text(value);
}

static void read_outcome(struct gw_reader *value, struct gw_row *row)
{
    row->epoch = gw_read_u64(value);
    row->first = gw_read_varint(value);
    row->last = read_last(value, row->first);
    row->how = read_how(value, GW_OUTCOME_ABANDONED);
    row->maybe_duplicate = read_flag(value);
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
        row->floor = read_floor(value);
        row->last = gw_read_varint(value);
        row->ordered = read_flag(value);
        break;
    case GW_ROW_SETTLED:
    case GW_ROW_DECIDED:
        row->last = read_last(value, row->first);
        break;
    case GW_ROW_ASSIGNMENT:
        row->last = read_last(value, row->first);
        row->number = gw_read_varint(value);
        gw_read_string(value, row->peer, sizeof row->peer);
        row->maybe_duplicate = read_flag(value);
        break;
    case GW_ROW_OFFERED:
        row->flag = read_flag(value);
        row->memory = read_flag(value);
        break;
    case GW_ROW_WINDOW:
        read_window(value, row);
        break;
    case GW_ROW_STORY:
        read_failure(value, row);
        break;
    case GW_ROW_EXCEPTION:
        row->how = read_how(value, GW_EXCEPTION_SKIPPED);
        row->code = read_code(value);
        row->text = read_text(value);
        break;
    case GW_ROW_CRASHED:
        row->last = read_last(value, row->first);
        row->number = gw_read_varint(value);
        break;
    case GW_ROW_DEAD:
        read_destination(value, &row->destination);
        gw_read_string(value, row->peer, sizeof row->peer);
        row->how = read_how(value, GW_DEATH_ATTEMPTS);
        row->maybe_duplicate = read_flag(value);
        read_failure(value, row);
        break;
    case GW_ROW_OUTCOME:
        read_outcome(value, row);
        break;
    }
}

enum gw_store_error gw_row_read_facts(struct gw_slice key, struct gw_slice value,
                                      struct gw_row *row, struct gw_reader *rest)
{
    struct gw_slice checked;

    if (!gw_row_check(key, value, &checked))
        return GW_STORE_CORRUPT;
    struct gw_reader keys = gw_reader_of(key.data, key.size);
    *rest = gw_reader_of(checked.data, checked.size);
    read_key(&keys, row);
    if (keys.failed || gw_reader_left(&keys) > 0)
        return GW_STORE_CORRUPT;
    if (row->kind == GW_ROW_META) {
        row->format = gw_read_varint(rest);
        if (!rest->failed && row->format != GW_STORE_FORMAT)
            return GW_STORE_VERSION; /* what follows may have another shape */
    }
    read_facts(rest, row);
    return rest->failed ? GW_STORE_CORRUPT : GW_STORE_OK;
}

enum gw_store_error gw_row_read(struct gw_slice key, struct gw_slice value, struct gw_row *row)
{
    struct gw_row read = {0};
    struct gw_reader rest;
    struct gw_slice message;
    uint32_t head;

    if (key.size > 0 && key.data[0] == GW_ROW_DEAD)
        return gw_row_read_message(key, value, row, &head, &message);
    enum gw_store_error error = gw_row_read_facts(key, value, &read, &rest);
    if (error == GW_STORE_OK && gw_reader_left(&rest) > 0)
        error = GW_STORE_CORRUPT;
    if (error == GW_STORE_OK)
        *row = read;
    return error;
}

static bool has_sequence(enum gw_row_kind kind)
{
    switch (kind) {
    case GW_ROW_BATCH:
    case GW_ROW_SETTLED:
    case GW_ROW_ASSIGNMENT:
    case GW_ROW_DECIDED:
    case GW_ROW_STORY:
    case GW_ROW_EXCEPTION:
    case GW_ROW_CRASHED:
    case GW_ROW_DEAD:
        return true;
    default:
        return false;
    }
}

void gw_row_seek(struct gw_buffer *key, enum gw_row_kind kind, uint64_t epoch, uint64_t sequence)
{
    gw_buffer_reset(key);
    gw_buffer_u8(key, (uint8_t)kind);
    if (kind == GW_ROW_META || kind == GW_ROW_KEY)
        return;
    gw_buffer_u64(key, epoch);
    if (has_sequence(kind))
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
