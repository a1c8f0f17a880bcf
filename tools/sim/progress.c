/* SPDX-License-Identifier: MPL-2.0 */

/* The line of progress.h. */

#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS 100
#define WIDTH    24

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void sim_progress_begin(struct sim_progress *progress, uint64_t seeds)
{
    *progress = (struct sim_progress){
        .on = isatty(STDERR_FILENO), .seeds = seeds, .began_ms = now_ms()};
}

static void bar(char *text, uint64_t done, uint64_t all)
{
    uint64_t full = all ? done * WIDTH / all : WIDTH;

    memset(text, ' ', WIDTH);
    memset(text, '=', full);
    if (full < WIDTH)
        text[full] = '>';
    text[WIDTH] = '\0';
}

static void time_left(char *text, size_t size, uint64_t ms)
{
    uint64_t seconds = (ms + 999) / 1000;

    if (seconds < 120)
        snprintf(text, size, "%" PRIu64 " s", seconds);
    else
        snprintf(text, size, "%" PRIu64 " min", (seconds + 59) / 60);
}

void sim_progress_show(struct sim_progress *progress, uint64_t done, uint64_t violations)
{
    uint64_t now = now_ms(), spent = now - progress->began_ms;
    char picture[WIDTH + 1], left[32] = "?";

    if (!progress->on || now - progress->shown_ms < PAUSE_MS)
        return;
    progress->shown_ms = now;
    bar(picture, done, progress->seeds);
    if (done)
        time_left(left, sizeof left, spent * (progress->seeds - done) / done);
    fprintf(stderr, "\r\033[K[%s] %" PRIu64 "/%" PRIu64 " seeds, ", picture, done,
            progress->seeds);
    if (violations)
        fprintf(stderr, "%" PRIu64 " violations", violations);
    else
        fputs("no violation", stderr);
    fprintf(stderr, ", %" PRIu64 "/s, %s left", spent ? done * 1000 / spent : 0, left);
    fflush(stderr);
}

void sim_progress_clear(struct sim_progress *progress)
{
    if (!progress->on)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->shown_ms = 0;
}

double sim_progress_seconds(const struct sim_progress *progress)
{
    return (double)(now_ms() - progress->began_ms) / 1000;
}
