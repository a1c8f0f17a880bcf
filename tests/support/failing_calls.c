/* SPDX-License-Identifier: MPL-2.0 */

/* See failing_calls.h. The linker leads each call of `name` here as __wrap_name, and __real_name to
 * the C library (ld --wrap); the list of names is in cmake/godwit_test.cmake. */

#include "support/failing_calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct failing_calls armed;
static unsigned calls, failed;
static const char *last = "nothing";

void calls_fail(struct failing_calls faults)
{
    pthread_mutex_lock(&lock);
    armed = faults;
    calls = failed = 0;
    last = "nothing";
    pthread_mutex_unlock(&lock);
}

unsigned calls_mend(void)
{
    pthread_mutex_lock(&lock);
    armed.first = 0;
    unsigned result = failed;
    pthread_mutex_unlock(&lock);
    return result;
}

const char *calls_failed_last(void)
{
    pthread_mutex_lock(&lock);
    const char *result = last;
    pthread_mutex_unlock(&lock);
    return result;
}

/* Counts the call, if calls of its kind are to fail. */
static bool strikes(enum failing_kinds kind, const char *name, bool *half, int *error)
{
    pthread_mutex_lock(&lock);
    bool struck = armed.first > 0 && armed.kinds & kind && ++calls >= armed.first &&
                  (armed.count == 0 || calls - armed.first < armed.count);
    if (struck) {
        failed++;
        last = name;
    }
    *half = armed.half;
    *error = kind == CALLS_MEMORY ? ENOMEM : kind == CALLS_THREADS ? EAGAIN : armed.error;
    pthread_mutex_unlock(&lock);
    return struck;
}

bool calls_one_fails(enum failing_kinds kind, const char *name)
{
    bool half;
    int error;

    if (!strikes(kind, name, &half, &error))
        return false;
    errno = error;
    return true;
}

#define WRAP(kind, type, name, parameters, arguments, failure) \
    type __real_##name parameters; \
    type __wrap_##name parameters; \
    type __wrap_##name parameters \
    { \
        return calls_one_fails(kind, #name) ? (failure) : __real_##name arguments; \
    }

/* --- memory --- */

WRAP(CALLS_MEMORY, void *, malloc, (size_t size), (size), NULL)
WRAP(CALLS_MEMORY, void *, calloc, (size_t count, size_t size), (count, size), NULL)
WRAP(CALLS_MEMORY, void *, realloc, (void *old, size_t size), (old, size), NULL)
WRAP(CALLS_MEMORY, char *, strdup, (const char *text), (text), NULL)
WRAP(CALLS_MEMORY, char *, strndup, (const char *text, size_t size), (text, size), NULL)
WRAP(CALLS_MEMORY, char *, realpath, (const char *path, char *result), (path, result), NULL)
WRAP(CALLS_MEMORY, void *, mmap,
     (void *at, size_t size, int protection, int flags, int fd, off_t offset),
     (at, size, protection, flags, fd, offset), MAP_FAILED)

int __wrap_asprintf(char **result, const char *format, ...);
__attribute__((format(printf, 2, 3))) int __wrap_asprintf(char **result, const char *format, ...)
{
    va_list list;

    if (calls_one_fails(CALLS_MEMORY, "asprintf"))
        return -1;
    va_start(list, format);
    int size = vasprintf(result, format, list);
    va_end(list);
    return size;
}

/* --- descriptors --- */

static mode_t mode_of(int flags, va_list list)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return calls_one_fails(CALLS_DESCRIPTORS, "open") ? -1 : __real_open(path, flags, mode);
}

int __real_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return calls_one_fails(CALLS_DESCRIPTORS, "openat") ? -1
                                                        : __real_openat(folder, path, flags, mode);
}

WRAP(CALLS_DESCRIPTORS, DIR *, opendir, (const char *path), (path), NULL)
WRAP(CALLS_DESCRIPTORS, DIR *, fdopendir, (int fd), (fd), NULL)
WRAP(CALLS_DESCRIPTORS, int, eventfd, (unsigned count, int flags), (count, flags), -1)
WRAP(CALLS_DESCRIPTORS, int, epoll_create1, (int flags), (flags), -1)
WRAP(CALLS_DESCRIPTORS, int, socket, (int domain, int type, int protocol),
     (domain, type, protocol), -1)
WRAP(CALLS_DESCRIPTORS, int, accept4, (int fd, struct sockaddr *from, socklen_t *size, int flags),
     (fd, from, size, flags), -1)

/* --- files, names and folders --- */

WRAP(CALLS_FILES, int, stat, (const char *path, struct stat *status), (path, status), -1)
WRAP(CALLS_FILES, int, lstat, (const char *path, struct stat *status), (path, status), -1)
WRAP(CALLS_FILES, int, fstat, (int fd, struct stat *status), (fd, status), -1)
WRAP(CALLS_FILES, int, fstatat, (int fd, const char *name, struct stat *status, int flags),
     (fd, name, status, flags), -1)
WRAP(CALLS_FILES, int, fstatfs, (int fd, struct statfs *about), (fd, about), -1)
WRAP(CALLS_FILES, int, fsync, (int fd), (fd), -1)
WRAP(CALLS_FILES, int, fdatasync, (int fd), (fd), -1)
WRAP(CALLS_FILES, int, ftruncate, (int fd, off_t size), (fd, size), -1)
WRAP(CALLS_FILES, int, flock, (int fd, int how), (fd, how), -1)
WRAP(CALLS_FILES, int, renameat, (int from_fd, const char *from, int to_fd, const char *to),
     (from_fd, from, to_fd, to), -1)
WRAP(CALLS_FILES, int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
WRAP(CALLS_FILES, int, mkdirat, (int fd, const char *name, mode_t mode), (fd, name, mode), -1)
WRAP(CALLS_FILES, char *, mkdtemp, (char *path), (path), NULL)
WRAP(CALLS_FILES, int, symlinkat, (const char *target, int fd, const char *name),
     (target, fd, name), -1)
WRAP(CALLS_FILES, struct dirent *, readdir, (DIR *stream), (stream), NULL)

/* --- bytes --- */

/* True: it fails. False: so many bytes are done. */
static bool bytes_fail(const char *name, size_t *size)
{
    bool half;
    int error;

    if (!strikes(CALLS_BYTES, name, &half, &error))
        return false;
    if (half && *size > 1)
        *size /= 2;
    else if (!half)
        errno = error;
    return !half;
}

ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size)
{
    return bytes_fail("read", &size) ? -1 : __real_read(fd, data, size);
}

ssize_t __real_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset)
{
    return bytes_fail("pread", &size) ? -1 : __real_pread(fd, data, size, offset);
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    return bytes_fail("write", &size) ? -1 : __real_write(fd, data, size);
}

/* --- threads --- */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *context)
{
    return calls_one_fails(CALLS_THREADS, "pthread_create")
               ? EAGAIN
               : __real_pthread_create(thread, attributes, run, context);
}
