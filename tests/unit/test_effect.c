/* SPDX-License-Identifier: MPL-2.0 */
/* The list of effects and the arena that they point into, also when memory runs out. */

#include "failing_memory.h"

#include "core/effect.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void effects_stay_in_order_and_begin_zeroed(void **state)
{
    (void)state;
    struct gw_effects effects = {0};
    for (uint64_t i = 0; i < 200; i++) {
        struct gw_effect *effect = gw_effects_add(&effects, GW_EFFECT_HANGUP);
        assert_non_null(effect);
        assert_int_equal(effect->u.conn, 0);
        effect->u.conn = i;
    }
    assert_int_equal(effects.count, 200);
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(effects.items[i].u.conn, i);
    gw_effects_reset(&effects);
    assert_int_equal(effects.count, 0);
    assert_int_equal(gw_effects_add(&effects, GW_EFFECT_HANGUP)->u.conn, 0);
    gw_effects_clear(&effects);
}

static void pieces_of_the_arena_are_apart_aligned_and_zeroed(void **state)
{
    (void)state;
    struct gw_effects effects = {0};
    uint8_t *pieces[300];
    for (size_t i = 0; i < 300; i++) {
        size_t size = 1 + i * 7 % 100;
        pieces[i] = gw_effects_allocate(&effects, size);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t at = 0; at < size; at++)
            assert_int_equal(pieces[i][at], 0);
        memset(pieces[i], (int)i, size);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t at = 0; at < 1 + i * 7 % 100; at++)
            assert_int_equal(pieces[i][at], (uint8_t)i);
    gw_effects_clear(&effects);
}

static void a_piece_larger_than_a_chunk_is_given_whole(void **state)
{
    (void)state;
    struct gw_effects effects = {0};
    uint8_t *small = gw_effects_allocate(&effects, 8);
    uint8_t *large = gw_effects_allocate(&effects, 100000);
    small[0] = 1;
    memset(large, 2, 100000);
    assert_int_equal(small[0], 1);
    gw_effects_clear(&effects);
}

static void resetting_keeps_one_chunk_and_gives_zeroed_memory_again(void **state)
{
    (void)state;
    struct gw_effects effects = {0};
    memset(gw_effects_allocate(&effects, 3000), 0xff, 3000);
    memset(gw_effects_allocate(&effects, 3000), 0xff, 3000);
    gw_effects_reset(&effects);
    assert_non_null(effects.chunks);
    assert_null(effects.chunks->next);
    size_t taken = memory_taken;
    const uint8_t *piece = gw_effects_allocate(&effects, 3000);
    assert_int_equal(memory_taken, taken);
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(piece[i], 0);
    gw_effects_clear(&effects);
}

static void without_memory_the_list_says_failed_until_it_is_reset(void **state)
{
    (void)state;
    struct gw_effects effects = {0};
    memory_left = 0;
    assert_null(gw_effects_add(&effects, GW_EFFECT_HANGUP));
    assert_true(effects.failed);
    gw_effects_reset(&effects);
    assert_false(effects.failed);
    assert_null(gw_effects_allocate(&effects, 8));
    assert_true(effects.failed);
    memory_left = SIZE_MAX;
    gw_effects_reset(&effects);
    assert_non_null(gw_effects_add(&effects, GW_EFFECT_HANGUP));
    assert_false(effects.failed);
    gw_effects_clear(&effects);
}

static void a_list_that_cannot_grow_keeps_what_it_has(void **state)
{
    (void)state;
    struct gw_effects effects = {0};
    for (uint64_t i = 0; i < 64; i++)
        gw_effects_add(&effects, GW_EFFECT_HANGUP)->u.conn = i;
    memory_left = 0;
    assert_null(gw_effects_add(&effects, GW_EFFECT_HANGUP));
    memory_left = SIZE_MAX;
    assert_int_equal(effects.count, 64);
    assert_int_equal(effects.items[63].u.conn, 63);
    gw_effects_clear(&effects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(effects_stay_in_order_and_begin_zeroed),
        cmocka_unit_test(pieces_of_the_arena_are_apart_aligned_and_zeroed),
        cmocka_unit_test(a_piece_larger_than_a_chunk_is_given_whole),
        cmocka_unit_test(resetting_keeps_one_chunk_and_gives_zeroed_memory_again),
        cmocka_unit_test(without_memory_the_list_says_failed_until_it_is_reset),
        cmocka_unit_test(a_list_that_cannot_grow_keeps_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
