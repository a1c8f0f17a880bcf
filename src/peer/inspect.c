/* SPDX-License-Identifier: MPL-2.0 */

/* Peers, looked at from outside: the client of the control socket, or the store itself. */

#include "peer/inspect.h"

#include "godwit/inspect.h"
#include "peer/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAX (32u << 20) /* more than any peer says: a dead letter of 16 MiB is 22 here */

struct godwit_inspect {
    char *path;
    int directory;
    pid_t process;          /* a forked child may not use it: the store is this one's */
    struct gw_still *still; /* NULL: it runs */
};

/* ---- the control socket's client ---- */

/* A connection, or a negative errno. */
static int dial(const struct godwit_inspect *inspect)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    int error = gw_control_connect(inspect->directory, fd);
    if (!error)
        return fd;
    close(fd);
    return error;
}

static godwit_err_t not_dialled(const struct godwit_inspect *inspect, int error)
{
    switch (error) {
    case -EACCES:
    case -EPERM:
        return gw_error(GODWIT_EIO, "%.300s belongs to another user: ask as that one, or as root",
                        inspect->path);
    case -EAGAIN:
        return gw_error(GODWIT_EBUSY, "too many others are asking the peer of %.300s: try again",
                        inspect->path);
    case -ENOENT:
    case -ECONNREFUSED:
        return gw_error(GODWIT_ECLOSED, "the peer of %.300s has ended: ask again", inspect->path);
    default:
        return gw_error(GODWIT_EIO, "the control socket in %.300s cannot be reached: %s",
                        inspect->path, strerror(-error));
    }
}

/* False: the time is over. */
static bool wait_ready(int fd, short events, const struct gw_deadline *late)
{
    struct pollfd polled = {.fd = fd, .events = events};
    struct timespec now;

    for (;;) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t left = (late->at.tv_sec - now.tv_sec) * 1000 +
                       (late->at.tv_nsec - now.tv_nsec) / 1000000;
        int count = poll(&polled, 1, late->never ? -1 : left > 0 ? (int)left : 0);

        if (count >= 0 || errno != EINTR)
            return count > 0;
    }
}

/* A peer may answer before it has read it all: what it says is read in any case. */
static godwit_err_t say(int fd, struct gw_slice bytes, const struct gw_deadline *late)
{
    size_t at = 0;

    while (at < bytes.size) {
        if (!wait_ready(fd, POLLOUT, late))
            return gw_error(GODWIT_ETIMEDOUT, "the peer takes no request");
        ssize_t sent = send(fd, bytes.data + at, bytes.size - at, MSG_NOSIGNAL);
        if (sent >= 0)
            at += (size_t)sent;
        else if (errno == EPIPE || errno == ECONNRESET)
            return GODWIT_OK;
        else if (errno != EINTR && errno != EAGAIN)
            return gw_error(GODWIT_EIO, "the peer cannot be asked: %s", strerror(errno));
    }
    return GODWIT_OK;
}

static godwit_err_t hear(int fd, struct gw_buffer *answer, const struct gw_deadline *late)
{
    uint8_t piece[16384];

    for (;;) {
        if (!wait_ready(fd, POLLIN, late))
            return gw_error(GODWIT_ETIMEDOUT, "the peer gives no answer in time: is it stopped, or "
                                              "very busy?");
        ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0) /* a reset comes behind what was said */
            return GODWIT_OK;
        if (answer->size + (size_t)got > ANSWER_MAX)
            return gw_error(GODWIT_ETOOLARGE, "the answer has no end");
        gw_buffer_append(answer, piece, (size_t)got);
    }
}

/* Inverse of godwit_error_name. */
static godwit_err_t error_of_name(const char *text, size_t size)
{
    for (int error = GODWIT_EINVAL; error < 64; error++) {
        const char *name = godwit_error_name((godwit_err_t)error);

        if (strlen(name) == size && memcmp(name, text, size) == 0)
            return (godwit_err_t)error;
    }
    return GODWIT_EIO;
}

/* The value of "name":"..." in a record of ours, still escaped. */
static const char *member_of(const char *record, const char *name, size_t *size)
{
    char sought[32];

    snprintf(sought, sizeof sought, ",\"%s\":\"", name);
    const char *at = strstr(record, sought);
    if (!at)
        return NULL;
    at += strlen(sought);
    for (*size = 0; at[*size] && at[*size] != '"'; (*size)++)
        if (at[*size] == '\\' && at[*size + 1])
            (*size)++;
    return at;
}

/* Sentences hold nothing that needs more than a backslash. */
static void unescape(const char *from, size_t size, char *to, size_t to_size)
{
    size_t length = 0;

    for (size_t i = 0; i < size && length + 1 < to_size; i++) {
        if (from[i] == '\\' && i + 1 < size)
            i++;
        to[length++] = from[i];
    }
    to[length] = '\0';
}

/* Takes the last line off the answer, which must be the result. */
static godwit_err_t take_result(char *answer)
{
    static const char good[] = "{\"record\":\"result\",\"ok\":true}";
    static const char begins[] = "{\"record\":\"result\",";
    size_t size = strlen(answer), name_size = 0, text_size = 0;
    char sentence[GW_SENTENCE_SIZE];

    if (size == 0)
        return gw_error(GODWIT_ECLOSED, "the peer has ended: ask again");
    if (answer[size - 1] == '\n')
        answer[--size] = '\0';
    char *last = strrchr(answer, '\n');
    last = last ? last + 1 : answer;
    if (strncmp(last, begins, sizeof begins - 1) != 0)
        return gw_error(GODWIT_ECLOSED, "the peer ended in the middle of its answer: ask again");
    if (strcmp(last, good) == 0) {
        *last = '\0';
        return GODWIT_OK;
    }
    const char *name = member_of(last, "error", &name_size);
    const char *text = member_of(last, "text", &text_size);
    unescape(text ? text : "", text_size, sentence, sizeof sentence);
    return gw_error(name ? error_of_name(name, name_size) : GODWIT_EIO, "%s", sentence);
}

static godwit_err_t ask_running(struct godwit_inspect *inspect, const char *request,
                                struct gw_slice data, int timeout_ms, struct gw_buffer *answer)
{
    struct gw_deadline late = gw_deadline_in(timeout_ms);
    int fd = dial(inspect);
    godwit_err_t error;

    if (fd < 0)
        return not_dialled(inspect, fd);
    if (!(error = say(fd, (struct gw_slice){(const uint8_t *)request, strlen(request)}, &late)) &&
        !(error = say(fd, (struct gw_slice){(const uint8_t *)"\n", 1}, &late)) &&
        !(error = say(fd, data, &late)))
        error = hear(fd, answer, &late);
    close(fd);
    return error;
}

static godwit_err_t ask_stopped(struct godwit_inspect *inspect, const char *request,
                                struct gw_buffer *answer)
{
    struct gw_ask *ask = calloc(1, sizeof *ask);
    godwit_err_t error;

    if (!ask)
        return gw_error_memory();
    error = gw_ask_parse(ask, request, strlen(request));
    if (!error)
        error = gw_still_answer(inspect->still, ask, answer);
    free(ask);
    return error;
}

godwit_err_t godwit_inspect_ask(godwit_inspect_t *inspect, const char *request, const void *data,
                                size_t size, int timeout_ms, char **answer)
{
    struct gw_buffer buffer = {0};
    godwit_err_t error;

    if (!inspect || !request || !answer || (!data && size))
        return gw_error(GODWIT_EINVAL, "%s is NULL", !inspect   ? "inspect"
                                                     : !request ? "request"
                                                     : !answer  ? "answer"
                                                                : "data");
    if ((error = gw_check_timeout(timeout_ms)))
        return error;
    if (inspect->process != getpid())
        return gw_error_fork();
    if (strlen(request) >= GW_ASK_LINE || strchr(request, '\n') || size > GW_ASK_BODY)
        return gw_error(GODWIT_EINVAL, "a request is one line of at most %d bytes, and %d behind "
                        "it", GW_ASK_LINE - 1, GW_ASK_BODY);
    if (inspect->still)
        error = ask_stopped(inspect, request, &buffer);
    else
        error = ask_running(inspect, request, (struct gw_slice){data, size}, timeout_ms, &buffer);
    gw_buffer_u8(&buffer, 0);
    if (!error && gw_buffer_failed(&buffer))
        error = gw_error_memory();
    if (!error && !inspect->still)
        error = take_result((char *)buffer.data);
    if (error)
        gw_buffer_clear(&buffer);
    else
        *answer = (char *)buffer.data; /* from malloc, as godwit_free wants it */
    return error;
}

/* ---- open and close ---- */

static godwit_err_t open_stopped(struct godwit_inspect *inspect)
{
    struct stat status;
    godwit_err_t error;

    if (fstatat(inspect->directory, "godwit", &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT
                   ? gw_error(GODWIT_ENOTFOUND, "%.300s is not the directory of a peer: it holds "
                              "no store", inspect->path)
                   : gw_error(GODWIT_EIO, "%.300s cannot be read: %s", inspect->path,
                              strerror(errno));
    error = gw_still_open(inspect->path, &inspect->still);
    if (error == GODWIT_EBUSY)
        return gw_error(error, "%.300s is open in a peer that has no control socket (no_control), "
                        "or starts or ends just now: try again, or stop it", inspect->path);
    return error;
}

/* Asks at the door: running, stopped, or why neither can be said. */
static godwit_err_t find_out(struct godwit_inspect *inspect)
{
    int fd = dial(inspect);

    if (fd >= 0) {
        close(fd);
        return GODWIT_OK;
    }
    if (fd == -ENOENT || fd == -ECONNREFUSED || fd == -ENOTSOCK)
        return open_stopped(inspect);
    return not_dialled(inspect, fd);
}

static godwit_err_t open_directory(struct godwit_inspect *inspect)
{
    inspect->directory = open(inspect->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (inspect->directory >= 0)
        return GODWIT_OK;
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return gw_error(GODWIT_ENOTFOUND, "there is no directory %.300s", inspect->path);
    case EACCES:
    case EPERM:
        return gw_error(GODWIT_EIO, "%.300s belongs to another user: ask as that one, or as root",
                        inspect->path);
    default:
        return gw_error(GODWIT_EIO, "%.300s cannot be opened: %s", inspect->path, strerror(errno));
    }
}

godwit_err_t godwit_inspect_open(const char *directory, godwit_inspect_t **result)
{
    godwit_err_t error;

    if (!directory || !*directory || !result)
        return gw_error(GODWIT_EINVAL, "%s is missing", result ? "directory" : "inspect");
    struct godwit_inspect *inspect = calloc(1, sizeof *inspect);
    if (!inspect)
        return gw_error_memory();
    inspect->directory = -1;
    inspect->process = getpid();
    inspect->path = strdup(directory);
    error = inspect->path ? open_directory(inspect) : gw_error_memory();
    if (!error)
        error = find_out(inspect);
    if (error)
        godwit_inspect_close(&inspect);
    else
        *result = inspect;
    return error;
}

bool godwit_inspect_running(const godwit_inspect_t *inspect)
{
    return inspect && !inspect->still;
}

const char *godwit_inspect_name(const godwit_inspect_t *inspect)
{
    return inspect && inspect->still ? gw_still_name(inspect->still) : "";
}

void godwit_inspect_close(godwit_inspect_t **pointer)
{
    struct godwit_inspect *inspect = pointer ? *pointer : NULL;

    if (!inspect)
        return;
    *pointer = NULL;
    if (inspect->process != getpid())
        return;
    gw_still_close(&inspect->still);
    if (inspect->directory >= 0)
        close(inspect->directory);
    free(inspect->path);
    free(inspect);
}
