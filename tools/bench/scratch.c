/* SPDX-License-Identifier: MPL-2.0 */
/* Making directories, and removing what is below one of ours and nothing else. */

#include "scratch.h"
#include "child.h"
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define TMPFS     0x01021994
#define TRIES     100 /* a store that is being killed may still add a file */
#define TRY_MS    50
#define CLOSE_S   60
#define SPARE     (64ull << 20)

static char directory[SCRATCH_PATH - 256];
static struct child janitor = CHILD_NONE;

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    remove(path);
    return 0;
}

void scratch_clear(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int scratch_janitor(const char *path)
{
    char byte;
    ssize_t got;
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    do {
        got = read(STDIN_FILENO, &byte, 1);
    } while (got > 0 || (got < 0 && errno == EINTR));
    for (int i = 0; i < TRIES; i++) {
        scratch_clear(path);
        if (access(path, F_OK) && errno == ENOENT)
            return BENCH_OK;
        nanosleep(&(struct timespec){.tv_nsec = TRY_MS * 1000000}, NULL);
    }
    bench_complain("cannot remove %s", path);
    return BENCH_FAILED;
}

static bool room(const char *parent, uint64_t bytes)
{
    struct statvfs disk;
    if (statvfs(parent, &disk)) {
        bench_complain("%s: %s; set TMPDIR to a directory with room", parent, strerror(errno));
        return false;
    }
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (bytes && free_bytes < bytes + SPARE) {
        bench_complain("%s has %llu MiB free and this may need %llu: set TMPDIR, or a smaller "
                       "--size or --count",
                       parent, (unsigned long long)(free_bytes >> 20),
                       (unsigned long long)((bytes + SPARE) >> 20));
        return false;
    }
    return true;
}

int scratch_open(uint64_t bytes, bool sync)
{
    const char *parent = getenv("TMPDIR");
    if (!parent || !*parent)
        parent = "/tmp";
    if (!room(parent, bytes))
        return BENCH_USAGE;
    struct statfs kind;
    if (sync && statfs(parent, &kind) == 0 && kind.f_type == TMPFS)
        bench_complain("%s is in memory, where fsync costs nothing: set TMPDIR to a disk", parent);
    if ((size_t)snprintf(directory, sizeof(directory), "%s/godwit-bench.XXXXXX", parent) >=
        sizeof(directory)) {
        bench_complain("TMPDIR is too long");
        return BENCH_USAGE;
    }
    if (!mkdtemp(directory)) {
        bench_complain("%s: %s; set TMPDIR to a directory that can be written", directory,
                       strerror(errno));
        return BENCH_USAGE;
    }
    if (child_start(&janitor, "janitor", (const char *const[]){directory, NULL}, true))
        return BENCH_OK;
    rmdir(directory);
    return BENCH_FAILED;
}

void scratch_close(void)
{
    if (janitor.pid && !child_end(&janitor, bench_now() + CLOSE_S)) {
        child_kill(&janitor);
        scratch_clear(directory);
    }
}

bool scratch_make(char path[SCRATCH_PATH], const char *name)
{
    snprintf(path, SCRATCH_PATH, "%s/%s", directory, name);
    if (mkdir(path, 0700)) {
        bench_complain("%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}
