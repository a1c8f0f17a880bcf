/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_VERB_H
#define LAB_VERB_H

/* What can be done to processes, links and disks. `order` is one of them with its arguments, as in
 * `delay sender-worker 50ms..200ms for 2s`. Times that are given as a span are drawn anew each time
 * the order is carried out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lab_target { LAB_ON_PROCESS, LAB_ON_LINK };

/* After the target. */
enum lab_argument {
    LAB_TAKES_NONE,
    LAB_TAKES_ERRNO, /* ENOSPC */
    LAB_TAKES_SPAN,  /* 10ms..200ms, or one time */
    LAB_TAKES_SHIFT, /* +10y, -1ms */
    LAB_TAKES_COUNT, /* 64 */
    LAB_TAKES_SIZE,  /* 64k, 10M: times 1024 */
    LAB_TAKES_WAY,   /* forward, back; both ways without */
};

/* What `for` means to an order. */
enum lab_length {
    LAB_INSTANT, /* nothing: it is refused */
    LAB_EITHER,  /* until what it did is undone: a process started again, connections let in */
    LAB_LASTS,   /* how long it goes on; without `for` until the end of the faults */
};

/*  name, on what, its argument, what it does */
#define LAB_VERBS(X)                                                                             \
    X(kill, PROCESS, NONE, "kill -9; with `for`, started again after that time")                 \
    X(term, PROCESS, NONE, "SIGTERM, as a polite end; with `for`, started again")                \
    X(stop, PROCESS, NONE, "SIGSTOP for that time, then SIGCONT: a freeze, a suspended machine") \
    X(start, PROCESS, NONE, "starts it, if it does not run")                                     \
    X(power_cut, PROCESS, NONE, "kill -9, and the disk keeps what was synced and a random, "     \
                                "legal part of the rest; then started again")                    \
    X(fill, PROCESS, NONE, "its tmpfs is full for that time")                                    \
    X(fail_writes, PROCESS, ERRNO, "writes below its directory fail")                            \
    X(short_writes, PROCESS, NONE, "writes below its directory write half")                      \
    X(fail_syncs, PROCESS, ERRNO, "syncs below its directory fail")                              \
    X(slow_syncs, PROCESS, SPAN, "each sync takes that long")                                    \
    X(hang_syncs, PROCESS, NONE, "no sync returns before that time is over")                     \
    X(lie_syncs, PROCESS, NONE, "syncs report success and do nothing")                           \
    X(fail_opens, PROCESS, ERRNO, "opens and renames below its directory fail")                  \
    X(clock, PROCESS, SHIFT, "its wall clock jumps by that")                                     \
    X(save, PROCESS, NONE, "a copy of its directory is kept")                                    \
    X(restore, PROCESS, NONE, "kill -9, the kept copy put back, started again")                  \
    X(lose_disk, PROCESS, NONE, "kill -9, its directory emptied, started again")                 \
    X(limit_files, PROCESS, COUNT, "the number of its file descriptors is limited to that")      \
    X(limit_memory, PROCESS, SIZE, "its address space is limited to that")                       \
    X(cut, LINK, NONE, "connections are closed; with `for`, none is let in that long")           \
    X(reset, LINK, NONE, "connections are reset (RST)")                                          \
    X(hold, LINK, WAY, "bytes stay on the way for that time, both ways or `forward`, `back`; "   \
                       "connections stay")                                                       \
    X(drop, LINK, WAY, "the other end has vanished: bytes are thrown away, connections stay "    \
                       "and are reset afterwards")                                               \
    X(delay, LINK, SPAN, "each piece is that late")                                              \
    X(throttle, LINK, SIZE, "so many bytes a second")                                            \
    X(cut_at, LINK, SIZE, "connections are cut after that many further bytes")                   \
    X(flip, LINK, SIZE, "a bit is flipped after that many further bytes")                        \
    X(replay, LINK, NONE, "what the last connection carried is sent to the server once more, "   \
                          "on a connection of its own")                                          \
    X(refuse, LINK, NONE, "connects are refused for that time, others stay")

enum lab_verb {
#define X(name, target, argument, about) LAB_##name,
    LAB_VERBS(X)
#undef X
    LAB_VERB_COUNT
};

enum lab_way { LAB_BOTH_WAYS, LAB_FORWARD, LAB_BACK }; /* forward: from who dialled */

struct lab_span {
    uint64_t low_us, high_us;
};

#define LAB_WHOM_MAX 64

struct lab_order {
    enum lab_verb verb;
    size_t whom[LAB_WHOM_MAX]; /* processes or links: one of them is drawn if there are several */
    size_t whom_count;
    struct lab_span lasts;     /* `for`; 0: once, or until the end of the faults */
    struct lab_span span;      /* slow_syncs, delay */
    enum lab_way way;
    int error;                 /* errno */
    int64_t shift_us;          /* clock */
    uint64_t amount;           /* bytes, bytes a second, files */
};

const char *lab_verb_name(enum lab_verb verb); /* with dashes: "power-cut" */
int lab_verb_find(const char *name);           /* the same name; -1: there is none */
const char *lab_verb_about(enum lab_verb verb);
enum lab_target lab_verb_target(enum lab_verb verb);
enum lab_argument lab_verb_argument(enum lab_verb verb);
enum lab_length lab_verb_length(enum lab_verb verb);
bool lab_verb_needs_shim(enum lab_verb verb);
bool lab_verb_needs_tmpfs(enum lab_verb verb);

#endif
