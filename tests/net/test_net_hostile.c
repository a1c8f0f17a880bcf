/* SPDX-License-Identifier: MPL-2.0 */

/* Strangers at the door: whatever they send, an honest connection keeps working and nothing of
 * theirs is taken for a message (promise 8). */

#include "base/random.h"
#include "net/pair.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#define STRANGERS 200

static struct side server, client;
static uint64_t honest; /* the client's connection */
static char bound[256];

static int open_both(void **state)
{
    (void)state;
    open_side(&server);
    open_side(&client);
    bind_side(&server, "tcp://127.0.0.1:*", bound);
    honest = dial_side(&client, bound);
    say_hello(&client, honest, &server);
    return 0;
}

static int close_both(void **state)
{
    (void)state;
    close_side(&client);
    close_side(&server);
    return 0;
}

static void assert_honest_works(void)
{
    for (int i = 0; i < 20; i++)
        say_hello(&client, honest, &server);
    assert_memory_equal(server.header, "hello", 5);
}

static int connect_raw(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(strrchr(bound, ':') + 1));
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* A ZMTP 3.0 greeting of the NULL mechanism, and the READY of a DEALER. */
static const uint8_t greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
static const uint8_t ready[] = "\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06" "DEALER";

/* One of several ways to be no peer; the connection stays open. */
static int come_as_stranger(struct gw_random *random, int kind)
{
    uint8_t noise[512];
    int fd = connect_raw();

    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)gw_random_next(random);
    switch (kind) {
    case 0: /* noise from the first byte on */
        send(fd, noise, sizeof noise, MSG_NOSIGNAL);
        break;
    case 1: /* half a greeting, then silence */
        send(fd, greeting, 1 + gw_random_below(random, 40), MSG_NOSIGNAL);
        break;
    case 2: /* a good greeting, then noise */
        send(fd, greeting, sizeof greeting, MSG_NOSIGNAL);
        send(fd, noise, sizeof noise, MSG_NOSIGNAL);
        break;
    case 3: /* a good handshake, then a frame that claims 2^63 bytes */
        send(fd, greeting, sizeof greeting, MSG_NOSIGNAL);
        send(fd, ready, sizeof ready - 1, MSG_NOSIGNAL);
        send(fd, "\x02\x7f\xff\xff\xff\xff\xff\xff\xff", 9, MSG_NOSIGNAL);
        break;
    case 4:
        send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, MSG_NOSIGNAL);
        break;
    case 5: /* a whole message of ZMTP 1.0, whose decoder has no handshake */
        send(fd, "\x01\x00\x06\x00hello", 9, MSG_NOSIGNAL);
        break;
    default: /* nothing at all */
        break;
    }
    return fd;
}

static void strangers_on_the_port_harm_nobody(void **state)
{
    (void)state;
    struct gw_random random;
    int fds[STRANGERS];
    size_t malformed = server.malformed, frames = server.frames;

    gw_random_seed(&random, 7);
    for (int i = 0; i < STRANGERS; i++) {
        fds[i] = come_as_stranger(&random, i % 7);
        if (i % 20 == 0)
            assert_honest_works();
    }
    assert_honest_works();
    for (int i = 0; i < STRANGERS; i++)
        close(fds[i]);
    assert_honest_works();
    assert_int_equal(server.malformed, malformed);
    assert_int_equal(server.frames, frames + (STRANGERS / 20 + 2) * 20); /* the honest ones */
}

/* --- strangers that speak ZMTP --- */

struct stranger {
    void *context, *socket;
};

static struct stranger open_stranger(const char *routing_id)
{
    struct stranger stranger = {.context = zmq_ctx_new()};
    int linger = 0;

    stranger.socket = zmq_socket(stranger.context, ZMQ_DEALER);
    zmq_setsockopt(stranger.socket, ZMQ_LINGER, &linger, sizeof linger);
    if (routing_id)
        zmq_setsockopt(stranger.socket, ZMQ_ROUTING_ID, routing_id, strlen(routing_id));
    assert_int_equal(zmq_connect(stranger.socket, bound), 0);
    return stranger;
}

static void close_stranger(struct stranger *stranger)
{
    zmq_close(stranger->socket);
    zmq_ctx_term(stranger->context);
}

static void say(struct stranger *stranger, const char *text, int flags)
{
    assert_true(zmq_send(stranger->socket, text, strlen(text), flags) >= 0);
}

static void more_than_two_frames_are_reported_and_dropped(void **state)
{
    (void)state;
    struct stranger stranger = open_stranger(NULL);
    size_t malformed = server.malformed, frames = server.frames;

    say(&stranger, "a", ZMQ_SNDMORE);
    say(&stranger, "b", ZMQ_SNDMORE);
    say(&stranger, "c", 0);
    UNTIL(&server, NULL, server.malformed == malformed + 1);
    uint64_t conn = server.conn;
    for (int i = 0; i < 3000; i++)
        say(&stranger, "x", ZMQ_SNDMORE);
    say(&stranger, "end", 0);
    say(&stranger, "one", ZMQ_SNDMORE);
    say(&stranger, "two", 0);
    UNTIL(&server, NULL, server.frames == frames + 1);
    assert_int_equal(server.malformed, malformed + 2);
    assert_int_equal(server.conn, conn);
    assert_memory_equal(server.header, "one", 3);
    assert_memory_equal(server.body->data, "two", 3);
    close_stranger(&stranger);
    assert_honest_works();
}

/* What the stranger's own libzmq notices of its connection; before it connects again, and before it
 * is given anything that the old one could swallow. */
static void *watch_for_the_end(struct stranger *stranger)
{
    void *monitor = zmq_socket(stranger->context, ZMQ_PAIR);

    assert_int_equal(zmq_socket_monitor(stranger->socket, "inproc://monitor",
                                        ZMQ_EVENT_DISCONNECTED), 0);
    assert_int_equal(zmq_connect(monitor, "inproc://monitor"), 0);
    return monitor;
}

static void wait_for_the_end(struct stranger *stranger, void **monitor)
{
    zmq_pollitem_t item = {.socket = *monitor, .events = ZMQ_POLLIN};

    assert_int_equal(zmq_poll(&item, 1, PATIENCE_S * 1000), 1);
    zmq_socket_monitor(stranger->socket, NULL, 0);
    zmq_close(*monitor);
    *monitor = NULL;
}

static void an_oversized_frame_costs_its_sender_the_connection_only(void **state)
{
    (void)state;
    static char large[MAX_FRAME + 1025];
    struct stranger stranger = open_stranger(NULL);
    void *monitor = watch_for_the_end(&stranger);
    size_t frames = server.frames;

    say(&stranger, "small", 0);
    UNTIL(&server, NULL, server.frames == frames + 1);
    uint64_t conn = server.conn;
    assert_true(zmq_send(stranger.socket, large, sizeof large, 0) >= 0);
    UNTIL(&server, NULL, send_text(&server, conn, "x") == -EHOSTUNREACH);
    assert_honest_works();

    /* Its libzmq connects again; the largest frame allowed passes. */
    wait_for_the_end(&stranger, &monitor);
    frames = server.frames;
    assert_true(zmq_send(stranger.socket, large, sizeof large - 1, 0) >= 0);
    UNTIL(&server, NULL, server.frames == frames + 1);
    assert_int_equal(server.header_size, sizeof large - 1);
    assert_int_not_equal(server.conn, conn);
    close_stranger(&stranger);
}

static void a_stolen_routing_id_stays_mute_and_disturbs_nobody(void **state)
{
    (void)state;
    struct stranger first = open_stranger("i-am-me"), second;
    size_t frames = server.frames;
    char reply[8];

    say(&first, "mine", 0);
    UNTIL(&server, NULL, server.frames == frames + 1);
    uint64_t conn = server.conn;
    second = open_stranger("i-am-me");
    say(&second, "not mine", 0);
    assert_honest_works();
    assert_int_equal(send_text(&server, conn, "to first"), 0);
    assert_int_equal(zmq_recv(first.socket, reply, sizeof reply, 0), 8);
    frames = server.frames;
    say(&first, "mine", 0);
    UNTIL(&server, NULL, server.frames == frames + 1);
    assert_memory_equal(server.header, "mine", 4);
    close_stranger(&second);
    close_stranger(&first);
}

static void a_socket_of_another_kind_is_just_a_malformed_sender(void **state)
{
    (void)state;
    void *context = zmq_ctx_new(), *request = zmq_socket(context, ZMQ_REQ);
    size_t frames = server.frames;
    int linger = 0;

    zmq_setsockopt(request, ZMQ_LINGER, &linger, sizeof linger);
    assert_int_equal(zmq_connect(request, bound), 0);
    assert_true(zmq_send(request, "question", 8, 0) >= 0);
    UNTIL(&server, NULL, server.frames == frames + 1);
    assert_int_equal(server.header_size, 0); /* its delimiter: no header that a decoder takes */
    zmq_close(request);
    zmq_ctx_term(context);
    assert_honest_works();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_on_the_port_harm_nobody),
        cmocka_unit_test(more_than_two_frames_are_reported_and_dropped),
        cmocka_unit_test(an_oversized_frame_costs_its_sender_the_connection_only),
        cmocka_unit_test(a_stolen_routing_id_stays_mute_and_disturbs_nobody),
        cmocka_unit_test(a_socket_of_another_kind_is_just_a_malformed_sender),
    };

    return cmocka_run_group_tests(tests, open_both, close_both);
}
