/* SPDX-License-Identifier: MPL-2.0 */
/* Which programs run with which options, and what can be done to them. */

#include "demo_pipeline.h"
#include "program.h"
#include "demo_scratch.h"
#include "demo_screen.h"
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define CUT_WAIT_MS 2000

/* How long a killed worker stays away for failover: until it is missed, then until its files go to
 * others, and a little. */
#define AWAY_MS (3 * 250 + PIPELINE_FAILOVER_MS + 300)

enum { WALK_PORT, COLLECT_PORT, TO_WALK_PORT, TO_COLLECT_PORT, PORTS };

static uint64_t between(uint64_t least, uint64_t value, uint64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* A small tree gets small transactions and a short lead, so that all stages are at work at once as
 * they are with a large one. */
static void limit_walker(struct process *walk, uint64_t files, uint64_t bytes)
{
    uint64_t batch_files = between(2, files / 128, 64);
    uint64_t batch_bytes = between(16 * 1024, bytes / 128, 256 * 1024);
    process_argument(walk, "--batch-files=%llu", (unsigned long long)batch_files);
    process_argument(walk, "--batch-bytes=%llu", (unsigned long long)batch_bytes);
    process_argument(walk, "--ahead-messages=%llu",
                     (unsigned long long)between(4 * batch_files, files / 8, 4096));
    process_argument(walk, "--ahead-bytes=%llu",
                     (unsigned long long)between(2 << 20, bytes / 8, 16 << 20));
}

static void describe_ends(struct pipeline *pipeline, const struct pipeline_options *options,
                          const uint16_t *ports)
{
    char path[SCRATCH_PATH];
    struct process *walk = &pipeline->stages[PIPELINE_WALK];
    struct process *collect = &pipeline->stages[PIPELINE_COLLECT];
    process_make(walk, "walk", options->programs, "treehash-walk");
    process_make(collect, "collect", options->programs, "treehash-collect");
    process_argument(walk, "--bind=tcp://127.0.0.1:%u", ports[WALK_PORT]);
    process_argument(collect, "--bind=tcp://127.0.0.1:%u", ports[COLLECT_PORT]);
    process_argument(walk, "--root=%s", options->root);
    for (unsigned i = 0; i < pipeline->workers; i++)
        process_argument(walk, "--worker=w%u", i + 1);
    process_argument(walk, "--max-attempts=%u", PIPELINE_ATTEMPTS);
    if (options->failover)
        process_argument(walk, "--failover-ms=%u", PIPELINE_FAILOVER_MS);
    scratch_path(path, "dead");
    process_argument(walk, "--dead-letters=%s", path);
    scratch_path(path, "manifest");
    process_argument(collect, "--manifest=%s", path);
    scratch_path(path, "counts");
    process_argument(collect, "--counts=%s", path);
    process_argument(collect, "--linger-ms=600000"); /* the demo says when it may end */
}

static void describe_client(struct pipeline *pipeline, const struct pipeline_options *options,
                            const uint16_t *ports)
{
    char path[SCRATCH_PATH];
    struct process *ask = &pipeline->stages[PIPELINE_ASK];
    process_make(ask, "ask", options->programs, "treehash-ask");
    process_argument(ask, "--connect=tcp://127.0.0.1:%u", ports[TO_COLLECT_PORT]);
    process_argument(ask, "--paths=%s", options->paths);
    scratch_path(path, "answers");
    process_argument(ask, "--answers=%s", path);
}

static void describe_workers(struct pipeline *pipeline, const struct pipeline_options *options,
                             const uint16_t *ports)
{
    for (unsigned i = 0; i < pipeline->workers; i++) {
        char name[16];
        snprintf(name, sizeof(name), "w%u", i + 1);
        struct process *worker = &pipeline->stages[PIPELINE_WORKER + i];
        process_make(worker, name, options->programs, "treehash-hash");
        process_argument(worker, "--connect=tcp://127.0.0.1:%u", ports[TO_WALK_PORT]);
        process_argument(worker, "--connect=tcp://127.0.0.1:%u", ports[TO_COLLECT_PORT]);
        if (options->poison)
            process_break(worker, "--poison", options->poison);
    }
}

static void describe(struct pipeline *pipeline, const struct pipeline_options *options)
{
    uint16_t ports[PORTS];
    scratch_ports(ports, PORTS);
    describe_ends(pipeline, options, ports);
    describe_client(pipeline, options, ports);
    describe_workers(pipeline, options, ports);
    for (unsigned i = 0; i < pipeline->stage_count; i++) {
        char path[SCRATCH_PATH];
        struct process *stage = &pipeline->stages[i];
        scratch_path(path, "store/%s", stage->name);
        process_argument(stage, "--name=%s", stage->name);
        process_argument(stage, "--store=%s", path);
    }
    process_make(&pipeline->relay, "relay", options->programs, "treehash-relay");
    process_argument(&pipeline->relay, "%u:%u", ports[TO_WALK_PORT], ports[WALK_PORT]);
    process_argument(&pipeline->relay, "%u:%u", ports[TO_COLLECT_PORT], ports[COLLECT_PORT]);
}

void pipeline_start(struct pipeline *pipeline, const struct pipeline_options *options)
{
    *pipeline = (struct pipeline){.workers = options->workers,
                                  .failover = options->failover,
                                  .stage_count = PIPELINE_WORKER + options->workers};
    describe(pipeline, options);
    limit_walker(&pipeline->stages[PIPELINE_WALK], options->files, options->bytes);
    process_start(&pipeline->relay);
    for (unsigned i = 0; i < pipeline->stage_count; i++)
        process_start(&pipeline->stages[i]);
}

void pipeline_repair(struct pipeline *pipeline)
{
    for (unsigned i = 0; i < pipeline->workers; i++)
        process_repair(&pipeline->stages[PIPELINE_WORKER + i]);
}

bool pipeline_repaired(const struct pipeline *pipeline)
{
    bool all = true;
    for (unsigned i = 0; i < pipeline->workers; i++)
        all &= process_repaired(&pipeline->stages[PIPELINE_WORKER + i]);
    return all;
}

/* Two for each worker, one for the client. */
static unsigned links(const struct pipeline *pipeline)
{
    return 2 * pipeline->workers + 1;
}

/* SIGUSR1 makes the relay cut; it counts on its board. */
static bool cut(struct pipeline *pipeline)
{
    struct process *relay = &pipeline->relay;
    uint64_t cuts = process_shows(relay, "cuts");
    uint64_t connections = process_shows(relay, "connections_cut");
    if (process_shows(relay, "connections_now") < links(pipeline))
        return false; /* not every link is up at the moment */
    kill(relay->pid, SIGUSR1);
    for (int i = 0; i < CUT_WAIT_MS && process_shows(relay, "cuts") == cuts; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    connections = process_shows(relay, "connections_cut") - connections;
    if (connections < links(pipeline))
        return false; /* one went by itself just before */
    screen_line("cut %llu connections", (unsigned long long)connections);
    return true;
}

bool pipeline_hit(struct pipeline *pipeline, struct plan *plan, const struct plan_event *event)
{
    if (process_shows(&pipeline->stages[PIPELINE_COLLECT], "complete"))
        return false;
    if (event->target == PLAN_CUT)
        return cut(pipeline);
    struct process *process = &pipeline->stages[event->target];
    uint64_t pause = plan_pause_ms(plan);
    if (pipeline->failover && event->target >= PIPELINE_WORKER)
        pause += AWAY_MS;
    if (!process_running(process) || !process_kill(process, th_now_ms() + pause))
        return false;
    screen_line("kill -9 %s", process->name);
    return true;
}

bool pipeline_check(struct pipeline *pipeline, char *problem, size_t size)
{
    for (unsigned i = 0; i < pipeline->stage_count; i++) {
        if (!process_check(&pipeline->stages[i], problem, size))
            return false;
    }
    return process_check(&pipeline->relay, problem, size);
}

uint64_t pipeline_motion(struct pipeline *pipeline)
{
    uint64_t motion = 0;
    for (unsigned i = 0; i < pipeline->stage_count; i++) {
        /* Starts outweigh what a worker's board loses with each. */
        if (i == PIPELINE_ASK)
            continue; /* that one can always go on */
        motion += (uint64_t)pipeline->stages[i].starts << 32 | pipeline->stages[i].ended;
        motion += process_shows(&pipeline->stages[i], "messages");
    }
    return motion;
}

uint64_t pipeline_sum(const struct pipeline *pipeline, const char *name)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < pipeline->stage_count; i++)
        sum += process_sum(&pipeline->stages[i], name);
    return sum;
}

static void print_state(struct process *process)
{
    printf("%-8s %s, links up %llu, in the outbox %llu, in hand %llu\n", process->name,
           process->pid ? "runs" : process->ended ? "ended well" : "does not run",
           (unsigned long long)process_shows(process, "godwit.links_now"),
           (unsigned long long)process_shows(process, "godwit.outbox_messages_now"),
           (unsigned long long)process_shows(process, "godwit.in_hand_now"));
}

void pipeline_print_state(struct pipeline *pipeline)
{
    for (unsigned i = 0; i < pipeline->stage_count; i++)
        process_print_log(&pipeline->stages[i]);
    process_print_log(&pipeline->relay);
    for (unsigned i = 0; i < pipeline->stage_count; i++)
        print_state(&pipeline->stages[i]);
}

void pipeline_destroy(struct pipeline *pipeline)
{
    for (unsigned i = 0; i < pipeline->stage_count; i++)
        process_clear(&pipeline->stages[i]);
    process_clear(&pipeline->relay);
}
