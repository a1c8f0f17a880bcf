/* SPDX-License-Identifier: MPL-2.0 */

/* What a fresh turn counts as its backlog: the batches that the store holds, found by looking at
 * the first, the last, and the places where deletions left gaps. Compared with a walk over all. */

#include "base/random.h"
#include "peer/turn.h"
#include "store/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BATCHES 9
#define PER_BATCH 3
#define LAST (BATCHES * PER_BATCH)

static void no_load(void *context, uint64_t epoch, uint64_t from, uint64_t messages, uint64_t bytes)
{
    (void)context, (void)epoch, (void)from, (void)messages, (void)bytes;
}

static uint64_t no_number(void *context)
{
    (void)context;
    return 1;
}

static const struct gw_turn_port port = {
    .load = no_load, .entropy = no_number, .wall_ms = no_number};

struct backlog {
    bool settled[LAST + 2]; /* by sequence */
    bool kept[BATCHES];     /* in the store: not wholly settled, or its deletion is owed */
    uint64_t floor;
};

static bool wholly_settled(const struct backlog *backlog, unsigned batch)
{
    const bool *at = backlog->settled + 1 + batch * PER_BATCH;

    return at[0] && at[1] && at[2];
}

/* Of those settled in a row, so that most batches are wholly settled in some world. */
static void draw(struct gw_random *random, struct backlog *backlog)
{
    unsigned owed = (unsigned)gw_random_below(random, 4);
    bool now = false;

    *backlog = (struct backlog){.floor = 1};
    for (unsigned s = 1; s <= LAST; s++) {
        now = gw_random_below(random, 5) ? now : !now;
        backlog->settled[s] = now;
    }
    backlog->settled[LAST] = false; /* so that the floor is in the epoch */
    while (backlog->settled[backlog->floor])
        backlog->floor++;
    for (unsigned b = 0; b < BATCHES; b++)
        backlog->kept[b] = !wholly_settled(backlog, b) ||
                           (owed && gw_random_below(random, owed + 1) == 0);
}

static void put_settled(struct gw_write *write, const struct backlog *backlog)
{
    struct gw_row row = {.kind = GW_ROW_SETTLED, .epoch = 5};

    for (row.first = backlog->floor; row.first <= LAST; row.first++) {
        if (!backlog->settled[row.first])
            continue;
        for (row.last = row.first; backlog->settled[row.last + 1];)
            row.last++;
        gw_row_put(write, &row);
        row.first = row.last;
    }
}

/* The batches stay until the write is done: their bodies are not copied. */
static void put_batches(struct gw_write *write, const struct backlog *backlog,
                        struct gw_batch *batches[BATCHES], struct gw_recovered *expected)
{
    uint64_t before = 0;

    for (unsigned b = 0; b < BATCHES; b++) {
        struct gw_batch *batch = gw_batch_new(5, 1 + b * PER_BATCH, PER_BATCH);
        uint8_t *data;

        batches[b] = batch;
        batch->fixed = 1 + b;
        batch->bytes = PER_BATCH * batch->fixed;
        batch->bytes_before = before;
        batch->body = gw_blob_new(batch->bytes, &data);
        memset(data, 'x', batch->bytes);
        before += batch->bytes;
        if (backlog->kept[b]) {
            gw_row_put_batch(write, batch);
            expected->messages += batch->count;
            expected->bytes += batch->bytes;
        }
    }
}

static void put(struct gw_store *store, const struct backlog *backlog,
                struct gw_recovered *expected)
{
    struct gw_row row = {.kind = GW_ROW_STREAM, .epoch = 5, .number = 1,
                         .destination = {.kind = GW_KIND_STAGE, .name = "s"}};
    struct gw_batch *batches[BATCHES];
    struct gw_write write = {0};

    row.floor = backlog->floor;
    gw_row_put(&write, &row);
    put_settled(&write, backlog);
    put_batches(&write, backlog, batches, expected);
    assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
    gw_write_clear(&write);
    for (unsigned b = 0; b < BATCHES; b++)
        gw_batch_drop(batches[b]);
}

static void recover(struct gw_store *store, struct gw_recovered *recovered)
{
    struct gw_turn_options options = {
        .core = {.name = "a", .open = 2, .process = 1, .window = 100, .heartbeat_us = 1000000}};
    char why[256];
    struct gw_turn *turn = gw_turn_new(&options, &port, NULL);

    assert_non_null(turn);
    assert_int_equal(gw_turn_recover(turn, store, 1000000, recovered, why, sizeof why),
                     GW_STORE_OK);
    gw_turn_destroy(&turn);
}

/* Two settled ranges that begin in one batch, deletions that are owed in the middle of a range and
 * below the floor: all of it comes up in 20,000 of them. */
static void the_quota_counts_the_batches_that_are_in_the_store(void **state)
{
    (void)state;
    struct gw_random random;
    struct backlog backlog;

    gw_random_seed(&random, 5);
    for (int i = 0; i < 20000; i++) {
        struct gw_recovered expected = {0}, recovered = {0};
        struct gw_store *store;

        assert_int_equal(gw_memory_open(&store), GW_STORE_OK);
        draw(&random, &backlog);
        put(store, &backlog, &expected);
        recover(store, &recovered);
        assert_int_equal(recovered.messages, expected.messages);
        assert_int_equal(recovered.bytes, expected.bytes);
        gw_store_close(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_quota_counts_the_batches_that_are_in_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
