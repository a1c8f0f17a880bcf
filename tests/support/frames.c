/* SPDX-License-Identifier: MPL-2.0 */

/* Length: for every type of frame an example, a maker and a comparison. */

#include "support/frames.h"

#include <stdlib.h>
#include <string.h>

#define LINK UINT64_C(0xa1a2a3a4a5a6a7a8)
#define EPOCH UINT64_C(0xe1e2e3e4e5e6e7e8)
#define OLD_EPOCH UINT64_C(0xd1d2d3d4d5d6d7d8)
#define NUMBER 0x0307

static void example_identity(struct gw_identity *identity, const char *name)
{
    *identity = (struct gw_identity){
        .version_min = 1,
        .version_max = 1,
        .open = 3,
        .process = UINT64_C(0xb1b2b3b4b5b6b7b8),
        .max_message = 1048576,
        .window = 65536,
        .heartbeat_ms = 1000,
    };
    for (uint8_t i = 0; i < sizeof identity->store; i++)
        identity->store[i] = i;
    strcpy(identity->name, name);
}

static void example_refuse(struct gw_frame *frame)
{
    frame->u.refuse.code = GW_REFUSE_EPOCH;
    frame->u.refuse.epoch = EPOCH;
    strcpy(frame->u.refuse.text, "unknown epoch");
}

static void example_ping(struct gw_frame *frame)
{
    static const struct gw_floor floors[] = {{EPOCH, 41, 60}};

    frame->u.ping.time_us = 1000000;
    frame->u.ping.frames = 2;
    frame->u.ping.floors = floors;
    frame->u.ping.floor_count = frame->type == GW_FRAME_PING ? 1 : 0;
}

static void example_data(struct gw_frame *frame)
{
    static const uint8_t lengths[] = {0x01, 15, 0, 3}, heads[] = {0x01, 10, 0, 0};

    frame->u.data.floor = 41;
    frame->u.data.redelivered = true;
    frame->u.data.number = NUMBER;
    frame->u.data.attempt = 2;
    frame->u.data.epoch = EPOCH;
    frame->u.data.first = 44;
    frame->u.data.count = 3;
    frame->u.data.lengths = (struct gw_slice){lengths, sizeof lengths};
    frame->u.data.heads = (struct gw_slice){heads, sizeof heads};
    frame->u.data.crc = 0xd66b9858;
}

static struct gw_slice text_of(const char *text)
{
    return (struct gw_slice){(const uint8_t *)text, strlen(text)};
}

static void example_ack(struct gw_frame *frame)
{
    static struct gw_ack_epoch epochs[1];
    static struct gw_exception exceptions[1];
    static struct gw_return returns[1];
    static const struct gw_range decided[] = {{41, 43}, {50, 50}};
    static const struct gw_range in_hand[] = {{44, 49}};
    static const struct gw_range handed[] = {{44, 44}};
    static const struct gw_credit credits[] = {{0, 1028, 4194400}};
    static const uint64_t closed[] = {OLD_EPOCH};

    exceptions[0] = (struct gw_exception){51, GW_EXCEPTION_REJECTED, 22, text_of("no such key")};
    returns[0] = (struct gw_return){52, 53, NUMBER, GW_RETURN_NACK, 5000, text_of("busy")};
    epochs[0] = (struct gw_ack_epoch){EPOCH,  41, decided,    2, in_hand, 1,
                                      handed, 1,  exceptions, 1, returns, 1};
    frame->u.ack.complete = true;
    frame->u.ack.epochs = epochs;
    frame->u.ack.epoch_count = 1;
    frame->u.ack.credits = credits;
    frame->u.ack.credit_count = 1;
    frame->u.ack.closed = closed;
    frame->u.ack.closed_count = 1;
}

static void example_skip(struct gw_frame *frame)
{
    static const struct gw_range ranges[] = {{46, 49}};

    frame->u.skip.epoch = EPOCH;
    frame->u.skip.number = NUMBER;
    frame->u.skip.purpose = GW_SKIP_RELEASE;
    frame->u.skip.ranges = ranges;
    frame->u.skip.range_count = 1;
}

void frame_example(uint8_t type, struct gw_frame *frame)
{
    static const struct gw_serve serves[] = {{{GW_KIND_STAGE, "hash"}, 1, 1024, 4194304}};

    memset(frame, 0, sizeof *frame);
    frame->type = type;
    frame->link = type == GW_FRAME_HELLO ? 0 : LINK;
    switch (type) {
    case GW_FRAME_HELLO:
        example_identity(&frame->u.identity, "walker");
        break;
    case GW_FRAME_WELCOME:
        example_identity(&frame->u.identity, "hash-1");
        frame->u.identity.process = UINT64_C(0xc1c2c3c4c5c6c7c8);
        frame->u.identity.store[0] = 0xff;
        frame->u.identity.memory = true;
        break;
    case GW_FRAME_REFUSE:
        example_refuse(frame);
        break;
    case GW_FRAME_BYE:
        frame->u.bye.last = true;
        break;
    case GW_FRAME_PING:
    case GW_FRAME_PONG:
        example_ping(frame);
        break;
    case GW_FRAME_SERVE:
        frame->u.serve.items = serves;
        frame->u.serve.count = 1;
        break;
    case GW_FRAME_OPEN:
        frame->u.open.destination = serves[0].destination;
        frame->u.open.epoch = EPOCH;
        frame->u.open.floor = 1;
        frame->u.open.last = 60;
        frame->u.open.fresh = true;
        break;
    case GW_FRAME_DATA:
        example_data(frame);
        break;
    case GW_FRAME_ACK:
        example_ack(frame);
        break;
    case GW_FRAME_CLOSED:
        frame->u.closed.epoch = OLD_EPOCH;
        frame->u.closed.last = 12;
        break;
    case GW_FRAME_SKIP:
        example_skip(frame);
        break;
    default:
        break;
    }
}

/* Where the numbers of a made frame come from: random, or without it always the largest. */
struct maker {
    struct gw_random *random;
    struct frame_room *room;
};

/* Often a limit, else a number of any length. */
static uint64_t number(const struct maker *maker, uint64_t least, uint64_t most)
{
    if (!maker->random)
        return most;
    switch (gw_random_below(maker->random, 8)) {
    case 0:
        return least;
    case 1:
        return most;
    default: {
        uint64_t value = gw_random_next(maker->random) >> gw_random_below(maker->random, 64);
        uint64_t span = most - least;
        return span == UINT64_MAX ? value : least + value % (span + 1);
    }
    }
}

static bool boolean(const struct maker *maker)
{
    return number(maker, 0, 1) != 0;
}

/* How many items: few, mostly. */
static size_t items(const struct maker *maker, size_t most)
{
    if (maker->random && gw_random_below(maker->random, 16) > 0)
        most = most < 6 ? most : 6;
    return (size_t)number(maker, 0, most);
}

/* `index` makes names that differ. */
static void make_name(const struct maker *maker, size_t index, char name[GW_NAME_MAX + 1])
{
    static const char bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t size = (size_t)number(maker, 2, GW_NAME_MAX);

    memset(name, 0, GW_NAME_MAX + 1);
    name[0] = bytes[index / 16 % 16];
    name[1] = bytes[index % 16];
    for (size_t i = 2; i < size; i++)
        name[i] = bytes[number(maker, 0, sizeof bytes - 2)];
}

static void make_identity(const struct maker *maker, struct gw_identity *identity)
{
    identity->version_min = number(maker, 1, UINT64_MAX);
    identity->version_max = number(maker, identity->version_min, UINT64_MAX);
    make_name(maker, 0, identity->name);
    for (size_t i = 0; i < sizeof identity->store; i++)
        identity->store[i] = (uint8_t)number(maker, 0, 255);
    identity->open = number(maker, 1, GW_SEQUENCE_MAX);
    identity->process = number(maker, 1, UINT64_MAX);
    identity->memory = boolean(maker);
    identity->max_message = number(maker, 1, UINT32_MAX);
    identity->window = number(maker, 1, GW_WINDOW_MAX);
    identity->heartbeat_ms = number(maker, 20, 60000);
}

static void make_refuse(const struct maker *maker, struct gw_frame *frame)
{
    size_t size = (size_t)number(maker, 0, GW_TEXT_MAX);

    frame->u.refuse.code = maker->random ? number(maker, 1, 65535) : GW_REFUSE_EPOCH;
    if (frame->u.refuse.code == GW_REFUSE_EPOCH)
        frame->u.refuse.epoch = number(maker, 1, UINT64_MAX);
    else
        frame->link = 0;
    for (size_t i = 0; i < size; i++)
        frame->u.refuse.text[i] = (char)number(maker, 0x20, 0x7e);
}

static void make_ping(const struct maker *maker, struct gw_frame *frame)
{
    struct gw_floor *floors = maker->room->floors;

    frame->u.ping.time_us = number(maker, 0, UINT64_MAX);
    frame->u.ping.frames = number(maker, 0, GW_SEQUENCE_MAX);
    frame->u.ping.floors = floors;
    frame->u.ping.floor_count = items(maker, GW_FLOORS_MAX);
    for (size_t i = 0; i < frame->u.ping.floor_count; i++) {
        floors[i].epoch = number(maker, 1, UINT64_MAX);
        floors[i].last = number(maker, 0, GW_SEQUENCE_MAX);
        floors[i].floor = number(maker, 1, floors[i].last + 1);
    }
}

static void make_destination(const struct maker *maker, size_t index,
                             struct gw_destination *destination)
{
    destination->kind = (uint8_t)number(maker, GW_KIND_STAGE, GW_KIND_REPLY);
    make_name(maker, index, destination->name);
}

static void make_serve(const struct maker *maker, struct gw_frame *frame)
{
    struct gw_serve *serves = maker->room->serves;

    frame->u.serve.items = serves;
    frame->u.serve.count = items(maker, GW_SERVES_MAX);
    for (size_t i = 0; i < frame->u.serve.count; i++) {
        make_destination(maker, i, &serves[i].destination);
        serves[i].weight = number(maker, 1, 1000000);
        serves[i].credit_messages = number(maker, 0, GW_SEQUENCE_MAX);
        serves[i].credit_bytes = number(maker, 0, GW_SEQUENCE_MAX);
    }
}

static void make_open(const struct maker *maker, struct gw_frame *frame)
{
    make_destination(maker, 0, &frame->u.open.destination);
    frame->u.open.epoch = number(maker, 1, UINT64_MAX);
    frame->u.open.last = number(maker, 0, GW_SEQUENCE_MAX);
    frame->u.open.floor = number(maker, 1, frame->u.open.last + 1);
    frame->u.open.fresh = boolean(maker);
    frame->u.open.ordered = boolean(maker);
}

/* Of sizes below 128. Without randomness: half of what two columns may have. */
static struct gw_slice make_column(const struct maker *maker, uint8_t *bytes, bool each,
                                   uint64_t count)
{
    size_t size = each ? (size_t)count + 1 : 2;

    if (!maker->random)
        size = GW_LENGTHS_MAX / 2;
    bytes[0] = each;
    for (size_t i = 1; i < size; i++)
        bytes[i] = (uint8_t)number(maker, 0, 0x7f);
    return (struct gw_slice){bytes, size};
}

static void make_data(const struct maker *maker, struct gw_frame *frame)
{
    bool each = boolean(maker);

    frame->u.data.count = each ? items(maker, GW_RUN_MAX - 1) + 1
                               : number(maker, 1, GW_RUN_MAX);
    frame->u.data.lengths = make_column(maker, maker->room->lengths, each, frame->u.data.count);
    if (boolean(maker))
        frame->u.data.heads =
            make_column(maker, maker->room->heads, each, frame->u.data.count);
    frame->u.data.number = number(maker, 1, GW_OFFER_ANY - 1);
    frame->u.data.attempt = number(maker, 1, UINT32_MAX);
    frame->u.data.maybe_duplicate = boolean(maker);
    frame->u.data.first = number(maker, 1, GW_SEQUENCE_MAX - (frame->u.data.count - 1));
    frame->u.data.floor = number(maker, 1, frame->u.data.first);
    frame->u.data.redelivered = boolean(maker);
    frame->u.data.epoch = number(maker, 1, UINT64_MAX);
    frame->u.data.crc = (uint32_t)number(maker, 0, UINT32_MAX);
}

/* At most `count` ranges from floor up; says how many there was room for. */
static size_t make_ranges(const struct maker *maker, uint64_t floor, struct gw_range *ranges,
                          size_t count)
{
    uint64_t from = floor;

    for (size_t i = 0; i < count; i++) {
        uint64_t room = from <= GW_SEQUENCE_MAX ? GW_SEQUENCE_MAX - from : 0;
        uint64_t step = room / (count - i) / 2; /* leaves room for the others */
        if (step == 0)
            return i;
        ranges[i].first = from + number(maker, 0, step);
        ranges[i].last = ranges[i].first + number(maker, 0, step - 1);
        from = ranges[i].last + 2;
    }
    return count;
}

static struct gw_slice make_text(const struct maker *maker, size_t index)
{
    uint8_t *text = maker->room->texts[index];
    size_t size = (size_t)number(maker, 0, GW_TEXT_MAX);

    for (size_t i = 0; i < size; i++)
        text[i] = (uint8_t)number(maker, 0x20, 0x7e);
    return (struct gw_slice){text, size};
}

/* Of one epoch, the index-th; `each` of both at most. */
static void make_exceptions_and_returns(const struct maker *maker, struct gw_ack_epoch *epoch,
                                        size_t index, size_t each)
{
    struct gw_exception *exceptions = maker->room->exceptions + index * each;
    struct gw_return *returns = maker->room->returns + index * each;

    epoch->exceptions = exceptions;
    epoch->exception_count = items(maker, each);
    for (size_t i = 0; i < epoch->exception_count; i++) {
        exceptions[i].sequence = number(maker, 1, GW_SEQUENCE_MAX);
        exceptions[i].kind = (uint8_t)number(maker, GW_EXCEPTION_REJECTED, GW_EXCEPTION_SKIPPED);
        exceptions[i].code = (uint32_t)number(maker, 0, UINT32_MAX);
        exceptions[i].text = make_text(maker, index * each + i);
    }
    epoch->returns = returns;
    epoch->return_count = items(maker, each);
    for (size_t i = 0; i < epoch->return_count; i++) {
        returns[i].last = number(maker, 1, GW_SEQUENCE_MAX);
        returns[i].first = number(maker, 1, returns[i].last);
        returns[i].number = number(maker, 1, UINT64_MAX);
        returns[i].kind = (uint8_t)number(maker, GW_RETURN_NACK, GW_RETURN_CRASHED);
        returns[i].delay_ms = (uint32_t)number(maker, 0, UINT32_MAX);
        returns[i].text = make_text(maker, GW_ACK_EXCEPTIONS_MAX + index * each + i);
    }
}

static void make_epochs(const struct maker *maker, struct gw_frame *frame)
{
    struct gw_ack_epoch *epochs = maker->room->epochs;
    size_t count = items(maker, GW_ACK_EPOCHS_MAX);
    size_t share = count ? GW_ACK_RANGES_MAX / count / 3 : 0; /* of the ranges: for each list */
    struct gw_range *ranges = maker->room->ranges;

    for (size_t i = 0; i < count; i++) {
        struct gw_ack_epoch *epoch = &epochs[i];
        epoch->epoch = number(maker, 1, UINT64_MAX);
        epoch->floor = maker->random ? number(maker, 1, GW_SEQUENCE_MAX + 1) : 1;
        epoch->decided = ranges;
        epoch->decided_count = make_ranges(maker, epoch->floor, ranges, items(maker, share));
        ranges += epoch->decided_count;
        epoch->in_hand = ranges;
        epoch->in_hand_count = make_ranges(maker, epoch->floor, ranges, items(maker, share));
        ranges += epoch->in_hand_count;
        epoch->handed = ranges;
        epoch->handed_count = make_ranges(maker, epoch->floor, ranges, items(maker, share));
        ranges += epoch->handed_count;
        make_exceptions_and_returns(maker, epoch, i, GW_ACK_EXCEPTIONS_MAX / count);
    }
    frame->u.ack.epochs = epochs;
    frame->u.ack.epoch_count = count;
}

static void make_ack(const struct maker *maker, struct gw_frame *frame)
{
    struct gw_credit *credits = maker->room->credits;
    uint64_t *closed = maker->room->closed;

    frame->u.ack.complete = boolean(maker);
    make_epochs(maker, frame);
    frame->u.ack.credits = credits;
    frame->u.ack.credit_count = items(maker, GW_SERVES_MAX);
    for (size_t i = 0; i < frame->u.ack.credit_count; i++) {
        credits[i].serve = number(maker, 0, GW_SERVES_MAX - 1);
        credits[i].messages = number(maker, 0, GW_SEQUENCE_MAX);
        credits[i].bytes = number(maker, 0, GW_SEQUENCE_MAX);
    }
    frame->u.ack.closed = closed;
    frame->u.ack.closed_count = items(maker, GW_ACK_EPOCHS_MAX);
    for (size_t i = 0; i < frame->u.ack.closed_count; i++)
        closed[i] = number(maker, 1, UINT64_MAX);
}

static void make_skip(const struct maker *maker, struct gw_frame *frame)
{
    size_t count = items(maker, GW_SKIP_RANGES_MAX - 1) + 1;

    frame->u.skip.epoch = number(maker, 1, UINT64_MAX);
    frame->u.skip.number = number(maker, 1, UINT64_MAX);
    frame->u.skip.purpose = (uint8_t)number(maker, GW_SKIP_RELEASE, GW_SKIP_WITHDRAW);
    if (frame->u.skip.purpose == GW_SKIP_WITHDRAW)
        frame->u.skip.code = (uint32_t)number(maker, GW_WITHDRAW_CANCELLED, GW_WITHDRAW_EXPIRED);
    frame->u.skip.ranges = maker->room->ranges;
    frame->u.skip.range_count = make_ranges(maker, 1, maker->room->ranges, count);
}

static void make(const struct maker *maker, uint8_t type, struct gw_frame *frame)
{
    memset(frame, 0, sizeof *frame);
    frame->type = type;
    frame->link = type == GW_FRAME_HELLO ? 0 : number(maker, 1, UINT64_MAX);
    switch (type) {
    case GW_FRAME_HELLO:
    case GW_FRAME_WELCOME:
        make_identity(maker, &frame->u.identity);
        break;
    case GW_FRAME_REFUSE:
        make_refuse(maker, frame);
        break;
    case GW_FRAME_BYE:
        frame->u.bye.last = boolean(maker);
        break;
    case GW_FRAME_PING:
    case GW_FRAME_PONG:
        make_ping(maker, frame);
        break;
    case GW_FRAME_SERVE:
        make_serve(maker, frame);
        break;
    case GW_FRAME_OPEN:
        make_open(maker, frame);
        break;
    case GW_FRAME_DATA:
        make_data(maker, frame);
        break;
    case GW_FRAME_ACK:
        make_ack(maker, frame);
        break;
    case GW_FRAME_CLOSED:
        frame->u.closed.epoch = number(maker, 1, UINT64_MAX);
        frame->u.closed.last = number(maker, 1, GW_SEQUENCE_MAX);
        break;
    case GW_FRAME_SKIP:
        make_skip(maker, frame);
        break;
    default:
        break;
    }
}

void frame_largest(uint8_t type, struct frame_room *room, struct gw_frame *frame)
{
    make(&(struct maker){NULL, room}, type, frame);
}

void frame_random(struct gw_random *random, uint8_t type, struct frame_room *room,
                  struct gw_frame *frame)
{
    make(&(struct maker){random, room}, type, frame);
}

/* Of arrays whose items have no padding. */
static bool same(const void *a, size_t a_count, const void *b, size_t b_count, size_t item)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * item) == 0);
}

static bool identities_equal(const struct gw_identity *a, const struct gw_identity *b)
{
    return a->version_min == b->version_min && a->version_max == b->version_max &&
           strcmp(a->name, b->name) == 0 && memcmp(a->store, b->store, sizeof a->store) == 0 &&
           a->open == b->open && a->process == b->process && a->memory == b->memory &&
           a->max_message == b->max_message && a->window == b->window &&
           a->heartbeat_ms == b->heartbeat_ms;
}

static bool serves_equal(const struct gw_frame *a, const struct gw_frame *b)
{
    if (a->u.serve.count != b->u.serve.count)
        return false;
    for (size_t i = 0; i < a->u.serve.count; i++) {
        const struct gw_serve *x = &a->u.serve.items[i], *y = &b->u.serve.items[i];
        if (!gw_destination_equal(&x->destination, &y->destination) || x->weight != y->weight ||
            x->credit_messages != y->credit_messages || x->credit_bytes != y->credit_bytes)
            return false;
    }
    return true;
}

static bool texts_equal(struct gw_slice a, struct gw_slice b)
{
    return same(a.data, a.size, b.data, b.size, 1);
}

static bool exceptions_equal(const struct gw_ack_epoch *a, const struct gw_ack_epoch *b)
{
    if (a->exception_count != b->exception_count)
        return false;
    for (size_t i = 0; i < a->exception_count; i++) {
        const struct gw_exception *x = &a->exceptions[i], *y = &b->exceptions[i];
        if (x->sequence != y->sequence || x->kind != y->kind || x->code != y->code ||
            !texts_equal(x->text, y->text))
            return false;
    }
    return true;
}

static bool returns_equal(const struct gw_ack_epoch *a, const struct gw_ack_epoch *b)
{
    if (a->return_count != b->return_count)
        return false;
    for (size_t i = 0; i < a->return_count; i++) {
        const struct gw_return *x = &a->returns[i], *y = &b->returns[i];
        if (x->first != y->first || x->last != y->last || x->number != y->number ||
            x->kind != y->kind || x->delay_ms != y->delay_ms || !texts_equal(x->text, y->text))
            return false;
    }
    return true;
}

static bool acks_equal(const struct gw_frame *a, const struct gw_frame *b)
{
    if (a->u.ack.complete != b->u.ack.complete || a->u.ack.epoch_count != b->u.ack.epoch_count)
        return false;
    for (size_t i = 0; i < a->u.ack.epoch_count; i++) {
        const struct gw_ack_epoch *x = &a->u.ack.epochs[i], *y = &b->u.ack.epochs[i];
        if (x->epoch != y->epoch || x->floor != y->floor ||
            !same(x->decided, x->decided_count, y->decided, y->decided_count,
                  sizeof *x->decided) ||
            !same(x->in_hand, x->in_hand_count, y->in_hand, y->in_hand_count,
                  sizeof *x->in_hand) ||
            !same(x->handed, x->handed_count, y->handed, y->handed_count, sizeof *x->handed) ||
            !exceptions_equal(x, y) || !returns_equal(x, y))
            return false;
    }
    return same(a->u.ack.credits, a->u.ack.credit_count, b->u.ack.credits, b->u.ack.credit_count,
                sizeof *a->u.ack.credits) &&
           same(a->u.ack.closed, a->u.ack.closed_count, b->u.ack.closed, b->u.ack.closed_count,
                sizeof *a->u.ack.closed);
}

static bool data_equal(const struct gw_frame *a, const struct gw_frame *b)
{
    return a->u.data.floor == b->u.data.floor && a->u.data.redelivered == b->u.data.redelivered &&
           a->u.data.epoch == b->u.data.epoch && a->u.data.first == b->u.data.first &&
           a->u.data.count == b->u.data.count && a->u.data.crc == b->u.data.crc &&
           a->u.data.number == b->u.data.number && a->u.data.attempt == b->u.data.attempt &&
           a->u.data.maybe_duplicate == b->u.data.maybe_duplicate &&
           same(a->u.data.lengths.data, a->u.data.lengths.size, b->u.data.lengths.data,
                b->u.data.lengths.size, 1) &&
           same(a->u.data.heads.data, a->u.data.heads.size, b->u.data.heads.data,
                b->u.data.heads.size, 1);
}

static bool opens_equal(const struct gw_frame *a, const struct gw_frame *b)
{
    return gw_destination_equal(&a->u.open.destination, &b->u.open.destination) &&
           a->u.open.epoch == b->u.open.epoch && a->u.open.floor == b->u.open.floor &&
           a->u.open.last == b->u.open.last && a->u.open.fresh == b->u.open.fresh &&
           a->u.open.ordered == b->u.open.ordered;
}

static bool skips_equal(const struct gw_frame *a, const struct gw_frame *b)
{
    return a->u.skip.epoch == b->u.skip.epoch && a->u.skip.number == b->u.skip.number &&
           a->u.skip.purpose == b->u.skip.purpose && a->u.skip.code == b->u.skip.code &&
           same(a->u.skip.ranges, a->u.skip.range_count, b->u.skip.ranges, b->u.skip.range_count,
                sizeof *a->u.skip.ranges);
}

bool frames_equal(const struct gw_frame *a, const struct gw_frame *b)
{
    if (a->type != b->type || a->link != b->link)
        return false;
    switch (a->type) {
    case GW_FRAME_HELLO:
    case GW_FRAME_WELCOME:
        return identities_equal(&a->u.identity, &b->u.identity);
    case GW_FRAME_REFUSE:
        return a->u.refuse.code == b->u.refuse.code && a->u.refuse.epoch == b->u.refuse.epoch &&
               strcmp(a->u.refuse.text, b->u.refuse.text) == 0;
    case GW_FRAME_BYE:
        return a->u.bye.last == b->u.bye.last;
    case GW_FRAME_PING:
    case GW_FRAME_PONG:
        return a->u.ping.time_us == b->u.ping.time_us && a->u.ping.frames == b->u.ping.frames &&
               same(a->u.ping.floors, a->u.ping.floor_count, b->u.ping.floors,
                    b->u.ping.floor_count, sizeof *a->u.ping.floors);
    case GW_FRAME_SERVE:
        return serves_equal(a, b);
    case GW_FRAME_OPEN:
        return opens_equal(a, b);
    case GW_FRAME_DATA:
        return data_equal(a, b);
    case GW_FRAME_ACK:
        return acks_equal(a, b);
    case GW_FRAME_CLOSED:
        return a->u.closed.epoch == b->u.closed.epoch && a->u.closed.last == b->u.closed.last;
    case GW_FRAME_SKIP:
        return skips_equal(a, b);
    default:
        return true;
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool hex_append(struct gw_buffer *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == ' ' || text[i] == '\n')
            continue;
        if (text[i] == ';') {
            while (i + 1 < size && text[i + 1] != '\n')
                i++;
            continue;
        }
        int high = hex_digit(text[i]);
        int low = i + 1 < size ? hex_digit(text[i + 1]) : -1;
        if (high < 0 || low < 0)
            return false;
        gw_buffer_u8(out, (uint8_t)(high << 4 | low));
        i++;
    }
    return !gw_buffer_failed(out);
}
