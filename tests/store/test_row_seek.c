/* SPDX-License-Identifier: MPL-2.0 */

/* How rows lie in a store: keys sort as their numbers do, a seek finds the batch that holds a
 * sequence, a kind and epoch is one stretch. The bytes themselves: tests/unit/test_row.c. */

#include "base/random.h"
#include "store/row.h"
#include "store/store.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct gw_row rows[] = {
    {.kind = GW_ROW_META, .format = GW_STORE_FORMAT, .peer = "alpha"},
    {.kind = GW_ROW_STREAM, .epoch = 7, .destination = {GW_KIND_STAGE, "resize"}},
    {.kind = GW_ROW_SETTLED, .epoch = 7, .first = 100, .last = 100},
    {.kind = GW_ROW_SETTLED, .epoch = UINT64_MAX, .first = 1, .last = 9},
    {.kind = GW_ROW_ASSIGNMENT, .epoch = 7, .first = 1, .last = 5000, .peer = "w-1"},
    {.kind = GW_ROW_OFFERED, .epoch = 7, .peer = "w-1"},
    {.kind = GW_ROW_OFFERED, .epoch = 7, .peer = "w-10"},
    {.kind = GW_ROW_WINDOW, .epoch = 1ull << 63, .destination = {GW_KIND_SERVICE, "quote"}},
    {.kind = GW_ROW_DECIDED, .epoch = 8, .first = 3, .last = 4},
    {.kind = GW_ROW_STORY, .epoch = 7, .first = 3, .attempts = 1},
    {.kind = GW_ROW_EXCEPTION, .epoch = 8, .first = 3, .how = 1},
    {.kind = GW_ROW_EXCEPTION, .epoch = 8, .first = 9, .how = 2},
    {.kind = GW_ROW_CRASHED, .epoch = 8, .first = 5, .last = 5, .number = 2},
    {.kind = GW_ROW_OUTCOME, .number = 1, .epoch = 9, .first = 1, .last = 1, .how = 1},
    {.kind = GW_ROW_OUTCOME, .number = 256, .epoch = 1, .first = 1, .last = 1, .how = 1},
};

static const struct gw_row dead = {.kind = GW_ROW_DEAD, .epoch = 9, .first = 3, .how = 1,
                                   .destination = {GW_KIND_STAGE, "resize"}};

#define ROWS (sizeof rows / sizeof *rows)

static const uint64_t firsts[] = {1, 11, 400}; /* of epoch 9's batches */

static struct gw_slice slice(const char *text)
{
    return (struct gw_slice){(const uint8_t *)text, strlen(text)};
}

static struct gw_store *fill_store(void)
{
    struct gw_store *store = NULL;
    struct gw_write write = {0};

    assert_int_equal(gw_memory_open(&store), GW_STORE_OK);
    for (size_t i = 0; i < ROWS; i++)
        gw_row_put(&write, &rows[i]);
    gw_row_put_key(&write, "s", slice("key"), slice("v"));
    for (unsigned i = 0; i < 3; i++) { /* ten empty messages each */
        struct gw_batch *batch = gw_batch_new(9, firsts[i], 10);
        gw_row_put_batch(&write, batch);
        if (i == 0)
            gw_row_put_dead(&write, &dead, batch);
        gw_batch_drop(batch);
    }
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_clear(&write);
    return store;
}

static bool take_batch(void *context, struct gw_slice key, struct gw_slice value)
{
    assert_int_equal(gw_row_read_batch(key, value, false, context), GW_STORE_OK);
    return false;
}

static void assert_found(struct gw_store *store, uint64_t epoch, uint64_t sequence, uint64_t first)
{
    struct gw_buffer from = {0}, to = {0};
    struct gw_batch *batch = NULL;

    gw_row_seek(&from, GW_ROW_BATCH, epoch, sequence);
    gw_row_seek_end(&to, GW_ROW_BATCH, epoch);
    assert_int_equal(gw_store_scan(store, (struct gw_slice){from.data, from.size},
                                   (struct gw_slice){to.data, to.size}, take_batch, &batch),
                     GW_STORE_OK);
    assert_true((batch ? batch->first : 0) == first);
    gw_batch_drop(batch);
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
}

static void a_seek_finds_the_batch_that_holds_a_sequence(void **state)
{
    (void)state;
    struct gw_store *store = fill_store();

    assert_found(store, 9, 0, 1);
    assert_found(store, 9, 1, 1);
    assert_found(store, 9, 10, 1);
    assert_found(store, 9, 11, 11);
    assert_found(store, 9, 20, 11);
    assert_found(store, 9, 21, 400); /* in none: the next one */
    assert_found(store, 9, 409, 400);
    assert_found(store, 9, 410, 0);
    assert_found(store, 8, 1, 0);
    assert_found(store, 10, 1, 0);
    gw_store_close(&store);
}

static bool count(void *context, struct gw_slice key, struct gw_slice value)
{
    (void)key;
    (void)value;
    ++*(unsigned *)context;
    return true;
}

static unsigned count_kind(struct gw_store *store, enum gw_row_kind kind, uint64_t epoch)
{
    struct gw_buffer from = {0}, to = {0};
    unsigned found = 0;

    gw_row_seek(&from, kind, epoch, 0);
    gw_row_seek_end(&to, kind, epoch);
    assert_int_equal(gw_store_scan(store, (struct gw_slice){from.data, from.size},
                                   (struct gw_slice){to.data, to.size}, count, &found),
                     GW_STORE_OK);
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
    return found;
}

static void a_kind_and_epoch_is_one_stretch_of_keys(void **state)
{
    (void)state;
    struct gw_store *store = fill_store();

    assert_int_equal(count_kind(store, GW_ROW_META, 0), 1);
    assert_int_equal(count_kind(store, GW_ROW_STREAM, 7), 1);
    assert_int_equal(count_kind(store, GW_ROW_STREAM, 6), 0);
    assert_int_equal(count_kind(store, GW_ROW_SETTLED, 7), 1);
    assert_int_equal(count_kind(store, GW_ROW_SETTLED, UINT64_MAX), 1); /* the end does not wrap */
    assert_int_equal(count_kind(store, GW_ROW_OFFERED, 7), 2);
    assert_int_equal(count_kind(store, GW_ROW_WINDOW, 1ull << 63), 1);
    assert_int_equal(count_kind(store, GW_ROW_BATCH, 9), 3);
    assert_int_equal(count_kind(store, GW_ROW_STORY, 7), 1);
    assert_int_equal(count_kind(store, GW_ROW_EXCEPTION, 8), 2);
    assert_int_equal(count_kind(store, GW_ROW_CRASHED, 8), 1);
    assert_int_equal(count_kind(store, GW_ROW_DEAD, 9), 1);
    assert_int_equal(count_kind(store, GW_ROW_OUTCOME, 1), 1); /* by number */
    assert_int_equal(count_kind(store, GW_ROW_OUTCOME, 256), 1);
    assert_int_equal(count_kind(store, GW_ROW_KEY, 0), 1);
    gw_store_close(&store);
}

static void keys_sort_as_their_numbers_do(void **state)
{
    (void)state;
    struct gw_random random;
    struct gw_buffer a = {0}, b = {0};

    gw_random_seed(&random, 1);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t epochs[2], starts[2];
        for (unsigned j = 0; j < 2; j++) {
            epochs[j] = gw_random_next(&random) >> gw_random_below(&random, 64);
            starts[j] = gw_random_next(&random) >> gw_random_below(&random, 64);
        }
        if (i % 2)
            epochs[1] = epochs[0];
        gw_row_seek(&a, GW_ROW_DECIDED, epochs[0], starts[0]);
        gw_row_seek(&b, GW_ROW_DECIDED, epochs[1], starts[1]);
        bool less = epochs[0] < epochs[1] || (epochs[0] == epochs[1] && starts[0] < starts[1]);
        assert_int_equal(a.size, b.size);
        assert_true((memcmp(a.data, b.data, a.size) < 0) == less);
    }
    gw_buffer_clear(&a);
    gw_buffer_clear(&b);
}

static void a_delete_takes_away_what_a_put_brought(void **state)
{
    (void)state;
    struct gw_store *store = fill_store();
    struct gw_row batch = {.kind = GW_ROW_BATCH, .epoch = 9};
    struct gw_write write = {0};
    unsigned found = 0;

    for (size_t i = 0; i < ROWS; i++)
        gw_row_delete(&write, &rows[i]);
    gw_row_delete(&write, &dead);
    gw_row_delete_key(&write, "s", slice("key"));
    for (unsigned i = 0; i < 3; i++) {
        batch.last = firsts[i] + 9;
        gw_row_delete(&write, &batch);
    }
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_store_scan(store, slice(""), slice(""), count, &found);
    assert_int_equal(found, 0);
    gw_write_clear(&write);
    gw_store_close(&store);
}

static void a_space_is_one_stretch_of_keys(void **state)
{
    (void)state;
    struct gw_buffer a = {0}, b = {0};

    gw_row_seek_key(&a, "s", slice("k"));
    gw_row_seek_key(&b, "s2", slice("")); /* not inside of "s": the NUL sorts before any letter */
    assert_int_equal(a.size, 4);
    assert_memory_equal(a.data, "xs\0k", 4);
    assert_true(memcmp(a.data, b.data, a.size < b.size ? a.size : b.size) < 0);
    gw_buffer_clear(&a);
    gw_buffer_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seek_finds_the_batch_that_holds_a_sequence),
        cmocka_unit_test(a_kind_and_epoch_is_one_stretch_of_keys),
        cmocka_unit_test(keys_sort_as_their_numbers_do),
        cmocka_unit_test(a_delete_takes_away_what_a_put_brought),
        cmocka_unit_test(a_space_is_one_stretch_of_keys),
    };

    return cmocka_run_group_tests_name("row seeks", tests, NULL, NULL);
}
