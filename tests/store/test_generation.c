/* SPDX-License-Identifier: MPL-2.0 */

/* The generation file: whatever is missing, older or another's beside it is refused with a reason,
 * and no crash at any instant of an open makes an honest store refused. */

#include "lives.h"

/* The open itself may refuse, or the check. */
static enum gw_store_error try(const char *path)
{
    struct gw_store *store = NULL;

    why[0] = '\0';
    enum gw_store_error error = gw_leveldb_open(path, &store, why, sizeof why);
    if (error == GW_STORE_OK)
        error = check(store);
    gw_store_close(&store);
    return error;
}

#define ASSERT_REFUSED(path, code, word) do { \
    assert_int_equal(try(path), code); \
    if (!strstr(why, word)) \
        fail_msg("no \"%s\" in: %s", word, why); \
    assert_non_null(strstr(why, "another directory")); /* what to do */ \
} while (0)

/* --- the line --- */

static const struct gw_generation sample = {
    .store = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255}, .opens = 300, .process = 7,
    .log = 9};

static void a_line_is_text_and_comes_back(void **state)
{
    static const struct gw_generation extremes[] = {
        {.opens = 0}, {.opens = UINT64_MAX, .process = UINT64_MAX, .log = UINT64_MAX}};
    struct gw_generation read;
    char line[GW_GENERATION_LINE];

    (void)state;
    gw_generation_print(&sample, line);
    assert_string_equal(line, "godwit generation: store 0102030405060708090a0b0c0d0e0fff opens 300 "
                              "process 0000000000000007 log 9 crc e2209a9d\n");
    assert_true(gw_generation_parse(line, &read));
    assert_memory_equal(&read, &sample, sizeof read);
    for (size_t i = 0; i < 2; i++) {
        gw_generation_print(&extremes[i], line);
        assert_true(gw_generation_parse(line, &read));
        assert_memory_equal(&read, &extremes[i], sizeof read);
    }
}

static void every_damage_to_the_line_is_found(void **state)
{
    struct gw_generation read;
    char line[GW_GENERATION_LINE];

    (void)state;
    gw_generation_print(&sample, line);
    size_t size = strlen(line);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        line[bit / 8] = (char)(line[bit / 8] ^ 1 << bit % 8);
        assert_false(gw_generation_parse(line, &read));
        line[bit / 8] = (char)(line[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t cut = 0; cut < size; cut++) {
        char kept = line[cut];
        line[cut] = '\0';
        assert_false(gw_generation_parse(line, &read));
        line[cut] = kept;
    }
    strcat(line, "\n");
    assert_false(gw_generation_parse(line, &read));
}

static void a_line_with_a_short_uuid_is_refused(void **state)
{
    static const char *const uuids[] = {"", "0", "01", "012", "0123456789abcdef0123456789abcde"};
    struct gw_generation read;
    char line[GW_GENERATION_LINE];

    (void)state;
    for (size_t i = 0; i < sizeof uuids / sizeof *uuids; i++) {
        snprintf(line, sizeof line, "godwit generation: store %s opens 7 process 0000000000000007 "
                 "log 9 crc e2209a9d\n", uuids[i]);
        assert_false(gw_generation_parse(line, &read));
    }
}

static void pairs_of_file_and_store_are_judged(void **state)
{
    struct gw_generation file = sample, store = sample;

    (void)state;
    assert_int_equal(gw_generation_judge(&file, &store), GW_GENERATION_SAME);
    store.process++;
    assert_int_equal(gw_generation_judge(&file, &store), GW_GENERATION_FORKED);
    store.opens++;
    assert_int_equal(gw_generation_judge(&file, &store), GW_GENERATION_BEHIND);
    store.opens++;
    assert_int_equal(gw_generation_judge(&file, &store), GW_GENERATION_OLD_FILE);
    store.opens = file.opens - 1;
    assert_int_equal(gw_generation_judge(&file, &store), GW_GENERATION_OLD_STORE);
    store.store[0]++;
    assert_int_equal(gw_generation_judge(&file, &store), GW_GENERATION_FOREIGN);
    store = (struct gw_generation){0}; /* never claimed, or it lost that row */
    assert_int_equal(gw_generation_judge(&file, &store), GW_GENERATION_OLD_STORE);
    file = (struct gw_generation){0};
    assert_int_equal(gw_generation_judge(&file, &store), GW_GENERATION_SAME);
    store = sample;
    store.opens = 1;
    assert_int_equal(gw_generation_judge(&file, &store), GW_GENERATION_BEHIND);
    store.opens = UINT64_MAX;
    assert_int_equal(gw_generation_judge(&file, &store), GW_GENERATION_OLD_FILE);
}

/* --- honest stores --- */

/* Every sequence of five opens, each of which dies at some place. */
static void no_crash_makes_an_honest_store_refused(void **state)
{
    for (unsigned code = 0; code < 4 * 4 * 4 * 4 * 4; code += 7) {
        unsigned rest = code;
        for (unsigned i = 0; i < 5; i++, rest /= 4)
            live_once(store_path(state), (enum reached)(rest % 4));
        live_once(store_path(state), NOTED);
    }
}

/* The file is written aside: what a crash leaves of that is not looked at. */
static void a_half_written_file_is_not_looked_at(void **state)
{
    live_once(store_path(state), NOTED);
    file_write(scratch_at(*state, "store/generation.new"), "godwit gen", 10);
    live_once(store_path(state), NOTED);
    assert_false(file_exists(scratch_at(*state, "store/generation.new")));
}

static void a_copy_of_the_whole_directory_opens(void **state)
{
    for (unsigned i = 0; i < 3; i++)
        live_once(store_path(state), i == 1 ? CLAIMED : NOTED);
    for (unsigned reached = CLAIMED; reached <= NOTED; reached++) {
        live_once(store_path(state), (enum reached)reached);
        shell("cp -r '%s' '%s'", store_path(state), scratch_at(*state, "copy"));
        live_once(scratch_at(*state, "copy"), NOTED);
        live_once(scratch_at(*state, "copy"), NOTED);
        shell("rm -r '%s'", scratch_at(*state, "copy"));
    }
    live_once(store_path(state), NOTED);
}

/* --- and others --- */

static void a_missing_or_damaged_file_is_refused(void **state)
{
    char *path = strdup(scratch_at(*state, "store/generation"));
    size_t size;

    live_once(store_path(state), NOTED);
    char *line = file_read(path, &size);
    assert_int_equal(unlink(path), 0);
    ASSERT_REFUSED(store_path(state), GW_STORE_CORRUPT, "generation is missing");
    shell(": > '%s'", path);
    ASSERT_REFUSED(store_path(state), GW_STORE_CORRUPT, "generation is damaged");
    file_write(path, line, size - 1);
    ASSERT_REFUSED(store_path(state), GW_STORE_CORRUPT, "generation is damaged");
    file_write(path, line, size);
    file_flip(path, size / 2, 1);
    ASSERT_REFUSED(store_path(state), GW_STORE_CORRUPT, "generation is damaged");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    ASSERT_REFUSED(store_path(state), GW_STORE_CORRUPT, "generation is damaged");
    assert_int_equal(rmdir(path), 0);
    file_write(path, line, size);
    live_once(store_path(state), NOTED);
    free(line);
    free(path);
}

static void a_file_of_another_store_is_refused(void **state)
{
    live_once(store_path(state), NOTED);
    live_once(scratch_at(*state, "other"), NOTED);
    shell("cp '%s/generation' '%s'", scratch_at(*state, "other"), store_path(state));
    ASSERT_REFUSED(store_path(state), GW_STORE_FOREIGN, "of another store");
}

/* Fault Y12. */
static void an_older_store_or_file_is_refused(void **state)
{
    live_once(store_path(state), NOTED);
    shell("cp -r '%s' '%s'", store_path(state), scratch_at(*state, "old"));
    shell("cp -r '%s' '%s'", store_path(state), scratch_at(*state, "kept"));
    live_once(store_path(state), NOTED);
    live_once(store_path(state), NOTED);
    shell("cp -r '%s' '%s'", store_path(state), scratch_at(*state, "new"));

    shell("rm -r '%s/db'; cp -r '%s/db' '%s'", store_path(state), scratch_at(*state, "old"),
          store_path(state));
    ASSERT_REFUSED(store_path(state), GW_STORE_CORRUPT, "is an old copy");
    struct gw_store *store = open_store(scratch_at(*state, "old")); /* one with higher logs */
    for (uint64_t i = 0; i < 30; i++)
        put(store, i, 1 << 20);
    gw_store_close(&store);
    shell("rm -r '%s/db'; cp -r '%s/db' '%s'", store_path(state), scratch_at(*state, "old"),
          store_path(state));
    ASSERT_REFUSED(store_path(state), GW_STORE_CORRUPT, "the store is older");
    assert_non_null(strstr(why, "opened 1 times, not 3"));
    shell("rm -r '%s'; mv '%s' '%s'", scratch_at(*state, "old"), scratch_at(*state, "kept"),
          scratch_at(*state, "old"));
    shell("rm -r '%s'; cp -r '%s' '%s'", store_path(state), scratch_at(*state, "new"),
          store_path(state));
    shell("cp '%s/generation' '%s'", scratch_at(*state, "old"), store_path(state));
    ASSERT_REFUSED(store_path(state), GW_STORE_CORRUPT, "generation is older");
    assert_non_null(strstr(why, "opened 1 times, not 3"));
    shell("cp '%s/generation' '%s'", scratch_at(*state, "new"), store_path(state));
    live_once(store_path(state), NOTED);
}

static void files_of_two_copies_are_not_mixed(void **state)
{
    live_once(store_path(state), NOTED);
    shell("cp -r '%s' '%s'", store_path(state), scratch_at(*state, "copy"));
    live_once(store_path(state), NOTED);
    live_once(scratch_at(*state, "copy"), NOTED);
    shell("cp '%s/generation' '%s'", scratch_at(*state, "copy"), store_path(state));
    ASSERT_REFUSED(store_path(state), GW_STORE_FOREIGN, "another copy");
}

/* A peer that reopens its store knows which one it was. */
static void another_store_than_the_expected_one_is_refused(void **state)
{
    uint8_t expected[16];

    live_once(store_path(state), NOTED);
    memset(expected, (int)processes - 1, sizeof expected); /* claim's */
    struct gw_store *store = open_store(store_path(state));
    assert_int_equal(gw_store_check_generation(store, expected, why, sizeof why), GW_STORE_OK);
    expected[15] ^= 1;
    assert_int_equal(gw_store_check_generation(store, expected, why, sizeof why),
                     GW_STORE_FOREIGN);
    assert_non_null(strstr(why, "holds another store now"));
    gw_store_close(&store);
}

/* The record of a store's owner that is damaged, or of a version to come. */
static void an_owner_that_cannot_be_read_is_told(void **state)
{
    static const uint8_t key[] = {GW_ROW_META};
    struct gw_row meta = {.kind = GW_ROW_META, .format = GW_STORE_FORMAT + 1, .peer = "me"};
    struct gw_write write = {0};

    live_once(store_path(state), NOTED);
    struct gw_store *store = open_store(store_path(state));
    gw_row_put(&write, &meta);
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_OK);
    assert_int_equal(check(store), GW_STORE_VERSION);
    assert_non_null(strstr(why, "written by another version of godwit"));
    gw_write_reset(&write);
    gw_write_put(&write, (struct gw_slice){key, 1}, (struct gw_slice){(uint8_t *)"damaged", 7});
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_OK);
    assert_int_equal(check(store), GW_STORE_CORRUPT);
    assert_non_null(strstr(why, "is damaged (the record of its owner)"));
    assert_int_equal(gw_store_note_generation(store, why, sizeof why), GW_STORE_CORRUPT);
    gw_write_clear(&write);
    gw_store_close(&store);
}

static void a_store_in_memory_has_no_generation(void **state)
{
    struct gw_store *store = NULL;

    (void)state;
    assert_int_equal(gw_memory_open(&store), GW_STORE_OK);
    assert_int_equal(check(store), GW_STORE_OK);
    assert_int_equal(gw_store_note_generation(store, why, sizeof why), GW_STORE_OK);
    assert_null(gw_leveldb_path(store));
    gw_store_close(&store);
}

/* An emptied database would pass for one in which all is settled. */
static void a_database_made_anew_is_refused(void **state)
{
    live_once(store_path(state), NOTED);
    live_once(scratch_at(*state, "fresh"), OPENED);
    shell("rm -r '%s/db'; cp -r '%s/db' '%s'", store_path(state), scratch_at(*state, "fresh"),
          store_path(state));
    ASSERT_REFUSED(store_path(state), GW_STORE_CORRUPT, "the store is older");
}

/* --- logs and the MANIFEST --- */

/* Fault D16. The second time the open count alone would not show it: the meta row is in a table. */
static void a_deleted_newest_log_is_refused(void **state)
{
    for (unsigned round = 0; round < 2; round++) {
        live_once(store_path(state), NOTED);
        struct gw_store *store = open_store(store_path(state));
        claim(store);
        assert_int_equal(gw_store_note_generation(store, why, sizeof why), GW_STORE_OK);
        for (uint64_t i = 0; i < (round ? 10 : 1); i++)
            put(store, i, 1 << 20);
        for (unsigned tries = 0; count_files(scratch_at(*state, "store/db"), ".log") > 1; tries++) {
            assert_true(tries < 30000); /* a table is being made of the first one */
            usleep(1000);
        }
        gw_store_close(&store);
        unsigned files = count_files(scratch_at(*state, "store/db"), "");
        shell("mv '%s'/*.log '%s'", scratch_at(*state, "store/db"), scratch_at(*state, ""));
        ASSERT_REFUSED(store_path(state), GW_STORE_CORRUPT, ".log is missing");
        assert_int_equal(count_files(scratch_at(*state, "store/db"), ""), files - 1);
        shell("mv '%s'/*.log '%s'", scratch_at(*state, ""), scratch_at(*state, "store/db"));
        live_once(store_path(state), NOTED);
    }
}

/* A process that dies between a new log and the end of the old one's turn into a table leaves two.
 * The MANIFEST names the older one, the generation file the newer one. */
static void either_of_two_logs_deleted_is_refused(void **state)
{
    unsigned met = 0;

    for (unsigned tries = 0; tries < 40 && met < 2; tries++) {
        shell("rm -rf '%s'", store_path(state));
        pid_t pid = fork();
        if (pid == 0) {
            struct gw_store *store = open_store(store_path(state));
            claim(store);
            gw_store_note_generation(store, why, sizeof why);
            for (uint64_t i = 0; i < 9; i++)
                put(store, i, 1 << 20);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        if (count_files(scratch_at(*state, "store/db"), ".log") < 2)
            continue;
        if (met++ == 0)
            assert_int_equal(unlink(file_ending(scratch_at(*state, "store/db"), ".log")), 0);
        else
            shell("rm \"$(ls '%s'/*.log | tail -n 1)\"", scratch_at(*state, "store/db"));
        ASSERT_REFUSED(store_path(state), GW_STORE_CORRUPT, ".log is missing");
    }
    if (met < 2)
        skip();
}

static const char *manifest_of(void **state)
{
    char name[64];
    size_t size;
    char *current = file_read(scratch_at(*state, "store/db/CURRENT"), &size);

    snprintf(name, sizeof name, "store/db/%.*s", (int)size - 1, current);
    free(current);
    return scratch_at(*state, name);
}

/* Fault D18: refused, or all is there; never a store that has forgotten. */
static void a_cut_manifest_never_loses_anything(void **state)
{
    size_t size;
    unsigned opened = 0, refused = 0;

    make_numbers(state);
    char *manifest = file_read(manifest_of(state), &size);
    shell("cp -r '%s' '%s'", store_path(state), scratch_at(*state, "kept"));
    for (size_t cut = size; cut > 0; cut -= cut > 7 ? 7 : cut) {
        unsigned count = 0;
        struct gw_store *store = NULL;
        file_write(manifest_of(state), manifest, cut - 1);
        enum gw_store_error error =
            gw_leveldb_open(store_path(state), &store, why, sizeof why);
        if (error == GW_STORE_OK)
            error = check(store);
        if (error == GW_STORE_OK) {
            gw_store_scan(store, (struct gw_slice){0}, (struct gw_slice){0}, count_one, &count);
            assert_int_equal(count, 20);
        }
        gw_store_close(&store);
        *(error ? &refused : &opened) += 1;
        shell("rm -r '%s'; cp -r '%s' '%s'", store_path(state), scratch_at(*state, "kept"),
              store_path(state));
    }
    print_message("%u cuts refused, %u opened with everything\n", refused, opened);
    assert_true(refused > 0);
    free(manifest);
}

static void damage_in_a_manifest_names_no_other_log(void **state)
{
    struct gw_manifest right, read;
    size_t size;

    make_numbers(state);
    uint8_t *manifest = file_read(manifest_of(state), &size);
    assert_int_equal(gw_manifest_parse(manifest, size, &right), GW_STORE_OK);
    assert_true(right.log > 0 && right.next > right.log);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        manifest[bit / 8] ^= (uint8_t)(1u << bit % 8);
        /* a length that now leads beyond the end is a cut: earlier numbers, or none */
        if (gw_manifest_parse(manifest, size, &read) == GW_STORE_OK)
            assert_true(read.log <= right.log && read.next <= right.next);
        manifest[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(gw_manifest_parse(manifest, 0, &read), GW_STORE_OK);
    assert_true(read.log == 0 && read.next == 0);
    free(manifest);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_text_and_comes_back),
        cmocka_unit_test(every_damage_to_the_line_is_found),
        cmocka_unit_test(a_line_with_a_short_uuid_is_refused),
        cmocka_unit_test(pairs_of_file_and_store_are_judged),
        TEST(no_crash_makes_an_honest_store_refused),
        TEST(a_half_written_file_is_not_looked_at),
        TEST(a_copy_of_the_whole_directory_opens),
        TEST(a_missing_or_damaged_file_is_refused),
        TEST(a_file_of_another_store_is_refused),
        TEST(an_older_store_or_file_is_refused),
        TEST(files_of_two_copies_are_not_mixed),
        TEST(another_store_than_the_expected_one_is_refused),
        TEST(an_owner_that_cannot_be_read_is_told),
        TEST(a_store_in_memory_has_no_generation),
        TEST(a_database_made_anew_is_refused),
        TEST(a_deleted_newest_log_is_refused),
        TEST(either_of_two_logs_deleted_is_refused),
        TEST(a_cut_manifest_never_loses_anything),
        TEST(damage_in_a_manifest_names_no_other_log),
    };

    return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
