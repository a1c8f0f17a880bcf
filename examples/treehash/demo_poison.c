/* SPDX-License-Identifier: MPL-2.0 */
/* The walker lists its dead letters in a file, and sends them again when it gets SIGUSR1. */

#include "demo_poison.h"
#include "demo_scratch.h"
#include "demo_screen.h"
#include "message.h"
#include "program.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS 50
#define TRIES 1000

static bool is_small_file(const char *root, const char *path)
{
    char whole[2 * SCRATCH_PATH];
    struct stat status;
    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    return lstat(whole, &status) == 0 && S_ISREG(status.st_mode) &&
           status.st_size < TH_PART_SIZE && access(whole, R_OK) == 0;
}

void poison_choose(struct poison *poison, const char *root, const struct check_paths *paths,
                   uint64_t seed)
{
    size_t first = paths->count / 10, span = paths->count / 5 + 1;
    for (int i = 0; i < TRIES && first < paths->count && !poison->path; i++) {
        const char *path = paths->items[first + scratch_random(&seed) % span];
        if (is_small_file(root, path))
            poison->path = path;
    }
}

void poison_begin(struct poison *poison)
{
    poison->seen = poison->requeued = false;
    poison->repaired = !poison->path;
    poison->looked_ms = 0;
}

/* One dead letter: "ATTEMPTS WHY" and the path. */
static void note(struct poison *poison, const char *about, const char *path)
{
    char *why;
    unsigned attempts = (unsigned)strtoul(about, &why, 10);
    if (!poison->path || strcmp(path, poison->path) != 0) {
        check_list(poison->others++, "DEAD LETTER", path, about);
        return;
    }
    if (poison->seen)
        return;
    poison->seen = true;
    poison->found++;
    poison->attempts = attempts;
    snprintf(poison->why, sizeof(poison->why), "%s", why + (*why == ' '));
    screen_line("dead letter: %s, after %u attempts: %s", path, attempts, poison->why);
}

/* Reads the list, and takes it away so that each is noted once. */
static void read_list(struct poison *poison)
{
    char path[SCRATCH_PATH];
    size_t size = 0;
    scratch_path(path, "dead");
    char *text = scratch_read(path, &size);
    remove(path);
    for (char *at = text; text && at < text + size;) {
        char *name = at + strlen(at) + 1;
        if (name >= text + size)
            break;
        note(poison, at, name);
        at = name + strlen(name) + 1;
    }
    free(text);
}

void poison_step(struct poison *poison, struct pipeline *pipeline, bool half)
{
    struct process *walk = &pipeline->stages[PIPELINE_WALK];
    uint64_t now = th_now_ms();
    if (now - poison->looked_ms < LOOK_MS || !process_shows(walk, "dead_letters"))
        return;
    poison->looked_ms = now;
    read_list(poison);
    if (!poison->repaired && poison->seen && (half || process_shows(walk, "only_dead"))) {
        screen_line("the workers start anew, without the bug");
        pipeline_repair(pipeline);
        poison->repaired = true;
    } else if (poison->repaired && pipeline_repaired(pipeline) && process_running(walk)) {
        if (!poison->requeued)
            screen_line("the dead letter is sent again");
        poison->requeued = true;
        kill(walk->pid, SIGUSR1);
    }
}

void poison_end(struct poison *poison, struct pipeline *pipeline)
{
    read_list(poison);
    for (unsigned i = 0; i < pipeline->workers; i++)
        poison->crashes += pipeline->stages[PIPELINE_WORKER + i].crashes;
}
