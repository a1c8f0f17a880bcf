/* SPDX-License-Identifier: MPL-2.0 */
/* Only this file knows whether anybody watches. */

#include "demo_screen.h"
#include "program.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 20 /* the whole line fits 80 columns */
#define REDRAW_MS 100

static bool terminal;
static bool drawn;
static uint64_t started_ms;
static uint64_t drawn_ms;
static uint64_t tenths;

void screen_open(void)
{
    terminal = isatty(STDOUT_FILENO);
    started_ms = th_now_ms();
    drawn_ms = 0;
    tenths = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static void take_bar_away(void)
{
    if (drawn)
        fputs("\r\033[K", stdout);
    drawn = false;
}

const char *screen_number(char text[32], uint64_t number)
{
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    char *to = text;
    for (int i = 0; i < size; i++) {
        if (i && (size - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

static void draw(uint64_t done, uint64_t total, size_t events_done, size_t events)
{
    char a[32], b[32], bar[BAR_WIDTH + 1];
    size_t full = total ? (size_t)(done * BAR_WIDTH / total) : BAR_WIDTH;
    if (full > BAR_WIDTH)
        full = BAR_WIDTH;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', full);
    bar[BAR_WIDTH] = '\0';
    printf("\r\033[K[%s] %s of %s files, %zu/%zu kills and cuts, %.1f s", bar,
           screen_number(a, done), screen_number(b, total), events_done, events,
           (double)(th_now_ms() - started_ms) / 1000);
    fflush(stdout);
    drawn = true;
}

void screen_progress(uint64_t done, uint64_t total, size_t events_done, size_t events)
{
    char a[32], b[32];
    uint64_t now = th_now_ms();
    uint64_t tenth = total ? done * 10 / total : 10;
    if (terminal && now >= drawn_ms + REDRAW_MS) {
        draw(done, total, events_done, events);
        drawn_ms = now;
    }
    if (!terminal && tenth > tenths)
        printf("%3llu%%: %s of %s files after %.1f s\n", (unsigned long long)tenth * 10,
               screen_number(a, done), screen_number(b, total),
               (double)(now - started_ms) / 1000);
    if (tenth > tenths) /* a restarted collector shows less for a moment */
        tenths = tenth;
}

void screen_line(const char *format, ...)
{
    va_list arguments;
    take_bar_away();
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    fputc('\n', stdout);
}

void screen_close(void)
{
    take_bar_away();
    tenths = 0;
    fflush(stdout);
}
