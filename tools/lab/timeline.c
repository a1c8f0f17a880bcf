/* SPDX-License-Identifier: MPL-2.0 */
/* Two growing arrays: events, and ticks for each lane. */

#include "timeline.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int lab_timeline_init(struct lab_timeline *timeline, size_t processes)
{
    *timeline = (struct lab_timeline){.tick_us = LAB_TICK_US, .lane_count = processes};
    timeline->lanes = calloc(processes ? processes : 1, sizeof *timeline->lanes);
    return timeline->lanes ? 0 : -1;
}

void lab_timeline_clear(struct lab_timeline *timeline)
{
    for (size_t i = 0; i < timeline->count; i++)
        free(timeline->events[i].text);
    free(timeline->events);
    for (size_t i = 0; timeline->lanes && i < timeline->lane_count; i++)
        free(timeline->lanes[i].ticks);
    free(timeline->lanes);
    *timeline = (struct lab_timeline){0};
}

/* Makes room for `count` elements of `size` bytes, in steps that double; false: there is none. */
static bool reserve(void **elements, size_t *capacity, size_t count, size_t size)
{
    size_t wanted = *capacity ? *capacity : 64;

    if (count <= *capacity)
        return true;
    while (wanted < count)
        wanted *= 2;
    void *more = realloc(*elements, wanted * size);
    if (!more)
        return false;
    *elements = more;
    *capacity = wanted;
    return true;
}

/* --- events --- */

static size_t keep(struct lab_timeline *timeline, const struct lab_event *event)
{
    if (timeline->count == LAB_EVENTS_MAX || !event->text ||
        !reserve((void **)&timeline->events, &timeline->capacity, timeline->count + 1,
                 sizeof *timeline->events))
        return SIZE_MAX;
    timeline->events[timeline->count] = *event;
    return timeline->count++;
}

size_t lab_timeline_add(struct lab_timeline *timeline, uint64_t at_us, enum lab_event_kind kind,
                        int lane, int link, const char *format, ...)
{
    struct lab_event event = {.at_us = at_us, .kind = kind, .lane = lane, .link = link};
    va_list arguments;

    if (timeline->count > 0 && at_us < timeline->events[timeline->count - 1].at_us)
        event.at_us = timeline->events[timeline->count - 1].at_us;
    va_start(arguments, format);
    if (vasprintf(&event.text, format, arguments) < 0)
        event.text = NULL;
    va_end(arguments);
    if (timeline->shown && event.text)
        timeline->shown(timeline->context, &event);
    size_t index = keep(timeline, &event);
    if (index == SIZE_MAX) {
        free(event.text);
        timeline->dropped++;
    }
    return index;
}

void lab_timeline_lasts(struct lab_timeline *timeline, size_t event)
{
    if (event < timeline->count)
        timeline->events[event].lasts_us = UINT64_MAX;
}

void lab_timeline_over(struct lab_timeline *timeline, size_t event, uint64_t at_us)
{
    if (event >= timeline->count)
        return;
    struct lab_event *over = &timeline->events[event];
    over->lasts_us = at_us > over->at_us ? at_us - over->at_us : 0;
}

/* --- ticks --- */

static void add_tick(struct lab_tick *to, const struct lab_tick *from)
{
    for (size_t i = 0; i < LAB_COUNTS; i++)
        to->counts[i] += from->counts[i];
}

/* Two ticks become one, in all lanes. */
static void coarsen(struct lab_timeline *timeline)
{
    for (size_t i = 0; i < timeline->lane_count; i++) {
        struct lab_lane *lane = &timeline->lanes[i];

        for (size_t j = 0; j < lane->count; j++) {
            struct lab_tick tick = lane->ticks[j];

            if (j % 2 == 0)
                lane->ticks[j / 2] = tick;
            else
                add_tick(&lane->ticks[j / 2], &tick);
        }
        lane->count = (lane->count + 1) / 2;
    }
    timeline->tick_us *= 2;
}

void lab_timeline_count(struct lab_timeline *timeline, uint64_t at_us, int lane,
                        enum lab_count count, uint64_t by)
{
    if (lane < 0 || (size_t)lane >= timeline->lane_count)
        return;
    while (at_us / timeline->tick_us >= LAB_TICKS_MAX)
        coarsen(timeline);

    struct lab_lane *to = &timeline->lanes[lane];
    size_t tick = (size_t)(at_us / timeline->tick_us);

    if (tick >= to->count) {
        if (!reserve((void **)&to->ticks, &to->capacity, tick + 1, sizeof *to->ticks))
            return;
        memset(&to->ticks[to->count], 0, (tick + 1 - to->count) * sizeof *to->ticks);
        to->count = tick + 1;
    }
    to->ticks[tick].counts[count] += (uint32_t)by;
}
