/* SPDX-License-Identifier: MPL-2.0 */

/* A process's directory: made, filled, copied, emptied, cut off from power, and gone without a
 * trace. The processes here are this one, by files that it makes; those below the shim are in
 * test_shim. */

#include "disk.h"
#include "tree.h"

#include "../store/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static char why[300];

static const char *at(void **state, const char *name)
{
    return scratch_at(*state, name);
}

static struct lab_disk *make(void **state, uint64_t size, bool shim)
{
    struct lab_disk *disk = lab_disk_new(at(state, "dir"), size, shim, why, sizeof why);

    if (!disk)
        fail_msg("%s", why);
    return disk;
}

static void put(void **state, const char *name, const char *text)
{
    file_write(at(state, name), text, strlen(text));
}

static void holds(void **state, const char *name, const char *text)
{
    size_t size;
    char *found = file_read(at(state, name), &size);

    assert_int_equal(size, strlen(text));
    assert_memory_equal(found, text, size);
    free(found);
}

static void all_is_gone(void **state)
{
    struct lab_tree tree;

    assert_int_equal(lab_tree_read(&tree, ((struct scratch *)*state)->path), 0);
    if (tree.count > 0)
        fail_msg("left: %s", tree.entries[0].path);
    lab_tree_clear(&tree);
}

static void nothing_is_left_of_a_directory(void **state)
{
    for (unsigned shim = 0; shim < 2; shim++) {
        struct lab_disk *disk = make(state, 0, shim);
        put(state, "dir/file", "x");
        assert_int_equal(mkdir(at(state, "dir/sub"), 0700), 0);
        put(state, "dir/sub/file", "x");
        assert_int_equal(lab_disk_save(disk), 0);
        lab_disk_free(&disk, true);
        assert_null(disk);
        all_is_gone(state);
    }
}

static void a_directory_may_be_left(void **state)
{
    struct lab_disk *disk = make(state, 0, true);

    put(state, "dir/file", "x");
    lab_disk_free(&disk, false);
    holds(state, "dir/file", "x");
    assert_false(file_exists(at(state, "dir.disk")));
}

static void what_is_there_is_not_taken(void **state)
{
    assert_int_equal(mkdir(at(state, "dir"), 0700), 0);
    put(state, "dir/file", "x");
    assert_null(lab_disk_new(at(state, "dir"), 0, true, why, sizeof why));
    assert_non_null(strstr(why, "File exists"));
    holds(state, "dir/file", "x");
    assert_int_equal(rename(at(state, "dir"), at(state, "dir.disk")), 0);
    assert_null(lab_disk_new(at(state, "dir"), 0, true, why, sizeof why));
    holds(state, "dir.disk/file", "x");
    assert_null(lab_disk_new(at(state, "no/parent"), 0, false, why, sizeof why));
    assert_non_null(strstr(why, "No such file"));
}

static void what_a_disk_cannot_do_is_refused(void **state)
{
    struct lab_disk *disk = make(state, 0, false);
    uint64_t bytes, files;

    assert_int_equal(lab_disk_act(disk, &(struct lab_order){.verb = LAB_fill}), -1);
    assert_int_equal(errno, ENOTSUP);
    assert_int_equal(lab_disk_act(disk, &(struct lab_order){.verb = LAB_fail_writes}), -1);
    assert_int_equal(errno, ENOTSUP);
    assert_int_equal(lab_disk_power_cut(disk, 1, &bytes, &files), -1);
    assert_int_equal(errno, ENOTSUP);
    assert_int_equal(lab_disk_restore(disk), -1);
    assert_int_equal(errno, ENOENT);
    assert_null(lab_disk_environment(disk)[0]);
    lab_disk_free(&disk, true);
    disk = make(state, 0, true);
    assert_int_equal(lab_disk_act(disk, &(struct lab_order){.verb = LAB_kill}), -1);
    assert_int_equal(errno, EINVAL);
    lab_disk_free(&disk, true);
}

static void a_copy_comes_back(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct lab_disk *disk = make(state, 0, true);
    struct stat status;

    put(state, "dir/file", "old");
    assert_int_equal(mkdir(at(state, "dir/sub"), 0750), 0);
    put(state, "dir/sub/more", "old too");
    int sparse = open(at(state, "dir/sparse"), O_WRONLY | O_CREAT, 0640);
    assert_int_equal(pwrite(sparse, "end", 3, 64 << 20), 3);
    close(sparse);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", "socket");
    int home = open(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(chdir(at(state, "dir")), 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fchdir(home), 0);
    close(home);
    close(listener);

    assert_int_equal(lab_disk_save(disk), 0);
    put(state, "dir/file", "new");
    put(state, "dir/other", "new");
    assert_int_equal(unlink(at(state, "dir/sub/more")), 0);
    assert_int_equal(lab_disk_restore(disk), 0);
    holds(state, "dir/file", "old");
    holds(state, "dir/sub/more", "old too");
    assert_false(file_exists(at(state, "dir/other")));
    assert_int_equal(stat(at(state, "dir/sub"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0750);
    assert_int_equal(stat(at(state, "dir/sparse"), &status), 0);
    assert_int_equal(status.st_size, (64 << 20) + 3);
    assert_true(status.st_blocks < 1000);
    lab_disk_free(&disk, true);
    all_is_gone(state);
}

static void a_disk_is_lost(void **state)
{
    struct lab_disk *disk = make(state, 0, true);
    struct lab_tree tree;

    put(state, "dir/file", "x");
    assert_int_equal(mkdir(at(state, "dir/sub"), 0700), 0);
    put(state, "dir/sub/file", "x");
    assert_int_equal(lab_disk_empty(disk), 0);
    assert_int_equal(lab_tree_read(&tree, at(state, "dir")), 0);
    assert_int_equal(tree.count, 0);
    lab_tree_clear(&tree);
    lab_disk_free(&disk, true);
}

/* --- tmpfs --- */

#define SIZE (1 << 20)

static bool has_tmpfs(void)
{
    if (!lab_disk_lacks(true, false, why, sizeof why))
        return true;
    print_message("%s\n", why);
    return false;
}

static int try_write(void **state)
{
    static const char page[4096];
    int fd = open(at(state, "dir/some"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ssize_t written = write(fd, page, sizeof page);
    int error = errno;

    assert_true(fd >= 0);
    close(fd);
    return written < 0 ? error : 0;
}

static void a_full_disk_has_space_again(void **state)
{
    if (!has_tmpfs())
        skip();
    struct lab_disk *disk = make(state, SIZE, false);
    static char bytes[SIZE / 4];
    struct statvfs about;

    assert_int_equal(statvfs(at(state, "dir"), &about), 0);
    assert_int_equal(about.f_blocks * about.f_frsize, SIZE);
    file_write(at(state, "dir/large"), bytes, sizeof bytes);
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(try_write(state), 0);
        assert_int_equal(unlink(at(state, "dir/some")), 0);
        assert_int_equal(lab_disk_act(disk, &(struct lab_order){.verb = LAB_fill}), 0);
        assert_int_equal(try_write(state), ENOSPC);
        lab_disk_heal(disk, LAB_fill);
    }
    lab_disk_free(&disk, true);
    all_is_gone(state);
}

/* What the process frees does not help it. */
static void a_full_disk_stays_full(void **state)
{
    if (!has_tmpfs())
        skip();
    struct lab_disk *disk = make(state, SIZE, false);
    static char bytes[SIZE / 4];

    file_write(at(state, "dir/large"), bytes, sizeof bytes);
    assert_int_equal(lab_disk_act(disk, &(struct lab_order){.verb = LAB_fill}), 0);
    assert_int_equal(unlink(at(state, "dir/large")), 0);
    for (unsigned ms = 0; try_write(state) != ENOSPC; ms++) {
        assert_true(ms < 10000);
        usleep(1000);
    }
    lab_disk_free(&disk, true); /* full as it is */
    all_is_gone(state);
}

static void a_tmpfs_is_saved_restored_and_left(void **state)
{
    if (!has_tmpfs())
        skip();
    struct lab_disk *disk = make(state, SIZE, true);
    struct stat status;

    put(state, "dir/file", "old");
    assert_int_equal(lab_disk_save(disk), 0);
    put(state, "dir/file", "new");
    assert_int_equal(lab_disk_restore(disk), 0);
    holds(state, "dir/file", "old");
    lab_disk_free(&disk, false);
    assert_int_equal(lstat(at(state, "dir"), &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    holds(state, "dir/file", "old");
    assert_false(file_exists(at(state, "dir.disk")));
}

/* --- */

int main(void)
{
    if (lab_disk_lacks(false, true, why, sizeof why)) {
        printf("skipped: %s\n", why);
        return 77;
    }
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_left_of_a_directory),
        TEST(a_directory_may_be_left),
        TEST(what_is_there_is_not_taken),
        TEST(what_a_disk_cannot_do_is_refused),
        TEST(a_copy_comes_back),
        TEST(a_disk_is_lost),
        TEST(a_full_disk_has_space_again),
        TEST(a_full_disk_stays_full),
        TEST(a_tmpfs_is_saved_restored_and_left),
    };

    return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
