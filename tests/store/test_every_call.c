/* SPDX-License-Identifier: MPL-2.0 */

/* Length: one life of a store, which all sweeps share, and its books. */

/* A store lives from its open to its close, is looked at, and one call of its life fails: the
 * first, the second, ... up to the last. What fails says so, and never says that the store is
 * damaged; then all is well again, and what was stored is there, whole (faults D06, M01, M02). */

#include "../disk/disk_faults.h"
#include "scratch.h"

#include "base/blob.h"
#include "store/row.h"
#include "store/store.h"
#include "support/failing_calls.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define LARGE ((size_t)100 << 10) /* goes apart */
#define WRITES 5                  /* of one life */
#define CALLS_MAX 2000            /* of one life; there are some hundreds */

static struct scratch place;
static char path[1100], temporary[1100];
static uint64_t stored, tried; /* versions: the newest that was said to be stored; that was begun */
static bool claimed;           /* the store has an owner: from then on it has a generation */
static uint64_t process;
static rlim_t longest_file; /* before the tests limit it */
static char why[512];

/* --- what is written ---
 *
 *     "s"    the version       "b1"   a large body of it     "b2"   there if it is odd, large
 *     "b3"   a small body of it                              "b9"   large, of the first one */

static uint8_t pool[LARGE + 256];

static struct gw_slice text(const char *bytes)
{
    return (struct gw_slice){(const uint8_t *)bytes, strlen(bytes)};
}

static struct gw_slice body_of(uint64_t version, size_t size)
{
    return (struct gw_slice){pool + version % 256, size};
}

static enum gw_store_error write_version(struct gw_store *store, uint64_t version)
{
    struct gw_write write = {0};

    gw_write_put(&write, text("s"), (struct gw_slice){(uint8_t *)&version, sizeof version});
    gw_write_put_outside(&write, text("b1"), text("1:"), body_of(version, LARGE));
    if (version % 2)
        gw_write_put_outside(&write, text("b2"), text("2:"), body_of(version + 1, LARGE));
    else
        gw_write_delete(&write, text("b2"));
    gw_write_put_outside(&write, text("b3"), text("3:"), body_of(version, 100));
    if (stored == 0)
        gw_write_put_outside(&write, text("b9"), text("9:"), body_of(9, LARGE));
    enum gw_store_error error = gw_store_write(store, &write, version % 3 != 0);
    gw_write_clear(&write);
    return error;
}

/* --- what is read --- */

struct seen {
    uint64_t version;
    unsigned bodies;
    bool right;
};

static bool is(struct gw_slice value, const char *prefix, struct gw_slice body)
{
    return value.size == 2 + body.size && memcmp(value.data, prefix, 2) == 0 &&
           memcmp(value.data + 2, body.data, body.size) == 0;
}

/* The bodies come before the version: so they tell it. */
static bool look(void *context, struct gw_slice key, struct gw_slice value)
{
    struct seen *seen = context;
    uint64_t v = seen->version;

    if (key.size == 1 && key.data[0] == 's' && value.size == sizeof seen->version) {
        memcpy(&seen->version, value.data, sizeof seen->version);
        seen->right &= v == 0 || v == seen->version % 256;
    } else if (key.size == 2 && key.data[1] == '1') {
        for (v = 0; v < 255 && !is(value, "1:", body_of(v, LARGE)); v++)
            ;
        seen->right &= is(value, "1:", body_of(v, LARGE));
        seen->version = v;
        seen->bodies++;
    } else if (key.size == 2 && key.data[1] == '9') {
        seen->right &= is(value, "9:", body_of(9, LARGE));
        seen->bodies++;
    } else if (key.size == 2) {
        bool second = key.data[1] == '2';
        seen->right &= second ? v % 2 && is(value, "2:", body_of(v + 1, LARGE))
                              : is(value, "3:", body_of(v, 100));
        seen->bodies++;
    }
    return true;
}

static enum gw_store_error read_all(struct gw_store *store, struct seen *seen)
{
    struct gw_buffer value = {0};
    enum gw_store_error error = gw_store_get(store, text("b1"), &value);

    *seen = (struct seen){.right = true};
    if (error == GW_STORE_OK && value.size != 2 + LARGE)
        seen->right = false;
    gw_buffer_clear(&value);
    if (error != GW_STORE_OK && error != GW_STORE_NOT_FOUND)
        return error;
    if (error == GW_STORE_NOT_FOUND && stored > 0)
        fail_msg("%s failed: a body is said never to have been there", calls_failed_last());
    return gw_store_scan(store, (struct gw_slice){0}, (struct gw_slice){0}, look, seen);
}

/* --- a life --- */

/* LevelDB's own view of what it could not read is not ours: with a fault below it, it may take
 * what it cannot read for damage. */
static bool below_leveldb;

static bool is_fine(enum gw_store_error error, const char *sentence)
{
    if (error == GW_STORE_OK)
        return true;
    if (!sentence[0])
        fail_msg("%s failed: %s, without a word", calls_failed_last(), gw_store_error_name(error));
    if (error != GW_STORE_NOMEM && error != GW_STORE_IO && error != GW_STORE_POISONED &&
        !(below_leveldb && error == GW_STORE_CORRUPT))
        fail_msg("%s failed: %s (%s)", calls_failed_last(), gw_store_error_name(error), sentence);
    return false;
}

static bool claim(struct gw_store *store)
{
    struct gw_row meta = {.kind = GW_ROW_META, .format = GW_STORE_FORMAT, .peer = "me"};
    struct gw_buffer key = {0}, value = {0};
    struct gw_write write = {0};

    gw_row_seek(&key, GW_ROW_META, 0, 0);
    enum gw_store_error error =
        gw_buffer_failed(&key) ? GW_STORE_NOMEM
                               : gw_store_get(store, (struct gw_slice){key.data, key.size}, &value);
    if (error == GW_STORE_OK)
        error = gw_row_read((struct gw_slice){key.data, key.size},
                            (struct gw_slice){value.data, value.size}, &meta);
    else if (error == GW_STORE_NOT_FOUND)
        error = GW_STORE_OK;
    if (error == GW_STORE_OK) {
        memset(meta.store, 7, sizeof meta.store);
        meta.number++;
        meta.process = ++process;
        gw_row_put(&write, &meta);
        error = gw_store_write(store, &write, true);
    }
    gw_write_clear(&write);
    gw_buffer_clear(&key);
    gw_buffer_clear(&value);
    return is_fine(error, error == GW_STORE_NOMEM ? "memory" : gw_store_why(store));
}

static void write_some(struct gw_store *store)
{
    for (unsigned i = 0; i < WRITES; i++) {
        enum gw_store_error error = write_version(store, ++tried);
        if (!is_fine(error, gw_store_why(store))) {
            assert_int_equal(write_version(store, tried), GW_STORE_POISONED);
            return;
        }
        stored = tried;
    }
}

static bool is_version_right(const struct seen *seen)
{
    if (!seen->right)
        return false;
    if (seen->version == 0)
        return stored == 0 && seen->bodies == 0;
    return seen->version >= stored && seen->version <= tried &&
           seen->bodies == 3 + seen->version % 2;
}

static void read_some(struct gw_store *store)
{
    struct seen seen;
    enum gw_store_error error = read_all(store, &seen);

    if (is_fine(error, error == GW_STORE_NOMEM ? "memory" : gw_store_why(store)) &&
        !is_version_right(&seen))
        fail_msg("%s failed: version %u with %u bodies was read, %u to %u was written",
                 calls_failed_last(), (unsigned)seen.version, seen.bodies, (unsigned)stored,
                 (unsigned)tried);
}

static void live(void)
{
    struct gw_store *store = NULL;

    why[0] = '\0';
    if (is_fine(gw_leveldb_open(path, &store, why, sizeof why), why) &&
        is_fine(gw_store_check_generation(store, NULL, why, sizeof why), why) && claim(store) &&
        is_fine(gw_store_note_generation(store, why, sizeof why), why)) {
        claimed = true;
        read_some(store);
        write_some(store);
        read_some(store);
    }
    gw_store_close(&store);
    assert_null(store);
    gw_leveldb_exists(path); /* false for want of memory: who asks will ask again */
    if (claimed && is_fine(gw_leveldb_inspect(path, &store, why, sizeof why), why))
        read_some(store);
    gw_store_close(&store);
}

/* --- what is in the way of a life --- */

enum trouble {
    NO_TROUBLE,
    WASTE, /* files of bodies of which next to nothing is live: writes move it */
    TORN,  /* a log whose last record a power cut tore: the open cuts it off */
    SMALL  /* files may not be long: each write begins one of bodies, and ends another */
};

static void each_file(const char *folder, void (*deed)(const char *file))
{
    char name[1500];

    snprintf(name, sizeof name, "%s/%s", path, folder);
    DIR *stream = opendir(name);
    struct dirent *entry;
    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL)
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s/%.255s", path, folder, entry->d_name);
            deed(name);
        }
    closedir(stream);
}

static void make_wasteful(const char *file)
{
    assert_int_equal(truncate(file, (off_t)600 << 20), 0); /* sparse */
}

/* The first sector of a record is there, the others are zeros. */
static void tear(const char *file)
{
    static const uint8_t header[] = {1, 2, 3, 4, 2000 & 255, 2000 >> 8, 1};
    size_t size = strlen(file);

    if (strcmp(file + size - 4, ".log") != 0)
        return;
    FILE *log = fopen(file, "ab");
    assert_non_null(log);
    fwrite(header, 1, sizeof header, log);
    fwrite(pool, 1, 20, log);
    assert_int_equal(ftruncate(fileno(log), (fflush(log), ftell(log)) + 1980), 0);
    fclose(log);
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void make_trouble(enum trouble trouble)
{
    if (trouble == WASTE)
        each_file("bodies", make_wasteful);
    if (trouble == SMALL)
        limit_files(3 * LARGE / 2);
    if (trouble == TORN)
        each_file("db", tear);
}

/* --- each call in turn --- */

static void empty_temporary(void)
{
    struct scratch scratch;

    snprintf(scratch.path, sizeof scratch.path, "%.1000s", temporary);
    scratch_remove(&scratch);
    assert_int_equal(mkdir(temporary, 0700), 0);
}

static void begin(void)
{
    static unsigned stores;

    snprintf(path, sizeof path, "%s/store-%u", place.path, ++stores);
    stored = tried = 0;
    claimed = false;
}

/* Without a fault: nothing may be missing, and nothing may be refused. */
static void live_well(void)
{
    uint64_t before = tried;

    below_leveldb = false;
    live();
    if (why[0])
        fail_msg("%s failed, and then: %s", calls_failed_last(), why);
    assert_int_equal(stored, before + WRITES);
}

/* How a life ends with the n-th call failing; `fresh`: each in a directory that is still to be
 * made. `harmless`: the call is made again, and nobody notices. */
struct sweep {
    struct failing_calls calls;
    struct disk_fault disk;
    bool fresh, harmless;
    enum trouble trouble; /* in each life */
    unsigned step;        /* every so many calls; 0: all of them */
};

static unsigned arm_and_live(struct sweep *sweep, unsigned nth)
{
    unsigned failed = 0;

    why[0] = '\0';
    if (sweep->disk.below) {
        below_leveldb = true;
        sweep->disk.first = nth;
        disk_fault_add(&sweep->disk);
        live();
        failed = disk_fault_hits();
        disk_faults_clear();
    } else {
        sweep->calls.first = nth;
        calls_fail(sweep->calls);
        live();
        failed = calls_mend();
    }
    return failed;
}

static void fail_each(const char *what, struct sweep sweep)
{
    unsigned nth = 1, failed = 1;

    begin();
    live_well();
    unsigned descriptors = folder_entries("/proc/self/fd");
    for (; failed > 0; nth += sweep.step ? sweep.step : 1) {
        assert_true(nth < CALLS_MAX);
        if (sweep.fresh)
            begin();
        make_trouble(sweep.trouble);
        sweep.disk.below = sweep.disk.error || sweep.disk.half ? path : NULL;
        uint64_t before = tried;
        failed = arm_and_live(&sweep, nth);
        if (sweep.harmless && (why[0] || stored != before + WRITES))
            fail_msg("%s was interrupted: %s", calls_failed_last(), why);
        assert_int_equal(folder_entries("/proc/self/fd"), descriptors);
        empty_temporary(); /* one that could not be looked into may be left */
        live_well();
        assert_int_equal(folder_entries(temporary), 0);
    }
    assert_true(nth > 3);
    print_message("%u calls: %s\n", nth - (sweep.step ? sweep.step : 1) - 1, what);
}

static const struct failing_calls no_memory = {.kinds = CALLS_MEMORY, .count = 1};
static const struct failing_calls no_descriptor = {
    .kinds = CALLS_DESCRIPTORS, .count = 1, .error = EMFILE};
static const struct failing_calls bad_disk = {
    .kinds = CALLS_DESCRIPTORS | CALLS_FILES | CALLS_BYTES, .count = 1, .error = EIO};
static const struct failing_calls full_disk = {
    .kinds = CALLS_DESCRIPTORS | CALLS_FILES | CALLS_BYTES, .count = 1, .error = ENOSPC};

static void every_allocation(void **state)
{
    (void)state;
    fail_each("no memory", (struct sweep){.calls = no_memory});
    fail_each("no memory, first life", (struct sweep){.calls = no_memory, .fresh = true});
}

static void every_descriptor(void **state)
{
    (void)state;
    fail_each("no descriptor", (struct sweep){.calls = no_descriptor});
    fail_each("no descriptor, first life", (struct sweep){.calls = no_descriptor, .fresh = true});
}

static void every_call_to_the_disk(void **state)
{
    (void)state;
    fail_each("bad disk", (struct sweep){.calls = bad_disk});
    fail_each("bad disk, first life", (struct sweep){.calls = bad_disk, .fresh = true});
    fail_each("full disk", (struct sweep){.calls = full_disk, .step = 5});
}

static void all_calls_from_the_nth_on(void **state)
{
    struct failing_calls calls = bad_disk;

    (void)state;
    calls.count = 0;
    fail_each("bad disk from there on", (struct sweep){.calls = calls, .step = 3});
    fail_each("bad disk from there on, first life",
              (struct sweep){.calls = calls, .fresh = true, .step = 3});
    calls = no_memory;
    calls.count = 0;
    fail_each("no memory from there on", (struct sweep){.calls = calls});
}

static void an_interrupted_call_is_made_again(void **state)
{
    struct failing_calls calls = {.kinds = CALLS_BYTES, .count = 1, .error = EINTR};

    (void)state;
    fail_each("interrupted", (struct sweep){.calls = calls, .harmless = true});
}

static void a_short_call_is_gone_on_with(void **state)
{
    struct failing_calls calls = {.kinds = CALLS_BYTES, .count = 1, .half = true};

    (void)state;
    fail_each("half of the bytes", (struct sweep){.calls = calls, .harmless = true});
}

static void every_call_of_leveldb_and_ours(void **state)
{
    static const struct {
        const char *what;
        enum disk_call call;
        int error;
    } faults[] = {
        {"writes, full disk", DISK_WRITE, ENOSPC}, {"writes, bad disk", DISK_WRITE, EIO},
        {"syncs", DISK_SYNC, EIO},                 {"opens for writing", DISK_OPEN, EACCES},
        {"renames", DISK_RENAME, EIO},             {"reads", DISK_READ, EIO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct disk_fault fault = {.call = faults[i].call, .error = faults[i].error, .count = 1};
        fail_each(faults[i].what, (struct sweep){.disk = fault});
    }
}

static void every_call_where_bodies_move(void **state)
{
    (void)state;
    fail_each("bad disk, bodies move", (struct sweep){.calls = bad_disk, .trouble = WASTE});
    fail_each("no memory, bodies move", (struct sweep){.calls = no_memory, .trouble = WASTE});
}

static void every_call_where_files_are_small(void **state)
{
    (void)state;
    fail_each("bad disk, small files", (struct sweep){.calls = bad_disk, .trouble = SMALL});
    fail_each("no descriptor, small files",
              (struct sweep){.calls = no_descriptor, .trouble = SMALL});
}

static void every_call_where_a_log_is_torn(void **state)
{
    (void)state;
    fail_each("bad disk, torn log", (struct sweep){.calls = bad_disk, .trouble = TORN});
    fail_each("no memory, torn log", (struct sweep){.calls = no_memory, .trouble = TORN});
}

/* The write after one that filled LevelDB's log goes into a new one, whose name is to be synced. */
static void every_call_where_a_log_is_new(void **state)
{
    static uint8_t filler[9 << 20];
    unsigned failed = 1;

    (void)state;
    begin();
    live_well();
    for (unsigned nth = 1; failed > 0; nth++) {
        struct gw_store *store = NULL;
        struct gw_write write = {0};
        struct failing_calls calls = bad_disk;
        assert_int_equal(gw_leveldb_open(path, &store, why, sizeof why), GW_STORE_OK);
        assert_true(claim(store));
        assert_int_equal(gw_store_note_generation(store, why, sizeof why), GW_STORE_OK);
        gw_write_put(&write, text("x"), (struct gw_slice){filler, sizeof filler});
        assert_int_equal(gw_store_write(store, &write, true), GW_STORE_OK);
        gw_write_clear(&write);
        calls.first = nth;
        calls_fail(calls);
        write_some(store);
        failed = calls_mend();
        gw_store_close(&store);
        live_well();
        assert_true(nth < CALLS_MAX);
    }
}

static void every_allocation_of_the_store_in_memory(void **state)
{
    unsigned failed = 1;

    (void)state;
    for (unsigned nth = 1; failed > 0; nth++) {
        struct failing_calls calls = no_memory;
        struct gw_store *store = NULL;
        struct seen seen;
        calls.first = nth;
        calls_fail(calls);
        stored = tried = 0;
        enum gw_store_error error = gw_memory_open(&store);
        if (error == GW_STORE_OK) {
            for (uint64_t v = 1; v <= 3 && error == GW_STORE_OK; v++) {
                tried = v;
                error = write_version(store, v);
                stored = error == GW_STORE_OK ? v : stored;
            }
            if (error == GW_STORE_OK)
                error = read_all(store, &seen);
        }
        failed = calls_mend();
        assert_int_equal(error, failed > 0 ? GW_STORE_NOMEM : GW_STORE_OK);
        if (store) { /* all of a write, or nothing */
            assert_int_equal(read_all(store, &seen), GW_STORE_OK);
            assert_true(seen.right);
            assert_int_equal(seen.version, stored);
        }
        gw_store_close(&store);
    }
}

/* Out of memory while a batch is read is no damage of its row. */
static void every_allocation_of_a_batch_that_is_read(void **state)
{
    static const uint32_t ends[] = {10, 30, 60}, heads[] = {2, 0, 30};
    struct gw_write write = {0};
    unsigned failed = 1;
    uint8_t *body;

    (void)state;
    struct gw_batch *batch = gw_batch_new(9, 1, 3);
    batch->bytes = 60;
    batch->ends = memcpy(malloc(sizeof ends), ends, sizeof ends);
    batch->heads = memcpy(malloc(sizeof heads), heads, sizeof heads);
    batch->body = gw_blob_new(60, &body);
    memcpy(body, pool, 60);
    gw_row_put_batch(&write, batch);
    gw_batch_drop(batch);
    assert_int_equal(write.count, 1);
    struct gw_buffer value = {0};
    const struct gw_write_op *op = &write.ops[0];
    struct gw_slice key = {write.bytes.data + op->key, op->key_size};
    gw_buffer_append(&value, write.bytes.data + op->value, op->value_size);
    gw_buffer_append(&value, pool, 60); /* what is outside */
    for (unsigned nth = 1; failed > 0; nth++) {
        struct failing_calls calls = no_memory;
        struct gw_batch *read = NULL;
        calls.first = nth;
        calls_fail(calls);
        enum gw_store_error error =
            gw_row_read_batch(key, (struct gw_slice){value.data, value.size}, true, &read);
        failed = calls_mend();
        assert_int_equal(error, failed > 0 ? GW_STORE_NOMEM : GW_STORE_OK);
        assert_true((read != NULL) == (error == GW_STORE_OK));
        if (read)
            gw_batch_drop(read);
        assert_true(failed == 0 || nth < 20);
    }
    gw_buffer_clear(&value);
    gw_write_clear(&write);
}

static int make(void **state)
{
    (void)state;
    struct rlimit limit;

    for (size_t i = 0; i < sizeof pool; i++)
        pool[i] = (uint8_t)(i * i >> 3);
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
        return -1;
    longest_file = limit.rlim_cur;
    scratch_make_quick(&place);
    snprintf(temporary, sizeof temporary, "%s/tmp", place.path);
    return mkdir(temporary, 0700) || setenv("TMPDIR", temporary, 1);
}

static int clean(void **state)
{
    (void)state;
    calls_mend();
    disk_faults_clear();
    limit_files(longest_file);
    scratch_remove(&place);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)
    const struct CMUnitTest tests[] = {
        TEST(every_allocation),
        TEST(every_descriptor),
        TEST(every_call_to_the_disk),
        TEST(all_calls_from_the_nth_on),
        TEST(an_interrupted_call_is_made_again),
        TEST(a_short_call_is_gone_on_with),
        TEST(every_call_of_leveldb_and_ours),
        TEST(every_call_where_bodies_move),
        TEST(every_call_where_files_are_small),
        TEST(every_call_where_a_log_is_torn),
        TEST(every_call_where_a_log_is_new),
        TEST(every_allocation_of_the_store_in_memory),
        TEST(every_allocation_of_a_batch_that_is_read),
    };

    return cmocka_run_group_tests_name("every_call", tests, NULL, NULL);
}
