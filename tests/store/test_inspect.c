/* SPDX-License-Identifier: MPL-2.0 */

/* A stopped peer's store is looked at without being touched. */

#include "lives.h"

/* Names, sizes, times and contents of all that is there. */
static char *fingerprint(const char *path)
{
    char command[4096], *text = calloc(1, 65536);

    snprintf(command, sizeof command, "cd '%s' && find . -printf '%%p %%s %%T@ %%C@\\n' | sort && "
             "find . -type f | sort | xargs sha256sum", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_true(fread(text, 1, 65535, pipe) > 0);
    assert_int_equal(pclose(pipe), 0);
    return text;
}

static void assert_untouched(char *before, char *after)
{
    size_t at = 0;

    while (before[at] && before[at] == after[at])
        at++;
    if (before[at] || after[at])
        fail_msg("before: %.100s\nafter: %.100s", before + (at > 60 ? at - 60 : 0), after + at);
    free(before);
    free(after);
}

static enum gw_store_error inspect(const char *path, struct gw_store **store)
{
    *store = NULL;
    why[0] = '\0';
    return gw_leveldb_inspect(path, store, why, sizeof why);
}

static void a_store_is_looked_at_without_being_touched(void **state)
{
    struct gw_store *store, *second;
    struct gw_write write = {0};
    unsigned count = 0;

    make_numbers(state);
    for (unsigned i = 6; i < 40; i++) { /* tables that no MANIFEST knows, of numbers to come */
        char name[32];
        snprintf(name, sizeof name, "store/db/%06u.ldb", i);
        if (!file_exists(scratch_at(*state, name)))
            file_write(scratch_at(*state, name), "orphan", 6);
    }
    assert_int_equal(mkdir(scratch_at(*state, "tmp"), 0700), 0);
    setenv("TMPDIR", scratch_at(*state, "tmp"), 1);
    char *before = fingerprint(store_path(state));
    assert_int_equal(inspect(store_path(state), &store), GW_STORE_OK);
    gw_store_scan(store, (struct gw_slice){0}, (struct gw_slice){0}, count_one, &count);
    assert_int_equal(count, 20); /* those in tables, and those in the log */
    gw_row_put(&write, &(struct gw_row){.kind = GW_ROW_DECIDED, .first = 1, .last = 1});
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_POISONED);
    assert_non_null(strstr(gw_store_why(store), "looked at"));
    gw_write_clear(&write);
    assert_int_equal(inspect(store_path(state), &second), GW_STORE_BUSY);
    assert_int_equal(gw_leveldb_open(store_path(state), &second, why, sizeof why), GW_STORE_BUSY);
    gw_store_close(&store);
    assert_int_equal(count_files(scratch_at(*state, "tmp"), ""), 2); /* . and .. */
    assert_untouched(before, fingerprint(store_path(state)));
    unsetenv("TMPDIR");
    live_once(store_path(state), NOTED);
}

/* Bodies are read where they are, and what nothing leads to stays as well. */
static void bodies_are_looked_at_where_they_are(void **state)
{
    static uint8_t body[200000];
    const struct gw_slice key = {(const uint8_t *)"b1", 2}, prefix = {(const uint8_t *)"facts", 5};
    struct gw_write write = {0};
    struct gw_buffer value = {0};

    memset(body, 'b', sizeof body);
    live_once(store_path(state), NOTED);
    struct gw_store *store = open_store(store_path(state));
    gw_write_put_outside(&write, key, prefix, (struct gw_slice){body, sizeof body});
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_OK);
    gw_write_clear(&write);
    gw_store_close(&store);
    file_write(scratch_at(*state, "store/bodies/00000099"), "garbage", 7);
    char *before = fingerprint(store_path(state));
    assert_int_equal(inspect(store_path(state), &store), GW_STORE_OK);
    assert_int_equal(gw_store_get(store, key, &value), GW_STORE_OK);
    assert_int_equal(value.size, prefix.size + sizeof body);
    assert_memory_equal(value.data + prefix.size, body, sizeof body);
    gw_store_close(&store);
    assert_untouched(before, fingerprint(store_path(state)));
    gw_buffer_clear(&value);
}

/* What a killed process left goes; what one has that lives stays, and so do others' folders. */
static void shadows_of_the_killed_are_removed(void **state)
{
    char path[2048];
    struct gw_store *store, *second;

    live_once(store_path(state), NOTED);
    live_once(scratch_at(*state, "other"), NOTED);
    assert_int_equal(mkdir(scratch_at(*state, "tmp"), 0700), 0);
    setenv("TMPDIR", scratch_at(*state, "tmp"), 1);
    pid_t pid = fork();
    if (pid == 0)
        _exit(gw_leveldb_inspect(store_path(state), &store, why, sizeof why));
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(count_files(scratch_at(*state, "tmp"), ""), 3);
    snprintf(path, sizeof path, "%s", scratch_at(*state, "tmp"));
    shell("mkdir '%s/godwit-mine'; touch '%s/godwit-inspect-file'; touch -d '1 hour ago' '%s'/*",
          path, path, path);

    assert_int_equal(inspect(store_path(state), &store), GW_STORE_OK);
    assert_int_equal(count_files(path, ""), 5); /* its own; the other folder, and what is none */
    shell("touch -d '1 hour ago' '%s'/*", path);
    assert_int_equal(inspect(scratch_at(*state, "other"), &second), GW_STORE_OK);
    assert_int_equal(count_files(path, ""), 6);
    gw_store_close(&second);
    gw_store_close(&store);
    assert_int_equal(count_files(path, ""), 4);
    unsetenv("TMPDIR");
}

static void an_open_peer_is_not_looked_at(void **state)
{
    struct gw_store *store = open_store(store_path(state)), *second;

    assert_int_equal(inspect(store_path(state), &second), GW_STORE_BUSY);
    gw_store_close(&store);
}

static void looking_makes_no_store(void **state)
{
    struct gw_store *store;

    assert_int_equal(inspect(store_path(state), &store), GW_STORE_IO);
    assert_false(file_exists(store_path(state)));
    assert_int_equal(mkdir(store_path(state), 0700), 0);
    assert_int_equal(inspect(store_path(state), &store), GW_STORE_FOREIGN);
    assert_non_null(strstr(why, "holds no store yet"));
    assert_int_equal(count_files(store_path(state), ""), 2);
    file_write(scratch_at(*state, "store/godwit.new"), "god", 3);
    assert_int_equal(inspect(store_path(state), &store), GW_STORE_FOREIGN);
}

static void looking_refuses_what_opening_refuses(void **state)
{
    struct gw_store *store;

    live_once(store_path(state), NOTED);
    live_once(store_path(state), CLAIMED); /* cut off: nothing wrong with it, and nothing mended */
    char *before = fingerprint(store_path(state));
    assert_int_equal(inspect(store_path(state), &store), GW_STORE_OK);
    gw_store_close(&store);
    assert_untouched(before, fingerprint(store_path(state)));
    assert_int_equal(unlink(scratch_at(*state, "store/generation")), 0);
    assert_int_equal(inspect(store_path(state), &store), GW_STORE_CORRUPT);
    assert_non_null(strstr(why, "generation is missing"));
    shell("rm '%s'/*.log", scratch_at(*state, "store/db"));
    assert_int_equal(inspect(store_path(state), &store), GW_STORE_CORRUPT);
    assert_non_null(strstr(why, ".log is missing"));
}

static void a_shadow_that_cannot_be_made_is_explained(void **state)
{
    struct gw_store *store;

    live_once(store_path(state), NOTED);
    setenv("TMPDIR", "/nowhere", 1);
    assert_int_equal(inspect(store_path(state), &store), GW_STORE_IO);
    assert_non_null(strstr(why, "set TMPDIR"));
    setenv("TMPDIR", "relative", 1); /* to what? then it is /tmp, as without one */
    assert_int_equal(inspect(store_path(state), &store), GW_STORE_OK);
    gw_store_close(&store);
    unsetenv("TMPDIR");
    assert_int_equal(inspect(store_path(state), &store), GW_STORE_OK);
    gw_store_close(&store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_store_is_looked_at_without_being_touched),
        TEST(bodies_are_looked_at_where_they_are),
        TEST(shadows_of_the_killed_are_removed),
        TEST(an_open_peer_is_not_looked_at),
        TEST(looking_makes_no_store),
        TEST(looking_refuses_what_opening_refuses),
        TEST(a_shadow_that_cannot_be_made_is_explained),
    };

    return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
