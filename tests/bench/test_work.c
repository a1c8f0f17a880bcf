/* SPDX-License-Identifier: MPL-2.0 */
/* Steps and ratios, on the works as they are. */

#include "work.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bench_options options_of(const char *work, const char *against)
{
    return (struct bench_options){
        .work = work_named(work),
        .count = 1000,
        .levels = {"memory", "os", "fsync"},
        .level_count = 3,
        .against = against,
        .members = 5,
        .links = 10,
        .inflight = 64,
    };
}

/* The place of the one step that is like this. */
static size_t step_of(const struct steps *steps, const char *name, const char *shape,
                      const char *level)
{
    size_t found = STEPS;
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->step[i];
        if (strcmp(step->system->name, name) == 0 && strcmp(step->system->shape, shape) == 0 &&
            strcmp(step->level, level) == 0) {
            assert_int_equal(found, STEPS);
            found = i;
        }
    }
    assert_true(found < STEPS);
    return found;
}

static const struct ratio *ratio_named(const struct work *work, const char *name,
                                       const char *shape)
{
    for (size_t i = 0; i < WORK_RATIOS && work->ratios[i].name; i++) {
        if (strcmp(work->ratios[i].name, name) == 0 && strcmp(work->ratios[i].shape, shape) == 0)
            return &work->ratios[i];
    }
    fail_msg("no ratio %s", name);
    return NULL;
}

static void every_work_can_be_found_and_has_what_it_needs(void **state)
{
    (void)state;
    const struct work *work;
    size_t count = 0;
    for (; (work = work_at(count)); count++) {
        assert_ptr_equal(work_named(work->name), work);
        assert_non_null(work->about);
        if (work->missing)
            continue;
        assert_non_null(work->systems[0].name);
        assert_true(work->runs > 0 && work->timeout_s > 0 && work->sizes[0] > 0);
    }
    assert_true(count >= 9);
    assert_null(work_named("nothing"));
}

static void systems_are_measured_at_the_durabilities_that_they_have(void **state)
{
    (void)state;
    struct bench_options options = options_of("stage", "raw,handmade,leveldb");
    struct steps steps;
    assert_true(steps_make(&options, &steps));
    assert_int_equal(steps.count, 1 + 2 + 2 + 3);
    step_of(&steps, "raw", "", "");
    step_of(&steps, "handmade", "", "fsync");
    step_of(&steps, "leveldb", "", "os");
    step_of(&steps, "godwit", "", "memory");
    options = options_of("stage", "none");
    assert_true(steps_make(&options, &steps));
    assert_int_equal(steps.count, 3);
}

static void a_slow_system_gets_fewer_messages_and_a_fast_one_more(void **state)
{
    (void)state;
    struct bench_options options = options_of("stage", "handmade");
    struct steps steps;
    options.count = 1000000;
    assert_true(steps_make(&options, &steps));
    assert_int_equal(steps.step[step_of(&steps, "handmade", "", "fsync")].count, 10000);
    assert_int_equal(steps.step[step_of(&steps, "godwit", "", "fsync")].count, 1000000);
    options = options_of("request", "raw");
    assert_true(steps_make(&options, &steps));
    assert_int_equal(steps.step[step_of(&steps, "raw", "many", "")].count, 5000);
    assert_int_equal(steps.step[step_of(&steps, "raw", "many", "")].many, 64);
}

static void a_work_says_what_it_is_not_measured_against(void **state)
{
    (void)state;
    const struct work *stage = work_named("stage"), *links = work_named("links");
    assert_null(work_lacks(stage, "raw,handmade,leveldb"));
    assert_null(work_lacks(links, "none"));
    assert_null(work_lacks(links, "raw"));
    assert_string_equal(work_lacks(links, "raw,leveldb"), "leveldb");
    assert_string_equal(work_lacks(links, "disk,raw"), "disk,raw");
}

static void a_work_that_stores_has_no_steps_in_memory(void **state)
{
    (void)state;
    struct bench_options options = options_of("recover", "none");
    struct steps steps;
    options.level_count = 1;
    assert_false(steps_make(&options, &steps));
}

static void a_size_that_is_said_stands_for_all_of_the_work(void **state)
{
    (void)state;
    struct bench_options options = options_of("large", "none");
    struct steps steps;
    options.level_count = 1;
    options.count = 0;
    assert_true(steps_make(&options, &steps));
    assert_int_equal(steps.count, 5);
    assert_int_equal(steps.step[0].size, 65536);
    assert_int_equal(steps.step[4].size, 16 << 20);
    assert_int_equal(steps.step[0].count, 4096); /* 256 MiB */
    assert_int_equal(steps.step[2].count, 256);
    options.size = 1000;
    assert_true(steps_make(&options, &steps));
    assert_int_equal(steps.count, 1);
    assert_int_equal(steps.step[0].size, 1000);
}

static void members_and_links_are_as_many_as_was_said(void **state)
{
    (void)state;
    struct bench_options options = options_of("fanin", "raw");
    struct steps steps;
    assert_true(steps_make(&options, &steps));
    const struct step *step = &steps.step[step_of(&steps, "godwit", "N-1", "os")];
    assert_int_equal(step->listeners, 1);
    assert_int_equal(step->diallers, 5);
    options = options_of("links", "raw");
    assert_true(steps_make(&options, &steps));
    assert_int_equal(steps.step[step_of(&steps, "raw", "many", "")].many, 10);
    assert_int_equal(steps.step[step_of(&steps, "raw", "one", "")].many, 1);
}

/* One result for each step, all with 100 messages of 10 bytes in a second. */
struct round {
    struct result result[STEPS];
    const struct result *of[STEPS];
};

static struct round *round_of(const struct steps *steps)
{
    struct round *round = calloc(1, sizeof(*round));
    assert_non_null(round);
    for (size_t i = 0; i < steps->count; i++) {
        round->result[i] = (struct result){
            .seconds = 1, .messages = 100, .bytes = 1000, .cpu_seconds = 2};
        round->of[i] = &round->result[i];
    }
    return round;
}

static void a_ratio_compares_rates_of_the_same_durability(void **state)
{
    (void)state;
    struct bench_options options = options_of("stage", "raw,leveldb");
    struct steps steps;
    assert_true(steps_make(&options, &steps));
    struct round *round = round_of(&steps);
    size_t memory = step_of(&steps, "godwit", "", "memory");
    size_t os = step_of(&steps, "godwit", "", "os");
    const struct ratio *raw = ratio_named(options.work, "ratio_raw", "");
    const struct ratio *leveldb = ratio_named(options.work, "ratio_leveldb", "");
    round->result[step_of(&steps, "raw", "", "")].seconds = 0.5;
    round->result[step_of(&steps, "leveldb", "", "os")].bytes = 4000;
    assert_float_equal(ratio_of(&steps, raw, os, round->of), 0.5, 1e-9);
    assert_float_equal(ratio_of(&steps, leveldb, os, round->of), 0.25, 1e-9);
    assert_true(isnan(ratio_of(&steps, leveldb, memory, round->of)));
    assert_true(isnan(ratio_of(&steps, raw, step_of(&steps, "raw", "", ""), round->of)));
    assert_true(isnan(ratio_of(&steps, ratio_named(options.work, "ratio_handmade", ""), os,
                               round->of)));
    free(round);
}

static void a_durable_round_trip_is_held_against_two_syncs_more(void **state)
{
    (void)state;
    struct bench_options options = options_of("request", "raw,disk");
    struct steps steps;
    struct histogram raw = {0}, disk = {0}, godwit = {0};
    assert_true(steps_make(&options, &steps));
    struct round *round = round_of(&steps);
    size_t one = step_of(&steps, "godwit", "one", "fsync");
    histogram_add(&raw, 50, 1);
    histogram_add(&disk, 100, 1);
    histogram_add(&godwit, 125, 1);
    round->result[step_of(&steps, "raw", "one", "")].latency = &raw;
    round->result[step_of(&steps, "disk", "", "fsync")].latency = &disk;
    round->result[one].latency = &godwit;
    const struct ratio *ratio = ratio_named(options.work, "ratio_raw_syncs_p50", "one");
    assert_float_equal(ratio_of(&steps, ratio, one, round->of), 0.5, 1e-9);
    assert_true(isnan(ratio_of(&steps, ratio, step_of(&steps, "godwit", "one", "os"), round->of)));
    free(round);
}

static void memory_of_a_link_is_what_more_links_add(void **state)
{
    (void)state;
    struct bench_options options = options_of("links", "raw");
    struct steps steps;
    assert_true(steps_make(&options, &steps));
    struct round *round = round_of(&steps);
    size_t many = step_of(&steps, "godwit", "many", "os");
    round->result[step_of(&steps, "godwit", "one", "os")].process[0].idle_kib = 1000;
    round->result[many].process[0].idle_kib = 1270;
    const struct ratio *ratio = ratio_named(options.work, "kib_per_link", "many");
    assert_float_equal(ratio_of(&steps, ratio, many, round->of), 30, 1e-9);
    free(round);
}

static void disk_is_reckoned_before_anything_starts(void **state)
{
    (void)state;
    struct bench_options options = options_of("backlog", "none");
    struct steps steps;
    options.count = 100000000;
    options.size = 100;
    assert_true(steps_make(&options, &steps));
    assert_int_equal(step_disk_bytes(&steps.step[step_of(&steps, "godwit", "held", "memory")]), 0);
    assert_true(step_disk_bytes(&steps.step[step_of(&steps, "godwit", "held", "os")]) >=
                10000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_work_can_be_found_and_has_what_it_needs),
        cmocka_unit_test(systems_are_measured_at_the_durabilities_that_they_have),
        cmocka_unit_test(a_slow_system_gets_fewer_messages_and_a_fast_one_more),
        cmocka_unit_test(a_work_says_what_it_is_not_measured_against),
        cmocka_unit_test(a_work_that_stores_has_no_steps_in_memory),
        cmocka_unit_test(a_size_that_is_said_stands_for_all_of_the_work),
        cmocka_unit_test(members_and_links_are_as_many_as_was_said),
        cmocka_unit_test(a_ratio_compares_rates_of_the_same_durability),
        cmocka_unit_test(a_durable_round_trip_is_held_against_two_syncs_more),
        cmocka_unit_test(memory_of_a_link_is_what_more_links_add),
        cmocka_unit_test(disk_is_reckoned_before_anything_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
