/* SPDX-License-Identifier: MPL-2.0 */
/* A link: its port, and what the orders in force mean for its connections. */

#include "proxy_inside.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG  512
#define PAUSE_US 100000 /* without descriptors or memory connects are refused so long */
#define RATE_MAX (UINT64_C(1) << 40) /* bytes a second; keeps products within 64 bits */

static uint64_t now_us(struct proxy_link *link)
{
    return link->thread->now_us;
}

/* --- the port --- */

/* The port stays bound to this socket either way, so that nobody else gets it. */
static bool let_in(struct proxy_link *link, bool let)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};

    if (let == link->listens)
        return true;
    if (let)
        link->listens =
            listen(link->listener, BACKLOG) == 0 &&
            epoll_ctl(link->thread->epoll, EPOLL_CTL_ADD, link->listener, &event) == 0;
    else if (epoll_ctl(link->thread->epoll, EPOLL_CTL_DEL, link->listener, NULL) == 0)
        link->listens = shutdown(link->listener, SHUT_RD) != 0;
    return link->listens == let;
}

static int bound(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int problem = errno;
    close(fd);
    errno = problem;
    return -1;
}

/* A socket that stops to listen keeps a port only if it was bound to just that one: so one is found
 * by a first socket, which keeps others away until the second has it. */
bool proxy_link_open(struct proxy_link *link)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int finder = bound(0);

    if (finder < 0)
        return false;
    if (getsockname(finder, (struct sockaddr *)&address, &size) == 0) {
        link->port = ntohs(address.sin_port);
        link->listener = bound(link->port);
    }
    int problem = errno;
    close(finder);
    errno = problem;
    link->due_us = PROXY_FOREVER;
    return link->listener >= 0 && let_in(link, true);
}

void proxy_link_close(struct proxy_link *link)
{
    while (link->connections)
        proxy_connection_close(link->connections);
    if (link->listener >= 0)
        close(link->listener);
    free(link->record);
}

static void pause_accepting(struct proxy_link *link)
{
    uint64_t until = now_us(link) + PAUSE_US;

    if (link->refuse_until < until)
        link->refuse_until = until;
    let_in(link, false);
    proxy_link_tick(link);
}

static void refuse(struct proxy_link *link, int client)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};

    atomic_fetch_add(&link->refused, 1);
    setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(client);
}

void proxy_link_accept(struct proxy_link *link)
{
    const int yes = 1;

    while (link->listens) {
        int client = accept4(link->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (client < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (client < 0) {
            if (errno != EAGAIN) /* no descriptors, no memory: it would be told for ever */
                pause_accepting(link);
            return;
        }
        if (proxy_in_force(link->shut_until, now_us(link)) ||
            link->connection_count >= LAB_PROXY_CONNECTIONS) {
            refuse(link, client);
            continue;
        }
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        atomic_fetch_add(&link->connected, 1);
        proxy_connection_open(link, client);
    }
}

/* --- orders --- */

static void end_all(struct proxy_link *link, void (*end)(struct proxy_connection *))
{
    while (link->connections) {
        atomic_fetch_add(&link->cut, 1);
        end(link->connections);
    }
}

void proxy_link_cut(struct proxy_link *link)
{
    end_all(link, proxy_connection_close);
}

static void each_way(enum lab_way way, uint64_t until[PROXY_WAYS], uint64_t value)
{
    if (way != LAB_BACK)
        until[PROXY_FORWARD] = value;
    if (way != LAB_FORWARD)
        until[PROXY_BACK] = value;
}

static void drop(struct proxy_link *link, enum lab_way way, uint64_t until)
{
    each_way(way, link->drop_until, until);
    for (struct proxy_connection *at = link->connections; at; at = at->next)
        for (int i = 0; i < PROXY_WAYS; i++)
            if (proxy_in_force(link->drop_until[i], now_us(link)))
                proxy_flow_drop(at, i);
}

static void throttle(struct proxy_link *link, uint64_t rate, uint64_t until)
{
    link->throttle_until = until;
    link->rate = rate < RATE_MAX ? rate : RATE_MAX;
    for (int way = 0; way < PROXY_WAYS; way++) {
        link->earned[way] = 0;
        link->earned_at[way] = now_us(link);
    }
}

static void cut_at(struct proxy_link *link, uint64_t bytes)
{
    link->cut_left = bytes;
    link->cuts = bytes > 0;
    if (bytes == 0)
        proxy_link_cut(link);
}

void proxy_link_act(struct proxy_link *link, const struct lab_order *order)
{
    uint64_t lasts = order->lasts.low_us;
    uint64_t until = lasts ? now_us(link) + lasts : PROXY_FOREVER;

    switch (order->verb) {
    case LAB_cut:
        link->shut_until = lasts ? until : 0;
        proxy_link_cut(link);
        break;
    case LAB_reset: end_all(link, proxy_connection_reset); break;
    case LAB_hold: each_way(order->way, link->hold_until, until); break;
    case LAB_drop: drop(link, order->way, until); break;
    case LAB_delay:
        link->delay = order->span;
        link->delay_until = until;
        break;
    case LAB_throttle: throttle(link, order->amount, until); break;
    case LAB_cut_at: cut_at(link, order->amount); break;
    case LAB_flip:
        link->flips = true;
        link->flip_left = order->amount;
        break;
    case LAB_replay:
        if (link->record_size > 0)
            proxy_connection_open(link, -1);
        break;
    case LAB_refuse:
        link->refuse_until = until;
        let_in(link, false);
        break;
    default: break;
    }
    proxy_link_tick(link);
}

void proxy_link_heal(struct proxy_link *link)
{
    link->shut_until = link->refuse_until = link->delay_until = link->throttle_until = 0;
    for (int way = 0; way < PROXY_WAYS; way++)
        link->hold_until[way] = link->drop_until[way] = 0;
    link->cuts = link->flips = false;
    proxy_link_tick(link);
}

/* --- time --- */

static void reset_torn(struct proxy_link *link)
{
    struct proxy_connection *next;

    for (struct proxy_connection *at = link->connections; at; at = next) {
        next = at->next;
        if (at->torn) {
            atomic_fetch_add(&link->cut, 1);
            proxy_connection_reset(at);
        }
    }
}

static void sooner(uint64_t *soonest, uint64_t at, uint64_t now)
{
    if (at > now && at < *soonest)
        *soonest = at;
}

void proxy_link_tick(struct proxy_link *link)
{
    uint64_t now = now_us(link), soonest = PROXY_FOREVER;
    struct proxy_connection *next;

    if (!proxy_in_force(link->refuse_until, now))
        let_in(link, true);
    if (!proxy_in_force(link->drop_until[PROXY_FORWARD], now) &&
        !proxy_in_force(link->drop_until[PROXY_BACK], now))
        reset_torn(link);
    for (struct proxy_connection *at = link->connections; at; at = next) {
        next = at->next;
        if (at->until_us <= now)
            proxy_connection_close(at);
        else
            proxy_connection_pump(at);
        if (!at->ended)
            sooner(&soonest, proxy_connection_due(at), now);
        if (next && next->ended) /* a pump may cut all */
            break;
    }
    sooner(&soonest, link->refuse_until, now);
    sooner(&soonest, link->delay_until, now);
    sooner(&soonest, link->throttle_until, now);
    for (int way = 0; way < PROXY_WAYS; way++) {
        sooner(&soonest, link->hold_until[way], now);
        sooner(&soonest, link->drop_until[way], now);
    }
    link->due_us = soonest;
}
