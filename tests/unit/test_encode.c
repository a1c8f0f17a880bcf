/* SPDX-License-Identifier: MPL-2.0 */

/* Encoding: what goes in comes out again, and a frame that breaks a limit is not written. */

#include "wire/wire.h"

#include "support/frames.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct gw_decoder *decoder;
static struct frame_room room;

static int make_decoder(void **state)
{
    (void)state;
    decoder = gw_decoder_new();
    return decoder ? 0 : -1;
}

static int drop_decoder(void **state)
{
    (void)state;
    gw_decoder_destroy(&decoder);
    gw_decoder_destroy(&decoder); /* a second time does nothing */
    return decoder ? -1 : 0;
}

static void assert_comes_back(const struct gw_frame *frame)
{
    struct gw_buffer bytes = {0};
    struct gw_frame decoded;
    const char *why;

    assert_int_equal(gw_encode(frame, &bytes), 0);
    assert_int_equal(gw_decode(decoder, bytes.data, bytes.size, &decoded, &why), GW_DECODE_OK);
    assert_null(why);
    assert_true(frames_equal(frame, &decoded));
    gw_buffer_clear(&bytes);
}

static void every_example_comes_back(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        struct gw_frame frame;
        frame_example(type, &frame);
        assert_comes_back(&frame);
    }
}

static void the_largest_frame_of_every_type_comes_back(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        struct gw_frame frame;
        frame_largest(type, &room, &frame);
        assert_comes_back(&frame);
    }
}

static void random_frames_come_back(void **state)
{
    (void)state;
    struct gw_random random;

    gw_random_seed(&random, 1);
    for (int round = 0; round < 20000; round++) {
        struct gw_frame frame;
        uint8_t type = (uint8_t)(1 + gw_random_below(&random, FRAME_TYPES));
        frame_random(&random, type, &room, &frame);
        assert_comes_back(&frame);
    }
}

static void frames_are_appended(void **state)
{
    (void)state;
    struct gw_buffer bytes = {0};
    struct gw_frame frame, decoded;
    const char *why;

    gw_buffer_u8(&bytes, 0xee);
    frame_example(GW_FRAME_BYE, &frame);
    assert_int_equal(gw_encode(&frame, &bytes), 0);
    assert_int_equal(bytes.data[0], 0xee);
    assert_int_equal(gw_decode(decoder, bytes.data + 1, bytes.size - 1, &decoded, &why), 0);
    assert_true(frames_equal(&frame, &decoded));
    gw_buffer_clear(&bytes);
}

/* Every type with one field that breaks its limit. */
#define ASSERT_NOT_WRITTEN(frame_type, ...)                                                        \
    do {                                                                                           \
        struct gw_frame frame;                                                                     \
        struct gw_buffer bytes = {0};                                                              \
        frame_example(frame_type, &frame);                                                         \
        __VA_ARGS__;                                                                               \
        gw_buffer_u8(&bytes, 0xee);                                                                \
        assert_int_equal(gw_encode(&frame, &bytes), -EINVAL);                                      \
        assert_int_equal(bytes.size, 1);                                                           \
        gw_buffer_clear(&bytes);                                                                   \
    } while (0)

static void types_and_links_have_limits(void **state)
{
    (void)state;
    ASSERT_NOT_WRITTEN(GW_FRAME_BYE, frame.type = 0);
    ASSERT_NOT_WRITTEN(GW_FRAME_BYE, frame.type = 15);
    ASSERT_NOT_WRITTEN(GW_FRAME_BYE, frame.link = 0);
    ASSERT_NOT_WRITTEN(GW_FRAME_RESET, frame.link = 0);
    ASSERT_NOT_WRITTEN(GW_FRAME_WELCOME, frame.link = 0);
    ASSERT_NOT_WRITTEN(GW_FRAME_HELLO, frame.link = 1);
}

static void identities_have_limits(void **state)
{
    (void)state;
#define IDENTITY(change) ASSERT_NOT_WRITTEN(GW_FRAME_HELLO, frame.u.identity.change)
    IDENTITY(version_min = 0);
    IDENTITY(version_min = 2);
    IDENTITY(name[0] = 0);
    IDENTITY(name[0] = 'W');
    IDENTITY(name[3] = '\n');
    IDENTITY(open = 0);
    IDENTITY(process = 0);
    IDENTITY(max_message = 0);
    IDENTITY(max_message = UINT64_C(1) << 32);
    IDENTITY(window = 0);
    IDENTITY(window = GW_WINDOW_MAX + 1);
    IDENTITY(heartbeat_ms = 19);
    IDENTITY(heartbeat_ms = 60001);
}

static void refusals_have_limits(void **state)
{
    (void)state;
#define REFUSE(...) ASSERT_NOT_WRITTEN(GW_FRAME_REFUSE, frame.u.refuse.__VA_ARGS__)
    REFUSE(code = 0, frame.u.refuse.epoch = 0, frame.link = 0);
    REFUSE(code = 65536, frame.u.refuse.epoch = 0, frame.link = 0);
    REFUSE(code = GW_REFUSE_BUSY, frame.link = 0); /* names an epoch all the same */
    REFUSE(code = GW_REFUSE_BUSY, frame.u.refuse.epoch = 0); /* names a link all the same */
    REFUSE(epoch = 0);
    REFUSE(text[0] = '\n');
    REFUSE(text[0] = 0x7f);
    REFUSE(text[0] = (char)0xe9);
    ASSERT_NOT_WRITTEN(GW_FRAME_REFUSE, memset(frame.u.refuse.text, 'x', GW_TEXT_MAX + 1));
}

static void floors_have_limits(void **state)
{
    (void)state;
#define FLOORS(...)                                                                                \
    ASSERT_NOT_WRITTEN(GW_FRAME_PING, struct gw_floor floors[] = {__VA_ARGS__};                    \
                       frame.u.ping.floors = floors;                                               \
                       frame.u.ping.floor_count = sizeof floors / sizeof *floors)
    FLOORS({0, 1, 1});
    FLOORS({5, 0, 1});
    FLOORS({5, 3, 1});
    FLOORS({5, 1, GW_SEQUENCE_MAX + 1});
    FLOORS({5, 0, UINT64_MAX});
    FLOORS({5, 1, 0}, {5, 2, 0});
    ASSERT_NOT_WRITTEN(GW_FRAME_PONG, frame.u.ping.frames = GW_SEQUENCE_MAX + 1);
    ASSERT_NOT_WRITTEN(GW_FRAME_PONG, frame.u.ping.floor_count = GW_FLOORS_MAX + 1);
}

static void destinations_have_limits(void **state)
{
    (void)state;
#define SERVES(...)                                                                                \
    ASSERT_NOT_WRITTEN(GW_FRAME_SERVE, struct gw_serve serves[] = {__VA_ARGS__};                   \
                       frame.u.serve.items = serves;                                               \
                       frame.u.serve.count = sizeof serves / sizeof *serves)
    SERVES({{0, "x"}, 1, 1, 1});
    SERVES({{5, "x"}, 1, 1, 1});
    SERVES({{1, ""}, 1, 1, 1});
    SERVES({{1, "x y"}, 1, 1, 1});
    SERVES({{1, "x"}, 0, 1, 1});
    SERVES({{1, "x"}, 1000001, 1, 1});
    SERVES({{1, "x"}, 1, GW_SEQUENCE_MAX + 1, 1});
    SERVES({{1, "x"}, 1, 1, GW_SEQUENCE_MAX + 1});
    SERVES({{1, "x"}, 1, 1, 1}, {{2, "x"}, 1, 1, 1}, {{1, "x"}, 2, 2, 2});
    ASSERT_NOT_WRITTEN(GW_FRAME_SERVE, frame.u.serve.count = GW_SERVES_MAX + 1);
}

static void streams_have_limits(void **state)
{
    (void)state;
#define OPEN(change) ASSERT_NOT_WRITTEN(GW_FRAME_OPEN, frame.u.open.change)
    OPEN(destination.kind = 9);
    OPEN(destination.name[0] = 0);
    OPEN(epoch = 0);
    OPEN(floor = 0);
    OPEN(floor = 62);
    OPEN(last = GW_SEQUENCE_MAX + 1);
    ASSERT_NOT_WRITTEN(GW_FRAME_CLOSED, frame.u.closed.epoch = 0);
    ASSERT_NOT_WRITTEN(GW_FRAME_CLOSED, frame.u.closed.last = 0);
    ASSERT_NOT_WRITTEN(GW_FRAME_CLOSED, frame.u.closed.last = GW_SEQUENCE_MAX + 1);
}

static void runs_have_limits(void **state)
{
    (void)state;
    static const uint8_t unknown_form[] = {2, 0, 0, 0, 0};
    static uint8_t much[GW_LENGTHS_MAX + 1];
#define DATA(change) ASSERT_NOT_WRITTEN(GW_FRAME_DATA, frame.u.data.change)
    DATA(epoch = 0);
    DATA(floor = 0);
    DATA(floor = 45);
    DATA(first = 0);
    DATA(first = GW_SEQUENCE_MAX - 1);
    DATA(first = UINT64_MAX);
    DATA(count = 0);
    DATA(count = 4); /* of which one has no length */
    DATA(count = GW_RUN_MAX + 1);
    DATA(count = UINT64_MAX);
    DATA(lengths.size = 0);
    DATA(lengths.size = 1);
    DATA(lengths.data = unknown_form);
    DATA(lengths = ((struct gw_slice){much, sizeof much}));
    DATA(number = 0);
    DATA(number = GW_OFFER_ANY); /* only a SKIP can mean any */
    DATA(attempt = 0);
    DATA(attempt = UINT64_C(1) << 32);
    DATA(heads.size = 1);
    DATA(heads.size = 3); /* of which one message has none */
    DATA(heads.data = unknown_form);
    DATA(heads = ((struct gw_slice){much, GW_LENGTHS_MAX - 3})); /* with 4 bytes of lengths */
}

/* Many headers: the encoder says so too, whatever else is in the frame. */
static void columns_share_the_room_of_a_header(void **state)
{
    (void)state;
    static uint8_t much[GW_LENGTHS_MAX];
    struct gw_frame frame;

    frame_example(GW_FRAME_DATA, &frame);
    frame.u.data.heads = (struct gw_slice){much, GW_LENGTHS_MAX - frame.u.data.lengths.size};
    assert_comes_back(&frame);
    frame.u.data.heads = (struct gw_slice){0};
    assert_comes_back(&frame);
}

static void flags_come_back_one_by_one(void **state)
{
    (void)state;
    for (int flags = 0; flags < 4; flags++) {
        struct gw_frame frame;
        frame_example(GW_FRAME_DATA, &frame);
        frame.u.data.redelivered = flags & 1;
        frame.u.data.maybe_duplicate = flags & 2;
        assert_comes_back(&frame);
    }
}

static void acknowledgements_have_limits(void **state)
{
    (void)state;
#define EPOCHS(...)                                                                                \
    ASSERT_NOT_WRITTEN(GW_FRAME_ACK, struct gw_ack_epoch epochs[] = {__VA_ARGS__};                 \
                       frame.u.ack.epochs = epochs;                                                \
                       frame.u.ack.epoch_count = sizeof epochs / sizeof *epochs)
#define RANGE(first, last) &(struct gw_range){first, last}
    EPOCHS({.epoch = 0, .floor = 1});
    EPOCHS({.epoch = 5, .floor = 0});
    EPOCHS({.epoch = 5, .floor = GW_SEQUENCE_MAX + 2});
#define FACTS(least, ...) EPOCHS({.epoch = 5, .floor = least, __VA_ARGS__})
    FACTS(1, .decided = RANGE(0, 3), .decided_count = 1);
    FACTS(9, .decided = RANGE(8, 9), .decided_count = 1);
    FACTS(9, .in_hand = RANGE(8, 9), .in_hand_count = 1);
    FACTS(9, .handed = RANGE(8, 9), .handed_count = 1);
    FACTS(1, .decided = RANGE(3, 2), .decided_count = 1);
    FACTS(1, .handed = RANGE(3, 2), .handed_count = 1);
    FACTS(1, .decided_count = GW_ACK_RANGES_MAX + 1);
    FACTS(1, .decided_count = GW_ACK_RANGES_MAX / 2, .handed_count = GW_ACK_RANGES_MAX / 2 + 1);
    ASSERT_NOT_WRITTEN(GW_FRAME_ACK, frame.u.ack.epoch_count = GW_ACK_EPOCHS_MAX + 1);
    ASSERT_NOT_WRITTEN(GW_FRAME_ACK, frame.u.ack.credit_count = GW_SERVES_MAX + 1);
    ASSERT_NOT_WRITTEN(GW_FRAME_ACK, frame.u.ack.closed_count = GW_ACK_EPOCHS_MAX + 1);
#define CREDIT(...)                                                                                \
    ASSERT_NOT_WRITTEN(GW_FRAME_ACK, struct gw_credit credit = {__VA_ARGS__};                      \
                       frame.u.ack.credits = &credit)
    CREDIT(GW_SERVES_MAX, 1, 1);
    CREDIT(0, GW_SEQUENCE_MAX + 1, 1);
    CREDIT(0, 1, GW_SEQUENCE_MAX + 1);
    ASSERT_NOT_WRITTEN(GW_FRAME_ACK, uint64_t none = 0; frame.u.ack.closed = &none);
}

static struct gw_slice text_of(const char *text)
{
    return (struct gw_slice){(const uint8_t *)text, strlen(text)};
}

static void exceptions_have_limits(void **state)
{
    (void)state;
    static uint8_t much[GW_TEXT_MAX + 1];
    static struct gw_exception many[GW_ACK_EXCEPTIONS_MAX + 1];
    struct gw_slice fine = text_of("fine"), long_text = {much, sizeof much};

    memset(much, 'x', sizeof much);
    for (size_t i = 0; i <= GW_ACK_EXCEPTIONS_MAX; i++)
        many[i] = (struct gw_exception){1 + i, GW_EXCEPTION_SKIPPED, 1, fine};
#define EXCEPTION(...)                                                                             \
    FACTS(1, .exceptions = &(struct gw_exception){__VA_ARGS__}, .exception_count = 1)
    EXCEPTION(0, GW_EXCEPTION_REJECTED, 0, fine);
    EXCEPTION(GW_SEQUENCE_MAX + 1, GW_EXCEPTION_REJECTED, 0, fine);
    EXCEPTION(5, 0, 0, fine);
    EXCEPTION(5, GW_EXCEPTION_SKIPPED + 1, 0, fine);
    EXCEPTION(5, 255, 0, fine);
    EXCEPTION(5, GW_EXCEPTION_REJECTED, 0, long_text);
    EXCEPTION(5, GW_EXCEPTION_REJECTED, 0, text_of("a\nb"));
    EXCEPTION(5, GW_EXCEPTION_REJECTED, 0, text_of("\x7f"));
    EXCEPTION(5, GW_EXCEPTION_REJECTED, 0, text_of("caf\xc3\xa9"));
    EXCEPTION(5, GW_EXCEPTION_REJECTED, 0, ((struct gw_slice){(const uint8_t *)"a\0b", 3}));
    FACTS(1, .exceptions = many, .exception_count = GW_ACK_EXCEPTIONS_MAX + 1);
    EPOCHS({.epoch = 5, .floor = 1, .exceptions = many, .exception_count = GW_ACK_EXCEPTIONS_MAX},
           {.epoch = 6, .floor = 1, .exceptions = many, .exception_count = 1});
}

static void returns_have_limits(void **state)
{
    (void)state;
    static uint8_t much[GW_TEXT_MAX + 1];
    static struct gw_return many[GW_ACK_RETURNS_MAX + 1];
    struct gw_slice fine = text_of("fine"), long_text = {much, sizeof much};

    memset(much, 'x', sizeof much);
    for (size_t i = 0; i <= GW_ACK_RETURNS_MAX; i++)
        many[i] = (struct gw_return){1 + i, 1 + i, 7, GW_RETURN_RELEASE, 0, fine};
#define RETURN(...) FACTS(1, .returns = &(struct gw_return){__VA_ARGS__}, .return_count = 1)
    RETURN(0, 5, 7, GW_RETURN_NACK, 0, fine);
    RETURN(6, 5, 7, GW_RETURN_NACK, 0, fine);
    RETURN(0, 0, 7, GW_RETURN_NACK, 0, fine);
    RETURN(5, GW_SEQUENCE_MAX + 1, 7, GW_RETURN_NACK, 0, fine);
    RETURN(5, UINT64_MAX, 7, GW_RETURN_NACK, 0, fine);
    RETURN(5, 5, 0, GW_RETURN_NACK, 0, fine);
    RETURN(5, 5, 7, 0, 0, fine);
    RETURN(5, 5, 7, GW_RETURN_CRASHED + 1, 0, fine);
    RETURN(5, 5, 7, GW_RETURN_NACK, 0, long_text);
    RETURN(5, 5, 7, GW_RETURN_NACK, 0, text_of("\x1b[31m"));
    FACTS(1, .returns = many, .return_count = GW_ACK_RETURNS_MAX + 1);
    EPOCHS({.epoch = 5, .floor = 1, .returns = many, .return_count = GW_ACK_RETURNS_MAX},
           {.epoch = 6, .floor = 1, .returns = many, .return_count = 1});
}

static void facts_below_the_floor_can_be_said(void **state)
{
    (void)state;
    struct gw_exception exception = {3, GW_EXCEPTION_SKIPPED, 1, {0}};
    struct gw_return back = {1, GW_SEQUENCE_MAX, UINT64_MAX, GW_RETURN_CRASHED, UINT32_MAX, {0}};
    struct gw_ack_epoch epoch = {.epoch = 5, .floor = 9, .exceptions = &exception,
                                 .exception_count = 1, .returns = &back, .return_count = 1};
    struct gw_frame frame;

    frame_example(GW_FRAME_ACK, &frame);
    frame.u.ack.epochs = &epoch;
    assert_comes_back(&frame);
}

static void skips_have_limits(void **state)
{
    (void)state;
    static struct gw_range many[GW_SKIP_RANGES_MAX + 1];
#define SKIP(...) ASSERT_NOT_WRITTEN(GW_FRAME_SKIP, frame.u.skip.__VA_ARGS__)

    for (uint64_t i = 0; i <= GW_SKIP_RANGES_MAX; i++)
        many[i] = (struct gw_range){1 + 2 * i, 1 + 2 * i};
    SKIP(epoch = 0);
    SKIP(number = 0);
    SKIP(purpose = 0);
    SKIP(purpose = GW_SKIP_WITHDRAW + 1);
    SKIP(code = GW_WITHDRAW_CANCELLED); /* a release has none */
    SKIP(purpose = GW_SKIP_WITHDRAW); /* a withdrawal has one */
    SKIP(purpose = GW_SKIP_WITHDRAW, frame.u.skip.code = GW_WITHDRAW_EXPIRED + 1);
    SKIP(range_count = 0);
    SKIP(ranges = RANGE(0, 3));
    SKIP(ranges = RANGE(3, 2));
    SKIP(ranges = RANGE(3, GW_SEQUENCE_MAX + 1));
    SKIP(ranges = many, frame.u.skip.range_count = GW_SKIP_RANGES_MAX + 1);
    SKIP(ranges = ((struct gw_range[]){{3, 5}, {6, 7}}), frame.u.skip.range_count = 2);
}

/* What an acknowledgement costs where nothing failed: three empty objects. */
static void an_epoch_without_failures_is_short(void **state)
{
    (void)state;
    struct gw_range range = {41, 43};
    struct gw_ack_epoch epoch = {.epoch = UINT64_MAX, .floor = 41, .decided = &range,
                                 .decided_count = 1};
    struct gw_frame frame = {.type = GW_FRAME_ACK, .link = UINT64_MAX};
    struct gw_buffer bytes = {0};

    frame.u.ack.epochs = &epoch;
    frame.u.ack.epoch_count = 1;
    assert_int_equal(gw_encode(&frame, &bytes), 0);
    assert_int_equal(bytes.size, 12 + 1 + 1 + (1 + 9 + 1 + 4 + 2) + 2 + 1 + 1 + 2);
    gw_buffer_clear(&bytes);
}

static void a_failed_buffer_is_reported(void **state)
{
    (void)state;
    struct gw_buffer bytes = {.failed = true};
    struct gw_frame frame;

    frame_example(GW_FRAME_ACK, &frame);
    assert_int_equal(gw_encode(&frame, &bytes), -ENOMEM);
    assert_int_equal(bytes.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_comes_back),
        cmocka_unit_test(the_largest_frame_of_every_type_comes_back),
        cmocka_unit_test(random_frames_come_back),
        cmocka_unit_test(frames_are_appended),
        cmocka_unit_test(types_and_links_have_limits),
        cmocka_unit_test(identities_have_limits),
        cmocka_unit_test(refusals_have_limits),
        cmocka_unit_test(floors_have_limits),
        cmocka_unit_test(destinations_have_limits),
        cmocka_unit_test(streams_have_limits),
        cmocka_unit_test(runs_have_limits),
        cmocka_unit_test(columns_share_the_room_of_a_header),
        cmocka_unit_test(flags_come_back_one_by_one),
        cmocka_unit_test(acknowledgements_have_limits),
        cmocka_unit_test(exceptions_have_limits),
        cmocka_unit_test(returns_have_limits),
        cmocka_unit_test(facts_below_the_floor_can_be_said),
        cmocka_unit_test(skips_have_limits),
        cmocka_unit_test(an_epoch_without_failures_is_short),
        cmocka_unit_test(a_failed_buffer_is_reported),
    };

    return cmocka_run_group_tests(tests, make_decoder, drop_decoder);
}
