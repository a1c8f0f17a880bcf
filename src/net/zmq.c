/* SPDX-License-Identifier: MPL-2.0 */

/* The net of net.h on libzmq. One thread at a time uses the sockets. Any may wait meanwhile: that
 * is epoll on their descriptors, and touches none of them.
 *
 * The rule that everything here turns on (Z24): a socket's descriptor tells of *news* only, and
 * every call on the socket may swallow the news. So a socket may be slept on only after a receive
 * on it found nothing and nothing was done with it since. All others are on the ready list:
 *
 *     descriptor readable --+
 *     sent something -------+--> ready list --receive until EAGAIN--> asleep (epoll)
 *     stopped by the budget-+
 *
 * Descriptors are watched for edges: each piece of news ends one wait, in whichever thread, which
 * then is to hand it to gw_net_take. Of several that wait the kernel wakes the one that began last.
 * In epoll a wire goes by its connection, as it may be closed before its news is looked at. */

#include "net/endpoint.h"
#include "net/message.h"
#include "net/net.h"
#include "net/routes.h"
#include "net/socket.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>
#include <zmq.h>

#define QUANTUM        64 /* messages of one socket before the next ready one has its turn */
/* In epoll, beside the connections and 0, the ROUTER. */
#define WAKE  UINT64_MAX
#define NUDGE (UINT64_MAX - 1)

struct wire {
    void *socket; /* NULL: closed, and to be freed once nothing looks at it */
    uint64_t conn; /* 0: the ROUTER */
    int fd;
    bool ready; /* on the ready list */
    bool skipping; /* in the middle of a refused message */
    struct wire *next_ready;
};

struct gw_net {
    void *context;
    size_t max_frame;
    int epoll;
    int wake;
    int nudge;
    atomic_bool woken;
    atomic_bool forgotten; /* somebody could not take its news: every wire may have some */
    struct wire *router;   /* NULL until the first bind */
    struct gw_map dialled; /* wires by connection */
    struct gw_routes accepted;
    uint64_t next_conn;
    uint64_t refused;
    struct wire *ready_first, *ready_last;
    struct wire *in_hand; /* messages of this one are being handed over */
};

/* --- wires --- */

static void mark_ready(struct gw_net *net, struct wire *wire)
{
    if (wire->ready)
        return;
    wire->ready = true;
    wire->next_ready = NULL;
    if (net->ready_last)
        net->ready_last->next_ready = wire;
    else
        net->ready_first = wire;
    net->ready_last = wire;
}

static struct wire *pop_ready(struct gw_net *net)
{
    struct wire *wire = net->ready_first;

    net->ready_first = wire->next_ready;
    if (!net->ready_first)
        net->ready_last = NULL;
    wire->ready = false;
    return wire;
}

static void free_if_dead(const struct gw_net *net, struct wire *wire)
{
    if (!wire->socket && !wire->ready && net->in_hand != wire)
        free(wire);
}

static struct wire *open_wire(struct gw_net *net, enum gw_socket_kind kind, uint64_t conn,
                              char *why, size_t why_size, int *error)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = conn};
    struct wire *wire = calloc(1, sizeof *wire);

    if (!wire) {
        snprintf(why, why_size, "out of memory");
        *error = -ENOMEM;
        return NULL;
    }
    wire->socket = gw_socket_new(net->context, kind, net->max_frame, why, why_size, error);
    if (!wire->socket) {
        free(wire);
        return NULL;
    }
    wire->conn = conn;
    wire->fd = gw_socket_fd(wire->socket);
    if (wire->fd < 0 || epoll_ctl(net->epoll, EPOLL_CTL_ADD, wire->fd, &event) != 0) {
        *error = -errno;
        snprintf(why, why_size, "cannot wait for a socket: %s", strerror(errno));
        gw_socket_close(wire->socket);
        free(wire);
        return NULL;
    }
    return wire;
}

/* The descriptor leaves the epoll set first: libzmq closes it later, in a thread of its own. */
static void close_wire(struct gw_net *net, struct wire *wire)
{
    epoll_ctl(net->epoll, EPOLL_CTL_DEL, wire->fd, NULL);
    gw_socket_close(wire->socket);
    wire->socket = NULL;
    free_if_dead(net, wire);
}

/* --- life --- */

/* An eventfd in the epoll set; -1: not possible. */
static int open_event(const struct gw_net *net, uint64_t name, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = name};
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0 || epoll_ctl(net->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int open_waiting(struct gw_net *net, char *why, size_t why_size)
{
    net->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (net->epoll >= 0 && (net->wake = open_event(net, WAKE, EPOLLIN)) >= 0 &&
        (net->nudge = open_event(net, NUDGE, EPOLLIN | EPOLLET)) >= 0)
        return 0;
    int error = -errno;
    snprintf(why, why_size, "cannot open what to wait on: %s", strerror(-error));
    return error;
}

static void destroy(struct gw_net *net)
{
    if (net->context)
        gw_context_end(net->context);
    if (net->epoll >= 0)
        close(net->epoll);
    if (net->wake >= 0)
        close(net->wake);
    if (net->nudge >= 0)
        close(net->nudge);
    gw_map_clear(&net->dialled);
    gw_routes_clear(&net->accepted);
    free(net);
}

int gw_net_open(size_t max_frame, struct gw_net **net, char *why, size_t why_size)
{
    struct gw_net *self = calloc(1, sizeof *self);
    uint64_t seed = 0;
    int error = -ENOMEM;

    if (!self) {
        snprintf(why, why_size, "out of memory");
        return error;
    }
    self->epoll = -1;
    self->wake = -1;
    self->nudge = -1;
    self->max_frame = max_frame;
    self->next_conn = 1;
    atomic_init(&self->woken, false);
    atomic_init(&self->forgotten, false);
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = (uint64_t)(uintptr_t)self; /* makes collisions easier, not mistakes possible */
    gw_map_init(&self->dialled, seed);
    gw_routes_init(&self->accepted, GW_NET_ACCEPTED_MAX, ~seed);
    error = open_waiting(self, why, why_size);
    if (!error)
        self->context = gw_context_new(why, why_size, &error);
    if (error) {
        destroy(self);
        return error;
    }
    *net = self;
    return 0;
}

void gw_net_close(struct gw_net **net)
{
    struct gw_net *self = *net;
    struct wire *wire;

    if (!self)
        return;
    while (self->ready_first) {
        wire = pop_ready(self);
        free_if_dead(self, wire);
    }
    for (size_t at = 0; (wire = gw_map_next(&self->dialled, &at, NULL)) != NULL;)
        close_wire(self, wire);
    if (self->router)
        close_wire(self, self->router);
    destroy(self);
    *net = NULL;
}

/* --- connections --- */

int gw_net_bind(struct gw_net *net, const char *endpoint, char *bound, size_t bound_size,
                char *why, size_t why_size)
{
    int error = gw_endpoint_check(endpoint, true, why, why_size);

    if (error)
        return error;
    if (!net->router)
        net->router = open_wire(net, GW_SOCKET_ROUTER, 0, why, why_size, &error);
    if (!net->router)
        return error;
    mark_ready(net, net->router);
    return gw_socket_bind(net->router->socket, endpoint, bound, bound_size, why, why_size);
}

int gw_net_dial(struct gw_net *net, const char *endpoint, uint64_t *conn, char *why,
                size_t why_size)
{
    int error = gw_endpoint_check(endpoint, false, why, why_size);

    if (error)
        return error;
    struct wire *wire = open_wire(net, GW_SOCKET_DEALER, net->next_conn, why, why_size, &error);
    if (!wire)
        return error;
    error = gw_socket_connect(wire->socket, endpoint, why, why_size);
    if (!error) {
        error = gw_map_put(&net->dialled, net->next_conn, wire);
        if (error)
            snprintf(why, why_size, "out of memory");
    }
    if (error) {
        close_wire(net, wire);
        return error;
    }
    net->next_conn++;
    mark_ready(net, wire);
    *conn = wire->conn;
    return 0;
}

void gw_net_hangup(struct gw_net *net, uint64_t conn)
{
    struct wire *wire = gw_map_remove(&net->dialled, conn);

    if (wire)
        close_wire(net, wire);
    else
        gw_routes_forget(&net->accepted, conn);
}

uint64_t gw_net_refused(const struct gw_net *net)
{
    return net->refused;
}

/* --- sending and receiving --- */

int gw_net_send(struct gw_net *net, uint64_t conn, struct gw_slice header, struct gw_blob *blob,
                struct gw_slice body)
{
    struct wire *wire = gw_map_get(&net->dialled, conn);
    struct gw_slice id = {NULL, 0};

    if (!wire) {
        struct gw_route *route = gw_routes_of(&net->accepted, conn);
        if (!route)
            return -ENOENT;
        id = (struct gw_slice){.data = route->id, .size = route->size};
        wire = net->router;
    }
    mark_ready(net, wire);
    int error = gw_message_send(wire->socket, id, header, blob, body);
    if (error == -EHOSTUNREACH)
        gw_routes_forget(&net->accepted, conn);
    return error;
}

static bool skip_part(struct wire *wire)
{
    zmq_msg_t part;

    if (!gw_part_receive(wire->socket, &part))
        return false;
    wire->skipping = zmq_msg_more(&part) != 0;
    zmq_msg_close(&part);
    return true;
}

/* The connection that a routing id stands for, a new one if need be; 0: no room for another. */
static uint64_t conn_of(struct gw_net *net, zmq_msg_t *id)
{
    const void *data = zmq_msg_data(id);
    size_t size = zmq_msg_size(id);
    struct gw_route *route = gw_routes_find(&net->accepted, data, size);

    if (route)
        return route->conn;
    route = gw_routes_add(&net->accepted, net->next_conn, data, size);
    if (!route)
        return 0;
    return net->next_conn++;
}

/* The rest of a message whose header has come. The handler may close the wire. */
static void hand_over(struct wire *wire, uint64_t conn, zmq_msg_t *header,
                      const struct gw_net_handler *handler, void *context)
{
    struct gw_slice slice = {.data = zmq_msg_data(header), .size = zmq_msg_size(header)};
    struct gw_blob *body = NULL;
    zmq_msg_t part;

    if (zmq_msg_more(header)) {
        if (!gw_part_receive(wire->socket, &part))
            return;
        if (zmq_msg_more(&part)) {
            zmq_msg_close(&part);
            wire->skipping = true;
            handler->malformed(context, conn);
            return;
        }
        body = gw_part_to_blob(&part);
        if (!body)
            return; /* a lost frame like any other: the peers count them */
    }
    handler->frame(context, conn, slice, body);
}

/* A message, or one part of a refused one. False: nothing is there. */
static bool receive(struct gw_net *net, struct wire *wire, const struct gw_net_handler *handler,
                    void *context)
{
    uint64_t conn = wire->conn;
    zmq_msg_t part;

    if (wire->skipping)
        return skip_part(wire);
    if (conn == 0) {
        if (!gw_part_receive(wire->socket, &part))
            return false;
        conn = conn_of(net, &part);
        wire->skipping = conn == 0 && zmq_msg_more(&part);
        net->refused += conn == 0;
        bool done = conn == 0 || !zmq_msg_more(&part);
        zmq_msg_close(&part);
        if (done)
            return true;
    }
    if (!gw_part_receive(wire->socket, &part))
        return false;
    hand_over(wire, conn, &part, handler, context);
    zmq_msg_close(&part);
    return true;
}

size_t gw_net_drain(struct gw_net *net, size_t budget, const struct gw_net_handler *handler,
                    void *context)
{
    size_t taken = 0;

    while (taken < budget && net->ready_first) {
        struct wire *wire = pop_ready(net);
        size_t quantum = budget - taken < QUANTUM ? budget - taken : QUANTUM, count = 0;

        net->in_hand = wire;
        while (count < quantum && wire->socket && receive(net, wire, handler, context))
            count++;
        net->in_hand = NULL;
        taken += count;
        if (wire->socket && count == quantum)
            mark_ready(net, wire);
        free_if_dead(net, wire);
    }
    return taken;
}

/* --- waiting --- */

void gw_net_wake(struct gw_net *net)
{
    uint64_t one = 1;

    if (atomic_exchange(&net->woken, true))
        return; /* somebody did, and the wait has not ended yet */
    while (write(net->wake, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

/* Clears the descriptor before the flag: a wake in between finds the flag set and writes nothing,
 * but what it announces is older than the end of this wait, so the caller sees it. */
static void clear_wake(struct gw_net *net)
{
    uint64_t count;

    while (read(net->wake, &count, sizeof count) < 0 && errno == EINTR)
        continue;
    atomic_exchange(&net->woken, false);
}

void gw_net_wait(struct gw_net *net, int64_t timeout_us, struct gw_net_news *news)
{
    struct epoll_event events[GW_NET_NEWS_MAX];
    int64_t timeout_ms = timeout_us < 0 ? -1 : timeout_us / 1000 + (timeout_us % 1000 != 0);
    int count = epoll_wait(net->epoll, events, GW_NET_NEWS_MAX,
                           timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);

    news->count = 0;
    news->woken = false;
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == WAKE)
            news->woken = true;
        else if (events[i].data.u64 != NUDGE)
            news->conns[news->count++] = events[i].data.u64;
    }
}

/* A thread that is woken for nothing queues again, as the last. */
void gw_net_nudge(struct gw_net *net)
{
    uint64_t count = 1;
    ssize_t ignored = write(net->nudge, &count, sizeof count);

    ignored = read(net->nudge, &count, sizeof count);
    (void)ignored;
}

void gw_net_forget_news(struct gw_net *net)
{
    atomic_store(&net->forgotten, true);
    gw_net_wake(net);
}

static void mark_all_ready(struct gw_net *net)
{
    struct wire *wire;

    for (size_t at = 0; (wire = gw_map_next(&net->dialled, &at, NULL)) != NULL;)
        mark_ready(net, wire);
    if (net->router)
        mark_ready(net, net->router);
}

void gw_net_take(struct gw_net *net, const struct gw_net_news *news)
{
    for (size_t i = 0; i < news->count; i++) {
        struct wire *wire =
            news->conns[i] ? gw_map_get(&net->dialled, news->conns[i]) : net->router;

        if (wire)
            mark_ready(net, wire);
    }
    if (news->woken)
        clear_wake(net);
    if (atomic_load(&net->forgotten) && atomic_exchange(&net->forgotten, false))
        mark_all_ready(net);
}

bool gw_net_is_ready(const struct gw_net *net)
{
    return net->ready_first != NULL;
}

size_t gw_net_poll(struct gw_net *net, int64_t timeout_us, size_t budget,
                   const struct gw_net_handler *handler, void *context)
{
    size_t taken = gw_net_drain(net, budget, handler, context);
    struct gw_net_news news;

    /* Also with a full budget: sockets that have news shall not wait for the busy ones. */
    gw_net_wait(net, taken > 0 || net->ready_first ? 0 : timeout_us, &news);
    gw_net_take(net, &news);
    return taken + gw_net_drain(net, budget - taken, handler, context);
}
