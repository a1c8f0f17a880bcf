/* SPDX-License-Identifier: MPL-2.0 */

/* Length: one suite over one module, whose tests share its keys, counts and files. */

/* Bodies apart (src/store/bodies.h): the same as any value for who gets and scans, whatever is put,
 * overwritten and deleted; no file stays that nothing leads to, none goes that somebody needs. */

#include "scratch.h"

#include "base/crc32c.h"
#include "base/random.h"
#include "store/apart.h"
#include "store/leveldb_inside.h"
#include "store/store.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
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

#define LARGE ((size_t)100 << 10) /* goes apart, alone in a synced write */
#define MIB ((size_t)1 << 20)
#define FILE_BODIES ((uint32_t)(GW_BODIES_FILE_SIZE / MIB)) /* of 1 MiB */

static char why[512];

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

static struct gw_bodies *bodies_of(struct gw_store *store)
{
    return gw_leveldb_of(store)->bodies;
}

/* --- keys and values --- */

struct key {
    uint8_t bytes[5];
};

/* `kind` 'b' is the one whose values may go apart. */
static struct gw_slice key_of(struct key *key, char kind, uint32_t number)
{
    key->bytes[0] = (uint8_t)kind;
    for (unsigned i = 0; i < 4; i++)
        key->bytes[1 + i] = (uint8_t)(number >> (24 - 8 * i));
    return (struct gw_slice){key->bytes, sizeof key->bytes};
}

static uint8_t pool[2 << 20]; /* bodies are pieces of it */

static void fill_pool(void)
{
    struct gw_random random;

    gw_random_seed(&random, 7);
    for (size_t i = 0; i < sizeof pool; i++)
        pool[i] = (uint8_t)gw_random_next(&random);
}

static void add_put(struct gw_write *write, uint32_t number, size_t at, size_t size)
{
    struct key key;
    char prefix[32];

    snprintf(prefix, sizeof prefix, "%zu %zu:", at, size);
    gw_write_put_outside(write, key_of(&key, 'b', number),
                         (struct gw_slice){(const uint8_t *)prefix, strlen(prefix)},
                         (struct gw_slice){pool + at, size});
}

static void add_delete(struct gw_write *write, uint32_t number)
{
    struct key key;

    gw_write_delete(write, key_of(&key, 'b', number));
}

static void commit(struct gw_store *store, struct gw_write *write, bool sync)
{
    assert_int_equal(gw_store_write(store, write, sync), GW_STORE_OK);
    gw_write_clear(write);
}

static void put(struct gw_store *store, uint32_t number, size_t size, bool sync)
{
    struct gw_write write = {0};

    add_put(&write, number, number % 100, size);
    commit(store, &write, sync);
}

static void delete(struct gw_store *store, uint32_t number, bool sync)
{
    struct gw_write write = {0};

    add_delete(&write, number);
    commit(store, &write, sync);
}

static enum gw_store_error get(struct gw_store *store, uint32_t number, struct gw_buffer *value)
{
    struct key key;

    gw_buffer_reset(value);
    return gw_store_get(store, key_of(&key, 'b', number), value);
}

static bool is_whole(struct gw_slice value)
{
    char prefix[32];
    size_t at, size;

    if (sscanf((const char *)value.data, "%zu %zu:", &at, &size) != 2)
        return false;
    size_t length = (size_t)snprintf(prefix, sizeof prefix, "%zu %zu:", at, size);
    return value.size == length + size && memcmp(value.data + length, pool + at, size) == 0;
}

static void assert_there(struct gw_store *store, uint32_t number)
{
    struct gw_buffer value = {0};

    assert_int_equal(get(store, number, &value), GW_STORE_OK);
    assert_true(is_whole((struct gw_slice){value.data, value.size}));
    gw_buffer_clear(&value);
}

/* --- the folder --- */

static unsigned count_files(void **state)
{
    DIR *stream = opendir(scratch_at(*state, "store/" GW_BODIES));
    struct dirent *entry;
    unsigned count = 0;

    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

static const char *file_at(void **state, unsigned number)
{
    char name[64];

    snprintf(name, sizeof name, "store/" GW_BODIES "/%08u", number);
    return scratch_at(*state, name);
}

/* What the table of files says must be what the rows of the store add up to. */
struct sum {
    uint64_t live, count, rows;
};

static bool add_batch(void *context, struct gw_slice key, struct gw_slice stored)
{
    struct sum *sum = context;
    enum gw_apart_form form;
    struct gw_body body;
    struct gw_slice rest;

    assert_true(gw_apart_read(key, stored, &form, &body, &rest));
    sum->live += form == GW_APART_REFERENCE ? body.size : 0;
    sum->count += form == GW_APART_REFERENCE;
    return true;
}

static bool add_row(void *context, struct gw_slice row, struct gw_slice stored)
{
    struct gw_body body;
    struct gw_slice key;

    assert_true(gw_apart_read_row(row, stored, &body, &key));
    ((struct sum *)context)->rows++;
    return true;
}

static void assert_counts_right(struct gw_store *store)
{
    struct gw_slice b = {(const uint8_t *)"b", 1}, c = {(const uint8_t *)"c", 1};
    struct sum sum = {0};

    assert_int_equal(gw_leveldb_walk(gw_leveldb_of(store), b, c, add_batch, &sum), GW_STORE_OK);
    assert_int_equal(gw_leveldb_walk(gw_leveldb_of(store), gw_apart_rows, (struct gw_slice){0},
                                     add_row, &sum), GW_STORE_OK);
    assert_int_equal(gw_bodies_live(bodies_of(store)), sum.live);
    assert_int_equal(gw_bodies_references(bodies_of(store)), sum.count);
    assert_int_equal(sum.rows, sum.count);
}

/* --- what the port promises --- */

static void large_bodies_lie_in_a_file_of_their_own(void **state)
{
    struct gw_store *store = open_store(state);

    put(store, 1, LARGE, true);
    put(store, 2, 100, true);
    put(store, 3, 20 << 10, true);  /* not worth a second sync ... */
    put(store, 4, 20 << 10, false); /* ... where there is one */
    assert_int_equal(count_files(state), 1);
    assert_int_equal(file_size(file_at(state, 1)), LARGE + (20 << 10));
    for (uint32_t i = 1; i <= 4; i++)
        assert_there(store, i);
    assert_counts_right(store);
    gw_store_close(&store);
    store = open_store(state);
    for (uint32_t i = 1; i <= 4; i++)
        assert_there(store, i);
    assert_counts_right(store);
    gw_store_close(&store);
}

static void an_old_file_is_never_appended_to(void **state)
{
    struct gw_store *store = open_store(state);

    put(store, 1, LARGE, true);
    gw_store_close(&store);
    store = open_store(state);
    put(store, 2, LARGE, true);
    assert_int_equal(file_size(file_at(state, 1)), LARGE);
    assert_int_equal(file_size(file_at(state, 2)), LARGE);
    gw_store_close(&store);
}

static void a_file_has_a_greatest_length(void **state)
{
    struct gw_store *store = open_store(state);

    for (uint32_t i = 0; i < FILE_BODIES + 2; i++)
        put(store, i, MIB, false);
    assert_int_equal(count_files(state), 2);
    assert_int_equal(file_size(file_at(state, 1)), GW_BODIES_FILE_SIZE);
    assert_int_equal(file_size(file_at(state, 2)), 2 * MIB);
    assert_counts_right(store);
    for (uint32_t i = 0; i < FILE_BODIES; i++) {
        assert_int_equal(gw_bodies_bytes(bodies_of(store)), GW_BODIES_FILE_SIZE + 2 * MIB);
        delete(store, i, false);
    }
    assert_int_equal(gw_bodies_bytes(bodies_of(store)), 2 * MIB); /* no row leads to it any more */
    assert_there(store, FILE_BODIES + 1);
    gw_store_close(&store);
    assert_false(file_exists(file_at(state, 1)));
    assert_true(file_exists(file_at(state, 2)));
}

/* --- files that are used again --- */

static ino_t inode_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return status.st_ino;
}

static void put_a_file(struct gw_store *store, uint32_t first)
{
    for (uint32_t i = 0; i < FILE_BODIES; i++)
        put(store, first + i, MIB, false);
}

static void delete_a_file(struct gw_store *store, uint32_t first)
{
    for (uint32_t i = 0; i < FILE_BODIES; i++)
        delete(store, first + i, false);
}

static void an_empty_file_gets_a_new_number(void **state)
{
    struct gw_store *store = open_store(state);

    put_a_file(store, 0);
    put_a_file(store, 100);
    ino_t first = inode_of(file_at(state, 1));
    delete_a_file(store, 0);
    put(store, 200, LARGE, true);
    assert_false(file_exists(file_at(state, 1)));
    assert_true(inode_of(file_at(state, 3)) == first);
    assert_int_equal(file_size(file_at(state, 3)), GW_BODIES_FILE_SIZE); /* written over in place */
    assert_int_equal(gw_bodies_bytes(bodies_of(store)), GW_BODIES_FILE_SIZE + LARGE);
    gw_store_close(&store);
    store = open_store(state);
    assert_there(store, 200);
    for (uint32_t i = 0; i < FILE_BODIES; i++)
        assert_there(store, 100 + i);
    assert_counts_right(store);
    gw_store_close(&store);
}

static void so_many_spare_files_are_kept_until_the_end(void **state)
{
    struct gw_store *store = open_store(state);
    enum { FILES = GW_BODIES_SPARES + 3 };

    for (uint32_t i = 0; i < FILES; i++)
        put_a_file(store, 100 * i);
    for (uint32_t i = 0; i + 1 < FILES; i++)
        delete_a_file(store, 100 * i);
    assert_int_equal(count_files(state), GW_BODIES_SPARES + 1);
    gw_store_close(&store);
    assert_int_equal(count_files(state), 1);
}

/* A power cut may bring back an unsynced row whose file has got other bodies by then. */
static void a_row_that_comes_back_finds_no_other_body(void **state)
{
    struct gw_store *store = open_store(state);
    struct gw_buffer value = {0};
    char command[4096];

    put_a_file(store, 0);
    put(store, 100, LARGE, false);
    gw_store_close(&store);
    snprintf(command, sizeof command, "cd '%s' && cp -r db old", store_path(state));
    assert_int_equal(system(command), 0);
    store = open_store(state);
    delete_a_file(store, 0); /* file 1 is spare, and becomes 3 */
    put_a_file(store, 250); /* other bytes */
    gw_store_close(&store);
    snprintf(command, sizeof command,
             "cd '%s' && rm -r db && mv old db && mv bodies/00000003 bodies/00000001",
             store_path(state)); /* the new name is lost as well */
    assert_int_equal(system(command), 0);
    store = open_store(state);
    for (uint32_t i = 0; i < FILE_BODIES; i++)
        assert_int_equal(get(store, i, &value), GW_STORE_LOST);
    assert_there(store, 100);
    gw_store_close(&store);
    gw_buffer_clear(&value);
}

static void what_nothing_leads_to_is_gone_after_a_reopen(void **state)
{
    struct gw_store *store = open_store(state);

    put(store, 1, LARGE, true);
    delete(store, 1, true);
    gw_store_close(&store);
    file_write(file_at(state, 77), "of a write that a crash cut off", 31);
    file_write(scratch_at(*state, "store/" GW_BODIES "/readme"), "mine", 4);
    store = open_store(state);
    assert_int_equal(gw_bodies_bytes(bodies_of(store)), 0);
    put(store, 2, LARGE, true);
    assert_int_equal(file_size(file_at(state, 78)), LARGE); /* numbers are not given twice */
    gw_store_close(&store);
    assert_int_equal(count_files(state), 2); /* what is not ours is left alone */
}

static void in_one_write_the_last_word_on_a_body_counts(void **state)
{
    struct gw_store *store = open_store(state);
    struct gw_write write = {0};
    struct gw_buffer value = {0};

    put(store, 1, LARGE, false);
    put(store, 2, LARGE, false);
    put(store, 5, LARGE, false);
    add_delete(&write, 1); /* there, gone, there again */
    add_put(&write, 1, 5, LARGE);
    add_put(&write, 1, 6, LARGE + 1);
    add_put(&write, 2, 9, 10); /* inline now, then gone, then nothing to delete */
    add_delete(&write, 2);
    add_delete(&write, 2);
    add_put(&write, 3, 7, LARGE); /* new, and gone */
    add_delete(&write, 3);
    add_put(&write, 4, 7, LARGE); /* new, and small in the end */
    add_put(&write, 4, 8, 10);
    commit(store, &write, false);
    assert_there(store, 1);
    assert_int_equal(get(store, 1, &value), GW_STORE_OK);
    assert_int_equal(value.size, LARGE + 1 + strlen("6 102401:"));
    assert_int_equal(get(store, 2, &value), GW_STORE_NOT_FOUND);
    assert_int_equal(get(store, 3, &value), GW_STORE_NOT_FOUND);
    assert_there(store, 4);
    assert_there(store, 5);
    assert_counts_right(store);
    assert_int_equal(gw_bodies_references(bodies_of(store)), 2);
    gw_store_close(&store);
    store = open_store(state);
    assert_counts_right(store);
    assert_int_equal(gw_bodies_live(bodies_of(store)), LARGE + 1 + LARGE);
    gw_store_close(&store);
    gw_buffer_clear(&value);
}

/* --- anything, against the store in memory --- */

struct walk {
    struct gw_buffer all; /* crc of each row: whole stores would be long */
};

static bool note(void *context, struct gw_slice key, struct gw_slice value)
{
    struct walk *walk = context;

    gw_buffer_append(&walk->all, key.data, key.size);
    gw_buffer_u64(&walk->all, value.size);
    gw_buffer_u32(&walk->all, gw_crc32c(0, value.data, value.size));
    return true;
}

static void assert_same_rows(struct gw_store *a, struct gw_store *b)
{
    struct walk left = {0}, right = {0};
    struct gw_slice all = {0};

    assert_int_equal(gw_store_scan(a, all, all, note, &left), GW_STORE_OK);
    assert_int_equal(gw_store_scan(b, all, all, note, &right), GW_STORE_OK);
    assert_int_equal(left.all.size, right.all.size);
    if (left.all.size > 0)
        assert_memory_equal(left.all.data, right.all.data, left.all.size);
    gw_buffer_clear(&left.all);
    gw_buffer_clear(&right.all);
}

static size_t any_size(struct gw_random *random)
{
    switch (gw_random_below(random, 4)) {
    case 0: return gw_random_below(random, 300);
    case 1: return (16 << 10) - 2 + gw_random_below(random, 4);
    case 2: return gw_random_below(random, 200 << 10);
    default: return gw_random_below(random, MIB);
    }
}

static void add_anything(struct gw_write *write, struct gw_random *random)
{
    uint32_t number = (uint32_t)gw_random_below(random, 60);
    struct key key;

    if (gw_random_below(random, 5) < 2)
        add_delete(write, number);
    else if (gw_random_below(random, 9) == 0)
        gw_write_put(write, key_of(&key, 'c', number), (struct gw_slice){pool, 9});
    else
        add_put(write, number, gw_random_below(random, MIB), any_size(random));
}

static void any_writes_give_what_memory_gives(void **state)
{
    struct gw_store *store = open_store(state), *model = NULL;
    struct gw_random random;

    gw_random_seed(&random, 20);
    assert_int_equal(gw_memory_open(&model), GW_STORE_OK);
    for (unsigned i = 0; i < 400; i++) {
        struct gw_write write = {0};
        for (uint64_t n = gw_random_below(&random, 8); n > 0; n--)
            add_anything(&write, &random);
        assert_int_equal(gw_store_write(model, &write, false), GW_STORE_OK);
        commit(store, &write, gw_random_below(&random, 4) == 0);
        if (i % 40 == 39) {
            gw_store_close(&store);
            store = open_store(state);
            assert_counts_right(store);
            assert_same_rows(store, model);
        }
    }
    assert_counts_right(store);
    for (uint32_t i = 0; i < 60; i++)
        delete(store, i, false);
    assert_int_equal(gw_bodies_live(bodies_of(store)), 0);
    gw_store_close(&store);
    store = open_store(state);
    assert_int_equal(count_files(state), 0);
    gw_store_close(&store);
    gw_store_close(&model);
}

/* --- stragglers --- */

/* One body in each file is not deleted: the files would stay. Later writes bring them together. */
static void stragglers_do_not_keep_files(void **state)
{
    struct gw_store *store = open_store(state);
    enum { FILES = 36, EACH = FILE_BODIES };

    for (uint32_t i = 0; i < FILES * EACH; i++)
        put(store, i, MIB, false);
    assert_int_equal(count_files(state), FILES);
    for (uint32_t i = 0; i < FILES * EACH; i++)
        if (i % EACH != 7)
            delete(store, i, false);
    for (uint32_t i = 0; i < 3 * FILES; i++)
        put(store, 100000, 20, false);
    uint64_t most = 2 * gw_bodies_live(bodies_of(store)) + ((uint64_t)256 << 20);
    assert_true(gw_bodies_bytes(bodies_of(store)) <= most);
    assert_true(count_files(state) <= most / GW_BODIES_FILE_SIZE + 1 + GW_BODIES_SPARES);
    assert_counts_right(store);
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 7; i < FILES * EACH; i += EACH)
            assert_there(store, i);
        gw_store_close(&store);
        store = open_store(state);
        assert_counts_right(store);
    }
    gw_store_close(&store);
}

/* --- files that are gone or short; damage: test_reference --- */

static enum gw_store_error open_error(void **state)
{
    struct gw_store *store = NULL;
    enum gw_store_error error = gw_leveldb_open(store_path(state), &store, why, sizeof why);

    gw_store_close(&store);
    return error;
}

static bool stop_at_lost(void *context, struct gw_slice key, struct gw_slice value)
{
    (void)key;
    *(size_t *)context = value.size;
    return true;
}

static void a_synced_body_that_is_missing_or_short_is_refused(void **state)
{
    struct gw_store *store = open_store(state);
    char path[2048];

    put(store, 1, LARGE, true);
    gw_store_close(&store);
    snprintf(path, sizeof path, "%s", file_at(state, 1));
    assert_int_equal(truncate(path, LARGE - 1), 0);
    assert_int_equal(open_error(state), GW_STORE_CORRUPT);
    assert_non_null(strstr(why, "bodies/00000001 is missing or too short"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_error(state), GW_STORE_CORRUPT);
    assert_int_equal(rmdir(scratch_at(*state, "store/" GW_BODIES)), 0);
    assert_int_equal(open_error(state), GW_STORE_CORRUPT);
    assert_non_null(strstr(why, "bodies is missing"));
}

/* What no sync ever promised may be gone: the row is there, and says so. */
static void an_unsynced_body_may_be_lost(void **state)
{
    struct gw_store *store = open_store(state);
    struct gw_buffer value = {0};
    struct gw_slice all = {0};
    size_t size = 0;

    put(store, 1, LARGE, false);
    gw_store_close(&store);
    for (unsigned round = 0; round < 3; round++) {
        if (round == 0)
            file_flip(file_at(state, 1), 77, 1);
        else if (round == 1)
            assert_int_equal(truncate(file_at(state, 1), 10), 0);
        else
            assert_int_equal(unlink(file_at(state, 1)), 0);
        store = open_store(state);
        assert_int_equal(get(store, 1, &value), GW_STORE_LOST);
        assert_int_equal(value.size, 0);
        assert_int_equal(gw_store_scan(store, all, all, stop_at_lost, &size), GW_STORE_OK);
        assert_int_equal(size, strlen("1 102400:")); /* what was not apart */
        gw_store_close(&store);
    }
    store = open_store(state);
    put(store, 2, LARGE, false); /* not in a file that takes the name of the lost one */
    assert_int_equal(get(store, 1, &value), GW_STORE_LOST);
    assert_false(file_exists(file_at(state, 1)));
    delete(store, 1, false);
    delete(store, 2, false);
    assert_int_equal(gw_bodies_references(bodies_of(store)), 0);
    assert_counts_right(store);
    gw_store_close(&store);
    gw_buffer_clear(&value);
}

/* --- refusals --- */

/* Beyond the limit a write is a signal: SIGXFSZ is left as it is, it would kill. */
static void a_limit_of_file_sizes_is_an_error_not_a_signal(void **state)
{
    struct gw_store *store = open_store(state);
    struct gw_buffer value = {0};
    struct gw_write write = {0};
    struct rlimit before, limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){.rlim_cur = 3 * LARGE + 10, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (uint32_t i = 0; i < 10; i++) /* three in a file */
        put(store, i, LARGE, true);
    add_put(&write, 10, 10, 4 * LARGE); /* longer than any file may be */
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_IO);
    assert_non_null(strstr(gw_store_why(store), "File too large"));
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_POISONED);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    gw_write_clear(&write);
    gw_store_close(&store);
    assert_int_equal(count_files(state), 4);
    store = open_store(state);
    for (uint32_t i = 0; i < 10; i++)
        assert_there(store, i);
    assert_int_equal(get(store, 10, &value), GW_STORE_NOT_FOUND);
    gw_buffer_clear(&value);
    gw_store_close(&store);
}

static void bodies_pulled_away_stop_writes(void **state)
{
    static const char *const deeds[] = {"rm -r bodies", "rm bodies/*",
                                        "cp -r bodies new && mv bodies old && mv new bodies"};

    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        struct gw_store *store = open_store(state);
        struct gw_write write = {0};
        char command[2048];

        put(store, 0, LARGE, true);
        snprintf(command, sizeof command, "cd '%s' && %s", store_path(state), deeds[i]);
        assert_int_equal(system(command), 0);
        add_put(&write, 1, 1, LARGE);
        assert_int_equal(gw_store_write(store, &write, true), GW_STORE_IO);
        assert_non_null(strstr(gw_store_why(store), "was moved, removed"));
        gw_write_clear(&write);
        gw_store_close(&store);
        snprintf(command, sizeof command, "rm -r '%s'", store_path(state));
        assert_int_equal(system(command), 0);
    }
}

/* --- readers --- */

struct race {
    struct gw_store *store;
    atomic_bool done;
    atomic_uint reads;
};

static bool check_one(void *context, struct gw_slice key, struct gw_slice value)
{
    struct race *race = context;

    (void)key;
    assert_true(is_whole(value));
    atomic_fetch_add(&race->reads, 1);
    return true;
}

static void *read_on(void *context)
{
    struct race *race = context;
    struct gw_buffer value = {0};
    struct gw_slice all = {0};

    while (!atomic_load(&race->done)) {
        for (uint32_t i = 0; i < 8; i++) {
            enum gw_store_error error = get(race->store, i, &value);
            if (error != GW_STORE_OK && error != GW_STORE_NOT_FOUND)
                return (void *)1;
        }
        if (gw_store_scan(race->store, all, all, check_one, race) != GW_STORE_OK)
            return (void *)1;
    }
    gw_buffer_clear(&value);
    return NULL;
}

/* Files fill and empty, and go as soon as nobody reads. */
static void no_file_goes_while_somebody_reads(void **state)
{
    struct race race = {.store = open_store(state)};
    pthread_t readers[2];
    void *failed;

    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &race), 0);
    for (uint32_t i = 0; i < 600 || atomic_load(&race.reads) < 100; i++)
        put(race.store, i % 8, MIB, false);
    atomic_store(&race.done, true);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(readers[i], &failed);
        assert_null(failed);
    }
    put(race.store, 0, MIB, false);
    assert_true(count_files(state) <= 2 + GW_BODIES_SPARES);
    assert_counts_right(race.store);
    gw_store_close(&race.store);
}

static int make(void **state)
{
    *state = calloc(1, sizeof(struct scratch));
    scratch_make_quick(*state);
    fill_pool();
    return 0;
}

static int clean(void **state)
{
    scratch_remove(*state);
    free(*state);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)
    const struct CMUnitTest tests[] = {
        TEST(large_bodies_lie_in_a_file_of_their_own),
        TEST(an_old_file_is_never_appended_to),
        TEST(a_file_has_a_greatest_length),
        TEST(an_empty_file_gets_a_new_number),
        TEST(so_many_spare_files_are_kept_until_the_end),
        TEST(a_row_that_comes_back_finds_no_other_body),
        TEST(what_nothing_leads_to_is_gone_after_a_reopen),
        TEST(in_one_write_the_last_word_on_a_body_counts),
        TEST(any_writes_give_what_memory_gives),
        TEST(stragglers_do_not_keep_files),
        TEST(a_synced_body_that_is_missing_or_short_is_refused),
        TEST(an_unsynced_body_may_be_lost),
        TEST(a_limit_of_file_sizes_is_an_error_not_a_signal),
        TEST(bodies_pulled_away_stop_writes),
        TEST(no_file_goes_while_somebody_reads),
    };

    return cmocka_run_group_tests_name("apart", tests, NULL, NULL);
}
