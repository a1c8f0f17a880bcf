/* SPDX-License-Identifier: MPL-2.0 */

/* The range of every field, as docs/protocol.md states it. What a frame means at this moment on
 * this link is the core's affair; here it must only make sense on its own. */

#include "wire/columns.h"
#include "wire/limits.h"

#include <string.h>

#define CHECK(condition, text)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return text;                                                                           \
    } while (0)

static bool within(uint64_t value, uint64_t least, uint64_t most)
{
    return value >= least && value <= most;
}

/* A floor is the last sequence plus one at most: everything is settled then. */
static bool floor_fits(uint64_t floor, uint64_t last)
{
    return last <= GW_SEQUENCE_MAX && within(floor, 1, last + 1);
}

static bool destination_valid(const struct gw_destination *destination)
{
    return within(destination->kind, GW_KIND_STAGE, GW_KIND_REPLY) &&
           gw_name_valid(destination->name);
}

/* Text that people will be shown. */
static const char *check_text(const void *text, size_t size)
{
    const uint8_t *bytes = text;

    CHECK(size <= GW_TEXT_MAX, "text too long");
    for (size_t i = 0; i < size; i++)
        CHECK(within(bytes[i], 0x20, 0x7e), "text is not printable ASCII");
    return NULL;
}

static const char *check_identity(const struct gw_identity *identity)
{
    CHECK(identity->version_min >= 1, "version_min out of range");
    CHECK(identity->version_max >= identity->version_min, "version_max below version_min");
    CHECK(gw_name_valid(identity->name), "not a valid name");
    CHECK(within(identity->open, 1, GW_SEQUENCE_MAX), "open out of range");
    CHECK(identity->process != 0, "process nonce is zero");
    CHECK(within(identity->max_message, 1, UINT32_MAX), "max_message out of range");
    CHECK(within(identity->window, 1, GW_WINDOW_MAX), "window out of range");
    CHECK(within(identity->heartbeat_ms, GW_WIRE_HEARTBEAT_MIN_MS, GW_WIRE_HEARTBEAT_MAX_MS),
          "heartbeat_ms out of range");
    return NULL;
}

static const char *check_refuse(const struct gw_frame *frame)
{
    CHECK(within(frame->u.refuse.code, 1, GW_WIRE_CODE_MAX), "code out of range");
    CHECK((frame->u.refuse.code == GW_REFUSE_EPOCH) == (frame->u.refuse.epoch != 0),
          "an epoch is named for code EPOCH only");
    CHECK((frame->u.refuse.code == GW_REFUSE_EPOCH) == (frame->link != 0),
          "a link is named for code EPOCH only");
    return check_text(frame->u.refuse.text, strnlen(frame->u.refuse.text, GW_TEXT_MAX + 1));
}

static const char *check_ping(const struct gw_frame *frame)
{
    CHECK(frame->u.ping.frames <= GW_SEQUENCE_MAX, "frames out of range");
    CHECK(frame->u.ping.floor_count <= GW_FLOORS_MAX, "too many floors");
    for (size_t i = 0; i < frame->u.ping.floor_count; i++) {
        const struct gw_floor *item = &frame->u.ping.floors[i];
        CHECK(item->epoch != 0, "epoch is zero");
        CHECK(floor_fits(item->floor, item->last), "floor or last out of range");
    }
    return NULL;
}

static const char *check_serve(const struct gw_frame *frame)
{
    const struct gw_serve *items = frame->u.serve.items;

    CHECK(frame->u.serve.count <= GW_SERVES_MAX, "too many destinations");
    for (size_t i = 0; i < frame->u.serve.count; i++) {
        CHECK(destination_valid(&items[i].destination), "not a valid destination");
        CHECK(within(items[i].weight, 1, GW_WIRE_WEIGHT_MAX), "weight out of range");
        CHECK(items[i].credit_messages <= GW_SEQUENCE_MAX, "credit_messages out of range");
        CHECK(items[i].credit_bytes <= GW_SEQUENCE_MAX, "credit_bytes out of range");
        for (size_t j = 0; j < i; j++)
            CHECK(!gw_destination_equal(&items[i].destination, &items[j].destination),
                  "a destination is listed twice");
    }
    return NULL;
}

static const char *check_open(const struct gw_frame *frame)
{
    CHECK(destination_valid(&frame->u.open.destination), "not a valid destination");
    CHECK(frame->u.open.epoch != 0, "epoch is zero");
    CHECK(floor_fits(frame->u.open.floor, frame->u.open.last), "floor or last out of range");
    return NULL;
}

/* The lengths are read against the body, by gw_lengths_read, and the heads against those, by
 * gw_heads_read; here they must only be long enough for the count, so that nobody makes room for
 * messages that are not there. */
static const char *check_data(const struct gw_frame *frame)
{
    struct gw_slice lengths = frame->u.data.lengths, heads = frame->u.data.heads;

    CHECK(within(frame->u.data.number, 1, GW_OFFER_ANY - 1), "number out of range");
    CHECK(within(frame->u.data.attempt, 1, UINT32_MAX), "attempt out of range");
    CHECK(frame->u.data.epoch != 0, "epoch is zero");
    CHECK(within(frame->u.data.count, 1, GW_RUN_MAX), "count out of range");
    CHECK(within(frame->u.data.first, 1, GW_SEQUENCE_MAX - (frame->u.data.count - 1)),
          "first out of range");
    CHECK(within(frame->u.data.floor, 1, frame->u.data.first), "floor above first");
    CHECK(within(lengths.size, 2, GW_LENGTHS_MAX), "lengths of a wrong size");
    CHECK(lengths.data[0] <= 1, "lengths of an unknown form");
    CHECK(lengths.data[0] == 0 || lengths.size > frame->u.data.count, "fewer lengths than count");
    if (heads.size == 0)
        return NULL;
    CHECK(within(heads.size, 2, GW_LENGTHS_MAX - lengths.size), "heads of a wrong size");
    CHECK(heads.data[0] <= 1, "heads of an unknown form");
    CHECK(heads.data[0] == 0 || heads.size > frame->u.data.count, "fewer heads than count");
    return NULL;
}

static const char *check_exceptions(const struct gw_ack_epoch *epoch)
{
    for (size_t i = 0; i < epoch->exception_count; i++) {
        const struct gw_exception *item = &epoch->exceptions[i];
        const char *why = check_text(item->text.data, item->text.size);
        CHECK(within(item->sequence, 1, GW_SEQUENCE_MAX), "sequence out of range");
        CHECK(within(item->kind, GW_EXCEPTION_REJECTED, GW_EXCEPTION_SKIPPED), "unknown kind");
        if (why)
            return why;
    }
    return NULL;
}

static const char *check_returns(const struct gw_ack_epoch *epoch)
{
    for (size_t i = 0; i < epoch->return_count; i++) {
        const struct gw_return *item = &epoch->returns[i];
        const char *why = check_text(item->text.data, item->text.size);
        CHECK(within(item->last, 1, GW_SEQUENCE_MAX), "last out of range");
        CHECK(within(item->first, 1, item->last), "first out of range");
        CHECK(within(item->kind, GW_RETURN_NACK, GW_RETURN_CRASHED), "unknown kind");
        CHECK(item->number != 0, "number is zero");
        if (why)
            return why;
    }
    return NULL;
}

/* One epoch's facts, but for how many there are in all. */
static const char *check_facts(const struct gw_ack_epoch *item)
{
    CHECK(item->epoch != 0, "epoch is zero");
    CHECK(within(item->floor, 1, GW_SEQUENCE_MAX + 1), "floor out of range");
    CHECK(gw_ranges_column_valid(item->decided, item->decided_count, item->floor),
          "decided is not a set of ranges");
    CHECK(gw_ranges_column_valid(item->in_hand, item->in_hand_count, item->floor),
          "in_hand is not a set of ranges");
    CHECK(gw_ranges_column_valid(item->handed, item->handed_count, item->floor),
          "handed is not a set of ranges");
    const char *why = check_exceptions(item);
    return why ? why : check_returns(item);
}

static const char *check_ack(const struct gw_frame *frame)
{
    size_t ranges = 0, exceptions = 0, returns = 0;

    CHECK(frame->u.ack.epoch_count <= GW_ACK_EPOCHS_MAX, "too many epochs");
    CHECK(frame->u.ack.credit_count <= GW_SERVES_MAX, "too many credits");
    CHECK(frame->u.ack.closed_count <= GW_ACK_EPOCHS_MAX, "too many closed epochs");
    for (size_t i = 0; i < frame->u.ack.epoch_count; i++) {
        const struct gw_ack_epoch *item = &frame->u.ack.epochs[i];
        ranges += item->decided_count + item->in_hand_count + item->handed_count;
        exceptions += item->exception_count;
        returns += item->return_count;
        CHECK(ranges <= GW_ACK_RANGES_MAX, "too many ranges");
        CHECK(exceptions <= GW_ACK_EXCEPTIONS_MAX, "too many exceptions");
        CHECK(returns <= GW_ACK_RETURNS_MAX, "too many returns");
        const char *why = check_facts(item);
        if (why)
            return why;
    }
    for (size_t i = 0; i < frame->u.ack.credit_count; i++) {
        const struct gw_credit *item = &frame->u.ack.credits[i];
        CHECK(item->serve < GW_SERVES_MAX, "serve out of range");
        CHECK(item->messages <= GW_SEQUENCE_MAX, "messages out of range");
        CHECK(item->bytes <= GW_SEQUENCE_MAX, "bytes out of range");
    }
    for (size_t i = 0; i < frame->u.ack.closed_count; i++)
        CHECK(frame->u.ack.closed[i] != 0, "epoch is zero");
    return NULL;
}

static const char *check_closed(const struct gw_frame *frame)
{
    CHECK(frame->u.closed.epoch != 0, "epoch is zero");
    CHECK(within(frame->u.closed.last, 1, GW_SEQUENCE_MAX), "last out of range");
    return NULL;
}

static const char *check_skip(const struct gw_frame *frame)
{
    bool withdraw = frame->u.skip.purpose == GW_SKIP_WITHDRAW;

    CHECK(frame->u.skip.epoch != 0, "epoch is zero");
    CHECK(frame->u.skip.number != 0, "number is zero");
    CHECK(withdraw || frame->u.skip.purpose == GW_SKIP_RELEASE, "unknown purpose");
    CHECK(withdraw ? within(frame->u.skip.code, GW_WITHDRAW_CANCELLED, GW_WITHDRAW_EXPIRED)
                   : frame->u.skip.code == 0,
          "code out of range");
    CHECK(within(frame->u.skip.range_count, 1, GW_SKIP_RANGES_MAX), "no ranges, or too many");
    CHECK(gw_ranges_column_valid(frame->u.skip.ranges, frame->u.skip.range_count,
                                 GW_WIRE_SKIP_FLOOR),
          "ranges is not a set of ranges");
    return NULL;
}

static const char *check_link(const struct gw_frame *frame)
{
    if (frame->type == GW_FRAME_HELLO)
        return frame->link == 0 ? NULL : "HELLO with a link id";
    if (frame->type == GW_FRAME_REFUSE) /* see check_refuse */
        return NULL;
    return frame->link != 0 ? NULL : "link id is zero";
}

const char *gw_frame_check(const struct gw_frame *frame)
{
    const char *why = check_link(frame);

    CHECK(within(frame->type, GW_FRAME_HELLO, GW_FRAME_SKIP), "unknown frame type");
    if (why)
        return why;
    switch (frame->type) {
    case GW_FRAME_HELLO:
    case GW_FRAME_WELCOME:
        return check_identity(&frame->u.identity);
    case GW_FRAME_REFUSE:
        return check_refuse(frame);
    case GW_FRAME_PING:
    case GW_FRAME_PONG:
        return check_ping(frame);
    case GW_FRAME_SERVE:
        return check_serve(frame);
    case GW_FRAME_OPEN:
        return check_open(frame);
    case GW_FRAME_DATA:
        return check_data(frame);
    case GW_FRAME_ACK:
        return check_ack(frame);
    case GW_FRAME_CLOSED:
        return check_closed(frame);
    case GW_FRAME_SKIP:
        return check_skip(frame);
    default: /* READY, RESET, BYE: nothing but the link */
        return NULL;
    }
}
