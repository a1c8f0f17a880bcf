/* SPDX-License-Identifier: MPL-2.0 */

/* A write in words, for traces. */

#include "port.h"
#include "store/row.h"
#include "world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *at;
    size_t size;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text->at + text->used, text->size - text->used, format, arguments);
    va_end(arguments);
    if (length > 0)
        text->used += (size_t)length < text->size - text->used ? (size_t)length
                                                               : text->size - text->used - 1;
}

static void say_batch(struct text *text, uint64_t number, struct gw_slice key,
                      struct gw_slice value)
{
    struct gw_batch *batch = NULL;

    if (gw_row_read_batch(key, value, false, &batch) != GW_STORE_OK) {
        say(text, "batch ?");
        return;
    }
    say(text, "batch e%" PRIu64 " %" PRIu64 "..%" PRIu64, number, batch->first,
        gw_batch_last(batch));
    gw_batch_drop(batch);
}

static void say_row(struct text *text, uint64_t number, const struct gw_row *row)
{
    switch (row->kind) {
    case GW_ROW_STREAM:
        say(text, "stream e%" PRIu64 " floor %" PRIu64, number, row->floor);
        break;
    case GW_ROW_SETTLED:
        say(text, "settled e%" PRIu64 " %" PRIu64 "..%" PRIu64, number, row->first, row->last);
        break;
    case GW_ROW_ASSIGNMENT:
        say(text, "assigned e%" PRIu64 " %" PRIu64 "..%" PRIu64 " %s", number, row->first,
            row->last, row->peer);
        break;
    case GW_ROW_OFFERED:
        say(text, "offered e%" PRIu64 " %s%s", number, row->peer, row->flag ? " known" : "");
        break;
    case GW_ROW_WINDOW:
        say(text, "window e%" PRIu64 " floor %" PRIu64 "%s", number, row->floor,
            row->flag ? " closed" : "");
        break;
    case GW_ROW_DECIDED:
        say(text, "decided e%" PRIu64 " %" PRIu64 "..%" PRIu64, number, row->first, row->last);
        break;
    default:
        say(text, "row %c", row->kind);
    }
}

static const char *deleted(uint8_t kind)
{
    switch (kind) {
    case GW_ROW_STREAM:
        return "no stream";
    case GW_ROW_BATCH:
        return "no batch";
    case GW_ROW_SETTLED:
        return "no settled";
    case GW_ROW_ASSIGNMENT:
        return "no assigned";
    case GW_ROW_OFFERED:
        return "no offered";
    case GW_ROW_WINDOW:
        return "no window";
    case GW_ROW_DECIDED:
        return "no decided";
    default:
        return "no row";
    }
}

static uint64_t number_at(struct gw_slice key, size_t offset)
{
    struct gw_reader reader = gw_reader_of(key.data, key.size);

    gw_read_slice(&reader, offset);
    return gw_read_u64(&reader);
}

static void say_put(struct sim_peer *peer, struct text *text, const struct gw_write *write,
                    const struct gw_write_op *op, uint64_t number)
{
    struct gw_slice key = {write->bytes.data + op->key, op->key_size};
    size_t outside = op->outside ? op->outside_size : 0;
    struct gw_slice value = {NULL, op->value_size + outside};
    uint8_t *bytes = malloc(value.size + 1);
    struct gw_row row;

    if (!bytes)
        abort();
    memcpy(bytes, write->bytes.data + op->value, op->value_size);
    if (outside)
        memcpy(bytes + op->value_size, op->outside, outside);
    value.data = bytes;
    if (key.data[0] == GW_ROW_KEY)
        say(text, "key");
    else if (key.data[0] == GW_ROW_BATCH)
        say_batch(text, number, key, value);
    else if (gw_row_read(key, value, &row) == GW_STORE_OK)
        say_row(text, number, &row);
    else
        sim_fail(peer->world, "%s writes a row of kind %c that cannot be read", peer->name,
                 key.data[0]);
    free(bytes);
}

void sim_describe_write(struct sim_peer *peer, const struct gw_write *write, char *buffer,
                        size_t size)
{
    struct text text = {.at = buffer, .size = size};

    buffer[0] = '\0';
    for (size_t i = 0; i < write->count; i++) {
        const struct gw_write_op *op = &write->ops[i];
        struct gw_slice key = {write->bytes.data + op->key, op->key_size};
        uint64_t number = 0;
        if (key.data[0] != GW_ROW_KEY && key.data[0] != GW_ROW_META)
            number = sim_trace_epoch(peer->world->trace, number_at(key, 1));
        say(&text, "%s", i ? ", " : "");
        if (op->put)
            say_put(peer, &text, write, op, number);
        else if (key.size >= 17 && key.data[0] != GW_ROW_OFFERED)
            say(&text, "%s e%" PRIu64 " %" PRIu64, deleted(key.data[0]), number,
                number_at(key, 9));
        else
            say(&text, "%s e%" PRIu64, deleted(key.data[0]), number);
    }
}
