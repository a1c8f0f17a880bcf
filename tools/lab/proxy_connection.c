/* SPDX-License-Identifier: MPL-2.0 */
/* One connection: its two sockets, their events, its beginning and its end. */

#include "proxy_inside.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS  16   /* reads of a connection before others have their turn */
#define REST    (16u << 20) /* more than a socket holds */
#define PACE_US 5000 /* a throttled flow is written to this often */

/* --- ends --- */

static void shut(struct proxy_connection *connection, bool reset)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};

    for (int side = 0; side < PROXY_WAYS; side++) {
        int fd = connection->fds[side];

        if (fd < 0)
            continue;
        if (reset)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        else /* close() with unread bytes sends a reset; MSG_TRUNC throws them away */
            for (int i = 0; i < ROUNDS && recv(fd, NULL, REST, MSG_DONTWAIT | MSG_TRUNC) > 0; i++)
                continue;
        close(fd);
        connection->fds[side] = -1;
    }
}

static void end(struct proxy_connection *connection, bool reset)
{
    struct lab_proxy_thread *thread = connection->link->thread;

    if (connection->ended)
        return;
    shut(connection, reset);
    for (int way = 0; way < PROXY_WAYS; way++) {
        while (connection->flows[way].first) {
            struct proxy_piece *piece = connection->flows[way].first;

            connection->flows[way].first = piece->next;
            free(piece);
        }
    }
    *connection->before = connection->next;
    if (connection->next)
        connection->next->before = connection->before;
    if (connection->link->recorded == connection)
        connection->link->recorded = NULL;
    connection->link->connection_count--;
    connection->ended = true;
    connection->next = thread->ended;
    thread->ended = connection;
}

void proxy_connection_close(struct proxy_connection *connection)
{
    end(connection, false);
}

void proxy_connection_reset(struct proxy_connection *connection)
{
    end(connection, true);
}

/* --- waiting --- */

/* True if bytes wait for the socket that they go to, and for nothing else. */
static bool blocked(const struct proxy_connection *connection, int way)
{
    const struct proxy_flow *flow = &connection->flows[way];

    return flow->first && flow->first->due_us <= connection->link->thread->now_us &&
           !proxy_held(connection, way) && !proxy_throttled(connection);
}

/* A socket that nothing is wanted of leaves the set: its hang-up would be told for ever. */
static void watch(struct proxy_connection *connection, int side)
{
    struct epoll_event event = {.data.ptr = connection};
    int epoll = connection->link->thread->epoll;

    if (connection->fds[side] < 0)
        return;
    if (proxy_flow_reads(connection, side))
        event.events |= EPOLLIN;
    if (blocked(connection, 1 - side))
        event.events |= EPOLLOUT;
    if (event.events == connection->interest[side])
        return;
    int change = !event.events                   ? EPOLL_CTL_DEL
                 : !connection->interest[side] ? EPOLL_CTL_ADD
                                                 : EPOLL_CTL_MOD;
    if (epoll_ctl(epoll, change, connection->fds[side], &event) == 0)
        connection->interest[side] = event.events;
    else
        proxy_connection_reset(connection); /* no memory, or no descriptor */
}

void proxy_connection_pump(struct proxy_connection *connection)
{
    bool moved = true;

    for (int round = 0; moved && round < ROUNDS; round++) {
        moved = false;
        for (int way = 0; way < PROXY_WAYS; way++) {
            moved |= proxy_flow_fill(connection, way);
            if (!connection->ended)
                moved |= proxy_flow_drain(connection, way);
        }
    }
    for (int side = 0; side < PROXY_WAYS && !connection->ended; side++)
        watch(connection, side);
}

uint64_t proxy_connection_due(const struct proxy_connection *connection)
{
    uint64_t soonest = connection->until_us, now = connection->link->thread->now_us;

    for (int way = 0; way < PROXY_WAYS; way++) {
        const struct proxy_flow *flow = &connection->flows[way];
        uint64_t at = flow->first ? flow->first->due_us : flow->due_us;

        bool nothing = !flow->first && (flow->end == PROXY_OPEN || flow->passed);

        if (nothing || proxy_held(connection, way))
            continue;
        if (blocked(connection, way))
            continue; /* epoll tells */
        if (proxy_throttled(connection) && at < now + PACE_US)
            at = now + PACE_US;
        if (at < soonest)
            soonest = at;
    }
    return soonest;
}

/* --- beginnings --- */

static int dial(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

void proxy_connection_open(struct proxy_link *link, int client)
{
    struct proxy_connection *connection = calloc(1, sizeof *connection);
    bool replays = client < 0;

    if (!connection) {
        if (!replays)
            close(client);
        return;
    }
    connection->kind = PROXY_IS_CONNECTION;
    connection->link = link;
    connection->fds[0] = client;
    connection->fds[1] = -1;
    connection->until_us = PROXY_FOREVER;
    connection->next = link->connections;
    connection->before = &link->connections;
    if (connection->next)
        connection->next->before = &connection->next;
    link->connections = connection;
    link->connection_count++;

    if (proxy_dropping(connection, PROXY_FORWARD))
        connection->torn = true; /* whoever it calls has vanished */
    else if ((connection->fds[1] = dial(link->target)) < 0)
        connection->flows[PROXY_BACK].end = PROXY_RST;
    if (replays) {
        connection->until_us = connection->link->thread->now_us + LAB_PROXY_REPLAY_US;
        connection->flows[PROXY_BACK].deaf = true;
        if (link->record_size > 0 &&
            !proxy_flow_queue(&connection->flows[PROXY_FORWARD], 0, link->record,
                              link->record_size))
            proxy_connection_reset(connection);
    }
    if (!connection->ended)
        proxy_connection_pump(connection);
}
