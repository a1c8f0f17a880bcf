/* SPDX-License-Identifier: MPL-2.0 */

/* The columns: the exact bytes, round trips, and columns that lie. */

#include "wire/columns.h"

#include "base/random.h"
#include "core/frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MESSAGE_MAX 1000
#define SLICE(literal) ((struct gw_slice){(const uint8_t *)literal, sizeof literal - 1})
#define ASSERT_BYTES(buffer, literal) assert_bytes(buffer, literal, sizeof literal - 1)

static void assert_bytes(const struct gw_buffer *buffer, const char *expected, size_t size)
{
    assert_int_equal(buffer->size, size);
    assert_memory_equal(buffer->data, expected, size);
}

static struct gw_slice slice_of(const struct gw_buffer *buffer)
{
    return (struct gw_slice){buffer->data, buffer->size};
}

/* What reading says when only the verdict matters. */
static int lengths(struct gw_slice column, uint64_t count, uint64_t body_size)
{
    bool is_fixed;
    uint32_t fixed;
    int counted = gw_lengths_read(column, count, body_size, MESSAGE_MAX, NULL, &is_fixed, &fixed);

    if (count <= 100) { /* the same with ends */
        uint32_t ends[100];
        assert_int_equal(
            gw_lengths_read(column, count, body_size, MESSAGE_MAX, ends, &is_fixed, &fixed),
            counted);
    }
    return counted;
}

static void equal_lengths_are_one_number(void **state)
{
    (void)state;
    struct gw_buffer out = {0};
    uint32_t ends[3], fixed;
    bool is_fixed;

    gw_lengths_write(&out, NULL, 300, 7, 3);
    ASSERT_BYTES(&out, "\x00\xac\x02");
    assert_int_equal(
        gw_lengths_read(slice_of(&out), 3, 900, MESSAGE_MAX, ends, &is_fixed, &fixed), 0);
    assert_true(is_fixed);
    assert_int_equal(fixed, 300);
    assert_int_equal(ends[0], 300);
    assert_int_equal(ends[1], 600);
    assert_int_equal(ends[2], 900);
    gw_buffer_clear(&out);
}

static void different_lengths_are_listed(void **state)
{
    (void)state;
    const uint32_t batch[] = {4, 4, 9, 209, 210}; /* lengths 4 0 5 200 1 */
    struct gw_buffer out = {0};
    uint32_t ends[3], fixed;
    bool is_fixed;

    gw_lengths_write(&out, batch, 0, 1, 3);
    ASSERT_BYTES(&out, "\x01\x00\x05\xc8\x01");
    assert_int_equal(
        gw_lengths_read(slice_of(&out), 3, 205, MESSAGE_MAX, ends, &is_fixed, &fixed), 0);
    assert_false(is_fixed);
    assert_int_equal(fixed, 0);
    assert_int_equal(ends[0], 0);
    assert_int_equal(ends[1], 5);
    assert_int_equal(ends[2], 205);
    gw_buffer_clear(&out);
}

static void equal_lengths_in_a_mixed_batch_are_found(void **state)
{
    (void)state;
    const uint32_t batch[] = {4, 10, 16, 22, 23};
    struct gw_buffer out = {0};

    gw_lengths_write(&out, batch, 0, 1, 3);
    ASSERT_BYTES(&out, "\x00\x06");
    gw_buffer_reset(&out);
    gw_lengths_write(&out, batch, 0, 0, 1); /* the batch's first message has no end before it */
    ASSERT_BYTES(&out, "\x00\x04");
    gw_buffer_clear(&out);
}

static void empty_messages_are_messages(void **state)
{
    (void)state;
    assert_int_equal(lengths(SLICE("\x00\x00"), 1, 0), 0);
    assert_int_equal(lengths(SLICE("\x00\x00"), GW_RUN_MAX, 0), 0);
    assert_int_equal(lengths(SLICE("\x01\x00\x00"), 2, 0), 0);
    assert_int_equal(lengths(SLICE("\x00\x00"), 1, 1), -EINVAL);
}

static void any_run_of_any_batch_comes_back(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    struct gw_random random;
    struct gw_buffer out = {0};

    gw_random_seed(&random, 1);
    for (int round = 0; round < 2000; round++) {
        uint32_t batch[COUNT], ends[COUNT], fixed, at = 0;
        uint64_t longest = gw_random_below(&random, MESSAGE_MAX + 1);
        for (int i = 0; i < COUNT; i++)
            batch[i] = at += (uint32_t)gw_random_below(&random, longest + 1);
        uint64_t from = gw_random_below(&random, COUNT);
        uint64_t count = 1 + gw_random_below(&random, COUNT - from);
        uint32_t begin = from ? batch[from - 1] : 0;
        bool is_fixed;

        gw_buffer_reset(&out);
        gw_lengths_write(&out, batch, 0, from, count);
        assert_int_equal(gw_lengths_read(slice_of(&out), count, batch[from + count - 1] - begin,
                                         MESSAGE_MAX, ends, &is_fixed, &fixed),
                         0);
        for (uint64_t i = 0; i < count; i++)
            assert_int_equal(ends[i] + begin, batch[from + i]);
    }
    gw_buffer_clear(&out);
}

static void lengths_that_do_not_fill_the_body_are_refused(void **state)
{
    (void)state;
    assert_int_equal(lengths(SLICE("\x00\x05"), 3, 15), 0);
    assert_int_equal(lengths(SLICE("\x00\x05"), 3, 14), -EINVAL);
    assert_int_equal(lengths(SLICE("\x00\x05"), 3, 16), -EINVAL);
    assert_int_equal(lengths(SLICE("\x00\x05"), 2, 15), -EINVAL);
    assert_int_equal(lengths(SLICE("\x01\x05\x06"), 2, 11), 0);
    assert_int_equal(lengths(SLICE("\x01\x05\x06"), 2, 10), -EINVAL);
    assert_int_equal(lengths(SLICE("\x01\x05\x06"), 2, 12), -EINVAL);
}

static void a_wrong_number_of_lengths_is_refused(void **state)
{
    (void)state;
    assert_int_equal(lengths(SLICE("\x01\x05\x06"), 1, 5), -EINVAL);
    assert_int_equal(lengths(SLICE("\x01\x05\x06"), 3, 11), -EINVAL);
    assert_int_equal(lengths(SLICE("\x00\x05\x05"), 2, 10), -EINVAL);
    assert_int_equal(lengths(SLICE("\x01"), 0, 0), -EINVAL);
    assert_int_equal(lengths(SLICE("\x00\x00"), 0, 0), -EINVAL);
    assert_int_equal(lengths(SLICE("\x00\x00"), GW_RUN_MAX + 1, 0), -EINVAL);
    assert_int_equal(lengths(SLICE("\x01\x00"), UINT64_MAX, 0), -EINVAL);
}

static void a_message_above_the_limit_is_refused(void **state)
{
    (void)state;
    assert_int_equal(lengths(SLICE("\x00\xe8\x07"), 2, 2000), 0);
    assert_int_equal(lengths(SLICE("\x00\xe9\x07"), 2, 2002), -EINVAL);
    assert_int_equal(lengths(SLICE("\x01\x01\xe8\x07"), 2, 1001), 0);
    assert_int_equal(lengths(SLICE("\x01\x01\xe9\x07"), 2, 1002), -EINVAL);
}

static void broken_columns_of_lengths_are_refused(void **state)
{
    (void)state;
    assert_int_equal(lengths(SLICE(""), 1, 0), -EINVAL);
    assert_int_equal(lengths(SLICE("\x00"), 1, 0), -EINVAL);
    assert_int_equal(lengths(SLICE("\x00\x80"), 1, 0), -EINVAL);
    assert_int_equal(lengths(SLICE("\x02\x05"), 1, 5), -EINVAL);
    assert_int_equal(lengths(SLICE("\x01\x85\x00"), 1, 5), -EINVAL); /* not the shortest form */
    /* Sums that would wrap: 2^64 - 1 once, and 2^63 twice. */
    assert_int_equal(lengths(SLICE("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1, 0), -EINVAL);
    assert_int_equal(lengths(SLICE("\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"
                                   "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
                             2, 0),
                     -EINVAL);
    assert_int_equal(lengths(SLICE("\x00\x00"), 1, UINT64_MAX), -EINVAL);
}

/* Heads of messages of these lengths. */
static int heads(struct gw_slice column, uint64_t count, const uint32_t *ends)
{
    uint32_t sizes[8];
    return gw_heads_read(column, count, ends, sizes);
}

static void heads_come_back(void **state)
{
    (void)state;
    const struct {
        uint32_t sizes[3];
        struct gw_slice column;
    } cases[] = {
        {{0, 0, 0}, SLICE("")},
        {{4, 4, 4}, SLICE("\x00\x04")},
        {{0, 300, 0}, SLICE("\x01\x00\xac\x02\x00")},
        {{0, 0, 1}, SLICE("\x01\x00\x00\x01")},
    };
    const uint32_t ends[] = {300, 600, 900};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t batch[] = {9, 9, cases[i].sizes[0], cases[i].sizes[1], cases[i].sizes[2], 9};
        uint32_t sizes[3] = {7, 7, 7};
        struct gw_buffer out = {0};
        gw_heads_write(&out, batch, 2, 3);
        assert_int_equal(out.size, cases[i].column.size);
        if (out.size)
            assert_memory_equal(out.data, cases[i].column.data, out.size);
        assert_int_equal(gw_heads_read(slice_of(&out), 3, ends, sizes), 0);
        assert_memory_equal(sizes, cases[i].sizes, sizeof sizes);
        gw_buffer_clear(&out);
    }
}

static void no_heads_are_no_column(void **state)
{
    (void)state;
    struct gw_buffer out = {0};

    gw_heads_write(&out, NULL, 3, 5);
    assert_int_equal(out.size, 0);
    gw_buffer_clear(&out);
}

static void heads_longer_than_their_message_are_refused(void **state)
{
    (void)state;
    const uint32_t ends[] = {5, 5, 8}; /* lengths 5, 0, 3 */
    const uint32_t large[] = {100000, 200000};

    assert_int_equal(heads(SLICE("\x01\x05\x00\x03"), 3, ends), 0);
    assert_int_equal(heads(SLICE("\x01\x06\x00\x03"), 3, ends), -EINVAL);
    assert_int_equal(heads(SLICE("\x01\x05\x01\x03"), 3, ends), -EINVAL);
    assert_int_equal(heads(SLICE("\x01\x05\x00\x04"), 3, ends), -EINVAL);
    assert_int_equal(heads(SLICE("\x00\x00"), 3, ends), 0);
    assert_int_equal(heads(SLICE("\x00\x01"), 3, ends), -EINVAL);
    assert_int_equal(heads(SLICE("\x00\xff\xff\x03"), 2, large), 0); /* 65,535 */
    assert_int_equal(heads(SLICE("\x00\x80\x80\x04"), 2, large), -EINVAL);
    assert_int_equal(heads(SLICE("\x01\x00\x80\x80\x04"), 2, large), -EINVAL);
}

static void broken_columns_of_heads_are_refused(void **state)
{
    (void)state;
    const uint32_t ends[] = {5, 10, 15};

    assert_int_equal(heads(SLICE("\x00"), 3, ends), -EINVAL);
    assert_int_equal(heads(SLICE("\x01"), 3, ends), -EINVAL);
    assert_int_equal(heads(SLICE("\x02\x00"), 3, ends), -EINVAL);
    assert_int_equal(heads(SLICE("\x00\x01\x01"), 3, ends), -EINVAL);
    assert_int_equal(heads(SLICE("\x01\x01\x01"), 3, ends), -EINVAL);
    assert_int_equal(heads(SLICE("\x01\x01\x01\x01\x01"), 3, ends), -EINVAL);
    assert_int_equal(heads(SLICE("\x00\x80\x00"), 3, ends), -EINVAL); /* not the shortest form */
    assert_int_equal(heads(SLICE("\x00\x80"), 3, ends), -EINVAL);
}

static void assert_ranges(const char *bytes, size_t size, uint64_t floor,
                          const struct gw_range *expected, size_t expected_count)
{
    struct gw_buffer out = {0};
    struct gw_range ranges[8];
    size_t count = 99;

    assert_true(gw_ranges_column_valid(expected, expected_count, floor));
    gw_ranges_column_write(&out, expected, expected_count, floor);
    assert_bytes(&out, bytes, size);
    assert_int_equal(gw_ranges_column_size(expected, expected_count, floor), size);
    assert_int_equal(gw_ranges_column_read(slice_of(&out), floor, ranges, 8, &count), 0);
    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ranges[i].first, expected[i].first);
        assert_int_equal(ranges[i].last, expected[i].last);
    }
    gw_buffer_clear(&out);
}

#define ASSERT_RANGES(literal, floor, ...)                                                         \
    assert_ranges(literal, sizeof literal - 1, floor, (const struct gw_range[]){__VA_ARGS__},      \
                  sizeof((const struct gw_range[]){__VA_ARGS__}) / sizeof(struct gw_range))

static void ranges_are_gaps_and_extents(void **state)
{
    (void)state;
    assert_ranges("", 0, 1, NULL, 0);
    ASSERT_RANGES("\x00\x00", 1, {1, 1});
    ASSERT_RANGES("\x00\x02", 41, {41, 43});
    ASSERT_RANGES("\x03\x00\x00\x01\x05\x00", 41, {44, 44}, {46, 47}, {54, 54});
    ASSERT_RANGES("\xac\x02\x80\x01", 1, {301, 429});
    ASSERT_RANGES("\x00\xff\xff\xff\xff\xff\xff\xff\xff\x3f", 1, {1, GW_SEQUENCE_MAX});
    ASSERT_RANGES("\x00\x00", GW_SEQUENCE_MAX, {GW_SEQUENCE_MAX, GW_SEQUENCE_MAX});
}

static void what_is_no_set_of_ranges_is_known(void **state)
{
    (void)state;
#define INVALID(floor, ...)                                                                        \
    assert_false(gw_ranges_column_valid(                                                           \
        (const struct gw_range[]){__VA_ARGS__},                                                    \
        sizeof((const struct gw_range[]){__VA_ARGS__}) / sizeof(struct gw_range), floor))
    INVALID(5, {4, 6});                      /* below the floor */
    INVALID(1, {7, 6});                      /* inverted */
    INVALID(1, {5, 6}, {1, 2});              /* unsorted */
    INVALID(1, {1, 5}, {5, 6});              /* overlapping */
    INVALID(1, {1, 5}, {6, 7});              /* adjacent */
    INVALID(1, {1, GW_SEQUENCE_MAX + 1});    /* beyond the last sequence */
    INVALID(1, {1, UINT64_MAX}, {1, 1});     /* wraps */
    INVALID(GW_SEQUENCE_MAX + 1, {1, 1});
}

static int read_ranges(struct gw_slice column, uint64_t floor)
{
    struct gw_range ranges[4];
    size_t count;

    return gw_ranges_column_read(column, floor, ranges, 4, &count);
}

static void ranges_beyond_the_last_sequence_are_refused(void **state)
{
    (void)state;
    assert_int_equal(read_ranges(SLICE("\x00\x00"), GW_SEQUENCE_MAX), 0);
    assert_int_equal(read_ranges(SLICE("\x01\x00"), GW_SEQUENCE_MAX), -EINVAL);
    assert_int_equal(read_ranges(SLICE("\x00\x01"), GW_SEQUENCE_MAX), -EINVAL);
    assert_int_equal(read_ranges(SLICE("\x00\x00"), GW_SEQUENCE_MAX + 1), -EINVAL);
    assert_int_equal(read_ranges(SLICE(""), GW_SEQUENCE_MAX + 1), 0);
    assert_int_equal(read_ranges(SLICE("\x00\x00\x00\x00"), GW_SEQUENCE_MAX - 1), -EINVAL);
    /* Gaps and extents that wrap around 2^64, which is how one would write an inverted range. */
    assert_int_equal(read_ranges(SLICE("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1),
                     -EINVAL);
    assert_int_equal(read_ranges(SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"), 1),
                     -EINVAL);
    assert_int_equal(read_ranges(SLICE("\x05\x05\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"), 1),
                     -EINVAL);
}

static void broken_columns_of_ranges_are_refused(void **state)
{
    (void)state;
    assert_int_equal(read_ranges(SLICE("\x00"), 1), -EINVAL);
    assert_int_equal(read_ranges(SLICE("\x00\x00\x00"), 1), -EINVAL);
    assert_int_equal(read_ranges(SLICE("\x80\x00\x00"), 1), -EINVAL);
    assert_int_equal(read_ranges(SLICE("\x00\x80"), 1), -EINVAL);
}

static void no_more_ranges_are_read_than_there_is_room_for(void **state)
{
    (void)state;
    assert_int_equal(read_ranges(SLICE("\x00\x00\x00\x00\x00\x00\x00\x00"), 1), 0);
    assert_int_equal(read_ranges(SLICE("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 1), -EINVAL);
}

static void every_set_that_was_read_is_valid_and_written_the_same(void **state)
{
    (void)state;
    struct gw_random random;
    struct gw_buffer out = {0};
    int accepted = 0;

    gw_random_seed(&random, 2);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[12];
        size_t size = gw_random_below(&random, sizeof bytes + 1), count;
        uint64_t floor = 1 + (gw_random_next(&random) >> gw_random_below(&random, 64)) / 4;
        struct gw_range ranges[8];
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)gw_random_below(&random, i % 3 ? 128 : 256);
        if (gw_ranges_column_read((struct gw_slice){bytes, size}, floor, ranges, 8, &count) != 0)
            continue;
        accepted++;
        assert_true(gw_ranges_column_valid(ranges, count, floor));
        gw_buffer_reset(&out);
        gw_ranges_column_write(&out, ranges, count, floor);
        assert_bytes(&out, (const char *)bytes, size);
    }
    assert_true(accepted > 1000);
    gw_buffer_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_lengths_are_one_number),
        cmocka_unit_test(different_lengths_are_listed),
        cmocka_unit_test(equal_lengths_in_a_mixed_batch_are_found),
        cmocka_unit_test(empty_messages_are_messages),
        cmocka_unit_test(any_run_of_any_batch_comes_back),
        cmocka_unit_test(lengths_that_do_not_fill_the_body_are_refused),
        cmocka_unit_test(a_wrong_number_of_lengths_is_refused),
        cmocka_unit_test(a_message_above_the_limit_is_refused),
        cmocka_unit_test(broken_columns_of_lengths_are_refused),
        cmocka_unit_test(heads_come_back),
        cmocka_unit_test(no_heads_are_no_column),
        cmocka_unit_test(heads_longer_than_their_message_are_refused),
        cmocka_unit_test(broken_columns_of_heads_are_refused),
        cmocka_unit_test(ranges_are_gaps_and_extents),
        cmocka_unit_test(what_is_no_set_of_ranges_is_known),
        cmocka_unit_test(ranges_beyond_the_last_sequence_are_refused),
        cmocka_unit_test(broken_columns_of_ranges_are_refused),
        cmocka_unit_test(no_more_ranges_are_read_than_there_is_room_for),
        cmocka_unit_test(every_set_that_was_read_is_valid_and_written_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
