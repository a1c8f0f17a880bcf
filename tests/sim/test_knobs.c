/* SPDX-License-Identifier: MPL-2.0 */

/* What shrinking rests on: names that read back as they were printed, worlds that settling leaves
 * as they are, and the same world from the seed and from its description. */

#include "inject.h"
#include "knobs.h"
#include "wishes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define SEEDS 3000

static bool same_world(const struct sim_options *a, const struct sim_options *b)
{
    for (size_t i = 0; i < sim_knob_count(); i++) {
        if (sim_knob_get(sim_knob_at(i), a) != sim_knob_get(sim_knob_at(i), b))
            return false;
    }
    return true;
}

static void every_fault_reads_back_by_its_name(void **state)
{
    char name[SIM_OCCASION_TEXT];
    sim_occasion again;

    (void)state;
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
        sim_occasion deed = sim_occasion_deed((enum sim_fault)i, 1 + i * 1000003u);
        sim_occasion_print(deed, name, sizeof name);
        assert_true(sim_occasion_parse(name, strlen(name), &again));
        assert_true(again == deed);
        assert_true(sim_occasion_kind(again) == (enum sim_fault)i);
        assert_true(sim_occasion_number(again) == 1 + i * 1000003u);
    }
}

static void a_frame_is_named_by_its_way_its_type_and_its_number(void **state)
{
    static const char name[] = "frame_lost.a-c.DATA.3";
    char printed[SIM_OCCASION_TEXT];
    sim_occasion fault;

    (void)state;
    assert_true(sim_occasion_parse(name, strlen(name), &fault));
    assert_true(sim_occasion_kind(fault) == SIM_FAULT_frame_lost);
    assert_int_equal(sim_occasion_number(fault), 3);
    sim_occasion_print(fault, printed, sizeof printed);
    assert_string_equal(printed, name);
    sim_occasion_print(sim_occasion_numbered(fault, 12), printed, sizeof printed);
    assert_string_equal(printed, "frame_lost.a-c.DATA.12");
}

static void what_names_no_fault_is_refused(void **state)
{
    static const char *const names[] = {"", ".", "frame_lost", "frame_lost.", "frame_lost.x",
                                        "frame_lost.a-b.", "frame_lost.a-b.DATUM.1",
                                        "frame_lost.z.1", "frame_lost.a-b.DATA.99999999999999",
                                        "lost.1",
                                        "frame_lost.a-b.DATA.1.2", "frame_lost.-1"};
    sim_occasion fault;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(sim_occasion_parse(names[i], strlen(names[i]), &fault));
}

static void every_value_of_every_knob_reads_back(void **state)
{
    struct sim_options options;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        sim_options_draw(&options, seed);
        for (size_t i = 0; i < sim_knob_count(); i++) {
            const struct sim_knob *knob = sim_knob_at(i);
            uint64_t value = sim_knob_get(knob, &options), low, high;
            char text[SIM_KNOB_TEXT];
            sim_knob_print(knob, value, text, sizeof text);
            if (!sim_knob_parse(knob, text, &low, &high) || low != value || high != value)
                fail_msg("seed %u: %s=%s does not read back", (unsigned)seed, knob->name, text);
        }
    }
}

static void a_time_is_told_in_the_largest_unit_that_is_exact(void **state)
{
    const struct sim_knob *knob = sim_knob_find("heartbeat", strlen("heartbeat"));
    static const struct {
        uint64_t us;
        const char *text;
    } times[] = {{0, "0s"},
                 {1500, "1500us"},
                 {20000, "20ms"},
                 {3000000, "3s"},
                 {3000001, "3000001us"}};
    char text[SIM_KNOB_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        sim_knob_print(knob, times[i].us, text, sizeof text);
        assert_string_equal(text, times[i].text);
    }
}

static void settling_twice_changes_nothing_more(void **state)
{
    struct sim_options once, twice;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        sim_options_draw(&once, seed);
        sim_options_settle(&once);
        twice = once;
        sim_options_settle(&twice);
        if (!same_world(&once, &twice))
            fail_msg("seed %u is another world when it is settled again", (unsigned)seed);
    }
}

/* As a shrunk world is told: --plain, and each knob that is not at its simplest. */
static void a_world_is_the_same_from_its_description(void **state)
{
    static const struct sim_wishes none;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_wishes told = {.plain = true};
        struct sim_options drawn, again;
        sim_wishes_grant(&none, seed, &drawn);
        for (size_t i = 0; i < sim_knob_count(); i++) {
            const struct sim_knob *knob = sim_knob_at(i);
            uint64_t value = sim_knob_get(knob, &drawn);
            if (value != knob->simplest)
                told.wishes[told.count++] = (struct sim_wish){knob, value, value};
        }
        sim_wishes_grant(&told, seed, &again);
        if (!same_world(&drawn, &again))
            fail_msg("seed %u is another world when it is told", (unsigned)seed);
    }
}

static void a_range_gives_values_in_it_and_not_always_the_same(void **state)
{
    struct sim_wishes wishes = {.plain = true};
    unsigned seen[SIM_VISITORS + 1] = {0};
    struct sim_options options;
    char why[200] = "";

    (void)state;
    assert_true(sim_wishes_knob(&wishes, "peers", "3-5", why, sizeof why));
    for (uint64_t seed = 1; seed <= 200; seed++) {
        sim_wishes_grant(&wishes, seed, &options);
        assert_in_range(options.peers, 3, 5);
        seen[options.peers]++;
    }
    assert_true(seen[3] && seen[4] && seen[5]);
}

static void only_the_kinds_that_are_asked_for_have_a_rate(void **state)
{
    struct sim_wishes wishes = {0};
    struct sim_options options;
    char why[200] = "";

    (void)state;
    assert_true(sim_wishes_faults(&wishes, "crash,frame_garbage", why, sizeof why));
    for (uint64_t seed = 1; seed <= 200; seed++) {
        sim_wishes_grant(&wishes, seed, &options);
        for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
            bool asked = strcmp(sim_fault_group((enum sim_fault)i), "crash") == 0 ||
                         i == SIM_FAULT_frame_garbage;
            assert_true(asked || !options.rates[i]);
        }
        assert_true(options.flavour == SIM_COMB || options.rates[SIM_FAULT_frame_garbage]);
        assert_true(options.flavour == SIM_COMB || options.rates[SIM_FAULT_process_killed]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_reads_back_by_its_name),
        cmocka_unit_test(a_frame_is_named_by_its_way_its_type_and_its_number),
        cmocka_unit_test(what_names_no_fault_is_refused),
        cmocka_unit_test(every_value_of_every_knob_reads_back),
        cmocka_unit_test(a_time_is_told_in_the_largest_unit_that_is_exact),
        cmocka_unit_test(settling_twice_changes_nothing_more),
        cmocka_unit_test(a_world_is_the_same_from_its_description),
        cmocka_unit_test(a_range_gives_values_in_it_and_not_always_the_same),
        cmocka_unit_test(only_the_kinds_that_are_asked_for_have_a_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
