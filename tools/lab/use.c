/* SPDX-License-Identifier: MPL-2.0 */
/* What the processes use of memory, descriptors and disk. */

#include "run_inside.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVERY_US UINT64_C(1000000)

static uint64_t memory_of(pid_t pid)
{
    char path[64];
    unsigned long long pages = 0;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t files_of(pid_t pid)
{
    char path[64];
    uint64_t count = 0;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

static uint64_t walked; /* nftw() takes no context; the run has one thread */

static int add_file(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)path;
    (void)walk;
    if (type == FTW_F)
        walked += (uint64_t)status->st_blocks * 512;
    return 0;
}

static uint64_t disk_of(const char *directory)
{
    char path[PATH_MAX];

    walked = 0;
    snprintf(path, sizeof path, "%.*s/.", PATH_MAX - 3, directory); /* it may be a link */
    nftw(path, add_file, 16, FTW_PHYS);
    return walked;
}

static void note(uint64_t values[3], bool first, uint64_t value)
{
    if (first)
        values[0] = value;
    values[1] = value;
    if (value > values[2])
        values[2] = value;
}

void lab_use_look(struct lab_running *run)
{
    run->use_us = lab_now_us(run) + EVERY_US;
    for (size_t i = 0; i < run->scenario->process_count; i++) {
        const struct lab_lane_state *lane = &run->lanes[i];
        struct lab_use *use = &run->result->uses[i];
        uint64_t memory = lane->life == LAB_UP ? memory_of(lane->process.pid) : 0;
        if (memory == 0) /* it is about to end */
            continue;
        note(use->memory, !use->seen, memory);
        note(use->files, !use->seen, files_of(lane->process.pid));
        note(use->disk, !use->seen, disk_of(lane->directory));
        use->seen = true;
    }
}
