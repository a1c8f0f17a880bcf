/* SPDX-License-Identifier: MPL-2.0 */

/* Rows that hold messages and application keys: there and back, the exact bytes, and that nothing
 * damaged or signed without sense is believed. */

#include "row_pair.h"

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
        assert_true((read->heads != NULL) == (batch->heads != NULL));
        if (batch->heads)
            assert_memory_equal(read->heads, batch->heads, batch->count * sizeof *batch->heads);
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

/* A row whose body is not at hand is good for its facts, and only for them. */
static void facts_can_be_read_without_the_body(void **state)
{
    (void)state;
    struct gw_batch *batch = make_batch(300, 4, NULL, 5), *read = NULL;
    struct pair pair = encode_batch(batch);

    pair.value_size -= batch->bytes;
    assert_int_equal(gw_row_read_batch(key_of(&pair), value_of(&pair), true, &read),
                     GW_STORE_LOST);
    assert_null(read);
    assert_int_equal(gw_row_read_batch(key_of(&pair), value_of(&pair), false, &read),
                     GW_STORE_OK);
    assert_int_equal(read->bytes, 20);
    gw_batch_drop(read);
    read = NULL;
    for (size_t bit = 0; bit < 8 * pair.value_size; bit++) {
        pair.value[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(gw_row_read_batch(key_of(&pair), value_of(&pair), false, &read),
                         GW_STORE_CORRUPT);
        pair.value[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    pair.value_size++; /* a part of the body is worse than none */
    assert_int_equal(gw_row_read_batch(key_of(&pair), value_of(&pair), false, &read),
                     GW_STORE_CORRUPT);
    free_pair(&pair);
    gw_batch_drop(batch);
}

static struct gw_batch *add_heads(struct gw_batch *batch, const uint32_t *heads)
{
    batch->heads = malloc(batch->count * sizeof *batch->heads);
    memcpy(batch->heads, heads, batch->count * sizeof *batch->heads);
    return batch;
}

static void headers_come_back_as_they_were(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {3, 0, 200, 1, 0}, heads[] = {3, 0, 130, 0, 0};
    static const uint32_t large = 70000, head = GW_HEADS_MAX;

    assert_batch_round_trip(add_heads(make_batch(1, 3, lengths, 0), heads));
    assert_batch_round_trip(add_heads(make_batch(7, 5, lengths, 0), heads));
    assert_batch_round_trip(add_heads(make_batch(7, 2, NULL, 3), heads));
    assert_batch_round_trip(add_heads(make_batch(7, 1, &large, 0), &head));
}

static void a_batch_has_the_bytes_of_the_format(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {2, 0, 1};
    struct gw_batch *batch = make_batch(300, 3, lengths, 0);
    struct pair pair = encode_batch(batch);

    assert_bytes(pair.key, pair.key_size, "62" "0000000000000009" "000000000000012e");
    assert_bytes(pair.value + 4, pair.value_size - 4,
                 "0000000f" "ac02" "03" "87ad4b" "01" "020001" "00" "b671d518" "00070e");
    free_pair(&pair);
    gw_batch_drop(batch);
    batch = make_batch(300, 3, NULL, 1);
    pair = encode_batch(batch);
    assert_bytes(pair.value + 4, pair.value_size - 4,
                 "0000000d" "ac02" "03" "87ad4b" "00" "01" "00" "b671d518" "00070e");
    free_pair(&pair);
    gw_batch_drop(batch);
    static const uint32_t heads[] = {0, 1, 1};
    batch = add_heads(make_batch(300, 3, NULL, 1), heads);
    pair = encode_batch(batch);
    assert_bytes(pair.value + 4, pair.value_size - 4,
                 "00000010" "ac02" "03" "87ad4b" "00" "01" "01" "000101" "b671d518" "00070e");
    free_pair(&pair);
    gw_batch_drop(batch);
}

/* A batch's key with a value made by hand: crc, size, the facts given (first, count, bytes before,
 * lengths, heads), crc of the body, body. */
static struct gw_buffer by_hand(struct gw_slice key, struct gw_slice facts, struct gw_slice body)
{
    struct gw_buffer rest = {0}, value = {0};

    gw_buffer_u32(&rest, (uint32_t)facts.size + 4);
    gw_buffer_append(&rest, facts.data, facts.size);
    gw_buffer_u32(&rest, gw_crc32c(0, body.data, body.size));
    gw_buffer_u32(&value, gw_crc32c(gw_crc32c(0, key.data, key.size), rest.data, rest.size));
    gw_buffer_append(&value, rest.data, rest.size);
    gw_buffer_append(&value, body.data, body.size);
    gw_buffer_clear(&rest);
    return value;
}

static enum gw_store_error read_by_hand(uint64_t last, struct gw_slice facts, struct gw_slice body)
{
    struct gw_buffer key = {0};
    struct gw_batch *batch = NULL;

    gw_row_seek(&key, GW_ROW_BATCH, 9, last);
    struct gw_buffer value = by_hand((struct gw_slice){key.data, key.size}, facts, body);
    enum gw_store_error error =
        gw_row_read_batch((struct gw_slice){key.data, key.size},
                          (struct gw_slice){value.data, value.size}, true, &batch);
    assert_true((batch != NULL) == (error == GW_STORE_OK));
    gw_batch_drop(batch);
    gw_buffer_clear(&value);
    gw_buffer_clear(&key);
    return error;
}

#define BY_HAND(last, facts, body) \
    read_by_hand(last, (struct gw_slice){(const uint8_t *)(facts), sizeof facts - 1}, slice(body))
#define REFUSED(last, facts, body) \
    assert_int_equal(BY_HAND(last, facts, body), GW_STORE_CORRUPT)

#define ENDLESS "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

static void signed_nonsense_is_no_batch(void **state)
{
    (void)state;
    assert_int_equal(BY_HAND(3, "\x01\x03\x00\x00\x01\x00", "abc"), GW_STORE_OK);
    REFUSED(2, "\x01\x03\x00\x00\x01\x00", "abc");      /* 1..2 are not three */
    REFUSED(0, "\x01\x00\x00\x00\x01\x00", "");         /* none at all */
    REFUSED(2, "\x03\x01\x00\x00\x01\x00", "a");        /* first after last */
    REFUSED(3, "\x01\x03\x00\x00\x01\x00", "ab");       /* a body too short */
    REFUSED(3, "\x01\x03\x00\x00\x01\x00", "abcd");     /* and too long */
    REFUSED(3, "\x01\x03\x00\x01\x01\x01\x01\x00", "ab");
    REFUSED(3, "\x01\x03\x00\x01\x01\x01", "");           /* a length is missing */
    REFUSED(3, "\x01\x03\x00\x02\x01\x00", "abc");      /* no such form */
    REFUSED(3, "\x01\x03\x00", "");
    REFUSED(3, "\x01\x03\x00\x00\x00", "");               /* no word about headers */
    REFUSED(3, "", "");
    /* lengths that wrap: 2 x 0x80000001, and 0xffffffff + 2 */
    REFUSED(2, "\x01\x02\x00\x00\x81\x80\x80\x80\x08\x00", "ab");
    REFUSED(2, "\x01\x02\x00\x01\xff\xff\xff\xff\x0f\x02\x00", "a");
    REFUSED(3, "\x01\x03\x00\x00\xff\xff\xff\xff\x1f\x00", "abc"); /* 33 bits each */
    /* numbers that do not end */
    REFUSED(3, "\x01\x03\x00\x00" ENDLESS, "abc");
    REFUSED(3, "\x01\x03\x00\x01" ENDLESS, "abc");
    REFUSED(3, "\x01\x03\x00\x00\x01\x01" ENDLESS, "abc");
    REFUSED(3, "\x01\x03\x00\x00\x01\x00more", "abc"); /* facts that nobody knows */
    /* four thousand million messages, or as many as 64 bits can say */
    REFUSED(0xffffffff, "\x01\xff\xff\xff\xff\x0f\x00\x01\x00", "abc");
    REFUSED(UINT64_MAX, "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00\x00", "");
}

/* The value is sound, and the key is not that of a batch. */
static void another_key_is_no_batch(void **state)
{
    static const char facts[] = "\x01\x03\x00\x00\x01\x00";
    static const uint8_t sound[] = {'b', 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 3, 0};
    static const struct {
        uint8_t kind;
        size_t size;
        enum gw_store_error error;
    } keys[] = {{'b', 17, GW_STORE_OK},      {'b', 16, GW_STORE_CORRUPT},
                {'b', 18, GW_STORE_CORRUPT}, {'b', 1, GW_STORE_CORRUPT},
                {'a', 17, GW_STORE_CORRUPT}, {'b', 0, GW_STORE_CORRUPT}};

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct gw_batch *batch = NULL;
        struct gw_slice user;
        uint8_t bytes[sizeof sound];
        memcpy(bytes, sound, sizeof sound);
        bytes[0] = keys[i].kind;
        struct gw_slice key = {bytes, keys[i].size};
        struct gw_buffer value =
            by_hand(key, (struct gw_slice){(const uint8_t *)facts, sizeof facts - 1}, slice("abc"));
        struct gw_slice of = {value.data, value.size};
        assert_int_equal(gw_row_read_batch(key, of, true, &batch), keys[i].error);
        assert_int_equal(gw_row_read_key(key, of, &user), GW_STORE_CORRUPT);
        if (batch)
            gw_batch_drop(batch);
        gw_buffer_clear(&value);
    }
}

static void signed_nonsense_is_no_header(void **state)
{
    (void)state;
    REFUSED(2, "\x01\x02\x00\x00\x01\x02", "ab");         /* no such form */
    REFUSED(2, "\x01\x02\x00\x00\x01\x01\x01", "");       /* one is missing */
    REFUSED(2, "\x01\x02\x00\x00\x01\x01\x02\x00", "ab"); /* longer than its message */
    REFUSED(2, "\x01\x02\x00\x01\x00\x02\x01\x01\x01", "ab");
    REFUSED(2, "\x01\x02\x00\x00\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", "ab");
    /* four thousand million of them */
    REFUSED(0xffffffff, "\x01\xff\xff\xff\xff\x0f\x00\x00\x00\x01", "abc");
    static const uint32_t large = 70000, head = GW_HEADS_MAX + 1;
    struct gw_batch *batch = add_heads(make_batch(7, 1, &large, 0), &head), *read = NULL;
    struct pair pair = encode_batch(batch);
    assert_int_equal(gw_row_read_batch(key_of(&pair), value_of(&pair), true, &read),
                     GW_STORE_CORRUPT);
    free_pair(&pair);
    gw_batch_drop(batch);
}

/* Dead letters. */

static const struct gw_row dead = {
    .kind = GW_ROW_DEAD, .epoch = 9, .first = 302, .destination = {GW_KIND_STAGE, "resize"},
    .peer = "w-1", .how = GW_DEATH_ATTEMPTS, .code = 7, .attempts = 5, .first_ms = 1000,
    .last_ms = 2000, .text = {(const uint8_t *)"killed", 6},
};

static struct pair encode_dead(const struct gw_row *row, const struct gw_batch *batch)
{
    struct gw_write write = {0};

    gw_row_put_dead(&write, row, batch);
    assert_null(write.ops[0].outside); /* a copy: the batch may go */
    return take(&write);
}

static void assert_letter(const struct gw_row *row, struct gw_batch *batch, uint32_t head,
                          const char *message, size_t size)
{
    struct pair pair = encode_dead(row, batch);
    struct gw_row read;
    struct gw_slice found;
    uint32_t found_head = 99;

    assert_int_equal(gw_row_read(key_of(&pair), value_of(&pair), &read), GW_STORE_OK);
    assert_same(&read, row);
    memset(&read, 0, sizeof read);
    assert_int_equal(
        gw_row_read_message(key_of(&pair), value_of(&pair), &read, &found_head, &found),
        GW_STORE_OK);
    assert_same(&read, row);
    assert_int_equal(found_head, head);
    assert_int_equal(found.size, size);
    if (size > 0)
        assert_memory_equal(found.data, message, size);
    assert_every_damage_is_found(&pair);
    free_pair(&pair);
}

static void dead_letters_keep_message_and_headers(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {2, 0, 3, 1}, heads[] = {2, 0, 1, 0};
    struct gw_batch *batch = add_heads(make_batch(300, 4, lengths, 0), heads);
    struct gw_row row = dead;

    assert_letter(&row, batch, 1, "\x0e\x15\x1c", 3);
    row.first = 300;
    assert_letter(&row, batch, 2, "\x00\x07", 2);
    row.first = 301; /* an empty one */
    row.peer[0] = '\0';
    row.text.size = 0;
    row.how = GW_DEATH_REJECTED;
    assert_letter(&row, batch, 0, "", 0);
    gw_batch_drop(batch);
    batch = make_batch(300, 4, NULL, 1);
    row.first = 303;
    assert_letter(&row, batch, 0, "\x15", 1);
    gw_batch_drop(batch);
}

static void dead_letters_have_the_bytes_of_the_format(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {2, 0, 3}, heads[] = {2, 0, 1};
    struct gw_batch *batch = add_heads(make_batch(300, 3, lengths, 0), heads);
    struct pair pair = encode_dead(&dead, batch);

    assert_bytes(pair.key, pair.key_size, "44" "0000000000000009" "000000000000012e");
    assert_bytes(pair.value + 4, pair.value_size - 4,
                 "0106726573697a65" "03772d31" "02" "00" "05" "e807" "d00f" "07" "066b696c6c6564"
                 "01" "0e151c");
    pair.value[pair.value_size - 4] = 4; /* more headers than message */
    sign(&pair);
    assert_corrupt(&pair);
    pair.value[4 + 8 + 4] = 3; /* no such death */
    sign(&pair);
    assert_corrupt(&pair);
    free_pair(&pair);
    gw_batch_drop(batch);
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
        cmocka_unit_test(batches_come_back_as_they_were),
        cmocka_unit_test(facts_can_be_read_without_the_body),
        cmocka_unit_test(a_batch_has_the_bytes_of_the_format),
        cmocka_unit_test(headers_come_back_as_they_were),
        cmocka_unit_test(signed_nonsense_is_no_batch),
        cmocka_unit_test(another_key_is_no_batch),
        cmocka_unit_test(signed_nonsense_is_no_header),
        cmocka_unit_test(dead_letters_keep_message_and_headers),
        cmocka_unit_test(dead_letters_have_the_bytes_of_the_format),
        cmocka_unit_test(application_keys_carry_any_bytes),
    };

    return cmocka_run_group_tests_name("rows with messages", tests, NULL, NULL);
}
