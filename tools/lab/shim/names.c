/* SPDX-License-Identifier: MPL-2.0 */

/* The names of files: made, moved, removed. See shim.h. */

#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- opening --- */

struct opening {
    struct shim_place place;
    bool there; /* a file of that name was */
    struct stat status;
};

/* False: the call fails. */
static bool before_open(int fd, const char *path, int flags, struct opening *opening)
{
    if (!shim_find(fd, path, &opening->place))
        return true;
    if (shim_fails(&shim_orders()->open_error, LAB_HIT_OPEN)) {
        shim_leave(&opening->place);
        return false;
    }
    opening->there = shim_look(&opening->place, &opening->status);
    if (flags & O_TRUNC && opening->there && S_ISREG(opening->status.st_mode)) {
        int error = errno;
        int old = (int)syscall(SYS_openat, opening->place.parent, opening->place.name,
                               O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
        errno = error;
        if (old >= 0) {
            shim_resized(old, &opening->status, 0);
            close(old);
        }
    }
    return true;
}

static void after_open(int fd, struct opening *opening)
{
    struct stat status;

    if (opening->place.parent < 0)
        return;
    if (fd >= 0 && shim_is_ours(fd, &status) && S_ISREG(status.st_mode)) {
        struct lab_change change = {.file = status.st_ino, .folder = opening->place.folder,
                                    .size = (uint64_t)status.st_size};
        if (opening->there)
            shim_write_down(LAB_CHANGE_OPEN, change, NULL, NULL);
        else
            shim_write_down(LAB_CHANGE_CREATE, change, opening->place.name, NULL);
    }
    shim_leave(&opening->place);
}

static bool may_write(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
}

/* For one that only reads, nothing but the fault. */
static bool may_read(int fd, const char *path)
{
    struct shim_place place;

    if (!shim_orders() || atomic_load(&shim_orders()->open_error) == 0 ||
        !shim_find(fd, path, &place))
        return true;
    shim_leave(&place);
    return !shim_fails(&shim_orders()->open_error, LAB_HIT_OPEN);
}

static int open_with(int (*next)(int, const char *, int, ...), int fd, const char *path, int flags,
                     mode_t mode)
{
    struct opening opening = {.place.parent = -1};

    if (!shim_orders())
        return next(fd, path, flags, mode);
    if (!may_write(flags))
        return may_read(fd, path) ? next(fd, path, flags, mode) : -1;
    if (!before_open(fd, path, flags, &opening))
        return -1;
    int result = next(fd, path, flags, mode);
    after_open(result, &opening);
    return result;
}

static mode_t mode_of(int flags, va_list list)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

#define OPEN(name, parameters, at, through) \
    int name parameters \
    { \
        static int (*next)(int, const char *, int, ...); \
        va_list list; \
\
        if (!next) \
            *(void **)&next = dlsym(RTLD_NEXT, through); \
        va_start(list, flags); \
        mode_t mode = mode_of(flags, list); \
        va_end(list); \
        return open_with(next, at, path, flags, mode); \
    }

OPEN(open, (const char *path, int flags, ...), AT_FDCWD, "openat")
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD, "openat64")
OPEN(openat, (int fd, const char *path, int flags, ...), fd, "openat")
OPEN(openat64, (int fd, const char *path, int flags, ...), fd, "openat64")

/* What a program calls that was compiled with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int fd, const char *path, int flags);
int __openat64_2(int fd, const char *path, int flags);

int __open_2(const char *path, int flags)
{
    return open(path, flags);
}

int __open64_2(const char *path, int flags)
{
    return open64(path, flags);
}

int __openat_2(int fd, const char *path, int flags)
{
    return openat(fd, path, flags);
}

int __openat64_2(int fd, const char *path, int flags)
{
    return openat64(fd, path, flags);
}

int creat(const char *path, mode_t mode)
{
    return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int creat64(const char *path, mode_t mode)
{
    return open64(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

static int flags_of(const char *mode)
{
    int flags = mode[0] == 'w' ? O_CREAT | O_TRUNC : mode[0] == 'a' ? O_CREAT : 0;

    for (const char *at = mode; *at && *at != ','; at++)
        flags |= *at == '+' ? O_RDWR : 0;
    return flags;
}

/* The C library opens by itself, and writes so: that is found by the file's size. */
#define FOPEN(name) \
    FILE *name(const char *path, const char *mode) \
    { \
        struct opening opening = {.place.parent = -1}; \
        int flags = flags_of(mode); \
\
        NEXT(name); \
        if (!shim_orders()) \
            return next(path, mode); \
        if (may_write(flags) ? !before_open(AT_FDCWD, path, flags, &opening) \
                             : !may_read(AT_FDCWD, path)) \
            return NULL; \
        FILE *stream = next(path, mode); \
        after_open(stream ? fileno(stream) : -1, &opening); \
        return stream; \
    }

FOPEN(fopen)
FOPEN(fopen64)

/* --- folders, links --- */

int mkdirat(int fd, const char *path, mode_t mode)
{
    struct shim_place place;
    struct stat status;

    NEXT(mkdirat);
    bool ours = shim_find(fd, path, &place);
    int result = next(fd, path, mode);
    if (ours && result == 0 && shim_look(&place, &status))
        shim_write_down(LAB_CHANGE_MKDIR,
                        (struct lab_change){.file = status.st_ino, .folder = place.folder},
                        place.name, NULL);
    shim_leave(&place);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    struct shim_place place, old;
    struct stat status;

    NEXT(linkat);
    bool ours = shim_find(to_fd, to, &place);
    bool known = shim_find(from_fd, from, &old) && shim_look(&old, &status);
    if (ours && known)
        shim_write_down(LAB_CHANGE_LINK,
                        (struct lab_change){.file = status.st_ino, .to_folder = place.folder}, NULL,
                        place.name);
    int result = next(from_fd, from, to_fd, to, flags);
    shim_leave(&old);
    shim_leave(&place);
    return result;
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* --- moving --- */

static void write_down_rename(const struct shim_place *from, const struct shim_place *to)
{
    struct stat moved, replaced = {0};

    if (!shim_look(from, &moved) || !S_ISREG(moved.st_mode))
        return;
    bool over = shim_look(to, &replaced) && S_ISREG(replaced.st_mode);
    if (over && replaced.st_ino == moved.st_ino)
        return; /* two names of one file: nothing happens */
    shim_write_down(LAB_CHANGE_RENAME,
                    (struct lab_change){.file = moved.st_ino, .folder = from->folder,
                                        .to_folder = to->folder,
                                        .kept = over ? replaced.st_ino : 0},
                    from->name, to->name);
    if (over)
        shim_keep(to, replaced.st_ino);
}

/* A file that comes from outside counts as durable under its new name, one that leaves as gone. */
static bool before_rename(int from_fd, const char *from, int to_fd, const char *to)
{
    struct shim_place old, new;
    bool has_old = shim_find(from_fd, from, &old), has_new = shim_find(to_fd, to, &new);
    bool good = (!has_old && !has_new) || !shim_fails(&shim_orders()->open_error, LAB_HIT_OPEN);

    if (good && has_old && has_new)
        write_down_rename(&old, &new);
    shim_leave(&old);
    shim_leave(&new);
    return good;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    NEXT(renameat);
    return before_rename(from_fd, from, to_fd, to) ? next(from_fd, from, to_fd, to) : -1;
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    NEXT(renameat2);
    if (flags & ~(unsigned)RENAME_NOREPLACE)
        return next(from_fd, from, to_fd, to, flags);
    return before_rename(from_fd, from, to_fd, to) ? next(from_fd, from, to_fd, to, flags) : -1;
}

/* --- removing --- */

int unlinkat(int fd, const char *path, int flags)
{
    struct shim_place place;
    struct stat status;

    NEXT(unlinkat);
    if (!(flags & AT_REMOVEDIR) && shim_find(fd, path, &place)) {
        if (shim_look(&place, &status) && S_ISREG(status.st_mode)) {
            shim_write_down(LAB_CHANGE_UNLINK,
                            (struct lab_change){.file = status.st_ino, .folder = place.folder},
                            place.name, NULL);
            shim_keep(&place, status.st_ino);
        }
        shim_leave(&place);
    }
    return next(fd, path, flags);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int remove(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) ? rmdir(path) : unlink(path);
}
