/* SPDX-License-Identifier: MPL-2.0 */

/* Seeds are shared out among child processes, which report through pipes: a seed that crashes the
 * code under test is a finding too, and takes only its process with it. */

#include "run.h"

#include "checker.h"
#include "world.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX   64
#define EVENTS_MAX 20000000

static const struct sim_hooks *application; /* NULL: the scripted one */

void sim_run_use(const struct sim_hooks *hooks)
{
    application = hooks;
}

void sim_run_seed(uint64_t seed, struct sim_trace *trace, struct sim_report *report)
{
    struct sim_options options;

    sim_options_draw(&options, seed);
    if (application) {
        application->draw(&options);
        options.hooks = application;
    }
    sim_options_settle(&options);
    struct sim_world *world = sim_world_new(&options, trace);
    sim_life_begin(world);
    while (sim_world_step(world)) {
        if (world->steps > EVENTS_MAX)
            sim_fail(world, "liveness: no end after %d events", EVENTS_MAX);
    }
    sim_trace_end(trace);
    for (size_t i = 0; i < SIM_PEERS_MAX; i++) {
        if (world->peers[i].turn)
            sim_check_farewell(&world->peers[i]);
    }
    memset(report, 0, sizeof *report);
    report->seed = seed;
    report->steps = world->steps;
    report->now_us = world->now_us;
    report->failed = world->failed;
    memcpy(report->failure, world->failure, sizeof report->failure);
    world->stats.events = world->steps;
    world->stats.virtual_us = world->now_us;
    world->stats.messages = world->ledger.numbered;
    report->stats = world->stats;
    sim_world_destroy(&world);
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

static bool left_out(const struct sim_hunt *hunt, uint64_t seed)
{
    const char *at = hunt->except;

    while (at && *at) {
        char *end;
        if (strtoull(at, &end, 10) == seed)
            return true;
        at = *end == ',' ? end + 1 : "";
    }
    return false;
}

static void work(const struct sim_hunt *hunt, unsigned job, int fd)
{
    static struct sim_trace trace;
    struct sim_report report;

    sim_trace_init(&trace, NULL, 0);
    for (uint64_t seed = hunt->first + job; seed <= hunt->last; seed += hunt->jobs) {
        if (left_out(hunt, seed))
            continue;
        sim_run_seed(seed, &trace, &report);
        write_all(fd, &report, sizeof report);
        if (report.failed && !hunt->keep_going)
            break;
    }
    _exit(0);
}

struct job {
    pid_t pid;
    int fd; /* -1: ended */
    struct sim_report partial;
    size_t have;
    uint64_t next_seed;
    bool stopped; /* it found something and stopped */
};

static int launch(const struct sim_hunt *hunt, struct job *jobs)
{
    for (unsigned i = 0; i < hunt->jobs; i++) {
        int ends[2];
        if (pipe(ends))
            return -1;
        fflush(NULL);
        jobs[i] = (struct job){.pid = fork(), .fd = ends[0], .next_seed = hunt->first + i};
        if (jobs[i].pid < 0)
            return -1;
        if (jobs[i].pid == 0) {
            for (unsigned k = 0; k <= i; k++)
                close(jobs[k].fd);
            work(hunt, i, ends[1]);
        }
        close(ends[1]);
    }
    return 0;
}

/* --- the parent --- */

struct tally {
    const struct sim_hunt *hunt;
    struct sim_findings *findings;
    void (*found)(const struct sim_report *report);
    uint32_t *events, *faults; /* per seed, for the medians */
    size_t seeds;
    bool enough;
};

static void failed(struct tally *tally, const struct sim_report *report)
{
    struct sim_findings *findings = tally->findings;

    if (!findings->failures++ || report->seed < findings->worst.seed)
        findings->worst = *report;
    tally->found(report);
    tally->enough = !tally->hunt->keep_going;
}

static void take(struct tally *tally, struct job *job)
{
    const struct sim_report *report = &job->partial;

    sim_stats_add(&tally->findings->sum, &report->stats);
    tally->events[tally->seeds] = (uint32_t)report->stats.events;
    tally->faults[tally->seeds] = (uint32_t)sim_stats_faults(&report->stats);
    tally->seeds++;
    job->next_seed = report->seed + tally->hunt->jobs;
    job->have = 0;
    if (report->failed) {
        job->stopped = !tally->hunt->keep_going;
        failed(tally, report);
    }
}

/* The child has ended: in order, or by the code under test. */
static void ended(struct tally *tally, struct job *job)
{
    int status = 0;

    close(job->fd);
    job->fd = -1;
    waitpid(job->pid, &status, 0);
    if (job->stopped || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return;
    struct sim_report report = {.seed = job->next_seed, .failed = true};
    if (WIFSIGNALED(status))
        snprintf(report.failure, sizeof report.failure,
                 "the code under test died of signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(report.failure, sizeof report.failure, "the code under test ended with status %d",
                 WEXITSTATUS(status));
    failed(tally, &report);
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

static void gather(struct tally *tally, struct job *jobs)
{
    struct pollfd polled[JOBS_MAX];
    unsigned open;

    do {
        open = 0;
        for (unsigned i = 0; i < tally->hunt->jobs; i++) {
            polled[i] = (struct pollfd){.fd = jobs[i].fd, .events = POLLIN};
            open += jobs[i].fd >= 0;
        }
        if (open && poll(polled, tally->hunt->jobs, -1) < 0)
            continue;
        for (unsigned i = 0; open && i < tally->hunt->jobs; i++) {
            if (jobs[i].fd >= 0 && polled[i].revents)
                listen_to(tally, &jobs[i]);
        }
    } while (open && !tally->enough);
    for (unsigned i = 0; i < tally->hunt->jobs; i++) {
        if (jobs[i].fd < 0)
            continue;
        close(jobs[i].fd);
        waitpid(jobs[i].pid, NULL, 0); /* its next report finds the pipe closed */
    }
}

int sim_run_hunt(const struct sim_hunt *asked, struct sim_findings *findings,
                 void (*found)(const struct sim_report *report))
{
    struct sim_hunt hunt = *asked;
    struct job jobs[JOBS_MAX];
    uint64_t seeds = hunt.last - hunt.first + 1;

    memset(findings, 0, sizeof *findings);
    if (hunt.jobs > JOBS_MAX)
        hunt.jobs = JOBS_MAX;
    if (hunt.jobs > seeds)
        hunt.jobs = (unsigned)seeds;
    struct tally tally = {.hunt = &hunt, .findings = findings, .found = found};
    tally.events = calloc(seeds, sizeof *tally.events);
    tally.faults = calloc(seeds, sizeof *tally.faults);
    int result = tally.events && tally.faults ? launch(&hunt, jobs) : -1;
    if (result == 0)
        gather(&tally, jobs);
    findings->median_events = median(tally.events, tally.seeds);
    findings->median_faults = median(tally.faults, tally.seeds);
    free(tally.events);
    free(tally.faults);
    return result;
}
