/* SPDX-License-Identifier: MPL-2.0 */

/* What a power cut may leave of what files hold. See power_story.h. */

#include "power_story.h"

/* --- contents --- */

static void two_appends(void)
{
    old_file("log", "AA");
    append("log", "BB");
    append("log", "CC");
}

static void appends_are_lost_from_the_end(void **state)
{
    (void)state;
    states(two_appends, plain, "log:AA", "log:AABB", "log:AABBCC", NONE);
    states(two_appends, zeros, "log:AA", "log:AABB", "log:AABBCC", "log:AA00", "log:AA0000",
           "log:AABB00", NONE);
}

static void a_synced_append(void)
{
    two_appends();
    sync_file("log", LAB_CHANGE_SYNC);
    append("log", "DD");
}

static void what_was_synced_is_there(void **state)
{
    (void)state;
    states(a_synced_append, plain, "log:AABBCC", "log:AABBCCDD", NONE);
}

/* Written while the sync ran: it may have come too late for it. */
static void a_sync_that_overtakes(void)
{
    old_file("log", "AA");
    append("log", "BB");
    uint64_t before = position();
    append("log", "CC");
    note(LAB_CHANGE_SYNC, (struct lab_change){.file = inode("log"), .offset = before, .size = 4},
         NULL, NULL, NULL);
}

static void a_sync_covers_what_came_before_it_began(void **state)
{
    (void)state;
    states(a_sync_that_overtakes, plain, "log:AABB", "log:AABBCC", NONE);
}

static void an_overwrite(void)
{
    old_file("page", "abcd");
    put("page", 1, "XY", 2);
    put("page", 3, "ZZ", 2);
}

static void what_was_overwritten_comes_back(void **state)
{
    (void)state;
    states(an_overwrite, plain, "page:abcd", "page:aXYd", "page:aXYZZ", NONE);
}

static void a_large_write(void)
{
    static char bytes[1200];

    memset(bytes, 'x', sizeof bytes);
    old_file("log", "");
    put("log", 0, bytes, 300);
    put("log", 300, bytes, sizeof bytes);
}

static void a_write_is_torn_at_a_sector(void **state)
{
    (void)state;
    states(a_large_write, plain, "log:", "log:300", "log:512", "log:1024", "log:1500", NONE);
}

static void resizes(void)
{
    old_file("f", "abcdef");
    cut_to("f", 2);
    cut_to("f", 4);
}

static void what_was_cut_off_comes_back(void **state)
{
    (void)state;
    states(resizes, plain, "f:abcdef", "f:ab", "f:ab00", NONE);
}

/* By stdio: nobody wrote it down. */
static void an_unseen_append(void)
{
    FILE *file;

    old_file("log", "AA");
    note(LAB_CHANGE_OPEN, (struct lab_change){.file = inode("log"), .size = 2}, NULL, NULL, NULL);
    file = fopen(at("log"), "a");
    fputs("BB", file);
    fclose(file);
}

static void what_was_added_unseen_may_be_lost(void **state)
{
    (void)state;
    states(an_unseen_append, plain, "log:AA", "log:AABB", NONE);
}

/* --- syncs that fail, maps --- */

static void a_failed_sync(void)
{
    old_file("log", "AA");
    append("log", "BB");
    sync_file("log", LAB_CHANGE_SYNC_FAILED);
    append("log", "CC");
    sync_file("log", LAB_CHANGE_SYNC);
}

/* Hazard DB02: the system reports the error once and drops the pages. */
static void a_later_sync_does_not_make_good_for_one_that_failed(void **state)
{
    (void)state;
    states(a_failed_sync, plain, "log:AABBCC", "log:AA00CC", NONE);
}

static void a_failed_sync_alone(void)
{
    old_file("log", "AA");
    append("log", "BB");
    sync_file("log", LAB_CHANGE_SYNC_FAILED);
}

static void a_failed_sync_promises_nothing(void **state)
{
    (void)state;
    states(a_failed_sync_alone, plain, "log:AA", "log:AABB", NONE);
}

static void a_failed_sync_written_again(void)
{
    old_file("log", "AA");
    append("log", "BB");
    sync_file("log", LAB_CHANGE_SYNC_FAILED);
    put("log", 2, "BB", 2);
    sync_file("log", LAB_CHANGE_SYNC);
}

static void what_is_written_again_and_synced_is_there(void **state)
{
    (void)state;
    states(a_failed_sync_written_again, plain, "log:AABB", NONE);
}

static void a_map(void)
{
    static char before[3 * 4096], after[3 * 4096];

    memset(before, 'a', sizeof before);
    memset(after, 'b', sizeof after);
    memset(after + 4096, 'a', 4096);
    file_write(at("map"), after, sizeof after);
    note(LAB_CHANGE_MAP,
         (struct lab_change){.file = inode("map"), .size = sizeof before,
                             .data_size = sizeof before},
         NULL, NULL, before);
}

static void each_changed_page_of_a_map_is_old_or_new(void **state)
{
    unsigned met[4] = {0};

    (void)state;
    for (unsigned seed = 0; seed < 64; seed++) {
        const struct lab_power_rules rules = {.seed = seed};
        struct lab_power_loss loss;
        size_t size;

        story_begin();
        a_map();
        story_cut(&rules, false, &loss);
        char *bytes = file_read(at("map"), &size);
        assert_int_equal(size, 3 * 4096);
        for (size_t page = 0; page < 3; page++)
            assert_memory_equal(bytes + page * 4096, bytes + page * 4096 + 1, 4095);
        assert_int_equal(bytes[4096], 'a');
        met[(bytes[0] == 'b') + 2 * (bytes[8192] == 'b')]++;
        assert_int_equal(loss.bytes, 4096 * ((bytes[0] == 'a') + (bytes[8192] == 'a')));
        free(bytes);
        story_end();
    }
    for (unsigned i = 0; i < 4; i++)
        assert_true(met[i] > 0);
}

/* --- all of it --- */

/* The process was killed while it wrote down, and another one went on. */
static void a_journal_with_holes(void)
{
    struct lab_change half = {.magic = LAB_CHANGE_MAGIC};

    old_file("log", "AA");
    append("log", "BB");
    fwrite(&half, 1, 40, journal);
    sync_file("log", LAB_CHANGE_SYNC);
    half.kind = LAB_CHANGE_WRITE;
    half.data_size = 1000000;
    half.sum = lab_change_sum(&half);
    fwrite(&half, sizeof half, 1, journal);
    append("log", "CC");
}

static void a_record_cut_off_is_passed_over(void **state)
{
    (void)state;
    states(a_journal_with_holes, plain, "log:AABB", "log:AABBCC", NONE);
}

/* As long as a map of pages that the process was killed over: what the next one wrote down comes
 * where the rest of it should be. */
static void a_record_that_promises_more(void)
{
    struct lab_change half = {.magic = LAB_CHANGE_MAGIC, .kind = LAB_CHANGE_WRITE,
                              .data_size = 4 * sizeof half};

    half.sum = lab_change_sum(&half);
    old_file("log", "AA");
    append("log", "BB");
    fwrite(&half, sizeof half, 1, journal);
    fwrite("first bytes of it", 1, 17, journal);
    sync_file("log", LAB_CHANGE_SYNC);
    append("log", "CC");
    append("log", "DD");
    sync_file("log", LAB_CHANGE_SYNC);
}

static void a_record_cut_off_swallows_nothing(void **state)
{
    (void)state;
    states(a_record_that_promises_more, plain, "log:AABBCCDD", NONE);
}

static void two_files(void)
{
    make("a");
    make("b");
}

static void a_seed_gives_the_same_again(void **state)
{
    unsigned different = 0;
    char last[STORY_STATE_SIZE] = "";
    struct lab_power_loss loss;

    (void)state;
    for (unsigned seed = 0; seed < 40; seed++) {
        const struct lab_power_rules rules = {.seed = seed};
        char text[2][STORY_STATE_SIZE];
        for (unsigned i = 0; i < 2; i++) {
            story_begin();
            a_large_write();
            two_files();
            story_cut(&rules, false, &loss);
            story_state(text[i]);
            story_end();
        }
        assert_string_equal(text[0], text[1]);
        different += strcmp(last, text[0]) != 0;
        memcpy(last, text[0], sizeof last);
    }
    assert_true(different > 10);
}

static void losses_are_counted(void **state)
{
    unsigned bytes = 0, files = 0;

    (void)state;
    for (unsigned seed = 0; seed < 60; seed++) {
        const struct lab_power_rules rules = {.seed = seed, .no_zeros = true};
        struct lab_power_loss loss;

        story_begin();
        two_appends();
        make("a");
        story_cut(&rules, false, &loss);
        assert_int_equal(loss.bytes, 6 - size_of("log"));
        assert_int_equal(loss.files, access(at("a"), F_OK) != 0);
        bytes += (unsigned)loss.bytes;
        files += (unsigned)loss.files;
        story_end();
    }
    assert_true(bytes > 0 && files > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_are_lost_from_the_end),
        cmocka_unit_test(what_was_synced_is_there),
        cmocka_unit_test(a_sync_covers_what_came_before_it_began),
        cmocka_unit_test(what_was_overwritten_comes_back),
        cmocka_unit_test(a_write_is_torn_at_a_sector),
        cmocka_unit_test(what_was_cut_off_comes_back),
        cmocka_unit_test(what_was_added_unseen_may_be_lost),
        cmocka_unit_test(a_later_sync_does_not_make_good_for_one_that_failed),
        cmocka_unit_test(a_failed_sync_promises_nothing),
        cmocka_unit_test(what_is_written_again_and_synced_is_there),
        cmocka_unit_test(each_changed_page_of_a_map_is_old_or_new),
        cmocka_unit_test(a_record_cut_off_is_passed_over),
        cmocka_unit_test(a_record_cut_off_swallows_nothing),
        cmocka_unit_test(a_seed_gives_the_same_again),
        cmocka_unit_test(losses_are_counted),
    };

    return cmocka_run_group_tests_name("powercut", tests, NULL, NULL);
}
