/* SPDX-License-Identifier: MPL-2.0 */

/* The name of the control socket. A socket's address holds 107 bytes, a directory's path up to
 * 4,095: going through the open descriptor makes every one short. */

#include "peer/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address_of(int directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" GW_CONTROL_SOCKET,
             directory);
    return address;
}

/* What a killed peer left goes; the caller has the directory's lock. */
static int remove_stale(int directory)
{
    struct stat status;

    if (fstatat(directory, GW_CONTROL_SOCKET, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST; /* somebody else's */
    return unlinkat(directory, GW_CONTROL_SOCKET, 0) == 0 ? 0 : -errno;
}

int gw_control_bind(int directory, int fd)
{
    struct sockaddr_un address = address_of(directory);
    int error = remove_stale(directory);

    if (error)
        return error;
    /* Linux gives the name the mode of the socket: it is never there with another one. */
    if (fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return -errno;
    return 0;
}

int gw_control_connect(int directory, int fd)
{
    struct sockaddr_un address = address_of(directory);

    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : -errno;
}
