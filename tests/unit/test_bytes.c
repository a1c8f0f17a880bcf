/* SPDX-License-Identifier: MPL-2.0 */

/* The byte buffer and the byte reader: the exact bytes, the limits, and what hostile bytes do. */

#include "failing_memory.h"

#include "base/bytes.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_bytes(const struct gw_buffer *buffer, const char *expected, size_t size)
{
    assert_false(gw_buffer_failed(buffer));
    assert_int_equal(buffer->size, size);
    assert_memory_equal(buffer->data, expected, size);
}

/* Of a literal: its size is known, NULs and all. */
#define ASSERT_BYTES(buffer, literal) assert_bytes(buffer, literal, sizeof literal - 1)
#define READER(literal) gw_reader_of(literal, sizeof literal - 1)

static void integers_are_written_big_endian(void **state)
{
    (void)state;
    struct gw_buffer buffer = {0};

    gw_buffer_u8(&buffer, 0xab);
    gw_buffer_u32(&buffer, 0x01020304);
    gw_buffer_u64(&buffer, 0x1122334455667788);
    ASSERT_BYTES(&buffer, "\xab\x01\x02\x03\x04\x11\x22\x33\x44\x55\x66\x77\x88");
    gw_buffer_clear(&buffer);
}

static void integers_are_read_as_they_were_written(void **state)
{
    (void)state;
    struct gw_reader reader = READER("\xab\xf1\x02\x03\x04\xf1\x22\x33\x44\x55\x66\x77\x88");

    assert_int_equal(gw_read_u8(&reader), 0xab);
    assert_int_equal(gw_read_u32(&reader), 0xf1020304);
    assert_int_equal(gw_read_u64(&reader), 0xf122334455667788);
    assert_false(reader.failed);
    assert_int_equal(gw_reader_left(&reader), 0);
}

static void varints_are_written_low_bits_first_in_the_shortest_form(void **state)
{
    (void)state;
    struct gw_buffer buffer = {0};

    gw_buffer_varint(&buffer, 0);
    gw_buffer_varint(&buffer, 127);
    gw_buffer_varint(&buffer, 128);
    gw_buffer_varint(&buffer, 300);
    gw_buffer_varint(&buffer, UINT64_MAX);
    ASSERT_BYTES(&buffer, "\x00" "\x7f" "\x80\x01" "\xac\x02"
                          "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    gw_buffer_clear(&buffer);
}

static void varints_around_every_power_of_two_come_back(void **state)
{
    (void)state;
    struct gw_buffer buffer = {0};

    for (int bit = 0; bit < 64; bit++) {
        for (int more = -1; more <= 1; more++)
            gw_buffer_varint(&buffer, ((uint64_t)1 << bit) + (uint64_t)more);
    }
    assert_false(gw_buffer_failed(&buffer));
    struct gw_reader reader = gw_reader_of(buffer.data, buffer.size);
    for (int bit = 0; bit < 64; bit++) {
        for (int more = -1; more <= 1; more++)
            assert_int_equal(gw_read_varint(&reader), ((uint64_t)1 << bit) + (uint64_t)more);
    }
    assert_false(reader.failed);
    assert_int_equal(gw_reader_left(&reader), 0);
    gw_buffer_clear(&buffer);
}

static void assert_no_varint(struct gw_reader reader)
{
    assert_int_equal(gw_read_varint(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(gw_reader_left(&reader), 0);
}

static void a_varint_with_a_shorter_form_is_refused(void **state)
{
    (void)state;
    assert_no_varint(READER("\x80\x00"));
    assert_no_varint(READER("\xff\x80\x00"));
    assert_no_varint(READER("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"));
}

static void a_varint_above_64_bits_is_refused(void **state)
{
    (void)state;
    assert_no_varint(READER("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
    assert_no_varint(READER("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));
}

static void a_varint_of_eleven_bytes_is_refused(void **state)
{
    (void)state;
    assert_no_varint(READER("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"));
    assert_no_varint(READER("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x81\x01"));
}

static void a_varint_cut_short_is_refused(void **state)
{
    (void)state;
    assert_no_varint(READER(""));
    assert_no_varint(READER("\x80"));
    assert_no_varint(READER("\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
}

static void a_read_past_the_end_fails_and_leaves_nothing(void **state)
{
    (void)state;
    struct gw_reader reader = READER("\x01\x02\x03");

    assert_int_equal(gw_read_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(gw_reader_left(&reader), 0);
    assert_int_equal(gw_read_u8(&reader), 0);
    assert_null(gw_read_slice(&reader, 0).data);
}

static void a_reader_of_nothing_fails_at_once_and_not_before(void **state)
{
    (void)state;
    struct gw_reader reader = gw_reader_of(NULL, 0);

    assert_int_equal(gw_reader_left(&reader), 0);
    assert_int_equal(gw_read_slice(&reader, 0).size, 0);
    assert_false(reader.failed);
    assert_int_equal(gw_read_u8(&reader), 0);
    assert_true(reader.failed);
}

static void a_slice_points_into_what_is_read(void **state)
{
    (void)state;
    const char bytes[] = "abcdef";
    struct gw_reader reader = gw_reader_of(bytes, 6);

    gw_read_u8(&reader);
    struct gw_slice slice = gw_read_slice(&reader, 3);
    assert_ptr_equal(slice.data, bytes + 1);
    assert_int_equal(slice.size, 3);
    assert_int_equal(gw_reader_left(&reader), 2);
    slice = gw_read_slice(&reader, 3);
    assert_null(slice.data);
    assert_int_equal(slice.size, 0);
    assert_true(reader.failed);
}

static void a_slice_of_impossible_size_is_refused(void **state)
{
    (void)state;
    struct gw_reader reader = READER("abc");

    assert_null(gw_read_slice(&reader, SIZE_MAX).data);
    assert_true(reader.failed);
}

static void a_string_comes_back_with_its_nul(void **state)
{
    (void)state;
    struct gw_buffer buffer = {0};
    char text[6] = "......";

    gw_buffer_string(&buffer, "hello");
    gw_buffer_string(&buffer, "");
    ASSERT_BYTES(&buffer, "\x05hello\x00");
    struct gw_reader reader = gw_reader_of(buffer.data, buffer.size);
    gw_read_string(&reader, text, sizeof text);
    assert_string_equal(text, "hello");
    gw_read_string(&reader, text, sizeof text);
    assert_string_equal(text, "");
    assert_false(reader.failed);
    gw_buffer_clear(&buffer);
}

static void assert_no_string(struct gw_reader reader, size_t text_size)
{
    char text[8] = "before";

    gw_read_string(&reader, text, text_size);
    assert_true(reader.failed);
    assert_int_equal(gw_reader_left(&reader), 0);
    assert_string_equal(text, text_size > 0 ? "" : "before");
}

static void a_string_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    assert_no_string(READER("\x05hello"), 5);
    assert_no_string(READER("\x00"), 0);
    assert_no_string(READER("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01hello"), 8);
}

static void a_string_with_a_nul_inside_is_refused(void **state)
{
    (void)state;
    assert_no_string(READER("\x03" "a\x00z"), 8);
}

static void a_string_cut_short_is_refused(void **state)
{
    (void)state;
    assert_no_string(READER("\x05hell"), 8);
    assert_no_string(READER(""), 8);
}

static void a_long_run_of_appends_keeps_all_and_allocates_seldom(void **state)
{
    (void)state;
    struct gw_buffer buffer = {0};
    size_t before = memory_taken;

    for (uint32_t i = 0; i < 100000; i++)
        gw_buffer_u32(&buffer, i);
    assert_true(memory_taken - before < 20);
    struct gw_reader reader = gw_reader_of(buffer.data, buffer.size);
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(gw_read_u32(&reader), i);
    assert_int_equal(gw_reader_left(&reader), 0);
    gw_buffer_clear(&buffer);
}

static void reserved_bytes_need_no_memory(void **state)
{
    (void)state;
    static const char block[1000];
    struct gw_buffer buffer = {0};

    gw_buffer_u8(&buffer, 1);
    assert_int_equal(gw_buffer_reserve(&buffer, sizeof block), 0);
    memory_left = 0;
    gw_buffer_append(&buffer, block, sizeof block);
    memory_left = SIZE_MAX;
    assert_false(gw_buffer_failed(&buffer));
    assert_int_equal(buffer.size, 1001);
    gw_buffer_clear(&buffer);
}

static void after_a_failed_append_nothing_is_added_until_a_reset(void **state)
{
    (void)state;
    static const char block[1000];
    struct gw_buffer buffer = {0};

    gw_buffer_u8(&buffer, 'a');
    memory_left = 0;
    gw_buffer_append(&buffer, block, sizeof block);
    memory_left = SIZE_MAX;
    assert_true(gw_buffer_failed(&buffer));
    gw_buffer_u8(&buffer, 'b'); /* has room, and would leave a hole in the bytes */
    assert_int_equal(buffer.size, 1);

    gw_buffer_reset(&buffer);
    gw_buffer_u8(&buffer, 'c');
    ASSERT_BYTES(&buffer, "c");
    gw_buffer_clear(&buffer);
}

static void a_reset_keeps_the_memory(void **state)
{
    (void)state;
    struct gw_buffer buffer = {0};

    gw_buffer_string(&buffer, "some text");
    gw_buffer_reset(&buffer);
    memory_left = 0;
    gw_buffer_string(&buffer, "more text");
    memory_left = SIZE_MAX;
    ASSERT_BYTES(&buffer, "\x09more text");
    gw_buffer_clear(&buffer);
    assert_null(buffer.data);
    gw_buffer_u8(&buffer, 1);
    ASSERT_BYTES(&buffer, "\x01");
    gw_buffer_clear(&buffer);
}

static void a_reserve_that_fails_changes_nothing(void **state)
{
    (void)state;
    struct gw_buffer buffer = {0};

    gw_buffer_u8(&buffer, 'a');
    assert_int_equal(gw_buffer_reserve(&buffer, SIZE_MAX), -ENOMEM);
    memory_left = 0;
    assert_int_equal(gw_buffer_reserve(&buffer, 1000), -ENOMEM);
    memory_left = SIZE_MAX;
    gw_buffer_u8(&buffer, 'b');
    ASSERT_BYTES(&buffer, "ab");
    gw_buffer_clear(&buffer);
}

static void appending_nothing_is_allowed(void **state)
{
    (void)state;
    struct gw_buffer buffer = {0};

    gw_buffer_append(&buffer, NULL, 0);
    assert_int_equal(buffer.size, 0);
    assert_null(buffer.data);
    assert_false(gw_buffer_failed(&buffer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_written_big_endian),
        cmocka_unit_test(integers_are_read_as_they_were_written),
        cmocka_unit_test(varints_are_written_low_bits_first_in_the_shortest_form),
        cmocka_unit_test(varints_around_every_power_of_two_come_back),
        cmocka_unit_test(a_varint_with_a_shorter_form_is_refused),
        cmocka_unit_test(a_varint_above_64_bits_is_refused),
        cmocka_unit_test(a_varint_of_eleven_bytes_is_refused),
        cmocka_unit_test(a_varint_cut_short_is_refused),
        cmocka_unit_test(a_read_past_the_end_fails_and_leaves_nothing),
        cmocka_unit_test(a_reader_of_nothing_fails_at_once_and_not_before),
        cmocka_unit_test(a_slice_points_into_what_is_read),
        cmocka_unit_test(a_slice_of_impossible_size_is_refused),
        cmocka_unit_test(a_string_comes_back_with_its_nul),
        cmocka_unit_test(a_string_that_does_not_fit_is_refused),
        cmocka_unit_test(a_string_with_a_nul_inside_is_refused),
        cmocka_unit_test(a_string_cut_short_is_refused),
        cmocka_unit_test(a_long_run_of_appends_keeps_all_and_allocates_seldom),
        cmocka_unit_test(reserved_bytes_need_no_memory),
        cmocka_unit_test(after_a_failed_append_nothing_is_added_until_a_reset),
        cmocka_unit_test(a_reset_keeps_the_memory),
        cmocka_unit_test(a_reserve_that_fails_changes_nothing),
        cmocka_unit_test(appending_nothing_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
