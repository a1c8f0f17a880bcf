/* SPDX-License-Identifier: MPL-2.0 */
/* treehash-demo DIR: runs the pipeline over a tree, kills and cuts, and then checks its promises.
 *
 * Exit status 0 only if nothing was lost, nothing repeated, and every planned kill and cut hit. */

#include "demo.h"
#include "program.h"
#include "demo_scratch.h"
#include "demo_screen.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A tree that is done too quickly for the whole plan is done again; so often at most. */
#define ROUNDS_MAX 30

static const char usage[] =
    "usage: treehash-demo [OPTION ...] DIR\n"
    "  --seed=N           chooses the moments of kills and cuts; default: a random one, printed\n"
    "  --workers=N        1 to 8; default 3\n"
    "  --kills=N          kills of each process (walk, collect, ask, every worker); default 5,\n"
    "                     with --failover 3\n"
    "  --cuts=N           cuts of every link; default 5\n"
    "  --stall-seconds=N  give up after so long without progress; default 60\n"
    "  --limit-seconds=N  give up after so long; default 300\n"
    "  --failover         what a killed worker had goes to others, and it stays away for longer\n"
    "  --keep             leave the temporary directory\n";

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value < least || value > most)
        th_die("'%s' is not a number from %llu to %llu", text, (unsigned long long)least,
               (unsigned long long)most);
    return value;
}

static void read_option(struct demo *demo, int letter)
{
    switch (letter) {
    case 's': demo->seed = number(optarg, 0, UINT64_MAX); break;
    case 'w': demo->workers = (unsigned)number(optarg, 1, PIPELINE_WORKERS); break;
    case 'k': demo->kills = (unsigned)number(optarg, 0, 20); break;
    case 'c': demo->cuts = (unsigned)number(optarg, 0, 50); break;
    case 't': demo->stall_seconds = (unsigned)number(optarg, 1, 3600); break;
    case 'l': demo->limit_seconds = (unsigned)number(optarg, 1, 36000); break;
    case 'f': demo->failover = true; break;
    case 'K': demo->keep = true; break;
    case 'h': fputs(usage, stdout); exit(0);
    default: fputs(usage, stderr); exit(2);
    }
}

static void read_options(struct demo *demo, int argc, char **argv)
{
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},
        {"workers", required_argument, NULL, 'w'},
        {"kills", required_argument, NULL, 'k'},
        {"cuts", required_argument, NULL, 'c'},
        {"stall-seconds", required_argument, NULL, 't'},
        {"limit-seconds", required_argument, NULL, 'l'},
        {"failover", no_argument, NULL, 'f'},
        {"keep", no_argument, NULL, 'K'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *demo = (struct demo){.seed = scratch_seed(), .workers = 3, .kills = UINT_MAX, .cuts = 5,
                          .stall_seconds = 60, .limit_seconds = 300};
    int letter;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1)
        read_option(demo, letter);
    if (demo->kills == UINT_MAX)
        demo->kills = demo->failover ? 3 : 5; /* each takes longer then */
    if (optind != argc - 1)
        read_option(demo, '?');
    demo->root = realpath(argv[optind], NULL);
    if (!demo->root)
        th_die("%s: %m", argv[optind]);
}

/* The other programs lie beside this one. */
static void find_programs(struct demo *demo)
{
    ssize_t size = readlink("/proc/self/exe", demo->programs, sizeof(demo->programs) - 1);
    char *slash = size > 0 ? memrchr(demo->programs, '/', (size_t)size) : NULL;
    if (!slash)
        th_die("/proc/self/exe: %m");
    *slash = '\0';
}

static void measure(struct demo *demo)
{
    int root = open(demo->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat status;
    if (root < 0)
        th_die("%s: %m", demo->root);
    if (!check_find(&demo->before, demo->root, "find.before"))
        th_die("find(1) could not be run");
    scratch_path(demo->paths, "find.before");
    poison_choose(&demo->poison, demo->root, &demo->before, demo->seed);
    for (size_t i = 0; i < demo->before.count; i++) {
        if (fstatat(root, demo->before.items[i], &status, AT_SYMLINK_NOFOLLOW) == 0)
            demo->bytes += (uint64_t)status.st_size;
    }
    close(root);
}

static void announce(const struct demo *demo)
{
    char a[32], b[32];
    printf("%s: %s files, %s bytes, as find(1) sees it\n", demo->root,
           screen_number(a, demo->before.count), screen_number(b, demo->bytes));
    printf("seed %llu: %zu kills and cuts to come\n", (unsigned long long)demo->seed,
           demo->plan.count);
    if (demo->poison.path)
        printf("poison: %s makes a worker crash, each time\n", demo->poison.path);
}

static int run(struct demo *demo)
{
    scratch_round(0);
    measure(demo);
    plan_make(&demo->plan, demo->seed, PIPELINE_WORKER + demo->workers, demo->kills, demo->cuts);
    screen_open();
    announce(demo);
    demo->check.root = demo->root;
    demo->check.before = &demo->before;
    demo->check.started_s = time(NULL);
    demo->started_ms = th_now_ms();
    for (;;) {
        bool good = demo_run(demo);
        if (th_stop)
            return 130;
        demo_account(demo);
        if (!good || demo->plan.done == demo->plan.count || demo->rounds == ROUNDS_MAX)
            return demo_verdict(demo);
        plan_spread(&demo->plan);
        pipeline_destroy(&demo->pipeline);
        screen_line("all files are done and %zu kills and cuts are left: once more",
                    demo->plan.count - demo->plan.done);
    }
}

static struct demo demo;

/* Whatever way the demo ends, nothing of it stays. */
static void clean(void)
{
    screen_close();
    pipeline_destroy(&demo.pipeline);
    check_paths_clear(&demo.before);
    if (!demo.keep)
        scratch_remove();
    free((char *)demo.root);
}

int main(int argc, char **argv)
{
    setenv("LC_ALL", "C", 1); /* for what find and sha256sum say */
    read_options(&demo, argc, argv);
    find_programs(&demo);
    th_catch_stop();
    atexit(clean);
    const char *directory = scratch_make();
    if (demo.keep)
        printf("temporary directory: %s\n", directory);
    return run(&demo);
}
