/* SPDX-License-Identifier: MPL-2.0 */

/* Orders, whose file it is, and the journal: see shim.h. The shim's own system calls go around its
 * definitions, by syscall. */

#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct lab_orders *orders;
static size_t directory_size; /* of its name */
static char journal_path[LAB_ORDERS_PATH_MAX + 16];
static int journal = -1;
static dev_t journal_device;
static ino_t journal_inode;

struct lab_orders *shim_orders(void)
{
    return orders;
}

static int open_at(int fd, const char *path, int flags)
{
    return (int)syscall(SYS_openat, fd, path, flags | O_CLOEXEC, 0);
}

/* --- beginning --- */

static struct lab_orders *map_orders(const char *folder)
{
    char path[LAB_ORDERS_PATH_MAX + 16];

    snprintf(path, sizeof path, "%s/%s", folder, LAB_ORDERS_NAME);
    int fd = open_at(AT_FDCWD, path, O_RDWR);
    if (fd < 0)
        return NULL;
    void *page = (void *)syscall(SYS_mmap, NULL, sizeof *orders, PROT_READ | PROT_WRITE,
                                 MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED || ((struct lab_orders *)page)->version != LAB_ORDERS_VERSION)
        return NULL;
    return page;
}

static bool open_journal(void)
{
    struct stat status;

    journal = open_at(AT_FDCWD, journal_path, O_WRONLY | O_APPEND);
    if (journal < 0 || fstat(journal, &status) != 0)
        return false;
    journal_device = status.st_dev;
    journal_inode = status.st_ino;
    return true;
}

/* A process that says it runs under the lab and does not would be judged wrongly. */
static void refuse(const char *what, const char *folder)
{
    dprintf(STDERR_FILENO, "godwit-lab-shim: %s of %s cannot be used: %s\n", what, folder,
            strerror(errno));
    _exit(127);
}

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv(LAB_SHIM_VARIABLE);

    if (!folder || !*folder)
        return;
    struct lab_orders *page = map_orders(folder);
    if (!page)
        refuse("the orders", folder);
    snprintf(journal_path, sizeof journal_path, "%s/%s", folder, LAB_JOURNAL_NAME);
    if (!open_journal())
        refuse("the journal", folder);
    directory_size = strlen(page->directory);
    orders = page;
}

/* --- whose --- */

static bool is_below(const char *path)
{
    return strncmp(path, orders->directory, directory_size) == 0 &&
           (path[directory_size] == '\0' || path[directory_size] == '/');
}

static bool is_ours(int fd)
{
    char link[32], path[PATH_MAX];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0)
        return false;
    path[size] = '\0';
    return is_below(path);
}

bool shim_is_ours(int fd, struct stat *status)
{
    int error = errno;

    bool ours = orders && fstat(fd, status) == 0 && status->st_nlink > 0 &&
                (S_ISREG(status->st_mode) || S_ISDIR(status->st_mode)) && is_ours(fd);
    errno = error;
    return ours;
}

static void open_parent(int fd, const char *path, const char *slash, struct shim_place *place)
{
    char parent[PATH_MAX];
    struct stat status;

    snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    place->parent = open_at(fd, parent, O_PATH | O_DIRECTORY);
    if (place->parent < 0)
        return;
    if (is_ours(place->parent) && fstat(place->parent, &status) == 0) {
        place->folder = status.st_ino;
    } else {
        close(place->parent);
        place->parent = -1;
    }
}

bool shim_find(int fd, const char *path, struct shim_place *place)
{
    int error = errno;
    size_t size = path ? strlen(path) : 0;

    place->parent = -1;
    while (size > 1 && path[size - 1] == '/')
        size--;
    const char *slash = size > 0 ? memrchr(path, '/', size) : NULL;
    const char *name = slash ? slash + 1 : path;
    size -= slash ? (size_t)(name - path) : 0;
    if (orders && size > 0 && size < sizeof place->last && !(size == 1 && name[0] == '.') &&
        !(size == 2 && name[0] == '.' && name[1] == '.')) {
        memcpy(place->last, name, size);
        place->last[size] = '\0';
        place->name = place->last;
        place->name_size = size;
        open_parent(fd, path, slash, place);
    }
    errno = error;
    return place->parent >= 0;
}

void shim_leave(struct shim_place *place)
{
    int error = errno;

    if (place->parent >= 0)
        close(place->parent);
    place->parent = -1;
    errno = error;
}

bool shim_look(const struct shim_place *place, struct stat *status)
{
    int error = errno;
    bool there = fstatat(place->parent, place->name, status, AT_SYMLINK_NOFOLLOW) == 0;

    errno = error;
    return there;
}

/* --- the journal --- */

/* A program may have closed all that it does not know, and the number may be another file now. */
static bool is_open(struct stat *status)
{
    return (fstat(journal, status) == 0 && status->st_dev == journal_device &&
            status->st_ino == journal_inode) ||
           (open_journal() && fstat(journal, status) == 0);
}

uint64_t shim_position(void)
{
    struct stat status;
    int error = errno;
    uint64_t position = is_open(&status) ? (uint64_t)status.st_size : 0;

    errno = error;
    return position;
}

static void fail(int error)
{
    int32_t none = 0;

    atomic_compare_exchange_strong(&orders->journal_error, &none, error ? error : EIO);
}

/* A place is before a change is written down, and another one behind that, before it is made. */
static void may_end(void)
{
    uint64_t left = atomic_load_explicit(&orders->ends_at, memory_order_relaxed);

    if (left > 0 && atomic_fetch_sub(&orders->ends_at, 1) == 1)
        syscall(SYS_kill, getpid(), SIGKILL);
}

/* By one write, so that records of several threads and processes do not mix. */
static void append(const struct lab_change *change, const char *name, const char *to,
                   const void *data)
{
    uint64_t end = lab_change_end(change);
    const struct iovec parts[] = {
        {(void *)(uintptr_t)change, sizeof *change},
        {(void *)(uintptr_t)name, change->name_size},
        {(void *)(uintptr_t)to, change->to_size},
        {(void *)(uintptr_t)data, change->data_size},
        {&end, sizeof end},
    };
    size_t size = sizeof *change + change->name_size + change->to_size + change->data_size +
                  sizeof end;
    struct stat status;

    may_end();
    if (!is_open(&status))
        fail(errno);
    else if ((uint64_t)status.st_size + size > LAB_JOURNAL_MAX)
        fail(EFBIG);
    else if (syscall(SYS_writev, journal, parts, 5) != (long)size)
        fail(errno);
    may_end();
}

static struct lab_change sealed(enum lab_change_kind kind, struct lab_change change)
{
    change.magic = LAB_CHANGE_MAGIC;
    change.kind = kind;
    change.sum = lab_change_sum(&change);
    return change;
}

void shim_write_down(enum lab_change_kind kind, struct lab_change change, const char *name,
                     const char *to)
{
    int error = errno;

    change.name_size = name ? (uint16_t)strlen(name) : 0;
    change.to_size = to ? (uint16_t)strlen(to) : 0;
    change.data_size = 0;
    change = sealed(kind, change);
    append(&change, name, to, NULL);
    errno = error;
}

void shim_write_down_bytes(enum lab_change_kind kind, struct lab_change change, int fd,
                           uint64_t offset, uint64_t size)
{
    int error = errno, readable = -1;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), skip = offset % page;
    char link[32], *bytes = MAP_FAILED;

    if (size > 0 && size <= LAB_CHANGE_DATA_MAX) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd); /* it may be open for writing only */
        readable = open_at(AT_FDCWD, link, O_RDONLY);
    }
    if (readable >= 0)
        bytes = (char *)syscall(SYS_mmap, NULL, size + skip, PROT_READ, MAP_PRIVATE, readable,
                                offset - skip);
    change.data_size = bytes != MAP_FAILED ? size : 0;
    change = sealed(kind, change);
    append(&change, NULL, NULL, bytes != MAP_FAILED ? bytes + skip : NULL);
    if (bytes != MAP_FAILED)
        munmap(bytes, size + skip);
    if (readable >= 0)
        close(readable);
    errno = error;
}

/* --- what lost its name --- */

void shim_keep(const struct shim_place *place, uint64_t file)
{
    char path[LAB_ORDERS_PATH_MAX + 64];
    int error = errno;
    uint64_t position = shim_position();

    snprintf(path, sizeof path, "%s/%" PRIu64, orders->keep, place->folder);
    syscall(SYS_mkdirat, AT_FDCWD, path, 0700);
    snprintf(path, sizeof path, "%s/%" PRIu64 "/%" PRIu64 ".%" PRIu64, orders->keep,
             place->folder, position, file);
    syscall(SYS_linkat, place->parent, place->name, AT_FDCWD, path, 0);
    errno = error;
}

struct entry { /* of getdents64 */
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

void shim_let_go(uint64_t folder, uint64_t position)
{
    _Alignas(struct entry) char list[4096];
    char path[LAB_ORDERS_PATH_MAX + 32];
    int error = errno;
    long size;

    snprintf(path, sizeof path, "%s/%" PRIu64, orders->keep, folder);
    int fd = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    while (fd >= 0 && (size = syscall(SYS_getdents64, fd, list, sizeof list)) > 0) {
        for (long at = 0; at < size;) {
            const struct entry *entry = (const struct entry *)(list + at);
            char *end;
            uint64_t since = strtoull(entry->name, &end, 10);
            if (*end == '.' && end != entry->name && since < position)
                syscall(SYS_unlinkat, fd, entry->name, 0);
            at += entry->size;
        }
    }
    if (fd >= 0)
        close(fd);
    errno = error;
}

/* --- faults --- */

bool shim_fails(_Atomic int32_t *error, enum lab_hit hit)
{
    int number = atomic_load_explicit(error, memory_order_relaxed);

    if (number == 0)
        return false;
    atomic_fetch_add_explicit(&orders->hits[hit], 1, memory_order_relaxed);
    errno = number;
    return true;
}
