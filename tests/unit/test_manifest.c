/* SPDX-License-Identifier: MPL-2.0 */

/* What is read out of LevelDB's MANIFEST, a log of edits: the newest numbers of those that are
 * understood, and nothing of what is not. That LevelDB writes them so: store/test_generation. */

#include "base/bytes.h"
#include "base/crc32c.h"
#include "store/log.h"
#include "store/manifest.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct gw_buffer file;

static void add_piece(enum gw_log_piece type, const void *bytes, size_t size)
{
    uint8_t kind = (uint8_t)type;
    uint32_t crc = gw_crc32c(gw_crc32c(0, &kind, 1), bytes, size);

    crc = (crc >> 15 | crc << 17) + 0xa282ead8u;
    for (unsigned i = 0; i < 4; i++)
        gw_buffer_u8(&file, (uint8_t)(crc >> 8 * i));
    gw_buffer_u8(&file, (uint8_t)size);
    gw_buffer_u8(&file, (uint8_t)(size >> 8));
    gw_buffer_u8(&file, kind);
    gw_buffer_append(&file, bytes, size);
}

/* One of every tag, and last the log's number and the next file's. */
static const uint8_t every_tag[] = {
    1, 3, 'c', 'm', 'p',                /* comparator */
    4, 99,                              /* last sequence */
    5, 0, 2, 'k', 'k',                  /* compact pointer: level, key */
    6, 1, 12,                           /* deleted file: level, number */
    7, 0, 13, 20, 1, 'a', 2, 'z', 'z',  /* new file: level, number, size, smallest, largest */
    9, 0,                               /* previous log */
    2, 14,                              /* log */
    3, 0x8f, 0x01,                      /* next file: 143 */
};

static void reset(void)
{
    gw_buffer_reset(&file);
}

static void assert_parses(enum gw_store_error expected, uint64_t log, uint64_t next)
{
    struct gw_manifest manifest;

    assert_int_equal(gw_manifest_parse(file.data, file.size, &manifest), expected);
    if (expected == GW_STORE_OK) {
        assert_int_equal(manifest.log, log);
        assert_int_equal(manifest.next, next);
    }
}

static void every_tag_is_understood(void **state)
{
    (void)state;
    reset();
    add_piece(GW_LOG_FULL, every_tag, sizeof every_tag);
    assert_parses(GW_STORE_OK, 14, 143);
}

static void the_newest_number_counts(void **state)
{
    static const uint8_t later[] = {2, 20}, latest[] = {3, 120};

    (void)state;
    reset();
    add_piece(GW_LOG_FULL, every_tag, sizeof every_tag);
    add_piece(GW_LOG_FULL, later, sizeof later);
    add_piece(GW_LOG_FULL, latest, sizeof latest);
    assert_parses(GW_STORE_OK, 20, 120);
}

static void an_edit_may_come_in_pieces(void **state)
{
    (void)state;
    for (size_t cut = 1; cut + 1 < sizeof every_tag; cut++) {
        reset();
        add_piece(GW_LOG_FIRST, every_tag, cut);
        add_piece(GW_LOG_MIDDLE, every_tag + cut, 1);
        add_piece(GW_LOG_LAST, every_tag + cut + 1, sizeof every_tag - cut - 1);
        assert_parses(GW_STORE_OK, 14, 143);
    }
}

/* LevelDB ignores an edit of which the last piece is not there, and so do we. */
static void an_edit_without_its_end_is_not_there(void **state)
{
    static const uint8_t later[] = {2, 20};

    (void)state;
    reset();
    add_piece(GW_LOG_FULL, every_tag, sizeof every_tag);
    add_piece(GW_LOG_FIRST, later, sizeof later);
    assert_parses(GW_STORE_OK, 14, 143);
}

static void an_unknown_tag_is_not_understood(void **state)
{
    static const uint8_t tags[] = {0, 8, 10, 77};

    (void)state;
    for (size_t i = 0; i < sizeof tags; i++) {
        uint8_t edit[] = {2, 20, tags[i], 1};
        reset();
        add_piece(GW_LOG_FULL, edit, sizeof edit);
        assert_parses(GW_STORE_CORRUPT, 0, 0);
    }
}

/* Whole by its checksum, and yet too short. */
static void an_edit_that_ends_too_early_is_not_understood(void **state)
{
    (void)state;
    for (size_t size = 1; size < sizeof every_tag; size++) {
        static const size_t ends[] = {5, 7, 12, 15, 24, 26, 28}; /* between two tags */
        bool between = false;
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
            between |= ends[i] == size;
        reset();
        add_piece(GW_LOG_FULL, every_tag, size);
        assert_parses(between ? GW_STORE_OK : GW_STORE_CORRUPT, size >= 28 ? 14 : 0, 0);
    }
}

static void a_string_longer_than_the_edit_is_not_understood(void **state)
{
    static const uint8_t edits[][12] = {{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
                                        {1, 200, 1, 'c'},
                                        {5, 0, 50, 'k'}};

    (void)state;
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        reset();
        add_piece(GW_LOG_FULL, edits[i], sizeof edits[i]);
        assert_parses(GW_STORE_CORRUPT, 0, 0);
    }
}

static void damage_is_not_understood(void **state)
{
    (void)state;
    reset();
    add_piece(GW_LOG_FULL, every_tag, sizeof every_tag);
    file.data[20] ^= 1;
    assert_parses(GW_STORE_CORRUPT, 0, 0);
}

static int clean(void **state)
{
    (void)state;
    gw_buffer_clear(&file);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tag_is_understood),
        cmocka_unit_test(the_newest_number_counts),
        cmocka_unit_test(an_edit_may_come_in_pieces),
        cmocka_unit_test(an_edit_without_its_end_is_not_there),
        cmocka_unit_test(an_unknown_tag_is_not_understood),
        cmocka_unit_test(an_edit_that_ends_too_early_is_not_understood),
        cmocka_unit_test(a_string_longer_than_the_edit_is_not_understood),
        cmocka_unit_test(damage_is_not_understood),
    };

    return cmocka_run_group_tests_name("manifest", tests, NULL, clean);
}
