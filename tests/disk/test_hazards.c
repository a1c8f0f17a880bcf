/* SPDX-License-Identifier: MPL-2.0 */

/* LevelDB's hazards DB01 to DB05, each shown twice: what becomes of a program that uses LevelDB as
 * it comes, and that the store does not share its fate. A hazard that no longer shows says that the
 * habit against it may go. */

#include "disk_faults.h"

#include "../store/scratch.h"

#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <leveldb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define VALUE 600
#define PUTS 60 /* they fill a block of 32 KiB */

static struct scratch scratch;
static char directory[1100], files[1200]; /* of the store under test, and LevelDB's in it */
static char why[512];

/* --- LevelDB as it comes --- */

struct raw {
    leveldb_options_t *options;
    leveldb_t *db;
};

/* False: it does not open. */
static bool raw_open(struct raw *raw, bool create, bool paranoid)
{
    char *error = NULL;

    raw->options = leveldb_options_create();
    leveldb_options_set_create_if_missing(raw->options, create);
    leveldb_options_set_paranoid_checks(raw->options, paranoid);
    raw->db = leveldb_open(raw->options, files, &error);
    if (error)
        leveldb_options_destroy(raw->options);
    leveldb_free(error);
    return raw->db != NULL;
}

static void raw_close(struct raw *raw)
{
    leveldb_close(raw->db);
    leveldb_options_destroy(raw->options);
}

static bool raw_put(struct raw *raw, unsigned number, size_t size, bool sync)
{
    leveldb_writeoptions_t *options = leveldb_writeoptions_create();
    char *value = calloc(1, size), *error = NULL;

    leveldb_writeoptions_set_sync(options, sync);
    leveldb_put(raw->db, options, (const char *)&number, sizeof number, value, size, &error);
    bool good = error == NULL;
    leveldb_free(error);
    leveldb_writeoptions_destroy(options);
    free(value);
    return good;
}

static bool raw_has(struct raw *raw, unsigned number)
{
    leveldb_readoptions_t *options = leveldb_readoptions_create();
    char *error = NULL;
    size_t size;
    char *value = leveldb_get(raw->db, options, (const char *)&number, sizeof number, &size,
                              &error);

    leveldb_free(error);
    leveldb_readoptions_destroy(options);
    leveldb_free(value);
    return value != NULL;
}

/* --- the store --- */

static struct gw_store *store_open(void)
{
    struct gw_store *store = NULL;

    return gw_leveldb_open(directory, &store, why, sizeof why) == GW_STORE_OK ? store : NULL;
}

static bool store_put(struct gw_store *store, unsigned number, size_t size)
{
    struct gw_write write = {0};
    uint8_t *value = calloc(1, size);

    gw_write_put(&write, (struct gw_slice){(const uint8_t *)&number, sizeof number},
                 (struct gw_slice){value, size});
    bool good = gw_store_write(store, &write, true) == GW_STORE_OK;
    gw_write_clear(&write);
    free(value);
    return good;
}

static bool store_has(struct gw_store *store, unsigned number)
{
    struct gw_buffer value = {0};
    enum gw_store_error error = gw_store_get(
        store, (struct gw_slice){(const uint8_t *)&number, sizeof number}, &value);

    gw_buffer_clear(&value);
    return error == GW_STORE_OK;
}

/* --- scenes --- */

static void begin(void)
{
    scratch_make_quick(&scratch);
    snprintf(directory, sizeof directory, "%s/store", scratch.path);
    snprintf(files, sizeof files, "%s/db", directory);
}

static void begin_raw(void)
{
    begin();
    assert_int_equal(mkdir(directory, 0700), 0);
}

static void end(void)
{
    scratch_remove(&scratch);
}

static void fail_once(enum disk_call call, unsigned nth, int error, bool done)
{
    disk_fault_add(&(struct disk_fault){.below = files, .name = ".log", .call = call, .first = nth,
                                        .count = 1, .error = error, .done = done});
}

/* --- DB01: a failed append is followed by others --- */

/* Goes on after the failure, as a program would that only looks at each result. True: something is
 * lost that was acknowledged, or all of it. */
static bool raw_loses_after_a_failed_write(unsigned nth)
{
    bool stored[PUTS], lost = false;
    struct raw raw;

    begin_raw();
    assert_true(raw_open(&raw, true, true));
    fail_once(DISK_WRITE, nth, ENOSPC, false);
    for (unsigned i = 0; i < PUTS; i++)
        stored[i] = raw_put(&raw, i, VALUE, true);
    assert_int_equal(disk_fault_hits(), 1);
    disk_faults_clear();
    raw_close(&raw);
    if (!raw_open(&raw, false, true)) {
        lost = true;
    } else {
        for (unsigned i = 0; i < PUTS; i++)
            lost |= stored[i] && !raw_has(&raw, i);
        raw_close(&raw);
    }
    end();
    return lost;
}

static void ours_survives_a_failed_write(unsigned nth)
{
    struct gw_store *store;
    unsigned stored = 0, i;

    begin();
    store = store_open();
    assert_non_null(store);
    fail_once(DISK_WRITE, nth, ENOSPC, false);
    for (i = 0; i < PUTS && store_put(store, i, VALUE); i++)
        stored++;
    disk_faults_clear();
    if (i < PUTS)
        assert_false(store_put(store, i, VALUE)); /* the first failure is the last write */
    gw_store_close(&store);
    store = store_open();
    if (!store)
        fail_msg("%s", why);
    for (i = 0; i < stored; i++)
        assert_true(store_has(store, i));
    for (; i < PUTS; i++)
        assert_true(store_put(store, i, VALUE));
    gw_store_close(&store);
    store = store_open();
    assert_non_null(store);
    for (i = 0; i < PUTS; i++)
        assert_true(store_has(store, i));
    gw_store_close(&store);
    end();
}

static void db01_a_write_after_a_failed_one_may_be_lost(void **state)
{
    unsigned lost = 0;

    (void)state;
    for (unsigned nth = 1; nth <= PUTS; nth++) {
        lost += raw_loses_after_a_failed_write(nth);
        ours_survives_a_failed_write(nth);
    }
    print_message("LevelDB as it comes: lost or refused at %u of %u places; ours at 0\n", lost,
                  PUTS);
    assert_true(lost > 0);
}

/* --- DB02: a sync that failed says nothing about the write --- */

static void db02_a_write_whose_sync_failed_is_there_all_the_same(void **state)
{
    struct gw_store *store;
    struct raw raw;

    (void)state;
    begin_raw();
    assert_true(raw_open(&raw, true, true));
    assert_true(raw_put(&raw, 0, VALUE, true));
    fail_once(DISK_SYNC, 1, EIO, false);
    assert_false(raw_put(&raw, 1, VALUE, true));
    disk_faults_clear();
    assert_false(raw_has(&raw, 1));                /* not now, */
    assert_false(raw_put(&raw, 2, VALUE, true));   /* nothing more is taken, */
    raw_close(&raw);
    assert_true(raw_open(&raw, false, true));
    assert_true(raw_has(&raw, 1));                 /* and there it is */
    raw_close(&raw);
    end();

    begin();
    store = store_open();
    assert_non_null(store);
    assert_true(store_put(store, 0, VALUE));
    fail_once(DISK_SYNC, 1, EIO, false);
    assert_false(store_put(store, 1, VALUE));
    disk_faults_clear();
    assert_false(store_put(store, 2, VALUE)); /* unknown: whoever wants to know opens again */
    gw_store_close(&store);
    store = store_open();
    assert_non_null(store);
    assert_true(store_has(store, 0) && store_has(store, 1) && !store_has(store, 2));
    gw_store_close(&store);
    end();
}

/* --- DB03: a synced write is no barrier for an unsynced one in an older log --- */

static unsigned logs(char names[4][300])
{
    DIR *stream = opendir(files);
    struct dirent *entry;
    unsigned count = 0;

    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL && count < 4)
        if (strstr(entry->d_name, ".log"))
            snprintf(names[count++], 300, "%s", entry->d_name);
    closedir(stream);
    if (count == 2 && strcmp(names[0], names[1]) > 0) {
        char kept[300];
        memcpy(kept, names[0], 300);
        memcpy(names[0], names[1], 300);
        memcpy(names[1], kept, 300);
    }
    return count;
}

/* Copies the database as a power cut leaves it that finds the older log unsynced. */
static void copy_without_the_older_log(void)
{
    char names[4][300], command[4096];

    assert_int_equal(logs(names), 2);
    snprintf(command, sizeof command, "cp -r '%s' '%s/cut' && : >'%s/cut/%s'", files, scratch.path,
             scratch.path, names[0]);
    assert_int_equal(system(command), 0);
}

static void db03_a_synced_write_is_no_barrier(void **state)
{
    struct raw raw;

    (void)state;
    begin_raw();
    assert_true(raw_open(&raw, true, true));
    disk_fault_add(&(struct disk_fault){.below = files, .name = ".ldb", .call = DISK_SYNC,
                                        .hang = true});
    assert_true(raw_put(&raw, 0, VALUE, false));
    for (unsigned i = 1; i <= 5; i++)
        assert_true(raw_put(&raw, i, 1 << 20, false)); /* more than the log takes */
    assert_true(raw_put(&raw, 9, VALUE, true));
    copy_without_the_older_log();
    disk_faults_clear();
    raw_close(&raw);
    snprintf(files, sizeof files, "%s/cut", scratch.path);
    assert_true(raw_open(&raw, false, true));
    assert_true(raw_has(&raw, 9));
    assert_false(raw_has(&raw, 0)); /* the earlier one is gone, and nobody says so */
    raw_close(&raw);
    end();

    /* Ours: what depends on each other is one write, and a durable one is synced itself. */
    begin();
    struct gw_store *store = store_open();
    assert_non_null(store);
    struct disk_fault none = {.below = files, .name = ".log", .call = DISK_SYNC, .delay_ms = 0};
    disk_fault_add(&none); /* counts */
    for (unsigned i = 0; i < 10; i++) {
        unsigned before = disk_fault_hits();
        assert_true(store_put(store, i, 1 << 20));
        assert_true(disk_fault_hits() > before);
    }
    disk_faults_clear();
    gw_store_close(&store);
    end();
}

/* --- DB04: damage in the log is skipped --- */

static void flip_in_the_middle(void)
{
    char path[2048];
    const char *log = file_ending(files, ".log");

    snprintf(path, sizeof path, "%s", log);
    file_flip(path, file_size(path) / 2, 1);
}

static void db04_a_damaged_log_opens_with_a_hole(void **state)
{
    unsigned there = 0;
    struct raw raw;

    (void)state;
    begin_raw();
    assert_true(raw_open(&raw, true, false));
    for (unsigned i = 0; i < 2 * PUTS; i++) /* into a second block */
        assert_true(raw_put(&raw, i, VALUE, true));
    raw_close(&raw);
    flip_in_the_middle();
    assert_true(raw_open(&raw, false, false));
    for (unsigned i = 0; i < 2 * PUTS; i++)
        there += raw_has(&raw, i);
    assert_true(there > 0 && there < 2 * PUTS);
    raw_close(&raw);
    end();

    begin();
    struct gw_store *store = store_open();
    for (unsigned i = 0; i < 2 * PUTS; i++)
        assert_true(store_put(store, i, VALUE));
    gw_store_close(&store);
    flip_in_the_middle();
    assert_null(store_open());
    assert_non_null(strstr(why, "is damaged"));
    end();
}

/* --- DB05: what is missing is not missed --- */

static void remove_one(const char *end_of_name)
{
    char path[2048];

    snprintf(path, sizeof path, "%s", file_ending(files, end_of_name));
    assert_int_equal(unlink(path), 0);
}

static void db05_a_missing_log_or_current_is_not_noticed(void **state)
{
    static const char *const missing[] = {".log", "CURRENT"};
    struct raw raw;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        begin_raw();
        assert_true(raw_open(&raw, true, true));
        assert_true(raw_put(&raw, 0, VALUE, true));
        raw_close(&raw);
        if (i == 1) { /* in a table: those are deleted then */
            assert_true(raw_open(&raw, false, true));
            raw_close(&raw);
        }
        remove_one(missing[i]);
        assert_true(raw_open(&raw, true, true));
        assert_false(raw_has(&raw, 0));
        raw_close(&raw);
        end();

        begin();
        struct gw_store *store = store_open();
        assert_true(store_put(store, 0, VALUE));
        gw_store_close(&store);
        remove_one(missing[i]);
        assert_null(store_open());
        assert_non_null(strstr(why, "is missing"));
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(db01_a_write_after_a_failed_one_may_be_lost),
        cmocka_unit_test(db02_a_write_whose_sync_failed_is_there_all_the_same),
        cmocka_unit_test(db03_a_synced_write_is_no_barrier),
        cmocka_unit_test(db04_a_damaged_log_opens_with_a_hole),
        cmocka_unit_test(db05_a_missing_log_or_current_is_not_noticed),
    };

    return cmocka_run_group_tests_name("hazards", tests, NULL, NULL);
}
