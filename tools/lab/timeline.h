/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_TIMELINE_H
#define LAB_TIMELINE_H

/* What happened when: faults, starts and ends of processes, and counts of what they did in each
 * tenth of a second. The terminal shows it as it happens (terminal.c), the report afterwards
 * (report.c). Bounded: beyond LAB_EVENTS_MAX events only counts grow, and `dropped` says how many;
 * beyond LAB_TICKS_MAX ticks (an hour) two become one and `tick_us` doubles. One thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_EVENTS_MAX 100000
#define LAB_TICK_US    100000
#define LAB_TICKS_MAX  36000

enum lab_event_kind {
    LAB_EVENT_START,   /* a process runs */
    LAB_EVENT_END,     /* it ended: text says how */
    LAB_EVENT_FAULT,   /* done on purpose; has a length if it lasts */
    LAB_EVENT_HEAL,    /* a lasting fault is over */
    LAB_EVENT_OUTPUT,  /* a line of a process that is not for the ledger */
    LAB_EVENT_NOTE,    /* the lab's own words: all accepted, settling, a promise broken */
};

struct lab_event {
    uint64_t at_us;        /* since the start */
    uint64_t lasts_us;     /* 0: an instant; UINT64_MAX: not over yet */
    enum lab_event_kind kind;
    int lane;              /* process; -1: link or none */
    int link;              /* -1: none */
    char *text;
};

/* Counted per process and tick. */
enum lab_count {
    LAB_COUNT_ACCEPTED,
    LAB_COUNT_BEGAN,
    LAB_COUNT_PROCESSED,
    LAB_COUNT_REDELIVERED, /* began again, or elsewhere: a retry */
    LAB_COUNT_REPEATED,    /* processed again: a broken promise */
    LAB_COUNT_SETTLED,
    LAB_COUNTS
};

struct lab_tick {
    uint32_t counts[LAB_COUNTS];
};

struct lab_lane {
    struct lab_tick *ticks; /* tick i: from i * tick_us on */
    size_t count, capacity;
};

struct lab_timeline {
    struct lab_event *events; /* by time */
    size_t count, capacity;
    uint64_t dropped;
    struct lab_lane *lanes;   /* one for each process */
    size_t lane_count;
    uint64_t tick_us;         /* how long a tick is: LAB_TICK_US times a power of two */
    void (*shown)(void *context, const struct lab_event *event); /* as it is added; may be NULL */
    void *context;
};

/* -1: out of memory. */
int lab_timeline_init(struct lab_timeline *timeline, size_t processes);
void lab_timeline_clear(struct lab_timeline *timeline);
/* Index of the event, or SIZE_MAX if it was dropped (it is shown all the same). What comes late is
 * moved to the time of the event before it, so that an index stays what it was. */
size_t lab_timeline_add(struct lab_timeline *timeline, uint64_t at_us, enum lab_event_kind kind,
                        int lane, int link, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* The event lasts, until lab_timeline_over. SIZE_MAX is accepted by both. */
void lab_timeline_lasts(struct lab_timeline *timeline, size_t event);
void lab_timeline_over(struct lab_timeline *timeline, size_t event, uint64_t at_us);
/* A lane that there is not is ignored, and so is what no memory can be had for: counts are a
 * picture, the verdict has numbers of its own (ledger.h). */
void lab_timeline_count(struct lab_timeline *timeline, uint64_t at_us, int lane,
                        enum lab_count count, uint64_t by);

#endif
