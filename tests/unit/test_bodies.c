/* SPDX-License-Identifier: MPL-2.0 */
/* Which bodies stay in memory: bounded by the cache, but never one that is still needed. */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct gw_batch *batch_at(const struct driver *d, uint64_t sequence)
{
    const struct gw_stream *stream = gw_map_get(&d->core->streams, EPOCH);
    return gw_stream_batch(stream, sequence);
}

/* b has 1-10 and 11-20, 100 bytes each, and there is room for all of them. The link of b. */
static uint64_t begin_with_room(struct driver *d)
{
    driver_open_cache(d, 1 << 20);
    uint64_t link = driver_member(d, 1, "b", 1000);
    driver_send_batches(d, 2, 10, 100);
    driver_commit(d);
    return link;
}

static void bodies_not_yet_stored_or_offered_stay(void **state)
{
    (void)state;
    struct driver d;
    driver_open_cache(&d, 1000);
    driver_send_batches(&d, 5, 10, 100);
    driver_tick(&d, 1);
    for (uint64_t i = 0; i < 5; i++)
        assert_non_null(batch_at(&d, 1 + i * 10)->body); /* not stored */
    driver_commit(&d);
    driver_tick(&d, 1);
    for (uint64_t i = 0; i < 5; i++)
        assert_non_null(batch_at(&d, 1 + i * 10)->body); /* stored, not offered: no member */
    assert_int_equal(d.core->body_bytes, 5000);
    driver_close(&d);
}

static void offered_bodies_go_oldest_first_down_to_the_budget(void **state)
{
    (void)state;
    struct driver d;
    driver_open_cache(&d, 2500);
    driver_member(&d, 1, "b", 1000);
    driver_send_batches(&d, 5, 10, 100);
    driver_commit(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 5);
    driver_tick(&d, 1);
    assert_int_equal(d.core->body_bytes, 2000);
    assert_null(batch_at(&d, 1)->body);
    assert_null(batch_at(&d, 21)->body);
    assert_non_null(batch_at(&d, 31)->body);
    assert_non_null(batch_at(&d, 41)->body);
    driver_close(&d);
}

static void a_run_that_leaves_in_a_step_has_its_body_until_the_next(void **state)
{
    (void)state;
    struct driver d;
    driver_open_cache(&d, 1); /* nothing offered may stay */
    driver_member(&d, 1, "b", 1000);
    driver_send_batches(&d, 2, 10, 100);
    driver_seal(&d);
    driver_committed(&d);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 2);
    for (size_t i = 0; i < 2; i++)
        assert_non_null(driver_effect(&d, GW_EFFECT_SEND_DATA, i)->u.data.batch->body);
    driver_close(&d);
}

static void a_body_that_went_is_read_back_for_a_new_link(void **state)
{
    (void)state;
    struct driver d;
    driver_open_cache(&d, 1);
    uint64_t link = driver_member(&d, 1, "b", 1000);
    driver_send(&d, EPOCH, 1, 10, 100);
    driver_commit(&d);
    remote_say(&d, 1, GW_FRAME_RESET, link);
    assert_null(batch_at(&d, 1)->body);
    driver_member(&d, 1, "b", 1000);
    assert_int_equal(driver_count(&d, GW_EFFECT_SEND_DATA), 0);
    assert_int_equal(driver_effect(&d, GW_EFFECT_LOAD, 0)->u.load.from, 1);
    driver_loaded(&d, EPOCH, 1, 10);
    assert_int_equal(driver_data(&d, 0).last, 10);
    assert_non_null(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.batch->body);
    driver_close(&d);
}

static void reject_15_without_room(struct driver *d, uint64_t link)
{
    remote_except(d, 1, link, GW_EXCEPTION_REJECTED, 15, 1);
    d->core->options.cache_bytes = 1;
    driver_tick(d, 1);
}

/* Its bytes are written once more. */
static void the_body_of_what_is_to_be_buried_stays(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin_with_room(&d);
    reject_15_without_room(&d, link);
    assert_null(batch_at(&d, 1)->body);
    assert_non_null(batch_at(&d, 11)->body);
    driver_commit(&d);
    assert_int_equal(driver_counter(&d, GW_COUNTER_dead_letters), 1);
    driver_close(&d);
}

/* A failure at the end of a batch is no reason to keep its bytes. */
static void only_what_is_to_be_buried_keeps_its_body(void **state)
{
    (void)state;
    struct driver d;
    uint64_t link = begin_with_room(&d);
    uint64_t number = driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.number;
    remote_return(&d, 1, link, GW_RETURN_NACK, 10, 10, number, 60000);
    reject_15_without_room(&d, link);
    assert_null(batch_at(&d, 1)->body);
    assert_non_null(batch_at(&d, 11)->body);
    driver_close(&d);
}

/* However many there are, a step stays short. */
static void a_bounded_number_of_bodies_is_looked_at_in_a_step(void **state)
{
    (void)state;
    struct driver d;
    driver_open_cache(&d, 1);
    for (uint64_t i = 0; i < 16; i++)
        driver_send_to(&d, "nobody", 7, 1 + i, 1, 100);
    driver_member(&d, 1, "b", 1000);
    driver_send(&d, EPOCH, 1, 10, 100);
    driver_commit(&d);
    driver_tick(&d, 1);
    assert_non_null(batch_at(&d, 1)->body); /* 16 that cannot go stand before it */
    driver_close(&d);
}

static void a_settled_batch_gives_its_bytes_back(void **state)
{
    (void)state;
    struct driver d;
    driver_open_cache(&d, 1 << 20);
    uint64_t link = driver_member(&d, 1, "b", 1000);
    driver_send(&d, EPOCH, 1, 10, 100);
    driver_commit(&d);
    assert_int_equal(d.core->body_bytes, 1000);
    remote_ack(&d, 1, link, EPOCH, 1, 10);
    driver_commit(&d);
    assert_int_equal(d.core->body_bytes, 0);
    assert_null(d.core->oldest_body);
    assert_null(d.core->newest_body);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_not_yet_stored_or_offered_stay),
        cmocka_unit_test(offered_bodies_go_oldest_first_down_to_the_budget),
        cmocka_unit_test(a_run_that_leaves_in_a_step_has_its_body_until_the_next),
        cmocka_unit_test(a_body_that_went_is_read_back_for_a_new_link),
        cmocka_unit_test(the_body_of_what_is_to_be_buried_stays),
        cmocka_unit_test(only_what_is_to_be_buried_keeps_its_body),
        cmocka_unit_test(a_bounded_number_of_bodies_is_looked_at_in_a_step),
        cmocka_unit_test(a_settled_batch_gives_its_bytes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
