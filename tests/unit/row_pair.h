/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_TESTS_UNIT_ROW_PAIR_H
#define GW_TESTS_UNIT_ROW_PAIR_H

/* One row as key and value, and what every kind of row must stand: for test_row and
 * test_row_batch. */

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

static inline struct gw_slice slice(const char *text)
{
    return (struct gw_slice){(const uint8_t *)text, strlen(text)};
}

/* The only operation of a write, key and value copied into one allocation each, so that reads
 * beyond them are seen by the sanitizer. */
struct pair {
    uint8_t *key;
    size_t key_size;
    uint8_t *value;
    size_t value_size;
};

static inline struct pair take(struct gw_write *write)
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

static inline void free_pair(struct pair *pair)
{
    free(pair->key);
    free(pair->value);
}

static inline struct gw_slice key_of(const struct pair *pair)
{
    return (struct gw_slice){pair->key, pair->key_size};
}

static inline struct gw_slice value_of(const struct pair *pair)
{
    return (struct gw_slice){pair->value, pair->value_size};
}

/* Puts a right checksum on what was changed on purpose. */
static inline void sign(struct pair *pair)
{
    uint32_t crc = gw_crc32c(0, pair->key, pair->key_size);

    crc = gw_crc32c(crc, pair->value + 4, pair->value_size - 4);
    for (unsigned i = 0; i < 4; i++)
        pair->value[i] = (uint8_t)(crc >> (24 - 8 * i));
}

static inline void assert_same(const struct gw_row *a, const struct gw_row *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(a->epoch == b->epoch && a->first == b->first && a->last == b->last);
    assert_true(a->floor == b->floor && a->number == b->number && a->process == b->process);
    assert_true(a->format == b->format && a->flag == b->flag);
    assert_string_equal(a->peer, b->peer);
    assert_int_equal(a->destination.kind, b->destination.kind);
    assert_string_equal(a->destination.name, b->destination.name);
    assert_memory_equal(a->store, b->store, sizeof a->store);
    assert_true(a->ordered == b->ordered && a->memory == b->memory);
    assert_true(a->maybe_duplicate == b->maybe_duplicate);
    assert_true(a->how == b->how && a->code == b->code && a->attempts == b->attempts);
    assert_true(a->first_ms == b->first_ms && a->last_ms == b->last_ms);
    assert_int_equal(a->text.size, b->text.size);
    if (a->text.size > 0)
        assert_memory_equal(a->text.data, b->text.data, a->text.size);
}

static inline void assert_bytes(const uint8_t *data, size_t size, const char *hex)
{
    char text[512];

    assert_true(size * 2 < sizeof text);
    for (size_t i = 0; i < size; i++)
        sprintf(text + 2 * i, "%02x", data[i]);
    text[size * 2] = '\0';
    assert_string_equal(text, hex);
}

/* Any read of any kind; OK must never come of damage. */
static inline void assert_corrupt(const struct pair *pair)
{
    struct gw_row row;
    struct gw_batch *batch = NULL;
    struct gw_slice user;
    uint32_t head;

    assert_int_equal(gw_row_read(key_of(pair), value_of(pair), &row), GW_STORE_CORRUPT);
    enum gw_store_error error = gw_row_read_batch(key_of(pair), value_of(pair), true, &batch);
    /* cut off just before its body, it looks like one whose body is kept apart */
    assert_true(error == GW_STORE_CORRUPT || error == GW_STORE_LOST);
    assert_int_equal(gw_row_read_key(key_of(pair), value_of(pair), &user), GW_STORE_CORRUPT);
    assert_int_equal(gw_row_read_message(key_of(pair), value_of(pair), &row, &head, &user),
                     GW_STORE_CORRUPT);
    assert_null(batch);
}

static inline void assert_every_damage_is_found(const struct pair *sound)
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

#endif
