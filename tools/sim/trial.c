/* SPDX-License-Identifier: MPL-2.0 */

/* The trials of trial.h. */

#include "trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct sim_trial *sim_trial_new(void)
{
    void *memory = mmap(NULL, sizeof(struct sim_trial), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void sim_trial_destroy(struct sim_trial **trial)
{
    if (*trial)
        munmap(*trial, sizeof **trial);
    *trial = NULL;
}

static void run(struct sim_trial *trial, const struct sim_options *options, uint64_t events,
                unsigned seconds)
{
    alarm(seconds);
    sim_run_some(options, events, &trial->log, &trial->report);
    _exit(0);
}

bool sim_trial_run(struct sim_trial *trial, const struct sim_options *options, uint64_t events,
                   unsigned seconds)
{
    int status = 0;

    trial->log.count = 0;
    trial->report = (struct sim_report){.seed = options->seed};
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        return false;
    if (child == 0)
        run(trial, options, events, seconds);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        trial->report.failed = false;
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        sim_report_death(&trial->report, status);
    return true;
}
