/* SPDX-License-Identifier: MPL-2.0 */

/* Length: one suite over one module: the refusals share what they refuse. */

/* Whose directory it is: each refusal has its code and a sentence that says what to do, and leaves
 * the directory as it was. `test_directory --open DIR` is the other process. */

#include "scratch.h"

#include "store/directory.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <leveldb/c.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static char why[512];

static enum gw_store_error try(const char *path)
{
    struct gw_store *store = NULL;

    why[0] = '\0';
    enum gw_store_error error = gw_leveldb_open(path, &store, why, sizeof why);
    assert_true((error == GW_STORE_OK) == (store != NULL));
    assert_true((error == GW_STORE_OK) == (why[0] == '\0'));
    gw_store_close(&store);
    return error;
}

/* The sentence has to hold each of the words. */
#define ASSERT_REFUSED(path, code, word) do { \
    assert_int_equal(try(path), code); \
    if (!strstr(why, word)) \
        fail_msg("no \"%s\" in: %s", word, why); \
} while (0)

static struct gw_store *open_store(const char *path)
{
    struct gw_store *store = NULL;

    if (gw_leveldb_open(path, &store, why, sizeof why) != GW_STORE_OK)
        fail_msg("%s", why);
    return store;
}

static void make_store(const char *path)
{
    struct gw_store *store = open_store(path);

    gw_store_close(&store);
}

static void a_missing_directory_is_made(void **state)
{
    const char *path = scratch_at(*state, "new");
    struct stat status;

    make_store(path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(folder_entries(path), 4); /* the marker, generation, db/ and bodies/ */
    make_store(path);
    assert_int_equal(folder_entries(path), 4);
}

static void an_empty_directory_is_taken(void **state)
{
    const char *path = scratch_at(*state, "empty");

    assert_int_equal(mkdir(path, 0700), 0);
    make_store(path);
}

static void the_marker_is_text_that_tells_the_format(void **state)
{
    size_t size;

    make_store(scratch_at(*state, "store"));
    char *text = file_read(scratch_at(*state, "store/godwit"), &size);
    text[size] = '\0';
    assert_string_equal(text, "godwit store format 3\n");
    free(text);
}

static void foreign_content_is_refused_and_left_alone(void **state)
{
    const char *path = scratch_at(*state, "theirs");

    assert_int_equal(mkdir(path, 0700), 0);
    file_write(scratch_at(*state, "theirs/thesis.txt"), "words", 5);
    ASSERT_REFUSED(path, GW_STORE_FOREIGN, "thesis.txt");
    assert_non_null(strstr(why, "empty or new directory"));
    assert_int_equal(folder_entries(path), 1);
}

static void a_foreign_file_named_like_the_marker_is_refused(void **state)
{
    assert_int_equal(mkdir(scratch_at(*state, "theirs"), 0700), 0);
    file_write(scratch_at(*state, "theirs/godwit"), "a bird", 6);
    ASSERT_REFUSED(scratch_at(*state, "theirs"), GW_STORE_FOREIGN, "another directory");
    file_write(scratch_at(*state, "theirs/godwit"), "", 0);
    ASSERT_REFUSED(scratch_at(*state, "theirs"), GW_STORE_FOREIGN, "another directory");
    unlink(scratch_at(*state, "theirs/godwit"));
    assert_int_equal(mkdir(scratch_at(*state, "theirs/godwit"), 0700), 0);
    ASSERT_REFUSED(scratch_at(*state, "theirs"), GW_STORE_FOREIGN, "another directory");
    assert_int_equal(folder_entries(scratch_at(*state, "theirs")), 1);
}

static void a_file_is_no_directory(void **state)
{
    file_write(scratch_at(*state, "file"), "x", 1);
    ASSERT_REFUSED(scratch_at(*state, "file"), GW_STORE_FOREIGN, "is a file");
    ASSERT_REFUSED(scratch_at(*state, "file/below"), GW_STORE_IO, "Not a directory");
}

static void a_place_that_cannot_be_written_is_refused(void **state)
{
    ASSERT_REFUSED("/proc/godwit", GW_STORE_IO, "/proc/godwit cannot be used");
    ASSERT_REFUSED(scratch_at(*state, "no/parent"), GW_STORE_IO, "No such file");
    ASSERT_REFUSED("", GW_STORE_IO, "another directory");
}

static void a_path_too_long_is_refused(void **state)
{
    char path[PATH_MAX + 100];
    int home = open(".", O_RDONLY | O_DIRECTORY);

    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    ASSERT_REFUSED(path, GW_STORE_IO, "too long");

    /* One that exists, but leaves no room for the names in it. */
    assert_int_equal(chdir(((struct scratch *)*state)->path), 0);
    path[200] = '\0';
    size_t length = strlen(((struct scratch *)*state)->path);
    while (length + 201 < PATH_MAX - 40) {
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(chdir(path), 0);
        length += 201;
    }
    path[200] = 'a';
    path[PATH_MAX - 21 - length] = '\0';
    ASSERT_REFUSED(path, GW_STORE_IO, "too long");
    assert_int_equal(fchdir(home), 0);
    close(home);
}

static void a_marker_of_another_format_is_refused(void **state)
{
    make_store(scratch_at(*state, "store"));
    file_write(scratch_at(*state, "store/godwit"), "godwit store format 4\n", 22);
    ASSERT_REFUSED(scratch_at(*state, "store"), GW_STORE_VERSION, "a newer godwit (format 4");
    file_write(scratch_at(*state, "store/godwit"), "godwit store format 99999999999999999999\n",
               41);
    ASSERT_REFUSED(scratch_at(*state, "store"), GW_STORE_VERSION, "newer godwit");
    file_write(scratch_at(*state, "store/godwit"), "godwit store format 1\n", 22);
    ASSERT_REFUSED(scratch_at(*state, "store"), GW_STORE_VERSION, "an older godwit (format 1");
}

static void a_damaged_marker_is_refused(void **state)
{
    static const char *const texts[] = {"godwit store format \n", "godwit store format 1",
                                        "godwit store format 0\n", "godwit store format 1x\n",
                                        "godwit store format -1\n", "godwit store format 1\n2\n"};

    make_store(scratch_at(*state, "store"));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        file_write(scratch_at(*state, "store/godwit"), texts[i], strlen(texts[i]));
        ASSERT_REFUSED(scratch_at(*state, "store"), GW_STORE_CORRUPT, "restore it");
    }
}

/* LevelDB alone would start afresh and delete the tables (hazard DB05). */
static void a_missing_current_is_damage_not_a_new_store(void **state)
{
    make_store(scratch_at(*state, "store"));
    unsigned before = folder_entries(scratch_at(*state, "store/db"));

    assert_int_equal(unlink(scratch_at(*state, "store/db/CURRENT")), 0);
    ASSERT_REFUSED(scratch_at(*state, "store"), GW_STORE_CORRUPT, "db/CURRENT is missing");
    assert_int_equal(folder_entries(scratch_at(*state, "store/db")), before - 1);
}

static void a_store_without_its_marker_is_foreign(void **state)
{
    make_store(scratch_at(*state, "store"));
    assert_int_equal(unlink(scratch_at(*state, "store/godwit")), 0);
    ASSERT_REFUSED(scratch_at(*state, "store"), GW_STORE_FOREIGN, "no store of godwit's");
}

/* A crash while the store was made: whatever is there, nothing in it was ever promised. */
static void an_unfinished_making_is_finished(void **state)
{
    make_store(scratch_at(*state, "store"));
    assert_int_equal(rename(scratch_at(*state, "store/godwit"),
                            scratch_at(*state, "store/godwit.new")), 0);
    make_store(scratch_at(*state, "store"));
    assert_true(file_exists(scratch_at(*state, "store/godwit")));
    assert_false(file_exists(scratch_at(*state, "store/godwit.new")));

    assert_int_equal(mkdir(scratch_at(*state, "half"), 0700), 0);
    file_write(scratch_at(*state, "half/godwit.new"), "god", 3);
    assert_int_equal(mkdir(scratch_at(*state, "half/db"), 0700), 0);
    make_store(scratch_at(*state, "half"));
    make_store(scratch_at(*state, "half"));
}

/* Held before and after each try, by the same store: a refused open must not loosen its lock. */
static void the_same_process_is_refused_by_any_spelling(void **state)
{
    struct scratch *scratch = *state;
    struct gw_store *store = open_store(scratch_at(scratch, "store"));
    char relative[PATH_MAX];

    assert_int_equal(symlink("store", scratch_at(scratch, "link")), 0);
    snprintf(relative, sizeof relative, "%s/../%s/./store/", scratch->path,
             strrchr(scratch->path, '/') + 1);
    ASSERT_REFUSED(scratch_at(scratch, "store"), GW_STORE_BUSY, "this process already");
    ASSERT_REFUSED(relative, GW_STORE_BUSY, "this process already");
    ASSERT_REFUSED(scratch_at(scratch, "link"), GW_STORE_BUSY, "this process already");
    assert_non_null(strstr(why, "another directory"));
    gw_store_close(&store);
    make_store(scratch_at(scratch, "link"));
}

/* Starts this program again; it opens the directory, prints the code's name and waits for its
 * input to end. */
struct other {
    pid_t pid;
    int input;
    FILE *output;
    char answer[600];
};

static struct other launch_other(const char *path)
{
    struct other other = {0};
    int input[2], output[2];

    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    other.pid = fork();
    if (other.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(input[0], 0);
        dup2(output[1], 1);
        execl("/proc/self/exe", "test_directory", "--open", path, (char *)NULL);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    other.input = input[1];
    other.output = fdopen(output[0], "r");
    return other;
}

static void hear_other(struct other *other)
{
    assert_non_null(fgets(other->answer, sizeof other->answer, other->output));
    fclose(other->output);
}

static struct other start_other(const char *path)
{
    struct other other = launch_other(path);

    hear_other(&other);
    return other;
}

static void end_other(struct other *other)
{
    close(other->input);
    assert_int_equal(waitpid(other->pid, NULL, 0), other->pid);
}

static int be_other(const char *path)
{
    struct gw_store *store = NULL;
    char sentence[512] = "";
    enum gw_store_error error = gw_leveldb_open(path, &store, sentence, sizeof sentence);
    char byte;

    printf("%s %s\n", gw_store_error_name(error), sentence);
    fflush(stdout);
    while (read(0, &byte, 1) < 0 && errno == EINTR)
        ;
    gw_store_close(&store);
    return 0;
}

static void another_process_is_refused(void **state)
{
    const char *path = scratch_at(*state, "store");
    struct gw_store *store = open_store(path);
    struct other other = start_other(path);

    assert_non_null(strstr(other.answer, "BUSY"));
    assert_non_null(strstr(other.answer, "open in another process: close it, or give this peer"));
    end_other(&other);
    gw_store_close(&store);

    other = start_other(path);
    assert_string_equal(other.answer, "OK \n");
    ASSERT_REFUSED(path, GW_STORE_BUSY, "another process");
    kill(other.pid, SIGKILL); /* a lock dies with its process */
    end_other(&other);
    make_store(path);
}

/* Two wait for somebody who looks: when he is gone one of them gets in, whichever it is. */
static void those_who_look_keep_nobody_from_starting(void **state)
{
    const char *path = scratch_at(*state, "store");
    const struct timespec a_look = {.tv_nsec = 300000000};

    make_store(path);
    int looker = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(looker, LOCK_SH), 0);
    struct other one = launch_other(path), two = launch_other(path);
    nanosleep(&a_look, NULL);
    close(looker);
    hear_other(&one);
    hear_other(&two);
    assert_int_equal(!strcmp(one.answer, "OK \n") + !strcmp(two.answer, "OK \n"), 1);
    assert_true(strstr(one.answer, "BUSY") || strstr(two.answer, "BUSY"));
    end_other(&one);
    end_other(&two);
}

static void one_who_looks_for_too_long_is_told_of(void **state)
{
    const char *path = scratch_at(*state, "store");

    make_store(path);
    int looker = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(looker, LOCK_SH), 0);
    ASSERT_REFUSED(path, GW_STORE_BUSY, "another process");
    close(looker);
    make_store(path);
}

/* Fault D20: LevelDB's lock is a file that anyone may delete, ours is the directory. */
static void a_deleted_lock_file_lets_nobody_in(void **state)
{
    const char *path = scratch_at(*state, "store");
    struct gw_store *store = open_store(path);

    assert_int_equal(unlink(scratch_at(*state, "store/db/LOCK")), 0);
    struct other other = start_other(path);
    assert_non_null(strstr(other.answer, "BUSY"));
    end_other(&other);
    ASSERT_REFUSED(path, GW_STORE_BUSY, "this process already");
    gw_store_close(&store);
}

static void a_forked_child_is_refused_and_leaves_the_lock(void **state)
{
    const char *path = scratch_at(*state, "store");
    struct gw_store *store = open_store(path);
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct gw_store *second = NULL;
        _exit(gw_leveldb_open(path, &second, why, sizeof why) == GW_STORE_BUSY ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    struct other other = start_other(path);
    assert_non_null(strstr(other.answer, "BUSY"));
    end_other(&other);
    gw_store_close(&store);
}

static void a_child_that_lives_on_does_not_keep_the_lock(void **state)
{
    const char *path = scratch_at(*state, "store");
    struct gw_store *store = open_store(path);
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the test fail before it ends the child */
        pause();
        _exit(0);
    }
    gw_store_close(&store);
    struct other other = start_other(path);
    assert_string_equal(other.answer, "OK \n");
    end_other(&other);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static unsigned open_descriptors(unsigned *inheritable)
{
    DIR *stream = opendir("/proc/self/fd");
    struct dirent *entry;
    unsigned count = 0;

    *inheritable = 0;
    while ((entry = readdir(stream)) != NULL) {
        int flags = entry->d_name[0] == '.' ? -1 : fcntl(atoi(entry->d_name), F_GETFD);
        if (flags < 0)
            continue;
        count++;
        if (atoi(entry->d_name) > 2 && !(flags & FD_CLOEXEC))
            ++*inheritable;
    }
    closedir(stream);
    return count;
}

static void no_descriptor_is_inherited_or_leaked(void **state)
{
    unsigned inherited, inheritable;
    unsigned before = open_descriptors(&inherited);
    struct gw_store *store = open_store(scratch_at(*state, "store"));

    assert_true(open_descriptors(&inheritable) > before);
    assert_int_equal(inheritable, inherited); /* what the test was started with */
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(try(scratch_at(*state, "store")), GW_STORE_BUSY);
    gw_store_close(&store);
    file_write(scratch_at(*state, "file"), "x", 1);
    assert_int_equal(try(scratch_at(*state, "file")), GW_STORE_FOREIGN);
    unlink(scratch_at(*state, "store/db/CURRENT"));
    assert_int_equal(try(scratch_at(*state, "store")), GW_STORE_CORRUPT);
    assert_int_equal(open_descriptors(&inheritable), before);
}

static void network_file_systems_are_refused_local_ones_allowed(void **state)
{
    (void)state;
    assert_string_equal(gw_directory_refused(0x6969), "NFS");
    assert_string_equal(gw_directory_refused(0x65735546), "FUSE");
    assert_string_equal(gw_directory_refused((int32_t)0xff534d42), "CIFS"); /* f_type is signed */
    assert_string_equal(gw_directory_refused(0x517b), "SMB");
    assert_string_equal(gw_directory_refused(0xfe534d42), "SMB2");
    assert_null(gw_directory_refused(0xef53));     /* ext4 */
    assert_null(gw_directory_refused(0x58465342)); /* xfs */
    assert_null(gw_directory_refused(0x01021994)); /* tmpfs */
    assert_null(gw_directory_refused(0x794c7630)); /* overlay */
}

static void file_systems_that_forget_are_named(void **state)
{
    (void)state;
    assert_string_equal(gw_directory_forgetful(0x01021994), "tmpfs");
    assert_string_equal(gw_directory_forgetful((int32_t)0x858458f6), "ramfs");
    assert_string_equal(gw_directory_forgetful(0x794c7630), "an overlay");
    assert_null(gw_directory_forgetful(0xef53)); /* ext4 */
}

static void a_store_is_told_by_its_marker(void **state)
{
    const char *path = scratch_at(*state, "store");

    assert_false(gw_leveldb_exists(path));
    struct gw_store *store = open_store(path);
    assert_true(gw_leveldb_exists(path));
    assert_string_equal(gw_leveldb_path(store), path);
    gw_store_close(&store);
    file_write(scratch_at(*state, "store/godwit"), "damaged", 7);
    assert_true(gw_leveldb_exists(path));
    assert_int_equal(unlink(scratch_at(*state, "store/godwit")), 0);
    assert_false(gw_leveldb_exists(path));
}

/* One process may have several stores: each is known, whichever is closed first. */
static void stores_are_told_apart(void **state)
{
    struct gw_store *one = open_store(scratch_at(*state, "one"));
    struct gw_store *two = open_store(scratch_at(*state, "two"));
    struct gw_store *three = open_store(scratch_at(*state, "three"));

    gw_store_close(&two);
    gw_store_close(&one);
    ASSERT_REFUSED(scratch_at(*state, "three"), GW_STORE_BUSY, "this process already");
    make_store(scratch_at(*state, "one"));
    make_store(scratch_at(*state, "two"));
    gw_store_close(&three);
    make_store(scratch_at(*state, "three"));
}

/* Something else than a file, or one with nonsense in it, where LevelDB or we look for a file. */
static void what_is_no_file_of_ours_is_refused(void **state)
{
    static const char *const deeds[] = {
        "rm CURRENT; mkdir CURRENT",
        "rm CURRENT; ln -s CURRENT CURRENT",
        "rm MANIFEST-*; ln -s nowhere $(cat CURRENT)",
        "rm MANIFEST-*; mkdir $(cat CURRENT)",
        "printf 'MANIFEST-000002/' >CURRENT",
        "printf 'MANIFEST-../002\\n' >CURRENT",
        "printf 'MANIFEST-\\0000002\\n' >CURRENT",
        "printf 'MANIFEST-0000000000000000000000000000000000002\\n' >CURRENT",
        "printf 'SOMETHING-000002\\n' >CURRENT",
        "cd ..; rm -r db; touch db",
        "cd ..; rm generation; ln -s generation generation",
        "cd ..; printf '\\0' >>generation",
        "cd ..; rm bodies -r; touch bodies",
        "cd ..; rm bodies -r; ln -s db bodies",
        "cd ..; rm godwit; ln -s godwit godwit",
    };
    const char *path = scratch_at(*state, "store");
    char command[4096];

    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        struct gw_store *store = NULL;
        make_store(path);
        snprintf(command, sizeof command, "cd '%s/db' && { %s; }", path, deeds[i]);
        assert_int_equal(system(command), 0);
        enum gw_store_error error = gw_leveldb_open(path, &store, why, sizeof why);
        if (error == GW_STORE_OK)
            error = gw_store_check_generation(store, NULL, why, sizeof why);
        if (error == GW_STORE_OK)
            fail_msg("opened after: %s", deeds[i]);
        assert_true(strlen(why) > 20);
        gw_store_close(&store);
        snprintf(command, sizeof command, "rm -r '%s'", path);
        assert_int_equal(system(command), 0);
    }
}

/* A tool that opens db/ with LevelDB itself knows nothing of our lock. */
static void a_database_that_leveldb_has_locked_is_busy(void **state)
{
    const char *path = scratch_at(*state, "store");
    char *error = NULL;

    make_store(path);
    leveldb_options_t *options = leveldb_options_create();
    leveldb_t *db = leveldb_open(options, scratch_at(*state, "store/db"), &error);
    assert_non_null(db);
    ASSERT_REFUSED(path, GW_STORE_BUSY, "is open in another process: close it");
    leveldb_close(db);
    leveldb_options_destroy(options);
    make_store(path);
}

static bool count_row(void *context, struct gw_slice key, struct gw_slice value)
{
    (void)key;
    (void)value;
    ++*(unsigned *)context;
    return true;
}

static void few_descriptors_are_enough(void **state)
{
    const char *path = scratch_at(*state, "store");
    struct rlimit before, limit;
    struct gw_slice all = {0};
    unsigned count = 0;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = (struct rlimit){.rlim_cur = 100, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (uint8_t i = 0; i < 120; i++) { /* each open makes a table of what the last one wrote */
        struct gw_store *store = open_store(path);
        struct gw_write write = {0};
        gw_write_put(&write, (struct gw_slice){&i, 1}, (struct gw_slice){&i, 1});
        assert_int_equal(gw_store_write(store, &write, false), GW_STORE_OK);
        gw_write_clear(&write);
        gw_store_close(&store);
    }
    struct gw_store *store = open_store(path);
    assert_int_equal(gw_store_scan(store, all, all, count_row, &count), GW_STORE_OK);
    assert_int_equal(count, 120);
    gw_store_close(&store);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* A disk with `pages` pages, in a mount namespace of a child; every size at which making a store
 * fails, and then what is there after space returns. Exit 0: good; 77: not allowed to mount. */
static int fill_disks(const char *mount_point)
{
    unsigned full = 0;

    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return 77;
    for (unsigned pages = 1; pages < 64; pages++) {
        struct gw_store *store = NULL;
        char options[64], path[PATH_MAX], sentence[512];

        snprintf(options, sizeof options, "size=%u", pages * 4096);
        if (mount("tmpfs", mount_point, "tmpfs", 0, options) != 0)
            return 77;
        snprintf(path, sizeof path, "%s/store", mount_point);
        enum gw_store_error error = gw_leveldb_open(path, &store, sentence, sizeof sentence);
        gw_store_close(&store);
        if (error != GW_STORE_OK) {
            full++;
            if (error != GW_STORE_IO || !strstr(sentence, "the disk is full: free some space"))
                return 1;
        }
        if (mount("tmpfs", mount_point, "tmpfs", MS_REMOUNT, "size=4m") != 0)
            return 2;
        if (gw_leveldb_open(path, &store, sentence, sizeof sentence) != GW_STORE_OK)
            return 3;
        gw_store_close(&store);
        umount(mount_point);
    }
    return full > 0 ? 0 : 4;
}

static void a_full_disk_at_start_is_said_and_does_no_harm(void **state)
{
    const char *path = scratch_at(*state, "disk");
    int status;

    assert_int_equal(mkdir(path, 0700), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(fill_disks(path));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("a tmpfs cannot be mounted here: not tested\n");
        skip();
    }
    assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--open") == 0)
        return be_other(argv[2]);

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_missing_directory_is_made),
        TEST(an_empty_directory_is_taken),
        TEST(the_marker_is_text_that_tells_the_format),
        TEST(foreign_content_is_refused_and_left_alone),
        TEST(a_foreign_file_named_like_the_marker_is_refused),
        TEST(a_file_is_no_directory),
        TEST(a_place_that_cannot_be_written_is_refused),
        TEST(a_path_too_long_is_refused),
        TEST(a_marker_of_another_format_is_refused),
        TEST(a_damaged_marker_is_refused),
        TEST(a_missing_current_is_damage_not_a_new_store),
        TEST(a_store_without_its_marker_is_foreign),
        TEST(an_unfinished_making_is_finished),
        TEST(the_same_process_is_refused_by_any_spelling),
        TEST(another_process_is_refused),
        TEST(those_who_look_keep_nobody_from_starting),
        TEST(one_who_looks_for_too_long_is_told_of),
        TEST(a_deleted_lock_file_lets_nobody_in),
        TEST(a_forked_child_is_refused_and_leaves_the_lock),
        TEST(a_child_that_lives_on_does_not_keep_the_lock),
        TEST(no_descriptor_is_inherited_or_leaked),
        TEST(network_file_systems_are_refused_local_ones_allowed),
        TEST(file_systems_that_forget_are_named),
        TEST(a_store_is_told_by_its_marker),
        TEST(stores_are_told_apart),
        TEST(what_is_no_file_of_ours_is_refused),
        TEST(a_database_that_leveldb_has_locked_is_busy),
        TEST(few_descriptors_are_enough),
        TEST(a_full_disk_at_start_is_said_and_does_no_harm),
    };

    return cmocka_run_group_tests_name("directory", tests, NULL, NULL);
}
