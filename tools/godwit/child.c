/* SPDX-License-Identifier: MPL-2.0 */
/* Running a program on a request. */

#include "child.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 20 /* where the kernel has no pidfd */

struct child {
    struct child_run *run;
    pid_t pid;
    int in, out, err, pidfd; /* ours of the pipes; -1: closed */
    size_t written;
    size_t capacity;
    size_t text_size;
    bool text_over;
    int64_t end_ms; /* -1: none */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- starting ---- */

struct pipes {
    int in[2], out[2], err[2];
};

static bool make_pipes(struct pipes *pipes)
{
    *pipes = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    return pipe2(pipes->in, O_CLOEXEC) == 0 && pipe2(pipes->out, O_CLOEXEC) == 0 &&
           pipe2(pipes->err, O_CLOEXEC) == 0 && fcntl(pipes->in[1], F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(pipes->out[0], F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(pipes->err[0], F_SETFL, O_NONBLOCK) == 0;
}

static int spawn(const struct child_run *run, const struct pipes *pipes, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, standard;

    sigemptyset(&none);
    sigemptyset(&standard);
    sigaddset(&standard, SIGPIPE);
    sigaddset(&standard, SIGINT);
    sigaddset(&standard, SIGTERM);
    sigaddset(&standard, SIGHUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes->in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipes->out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipes->err[1], STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &standard);
    int error =
        posix_spawnp(pid, run->argv[0], &actions, &attributes, run->argv, run->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static bool start(struct child *child)
{
    struct pipes pipes;
    int error = make_pipes(&pipes) ? spawn(child->run, &pipes, &child->pid) : errno;

    close_fd(&pipes.in[0]);
    close_fd(&pipes.out[1]);
    close_fd(&pipes.err[1]);
    child->in = pipes.in[1];
    child->out = pipes.out[0];
    child->err = pipes.err[0];
    if (error) {
        child->run->how = CHILD_NOT_STARTED;
        child->run->code = error;
        return false;
    }
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    return true;
}

/* ---- what passes through the pipes ---- */

static void feed(struct child *child)
{
    const struct child_run *run = child->run;
    size_t left = run->input_size - child->written;
    ssize_t sent = left ? write(child->in, (const char *)run->input + child->written, left) : 0;

    if (sent > 0)
        child->written += (size_t)sent;
    else if (sent < 0 && errno != EAGAIN && errno != EINTR)
        child->written = run->input_size; /* it does not want the rest */
    if (child->written == run->input_size)
        close_fd(&child->in);
}

/* False: it says more than a message holds, or memory is out. */
static bool hear(struct child *child)
{
    struct child_run *run = child->run;

    if (child->capacity - run->output_size < 4096) {
        size_t capacity = child->capacity ? child->capacity * 2 : 16384;
        char *more = realloc(run->output, capacity);
        if (!more)
            return false;
        run->output = more;
        child->capacity = capacity;
    }
    ssize_t got =
        read(child->out, run->output + run->output_size, child->capacity - run->output_size);
    if (got > 0)
        run->output_size += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        close_fd(&child->out);
    return run->output_size <= CHILD_OUTPUT_MAX;
}

static void note(struct child *child)
{
    char piece[1024];
    ssize_t got = read(child->err, piece, sizeof(piece));

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        close_fd(&child->err);
    if (got <= 0)
        return;
    (void)!write(STDERR_FILENO, piece, (size_t)got);
    for (ssize_t i = 0; i < got && !child->text_over; i++) {
        if (piece[i] == '\n' || child->text_size == CHILD_TEXT_MAX)
            child->text_over = true;
        else
            child->run->text[child->text_size++] =
                (char)(piece[i] >= ' ' && piece[i] <= '~' ? piece[i] : '?');
    }
}

/* ---- its end ---- */

static bool has_ended(struct child *child, int options, int *status)
{
    pid_t pid;
    do {
        pid = waitpid(child->pid, status, options);
    } while (pid < 0 && errno == EINTR);
    return pid == child->pid;
}

static int wait_ms(const struct child *child)
{
    int64_t left = child->end_ms < 0 ? INT32_MAX : child->end_ms - now_ms();
    if (left < 0)
        left = 0;
    return child->pidfd < 0 && left > TICK_MS ? TICK_MS : (int)left;
}

/* One look at pipes and process. True: it goes on; false: it has ended, or `how` says why it
 * must. */
static bool attend(struct child *child, int *status, bool *must_end)
{
    struct child_run *run = child->run;
    struct pollfd polled[] = {{child->in, POLLOUT, 0},
                              {child->out, POLLIN, 0},
                              {child->err, POLLIN, 0},
                              {child->pidfd, POLLIN, 0},
                              {run->stop_fd, POLLIN, 0}};

    poll(polled, sizeof(polled) / sizeof(*polled), wait_ms(child));
    if (polled[0].revents)
        feed(child);
    *must_end = true;
    if (polled[1].revents && !hear(child)) {
        run->how = CHILD_TOO_MUCH;
        return false;
    }
    if (polled[2].revents)
        note(child);
    if (polled[4].revents) {
        run->how = CHILD_STOPPED;
        return false;
    }
    *must_end = false;
    if ((child->pidfd < 0 || polled[3].revents) && has_ended(child, WNOHANG, status))
        return false;
    *must_end = true;
    if (child->end_ms >= 0 && now_ms() >= child->end_ms) {
        run->how = CHILD_LATE;
        return false;
    }
    return true;
}

/* What it said before it ended is in the pipes; whoever else holds them is not waited for. */
static void drain(struct child *child)
{
    size_t before;
    do {
        before = child->run->output_size;
        if (child->out >= 0 && !hear(child)) {
            child->run->how = CHILD_TOO_MUCH;
            return;
        }
    } while (child->out >= 0 && child->run->output_size > before);
    for (int i = 0; i < 64 && child->err >= 0; i++)
        note(child);
}

static void judge(struct child *child, int status)
{
    struct child_run *run = child->run;

    if (WIFEXITED(status)) {
        run->how = CHILD_EXITED;
        run->code = WEXITSTATUS(status);
    } else {
        run->how = CHILD_SIGNALLED;
        run->code = WTERMSIG(status);
    }
    drain(child);
}

void child_execute(struct child_run *run)
{
    struct child child = {.run = run, .in = -1, .out = -1, .err = -1, .pidfd = -1};
    bool must_end = false;
    int status = 0;

    run->output = NULL;
    run->output_size = 0;
    memset(run->text, 0, sizeof(run->text));
    child.end_ms = run->timeout_ms < 0 ? -1 : now_ms() + run->timeout_ms;
    if (start(&child)) {
        while (attend(&child, &status, &must_end))
            continue;
        if (must_end) {
            kill(-child.pid, SIGKILL); /* not reaped yet: the number is still its own */
            has_ended(&child, 0, &status);
        } else {
            judge(&child, status);
        }
    }
    close_fd(&child.in);
    close_fd(&child.out);
    close_fd(&child.err);
    close_fd(&child.pidfd);
}
