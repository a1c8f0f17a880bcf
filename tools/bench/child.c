/* SPDX-License-Identifier: MPL-2.0 */
/* Starting, hearing and reaping one process, always by its id. */

#include "child.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ARGUMENTS 12
#define POLL_MS       20 /* a signal that comes just before poll() is seen this late */

extern char **environ;

static volatile sig_atomic_t stop;
static bool stop_said;
static void (*meanwhile)(void *context);
static void *meanwhile_context;

static void on_stop(int number)
{
    stop = number;
}

void child_catch_stop(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* 0 or an errno. The child gets its ends of the pipes as standard input and output. */
static int spawn(struct child *child, char *const *argv, int in, int out, bool apart)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    int flags = POSIX_SPAWN_SETSIGDEF | (apart ? POSIX_SPAWN_SETSID : 0);
    posix_spawnattr_setflags(&attributes, (short)flags);
    int problem = posix_spawn(&child->pid, "/proc/self/exe", &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

bool child_start(struct child *child, const char *name, const char *const *arguments, bool apart)
{
    char *argv[MAX_ARGUMENTS + 4] = {(char *)"godwit-bench", (char *)"role", (char *)name};
    for (size_t i = 0; i < MAX_ARGUMENTS && arguments[i]; i++)
        argv[3 + i] = (char *)arguments[i];
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    *child = (struct child)CHILD_NONE;
    child->name = name;
    int problem = pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ? errno : 0;
    if (!problem)
        problem = spawn(child, argv, in[0], out[1], apart);
    close_end(&in[0]);
    close_end(&out[1]);
    child->in = in[1];
    child->out = out[0];
    if (problem) {
        bench_complain("cannot start %s: %s", name, strerror(problem));
        child->pid = 0;
        close_end(&child->in);
        close_end(&child->out);
    }
    return !problem;
}

void child_meanwhile(void (*call)(void *context), void *context)
{
    meanwhile = call;
    meanwhile_context = context;
}

/* Whether to go on waiting; else a sentence. */
static bool may_wait(const struct child *child, double deadline_s)
{
    static double last;
    if (stop) {
        if (!stop_said)
            bench_complain("told to stop (%s)", strsignal(stop));
        stop_said = true;
        return false;
    }
    double now = bench_now();
    if (now >= deadline_s) {
        bench_complain("%s takes too long: see --timeout", child->name);
        return false;
    }
    if (meanwhile && now - last >= POLL_MS * 1e-3) {
        last = now;
        meanwhile(meanwhile_context);
    }
    return true;
}

enum heard { HEARD_TEXT, HEARD_END, HEARD_NOTHING };

/* More text of the child's, if it comes within `ms`. */
static enum heard hear(struct child *child, int ms)
{
    struct pollfd wait = {.fd = child->out, .events = POLLIN};
    if (poll(&wait, 1, ms) <= 0)
        return HEARD_NOTHING;
    ssize_t got = read(child->out, child->text + child->fill, CHILD_LINE - child->fill);
    if (got < 0)
        return errno == EINTR ? HEARD_NOTHING : HEARD_END;
    child->fill += (size_t)got;
    return got ? HEARD_TEXT : HEARD_END;
}

/* A whole line that was heard already, or NULL. */
static const char *next_line(struct child *child)
{
    memmove(child->text, child->text + child->used, child->fill - child->used);
    child->fill -= child->used;
    child->used = 0;
    char *end = memchr(child->text, '\n', child->fill);
    if (!end)
        return NULL;
    *end = '\0';
    child->used = (size_t)(end - child->text) + 1;
    return child->text;
}

bool child_hear(struct child *child, double deadline_s, int ms, const char **line)
{
    double until = ms < 0 ? deadline_s : bench_now() + ms * 1e-3;
    while (!(*line = next_line(child))) {
        if (!may_wait(child, deadline_s))
            return false;
        double left = (until - bench_now()) * 1e3;
        int slice = left <= 0 ? 0 : left < POLL_MS ? (int)left + 1 : POLL_MS;
        enum heard heard = child->fill < CHILD_LINE ? hear(child, slice) : HEARD_END;
        if (heard == HEARD_END) {
            bench_complain("%s ended before it was done", child->name);
            return false;
        }
        if (heard == HEARD_NOTHING && ms >= 0 && left <= 0)
            return true;
    }
    return true;
}

const char *child_line(struct child *child, double deadline_s)
{
    const char *line = NULL;
    return child_hear(child, deadline_s, -1, &line) ? line : NULL;
}

bool child_tell(struct child *child, const char *line)
{
    size_t size = strlen(line);
    if (write(child->in, line, size) == (ssize_t)size)
        return true;
    bench_complain("%s does not listen: %s", child->name, strerror(errno));
    return false;
}

static int reap(struct child *child)
{
    int status = 0;
    struct rusage used;
    while (wait4(child->pid, &status, 0, &used) < 0) {
        if (errno != EINTR)
            return -1;
    }
    child->pid = 0;
    child->peak_kib = used.ru_maxrss;
    child->cpu_seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
    return status;
}

bool child_end(struct child *child, double deadline_s)
{
    close_end(&child->in);
    enum heard heard;
    do {
        child->fill = child->used = 0;
        if (!may_wait(child, deadline_s))
            return false;
        heard = hear(child, POLL_MS);
    } while (heard != HEARD_END);
    close_end(&child->out);
    int status = reap(child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        bench_complain("%s did not end well", child->name);
        return false;
    }
    return true;
}

void child_kill(struct child *child)
{
    close_end(&child->in);
    close_end(&child->out);
    if (child->pid) {
        kill(child->pid, SIGKILL);
        reap(child);
    }
}
