/* SPDX-License-Identifier: MPL-2.0 */
/* Starting, killing and reaping, each by the id of a process that the demo started. */

#include "demo_process.h"
#include "program.h"
#include "demo_scratch.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define LOG_LINES 12
#define CRASH_PAUSE_MS 20 /* as a supervisor would start it again */

extern char **environ;

void process_make(struct process *process, const char *name, const char *directory,
                  const char *program)
{
    *process = (struct process){0};
    snprintf(process->name, sizeof(process->name), "%s", name);
    process_argument(process, "%s/%s", directory, program);
    process_argument(process, "--with-parent");
}

void process_argument(struct process *process, const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0 || process->argc == PROCESS_ARGUMENTS)
        th_die("no room for another argument of %s", process->name);
    process->argv[process->argc++] = text;
}

void process_clear(struct process *process)
{
    process_destroy(process);
    th_board_close(&process->board);
    while (process->argc)
        free(process->argv[--process->argc]);
    free(process->fault);
    process->fault = NULL;
}

void process_start(struct process *process)
{
    char board[SCRATCH_PATH], log[SCRATCH_PATH];
    process->starts++;
    scratch_path(board, "board/%s.%u", process->name, process->starts);
    scratch_path(log, "log/%s.%u", process->name, process->starts);
    char option[] = "--board";
    process->argv[process->argc] = option;
    process->argv[process->argc + 1] = board;
    process->argv[process->argc + 2] = process->fault; /* or the end */
    process->argv[process->argc + 3] = NULL;

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    errno = posix_spawn(&process->pid, process->argv[0], &actions, NULL, process->argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (errno) {
        process->pid = 0;
        th_die("%s: %m", process->argv[0]);
    }
    process->away = process->asked = process->renew = false;
    process->faulty = process->fault != NULL;
    th_board_close(&process->board);
}

uint64_t process_shows(struct process *process, const char *name)
{
    char board[SCRATCH_PATH];
    if (!process->board.page) {
        scratch_path(board, "board/%s.%u", process->name, process->starts);
        th_board_watch(&process->board, board);
    }
    return th_board_get(&process->board, name);
}

bool process_running(struct process *process)
{
    return process->pid && process_shows(process, "running");
}

void process_break(struct process *process, const char *option, const char *value)
{
    if (asprintf(&process->fault, "%s=%s", option, value) < 0)
        th_die("out of memory");
}

void process_repair(struct process *process)
{
    free(process->fault);
    process->fault = NULL;
    process->renew = true;
}

bool process_repaired(const struct process *process)
{
    return process->pid && !process->faulty;
}

static void restart_at(struct process *process, uint64_t restart_ms)
{
    process->away = true;
    process->restart_ms = restart_ms;
}

/* It ended by itself, and was reaped. True if that was to be expected. */
static bool take_end(struct process *process, int status)
{
    process->pid = 0;
    if (process->faulty && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) {
        process->crashes++;
        restart_at(process, th_now_ms() + CRASH_PAUSE_MS);
        return true;
    }
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (good && process->renew)
        restart_at(process, th_now_ms());
    else
        process->ended = good;
    return good;
}

bool process_kill(struct process *process, uint64_t restart_ms)
{
    int status;
    if (!process->pid || kill(process->pid, SIGKILL))
        return false;
    if (waitpid(process->pid, &status, 0) != process->pid)
        return false;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        take_end(process, status);
        return false;
    }
    process->pid = 0;
    restart_at(process, restart_ms);
    process->kills++;
    return true;
}

bool process_check(struct process *process, char *problem, size_t size)
{
    int status;
    if (process->away && th_now_ms() >= process->restart_ms)
        process_start(process);
    if (process->renew)
        process_ask(process);
    if (!process->pid || waitpid(process->pid, &status, WNOHANG) != process->pid)
        return true;
    if (take_end(process, status))
        return true;
    if (WIFEXITED(status))
        snprintf(problem, size, "%s ended with status %d", process->name, WEXITSTATUS(status));
    else
        snprintf(problem, size, "%s died of signal %d (%s), which the demo did not send",
                 process->name, WTERMSIG(status), strsignal(WTERMSIG(status)));
    return false;
}

void process_ask(struct process *process)
{
    if (!process->asked && process_running(process))
        process->asked = kill(process->pid, SIGTERM) == 0;
}

void process_insist(struct process *process)
{
    process->asked = false;
    process_ask(process);
}

void process_destroy(struct process *process)
{
    if (process->pid && kill(process->pid, SIGKILL) == 0)
        waitpid(process->pid, NULL, 0);
    process->pid = 0;
    process->away = false;
}

uint64_t process_sum(const struct process *process, const char *name)
{
    uint64_t sum = 0;
    for (unsigned start = 1; start <= process->starts; start++) {
        struct th_board board;
        char path[SCRATCH_PATH];
        scratch_path(path, "board/%s.%u", process->name, start);
        if (th_board_watch(&board, path))
            sum += th_board_get(&board, name);
        th_board_close(&board);
    }
    return sum;
}

static void print_tail(const char *title, const char *text, size_t size)
{
    const char *at = text + size;
    for (int lines = 0; at > text && lines <= LOG_LINES;)
        lines += *--at == '\n';
    if (at > text)
        at++;
    printf("--- the end of %s\n%.*s", title, (int)(text + size - at), at);
}

void process_print_log(const struct process *process)
{
    for (unsigned start = process->starts > 1 ? process->starts - 1 : 1; start <= process->starts;
         start++) {
        char path[SCRATCH_PATH], title[32];
        size_t size;
        scratch_path(path, "log/%s.%u", process->name, start);
        snprintf(title, sizeof(title), "%s, start %u", process->name, start);
        char *text = scratch_read(path, &size);
        if (text && size)
            print_tail(title, text, size);
        free(text);
    }
}
