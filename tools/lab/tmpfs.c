/* SPDX-License-Identifier: MPL-2.0 */

/* See tmpfs.h. */

#include "tmpfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BALLAST "ballast"
#define LOOK_NS 5000000L /* between looks whether space was freed */

struct lab_tmpfs {
    char *path;
    int ballast; /* -1: not full */
    uint64_t size; /* of the ballast */
    atomic_bool stopping;
    pthread_t filler;
};

/* --- the namespace --- */

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return good;
}

/* Who is not root may be it in a namespace of his own, under the same number. */
static int enter_user_namespace(void)
{
    char users[64], groups[64];

    snprintf(users, sizeof users, "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
    snprintf(groups, sizeof groups, "%u %u 1", (unsigned)getegid(), (unsigned)getegid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return -1;
    write_text("/proc/self/setgroups", "deny");
    return write_text("/proc/self/uid_map", users) && write_text("/proc/self/gid_map", groups)
               ? 0 : -1;
}

static int enter_namespace(void)
{
    if (unshare(CLONE_NEWNS) != 0) {
        int error = errno;
        if (enter_user_namespace() != 0) {
            errno = error;
            return -1;
        }
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int enter_once(void)
{
    static bool entered;

    if (!entered && enter_namespace() != 0)
        return -1;
    entered = true;
    return 0;
}

int lab_tmpfs_probe(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(enter_namespace() == 0 && mount("none", "/", "tmpfs", 0, NULL) == 0 ? 0
              : errno > 0 && errno < 256                                          ? errno
                                                                                  : EPERM);
    if (pid < 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
    return errno == 0 ? 0 : -1;
}

struct lab_tmpfs *lab_tmpfs_new(const char *path, uint64_t size)
{
    struct lab_tmpfs *tmpfs = calloc(1, sizeof *tmpfs);
    char options[64];

    snprintf(options, sizeof options, "mode=0700,size=%llu", (unsigned long long)size);
    if (tmpfs)
        tmpfs->path = strdup(path);
    if (!tmpfs || !tmpfs->path || enter_once() != 0 ||
        mount("godwit-lab", path, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0) {
        int error = errno;
        if (tmpfs)
            free(tmpfs->path);
        free(tmpfs);
        errno = error;
        return NULL;
    }
    tmpfs->ballast = -1;
    return tmpfs;
}

void lab_tmpfs_free(struct lab_tmpfs **pointer)
{
    struct lab_tmpfs *tmpfs = *pointer;

    if (!tmpfs)
        return;
    lab_tmpfs_drain(tmpfs);
    umount2(tmpfs->path, MNT_DETACH);
    free(tmpfs->path);
    free(tmpfs);
    *pointer = NULL;
}

/* --- full --- */

static void take_all(struct lab_tmpfs *tmpfs)
{
    struct statvfs about;

    if (fstatvfs(tmpfs->ballast, &about) != 0)
        return;
    for (uint64_t size = about.f_bavail * about.f_bsize; size >= about.f_bsize;) {
        if (fallocate(tmpfs->ballast, 0, (off_t)tmpfs->size, (off_t)size) == 0)
            tmpfs->size += size;
        else if (errno != ENOSPC)
            return;
        else
            size = size / about.f_bsize / 2 * about.f_bsize; /* somebody was quicker */
        if (fstatvfs(tmpfs->ballast, &about) != 0 || about.f_bavail == 0)
            return;
    }
}

static void *keep_full(void *context)
{
    struct lab_tmpfs *tmpfs = context;
    const struct timespec pause = {.tv_nsec = LOOK_NS};

    while (!atomic_load(&tmpfs->stopping)) {
        take_all(tmpfs);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

int lab_tmpfs_fill(struct lab_tmpfs *tmpfs)
{
    char path[4096];

    if (tmpfs->ballast >= 0)
        return 0;
    snprintf(path, sizeof path, "%s/" BALLAST, tmpfs->path);
    tmpfs->ballast = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (tmpfs->ballast < 0)
        return -1;
    unlink(path); /* the space comes back with the descriptor's end, whatever happens */
    tmpfs->size = 0;
    take_all(tmpfs);
    atomic_store(&tmpfs->stopping, false);
    int error = pthread_create(&tmpfs->filler, NULL, keep_full, tmpfs);
    if (error) {
        close(tmpfs->ballast);
        tmpfs->ballast = -1;
        errno = error;
        return -1;
    }
    return 0;
}

void lab_tmpfs_drain(struct lab_tmpfs *tmpfs)
{
    if (tmpfs->ballast < 0)
        return;
    atomic_store(&tmpfs->stopping, true);
    pthread_join(tmpfs->filler, NULL);
    close(tmpfs->ballast);
    tmpfs->ballast = -1;
}
