/* SPDX-License-Identifier: MPL-2.0 */

/* The block of headers at the start of a message, made here and read from strangers. */

#include "failing_memory.h"

#include "base/bytes.c"
#include "peer/headers.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/random.h"

static struct gw_slice slice(const struct gw_buffer *block)
{
    return (struct gw_slice){block->data, block->size};
}

static void set(struct gw_buffer *block, const char *key, const char *value)
{
    assert_int_equal(gw_headers_set(block, key, value, strlen(value)), 0);
}

static void holds(const struct gw_buffer *block, const char *key, const char *value)
{
    struct gw_slice found;

    assert_true(gw_headers_find(slice(block), key, &found));
    assert_int_equal(found.size, strlen(value));
    if (found.size)
        assert_memory_equal(found.data, value, found.size);
}

static void the_block_has_the_documented_bytes(void **state)
{
    static const uint8_t bytes[] = {1, 'a', 0, 2, 'x', 'y', 3, 'b', '.', 'c', 0, 0};
    struct gw_buffer block = {0};

    (void)state;
    set(&block, "a", "xy");
    set(&block, "b.c", "");
    assert_int_equal(block.size, sizeof bytes);
    assert_memory_equal(block.data, bytes, sizeof bytes);
    assert_true(gw_headers_valid(slice(&block)));
    gw_buffer_clear(&block);
}

static void a_value_is_found_replaced_and_removed(void **state)
{
    struct gw_buffer block = {0};
    struct gw_slice none;

    (void)state;
    set(&block, "one", "1");
    set(&block, "two", "22");
    set(&block, "three", "");
    set(&block, "two", "second");
    holds(&block, "one", "1");
    holds(&block, "two", "second");
    holds(&block, "three", "");
    assert_int_equal(gw_headers_set(&block, "one", NULL, 0), 0);
    assert_int_equal(gw_headers_set(&block, "none", NULL, 0), 0);
    assert_false(gw_headers_find(slice(&block), "one", &none));
    assert_false(gw_headers_find(slice(&block), "tw", &none));
    holds(&block, "two", "second");
    holds(&block, "three", "");
    gw_buffer_clear(&block);
}

static void a_value_may_come_from_the_block_itself(void **state)
{
    struct gw_buffer block = {0};
    struct gw_slice value;

    (void)state;
    set(&block, "from", "here");
    set(&block, "to", "");
    assert_true(gw_headers_find(slice(&block), "from", &value));
    assert_int_equal(gw_headers_set(&block, "to", value.data, value.size), 0);
    holds(&block, "to", "here");
    gw_buffer_clear(&block);
}

static void headers_are_walked_in_order(void **state)
{
    struct gw_buffer block = {0};
    struct gw_header header;
    size_t at = 0;

    (void)state;
    set(&block, "k1", "v1");
    set(&block, "k2", "v2");
    assert_true(gw_headers_next(slice(&block), &at, &header));
    assert_memory_equal(header.key.data, "k1", 2);
    assert_true(gw_headers_next(slice(&block), &at, &header));
    assert_memory_equal(header.value.data, "v2", 2);
    assert_false(gw_headers_next(slice(&block), &at, &header));
    gw_buffer_clear(&block);
}

static void keys_are_1_to_64_of_the_named_characters(void **state)
{
    char longest[GW_HEADER_KEY_MAX + 2];
    struct gw_buffer block = {0};

    (void)state;
    memset(longest, 'k', sizeof longest);
    longest[GW_HEADER_KEY_MAX] = '\0';
    assert_true(gw_header_key_valid(longest));
    set(&block, longest, "v");
    holds(&block, longest, "v");
    longest[GW_HEADER_KEY_MAX] = 'k';
    longest[GW_HEADER_KEY_MAX + 1] = '\0';
    assert_false(gw_header_key_valid(longest));
    assert_true(gw_header_key_valid("a-z_0.9"));
    assert_false(gw_header_key_valid(""));
    assert_false(gw_header_key_valid(NULL));
    assert_false(gw_header_key_valid("Upper"));
    assert_false(gw_header_key_valid("a b"));
    assert_int_equal(gw_headers_set(&block, "A", "v", 1), -EINVAL);
    assert_int_equal(gw_headers_set(&block, "a", NULL, 1), -EINVAL);
    gw_buffer_clear(&block);
}

static void the_limit_holds_over_all_headers(void **state)
{
    static char value[GW_HEADERS_BYTES_MAX];
    struct gw_buffer block = {0};
    size_t room = GW_HEADERS_BYTES_MAX - 1 - GW_HEADER_EXTRA;

    (void)state;
    assert_int_equal(gw_headers_set(&block, "a", value, room + 1), -E2BIG);
    assert_int_equal(gw_headers_set(&block, "a", value, SIZE_MAX), -E2BIG);
    assert_int_equal(gw_headers_set(&block, "a", value, room), 0);
    assert_int_equal(gw_headers_set(&block, "b", "", 0), -E2BIG);
    assert_int_equal(gw_headers_set(&block, "a", value, room), 0); /* replacing needs no more */
    assert_int_equal(gw_headers_set(&block, "a", value, room - 1 - GW_HEADER_EXTRA), 0);
    assert_int_equal(gw_headers_set(&block, "b", "", 0), 0);
    assert_int_equal(gw_headers_set(&block, "c", "", 0), -E2BIG);
    assert_true(block.size <= GW_HEADERS_BYTES_MAX);
    gw_buffer_clear(&block);
}

static void without_memory_the_block_stays(void **state)
{
    struct gw_buffer block = {0};

    (void)state;
    set(&block, "a", "1");
    memory_left = 0;
    assert_int_equal(gw_headers_set(&block, "a", "2", 1), -ENOMEM);
    memory_left = SIZE_MAX;
    holds(&block, "a", "1");
    gw_buffer_clear(&block);
}

static void what_is_no_block_is_refused_whole(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"\0", 1},              /* an empty key */
        {"\1", 1},              /* cut in the key */
        {"\1a", 2},             /* before the length */
        {"\1a\0", 3},           /* in the length */
        {"\1a\0\1", 4},         /* before the value */
        {"\1A\0\0", 4},         /* a key of other characters */
        {"\1\0\0\0", 4},        /* a NUL in a key */
        {"\1a\0\0\1", 5},       /* a good one, then a cut one */
        {"\1a\377\377v", 5},    /* a value beyond the end */
        {"\377a\0\0", 4},       /* a key beyond the end */
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(
            gw_headers_valid((struct gw_slice){(const uint8_t *)bad[i].bytes, bad[i].size}));
    assert_true(gw_headers_valid((struct gw_slice){0}));
}

/* Whatever the bytes are, the walk ends and stays inside (the sanitizers look on). */
static void any_bytes_are_read_safely(void **state)
{
    struct gw_random random;
    uint8_t bytes[40];

    (void)state;
    gw_random_seed(&random, 5);
    for (unsigned round = 0; round < 20000; round++) {
        size_t size = gw_random_below(&random, sizeof bytes + 1);
        uint8_t *exact = malloc(size ? size : 1);
        struct gw_slice block = {exact, size}, value;
        struct gw_header header;
        size_t at = 0, before = 0;

        for (size_t i = 0; i < size; i++)
            exact[i] = gw_random_below(&random, 2) ? (uint8_t)('a' + gw_random_below(&random, 3))
                                                   : (uint8_t)gw_random_below(&random, 4);
        while (gw_headers_next(block, &at, &header)) {
            assert_true(at > before && at <= size);
            before = at;
        }
        assert_int_equal(gw_headers_valid(block), at == size);
        gw_headers_find(block, "a", &value);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_has_the_documented_bytes),
        cmocka_unit_test(a_value_is_found_replaced_and_removed),
        cmocka_unit_test(a_value_may_come_from_the_block_itself),
        cmocka_unit_test(headers_are_walked_in_order),
        cmocka_unit_test(keys_are_1_to_64_of_the_named_characters),
        cmocka_unit_test(the_limit_holds_over_all_headers),
        cmocka_unit_test(without_memory_the_block_stays),
        cmocka_unit_test(what_is_no_block_is_refused_whole),
        cmocka_unit_test(any_bytes_are_read_safely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
