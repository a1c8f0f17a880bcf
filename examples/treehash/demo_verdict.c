/* SPDX-License-Identifier: MPL-2.0 */
/* What came of it: the table, the failures, the verdict. */

#include "program.h"
#include "demo.h"
#include "demo_scratch.h"
#include "demo_screen.h"
#include <stdio.h>

static const char *durability(const struct pipeline *pipeline)
{
    static const char *const levels[] = {"memory", "os", "fsync"}; /* the weakest counts */
    char name[32];
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "durability.%s", levels[i]);
        if (pipeline_sum(pipeline, name))
            return levels[i];
    }
    return "unknown";
}

void demo_account(struct demo *demo)
{
    struct pipeline *pipeline = &demo->pipeline;
    char manifest[SCRATCH_PATH], counts[SCRATCH_PATH], answers[SCRATCH_PATH];
    scratch_path(manifest, "manifest");
    scratch_path(counts, "counts");
    scratch_path(answers, "answers");
    demo->check.answers = answers;
    demo->check.manifest = manifest;
    demo->check.counts = counts;
    check_run(&demo->check);

    demo->messages += process_shows(&pipeline->stages[PIPELINE_WALK], "messages") +
                      process_shows(&pipeline->stages[PIPELINE_COLLECT], "messages");
    demo->connections_cut += process_sum(&pipeline->relay, "connections_cut");
    demo->resent += pipeline_sum(pipeline, "godwit.resent");
    demo->duplicates_dropped += pipeline_sum(pipeline, "godwit.duplicates_dropped");
    demo->rerun += pipeline_sum(pipeline, "rerun");
    demo->maybe_again += pipeline_sum(pipeline, "maybe_again");
    demo->collected_again += pipeline_sum(pipeline, "collected_again");
    poison_end(&demo->poison, pipeline);
    demo->durability = durability(pipeline);
}

static void row(const char *name, uint64_t value, const char *about)
{
    char text[32];
    printf("  %-20s %15s  %s\n", name, screen_number(text, value), about);
}

static unsigned kills(const struct demo *demo, unsigned (*count)(const struct plan *, int))
{
    unsigned sum = 0;
    for (unsigned i = 0; i < PIPELINE_WORKER + demo->workers; i++)
        sum += count(&demo->plan, (int)i);
    return sum;
}

static void print_requests(const struct demo *demo)
{
    char about[128], known[32];
    snprintf(about, sizeof(about), "answered: %s by a digest, the others by \"not yet\"",
             screen_number(known, demo->check.ask_known));
    row("requests", demo->check.asked, about);
    if (demo->collected_again)
        row("collected again", demo->collected_again, "replies, by a client killed with them");
}

static void print_poison(const struct poison *poison)
{
    if (poison->path)
        row("crashes", poison->crashes, "of workers, on the poison file");
    row("dead letters", poison->found + poison->others, poison->found ? poison->path : "given up");
    if (poison->found)
        printf("  %-20s %15s  %s, %u attempts; sent again after the repair\n", "", "", poison->why,
               poison->attempts);
}

static void print_failover(const struct demo *demo)
{
    row("moved", demo->maybe_again, "files given to a second worker, flagged");
    row("results twice", demo->check.again, "of these: the collector took one of each");
}

static void print_table(struct demo *demo)
{
    const struct check *check = &demo->check;
    char about[128];
    printf("\n");
    row("files", check->files, demo->rounds > 1 ? "in the manifests" : "in the manifest");
    row("bytes", check->bytes, "digested");
    row("messages", demo->messages, "sent by walk, received by collect");
    print_requests(demo);
    snprintf(about, sizeof(about), "of %u planned: %u of each of %u processes",
             kills(demo, plan_planned), demo->kills, PIPELINE_WORKER + demo->workers);
    row("kills", kills(demo, plan_happened), about);
    snprintf(about, sizeof(about), "of %u planned: %llu connections",
             plan_planned(&demo->plan, PLAN_CUT), (unsigned long long)demo->connections_cut);
    row("cuts", plan_happened(&demo->plan, PLAN_CUT), about);
    row("resent", demo->resent, "messages sent again");
    row("duplicates dropped", demo->duplicates_dropped, "came again, decided or in hand already");
    row("re-run", demo->rerun, "given to a handler again, undecided before");
    print_poison(&demo->poison);
    if (demo->failover)
        print_failover(demo);
    if (check->unread || check->changed)
        row("listed above", check->unread + check->changed, "unreadable or changed");
    if (demo->rounds > 1)
        row("rounds", demo->rounds, "the tree was done before the plan was");
    printf("  %-20s %13.1f s\n", "time", (double)(th_now_ms() - demo->started_ms) / 1000);
    printf("  %-20s %15s  of every process\n", "durability", demo->durability);
}

static unsigned failed(uint64_t count, const char *what)
{
    if (count)
        printf("FAILED: %llu %s\n", (unsigned long long)count, what);
    return count != 0;
}

/* With failover another worker may have begun while the crash of the one before was not yet told:
 * each may have one attempt more under way, and all that failed are counted. */
static bool poison_given_up(const struct demo *demo)
{
    const struct poison *poison = &demo->poison;
    unsigned most = PIPELINE_ATTEMPTS + (demo->failover ? demo->workers - 1 : 0);
    return poison->found == demo->rounds && poison->attempts >= PIPELINE_ATTEMPTS &&
           poison->attempts <= most;
}

int demo_verdict(struct demo *demo)
{
    const struct check *check = &demo->check;
    print_table(demo);
    unsigned failures = failed(check->wrong, "digests are wrong");
    failures += failed(check->invented, "paths were never there");
    failures += failed(check->ask_wrong, "answers are wrong");
    failures += failed(demo->poison.others, "dead letters without cause");
    if (demo->poison.path && !poison_given_up(demo))
        failures++, printf("FAILED: the poison file was not given up after %u attempts\n",
                           PIPELINE_ATTEMPTS);
    if (!demo->failover)
        failures += failed(check->again, "files went to a second worker");
    failures += failed(demo->plan.count - demo->plan.done,
                       "planned kills or cuts did not hit a running job");
    if (!check->ran)
        failures++, printf("FAILED: find(1) or sha256sum(1) could not be run\n");
    if (*demo->problem)
        failures++, printf("FAILED: %s\n", demo->problem);
    if (demo->failover && !failures)
        printf("\n%llu files were hashed twice, as failover may; the collected state is right\n",
               (unsigned long long)check->again);
    uint64_t lost = check->lost + check->ask_lost;
    uint64_t repeated = check->repeated + check->ask_repeated;
    printf("\nlost %llu, repeated %llu\n", (unsigned long long)lost,
           (unsigned long long)repeated);
    return lost || repeated || failures ? 1 : 0;
}
