/* SPDX-License-Identifier: MPL-2.0 */

/* Rows: every kind there and back, the exact bytes, and that no damaged, cut or misplaced row is
 * ever believed. How their keys sort and are found: tests/store/test_row_seek.c. */

#include "row_pair.h"

static const struct gw_row samples[] = {
    {.kind = GW_ROW_META, .format = GW_STORE_FORMAT, .peer = "alpha", .number = 300,
     .store = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
     .process = 0xfedcba9876543210},
    {.kind = GW_ROW_STREAM, .epoch = 7, .number = 3, .floor = UINT64_MAX,
     .destination = {GW_KIND_STAGE, "resize"}},
    {.kind = GW_ROW_SETTLED, .epoch = 7, .first = 100, .last = 100},
    {.kind = GW_ROW_SETTLED, .epoch = UINT64_MAX, .first = 1, .last = UINT64_MAX},
    {.kind = GW_ROW_ASSIGNMENT, .epoch = 7, .first = 1, .last = 5000, .number = 2, .peer = "w-1"},
    {.kind = GW_ROW_OFFERED, .epoch = 7, .peer = "w-1", .flag = true, .memory = true},
    {.kind = GW_ROW_OFFERED, .epoch = 7, .flag = false,
     .peer = "a23456789012345678901234567890123456789012345678901234567890abcd"},
    {.kind = GW_ROW_WINDOW, .epoch = 1ull << 63, .peer = "owner", .floor = 12, .flag = true,
     .last = 11, .destination = {GW_KIND_SERVICE, "quote"}},
    {.kind = GW_ROW_DECIDED, .epoch = 8, .first = 3, .last = 1ull << 40},
    {.kind = GW_ROW_STREAM, .epoch = 8, .number = 1, .floor = 1, .ordered = true, .last = 300,
     .destination = {GW_KIND_REPLY, "client-1"}},
    {.kind = GW_ROW_ASSIGNMENT, .epoch = 7, .first = 2, .last = 2, .number = UINT64_MAX,
     .peer = "w-2", .maybe_duplicate = true},
    {.kind = GW_ROW_WINDOW, .epoch = 2, .peer = "o", .floor = 1, .memory = true,
     .destination = {GW_KIND_REPLY, "o"}},
    {.kind = GW_ROW_STORY, .epoch = 7, .first = 9, .attempts = 3, .first_ms = 1000,
     .last_ms = 1ull << 41, .code = UINT32_MAX, .text = {(const uint8_t *)"no luck", 7}},
    {.kind = GW_ROW_STORY, .epoch = UINT64_MAX, .first = UINT64_MAX, .attempts = UINT64_MAX,
     .first_ms = UINT64_MAX, .last_ms = UINT64_MAX},
    {.kind = GW_ROW_EXCEPTION, .epoch = 7, .first = 300, .how = GW_EXCEPTION_REJECTED, .code = 404,
     .text = {(const uint8_t *)"bad", 3}},
    {.kind = GW_ROW_EXCEPTION, .epoch = 7, .first = 301, .how = GW_EXCEPTION_SKIPPED,
     .code = UINT32_MAX},
    {.kind = GW_ROW_CRASHED, .epoch = 7, .first = 5, .last = 6, .number = 1ull << 50},
    {.kind = GW_ROW_OUTCOME, .number = 77, .epoch = 7, .first = 1, .last = 5000,
     .how = GW_OUTCOME_PROCESSED},
    {.kind = GW_ROW_OUTCOME, .number = UINT64_MAX, .epoch = UINT64_MAX, .first = UINT64_MAX,
     .last = UINT64_MAX, .how = GW_OUTCOME_ABANDONED, .maybe_duplicate = true},
};

#define SAMPLES (sizeof samples / sizeof *samples)

static struct pair encode(const struct gw_row *row)
{
    struct gw_write write = {0};

    gw_row_put(&write, row);
    return take(&write);
}

static void every_kind_comes_back_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct pair pair = encode(&samples[i]);
        struct gw_row row;

        assert_int_equal(gw_row_read(key_of(&pair), value_of(&pair), &row), GW_STORE_OK);
        assert_same(&row, &samples[i]);
        free_pair(&pair);
    }
}

/* The format is on people's disks: these bytes change only with GW_STORE_FORMAT. */
static void the_bytes_are_those_of_the_format(void **state)
{
    (void)state;
    static const char *const bytes[][2] = {
        {"4d", "03" "05616c706861" "0102030405060708090a0b0c0d0e0f10" "ac02" "fedcba9876543210"},
        {"650000000000000007", "03" "0106726573697a65" "ffffffffffffffffff01" "00" "00"},
        {"7300000000000000070000000000000064", "64"},
        {"73ffffffffffffffff0000000000000001", "ffffffffffffffffff01"},
        {"6100000000000000070000000000000001", "8827" "02" "03772d31" "00"},
        {"6f0000000000000007" "772d31", "01" "01"},
        {NULL, NULL},
        {"778000000000000000", "056f776e6572" "030571756f7465" "0c" "01" "0b" "00"},
        {"6400000000000000080000000000000003", "808080808020"},
        {"650000000000000008", "01" "0408636c69656e742d31" "01" "ac02" "01"},
        {"6100000000000000070000000000000002", "02" "ffffffffffffffffff01" "03772d32" "01"},
        {"770000000000000002", "016f" "04016f" "01" "00" "00" "01"},
        {"7400000000000000070000000000000009",
         "03" "e807" "808080808040" "ffffffff0f" "076e6f206c75636b"},
        {NULL, NULL},
        {"6a0000000000000007000000000000012c", "01" "9403" "03626164"},
        {"6a0000000000000007000000000000012d", "02" "ffffffff0f" "00"},
        {"6800000000000000070000000000000005", "06" "80808080808080" "02"},
        {"4f000000000000004d", "0000000000000007" "01" "8827" "01" "00"},
        {NULL, NULL},
    };
    assert_int_equal(sizeof bytes / sizeof *bytes, SAMPLES);

    for (size_t i = 0; i < SAMPLES; i++) {
        struct pair pair = encode(&samples[i]);
        if (bytes[i][0]) {
            assert_bytes(pair.key, pair.key_size, bytes[i][0]);
            assert_bytes(pair.value + 4, pair.value_size - 4, bytes[i][1]);
        }
        free_pair(&pair);
    }
    struct pair pair = encode(&samples[2]);
    assert_bytes(pair.value, pair.value_size, "01870495" "64"); /* the checksum too */
    free_pair(&pair);
}

static void every_flipped_bit_and_every_cut_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct pair pair = encode(&samples[i]);
        assert_every_damage_is_found(&pair);
        free_pair(&pair);
    }
}

/* Fault D25: a sound value under another key. */
static void a_value_under_another_key_is_found(void **state)
{
    (void)state;
    struct gw_row here = samples[2], there = samples[2];
    there.first++;
    there.last++;
    struct pair a = encode(&here), b = encode(&there);
    struct gw_row row;

    assert_int_equal(gw_row_read(key_of(&a), value_of(&b), &row), GW_STORE_CORRUPT);
    assert_int_equal(gw_row_read(key_of(&b), value_of(&a), &row), GW_STORE_CORRUPT);
    free_pair(&a);
    free_pair(&b);
}

/* What the checksum cannot know: facts that no godwit writes, signed. */
static void signed_nonsense_is_corrupt(void **state)
{
    (void)state;
    static const struct gw_row rows[] = {
        {.kind = GW_ROW_SETTLED, .epoch = 1, .first = 5, .last = 4},
        {.kind = GW_ROW_DECIDED, .epoch = 1, .first = 5, .last = 0},
        {.kind = GW_ROW_ASSIGNMENT, .epoch = 1, .first = 5, .last = 4, .peer = "w"},
        {.kind = GW_ROW_OFFERED, .epoch = 1},
        {.kind = GW_ROW_STREAM, .epoch = 1, .destination = {0, "x"}},
        {.kind = GW_ROW_WINDOW, .epoch = 1, .destination = {5, "x"}},
        {.kind = GW_ROW_EXCEPTION, .epoch = 1, .first = 1},
        {.kind = GW_ROW_EXCEPTION, .epoch = 1, .first = 1, .how = 3},
        {.kind = GW_ROW_CRASHED, .epoch = 1, .first = 2, .last = 1},
        {.kind = GW_ROW_OUTCOME, .number = 1, .first = 1, .last = 1, .how = 5},
        {.kind = GW_ROW_OUTCOME, .number = 1, .first = 1, .last = 1},
        {.kind = GW_ROW_OUTCOME, .number = 1, .first = 2, .last = 1, .how = 1},
    };
    struct gw_row row;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair pair = encode(&rows[i]);
        assert_corrupt(&pair);
        free_pair(&pair);
    }
    for (size_t i = 0; i < SAMPLES; i++) { /* every sample with one byte too many or too few */
        struct pair pair = encode(&samples[i]);
        pair.value[pair.value_size++] = 0;
        sign(&pair);
        assert_corrupt(&pair);
        pair.value_size -= 2;
        sign(&pair);
        assert_corrupt(&pair);
        free_pair(&pair);
    }
    struct pair pair = encode(&samples[5]); /* offered: neither known nor unknown */
    pair.value[4] = 2;
    sign(&pair);
    assert_int_equal(gw_row_read(key_of(&pair), value_of(&pair), &row), GW_STORE_CORRUPT);
    free_pair(&pair);
}

/* A row's value written by hand, with a right checksum. */
static enum gw_store_error read_signed(const struct gw_row *key, const char *value, size_t size,
                                       struct gw_row *row)
{
    struct pair pair = encode(key);

    free(pair.value);
    pair.value_size = 4 + size;
    pair.value = malloc(pair.value_size);
    memcpy(pair.value + 4, value, size);
    sign(&pair);
    enum gw_store_error error = gw_row_read(key_of(&pair), value_of(&pair), row);
    free_pair(&pair);
    return error;
}

#define READ_SIGNED(row, literal, into) read_signed(row, literal, sizeof literal - 1, into)

static void codes_and_texts_have_limits(void **state)
{
    (void)state;
    struct gw_row key = {.kind = GW_ROW_EXCEPTION, .epoch = 1, .first = 1, .how = 1}, row;
    char value[4 + 256] = "\x01\x00\xff\x01";

    assert_int_equal(READ_SIGNED(&key, "\x01\xff\xff\xff\xff\x0f\x00", &row), GW_STORE_OK);
    assert_int_equal(row.code, UINT32_MAX);
    assert_int_equal(READ_SIGNED(&key, "\x01\x80\x80\x80\x80\x10\x00", &row), GW_STORE_CORRUPT);
    assert_int_equal(READ_SIGNED(&key, "\x01\x00\x02" "a", &row), GW_STORE_CORRUPT);
    assert_int_equal(READ_SIGNED(&key, "\x01\x00", &row), GW_STORE_CORRUPT);
    memset(value + 4, 'x', 256);
    assert_int_equal(read_signed(&key, value, 4 + 255, &row), GW_STORE_OK);
    value[2] = '\x80', value[3] = 2; /* 256 */
    assert_int_equal(read_signed(&key, value, 4 + 256, &row), GW_STORE_CORRUPT);
    /* The text's length as many as 64 bits can say. */
    assert_int_equal(READ_SIGNED(&key, "\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &row),
                     GW_STORE_CORRUPT);
}

static void a_text_too_long_is_cut_not_lost(void **state)
{
    (void)state;
    char text[GW_TEXT_MAX + 1];
    struct gw_row row = {.kind = GW_ROW_STORY, .epoch = 1, .first = 1, .attempts = 1};

    memset(text, 'y', sizeof text);
    for (size_t size = GW_TEXT_MAX; size <= GW_TEXT_MAX + 1; size++) {
        row.text = (struct gw_slice){(uint8_t *)text, size};
        struct pair pair = encode(&row);
        struct gw_row read;
        assert_int_equal(gw_row_read(key_of(&pair), value_of(&pair), &read), GW_STORE_OK);
        assert_int_equal(read.text.size, GW_TEXT_MAX);
        assert_true(read.text.data > pair.value && read.text.data < pair.value + pair.value_size);
        free_pair(&pair);
    }
}

static void flags_are_one_or_zero(void **state)
{
    (void)state;
    static const size_t flagged[] = {1, 4, 5, 7, 9, 10, 11}; /* the samples that end with a flag */

    for (size_t i = 0; i < sizeof flagged / sizeof *flagged; i++) {
        struct pair pair = encode(&samples[flagged[i]]);
        struct gw_row row;
        pair.value[pair.value_size - 1] = 2;
        sign(&pair);
        assert_int_equal(gw_row_read(key_of(&pair), value_of(&pair), &row), GW_STORE_CORRUPT);
        free_pair(&pair);
    }
}

static void meta_of_another_format_is_told_apart_from_damage(void **state)
{
    (void)state;
    static const uint64_t formats[] = {0, GW_STORE_FORMAT - 1, GW_STORE_FORMAT + 1, UINT64_MAX};

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct gw_row other = samples[0], row = {.number = 42};
        other.format = formats[i];
        struct pair pair = encode(&other);
        assert_int_equal(gw_row_read(key_of(&pair), value_of(&pair), &row), GW_STORE_VERSION);
        assert_int_equal(row.number, 42); /* untouched */
        if (formats[i] < 128) { /* whatever the other one put behind its number */
            pair.value_size = 5;
            sign(&pair);
            assert_int_equal(gw_row_read(key_of(&pair), value_of(&pair), &row), GW_STORE_VERSION);
        }
        free_pair(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back_as_it_was),
        cmocka_unit_test(the_bytes_are_those_of_the_format),
        cmocka_unit_test(every_flipped_bit_and_every_cut_is_found),
        cmocka_unit_test(a_value_under_another_key_is_found),
        cmocka_unit_test(signed_nonsense_is_corrupt),
        cmocka_unit_test(codes_and_texts_have_limits),
        cmocka_unit_test(a_text_too_long_is_cut_not_lost),
        cmocka_unit_test(flags_are_one_or_zero),
        cmocka_unit_test(meta_of_another_format_is_told_apart_from_damage),
    };

    return cmocka_run_group_tests_name("row", tests, NULL, NULL);
}
