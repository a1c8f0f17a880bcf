/* SPDX-License-Identifier: MPL-2.0 */
#ifndef PROXY_PAIR_H
#define PROXY_PAIR_H

/* A proxy with one link, and plain sockets at both ends of it: `client` calls, `accepted` is what
 * the test's own server got. It reads and writes when the test says so. */

#include "proxy.h"

#include "random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 10000 /* for what must come */
#define LULL_MS 60    /* for what must not */

static struct lab_proxy *proxy;
static int link_number, server = -1, client = -1, accepted = -1;

/* --- sockets --- */

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline int listen_anywhere(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 300), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* -1: refused. */
static inline int try_call(void)
{
    struct sockaddr_in address = loopback(lab_proxy_port(proxy, link_number));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    return -1;
}

static inline bool readable(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, timeout_ms) > 0;
}

static inline int answer(void)
{
    assert_true(readable(server, WAIT_MS));
    int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static inline void hang_up(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* A connection from client to accepted. */
static inline void meet(void)
{
    hang_up(&client);
    hang_up(&accepted);
    client = try_call();
    assert_true(client >= 0);
    accepted = answer();
}

static inline void put(int fd, const void *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

/* Reads exactly `size` bytes, within the time. */
static inline void get(int fd, void *bytes, size_t size)
{
    uint64_t end = now_ms() + WAIT_MS;

    for (size_t at = 0; at < size;) {
        if (now_ms() > end || !readable(fd, WAIT_MS))
            fail_msg("%zu of %zu bytes came", at, size);
        ssize_t got = recv(fd, (char *)bytes + at, size - at, 0);
        if (got <= 0)
            fail_msg("%zu of %zu bytes came, then %s", at, size, got ? strerror(errno) : "the end");
        at += (size_t)got;
    }
}

static inline void get_text(int fd, const char *text)
{
    char bytes[128] = {0};

    get(fd, bytes, strlen(text));
    assert_string_equal(bytes, text);
}

enum how { ENDS_CLOSED, ENDS_RESET };

static inline enum how how_it_ends(int fd)
{
    char byte;

    if (!readable(fd, WAIT_MS))
        fail_msg("the connection does not end");
    ssize_t got = recv(fd, &byte, 1, 0);
    if (got > 0)
        fail_msg("a byte came: %d", byte);
    if (got < 0)
        assert_int_equal(errno, ECONNRESET);
    return got == 0 ? ENDS_CLOSED : ENDS_RESET;
}

static inline void stays_silent(int fd)
{
    assert_false(readable(fd, LULL_MS));
}

/* A call that the proxy takes and resets at once. */
static inline void is_refused(void)
{
    int fd = try_call();

    if (fd >= 0) {
        assert_int_equal(how_it_ends(fd), ENDS_RESET);
        close(fd);
    }
}

/* --- the proxy --- */

static inline int begin(void **state)
{
    uint16_t port;

    (void)state;
    proxy = lab_proxy_new(1);
    if (!proxy)
        return -1;
    server = listen_anywhere(&port);
    link_number = lab_proxy_link(proxy, port);
    return link_number < 0 ? -1 : 0;
}

static inline int end(void **state)
{
    (void)state;
    hang_up(&client);
    hang_up(&accepted);
    hang_up(&server);
    lab_proxy_free(&proxy);
    return 0;
}

static inline void order(struct lab_order what)
{
    lab_proxy_act(proxy, link_number, &what);
}

/* The thread has done with all that came before the order, which is none for links. */
static inline struct lab_proxy_counts counts(void)
{
    struct lab_proxy_counts now;

    order((struct lab_order){.verb = LAB_kill});
    lab_proxy_counts(proxy, link_number, &now);
    return now;
}

static inline void heal(void)
{
    lab_proxy_heal(proxy, link_number);
}

static inline unsigned char *noise(size_t size, uint64_t seed)
{
    struct lab_random_state random = {seed};
    unsigned char *bytes = malloc(size);

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)lab_random_next(&random);
    return bytes;
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
