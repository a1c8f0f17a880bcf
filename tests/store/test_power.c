/* SPDX-License-Identifier: MPL-2.0 */

/* The store over power cuts (faults D01 to D04; hazards DB03, DB06): a process below the lab's shim
 * writes numbers, tells what was acknowledged by memory that it shares with this one, and dies at
 * some write; its disk is set to a state that a power cut may leave; it opens again. `test_power
 * --write DIR ACKNOWLEDGED HOW` is that process. */

#include "scratch.h"

#include "disk.h"

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define PATIENCE_MS 60000
#define LARGE ((size_t)600 << 10) /* a dozen of them, and LevelDB takes a new log */
#define WINDOW ((uint64_t)24)     /* the last ones, if all others are deleted */

extern char **environ;

static char why[512];

/* --- the numbers --- */

struct shared {
    atomic_uint_fast64_t acknowledged; /* numbers 0 to this - 1 */
    atomic_uint_fast64_t lives_for;    /* writes, then it kills itself */
};

static struct shared *share(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);

    if (fd < 0 || ftruncate(fd, sizeof(struct shared)) != 0)
        return NULL;
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return shared == MAP_FAILED ? NULL : shared;
}

static size_t size_of(uint64_t number)
{
    return number % 3 == 0 ? LARGE : 100 + number % 1000;
}

static uint8_t content[26][LARGE];

/* In one write. */
static enum gw_store_error put(struct gw_store *store, uint64_t first, uint64_t count, bool sync)
{
    struct gw_write write = {0};

    for (uint64_t number = first; number < first + count; number++) {
        struct gw_buffer key = {0};
        gw_buffer_u8(&key, 'b'); /* as a batch: large ones lie apart */
        gw_buffer_u64(&key, number);
        memset(content[number % 26], (int)('a' + number % 26), size_of(number));
        gw_write_put_outside(&write, (struct gw_slice){key.data, key.size}, (struct gw_slice){0},
                             (struct gw_slice){content[number % 26], size_of(number)});
        gw_buffer_clear(&key);
    }
    enum gw_store_error error = gw_store_write(store, &write, sync);
    gw_write_clear(&write);
    return error;
}

static enum gw_store_error delete(struct gw_store *store, uint64_t number)
{
    struct gw_buffer key = {0};
    struct gw_write write = {0};

    gw_buffer_u8(&key, 'b');
    gw_buffer_u64(&key, number);
    gw_write_delete(&write, (struct gw_slice){key.data, key.size});
    enum gw_store_error error = gw_store_write(store, &write, false);
    gw_write_clear(&write);
    gw_buffer_clear(&key);
    return error;
}

/* --- the process --- */

/* As a peer does after a write that failed. */
static void open_at_last(const char *directory, struct gw_store **store)
{
    gw_store_close(store);
    while (gw_leveldb_open(directory, store, why, sizeof why) != GW_STORE_OK)
        usleep(1000);
}

/* Long enough for LevelDB's logs. Many bodies in one write do not go into one file then. */
static uint64_t make_files_short(void)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){10 << 20, 10 << 20});
    return 24; /* numbers, of which eight are large */
}

static bool is_synced(const char *how, uint64_t number)
{
    return strcmp(how, "window") == 0 ? number % 2 == 0 : strcmp(how, "unsynced") != 0;
}

static int be_writer(const char *directory, const char *path, const char *how)
{
    struct shared *shared = share(path);
    struct gw_store *store = NULL;

    if (!shared)
        return 1;
    open_at_last(directory, &store);
    uint64_t number = atomic_load(&shared->acknowledged), each = 1;
    if (strcmp(how, "spanning") == 0)
        each = make_files_short();
    for (uint64_t i = 0; i < atomic_load(&shared->lives_for); i++, number += each) {
        while (put(store, number, each, is_synced(how, number)) != GW_STORE_OK)
            open_at_last(directory, &store);
        atomic_store(&shared->acknowledged, number + each);
        if (strcmp(how, "window") == 0 && number >= WINDOW &&
            delete(store, number - WINDOW) != GW_STORE_OK)
            return 3;
    }
    for (uint64_t i = 0; strcmp(how, "deleted") == 0 && i < number; i++)
        if (delete(store, i) != GW_STORE_OK)
            return 3;
    for (uint64_t i = 0; strcmp(how, "deleted") == 0 && i < 90; i++) /* over the bytes of those */
        if (put(store, number + i, 1, false) != GW_STORE_OK)
            return 4;
    raise(SIGKILL);
    return 2;
}

/* --- its lives --- */

struct machine {
    struct scratch scratch;
    struct lab_disk *disk;
    struct shared *shared;
    char directory[1200], acknowledged[1200];
};

static void begin(struct machine *machine)
{
    memset(machine, 0, sizeof *machine);
    scratch_make_quick(&machine->scratch);
    snprintf(machine->directory, sizeof machine->directory, "%s",
             scratch_at(&machine->scratch, "store"));
    snprintf(machine->acknowledged, sizeof machine->acknowledged, "%s",
             scratch_at(&machine->scratch, "acknowledged"));
    machine->disk = lab_disk_new(machine->directory, 0, true, why, sizeof why);
    if (!machine->disk)
        fail_msg("%s", why);
    machine->shared = share(machine->acknowledged);
    assert_non_null(machine->shared);
}

static void end(struct machine *machine)
{
    munmap(machine->shared, sizeof *machine->shared);
    lab_disk_free(&machine->disk, true);
    scratch_remove(&machine->scratch);
}

static pid_t start(struct machine *machine, const char *how, uint64_t writes)
{
    char name[] = "test_power", mode[] = "--write", kind[16];
    char *arguments[] = {name, mode, machine->directory, machine->acknowledged, kind, NULL};
    char *const *more = lab_disk_environment(machine->disk);
    char *all[256];
    size_t count = 0;
    pid_t pid;

    snprintf(kind, sizeof kind, "%s", how);
    for (size_t i = 0; environ[i] && count < 250; i++)
        all[count++] = environ[i];
    while (*more)
        all[count++] = *more++;
    all[count] = NULL;
    atomic_store(&machine->shared->lives_for, writes);
    assert_int_equal(lab_disk_ready(machine->disk), 0);
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, all), 0);
    return pid;
}

static void await_death(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, SIGKILL);
}

static void live(struct machine *machine, const char *how, uint64_t writes)
{
    await_death(start(machine, how, writes));
}

static void await_more(struct machine *machine, uint64_t more)
{
    uint64_t wanted = atomic_load(&machine->shared->acknowledged) + more;

    for (unsigned ms = 0; atomic_load(&machine->shared->acknowledged) < wanted; ms++) {
        assert_true(ms < PATIENCE_MS);
        usleep(1000);
    }
}

static void cut(struct machine *machine, uint64_t seed)
{
    uint64_t bytes, files;

    assert_int_equal(lab_disk_power_cut(machine->disk, seed, &bytes, &files), 0);
}

struct found {
    uint64_t next;    /* 0 to this - 1 are there, without a gap */
    uint64_t from;    /* and from this on ... */
    uint64_t window;  /* ... those of which there is a bit */
    bool right;
};

static bool look(void *context, struct gw_slice key, struct gw_slice value)
{
    struct found *found = context;
    struct gw_reader reader = gw_reader_of(key.data, key.size);

    gw_read_u8(&reader);
    uint64_t number = gw_read_u64(&reader);
    if (value.size == 0) /* lost, and known to be: it was not synced */
        return true;
    found->right &= value.size == size_of(number);
    for (size_t i = 0; i < value.size; i++)
        found->right &= value.data[i] == 'a' + number % 26;
    if (number == found->next)
        found->next++;
    if (number >= found->from && number - found->from < 64)
        found->window |= (uint64_t)1 << (number - found->from);
    return true;
}

/* False: it is refused, with the reason in `why`. */
static bool look_at_all(struct machine *machine, struct found *found)
{
    struct gw_store *store = NULL;

    if (gw_leveldb_open(machine->directory, &store, why, sizeof why) != GW_STORE_OK)
        return false;
    assert_int_equal(gw_store_scan(store, (struct gw_slice){0}, (struct gw_slice){0}, look, found),
                     GW_STORE_OK);
    assert_true(found->right);
    gw_store_close(&store);
    return true;
}

/* What is there: SIZE_MAX if it is refused, with the reason in `why`. */
static uint64_t count(struct machine *machine)
{
    struct found found = {.right = true};

    return look_at_all(machine, &found) ? found.next : SIZE_MAX;
}

/* --- what holds --- */

#define LIVES 30

/* D01, D02, D03. Syncs take their time, so that most are killed while one is under way. */
static void what_was_synced_survives_every_power_cut(void **state)
{
    const struct lab_order slow = {.verb = LAB_slow_syncs, .span = {0, 2000}};
    struct machine machine;

    (void)state;
    begin(&machine);
    assert_int_equal(lab_disk_act(machine.disk, &slow), 0);
    for (uint64_t seed = 1; seed <= LIVES; seed++) {
        pid_t pid = start(&machine, "synced", UINT64_MAX);
        await_more(&machine, 1 + seed * 7 % 23);
        kill(pid, SIGKILL);
        await_death(pid);
        uint64_t acknowledged = atomic_load(&machine.shared->acknowledged);
        if (seed % 4 == 0)
            continue; /* only killed: the next cut is of both lives */
        cut(&machine, seed);
        uint64_t found = count(&machine);
        if (found == SIZE_MAX)
            fail_msg("seed %d: %s", (int)seed, why);
        if (found < acknowledged)
            fail_msg("seed %d: %d acknowledged, %d found", (int)seed, (int)acknowledged,
                     (int)found);
    }
    end(&machine);
}

/* D03 on a disk that knows a file's name only when its folder was synced. LevelDB's MANIFEST does
 * not wait for that, so that a store may be refused; but nothing is missing in one that opens. */
static void nothing_is_lost_in_silence_even_by_the_letter(void **state)
{
    unsigned refused = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= LIVES; seed++) {
        struct machine machine;

        begin(&machine);
        lab_disk_be_strict(machine.disk);
        for (unsigned i = 0; i < 2; i++)
            live(&machine, "synced", 20 + seed);
        uint64_t acknowledged = atomic_load(&machine.shared->acknowledged);
        cut(&machine, seed);
        uint64_t found = count(&machine);
        refused += found == SIZE_MAX;
        if (found < acknowledged)
            fail_msg("seed %d: %d acknowledged, %d found", (int)seed, (int)acknowledged,
                     (int)found);
        end(&machine);
    }
    print_message("%u of %d refused\n", refused, LIVES);
    assert_true(refused < LIVES / 2);
}

/* That the above can fail: what was not synced is lost. */
static unsigned losses(const char *how, bool lies)
{
    unsigned lost = 0;

    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct machine machine;

        begin(&machine);
        if (lies)
            assert_int_equal(lab_disk_act(machine.disk,
                                          &(struct lab_order){.verb = LAB_lie_syncs}), 0);
        live(&machine, how, 2);
        cut(&machine, seed);
        uint64_t found = count(&machine);
        lost += found < 2 || found == SIZE_MAX;
        end(&machine);
    }
    return lost;
}

static void what_was_not_synced_is_lost(void **state)
{
    (void)state;
    assert_true(losses("unsynced", false) > 2);
    assert_int_equal(losses("synced", false), 0);
}

/* All files that a write's bodies went into are synced before it counts. */
static void a_write_that_spans_files_survives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct machine machine;

        begin(&machine);
        live(&machine, "spanning", 5);
        cut(&machine, seed);
        assert_true(count(&machine) == 5 * 24);
        end(&machine);
    }
}

/* A file goes when nothing leads to it, and what goes by an unsynced delete might come back. */
static void a_synced_body_does_not_go_before_its_row(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct machine machine;

        begin(&machine);
        live(&machine, "deleted", 330); /* four files full */
        cut(&machine, seed);
        if (count(&machine) == SIZE_MAX)
            fail_msg("seed %d: %s", (int)seed, why);
        end(&machine);
    }
}

/* Files of bodies are written over: synced bodies and others, each with others' bytes below it. */
static void a_file_that_is_used_again_loses_nothing_synced(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct machine machine;
        struct found found = {.right = true};

        begin(&machine);
        for (unsigned i = 0; i < 3; i++)
            live(&machine, "window", 150 + seed);
        cut(&machine, seed);
        uint64_t end_of_all = atomic_load(&machine.shared->acknowledged);
        found.from = end_of_all - WINDOW;
        if (!look_at_all(&machine, &found))
            fail_msg("seed %d: %s", (int)seed, why);
        for (uint64_t number = found.from; number < end_of_all; number++)
            if (is_synced("window", number) && !(found.window >> (number - found.from) & 1))
                fail_msg("seed %d: %d of %d is not there", (int)seed, (int)number,
                         (int)end_of_all);
        end(&machine);
    }
}

/* D04: no program can hold against that; a directory whose making was lost is empty again. */
static void what_a_lying_disk_promised_is_lost(void **state)
{
    (void)state;
    assert_true(losses("synced", true) > 2);
}

/* DB02: the sync that fails may have lost its pages for good. Whoever opens again and writes on has
 * all that was acknowledged before and after. */
static void a_failed_sync_costs_nothing_acknowledged(void **state)
{
    const struct lab_order fail = {.verb = LAB_fail_syncs, .error = EIO};
    struct machine machine;

    (void)state;
    begin(&machine);
    for (uint64_t seed = 1; seed <= LIVES; seed++) {
        uint64_t hits = lab_disk_hits(machine.disk);
        pid_t pid = start(&machine, "synced", UINT64_MAX);
        await_more(&machine, seed % 5);
        assert_int_equal(lab_disk_act(machine.disk, &fail), 0);
        for (unsigned ms = 0; lab_disk_hits(machine.disk) < hits + 1 + seed % 2; ms++) {
            assert_true(ms < PATIENCE_MS); /* a write, and an open */
            usleep(1000);
        }
        lab_disk_heal(machine.disk, LAB_fail_syncs);
        await_more(&machine, seed % 30);
        atomic_store(&machine.shared->lives_for, 0);
        await_death(pid);
        cut(&machine, seed);
        uint64_t found = count(&machine), acknowledged = atomic_load(&machine.shared->acknowledged);
        if (found < acknowledged || found == SIZE_MAX)
            fail_msg("seed %d: %d acknowledged, %d found: %s", (int)seed, (int)acknowledged,
                     (int)found, why);
    }
    end(&machine);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--write") == 0)
        return be_writer(argv[2], argv[3], argv[4]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_synced_survives_every_power_cut),
        cmocka_unit_test(nothing_is_lost_in_silence_even_by_the_letter),
        cmocka_unit_test(what_was_not_synced_is_lost),
        cmocka_unit_test(a_write_that_spans_files_survives),
        cmocka_unit_test(a_synced_body_does_not_go_before_its_row),
        cmocka_unit_test(a_file_that_is_used_again_loses_nothing_synced),
        cmocka_unit_test(what_a_lying_disk_promised_is_lost),
        cmocka_unit_test(a_failed_sync_costs_nothing_acknowledged),
    };

    if (lab_disk_lacks(false, true, why, sizeof why)) {
        printf("skipped: %s\n", why);
        return 77;
    }
    return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
