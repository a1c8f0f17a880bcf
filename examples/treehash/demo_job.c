/* SPDX-License-Identifier: MPL-2.0 */
/* One round of the job, from the start of the processes to their end. */

#include "program.h"
#include "demo.h"
#include "demo_scratch.h"
#include "demo_screen.h"
#include <stdio.h>
#include <time.h>

#define TICK_NS 2000000 /* how often the demo looks */

/* How much of the job is behind a process: the walker is ahead of the rest. */
static double fraction(struct demo *demo, int target)
{
    int meter = target == PIPELINE_WALK ? PIPELINE_WALK : PIPELINE_COLLECT;
    uint64_t paths = process_shows(&demo->pipeline.stages[meter], "paths");
    return demo->before.count ? (double)paths / (double)demo->before.count : 1;
}

static void run_poison(struct demo *demo)
{
    poison_step(&demo->poison, &demo->pipeline, fraction(demo, PIPELINE_COLLECT) >= 0.5);
}

static void run_plan(struct demo *demo)
{
    for (size_t i = 0; i < demo->plan.count; i++) {
        struct plan_event *event = &demo->plan.events[i];
        if (event->done || fraction(demo, event->target) < event->at)
            continue;
        event->done = pipeline_hit(&demo->pipeline, &demo->plan, event);
        demo->plan.done += event->done;
        if (!event->done && event->target == PLAN_CUT)
            break; /* no more kills until every link is up and can be cut */
    }
}

/* False if it is time to give up; then `problem` says why. */
static bool patient(struct demo *demo)
{
    uint64_t now = th_now_ms();
    uint64_t motion = pipeline_motion(&demo->pipeline) + demo->plan.done;
    if (motion != demo->motion) {
        demo->motion = motion;
        demo->moved_ms = now;
    }
    if (th_stop)
        snprintf(demo->problem, sizeof(demo->problem), "interrupted");
    else if (now - demo->moved_ms > demo->stall_seconds * 1000ull)
        snprintf(demo->problem, sizeof(demo->problem), "nothing moved on for %u seconds",
                 demo->stall_seconds);
    else if (now - demo->started_ms > demo->limit_seconds * 1000ull)
        snprintf(demo->problem, sizeof(demo->problem), "not done after %u seconds",
                 demo->limit_seconds);
    return !*demo->problem;
}

/* One look at everything. False if the job is to be given up. */
static bool tick(struct demo *demo)
{
    struct pipeline *pipeline = &demo->pipeline;
    nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
    if (!pipeline_check(pipeline, demo->problem, sizeof(demo->problem)))
        return false;
    screen_progress(process_shows(&pipeline->stages[PIPELINE_COLLECT], "paths"),
                    demo->before.count, demo->plan.done, demo->plan.count);
    return patient(demo);
}

/* Waits until the stages first to last have ended, after asking them to if `ask`. */
static bool wait_ended(struct demo *demo, unsigned first, unsigned last, bool ask)
{
    for (bool all = false; !all;) {
        all = true;
        for (unsigned i = first; i <= last; i++) {
            struct process *stage = &demo->pipeline.stages[i];
            if (ask)
                process_ask(stage); /* one that was killed at last may come up only now */
            all &= stage->ended;
        }
        if (!all && !tick(demo))
            return false;
    }
    return true;
}

/* The end: the walker goes by itself once all it sent is settled; the workers are asked to, which
 * settle what they sent; then the client, which waits for its last answers; then the collector,
 * which writes what it has. */
static bool run_to_the_end(struct demo *demo)
{
    struct process *collect = &demo->pipeline.stages[PIPELINE_COLLECT];
    unsigned last_worker = demo->pipeline.stage_count - 1;
    while (!process_shows(collect, "complete")) {
        if (!tick(demo))
            return false;
        run_plan(demo);
        run_poison(demo);
    }
    return wait_ended(demo, PIPELINE_WALK, PIPELINE_WALK, false) &&
           wait_ended(demo, PIPELINE_WORKER, last_worker, true) &&
           wait_ended(demo, PIPELINE_ASK, PIPELINE_ASK, true) &&
           wait_ended(demo, PIPELINE_COLLECT, PIPELINE_COLLECT, true);
}

/* Gives a process some time to write down what it has. */
static void wait_written(struct process *process, unsigned ms)
{
    char ignored[256];
    for (unsigned i = 0; i < ms / 10 && !process->ended; i++) {
        process_ask(process);
        if (!process_check(process, ignored, sizeof(ignored)))
            break; /* it did, and ended with its status for that */
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

/* The job was given up: see how far it came. */
static void give_up(struct demo *demo)
{
    struct process *ask = &demo->pipeline.stages[PIPELINE_ASK];
    screen_close();
    printf("\ngiven up: %s\n", demo->problem);
    if (th_stop)
        return;
    pipeline_print_state(&demo->pipeline);
    wait_written(ask, 2000);
    process_insist(ask); /* it does not get all of its answers */
    wait_written(ask, 2000);
    wait_written(&demo->pipeline.stages[PIPELINE_COLLECT], 5000);
}

bool demo_run(struct demo *demo)
{
    const struct pipeline_options options = {
        .programs = demo->programs,
        .root = demo->root,
        .paths = demo->paths,
        .poison = demo->poison.path,
        .workers = demo->workers,
        .failover = demo->failover,
        .files = demo->before.count,
        .bytes = demo->bytes,
    };
    scratch_round(++demo->rounds);
    demo->moved_ms = th_now_ms();
    poison_begin(&demo->poison);
    pipeline_start(&demo->pipeline, &options);
    bool good = run_to_the_end(demo);
    screen_close();
    if (!good)
        give_up(demo);
    return good;
}
