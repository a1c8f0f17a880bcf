/* SPDX-License-Identifier: MPL-2.0 */
/* A batch's numbers, and who frees it. */

#include "core/batch.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static int released;

static void release(struct gw_blob *blob)
{
    (void)blob;
    released++;
}

static void a_batch_knows_its_last_sequence(void **state)
{
    (void)state;
    struct gw_batch *batch = gw_batch_new(9, 100, 1);
    assert_int_equal(gw_batch_last(batch), 100);
    batch->count = 5;
    assert_int_equal(gw_batch_last(batch), 104);
    gw_batch_drop(batch);
}

static void messages_of_one_length_are_found_by_counting(void **state)
{
    (void)state;
    struct gw_batch *batch = gw_batch_new(9, 100, 3);
    batch->fixed = 7;
    assert_int_equal(gw_batch_offset(batch, 100), 0);
    assert_int_equal(gw_batch_offset(batch, 102), 14);
    assert_int_equal(gw_batch_offset(batch, 103), 21); /* the end */
    gw_batch_drop(batch);
}

static void messages_of_many_lengths_are_found_by_their_ends(void **state)
{
    (void)state;
    struct gw_batch *batch = gw_batch_new(9, 100, 3);
    batch->ends = malloc(3 * sizeof *batch->ends);
    assert_non_null(batch->ends);
    memcpy(batch->ends, (uint32_t[]){4, 4, 9}, 3 * sizeof *batch->ends);
    assert_int_equal(gw_batch_offset(batch, 100), 0);
    assert_int_equal(gw_batch_offset(batch, 101), 4);
    assert_int_equal(gw_batch_offset(batch, 102), 4); /* message 101 is empty */
    assert_int_equal(gw_batch_offset(batch, 103), 9);
    gw_batch_drop(batch);
}

static void the_last_holder_frees_the_batch_and_its_hold_on_the_body(void **state)
{
    (void)state;
    struct gw_batch *batch = gw_batch_new(9, 1, 1);
    batch->body = gw_blob_wrap("x", 1, release, NULL);
    struct gw_blob *body = gw_blob_hold(batch->body);
    released = 0;
    assert_ptr_equal(gw_batch_hold(batch), batch);
    gw_batch_drop(batch);
    assert_int_equal(batch->epoch, 9); /* still there */
    gw_batch_drop(batch);
    assert_int_equal(released, 0); /* somebody else holds the bytes */
    gw_blob_drop(body);
    assert_int_equal(released, 1);
}

static void dropping_nothing_is_allowed(void **state)
{
    (void)state;
    gw_batch_drop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_knows_its_last_sequence),
        cmocka_unit_test(messages_of_one_length_are_found_by_counting),
        cmocka_unit_test(messages_of_many_lengths_are_found_by_their_ends),
        cmocka_unit_test(the_last_holder_frees_the_batch_and_its_hold_on_the_body),
        cmocka_unit_test(dropping_nothing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
