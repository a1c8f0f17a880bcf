/* SPDX-License-Identifier: MPL-2.0 */

/* A store that is read while its disk does not give it back, or from a copy that was made while it
 * was written (faults D10, D21): an error, a death or what is right, never a wrong value. */

#include "disk_faults.h"

#include "../store/lives.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define NUMBERS 40
#define COPIES 15

struct seen {
    uint64_t next;
    bool right;
};

static bool look(void *context, struct gw_slice key, struct gw_slice value)
{
    struct seen *seen = context;
    struct gw_reader reader = gw_reader_of(key.data, key.size);

    if (key.size == 8) /* not the meta row */
        seen->right &= gw_read_u64(&reader) == seen->next++ && value.size > 0;
    return true;
}

/* The numbers that are there, from 0 on without a gap. */
static enum gw_store_error count(struct gw_store *store, uint64_t *found)
{
    struct seen seen = {.right = true};
    enum gw_store_error error = gw_store_scan(store, (struct gw_slice){0}, (struct gw_slice){0},
                                              look, &seen);

    assert_true(error != GW_STORE_OK || seen.right);
    *found = seen.next;
    return error;
}

static void make_store(void **state, bool tables)
{
    live_once(store_path(state), NOTED);
    struct gw_store *store = open_store(store_path(state));
    for (uint64_t i = 0; i < NUMBERS; i++)
        put(store, i, 1000);
    gw_store_close(&store);
    if (tables)
        live_once(store_path(state), NOTED);
}

/* D10. Each read of an open in turn; then the disk is well again. */
static void a_read_that_fails_refuses_and_harms_nothing(void **state)
{
    unsigned nth = 1, refused = 0;
    uint64_t found;

    make_store(state, false);
    for (bool hit = true; hit; nth++) {
        struct gw_store *store = NULL;
        disk_fault_add(&(struct disk_fault){.below = store_path(state), .call = DISK_READ,
                                            .first = nth, .count = 1, .error = EIO});
        enum gw_store_error error = gw_leveldb_open(store_path(state), &store, why, sizeof why);
        if (error == GW_STORE_OK)
            error = check(store);
        hit = disk_fault_hits() > 0;
        disk_faults_clear();
        refused += error != GW_STORE_OK;
        assert_true(error == GW_STORE_OK || error == GW_STORE_IO || error == GW_STORE_CORRUPT);
        gw_store_close(&store);
        store = open_store(store_path(state));
        assert_int_equal(check(store), GW_STORE_OK);
        assert_int_equal(count(store, &found), GW_STORE_OK);
        assert_int_equal(found, NUMBERS);
        gw_store_close(&store);
        assert_true(nth < 1000);
    }
    print_message("%u of %u reads refuse the open\n", refused, nth - 2);
    assert_true(refused > 0);
}

/* D10. LevelDB maps its tables: what is cut off there is a SIGBUS, as a media error is. */
static void a_table_cut_under_the_map_kills_or_is_told(void **state)
{
    int status;

    make_store(state, true);
    pid_t pid = fork();
    if (pid == 0) {
        struct gw_store *store = open_store(store_path(state));
        uint64_t found;
        if (count(store, &found) != GW_STORE_OK || found != NUMBERS)
            _exit(1);
        if (truncate(file_ending(scratch_at(*state, "store/db"), ".ldb"), 0) != 0)
            _exit(2);
        signal(SIGBUS, SIG_DFL);
        _exit(count(store, &found) == GW_STORE_CORRUPT ? 0 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS));
    struct gw_store *store = NULL;
    uint64_t found = 0;
    enum gw_store_error error = gw_leveldb_open(store_path(state), &store, why, sizeof why);
    if (error == GW_STORE_OK)
        error = count(store, &found);
    gw_store_close(&store);
    assert_true(error == GW_STORE_CORRUPT || error == GW_STORE_IO);
}

/* --- D21 --- */

static atomic_bool stopping;
static atomic_uint_fast64_t written;

static void *write_on(void *context)
{
    struct gw_store *store = context;

    for (uint64_t i = NUMBERS; !atomic_load(&stopping); i++) {
        put(store, i, i % 5 == 0 ? 100000 : 1000);
        atomic_store(&written, i + 1);
        usleep(500); /* the copies are to end */
    }
    return NULL;
}

static void a_copy_made_while_it_is_written_is_refused_or_valid(void **state)
{
    unsigned valid = 0, refused = 0;
    pthread_t writer;

    make_store(state, true);
    struct gw_store *store = open_store(store_path(state));
    atomic_store(&written, NUMBERS);
    assert_int_equal(pthread_create(&writer, NULL, write_on, store), 0);
    for (unsigned i = 0; i < COPIES; i++) {
        struct gw_store *copy = NULL;
        uint64_t before = atomic_load(&written), found = 0;
        char command[4096];

        while (atomic_load(&written) < before + 10)
            usleep(1000);
        snprintf(command, sizeof command, "cp -r '%s' '%s' 2>/dev/null || true",
                 store_path(state), scratch_at(*state, "copy"));
        assert_int_equal(system(command), 0);
        enum gw_store_error error =
            gw_leveldb_open(scratch_at(*state, "copy"), &copy, why, sizeof why);
        if (error == GW_STORE_OK)
            error = check(copy);
        if (error == GW_STORE_OK)
            error = count(copy, &found);
        gw_store_close(&copy);
        assert_true(error == GW_STORE_OK || error == GW_STORE_CORRUPT);
        *(error == GW_STORE_OK ? &valid : &refused) += 1;
        if (error == GW_STORE_OK)
            assert_in_range(found, NUMBERS, atomic_load(&written) + 1);
        shell("rm -rf '%s'", scratch_at(*state, "copy"));
    }
    atomic_store(&stopping, true);
    pthread_join(writer, NULL);
    gw_store_close(&store);
    print_message("%u copies valid, %u refused\n", valid, refused);
    assert_true(valid > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup_quick, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_read_that_fails_refuses_and_harms_nothing),
        TEST(a_table_cut_under_the_map_kills_or_is_told),
        TEST(a_copy_made_while_it_is_written_is_refused_or_valid),
    };

    return cmocka_run_group_tests_name("reading", tests, NULL, NULL);
}
