/* SPDX-License-Identifier: MPL-2.0 */

/* The file of begun messages: what it holds after its process was killed. */

#include "failing_memory.h"

#include "peer/marks.c"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

static const uint8_t STORE[16] = "this very store";
static const uint8_t OTHER[16] = "another store..";

static char directory[128];
static char file[160];

static int make_directory(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    snprintf(directory, sizeof directory, "%s/godwit-marks-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(directory))
        return -1;
    snprintf(file, sizeof file, "%s/" GW_MARKS_NAME, directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(directory);
}

static struct gw_marks *open_marks(void)
{
    struct gw_marks *marks;

    assert_int_equal(gw_marks_open(directory, STORE, &marks), 0);
    return marks;
}

static struct gw_marks *open_empty(void)
{
    struct gw_marks *marks = open_marks();
    size_t count;

    gw_marks_found(marks, &count);
    assert_int_equal(count, 0);
    gw_marks_adopt(marks);
    return marks;
}

/* Runs it in a process of its own, which ends by kill -9. */
static void in_a_killed_process(void (*work)(struct gw_marks *marks))
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        struct gw_marks *marks;

        int error = gw_marks_open(directory, STORE, &marks);
        if (error != 0)
            _exit(-error); /* the parent says which; cmocka's handler of a fault exits with 255 */
        gw_marks_adopt(marks);
        work(marks);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail_msg("the child ended with status %#x instead of being killed", (unsigned)status);
}

static void is_begun(const struct gw_begun *begun, uint64_t epoch, uint64_t first, uint64_t last,
                     uint64_t number)
{
    assert_int_equal(begun->epoch, epoch);
    assert_int_equal(begun->first, first);
    assert_int_equal(begun->last, last);
    assert_int_equal(begun->number, number);
}

static void begin_a_few(struct gw_marks *marks)
{
    gw_marks_make(marks, 7, 12, 70);
    uint32_t done = gw_marks_make(marks, 7, 10, 70);
    gw_marks_make(marks, 7, 11, 70);
    gw_marks_make(marks, 9, 1, 90);
    gw_marks_make(marks, 7, 13, 71);
    gw_marks_unmake(marks, done);
    gw_marks_unmake(marks, gw_marks_make(marks, 9, 2, 90));
}

static void what_a_killed_process_had_begun_is_found(void **state)
{
    size_t count;

    (void)state;
    in_a_killed_process(begin_a_few);
    struct gw_marks *marks = open_marks();
    const struct gw_begun *begun = gw_marks_found(marks, &count);
    assert_int_equal(count, 3);
    is_begun(&begun[0], 7, 11, 12, 70); /* joined; 10 was done */
    is_begun(&begun[1], 7, 13, 13, 71); /* another offer */
    is_begun(&begun[2], 9, 1, 1, 90);
    gw_marks_close(&marks); /* not adopted: they are nowhere else yet */

    marks = open_marks();
    gw_marks_found(marks, &count);
    assert_int_equal(count, 3);
    gw_marks_adopt(marks);
    gw_marks_close(&marks);

    marks = open_empty();
    gw_marks_close(&marks);
}

static void a_clean_end_leaves_no_marks(void **state)
{
    struct gw_marks *marks = open_empty();

    (void)state;
    gw_marks_make(marks, 1, 1, 1);
    gw_marks_close(&marks);
    assert_null(marks);
    marks = open_empty();
    gw_marks_close(&marks);
    gw_marks_close(&marks);
}

static void above_the_slots_nothing_is_marked(void **state)
{
    struct gw_marks *marks = open_empty();

    (void)state;
    for (uint32_t i = 0; i < GW_MARKS_MAX; i++)
        assert_int_not_equal(gw_marks_make(marks, 1, i + 1, 1), GW_MARK_NONE);
    assert_int_equal(gw_marks_make(marks, 1, GW_MARKS_MAX + 1, 1), GW_MARK_NONE);
    gw_marks_unmake(marks, 77);
    assert_int_equal(gw_marks_make(marks, 1, GW_MARKS_MAX + 1, 1), 77);
    assert_int_equal(gw_marks_make(marks, 1, GW_MARKS_MAX + 2, 1), GW_MARK_NONE);
    gw_marks_close(&marks);
}

static void marks_of_another_store_are_none(void **state)
{
    struct gw_marks *marks;
    size_t count;

    (void)state;
    in_a_killed_process(begin_a_few);
    assert_int_equal(gw_marks_open(directory, OTHER, &marks), 0);
    gw_marks_found(marks, &count);
    assert_int_equal(count, 0);
    gw_marks_adopt(marks);
    gw_marks_close(&marks);
    marks = open_empty(); /* and they are gone for good */
    gw_marks_close(&marks);
}

static void change_byte(off_t at)
{
    int fd = open(file, O_RDWR);
    char byte;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void begin_one(struct gw_marks *marks)
{
    gw_marks_make(marks, 3, 5, 30);
}

static void a_damaged_slot_is_no_mark(void **state)
{
    (void)state;
    in_a_killed_process(begin_one);
    change_byte((off_t)offsetof(struct file, slots[0].sequence));
    struct gw_marks *marks = open_empty();
    gw_marks_close(&marks);
}

static void a_damaged_header_makes_it_anew(void **state)
{
    (void)state;
    in_a_killed_process(begin_one);
    change_byte((off_t)offsetof(struct header, version));
    struct gw_marks *marks = open_empty();
    gw_marks_close(&marks);
    assert_int_equal(truncate(file, 100), 0);
    marks = open_empty();
    gw_marks_make(marks, 1, 1, 1);
    gw_marks_close(&marks);
}

static void the_file_is_private_and_of_one_size(void **state)
{
    struct gw_marks *marks = open_empty();
    struct stat status;

    (void)state;
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, HEADER_BYTES + 32 * GW_MARKS_MAX);
    assert_true(status.st_blocks * 512 >= status.st_size); /* no hole that a full disk refuses */
    gw_marks_close(&marks);
}

static void what_is_no_file_is_refused(void **state)
{
    struct gw_marks *marks;

    (void)state;
    assert_int_equal(symlink("/etc/passwd", file), 0);
    assert_int_equal(gw_marks_open(directory, STORE, &marks), -ELOOP);
    assert_null(marks);
    unlink(file);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_int_equal(gw_marks_open(directory, STORE, &marks), -EINVAL);
    unlink(file);
    assert_int_equal(gw_marks_open("/nowhere at all", STORE, &marks), -ENOENT);
}

static void without_memory_it_does_not_open(void **state)
{
    struct gw_marks *marks;

    (void)state;
    for (size_t left = 0; left < 2; left++) {
        memory_left = left;
        assert_int_equal(gw_marks_open(directory, STORE, &marks), -ENOMEM);
        assert_null(marks);
    }
    memory_left = SIZE_MAX;
}

/* --- threads --- */

#define THREADS 4
#define HELD 8

struct worker {
    pthread_t thread;
    struct gw_marks *marks;
    uint64_t epoch;
    unsigned rounds; /* 0: without end */
};

/* Begins and ends as handlers do, a few at a time. The number tells a torn slot from a good one. */
static void *begin_and_end(void *context)
{
    struct worker *worker = context;
    uint32_t held[HELD];
    uint64_t sequence = 1;

    for (unsigned round = 0; worker->rounds == 0 || round < worker->rounds; round++) {
        for (size_t i = 0; i < HELD; i++, sequence++)
            held[i] = gw_marks_make(worker->marks, worker->epoch, sequence,
                                    worker->epoch << 32 | sequence);
        for (size_t i = 0; i < HELD; i++)
            gw_marks_unmake(worker->marks, held[i]);
    }
    return NULL;
}

static void start_workers(struct worker *workers, struct gw_marks *marks, unsigned rounds)
{
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.marks = marks, .epoch = i + 1, .rounds = rounds};
        if (pthread_create(&workers[i].thread, NULL, begin_and_end, &workers[i]) != 0)
            abort();
    }
}

static void threads_never_share_a_slot(void **state)
{
    static bool seen[GW_MARKS_MAX];
    struct gw_marks *marks = open_empty();
    struct worker workers[THREADS];

    (void)state;
    start_workers(workers, marks, 5000);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (uint32_t i = 0; i < GW_MARKS_MAX; i++) { /* each slot is free exactly once */
        uint32_t mark = gw_marks_make(marks, 1, i + 1, 1);
        assert_true(mark < GW_MARKS_MAX && !seen[mark]);
        seen[mark] = true;
    }
    gw_marks_close(&marks);
}

static void work_until_killed(struct gw_marks *marks)
{
    const struct timespec moment = {.tv_nsec = 3000000};
    static struct worker workers[THREADS]; /* the threads use it until the kill, after the return */

    start_workers(workers, marks, 0);
    nanosleep(&moment, NULL);
}

/* Killed at any instruction, every mark that is found was made as it stands, and no thread leaves
 * more than it held. */
static void a_kill_in_the_middle_tears_no_mark(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 50; round++) {
        uint64_t held[THREADS + 1] = {0};
        size_t count;

        in_a_killed_process(work_until_killed);
        struct gw_marks *marks = open_marks();
        const struct gw_begun *begun = gw_marks_found(marks, &count);
        for (size_t i = 0; i < count; i++) {
            assert_in_range(begun[i].epoch, 1, THREADS);
            assert_int_equal(begun[i].number, begun[i].epoch << 32 | begun[i].first);
            held[begun[i].epoch] += begun[i].last - begun[i].first + 1;
        }
        for (size_t i = 1; i <= THREADS; i++)
            assert_true(held[i] <= HELD);
        gw_marks_adopt(marks);
        gw_marks_close(&marks);
    }
}

#define marks_test(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        marks_test(what_a_killed_process_had_begun_is_found),
        marks_test(a_clean_end_leaves_no_marks),
        marks_test(above_the_slots_nothing_is_marked),
        marks_test(marks_of_another_store_are_none),
        marks_test(a_damaged_slot_is_no_mark),
        marks_test(a_damaged_header_makes_it_anew),
        marks_test(the_file_is_private_and_of_one_size),
        marks_test(what_is_no_file_is_refused),
        marks_test(without_memory_it_does_not_open),
        marks_test(threads_never_share_a_slot),
        marks_test(a_kill_in_the_middle_tears_no_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
