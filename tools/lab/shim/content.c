/* SPDX-License-Identifier: MPL-2.0 */

/* What files hold: written, cut, synced, mapped. See shim.h. */

#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* --- writing --- */

struct intent {
    bool ours;
    bool synced; /* by O_SYNC or O_DSYNC */
    struct stat status;
};

static void write_down_write(int fd, const struct stat *status, uint64_t offset, uint64_t size)
{
    uint64_t was = (uint64_t)status->st_size, end = offset + size;
    uint64_t replaced = offset >= was ? 0 : (end < was ? end : was) - offset;

    shim_write_down_bytes(LAB_CHANGE_WRITE,
                          (struct lab_change){.file = status->st_ino, .offset = offset,
                                              .size = size, .was = was},
                          fd, offset, replaced);
}

/* Before a write of `*size` bytes at `offset`, or where the descriptor stands if that is below 0.
 * False: the call fails. The size may come back smaller. */
static bool before_write(int fd, off_t offset, size_t *size, struct intent *intent)
{
    struct lab_orders *orders = shim_orders();

    *intent = (struct intent){0};
    if (!shim_is_ours(fd, &intent->status) || !S_ISREG(intent->status.st_mode) || *size == 0)
        return true;
    if (shim_fails(&orders->write_error, LAB_HIT_WRITE))
        return false;
    if (atomic_load_explicit(&orders->short_writes, memory_order_relaxed) && *size > 1) {
        *size /= 2;
        atomic_fetch_add_explicit(&orders->hits[LAB_HIT_WRITE], 1, memory_order_relaxed);
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags & O_APPEND)
        offset = intent->status.st_size;
    else if (offset < 0)
        offset = lseek(fd, 0, SEEK_CUR);
    intent->ours = true;
    intent->synced = flags & O_DSYNC;
    write_down_write(fd, &intent->status, (uint64_t)offset, *size);
    return true;
}

static void write_down_sync(enum lab_change_kind kind, const struct stat *status,
                            uint64_t position)
{
    shim_write_down(kind,
                    (struct lab_change){.file = status->st_ino, .offset = position,
                                        .size = (uint64_t)status->st_size},
                    NULL, NULL);
}

static ssize_t after_write(int fd, const struct intent *intent, ssize_t written)
{
    struct stat status;

    if (intent->ours && intent->synced && written > 0 &&
        !atomic_load(&shim_orders()->sync_lies) && shim_is_ours(fd, &status))
        write_down_sync(LAB_CHANGE_SYNC, &status, shim_position());
    return written;
}

ssize_t write(int fd, const void *data, size_t size)
{
    struct intent intent;

    NEXT(write);
    return before_write(fd, -1, &size, &intent) ? after_write(fd, &intent, next(fd, data, size))
                                                : -1;
}

#define PWRITE(name, type) \
    ssize_t name(int fd, const void *data, size_t size, type offset) \
    { \
        struct intent intent; \
\
        NEXT(name); \
        return before_write(fd, offset, &size, &intent) \
                   ? after_write(fd, &intent, next(fd, data, size, offset)) \
                   : -1; \
    }

PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

static size_t total_of(const struct iovec *parts, int count)
{
    size_t total = 0;

    for (int i = 0; i < count; i++)
        total += parts[i].iov_len;
    return total;
}

/* Of a write that is made short only the first part that is not empty, or less. */
static struct iovec first_of(const struct iovec *parts, int count, size_t size)
{
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len > 0)
            return (struct iovec){parts[i].iov_base,
                                  parts[i].iov_len < size ? parts[i].iov_len : size};
    return (struct iovec){0};
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    size_t total = total_of(parts, count), size = total;
    struct intent intent;

    NEXT(writev);
    if (!before_write(fd, -1, &size, &intent))
        return -1;
    struct iovec first = first_of(parts, count, size);
    ssize_t written = size < total ? next(fd, &first, 1) : next(fd, parts, count);
    return after_write(fd, &intent, written);
}

#define PWRITEV(name, type) \
    ssize_t name(int fd, const struct iovec *parts, int count, type offset) \
    { \
        size_t total = total_of(parts, count), size = total; \
        struct intent intent; \
\
        NEXT(name); \
        if (!before_write(fd, offset, &size, &intent)) \
            return -1; \
        struct iovec first = first_of(parts, count, size); \
        ssize_t written = size < total ? next(fd, &first, 1, offset) \
                                       : next(fd, parts, count, offset); \
        return after_write(fd, &intent, written); \
    }

PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

/* --- sizes --- */

void shim_resized(int fd, const struct stat *status, uint64_t size)
{
    uint64_t was = (uint64_t)status->st_size, low = size < was ? size : was;

    if (size != was)
        shim_write_down_bytes(LAB_CHANGE_RESIZE,
                              (struct lab_change){.file = status->st_ino, .offset = low,
                                                  .size = size, .was = was},
                              fd, low, was - low);
}

static bool before_resize(int fd, uint64_t size)
{
    struct stat status;

    if (!shim_is_ours(fd, &status) || !S_ISREG(status.st_mode))
        return true;
    if (shim_fails(&shim_orders()->write_error, LAB_HIT_WRITE))
        return false;
    shim_resized(fd, &status, size);
    return true;
}

#define FTRUNCATE(name, type) \
    int name(int fd, type size) \
    { \
        NEXT(name); \
        return before_resize(fd, (uint64_t)size) ? next(fd, size) : -1; \
    }

FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define TRUNCATE(name, type) \
    int name(const char *path, type size) \
    { \
        NEXT(name); \
        int fd = shim_orders() ? open(path, O_WRONLY | O_CLOEXEC) : -1; \
        if (fd < 0) \
            return next(path, size); \
        int result = ftruncate(fd, (off_t)size), error = errno; \
        close(fd); \
        errno = error; \
        return result; \
    }

TRUNCATE(truncate, off_t)
TRUNCATE(truncate64, off64_t)

/* Only the size matters: what is there already is not changed by it. */
static bool before_allocation(int fd, uint64_t end)
{
    struct stat status;

    return !shim_is_ours(fd, &status) || before_resize(fd, end > (uint64_t)status.st_size
                                                               ? end : (uint64_t)status.st_size);
}

#define ALLOCATE(name, type) \
    int name(int fd, type offset, type size) \
    { \
        int kept = errno; \
\
        NEXT(name); \
        if (before_allocation(fd, (uint64_t)offset + (uint64_t)size)) \
            return next(fd, offset, size); \
        int error = errno; \
        errno = kept; \
        return error; /* these two leave errno alone */ \
    }

ALLOCATE(posix_fallocate, off_t)
ALLOCATE(posix_fallocate64, off64_t)

#define FALLOCATE(name, type) \
    int name(int fd, int mode, type offset, type size) \
    { \
        NEXT(name); \
        if (mode == 0 && !before_allocation(fd, (uint64_t)offset + (uint64_t)size)) \
            return -1; \
        return next(fd, mode, offset, size); \
    }

FALLOCATE(fallocate, off_t)
FALLOCATE(fallocate64, off64_t)

/* --- syncing --- */

static uint64_t draw_delay(struct lab_orders *orders)
{
    uint64_t low = atomic_load(&orders->sync_low_us), high = atomic_load(&orders->sync_high_us);

    if (high <= low)
        return low;
    uint64_t drawn = atomic_fetch_add(&orders->drawn, UINT64_C(0x9e3779b97f4a7c15));
    drawn = (drawn ^ (drawn >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    drawn = (drawn ^ (drawn >> 27)) * UINT64_C(0x94d049bb133111eb);
    return low + (drawn ^ (drawn >> 31)) % (high - low + 1);
}

#define HANG_LOOK_US 1000 /* between looks at whether a hanging sync may go on */

static void pause_us(uint64_t us)
{
    struct timespec left = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* 1: go on; 0, -1: that is the call's result. */
static int before_sync(void)
{
    struct lab_orders *orders = shim_orders();
    uint64_t delay_us = draw_delay(orders);
    bool hangs = atomic_load(&orders->sync_hangs);

    if (delay_us > 0 || hangs)
        atomic_fetch_add(&orders->hits[LAB_HIT_SYNC], 1);
    pause_us(delay_us);
    for (; hangs; hangs = atomic_load(&orders->sync_hangs))
        pause_us(HANG_LOOK_US);
    if (shim_fails(&orders->sync_error, LAB_HIT_SYNC))
        return -1;
    if (!atomic_load(&orders->sync_lies))
        return 1;
    atomic_fetch_add(&orders->hits[LAB_HIT_SYNC], 1);
    return 0;
}

static int sync_with(int (*next)(int), int fd)
{
    struct stat status;

    if (!shim_is_ours(fd, &status))
        return next(fd);
    uint64_t position = shim_position();
    int result = before_sync();
    if (result > 0)
        result = next(fd);
    else if (result == 0)
        return 0;
    if (result != 0) {
        if (S_ISREG(status.st_mode))
            write_down_sync(LAB_CHANGE_SYNC_FAILED, &status, position);
    } else if (S_ISREG(status.st_mode)) {
        write_down_sync(LAB_CHANGE_SYNC, &status, position);
    } else {
        shim_write_down(LAB_CHANGE_SYNC_FOLDER,
                        (struct lab_change){.folder = status.st_ino, .offset = position}, NULL,
                        NULL);
        shim_let_go(status.st_ino, position);
    }
    return result;
}

int fsync(int fd)
{
    NEXT(fsync);
    return sync_with(next, fd);
}

int fdatasync(int fd)
{
    NEXT(fdatasync);
    return sync_with(next, fd);
}

static void synced_all(uint64_t position)
{
    if (shim_orders())
        shim_write_down(LAB_CHANGE_SYNC_ALL, (struct lab_change){.offset = position}, NULL, NULL);
}

void sync(void)
{
    NEXT(sync);
    uint64_t position = shim_orders() ? shim_position() : 0;
    if (!shim_orders() || before_sync() > 0) {
        next();
        synced_all(position);
    }
}

int syncfs(int fd)
{
    struct stat status;

    NEXT(syncfs);
    if (!shim_is_ours(fd, &status))
        return next(fd);
    uint64_t position = shim_position();
    int result = before_sync();
    if (result <= 0)
        return result;
    result = next(fd);
    if (result == 0)
        synced_all(position);
    return result;
}

/* --- mapping --- */

static void before_map(int protection, int flags, int fd)
{
    struct stat status;

    if (!(protection & PROT_WRITE) || (flags & MAP_TYPE) == MAP_PRIVATE ||
        !shim_is_ours(fd, &status) || !S_ISREG(status.st_mode))
        return;
    shim_write_down_bytes(LAB_CHANGE_MAP,
                          (struct lab_change){.file = status.st_ino,
                                              .size = (uint64_t)status.st_size,
                                              .was = (uint64_t)status.st_size},
                          fd, 0, (uint64_t)status.st_size);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    NEXT(mmap);
    before_map(protection, flags, fd);
    return next(address, size, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
    NEXT(mmap64);
    before_map(protection, flags, fd);
    return next(address, size, protection, flags, fd, offset);
}

int msync(void *address, size_t size, int flags)
{
    NEXT(msync);
    if (!shim_orders() || !(flags & MS_SYNC))
        return next(address, size, flags);
    int result = before_sync();
    if (result <= 0)
        return result;
    result = next(address, size, flags);
    if (result == 0)
        shim_write_down(LAB_CHANGE_SYNC_MAPS, (struct lab_change){0}, NULL, NULL);
    return result;
}
