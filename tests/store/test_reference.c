/* SPDX-License-Identifier: MPL-2.0 */

/* What leads to a body that lies apart, and the body itself, damaged at every byte: whoever wants
 * it is told, nobody gets other bytes, and what lies beside it is right (fault D17). LevelDB's own
 * checksums are out of the way here: the damage is put through it. */

#include "scratch.h"

#include "store/apart.h"
#include "store/leveldb_inside.h"
#include "store/store.h"

#include <fcntl.h>
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

#define SYNCED ((size_t)64 << 10)   /* a body that goes apart in a synced write */
#define UNSYNCED ((size_t)16 << 10) /* in another */
#define PREFIX "prefix:"

static char why[512];
static uint8_t pool[SYNCED + 16];

static const char *store_path(void **state)
{
    return scratch_at(*state, "store");
}

static enum gw_store_error try(void **state, struct gw_store **store)
{
    *store = NULL;
    why[0] = '\0';
    return gw_leveldb_open(store_path(state), store, why, sizeof why);
}

static struct gw_store *open_store(void **state)
{
    struct gw_store *store;

    if (try(state, &store) != GW_STORE_OK)
        fail_msg("%s", why);
    return store;
}

static struct gw_slice slice(const char *text)
{
    return (struct gw_slice){(const uint8_t *)text, strlen(text)};
}

static enum gw_store_error put(struct gw_store *store, const char *key, size_t at, size_t size,
                               bool sync)
{
    struct gw_write write = {0};

    gw_write_put_outside(&write, slice(key), slice(PREFIX), (struct gw_slice){pool + at, size});
    enum gw_store_error error = gw_store_write(store, &write, sync);
    gw_write_clear(&write);
    return error;
}

static enum gw_store_error delete(struct gw_store *store, const char *key)
{
    struct gw_write write = {0};

    gw_write_delete(&write, slice(key));
    enum gw_store_error error = gw_store_write(store, &write, false);
    gw_write_clear(&write);
    return error;
}

static enum gw_store_error get(struct gw_store *store, const char *key, size_t at, size_t size)
{
    struct gw_buffer value = {0};
    enum gw_store_error error = gw_store_get(store, slice(key), &value);

    if (error == GW_STORE_OK) {
        assert_int_equal(value.size, strlen(PREFIX) + size);
        assert_memory_equal(value.data, PREFIX, strlen(PREFIX));
        assert_memory_equal(value.data + strlen(PREFIX), pool + at, size);
    } else {
        assert_int_equal(value.size, 0);
    }
    gw_buffer_clear(&value);
    return error;
}

static bool take_size(void *context, struct gw_slice key, struct gw_slice value)
{
    (void)key;
    *(size_t *)context = value.size;
    return true;
}

static enum gw_store_error scan(struct gw_store *store, size_t *size)
{
    return gw_store_scan(store, (struct gw_slice){0}, (struct gw_slice){0}, take_size, size);
}

/* --- rows as LevelDB has them --- */

struct raw {
    uint8_t key[64], value[128];
    size_t key_size, value_size;
};

static bool take_raw(void *context, struct gw_slice key, struct gw_slice value)
{
    struct raw *raw = context;

    assert_true(key.size <= sizeof raw->key && value.size <= sizeof raw->value);
    memcpy(raw->key, key.data, key.size);
    memcpy(raw->value, value.data, value.size);
    raw->key_size = key.size;
    raw->value_size = value.size;
    return false;
}

static struct raw read_raw(struct gw_store *store, struct gw_slice from)
{
    struct raw raw = {0};

    assert_int_equal(gw_leveldb_walk(gw_leveldb_of(store), from, (struct gw_slice){0}, take_raw,
                                     &raw), GW_STORE_OK);
    assert_true(raw.value_size > 0);
    return raw;
}

static void put_raw(struct gw_store *store, const struct raw *raw)
{
    struct leveldb *leveldb = gw_leveldb_of(store);
    char *error = NULL;

    leveldb_put(leveldb->db, leveldb->plain, (const char *)raw->key, raw->key_size,
                (const char *)raw->value, raw->value_size, &error);
    assert_null(error);
}

static void delete_raw(struct gw_store *store, const struct raw *raw)
{
    struct leveldb *leveldb = gw_leveldb_of(store);
    char *error = NULL;

    leveldb_delete(leveldb->db, leveldb->plain, (const char *)raw->key, raw->key_size, &error);
    assert_null(error);
}

/* --- references --- */

static void assert_unreadable(struct gw_store *store)
{
    size_t size;

    assert_int_equal(get(store, "b1", 0, SYNCED), GW_STORE_CORRUPT);
    assert_non_null(strstr(gw_store_why(store), "is damaged: keep a copy"));
    assert_int_equal(scan(store, &size), GW_STORE_CORRUPT);
}

/* Of the first byte, which says that there is a reference, the lowest bit turns it into a value
 * of its own: the checksum that every row has finds that (tests/unit/test_row). */
static void a_reference_damaged_at_any_bit_leads_nowhere(void **state)
{
    struct gw_store *store = open_store(state);

    assert_int_equal(put(store, "b1", 0, SYNCED, true), GW_STORE_OK);
    struct raw sound = read_raw(store, slice("b1"));
    size_t size = sound.value_size - strlen(PREFIX);
    for (size_t bit = 1; bit < 8 * size; bit++) {
        struct raw raw = sound;
        raw.value[bit / 8] ^= (uint8_t)(1u << bit % 8);
        put_raw(store, &raw);
        assert_unreadable(store);
    }
    for (size_t cut = 0; cut < size; cut++) {
        struct raw raw = sound;
        raw.value_size = cut;
        put_raw(store, &raw);
        assert_unreadable(store);
    }
    put_raw(store, &sound);
    assert_int_equal(get(store, "b1", 0, SYNCED), GW_STORE_OK);
    gw_store_close(&store);
}

static void a_reference_of_another_row_is_not_believed(void **state)
{
    struct gw_store *store = open_store(state);

    assert_int_equal(put(store, "b2", 0, SYNCED, true), GW_STORE_OK);
    struct raw raw = read_raw(store, slice("b2"));
    memcpy(raw.key, "b1", 2);
    put_raw(store, &raw);
    assert_int_equal(get(store, "b1", 0, SYNCED), GW_STORE_CORRUPT);
    assert_int_equal(get(store, "b2", 0, SYNCED), GW_STORE_OK);
    gw_store_close(&store);
}

/* What is overwritten or deleted must be known: its file would be removed too early, or never. */
static void a_damaged_reference_is_not_written_over(void **state)
{
    struct gw_store *store = open_store(state);

    assert_int_equal(put(store, "b1", 0, SYNCED, true), GW_STORE_OK);
    struct raw raw = read_raw(store, slice("b1"));
    raw.value[3] ^= 4;
    put_raw(store, &raw);
    assert_int_equal(delete(store, "b1"), GW_STORE_CORRUPT);
    assert_non_null(strstr(gw_store_why(store), "is damaged: keep a copy"));
    assert_int_equal(delete(store, "b1"), GW_STORE_POISONED);
    gw_store_close(&store);
    store = open_store(state);
    assert_int_equal(put(store, "b1", 0, SYNCED, true), GW_STORE_CORRUPT);
    gw_store_close(&store);
}

/* --- the rows that say who is in a file --- */

static void assert_not_opened(void **state)
{
    struct gw_store *store;

    assert_int_equal(try(state, &store), GW_STORE_CORRUPT);
    assert_non_null(strstr(why, "a reference in db"));
}

static void swap_row(void **state, const struct raw *sound, const struct raw *raw)
{
    struct gw_store *store = open_store(state);

    delete_raw(store, sound);
    put_raw(store, raw);
    gw_store_close(&store);
}

/* LevelDB alone, to put right what our open refuses. */
static void put_right(void **state, const struct raw *raw, const struct raw *sound)
{
    leveldb_options_t *options = leveldb_options_create();
    leveldb_writeoptions_t *plain = leveldb_writeoptions_create();
    char *error = NULL;
    leveldb_t *db = leveldb_open(options, scratch_at(*state, "store/db"), &error);

    assert_null(error);
    leveldb_delete(db, plain, (const char *)raw->key, raw->key_size, &error);
    leveldb_put(db, plain, (const char *)sound->key, sound->key_size, (const char *)sound->value,
                sound->value_size, &error);
    assert_null(error);
    leveldb_close(db);
    leveldb_writeoptions_destroy(plain);
    leveldb_options_destroy(options);
}

static void a_row_of_a_file_damaged_at_any_byte_is_refused(void **state)
{
    struct gw_store *store = open_store(state);

    assert_int_equal(put(store, "b1", 0, SYNCED, true), GW_STORE_OK);
    struct raw sound = read_raw(store, gw_apart_rows);
    gw_store_close(&store);
    for (size_t at = 0; at < sound.value_size; at++) {
        struct raw raw = sound;
        raw.value[at] ^= (uint8_t)(1u << at % 8);
        swap_row(state, &sound, &raw);
        assert_not_opened(state);
        put_right(state, &raw, &sound);
    }
    for (size_t at = gw_apart_rows.size; at <= sound.key_size; at++) {
        struct raw raw = sound; /* in the last round it is longer */
        raw.key[at] ^= 1;
        raw.key_size += at == sound.key_size;
        swap_row(state, &sound, &raw);
        assert_not_opened(state);
        put_right(state, &raw, &sound);
    }
    store = open_store(state);
    assert_int_equal(get(store, "b1", 0, SYNCED), GW_STORE_OK);
    gw_store_close(&store);
}

/* --- moving --- */

#define HUGE_FILE ((off_t)600 << 20) /* sparse; of which next to nothing is live */

/* A file with a body that later writes want to move: two of them, in one file. */
static struct gw_store *make_wasteful(void **state)
{
    struct gw_store *store = open_store(state);

    assert_int_equal(put(store, "b1", 0, SYNCED, true), GW_STORE_OK);
    assert_int_equal(put(store, "b2", 1, SYNCED, true), GW_STORE_OK);
    gw_store_close(&store);
    assert_int_equal(truncate(scratch_at(*state, "store/bodies/00000001"), HUGE_FILE), 0);
    return open_store(state);
}

static void bodies_move_out_of_a_file_that_is_mostly_empty(void **state)
{
    struct gw_store *store = make_wasteful(state);

    assert_int_equal(put(store, "s", 0, 10, false), GW_STORE_OK);
    assert_true(gw_bodies_bytes(gw_leveldb_of(store)->bodies) < 3 * SYNCED);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(get(store, "b1", 0, SYNCED), GW_STORE_OK);
        assert_int_equal(get(store, "b2", 1, SYNCED), GW_STORE_OK);
        gw_store_close(&store);
        assert_false(file_exists(scratch_at(*state, "store/bodies/00000001")));
        store = open_store(state);
    }
    gw_store_close(&store);
}

/* It is not made to look sound by a new checksum, and it keeps nobody from writing. */
static void a_damaged_body_is_not_moved(void **state)
{
    struct gw_store *store = make_wasteful(state);

    file_flip(scratch_at(*state, "store/bodies/00000001"), 5, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(put(store, "s", i, 10, false), GW_STORE_OK);
    assert_int_equal(get(store, "b1", 0, SYNCED), GW_STORE_CORRUPT);
    assert_int_equal(get(store, "b2", 1, SYNCED), GW_STORE_OK);
    gw_store_close(&store);
    store = open_store(state);
    assert_int_equal(get(store, "b1", 0, SYNCED), GW_STORE_CORRUPT);
    gw_store_close(&store);
}

static void a_damaged_row_met_while_moving_ends_the_write(void **state)
{
    for (unsigned round = 0; round < 2; round++) {
        struct gw_store *store = make_wasteful(state);
        struct raw raw = read_raw(store, round ? slice("b1") : gw_apart_rows);
        raw.value[2] ^= 1;
        put_raw(store, &raw);
        assert_int_equal(put(store, "s", 0, 10, false), GW_STORE_CORRUPT);
        assert_non_null(strstr(gw_store_why(store), "is damaged: keep a copy"));
        gw_store_close(&store);
        char command[2048];
        snprintf(command, sizeof command, "rm -r '%s'", store_path(state));
        assert_int_equal(system(command), 0);
    }
}

/* --- facts --- */

struct facts {
    unsigned rows;
    bool right;
};

static bool look_at_facts(void *context, struct gw_slice key, struct gw_slice value)
{
    struct facts *facts = context;
    bool small = key.size == 2 && key.data[1] == '3';

    facts->rows++;
    facts->right &= value.size == strlen(PREFIX) + (small ? 100 : 0) &&
                    memcmp(value.data, PREFIX, strlen(PREFIX)) == 0;
    return true;
}

/* It is not even looked whether the body is there. */
static void facts_are_scanned_without_their_bodies(void **state)
{
    struct gw_store *store = open_store(state);
    struct gw_slice all = {0};
    struct facts facts = {.right = true};
    size_t size;

    assert_int_equal(put(store, "b1", 0, SYNCED, true), GW_STORE_OK);
    assert_int_equal(put(store, "b2", 0, SYNCED, false), GW_STORE_OK);
    assert_int_equal(put(store, "b3", 0, 100, true), GW_STORE_OK);
    assert_int_equal(put(store, "c", 0, 0, true), GW_STORE_OK);
    assert_int_equal(unlink(scratch_at(*state, "store/bodies/00000001")), 0);
    assert_int_equal(gw_store_scan(store, all, all, take_size, &size), GW_STORE_CORRUPT);
    assert_int_equal(gw_store_scan_facts(store, all, all, look_at_facts, &facts), GW_STORE_OK);
    assert_true(facts.right);
    assert_int_equal(facts.rows, 4);
    facts.rows = 0;
    assert_int_equal(gw_store_scan_facts(store, slice("b2"), slice("c"), look_at_facts, &facts),
                     GW_STORE_OK);
    assert_int_equal(facts.rows, 2);
    struct raw raw = read_raw(store, slice("b1"));
    raw.value[2] ^= 1;
    put_raw(store, &raw);
    assert_int_equal(gw_store_scan_facts(store, all, all, look_at_facts, &facts),
                     GW_STORE_CORRUPT);
    gw_store_close(&store);
}

/* --- bodies --- */

static bool is_near_end(size_t at, size_t size)
{
    return at < 20 || at > size - 40;
}

/* A file holds bodies and nothing else: no header, no padding. `sync`: a body that was promised. */
static void damage_every_byte(void **state, bool sync, size_t size)
{
    enum gw_store_error expected = sync ? GW_STORE_CORRUPT : GW_STORE_LOST;
    struct gw_store *store = open_store(state);
    const char *path = scratch_at(*state, "store/bodies/00000001");
    uint8_t byte;
    size_t seen;

    assert_int_equal(put(store, "b1", 0, size, sync), GW_STORE_OK);
    assert_int_equal(put(store, "b2", 7, size, sync), GW_STORE_OK);
    assert_int_equal(file_size(path), 2 * size);
    int file = open(path, O_RDWR);
    for (size_t at = 0; at < 2 * size; at++) {
        assert_int_equal(pread(file, &byte, 1, (off_t)at), 1);
        byte ^= (uint8_t)(1u << at % 8);
        assert_int_equal(pwrite(file, &byte, 1, (off_t)at), 1);
        assert_int_equal(get(store, "b1", 0, size), at < size ? expected : GW_STORE_OK);
        if (at % 97 == 0 || is_near_end(at % size, size)) { /* the same, more slowly */
            assert_int_equal(get(store, "b2", 7, size), at < size ? GW_STORE_OK : expected);
            assert_int_equal(scan(store, &seen), sync ? GW_STORE_CORRUPT : GW_STORE_OK);
        }
        byte ^= (uint8_t)(1u << at % 8);
        assert_int_equal(pwrite(file, &byte, 1, (off_t)at), 1);
    }
    for (size_t cut = 0; cut < 2 * size; cut += is_near_end(cut % size, size) ? 1 : 19) {
        uint8_t *bytes = file_read(path, &seen);
        assert_int_equal(ftruncate(file, (off_t)cut), 0);
        assert_int_equal(get(store, "b1", 0, size), cut < size ? expected : GW_STORE_OK);
        assert_int_equal(get(store, "b2", 7, size), expected);
        assert_int_equal(pwrite(file, bytes, 2 * size, 0), 2 * size);
        free(bytes);
    }
    close(file);
    gw_store_close(&store);
    store = open_store(state);
    assert_int_equal(get(store, "b1", 0, size), GW_STORE_OK);
    assert_int_equal(get(store, "b2", 7, size), GW_STORE_OK);
    gw_store_close(&store);
}

static void a_body_damaged_or_cut_at_every_byte_is_found(void **state)
{
    damage_every_byte(state, true, SYNCED);
}

static void an_unsynced_body_damaged_or_cut_at_every_byte_is_lost(void **state)
{
    damage_every_byte(state, false, UNSYNCED);
}

/* --- sizes that cannot be --- */

static void a_value_beyond_what_leveldb_can_hold_is_refused(void **state)
{
    static const size_t sizes[] = {((size_t)1 << 30) + 1, SIZE_MAX / 2, SIZE_MAX};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct gw_store *stores[2] = {open_store(state), NULL};
        assert_int_equal(gw_memory_open(&stores[1]), GW_STORE_OK);
        for (unsigned s = 0; s < (i == 0 ? 1u : 2u); s++) { /* memory could hold the first */
            struct gw_write write = {0};
            gw_buffer_append(&write.bytes, "bkey", 4);
            gw_write_put_built(&write, 0, 4, (struct gw_slice){pool, sizes[i]}, 0);
            assert_int_equal(gw_store_write(stores[s], &write, false), GW_STORE_NOMEM);
            assert_int_equal(gw_store_write(stores[s], &write, false), GW_STORE_POISONED);
            gw_write_clear(&write);
            assert_int_equal(get(stores[s], "bkey", 0, 0), GW_STORE_NOT_FOUND);
        }
        gw_store_close(&stores[0]);
        gw_store_close(&stores[1]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup_quick, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_reference_damaged_at_any_bit_leads_nowhere),
        TEST(a_reference_of_another_row_is_not_believed),
        TEST(a_damaged_reference_is_not_written_over),
        TEST(a_row_of_a_file_damaged_at_any_byte_is_refused),
        TEST(bodies_move_out_of_a_file_that_is_mostly_empty),
        TEST(a_damaged_body_is_not_moved),
        TEST(a_damaged_row_met_while_moving_ends_the_write),
        TEST(facts_are_scanned_without_their_bodies),
        TEST(a_body_damaged_or_cut_at_every_byte_is_found),
        TEST(an_unsynced_body_damaged_or_cut_at_every_byte_is_lost),
        TEST(a_value_beyond_what_leveldb_can_hold_is_refused),
    };

    for (size_t i = 0; i < sizeof pool; i++)
        pool[i] = (uint8_t)(i * i >> 3);
    return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
