/* SPDX-License-Identifier: MPL-2.0 */
/* Two processes that look after each other. */

#include "guard.h"

#include "process.h"
#include "scratch.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAILED 2

static void watched_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
    sigaddset(signals, SIGCHLD);
}

/* Mounts below are seen by this process and its children alone, if that is allowed. */
static void hide_mounts(void)
{
    if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0)
        mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
}

static void clean_up(const char *scratch)
{
    if (scratch)
        scratch_remove(scratch);
}

static _Noreturn void be_child(pid_t parent, const sigset_t *before, int (*work)(void *),
                               void *context, const char *scratch)
{
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        exit(FAILED);
    hide_mounts();
    sigprocmask(SIG_SETMASK, before, NULL);
    int status = work(context);
    clean_up(scratch);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "godwit lab: cannot write: %s\n", strerror(errno));
        status = FAILED;
    }
    exit(status);
}

/* Until the child has ended; its status. */
static int attend(pid_t child, const sigset_t *signals)
{
    for (;;) {
        int number = sigwaitinfo(signals, NULL);
        if (number > 0 && number != SIGCHLD)
            kill(child, number);
        for (pid_t pid; (pid = lab_process_ended()) > 0;) {
            int status = lab_process_reap(pid);
            if (pid == child)
                return status;
        }
    }
}

static int tell(int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "godwit lab: the run itself was ended by signal %d (%s)\n", WTERMSIG(status),
            strsignal(WTERMSIG(status)));
    return FAILED;
}

int guard_run(int (*work)(void *context), void *context, const char *scratch)
{
    sigset_t signals, before;
    pid_t own = getpid();

    lab_processes_adopt();
    watched_signals(&signals);
    sigprocmask(SIG_BLOCK, &signals, &before);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        be_child(own, &before, work, context, scratch);
    int status = FAILED;
    if (child < 0) {
        fprintf(stderr, "godwit lab: fork: %s\n", strerror(errno));
    } else {
        status = tell(attend(child, &signals));
        if (!lab_processes_end()) {
            fputs("godwit lab: a process that was started still lives\n", stderr);
            status = FAILED;
        }
    }
    clean_up(scratch);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}
