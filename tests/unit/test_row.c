/* SPDX-License-Identifier: MPL-2.0 */

/* Rows: every kind there and back, the exact bytes, and that no damaged, cut or misplaced row is
 * ever believed. How their keys sort and are found: tests/store/test_row_seek.c. */

#include "base/blob.h"
#include "base/crc32c.h"
#include "store/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct gw_slice slice(const char *text)
{
    return (struct gw_slice){(const uint8_t *)text, strlen(text)};
}

static const struct gw_row samples[] = {
    {.kind = GW_ROW_META, .format = GW_STORE_FORMAT, .peer = "alpha", .number = 300,
     .store = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
     .process = 0xfedcba9876543210},
    {.kind = GW_ROW_STREAM, .epoch = 7, .number = 3, .floor = UINT64_MAX,
     .destination = {GW_KIND_STAGE, "resize"}},
    {.kind = GW_ROW_SETTLED, .epoch = 7, .first = 100, .last = 100},
    {.kind = GW_ROW_SETTLED, .epoch = UINT64_MAX, .first = 1, .last = UINT64_MAX},
    {.kind = GW_ROW_ASSIGNMENT, .epoch = 7, .first = 1, .last = 5000, .number = 2, .peer = "w-1"},
    {.kind = GW_ROW_OFFERED, .epoch = 7, .peer = "w-1", .flag = true},
    {.kind = GW_ROW_OFFERED, .epoch = 7, .flag = false,
     .peer = "a23456789012345678901234567890123456789012345678901234567890abcd"},
    {.kind = GW_ROW_WINDOW, .epoch = 1ull << 63, .peer = "owner", .floor = 12, .flag = true,
     .last = 11, .destination = {GW_KIND_SERVICE, "quote"}},
    {.kind = GW_ROW_DECIDED, .epoch = 8, .first = 3, .last = 1ull << 40},
};

#define SAMPLES (sizeof samples / sizeof *samples)

/* The only operation of a write, key and value copied into one allocation each, so that reads
 * beyond them are seen by the sanitizer. */
struct pair {
    uint8_t *key;
    size_t key_size;
    uint8_t *value;
    size_t value_size;
};

static struct pair take(struct gw_write *write)
{
    const struct gw_write_op *op = &write->ops[0];
    struct pair pair = {.key_size = op->key_size,
                        .value_size = op->value_size + op->outside_size};

    assert_false(gw_write_failed(write));
    assert_int_equal(write->count, 1);
    pair.key = malloc(pair.key_size);
    pair.value = malloc(pair.value_size + 1);
    memcpy(pair.key, write->bytes.data + op->key, op->key_size);
    memcpy(pair.value, write->bytes.data + op->value, op->value_size);
    if (op->outside_size > 0)
        memcpy(pair.value + op->value_size, op->outside, op->outside_size);
    gw_write_clear(write);
    return pair;
}

static struct pair encode(const struct gw_row *row)
{
    struct gw_write write = {0};

    gw_row_put(&write, row);
    return take(&write);
}

static void free_pair(struct pair *pair)
{
    free(pair->key);
    free(pair->value);
}

static struct gw_slice key_of(const struct pair *pair)
{
    return (struct gw_slice){pair->key, pair->key_size};
}

static struct gw_slice value_of(const struct pair *pair)
{
    return (struct gw_slice){pair->value, pair->value_size};
}

/* Puts a right checksum on what was changed on purpose. */
static void sign(struct pair *pair)
{
    uint32_t crc = gw_crc32c(0, pair->key, pair->key_size);

    crc = gw_crc32c(crc, pair->value + 4, pair->value_size - 4);
    for (unsigned i = 0; i < 4; i++)
        pair->value[i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void assert_same(const struct gw_row *a, const struct gw_row *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(a->epoch == b->epoch && a->first == b->first && a->last == b->last);
    assert_true(a->floor == b->floor && a->number == b->number && a->process == b->process);
    assert_true(a->format == b->format && a->flag == b->flag);
    assert_string_equal(a->peer, b->peer);
    assert_int_equal(a->destination.kind, b->destination.kind);
    assert_string_equal(a->destination.name, b->destination.name);
    assert_memory_equal(a->store, b->store, sizeof a->store);
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

static void assert_bytes(const uint8_t *data, size_t size, const char *hex)
{
    char text[512];

    assert_true(size * 2 < sizeof text);
    for (size_t i = 0; i < size; i++)
        sprintf(text + 2 * i, "%02x", data[i]);
    text[size * 2] = '\0';
    assert_string_equal(text, hex);
}

/* The format is on people's disks: these bytes change only with GW_STORE_FORMAT. */
static void the_bytes_are_those_of_the_format(void **state)
{
    (void)state;
    static const char *const bytes[][2] = {
        {"4d", "01" "05616c706861" "0102030405060708090a0b0c0d0e0f10" "ac02" "fedcba9876543210"},
        {"650000000000000007", "03" "0106726573697a65" "ffffffffffffffffff01"},
        {"7300000000000000070000000000000064", "64"},
        {"73ffffffffffffffff0000000000000001", "ffffffffffffffffff01"},
        {"6100000000000000070000000000000001", "8827" "02" "03772d31"},
        {"6f0000000000000007" "772d31", "01"},
        {NULL, NULL},
        {"778000000000000000", "056f776e6572" "030571756f7465" "0c" "01" "0b"},
        {"6400000000000000080000000000000003", "808080808020"},
    };

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

/* Any read of any kind; OK must never come of damage. */
static void assert_corrupt(const struct pair *pair)
{
    struct gw_row row;
    struct gw_batch *batch = NULL;
    struct gw_slice user;

    assert_int_equal(gw_row_read(key_of(pair), value_of(pair), &row), GW_STORE_CORRUPT);
    assert_int_equal(gw_row_read_batch(key_of(pair), value_of(pair), true, &batch),
                     GW_STORE_CORRUPT);
    assert_int_equal(gw_row_read_key(key_of(pair), value_of(pair), &user), GW_STORE_CORRUPT);
    assert_null(batch);
}

static void assert_every_damage_is_found(const struct pair *sound)
{
    struct pair pair = *sound;

    for (size_t bit = 0; bit < 8 * sound->key_size; bit++) {
        sound->key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_corrupt(sound);
        sound->key[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sound->value_size; bit++) {
        sound->value[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_corrupt(sound);
        sound->value[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (pair.value_size = 0; pair.value_size < sound->value_size; pair.value_size++) {
        pair.value = malloc(pair.value_size + 1);
        memcpy(pair.value, sound->value, pair.value_size);
        assert_corrupt(&pair);
        free(pair.value);
    }
    pair = *sound;
    for (pair.key_size = 0; pair.key_size < sound->key_size; pair.key_size++)
        assert_corrupt(&pair);
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
        {.kind = GW_ROW_WINDOW, .epoch = 1, .destination = {4, "x"}},
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

static void meta_of_a_newer_format_is_told_apart_from_damage(void **state)
{
    (void)state;
    struct gw_row newer = samples[0], row = {.number = 42};
    newer.format = GW_STORE_FORMAT + 1;
    struct pair pair = encode(&newer);

    assert_int_equal(gw_row_read(key_of(&pair), value_of(&pair), &row), GW_STORE_VERSION);
    assert_int_equal(row.number, 42); /* untouched */
    pair.value_size = 5; /* whatever the newer one put behind its number */
    sign(&pair);
    assert_int_equal(gw_row_read(key_of(&pair), value_of(&pair), &row), GW_STORE_VERSION);
    free_pair(&pair);
}

/* Batches. */

static struct gw_batch *make_batch(uint64_t first, uint32_t count, const uint32_t *lengths,
                                   uint32_t fixed)
{
    struct gw_batch *batch = gw_batch_new(9, first, count);
    uint8_t *data;

    batch->fixed = fixed;
    if (lengths) {
        batch->ends = malloc(count * sizeof *batch->ends);
        for (uint32_t i = 0; i < count; i++)
            batch->ends[i] = batch->bytes += lengths[i];
    } else {
        batch->bytes = fixed * count;
    }
    batch->bytes_before = 1234567;
    batch->body = gw_blob_new(batch->bytes, &data);
    for (uint32_t i = 0; i < batch->bytes; i++)
        data[i] = (uint8_t)(i * 7);
    return batch;
}

static struct pair encode_batch(const struct gw_batch *batch)
{
    struct gw_write write = {0};

    gw_row_put_batch(&write, batch);
    if (batch->bytes > 0)
        assert_ptr_equal(write.ops[0].outside, batch->body->data); /* no copy */
    return take(&write);
}

static void assert_batch_round_trip(struct gw_batch *batch)
{
    struct pair pair = encode_batch(batch);

    for (unsigned with_body = 0; with_body < 2; with_body++) {
        struct gw_batch *read = NULL;
        assert_int_equal(gw_row_read_batch(key_of(&pair), value_of(&pair), with_body, &read),
                         GW_STORE_OK);
        assert_true(read->epoch == batch->epoch && read->first == batch->first);
        assert_int_equal(read->count, batch->count);
        assert_int_equal(read->bytes, batch->bytes);
        assert_true(read->bytes_before == batch->bytes_before);
        for (uint64_t s = batch->first; s <= gw_batch_last(batch) + 1; s++)
            assert_int_equal(gw_batch_offset(read, s), gw_batch_offset(batch, s));
        assert_true((read->body != NULL) == (with_body == 1));
        if (with_body) {
            assert_int_equal(read->body->size, batch->bytes);
            assert_memory_equal(read->body->data, batch->body->data, batch->bytes);
        }
        gw_batch_drop(read);
    }
    if (pair.value_size < 100)
        assert_every_damage_is_found(&pair);
    free_pair(&pair);
    gw_batch_drop(batch);
}

static void batches_come_back_as_they_were(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {3, 0, 200, 1, 0};

    assert_batch_round_trip(make_batch(1, 5, lengths, 0));
    assert_batch_round_trip(make_batch(1000, 3, lengths, 0));
    assert_batch_round_trip(make_batch(77, 4, NULL, 5));
    assert_batch_round_trip(make_batch(77, 1, NULL, 20));
    assert_batch_round_trip(make_batch(1, 65536, NULL, 0));
    assert_batch_round_trip(make_batch(1, 1, NULL, 1 << 20));
    assert_batch_round_trip(make_batch(UINT64_MAX - 5, 4, NULL, 1));
}

static void a_batch_has_the_bytes_of_the_format(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {2, 0, 1};
    struct gw_batch *batch = make_batch(300, 3, lengths, 0);
    struct pair pair = encode_batch(batch);

    assert_bytes(pair.key, pair.key_size, "62" "0000000000000009" "000000000000012e");
    assert_bytes(pair.value + 4, pair.value_size - 4,
                 "ac02" "03" "87ad4b" "01" "020001" "00070e");
    free_pair(&pair);
    gw_batch_drop(batch);
    batch = make_batch(300, 3, NULL, 1);
    pair = encode_batch(batch);
    assert_bytes(pair.value + 4, pair.value_size - 4, "ac02" "03" "87ad4b" "00" "01" "00070e");
    free_pair(&pair);
    gw_batch_drop(batch);
}

/* A batch's key with a value written by hand: first, count, bytes before, lengths, body. */
static void assert_batch_refused(uint64_t last, const char *value, size_t size)
{
    struct gw_buffer key = {0};
    struct gw_batch *batch = NULL;

    gw_row_seek(&key, GW_ROW_BATCH, 9, last);
    struct pair pair = {key.data, key.size, malloc(4 + size), 4 + size};
    memcpy(pair.value + 4, value, size);
    sign(&pair);
    assert_int_equal(gw_row_read_batch(key_of(&pair), value_of(&pair), true, &batch),
                     GW_STORE_CORRUPT);
    assert_null(batch);
    free(pair.value);
    gw_buffer_clear(&key);
}

#define REFUSED(last, literal) assert_batch_refused(last, literal, sizeof literal - 1)

static void signed_nonsense_is_no_batch(void **state)
{
    (void)state;
    REFUSED(2, "\x01\x03\x00\x00\x01" "abc");      /* 1..2 are not three */
    REFUSED(0, "\x01\x00\x00\x00\x01" "");         /* none at all */
    REFUSED(2, "\x03\x01\x00\x00\x01" "a");        /* first after last */
    REFUSED(3, "\x01\x03\x00\x00\x01" "ab");       /* a body too short */
    REFUSED(3, "\x01\x03\x00\x00\x01" "abcd");     /* and too long */
    REFUSED(3, "\x01\x03\x00\x01\x01\x01\x01" "ab");
    REFUSED(3, "\x01\x03\x00\x01\x01\x01");        /* a length is missing */
    REFUSED(3, "\x01\x03\x00\x02\x01" "abc");      /* no such form */
    REFUSED(3, "\x01\x03\x00");
    REFUSED(3, "");
    /* lengths that wrap: 2 x 0x80000001, and 0xffffffff + 2 */
    REFUSED(2, "\x01\x02\x00\x00\x81\x80\x80\x80\x08" "ab");
    REFUSED(2, "\x01\x02\x00\x01\xff\xff\xff\xff\x0f\x02" "a");
    /* four thousand million messages, or as many as 64 bits can say */
    REFUSED(0xffffffff, "\x01\xff\xff\xff\xff\x0f\x00\x01" "abc");
    REFUSED(UINT64_MAX, "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00");
}

/* Application keys. */

static void application_keys_carry_any_bytes(void **state)
{
    (void)state;
    struct gw_slice key = {(const uint8_t *)"a\0\xff", 3};
    struct gw_slice values[] = {slice(""), slice("value"), {(const uint8_t *)"\0\0", 2}};

    for (unsigned i = 0; i < 3; i++) {
        struct gw_write write = {0};
        struct gw_slice user;
        gw_row_put_key(&write, "space", key, values[i]);
        struct pair pair = take(&write);
        assert_bytes(pair.key, pair.key_size, "78" "7370616365" "00" "6100ff");
        assert_int_equal(gw_row_read_key(key_of(&pair), value_of(&pair), &user), GW_STORE_OK);
        assert_int_equal(user.size, values[i].size);
        assert_memory_equal(user.data, values[i].data, user.size);
        assert_every_damage_is_found(&pair);
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
        cmocka_unit_test(meta_of_a_newer_format_is_told_apart_from_damage),
        cmocka_unit_test(batches_come_back_as_they_were),
        cmocka_unit_test(a_batch_has_the_bytes_of_the_format),
        cmocka_unit_test(signed_nonsense_is_no_batch),
        cmocka_unit_test(application_keys_carry_any_bytes),
    };

    return cmocka_run_group_tests_name("row", tests, NULL, NULL);
}
