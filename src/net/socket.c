/* SPDX-License-Identifier: MPL-2.0 */

/* Where options of libzmq are set, and nowhere else. Never set here: ROUTING_ID and
 * CONNECT_ROUTING_ID (Z04, Z05), HEARTBEAT_* (Z17). */

#include "net/socket.h"

#include "net/endpoint.h"
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#if ZMQ_VERSION < ZMQ_MAKE_VERSION(4, 3, 4)
#error "godwit needs libzmq 4.3.4 or newer"
#endif

#define SOCKETS_MAX    16384
#define FAREWELL_MS    100
#define CONTEXT_NEEDS  16 /* descriptors: mailboxes and epoll of its threads, with some air */
#define SOCKET_NEEDS   4  /* mailbox, connection or listener, with some air */
#define FRAME_OVERHEAD 1024
#define ZAP_DOMAIN     "godwit"

struct option {
    int name;
    int value;
};

static const struct option common_options[] = {
    {ZMQ_LINGER, 0},                   /* Z11; gw_socket_close gives the last frames a moment */
    {ZMQ_SNDHWM, GW_NET_HIGH_WATER},   /* Z03: four times what credit may allow, so that a full */
    {ZMQ_RCVHWM, GW_NET_HIGH_WATER},   /* queue means a broken peer, not a busy one (Z17) */
    {ZMQ_IMMEDIATE, 1},                /* Z08: the outbox is the only queue */
    {ZMQ_HANDSHAKE_IVL, 5000},         /* Z10: who says nothing does not keep a connection */
    {ZMQ_TCP_KEEPALIVE, 1},            /* Z18, with the next four */
    {ZMQ_TCP_KEEPALIVE_IDLE, 20},
    {ZMQ_TCP_KEEPALIVE_INTVL, 5},
    {ZMQ_TCP_KEEPALIVE_CNT, 3},
    {ZMQ_TCP_MAXRT, 30000},
};

static const struct option router_options[] = {
    {ZMQ_ROUTER_MANDATORY, 1}, /* Z01: an unroutable frame is an error, not a silence */
    {ZMQ_ROUTER_HANDOVER, 0},  /* Z04: nobody takes over another's route */
    {ZMQ_BACKLOG, 1024},       /* many peers may come back at once */
};

/* Z09 proposes 250 ms to 10 s. Shorter here: a peer killed and started again should be back at work
 * within 2 s, and an attempt costs one SYN; libzmq doubles the pause and adds jitter. */
static const struct option dealer_options[] = {
    {ZMQ_RECONNECT_IVL, 100},
    {ZMQ_RECONNECT_IVL_MAX, 2000},
    {ZMQ_CONNECT_TIMEOUT, 5000}, /* Z10 */
};

bool gw_descriptors_left(int wanted)
{
    int probes[32], count = 0;
    bool left;

    while (count < wanted && count < 32) {
        probes[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (probes[count] < 0)
            break;
        count++;
    }
    left = count == wanted;
    while (count > 0)
        close(probes[--count]);
    return left;
}

static int no_descriptors(char *why, size_t why_size)
{
    snprintf(why, why_size, "too few file descriptors are free; raise the limit (ulimit -n)");
    return -EMFILE;
}

void *gw_context_new(char *why, size_t why_size, int *error)
{
    int major, minor, patch;
    void *context;

    zmq_version(&major, &minor, &patch);
    if (ZMQ_MAKE_VERSION(major, minor, patch) < ZMQ_MAKE_VERSION(4, 3, 4)) { /* Z22 */
        snprintf(why, why_size, "libzmq %d.%d.%d is too old; install 4.3.4 or newer", major, minor,
                 patch);
        *error = -ENOTSUP;
        return NULL;
    }
    if (!gw_descriptors_left(CONTEXT_NEEDS)) {
        *error = no_descriptors(why, why_size);
        return NULL;
    }
    context = zmq_ctx_new();
    if (!context || zmq_ctx_set(context, ZMQ_MAX_SOCKETS, SOCKETS_MAX) != 0 || /* Z24 */
        zmq_ctx_set(context, ZMQ_IO_THREADS, 1) != 0 ||
        zmq_ctx_set(context, ZMQ_BLOCKY, 0) != 0) {
        *error = -errno;
        snprintf(why, why_size, "libzmq gives no context: %s", zmq_strerror(errno));
        if (context)
            gw_context_end(context);
        return NULL;
    }
    return context;
}

void gw_context_end(void *context)
{
    while (zmq_ctx_term(context) != 0 && errno == EINTR)
        continue;
}

static int set_options(void *socket, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (zmq_setsockopt(socket, options[i].name, &options[i].value, sizeof(int)) != 0)
            return -errno;
    }
    return 0;
}

#define SET(socket, options) set_options(socket, options, sizeof options / sizeof *options)

static int set_all(void *socket, enum gw_socket_kind kind, size_t max_frame)
{
    int64_t limit = (int64_t)max_frame + FRAME_OVERHEAD; /* Z19 */
    int error = SET(socket, common_options);

    if (error)
        return error;
    /* A domain makes libzmq refuse ZMTP 1.0 and 2.0 and spares us their decoders, which take noise
     * for messages (CU05). As nobody answers for the domain, it has no other effect so far. */
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &limit, sizeof limit) != 0 ||
        zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN)) != 0)
        return -errno;
    return kind == GW_SOCKET_ROUTER ? SET(socket, router_options) : SET(socket, dealer_options);
}

void *gw_socket_new(void *context, enum gw_socket_kind kind, size_t max_frame, char *why,
                    size_t why_size, int *error)
{
    if (!gw_descriptors_left(SOCKET_NEEDS)) {
        *error = no_descriptors(why, why_size);
        return NULL;
    }
    void *socket = zmq_socket(context, kind == GW_SOCKET_ROUTER ? ZMQ_ROUTER : ZMQ_DEALER);
    if (!socket) {
        *error = -errno;
        snprintf(why, why_size, "libzmq gives no socket (it has %d at most): %s", SOCKETS_MAX,
                 zmq_strerror(errno));
        return NULL;
    }
    *error = set_all(socket, kind, max_frame);
    if (*error) {
        snprintf(why, why_size, "libzmq refuses a socket option: %s", zmq_strerror(-*error));
        gw_socket_close(socket);
        return NULL;
    }
    return socket;
}

/* IPv6 only where an address asks for it: with it, libzmq prefers a name's IPv6 address and does
 * not try the other. */
static void choose_family(void *socket, const char *endpoint)
{
    int ipv6 = strchr(endpoint, '[') != NULL;

    zmq_setsockopt(socket, ZMQ_IPV6, &ipv6, sizeof ipv6);
}

static const char *bind_advice(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "somebody listens there already; stop it or choose another";
    case EACCES:
        return "not permitted; ports below 1024 and foreign folders need rights";
    case ENODEV:
    case EADDRNOTAVAIL:
        return "this machine has no such address or interface";
    case EEXIST:
        return "a file that is no socket is in the way; choose another path";
    case ENOENT:
        return "the folder does not exist; make it first";
    default:
        return zmq_strerror(error);
    }
}

int gw_socket_bind(void *socket, const char *endpoint, char *bound, size_t bound_size, char *why,
                   size_t why_size)
{
    size_t size = bound_size;
    int error = gw_endpoint_occupied(endpoint);

    choose_family(socket, endpoint);
    if (!error && zmq_bind(socket, endpoint) != 0)
        error = -errno;
    if (error) {
        snprintf(why, why_size, "cannot bind %s: %s", endpoint, bind_advice(-error));
        return error;
    }
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &size) != 0)
        snprintf(bound, bound_size, "%s", endpoint);
    return 0;
}

int gw_socket_connect(void *socket, const char *endpoint, char *why, size_t why_size)
{
    choose_family(socket, endpoint);
    if (zmq_connect(socket, endpoint) == 0)
        return 0;
    int error = -errno;
    snprintf(why, why_size, "cannot dial %s: %s", endpoint, zmq_strerror(-error));
    return error;
}

int gw_socket_fd(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;

    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0 ? fd : -1;
}

void gw_socket_close(void *socket)
{
    int linger = FAREWELL_MS;

    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close(socket);
}
