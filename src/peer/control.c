/* SPDX-License-Identifier: MPL-2.0 */

/* The control socket's threads: one that accepts, one for each client. */

#include "peer/control.h"

#include "peer/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_MS 1000 /* when no connection can be taken: descriptors are short */

enum client_state { CLIENT_FREE, CLIENT_BUSY, CLIENT_DONE };

struct client {
    struct gw_control *control;
    pthread_t thread;
    int fd;
    atomic_int state; /* enum client_state; BUSY -> DONE by its thread, all else by the acceptor */
};

struct gw_control {
    struct godwit_peer *peer;
    int directory;
    int listener;
    int stop; /* an eventfd: readable once the peer closes */
    pthread_t thread;
    atomic_int writers;
    struct client clients[GW_CONTROL_CLIENTS];
};

/* ---- one client ---- */

/* Waits until the socket is ready. False: late, or the peer closes. */
static bool wait_ready(const struct client *client, short events, const struct gw_deadline *late)
{
    struct pollfd polled[2] = {{.fd = client->fd, .events = events},
                               {.fd = client->control->stop, .events = POLLIN}};
    struct timespec now;

    for (;;) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t left = (late->at.tv_sec - now.tv_sec) * 1000 +
                       (late->at.tv_nsec - now.tv_nsec) / 1000000;
        int count = poll(polled, 2, left > 0 ? (int)left : 0);

        if (count < 0 && errno == EINTR)
            continue;
        return count > 0 && polled[0].revents && !polled[1].revents;
    }
}

/* Reads what is there, up to `size`; 0: the end, -1: give up. */
static ssize_t read_some(const struct client *client, void *data, size_t size,
                         const struct gw_deadline *late)
{
    for (;;) {
        if (!wait_ready(client, POLLIN, late))
            return -1;
        ssize_t got = recv(client->fd, data, size, 0);
        if (got >= 0 || (errno != EINTR && errno != EAGAIN))
            return got;
    }
}

static void write_all(const struct client *client, const struct gw_buffer *out)
{
    struct gw_deadline late = gw_deadline_in(GW_CONTROL_MS);
    size_t at = 0;

    while (at < out->size && wait_ready(client, POLLOUT, &late)) {
        ssize_t sent = send(client->fd, out->data + at, out->size - at, MSG_NOSIGNAL);

        if (sent > 0)
            at += (size_t)sent;
        else if (errno != EINTR && errno != EAGAIN)
            return;
    }
}

/* Reads a line and, of a send, its body. False: there is no request to answer. */
static bool read_request(struct client *client, struct gw_ask *ask, godwit_err_t *error)
{
    struct gw_deadline late = gw_deadline_in(GW_CONTROL_MS);
    char line[GW_ASK_LINE];
    size_t size = 0, wanted;
    char *end = NULL;

    while (!end) {
        if (size == sizeof line) {
            *error = gw_error(GODWIT_ETOOLARGE, "the request has more than %d bytes", GW_ASK_LINE);
            return true;
        }
        ssize_t got = read_some(client, line + size, sizeof line - size, &late);
        if (got <= 0)
            return false;
        end = memchr(line + size, '\n', (size_t)got);
        size += (size_t)got;
    }
    if ((*error = gw_ask_parse(ask, line, (size_t)(end - line))) ||
        (*error = gw_ask_body(ask, &wanted)) || wanted == 0)
        return true;
    size_t have = size - (size_t)(end + 1 - line);
    ask->body = malloc(wanted);
    if (!ask->body) {
        *error = gw_error_memory();
        return true;
    }
    if (have > wanted)
        have = wanted;
    memcpy(ask->body, end + 1, have);
    while (have < wanted) {
        ssize_t got = read_some(client, ask->body + have, wanted - have, &late);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    ask->body_size = wanted;
    return true;
}

static godwit_err_t carry_out(struct gw_control *control, const struct gw_ask *ask,
                              struct gw_buffer *out)
{
    godwit_err_t error;

    if (!gw_control_writes(ask))
        return gw_control_answer(control->peer, ask, out);
    if (atomic_fetch_add(&control->writers, 1) < GW_CONTROL_WRITERS)
        error = gw_control_answer(control->peer, ask, out);
    else
        error = gw_error(GODWIT_EBUSY, "%d other requests wait for the disk: try again",
                         GW_CONTROL_WRITERS);
    atomic_fetch_sub(&control->writers, 1);
    return error;
}

static void *serve(void *context)
{
    struct client *client = context;
    struct gw_buffer out = {0};
    struct gw_ask *ask = calloc(1, sizeof *ask);
    godwit_err_t error = GODWIT_OK;

    gw_peer_never_wait();
    if (ask && read_request(client, ask, &error)) {
        if (!error)
            error = carry_out(client->control, ask, &out);
        gw_answer_result(&out, error, error ? godwit_last_error() : "");
        if (gw_buffer_failed(&out)) {
            gw_buffer_clear(&out);
            gw_answer_result(&out, GODWIT_ENOMEM, "out of memory");
        }
        write_all(client, &out);
    }
    if (ask)
        gw_ask_clear(ask);
    free(ask);
    gw_buffer_clear(&out);
    close(client->fd);
    atomic_store(&client->state, CLIENT_DONE);
    return NULL;
}

/* ---- who comes in ---- */

/* Nobody waits for its leaving: the answer fits any socket's buffer. */
static void turn_away(int fd, godwit_err_t error, const char *sentence)
{
    struct gw_buffer out = {0};

    gw_answer_result(&out, error, sentence);
    if (!gw_buffer_failed(&out))
        send(fd, out.data, out.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    gw_buffer_clear(&out);
    close(fd);
}

static bool is_owner(int fd)
{
    struct ucred who;
    socklen_t size = sizeof who;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        return false;
    return who.uid == 0 || who.uid == geteuid();
}

static struct client *free_place(struct gw_control *control)
{
    for (size_t i = 0; i < GW_CONTROL_CLIENTS; i++) {
        struct client *client = &control->clients[i];
        int state = atomic_load(&client->state);

        if (state == CLIENT_DONE) {
            pthread_join(client->thread, NULL);
            atomic_store(&client->state, CLIENT_FREE);
            state = CLIENT_FREE;
        }
        if (state == CLIENT_FREE)
            return client;
    }
    return NULL;
}

static void admit(struct gw_control *control, int fd)
{
    if (!is_owner(fd)) {
        turn_away(fd, GODWIT_EINVAL, "this peer belongs to another user: ask as that one, or as "
                                     "root");
        return;
    }
    struct client *client = free_place(control);
    if (!client) {
        turn_away(fd, GODWIT_EBUSY, "8 others are asking this peer at the moment: try again");
        return;
    }
    client->control = control;
    client->fd = fd;
    atomic_store(&client->state, CLIENT_BUSY);
    if (gw_thread_start(&client->thread, "godwit-client", serve, client) != 0) {
        atomic_store(&client->state, CLIENT_FREE);
        turn_away(fd, GODWIT_EIO, "the peer's process cannot start a thread: try again");
    }
}

static void *accept_all(void *context)
{
    struct gw_control *control = context;
    struct pollfd polled[2] = {{.fd = control->stop, .events = POLLIN},
                               {.fd = control->listener, .events = POLLIN}};

    for (;;) {
        if (poll(polled, 2, -1) < 0 && errno != EINTR)
            poll(polled, 1, PAUSE_MS); /* out of memory: no busy loop */
        if (polled[0].revents)
            return NULL;
        if (!polled[1].revents)
            continue;
        int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            admit(control, fd);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            poll(polled, 1, PAUSE_MS);
    }
}

/* ---- open and close ---- */

static void destroy(struct gw_control *control)
{
    if (control->listener >= 0)
        close(control->listener);
    if (control->stop >= 0)
        close(control->stop);
    if (control->directory >= 0)
        close(control->directory);
    free(control);
}

static int start(struct gw_control *control)
{
    int error;

    control->directory =
        open(control->peer->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    control->stop = eventfd(0, EFD_CLOEXEC);
    control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->directory < 0 || control->stop < 0 || control->listener < 0)
        return -errno;
    if ((error = gw_control_bind(control->directory, control->listener)) != 0)
        return error;
    if (listen(control->listener, GW_CONTROL_CLIENTS) != 0)
        error = -errno;
    else
        error = gw_thread_start(&control->thread, "godwit-control", accept_all, control);
    if (error)
        unlinkat(control->directory, GW_CONTROL_SOCKET, 0);
    return error;
}

void gw_control_open(struct godwit_peer *peer)
{
    struct gw_control *control = calloc(1, sizeof *control);
    int error = -ENOMEM;

    if (control) {
        *control = (struct gw_control){.peer = peer, .directory = -1, .listener = -1, .stop = -1};
        error = start(control);
    }
    if (!error) {
        peer->control = control;
        return;
    }
    gw_log(&peer->settings, GODWIT_LOG_WARNING,
           "no control socket %.300s/" GW_CONTROL_SOCKET " (%s): the command `godwit` cannot ask "
           "this peer", peer->directory,
           error == -EEXIST ? "a file of that name is there" : strerror(-error));
    if (control)
        destroy(control);
}

void gw_control_close(struct godwit_peer *peer)
{
    struct gw_control *control = peer->control;
    uint64_t one = 1;

    if (!control)
        return;
    if (write(control->stop, &one, sizeof one) != sizeof one)
        return; /* cannot happen: an eventfd at 0 takes it */
    pthread_join(control->thread, NULL);
    for (size_t i = 0; i < GW_CONTROL_CLIENTS; i++)
        if (atomic_load(&control->clients[i].state) != CLIENT_FREE)
            pthread_join(control->clients[i].thread, NULL);
    unlinkat(control->directory, GW_CONTROL_SOCKET, 0);
    peer->control = NULL;
    destroy(control);
}
