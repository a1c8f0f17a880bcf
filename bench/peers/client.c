/* SPDX-License-Identifier: MPL-2.0 */
/* PROGRAM HOST PORT VARIANT SIZE COUNT TIMEOUT: runs the work once and prints
 *
 *     seconds S cpu C
 *
 * S from before the first message is sent until the last one is acknowledged on both sides; C the
 * user and system seconds of both processes (not the server's). Ends with 1 and a sentence if a
 * message is lost, wrong, or not through within TIMEOUT seconds. */

#include "client.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POOL_BYTES (1024 * 1024) /* of random bytes: no compressor remembers that far */

static struct {
    const struct work *work;
    unsigned char *pool;
    uint64_t places; /* messages in the pool */
    int tell;        /* pipe to the parent */
    double begin;
} self;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("client: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _exit(1);
}

static void tell(const void *bytes, size_t size)
{
    if (write(self.tell, bytes, size) != (ssize_t)size)
        die("the parent is gone");
}

void ready(void)
{
    double time = now();
    tell(&time, sizeof(time));
}

void begin(void)
{
    self.begin = now();
}

const void *message_at(uint64_t index)
{
    return self.pool + index % self.places * self.work->size;
}

void check_message(const void *data, size_t size)
{
    if (!data || size != self.work->size)
        die("a message of %zu bytes came instead of %zu", size, self.work->size);
}

static void fill_pool(void)
{
    size_t size = self.work->size;
    self.places = POOL_BYTES / size ? POOL_BYTES / size : 1;
    self.pool = malloc(self.places * size);
    if (!self.pool)
        die("out of memory");
    for (size_t at = 0; at < self.places * size;) {
        ssize_t got = getrandom(self.pool + at, self.places * size - at, 0);
        if (got < 0 && errno != EINTR)
            die("getrandom: %s", strerror(errno));
        at += got > 0 ? (size_t)got : 0;
    }
}

struct child {
    pid_t pid;
    int hear;
    double cpu;
};

static struct child start(void (*run)(const struct work *), unsigned timeout_s)
{
    int ends[2];
    if (pipe(ends))
        die("pipe: %s", strerror(errno));
    struct child child = {.pid = fork(), .hear = ends[0]};
    if (child.pid < 0)
        die("fork: %s", strerror(errno));
    if (child.pid > 0) {
        close(ends[1]);
        return child;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(timeout_s);
    close(ends[0]);
    self.tell = ends[1];
    run(self.work);
    double last[2] = {self.begin, now()};
    tell(last, sizeof(last));
    _exit(0);
}

/* What the child tells; the end of all if it ended instead. */
static void hear(struct child *child, void *bytes, size_t size, const char *who)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = read(child->hear, (char *)bytes + have, size - have);
        if (got == 0 || (got < 0 && errno != EINTR))
            die("the %s ended before it was done", who);
        have += got > 0 ? (size_t)got : 0;
    }
}

static void reap(struct child *child)
{
    struct rusage used;
    int status;
    while (wait4(child->pid, &status, 0, &used) < 0 && errno == EINTR)
        continue;
    child->cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        die("usage: %s HOST PORT VARIANT SIZE COUNT TIMEOUT", argv[0]);
    struct work work = {
        .host = argv[1],
        .port = atoi(argv[2]),
        .variant = argv[3],
        .size = strtoull(argv[4], NULL, 10),
        .count = strtoull(argv[5], NULL, 10),
    };
    unsigned timeout_s = (unsigned)atoi(argv[6]);
    double made, produced[2], consumed[2];
    if (!work.size || !work.count || !timeout_s)
        die("size, count and timeout are at least 1");
    self.work = &work;
    fill_pool();
    prepare(&work);
    struct child consumer = start(consume, timeout_s);
    hear(&consumer, &made, sizeof(made), "consumer");
    struct child producer = start(produce, timeout_s);
    hear(&producer, produced, sizeof(produced), "producer");
    hear(&consumer, consumed, sizeof(consumed), "consumer");
    reap(&producer);
    reap(&consumer);
    double end = produced[1] > consumed[1] ? produced[1] : consumed[1];
    printf("seconds %.6f cpu %.6f\n", end - produced[0], producer.cpu + consumer.cpu);
    return 0;
}
