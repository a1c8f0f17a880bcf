/* SPDX-License-Identifier: MPL-2.0 */

/* What the processes of test_shim do below the shim, each in a directory that is its own. */

#include "shim_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* In a child: where it failed is its last word. */
#define MUST(condition) do { \
    if (!(condition)) { \
        fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno)); \
        exit(1); \
    } \
} while (0)

static int make(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    MUST(fd >= 0);
    return fd;
}

static void writes(void)
{
    int fd = make("f");
    char text[] = "abcd";
    const struct iovec parts[] = {{text, 0}, {text, 2}, {text + 2, 2}};

    MUST(write(fd, "0123456789", 10) == 10);
    MUST(fdatasync(fd) == 0);
    MUST(write(fd, "x", 1) == 1);
    MUST(pwrite(fd, "yyy", 3, 8) == 3);
    MUST(writev(fd, parts, 3) == 4);
    MUST(pwritev(fd, parts, 3, 20) == 4);
    MUST(ftruncate(fd, 5) == 0);
    MUST(truncate("f", 7) == 0);
    MUST(posix_fallocate(fd, 0, 9) == 0);
    int more = open("f", O_WRONLY | O_APPEND);
    MUST(write(more, "zz", 2) == 2);
}

static void synced(void)
{
    int fd = make("f");

    MUST(write(fd, "1", 1) == 1);
    MUST(fsync(fd) == 0);
    int direct = open("g", O_WRONLY | O_CREAT | O_DSYNC, 0600);
    MUST(write(direct, "2", 1) == 1);
    int folder = open(".", O_RDONLY | O_DIRECTORY);
    MUST(fsync(folder) == 0);
}

static void by_stdio(void)
{
    FILE *file = fopen("log", "w");

    MUST(file && fputs("hello", file) >= 0 && fflush(file) == 0);
    MUST(fsync(fileno(file)) == 0);
    MUST(fputs(" world", file) >= 0 && fclose(file) == 0);
}

static void names(void)
{
    MUST(close(make("a")) == 0 && close(make("b")) == 0);
    MUST(mkdir("d", 0700) == 0);
    MUST(rename("a", "d/c") == 0);
    MUST(rename("b", "d/c") == 0);
    MUST(link("d/c", "e") == 0);
    MUST(unlink("d/c") == 0);
    MUST(remove("e") == 0);
    MUST(rmdir("d") == 0);
}

static void maps(void)
{
    int fd = make("m");

    MUST(ftruncate(fd, 8192) == 0 && fsync(fd) == 0);
    char *bytes = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    MUST(bytes != MAP_FAILED);
    bytes[0] = 'x';
    MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
}

static void maps_synced(void)
{
    int fd = make("m");

    MUST(ftruncate(fd, 4096) == 0 && fsync(fd) == 0);
    char *bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    MUST(bytes != MAP_FAILED);
    bytes[0] = 'x';
    MUST(msync(bytes, 4096, MS_SYNC) == 0);
}

/* Takes the journal's descriptor away, and its number for a file of the program's. */
static void closes_everything(void)
{
    close_range(3, ~0u, 0);
    for (int i = 0; i < 8; i++) {
        const char name[] = {'f', (char)('0' + i), '\0'};
        int fd = make(name);
        MUST(write(fd, name, 2) == 2);
    }
}

static void *append_many(void *context)
{
    char name[16];

    snprintf(name, sizeof name, "t%d", *(int *)context);
    int fd = make(name);
    for (int i = 0; i < 500; i++)
        MUST(write(fd, name, 2) == 2);
    return NULL;
}

static void threads_and_children(void)
{
    static int numbers[4] = {0, 1, 2, 3};
    pthread_t threads[4];
    pid_t pid = fork();

    for (int i = 0; i < 2; i++)
        MUST(pthread_create(&threads[i], NULL, append_many, &numbers[i + (pid == 0 ? 2 : 0)]) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    int status = 0;
    MUST(pid == 0 || (waitpid(pid, &status, 0) == pid && status == 0));
}

static void outside(void)
{
    FILE *file = fopen("../outside", "w");

    MUST(file && fputs("free", file) >= 0 && fclose(file) == 0);
    int fd = open("../outside", O_WRONLY);
    MUST(write(fd, "FREE", 4) == 4 && fsync(fd) == 0);
    MUST(rename("../outside", "../renamed") == 0 && unlink("../renamed") == 0);
    MUST(mkdir("../beside", 0700) == 0 && rmdir("../beside") == 0);
}

static void failing_writes(void)
{
    int fd = make("f");

    errno = 0;
    MUST(write(fd, "x", 1) == -1 && errno == ENOSPC);
    MUST(pwrite(fd, "x", 1, 3) == -1 && errno == ENOSPC);
    MUST(ftruncate(fd, 4) == -1 && errno == ENOSPC);
    errno = 0;
    MUST(posix_fallocate(fd, 0, 4096) == ENOSPC && errno == 0);
    MUST(write(STDERR_FILENO, "", 0) == 0);
    outside();
}

static void failing_syncs(void)
{
    int fd = make("f");

    MUST(write(fd, "x", 1) == 1);
    MUST(fsync(fd) == -1 && errno == EIO);
    MUST(fdatasync(fd) == -1 && errno == EIO);
    outside();
}

static void failing_opens(void)
{
    MUST(open("f", O_RDWR | O_CREAT, 0600) == -1 && errno == EMFILE);
    MUST(open("f", O_RDONLY) == -1 && errno == EMFILE);
    MUST(fopen("f", "r") == NULL && errno == EMFILE);
    MUST(rename("f", "g") == -1 && errno == EMFILE);
    outside();
}

static void short_writes(void)
{
    int fd = make("f");
    char text[] = "abcdefgh";
    const struct iovec parts[] = {{text, 3}, {text + 3, 5}};

    MUST(write(fd, "0123456789", 10) == 5);
    MUST(write(fd, "x", 1) == 1);
    MUST(writev(fd, parts, 2) > 0);
    outside();
}

static double now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void slow_syncs(void)
{
    int fd = make("f");
    double before = now(CLOCK_MONOTONIC);

    MUST(fsync(fd) == 0 && now(CLOCK_MONOTONIC) - before >= 0.05);
}

static void a_year_ahead(void)
{
    const double year = 365.0 * 24 * 3600;
    struct timespec real, soon, monotonic;
    struct timeval of_day;

    syscall(SYS_clock_gettime, CLOCK_REALTIME, &real);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &monotonic);
    MUST(now(CLOCK_REALTIME) - (double)real.tv_sec > year - 1);
    MUST(now(CLOCK_REALTIME_COARSE) - (double)real.tv_sec > year - 1);
    MUST(difftime(time(NULL), real.tv_sec) > year - 2);
    MUST(gettimeofday(&of_day, NULL) == 0 && (double)(of_day.tv_sec - real.tv_sec) > year - 1);
    MUST(timespec_get(&soon, TIME_UTC) == TIME_UTC &&
         (double)(soon.tv_sec - real.tv_sec) > year - 1);
    MUST(now(CLOCK_MONOTONIC) - (double)monotonic.tv_sec < 60);

    /* A wait until a moment of the moved clock is over at that moment, not a year later. */
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    soon.tv_sec += 1;
    alarm(20);
    pthread_mutex_lock(&mutex);
    while (pthread_cond_timedwait(&cond, &mutex, &soon) == 0)
        ;
    MUST(now(CLOCK_REALTIME) >= (double)soon.tv_sec);
}

/* Until a write fails, which somebody orders meanwhile. */
static void until_it_fails(void)
{
    int fd = make("f");

    alarm(20);
    while (write(fd, "x", 1) == 1)
        usleep(100);
    MUST(errno == EDQUOT);
}

static const struct part {
    const char *name;
    void (*play)(void);
} parts_known[] = {
#define PART(name) {#name, name}
    PART(writes), PART(synced), PART(by_stdio), PART(names), PART(maps), PART(maps_synced),
    PART(closes_everything), PART(threads_and_children), PART(outside), PART(failing_writes),
    PART(failing_syncs), PART(failing_opens), PART(short_writes), PART(slow_syncs),
    PART(a_year_ahead), PART(until_it_fails),
};

int shim_part(const char *name, const char *directory)
{
    MUST(chdir(directory) == 0);
    for (size_t i = 0; i < sizeof parts_known / sizeof parts_known[0]; i++)
        if (strcmp(parts_known[i].name, name) == 0) {
            parts_known[i].play();
            return 0;
        }
    return 2;
}
