/* SPDX-License-Identifier: MPL-2.0 */

/* The disk that fails: see disk_faults.h. */

#include "disk_faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define FAULTS_MAX 8

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cleared = PTHREAD_COND_INITIALIZER;
static struct armed {
    struct disk_fault fault;
    unsigned calls;
} faults[FAULTS_MAX];
static atomic_uint armed_count;
static atomic_uint hits;

void disk_fault_add(const struct disk_fault *fault)
{
    pthread_mutex_lock(&lock);
    unsigned at = atomic_load(&armed_count);
    if (at < FAULTS_MAX) {
        faults[at] = (struct armed){.fault = *fault};
        atomic_store(&armed_count, at + 1);
    }
    atomic_store(&hits, 0);
    pthread_mutex_unlock(&lock);
}

void disk_faults_clear(void)
{
    pthread_mutex_lock(&lock);
    atomic_store(&armed_count, 0);
    pthread_cond_broadcast(&cleared);
    pthread_mutex_unlock(&lock);
}

unsigned disk_fault_hits(void)
{
    return atomic_load(&hits);
}

static bool is_of(const struct disk_fault *fault, enum disk_call call, const char *path)
{
    size_t size = strlen(fault->below);

    return fault->call == call && strncmp(path, fault->below, size) == 0 &&
           (path[size] == '/' || path[size] == '\0') &&
           (!fault->name || strstr(path + size, fault->name));
}

/* The fault that hits this call, carried out as far as waiting goes. */
static bool strike(enum disk_call call, const char *path, struct disk_fault *struck)
{
    bool found = false;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < atomic_load(&armed_count) && !found; i++) {
        const struct disk_fault *fault = &faults[i].fault;
        if (!is_of(fault, call, path))
            continue;
        unsigned nth = ++faults[i].calls, first = fault->first ? fault->first : 1;
        found = nth >= first && (!fault->count || nth < first + fault->count);
        if (found)
            *struck = *fault;
    }
    if (found && struck->die)
        _exit(DISK_DEATH);
    if (found)
        atomic_fetch_add(&hits, 1);
    while (found && struck->hang && atomic_load(&armed_count) > 0)
        pthread_cond_wait(&cleared, &lock);
    pthread_mutex_unlock(&lock);
    if (found && struck->delay_ms > 0) {
        struct timespec pause = {struck->delay_ms / 1000, struck->delay_ms % 1000 * 1000000L};
        nanosleep(&pause, NULL);
    }
    return found;
}

/* The descriptor's path, and the name after it if there is one; "" if there is none. */
static void path_of(int fd, const char *name, char path[PATH_MAX + 256])
{
    char link[64];

    path[0] = '\0';
    if (name && (name[0] == '/' || fd == AT_FDCWD)) {
        snprintf(path, PATH_MAX + 256, "%s", name);
        return;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_MAX);
    path[size > 0 ? size : 0] = '\0';
    if (size > 0 && name)
        snprintf(path + size, 256, "/%.250s", name);
}

static bool hit(enum disk_call call, int fd, const char *name, struct disk_fault *fault)
{
    char path[PATH_MAX + 256];
    int error = errno;

    if (atomic_load(&armed_count) == 0)
        return false;
    path_of(fd, name, path);
    errno = error;
    return strike(call, path, fault);
}

static bool may_write(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT;
}

/* Seen by shared libraries, whatever the project hides. */
#pragma GCC visibility push(default)

ssize_t write(int fd, const void *data, size_t size);
ssize_t write(int fd, const void *data, size_t size)
{
    static ssize_t (*real)(int, const void *, size_t);
    struct disk_fault fault;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "write");
    if (!hit(DISK_WRITE, fd, NULL, &fault))
        return real(fd, data, size);
    if (fault.half && size > 1) {
        ssize_t written = real(fd, data, size / 2);
        if (!fault.error)
            return written;
    } else if (!fault.error) {
        return real(fd, data, size);
    }
    errno = fault.error;
    return -1;
}

ssize_t read(int fd, void *data, size_t size);
ssize_t read(int fd, void *data, size_t size)
{
    static ssize_t (*real)(int, void *, size_t);
    struct disk_fault fault;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "read");
    if (!hit(DISK_READ, fd, NULL, &fault) || !fault.error)
        return real(fd, data, size);
    errno = fault.error;
    return -1;
}

static int sync_with(int (*real)(int), int fd)
{
    struct disk_fault fault;

    if (!hit(DISK_SYNC, fd, NULL, &fault) || !fault.error)
        return real(fd);
    if (fault.done)
        real(fd);
    errno = fault.error;
    return -1;
}

int fsync(int fd);
int fsync(int fd)
{
    static int (*real)(int);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    return sync_with(real, fd);
}

int fdatasync(int fd);
int fdatasync(int fd)
{
    static int (*real)(int);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    return sync_with(real, fd);
}

static int open_with(int fd, const char *path, int flags, mode_t mode)
{
    static int (*real)(int, const char *, int, ...);
    struct disk_fault fault;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "openat");
    if (may_write(flags) && hit(DISK_OPEN, fd, path, &fault) && fault.error) {
        errno = fault.error;
        return -1;
    }
    return real(fd, path, flags, mode);
}

static mode_t mode_of(int flags, va_list list)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

#define OPEN(name, parameters, fd) \
    int name parameters; \
    int name parameters \
    { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = mode_of(flags, list); \
        va_end(list); \
        return open_with(fd, path, flags, mode); \
    }

OPEN(open, (const char *path, int flags, ...), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD)
OPEN(openat, (int fd, const char *path, int flags, ...), fd)
OPEN(openat64, (int fd, const char *path, int flags, ...), fd)

int renameat(int from_fd, const char *from, int to_fd, const char *to);
int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    static int (*real)(int, const char *, int, const char *);
    struct disk_fault fault;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "renameat");
    if (hit(DISK_RENAME, to_fd, to, &fault) && fault.error) {
        errno = fault.error;
        return -1;
    }
    return real(from_fd, from, to_fd, to);
}

int rename(const char *from, const char *to);
int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

#pragma GCC visibility pop
