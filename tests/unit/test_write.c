/* SPDX-License-Identifier: MPL-2.0 */

/* Gathering the operations of a write: what each operation says, and memory that runs out. */

#include "failing_memory.h"

#include "base/bytes.c"
#include "store/write.c"

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

static void assert_op(const struct gw_write *write, size_t index, bool is_put, const char *key,
                      const char *value, const char *outside)
{
    const struct gw_write_op *op = &write->ops[index];

    assert_true(index < write->count);
    assert_int_equal(op->put, is_put);
    assert_int_equal(op->key_size, strlen(key));
    assert_memory_equal(write->bytes.data + op->key, key, op->key_size);
    assert_int_equal(op->value_size, strlen(value));
    assert_memory_equal(write->bytes.data + op->value, value, op->value_size);
    assert_int_equal(op->outside_size, strlen(outside));
    assert_memory_equal(op->outside ? op->outside : "", outside, op->outside_size);
}

static void operations_keep_their_order(void **state)
{
    (void)state;
    struct gw_write write = {0};
    const char *body = "body";

    gw_write_put(&write, slice("k1"), slice("v1"));
    gw_write_delete(&write, slice("k2"));
    gw_write_put_outside(&write, slice("k3"), slice("prefix"), slice(body));
    gw_write_put(&write, slice("k1"), slice(""));
    assert_false(gw_write_failed(&write));
    assert_int_equal(write.count, 4);
    assert_op(&write, 0, true, "k1", "v1", "");
    assert_op(&write, 1, false, "k2", "", "");
    assert_op(&write, 2, true, "k3", "prefix", "body");
    assert_ptr_equal(write.ops[2].outside, body); /* not copied */
    assert_op(&write, 3, true, "k1", "", "");
    gw_write_clear(&write);
    assert_int_equal(write.count, 0);
    assert_null(write.ops);
}

static void built_operations_take_what_was_appended(void **state)
{
    (void)state;
    struct gw_write write = {0};

    gw_write_put(&write, slice("first"), slice("1"));
    size_t key = write.bytes.size;
    gw_buffer_append(&write.bytes, "second", 6);
    size_t value = write.bytes.size;
    gw_buffer_append(&write.bytes, "22", 2);
    gw_write_put_built(&write, key, value, slice("out"), 7);
    key = write.bytes.size;
    gw_buffer_append(&write.bytes, "third", 5);
    gw_write_delete_built(&write, key);
    assert_op(&write, 0, true, "first", "1", "");
    assert_op(&write, 1, true, "second", "22", "out");
    assert_op(&write, 2, false, "third", "", "");
    gw_write_clear(&write);
}

static void reset_keeps_the_memory(void **state)
{
    (void)state;
    struct gw_write write = {0};

    for (unsigned i = 0; i < 100; i++)
        gw_write_put(&write, slice("key"), slice("value"));
    assert_int_equal(write.count, 100);
    gw_write_reset(&write);
    assert_int_equal(write.count, 0);
    size_t taken = memory_taken;
    for (unsigned i = 0; i < 100; i++)
        gw_write_put(&write, slice("key"), slice("value"));
    assert_int_equal(memory_taken, taken);
    assert_op(&write, 99, true, "key", "value", "");
    gw_write_clear(&write);
}

static void reset_gives_back_what_a_large_value_took(void **state)
{
    (void)state;
    static const uint8_t large[9 << 20];
    struct gw_write write = {0};

    gw_write_put(&write, slice("key"), (struct gw_slice){large, sizeof large});
    gw_write_reset(&write);
    assert_int_equal(write.bytes.capacity, 0);
    gw_write_put(&write, slice("key"), slice("value"));
    assert_op(&write, 0, true, "key", "value", "");
    gw_write_clear(&write);
}

static void add_some(struct gw_write *write)
{
    for (unsigned i = 0; i < 20; i++) {
        gw_write_put_outside(write, slice("a key of some size"), slice("prefix"), slice("out"));
        gw_write_delete(write, slice("a key of some size"));
    }
}

static void a_write_without_memory_says_so_till_reset(void **state)
{
    (void)state;
    struct gw_write write = {0};

    memory_taken = 0;
    add_some(&write);
    size_t needed = memory_taken;
    gw_write_clear(&write);
    assert_true(needed > 3);
    for (size_t n = 0; n < needed; n++) {
        memory_left = n;
        add_some(&write);
        assert_true(gw_write_failed(&write));
        memory_left = SIZE_MAX;
        gw_write_put(&write, slice("k"), slice("v"));
        assert_true(gw_write_failed(&write));
        gw_write_reset(&write);
        assert_false(gw_write_failed(&write));
        gw_write_put(&write, slice("k"), slice("v"));
        assert_op(&write, 0, true, "k", "v", "");
        gw_write_clear(&write);
        assert_false(gw_write_failed(&write));
    }
}

static void every_error_of_a_store_has_its_own_name(void **state)
{
    (void)state;
    static const enum gw_store_error errors[] = {
        GW_STORE_OK,   GW_STORE_NOT_FOUND, GW_STORE_NOMEM,   GW_STORE_IO,      GW_STORE_CORRUPT,
        GW_STORE_BUSY, GW_STORE_FOREIGN,   GW_STORE_VERSION, GW_STORE_POISONED};
    size_t count = sizeof errors / sizeof errors[0];
    for (size_t i = 0; i < count; i++) {
        assert_string_not_equal(gw_store_error_name(errors[i]), "?");
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(gw_store_error_name(errors[i]),
                                    gw_store_error_name(errors[k]));
    }
    assert_string_equal(gw_store_error_name((enum gw_store_error)100), "?");
    assert_string_equal(gw_store_error_name((enum gw_store_error)-100), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_keep_their_order),
        cmocka_unit_test(built_operations_take_what_was_appended),
        cmocka_unit_test(reset_keeps_the_memory),
        cmocka_unit_test(reset_gives_back_what_a_large_value_took),
        cmocka_unit_test(a_write_without_memory_says_so_till_reset),
        cmocka_unit_test(every_error_of_a_store_has_its_own_name),
    };

    return cmocka_run_group_tests_name("write", tests, NULL, NULL);
}
