/* SPDX-License-Identifier: MPL-2.0 */
/* Two processes that look after each other. */

#include "guard.h"

#include "process.h"
#include "tree.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static _Noreturn void be_child(pid_t parent, const sigset_t *before, int (*work)(void *),
                               void *context, const char *scratch)
{
    setsid();
    signal(SIGPIPE, SIG_IGN); /* who reads what it prints may go; it has to clean up all the same */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        exit(FAILED);
    sigprocmask(SIG_SETMASK, before, NULL);
    int status = work(context);
    if (scratch)
        lab_tree_delete(scratch);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("godwit lab: cannot write to standard output\n", stderr);
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
    if (scratch)
        lab_tree_delete(scratch);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}
