/* SPDX-License-Identifier: MPL-2.0 */

/* The prescan: what it lets through, and which lies it finds (hazards MP01, MP02, fault H03). */

#include "wire/limits.h"

#include "support/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* Scans the bytes given in hex from a buffer with nothing behind it. */
static const char *scan(const char *hex)
{
    struct gw_buffer bytes = {0};

    assert_true(hex_append(&bytes, hex, strlen(hex)));
    const char *why = gw_prescan(bytes.data, bytes.size);
    gw_buffer_clear(&bytes);
    return why;
}

static void assert_refused(const char *hex, const char *expected)
{
    const char *why = scan(hex);

    assert_non_null(why);
    assert_string_equal(why, expected);
}

static void every_kind_that_the_protocol_uses_passes(void **state)
{
    (void)state;
    const char *const good[] = {
        "00",          "7f",          "e0",
        "c2",          "c3",          "a0",
        "a3 616263",   "d9 01 61",    "da 0001 61",
        "db 00000001 61", "c4 00",    "c4 01 ff",
        "c5 0001 ff",  "c6 00000001 ff", "90",
        "91 05",       "dc 0001 05",  "dd 00000001 05",
        "cc ff",       "cd ffff",     "ce ffffffff",
        "cf ffffffffffffffff", "d0 80", "d1 8000",
        "d2 80000000", "d3 8000000000000000", "92 91 01 91 02",
    };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_null(scan(good[i]));
}

static void every_other_kind_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {
        "c0",          "c1",          "80",          "81 01 02",     "de 0000",
        "df 00000000", "ca 00000000", "cb 0000000000000000", "c7 00 01", "c8 0000 01",
        "c9 00000000 01", "d4 01 00", "d5 01 0000",  "d6 01 00000000", "d7 01 0000000000000000",
        "d8 01 00000000000000000000000000000000",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(bad[i], "an object of a kind that the protocol does not use");
    assert_refused("92 01 c0", "an object of a kind that the protocol does not use");
}

static void every_cut_is_found(void **state)
{
    (void)state;
    const char *const cut[] = {
        "",   "91",    "92 01", "cc",    "cd ff", "ce ffffff", "cf ffffffffffffff",
        "d0", "d1 00", "c4",    "c5 00", "c6 000000",   "d9", "da 00", "dc 00", "dd 000000",
    };

    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++)
        assert_non_null(scan(cut[i]));
}

static void a_length_beyond_the_end_is_refused(void **state)
{
    (void)state;
    assert_refused("dd ffffffff", "a length beyond the end");
    assert_refused("dd ffffffff 01 02 03", "a length beyond the end");
    assert_refused("dc ffff 01", "a length beyond the end");
    assert_refused("c6 ffffffff 01", "a length beyond the end");
    assert_refused("db 80000000", "a length beyond the end");
    assert_refused("c4 02 01", "a length beyond the end");
    assert_refused("a2 61", "a length beyond the end");
    assert_refused("92 c6 ffffffff 01", "a length beyond the end");
}

static void bytes_after_the_end_are_refused(void **state)
{
    (void)state;
    assert_refused("90 00", "bytes after the end");
    assert_refused("91 05 c0", "bytes after the end");
    assert_refused("05 05", "bytes after the end");
}

static void arrays_nest_eight_deep_and_no_deeper(void **state)
{
    (void)state;
    uint8_t bytes[40];

    memset(bytes, 0x91, sizeof bytes);
    for (size_t depth = 1; depth < sizeof bytes; depth++) {
        bytes[depth] = 0x05;
        const char *why = gw_prescan(bytes, depth + 1);
        bytes[depth] = 0x91;
        if (depth <= GW_WIRE_DEPTH_MAX)
            assert_null(why);
        else
            assert_string_equal(why, "nested too deeply");
    }
    assert_null(scan("91 91 91 91 91 91 91 90"));
    assert_refused("91 91 91 91 91 91 91 91 90", "nested too deeply");
}

static void objects_are_counted_whatever_array_they_are_in(void **state)
{
    (void)state;
    static uint8_t bytes[3 + GW_WIRE_OBJECTS_MAX];

    /* The array itself is one: 8191 more. */
    bytes[0] = 0xdc;
    bytes[1] = 0x1f;
    bytes[2] = 0xff;
    assert_null(gw_prescan(bytes, 3 + 8191));
    bytes[1] = 0x20;
    bytes[2] = 0x00;
    assert_string_equal(gw_prescan(bytes, 3 + 8192), "too many objects");
    /* 8190, of which one is an array of nothing and one an array of two. */
    bytes[1] = 0x1f;
    bytes[2] = 0xfd;
    bytes[3] = 0x90;
    bytes[4] = 0x92;
    assert_null(gw_prescan(bytes, 3 + 8191));
    bytes[4] = 0x93;
    assert_null(gw_prescan(bytes, 3 + 8192) ? NULL : "one object too many was let through");
}

static void the_preamble_is_read_from_any_version(void **state)
{
    (void)state;
    struct gw_preamble preamble;
    const uint8_t later[] = {0x94, 0x02, 0x0b, 0xcd, 0x12, 0x34, 0x81}; /* then anything */

    assert_null(gw_preamble_read(later, sizeof later, &preamble));
    assert_int_equal(preamble.version, 2);
    assert_int_equal(preamble.type, 11);
    assert_int_equal(preamble.link, 0x1234);
}

static void the_preamble_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    struct gw_preamble preamble;

    assert_null(gw_preamble_read("\x91\x02", 2, &preamble));
    assert_int_equal(preamble.version, 2);
    assert_int_equal(preamble.type, 0);
    assert_int_equal(preamble.link, 0);
    assert_null(gw_preamble_read("\x93\x02\x01\xc0", 4, &preamble));
    assert_int_equal(preamble.type, 1);
    assert_int_equal(preamble.link, 0);
    assert_null(gw_preamble_read("\x93\x02\x01\xcf\x01\x02", 6, &preamble));
    assert_int_equal(preamble.link, 0);
    assert_null(gw_preamble_read("\x93\x02\xcd\x01\x00\x05", 6, &preamble)); /* type 256 */
    assert_int_equal(preamble.type, 0);
    assert_int_equal(preamble.link, 5);
    assert_non_null(gw_preamble_read(NULL, 0, &preamble));
    assert_non_null(gw_preamble_read("\x90", 1, &preamble));
    assert_non_null(gw_preamble_read("\x81\x01\x01", 3, &preamble));
    assert_non_null(gw_preamble_read("\x93\xff\x01\x01", 4, &preamble));
    assert_non_null(gw_preamble_read("\x93\xd0\x80\x01", 4, &preamble));
    assert_non_null(gw_preamble_read("garbage", 7, &preamble));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_that_the_protocol_uses_passes),
        cmocka_unit_test(every_other_kind_is_refused),
        cmocka_unit_test(every_cut_is_found),
        cmocka_unit_test(a_length_beyond_the_end_is_refused),
        cmocka_unit_test(bytes_after_the_end_are_refused),
        cmocka_unit_test(arrays_nest_eight_deep_and_no_deeper),
        cmocka_unit_test(objects_are_counted_whatever_array_they_are_in),
        cmocka_unit_test(the_preamble_is_read_from_any_version),
        cmocka_unit_test(the_preamble_is_read_as_far_as_it_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
