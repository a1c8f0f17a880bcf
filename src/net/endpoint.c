/* SPDX-License-Identifier: MPL-2.0 */

/* Reads endpoints; the only system calls are those of gw_endpoint_occupied. Names are never
 * resolved here: that may take seconds and belongs to libzmq's own thread. */

#include "net/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

/* What follows the scheme, or NULL if the endpoint has another one. */
static const char *after_scheme(const char *endpoint, const char *scheme)
{
    size_t size = strlen(scheme);

    return strncmp(endpoint, scheme, size) == 0 ? endpoint + size : NULL;
}

static int refuse(char *why, size_t why_size, const char *endpoint, const char *advice)
{
    snprintf(why, why_size, "endpoint \"%.200s\": %s", endpoint, advice);
    return -EINVAL;
}

/* Cuts "HOST:PORT" or "[HOST]:PORT" in two; the brackets are dropped and remembered. */
struct tcp_address {
    char host[GW_ENDPOINT_MAX];
    bool brackets;
    const char *port;
};

static bool cut_tcp(const char *address, struct tcp_address *cut)
{
    const char *colon = strrchr(address, ':');
    size_t size;

    if (!colon || colon == address)
        return false;
    size = (size_t)(colon - address);
    cut->brackets = address[0] == '[';
    if (cut->brackets) {
        if (size < 3 || colon[-1] != ']')
            return false;
        address++;
        size -= 2;
    }
    if (size >= sizeof cut->host)
        return false;
    memcpy(cut->host, address, size);
    cut->host[size] = '\0';
    cut->port = colon + 1;
    return true;
}

/* -1 if it is no port number. */
static long port_number(const char *text)
{
    long port = 0;

    if (*text == '\0' || strlen(text) > 5)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        port = port * 10 + (*text - '0');
    }
    return port <= 65535 ? port : -1;
}

static const char *wrong_with_host(const struct tcp_address *cut, bool bind)
{
    struct in6_addr address6;

    if (cut->brackets)
        return inet_pton(AF_INET6, cut->host, &address6) == 1 ? NULL
                                                              : "between [ and ] must stand an "
                                                                "IPv6 address, as in [::1]";
    if (strcmp(cut->host, "*") == 0)
        return bind ? NULL : "* means every interface and can only be bound; dial a host";
    if (strchr(cut->host, ':'))
        return "an IPv6 address needs brackets, as in tcp://[::1]:7000";
    if (bind && strcmp(cut->host, "localhost") == 0)
        return "names are not looked up for a bind; write 127.0.0.1";
    for (const char *at = cut->host; *at; at++) {
        if (!isascii((unsigned char)*at) || (!isalnum((unsigned char)*at) && !strchr("._-", *at)))
            return "the host may hold letters, digits, '.', '_' and '-' only";
    }
    return NULL;
}

static const char *wrong_with_tcp(const char *address, bool bind)
{
    struct tcp_address cut;

    if (!cut_tcp(address, &cut))
        return "write tcp://HOST:PORT, as in tcp://127.0.0.1:7000";
    const char *wrong = wrong_with_host(&cut, bind);
    if (wrong)
        return wrong;
    if (bind && strcmp(cut.port, "*") == 0)
        return NULL;
    long port = port_number(cut.port);
    if (bind && port < 0)
        return "the port must be a number from 0 to 65535, or * for any free one";
    if (!bind && port < 1)
        return "the port must be a number from 1 to 65535";
    return NULL;
}

static const char *wrong_with_ipc(const char *path)
{
    if (*path == '\0' || strcmp(path, "@") == 0)
        return "write ipc://PATH, as in ipc:///run/user/1000/name.sock";
    if (strcmp(path, "*") == 0)
        return "ipc://* has no name that others could dial; write a path";
    if (strlen(path) >= PATH_SIZE)
        return "the path of a socket file may have at most 107 bytes; use a shorter one";
    return NULL;
}

int gw_endpoint_check(const char *endpoint, bool bind, char *why, size_t why_size)
{
    const char *rest, *wrong;

    if (strlen(endpoint) >= GW_ENDPOINT_MAX)
        return refuse(why, why_size, endpoint, "too long; at most 511 bytes");
    if ((rest = after_scheme(endpoint, "tcp://")) != NULL)
        wrong = wrong_with_tcp(rest, bind);
    else if ((rest = after_scheme(endpoint, "ipc://")) != NULL)
        wrong = wrong_with_ipc(rest);
    else if ((rest = after_scheme(endpoint, "inproc://")) != NULL)
        wrong = *rest ? NULL : "write inproc://NAME";
    else
        wrong = "must begin with tcp://, ipc:// or inproc://, as in tcp://127.0.0.1:7000";
    return wrong ? refuse(why, why_size, endpoint, wrong) : 0;
}

bool gw_endpoint_is_loopback(const char *endpoint)
{
    const char *rest = after_scheme(endpoint, "tcp://");
    struct tcp_address cut;
    struct in_addr address;
    struct in6_addr address6;

    if (!rest)
        return after_scheme(endpoint, "ipc://") || after_scheme(endpoint, "inproc://");
    if (!cut_tcp(rest, &cut))
        return false;
    if (cut.brackets)
        return inet_pton(AF_INET6, cut.host, &address6) == 1 && IN6_IS_ADDR_LOOPBACK(&address6);
    if (strcmp(cut.host, "localhost") == 0)
        return true;
    return inet_pton(AF_INET, cut.host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

int gw_endpoint_occupied(const char *endpoint)
{
    const char *path = after_scheme(endpoint, "ipc://");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;

    if (!path || *path == '@' || strlen(path) >= PATH_SIZE || lstat(path, &status) != 0)
        return 0;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    memcpy(address.sun_path, path, strlen(path));
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return -errno;
    int rc = connect(probe, (const struct sockaddr *)&address, sizeof address);
    /* A full backlog (EAGAIN) has a listener too. */
    bool listens = rc == 0 || errno == EAGAIN || errno == EINPROGRESS;
    close(probe);
    return listens ? -EADDRINUSE : 0;
}
