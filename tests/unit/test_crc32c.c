/* SPDX-License-Identifier: MPL-2.0 */

/* CRC-32C: published vectors for the table and for whatever this processor uses, and that the two
 * agree on every length and alignment. */

#include "base/crc32c.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void assert_both(const void *data, size_t size, uint32_t expected)
{
    assert_int_equal(gw_crc32c_table(0, data, size), expected);
    assert_int_equal(gw_crc32c(0, data, size), expected);
}

static void the_check_value_of_the_polynomial_comes_out(void **state)
{
    (void)state;
    assert_both("123456789", 9, 0xe3069283);
}

static void the_examples_of_rfc_3720_come_out(void **state)
{
    (void)state;
    static const uint8_t read_command[48] = {
        0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0,
        0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
    };
    uint8_t bytes[32];

    memset(bytes, 0, sizeof bytes);
    assert_both(bytes, sizeof bytes, 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_both(bytes, sizeof bytes, 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    assert_both(bytes, sizeof bytes, 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    assert_both(bytes, sizeof bytes, 0x113fdb5c);
    assert_both(read_command, sizeof read_command, 0xd9963a56);
}

static void nothing_leaves_the_crc_as_it_was(void **state)
{
    (void)state;
    assert_both("", 0, 0);
    assert_both(NULL, 0, 0);
    assert_int_equal(gw_crc32c(0x12345678, NULL, 0), 0x12345678);
    assert_int_equal(gw_crc32c_table(0x12345678, NULL, 0), 0x12345678);
}

static void fill(uint8_t *bytes, size_t size, uint64_t seed)
{
    struct gw_random random;

    gw_random_seed(&random, seed);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)gw_random_next(&random);
}

static void both_agree_on_every_length_and_alignment(void **state)
{
    (void)state;
    for (size_t offset = 0; offset < 8; offset++) {
        for (size_t size = 1; size < 200; size++) {
            /* Memory of the exact size, so that a sanitizer sees a read past the end. */
            uint8_t *bytes = malloc(offset + size);
            assert_non_null(bytes);
            fill(bytes, offset + size, 200 * offset + size);
            assert_int_equal(gw_crc32c(0, bytes + offset, size),
                             gw_crc32c_table(0, bytes + offset, size));
            free(bytes);
        }
    }
}

/* Long input goes another way than short (three lanes in a block of 768 bytes): each length around
 * the edges of the first blocks, from every alignment, after other bytes. */
static void both_agree_on_long_input(void **state)
{
    (void)state;
    static uint8_t bytes[4 * 768 + 16];

    fill(bytes, sizeof bytes, 3);
    for (size_t blocks = 1; blocks <= 4; blocks++) {
        for (size_t size = blocks * 768 - 9; size <= blocks * 768 + 8; size++) {
            size_t offset = size % 8;
            uint32_t before = (uint32_t)(size * 2654435761u);

            assert_int_equal(gw_crc32c(before, bytes + offset, size),
                             gw_crc32c_table(before, bytes + offset, size));
        }
    }
}

static void pieces_give_the_crc_of_the_whole(void **state)
{
    (void)state;
    uint8_t bytes[100];

    fill(bytes, sizeof bytes, 1);
    uint32_t whole = gw_crc32c_table(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        size_t rest = sizeof bytes - cut;
        assert_int_equal(gw_crc32c(gw_crc32c(0, bytes, cut), bytes + cut, rest), whole);
        assert_int_equal(gw_crc32c_table(gw_crc32c_table(0, bytes, cut), bytes + cut, rest), whole);
    }
}

static void any_flipped_bit_shows(void **state)
{
    (void)state;
    uint8_t bytes[1024];

    fill(bytes, sizeof bytes, 2);
    uint32_t intact = gw_crc32c(0, bytes, sizeof bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(gw_crc32c(0, bytes, sizeof bytes), intact);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_check_value_of_the_polynomial_comes_out),
        cmocka_unit_test(the_examples_of_rfc_3720_come_out),
        cmocka_unit_test(nothing_leaves_the_crc_as_it_was),
        cmocka_unit_test(both_agree_on_every_length_and_alignment),
        cmocka_unit_test(both_agree_on_long_input),
        cmocka_unit_test(pieces_give_the_crc_of_the_whole),
        cmocka_unit_test(any_flipped_bit_shows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
