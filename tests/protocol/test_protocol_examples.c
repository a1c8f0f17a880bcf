/* SPDX-License-Identifier: MPL-2.0 */

/* Holds the examples of docs/protocol.md against the codec, byte for byte: blocks of the form
 *
 *     ```hex NAME
 *     93 01 ...        ; comment
 *     ```
 */

#include "wire/columns.h"
#include "wire/wire.h"

#include "base/crc32c.h"
#include "support/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DOCUMENT GODWIT_SOURCE_DIR "/docs/protocol.md"
#define FENCE "\n```"

static char document[256 * 1024];

static int read_document(void **state)
{
    (void)state;
    FILE *file = fopen(DOCUMENT, "rb");

    if (!file)
        return -1;
    size_t size = fread(document, 1, sizeof document - 1, file);
    document[size] = '\0';
    fclose(file);
    return size < sizeof document - 1 ? 0 : -1;
}

/* The bytes of the only block of that name. */
static struct gw_buffer block(const char *name)
{
    struct gw_buffer bytes = {0};
    char start[64];

    snprintf(start, sizeof start, FENCE "hex %s\n", name);
    const char *at = strstr(document, start);
    if (!at)
        fail_msg("no example of %s in %s", name, DOCUMENT);
    at += strlen(start) - 1;
    const char *end = strstr(at, FENCE);
    assert_non_null(end);
    assert_null(strstr(end, start));
    if (!hex_append(&bytes, at, (size_t)(end - at)))
        fail_msg("the example of %s is not hex", name);
    return bytes;
}

static void every_example_is_what_the_encoder_writes(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        struct gw_buffer expected = block(gw_frame_name(type)), bytes = {0};
        struct gw_frame frame;
        frame_example(type, &frame);
        assert_int_equal(gw_encode(&frame, &bytes), 0);
        if (bytes.size != expected.size)
            fail_msg("%s has %zu bytes, its example %zu", gw_frame_name(type), bytes.size,
                     expected.size);
        assert_memory_equal(bytes.data, expected.data, bytes.size);
        gw_buffer_clear(&bytes);
        gw_buffer_clear(&expected);
    }
}

static void every_example_is_understood(void **state)
{
    (void)state;
    struct gw_decoder *decoder = gw_decoder_new();

    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        struct gw_buffer bytes = block(gw_frame_name(type));
        struct gw_frame expected, frame;
        const char *why;
        frame_example(type, &expected);
        assert_int_equal(gw_decode(decoder, bytes.data, bytes.size, &frame, &why), GW_DECODE_OK);
        assert_true(frames_equal(&frame, &expected));
        gw_buffer_clear(&bytes);
    }
    gw_decoder_destroy(&decoder);
}

static void the_body_fits_its_header(void **state)
{
    (void)state;
    struct gw_buffer body = block("DATA-body");
    struct gw_frame frame;
    uint32_t ends[3], heads[3], fixed;
    bool is_fixed;

    assert_int_equal(body.size, sizeof FRAME_EXAMPLE_BODY - 1);
    assert_memory_equal(body.data, FRAME_EXAMPLE_BODY, body.size);
    frame_example(GW_FRAME_DATA, &frame);
    struct gw_slice lengths = frame.u.data.lengths;
    assert_int_equal(gw_lengths_read(lengths, frame.u.data.count, body.size, GW_MESSAGE_MAX, ends,
                                     &is_fixed, &fixed),
                     0);
    assert_int_equal(ends[0], 15);
    assert_int_equal(ends[1], 15);
    assert_int_equal(ends[2], 18);
    assert_int_equal(gw_heads_read(frame.u.data.heads, frame.u.data.count, ends, heads), 0);
    assert_int_equal(heads[0], 10);
    assert_int_equal(heads[1], 0);
    assert_int_equal(heads[2], 0);
    uint32_t crc = gw_crc32c(0, lengths.data, lengths.size);
    crc = gw_crc32c(crc, frame.u.data.heads.data, frame.u.data.heads.size);
    assert_int_equal(gw_crc32c(crc, body.data, body.size), frame.u.data.crc);
    gw_buffer_clear(&body);
}

static void there_is_no_example_of_anything_else(void **state)
{
    (void)state;
    size_t count = 0;

    for (const char *at = document; (at = strstr(at, FENCE "hex ")); at++)
        count++;
    assert_int_equal(count, FRAME_TYPES + 1);
}

/* The document has a heading for each frame and a line for each refusal, with their numbers. */
static void every_frame_and_refusal_is_described(void **state)
{
    (void)state;
    char line[64];

    for (uint8_t type = 1; type <= FRAME_TYPES; type++) {
        snprintf(line, sizeof line, "\n### %s\n", gw_frame_name(type));
        assert_non_null(strstr(document, line));
        snprintf(line, sizeof line, "\n| %d | [%s](#", type, gw_frame_name(type));
        assert_non_null(strstr(document, line));
    }
    for (unsigned code = GW_REFUSE_VERSION; code <= GW_REFUSE_BUSY; code++) {
        snprintf(line, sizeof line, "\n| %u | %s | ", code, gw_refusal_name(code));
        assert_non_null(strstr(document, line));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_what_the_encoder_writes),
        cmocka_unit_test(every_example_is_understood),
        cmocka_unit_test(the_body_fits_its_header),
        cmocka_unit_test(there_is_no_example_of_anything_else),
        cmocka_unit_test(every_frame_and_refusal_is_described),
    };

    return cmocka_run_group_tests(tests, read_document, NULL);
}
