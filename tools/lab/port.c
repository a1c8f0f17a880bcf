/* SPDX-License-Identifier: MPL-2.0 */
/* Finding and keeping ports. */

#include "port.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOWEST  15000
#define HIGHEST 65535
#define TRIES   1000

/* The ports that the system gives to those who dial. */
static void dialling_range(unsigned *low, unsigned *high)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

    if (!file || fscanf(file, "%u %u", low, high) != 2) {
        *low = 32768;
        *high = 60999;
    }
    if (file)
        fclose(file);
}

/* Without SO_REUSEADDR: it must be nobody's, not even kept by another lab. */
static bool take(int fd, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;

    return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0;
}

int lab_port_hold(uint16_t *port)
{
    unsigned low, high;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    dialling_range(&low, &high);
    for (int i = 0; fd >= 0 && i < TRIES; i++) {
        uint16_t drawn;
        if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
            continue;
        *port = (uint16_t)(LOWEST + drawn % (HIGHEST - LOWEST));
        if (*port >= low && *port <= high && (low > LOWEST || high < HIGHEST - 1))
            continue;
        if (take(fd, *port))
            return fd;
    }
    if (fd >= 0) {
        close(fd);
        errno = EADDRINUSE;
    }
    return -1;
}
