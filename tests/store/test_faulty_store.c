/* SPDX-License-Identifier: MPL-2.0 */

/* The store with faults, which other tests lean on, has to fail exactly as it was told. */

#include "store/store.h"
#include "support/faulty_store.h"

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

static struct gw_store *open_faulty(void)
{
    struct gw_store *inside = NULL;

    assert_int_equal(gw_memory_open(&inside), GW_STORE_OK);
    struct gw_store *store = faulty_store_open(&inside);
    assert_non_null(store);
    assert_null(inside);
    return store;
}

static enum gw_store_error put(struct gw_store *store, const char *key, bool sync)
{
    struct gw_write write = {0};

    gw_write_put(&write, slice(key), slice("v"));
    enum gw_store_error error = gw_store_write(store, &write, sync);
    gw_write_clear(&write);
    return error;
}

static enum gw_store_error get(struct gw_store *store, const char *key)
{
    struct gw_buffer value = {0};
    enum gw_store_error error = gw_store_get(store, slice(key), &value);

    gw_buffer_clear(&value);
    return error;
}

static struct gw_store *reopen(struct gw_store **store)
{
    struct gw_store *inside = faulty_store_release(store);

    return faulty_store_open(&inside);
}

static void a_fault_before_leaves_the_write_out(void **state)
{
    (void)state;
    struct gw_store *store = open_faulty();

    faulty_store_fail_write(store, 2, FAULT_BEFORE);
    assert_int_equal(put(store, "a", true), GW_STORE_OK);
    assert_int_equal(put(store, "b", true), GW_STORE_IO);
    assert_non_null(strstr(gw_store_why(store), "planned"));
    assert_int_equal(put(store, "c", true), GW_STORE_POISONED);
    assert_int_equal(faulty_store_writes(store), 2);
    store = reopen(&store);
    assert_int_equal(get(store, "a"), GW_STORE_OK);
    assert_int_equal(get(store, "b"), GW_STORE_NOT_FOUND);
    assert_int_equal(get(store, "c"), GW_STORE_NOT_FOUND);
    assert_int_equal(put(store, "c", true), GW_STORE_OK);
    gw_store_close(&store);
}

static void a_fault_after_leaves_the_write_in(void **state)
{
    (void)state;
    struct gw_store *store = open_faulty();

    faulty_store_fail_write(store, 1, FAULT_AFTER);
    assert_int_equal(put(store, "a", true), GW_STORE_IO);
    assert_int_equal(put(store, "b", true), GW_STORE_POISONED);
    store = reopen(&store);
    assert_int_equal(get(store, "a"), GW_STORE_OK);
    assert_int_equal(get(store, "b"), GW_STORE_NOT_FOUND);
    gw_store_close(&store);
}

static bool count(void *context, struct gw_slice key, struct gw_slice value)
{
    (void)key;
    (void)value;
    ++*(unsigned *)context;
    return true;
}

static void reads_fail_once_and_poison_nothing(void **state)
{
    (void)state;
    struct gw_store *store = open_faulty();
    unsigned rows = 0;

    assert_int_equal(put(store, "a", false), GW_STORE_OK);
    assert_false(faulty_store_last_was_synced(store));
    assert_int_equal(put(store, "b", true), GW_STORE_OK);
    assert_true(faulty_store_last_was_synced(store));
    faulty_store_fail_get(store, 2);
    assert_int_equal(get(store, "a"), GW_STORE_OK);
    assert_int_equal(get(store, "a"), GW_STORE_IO);
    assert_int_equal(get(store, "a"), GW_STORE_OK);
    faulty_store_fail_scan(store, 1, 1);
    assert_int_equal(gw_store_scan(store, slice(""), slice(""), count, &rows), GW_STORE_IO);
    assert_int_equal(rows, 1);
    assert_int_equal(gw_store_scan(store, slice(""), slice(""), count, &rows), GW_STORE_OK);
    assert_int_equal(rows, 3);
    assert_int_equal(put(store, "c", true), GW_STORE_OK);
    gw_store_close(&store);
    assert_null(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_before_leaves_the_write_out),
        cmocka_unit_test(a_fault_after_leaves_the_write_in),
        cmocka_unit_test(reads_fail_once_and_poison_nothing),
    };

    return cmocka_run_group_tests_name("faulty store", tests, NULL, NULL);
}
