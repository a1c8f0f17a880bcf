/* SPDX-License-Identifier: MPL-2.0 */

/* What a reopened store is asked about transactions whose write has no known outcome. */

#include "peer/found.h"
#include "store/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct scene {
    struct gw_store *store;
    struct gw_commit first;
    struct gw_commit second; /* submitted after it */
};

static struct gw_slice text(const char *bytes)
{
    return (struct gw_slice){(const uint8_t *)bytes, strlen(bytes)};
}

static void put(struct gw_commit *commit, const char *key, const char *value)
{
    gw_row_put_key(&commit->keys, "space", text(key), text(value));
    commit->submitted = true;
}

static void store(struct scene *scene, const struct gw_commit *commit)
{
    assert_int_equal(gw_store_write(scene->store, &commit->keys, false), GW_STORE_OK);
}

static bool found(struct scene *scene, const struct gw_commit *commit)
{
    bool result = false;

    assert_int_equal(gw_found_commit(scene->store, commit, &result), GW_STORE_OK);
    return result;
}

static void set_up(struct scene *scene)
{
    *scene = (struct scene){0};
    assert_int_equal(gw_memory_open(&scene->store), GW_STORE_OK);
    scene->first.next = &scene->second;
}

static void tear_down(struct scene *scene)
{
    gw_store_close(&scene->store);
    gw_write_clear(&scene->first.keys);
    gw_write_clear(&scene->second.keys);
}

static void keys_with_the_values_written_are_found(void **state)
{
    struct scene scene;
    (void)state;

    set_up(&scene);
    put(&scene.first, "a", "1");
    assert_false(found(&scene, &scene.first));
    store(&scene, &scene.first);
    assert_true(found(&scene, &scene.first));
    tear_down(&scene);
}

static void a_transaction_whose_key_a_later_one_wrote_over_is_found(void **state)
{
    struct scene scene;
    (void)state;

    set_up(&scene);
    put(&scene.first, "a", "1");
    put(&scene.first, "b", "1");
    put(&scene.second, "a", "2");
    store(&scene, &scene.first);
    store(&scene, &scene.second);
    assert_true(found(&scene, &scene.first));
    assert_true(found(&scene, &scene.second));
    tear_down(&scene);
}

static void a_transaction_that_a_later_one_deleted_from_is_found(void **state)
{
    struct scene scene;
    (void)state;

    set_up(&scene);
    put(&scene.first, "a", "1");
    gw_row_delete_key(&scene.second.keys, "space", text("a"));
    scene.second.submitted = true;
    store(&scene, &scene.first);
    store(&scene, &scene.second);
    assert_true(found(&scene, &scene.first));
    tear_down(&scene);
}

static void the_later_one_may_be_missing(void **state)
{
    struct scene scene;
    (void)state;

    set_up(&scene);
    put(&scene.first, "a", "1");
    put(&scene.second, "a", "2");
    store(&scene, &scene.first);
    assert_true(found(&scene, &scene.first));
    assert_false(found(&scene, &scene.second));
    tear_down(&scene);
}

static void the_values_of_one_that_was_never_submitted_prove_nothing(void **state)
{
    struct scene scene;
    (void)state;

    set_up(&scene);
    put(&scene.first, "a", "1");
    put(&scene.second, "a", "2");
    store(&scene, &scene.second); /* an old value, by chance the same */
    scene.second.submitted = false;
    assert_false(found(&scene, &scene.first));
    tear_down(&scene);
}

/* --- batches --- */

static enum gw_store_error answer; /* of every get */

static enum gw_store_error get_answer(struct gw_store *store, struct gw_slice key,
                                      struct gw_buffer *value)
{
    (void)store, (void)key, (void)value;
    return answer;
}

/* It was written, and a power cut took its bytes since: it has its number all the same. */
static void a_batch_whose_body_was_lost_is_found(void **state)
{
    static const struct {
        enum gw_store_error got, error;
        bool found;
    } cases[] = {{GW_STORE_OK, GW_STORE_OK, true},
                 {GW_STORE_LOST, GW_STORE_OK, true},
                 {GW_STORE_NOT_FOUND, GW_STORE_OK, false},
                 {GW_STORE_IO, GW_STORE_IO, false},
                 {GW_STORE_CORRUPT, GW_STORE_CORRUPT, false}};
    static const struct gw_store_port port = {.get = get_answer};
    struct gw_store store = {.port = &port};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool is_there = !cases[i].found;

        answer = cases[i].got;
        assert_int_equal(gw_found_batch(&store, 7, 9, &is_there), cases[i].error);
        assert_int_equal(is_there, cases[i].found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_with_the_values_written_are_found),
        cmocka_unit_test(a_transaction_whose_key_a_later_one_wrote_over_is_found),
        cmocka_unit_test(a_transaction_that_a_later_one_deleted_from_is_found),
        cmocka_unit_test(the_later_one_may_be_missing),
        cmocka_unit_test(the_values_of_one_that_was_never_submitted_prove_nothing),
        cmocka_unit_test(a_batch_whose_body_was_lost_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
