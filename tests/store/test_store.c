/* SPDX-License-Identifier: MPL-2.0 */

/* The promises of the store port, the same for every store: LevelDB, memory, and a store with
 * faults that has none to give. */

#include "scratch.h"

#include "base/random.h"
#include "store/store.h"
#include "support/faulty_store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    bool on_disk;
    struct gw_store *store;
};

static struct gw_slice slice(const char *text)
{
    return (struct gw_slice){(const uint8_t *)text, strlen(text)};
}

static void put(struct gw_store *store, const char *key, const char *value)
{
    struct gw_write write = {0};

    gw_write_put(&write, slice(key), slice(value));
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_clear(&write);
}

struct text {
    char *at;
    size_t limit; /* rows */
};

static bool print_row(void *context, struct gw_slice key, struct gw_slice value)
{
    struct text *text = context;

    text->at += sprintf(text->at, "%.*s=%.*s ", (int)key.size, (const char *)key.data,
                        (int)value.size, (const char *)value.data);
    return --text->limit > 0;
}

static void assert_rows(struct gw_store *store, const char *from, const char *to, size_t limit,
                        const char *expected)
{
    char buffer[1024] = "";
    struct text text = {buffer, limit};

    assert_int_equal(gw_store_scan(store, slice(from), slice(to), print_row, &text), GW_STORE_OK);
    assert_string_equal(buffer, expected);
}

static void assert_value(struct gw_store *store, const char *key, const char *expected)
{
    struct gw_buffer value = {0};
    enum gw_store_error error = gw_store_get(store, slice(key), &value);

    if (!expected) {
        assert_int_equal(error, GW_STORE_NOT_FOUND);
        assert_int_equal(value.size, 0);
    } else {
        assert_int_equal(error, GW_STORE_OK);
        assert_int_equal(value.size, strlen(expected));
        assert_memory_equal(value.data, expected, value.size);
    }
    gw_buffer_clear(&value);
}

static void an_empty_store_holds_nothing(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;

    assert_rows(store, "", "", 9, "");
    assert_value(store, "a", NULL);
    assert_string_equal(gw_store_why(store), "");
}

static void what_was_put_is_found(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;

    put(store, "b", "2");
    assert_value(store, "b", "2");
    assert_value(store, "a", NULL);
    assert_value(store, "ba", NULL);
    assert_value(store, "", NULL);
}

static void an_empty_key_is_a_key_like_any_other(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;
    struct gw_write write = {0};
    struct gw_slice nothing = {0};

    gw_write_put(&write, nothing, slice("empty"));
    gw_write_put(&write, slice("a"), nothing);
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    assert_value(store, "", "empty");
    assert_value(store, "a", "");
    assert_rows(store, "", "", 9, "=empty a= ");
    gw_write_reset(&write);
    gw_write_delete(&write, nothing);
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    assert_value(store, "", NULL);
    assert_rows(store, "", "", 9, "a= ");
    gw_write_clear(&write);
}

static void get_appends_to_what_the_buffer_holds(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;
    struct gw_buffer value = {0};

    put(store, "a", "1");
    gw_buffer_append(&value, "x", 1);
    assert_int_equal(gw_store_get(store, slice("none"), &value), GW_STORE_NOT_FOUND);
    assert_int_equal(gw_store_get(store, slice("a"), &value), GW_STORE_OK);
    assert_int_equal(value.size, 2);
    assert_memory_equal(value.data, "x1", 2);
    gw_buffer_clear(&value);
}

static void a_later_write_overwrites_and_deletes(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;
    struct gw_write write = {0};

    put(store, "a", "1");
    put(store, "b", "1");
    put(store, "a", "22");
    gw_write_delete(&write, slice("b"));
    gw_write_delete(&write, slice("never there"));
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_OK);
    gw_write_clear(&write);
    assert_rows(store, "", "", 9, "a=22 ");
}

static void in_one_write_the_last_word_on_a_key_counts(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;
    struct gw_write write = {0};

    put(store, "d", "old");
    gw_write_put(&write, slice("a"), slice("1"));
    gw_write_put(&write, slice("a"), slice("2"));
    gw_write_put(&write, slice("b"), slice("1"));
    gw_write_delete(&write, slice("b"));
    gw_write_delete(&write, slice("c"));
    gw_write_put(&write, slice("c"), slice("1"));
    gw_write_delete(&write, slice("d"));
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_clear(&write);
    assert_rows(store, "", "", 9, "a=2 c=1 ");
}

static void a_write_can_be_used_again(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;
    struct gw_write write = {0};

    gw_write_put(&write, slice("a"), slice("1"));
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_reset(&write);
    gw_write_put(&write, slice("b"), slice("2"));
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_reset(&write);
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_OK); /* nothing at all */
    gw_write_clear(&write);
    assert_rows(store, "", "", 9, "a=1 b=2 ");
}

static void scans_go_in_order_of_bytes(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;

    put(store, "b", "4");
    put(store, "\xff", "6");
    put(store, "a", "1");
    put(store, "ab", "3");
    put(store, "a\x01", "2");
    put(store, "ba", "5");
    assert_rows(store, "", "", 9, "a=1 a\x01=2 ab=3 b=4 ba=5 \xff=6 ");
}

static void scans_begin_at_from_and_end_before_to(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;

    put(store, "a", "1");
    put(store, "c", "2");
    put(store, "e", "3");
    put(store, "ea", "4");
    assert_rows(store, "a", "e", 9, "a=1 c=2 ");
    assert_rows(store, "b", "ea", 9, "c=2 e=3 ");
    assert_rows(store, "b", "f", 1, "c=2 ");
    assert_rows(store, "c", "c", 9, "");
    assert_rows(store, "f", "", 9, "");
    assert_rows(store, "e", "c", 9, "");
}

static void keys_may_hold_any_byte(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;
    static const uint8_t keys[3][3] = {{0, 0, 0}, {0, 0, 1}, {0, 255, 0}};
    struct gw_write write = {0};

    for (unsigned i = 0; i < 3; i++)
        gw_write_put(&write, (struct gw_slice){keys[i], 3}, (struct gw_slice){keys[i], 3});
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_clear(&write);
    for (unsigned i = 0; i < 3; i++) {
        struct gw_buffer value = {0};
        assert_int_equal(gw_store_get(store, (struct gw_slice){keys[i], 3}, &value), GW_STORE_OK);
        assert_int_equal(value.size, 3);
        assert_memory_equal(value.data, keys[i], 3);
        gw_buffer_clear(&value);
    }
}

static void a_value_in_two_pieces_is_one_value(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;
    struct gw_write write = {0};

    gw_write_put_outside(&write, slice("a"), slice("head "), slice("body"));
    gw_write_put_outside(&write, slice("b"), slice(""), slice("body only"));
    gw_write_put_outside(&write, slice("c"), slice("head only"), slice(""));
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_clear(&write);
    assert_rows(store, "", "", 9, "a=head body b=body only c=head only ");
}

static void fill_pattern(uint8_t *data, size_t size, uint64_t seed)
{
    struct gw_random random;

    gw_random_seed(&random, seed);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)gw_random_next(&random);
}

/* Larger than LevelDB's write buffer, so that tables are written and read as well. */
static void big_values_come_back_whole(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;
    enum { SIZE = 3 << 20, COUNT = 6 };
    uint8_t *data = malloc(SIZE);
    struct gw_buffer value = {0};

    for (unsigned i = 0; i < COUNT; i++) {
        struct gw_write write = {0};
        uint8_t key = (uint8_t)i;
        fill_pattern(data, SIZE, i);
        gw_write_put_outside(&write, (struct gw_slice){&key, 1}, slice("prefix"),
                             (struct gw_slice){data, SIZE});
        assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
        gw_write_clear(&write);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t key = (uint8_t)i;
        fill_pattern(data, SIZE, i);
        gw_buffer_reset(&value);
        assert_int_equal(gw_store_get(store, (struct gw_slice){&key, 1}, &value), GW_STORE_OK);
        assert_int_equal(value.size, SIZE + 6);
        assert_memory_equal(value.data, "prefix", 6);
        assert_int_equal(memcmp(value.data + 6, data, SIZE), 0);
    }
    gw_buffer_clear(&value);
    free(data);
}

static void a_write_that_ran_out_of_memory_changes_nothing_and_poisons(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;
    struct gw_write write = {0};

    put(store, "a", "1");
    gw_write_put(&write, slice("a"), slice("2"));
    write.failed = true;
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_NOMEM);
    assert_non_null(strstr(gw_store_why(store), "memory"));
    write.failed = false;
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_POISONED);
    gw_write_clear(&write);
    assert_rows(store, "", "", 9, "a=1 ");
    assert_value(store, "a", "1");
}

struct lookup {
    struct gw_store *store;
    unsigned found;
};

static bool look_up(void *context, struct gw_slice key, struct gw_slice value)
{
    struct lookup *lookup = context;
    struct gw_buffer got = {0};

    assert_int_equal(gw_store_get(lookup->store, key, &got), GW_STORE_OK);
    assert_int_equal(got.size, value.size);
    gw_buffer_clear(&got);
    lookup->found++;
    return true;
}

static void a_visitor_may_get(void **state)
{
    struct gw_store *store = ((struct fixture *)*state)->store;
    struct lookup lookup = {store, 0};

    put(store, "a", "1");
    put(store, "b", "2");
    assert_int_equal(gw_store_scan(store, slice(""), slice(""), look_up, &lookup), GW_STORE_OK);
    assert_int_equal(lookup.found, 2);
}

/* One thread writes the same number under many keys, in one write each time; others scan: all the
 * numbers that a scan sees are the same, and they never fall. */

enum { PAIRS = 12, ROUNDS = 3000 };

struct race {
    struct gw_store *store;
    atomic_bool done;
    atomic_uint scans;
};

struct seen {
    unsigned rows;
    uint64_t number;
    bool mixed;
};

static bool see(void *context, struct gw_slice key, struct gw_slice value)
{
    struct seen *seen = context;
    struct gw_reader reader = gw_reader_of(value.data, value.size);
    uint64_t number = gw_read_u64(&reader);

    (void)key;
    seen->mixed |= reader.failed || (seen->rows > 0 && number != seen->number);
    seen->number = number;
    seen->rows++;
    return true;
}

static void *read_on(void *context)
{
    struct race *race = context;
    uint64_t before = 0;
    bool good = true;

    while (good && !atomic_load(&race->done)) {
        struct seen seen = {0};
        struct gw_buffer value = {0};
        good = gw_store_scan(race->store, slice(""), slice(""), see, &seen) == GW_STORE_OK &&
               seen.rows == PAIRS && !seen.mixed && seen.number >= before &&
               gw_store_get(race->store, slice("a"), &value) == GW_STORE_OK && value.size == 8;
        before = seen.number;
        gw_buffer_clear(&value);
        atomic_fetch_add(&race->scans, 1);
    }
    return good ? race : NULL;
}

static void write_everywhere(struct gw_store *store, struct gw_write *write, uint64_t number)
{
    struct gw_buffer value = {0};

    gw_write_reset(write);
    gw_buffer_u64(&value, number);
    for (unsigned i = 0; i < PAIRS; i++) {
        uint8_t key = (uint8_t)('a' + i);
        gw_write_put(write, (struct gw_slice){&key, 1}, (struct gw_slice){value.data, 8});
    }
    gw_buffer_clear(&value);
    assert_int_equal(gw_store_write(store, write, false), GW_STORE_OK);
}

static void readers_see_all_of_a_write_or_none(void **state)
{
    struct race race = {.store = ((struct fixture *)*state)->store};
    struct gw_write write = {0};
    pthread_t readers[2];

    write_everywhere(race.store, &write, 1);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &race), 0);
    for (unsigned i = 2; i < ROUNDS || atomic_load(&race.scans) < 20; i++)
        write_everywhere(race.store, &write, i);
    atomic_store(&race.done, true);
    for (unsigned i = 0; i < 2; i++) {
        void *good;
        pthread_join(readers[i], &good);
        assert_non_null(good);
    }
    gw_write_clear(&write);
}

/* Random operations against the simplest map there is: a value, or none, for each of 256 keys. */

struct model {
    char value[256][24]; /* "": not there */
    unsigned at;         /* the scan: next key to see */
    unsigned end;
    unsigned limit;
};

static bool compare_row(void *context, struct gw_slice key, struct gw_slice value)
{
    struct model *model = context;

    while (model->at < model->end && !model->value[model->at][0])
        model->at++;
    assert_true(model->at < model->end);
    assert_int_equal(key.size, 1);
    assert_int_equal(key.data[0], model->at);
    assert_int_equal(value.size, strlen(model->value[model->at]));
    assert_memory_equal(value.data, model->value[model->at], value.size);
    model->at++;
    return --model->limit > 0;
}

static void random_write(struct model *model, struct gw_store *store, struct gw_random *random)
{
    struct gw_write write = {0};

    for (uint64_t count = gw_random_below(random, 8); count > 0; count--) {
        uint8_t key = (uint8_t)gw_random_next(random);
        struct gw_slice name = {&key, 1};
        if (gw_random_below(random, 3) == 0) {
            model->value[key][0] = '\0';
            gw_write_delete(&write, name);
        } else {
            char *text = model->value[key];
            snprintf(text, sizeof model->value[0], "%llu",
                     (unsigned long long)gw_random_next(random));
            gw_write_put(&write, name, slice(text));
        }
    }
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_clear(&write);
}

static void check_against(struct model *model, struct gw_store *store, struct gw_random *random)
{
    uint8_t from = (uint8_t)gw_random_next(random);
    uint8_t to = (uint8_t)gw_random_next(random);
    unsigned limit = 1 + (unsigned)gw_random_below(random, 300);
    struct gw_buffer value = {0};

    model->at = from;
    model->end = to;
    model->limit = limit;
    assert_int_equal(gw_store_scan(store, (struct gw_slice){&from, 1}, (struct gw_slice){&to, 1},
                                   compare_row, model), GW_STORE_OK);
    while (model->limit > 0 && model->at < model->end) /* and nothing was left out */
        assert_int_equal(model->value[model->at++][0], '\0');
    enum gw_store_error error = gw_store_get(store, (struct gw_slice){&from, 1}, &value);
    assert_int_equal(error, model->value[from][0] ? GW_STORE_OK : GW_STORE_NOT_FOUND);
    assert_int_equal(value.size, strlen(model->value[from]));
    gw_buffer_clear(&value);
}

static void random_writes_match_a_naive_map(void **state)
{
    struct fixture *fixture = *state;
    struct model *model = calloc(1, sizeof *model);
    struct gw_random random;

    gw_random_seed(&random, 7);
    for (unsigned round = 0; round < 4000; round++) {
        random_write(model, fixture->store, &random);
        check_against(model, fixture->store, &random);
        if (fixture->on_disk && round % 500 == 499) {
            char why[512];
            gw_store_close(&fixture->store);
            assert_int_equal(gw_leveldb_open(scratch_at(&fixture->scratch, "store"),
                                             &fixture->store, why, sizeof why), GW_STORE_OK);
        }
    }
    free(model);
}

static void errors_have_names(void **state)
{
    (void)state;
    assert_string_equal(gw_store_error_name(GW_STORE_OK), "OK");
    assert_string_equal(gw_store_error_name(GW_STORE_POISONED), "POISONED");
    assert_string_equal(gw_store_error_name(GW_STORE_LOST), "LOST");
    assert_string_equal(gw_store_error_name((enum gw_store_error)99), "?");
}

static void closing_nothing_is_fine(void **state)
{
    struct gw_store *none = NULL;

    (void)state;
    gw_store_close(&none);
    assert_null(none);
}

static int open_memory(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    *state = fixture;
    return gw_memory_open(&fixture->store);
}

static int open_faultless(void **state)
{
    struct gw_store *inside = NULL;
    struct fixture *fixture = calloc(1, sizeof *fixture);

    *state = fixture;
    if (gw_memory_open(&inside) != GW_STORE_OK)
        return -1;
    fixture->store = faulty_store_open(&inside);
    return fixture->store ? 0 : -1;
}

static int open_on_disk(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char why[512];

    *state = fixture;
    scratch_make(&fixture->scratch);
    fixture->on_disk = true;
    return gw_leveldb_open(scratch_at(&fixture->scratch, "store"), &fixture->store, why,
                           sizeof why);
}

static int finish(void **state)
{
    struct fixture *fixture = *state;

    gw_store_close(&fixture->store);
    if (fixture->on_disk)
        scratch_remove(&fixture->scratch);
    free(fixture);
    return 0;
}

#define SUITE(open) { \
    cmocka_unit_test_setup_teardown(an_empty_store_holds_nothing, open, finish), \
    cmocka_unit_test_setup_teardown(what_was_put_is_found, open, finish), \
    cmocka_unit_test_setup_teardown(an_empty_key_is_a_key_like_any_other, open, finish), \
    cmocka_unit_test_setup_teardown(get_appends_to_what_the_buffer_holds, open, finish), \
    cmocka_unit_test_setup_teardown(a_later_write_overwrites_and_deletes, open, finish), \
    cmocka_unit_test_setup_teardown(in_one_write_the_last_word_on_a_key_counts, open, finish), \
    cmocka_unit_test_setup_teardown(a_write_can_be_used_again, open, finish), \
    cmocka_unit_test_setup_teardown(scans_go_in_order_of_bytes, open, finish), \
    cmocka_unit_test_setup_teardown(scans_begin_at_from_and_end_before_to, open, finish), \
    cmocka_unit_test_setup_teardown(keys_may_hold_any_byte, open, finish), \
    cmocka_unit_test_setup_teardown(a_value_in_two_pieces_is_one_value, open, finish), \
    cmocka_unit_test_setup_teardown(big_values_come_back_whole, open, finish), \
    cmocka_unit_test_setup_teardown(a_visitor_may_get, open, finish), \
    cmocka_unit_test_setup_teardown(readers_see_all_of_a_write_or_none, open, finish), \
    cmocka_unit_test_setup_teardown(random_writes_match_a_naive_map, open, finish), \
    cmocka_unit_test_setup_teardown( \
        a_write_that_ran_out_of_memory_changes_nothing_and_poisons, open, finish), \
}

int main(void)
{
    const struct CMUnitTest memory[] = SUITE(open_memory);
    const struct CMUnitTest faultless[] = SUITE(open_faultless);
    const struct CMUnitTest leveldb[] = SUITE(open_on_disk);
    const struct CMUnitTest rest[] = {
        cmocka_unit_test(errors_have_names),
        cmocka_unit_test(closing_nothing_is_fine),
    };

    return cmocka_run_group_tests_name("memory", memory, NULL, NULL) +
           cmocka_run_group_tests_name("faulty without a fault", faultless, NULL, NULL) +
           cmocka_run_group_tests_name("leveldb", leveldb, NULL, NULL) +
           cmocka_run_group_tests_name("any", rest, NULL, NULL);
}
