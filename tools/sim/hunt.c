/* SPDX-License-Identifier: MPL-2.0 */

/* Seeds are shared out among child processes, which report through pipes: a seed that crashes the
 * code under test is a finding too, and takes only its process with it. */

#include "hunt.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 100

struct job {
    pid_t pid;
    int fd; /* -1: ended */
    struct sim_report partial;
    size_t have;
    uint64_t next_seed; /* that it runs or is about to run */
    bool stopped;       /* it found something and stopped */
};

struct tally {
    const struct sim_hunt *hunt;
    const struct sim_watcher *watcher;
    struct sim_findings *findings;
    struct job jobs[SIM_JOBS_MAX];
    unsigned job_count;
    uint32_t *events, *faults; /* per seed, for the medians */
    size_t seeds;
    bool enough;
    bool broken; /* a process could not be made */
};

/* --- whose turn it is --- */

static bool left_out(const struct sim_hunt *hunt, uint64_t seed)
{
    for (size_t i = 0; i < hunt->except_count; i++) {
        if (hunt->except[i] == seed)
            return true;
    }
    return false;
}

/* The first seed from there on, in steps of the number of jobs, that is not left out. */
static uint64_t next_from(const struct tally *tally, uint64_t seed)
{
    while (seed <= tally->hunt->last && left_out(tally->hunt, seed))
        seed += tally->job_count;
    return seed;
}

/* --- children --- */

static void write_all(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(0); /* nobody listens: enough was found */
        at += n;
        size -= (size_t)n;
    }
}

static void work(const struct tally *tally, uint64_t seed, int fd)
{
    static struct sim_trace trace;
    struct sim_options options;
    struct sim_report report;

    sim_trace_init(&trace, NULL, 0);
    for (; seed <= tally->hunt->last; seed = next_from(tally, seed + tally->job_count)) {
        sim_wishes_grant(tally->hunt->wishes, seed, &options);
        sim_run(&options, &trace, NULL, &report);
        write_all(fd, &report, sizeof report);
        if (report.failed && !tally->hunt->keep_going)
            break;
    }
    _exit(0);
}

static bool launch(struct tally *tally, struct job *job, uint64_t seed)
{
    int ends[2];

    job->fd = -1;
    job->next_seed = next_from(tally, seed);
    if (job->next_seed > tally->hunt->last)
        return true;
    if (pipe(ends))
        return false;
    fflush(NULL);
    job->have = 0;
    job->pid = fork();
    if (job->pid == 0) {
        close(ends[0]);
        for (unsigned i = 0; i < tally->job_count; i++) {
            if (&tally->jobs[i] != job && tally->jobs[i].fd >= 0)
                close(tally->jobs[i].fd);
        }
        work(tally, job->next_seed, ends[1]);
    }
    close(ends[1]);
    if (job->pid < 0)
        close(ends[0]);
    else
        job->fd = ends[0];
    return job->pid > 0;
}

/* --- the parent --- */

static void failed(struct tally *tally, const struct sim_report *report)
{
    struct sim_findings *findings = tally->findings;

    if (!findings->failures++ || report->seed < findings->worst.seed)
        findings->worst = *report;
    tally->watcher->found(tally->watcher->context, report);
    tally->enough = !tally->hunt->keep_going;
}

static void take(struct tally *tally, struct job *job)
{
    const struct sim_report *report = &job->partial;

    sim_stats_add(&tally->findings->sum, &report->stats);
    tally->events[tally->seeds] = (uint32_t)report->stats.events;
    tally->faults[tally->seeds] = (uint32_t)sim_stats_faults(&report->stats);
    tally->seeds++;
    job->next_seed = next_from(tally, report->seed + tally->job_count);
    job->have = 0;
    if (report->failed) {
        job->stopped = !tally->hunt->keep_going;
        failed(tally, report);
    }
}

static void died(struct tally *tally, struct job *job, int status)
{
    struct sim_report report = {.seed = job->next_seed, .failed = true};

    sim_report_death(&report, status);
    failed(tally, &report);
    if (!tally->enough && !launch(tally, job, job->next_seed + tally->job_count))
        tally->broken = true;
}

/* The child has ended: in order, or by the code under test. */
static void ended(struct tally *tally, struct job *job)
{
    int status = 0;

    close(job->fd);
    job->fd = -1;
    waitpid(job->pid, &status, 0);
    if (!job->stopped && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        died(tally, job, status);
}

static void listen_to(struct tally *tally, struct job *job)
{
    char *at = (char *)&job->partial + job->have;
    ssize_t n = read(job->fd, at, sizeof job->partial - job->have);

    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        ended(tally, job);
        return;
    }
    job->have += (size_t)n;
    if (job->have == sizeof job->partial)
        take(tally, job);
}

/* Waits for whoever reports next. False: all have ended. */
static bool gather_some(struct tally *tally)
{
    struct pollfd polled[SIM_JOBS_MAX];
    unsigned open = 0;

    for (unsigned i = 0; i < tally->job_count; i++) {
        polled[i] = (struct pollfd){.fd = tally->jobs[i].fd, .events = POLLIN};
        open += tally->jobs[i].fd >= 0;
    }
    if (!open)
        return false;
    if (poll(polled, tally->job_count, TICK_MS) > 0) {
        for (unsigned i = 0; i < tally->job_count; i++) {
            if (polled[i].fd >= 0 && polled[i].revents)
                listen_to(tally, &tally->jobs[i]);
        }
    }
    tally->watcher->passed(tally->watcher->context, tally->seeds);
    return true;
}

static void gather(struct tally *tally)
{
    while (!tally->enough && !tally->broken && gather_some(tally)) {
    }
    for (unsigned i = 0; i < tally->job_count; i++) {
        struct job *job = &tally->jobs[i];
        if (job->fd < 0)
            continue;
        close(job->fd);
        waitpid(job->pid, NULL, 0); /* its next report finds the pipe closed */
    }
}

/* --- the hunt --- */

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t median(uint32_t *values, size_t count)
{
    qsort(values, count, sizeof *values, ascending);
    return count ? values[count / 2] : 0;
}

int sim_hunt_run(const struct sim_hunt *hunt, const struct sim_watcher *watcher,
                 struct sim_findings *findings)
{
    uint64_t seeds = hunt->last - hunt->first + 1;
    struct tally *tally = calloc(1, sizeof *tally);

    memset(findings, 0, sizeof *findings);
    if (!tally)
        return -1;
    *tally = (struct tally){.hunt = hunt, .watcher = watcher, .findings = findings,
                            .job_count = hunt->jobs < seeds ? hunt->jobs : (unsigned)seeds};
    tally->events = calloc(seeds, sizeof *tally->events);
    tally->faults = calloc(seeds, sizeof *tally->faults);
    tally->broken = !tally->events || !tally->faults;
    for (unsigned i = 0; i < tally->job_count; i++)
        tally->jobs[i].fd = -1;
    for (unsigned i = 0; i < tally->job_count && !tally->broken; i++)
        tally->broken = !launch(tally, &tally->jobs[i], hunt->first + i);
    gather(tally);
    if (!tally->broken) {
        findings->median_events = median(tally->events, tally->seeds);
        findings->median_faults = median(tally->faults, tally->seeds);
    }
    int result = tally->broken ? -1 : 0;
    free(tally->events);
    free(tally->faults);
    free(tally);
    return result;
}
