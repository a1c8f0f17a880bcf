/* SPDX-License-Identifier: MPL-2.0 */

/* What the tests with hostile peers share. */

#include "hostile.h"

#include "base/crc32c.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#define CROWD 50 /* at a time: fewer than libzmq's backlog */

static void *context;
static int sockets; /* open: those of a test that failed stay so */

/* ---- sockets ---- */

static void prepare(struct hostile *h, const char *name, int type)
{
    static uint64_t processes = 0x5000;
    int linger = 0, wait = LIVE_TIMEOUT_MS, deep = 0;

    memset(h, 0, sizeof *h);
    if (!context)
        context = zmq_ctx_new();
    h->socket = zmq_socket(context, type);
    assert_non_null(h->socket);
    sockets++;
    zmq_setsockopt(h->socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(h->socket, ZMQ_RCVTIMEO, &wait, sizeof wait);
    zmq_setsockopt(h->socket, ZMQ_SNDTIMEO, &wait, sizeof wait);
    zmq_setsockopt(h->socket, ZMQ_RCVHWM, &deep, sizeof deep);
    h->decoder = gw_decoder_new();
    assert_non_null(h->decoder);
    h->process = ++processes;
    snprintf(h->name, sizeof h->name, "%s", name);
    zmq_msg_init(&h->route);
    zmq_msg_init(&h->heard);
}

void hostile_open(struct hostile *h, const char *endpoint, const char *name)
{
    prepare(h, name, ZMQ_DEALER);
    assert_int_equal(zmq_connect(h->socket, endpoint), 0);
}

void hostile_listen(struct hostile *h, char endpoint[256], const char *name)
{
    size_t size = 256;

    prepare(h, name, ZMQ_ROUTER);
    h->server = true;
    assert_int_equal(zmq_bind(h->socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(h->socket, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
}

void hostile_close(struct hostile *h)
{
    zmq_msg_close(&h->route);
    zmq_msg_close(&h->heard);
    zmq_close(h->socket);
    sockets--;
    gw_decoder_destroy(&h->decoder);
    gw_buffer_clear(&h->bytes);
}

void hostile_end(void)
{
    if (context && sockets == 0)
        zmq_ctx_term(context);
    context = NULL;
}

/* ---- saying ---- */

static void say(struct hostile *h, const void *data, size_t size, int flags)
{
    if (h->server) {
        zmq_msg_t route;
        zmq_msg_init(&route);
        zmq_msg_copy(&route, &h->route);
        assert_true(zmq_msg_send(&route, h->socket, ZMQ_SNDMORE) >= 0);
    }
    assert_true(zmq_send(h->socket, data, size, flags) >= 0);
}

void hostile_encode(struct hostile *h, const struct gw_frame *frame)
{
    gw_buffer_reset(&h->bytes);
    assert_int_equal(gw_encode(frame, &h->bytes), 0);
}

void hostile_bytes(struct hostile *h, const void *header, size_t size)
{
    say(h, header, size, 0);
}

void hostile_both(struct hostile *h, const void *header, size_t size, const char *body)
{
    say(h, header, size, ZMQ_SNDMORE);
    assert_true(zmq_send(h->socket, body, strlen(body), 0) >= 0);
}

void hostile_say(struct hostile *h, const struct gw_frame *frame)
{
    hostile_encode(h, frame);
    hostile_bytes(h, h->bytes.data, h->bytes.size);
}

void hostile_short(struct hostile *h, enum gw_frame_type type, uint64_t link)
{
    struct gw_frame frame = {.type = (uint8_t)type, .link = link};

    hostile_say(h, &frame);
}

static void identity(struct gw_frame *frame, const char *name, uint64_t process, uint64_t version)
{
    struct gw_identity *self = &frame->u.identity;

    self->version_min = self->version_max = version;
    snprintf(self->name, sizeof self->name, "%s", name);
    self->open = 1;
    self->process = process;
    self->memory = true;
    self->max_message = GW_MESSAGE_COMMON;
    self->window = 65536;
    self->heartbeat_ms = 60000;
}

void hostile_hello(struct hostile *h, const char *name, uint64_t process, uint64_t version)
{
    struct gw_frame frame = {.type = GW_FRAME_HELLO};

    identity(&frame, name, process, version);
    hostile_say(h, &frame);
}

void hostile_welcome(struct hostile *h, const char *name, uint64_t link, uint64_t version)
{
    struct gw_frame frame = {.type = GW_FRAME_WELCOME, .link = link};

    identity(&frame, name, h->process, version);
    hostile_say(h, &frame);
}

void hostile_run(struct gw_frame *frame, uint64_t link, uint64_t epoch, uint64_t first,
                 const char *body)
{
    static const uint8_t each[] = {0x00, 0x01}; /* every message has one byte */

    memset(frame, 0, sizeof *frame);
    frame->type = GW_FRAME_DATA;
    frame->link = link;
    frame->u.data.floor = 1;
    frame->u.data.number = 1;
    frame->u.data.attempt = 1;
    frame->u.data.epoch = epoch;
    frame->u.data.first = first;
    frame->u.data.count = strlen(body);
    frame->u.data.lengths = (struct gw_slice){each, sizeof each};
    frame->u.data.crc = gw_crc32c(gw_crc32c(0, each, sizeof each), body, strlen(body));
}

void hostile_data(struct hostile *h, uint64_t epoch, uint64_t first, const char *body)
{
    struct gw_frame frame;

    hostile_run(&frame, h->link, epoch, first, body);
    hostile_encode(h, &frame);
    hostile_both(h, h->bytes.data, h->bytes.size, body);
}

void hostile_epoch(struct hostile *h, const char *stage, uint64_t epoch, bool fresh)
{
    struct gw_frame frame = {.type = GW_FRAME_OPEN, .link = h->link};

    frame.u.open.destination.kind = GW_KIND_STAGE;
    snprintf(frame.u.open.destination.name, sizeof frame.u.open.destination.name, "%s", stage);
    frame.u.open.epoch = epoch;
    frame.u.open.floor = 1;
    frame.u.open.last = 0;
    frame.u.open.fresh = fresh;
    hostile_say(h, &frame);
}

/* ---- hearing ---- */

static bool receive(struct hostile *h, zmq_msg_t *part)
{
    zmq_msg_close(part);
    zmq_msg_init(part);
    return zmq_msg_recv(part, h->socket, 0) >= 0;
}

static void skip_rest(struct hostile *h, zmq_msg_t *last)
{
    zmq_msg_t part;
    bool more = zmq_msg_more(last);

    while (more) {
        zmq_msg_init(&part);
        assert_true(zmq_msg_recv(&part, h->socket, 0) >= 0);
        more = zmq_msg_more(&part);
        zmq_msg_close(&part);
    }
}

bool hostile_try(struct hostile *h, int timeout_ms, struct gw_frame *frame)
{
    zmq_pollitem_t item = {.socket = h->socket, .events = ZMQ_POLLIN};
    const char *why;

    if (zmq_poll(&item, 1, timeout_ms) <= 0)
        return false;
    if (h->server)
        assert_true(receive(h, &h->route));
    assert_true(receive(h, &h->heard));
    skip_rest(h, &h->heard);
    assert_int_equal(gw_decode(h->decoder, zmq_msg_data(&h->heard), zmq_msg_size(&h->heard), frame,
                               &why),
                     GW_DECODE_OK);
    return true;
}

struct gw_frame hostile_hear(struct hostile *h, enum gw_frame_type type)
{
    struct gw_frame frame;

    for (;;) {
        if (!hostile_try(h, LIVE_TIMEOUT_MS, &frame))
            fail_msg("no %s came", gw_frame_name((uint8_t)type));
        if (frame.type == type)
            return frame;
    }
}

void hostile_refused(struct hostile *h, enum gw_refusal code)
{
    struct gw_frame frame = hostile_hear(h, GW_FRAME_REFUSE);

    if (frame.u.refuse.code != code)
        fail_msg("REFUSE %s, not %s", gw_refusal_name(frame.u.refuse.code), gw_refusal_name(code));
    assert_true(strlen(frame.u.refuse.text) > 10);
}

void hostile_reset(struct hostile *h, uint64_t link)
{
    while (hostile_hear(h, GW_FRAME_RESET).link != link)
        continue;
}

void hostile_fence(struct hostile *h)
{
    static uint64_t marks = UINT64_C(0xfe0000000000);

    hostile_short(h, GW_FRAME_READY, ++marks);
    hostile_reset(h, marks);
}

void hostile_link(struct hostile *h)
{
    hostile_hello(h, h->name, h->process, 1);
    h->link = hostile_hear(h, GW_FRAME_WELCOME).link;
    hostile_short(h, GW_FRAME_READY, h->link);
    while (!hostile_hear(h, GW_FRAME_ACK).u.ack.complete)
        continue;
}

/* ---- crowds ---- */

/* A ZMTP 3.0 greeting of the NULL mechanism, and the READY of a DEALER. */
static const uint8_t greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
static const uint8_t ready[] = "\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06" "DEALER";

static int connect_raw(const char *endpoint)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval limit = {.tv_sec = LIVE_TIMEOUT_MS / 1000};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void add_frame(struct gw_buffer *out, const void *data, size_t size)
{
    assert_true(size < 256);
    gw_buffer_u8(out, 0);
    gw_buffer_u8(out, (uint8_t)size);
    gw_buffer_append(out, data, size);
}

static void write_raw(int fd, const void *data, size_t size)
{
    assert_int_equal(send(fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void read_raw(int fd, void *data, size_t size)
{
    assert_int_equal(recv(fd, data, size, MSG_WAITALL), (ssize_t)size);
}

/* Whoever speaks before the other side's READY is hung up. */
static void shake_hands(int fd)
{
    uint8_t theirs[sizeof greeting + 2], rest[256];

    write_raw(fd, greeting, sizeof greeting);
    write_raw(fd, ready, sizeof ready - 1);
    read_raw(fd, theirs, sizeof theirs);
    read_raw(fd, rest, theirs[sizeof theirs - 1]);
}

static int come(const char *endpoint, const struct gw_buffer *frame, bool noise)
{
    struct gw_buffer out = {0};
    int fd = connect_raw(endpoint);

    shake_hands(fd);
    if (frame)
        add_frame(&out, frame->data, frame->size);
    if (noise)
        add_frame(&out, "\xc1", 1);
    write_raw(fd, out.data, out.size);
    gw_buffer_clear(&out);
    return fd;
}

static void wait_malformed(godwit_peer_t *peer, uint64_t target)
{
    const struct timespec pause = {.tv_nsec = 200000};

    for (int i = 0; i < 5 * LIVE_TIMEOUT_MS; i++) {
        if (live_counter(peer, "malformed") >= target)
            return;
        nanosleep(&pause, NULL);
    }
    fail_msg("the crowd was not heard: %llu are missing",
             (unsigned long long)(target - live_counter(peer, "malformed")));
}

static int come_with(const char *endpoint, size_t i, hostile_words words, bool noise)
{
    struct gw_buffer frame = {0};

    if (words)
        words(i, &frame);
    int fd = come(endpoint, words ? &frame : NULL, noise);
    gw_buffer_clear(&frame);
    return fd;
}

void hostile_crowd(const char *endpoint, godwit_peer_t *peer, size_t count, hostile_words words)
{
    int fds[CROWD];

    for (size_t done = 0; done < count;) {
        uint64_t before = live_counter(peer, "malformed");
        size_t size = count - done < CROWD ? count - done : CROWD;

        for (size_t i = 0; i < size; i++)
            fds[i] = come_with(endpoint, done + i, words, true);
        wait_malformed(peer, before + size);
        for (size_t i = 0; i < size; i++)
            close(fds[i]);
        done += size;
    }
}

void hostile_stayers(const char *endpoint, int *fds, size_t count, hostile_words words)
{
    for (size_t i = 0; i < count; i++)
        fds[i] = come_with(endpoint, i, words, false);
}
