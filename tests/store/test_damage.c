/* SPDX-License-Identifier: MPL-2.0 */

/* A small store with one file of it cut or damaged, at every byte in turn: it is refused, or what
 * is read is right, and nothing that it once had is missing but the end of a log, which looks like
 * a write that a crash cut off (faults D14, D15, D17, D18). Never a wrong value. */

#include "lives.h"

#define NUMBERS 24
#define SIZE 90 /* bytes of a value */
#define FILES_MAX 24

/* --- the store, put back each time --- */

struct file {
    char name[64];
    uint8_t *bytes;
    size_t size;
};

struct picture {
    struct file files[FILES_MAX];
    size_t count;
};

static void take_folder(struct picture *picture, void **state, const char *folder)
{
    DIR *stream = opendir(scratch_at(*state, folder));
    struct dirent *entry;

    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL) {
        struct file *file = &picture->files[picture->count];
        struct stat status;
        snprintf(file->name, sizeof file->name, "%.20s/%.40s", folder, entry->d_name);
        if (stat(scratch_at(*state, file->name), &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        assert_true(picture->count < FILES_MAX - 1);
        file->bytes = file_read(scratch_at(*state, file->name), &file->size);
        picture->count++;
    }
    closedir(stream);
}

static struct picture take(void **state)
{
    struct picture picture = {0};

    take_folder(&picture, state, "store");
    take_folder(&picture, state, "store/db");
    return picture;
}

static bool is_known(const struct picture *picture, const char *name)
{
    for (size_t i = 0; i < picture->count; i++)
        if (strcmp(strrchr(picture->files[i].name, '/') + 1, name) == 0)
            return true;
    return false;
}

static void put_back(const struct picture *picture, void **state)
{
    DIR *stream = opendir(scratch_at(*state, "store/db"));
    struct dirent *entry;

    while ((entry = readdir(stream)) != NULL)
        if (!is_known(picture, entry->d_name))
            unlinkat(dirfd(stream), entry->d_name, 0);
    closedir(stream);
    for (size_t i = 0; i < picture->count; i++)
        file_write(scratch_at(*state, picture->files[i].name), picture->files[i].bytes,
                   picture->files[i].size);
}

static void release(struct picture *picture)
{
    for (size_t i = 0; i < picture->count; i++)
        free(picture->files[i].bytes);
}

/* The first one with that in its name. */
static const struct file *find(const struct picture *picture, const char *part)
{
    for (size_t i = 0; i < picture->count; i++)
        if (strstr(picture->files[i].name, part))
            return &picture->files[i];
    fail_msg("no %s", part);
    return NULL;
}

/* --- numbers --- */

static void put_number(struct gw_store *store, uint64_t number)
{
    uint8_t bytes[SIZE];
    struct gw_write write = {0};
    struct gw_buffer key = {0};

    memset(bytes, (int)('a' + number % 26), sizeof bytes);
    gw_buffer_u64(&key, number);
    gw_write_put(&write, (struct gw_slice){key.data, key.size},
                 (struct gw_slice){bytes, sizeof bytes});
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_OK);
    gw_write_clear(&write);
    gw_buffer_clear(&key);
}

/* In the log; `tables`: in a table that a second open made of it. */
static void make_store(void **state, bool tables)
{
    live_once(store_path(state), NOTED);
    struct gw_store *store = open_store(store_path(state));
    for (uint64_t i = 0; i < NUMBERS; i++)
        put_number(store, i);
    gw_store_close(&store);
    if (tables)
        live_once(store_path(state), NOTED);
}

struct seen {
    uint64_t next;
    bool right;
};

static bool look(void *context, struct gw_slice key, struct gw_slice value)
{
    struct seen *seen = context;
    struct gw_reader reader = gw_reader_of(key.data, key.size);
    uint64_t number = gw_read_u64(&reader);

    if (key.size != 8)
        return true; /* the meta row */
    seen->right &= number == seen->next++ && value.size == SIZE;
    for (size_t i = 0; i < value.size; i++)
        seen->right &= value.data[i] == 'a' + number % 26;
    return true;
}

#define REFUSED UINT64_MAX

/* How many numbers are there, from 0 on and right; or REFUSED by open, check or reading. */
static uint64_t count(void **state)
{
    struct seen seen = {.right = true};
    struct gw_store *store = NULL;
    enum gw_store_error error = gw_leveldb_open(store_path(state), &store, why, sizeof why);

    if (error == GW_STORE_OK)
        error = check(store);
    if (error == GW_STORE_OK)
        error = gw_store_scan(store, (struct gw_slice){0}, (struct gw_slice){0}, look, &seen);
    assert_true(seen.right);
    assert_true(error == GW_STORE_OK || error == GW_STORE_CORRUPT || error == GW_STORE_FOREIGN ||
                error == GW_STORE_VERSION || error == GW_STORE_IO);
    gw_store_close(&store);
    return error == GW_STORE_OK ? seen.next : REFUSED;
}

/* --- every byte --- */

struct tally {
    unsigned refused, complete, shorter;
    uint64_t least; /* of the shorter ones */
};

static void add(struct tally *tally, uint64_t found)
{
    tally->refused += found == REFUSED;
    tally->complete += found == NUMBERS;
    tally->shorter += found < NUMBERS;
    if (found < tally->least)
        tally->least = found;
}

static struct tally cut_everywhere(void **state, const char *part)
{
    struct picture picture = take(state);
    const struct file *file = find(&picture, part);
    struct tally tally = {.least = REFUSED};

    for (size_t size = 0; size < file->size; size++) {
        file_write(scratch_at(*state, file->name), file->bytes, size);
        add(&tally, count(state));
        put_back(&picture, state);
    }
    print_message("%s cut at %zu bytes: %u refused, %u complete, %u shorter\n", file->name,
                  file->size, tally.refused, tally.complete, tally.shorter);
    assert_int_equal(count(state), NUMBERS);
    release(&picture);
    return tally;
}

static struct tally flip_everywhere(void **state, const char *part)
{
    struct picture picture = take(state);
    const struct file *file = find(&picture, part);
    struct tally tally = {.least = REFUSED};

    for (size_t at = 0; at < file->size; at++) {
        file_flip(scratch_at(*state, file->name), at, (unsigned char)(1u << at % 8));
        add(&tally, count(state));
        put_back(&picture, state);
    }
    print_message("%s flipped at %zu bytes: %u refused, %u complete, %u shorter\n", file->name,
                  file->size, tally.refused, tally.complete, tally.shorter);
    release(&picture);
    return tally;
}

/* D14. Those that are cut before the claim's row are older than their generation file. */
static void a_log_cut_at_every_byte(void **state)
{
    make_store(state, false);
    struct tally tally = cut_everywhere(state, ".log");
    assert_true(tally.shorter > 0 && tally.complete == 0);
}

/* D15. A length that leads beyond the end looks like a cut: only what lies behind it is gone. */
static void a_log_damaged_at_every_byte(void **state)
{
    make_store(state, false);
    struct tally tally = flip_everywhere(state, ".log");
    assert_true(tally.refused > 30 * tally.shorter);
    assert_int_equal(tally.complete, 0);
}

/* D17: data, index, filter, footer. */
static void a_table_damaged_at_every_byte(void **state)
{
    make_store(state, true);
    struct tally tally = flip_everywhere(state, ".ldb");
    assert_int_equal(tally.shorter, 0);
    assert_true(tally.refused > tally.complete);
}

static void a_table_cut_at_every_byte(void **state)
{
    make_store(state, true);
    struct tally tally = cut_everywhere(state, ".ldb");
    assert_true(tally.shorter == 0 && tally.complete == 0);
}

/* D18. */
static void a_manifest_cut_or_damaged_at_every_byte(void **state)
{
    make_store(state, true);
    struct tally tally = cut_everywhere(state, "MANIFEST-");
    assert_true(tally.shorter == 0 && tally.refused > 0);
    tally = flip_everywhere(state, "MANIFEST-");
    assert_true(tally.shorter == 0 && tally.refused > 0);
}

static void a_current_cut_or_damaged_at_every_byte(void **state)
{
    make_store(state, true);
    struct tally tally = cut_everywhere(state, "CURRENT");
    assert_true(tally.shorter == 0 && tally.complete == 0);
    tally = flip_everywhere(state, "CURRENT");
    assert_true(tally.shorter == 0 && tally.complete == 0);
}

/* An older CURRENT with the MANIFEST that it names: that names a log that is gone. */
static void a_stale_current_is_refused(void **state)
{
    make_store(state, false);
    struct picture old = take(state);
    live_once(store_path(state), NOTED);
    const struct file *current = find(&old, "CURRENT"), *manifest = find(&old, "MANIFEST-");
    file_write(scratch_at(*state, current->name), current->bytes, current->size);
    file_write(scratch_at(*state, manifest->name), manifest->bytes, manifest->size);
    assert_int_equal(count(state), REFUSED);
    release(&old);
}

static void the_own_files_damaged_at_every_byte(void **state)
{
    make_store(state, true);
    struct tally tally = flip_everywhere(state, "store/generation");
    assert_true(tally.shorter == 0 && tally.complete == 0);
    tally = cut_everywhere(state, "store/generation");
    assert_true(tally.shorter == 0 && tally.complete == 0);
    tally = flip_everywhere(state, "store/godwit");
    assert_true(tally.shorter == 0 && tally.complete == 0);
    tally = cut_everywhere(state, "store/godwit");
    assert_true(tally.shorter == 0 && tally.complete == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup_quick, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_log_cut_at_every_byte),
        TEST(a_log_damaged_at_every_byte),
        TEST(a_table_damaged_at_every_byte),
        TEST(a_table_cut_at_every_byte),
        TEST(a_manifest_cut_or_damaged_at_every_byte),
        TEST(a_current_cut_or_damaged_at_every_byte),
        TEST(a_stale_current_is_refused),
        TEST(the_own_files_damaged_at_every_byte),
    };

    return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
