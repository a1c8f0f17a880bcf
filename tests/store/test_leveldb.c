/* SPDX-License-Identifier: MPL-2.0 */

/* What only a disk can do: keep things over a reopen, refuse a write half way, be damaged, be
 * pulled away. Real faults on real files; rows have their own checksums on top (test_row). */

#include "scratch.h"

#include "store/leveldb.h"
#include "store/store.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static char why[512];

static struct gw_slice slice(const char *text)
{
    return (struct gw_slice){(const uint8_t *)text, strlen(text)};
}

static const char *store_path(void **state)
{
    return scratch_at(*state, "store");
}

static struct gw_store *open_store(void **state)
{
    struct gw_store *store = NULL;

    if (gw_leveldb_open(store_path(state), &store, why, sizeof why) != GW_STORE_OK)
        fail_msg("%s", why);
    return store;
}

static enum gw_store_error put_number(struct gw_store *store, uint64_t number, size_t size,
                                      bool sync)
{
    struct gw_write write = {0};
    struct gw_buffer key = {0};
    uint8_t *value = malloc(size);

    gw_buffer_u64(&key, number);
    memset(value, (int)('a' + number % 26), size);
    gw_write_put_outside(&write, (struct gw_slice){key.data, key.size}, slice("v"),
                         (struct gw_slice){value, size});
    enum gw_store_error error = gw_store_write(store, &write, sync);
    gw_write_clear(&write);
    gw_buffer_clear(&key);
    free(value);
    return error;
}

static bool is_value_of(uint64_t number, struct gw_slice value)
{
    bool good = value.size > 1 && value.data[0] == 'v';

    for (size_t i = 1; i < value.size; i++)
        good &= value.data[i] == 'a' + number % 26;
    return good;
}

struct numbers {
    uint64_t next;
    bool in_order;
};

static bool count_up(void *context, struct gw_slice key, struct gw_slice value)
{
    struct numbers *numbers = context;
    struct gw_reader reader = gw_reader_of(key.data, key.size);
    uint64_t number = gw_read_u64(&reader);

    numbers->in_order &= number == numbers->next && is_value_of(number, value);
    numbers->next = number + 1;
    return true;
}

/* How many numbers, from 0 on without a gap, are there and whole. */
static uint64_t count_numbers(struct gw_store *store)
{
    struct numbers numbers = {.in_order = true};

    assert_int_equal(gw_store_scan(store, slice(""), slice(""), count_up, &numbers), GW_STORE_OK);
    assert_true(numbers.in_order);
    return numbers.next;
}

static void what_was_written_survives_a_reopen(void **state)
{
    struct gw_store *store = open_store(state);

    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(put_number(store, i, 1000, i % 2 == 0), GW_STORE_OK);
    gw_store_close(&store);
    for (unsigned round = 0; round < 3; round++) {
        store = open_store(state);
        assert_int_equal(count_numbers(store), 100);
        gw_store_close(&store);
    }
}

static void tables_survive_a_reopen(void **state)
{
    struct gw_store *store = open_store(state);

    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(put_number(store, i, 256 << 10, false), GW_STORE_OK);
    gw_store_close(&store);
    assert_non_null(strstr(file_ending(scratch_at(*state, "store/db"), ".ldb"), ".ldb"));
    store = open_store(state);
    assert_int_equal(count_numbers(store), 200);
    gw_store_close(&store);
}

static void the_host_may_change_its_directory(void **state)
{
    int home = open(".", O_RDONLY | O_DIRECTORY);
    struct gw_store *store = NULL;

    assert_int_equal(chdir(((struct scratch *)*state)->path), 0);
    assert_int_equal(gw_leveldb_open("store", &store, why, sizeof why), GW_STORE_OK);
    assert_int_equal(fchdir(home), 0);
    close(home);
    for (uint64_t i = 0; i < 100; i++) /* enough for new files */
        assert_int_equal(put_number(store, i, 256 << 10, false), GW_STORE_OK);
    assert_int_equal(count_numbers(store), 100);
    gw_store_close(&store);
}

/* A disk that refuses a write half way, and takes the next one: the bug of hazard DB01 is that the
 * next one is acknowledged, and gone. The limit of a file's size plays the full disk. */
static int write_until_refused(const char *path, unsigned step)
{
    struct rlimit limit;
    struct gw_store *store = NULL;
    uint64_t acknowledged = 0;

    signal(SIGXFSZ, SIG_IGN);
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 ||
        gw_leveldb_open(path, &store, why, sizeof why) != GW_STORE_OK)
        return 1;
    limit.rlim_cur = 2000 + step;
    setrlimit(RLIMIT_FSIZE, &limit);
    while (put_number(store, acknowledged, 600, true) == GW_STORE_OK)
        acknowledged++;
    if (acknowledged == 0 || !strstr(gw_store_why(store), "the disk refused"))
        return 2;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    if (put_number(store, acknowledged, 600, true) != GW_STORE_POISONED)
        return 3;
    gw_store_close(&store);
    /* Whether the refused one is there is unknown; everything before it is. */
    if (gw_leveldb_open(path, &store, why, sizeof why) != GW_STORE_OK)
        return 4;
    uint64_t found = count_numbers(store);
    if (found != acknowledged && found != acknowledged + 1)
        return 5;
    if (put_number(store, found, 600, true) != GW_STORE_OK)
        return 6;
    gw_store_close(&store);
    if (gw_leveldb_open(path, &store, why, sizeof why) != GW_STORE_OK)
        return 7;
    if (count_numbers(store) != found + 1)
        return 8;
    gw_store_close(&store);
    return 0;
}

static void a_refused_write_is_the_last_until_reopened(void **state)
{
    for (unsigned step = 0; step < 640; step += 13) {
        char path[2048];
        int status;

        snprintf(path, sizeof path, "%s-%u", store_path(state), step);
        pid_t pid = fork();
        if (pid == 0)
            _exit(write_until_refused(path, step));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

static void a_directory_pulled_away_stops_writes(void **state)
{
    struct gw_store *store = open_store(state);

    assert_int_equal(put_number(store, 0, 10, true), GW_STORE_OK);
    assert_int_equal(rename(store_path(state), scratch_at(*state, "elsewhere")), 0);
    assert_int_equal(put_number(store, 1, 10, true), GW_STORE_IO);
    assert_non_null(strstr(gw_store_why(store), "was moved, removed or made unreachable"));
    assert_int_equal(rename(scratch_at(*state, "elsewhere"), store_path(state)), 0);
    assert_int_equal(put_number(store, 1, 10, true), GW_STORE_POISONED);
    gw_store_close(&store);
    store = open_store(state);
    assert_int_equal(count_numbers(store), 1);
    gw_store_close(&store);
}

/* Fault D19: LevelDB would go on in files that no name leads to. */
static void a_database_emptied_or_replaced_stops_writes(void **state)
{
    static const char *const deeds[] = {"rm -r db", "rm -r db/*",
                                        "cp -r db new && mv db old && mv new db"};

    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        char command[2048];
        struct gw_store *store = open_store(state);

        assert_int_equal(put_number(store, 0, 10, true), GW_STORE_OK);
        snprintf(command, sizeof command, "cd '%s' && %s", store_path(state), deeds[i]);
        assert_int_equal(system(command), 0);
        assert_int_equal(put_number(store, 1, 10, true), GW_STORE_IO);
        gw_store_close(&store);
        snprintf(command, sizeof command, "rm -r '%s'", store_path(state));
        assert_int_equal(system(command), 0);
    }
}

static void make_store(void **state, uint64_t count, size_t size)
{
    struct gw_store *store = open_store(state);

    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(put_number(store, i, size, false), GW_STORE_OK);
    gw_store_close(&store);
}

static void assert_refused(void **state, enum gw_store_error error, const char *word)
{
    struct gw_store *store = NULL;

    assert_int_equal(gw_leveldb_open(store_path(state), &store, why, sizeof why), error);
    assert_null(store);
    if (!strstr(why, word))
        fail_msg("no \"%s\" in: %s", word, why);
}

/* Fault D15. The log is refused as it is: nobody skips a record behind the user's back. */
static void a_flipped_bit_in_the_middle_of_the_log_is_refused(void **state)
{
    make_store(state, 100, 1000);
    const char *log = file_ending(scratch_at(*state, "store/db"), ".log");
    size_t size;
    void *sound = file_read(log, &size);

    for (size_t at = 20; at < size / 2; at += size / 37) {
        file_flip(log, at, 0x10);
        assert_refused(state, GW_STORE_CORRUPT, "is damaged: keep a copy");
        assert_refused(state, GW_STORE_CORRUPT, "Corruption: "); /* the first try changed nothing */
        log = file_ending(scratch_at(*state, "store/db"), ".log");
        file_write(log, sound, size);
    }
    free(sound);
    struct gw_store *store = open_store(state);
    assert_int_equal(count_numbers(store), 100);
    gw_store_close(&store);
}

/* Fault D14: what a crash leaves behind. Whole writes from the front are there, no other. */
static void a_log_cut_anywhere_opens_with_what_came_before(void **state)
{
    make_store(state, 20, 200);
    const char *log = file_ending(scratch_at(*state, "store/db"), ".log");
    size_t size;
    uint8_t *sound = file_read(log, &size);
    uint64_t before = 0;

    for (size_t cut = 0; cut <= size; cut += cut < size - 400 ? 97 : 1) {
        struct scratch copy;
        struct gw_store *store = NULL;
        char command[4096];

        scratch_make(&copy);
        snprintf(command, sizeof command, "cp -r '%s' '%s'", store_path(state), copy.path);
        assert_int_equal(system(command), 0);
        file_write(file_ending(scratch_at(&copy, "store/db"), ".log"), sound, cut);
        assert_int_equal(gw_leveldb_open(scratch_at(&copy, "store"), &store, why, sizeof why),
                         GW_STORE_OK);
        uint64_t found = count_numbers(store);
        assert_true(found >= before && found <= 20);
        before = found;
        gw_store_close(&store);
        scratch_remove(&copy);
    }
    assert_int_equal(before, 20);
    free(sound);
}

/* Fault D18. */
static void a_damaged_current_or_manifest_is_refused(void **state)
{
    make_store(state, 3, 100);
    make_store(state, 3, 100); /* the second open writes a table and a new manifest */
    const char *names[] = {"CURRENT", strrchr(file_ending(scratch_at(*state, "store/db"), ".ldb"),
                                              '/') + 1};
    size_t size;

    char path[2048];
    snprintf(path, sizeof path, "%s/%s", scratch_at(*state, "store/db"), names[0]);
    void *sound = file_read(path, &size);
    file_write(path, "", 0);
    assert_refused(state, GW_STORE_CORRUPT, "is damaged");
    file_write(path, "MANIFEST-999999\n", 16);
    assert_refused(state, GW_STORE_CORRUPT, "is damaged");
    file_write(path, sound, size);
    free(sound);

    snprintf(path, sizeof path, "%s/%s", scratch_at(*state, "store/db"), names[1]);
    assert_int_equal(unlink(path), 0); /* fault D17: a table that is gone */
    assert_refused(state, GW_STORE_CORRUPT, "missing files");
}

/* Scans, and gets each of the 40 numbers; true if damage was reported. */
static bool read_everything(struct gw_store *store)
{
    struct numbers numbers = {.in_order = true};
    enum gw_store_error error = gw_store_scan(store, slice(""), slice(""), count_up, &numbers);
    bool reported = error == GW_STORE_CORRUPT;

    assert_true(numbers.in_order);
    assert_true(reported || (error == GW_STORE_OK && numbers.next == 40));
    for (uint64_t i = 0; i < 40; i++) {
        struct gw_buffer value = {0}, key = {0};

        gw_buffer_u64(&key, i);
        error = gw_store_get(store, (struct gw_slice){key.data, key.size}, &value);
        assert_true(error == GW_STORE_OK || error == GW_STORE_CORRUPT);
        if (error == GW_STORE_OK)
            assert_true(is_value_of(i, (struct gw_slice){value.data, value.size}));
        else
            reported = true;
        gw_buffer_clear(&value);
        gw_buffer_clear(&key);
    }
    return reported;
}

/* Fault D17: whatever bit of a table is flipped, reads fail or are right: never a wrong value, and
 * never "not there". */
static void a_flipped_bit_in_a_table_is_an_error_never_a_wrong_value(void **state)
{
    make_store(state, 40, 100);
    make_store(state, 0, 0); /* the log becomes a table */
    const char *table = file_ending(scratch_at(*state, "store/db"), ".ldb");
    char path[2048];
    size_t size = file_size(table);
    unsigned errors = 0;

    snprintf(path, sizeof path, "%s", table);
    for (size_t at = 0; at < size; at += 41) {
        struct gw_store *store = NULL;

        file_flip(path, at, 0x04);
        if (gw_leveldb_open(store_path(state), &store, why, sizeof why) != GW_STORE_OK) {
            errors++;
        } else {
            errors += read_everything(store);
            gw_store_close(&store);
        }
        file_flip(path, at, 0x04);
    }
    assert_true(errors > size / 41 / 2);
}

/* Opens a store of which the first table is gone. Several write buffers are filled, so that it lies
 * below level 0: LevelDB does not look into it at the open. */
static struct gw_store *open_without_first_table(void **state)
{
    make_store(state, 30, 1 << 20);
    struct gw_store *store = open_store(state);

    assert_int_equal(unlink(file_ending(scratch_at(*state, "store/db"), ".ldb")), 0);
    return store;
}

/* leveldb_get answers "not found" for a table whose file has gone; we must not. */
static void a_table_deleted_while_open_is_an_error_not_an_absent_key(void **state)
{
    struct gw_store *store = open_without_first_table(state);
    struct gw_buffer value = {0}, key = {0};
    struct numbers numbers = {.in_order = true};

    gw_buffer_u64(&key, 5);
    assert_int_equal(gw_store_get(store, (struct gw_slice){key.data, key.size}, &value),
                     GW_STORE_CORRUPT);
    assert_int_equal(gw_store_scan(store, slice(""), slice(""), count_up, &numbers),
                     GW_STORE_CORRUPT);
    assert_int_equal(numbers.next, 0);
    gw_buffer_clear(&value);
    gw_buffer_clear(&key);
    gw_store_close(&store);
}

static void only_the_first_few_sentences_are_kept(void **state)
{
    struct gw_store *store = open_without_first_table(state);
    struct numbers numbers = {.in_order = true};

    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(gw_store_scan(store, slice(""), slice(""), count_up, &numbers),
                         GW_STORE_CORRUPT);
    assert_non_null(strstr(gw_store_why(store), "is damaged: keep a copy"));
    gw_store_close(&store);
}

static void error_texts_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum gw_store_error error;
    } cases[] = {
        {NULL, GW_STORE_OK},
        {"Corruption: block checksum mismatch", GW_STORE_CORRUPT},
        {"Corruption: 1 missing files; e.g.: a/000005.ldb", GW_STORE_CORRUPT},
        {"NotFound: a/000005.ldb: No such file or directory", GW_STORE_CORRUPT},
        {"Invalid argument: a: does not exist (create_if_missing is false)", GW_STORE_CORRUPT},
        {"IO error: lock a/LOCK: already held by process", GW_STORE_BUSY},
        {"IO error: lock a/LOCK: Resource temporarily unavailable", GW_STORE_BUSY},
        {"IO error: a/000003.log: No space left on device", GW_STORE_IO},
        {"IO error: lockers/000003.log: Input/output error", GW_STORE_IO},
        {"Not implemented: ", GW_STORE_IO},
        {"", GW_STORE_IO},
        {"words of a later LevelDB", GW_STORE_IO},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(gw_leveldb_classify(cases[i].text), cases[i].error);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_survives_a_reopen),
        TEST(tables_survive_a_reopen),
        TEST(the_host_may_change_its_directory),
        TEST(a_refused_write_is_the_last_until_reopened),
        TEST(a_directory_pulled_away_stops_writes),
        TEST(a_database_emptied_or_replaced_stops_writes),
        TEST(a_flipped_bit_in_the_middle_of_the_log_is_refused),
        TEST(a_log_cut_anywhere_opens_with_what_came_before),
        TEST(a_damaged_current_or_manifest_is_refused),
        TEST(a_flipped_bit_in_a_table_is_an_error_never_a_wrong_value),
        TEST(a_table_deleted_while_open_is_an_error_not_an_absent_key),
        TEST(only_the_first_few_sentences_are_kept),
        cmocka_unit_test(error_texts_are_told_apart),
    };

    return cmocka_run_group_tests_name("leveldb", tests, NULL, NULL);
}
