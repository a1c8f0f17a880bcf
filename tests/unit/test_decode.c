/* SPDX-License-Identifier: MPL-2.0 */

/* Decoding: nothing but a valid frame is accepted, and no frame costs memory (hazards MP01 to MP04,
 * faults H02 to H04). */

/* Length: a case for every field of every frame. */

#include "failing_memory.h"

#include "wire/decode.c"

#include "base/random.h"
#include "support/frames.h"

#include <malloc.h>
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
    return 0;
}

/* Decodes an exact copy, so that a sanitizer sees one byte too far. */
static enum gw_decode_result decode(const uint8_t *bytes, size_t size, const char **why)
{
    struct gw_frame frame;
    uint8_t *copy = malloc(size ? size : 1);

    if (size)
        memcpy(copy, bytes, size);
    enum gw_decode_result result = gw_decode(decoder, copy, size, &frame, why);
    if (result == GW_DECODE_MALFORMED) { /* then there is a reason, and nothing else */
        assert_non_null(*why);
        assert_int_equal(frame.type, 0);
        assert_int_equal(frame.link, 0);
    } else {
        assert_null(*why);
    }
    free(copy);
    return result;
}

static struct gw_buffer example(uint8_t type)
{
    struct gw_buffer bytes = {0};
    struct gw_frame frame;

    frame_example(type, &frame);
    assert_int_equal(gw_encode(&frame, &bytes), 0);
    return bytes;
}

/* Refused for this reason. */
static void assert_malformed(const char *hex, const char *expected)
{
    struct gw_buffer bytes = {0};
    const char *why;

    assert_true(hex_append(&bytes, hex, strlen(hex)));
    assert_int_equal(decode(bytes.data, bytes.size, &why), GW_DECODE_MALFORMED);
    assert_string_equal(why, expected);
    gw_buffer_clear(&bytes);
}

static void assert_decodes(const char *hex)
{
    struct gw_buffer bytes = {0};
    const char *why;

    assert_true(hex_append(&bytes, hex, strlen(hex)));
    assert_int_equal(decode(bytes.data, bytes.size, &why), GW_DECODE_OK);
    gw_buffer_clear(&bytes);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        struct gw_buffer bytes = example(type);
        const char *why;
        for (size_t size = 0; size < bytes.size; size++)
            assert_int_equal(decode(bytes.data, size, &why), GW_DECODE_MALFORMED);
        assert_int_equal(decode(bytes.data, bytes.size, &why), GW_DECODE_OK);
        gw_buffer_clear(&bytes);
    }
}

/* What was accepted must be a frame like any other: it can be written, and comes back. */
static void assert_survives(const struct gw_buffer *bytes, struct gw_buffer *again)
{
    struct gw_frame frame, second;
    struct gw_decoder *other = gw_decoder_new();
    const char *why;

    gw_buffer_reset(again);
    assert_int_equal(gw_decode(decoder, bytes->data, bytes->size, &frame, &why), GW_DECODE_OK);
    assert_int_equal(gw_encode(&frame, again), 0);
    assert_int_equal(gw_decode(other, again->data, again->size, &second, &why), GW_DECODE_OK);
    assert_true(frames_equal(&frame, &second));
    gw_decoder_destroy(&other);
}

static void every_changed_byte_is_refused_or_gives_a_valid_frame(void **state)
{
    (void)state;
    struct gw_buffer again = {0};
    int results[4] = {0};

    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        struct gw_buffer bytes = example(type);
        for (size_t at = 0; at < bytes.size; at++) {
            uint8_t kept = bytes.data[at];
            for (int value = 0; value < 256; value++) {
                const char *why;
                bytes.data[at] = (uint8_t)value;
                enum gw_decode_result result = decode(bytes.data, bytes.size, &why);
                results[result]++;
                if (result == GW_DECODE_OK)
                    assert_survives(&bytes, &again);
            }
            bytes.data[at] = kept;
        }
        gw_buffer_clear(&bytes);
    }
    assert_true(results[GW_DECODE_OK] > 0 && results[GW_DECODE_MALFORMED] > 0);
    assert_int_equal(results[GW_DECODE_NOMEM], 0);
    gw_buffer_clear(&again);
}

static void an_inserted_or_missing_byte_is_refused_or_gives_a_valid_frame(void **state)
{
    (void)state;
    struct gw_random random;
    struct gw_buffer again = {0};

    gw_random_seed(&random, 3);
    for (int round = 0; round < 20000; round++) {
        struct gw_buffer bytes = example((uint8_t)(1 + gw_random_below(&random, FRAME_TYPES)));
        size_t at = gw_random_below(&random, bytes.size);
        const char *why;
        if (gw_random_chance(&random, 500000)) {
            gw_buffer_u8(&bytes, 0);
            memmove(bytes.data + at + 1, bytes.data + at, bytes.size - at - 1);
            bytes.data[at] = (uint8_t)gw_random_next(&random);
        } else {
            memmove(bytes.data + at, bytes.data + at + 1, bytes.size - at - 1);
            bytes.size--;
        }
        if (decode(bytes.data, bytes.size, &why) == GW_DECODE_OK)
            assert_survives(&bytes, &again);
        gw_buffer_clear(&bytes);
    }
    gw_buffer_clear(&again);
}

/* Where the header's field `index` begins; for the number of fields: the end. */
static size_t field_at(const struct gw_buffer *bytes, size_t index)
{
    size_t at = 1; /* all examples have fewer than 16 fields */

    for (; index > 0; index--) {
        size_t size = 1;
        while (gw_prescan(bytes->data + at, size)) /* one object: neither cut off nor too long */
            size++;
        at += size;
    }
    return at;
}

static void a_field_of_a_wrong_type_is_refused(void **state)
{
    (void)state;
    const char *const wrong[] = {"\xff", "\xc0", "\xd0\x80", "\xca\x3f\x80\x00\x00"};
    const size_t sizes[] = {1, 1, 2, 5};

    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        struct gw_buffer bytes = example(type);
        for (size_t i = 0; i < (bytes.data[0] & 0x0fu); i++) {
            size_t at = field_at(&bytes, i), next = field_at(&bytes, i + 1);
            for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
                struct gw_buffer changed = {0};
                const char *why;
                gw_buffer_append(&changed, bytes.data, at);
                gw_buffer_append(&changed, wrong[k], sizes[k]);
                gw_buffer_append(&changed, bytes.data + next, bytes.size - next);
                assert_int_equal(decode(changed.data, changed.size, &why), GW_DECODE_MALFORMED);
                gw_buffer_clear(&changed);
            }
        }
        gw_buffer_clear(&bytes);
    }
}

static void a_missing_field_is_refused(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        struct gw_buffer bytes = example(type);
        const char *why;
        bytes.data[0]--;
        bytes.size = field_at(&bytes, bytes.data[0] & 0x0fu);
        assert_int_equal(decode(bytes.data, bytes.size, &why), GW_DECODE_MALFORMED);
        gw_buffer_clear(&bytes);
    }
}

static void a_field_too_many_is_refused(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        struct gw_buffer bytes = example(type);
        const char *why;
        bytes.data[0]++;
        gw_buffer_u8(&bytes, 0);
        assert_int_equal(decode(bytes.data, bytes.size, &why), GW_DECODE_MALFORMED);
        assert_string_equal(why, "too many fields");
        gw_buffer_clear(&bytes);
    }
}

static void bytes_after_the_header_are_refused(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        struct gw_buffer bytes = example(type);
        const char *why;
        gw_buffer_u8(&bytes, 0);
        assert_int_equal(decode(bytes.data, bytes.size, &why), GW_DECODE_MALFORMED);
        assert_string_equal(why, "bytes after the end");
        gw_buffer_clear(&bytes);
    }
}

static void claims_of_more_than_there_is_are_refused(void **state)
{
    (void)state;
    assert_malformed("dd ffffffff", "the version is not an unsigned integer");
    assert_malformed("dd ffffffff 01 0c 05", "a length beyond the end");
    assert_malformed("94 01 09 05 dd ffffffff", "a length beyond the end");
    assert_malformed("97 01 0c 05 c3 dd ffffffff 90 90", "a length beyond the end");
    assert_malformed("97 01 0c 05 c3 91 97 07 01 c6 ffffffff", "a length beyond the end");
    assert_malformed("96 01 04 05 01 00 db ffffffff", "a length beyond the end");
}

static void arrays_nested_33_deep_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[4 + 33] = {0x94, 0x01, 0x09, 0x05};
    const char *why;

    memset(bytes + 4, 0x91, 32);
    bytes[36] = 0x90;
    assert_int_equal(decode(bytes, sizeof bytes, &why), GW_DECODE_MALFORMED);
    assert_string_equal(why, "nested too deeply");
    memset(bytes, 0x91, sizeof bytes);
    assert_int_equal(decode(bytes, sizeof bytes, &why), GW_DECODE_MALFORMED);
}

/* ACK with one epoch whose decided column has this many ranges of one sequence each. */
static struct gw_buffer ack_of_ranges(size_t count)
{
    struct gw_buffer bytes = {0};

    assert_true(hex_append(&bytes, "97 01 0c 05 c3 91 97 07 01 c6", 29));
    gw_buffer_u32(&bytes, (uint32_t)(2 * count));
    for (size_t i = 0; i < 2 * count; i++)
        gw_buffer_u8(&bytes, 0);
    assert_true(hex_append(&bytes, "c4 00 c4 00 90 90 90 90", 23));
    return bytes;
}

static void a_million_ranges_are_refused(void **state)
{
    (void)state;
    const size_t counts[] = {GW_ACK_RANGES_MAX, GW_ACK_RANGES_MAX + 1, 130000, 1000000};
    const char *const expected[] = {NULL, "ranges malformed, out of range or too many",
                                    "ranges malformed, out of range or too many",
                                    "header too large"};

    for (size_t i = 0; i < 4; i++) {
        struct gw_buffer bytes = ack_of_ranges(counts[i]);
        const char *why;
        decode(bytes.data, bytes.size, &why);
        if (expected[i])
            assert_string_equal(why, expected[i]);
        else
            assert_null(why);
        gw_buffer_clear(&bytes);
    }
}

static void ranges_that_are_inverted_or_out_of_range_are_refused(void **state)
{
    (void)state;
    const char *expected = "ranges malformed, out of range or too many";

    assert_decodes("97 01 0c 05 c3 91 97 07 01 c4 02 0005 c4 00 c4 00 90 90 90 90");
    assert_malformed("97 01 0c 05 c3 91 97 07 01 c4 0b 00 ffffffffffffffffff01 c4 00 "
                     "c4 00 90 90 90 90",
                     expected);
    assert_malformed("97 01 0c 05 c3 91 97 07 01 c4 00 c4 0b ffffffffffffffffff01 00 "
                     "c4 00 90 90 90 90",
                     expected);
    assert_malformed("97 01 0c 05 c3 91 97 07 01 c4 01 00 c4 00 c4 00 90 90 90 90", expected);
    assert_malformed("97 01 0c 05 c3 91 97 07 cf 4000000000000001 c4 02 0000 c4 00 "
                     "c4 00 90 90 90 90",
                     expected);
    assert_malformed("97 01 0c 05 c3 91 97 07 00 c4 00 c4 00 c4 00 90 90 90 90",
                     "floor out of range");
}

static void sequences_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_decodes("9d 01 0b 05 01 00 01 01 07 01 01 c4 02 0001 c4 00 00");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 00 01 c4 02 0001 c4 00 00", "first out of range");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 cf ffffffffffffffff 01 c4 02 0001 c4 00 00",
                     "first out of range");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 cf 4000000000000000 02 c4 02 0001 c4 00 00",
                     "first out of range");
    assert_decodes("9d 01 0b 05 01 00 01 01 07 cf 4000000000000000 01 c4 02 0001 c4 00 00");
    assert_malformed("9d 01 0b 05 00 00 01 01 07 01 01 c4 02 0001 c4 00 00", "floor above first");
    assert_malformed("9d 01 0b 05 02 00 01 01 07 01 01 c4 02 0001 c4 00 00", "floor above first");
    assert_malformed("9d 01 0b 05 01 00 01 01 00 01 01 c4 02 0001 c4 00 00", "epoch is zero");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 01 00 c4 02 0001 c4 00 00", "count out of range");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 01 ce 00100001 c4 02 0001 c4 00 00",
                     "count out of range");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 01 03 c4 03 010101 c4 00 00",
                     "fewer lengths than count");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 01 01 c4 02 0201 c4 00 00",
                     "lengths of an unknown form");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 01 01 c4 02 0001 c4 00 cf 0000000100000000",
                     "crc is not a number of 32 bits");
    assert_malformed("95 01 0d 05 07 00", "last out of range");
    assert_malformed("9a 01 0a 05 01 a1 78 07 03 01 c2 c2", "floor or last out of range");
    assert_malformed("96 01 07 05 00 00 91 93 07 00 05", "floor or last out of range");
}

static void offers_and_attempts_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_decodes("9d 01 0b 05 01 03 01 ce ffffffff 07 01 01 c4 02 0001 c4 00 00");
    assert_decodes("9d 01 0b 05 01 00 cf fffffffffffffffe 01 07 01 01 c4 02 0001 c4 00 00");
    assert_malformed("9d 01 0b 05 01 00 cf ffffffffffffffff 01 07 01 01 c4 02 0001 c4 00 00",
                     "number out of range");
    assert_malformed("9d 01 0b 05 01 00 00 01 07 01 01 c4 02 0001 c4 00 00",
                     "number out of range");
    assert_malformed("9d 01 0b 05 01 00 01 00 07 01 01 c4 02 0001 c4 00 00",
                     "attempt out of range");
    assert_malformed("9d 01 0b 05 01 00 01 cf 0000000100000000 07 01 01 c4 02 0001 c4 00 00",
                     "attempt out of range");
    assert_malformed("9d 01 0b 05 01 04 01 01 07 01 01 c4 02 0001 c4 00 00", "unknown flags");
    assert_malformed("9d 01 0b 05 01 cf 8000000000000001 01 01 07 01 01 c4 02 0001 c4 00 00",
                     "unknown flags");
    assert_malformed("9d 01 0b 05 01 c3 01 01 07 01 01 c4 02 0001 c4 00 00",
                     "flags is not a number");
}

static void heads_are_a_column_or_nothing(void **state)
{
    (void)state;
    assert_decodes("9d 01 0b 05 01 00 01 01 07 01 01 c4 02 0001 c4 02 0001 00");
    assert_decodes("9d 01 0b 05 01 00 01 01 07 01 02 c4 02 0001 c4 03 010000 00");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 01 01 c4 02 0001 c4 01 00 00",
                     "heads of a wrong size");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 01 01 c4 02 0001 c4 02 0201 00",
                     "heads of an unknown form");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 01 03 c4 02 0001 c4 03 010101 00",
                     "fewer heads than count");
    assert_malformed("9d 01 0b 05 01 00 01 01 07 01 01 c4 02 0001 a0 00", "heads is not bytes");
}

/* An ACK with one epoch that ends so. */
#define EPOCH "97 01 0c 05 c3 91 97 07 01 c4 00 c4 00 c4 00 "

static void exceptions_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_decodes(EPOCH "91 94 01 01 00 a0 90 90 90");
    assert_decodes(EPOCH "91 94 cf 4000000000000000 02 ce ffffffff a1 20 90 90 90");
    assert_malformed(EPOCH "91 94 00 01 00 a0 90 90 90", "sequence out of range");
    assert_malformed(EPOCH "91 94 cf 4000000000000001 01 00 a0 90 90 90",
                     "sequence out of range");
    assert_malformed(EPOCH "91 94 01 00 00 a0 90 90 90", "unknown kind");
    assert_malformed(EPOCH "91 94 01 03 00 a0 90 90 90", "unknown kind");
    assert_malformed(EPOCH "91 94 01 cd 0101 00 a0 90 90 90", "unknown kind"); /* not 1 */
    assert_malformed(EPOCH "91 94 01 01 cf 0000000100000000 a0 90 90 90",
                     "code is not a number of 32 bits");
    assert_malformed(EPOCH "91 94 01 01 ff a0 90 90 90", "code is not a number of 32 bits");
    assert_malformed(EPOCH "91 94 01 01 00 c4 00 90 90 90", "not a valid text");
    assert_malformed(EPOCH "91 94 01 01 00 a1 00 90 90 90", "text is not printable ASCII");
    assert_malformed(EPOCH "91 94 01 01 00 a1 0a 90 90 90", "text is not printable ASCII");
    assert_malformed(EPOCH "91 94 01 01 00 a1 ff 90 90 90", "text is not printable ASCII");
    assert_malformed(EPOCH "91 93 01 01 00 90 90 90", "too few fields");
    assert_malformed(EPOCH "91 95 01 01 00 a0 00 90 90 90", "an exception is not an array of 4");
    assert_malformed(EPOCH "00 90 90 90", "exceptions is not a short array");
}

static void returns_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_decodes(EPOCH "90 91 96 01 05 01 07 00 a0 90 90");
    assert_decodes(EPOCH "90 91 96 05 05 03 07 ce ffffffff a1 20 90 90");
    assert_malformed(EPOCH "90 91 96 00 05 01 07 00 a0 90 90", "first out of range");
    assert_malformed(EPOCH "90 91 96 06 05 01 07 00 a0 90 90", "first out of range");
    assert_malformed(EPOCH "90 91 96 00 00 01 07 00 a0 90 90", "last out of range");
    assert_malformed(EPOCH "90 91 96 01 cf 4000000000000001 01 07 00 a0 90 90",
                     "last out of range");
    assert_malformed(EPOCH "90 91 96 01 05 00 07 00 a0 90 90", "unknown kind");
    assert_malformed(EPOCH "90 91 96 01 05 04 07 00 a0 90 90", "unknown kind");
    assert_malformed(EPOCH "90 91 96 01 05 cd 0101 07 00 a0 90 90", "unknown kind");
    assert_malformed(EPOCH "90 91 96 01 05 01 00 00 a0 90 90", "number is zero");
    assert_malformed(EPOCH "90 91 96 01 05 01 07 cf 0000000100000000 a0 90 90",
                     "delay_ms is not a number of 32 bits");
    assert_malformed(EPOCH "90 91 96 01 05 01 07 00 a1 1b 90 90", "text is not printable ASCII");
    assert_malformed(EPOCH "90 91 95 01 05 01 07 00 90 90", "too few fields");
    assert_malformed(EPOCH "90 91 97 01 05 01 07 00 a0 00 90 90", "a return is not an array of 6");
    assert_malformed(EPOCH "90 00 90 90", "returns is not a short array");
}

static void hints_are_ranges(void **state)
{
    (void)state;
    assert_decodes("97 01 0c 05 c3 91 97 07 09 c4 00 c4 00 c4 02 0005 90 90 90 90");
    assert_malformed("97 01 0c 05 c3 91 97 07 09 c4 00 c4 00 c4 01 00 90 90 90 90",
                     "ranges malformed, out of range or too many");
    assert_malformed("97 01 0c 05 c3 91 97 07 09 c4 00 c4 00 a0 90 90 90 90",
                     "ranges is not bytes");
}

static void skips_that_ask_for_nothing_or_nonsense_are_refused(void **state)
{
    (void)state;
    assert_decodes("98 01 0e 05 07 09 01 00 c4 02 0000");
    assert_decodes("98 01 0e 05 07 09 02 03 c4 0a 00 ffffffffffffffff3f"); /* 1 to 2^62 */
    assert_malformed("98 01 0e 05 00 09 01 00 c4 02 0000", "epoch is zero");
    assert_malformed("98 01 0e 05 07 00 01 00 c4 02 0000", "number is zero");
    assert_malformed("98 01 0e 05 07 09 00 00 c4 02 0000", "unknown purpose");
    assert_malformed("98 01 0e 05 07 09 03 00 c4 02 0000", "unknown purpose");
    assert_malformed("98 01 0e 05 07 09 cd 0101 00 c4 02 0000", "unknown purpose");
    assert_malformed("98 01 0e 05 07 09 01 01 c4 02 0000", "code out of range");
    assert_malformed("98 01 0e 05 07 09 02 00 c4 02 0000", "code out of range");
    assert_malformed("98 01 0e 05 07 09 02 04 c4 02 0000", "code out of range");
    assert_malformed("98 01 0e 05 07 09 02 cf 0000000100000001 c4 02 0000",
                     "code is not a number of 32 bits");
    assert_malformed("98 01 0e 05 07 09 01 00 c4 00", "no ranges, or too many");
    assert_malformed("98 01 0e 05 07 09 01 00 c4 01 00",
                     "ranges malformed, out of range or too many");
    assert_malformed("98 01 0e 05 07 09 01 00 c4 0a 01 ffffffffffffffff3f",
                     "ranges malformed, out of range or too many");
    assert_malformed("98 01 0e 05 07 09 01 00 90", "ranges is not bytes");
}

/* The arena's lists are for all epochs together: none may take another's room, or more. */
static void exceptions_and_returns_are_counted_over_all_epochs(void **state)
{
    (void)state;
    const char *const items[2][2] = {{"94 05 01 00 a0", "90"}, {"96 05 05 01 07 00 a0", ""}};
    const char *const expected[] = {"exceptions is not a short array",
                                    "returns is not a short array"};

    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t count = 128; count <= 129; count++) {
            struct gw_buffer bytes = {0};
            const char *why;
            assert_true(hex_append(&bytes, "97 01 0c 05 c3 92", 17));
            for (size_t epoch = 0; epoch < 2; epoch++) {
                size_t here = epoch ? count : 128;
                assert_true(hex_append(&bytes, "97 07 01 c4 00 c4 00 c4 00", 26));
                assert_true(hex_append(&bytes, kind ? "90 dc" : "dc", kind ? 5 : 2));
                gw_buffer_u8(&bytes, 0);
                gw_buffer_u8(&bytes, (uint8_t)here);
                for (size_t i = 0; i < here; i++)
                    assert_true(hex_append(&bytes, items[kind][0], strlen(items[kind][0])));
                assert_true(hex_append(&bytes, items[kind][1], strlen(items[kind][1])));
            }
            assert_true(hex_append(&bytes, "90 90", 5));
            decode(bytes.data, bytes.size, &why);
            if (count == 128)
                assert_null(why);
            else
                assert_string_equal(why, expected[kind]);
            gw_buffer_clear(&bytes);
        }
    }
}

/* Texts and columns are not copied: they stay where the frame was received. */
static void texts_point_into_the_received_bytes(void **state)
{
    (void)state;
    struct gw_buffer bytes = example(GW_FRAME_ACK);
    struct gw_frame frame;
    const char *why;

    assert_int_equal(gw_decode(decoder, bytes.data, bytes.size, &frame, &why), GW_DECODE_OK);
    struct gw_slice texts[] = {frame.u.ack.epochs[0].exceptions[0].text,
                               frame.u.ack.epochs[0].returns[0].text};
    for (size_t i = 0; i < 2; i++) {
        assert_true(texts[i].data > bytes.data && texts[i].size > 0);
        assert_true(texts[i].data + texts[i].size < bytes.data + bytes.size);
    }
    gw_buffer_clear(&bytes);
}

static void types_and_link_ids_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_decodes("94 01 06 05 c2");
    assert_malformed("93 01 06 05", "too few fields");
    assert_malformed("94 01 06 05 01", "last is not a boolean");
    assert_malformed("93 01 00 05", "unknown frame type");
    assert_malformed("93 01 0f 05", "unknown frame type");
    assert_malformed("93 01 cd 0106 05", "unknown frame type"); /* not 6 */
    assert_malformed("93 01 cf ffffffffffffffff 05", "unknown frame type");
    assert_malformed("94 01 06 00 c2", "link id is zero");
    assert_malformed("94 01 06 ff c2", "the link id is not a number");
    assert_malformed("92 01 06", "too few fields");
    assert_malformed("91 01", "too few fields");
}

static void texts_are_checked_before_anyone_prints_them(void **state)
{
    (void)state;
    assert_decodes("96 01 04 00 07 00 a4 66756c6c");
    assert_decodes("96 01 04 00 07 00 a0");
    assert_malformed("96 01 04 00 07 00 a4 66000c6c", "not a valid text");
    assert_malformed("96 01 04 00 07 00 a4 661b5b6c", "text is not printable ASCII");
    assert_malformed("96 01 04 00 07 00 c4 04 66756c6c", "not a valid text"); /* bin, not str */
    assert_malformed("9a 01 0a 05 01 a1 58 07 01 01 c2 c2", "not a valid destination");
    assert_malformed("9a 01 0a 05 01 a2 7800 07 01 01 c2 c2", "not a valid name");
    assert_decodes("9a 01 0a 05 04 a1 78 07 01 01 c2 c3");
    assert_malformed("9a 01 0a 05 05 a1 78 07 01 01 c2 c3", "not a valid destination");
    assert_malformed("9a 01 0a 05 04 a1 78 07 01 01 c2 01", "ordered is not a boolean");
    assert_malformed("9a 01 0a 05 01 a0 07 01 01 c2 c2", "not a valid destination");
    assert_malformed("9a 01 0a 05 cd 0101 a1 78 07 01 01 c2 c2", "not a valid destination");
}

static void a_refusal_names_link_and_epoch_for_code_epoch_only(void **state)
{
    (void)state;
    assert_decodes("96 01 04 05 05 07 a0");
    assert_malformed("96 01 04 00 05 07 a0", "a link is named for code EPOCH only");
    assert_malformed("96 01 04 05 05 00 a0", "an epoch is named for code EPOCH only");
    assert_malformed("96 01 04 05 01 00 a0", "a link is named for code EPOCH only");
    assert_malformed("96 01 04 00 01 07 a0", "an epoch is named for code EPOCH only");
}

static void a_name_of_65_bytes_is_refused(void **state)
{
    (void)state;
    for (size_t size = GW_NAME_MAX; size <= GW_NAME_MAX + 1; size++) {
        struct gw_buffer bytes = {0};
        const char *why;
        assert_true(hex_append(&bytes, "9a 01 0a 05 01 d9", 17));
        gw_buffer_u8(&bytes, (uint8_t)size);
        for (size_t i = 0; i < size; i++)
            gw_buffer_u8(&bytes, 'x');
        assert_true(hex_append(&bytes, "07 01 01 c2 c2", 14));
        assert_int_equal(decode(bytes.data, bytes.size, &why),
                         size <= GW_NAME_MAX ? GW_DECODE_OK : GW_DECODE_MALFORMED);
        gw_buffer_clear(&bytes);
    }
}

static void lists_longer_than_their_limit_are_refused(void **state)
{
    (void)state;
    const char *const starts[] = {"97 01 0c 05 c3 90 90 dc", "96 01 07 05 00 00 dc"};
    const char *const items[] = {"05", "93 05 01 01"};
    const char *const expected[] = {"closed is not a short array", "floors is not a short array"};

    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t count = 256; count <= 257; count++) {
            struct gw_buffer bytes = {0};
            const char *why;
            assert_true(hex_append(&bytes, starts[kind], strlen(starts[kind])));
            gw_buffer_u8(&bytes, 1);
            gw_buffer_u8(&bytes, (uint8_t)count);
            for (size_t i = 0; i < count; i++)
                assert_true(hex_append(&bytes, items[kind], strlen(items[kind])));
            decode(bytes.data, bytes.size, &why);
            if (count == 256)
                assert_null(why);
            else
                assert_string_equal(why, expected[kind]);
            gw_buffer_clear(&bytes);
        }
    }
}

static void a_destination_served_twice_is_refused(void **state)
{
    (void)state;
    assert_decodes("94 01 09 05 92 95 01 a1 78 01 00 00 95 02 a1 78 01 00 00");
    assert_malformed("94 01 09 05 92 95 01 a1 78 01 00 00 95 01 a1 78 01 00 00",
                     "a destination is listed twice");
}

static void nested_arrays_have_all_their_fields_and_no_more(void **state)
{
    (void)state;
    assert_malformed("96 01 07 05 00 00 91 92 07 01", "too few fields");
    assert_malformed("96 01 07 05 00 00 91 94 07 01 01 01", "a floor is not an array of 3");
    assert_malformed("94 01 09 05 91 94 01 a1 78 01 00", "too few fields");
    assert_malformed("97 01 0c 05 c3 90 91 92 00 00 90", "too few fields");
    assert_malformed("97 01 0c 05 c3 91 93 07 01 c4 00 90 90", "too few fields");
    assert_malformed("97 01 0c 05 c3 91 96 07 01 c4 00 c4 00 c4 00 90 90 90", "too few fields");
    assert_malformed("97 01 0c 05 c3 91 98 07 01 c4 00 c4 00 c4 00 90 90 90 90 90",
                     "an epoch is not an array of 7");
}

static void integers_may_be_longer_than_needed(void **state)
{
    (void)state;
    assert_decodes("dc 0003 cc 01 cd 0005 cf 0000000000000005");
    assert_decodes("dd 00000003 d0 01 d1 0005 d3 0000000000000005");
}

static void another_version_is_told_apart_from_garbage(void **state)
{
    (void)state;
    /* Of version 2, and of a shape that version 1 would refuse. */
    const uint8_t later[] = {0x94, 0x02, 0x01, 0xcd, 0x12, 0x34, 0x81, 0xc0, 0xc0};
    struct gw_frame frame;
    const char *why;

    assert_int_equal(gw_decode(decoder, later, sizeof later, &frame, &why), GW_DECODE_VERSION);
    assert_int_equal(frame.type, GW_FRAME_HELLO);
    assert_int_equal(frame.link, 0x1234);
    assert_int_equal(gw_decode(decoder, "\x91\x02", 2, &frame, &why), GW_DECODE_VERSION);
    assert_int_equal(frame.type, 0);
    assert_int_equal(frame.link, 0);
    assert_int_equal(gw_decode(decoder, "\x91\x00", 2, &frame, &why), GW_DECODE_VERSION);
    assert_malformed("91 ff", "the version is not an unsigned integer");
    assert_malformed("91 c0", "the version is not an unsigned integer");
    assert_malformed("90", "the version is not an unsigned integer");
    assert_malformed("81 01 01", "the header is not an array");
    assert_malformed("", "the header is not an array");
    assert_malformed("474554202f20485454502f312e310d0a", "the header is not an array");
}

static void garbage_is_refused(void **state)
{
    (void)state;
    struct gw_random random;
    int accepted = 0;

    gw_random_seed(&random, 4);
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[64];
        size_t size = gw_random_below(&random, sizeof bytes + 1);
        const char *why;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)gw_random_next(&random);
        accepted += decode(bytes, size, &why) == GW_DECODE_OK;
    }
    assert_int_equal(accepted, 0);
}

/* The allocator's own count; a sanitizer's allocator keeps none, then this says nothing. */
static void decoding_takes_no_memory(void **state)
{
    (void)state;
    struct gw_frame frame;
    const char *why;

    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        struct gw_buffer bytes = {0};
        frame_largest(type, &room, &frame);
        assert_int_equal(gw_encode(&frame, &bytes), 0);
        struct mallinfo2 before = mallinfo2();
        assert_int_equal(gw_decode(decoder, bytes.data, bytes.size, &frame, &why), GW_DECODE_OK);
        struct mallinfo2 after = mallinfo2();
        assert_int_equal(after.uordblks, before.uordblks);
        assert_int_equal(after.hblkhd, before.hblkhd);
        gw_buffer_clear(&bytes);
    }
}

static void the_most_objects_that_pass_fit_into_the_zone(void **state)
{
    (void)state;
    static uint8_t bytes[3 + GW_WIRE_OBJECTS_MAX] = {0xdc, 0x1f, 0xff, 0x01, 0x05, 0x05};
    struct gw_frame frame;
    const char *why;

    struct mallinfo2 before = mallinfo2();
    assert_int_equal(gw_decode(decoder, bytes, sizeof bytes - 1, &frame, &why),
                     GW_DECODE_MALFORMED);
    assert_string_equal(why, "too many fields");
    assert_int_equal(mallinfo2().uordblks, before.uordblks);
    assert_int_equal(mallinfo2().hblkhd, before.hblkhd);
}

static void a_decoder_without_memory_is_none(void **state)
{
    (void)state;
    memory_left = 0;
    assert_null(gw_decoder_new());
    memory_left = SIZE_MAX;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_changed_byte_is_refused_or_gives_a_valid_frame),
        cmocka_unit_test(an_inserted_or_missing_byte_is_refused_or_gives_a_valid_frame),
        cmocka_unit_test(a_field_of_a_wrong_type_is_refused),
        cmocka_unit_test(a_missing_field_is_refused),
        cmocka_unit_test(a_field_too_many_is_refused),
        cmocka_unit_test(bytes_after_the_header_are_refused),
        cmocka_unit_test(claims_of_more_than_there_is_are_refused),
        cmocka_unit_test(arrays_nested_33_deep_are_refused),
        cmocka_unit_test(a_million_ranges_are_refused),
        cmocka_unit_test(ranges_that_are_inverted_or_out_of_range_are_refused),
        cmocka_unit_test(sequences_out_of_range_are_refused),
        cmocka_unit_test(offers_and_attempts_out_of_range_are_refused),
        cmocka_unit_test(heads_are_a_column_or_nothing),
        cmocka_unit_test(exceptions_that_are_none_are_refused),
        cmocka_unit_test(returns_that_are_none_are_refused),
        cmocka_unit_test(hints_are_ranges),
        cmocka_unit_test(skips_that_ask_for_nothing_or_nonsense_are_refused),
        cmocka_unit_test(exceptions_and_returns_are_counted_over_all_epochs),
        cmocka_unit_test(texts_point_into_the_received_bytes),
        cmocka_unit_test(types_and_link_ids_out_of_range_are_refused),
        cmocka_unit_test(texts_are_checked_before_anyone_prints_them),
        cmocka_unit_test(a_refusal_names_link_and_epoch_for_code_epoch_only),
        cmocka_unit_test(a_name_of_65_bytes_is_refused),
        cmocka_unit_test(lists_longer_than_their_limit_are_refused),
        cmocka_unit_test(a_destination_served_twice_is_refused),
        cmocka_unit_test(nested_arrays_have_all_their_fields_and_no_more),
        cmocka_unit_test(integers_may_be_longer_than_needed),
        cmocka_unit_test(another_version_is_told_apart_from_garbage),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(decoding_takes_no_memory),
        cmocka_unit_test(the_most_objects_that_pass_fit_into_the_zone),
        cmocka_unit_test(a_decoder_without_memory_is_none),
    };

    return cmocka_run_group_tests(tests, make_decoder, drop_decoder);
}
