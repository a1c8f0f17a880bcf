/* SPDX-License-Identifier: MPL-2.0 */

/* Each function counts and goes on to the C library's: see count.h. */

#include "count.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic uint64_t allocations, copied, reads, writes, waits, syncs;

static void add(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

struct count count_now(void)
{
    return (struct count){allocations, copied, reads, writes, waits, syncs};
}

struct count count_since(const struct count *before)
{
    struct count now = count_now();

    now.allocations -= before->allocations;
    now.copied -= before->copied;
    now.reads -= before->reads;
    now.writes -= before->writes;
    now.waits -= before->waits;
    now.syncs -= before->syncs;
    return now;
}

/* Shared libraries find only what is visible. */
#pragma GCC visibility push(default)

/* --- memory: under these names the C library exports its own --- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

void *malloc(size_t size)
{
    add(&allocations, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    add(&allocations, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    add(&allocations, 1);
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    add(&allocations, 1);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    add(&allocations, 1);
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

void free(void *memory)
{
    __libc_free(memory);
}

/* --- copies --- */

static void *(*real_memmove)(void *, const void *, size_t);

__attribute__((constructor)) static void find_memmove(void)
{
    *(void **)&real_memmove = dlsym(RTLD_NEXT, "memmove");
}

/* Before main, and before the constructor above, the loader's own code may copy. */
static void *move_slowly(void *to, const void *from, size_t size)
{
    volatile unsigned char *out = to;
    const unsigned char *in = from;

    if (out <= in || out >= in + size)
        for (size_t i = 0; i < size; i++)
            out[i] = in[i];
    else
        for (size_t i = size; i-- > 0;)
            out[i] = in[i];
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    add(&copied, size);
    return real_memmove ? real_memmove(to, from, size) : move_slowly(to, from, size);
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    add(&copied, size);
    return real_memmove ? real_memmove(to, from, size) : move_slowly(to, from, size);
}

/* --- system calls --- */

/* result name(parameters): counts in `counter` and calls the next one. */
#define COUNTED(counter, result, name, parameters, arguments) \
    result name parameters                                    \
    {                                                         \
        static result(*_Atomic next) parameters;              \
        result(*call) parameters = next;                      \
                                                              \
        if (!call) {                                          \
            *(void **)&call = dlsym(RTLD_NEXT, #name);        \
            next = call;                                      \
        }                                                     \
        add(&counter, 1);                                     \
        return call arguments;                                \
    }

COUNTED(reads, ssize_t, read, (int fd, void *to, size_t size), (fd, to, size))
COUNTED(reads, ssize_t, pread, (int fd, void *to, size_t size, off_t at), (fd, to, size, at))
COUNTED(reads, ssize_t, readv, (int fd, const struct iovec *parts, int count), (fd, parts, count))
COUNTED(reads, ssize_t, recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags))
COUNTED(reads, ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
COUNTED(writes, ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size))
COUNTED(writes, ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at),
        (fd, from, size, at))
COUNTED(writes, ssize_t, writev, (int fd, const struct iovec *parts, int count),
        (fd, parts, count))
COUNTED(writes, ssize_t, send, (int fd, const void *from, size_t size, int flags),
        (fd, from, size, flags))
COUNTED(writes, ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),
        (fd, message, flags))
COUNTED(waits, int, poll, (struct pollfd *fds, nfds_t count, int timeout), (fds, count, timeout))
COUNTED(waits, int, ppoll,
        (struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask),
        (fds, count, timeout, mask))
COUNTED(waits, int, epoll_wait, (int fd, struct epoll_event *events, int count, int timeout),
        (fd, events, count, timeout))
COUNTED(syncs, int, fdatasync, (int fd), (fd))
COUNTED(syncs, int, fsync, (int fd), (fd))

#pragma GCC visibility pop
