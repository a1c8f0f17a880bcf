/* SPDX-License-Identifier: MPL-2.0 */

/* The power goes at each place inside the open of a store that is there (decision 0026). LevelDB
 * writes a table from its log, a MANIFEST, a file that it renames to CURRENT, and removes the old
 * ones; after each of these steps the disk is set to states that a power cut may leave. The store
 * opens, and has all that was acknowledged.
 *
 *     test_power_open --live DIRECTORY ACKNOWLEDGED
 *
 * is the process: it opens the store, writes a number, tells by memory that it shares that it is
 * acknowledged, and ends, without closing the store. */

#include "scratch.h"

#include "disk.h"
#include "shim/change.h"

#include "store/store.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SIZE 20000  /* of a number: some go into a file of bodies, some into LevelDB */
#define PLACES_MAX 400
#define SEEDS 3     /* states for each place */

extern char **environ;

static char why[512];

/* --- the process --- */

static atomic_uint_fast64_t *share(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);

    if (fd < 0 || ftruncate(fd, sizeof(atomic_uint_fast64_t)) != 0)
        return NULL;
    void *page = mmap(NULL, sizeof(atomic_uint_fast64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                      0);
    close(fd);
    return page == MAP_FAILED ? NULL : page;
}

static enum gw_store_error put(struct gw_store *store, uint64_t number)
{
    static uint8_t content[SIZE];
    struct gw_write write = {0};
    struct gw_buffer key = {0};

    memset(content, (int)('a' + number % 26), sizeof content);
    gw_buffer_u8(&key, 'b'); /* as a batch */
    gw_buffer_u64(&key, number);
    gw_write_put_outside(&write, (struct gw_slice){key.data, key.size}, (struct gw_slice){0},
                         (struct gw_slice){content, number % 2 ? 4 * SIZE / 5 : SIZE / 20});
    enum gw_store_error error = gw_store_write(store, &write, true);
    gw_write_clear(&write);
    gw_buffer_clear(&key);
    return error;
}

static int live(const char *directory, const char *path)
{
    atomic_uint_fast64_t *acknowledged = share(path);
    struct gw_store *store = NULL;

    if (!acknowledged || gw_leveldb_open(directory, &store, why, sizeof why) != GW_STORE_OK ||
        put(store, atomic_load(acknowledged)) != GW_STORE_OK)
        return 1;
    atomic_fetch_add(acknowledged, 1);
    _exit(0);
}

/* --- its lives --- */

struct machine {
    struct scratch scratch;
    struct lab_disk *disk;
    atomic_uint_fast64_t *acknowledged;
    char directory[1200], path[1200];
};

static void begin(struct machine *machine, bool strict, bool lies)
{
    if (!machine->scratch.path[0])
        scratch_make_quick(&machine->scratch);
    snprintf(machine->directory, sizeof machine->directory, "%s",
             scratch_at(&machine->scratch, "store"));
    snprintf(machine->path, sizeof machine->path, "%s",
             scratch_at(&machine->scratch, "acknowledged"));
    machine->disk = lab_disk_new(machine->directory, 0, true, why, sizeof why);
    if (!machine->disk)
        fail_msg("%s", why);
    if (strict)
        lab_disk_be_strict(machine->disk);
    if (lies)
        lab_disk_act(machine->disk, &(struct lab_order){.verb = LAB_lie_syncs});
    machine->acknowledged = share(machine->path);
    assert_non_null(machine->acknowledged);
}

static void end(struct machine *machine)
{
    munmap(machine->acknowledged, sizeof *machine->acknowledged);
    lab_disk_free(&machine->disk, true);
    scratch_remove(&machine->scratch);
}

/* True: it ended at that place; false: it has no more than those before it. */
static bool ends_at(struct machine *machine, uint64_t place)
{
    char name[] = "test_power_open", mode[] = "--live";
    char *arguments[] = {name, mode, machine->directory, machine->path, NULL};
    char *const *more = lab_disk_environment(machine->disk);
    char *all[256];
    size_t count = 0;
    int status;
    pid_t pid;

    for (size_t i = 0; environ[i] && count < 250; i++)
        all[count++] = environ[i];
    while (*more)
        all[count++] = *more++;
    all[count] = NULL;
    assert_int_equal(lab_disk_ready(machine->disk), 0);
    lab_disk_end_at(machine->disk, place);
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, all), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    assert_int_equal(status, 0);
    return false;
}

/* Lives enough for tables, an old MANIFEST, an old LOG and a file of bodies. */
static void live_some(struct machine *machine)
{
    for (int i = 0; i < 3; i++)
        assert_false(ends_at(machine, 0));
}

static bool count_one(void *context, struct gw_slice key, struct gw_slice value)
{
    struct gw_reader reader = gw_reader_of(key.data, key.size);
    uint64_t *found = context;

    gw_read_u8(&reader);
    uint64_t number = gw_read_u64(&reader);
    if (number == *found && value.size > 0 && value.data[0] == 'a' + number % 26 &&
        value.data[value.size - 1] == 'a' + number % 26)
        (*found)++;
    return true;
}

enum fate { ALL_THERE, REFUSED, LOST };

static enum fate cut_and_look(struct machine *machine, uint64_t seed)
{
    struct gw_store *store = NULL;
    uint64_t bytes, files, found = 0;

    assert_int_equal(lab_disk_power_cut(machine->disk, seed, &bytes, &files), 0);
    if (gw_leveldb_open(machine->directory, &store, why, sizeof why) != GW_STORE_OK)
        return REFUSED;
    enum gw_store_error error = gw_store_scan(store, (struct gw_slice){0}, (struct gw_slice){0},
                                              count_one, &found);
    snprintf(why, sizeof why, "%d acknowledged, %d found",
             (int)atomic_load(machine->acknowledged), (int)found);
    gw_store_close(&store);
    return error == GW_STORE_OK && found >= atomic_load(machine->acknowledged) ? ALL_THERE : LOST;
}

/* How the store fares whose open was cut off at that place; `more`: there is such a place. */
static enum fate fate_at(uint64_t place, uint64_t seed, bool strict, bool lies, bool *more)
{
    struct machine machine = {0};

    begin(&machine, strict, lies);
    live_some(&machine);
    *more = ends_at(&machine, place);
    enum fate fate = cut_and_look(&machine, place * SEEDS + seed);
    end(&machine);
    return fate;
}

/* --- what holds --- */

static void a_cut_at_any_place_of_an_open_leaves_a_store_that_opens(void **state)
{
    bool more = true;
    uint64_t place = 1;

    (void)state;
    for (; more; place++) {
        assert_true(place < PLACES_MAX);
        for (uint64_t seed = 0; seed < SEEDS; seed++)
            if (fate_at(place, seed, false, false, &more) != ALL_THERE)
                fail_msg("place %d, seed %d: %s", (int)place, (int)seed, why);
    }
    print_message("%d places\n", (int)place - 2);
    assert_true(place > 40); /* that of a table, a MANIFEST, CURRENT, and what goes for them */
}

/* On a disk that knows a name only when its folder was synced. */
static void the_same_by_the_letter_of_posix(void **state)
{
    bool more = true;

    (void)state;
    for (uint64_t place = 1; more; place++) {
        assert_true(place < PLACES_MAX);
        if (fate_at(place, 0, true, false, &more) != ALL_THERE)
            fail_msg("place %d: %s", (int)place, why);
    }
}

/* A map of so many bytes, of which the process wrote down nothing but what it is. */
static void write_down_half(struct machine *machine, uint64_t size)
{
    struct lab_change half = {.magic = LAB_CHANGE_MAGIC, .kind = LAB_CHANGE_MAP, .file = 1,
                              .data_size = size};
    FILE *journal = fopen(scratch_at(&machine->scratch, "store.disk/journal"), "ae");

    half.sum = lab_change_sum(&half);
    assert_non_null(journal);
    assert_int_equal(fwrite(&half, sizeof half, 1, journal), 1);
    assert_int_equal(fclose(journal), 0);
}

/* Not in memory: where inodes are used again the next open's CURRENT has one of an old LOG, whose
 * bytes were never synced, and they are told apart by what was written down in between. */
static void a_process_killed_while_it_wrote_down_hides_nothing_of_the_next(void **state)
{
    (void)state;
    for (uint64_t size = 3600; size < 5200; size += 80) {
        struct machine machine = {0};

        scratch_make(&machine.scratch);
        begin(&machine, false, false);
        live_some(&machine);
        write_down_half(&machine, size);
        for (int i = 0; i < 2; i++)
            assert_false(ends_at(&machine, 0));
        if (cut_and_look(&machine, size) != ALL_THERE)
            fail_msg("half a record of %d bytes: %s", (int)size, why);
        end(&machine);
    }
}

/* That the above can fail: a disk that lies may leave a CURRENT of no bytes, and more. */
static void a_disk_that_lies_is_found_out(void **state)
{
    unsigned bad = 0;
    bool more;

    (void)state;
    for (uint64_t place = 20; place < 60; place++)
        bad += fate_at(place, 0, false, true, &more) != ALL_THERE;
    assert_true(bad > 5);
}

int main(int count, char **arguments)
{
    char lacks[300];

    if (count == 4 && strcmp(arguments[1], "--live") == 0)
        return live(arguments[2], arguments[3]);
    if (lab_disk_lacks(false, true, lacks, sizeof lacks)) {
        printf("skipped: %s\n", lacks);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_at_any_place_of_an_open_leaves_a_store_that_opens),
        cmocka_unit_test(the_same_by_the_letter_of_posix),
        cmocka_unit_test(a_process_killed_while_it_wrote_down_hides_nothing_of_the_next),
        cmocka_unit_test(a_disk_that_lies_is_found_out),
    };

    return cmocka_run_group_tests_name("power_open", tests, NULL, NULL);
}
