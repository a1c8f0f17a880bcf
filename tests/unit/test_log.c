/* SPDX-License-Identifier: MPL-2.0 */

/* Which tail of a LevelDB log was torn by a power cut, and which is damage: only what ends in whole
 * sectors of zeros within its last record is cut off (fault D02), never a record that is whole. */

#include "base/crc32c.h"
#include "store/log.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define BLOCK 32768
#define HEADER 7
#define SIZE_MAX_USED (8 * BLOCK)

static uint8_t file[SIZE_MAX_USED], copy[SIZE_MAX_USED];
static size_t file_size;

static void write_piece(enum gw_log_piece type, const uint8_t *bytes, size_t size)
{
    uint8_t *header = file + file_size;

    header[4] = (uint8_t)size;
    header[5] = (uint8_t)(size >> 8);
    header[6] = (uint8_t)type;
    memcpy(header + HEADER, bytes, size);
    uint32_t crc = gw_crc32c(0, header + 6, size + 1);
    crc = (crc >> 15 | crc << 17) + 0xa282ead8u;
    for (unsigned i = 0; i < 4; i++)
        header[i] = (uint8_t)(crc >> 8 * i);
    file_size += HEADER + size;
}

/* As LevelDB's log writer. Returns where the record begins. */
static size_t write_record(size_t size, uint8_t fill)
{
    uint8_t *bytes = malloc(size + 1);
    size_t start = SIZE_MAX, done = 0;

    memset(bytes, fill, size);
    do {
        size_t left = BLOCK - file_size % BLOCK;
        if (left < HEADER) {
            memset(file + file_size, 0, left);
            file_size += left;
            left = BLOCK;
        }
        size_t part = size - done < left - HEADER ? size - done : left - HEADER;
        bool last = done + part == size;
        if (start == SIZE_MAX)
            start = file_size;
        write_piece(done == 0 ? (last ? GW_LOG_FULL : GW_LOG_FIRST)
                              : (last ? GW_LOG_LAST : GW_LOG_MIDDLE),
                    bytes + done, part);
        done += part;
    } while (done < size);
    free(bytes);
    return start;
}

static size_t whole_with_zeros_from(size_t zeros, size_t size)
{
    memcpy(copy, file, file_size);
    if (zeros < size)
        memset(copy + zeros, 0, size - zeros);
    return gw_log_whole(copy, size);
}

static void a_whole_file_is_whole(void **state)
{
    (void)state;
    assert_int_equal(gw_log_whole(file, 0), 0);
    file_size = 0;
    for (size_t size = 0; size < 40000; size = size * 2 + 5)
        write_record(size, 0xab);
    for (size_t size = 0; size <= file_size; size++)
        assert_int_equal(gw_log_whole(file, size), size);
    write_record(3000, 0); /* a message of zeros */
    assert_int_equal(gw_log_whole(file, file_size), file_size);
    memset(file + file_size, 0, 5000); /* a length without a record: LevelDB takes it */
    assert_int_equal(gw_log_whole(file, file_size + 5000), file_size + 5000);
}

/* Every sector at which the last write may have ended, for records that fit a block and some that
 * do not, at every place in a sector. */
static void a_torn_record_is_cut_off(void **state)
{
    static const size_t sizes[] = {1000, 5000, 40000, 100000};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t before = 0; before < 1100; before += 13) {
            file_size = 0;
            write_record(before, 0xab);
            size_t start = write_record(sizes[i], 0xcd);
            for (size_t sector = (start + 511) / 512 * 512; sector < file_size; sector += 512) {
                size_t whole = whole_with_zeros_from(sector, file_size);
                /* of a header of zeros LevelDB thinks nothing */
                assert_true(whole == start || (whole == file_size && sector <= start));
                assert_int_equal(whole_with_zeros_from(sector, file_size + 700),
                                 whole == start ? start : file_size + 700);
            }
        }
}

/* The zeros must begin at a sector: otherwise it is a record whose end is damaged. */
static void damage_is_left_to_leveldb(void **state)
{
    (void)state;
    file_size = 0;
    size_t first = write_record(700, 0xab), last = write_record(700, 0xcd);

    for (size_t at = last + HEADER; at < file_size; at++) { /* some bytes of the end are zeros */
        size_t sector = (at + 511) / 512 * 512;
        assert_int_equal(whole_with_zeros_from(at, file_size), sector < file_size ? last
                                                                                 : file_size);
    }
    for (size_t at = 0; at < file_size; at++) { /* a flipped bit in a file that has no zeros */
        memcpy(copy, file, file_size);
        copy[at] ^= 0x10;
        assert_int_equal(gw_log_whole(copy, file_size), file_size);
    }
    /* One before the last is damaged, whatever follows. */
    memcpy(copy, file, file_size);
    copy[first + 20] ^= 1;
    memset(copy + 1024, 0, file_size - 1024);
    assert_int_equal(gw_log_whole(copy, file_size), file_size);
    /* A record that was synced, and ends in a few zeros of its own. */
    file_size = 0;
    write_record(700, 0xab);
    size_t own = write_record(100, 0);
    file[own + HEADER + 50] = 1;
    assert_int_equal(gw_log_whole(file, file_size), file_size);
}

static void pieces_come_one_after_the_other(void **state)
{
    enum gw_log_piece type, expected[] = {GW_LOG_FULL, GW_LOG_FIRST, GW_LOG_MIDDLE, GW_LOG_LAST};
    struct gw_slice piece;
    size_t at = 0, total = 0;

    (void)state;
    file_size = 0;
    write_record(100, 1);
    write_record(70000, 2);
    for (size_t i = 0; i < 4; i++) {
        assert_true(gw_log_next(file, file_size, &at, &type, &piece));
        assert_int_equal(type, expected[i]);
        total += piece.size;
    }
    assert_int_equal(total, 70100);
    assert_false(gw_log_next(file, file_size, &at, &type, &piece));
    file[HEADER] ^= 1;
    at = 0;
    assert_true(gw_log_next(file, file_size, &at, &type, &piece));
    assert_int_equal(type, GW_LOG_DAMAGED);
    at = 0;
    assert_false(gw_log_next(file, HEADER + 50, &at, &type, &piece)); /* cut off */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_whole),
        cmocka_unit_test(a_torn_record_is_cut_off),
        cmocka_unit_test(damage_is_left_to_leveldb),
        cmocka_unit_test(pieces_come_one_after_the_other),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
