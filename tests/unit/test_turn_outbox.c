/* SPDX-License-Identifier: MPL-2.0 */

/* What recovery counts beside the backlog: dead letters, and how far outcomes go and were read. */

#include "peer/turn_outbox.h"
#include "store/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct gw_store *open_store(void)
{
    struct gw_store *store;

    assert_int_equal(gw_memory_open(&store), GW_STORE_OK);
    return store;
}

static void put_outcomes(struct gw_store *store, uint64_t first, uint64_t last)
{
    struct gw_row row = {.kind = GW_ROW_OUTCOME, .epoch = 9, .how = GW_OUTCOME_PROCESSED};
    struct gw_write write = {0};

    for (row.number = first; row.number <= last; row.number++) {
        row.first = row.last = row.number;
        gw_row_put(&write, &row);
    }
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_clear(&write);
}

static void put_read(struct gw_store *store, uint64_t upto)
{
    struct gw_row row = {.kind = GW_ROW_OUTCOME,
                         .first = upto,
                         .last = upto,
                         .how = GW_OUTCOME_PROCESSED};
    struct gw_write write = {0};

    gw_row_put(&write, &row);
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_clear(&write);
}

static void expect(struct gw_store *store, uint64_t last, uint64_t read)
{
    struct gw_recovered recovered = {.outcome_last = 77, .outcome_read = 77};

    assert_int_equal(gw_turn_find_outcomes(store, &recovered), GW_STORE_OK);
    assert_int_equal(recovered.outcome_last, last);
    assert_int_equal(recovered.outcome_read, read);
}

static void the_last_outcome_is_found_whatever_its_number(void **state)
{
    (void)state;
    for (uint64_t count = 0; count < 70; count++) {
        struct gw_store *store = open_store();
        put_outcomes(store, 1, count);
        expect(store, count, 0);
        gw_store_close(&store);
    }
}

static void numbers_go_on_from_what_was_read(void **state)
{
    (void)state;
    struct gw_store *store = open_store();

    put_read(store, 1000);
    expect(store, 1000, 1000); /* all of it is forgotten */
    put_outcomes(store, 1001, 1037);
    expect(store, 1037, 1000);
    put_outcomes(store, 990, 1000); /* a deletion that is owed */
    expect(store, 1037, 1000);
    gw_store_close(&store);
}

static void outcomes_before_the_first_done_may_begin_anywhere(void **state)
{
    (void)state;
    struct gw_store *store = open_store();

    put_outcomes(store, 500, 600);
    expect(store, 600, 0);
    gw_store_close(&store);
}

static void dead_letters_count_with_their_headers(void **state)
{
    (void)state;
    struct gw_store *store = open_store();
    struct gw_batch *batch = gw_batch_new(9, 1, 3);
    struct gw_row row = {.kind = GW_ROW_DEAD, .epoch = 9, .how = GW_DEATH_REJECTED,
                         .destination = {.kind = GW_KIND_STAGE, .name = "s"}};
    struct gw_recovered recovered = {0};
    struct gw_write write = {0};
    uint8_t *data;

    batch->fixed = 10;
    batch->bytes = 30;
    batch->body = gw_blob_new(30, &data);
    memset(data, 'x', 30);
    for (row.first = 1; row.first <= 3; row.first += 2)
        gw_row_put_dead(&write, &row, batch);
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_clear(&write);
    assert_int_equal(gw_turn_count_dead(store, &recovered), GW_STORE_OK);
    assert_int_equal(recovered.dead_messages, 2);
    assert_int_equal(recovered.dead_bytes, 20);
    gw_batch_drop(batch);
    gw_store_close(&store);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct gw_store *store = open_store();
    struct gw_recovered recovered = {0};
    struct gw_buffer key = {0};
    struct gw_write write = {0};

    gw_row_seek(&key, GW_ROW_DEAD, 9, 1);
    gw_write_put(&write, (struct gw_slice){key.data, key.size},
                 (struct gw_slice){(const uint8_t *)"junk", 4});
    gw_row_seek(&key, GW_ROW_OUTCOME, 1, 0);
    gw_write_put(&write, (struct gw_slice){key.data, key.size},
                 (struct gw_slice){(const uint8_t *)"junk", 4});
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    assert_int_equal(gw_turn_count_dead(store, &recovered), GW_STORE_CORRUPT);
    assert_int_equal(gw_turn_find_outcomes(store, &recovered), GW_STORE_CORRUPT);
    gw_buffer_clear(&key);
    gw_write_clear(&write);
    gw_store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_outcome_is_found_whatever_its_number),
        cmocka_unit_test(numbers_go_on_from_what_was_read),
        cmocka_unit_test(outcomes_before_the_first_done_may_begin_anywhere),
        cmocka_unit_test(dead_letters_count_with_their_headers),
        cmocka_unit_test(damage_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
