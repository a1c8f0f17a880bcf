/* SPDX-License-Identifier: MPL-2.0 */

/* Bytes to frames, in four steps that each rely on the one before: the preamble says whether these
 * are bytes of our version; the prescan, that every length in them is true; msgpack-c makes objects
 * of them; the readers below give each field its type and the check of check.c its range.
 *
 * A decoder owns all the memory that a frame can need: one zone chunk for as many objects as the
 * prescan lets through, and arrays for as many items as the protocol allows. So decoding never
 * allocates, and what a frame costs is bounded before the first one arrives (fault H03). */

#include "wire/wire.h"

#include "wire/columns.h"
#include "wire/limits.h"

#include <msgpack/unpack.h>
#include <stdlib.h>
#include <string.h>

struct gw_decoder {
    msgpack_zone zone;
    struct gw_floor floors[GW_FLOORS_MAX];
    struct gw_serve serves[GW_SERVES_MAX];
    struct gw_ack_epoch epochs[GW_ACK_EPOCHS_MAX];
    struct gw_credit credits[GW_SERVES_MAX];
    uint64_t closed[GW_ACK_EPOCHS_MAX];
    struct gw_range ranges[GW_ACK_RANGES_MAX];
    size_t range_count;
    struct gw_exception exceptions[GW_ACK_EXCEPTIONS_MAX];
    size_t exception_count;
    struct gw_return returns[GW_ACK_RETURNS_MAX];
    size_t return_count;
};

/* The elements of an array, taken one after the other. The first failure sticks: readers go on with
 * zeros, and the caller looks once at the end. */
struct fields {
    const msgpack_object *at;
    uint32_t left;
    const char *why; /* NULL: fine so far */
};

static const struct msgpack_object nothing = {.type = MSGPACK_OBJECT_NIL};

struct gw_decoder *gw_decoder_new(void)
{
    struct gw_decoder *decoder = malloc(sizeof *decoder);

    if (!decoder)
        return NULL;
    if (!msgpack_zone_init(&decoder->zone, GW_WIRE_OBJECTS_MAX * sizeof(msgpack_object))) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void gw_decoder_destroy(struct gw_decoder **decoder)
{
    if (!*decoder)
        return;
    msgpack_zone_destroy(&(*decoder)->zone);
    free(*decoder);
    *decoder = NULL;
}

static void fail(struct fields *fields, const char *why)
{
    if (!fields->why)
        fields->why = why;
}

/* The next element, which must be of this type; one of another type reads as nothing. */
static const msgpack_object *take(struct fields *fields, msgpack_object_type type, const char *why)
{
    const msgpack_object *object = fields->at;

    if (fields->why || fields->left == 0 || object->type != type) {
        fail(fields, fields->left == 0 ? "too few fields" : why);
        return &nothing;
    }
    fields->at++;
    fields->left--;
    return object;
}

static uint64_t take_number(struct fields *fields, const char *why)
{
    return take(fields, MSGPACK_OBJECT_POSITIVE_INTEGER, why)->via.u64;
}

static bool take_boolean(struct fields *fields, const char *why)
{
    return take(fields, MSGPACK_OBJECT_BOOLEAN, why)->via.boolean;
}

static struct gw_slice take_bin(struct fields *fields, const char *why)
{
    const msgpack_object *object = take(fields, MSGPACK_OBJECT_BIN, why);

    if (fields->why)
        return (struct gw_slice){0};
    return (struct gw_slice){(const uint8_t *)object->via.bin.ptr, object->via.bin.size};
}

/* msgpack strings end with no NUL and may hold one (hazard MP03): here they get one, and hold
 * none. */
static void take_text(struct fields *fields, char *text, size_t capacity, const char *why)
{
    const msgpack_object *object = take(fields, MSGPACK_OBJECT_STR, why);
    size_t size = fields->why ? 0 : object->via.str.size;

    if (size >= capacity || (size > 0 && memchr(object->via.str.ptr, 0, size))) {
        fail(fields, why);
        size = 0;
    }
    if (size > 0)
        memcpy(text, object->via.str.ptr, size);
    text[size] = '\0';
}

/* As above, but it stays where it is. The check looks for bytes that are no text. */
static struct gw_slice take_text_slice(struct fields *fields, const char *why)
{
    const msgpack_object *object = take(fields, MSGPACK_OBJECT_STR, why);

    if (fields->why)
        return (struct gw_slice){0};
    return (struct gw_slice){(const uint8_t *)object->via.str.ptr, object->via.str.size};
}

static uint32_t take_number_32(struct fields *fields, const char *why)
{
    uint64_t number = take_number(fields, why);

    if (number > UINT32_MAX)
        fail(fields, why);
    return (uint32_t)number;
}

/* A number that the check holds against an enum. */
static uint8_t take_choice(struct fields *fields, const char *why)
{
    uint64_t choice = take_number(fields, why);
    return choice <= UINT8_MAX ? (uint8_t)choice : 0; /* 0 is none, which the check refuses */
}

/* A nested array of at most `most` elements. */
static struct fields take_array(struct fields *fields, size_t most, const char *why)
{
    const msgpack_object *object = take(fields, MSGPACK_OBJECT_ARRAY, why);

    if (!fields->why && object->via.array.size > most)
        fail(fields, why);
    if (fields->why)
        return (struct fields){.why = fields->why};
    return (struct fields){.at = object->via.array.ptr, .left = object->via.array.size};
}

/* Ends the reading of an array: all of it must have been taken. Version 1 ignores nothing. */
static void finish(struct fields *inner, struct fields *outer)
{
    if (inner->left > 0)
        fail(inner, "too many fields");
    if (inner->why)
        fail(outer, inner->why);
}

static void take_destination(struct fields *fields, struct gw_destination *destination)
{
    destination->kind = take_choice(fields, "kind is not a number");
    take_text(fields, destination->name, sizeof destination->name, "not a valid name");
}

static void read_identity(struct fields *fields, struct gw_identity *identity)
{
    identity->version_min = take_number(fields, "version_min is not a number");
    identity->version_max = take_number(fields, "version_max is not a number");
    take_text(fields, identity->name, sizeof identity->name, "not a valid name");
    struct gw_slice store = take_bin(fields, "store is not bytes");
    if (store.size == sizeof identity->store)
        memcpy(identity->store, store.data, store.size);
    else
        fail(fields, "store is not 16 bytes");
    identity->open = take_number(fields, "open is not a number");
    identity->process = take_number(fields, "process is not a number");
    identity->memory = take_boolean(fields, "memory is not a boolean");
    identity->max_message = take_number(fields, "max_message is not a number");
    identity->window = take_number(fields, "window is not a number");
    identity->heartbeat_ms = take_number(fields, "heartbeat_ms is not a number");
}

static void read_refuse(struct fields *fields, struct gw_frame *frame)
{
    frame->u.refuse.code = take_number(fields, "code is not a number");
    frame->u.refuse.epoch = take_number(fields, "epoch is not a number");
    take_text(fields, frame->u.refuse.text, sizeof frame->u.refuse.text, "not a valid text");
}

static void read_ping(struct gw_decoder *decoder, struct fields *fields, struct gw_frame *frame)
{
    frame->u.ping.time_us = take_number(fields, "time_us is not a number");
    frame->u.ping.frames = take_number(fields, "frames is not a number");
    struct fields list = take_array(fields, GW_FLOORS_MAX, "floors is not a short array");
    size_t count = list.left;

    for (size_t i = 0; i < count; i++) {
        struct fields item = take_array(&list, 3, "a floor is not an array of 3");
        decoder->floors[i].epoch = take_number(&item, "epoch is not a number");
        decoder->floors[i].floor = take_number(&item, "floor is not a number");
        decoder->floors[i].last = take_number(&item, "last is not a number");
        finish(&item, &list);
    }
    finish(&list, fields);
    frame->u.ping.floors = decoder->floors;
    frame->u.ping.floor_count = count;
}

static void read_serve(struct gw_decoder *decoder, struct fields *fields, struct gw_frame *frame)
{
    struct fields list = take_array(fields, GW_SERVES_MAX, "destinations is not a short array");
    size_t count = list.left;

    for (size_t i = 0; i < count; i++) {
        struct gw_serve *serve = &decoder->serves[i];
        struct fields item = take_array(&list, 5, "a destination is not an array of 5");
        take_destination(&item, &serve->destination);
        serve->weight = take_number(&item, "weight is not a number");
        serve->credit_messages = take_number(&item, "credit_messages is not a number");
        serve->credit_bytes = take_number(&item, "credit_bytes is not a number");
        finish(&item, &list);
    }
    finish(&list, fields);
    frame->u.serve.items = decoder->serves;
    frame->u.serve.count = count;
}

static void read_open(struct fields *fields, struct gw_frame *frame)
{
    take_destination(fields, &frame->u.open.destination);
    frame->u.open.epoch = take_number(fields, "epoch is not a number");
    frame->u.open.floor = take_number(fields, "floor is not a number");
    frame->u.open.last = take_number(fields, "last is not a number");
    frame->u.open.fresh = take_boolean(fields, "fresh is not a boolean");
    frame->u.open.ordered = take_boolean(fields, "ordered is not a boolean");
}

static void read_data(struct fields *fields, struct gw_frame *frame)
{
    frame->u.data.floor = take_number(fields, "floor is not a number");
    uint64_t flags = take_number(fields, "flags is not a number");
    if (flags & ~(uint64_t)(GW_WIRE_REDELIVERED | GW_WIRE_MAYBE_DUPLICATE))
        fail(fields, "unknown flags");
    frame->u.data.redelivered = flags & GW_WIRE_REDELIVERED;
    frame->u.data.maybe_duplicate = flags & GW_WIRE_MAYBE_DUPLICATE;
    frame->u.data.number = take_number(fields, "number is not a number");
    frame->u.data.attempt = take_number(fields, "attempt is not a number");
    frame->u.data.epoch = take_number(fields, "epoch is not a number");
    frame->u.data.first = take_number(fields, "first is not a number");
    frame->u.data.count = take_number(fields, "count is not a number");
    frame->u.data.lengths = take_bin(fields, "lengths is not bytes");
    frame->u.data.heads = take_bin(fields, "heads is not bytes");
    frame->u.data.crc = take_number_32(fields, "crc is not a number of 32 bits");
}

static const struct gw_range *take_ranges(struct gw_decoder *decoder, struct fields *fields,
                                          uint64_t floor, size_t *count)
{
    struct gw_slice column = take_bin(fields, "ranges is not bytes");
    struct gw_range *ranges = decoder->ranges + decoder->range_count;
    size_t room = GW_ACK_RANGES_MAX - decoder->range_count;

    *count = 0;
    if (fields->why)
        return ranges;
    if (gw_ranges_column_read(column, floor, ranges, room, count) != 0)
        fail(fields, "ranges malformed, out of range or too many");
    decoder->range_count += *count;
    return ranges;
}

static void take_exceptions(struct gw_decoder *decoder, struct fields *fields,
                            struct gw_ack_epoch *epoch)
{
    size_t room = GW_ACK_EXCEPTIONS_MAX - decoder->exception_count;
    struct fields list = take_array(fields, room, "exceptions is not a short array");
    struct gw_exception *exceptions = decoder->exceptions + decoder->exception_count;
    size_t count = list.left;

    for (size_t i = 0; i < count; i++) {
        struct fields item = take_array(&list, 4, "an exception is not an array of 4");
        exceptions[i].sequence = take_number(&item, "sequence is not a number");
        exceptions[i].kind = take_choice(&item, "kind is not a number");
        exceptions[i].code = take_number_32(&item, "code is not a number of 32 bits");
        exceptions[i].text = take_text_slice(&item, "not a valid text");
        finish(&item, &list);
    }
    finish(&list, fields);
    decoder->exception_count += count;
    epoch->exceptions = exceptions;
    epoch->exception_count = count;
}

static void take_returns(struct gw_decoder *decoder, struct fields *fields,
                         struct gw_ack_epoch *epoch)
{
    size_t room = GW_ACK_RETURNS_MAX - decoder->return_count;
    struct fields list = take_array(fields, room, "returns is not a short array");
    struct gw_return *returns = decoder->returns + decoder->return_count;
    size_t count = list.left;

    for (size_t i = 0; i < count; i++) {
        struct fields item = take_array(&list, 6, "a return is not an array of 6");
        returns[i].first = take_number(&item, "first is not a number");
        returns[i].last = take_number(&item, "last is not a number");
        returns[i].kind = take_choice(&item, "kind is not a number");
        returns[i].number = take_number(&item, "number is not a number");
        returns[i].delay_ms = take_number_32(&item, "delay_ms is not a number of 32 bits");
        returns[i].text = take_text_slice(&item, "not a valid text");
        finish(&item, &list);
    }
    finish(&list, fields);
    decoder->return_count += count;
    epoch->returns = returns;
    epoch->return_count = count;
}

static void read_epochs(struct gw_decoder *decoder, struct fields *fields, struct gw_frame *frame)
{
    struct fields list = take_array(fields, GW_ACK_EPOCHS_MAX, "epochs is not a short array");
    size_t count = list.left;

    decoder->range_count = decoder->exception_count = decoder->return_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct gw_ack_epoch *epoch = &decoder->epochs[i];
        struct fields item = take_array(&list, 7, "an epoch is not an array of 7");
        epoch->epoch = take_number(&item, "epoch is not a number");
        epoch->floor = take_number(&item, "floor is not a number");
        epoch->decided = take_ranges(decoder, &item, epoch->floor, &epoch->decided_count);
        epoch->in_hand = take_ranges(decoder, &item, epoch->floor, &epoch->in_hand_count);
        epoch->handed = take_ranges(decoder, &item, epoch->floor, &epoch->handed_count);
        take_exceptions(decoder, &item, epoch);
        take_returns(decoder, &item, epoch);
        finish(&item, &list);
    }
    finish(&list, fields);
    frame->u.ack.epochs = decoder->epochs;
    frame->u.ack.epoch_count = count;
}

static void read_credits(struct gw_decoder *decoder, struct fields *fields, struct gw_frame *frame)
{
    struct fields list = take_array(fields, GW_SERVES_MAX, "credits is not a short array");
    size_t count = list.left;

    for (size_t i = 0; i < count; i++) {
        struct fields item = take_array(&list, 3, "a credit is not an array of 3");
        decoder->credits[i].serve = take_number(&item, "serve is not a number");
        decoder->credits[i].messages = take_number(&item, "messages is not a number");
        decoder->credits[i].bytes = take_number(&item, "bytes is not a number");
        finish(&item, &list);
    }
    finish(&list, fields);
    frame->u.ack.credits = decoder->credits;
    frame->u.ack.credit_count = count;
}

static void read_ack(struct gw_decoder *decoder, struct fields *fields, struct gw_frame *frame)
{
    frame->u.ack.complete = take_boolean(fields, "complete is not a boolean");
    read_epochs(decoder, fields, frame);
    read_credits(decoder, fields, frame);

    struct fields list = take_array(fields, GW_ACK_EPOCHS_MAX, "closed is not a short array");
    size_t count = list.left;
    for (size_t i = 0; i < count; i++)
        decoder->closed[i] = take_number(&list, "epoch is not a number");
    finish(&list, fields);
    frame->u.ack.closed = decoder->closed;
    frame->u.ack.closed_count = count;
}

static void read_skip(struct gw_decoder *decoder, struct fields *fields, struct gw_frame *frame)
{
    decoder->range_count = 0;
    frame->u.skip.epoch = take_number(fields, "epoch is not a number");
    frame->u.skip.number = take_number(fields, "number is not a number");
    frame->u.skip.purpose = take_choice(fields, "purpose is not a number");
    frame->u.skip.code = take_number_32(fields, "code is not a number of 32 bits");
    frame->u.skip.ranges =
        take_ranges(decoder, fields, GW_WIRE_SKIP_FLOOR, &frame->u.skip.range_count);
}

/* The fields of the type. An unknown type reads none: the check names it. */
static void read_fields(struct gw_decoder *decoder, struct fields *fields, struct gw_frame *frame)
{
    switch (frame->type) {
    case GW_FRAME_HELLO:
    case GW_FRAME_WELCOME:
        read_identity(fields, &frame->u.identity);
        break;
    case GW_FRAME_REFUSE:
        read_refuse(fields, frame);
        break;
    case GW_FRAME_BYE:
        frame->u.bye.last = take_boolean(fields, "last is not a boolean");
        break;
    case GW_FRAME_PING:
    case GW_FRAME_PONG:
        read_ping(decoder, fields, frame);
        break;
    case GW_FRAME_SERVE:
        read_serve(decoder, fields, frame);
        break;
    case GW_FRAME_OPEN:
        read_open(fields, frame);
        break;
    case GW_FRAME_DATA:
        read_data(fields, frame);
        break;
    case GW_FRAME_ACK:
        read_ack(decoder, fields, frame);
        break;
    case GW_FRAME_CLOSED:
        frame->u.closed.epoch = take_number(fields, "epoch is not a number");
        frame->u.closed.last = take_number(fields, "last is not a number");
        break;
    case GW_FRAME_SKIP:
        read_skip(decoder, fields, frame);
        break;
    default: /* READY, RESET */
        break;
    }
}

/* NULL, or what is wrong. `top` is the header's array: three fields of it were read already. */
static const char *read_frame(struct gw_decoder *decoder, const msgpack_object *top,
                              struct gw_frame *frame)
{
    struct fields all = {.at = top->via.array.ptr, .left = top->via.array.size};
    struct fields outer = {0};

    take_number(&all, "the version is not a number");
    take_number(&all, "the type is not a number");
    take_number(&all, "the link id is not a number");
    read_fields(decoder, &all, frame);
    finish(&all, &outer);
    return outer.why ? outer.why : gw_frame_check(frame);
}

static enum gw_decode_result malformed(struct gw_frame *frame, const char **why, const char *text)
{
    memset(frame, 0, sizeof *frame);
    *why = text;
    return GW_DECODE_MALFORMED;
}

enum gw_decode_result gw_decode(struct gw_decoder *decoder, const void *header, size_t size,
                                struct gw_frame *frame, const char **why)
{
    struct gw_preamble preamble;
    msgpack_object top;
    size_t used = 0;

    *why = NULL;
    memset(frame, 0, sizeof *frame);
    if (size > GW_HEADER_MAX)
        return malformed(frame, why, "header too large");
    const char *wrong = gw_preamble_read(header, size, &preamble);
    if (wrong)
        return malformed(frame, why, wrong);
    frame->type = preamble.type;
    frame->link = preamble.link;
    if (preamble.version != GW_WIRE_VERSION)
        return GW_DECODE_VERSION;
    wrong = gw_prescan(header, size);
    if (wrong)
        return malformed(frame, why, wrong);

    msgpack_zone_clear(&decoder->zone);
    switch (msgpack_unpack(header, size, &used, &decoder->zone, &top)) {
    case MSGPACK_UNPACK_SUCCESS:
        break;
    case MSGPACK_UNPACK_NOMEM_ERROR:
        return GW_DECODE_NOMEM;
    default:
        return malformed(frame, why, "not msgpack");
    }
    if (used != size || top.type != MSGPACK_OBJECT_ARRAY) /* hazard MP02 */
        return malformed(frame, why, "not one array");
    wrong = read_frame(decoder, &top, frame);
    return wrong ? malformed(frame, why, wrong) : GW_DECODE_OK;
}
