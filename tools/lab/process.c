/* SPDX-License-Identifier: MPL-2.0 */
/* Starting, hearing and ending processes. */

#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIPE_SIZE   (1 << 20)
#define HEAR_SIZE   65536
#define HEAR_PIECES 16 /* in one call */
#define LOOK_MS     2  /* between two looks at what still lives */

void lab_processes_adopt(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* --- starting --- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void limit(int resource, uint64_t value)
{
    struct rlimit both = {.rlim_cur = value, .rlim_max = value};

    if (value > 0)
        setrlimit(resource, &both);
}

/* In the child, between fork and exec: async-signal-safe calls only. */
static void become(const struct lab_start *start, pid_t parent, int in, int out, int err)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;

    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before that */
        _exit(127);
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &standard, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
        return;
    syscall(SYS_close_range, 3u, ~0u, 1u << 2); /* CLOSE_RANGE_CLOEXEC; before 5.11: as opened */
    limit(RLIMIT_NOFILE, start->file_limit);
    limit(RLIMIT_AS, start->memory_limit);
    execve(start->program, start->argv, start->environment);
}

/* The errno that a child wrote before it gave up; 0: its exec went well. */
static int read_failure(int fd)
{
    int error = 0;
    ssize_t got;

    do {
        got = read(fd, &error, sizeof error);
    } while (got < 0 && errno == EINTR);
    return got == sizeof error ? error : 0;
}

struct ends {
    int in, out[2], err[2], failure[2];
};

static bool open_ends(struct ends *ends)
{
    *ends = (struct ends){-1, {-1, -1}, {-1, -1}, {-1, -1}};
    ends->in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return ends->in >= 0 && pipe2(ends->out, O_CLOEXEC) == 0 && pipe2(ends->err, O_CLOEXEC) == 0 &&
           pipe2(ends->failure, O_CLOEXEC) == 0;
}

static void close_ends(struct ends *ends)
{
    close_fd(&ends->in);
    for (int i = 0; i < 2; i++) {
        close_fd(&ends->out[i]);
        close_fd(&ends->err[i]);
        close_fd(&ends->failure[i]);
    }
}

static void open_pipe(struct lab_pipe *lines, int *fd)
{
    fcntl(*fd, F_SETPIPE_SZ, PIPE_SIZE); /* larger is better, but not needed */
    fcntl(*fd, F_SETFL, O_NONBLOCK);
    *lines = (struct lab_pipe){.fd = *fd};
    *fd = -1;
}

/* 0, or why the child did not become its program; then it is reaped. */
static int wait_for_exec(struct lab_process *process, struct ends *ends)
{
    close_fd(&ends->failure[1]);
    int error = read_failure(ends->failure[0]);
    if (error)
        lab_process_reap(process->pid);
    return error;
}

int lab_process_start(struct lab_process *process, const struct lab_start *start)
{
    pid_t parent = getpid();
    struct ends ends;

    *process = (struct lab_process)LAB_PROCESS_NONE;
    int error = open_ends(&ends) ? 0 : errno;
    if (!error) {
        process->pid = fork();
        if (process->pid == 0) {
            become(start, parent, ends.in, ends.out[1], ends.err[1]);
            error = errno;
            (void)!write(ends.failure[1], &error, sizeof error);
            _exit(127);
        }
        error = process->pid < 0 ? errno : wait_for_exec(process, &ends);
    }
    if (error) {
        process->pid = 0;
    } else {
        open_pipe(&process->out, &ends.out[0]);
        open_pipe(&process->err, &ends.err[0]);
    }
    close_ends(&ends);
    return error;
}

/* --- hearing --- */

static void end_line(struct lab_pipe *lines, bool whole, bool error, lab_line_fn line,
                     void *context)
{
    struct lab_line told = {lines->text, error, whole && !lines->over};

    lines->text[lines->used] = '\0';
    lines->used = 0;
    lines->over = false;
    line(context, &told);
}

static void take(struct lab_pipe *lines, const char *bytes, size_t size, bool error,
                 lab_line_fn line, void *context)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == '\n')
            end_line(lines, true, error, line, context);
        else if (lines->used == LAB_LINE_MAX)
            lines->over = true;
        else
            lines->text[lines->used++] =
                (char)((byte < ' ' && byte != '\t') || byte == 0x7f ? '?' : byte);
    }
}

/* One piece; false: there is nothing now, or nothing any more. */
static bool hear_piece(struct lab_pipe *lines, bool error, lab_line_fn line, void *context)
{
    static _Thread_local char bytes[HEAR_SIZE];

    if (lines->fd < 0)
        return false;
    ssize_t got = read(lines->fd, bytes, sizeof bytes);
    if (got > 0)
        take(lines, bytes, (size_t)got, error, line, context);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        close_fd(&lines->fd);
    return got > 0;
}

bool lab_process_hear(struct lab_process *process, lab_line_fn line, void *context)
{
    bool more = true;

    for (int i = 0; more && i < HEAR_PIECES; i++) {
        more = hear_piece(&process->out, false, line, context);
        more = hear_piece(&process->err, true, line, context) || more;
    }
    return more;
}

static void finish_pipe(struct lab_pipe *lines, bool error, lab_line_fn line, void *context)
{
    /* What somebody else writes meanwhile must not keep us here. */
    for (int i = 0; i < 2 * PIPE_SIZE / HEAR_SIZE && hear_piece(lines, error, line, context); i++)
        ;
    if (lines->used > 0)
        end_line(lines, false, error, line, context);
    close_fd(&lines->fd);
}

int lab_process_finish(struct lab_process *process, lab_line_fn line, void *context)
{
    lab_process_signal(process, SIGKILL); /* before it is reaped: the number is still its own */
    finish_pipe(&process->out, false, line, context);
    finish_pipe(&process->err, true, line, context);
    int status = lab_process_reap(process->pid);
    process->pid = 0;
    return status;
}

/* --- ending --- */

void lab_process_signal(const struct lab_process *process, int number)
{
    if (process->pid > 0)
        kill(-process->pid, number);
}

pid_t lab_process_ended(void)
{
    siginfo_t info = {0};

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
        if (errno != EINTR)
            return 0;
    }
    return info.si_pid;
}

int lab_process_reap(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

int lab_process_limit(const struct lab_process *process, int resource, uint64_t value)
{
    struct rlimit limits;

    if (prlimit(process->pid, resource, NULL, &limits) != 0)
        return errno;
    limits.rlim_cur = value < limits.rlim_max ? value : limits.rlim_max;
    return prlimit(process->pid, resource, &limits, NULL) == 0 ? 0 : errno;
}

/* The parent of a process, 0 if it is gone. */
static pid_t parent_of(const char *pid)
{
    char path[300], text[512], *end;
    pid_t parent = 0;

    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    close_fd(&fd);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    end = strrchr(text, ')'); /* the name before it may hold anything */
    if (end && sscanf(end + 1, " %*c %d", &parent) == 1)
        return parent;
    return 0;
}

static void kill_children(void)
{
    DIR *all = opendir("/proc");
    pid_t own = getpid();

    for (struct dirent *entry; all && (entry = readdir(all));) {
        if (!isdigit((unsigned char)entry->d_name[0]) || parent_of(entry->d_name) != own)
            continue;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (kill(-pid, SIGKILL) != 0) /* of its group, if it leads one */
            kill(pid, SIGKILL);
    }
    if (all)
        closedir(all);
}

/* As each one dies, its children become ours: those are killed in the next round. */
bool lab_processes_end(void)
{
    struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};

    for (int ms = 0; ms <= LAB_END_MS; ms += LOOK_MS) {
        pid_t pid;
        do {
            pid = waitpid(-1, NULL, WNOHANG);
        } while (pid > 0 || (pid < 0 && errno == EINTR));
        if (pid < 0)
            return true; /* there are none */
        kill_children();
        nanosleep(&pause, NULL);
    }
    return false;
}
