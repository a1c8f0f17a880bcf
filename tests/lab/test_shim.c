/* SPDX-License-Identifier: MPL-2.0 */

/* The shim in real processes: this program again, started below it, does a part and ends. What it
 * wrote down must say what is not durable yet, and its calls must fail as they were told to. */

#include "disk.h"
#include "journal.h"
#include "shim_parts.h"

#include "../store/scratch.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

extern char **environ;

/* --- the stage --- */

struct stage {
    struct scratch scratch;
    struct lab_disk *disk;
    struct lab_history history;
    uint8_t *journal;
};

static const char *directory_of(const struct stage *stage)
{
    return scratch_at(&stage->scratch, "dir");
}

static pid_t start(const struct stage *stage, const char *name)
{
    char program[] = "test_shim", mode[] = "--child", part[64], directory[1200];
    char *arguments[] = {program, mode, part, directory, NULL};
    char *const *more = lab_disk_environment(stage->disk);
    char *all[256];
    size_t count = 0;
    pid_t pid;

    snprintf(part, sizeof part, "%s", name);
    snprintf(directory, sizeof directory, "%s", directory_of(stage));
    for (size_t i = 0; environ[i] && count < 250; i++)
        if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0)
            all[count++] = environ[i];
    for (size_t i = 0; more[i]; i++)
        all[count++] = more[i];
    all[count] = NULL;
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, all), 0);
    return pid;
}

static void await_success(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Plays a part, and reads what was written down. */
static void play(struct stage *stage, const char *name)
{
    size_t size;

    await_success(start(stage, name));
    free(stage->journal);
    lab_history_clear(&stage->history);
    stage->journal = file_read(scratch_at(&stage->scratch, "dir.disk/journal"), &size);
    assert_int_equal(lab_history_read(&stage->history, stage->journal, size, true), 0);
}

static uint64_t inode(const struct stage *stage, const char *name)
{
    char path[1300];
    struct stat status;

    snprintf(path, sizeof path, "%s/%s", directory_of(stage), name);
    assert_int_equal(stat(path, &status), 0);
    return status.st_ino;
}

static const struct lab_file_history *file_of(const struct stage *stage, const char *name)
{
    uint64_t file = inode(stage, name);

    for (size_t i = 0; i < stage->history.file_count; i++)
        if (stage->history.files[i].file == file)
            return &stage->history.files[i];
    fail_msg("nothing is known of %s", name);
    return NULL;
}

static int begin(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    char why[300];

    scratch_make(&stage->scratch);
    stage->disk = lab_disk_new(directory_of(stage), 0, true, why, sizeof why);
    if (!stage->disk)
        fail_msg("%s", why);
    *state = stage;
    return 0;
}

static int end(void **state)
{
    struct stage *stage = *state;

    lab_history_clear(&stage->history);
    free(stage->journal);
    lab_disk_free(&stage->disk, true);
    assert_int_equal(rmdir(stage->scratch.path), 0); /* nothing is left */
    free(stage);
    return 0;
}

/* --- what is written down --- */

static void every_write_is_written_down(void **state)
{
    static const struct lab_content_change expected[] = {
        {.kind = LAB_CHANGE_WRITE, .offset = 10, .size = 1, .was = 10},
        {.kind = LAB_CHANGE_WRITE, .offset = 8, .size = 3, .was = 11, .data_size = 3},
        {.kind = LAB_CHANGE_WRITE, .offset = 11, .size = 4, .was = 11},
        {.kind = LAB_CHANGE_WRITE, .offset = 20, .size = 4, .was = 15},
        {.kind = LAB_CHANGE_RESIZE, .offset = 5, .size = 5, .was = 24, .data_size = 19},
        {.kind = LAB_CHANGE_RESIZE, .offset = 5, .size = 7, .was = 5},
        {.kind = LAB_CHANGE_RESIZE, .offset = 7, .size = 9, .was = 7},
        {.kind = LAB_CHANGE_WRITE, .offset = 9, .size = 2, .was = 9},
    };
    const size_t count = sizeof expected / sizeof expected[0];

    play(*state, "writes");
    const struct lab_file_history *file = file_of(*state, "f");
    assert_int_equal(file->size, 10);
    assert_int_equal(file->changes.count, count);
    for (size_t i = 0; i < count; i++) {
        const struct lab_content_change *change = &file->changes.at[i];
        assert_int_equal(change->kind, expected[i].kind);
        assert_int_equal(change->offset, expected[i].offset);
        assert_int_equal(change->size, expected[i].size);
        assert_int_equal(change->was, expected[i].was);
        assert_int_equal(change->data_size, expected[i].data_size);
    }
    assert_memory_equal(file->changes.at[1].data, "89x", 3);
    assert_memory_equal(file->changes.at[4].data, "567yyyabcd\0\0\0\0\0abcd", 19);
}

static void what_was_synced_is_not_pending(void **state)
{
    const struct stage *stage = *state;

    play(*state, "synced");
    assert_int_equal(stage->history.name_count, 0);
    assert_int_equal(file_of(stage, "f")->changes.count, 0);
    assert_int_equal(file_of(stage, "f")->size, 1);
    assert_int_equal(file_of(stage, "g")->changes.count, 0);
}

static void syncs_that_lie_make_nothing_durable(void **state)
{
    const struct stage *stage = *state;

    assert_int_equal(lab_disk_act(stage->disk, &(struct lab_order){.verb = LAB_lie_syncs}), 0);
    play(*state, "synced");
    assert_int_equal(stage->history.name_count, 2);
    assert_int_equal(file_of(stage, "f")->changes.count, 1);
    assert_int_equal(file_of(stage, "f")->size, 0);
    assert_int_equal(file_of(stage, "g")->changes.count, 1);
    assert_true(lab_disk_hits(stage->disk) > 0);
}

static void stdio_is_found_by_the_size(void **state)
{
    const struct stage *stage = *state;

    play(*state, "by_stdio");
    assert_int_equal(file_of(stage, "log")->size, 5); /* of 11 */
    assert_int_equal(stage->history.name_count, 1);
    assert_int_equal(stage->history.names[0].kind, LAB_CHANGE_CREATE);
    assert_string_equal(stage->history.names[0].name, "log");
}

static void every_name_is_written_down(void **state)
{
    static const struct {
        enum lab_change_kind kind;
        const char *name, *to;
    } expected[] = {
        {LAB_CHANGE_CREATE, "a", NULL}, {LAB_CHANGE_CREATE, "b", NULL},
        {LAB_CHANGE_MKDIR, "d", NULL},  {LAB_CHANGE_RENAME, "a", "c"},
        {LAB_CHANGE_RENAME, "b", "c"},  {LAB_CHANGE_LINK, NULL, "e"},
        {LAB_CHANGE_UNLINK, "c", NULL}, {LAB_CHANGE_UNLINK, "e", NULL},
    };
    const size_t count = sizeof expected / sizeof expected[0];
    const struct stage *stage = *state;
    const struct lab_name_change *names_found = NULL;

    play(*state, "names");
    names_found = stage->history.names;
    assert_int_equal(stage->history.name_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(names_found[i].kind, expected[i].kind);
        assert_true(!expected[i].name || strcmp(names_found[i].name, expected[i].name) == 0);
        assert_true(!expected[i].to || strcmp(names_found[i].to, expected[i].to) == 0);
    }
    uint64_t a = names_found[0].file, b = names_found[1].file, d = names_found[2].file;
    assert_true(names_found[3].file == a && names_found[3].to_folder == d);
    assert_true(names_found[3].kept == 0 && names_found[4].kept == a);
    assert_true(names_found[5].file == b && names_found[7].file == b);
    assert_int_equal(names_found[0].folder, inode(stage, "."));
    assert_int_equal(names_found[6].folder, d);
}

static void a_map_is_written_down_with_what_was_there(void **state)
{
    play(*state, "maps");
    const struct lab_file_history *file = file_of(*state, "m");
    assert_int_equal(file->mapped_size, 8192);
    assert_int_equal(file->mapped[0], 0);
    play(*state, "maps_synced");
    assert_null(file_of(*state, "m")->mapped);
}

static void a_program_may_close_what_it_does_not_know(void **state)
{
    const struct stage *stage = *state;

    play(*state, "closes_everything");
    assert_int_equal(stage->history.name_count, 8);
    assert_int_equal(file_of(stage, "f7")->changes.count, 1);
    for (int i = 0; i < 8; i++) { /* and nothing of the journal went into them */
        char path[64];
        snprintf(path, sizeof path, "dir/f%d", i);
        assert_int_equal(file_size(scratch_at(&stage->scratch, path)), 2);
    }
}

static void threads_and_processes_share_a_journal(void **state)
{
    static const char *const all[] = {"t0", "t1", "t2", "t3"};
    const struct stage *stage = *state;

    play(*state, "threads_and_children");
    assert_int_equal(stage->history.name_count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct lab_content_list *changes = &file_of(stage, all[i])->changes;
        assert_int_equal(changes->count, 500);
        for (size_t k = 0; k < 500; k++)
            assert_int_equal(changes->at[k].offset, 2 * k);
    }
}

static void nothing_else_is_touched(void **state)
{
    const struct stage *stage = *state;

    play(*state, "outside");
    assert_int_equal(stage->history.name_count + stage->history.file_count, 0);
}

/* --- faults --- */

static void with_order(struct stage *stage, struct lab_order order, const char *name)
{
    assert_int_equal(lab_disk_act(stage->disk, &order), 0);
    await_success(start(stage, name));
    uint64_t hits = lab_disk_hits(stage->disk);
    assert_true(hits > 0);
    lab_disk_heal(stage->disk, order.verb);
    play(stage, "outside");
    assert_int_equal(lab_disk_hits(stage->disk), hits);
}

static void writes_fail_as_told(void **state)
{
    with_order(*state, (struct lab_order){.verb = LAB_fail_writes, .error = ENOSPC},
               "failing_writes");
    assert_int_equal(file_size(scratch_at(&((struct stage *)*state)->scratch, "dir/f")), 0);
    play(*state, "writes");
}

static void syncs_fail_as_told(void **state)
{
    with_order(*state, (struct lab_order){.verb = LAB_fail_syncs, .error = EIO}, "failing_syncs");
    assert_true(file_of(*state, "f")->changes.at[0].failed);
}

static void opens_and_renames_fail_as_told(void **state)
{
    with_order(*state, (struct lab_order){.verb = LAB_fail_opens, .error = EMFILE},
               "failing_opens");
}

static void writes_are_short_as_told(void **state)
{
    with_order(*state, (struct lab_order){.verb = LAB_short_writes}, "short_writes");
}

static void syncs_are_slow_as_told(void **state)
{
    with_order(*state,
               (struct lab_order){.verb = LAB_slow_syncs, .span = {50000, 60000}}, "slow_syncs");
}

/* The child goes no further than its first sync; it is looked at often, so that one which does is
 * seen. */
static void a_sync_hangs_until_it_is_released(void **state)
{
    const struct stage *stage = *state;
    int status;

    assert_int_equal(lab_disk_act(stage->disk, &(struct lab_order){.verb = LAB_hang_syncs}), 0);
    pid_t pid = start(stage, "synced");
    for (int looks = 0; looks < 200; looks += lab_disk_hits(stage->disk) > 0) {
        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        assert_true(lab_disk_hits(stage->disk) <= 1);
        usleep(1000);
    }
    lab_disk_heal(stage->disk, LAB_hang_syncs);
    await_success(pid);
}

static void the_wall_clock_jumps_as_told(void **state)
{
    with_order(*state,
               (struct lab_order){.verb = LAB_clock,
                                  .shift_us = INT64_C(365) * 24 * 3600 * 1000000},
               "a_year_ahead");
}

static void an_order_takes_effect_at_once(void **state)
{
    const struct stage *stage = *state;
    pid_t pid = start(stage, "until_it_fails");

    while (!file_exists(scratch_at(&stage->scratch, "dir/f")))
        usleep(1000);
    assert_int_equal(lab_disk_act(stage->disk, &(struct lab_order){.verb = LAB_fail_writes,
                                                                   .error = EDQUOT}), 0);
    await_success(pid);
}

int main(int count, char **arguments)
{
    char why[300];

    if (count == 4 && strcmp(arguments[1], "--child") == 0)
        return shim_part(arguments[2], arguments[3]);
    if (lab_disk_lacks(false, true, why, sizeof why)) {
        printf("skipped: %s\n", why);
        return 77;
    }
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(every_write_is_written_down),
        TEST(what_was_synced_is_not_pending),
        TEST(syncs_that_lie_make_nothing_durable),
        TEST(stdio_is_found_by_the_size),
        TEST(every_name_is_written_down),
        TEST(a_map_is_written_down_with_what_was_there),
        TEST(a_program_may_close_what_it_does_not_know),
        TEST(threads_and_processes_share_a_journal),
        TEST(nothing_else_is_touched),
        TEST(writes_fail_as_told),
        TEST(syncs_fail_as_told),
        TEST(opens_and_renames_fail_as_told),
        TEST(writes_are_short_as_told),
        TEST(syncs_are_slow_as_told),
        TEST(a_sync_hangs_until_it_is_released),
        TEST(the_wall_clock_jumps_as_told),
        TEST(an_order_takes_effect_at_once),
    };

    return cmocka_run_group_tests_name("shim", tests, NULL, NULL);
}
