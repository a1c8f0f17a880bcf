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

#define MAX_ARGUMENTS 8
#define POLL_MS       50 /* a signal that comes just before poll() is seen this late */

extern char **environ;

static volatile sig_atomic_t stop;
static bool stop_said;

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

/* More text of the child's: the bytes read, 0 when there is no more, -1 after a sentence. */
static ssize_t hear(struct child *child, double deadline_s)
{
    for (;;) {
        if (stop) {
            if (!stop_said)
                bench_complain("told to stop (%s)", strsignal(stop));
            stop_said = true;
            return -1;
        }
        if (bench_now() >= deadline_s) {
            bench_complain("%s takes too long: see --timeout", child->name);
            return -1;
        }
        struct pollfd wait = {.fd = child->out, .events = POLLIN};
        if (poll(&wait, 1, POLL_MS) <= 0)
            continue;
        ssize_t got = read(child->out, child->text + child->fill, CHILD_LINE - child->fill);
        if (got >= 0)
            return got;
        if (errno != EINTR)
            return 0;
    }
}

const char *child_line(struct child *child, double deadline_s)
{
    child->fill = 0;
    while (child->fill < CHILD_LINE) {
        char *end = memchr(child->text, '\n', child->fill);
        if (end) { /* roles say one line at a time */
            *end = '\0';
            return child->text;
        }
        ssize_t got = hear(child, deadline_s);
        if (got < 0)
            return NULL;
        if (got == 0)
            break;
        child->fill += (size_t)got;
    }
    bench_complain("%s ended before it was done", child->name);
    return NULL;
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
    ssize_t got;
    do {
        child->fill = 0;
        got = hear(child, deadline_s);
    } while (got > 0);
    if (got < 0)
        return false;
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
