/* SPDX-License-Identifier: MPL-2.0 */

/* What a power cut may leave of the names of files. See power_story.h. */

#include "power_story.h"

static void two_files(void)
{
    make("a");
    make("b");
}

static void names_of_a_folder_are_lost_from_the_end(void **state)
{
    (void)state;
    states(two_files, plain, "", "a:", "a: b:", NONE);
}

static void files_in_two_folders(void)
{
    assert_int_equal(mkdir(at("x"), 0700), 0);
    assert_int_equal(mkdir(at("y"), 0700), 0);
    make("x/a");
    make("y/b");
}

static void names_of_two_folders_are_lost_apart(void **state)
{
    (void)state;
    states(files_in_two_folders, plain, "x/ y/", "x/ x/a: y/", "x/ y/ y/b:", "x/ x/a: y/ y/b:",
           NONE);
}

static void a_folder_synced(void)
{
    two_files();
    sync_folder(".");
    make("c");
}

static void a_synced_folder_keeps_its_names(void **state)
{
    (void)state;
    states(a_folder_synced, strict, "a: b:", "a: b: c:", NONE);
}

/* Before the sync of a file its content is not there either. */
static void a_file_synced(void)
{
    make("a");
    append("a", "1");
    make("b");
    append("b", "2");
    sync_file("b", LAB_CHANGE_SYNC);
}

static void a_synced_file_has_its_name_but_not_by_the_letter(void **state)
{
    (void)state;
    states(a_file_synced, plain, "a: b:2", "a:1 b:2", NONE);
    states(a_file_synced, strict, "", "a:", "a:1", "a: b:2", "a:1 b:2", NONE);
}

static void a_replacement(void)
{
    old_file("CURRENT", "one");
    make("new");
    append("new", "two");
    sync_file("new", LAB_CHANGE_SYNC);
    move("new", "CURRENT");
}

/* Hazard DB06. */
static void a_rename_may_be_undone(void **state)
{
    (void)state;
    states(a_replacement, plain, "CURRENT:two", "CURRENT:one new:two", NONE);
    states(a_replacement, strict, "CURRENT:two", "CURRENT:one new:two", "CURRENT:one", NONE);
}

static void a_careless_replacement(void)
{
    old_file("CURRENT", "one");
    make("new");
    append("new", "two");
    move("new", "CURRENT");
    sync_folder(".");
}

static void a_rename_without_a_sync_may_leave_an_empty_file(void **state)
{
    (void)state;
    states(a_careless_replacement, plain, "CURRENT:", "CURRENT:two", NONE);
}

static void a_removal(void)
{
    old_file("a", "1");
    old_file("b", "2");
    take_away("a");
    take_away("b");
}

static void what_was_removed_comes_back(void **state)
{
    (void)state;
    states(a_removal, plain, "a:1 b:2", "b:2", "", NONE);
}

static void a_removal_of_something_unsynced(void)
{
    make("a");
    append("a", "1");
    take_away("a");
}

static void what_comes_back_lacks_what_was_not_synced(void **state)
{
    (void)state;
    states(a_removal_of_something_unsynced, plain, "", "a:", "a:1", NONE);
}

/* What is told of `b` happened to a file that had its number before. */
static void a_number_used_again(void)
{
    old_file("b", "long");
    note(LAB_CHANGE_SYNC, (struct lab_change){.file = inode("b"), .offset = 0, .size = 1}, NULL,
         NULL, NULL);
    note(LAB_CHANGE_UNLINK, (struct lab_change){.file = inode("b"), .folder = inode(".")}, "a",
         NULL, NULL);
    sync_folder(".");
}

static void a_file_that_is_durably_gone_is_forgotten(void **state)
{
    (void)state;
    states(a_number_used_again, plain, "b:long", NONE);
}

static void a_folder_made(void)
{
    make_folder("d");
    make("d/a");
    append("d/a", "1");
    sync_file("d/a", LAB_CHANGE_SYNC);
    sync_folder("d");
}

static void a_folder_that_is_lost_takes_what_is_in_it(void **state)
{
    (void)state;
    states(a_folder_made, plain, "", "d/ d/a:1", NONE);
}

static void a_move(void)
{
    assert_int_equal(mkdir(at("x"), 0700), 0);
    assert_int_equal(mkdir(at("y"), 0700), 0);
    old_file("x/a", "1");
    make("y/first");
    move("x/a", "y/a");
    make("x/last");
}

static void a_move_between_folders_is_in_both_or_in_none(void **state)
{
    (void)state;
    states(a_move, plain, "x/ x/a:1 y/", "x/ x/a:1 y/ y/first:", "x/ y/ y/a:1 y/first:",
           "x/ x/last: y/ y/a:1 y/first:", NONE);
}

static void a_rename_that_failed(void)
{
    old_file("a", "1");
    old_file("b", "2");
    keep("b");
    note(LAB_CHANGE_RENAME,
         (struct lab_change){.file = inode("a"), .folder = inode("."), .to_folder = inode("."),
                             .kept = inode("b")},
         "a", "b", NULL);
    note(LAB_CHANGE_UNLINK, (struct lab_change){.file = inode("a"), .folder = inode(".")}, "a",
         NULL, NULL);
}

static void what_was_not_carried_out_is_not_undone(void **state)
{
    (void)state;
    states(a_rename_that_failed, plain, "a:1 b:2", NONE);
}

static void everything_synced(void)
{
    a_replacement();
    append("CURRENT", "2");
    make("c");
    note(LAB_CHANGE_SYNC_ALL, (struct lab_change){.offset = position()}, NULL, NULL, NULL);
}

static void a_sync_of_everything_is_one(void **state)
{
    (void)state;
    states(everything_synced, strict, "CURRENT:two2 c:", NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_a_folder_are_lost_from_the_end),
        cmocka_unit_test(names_of_two_folders_are_lost_apart),
        cmocka_unit_test(a_synced_folder_keeps_its_names),
        cmocka_unit_test(a_synced_file_has_its_name_but_not_by_the_letter),
        cmocka_unit_test(a_rename_may_be_undone),
        cmocka_unit_test(a_rename_without_a_sync_may_leave_an_empty_file),
        cmocka_unit_test(what_was_removed_comes_back),
        cmocka_unit_test(what_comes_back_lacks_what_was_not_synced),
        cmocka_unit_test(a_file_that_is_durably_gone_is_forgotten),
        cmocka_unit_test(a_folder_that_is_lost_takes_what_is_in_it),
        cmocka_unit_test(a_move_between_folders_is_in_both_or_in_none),
        cmocka_unit_test(what_was_not_carried_out_is_not_undone),
        cmocka_unit_test(a_sync_of_everything_is_one),
    };

    return cmocka_run_group_tests_name("powercut_names", tests, NULL, NULL);
}
