/* SPDX-License-Identifier: MPL-2.0 */

/* Frames to bytes. Packing can fail only where the buffer grows, and the buffer remembers that
 * (hazard MP05): nothing is checked between the fields. The order of the fields is that of
 * docs/protocol.md and of decode.c. */

#include "wire/wire.h"

#include "wire/columns.h"
#include "wire/limits.h"

#include <errno.h>
#include <msgpack/pack.h>
#include <string.h>

static int append(void *data, const char *bytes, size_t size)
{
    struct gw_buffer *out = data;

    gw_buffer_append(out, bytes, size);
    return gw_buffer_failed(out) ? -1 : 0;
}

static void put_boolean(msgpack_packer *packer, bool value)
{
    if (value)
        msgpack_pack_true(packer);
    else
        msgpack_pack_false(packer);
}

static void put_bin(msgpack_packer *packer, const void *data, size_t size)
{
    msgpack_pack_bin(packer, size);
    msgpack_pack_bin_body(packer, data, size);
}

static void put_text(msgpack_packer *packer, const char *text)
{
    size_t size = strlen(text);

    msgpack_pack_str(packer, size);
    msgpack_pack_str_body(packer, text, size);
}

/* A text that is no C string. Checked before. */
static void put_text_slice(msgpack_packer *packer, struct gw_slice text)
{
    msgpack_pack_str(packer, text.size);
    if (text.size > 0)
        msgpack_pack_str_body(packer, text.data, text.size);
}

static void put_ranges(msgpack_packer *packer, const struct gw_range *ranges, size_t count,
                       uint64_t floor)
{
    msgpack_pack_bin(packer, gw_ranges_column_size(ranges, count, floor));
    gw_ranges_column_write(packer->data, ranges, count, floor);
}

/* The array's head and the fields that every frame has; `fields` counts the rest. */
static void put_start(msgpack_packer *packer, const struct gw_frame *frame, size_t fields)
{
    msgpack_pack_array(packer, 3 + fields);
    msgpack_pack_uint64(packer, GW_WIRE_VERSION);
    msgpack_pack_uint64(packer, frame->type);
    msgpack_pack_uint64(packer, frame->link);
}

static void put_identity(msgpack_packer *packer, const struct gw_frame *frame)
{
    const struct gw_identity *identity = &frame->u.identity;

    put_start(packer, frame, 10);
    msgpack_pack_uint64(packer, identity->version_min);
    msgpack_pack_uint64(packer, identity->version_max);
    put_text(packer, identity->name);
    put_bin(packer, identity->store, sizeof identity->store);
    msgpack_pack_uint64(packer, identity->open);
    msgpack_pack_uint64(packer, identity->process);
    put_boolean(packer, identity->memory);
    msgpack_pack_uint64(packer, identity->max_message);
    msgpack_pack_uint64(packer, identity->window);
    msgpack_pack_uint64(packer, identity->heartbeat_ms);
}

static void put_refuse(msgpack_packer *packer, const struct gw_frame *frame)
{
    put_start(packer, frame, 3);
    msgpack_pack_uint64(packer, frame->u.refuse.code);
    msgpack_pack_uint64(packer, frame->u.refuse.epoch);
    put_text(packer, frame->u.refuse.text);
}

static void put_bye(msgpack_packer *packer, const struct gw_frame *frame)
{
    put_start(packer, frame, 1);
    put_boolean(packer, frame->u.bye.last);
}

static void put_ping(msgpack_packer *packer, const struct gw_frame *frame)
{
    put_start(packer, frame, 3);
    msgpack_pack_uint64(packer, frame->u.ping.time_us);
    msgpack_pack_uint64(packer, frame->u.ping.frames);
    msgpack_pack_array(packer, frame->u.ping.floor_count);
    for (size_t i = 0; i < frame->u.ping.floor_count; i++) {
        const struct gw_floor *item = &frame->u.ping.floors[i];
        msgpack_pack_array(packer, 3);
        msgpack_pack_uint64(packer, item->epoch);
        msgpack_pack_uint64(packer, item->floor);
        msgpack_pack_uint64(packer, item->last);
    }
}

static void put_serve(msgpack_packer *packer, const struct gw_frame *frame)
{
    put_start(packer, frame, 1);
    msgpack_pack_array(packer, frame->u.serve.count);
    for (size_t i = 0; i < frame->u.serve.count; i++) {
        const struct gw_serve *item = &frame->u.serve.items[i];
        msgpack_pack_array(packer, 5);
        msgpack_pack_uint64(packer, item->destination.kind);
        put_text(packer, item->destination.name);
        msgpack_pack_uint64(packer, item->weight);
        msgpack_pack_uint64(packer, item->credit_messages);
        msgpack_pack_uint64(packer, item->credit_bytes);
    }
}

static void put_open(msgpack_packer *packer, const struct gw_frame *frame)
{
    put_start(packer, frame, 7);
    msgpack_pack_uint64(packer, frame->u.open.destination.kind);
    put_text(packer, frame->u.open.destination.name);
    msgpack_pack_uint64(packer, frame->u.open.epoch);
    msgpack_pack_uint64(packer, frame->u.open.floor);
    msgpack_pack_uint64(packer, frame->u.open.last);
    put_boolean(packer, frame->u.open.fresh);
    put_boolean(packer, frame->u.open.ordered);
}

/* What changes from sending to sending first, then what is the batch's own. */
static void put_data(msgpack_packer *packer, const struct gw_frame *frame)
{
    put_start(packer, frame, 10);
    msgpack_pack_uint64(packer, frame->u.data.floor);
    msgpack_pack_uint64(packer, (frame->u.data.redelivered ? GW_WIRE_REDELIVERED : 0) |
                                    (frame->u.data.maybe_duplicate ? GW_WIRE_MAYBE_DUPLICATE : 0));
    msgpack_pack_uint64(packer, frame->u.data.number);
    msgpack_pack_uint64(packer, frame->u.data.attempt);
    msgpack_pack_uint64(packer, frame->u.data.epoch);
    msgpack_pack_uint64(packer, frame->u.data.first);
    msgpack_pack_uint64(packer, frame->u.data.count);
    put_bin(packer, frame->u.data.lengths.data, frame->u.data.lengths.size);
    put_bin(packer, frame->u.data.heads.data, frame->u.data.heads.size);
    msgpack_pack_uint32(packer, frame->u.data.crc);
}

static void put_exceptions(msgpack_packer *packer, const struct gw_ack_epoch *epoch)
{
    msgpack_pack_array(packer, epoch->exception_count);
    for (size_t i = 0; i < epoch->exception_count; i++) {
        const struct gw_exception *item = &epoch->exceptions[i];
        msgpack_pack_array(packer, 4);
        msgpack_pack_uint64(packer, item->sequence);
        msgpack_pack_uint64(packer, item->kind);
        msgpack_pack_uint64(packer, item->code);
        put_text_slice(packer, item->text);
    }
}

static void put_returns(msgpack_packer *packer, const struct gw_ack_epoch *epoch)
{
    msgpack_pack_array(packer, epoch->return_count);
    for (size_t i = 0; i < epoch->return_count; i++) {
        const struct gw_return *item = &epoch->returns[i];
        msgpack_pack_array(packer, 6);
        msgpack_pack_uint64(packer, item->first);
        msgpack_pack_uint64(packer, item->last);
        msgpack_pack_uint64(packer, item->kind);
        msgpack_pack_uint64(packer, item->number);
        msgpack_pack_uint64(packer, item->delay_ms);
        put_text_slice(packer, item->text);
    }
}

static void put_ack(msgpack_packer *packer, const struct gw_frame *frame)
{
    put_start(packer, frame, 4);
    put_boolean(packer, frame->u.ack.complete);
    msgpack_pack_array(packer, frame->u.ack.epoch_count);
    for (size_t i = 0; i < frame->u.ack.epoch_count; i++) {
        const struct gw_ack_epoch *item = &frame->u.ack.epochs[i];
        msgpack_pack_array(packer, 7);
        msgpack_pack_uint64(packer, item->epoch);
        msgpack_pack_uint64(packer, item->floor);
        put_ranges(packer, item->decided, item->decided_count, item->floor);
        put_ranges(packer, item->in_hand, item->in_hand_count, item->floor);
        put_ranges(packer, item->handed, item->handed_count, item->floor);
        put_exceptions(packer, item);
        put_returns(packer, item);
    }
    msgpack_pack_array(packer, frame->u.ack.credit_count);
    for (size_t i = 0; i < frame->u.ack.credit_count; i++) {
        const struct gw_credit *item = &frame->u.ack.credits[i];
        msgpack_pack_array(packer, 3);
        msgpack_pack_uint64(packer, item->serve);
        msgpack_pack_uint64(packer, item->messages);
        msgpack_pack_uint64(packer, item->bytes);
    }
    msgpack_pack_array(packer, frame->u.ack.closed_count);
    for (size_t i = 0; i < frame->u.ack.closed_count; i++)
        msgpack_pack_uint64(packer, frame->u.ack.closed[i]);
}

static void put_closed(msgpack_packer *packer, const struct gw_frame *frame)
{
    put_start(packer, frame, 2);
    msgpack_pack_uint64(packer, frame->u.closed.epoch);
    msgpack_pack_uint64(packer, frame->u.closed.last);
}

static void put_skip(msgpack_packer *packer, const struct gw_frame *frame)
{
    put_start(packer, frame, 5);
    msgpack_pack_uint64(packer, frame->u.skip.epoch);
    msgpack_pack_uint64(packer, frame->u.skip.number);
    msgpack_pack_uint64(packer, frame->u.skip.purpose);
    msgpack_pack_uint64(packer, frame->u.skip.code);
    put_ranges(packer, frame->u.skip.ranges, frame->u.skip.range_count, GW_WIRE_SKIP_FLOOR);
}

static void put_frame(msgpack_packer *packer, const struct gw_frame *frame)
{
    switch (frame->type) {
    case GW_FRAME_HELLO:
    case GW_FRAME_WELCOME:
        put_identity(packer, frame);
        break;
    case GW_FRAME_REFUSE:
        put_refuse(packer, frame);
        break;
    case GW_FRAME_BYE:
        put_bye(packer, frame);
        break;
    case GW_FRAME_PING:
    case GW_FRAME_PONG:
        put_ping(packer, frame);
        break;
    case GW_FRAME_SERVE:
        put_serve(packer, frame);
        break;
    case GW_FRAME_OPEN:
        put_open(packer, frame);
        break;
    case GW_FRAME_DATA:
        put_data(packer, frame);
        break;
    case GW_FRAME_ACK:
        put_ack(packer, frame);
        break;
    case GW_FRAME_CLOSED:
        put_closed(packer, frame);
        break;
    case GW_FRAME_SKIP:
        put_skip(packer, frame);
        break;
    default: /* READY, RESET; gw_frame_check knows no other */
        put_start(packer, frame, 0);
    }
}

int gw_encode(const struct gw_frame *frame, struct gw_buffer *out)
{
    size_t before = out->size;
    msgpack_packer packer;
    int result = 0;

    if (gw_frame_check(frame))
        return -EINVAL;
    msgpack_packer_init(&packer, out, append);
    put_frame(&packer, frame);
    if (gw_buffer_failed(out))
        result = -ENOMEM;
    else if (out->size - before > GW_HEADER_MAX)
        result = -EINVAL;
    if (result)
        out->size = before;
    return result;
}
