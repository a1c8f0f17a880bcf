/* SPDX-License-Identifier: MPL-2.0 */

/* One world, from birth to verdict. */

#include "run.h"

#include "checker.h"
#include "world.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static void fill_report(const struct sim_world *world, struct sim_report *report)
{
    memset(report, 0, sizeof *report);
    report->seed = world->options.seed;
    report->steps = world->steps;
    report->now_us = world->now_us;
    report->failed = world->failed;
    memcpy(report->failure, world->failure, sizeof report->failure);
    memcpy(report->invariant, world->invariant, sizeof report->invariant);
    report->stats = world->stats;
    report->stats.events = world->steps;
    report->stats.virtual_us = world->now_us;
    report->stats.messages = world->ledger.numbered;
}

static void run(const struct sim_options *options, uint64_t events, struct sim_trace *trace,
                struct sim_log *log, struct sim_report *report)
{
    struct sim_world *world = sim_world_new(options, trace);

    world->log = log;
    sim_life_begin(world);
    while (world->steps < events && sim_world_step(world)) {
    }
    if (world->steps >= SIM_EVENTS_MAX)
        sim_fail(world, "liveness: no end after %d events", SIM_EVENTS_MAX);
    sim_trace_end(trace);
    for (size_t i = 0; i < SIM_PEERS_MAX; i++) {
        if (world->peers[i].turn)
            sim_check_farewell(&world->peers[i]);
    }
    fill_report(world, report);
    sim_world_destroy(&world);
}

void sim_run(const struct sim_options *options, struct sim_trace *trace, struct sim_log *log,
             struct sim_report *report)
{
    run(options, SIM_EVENTS_MAX, trace, log, report);
}

void sim_run_some(const struct sim_options *options, uint64_t events, struct sim_log *log,
                  struct sim_report *report)
{
    static struct sim_trace off;

    run(options, events, &off, log, report);
}

void sim_report_death(struct sim_report *report, int status)
{
    report->failed = true;
    if (WIFSIGNALED(status))
        snprintf(report->failure, sizeof report->failure,
                 "the code under test died of signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(report->failure, sizeof report->failure,
                 "the code under test ended with status %d", WEXITSTATUS(status));
    snprintf(report->invariant, sizeof report->invariant, "%.150s", report->failure);
}
