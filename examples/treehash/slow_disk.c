/* SPDX-License-Identifier: MPL-2.0 */
/* Linked into the programs of the demo that has to fail: a disk on which each write takes 6 ms.
 *
 * Between an acknowledgement that is too early and the write that it should have waited for lie
 * microseconds on a fast disk, and kill -9 takes back nothing that was written. A slow disk makes
 * the gap wide enough for some of the demo's kills to hit it. It changes nothing else: the test
 * also shows that without the planted bug the demo holds on the same disk.
 *
 * LevelDB appends to its log with write(2), which this definition replaces; sockets and eventfds
 * pass through at once. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WRITE_MS 6

static bool is_file(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/* Visible, so that libleveldb finds this one before the C library's. */
__attribute__((visibility("default"))) ssize_t write(int fd, const void *data, size_t size)
{
    if (is_file(fd))
        nanosleep(&(struct timespec){.tv_nsec = WRITE_MS * 1000000}, NULL);
    return syscall(SYS_write, fd, data, size);
}
